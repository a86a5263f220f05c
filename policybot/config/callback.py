"""The way in by a verification service that posts a signed result."""

import re
from base64 import b64decode
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from policybot.config.types import EXAMPLE, Section, Span, Word
from policybot.domain.identity import Assurance

_PREFIX = "whsec_"
_MOST_SECRETS = 5
_KEY_BYTES = range(24, 65)
_LOOPBACK = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?([/?]|$)")
_SHORTEST, _LONGEST = timedelta(hours=1), timedelta(days=90)


def _webhook_secret(value: SecretStr) -> SecretStr:
    """Check a secret as Standard Webhooks writes them."""
    text = value.get_secret_value()
    if EXAMPLE in text:
        message = "is an example; write the secret that the service signs with"
        raise ValueError(message)
    try:
        key = b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not text.startswith(_PREFIX) or len(key) not in _KEY_BYTES:
        message = f"must be {_PREFIX} and 24 to 64 random bytes in base64"
        raise ValueError(message)
    return value


def _template(value: str, known: frozenset[str], needed: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#{}@]+([/?][^\s#]*)?", value):
        message = "must be an address that begins with https://"
        raise ValueError(message)
    if not value.startswith("https://") and not _LOOPBACK.match(value):
        message = "must begin with https://; only this very machine may be reached without it"
        raise ValueError(message)
    if unknown := sorted(set(re.findall(r"\{(.*?)\}", value)) - known):
        message = f"{{{unknown[0]}}} is no placeholder; known are {', '.join(sorted(known))}"
        raise ValueError(message)
    if f"{{{needed}}}" not in value:
        message = f"must have the placeholder {{{needed}}}"
        raise ValueError(message)
    return value


def _start_url(value: str) -> str:
    return _template(value, frozenset({"reference", "return_url"}), "reference")


def _result_url(value: str) -> str:
    return _template(value, frozenset({"id"}), "id")


def _wait(value: timedelta) -> timedelta:
    if not _SHORTEST <= value <= _LONGEST:
        message = "must be from one hour to ninety days: PT1H to P90D"
        raise ValueError(message)
    return value


def _several(value: object) -> object:
    return value if isinstance(value, (list, tuple)) else (value,)


def _some(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if not 1 <= len(value) <= _MOST_SECRETS:
        message = f"must be one secret, or a list of {_MOST_SECRETS} at most"
        raise ValueError(message)
    return value


WebhookSecrets = Annotated[
    tuple[Annotated[SecretStr, AfterValidator(_webhook_secret)], ...],
    BeforeValidator(_several),
    AfterValidator(_some),
]


class CallbackSection(Section):
    """The way in by a verification service that posts a signed result."""

    title: Word = Field("A verification service", description="What it is called on the page.")
    realm: Word = Field(
        description="A short name for the service. Persons are recognised within it: do not change it."
    )
    start_url: Annotated[str, AfterValidator(_start_url)] = Field(
        description="Where a person is sent. {reference} is filled in, and {return_url} where it is: "
        "leave it out if the service knows the way back. It must take no other than /verify/back here."
    )
    secret: WebhookSecrets = Field(
        description="The secret under which the service signs, whsec_ and base64; a list of them while "
        "an old one gives way to a new one.",
    )
    result_url: Annotated[str, AfterValidator(_result_url)] | None = Field(
        None,
        description="Where a result is fetched by its {id}; then only what is fetched counts. null "
        "where the service has no such place.",
    )
    api_key: SecretStr | None = Field(
        None, description="The key with which results are fetched, sent as a bearer token."
    )
    levels: dict[str, Assurance] = Field(
        min_length=1,
        description="What the service's words for its levels mean here: low, substantial or high. A "
        "word that is not listed verifies nobody.",
    )
    assurance: Assurance = Field(
        Assurance.SUBSTANTIAL, description="The level that the service reaches at most."
    )
    wait: Annotated[Span, AfterValidator(_wait)] = Field(
        timedelta(days=7), description="How long a result may take (PT1H to P90D)."
    )

    @model_validator(mode="after")
    def _key_for_fetching(self) -> Self:
        key = self.api_key.get_secret_value() if self.api_key else ""
        if self.result_url is not None and not key:
            message = "api_key: is needed where result_url is set"
            raise ValueError(message)
        if EXAMPLE in key:
            message = "api_key: is an example; write the key that the service gave you"
            raise ValueError(message)
        return self
