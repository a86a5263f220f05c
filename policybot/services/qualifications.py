"""Qualifications: claim one for a room, check and grant it, take it back, let it end."""

from dataclasses import replace
from datetime import timedelta

from policybot.config.qualification import QualificationSection
from policybot.domain import filing as filing_rules
from policybot.domain import number, validity
from policybot.domain import qualification as rules
from policybot.domain.appeal import Kind as AppealKind
from policybot.domain.decision import Approval, confirmable
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder
from policybot.domain.filing import Filing
from policybot.domain.permission import Permission
from policybot.domain.qualification import Qualification, State, Step
from policybot.services import labels
from policybot.services.agreements import Agreements
from policybot.services.filings import Filings, objecting
from policybot.services.members import Members
from policybot.services.proposals import propose
from policybot.services.setting import Setting
from policybot.store import appeals, audit, decisions, filings, members, qualifications
from policybot.store.database import Tx, next_number

NOUN = "qualification"
"""What the subject of an approval begins with."""
_CLAIMS_A_DAY = 10
_BATCH = 100
_DAY = timedelta(days=1)


class Qualifications:
    """The service for qualifications."""

    needs = Permission.FILING_REVIEW

    def __init__(
        self, setting: Setting, applications: Filings, people: Members, signatures: Agreements
    ) -> None:
        """Work with the services that know filings, and who is verified and has signed."""
        self._setting = setting
        self._filings = applications
        self._members = people
        self._agreements = signatures

    def section(self, kind: str) -> QualificationSection:
        """Find what the operator offers.

        Raises:
            NotFound: there is no such qualification.
        """
        offered = self._setting.config.filing.qualifications
        found = next((q for q in offered if q.id == kind.lower()), None)
        if found is None:
            known = ", ".join(q.id for q in offered) or "none are set up here"
            message = f"There is no qualification «{kind[:40]}». Qualifications: {known}."
            raise NotFound(message)
        return found

    def offered(self) -> str:
        """Say what a room can be qualified for, and what that asks for."""
        return "\n".join(
            f"{q.id}: {q.title}. Allows: {', '.join(q.rights)}. Needs: {q.needs}. "
            f"Checked by: {q.verifier}. Good for {q.valid_for.days} days."
            for q in self._setting.config.filing.qualifications
        )

    # Claiming ------------------------------------------------------------------------------------

    async def claim(
        self, tx: Tx, owner: str, text: str, kind: str, evidence: str
    ) -> tuple[Qualification, QualificationSection]:
        """Ask for a qualification of one's own room."""
        filing = await self._filings.visible(tx, owner, text, staff=False)
        section = self.section(kind)
        self._check_in_force(filing)
        await self._agreements.require(tx, owner)
        evidence = rules.said(evidence, f"your evidence ({section.needs})")
        for waiting in await qualifications.of_filing(tx, filing.id, State.CLAIMED):
            if waiting.kind == section.id:
                message = f"You have asked for this already: {waiting.number} waits for a reviewer."
                raise OutOfOrder(message)
        now = self._setting.now()
        if await qualifications.claimed_since(tx, owner, now - _DAY) >= _CLAIMS_A_DAY:
            message = f"{_CLAIMS_A_DAY} requests a day are the most. Please go on tomorrow."
            raise NotPermitted(message)
        made = Qualification(
            id=await next_number(tx, "qualification"),
            filing_id=filing.id,
            kind=section.id,
            state=State.CLAIMED,
            evidence=evidence,
            claimant=owner,
            claimed_at=now,
        )
        await qualifications.add(tx, made)
        self._remember(tx, owner, "qualification:claim", made, filing)
        self._setting.tell_staff(tx, self._card(made, filing, section), cause=_cause(made))
        return made, section

    def _card(self, made: Qualification, filing: Filing, section: QualificationSection) -> str:
        second = "\nA second reviewer has to confirm it." if section.second_person else ""
        return (
            f"{made.number}: {filing.number} wants to be qualified for «{section.title}»\n"
            f"Room: {filing.place}\nOwner: {made.claimant}\n"
            f"Wanted: {section.needs}\nEvidence: {made.evidence}\n"
            f"Checked by: {section.verifier}\n"
            f"It would allow: {', '.join(section.rights)}, for {section.valid_for.days} days{second}\n"
            f"Next: !policy grant {made.number} · !policy reject {made.number} REASON"
        )

    @staticmethod
    def _check_in_force(filing: Filing) -> None:
        if filing.state not in filing_rules.IN_FORCE:
            message = f"{filing.number} is {filing.in_words}: only a room in force can be qualified."
            raise OutOfOrder(message)

    # Reading -------------------------------------------------------------------------------------

    async def find(self, tx: Tx, text: str) -> tuple[Qualification, Filing]:
        """Read a qualification and the filing that it is about.

        Raises:
            NotFound: there is none of that number.
        """
        wanted = number.parse_qualification(text)
        found = await qualifications.get(tx, wanted) if wanted is not None else None
        filing = await filings.by_id(tx, found.filing_id) if found else None
        if found is None or filing is None:
            message = f"There is no {text[:40]} that you can see."
            raise NotFound(message)
        return found, filing

    async def of_owner(self, tx: Tx, user_id: str, text: str) -> tuple[Qualification, Filing]:
        """Read a qualification of one's own room; raises as `find`."""
        found, filing = await self.find(tx, text)
        if user_id not in (found.claimant, filing.applicant):
            message = f"There is no {text[:40]} that you can see."
            raise NotFound(message)
        return found, filing

    def facts(self, found: Qualification, filing: Filing) -> str:
        """Say what is on record of it."""
        until = f", until {found.valid_until:%-d %B %Y}" if found.valid_until else ""
        rights = f"\nAllows: {', '.join(found.rights)}" if found.rights else ""
        # A revocation that rests may hold again, so its reason is kept; of what holds it says nothing.
        says = found.reason and found.state is not State.GRANTED
        reason = f"\nReason: {found.reason}" if says else ""
        section = next(
            (q for q in self._setting.config.filing.qualifications if q.id == found.kind), None
        )
        needs = f"Wanted: {section.needs}\nChecked by: {section.verifier}\n" if section else ""
        return (
            f"{found.number}: {filing.number}, «{self.title(found)}», {found.in_words}{until}{rights}\n"
            f"Room: {filing.place}\nOwner: {filing.applicant}\n{needs}"
            f"Evidence: {found.evidence or '–'}{reason}"
        )

    # Deciding ------------------------------------------------------------------------------------

    async def _for_decision(
        self, tx: Tx, by: str, text: str, step: Step
    ) -> tuple[Qualification, Filing]:
        """Read a qualification that somebody may decide on, before anything is written."""
        found, filing = await self.find(tx, text)
        await self._check_party(tx, by, found, filing)
        rules.moved(found, step)
        if step is Step.GRANT:
            self._check_in_force(filing)
        return found, filing

    async def _check_party(self, tx: Tx, by: str, found: Qualification, filing: Filing) -> None:
        own = await self._members.same_person(tx, by, filing.applicant)
        own = own or await self._members.same_person(tx, by, found.claimant)
        rules.decidable_by(found, by, {filing.applicant} | ({by} if own else set()))
        wrong = await appeals.refused_wrongly(tx, AppealKind.QUALIFICATION, found.id)
        if not wrong.isdisjoint(await members.accounts_of(tx, by)):
            message = (
                f"You decided about {found.number} before, and the appeal against that was right: "
                "somebody else decides about it."
            )
            raise NotPermitted(message)

    async def grant(self, tx: Tx, by: str, text: str) -> tuple[Qualification, Approval | None]:
        """Grant a qualification, or propose it where a second person has to confirm it."""
        found, filing = await self._for_decision(tx, by, text, Step.GRANT)
        section = self.section(found.kind)
        if section.second_person:
            return found, await self._propose(tx, by, Step.GRANT, found, found.binding)
        return await self._granted(tx, by, found, filing, section), None

    async def _granted(
        self, tx: Tx, by: str, found: Qualification, filing: Filing, section: QualificationSection
    ) -> Qualification:
        now = self._setting.now()
        granted = rules.granted(
            found, by=by, rights=section.rights, now=now, valid_for=section.valid_for
        )
        for before in await qualifications.of_filing(tx, filing.id, State.GRANTED):
            if before.kind == found.kind:
                await qualifications.save(tx, rules.ended(before, Step.RENEW, now))
                self._remember(tx, by, "qualification:renew", before, filing)
        await qualifications.save(tx, granted)
        self._remember(tx, by, "qualification:grant", granted, filing)
        await self._setting.room_changed(tx, filing.room_id)
        self._setting.queue(tx, await labels.renewed(tx, filing), cause=_cause(granted))
        self._setting.tell(
            tx,
            filing.applicant,
            f"Your room {filing.number} is qualified for «{section.title}» ({granted.number}): "
            f"{', '.join(granted.rights)}, until {granted.valid_until:%-d %B %Y}. Its label shows that. "
            f"Say of a post that it is about this by answering it with: !policy declare {section.id}",
            cause=_cause(granted),
        )
        return granted

    async def reject(self, tx: Tx, by: str, text: str, reason: str) -> Qualification:
        """Refuse a qualification, with the reason that the owner reads."""
        found, filing = await self._for_decision(tx, by, text, Step.REJECT)
        reason = rules.said(reason, "the reason; the owner reads it")
        rejected = rules.ended(found, Step.REJECT, self._setting.now(), reason=reason)
        await qualifications.save(tx, replace(rejected, reviewer=by))
        self._remember(tx, by, "qualification:reject", rejected, filing)
        self._setting.tell(
            tx,
            filing.applicant,
            f"Your room {filing.number} was not qualified for «{self.title(found)}» ({found.number}). "
            f"Reason: {reason}\nYou can ask again with other evidence: "
            f"!policy qualify {filing.number} {found.kind} EVIDENCE\n"
            f"{objecting(found.number, self._setting.ladder.appeal_window.days)}",
            cause=_cause(found),
        )
        return rejected

    async def propose_revocation(self, tx: Tx, by: str, text: str, reason: str) -> Approval:
        """Propose to take a qualification back; a second person always has to confirm it."""
        found, _ = await self._for_decision(tx, by, text, Step.REVOKE)
        reason = rules.said(reason, "the reason; the owner reads it")
        return await self._propose(tx, by, Step.REVOKE, found, reason)

    async def _propose(
        self, tx: Tx, by: str, step: Step, found: Qualification, binding: str
    ) -> Approval:
        return await propose(
            tx, self._setting, by=by, subject=f"{NOUN} {found.number} {step}", binding=binding
        )

    async def confirm(self, tx: Tx, by: str, approval: Approval) -> str:
        """Carry out what another reviewer proposed."""
        _, text, step = approval.subject.split(" ")
        found, filing = await self._for_decision(tx, by, text, Step(step))
        parties = {filing.applicant, found.claimant}
        if await self._members.same_person(tx, by, approval.proposer):
            parties.add(by)
        confirmable(approval, by, self._setting.now(), frozenset(parties))
        if step == Step.REVOKE:
            await decisions.end_approval(tx, approval.code, "given", by)
            await self._revoked(tx, by, found, filing, approval.binding)
            return f"{found.number} is revoked."
        section = self.section(found.kind)
        if found.binding != approval.binding:
            message = f"{found.number} has changed since it was proposed. Please propose it anew."
            raise OutOfOrder(message)
        await decisions.end_approval(tx, approval.code, "given", by)
        await self._granted(tx, by, found, filing, section)
        return f"{found.number} is granted. The label of {filing.number} is written anew."

    async def check_denying(self, tx: Tx, by: str, approval: Approval) -> None:
        """Check that no party denies it."""
        found, filing = await self.find(tx, approval.subject.split(" ")[1])
        await self._check_party(tx, by, found, filing)

    async def dropped(self, tx: Tx, by: str, approval: Approval, state: str) -> None:
        """Note that nobody confirmed it: it stands as it stood."""
        text = approval.subject.split(" ")[1]
        at = self._setting.now()
        audit.append(tx, at=at, actor=by, tag=f"qualification:{state}", object=text)
        if state == "expired":
            said = f"The proposal {approval.code} about {text} has expired. Nothing was done."
            self._setting.tell_staff(tx, said, cause=approval.subject)

    async def _revoked(self, tx: Tx, by: str, found: Qualification, filing: Filing, reason: str) -> None:
        revoked = rules.ended(found, Step.REVOKE, self._setting.now(), reason=reason)
        await self._shown(tx, by, Step.REVOKE, revoked, filing)
        self._setting.tell(
            tx,
            filing.applicant,
            f"The qualification «{self.title(found)}» of your room {filing.number} was revoked "
            f"({found.number}). Reason: {reason}\nIts label no longer shows it.\n"
            f"{objecting(found.number, self._setting.ladder.appeal_window.days)}",
            cause=_cause(found),
        )

    async def _shown(
        self, tx: Tx, by: str, step: Step, found: Qualification, filing: Filing
    ) -> Qualification:
        """Save a step, and show it on the label."""
        await qualifications.save(tx, found)
        self._remember(tx, by, f"qualification:{step}", found, filing)
        await self._setting.room_changed(tx, filing.room_id)
        self._setting.queue(tx, await labels.renewed(tx, filing), cause=_cause(found))
        return found

    # After an appeal -----------------------------------------------------------------------------

    async def check_free(self, tx: Tx, found: Qualification, filing: Filing) -> None:
        """Check that an appeal about it can still change something.

        Raises:
            OutOfOrder: the filing has ended, or the same was asked for or granted anew.
        """
        if filing.state in filing_rules.ENDED:
            message = f"{filing.number} is {filing.in_words}: its qualifications have ended with it."
            raise OutOfOrder(message)
        waits = (State.CLAIMED,) if found.state is State.REJECTED else ()
        for state in (*waits, State.GRANTED):
            for other in await qualifications.of_filing(tx, filing.id, state):
                if other.kind == found.kind and other.id != found.id:
                    message = (
                        f"«{self.title(found)}» is {other.in_words} as {other.number}: that counts now."
                    )
                    raise OutOfOrder(message)

    async def reopened(self, tx: Tx, by: str, found: Qualification, filing: Filing) -> Qualification:
        """Put a refused one before other reviewers, as it was asked for."""
        anew = rules.reopened(found)
        await qualifications.save(tx, anew)
        self._remember(tx, by, "qualification:reopen", anew, filing)
        card = self._card(anew, filing, self.section(anew.kind))
        self._setting.tell_staff(tx, card, cause=_cause(anew))
        return anew

    async def restored(self, tx: Tx, by: str, found: Qualification, filing: Filing) -> Qualification:
        """Let a revoked one hold again, for the time that is left."""
        return await self._shown(tx, by, Step.RESTORE, rules.restored(found), filing)

    async def revoked_again(
        self, tx: Tx, by: str, found: Qualification, filing: Filing
    ) -> Qualification:
        """Take one back whose revocation rested, unless it has ended by itself; nobody is told here."""
        if (found.state, Step.REVOKE) not in rules.MOVES:
            return found
        now = self._setting.now()
        revoked = rules.ended(found, Step.REVOKE, now, reason=found.reason)
        return await self._shown(tx, by, Step.REVOKE, revoked, filing)

    # By the clock --------------------------------------------------------------------------------

    async def expire(self, tx: Tx) -> int:
        """End what has run its time, and take it off the labels; return how many there were."""
        now = self._setting.now()
        due = await qualifications.run_out(tx, now, _BATCH)
        for found in due:
            await qualifications.save(tx, rules.ended(found, Step.EXPIRE, now))
            filing = await filings.by_id(tx, found.filing_id)
            if filing is None or filing.state in filing_rules.ENDED:
                continue
            self._remember(tx, "system:clock", "qualification:expire", found, filing)
            await self._setting.room_changed(tx, filing.room_id)
            if filing.state in filing_rules.IN_FORCE:
                self._setting.queue(tx, await labels.renewed(tx, filing), cause=_cause(found))
            self._setting.tell(
                tx,
                filing.applicant,
                f"The qualification «{self.title(found)}» of your room {filing.number} has ended, and "
                f"its label no longer shows it. To have it again: {_again(filing, found)}",
                cause=_cause(found),
            )
        return len(due)

    async def remind(self, tx: Tx) -> None:
        """Remind owners 30, 7 and 1 days before a qualification ends, each once."""
        now = self._setting.now()
        for found in await qualifications.running_out(tx, now, _BATCH):
            filing = await filings.by_id(tx, found.filing_id)
            until = found.valid_until
            days = validity.reminder(until, found.reminded, now) if until else None
            if filing is None or days is None:
                continue
            await qualifications.save(tx, replace(found, reminded=days))
            self._remember(tx, "system:clock", "qualification:remind", found, filing)
            self._setting.tell(
                tx,
                filing.applicant,
                f"The qualification «{self.title(found)}» of your room {filing.number} ends "
                f"{validity.in_words(days)}, on {until:%-d %B %Y}. To keep it: {_again(filing, found)}",
                cause=_cause(found),
            )

    def title(self, found: Qualification) -> str:
        """Say what a qualification is called; one that is no more, by its short name."""
        titles = {q.id: q.title for q in self._setting.config.filing.qualifications}
        return titles.get(found.kind, found.kind)

    def _remember(self, tx: Tx, actor: str, tag: str, found: Qualification, filing: Filing) -> None:
        # No evidence and no reason: the chain keeps what was done, not what people wrote.
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=tag,
            object=found.number,
            filing=filing.number,
            kind=found.kind,
        )


def _cause(found: Qualification) -> str:
    return f"{NOUN} {found.id}"


def _again(filing: Filing, found: Qualification) -> str:
    return f"!policy qualify {filing.number} {found.kind} EVIDENCE"
