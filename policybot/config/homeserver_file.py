"""What homeserver.yaml says of policybot, held against our own configuration, with the mends.

Synapse's configuration manual explains the keys. What is in the file is the operator's, and may be
anything: a value of the wrong type is a finding, never an error.
"""

import stat
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLWarning

from policybot.config.finding import Finding, shown
from policybot.config.fresh import NOT_YAML, registration_problems
from policybot.config.homeserver_modules import NAME, modules
from policybot.config.schema import Config

MOST = 4 * 2**20
"""Bytes of one file."""
_SOMEBODY = "somebody.else"
"""An account that no rule names."""


class Unreadable(Exception):  # noqa: N818 - an answer
    """A file that cannot be read, with the reason."""


@dataclass(frozen=True, slots=True)
class HomeserverFile:
    """What stands in the homeserver's files, joined."""

    data: Mapping[Any, Any]
    folder: Path
    """Where paths in it that are not whole are looked for."""
    everybodys: bool
    """Whether everybody on the machine can read one of the files."""


def read(paths: Sequence[Path]) -> HomeserverFile:
    """Join files as Synapse does: a folder stands for its *.yaml, a key of a later file replaces.

    Raises:
        Unreadable: one of them cannot be read, or is no map of keys.
    """
    data: dict[Any, Any] = {}
    everybodys = False
    for path in _each(paths):
        data |= _keys(path)
        mode = path.stat().st_mode
        everybodys = everybodys or (stat.S_ISREG(mode) and bool(mode & stat.S_IROTH))
    first = paths[0].absolute()
    return HomeserverFile(data, first if first.is_dir() else first.parent, everybodys)


def _each(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        try:
            if path.is_dir():
                yield from sorted(p for p in path.iterdir() if p.suffix == ".yaml" and p.is_file())
            else:
                yield path
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror}"
            raise Unreadable(message) from None


def _keys(path: Path) -> dict[Any, Any]:
    yaml = YAML(typ="safe", pure=True)
    # As Synapse reads it, where «yes» is true.
    yaml.version = (1, 1)
    try:
        with path.open("rb") as file:
            text = file.read(MOST + 1)
        if len(text) > MOST:
            message = f"{path} is larger than {MOST >> 20} MiB"
            raise Unreadable(message)
        with warnings.catch_warnings():
            # What reads as a number there and here is the same to us, and the text may be a secret.
            warnings.simplefilter("ignore", YAMLWarning)
            data = yaml.load(text.decode("utf-8"))
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise Unreadable(message) from None
    except MarkedYAMLError as error:
        # Its own words repeat what stands there, and that may be a secret.
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        why = "this key is there twice" if isinstance(error, DuplicateKeyError) else "is not YAML"
        message = f"{path}, line {line}: {why}"
        raise Unreadable(message) from None
    except NOT_YAML as error:
        message = f"{path} is not YAML ({type(error).__name__})"
        raise Unreadable(message) from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        message = f"{path} is no map of keys"
        raise Unreadable(message)
    return data


def look(file: HomeserverFile, config: Config, registration: Path) -> list[Finding]:
    """Check what the homeserver's files say of us; without asking anybody."""
    return [
        *_server_name(file.data, config),
        _registration(file, config, registration),
        _publication(file.data, config),
        _notices(file.data),
        *modules(file.data.get("modules"), config, file.folder, everybodys=file.everybodys),
    ]


def _server_name(data: Mapping[Any, Any], config: Config) -> list[Finding]:
    """Say whether it is another homeserver's; where the name is in a file of its own it is not known."""
    there, ours = data.get("server_name"), config.homeserver.server_name
    if there is None or there == ours:
        return []
    said = f"is of {shown(there)}, and we are attached to {ours}"
    mend = "Name the file of this homeserver, or correct homeserver.server_name in our configuration."
    return [Finding(f"{NAME}, server_name", good=False, said=said, mend=mend)]


def _registration(file: HomeserverFile, config: Config, registration: Path) -> Finding:
    what, ours = f"{NAME}, app_service_config_files", registration.resolve()
    mend = f"Add {ours} to app_service_config_files, and restart the homeserver."
    listed = file.data.get("app_service_config_files")
    if not isinstance(listed, list):
        said = "is not there" if listed is None else "is no list of files"
        return Finding(what, good=False, said=said, mend=mend)
    unread = 0
    for path in [file.folder / name for name in listed if isinstance(name, str)]:
        try:
            if path.resolve() == ours:
                return Finding(what, good=True, said=f"names {ours}")
            readable = path.is_file()
        except (OSError, ValueError, RuntimeError):
            readable = False
        if not readable:
            unread += 1
            continue
        problems = registration_problems(path, config)
        if not problems:
            return Finding(what, good=True, said=f"names {shown(str(path))}")
        if "id differs" not in problems and not problems[0].startswith(str(path)):
            said = f"names {shown(str(path))}, and there {'; '.join(problems)}"
            mend = "Make it agree with the configuration, and restart the homeserver."
            return Finding(what, good=False, said=said, mend=mend)
        unread += problems[0].startswith(str(path))
    said = "names no registration of ours"
    if unread:
        said += f" among those that can be read; {unread} cannot"
    return Finding(what, good=False, said=said, mend=mend)


def _publication(data: Mapping[Any, Any], config: Config) -> Finding:
    key = "room_list_publication_rules"
    what, rules = f"{NAME}, {key}", data.get(key)
    mend = f'Let them begin with: - {{user_id: "{config.bot_user_id}", action: allow}}'
    if rules is None:
        return Finding(what, good=False, said="is not there, so nobody may publish a room", mend=mend)
    if not isinstance(rules, list) or not all(_is_rule(rule) for rule in rules):
        said = "is no list of rules whose action is allow or deny: Synapse does not start"
        return Finding(what, good=False, said=said, mend=mend)
    if not _may_publish(rules, config.bot_user_id):
        return Finding(what, good=False, said="do not let the bot publish rooms", mend=mend)
    others = _may_publish(rules, f"@{_SOMEBODY}:{config.homeserver.server_name}")
    who = "so may others" if others else "not everybody"
    return Finding(what, good=True, said=f"the bot may publish rooms, and {who}")


def _is_rule(rule: object) -> bool:
    if not isinstance(rule, dict) or rule.get("action") not in ("allow", "deny"):
        return False
    return all(isinstance(rule.get(key, "*"), str) for key in ("user_id", "room_id", "alias"))


def _may_publish(rules: Sequence[Mapping[str, str]], user_id: str) -> bool:
    """Take the first rule that is for this account and for every room, as Synapse does."""
    for rule in rules:
        pattern = rule.get("user_id", "*").lower().replace("[", "[[]")
        everywhere = rule.get("room_id", "*") == rule.get("alias", "*") == "*"
        if everywhere and fnmatchcase(user_id.lower(), pattern):
            return rule["action"] == "allow"
    return False


def _notices(data: Mapping[Any, Any]) -> Finding:
    what, section = f"{NAME}, server_notices", data.get("server_notices")
    mend = "Set server_notices as `policybot init` prints, with auto_join: true."
    if section is None:
        said = "is not there, so people whose account is suspended could not be reached"
        return Finding(what, good=False, said=said, mend=mend)
    if not isinstance(section, dict) or not isinstance(section.get("system_mxid_localpart"), str):
        said = "names no system_mxid_localpart: Synapse does not start"
        return Finding(what, good=False, said=said, mend=mend)
    if section.get("auto_join") is not True:
        said = "lacks auto_join: true, so suspended people get an invitation that they cannot accept"
        return Finding(what, good=False, said=said, mend=mend)
    return Finding(what, good=True, said="reach everybody")
