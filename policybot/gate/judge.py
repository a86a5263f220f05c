"""What both doors ask of an event that is on its way into a room: is it refused, and why.

Whatever is in the event was written by somebody who may wish us ill: what is not of the right type is
not there, and nothing here raises.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from policybot.domain import admission, gate
from policybot.domain.gate import Numbered, Places, Post, Rules
from policybot.domain.refusal import Refusal
from policybot.domain.seen import NOTHING, File, Seen, publishes, seen
from policybot.domain.view import View

UNJUDGED = frozenset({"m.room.member", "m.room.redaction"})
"""Members are judged when they enter or invite; what is taken back does no harm."""


@dataclass(frozen=True, slots=True)
class Read:
    """A long event, read by rules beforehand and aside; it is judged by what is known afterwards."""

    version: str
    seen: Seen
    places: tuple[Places, Sequence[Numbered]]

    @classmethod
    def of(cls, rules: Rules, kind: object, content: object) -> "Read":
        """Read an event: all of it that takes long."""
        said = seen(kind, content)
        return cls(rules.version, said, rules.read(said))

    def read(self, said: Seen) -> tuple[Places, Sequence[Numbered]]:  # noqa: ARG002 - as rules do
        """Give what was found."""
        return self.places


def judged(  # noqa: PLR0913 - what is known, and what is asked
    view: View,
    rules: Rules,
    event: Mapping[str, Any],
    now: datetime,
    *,
    files: tuple[File, ...] | None = None,
    read: Read | None = None,
) -> tuple[Refusal | None, Post | None]:
    """Judge a message or a change of state, as clients see them, before it is accepted.

    Args:
        view: what is known; its `posted` counts the judged event although it is not accepted yet.
        rules: as they were compiled.
        event: in the format of the Client-Server API.
        now: when it is sent.
        files: what those of its files are that could be looked into; None where nobody looked.
        read: the same event by the same rules, where it was read before, since it is long.

    Returns:
        Why it is refused, if it is, and what was judged: None where it is none of our business, or
        where nothing is published by it. What is not refused may be counted by it.
    """
    room_id, sender, kind = event.get("room_id"), event.get("sender"), event.get("type")
    if not (isinstance(room_id, str) and isinstance(sender, str) and isinstance(kind, str)):
        return None, None
    room = view.room(room_id)
    if kind in UNJUDGED or room is None or not is_judged(view, sender):
        return None, None
    said = None if read is None else read.seen
    rules = rules if read is None else read
    state = event.get("state_key") is not None
    post = gate.posted(room_id, sender, kind, event.get("content"), now, room, state=state, said=said)
    if state:
        if post.seen == NOTHING:
            return admission.changes(view, room_id, sender, now), None
        return gate.decide(view, rules, post).refusal, None
    post = replace(post, files=files)
    refusal = gate.decide(view, rules, post).refusal
    # What says nothing, such as the signals of a call, is no post to be counted.
    return refusal, post if post.counts or publishes(kind, event.get("content")) else None


def is_judged(view: View, user_id: str) -> bool:
    """Say whether the gate judges somebody: an account of our homeserver, and not the bot.

    What comes from elsewhere was accepted there: refusing it here would tell its author nothing.
    """
    bot = view.house.bot
    return user_id != bot and user_id.partition(":")[2] == bot.partition(":")[2]
