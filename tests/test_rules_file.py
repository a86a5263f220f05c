"""Rules in the configuration: every mistake is named with its key, and the command line tries them."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from policybot.cli.program import app
from policybot.config import ConfigRefused, load
from policybot.domain.condition import All, NoneOf, Terms, Unverified
from policybot.domain.mechanism import Stage, Then
from tests import files
from tests.ruled import FROBNITZ, rules


def written(folder: Path, **mechanics: Any) -> Path:
    return files.write(folder, changes=rules(**mechanics))


@pytest.mark.parametrize(
    ("mechanics", "message"),
    [
        ({"when": {}}, "rules[0].when: names no condition"),
        ({"when": {"words": ["x"]}}, "rules[0].when.words: unknown key"),
        ({"when": {"terms": {}}}, "rules[0].when.terms.words: name some, or a file"),
        ({"when": {"terms": {"words": [""]}}}, "rules[0].when.terms.words[0]"),
        ({"when": {"terms": {"words": ["x" * 201]}}}, "must have 1 to 200 characters"),
        ({"when": {"terms": {"file": "none.txt"}}}, "none.txt cannot be read"),
        ({"when": {"terms": {"file": "vault.key"}}, "then": []}, "rules[0].then: is empty"),
        ({"when": {"media": {}}}, "rules[0].when.media.kinds: name kinds"),
        ({"when": {"rate": {"more_than": 1, "within": "PT2H"}}}, "PT1H at the most"),
        ({"when": {"rate": {"more_than": 0, "within": "PT1M"}}}, "rules[0].when.rate.more_than"),
        ({"when": {"files_more_than": -1}}, "rules[0].when.files_more_than"),
        ({"when": {"all": [{}]}}, "rules[0].when.all[0]: names no condition"),
        ({"when": {"member_younger_than": "P60D"}}, "P30D at the most"),
        ({"when": {"unqualified": ["astrology"]}}, "there is no qualification «astrology»"),
        ({"then": ["redact"]}, "rules[0].automatic: must be true for redact"),
        ({"then": ["hold"]}, "rules[0].automatic: must be true for hold"),
        ({"then": ["suspend"]}, "rules[0].then[0]"),
        ({"then": ["hold"], "automatic": True, "hold_for": "PT73H"}, "must not be longer than PT72H"),
        ({"state": "on"}, "rules[0].state"),
        ({"where": ["nowhere"]}, "rules[0].where: there is no category «nowhere»"),
    ],
)
def test_a_mistake_is_named_with_its_key(
    tmp_path: Path, mechanics: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigRefused) as caught:
        load(written(tmp_path, **mechanics))
    assert message in str(caught.value)
    assert "config.yaml:" in str(caught.value)


def test_words_come_from_the_file_and_from_beside_it(tmp_path: Path) -> None:
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "words.txt").write_text(
        "\ufeffwobble # a comment\n\n#none\n blue gronk \nw#bble\n", "utf-8"
    )
    when = {"terms": {"words": ["frobnitz"], "file": "words.txt"}, "none": [{"unverified": True}]}
    config = load(written(tmp_path, when=when, state="shadow", then=["refuse", "report"]))
    (mechanism,) = config.mechanisms
    assert mechanism.when == All(
        (Terms(("frobnitz", "wobble", "blue gronk", "w#bble")), NoneOf((Unverified(),)))
    )
    assert mechanism.stage is Stage.SHADOW
    assert mechanism.then == {Then.REFUSE, Then.REPORT}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"# nothing\n"])
def test_a_file_that_holds_no_words_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "words.txt").write_bytes(content)
    with pytest.raises(ConfigRefused, match=r"words\.txt is (not UTF-8|empty)"):
        load(written(tmp_path, when={"terms": {"file": "words.txt"}}))


def test_a_file_that_never_ends_is_refused(tmp_path: Path) -> None:
    for endless in ("/dev/zero", "."):
        with pytest.raises(ConfigRefused, match="is no ordinary file"):
            load(written(tmp_path / endless.strip("/."), when={"terms": {"file": endless}}))


def run(path: Path, *words: str, text: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, ["rules", *words, "--config", str(path)], input=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_a_text_is_tried(tmp_path: Path) -> None:
    path = written(tmp_path, then=["refuse"])
    status, said = run(path, "test", "Buy a FROBNITZ")
    assert status == 1
    assert "R1 (live; refuse) applies" in said
    status, said = run(path, "test", "tulips")
    assert status == 0
    assert "No rule applies. 1 rule tried in" in said


def test_a_file_and_the_standard_input_are_tried(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "text").write_text("<b>frob</b>nitz", "utf-8")
    assert run(path, "test", str(tmp_path / "text"))[0] == 1
    assert run(path, "test", "-", text="frobnitz")[0] == 1
    assert run(path, "test", "x" * 5000)[0] == 0, "too long for the name of a file"


def test_what_is_no_text_is_tried_without_fault(tmp_path: Path) -> None:
    assert run(written(tmp_path), "test", "frobnitz \udcff")[0] == 1


def test_what_a_text_does_not_say_is_told_apart(tmp_path: Path) -> None:
    path = written(tmp_path, when=FROBNITZ | {"unverified": True})
    status, said = run(path, "test", "frobnitz", "--json")
    assert status == 1
    (found,) = json.loads(said)["found"]
    assert (found["rule"], found["certain"], found["spans"]) == ("R1", False, [[0, 0, 8]])


@pytest.mark.parametrize("words", [("rules", "test", "x"), ("config", "check")])
def test_a_rule_that_cannot_be_used_is_told_before_the_start(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    path = written(tmp_path, when={"patterns": [".*"]})
    result = CliRunner().invoke(app, [*words, "--config", str(path)])
    assert result.exit_code == 2
    assert "rule R1: it applies to 100% of ordinary sentences" in " ".join(result.output.split())
