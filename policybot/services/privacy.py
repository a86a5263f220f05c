"""Privacy: what is known of a person for those who may know it, legal holds, and being forgotten.

Being forgotten destroys the person's data key. What was decided stays under an ID that names nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from policybot.domain import filing as filing_rules
from policybot.domain.decision import APPROVAL_LIFE, Approval, confirmable
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.permission import Permission
from policybot.domain.private import Private
from policybot.services import profile
from policybot.services.documents import Documents
from policybot.services.members import Members
from policybot.services.setting import Setting
from policybot.store import (
    agreements,
    appeals,
    attempts,
    audit,
    cases,
    decisions,
    filings,
    members,
    privacy,
    reveals,
    roster,
    sanctions,
)
from policybot.store.database import Tx
from policybot.store.privacy import Hold
from policybot.store.vault import Vault

GOES = (
    "What goes: your name and whatever else is known of you, your links, verifications and tries to "
    "verify, your place on the list of persons."
)
STAYS = (
    "What stays until its time is over: what was decided, under a number that names nobody, and what "
    "others need as proof, such as a filed room's record."
)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why somebody cannot be forgotten yet."""

    reason: str
    until: datetime | None = None

    def __str__(self) -> str:
        """Say it with its date, where there is one."""
        return f"{self.reason}, until {self.until:%-d %B %Y}" if self.until else self.reason


@dataclass(frozen=True, slots=True)
class Erased:
    """What came of the wish to be forgotten."""

    person_id: str
    obstacles: tuple[Obstacle, ...]
    """Empty if it has happened."""
    final_on: datetime
    """When the last backup with the wrapped key is gone, if it happened today."""


class Privacy:
    """The service for what is known of persons, beside the members' service."""

    needs = Permission.DATA_ERASE

    def __init__(self, setting: Setting, vault: Vault, people: Members, papers: Documents) -> None:
        """Open what is in the vault, and destroy it."""
        self._setting = setting
        self._vault = vault
        self._members = people
        self._documents = papers

    async def claims(self, tx: Tx, person_id: str) -> Mapping[str, Private] | None:
        """Open what is known of a person; whoever calls this has put on record that it is opened."""
        return await self._members.claims_of(tx, person_id)

    async def all_claims(self, tx: Tx, person_id: str) -> Mapping[str, Mapping[str, Private]]:
        """Open what is known of a person by each source, for themselves."""
        return await self._members.all_claims(tx, person_id)

    # Being forgotten -----------------------------------------------------------------------------

    async def obstacles(self, tx: Tx, person_id: str) -> tuple[Obstacle, ...]:
        """List why a person cannot be forgotten yet."""
        found: list[Obstacle] = []
        for account in await members.accounts_ever(tx, person_id):
            for sanction in await sanctions.binding_on(tx, account, None):
                measure = sanction.measure.in_words(sanction.scope.value)
                found.append(Obstacle(f"a measure binds ({measure})", sanction.ends_at))
            found += [
                Obstacle(f"the case {case.number} about you is open")
                for case in await cases.undecided_about(tx, account)
            ]
            found += [
                Obstacle(f"your appeal in C-{appeal.case_id} is open")
                for appeal in await appeals.waiting_of(tx, account)
            ]
            found += [
                Obstacle(f"your room {filing.number} is {filing.in_words}", filing.valid_until)
                for filing in await filings.of_applicant(tx, account)
                if filing.state not in filing_rules.ENDED
            ]
        found += [
            Obstacle(f"a legal hold lies on your data ({hold.reason})", hold.until)
            for hold in await self.holds_of(tx, person_id)
        ]
        return tuple(found)

    async def holds_of(self, tx: Tx, person_id: str) -> list[Hold]:
        """List the holds on a person and their accounts that have not ended."""
        found: dict[int, Hold] = {}
        for account in await members.accounts_ever(tx, person_id):
            found |= {hold.id: hold for hold in await privacy.holds_on(tx, account, person_id)}
        return list(found.values())

    @staticmethod
    def _known(person_id: str | None) -> str:
        if person_id is None:
            message = (
                "Nobody is known behind this account, so there is no name to forget. What else is kept "
                "about it: !policy export"
            )
            raise NotFound(message)
        return person_id

    async def propose_erasure(self, tx: Tx, user_id: str) -> str:
        """Explain to somebody what being forgotten means, and ask for a confirmation.

        Raises:
            NotFound: nobody is known behind the account.
        """
        person_id = self._known(await members.own_person(tx, user_id))
        obstacles = await self.obstacles(tx, person_id)
        if await privacy.erasure(tx, person_id) is not None:
            return (
                f"It is noted already and happens by itself. What it waits for:\n{_lines(obstacles)}\n"
                "If you have changed your mind: !policy erase cancel"
            )
        approval = await self._approval(tx, person_id, user_id)
        waits = (
            f"It cannot happen at once; it waits for this, and then happens by itself:\n"
            f"{_lines(obstacles)}\n"
            if obstacles
            else "It happens at once and cannot be taken back.\n"
        )
        return (
            f"{GOES}\n{STAYS}\nYou will have to verify yourself anew to publish.\n{waits}"
            f"If you want a copy first: !policy export\nTo go on: !policy confirm {approval.code}"
        )

    async def _approval(self, tx: Tx, person_id: str, user_id: str) -> Approval:
        """Give the code that is to be confirmed; asking again gives the same one."""
        subject = f"erase {person_id}"
        known = await decisions.approval_by(tx, subject, user_id)
        if known is not None:
            return known
        made = Approval(
            code=self._setting.code(),
            subject=subject,
            binding=person_id,
            proposer=user_id,
            needs_other=False,
            expires_at=self._setting.now() + APPROVAL_LIFE,
        )
        await decisions.add_approval(tx, made)
        return made

    async def confirm(self, tx: Tx, by: str, approval: Approval) -> str:
        """Forget the person who asked for it, now or as soon as nothing stands in the way."""
        confirmable(approval, by, self._setting.now(), frozenset())
        person_id = approval.binding
        if await members.own_person(tx, by) != person_id:
            message = f"Nothing waits under the code {approval.code}."
            raise NotFound(message)
        await decisions.end_approval(tx, approval.code, "given", by)
        came = await self._erase_or_wait(tx, person_id, by)
        if came.obstacles:
            return (
                f"Noted. It happens by itself, and I tell you, once this is over:\n"
                f"{_lines(came.obstacles)}\nIf you change your mind: !policy erase cancel"
            )
        return self._forgotten(came.final_on)

    async def dropped(self, tx: Tx, by: str, approval: Approval, state: str) -> None:
        """Do nothing: whoever asked and did not confirm is not forgotten."""

    async def cancel_erasure(self, tx: Tx, user_id: str) -> None:
        """Take the wish to be forgotten back.

        Raises:
            OutOfOrder: there is none that waits.
        """
        person_id = await members.own_person(tx, user_id)
        if person_id is None or await privacy.erasure(tx, person_id) is None:
            message = "There is nothing to cancel."
            raise OutOfOrder(message)
        await privacy.drop_erasure(tx, person_id)
        self._remember(tx, user_id, "identity:keep", person_id)

    async def erase(self, tx: Tx, user_id: str) -> Erased:
        """Forget the person behind an account, as they asked on paper.

        Raises:
            NotFound: nobody is known behind the account.
        """
        person_id = self._known(await members.person_behind(tx, user_id))
        return await self._erase_or_wait(tx, person_id, "system:cli")

    async def _erase_or_wait(self, tx: Tx, person_id: str, by: str) -> Erased:
        now = self._setting.now()
        obstacles = await self.obstacles(tx, person_id)
        final_on = now + self._setting.config.privacy.backup_retention
        accounts = await members.accounts_ever(tx, person_id)
        await privacy.add_erasure(tx, person_id, accounts, now)
        self._remember(tx, by, "identity:ask-erase", person_id)
        if not obstacles:
            await self._forget(tx, person_id, by)
            return Erased(person_id, (), final_on)
        for account in accounts:
            if account != by:
                self._setting.tell(
                    tx,
                    account,
                    "It was asked that you be forgotten here; it happens by itself once nothing stands "
                    "in the way any more. If it was not you: !policy erase cancel",
                    cause=f"privacy {account}",
                )
        return Erased(person_id, obstacles, final_on)

    async def erase_due(self, tx: Tx) -> int:
        """Forget those who wait and for whom nothing stands in the way; return how many."""
        number = 0
        for waiting in await privacy.erasures_waiting(tx):
            if not await self.obstacles(tx, waiting.person_id):
                await self._forget(tx, waiting.person_id, "system:clock")
                number += 1
        return number

    async def _forget(self, tx: Tx, person_id: str, by: str) -> None:
        """Destroy a person's data key, and everything that leads to them."""
        now = self._setting.now()
        # First, so that whoever is linking an account to them at this moment waits, and finds nobody.
        await members.erase_person(tx, person_id, now)
        waiting = await privacy.erasure(tx, person_id)
        accounts = await members.accounts_ever(tx, person_id)
        for entry_id in await roster.of_person(tx, person_id):
            await self._vault.forget(tx, entry_id)
            await roster.remove(tx, entry_id)
        for account in accounts:
            for candidate in await attempts.forget(tx, account):
                await self._vault.forget(tx, candidate)
            await self._documents.forget_of(tx, account)
            await privacy.drop_exports(tx, account)
            await agreements.forget_language(tx, account)
        for link in await members.links_of(tx, person_id):
            await profile.withdraw(self._setting, tx, link.user_id)
        await reveals.end_all(tx, person_id)
        await members.end_all(tx, person_id, "erased", now)
        await self._vault.forget(tx, person_id)
        for account in accounts:
            await self._setting.account_changed(tx, account)
        await privacy.erasure_done(tx, person_id, now)
        self._remember(tx, by, "identity:erase", person_id)
        final_on = now + self._setting.config.privacy.backup_retention
        for account in sorted({*accounts, *(waiting.accounts if waiting else ())} - {by}):
            self._setting.tell(tx, account, self._forgotten(final_on), cause=f"privacy {account}")

    @staticmethod
    def _forgotten(final_on: datetime) -> str:
        return (
            f"You are forgotten here. {GOES.replace('goes', 'is gone')}\n{STAYS}\nCopies for "
            f"emergencies still hold it, encrypted, until {final_on:%-d %B %Y}; then it is final."
        )

    # Legal holds ---------------------------------------------------------------------------------

    async def hold(self, tx: Tx, user_id: str, reason: str, until: datetime) -> None:
        """Keep everything of somebody's from being erased or swept, for a time.

        Raises:
            Incomplete: no reason is given, or its end is not in the future.
        """
        now = self._setting.now()
        if not reason.strip() or until <= now:
            message = "A hold needs a reason, and an end that is in the future."
            raise Incomplete(message)
        person_id = await members.person_behind(tx, user_id)
        await privacy.add_hold(
            tx, user_id=user_id, person_id=person_id, reason=reason.strip(), now=now, until=until
        )
        until_day = until.date().isoformat()
        self._remember(tx, "system:cli", "hold:place", person_id or user_id, until=until_day)

    async def release(self, tx: Tx, user_id: str) -> int:
        """End all holds on somebody; return how many there were."""
        person_id = await members.person_behind(tx, user_id)
        found = await privacy.holds_on(tx, user_id, person_id)
        for hold in found:
            await self._end_hold(tx, hold, "released", "system:cli")
        return len(found)

    async def end_holds(self, tx: Tx) -> None:
        """End the holds whose time is over."""
        for hold in await privacy.holds_due(tx, self._setting.now()):
            await self._end_hold(tx, hold, "its time", "system:clock")

    async def _end_hold(self, tx: Tx, hold: Hold, why: str, by: str) -> None:
        await privacy.end_hold(tx, hold.id, why, self._setting.now())
        self._remember(tx, by, "hold:end", hold.person_id or hold.user_id, why=why)

    def _remember(self, tx: Tx, actor: str, tag: str, about: str, **payload: str) -> None:
        audit.append(tx, at=self._setting.now(), actor=actor, tag=tag, object=about, **payload)


def _lines(obstacles: tuple[Obstacle, ...]) -> str:
    return "\n".join(f"· {obstacle}" for obstacle in obstacles) or "· nothing more, in a moment"
