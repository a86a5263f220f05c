"""A report: what somebody complains of, by which way it came, and how it ended."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from policybot.domain.case import Case, Subject
from policybot.domain.case import State as CaseState
from policybot.domain.flagger import called


class Outcome(StrEnum):
    """How a report ended."""

    ACTIONED = "actioned"
    NO_BREACH = "no_breach"
    OVERTURNED = "overturned"


class ReportState(StrEnum):
    """Where a report stands: it is always in a case, and always answered in the end."""

    ATTACHED = "attached"
    RESOLVED = "resolved"


class Via(StrEnum):
    """How a report reached us."""

    COMMAND = "command"
    BUTTON = "button"
    """The client's own button: it names no rule, and need not say a word."""
    WEB = "web"
    """The public form, which needs no account."""
    TOOL = "tool"
    """Another program that the operator lets report."""
    LIST = "list"
    """A list of another community that the operator watches."""


UNSORTED = "unsorted"
"""The category of a report that names no rule."""
MOST_TEXT = 2000
"""Characters of a report that are kept."""


@dataclass(frozen=True, slots=True)
class Report:
    """A complaint about one subject by an account, a tool, or somebody without an account."""

    id: int
    reporter: str
    """An account; `tool:NAME`; `list:NAME`; or `guest:…`, of whom nothing is known."""
    subject: Subject
    category: str
    """The number of the rule that the reporter names, or `UNSORTED`."""
    text: str
    case_id: int
    received_at: datetime
    via: Via = Via.COMMAND
    state: ReportState = ReportState.ATTACHED
    outcome: Outcome | None = None
    resolved_at: datetime | None = None
    """When its author was answered the last time."""
    resolved_by: str | None = None
    """Who found no breach."""
    flagger: str | None = None
    """The trusted flagger whose report it was when it was taken; empty once its name is forgotten."""

    @property
    def receipt(self) -> str:
        """The number its author gets."""
        return f"R-{self.id}"

    @property
    def account(self) -> str | None:
        """The account that reported, which can be written to; None for a guest or a tool."""
        return self.reporter if self.reporter.startswith("@") else None

    @property
    def named(self) -> str:
        """What it names, as a moderator reads it, and how it came unless by an account."""
        if self.category == UNSORTED and self.via is Via.BUTTON and self.flagger is None:
            return "reported with the client's button"
        if self.via is Via.LIST:
            return self.came
        rule = "names no rule" if self.category == UNSORTED else f"names {self.category}"
        return f"{self.came} and {rule}" if self.came else rule

    @property
    def came(self) -> str:
        """Tell how it came, where no account stands behind it, or a trusted flagger."""
        if self.flagger is not None:
            by = f"the program {self.reporter.removeprefix('tool:')} of " if self.via is Via.TOOL else ""
            return f"came from {by}{called(self.flagger)}"
        match self.via:
            case Via.WEB:
                return "came by the public form, without an account,"
            case Via.TOOL:
                return f"came from the program {self.reporter.removeprefix('tool:')}"
            case Via.LIST:
                return f"came from the list «{self.reporter.removeprefix('list:')}» of others"
        return ""


_ENDED = {
    Outcome.ACTIONED: "actioned. A rule was broken, and a measure was taken",
    Outcome.NO_BREACH: "no breach. No rule was broken, and nothing was done",
    Outcome.OVERTURNED: "overturned. The decision was appealed, and the measure was taken back",
}
_GOES_ON = {
    CaseState.OPEN: "being looked at. It waits for a moderator",
    CaseState.CLAIMED: "being looked at by a moderator. It is with us",
    CaseState.PENDING_APPROVAL: "being looked at. A second person has to confirm what was proposed; it "
    "is with us",
}


def stands(report: Report, case: Case, again_since: datetime | None = None) -> str:
    """Say to whoever reported where it stands, and since when; also if it was opened again."""
    if report.outcome is not None:
        since = f", since {_day(report.resolved_at)}" if report.resolved_at else ""
        return f"{_ENDED[report.outcome]}{since}."
    since = f", since {_day(again_since or report.received_at)}"
    if case.state not in _GOES_ON:
        return f"decided, and being carried out{since}."
    return f"{_GOES_ON[case.state]}{since}."


def _day(at: datetime) -> str:
    return f"{at:%-d %B %Y, %H:%M} UTC"
