"""A world for tests: real database, real services, a fake homeserver, a clock moved by hand."""

import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from policybot.app import App
from policybot.config import Config
from policybot.domain import effects, label, quarantine, room_measure, server, showing
from policybot.domain.drift import Look, Seen
from policybot.domain.effects import Effect
from policybot.domain.list_rule import PublicationEffect, PublishRule
from policybot.domain.rank import Levels
from policybot.domain.review import Sight
from policybot.domain.room_measure import RoomMeasure
from policybot.domain.taking import MoveAliases, TakingEffect, View
from policybot.domain.upgrade import FollowUpgrade
from policybot.matrix.commands.dispatch import Dispatch
from policybot.matrix.events import Events
from policybot.ports import Errand, Impossible, Later, Result, StillShown
from policybot.services.roster import Entry
from policybot.services.verifications import hashed
from policybot.store import rooms
from policybot.store.database import Database
from policybot.store.rooms import Kind
from policybot.store.vault import Stretch
from tests import canary, files, ready
from tests.around import FakeMedia
from tests.lists import FakeLists
from tests.rooms import FakeRooms

SERVER = "example.org"
BOT = f"@policybot:{SERVER}"
REVIEW = f"!review:{SERVER}"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

CHEAP = Stretch(8, 1)
"""What a guess costs in tests: nothing."""

E = TypeVar("E")


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def pass_time(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class FakeHomeserver:
    """A homeserver in memory, for speed and for faults that the real one cannot be made to show.

    `tests/acceptance` holds the same port against the real Synapse.
    """

    clock: Clock
    performed: list[Effect] = field(default_factory=list)
    levels: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    redacted: set[str] = field(default_factory=set)
    directory: set[str] = field(default_factory=set)
    network: set[str] = field(default_factory=set)
    labels: dict[str, str] = field(default_factory=dict)
    called: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What rooms say of their `name` and `alias`."""
    contents: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the labels say."""
    aliases: dict[str, str] = field(default_factory=dict)
    topics: dict[str, str] = field(default_factory=dict)
    pinned: dict[str, list[str]] = field(default_factory=dict)
    notices: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What the files of events are."""
    made: dict[str, int] = field(default_factory=dict)
    """When accounts were made, in milliseconds."""
    suspended: set[str] = field(default_factory=set)
    locked: set[str] = field(default_factory=set)
    banned: set[tuple[str, str]] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    acls: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The server ACLs of rooms that have one."""
    banners: dict[str, str] = field(default_factory=dict)
    """What is pinned in suspended rooms, by their IDs."""
    deleted: set[str] = field(default_factory=set)
    media: FakeMedia = field(default_factory=FakeMedia)
    lists: FakeLists = field(default_factory=lambda: FakeLists(BOT))
    rooms: FakeRooms = field(init=False)
    said: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Messages by their key, so that one key is one message: room (or person) and text."""
    looked: list[str] = field(default_factory=list)
    """Rooms that were compared with their filings."""
    edits: list[str] = field(default_factory=list)
    """The keys of edits."""
    away: bool = False
    refuses: dict[type[Effect], str] = field(default_factory=dict)
    before_answer: Any = None
    """Called after an effect was done and before it is answered: where a crash hurts most."""

    def __post_init__(self) -> None:
        self.rooms = FakeRooms(BOT, self.levels, self.versions)

    async def view(self, room_id: str) -> View | None:
        """Look at a room, as the reader does."""
        self._reachable()
        return self.rooms.view(room_id) if room_id in self.levels else None

    async def look(self, asked: Look) -> Seen | None:
        """Look at a governed room, as the observer does."""
        self._reachable()
        room, state = asked.room_id, self.rooms.state.get(asked.room_id, {})
        self.looked.append(room)
        if room not in self.levels or self.rooms.members.get(room, {}).get(BOT) in ("leave", "ban"):
            return None
        view = self.rooms.view(room)
        return Seen(
            levels=view.levels,
            join_rule="invite" if room in self.closed else self.rooms.join_rule(room),
            encrypted=view.encrypted,
            successor=view.successor,
            published=room in self.directory,
            alias=self.aliases.get(asked.alias),
            label=self.contents.get(room, {}),
            topic=self.topics.get(room, state.get("m.room.topic", {}).get("topic", "")),
            notice=asked.notice is None or asked.notice in self.pinned.get(room, []),
            banner=asked.banner is None or room in self.banners,
            banned=frozenset(who for where, who in self.banned if where == room),
            denied=server.denied(self.acls.get(room)),
        )

    async def room_of(self, alias: str) -> str | None:
        """Look an address up, as the reader does."""
        self._reachable()
        return self.aliases.get(alias)

    async def author_of(self, room_id: str, event_id: str) -> str | None:
        """Say who wrote something, as the reader does."""
        self._reachable()
        event = self.events.get(event_id, {})
        return event["sender"] if event.get("room_id") == room_id else None

    async def is_suspended(self, user_id: str) -> bool:
        self._reachable()
        return user_id in self.suspended

    async def sight(self, room_id: str) -> Sight | None:
        """Look at how a room presents itself, as the reader does."""
        self._reachable()
        return self.rooms.sight(room_id) if room_id in self.levels else None

    async def observe(self, effect: Effect) -> Result:  # noqa: C901, PLR0911, PLR0912 - one line for each
        self._reachable()
        match effect:
            case effects.RestrictMember(room_id, user_id):
                return {"level": self.levels[room_id]["users"].get(user_id)}
            case effects.ExcludeMember(room_id, user_id):
                return {"membership": "ban" if (room_id, user_id) in self.banned else "join"}
            case room_measure.QuietRoom(room_id) | room_measure.FreezeRoom(room_id):
                return {"events_default": self.levels[room_id].get("events_default", 0)}
            case room_measure.CloseRoom(room_id):
                return {"closed": room_id in self.closed}
            case room_measure.GiveLevel(room_id, user_id):
                return {"level": self.levels[room_id]["users"].get(user_id)}
            case room_measure.DenyServer(room_id, name):
                return {"denied": name in server.denied(self.acls.get(room_id))}
            case MoveAliases(room_id):
                return self.rooms.aliases_of(room_id)
            case quarantine.QuarantineMedia(uri):
                return {"quarantined": uri in self.media.quarantined}
            case effects.SuspendAccount(user_id):
                return {"suspended": user_id in self.suspended}
            case effects.LockAccount(user_id):
                return {"locked": user_id in self.locked}
            case showing.ShowTopicLine(room_id, line):
                return {"topic": self.topics.get(room_id), "line": line}
            case PublishRule() as told:
                return self.lists.observe(told)
            case _:
                raise AssertionError(effect)

    def _reachable(self) -> None:
        if self.away:
            message = "the homeserver cannot be reached"
            raise Later(message)

    async def perform(self, errand: Errand) -> Result:
        self._reachable()
        if (reason := self.refuses.get(type(errand.effect))) is not None:
            self._check_hidden(errand)
            raise Impossible(reason)
        result = self._do(errand)
        self.performed.append(errand.effect)
        if self.before_answer is not None:
            self.before_answer(errand.effect)
        return result

    def _check_hidden(self, errand: Errand) -> None:
        match errand.effect:
            case effects.SetProfileField(user_id, name) | effects.ClearProfileField(user_id, name) if (
                not errand.name
            ):
                if "name" in self.profiles.get(user_id, {}).get(name, {}):
                    message = "the verified name still stands there"
                    raise StillShown(message)

    def _do(self, errand: Errand) -> Result:  # noqa: C901, PLR0911, PLR0912, PLR0915 - one line for each effect
        before = errand.before or {}
        match errand.effect:
            case effects.Say(room_id, text):
                self.said.setdefault(errand.key, (room_id, text))
            case effects.ShowCard():
                return self._show_card(errand)
            case effects.Notify(user_id, text):
                self.said.setdefault(errand.key, (user_id, text))
                return {"opened": None if errand.direct_room else f"!direct-{user_id}"}
            case effects.JoinRoom(room_id, _, direct):
                return self._power(room_id) | {"direct": direct, "encrypted": False}
            case effects.TakeSeat(room_id):
                self.levels[room_id]["users"][BOT] = 100
                return self._power(room_id) | self.called.get(room_id, {})
            case effects.KeepEvidence(_, event_id):
                if event_id not in self.events:
                    message = "404 M_NOT_FOUND"
                    raise Impossible(message)
                return self.events[event_id]
            case quarantine.QuarantineMedia() | quarantine.UnquarantineMedia() as effect:
                self.media.perform(effect, errand.before)
            case effects.KeepContext() as keep:
                return self.media.around(keep, errand.evidence, self.events, self.redacted)
            case effects.Redact(_, event_id):
                self.redacted.add(event_id)
            case effects.FindMessages(room_id, user_id, since, most):
                return {"found": self._written(room_id, user_id, since)[:most]}
            case effects.Restore(room_id, event_id):
                assert errand.evidence is not None
                if event_id in self.redacted:
                    self.said[errand.key] = (room_id, errand.evidence["content"]["body"])
            case effects.RestrictMember(room_id, user_id):
                self.levels[room_id]["users"][user_id] = -1
            case effects.ReleaseMember(room_id, user_id):
                return self._release(room_id, user_id, errand.before)
            case effects.ExcludeMember(room_id, user_id):
                self.banned.add((room_id, user_id))
            case effects.ReadmitMember(room_id, user_id):
                self.banned.discard((room_id, user_id))
            case room_measure.ShowBanner(room_id, text):
                if errand.before is None:
                    self.banners[room_id] = text
                    return {"event_id": errand.key}
            case room_measure.HideBanner(room_id):
                if errand.before is not None:
                    self.banners.pop(room_id, None)
            case measure if isinstance(measure, RoomMeasure):
                self._measure(measure, errand.key, before)
            case effects.SuspendAccount(user_id):
                self.suspended.add(user_id)
            case effects.UnsuspendAccount(user_id):
                self.suspended.discard(user_id)
            case effects.LockAccount(user_id):
                self.locked.add(user_id)
            case effects.UnlockAccount(user_id) if not before.get("locked"):
                self.locked.discard(user_id)
            case effects.LearnName(user_id):
                return {"displayname": self.profiles.get(user_id, {}).get("displayname")}
            case effects.SetProfileField(user_id, field_name):
                value: dict[str, Any] = {"verified": True, "by": BOT}
                if errand.name is not None:
                    value["name"] = errand.name.reveal()
                self.profiles.setdefault(user_id, {})[field_name] = value
            case effects.ClearProfileField(user_id, field_name):
                self.profiles.get(user_id, {}).pop(field_name, None)
            case _:
                return self._do_sign(errand)
        return {}

    def _written(self, room_id: str, user_id: str, since: int) -> list[str]:
        theirs = [
            event
            for event in self.events.values()
            if event["room_id"] == room_id
            and event["sender"] == user_id
            and event["type"] == "m.room.message"
            and event["origin_server_ts"] >= since
            and event["event_id"] not in self.redacted
        ]
        newest = sorted(theirs, key=lambda event: -event["origin_server_ts"])
        return [event["event_id"] for event in newest]

    def _show_card(self, errand: Errand) -> Result:
        card, room_id = errand.card, errand.effect.room_id  # type: ignore[union-attr]  # a card's
        if card is None:
            return {}
        stands, before = card["event_id"], errand.key in self.said or errand.key in self.edits
        if stands is None or stands in self.redacted:
            stands = errand.key
            self.said.setdefault(stands, (room_id, card["text"]))
        elif not before:
            self.said[stands] = (room_id, card["text"])
            self.edits.append(errand.key)
        shown = "" if before else card["shown"]
        return {"event_id": stands, "room_id": room_id, "shown": shown}

    def _measure(self, measure: RoomMeasure, key: str, before: Result) -> None:  # noqa: C901, PLR0912 - as above
        match measure:
            case room_measure.QuietRoom(room_id):
                present = self.levels[room_id].get("events_default", 0)
                self.levels[room_id]["events_default"] = max(50, present)
                self.levels[room_id].setdefault("invite", 50)
            case room_measure.FreezeRoom(room_id):
                raised = {"events_default": 100, "state_default": 100, "invite": 100}
                self.levels[room_id] |= raised
            case room_measure.UnquietRoom(room_id) | room_measure.UnfreezeRoom(room_id):
                self.levels[room_id]["events_default"] = before.get("events_default", 0)
                for asked in ("state_default", "invite"):
                    self.levels[room_id].pop(asked, None)
            case room_measure.CloseRoom(room_id, text):
                self.closed.add(room_id)
                self.said.setdefault(key, (room_id, text))
            case room_measure.ReopenRoom(room_id):
                if not before["closed"]:
                    self.closed.discard(room_id)
            case room_measure.GiveLevel(room_id, user_id, level) if level is not None:
                self.levels[room_id]["users"][user_id] = level
            case room_measure.GiveLevel(room_id, user_id):
                self.levels[room_id]["users"].pop(user_id, None)
            case room_measure.ReturnLevel(room_id, user_id):
                self.levels[room_id]["users"].pop(user_id, None)
                if before.get("level") is not None:
                    self.levels[room_id]["users"][user_id] = before["level"]
            case room_measure.DeleteRoom(room_id):
                self.deleted.add(room_id)
            case room_measure.UnblockRoom(room_id):
                self.deleted.discard(room_id)
            case room_measure.DenyServer(room_id, name):
                if name not in server.denied(self.acls.get(room_id)):
                    self.acls[room_id] = server.without(self.acls.get(room_id), name)
            case room_measure.AdmitServer(room_id, name):
                if before and not before["denied"] and room_id in self.acls:
                    self.acls[room_id] = server.again(self.acls[room_id], name)

    def _do_sign(self, errand: Errand) -> Result:  # noqa: C901, PLR0911, PLR0912 - one line for each effect
        before = errand.before or {}
        match errand.effect:
            case showing.Publish(room_id, filed):
                self.directory.add(room_id)
                if filed:
                    self.network.add(room_id)
            case showing.Unpublish(room_id):
                self.directory.discard(room_id)
                self.network.discard(room_id)
            case showing.SetLabel(room_id, number, categories):
                self.labels[room_id] = number
                wanted = dict(errand.label or label.content(number, categories, ()))
                if self.contents.get(room_id) != wanted:
                    self.contents[room_id] = wanted
                    return {"event_id": f"$label-{len(self.performed)}"}
            case showing.WithdrawLabel(room_id):
                self.labels.pop(room_id, None)
                self.contents[room_id] = {}
            case showing.AddAlias(room_id, number):
                self.aliases[label.alias(number, SERVER)] = room_id
            case showing.RemoveAlias(room_id, number):
                self.aliases.pop(label.alias(number, SERVER), None)
            case showing.ShowTopicLine(room_id):
                topic, line = self.topics.get(room_id), str(before["line"])
                if line not in (topic or "").split("\n"):
                    self.topics[room_id] = f"{topic}\n{line}" if topic else line
            case showing.HideTopicLine(room_id):
                self._hide_line(room_id, before)
            case showing.PinNotice(room_id, text):
                if not before:
                    self.notices[errand.key] = text
                    self.pinned.setdefault(room_id, []).append(errand.key)
                    return {"event_id": errand.key}
            case showing.UnpinNotice(room_id):
                if before:
                    left = [event for event in self.pinned[room_id] if event != before["event_id"]]
                    self.pinned[room_id] = left
                    self.notices.pop(before["event_id"], None)
            case effects.LearnAuthor(_, event_id):
                if event_id not in self.events:
                    message = "404 M_NOT_FOUND"
                    raise Impossible(message)
                return {"sender": self.events[event_id]["sender"]}
            case effects.LearnMore(_, event_id, _, files, account):
                found = {"files": self.files.get(event_id, [])} if files else {}
                made = {"made": self.made.get(account)} if account else {}
                return {**self.events[event_id], **found, **made}
            case told if isinstance(told, PublicationEffect):
                return self.lists.perform(told, errand.before)
            case FollowUpgrade() as follow:
                return self._follow(follow)
            case effect if isinstance(effect, TakingEffect):
                return self.rooms.perform(effect, before)
            case _:
                raise AssertionError(errand.effect)
        return {}

    def _follow(self, effect: FollowUpgrade) -> Result:
        topic = self.topics.get(effect.successor)
        banned = [who for where, who in self.banned if where == effect.successor]
        return dict(self.rooms.follow(effect)) | {"topic": topic, "banned": banned}

    def _hide_line(self, room_id: str, before: Result) -> None:
        if not before:
            return
        lines = self.topics.get(room_id, "").split("\n")
        if before["line"] in lines:
            lines.remove(before["line"])
        self.topics[room_id] = "\n".join(lines)

    def _power(self, room_id: str) -> dict[str, Any]:
        self.levels.setdefault(room_id, {"users": {}})
        return self.rooms.power_of(room_id)

    def _release(self, room_id: str, user_id: str, before: Result | None) -> Result:
        users = self.levels[room_id]["users"]
        if before is None:
            return {}
        if users.get(user_id) != -1:
            return {"drift": f"somebody changed the level of {user_id}"}
        if before["level"] is None:
            del users[user_id]
        else:
            users[user_id] = before["level"]
        return {}


def user(name: str) -> str:
    """Write somebody's user ID."""
    return name if name.startswith("@") else f"@{name}:{SERVER}"


@dataclass
class World:
    """Everybody and everything that a test needs."""

    config: Config
    database: Database
    clock: Clock
    homeserver: FakeHomeserver
    app: App
    inward: Events
    aliases: dict[str, str] = field(default_factory=dict)
    _counter: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def room(self) -> str:
        return f"!garden:{SERVER}"

    def event_id(self) -> str:
        return f"$event{next(self._counter)}"

    async def deliver(self, **event: Any) -> str:
        """Let the homeserver deliver an event, and let the outbox do what it can."""
        event.setdefault("event_id", self.event_id())
        event.setdefault("origin_server_ts", int(self.clock().timestamp() * 1000))
        self.homeserver.events[event["event_id"]] = event
        await self.inward.handle(event)
        await self.work()
        return str(event["event_id"])

    async def work(self) -> None:
        """Let the outbox do what it can do now."""
        worker = self.app.worker(self.homeserver)
        await worker.drain()
        await worker._give_up_leases()

    async def message(self, who: str, body: str, room: str = "", **content: Any) -> str:
        """Let somebody write a message."""
        return await self.deliver(
            type="m.room.message",
            room_id=room or f"!direct-{user(who)}",
            sender=user(who),
            content={"msgtype": "m.text", "body": body} | content,
        )

    async def say(self, who: str, body: str, room: str = "", **content: Any) -> str:
        """Let somebody write a message, and give back what the bot answered."""
        room_id = room or await self.direct(who)
        before = set(self.homeserver.said)
        await self.message(who, body, room_id, **content)
        answers = [
            text
            for key, (where, text) in self.homeserver.said.items()
            if key not in before and where in (room_id, user(who))
        ]
        return answers[0] if answers else ""

    async def direct(self, who: str) -> str:
        """Open somebody's direct room with the bot, unless it is there."""
        async with self.database.transaction() as tx:
            known = await rooms.direct(tx, user(who))
        if known is not None:
            return known
        room_id = f"!direct-{user(who)}"
        await self.deliver(
            type="m.room.member",
            room_id=room_id,
            sender=user(who),
            state_key=BOT,
            content={"membership": "invite", "is_direct": True},
        )
        return room_id

    async def review(self, who: str, body: str) -> str:
        """Let somebody write in the review room, and give back the answer."""
        return await self.say(who, body, REVIEW)

    def told(self, who: str) -> list[str]:
        """List what the bot has told somebody."""
        return [text for where, text in self.homeserver.said.values() if where == user(who)]

    def in_review(self) -> list[str]:
        """List what the bot has written in the review room."""
        return [text for where, text in self.homeserver.said.values() if where == REVIEW]

    async def leaks(self) -> list[str]:
        """List where somebody's real name stands and must not."""
        owners = {user(name): real for name, real in files.NAMES.items()}
        showing = {
            effect.user_id
            for effect in self.homeserver.performed
            if isinstance(effect, effects.SetProfileField) and effect.real
        }
        return [
            *canary.in_files(self.config.key_file.parent),
            *await canary.in_tables(self.database),
            *canary.in_messages(self.homeserver.said.values(), owners, showing),
        ]

    async def tick(self, **span: float) -> None:
        """Let time pass and the clock strike."""
        self.clock.pass_time(**span)
        await self.app.tick()
        await self.work()

    async def called(self, who: str, name: Any, room: str = "") -> None:
        """Let somebody take a display name, as a room that they are in shows it."""
        self.homeserver.profiles.setdefault(user(who), {})["displayname"] = name
        await self.deliver(
            type="m.room.member",
            room_id=room or self.room,
            sender=user(who),
            state_key=user(who),
            content={"membership": "join", "displayname": name},
        )

    async def verified(self, who: str) -> None:
        """Verify somebody and have them sign the agreement."""
        answer = await self.say(who, "!policy verify")
        token = find(r"(?<=/verify/)\S+", answer)
        verifications, roster = self.app.services.verifications, self.app.services.roster
        async with self.database.transaction(reading=True) as tx:
            record = await roster.check(tx, files.CODES[who])
        assert record is not None, f"{who} is not on the roster, or their code is used"
        blind = await verifications.blind(record)
        async with self.database.transaction() as tx:
            code = await verifications.found(tx, hashed(token), record, blind)
        assert "You are verified" in await self.say(who, f"!policy verify {code}")
        await self.say(who, f"!policy agree {self.config.agreement.version}")

    async def governed_room(self, owner: str = "anna", room: str = "") -> str:
        """Have somebody's room filed and approved; return its record number."""
        room = room or self.room
        await self.verified(owner)
        self.homeserver.levels[room] = {"users": {user(owner): 100}}
        await self.deliver(
            type="m.room.member",
            room_id=room,
            sender=user(owner),
            state_key=BOT,
            content={"membership": "invite"},
        )
        answer = await self.say(owner, f"!policy file {room} general Neighbours talk of gardens")
        filing = find(r"F-\d+", answer)
        answer = await self.review("ravi", f"!policy approve {filing}")
        return find(r"PB-\d{4}-\d{6}-\w\w", answer)

    async def reported(
        self, offender: str = "tom", reporter: str = "lea", text: str = "Buy my spades!"
    ) -> str:
        """Have somebody write something in the governed room and somebody report it."""
        event = await self.message(offender, text, self.room)
        link = f"https://matrix.to/#/{self.room}/{event}"
        await self.say(reporter, f"!policy report {link} R1 This is an advert")
        return find(r"(?<=New case )C-\d+", self.in_review()[-1])

    async def decided(self, case: str, measure: str, by: str = "mira", confirm: str = "") -> str:
        """Have a moderator decide a case, and another confirm it if needed."""
        text = f"!policy decide {case} R1 S2 {measure} Advertised a shop in a room for neighbours"
        text += "" if measure == "proposed" else " // Neighbours asked for a clear answer"
        answer = await self.review(by, text)
        if confirm:
            code = find(r"(?<=!policy confirm )\w+", answer)
            answer = await self.review(confirm, f"!policy confirm {code}")
        return answer


def find(pattern: str, text: str) -> str:
    """Read a number or a link out of an answer."""
    match = re.search(pattern, text)
    assert match, f"no {pattern} in: {text}"
    return match[0]


def unlinked(told: str) -> str:
    """Write a notice as moderators and records have it: without the link of the person."""
    return re.sub(r"https?://\S+/appeal/\w+", "(a link that is yours alone)", told)


@asynccontextmanager
async def world(folder: Path, database_url: str = "", **changes: Any) -> AsyncIterator[World]:
    """Make a world in a folder; `changes` are keys of the configuration by their dotted names."""
    async with world_of(files.settled(folder, database_url, changes)) as made:
        yield made


@asynccontextmanager
async def world_of(config: Config) -> AsyncIterator[World]:
    """Make the world of a configuration."""
    database = await ready.opened(config.database_url)
    clock = Clock()
    homeserver = FakeHomeserver(clock)
    app = App(config, database, now=clock, stretch=CHEAP)
    app.setting.review_room = REVIEW
    app.hours.look = homeserver
    app.hours.lists = homeserver.lists
    app.reader = homeserver
    app.services.copies.source = homeserver.media
    await app.record_policy()
    aliases: dict[str, str] = {}

    async def resolve(alias: str) -> str | None:
        return aliases.get(alias)

    dispatch, services = Dispatch(app.services, resolve, homeserver), app.services
    inward = Events(app.setting, database, dispatch, services)
    made = World(config, database, clock, homeserver, app, inward, aliases)
    entries = [
        Entry({"person": name, "name": files.NAMES[name]}, code) for name, code in files.CODES.items()
    ]
    plan = await app.services.roster.plan(database, entries, lambda _: None)
    await app.services.roster.carry_out(database, plan, lambda _: None)
    async with database.transaction() as tx:
        room = rooms.Room(REVIEW, Kind.REVIEW, Levels("", (), {}))
        await rooms.save(tx, room, clock())
        await rooms.reset_review(tx, {user(name) for name in ("mira", "otto", "ravi")})
    try:
        yield made
        assert await made.leaks() == [], "a real name stands where it must not"
    finally:
        await made.database.close()
