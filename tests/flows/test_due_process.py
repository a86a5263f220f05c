"""Whatever happens in whatever order: what binds is what was decided, for no longer, and always ends."""

import asyncio
import tempfile
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from policybot.domain.decision import IN_FORCE, Decision
from policybot.domain.effects import ExcludeMember, RestrictMember, SuspendAccount
from policybot.domain.measure import Kind
from policybot.domain.sanction import BINDING, Sanction, State
from policybot.store import decisions, sanctions
from policybot.store.database import from_ms, to_ms
from tests.flows.test_personal_holds import second_room
from tests.world import World, user
from tests.world import world as make_world

PEOPLE = ("tom", "zoe")
FACTS = "Did what the rule forbids, more than once"
MEASURES = ("warn", "restrict:P1D", "restrict:P7D", "suspend:P7D", "close")
cases = st.integers(0, 5)
steps = st.one_of(
    st.tuples(
        st.just("decide"),
        st.sampled_from(PEOPLE),
        st.sampled_from(MEASURES),
        st.sampled_from(["R2", "R3"]),
    ),
    st.tuples(st.just("conclude"), cases, st.sampled_from(MEASURES), st.sampled_from(["R2", "R3"])),
    st.tuples(st.just("hold"), st.sampled_from(PEOPLE), st.sampled_from(["R2", "R3"])),
    st.tuples(st.sampled_from(["appeal", "uphold", "overturn", "modify", "lift", "dismiss"]), cases),
    st.tuples(st.just("wait"), st.integers(1, 200)),
    st.tuples(st.sampled_from(["away", "back", "crash", "refuse", "file"])),
)


class Trial:
    """One world in which steps are taken, and what was served in it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.numbers: list[int] = []
        self.served: defaultdict[int, timedelta] = defaultdict(timedelta)
        """How long somebody was bound in each case."""
        self.filed = False

    async def take(self, step: tuple[Any, ...]) -> None:  # noqa: C901 - one line for each step
        """Take a step; what is out of order is refused in words."""
        match step:
            case ("decide", who, measure, rule):
                await self.decide(await self.case(who), measure, rule)
            case ("conclude", number, measure, rule) if self.numbers:
                await self.decide(self.which(number), measure, rule)
            case ("hold", who, rule):
                await self.world.review("mira", f"!policy hold {await self.case(who)} {rule} {FACTS}")
            case ("wait", hours):
                await self.wait(timedelta(hours=hours))
            case ("file",):
                home = self.world.homeserver
                if self.filed or home.away or home.before_answer:
                    return
                self.filed = True
                await second_room(self.world)
            case ("away",):
                self.world.homeserver.away = True
            case ("back",):
                self.world.homeserver.away = False
                self.world.homeserver.refuses.clear()
            case ("refuse",):
                self.world.homeserver.refuses[RestrictMember] = "403 M_FORBIDDEN"
            case ("crash",):
                self.world.homeserver.before_answer = self.die
            case (verb, number) if self.numbers:
                await self.about(verb, self.which(number))

    def which(self, number: int) -> str:
        """Name one of the cases that there are."""
        return f"C-{self.numbers[number % len(self.numbers)]}"

    async def about(self, verb: str, case: str) -> None:
        """Do something about a case."""
        if verb == "appeal":
            for who in PEOPLE:
                await self.world.say(who, f"!policy appeal {case} I have not done such a thing")
        elif verb == "modify":
            await self.world.review("ravi", f"!policy modify {case} restrict:P1D It was not so grave")
        else:
            by = "mira" if verb in ("lift", "dismiss") else "ravi"
            await self.world.review(by, f"!policy {verb} {case} That is what was found on looking")

    def die(self, effect: object) -> None:
        """Die once, after something was done and before that is known."""
        del effect
        self.world.homeserver.before_answer = None
        raise RuntimeError

    async def case(self, who: str) -> str:
        """Have an undecided case about somebody."""
        event = await self.world.message(who, "Something", self.world.room)
        link = f"https://matrix.to/#/{self.world.room}/{event}"
        await self.world.say("lea", f"!policy report {link} R2 He has done it")
        async with self.world.database.transaction(reading=True) as tx:
            number = int(await tx.value("SELECT MAX(id) AS value FROM cases"))
        self.numbers.append(number)
        return f"C-{number}"

    async def decide(self, case: str, measure: str, rule: str) -> None:
        """Decide, and have it confirmed by another person if that is asked for."""
        answer = await self.world.review("mira", f"!policy decide {case} {rule} S4 {measure} {FACTS}")
        if "!policy confirm " in answer:
            code = answer.split("!policy confirm ")[1].split()[0]
            await self.world.review("otto", f"!policy confirm {code}")

    async def everything(self) -> list[tuple[Decision, Sanction]]:
        """Read every decision with its sanction."""
        async with self.world.database.transaction(reading=True) as tx:
            rows = await tx.fetch("SELECT decision_id FROM sanctions ORDER BY decision_id")
            found = []
            for row in rows:
                decision = await decisions.get(tx, row["decision_id"])
                sanction = await sanctions.of_decision(tx, row["decision_id"])
                assert decision is not None
                assert sanction is not None
                found.append((decision, sanction))
        return found

    async def wait(self, span: timedelta) -> None:
        """Let time pass, with the clock striking whenever something ends; count what is served."""
        until = self.world.clock() + span
        while (now := self.world.clock()) < until:
            to = await self._next(now, until)
            bound = {
                d.case_id
                for d, s in await self.everything()
                if s.state is State.ACTIVE or (s.interim and s.state in BINDING)
            }
            for case_id in bound:
                self.served[case_id] += to - now
            await self.world.tick(seconds=(to - now).total_seconds())

    async def _next(self, now: datetime, until: datetime) -> datetime:
        async with self.world.database.transaction(reading=True) as tx:
            end = await tx.value(
                "SELECT MIN(ends_at) AS value FROM sanctions WHERE state IN ('planned', 'active')"
                " AND ends_at > $1",
                to_ms(now),
            )
        return until if end is None else min(until, from_ms(end))

    async def settle(self) -> None:
        """Mend everything, and let all that waits be done."""
        home = self.world.homeserver
        home.away, home.before_answer = False, None
        home.refuses.clear()
        async with self.world.database.transaction(reading=True) as tx:
            rows = await tx.fetch("SELECT id FROM outbox WHERE state = 'dead'")
        for row in rows:
            await self.world.review("mira", f"!policy retry {row['id']}")
        for _ in range(3):
            await self.wait(timedelta(minutes=1))

    async def check(self) -> None:
        """I15, I16, I17: see `facts` of the trial against the homeserver."""
        home, wanted = self.world.homeserver, set()
        longest: defaultdict[int, timedelta] = defaultdict(timedelta)
        for decision, sanction in await self.everything():
            span = decision.measure.duration
            longest[decision.case_id] = max(longest[decision.case_id], span or timedelta.max)
            if sanction.state not in BINDING:
                continue
            wanted |= set(sanction.restraints)
            assert decision.state in IN_FORCE, "I16: no sanction outlives its decision"
            assert sanction.state is State.ACTIVE, "I16: all is done"
            ends = sanction.ends_at is not None or sanction.measure.kind is Kind.CLOSE
            assert ends, "I15: every active sanction has an end, or is a closure"
            assert sanction.ends_at is None or sanction.ends_at > self.world.clock(), "I16: it is over"
        seen: set[object] = {SuspendAccount(who) for who in home.suspended}
        seen |= {ExcludeMember(room, who) for room, who in home.banned}
        seen |= {
            RestrictMember(room, who)
            for room, content in home.levels.items()
            for who, level in content["users"].items()
            if level == -1
        }
        assert seen == wanted, "I16: what binds is what was decided"
        for case_id, served in self.served.items():
            assert served <= longest[case_id], "I17: nobody serves more than was imposed"


async def trial(taken: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with make_world(Path(folder)) as world:
            await world.governed_room()
            one = Trial(world)
            for step in taken:
                await one.take(step)
            await one.settle()
            await one.check()
            await one.wait(timedelta(days=30))
            await one.settle()
            await one.check()
            for who in PEOPLE:
                told = [text for text in world.told(who) if text.startswith("Decision")]
                assert len(told) == len(set(told)), "each notice comes once"
            assert user("lea") not in world.homeserver.suspended


@given(st.lists(steps, min_size=2, max_size=10))
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@example([("hold", "tom", "R2"), ("wait", 20), ("conclude", 0, "restrict:P1D", "R2"), ("wait", 3)])
@example([("decide", "tom", m, "R3") for m in ("restrict:P1D", "restrict:P7D")] + [("wait", 30)])
@example([("decide", "tom", "suspend:P7D", r) for r in ("R2", "R2")] + [("lift", 0)])
@example([("hold", "tom", "R3"), ("wait", 20), ("conclude", 0, "suspend:P7D", "R3"), ("lift", 0)])
@example([("decide", "tom", "suspend:P7D", "R3"), ("wait", 50), ("appeal", 0), ("overturn", 0)])
@example([("away",), ("decide", "tom", "restrict:P1D", "R3"), ("back",), ("file",), ("wait", 30)])
@example([("refuse",), ("decide", "tom", "restrict:P7D", "R2"), ("wait", 90), ("lift", 0)])
@example([("decide", "tom", "close", "R2"), ("appeal", 0), ("modify", 0), ("crash",), ("wait", 9)])
def test_i15_i16_i17_in_any_order_what_binds_is_what_was_decided(taken: list[tuple[Any, ...]]) -> None:
    asyncio.run(trial(taken))
