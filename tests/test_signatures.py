"""The command line for the agreement: what changes is seen before people are told; only numbers."""

import asyncio
import json
from pathlib import Path

from typer.testing import CliRunner

from policybot.cli.agreement import agreement_finding
from policybot.cli.program import app
from policybot.config import load
from tests import files
from tests.world import START, world


def run(folder: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["agreement", *words, "-c", str(folder / "config.yaml")])
    return result.exit_code, result.output


def with_signers(folder: Path) -> None:
    async def signed() -> None:
        async with world(folder) as made:
            await made.verified("anna")
            await made.verified("tom")

    asyncio.run(signed())


def new_version(folder: Path) -> None:
    file = folder / "config.yaml"
    text = file.read_text("utf-8")
    before, colon, rest = text.partition("agreement:\n")
    rest = rest.replace('version: "1"', 'version: "2"', 1)
    rest = rest.replace("I keep to the published rules.", "I keep to all published rules.", 1)
    rest = rest.replace("stricter: false", "stricter: true", 1)
    file.write_text(before + colon + rest, "utf-8")


def test_what_a_changed_text_changes_is_shown_before_it_is_loaded(tmp_path: Path) -> None:
    with_signers(tmp_path)
    new_version(tmp_path)
    status, said = run(tmp_path, "diff")
    assert status == 0
    for needed in (
        "From version 1 to version 2",
        "it would bind from",
        "up to 2 accounts would be told",
        "~ Promised until now: I keep to the published rules.",
        "de\nThe words are the same.",
    ):
        assert needed in said, said
    status, said = run(tmp_path, "diff", "--lang", "en", "--json")
    assert list(json.loads(said)["words"]) == ["en"]
    assert run(tmp_path, "diff", "7")[0] == 2
    assert run(tmp_path, "diff", "--lang", "fr")[0] == 2


def test_how_many_have_signed_is_told_and_nobody_is_named(tmp_path: Path) -> None:
    with_signers(tmp_path)
    status, said = run(tmp_path, "status", "--json")
    assert status == 0
    result = json.loads(said)
    assert [row["signed"] for row in result["versions"]] == [2]
    assert (result["due"], result["waiting"], result["restricted"]) == (0, 0, 0)
    status, said = run(tmp_path, "status")
    assert "in force" in said
    assert "@anna" not in said


def test_the_doctor_says_that_a_date_was_moved(tmp_path: Path) -> None:
    async def examined() -> None:
        async with world(tmp_path) as made:
            new_version(tmp_path)
            config = load(tmp_path / "config.yaml")
            assert (await agreement_finding(config)).good
            made.config.agreement = config.agreement
            await made.app.record_policy()
            finding = await agreement_finding(config)
            assert finding.good
            assert "too late for its effective_from" in finding.said
            assert f"{START.day + 14} March 2026" in finding.said

    asyncio.run(examined())


def test_before_the_first_run_there_is_nothing_to_compare(tmp_path: Path) -> None:
    files.write(tmp_path)
    status, said = run(tmp_path, "status")
    assert status == 1
    assert "policybot run" in said
