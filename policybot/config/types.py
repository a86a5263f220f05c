"""The types that keys of the configuration have, and what is wrong with a value that is none of them."""

import re
from datetime import datetime, timedelta
from typing import Annotated, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
)

from policybot.domain.measure import parse_duration
from policybot.domain.plain import in_utc

EXAMPLE = "CHANGE-ME"
"""What stands in the sample where a secret belongs."""
_MIN_SECRET = 32
_LAST_PORT = 65535


class Listen(NamedTuple):
    """Where to listen: an address of this machine and a port."""

    host: str
    port: int


def _listen(value: object) -> Listen:
    if isinstance(value, Listen):
        return value
    match = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[\w.-]+):(\d{1,5})", str(value))
    if match is None or int(match[2]) > _LAST_PORT:
        message = "must be an address and a port, such as 127.0.0.1:29330"
        raise ValueError(message)
    return Listen(match[1].strip("[]"), int(match[2]))


def _url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
        message = "must be an address that begins with http:// or https://"
        raise ValueError(message)
    return value.rstrip("/")


def _secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text.startswith(EXAMPLE) or text == "generate":
        message = "is an example; run `policybot init`, or write a random secret of your own"
        raise ValueError(message)
    if len(text) < _MIN_SECRET:
        message = f"must have {_MIN_SECRET} characters or more"
        raise ValueError(message)
    return value


def header_safe(value: SecretStr) -> SecretStr:
    """Check a secret that travels in a header."""
    if not re.fullmatch(r"[!-~]+", value.get_secret_value()):
        message = "must have no spaces, line breaks or letters beyond ASCII: it travels in a header"
        raise ValueError(message)
    return value


def _user_id(value: str) -> str:
    if not re.fullmatch(r"@[!-9;-~]+:[\w.\[\]:-]+", value, re.ASCII):
        message = "must be a user ID, such as @anna:example.org"
        raise ValueError(message)
    return value


def _room(value: str) -> str:
    if not re.fullmatch(r"[!#]\S+", value):
        message = "must be a room ID or an alias, such as #review:example.org"
        raise ValueError(message)
    return value


def _database(value: SecretStr) -> SecretStr:
    if not re.match(r"(sqlite:|postgres(ql)?://).", value.get_secret_value()):
        message = "must be sqlite:FILE or postgres://user:password@host/name"
        raise ValueError(message)
    return value


def _span(value: object) -> timedelta:
    return value if isinstance(value, timedelta) else parse_duration(str(value))


Url = Annotated[str, AfterValidator(_url)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
UserId = Annotated[str, AfterValidator(_user_id)]
Room = Annotated[str, AfterValidator(_room)]
Span = Annotated[timedelta, PlainValidator(_span)]
Time = Annotated[datetime, AfterValidator(in_utc)]
Address = Annotated[Listen, BeforeValidator(_listen)]
Word = Annotated[str, Field(min_length=1)]
Database = Annotated[SecretStr, AfterValidator(_database)]


class Section(BaseModel):
    """A part of the configuration; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
