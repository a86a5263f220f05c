"""Deadlines: what time does to applications and cases; it calls people, and decides nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from policybot.domain import review as rules
from policybot.domain.filing import Filing
from policybot.domain.review import Deadline
from policybot.services import cards
from policybot.services.filings import cause
from policybot.services.setting import Setting
from policybot.store import audit, filings, queues, reviews
from policybot.store.database import Tx

_BATCH = 100
_MOST = 500
"""Overdue applications that are looked at in one go."""
_NAMED = 20
_DAILY = timedelta(days=1)
_CAUSE = "deadlines"


class Deadlines:
    """The service for deadlines."""

    def __init__(self, setting: Setting) -> None:
        """Call people in the review room."""
        self._setting = setting

    async def free(self, tx: Tx) -> int:
        """Let applications be anybody's again whose reviewer's time is over; return how many."""
        now = self._setting.now()
        over = await reviews.run_out(tx, now, _BATCH)
        for filing in over:
            review = await reviews.get(tx, filing.id)
            freed, review = rules.freed(filing, review)
            await filings.save(tx, freed)
            await reviews.save(tx, review)
            audit.append(tx, at=now, actor="system:clock", tag="filing:free", object=filing.number)
            cards.show(self._setting, tx, freed)
        return len(over)

    async def call(self, tx: Tx) -> None:
        """Say of each deadline that it has passed, once; then of all together, once a day."""
        now, spans = self._setting.now(), self._setting.config.filing.deadlines.spans
        late = await reviews.late(tx, spans, now, _MOST)
        again = []
        for filing, review in late:
            passed = rules.overdue(filing, review, spans, now)
            if new := sorted(passed - review.told):
                for deadline in new:
                    self._call(tx, deadline, filing)
                called = replace(review, told=review.told | passed, told_at=now)
                await reviews.save(tx, called)
                audit.append(
                    tx,
                    at=now,
                    actor="system:clock",
                    tag="filing:overdue",
                    object=filing.number,
                    deadlines=", ".join(new),
                )
                cards.show(self._setting, tx, filing)
            else:
                again.append((filing, review))
        if any(review.told_at is None or now - review.told_at >= _DAILY for _, review in again):
            for _, review in again:
                await reviews.save(tx, replace(review, told_at=now))
            self._call_again(tx, [filing for filing, _ in again])

    async def call_for_cases(self, tx: Tx) -> None:
        """Say of each case that it is overdue, once; it stays so marked in the queue."""
        now = self._setting.now()
        late = await queues.overdue(tx, now, _BATCH)
        if not late:
            return
        for case in late:
            audit.append(tx, at=now, actor="system:clock", tag="case:overdue", object=case.number)
        await queues.called(tx, [case.id for case in late], now)
        held = {case.number: f" (with {who})" for case in late if (who := case.held_by(now))}
        named = ", ".join(f"{case.number}{held.get(case.number, '')}" for case in late[:_NAMED])
        more = f" and {len(late) - _NAMED} more" if len(late) > _NAMED else ""
        self._setting.tell_staff(
            tx,
            f"Overdue: {named}{more}. Nothing is decided by itself, and whoever reported still waits. "
            "To see them: !policy queue cases overdue",
            cause=_CAUSE,
        )

    def _call(self, tx: Tx, deadline: Deadline, filing: Filing) -> None:
        number = f"F-{filing.id}"
        spans = self._setting.config.filing.deadlines.spans
        days = _in_words(spans[deadline])
        match deadline:
            case Deadline.CLAIM:
                said = (
                    f"{number} has been waiting for a reviewer for {days}. "
                    f"To take it: !policy claim {number}"
                )
            case Deadline.DECIDE:
                said = (
                    f"{number} has not been decided for {days}, and nothing happens by itself. "
                    f"To see it: !policy show {number}"
                )
            case Deadline.ANSWER:
                said = (
                    f"{number}: its applicant has not answered for {days}. I have reminded them; "
                    f"nothing happens by itself. To end it: !policy reject {number} REASON"
                )
                self._setting.tell(
                    tx,
                    filing.applicant,
                    f"Your filing {number} still waits for your answer. The reviewer asked: "
                    f"{filing.reason}\nTo answer: !policy answer {number} YOUR ANSWER\n"
                    f"To take it back: !policy withdraw {number}",
                    cause=cause(filing),
                )
        self._setting.tell_staff(tx, said, cause=_CAUSE)

    def _call_again(self, tx: Tx, late: Sequence[Filing]) -> None:
        named = ", ".join(f"F-{filing.id} ({filing.in_words})" for filing in late[:_NAMED])
        more = f" and {len(late) - _NAMED} more" if len(late) > _NAMED else ""
        self._setting.tell_staff(
            tx, f"Overdue: {named}{more}. To see what waits: !policy queue filings", cause=_CAUSE
        )


def _in_words(span: timedelta) -> str:
    if span >= timedelta(days=1):
        return "a day" if span.days == 1 else f"{span.days} days"
    hours = max(1, round(span / timedelta(hours=1)))
    return "an hour" if hours == 1 else f"{hours} hours"
