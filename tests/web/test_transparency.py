"""The figures that everybody may read: the same as a page, a report, CSV and JSON; nobody is in them."""

import csv
import html
import io
import json
from collections.abc import Iterator
from datetime import date
from xml.etree import ElementTree as ET

import pytest

from policybot.domain.population import POPULATIONS, TIMES
from policybot.store import figures
from tests.laddering import MILDER, STRICTER, ladder, put_in_force
from tests.web.test_pages import Browser, browser
from tests.world import World

__all__ = ["browser"]


def _split(total: int, keys: list[str]) -> Iterator[tuple[str, int]]:
    """Share a number out, so that some rows are large, some small and some empty."""
    left = total
    for place, key in enumerate(keys):
        share = left if place == len(keys) - 1 else min(left, (left * 3) // 5 if place % 3 < 2 else 2)
        if share:
            yield key, share
        left -= share


async def filled(world: World, *, quarters: int = 2) -> None:
    """Put figures of some quarters in, and let them be published."""
    days = [date(2026, 1, 20), date(2026, 5, 20), date(2026, 8, 3)][:quarters]
    numbers = {}
    rules = [rule.id for rule in world.config.rules]
    for place, day in enumerate(days):
        for at, population in enumerate(POPULATIONS):
            total = (3, 250, 41, 1200, 17)[(at + place) % 5]
            numbers[day, population.key, ""] = total
            numbers[day, population.key, f"month:{day:%Y-%m}"] = total
            split = {}
            for table in population.tables:
                keys = [key for key, _ in table.labels] or rules
                if table.of is None:
                    shares = _split(total, keys)
                    split[table.key] = [f"{table.key}:{key}" for key, n in shares for _ in range(n)]
            for rows in zip(*split.values(), strict=True):
                for row in (*rows, *population.crossing(rows)):
                    key = (day, population.key, row)
                    numbers[key] = numbers.get(key, 0) + 1
    async with world.database.transaction() as tx:
        await figures.count(tx, numbers)
    await world.tick(days=92 * quarters)


async def test_before_the_first_figures_the_page_says_when_they_come(
    browser: Browser, world: World
) -> None:
    status, page, headers = await browser.get("/transparency")
    assert status == 200
    assert "2 April 2026" in page
    assert headers["Cache-Control"] == "public, max-age=60"
    assert "Set-Cookie" not in headers
    assert (await browser.get("/transparency/2026"))[0] == 404
    assert "There are no figures yet" in await world.say("lea", "!policy figures")


async def test_page_csv_and_json_say_the_same(browser: Browser, world: World) -> None:
    """I28: decided once, and the same wherever it is shown."""
    await filled(world)
    for period in ("2026", "2026-Q1", "2026-Q2", "all"):
        _, text, headers = await browser.get(f"/transparency.csv?period={period}")
        assert headers["Content-Type"] == "text/csv; charset=utf-8"
        assert "\r\n" in text
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        _, said, _ = await browser.get(f"/transparency.json?period={period}")
        populations = json.loads(said)["populations"]
        _, page, _ = await browser.get(f"/transparency?period={period}")
        for row in rows:
            of = populations[row["population"]]
            cell = of["tables"][row["table"]][row["row"]] if row["table"] else of["total"]
            number = int(row["number"]) if row["number"] else None
            assert cell == {"number": number, "complete": row["complete"] == "yes"}
            assert number is None or number == 0 or number >= 5
            if number:
                assert f"{number:,}" in page


async def test_charts_are_well_formed_and_name_their_numbers(browser: Browser, world: World) -> None:
    await filled(world)
    _, page, _ = await browser.get("/transparency?period=2026-Q1")
    charts = [f"<svg{part.partition('</svg>')[0]}</svg>" for part in page.split("<svg")[1:]]
    assert len(charts) > 10
    for chart in charts:
        drawn = ET.fromstring(chart)  # noqa: S314 - our own
        assert drawn[0].tag == "title"
        assert drawn[1].tag == "desc"
        assert (drawn[1].text or "").strip(), "it is read aloud with its numbers"


async def test_hostile_words_of_the_operator_stay_words(browser: Browser, world: World) -> None:
    rule = world.config.rules[0]
    object.__setattr__(rule, "title", "<script>alert(1)</script>\"'&")
    object.__setattr__(world.config.transparency, "text", "<b>We</b> are two.\n\nOne speaks German.")
    await filled(world)
    for path in ("/transparency", "/transparency/2026"):
        _, page, _ = await browser.get(path)
        assert "<script" not in page
        assert "<b>" not in page
    assert "One speaks German." in page


@pytest.mark.parametrize("period", ["2025", "2026-Q4", "2026-03", "nonsense", "%00", "2026-Q1'--"])
async def test_a_period_that_is_not_there_is_answered_with_those_that_are(
    browser: Browser, world: World, period: str
) -> None:
    await filled(world)
    status, page, _ = await browser.get(f"/transparency?period={period}")
    assert status == 404
    assert "2026-Q1" in page


async def test_everybody_can_ask_in_chat(world: World) -> None:
    await filled(world)
    answer = await world.say("lea", "!policy figures 2026-Q1")
    assert answer.splitlines()[0] == "January to March 2026"
    assert "Decisions on reports: 1,200" in answer
    assert "https://policybot.example.org/transparency?period=2026-Q1" in answer
    assert "There are some of: 2026" in await world.say("lea", "!policy figures 1999")


async def test_the_median_stands_where_all_steps_are_shown(browser: Browser, world: World) -> None:
    day = date(2026, 3, 20)
    keys = {("verdicts", f"answer:{TIMES[3]}"): 60, ("verdicts", f"answer:{TIMES[5]}"): 40}
    async with world.database.transaction() as tx:
        await figures.count(tx, {(day, *key): n for key, n in keys.items()})
        await figures.count(tx, {(day, "verdicts", ""): 100, (day, "verdicts", "verdict:uphold"): 70})
        await figures.count(tx, {(day, "verdicts", "verdict:overturn"): 30})
    await world.tick(days=40)
    _, page, _ = await browser.get("/transparency")
    assert "Half of them within 4 hours; 95 of 100 within 3 days." in page
    assert "30 of 100" in page


async def test_the_page_names_who_had_something_but_not_how_often_where_that_is_rare(
    browser: Browser, world: World
) -> None:
    """I28: small numbers are not shown, of whomever they are."""
    day = date(2026, 3, 20)
    numbers = {"recipient:police": 2, "recipient:court": 40, "": 42}
    async with world.database.transaction() as tx:
        await figures.count(tx, {(day, "referrals", key): n for key, n in numbers.items()})
    await world.tick(days=40)
    _, said, _ = await browser.get("/transparency.json")
    assert json.loads(said)["populations"]["referrals"]["tables"]["recipient"] == {
        "court": {"number": None, "complete": False},
        "police": {"number": None, "complete": False},
    }


async def test_everybody_reads_which_ladder_was_in_force_when_and_by_which_key_the_log_is_signed(
    browser: Browser, world: World
) -> None:
    first = world.clock()
    await world.tick(days=3)
    await put_in_force(world, ladder("2", MILDER, text_url="https://example.org/ladder/2"))
    world.config.ladder = ladder("3", STRICTER, text_url="https://example.org/draft")
    _, page, _ = await browser.get("/transparency")
    assert '<a href="https://example.org/ladder/2"><bdi>2</bdi></a>' in page
    assert "5 March 2026" in page
    assert "example.org/draft" not in page, "a draft is no law"
    _, said, _ = await browser.get("/transparency.json")
    data = json.loads(said)
    old, new = data["ladder"]
    assert (old["version"], old["since"], new["version"]) == ("1", first.isoformat(), "2")
    assert old["until"] == new["since"]
    assert new["until"] is None
    key = world.app.services.checkpoints.published()
    assert data["log"]["key"] == key
    assert data["log"]["checkpoint"] in html.unescape(page)
    assert str(key) in html.unescape(page)
