"""Each effect and its inverse on a real Synapse: the homeserver port keeps its promises."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from policybot.config import load
from policybot.demo.person import Refused
from policybot.demo.stage import Stage, stage
from policybot.domain.effects import (
    Effect,
    ExcludeMember,
    FindMessages,
    KeepEvidence,
    LearnName,
    LockAccount,
    Notify,
    Redact,
    RestrictMember,
    Say,
    SetProfileField,
    SuspendAccount,
    TakeSeat,
    inverse,
)
from policybot.domain.list_rule import EnterList, LeaveList
from policybot.domain.private import Private
from policybot.domain.room_measure import FreezeRoom
from policybot.domain.showing import Publish, SetLabel
from policybot.matrix.client import Client
from policybot.matrix.homeserver import MatrixHomeserver
from policybot.matrix.observer import Observer
from policybot.matrix.signs import LABEL
from policybot.matrix.synapse import Synapse
from policybot.ports import Errand, Impossible, Result


@dataclass
class Bench:
    """A room of Anna's with Tom in it, and the port."""

    stage: Stage
    port: MatrixHomeserver
    room: str

    async def do(self, effect: Effect, key: str = "", **known: Any) -> Result:
        return await self.port.perform(Errand(effect, key or f"key-{effect!r}"[:200], **known))

    async def there_and_back(self, effect: Effect) -> tuple[Result, Effect]:
        """Carry an effect out twice, as after a crash; give back what was there before."""
        before = await self.port.observe(effect)
        for again in (False, True):
            await self.do(effect, before=before, again=again)
        back = inverse(effect)
        assert back is not None
        return before, back


@pytest.fixture(params=["11", "12"])
async def bench(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with stage(tmp_path, room_version=request.param) as made:
        # The service must not act beside us.
        made.stop_bot()
        config = load(made.config)
        address, token = config.homeserver.address, config.appservice.as_token.get_secret_value()
        client = Client(address, token, made.session)
        synapse = Synapse(Client(address, config.admin_token, made.session))
        port = MatrixHomeserver(client, synapse, bot=made.bot, secret="s" * 40)
        room = await made.people["anna"].create_room("Garden", public=True)
        await made.people["tom"].join(room)
        ready = Bench(made, port, room)
        await ready.do(TakeSeat(room))
        yield ready


async def test_every_effect_and_its_inverse(bench: Bench) -> None:
    """One stage for all, for a homeserver takes seconds to start."""
    await check_levels(bench)
    await check_exclusion(bench)
    await check_freezing(bench)
    await check_directory_and_label(bench)
    await check_lists(bench)
    await check_messages(bench)
    await check_evidence_and_redaction(bench)
    await check_profile(bench)
    await check_search(bench)
    await check_lock(bench)
    await check_suspension(bench)


async def check_search(bench: Bench) -> None:
    """All that somebody wrote since a time is found, the newest first, and nothing of others."""
    tom, anna, room = bench.stage.people["tom"], bench.stage.people["anna"], bench.room
    before = [await tom.say(room, "From before")]
    await anna.say(room, "Somebody else")
    first = await tom.request("GET", f"/_matrix/client/v3/rooms/{quote(room)}/event/{quote(before[0])}")
    since = first["origin_server_ts"] + 1
    await asyncio.sleep(0.01)
    wrote = [await tom.say(room, f"Offer {n}") for n in range(3)]
    found = await bench.do(FindMessages(room, tom.user_id, since, 100))
    assert found["found"] == wrote[::-1]
    assert (await bench.do(FindMessages(room, tom.user_id, since, 2)))["found"] == wrote[:0:-1]
    assert set(before + wrote) <= set((await bench.do(FindMessages(room, tom.user_id, 0, 200)))["found"])
    await bench.do(Redact(room, wrote[0], "Removed"), "search-redact")
    assert wrote[0] not in (await bench.do(FindMessages(room, tom.user_id, since, 100)))["found"]


async def check_levels(bench: Bench) -> None:
    tom, anna, room = bench.stage.people["tom"], bench.stage.people["anna"], bench.room
    levels = await anna.power_levels(room)
    assert levels["users"][bench.stage.bot] == 100
    before, back = await bench.there_and_back(RestrictMember(room, tom.user_id))
    assert await tom.is_refused(room, "May I?")
    await bench.do(back, before=before)
    assert await anna.power_levels(room) == levels, "exactly as it was"
    before, back = await bench.there_and_back(RestrictMember(room, tom.user_id))
    changed = await anna.power_levels(room)
    changed["users"][tom.user_id] = 10
    await anna.set_state(room, "m.room.power_levels", changed)
    assert "somebody has set" in (await bench.do(back, before=before))["drift"]
    assert (await anna.power_levels(room))["users"][tom.user_id] == 10
    with pytest.raises(Impossible, match="ranks as high as I do"):
        await bench.do(RestrictMember(room, anna.user_id))
    await anna.set_state(room, "m.room.power_levels", levels)


async def check_exclusion(bench: Bench) -> None:
    tom, room = bench.stage.people["tom"], bench.room
    before, back = await bench.there_and_back(ExcludeMember(room, tom.user_id))
    with pytest.raises(Refused):
        await tom.join(room)
    await bench.do(back, before=before)
    await tom.join(room)
    assert "already" in (await bench.do(back, before=before))["drift"]


async def check_freezing(bench: Bench) -> None:
    tom, anna, room = bench.stage.people["tom"], bench.stage.people["anna"], bench.room
    levels = await anna.power_levels(room)
    before, back = await bench.there_and_back(FreezeRoom(room))
    assert await tom.is_refused(room, "May I?")
    await bench.do(back, before=before)
    assert await anna.power_levels(room) == levels, "exactly as it was"
    await tom.say(room, "Thank you.")


async def check_directory_and_label(bench: Bench) -> None:
    anna, room = bench.stage.people["anna"], bench.room
    label = SetLabel(room, "PB-2026-000001-OE", ("general",))
    for _ in range(2):
        await bench.do(Publish(room))
        await bench.do(label)
    assert room in await anna.public_rooms()
    shown = await anna.state(room, LABEL, bench.stage.bot)
    assert shown == {"record_number": "PB-2026-000001-OE", "categories": ["general"]}
    with pytest.raises(Refused):
        await anna.set_state(room, LABEL, {"record_number": "forged"}, bench.stage.bot)
    for effect in (Publish(room), label):
        back = inverse(effect)
        assert back is not None
        await bench.do(back)
    assert room not in await anna.public_rooms()
    assert await anna.state(room, LABEL, bench.stage.bot) == {}


async def check_lists(bench: Bench) -> None:
    """A list of others is entered and left, also where that was done before or nobody was there."""
    anna = bench.stage.people["anna"]
    room = await anna.create_room("A list of others", public=True)
    steps = (EnterList(room, "theirs"), "join"), (LeaveList(room, "theirs"), "leave")
    for effect, membership in steps:
        for again in (False, True):
            await bench.do(effect, again=again)
        assert (await anna.state(room, "m.room.member", bench.stage.bot))["membership"] == membership
    await bench.do(LeaveList("!nowhere:elsewhere.example", "theirs"))


async def check_messages(bench: Bench) -> None:
    lea, room = bench.stage.people["lea"], bench.room
    for again in (False, False, True):
        await bench.do(Say(room, "Only once, \u202eplease."), "said-1", again=again)
    bodies = [m["content"]["body"] for m in await lea_reads(bench)]
    assert bodies.count("Only once, please.") == 1
    first = await bench.do(Notify(lea.user_id, "Hello Lea"), "told-1")
    # As if the answer to the first try had been lost: the room is found, the message not doubled.
    second = await bench.do(Notify(lea.user_id, "Hello Lea"), "told-1", again=True)
    assert first["opened"] == second["opened"]
    await lea.join(str(first["opened"]))
    direct = await lea.messages(str(first["opened"]))
    assert [m["content"]["body"] for m in direct] == ["Hello Lea"]


async def lea_reads(bench: Bench) -> list[Any]:
    await bench.stage.people["lea"].join(bench.room)
    return await bench.stage.people["lea"].messages(bench.room)


async def check_evidence_and_redaction(bench: Bench) -> None:
    tom, room = bench.stage.people["tom"], bench.room
    event = await tom.say(room, "I come for your tomatoes")
    kept = await bench.do(KeepEvidence(room, event))
    for again in (False, True):
        await bench.do(Redact(room, event, "Removed: C-1"), "redact-1", again=again)
    assert "body" not in (await tom.event(room, event))["content"]
    later = await bench.do(KeepEvidence(room, event))
    assert later == {**kept, "redacted": True}, "a removed message is read, for those who decide"
    assert kept["content"]["body"] == "I come for your tomatoes"
    other = await tom.create_room("Private")
    secret = await tom.say(other, "for nobody else")
    for where in (room, other):
        with pytest.raises(Impossible):
            await bench.do(KeepEvidence(where, secret))


async def check_profile(bench: Bench) -> None:
    tom, lea = bench.stage.people["tom"], bench.stage.people["lea"]
    field = "org.policybot.verified"
    shown = SetProfileField(tom.user_id, field, real=True)
    await tom.set_profile("displayname", "Tom of the Garden")
    assert await bench.do(LearnName(tom.user_id)) == {"displayname": "Tom of the Garden"}
    await bench.do(shown, name=Private("Tom Real"))
    seen = await lea.profile(tom.user_id)
    assert seen[field] == {"verified": True, "by": bench.stage.bot, "name": "Tom Real"}
    for _ in range(2):
        await bench.do(replace(shown, real=False))
    seen = await lea.profile(tom.user_id)
    assert seen[field] == {"verified": True, "by": bench.stage.bot}, "the name is gone again"
    back = inverse(shown)
    assert back is not None
    for _ in range(2):
        await bench.do(back)
    assert field not in await lea.profile(tom.user_id)
    with pytest.raises(Impossible):
        await bench.do(SetProfileField("@nobody:elsewhere.net", field))


async def check_lock(bench: Bench) -> None:
    tom, root = bench.stage.people["tom"], bench.stage.people["root"]
    before, back = await bench.there_and_back(LockAccount(tom.user_id))
    assert before == {"locked": False}
    with pytest.raises(Refused, match="M_USER_LOCKED"):
        await tom.profile(tom.user_id)
    await bench.do(back, before=before)
    await tom.profile(tom.user_id)
    assert (await root.user(tom.user_id))["locked"] is False
    with pytest.raises(Impossible, match="lock myself"):
        await bench.do(LockAccount(bench.stage.bot))
    with pytest.raises(Impossible):
        await bench.do(LockAccount("@nobody:elsewhere.net"))


async def check_suspension(bench: Bench) -> None:
    tom, root, room = bench.stage.people["tom"], bench.stage.people["root"], bench.room
    before, back = await bench.there_and_back(SuspendAccount(tom.user_id))
    assert (await root.user(tom.user_id))["suspended"] is True
    watch = Observer(bench.port._client, bench.port._synapse, bench.stage.bot)
    assert await watch.is_suspended(tom.user_id)
    assert not await watch.is_suspended(root.user_id)
    assert await tom.is_refused(room, "May I?")
    told = await bench.do(Notify(tom.user_id, "Decision C-1"), "told-tom")
    assert told == {"server_notice": True}
    notices = await tom.wait_for_room_with("Decision C-1")
    assert notices != room
    await bench.do(back, before=before)
    assert (await root.user(tom.user_id))["suspended"] is False
    await bench.do(SuspendAccount(tom.user_id))
    kept = await bench.do(back, before={"suspended": True})
    assert "before our measure" in kept["drift"]
    assert (await root.user(tom.user_id))["suspended"] is True
    with pytest.raises(Impossible, match="suspend myself"):
        await bench.do(SuspendAccount(bench.stage.bot))
    with pytest.raises(Impossible, match="local users"):
        await bench.do(SuspendAccount("@nobody:elsewhere.net"))
