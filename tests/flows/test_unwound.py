"""Deciding and undoing in any order, with crashes: in the end the homeserver is as the record wants it.

`UNWOUND_EXAMPLES=1000 UNWOUND_STEPS=60 pytest tests/flows/test_unwound.py` walks longer.
"""

import asyncio
import contextlib
import os
from collections import Counter, defaultdict
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from policybot.domain import sanction as rules
from policybot.domain.decision import IN_FORCE, Nature, State
from policybot.domain.effects import Redact, RestrictMember, SuspendAccount
from policybot.domain.ladder import History
from policybot.domain.room_measure import FreezeRoom
from policybot.domain.sanction import BINDING, Sanction
from policybot.store import audit, decisions, filings, outbox, sanctions
from tests.flows.test_decisions_invariants import Killed, kill_at
from tests.laddering import put_in_force
from tests.world import REVIEW, World, user
from tests.world import world as make_world

EXAMPLES = int(os.environ.get("UNWOUND_EXAMPLES", "5"))
STEPS = int(os.environ.get("UNWOUND_STEPS", "24"))
PEOPLE = ("tom", "otis", "zoe")
WHY = "That is what was found on looking at all of it"
MEASURES = (
    "warn+remove",
    "restrict:P3D",
    "restrict:P7D+remove",
    "restrict:P30D",
    "suspend:P7D",
    "proposed",
)
MOST_CASES = 9
came: Counter[str] = Counter()
"""How often what came about, so that it is known to be about something."""


class Unwound(RuleBasedStateMachine):
    """A world in which people decide, appeal and undo, things break, and others meddle."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.context = make_world(Path(self.folder.name))
        self.world: World = self.run(self.context.__aenter__())
        self.cases: list[tuple[str, str]] = []
        self.meddled: set[str] = set()
        """Whose level somebody has changed."""
        self.kill: int | None = None
        self.until_back = 0
        self.tried: list[tuple[str, str]] = []
        """The cases in which something was decided or tried, the newest last."""
        self.last: dict[str, Any] = {}
        self.versions = 1

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(doing)

    # What people do ------------------------------------------------------------------------------

    async def says(self, who: str, room: str, body: str) -> str:
        """Let somebody write, be killed meanwhile if that is due, and let it come again."""
        world = self.world
        event = {
            "type": "m.room.message",
            "room_id": room,
            "sender": user(who),
            "content": {"msgtype": "m.text", "body": body},
            "event_id": world.event_id(),
            "origin_server_ts": int(world.clock().timestamp() * 1000),
        }
        self.last, before = event, set(world.homeserver.said)
        place, self.kill = self.kill, None
        if place is None:
            await world.deliver(**event)
        else:
            with pytest.MonkeyPatch.context() as patch:
                kill_at(patch, place)
                with contextlib.suppress(Killed):
                    await world.deliver(**event)
            world.clock.pass_time(seconds=61)  # leases run out, and it is sent again
            await world.deliver(**event)
            world.clock.pass_time(seconds=61)
            await world.work()
        self.until_back -= 1
        if self.until_back == 0:
            await self._back()
        said = [text for key, (_, text) in world.homeserver.said.items() if key not in before]
        return "\n".join(said)

    async def staff(self, who: str, body: str) -> None:
        """Let one of the operator's people write; what has to be confirmed is, by another."""
        answer = await self.says(who, REVIEW, f"!policy {body}")
        if "!policy confirm " in answer:
            code = answer.split("!policy confirm ")[1].split()[0]
            await self.says("otto" if who == "mira" else "mira", REVIEW, f"!policy confirm {code}")

    @initialize()
    def begin(self) -> None:
        self.run(self.world.governed_room())
        for who in PEOPLE:
            self.run(self.world.direct(who))
        self.room_before = str(self._room())
        for who in PEOPLE:
            self.run(self._reported(who))
        self.tried.append(self.cases[0])
        self.run(self.staff("mira", f"decide C-1 R2 S3 restrict:P7D+remove {WHY} // {WHY}"))

    def _room(self) -> object:
        home, room = self.world.homeserver, self.world.room
        levels = {key: value for key, value in home.levels[room].items() if key != "users"}
        levels.setdefault("events_default", 0)
        return levels, room in home.directory, home.labels.get(room), home.banners.get(room)

    async def _reported(self, who: str, *, room: bool = False) -> None:
        world, number = self.world, len(self.cases) + 1
        if room:
            answer = await world.say("lea", f"!policy report {world.room} R2 All of them threaten us")
        else:
            event = await world.message(who, f"Message {number} of {who}", world.room)
            link = f"https://matrix.to/#/{world.room}/{event}"
            answer = await world.say("lea", f"!policy report {link} R2 They threaten us")
        assert answer or world.homeserver.away
        async with world.database.transaction(reading=True) as tx:
            row = await tx.first("SELECT MAX(id) AS id FROM cases")
        assert row is not None
        self.cases.append((f"C-{row['id']}", "anna" if room else who))

    @precondition(lambda self: len(self.cases) < MOST_CASES)
    @rule(who=st.sampled_from(PEOPLE), room=st.integers(0, 5).map(lambda n: n == 0))
    def report(self, who: str, room: bool) -> None:
        self.run(self._reported(who, room=room))

    @rule(
        number=st.integers(0, MOST_CASES),
        who=st.sampled_from(("mira", "otto")),
        what=st.sampled_from(("R1 S2", "R2 S3", "R3 S1", "R3 S3", "R2 S4")),
        measure=st.sampled_from(MEASURES),
    )
    def decide(self, number: int, who: str, what: str, measure: str) -> None:
        self.tried.append(self.cases[number % len(self.cases)])
        case, _ = self.tried[-1]
        self.run(self.staff(who, f"decide {case} {what} {measure} {WHY} // {WHY}"))

    @rule(number=st.integers(0, MOST_CASES))
    def hold(self, number: int) -> None:
        self.tried.append(self.cases[number % len(self.cases)])
        self.run(self.staff("mira", f"hold {self.tried[-1][0]} R2 {WHY}"))

    @rule(number=st.integers(0, MOST_CASES))
    def lift(self, number: int) -> None:
        self.run(self.staff("mira", f"lift {self.cases[number % len(self.cases)][0]} {WHY}"))

    @rule(number=st.integers(0, MOST_CASES), verdict=st.sampled_from(("", *("overturn",) * 3, "modify")))
    def appeal(self, number: int, verdict: str) -> None:
        case, who = self.tried[-1 - number % min(len(self.tried), 4)]
        self.run(self.says(who, f"!direct-{user(who)}", f"!policy appeal {case} {WHY}"))
        if verdict:
            self.run(self._review(case, verdict))

    @rule(
        number=st.integers(0, MOST_CASES),
        verdict=st.sampled_from(("uphold", "overturn", "overturn", "modify")),
    )
    def review(self, number: int, verdict: str) -> None:
        self.run(self._review(self.cases[number % len(self.cases)][0], verdict))

    async def _review(self, case: str, verdict: str) -> None:
        measure = " restrict:P1D" if verdict == "modify" else ""
        await self.staff("ravi", f"{verdict} {case}{measure} {WHY}")

    @rule(number=st.integers(0, MOST_CASES))
    def recheck(self, number: int) -> None:
        self.run(self.staff("ravi", f"recheck {self.cases[number % len(self.cases)][0]} {WHY}"))

    @rule(number=st.integers(0, MOST_CASES))
    def restore(self, number: int) -> None:
        case, who = self.cases[number % len(self.cases)]
        self.run(self.says(who, f"!direct-{user(who)}", f"!policy restore {case}"))

    # What happens to them ------------------------------------------------------------------------

    @rule(hours=st.sampled_from((1, 20, 73, 24 * 5, 24 * 31)))
    def time(self, hours: int) -> None:
        self.run(self.world.tick(hours=hours))

    @rule(place=st.integers(0, 80))
    def crash(self, place: int) -> None:
        self.kill = place

    @rule()
    def duplicate(self) -> None:
        if self.last:
            self.run(self.world.deliver(**self.last))

    @rule(words=st.integers(1, 4))
    def trouble(self, words: int) -> None:
        """Let the homeserver carry nothing out until so many words were said."""
        self.world.homeserver.away = True
        self.until_back = words

    @rule(who=st.sampled_from(PEOPLE), level=st.sampled_from((5, 50)))
    def meddle(self, who: str, level: int) -> None:
        """Let the owner of the room change somebody's rank."""
        self.world.homeserver.levels[self.world.room]["users"][user(who)] = level
        self.meddled.add(user(who))

    @rule(strict=st.booleans())
    def change_ladder(self, strict: bool) -> None:
        self.run(self._change_ladder(2 if strict else 4))

    async def _change_ladder(self, second: int) -> None:
        self.versions += 1
        now = self.world.app.setting
        bands = {History.H0: 0, History.H1: 1, History.H2: second, History.H3: 9}
        law = replace(
            now.ladder, version=str(self.versions), effective_from=self.world.clock(), bands=bands
        )
        await put_in_force(self.world, law)

    # What holds ----------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            self.run(self._rest())
        finally:
            self.run(self.context.__aexit__(None, None, None))
            self.runner.close()
            self.folder.cleanup()

    async def _rest(self) -> None:
        """Let all that waits be done, and compare; then let every measure end, and compare again."""
        if not self.cases:
            return
        world = self.world
        await self._back()
        await self._records()
        await self._nothing_waits()
        self._as_wanted(await self._sanctions())
        for case, _ in self.cases:
            for who in ("ravi", "otto"):
                await world.review(who, f"!policy uphold {case} {WHY}")
            for _ in range(2):  # a hold and a decision
                await world.review("mira", f"!policy lift {case} {WHY}")
        await self._nothing_waits()
        self._as_wanted(found := await self._sanctions())
        assert not [one for one in found.values() if one.state in BINDING]
        async with world.database.transaction(reading=True) as tx:
            over = await filings.hidden(tx, world.room)  # its own time may be over by now
        if not over:
            assert str(self._room()) == self.room_before, "I16: the room is as it was"
        async with world.database.transaction(reading=True) as tx:
            assert [one async for one in audit.verify(tx) if not isinstance(one, int)] == [], "I21"

    async def _back(self) -> None:
        """Let the homeserver be there again, and people retry what was given up meanwhile."""
        world = self.world
        world.homeserver.away = False
        await world.tick(minutes=11)
        async with world.database.transaction(reading=True) as tx:
            dead = await tx.fetch("SELECT id FROM outbox WHERE state = 'dead' ORDER BY id")
        for row in dead:
            await world.review("otto", f"!policy retry {row['id']}")
        for _ in range(2):
            await world.tick(minutes=11)

    async def _sanctions(self) -> dict[int, Sanction]:
        found = {}
        async with self.world.database.transaction(reading=True) as tx:
            for row in await tx.fetch("SELECT decision_id FROM sanctions ORDER BY decision_id"):
                one = await sanctions.of_decision(tx, row["decision_id"])
                assert one is not None
                found[one.decision_id] = one
        return found

    async def _nothing_waits(self) -> None:
        async with self.world.database.transaction(reading=True) as tx:
            waiting = await outbox.waiting(tx, 0, 100)
            dead = await tx.fetch("SELECT event_id, error FROM dead_events")
        assert waiting == []
        assert not dead, [row["error"] for row in dead]

    def _as_wanted(self, found: dict[int, Sanction]) -> None:
        """I16: desired = observed."""
        home, room = self.world.homeserver, self.world.room
        wanted = {e for one in found.values() if one.state in BINDING for e in one.restraints}
        for who in map(user, PEOPLE):
            level = home.levels[room]["users"].get(who)
            if RestrictMember(room, who) not in wanted:
                assert level != -1, f"I16: {who} is free"
                assert who in self.meddled or level is None, f"I16: {who} is as before"
            elif who not in self.meddled:
                assert level == -1, f"I16: {who} is bound"
        suspended = {e.user_id for e in wanted if isinstance(e, SuspendAccount)}
        assert home.suspended == suspended, "I16"
        frozen = FreezeRoom(room) in wanted
        assert (home.levels[room].get("events_default", 0) == 100) is frozen, "I16"

    async def _records(self) -> None:
        """What the record says of itself."""
        world, now = self.world, self.world.clock()
        found = await self._sanctions()
        of_case: defaultdict[int, list[Sanction]] = defaultdict(list)
        async with world.database.transaction(reading=True) as tx:
            numbers = [row["id"] for row in await tx.fetch("SELECT id FROM decisions ORDER BY id")]
            made = [one for n in numbers if (one := await decisions.get(tx, n)) is not None]
            flagged = {r["decision_id"] for r in await tx.fetch("SELECT decision_id FROM rechecks")}
            came["rechecks"] += len(flagged)
            for one in made:
                came[one.state] += 1
                assert one.decider.startswith("@"), "I20: a person has decided it"
                if (sanction := found.get(one.id)) is not None:
                    of_case[one.case_id].append(sanction)
                    stands = sanction.state in BINDING | {rules.State.STAYED}
                    assert one.state in IN_FORCE or not stands, "I16: none outlives its decision"
                if one.state is State.OVERTURNED and one.nature is Nature.DECISION:
                    later = await world.app.services.rechecks.foresee(tx, one)
                    assert {r.decision_id for r in later} <= flagged, "I18"
        for case_id, several in of_case.items():
            spans = [(s.measure.duration or timedelta(0), s.interim) for s in several]
            held = sum((span for span, interim in spans if interim), timedelta(0))
            imposed = max([held, *(span for span, interim in spans if not interim)])
            endless = any(s.measure.duration is None for s in several)
            served = max(rules.ran(s, now) for s in several)
            assert endless or served <= imposed, f"I17: C-{case_id}: {served} of {imposed}"
        for who in (*PEOPLE, "anna"):
            for case_id in of_case:
                told = sum(text.startswith(f"Decision C-{case_id}\n") for text in world.told(who))
                known = sum(d.case_id == case_id and d.nature is not Nature.HOLD for d in made)
                assert told <= known, f"I25: {who} of C-{case_id}"
        for event in world.homeserver.redacted:
            done = [
                e for e in world.homeserver.performed if isinstance(e, Redact) and e.event_id == event
            ]
            assert done, "I13"


def test_i16_i17_i18_i20_i25_whatever_happens_the_homeserver_is_as_the_record_wants_it() -> None:
    """A walk of chance in which all rules come up; shrunk to the shortest when something falls over."""
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Unwound,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=EXAMPLES == 5,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    assert came[State.OVERTURNED], came
    assert came[State.FINAL], came
