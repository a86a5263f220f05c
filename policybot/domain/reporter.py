"""A reporter: how far their reports were agreed with, and what people may do about unfounded ones.

A report can be marked as manifestly unfounded; who makes many such is warned, and whose unfounded
reports go on after the warning has arrived may be paused for a time. Each is decided by a person, with a
reason that the reporter reads and can object to (Article 23(2) of Regulation (EU) 2022/2065). The weight
orders queues and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain.appeal import State
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.measure import duration_in_words, parse_duration
from policybot.domain.name import one_line
from policybot.domain.notice import MIN_FACTS, day
from policybot.domain.report import MOST_TEXT, Outcome, Report

WINDOW = 100
"""How many of a person's newest answered reports are looked at."""
FREQUENT = 3
"""Floor in code: how many manifestly unfounded reports among them are the fewest for a warning."""
COUNTS = timedelta(days=365)
"""How long a warning counts."""
SHORTEST, LONGEST = timedelta(hours=1), timedelta(days=30)
"""Floor in code: how long reports may be paused."""
END = "end"
"""What is written in place of a time to end a pause early."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a person's newest answered reports; those about themselves are left out."""

    answered: int = 0
    agreed: int = 0
    disagreed: int = 0
    unfounded: int = 0

    @property
    def in_words(self) -> str:
        """The numbers, as a moderator reads them."""
        share = round(100 * self.unfounded / self.answered) if self.answered else 0
        return f"{self.unfounded} of the last {self.answered} answered reports ({share} %)"


def weight(tally: Tally) -> float:
    """Say how much a report of theirs moves a case up in the queue: between 0 and 1, 0.5 at first."""
    return (tally.agreed + 2) / (tally.agreed + tally.disagreed + 4)


class Kind(StrEnum):
    """What people can decide about reports without any ground."""

    UNFOUNDED = "unfounded"
    """One report was manifestly unfounded; nothing follows from that by itself."""
    CAUTION = "caution"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class Step:
    """One such decision, which hangs on one report."""

    id: int
    kind: Kind
    report_id: int
    account: str
    person_id: str | None
    by: str
    reason: str
    at: datetime
    until: datetime | None = None
    told_at: datetime | None = None
    """When the message about it was delivered."""
    ended_at: datetime | None = None
    end_reason: str | None = None

    @property
    def receipt(self) -> str:
        """The number of the report."""
        return f"R-{self.report_id}"

    def stands(self, now: datetime) -> bool:
        """Say whether it counts now."""
        return self.ended_at is None and (self.until is None or now < self.until)


class Paused(OutOfOrder):
    """A report that is not taken because its author's reports are paused."""

    def __init__(self, step: Step, text: str) -> None:
        """Say by which step, and tell the reporter."""
        super().__init__(text)
        self.step = step


def reason_of(text: str) -> str:
    """Read the reason for a step, as it is kept and told.

    Raises:
        Incomplete: it says too little.
    """
    said = one_line(text, MOST_TEXT)
    if len(said) < MIN_FACTS:
        message = "Please give the reason in a sentence: the reporter will read it."
        raise Incomplete(message)
    return said


def span_of(text: str) -> timedelta:
    """Read for how long reports are to be paused.

    Raises:
        NotFound: it is no duration.
        Incomplete: it is too short or too long.
    """
    try:
        span = parse_duration(text.upper())
    except ValueError as error:
        raise NotFound(str(error)) from None
    if not SHORTEST <= span <= LONGEST:
        message = (
            f"Reports can be paused for {duration_in_words(SHORTEST)} to {duration_in_words(LONGEST)}."
        )
        raise Incomplete(message)
    return span


def check_unfounded(report: Report, *, objected: bool) -> None:
    """Check that a report can be marked as manifestly unfounded.

    Raises:
        OutOfOrder: it did not end without a breach, or its author has objected to that.
    """
    if report.outcome is not Outcome.NO_BREACH:
        message = f"{report.receipt} has not been answered with «no breach»; then it can be unfounded."
        raise OutOfOrder(message)
    if objected:
        message = (
            f"Whoever made {report.receipt} has objected to the answer. Who objects is not judged "
            "for it meanwhile or afterwards."
        )
        raise OutOfOrder(message)


def check_caution(receipt: str, steps: Sequence[Step], tally: Tally, now: datetime) -> None:
    """Check that a reporter may be warned because of a report.

    Args:
        receipt: the number of the report.
        steps: all that was decided about this person's reports.
        tally: what became of them.
        now: the time.

    Raises:
        OutOfOrder: the report is not marked, there are too few, or they have been warned already.
    """
    _check_marked(receipt, steps, now)
    if tally.unfounded < FREQUENT:
        message = (
            f"Found manifestly unfounded: {tally.in_words}. A warning is for those who do it often: "
            f"{FREQUENT} times at the least."
        )
        raise OutOfOrder(message)
    if (earlier := warning(steps, now)) is not None:
        message = (
            f"They were warned already on {earlier.at:%-d %B %Y} ({earlier.receipt}). If unfounded "
            "reports go on: !policy pause R-… TIME REASON"
        )
        raise OutOfOrder(message)


def check_pause(report: Report, steps: Sequence[Step], now: datetime) -> None:
    """Check that a reporter may be paused because of a report, which came after a warning had arrived.

    Raises:
        OutOfOrder: the report is not marked, there was no warning, or they are paused already.
    """
    _check_marked(report.receipt, steps, now)
    warned = warning(steps, now)
    if warned is None:
        message = (
            "They have not been warned. Reports are paused only where a warning did not help: first "
            f"!policy caution {report.receipt} REASON"
        )
        raise OutOfOrder(message)
    if not is_after(report, warned):
        arrived = f"arrived on {day(warned.told_at)}" if warned.told_at else "has not arrived yet"
        message = (
            f"{report.receipt} came on {day(report.received_at)}, and the warning {arrived}. A pause is "
            "for an unfounded report that came after it."
        )
        raise OutOfOrder(message)
    if (running := pause(steps, now)) is not None and running.until is not None:
        message = f"Their reports are paused already, until {day(running.until)} ({running.receipt})."
        raise OutOfOrder(message)


def possible(report: Report, steps: Sequence[Step], tally: Tally, now: datetime) -> str | None:
    """Say which command a moderator may give because of a report; nobody has to."""
    try:
        check_caution(report.receipt, steps, tally, now)
    except OutOfOrder:
        pass
    else:
        return f"caution {report.receipt} REASON"
    try:
        check_pause(report, steps, now)
    except OutOfOrder:
        return None
    return f"pause {report.receipt} P7D REASON"


def is_after(report: Report, warned: Step) -> bool:
    """Say whether a report came after a warning had arrived."""
    return warned.told_at is not None and report.received_at > warned.told_at


def warning(steps: Sequence[Step], now: datetime) -> Step | None:
    """Find the warning that counts."""
    return next((s for s in reversed(steps) if s.kind is Kind.CAUTION and s.stands(now)), None)


def pause(steps: Sequence[Step], now: datetime) -> Step | None:
    """Find the pause that lasts longest."""
    running = [s for s in steps if s.kind is Kind.PAUSE and s.stands(now)]
    return max(running, key=lambda s: s.until or s.at, default=None)


def groundless(steps: Sequence[Step], now: datetime) -> list[Step]:
    """List the warnings and pauses that rest on nothing any more, after something was taken back.

    Each needs its own report's mark, a warning as many marks as when it was given, a pause a warning.
    """
    standing = [step for step in steps if step.stands(now)]
    marked = {step.report_id for step in standing if step.kind is Kind.UNFOUNDED}
    enough = {Kind.CAUTION: FREQUENT, Kind.PAUSE: 1}
    gone = [
        step
        for step in standing
        if step.kind in enough and (step.report_id not in marked or len(marked) < enough[step.kind])
    ]
    if warning([step for step in standing if step not in gone], now) is None:
        gone += [step for step in standing if step.kind is Kind.PAUSE and step not in gone]
    return gone


def _check_marked(receipt: str, steps: Sequence[Step], now: datetime) -> None:
    if not any(s.receipt == receipt and s.kind is Kind.UNFOUNDED and s.stands(now) for s in steps):
        message = f"{receipt} is not marked. First, if it is so: !policy unfounded {receipt} REASON"
        raise OutOfOrder(message)


def marked(step: Step, window: int) -> str:
    """Tell a reporter that a report of theirs was manifestly unfounded."""
    return (
        f"About your report {step.receipt}: a moderator found that it was manifestly unfounded."
        f"\nReason: {step.reason}\nNothing follows from that by itself. Who makes many such "
        "reports is warned, and if they go on, their reports are not taken for a time; a person decides "
        f"that each time.\n{_objecting(step, window)}"
    )


def cautioned(step: Step, tally: Tally, window: int) -> str:
    """Tell a reporter that they are warned."""
    until = f" It counts until {day(step.until)}." if step.until else ""
    return (
        f"A warning about your reports: a moderator found manifestly unfounded {tally.in_words} of "
        f"yours, {step.receipt} the last.\nReason: {step.reason}\nPlease go on reporting what you think "
        "breaks a rule; but if more reports come that have no ground at all, your reports may be "
        f"paused for up to {LONGEST.days} days.{until}\n{_objecting(step, window)}"
    )


def paused(step: Step, always: str, window: int) -> str:
    """Tell a reporter that their reports are not taken for a time."""
    until = day(step.until) if step.until else ""
    return (
        f"Your reports are paused until {until}, because manifestly unfounded ones went on after a "
        f"warning, {step.receipt} the last. It ends by itself, and concerns nothing but reports.\n"
        f"Reason: {step.reason}{always}\n{_objecting(step, window)}"
    )


def not_taken(step: Step, always: str, objection: State | None) -> str:
    """Tell a reporter that this report was not taken, until when that is so, and what to do."""
    until = day(step.until) if step.until else ""
    how = {
        None: f"\nTo object to the pause: !policy object {step.receipt} YOUR REASONS",
        State.SUBMITTED: "\nYour objection is with another person.",
    }
    return (
        f"Your reports are paused until {until}, so this one was not taken.\nReason: "
        f"{step.reason}{always}{how.get(objection, '')}"
    )


def over(step: Step) -> str:
    """Tell a reporter that their pause has ended by itself."""
    return f"Your reports are taken again: the pause because of {step.receipt} has ended."


def lifted(step: Step, reason: str) -> str:
    """Tell a reporter that a warning or a pause has ended before its time."""
    what = (
        "the pause of your reports is"
        if step.kind is Kind.PAUSE
        else "the warning about your reports is"
    )
    return f"{step.receipt}: {what} taken back. Reason: {reason}"


def in_words(step: Step) -> str:
    """Say a step to the person whom it concerns."""
    if step.kind is Kind.UNFOUNDED:
        return f"{step.receipt} was found manifestly unfounded on {step.at:%-d %B %Y}: {step.reason}"
    what = "paused" if step.kind is Kind.PAUSE else "warned"
    until = f", until {day(step.until)}" if step.until else ""
    return f"{what} on {step.at:%-d %B %Y} because of {step.receipt}{until}: {step.reason}"


def _objecting(step: Step, window: int) -> str:
    return (
        f"You can object within {window} days, and another person than the one who decided will look "
        f"at it: !policy object {step.receipt} YOUR REASONS"
    )
