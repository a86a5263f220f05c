"""What a ladder can say besides its grids, as moderators and members meet it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from policybot.domain.ladder import Ladder, Scope, Severity
from tests import at_rest
from tests.flows.test_holds import reported_room, review, suspended_after
from tests.flows.test_unwinding import appealed, decided
from tests.laddering import put_in_force
from tests.ladders import SAMPLE
from tests.staffed import link_to
from tests.world import World, find, user
from tests.world import world as make_world

SECOND = "!second:example.org"
SPILL = {"to": "account", "factor": "1/2", "from_rooms": 2}


@asynccontextmanager
async def governed(folder: Path, database: str = "", **scopes: Any) -> AsyncIterator[World]:
    """Make a world with a governed room, whose ladder says more of some scopes, or of history."""
    changes = {
        f"ladder.scopes.{name}": SAMPLE["scopes"][name] | more
        for name, more in scopes.items()
        if name != "history"
    }
    if "history" in scopes:
        changes["ladder.history"] = SAMPLE["history"] | scopes["history"]
    async with make_world(folder, database, **changes) as world:
        await world.governed_room()
        yield world


async def decided_in(world: World, room: str) -> str:
    """Have Tom restricted in a room for an advert, and told of it; return the case."""
    event = await world.message("tom", "Buy my spades!", room)
    await world.say("lea", f"!policy report https://matrix.to/#/{room}/{event} R1 This is an advert")
    case = find(r"(?<=New case )C-\d+", world.in_review()[-1])
    await world.decided(case, "restrict:P3D", confirm="otto")
    await world.tick(days=4)
    return case


async def reported_account(world: World) -> str:
    """Have Tom's account reported; return the case."""
    await world.say("lea", f"!policy report {user('tom')} R1 All that he writes are adverts")
    return find(r"(?<=New case )C-\d+", world.in_review()[-1])


async def test_decisions_in_two_rooms_count_for_the_account_until_one_is_overturned(
    tmp_path: Path, database_url: str
) -> None:
    async with governed(tmp_path, database_url, member={"spill": SPILL}) as world:
        await world.governed_room("zoe", SECOND)
        first = await decided_in(world, world.room)
        case = await reported_account(world)
        alone = await world.review("mira", f"!policy propose {case} R1 S2")
        assert f"not counted: {first} (only from 2 rooms on such decisions count" in alone
        second = await decided_in(world, SECOND)
        me = await world.say("tom", "!policy me")
        assert "for its room, and at 1/2 for the account once there are such decisions in 2 rooms" in me
        await world.review("otto", f"!policy dismiss {case} There was no breach at all")
        case = await reported_account(world)
        both = await world.review("mira", f"!policy propose {case} R1 S2")
        for line in (
            f"counted: {first} (S2, 2 March 2026, in one room)",
            f"counted: {second} (S2, 6 March 2026, in one room)",
            "from rooms: 3 points, for such decisions count at 1/2",
            "history: 3 points, column H1",
            "proposed: restrict P3D (row S2)",
        ):
            assert line in both, both
        await world.decided(case, "proposed")
        await world.tick(minutes=1)
        assert world.homeserver.levels[world.room]["users"][user("tom")] < 0
        await world.say("tom", f"!policy appeal {second} These were spades for the common garden")
        await world.review("ravi", f"!policy overturn {second} It was for the garden indeed")
        assert any(
            f"{case}: history was H1, is H0; its measure was lifted" in text
            for text in world.in_review()
        )


async def test_a_room_decision_counts_in_its_own_room_alone_by_itself(tmp_path: Path) -> None:
    async with governed(tmp_path, member={"spill": SPILL}) as world:
        await world.governed_room("zoe", SECOND)
        first = await decided_in(world, world.room)
        event = await world.message("tom", "Buy my spades!", SECOND)
        link = f"https://matrix.to/#/{SECOND}/{event}"
        await world.say("lea", f"!policy report {link} R1 This is an advert")
        case = find(r"(?<=New case )C-\d+", world.in_review()[-1])
        answer = await world.review("mira", f"!policy propose {case} R1 S2")
        assert "no earlier decisions" in answer
        assert first not in answer


async def test_members_read_how_much_of_a_decision_is_left(tmp_path: Path) -> None:
    history = {"window": "half_life", "half_life": "P90D"}
    async with governed(tmp_path, member={"spill": SPILL}, history=history) as world:
        case = await decided_in(world, world.room)
        await world.tick(days=26)
        me = await world.say("tom", "!policy me")
        left = "until 29 August 2026; 2.3 points of 3 left"
        assert f"{case}, R1 S2 in {world.room}: {left}, and half of that goes" in me
        listed = await world.review("otto", f"!policy history {user('tom')}")
        assert f"counts {left}" in listed
        next_one = await world.reported()
        answer = await world.review("mira", f"!policy propose {next_one} R1 S2")
        assert f"counted: {case} (S2, 2 March 2026; 2.3 points of 3 left)" in answer


async def test_a_milder_decision_is_looked_at_with_the_history_of_the_day_of_the_first(
    tmp_path: Path, database_url: str
) -> None:
    """I18: on the day of the appeal points have faded, and what fell would seem to change nothing."""
    history = {"window": "half_life", "half_life": "P30D"}
    async with governed(tmp_path, database_url, history=history) as world:
        first, other = await world.reported(), await world.reported(text="Once more")
        await decided(world, first, "R2 S2 proposed")
        await decided(world, other, "R2 S2 proposed")
        await world.tick(days=12)
        later = await world.reported(text="Buy my spades!")
        await decided(world, later, "R2 S2 proposed")
        await world.tick(days=30)
        await appealed(world, later, "modify", measure="restrict:P1D")
        await appealed(world, first)
        waiting = await world.review("otto", "!policy queue rechecks")
        assert f"{later}: history was H2, is H1" in waiting
        await at_rest.holds(world)


async def test_before_a_room_is_closed_what_the_ladder_asks_for_is_tried_or_the_reason_said(
    tmp_path: Path,
) -> None:
    async with governed(tmp_path, room={"before_close": ["replace_owner", "suspend"]}) as world:
        case = await reported_room(world)
        close = f"!policy decide {case} R3 S4 close Cards were sold there for weeks"
        answer = await review(world, "mira", close)
        assert (
            "the ladder asks for another owner and a suspension of the room, and that was not" in answer
        )
        answer = await review(world, "mira", f"{close} // The owner is the one who sells them")
        assert "· not tried before: another owner and a suspension of the room" in answer
        assert "A second person has to confirm it" in answer


async def test_a_suspension_counts_as_tried(tmp_path: Path) -> None:
    async with governed(tmp_path, room={"before_close": ["suspend"]}) as world:
        case = await reported_room(world)
        await suspended_after(world, case, "P14D")
        await world.tick(days=20)
        case = await reported_room(world)
        close = f"!policy decide {case} R3 S4 close Cards were sold there for weeks // No other way"
        assert "not tried before" not in await review(world, "mira", close)


async def test_the_ladder_says_how_long_an_owner_has_and_moderators_are_told_to_ask_first(
    tmp_path: Path,
) -> None:
    async with governed(tmp_path, room={"cure": "P3D"}) as world:
        case = await reported_room(world)
        ask = f"!policy preview {case} R3 S2 proposed Cards were sold there"
        preview = await review(world, "mira", ask)
        assert (
            "gives the owner 3 days to put such a thing right first: !policy cure C-1 usual" in preview
        )
        answer = await review(
            world, "mira", f"!policy cure {case} usual Please take the cards out at once"
        )
        assert "the owner has until 5 March 2026" in answer
        await world.tick(days=4)
        assert "gives the owner" not in await review(world, "mira", ask), "once is enough"


async def test_moderators_read_of_the_owners_time_before_they_decide_and_only_if_there_is_any(
    tmp_path: Path,
) -> None:
    async with governed(tmp_path, room={"cure": "P3D"}) as world:
        case = await reported_room(world)
        first = "to put such a thing right first: !policy cure"
        assert first in await review(world, "mira", f"!policy propose {case} R3 S2")
        await review(world, "mira", f"!policy cure {case} usual Please take the cards out at once")
        await world.say("anna", f"!policy cured {case} They are out")
        await review(world, "mira", f"!policy dismiss {case} They are out within a day")
        case = await reported_room(world)
        assert first not in await review(world, "mira", f"!policy propose {case} R3 S2"), (
            "it had its time"
        )
        await world.tick(days=181)
        assert first in await review(world, "mira", f"!policy propose {case} R3 S2")


async def test_an_act_is_judged_by_the_law_of_its_time_and_the_moderator_reads_by_which(
    tmp_path: Path,
) -> None:
    async with governed(tmp_path) as world:
        case = await world.reported()
        now = world.app.setting.ladder

        def amended(version: str, row: Severity) -> Ladder:
            grid = dict(now.scopes[Scope.MEMBER])
            last = 2 if row is Severity.S4 else 3  # nothing but S4 closes
            grid[Severity.S3] = (*grid[row][:3], grid[row][last])
            scopes = dict(now.scopes) | {Scope.MEMBER: grid}
            return replace(now, version=version, scopes=scopes)

        world.clock.pass_time(hours=1)
        await put_in_force(world, amended("2", Severity.S4))
        answer = await world.review("mira", f"!policy propose {case} R2 S3")
        assert "proposed: restrict P7D" in answer
        assert "judged by version 1, of the time of the act; today's is 2" in answer
        world.clock.pass_time(seconds=1)
        await put_in_force(world, amended("3", Severity.S2))
        answer = await world.review("mira", f"!policy propose {case} R2 S3")
        assert "proposed: warn" in answer
        assert "permitted: warn to restrict P3D" in answer, "the range is that of the same version"
        assert "judged by" not in answer


@pytest.mark.parametrize("typed", ["restrict P3D", "restrict:p3d", "restrict P3D +newcomer"])
async def test_a_measure_can_be_typed_as_the_ladder_writes_it(tmp_path: Path, typed: str) -> None:
    async with governed(tmp_path) as world:
        case = await world.reported()
        why = "+49 30 901820 was the number of his shop // He was warned by his neighbours"
        answer = await world.review("mira", f"!policy preview {case} R1 S2 {typed} {why}")
        assert "no posting in the room for 3 days" in answer
        assert "> What happened: +49 30 901820 was the number of his shop" in answer
        assert ("newcomer" in find(r"How we came to the measure: .*", answer)) is ("newcomer" in typed)
        again = find(r"(?<=To decide it: )!policy decide .*(?= FACTS)", answer)
        assert "A second person has to confirm" in await world.review("mira", f"{again} {why}")


async def test_in_several_cases_at_once_it_can_be_typed_so_too(tmp_path: Path) -> None:
    async with governed(tmp_path) as world:
        first, second = await world.reported(), await world.reported("zoe")
        answer = await world.review(
            "mira", f"!policy bulk {first},{second} R1 S2 proposed +remove He advertised his shop"
        )
        assert "What happened: He advertised his shop" in answer
        assert "2 messages removed" in answer


@pytest.mark.parametrize("span", ["P999999999D", "P36501D", f"P{'9' * 5000}D"])
async def test_a_measure_for_longer_than_anybody_lives_is_refused_in_words(
    tmp_path: Path, span: str
) -> None:
    async with governed(tmp_path) as world:
        case = await world.reported()
        answer = await world.review(
            "mira", f"!policy decide {case} R1 S2 restrict:{span} He advertises // He never stops it"
        )
        assert "is too long; P36500D, a hundred years, is the most" in answer


async def test_who_comes_second_reads_that_it_is_decided_not_that_somebody_has_it(
    tmp_path: Path,
) -> None:
    async with governed(tmp_path) as world:
        case = await world.reported()
        await world.decided(case, "proposed")
        for who in ("otto", "mira"):
            answer = await world.review(
                who, f"!policy decide {case} R1 S2 proposed He advertised his shop"
            )
            assert answer == f"{case} is closed already: !policy show {case}"


async def test_a_hold_never_counts_as_history(tmp_path: Path) -> None:
    async with governed(tmp_path) as world:
        await world.review("mira", f"!policy hold {user('tom')} R1 He posts adverts by the minute")
        await world.tick(days=4)
        assert "counts for nothing later" in await world.review("otto", f"!policy history {user('tom')}")
        assert "What counts at present" not in await world.say("tom", "!policy me")


async def test_who_decides_sees_what_spills_from_rooms_of_another_account_of_theirs(
    tmp_path: Path,
) -> None:
    async with governed(tmp_path, member={"spill": SPILL}) as world:
        object.__setattr__(world.config.identity, "accounts_per_person", 2)
        await world.governed_room("zoe", SECOND)
        await world.verified("tom")
        first, second = await decided_in(world, world.room), await decided_in(world, SECOND)
        await link_to(world, "leonie", "tom")
        await world.say("lea", f"!policy report {user('leonie')} R1 All that is written are adverts")
        case = find(r"(?<=New case )C-\d+", world.in_review()[-1])
        shown = await world.review("mira", f"!policy show {case}")
        together = find(r"Counts together with: .*", shown)
        assert first in together
        assert second in together
