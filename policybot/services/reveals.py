"""Reveals: two people decide that a name is shown to one of them, once; and questions without names."""

from dataclasses import dataclass
from datetime import timedelta

from policybot.domain import reveal as rules
from policybot.domain.case import Case, SubjectKind
from policybot.domain.decision import APPROVAL_LIFE, Approval, confirmable, deniable
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder
from policybot.domain.identity import Claim, full_name, same_name
from policybot.domain.measure import duration_in_words
from policybot.domain.permission import Permission, Role, allowed
from policybot.domain.private import Private
from policybot.domain.reveal import Kind, Look, Reason, Reveal, State
from policybot.services.cases import Cases
from policybot.services.looks import Looks
from policybot.services.members import Members
from policybot.services.privacy import Privacy
from policybot.services.proposals import propose
from policybot.services.setting import Setting
from policybot.services.verifications import hashed
from policybot.store import audit, cases, decisions, filings, looks, members, reveals
from policybot.store.database import Database, Tx, next_number

_DEAD_LINK = "This link is no longer valid: it opens once, and soon. Ask again in the review room."
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of somebody, to one person, once."""

    reveal: Reveal
    values: tuple[tuple[str, Private], ...]


class Reveals:
    """The service for reveals."""

    needs = Permission.IDENTITY_APPROVE

    def __init__(
        self, setting: Setting, people: Members, casework: Cases, privacy: Privacy, watch: Looks
    ) -> None:
        """Ask the privacy service for what is in the vault."""
        self._setting = setting
        self._members = people
        self._cases = casework
        self._privacy = privacy
        self._looks = watch

    # Asking, and agreeing ------------------------------------------------------------------------

    async def request(  # noqa: PLR0913, PLR0917 - what was typed
        self, tx: Tx, by: str, role: Role, account: str, case: Case, reason_id: str, note: str
    ) -> str:
        """Ask to learn who is behind an account; say what happens next.

        Raises:
            NotFound: there is no such reason, nobody behind the account, or the case is not theirs.
            NotPermitted: they asked too often, or are not verified.
            OutOfOrder: it was asked already, or nobody could agree.
        """
        reason = self._reason(reason_id)
        person_id = await self._subject(tx, by, account, case)
        if await members.link_of(tx, by) is None:
            rules.another_person(by, verified=False, requesters=frozenset(), parties=frozenset())
        self._check_somebody_can_agree(by)
        running = await reveals.running(tx, person_id, case.id)
        if running is not None:
            return await self._again(tx, by, running)
        limit = self._setting.config.privacy.reveal.requests_a_day
        if await reveals.requested_since(tx, by, self._setting.now() - _DAY) >= limit:
            message = f"You have asked {limit} times today; that is the most."
            raise NotPermitted(message)
        reveal = Reveal(
            id=await next_number(tx, "reveal"),
            case_id=case.id,
            person_id=person_id,
            user_id=account,
            requester=by,
            role=role.value,
            reason=reason,
            note=note.strip(),
            state=State.REQUESTED,
            requested_at=self._setting.now(),
        )
        await reveals.add(tx, reveal)
        approval = await propose(tx, self._setting, by=by, subject=reveal.number, binding=reveal.binding)
        self._remember(tx, by, "reveal:request", reveal)
        link = await members.link_of(tx, account)
        moved = link is None or link.person_id != person_id
        card = _card(reveal, approval.code, moved=moved)
        self._setting.tell_staff(tx, card, cause=f"privacy {reveal.number}")
        return (
            "Asked. Another person with the role «privacy» has to agree within 24 hours; then I send "
            "you alone a link that opens once. Nothing is shown before."
        )

    async def _again(self, tx: Tx, by: str, running: Reveal) -> str:
        """Answer somebody who asks again: what was agreed and not opened gets a fresh link."""
        if running.state is State.APPROVED and running.requester == by:
            await self._send_link(tx, running)
            return "It is agreed. I have sent you a new link in our chat; the earlier one is dead."
        message = "This is being asked already. Another person with the role «privacy» decides."
        raise OutOfOrder(message)

    def _reason(self, text: str) -> Reason:
        reasons = self._setting.config.privacy.reveal.all_reasons
        found = next((r for r in reasons if r.id == text.lower()), None)
        if found is None:
            known = ", ".join(f"{r.id} ({r.title})" for r in reasons)
            message = (
                f"There is no reason «{text[:40]}». Reasons: {known}."
                if known
                else "Revealing names is not set up here: see privacy.reveal.reasons."
            )
            raise NotFound(message)
        return found

    def _check_somebody_can_agree(self, by: str) -> None:
        staff = self._setting.config.staff
        if not any(allowed(roles, self.needs) for who, roles in staff.items() if who != by):
            message = "Nobody else has the role «privacy», so nobody could agree. Ask the operator."
            raise OutOfOrder(message)

    async def _subject(self, tx: Tx, by: str, account: str, case: Case) -> str:
        """Name who was behind an account when it happened, for somebody who may ask in this case.

        An account changes hands: whoever has it now may have nothing to do with it.

        Raises:
            NotFound: the case is not theirs to see, not about the account, or nobody is behind it.
        """
        person_id = await members.person_at(tx, account, case.occurred_at)
        own = await members.accounts_of(tx, by)
        theirs = await members.accounts_ever(tx, person_id) if person_id else []
        parties = await self._cases.involved(tx, case) | await members.accounts_of(tx, account)
        if own & (parties | {*theirs}):
            message = f"There is no case {case.number} that you can see."
            raise NotFound(message)
        concerned = case.subject.user_id
        if case.subject.kind is SubjectKind.ROOM and case.subject.room_id:
            filing = await filings.of_room(tx, case.subject.room_id)
            concerned = filing.applicant if filing else None
        if account != concerned:
            message = f"{case.number} is not about {account}."
            raise NotFound(message)
        if person_id is None:
            message = f"Nobody was known behind {account} when that happened, or they are forgotten."
            raise NotFound(message)
        return person_id

    async def _concerned(self, tx: Tx, reveal: Reveal) -> frozenset[str]:
        """List all accounts of the person and of the parties to the case."""
        case = await cases.get(tx, reveal.case_id)
        theirs = frozenset(await members.accounts_ever(tx, reveal.person_id)) | {reveal.user_id}
        return theirs | await self._cases.involved(tx, case) if case else theirs

    async def check_denying(self, tx: Tx, by: str, approval: Approval) -> None:
        """Check that no party denies a reveal: it is not theirs to decide, one way or the other."""
        reveal = await self._requested(tx, approval)
        deniable(by, await self._concerned(tx, reveal))

    async def confirm(self, tx: Tx, by: str, approval: Approval) -> str:
        """Agree to a reveal, as another person than everybody who has a part in it."""
        reveal = await self._requested(tx, approval)
        parties = await self._concerned(tx, reveal)
        confirmable(approval, by, self._setting.now(), frozenset())
        rules.another_person(
            by,
            verified=await members.link_of(tx, by) is not None,
            requesters=await members.accounts_of(tx, reveal.requester),
            parties=parties,
        )
        if await self._members.maybe_same(tx, by, reveal.requester, *parties):
            message = "You may have a part in this matter, so somebody else has to confirm it."
            raise NotPermitted(message)
        await decisions.end_approval(tx, approval.code, "given", by)
        await reveals.approve(tx, reveal, by, self._setting.now())
        self._remember(tx, by, "reveal:approve", reveal)
        await self._send_link(tx, reveal)
        return (
            "Agreed. Whoever asked gets a link that opens once, within "
            f"{_minutes(rules.LINK_LIFE)} minutes. The person is told {_told(reveal.reason)}."
        )

    async def _requested(self, tx: Tx, approval: Approval) -> Reveal:
        number = approval.subject.partition(" ")[2]
        reveal = await reveals.get(tx, int(number))
        if reveal is None or reveal.state is not State.REQUESTED or reveal.binding != approval.binding:
            message = f"Nothing waits under the code {approval.code}."
            raise NotFound(message)
        return reveal

    async def dropped(self, tx: Tx, by: str, approval: Approval, state: str) -> None:
        """Note that nobody agreed; nothing is left to note if the person was forgotten meanwhile."""
        reveal = await reveals.get(tx, int(approval.subject.partition(" ")[2]))
        if reveal is None or reveal.state is not State.REQUESTED:
            return
        await reveals.end(tx, reveal.id, State(state))
        self._remember(tx, by, f"reveal:{state}", reveal)
        said = "was refused" if state == "denied" else "was not agreed to in time"
        self._setting.tell(
            tx,
            reveal.requester,
            f"Your request to learn who is behind {reveal.user_id} (C-{reveal.case_id}) {said}. "
            "Nothing was shown.",
            cause=f"privacy {reveal.number}",
        )

    async def _send_link(self, tx: Tx, reveal: Reveal) -> None:
        token = self._setting.token()
        until = self._setting.now() + rules.LINK_LIFE
        await reveals.save_link(tx, reveal.id, hashed(token), until)
        self._setting.tell(
            tx,
            reveal.requester,
            f"Who is behind {reveal.user_id} (C-{reveal.case_id}, {reveal.reason.title}):\n"
            f"{self._setting.config.web.public_url}/reveal/{token}\n"
            f"It opens once, until {until:%H:%M} UTC, and is for you alone. The person learns that it "
            "was opened. After that time, ask again and you get a new link.",
            cause=f"link {reveal.number}",
        )

    # Opening -------------------------------------------------------------------------------------

    async def peek(self, tx: Tx, token: str) -> Reveal:
        """Look up a link without using it, so that a link preview opens nothing.

        Raises:
            NotFound: there is no such link, it was used, its time is over, or its holder has no
                right any more.
        """
        reveal = await reveals.by_link(tx, hashed(token), self._setting.now())
        if reveal is None or not await self._still_allowed(tx, reveal.requester):
            raise NotFound(_DEAD_LINK)
        return reveal

    async def _still_allowed(self, tx: Tx, user_id: str) -> bool:
        roles = await self._setting.roles(tx, user_id)
        return allowed(roles, Permission.IDENTITY_REVEAL)

    async def open(self, database: Database, token: str) -> Shown:
        """Show what a link opens: only after it is committed that it is being opened.

        Three transactions, in this order and no other: no audit, no answer.

        Raises:
            NotFound: the link is dead.
        """
        async with database.transaction() as tx:
            await self.peek(tx, token)
            reveal = await reveals.open_by_link(tx, hashed(token), self._setting.now())
            if reveal is None:
                raise NotFound(_DEAD_LINK)
            self._remember(tx, reveal.requester, "reveal:open", reveal)
            await self._looks.record(tx, await self._look(tx, reveal))
        async with database.transaction(reading=True) as tx:
            if not await reveals.is_open(tx, reveal.id):
                raise NotFound(_DEAD_LINK)
            claims = await self._privacy.claims(tx, reveal.person_id) or {}
        async with database.transaction() as tx:
            await reveals.done(tx, reveal.id, self._setting.now())
            self._remember(tx, reveal.requester, "reveal:done", reveal)
        wanted = [field for field in reveal.reason.fields if field.value in claims]
        values = tuple((rules.in_words((field,)), claims[field.value]) for field in wanted)
        return Shown(reveal, values)

    async def _look(self, tx: Tx, reveal: Reveal) -> Look:
        now = self._setting.now()
        return Look(
            person_id=reveal.person_id,
            kind=Kind.REVEAL,
            viewer=reveal.requester,
            role=reveal.role,
            case=f"C-{reveal.case_id}",
            what=rules.in_words(reveal.reason.fields),
            reason=reveal.reason.title,
            at=now,
            due_at=now + reveal.reason.delay,
            accounts=await self._looks.whom_to_tell(tx, reveal.person_id),
        )

    async def watch(self, tx: Tx) -> None:
        """Let go what was not opened in time, and tell people of openings that broke off."""
        now = self._setting.now()
        for reveal in await reveals.lapse(tx, now - APPROVAL_LIFE):
            self._remember(tx, "system:clock", "reveal:lapse", reveal)
        for reveal in await reveals.unfinished(tx, now - rules.INTENT_LIFE, now):
            self._setting.tell_staff(
                tx,
                f"Alarm: {reveal.number} (C-{reveal.case_id}) was opened by {reveal.requester}, and its "
                "end is not on record. Find out whether a name was shown, and ask the operator why.",
                cause=f"privacy {reveal.number}",
            )
            self._remember(tx, "system:clock", "reveal:alarm", reveal)

    # Questions that show nothing -----------------------------------------------------------------

    async def same(  # noqa: PLR0913, PLR0917 - what was typed
        self, tx: Tx, by: str, role: Role, account: str, other: str, case: Case
    ) -> bool:
        """Say whether two accounts belong to one person; both learn that it was asked.

        Raises:
            NotFound: the case is not theirs or not about the first, or one of them is not verified.
            NotPermitted: they asked too often.
        """
        person_id = await self._subject(tx, by, account, case)
        second = await members.person_behind(tx, other)
        if second is None or other == account:
            message = f"Nobody else is known behind {other}: I cannot tell."
            raise NotFound(message)
        await self._count_question(tx, by, case)
        whether = "whether your account {} and another account belong to one person"
        if second == person_id:
            both = f"whether your accounts {account} and {other} belong to one person"
            await self._asked(tx, by, role, case, Kind.SAME, person_id, both)
        else:
            for person, asked in ((person_id, account), (second, other)):
                await self._asked(tx, by, role, case, Kind.SAME, person, whether.format(asked))
        return second == person_id

    async def matches(  # noqa: PLR0913, PLR0917 - what was typed
        self, tx: Tx, by: str, role: Role, account: str, case: Case, name: Private
    ) -> bool:
        """Say whether a name is that of the person behind an account; they learn that it was asked.

        Raises:
            NotFound: the case is not theirs or not about the account, or no name is kept.
            NotPermitted: they asked too often; in one case a name can be tried a few times only.
        """
        person_id = await self._subject(tx, by, account, case)
        await self._count_question(tx, by, case)
        if await looks.matches_in(tx, case.number) >= rules.MATCHES_PER_CASE:
            message = f"A name was tried {rules.MATCHES_PER_CASE} times in {case.number}: no more."
            raise NotPermitted(message)
        claims = await self._privacy.claims(tx, person_id) or {}
        known = full_name({claim: claims[claim.value] for claim in Claim if claim.value in claims})
        if not known:
            message = f"No name is kept of the person behind {account}: I cannot tell."
            raise NotFound(message)
        await self._asked(
            tx, by, role, case, Kind.MATCHES, person_id, "whether a name that they gave is yours"
        )
        return same_name(known.reveal(), name.reveal())

    async def _count_question(self, tx: Tx, by: str, case: Case) -> None:
        await cases.lock(tx, case.id)
        limit = self._setting.config.privacy.reveal.questions_a_day
        if await looks.questions_since(tx, by, self._setting.now() - _DAY) >= limit:
            message = f"You have asked {limit} such questions today; that is the most."
            raise NotPermitted(message)

    async def _asked(  # noqa: PLR0913, PLR0917 - the parts of a question
        self, tx: Tx, by: str, role: Role, case: Case, kind: Kind, person_id: str, what: str
    ) -> None:
        now = self._setting.now()
        accounts = await self._looks.whom_to_tell(tx, person_id)
        look = Look(person_id, kind, by, role.value, case.number, what, "", now, now, accounts)
        await self._looks.record(tx, look)
        audit.append(tx, at=now, actor=by, tag=f"identity:{kind}", object=case.number, person=person_id)

    def _remember(self, tx: Tx, actor: str, tag: str, reveal: Reveal) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=tag,
            object=reveal.number,
            case=f"C-{reveal.case_id}",
            person=reveal.person_id,
            reason=reveal.reason.id,
            fields=[field.value for field in reveal.reason.fields],
        )


def _card(reveal: Reveal, code: str, *, moved: bool) -> str:
    note = f"\nThey write: {reveal.note}" if reveal.note else ""
    if moved:
        note += (
            "\nThe account is no longer linked to that person. Shown would be whose it was when it "
            "happened, and not who has it now."
        )
    return (
        f"{reveal.requester} asks to learn who is behind {reveal.user_id} (C-{reveal.case_id}).\n"
        f"Reason: {reveal.reason.title}. Shown would be: {rules.in_words(reveal.reason.fields)}. The "
        f"person is told {_told(reveal.reason)}.{note}\n"
        f"Another person with the role «privacy» decides: !policy confirm {code} · !policy deny {code}\n"
        "If nobody does within 24 hours, nothing is shown."
    )


def _told(reason: Reason) -> str:
    return f"after {duration_in_words(reason.delay)}" if reason.delay else "at once"


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds()) // 60
