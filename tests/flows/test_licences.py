"""The operator's own file: its licences are reminded of in time, and its people are enough or not."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from policybot.cli.doctor import licence_findings, staffing_findings
from policybot.config import load
from policybot.domain.licence import EXPIRED, Licence, due
from policybot.services.staffing import Staffing
from tests import files
from tests.world import START, World
from tests.world import world as make_world

LICENCE: dict[str, Any] = {
    "title": "Licence for <b>services</b>",
    "number": "L-17",
    "issuer": "Example Authority",
    "valid_until": START.date() + timedelta(days=100),
    "link": "https://authority.example.org/17",
}
ENDLESS: dict[str, Any] = {"title": "Entry", "number": "E-1", "issuer": "Example Court"}


@pytest.fixture
async def licensed(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    async with make_world(tmp_path, database_url, **{"operator.licences": [LICENCE, ENDLESS]}) as made:
        yield made


def reminders(world: World) -> list[str]:
    return [text for text in world.in_review() if text.startswith("Your licence")]


async def test_people_are_reminded_at_each_time_once_and_when_it_has_ended(licensed: World) -> None:
    world = licensed
    for days, told in (
        (0, 0),
        (9, 0),
        (1, 1),
        (0, 1),
        (59, 1),
        (1, 2),
        (23, 3),
        (7, 3),
        (1, 4),
        (30, 4),
    ):
        await world.tick(days=days)
        await world.app.tick()
        assert len(reminders(world)) == told, days
    assert "number L-17 of Example Authority, ends in 90 days, on 10 June 2026" in reminders(world)[0]
    assert "ends in 7 days" in reminders(world)[2]
    assert "ended on 10 June 2026" in reminders(world)[3]


async def test_what_is_late_is_told_once(licensed: World) -> None:
    await licensed.tick(days=95)
    await licensed.tick(days=0)
    (text,) = reminders(licensed)
    assert "ends in 5 days" in text


async def test_a_reminder_survives_a_restart(licensed: World) -> None:
    await licensed.tick(days=20)
    licensed.app.services.licences.__init__(licensed.app.setting)  # type: ignore[misc]
    await licensed.app.record_policy()
    await licensed.tick(days=1)
    assert len(reminders(licensed)) == 1


async def test_a_licence_that_was_renewed_is_reminded_of_anew(licensed: World) -> None:
    await licensed.tick(days=95)
    section = licensed.config.operator.licences[0]
    object.__setattr__(section, "valid_until", START.date() + timedelta(days=460))
    await licensed.tick(days=1)
    assert len(reminders(licensed)) == 1
    await licensed.tick(days=280)
    assert "ends in 84 days" in reminders(licensed)[1]


@pytest.mark.parametrize(
    ("left", "reminder"), [(91, None), (90, 90), (31, 90), (30, 30), (7, 7), (0, 7), (-1, EXPIRED)]
)
def test_the_last_day_still_counts(left: int, reminder: int | None) -> None:
    licence = Licence("A", "1", "B", START.date() + timedelta(days=left), None)
    assert due(licence, START.date()) == reminder


async def test_everybody_can_ask_for_the_licences(licensed: World) -> None:
    answer = await licensed.say("lea", "!policy about")
    assert (
        "Licence: Licence for <b>services</b>, number L-17, from Example Authority, valid until"
        in answer
    )
    assert "Licence: Entry, number E-1, from Example Court\n" in answer
    assert answer.endswith("/about")
    licensed.clock.pass_time(days=200)
    assert "ended on 10 June 2026" in await licensed.say("lea", "!policy about")


# Staffing -------------------------------------------------------------------------------------------


async def _reports(world: World, number: int) -> list[str]:
    await world.governed_room()
    return [await world.reported(text=f"Buy spade {n}!") for n in range(number)]


async def test_the_figures_count_what_came_in_and_what_was_done(any_world: World) -> None:
    world, service = any_world, any_world.app.services.staffing
    cases = await _reports(world, 6)
    world.clock.pass_time(days=2)
    await world.decided(cases[0], "warn")
    world.clock.pass_time(days=6)
    await world.decided(cases[1], "warn")
    async with world.database.transaction(reading=True) as tx:
        found = await service.figures(tx)
        shown = await service.published(tx)
    assert (found.moderators, found.counts.reports, found.counts.open) == (2, 6, 4)
    assert (found.counts.decided, found.counts.in_time) == (2, 1)
    assert found.load == pytest.approx(0.1)
    assert service.lacks(found) == [
        "the oldest case has been open for 8 days, and 7 days are your limit"
    ]
    assert "0.1 reports for each moderator and day over 30 days; 4 open cases" in service.in_words(found)
    assert (shown.reports, shown.load, shown.open, shown.oldest_days) == (5, 0.08, None, None)
    assert (shown.decided, shown.in_time_percent) == (None, None), "few enough to know who they are"


async def test_who_reads_them_every_minute_does_not_see_one_more(world: World) -> None:
    """I28: a count that grows by one says that somebody reported just now, or was decided about."""
    cases = await _reports(world, 12)
    for case in cases[:7]:
        await world.decided(case, "warn")
    service = world.app.services.staffing
    async with world.database.transaction(reading=True) as tx:
        before = await service.published(tx)
    assert (before.reports, before.decided, before.in_time_percent) == (10, 5, 100)
    case = await world.reported(text="Buy one more!")
    async with world.database.transaction(reading=True) as tx:
        assert await service.published(tx) == before
    world.clock.pass_time(days=8)
    await world.decided(case, "warn")
    async with world.database.transaction(reading=True) as tx:
        after = await service.published(tx)
    assert (after.decided, after.in_time_percent) == (5, None), "of one that was late nothing is said"


async def test_too_much_for_too_few_is_told(world: World) -> None:
    await _reports(world, 3)
    object.__setattr__(world.config.operator.staffing, "reports_per_moderator_and_day", 0.01)
    service = Staffing(world.config, world.clock)
    async with world.database.transaction(reading=True) as tx:
        (said,) = service.lacks(await service.figures(tx))
    assert "0.1 reports for each moderator and day, and 0.01 are your limit" in said


async def test_the_doctor_says_when_people_are_too_few_and_which_licence_ends(tmp_path: Path) -> None:
    old = LICENCE | {"valid_until": START.date()}
    changes: dict[str, Any] = {"operator.licences": [old, ENDLESS]}
    async with make_world(tmp_path, **changes) as world:
        await _reports(world, 1)
        ended, endless = licence_findings(world.config)
        assert not ended.good
        assert "ended on 2 March 2026" in ended.said
        assert endless.good
        (finding,) = await staffing_findings(world.config)
        assert not finding.good, "the case of the world's clock is old by now"
        assert "the oldest case has been open for" in finding.said
        assert "operator.staffing" in finding.mend
        object.__setattr__(world.config.operator.staffing, "oldest_case", timedelta(days=100_000))
        (finding,) = await staffing_findings(world.config)
        assert finding.good
        assert "1 open cases" in finding.said


async def test_before_the_first_start_the_doctor_knows_no_figures(tmp_path: Path) -> None:
    assert await staffing_findings(load(files.write(tmp_path))) == []
