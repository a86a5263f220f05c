"""The homeserver as the outbox sees it: each effect as the calls that perform it.

Every call can be repeated. A message carries its key, so that after a doubtful try we look whether
it is there already; everything else is read before it is written.
"""

import hashlib
import hmac
import re
import unicodedata
from datetime import datetime
from typing import Any

from mautrix.api import Path, PathBuilder

from policybot.domain import label as labels
from policybot.domain.effects import (
    AddAlias,
    ClearProfileField,
    Effect,
    ExcludeMember,
    HideTopicLine,
    JoinRoom,
    KeepEvidence,
    LearnAuthor,
    LearnName,
    Notify,
    PinNotice,
    Publish,
    ReadmitMember,
    Redact,
    ReleaseMember,
    RemoveAlias,
    Restore,
    RestrictMember,
    Say,
    SetLabel,
    SetProfileField,
    ShowTopicLine,
    SuspendAccount,
    TakeSeat,
    UnpinNotice,
    Unpublish,
    UnsuspendAccount,
    WithdrawLabel,
)
from policybot.domain.private import Private
from policybot.domain.room_measure import (
    CloseRoom,
    FreezeRoom,
    QuietRoom,
    ReopenRoom,
    UnfreezeRoom,
    UnquietRoom,
)
from policybot.domain.taking import MoveAliases
from policybot.domain.upgrade import FollowUpgrade
from policybot.matrix.aliases import Aliases
from policybot.matrix.client import Client, Missing
from policybot.matrix.entry import Entry
from policybot.matrix.power import Power, levels_of
from policybot.matrix.signs import LABEL, Signs
from policybot.matrix.synapse import Synapse
from policybot.matrix.taking import Taking
from policybot.matrix.upgrades import Upgrades
from policybot.ports import Errand, Impossible, Result, StillShown

__all__ = ["KEY", "LABEL", "MatrixHomeserver"]

KEY = "org.policybot.key"
"""The field of a message that tells under which key it was sent."""

_TWO = 2
_ISOLATES = re.compile("[\u2068\u2069]")
_ISOLATED = re.compile("\u2068[^\u2068\u2069\n]*\u2069")
"""A name that is kept apart from the direction of the text around; whole pairs alone are let through."""


class MatrixHomeserver:
    """The homeserver port, over the client-server API and Synapse's admin API."""

    def __init__(self, client: Client, synapse: Synapse, *, bot: str, secret: str) -> None:
        """Act as `bot`; `secret` makes the aliases of direct rooms unguessable."""
        self._client = client
        self._synapse = synapse
        self._power = Power(client, bot)
        self._entry = Entry(client)
        self._taking = Taking(client, synapse, Aliases(client, synapse.admin, bot), bot)
        self._signs = Signs(client, bot)
        self._upgrades = Upgrades(client, synapse, bot)
        self._bot = bot
        self._server = bot.partition(":")[2]
        self._secret = secret

    async def observe(self, effect: Effect) -> Result:  # noqa: PLR0911 - one line for each
        """Read what a standing effect is about to change."""
        match effect:
            case RestrictMember(room_id, user_id):
                return await self._power.observe_member(room_id, user_id)
            case ExcludeMember(room_id, user_id):
                return {"membership": await self._membership(room_id, user_id)}
            case QuietRoom(room_id) | FreezeRoom(room_id):
                return await self._power.observe_room(room_id)
            case CloseRoom(room_id):
                return await self._entry.observe(room_id)
            case MoveAliases():
                return await self._taking.observe(effect)
            case SuspendAccount(user_id):
                return {"suspended": await self._suspended(user_id)}
            case ShowTopicLine(room_id, line):
                return await self._signs.observe_topic(room_id, line)
            case _:
                message = f"{type(effect).__name__} does not stand"
                raise ValueError(message)

    async def perform(self, errand: Errand) -> Result:  # noqa: C901, PLR0911, PLR0912 - one line for each effect
        """Carry out an effect."""
        effect, before = errand.effect, errand.before
        match effect:
            case Say(room_id, text, reply_to):
                return await self._say(errand, room_id, text, reply_to)
            case Notify(user_id, text):
                return await self._notify(errand, user_id, text)
            case JoinRoom(room_id, _, direct):
                return await self._join(room_id, direct=direct)
            case TakeSeat(room_id):
                return await self._take_seat(room_id)
            case KeepEvidence(room_id, event_id):
                return await self._event(room_id, event_id)
            case Redact(room_id, event_id, reason):
                return await self._redact(errand, room_id, event_id, reason)
            case Restore(room_id, _, reason):
                return await self._restore(errand, room_id, reason)
            case RestrictMember(room_id, user_id):
                return await self._power.restrict(room_id, user_id)
            case ReleaseMember(room_id, user_id):
                return {} if before is None else await self._power.release(room_id, user_id, before)
            case ExcludeMember(room_id, user_id):
                return await self._exclude(room_id, user_id)
            case ReadmitMember(room_id, user_id):
                return {} if before is None else await self._readmit(room_id, user_id, before)
            case QuietRoom(room_id):
                return await self._power.quiet(room_id)
            case UnquietRoom(room_id):
                return {} if before is None else await self._power.unquiet(room_id, before)
            case FreezeRoom(room_id):
                return await self._power.freeze(room_id)
            case UnfreezeRoom(room_id):
                return {} if before is None else await self._power.unfreeze(room_id, before)
            case CloseRoom(room_id, text):
                await self._entry.close(room_id)
                return await self._say(errand, room_id, text, None)
            case ReopenRoom(room_id):
                return {} if before is None else await self._entry.reopen(room_id, before)
            case Publish(room_id):
                return await self._signs.show(room_id, "public")
            case Unpublish(room_id):
                return await self._signs.show(room_id, "private")
            case SetLabel(room_id, number, categories):
                label = errand.label or labels.content(number, categories, ())
                return await self._signs.label(room_id, label)
            case WithdrawLabel(room_id):
                return await self._signs.label(room_id, {})
            case AddAlias(room_id, number):
                return await self._signs.add_alias(room_id, number)
            case RemoveAlias(room_id, number):
                return await self._signs.remove_alias(room_id, number)
            case ShowTopicLine(room_id, line):
                return await self._signs.show_line(room_id, line, before)
            case HideTopicLine(room_id):
                return {} if before is None else await self._signs.hide_line(room_id, before)
            case PinNotice(room_id, text):
                return await self._pin(errand, room_id, text)
            case UnpinNotice(room_id):
                if before is None:
                    return {}
                return await self._signs.unpin(room_id, str(before["event_id"]), errand.key)
            case LearnAuthor(room_id, event_id):
                return {"sender": (await self._event(room_id, event_id))["sender"]}
            case SuspendAccount(user_id):
                return await self._suspend(user_id)
            case UnsuspendAccount(user_id):
                return {} if before is None else await self._unsuspend(user_id, before)
            case LearnName(user_id):
                return await self._display_name(user_id)
            case SetProfileField(user_id, field):
                return await self._show_verified(user_id, field, errand.name)
            case ClearProfileField(user_id, field):
                return await self._hide_verified(user_id, field)
            case FollowUpgrade():
                return await self._upgrades.follow(effect)
            case _:  # a step of taking a room in, or a type error
                return await self._taking.perform(effect, before)

    # Messages -----------------------------------------------------------------------------------

    async def _say(self, errand: Errand, room_id: str, text: str, reply_to: str | None) -> Result:
        if room_id.startswith("#"):
            # Queued before the review room was found for the first time.
            answer = await self._client.get(Path.v3.directory.room[room_id])
            room_id = str(answer["room_id"])
        content = _notice(text)
        if reply_to:
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": reply_to}}
        return await self._send(errand, room_id, content)

    async def _send(self, errand: Errand, room_id: str, content: dict[str, Any]) -> Result:
        if errand.again and (found := await self._sent_before(room_id, errand.key)):
            return {"event_id": found}
        path = Path.v3.rooms[room_id].send["m.room.message"][errand.key]
        answer = await self._client.put(path, content | {KEY: errand.key})
        return {"event_id": answer["event_id"]}

    async def _pin(self, errand: Errand, room_id: str, text: str) -> Result:
        """Write a notice and pin it; one that stands already is left as it is, pinned or not."""
        if errand.before is not None:
            return {}
        sent = await self._send(errand, room_id, _notice(text))
        return await self._signs.pin(room_id, str(sent["event_id"]))

    async def _sent_before(self, room_id: str, key: str) -> str | None:
        """Look for a message that an earlier try may have sent: Synapse forgets transaction IDs."""
        query = {"dir": "b", "limit": "100", "filter": f'{{"senders":["{self._bot}"]}}'}
        page = await self._client.get(Path.v3.rooms[room_id].messages, query)
        for event in page.get("chunk", []):
            if event.get("content", {}).get(KEY) == key:
                return str(event["event_id"])
        return None

    async def _notify(self, errand: Errand, user_id: str, text: str) -> Result:
        room_id, opened = errand.direct_room, None
        if room_id is None or await self._membership(room_id, user_id) not in ("join", "invite"):
            if await self._suspended(user_id):
                await self._synapse.server_notice(user_id, text, errand.key)
                return {"server_notice": True}
            room_id = opened = await self._open_direct_room(user_id)
        content = _notice(text)
        return dict(await self._send(errand, room_id, content)) | {"opened": opened}

    async def _open_direct_room(self, user_id: str) -> str:
        """Make the direct room with somebody, or find the one that an earlier try made."""
        digest = hmac.new(self._secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()
        localpart = f"_policybot_{digest[:24]}"
        alias = Path.v3.directory.room[f"#{localpart}:{self._server}"]
        try:
            room_id = str((await self._client.get(alias))["room_id"])
        except Missing:
            body = {
                "preset": "private_chat",
                "is_direct": True,
                "invite": [user_id],
                "name": "policybot",
                "room_alias_name": localpart,
            }
            return str((await self._client.post(Path.v3.createRoom, body))["room_id"])
        if await self._membership(room_id, user_id) not in ("join", "invite"):
            await self._client.post(Path.v3.rooms[room_id].invite, {"user_id": user_id})
        return room_id

    async def _restore(self, errand: Errand, room_id: str, reason: str) -> Result:
        if errand.evidence is None:
            message = "no copy of the message was kept"
            raise Impossible(message)
        at = errand.evidence["sent_at"]
        when = f"{at:%-d %B %Y, %H:%M} UTC" if isinstance(at, datetime) else str(at)
        said = errand.evidence["content"].get("body", "")
        text = f"{reason}. {errand.evidence['sender']} wrote on {when}:\n\n{said}"
        return await self._say(errand, room_id, text, None)

    # Rooms --------------------------------------------------------------------------------------

    async def _join(self, room_id: str, *, direct: bool) -> Result:
        await self._client.post(Path.v3.join[room_id], {})
        state = await self._state(room_id)
        present = [
            user
            for (kind, user), event in state.items()
            if kind == "m.room.member"
            and event.get("content", {}).get("membership") in ("join", "invite")
        ]
        rule = state.get(("m.room.join_rules", ""), {}).get("content", {}).get("join_rule")
        return self._power_of(state) | {
            "direct": len(present) <= _TWO and (direct or rule == "invite"),
            "encrypted": ("m.room.encryption", "") in state,
        }

    async def _take_seat(self, room_id: str) -> Result:
        """Enter a room and make sure of a moderator's rank; Synapse gives it in the owner's name."""
        try:
            await self._client.post(Path.v3.join[room_id], {})
        except Impossible:
            await self._synapse.make_room_admin(room_id, self._bot)
            await self._client.post(Path.v3.join[room_id], {})
        state = await self._state(room_id)
        levels = levels_of(
            state.get(("m.room.create", ""), {}),
            state.get(("m.room.power_levels", ""), {}).get("content", {}),
        )
        if levels.of(self._bot) < levels.needed_for_state("m.room.power_levels"):
            await self._synapse.make_room_admin(room_id, self._bot)
            state = await self._state(room_id)
        called = state.get(("m.room.name", ""), {}).get("content", {}).get("name")
        alias = state.get(("m.room.canonical_alias", ""), {}).get("content", {}).get("alias")
        return self._power_of(state) | {"name": called, "alias": alias}

    async def _state(self, room_id: str) -> dict[tuple[str, str], dict[str, Any]]:
        events = await self._client.get(Path.v3.rooms[room_id].state)
        return {(event["type"], event.get("state_key", "")): event for event in events}

    @staticmethod
    def _power_of(state: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
        levels = levels_of(
            state.get(("m.room.create", ""), {}),
            state.get(("m.room.power_levels", ""), {}).get("content", {}),
        )
        return {
            "version": levels.version,
            "creators": list(levels.creators),
            "levels": dict(levels.content),
            "predecessor": levels.predecessor,
        }

    async def _membership(self, room_id: str, user_id: str) -> str:
        try:
            member = await self._client.get(Path.v3.rooms[room_id].state["m.room.member"][user_id])
        except Impossible:
            return "leave"
        return str(member.get("membership", "leave"))

    async def _exclude(self, room_id: str, user_id: str) -> Result:
        levels = await self._power.levels(room_id)
        if await self._membership(room_id, user_id) == "ban":
            return {}
        if levels.of(self._bot) <= levels.of(user_id):
            message = f"{user_id} ranks as high as I do in {room_id}"
            raise Impossible(message)
        await self._client.post(Path.v3.rooms[room_id].ban, {"user_id": user_id})
        return {}

    async def _readmit(self, room_id: str, user_id: str, before: Result) -> Result:
        if before.get("membership") == "ban":
            return {}
        if await self._membership(room_id, user_id) != "ban":
            return {"drift": f"{user_id} was readmitted to {room_id} by somebody else already."}
        await self._client.post(Path.v3.rooms[room_id].unban, {"user_id": user_id})
        return {}

    # Events -------------------------------------------------------------------------------------

    async def _event(self, room_id: str, event_id: str) -> Result:
        """Read an event as a member of its room; only a redacted one through the admin API."""
        event = await self._client.get(Path.v3.rooms[room_id].event[event_id])
        if "redacted_because" in event.get("unsigned", {}):
            event = await self._synapse.event(event_id)
        # The admin API knows events of every room: one of another room must not come in this way.
        if event.get("room_id", room_id) != room_id:
            message = f"{event_id} is not an event of {room_id}"
            raise Impossible(message)
        return {key: event[key] for key in ("sender", "origin_server_ts", "content")}

    async def _redact(self, errand: Errand, room_id: str, event_id: str, reason: str) -> Result:
        if errand.again:
            event = await self._client.get(Path.v3.rooms[room_id].event[event_id])
            if "redacted_because" in event.get("unsigned", {}):
                return {}
        path = Path.v3.rooms[room_id].redact[event_id][errand.key]
        answer = await self._client.put(path, {"reason": reason})
        return {"event_id": answer["event_id"]}

    # Accounts -----------------------------------------------------------------------------------

    async def _suspended(self, user_id: str) -> bool:
        if user_id.partition(":")[2] != self._server:
            return False
        try:
            user = await self._synapse.user(user_id)
        except Impossible:
            return False
        return bool(user.get("suspended"))

    async def _suspend(self, user_id: str) -> Result:
        if user_id == self._bot:
            message = "I do not suspend myself"
            raise Impossible(message)
        await self._synapse.suspend(user_id, suspended=True)
        return {}

    async def _unsuspend(self, user_id: str, before: Result) -> Result:
        if before.get("suspended"):
            return {"drift": f"{user_id} had been suspended before our measure, and stays so."}
        await self._synapse.suspend(user_id, suspended=False)
        return {}

    # Profiles -----------------------------------------------------------------------------------

    async def _display_name(self, user_id: str) -> Result:
        try:
            answer = await self._client.get(Path.v3.profile[user_id].displayname)
        except Missing:
            answer = {}
        return {"displayname": answer.get("displayname")}

    async def _show_verified(self, user_id: str, field: str, name: Private | None) -> Result:
        """Write a field of somebody's profile, as an administrator may (Matrix 1.16, "Profiles")."""
        value: dict[str, Any] = {"verified": True, "by": self._bot}
        if name is not None:
            value["name"] = name.reveal()
        path = Path.v3.profile[user_id][field]
        try:
            await self._client.put(path, {field: value})
        except Impossible as error:
            if name is None:
                await self._check_hidden(path, field, error)
            raise
        return {}

    async def _hide_verified(self, user_id: str, field: str) -> Result:
        path = Path.v3.profile[user_id][field]
        try:
            await self._client.delete(path)
        except Missing:
            return {}
        except Impossible as error:
            await self._check_hidden(path, field, error)
            raise
        return {}

    async def _check_hidden(self, path: PathBuilder, field: str, error: Impossible) -> None:
        """Look whether a name stays that its owner wants back: that is not only a missing mark."""
        try:
            value = (await self._client.get(path)).get(field)
        except Impossible:
            return
        if isinstance(value, dict) and "name" in value:
            message = f"the homeserver refuses it ({error}), and the verified name still stands there"
            raise StillShown(message) from error


def _notice(text: str) -> dict[str, Any]:
    """Write a message that pings nobody, without characters that would hide or turn round its text."""
    if _ISOLATES.search(_ISOLATED.sub("", text)):
        text = _ISOLATES.sub("", text)
    shown = "".join(
        c for c in text if c in "\n\u2068\u2069" or unicodedata.category(c) not in ("Cc", "Cf")
    )
    return {"msgtype": "m.notice", "body": shown, "m.mentions": {}}
