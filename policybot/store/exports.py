"""What is kept about somebody, as rows: by their accounts, and by the person behind them.

Others are left out on purpose: who reported, decided, reviewed or looked is not theirs to take away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from policybot.store.database import Tx, from_ms, to_ms


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of record: what it is, and how its rows are found by `$1`."""

    name: str
    what: str
    sql: str
    at: str = ""
    """When it came about; without it, it is about now."""


OF_ACCOUNT: tuple[Part, ...] = (
    Part(
        "agreements",
        "The agreements that you signed, and when.",
        "SELECT a.version, c.at, c.method FROM acceptances c JOIN agreements a"
        " ON a.hash = c.agreement_hash WHERE c.user_id = $1 ORDER BY c.at",
        "c.at",
    ),
    Part(
        "filings",
        "The rooms that you filed, and what came of it.",
        "SELECT id, record_number, room_id, control, purpose, about, categories, state, submitted_at,"
        " reason, deputy, valid_until FROM filings WHERE applicant = $1 ORDER BY id",
        "submitted_at",
    ),
    Part(
        "questions",
        "What reviewers asked about them, and what you answered.",
        "SELECT q.filing_id, q.kind, q.text, q.at FROM review_words q JOIN filings f"
        " ON f.id = q.filing_id WHERE f.applicant = $1 AND (q.kind = 'question' OR q.author = $1)"
        " ORDER BY q.id",
        "q.at",
    ),
    Part(
        "evidence_files",
        "The files that you showed with your filings and appeals, as long as their pictures are kept.",
        "SELECT p.id, p.filing_id, a.number AS appeal, p.pictures, p.size, p.added_at"
        " FROM evidence_files p LEFT JOIN appeals a ON a.id = p.appeal_id WHERE p.user_id = $1"
        " ORDER BY p.id",
        "added_at",
    ),
    Part(
        "evidence_views",
        "When reviewers opened them.",
        "SELECT a.object, a.at FROM audit a WHERE a.tag = 'evidence:open' AND a.actor <> $1 AND"
        " (a.object IN (SELECT 'F-' || id FROM filings WHERE applicant = $1) OR a.object IN"
        " (SELECT number FROM appeals WHERE appellant = $1)) ORDER BY a.seq",
        "a.at",
    ),
    Part(
        "qualifications",
        "The qualifications that you asked for, and what came of it (the number is Q- and the id).",
        "SELECT id, filing_id, kind, state, evidence, claimed_at, rights, reason, granted_at,"
        " valid_until, ended_at FROM qualifications WHERE claimant = $1 ORDER BY id",
    ),
    Part(
        "declarations",
        "The posts of which you said what they are about.",
        "SELECT event_id, room_id, kind, at FROM declarations WHERE user_id = $1 ORDER BY at",
    ),
    Part(
        "findings",
        "The messages of yours in which a rule found something by machine, and what followed (C- and the"
        " case).",
        "SELECT event_id, rule_id, room_id, rule_set, spans, outcome, case_id, at FROM findings"
        " WHERE user_id = $1 ORDER BY id",
    ),
    Part(
        "newcomers",
        "The rooms that you were seen to enter.",
        "SELECT room_id, entered_at, posted FROM newcomers WHERE user_id = $1 ORDER BY room_id",
        "entered_at",
    ),
    Part(
        "refusals",
        "How often something of yours was refused before it was accepted, and why.",
        "SELECT hour, code, rule_id, room_id, number, last_at FROM refusals WHERE user_id = $1"
        " ORDER BY hour, code, rule_id, room_id",
        "last_at",
    ),
    Part(
        "handovers",
        "Rooms that you are asked to answer for, or that you want to hand over.",
        "SELECT filing_id, asked_at FROM transfers WHERE (asker = $1 OR to_user = $1) ORDER BY asked_at",
    ),
    Part(
        "unfiled_rooms",
        "Public rooms that you made and that are not filed, as the homeserver lists them.",
        "SELECT room_id, name, members, first_seen, seen_at, told_at, due_at, reminded_at, hidden_at"
        " FROM unfiled_rooms WHERE creator = $1 ORDER BY room_id",
        "seen_at",
    ),
    Part(
        "policy_lists",
        "What lists of other communities, which moderators read here, say of your account outright.",
        "SELECT list_name, reason, takedown, since FROM policy_list_rules"
        " WHERE entity = $1 AND kind = 'user' ORDER BY list_name, state_key",
        "since",
    ),
    Part(
        "policy_list_hits",
        "When such a list was found to name you, and in which case that is looked at (C- and the case).",
        "SELECT list_name, case_id, at, withdrawn_at FROM policy_list_hits WHERE subject = $1"
        " ORDER BY list_name",
        "at",
    ),
    Part(
        "asked_to_lead",
        "Rooms that moderators ask you to answer for in place of somebody else.",
        "SELECT filing_id, asked_at FROM replacements WHERE successor = $1 AND asked_at IS NOT NULL"
        " ORDER BY asked_at",
        "asked_at",
    ),
    Part(
        "cures",
        "What you were asked to put right in your rooms, until when, and what you answered.",
        "SELECT c.case_id, c.text, c.asked_at, c.until, c.state, c.answer FROM cures c"
        " JOIN cases k ON k.id = c.case_id JOIN filings f ON f.room_id = k.room_id"
        # Of all who ever filed the room, the one who answered for it then.
        " WHERE f.applicant = $1 AND f.id = (SELECT MAX(g.id) FROM filings g WHERE g.room_id = k.room_id"
        " AND g.record_number IS NOT NULL AND g.submitted_at <= c.asked_at)"
        " AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.at >= c.asked_at"
        " AND a.tag = 'filing:transfer' AND a.object = f.record_number) ORDER BY c.case_id",
        "c.asked_at",
    ),
    Part(
        "deputies",
        "Rooms whose deputy you are, or are asked to be.",
        "SELECT filing_id, asked_at, agreed_at FROM deputies WHERE user_id = $1 ORDER BY asked_at",
    ),
    Part(
        "vacancies",
        "Your rooms for which you are not known to answer any more, and why.",
        "SELECT v.filing_id, v.why, v.since, v.stage FROM vacancies v JOIN filings f"
        " ON f.id = v.filing_id WHERE f.applicant = $1 ORDER BY v.since",
    ),
    Part(
        "reports",
        "The reports that you made, with their receipts (R- and the id).",
        "SELECT id, subject_key, category, text, state, outcome, received_at, flagger FROM reports"
        " WHERE reporter = $1 ORDER BY id",
        "received_at",
    ),
    Part(
        "reporting",
        "What was decided about reports of yours without any ground, from when until when.",
        "SELECT report_id, kind, reason, at, until, told_at, ended_at, end_reason FROM reporter_steps"
        " WHERE account = $1 ORDER BY id",
        "at",
    ),
    Part(
        "decisions",
        "What was decided about you, with the statement of reasons (the case is C- and case_id).",
        "SELECT case_id, nature, rule_id, scope, severity, history, measure, remove, facts, explanation,"
        " statement, state, room_id, occurred_at, decided_at, told_at, read_at FROM decisions"
        " WHERE user_id = $1 AND state NOT IN ('pending', 'denied', 'expired') ORDER BY id",
        "occurred_at",
    ),
    Part(
        "trials",
        "What versions of the ladder that were only tried would have proposed; that had no effect.",
        "SELECT d.case_id, p.version, t.in_force, t.measure FROM shadow_proposals t"
        " JOIN decisions d ON d.id = t.decision_id JOIN policies p ON p.hash = t.policy_hash"
        " WHERE d.user_id = $1 AND d.state NOT IN ('pending', 'denied', 'expired') ORDER BY d.id",
        "d.occurred_at",
    ),
    Part(
        "statements",
        "The same as data and as it was sent to you, with when you are deemed to know it, and when it "
        "was handed over to be published without your name.",
        "SELECT d.case_id, t.language, t.data, t.text, t.sent_at, t.deemed_at, t.event_id,"
        " e.at AS handed_over_at FROM statements t JOIN decisions d ON d.id = t.decision_id"
        " LEFT JOIN statement_exports e ON e.decision_id = t.decision_id"
        " WHERE d.user_id = $1 AND d.state NOT IN ('pending', 'denied', 'expired') ORDER BY d.id",
        "d.occurred_at",
    ),
    Part(
        "measures",
        "What was imposed on you, from when until when.",
        "SELECT d.case_id, s.scope, s.measure, s.state, s.room_id, s.starts_at, s.ends_at,"
        " s.lift_reason FROM sanctions s JOIN decisions d ON d.id = s.decision_id"
        " WHERE s.user_id = $1 OR s.decision_id IN"
        " (SELECT a.decision_id FROM sanction_accounts a WHERE a.user_id = $1) ORDER BY s.decision_id",
        "d.occurred_at",
    ),
    Part(
        "removals",
        "Your messages that were removed together with a reported one.",
        "SELECT d.case_id, r.room_id, r.event_id FROM removals r JOIN decisions d"
        " ON d.id = r.decision_id WHERE r.sender = $1 ORDER BY r.decision_id, r.event_id",
        "d.occurred_at",
    ),
    Part(
        "rechecks",
        "What became of decisions about you when an earlier one was void.",
        "SELECT d.case_id, r.history_was, r.history_now, r.proposed, r.lifted, r.found_at,"
        " r.closed_at, r.reason FROM rechecks r JOIN decisions d ON d.id = r.decision_id"
        " WHERE d.user_id = $1 ORDER BY r.found_at, r.decision_id",
        "d.occurred_at",
    ),
    Part(
        "appeals",
        "Your appeals and objections, and how they ended.",
        "SELECT number, about, text, state, urgent, pleads, submitted_at, due_at, insisted, reasons,"
        " decided_at FROM appeals WHERE appellant = $1 ORDER BY id",
        "submitted_at",
    ),
    Part(
        "appeal_words",
        "What you were asked about your appeals, and what you answered or added.",
        "SELECT a.number, s.kind, s.text, s.at FROM appeal_words s JOIN appeals a ON a.id = s.appeal_id"
        " WHERE CASE s.kind WHEN 'joined' THEN s.author ELSE a.appellant END = $1 ORDER BY s.id",
        "s.at",
    ),
    Part(
        "appeal_admissions",
        "Until when you can appeal after the time for it, and why.",
        "SELECT kind, matter, reason, at, until FROM appeal_admissions WHERE user_id = $1 ORDER BY at",
        "at",
    ),
    Part(
        "appeal_parties",
        "The appeals that you cannot decide as a reviewer, because you had a part in the matter.",
        "SELECT a.number, p.why, a.submitted_at FROM appeal_parties p JOIN appeals a"
        " ON a.id = p.appeal_id WHERE p.user_id = $1"
        " AND p.why IN ('decider', 'approver', 'proposer', 'worker') ORDER BY a.id, p.why",
        "a.submitted_at",
    ),
    Part(
        "referrals",
        "What was handed over about you, to whom, on which basis and why (the number is REF- and id).",
        "SELECT id, case_id, recipient, terms, handed_over_at, told_at, objection, objected_at,"
        " answer_due, answer, corrects FROM referrals WHERE user_id = $1 AND told_at IS NOT NULL"
        " ORDER BY id",
        "proposed_at",
    ),
    Part(
        "appeal_links",
        "The links that you were given to appeal in your browser.",
        "SELECT d.case_id, k.made_at FROM appeal_links k JOIN decisions d ON d.id = k.decision_id"
        " WHERE k.user_id = $1 ORDER BY k.made_at",
        "k.made_at",
    ),
    Part(
        "evidence",
        "Copies of your messages that were kept as evidence.",
        "SELECT event_id, room_id, sent_at, captured_at FROM copies WHERE sender = $1 ORDER BY sent_at",
        "sent_at",
    ),
    Part(
        "context",
        "Messages of yours that were kept because they stood near a reported one.",
        "SELECT copy_id, event_id, sent_at, redacted FROM context_lines WHERE sender = $1"
        " ORDER BY sent_at",
        "sent_at",
    ),
    Part(
        "quarantines",
        "Files of your messages that are withheld, and why (the case is C- and case_id).",
        "SELECT q.case_id, q.reason, q.since FROM quarantines q JOIN cases c ON c.id = q.case_id"
        " WHERE c.user_id = $1 AND EXISTS (SELECT 1 FROM decisions d WHERE d.case_id = c.id"
        " AND d.state NOT IN ('pending', 'denied', 'expired')) ORDER BY q.since",
        "q.since",
    ),
    Part(
        "exposures",
        "The cases that you opened as a moderator, by day, and how many pictures you looked at in each.",
        "SELECT day AS at, looks FROM exposures WHERE moderator = $1 ORDER BY day",
        "day",
    ),
    Part(
        "attempts",
        "Your tries to verify your account.",
        "SELECT source, wrong_codes, expires_at, used_at FROM attempts WHERE user_id = $1"
        " ORDER BY expires_at",
        "expires_at",
    ),
    Part(
        "messages",
        "What I have written to you, as long as its text is kept.",
        "SELECT data, state, queued_at FROM outbox WHERE lane = $1 AND kind = 'Notify' ORDER BY id",
        "queued_at",
    ),
    Part(
        "documents",
        "The documents that you showed, and what came of it (the number is D- and the id).",
        "SELECT id, kind, country, state, submitted_at, decided_at FROM documents WHERE user_id = $1"
        " ORDER BY id",
        "submitted_at",
    ),
    Part(
        "document_views",
        "When reviewers opened them.",
        "SELECT a.object, a.at FROM audit a JOIN documents d ON a.object = 'D-' || d.id"
        " WHERE d.user_id = $1 AND a.tag = 'document:open' ORDER BY a.seq",
        "d.submitted_at",
    ),
    Part(
        "names",
        "The display name under which others see your account, and since when.",
        "SELECT name, since FROM front_names WHERE user_id = $1 AND front = 'pseudonym'",
        "since",
    ),
    Part(
        "lookalikes",
        "When your name looked like another's, and whether yours came later (1) or theirs (0).",
        "SELECT at, CASE WHEN late = $1 THEN 1 ELSE 0 END AS yours_later FROM lookalikes"
        " WHERE (first = $1 OR second = $1) ORDER BY at",
        "at",
    ),
    Part(
        "language",
        "The language that you chose.",
        "SELECT language, chosen_at FROM languages WHERE user_id = $1",
    ),
    Part(
        "standing",
        "Where you may not write until you verify or sign, and since when.",
        "SELECT room_id, reason, since FROM standing_restrictions WHERE user_id = $1 ORDER BY since",
        "since",
    ),
    Part(
        "chats",
        "Our direct chats.",
        "SELECT room_id, at FROM rooms WHERE user_id = $1 ORDER BY at",
        "at",
    ),
    Part(
        "failed_events",
        "Events of yours that could not be handled, without their content.",
        "SELECT event_id, room_id, type, at FROM dead_events WHERE sender = $1 ORDER BY at",
        "at",
    ),
    Part(
        "account_holds",
        "Legal holds on an account of which nobody knows whose it is.",
        "SELECT reason, placed_at, until, ended_at, end_reason FROM holds"
        " WHERE user_id = $1 AND person_id IS NULL ORDER BY id",
        "placed_at",
    ),
    Part(
        "exports",
        "Links to exports like this one.",
        "SELECT expires_at, used_at FROM exports WHERE user_id = $1 ORDER BY expires_at",
        "expires_at",
    ),
    Part(
        "log",
        "What you did, as the audit log has it.",
        "SELECT at, tag FROM audit WHERE actor = $1 ORDER BY seq",
        "at",
    ),
)

OF_PERSON: tuple[Part, ...] = (
    Part(
        "accounts",
        "The accounts that are or were linked to you.",
        "SELECT user_id, front, created_at, ended_at, end_reason FROM links WHERE person_id = $1"
        " ORDER BY id",
    ),
    Part(
        "verifications",
        "How you were verified, how surely, and until when.",
        "SELECT source, realm, level, process, verified_at, expires_at, ended_at, end_reason"
        " FROM verifications WHERE person_id = $1 ORDER BY id",
    ),
    Part(
        "holds",
        "Legal holds on your data.",
        "SELECT reason, placed_at, until, ended_at, end_reason FROM holds WHERE person_id = $1"
        " ORDER BY id",
    ),
    Part(
        "erasure",
        "Your wish to be forgotten, if it waits.",
        "SELECT requested_at FROM erasures WHERE person_id = $1 AND done_at IS NULL",
    ),
)

LOOKS = Part(
    "looks",
    "Who looked behind your pseudonym: when, in which role, for which reason.",
    "SELECT kind, role, case_no, what, reason, at FROM looks WHERE person_id = $1 AND due_at <= $2"
    " ORDER BY at",
)

_THEN = (
    "EXISTS (SELECT 1 FROM links w WHERE w.user_id = $1 AND w.person_id {which} $2"
    " AND {at} >= w.created_at AND (w.ended_at IS NULL OR {at} < w.ended_at))"
)
"""That an account was linked at the time of a row."""
_NOW = str(2**62)

_TIMES = ("at", "until", "since")


async def rows(tx: Tx, part: Part, about: str) -> list[dict[str, Any]]:
    """Read the rows of one part, with times as ISO 8601."""
    return _plain(await tx.fetch(part.sql, about))


async def rows_of(
    tx: Tx, part: Part, account: str, person_id: str | None, *, own: bool
) -> list[dict[str, Any]]:
    """Read the rows of one part about an account, for the person to whom it is or was linked.

    An account changes hands: of another one than their own they get what happened while it was theirs;
    of their own, all but what happened while it was somebody else's.
    """
    if person_id is None:
        return await rows(tx, part, account)
    then = _THEN.format(which="<>" if own else "=", at=part.at or _NOW)
    found, order, by = part.sql.partition(" ORDER BY ")
    theirs = f"NOT {then}" if own else then
    return _plain(await tx.fetch(f"{found} AND {theirs}{order}{by}", account, person_id))


async def looks(tx: Tx, person_id: str, now: datetime) -> list[dict[str, Any]]:
    """Read who looked, as far as the person may know of it."""
    return _plain(await tx.fetch(LOOKS.sql, person_id, to_ms(now)))


def _plain(found: Sequence[Any]) -> list[dict[str, Any]]:
    return [{name: _value(name, row[name]) for name in row.keys()} for row in found]  # noqa: SIM118 - a row is no map


def _value(name: str, value: Any) -> Any:  # noqa: ANN401 - as the column is declared
    if isinstance(value, int) and name.rpartition("_")[2] in _TIMES:
        return from_ms(value).isoformat()
    return value
