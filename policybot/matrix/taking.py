"""The steps of taking a room in, as the calls that perform them; each can be repeated.

A new room is found again by its alias. Everything else is read first and written where it differs, so
that a step that was broken off goes on where it stopped.
"""

from typing import Any, assert_never

from mautrix.api import Path

from policybot.domain import taking as rules
from policybot.domain.taking import (
    CARRIED,
    CarryOver,
    InviteMembers,
    MakeRoom,
    MoveAliases,
    ReturnAliases,
    TakingEffect,
    Tombstone,
    UnmakeRoom,
)
from policybot.matrix import state
from policybot.matrix.aliases import Aliases
from policybot.matrix.client import Client
from policybot.matrix.power import Power, facts
from policybot.matrix.synapse import Synapse
from policybot.ports import Impossible, Later, Result

_CANONICAL = "m.room.canonical_alias"
_NAME = "m.room.name"
_LEVELS = "m.room.power_levels"
_JOIN_RULES = "m.room.join_rules"
_BY_INVITATION = {"join_rule": "invite"}
_AT_A_TIME = 100
"""Invitations of one step."""


class Taking:
    """What is done with rooms that are taken in."""

    def __init__(self, client: Client, synapse: Synapse, aliases: Aliases, bot: str) -> None:
        """Act as the bot; Synapse lends it an owner's rank in a room that is left."""
        self._client = client
        self._synapse = synapse
        self._aliases = aliases
        self._power = Power(client, bot)
        self._bot = bot
        self._server = bot.partition(":")[2]

    async def observe(self, effect: MoveAliases) -> Result:
        """Read which aliases lead to the old room."""
        room_id = effect.room_id
        return {
            "aliases": await self._aliases.of(room_id),
            "canonical": await state.content(self._client, room_id, _CANONICAL),
        }

    async def perform(self, effect: TakingEffect, before: Result | None) -> Result:
        """Carry a step out."""
        known = before or {}
        match effect:
            case MakeRoom():
                result = await self._make(effect)
            case UnmakeRoom(_, alias):
                result = await self._unmake(alias)
            case CarryOver(room_id, _, successor):
                result = await self._carry_over(room_id, successor)
            case MoveAliases(room_id, _, successor):
                result = await self._move_aliases(room_id, successor, known)
            case ReturnAliases(room_id, _, successor):
                result = await self._return_aliases(room_id, successor, known)
            case Tombstone(room_id, _, successor, text):
                result = await self._tombstone(room_id, successor, text)
            case InviteMembers(room_id, former, after):
                result = await self._invite(room_id, former, after)
            case _:
                assert_never(effect)
        return result

    # Making a room, and leaving it again ----------------------------------------------------------

    async def _make(self, effect: MakeRoom) -> Result:
        old = None
        if effect.room_id:
            old = await self._power.levels(effect.room_id)
            if old.creators_above_all and old.of(self._bot) < old.needed_for_state("m.room.tombstone"):
                message = (
                    f"my power level in {effect.room_id} is {old.of(self._bot):g}, and leading its "
                    f"members away asks for {old.needed_for_state('m.room.tombstone'):g}"
                )
                raise Impossible(message)
        version = effect.version or (old.version if old else await self._default_version())
        room_id = await self._found(effect.alias)
        if room_id is None:
            room_id = await self._create(effect, version)
        if await state.content(self._client, room_id, "m.room.encryption") is not None:
            message = (
                "the homeserver encrypts every new room, and a public one has to be readable; see "
                "encryption_enabled_by_default_for_room_type in homeserver.yaml"
            )
            raise Impossible(message)
        await self._write(room_id, _CANONICAL, {})
        if old is None:
            levels = rules.created_levels(self._bot, effect.owner, version)
            present = await state.content(self._client, room_id, _LEVELS) or {}
            await self._write(room_id, _LEVELS, present | levels)
            await self._invite_one(room_id, effect.owner)
        return await self._known(room_id)

    async def _default_version(self) -> str:
        answer = await self._client.get(Path.v3.capabilities)
        return str(answer["capabilities"]["m.room_versions"]["default"])

    async def _found(self, alias: str) -> str | None:
        """Find the room that an earlier try made; one that was only half made is given up."""
        room_id = await self._aliases.resolve(self._full(alias))
        if room_id is None or await self._membership(room_id) == "join":
            return room_id
        await self._aliases.remove(self._full(alias))
        return None

    async def _create(self, effect: MakeRoom, version: str) -> str:
        body: dict[str, Any] = {
            "preset": "public_chat",
            "room_version": version,
            "room_alias_name": effect.alias,
        }
        if effect.room_id:
            last = await self._client.get(
                Path.v3.rooms[effect.room_id].messages, {"dir": "b", "limit": "1"}
            )
            events = [event["event_id"] for event in last.get("chunk", [])]
            before = {"room_id": effect.room_id} | ({"event_id": events[0]} if events else {})
            kind = (await self._client.get(Path.v3.rooms[effect.room_id].state["m.room.create"])).get(
                "type"
            )
            body["creation_content"] = {"predecessor": before} | ({"type": kind} if kind else {})
            # Nobody enters before it is whole.
            rule = {"type": _JOIN_RULES, "state_key": "", "content": _BY_INVITATION}
            body["initial_state"] = [rule]
        else:
            body |= {"name": effect.name, "topic": effect.topic}
            body["power_level_content_override"] = rules.created_levels(self._bot, effect.owner, version)
        return str((await self._client.post(Path.v3.createRoom, body))["room_id"])

    async def _unmake(self, alias: str) -> Result:
        full = self._full(alias)
        room_id = await self._aliases.resolve(full)
        if room_id is None:
            return {}
        if await self._membership(room_id) in ("join", "invite"):
            await self._client.post(Path.v3.rooms[room_id].leave, {})
        await self._aliases.remove(full)
        return {}

    # Making it the room that people know ----------------------------------------------------------

    async def _carry_over(self, old: str, new: str) -> Result:
        for kind in CARRIED:
            content = await state.content(self._client, old, kind)
            if content is not None:
                await self._carry(new, kind, content)
        there = await self._members(new, "ban")
        for user_id in sorted(await self._members(old, "ban") - there):
            await self._client.post(Path.v3.rooms[new].ban, {"user_id": user_id})
        levels = rules.carried_levels(await self._power.levels(old), self._bot)
        await self._carry(new, _LEVELS, levels)
        # Last: nobody enters before the banned are kept out.
        rule = await state.content(self._client, old, _JOIN_RULES) or _BY_INVITATION
        await self._carry(new, _JOIN_RULES, rule)
        return {}

    async def _carry(self, room_id: str, kind: str, content: dict[str, Any]) -> None:
        try:
            await self._write(room_id, kind, content)
        except Impossible as error:
            message = f"the homeserver does not accept {kind} in the new room ({error})"
            raise Impossible(message) from error

    async def _move_aliases(self, old: str, new: str, before: Result) -> Result:
        elsewhere = await self._aliases.lead(before.get("aliases", []), old, new)
        canonical = before.get("canonical") or {}
        moved = {alias for alias in before.get("aliases", []) if alias not in elsewhere}
        content = _only(canonical, moved)
        if content:
            await self._carry(new, _CANONICAL, content)
        return {}

    async def _return_aliases(self, old: str, new: str, before: Result) -> Result:
        elsewhere = await self._aliases.lead(before.get("aliases", []), new, old)
        canonical = before.get("canonical")
        # Taking an alias away, the homeserver strikes it out here too where our rank allows that.
        if (
            canonical
            and await state.content(self._client, old, _CANONICAL) != canonical
            and not elsewhere
        ):
            await self._write(old, _CANONICAL, canonical)
        return {}

    async def _tombstone(self, old: str, new: str, text: str) -> Result:
        wanted = {"body": text, "replacement_room": new}
        present = await state.content(self._client, old, "m.room.tombstone")
        if present != wanted:
            if present:
                message = f"somebody else has replaced {old} meanwhile"
                raise Impossible(message)
            levels = await self._power.levels(old)
            if levels.of(self._bot) < levels.needed_for_state("m.room.tombstone"):
                await self._synapse.make_room_admin(old, self._bot)
            await self._write(old, "m.room.tombstone", wanted)
        return await self._known(new)

    async def _invite(self, new: str, old: str, after: str) -> Result:
        present = await self._client.get(Path.v3.rooms[new].members)
        members = await self._client.get(Path.v3.rooms[old].members)
        levels = await self._power.levels(new)
        there = {user for user, membership in _memberships(present).items() if membership != "leave"}
        waiting = rules.to_invite(_memberships(members), there, levels, self._bot)
        page = [user for user in waiting if user > after][:_AT_A_TIME]
        for user_id in page:
            await self._invite_kindly(new, user_id)
        return {"next": page[-1]} if len(page) == _AT_A_TIME else {}

    async def _invite_kindly(self, room_id: str, user_id: str) -> None:
        """Invite somebody; who cannot be reached or wants none follows the sign in the old room."""
        try:
            await self._client.post(Path.v3.rooms[room_id].invite, {"user_id": user_id})
        except Impossible:
            return
        except Later as error:
            if error.retry_after is not None or user_id.partition(":")[2] == self._server:
                raise

    # Reading and writing --------------------------------------------------------------------------

    def _full(self, alias: str) -> str:
        return f"#{alias}:{self._server}"

    async def _invite_one(self, room_id: str, user_id: str) -> None:
        if await self._membership(room_id, user_id) not in ("join", "invite"):
            await self._client.post(Path.v3.rooms[room_id].invite, {"user_id": user_id})

    async def _membership(self, room_id: str, user_id: str = "") -> str:
        return await state.membership(self._client, room_id, user_id or self._bot)

    async def _members(self, room_id: str, membership: str) -> set[str]:
        answer = await self._client.get(Path.v3.rooms[room_id].members, {"membership": membership})
        return set(_memberships(answer))

    async def _write(self, room_id: str, kind: str, content: dict[str, Any]) -> None:
        if await state.content(self._client, room_id, kind) != content:
            await self._client.put(Path.v3.rooms[room_id].state[kind], content)

    async def _known(self, room_id: str) -> Result:
        """Say what is to be known of a room that was taken in: who ranks how, and how it is called."""
        levels = await self._power.levels(room_id)
        return {
            "name": (await state.content(self._client, room_id, _NAME) or {}).get("name"),
            "alias": (await state.content(self._client, room_id, _CANONICAL) or {}).get("alias"),
            "room_id": room_id,
            **facts(levels),
        }


def _only(canonical: Result, moved: set[str]) -> dict[str, Any]:
    """Keep what a canonical alias says of the aliases that lead to the room."""
    content: dict[str, Any] = {}
    if canonical.get("alias") in moved:
        content["alias"] = canonical["alias"]
    alternatives = canonical.get("alt_aliases")
    if isinstance(alternatives, list) and (kept := [a for a in alternatives if a in moved]):
        content["alt_aliases"] = kept
    return content


def _memberships(answer: dict[str, Any]) -> dict[str, str]:
    return {
        str(event["state_key"]): str(event.get("content", {}).get("membership", "leave"))
        for event in answer.get("chunk", [])
    }
