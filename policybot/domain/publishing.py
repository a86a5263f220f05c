"""May this account publish in this room now; if not, why not."""

from dataclasses import dataclass
from enum import StrEnum

from policybot.domain.identity import FrontClass


class Obstacle(StrEnum):
    """Why somebody may not publish; each goes away by something that they can do themselves."""

    UNVERIFIED = "unverified"
    UNSIGNED = "unsigned"
    DUE = "due"
    """They signed an earlier version of the agreement, and the time to sign the present one is over."""


@dataclass(frozen=True, slots=True)
class Account:
    """What counts of an account when it publishes."""

    verified: bool = False
    """Whether it is linked to a person whose verification is good today."""
    signed: int = 0
    """The number of the newest version of the agreement that it has signed; 0 for none."""
    language: str = ""
    """The language in which its owner wants to be answered; empty for the operator's own."""


STRANGER = Account()
"""An account that is linked to nobody."""

NAMED = frozenset({FrontClass.VERIFIED_REQUIRED, FrontClass.ROLE_BASED})
"""The classes of room in which only verified persons publish who have signed."""


def obstacle(account: Account, bound: int, *, named: bool) -> Obstacle | None:
    """Say what keeps an account from publishing; None if nothing does.

    Args:
        account: what counts of the sender.
        bound: the number of the version of the agreement that binds today; 0 while none does.
        named: whether the room asks for a verified person.
    """
    if named and not account.verified:
        return Obstacle.UNVERIFIED
    if account.signed < bound and (named or account.signed):
        return Obstacle.UNSIGNED if not account.signed else Obstacle.DUE
    return None
