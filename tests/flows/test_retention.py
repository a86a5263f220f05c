"""Retention: what has had its time goes, nothing else, and the audit chain holds."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from policybot.cli.program import app
from policybot.domain.retention import EXCEPTIONS, RULES, Rule
from policybot.store import audit
from policybot.store.retention import REACHES
from tests.world import World

TABLES = re.findall(
    r"^CREATE TABLE (\w+)",
    (resources.files("policybot.store") / "schema" / "00-latest.sql").read_text("utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize("table", TABLES)
def test_every_table_has_an_end_or_a_reason_why_not(table: str) -> None:
    ruled = {name for rule in RULES for name in rule.tables}
    assert (table in ruled) != (table in EXCEPTIONS), f"see domain/retention.py about {table}"


def test_every_rule_reaches_something_and_every_reason_is_about_a_table() -> None:
    assert {rule.name for rule in RULES} == set(REACHES)
    assert set(EXCEPTIONS) <= set(TABLES)
    assert all(REACHES[rule.name].table in rule.tables for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_page_for_data_protection_officers_says_how_long(rule: Rule) -> None:
    page = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text("utf-8")
    assert f"| `{rule.name}` | {rule.what} | {rule.since} | {rule.days} days |" in page


async def counts(world: World) -> dict[str, int]:
    async with world.database.transaction(reading=True) as tx:
        return {
            table: int(await tx.value(f"SELECT COUNT(*) AS value FROM {table}"))  # noqa: S608
            for table in TABLES
        }


async def chain_holds(world: World) -> bool:
    async with world.database.transaction(reading=True) as tx:
        steps = [step async for step in audit.verify(tx)]
    return isinstance(steps[-1], int)


async def history(world: World) -> None:
    """Let a room be filed, a message be reported, decided, appealed and kept; a person leave."""
    await world.governed_room()
    await world.verified("tom")
    case = await world.reported()
    await world.decided(case, "restrict:P3D", confirm="otto")
    await world.say("tom", f"!policy appeal {case} It was a joke about spades")
    await world.review("ravi", f"!policy overturn {case} It was one indeed, I think")
    await world.say("tom", "!policy unlink")


async def test_nothing_goes_before_its_time(any_world: World) -> None:
    await history(any_world)
    before = await counts(any_world)
    await any_world.app.services.retention.sweep_all(any_world.database, lambda *_: None)
    assert await counts(any_world) == before


async def test_everything_goes_after_its_time_and_the_chain_holds(any_world: World) -> None:
    world = any_world
    await history(world)
    world.clock.pass_time(days=1200)
    for _ in range(3):
        await world.tick(hours=2)
    left = await counts(world)
    for table in ("copies", "reports", "cases", "decisions", "sanctions", "appeals", "attempts"):
        assert left[table] == 0, table
    assert left["links"] == 1, "Anna's"
    assert left["acceptances"] == 1
    assert left["audit"] > left["audit_payloads"]
    async with world.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT * FROM outbox WHERE kind = 'Say'")
    assert not any("spades" in str(tuple(row)) for row in rows)  # type: ignore[arg-type]
    assert await chain_holds(world)


async def test_reports_lose_their_names_and_words_and_stay_countable(world: World) -> None:
    await history(world)
    await world.tick(days=400)
    async with world.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT reporter, text, subject_key, outcome FROM reports")
    assert [tuple(row) for row in rows] == [("gone-1", "", "", "overturned")]  # type: ignore[arg-type]
    assert "no R-1 that you can see" in await world.say("lea", "!policy status R-1")


async def test_an_open_case_is_never_swept(world: World) -> None:
    await world.governed_room()
    await world.reported()
    await world.tick(days=2000)
    await world.tick(days=1)
    left = await counts(world)
    assert (left["cases"], left["reports"], left["copies"]) == (1, 1, 1)
    async with world.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT text AS value FROM reports") == "This is an advert"
        opened = await tx.value(
            "SELECT COUNT(*) AS value FROM audit_payloads p JOIN audit a ON a.seq = p.seq"
            " WHERE a.object = 'C-1'"
        )
    assert opened > 0


async def test_a_binding_measure_is_never_swept(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    await world.decided(case, "restrict:P3000D", confirm="otto")
    await world.tick(days=2000)
    assert (await counts(world))["decisions"] == 1


async def test_what_lies_under_a_hold_is_never_swept(world: World) -> None:
    await history(world)
    async with world.database.transaction() as tx:
        until = world.clock() + timedelta(days=1500)
        await world.app.services.privacy.hold(tx, "@tom:example.org", "Court of X", until)
    await world.tick(days=1300)
    left = await counts(world)
    assert (left["copies"], left["decisions"], left["appeals"], left["reports"]) == (1, 1, 1, 1)
    await world.tick(days=201)
    await world.tick(hours=2)
    await world.tick(hours=2)
    left = await counts(world)
    assert (left["copies"], left["decisions"], left["appeals"], left["reports"]) == (0, 0, 0, 0)


async def test_much_goes_in_small_parts(world: World) -> None:
    async with world.database.transaction() as tx:
        rows = [(f"$old{n}", 0) for n in range(450)]
        await tx.many("INSERT INTO seen_events (event_id, at) VALUES ($1, $2)", rows)
    await world.app.tick()
    assert (await counts(world))["seen_events"] == 250
    for _ in range(2):
        await world.app.tick()
    assert (await counts(world))["seen_events"] == 0


async def test_a_dry_run_of_the_sweep_changes_nothing(world: World) -> None:
    await history(world)
    async with world.database.transaction() as tx:
        long_ago = int((datetime.now(UTC) - timedelta(days=4000)).timestamp() * 1000)
        await tx.execute("UPDATE copies SET captured_at = $1", long_ago)
    before = await counts(world)
    file = str(world.config.key_file.parent / "config.yaml")

    async def run(*words: str) -> Result:
        arguments = ["privacy", "sweep", *words, "-c", file]
        return await asyncio.to_thread(CliRunner().invoke, app, arguments)

    result = await run("--dry-run", "--json")
    told = json.loads(result.output)
    assert told["dry_run"]
    found = {rule["rule"]: rule for rule in told["rules"]}
    assert found["evidence"]["rows"] == 1
    assert found["evidence"]["kept_for"] == "P365D"
    assert set(found) == {rule.name for rule in RULES}
    assert await counts(world) == before
    assert "Nothing was changed" in (await run("--dry-run")).output
    result = await run()
    assert result.exit_code == 0, result.output
    assert "Done." in result.output
    assert (await counts(world))["copies"] == 0
    assert await chain_holds(world)
