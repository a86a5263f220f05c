"""Statements of reasons are handed over once each, in files that the EU's database takes."""

import asyncio
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from policybot.cli.program import app
from policybot.config.rule import RuleSection
from policybot.domain.statement_export import faults
from policybot.services.statement_exports import FactsAs
from policybot.store import figures
from tests.world import World, user
from tests.world import world as make_world


class Killed(Exception):  # noqa: N818 - as after kill -9
    pass


CATEGORY = "STATEMENT_CATEGORY_OTHER_VIOLATION_TC"


def categorised(world: World, category: str | None = CATEGORY, **changed: Any) -> None:
    """Name the category of every rule, in the file that the command line reads."""
    path = world.config.key_file.parent / "config.yaml"
    more = "".join(f"\n    {key}: {json.dumps(value)}" for key, value in changed.items())
    text = re.sub(r"(?m)^    (?:category|keyword|deceptive_bulk):.*\n", "", path.read_text("utf-8"))
    named = rf"  - id: \1\n    category: {category}{more}"
    text = re.sub(r"(?m)^  - id: (R\d)$", named, text)
    path.write_text(text)


async def run(world: World, *words: str) -> Result:
    file = str(world.config.key_file.parent / "config.yaml")
    arguments = ["export", *words, "-c", file]
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


async def decisions(world: World) -> None:
    await world.governed_room()
    for who, text in (("tom", "Buy my spades!"), ("zoe", "Buy my rakes!")):
        case = await world.reported(who, "lea", text)
        shop = "https://shop.example/x"
        facts = f"{user(who)} sold spades to {who} in #garden:example.org, see {shop} and {case}"
        await world.review("mira", f"!policy decide {case} R2 S3 proposed {facts}")
    case = await world.reported("tom", "lea", "One more")
    await world.decided(case, "warn")


async def test_each_statement_is_handed_over_once_and_names_nobody(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        await decisions(world)
        categorised(world, keyword="KEYWORD_OTHER")
        folder = tmp_path / "out"
        words = ("statements", "--since", "2026-03-01", "--until", "2026-03-09", "--to", str(folder))
        dry = await run(world, *words, "--dry-run")
        assert dry.exit_code == 0, dry.output
        assert "2 statements would be handed over; nothing was noted" in dry.output
        assert not folder.exists()
        told = json.loads((await run(world, *words, "--json")).output)
        assert (told["statements"], told["exempt"], told["refused"]) == (2, 1, {})
        (file,) = folder.iterdir()
        assert file.name == "statements-000001.json"
        handed = json.loads(file.read_text("utf-8"))["statements"]
        assert [faults(one) for one in handed] == [(), ()]
        assert len({one["puid"] for one in handed}) == 2
        assert handed[0]["category_specification"] == ["KEYWORD_OTHER"]
        assert handed[0]["category_specification_other"] == world.config.rules[1].title
        said = " ".join(str(value) for one in handed for value in one.values())
        for word in ("tom", "zoe", "mira", "lea", "garden", "shop.example"):
            assert not re.search(rf"\b{word}\b", said), word
        assert "@" not in said
        assert not re.search(r"\b[CRF]-\d", said), "a number stands in the room, beside the account"
        assert "sold spades" in handed[0]["decision_facts"]
        again = json.loads((await run(world, *words, "--json")).output)
        assert (again["statements"], again["files"]) == (0, [])
        async with world.database.transaction(reading=True) as tx:
            sql = "SELECT object AS value FROM audit WHERE tag = 'statement:export'"
            assert await tx.value(sql) == "statements-000001.json"


async def test_facts_can_be_left_to_the_rule_alone(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        await decisions(world)
        categorised(world)
        words = ("statements", "--since", "2026-03-01", "--until", "2026-03-09", "--facts", "rule")
        shown = await run(world, *words, "--dry-run")
        assert "A breach of R2" in shown.output
        assert "spades" not in shown.output


async def test_what_would_not_be_taken_waits_and_says_the_mend(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        await decisions(world)
        words = ("statements", "--since", "2026-03-01", "--until", "2026-03-09", "--to", f"{tmp_path}/o")
        result = await run(world, *words)
        assert result.exit_code == 1
        assert "category: is missing" in result.output
        assert "rules.N.category" in result.output
        categorised(world)
        assert "Handed over: 2" in (await run(world, *words)).output


async def test_bulk_and_overturned_statements_are_left_out(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        await decisions(world)
        words = ("statements", "--since", "2026-03-01", "--until", "2026-03-09", "--json", "--dry-run")
        categorised(world, deceptive_bulk=True)
        told = json.loads((await run(world, *words)).output)
        assert (told["statements"], told["exempt"]) == (0, 3)
        await world.say("tom", "!policy appeal C-1 It was a joke between friends")
        await world.review("ravi", "!policy overturn C-1 It was indeed a joke")
        told = json.loads((await run(world, *words)).output)
        assert (told["statements"], told["exempt"]) == (0, 2), "what is void is not handed over"
    assert RuleSection.model_fields["deceptive_bulk"].default is False


async def test_a_crash_between_file_and_note_hands_nothing_over_twice(tmp_path: Path) -> None:
    """The same statements go to the same file again."""
    async with make_world(tmp_path) as world:
        await decisions(world)
        rules = world.config.rules
        for rule in rules:
            object.__setattr__(rule, "category", CATEGORY)
        service, written = world.app.services.statement_exports, []
        span = (world.clock().replace(day=1), world.clock().replace(day=28))

        def write(name: str, them: list[Any]) -> None:
            written.append((name, them))
            if len(written) == 1:
                raise Killed

        async def hand_over() -> None:
            async with world.database.transaction() as tx:
                batch = await service.batch(tx, *span, 0, FactsAs.MASKED)
                assert batch is not None
                await service.hand_over(tx, batch, write)

        with pytest.raises(Killed):
            await hand_over()
        await hand_over()
        assert written[0] == written[1]


async def test_the_tables_of_a_report_are_those_of_what_is_published(tmp_path: Path) -> None:
    """I28: also in the tables of the law nothing small appears."""
    async with make_world(tmp_path) as world:
        numbers = {
            ("reports", ""): 60,
            ("reports", "rule:R1"): 50,
            ("reports", "rule:R2"): 10,
            ("reports", "flagger:yes"): 3,
            ("reports", "flagger:no"): 57,
            ("own", ""): 33,
            ("own", "rule:R1"): 31,
            ("own", "rule:R2"): 2,
            ("own", "found:machine"): 13,
            ("own", "found:ours"): 20,
            ("own", "measure:account:suspend"): 33,
            ("appeals", ""): 9,
            ("verdicts", ""): 8,
            ("verdicts", "verdict:uphold"): 8,
        }
        async with world.database.transaction() as tx:
            await figures.count(tx, {(date(2026, 3, 4), *key): n for key, n in numbers.items()})
        early = await run(world, "report", "2026-Q1", "--to", f"{tmp_path}/report")
        assert early.exit_code == 1
        said = " ".join(early.output.split())
        assert re.search(r"Nothing is published yet; the next figures are due on \d{4}-\d\d-\d\d", said)
        await world.tick(days=40)
        categorised(world)
        result = await run(world, "report", "2026-Q1", "--to", f"{tmp_path}/report")
        assert result.exit_code == 0, result.output
        files = {one.name: one.read_bytes().decode() for one in (tmp_path / "report").iterdir()}
        assert len(files) == 9
        assert all(text.count("\r\n") == text.count("\n") for text in files.values()), "RFC 4180"
        notices = files["4_notices.csv"]
        assert "2026-01-01/2026-03-31,TOTAL,,60,,60,," in notices, "three are of trusted flaggers"
        own = files["6_own_initiative_TC.csv"]
        assert "TOTAL,,33,13," in own
        assert f"{CATEGORY},,,," in own, "R1 covers for R2, whose 2 is not shown"
        appeals = files["7_appeals_and_recidivism.csv"]
        assert "internal-complaints mechanism,Total number,9," in appeals
        assert "Decisions upheld,8," in appeals
        wrong = await run(world, "report", "1999", "--to", f"{tmp_path}/report")
        assert wrong.exit_code == 2
