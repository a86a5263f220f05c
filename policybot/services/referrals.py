"""Referrals: what two people decide to hand over to somebody outside, and that its person is told."""

from dataclasses import replace
from datetime import timedelta

from policybot.domain import referral as rules
from policybot.domain.case import Case, SubjectKind
from policybot.domain.decision import IN_FORCE, Approval, Decision, confirmable, deniable
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder
from policybot.domain.measure import parse_duration
from policybot.domain.name import one_line
from policybot.domain.permission import Permission, allowed
from policybot.domain.referral import Recipient, Referral, State, Wanted
from policybot.domain.reveal import another_person
from policybot.services.cases import Cases
from policybot.services.handouts import Handouts
from policybot.services.members import Members
from policybot.services.proposals import propose
from policybot.services.setting import Setting
from policybot.services.verifications import hashed
from policybot.store import audit, cases, decisions, filings, members, referrals
from policybot.store.database import Tx, next_number

_DEAD_LINK = "This link is no longer valid: it is for a few minutes. Ask for a new one in our chat."
_BATCH = 100
_MOST_WHY = 1000
_MOST_RECEIPT = 200


class Referrals:
    """The service for referrals."""

    needs = Permission.REFERRAL_APPROVE

    def __init__(self, setting: Setting, people: Members, casework: Cases, paper: Handouts) -> None:
        """Ask for cases, and for what there is to hand over of them."""
        self._setting = setting
        self._members = people
        self._cases = casework
        self._handouts = paper

    # Proposing, and agreeing ---------------------------------------------------------------------

    async def propose(  # noqa: PLR0913, PLR0917 - what was typed
        self, tx: Tx, by: str, case: Case, recipient: str, basis: str, typed: str
    ) -> str:
        """Propose to hand something of a case over; say exactly what would go out.

        Raises:
            NotFound: there is no such recipient, basis, ground or field.
            Incomplete: too little is said, or something is not there.
            NotPermitted: they are not known as a person.
            OutOfOrder: it waits already, or nobody could agree.
        """
        wanted = Wanted.read(one_line(typed, _MOST_WHY))
        known = self._recipient(recipient)
        delay = _span(wanted.delay[1]) if wanted.delay else timedelta(0)
        config = self._setting.config.referrals
        terms = rules.terms(known, basis.lower(), wanted, config.grounds, delay)
        user_id = await self._about(tx, case)
        await self.check_known(tx, by)
        decision = await self._decision(tx, case)
        referral = Referral(
            id=await next_number(tx, "referral"),
            case_id=case.id,
            decision_id=decision.id if decision else None,
            user_id=user_id,
            person_id=await members.person_at(tx, user_id, case.occurred_at),
            terms=terms,
            proposer=by,
            state=State.PROPOSED,
            proposed_at=self._setting.now(),
            binding="",
        )
        text = await self._handouts.document(tx, referral)
        referral = replace(referral, binding=rules.fingerprint(text))
        for other in await referrals.of_case(tx, case.id):
            waits = other.state in (State.PROPOSED, State.APPROVED) and other.corrects is None
            if waits and other.terms.recipient == terms.recipient:
                message = f"That is {other.in_words} already: !policy show {other.number}"
                raise OutOfOrder(message)
        parties = await self.parties(tx, referral)
        agreeing = await self.people(tx, self.needs, parties | await members.accounts_of(tx, by))
        if not agreeing:
            message = "Nobody else has the role «privacy», so nobody could agree. Ask the operator."
            raise OutOfOrder(message)
        await referrals.add(tx, referral)
        approval = await propose(
            tx, self._setting, by=by, subject=f"referral {referral.id}", binding=referral.binding
        )
        self.remember(tx, by, "referral:propose", referral)
        for who in agreeing:
            self._setting.tell(
                tx,
                who,
                f"{by} proposes to hand something over to {terms.name}: {referral.number}, about "
                f"C-{case.id}. Read it first: !policy show {referral.number}\nThen: !policy confirm "
                f"{approval.code} · !policy deny {approval.code}\nIf nobody agrees within 24 hours, "
                "nothing is handed over. Please answer to me alone.",
                cause=f"referral {referral.id}",
            )
        return (
            f"Proposed as {referral.number}. This would go to {terms.name} ({terms.reached}):\n"
            f"{await self._handouts.preview(tx, referral)}\nThe person is told {terms.when}. Another "
            "person with the role «privacy» has to agree within 24 hours; I have asked them. Nothing "
            f"goes out by itself. To take it back: !policy deny {approval.code}"
        )

    @staticmethod
    async def check_known(tx: Tx, by: str) -> None:
        """Check that whoever proposes something is known as a person, for another has to agree to it.

        Raises:
            NotPermitted: they are not.
        """
        if await members.link_of(tx, by) is None:
            another_person(by, verified=False, requesters=frozenset(), parties=frozenset())

    def _recipient(self, text: str) -> Recipient:
        known = self._setting.config.referrals.all_recipients
        found = next((one for one in known if one.id == text.lower()), None)
        if found is None:
            named = ", ".join(f"{one.id} ({one.name})" for one in known)
            message = (
                f"There is no recipient «{text[:40]}». Recipients: {named}."
                if named
                else "Nothing may be handed over here: see referrals.recipients."
            )
            raise NotFound(message)
        return found

    @staticmethod
    async def _about(tx: Tx, case: Case) -> str:
        user_id = case.subject.user_id
        if case.subject.kind is SubjectKind.ROOM and case.subject.room_id:
            filing = await filings.of_room(tx, case.subject.room_id)
            user_id = filing.applicant if filing else None
        if not user_id:
            message = f"Nobody is known whom {case.number} is about, so nobody could be told of it."
            raise OutOfOrder(message)
        return user_id

    @staticmethod
    async def _decision(tx: Tx, case: Case) -> Decision | None:
        found = [d for d in await decisions.of_case(tx, case.id) if d.state in IN_FORCE]
        return found[-1] if found else None

    async def confirm(self, tx: Tx, by: str, approval: Approval) -> str:
        """Agree to a referral, as another person than everybody who has a part in it."""
        referral = await self._proposed(tx, approval)
        parties = await self.parties(tx, referral)
        await self.check_another(tx, by, approval, referral.proposer, parties)
        if not await self._handouts.unchanged(tx, referral):
            message = (
                f"What {referral.number} would hand over has changed since it was proposed. Deny it "
                f"with !policy deny {approval.code}, and have it proposed anew."
            )
            raise OutOfOrder(message)
        now = self._setting.now()
        await decisions.end_approval(tx, approval.code, "given", by)
        agreed = replace(referral, state=State.APPROVED, approver=by, approved_at=now)
        await referrals.save(tx, agreed)
        self.remember(tx, by, "referral:approve", agreed)
        self._setting.tell(
            tx,
            referral.proposer,
            f"{referral.number} is agreed to. To hand it over to {referral.terms.name}, within "
            f"{rules.HAND_OVER_WITHIN.days} days: !policy handover {referral.number}",
            cause=f"referral {referral.id}",
        )
        return (
            f"Agreed. {referral.number} can be handed over by a person now; nothing goes out by itself."
        )

    async def check_another(
        self, tx: Tx, by: str, approval: Approval, proposer: str, parties: frozenset[str]
    ) -> None:
        """Check that whoever agrees is another person than who proposed it and everybody concerned.

        Raises:
            NotPermitted: they are not, or it cannot be known.
            OutOfOrder: the time for it is over.
        """
        confirmable(approval, by, self._setting.now(), frozenset())
        another_person(
            by,
            verified=await members.link_of(tx, by) is not None,
            requesters=await members.accounts_of(tx, proposer),
            parties=parties,
        )
        if await self._members.maybe_same(tx, by, proposer, *parties):
            message = "You may have a part in this matter, so somebody else has to confirm it."
            raise NotPermitted(message)

    async def check_denying(self, tx: Tx, by: str, approval: Approval) -> None:
        """Check that no party denies a referral: it is not theirs to decide, one way or the other."""
        deniable(by, await self.parties(tx, await self._proposed(tx, approval)))

    async def dropped(self, tx: Tx, by: str, approval: Approval, state: str) -> None:
        """Note that a referral was denied, or that nobody agreed in time."""
        referral = await referrals.get(tx, int(approval.subject.partition(" ")[2]))
        if referral is None or referral.state is not State.PROPOSED:
            return  # it lapsed before
        ended = replace(referral, state=State(state))
        await referrals.save(tx, ended)
        self.remember(tx, by, "referral:deny" if state == State.DENIED else "referral:expire", ended)
        if by != referral.proposer:
            came = "was refused" if state == State.DENIED else "was not agreed to in time"
            text = f"{referral.number} {came}. Nothing is handed over."
            self._setting.tell(tx, referral.proposer, text, cause=f"referral {referral.id}")

    @staticmethod
    async def _proposed(tx: Tx, approval: Approval) -> Referral:
        referral = await referrals.get(tx, int(approval.subject.partition(" ")[2]))
        if referral is None or referral.state is not State.PROPOSED:
            message = f"Nothing waits under the code {approval.code}."
            raise NotFound(message)
        return referral

    # Who may know of it --------------------------------------------------------------------------

    async def parties(self, tx: Tx, referral: Referral) -> frozenset[str]:
        """Name all accounts of the person and of the parties to the case."""
        case = await cases.get(tx, referral.case_id)
        theirs = await members.accounts_of(tx, referral.user_id)
        if referral.person_id is not None:
            theirs |= frozenset(await members.accounts_ever(tx, referral.person_id))
        return theirs | await self._cases.involved(tx, case) if case else theirs

    async def people(self, tx: Tx, permission: Permission, but: frozenset[str]) -> list[str]:
        """Name those of the operator's people who may do something, without the parties."""
        return [
            who
            for who in sorted(self._setting.config.staff)
            if who not in but and allowed(await self._setting.roles(tx, who), permission)
        ]

    async def find(self, tx: Tx, viewer: str, number: int | None, text: str) -> Referral:
        """Read a referral, for somebody who has no part in it.

        Raises:
            NotFound: there is none, or they are a party.
        """
        referral = await referrals.get(tx, number) if number is not None else None
        if referral is None or viewer in await self.parties(tx, referral):
            message = f"There is no referral {text[:20]} that you can see."
            raise NotFound(message)
        return referral

    async def waiting(self, tx: Tx, viewer: str, limit: int) -> list[Referral]:
        """List what waits for somebody, but that in which the viewer has a part."""
        found = await referrals.waiting(tx, limit)
        return [one for one in found if viewer not in await self.parties(tx, one)]

    # Handing over --------------------------------------------------------------------------------

    async def send(self, tx: Tx, by: str, referral: Referral, text: str) -> None:
        """Send one of the operator's people a text, with a link to the document for themselves."""
        token, until = self._setting.token(), self._setting.now() + rules.LINK_LIFE
        await referrals.save_link(tx, hashed(token), referral.id, by, until)
        self._setting.tell(
            tx,
            by,
            f"{text}\nThe whole document:\n"
            f"{self._setting.config.web.public_url}/referral/{token}\n"
            f"The link is for you alone, until {until:%H:%M} UTC.",
            cause=f"link referral {referral.id}",
        )

    async def peek(self, tx: Tx, token: str) -> tuple[Referral, str]:
        """Read which referral a link shows, and for whom, without showing anything of it.

        Raises:
            NotFound: its time is over, or its holder may not see it any more.
        """
        found = await referrals.by_link(tx, hashed(token), self._setting.now())
        referral = await referrals.get(tx, found[0]) if found else None
        if found is None or referral is None:
            raise NotFound(_DEAD_LINK)
        roles = await self._setting.roles(tx, found[1])
        if not any(allowed(roles, one) for one in _MAY_READ) or found[1] in await self.parties(
            tx, referral
        ):
            raise NotFound(_DEAD_LINK)
        return referral, found[1]

    async def take(self, tx: Tx, token: str) -> tuple[str, bytes]:
        """Give the document to be handed over; from now on it counts as handed over.

        Returns the file's name and its content.

        Raises:
            NotFound: the link is dead.
            OutOfOrder: it was not agreed to, or is not what was agreed to any more.
        """
        referral, by = await self.peek(tx, token)
        if not allowed(await self._setting.roles(tx, by), Permission.REFERRAL_HAND_OVER):
            raise NotFound(_DEAD_LINK)
        if referral.state not in (State.APPROVED, State.HANDED_OVER):
            message = f"{referral.number} is {referral.in_words}: it cannot be handed over."
            raise OutOfOrder(message)
        if not await self._handouts.unchanged(tx, referral):
            message = (
                f"What {referral.number} would hand over is not what was agreed to any more: something "
                "has changed since. Propose it anew."
            )
            raise OutOfOrder(message)
        text = await self._handouts.document(tx, referral)
        if referral.state is State.APPROVED:
            await self._handed_over(tx, by, referral)
        else:
            self.remember(tx, by, "referral:fetch", referral)
        return f"{referral.number}.txt", text.encode()

    async def _handed_over(self, tx: Tx, by: str, referral: Referral) -> None:
        now = self._setting.now()
        due_at = now + referral.terms.delay
        if referral.corrects is not None:
            first = await referrals.get(tx, referral.corrects)
            if first is not None and first.told_at is None and first.due_at is not None:
                due_at = max(now, first.due_at)
        done = replace(
            referral,
            state=State.HANDED_OVER,
            handed_over_at=now,
            handed_over_by=by,
            accounts=await self._whom_to_tell(tx, referral),
            due_at=due_at,
        )
        await referrals.save(tx, done)
        self.remember(tx, by, "referral:hand_over", done, binding=done.binding)
        await self.tell_due(tx)

    @staticmethod
    async def _whom_to_tell(tx: Tx, referral: Referral) -> tuple[str, ...]:
        """List the person's accounts; an account that is in other hands now is not among them."""
        now = await members.own_person(tx, referral.user_id)
        accounts = {referral.user_id} if referral.is_of(now) else set[str]()
        if referral.person_id is not None:
            accounts |= {link.user_id for link in await members.links_of(tx, referral.person_id)}
        return tuple(sorted(accounts))

    async def receipt(self, tx: Tx, by: str, referral: Referral, text: str) -> None:
        """Note what the recipient answered: their file number, or who took it.

        Raises:
            OutOfOrder: it was not handed over.
        """
        if referral.state is not State.HANDED_OVER:
            message = f"{referral.number} is {referral.in_words}: there is no receipt for it yet."
            raise OutOfOrder(message)
        noted = replace(referral, receipt=one_line(text, _MOST_RECEIPT))
        await referrals.save(tx, noted)
        self.remember(tx, by, "referral:receipt", noted, receipt=noted.receipt)

    async def tell_due(self, tx: Tx) -> int:
        """Tell those whose time has come; return how many there were.

        On the accounts that they had at the hand-over and those that they have now.
        """
        config, now, number = self._setting.config, self._setting.now(), 0
        within = config.referrals.answer_within
        for referral in await referrals.due(tx, now, _BATCH):
            if not await referrals.told(tx, referral.id, now):
                continue  # by another process, at the same moment
            operator = config.operator
            text = rules.notice(referral, operator.contact, operator.appeal_body, within)
            for account in sorted({*referral.accounts, *await self._whom_to_tell(tx, referral)}):
                self._setting.tell(tx, account, text, cause=f"referral {referral.id}")
            self.remember(tx, "system:clock", "referral:tell", referral)
            number += 1
        return number

    async def watch(self, tx: Tx) -> None:
        """Let go what was not handed over in time."""
        now = self._setting.now()
        await referrals.drop_links(tx, now)
        for referral in await referrals.lapsing(tx, now - rules.HAND_OVER_WITHIN):
            await self._lapse(tx, referral, "was not handed over in time")

    async def _lapse(self, tx: Tx, referral: Referral, why: str) -> None:
        lapsed = replace(referral, state=State.LAPSED)
        await referrals.save(tx, lapsed)
        self.remember(tx, "system:clock", "referral:lapse", lapsed)
        text = f"{referral.number} {why}. It is no longer good; nothing was handed over."
        self._setting.tell(tx, referral.proposer, text, cause=f"referral {referral.id}")

    # Taking back ---------------------------------------------------------------------------------

    async def correct(self, tx: Tx, decision: Decision, why: str = rules.VOID) -> None:
        """Take back what rests on a decision that is void, or that a milder one took the place of."""
        for referral in await referrals.of_case(tx, decision.case_id):
            # What rests on the first rests on what took its place.
            rests = referral.decision_id in (None, decision.id, decision.supersedes)
            if referral.corrects is not None or not rests:
                continue
            if referral.state is State.HANDED_OVER:
                await self.correction(tx, referral, "system:appeal", why)
            elif referral.state in (State.PROPOSED, State.APPROVED):
                become = "was changed" if why == rules.CHANGED else "is void"
                await self._lapse(tx, referral, f"rests on a decision that {become}")

    async def correction(self, tx: Tx, referral: Referral, by: str, why: str) -> None:
        """Have a recipient told once that something does not hold, and before that it changed."""
        for known in await referrals.of_case(tx, referral.case_id):
            if known.corrects != referral.id or known.state is State.LAPSED:
                continue
            if known.terms.why != rules.CHANGED or why == rules.CHANGED:
                return
            if known.state is State.APPROVED:
                await self._lapse(tx, known, "is overtaken: the decision is void by now")
        now = self._setting.now()
        terms = replace(referral.terms, fields=(), why=why, ground="", delay=timedelta(0), reveal=None)
        made = replace(
            referral,
            id=await next_number(tx, "referral"),
            terms=terms,
            proposer=by,
            state=State.APPROVED,
            proposed_at=now,
            approved_at=now,
            corrects=referral.id,
        )
        made = replace(made, binding=rules.fingerprint(await self._handouts.document(tx, made)))
        await referrals.add(tx, made)
        self.remember(tx, by, "referral:correct", made, corrects=referral.number)
        parties = await self.parties(tx, referral)
        for who in await self.people(tx, Permission.REFERRAL_HAND_OVER, parties):
            self._setting.tell(
                tx,
                who,
                f"{referral.number} {made.course}: {why}\n{terms.name} has to be told. It is prepared "
                f"as {made.number}: !policy handover {made.number}",
                cause=f"referral {made.id}",
            )

    def remember(self, tx: Tx, actor: str, tag: str, referral: Referral, **payload: str) -> None:
        """Write an audit entry about a referral; figures count them by recipient."""
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=tag,
            object=referral.number,
            case=f"C-{referral.case_id}",
            recipient=referral.terms.recipient,
            fields=[field.value for field in referral.terms.fields],
            **payload,
        )


_MAY_READ = (Permission.REFERRAL_HAND_OVER, Permission.REFERRAL_APPROVE, Permission.REFERRAL_ANSWER)


def _span(text: str) -> timedelta:
    try:
        return parse_duration(text.upper())
    except ValueError:
        message = f"«{text[:40]}» is no time: write delay:GROUND:P30D"
        raise NotFound(message) from None
