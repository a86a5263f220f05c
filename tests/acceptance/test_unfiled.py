"""Rooms that nobody has filed, on the real Synapse: found, told, taken out, and back once approved."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from policybot.config import load
from policybot.demo import story
from policybot.demo.person import Person
from policybot.demo.stage import Stage, stage
from policybot.demo.story import Cast, found
from policybot.domain.showing import Publish, Unpublish
from policybot.matrix.client import Client
from policybot.matrix.homeserver import MatrixHomeserver
from policybot.matrix.listing import Listing
from policybot.matrix.synapse import Synapse
from policybot.ports import Errand, Impossible
from policybot.store.database import Database, span_ms
from tests.acceptance.test_attach import doctor
from tests.acceptance.test_filed import filed_rooms
from tests.acceptance.test_publishing import verified_and_signed
from tests.listing import FakeList, row

ROOMS = "/_synapse/admin/v1/rooms"


def bot_of(made: Stage) -> Person:
    token = load(made.config).appservice.as_token.get_secret_value()
    return Person(made.session, made.synapse.address, made.bot, token)


async def publish(made: Stage, room: str) -> None:
    """Put a room into the directory, as an administrator who may."""
    path = f"/_matrix/client/v3/directory/list/room/{quote(room, safe='')}"
    await bot_of(made).request("PUT", path, {"visibility": "public"})


async def scan(made: Stage) -> dict[str, int]:
    said = await made.command("rooms", "scan", "--json")
    totals: dict[str, int] = json.loads(found(r"\{.*\}", said))
    return totals


async def pass_days(made: Stage, days: int) -> None:
    """Let what was found, told and announced lie some days further back."""
    database = await Database.open(load(made.config).database_url, upgrade=False)
    columns = ("first_seen", "seen_at", "told_at", "due_at", "reminded_at")
    async with database.transaction() as tx:
        for column in columns:
            sql = f"UPDATE unfiled_rooms SET {column} = {column} - $1"  # noqa: S608 - our own text
            await tx.execute(sql, span_ms(timedelta(days=days)))
    await database.close()


async def test_an_unfiled_room_is_found_told_taken_out_and_back_once_it_is_approved(
    tmp_path: Path,
) -> None:
    changes = {"filing.unfiled": {"action": "unpublish", "every": "P7D"}}
    async with stage(tmp_path, changes=changes) as made:
        cast, anna, tom = Cast(made, lambda *_: None), made.people["anna"], made.people["tom"]
        # What the service began at its start is brought to an end; then scans are ours alone.
        assert (await scan(made))["public"] == 0
        room = await anna.create_room("Garden <b>talk</b>", public=True)
        await publish(made, room)
        assert room in await tom.public_rooms()
        assert await scan(made) == {
            "public": 1,
            "unfiled": 1,
            "new": 1,
            "applied": 0,
            "told": 1,
            "taken_out": 0,
            "waiting": 0,
        }
        # The word comes in a chat that the bot opens.
        invited = await invitation(anna, made.bot)
        await anna.join(invited)
        cast.rooms["anna"] = invited
        await cast.hears("anna", invited, "is taken out of the directory on that day")
        await cast.hears("ravi", cast.review_room, "1 public room is not filed; 1 new.")
        state = await anna.request("GET", f"/_matrix/client/v3/rooms/{room}/members")
        assert {e["state_key"] for e in state["chunk"]} == {anna.user_id}, "the bot has not entered"
        await pass_days(made, 12)
        assert (await scan(made))["told"] == 1
        await cast.hears("anna", invited, "A reminder")
        assert room in await tom.public_rooms()
        await pass_days(made, 3)
        assert (await scan(made))["taken_out"] == 1
        await cast.hears("anna", invited, "Taken out of the public directory")
        assert room not in await tom.public_rooms()
        # By hand, and out again through the same door.
        await cast.asks_in_review("mira", f"!policy republish {room}", "is put back")
        await until_listed(made, room)
        assert room not in await filed_rooms(tom)
        await cast.asks_in_review("mira", "!policy unfiled", "Garden <b>talk</b>")
        # Anna files it; nothing is done to it meanwhile, and then it is like any other.
        await verified_and_signed(cast, "anna")
        await anna.invite(room, made.bot)
        await anna.wait_until_joined(room, made.bot)
        command = f"!policy file {room} general Neighbours talk about gardens"
        cast.known["room"] = room
        cast.known["filing"] = found(r"F-\d+", await cast.asks("anna", command, "Your filing is in"))
        assert (await scan(made))["applied"] == 1
        await story.approve(cast)
        assert room in await tom.public_rooms()
        assert room in await filed_rooms(tom)
        assert (await scan(made))["unfiled"] == 0
        _, checks = doctor(made.config)
        assert checks["public rooms"]["said"] == "the homeserver lists them: 1 in its directory"


async def invitation(person: Person, sender: str) -> str:
    """Wait for an invitation, and name its room."""
    for _ in range(60):
        for room, invite in (await person._sync(1.0)).get("invite", {}).items():
            if any(e["sender"] == sender for e in invite["invite_state"]["events"]):
                return str(room)
    message = f"{person.user_id} was not invited by {sender}"
    raise AssertionError(message)


async def until_listed(made: Stage, room: str) -> None:
    for _ in range(100):
        if room in await made.people["tom"].public_rooms():
            return
        await asyncio.sleep(0.2)
    message = f"{room} is not in the directory"
    raise AssertionError(message)


async def test_the_fake_list_answers_as_the_real_one(tmp_path: Path) -> None:
    """What a scan asks: keys, types, order and paging; and what else is looked up for it."""
    async with stage(tmp_path) as made:
        root, rooms = made.people["root"], []
        for n, name in enumerate(("tom", "anna", "lea", "anna", "tom", "anna", "lea")):
            room = await made.people[name].create_room(f"Room {9 - n}", public=True)
            rooms.append(room)
            await publish(made, room)
        await made.people["anna"].create_room("Private")
        query = {"public_rooms": "true", "order_by": "creator", "dir": "f"}
        whole = await root.request("GET", ROOMS, None, **query)
        assert {r["room_id"] for r in whole["rooms"]} == set(rooms)
        example = row(rooms[0], made.people["tom"].user_id, "Room 9")
        for real in whole["rooms"]:
            assert real.keys() == example.keys()
            for key, value in example.items():
                kinds = (type(value), type(None)) if key in _MAY_LACK else (type(value),)
                assert isinstance(real[key], kinds), key
        fake = FakeList(list(reversed(whole["rooms"])))
        for start in range(9):
            for limit in (2, 3, 7, 100):
                real = await root.request("GET", ROOMS, None, **query, **_paging(start, limit))
                assert fake.page(start, limit) == real
        await check_the_port(made, rooms)
        await check_without_rank(made, rooms[0])


_MAY_LACK = ("canonical_alias", "encryption", "guest_access", "room_type")


def _paging(start: int, limit: int) -> dict[str, Any]:
    return {"from": str(start), "limit": str(limit)}


async def check_the_port(made: Stage, rooms: list[str]) -> None:
    """See the same through what policybot reads with."""
    config, address = load(made.config), made.synapse.address
    client = Client(address, config.admin_token, made.session)
    listing = Listing(client, Synapse(client))
    page = await listing.page(0, 5)
    assert (len(page.rooms), page.total, page.more) == (5, 7, True)
    page = await listing.page(5, 5)
    assert (len(page.ids), page.total, page.more) == (2, 7, False)
    assert page.rooms[0].members == 1
    assert {room.room_id for room in page.rooms} <= set(rooms)
    anna, tom, root = made.people["anna"], made.people["tom"], made.people["root"]
    assert await listing.reachable(anna.user_id)
    path = f"/_synapse/admin/v1/suspend/{quote(tom.user_id, safe='')}"
    await root.request("PUT", path, {"suspend": True})
    assert not await listing.reachable(tom.user_id)
    assert not await listing.reachable(f"@nobody:{made.synapse.server_name}")
    assert not await listing.reachable(made.bot), "an application service reads no messages"
    assert await listing.room_of(f"#review:{made.synapse.server_name}") == made.review_room
    assert await listing.room_of(f"#nowhere:{made.synapse.server_name}") is None
    theirs = client.with_token(anna._token)
    with pytest.raises(Impossible, match=r"homeserver\.admin_token"):
        await Listing(theirs, Synapse(theirs)).page(0, 5)


async def check_without_rank(made: Stage, room: str) -> None:
    """Where the bot is no administrator, another administrator's token takes a room out."""
    root = made.people["root"]
    path = f"/_synapse/admin/v1/users/{quote(made.bot, safe='')}/admin"
    await root.request("PUT", path, {"admin": False})
    client = Client(made.synapse.address, load(made.config).admin_token, made.session)
    admin = client.with_token(root._token)
    for powerless in (client, admin):
        port = MatrixHomeserver(client, Synapse(powerless), bot=made.bot, secret="s" * 40)
        effect = Unpublish(room, filed=False)
        if powerless is client:
            with pytest.raises(Impossible):
                await port.perform(Errand(effect, "k"))
            assert room in await root.public_rooms()
        else:
            await port.perform(Errand(effect, "k"))
            assert room not in await root.public_rooms()
            with pytest.raises(Impossible, match="room_list_publication_rules"):
                await port.perform(Errand(Publish(room, filed=False), "k"))
