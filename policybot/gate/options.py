"""What operators write for the module in the homeserver's configuration, checked when it starts.

modules:
  - module: policybot.gate.module.Gate
    config:
      address: http://127.0.0.1:29330   where the homeserver reaches policybot
      token_path: /etc/…                a file with the `gate.token`; or `token`, the secret itself
      away: open                        or closed: what counts while nothing is known
      patience: P1D                     for how long the last known view counts
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from policybot.domain.measure import parse_duration
from policybot.domain.private import Private

_KEYS = ("address", "token", "token_path", "away", "patience")
_DAY = timedelta(days=1)
_SHORTEST, _LONGEST = timedelta(seconds=5), timedelta(days=365)
_TOKEN = re.compile(r"[!-~]+")


class Mistake(Exception):  # noqa: N818 - what it is
    """A key that is wrong, and what to write instead."""

    def __init__(self, key: str, text: str) -> None:
        """Name the key, and say what is wrong."""
        self.key = key
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Options:
    """How the module reaches policybot, and what it does without."""

    address: str
    """Without a slash at the end."""
    token: Private
    closed: bool = False
    """Whether nothing is accepted where nothing is known."""
    patience: timedelta = _DAY


def options(config: object) -> Options:
    """Read the configuration.

    Raises:
        Mistake: it is wrong.
    """
    if not isinstance(config, Mapping):
        key = ""
        raise Mistake(key, f"must be a map of: {', '.join(_KEYS)}")
    if unknown := [key for key in config if key not in _KEYS]:
        raise Mistake(str(unknown[0]), f"there is no such key; there are: {', '.join(_KEYS)}")
    away = config.get("away", "open")
    if away not in ("open", "closed"):
        key = "away"
        raise Mistake(key, "must be open or closed")
    return Options(
        _address(config.get("address")), _token(config), away == "closed", _span(config.get("patience"))
    )


def _address(value: object) -> str:
    text = value.rstrip("/") if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or parts.username is not None or not text.isascii():
        key = "address"
        raise Mistake(
            key, "must be where policybot listens for the homeserver, such as http://127.0.0.1:29330"
        )
    return text


def _token(config: Mapping[str, object]) -> Private:
    key = "token"
    if ("token" in config) == ("token_path" in config):
        raise Mistake(
            key, "write either token or token_path: the secret that is `gate.token` at policybot"
        )
    given = config.get("token")
    if "token_path" in config:
        key = "token_path"
        try:
            given = Path(str(config[key])).read_text("ascii").strip()
        except (OSError, ValueError) as error:
            raise Mistake(key, f"cannot be read: {type(error).__name__}") from None
    if not isinstance(given, str) or not _TOKEN.fullmatch(given):
        raise Mistake(key, "must be the secret that is `gate.token` at policybot")
    return Private(given)


def _span(value: object) -> timedelta:
    if value is None:
        return _DAY
    span = None
    if isinstance(value, int) and 0 < value <= _LONGEST.total_seconds():
        span = timedelta(seconds=value)
    elif isinstance(value, str):
        with suppress(ValueError):
            span = parse_duration(value)
    if span is None or not _SHORTEST <= span <= _LONGEST:
        key = "patience"
        raise Mistake(key, "must be a time from PT5S to P365D, such as P1D, or seconds")
    return span
