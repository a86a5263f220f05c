"""What docs/gate.md shows operators can be copied as it stands."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from policybot.config import Config, fresh, load
from policybot.config.homeserver_file import HomeserverFile
from policybot.config.homeserver_modules import (
    ANTISPAM,
    HARMLESS,
    KEYS,
    MODULE,
    NEEDLESS,
    SAFE,
    UNSAFE,
    modules,
)
from policybot.domain.refusal import PHRASES, SENTENCES
from policybot.domain.view import Creation
from tests import files

PAGE = (Path(__file__).parents[1] / "docs" / "gate.md").read_text("utf-8")
BLOCKS = [YAML(typ="safe").load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
TOKEN = "a-long-random-text-of-your-own-making"


def block(key: str, number: int = 0) -> Any:
    return [b[key] for b in BLOCKS if key in b][number]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Have a configuration with everything that the page shows."""
    folder = tmp_path_factory.mktemp("etc")
    shown = {key: block(key) for key in ("gate", "languages", "rules")}
    categories = {"filing.categories": block("filing")["categories"]}
    config = load(files.write(folder, changes=shown | categories))
    (folder / "gate.token").write_text(TOKEN, "utf-8")
    (folder / "gate.token").chmod(0o640)
    return config


def test_what_is_shown_of_the_configuration_is_understood(config: Config) -> None:
    assert config.gate is not None
    assert config.gate.creation is Creation.EVERYBODY
    assert config.rules[0].in_language("de") == (
        "Werbung",
        "Werben Sie nur in Räumen, die dafür da sind.",
    )
    assert config.house("").words.until("de", None) == "bis auf Weiteres"
    assert config.filing.categories[0].slow is not None
    assert config.filing.categories[0].enter == "publishers"


@pytest.mark.parametrize(("number", "name"), [(0, MODULE), (1, ANTISPAM)])
def test_the_blocks_for_the_homeserver_are_as_the_doctor_wants_them(
    tmp_path: Path, config: Config, number: int, name: str
) -> None:
    [shown] = block("modules", number)
    assert shown["module"] == name
    section = shown["config"]
    path = "token_path" if name == MODULE else "authorization_path"
    assert section[path] == "/etc/policybot/gate.token"
    (tmp_path / "gate.token").write_text(TOKEN, "utf-8")
    (tmp_path / "gate.token").chmod(0o640)
    here = {"module": name, "config": section | {path: "gate.token"}}
    file = HomeserverFile({"modules": [here]}, tmp_path, everybodys=False)
    found = modules(file.data["modules"], config, file.folder, everybodys=False)
    assert [f for f in found if not f.good] == []
    assert found


def test_the_keys_of_the_module_are_explained(config: Config) -> None:
    for key in KEYS:
        assert re.search(rf"(?m)^\| .*`{key}`.* \|", PAGE), key
    printed = YAML(typ="safe").load(fresh.module_lines(config, Path("/etc/policybot/gate.token")))
    [shown] = block("modules")
    assert printed["modules"][0]["config"].items() <= shown["config"].items()


def test_each_callback_that_is_left_out_has_its_reason() -> None:
    for name in (*UNSAFE, *NEEDLESS, *HARMLESS):
        assert f"`{name}`" in PAGE.partition("| left out |")[2].partition("\n\n")[0], name
    assert block("modules", 1)[0]["config"]["enabled_callbacks"] == list(SAFE)


def test_every_sentence_stands_there_as_people_read_it() -> None:
    said = {code.value: sentence for code, sentence in SENTENCES.items()} | dict(PHRASES)
    table = "".join(f"| `{key}` | {sentence} |\n" for key, sentence in said.items())
    assert table in PAGE, f"the table of docs/gate.md should be:\n{table}"
