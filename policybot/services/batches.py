"""Batches: several cases are shown together, decided together or not at all, and undone together."""

from dataclasses import dataclass, replace

from policybot.domain import batch as rules
from policybot.domain import decision as decision_rules
from policybot.domain import notice, prepared
from policybot.domain.appeal import About
from policybot.domain.batch import Batch, State
from policybot.domain.case import Case
from policybot.domain.case import State as CaseState
from policybot.domain.decision import Approval, Decision, joined
from policybot.domain.decision import State as DecisionState
from policybot.domain.errors import Incomplete, NotFound, NotPermitted, OutOfOrder, Refused
from policybot.domain.measure import duration_in_words
from policybot.domain.permission import Permission
from policybot.domain.statement import MIN_FACTS
from policybot.services import answers, dossiers
from policybot.services.cases import Cases
from policybot.services.decisions import Decisions
from policybot.services.holds import Holds
from policybot.services.previews import Choice, Draft
from policybot.services.proposals import propose
from policybot.services.setting import Setting
from policybot.services.unwinding import Unwinding
from policybot.store import appeals, audit, batches, cases, decisions
from policybot.store.database import Tx, next_number
from policybot.store.members import accounts_of

NOUN = "batch"
DISMISS = "dismiss"
"""What a moderator writes in the place of a rule to find no breach."""


@dataclass(frozen=True, slots=True)
class Item:
    """A case of a batch, with its decision worked out; None to dismiss it."""

    case: Case
    draft: Draft | None

    @property
    def binding(self) -> str:
        """The fingerprint of exactly what will happen in it."""
        return self.draft.binding if self.draft else DISMISS


@dataclass(frozen=True, slots=True)
class Proposed:
    """A batch that waits for its confirmation."""

    items: tuple[Item, ...]
    left_out: tuple[tuple[str, str], ...]
    """The cases that cannot be decided so, each with why."""
    approval: Approval

    @property
    def second_person(self) -> tuple[str, ...]:
        """Why somebody else has to confirm it; empty if nobody has to."""
        return tuple(
            f"{item.case.number}: {reason}"
            for item in self.items
            if item.draft
            for reason in item.draft.second_person
        )


class Batches:
    """The service for batches; it is a `services.approvals.Act`."""

    needs = Permission.CASE_DECIDE

    def __init__(
        self,
        setting: Setting,
        casework: Cases,
        resolutions: Decisions,
        held: Holds,
        undone: Unwinding,
    ) -> None:
        """Work with the services by which single cases are decided and decisions overturned."""
        self._setting = setting
        self._cases = casework
        self._decisions = resolutions
        self._holds = held
        self._unwinding = undone

    async def propose(self, tx: Tx, by: str, which: str, typed: str) -> Proposed:
        """Work out what would be decided in several cases, and keep it under a code.

        Raises:
            NotFound: that names no cases.
            OutOfOrder: it names too many, or none of them can be decided so.
        """
        most = min(self._setting.config.bulk.most, rules.CEILING)
        typed = prepared.checked(typed, "the decision")
        items, left_out = [], []
        for case_id in rules.read(which, most):
            try:
                items.append(await self._item(tx, by, case_id, typed))
            except Refused as refused:
                left_out.append((f"C-{case_id}", str(refused)))
        if not items:
            said = "".join(f"\n· {number}: {why}" for number, why in left_out)
            message = f"None of these can be decided so:{said}"
            raise OutOfOrder(message)
        batch = Batch(
            id=await next_number(tx, NOUN),
            code="",
            by=by,
            typed=typed,
            case_ids=tuple(item.case.id for item in items),
            state=State.PROPOSED,
            at=self._setting.now(),
        )
        approval = await propose(
            tx,
            self._setting,
            by=by,
            subject=f"{NOUN} {batch.id}",
            binding=rules.bound(batch, [item.binding for item in items]),
            needs_other=any(item.draft and item.draft.second_person for item in items),
        )
        batch = replace(batch, code=approval.code)
        await batches.add(tx, batch)
        self._remember(tx, by, "propose", batch)
        return Proposed(tuple(items), tuple(left_out), approval)

    async def _item(self, tx: Tx, by: str, case_id: int, typed: str) -> Item:
        """Work out what would be decided in one case.

        Raises:
            Refused: it cannot be decided so.
        """
        number = f"C-{case_id}"
        case = await self._cases.find(tx, case_id, number)
        if by in await self._cases.involved(tx, case):
            message = f"There is no case {number} that you can see."
            raise NotFound(message)
        first, _, rest = typed.partition(" ")
        if first.lower() == DISMISS:
            if len(rest.strip()) < MIN_FACTS:
                message = "Please note in a sentence why this is no breach."
                raise Incomplete(message)
            return Item((await self._cases.take(tx, by, case)).case, None)
        preview = await self._decisions.preview(tx, by, case, _choice(typed))
        return Item((await self._cases.take(tx, by, case)).case, preview.draft)

    # Confirming ----------------------------------------------------------------------------------

    async def _find(self, tx: Tx, approval: Approval) -> Batch:
        batch = await batches.get(tx, int(approval.subject.partition(" ")[2]))
        if batch is None or batch.state is not State.PROPOSED:
            message = f"Nothing waits under the code {approval.code}."
            raise NotFound(message)
        return batch

    async def _parties(self, tx: Tx, batch: Batch) -> frozenset[str]:
        found: set[str] = set()
        for case_id in batch.case_ids:
            case = await cases.get(tx, case_id)
            if case is not None:
                dossier = await dossiers.of(tx, self._setting, case)
                found |= await dossiers.involved(tx, self._setting, dossier)
                found |= await dossiers.judged(tx, dossier)
        return frozenset(found)

    async def confirm(self, tx: Tx, by: str, approval: Approval) -> str:
        """Decide all cases of a batch as they were shown, or none."""
        batch = await self._find(tx, approval)
        proposers = await accounts_of(tx, approval.proposer)
        parties = await self._parties(tx, batch)
        now = self._setting.now()
        decision_rules.confirmable(approval, by, now, parties, proposers)
        try:
            items = [await self._item(tx, batch.by, one, batch.typed) for one in batch.case_ids]
        except Refused as refused:
            raise OutOfOrder(f"{_changed(approval.code)} ({refused})") from refused  # noqa: EM102 - two sentences
        if rules.bound(batch, [item.binding for item in items]) != approval.binding:
            raise OutOfOrder(_changed(approval.code))
        await decisions.end_approval(tx, approval.code, "given", by)
        drafts = [item.draft for item in items if item.draft]
        await self._decisions.hold(tx, batch.case_ids, drafts)
        for item in items:
            if item.draft is None:
                reason = batch.typed.partition(" ")[2]
                await self._holds.dismiss(tx, batch.by, item.case, reason)
            else:
                approver = by if by != batch.by else None
                made = await self._decisions.settle(tx, item.case, item.draft, approver)
                await batches.decided(tx, batch, item.case.id, made.id)
        done = replace(batch, state=State.DONE, at=now)
        await batches.move(tx, done, State.PROPOSED)
        self._remember(tx, by, "final", done)
        span = duration_in_words(self._setting.config.bulk.undo_within)
        return (
            f"{len(items)} cases are decided, and everybody is told. To undo all of it within {span}: "
            f"!policy undo {batch.code} REASON"
        )

    async def check_denying(self, tx: Tx, by: str, approval: Approval) -> None:
        """Check that somebody else than its proposer may deny it."""
        decision_rules.deniable(by, await self._parties(tx, await self._find(tx, approval)))

    async def dropped(self, tx: Tx, by: str, approval: Approval, state: str) -> None:
        """Note that it was `denied`, or has `expired`: nothing was done."""
        batch = await self._find(tx, approval)
        await batches.move(tx, replace(batch, state=State(state)), State.PROPOSED)
        self._remember(tx, by, state, batch)

    # Undoing -------------------------------------------------------------------------------------

    async def undo(self, tx: Tx, by: str, code: str, reason: str) -> tuple[list[str], list[str]]:
        """Take back all that a batch did, as if each decision had been overturned; reopen its cases.

        What is under appeal or was changed meanwhile is left as it is.

        Returns:
            The numbers of the cases that are open again, and a line for each that was left.

        Raises:
            NotFound: there is no such batch.
            NotPermitted: they are a party to it.
            OutOfOrder: it is not done, or it is too late.
            Incomplete: no reason is given.
        """
        batch = await batches.by_code(tx, code.upper())
        if batch is None:
            message = f"There is no batch {code[:20]}."
            raise NotFound(message)
        if by in await self._parties(tx, batch):
            message = "You are a party to one of these cases, so somebody else has to undo it."
            raise NotPermitted(message)
        now = self._setting.now()
        rules.check_undoable(batch, reason, now, self._setting.config.bulk.undo_within)
        reason = " ".join(prepared.checked(reason, "the reason").split())
        await batches.move(tx, replace(batch, state=State.UNDONE), State.DONE)
        self._remember(tx, by, "undo", batch, reason=reason)
        numbers = [await batches.decision_in(tx, batch, case_id) for case_id in batch.case_ids]
        made = [await decisions.get(tx, number) for number in numbers if number is not None]
        await self._unwinding.hold(tx, [one for one in made if one is not None], batch.case_ids)
        opened, left = [], []
        for case_id in batch.case_ids:
            case = await cases.get(tx, case_id)
            number = await batches.decision_in(tx, batch, case_id)
            decision = await decisions.get(tx, number) if number is not None else None
            if (why := await self._changed_since(tx, case, decision)) is not None:
                left.append(f"C-{case_id}: {why}")
                continue
            assert case is not None  # else that is why
            left += await self._take_back(tx, by, decision, reason) if decision else []
            opened += await self._reopen(tx, by, case)
        return opened, left

    @staticmethod
    async def _changed_since(tx: Tx, case: Case | None, decision: Decision | None) -> str | None:
        """Say what has become of what was decided in a case of a batch; None if it stands as it was."""
        if case is None:
            return "it is gone by now"
        if decision is not None:
            final = decision.state is DecisionState.FINAL
            return None if final else f"it is {decision.state} by now"
        if any(one.about is About.OUTCOME for one in await appeals.of_reports_in(tx, case.id)):
            return "a reporter objected, and another person decides that"
        return None if case.state is CaseState.CLOSED else f"it is {case.in_words} by now"

    async def _take_back(self, tx: Tx, by: str, decision: Decision, reason: str) -> list[str]:
        text, untold = (
            notice.undone(
                case_number=decision.number, reason=reason, removed=decision.remove, known=known
            )
            for known in (True, False)
        )
        void = await self._unwinding.void(tx, decision, by, text, untold=untold)
        return [one.in_words for one in void]

    async def _reopen(self, tx: Tx, by: str, case: Case) -> list[str]:
        """Open a case again, or the one that it is in now; tell who reported."""
        now_in, waiting = await self._cases.reopen(tx, by, case)
        for report in waiting:
            text = notice.reopened(case_number=f"C-{report.case_id}", receipt=report.receipt)
            answers.tell(tx, self._setting, report, text)
        return [now_in.number]

    def _remember(self, tx: Tx, by: str, tag: str, batch: Batch, **payload: str) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor=by,
            tag=f"{NOUN}:{tag}",
            object=f"{NOUN} {batch.id}",
            cases=",".join(f"C-{one}" for one in batch.case_ids),
            **payload,
        )


def _choice(typed: str) -> Choice:
    """Read `RULE SEVERITY MEASURE FACTS`.

    Raises:
        Incomplete: a part of it is not there.
    """
    parts = typed.split(maxsplit=3)
    if len(parts) < 4:  # noqa: PLR2004 - the four
        message = "Write the rule, the severity, the measure and the facts: R1 S2 proposed FACTS"
        raise Incomplete(message)
    rule, severity, measure, facts = parts
    return Choice.read(rule, severity, *joined(measure, facts))


def _changed(code: str) -> str:
    return (
        f"What was proposed under {code} no longer fits: something changed since, and nothing was done. "
        f"Deny it with !policy deny {code} and decide anew."
    )
