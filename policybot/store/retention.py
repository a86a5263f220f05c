"""The end of the time of records: which rows a rule reaches, and what it does with them.

Nothing that lies under a legal hold or belongs to an open case is reached by any of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from policybot.domain.retention import Rule
from policybot.store import privacy, register, reviews, standing
from policybot.store.database import Tx, optional_time, to_ms

_SHORT = {
    "HELD": "(SELECT user_id FROM held_accounts)",
    "HELD_PERSONS": "(SELECT person_id FROM holds WHERE ended_at IS NULL AND person_id IS NOT NULL)",
    "OPEN": "('open', 'claimed', 'pending_approval', 'decided')",
    "GONE": "('done', 'dry', 'dropped')",
}
"""Words that stand for lists in the conditions below."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a rule reaches: rows of `table` by `key`, with the time that counts; `$1` is the limit."""

    table: str
    key: str
    since: str
    where: str
    change: str
    """What is set; empty if the rows are deleted."""

    def condition(self, appealable: datetime) -> str:
        """Write the condition with its words out; what was decided since a time can be appealed."""
        words = _SHORT | {"APPEALABLE": str(to_ms(appealable))}
        return re.sub(r"\b[A-Z_]{4,}\b", lambda word: words.get(word[0], word[0]), self.where)


_OVER = (
    "state = 'closed' AND opened_at < $1"
    " AND NOT EXISTS (SELECT 1 FROM case_subjects s WHERE s.case_id = cases.id AND s.user_id IN HELD)"
    " AND NOT EXISTS (SELECT 1 FROM appeals a WHERE a.case_id = cases.id AND a.state = 'submitted')"
    " AND NOT EXISTS (SELECT 1 FROM appeals a WHERE a.case_id = cases.id AND a.appellant IN HELD)"
    " AND NOT EXISTS (SELECT 1 FROM appeals a JOIN appeal_words w ON w.appeal_id = a.id"
    " WHERE a.case_id = cases.id AND w.kind = 'joined' AND w.author IN HELD)"
    " AND NOT EXISTS (SELECT 1 FROM appeals a JOIN evidence_files e ON e.appeal_id = a.id"
    " WHERE a.case_id = cases.id)"
    " AND NOT EXISTS (SELECT 1 FROM reports r WHERE r.case_id = cases.id AND r.reporter IN HELD)"
    " AND NOT EXISTS (SELECT 1 FROM reports r JOIN appeals k ON k.report_id = r.id"
    " WHERE r.case_id = cases.id AND k.state = 'submitted')"
    " AND NOT EXISTS (SELECT 1 FROM reports r JOIN reporter_steps q ON q.report_id = r.id"
    " WHERE r.case_id = cases.id AND q.ended_at IS NULL AND COALESCE(q.until, 0) >= $1)"
    " AND NOT EXISTS (SELECT 1 FROM decisions d LEFT JOIN sanctions s ON s.decision_id = d.id"
    " WHERE d.case_id = cases.id AND (d.decided_at >= $1 OR COALESCE(s.ends_at, 0) >= $1"
    " OR d.state IN ('pending', 'under_appeal') OR d.user_id IN HELD"
    " OR s.state IN ('planned', 'active', 'stayed')))"
)
"""A case that is over, with everything in it, for longer than its time."""

REACHES: dict[str, Reach] = {
    "seen_events": Reach("seen_events", "event_id", "at", "at < $1", ""),
    "dead_events": Reach("dead_events", "event_id", "at", "at < $1 AND sender NOT IN HELD", ""),
    "attempts": Reach(
        "attempts",
        "token_hash",
        "expires_at",
        # What an open try has found is in the vault, and is forgotten first.
        "expires_at < $1 AND (used_at IS NOT NULL OR candidate IS NULL) AND user_id NOT IN HELD"
        # A result may take longer than that to come.
        " AND token_hash NOT IN (SELECT token_hash FROM results)",
        "",
    ),
    "approvals": Reach("approvals", "code", "expires_at", "expires_at < $1 AND state <> 'waiting'", ""),
    "evidence": Reach(
        "copies",
        "event_id",
        "captured_at",
        "captured_at < $1 AND sender NOT IN HELD AND NOT EXISTS (SELECT 1 FROM cases c"
        # Its own cases, those of the message that it is an edit of, those that it was found to join, and
        # those by which it was removed with others.
        " WHERE c.id IN (SELECT o.case_id FROM case_subjects o WHERE o.event_id = copies.event_id"
        " UNION ALL SELECT o.case_id FROM case_subjects o JOIN copies e ON e.event_id = o.event_id"
        " WHERE e.edit_id = copies.event_id"
        " UNION ALL SELECT f.case_id FROM findings f WHERE f.event_id = copies.event_id"
        " UNION ALL SELECT d.case_id FROM removals m JOIN decisions d ON d.id = m.decision_id"
        " WHERE m.event_id = copies.event_id)"
        " AND (c.state IN OPEN"
        " OR EXISTS (SELECT 1 FROM reports r WHERE r.case_id = c.id AND r.reporter IN HELD)"
        " OR EXISTS (SELECT 1 FROM decisions d WHERE d.case_id = c.id"
        " AND (d.state IN ('pending', 'under_appeal') OR (d.state = 'final'"
        " AND COALESCE(d.told_at, d.decided_at) >= APPEALABLE)))))",
        "",
    ),
    "reports": Reach(
        "reports",
        "id",
        "received_at",
        "received_at < $1 AND state = 'resolved' AND subject_key <> '' AND reporter NOT IN HELD"
        " AND NOT EXISTS (SELECT 1 FROM appeals k WHERE k.report_id = reports.id"
        " AND k.state = 'submitted')"
        " AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = reports.case_id AND (c.state IN OPEN"
        " OR c.user_id IN HELD))",
        # Each stays another reporter's: two reports in one case are two.
        "text = '', subject_key = '', reporter = 'gone-' || id, resolved_by = NULL,"
        # That it was a trusted flagger stays, as that it was somebody does.
        " flagger = CASE WHEN flagger IS NOT NULL THEN '' END",
    ),
    "complaints": Reach(
        "appeals",
        "id",
        "submitted_at",
        "submitted_at < $1 AND kind = 'report' AND state <> 'submitted' AND appellant <> ''"
        " AND appellant NOT IN HELD AND NOT EXISTS (SELECT 1 FROM reports r JOIN cases c"
        " ON c.id = r.case_id WHERE r.id = appeals.report_id AND c.state IN OPEN)",
        "appellant = '', text = '', reasons = '', reviewer = NULL",
    ),
    "reporter_steps": Reach(
        "reporter_steps",
        "id",
        "at",
        "at < $1 AND COALESCE(until, 0) < $1 AND account NOT IN HELD AND NOT EXISTS (SELECT 1"
        " FROM appeals k WHERE k.report_id = reporter_steps.report_id AND k.state = 'submitted')",
        "",
    ),
    "decisions": Reach("cases", "id", "opened_at", _OVER, ""),
    "filings": Reach(
        "filings",
        "id",
        "submitted_at",
        "submitted_at < $1 AND COALESCE(valid_until, 0) < $1 AND applicant <> ''"
        " AND state IN ('revoked', 'rejected', 'withdrawn') AND applicant NOT IN HELD"
        " AND NOT EXISTS (SELECT 1 FROM appeals a WHERE a.filing_id = filings.id"
        " AND a.state = 'submitted')",
        "applicant = '', purpose = '', reason = '', reviewer = NULL, about = '{}',"
        " deputy = NULL, organisation_key = ''",
    ),
    "qualifications": Reach(
        "qualifications",
        "id",
        "ended_at",
        "ended_at < $1 AND claimant <> '' AND claimant NOT IN HELD",
        "claimant = '', evidence = '', reason = '', reviewer = NULL",
    ),
    "declarations": Reach("declarations", "event_id", "at", "at < $1 AND user_id NOT IN HELD", ""),
    "findings": Reach(
        "findings",
        "id",
        "at",
        "at < $1 AND user_id NOT IN HELD AND NOT EXISTS (SELECT 1 FROM cases c"
        " WHERE c.id = findings.case_id AND c.state IN OPEN)",
        "",
    ),
    "exposures": Reach(
        "exposures",
        "moderator || ' ' || CAST(day AS TEXT) || ' ' || CAST(case_id AS TEXT)",
        "day",
        "day < $1 AND moderator NOT IN HELD",
        "",
    ),
    "newcomers": Reach(
        "newcomers",
        "room_id || ' ' || user_id",
        "entered_at",
        "entered_at < $1 AND user_id NOT IN HELD",
        "",
    ),
    "refusals": Reach(
        "refusals",
        "CAST(hour AS TEXT) || ' ' || code || ' ' || rule_id || ' ' || room_id || ' ' || user_id",
        "last_at",
        "last_at < $1 AND user_id NOT IN HELD",
        "",
    ),
    "gate_modules": Reach("gate_modules", "instance", "seen_at", "seen_at < $1", ""),
    "notices": Reach(
        "outbox",
        "id",
        "queued_at",
        "queued_at < $1 AND state <> 'waiting' AND state IN GONE AND kind IN ('Say', 'Notify')"
        " AND data <> '{}' AND lane NOT IN HELD",
        "data = '{}'",
    ),
    "effects": Reach(
        "outbox",
        "id",
        "queued_at",
        # That a message was put back is remembered: it happens once.
        "queued_at < $1 AND state <> 'waiting' AND kind <> 'Restore' AND lane NOT IN HELD",
        "",
    ),
    "persons": Reach(
        "persons",
        "id",
        "(SELECT MAX(l.ended_at) FROM links l WHERE l.person_id = persons.id)",
        "erased_at IS NULL AND created_at < $1 AND id NOT IN HELD_PERSONS"
        " AND NOT EXISTS (SELECT 1 FROM erasures e WHERE e.person_id = persons.id)"
        " AND NOT EXISTS (SELECT 1 FROM links l WHERE l.person_id = persons.id"
        " AND (l.ended_at IS NULL OR l.ended_at >= $1))",
        "",
    ),
    "links": Reach(
        "links",
        "id",
        "ended_at",
        # The last one of a person who is known stays: by it they can still be found, and forgotten.
        "ended_at < $1 AND user_id NOT IN HELD AND EXISTS (SELECT 1 FROM persons p"
        " WHERE p.id = links.person_id AND (p.erased_at IS NOT NULL OR EXISTS (SELECT 1 FROM links o"
        " WHERE o.person_id = p.id AND o.id > links.id)))",
        "",
    ),
    "verifications": Reach(
        "verifications",
        "id",
        "ended_at",
        "ended_at < $1 AND person_id NOT IN HELD_PERSONS",
        "",
    ),
    "acceptances": Reach(
        "acceptances",
        "agreement_hash || ' ' || person_id || ' ' || user_id",
        "at",
        "at < $1 AND user_id NOT IN (SELECT user_id FROM links) AND user_id NOT IN HELD",
        "",
    ),
    "languages": Reach(
        "languages",
        "user_id",
        "chosen_at",
        "chosen_at < $1 AND user_id NOT IN HELD AND user_id NOT IN"
        " (SELECT l.user_id FROM links l WHERE l.ended_at IS NULL)",
        "",
    ),
    "documents": Reach(
        "documents",
        "id",
        "decided_at",
        "decided_at < $1 AND candidate IS NULL AND user_id NOT IN HELD",
        "",
    ),
    "lookalikes": Reach(
        "lookalikes",
        "first || ' ' || second || ' ' || at",
        "at",
        "at < $1 AND first NOT IN HELD AND second NOT IN HELD",
        "",
    ),
    "reveals": Reach(
        "reveals",
        "id",
        "requested_at",
        "requested_at < $1 AND state NOT IN ('requested', 'approved') AND user_id NOT IN HELD",
        "",
    ),
    "looks": Reach(
        "looks",
        "id",
        "at",
        "at < $1 AND (told_at IS NOT NULL OR accounts = '[]') AND person_id NOT IN HELD_PERSONS",
        "",
    ),
    "referrals": Reach(
        "referrals",
        "id",
        "COALESCE(handed_over_at, proposed_at)",
        "proposed_at < $1 AND COALESCE(handed_over_at, 0) < $1 AND user_id NOT IN HELD"
        " AND state NOT IN ('proposed', 'approved') AND (due_at IS NULL OR told_at IS NOT NULL)"
        " AND (objected_at IS NULL OR answer IS NOT NULL)"
        # What is to be corrected stays until that is done.
        " AND NOT EXISTS (SELECT 1 FROM referrals c WHERE c.corrects = referrals.id"
        " AND c.state = 'approved')",
        "",
    ),
    "holds": Reach("holds", "id", "ended_at", "ended_at < $1", ""),
    "exports": Reach("exports", "token_hash", "expires_at", "expires_at < $1", ""),
    "erasures": Reach("erasures", "person_id", "done_at", "done_at < $1", ""),
    "unfiled": Reach("unfiled_rooms", "room_id", "seen_at", "seen_at < $1 AND creator NOT IN HELD", ""),
    "list_hits": Reach(
        "policy_list_hits",
        "list_name || ' ' || entity || ' ' || subject",
        "withdrawn_at",
        "withdrawn_at < $1 AND subject NOT IN HELD"
        " AND (case_id IS NULL OR case_id NOT IN (SELECT id FROM cases WHERE state IN OPEN))",
        "",
    ),
    "audit_payloads": Reach(
        "audit_payloads",
        "seq",
        "(SELECT a.at FROM audit a WHERE a.seq = audit_payloads.seq)",
        # The first condition spares a look at everything that is younger.
        "seq <= (SELECT seq FROM audit WHERE at < $1 ORDER BY at DESC LIMIT 1)"
        " AND EXISTS (SELECT 1 FROM audit a WHERE a.seq = audit_payloads.seq AND a.at < $1"
        " AND a.actor NOT IN HELD AND a.object NOT IN HELD"
        " AND a.object NOT IN (SELECT 'C-' || id FROM cases WHERE state IN OPEN))",
        "",
    ),
}
"""What each rule of `domain.retention` reaches."""

_REMEMBERED = {"languages": "account", "newcomers": "entered"}
"""What is in the memory of every process as well, by what the notes of its changes begin with."""


@dataclass(frozen=True, slots=True)
class Due:
    """How much a rule reaches now."""

    rule: Rule
    number: int
    oldest: datetime | None


async def due(tx: Tx, rule: Rule, before: datetime, appealable: datetime) -> Due:
    """Count what a rule reaches; nothing is changed. Decisions since `appealable` can be appealed."""
    reach = REACHES[rule.name]
    row = await tx.first(
        f"SELECT COUNT(*) AS number, MIN({reach.since}) AS oldest FROM {reach.table}"  # noqa: S608 - our own text
        f" WHERE {reach.condition(appealable)}",
        to_ms(before),
    )
    if row is None:
        return Due(rule, 0, None)
    return Due(rule, int(row["number"]), optional_time(row["oldest"]))


async def reached(tx: Tx, rule: Rule, before: datetime, appealable: datetime, limit: int) -> list[str]:
    """Name some of the rows that a rule reaches, by their keys; nothing is changed."""
    reach = REACHES[rule.name]
    rows = await tx.fetch(
        f"SELECT {reach.key} AS key FROM {reach.table} WHERE {reach.condition(appealable)} LIMIT $2",  # noqa: S608 - our own text
        to_ms(before),
        limit,
    )
    return [row["key"] for row in rows]


async def apply(tx: Tx, rule: Rule, before: datetime, now: datetime, limit: int) -> int:
    """Do what a rule says to some of the rows that it reaches; return how many there were.

    Persons are only put down to be forgotten: that waits for what stands in the way.
    """
    reach = REACHES[rule.name]
    some = f"SELECT {reach.key} FROM {reach.table} WHERE {reach.condition(before)} LIMIT $2"  # noqa: S608 - our own text
    if rule.name == "decisions":
        ids = [row["id"] for row in await tx.fetch(some, to_ms(before), limit)]
        await _drop_cases(tx, ids)
        return len(ids)
    if rule.name == "persons":
        ids = [row["id"] for row in await tx.fetch(some, to_ms(before), limit)]
        await privacy.add_idle(tx, ids, now)
        return len(ids)
    change = f"UPDATE {reach.table} SET {reach.change}" if reach.change else f"DELETE FROM {reach.table}"  # noqa: S608 - our own text
    rows = await tx.fetch(
        f"{change} WHERE {reach.key} IN ({some}) RETURNING {reach.key} AS gone",
        to_ms(before),
        limit,
    )
    if (noun := _REMEMBERED.get(rule.name)) is not None:
        for row in rows:
            await standing.changed(tx, f"{noun} {row['gone']}", now)
    if rule.name == "filings":
        gone = [row["gone"] for row in rows]
        await register.forget(tx, gone)
        await reviews.forget(tx, gone)
    await _forget_parties(tx, rule.name, [row["gone"] for row in rows])
    return len(rows)


async def _forget_parties(tx: Tx, rule: str, gone: Sequence[int]) -> None:
    """Forget who had a part in what is forgotten itself; while something is decided they are needed."""
    for sql in _PARTIES.get(rule, ()):
        await tx.many(sql, [(one,) for one in gone])


_REPORTERS = (
    "DELETE FROM appeal_parties WHERE why = 'reporter' AND appeal_id IN (SELECT a.id FROM appeals a"
    " JOIN reports r ON r.case_id = a.case_id WHERE r.id = $1 AND a.state <> 'submitted')"
)
_PARTIES: dict[str, tuple[str, ...]] = {
    "complaints": (
        "DELETE FROM appeal_words WHERE appeal_id = $1",
        "DELETE FROM appeal_parties WHERE appeal_id = $1",
    ),
    "reports": (_REPORTERS,),
    "filings": ("DELETE FROM appeals WHERE filing_id = $1",),
}


async def _drop_cases(tx: Tx, case_ids: Sequence[int]) -> None:
    """Delete cases with everything that is in them, and those that were merged into them."""
    merged = [
        row["id"]
        for case_id in case_ids
        for row in await tx.fetch("SELECT id FROM cases WHERE merged_into = $1", case_id)
    ]
    for sql in (
        "DELETE FROM appeals WHERE case_id = $1",
        "DELETE FROM batch_cases WHERE case_id = $1",
        "DELETE FROM cures WHERE case_id = $1",
        "DELETE FROM quarantines WHERE case_id = $1",
        "DELETE FROM deletions WHERE decision_id IN (SELECT id FROM decisions WHERE case_id = $1)",
        "DELETE FROM observed WHERE target LIKE 'rank % C-' || CAST(CAST($1 AS BIGINT) AS TEXT)",
        "DELETE FROM replacements WHERE decision_id IN (SELECT id FROM decisions WHERE case_id = $1)",
        "DELETE FROM removals WHERE decision_id IN (SELECT id FROM decisions WHERE case_id = $1)",
        "DELETE FROM rechecks WHERE decision_id IN (SELECT id FROM decisions WHERE case_id = $1)",
        "DELETE FROM rechecks WHERE void_id IN (SELECT id FROM decisions WHERE case_id = $1)",
        "DELETE FROM sanction_accounts WHERE decision_id IN"  # noqa: ISC004 - it does not fit in a line
        " (SELECT id FROM decisions WHERE case_id = $1)",
        "DELETE FROM sanctions WHERE decision_id IN (SELECT id FROM decisions WHERE case_id = $1)",
        "DELETE FROM statements WHERE decision_id IN (SELECT id FROM decisions WHERE case_id = $1)",
        "DELETE FROM decisions WHERE case_id = $1",
        "DELETE FROM appeals WHERE report_id IN (SELECT id FROM reports WHERE case_id = $1)",
        "DELETE FROM reporter_steps WHERE report_id IN (SELECT id FROM reports WHERE case_id = $1)",
        "DELETE FROM reports WHERE case_id = $1",
        "DELETE FROM case_notes WHERE case_id = $1",
        "DELETE FROM case_rules WHERE case_id = $1",
        "DELETE FROM case_watchers WHERE case_id = $1",
        "DELETE FROM case_subjects WHERE case_id = $1",
        "UPDATE findings SET case_id = NULL WHERE case_id = $1",
        "DELETE FROM cases WHERE id = $1",
    ):
        await tx.many(sql, [(case_id,) for case_id in (*merged, *case_ids)])
    await tx.execute("DELETE FROM batches WHERE id NOT IN (SELECT batch_id FROM batch_cases)")
