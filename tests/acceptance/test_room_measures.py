"""Holds, banners, new owners and deletions on a real Synapse: each answer, and each way back."""

import asyncio
import signal
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest
from mautrix.api import Path as Address

from policybot.demo import story
from policybot.demo.person import Person, Refused
from policybot.demo.stage import stage
from policybot.demo.story import Cast, found
from policybot.domain.effects import Effect, inverse
from policybot.domain.rank import Control
from policybot.domain.room_measure import (
    CloseRoom,
    DeleteRoom,
    DenyServer,
    FreezeRoom,
    GiveLevel,
    ShowBanner,
    UnblockRoom,
)
from policybot.domain.server import ACL
from policybot.domain.showing import Publish, SetLabel, Unpublish, WithdrawLabel
from policybot.domain.taking import MakeRoom
from policybot.matrix.signs import LABEL
from policybot.ports import Errand, Impossible, Later, Result
from tests.acceptance import test_taking
from tests.acceptance.test_taking import VERSIONS, Bench, a_garden, adopted

bench = test_taking.bench
"""The stage with the homeserver's port, as the tests of taking rooms in have it."""

BANNER = "This room (PB-2026-000001-OE) is on hold, by us. Until then nobody can write here."
NUMBER = "PB-2026-000001-OE"
TRIED = ("publish", "post", "rename", "topic", "unpin", "levels", "door")
"""What an owner tries while the room is suspended."""
PINNED = ("m.room.pinned_events", "")
LEVELS = ("m.room.power_levels", "")
_KEPT = (FreezeRoom, GiveLevel, DenyServer)
"""Effects before which what is there is remembered."""


async def test_rooms_are_held_led_by_others_and_deleted(bench: Bench) -> None:
    """One stage for all, for a homeserver takes seconds to start."""
    for version in VERSIONS:
        created = await a_made_room(bench, version)
        await check_servers(bench, created)
        await check_hold(bench, created, Control.CREATED)
        await check_new_owner(bench, created, 50)
        old = await a_garden(bench, version)
        await check_servers(
            bench, old, {"allow": ["*"], "deny": ["bad.net"], "allow_ip_literals": False}
        )
        await check_hold(bench, old, Control.SHARED)
        await check_no_new_owner(bench, old)
        new = await adopted(bench, old, f"_policybot_measured{version}")
        await bench.anna.join(new)
        await bench.tom.join(new)
        await check_hold(bench, new, Control.ADOPTED)
        await check_new_owner(bench, new, 99)
        await check_deletion(bench, created)


async def a_made_room(bench: Bench, version: str) -> str:
    make = MakeRoom(
        "", f"_policybot_held{version}", bench.anna.user_id, "Roses", "Of roses", version=version
    )
    room = str((await bench.do(make))["room_id"])
    await bench.anna.join(room)
    await bench.tom.join(room)
    return room


async def measured(bench: Bench, effect: Effect) -> tuple[Effect, Result | None]:
    """Carry an effect out as the outbox does; return what takes it back, and its memory."""
    back = inverse(effect)
    assert back is not None
    if isinstance(effect, ShowBanner):
        return back, dict(await bench.do(effect))
    before = dict(await bench.port.observe(effect)) if isinstance(effect, _KEPT) else {}
    await bench.do(effect, before=before)
    return back, before


async def answer(attempt: Awaitable[object]) -> str:
    """Say what the homeserver answers to an attempt."""
    try:
        await attempt
    except Refused as refused:
        return f"{refused.status} {refused.errcode}"
    return "200"


async def attempts(owner: Person, room: str) -> dict[str, str]:
    """Let the owner try everything that a suspension is to prevent."""
    listed = f"/_matrix/client/v3/directory/list/room/{room}"
    return {
        "publish": await answer(owner.request("PUT", listed, {"visibility": "public"})),
        "post": await answer(owner.say(room, "It is my room")),
        "rename": await answer(owner.set_state(room, "m.room.name", {"name": "Mine"})),
        "topic": await answer(owner.set_state(room, "m.room.topic", {"topic": "Mine"})),
        "unpin": await answer(owner.set_state(room, "m.room.pinned_events", {"pinned": []})),
        "levels": await answer(owner.set_state(room, "m.room.power_levels", {"events_default": 0})),
        "door": await answer(owner.set_state(room, "m.room.join_rules", {"join_rule": "invite"})),
    }


def told_apart(state: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """Leave out that nothing is pinned: a state event that was never there cannot be taken back."""
    return {key: content for key, content in state.items() if (key, content) != (PINNED, {"pinned": []})}


async def check_servers(bench: Bench, room: str, acl: dict[str, Any] | None = None) -> None:
    """A server is shut out beside whatever the ACL says, and taken off it alone; never our own."""
    if acl is not None:
        await bench.anna.set_state(room, ACL, acl)
    back, before = await measured(bench, DenyServer(room, "elsewhere.net"))
    had = acl or {"allow": ["*"], "deny": []}
    assert await bench.anna.state(room, ACL) == {**had, "deny": [*had["deny"], "elsewhere.net"]}
    await bench.tom.say(room, "Those of our own server are not touched")
    other, of_other = await measured(bench, DenyServer(room, "third.net"))
    await bench.do(back, before=before)
    assert await bench.anna.state(room, ACL) == {**had, "deny": [*had["deny"], "third.net"]}
    again, known = await measured(bench, DenyServer(room, "third.net"))
    await bench.do(again, before=known)
    assert "third.net" in (await bench.anna.state(room, ACL))["deny"], "it stood there before that"
    await bench.do(other, before=of_other)
    assert await bench.anna.state(room, ACL) == had


async def check_hold(bench: Bench, room: str, level: Control) -> None:
    assert await bench.reach(room) is level
    bot = bench.stage.bot
    await bench.do(SetLabel(room, NUMBER, ("general",)))
    await bench.do(Publish(room))
    own = await bench.anna.say(room, "Pinned by its owner")
    await bench.anna.set_state(room, "m.room.pinned_events", {"pinned": [own], "org.example": 1})
    before = await bench.state(room)
    hold = (
        FreezeRoom(room),
        Unpublish(room),
        WithdrawLabel(room, NUMBER, ("general",)),
        ShowBanner(room, BANNER),
    )
    bench.dying.died.clear()
    bench.dying.on = True
    backs = [await measured(bench, effect) for effect in hold]
    bench.dying.on = False

    held = await bench.state(room)
    assert held["org.policybot.filing", bot] == {}
    assert room not in await bench.anna.public_rooms()
    pinned = held[PINNED]["pinned"]
    assert pinned[0] == own
    assert len(pinned) == 2
    shown = await bench.anna.event(room, pinned[1])
    assert shown["content"]["body"] == BANNER
    assert shown["content"]["m.mentions"] == {}
    said = [e["content"].get("body") for e in await bench.anna.messages(room)]
    assert said.count(BANNER) == 1, "said once, however often the process died"
    assert await bench.tom.is_refused(room, "May I?")
    if level is Control.SHARED:
        await check_owner_of_shared(bench, room)
    else:
        assert await attempts(bench.anna, room) == dict.fromkeys(TRIED, "403 M_FORBIDDEN")
    assert await bench.state(room) == held

    bench.dying.died.clear()
    bench.dying.on = True
    for back, memory in backs:
        await bench.do(back, before=memory)
    bench.dying.on = False
    assert told_apart(await bench.state(room)) == told_apart(before), "as it was, event by event"
    assert room in await bench.anna.public_rooms()
    gone = await bench.anna.event(room, pinned[1])
    assert gone["content"] == {}
    assert gone["unsigned"]["redacted_because"]["content"]["reason"] == "This notice no longer stands."
    await bench.tom.say(room, "Now I may")
    for back, memory in backs:
        await bench.do(back, before=memory)
    assert told_apart(await bench.state(room)) == told_apart(before), "and once more changes nothing"
    await bench.anna.set_state(room, "m.room.pinned_events", {"pinned": []})


async def check_owner_of_shared(bench: Bench, room: str) -> None:
    """Where the owner ranks as high as the bot, the directory and the label are beyond their reach."""
    assert await answer(bench.anna.say(room, "I can still write")) == "200"
    label = bench.anna.set_state(
        room, "org.policybot.filing", {"record_number": NUMBER}, bench.stage.bot
    )
    assert await answer(label) == "403 M_FORBIDDEN"
    listed = f"/_matrix/client/v3/directory/list/room/{room}"
    said = await answer(bench.anna.request("PUT", listed, {"visibility": "public"}))
    assert said.startswith("403")
    assert room not in await bench.anna.public_rooms()


async def check_new_owner(bench: Bench, room: str, level: int) -> None:
    """Tom leads the room in place of Anna; and Anna again, with the levels as they were."""
    anna, tom = bench.anna, bench.tom
    levels = await anna.power_levels(room)
    levels["users"].pop(tom.user_id, None)
    await bench.port._client.put(_levels_of(room), levels)
    before = await bench.state(room)
    assert before["m.room.power_levels", ""]["users"][anna.user_id] == level
    changes = (GiveLevel(room, tom.user_id, level, "C-1"), GiveLevel(room, anna.user_id, None, "C-1"))
    bench.dying.died.clear()
    bench.dying.on = True
    backs = [await measured(bench, change) for change in changes]
    bench.dying.on = False
    users = (await tom.power_levels(room))["users"]
    assert users[tom.user_id] == level
    assert anna.user_id not in users
    await tom.set_state(room, "m.room.topic", {"topic": "Of roses"})
    for attempt in (
        anna.set_state(room, "m.room.topic", {"topic": "Mine"}),
        anna.set_state(room, "m.room.power_levels", {"users": {anna.user_id: 50}}),
    ):
        assert await answer(attempt) == "403 M_FORBIDDEN"
    await tom.set_state(room, "m.room.topic", before["m.room.topic", ""])
    for back, memory in backs:
        assert await bench.do(back, before=memory) == {}
    assert await bench.state(room) == before

    # What somebody changed since is told, and left.
    backs = [await measured(bench, change) for change in changes]
    changed = await anna.power_levels(room)
    changed["users"][anna.user_id] = 25
    await bench.port._client.put(_levels_of(room), changed)
    back, memory = backs[1]
    assert "has set it to 25" in (await bench.do(back, before=memory))["drift"]
    await bench.port._client.put(_levels_of(room), before["m.room.power_levels", ""])


async def check_no_new_owner(bench: Bench, room: str) -> None:
    """An owner who ranks as high as the bot keeps their level, and nothing is half done."""
    before = await bench.state(room)
    with pytest.raises(Impossible, match="ranks as high as I do"):
        await bench.do(GiveLevel(room, bench.anna.user_id, None, "C-1"))
    assert await bench.state(room) == before


async def check_deletion(bench: Bench, room: str) -> None:
    """Members out, nobody in, history kept; done once however often it is asked for."""
    anna, root = bench.anna, bench.stage.people["root"]
    word = await anna.say(room, "What was written stays")
    close = CloseRoom(room, "This room is closed.")
    await bench.do(close, before=await bench.port.observe(close))
    delete = DeleteRoom(room, "This room is closed.")
    for _ in range(50):
        try:
            await bench.port.perform(Errand(delete, "key-delete"))
            break
        except Later:
            await asyncio.sleep(0.2)
    else:
        raise AssertionError(room)
    status = await root.request("GET", f"/_synapse/admin/v2/rooms/{room}/delete_status")
    assert len(status["results"]) == 1, "begun once"
    await bench.port.perform(Errand(delete, "key-delete", again=True))
    status = await root.request("GET", f"/_synapse/admin/v2/rooms/{room}/delete_status")
    assert len(status["results"]) == 1

    details = await root.request("GET", f"/_synapse/admin/v1/rooms/{room}")
    assert details["joined_local_members"] == 0
    assert await answer(anna.say(room, "Am I still here?")) == "403 M_FORBIDDEN"
    assert await answer(root.join(room)) == "403 M_UNKNOWN", "it is blocked"
    kept = await root.request("GET", f"/_synapse/admin/v1/fetch_event/{word}")
    assert kept["event"]["content"]["body"] == "What was written stays"
    block = f"/_synapse/admin/v1/rooms/{room}/block"
    assert (await root.request("GET", block))["block"] is True

    back = inverse(delete)
    assert isinstance(back, UnblockRoom)
    await bench.do(back)
    await bench.do(back)
    assert (await root.request("GET", block))["block"] is False
    assert (await root.request("GET", f"/_synapse/admin/v1/rooms/{room}"))["joined_local_members"] == 0


def _levels_of(room: str) -> Any:
    return Address.v3.rooms[room].state["m.room.power_levels"]


# Through the service ---------------------------------------------------------------------------


async def test_a_room_is_mended_and_held_by_the_service_though_it_is_killed(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as made:
        cast = Cast(made, lambda *_: None)
        anna, people = made.people["anna"], made.people
        await story.verify(cast)
        await story.sign(cast)
        answer = await cast.asks("anna", "!policy file new general Of rakes and spades", "level 50")
        number = found(r"F-\d+", answer)
        await people["ravi"].say(made.review_room, f"!policy approve {number}")
        told = await cast.hears("anna", cast.rooms["anna"], "I have made it and invited you")
        room, record = found(r"![^\s?]+", told), found(r"PB-\d{4}-\d{6}-\w\w", told)
        await anna.join(room)
        await anna.wait_for_state(room, LABEL, bool, made.bot)
        await people["lea"].join(room)
        link = f"https://matrix.to/#/{room}"
        await cast.asks("lea", f"!policy report {link} R2 They hunt a neighbour", "R-")

        await cast.asks_in_review("mira", "!policy cure C-1 P3D Please stop the hunt", "has until")
        await cast.hears("anna", cast.rooms["anna"], "Please stop the hunt")
        await cast.asks("anna", "!policy cured C-1 We have stopped it", "looks at it")
        await cast.hears("mira", made.review_room, "We have stopped it")

        filed = await anna.wait_for_state(room, PINNED[0], lambda c: len(c.get("pinned", ())) == 1)
        before = await whole_state(cast, room)
        await people["mira"].say(made.review_room, "!policy hold C-1 R2 It begins again as we speak")
        made.stop_bot(signal.SIGKILL)
        await made.start_bot()
        await cast.hears("anna", cast.rooms["anna"], "Hold C-1")
        pinned = await anna.wait_for_state(
            room, PINNED[0], lambda c: len(c["pinned"]) == 1 and c != filed
        )
        banner = await anna.event(room, pinned["pinned"][0])
        assert record in banner["content"]["body"]
        assert "on hold while a report is looked at" in banner["content"]["body"]
        assert await anna.is_refused(room, "It is my room")
        assert room not in await anna.public_rooms()
        await cast.asks_in_review("otto", "!policy hold C-1 R2 And once more of it", "no chain")
        await people["mira"].say(made.review_room, "!policy lift C-1 They have stopped it indeed")
        made.stop_bot(signal.SIGKILL)
        await made.start_bot()
        await cast.hears("anna", cast.rooms["anna"], "was lifted")
        await anna.wait_for_state(room, "m.room.power_levels", lambda c: c == before[LEVELS])
        await until_same(cast, room, before)
        assert room in await anna.public_rooms()


async def whole_state(cast: Cast, room: str) -> dict[tuple[str, str], Any]:
    """Read the state of a room, without its members and what is pinned by the bot."""
    root = cast.people["root"]
    events = (await root.request("GET", f"/_synapse/admin/v1/rooms/{room}/state"))["state"]
    return {
        (e["type"], e["state_key"]): e["content"]
        for e in events
        if e["type"] not in ("m.room.member", "m.room.pinned_events")
    }


async def until_same(cast: Cast, room: str, before: dict[tuple[str, str], Any]) -> None:
    """Wait until the state of a room is as it was."""
    for _ in range(50):
        if await whole_state(cast, room) == before:
            return
        await asyncio.sleep(0.2)
    assert await whole_state(cast, room) == before
