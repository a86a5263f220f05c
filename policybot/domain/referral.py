"""A referral: something about a case is handed over to somebody outside, as little as will do.

proposed → approved → handed over
    ├→ denied   └→ lapsed (nobody handed it over in time, or its decision is void)
    └→ expired

A correction of one begins as approved: it says that something was wrong, and nothing about anybody.
Whoever it is about is told: at once, or when the delay ends for which a ground was cited.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.measure import duration_in_words
from policybot.domain.notice import day
from policybot.domain.number import referral as numbered
from policybot.domain.statement import MIN_FACTS

VOID = "The decision on which it rests is void from the beginning: it was overturned."
CHANGED = "The decision on which it rests was changed after an appeal: a milder measure took its place."
"""What is said to a recipient of a decision that they know of."""


class State(StrEnum):
    """Where a referral stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    HANDED_OVER = "handed_over"
    DENIED = "denied"
    EXPIRED = "expired"
    LAPSED = "lapsed"


class Field(StrEnum):
    """What can be handed over of a case; a name is never among it."""

    RULE = "rule"
    FACTS = "facts"
    TIME = "time"
    ROOM = "room"
    EVENT = "event"
    MESSAGE = "message"
    ACCOUNT = "account"
    IDENTITY = "identity"
    """The reference to an approved reveal; the name itself stays where it is."""


class Answer(StrEnum):
    """How an objection to a referral ended."""

    UPHELD = "upheld"
    OVERTURNED = "overturned"


IN_WORDS: Mapping[Field, str] = {
    Field.RULE: "the rule",
    Field.FACTS: "the facts that were decided on",
    Field.TIME: "the time",
    Field.ROOM: "the room",
    Field.EVENT: "the message's ID",
    Field.MESSAGE: "a copy of the message",
    Field.ACCOUNT: "your account",
    Field.IDENTITY: "the number under which your name was looked up here, without the name",
}
"""The fields, as the person reads them."""

HAND_OVER_WITHIN = timedelta(days=7)
"""How long an approval is good; what was not handed over then has to be proposed anew."""
LINK_LIFE = timedelta(minutes=15)
"""How long a link to the document works, for the one whom it was made for."""
LONGEST_DELAY = timedelta(days=90)
"""How long the person may be left in the dark by one decision of two people."""
LONGEST_IN_ALL = timedelta(days=365)
"""After this, from the hand-over on, nothing keeps the person in the dark any more."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody outside to whom the operator may hand something over."""

    id: str
    name: str
    what: str
    """What they are, as the person reads it."""
    reached: str
    """How they are reached, for the operator's people."""
    bases: Mapping[str, str]
    """The legal bases on which it may be, by their short names."""
    fields: frozenset[Field]
    """What may be handed over to them at the most."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Why a person is told later, as the operator has published it."""

    id: str
    title: str
    longest: timedelta
    """How long at the most."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed: which fields, which delay, which reveal, and why."""

    fields: frozenset[Field]
    reveal: int | None
    delay: tuple[str, str] | None
    """The ground's short name, and a duration."""
    why: str

    @classmethod
    def read(cls, typed: str) -> "Wanted":
        """Read `+rule +facts +identity:7 delay:GROUND:P30D` and the reason behind them.

        Raises:
            NotFound: a word names no field.
        """
        fields, reveal, delay = set[Field](), None, None
        words = typed.split()
        while words and words[0].startswith(("+", "delay:")):
            word = words.pop(0)
            if word.startswith("delay:"):
                ground, _, span = word.removeprefix("delay:").partition(":")
                delay = (ground, span)
                continue
            name, _, number = word[1:].lower().partition(":")
            if name not in list(Field) or (name == Field.IDENTITY) != number.isdecimal():
                message = f"«{word[:40]}» is nothing that can be handed over: {typable(Field)}."
                raise NotFound(message)
            fields.add(Field(name))
            reveal = int(number[:12]) if number else reveal
        return cls(frozenset(fields), reveal, delay, " ".join(words))


def typable(fields: Iterable[Field]) -> str:
    """Name fields as they are typed."""
    known = set(fields)
    return ", ".join(
        f"+{one}{':REVEAL' if one is Field.IDENTITY else ''}" for one in Field if one in known
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """What is handed over, to whom and why, as it was configured and typed then."""

    recipient: str
    name: str
    what: str
    reached: str
    basis: str
    fields: tuple[Field, ...]
    why: str
    ground: str = ""
    """Why the person is told later; empty if they are told at once."""
    delay: timedelta = timedelta(0)
    reveal: int | None = None

    @property
    def when(self) -> str:
        """When the person is told."""
        if not self.ground:
            return "at once when it is handed over"
        return f"{duration_in_words(self.delay)} after it is handed over ({self.ground})"

    def dump(self) -> str:
        """Write it as it is kept: a later change of the configuration changes nothing."""
        return json.dumps(asdict(self) | {"delay": int(self.delay.total_seconds())})

    @classmethod
    def load(cls, data: str) -> "Terms":
        """Read what `dump` wrote."""
        said = json.loads(data)
        fields, delay = tuple(Field(f) for f in said["fields"]), timedelta(seconds=said["delay"])
        return cls(**said | {"fields": fields, "delay": delay})

    @property
    def in_words(self) -> str:
        """Name what is handed over, as the person reads it."""
        return ", ".join(IN_WORDS[field] for field in self.fields)


def terms(
    recipient: Recipient, basis: str, wanted: Wanted, grounds: Iterable[Ground], delay: timedelta
) -> Terms:
    """Check what is wanted against what the operator allows.

    Raises:
        NotFound: the basis or the ground is not on the operator's list.
        Incomplete: no field or no reason is given, a field is not for this recipient, or the delay is
            too long.
    """
    if basis not in recipient.bases:
        known = ", ".join(f"{id_} ({title})" for id_, title in recipient.bases.items())
        message = f"«{basis[:40]}» is no basis for {recipient.name}. Bases: {known}."
        raise NotFound(message)
    if not wanted.fields or not wanted.fields <= recipient.fields:
        message = (
            f"Please choose what is handed over, as little as will do. For {recipient.name} there is: "
            f"{typable(recipient.fields)}."
        )
        raise Incomplete(message)
    if len(wanted.why) < MIN_FACTS:
        message = "Please say in a sentence why; the recipient and the person will read it."
        raise Incomplete(message)
    title = ""
    if wanted.delay is not None:
        ground = ground_of(grounds, wanted.delay[0], delay)
        title = ground.title
    ordered = tuple(field for field in Field if field in wanted.fields)
    return Terms(
        recipient=recipient.id,
        name=recipient.name,
        what=recipient.what,
        reached=recipient.reached,
        basis=recipient.bases[basis],
        fields=ordered,
        why=wanted.why,
        ground=title,
        delay=delay if title else timedelta(0),
        reveal=wanted.reveal,
    )


def ground_of(grounds: Iterable[Ground], id_: str, delay: timedelta) -> Ground:
    """Find a ground for delay that allows as much.

    Raises:
        NotFound: there is none of that name.
        Incomplete: it does not allow as much, or the delay is none.
    """
    known = {ground.id: ground for ground in grounds}
    if id_ not in known:
        listed = ", ".join(f"{g.id} ({g.title})" for g in known.values()) or "none are configured"
        message = f"There is no ground «{id_[:40]}» for telling the person later: {listed}."
        raise NotFound(message)
    longest = min(known[id_].longest, LONGEST_DELAY)
    if not timedelta(0) < delay <= longest:
        span = duration_in_words(longest)
        message = f"With the ground «{id_}» the person is told after {span} at the latest."
        raise Incomplete(message)
    return known[id_]


@dataclass(frozen=True, slots=True)
class Postponement:
    """The wish to tell a person still later, until a second person agrees to it."""

    ground: str
    until: datetime
    reason: str

    @property
    def binding(self) -> str:
        """The fingerprint of what the second person agrees to."""
        terms = [self.ground, self.until.isoformat(), self.reason]
        return hashlib.sha256(json.dumps(terms).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Referral:
    """One referral, or the correction of one."""

    id: int
    case_id: int
    decision_id: int | None
    """The decision that it rests on; None where nothing is decided yet."""
    user_id: str
    person_id: str | None
    terms: Terms
    proposer: str
    state: State
    proposed_at: datetime
    binding: str
    """The fingerprint of the document: exactly what goes out."""
    approver: str | None = None
    approved_at: datetime | None = None
    handed_over_at: datetime | None = None
    handed_over_by: str | None = None
    receipt: str = ""
    """What the recipient answered: their file number, or the name of who took it."""
    accounts: tuple[str, ...] = ()
    """The person's accounts at the hand-over: they are told even if they are unlinked meanwhile."""
    due_at: datetime | None = None
    """When the person is told at the latest; None before the hand-over."""
    told_at: datetime | None = None
    postponement: Postponement | None = None
    objection: str = ""
    objected_at: datetime | None = None
    answer_due: datetime | None = None
    answer: Answer | None = None
    corrects: int | None = None
    version: int = 1

    @property
    def number(self) -> str:
        """What it is called."""
        return numbered(self.id)

    def is_of(self, person_id: str | None) -> bool:
        """Say whether the account is still whose it was: `person_id` is who has it now, if known."""
        return self.person_id is None or person_id in (None, self.person_id)

    @property
    def course(self) -> str:
        """What a correction says of what it corrects."""
        return "has changed" if self.terms.why == CHANGED else "does not hold"

    @property
    def in_words(self) -> str:
        """Say where it stands."""
        state = self.state.replace("_", " ")
        return f"{state} on {day(self.handed_over_at)}" if self.handed_over_at else state


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to hand over in a case; what is empty is not there."""

    values: Mapping[Field, str]
    appealed: bool = False
    """Whether the decision is under appeal."""


_HEADS: Mapping[Field, str] = {
    Field.RULE: "Rule",
    Field.FACTS: "What was decided on",
    Field.TIME: "When",
    Field.ROOM: "Room",
    Field.EVENT: "Event ID",
    Field.MESSAGE: "Copy of the message",
    Field.ACCOUNT: "Account",
    Field.IDENTITY: "Identity",
}


def document(referral: Referral, material: Material, operator: str, contact: str) -> str:
    """Write exactly what goes out.

    Raises:
        Incomplete: something that is to be handed over is not there.
    """
    terms = referral.terms
    if lacking := [field for field in terms.fields if not material.values.get(field)]:
        message = f"This is not there to be handed over: {', '.join(f'+{one}' for one in lacking)}."
        undecided = " The rule and the facts are there once the case is decided."
        raise Incomplete(message + (undecided if {Field.RULE, Field.FACTS} & set(lacking) else ""))
    parts = "\n".join(f"{_HEADS[one]}:\n{_indented(material.values[one])}\n" for one in terms.fields)
    appealed = "The decision on which this rests is under appeal.\n\n" if material.appealed else ""
    return (
        f"REFERRAL {referral.number}, {day(referral.proposed_at)}\nFrom: {operator}, {contact}\n"
        f"To: {terms.name}, {terms.what}\nLegal basis: {terms.basis}\nWhy: {terms.why}\n\n{parts}\n"
        f"{appealed}Nothing else is handed over, and no name. Whoever this is about is told of it and "
        "can object. If it turns out that it does not hold, you are told.\n"
    )


def correction(referral: Referral, operator: str, contact: str) -> str:
    """Write what is said to a recipient to whom something was handed over that does not hold."""
    terms = referral.terms
    please = "treat what was handed over under that number as if it had not been"
    if terms.why == CHANGED:
        please = "no longer rest on the first decision"
    return (
        f"CORRECTION {referral.number}, {day(referral.proposed_at)}\nFrom: {operator}, {contact}\n"
        f"To: {terms.name}, {terms.what}\nCorrects: {numbered(referral.corrects or 0)}\n"
        f"Why: {terms.why}\n\nPlease {please}, tell everybody to whom you passed it on, and confirm it "
        "to us.\n"
    )


def fingerprint(text: str) -> str:
    """Make the fingerprint of a document."""
    return hashlib.sha256(text.encode()).hexdigest()


def _indented(text: str) -> str:
    """Set off what others wrote: no line of it can pass for one of the document's own."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def postponable(referral: Referral, until: datetime, now: datetime) -> None:
    """Check that the person may be told as late as that.

    Raises:
        OutOfOrder: there is nobody to be told later, or it is too late by then.
    """
    if referral.handed_over_at is None or referral.told_at or not referral.terms.ground:
        message = f"{referral.number}: its person is not waiting to be told, so nothing can be put off."
        raise OutOfOrder(message)
    if until <= (referral.due_at or now):
        message = f"{referral.number}: the person is told on {day(referral.due_at or now)} as it is."
        raise OutOfOrder(message)
    if until > referral.handed_over_at + LONGEST_IN_ALL:
        last = day(referral.handed_over_at + LONGEST_IN_ALL)
        message = f"{referral.number}: the person is told on {last} at the latest, whatever the ground."
        raise OutOfOrder(message)


def notice(referral: Referral, contact: str, outside: str | None, within: timedelta) -> str:
    """Tell the person what was handed over to whom, on which basis, and how to object."""
    terms, when = referral.terms, referral.handed_over_at or referral.proposed_at
    body = f", or to {outside}" if outside else ""
    if referral.corrects is not None:
        please = "" if terms.why == CHANGED else ", and to treat it as if it had not been handed over"
        return (
            f"{terms.name} was told on {day(when)} that {numbered(referral.corrects)} {referral.course}"
            f"{please} ({referral.number}).\nWhy: {terms.why}\nQuestions: {contact}{body}"
        )
    named = "" if Field.IDENTITY in terms.fields else " Your name was not."
    late = f"\nYou are told only now because of this: {terms.ground}." if terms.ground else ""
    return (
        f"On {day(when)} something about you was handed over to {terms.name} ({terms.what}). It is "
        f"{referral.number}, about C-{referral.case_id}.\nWhat: {terms.in_words}. Nothing else was."
        f"{named}\nLegal basis: {terms.basis}\nWhy: {terms.why}{late}\n"
        f"To object: !policy object {referral.number} YOUR REASONS. Somebody who had no part in it "
        f"answers within {duration_in_words(within)}. You can also turn to {contact}{body}."
    )


def told_in_short(referral: Referral) -> str:
    """Say in one line what was handed over, for the person."""
    terms, when = referral.terms, referral.handed_over_at or referral.proposed_at
    if referral.corrects is not None:
        what = f"{numbered(referral.corrects)} {referral.course}"
        return f"{referral.number} of {day(when)}: {terms.name}, that {what}"
    return f"{referral.number} of {day(when)}: {terms.name}, {terms.in_words} ({terms.basis})"


def answered(referral: Referral, answer: Answer, reasons: str, outside: str | None) -> str:
    """Tell the person what came of their objection."""
    if answer is Answer.OVERTURNED:
        came = f"is right. {referral.terms.name} will be told that it does not hold"
    else:
        came = "was looked at by somebody who had no part in it; the referral stands"
    body = f"\nYou can also turn to {outside}." if outside and answer is Answer.UPHELD else ""
    return f"Your objection to {referral.number} {came}.\nReasons: {reasons}{body}"
