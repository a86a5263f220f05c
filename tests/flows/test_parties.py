"""Who answers for a room: asked of many at once or of each alone, the answer is the same."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from policybot.domain.case import Subject, SubjectKind
from policybot.domain.deputy import Asked
from policybot.domain.filing import Filing, State
from policybot.domain.identity import Front, Link
from policybot.domain.rank import Control, Levels
from policybot.store import deputies, filings, members, moves, rooms
from policybot.store.database import Row, Tx, _Sqlite
from policybot.store.queues import Wanted
from policybot.store.rooms import Kind, Room
from tests.world import BOT, START, World, user

ROOMS = tuple(f"!room{n}:example.org" for n in range(8))
PEOPLE = (*(user(name) for name in ("anna", "tom", "lea", "mira", "zoe")), BOT)
WORLDS = 60


@asynccontextmanager
async def undone(world: World) -> AsyncIterator[Tx]:
    """Give a transaction of which nothing stays."""
    async with world.database.transaction() as tx:
        await tx.execute("SAVEPOINT before")
        yield tx
        await tx.execute("ROLLBACK TO SAVEPOINT before")
        tx._early, tx._deferred = {}, {}


async def random_world(tx: Tx, dice: random.Random) -> None:
    """Put rooms with levels and moves (in circles, too), filings and deputies into the tables."""
    for number, room_id in enumerate(ROOMS):
        if dice.random() < 0.7:
            named = {who: dice.choice((0, 49, 50, 100)) for who in dice.sample(PEOPLE, 3)}
            content = {"users": named, "redact": dice.choice((0, 50, 100))}
            levels = Levels(dice.choice(("11", "12")), (dice.choice(PEOPLE),), content)
            await rooms.save(tx, Room(room_id, Kind.GOVERNED, levels), START)
        if dice.random() < 0.6:
            await tx.execute(
                "INSERT INTO former_rooms (room_id, successor) VALUES ($1, $2)",
                room_id,
                dice.choice(ROOMS),
            )
        for again in range(dice.randrange(3)):
            made = Filing(
                id=10 * number + again + 1,
                room_id=room_id,
                control=Control.SHARED,
                applicant=dice.choice(PEOPLE),
                purpose="Neighbours talk",
                categories=("general",),
                state=dice.choice(tuple(State)),
                submitted_at=START,
                deputy=dice.choice((None, *PEOPLE)),
            )
            if await filings.add(tx, made) and dice.random() < 0.7:
                agreed = dice.choice((None, START))
                whom = made.deputy if made.deputy and dice.random() < 0.7 else dice.choice(PEOPLE)
                await deputies.save(tx, Asked(made.id, whom, START, agreed))


async def one_by_one(tx: Tx, room_id: str) -> set[str]:
    """Say who answers for a room, asking of each thing by itself, and walking from room to room."""
    at, seen = room_id, {room_id}
    while (
        onward := await tx.value("SELECT successor AS value FROM former_rooms WHERE room_id = $1", at)
    ) and onward not in seen:
        at = onward
        seen.add(at)
    assert await moves.now(tx, room_id) == at
    filing, room = await filings.of_room(tx, at), await rooms.get(tx, room_id)
    found = {filing.applicant} if filing else set()
    if filing is not None and filing.deputy and await deputies.has_agreed(tx, filing):
        found.add(filing.deputy)
    if room is not None:
        found |= room.levels.moderators()
    return found - {BOT}


async def test_who_answers_for_many_rooms_is_the_same_as_for_each_alone(any_world: World) -> None:
    asked = any_world.app.services.cases.answering_for
    people: set[str] = set()
    for seed in range(WORLDS):
        async with undone(any_world) as tx:
            await random_world(tx, random.Random(seed))  # noqa: S311 - worlds that come again
            together = await asked(tx, set(ROOMS))
            assert set(together) == set(ROOMS)
            for room_id in ROOMS:
                assert together[room_id] == await one_by_one(tx, room_id), f"{room_id} of world {seed}"
                assert await asked(tx, {room_id}) == {room_id: together[room_id]}
                people |= together[room_id]
    assert people == set(PEOPLE) - {BOT}


async def test_of_no_rooms_nothing_is_asked(any_world: World) -> None:
    async with any_world.database.transaction(reading=True) as tx:
        assert await any_world.app.services.cases.answering_for(tx, set()) == {}


async def test_a_page_of_the_queue_asks_as_often_for_twenty_rooms_as_for_two(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    plain = _Sqlite.fetch

    async def counted(self: _Sqlite, sql: str, values: Sequence[object]) -> Sequence[Row]:
        asked.append(sql)
        return await plain(self, sql, values)

    monkeypatch.setattr(_Sqlite, "fetch", counted)

    async def page_of(many: int) -> int:
        async with undone(world) as tx:
            for n in range(many):
                about = Subject(SubjectKind.EVENT, f"!room{n}:example.org", f"$event{n}", user("tom"))
                await world.app.services.cases.open(tx, about)
            asked.clear()
            page = await world.app.services.queues.page(tx, user("mira"), Wanted(), 20)
            assert len(page.cases) == min(many, 20)
        return len(asked)

    assert await page_of(25) == await page_of(2) <= 8


async def random_links(tx: Tx, dice: random.Random) -> None:
    """Let accounts be people's for a while each, one after another, some of whom are erased."""
    persons = [f"person{n}" for n in range(4)]
    for person in persons:
        await members.save_person(tx, person, START)
        if dice.random() < 0.2:
            await members.erase_person(tx, person, START)
    for who in PEOPLE:
        at = START
        for _ in range(dice.randrange(4)):
            begun = at + timedelta(days=dice.randrange(3))
            link = Link(who, dice.choice(persons), None, Front.PSEUDONYM, begun)
            assert await members.save_link(tx, link, len(PEOPLE))
            if dice.random() < 0.4:
                break
            at = begun + timedelta(days=dice.randrange(3))
            await members.end_link(tx, who, "unlinked", at)


async def test_whose_accounts_are_is_the_same_asked_of_all_at_once(any_world: World) -> None:
    for seed in range(WORLDS):
        async with undone(any_world) as tx:
            await random_links(tx, random.Random(seed))  # noqa: S311 - worlds that come again
            alone: set[str] = set()
            for who in PEOPLE:
                behind = await members.person_behind(tx, who)
                theirs = {who, *(await members.accounts_ever(tx, behind) if behind else ())}
                assert await members.accounts_of(tx, who) == theirs, f"{who} in world {seed}"
                alone |= theirs if who != PEOPLE[0] else set()
                for days in range(8):
                    at = START + timedelta(days=days)
                    then = await members.person_at(tx, who, at)
                    assert await members.answerable(tx, who, at) == (then or behind)
            assert await members.accounts_of_all(tx, set(PEOPLE[1:])) == alone
