"""Appeals, with what is written to them and who may appeal after the time for it."""

from collections.abc import Collection
from datetime import datetime, timedelta

from policybot.domain.appeal import About, Appeal, Appealable, Kind, Said, State, Urgent, Word
from policybot.store.database import Row, Stale, Tx, from_ms, optional_ms, optional_time, to_ms

_PARTY = "SELECT 1 FROM appeal_parties p WHERE p.appeal_id = appeals.id"
_NAMED = {
    Kind.DECISION: "case_id",
    Kind.FILING: "filing_id",
    Kind.QUALIFICATION: "qualification_id",
    Kind.REPORT: "report_id",
}
"""Where the ID stands by which people name what an appeal of each kind is about."""


async def add(tx: Tx, appeal: Appeal) -> None:
    """Save a new appeal. A second about the same violates a unique index, if none was taken back."""
    mine = {kind: appeal.matter if appeal.kind is kind else None for kind in Kind}
    await tx.execute(
        "INSERT INTO appeals (id, kind, about, number, decision_id, case_id, qualification_id,"
        " filing_id, report_id, appellant, text, state, submitted_at, due_at, urgent, pleads, outside,"
        " rests, insisted) VALUES ($1, $2, $3, $4, $5, (SELECT case_id FROM decisions WHERE id = $5),"
        " $6, COALESCE($7, (SELECT filing_id FROM qualifications WHERE id = $6)),"
        " $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        appeal.id,
        appeal.kind.value,
        appeal.about.value,
        appeal.number,
        mine[Kind.DECISION],
        mine[Kind.QUALIFICATION],
        mine[Kind.FILING],
        mine[Kind.REPORT],
        appeal.appellant,
        appeal.text,
        appeal.state.value,
        to_ms(appeal.submitted_at),
        to_ms(appeal.due_at),
        appeal.urgent.value if appeal.urgent else None,
        int(appeal.pleads),
        int(appeal.outside),
        int(appeal.rests),
        appeal.insisted,
    )


async def save(tx: Tx, appeal: Appeal) -> Appeal:
    """Save what an appeal has become; return it with its new version.

    Raises:
        Stale: somebody else decided it meanwhile.
    """
    row = await tx.first(
        "UPDATE appeals SET state = $1, reviewer = $2, reasons = $3, due_at = $4, urgent = $5,"
        " outside = $6, asked_at = $7, holder = $8, lease_until = $9, decided_at = $10,"
        " insisted = $11, rests = $12, version = version + 1 WHERE id = $13 AND version = $14"
        " RETURNING *",
        appeal.state.value,
        appeal.reviewer,
        appeal.reasons,
        to_ms(appeal.due_at),
        appeal.urgent.value if appeal.urgent else None,
        int(appeal.outside),
        optional_ms(appeal.asked_at),
        appeal.holder,
        optional_ms(appeal.lease_until),
        optional_ms(appeal.decided_at),
        appeal.insisted,
        int(appeal.rests),
        appeal.id,
        appeal.version,
    )
    if row is None:
        raise Stale(str(appeal.id))
    return _appeal(row)


async def get(tx: Tx, appeal_id: int) -> Appeal | None:
    """Read an appeal."""
    row = await tx.first("SELECT * FROM appeals WHERE id = $1", appeal_id)
    return None if row is None else _appeal(row)


async def named(tx: Tx, kind: Kind, named_id: int) -> list[Appeal]:
    """List the appeals under a number, oldest first: of a decision that of its case."""
    rows = await tx.fetch(
        f"SELECT * FROM appeals WHERE {_NAMED[kind]} = $1 AND kind = $2 ORDER BY id",  # noqa: S608 - one of ours
        named_id,
        kind.value,
    )
    return [_appeal(row) for row in rows]


async def of_reports_in(tx: Tx, case_id: int) -> list[Appeal]:
    """List the objections about the reports in a case, oldest first."""
    rows = await tx.fetch(
        "SELECT a.* FROM appeals a JOIN reports r ON r.id = a.report_id WHERE r.case_id = $1"
        " ORDER BY a.id",
        case_id,
    )
    return [_appeal(row) for row in rows]


async def waiting_of(tx: Tx, appellant: str) -> list[Appeal]:
    """List somebody's appeals that wait for a reviewer."""
    rows = await tx.fetch(
        "SELECT * FROM appeals WHERE appellant = $1 AND state = 'submitted' ORDER BY id", appellant
    )
    return [_appeal(row) for row in rows]


async def waiting(tx: Tx, without: Collection[str] = (), limit: int = 50) -> list[Appeal]:
    """List the appeals that are not decided, the urgent ones first, then by when they are due.

    Those are left out in which one of the accounts `without` had a part.
    """
    named = ", ".join(f"${n}" for n in range(2, len(without) + 2))
    apart = f" AND NOT EXISTS ({_PARTY} AND p.user_id IN ({named}))" if without else ""
    rows = await tx.fetch(
        f"SELECT * FROM appeals WHERE state = 'submitted'{apart}"  # noqa: S608 - numbers alone
        " ORDER BY CASE WHEN urgent IS NULL THEN 1 ELSE 0 END, due_at, id LIMIT $1",
        limit,
        *sorted(without),
    )
    return [_appeal(row) for row in rows]


async def overdue(tx: Tx, now: datetime, patience: timedelta, limit: int) -> list[Appeal]:
    """List the appeals for which nobody was called yet and that wait too long.

    They should have been answered, or their author was asked something before `patience` and is silent.
    """
    rows = await tx.fetch(
        "SELECT * FROM appeals WHERE state = 'submitted' AND called_at IS NULL"
        " AND ((asked_at IS NULL AND due_at <= $1) OR asked_at <= $2) ORDER BY due_at LIMIT $3",
        to_ms(now),
        to_ms(now - patience),
        limit,
    )
    return [_appeal(row) for row in rows]


async def called(tx: Tx, appeal_ids: Collection[int], now: datetime | None) -> None:
    """Note that people were called for appeals that wait too long; None lets that begin anew."""
    at = optional_ms(now)
    await tx.many(
        "UPDATE appeals SET called_at = $1 WHERE id = $2", [(at, one) for one in sorted(appeal_ids)]
    )


# What is written to them -------------------------------------------------------------------------


async def add_word(tx: Tx, appeal_id: int, word: Word) -> None:
    """Save a question, an answer or an addition."""
    await tx.execute(
        "INSERT INTO appeal_words (appeal_id, kind, author, text, at) VALUES ($1, $2, $3, $4, $5)",
        appeal_id,
        word.kind.value,
        word.author,
        word.text,
        to_ms(word.at),
    )


async def joined(tx: Tx, appeal_id: int) -> list[str]:
    """List the accounts that have joined an appeal."""
    rows = await tx.fetch(
        "SELECT author FROM appeal_words WHERE appeal_id = $1 AND kind = 'joined' ORDER BY id", appeal_id
    )
    return [str(row["author"]) for row in rows]


async def words(tx: Tx, appeal_id: int) -> list[Word]:
    """List what was written to an appeal, oldest first."""
    rows = await tx.fetch("SELECT * FROM appeal_words WHERE appeal_id = $1 ORDER BY id", appeal_id)
    return [Word(Said(r["kind"]), r["author"], r["text"], from_ms(r["at"])) for r in rows]


# After the time for them -------------------------------------------------------------------------


async def admit(  # noqa: PLR0913 - the columns
    tx: Tx, late: Appealable, *, by: str, reason: str, now: datetime, until: datetime
) -> None:
    """Note that an appeal is taken in after its time; the same again changes until when."""
    await tx.execute(
        "INSERT INTO appeal_admissions (kind, about, matter, user_id, admitted_by, reason, at, until)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (kind, about, matter) DO UPDATE"
        " SET user_id = $4, admitted_by = $5, reason = $6, at = $7, until = $8",
        late.kind.value,
        late.about.value,
        late.matter,
        late.whom,
        by,
        reason,
        to_ms(now),
        to_ms(until),
    )


async def open_until(tx: Tx, kind: Kind, about: About, matter: int, end: datetime) -> datetime:
    """Say until when an appeal is taken in: until its time ends, or later if that is let in."""
    admitted = optional_time(
        await tx.value(
            "SELECT until AS value FROM appeal_admissions"
            " WHERE kind = $1 AND about = $2 AND matter = $3",
            kind.value,
            about.value,
            matter,
        )
    )
    return max(end, admitted or end)


async def drop_admissions(tx: Tx, now: datetime) -> None:
    """Forget who was let in, once the time for that is over as well."""
    await tx.execute("DELETE FROM appeal_admissions WHERE until < $1", to_ms(now))


# Links -------------------------------------------------------------------------------------------


async def add_link(tx: Tx, token_hash: str, decision_id: int, user_id: str, now: datetime) -> None:
    """Save the key by which somebody appeals against a decision; the same again changes nothing."""
    await tx.execute(
        "INSERT INTO appeal_links (token_hash, decision_id, user_id, made_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (token_hash) DO NOTHING",
        token_hash,
        decision_id,
        user_id,
        to_ms(now),
    )


async def linked(tx: Tx, token_hash: str) -> tuple[int, str] | None:
    """Find the decision that a key is for, and to whom it was given."""
    row = await tx.first("SELECT * FROM appeal_links WHERE token_hash = $1", token_hash)
    return None if row is None else (row["decision_id"], row["user_id"])


async def against(tx: Tx, decision_id: int) -> list[Appeal]:
    """List the appeals against a decision, oldest first: all but the last were taken back."""
    rows = await tx.fetch("SELECT * FROM appeals WHERE decision_id = $1 ORDER BY id", decision_id)
    return [_appeal(row) for row in rows]


# What came of them -------------------------------------------------------------------------------


async def refused_wrongly(tx: Tx, kind: Kind, matter: int) -> set[str]:
    """Name who decided about a filing or a qualification what was overturned.

    With all accounts, as it was known then.
    """
    rows = await tx.fetch(
        "SELECT DISTINCT p.user_id FROM appeal_parties p JOIN appeals a ON a.id = p.appeal_id"  # noqa: S608 - one of ours
        f" WHERE a.kind = $1 AND a.{_NAMED[kind]} = $2 AND a.state = 'overturned'"
        " AND p.why IN ('decider', 'approver', 'proposer')",
        kind.value,
        matter,
    )
    return {row["user_id"] for row in rows}


async def reopened_at(tx: Tx, case_id: int) -> datetime | None:
    """Say when a reporter's objection has opened a case again the last time."""
    return optional_time(
        await tx.value(
            "SELECT MAX(a.decided_at) AS value FROM appeals a JOIN reports r ON r.id = a.report_id"
            " WHERE r.case_id = $1 AND a.about = 'outcome' AND a.state = 'overturned'",
            case_id,
        )
    )


def _appeal(row: Row) -> Appeal:
    kind = Kind(row["kind"])
    return Appeal(
        id=row["id"],
        kind=kind,
        about=About(row["about"]),
        matter=row[f"{kind}_id"],
        number=row["number"],
        appellant=row["appellant"],
        text=row["text"],
        state=State(row["state"]),
        submitted_at=from_ms(row["submitted_at"]),
        due_at=from_ms(row["due_at"]),
        urgent=Urgent(row["urgent"]) if row["urgent"] else None,
        pleads=bool(row["pleads"]),
        outside=bool(row["outside"]),
        rests=bool(row["rests"]),
        insisted=row["insisted"],
        asked_at=optional_time(row["asked_at"]),
        holder=row["holder"],
        lease_until=optional_time(row["lease_until"]),
        reviewer=row["reviewer"],
        reasons=row["reasons"],
        decided_at=optional_time(row["decided_at"]),
        version=row["version"],
    )
