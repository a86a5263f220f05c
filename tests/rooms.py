"""Rooms in memory: what the fake homeserver does when a room is taken in."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from policybot.domain import taking
from policybot.domain.rank import Levels
from policybot.domain.review import Sight
from policybot.domain.taking import (
    CarryOver,
    InviteMembers,
    MakeRoom,
    MoveAliases,
    ReturnAliases,
    TakingEffect,
    Tombstone,
    UnmakeRoom,
    View,
)
from policybot.domain.upgrade import FollowUpgrade, Successor, obstacle
from policybot.ports import Impossible, Result

_AT_A_TIME = 100


@dataclass
class FakeRooms:
    """State, members and addresses of rooms; power levels are the homeserver's."""

    bot: str
    levels: dict[str, dict[str, Any]]
    versions: dict[str, str]
    state: dict[str, dict[str, Any]] = field(default_factory=dict)
    members: dict[str, dict[str, str]] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    creators: dict[str, tuple[str, ...]] = field(default_factory=dict)
    predecessors: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    """Types of state events that are not accepted."""

    def levels_of(self, room_id: str) -> Levels:
        return Levels(
            self.versions.get(room_id, "11"),
            self.creators.get(room_id, ()),
            self.levels[room_id],
            self.predecessors.get(room_id, ""),
        )

    def power_of(self, room_id: str) -> dict[str, Any]:
        levels = self.levels_of(room_id)
        return {
            "room_id": room_id,
            "version": levels.version,
            "creators": list(levels.creators),
            "levels": dict(levels.content),
            "predecessor": levels.predecessor,
        }

    def known(self, room_id: str) -> dict[str, Any]:
        state = self.state.get(room_id, {})
        name, alias = (state.get(f"m.room.{kind}") or {} for kind in ("name", "canonical_alias"))
        return self.power_of(room_id) | {"name": name.get("name"), "alias": alias.get("alias")}

    def view(self, room_id: str) -> View:
        state = self.state.get(room_id, {})
        tombstone = state.get("m.room.tombstone")
        successor = None if tombstone is None else tombstone.get("replacement_room", "")
        name = str(state.get("m.room.name", {}).get("name", ""))
        return View(room_id, self.levels_of(room_id), "m.room.encryption" in state, successor, name)

    def join_rule(self, room_id: str) -> str:
        rule = self.state.get(room_id, {}).get("m.room.join_rules", {"join_rule": "public"})
        return str(rule["join_rule"])

    def follow(self, effect: FollowUpgrade) -> Result:
        """Do what matrix/upgrades.py does; a room that nobody knows here cannot be entered."""
        new, members = effect.successor, self.members.setdefault(effect.successor, {})
        if new not in self.levels or (
            self.join_rule(new) != "public" and members.get(self.bot) not in ("join", "invite")
        ):
            message = "I cannot enter the new room, it is private or lives elsewhere (403)"
            raise Impossible(message)
        members[self.bot] = "join"
        view = self.view(new)
        replaced = view.successor is not None
        seen = Successor(view.levels, view.encrypted, self.join_rule(new), replaced=replaced)
        if (reason := obstacle(effect, seen)) is not None:
            if not effect.known:
                members[self.bot] = "leave"
            raise Impossible(reason)
        self.levels[new]["users"].setdefault(self.bot, 100)
        banned = [user for user, membership in members.items() if membership == "ban"]
        return self.known(new) | {"join_rule": self.join_rule(new), "banned": banned}

    def sight(self, room_id: str) -> Sight:
        state = self.state.get(room_id, {})
        name, topic, rule = (
            state.get(f"m.room.{kind}") or {} for kind in ("name", "topic", "join_rules")
        )
        return Sight(
            name=name.get("name", ""),
            topic=topic.get("topic", ""),
            members=len(self.members.get(room_id, {})),
            version=self.levels_of(room_id).version,
            join_rule=rule.get("join_rule", ""),
            encrypted="m.room.encryption" in state,
        )

    def aliases_of(self, room_id: str) -> dict[str, Any]:
        canonical = self.state.get(room_id, {}).get("m.room.canonical_alias")
        leading = sorted(alias for alias, where in self.addresses.items() if where == room_id)
        return {"aliases": leading, "canonical": deepcopy(canonical)}

    def _write(self, room_id: str, kind: str, content: Any) -> None:
        if self.members.get(room_id, {}).get(self.bot) in ("leave", "ban"):
            message = f"403 M_FORBIDDEN I am not in {room_id}"
            raise Impossible(message)
        if kind in self.refused:
            message = f"403 M_FORBIDDEN {kind} is not accepted"
            raise Impossible(message)
        self.state.setdefault(room_id, {})[kind] = deepcopy(content)

    def perform(self, effect: TakingEffect, before: Result) -> Result:
        match effect:
            case MakeRoom():
                return self._make(effect)
            case UnmakeRoom(_, alias):
                made = self.addresses.pop(alias, None)
                for kept in (self.state, self.levels, self.members) if made else ():
                    kept.pop(str(made), None)
            case CarryOver(old, _, new):
                self._carry_over(old, new)
            case MoveAliases(_, _, new):
                self._lead(before, new)
                self._write(new, "m.room.canonical_alias", before["canonical"])
            case ReturnAliases(old):
                self._lead(before, old)
            case Tombstone(old, _, new):
                content = {"replacement_room": new}
                self._write(old, "m.room.tombstone", content)
                return self.known(new)
            case InviteMembers(new, old, after):
                return self._invite(new, old, after)
        return {}

    def _make(self, effect: MakeRoom) -> Result:
        if effect.alias not in self.addresses:
            new = f"!made{len(self.creators)}:example.org"
            self.addresses[effect.alias] = new
            self.versions[new] = effect.version or self.versions.get(effect.room_id, "12")
            self.creators[new] = (self.bot,)
            self.members[new] = {self.bot: "join"}
            self.levels[new] = {"users": {}}
            self.state[new] = {}
            if effect.room_id:
                self.predecessors[new] = effect.room_id
        new = self.addresses[effect.alias]
        if not effect.room_id:
            made = taking.created_levels(self.bot, effect.owner, self.versions[new])
            self.levels[new] = made
            self.members[new].setdefault(effect.owner, "invite")
            self.state[new] = {"m.room.name": {"name": effect.name}}
        return self.known(new)

    def _carry_over(self, old: str, new: str) -> None:
        self._write(old, "a look", None)  # who is not in a room cannot read it
        del self.state[old]["a look"]
        for kind in (*taking.CARRIED, "m.room.join_rules"):
            if kind in self.state[old]:
                self._write(new, kind, self.state[old][kind])
        for user, membership in self.members.get(old, {}).items():
            if membership == "ban":
                self.members[new][user] = "ban"
        self.levels[new] = taking.carried_levels(self.levels_of(old), self.bot)

    def _lead(self, before: Result, room_id: str) -> None:
        for alias in before["aliases"]:
            self.addresses[alias] = room_id

    def _invite(self, new: str, old: str, after: str) -> Result:
        waiting = taking.to_invite(
            self.members.get(old, {}), self.members[new], self.levels_of(new), self.bot
        )
        page = [user for user in waiting if user > after][:_AT_A_TIME]
        self.members[new] |= dict.fromkeys(page, "invite")
        return {"next": page[-1]} if len(page) == _AT_A_TIME else {}
