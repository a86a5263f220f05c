"""What an overturned decision leaves behind: nothing, nor of what was built on it; and all know it."""

import random
from datetime import timedelta
from typing import Any

import pytest

from policybot.domain import ladder as rules
from policybot.domain.case import Case, Subject, SubjectKind
from policybot.domain.case import State as CaseState
from policybot.domain.decision import Decision, State
from policybot.domain.effects import Redact, ReleaseMember, Restore, RestrictMember
from policybot.domain.ladder import Act, History, Scope, Severity
from policybot.domain.measure import Kind
from policybot.domain.notice import Statement
from policybot.domain.recheck import Recheck
from policybot.services import ledgers
from policybot.store import cases, copies, decisions, moves, policies, rooms, sanctions
from tests.staffed import Private, link_to
from tests.world import REVIEW, World, find, user

JOKE = "A joke between friends indeed"


async def decided(world: World, case: str, words: str, by: str = "mira") -> None:
    """Have a case decided: `R2 S3 proposed`; confirmed if that is needed."""
    why = "" if "proposed" in words else " // Nothing milder would do"
    answer = await world.review(by, f"!policy decide {case} {words} Threatened a neighbour{why}")
    if "!policy confirm" in answer:
        await world.review("otto", f"!policy confirm {find(r'(?<=!policy confirm )[A-Z0-9]+', answer)}")


async def appealed(
    world: World, case: str, verdict: str = "overturn", who: str = "tom", measure: str = ""
) -> str:
    """Have a decision appealed and reviewed by Ravi; return the answer."""
    assert "is in" in await world.say(who, f"!policy appeal {case} It was a joke between friends")
    return await world.review("ravi", f"!policy {verdict} {case} {measure} {JOKE}")


def level(world: World, who: str = "tom") -> int | None:
    found: int | None = world.homeserver.levels[world.room]["users"].get(user(who))
    return found


async def rows(world: World, sql: str, *values: object) -> list[Any]:
    async with world.database.transaction(reading=True) as tx:
        return list(await tx.fetch(sql, *values))


async def twice(world: World) -> tuple[str, str]:
    """Have Tom decided about, and two weeks later, because of it, more harshly."""
    await world.governed_room()
    first = await world.reported()
    await decided(world, first, "R2 S3 proposed")
    await world.tick(days=12)
    second = await world.reported(text="Buy my spades!")
    await world.decided(second, "proposed", by="mira")
    assert level(world) == -1
    return first, second


# What comes back ---------------------------------------------------------------------------------


async def test_of_two_measures_the_second_keeps_what_it_wants_then_all_is_as_before_both(
    world: World,
) -> None:
    await world.governed_room()
    world.homeserver.levels[world.room]["users"][user("tom")] = 5
    first, second = await world.reported(), await world.reported(text="Once more")
    await decided(world, first, "R2 S3 restrict:P7D")
    await decided(world, second, "R2 S3 restrict:P7D")
    await appealed(world, first)
    assert level(world) == -1, "the second decision wants it"
    await appealed(world, second)
    assert level(world) == 5


async def test_what_somebody_changed_meanwhile_stays_and_people_are_told(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    await decided(world, case, "R2 S3 restrict:P7D")
    world.homeserver.levels[world.room]["users"][user("tom")] = 50
    await appealed(world, case)
    assert level(world) == 50
    assert any("somebody changed the level" in text for text in world.in_review())


# Later decisions ---------------------------------------------------------------------------------


async def test_a_later_decision_waits_until_somebody_without_a_part_looks_at_it(
    any_world: World,
) -> None:
    world = any_world
    first, second = await twice(world)
    await appealed(world, first)
    assert level(world) is None, "what is too harsh now is lifted at once"
    line = f"{second}: history was H2, is H0; its measure was lifted"
    assert line in await world.review("otto", "!policy queue rechecks")
    assert line in await world.review("otto", f"!policy show {second}")
    assert "no recheck waits" in (await world.review("ravi", f"!policy recheck {first} All")).lower()
    assert "sentence" in await world.review("ravi", f"!policy recheck {second} ok")
    found = "A first advert: the warning would have been right"
    assert "on record" in await world.review("ravi", f"!policy recheck {second} {found}")
    assert "Nothing waits" in await world.review("otto", "!policy queue rechecks")
    kept = await rows(world, "SELECT * FROM rechecks")
    assert [(row["closed_by"], row["reason"], row["lifted"]) for row in kept] == [
        (user("ravi"), found, 1)
    ]
    tags = [row["tag"] for row in await rows(world, "SELECT tag FROM audit WHERE tag LIKE 'recheck:%'")]
    assert tags == ["recheck:flag", "recheck:close"]


async def test_whoever_decided_it_does_not_close_it(world: World) -> None:
    first, second = await twice(world)
    await world.review("mira", f"!policy lift {second} They talked it over and are friends")
    third = await world.reported(text="Spades again")
    await world.decided(third, "proposed", by="otto")
    await appealed(world, first)
    answer = await world.review("otto", f"!policy recheck {third} I was right all the same")
    assert "You had a part" in answer
    assert third in await world.review("mira", "!policy queue rechecks")


async def test_a_flagged_decision_that_is_overturned_in_turn_waits_no_more(world: World) -> None:
    first, second = await twice(world)
    await appealed(world, first)
    await appealed(world, second)
    assert "Nothing waits" in await world.review("otto", "!policy queue rechecks")
    (kept,) = await rows(world, "SELECT * FROM rechecks")
    assert kept["reason"] == "the decision was overturned"


async def test_a_choice_of_a_moderator_stays_where_the_proposal_is_the_same(world: World) -> None:
    """They said why; what is void had no part in it."""
    await world.governed_room()
    first = await world.reported()
    await decided(world, first, "R3 S1 proposed")
    await world.tick(days=12)
    second = await world.reported(text="Once more")
    await decided(world, second, "R3 S1 restrict:P1D")
    assert await history(world, second) == "H1"
    await appealed(world, first)
    assert level(world) == -1
    line = f"{second}: history was H1, is H0"
    answer = await world.review("otto", "!policy queue rechecks")
    assert answer.startswith(f"{line} (")
    assert answer.endswith(f"had no part: !policy recheck {line[:3]} WHAT YOU FOUND")
    answer = await world.review("mira", "!policy queue rechecks")
    assert answer == "Nothing waits. Well done." or answer.endswith("by somebody who decides appeals")


async def test_a_choice_stays_where_the_void_decision_was_not_counted(world: World) -> None:
    """It was under appeal already when the later one was decided."""
    await world.governed_room()
    first = await world.reported()
    await decided(world, first, "R1 S1 proposed")
    await world.tick(days=12)
    await world.say("tom", f"!policy appeal {first} It was a joke between friends")
    second = await world.reported(text="Once more")
    await decided(world, second, "R1 S1 restrict:P1D")
    assert await history(world, second) == "H0"
    await world.review("ravi", f"!policy overturn {first} {JOKE}")
    assert level(world) == -1
    assert "Nothing waits" in await world.review("mira", "!policy queue rechecks")


async def history(world: World, case: str) -> str:
    (row,) = await rows(world, "SELECT history FROM decisions WHERE case_id = $1", int(case[2:]))
    return str(row["history"])


async def test_a_milder_measure_still_counts_from_when_the_first_was_told(world: World) -> None:
    first, second = await twice(world)
    await world.say("tom", f"!policy appeal {first} It was a joke between friends")
    await world.review("ravi", f"!policy modify {first} restrict:P3D {JOKE}")
    assert await rows(world, "SELECT * FROM rechecks") == []
    assert level(world) == -1, f"{second} has the same history"


async def test_what_takes_the_place_of_a_later_decision_counts_nothing_that_is_void(
    world: World,
) -> None:
    """I18: nor does its notice say that it did."""
    first, second = await twice(world)
    await appealed(world, first)
    await world.say("tom", f"!policy appeal {second} It was a joke between friends")
    await world.review("ravi", f"!policy modify {second} restrict:P1D {JOKE}")
    kept = await rows(world, "SELECT state, history FROM decisions WHERE case_id = 2 ORDER BY id")
    assert [(row["state"], row["history"]) for row in kept] == [("modified", "H2"), ("final", "H0")]
    told = [text for text in world.told("tom") if text.startswith(f"Decision {second}\n")]
    assert "earlier decisions that counted: 1" in told[0]
    assert "no earlier decision counted" in told[-1]


async def test_one_that_is_advice_by_now_counts_no_more_for_later_ones(world: World) -> None:
    first, second = await twice(world)
    await world.say("tom", f"!policy appeal {first} It was a joke between friends")
    await world.review("ravi", f"!policy modify {first} advise {JOKE}")
    assert f"{second}: history was H2, is H0" in await world.review("otto", "!policy queue rechecks")


async def test_what_another_account_did_counts_for_the_person_however_late_that_is_known(
    staffed: Private,
) -> None:
    world = staffed.world
    await world.review("mira", f"!policy dismiss {staffed.case} There was no breach at all")
    first = await world.reported(offender="tim", reporter="zoe", text="A threat")
    await decided(world, first, "R3 S3 proposed")
    await world.tick(days=12)
    await link_to(world, "tim", "tom")
    second = await world.reported(reporter="zoe", text="Another")
    await decided(world, second, "R3 S2 proposed")
    assert await history(world, second) != "H0"
    await appealed(world, first, who="tim")
    assert f"{second}: history was" in await world.review("otto", "!policy queue rechecks")


# Who is told -------------------------------------------------------------------------------------


async def test_everybody_who_was_told_hears_that_it_is_void_and_nobody_else(staffed: Private) -> None:
    world = staffed.world
    await link_to(world, "tim", "tom")
    event = await world.message("tom", "A threat", world.room)
    link = f"https://matrix.to/#/{world.room}/{event}"
    for reporter in ("zoe", "nora"):
        await world.say(reporter, f"!policy report {link} R3 They threaten us")
    case = find(r"(?<=New case )C-\d+", "\n".join(world.in_review()[-2:]))
    await world.review("mira", f"!policy decide {case} R3 S3 restrict:P7D Threatened us // It is grave")
    reached = [who for who in ("tom", "tim", "zoe", "nora", "anna", "lea") if world.told(who)]
    before = {who: len(world.told(who)) for who in (*reached, "otis")}
    await appealed(world, case)
    heard = {who: world.told(who)[count:] for who, count in before.items()}
    assert any("succeeded" in text for text in heard["tom"])
    for who in ("zoe", "nora"):
        assert any("overturned it" in text for text in heard[who]), who
    if any(case in text for text in world.told("tim")[: before["tim"]]):
        assert any("of which I told you, was overturned" in text for text in heard["tim"])
    for who in ("anna", "lea", "otis"):
        assert heard.get(who, []) == [], who


async def test_an_owner_who_has_given_the_room_away_hears_it_too(world: World) -> None:
    record = await world.governed_room()
    await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
    await decided(world, "C-1", "R2 S4 proposed")
    await world.tick(days=31)
    await world.verified("tom")
    await world.say("anna", f"!policy transfer {record} @tom:example.org")
    await world.say("tom", f"!policy accept {record}")
    await appealed(world, "C-1")
    assert "C-1, of which I told you, was overturned" in world.told("anna")[-1]
    assert not any("of which I told you" in text for text in world.told("tom"))


async def test_the_log_says_what_figures_need(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    await decided(world, case, "R2 S3 restrict:P7D")
    await appealed(world, case)
    (entry,) = await rows(
        world,
        "SELECT p.payload, a.actor, a.object FROM audit a JOIN audit_payloads p ON p.seq = a.seq"
        " WHERE a.tag = 'decision:overturn'",
    )
    assert (entry["actor"], entry["object"]) == (user("ravi"), case)
    for part in ('"rule":"R2"', '"measure":"restrict P7D"', '"severity":"S3"', '"scope":"member"'):
        assert part in entry["payload"]


# Time served -------------------------------------------------------------------------------------


async def test_time_under_a_batch_that_was_undone_is_credited_to_what_takes_its_place(
    world: World,
) -> None:
    """I17: the time is served for the same act."""
    await world.governed_room()
    case, other = await world.reported(), await world.reported("otis")
    text = f"{case},{other} R2 S3 proposed Threatened a neighbour"
    code = find(r"(?<=!policy confirm )\w+", await world.review("mira", f"!policy bulk {text}"))
    await world.review("mira", f"!policy confirm {code}")
    await world.tick(hours=20)
    await world.review("mira", f"!policy undo {code} This was not as it should be")
    assert level(world) is None
    await world.tick(days=2)
    await decided(world, case, "R2 S3 proposed")
    async with world.database.transaction(reading=True) as tx:
        again = await sanctions.of_decision(tx, (await decisions.of_case(tx, int(case[2:])))[-1].id)
    assert again is not None
    assert again.served == timedelta(hours=20)
    assert again.ends_at == world.clock() + timedelta(days=7) - timedelta(hours=20)


async def test_a_hold_that_ended_by_itself_is_credited_all_the_same(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    await world.review("mira", f"!policy hold {case} R2 They threaten the whole room")
    assert level(world) == -1
    await world.tick(hours=72)
    await world.tick(hours=2)
    assert level(world) is None
    await decided(world, case, "R2 S3 restrict:P7D")
    await world.tick(days=3, hours=23)
    assert level(world) == -1
    await world.tick(hours=2)
    assert level(world) is None, "72 of its 168 hours were served before"


async def test_what_somebody_was_held_beyond_the_end_because_nothing_ran_is_credited_too(
    world: World,
) -> None:
    """I17: what was really served counts, not what was meant."""
    await world.governed_room()
    case = await world.reported()
    await world.review("mira", f"!policy hold {case} R2 They threaten the whole room")
    world.clock.pass_time(hours=100)  # nothing runs, so nothing ends the hold after 72 hours
    assert level(world) == -1
    await world.tick(seconds=1)
    assert level(world) is None
    await decided(world, case, "R2 S3 restrict:P7D")
    await world.tick(hours=67)
    assert level(world) == -1
    await world.tick(hours=1)
    assert level(world) is None, "100 of its 168 hours were served before"


@pytest.mark.parametrize("decided_while_away", [True, False])
async def test_what_somebody_was_held_beyond_the_end_because_the_homeserver_was_away_is_credited(
    any_world: World, decided_while_away: bool
) -> None:
    """I17: whether the next measure is decided while it is away, or once it is back."""
    world = any_world
    await world.governed_room()
    case = await world.reported()
    await world.review("mira", f"!policy hold {case} R2 They threaten the whole room")
    world.clock.pass_time(hours=71)
    world.homeserver.away = True
    await world.tick(hours=1)  # it ends by itself
    for _ in range(2):
        await world.tick(hours=14)
    assert level(world) == -1, "nobody could give it back"
    if decided_while_away:
        typed = f"!policy decide {case} R2 S3 restrict:P7D Threatened a neighbour // None milder"
        await world.message("mira", typed, REVIEW)
        await world.tick(hours=10)
    world.homeserver.away = False
    await world.tick(minutes=1)
    if not decided_while_away:
        assert level(world) is None
        await decided(world, case, "R2 S3 restrict:P7D")
    held = timedelta(hours=72 + 28, minutes=1) + timedelta(hours=10) * decided_while_away
    async with world.database.transaction(reading=True) as tx:
        last = await sanctions.of_decision(tx, (await decisions.of_case(tx, int(case[2:])))[-1].id)
    assert last is not None
    assert last.ends_at == world.clock() + timedelta(days=7) - held
    assert level(world) == -1
    await world.tick(days=7, minutes=-1, seconds=-held.total_seconds())
    assert level(world) == -1
    await world.tick(minutes=1)
    assert level(world) is None


async def test_what_was_never_carried_out_is_no_time_served_however_long_the_homeserver_is_away(
    world: World,
) -> None:
    await world.governed_room()
    case = await world.reported()
    world.homeserver.away = True
    await world.review("mira", f"!policy hold {case} R2 They threaten the whole room")
    await world.tick(hours=80)  # it ended, and bound nobody
    await world.tick(hours=20)
    world.homeserver.away = False
    await world.tick(minutes=1)
    await decided(world, case, "R2 S3 restrict:P7D")
    async with world.database.transaction(reading=True) as tx:
        last = await sanctions.of_decision(tx, (await decisions.of_case(tx, int(case[2:])))[-1].id)
    assert last is not None
    assert last.ends_at == world.clock() + timedelta(days=7)


# Messages ----------------------------------------------------------------------------------------


async def test_after_a_milder_decision_that_removes_nothing_the_message_can_be_back(
    world: World,
) -> None:
    await world.governed_room()
    case = await world.reported(text="Anna, tonight I come for your tomatoes")
    await decided(world, case, "R2 S3 restrict:P7D+remove")
    await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    await world.review("ravi", f"!policy modify {case} warn {JOKE}")
    assert f"!policy restore {case}" in "\n".join(world.told("tom"))
    assert "posted again" in await world.say("tom", f"!policy restore {case}")
    assert "already" in await world.say("tom", f"!policy restore {case}")


async def test_it_comes_as_it_was_last_in_the_room_that_is_now(world: World) -> None:
    await world.governed_room()
    event = await world.message("tom", "I come for your tomatos", world.room)
    world.clock.pass_time(minutes=1)
    new_text = {"m.new_content": {"body": "I come for your tomatoes"}}
    relation = {"m.relates_to": {"rel_type": "m.replace", "event_id": event}}
    edit = await world.message("tom", "* I come for your tomatoes", world.room, **new_text, **relation)
    world.clock.pass_time(minutes=1)
    world.homeserver.events[event]["edit_id"] = edit
    case = await world.reported(text="And for your beans")
    await decided(world, case, "R2 S3 warn+remove:P1D")
    assert {event, edit} <= world.homeserver.redacted
    await appealed(world, case)
    new = "!beds:example.org"
    async with world.database.transaction() as tx:
        here = await rooms.get(tx, world.room)
        assert here is not None
        await rooms.save(tx, rooms.Room(new, here.kind, here.levels), world.clock())
        await moves.made(tx, world.room, new)
    await world.say("tom", f"!policy restore {case}")
    back = [text for where, text in world.homeserver.said.values() if where == new]
    assert back[-2:] == ["I come for your tomatoes", "And for your beans"]


async def test_what_is_kept_no_more_is_said(world: World) -> None:
    await world.governed_room()
    kept = await world.message("tom", "Some words", world.room)
    case = await world.reported(text="Other words")
    await decided(world, case, "R2 S3 warn+remove:P1D")
    await appealed(world, case)
    async with world.database.transaction() as tx:
        await copies.forget(tx, kept)
    answer = await world.say("tom", f"!policy restore {case}")
    assert "Of 1 more the text is kept no longer" in answer


async def test_a_message_that_still_stands_is_not_posted_twice(world: World) -> None:
    await world.governed_room()
    case = await world.reported(text="Anna, tonight I come for your tomatoes")
    world.homeserver.refuses[Redact] = "403 M_FORBIDDEN"
    await decided(world, case, "R2 S3 restrict:P7D+remove")
    await appealed(world, case)
    await world.say("tom", f"!policy restore {case}")
    said = [text for where, text in world.homeserver.said.values() if where == world.room]
    assert said == [], "and nobody says in the room that it was removed"
    assert [e for e in world.homeserver.performed if isinstance(e, Restore)]


# Replaying ---------------------------------------------------------------------------------------


class Course:
    """Somebody's decisions as they are made one after another, each as the ladder proposes."""

    def __init__(self, world: World, chance: random.Random, who: str) -> None:
        self.world = world
        self.chance = chance
        self.who = user(who)
        self.at = world.clock()

    async def go_on(self, tx: Any, number: int) -> None:
        """Decide once more about them."""
        self.at += timedelta(days=self.chance.choice((1, 5, 20, 60)))
        policy = self.world.app.setting.policy
        severity = self.chance.choice(list(Severity))
        known = await ledgers.entries(tx, Scope.ACCOUNT, self.who, self.who, None)
        proposal = rules.propose(
            policy.ladder,
            Act(Scope.ACCOUNT, self.who, severity, self.at, self.at, f"C-{number}"),
            ledgers.strikes_of(known, policy.ladder, self.who),
        )
        decision = Decision(
            id=number,
            case_id=number,
            state=State.FINAL,
            policy_hash=policy.hash,
            rule_id="R1",
            scope=Scope.ACCOUNT,
            scope_key=self.who,
            severity=severity,
            history=proposal.band,
            measure=proposal.cell,
            remove=False,
            facts="They did it",
            explanation=(),
            occurred_at=self.at,
            decided_at=self.at,
            decider="@mira:example.org",
            user_id=self.who,
        )
        subject = Subject(SubjectKind.USER, user_id=self.who)
        await cases.add(tx, Case(number, subject, CaseState.CLOSED, self.at, self.at))
        await decisions.add(tx, decision, Statement(**dict.fromkeys(Statement.__slots__, "-")))
        if self.chance.random() < 0.9:
            await decisions.told(tx, number, self.at)

    async def check(self, tx: Any) -> int:
        """Void one and replay what came after; return how many decisions were others."""
        made = await decisions.ledger(tx, Scope.ACCOUNT, [self.who])
        void = self.chance.choice(made)
        found = {
            one.decision_id: one for one in await self.world.app.services.rechecks.foresee(tx, void)
        }
        law, kept = self.world.app.setting.ladder, list[Decision]()
        for one in made:
            if one.id == void.id:
                continue
            without = rules.propose(
                law,
                Act(one.scope, self.who, one.severity, one.occurred_at, one.decided_at, f"C-{one.id}"),
                ledgers.strikes_of(kept, law, self.who),
            )
            flagged = found.get(one.id)
            assert flagged or without.band == one.history, "I18: it is flagged, or it is the same"
            if flagged:
                assert isinstance(flagged, Recheck)
                assert (flagged.now, flagged.cell) == (without.band, without.cell)
                assert flagged.now < one.history or flagged.cell < one.measure
            if not (flagged and without.cell.kind in (Kind.NONE, Kind.ADVISE)):
                kept.append(one)
        return len(found)


@pytest.mark.parametrize("seed", [1, 2])
async def test_i18_without_the_void_one_each_later_decision_is_as_it_was_or_is_flagged(
    world: World, seed: int
) -> None:
    """The ledger is replayed by hand without it, chains and all, over many people."""
    await world.governed_room()
    await world.reported()
    chance, number, others = random.Random(seed), 100, 0  # noqa: S311 - the same every time
    async with world.database.transaction() as tx:
        for person in range(25):
            course = Course(world, chance, f"person{person}")
            for _ in range(chance.randint(2, 7)):
                number += 1
                await course.go_on(tx, number)
            others += await course.check(tx)
    assert others > 10, "it is about something"


async def test_a_later_decision_is_replayed_under_its_own_ladder(world: World) -> None:
    """A stricter ladder that came into force meanwhile has no part in it."""
    first, second = await twice(world)
    strict = world.config.ladder
    bands = {History.H0: 0, History.H1: 1, History.H2: 2, History.H3: 3}
    object.__setattr__(world.app.setting, "policy", policies.of(_with(strict, bands=bands)))
    async with world.database.transaction(reading=True) as tx:
        (void,) = await decisions.of_case(tx, int(first[2:]))
        (found,) = await world.app.services.rechecks.foresee(tx, void)
    assert (found.number, found.was, found.now) == (second, History.H2, History.H0)


def _with(ladder: Any, **changes: Any) -> Any:
    from dataclasses import replace

    return replace(ladder, version="strict", **changes)


@pytest.mark.parametrize("hold", [False, True])
async def test_i17_who_has_served_all_of_it_is_not_bound_again_for_a_moment(
    world: World, *, hold: bool
) -> None:
    """A milder measure takes the place of one whose time is over."""
    await world.governed_room()
    case = await world.reported()
    if hold:
        await world.review("mira", f"!policy hold {case} R2 They threaten the whole room")
    else:
        await decided(world, case, "R2 S3 restrict:P7D")
    await world.tick(days=8)
    assert level(world) is None
    bound = sum(isinstance(e, RestrictMember) for e in world.homeserver.performed)
    await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    assert "1 day" in await world.review("ravi", f"!policy modify {case} restrict:P1D {JOKE}")
    assert sum(isinstance(e, RestrictMember) for e in world.homeserver.performed) == bound
    assert level(world) is None


async def test_what_cannot_be_undone_at_once_is_not_said_to_be_done(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    await decided(world, case, "R2 S3 proposed")
    world.homeserver.refuses[ReleaseMember] = "403: the bot has no power there"
    await appealed(world, case)
    assert level(world) == -1
    told = world.told("tom")[-1]
    assert (
        "is being undone. If you still notice anything of it tomorrow, tell office@example.org" in told
    )
    assert "has been taken back" not in told
    assert "I could not release @tom:example.org" in world.in_review()[-1]


async def test_what_is_left_is_said_also_where_it_is_nothing(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    await decided(world, case, "R2 S3 proposed")
    answer = await appealed(world, case, "modify", measure="none")
    assert "in place of the measure there is now no measure." in answer
    assert any("there is now no measure." in text for text in world.told("tom"))
    assert level(world) is None
