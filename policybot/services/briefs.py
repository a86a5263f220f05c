"""Briefs: what a reviewer reads of an appeal, whatever it is about, and what came of its end."""

from collections.abc import Mapping
from dataclasses import dataclass

from policybot.domain.appeal import VERDICTS, Appeal, Verdict, Word
from policybot.domain.case import Case
from policybot.domain.decision import Decision
from policybot.domain.evidence import File
from policybot.domain.notice import Statement
from policybot.domain.sanction import Sanction


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that is appealed, with what its reviewer needs."""

    case: Case
    decision: Decision
    statement: Statement
    """What the person was told, and why."""
    sanction: Sanction | None
    delivery: str
    """What became of the notice."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What an appeal is about: a decision, or what is known, each with what it is."""

    decided: Decided | None = None
    known: tuple[tuple[str, str], ...] = ()
    event_id: str | None = None
    """The message, if it is about one."""
    between: bool = True
    """Whether it can end in between, where appeals of its kind can."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What a reviewer needs to decide an appeal, and no more."""

    appeal: Appeal
    words: tuple[Word, ...]
    files: tuple[File, ...]
    """What is shown with it, without names and pictures."""
    facts: Facts

    @property
    def can(self) -> Mapping[Verdict, str]:
        """How it can end, and what that means."""
        ways = dict(VERDICTS[self.appeal.about])
        if not self.facts.between:
            ways.pop(Verdict.MODIFY, None)
        return ways


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of the end of an appeal, as its reviewer reads it."""

    said: str
    later: tuple[str, ...] = ()
    """Later decisions that counted the one that is void, and what becomes of them."""
