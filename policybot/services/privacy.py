"""Privacy: what is known of a person for those who may know it, legal holds, and being forgotten.

Being forgotten destroys the person's data key. What was decided stays under an ID that names nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from policybot.domain import filing as filing_rules
from policybot.domain.decision import Approval, confirmable
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.permission import Permission
from policybot.domain.private import Private
from policybot.services import ledgers, profile
from policybot.services.documents import Documents
from policybot.services.drafts import Drafts
from policybot.services.members import ENTRY, PAPER, PICTURE, Members
from policybot.services.proposals import propose
from policybot.services.setting import Setting
from policybot.store import (
    appeals,
    attempts,
    audit,
    cases,
    decisions,
    filings,
    languages,
    members,
    privacy,
    results,
    reveals,
    roster,
    sanctions,
)
from policybot.store.database import Tx
from policybot.store.members import Span
from policybot.store.privacy import Hold
from policybot.store.vault import Vault

GOES = (
    "What goes: your name and whatever else is known of you, the documents that you showed, drafts and "
    "files of filings, your links, verifications and tries to verify, your place on the list of persons."
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

    def __init__(
        self, setting: Setting, vault: Vault, people: Members, papers: Documents, forms: Drafts
    ) -> None:
        """Open what is in the vault, and destroy it."""
        self._setting = setting
        self._vault = vault
        self._members = people
        self._documents = papers
        self._drafts = forms

    async def claims(self, tx: Tx, person_id: str) -> Mapping[str, Private] | None:
        """Open what is known of a person; whoever calls this has put on record that it is opened."""
        return await self._members.claims_of(tx, person_id)

    async def known(self, tx: Tx, person_id: str) -> dict[str, Any]:
        """Give all that is known of a person, for themselves."""
        sources = await self._members.all_claims(tx, person_id)
        entries = [
            await self._vault.open(tx, one, ENTRY) for one in await roster.of_person(tx, person_id)
        ]
        return {
            "claims": _plain(await self.claims(tx, person_id) or {}),
            "by source": {source: _plain(said) for source, said in sources.items()},
            "list": [_plain(entry) for entry in entries if entry],
        }

    async def shown(
        self, tx: Tx, spans: Mapping[str, Span]
    ) -> tuple[dict[str, list[dict[str, str]]], dict[str, bytes]]:
        """Give what somebody showed from their accounts and is still kept, and the pictures."""
        texts, pictures = await self._drafts.shown(tx, spans)
        for account, span in spans.items():
            for document in await self._documents.kept_within(tx, account, span):
                assert document.candidate is not None
                for group in await self._vault.groups(tx, document.candidate):
                    data = await self._vault.open_file(tx, document.candidate, group)
                    if data is not None and group.startswith(PICTURE):
                        pictures[f"{document.number}-{group}"] = data
                if paper := await self._vault.open(tx, document.candidate, PAPER):
                    texts.setdefault(document.number, []).append(_plain(paper))
            for awaited in await results.of_account(tx, account, span):
                for group in await self._vault.groups(tx, awaited.vault_id):
                    texts.setdefault(f"{awaited.way} {account}", []).append(
                        _plain(await self._vault.open(tx, awaited.vault_id, group) or {})
                    )
        return texts, pictures

    # Being forgotten -----------------------------------------------------------------------------

    async def obstacles(self, tx: Tx, person_id: str) -> tuple[Obstacle, ...]:
        """List why a person cannot be forgotten yet."""
        found: list[Obstacle] = []
        for account in sorted({link.user_id for link in await members.links_ever(tx, person_id)}):
            for at, what in await self._about(tx, account):
                if await members.answerable(tx, account, at) == person_id:
                    found.append(what)
        found += [
            Obstacle(f"a legal hold lies on your data ({hold.reason})", hold.until)
            for hold in await self.holds_of(tx, person_id)
        ]
        return tuple(found)

    async def _about(self, tx: Tx, account: str) -> list[tuple[datetime, Obstacle]]:
        """List what is open about an account, with the time at which it came about."""
        found: list[tuple[datetime, Obstacle]] = []
        now, ladder = self._setting.now(), self._setting.ladder
        for sanction in await sanctions.binding_on(tx, account, None):
            measure = sanction.measure.in_words(sanction.scope.value)
            decision = await decisions.get(tx, sanction.decision_id)
            at = decision.occurred_at if decision else now
            found.append((at, Obstacle(f"a measure binds ({measure})", sanction.ends_at)))
        for decision in await decisions.in_force_on(tx, account):
            ends = ledgers.counts_until(decision, ladder)
            if ends is not None and ends > now:
                counts = f"the decision {decision.number} counts"
                found.append((decision.occurred_at, Obstacle(counts, ends)))
        found += [
            (case.occurred_at, Obstacle(f"the case {case.number} about you is open"))
            for case in await cases.undecided_about(tx, account)
        ]
        found += [
            (appeal.submitted_at, Obstacle(f"your {appeal.called} is open"))
            for appeal in await appeals.waiting_of(tx, account)
        ]
        for filing in await filings.of_applicant(tx, account):
            if filing.state not in filing_rules.NOT_COUNTED:
                room = f"your room {filing.number} is {filing.in_words}"
                found.append((filing.submitted_at, Obstacle(room, filing.valid_until)))
        return found

    async def holds_of(self, tx: Tx, person_id: str) -> list[Hold]:
        """List the holds on a person and the accounts that are linked to them."""
        found = {hold.id: hold for hold in await privacy.holds_on(tx, None, person_id)}
        for link in await members.links_of(tx, person_id):
            found |= {hold.id: hold for hold in await privacy.holds_on(tx, link.user_id, person_id)}
        return list(found.values())

    async def propose_erasure(self, tx: Tx, user_id: str) -> str:
        """Explain to somebody what being forgotten means, and ask for a confirmation.

        Raises:
            NotFound: the account is linked to nobody, and nothing was ever shown from it.
            OutOfOrder: it is linked to nobody, and a hold lies on it.
        """
        person_id = await members.own_person(tx, user_id)
        if person_id is None:
            return await self._propose_account(tx, user_id)
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

    async def _propose_account(self, tx: Tx, user_id: str) -> str:
        """Offer to forget what was shown from an account that is linked to nobody.

        It speaks for itself alone: whoever it was linked to before may not be who has it now.
        """
        shown = await self._documents.kept_within(tx, user_id, Span())
        if not shown and not await attempts.any_of(tx, user_id):
            message = (
                "This account is linked to nobody, and nothing was shown from it that could be "
                "forgotten. What else is kept about it: !policy export"
            )
            raise NotFound(message)
        await self._check_free(tx, user_id)
        approval = await self._approval(tx, user_id, user_id)
        return (
            "This account is linked to nobody, so there is no name of yours to forget. What goes: the "
            "documents that you showed, with their pictures, and your tries to verify. It happens at "
            f"once and cannot be taken back.\nTo go on: !policy confirm {approval.code}"
        )

    @staticmethod
    async def _check_free(tx: Tx, user_id: str) -> None:
        for hold in await privacy.holds_on(tx, user_id, None):
            # One on somebody to whom it was linked before is not for whoever has it now to read.
            why = f" ({hold.reason})" if hold.person_id is None else ""
            message = (
                f"A legal hold lies on this account{why}, until {hold.until:%-d %B %Y}. Nothing of it "
                "can be forgotten before."
            )
            raise OutOfOrder(message)

    async def _approval(self, tx: Tx, about: str, user_id: str) -> Approval:
        """Give the code that is to be confirmed; asking again gives the same one."""
        subject = f"erase {about}"
        known = await decisions.approval_by(tx, subject, user_id)
        if known is not None:
            return known
        return await propose(
            tx, self._setting, by=user_id, subject=subject, binding=about, needs_other=False
        )

    async def confirm(self, tx: Tx, by: str, approval: Approval) -> str:
        """Forget the person who asked for it, now or as soon as nothing stands in the way."""
        confirmable(approval, by, self._setting.now(), frozenset())
        person_id, own = approval.binding, await members.own_person(tx, by)
        if own is None and person_id == by:
            await self._check_free(tx, by)
            await decisions.end_approval(tx, approval.code, "given", by)
            await self._forget_account(tx, by, Span())
            self._remember(tx, by, "account:erase", by)
            return "It is forgotten. What else is kept about this account: !policy export"
        if own != person_id:
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

    async def check_denying(self, tx: Tx, by: str, approval: Approval) -> None:
        """Do nothing: it is for whoever asked alone."""

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
        """Forget the person behind an account, as they asked on paper; also if they have unlinked it.

        Raises:
            NotFound: nobody is known behind the account.
        """
        person_id = await members.person_behind(tx, user_id)
        if person_id is None:
            message = "Nobody is known behind this account, so there is nobody to forget."
            raise NotFound(message)
        return await self._erase_or_wait(tx, person_id, "system:cli")

    async def _erase_or_wait(self, tx: Tx, person_id: str, by: str) -> Erased:
        now = self._setting.now()
        # First, so that a hold that is being placed at this moment is seen, or waits and finds nobody.
        if not await members.lock_person(tx, person_id):
            message = "They are forgotten already."
            raise NotFound(message)
        obstacles = await self.obstacles(tx, person_id)
        final_on = now + self._setting.config.privacy.backup_retention
        accounts = [link.user_id for link in await members.links_of(tx, person_id)]
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
            if not await members.lock_person(tx, waiting.person_id):
                continue  # another process was faster
            if not waiting.asked and await members.links_of(tx, waiting.person_id):
                await privacy.drop_erasure(tx, waiting.person_id)  # they are back
            elif not await self.obstacles(tx, waiting.person_id):
                await self._forget(tx, waiting.person_id, "system:clock")
                number += 1
        return number

    async def _forget(self, tx: Tx, person_id: str, by: str) -> None:
        """Destroy a person's data key, and everything that leads to them."""
        now = self._setting.now()
        # First, so that whoever is linking an account to them at this moment waits, and finds nobody.
        await members.erase_person(tx, person_id, now)
        waiting = await privacy.erasure(tx, person_id)
        for entry_id in await roster.of_person(tx, person_id):
            await roster.remove(tx, entry_id)
            await self._vault.forget(tx, entry_id)
        accounts: set[str] = set()
        for link in await members.links_ever(tx, person_id):
            if link.ended_at is None:
                accounts.add(link.user_id)
                await profile.withdraw(self._setting, tx, link.user_id)
            await self._forget_account(
                tx,
                link.user_id,
                Span.of(link),
            )
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

    async def _forget_results(self, tx: Tx, user_id: str, span: Span) -> None:
        for awaited in await results.of_account(tx, user_id, span):
            await results.remove(tx, awaited.reference_hash)
            await self._vault.forget(tx, awaited.vault_id)

    async def take_back(self, tx: Tx, user_id: str) -> str:
        """Forget what waits to verify an account that was just unlinked; say so of a document.

        Under a hold it is only ended, so that nothing links the account again.
        """
        held = await privacy.holds_on(tx, user_id, await members.person_behind(tx, user_id))
        if not held:
            await self._forget_results(tx, user_id, Span())
        return await self._documents.take_back(tx, user_id, keep=bool(held))

    async def _forget_account(self, tx: Tx, user_id: str, span: Span) -> None:
        """Forget what was shown from an account in a time: documents, tries, and their results."""
        await self._forget_results(tx, user_id, span)
        for candidate in await attempts.forget(tx, user_id, span):
            await self._vault.forget(tx, candidate)
        await self._documents.forget_of(tx, user_id, span)
        await self._drafts.forget_of(tx, user_id, span)
        if span.until is None:
            await privacy.drop_exports(tx, user_id)
            await languages.forget(tx, user_id)

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
        # First, so that an erasure that is under way at this moment sees it, or is waited for.
        if person_id is not None and not await members.lock_person(tx, person_id):
            person_id = None
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


def _plain(data: Mapping[str, Private]) -> dict[str, str]:
    return {name: value.reveal() for name, value in data.items()}
