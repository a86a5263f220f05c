"""The versioned text that everybody signs before publishing, and who has signed which version."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Commitment:
    """One sentence that the signer promises to keep."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """One version of the agreement, in the operator's words."""

    version: str
    effective_from: datetime
    text: str
    commitments: tuple[Commitment, ...] = ()

    @property
    def hash(self) -> str:
        """The fingerprint of exactly what is signed (SHA-256, hex)."""
        signed = [self.version, self.text, [[c.id, c.text] for c in self.commitments]]
        return hashlib.sha256(json.dumps(signed).encode()).hexdigest()


class Standing(StrEnum):
    """Whether somebody has signed what binds today."""

    NONE = "none"
    """Nothing was ever signed."""
    ACCEPTED = "accepted"
    DUE = "due"
    """An older version was signed; the present one waits."""


def standing(current: Agreement, signed: frozenset[str]) -> Standing:
    """Say how somebody who signed the versions with these hashes stands towards the current one."""
    if current.hash in signed:
        return Standing.ACCEPTED
    return Standing.DUE if signed else Standing.NONE
