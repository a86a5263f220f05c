"""How applications are reviewed: how long one is somebody's, when people are called, which reasons."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from policybot.config.types import Section, Span, Word
from policybot.domain.review import LONGEST, Deadline

_SHORTEST, _MOST = timedelta(minutes=5), timedelta(hours=24)


def _lease(value: timedelta) -> timedelta:
    if not _SHORTEST <= value <= _MOST:
        message = "must be from five minutes (PT5M) to a day (PT24H)"
        raise ValueError(message)
    return value


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        message = "must be more than nothing"
        raise ValueError(message)
    return value


def _one_line(value: str) -> str:
    if len(value.splitlines()) > 1:
        message = "must be one line"
        raise ValueError(message)
    return value.strip()


def _whole_blanks(value: str) -> str:
    if re.search(r"[{}]", re.sub(r"\{[^{}]*[^{}\s][^{}]*\}", "", value)):
        message = "has a blank that does not begin with { and end with }, or is empty"
        raise ValueError(message)
    return value


Lease = Annotated[Span, AfterValidator(_lease)]
Wait = Annotated[Span, AfterValidator(_positive)]
Point = Annotated[Word, Field(max_length=200), AfterValidator(_one_line)]
Reason = Annotated[
    Word, Field(max_length=LONGEST // 2), AfterValidator(_one_line), AfterValidator(_whole_blanks)
]


class DeadlinesSection(Section):
    """When people are called because an application waits; time never decides one."""

    claim: Wait = Field(
        timedelta(days=2), description="For how long a new application may be with nobody."
    )
    decide: Wait = Field(
        timedelta(days=7),
        description="For how long one may be undecided; time in which its applicant was asked is not "
        "counted.",
    )
    answer: Wait = Field(
        timedelta(days=14),
        description="After how long without an answer an applicant is reminded, and your people told.",
    )

    @property
    def spans(self) -> dict[Deadline, timedelta]:
        """Give them by their kind."""
        return {Deadline.CLAIM: self.claim, Deadline.DECIDE: self.decide, Deadline.ANSWER: self.answer}
