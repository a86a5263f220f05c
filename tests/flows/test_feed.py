"""The feed: whoever takes its pages, and then what changes, knows what policybot knows."""

import asyncio
import itertools
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policybot.app import App
from policybot.config import load
from policybot.domain.publishing import Account
from policybot.domain.view import Creation
from policybot.gate.door import _page
from policybot.gate.replica import Replica
from policybot.gate.wire import Head, page_in, page_out
from policybot.services import feed as feeding
from policybot.services.feed import Crowded, Feed, Part
from policybot.store import newcomers, standing
from policybot.store.database import Database, Tx, to_ms
from policybot.store.newcomers import Newcomer
from tests import files
from tests.world import CHEAP, START, Clock, user

GATE: dict[str, Any] = {"gate": {"token": "g" * 40}}
PEOPLE = [user(f"p{number}") for number in range(12)]
ROOMS = [f"!r{number}:example.org" for number in range(6)]
NOW = to_ms(START)


@dataclass
class House:
    """Some processes of policybot on one database, and a module that asks one or the other."""

    file: Path
    clock: Clock = field(default_factory=Clock)
    apps: list[App] = field(default_factory=list)
    replica: Replica = field(default_factory=Replica)
    more: str | None = None
    asked: int = 0
    """How often the module has asked."""

    async def start(self, number: int = -1) -> None:
        """Start a process, or start one anew."""
        config = load(self.file)
        app = App(config, await Database.open(config.database_url), now=self.clock, stretch=CHEAP)
        await app.record_policy()
        if number < 0:
            self.apps.append(app)
        else:
            await self.apps[number].database.close()
            self.apps[number] = app

    async def ask(self, number: int = 0, wait: float = 0) -> Part:
        """Let the module ask a process once, as a module does."""
        app, replica = self.apps[number], self.replica
        if not replica.whole or self.more is not None:
            if self.more is None:
                replica.begin()
            part = await app.services.feed.everything(app.database, self.more)
        else:
            part = await app.services.feed.changes(app.database, replica.clock, wait)
        self._take(app, part)
        return part

    def _take(self, app: App, part: Part) -> None:
        said = app.services.feed.heading
        page = page_out(_page(part, Head(said.house, said.bound, said.stopped, said.rules)))
        if part.whole and self.more is None and self.replica.whole:
            self.replica.begin()
        for _ in self.replica.take(page_in(page)):
            pass
        self.more = part.more
        if part.whole and part.more is None:
            for _ in self.replica.end(part.clock):
                pass
        self.asked += 1

    async def catch_up(self) -> None:
        """Let every process look at what the others did, and the module ask until nothing is new."""
        for app in self.apps:
            await app.services.feed.refresh(app.database)
        for number in itertools.cycle(range(len(self.apps))):
            before = self.replica.clock
            part = await self.ask(number)
            if not part.whole and part.clock == before and self.more is None:
                return

    async def check(self) -> None:
        """Hold the copy against what is known of the records."""
        app = self.apps[0]
        await app.services.feed.refresh(app.database)
        view, replica = app.services.findings.view, self.replica
        assert replica.clock == app.services.messages.clock
        assert replica.bound() == view.bound()
        for room_id in ROOMS:
            assert replica.room(room_id) == view.room(room_id), room_id
            for user_id in PEOPLE:
                assert replica.entered(room_id, user_id) == view.entered(room_id, user_id)
                assert replica.is_first(room_id, user_id) == view.is_first(room_id, user_id)
        for user_id in PEOPLE:
            assert replica.account(user_id) == view.account(user_id), user_id

    # What happens ---------------------------------------------------------------------------------

    async def happen(self, what: str, process: int, number: int) -> None:
        app = self.apps[process]
        match what:
            case "link" | "unlink" | "restrict":
                await self.account(app, PEOPLE[number % len(PEOPLE)], what)
            case "approve" | "suspend" | "leave":
                await self.room(app, ROOMS[number % len(ROOMS)], what)
            case "enter" | "post":
                await self.newcomer(app, ROOMS[number % 2], PEOPLE[number % len(PEOPLE)], what)
            case "ask":
                await self.ask(process)
            case "look":
                await app.services.feed.refresh(app.database)
            case "restart":
                await self.start(process)
            case "forget":
                async with app.database.transaction() as tx:
                    await standing.forget_before(tx, self.clock())
        self.clock.pass_time(seconds=1)

    async def account(self, app: App, user_id: str, what: str) -> None:
        async with app.database.transaction() as tx:
            person = user_id.strip("@")
            await tx.execute(
                "INSERT INTO persons (id, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                person,
                NOW,
            )
            if what == "link":
                await link(tx, person, user_id)
            elif what == "unlink":
                await tx.execute("UPDATE links SET ended_at = $1 WHERE user_id = $2", NOW, user_id)
            await app.services.messages.account_changed(tx, user_id)

    async def room(self, app: App, room_id: str, what: str) -> None:
        state = {"approve": "approved", "suspend": "suspended", "leave": "withdrawn"}[what]
        async with app.database.transaction() as tx:
            await file(tx, room_id, state)
            await app.services.messages.room_changed(tx, room_id)

    async def newcomer(self, app: App, room_id: str, user_id: str, what: str) -> None:
        async with app.database.transaction() as tx:
            if what == "enter":
                await newcomers.add(tx, Newcomer(room_id, user_id, self.clock()))
            else:
                await newcomers.has_posted(tx, room_id, user_id)
            await app.services.findings._newcomer_changed(tx, room_id, user_id)


async def link(tx: Tx, person: str, user_id: str) -> None:
    await tx.execute(
        "INSERT INTO links (person_id, user_id, slot, front, created_at)"
        " VALUES ($1, $2, 1, 'pseudonym', $3) ON CONFLICT DO NOTHING",
        person,
        user_id,
        NOW,
    )
    await tx.execute(
        "INSERT INTO verifications (person_id, source, realm, level, process, verified_at, expires_at,"
        " checked_at) VALUES ($1, 'roster', 'r', 1, 'p', $2, $3, $2) ON CONFLICT DO NOTHING",
        person,
        NOW,
        NOW * 2,
    )


async def file(tx: Tx, room_id: str, state: str) -> None:
    await tx.execute(
        "INSERT INTO rooms (room_id, kind, at) VALUES ($1, 'governed', $2) ON CONFLICT DO NOTHING",
        room_id,
        NOW,
    )
    number = ROOMS.index(room_id) if room_id in ROOMS else 100
    await tx.execute(
        "INSERT INTO filings (id, room_id, applicant, purpose, categories, state, submitted_at)"
        " VALUES ($1, $2, '@a:example.org', 'p', '[\"general\"]', $3, $4)"
        " ON CONFLICT (id) DO UPDATE SET state = excluded.state",
        number,
        room_id,
        state,
        NOW,
    )


@asynccontextmanager
async def opened(
    folder: Path, url: str = "", processes: int = 1, **changes: Any
) -> AsyncIterator[House]:
    house = House(files.write(folder, url, GATE | changes))
    for _ in range(processes):
        await house.start()
    try:
        yield house
    finally:
        for app in house.apps:
            await app.database.close()


_STEPS = (
    *("link", "unlink", "restrict", "approve", "suspend", "leave", "enter", "post"),
    *("ask", "ask", "ask", "ask", "look", "restart", "forget"),
)


async def a_history(folder: Path, steps: list[tuple[str, int, int]], url: str = "") -> None:
    async with opened(folder, url, processes=2) as house:
        for step in steps:
            await house.happen(*step)
        await house.catch_up()
        await house.check()


_steps = st.lists(
    st.tuples(st.sampled_from(_STEPS), st.integers(0, 1), st.integers(0, 11)), min_size=10, max_size=40
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make everything small, so that little is already many pages and too many changes."""
    monkeypatch.setattr(feeding, "PAGE", 2)
    monkeypatch.setattr(feeding, "_SLICE", 3)
    monkeypatch.setattr(feeding, "_TOO_MANY", 12)
    monkeypatch.setattr(feeding, "_FRESH", 4)


@pytest.mark.usefixtures("small")
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(_steps)
def test_the_copy_is_true_whatever_happens_while_it_is_made(steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(a_history(Path(folder), steps))


@pytest.mark.usefixtures("small")
async def test_a_long_history_on_both_databases(tmp_path: Path, database_url: str) -> None:
    chance = random.Random(7)  # noqa: S311 - a test's
    steps = [(chance.choice(_STEPS), chance.randrange(2), chance.randrange(12)) for _ in range(150)]
    await a_history(tmp_path, steps, database_url)


async def test_who_waits_hears_of_a_change_at_once_and_of_another_process_soon(tmp_path: Path) -> None:
    async with opened(tmp_path, processes=2) as house:
        mine, other = house.apps
        await house.happen("approve", 0, 0)
        await house.catch_up()
        waiting = asyncio.create_task(house.ask(wait=20))
        await asyncio.sleep(0.01)
        await house.happen("link", 0, 3)
        begin = time.monotonic()
        part = await waiting
        assert time.monotonic() - begin < 0.05
        assert part.accounts == {PEOPLE[3]: Account(verified=True)}
        assert not part.whole

        waiting = asyncio.create_task(house.ask(wait=20))
        await asyncio.sleep(0.01)
        await house.account(other, PEOPLE[4], "link")
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await mine.services.feed.refresh(mine.database)
        assert list((await waiting).accounts) == [PEOPLE[4]]

        assert (await house.ask(wait=0.01)).accounts == {}, "nothing is new, and that is said"

        # What counts for everybody has no clock of its own, and wakes as well.
        waiting = asyncio.create_task(house.ask(wait=20))
        await asyncio.sleep(0.01)
        mine.services.findings.view.stopped = frozenset({"R1"})
        await mine.services.feed.refresh(mine.database)
        await waiting
        assert house.replica.stopped == {"R1"}
        waiting = asyncio.create_task(house.ask(wait=20))
        await asyncio.sleep(0.01)
        mine.services.feed.close()
        await asyncio.wait_for(waiting, 1)


async def test_a_rolled_back_change_wakes_nobody(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        await house.catch_up()
        (app,) = house.apps
        waiting = asyncio.create_task(house.ask(wait=0.1))
        with pytest.raises(ZeroDivisionError):
            async with app.database.transaction() as tx:
                await app.services.messages.account_changed(tx, PEOPLE[0])
                raise ZeroDivisionError
        part = await waiting
        assert part.clock == house.replica.clock
        assert not part.accounts


async def test_only_so_many_wait_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "MOST_WAITING", 3)
    async with opened(tmp_path) as house:
        (app,) = house.apps
        await house.catch_up()
        clock = house.replica.clock
        feed = app.services.feed
        waiting = [asyncio.create_task(feed.changes(app.database, clock, 20)) for _ in range(3)]
        await asyncio.sleep(0.01)
        with pytest.raises(Crowded):
            await feed.changes(app.database, clock, 20)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert (await feed.changes(app.database, clock, 0)).clock == clock


async def test_a_clock_of_the_future_and_forgotten_changes_begin_anew(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        await house.happen("link", 0, 1)
        (app,) = house.apps
        feed = app.services.feed
        assert (await feed.changes(app.database, 10**9, 20)).whole
        assert (await feed.everything(app.database, f"{10**9}.7")).accounts
        clock = app.services.messages.clock
        await house.happen("link", 0, 2)
        await house.happen("forget", 0, 0)
        await house.happen("link", 0, 3)
        assert (await feed.changes(app.database, clock, 20)).whole
        for odd in ("", "1", "1.", ".1", "-1.0", "1.4096", "x.y", "1.2.3", "9" * 40 + ".1", "\u0661.1"):
            with pytest.raises(ValueError, match="no cursor"):
                await feed.everything(app.database, odd)


async def test_another_meaning_of_the_records_is_told_anew_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        await house.happen("approve", 0, 0)
        await house.catch_up()
        clock = house.replica.clock
        await house.start(0)
        await house.catch_up()
        assert house.replica.clock == clock, (
            "nothing is anew after a restart with the same configuration"
        )
        sample = house.file.read_text("utf-8")
        changed = sample.replace("front: voluntary", "front: verified_required")
        assert changed != sample
        house.file.write_text(changed, "utf-8")
        await house.start(0)
        await house.catch_up()
        room = house.replica.room(ROOMS[0])
        assert room is not None
        assert room.named
        await house.check()


async def test_in_a_dry_run_the_gate_forbids_nothing(tmp_path: Path) -> None:
    gate = {"gate": GATE["gate"] | {"creation": "filed", "directory": "register"}}
    async with opened(tmp_path, dry_run=True, **gate) as house:
        await house.happen("approve", 0, 0)
        await house.catch_up()
        await house.happen("suspend", 0, 0)
        await house.catch_up()
        assert house.replica.room(ROOMS[0]) is None
        said = house.replica.house
        assert (said.creation, said.listed, said.prefix, said.upload) == (
            Creation.EVERYBODY,
            False,
            "",
            None,
        )


class _Pauses:
    """Measures for how long the loop had no time for anybody else, in seconds of this thread."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        before = time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now = time.thread_time()
            self.longest, before = max(self.longest, now - before), now


async def paged(feed: Feed, database: Database) -> tuple[int, int, float]:
    """Take everything; give back how many accounts and pages there were, and the longest pause."""
    pauses = _Pauses()
    watching = asyncio.create_task(pauses.watch())
    cursor, pages, people = None, 0, set[str]()
    while True:
        part = await feed.everything(database, cursor)
        people |= part.accounts.keys()
        pages, cursor = pages + 1, part.more
        await asyncio.sleep(0)
        if cursor is None:
            break
    watching.cancel()
    return len(people), pages, pauses.longest


async def test_a_hundred_thousand_accounts_come_in_small_steps(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        (app,) = house.apps
        await house.happen("link", 0, 1)
        await house.catch_up()
        known = Account(verified=True, signed=1)
        app.services.messages._accounts = {user(f"u{number}"): known for number in range(100_000)}
        app.services.feed._bins = None
        people, pages, longest = await paged(app.services.feed, app.database)
        assert people == 100_000
        assert 25 <= pages <= 27
        assert longest < 0.05
