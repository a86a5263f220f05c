"""Fresh files: a configuration and a registration with new secrets, and what homeserver.yaml needs."""

import os
import re
import secrets
import tempfile
from dataclasses import dataclass
from importlib import resources
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from policybot.config.keys import KeyFile
from policybot.config.log_key import LogKey, log_name
from policybot.config.schema import Config
from policybot.config.types import EXAMPLE
from policybot.domain.label import PROTOCOL

NOT_YAML = (
    YAMLError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What reading raises where a text is no YAML, or too deep, or has values that are none."""
_OWNER_ONLY = 0o600
LIKE = ("messenger", "ministry", "university", "marketplace", "bank")
"""The example policies, each a whole configuration of its own: docs/examples.md."""
_NOT_OFFERED = ("document",)
"""Ways in that the sample shows and a fresh configuration leaves out: the operator decides on each."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files that were written."""

    config: Path
    registration: Path
    keys: Path
    log_key: Path
    token: Path | None = None
    """The gate's, for the homeserver's module."""


def sample(name: str) -> str:
    """Read `config.sample.yaml` or `registration.yaml` as they came with the package."""
    packaged = resources.files("policybot") / name
    if packaged.is_file():
        return packaged.read_text("utf-8")
    # An editable installation reads them where they stand in the source tree.
    return (Path(__file__).parents[2] / name).read_text("utf-8")


def full_sample() -> str:
    """Read the sample configuration with its examples: what stands behind a # without a space."""
    example = r"(?m)^( *)#(?=\w|- | {2,}(?:# |\w+:))"
    return re.sub(example, r"\1", sample("config.sample.yaml"))


def write(
    folder: Path, answers: dict[str, Any], *, like: str = "", gate: bool = False, force: bool = False
) -> Files:
    """Write the files, readable by their owner alone.

    Args:
        folder: where to write; it is made if it is not there.
        answers: values by their dotted keys, such as `operator.name`.
        like: the example policy to begin with, one of `LIKE`; empty for the sample.
        gate: have a gate, with a token of its own in a file beside the configuration.
        force: overwrite files that are there.

    Raises:
        FileExistsError: a file is there already.
        KeyError: an answer is to no question.
    """
    token = folder / "gate.token" if gate else None
    files = Files(
        folder / "config.yaml",
        folder / "registration.yaml",
        folder / "vault.key",
        folder / "log.key",
        token,
    )
    for path in (files.config, files.registration, files.keys, files.log_key, token):
        if path is not None and path.exists() and not force:
            message = f"{path} is there already. Use --force to overwrite it: its secrets are lost."
            raise FileExistsError(message)
    yaml = _yaml()
    text = sample("config.sample.yaml")
    for way in _NOT_OFFERED:
        text = re.sub(rf"(?m)^  {way}:\n(    .*\n)+", f"  {way}: null\n", text)
    data = yaml.load(_with_gate(text) if gate else text)
    if like:
        offered, data = data, yaml.load(sample(f"docs/examples/{like}.yaml"))
        if gate:
            data["gate"] = offered["gate"]
    if token is not None:
        _set(data, "gate.token", secrets.token_urlsafe(32))
    for key in ("appservice.as_token", "appservice.hs_token", "identity.index_key"):
        _set(data, key, secrets.token_urlsafe(32))
    for key, value in answers.items():
        _set(data, key, value)
    folder.mkdir(parents=True, exist_ok=True)
    _write(files.config, _text(data))
    _write(files.registration, _text(registration(data)))
    if token is not None:
        _write(token, f"{data['gate']['token']}\n")
    KeyFile.make(files.keys)
    files.log_key.unlink(missing_ok=True)
    LogKey(files.log_key).make(log_name(str(data["homeserver"]["server_name"])))
    return files


def _with_gate(text: str) -> str:
    """Take the gate's example for good, but for what it says of uploads."""
    text = re.sub(
        r"(?m)^# The lines below that begin with # and two spaces (.*\n)+?(?=gate: null)", "", text
    )
    block = re.search(r"(?m)^gate: null\n(?:#  .*\n)+", text)
    if block is None:
        message = "the sample has no example of a gate"
        raise LookupError(message)
    lines = re.sub(r"(?m)^#(?=  )", "", block[0]).replace("gate: null", "gate:", 1)
    lines = re.sub(r"(?m)^  uploads:\n(    .*\n)+", "  uploads: null\n", lines)
    return text[: block.start()] + lines + text[block.end() :]


def _yaml() -> YAML:
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 100
    yaml.preserve_quotes = True
    return yaml


def _set(data: Any, dotted: str, value: object) -> None:  # noqa: ANN401 - ruamel's map
    *above, last = dotted.split(".")
    for key in above:
        data = data[key]
    if last not in data:
        raise KeyError(dotted)
    data[last] = value


def _text(data: Any) -> str:  # noqa: ANN401 - ruamel's map
    text = StringIO()
    _yaml().dump(data, text)
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    """Write beside the file and rename, so that no half file is ever read."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        os.fchmod(handle, _OWNER_ONLY)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def registration(data: Any) -> Any:  # noqa: ANN401 - ruamel's map
    """Make the registration that belongs to a configuration, from the sample with its comments."""
    appservice, server = data["appservice"], data["homeserver"]["server_name"]
    made = _yaml().load(sample("registration.yaml"))
    made["id"] = appservice["id"]
    made["url"] = appservice["address"]
    made["as_token"] = appservice["as_token"]
    made["hs_token"] = appservice["hs_token"]
    made["sender_localpart"] = appservice["localpart"]
    made["namespaces"]["aliases"][0]["regex"] = f"#_policybot_.*:{re.escape(server)}$"
    return made


def registration_problems(path: Path, config: Config) -> list[str]:
    """Say where a registration file differs from the configuration; secrets are not shown."""
    try:
        data = YAML(typ="safe").load(path.read_text("utf-8"))
    except OSError as error:
        return [f"{path} cannot be read: {error.strerror}"]
    except NOT_YAML:
        return [f"{path} is not YAML"]
    if not isinstance(data, dict):
        return [f"{path} is not a map"]
    service = config.appservice
    wanted = {
        "id": service.id,
        "url": service.address,
        "as_token": service.as_token.get_secret_value(),
        "hs_token": service.hs_token.get_secret_value(),
        "sender_localpart": service.localpart,
        "rate_limited": False,
    }
    problems = [f"{key} differs" for key, value in wanted.items() if data.get(key) != value]
    protocols = data.get("protocols")
    if not isinstance(protocols, list) or PROTOCOL not in protocols:
        problems.append(f"protocols lacks {PROTOCOL}, so clients cannot list filed rooms")
    if any(str(data.get(key, "")).startswith(EXAMPLE) for key in ("as_token", "hs_token")):
        problems.append("its secrets are those of the sample")
    return problems


def homeserver_lines(config: Config, registration_file: Path) -> str:
    """Write what has to be added to homeserver.yaml.

    The keys are explained in Synapse's configuration manual: `app_service_config_files`,
    `room_list_publication_rules` (which denies everybody by default), `server_notices`.
    """
    return (
        "app_service_config_files:\n"
        f"  - {registration_file.resolve()}\n"
        "room_list_publication_rules:\n"
        f'  - {{user_id: "{config.bot_user_id}", action: allow}}\n'
        "  - {action: deny}\n"
        "server_notices:\n"
        "  system_mxid_localpart: notices\n"
        "  system_mxid_display_name: Notices\n"
        "  room_name: Notices\n"
        "  auto_join: true\n"
    )


def module_lines(config: Config, token_file: Path) -> str:
    """Write what has to be added to homeserver.yaml for the gate."""
    return (
        "modules:\n"
        "  - module: policybot.gate.module.Gate\n"
        "    config:\n"
        f"      address: {config.appservice.address}\n"
        f"      token_path: {token_file.resolve()}\n"
        "      away: open\n"
    )
