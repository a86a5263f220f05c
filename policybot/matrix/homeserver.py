"""The homeserver as the outbox sees it: each effect as the calls that perform it.

Every call can be repeated: what is to be changed is read before it is written.
"""

from typing import Any

from mautrix.api import Path

from policybot.domain import effects, room_measure, showing
from policybot.domain import label as labels
from policybot.domain.list_rule import EnterList, LeaveList, PublishRule, WithdrawRule
from policybot.domain.quarantine import QuarantineMedia, UnquarantineMedia
from policybot.domain.taking import MoveAliases
from policybot.domain.upgrade import FollowUpgrade
from policybot.matrix import messages
from policybot.matrix.accounts import Accounts
from policybot.matrix.aliases import Aliases
from policybot.matrix.client import Client
from policybot.matrix.entry import Entry
from policybot.matrix.files import Files
from policybot.matrix.measures import Measures
from policybot.matrix.media import Media
from policybot.matrix.members import Members
from policybot.matrix.policy_lists import PolicyLists
from policybot.matrix.power import Power, facts, levels_of
from policybot.matrix.signs import Signs
from policybot.matrix.synapse import Synapse
from policybot.matrix.taking import Taking
from policybot.matrix.talk import Talk, notice
from policybot.matrix.upgrades import Upgrades
from policybot.ports import Errand, Impossible, Result

_TWO = 2


class MatrixHomeserver:
    """The homeserver port, over the client-server API and Synapse's admin API."""

    def __init__(self, client: Client, synapse: Synapse, *, bot: str, secret: str) -> None:
        """Act as `bot`; `secret` makes the aliases of direct rooms unguessable."""
        self._client = client
        self._synapse = synapse
        self._power = Power(client, bot)
        self._members = Members(client, self._power, bot)
        self._accounts = Accounts(client, synapse, bot)
        self._talk = Talk(client, synapse, self._members, self._accounts, secret)
        self._entry = Entry(client, bot)
        self._files = Files(client)
        self.media = Media(client, synapse, self._files)
        self._taking = Taking(client, synapse, Aliases(client, synapse.admin, bot), bot)
        self._signs = Signs(client, bot, synapse.admin)
        self._lists = PolicyLists(client, bot)
        self._upgrades = Upgrades(client, synapse, bot)
        self._measures = Measures(self._power, self._entry, self._talk, self._signs, synapse)
        self._bot = bot

    async def observe(self, effect: effects.Effect) -> Result:  # noqa: C901, PLR0911 - one line for each
        """Read what a standing effect is about to change."""
        match effect:
            case effects.RestrictMember(room_id, user_id) | room_measure.GiveLevel(room_id, user_id):
                return await self._power.observe_member(room_id, user_id)
            case effects.ExcludeMember(room_id, user_id):
                return {"membership": await self._members.membership(room_id, user_id)}
            case room_measure.QuietRoom(room_id) | room_measure.FreezeRoom(room_id):
                return await self._power.observe_room(room_id)
            case room_measure.CloseRoom(room_id):
                return await self._entry.observe(room_id)
            case room_measure.DenyServer(room_id, server):
                return await self._entry.observe_server(room_id, server)
            case MoveAliases():
                return await self._taking.observe(effect)
            case QuarantineMedia(uri):
                return await self.media.observe(uri)
            case effects.SuspendAccount(user_id):
                return {"suspended": await self._accounts.suspended(user_id)}
            case effects.LockAccount(user_id):
                return {"locked": await self._accounts.locked(user_id)}
            case showing.ShowTopicLine(room_id, line):
                return await self._signs.observe_topic(room_id, line)
            case PublishRule(room):
                return await self._lists.observe(room)
            case _:
                message = f"{type(effect).__name__} does not stand"
                raise ValueError(message)

    async def perform(self, errand: Errand) -> Result:  # noqa: C901, PLR0911, PLR0912 - one line for each effect
        """Carry out an effect."""
        effect, before = errand.effect, errand.before
        if isinstance(effect, room_measure.RoomMeasure):
            return await self._measures.perform(errand, effect)
        match effect:
            case effects.Say(room_id, text, reply_to):
                return await self._talk.say(errand, room_id, text, reply_to)
            case effects.ShowCard(room_id):
                return await self._talk.show_card(errand, room_id)
            case effects.Notify(user_id, text):
                return await self._talk.notify(errand, user_id, text)
            case effects.JoinRoom(room_id, _, direct):
                return await self._join(room_id, direct=direct)
            case effects.TakeSeat(room_id):
                return await self._take_seat(room_id)
            case effects.KeepEvidence(room_id, event_id):
                return await self._event(room_id, event_id)
            case effects.KeepContext() as keep:
                return await self.media.around(keep, errand.evidence)
            case effects.Redact(room_id, event_id, reason):
                return await self._redact(errand, room_id, event_id, reason)
            case effects.FindMessages(room_id, user_id, since, most):
                return {"found": await messages.of_member(self._client, room_id, user_id, since, most)}
            case effects.Restore(room_id, event_id, reason):
                return await self._talk.restore(errand, room_id, event_id, reason)
            case effects.RestrictMember(room_id, user_id):
                return await self._power.restrict(room_id, user_id)
            case effects.ReleaseMember(room_id, user_id):
                return {} if before is None else await self._power.release(room_id, user_id, before)
            case effects.ExcludeMember(room_id, user_id):
                return await self._members.exclude(room_id, user_id, before)
            case effects.ReadmitMember(room_id, user_id):
                return {} if before is None else await self._members.readmit(room_id, user_id, before)
            case showing.Publish(room_id, filed):
                return await self._signs.show(room_id, "public", filed=filed)
            case showing.Unpublish(room_id, filed):
                return await self._signs.show(room_id, "private", filed=filed)
            case showing.SetLabel(room_id, number, categories):
                label = errand.label or labels.content(number, categories, ())
                return await self._signs.label(room_id, label)
            case showing.WithdrawLabel(room_id):
                return await self._signs.label(room_id, {})
            case showing.AddAlias(room_id, number):
                return await self._signs.add_alias(room_id, number)
            case showing.RemoveAlias(room_id, number):
                return await self._signs.remove_alias(room_id, number)
            case showing.ShowTopicLine(room_id, line):
                return await self._signs.show_line(room_id, line, before)
            case showing.HideTopicLine(room_id):
                return {} if before is None else await self._signs.hide_line(room_id, before)
            case showing.PinNotice(room_id, text):
                if before is not None:  # it stands already, pinned or not
                    return {}
                sent = await self._talk.send(errand, room_id, notice(text))
                return await self._signs.pin(room_id, str(sent["event_id"]))
            case showing.UnpinNotice(room_id):
                if before is None:
                    return {}
                return await self._signs.unpin(room_id, str(before["event_id"]), errand.key)
            case effects.LearnMore() as look:
                return await self._look_into(look)
            case effects.LearnAuthor(room_id, event_id):
                return {"sender": (await self._event(room_id, event_id))["sender"]}
            case effects.SuspendAccount(user_id):
                return await self._accounts.suspend(user_id)
            case effects.UnsuspendAccount(user_id):
                return {} if before is None else await self._accounts.unsuspend(user_id, before)
            case QuarantineMedia(uri):
                return await self.media.quarantine(uri)
            case UnquarantineMedia(uri):
                return {} if before is None else await self.media.unquarantine(uri, before)
            case effects.LearnName(user_id):
                return await self._accounts.display_name(user_id)
            case effects.SetProfileField(user_id, field):
                return await self._accounts.show_verified(user_id, field, errand.name)
            case effects.ClearProfileField(user_id, field):
                return await self._accounts.hide_verified(user_id, field)
            case effects.LockAccount(user_id):
                return await self._accounts.lock(user_id)
            case effects.UnlockAccount(user_id):
                return {} if before is None else await self._accounts.unlock(user_id, before)
            case FollowUpgrade():
                return await self._upgrades.follow(effect)
            case PublishRule():
                return await self._lists.publish(effect, before or {})
            case WithdrawRule():
                return {} if before is None else await self._lists.withdraw(errand, effect, before)
            case EnterList(room):
                return await self._lists.enter(room)
            case LeaveList(room_id):
                return await self._lists.leave(room_id)
            case _:  # a step of taking a room in, or a type error
                return await self._taking.perform(effect, before)

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
        return facts(levels)

    # Events -------------------------------------------------------------------------------------

    async def _event(self, room_id: str, event_id: str) -> Result:
        """Read an event as a member of its room; only a redacted one through the admin API."""
        event = await self._client.get(Path.v3.rooms[room_id].event[event_id])
        unsigned = event.get("unsigned", {})
        redacted = "redacted_because" in unsigned
        edit_id = unsigned.get("m.relations", {}).get("m.replace", {}).get("event_id")
        if redacted:
            event = await self._synapse.event(event_id)
        # The admin API knows events of every room: one of another room must not come in this way.
        if event.get("room_id", room_id) != room_id:
            message = f"{event_id} is not an event of {room_id}"
            raise Impossible(message)
        known = {key: event[key] for key in ("sender", "origin_server_ts", "content")}
        return known | {"redacted": redacted, "edit_id": edit_id}

    async def _look_into(self, look: effects.LearnMore) -> Result:
        """Look into the files of an event and when its sender came, unless it was redacted meanwhile."""
        event = await self._client.get(Path.v3.rooms[look.room_id].event[look.event_id])
        if "redacted_because" in event.get("unsigned", {}):
            return {}
        known = {key: event[key] for key in ("sender", "origin_server_ts", "content", "type")}
        if look.files:
            known["files"] = await self._files.look_into(known["content"])
        if look.account:
            known["made"] = await self._accounts.made(look.account)
        return known

    async def _redact(self, errand: Errand, room_id: str, event_id: str, reason: str) -> Result:
        if errand.again:
            event = await self._client.get(Path.v3.rooms[room_id].event[event_id])
            if "redacted_because" in event.get("unsigned", {}):
                return {}
        path = Path.v3.rooms[room_id].redact[event_id][errand.key]
        answer = await self._client.put(path, {"reason": reason})
        return {"event_id": answer["event_id"]}
