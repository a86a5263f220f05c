"""The review of an application: whose it is and until when, what is checked, which time has passed.

nobody's ─ claim, or any act on it ─→ somebody's until the lease ends ─ release, time ─→ nobody's

Time frees a filing and calls people. It never moves the filing itself.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain import filing as filing_rules
from policybot.domain.errors import Incomplete, NotFound, NotPermitted, OutOfOrder
from policybot.domain.filing import Filing, State, Step
from policybot.domain.name import one_line
from policybot.domain.rank import Levels

OPEN = frozenset({State.SUBMITTED, State.IN_REVIEW, State.NEEDS_INFO})
"""States in which reviewers have something to do with an application."""
LONGEST = 1000
"""Characters of a question or a reason: it is also shown, shortened, on the card."""
NOUN = "review"
"""What the subject of an approval begins with."""
_BLANK = re.compile(r"\{[^{}\n]+\}")


class Deadline(StrEnum):
    """A time after which people are called; it decides nothing."""

    CLAIM = "claim"
    """Nobody has taken a new application."""
    DECIDE = "decide"
    """It is not decided, the time not counted in which its applicant was asked."""
    ANSWER = "answer"
    """The applicant has not answered."""


class Said(StrEnum):
    """What kind of word it is that stands in the course of a review."""

    QUESTION = "question"
    ANSWER = "answer"


class Unchecked(Incomplete):
    """Points of a checklist that are still to be checked."""

    def __init__(self, number: str, left: Sequence[tuple[int, str]]) -> None:
        """Name them, with their numbers."""
        self.points = "\n".join(f"{n} {point}" for n, point in left)
        numbers = " ".join(str(n) for n, _ in left)
        super().__init__(
            f"{number} cannot be approved before this is checked:\n{self.points}\n"
            f"If it is: !policy check {number} {numbers}"
        )


@dataclass(frozen=True, slots=True)
class Review:
    """How far the review of a filing has come, besides the filing's state and reviewer."""

    filing_id: int
    lease_until: datetime | None = None
    asked_at: datetime | None = None
    """Since when it waits for its applicant; None if it does not."""
    waited: timedelta = timedelta(0)
    """For how long it has waited for its applicant before."""
    told: frozenset[Deadline] = frozenset()
    """Which deadlines people were called for."""
    told_at: datetime | None = None
    """When they were called last."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A point of the checklist that a reviewer has checked."""

    point: str
    by: str
    at: datetime
    binding: str
    """The fingerprint of the application as it was then: of a changed one nothing is checked."""


@dataclass(frozen=True, slots=True)
class Word:
    """A question or an answer."""

    kind: Said
    author: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sight:
    """A room as the bot sees it from within when a reviewer looks."""

    name: str
    topic: str
    members: int
    version: str
    join_rule: str
    encrypted: bool


# Whose it is -------------------------------------------------------------------------------------


def holder(filing: Filing, review: Review, now: datetime) -> str | None:
    """Say who has an application now; None if anybody may take it."""
    if filing.state not in OPEN or review.lease_until is None or review.lease_until <= now:
        return None
    return filing.reviewer


def check_free(filing: Filing, review: Review, by: str, now: datetime) -> None:
    """Check that nobody else has an application.

    Raises:
        NotPermitted: somebody has; the message says who, and until when.
    """
    found = holder(filing, review, now)
    if found not in (None, by):
        message = (
            f"{filing.number} is with {found} until {review.lease_until:%H:%M} UTC. Then anybody can "
            f"take it; or ask them to give it back before, with: !policy release {filing.number}"
        )
        raise NotPermitted(message)


def taken(  # noqa: PLR0913, PLR0917 - the two records, who, when, for how long, and what for
    filing: Filing,
    review: Review,
    by: str,
    now: datetime,
    lease: timedelta,
    step: Step = Step.CLAIM,
) -> tuple[Filing, Review]:
    """Take an application in order to do something with it, or keep it for longer.

    Raises:
        OutOfOrder: it is past reviewing.
        NotPermitted: somebody else has it.
    """
    if filing.state not in OPEN:
        filing_rules.moved(filing, step)
        message = f"{filing.number} is {filing.in_words}: there is nothing to review."
        raise OutOfOrder(message)
    check_free(filing, review, by, now)
    if filing.state is State.SUBMITTED:
        filing = filing_rules.moved(filing, Step.CLAIM)
    return replace(filing, reviewer=by), replace(review, lease_until=now + lease)


def released(filing: Filing, review: Review, by: str, now: datetime) -> tuple[Filing, Review]:
    """Give an application back.

    Raises:
        NotPermitted: it is not theirs to give.
    """
    if holder(filing, review, now) != by:
        check_free(filing, review, by, now)
        message = f"{filing.number} is with nobody: there is nothing to release."
        raise NotPermitted(message)
    return freed(filing, review)


def freed(filing: Filing, review: Review) -> tuple[Filing, Review]:
    """Let an application be anybody's again; its state stays as it is."""
    return replace(filing, reviewer=None), replace(review, lease_until=None)


def conflict(
    filing: Filing, reviewer: str, accounts: frozenset[str], levels: Levels | None
) -> str | None:
    """Say why somebody is no judge of an application; None if nothing is known against it.

    `accounts` are all that are known to be the reviewer's, `levels` the power in the room as last seen.
    """
    mine = accounts | {reviewer}
    if filing.applicant in mine:
        return f"{filing.number} is your own filing: somebody else reviews it."
    if filing.deputy in mine:
        return f"You are the deputy in {filing.number}: somebody else reviews it."
    if levels is not None:
        least = min(levels.needed("redact"), levels.needed("kick"))
        if any(levels.of(account) >= least for account in mine & levels.ranked()):
            return f"You moderate the room of {filing.number}: somebody else reviews it."
    return None


# What is checked ---------------------------------------------------------------------------------


def binding(filing: Filing, files: Sequence[int] = ()) -> str:
    """Give the fingerprint of exactly what an approval would approve, with the IDs of its files."""
    terms = [
        filing.id,
        filing.room_id,
        filing.control.value,
        filing.applicant,
        filing.deputy,
        filing.purpose,
        list(filing.categories),
        asdict(filing.about),
        list(files),
    ]
    return hashlib.sha256(json.dumps(terms, sort_keys=True).encode()).hexdigest()


def standing(points: Sequence[str], ticks: Iterable[Tick], bound: str) -> list[tuple[str, Tick | None]]:
    """List the points of a checklist, each with its tick if it is checked for what is written now."""
    known: Mapping[str, Tick] = {tick.point: tick for tick in ticks if tick.binding == bound}
    return [(point, known.get(point)) for point in points]


def check_checked(filing: Filing, points: Sequence[tuple[str, Tick | None]]) -> None:
    """Check that every point of the checklist is ticked.

    Raises:
        Unchecked: some are not; the message names them.
    """
    left = [(n, point) for n, (point, tick) in enumerate(points, 1) if tick is None]
    if left:
        raise Unchecked(filing.number, left)


def chosen(text: str, points: Sequence[str]) -> list[str]:
    """Read which points somebody means by their numbers: `1 3`, or `all`.

    Raises:
        Incomplete: there is no checklist, or none is named.
        NotFound: there is no such point.
    """
    if not points:
        message = "There is no checklist for this kind of room."
        raise Incomplete(message)
    words = text.replace(",", " ").split()
    if [word.lower() for word in words] == ["all"]:
        return list(points)
    found = []
    for word in words:
        number = int(word) if word.isascii() and word.isdecimal() and len(word) < LONGEST else 0
        if not 1 <= number <= len(points):
            message = f"There is no point «{word[:20]}». The points are 1 to {len(points)}."
            raise NotFound(message)
        found.append(points[number - 1])
    return found


# What is said ------------------------------------------------------------------------------------


def said(text: str, what: str) -> str:
    """Read a question or a reason.

    Raises:
        Incomplete: there is none, or it is too long.
    """
    if len(text.strip()) > LONGEST:
        message = f"Please write {what} in at most {LONGEST} characters."
        raise Incomplete(message)
    text = "\n".join(one_line(line, LONGEST) for line in text.splitlines()).strip()
    if not text:
        message = f"Please write {what} as well: the applicant reads it."
        raise Incomplete(message)
    return text


def blanks(preset: str) -> list[str]:
    """List the blanks of a prepared reason: what stands in braces, and has to be filled in."""
    return _BLANK.findall(preset)


def filled(preset: str, words: str) -> str:
    """Fill the blanks of a prepared reason, in their order; what is left is put behind it.

    Words for several blanks are parted by `|`.

    Raises:
        Incomplete: a blank is left; the message names it.
    """
    left = blanks(preset)
    parts = [part.strip() for part in words.split("|")] if left else [words.strip()]
    for place, blank in enumerate(left):
        if place >= len(parts) or not parts[place]:
            message = (
                f"A blank of this reason is still to be filled: {blank}. Write what belongs there; for "
                "several, in their order, with | between them."
            )
            raise Incomplete(message)
    given = iter(parts)
    preset = _BLANK.sub(lambda _: next(given), preset)
    return " ".join(part for part in (preset, *given) if part)


def reason(text: str, presets: Sequence[str]) -> str:
    """Read the reason of a rejection: the number of a prepared one with more words, or free text.

    Raises:
        Incomplete: there is none, it is too long, or a blank of a prepared one is left.
        NotFound: there is no prepared one of that number.
    """
    number, _, rest = text.strip().partition(" ")
    if presets and number.isascii() and number.isdecimal():
        place = int(number[:6])
        if not 1 <= place <= len(presets):
            message = (
                f"There is no prepared reason {number[:6]}. They are listed by: !policy help reject"
            )
            raise NotFound(message)
        return said(filled(presets[place - 1], rest), "the reason")
    for blank in (blank for preset in presets for blank in blanks(preset)):
        if blank in text:
            message = f"A blank is still to be filled: {blank}."
            raise Incomplete(message)
    return said(text, "the reason")


# Time --------------------------------------------------------------------------------------------


def asked(review: Review, now: datetime) -> Review:
    """Note that the applicant is asked something."""
    return replace(review, asked_at=now, told=review.told - {Deadline.ANSWER})


def followed(filing: Filing, review: Review, now: datetime) -> Review:
    """Note that a filing no longer waits for its applicant, if it does not."""
    if filing.state is State.NEEDS_INFO or review.asked_at is None:
        return review
    waited = review.waited + max(timedelta(0), now - review.asked_at)
    return replace(review, asked_at=None, waited=waited)


def deadlines(
    filing: Filing, review: Review, spans: Mapping[Deadline, timedelta]
) -> list[tuple[datetime, Deadline]]:
    """List what has a time in the present state, the nearest first."""
    decide = filing.submitted_at + review.waited + spans[Deadline.DECIDE], Deadline.DECIDE
    match filing.state:
        case State.SUBMITTED:
            claim = filing.submitted_at + spans[Deadline.CLAIM], Deadline.CLAIM
            return sorted([claim, decide])
        case State.IN_REVIEW:
            return [decide]
        case State.NEEDS_INFO if review.asked_at is not None:
            return [(review.asked_at + spans[Deadline.ANSWER], Deadline.ANSWER)]
        case _:
            return []


def overdue(
    filing: Filing, review: Review, spans: Mapping[Deadline, timedelta], now: datetime
) -> frozenset[Deadline]:
    """Name the deadlines that have passed."""
    return frozenset(what for at, what in deadlines(filing, review, spans) if at <= now)
