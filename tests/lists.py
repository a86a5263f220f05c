"""Policy lists for tests: rooms of rules in memory, as the homeserver has them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from policybot.domain import list_rule
from policybot.domain.list_rule import (
    EnterList,
    LeaveList,
    PublicationEffect,
    PublishRule,
    WithdrawRule,
)
from policybot.ports import Impossible, Later, Present, Result

OURS = "!ours:example.org"
THEIRS = "!theirs:elsewhere.net"
BAN = "m.ban"


def rule(entity: Any = "", reason: Any = "spam", kind: str = "user", **content: Any) -> dict[str, Any]:
    """Write a rule as others do."""
    made = {"entity": entity, "recommendation": BAN, "reason": reason} | content
    return {
        "type": f"m.policy.rule.{kind}",
        "state_key": f"rule:{entity}"[:250],
        "sender": "@curator:elsewhere.net",
        "content": {key: value for key, value in made.items() if value != ""},
    }


@dataclass
class FakeLists:
    """The rooms of lists, and who is in governed rooms."""

    bot: str
    rules_in: dict[str, dict[tuple[str, str], dict[str, Any]]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    entered: list[str] = field(default_factory=list)
    closed: bool = False
    """Whether their room lets nobody in."""
    away: bool = False
    too_long: bool = False
    members: dict[str, list[str]] = field(default_factory=dict)
    redacted: list[str] = field(default_factory=list)
    reads: int = 0
    compared: list[str] = field(default_factory=list)

    def put(self, event: dict[str, Any], room: str = THEIRS) -> dict[str, Any]:
        """Let a rule stand in a list."""
        made = {"event_id": f"$rule{len(self.rules_in.get(room, {}))}", "room_id": room} | event
        self.rules_in.setdefault(room, {})[event["type"], event["state_key"]] = made
        return made

    def ours(self) -> dict[str, dict[str, Any]]:
        """Give what stands in our list, by its keys."""
        found = self.rules_in.get(OURS, {})
        return {key: event["content"] for (_, key), event in found.items() if event["content"]}

    async def rules(self, room_id: str) -> Sequence[Any] | None:
        """Read a list, as the reader does."""
        self.reads += 1
        if self.away:
            message = "the homeserver cannot be reached"
            raise Later(message)
        if self.too_long:
            message = "it has more than 64 MiB; only its changes are read"
            raise Impossible(message)
        return list(self.rules_in.get(room_id, {}).values()) if room_id in self.entered else None

    async def present(self, room_id: str) -> Present | None:
        """Name who is in a room, as the reader does."""
        self.compared.append(room_id)
        aliases = [alias for alias, where in self.aliases.items() if where == room_id]
        return Present(self.members.get(room_id, []), aliases)

    def observe(self, effect: PublishRule) -> Result:
        """Find the room of our list."""
        if effect.room.startswith("#") and effect.room not in self.aliases:
            message = f"nobody knows the room {effect.room}"
            raise Impossible(message)
        return {"room_id": self.aliases.get(effect.room, effect.room)}

    def perform(self, effect: PublicationEffect, before: Result | None) -> Result:
        """Write and take off as the homeserver does."""
        if isinstance(effect, EnterList):
            if self.closed:
                message = "403 M_FORBIDDEN You are not invited to this room."
                raise Impossible(message)
            self.entered.append(self.aliases.get(effect.room, effect.room))
            return {"room_id": self.entered[-1]}
        if isinstance(effect, LeaveList):
            self.entered = [room for room in self.entered if room != effect.room_id]
            return {}
        if before is None:
            return {}
        room, key = before["room_id"], list_rule.state_key(effect, self.bot.partition(":")[2])
        place, wanted = (list_rule.event_type(effect), key), list_rule.content(effect)
        present = self.rules_in.get(room, {}).get(place)
        if present and present["content"] and present["content"] != wanted:
            return {"drift": f"somebody has changed {key}"}
        if isinstance(effect, WithdrawRule):
            if not present or not present["content"]:
                return {}
            self.redacted.append(present["event_id"])
            wanted = {}
        event = {"type": place[0], "state_key": key, "sender": self.bot, "content": wanted}
        self.put(event, room)
        return {}
