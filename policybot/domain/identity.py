"""A verified person, how they were verified, the accounts linked to them, and the name in front."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from policybot.domain.private import Private


class Assurance(StrEnum):
    """How sure a verification is, in rising order (the three levels of Regulation (EU) 910/2014)."""

    LOW = "low"
    SUBSTANTIAL = "substantial"
    HIGH = "high"

    @property
    def level(self) -> int:
        """The level as a number that can be compared: 1 to 3."""
        return list(Assurance).index(self) + 1

    @classmethod
    def of_level(cls, level: int) -> "Assurance":
        """Give the level with this number."""
        return list(cls)[level - 1]

    def reaches(self, needed: "Assurance") -> bool:
        """Say whether this level is enough where `needed` is asked for."""
        return self.level >= needed.level


class Source(StrEnum):
    """The ways in which a person can be verified."""

    OIDC = "oidc"
    ROSTER = "roster"
    DOCUMENT = "document"
    CALLBACK = "callback"


class Bound(StrEnum):
    """How it was shown that the person before the page and the account are the same."""

    CODE = "code"
    """The account sent the code of the page from its direct room."""
    LOGIN = "login"
    """The same browser logged in as the account."""
    WIDGET = "widget"
    """The account's client vouched for it where the code was typed."""
    REVIEW = "review"
    """A reviewer approved a document that had been bound before in one of these ways."""


class Front(StrEnum):
    """What others see of a person: a pseudonym unless its owner chooses the real name."""

    PSEUDONYM = "pseudonym"
    REAL = "real"


class FrontClass(StrEnum):
    """What a kind of room asks of the names in front, from what shows most to what shows least."""

    VOLUNTARY = "voluntary"
    """What its owner chose."""
    VERIFIED_REQUIRED = "verified_required"
    """What its owner chose, and always whether they are verified."""
    ROLE_BASED = "role_based"
    """A role in place of the person who answers for the room."""
    PSEUDONYM_ONLY = "pseudonym_only"
    """A pseudonym, even if its owner chose the real name."""


class Claim(StrEnum):
    """What may be known of a person; nothing else is kept, whatever a source sends.

    The names are those of OpenID Connect Core 1.0, section 5.1.
    """

    NAME = "name"
    GIVEN_NAME = "given_name"
    FAMILY_NAME = "family_name"
    BIRTHDATE = "birthdate"


@dataclass(frozen=True, slots=True)
class Record:
    """What a source of real-name records says of somebody; the same from every source.

    `reference` tells one person from another within `realm` (an issuer's subject, a staff number, a
    document's number).
    """

    source: Source
    realm: str
    reference: Private
    claims: Mapping[Claim, Private]
    assurance: Assurance
    process: str
    """How the person was verified, in a few words: `eidas`, `code from the roster`."""
    verified_at: datetime
    expires_at: datetime | None = None
    ticket: str = ""
    """What the source uses up once an account is linked, such as a code of the roster."""
    again: Private | None = None
    """By what the source can be asked later whether this still holds, if it can be."""

    @property
    def subject(self) -> Private:
        """The person as the blind index knows them: realm and reference, in one form of writing."""
        return Private(f"{self.realm}|{normalised(self.source, self.reference.reveal())}")

    @property
    def display_name(self) -> Private:
        """The full name, or what there is of it."""
        return full_name(self.claims)


def full_name(claims: Mapping[Claim, Private]) -> Private:
    """Give the full name among what is known of somebody, or what there is of it."""
    if Claim.NAME in claims:
        return claims[Claim.NAME]
    parts = (claims.get(claim) for claim in (Claim.GIVEN_NAME, Claim.FAMILY_NAME))
    return Private(" ".join(part.reveal() for part in parts if part))


NORMALISER = 2
"""The version of `normalised`: the index names it, so that a better one can be introduced."""


def normalised(source: Source, reference: str) -> str:
    """Write a reference in one way: of a document's number the letters and digits of whatever script."""
    text = unicodedata.normalize("NFKC", reference).strip()
    if source is Source.DOCUMENT:
        capitals = unicodedata.normalize("NFKC", text.upper())
        return "".join(c for c in capitals if unicodedata.category(c)[0] in "LMN")
    return text


def same_name(one: str, other: str) -> bool:
    """Say whether two names are the same but for case, accents, spaces and the order of their parts."""
    return _name_parts(one) == _name_parts(other)


def _name_parts(name: str) -> list[str]:
    bare = "".join(
        c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c)
    )
    return sorted(re.findall(r"\w+", bare))


def likeness(claims: Mapping[Claim, Private]) -> Private | None:
    """Write a name, and a birth date if there is one, as all who may be one person write it."""
    parts = _name_parts(full_name(claims).reveal())
    born = claims[Claim.BIRTHDATE].reveal() if Claim.BIRTHDATE in claims else ""
    return Private("|".join((*parts, born))) if parts else None


def masked(name: str) -> str:
    """Show a name to its owner without showing it to somebody behind them: `A*** E***`."""
    return " ".join(f"{part[0]}***" for part in name.split()) or "(no name)"


@dataclass(frozen=True, slots=True)
class Blinds:
    """A person, blinded in two ways."""

    person: str
    """Tells surely who it is: by what their source knows them by."""
    likeness: str
    """Hints at who it may be: by name and birth date. Empty without a name."""


@dataclass(frozen=True, slots=True)
class Verification:
    """That a person was verified: by which way, how surely, and until when that is good."""

    person_id: str
    source: Source
    realm: str
    assurance: Assurance
    process: str
    verified_at: datetime
    expires_at: datetime
    id: int = 0
    ended_at: datetime | None = None


class Still(StrEnum):
    """What a source says when it is asked whether a verification still holds."""

    GOOD = "good"
    GONE = "gone"
    UNKNOWN = "unknown"
    """It cannot say, or not now."""


@dataclass(frozen=True, slots=True)
class Link:
    """The tie between an account and a person, active until it is ended."""

    user_id: str
    person_id: str
    assurance: Assurance | None
    """The best verification of the person that is good today; None once all have ended."""
    front: Front
    created_at: datetime
    ended_at: datetime | None = None


MAX_ATTEMPTS = 5
"""Wrong codes after which a verification link is dead: a code must not be guessable through it."""


MAX_FINDS = 10
"""Finds after which a link finds nobody any more: each makes us ask a source, and hash at length."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to verify an account through a one-time link.

    It is begun in the account's direct room, goes on in a browser, and ends with a code from the
    page that the account sends back: so the person in the browser and the account meet.
    """

    user_id: str
    expires_at: datetime
    wrong_codes: int = 0
    finds: int = 0
    used_at: datetime | None = None

    def usable(self, now: datetime) -> bool:
        """Say whether somebody may still be found through this link."""
        spent = self.wrong_codes >= MAX_ATTEMPTS or self.finds >= MAX_FINDS
        return self.used_at is None and now < self.expires_at and not spent


@dataclass(frozen=True, slots=True)
class Found:
    """A person that a source found for an attempt, until the account confirms."""

    token_hash: str
    user_id: str
    candidate: str
    """The ID under which the vault keeps what was found."""
    blind: str
    """The person in the blind index."""
    likeness: str
    """Who it may be beside that, in the blind index."""
    source: Source
    realm: str
    assurance: Assurance
    process: str
    verified_at: datetime
    valid_until: datetime
    ticket: str = ""
