"""Taking rooms in, and measures on them, on a real Synapse: event by event, whatever breaks."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mautrix.api import Path as Address

from policybot.config import load
from policybot.demo.person import Person, Refused
from policybot.demo.stage import Stage, stage
from policybot.domain.effects import Effect, TakeSeat, inverse
from policybot.domain.rank import Control, Levels, control
from policybot.domain.room_measure import CloseRoom, FreezeRoom, QuietRoom
from policybot.domain.showing import Publish, Unpublish
from policybot.domain.taking import (
    CarryOver,
    InviteMembers,
    MakeRoom,
    MoveAliases,
    Tombstone,
    UnmakeRoom,
)
from policybot.matrix.client import Client
from policybot.matrix.homeserver import MatrixHomeserver
from policybot.matrix.reader import Reader
from policybot.matrix.synapse import Synapse
from policybot.ports import Errand, Impossible, Later, Result

VERSIONS = ("10", "11", "12")
WRITES = ("put", "post", "delete")


@dataclass
class Dying:
    """The process dies once after each request that changes something, before it has the answer."""

    died: set[str] = field(default_factory=set)
    on: bool = False

    def after(self, request: str) -> None:
        if self.on and request not in self.died:
            self.died.add(request)
            message = f"killed after {request}"
            raise Later(message)


class MortalClient(Client):
    """A client whose process dies."""

    dying: Dying

    def with_token(self, token: str) -> "MortalClient":
        made = MortalClient(self._address, token, self._session)
        made.dying = self.dying
        return made

    async def _request(self, method: Any, path: Any, *rest: Any) -> Any:
        answer = await super()._request(method, path, *rest)
        if method.name.lower() in WRITES and not str(path).endswith(("/login", "/logout")):
            self.dying.after(f"{method.name} {path}")
        return answer


@dataclass
class Bench:
    """The port, and people with rooms."""

    stage: Stage
    port: MatrixHomeserver
    reader: Reader
    dying: Dying

    @property
    def anna(self) -> Person:
        return self.stage.people["anna"]

    @property
    def tom(self) -> Person:
        return self.stage.people["tom"]

    async def do(self, effect: Effect, **known: Any) -> Result:
        """Carry an effect out, from the beginning again after every death."""
        for attempt in range(60):
            try:
                errand = Errand(effect, f"key-{hash(effect)}", again=attempt > 0, **known)
                return await self.port.perform(errand)
            except Later:
                continue
        raise AssertionError(effect)

    async def state(self, room: str) -> dict[tuple[str, str], Any]:
        """Read the whole state of a room, without who entered when."""
        path = f"/_synapse/admin/v1/rooms/{room}/state"
        events = (await self.stage.people["root"].request("GET", path))["state"]
        return {
            (event["type"], event["state_key"]): event["content"]
            for event in events
            if event["type"] != "m.room.member" or event["content"]["membership"] == "ban"
        }

    async def measure(self, effect: Effect) -> tuple[Effect, Result]:
        before = await self.port.observe(effect)
        await self.do(effect, before=before)
        back = inverse(effect)
        assert back is not None
        return back, before

    async def reach(self, room: str) -> Control:
        view = await self.reader.view(room)
        assert view is not None
        return control(view.levels, self.stage.bot)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with stage(tmp_path) as made:
        made.stop_bot()  # the service must not act beside us
        config = load(made.config)
        address, token = config.homeserver.address, config.appservice.as_token.get_secret_value()
        dying = Dying()
        client = MortalClient(address, token, made.session)
        client.dying = dying
        synapse = Synapse(Client(address, config.admin_token, made.session))
        port = MatrixHomeserver(client, synapse, bot=made.bot, secret="s" * 40)
        yield Bench(made, port, Reader(client, made.bot), dying)


async def a_garden(bench: Bench, version: str) -> str:
    """Anna's room with everything that can be carried over, Tom in it and Lea banned."""
    anna, people = bench.anna, bench.stage.people
    room = await anna.create_room(
        "Garden",
        public=True,
        room_version=version,
        topic="Of roses and rakes",
        room_alias_name=f"garden{version}",
        invite=[bench.stage.bot],
    )
    await bench.do(TakeSeat(room))
    await bench.tom.join(room)
    await people["lea"].join(room)
    await anna.request(
        "POST", f"/_matrix/client/v3/rooms/{room}/ban", {"user_id": people["lea"].user_id}
    )
    await anna.set_state(room, "m.room.avatar", {"url": "mxc://localhost/rose"})
    await anna.set_state(room, "m.room.history_visibility", {"history_visibility": "world_readable"})
    levels = await anna.power_levels(room)
    levels["users"] |= {bench.tom.user_id: 50, bench.stage.bot: 150 if version == "12" else 100}
    levels["events"]["m.room.topic"] = 25
    await anna.set_state(room, "m.room.power_levels", levels)
    await anna.say(room, "Good morning")
    return room


async def adopted(bench: Bench, old: str, alias: str) -> str:
    """Take a room over, step by step, as the service does."""
    new = str((await bench.do(MakeRoom(old, alias, bench.anna.user_id)))["room_id"])
    await bench.do(CarryOver(old, alias, new))
    move = MoveAliases(old, alias, new)
    await bench.do(move, before=await bench.port.observe(move))
    known = await bench.do(Tombstone(old, alias, new, "This room goes on in another one"))
    called = (await bench.state(new)).get(("m.room.canonical_alias", ""), {}).get("alias")
    assert (known["room_id"], known["alias"]) == (new, called)
    await bench.do(InviteMembers(new, old))
    return new


async def test_rooms_are_made_taken_over_measured_and_restored(bench: Bench) -> None:
    """One stage for all, for a homeserver takes seconds to start."""
    for version in VERSIONS:
        created = await check_created(bench, version)
        await check_measures(bench, created, Control.CREATED)
        old = await a_garden(bench, version)
        await check_measures(bench, old, Control.SHARED)
        await check_taking_back(bench, old, version)
        new = await check_adopted(bench, old, version)
        await check_measures(bench, new, Control.ADOPTED)
    again = await adopted(bench, created, "_policybot_again")
    assert await bench.reach(again) is Control.ADOPTED, "one that the bot made is filed anew"
    await check_old_levels(bench)
    await check_what_is_seen(bench)
    await check_refusals(bench)


async def check_created(bench: Bench, version: str) -> str:
    bench.dying.on = True
    make = MakeRoom(
        "", f"_policybot_made{version}", bench.anna.user_id, "Roses", "Of roses", version=version
    )
    made = await bench.do(make)
    room = str(made["room_id"])
    assert (made["name"], made["alias"]) == ("Roses", None)
    assert (await bench.do(make))["room_id"] == room, "found again"
    bench.dying.on = False
    await bench.anna.join(room)
    await bench.tom.join(room)
    state = await bench.state(room)
    assert state["m.room.name", ""] == {"name": "Roses"}
    assert state["m.room.create", ""]["room_version"] == version
    assert state["m.room.power_levels", ""]["users"][bench.anna.user_id] == 50
    assert "m.room.encryption" not in {kind for kind, _ in state}
    levels = state["m.room.power_levels", ""]
    levels["users"][bench.tom.user_id] = 50
    await bench.anna.set_state(room, "m.room.power_levels", levels)
    await bench.anna.set_state(room, "m.room.name", {"name": "Roses and more"})
    return room


async def check_adopted(bench: Bench, old: str, version: str) -> str:
    before, garden = await bench.state(old), f"#garden{version}:localhost"
    bench.dying.on = True
    bench.dying.died.clear()
    new = await adopted(bench, old, f"_policybot_new{version}")
    bench.dying.on = False
    assert len(bench.dying.died) > 10, "it died at every step"
    await bench.anna.join(garden)
    await bench.tom.join(new)
    with pytest.raises(Refused):
        await bench.stage.people["lea"].join(new)
    state = await bench.state(new)
    assert await bench.reach(new) is Control.ADOPTED
    assert state["m.room.create", ""]["predecessor"]["room_id"] == old
    assert state["m.room.create", ""]["room_version"] == version
    same = {key for key in before if key[0] != "m.room.create"} - {("m.room.power_levels", "")}
    for key in same:
        assert _bare(state[key]) == _bare(before[key]), key
    assert set(state) == set(before)
    was, now = before["m.room.power_levels", ""], state["m.room.power_levels", ""]
    assert now["users"][bench.anna.user_id] == 99
    assert now["users"][bench.tom.user_id] == 50
    assert now["events"]["m.room.topic"] == was["events"]["m.room.topic"] == 25
    assert now["events"]["m.room.power_levels"] == 99
    view = await bench.reader.view(old)
    assert view is not None
    assert view.successor == new
    return new


def _bare(content: Mapping[str, Any]) -> Any:
    """Leave out the reason that a ban carries over without."""
    return {key: value for key, value in content.items() if key not in ("displayname", "avatar_url")}


async def check_taking_back(bench: Bench, old: str, version: str) -> None:
    """Refused in the middle: the new room is left, and the old one is as it was."""
    before, alias = await bench.state(old), f"_policybot_failed{version}"
    new = str((await bench.do(MakeRoom(old, alias, bench.anna.user_id)))["room_id"])
    await bench.do(CarryOver(old, alias, new))
    move = MoveAliases(old, alias, new)
    back, memory = await bench.measure(move)
    bench.dying.on = True
    await bench.do(back, before=memory)
    await bench.do(UnmakeRoom(old, alias))
    bench.dying.on = False
    assert await bench.state(old) == before
    assert await bench.reader.view(new) is None, "it was left"
    found = await bench.anna.request(
        "GET", f"/_matrix/client/v3/directory/room/%23garden{version}:localhost"
    )
    assert found["room_id"] == old
    with pytest.raises(Refused):
        await bench.anna.request("GET", f"/_matrix/client/v3/directory/room/%23{alias}:localhost")


async def check_measures(bench: Bench, room: str, level: Control) -> None:
    """Each measure and its end: the state is the same event by event."""
    assert await bench.reach(room) is level
    before = await bench.state(room)
    levels = before["m.room.power_levels", ""]
    tom, anna, root = bench.tom, bench.anna, bench.stage.people["root"]
    await root.join(room)
    back, memory = await bench.measure(QuietRoom(room))
    assert await root.is_refused(room, "May I?")
    await tom.say(room, "I may, for I moderate here")
    await bench.do(back, before=memory)
    assert await bench.state(room) == before
    await root.say(room, "Now I may")

    await bench.do(Publish(room))
    freeze, close = FreezeRoom(room), CloseRoom(room, "This room is closed.")
    thaw, levels_before = await bench.measure(freeze)
    open_again, rule_before = await bench.measure(close)
    await bench.do(Unpublish(room))
    assert await tom.is_refused(room, "And I?")
    with pytest.raises(Refused):
        await bench.stage.people["mira"].join(room)
    with pytest.raises(Refused):
        await tom.invite(room, bench.stage.people["mira"].user_id)
    await check_owner(bench, room, above=level is Control.SHARED)
    assert room not in await anna.public_rooms()
    said = [event["content"]["body"] for event in await anna.messages(room)]
    assert said.count("This room is closed.") == 1
    await bench.do(open_again, before=rule_before)
    assert await bench.do(thaw, before=levels_before) == {}
    assert await bench.state(room) == before

    # What somebody changed since is told, and not set back.
    thaw, levels_before = await bench.measure(freeze)
    changed = await anna.power_levels(room)
    changed["events"]["m.room.avatar"] = 77
    await bench.port._client.put(_levels_of(room), changed)
    assert "m.room.avatar" in (await bench.do(thaw, before=levels_before))["drift"]
    assert (await anna.power_levels(room))["events"].pop("m.room.avatar") == 77
    await bench.port._client.put(_levels_of(room), levels)


def _levels_of(room: str) -> Any:
    return Address.v3.rooms[room].state["m.room.power_levels"]


async def check_owner(bench: Bench, room: str, *, above: bool) -> None:
    """The owner tries to publish, to write, to rename: the homeserver says no where rank allows it."""
    anna = bench.anna
    path = f"/_matrix/client/v3/directory/list/room/{room}"
    with pytest.raises(Refused):
        await anna.request("PUT", path, {"visibility": "public"})
    if above:
        return  # told to applicant and reviewer before it is approved, and to moderators
    assert await anna.is_refused(room, "It is my room")
    for kind, content in (
        ("m.room.name", {"name": "Mine"}),
        ("m.room.topic", {"topic": "Mine"}),
        ("m.room.avatar", {"url": "mxc://localhost/mine"}),
        ("m.room.canonical_alias", {}),
        ("m.room.join_rules", {"join_rule": "public"}),
        ("m.room.power_levels", {"users": {anna.user_id: 100}}),
        ("m.room.tombstone", {"body": "x", "replacement_room": "!x:localhost"}),
    ):
        with pytest.raises(Refused) as refused:
            await anna.set_state(room, kind, content)
        assert refused.value.errcode == "M_FORBIDDEN", kind


async def check_old_levels(bench: Bench) -> None:
    """A room that says hardly anything of levels: nothing is left behind where nothing was."""
    room = await bench.anna.create_room("Old", public=True, room_version="9")
    await bench.do(TakeSeat(room))
    levels = {"users": {bench.anna.user_id: 100, bench.stage.bot: 100}}
    await bench.anna.set_state(room, "m.room.power_levels", levels)
    for effect in (QuietRoom(room), FreezeRoom(room)):
        back, memory = await bench.measure(effect)
        assert await bench.anna.power_levels(room) != levels
        await bench.do(back, before=memory)
        assert await bench.anna.power_levels(room) == levels
    new = await adopted(bench, room, "_policybot_old")
    assert await bench.reach(new) is Control.ADOPTED


async def check_what_is_seen(bench: Bench) -> None:
    """The bot sees rooms that it is in, and no other, however it asks."""
    secret = await bench.anna.create_room("Diary")
    assert await bench.reader.view(secret) is None
    assert await bench.reader.view("!nowhere:localhost") is None
    crypt = {
        "type": "m.room.encryption",
        "state_key": "",
        "content": {"algorithm": "m.megolm.v1.aes-sha2"},
    }
    hidden = await bench.anna.create_room(
        "Hidden", public=True, initial_state=[crypt], invite=[bench.stage.bot]
    )
    assert await bench.reader.view(hidden) is None
    await bench.do(TakeSeat(hidden))
    view = await bench.reader.view(hidden)
    assert view is not None
    assert view.encrypted


async def check_refusals(bench: Bench) -> None:
    """In version 12 nobody lends the bot the rank that leads members away: it is said at once."""
    room = await bench.anna.create_room("Mine", public=True, room_version="12")
    await bench.do(TakeSeat(room))
    with pytest.raises(Impossible, match="asks for 150"):
        await bench.do(MakeRoom(room, "_policybot_no", bench.anna.user_id))
    levels = await bench.anna.power_levels(room)
    for level in (150, 100):  # given, and taken away again in the middle
        levels["users"][bench.stage.bot] = level
        await bench.anna.set_state(room, "m.room.power_levels", levels)
        if level > 100:
            make = MakeRoom(room, "_policybot_demoted", bench.anna.user_id)
            new = str((await bench.do(make))["room_id"])
    before = await bench.state(room)
    with pytest.raises(Impossible):
        await bench.do(Tombstone(room, "_policybot_demoted", new, "x"))
    await bench.do(UnmakeRoom(room, "_policybot_demoted"))
    assert await bench.state(room) == before
    kicked = await bench.anna.create_room("Out", public=True, room_version="11")
    await bench.do(TakeSeat(kicked))
    new = str((await bench.do(MakeRoom(kicked, "_policybot_out", bench.anna.user_id)))["room_id"])
    levels = await bench.anna.power_levels(kicked)
    assert Levels("11", (), levels).of(bench.stage.bot) == 100
    await bench.port._client.post(_leave(kicked), {})
    await bench.anna.set_state(kicked, "m.room.join_rules", {"join_rule": "invite"})
    await bench.anna.set_state(kicked, "m.room.name", {"name": "Out of sight"})
    await bench.do(CarryOver(kicked, "_policybot_out", new))
    with pytest.raises(Impossible):
        await bench.do(Tombstone(kicked, "_policybot_out", new, "x"))
    await bench.do(UnmakeRoom(kicked, "_policybot_out"))


def _leave(room: str) -> Any:
    return Address.v3.rooms[room].leave
