"""OpenID Connect in the configuration: providers as ways in, and the ways to prove an account."""

import re
from ipaddress import ip_address
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from policybot.config.types import Section, Url, Word
from policybot.domain.identity import Assurance


def is_loopback(host: str | None) -> bool:
    """Say whether a host is this very machine, where a connection needs no TLS."""
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _issuer(value: str) -> str:
    """Take an issuer as it is written, to the last slash: tokens name it so."""
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
        message = "must be an address that begins with https://, without ? and #"
        raise ValueError(message)
    parts = urlsplit(value)
    if parts.scheme != "https" and not is_loopback(parts.hostname):
        message = "must begin with https://; http:// is for this very machine alone"
        raise ValueError(message)
    return value


def _origin(value: str) -> str:
    # What stands here goes into a header: nothing but an origin may.
    if not re.fullmatch(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?", value):
        message = "must be an origin in small letters, such as https://chat.example.org"
        raise ValueError(message)
    return value


Issuer = Annotated[str, AfterValidator(_issuer)]
Origin = Annotated[str, AfterValidator(_origin)]


class VerifiedClaimsSection(Section):
    """What must be vouched for by the rules of OpenID Identity Assurance 1.0."""

    trust_framework: tuple[Word, ...] = Field(
        min_length=1, description="The frameworks you accept, as the provider names them: eidas."
    )
    levels: dict[Word, Assurance] = Field(
        min_length=1,
        description="Which of the provider's assurance levels counts as low, substantial or high; "
        "others are refused.",
    )


class ProviderSection(Section):
    """A way in by login at an OpenID provider."""

    id: str = Field(
        pattern=r"^[a-z0-9-]+$", description="A short name in small letters; keep it for ever."
    )
    title: Word = Field(description="What stands on its button.")
    issuer: Issuer = Field(description="The provider's issuer, exactly as the provider writes it.")
    client_id: Word = Field(description="The ID under which policybot is registered there.")
    client_secret: SecretStr | None = Field(
        None, description="The secret that belongs to it; null for a public client."
    )
    scopes: tuple[Word, ...] = Field(
        ("openid", "profile"), description="What is asked for; openid must be among it."
    )
    assurance: Assurance = Field(
        Assurance.LOW,
        description="How sure the names at this provider are: low, substantial or high. It does not "
        "count where verified_claims are asked for.",
    )
    verified_claims: VerifiedClaimsSection | None = Field(
        None, description="What must be vouched for; null to take the provider's ordinary claims."
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if "openid" not in self.scopes:
            message = "scopes: openid must be among them"
            raise ValueError(message)
        return self


class MasSection(Section):
    """Proof of the account by login at the Matrix Authentication Service."""

    issuer: Issuer = Field(description="The service's issuer, exactly as the service writes it.")
    client_id: Word = Field(description="The ID under which policybot is registered there.")
    client_secret: SecretStr | None = Field(
        None, description="The secret that belongs to it; null for a public client."
    )


class WidgetSection(Section):
    """Proof of the account by the client, through a widget."""

    clients: tuple[Origin, ...] = Field(
        min_length=1, description="The origins of the clients that may show the widget."
    )
    homeserver: Url | None = Field(
        None,
        description="Where /_matrix/federation/v1/openid/userinfo is served; null for "
        "homeserver.address.",
    )


class BindingSection(Section):
    """How an account can be proved without sending the code by hand."""

    mas: MasSection | None = Field(
        None, description="By login at your Matrix Authentication Service; null for none."
    )
    widget: WidgetSection | None = Field(None, description="By a widget in the client; null for none.")
