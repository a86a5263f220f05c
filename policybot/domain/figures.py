"""What is counted for everybody to see: which entries of the audit log count, and in which tables.

Nothing is ever taken off a figure: an overturned decision is counted among the verdicts of its own day.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from policybot.domain.decision import Nature
from policybot.domain.ladder import Scope, Severity
from policybot.domain.measure import Kind
from policybot.domain.population import BINDING, BY_KEY, MEASURES, MONTH, OTHER, SAID, bucket

APPEALED = "appeal:submit"
_APPEALED = ("submit", "uphold", "overturn")
_PLAIN = {
    "case:dismiss": ("dismissed", None),
    "reporter:caution": ("unfounded", "step:caution"),
    "reporter:pause": ("unfounded", "step:pause"),
    **{f"filing:{step}": ("filings", f"step:{step}") for step, _ in BY_KEY["filings"].tables[0].labels},
    **{f"reveal:{step}": ("reveals", f"step:{step}") for step, _ in BY_KEY["reveals"].tables[0].labels},
    **{f"filing-appeal:{step}": ("filing_appeals", f"step:{step}") for step in _APPEALED},
    **{f"recheck:{step}": ("rechecks", f"step:{step}") for step in ("flag", "close")},
}
"""Acts that count by themselves: in which population, and in which row of its only table."""
OBJECTIONS = frozenset({f"complaint:{act}" for act in ("submit", "uphold", "modify", "overturn")})
"""Acts on objections of reporters."""
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
        *("report:receive", "notice:arrive", "referral:hand_over"),
        *("sanction:end", "sanction:lift", "sanction:void"),
        *(APPEALED, "appeal:uphold", "appeal:modify", "appeal:overturn"),
        *OBJECTIONS,
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
    listed: bool
    """Whether other communities are told of it."""
    found: str
    """How it came to our knowledge: `report`, `rule`, `ours`, or `machine` that acted by itself."""
    opened_at: datetime
    decided_at: datetime
    ends_at: datetime | None
    appealed_at: datetime | None
    flagged: bool = False
    """Whether a trusted flagger reported it."""
    objected: bool = False
    """Whether a reporter's objection had it looked at again."""

    @property
    def measure(self) -> str:
        """The row of its measure."""
        if self.nature is Nature.REPLACEMENT:
            return "replacement"
        row = self.kind.value if self.kind in SAID else f"{self.scope}:{self.kind.value}"
        return row if row in dict(MEASURES) else OTHER


@dataclass(frozen=True, slots=True)
class Report:
    """What is on record of a report."""

    via: str
    category: str
    received_at: datetime
    flagged: bool = False
    """Whether it is one of a trusted flagger."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Where one entry of the audit log counts."""

    population: str
    rows: tuple[str, ...]
    """One for each of its tables, as `table:row`, but for those that cross."""

    def keys(self, day: date) -> Iterator[tuple[str, str]]:
        """List the figures that grow by one: the whole, its month, and a row of each table."""
        yield self.population, ""
        yield self.population, f"{MONTH}:{day:%Y-%m}"
        for row in (*self.rows, *BY_KEY[self.population].crossing(self.rows)):
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
    rows = (f"way:{report.via}", f"rule:{report.category}", f"receipt:{receipt}")
    return Counted("reports", (*rows, _flagger(report.flagged)))


def of_objection(tag: str, report: Report | None, took: timedelta) -> Counted:
    """Count an objection of a reporter, or what became of it after some time."""
    flagger, act = _flagger(report is not None and report.flagged), tag.partition(":")[2]
    if act == "submit":
        return Counted("objections", (flagger,))
    return Counted("reconsidered", (f"verdict:{act}", flagger, f"answer:{bucket(took)}"))


def of_referral(payload: Mapping[str, Any]) -> Counted:
    """Count what was handed over; nothing about anybody is in a correction."""
    population = "referrals" if payload.get("fields", True) else "corrections"
    return Counted(population, (f"recipient:{payload.get('recipient', OTHER)}",))


def of_touch(opened_at: datetime, at: datetime) -> Counted:
    """Count a case that is taken up for the first time."""
    return Counted("touched", (f"waited:{bucket(at - opened_at)}",))


def of_appeal(facts: Facts | None) -> Counted:
    """Count an appeal by what it is against; as another measure where the decision is forgotten."""
    measure, removed = (facts.measure, facts.removed) if facts else (OTHER, False)
    return Counted("appeals", (f"measure:{measure}", f"removed:{_yes(removed)}"))


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
            anew = facts.objected and (facts.removed or facts.kind in BINDING)
            yield Counted("on_reports", (*decided, _flagger(facts.flagged), f"anew:{_yes(anew)}"))
        else:
            yield Counted("own", (*decided, f"found:{facts.found}"))
    elif tag == "sanction:enforce" and not held:
        yield Counted("carried", (f"effect:{bucket(at - facts.decided_at)}",))
        if facts.listed:
            yield Counted("listed", ("step:publish",))
    elif tag == "notice:arrive" and not held:
        yield Counted("notices", (f"told:{bucket(at - facts.decided_at)}",))
    elif tag.startswith("appeal:") and facts.appealed_at is not None:
        verdict, took = tag.partition(":")[2], bucket(at - facts.appealed_at)
        of = f"measure:{facts.measure}", f"removed:{_yes(facts.removed)}"
        yield Counted("verdicts", (f"verdict:{verdict}", *of, f"answer:{took}"))
    elif tag in {"sanction:end", "sanction:lift", "sanction:void"} and facts.kind in BINDING:
        how = tag.partition(":")[2]
        late = bucket(at - (facts.ends_at or at))
        yield Counted("ended", (f"how:{late if how == 'end' else how}",))
        if facts.listed:
            yield Counted("listed", ("step:withdraw",))


def _flagger(is_one: bool) -> str:  # noqa: FBT001 - the row for it
    return f"flagger:{_yes(is_one)}"


def _yes(is_so: bool) -> str:  # noqa: FBT001 - the word for it
    return "yes" if is_so else "no"
