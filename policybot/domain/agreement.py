"""The versioned text that everybody signs before publishing: which version binds, and who has to sign.

A version is known before it binds. Until then the signature under the one before is good; after it,
whoever has not signed the new one reads and does not write. Nobody is expelled over it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

FIRST_NOTICE = timedelta(days=1)
"""How long people have at least before any changed version binds them."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """One sentence that the signer promises to keep, by language."""

    id: str
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Agreement:
    """One version of the agreement, in the operator's words and in all its languages."""

    version: str
    effective_from: datetime
    """From when the operator wants it to bind."""
    texts: Mapping[str, str]
    """The text by language; every commitment has the same languages."""
    commitments: tuple[Commitment, ...] = ()
    default_language: str = "en"
    stricter: bool = False
    """Whether it asks more of people than the version before."""

    @property
    def hash(self) -> str:
        """The fingerprint of exactly what is signed (SHA-256, hex)."""
        promised = [[c.id, dict(c.texts)] for c in self.commitments]
        signed = json.dumps([self.version, dict(self.texts), promised], sort_keys=True)
        return hashlib.sha256(signed.encode()).hexdigest()

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that it is written in, the default one first."""
        return tuple(sorted(self.texts, key=lambda name: (name != self.default_language, name)))

    def language(self, *wanted: str) -> str:
        """Choose the first of the wanted languages that there is, else the default one."""
        return next((name for name in wanted if name in self.texts), self.default_language)

    def promises(self, language: str) -> tuple[str, ...]:
        """List the commitments in one of the languages."""
        return tuple(commitment.texts[language] for commitment in self.commitments)


@dataclass(frozen=True, slots=True)
class Notice:
    """How long before it binds people hear of a changed version."""

    stricter: timedelta
    """What a stricter version has to give."""
    reminders: tuple[timedelta, ...] = ()
    """How long before the deadline those who have not signed are reminded."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version as it is on record."""

    number: int
    """Its place in the order in which versions came, from 1."""
    hash: str
    agreement: Agreement
    first_seen: datetime
    binds_from: datetime
    withdrawn_at: datetime | None = None
    """When a later version took its place before it ever bound."""

    @property
    def name(self) -> str:
        """What people type: the operator's name for it."""
        return self.agreement.version

    @property
    def moved(self) -> bool:
        """Whether it binds later than the operator wrote, so that people have their notice."""
        return self.binds_from > self.agreement.effective_from


def deadline(agreement: Agreement, first_seen: datetime, notice: Notice, *, first: bool) -> datetime:
    """Say from when a version binds: as its operator wrote, but never without notice.

    The very first version takes nothing from anybody, so it needs none.
    """
    if first:
        return agreement.effective_from
    least = max(notice.stricter, FIRST_NOTICE) if agreement.stricter else FIRST_NOTICE
    return max(agreement.effective_from, first_seen + least)


def newest(versions: Sequence[Version]) -> Version:
    """Give the last version that was not withdrawn; versions come in the order of their numbers."""
    return next(version for version in reversed(versions) if version.withdrawn_at is None)


def in_force(versions: Sequence[Version], now: datetime) -> Version:
    """Give the version that binds today; before the first one binds, that one."""
    standing_ones = [version for version in versions if version.withdrawn_at is None]
    binding = [version for version in standing_ones if version.binds_from <= now]
    return binding[-1] if binding else standing_ones[0]


def coming(versions: Sequence[Version], now: datetime) -> Version | None:
    """Give the version that is known and does not bind yet, if there is one."""
    last = newest(versions)
    return last if last is not in_force(versions, now) else None


def bound(versions: Sequence[Version], now: datetime) -> int:
    """Give the number of the version that binds today; 0 while none does."""
    version = in_force(versions, now)
    return version.number if version.binds_from <= now else 0


class Standing(StrEnum):
    """Whether somebody has signed what binds today."""

    NONE = "none"
    """Nothing was ever signed."""
    ACCEPTED = "accepted"
    WAITING = "waiting"
    """What binds today is signed, and a version that is coming is not."""
    DUE = "due"
    """An older version was signed; the present one waits."""


def standing(versions: Sequence[Version], signed: int, now: datetime) -> Standing:
    """Say how somebody stands whose newest signature is under the version with this number (or 0).

    Who has signed a version that is still to come has signed what binds today as well.
    """
    if not signed:
        return Standing.NONE
    if signed >= newest(versions).number:
        return Standing.ACCEPTED
    return Standing.WAITING if signed >= in_force(versions, now).number else Standing.DUE


def reminder(version: Version, notice: Notice, now: datetime) -> timedelta | None:
    """Say which reminder is due: the nearest to the deadline alone, if several would be.

    One that would come within a day of the first word of the version is left out.
    """
    open_ones = [
        before
        for before in notice.reminders
        if version.binds_from - before <= now < version.binds_from
        and version.first_seen + FIRST_NOTICE <= version.binds_from - before
    ]
    return min(open_ones, default=None)
