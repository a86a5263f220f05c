"""Members: verify the person behind an account, link the two, show and end one's own link."""

import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from policybot.domain import identity
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder
from policybot.domain.identity import (
    Attempt,
    Claim,
    Found,
    Front,
    Link,
    Record,
    Source,
    Verification,
)
from policybot.domain.private import Private
from policybot.services.setting import Setting
from policybot.store import attempts, audit, decisions, members, roster
from policybot.store.database import Tx
from policybot.store.vault import Index, Vault

CLAIMS = "claims"
"""The group of fields in which the vault keeps what a source said of a person."""
MEMORY = "memory"
"""The group in which it keeps what a provider needs to know again when the browser comes back."""
ENTRY = "roster"
"""The group in which it keeps the entries of the roster."""
_DEAD_LINK = "This link is no longer valid. Write !policy verify to the bot for a new one."
_MAX_WRONG_A_DAY = 15
_BATCH = 100


class WrongCode(NotFound):
    """The code on the page belongs to nobody."""


@dataclass(frozen=True, slots=True)
class Return:
    """A browser that is back from a provider."""

    token_hash: str
    attempt: Attempt
    memory: Mapping[str, Private]


class Members:
    """The service for members."""

    def __init__(self, setting: Setting, vault: Vault, index: Index) -> None:
        """Keep what is known of persons in the vault, and recognise them by the index."""
        self._setting = setting
        self._vault = vault
        self._index = index

    # To a verified person ------------------------------------------------------------------------

    async def begin_verification(self, tx: Tx, user_id: str) -> str:
        """Make a one-time link for an account and return its token.

        Raises:
            NotPermitted: too many wrong codes were given for the account today.
        """
        now = self._setting.now()
        wrong = await attempts.wrong_codes_since(tx, user_id, now - timedelta(days=1))
        if wrong >= _MAX_WRONG_A_DAY:
            message = "Too many wrong codes today. Please try again tomorrow."
            raise NotPermitted(message)
        token = self._setting.token()
        life = timedelta(minutes=self._setting.config.identity.link_minutes)
        await attempts.add(tx, hashed(token), Attempt(user_id, now + life))
        self._remember(tx, user_id, "identity:begin", user_id)
        return token

    async def attempt(self, tx: Tx, token: str) -> Attempt:
        """Look up a one-time link without using it, so that a link preview does no harm.

        Raises:
            NotFound: there is no such link, or it is used up.
        """
        found = await attempts.get(tx, hashed(token))
        if found is None or not found.usable(self._setting.now()):
            raise NotFound(_DEAD_LINK)
        return found

    async def spend_try(self, tx: Tx, token: str) -> Attempt:
        """Count a try before what was typed is looked at.

        Raises:
            NotFound: the link is dead.
        """
        attempt = await attempts.spend_try(tx, hashed(token), self._setting.now())
        if attempt is None:
            raise NotFound(_DEAD_LINK)
        return attempt

    def wrong(self, attempt: Attempt) -> WrongCode:
        """Say that what was typed belongs to nobody, and how many tries are left."""
        left = identity.MAX_ATTEMPTS - attempt.wrong_codes
        if left <= 0:
            return WrongCode(_DEAD_LINK)
        return WrongCode(
            f"This code was not accepted. Please check it; {left} "
            f"{'try is' if left == 1 else 'tries are'} left. If it is right and still refused, ask "
            f"{self._setting.config.operator.contact}."
        )

    async def send_away(
        self, tx: Tx, token: str, source: Source, state: str, memory: Mapping[str, str]
    ) -> str:
        """Remember that a browser goes to a provider; return the secret that it is to keep.

        Raises:
            NotFound: the link is dead.
        """
        await self.attempt(tx, token)
        candidate = await self._fresh_candidate(tx, hashed(token))
        await self._vault.keep(tx, candidate, MEMORY, memory)
        browser = self._setting.token()
        await attempts.send_away(tx, hashed(token), source, candidate, hashed(state), hashed(browser))
        return browser

    async def come_back(self, tx: Tx, state: str, browser: str) -> Return:
        """Recognise the browser that was sent to a provider; a state is good once.

        Raises:
            NotFound: the state is unknown, used, too old, or another browser's.
        """
        row = await attempts.come_back(tx, hashed(state), hashed(browser), self._setting.now())
        memory = await self._vault.open(tx, row[1], MEMORY) if row else None
        if row is None or memory is None:
            raise NotFound(_DEAD_LINK)
        await self._vault.drop(tx, row[1], MEMORY)
        return Return(row[0], row[2], memory)

    async def blind(self, record: Record) -> str:
        """Blind a person for the index. Takes a while: never call it in a transaction."""
        return await self._index.blind(record.source.value, record.subject)

    async def found(
        self, tx: Tx, token_hash: str, record: Record, blind: str, *, forgive: bool = False
    ) -> str:
        """Keep whom a source found for an attempt; return the code that the account has to send.

        Nothing is linked yet: whoever sits before the page may be somebody else than whoever asked
        for it. `forgive` takes back the try that was counted on the way here.

        Raises:
            NotFound: the link is dead.
        """
        now = self._setting.now()
        attempt = await attempts.get(tx, token_hash)
        if attempt is None or attempt.used_at is not None or now >= attempt.expires_at:
            raise NotFound(_DEAD_LINK)
        if forgive:
            await attempts.forgive(tx, token_hash)
        candidate = await self._fresh_candidate(tx, token_hash)
        await self._vault.keep(tx, candidate, CLAIMS, self._kept(record))
        longest = now + self._setting.config.identity.valid_for
        found = Found(
            token_hash=token_hash,
            user_id=attempt.user_id,
            candidate=candidate,
            blind=blind,
            source=record.source,
            assurance=record.assurance,
            process=record.process,
            verified_at=record.verified_at,
            valid_until=min(record.expires_at or longest, longest),
            ticket=record.ticket,
        )
        code = self._setting.code()
        await attempts.save_found(tx, found, self.keyed("confirm", code))
        return code

    def _kept(self, record: Record) -> dict[str, str]:
        """Keep of a record's claims those that the operator wants, and no others."""
        wanted = self._setting.config.identity.keep
        kept = {claim.value: value.reveal() for claim, value in record.claims.items() if claim in wanted}
        if Claim.NAME in wanted and Claim.NAME not in kept and record.display_name:
            kept[Claim.NAME.value] = record.display_name.reveal()
        return kept

    async def _fresh_candidate(self, tx: Tx, token_hash: str) -> str:
        """Forget whom an attempt found before, and give the next find an ID."""
        if (earlier := await attempts.candidate_of(tx, token_hash)) is not None:
            await self._vault.forget(tx, earlier)
        return f"P-{uuid.uuid4().hex}"

    async def confirm(self, tx: Tx, user_id: str, code: str) -> str:
        """Link an account to the person on whose page a code stood; say what came of it.

        Wrong codes are counted, so the answer is no exception: it has to be committed.
        """
        now = self._setting.now()
        found = await attempts.by_code(tx, self.keyed("confirm", code.upper()), now)
        if found is None:
            await attempts.count_wrong(tx, user_id, now)
            return (
                "I do not know this code, or its time is over. Please check it on the page, or begin "
                "anew with !policy verify"
            )
        if found.user_id != user_id:
            await self._close_attempt(tx, found)
            self._remember(tx, user_id, "identity:refuse", found.user_id, why="sent by another account")
            return (
                "This code stands on a page that was made for another account. If somebody sent you "
                "that page: they would have spoken in your name. I have closed it, and nothing was "
                "linked. To verify your own account, write !policy verify"
            )
        person_id = await self._link(tx, found)
        if person_id is None:
            await self._close_attempt(tx, found)
            self._remember(tx, user_id, "identity:refuse", user_id, why="not free to be linked")
            return (
                "This could not be linked to your account. Please ask "
                f"{self._setting.config.operator.contact}. What you showed was not kept."
            )
        await attempts.use_up(tx, found.token_hash, now)
        return (
            f"You are verified, level {found.assurance}, until {found.valid_until:%-d %B %Y}. Others go "
            "on seeing the name of your choice; your real name stays behind.\n"
            "Next: read and sign the agreement with !policy agree\n"
            "If this was not you: !policy unlink"
        )

    async def _link(self, tx: Tx, found: Found) -> str | None:
        """Tie account and person; None if that person is not free for this account."""
        purpose = found.source.value
        known = await self._vault.find(tx, purpose, found.blind)
        link = await members.link_of(tx, found.user_id)
        if link is not None and known not in (None, link.person_id):
            return None
        wanted = link.person_id if link else known or found.candidate
        await members.save_person(tx, wanted, self._setting.now())
        person_id = await self._vault.claim(tx, purpose, found.blind, wanted)
        if person_id != wanted:  # somebody else was faster
            return None
        if link is None and not await self._take_place(tx, found, person_id):
            return None
        if found.ticket and not await roster.use_up(tx, found.ticket, person_id):
            return None
        if found.candidate != person_id:
            claims = await self._vault.open(tx, found.candidate, CLAIMS) or {}
            kept = {name: value.reveal() for name, value in claims.items()}
            await self._vault.keep(tx, person_id, CLAIMS, kept)
            await self._vault.forget(tx, found.candidate)
        verification = Verification(
            person_id=person_id,
            source=found.source,
            assurance=found.assurance,
            process=found.process,
            verified_at=found.verified_at,
            expires_at=found.valid_until,
        )
        await members.save_verification(tx, verification)
        self._remember(
            tx,
            found.user_id,
            "identity:link",
            found.user_id,
            person=person_id,
            source=found.source.value,
            assurance=found.assurance.value,
        )
        return person_id

    async def _take_place(self, tx: Tx, found: Found, person_id: str) -> bool:
        """Take one of the person's places for the account, and tell their other accounts."""
        places = self._setting.config.identity.accounts_per_person
        others = await members.links_of(tx, person_id)
        link = Link(found.user_id, person_id, None, Front.PSEUDONYM, self._setting.now())
        taken = await members.save_link(tx, link, places)
        said = (
            f"The account {found.user_id} is now linked to you too."
            if taken
            else "Somebody has just tried to link another account to you. Nothing was linked."
        )
        contact = self._setting.config.operator.contact
        for other in others:
            self._setting.tell(
                tx,
                other.user_id,
                f"{said} If this was not you, please tell {contact} at once.",
                cause=f"verification {found.user_id}",
            )
        return taken

    async def _close_attempt(self, tx: Tx, found: Found) -> None:
        await self._vault.forget(tx, found.candidate)
        await attempts.use_up(tx, found.token_hash, self._setting.now())

    # What is good today --------------------------------------------------------------------------

    async def may_publish(self, tx: Tx, user_id: str, needed: identity.Assurance) -> Link:
        """Check that somebody is verified well enough.

        Raises:
            OutOfOrder: they are not; the message says what to do.
        """
        link = await members.link_of(tx, user_id)
        if link is None:
            message = "Please verify yourself first: !policy verify"
            raise OutOfOrder(message)
        if link.assurance is None:
            message = "Your verification has ended. Please verify yourself anew: !policy verify"
            raise OutOfOrder(message)
        if not link.assurance.reaches(needed):
            message = (
                f"This category asks for a verification at level «{needed}», and yours is "
                f"«{link.assurance}». Another way may reach it: !policy verify"
            )
            raise OutOfOrder(message)
        return link

    async def lapse(self, tx: Tx) -> int:
        """End the verifications whose time is over; return how many there were."""
        now = self._setting.now()
        due = await members.verifications_due(tx, now, _BATCH)
        for verification in due:
            await self.end_verification(tx, verification.person_id, verification.source, "its time")
        return len(due)

    async def end_verification(self, tx: Tx, person_id: str, source: Source, why: str) -> None:
        """End a verification and tell the accounts; their links stay, and with them the history."""
        now = self._setting.now()
        await members.end_verification(tx, person_id, source, why, now)
        self._remember(tx, "system:clock", "identity:lapse", person_id, source=source.value, why=why)
        for link in await members.links_of(tx, person_id):
            still = f"level {link.assurance}" if link.assurance else "none"
            self._setting.tell(
                tx,
                link.user_id,
                f"Your verification by {source} has ended. What is left: {still}. You can verify "
                "yourself anew: !policy verify",
                cause=f"verification {link.user_id}",
            )

    async def sweep_attempts(self, tx: Tx) -> int:
        """Forget whom attempts found that came to nothing; return how many there were."""
        left = await attempts.left_over(tx, self._setting.now(), _BATCH)
        for token_hash, candidate in left:
            await self._vault.forget(tx, candidate)
            await attempts.clear(tx, token_hash)
        return len(left)

    # One's own -----------------------------------------------------------------------------------

    async def link_of(self, tx: Tx, user_id: str) -> Link | None:
        """Read an account's link."""
        return await members.link_of(tx, user_id)

    async def decisions_about(self, tx: Tx, user_id: str) -> tuple[str, ...]:
        """List what was decided about somebody, for themselves."""
        about = await decisions.about(tx, user_id)
        return tuple(f"{d.number}: {d.measure.in_words(d.scope.value)}, {d.state}" for d in about)

    async def unlink(self, tx: Tx, user_id: str) -> None:
        """End the tie between an account and its person.

        Raises:
            OutOfOrder: there is none.
        """
        if await members.link_of(tx, user_id) is None:
            message = "Your account is not linked to anybody."
            raise OutOfOrder(message)
        await members.end_link(tx, user_id, "by its owner", self._setting.now())
        self._remember(tx, user_id, "identity:unlink", user_id)

    # The roster's entries in the vault -----------------------------------------------------------

    async def enrol(self, tx: Tx, entries: Sequence[tuple[str, Mapping[str, str]]]) -> None:
        """Keep new entries of the roster."""
        await self._vault.keep_many(tx, ENTRY, entries)

    async def enrolled(self, tx: Tx, entry_id: str) -> Mapping[str, Private] | None:
        """Read one entry of the roster."""
        return await self._vault.open(tx, entry_id, ENTRY)

    async def all_enrolled(
        self, tx: Tx, after: str, limit: int
    ) -> list[tuple[str, Mapping[str, Private]]]:
        """Read entries of the roster in the order of their IDs."""
        return await self._vault.open_page(tx, ENTRY, after, limit)

    async def correct(self, tx: Tx, entry_id: str, data: Mapping[str, str]) -> None:
        """Keep what a newer roster says of somebody who is on it already."""
        await self._vault.keep(tx, entry_id, ENTRY, data)
        for person_id in await roster.persons(tx, [entry_id]):
            wanted = {claim.value for claim in self._setting.config.identity.keep}
            claims = {name: value for name, value in data.items() if name in wanted}
            await self._vault.keep(tx, person_id, CLAIMS, claims)

    async def strike_off(self, tx: Tx, entry_id: str, person_id: str | None) -> None:
        """Forget an entry of the roster, and end the verification that rested on it."""
        await self._vault.forget(tx, entry_id)
        await roster.remove(tx, entry_id)
        if person_id is not None:
            await self.end_verification(tx, person_id, Source.ROSTER, "no longer on the roster")

    # ---------------------------------------------------------------------------------------------

    def keyed(self, purpose: str, text: str) -> str:
        """Hash a short code under the index key: who reads the database cannot try codes out."""
        key = self._setting.config.identity.index_key.get_secret_value().encode()
        return hmac.new(key, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()

    def _remember(self, tx: Tx, actor: str, tag: str, about: str, **payload: str) -> None:
        audit.append(tx, at=self._setting.now(), actor=actor, tag=tag, object=about, **payload)


def hashed(token: str) -> str:
    """Hash a token: who reads the database cannot use the links in it."""
    return hashlib.sha256(token.encode()).hexdigest()
