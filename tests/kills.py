"""A process that is killed again and again at random instants, from a report to its effect.

    python -m tests.kills [--kills 1000] [--seed 1] [--postgres]

One process is policybot on a real database; it is killed with SIGKILL some milliseconds after it began
to work, and begun anew, until it has died so often. The homeserver is that of `tests.world`: what it was
asked to do is on disk before it answers, and each event comes again until it was taken in, as Synapse
does it with its transactions. In the end everything must be there, and once: see `check`.
"""

import argparse
import asyncio
import itertools
import os
import pickle
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from policybot.app import App
from policybot.config import Config
from policybot.matrix.commands.dispatch import Dispatch
from policybot.matrix.events import Events
from policybot.ports import Errand, Result
from policybot.store import audit, outbox
from policybot.store.database import Database
from tests.postgres import fresh_database, postgres
from tests.world import CHEAP, REVIEW, Clock, FakeHomeserver, World, user
from tests.world import world as make_world

LIFE = timedelta(seconds=20)
"""How much later each process begins than the one before: longer than the leases of the dead."""
LONGEST = 0.25
"""Seconds after which a process is killed at the latest, from its first step on."""

ANSWER = 0.01
"""Seconds from when something is done until the other side knows of it, at most."""

_AFTER = ("!policy decide", "!policy appeal", "!policy overturn", "!policy lift")
"""What somebody writes once they have seen what came of what was before."""


@dataclass
class Plan:
    """What happens in the rooms, event by event, and how far it was taken in."""

    folder: Path
    config: Config
    room: str
    seed: int
    lives: int = 0

    @property
    def homeserver(self) -> Path:
        """Where the homeserver keeps what it is."""
        return self.folder / "homeserver"

    @property
    def taken(self) -> Path:
        """Where it is kept how many events were answered."""
        return self.folder / "taken"

    def events(self) -> Iterator[tuple[str, str, str]]:
        """Give events without end: who writes what where."""
        for n in itertools.count(1):
            link = f"https://matrix.to/#/{self.room}/$tom{n}"
            yield "tom", self.room, f"Buy my spades, offer {n}!"
            yield "lea", f"!direct-{user('lea')}", f"!policy report {link} R1 This is advert {n}"
            yield "zoe", f"!direct-{user('zoe')}", f"!policy report {link} R1 Again an advert, {n}"
            yield "mira", REVIEW, f"!policy claim C-{n}"
            if n % 4 == 0:
                yield "mira", REVIEW, f"!policy dismiss C-{n} Offers of spades are allowed in spring"
                continue
            yield (
                "mira",
                REVIEW,
                f"!policy decide C-{n} R1 S1 proposed+remove Advertised spades, offer {n}",
            )
            if n % 3 == 0:
                yield (
                    "tom",
                    f"!direct-{user('tom')}",
                    f"!policy appeal C-{n} It was a joke among neighbours",
                )
                yield "otto", REVIEW, f"!policy overturn C-{n} It was a joke that everybody understood"
            elif n % 5 == 0:
                yield "mira", REVIEW, f"!policy lift C-{n} They have made it up with each other"


async def _answer() -> None:
    """Take as long as an answer takes on its way."""
    await asyncio.sleep(random.uniform(0, ANSWER))  # noqa: S311 - an instant, no secret


@dataclass
class Lasting(FakeHomeserver):
    """A homeserver whose state is on disk before it answers."""

    file: Path = Path()
    done: list[tuple[str, str]] = field(default_factory=list)
    """Every effect that was asked for, with its key; several times where it was asked several times."""

    async def perform(self, errand: Errand) -> Result:
        """Do it, and keep what has become of everything."""
        result = await super().perform(errand)
        self.done.append((errand.key, repr(errand.effect)))
        self.keep()
        await _answer()
        return result

    def keep(self) -> None:
        """Write down what there is; a kill finds the one or the other, and never a half."""
        state = {name: value for name, value in vars(self).items() if name != "clock"}
        fresh = self.file.with_suffix(".new")
        fresh.write_bytes(pickle.dumps(state))
        fresh.replace(self.file)

    @classmethod
    def found(cls, file: Path, clock: Clock) -> "Lasting":
        """Take up from what was written down."""
        made = cls(clock, file=file)
        vars(made).update(pickle.loads(file.read_bytes()))  # noqa: S301 - our own
        return made


async def prepare(folder: Path, database_url: str, seed: int) -> Plan:
    """Make a room in which everybody is, and write down how it stands."""
    alone = {"ladder.approvals.second_person_from": {"measure": "suspend", "duration": "P30D"}}
    async with make_world(folder, database_url, **alone) as made:
        await made.governed_room()
        for who in ("lea", "zoe", "tom"):
            await made.verified(who)
            made.homeserver.levels[made.room]["users"].pop(user(who), None)
        plan = Plan(folder, made.config, made.room, seed)
        kept = {name: value for name, value in vars(made.homeserver).items() if name != "clock"}
        plan.homeserver.write_bytes(pickle.dumps(kept | {"file": plan.homeserver, "done": []}))
        plan.taken.write_text("0", "utf-8")
        return plan


async def live(plan: Plan, *, most: int | None, begun: int | None = None) -> World:
    """Be policybot: take in what comes until it ends or one is killed; `begun` is told of the start."""
    clock = Clock()
    clock.at += LIFE * (plan.lives + 1)
    homeserver = Lasting.found(plan.homeserver, clock)
    database = await Database.open(plan.config.database_url, upgrade=False)
    app = App(plan.config, database, now=clock, stretch=CHEAP)
    app.setting.review_room = REVIEW
    app.hours.look = app.reader = homeserver
    await app.record_policy()

    async def resolve(_: str) -> str | None:
        return None

    inward = Events(app.setting, database, Dispatch(app.services, resolve, homeserver), app.services)
    made = World(plan.config, database, clock, homeserver, app, inward)
    taken = int(plan.taken.read_text("utf-8"))
    if begun is not None:
        os.write(begun, b"1")
    # Stopped by a kill alone; in the last life effects are done when all is taken in.
    worker = asyncio.create_task(app.worker(homeserver).run()) if begun is not None else None
    for number, (who, room, body) in enumerate(itertools.islice(plan.events(), most)):
        if number < taken:
            continue
        if body.startswith(_AFTER):
            await _until_quiet(made, alone=worker is None)
        await inward.handle(_event(plan, homeserver, number, who, room, body))
        await _answer()
        fresh = plan.taken.with_suffix(".new")
        fresh.write_text(str(number + 1), "utf-8")
        fresh.replace(plan.taken)
        if number % 7 == 0:
            await app.tick()
        await (asyncio.sleep(0) if worker else made.work())
    return made


async def _until_quiet(made: World, *, alone: bool) -> None:
    """Wait until nothing waits in the outbox: a moderator decides about what they have seen."""
    while True:
        async with made.database.transaction(reading=True) as tx:
            if not (await outbox.counts(tx)).get("waiting"):
                return
        if alone:
            await made.tick(seconds=5)
        else:
            await asyncio.sleep(0.002)


def _event(
    plan: Plan, homeserver: Lasting, number: int, who: str, room: str, body: str
) -> dict[str, Any]:
    offer = re.search(r"offer (\d+)!$", body)
    event_id = f"$tom{offer[1]}" if room == plan.room and offer else f"$event-{number}"
    event = {
        "type": "m.room.message",
        "event_id": event_id,
        "room_id": room,
        "sender": user(who),
        "origin_server_ts": round(homeserver.clock().timestamp() * 1000),
        "content": {"msgtype": "m.text", "body": body},
    }
    if event_id not in homeserver.events:
        homeserver.events[event_id] = event
        homeserver.keep()
    return homeserver.events[event_id]


def kill_once(plan: Plan, chance: random.Random) -> bool:
    """Let one process begin, and kill it; False if it did not live to be killed."""
    plan.lives += 1
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            asyncio.run(live(plan, most=None, begun=writing))
        except BaseException:  # noqa: BLE001 - said, and seen by the parent
            sys.excepthook(*sys.exc_info())
        os._exit(1)
    os.close(writing)
    started = os.read(reading, 1)
    os.close(reading)
    if started:
        time.sleep(chance.uniform(0, LONGEST))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


async def settle(plan: Plan) -> tuple[World, int]:
    """Let a last process finish the round that was begun, and all effects that wait."""
    plan.lives += 1
    taken = int(plan.taken.read_text("utf-8"))
    whole = 0
    for number, (who, _, _) in enumerate(plan.events()):
        if who == "tom" and number and number >= taken:
            whole = number
            break
    made = await live(plan, most=whole)
    for _ in range(50):
        await made.tick(seconds=31)
    return made, whole


async def check(plan: Plan, made: World, events: int) -> Counter[str]:
    """See that everything is there, once; return how much of what there was.

    Raises:
        AssertionError: something is lost, or there twice.
    """
    homeserver = made.homeserver
    assert isinstance(homeserver, Lasting)
    async with made.database.transaction(reading=True) as tx:
        last = [one async for one in audit.verify(tx)][-1]
        assert isinstance(last, int), f"the chain is broken: {last}"
        left = await tx.value("SELECT count(*) AS value FROM outbox WHERE state IN ('waiting', 'dead')")
        assert left == 0, f"{left} effects are left over"
        reports = await tx.fetch("SELECT id, outcome FROM reports ORDER BY id")
        decided = await tx.fetch("SELECT case_id FROM decisions WHERE nature = 'decision' ORDER BY id")
    written = [body for _, _, body in itertools.islice(plan.events(), events)]
    asked = sum(body.startswith("!policy report") for body in written)
    assert len(reports) == asked, "each report is there once"
    assert all(row["outcome"] for row in reports), "each report has an outcome"
    cases = [int(body.split()[2][2:]) for body in written if body.startswith("!policy decide")]
    assert [row["case_id"] for row in decided] == cases, "each case is decided once"
    _check_done(homeserver, [row["id"] for row in reports], cases)
    await made.tick(days=40)
    await made.tick(minutes=1)
    assert user("tom") not in homeserver.levels[plan.room]["users"], "what has ended is given back"
    counts = Counter(key for key, _ in homeserver.done)
    again = sum(counts.values()) - len(counts)
    seen = {"reports": asked, "decisions": len(cases), "effects": len(counts)}
    return Counter(seen | {"effects that were asked for again": again})


def _check_done(homeserver: Lasting, reports: list[int], cases: list[int]) -> None:
    """See that everybody was told, and everything removed, exactly once."""
    said = [text for _, text in homeserver.said.values()]
    late = (
        "You have reported this already",
        "is not the time",
        "is closed already",
        "is decided already",
    )
    twice = [text for text in said if any(words in text for words in late)]
    assert twice == [], "no command is carried out twice"
    for number in reports:
        receipts = sum(f"Your receipt is R-{number}." in text for text in said)
        assert receipts == 1, f"R-{number}: {receipts} receipts"
    for n in cases:
        notices = sum(text.startswith(f"Decision C-{n}\n") for text in said)
        assert notices == 1, f"C-{n}: {notices} notices"
        removed = {
            key for key, what in homeserver.done if f"event_id='$tom{n}', reason='Removed" in what
        }
        assert len(removed) == 1, f"C-{n}: removed by {len(removed)} effects"
    assert homeserver.redacted == {f"$tom{n}" for n in cases}


def run(folder: Path, database_url: str, kills: int, seed: int) -> str:
    """Kill so often; return what was seen.

    Raises:
        AssertionError: something is lost, or there twice.
    """
    plan = asyncio.run(prepare(folder, database_url, seed))
    chance, killed, began = random.Random(seed), 0, time.monotonic()  # noqa: S311 - instants, no secrets
    while killed < kills:
        if not kill_once(plan, chance):
            message = "a process ended by itself: see above"
            raise AssertionError(message)
        killed += 1

    async def last() -> Counter[str]:
        made, events = await settle(plan)
        try:
            return await check(plan, made, events)
        finally:
            await made.database.close()

    seen = asyncio.run(last())
    what = ", ".join(f"{number:,} {name}" for name, number in seen.items())
    return f"{killed:,} kills in {time.monotonic() - began:.0f} s: {what}; nothing lost, nothing twice"


def main() -> None:
    """Read the command line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--kills", type=int, default=1000)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--postgres", action="store_true")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not given.postgres:
            print(run(Path(folder), "", given.kills, given.seed))
            return
        with postgres() as socket:
            url = asyncio.run(fresh_database(socket, "kills"))
            print(run(Path(folder), url, given.kills, given.seed))


if __name__ == "__main__":
    main()
