"""Figures: each act counted once, published when a period is over, and never changed after."""

import asyncio
import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from policybot.domain.period import parse
from policybot.domain.suppression import HIDDEN, Cell
from policybot.store import audit, figures
from tests.flows.test_removals import decided
from tests.flows.test_statement_exports import CATEGORY, categorised, run
from tests.reporting import dismissed
from tests.world import World, find
from tests.world import world as make_world


async def counts(world: World, period: str = "2026") -> dict[str, dict[str, int]]:
    async with world.database.transaction(reading=True) as tx:
        return {key: dict(rows) for key, rows in (await figures.counts(tx, parse(period))).items()}


async def history(world: World) -> None:
    """Somebody reports, somebody decides, somebody appeals and is right; a measure ends by itself."""
    await world.governed_room()
    case = await world.reported()
    world.clock.pass_time(minutes=50)
    await world.decided(case, "restrict:P3D", confirm="otto")
    world.clock.pass_time(hours=2)
    await world.say("tom", f"!policy appeal {case} It was no advert, I gave them away")
    world.clock.pass_time(hours=5)
    await world.review("ravi", f"!policy overturn {case} They were indeed given away")
    second = await world.reported("zoe", "lea", "Buy my rakes!")
    await world.decided(second, "restrict:P1D", confirm="otto")
    await world.tick(days=1, seconds=40)
    third = await world.reported("zoe", "lea", "Look at this")
    await world.review("mira", f"!policy dismiss {third} That breaks no rule at all")
    await world.tick(seconds=20)


async def test_each_act_counts_in_every_table_of_its_kind(any_world: World) -> None:
    await history(any_world)
    found = await counts(any_world)
    assert found["reports"] == {
        "": 3,
        "month:2026-03": 3,
        "way:command": 3,
        "rule:R1": 3,
        "receipt:1 minute": 3,
        "flagger:no": 3,
        "rule*flagger:R1/no": 3,
    }
    decisions = found["on_reports"]
    assert (decisions[""], decisions["rule:R1"], decisions["measure:member:restrict"]) == (2, 2, 2)
    assert (decisions["severity:S2"], decisions["second:yes"]) == (2, 2)
    assert "own" not in found
    assert decisions["took:1 hour"] == 1
    assert found["touched"][""] == 3
    assert found["carried"][""] == found["notices"][""] == 2
    assert found["appeals"] == {
        "": 1,
        "month:2026-03": 1,
        "measure:member:restrict": 1,
        "removed:no": 1,
    }
    assert found["verdicts"] == {
        "": 1,
        "month:2026-03": 1,
        "verdict:overturn": 1,
        "measure:member:restrict": 1,
        "answer:1 day": 1,
        "removed:no": 1,
        "measure*verdict:member:restrict/overturn": 1,
        "measure*answer:member:restrict/1 day": 1,
        "removed*verdict:no/overturn": 1,
        "removed*answer:no/1 day": 1,
    }
    assert found["ended"]["how:void"] == 1
    assert found["ended"]["how:1 minute"] == 1
    assert found["dismissed"][""] == 1
    assert found["filings"]["step:approve"] == 1
    for population, rows in found.items():
        tables = {row.partition(":")[0] for row in rows if row}
        for table in tables:
            split = sum(n for row, n in rows.items() if row.startswith(f"{table}:"))
            assert split == rows[""], f"{population} by {table} does not add up to the whole"


async def test_a_measure_that_was_over_when_it_became_void_ended_once(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    await world.decided(case, "restrict:P1D", confirm="otto")
    await world.tick(days=1, seconds=40)
    await world.say("tom", f"!policy appeal {case} It was no advert, I gave them away")
    await world.review("ravi", f"!policy overturn {case} They were indeed given away")
    await world.tick(seconds=20)
    found = await counts(world)
    assert (found["ended"][""], found["ended"]["how:1 minute"]) == (1, 1)
    assert found["verdicts"]["verdict:overturn"] == 1


async def test_an_entry_counts_once_whoever_counts_and_whatever_breaks(any_world: World) -> None:
    await history(any_world)
    before = await counts(any_world)
    service = any_world.app.services.figures
    async with any_world.database.transaction() as tx:
        await tx.execute("UPDATE figures_read SET seq = 0")
        await tx.execute("DELETE FROM figures")

    class Killed(Exception):  # noqa: N818 - as after kill -9
        pass

    async def killed() -> None:
        async with any_world.database.transaction() as tx:
            await service.follow(tx)
            raise Killed

    with pytest.raises(Killed):
        await killed()
    await asyncio.gather(*(service.tick(any_world.database) for _ in range(4)))
    assert await counts(any_world) == before


async def many(world: World, population: str, day: date, **cells: int) -> None:
    """Put figures of a day straight where they are kept."""
    numbers = {(day, population, cell.replace("__", ":")): n for cell, n in cells.items()}
    async with world.database.transaction() as tx:
        await figures.count(tx, numbers | {(day, population, ""): max(cells.values(), default=0)})


async def test_a_period_is_published_once_it_is_over_and_is_in_the_log(world: World) -> None:
    await world.tick()
    async with world.database.transaction() as tx:
        await figures.count(tx, {(date(2026, 3, 9), "appeals", ""): 7})
    await world.tick(days=29)
    async with world.database.transaction(reading=True) as tx:
        assert await world.app.services.figures.view(tx) is None, "it is 31 March"
    await world.tick(days=2)
    async with world.database.transaction(reading=True) as tx:
        view = await world.app.services.figures.view(tx, "2026-Q1")
        row = await tx.first("SELECT hash FROM publications")
        logged = await tx.first(
            "SELECT a.object, p.payload FROM audit a JOIN audit_payloads p ON p.seq = a.seq"
            " WHERE a.tag = 'figures:publish'"
        )
    assert view is not None
    assert view.publication.of("appeals").total == Cell(7)
    assert row is not None
    assert logged is not None
    assert (logged["object"], json.loads(logged["payload"])["sha256"]) == ("2026-Q1", row["hash"])


async def test_what_comes_later_is_counted_later_and_changes_nothing_published(world: World) -> None:
    await world.tick()
    async with world.database.transaction() as tx:
        await figures.count(tx, {(date(2026, 3, 9), "verdicts", ""): 7})
    await world.tick(days=31)
    async with world.database.transaction() as tx:
        before = await tx.value("SELECT data AS value FROM publications")
        await figures.count(tx, {(date(2026, 3, 9), "verdicts", ""): 50})
    await world.tick(days=1)
    async with world.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT data AS value FROM publications") == before
    async with world.database.transaction() as tx:
        with pytest.raises(Exception, match="never changed"):
            await tx.execute("UPDATE publications SET data = '{}'")


async def test_a_changed_span_counts_from_where_it_fits_on(tmp_path: Path) -> None:
    """Figures that were published by the quarter cannot be worked out from those of a year."""
    async with make_world(tmp_path) as world:
        await world.tick()
        async with world.database.transaction() as tx:
            await figures.count(tx, {(date(2026, 3, 9), "appeals", ""): 7})
        await world.tick(days=31)
        section = world.config.transparency
        object.__setattr__(section, "finest", type(section.finest)("year"))
        await world.tick(days=400)
        async with world.database.transaction(reading=True) as tx:
            rows = await tx.fetch("SELECT period FROM publications ORDER BY start")
        assert [row["period"] for row in rows] == ["2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4"]


async def test_a_year_is_the_sum_of_what_was_published(world: World) -> None:
    """I28: also between quarter and year nothing small can be subtracted."""
    await world.tick()
    async with world.database.transaction() as tx:
        for day, number in ((date(2026, 3, 9), 20), (date(2026, 5, 9), 3), (date(2026, 8, 1), 30)):
            await figures.count(tx, {(day, "appeals", ""): number})
    await world.tick(days=330)
    async with world.database.transaction(reading=True) as tx:
        service = world.app.services.figures
        quarter = await service.view(tx, "2026-q2")
        year = await service.view(tx, "2026")
        everything = await service.view(tx, "all")
    assert quarter is not None
    assert quarter.publication.of("appeals").total == HIDDEN
    for view in (year, everything):
        assert view is not None
        assert view.publication.of("appeals").total == Cell(50, whole=False), "50 or more"


def test_the_name_of_a_period_is_read_as_it_is_written() -> None:
    for name in ("2026", "2026-Q1", "2026-Q4", "2026-03", "2026-12"):
        assert parse(name).name == name
    for wrong in ("", "26", "2026-Q5", "2026-13", "2026-00", "0000", "9999", "2026-1", "all"):
        with pytest.raises(ValueError, match="A period is"):
            parse(wrong)


async def test_counting_follows_the_chain_of_the_log(world: World) -> None:
    await history(world)
    async with world.database.transaction(reading=True) as tx:
        assert await figures.behind(tx) == 0
        steps: list[Any] = [step async for step in audit.verify(tx)]
    assert not any(isinstance(step, audit.Fault) for step in steps)


async def acted(world: World, *acts: tuple[str, dict[str, Any]]) -> None:
    """Write acts into the log, as the services do, and have them counted."""
    async with world.database.transaction() as tx:
        for tag, payload in acts:
            audit.append(
                tx, at=world.clock(), actor="@mira:example.org", tag=tag, object="X-1", **payload
            )
    await world.tick(seconds=20)


async def test_what_is_handed_over_and_corrected_counts_by_who_has_it(any_world: World) -> None:
    police: dict[str, Any] = {"recipient": "police", "fields": ["rule"]}
    await acted(
        any_world,
        ("referral:hand_over", police),
        ("referral:correct", police | {"fields": []}),
        ("referral:hand_over", police | {"fields": []}),
        ("filing-appeal:submit", {}),
        ("filing-appeal:overturn", {}),
        ("recheck:flag", {"decision": 1}),
        ("recheck:close", {"decision": 1}),
    )
    found = await counts(any_world)
    assert found["referrals"] == {"": 1, "month:2026-03": 1, "recipient:police": 1}
    assert found["corrections"] == found["referrals"]
    assert (found["filing_appeals"][""], found["filing_appeals"]["step:overturn"]) == (2, 1)
    assert (found["rechecks"][""], found["rechecks"]["step:flag"]) == (2, 1)


async def table(world: World, folder: Path, name: str) -> list[list[str]]:
    """Read a table of the report on the first quarter, as the command line writes it."""
    result = await run(world, "report", "2026-Q1", "--to", str(folder))
    assert result.exit_code == 0, result.output
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


async def test_what_became_of_appeals_is_told_in_the_report_by_what_they_were_against(
    tmp_path: Path,
) -> None:
    async with make_world(tmp_path) as world:
        await world.governed_room()
        for place in range(10):
            removing = place < 5
            case = await world.reported(text=f"Buy spade {place}!")
            await decided(world, case, "warn+remove" if removing else "restrict:P1D")
            await world.say("tom", f"!policy appeal {case} It was no advert, I gave them away")
            world.clock.pass_time(hours=2 if removing else 9)
            verdict = "overturn" if removing else "uphold"
            await world.review("ravi", f"!policy {verdict} {case} I looked at all of it again")
        await world.tick(days=40)
        rows = await table(world, tmp_path / "report", "7_appeals_and_recidivism.csv")
        about = "Complaint regarding a decision to "
        told = {
            name: [row[6:8] for row in rows if row[4].startswith(f"{about}{name}")]
            for name in ("remove", "suspend or terminate the provision", "suspend or terminate an acc")
        }
        nothing = ["0", ""]
        assert told == {
            "remove": [["5", ""], nothing, nothing, ["5", ""], ["", "within 4 hours"]],
            "suspend or terminate the provision": [
                *(["5", ""], ["5", ""], nothing, nothing),
                ["", "within 1 day"],
            ],
            "suspend or terminate an acc": [nothing] * 4 + [["", "nothing was to be settled"]],
        }


async def test_what_was_done_of_our_own_is_told_in_the_report_by_category(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        await world.governed_room()
        for place in range(10):
            case = find(r"C-\d+", await world.review("mira", f"!policy case {world.room}"))
            await decided(world, case, "warn" if place < 5 else "restrict:P1D")
        await world.tick(days=40)
        categorised(world)
        rows = await table(world, tmp_path / "report", "6_own_initiative_TC.csv")
        (row,) = [row for row in rows if row[3] == CATEGORY]
        # In all, by a machine, removed; nine that nobody can do; kept from posting, and the rest.
        assert row[5:21] == ["10", "0", "0", *["0"] * 9, "5", "0", "0", "0"]
        assert row[5:21] == rows[1][5:21]


async def test_what_restricts_somebody_because_a_reporter_objected_is_counted_as_that(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    for measure in ("warn+remove", "warn"):
        case, (receipt,) = await dismissed(world, "lea")
        await world.say("lea", f"!policy object {receipt} It was an advert for his shop")
        world.clock.pass_time(hours=2)
        await world.review("ravi", f"!policy overturn {receipt} It names his shop")
        answer = await world.decided(case, measure, by="otto")
        assert "is being carried out" in answer, answer
    await world.tick(seconds=20)
    found = await counts(world)
    assert (found["on_reports"]["anew:yes"], found["on_reports"]["anew:no"]) == (1, 1)
    assert found["reconsidered"]["answer:4 hours"] == 2
    # What nobody had to object to is no such restriction.
    await decided(world, await world.reported(text="Buy my rakes!"), "restrict:P1D")
    await world.tick(seconds=20)
    assert (await counts(world))["on_reports"]["anew:no"] == 2
