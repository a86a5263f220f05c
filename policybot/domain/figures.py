"""What is counted for everybody to see: which entries of the audit log count, and in which tables.

Each population is counted by the day and split in tables; each of them puts every member in one row.
Nothing is ever taken off a figure: an overturned decision is counted among the verdicts of its own day.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from policybot.domain.decision import Nature
from policybot.domain.ladder import Scope, Severity
from policybot.domain.measure import Kind

MONTH = "month"
_OTHER = "other"

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
    """The rows, in their order, with what they are called; none if they are the operator's rules."""
    about: str = ""
    """What has to be known to read it."""

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


def _times(key: str, title: str, about: str = "") -> Table:
    return Table(key, title, tuple(zip(TIMES, _STEPS, strict=True)), about)


_ON = {Scope.MEMBER: "in one room", Scope.ACCOUNT: "on an account", Scope.ROOM: "on a room"}
_KINDS = {Kind.NONE: "no measure", Kind.ADVISE: "advice", Kind.WARN: "warning"}
_BINDING = {Kind.RESTRICT: "no posting", Kind.SUSPEND: "suspension", Kind.CLOSE: "closure"}
_MEASURES = (
    *((kind.value, words) for kind, words in _KINDS.items()),
    *(
        (f"{scope}:{kind.value}", f"{words} {on}")
        for scope, on in _ON.items()
        for kind, words in _BINDING.items()
    ),
    (f"{Scope.SERVER}:close", "another server shut out"),
    ("replacement", "another person answers for the room"),
    (_OTHER, "another measure"),
)
_YES_NO = (("yes", "yes"), ("no", "no"))

_STAYS = (
    "One that was overturned later stays counted here, and counts again among the verdicts on appeals."
)
_DECIDED = (
    Table("measure", "What was decided", _MEASURES),
    Table("rule", "Which rule was broken", ()),
    Table("severity", "How severe the breach was", tuple((one.value, one.value) for one in Severity)),
    Table("removed", "Whether messages were removed", _YES_NO),
    Table("second", "Whether a second person confirmed it", _YES_NO),
    _times("took", "From the opening of the case to the decision"),
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
                ),
            ),
            Table("rule", "Which rule they name", (), "What the reporter named, not what was found."),
            _times("receipt", "From the report to its receipt"),
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
        _DECIDED,
    ),
    Population(
        "own",
        "Decisions at our own initiative",
        "Each decision that a rule was broken, where nobody had reported it, on the day it became "
        f"final. {_STAYS}",
        (
            *_DECIDED,
            Table(
                "found",
                "How it came to our knowledge, and who decided",
                (
                    ("rule", "found by a rule, and decided by a person"),
                    ("ours", "noticed by our people, and decided by a person"),
                    ("machine", "found by a rule, which acted by itself"),
                ),
            ),
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
        "appeals", "Appeals received", "Each objection to a decision, on the day it was received."
    ),
    Population(
        "verdicts",
        "Appeals decided",
        "Each by somebody who had no part in the decision, on the day of the verdict. The share of "
        "decisions that were modified or overturned is the reversal rate.",
        (
            Table(
                "verdict",
                "What became of the decisions",
                (
                    ("uphold", "upheld"),
                    ("modify", "modified: a milder measure"),
                    ("overturn", "overturned: void from the beginning"),
                ),
            ),
            Table("measure", "Against what", _MEASURES),
            _times("answer", "From the appeal to the answer"),
        ),
    ),
    Population("objections", "Objections of reporters", "To the answer to a report, or to a pause."),
    Population(
        "reconsidered",
        "Objections of reporters decided",
        "Each by somebody who had no part in the answer.",
        (
            Table(
                "verdict",
                "What became of the answers",
                (("uphold", "upheld"), ("modify", "modified"), ("overturn", "overturned")),
            ),
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

_PLAIN = {
    "case:dismiss": ("dismissed", None),
    "appeal:submit": ("appeals", None),
    "complaint:submit": ("objections", None),
    "complaint:uphold": ("reconsidered", "verdict:uphold"),
    "complaint:modify": ("reconsidered", "verdict:modify"),
    "complaint:overturn": ("reconsidered", "verdict:overturn"),
    "reporter:caution": ("unfounded", "step:caution"),
    "reporter:pause": ("unfounded", "step:pause"),
    **{f"filing:{step}": ("filings", f"step:{step}") for step, _ in BY_KEY["filings"].tables[0].labels},
    **{f"reveal:{step}": ("reveals", f"step:{step}") for step, _ in BY_KEY["reveals"].tables[0].labels},
}
"""Acts that count by themselves: in which population, and in which row of its only table."""
_OF_DECISIONS = frozenset({"decision:final", "decision:automatic", "decision:hold", "sanction:enforce"})
TOUCHES = frozenset(
    {"case:claim", "case:dismiss", "decision:propose", "decision:final", "decision:hold"}
)
"""Acts by which a person takes a case up: by claiming it, or by settling it at once."""
COUNTED = frozenset(
    {
        *_PLAIN,
        *_OF_DECISIONS,
        *TOUCHES,
        *("report:receive", "notice:arrive"),
        *("sanction:end", "sanction:lift", "sanction:void"),
        *("appeal:uphold", "appeal:modify", "appeal:overturn"),
    }
)
"""The acts that are counted."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is on record of a decision."""

    nature: Nature
    rule: str
    scope: Scope
    kind: Kind
    severity: Severity
    removed: bool
    confirmed: bool
    found: str
    """How it came to our knowledge: `report`, `rule`, `ours`, or `machine` that acted by itself."""
    opened_at: datetime
    decided_at: datetime
    ends_at: datetime | None
    appealed_at: datetime | None

    @property
    def measure(self) -> str:
        """The row of its measure."""
        if self.nature is Nature.REPLACEMENT:
            return "replacement"
        row = self.kind.value if self.kind in _KINDS else f"{self.scope}:{self.kind.value}"
        return row if row in dict(_MEASURES) else _OTHER


@dataclass(frozen=True, slots=True)
class Report:
    """What is on record of a report."""

    via: str
    category: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """Where one entry of the audit log counts."""

    population: str
    rows: tuple[str, ...]
    """One for each of its tables, as `table:row`."""

    def keys(self, day: date) -> Iterator[tuple[str, str]]:
        """List the figures that grow by one: the whole, its month, and a row of each table."""
        yield self.population, ""
        yield self.population, f"{MONTH}:{day:%Y-%m}"
        for row in self.rows:
            yield self.population, row


def plain(tag: str) -> Counted | None:
    """Count an act that counts by itself."""
    if tag not in _PLAIN:
        return None
    population, row = _PLAIN[tag]
    return Counted(population, (row,) if row else ())


def of_report(report: Report, at: datetime) -> Counted:
    """Count a report."""
    receipt = bucket(at - report.received_at)
    return Counted("reports", (f"way:{report.via}", f"rule:{report.category}", f"receipt:{receipt}"))


def of_touch(opened_at: datetime, at: datetime) -> Counted:
    """Count a case that is taken up for the first time."""
    return Counted("touched", (f"waited:{bucket(at - opened_at)}",))


def of_decision(tag: str, facts: Facts, at: datetime) -> Iterable[Counted]:
    """Count what happened to a decision."""
    held = facts.nature is Nature.HOLD
    if tag == "decision:hold":
        yield Counted("holds", (f"scope:{facts.scope}",))
    elif tag in {"decision:final", "decision:automatic"}:
        decided = (
            f"measure:{facts.measure}",
            f"rule:{facts.rule}",
            f"severity:{facts.severity.value}",
            f"removed:{_yes(facts.removed)}",
            f"second:{_yes(facts.confirmed)}",
            f"took:{bucket(at - facts.opened_at)}",
        )
        if facts.found == "report":
            yield Counted("on_reports", decided)
        else:
            yield Counted("own", (*decided, f"found:{facts.found}"))
    elif tag == "sanction:enforce" and not held:
        yield Counted("carried", (f"effect:{bucket(at - facts.decided_at)}",))
    elif tag == "notice:arrive" and not held:
        yield Counted("notices", (f"told:{bucket(at - facts.decided_at)}",))
    elif tag.startswith("appeal:") and facts.appealed_at is not None:
        verdict, took = tag.partition(":")[2], bucket(at - facts.appealed_at)
        yield Counted("verdicts", (f"verdict:{verdict}", f"measure:{facts.measure}", f"answer:{took}"))
    elif tag in {"sanction:end", "sanction:lift", "sanction:void"} and facts.kind in _BINDING:
        how = tag.partition(":")[2]
        late = bucket(at - (facts.ends_at or at))
        yield Counted("ended", (f"how:{late if how == 'end' else how}",))


def _yes(is_so: bool) -> str:  # noqa: FBT001 - the word for it
    return "yes" if is_so else "no"
