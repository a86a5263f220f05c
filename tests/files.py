"""Configuration files for tests, made as operators make them: from the sample."""

import pickle
import secrets
import sys
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML

from policybot.config import Config, fresh, load
from policybot.config.keys import KeyFile
from policybot.domain import ladder_file
from policybot.domain.ladder import Ladder

CODES = {
    "anna": "birch-7421",
    "tom": "cedar-1180",
    "lea": "maple-5533",
    "zoe": "aspen-9044",
    "mira": "elder-2468",
}


NAMES = {name: f"{name.title()} Canary-{name}" for name in CODES}
"""Real names that must turn up nowhere."""


def write(
    folder: Path, database_url: str = "", changes: dict[str, Any] | None = None, like: str = ""
) -> Path:
    """Write a configuration with its keys, `like` an example if it is named; return its path."""
    answers: dict[str, Any] = {
        "staff": {
            "@mira:example.org": ["moderator"],
            "@otto:example.org": ["moderator", "appeals"],
            "@ravi:example.org": ["reviewer", "appeals", "privacy"],
        },
    }
    if like:
        answers.clear()  # it has people of its own
    if database_url:
        answers["database"] = database_url
    return fresh.write(folder, answers | (changes or {}), like=like).config


class _Kept(NamedTuple):
    """A configuration as it was written, and read again, once."""

    data: Any
    """With its lines, where mistakes are told."""
    plain: Any
    ladder: Ladder
    texts: dict[str, str]
    """The files that it came with, by their names."""


_kept: dict[bytes, _Kept] = {}


class _Remembering(YAML):
    """A parser that parses the same text once; the copies lose how times are spelt, and nothing else."""

    def load(self, stream: Any) -> Any:
        if stream not in _parsed:
            _parsed[stream] = pickle.dumps(super().load(stream))
        return pickle.loads(_parsed[stream])  # noqa: S301 - our own


_parsed: dict[str, bytes] = {}
_loading = sys.modules[load.__module__]
_SECRETS = (("appservice", "as_token"), ("appservice", "hs_token"), ("identity", "index_key"))


def settled(folder: Path, database_url: str = "", changes: dict[str, Any] | None = None) -> Config:
    """Write a configuration as `write` does, and load it.

    To parse and to lay out this long file takes longer than all else that a world needs. So it is done
    once for all worlds of a process with the same changes, and so is the reading of its ladder. Each has
    secrets, keys and a database of its own all the same, and what else its file says is checked as ever.
    """
    same, database = pickle.dumps(changes), database_url or "sqlite:policybot.db"
    kept, config, registration = _kept.get(same), folder / "config.yaml", folder / "registration.yaml"
    if kept is None or config.exists():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fresh, "YAML", _Remembering)
            write(folder, database, changes)
        texts = {path.name: path.read_text("utf-8") for path in (config, registration)}
        data = _loading._read(config)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_loading, "_read", lambda _: data)
            loaded = load(config)
        _kept[same] = _Kept(data, _loading._plain(data), loaded.ladder, texts)
        return loaded
    _exchange(kept, ("database",), database)
    for key in _SECRETS:
        if ".".join(key) not in (changes or {}):
            _exchange(kept, key, secrets.token_urlsafe(32))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in kept.texts.items():
        (folder / name).write_text(text, "utf-8")
        (folder / name).chmod(0o600)
    KeyFile.make(folder / "vault.key")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_loading, "_read", lambda _: kept.data)
        patch.setattr(_loading, "_plain", lambda _: kept.plain)
        patch.setattr(ladder_file, "parse", lambda _: copy(kept.ladder))
        return load(config)


def _exchange(kept: _Kept, key: tuple[str, ...], value: str) -> None:
    """Put a value in the place of another, in what was read and in the files."""
    *above, last = key
    section, plain = kept.data, kept.plain
    for part in above:
        section, plain = section[part], plain[part]
    for name, text in kept.texts.items():
        kept.texts[name] = text.replace(str(section[last]), value)
    section[last] = plain[last] = value
