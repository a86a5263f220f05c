"""Reading the configuration file, and saying of every mistake in which line it is."""

import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from policybot.config.explain import model_in
from policybot.config.schema import Config, Settings
from policybot.domain import ladder_file
from policybot.domain.ladder import Ladder
from policybot.domain.ladder_file import LadderRefused

Key = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in the file."""

    line: int
    key: str
    message: str
    file: str

    def __str__(self) -> str:
        """Write it as editors understand it."""
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        return f"{where}{self.key}: {self.message}" if self.key else f"{where}{self.message}"


class ConfigRefused(Exception):  # noqa: N818 - an answer
    """A configuration that cannot be used, with all that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the mistakes in the order of their lines."""
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


def load(path: Path) -> Config:
    """Read the configuration.

    Raises:
        ConfigRefused: with every mistake that is in it. No value of a secret is named.
    """
    data = _read(path)
    problems: list[Problem] = []
    settings = None
    plain = _plain(data)
    try:
        settings = Settings.model_validate(plain)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        problems += [_problem(path, data, detail) for detail in details]
    ladder = None
    if isinstance(plain.get("ladder"), Mapping):
        try:
            ladder = ladder_file.parse(plain["ladder"])
        except LadderRefused as refused:
            problems += _of_ladder(path, data, ("ladder",), refused)
    folder, mechanisms = path.resolve().parent, []
    for place, section in enumerate(settings.rules if settings else ()):
        try:
            mechanisms.append(section.mechanism(folder))
        except ValueError as error:
            key: Key = ("rules", place, "when")
            problems.append(Problem(_line(data, key), _dotted(key), str(error), path.name))
    if problems or settings is None or ladder is None:
        raise ConfigRefused(problems)
    return Config(settings, ladder, folder, tuple(m for m in mechanisms if m is not None))


def load_ladder(path: Path) -> Ladder:
    """Read a ladder that stands in a file of its own, or in a whole configuration.

    Raises:
        ConfigRefused: with every mistake that is in it.
    """
    data = _read(path)
    above: Key = ("ladder",) if "ladder" in data else ()
    plain = _plain(data["ladder"] if above else data)
    try:
        return ladder_file.parse(plain)
    except LadderRefused as refused:
        raise ConfigRefused(_of_ladder(path, data, above, refused)) from None


def _of_ladder(path: Path, data: Any, above: Key, refused: LadderRefused) -> list[Problem]:  # noqa: ANN401 - the file
    keys = [((*above, *found.path), found.message) for found in refused.problems]
    return [Problem(_line(data, key), _dotted(key), said, path.name) for key, said in keys]


def permissions_too_open(path: Path) -> bool:
    """Say whether others than its owner can read the file, which holds secrets."""
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _read(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    try:
        data = YAML().load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise _refused(path, 0, "there is no such file; make one with `policybot init`") from None
    except UnicodeDecodeError:
        raise _refused(path, 0, "is not UTF-8 text") from None
    except OSError as error:
        raise _refused(path, 0, f"cannot be read: {error.strerror}") from None
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise _refused(path, line, "this key is there twice") from None
    except MarkedYAMLError as error:
        # What was opened and never closed is to be mended where it was opened.
        opened = error.context_mark if "flow" in str(error.context) else None
        mark = opened or error.problem_mark
        line = mark.line + 1 if mark else 0
        raise _refused(path, line, f"is not YAML: {error.problem}") from None
    except YAMLError as error:
        raise _refused(path, 0, f"is not YAML: {type(error).__name__}") from None
    if not isinstance(data, Mapping):
        raise _refused(path, 1, "must be a map of keys")
    return data


def _refused(path: Path, line: int, message: str) -> ConfigRefused:
    return ConfigRefused([Problem(line, "", message, path.name)])


def _plain(data: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    """Strip ruamel's types, so that the values are what they look like."""
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain(value) for value in data]
    if isinstance(data, str):
        return str(data)
    if isinstance(data, bool) or data is None:
        return data
    if isinstance(data, int):
        return int(data)
    return float(data) if isinstance(data, float) else data


def _problem(path: Path, data: Any, detail: ErrorDetails) -> Problem:  # noqa: ANN401 - the file
    key: Key = tuple(part for part in detail["loc"] if part != "[key]")
    message = _message(detail, key)
    # A mistake between several keys names the one to change: `staff: somebody must …`.
    name, colon, rest = message.partition(": ")
    if detail["type"] == "value_error" and colon and re.fullmatch(r"[a-z_.\d]+", name):
        named = tuple(int(part) if part.isdecimal() else part for part in name.split("."))
        key, message = (*key, *named), rest
    return Problem(_line(data, key), _dotted(key), message, path.name)


def _message(detail: ErrorDetails, key: Key) -> str:
    match detail["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            near = get_close_matches(str(key[-1]), _known(key[:-1]), n=1)
            return f"unknown key; did you mean «{near[0]}»?" if near else "unknown key"
        case "value_error":
            return str(detail["ctx"]["error"])
        case _:
            return detail["msg"][0].lower() + detail["msg"][1:]


def _known(key: Key) -> list[str]:
    """List the keys that may stand where an unknown one was found."""
    model: type[BaseModel] | None = Settings
    for part in key:
        if isinstance(part, str) and model is not None:
            field = model.model_fields.get(part)
            model = model_in(field.annotation) if field else None
    return list(model.model_fields) if model else []


def _dotted(key: Key) -> str:
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text


def _line(data: Any, key: Key) -> int:  # noqa: ANN401 - the file
    """Find the line of a key, or of the nearest thing around it that is there."""
    line = 1
    for part in key:
        marks: Any = getattr(data, "lc", None)
        try:
            mark = marks.item(part) if isinstance(part, int) else marks.key(part)
            line = mark[0] + 1
            data = data[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line
