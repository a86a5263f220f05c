"""Members: the persons behind accounts, what is known of them, and what is good today."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from policybot.domain import identity
from policybot.domain.errors import OutOfOrder, Refused
from policybot.domain.identity import (
    Blinds,
    Bound,
    Claim,
    Found,
    Front,
    Link,
    Record,
    Source,
    Verification,
    same_name,
)
from policybot.domain.private import Private
from policybot.services import profile
from policybot.services.claims import Claims
from policybot.services.setting import Setting
from policybot.store import audit, members, roster
from policybot.store.database import Tx
from policybot.store.vault import Index, Vault

MEMORY = "memory"
"""The group in which it keeps what a provider needs to know again when the browser comes back."""
_RESULT = "result"
"""The groups in which it keeps results that were posted, until their browser comes."""
ROSTER_REALM = "roster"
"""Where the references of the roster tell one person from another."""
ENTRY = "roster"
"""The group in which it keeps the entries of the roster."""
PAPER = "paper"
"""The group in which it keeps what was typed beside a document, its number among it."""
PICTURE = "picture-"
"""What the groups begin with in which it keeps the pictures of a document."""
_BATCH = 100
_NAMED = 5
"""Accounts that a hint names at the most."""


class Why(StrEnum):
    """Why an account and a person were not tied to each other."""

    NOT_FREE = "not free to be linked"
    """Somebody else's, without a free place, used up, or gone."""
    ANOTHER_LOGIN = "known to its source as somebody else"
    """Whoever it was linked to has another reference there."""
    ANOTHER_NAME = "verified under another name"


class NotLinked(Refused):
    """An account and a person were not tied to each other, and nothing of the tie is left."""

    def __init__(self, why: Why) -> None:
        """Say why."""
        super().__init__(f"This could not be linked: {why}.")
        self.why = why


class Members:
    """The service for members."""

    def __init__(self, setting: Setting, vault: Vault, index: Index) -> None:
        """Keep what is known of persons in the vault, and recognise them by the index."""
        self._setting = setting
        self._vault = vault
        self._claims = Claims(setting, vault)
        self._index = index

    # What is known of a person -------------------------------------------------------------------

    async def blind(self, record: Record) -> Blinds:
        """Blind a person for the index. Takes a while: never call it in a transaction."""
        claims = {Claim(name): Private(value) for name, value in self._claims.kept(record).items()}
        likeness = identity.likeness(claims)
        return Blinds(
            await self._index.blind(record.source.value, record.subject),
            await self._index.blind("likeness", likeness) if likeness else "",
        )

    async def keep(self, tx: Tx, person_id: str, record: Record) -> None:
        """Keep what a source said of somebody."""
        await self._claims.keep(tx, person_id, record)

    async def forget(self, tx: Tx, person_id: str) -> None:
        """Forget all that is known of somebody, and show nothing of them any more."""
        for link in await members.links_of(tx, person_id):
            await profile.withdraw(self._setting, tx, link.user_id)
        await self._vault.forget(tx, person_id)

    async def claims_of(self, tx: Tx, person_id: str) -> Mapping[str, Private] | None:
        """Open what the best source that vouches for a person today says of them."""
        return await self._claims.of(tx, person_id)

    async def all_claims(self, tx: Tx, person_id: str) -> Mapping[str, Mapping[str, Private]]:
        """Open what each source that vouches for a person today says of them, by the source."""
        return await self._claims.all_of(tx, person_id)

    async def real_name(self, tx: Tx, person_id: str) -> Private | None:
        """Open a person's name, for showing it where its owner wants it shown; None if none is kept."""
        return await self._claims.name_of(tx, person_id)

    async def _show(self, tx: Tx, person_id: str) -> None:
        """Let others see what is true of a person now, on each of their accounts."""
        links = await members.links_of(tx, person_id)
        real = any(link.front is Front.REAL for link in links)
        name = await self.real_name(tx, person_id) if real else None
        for link in links:
            await profile.show(self._setting, tx, link, name)

    async def remember(self, tx: Tx, candidate: str, memory: Mapping[str, str]) -> None:
        """Keep what a provider needs to know again."""
        await self._vault.keep(tx, candidate, MEMORY, memory)

    async def recall(self, tx: Tx, candidate: str) -> Mapping[str, Private] | None:
        """Give a provider's memory back, once."""
        memory = await self._vault.open(tx, candidate, MEMORY)
        await self._vault.drop(tx, candidate, MEMORY)
        return memory

    async def put_aside(self, tx: Tx, vault_id: str, key: str, said: Mapping[str, str]) -> None:
        """Keep a result that was posted, until its browser comes."""
        await self._vault.keep(tx, vault_id, f"{_RESULT} {key}", said)

    async def aside(self, tx: Tx, vault_id: str, key: str) -> Mapping[str, Private] | None:
        """Read a result that was put aside."""
        return await self._vault.open(tx, vault_id, f"{_RESULT} {key}")

    async def again(self, tx: Tx, verification: Verification) -> Private | None:
        """Read by what the source of a verification can be asked whether it still holds."""
        return await self._claims.again(tx, verification)

    # The tie between an account and a person -----------------------------------------------------

    async def link(self, tx: Tx, found: Found, bound: Bound) -> str:
        """Tie account and person; return the person's ID.

        Raises:
            NotLinked: it cannot be, and nothing of it is left but what the person's accounts hear.
        """
        await self._vault.drop(tx, found.candidate, MEMORY)
        link, known = await members.link_of(tx, found.user_id), await self._known(tx, found)
        others = await members.links_of(tx, known) if known else []
        person_id = link.person_id if link else known or found.candidate
        try:
            async with tx.part():
                await self._tie(tx, found, link, known, person_id)
        except NotLinked:
            said = "Somebody has just tried to link another account to you. Nothing was linked."
            self._tell_others(tx, found.user_id, others, said)
            raise
        if link is None:
            said = f"The account {found.user_id} is now linked to you too."
            self._tell_others(tx, found.user_id, others, said)
        if found.candidate != person_id:
            source, realm = found.source, found.realm
            await self._claims.take_over(tx, found.candidate, person_id, source, realm)
            if source is Source.DOCUMENT:  # its pictures have a time of their own
                await self._claims.drop(tx, found.candidate, source, realm)
            else:
                await self._vault.forget(tx, found.candidate)
        verification = Verification(
            person_id=person_id,
            source=found.source,
            realm=found.realm,
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
            bound=bound.value,
        )
        await self._note_likeness(tx, found, person_id)
        await self._show(tx, person_id)
        for linked in await members.links_of(tx, person_id):
            profile.learn(self._setting, tx, linked.user_id)
            await self._setting.account_changed(tx, linked.user_id)
        return person_id

    async def _tie(
        self, tx: Tx, found: Found, link: Link | None, known: str | None, person_id: str
    ) -> None:
        """Take the person, a place for the account, and what the source uses up: all or nothing.

        Raises:
            NotLinked: one of them cannot be had; of two at the same time one gets it.
        """
        await members.save_person(tx, person_id, self._setting.now())
        if not await members.lock_person(tx, person_id):  # they are being forgotten
            raise NotLinked(Why.NOT_FREE)
        if known not in (None, person_id):
            raise NotLinked(Why.NOT_FREE)
        purpose = _purpose(found.source, found.realm)
        if link is not None and known is None:
            # A document has another number when it is renewed; a login has none but its own.
            again = found.source is not Source.DOCUMENT
            if again and await self._vault.is_entered(tx, purpose, person_id):
                raise NotLinked(Why.ANOTHER_LOGIN)
            if await self._names_differ(tx, found, person_id):
                raise NotLinked(Why.ANOTHER_NAME)
        if await self._vault.claim(tx, purpose, found.blind, person_id) != person_id:
            raise NotLinked(Why.NOT_FREE)
        if link is None:
            places = self._setting.config.identity.accounts_per_person
            made = Link(found.user_id, person_id, None, Front.PSEUDONYM, self._setting.now())
            if not await members.save_link(tx, made, places):
                raise NotLinked(Why.NOT_FREE)
        if found.ticket and not await roster.use_up(tx, found.ticket, person_id):
            raise NotLinked(Why.NOT_FREE)

    async def _known(self, tx: Tx, found: Found) -> str | None:
        """Name the person who was found, if they were found before."""
        return await self._vault.find(tx, _purpose(found.source, found.realm), found.blind)

    async def _names_differ(self, tx: Tx, found: Found, person_id: str) -> bool:
        """Say whether somebody was found under another name than a person is verified by today."""
        new = await self._claims.name_by(tx, found.candidate, found.source, found.realm)
        old = await self._claims.name_of(tx, person_id)
        return new is not None and old is not None and not same_name(new.reveal(), old.reveal())

    async def is_another(self, tx: Tx, found: Found) -> bool:
        """Say whether an account is verified already under another name than what it shows now."""
        link = await members.link_of(tx, found.user_id)
        if link is None or await self._known(tx, found) is not None:
            return False
        return await self._names_differ(tx, found, link.person_id)

    # Who may be one person, by name and birth date: a hint, on which nothing happens by itself -------

    async def _note_likeness(self, tx: Tx, found: Found, person_id: str) -> None:
        """Note whom a person resembles, and tell the review room of each pair once.

        Of a document nothing is told: its reviewer has just seen the name, and would learn the account.
        """
        if not found.likeness:
            return
        before = await self._vault.resembling(tx, person_id)
        await self._vault.resemble(tx, found.likeness, person_id)
        new = await self._vault.resembling(tx, person_id) - before
        accounts = [(await members.accounts_ever(tx, other))[:1] for other in sorted(new)]
        others = [account for known in accounts for account in known]
        if others and found.source is not Source.DOCUMENT:
            more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
            self._setting.tell_staff(
                tx,
                f"The account {found.user_id} may belong to the same person as "
                f"{', '.join(others[:_NAMED])}{more}. Two people can have one name: nothing was done.",
                cause=f"verification {found.user_id}",
            )

    async def maybe_same(self, tx: Tx, one: str, *others: str) -> bool:
        """Say whether one account may belong to the same human as one of the others."""
        person_id = await members.person_behind(tx, one)
        if person_id is None:
            return False
        resembling = await self._vault.resembling(tx, person_id)
        return any([await members.person_behind(tx, other) in resembling for other in others])

    def _tell_others(self, tx: Tx, user_id: str, others: Sequence[Link], said: str) -> None:
        """Tell a person's other accounts what came of it."""
        contact = self._setting.config.operator.contact
        for other in others:
            if other.user_id != user_id:
                self._setting.tell(
                    tx,
                    other.user_id,
                    f"{said} If this was not you, please tell {contact} at once.",
                    cause=f"verification {user_id}",
                )

    async def link_of(self, tx: Tx, user_id: str) -> Link | None:
        """Read an account's link."""
        return await members.link_of(tx, user_id)

    async def unlink(self, tx: Tx, user_id: str) -> None:
        """End the tie between an account and its person.

        Raises:
            OutOfOrder: there is none.
        """
        if await members.link_of(tx, user_id) is None:
            message = "Your account is not linked to anybody."
            raise OutOfOrder(message)
        await profile.withdraw(self._setting, tx, user_id)
        await members.end_link(tx, user_id, "by its owner", self._setting.now())
        self._remember(tx, user_id, "identity:unlink", user_id)
        await self._setting.account_changed(tx, user_id)

    async def same_person(
        self, tx: Tx, one: str, other: str, realm: str = "", blind: str | None = None
    ) -> bool:
        """Say whether an account is linked to whom another one is linked to, or shows a document of."""
        mine, theirs = await members.link_of(tx, one), await members.link_of(tx, other)
        if mine is None:
            return False
        purpose = _purpose(Source.DOCUMENT, realm)
        shown = await self._vault.find(tx, purpose, blind) if blind else None
        return mine.person_id in (shown, theirs.person_id if theirs else None)

    # Documents in the vault ----------------------------------------------------------------------

    async def enclose(
        self, tx: Tx, candidate: str, typed: Mapping[str, Private], pictures: Sequence[bytes]
    ) -> None:
        """Keep a document: what was typed beside it, and its pictures."""
        paper = {name: value.reveal() for name, value in typed.items()}
        await self._vault.keep(tx, candidate, PAPER, paper)
        for n, picture in enumerate(pictures, 1):
            await self._vault.keep_file(tx, candidate, f"{PICTURE}{n}", picture)

    async def paper(self, tx: Tx, candidate: str) -> Mapping[str, Private]:
        """Read what was typed beside a document; after its approval nothing."""
        return await self._vault.open(tx, candidate, PAPER) or {}

    async def count_pictures(self, tx: Tx, candidate: str) -> int:
        """Count the pictures of a document; nothing is opened."""
        return sum(group.startswith(PICTURE) for group in await self._vault.groups(tx, candidate))

    async def picture(self, tx: Tx, candidate: str, n: int) -> bytes | None:
        """Open one picture of a document, counted from 1."""
        return await self._vault.open_file(tx, candidate, f"{PICTURE}{n}")

    async def forget_paper(self, tx: Tx, candidate: str) -> None:
        """Forget what was typed beside a document."""
        await self._vault.drop(tx, candidate, PAPER)

    async def forget_document(self, tx: Tx, candidate: str, person_id: str | None) -> None:
        """Forget a document; if the person is known by its candidate's ID, the person stays."""
        if candidate != person_id:
            await self._vault.forget(tx, candidate)
            return
        for group in await self._vault.groups(tx, candidate):
            if group == PAPER or group.startswith(PICTURE):
                await self._vault.drop(tx, candidate, group)

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
            await self.end_verification(
                tx, verification.person_id, verification.source, verification.realm, "its time"
            )
        return len(due)

    async def end_verification(
        self, tx: Tx, person_id: str, source: Source, realm: str, why: str
    ) -> None:
        """End a verification and tell the accounts; their links stay, and with them the history."""
        now = self._setting.now()
        if not await members.end_verification(tx, person_id, source, realm, why, now):
            return
        await self._claims.drop(tx, person_id, source, realm)
        self._remember(tx, "system:clock", "identity:lapse", person_id, source=source.value, why=why)
        for link in await members.links_of(tx, person_id):
            if link.assurance is None:
                await profile.withdraw(self._setting, tx, link.user_id)
            still = f"level {link.assurance}" if link.assurance else "none"
            self._setting.tell(
                tx,
                link.user_id,
                f"Your verification by {source} has ended. What is left: {still}. You can verify "
                "yourself anew: !policy verify",
                cause=f"verification {link.user_id}",
            )
            await self._setting.account_changed(tx, link.user_id)
        if any(link.front is Front.REAL for link in await members.links_of(tx, person_id)):
            await self._show(tx, person_id)  # by what is left

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
        """Keep what a newer roster says of somebody who is on it already, unless they are forgotten.

        Persons are locked before entries, here as where somebody is linked or forgotten.
        """
        persons = await roster.persons(tx, [entry_id])
        known = [await members.lock_person(tx, person_id) for person_id in persons]
        if not all(known) or not await roster.lock(tx, entry_id):
            return
        await self._vault.amend(tx, entry_id, ENTRY, data)
        for person_id in persons:
            await self._claims.correct(tx, person_id, Source.ROSTER, ROSTER_REALM, data)
            if any(link.front is Front.REAL for link in await members.links_of(tx, person_id)):
                await self._show(tx, person_id)

    async def strike_off(self, tx: Tx, entry_id: str, person_id: str | None) -> None:
        """Forget an entry of the roster, and end the verification that rested on it."""
        await self._vault.forget(tx, entry_id)
        await roster.remove(tx, entry_id)
        if person_id is not None:
            why = "no longer on the roster"
            await self.end_verification(tx, person_id, Source.ROSTER, ROSTER_REALM, why)

    # ---------------------------------------------------------------------------------------------

    def _remember(self, tx: Tx, actor: str, tag: str, about: str, **payload: str) -> None:
        audit.append(tx, at=self._setting.now(), actor=actor, tag=tag, object=about, **payload)


def _purpose(source: Source, realm: str) -> str:
    """Name the part of the index in which each person has one entry, but for their documents."""
    return f"{source.value} {realm}"
