"""What is written about policybot is true of it."""

import re
from pathlib import Path

import pytest

from policybot.config import load
from policybot.config.explain import keys
from policybot.config.fresh import full_sample
from policybot.domain.notice_words import SENTENCES
from policybot.matrix.commands.page import page
from tests import files

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGES = ("agreement.texts.", "agreement.commitments.text.", "languages.")
"""Where the keys of the sample are languages."""
EXAMPLES = ["licences", "oidc", "mas", "widget", "callback", "qualifications", "unfiled", "when"]
EXAMPLES += ["slow", "translations", "gate", "languages", "tools", "presets", "watch"]
EXAMPLES += ["recipients", "delays", "trusted_flaggers"]
"""Keys under which an example stands in the sample."""
LONGEST = 460
"""Lines that a module has at the most; beyond that it is to be split by noun."""


def test_the_page_of_commands_is_that_of_the_table() -> None:
    assert (ROOT / "docs" / "commands.md").read_text("utf-8") == page(), "run `make docs`"


def sample_lines() -> list[str]:
    """Read the sample with its examples: what stands behind a # without a space of its own."""
    return full_sample().splitlines()


def sample_keys() -> dict[str, int]:
    """Find the keys of the sample with their lines; those of list items once."""
    found: dict[str, int] = {}
    path: list[tuple[int, str]] = []
    for number, line in enumerate(sample_lines()):
        match = re.match(r"(\s*(?:- )?)([\w]+):", line)
        if match is None or line.lstrip().startswith("#"):
            continue
        depth = len(match[1])
        path = [(d, k) for d, k in path if d < depth] + [(depth, match[2])]
        found.setdefault(".".join(k for _, k in path), number)
    return found


def test_the_sample_has_every_key_and_no_other() -> None:
    in_sample = {key for key in sample_keys() if not key.startswith(("ladder.", *LANGUAGES))}
    assert in_sample == set(keys())


def test_every_key_of_the_sample_is_explained() -> None:
    lines = sample_lines()
    bare = []
    for key, number in sample_keys().items():
        above = next((text for text in reversed(lines[:number]) if text.strip()), "")
        commented = above.lstrip().startswith("#") or "#" in lines[number]
        in_table = re.search(r"\.(S\d|H\d|grid|mitigating|version)$", key)
        header = not lines[number].split(":", 1)[1].strip() and number + 1 < len(lines)
        explained_below = header and lines[number + 1].lstrip().startswith("#")
        if not (commented or in_table or explained_below or key.startswith(LANGUAGES)):
            bare.append(key)
    assert bare == []


def test_the_examples_in_the_sample_are_good(tmp_path: Path) -> None:
    path = files.write(tmp_path)
    empty = rf"^( *(?:{'|'.join(EXAMPLES)}):) (?:\[\]|\{{\}}|null)$"
    text = re.sub(empty, r"\1", "\n".join(sample_lines()), flags=re.MULTILINE)
    fresh_keys = [line for line in path.read_text("utf-8").splitlines() if "_token:" in line]
    fresh_keys += [line for line in path.read_text("utf-8").splitlines() if "index_key:" in line]
    for line in fresh_keys:
        text = re.sub(rf"^{line.partition(':')[0]}:.*$", line, text, flags=re.MULTILINE)
    text = text.replace("whsec_CHANGE-ME", f"whsec_{'x' * 32}").replace("CHANGE-ME-api-key", "a key")
    text = text.replace("CHANGE-ME-gate-token", "x" * 32).replace("CHANGE-ME-tool-token", "y" * 32)
    path.write_text(text, "utf-8")
    config = load(path)
    assert config.operator.licences[0].valid_until is not None
    identity = config.identity
    assert identity.oidc[0].verified_claims is not None
    assert identity.callback is not None
    assert identity.binding.mas is not None
    assert identity.binding.widget is not None
    assert config.filing.unfiled is not None
    assert config.gate is not None
    assert config.gate.uploads is not None
    assert config.languages["de"]
    assert [tool.name for tool in config.reports.tools] == ["link-scanner"]
    assert [one.name for one in config.reports.flaggers] == ["Example hotline"]
    assert config.rules[0].in_language("de") != config.rules[0].in_language("")


def test_every_sentence_of_a_notice_stands_there_as_people_read_it() -> None:
    table = "".join(f"| `{key}` | {sentence} |\n" for key, sentence in SENTENCES.items())
    assert table in (ROOT / "docs" / "notices.md").read_text("utf-8")


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_links_lead_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", file.read_text("utf-8")):
        if not target.startswith("http"):
            assert (file.parent / target).exists(), target


def test_there_is_a_place_for_what_changes_next() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_no_module_has_grown_too_long() -> None:
    long = {
        str(file.relative_to(ROOT)): count
        for file in (ROOT / "policybot").rglob("*.py")
        if (count := len(file.read_text("utf-8").splitlines())) > LONGEST
    }
    assert long == {}


def test_every_module_says_what_it_is() -> None:
    for file in (ROOT / "policybot").rglob("*.py"):
        assert re.match(r'"""[A-Z"a-z].*[.:]', file.read_text("utf-8")), file


def test_no_sql_stands_outside_the_store() -> None:
    for file in (ROOT / "policybot").rglob("*.py"):
        if "store" not in file.parts:
            text = file.read_text("utf-8")
            assert not re.search(r'"(SELECT|INSERT INTO|UPDATE|DELETE FROM) ', text), file
