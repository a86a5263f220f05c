"""Members: link an account to a verified person, sign the agreement, see and end one's own link."""

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import timedelta

from policybot.domain import agreement as agreements
from policybot.domain import identity
from policybot.domain.agreement import Agreement, Standing
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder
from policybot.domain.identity import Attempt, Front, Link, Record
from policybot.ports import IdentityProvider
from policybot.services.setting import Setting
from policybot.store import audit, decisions, members
from policybot.store.database import Tx
from policybot.store.members import Person

_DEAD_LINK = "This link is no longer valid. Write !policy verify to the bot for a new one."
_MAX_WRONG_A_DAY = 15


class WrongCode(NotFound):
    """The code on the page belongs to nobody."""


@dataclass(frozen=True, slots=True)
class Standpoint:
    """What somebody may know about their own standing."""

    link: Link | None
    agreement: Standing
    decisions: tuple[str, ...]


class Members:
    """The service for members."""

    def __init__(self, setting: Setting, provider: IdentityProvider, current: Agreement) -> None:
        """Work with one source of records and the agreement that binds today."""
        self._setting = setting
        self._provider = provider
        self.agreement = current

    async def begin_verification(self, tx: Tx, user_id: str) -> str:
        """Make a one-time link for an account and return its token.

        Raises:
            OutOfOrder: the account is linked already.
            NotPermitted: the account lives elsewhere, or gave too many wrong codes today.
        """
        now = self._setting.now()
        if await members.link_of(tx, user_id):
            message = "Your account is verified already. See: !policy me"
            raise OutOfOrder(message)
        wrong = await members.wrong_codes_since(tx, user_id, now - timedelta(days=1))
        if wrong >= _MAX_WRONG_A_DAY:
            message = "Too many wrong codes today. Please try again tomorrow."
            raise NotPermitted(message)
        token = self._setting.token()
        life = timedelta(minutes=self._setting.config.identity.link_minutes)
        await members.save_attempt(tx, _hash(token), Attempt(user_id, now + life))
        audit.append(tx, at=now, actor=user_id, tag="identity:begin", object=user_id)
        return token

    async def attempt(self, tx: Tx, token: str) -> Attempt:
        """Look up a one-time link without using it, so that a link preview does no harm.

        Raises:
            NotFound: there is no such link, or it is used up.
        """
        found = await members.attempt(tx, _hash(token))
        if found is None or not found.usable(self._setting.now()):
            raise NotFound(_DEAD_LINK)
        return found

    async def give_code(self, tx: Tx, token: str, code: str) -> str:
        """Link the account behind a one-time link to the person whose code this is.

        Returns the account. A wrong code is counted, and the answer does not tell a wrong code from
        one whose person has no place left for another account.

        Raises:
            NotFound: the link is dead. `WrongCode` must be committed, for it was counted.
        """
        now = self._setting.now()
        attempt = await members.spend_try(tx, _hash(token), now)
        if attempt is None:
            raise NotFound(_DEAD_LINK)
        record = self._provider.check(code.strip())
        if record is None or not await self._link(tx, attempt.user_id, record):
            raise WrongCode(self._wrong(attempt))
        await members.use_up(tx, _hash(token), now)
        self._setting.tell(
            tx,
            attempt.user_id,
            "You are verified. Others go on seeing the name of your choice; your real name stays "
            "behind.\nNext: read and sign the agreement with !policy agree",
            cause=f"verification {attempt.user_id}",
        )
        return attempt.user_id

    def _wrong(self, attempt: Attempt) -> str:
        left = identity.MAX_ATTEMPTS - attempt.wrong_codes
        if left <= 0:
            return _DEAD_LINK
        return (
            f"This code was not accepted. Please check it; {left} tries are left. If it is right "
            f"and still refused, ask {self._setting.config.operator.contact}."
        )

    async def _link(self, tx: Tx, user_id: str, record: Record) -> bool:
        now, config = self._setting.now(), self._setting.config.identity
        if await members.link_of(tx, user_id):
            return False
        hashed = self._subject_hash(record)
        candidate = Person(f"P-{uuid.uuid4().hex}", record.source, hashed, record.assurance)
        person_id = await members.save_person(tx, candidate, now)
        taken = await members.taken_slots(tx, person_id)
        slot = identity.free_slot(taken, config.accounts_per_person)
        if slot is None:
            return False
        link = Link(user_id, person_id, record.assurance, Front.PSEUDONYM, now)
        await members.save_link(tx, link, slot)
        audit.append(
            tx,
            at=now,
            actor=user_id,
            tag="identity:link",
            object=user_id,
            person=person_id,
            source=record.source,
            assurance=record.assurance.value,
        )
        return True

    def _subject_hash(self, record: Record) -> str:
        """Blind the reference: equal people meet, and nobody without the key finds out who."""
        key = self._setting.config.identity.index_key.get_secret_value().encode()
        subject = f"{record.source}\0{record.reference}".encode()
        return hmac.new(key, subject, hashlib.sha256).hexdigest()

    async def sign(self, tx: Tx, user_id: str, version: str, event_id: str) -> bool:
        """Sign the agreement that binds today; False if it was signed before.

        Raises:
            OutOfOrder: the account is not verified.
            NotFound: that version is not the one that binds today.
        """
        now = self._setting.now()
        link = await members.link_of(tx, user_id)
        if link is None:
            message = "Please verify yourself first: !policy verify"
            raise OutOfOrder(message)
        if version != self.agreement.version:
            message = f"The agreement in force is version {self.agreement.version}: !policy agree"
            raise NotFound(message)
        if self.agreement.hash in await members.signed(tx, user_id):
            return False
        await members.accept(
            tx,
            user_id=user_id,
            person_id=link.person_id,
            agreement_hash=self.agreement.hash,
            method=f"event {event_id}",
            now=now,
        )
        audit.append(
            tx,
            at=now,
            actor=user_id,
            tag="agreement:accept",
            object=user_id,
            version=self.agreement.version,
            hash=self.agreement.hash,
        )
        return True

    async def standpoint(self, tx: Tx, user_id: str) -> Standpoint:
        """Tell somebody what is known and decided about them."""
        link = await members.link_of(tx, user_id)
        signed = await members.signed(tx, user_id)
        about = await decisions.about(tx, user_id)
        return Standpoint(
            link,
            agreements.standing(self.agreement, signed),
            tuple(f"{d.number}: {d.measure.in_words(d.scope.value)}, {d.state}" for d in about),
        )

    async def may_publish(self, tx: Tx, user_id: str, needed: identity.Assurance) -> Link:
        """Check that somebody is verified well enough and has signed what binds today.

        Raises:
            OutOfOrder: one of the two is missing; the message says what to do.
        """
        link = await members.link_of(tx, user_id)
        if link is None:
            message = "Please verify yourself first: !policy verify"
            raise OutOfOrder(message)
        if not link.assurance.reaches(needed):
            message = (
                f"This category asks for a verification at level «{needed}», and yours is "
                f"«{link.assurance}». Please ask {self._setting.config.operator.contact}."
            )
            raise OutOfOrder(message)
        standing = agreements.standing(self.agreement, await members.signed(tx, user_id))
        if standing != Standing.ACCEPTED:
            message = "Please sign the agreement first: !policy agree"
            raise OutOfOrder(message)
        return link

    async def unlink(self, tx: Tx, user_id: str) -> None:
        """End the tie between an account and its person.

        Raises:
            OutOfOrder: there is none.
        """
        if await members.link_of(tx, user_id) is None:
            message = "Your account is not linked to anybody."
            raise OutOfOrder(message)
        now = self._setting.now()
        await members.end_link(tx, user_id, "by its owner", now)
        audit.append(tx, at=now, actor=user_id, tag="identity:unlink", object=user_id)


def _hash(token: str) -> str:
    """Hash a token: who reads the database cannot use the links in it."""
    return hashlib.sha256(token.encode()).hexdigest()
