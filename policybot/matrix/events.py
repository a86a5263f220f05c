"""From a Matrix event to what it means: one event, one database transaction.

Most events mean nothing to us and cost a look at their type and first character. What means
something is handled once, however often it is sent; what cannot be handled is parked, and people are
told.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from policybot.domain import drift
from policybot.domain.effects import JoinRoom, Say
from policybot.domain.errors import Refused
from policybot.domain.seen import publishes
from policybot.domain.taking import View
from policybot.matrix.appservice import Event
from policybot.matrix.commands.command import Services
from policybot.matrix.commands.dispatch import Dispatch, Message, is_command, verb_of
from policybot.matrix.pace import Pace
from policybot.matrix.signs import LABEL
from policybot.services.findings import Found
from policybot.services.setting import Setting
from policybot.store import deletions, events, rooms, tries
from policybot.store.database import Database, DatabaseAway, Tx
from policybot.store.rooms import Kind, Room

log = logging.getLogger(__name__)

_Handler = Callable[[Tx, Event], Awaitable[None]]

_GONE = ("leave", "ban")
_STATE = (
    "m.room.join_rules",
    "m.room.tombstone",
    "m.room.topic",
    "m.room.pinned_events",
    "m.room.server_acl",
)
"""State whose change may make a room differ from its filing."""


class Events:
    """What is done with each event."""

    def __init__(
        self,
        setting: Setting,
        database: Database,
        dispatch: Dispatch,
        services: Services,
    ) -> None:
        """Hand commands to `dispatch`, and everything else to the service whose noun it is."""
        self._setting = setting
        self._database = database
        self._dispatch = dispatch
        self._names = services.names
        self._messages = services.messages
        self._findings = services.findings
        self._labels = services.labels
        self._drift = services.drift
        self._deviations = services.deviations
        self._vacancies = services.vacancies
        self._lists = services.policy_lists
        self._bot = setting.config.bot_user_id
        self._pace = Pace(setting.now)

    async def handle(self, event: Event) -> None:
        """Handle one event, or park it.

        Raises:
            DatabaseAway: it was not handled and must come again.
        """
        event_id = event.get("event_id")
        if not isinstance(event_id, str):
            return
        meaning = self._meaning(event)
        try:
            judged = self._judged(event) if self._findings.watches else None
            if judged is not None:
                # On record once by itself; what the event means besides is another matter.
                async with self._database.transaction() as tx:
                    await judged(tx)
            await self._lists.hear(self._database, event)
            if meaning is None:
                return
            if meaning == self._command:
                aliases = await self._dispatch.aliases(event)
                views = await self._dispatch.views(event, aliases)
                meaning = partial(self._command, aliases=aliases, views=views)
            if not await self._matters(meaning, event):
                return
            await self._once(event_id, event, meaning)
        except Refused as refusal:
            # What it had begun is rolled back; only the answer remains.
            await self._once(event_id, event, partial(self._refuse, str(refusal)))
        except DatabaseAway:
            raise
        except Exception as error:
            log.exception("Event %s could not be handled", event_id)
            await self._park(event_id, event, error)

    async def _once(self, event_id: str, event: Event, meaning: _Handler) -> None:
        """Do what an event means, unless it was done."""

        async def write(tx: Tx) -> None:
            if await events.first_time(tx, event_id, self._setting.now()):
                await meaning(tx, event)

        await tries.anew(self._database, write)  # after that the homeserver sends it again

    async def _park(self, event_id: str, event: Event, error: Exception) -> None:
        """Remember a poisonous event without its content, and tell the review room."""
        room_id = _text(event, "room_id")
        async with self._database.transaction() as tx:
            now = self._setting.now()
            await events.first_time(tx, event_id, now)
            await events.park(
                tx,
                event_id,
                room_id=room_id,
                sender=_text(event, "sender"),
                kind=_text(event, "type"),
                error=f"{type(error).__name__}: {error}"[:500],
                now=now,
            )
            self._setting.tell_staff(
                tx,
                f"I could not handle the event {event_id} in {room_id} and have put it aside "
                f"({type(error).__name__}). Nothing was done with it. The log has the details.",
                cause=f"event {event_id}",
            )

    def _meaning(self, event: Event) -> _Handler | None:  # noqa: C901, PLR0911 - one for each meaning
        """Say what an event means to us; fast, for it is asked for every message."""
        match event.get("type"):
            case "m.room.message" if event.get("sender") != self._bot and is_command(event):
                return self._paced(event)
            case (
                "m.room.message"
                | "m.sticker"
                | "m.room.encrypted"
                | "m.poll.start"
                | "org.matrix.msc3381.poll.start"
            ):
                return self._published if self._unwelcome(event) else None
            case "m.room.member":
                if event.get("state_key") != self._bot and _content(event).get("membership") in _GONE:
                    watched = event.get("room_id") == self._setting.review_room
                    if not watched and _readmitted(event):
                        return self._changed
                    return self._member if watched else self._gone(event)
                ours = event.get("state_key") == self._bot
                if ours or event.get("room_id") == self._setting.review_room:
                    return self._member
                # Nobody but themselves can say how somebody is called.
                if (
                    event.get("sender") == event.get("state_key")
                    and _content(event).get("membership") == "join"
                ):
                    return self._named
            case "m.room.power_levels":
                return self._levels
            case "m.room.encryption":
                return self._encryption
            case "m.room.name" | "m.room.canonical_alias" if event.get("state_key") == "":
                return self._called
            case kind if kind in _STATE:
                return self._changed
            case kind if kind in (LABEL, "m.room.redaction"):
                return self._label
        return None

    def _paced(self, event: Event) -> _Handler | None:
        """Let a command through, or say that it was too many: once, and nothing to those after it."""
        stopped = self._pace.stops(event["sender"], event["event_id"], verb_of(event))
        if stopped is None:
            return self._command
        return partial(self._refuse, stopped) if stopped else None

    def _judged(self, event: Event) -> Callable[[Tx], Awaitable[None]] | None:
        """Say what the rules have to do with an event; fast, and whatever else it means."""
        match event.get("type"):
            case kind if publishes(kind, event.get("content"), state="state_key" in event):
                found = self._findings.look(event)
                return None if found is None else partial(self._record, found)
            case "m.room.member" if self._findings.enters(event):
                return partial(self._findings.entered, event=event)
        return None

    async def _record(self, found: Found, tx: Tx) -> None:
        await self._findings.record(tx, found)

    def _gone(self, event: Event) -> _Handler | None:
        """Hear of somebody who has left a room; who was not in it has only declined to enter."""
        before = event.get("unsigned")
        known = before.get("prev_content") if isinstance(before, dict) else None
        was_in = not isinstance(known, dict) or known.get("membership", "join") == "join"
        return self._owner_left if was_in else None

    def _unwelcome(self, event: Event) -> bool:
        """Say whether somebody has published who may not; an edit publishes nothing."""
        room_id, sender, content = event.get("room_id"), event.get("sender"), event.get("content")
        if not (isinstance(room_id, str) and isinstance(sender, str) and isinstance(content, dict)):
            return False
        if not self._messages.unwelcome(room_id, sender) or not content or sender == self._bot:
            return False
        relation = content.get("m.relates_to")
        return not (isinstance(relation, dict) and relation.get("rel_type") == "m.replace")

    async def _published(self, tx: Tx, event: Event) -> None:
        await self._messages.published(tx, event["room_id"], event["sender"])

    async def _command(
        self,
        tx: Tx,
        event: Event,
        aliases: Mapping[str, str] = MappingProxyType({}),
        views: Mapping[str, View] = MappingProxyType({}),
    ) -> None:
        message = Message.of(event, await rooms.get(tx, event["room_id"]))
        self._answer(tx, message, await self._dispatch.answer(tx, message, aliases, views))

    async def _refuse(self, why: str, tx: Tx, event: Event) -> None:
        self._answer(tx, Message.of(event, await rooms.get(tx, event["room_id"])), why)

    def _answer(self, tx: Tx, message: Message, answer: str) -> None:
        if not answer:  # what there was to say went another way
            return
        if message.is_private:
            self._setting.queue(
                tx, [Say(message.room_id, answer, message.event_id)], cause=message.event_id
            )
        else:
            # What somebody asks the bot is nobody else's business.
            self._setting.tell(tx, message.sender, answer, cause=message.event_id)

    async def _member(self, tx: Tx, event: Event) -> None:
        room_id, user_id = event["room_id"], _text(event, "state_key")
        content = _content(event)
        membership = content.get("membership")
        if user_id == self._bot:
            if membership == "invite":
                direct = content.get("is_direct") is True
                joining = JoinRoom(room_id, event["sender"], direct)
                self._setting.queue(tx, [joining], cause=f"invitation {room_id}")
            elif membership in ("leave", "ban"):
                await self._left(tx, room_id, event)
        elif room_id == self._setting.review_room:
            if membership == "join":
                await rooms.enter_review(tx, user_id)
            else:
                await rooms.leave_review(tx, user_id)

    async def _matters(self, meaning: _Handler, event: Event) -> bool:
        """Look whether an event of a kind that rarely means something does; most write nothing."""
        room_id, user_id, content = _text(event, "room_id"), _text(event, "state_key"), _content(event)
        if meaning not in (self._named, self._owner_left, self._label, self._changed):
            return True
        async with self._database.transaction(reading=True) as tx:
            if meaning == self._named:
                is_new = await self._names.is_new(tx, room_id, user_id, content.get("displayname"))
                return is_new or await self._vacancies.is_back(tx, room_id, user_id)
            if meaning == self._owner_left:
                return await self._vacancies.is_leaving(tx, room_id, user_id)
            if meaning == self._changed:
                ours = _text(event, "sender") == self._bot
                return not ours and await self._drift.is_news(tx, room_id)
            if event.get("type") == LABEL:
                return user_id == self._bot and await self._labels.is_wrong(tx, room_id, content)
            # Where the redacted event stands depends on the room's version.
            redacted = _text(event, "redacts") or _text(content, "redacts")
            # No ID has what no database keeps: NUL, halves of characters.
            return redacted.isprintable() and await self._labels.is_lost(tx, room_id, redacted)

    async def _label(self, tx: Tx, event: Event) -> None:
        await self._labels.tampered(tx, event["room_id"], _text(event, "sender"))

    async def _owner_left(self, tx: Tx, event: Event) -> None:
        await self._vacancies.left(tx, event["room_id"])

    async def _named(self, tx: Tx, event: Event) -> None:
        room_id, user_id = _text(event, "room_id"), event["state_key"]
        await self._names.learn(tx, user_id, _content(event).get("displayname"))
        if await self._vacancies.is_back(tx, room_id, user_id):
            await self._vacancies.back(tx, room_id)

    async def _left(self, tx: Tx, room_id: str, event: Event) -> None:
        room = await rooms.get(tx, room_id)
        if room is None:
            return
        gone = await deletions.of_room(tx, room_id)
        if room.kind in (Kind.GOVERNED, Kind.REVIEW):
            if gone is not None and gone.gone:
                return
            self._setting.tell_staff(
                tx,
                f"I was removed from {room_id} by {event['sender']}. Measures there cannot be "
                "carried out until I am back: please look at it.",
                cause=f"room {room_id}",
            )
            await self._deviations.noted(tx, room_id, drift.Kind.ABSENT, "I was removed from the room.")
            return
        await rooms.forget(tx, room_id)

    async def _levels(self, tx: Tx, event: Event) -> None:
        if event.get("state_key") == "":
            await rooms.save_levels(tx, event["room_id"], _content(event))
            if _text(event, "sender") != self._bot:
                await self._changed(tx, event)

    async def _changed(self, tx: Tx, event: Event) -> None:
        await self._drift.soon(tx, _text(event, "room_id"))

    async def _called(self, tx: Tx, event: Event) -> None:
        key = "name" if event["type"] == "m.room.name" else "alias"
        await self._setting.room_called(tx, _text(event, "room_id"), {key: _content(event).get(key)})

    async def _encryption(self, tx: Tx, event: Event) -> None:
        room = await rooms.get(tx, event["room_id"])
        if room is None or event.get("state_key") != "":
            return
        if room.kind is Kind.GOVERNED:
            await self._changed(tx, event)
        elif room.kind is Kind.DIRECT and room.user_id:
            await encrypted_direct_room(tx, self._setting, room)


async def encrypted_direct_room(tx: Tx, setting: Setting, room: Room) -> None:
    """Leave an encrypted direct room aside, for we cannot read there, and open another."""
    await rooms.forget(tx, room.room_id)
    if room.user_id:
        setting.tell(
            tx,
            room.user_id,
            "Our other chat is encrypted, and I cannot read what you write there. Please write "
            "to me here instead: !policy help",
            cause=f"encrypted {room.room_id}",
        )


def _readmitted(event: Event) -> bool:
    """Say whether somebody's ban was lifted, by somebody."""
    before = event.get("unsigned")
    before = before.get("prev_content") if isinstance(before, dict) else None
    banned = isinstance(before, dict) and before.get("membership") == "ban"
    return banned and _content(event).get("membership") == "leave"


def _text(event: Event, key: str) -> str:
    value = event.get(key)
    return value if isinstance(value, str) else ""


def _content(event: Event) -> Mapping[str, Any]:
    content = event.get("content")
    return content if isinstance(content, dict) else {}
