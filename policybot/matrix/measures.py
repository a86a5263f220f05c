"""Measures on rooms, as the calls that carry them and take them back."""

from policybot.domain.room_measure import (
    AdmitServer,
    CloseRoom,
    DeleteRoom,
    DenyServer,
    FreezeRoom,
    GiveLevel,
    HideBanner,
    QuietRoom,
    ReopenRoom,
    ReturnLevel,
    RoomMeasure,
    ShowBanner,
    UnblockRoom,
    UnfreezeRoom,
    UnquietRoom,
)
from policybot.matrix.entry import Entry
from policybot.matrix.power import Power
from policybot.matrix.signs import Signs
from policybot.matrix.synapse import Synapse
from policybot.matrix.talk import Talk, notice
from policybot.ports import Errand, Result


class Measures:
    """What the bot does with whole rooms, and takes back."""

    def __init__(self, power: Power, entry: Entry, talk: Talk, signs: Signs, synapse: Synapse) -> None:
        """Work on levels, join rules, messages, what is pinned, and through the admin API."""
        self._power = power
        self._entry = entry
        self._talk = talk
        self._signs = signs
        self._synapse = synapse

    async def perform(self, errand: Errand, effect: RoomMeasure) -> Result:  # noqa: C901, PLR0911, PLR0912 - one line for each
        """Carry a measure, or what takes one back; without a memory there is nothing to take back."""
        before = errand.before
        match effect:
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
                return await self._talk.say(errand, room_id, text, None)
            case ReopenRoom(room_id):
                return {} if before is None else await self._entry.reopen(room_id, before)
            case ShowBanner(room_id, text):
                return await self._show_banner(errand, room_id, text)
            case HideBanner(room_id):
                return await self._hide_banner(errand, room_id)
            case GiveLevel(room_id, user_id, level):
                return await self._power.give(room_id, user_id, level)
            case ReturnLevel(room_id, user_id, level):
                if before is None:
                    return {}
                return await self._power.give_back(room_id, user_id, level, before)
            case DeleteRoom(room_id, text):
                await self._synapse.delete_room(room_id, text)
                return {}
            case UnblockRoom(room_id):
                await self._synapse.unblock_room(room_id)
                return {}
            case DenyServer(room_id, server):
                return await self._entry.deny(room_id, server)
            case AdmitServer(room_id, server):
                return {} if before is None else await self._entry.admit(room_id, server, before)

    async def _show_banner(self, errand: Errand, room_id: str, text: str) -> Result:
        if errand.before is not None:  # one stands already
            return {}
        sent = await self._talk.send(errand, room_id, notice(text))
        return await self._signs.pin(room_id, str(sent["event_id"]))

    async def _hide_banner(self, errand: Errand, room_id: str) -> Result:
        if errand.before is None:
            return {}
        event_id = str(errand.before["event_id"])
        return await self._signs.unpin(room_id, event_id, errand.key)
