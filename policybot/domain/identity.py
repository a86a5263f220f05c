"""A verified person, the accounts linked to them, and the name in front."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Assurance(StrEnum):
    """How sure a verification is, in rising order (the three levels of Regulation (EU) 910/2014)."""

    LOW = "low"
    SUBSTANTIAL = "substantial"
    HIGH = "high"

    def reaches(self, needed: "Assurance") -> bool:
        """Say whether this level is enough where `needed` is asked for."""
        order = list(Assurance)
        return order.index(self) >= order.index(needed)


class Front(StrEnum):
    """What others see of a person: a pseudonym unless its owner chooses the real name."""

    PSEUDONYM = "pseudonym"
    REAL = "real"


@dataclass(frozen=True, slots=True)
class Record:
    """What a source of real-name records says of somebody.

    `reference` tells one person from another within the source (a staff number, say). It is
    personal data: it is hashed before it is stored and never printed.
    """

    source: str
    reference: str
    assurance: Assurance

    def __repr__(self) -> str:
        """Show everything but the person."""
        return f"Record(source={self.source!r}, reference=…, assurance={self.assurance.value!r})"


@dataclass(frozen=True, slots=True)
class Link:
    """The tie between an account and a person, active until it is ended."""

    user_id: str
    person_id: str
    assurance: Assurance
    front: Front
    created_at: datetime
    ended_at: datetime | None = None


MAX_ATTEMPTS = 5
"""Wrong codes after which a verification link is dead: a code must not be guessable through it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to verify an account through a one-time link."""

    user_id: str
    expires_at: datetime
    wrong_codes: int = 0
    used_at: datetime | None = None

    def usable(self, now: datetime) -> bool:
        """Say whether a code may still be given through this link."""
        return self.used_at is None and now < self.expires_at and self.wrong_codes < MAX_ATTEMPTS


def free_slot(taken: frozenset[int], allowed: int) -> int | None:
    """Find the lowest free place for another account of one person; None when all are taken."""
    return next((slot for slot in range(1, allowed + 1) if slot not in taken), None)
