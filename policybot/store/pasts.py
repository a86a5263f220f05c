"""Pasts: what happened about an account or a room, put together from what is on record."""

from dataclasses import dataclass
from datetime import datetime

from policybot.store.database import Tx, from_ms


@dataclass(frozen=True, slots=True)
class About:
    """Whose past is asked for: that of an account, or else of a room."""

    user_id: str | None = None
    room_id: str | None = None


_HAPPENED = {
    "decision": "decided",
    "replacement": "replaced",
    "hold": "held",
    "appeal": "appealed",
    "sanction:lift": "the measure was lifted",
    "sanction:end": "the measure ended by itself",
    "sanction:void": "the measure was taken back",
    "case:dismiss": "no breach",
    "case:join": "another case was merged into it",
    "case:split": "a part became a case of its own",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened, in which case, and what more there is to say of it."""

    at: datetime
    case_id: int
    what: str
    """`opened`, `decision`, `hold`, `replacement`, `appeal`, or the tag of an audit entry."""
    detail: str

    @property
    def in_words(self) -> str:
        """What happened, as one says it."""
        if self.what == "opened":
            return "opened" + (f", {self.detail} reports" if self.detail not in ("0", "1") else "")
        return _HAPPENED.get(self.what, self.what) + (f": {self.detail}" if self.detail else "")


_MOMENTS = (
    "WITH theirs AS (SELECT DISTINCT case_id FROM case_subjects WHERE {whose})"
    " SELECT at, case_id, what, detail FROM ("
    "SELECT c.opened_at AS at, c.id AS case_id, 'opened' AS what, CAST((SELECT COUNT(*) FROM reports r"
    " WHERE r.case_id = c.id) AS TEXT) AS detail, c.id AS place"
    " FROM cases c JOIN theirs t ON t.case_id = c.id WHERE c.state <> 'merged'"
    " UNION ALL SELECT d.decided_at, d.case_id, d.nature, d.rule_id || ' ' || d.severity || ' → '"
    " || d.measure || ' (' || replace(d.state, '_', ' ') || ')', d.id"
    " FROM decisions d JOIN theirs t ON t.case_id = d.case_id"
    " WHERE d.state NOT IN ('pending', 'denied', 'expired')"
    " UNION ALL SELECT a.submitted_at, a.case_id, 'appeal', a.state, a.id"
    " FROM appeals a JOIN theirs t ON t.case_id = a.case_id"
    " UNION ALL SELECT e.at, d.case_id, e.tag, '', e.seq FROM decisions d"
    " JOIN theirs t ON t.case_id = d.case_id JOIN audit e ON e.object = 'sanction ' || d.id"
    " WHERE e.tag IN ('sanction:lift', 'sanction:end', 'sanction:void')"
    " UNION ALL SELECT e.at, t.case_id, e.tag, '', e.seq FROM theirs t"
    " JOIN audit e ON e.object = 'C-' || t.case_id"
    " WHERE e.tag IN ('case:dismiss', 'case:join', 'case:split')"
    ") AS found ORDER BY at DESC, place DESC, what LIMIT $2 OFFSET $3"
)


async def moments(tx: Tx, about: About, limit: int, offset: int) -> list[Moment]:
    """List what happened about an account or a room, the newest first."""
    whose = "user_id = $1" if about.user_id else "room_id = $1 AND kind = 'room'"
    rows = await tx.fetch(_MOMENTS.format(whose=whose), about.user_id or about.room_id, limit, offset)
    return [Moment(from_ms(r["at"]), r["case_id"], r["what"], r["detail"]) for r in rows]
