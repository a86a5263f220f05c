"""Who had a part in a matter, and which: none of them reviews an objection about it."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from policybot.domain.errors import NotFound, NotPermitted


class Why(StrEnum):
    """Which part somebody had; the database knows the same words."""

    SUBJECT = "subject"
    """It was decided about them, or they object."""
    DECIDER = "decider"
    APPROVER = "approver"
    PROPOSER = "proposer"
    REPORTER = "reporter"
    ROOM = "room"
    """They filed the room, are its deputy, or moderate it."""
    WORKER = "worker"
    """They worked on the case, closed it, or decided something else in it."""


PART: Mapping[Why, str] = {
    Why.SUBJECT: "it is about you",
    Why.DECIDER: "you decided it",
    Why.APPROVER: "you confirmed it",
    Why.PROPOSER: "you proposed it",
    Why.REPORTER: "you reported it",
    Why.ROOM: "you answer for the room or moderate it",
    Why.WORKER: "you worked on it",
}


def check_apart(reviewer: str, parties: Iterable[tuple[str, Why]]) -> None:
    """Check that a reviewer had no part in a matter; the database refuses the same (I14).

    Raises:
        NotPermitted: they had one.
    """
    mine = {why for user_id, why in parties if user_id == reviewer}
    if not mine:
        return
    first = next(why for why in Why if why in mine)
    message = (
        f"You had a part in this matter: {PART[first]}. It is decided by somebody who had none: please "
        "leave it to another reviewer."
    )
    raise NotPermitted(message)


def hidden() -> NotFound:
    """Say to a reviewer outside that something is not for them: as if it were not there."""
    return NotFound("There is nothing under this number that is yours to decide.")
