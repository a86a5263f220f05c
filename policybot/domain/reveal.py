"""The two ways to look behind a pseudonym: a reveal that two people decide, and a yes/no question.

requested → approved → opened
    ├→ denied   └→ lapsed
    └→ expired

Whoever was looked at is told: at once, or when the delay of the reason ends.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain.decision import deniable
from policybot.domain.errors import NotPermitted
from policybot.domain.identity import Claim


class State(StrEnum):
    """Where a reveal stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    OPENED = "opened"
    DENIED = "denied"
    EXPIRED = "expired"
    """Nobody approved it in time."""
    LAPSED = "lapsed"
    """It was approved, and nobody opened it in time."""


class Kind(StrEnum):
    """What can be done to look behind a pseudonym."""

    REVEAL = "reveal"
    SAME = "same"
    MATCHES = "matches"
    DOCUMENT = "document"
    """A document was looked at to verify somebody."""


LINK_LIFE = timedelta(minutes=15)
"""How long a one-time link works, and how long its page stays open."""
INTENT_LIFE = timedelta(minutes=1)
"""After this an opening without an end is told to people: something broke between the two."""
MATCHES_PER_CASE = 3
"""More of them would be a way to guess a name."""
LONGEST_DELAY = timedelta(days=90)
"""How long the person may be left in the dark at the most."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a name may be revealed, as the operator has published it."""

    id: str
    title: str
    fields: tuple[Claim, ...]
    delay: timedelta = timedelta(0)
    """How long after it the person is told."""

    def dump(self) -> str:
        """Write it as it is kept with a request: a later change of the configuration changes nothing."""
        seconds = int(self.delay.total_seconds())
        return json.dumps([self.id, self.title, [f.value for f in self.fields], seconds])

    @classmethod
    def load(cls, data: str) -> "Reason":
        """Read what `dump` wrote."""
        id_, title, fields, seconds = json.loads(data)
        return cls(id_, title, tuple(Claim(f) for f in fields), timedelta(seconds=seconds))


@dataclass(frozen=True, slots=True)
class Reveal:
    """One request to learn who is behind an account."""

    id: int
    case_id: int
    person_id: str
    user_id: str
    """The account that was named."""
    requester: str
    role: str
    """In which role the requester asked; the person learns this, and not who it was."""
    reason: Reason
    note: str
    state: State
    requested_at: datetime
    approver: str | None = None
    version: int = 1

    @property
    def number(self) -> str:
        """What it is called."""
        return f"reveal {self.id}"

    @property
    def binding(self) -> str:
        """The fingerprint of exactly what the second person approves."""
        terms = [self.case_id, self.person_id, self.user_id, self.reason.dump(), self.note]
        return hashlib.sha256(json.dumps(terms).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Look:
    """That somebody looked behind a pseudonym: what the person is told of it, and when."""

    person_id: str
    kind: Kind
    viewer: str
    role: str
    case: str
    """The number of the case, or of whatever else it was for."""
    what: str
    """What was shown, in words; never a value."""
    reason: str
    at: datetime
    due_at: datetime
    """When the person is told at the latest."""
    accounts: tuple[str, ...]
    """The person's accounts at that time: they are told even if they are unlinked meanwhile."""
    id: int = 0
    told_at: datetime | None = None


def in_words(fields: tuple[Claim, ...]) -> str:
    """Name fields as people do."""
    return ", ".join(
        field.value.replace("_", " ").replace("birthdate", "birth date") for field in fields
    )


def done_in_words(look: Look) -> str:
    """Say in one line what was done, when, in which role and why; never by whom."""
    day, who = f"{look.at:%-d %B %Y, %H:%M} UTC", f"somebody in the role «{look.role}»"
    why = f"{look.reason}, {look.case}" if look.reason else look.case
    match look.kind:
        case Kind.REVEAL:
            return f"{day}: {who} was shown your {look.what}, with a second person's consent ({why})"
        case Kind.SAME | Kind.MATCHES:
            return f"{day}: {who} asked {look.what}, and was answered yes or no ({why})"
        case Kind.DOCUMENT:
            return f"{day}: {who} looked at {look.what} ({why})"


def notice(look: Look, contact: str, outside: str | None, *, shown: bool) -> str:
    """Tell the person that somebody looked, and how to complain; `shown`: they can see it later, too."""
    body = f" You can also turn to {outside}." if outside else ""
    where = "at your document" if look.kind is Kind.DOCUMENT else "behind your pseudonym"
    record = "It is on record, and !policy me shows it." if shown else "It is on record."
    return (
        f"Somebody has looked {where}.\n{done_in_words(look)}.\n{record} If you think that it was "
        f"wrong, complain to {contact}.{body}"
    )


def another_person(
    by: str, *, verified: bool, requesters: frozenset[str], parties: frozenset[str]
) -> None:
    """Check that whoever approves a reveal is another person than everybody who has a part in it.

    Args:
        by: who wants to approve it.
        verified: whether it is known which person that is.
        requesters: all accounts of the person who asked.
        parties: all accounts of the subject and of the parties to the case.

    Raises:
        NotPermitted: they are not, or it cannot be known.
    """
    if by in requesters:
        message = "This needs a second person, and that account is the same one's: it was you who asked."
        raise NotPermitted(message)
    deniable(by, parties)
    if not verified:
        message = (
            "To be sure that two persons decide, both have to be verified. Please verify yourself "
            "first: !policy verify"
        )
        raise NotPermitted(message)
