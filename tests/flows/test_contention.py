"""Several processes on one PostgreSQL that change the same at the very same time.

Nobody waits for somebody who waits for them: the server counts that, and has nothing to count. Only
where all happens at random that is no fault by itself, for who has to begin anew does, and what comes
of it is compared. `CONTENTION_SEEDS=2,3,4 pytest tests/flows/test_contention.py` lets it happen in
other orders, and looks for that, too.
"""

import asyncio
import contextlib
import os
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from policybot.app import App
from policybot.domain.effects import RestrictMember, SuspendAccount
from policybot.domain.sanction import BINDING
from policybot.matrix.commands.dispatch import Dispatch
from policybot.matrix.events import Events
from policybot.services import sanctions as measures
from policybot.store import batches, cases, outbox, policies, sanctions, standing
from policybot.store.database import Database, Stale
from tests import at_rest
from tests.flows.test_personal_holds import second_room
from tests.flows.test_publishing import NAMED
from tests.laddering import MILDER, approved, bring, in_force, ladder
from tests.postgres import give_back, ready_database
from tests.reporting import rows
from tests.world import CHEAP, REVIEW, World, user
from tests.world import world as make_world

PROCESSES = 3
PEOPLE = ("tom", "otis", "zoe", "lea")
ASKED = os.environ.get("CONTENTION_SEEDS", "")
SEEDS = [int(n) for n in (ASKED or "1").split(",")]
MEASURES = ("restrict:P3D", "restrict:P7D+remove", "suspend:P7D", "warn+remove", "proposed")
MARKET = "!market:example.org"
EVE = "@eve:elsewhere.net"
WHY = "That is what was found on looking at all of it"


class Postgres:
    """The server, looked at from outside."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> None:
        self._connection = connection
        self._name = name

    async def waiting(self) -> int:
        """Count the transactions that wait for another one."""
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'"
        return int(await self._connection.fetchval(sql, self._name))

    async def somebody_waits(self, seconds: float = 2.0) -> bool:
        """Give others time until one of them waits; say whether one does."""
        for _ in range(round(seconds * 100)):
            if await self.waiting():
                return True
            await asyncio.sleep(0.01)
        return False

    async def deadlocks(self) -> int:
        """Count the transactions that were ended because they waited for each other, ever."""
        sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = $1"
        return int(await self._connection.fetchval(sql, self._name))

    async def told(self) -> str:
        """Give what the server wrote down of the last of them: who waited for whom, and in what."""
        log = str(await self._connection.fetchval("SELECT pg_read_file('log')"))
        return log.rpartition("ERROR: ")[2]


@pytest.fixture
async def server(
    postgres_socket: str, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[str, Postgres]]:
    """A database, and its server; in the end no transaction was ended for another's sake."""
    url = await ready_database(postgres_socket)
    name = url.removeprefix("postgres://postgres@/").partition("?")[0]
    connection = await asyncpg.connect(user="postgres", host=postgres_socket, database="postgres")
    looked_at = Postgres(connection, name)
    before = await looked_at.deadlocks()
    try:
        yield url, looked_at
        # All connections are closed by now, and what they counted is handed in.
        at_random = "seed" in request.fixturenames and not ASKED
        if await looked_at.deadlocks() != before and not at_random:
            pytest.fail(f"two waited for each other: {await looked_at.told()}")
    finally:
        await connection.close()
        await give_back(postgres_socket, url)


@pytest.fixture
async def world(tmp_path: Path, server: tuple[str, Postgres]) -> AsyncIterator[World]:
    """A world on PostgreSQL."""
    async with make_world(tmp_path, server[0]) as made:
        yield made


async def meanwhile(
    postgres: Postgres,
    patch: pytest.MonkeyPatch,
    first: Callable[[], Awaitable[object]],
    at: tuple[object, str],
    second: Callable[[], Awaitable[object]],
) -> None:
    """Stop somebody halfway, before they do something; let somebody else go as far as they can."""
    where, name = at
    goes_on, stopped = getattr(where, name), asyncio.Event()

    async def later(*values: Any, **named: Any) -> Any:
        if not stopped.is_set():
            stopped.set()
            await postgres.somebody_waits()
        return await goes_on(*values, **named)

    patch.setattr(where, name, later)
    one = asyncio.ensure_future(first())
    await asyncio.wait_for(stopped.wait(), 20)
    try:
        await second()
    finally:
        await one


async def reported(world: World, who: str, room: str = "", reporter: str = "lea") -> str:
    """Have somebody write something, and somebody report it."""
    event = await world.message(who, f"Something of {who}", room or world.room)
    link = f"https://matrix.to/#/{room or world.room}/{event}"
    await world.say(reporter, f"!policy report {link} R2 They threaten us")
    found = await rows(world, "SELECT MAX(id) AS id FROM cases")
    return f"C-{found[0]['id']}"


async def decided(world: World, case: str, words: str = "R2 S3 proposed") -> None:
    answer = await world.review("mira", f"!policy decide {case} {words} {WHY}")
    for code in re.findall(r"(?<=!policy confirm )\w+", answer)[:1]:
        await world.review("otto", f"!policy confirm {code}")


async def states(world: World, table: str) -> list[str]:
    found = await rows(world, f"SELECT state FROM {table} ORDER BY 1")  # noqa: S608 - our own
    return [row["state"] for row in found]


# The ladder ----------------------------------------------------------------------------------------


async def test_two_who_decide_do_not_wait_for_each_other_because_of_the_ladder(
    world: World, server: tuple[str, Postgres]
) -> None:
    live = world.app.setting.policy.hash
    async with world.database.transaction() as one, asyncio.timeout(5):
        assert await policies.keep(one, live)
        other = asyncio.create_task(keeps(world, live))
        assert await other
        assert await server[1].waiting() == 0


async def keeps(world: World, digest: str) -> bool:
    async with world.database.transaction() as tx:
        return await policies.keep(tx, digest)


async def test_a_new_ladder_waits_for_all_who_decide_and_who_decides_after_it_is_told(
    world: World, server: tuple[str, Postgres]
) -> None:
    await bring(world, ladder("2", MILDER))
    await approved(world, "2")
    live = world.app.setting.policy.hash
    async with world.database.transaction() as one:
        assert await policies.keep(one, live)
        ticking = asyncio.create_task(world.app.tick())
        assert await server[1].somebody_waits()
        async with world.database.transaction(reading=True) as other:
            assert await policies.live_hash(other) == live
    await ticking
    assert await in_force(world) == "2"
    assert not await keeps(world, live), "it judges nobody any more"


async def test_who_decides_while_a_ladder_comes_into_force_waits_and_finds_it_gone(
    world: World, server: tuple[str, Postgres]
) -> None:
    await bring(world, ladder("2", MILDER))
    await approved(world, "2")
    live = world.app.setting.policy.hash
    found: list[bool] = []

    async def keep() -> None:
        found.append(await keeps(world, live))

    with pytest.MonkeyPatch.context() as patch:
        await meanwhile(server[1], patch, world.app.tick, (policies, "begin"), keep)
    assert found == [False]


# What is done halfway when somebody else comes ------------------------------------------------------


async def test_a_measure_can_be_lifted_while_the_homeserver_carries_it_out(
    world: World, server: tuple[str, Postgres], monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.governed_room()
    case = await world.reported()
    world.homeserver.away = True
    await world.review("mira", f"!policy decide {case} R2 S3 proposed {WHY}")
    world.homeserver.away = False
    world.clock.pass_time(minutes=5)
    worker = world.app.worker(world.homeserver)

    async def lift() -> None:
        async with world.database.transaction() as tx:
            await world.app.services.sanctions.lift(tx, user("otto"), 1, WHY)

    await meanwhile(server[1], monkeypatch, lift, (outbox, "drop"), worker.drain)
    await world.work()
    assert await states(world, "sanctions") == ["lifted"]
    assert world.homeserver.levels[world.room]["users"].get(user("tom")) is None


async def test_one_of_several_cases_is_decided_alone_while_all_are_decided_together(
    world: World, server: tuple[str, Postgres], monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.governed_room()
    await reported(world, "tom")
    await reported(world, "zoe")
    answer = await world.review("mira", f"!policy bulk C-1-2 R2 S3 proposed {WHY}")
    code = answer.split("!policy confirm ")[1].split()[0]
    await meanwhile(
        server[1],
        monkeypatch,
        lambda: world.review("mira", f"!policy confirm {code}"),
        (batches, "decided"),
        lambda: world.review("otto", f"!policy decide C-2 R2 S3 proposed {WHY}"),
    )
    assert await states(world, "decisions") == ["final", "final"]
    assert await states(world, "batches") == ["done"]


async def test_a_case_is_split_while_an_answer_is_overturned_into_it(
    world: World, server: tuple[str, Postgres], monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.governed_room()
    event = await world.message("tom", "Something of tom", world.room)
    link = f"https://matrix.to/#/{world.room}/{event}"
    await world.say("lea", f"!policy report {link} R2 They threaten us")
    await world.review("otto", f"!policy dismiss C-1 {WHY}")
    await world.say("lea", f"!policy object R-1 {WHY}")
    await world.say("anna", f"!policy report {link} R2 They threaten us")
    await reported(world, "tom")
    await world.review("mira", f"!policy merge C-3 C-2 {WHY}")
    await meanwhile(
        server[1],
        monkeypatch,
        lambda: world.review("ravi", f"!policy overturn R-1 {WHY}"),
        (cases, "open_on"),
        lambda: world.review("mira", "!policy split C-2 R-3"),
    )
    assert await states(world, "cases") == ["merged", "merged", "open", "open"]


async def test_a_later_measure_is_lifted_while_the_decision_before_it_is_overturned(
    world: World, server: tuple[str, Postgres], monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.governed_room()
    await decided(world, await reported(world, "tom"))
    await world.tick(days=12)
    await decided(world, await reported(world, "tom"))
    await world.say("tom", f"!policy appeal C-1 {WHY}")
    await meanwhile(
        server[1],
        monkeypatch,
        lambda: world.review("ravi", f"!policy overturn C-1 {WHY}"),
        (sanctions, "save"),
        lambda: world.review("otto", f"!policy lift C-2 {WHY}"),
    )
    found = await rows(world, "SELECT lifted FROM rechecks")
    assert [row["lifted"] for row in found] == [1]
    assert await states(world, "sanctions") == ["lifted", "void"]


async def test_measures_in_two_rooms_end_while_one_in_all_rooms_is_lifted(
    world: World, server: tuple[str, Postgres], monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.governed_room()
    await second_room(world)
    await decided(world, await reported(world, "tom", MARKET))
    world.clock.pass_time(minutes=1)
    await decided(world, await reported(world, "zoe"))
    await world.say("lea", f"!policy report {EVE} R2 They threaten us")
    await decided(world, "C-3", f"R2 S3 suspend:P30D {WHY} //")
    world.clock.pass_time(days=8)
    await meanwhile(
        server[1],
        monkeypatch,
        world.app.tick,
        (outbox, "drop"),
        lambda: world.review("otto", f"!policy lift C-3 {WHY}"),
    )
    await world.work()
    assert await states(world, "sanctions") == ["ended", "ended", "lifted"]
    assert world.homeserver.banned == set()


async def test_two_processes_end_what_is_over_at_the_same_time(
    world: World, server: tuple[str, Postgres], monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.governed_room()
    await decided(world, await reported(world, "tom"))
    world.clock.pass_time(days=8)
    other = await Database.open(server[0])

    async def tick() -> None:
        async with other.transaction() as tx:
            assert await world.app.services.sanctions.end_due(tx) == 0, "it was done meanwhile"

    await meanwhile(server[1], monkeypatch, world.app.tick, (measures, "hold_rooms"), tick)
    await other.close()
    assert await states(world, "sanctions") == ["ended"]


async def test_a_room_is_revoked_while_somebody_loses_the_right_to_post_in_it(
    tmp_path: Path, server: tuple[str, Postgres], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = {user(who): ["reviewer", "moderator", "appeals"] for who in ("mira", "otto", "ravi")}
    async with make_world(tmp_path, server[0], **NAMED, staff=both) as world:
        number = await world.governed_room()
        await world.message("zoe", "Look at my tulips", world.room)
        assert world.homeserver.levels[world.room]["users"][user("zoe")] == -1
        answer = await world.review("ravi", f"!policy revoke {number} {WHY}")
        code = answer.split("!policy confirm ")[1].split()[0]
        await meanwhile(
            server[1],
            monkeypatch,
            lambda: world.review("otto", f"!policy confirm {code}"),
            (standing, "in_room"),
            lambda: world.message("tom", "And at mine", world.room),
        )
        await world.work()
        for who in ("zoe", "tom"):
            assert world.homeserver.levels[world.room]["users"].get(user(who)) is None


# Everything at once ---------------------------------------------------------------------------------


class Crowd:
    """Several processes on one database, and people whose words come to any of them."""

    def __init__(self, worlds: list[World], seed: int) -> None:
        self.worlds = worlds
        self.world = worlds[0]
        self.chance = random.Random(seed)  # noqa: S311 - the same every time
        self.events: list[tuple[str, str]] = []

    async def comes(self, **event: Any) -> None:
        """Let an event come to whichever process there is, again and again until one has taken it."""
        event |= {"event_id": self.world.event_id()}
        event |= {"origin_server_ts": int(self.world.clock().timestamp() * 1000)}
        self.world.homeserver.events[event["event_id"]] = event
        for _ in range(5):
            with contextlib.suppress(Stale):
                return await self.chance.choice(self.worlds).inward.handle(event)
        pytest.fail(f"never taken: {event}")

    async def says(self, who: str, body: str, room: str = "") -> None:
        await self.comes(
            type="m.room.message",
            room_id=room or f"!direct-{user(who)}",
            sender=user(who),
            content={"msgtype": "m.text", "body": body},
        )

    async def joins(self, who: str, room: str) -> None:
        await self.comes(
            type="m.room.member",
            room_id=room,
            sender=user(who),
            state_key=user(who),
            content={"membership": "join", "displayname": who.title()},
        )

    async def staff(self, who: str, body: str) -> None:
        await self.says(who, f"!policy {body}", REVIEW)

    async def report(self, who: str) -> None:
        event, room = self.chance.choice(self.events)
        link = f"https://matrix.to/#/{room}/{event}"
        await self.says(who, f"!policy report {link} R2 They threaten us")

    async def tick(self) -> None:
        """Let the clock strike in one process; what another does at that moment is left to it."""
        with contextlib.suppress(Stale):
            await self.chance.choice(self.worlds).app.tick()

    async def work(self) -> None:
        await self.chance.choice(self.worlds).work()

    async def some(self, sql: str) -> Any:
        found = await rows(self.world, sql)
        return self.chance.choice(found)["one"] if found else 0

    async def casework(self) -> list[Awaitable[None]]:
        """Think of what moderators do, most of it about the same few cases."""
        pick, anything = self.chance.choice, "SELECT id AS one FROM cases"
        hot = [await self.some(anything) for _ in range(3)]
        doing: list[Awaitable[None]] = []
        for number in hot * 2:
            words = f"R2 {pick(('S2', 'S3'))} {pick(MEASURES)} {WHY} // {WHY}"
            doing.append(self.staff(pick(("mira", "otto")), f"decide C-{number} {words}"))
        doing += [self.staff("mira", f"hold C-{number} R2 {WHY}") for number in hot]
        doing.append(self.staff("mira", f"merge C-{hot[0]} C-{hot[1]} {WHY}"))
        doing.append(self.staff("otto", f"dismiss C-{hot[0]} {WHY}"))
        for row in await rows(self.world, "SELECT code FROM approvals WHERE state = 'waiting'"):
            doing += [self.staff(who, f"confirm {row['code']}") for who in ("mira", "otto", "ravi")]
        together = f"bulk C-{hot[0]},C-{hot[1]},C-{await self.some(anything)}"
        doing.append(self.staff("otto", f"{together} R2 S2 proposed {WHY}"))
        doing.append(self.staff("mira", f"{together} dismiss {WHY}"))
        done = await self.some("SELECT code AS one FROM batches WHERE state = 'done'")
        doing.append(self.staff("mira", f"undo {done} {WHY}"))
        return doing

    async def objections(self) -> list[Awaitable[None]]:
        """Think of what is done about what was decided."""
        pick = self.chance.choice
        doing: list[Awaitable[None]] = []
        for row in await rows(
            self.world, "SELECT case_id, user_id FROM decisions WHERE state = 'final'"
        ):
            doing += [self.says(row["user_id"], f"!policy appeal C-{row['case_id']} {WHY}")] * 2
            doing.append(self.staff("otto", f"lift C-{row['case_id']} {WHY}"))
        for row in await rows(self.world, "SELECT number FROM appeals WHERE state = 'submitted'"):
            verdict = pick(("overturn", "overturn", "uphold", "modify"))
            words = f"{row['number']}{' restrict:P1D' if verdict == 'modify' else ''} {WHY}"
            doing += [self.staff(who, f"{verdict} {words}") for who in ("ravi", "otto")]
        for row in await rows(
            self.world, "SELECT id, reporter FROM reports WHERE outcome = 'no_breach'"
        ):
            doing.append(self.says(row["reporter"], f"!policy object R-{row['id']} {WHY}"))
        return doing

    async def storm(self) -> int:
        """Let all of it happen at once; say how much it was."""
        world, pick = self.world, self.chance.choice
        doing = [*await self.casework(), *await self.objections()]
        doing += [self.report(who) for who in (*PEOPLE, "anna")]
        doing += [self.says(who, "More of it", pick((world.room, MARKET))) for who in PEOPLE]
        doing += [self.joins(who, pick((world.room, MARKET))) for who in PEOPLE]
        doing += [self.says("zoe", f"!policy {pick(('erase', 'erase cancel', 'me'))}")]
        doing += [self.tick() for _ in self.worlds] + [self.work() for _ in self.worlds]
        self.chance.shuffle(doing)
        await asyncio.gather(*doing)
        return len(doing)


@asynccontextmanager
async def crowd(world: World, seed: int) -> AsyncIterator[Crowd]:
    """Put further processes beside that of a world."""
    async with AsyncExitStack() as stack:
        worlds = [world]
        for _ in range(PROCESSES - 1):
            database = await Database.open(world.config.database_url)
            stack.push_async_callback(database.close)
            app = App(world.config, database, now=world.clock, stretch=CHEAP)
            app.setting.review_room = REVIEW
            app.hours.look = app.reader = world.homeserver
            app.services.copies.source = world.homeserver.media
            await app.record_policy()
            dispatch = Dispatch(app.services, world.inward._dispatch._resolve, world.homeserver)
            inward = Events(app.setting, database, dispatch, app.services)
            worlds.append(World(world.config, database, world.clock, world.homeserver, app, inward))
        yield Crowd(worlds, seed)


async def as_recorded(world: World) -> None:
    """I16: what binds on the homeserver is what binds by the record."""
    home, wanted = world.homeserver, set()
    for row in await rows(world, "SELECT decision_id FROM sanctions"):
        async with world.database.transaction(reading=True) as tx:
            one = await sanctions.of_decision(tx, row["decision_id"])
        wanted |= set(one.restraints if one is not None and one.state in BINDING else ())
    for room in (world.room, MARKET):
        bound = {who for who, level in home.levels[room]["users"].items() if level == -1}
        assert bound == {
            e.user_id for e in wanted if isinstance(e, RestrictMember) and e.room_id == room
        }
    assert home.suspended == {e.user_id for e in wanted if isinstance(e, SuspendAccount)}


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_several_processes_do_at_once_is_done_once_and_nothing_is_lost(
    world: World, seed: int
) -> None:
    """I13, I16, I18, I21, I25 over everything that changes something, at the very same time."""
    await world.governed_room()
    await second_room(world)
    await world.verified("zoe")
    for who in (*PEOPLE, "anna"):
        await world.direct(who)
    async with crowd(world, seed) as several:
        for who in PEOPLE:
            for room in (world.room, MARKET):
                several.events.append((await world.message(who, f"Something of {who}", room), room))
        for who in PEOPLE:
            await asyncio.gather(*(several.report(who) for _ in range(3)))
        await world.work()
        await bring(world, ladder("2", MILDER))
        await approved(world, "2")
        for hours in (0, 1, 30, 0, 80, 24 * 5):
            await several.storm()
            world.clock.pass_time(hours=hours)
        for _ in range(3):
            await world.tick(minutes=11)
        assert await in_force(world) == "2"
        assert await states(world, "decisions"), "it is about something"
        assert await states(world, "appeals"), "it is about something"
        twice = await rows(
            world,
            "SELECT case_id FROM decisions WHERE nature <> 'hold' AND state IN"
            " ('final', 'under_appeal', 'upheld') GROUP BY case_id HAVING COUNT(*) > 1",
        )
        assert twice == []
        await as_recorded(world)
        await at_rest.people_decided(world)
        await at_rest.measures_end(world)
        await at_rest.nothing_is_left_over(world)
        await at_rest.every_later_decision_is_as_replayed(world)
        await at_rest.each_is_told_once(world)
        await at_rest.the_log_is_whole(world)
