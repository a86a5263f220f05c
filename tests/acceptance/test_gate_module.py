"""The module in the real homeserver: what it refuses and lets pass, also while policybot is away."""

import asyncio
import struct
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from policybot.demo.person import Person
from policybot.demo.synapse import DidNotStart, Synapse
from policybot.domain.condition import Media, NewAccount, Terms
from policybot.domain.mechanism import Mechanism, Then
from policybot.domain.refusal import SENTENCES, Code
from policybot.domain.rules import Rule
from policybot.domain.view import Creation, Curb, Room, Slow, Upload
from tests.feeding import TOKEN, Feed, feeding, house
from tests.viewing import GOOD, NAMED, OPEN, PAGES

BOT = "@policybot:localhost"
REFUSE = frozenset({Then.REFUSE})
WORD = Mechanism(Rule("R1", "Advertising", "Not here."), Terms(("frobnitz",)), then=REFUSE)
GIFS = Mechanism(Rule("R2", "Pictures", "None that move."), Media(("image/gif",)), then=REFUSE)
NEW = Mechanism(
    Rule("R3", "Newcomers", "Wait a while."),
    NewAccount(timedelta(hours=1)),
    where=frozenset({"settled"}),
    then=REFUSE,
)
LINK = "org.policybot.link"


def sentence(code: Code) -> str:
    """Give a sentence as people read it."""
    return SENTENCES[code].replace("{bot}", BOT)


class Server:
    """A homeserver with the module, and people on it."""

    def __init__(self, synapse: Synapse, feed: Feed, session: aiohttp.ClientSession) -> None:
        self.synapse, self.feed, self.session = synapse, feed, session
        self.people: dict[str, Person] = {}

    async def populate(self, *names: str) -> None:
        for name in names:
            self.people[name] = await self.synapse.register(
                self.session, name, "demo-password", admin=name == "root"
            )

    async def refused(self, who: str, method: str, path: str, body: object = None) -> Any:
        """Ask for something that is refused, and give what the client is told."""
        status, told = await self.asks(who, method, path, body)
        assert status == 403, told
        return told

    async def asks(self, who: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
        person = self.people[who]
        url = f"{self.synapse.address}/_matrix/client/v3/{path}"
        headers = {"Authorization": f"Bearer {person._token}"}
        async with self.session.request(method, url, json=body or {}, headers=headers) as answer:
            return answer.status, await answer.json()

    async def says(self, who: str, room: str, text: str, **more: Any) -> tuple[int, Any]:
        path = f"rooms/{room}/send/m.room.message/t{time.monotonic_ns()}"
        return await self.asks(who, "PUT", path, {"msgtype": "m.text", "body": text} | more)

    async def upload(self, who: str, data: bytes) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.people[who]._token}", "Content-Type": "text/plain"}
        url = f"{self.synapse.address}/_matrix/media/v3/upload"
        async with self.session.post(url, data=data, headers=headers) as answer:
            return answer.status, await answer.json()

    async def until(self, holds: Callable[[], object], seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    async def until_heard(self) -> None:
        """Wait until the module knows what there is, and asks for what comes after it."""
        self.feed.change()
        await self.until(lambda: self.feed.asked and self.feed.asked[-1]["since"] == self.feed.clock)


@asynccontextmanager
async def serving(folder: Path, feed: Feed, **config: object) -> AsyncIterator[Server]:
    """Run a homeserver that loads the module."""
    config = {"address": feed.address, "token": TOKEN} | config
    module = {"module": "policybot.gate.module.Gate", "config": config}
    synapse = Synapse(folder / "synapse", modules=[module])
    try:
        async with aiohttp.ClientSession() as session:
            await synapse.start()
            yield Server(synapse, feed, session)
    finally:
        synapse.stop()


def gif(frames: int = 1) -> bytes:
    pictures = [Image.new("P", (8, 8), n) for n in range(frames)]
    written = BytesIO()
    pictures[0].save(written, "GIF", save_all=True, append_images=pictures[1:])
    return written.getvalue()


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0\0"))
        + chunk(b"IEND", b"")
    )


async def test_what_is_refused_says_why_at_the_client_and_everything_else_passes(tmp_path: Path) -> None:
    async with (
        feeding(house=house("localhost"), mechanisms=(WORD, GIFS, NEW)) as feed,
        serving(tmp_path, feed) as server,
    ):
        await server.populate("anna", "tom", "policybot", "root")
        await server.until_heard()
        anna, tom, bot = (server.people[name] for name in ("anna", "tom", "policybot"))
        feed.change(accounts={anna.user_id: GOOD})
        open_room = await bot.create_room("Open", public=True)
        named = await bot.create_room("Named", public=True)
        settled = await bot.create_room("Settled", public=True)
        private = await tom.create_room("Private", invite=[anna.user_id])
        feed.change(rooms={open_room: OPEN, named: NAMED, settled: Room(("settled",))})
        await server.until_heard()
        for person in (anna, tom):
            for room in (open_room, named, settled):
                await person.join(room)
        await _words(server, open_room, private)
        await _people(server, open_room, named, settled)
        await _files(server, open_room)
        await _rooms(server, open_room)
        await _slowly(server, open_room)
        await server.until(lambda: any(told["code"] == "slow" for told in feed.told))
        told = {(t["code"], t["rule"], t["user"]) for t in feed.told}
        assert ("rule", "R1", tom.user_id) in told
        assert ("unverified", None, tom.user_id) in told
        assert "made a mistake" not in server.synapse.last_words()


async def _words(server: Server, open_room: str, private: str) -> None:
    """A word is refused where it is forbidden, and nowhere else; what was said can be taken back."""
    tom = server.people["tom"]
    status, told = await server.says("tom", open_room, "Buy a fr\u043ebnitz")
    assert status == 403
    assert told["errcode"] == "M_FORBIDDEN"
    assert told["error"].startswith("This was not accepted. Rule R1 (Advertising): Not here.")
    assert (told["org.policybot.code"], told["org.policybot.rule"]) == ("rule", "R1")
    assert told[LINK] == PAGES.rules
    begin = time.monotonic()
    heap = "\u0315\u0300\u05ae\u0345" * 6_000
    for text, more in (
        ("tulips " * 6_000 + "frobnitz", {}),
        (f"{heap} frobnitz", {}),
        ("tulips", {"junk": [0] * 20_000, "m.text": [{"body": "frobnitz"}]}),
        ("tulips", {"format": "org.matrix.custom.html", "formatted_body": "<3 frobnitz>"}),
        ("> <@lea:localhost> frobnitz\n\ntulips", {"m.relates_to": {"m.in_reply_to": {}}}),
    ):
        status, told = await server.says("tom", open_room, text, **more)
        assert (status, told.get("org.policybot.rule")) == (403, "R1"), text[:9]
    assert (await server.says("tom", open_room, heap))[0] == 200
    assert time.monotonic() - begin < 10  # each heap of marks held the homeserver up for seconds
    topic = f"rooms/{open_room}/state/m.room.topic"
    await tom.say(private, "Buy a frobnitz")
    assert (await server.says("policybot", open_room, "A frobnitz is what R1 forbids"))[0] == 200
    assert (await server.asks("policybot", "PUT", topic, {"topic": "No frobnitz"}))[0] == 200
    _, said = await server.says("tom", open_room, "Tulips")
    path = f"rooms/{open_room}/redact/{said['event_id']}/r1"
    assert (await server.asks("tom", "PUT", path, {"reason": "frobnitz"}))[0] == 200


async def _people(server: Server, open_room: str, named: str, settled: str) -> None:
    """Who may not publish there is told what to do; a measure keeps from writing, inviting, entering."""
    anna, tom, feed = server.people["anna"], server.people["tom"], server.feed
    status, told = await server.says("tom", named, "Tulips")
    assert (status, told["error"]) == (403, sentence(Code.UNVERIFIED))
    assert told[LINK] == PAGES.agreement
    assert (await server.says("anna", named, "Tulips"))[0] == 200
    status, told = await server.says("anna", settled, "Tulips")
    assert (status, told["org.policybot.rule"]) == (403, "R3")

    invited = {"user_id": server.people["root"].user_id}
    told = await server.refused("tom", "POST", f"rooms/{named}/invite", invited)
    assert told["org.policybot.code"] == "unverified"
    until = datetime(2036, 3, 2, 9, tzinfo=UTC)
    feed.change(curbs={tom.user_id: (Curb("C-7", named, excluded=True, until=until),)})
    await server.until_heard()
    assert (await server.asks("tom", "POST", f"rooms/{named}/leave"))[0] == 200
    told = await server.refused("tom", "POST", f"join/{named}")
    assert "until 2036-03-02 09:00 UTC, by decision C-7" in told["error"]
    feed.change(rooms={named: Room(("general",), named=True, guarded=True)}, curbs={tom.user_id: ()})
    await server.until_heard()
    told = await server.refused("tom", "POST", f"join/{named}")
    assert told["error"] == sentence(Code.ENTRY)
    feed.change(accounts={tom.user_id: GOOD})
    await server.until_heard()
    await tom.join(named)
    feed.change(accounts={tom.user_id: None})
    await server.until_heard()
    called = {"displayname": "Thomas"}
    assert (await server.asks("tom", "PUT", f"profile/{tom.user_id}/displayname", called))[0] == 200
    async with asyncio.timeout(10):
        while True:  # who is in the room stays, and is called there as they wish
            member = f"rooms/{named}/state/m.room.member/{tom.user_id}"
            if (await server.asks("tom", "GET", member))[1]["displayname"] == "Thomas":
                break
            await asyncio.sleep(0.05)
    feed.change(rooms={named: NAMED})
    assert anna.user_id


async def _files(server: Server, open_room: str) -> None:
    """What a file is counts, not what its sender says; what the whole homeserver refuses is not kept."""
    feed = server.feed

    async def posts(address: str) -> tuple[int, Any]:
        return await server.says("tom", open_room, "cat.png", msgtype="m.image", url=address)

    _, uploaded = await server.upload("tom", gif())
    status, told = await posts(uploaded["content_uri"])
    assert (status, told["org.policybot.rule"]) == (403, "R2")
    _, uploaded = await server.upload("tom", png())
    assert (await posts(uploaded["content_uri"]))[0] == 200
    assert (await posts("mxc://localhost/uploadedelsewhere"))[0] == 200  # judged after delivery

    feed.change(house=house("localhost", upload=Upload(("image/gif",), 5000)))
    await server.until_heard()
    assert (await server.upload("tom", gif(2)))[0] == 400
    assert (await server.upload("tom", png()))[0] == 200
    assert (await server.upload("tom", b"x" * 5001))[0] == 413
    assert (await server.upload("policybot", b"x" * 5001))[0] in {200, 400}


async def _rooms(server: Server, open_room: str) -> None:
    """Public rooms are made and listed by whom the operator wants, and named as no record number."""
    feed, tom = server.feed, server.people["tom"]
    alias = "directory/room/%23pb-2026-000001-7k:localhost"
    feed.change(house=house("localhost", listed=True, prefix="PB"))
    await server.until_heard()
    mine = await tom.create_room("Mine")
    told = await server.refused("tom", "PUT", alias, {"room_id": mine})
    assert told["error"] == SENTENCES[Code.ALIAS]
    told = await server.refused("tom", "POST", "createRoom", {"room_alias_name": "PB-2026-000002-7K"})
    assert told["org.policybot.code"] == "alias"
    path = f"directory/list/room/{mine}"
    told = await server.refused("tom", "PUT", path, {"visibility": "public"})
    assert told["error"] == sentence(Code.DIRECTORY)
    assert told[LINK] == PAGES.register
    told = await server.refused("tom", "POST", "createRoom", {"visibility": "public"})
    assert told["org.policybot.code"] == "directory"
    listed = {"visibility": "public"}
    assert (await server.asks("policybot", "PUT", f"directory/list/room/{open_room}", listed))[0] == 200

    feed.change(house=house("localhost", creation=Creation.FILED))
    await server.until_heard()
    told = await server.refused("tom", "POST", "createRoom", {"preset": "public_chat"})
    assert (told["errcode"], told["error"]) == ("M_FORBIDDEN", sentence(Code.CREATION))
    assert (told["org.policybot.code"], told[LINK]) == ("creation", PAGES.register)
    await tom.create_room("Private again")
    await server.people["policybot"].create_room("Filed", public=True)


async def _slowly(server: Server, room: str) -> None:
    """Who posts too soon is told when to send it again; edits and reactions wait for nothing."""
    server.feed.change(rooms={room: Room(("general",), slow=Slow(timedelta(seconds=30)))})
    await server.until_heard()
    status, said = await server.says("tom", room, "One")
    assert status == 200
    edit = {"rel_type": "m.replace", "event_id": said["event_id"]}
    new = {"msgtype": "m.text", "body": "Won"}
    assert (await server.says("tom", room, "* Won", **{"m.new_content": new, "m.relates_to": edit}))[
        0
    ] == 200
    status, told = await server.says("tom", room, "Two")
    assert (status, told["errcode"]) == (403, "M_LIMIT_EXCEEDED")
    assert 25_000 < told["retry_after_ms"] <= 30_000
    assert "one message every 30 s" in told["error"]
    assert (await server.says("anna", room, "One"))[0] == 200


async def test_while_policybot_is_away_the_last_view_counts_and_then_what_the_operator_wants(
    tmp_path: Path,
) -> None:
    async with (
        feeding(house=house("localhost"), mechanisms=(WORD,)) as feed,
        serving(tmp_path, feed, away="closed", patience=6) as server,
    ):
        await server.populate("anna", "tom", "policybot")
        await server.until_heard()
        tom, bot = server.people["tom"], server.people["policybot"]
        room = await bot.create_room("Governed", public=True)
        other = await bot.create_room("Not governed", public=True)
        private = await tom.create_room("Private")
        feed.change(rooms={room: OPEN})
        await server.until_heard()
        await tom.join(room)
        await tom.join(other)
        for fault, said in (
            ("garbage", "no JSON"),
            ("protocol", "install the same version"),
            ("token", "gate.token"),
            ("error", "status 502"),
        ):
            feed.fail(fault)
            await server.until(lambda said=said: said in server.synapse.last_words())  # type: ignore[misc]
            assert (await server.says("tom", room, "A frobnitz"))[0] == 403
            assert (await server.says("tom", room, "Tulips"))[0] == 200
            feed.fail("")
            await server.until_heard()
        await _without_policybot(server, room, other, private)
        await _restarted(server, room, private)


async def _without_policybot(server: Server, room: str, other: str, private: str) -> None:
    await server.feed.stop()
    assert (await server.says("tom", room, "A frobnitz"))[1]["org.policybot.code"] == "rule"
    status, said = await server.says("tom", room, "The last view counts")
    assert status == 200
    async with asyncio.timeout(20):
        while (said_now := await server.says("tom", room, "Tulips"))[0] == 200:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)
    status, told = said_now
    assert (status, told["error"], told["org.policybot.code"]) == (403, SENTENCES[Code.AWAY], "away")
    told = await server.refused("anna", "POST", f"join/{room}")
    assert told["org.policybot.code"] == "away"
    told = await server.refused("anna", "POST", "createRoom", {"preset": "public_chat"})
    assert told["org.policybot.code"] == "away"
    for where in (other, private):
        assert (await server.says("tom", where, "A frobnitz"))[0] == 200
    assert (await server.says("policybot", room, "I am never refused anything"))[0] == 200
    redact = f"rooms/{room}/redact/{said['event_id']}/r2"
    assert (await server.asks("tom", "PUT", redact, {}))[0] == 200


async def _restarted(server: Server, room: str, private: str) -> None:
    """A homeserver that starts while policybot is away knows nothing, until it comes back."""
    server.synapse.stop()
    await server.synapse.start()
    assert (await server.says("tom", room, "Tulips"))[1]["org.policybot.code"] == "away"
    assert (await server.says("tom", private, "Tulips"))[0] == 200
    told = await server.refused("tom", "PUT", f"directory/list/room/{private}", {"visibility": "public"})
    assert told["org.policybot.code"] == "away"
    assert (await server.asks("anna", "POST", f"join/{room}"))[0] == 200
    server.feed.asked.clear()
    await server.feed.start()
    await server.until_heard()
    assert (await server.says("tom", room, "A frobnitz"))[1]["org.policybot.code"] == "rule"
    assert (await server.says("tom", room, "Tulips"))[0] == 200
    await server.until(lambda: any(told["code"] == "away" for told in server.feed.told))


async def test_where_it_stays_open_everything_passes_until_policybot_is_there(tmp_path: Path) -> None:
    async with feeding(house=house("localhost"), mechanisms=(WORD,)) as feed:
        newer = {"id": "R9", "title": "t", "text": "x", "translations": [], "where": []}
        feed.more_rules = [newer | {"when": {"is": "Phase", "of": "moon"}}]
        feed.fail("silent")
        async with serving(tmp_path, feed) as server:
            await server.populate("tom", "policybot")
            room = await server.people["policybot"].create_room("Governed", public=True)
            feed.rooms = {room: OPEN}
            await server.people["tom"].join(room)
            assert (await server.says("tom", room, "A frobnitz"))[0] == 200
            feed.fail("")
            await server.until_heard()
            assert (await server.says("tom", room, "A frobnitz"))[1]["org.policybot.rule"] == "R1"
            assert "does not understand are applied after delivery: R9" in server.synapse.last_words()


async def test_a_mistake_in_its_configuration_stops_the_homeserver_with_a_sentence(
    tmp_path: Path,
) -> None:
    async with feeding() as feed:
        with pytest.raises(DidNotStart, match="there is no such key; there are: address, token"):
            async with serving(tmp_path, feed, adress="http://127.0.0.1"):
                pass
