"""Joining: where a server is shut out, one appeal is good for all accounts there, and they join it."""

from collections.abc import Collection

from policybot.domain.appeal import About, Appeal, State
from policybot.domain.errors import OutOfOrder

MOST_JOINED = 50
"""How many other accounts of a server can join its appeal, each once.

Whoever runs a server has as many as they like, so nobody who is verified here is kept out by them.
"""


def joins(appeal: Appeal, who: str) -> bool:
    """Say whether somebody who appeals as well joins this one, because it waits and is not theirs."""
    return appeal.about is About.SERVER and appeal.state is State.SUBMITTED and appeal.appellant != who


def check(appeal: Appeal, who: str, joined: Collection[str], *, verified: bool) -> None:
    """Check that somebody can join an appeal.

    Raises:
        OutOfOrder: they have joined before, or enough others have and they are not verified.
    """
    if who in joined or (len(joined) >= MOST_JOINED and not verified):
        whose = "You have" if who in joined else f"{MOST_JOINED} others have"
        message = (
            f"{whose} joined the {appeal.called} already. Somebody looks at it, and the outcome is good "
            "for all of you."
        )
        raise OutOfOrder(message)
