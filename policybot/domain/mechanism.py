"""The part of a rule that a machine can apply: when it applies, where, and what follows."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from policybot.domain.condition import Condition
from policybot.domain.rules import Rule


class Stage(StrEnum):
    """How far a rule has come; only a person moves it on, by changing the configuration."""

    DRAFT = "draft"
    """It is checked, and applied to nothing."""
    SHADOW = "shadow"
    """What it would find is counted, and nothing follows."""
    LIVE = "live"


class Then(StrEnum):
    """What follows where a rule applies."""

    REFUSE = "refuse"
    """It is not accepted. Where it was delivered already, as `redact` if automatic, else `report`."""
    REPORT = "report"
    """A case is opened, for people."""
    REDACT = "redact"
    """It is removed with a warning; automatic only."""
    HOLD = "hold"
    """Its sender cannot post in that room for a time; automatic only."""


LONGEST_HOLD = timedelta(hours=72)
"""Nothing that a machine does to somebody lasts longer without a person."""
BETWEEN_HOLDS = timedelta(days=7)
"""A machine holds nobody in the same room again so soon: holds in a row would be a longer one."""
MOST_SUBJECTS = 20
"""A machine acts on no more people than this in an hour, all rules together."""
MACHINE = "system:rules"
"""Who decides where a rule acts by itself."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A rule that a machine can apply."""

    rule: Rule
    when: Condition
    stage: Stage = Stage.LIVE
    where: frozenset[str] = field(default=frozenset())
    """The categories of the rooms in which it applies; empty for all governed rooms."""
    then: frozenset[Then] = frozenset({Then.REPORT})
    automatic: bool = False
    """Whether it may act without a person, within the bounds above."""
    hold_for: timedelta = timedelta(hours=24)

    @property
    def id(self) -> str:
        """The number of the rule."""
        return self.rule.id

    def applies_in(self, categories: tuple[str, ...]) -> bool:
        """Say whether it applies in a room of these categories."""
        return not self.where or not self.where.isdisjoint(categories)
