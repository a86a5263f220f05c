"""A changed ladder comes into force by people, step by step, and judges nothing before."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from policybot.app import App, CannotStart
from policybot.cli.versions import ladder_finding
from policybot.domain.errors import OutOfOrder
from policybot.domain.ladder_file import LadderRefused
from policybot.services import policies as service
from policybot.services.previews import Choice
from policybot.store import audit, backtests, cases, outbox, policies
from policybot.store.database import Database
from tests.laddering import (
    FIRST_HARSHER,
    MILDER,
    STRICTER,
    approved,
    bring,
    in_force,
    ladder,
    proposed,
)
from tests.staffed import link_to
from tests.world import CHEAP, World, find, user
from tests.world import world as make_world

CLOSED_BY_ITSELF = {"automation.may": ["propose", "close"]}


async def state(world: World, version: str) -> str:
    async with world.database.transaction(reading=True) as tx:
        return (await world.app.services.policies.find(tx, version)).state.value


async def tags(world: World) -> list[str]:
    async with world.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT tag, object FROM audit WHERE tag LIKE 'policy:%' ORDER BY seq")
    return [
        f"{row['tag'].removeprefix('policy:')} {row['object'].removeprefix('policy ')}" for row in rows
    ]


async def threatened(world: World, offender: str) -> str:
    """Have somebody reported for what is S3; return the case."""
    return await world.reported(offender=offender, text="I shall burn it down")


async def decided(world: World, case: str) -> str:
    """Have it decided as the ladder proposes; return the answer."""
    return await world.review("mira", f"!policy decide {case} R2 S3 proposed Threatened a neighbour")


async def test_a_changed_ladder_is_a_draft_until_people_put_it_in_force(world: World) -> None:
    await bring(world, ladder("2", STRICTER))
    assert await in_force(world) == "1"
    said = world.in_review()[-1]
    assert "It is a draft: version 1 stays in force" in said
    assert "member S2/H1: restrict P3D → restrict P7D" in said
    assert "First let it be tried" in await world.review("mira", "!policy ladder 2 propose")
    assert "nothing changes for anybody" in await world.review("mira", "!policy ladder 2 shadow")
    assert "was not tested" in await world.review("mira", "!policy ladder 2 propose")
    await world.review("mira", "!policy ladder 2 test")
    await world.tick()
    assert "B-1: nothing was decided" in world.in_review()[-1]
    answer = await world.review("mira", "!policy ladder 2 propose")
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert any("binds on 16 March 2026" in text for text in world.in_review()[-2:])
    assert "a second person" in await world.review("mira", f"!policy confirm {code}")
    assert "One more person" in await world.review("otto", f"!policy confirm {code}")
    assert "approved it already" in await world.review("otto", f"!policy confirm {code}")
    assert await state(world, "2") == "candidate"
    await world.review("ravi", f"!policy confirm {code}")
    assert any("With that it comes into force on 16 March" in text for text in world.in_review()[-2:])
    said = await world.review("ravi", "!policy ladder 2")
    assert "Proposed by @mira:example.org; approved by @otto:example.org and @ravi:example.org" in said
    await world.tick(days=13)
    assert await in_force(world) == "1", "people are told fourteen days before"
    await world.tick(days=2)
    assert await in_force(world) == "2"
    assert "Version 2 of the ladder is in force, instead of 1." in world.in_review()[-1]
    steps = ["shadow 2", "test 2", "propose 2", "approve 2", "schedule 2", "retire 1", "live 2"]
    assert await tags(world) == ["bring 1", "live 1", "bring 2", *steps]
    said = await world.review("mira", "!policy ladder")
    assert "· 2 (" in said
    assert "no longer in force" in said


async def test_what_is_nowhere_stricter_needs_no_notice(world: World) -> None:
    await bring(world, ladder("2", MILDER))
    assert "in a moment" in await approved(world, "2")
    assert world.told("anna") == []
    await world.tick()
    assert await in_force(world) == "2"


async def test_a_version_of_the_future_waits_for_its_day_even_if_it_is_milder(world: World) -> None:
    await bring(world, ladder("2", MILDER, effective_from="2026-04-01T00:00:00Z"))
    assert "1 April 2026" in await approved(world, "2")
    await world.tick(days=28)
    assert await in_force(world) == "1"
    await world.tick(days=3)
    assert await in_force(world) == "2"


async def test_other_contents_under_a_known_version_are_refused(world: World) -> None:
    await bring(world, ladder("2", STRICTER))
    for version in ("1", "2"):
        with pytest.raises(CannotStart, match="give the new ladder a new version"):
            await bring(world, ladder(version, MILDER))
    assert await in_force(world) == "1"


async def test_a_draft_gives_way_to_the_next_one_with_what_was_proposed_of_it(world: World) -> None:
    await bring(world, ladder("2", STRICTER))
    code = await proposed(world, "2")
    await world.review("otto", f"!policy confirm {code}")
    await bring(world, ladder("3", MILDER))
    assert (await state(world, "2"), await state(world, "3")) == ("withdrawn", "draft")
    assert "Nothing waits" in await world.review("ravi", f"!policy confirm {code}")
    assert "give the ladder a new version" in await world.review("mira", "!policy ladder 2 shadow")
    await bring(world, ladder("2", STRICTER))
    assert await state(world, "2") == "withdrawn", "what is given up does not come again by a restart"
    assert await in_force(world) == "1"


async def test_what_was_approved_outlives_a_further_draft(world: World) -> None:
    await bring(world, ladder("2", STRICTER))
    await approved(world, "2")
    await bring(world, ladder("3", MILDER))
    code = await proposed(world, "3")
    assert "Version 2 is approved, and binds from 16 March" in await world.review(
        "otto", f"!policy confirm {code}"
    )
    await world.tick(days=15)
    assert await in_force(world) == "2"
    assert "The ladder in force is another one since B-2" in await world.review(
        "mira", "!policy ladder 3 propose"
    ), "its test was against version 1"


async def test_an_approval_is_of_exactly_this_test_and_time_gives_none(world: World) -> None:
    """I20: no lapse of time puts a ladder in force."""
    await bring(world, ladder("2", MILDER))
    code = await proposed(world, "2")
    await world.review("otto", f"!policy confirm {code}")
    await world.review("mira", "!policy ladder 2 test")
    await world.tick()
    assert "it was tested anew since" in await world.review("ravi", f"!policy confirm {code}")
    await world.tick(hours=25)
    assert await state(world, "2") == "shadow"
    assert "was not approved in time" in world.in_review()[-1]
    assert "Nothing waits" in await world.review("ravi", f"!policy confirm {code}")
    await world.tick(days=15)
    assert "more than 14 days old" in await world.review("mira", "!policy ladder 2 propose")
    assert await in_force(world) == "1"


async def test_what_is_denied_stays_in_shadow_and_needs_two_again(world: World) -> None:
    await bring(world, ladder("2", MILDER))
    code = await proposed(world, "2")
    await world.review("otto", f"!policy confirm {code}")
    await world.review("ravi", f"!policy deny {code}")
    assert await state(world, "2") == "shadow"
    again = find(r"(?<=confirm )\w+", await world.review("mira", "!policy ladder 2 propose"))
    assert "One more person" in await world.review("otto", f"!policy confirm {again}")


async def test_two_accounts_of_one_person_are_one_approver(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"identity.accounts_per_person": 2}
    async with make_world(tmp_path, **changes) as world:
        await world.verified("mira")
        await bring(world, ladder("2", MILDER))
        code = await proposed(world, "2")
        await link_to(world, "otto", "mira")
        assert "a second person" in await world.review("otto", f"!policy confirm {code}")
        answer = await world.review("ravi", f"!policy confirm {code}")
        assert "here is only one" in answer
        assert "versions.cooling_off" in answer
        assert await state(world, "2") == "candidate"


async def test_two_others_who_are_one_person_are_not_enough(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"identity.accounts_per_person": 2}
    async with make_world(tmp_path, **changes) as world:
        await bring(world, ladder("2", MILDER))
        await link_to(world, "otto", "lea")
        await link_to(world, "ravi", "lea")
        await world.review("mira", "!policy ladder 2 shadow")
        await world.review("mira", "!policy ladder 2 test")
        await world.tick()
        assert "here is only one" in await world.review("mira", "!policy ladder 2 propose")


async def test_where_one_other_is_left_a_delay_can_take_the_second_place(tmp_path: Path) -> None:
    staff = {user("mira"): ["moderator"], user("ravi"): ["reviewer", "appeals", "privacy"]}
    async with make_world(tmp_path, staff=staff, **{"versions.cooling_off": "P7D"}) as world:
        await bring(world, ladder("2", MILDER))
        code = await proposed(world, "2")
        said = await world.review("ravi", f"!policy confirm {code}")
        assert "comes into force on 9 March 2026" in said
        said = await world.review("ravi", "!policy ladder 2")
        assert "approved by @ravi:example.org, and a delay of 7 days in place of a second person" in said
        await world.tick(days=6)
        assert await in_force(world) == "1"
        assert "is withdrawn" in await world.review("mira", "!policy ladder 2 withdraw We thought again")
        await world.tick(days=3)
        assert await in_force(world) == "1"


async def test_everybody_is_told_before_much_becomes_harsher(world: World) -> None:
    await world.governed_room()
    await world.verified("zoe")
    await decided(world, await threatened(world, "tom"))
    await bring(world, ladder("2", FIRST_HARSHER))
    assert "Everybody who signed" in await approved(world, "2")
    await world.tick()
    await world.tick()
    for who in ("anna", "zoe"):
        assert any("becomes stricter from 16 March 2026" in text for text in world.told(who)), who
    assert (
        "What somebody does in one room, severity S3, history H0: no posting in the room for 14 days "
        "(so far: no posting in the room for 7 days)"
    ) in world.told("zoe")[-1]
    await world.review("ravi", "!policy ladder 2 withdraw It was not thought through")
    await world.tick()
    assert "version 2, is not coming" in world.told("zoe")[-1]
    before = len(world.told("zoe"))
    await world.tick(days=20)
    assert (await in_force(world), len(world.told("zoe"))) == ("1", before)


@pytest.mark.parametrize("withdrawn", [False, True])
async def test_nothing_binds_of_which_people_were_to_be_told_and_were_not(
    world: World, monkeypatch: pytest.MonkeyPatch, *, withdrawn: bool
) -> None:
    await world.governed_room()
    await decided(world, await threatened(world, "tom"))
    await bring(world, ladder("2", FIRST_HARSHER))
    await approved(world, "2")
    before = world.told("anna")
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "counts", AsyncMock(return_value={"waiting": 1000}))
        await world.tick(days=20)
        assert (await in_force(world), world.told("anna")) == ("1", before)
    if withdrawn:
        await world.review("ravi", "!policy ladder 2 withdraw It was not thought through")
    await world.tick()
    await world.tick()
    assert await in_force(world) == ("1" if withdrawn else "2")
    assert len(world.told("anna")) == len(before) + (not withdrawn), (
        "who was not told is not told the end"
    )


async def test_a_version_on_trial_is_kept_beside_what_is_decided_and_changes_nothing(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    await bring(world, ladder("2", FIRST_HARSHER))
    await world.review("mira", "!policy ladder 2 shadow")
    case = await threatened(world, "tom")
    answer = await decided(world, case)
    assert "on trial, would propose restrict P14D" in answer
    assert "restrict P7D" in answer
    await world.work()
    assert "14 days" not in "".join(world.told("tom"))
    said = await world.review("mira", "!policy ladder 2")
    assert "beside 1 decision it would have proposed 0 more mildly, 0 the same, 1 more" in said
    assert "restrict P7D → restrict P14D: 1" in said


async def test_each_act_is_judged_by_the_law_of_its_time_or_a_milder_one_since(world: World) -> None:
    """Three versions, one after the other: 7, 14 and 3 days for the same, then 30 again."""
    first = ["restrict P30D", "suspend P30D", "suspend P90D"]
    await world.governed_room()
    cases = [await threatened(world, "tom")]
    for version, days, who in (("2", 14, "lea"), ("3", 30, "zoe")):
        change = {"scopes.member.grid.S3": [f"restrict P{days}D", *first]}
        await bring(world, ladder(version, change))
        await approved(world, version)
        await world.tick(days=16)
        assert await in_force(world) == version
        reporter = "tom" if who == "lea" else "lea"
        cases.append(await world.reported(offender=who, reporter=reporter, text="I shall burn it down"))
    for case, days in zip(cases, (7, 14, 30), strict=True):
        said = await world.review("mira", f"!policy propose {case} R2 S3")
        assert f"proposed: restrict P{days}D" in said, case
    await bring(world, ladder("4", {"scopes.member.grid.S3": ["restrict P10D", *first]}))
    await approved(world, "4")
    await world.tick()
    assert await in_force(world) == "4"
    for case, days in zip(cases, (7, 10, 10), strict=True):
        said = await world.review("mira", f"!policy propose {case} R2 S3")
        assert f"proposed: restrict P{days}D" in said, case


async def test_an_older_version_in_the_file_comes_back_only_on_the_same_way(world: World) -> None:
    old = world.config.ladder
    await bring(world, ladder("2", MILDER))
    await approved(world, "2")
    await world.tick(days=1)
    await bring(world, old)
    assert (await in_force(world), await state(world, "1")) == ("2", "draft")
    assert "version 2 stays in force" in world.in_review()[-1]
    await approved(world, "1")
    await world.tick(days=15)
    assert await in_force(world) == "1"
    async with world.database.transaction(reading=True) as tx:
        terms = await world.app.services.policies.published(tx)
    assert [term.version for term in terms] == ["1", "2", "1"]
    assert [term.until for term in terms] == [*(term.since for term in terms[1:]), None]


async def test_no_decision_is_made_under_a_ladder_that_is_no_longer_in_force(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    number = await threatened(world, "tom")
    await bring(world, ladder("2", MILDER))
    await approved(world, "2")
    resolutions = world.app.services.decisions
    async with world.database.transaction(reading=True) as tx:
        case = await cases.get(tx, int(number.removeprefix("C-")))
        assert case is not None
        choice = Choice("R2", "S3", facts="Threatened a neighbour")
        draft = await resolutions.draft(tx, user("mira"), case, choice)
    await world.tick()
    assert await in_force(world) == "2"
    with pytest.raises(OutOfOrder, match="has changed this moment"):
        async with world.database.transaction() as tx:
            await resolutions.settle(tx, case, draft, None)
    assert "restrict P7D" in await decided(world, number), "and it is decided anew at once"


@pytest.fixture
async def two(tmp_path: Path, database_url: str) -> AsyncIterator[tuple[World, App]]:
    """A world, and a second process on its database."""
    async with make_world(tmp_path, database_url) as first:
        database = await Database.open(first.config.database_url)
        second = App(first.config, database, now=first.clock, stretch=CHEAP)
        second.setting.review_room = first.app.setting.review_room
        await second.record_policy()
        yield first, second
        await database.close()


async def test_two_processes_put_it_in_force_once_and_both_know(two: tuple[World, App]) -> None:
    world, second = two
    await bring(world, ladder("2", MILDER))
    await approved(world, "2")
    await asyncio.gather(world.app.tick(), second.tick())
    await world.tick()
    await second.tick()
    assert await in_force(world) == "2"
    assert second.setting.policy.ladder.version == "2"
    assert (await tags(world)).count("live 2") == 1


async def test_while_a_decision_is_saved_the_ladder_stays(tmp_path: Path, postgres_socket: str) -> None:
    from tests.postgres import give_back, ready_database

    url = await ready_database(postgres_socket)
    async with make_world(tmp_path, url) as world:
        await bring(world, ladder("2", MILDER))
        await approved(world, "2")
        live = world.app.setting.policy.hash
        async with world.database.transaction() as tx:
            assert await policies.keep(tx, live)
            ticking = asyncio.create_task(world.app.tick())
            await asyncio.sleep(0.2)
            async with world.database.transaction(reading=True) as other:
                assert await policies.live_hash(other) == live, "it waits for the decision"
        await ticking
        assert await in_force(world) == "2"
    await give_back(postgres_socket, url)


async def test_a_crash_on_the_day_leaves_the_one_before_in_force(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bring(world, ladder("2", MILDER))
    await approved(world, "2")
    with monkeypatch.context() as patch:
        patch.setattr(policies, "begin", None)
        with pytest.raises(TypeError):
            await world.app.tick()
    assert await in_force(world) == "1"
    await world.tick()
    assert await in_force(world) == "2"


async def test_no_way_of_bringing_a_ladder_widens_what_a_machine_may_do(world: World) -> None:
    """I20: the ceiling is in the code, for a file, a file to test, and what stands in the database."""
    with pytest.raises(LadderRefused, match="close must be done by people"):
        ladder("2", CLOSED_BY_ITSELF)
    await bring(world, ladder("2", MILDER))
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE policies SET data = replace(data, '\"propose\"', '\"close\"')")
    with pytest.raises(policies.Unreadable, match="was changed in the database"):
        await world.app.tick()


async def unread(world: World, version: str) -> None:
    """Have beside a version one like it that an earlier policybot took, and this one does not."""
    async with world.database.transaction() as tx:
        data = str(await tx.value("SELECT data AS value FROM policies WHERE version = $1", version))
        data = data.replace('"propose"', '"close"')
        await tx.execute(
            "INSERT INTO policies (hash, id, version, data, state, brought_at)"
            " SELECT $1, id, version || ' old', $2, 'draft', brought_at FROM policies"
            " WHERE version = $3",
            hashlib.sha256(data.encode()).hexdigest(),
            data,
            version,
        )


async def test_a_ladder_in_force_that_cannot_be_read_stops_neither_clock_nor_judging(
    world: World,
) -> None:
    await world.governed_room()
    case = await world.reported()
    await world.decided(case, "restrict:P3D", confirm="otto")
    await world.tick(minutes=1)
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE policies SET data = replace(data, '\"propose\"', '\"close\"')")
    world.clock.pass_time(days=4)
    with pytest.raises(policies.Unreadable, match="was changed in the database"):
        await world.app.tick()
    await world.work()
    assert user("tom") not in world.homeserver.levels[world.room]["users"], "measures end"
    again = await world.reported("zoe")
    answer = await world.review("mira", f"!policy propose {again} R1 S2")
    assert "proposed: warn" in answer
    assert "judged by today's version: that of the time of the act cannot be read" in answer
    with pytest.raises(CannotStart, match="was changed in the database") as said:
        await world.app.record_policy()
    assert "back from a copy" in str(said.value)
    finding = await ladder_finding(world.config)
    assert not finding.good
    assert "back from a copy" in finding.mend


async def test_a_draft_or_former_ladder_that_cannot_be_read_is_left_out(world: World) -> None:
    await bring(world, ladder("2", MILDER))
    await unread(world, "2")
    await world.tick()
    await world.app.record_policy()
    assert "old" not in await world.review("mira", "!policy ladder")
    async with world.database.transaction(reading=True) as tx:
        old = await tx.first("SELECT hash FROM policies WHERE version = '2 old'")
        assert old is not None
        with pytest.raises(policies.Unreadable, match="close must be done by people") as said:
            await policies.get(tx, old["hash"])
    assert "Run the policybot that recorded it" in said.value.mend


async def test_with_the_same_ladder_a_backtest_finds_what_was_proposed(any_world: World) -> None:
    """Its ledgers are those of the decisions: what differs is only the ladder."""
    world = any_world
    await world.governed_room()
    expected = []
    for days, severity in ((0, "S2"), (5, "S2"), (20, "S2"), (1, "S1"), (100, "S2")):
        await world.tick(days=days)
        case = await world.reported()
        said = await world.review(
            "mira", f"!policy decide {case} R1 {severity} proposed Advertised a shop"
        )
        expected.append(find(r"(?<=\(proposed: )[^)]+", said))
        await world.work()
        await world.message("tom", "I see", world.room)
    assert len(set(expected)) > 2, expected
    tests = world.app.services.backtests
    since = world.clock() - timedelta(days=400)
    same = await tests.run(world.database, world.config.ladder, since)
    assert same.same == same.decisions == 5
    assert sorted(old for (old, _), n in same.matrix.items() for _ in range(n)) == sorted(expected)
    changed = await tests.run(world.database, ladder("2", STRICTER), since)
    assert (changed.harsher, changed.milder, changed.people) == (1, 0, 1)
    assert [(one.old, one.new) for one in changed.worst] == [("restrict P3D", "restrict P7D")]


async def test_the_result_is_bound_to_what_it_saw(world: World) -> None:
    await bring(world, ladder("2", MILDER))
    await proposed(world, "2")
    async with world.database.transaction(reading=True) as tx:
        version = await world.app.services.policies.find(tx, "2")
        test = await backtests.newest(tx, version.hash)
        entries = await audit.length(tx)
    assert test is not None
    assert (version.test, test.base, test.result.decisions) == (1, world.app.setting.policy.hash, 0)
    assert entries
    seen_more = replace(test, result=replace(test.result, decisions=1))
    assert service._bound(version, test) != service._bound(version, seen_more)
