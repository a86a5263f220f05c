"""Trusted flaggers: their reports are marked and looked at first, counted, and decide nothing."""

import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from policybot.config.intake import FlaggerSection
from policybot.domain.notice_words import SENTENCES
from policybot.domain.period import parse
from policybot.domain.statement_export import faults
from policybot.store import figures
from tests.consoles import opened
from tests.flows.test_statement_exports import categorised, run
from tests.papers import Browser
from tests.reporting import report, reported, rows
from tests.serving import served
from tests.web.test_case_page import plain
from tests.world import World, user
from tests.world import world as make_world

HOTLINE = {"name": "Garden hotline", "accounts": [user("lea")]}
BY = "came from the trusted flagger Garden hotline and names R1"


@pytest.fixture
async def flagged(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    """A governed room, and a body for which Lea reports."""
    async with make_world(tmp_path, database_url, **{"reports.trusted_flaggers": [HOTLINE]}) as world:
        await world.governed_room()
        yield world


def changed(world: World, **keys: Any) -> None:
    """Restart with another list of bodies; none if nothing is said of one."""
    listed = (FlaggerSection.model_validate(HOTLINE | keys),) if keys else ()
    object.__setattr__(world.config.reports, "trusted_flaggers", listed)


async def marks(world: World) -> list[str | None]:
    return [row["flagger"] for row in await rows(world, "SELECT flagger FROM reports ORDER BY id")]


async def test_moderators_read_that_a_trusted_flagger_reported_and_never_by_which_account(
    flagged: World,
) -> None:
    world = flagged
    case, _ = await reported(world, "lea")
    card = world.in_review()[-1]
    assert f"New case {case}" in card
    assert "Came from the trusted flagger Garden hotline and names R1. The reporter writes:" in card
    shown = await world.review("mira", f"!policy show {case}")
    assert f"R-1 {BY}: This is an advert" in shown
    assert "reported by a trusted flagger (+12)" in shown
    queue = await world.review("mira", "!policy queue cases")
    assert "due in 24 h, reported by a trusted flagger" in queue
    for text in (card, shown, queue):
        assert user("lea") not in text
    # Whoever made it is told as anybody is, and reads in their export how it was taken.
    assert "Your receipt is R-2" in await report(world, "lea", await world.message("tom", "Buy!"))


async def test_the_page_of_a_case_and_the_list_of_cases_say_so_too(flagged: World) -> None:
    world = flagged
    case, _ = await reported(world, "lea")
    async with served(world) as url, aiohttp.ClientSession() as session:
        browser = Browser(session, url)
        path = await opened(world, browser, command=f"show {case}")
        _, page = await browser.get(path)
        assert BY in plain(page)
        assert user("lea") not in plain(page)
        _, listed = await browser.get(await opened(world, browser))
        assert "reported by a trusted flagger; R1; 1 report" in plain(listed)


async def test_what_a_trusted_flagger_reports_stands_before_what_others_reported_earlier(
    flagged: World,
) -> None:
    world = flagged
    first, _ = await reported(world, "anna")
    world.clock.pass_time(hours=10)
    second, _ = await reported(world, "lea")
    queue = await world.review("mira", "!policy queue cases")
    assert queue.index(second) < queue.index(first)
    # However many of theirs there are, it counts once; and nothing is decided by it.
    assert [row["state"] for row in await rows(world, "SELECT state FROM cases")] == ["open", "open"]


async def test_a_report_outside_of_its_field_is_one_like_any_other(flagged: World) -> None:
    world = flagged
    changed(world, rules=["R2"])
    await reported(world, "lea")
    assert "trusted" not in world.in_review()[-1]
    changed(world, rules=["R1"])
    await reported(world, "lea", text="And these are onions")
    assert await marks(world) == [None, "Garden hotline"]


async def test_who_is_paused_or_taken_from_the_list_reports_as_others_do_and_old_marks_stay(
    flagged: World,
) -> None:
    world = flagged
    case, _ = await reported(world, "lea")
    changed(world, paused=True)
    await reported(world, "lea", text="And these are onions")
    changed(world)
    await reported(world, "lea", text="And these are leeks")
    assert await marks(world) == ["Garden hotline", None, None]
    assert BY in await world.review("mira", f"!policy show {case}")


async def test_who_reports_under_a_pause_is_no_trusted_flagger_meanwhile(tmp_path: Path) -> None:
    """Also where the rule is one whose reports are taken from everybody."""
    more: dict[str, Any] = {
        "reports.trusted_flaggers": [HOTLINE],
        "reporters": {"never_paused": ["R1"]},
    }
    async with make_world(tmp_path, **more) as world:
        await world.governed_room()
        because = "The same harmless message again"
        for place in range(4):
            world.clock.pass_time(minutes=5)
            case, (receipt,) = await reported(world, "lea", text=f"Tomatoes {place}")
            await world.review("mira", f"!policy dismiss {case} Tomatoes are allowed here")
            await world.review("mira", f"!policy unfounded {receipt} {because}")
            if place == 2:
                await world.review("mira", f"!policy caution {receipt} {because}")
        answer = await world.review("mira", f"!policy pause {receipt} P7D {because}")
        assert "are not taken until" in answer
        await reported(world, "lea", text="Onions")
        assert await marks(world) == ["Garden hotline"] * 4 + [None]


async def test_the_name_of_the_body_goes_with_who_reported_and_that_it_was_one_stays(
    flagged: World,
) -> None:
    world = flagged
    case, _ = await reported(world, "lea")
    await world.review("mira", f"!policy dismiss {case} Tomatoes are allowed here")
    await world.tick(days=366)
    (row,) = await rows(world, "SELECT reporter, flagger FROM reports")
    assert (row["reporter"], row["flagger"]) == ("gone-1", "")


async def test_the_log_says_that_it_was_marked_and_the_reporter_reads_it_in_their_export(
    flagged: World,
) -> None:
    world = flagged
    await reported(world, "lea")
    await reported(world, "anna", text="Onions")
    sql = (
        "SELECT p.payload FROM audit a JOIN audit_payloads p ON p.seq = a.seq"
        " WHERE a.tag = 'report:receive' ORDER BY a.seq"
    )
    said = [json.loads(row["payload"]).get("flagger") for row in await rows(world, sql)]
    assert said == [True, None]
    async with world.database.transaction(reading=True) as tx:
        written = await world.app.services.exports.archive(tx, user("lea"))
    with zipfile.ZipFile(io.BytesIO(written)) as file:
        assert b"Garden hotline" in file.read("reports.json")


async def test_a_decision_on_such_a_report_says_whose_notice_it_was_and_its_person_reads_of_a_report(
    flagged: World,
) -> None:
    world = flagged
    for who, text in (("lea", "Buy my spades!"), ("anna", "Buy my rakes!")):
        case, _ = await reported(world, who, text=text)
        await world.decided(case, "restrict:P1D", confirm="otto")
    kept = await rows(world, "SELECT data FROM statements ORDER BY decision_id")
    assert [json.loads(row["data"])["source"] for row in kept] == [
        "SOURCE_TRUSTED_FLAGGER",
        "SOURCE_TYPE_OTHER_NOTIFICATION",
    ]
    told = "".join(world.told("tom"))
    assert "flagger" not in told
    assert "hotline" not in told
    assert told.count(SENTENCES["notice_by_report"]) == 2


async def counted(world: World) -> dict[str, dict[str, int]]:
    await world.tick(seconds=20)
    async with world.database.transaction(reading=True) as tx:
        return {key: dict(rows) for key, rows in (await figures.counts(tx, parse("2026"))).items()}


async def test_reports_decisions_and_objections_are_counted_by_whose_they_are(flagged: World) -> None:
    world = flagged
    for who, text in (("lea", "Buy my spades!"), ("lea", "Buy my hoes!"), ("anna", "Buy my rakes!")):
        case, _ = await reported(world, who, text=text)
        await world.decided(case, "warn")
    for who, text, hours in (("lea", "Tomatoes", 9), ("anna", "Onions", 2)):
        case, (receipt,) = await reported(world, who, text=text)
        await world.review("mira", f"!policy dismiss {case} Tomatoes are allowed here")
        await world.say(who, f"!policy object {receipt} It was an advert for his shop")
        world.clock.pass_time(hours=hours)
        await world.review("ravi", f"!policy uphold {receipt} Tomatoes are no advert")
    found = await counted(world)
    for population, split in (
        ("reports", {"flagger:yes": 3, "flagger:no": 2, "rule*flagger:R1/yes": 3}),
        ("on_reports", {"flagger:yes": 2, "flagger:no": 1, "rule*flagger:R1/yes": 2}),
        ("on_reports", {"flagger*took:yes/1 minute": 2, "flagger*took:no/1 minute": 1}),
        ("objections", {"flagger:yes": 1, "flagger:no": 1}),
        ("reconsidered", {"flagger*verdict:yes/uphold": 1, "flagger*verdict:no/uphold": 1}),
        ("reconsidered", {"flagger*answer:yes/1 day": 1, "flagger*answer:no/4 hours": 1}),
    ):
        assert split.items() <= found[population].items(), population


async def test_from_reports_to_the_tables_csv_json_and_the_statements_that_are_handed_over(
    tmp_path: Path,
) -> None:
    more: dict[str, Any] = {"reports.trusted_flaggers": [HOTLINE]}
    async with make_world(tmp_path, **more) as world:
        await world.governed_room()
        for place in range(12):
            case, _ = await reported(world, "lea" if place < 7 else "anna", text=f"Buy spade {place}")
            measure, second = ("restrict:P1D", "otto") if place in {0, 11} else ("warn", "")
            await world.decided(case, measure, confirm=second)
        categorised(world)
        words = ("statements", "--since", "2026-03-01", "--until", "2026-03-09", "--json")
        assert json.loads((await run(world, *words, "--to", f"{tmp_path}/out")).output)["refused"] == {}
        (file,) = (tmp_path / "out").iterdir()
        handed = json.loads(file.read_text("utf-8"))["statements"]
        assert [one["source_type"] for one in handed] == [
            "SOURCE_TRUSTED_FLAGGER",
            "SOURCE_TYPE_OTHER_NOTIFICATION",
        ]
        assert [faults(one) for one in handed] == [(), ()]
        assert "hotline" not in file.read_text("utf-8").lower()
        await world.tick(days=40)
        await run(world, "report", "2026-Q1", "--to", f"{tmp_path}/report")
        with (tmp_path / "report" / "4_notices.csv").open(encoding="utf-8", newline="") as table:
            total = list(csv.reader(table))[1]
        assert total[5:15] == ["12", "7", "12", "7", "", "", "0", "0", "12", "7"]
        async with served(world) as url, aiohttp.ClientSession() as session:
            browser = Browser(session, url)
            _, text = await browser.get("/transparency.csv?period=2026-Q1")
            label = "R1 Advertising; yes"
            assert f"2026-Q1,reports,rule*flagger,R1/yes,{label},7,yes" in text.replace('"', "")
            data = json.loads((await browser.get("/transparency.json?period=2026-Q1"))[1])
            of = data["populations"]["reports"]["tables"]
            assert of["flagger"]["no"] == {"number": 5, "complete": True}
            assert of["rule*flagger"]["R1/no"] == {"number": 5, "complete": True}
            page = plain((await browser.get("/transparency?period=2026-Q1"))[1])
            assert "Whether a trusted flagger reported it" in page
            assert "hotline" not in page.lower()
