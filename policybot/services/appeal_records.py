"""The records of appeals, whatever they are about: how each comes in, ends, and stands meanwhile."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from policybot.domain import appeal as rules
from policybot.domain.appeal import Appeal, Appealable, Said, State, Urgent, Verdict
from policybot.domain.name import one_line
from policybot.domain.party import Why
from policybot.services.parties import Apart, Parties
from policybot.services.setting import Setting
from policybot.store import appeals, audit, parties
from policybot.store.database import Tx, next_number


class AppealRecords:
    """The service by which appeals of each kind are put on record."""

    def __init__(self, setting: Setting, apart: Apart) -> None:
        """Write down the parties of each, by the service that knows them."""
        self._setting = setting
        self._apart = apart

    async def begin(
        self, tx: Tx, of: Appealable, said: str, *, urgent: Urgent | None, pleads: bool
    ) -> Appeal:
        """Make an appeal; an urgent one should be answered sooner, and needs no plea to be."""
        now, section = self._setting.now(), self._setting.config.appeals
        return Appeal(
            id=await next_number(tx, "appeal"),
            kind=of.kind,
            about=of.about,
            matter=of.matter,
            number=of.number,
            appellant=of.whom,
            text=said,
            state=State.SUBMITTED,
            submitted_at=now,
            due_at=now + (section.urgent_within if urgent else section.answer_within),
            urgent=urgent,
            pleads=pleads and urgent is None,
        )

    async def enter(
        self, tx: Tx, appeal: Appeal, made: Sequence[Appeal], found: Iterable[tuple[str, Why]]
    ) -> tuple[Appeal, Parties]:
        """Save a new appeal with who had a part; return it, and all who may not decide it.

        Who had a part in one that was `made` and taken back before has one in this.
        """
        await appeals.add(tx, appeal)
        before = {one for old in made for one in await parties.of(tx, old.id)}
        excluded = await self._apart.note(tx, appeal.id, {*found, *before})
        if not await self._apart.insiders(tx, excluded):
            appeal = await appeals.save(tx, replace(appeal, outside=True))
        self.remember(tx, appeal.appellant, "submit", appeal)
        return appeal, excluded

    async def close(
        self, tx: Tx, reviewer: str, appeal: Appeal, verdict: Verdict, reasons: str
    ) -> Appeal:
        """Save how an appeal ends.

        Raises:
            Incomplete: no reasons were given.
            OutOfOrder: it was decided before, or cannot end so.
        """
        state, kept = rules.decided(appeal, verdict, reasons)
        done = replace(
            appeal,
            state=state,
            reviewer=reviewer,
            reasons=kept,
            decided_at=self._setting.now(),
            holder=None,
            lease_until=None,
        )
        done = await appeals.save(tx, done)
        self.remember(tx, reviewer, verdict.value, done)
        return done

    async def course(self, tx: Tx, appeal: Appeal) -> list[str]:
        """Say to its author where an appeal stands, and what was asked."""
        of = "" if appeal.kind is rules.Kind.DECISION else f", against {appeal.against},"
        lines = [f"Your {appeal.called}{of} of {appeal.submitted_at:%-d %B %Y} {_stands(appeal)}."]
        if appeal.state is not State.SUBMITTED:
            why = one_line(appeal.reasons, rules.MOST_TEXT)
            return [*lines, *([f"Reasons: {why}"] if why else [])]
        questions = [w for w in await appeals.words(tx, appeal.id) if w.kind is Said.QUESTION]
        if appeal.asked_at is not None and questions:
            lines.append(f"It waits for your answer to: {one_line(questions[-1].text, rules.MOST_TEXT)}")
        else:
            late = appeal.overdue(self._setting.now())
            should = "should have been" if late else "should be"
            lines.append(
                f"{'It is urgent and' if appeal.urgent else 'It'} {should} answered by "
                f"{appeal.due_at:%-d %B %Y}, by somebody who had no part in {appeal.against}."
                + (" Your moderators were reminded." if late else "")
            )
        if appeal.insisted:
            lines.append(f"Nothing rests meanwhile, because: {appeal.insisted}")
        return lines

    def remember(self, tx: Tx, actor: str, act: str, appeal: Appeal, text: str = "") -> None:
        """Put an act on an appeal on record, with what was said, or else its reasons or its own text."""
        of_decision = appeal.kind is rules.Kind.DECISION
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=f"{rules.TAGS[appeal.kind]}:{act}",
            object=appeal.number,
            **({"decision": appeal.matter} if of_decision else {"about": appeal.about.value}),
            text=text or appeal.reasons or appeal.text,
        )


def _stands(appeal: Appeal) -> str:
    """Say how it ended, if it did."""
    on = f" on {appeal.decided_at:%-d %B %Y}" if appeal.decided_at else ""
    match appeal.state:
        case State.SUBMITTED:
            return "waits to be decided"
        case State.WITHDRAWN:
            return f"was taken back by you{on}"
        case State.UPHELD:
            verdict, how = Verdict.UPHOLD, "was decided"
        case State.MODIFIED:
            verdict, how = Verdict.MODIFY, "succeeded in part"
        case State.OVERTURNED:
            verdict, how = Verdict.OVERTURN, "succeeded"
    return f"{how}{on}: {rules.VERDICTS[appeal.about][verdict]}"
