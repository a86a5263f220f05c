"""Deciding and undoing in any order, with crashes: in the end the homeserver is as the record wants it.

Ladders change meanwhile, in earnest and in shadow; people do wrong again once they know; something is
handed to authorities, accounts are told to other communities, rooms refused. See `tests.at_rest`.

`UNWOUND_EXAMPLES=1000 UNWOUND_STEPS=60 pytest tests/flows/test_unwound.py` walks longer; with
`UNWOUND_POSTGRES=1` on PostgreSQL.
"""

import asyncio
import contextlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Coroutine
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
from policybot.domain.effects import ExcludeMember, Redact, RestrictMember, SuspendAccount
from policybot.domain.errors import Refused
from policybot.domain.measure import Kind
from policybot.domain.room_measure import FreezeRoom
from policybot.domain.sanction import BINDING, Sanction
from policybot.store import decisions, filings, outbox, sanctions
from policybot.store.database import from_ms, to_ms
from tests import at_rest, files, staffed
from tests.flows.test_decisions_invariants import Killed, kill_at
from tests.flows.test_personal_holds import second_room
from tests.flows.test_publishing_lists import with_list
from tests.laddering import bring, in_force, ladder
from tests.postgres import postgres, ready_database
from tests.referring import CONFIGURED
from tests.world import BOT, REVIEW, World, user
from tests.world import world as make_world

EXAMPLES = int(os.environ.get("UNWOUND_EXAMPLES", "5"))
STEPS = int(os.environ.get("UNWOUND_STEPS", "24"))
POSTGRES = "UNWOUND_POSTGRES" in os.environ
PEOPLE = ("tom", "otis", "zoe")
WHY = "That is what was found on looking at all of it"
MEASURES = (
    "warn+remove",
    "restrict:P3D",
    "restrict:P7D+remove",
    "restrict:P30D",
    "suspend:P7D",
    "proposed",
    "close",
)
EVE = "@eve:elsewhere.net"
STAFF = {
    user("mira"): ["moderator", "privacy"],
    user("otto"): ["moderator", "appeals"],
    user("ravi"): ["reviewer", "appeals", "privacy"],
}
SPILL = {"to": "account", "factor": "1/2", "from_rooms": 2}
LADDERS: tuple[dict[str, Any], ...] = (
    {"history.bands": {"H0": 0, "H1": 1, "H2": 2, "H3": 9}},
    {"history.bands": {"H0": 0, "H1": 1, "H2": 4, "H3": 9}},
    {"scopes.member.spill": SPILL},
    {"scopes.member.spill": SPILL, "history.window": "half_life", "history.half_life": "P30D"},
)
MOST_CASES = 14
came: Counter[str] = Counter()
"""How often what came about, so that it is known to be about something."""
sockets: list[str] = []
"""Where a PostgreSQL server listens, if it is to be there."""


class Unwound(RuleBasedStateMachine):
    """A world in which people decide, appeal and undo, things break, and others meddle."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.runner = asyncio.Runner()
        url = self.run(ready_database(sockets[0])) if sockets else ""
        self.context = make_world(Path(self.folder.name), url, staff=STAFF, referrals=CONFIGURED)
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
        self.late = timedelta(0)
        """For how long nothing ran, so that nothing ended in time."""
        self.market = ""
        self.refused = 0

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
            for _ in range(2):
                self.nothing_runs(timedelta(seconds=61))  # leases run out, and it is sent again
                await world.deliver(**event)
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

    @initialize(who=st.sampled_from(PEOPLE), undone=st.sampled_from(("", "overturn", "modify")))
    def begin(self, who: str, undone: str) -> None:
        self.run(self.world.governed_room())
        self.market = self.run(second_room(self.world))
        with_list(self.world)
        for one in ("mira", "ravi"):  # that two people hand something over has to be known
            self.run(self.world.verified(one))
        for one in PEOPLE:
            self.run(self.world.direct(one))
        self.room_before = str(self._room())
        for one in PEOPLE:
            self.run(self._reported(one))
        self.tried.append(self.cases[0])
        self.run(self.staff("mira", f"decide C-1 R2 S3 restrict:P7D+remove {WHY} // {WHY}"))
        self.run(self._again(who, ["R2 S3", "R2 S2"], 9, elsewhere=False, undone=undone))

    def _room(self) -> object:
        home, room = self.world.homeserver, self.world.room
        levels = {key: value for key, value in home.levels[room].items() if key != "users"}
        levels.setdefault("events_default", 0)
        return levels, room in home.directory, home.labels.get(room), home.banners.get(room)

    async def _reported(self, who: str, *, room: bool = False, where: str = "") -> str:
        world, number = self.world, len(self.cases) + 1
        where = where or world.room
        if room:
            answer = await world.say("lea", f"!policy report {where} R2 All of them threaten us")
        elif who == EVE:
            answer = await world.say("lea", f"!policy report {EVE} R2 Threatens us all the time")
        else:
            event = await world.message(who, f"Message {number} of {who}", where)
            link = f"https://matrix.to/#/{where}/{event}"
            answer = await world.say("lea", f"!policy report {link} R2 They threaten us")
        assert answer or world.homeserver.away
        async with world.database.transaction(reading=True) as tx:
            row = await tx.first("SELECT MAX(id) AS id FROM cases")
        assert row is not None
        self.cases.append((f"C-{row['id']}", "anna" if room else who))
        return self.cases[-1][0]

    @precondition(lambda self: len(self.cases) < MOST_CASES)
    @rule(who=st.sampled_from(PEOPLE), room=st.integers(0, 5).map(lambda n: n == 0))
    def report(self, who: str, room: bool) -> None:
        self.run(self._reported(who, room=room))

    @precondition(lambda self: len(self.cases) < MOST_CASES - 1)
    @rule(
        who=st.sampled_from(PEOPLE),
        what=st.lists(
            st.sampled_from(("R1 S2", "R2 S2", "R2 S3", "R3 S2", "R3 S3")), min_size=2, max_size=2
        ),
        days=st.sampled_from((1, 4, 9)),
        elsewhere=st.booleans(),
        undone=st.sampled_from(("", "overturn", "overturn", "modify")),
    )
    def again(self, who: str, what: list[str], days: int, elsewhere: bool, undone: str) -> None:
        """Let somebody do wrong again once they know; perhaps the first decision falls then."""
        self.run(self._again(who, what, days, elsewhere=elsewhere, undone=undone))

    async def _again(
        self, who: str, what: list[str], days: int, *, elsewhere: bool, undone: str
    ) -> None:
        first = ""
        for n, words in enumerate(what):
            case = await self._reported(who, where=self.market if n and elsewhere else "")
            first = first or case
            self.tried.append((case, who))
            await self.staff("mira", f"decide {case} {words} proposed {WHY}")
            await self._pass(timedelta(days=days if n == 0 else 1))
        if undone:
            await self.says(who, f"!direct-{user(who)}", f"!policy appeal {first} {WHY}")
            await self._review(first, undone)

    @precondition(lambda self: len(self.cases) < MOST_CASES)
    @rule(measure=st.sampled_from(("suspend:P7D+publish", "suspend:P7D", "suspend:P30D+publish")))
    def tell_others(self, measure: str) -> None:
        """Decide about somebody of another server, and perhaps tell other communities."""
        self.run(self._tell_others(measure))

    async def _tell_others(self, measure: str) -> None:
        case = await self._reported(EVE)
        self.tried.append((case, EVE))
        await self.staff("mira", f"decide {case} R2 S3 {measure} {WHY} // {WHY}")

    @rule(number=st.integers(0, MOST_CASES), agreed=st.booleans())
    def refer(self, number: int, agreed: bool) -> None:
        """Hand something of a case over to an authority, or only propose it."""
        self.run(self._refer(self.cases[number % len(self.cases)][0], agreed=agreed))

    async def _refer(self, case: str, *, agreed: bool) -> None:
        world, here = self.world, await self.world.direct("mira")
        answer = await self.says("mira", here, f"!policy refer {case} police order +rule +time {WHY}")
        codes = re.findall(r"(?<=!policy confirm )\w+", "\n".join(world.told("ravi")[-1:]))
        if "REF-" not in answer or not (agreed and codes):
            return
        number = re.findall(r"REF-\d+", answer)[0]
        await self.says("ravi", await world.direct("ravi"), f"!policy confirm {codes[-1]}")
        before = len(world.told("mira"))
        await self.says("mira", here, f"!policy handover {number}")
        for token in re.findall(r"(?<=/referral/)\S+", "\n".join(world.told("mira")[before:])):
            with contextlib.suppress(Refused):
                async with world.database.transaction() as tx:
                    await world.app.services.referrals.take(tx, token)
                came["handed over"] += 1
            await world.work()

    @precondition(lambda self: self.refused < 2 and not self.world.homeserver.away)
    @rule(verdict=st.sampled_from(("", "uphold", "overturn")))
    def refuse(self, verdict: str) -> None:
        """Refuse another room of Anna's; she appeals."""
        self.run(self._refuse(verdict))

    async def _refuse(self, verdict: str) -> None:
        self.refused += 1
        world, room = self.world, f"!refused{self.refused}:example.org"
        world.homeserver.levels[room] = {"users": {user("anna"): 100}}
        await world.deliver(
            type="m.room.member",
            room_id=room,
            sender=user("anna"),
            state_key=BOT,
            content={"membership": "invite"},
        )
        here = await world.direct("anna")
        answer = await self.says("anna", here, f"!policy file {room} general Neighbours talk of gardens")
        for number in re.findall(r"F-\d+", answer)[:1]:
            await self.staff("ravi", f"reject {number} {WHY}")
            await self.says("anna", here, f"!policy appeal {number} {WHY}")
            if verdict:
                await self.staff("otto", f"{verdict} {number} {WHY}")
                came["refusals appealed"] += 1

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
    def withdraw(self, number: int) -> None:
        """Let whoever appealed take it back."""
        case, who = self.tried[-1 - number % min(len(self.tried), 4)]
        answer = self.run(self.says(who, f"!direct-{user(who)}", f"!policy withdraw {case}"))
        came["taken back"] += "taken back" in answer

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
        self.run(self._pass(timedelta(hours=hours)))

    async def _pass(self, span: timedelta) -> None:
        """Let time pass, and the clock strike whenever something ends."""
        until = self.world.clock() + span
        while (now := self.world.clock()) < until:
            async with self.world.database.transaction(reading=True) as tx:
                ends = await tx.value(
                    "SELECT MIN(ends_at) AS value FROM sanctions WHERE state = 'active'"
                    " AND ends_at > $1",
                    to_ms(now),
                )
            await self._tick(min(until, from_ms(ends) if ends else until) - now)

    async def _tick(self, span: timedelta) -> None:
        await self.world.tick(seconds=span.total_seconds())

    @rule(hours=st.sampled_from((5, 100)))
    def nothing_runs_for(self, hours: int) -> None:
        """Let the bot be away, so that nothing ends in time."""
        self.nothing_runs(timedelta(hours=hours))
        self.run(self._tick(timedelta(0)))

    def nothing_runs(self, span: timedelta) -> None:
        self.late += span
        self.world.clock.pass_time(seconds=span.total_seconds())

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

    @precondition(lambda self: not self.world.homeserver.away)
    @rule(what=st.sampled_from(LADDERS), shadow=st.booleans())
    def change_ladder(self, what: dict[str, Any], shadow: bool) -> None:
        """Bring another version, and put it in force as people do; or only try it in shadow."""
        self.run(self._change_ladder(what, shadow=shadow))

    async def _change_ladder(self, what: dict[str, Any], *, shadow: bool) -> None:
        self.versions += 1
        version, world = str(self.versions), self.world
        await bring(world, ladder(version, what))
        await self.staff("mira", f"ladder {version} shadow")
        if shadow:
            return
        await self.staff("mira", f"ladder {version} test")
        await self._tick(timedelta(seconds=15))
        answer = await self.says("mira", REVIEW, f"!policy ladder {version} propose")
        for code in re.findall(r"(?<=!policy confirm )\w+", answer)[:1]:
            for who in ("otto", "ravi"):
                await self.says(who, REVIEW, f"!policy confirm {code}")
        await self._pass(timedelta(days=15))
        came["ladders in force"] += await in_force(world) == version

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
        await at_rest.holds(world)
        came["looked at"] += await at_rest.somebody_looks(world)
        for case, _ in self.cases:
            for who in ("ravi", "otto"):
                await world.review(who, f"!policy uphold {case} {WHY}")
            for _ in range(2):  # a hold and a decision
                await world.review("mira", f"!policy lift {case} {WHY}")
        await self._nothing_waits()
        self._as_wanted(found := await self._sanctions())
        assert not [one for one in found.values() if one.state in BINDING]
        assert world.homeserver.lists.ours() == {}, "I16: nobody is told to other communities"
        async with world.database.transaction(reading=True) as tx:
            over = await filings.hidden(tx, world.room)  # its own time may be over by now
        if not over:
            assert str(self._room()) == self.room_before, "I16: the room is as it was"
        await at_rest.holds(world)

    async def _back(self) -> None:
        """Let the homeserver be there again, and people retry what was given up meanwhile."""
        world = self.world
        world.homeserver.away = False
        self.late += timedelta(minutes=33)
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
        for room in (self.world.room, self.market):
            self._room_as_wanted(found, room)
        wanted = {e for one in found.values() if one.state in BINDING for e in one.restraints}
        excluded = {(e.room_id, e.user_id) for e in wanted if isinstance(e, ExcludeMember)}
        assert self.world.homeserver.banned == excluded, "I16"

    def _room_as_wanted(self, found: dict[int, Sanction], room: str) -> None:
        home = self.world.homeserver
        wanted = {e for one in found.values() if one.state in BINDING for e in one.restraints}
        for who in map(user, PEOPLE):
            level = home.levels[room]["users"].get(who)
            if RestrictMember(room, who) not in wanted:
                assert level != -1, f"I16: {who} is free"
                meddled = who in self.meddled and room == self.world.room
                assert meddled or level is None, f"I16: {who} is as before"
            elif who not in self.meddled or room != self.world.room:
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
                came["closures"] += one.measure.kind is Kind.CLOSE
                if (sanction := found.get(one.id)) is not None:
                    of_case[one.case_id].append(sanction)
                    stands = sanction.state in BINDING | {rules.State.STAYED}
                    assert one.state in IN_FORCE or not stands, "I16: none outlives its decision"
                if one.state is State.OVERTURNED and one.nature is Nature.DECISION:
                    later = await world.app.services.rechecks.foresee(tx, one)
                    assert {r.decision_id for r in later} <= flagged, f"I18: {later}, not {flagged}"
        for case_id, several in of_case.items():
            spans = [(s.measure.duration or timedelta(0), s.interim) for s in several]
            held = sum((span for span, interim in spans if interim), timedelta(0))
            imposed = max([held, *(span for span, interim in spans if not interim)])
            endless = any(s.measure.duration is None for s in several)
            served = max(rules.ran(s, now) for s in several)
            assert endless or served <= imposed + self.late, f"I17: C-{case_id}: {served} of {imposed}"
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
    """A walk of chance in which all rules come up; shrunk to the shortest when something falls over.

    I15, I21, I24 as well.
    """
    from hypothesis.stateful import run_state_machine_as_test

    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setitem(files.CODES, "ravi", staffed.STAFF["ravi"])
        patch.setitem(files.NAMES, "ravi", "Ravi Canary-ravi")
        if POSTGRES:
            sockets.append(stack.enter_context(postgres()))
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
    assert came["looked at"], came
    print(dict(came))
