"""Populations: all of one kind that is counted for everybody to see, and the tables it is split in.

Each population is counted by the day; each of its tables puts every member in one row. Where two of them
cross, a third has a row for each pair of theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from policybot.domain.ladder import Scope, Severity
from policybot.domain.measure import Kind

MONTH = "month"
OTHER = "other"

BUCKETS: tuple[tuple[str, timedelta], ...] = (
    ("1 minute", timedelta(minutes=1)),
    ("10 minutes", timedelta(minutes=10)),
    ("1 hour", timedelta(hours=1)),
    ("4 hours", timedelta(hours=4)),
    ("1 day", timedelta(days=1)),
    ("3 days", timedelta(days=3)),
    ("7 days", timedelta(days=7)),
    ("30 days", timedelta(days=30)),
)
"""Up to how long something took. They are fixed, so that those of many days add up."""
LONGER = "longer"
_STEPS = (
    "up to 1 minute",
    "1 to 10 minutes",
    "10 minutes to 1 hour",
    "1 to 4 hours",
    "4 hours to 1 day",
    "1 to 3 days",
    "3 to 7 days",
    "7 to 30 days",
    "more than 30 days",
)
"""What these are called, and what took longer."""
TIMES = (*(name for name, _ in BUCKETS), LONGER)


def bucket(span: timedelta) -> str:
    """Say within which time something was done."""
    return next((name for name, most in BUCKETS if span <= most), LONGER)


@dataclass(frozen=True, slots=True)
class Table:
    """One way to split a population."""

    key: str
    title: str
    labels: tuple[tuple[str, str], ...]
    """The rows, in their order, with what they are called; none if they are the operator's own."""
    about: str = ""
    """What has to be known to read it."""
    of: tuple[str, str] | None = None
    """The two tables that it crosses; its rows are pairs of theirs."""

    @property
    def timed(self) -> bool:
        """Whether its rows are times."""
        return tuple(key for key, _ in self.labels)[: len(TIMES)] == TIMES


@dataclass(frozen=True, slots=True)
class Population:
    """All of one kind that are counted."""

    key: str
    title: str
    about: str
    tables: tuple[Table, ...] = ()
    whole_of: tuple[str, ...] = ()
    """Populations that come to about as much together: while one of them is too small to be shown, this
    is not shown either, for it could be subtracted from it."""

    def crossing(self, rows: tuple[str, ...]) -> tuple[str, ...]:
        """Give the rows of the tables that cross, for one that is in some rows of the others."""
        at = {table: row for table, _, row in (one.partition(":") for one in rows)}
        return tuple(
            f"{table.key}:{pair(at[table.of[0]], at[table.of[1]])}"
            for table in self.tables
            if table.of is not None
        )


def pair(first: str, second: str) -> str:
    """Name the row of a crossing."""
    return f"{first}/{second}"


def _cross(first: Table, second: Table) -> Table:
    title = f"{first.title}, and {second.title[0].lower()}{second.title[1:]}"
    return Table(f"{first.key}*{second.key}", title, (), of=(first.key, second.key))


def _times(key: str, title: str, about: str = "") -> Table:
    return Table(key, title, tuple(zip(TIMES, _STEPS, strict=True)), about)


_ON = {Scope.MEMBER: "in one room", Scope.ACCOUNT: "on an account", Scope.ROOM: "on a room"}
SAID = {Kind.NONE: "no measure", Kind.ADVISE: "advice", Kind.WARN: "warning"}
BINDING = {Kind.RESTRICT: "no posting", Kind.SUSPEND: "suspension", Kind.CLOSE: "closure"}
MEASURES = (
    *((kind.value, words) for kind, words in SAID.items()),
    *(
        (f"{scope}:{kind.value}", f"{words} {on}")
        for scope, on in _ON.items()
        for kind, words in BINDING.items()
    ),
    (f"{Scope.SERVER}:suspend", "another server shut out for a time"),
    (f"{Scope.SERVER}:close", "another server shut out"),
    ("replacement", "another person answers for the room"),
    (OTHER, "another measure"),
)
_YES_NO = (("yes", "yes"), ("no", "no"))

_STAYS = (
    "One that was overturned later stays counted here, and counts again among the verdicts on appeals."
)
_MEASURE = Table("measure", "What was decided", MEASURES)
_RULE = Table("rule", "Which rule was broken", ())
_REMOVED = Table("removed", "Whether messages were removed", _YES_NO)
_TOOK = _times("took", "From the opening of the case to the decision")
_DECIDED = (
    _MEASURE,
    _RULE,
    Table("severity", "How severe the breach was", tuple((one.value, one.value) for one in Severity)),
    _REMOVED,
    Table("second", "Whether a second person confirmed it", _YES_NO),
    _TOOK,
)
_FOUND = Table(
    "found",
    "How it came to our knowledge, and who decided",
    (
        ("rule", "found by a rule, and decided by a person"),
        ("ours", "noticed by our people, and decided by a person"),
        ("machine", "found by a rule, which acted by itself"),
    ),
)
_NAMED = Table("rule", "Which rule they name", (), "What the reporter named, not what was found.")
_FLAGGER = Table("flagger", "Whether a trusted flagger reported it", _YES_NO)
_AGAINST = Table("measure", "Against what", MEASURES)
_AGAINST_REMOVAL = Table(
    "removed",
    "Whether messages had been removed",
    (("yes", "yes"), ("no", "no, or it is not known any more")),
)
_VERDICT = Table(
    "verdict",
    "What became of the decisions",
    (
        ("uphold", "upheld"),
        ("modify", "modified: a milder measure"),
        ("overturn", "overturned: void from the beginning"),
    ),
)
_ANSWER = _times("answer", "From the appeal to the answer")
_ANEW = Table(
    "anew",
    "Whether it restricts somebody because a reporter objected",
    _YES_NO,
    "No breach had been found before, and another person had it looked at again.",
)
_SINCE_OBJECTION = _times("answer", "From the objection to the answer")
_ON_ANSWERS = Table(
    "verdict",
    "What became of the answers",
    (("uphold", "upheld"), ("modify", "modified"), ("overturn", "overturned")),
)

POPULATIONS: tuple[Population, ...] = (
    Population(
        "reports",
        "Reports received",
        "Each report counts once, on the day it was received, by whichever way it came.",
        (
            Table(
                "way",
                "By which way",
                (
                    ("command", "written to the bot"),
                    ("button", "the client's report button"),
                    ("web", "the form for everybody"),
                    ("tool", "another program"),
                    ("list", "a list of another community"),
                ),
            ),
            _NAMED,
            _times("receipt", "From the report to its receipt"),
            _FLAGGER,
            _cross(_NAMED, _FLAGGER),
        ),
    ),
    Population(
        "touched",
        "Cases taken up",
        "A case counts on the day when a person took it up for the first time.",
        (_times("waited", "From the opening of a case to the first look"),),
    ),
    Population(
        "dismissed",
        "Cases closed without a breach",
        "A person looked at it and found that no rule was broken.",
    ),
    Population(
        "on_reports",
        "Decisions on reports",
        "Each decision that a rule was broken, in a case that somebody had reported, on the day it "
        f"became final. {_STAYS}",
        (*_DECIDED, _FLAGGER, _ANEW, _cross(_RULE, _FLAGGER), _cross(_FLAGGER, _TOOK)),
    ),
    Population(
        "own",
        "Decisions at our own initiative",
        "Each decision that a rule was broken, where nobody had reported it, on the day it became "
        f"final. {_STAYS}",
        (
            *_DECIDED,
            _FOUND,
            _cross(_RULE, _MEASURE),
            _cross(_RULE, _REMOVED),
            _cross(_RULE, _FOUND),
        ),
    ),
    Population(
        "carried",
        "Decisions carried out",
        "Each decision, on the day when the homeserver had done all of it.",
        (_times("effect", "From the decision until it was carried out"),),
        ("on_reports", "own"),
    ),
    Population(
        "notices",
        "Notices that arrived",
        "Each notice with its statement of reasons, on the day the homeserver took it.",
        (_times("told", "From the decision to the notice"),),
        ("on_reports", "own"),
    ),
    Population(
        "ended",
        "Measures that ended",
        "Each measure for a time, on the day it stopped binding; and how exactly its last day was kept.",
        (
            Table(
                "how",
                "How they ended, and how long after their last moment",
                (
                    *((t, f"taken off {step} after it") for t, step in zip(TIMES, _STEPS, strict=True)),
                    ("lift", "lifted before it"),
                    ("void", "void after an appeal"),
                ),
                "Half and 95 of 100, where they are named: of those that ran to their end.",
            ),
        ),
    ),
    Population(
        "holds",
        "Holds",
        "Something was held until a person decided, for 72 hours at the most.",
        (Table("scope", "What was held", tuple((s.value, f"{on}") for s, on in _ON.items())),),
    ),
    Population(
        "appeals",
        "Appeals received",
        "Each objection to a decision, on the day it was received.",
        (_AGAINST, _AGAINST_REMOVAL),
    ),
    Population(
        "verdicts",
        "Appeals decided",
        "Each by somebody who had no part in the decision, on the day of the verdict. The share of "
        "decisions that were modified or overturned is the reversal rate.",
        (
            _VERDICT,
            _AGAINST,
            _ANSWER,
            _AGAINST_REMOVAL,
            *(
                _cross(against, other)
                for against in (_AGAINST, _AGAINST_REMOVAL)
                for other in (_VERDICT, _ANSWER)
            ),
        ),
    ),
    Population(
        "objections",
        "Objections of reporters",
        "To the answer to a report, or to a pause.",
        (_FLAGGER,),
    ),
    Population(
        "reconsidered",
        "Objections of reporters decided",
        "Each by somebody who had no part in the answer.",
        (
            _ON_ANSWERS,
            _SINCE_OBJECTION,
            _FLAGGER,
            _cross(_FLAGGER, _ON_ANSWERS),
            _cross(_FLAGGER, _SINCE_OBJECTION),
        ),
    ),
    Population(
        "unfounded",
        "Reporters warned or paused",
        "Because of reports that were manifestly unfounded.",
        (Table("step", "What was done", (("caution", "warned"), ("pause", "paused for a time"))),),
    ),
    Population(
        "filings",
        "Public rooms",
        "What happened to the filings of rooms.",
        (
            Table(
                "step",
                "What happened",
                (
                    ("submit", "handed in"),
                    ("approve", "approved"),
                    ("reject", "rejected"),
                    ("withdraw", "taken back"),
                    ("renew", "renewed"),
                    ("expire", "expired"),
                    ("revoke", "revoked"),
                ),
            ),
        ),
    ),
    Population(
        "filing_appeals",
        "Appeals about public rooms",
        "To a refused filing, or to an approval that was revoked.",
        (
            Table(
                "step",
                "What happened",
                (
                    ("submit", "received"),
                    ("uphold", "upheld"),
                    ("overturn", "overturned"),
                ),
            ),
        ),
    ),
    Population(
        "rechecks",
        "Later decisions looked at again",
        "Because they had counted one that was overturned or made milder since.",
        (
            Table(
                "step",
                "What happened",
                (("flag", "found to be another without it"), ("close", "looked at by a person")),
            ),
        ),
    ),
    Population(
        "listed",
        "Our list for other communities",
        "Decisions about accounts and servers elsewhere that other communities are told of.",
        (
            Table(
                "step", "What happened", (("publish", "put on the list"), ("withdraw", "taken off it"))
            ),
        ),
    ),
    Population(
        "referrals",
        "Referrals to others",
        "Something about a case was handed over, by two people and on a legal basis.",
        (Table("recipient", "To whom", ()),),
    ),
    Population(
        "corrections",
        "Referrals corrected",
        "A recipient was told that what they have does not hold, or was changed.",
        (Table("recipient", "Who was told", ()),),
    ),
    Population(
        "reveals",
        "Names revealed",
        "Requests to learn the real name behind an account; each needs two people and a reason.",
        (
            Table(
                "step",
                "What happened",
                (
                    ("request", "asked for"),
                    ("approve", "approved by a second person"),
                    ("denied", "denied"),
                    ("open", "opened"),
                ),
            ),
        ),
    ),
)
BY_KEY: Mapping[str, Population] = {one.key: one for one in POPULATIONS}
