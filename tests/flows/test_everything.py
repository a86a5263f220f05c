"""All of it upon each other, in any order: who reports is answered, and nothing is decided by halves.

A walk of chance through the doors for reports, merging, splitting, deciding alone and in bulk, undoing,
objecting, appealing, time, faults of the homeserver and crashes. What must always hold is looked at
after each step; in the end everything comes to rest, and then to its end.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from policybot.domain.case import Subject, SubjectKind
from policybot.domain.effects import Redact
from policybot.domain.errors import Refused
from policybot.domain.permission import Role
from policybot.domain.report import UNSORTED
from policybot.services.intake import Told
from policybot.store import audit, reports
from policybot.store.database import DatabaseAway, Stale
from tests.reporting import rows
from tests.world import REVIEW, World, user
from tests.world import world as make_world

PEOPLE = ("tom", "otis", "zoe")
READERS = ("lea", "nora", "olaf", "tom")
STAFF = ("mira", "otto", "ravi")
WHY = "That is what was found on looking at all of it"
UNDECIDED = ("open", "claimed", "pending_approval")
MEASURES = (
    "warn",
    "warn+remove",
    "restrict:P3D",
    "restrict:P3D+remove",
    "suspend:P7D",
    "warn+remove:P1D",
)
STEPS = 90


class Walk:
    """A world in which anything happens."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)  # noqa: S311 - the same every time
        self.events: list[tuple[str, str]] = []
        self.codes: list[str] = []
        self.done: dict[str, int] = {}
        self.sent = 0
        self.judged: set[int] = set()
        """The reports about which an objection was decided."""

    async def begin(self) -> None:
        await self.world.governed_room()
        for who in PEOPLE * 2:
            event = await self.world.message(who, f"Something of {who}", self.world.room)
            self.events.append((event, who))

    # Steps ---------------------------------------------------------------------------------------

    async def step(self, *, calm: bool = False) -> str:
        """Let somebody do something; say what. If it is `calm`, no time passes and nothing breaks."""
        acts: dict[str, tuple[int, Callable[[], Awaitable[None]]]] = {
            "report": (14, self.report),
            "write": (2, self.write),
            "work": (14, self.work),
            "decide": (10, self.decide),
            "confirm": (7, self.confirm),
            "bulk": (6, self.bulk),
            "undo": (5, self.undo),
            "object": (8, self.complain),
            "review": (9, self.review),
            "appeal": (6, self.appeal),
            "hold": (2, self.hold),
            "time": (6, self.time),
            "trouble": (4, self.trouble),
        }
        if calm:
            del acts["time"], acts["trouble"]
        name = self.chance.choices(list(acts), [weight for weight, _ in acts.values()])[0]
        await acts[name][1]()
        self.done[name] = self.done.get(name, 0) + 1
        return name

    async def some(self, sql: str) -> Any:
        """Pick one of the values that a question gives; None if there are none."""
        found = await rows(self.world, sql)
        return self.chance.choice(found)["one"] if found else None

    async def case(self, *states: str) -> str:
        names = ", ".join(f"'{state}'" for state in states or UNDECIDED)
        one = await self.some(f"SELECT id AS one FROM cases WHERE state IN ({names}) ORDER BY id")  # noqa: S608 - our own
        return f"C-{one or 1}"

    async def staff(self, text: str, who: str = "") -> str:
        """Let one of the operator's people type something; keep the codes of the answer."""
        answer = await self.world.review(who or self.chance.choice(STAFF), f"!policy {text}")
        for before in ("!policy confirm ", "!policy undo "):
            if before in answer:
                self.codes.append(answer.split(before)[1].split()[0])
        return answer

    async def report(self) -> None:
        event, author = self.chance.choice(self.events)
        subject = Subject(SubjectKind.EVENT, self.world.room, event, author and user(author))
        if (what := self.chance.random()) < 0.1:
            subject = Subject(SubjectKind.ROOM, self.world.room)
        elif what < 0.2:
            subject = Subject(SubjectKind.USER, user_id=user(author))
        told, intake = Told(subject, UNSORTED, "Look at this please"), self.world.app.services.intake
        self.sent += 1
        try:
            async with self.world.database.transaction() as tx:
                match self.chance.choice(("command", "command", "command", "form", "proxy", "tool")):
                    case "form":
                        await intake.from_guest(tx, told)
                    case "proxy":
                        reader = user(self.chance.choice(READERS))
                        await intake.relayed(tx, reader, told, self.world.clock())
                    case "tool":
                        await intake.from_tool(tx, "filter", str(self.sent), told)
                    case _:
                        reader = user(self.chance.choice(READERS))
                        service = self.world.app.services.reports
                        await service.report(tx, reader, subject, "R1", "Look at this please")
        except Refused:
            pass
        await self.world.work()

    async def write(self) -> None:
        who = self.chance.choice(PEOPLE)
        self.events.append((await self.world.message(who, f"More of {who}", self.world.room), who))

    async def work(self) -> None:
        case, other = await self.case(), await self.case()
        report = await self.some("SELECT id AS one FROM reports WHERE state = 'attached' ORDER BY id")
        match self.chance.choice(
            ("merge", "merge", "split", "dismiss", "dismiss", "claim", "release", "note")
        ):
            case "merge":
                await self.staff(f"merge {case} {other} {WHY}", "mira")
            case "split":
                inside = await self.some(
                    "SELECT r.id AS one FROM reports r JOIN cases c ON c.id = r.case_id WHERE"
                    " r.state = 'attached' AND r.subject_key <> c.subject_key ORDER BY r.id"
                )
                found = await rows(
                    self.world, "SELECT case_id FROM reports WHERE id = $1", inside or report or 0
                )
                if found:
                    await self.staff(f"split C-{found[0]['case_id']} R-{inside or report}", "mira")
            case "dismiss":
                await self.staff(f"dismiss {case} {WHY}")
            case verb:
                await self.staff(f"{verb} {case} {WHY if verb == 'note' else ''}")

    async def decide(self) -> None:
        measure, severity = self.chance.choice(MEASURES), self.chance.choice(("S1", "S2", "S3"))
        rule = self.chance.choice(("R1", "R2", "R3"))
        await self.staff(f"decide {await self.case()} {rule} {severity} {measure} {WHY} // {WHY}")

    async def confirm(self) -> None:
        if self.codes:
            verb = self.chance.choice(("confirm", "confirm", "confirm", "deny"))
            await self.staff(f"{verb} {self.chance.choice(self.codes[-4:])}")

    async def bulk(self) -> None:
        some = ",".join({await self.case() for _ in range(3)})
        what = f"R1 S2 {self.chance.choice(MEASURES)} {WHY} // {WHY}"
        if self.chance.random() < 0.6:
            what = f"dismiss {WHY}"
        who = self.chance.choice(("mira", "otto"))
        answer = await self.staff(f"bulk {some} {what}", who)
        if "!policy confirm " in answer:
            await self.staff(f"confirm {answer.split('!policy confirm ')[1].split()[0]}", who)

    async def undo(self) -> None:
        code = await self.some("SELECT code AS one FROM batches WHERE state = 'done' ORDER BY id")
        if code:
            await self.staff(f"undo {code} {WHY}")

    async def complain(self) -> None:
        one = await self.some("SELECT id AS one FROM reports WHERE outcome = 'no_breach' ORDER BY id")
        if one is None:
            return
        async with self.world.database.transaction(reading=True) as tx:
            report = await reports.get(tx, one)
        assert report is not None, f"R-{one} cannot be found"
        if report.account is not None:
            await self.world.say(report.account, f"!policy object R-{one} {WHY}")
            return
        try:
            async with self.world.database.transaction() as tx:
                await self.world.app.services.complaints.object(tx, report, WHY)
        except Refused:
            pass
        await self.world.work()

    async def review(self) -> None:
        verdict = self.chance.choice(("uphold", "overturn", "overturn"))
        report = await self.some(
            "SELECT report_id AS one FROM appeals WHERE state = 'submitted' AND kind = 'report'"
            " ORDER BY id"
        )
        case = await self.some(
            "SELECT case_id AS one FROM appeals WHERE state = 'submitted' AND kind = 'decision'"
            " ORDER BY id"
        )
        number = (
            f"R-{report}" if report and (case is None or self.chance.random() < 0.6) else f"C-{case}"
        )
        answered = "SELECT id, resolved_by FROM reports WHERE resolved_by IS NOT NULL"
        before = {row["id"]: row["resolved_by"] for row in await rows(self.world, answered)}
        who = self.chance.choice(STAFF)
        await self.staff(f"{verdict} {number} {WHY}", who)
        for row in await rows(
            self.world,
            "SELECT report_id, reviewer FROM appeals WHERE state <> 'submitted' AND kind = 'report'",
        ):
            if row["report_id"] not in self.judged:
                self.judged.add(row["report_id"])
                assert row["reviewer"] != before.get(row["report_id"]), "I14"

    async def appeal(self) -> None:
        who, case = self.chance.choice(PEOPLE), await self.case("closed", "merged")
        verb = self.chance.choice(("appeal", "appeal", "restore"))
        await self.world.say(who, f"!policy {verb} {case} {WHY if verb == 'appeal' else ''}")

    async def hold(self) -> None:
        verb = self.chance.choice(("hold", "lift"))
        case = await self.case() if verb == "hold" else await self.case("closed")
        await self.staff(f"{verb} {case} {'R2 ' if verb == 'hold' else ''}{WHY}", "otto")

    async def time(self) -> None:
        await self.world.tick(minutes=self.chance.choice((1, 20, 45, 60 * 5, 60 * 30)))

    async def trouble(self) -> None:
        home = self.world.homeserver
        match self.chance.choice(("away", "refuse", "crash", "crash", "back")):
            case "away":
                home.away = True
            case "refuse":
                home.refuses[Redact] = "403 M_FORBIDDEN"
            case "crash":
                home.before_answer = self.die
            case _:
                await self.calm()

    def die(self, effect: object) -> None:
        """Die once, after something was done and before that is known."""
        del effect
        self.world.homeserver.before_answer = None
        raise RuntimeError

    async def calm(self) -> None:
        """Let the homeserver be there again, and everything be done that waits."""
        home = self.world.homeserver
        home.away, home.before_answer = False, None
        home.refuses.clear()
        for row in await rows(self.world, "SELECT id FROM outbox WHERE state = 'dead'"):
            await self.world.review("otto", f"!policy retry {row['id']}")
        for _ in range(4):
            await self.world.tick(minutes=11)

    # What always holds ----------------------------------------------------------------------------

    async def check(self) -> None:
        """Look at everything that has to hold after each step."""
        await self._nothing_fell_over()
        await self._reports_are_somewhere()
        await self._cases_and_their_subjects_agree()
        await self._decisions_are_whole()
        await self._others_judged()

    async def none(self, sql: str) -> None:
        """Find nothing."""
        found = [tuple(row) for row in await rows(self.world, sql)]
        assert found == [], found

    async def _nothing_fell_over(self) -> None:
        await self.none("SELECT event_id, error FROM dead_events")

    async def _reports_are_somewhere(self) -> None:
        """I19: a report has an answer in a case that is over, or waits in one that is in the queue.

        What is decided and not yet carried out is answered when it is.
        """
        await self.none(
            "SELECT r.id, r.state, c.state FROM reports r JOIN cases c ON c.id = r.case_id WHERE NOT"
            " ((r.state = 'resolved' AND r.outcome IS NOT NULL AND c.state = 'closed') OR"
            " (r.state = 'attached' AND r.outcome IS NULL AND"
            " (c.state IN ('open', 'claimed', 'pending_approval') OR (c.state = 'closed' AND EXISTS"
            " (SELECT 1 FROM decisions d JOIN sanctions s ON s.decision_id = d.id"
            " WHERE d.case_id = c.id AND s.state = 'planned')))))"
        )
        for row in await rows(self.world, "SELECT id FROM reports"):
            async with self.world.database.transaction(reading=True) as tx:
                assert await reports.get(tx, row["id"]) is not None, f"R-{row['id']} cannot be found"

    async def _cases_and_their_subjects_agree(self) -> None:
        """I26: what a case is about is in one undecided case at a time."""
        await self.none(
            "SELECT s.case_id, s.subject_key, c.state, s.undecided FROM case_subjects s JOIN cases c"
            " ON c.id = s.case_id WHERE s.undecided <>"
            " (CASE WHEN c.state IN ('open', 'claimed', 'pending_approval') THEN 1 ELSE 0 END)"
        )
        await self.none(
            "SELECT id FROM cases c WHERE state <> 'merged' AND NOT EXISTS (SELECT 1"
            " FROM case_subjects s WHERE s.case_id = c.id AND s.subject_key = c.subject_key)"
        )
        await self.none(
            "SELECT c.id FROM cases c JOIN cases i ON i.id = c.merged_into WHERE i.state = 'merged'"
        )

    async def _decisions_are_whole(self) -> None:
        """I13, I15: nothing restricts without a final decision and its statement, nor without an end."""
        await self.none(
            "SELECT o.id, o.cause FROM outbox o WHERE o.cause LIKE 'decision %' AND o.kind <> 'Say'"
            " AND NOT EXISTS (SELECT 1 FROM decisions d JOIN statements s ON s.decision_id = d.id WHERE"
            " o.cause = 'decision ' || d.id AND d.state NOT IN ('pending', 'denied', 'expired'))"
        )
        await self.none(
            "SELECT decision_id FROM sanctions WHERE state = 'active' AND ends_at IS NULL"
            " AND measure NOT LIKE 'close%'"
        )
        # Each case is decided once: a second decision only where the first is void.
        await self.none(
            "SELECT case_id, COUNT(*) FROM decisions WHERE nature <> 'hold' AND state IN"
            " ('final', 'under_appeal', 'upheld') GROUP BY case_id HAVING COUNT(*) > 1"
        )
        await self.none(
            "SELECT s.decision_id, d.state FROM sanctions s JOIN decisions d ON d.id = s.decision_id"
            " WHERE s.state IN ('planned', 'active', 'stayed') AND d.state IN ('overturned', 'denied')"
        )

    async def _others_judged(self) -> None:
        """I14: an objection and an appeal are decided by somebody who had no part."""
        await self.none(
            "SELECT a.id, a.reviewer FROM appeals a JOIN decisions d ON d.id = a.decision_id WHERE"
            " a.reviewer IN (d.decider, COALESCE(d.approver, ''), a.appellant, COALESCE(d.user_id, ''))"
            " OR a.reviewer IN (SELECT r.reporter FROM reports r WHERE r.case_id = a.case_id)"
        )
        await self.none(
            "SELECT id, reviewer FROM appeals WHERE kind = 'report' AND reviewer = appellant"
        )

    # The end --------------------------------------------------------------------------------------

    async def rest(self) -> None:
        """Let all that waits be done, and see that everybody who reported has heard what came of it."""
        await self.calm()
        await self.check()
        for row in await rows(
            self.world, "SELECT id, reporter, outcome FROM reports WHERE outcome <> ''"
        ):
            if row["reporter"].startswith("@"):
                told = [text for text in self.world.told(row["reporter"]) if f"R-{row['id']} " in text]
                said = {
                    "actioned": "took a measure",
                    "no_breach": "no breach",
                    "overturned": "overturned",
                }
                assert any(said[row["outcome"]] in text for text in told), (tuple(row), told)
        await self.none("SELECT id, kind, cause FROM outbox WHERE state = 'waiting' AND kind <> 'Say'")
        async with self.world.database.transaction(reading=True) as tx:
            assert [one async for one in audit.verify(tx) if not isinstance(one, int)] == [], "I21"

    async def _somebody_new(self) -> None:
        """Let a moderator come without a part: of what both found no breach in, neither judges again."""
        self.world.config.staff[user("nils")] = (Role.MODERATOR,)
        await self.world.deliver(
            type="m.room.member",
            room_id=REVIEW,
            sender=user("nils"),
            state_key=user("nils"),
            content={"membership": "join"},
        )

    async def left(self) -> list[Any]:
        """List what stands in the way of forgetting."""
        return [
            tuple(row)
            for row in await rows(
                self.world,
                "SELECT c.id, c.state, d.state, s.state, r.state FROM cases c LEFT JOIN decisions d"
                " ON d.case_id = c.id LEFT JOIN sanctions s ON s.decision_id = d.id"
                " LEFT JOIN reports r ON r.case_id = c.id",
            )
        ]

    async def end(self) -> None:
        """Nobody does more: what is open is called out, and once it is over, it is forgotten."""
        for _ in range(3):
            await self.world.tick(days=15)
        await self.none(
            "SELECT id FROM cases WHERE state IN ('open', 'claimed', 'pending_approval')"
            " AND called_at IS NULL"
        )
        await self.none("SELECT code FROM approvals WHERE state = 'waiting'")
        await self.check()
        await self._somebody_new()
        for row in await rows(self.world, "SELECT id FROM cases WHERE state IN ('open', 'claimed')"):
            for who in ("mira", "otto", "nils"):
                await self.world.review(who, f"!policy dismiss C-{row['id']} {WHY}")
        for row in await rows(self.world, "SELECT number FROM appeals WHERE state = 'submitted'"):
            for who in STAFF:
                await self.world.review(who, f"!policy uphold {row['number']} {WHY}")
        await self.check()
        for _ in range(4):
            await self.world.tick(days=500)
        for table in (
            "cases",
            "case_subjects",
            "reports",
            "decisions",
            "statements",
            "appeals",
            "batches",
        ):
            found = await rows(self.world, f"SELECT 1 AS one FROM {table}")  # noqa: S608 - our own
            assert found == [], (table, await self.left())


@pytest.mark.parametrize("seed", [10, 14])
async def test_whatever_happens_in_whatever_order_every_report_has_its_end(
    tmp_path: Path, database_url: str, seed: int
) -> None:
    """I13, I14, I15, I19, I21, I26 over walks through all of it, on both databases."""
    async with make_world(tmp_path, database_url) as world:
        walk = Walk(world, seed)
        await walk.begin()
        taken = []
        for _ in range(STEPS):
            taken.append(await walk.step())
            try:
                await walk.check()
            except AssertionError as error:
                error.add_note(
                    f"after {len(taken)} steps, the last of them {taken[-3:]}: {world.in_review()[-3:]}"
                )
                raise
        await walk.rest()
        await walk.end()


async def test_whatever_several_people_do_at_once_is_done_whole_or_not_at_all(any_world: World) -> None:
    """I19, I26: merging, deciding, confirming, undoing and objecting at the same instant."""
    walk = Walk(any_world, 3)
    await walk.begin()
    for _ in range(30):
        await walk.step(calm=True)
    for _ in range(12):
        came = await asyncio.gather(*(walk.step(calm=True) for _ in range(5)), return_exceptions=True)
        # What fell to somebody else who was first comes again, as from the homeserver.
        assert [one for one in came if not isinstance(one, str | Stale | DatabaseAway)] == []
        await any_world.work()
        await walk.check()
    await walk.rest()
    await walk.end()
