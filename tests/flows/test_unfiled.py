"""Public rooms that are not filed: found a page at a time, told, and only then taken out."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from policybot.app import utc_now
from policybot.cli.program import app
from policybot.config import ConfigRefused, load
from policybot.config.policy_lists import PolicyListsSection
from policybot.domain.effects import JoinRoom, TakeSeat
from policybot.domain.filing import State
from policybot.domain.showing import Publish, Unpublish
from policybot.domain.unfiled import MOST_BY_ITSELF, PEOPLE_AT_A_TIME, Action, Room, Step, step
from policybot.matrix.doctor import Doctor
from policybot.matrix.listing import Listing
from policybot.ports import Impossible, Later
from policybot.store import audit
from policybot.store import unfiled as store
from policybot.store.unfiled import Scan
from tests import files
from tests.listed import listed
from tests.listing import FakeList, Row, listing, row
from tests.world import BOT, REVIEW, World, find, user
from tests.world import world as make_world

UNPUBLISH = {"action": "unpublish"}
GARDEN = "!garden:example.org"


@dataclass
class Looked:
    """A world with a list of public rooms."""

    world: World
    fake: FakeList
    directory: Listing
    said: int = field(default=0)

    async def scan(self, **span: float) -> None:
        """Let time pass, a whole scan be made, and the outbox work."""
        self.world.clock.pass_time(**span)
        while await self.world.app.services.unfiled.step(self.world.database, self.directory):
            pass
        await self.world.work()
        for effect in self.world.homeserver.performed:
            if isinstance(effect, Unpublish):
                self.fake.rooms = [r for r in self.fake.rooms if r["room_id"] != effect.room_id]

    async def step(self) -> bool:
        return await self.world.app.services.unfiled.step(self.world.database, self.directory)

    async def known(self) -> dict[str, Room]:
        async with self.world.database.transaction(reading=True) as tx:
            return {room.room_id: room for room in await store.listed(tx, 0, 20_000)}

    async def last(self) -> Scan:
        async with self.world.database.transaction(reading=True) as tx:
            scan = await store.scan(tx)
        assert scan is not None
        return scan

    def summaries(self) -> list[str]:
        return [text for text in self.world.in_review() if "!policy unfiled lists them" in text]


@asynccontextmanager
async def looked(
    folder: Path, rooms: list[Row], section: Any, url: str = "", **changes: Any
) -> AsyncIterator[Looked]:
    fake = FakeList(list(rooms))
    changes = {"filing.unfiled": section} | changes
    async with make_world(folder, url, **changes) as world, listing(fake) as directory:
        yield Looked(world, fake, directory)


def anna(room_id: str = GARDEN, name: str | None = "Garden", **more: Any) -> Row:
    return row(room_id, user("anna"), name, **more)


def many(count: int, creator: str = "") -> list[Row]:
    return [row(f"!r{n:05}:example.org", creator or user(f"u{n:05}")) for n in range(count)]


# Who wants it ---------------------------------------------------------------------------------------


async def test_without_the_section_nobody_looks(tmp_path: Path) -> None:
    async with looked(tmp_path, [anna()], None) as made:
        await made.scan()
        assert made.fake.asked == 0
        answer = await made.world.review("mira", "!policy unfiled")
        assert "Nobody has looked for them yet" in answer
        assert "filing.unfiled" in answer


async def test_with_nothing_rooms_are_listed_and_nobody_is_told(
    tmp_path: Path, database_url: str
) -> None:
    async with looked(tmp_path, [anna()], {"action": "nothing"}, database_url) as made:
        await made.scan()
        await made.scan(days=40)
        assert made.world.told("anna") == []
        assert made.world.homeserver.performed[-1:] != [Unpublish(GARDEN, filed=False)]
        assert made.summaries() == ["1 public room is not filed; 1 new. !policy unfiled lists them."]
        answer = await made.world.review("ravi", "!policy unfiled")
        assert "«Garden» !garden:example.org, by @anna:example.org, 1 member, since 2 March" in answer
        assert "nobody was told" in answer


async def test_with_tell_a_creator_is_told_once_and_no_date_is_named(
    tmp_path: Path, database_url: str
) -> None:
    async with looked(tmp_path, [anna()], {"action": "tell"}, database_url) as made:
        await made.scan()
        for _ in range(20):
            await made.scan(days=2)
        (text,) = made.world.told("anna")
        assert "«Garden» https://matrix.to/#/!garden:example.org" in text
        assert "!policy file ROOM CATEGORY PURPOSE" in text
        assert "general, official" in text
        assert "nothing else happens by itself" in text
        assert made.world.config.operator.contact in text
        assert len(made.summaries()) == 1
        assert not any(isinstance(e, Unpublish) for e in made.world.homeserver.performed)


async def test_with_unpublish_it_goes_as_announced_and_is_put_back_by_people(
    tmp_path: Path, database_url: str
) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH, database_url) as made:
        world = made.world
        world.homeserver.directory.add(GARDEN)
        await made.scan()
        (first,) = world.told("anna")
        assert "not filed by 16 March 2026 is taken out of the directory on that day" in first
        await made.scan(days=10)
        assert len(world.told("anna")) == 1
        await made.scan(days=1)
        assert "· on 16 March 2026: «Garden»" in world.told("anna")[1]
        await made.scan(days=2)
        assert GARDEN in world.homeserver.directory
        await made.scan(days=1)
        assert GARDEN not in world.homeserver.directory
        assert "Taken out of the public directory" in world.told("anna")[2]
        assert "1 room was taken out of the directory, as announced" in made.summaries()[-1]
        answer = await world.review("mira", "!policy unfiled")
        assert "taken out of the directory on 16 March 2026" in answer
        answer = await world.review("mira", f"!policy republish {GARDEN}")
        assert "put back" in answer
        assert GARDEN in world.homeserver.directory
        assert GARDEN not in world.homeserver.network, "among the filed rooms it never was"
        made.fake.rooms = [anna()]
        await made.scan(days=1)
        assert "31 March 2026" in world.told("anna")[3]
        assert len(world.told("anna")) == 4


async def test_nothing_is_entered_or_read(tmp_path: Path) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH) as made:
        await made.scan()
        await made.scan(days=12)
        await made.scan(days=4)
        entered = [e for e in made.world.homeserver.performed if isinstance(e, JoinRoom | TakeSeat)]
        assert entered == []
        assert {path.rpartition("/")[0] for path in made.fake.paths} == {
            "/_synapse/admin/v1",
            "/_synapse/admin/v2/users",
        }


async def test_what_was_done_is_in_the_chain_with_the_reason(tmp_path: Path) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH) as made:
        await made.scan()
        await made.scan(days=12)
        await made.scan(days=4)
        async with made.world.database.transaction(reading=True) as tx:
            rows = await tx.fetch(
                "SELECT a.tag, a.actor, p.payload FROM audit a JOIN audit_payloads p ON p.seq = a.seq"
                " WHERE a.object = $1 ORDER BY a.seq",
                GARDEN,
            )
            assert isinstance([step async for step in audit.verify(tx)][-1], int)
        tags = [(r["tag"], r["actor"]) for r in rows]
        assert tags == [(f"unfiled:{what}", "system:clock") for what in ("tell", "remind", "unpublish")]
        assert "not filed" in rows[-1]["payload"]


# Which rooms ----------------------------------------------------------------------------------------


async def test_own_rooms_need_no_filing(tmp_path: Path) -> None:
    lobby, space, hall = "!lobby:example.org", "!space:example.org", "!hall:example.org"
    rooms = [
        anna(lobby),
        anna(space),
        anna(hall, canonical_alias="#hall:example.org"),
        row("!made:example.org", BOT),
        anna(REVIEW),
    ]
    section = UNPUBLISH | {"exempt": ["#lobby:example.org", space, "#hall:example.org", "#no:one"]}
    async with looked(tmp_path, rooms, section) as made:
        made.fake.aliases = {"#lobby:example.org": lobby}
        await made.scan()
        assert await made.known() == {}
        assert made.world.in_review() == []


async def test_the_rooms_of_policy_lists_are_no_rooms_to_be_filed(tmp_path: Path) -> None:
    ours, theirs = "!ours:example.org", "!theirs:example.org"
    async with looked(tmp_path, [anna(ours), anna(theirs)], UNPUBLISH) as made:
        watch = [{"room": "#theirs:example.org", "name": "theirs"}]
        section = PolicyListsSection.model_validate({"publish": ours, "watch": watch})
        made.world.config.policy_lists = section
        made.fake.aliases = {"#theirs:example.org": theirs}
        await made.scan()
        assert await made.known() == {}


async def test_a_room_that_is_exempted_later_is_forgotten(tmp_path: Path) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH) as made:
        await made.scan()
        object.__setattr__(made.world.config.filing.unfiled, "exempt", (GARDEN,))
        await made.scan(days=13)
        assert await made.known() == {}
        assert len(made.world.told("anna")) == 1


async def test_rooms_of_other_servers_count_and_their_creators_are_not_written_to(
    tmp_path: Path, database_url: str
) -> None:
    far = row("!far:elsewhere.org", "@eve:elsewhere.org", "Far")
    async with looked(tmp_path, [far], UNPUBLISH, database_url) as made:
        world = made.world
        world.homeserver.directory.add("!far:elsewhere.org")
        await made.scan()
        assert world.told("@eve:elsewhere.org") == []
        assert "have nobody here whom I could tell" in made.summaries()[0]
        await made.scan(days=12)
        await made.scan(days=3)
        assert "!far:elsewhere.org" not in world.homeserver.directory
        assert world.told("@eve:elsewhere.org") == []


@pytest.mark.parametrize(
    "account", [{"suspended": True}, {"deactivated": True}, {"gone": True}, {"appservice_id": "irc"}]
)
async def test_a_creator_who_cannot_read_it_is_not_written_to(tmp_path: Path, account: Row) -> None:
    async with looked(tmp_path, [anna()], {"action": "tell"}) as made:
        made.fake.users = {user("anna"): account}
        await made.scan()
        assert made.world.told("anna") == []
        assert "Of the new ones, 1 have nobody here" in made.summaries()[0]
        assert "nobody here to tell on 2 March" in await made.world.review("mira", "!policy unfiled")


async def test_filed_rooms_are_left_to_their_filings(tmp_path: Path, database_url: str) -> None:
    async with looked(tmp_path, [], UNPUBLISH, database_url) as made:
        states = (State.APPROVED, State.RENEWAL_DUE, State.SUSPENDED, State.REVOKED)
        for state in states:
            await listed(made.world, state=state, room=f"!{state}:example.org")
            made.fake.rooms.append(anna(f"!{state}:example.org"))
        await made.scan()
        await made.scan(days=20)
        assert await made.known() == {}
        assert made.world.told("anna") == []


async def file(world: World, room: str = GARDEN) -> str:
    await world.verified("anna")
    world.homeserver.levels[room] = {"users": {user("anna"): 100}}
    answer = await world.say("anna", f"!policy file {room} general Neighbours talk of gardens")
    return find(r"F-\d+", answer)


async def test_a_room_that_applies_is_told_that_nothing_happens_until_that_is_decided(
    tmp_path: Path, database_url: str
) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH, database_url) as made:
        world = made.world
        world.homeserver.directory.add(GARDEN)
        await made.scan()
        number = await file(world)
        for _ in range(3):
            await made.scan(days=10)
        applied = [text for text in world.told("anna") if "has applied" in text]
        assert len(applied) == 1
        assert "Nothing is done about it until that is decided" in applied[0]
        assert GARDEN in world.homeserver.directory
        assert f"it has applied ({number})" in await world.review("mira", "!policy unfiled")
        await world.review("ravi", f"!policy reject {number} It is not for everybody")
        await made.scan(days=1)
        assert "not filed by 16 April 2026" in world.told("anna")[-1], "time begins anew"


async def test_a_room_that_applied_at_once_is_not_written_to(tmp_path: Path) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH) as made:
        await file(made.world)
        before = len(made.world.told("anna"))
        await made.scan()
        await made.scan(days=20)
        assert len(made.world.told("anna")) == before


async def test_a_room_that_was_approved_is_forgotten(tmp_path: Path) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH) as made:
        await made.scan()
        number = await file(made.world)
        await made.world.review("ravi", f"!policy approve {number}")
        await made.scan(days=1)
        assert await made.known() == {}


async def test_a_room_that_was_taken_out_comes_back_with_its_approval(tmp_path: Path) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH) as made:
        world = made.world
        await made.scan()
        await made.scan(days=12)
        await made.scan(days=3)
        assert GARDEN not in world.homeserver.directory
        number = await file(world)
        await world.review("ravi", f"!policy approve {number}")
        assert {GARDEN} <= world.homeserver.directory & world.homeserver.network
        answer = await world.review("mira", f"!policy republish {GARDEN}")
        assert "was filed since" in answer
        await made.scan(days=1)
        assert await made.known() == {}


async def test_a_room_that_left_the_directory_itself_is_forgotten(tmp_path: Path) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH) as made:
        await made.scan()
        made.fake.rooms = []
        await made.scan(days=15)
        assert await made.known() == {}
        assert not any(isinstance(e, Unpublish) for e in made.world.homeserver.performed)


async def test_a_room_that_somebody_published_again_begins_anew(tmp_path: Path) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH) as made:
        await made.scan()
        await made.scan(days=12)
        await made.scan(days=3)
        made.fake.rooms = [anna()]
        await made.scan(days=2)
        assert "not filed by 2 April 2026" in made.world.told("anna")[-1]


# Dates ----------------------------------------------------------------------------------------------


async def test_a_scan_that_comes_late_reminds_first(tmp_path: Path) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH) as made:
        world = made.world
        world.homeserver.directory.add(GARDEN)
        await made.scan()
        await made.scan(days=100)
        assert GARDEN in world.homeserver.directory
        assert "· on 13 June 2026" in world.told("anna")[1]
        await made.scan(days=3)
        assert GARDEN not in world.homeserver.directory


async def test_who_was_told_without_a_date_is_told_one_before_anything_happens(tmp_path: Path) -> None:
    async with looked(tmp_path, [anna()], {"action": "tell"}) as made:
        world = made.world
        world.homeserver.directory.add(GARDEN)
        await made.scan()
        object.__setattr__(world.config.filing.unfiled, "action", Action.UNPUBLISH)
        await made.scan(days=30)
        assert GARDEN in world.homeserver.directory
        assert "not filed by 15 April 2026" in world.told("anna")[1]


async def test_with_the_shortest_time_there_is_no_reminder(tmp_path: Path) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH | {"grace": "P3D"}) as made:
        made.world.homeserver.directory.add(GARDEN)
        await made.scan()
        await made.scan(days=2)
        await made.scan(days=1)
        assert len(made.world.told("anna")) == 2
        assert GARDEN not in made.world.homeserver.directory


async def test_in_a_dry_run_rooms_are_listed_and_the_time_does_not_begin(tmp_path: Path) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH, dry_run=True) as made:
        await made.scan()
        await made.scan(days=40)
        room = (await made.known())[GARDEN]
        assert (room.told_at, room.due_at, room.hidden_at) == (None, None, None)
        assert made.world.told("anna") == []
        assert len(made.summaries()) == 1


# Many -----------------------------------------------------------------------------------------------


async def test_a_creator_of_many_rooms_gets_one_message(tmp_path: Path) -> None:
    async with looked(tmp_path, many(25, user("anna")), {"action": "tell"}) as made:
        await made.scan()
        (text,) = made.world.told("anna")
        assert text.count("https://matrix.to/") == 20
        await made.scan(days=1)
        assert made.world.told("anna")[1].count("https://matrix.to/") == 5
        await made.scan(days=1)
        assert len(made.world.told("anna")) == 2


async def test_so_many_people_are_told_in_a_scan_and_the_others_in_the_next(
    tmp_path: Path, database_url: str
) -> None:
    async with looked(tmp_path, many(120), {"action": "tell"}, database_url) as made:
        for total in (PEOPLE_AT_A_TIME, 2 * PEOPLE_AT_A_TIME, 120, 120):
            await made.scan(days=1)
            told = [room for room in (await made.known()).values() if room.told_at is not None]
            assert len(told) == total
        assert sum(len(made.world.told(f"u{n:05}")) for n in range(120)) == 120


async def due(made: Looked) -> None:
    await made.scan()
    await made.scan(days=12)
    await made.scan(days=4)


def taken(made: Looked) -> set[str]:
    return {e.room_id for e in made.world.homeserver.performed if isinstance(e, Unpublish)}


async def test_twenty_go_by_themselves(tmp_path: Path) -> None:
    async with looked(tmp_path, many(MOST_BY_ITSELF), UNPUBLISH) as made:
        await due(made)
        assert len(taken(made)) == MOST_BY_ITSELF


async def test_more_than_twenty_wait_for_a_moderator_who_sees_them(
    tmp_path: Path, database_url: str
) -> None:
    async with looked(tmp_path, many(23), UNPUBLISH, database_url) as made:
        world = made.world
        await due(made)
        await made.scan(days=1)
        assert taken(made) == set()
        assert "23 are due to be taken out of it, which is too many" in made.summaries()[-1]
        assert "23 wait for you" in await world.review("otto", "!policy unfiled")
        answer = await world.review("mira", "!policy unfiled unpublish")
        assert "This will take 20 rooms out of the directory, the first of 23" in answer
        assert answer.count("\n· ") == 20
        code = find(r"(?<=!policy confirm )\w+", answer)
        assert "Nothing waits" in await world.review("otto", f"!policy confirm {code}")
        await listed(world, room="!r00000:example.org")
        answer = await world.review("mira", f"!policy confirm {code}")
        assert "19 rooms were taken out" in answer
        assert "1 of them were filed" in answer
        assert len(taken(made)) == 19
        assert "!r00000:example.org" not in taken(made)
        assert "Taken out of the public directory" in world.told("u00001")[-1]
        assert "Nothing waits" in await world.review("mira", f"!policy confirm {code}")


async def test_twenty_a_day_is_the_most_by_itself(tmp_path: Path) -> None:
    async with looked(tmp_path, many(15), UNPUBLISH | {"every": "PT1H"}) as made:
        await made.scan()
        made.fake.rooms += [row(f"!s{n}:example.org", user(f"s{n}")) for n in range(10)]
        await made.scan(hours=2)
        await made.scan(days=10, hours=22.5)
        await made.scan(hours=2.5)
        await made.scan(days=2, hours=22)
        assert len(taken(made)) == 15
        await made.scan(hours=3)
        assert len(taken(made)) == 15, "ten more would be twenty-five within a day"
        assert (await made.last()).waiting == 10
        await made.scan(days=1)
        assert len(taken(made)) == 25


async def test_nothing_is_proposed_twice_or_by_others(tmp_path: Path) -> None:
    async with looked(tmp_path, many(2), UNPUBLISH) as made:
        await made.scan()
        assert "No room waits" in await made.world.review("mira", "!policy unfiled unpublish")
        assert "I do not know «unfiled»" in await made.world.say("lea", "!policy unfiled")
        assert "WHAT is the number" in await made.world.review("mira", "!policy unfiled nonsense")
        assert "There is one page" in await made.world.review("mira", "!policy unfiled 2")
        answer = await made.world.review("mira", "!policy republish !r00000:example.org")
        assert "I have not taken" in answer


async def test_the_list_is_paged(tmp_path: Path) -> None:
    async with looked(tmp_path, many(45), {"action": "nothing"}) as made:
        await made.scan()
        pages = [await made.world.review("mira", f"!policy unfiled {n}") for n in (1, 2, 3)]
        assert [page.count("\n· ") for page in pages] == [20, 20, 5]
        assert "Page 1 of 3; the next: !policy unfiled 2" in pages[0]


async def test_nobody_puts_back_their_own_room(tmp_path: Path) -> None:
    async with looked(tmp_path, [row(GARDEN, user("mira"))], UNPUBLISH) as made:
        await due(made)
        assert "your own room" in await made.world.review("mira", f"!policy republish {GARDEN}")
        assert "is put back" in await made.world.review("otto", f"!policy republish {GARDEN}")
        assert Publish(GARDEN, filed=False) in made.world.homeserver.performed


async def test_however_many_rooms_nobody_can_be_told_of_all_have_their_day(tmp_path: Path) -> None:
    async with looked(tmp_path, many(1100, "@eve:elsewhere.org"), UNPUBLISH) as made:
        for days in (0, 12):
            await made.scan(days=days)
        rooms = (await made.known()).values()
        assert {room.reminded_at for room in rooms} == {made.world.clock()}
        await made.scan(days=3)
        assert (await made.last()).waiting == 1100
        assert made.world.told("@eve:elsewhere.org") == []


async def test_the_store_finds_exactly_what_the_domain_says_is_due(any_world: World) -> None:
    """Every mixture of times around every limit."""
    now = any_world.clock()
    days = [None, *(now + timedelta(days=n) for n in (-40, -15, -14, -13, -3, -2, 0, 2, 3, 4))]
    blank = Room("", "", "@anna:example.org", 1, now, now)
    rooms = [
        replace(
            blank,
            room_id=f"!{n}",
            told_at=told,
            due_at=due if told else None,
            reminded_at=reminded if told else None,
            applied="F-1" if n % 7 == 0 else "",
            hidden_at=now if n % 11 == 0 else None,
        )
        for n, (told, due, reminded) in enumerate(product(days, days, days))
        if all(at is None or at <= now for at in (told, reminded))
    ]
    async with any_world.database.transaction() as tx:
        await store.keep(tx, rooms)
        for action in (Action.TELL, Action.UNPUBLISH):
            wanted = {room.room_id: step(room, action, now) for room in rooms}
            for what in (Step.TELL, Step.REMIND):
                found = await store.of_creator(tx, blank.creator, what, action, now, limit=9999)
                ids = {room.room_id for room in found}
                if action is Action.UNPUBLISH or what is Step.TELL:
                    assert ids == {id_ for id_, its in wanted.items() if its is what}
        due = {room.room_id for room in await store.due(tx, now, 9999)}
        assert due == {id_ for id_, its in wanted.items() if its is Step.UNPUBLISH}
        assert await store.count_due(tx, now) == len(due) > 0


# Hostile and broken lists ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>",
        "\u202egnikcah\u202c «done»",
        "x" * 10_000,
        "a\nNot filed and in the directory: 0",
        "\ud800",
        "\x01@anna:example.org\x01",
        "@room\u2066",
        None,
        ["a list"],
        7,
    ],
)
async def test_names_cannot_do_anything(tmp_path: Path, database_url: str, name: Any) -> None:
    async with looked(tmp_path, [anna(name=name)], {"action": "tell"}, database_url) as made:
        await made.scan()
        (text,) = made.world.told("anna")
        assert len(text) < 1500
        (line,) = [part for part in text.split("\n") if part.startswith("· ")]
        assert line.endswith("https://matrix.to/#/!garden:example.org")
        assert not set(line) & set("\u202e\u2066\x01\ud800")
        answer = await made.world.review("mira", "!policy unfiled")
        assert len(answer.split("\n")) == 2


async def test_what_is_no_room_is_passed_over(tmp_path: Path, database_url: str) -> None:
    rows: list[Any] = [
        anna("!" + "x" * 300),
        anna("!a\u202eb:example.org"),
        anna("!a b:example.org"),
        anna("!\x00:example.org"),
        anna("#alias:example.org"),
        row("!nobody:example.org", None),
        row("!odd:example.org", "nobody at all", joined_members="many"),
        anna(),
    ]
    async with looked(tmp_path, rows, UNPUBLISH, database_url) as made:
        await due(made)
        assert set(await made.known()) == {GARDEN, "!nobody:example.org", "!odd:example.org"}
        assert "by somebody unknown, 0 members" in await made.world.review("mira", "!policy unfiled")


async def test_an_answer_that_is_no_list_is_told(tmp_path: Path) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH) as made:
        made.fake.page = lambda *_: {"rooms": "none"}  # type: ignore[method-assign]
        await made.scan()
        assert "answers something else than a list of rooms" in made.world.in_review()[0]


@pytest.mark.parametrize(
    ("status", "mend"),
    [(403, "homeserver.admin_token"), (401, "homeserver.admin_token"), (404, "that needs Synapse")],
)
async def test_a_refusal_is_told_once_with_the_mend(
    tmp_path: Path, database_url: str, status: int, mend: str
) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH, database_url) as made:
        made.fake.refuses = status
        for _ in range(5):
            await made.scan(hours=2)
        (text,) = made.world.in_review()
        assert mend in text
        asked = made.fake.asked
        await made.scan(minutes=10)
        assert made.fake.asked == asked, "every hour is enough"
        assert "I cannot look" in await made.world.review("mira", "!policy unfiled")
        made.fake.refuses = 0
        await made.scan(hours=2)
        assert len(await made.known()) == 1


# A list that changes while it is read -----------------------------------------------------------------


async def test_all_of_many_pages_are_found(tmp_path: Path, database_url: str) -> None:
    async with looked(tmp_path, many(1234), {"action": "nothing"}, database_url) as made:
        await made.scan()
        assert len(await made.known()) == 1234
        assert (await made.last()).total == 1234


@pytest.mark.parametrize("gone", [1, 7, 100, 150, 299])
async def test_no_room_is_missed_when_others_go_between_two_pages(tmp_path: Path, gone: int) -> None:
    async with looked(tmp_path, many(500), {"action": "nothing"}) as made:

        def vanish(start: int) -> None:
            if start > 250 and len(made.fake.rooms) == 500:
                del made.fake.rooms[:gone]

        made.fake.before_page = vanish
        await made.scan()
        assert {r["room_id"] for r in made.fake.rooms} <= set(await made.known())
        made.fake.before_page = None
        await made.scan(days=1)
        assert len(await made.known()) == 500 - gone


async def test_no_room_is_missed_when_others_come_between_two_pages(tmp_path: Path) -> None:
    async with looked(tmp_path, many(500), {"action": "nothing"}) as made:
        old = {r["room_id"] for r in made.fake.rooms}

        def appear(start: int) -> None:
            if start:
                fresh = [row(f"!n{start}-{n}:example.org", user("a")) for n in range(30)]
                made.fake.rooms += fresh if len(made.fake.rooms) < 600 else []

        made.fake.before_page = appear
        await made.scan()
        assert old <= set(await made.known())


async def test_the_homeserver_goes_away_in_the_middle_and_the_scan_goes_on(
    tmp_path: Path, database_url: str
) -> None:
    async with looked(tmp_path, many(500), {"action": "nothing"}, database_url) as made:
        for _ in range(3):
            assert await made.step()
        made.fake.refuses = 503
        assert not await made.step()
        assert not await made.step()
        made.fake.refuses = 0
        asked = made.fake.asked
        await made.scan()
        assert len(await made.known()) == 500
        assert made.fake.asked - asked < 5, "what was read is not read again"
        assert made.world.in_review()[0].startswith("500 public rooms are not filed; 500 new")


async def test_a_restart_in_the_middle_loses_nothing_and_tells_nobody_twice(
    tmp_path: Path, database_url: str
) -> None:
    async with looked(tmp_path, many(45), {"action": "tell"}, database_url) as made:
        steps = 0
        while True:
            setting, delisting = made.world.app.setting, made.world.app.services.delisting
            fresh = type(made.world.app.services.unfiled)(setting, delisting)
            if not await fresh.step(made.world.database, made.directory):
                break
            steps += 1
        await made.world.work()
        assert steps > 3
        assert [len(made.world.told(f"u{n:05}")) for n in range(45)] == [1] * 45


async def test_two_processes_do_nothing_twice(tmp_path: Path, database_url: str) -> None:
    async with looked(tmp_path, many(30), {"action": "tell"}, database_url) as made:
        service, database = made.world.app.services.unfiled, made.world.database
        await service.advance(database, made.directory)
        await service.advance(database, made.directory)
        scan = await made.last()
        assert scan.phase is store.Phase.TELLING
        assert await service._tell(database, made.directory, scan)
        with pytest.raises(Later):
            await service._tell(database, made.directory, scan)
        page = await made.directory.page(0, 100)
        old = replace(scan, phase=store.Phase.READING)
        assert await service._read(database, old, page), "a page that another has read is left"
        await made.scan()
        assert [len(made.world.told(f"u{n:05}")) for n in range(30)] == [1] * 30


async def test_on_request_it_begins_whenever_the_last_one_was(tmp_path: Path) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH) as made:
        service, database = made.world.app.services.unfiled, made.world.database
        await made.scan()
        assert not await made.step()
        assert await service.advance(database, made.directory, now=True)
        made.fake.refuses = 403
        with pytest.raises(Impossible, match="admin_token"):
            await service.advance(database, made.directory, now=True)
        assert (await made.last()).not_before == made.world.clock() + timedelta(hours=1)


# The command line and the doctor --------------------------------------------------------------------


@asynccontextmanager
async def served(folder: Path, fake: FakeList, section: Any) -> AsyncIterator[Looked]:
    """Let the configuration itself name the list's address."""
    async with listing(fake) as directory:
        address = directory._client._address
        changes = {"filing.unfiled": section, "homeserver.address": address}
        async with make_world(folder, **changes) as world:
            yield Looked(world, fake, directory)


async def command(made: Looked, *words: str) -> Result:
    config = made.world.config.key_file.parent / "config.yaml"
    return await asyncio.to_thread(CliRunner().invoke, app, [*words, "-c", str(config)])


async def test_the_command_line_scans_now_and_says_what_it_found(tmp_path: Path) -> None:
    async with served(tmp_path, FakeList(many(250)), {"action": "tell"}) as made:
        done = await command(made, "rooms", "scan")
        assert done.exit_code == 0, done.output
        assert "     250 not filed\n" in done.stdout
        assert "      50 people told or reminded\n" in done.stdout
        done = await command(made, "rooms", "scan", "--json")
        assert json.loads(done.stdout) == {
            "public": 250,
            "unfiled": 250,
            "new": 0,
            "applied": 0,
            "told": 50,
            "taken_out": 0,
            "waiting": 0,
        }
        made.world.clock.at = utc_now() + timedelta(minutes=1)  # the command line knows the real one
        await made.world.work()
        assert len(made.world.told("u00099")) == 1
        assert len(made.summaries()) == 2, "in the review room, which the command line knows too"


async def test_the_command_line_only_counts_where_nothing_is_configured(tmp_path: Path) -> None:
    async with served(tmp_path, FakeList(many(3)), None) as made:
        done = await command(made, "rooms", "scan")
        assert "       3 not filed\n" in done.stdout
        made.world.clock.at = utc_now() + timedelta(minutes=1)
        await made.world.work()
        assert made.world.in_review() == []
        assert made.world.told("u00000") == []


@pytest.mark.parametrize(
    ("status", "said"), [(403, "homeserver.admin_token"), (404, "that needs Synapse")]
)
async def test_the_command_line_says_plainly_what_is_wrong(
    tmp_path: Path, status: int, said: str
) -> None:
    async with served(tmp_path, FakeList(many(3), refuses=status), {"action": "tell"}) as made:
        done = await command(made, "rooms", "scan")
        assert done.exit_code == 1
        assert said in done.stderr
        doctor = Doctor(made.world.config, tmp_path, tmp_path, made.directory._client._session)
        finding = await doctor._public_rooms()
        assert not finding.good
        assert said in finding.said
        assert "filing.unfiled" in finding.mend


async def test_the_doctor_asks_only_where_it_matters(tmp_path: Path) -> None:
    async with served(tmp_path, FakeList(refuses=403), None) as made:
        doctor = Doctor(made.world.config, tmp_path, tmp_path, made.directory._client._session)
        assert (await doctor._public_rooms()).good


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"grace": "P2D"}, "grace: must be P3D or more"),
        ({"every": "PT1M"}, "every: must be between PT1H and P7D"),
        ({"action": "close"}, "filing.unfiled.action"),
        ({"exempt": ["lobby"]}, "must be a room ID or an alias"),
    ],
)
def test_what_cannot_be_configured_is_told(tmp_path: Path, section: Any, said: str) -> None:
    with pytest.raises(ConfigRefused) as refused:
        load(files.write(tmp_path, "", {"filing.unfiled": section}))
    assert said in str(refused.value.problems[0])
