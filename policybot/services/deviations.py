"""Deviations: what differs in filed rooms, kept until it is over, and who is told of it, once."""

from typing import assert_never

from policybot.domain import deviation as rules
from policybot.domain.deviation import Answer, Deviation
from policybot.domain.drift import Difference, Kind
from policybot.domain.filing import Filing
from policybot.services.setting import Setting
from policybot.store import audit, drift, filings
from policybot.store.database import Tx


class Deviations:
    """The service for what was found to differ."""

    def __init__(self, setting: Setting) -> None:
        """Tell the review room and owners."""
        self._setting = setting

    async def met(
        self, tx: Tx, filing: Filing, known: Deviation | None, found: Difference, *, mend: bool
    ) -> bool:
        """Note something that differs, and tell whom it concerns; True if it is to be set right now."""
        now = self._setting.now()
        deviation, answer = rules.met(known, filing.room_id, found, now, mend=mend)
        if deviation != known:
            await drift.save(tx, deviation)
        if answer is not Answer.NOTHING:
            self._remember(tx, "drift:mend" if _mends(answer) else "drift:find", filing, found.kind)
        self._tell(tx, filing, found, answer)
        return _mends(answer)

    def _tell(self, tx: Tx, filing: Filing, found: Difference, answer: Answer) -> None:
        what = f"{filing.number} ({filing.place}): {found.words}"
        contact = self._setting.config.operator.contact
        match answer:
            case Answer.NOTHING | Answer.MEND:
                return
            case Answer.MEND_AND_TELL:
                said = f"{what} I set it right. Nothing is for you to do."
                owner = f"{found.owner} I set it right. If you think that is wrong, ask {contact}."
            case Answer.TELL:
                said = f"{what}\nNext: {found.todo}\nI say so when it is over."
                owner = f"{found.owner} Questions: {contact}"
            case Answer.GIVE_UP:
                said = (
                    f"{what} That is the {rules.MOST + 1}th time within a day, so I leave it as it is "
                    f"until the day is over.\nNext: {found.todo}"
                )
                owner = ""
            case _:
                assert_never(answer)
        self._setting.tell_staff(tx, said, cause=cause(filing))
        if found.owner and owner:
            self._setting.tell(tx, filing.applicant, owner, cause=cause(filing))

    async def noted(self, tx: Tx, room_id: str, kind: Kind, words: str) -> None:
        """Keep something of which people are told in other words."""
        filing = await filings.of_room(tx, room_id)
        known = (await drift.of_room(tx, room_id)).get(kind)
        if filing is not None and (known is None or known.ended_at is not None):
            found = Difference(kind, words, "")
            deviation, _ = rules.met(known, room_id, found, self._setting.now(), mend=False)
            await drift.save(tx, deviation)
            self._remember(tx, "drift:find", filing, kind)

    async def over(self, tx: Tx, filing: Filing, known: Deviation) -> None:
        """Note that something differs no more, and tell those who were told that it does."""
        ended, told = rules.over(known, self._setting.now())
        await drift.save(tx, ended)
        self._remember(tx, "drift:end", filing, known.kind)
        if told:
            text = f"{filing.number} ({filing.place}) is as it should be again. It was: {known.words}"
            self._setting.tell_staff(tx, text, cause=cause(filing))

    def _remember(self, tx: Tx, tag: str, filing: Filing, kind: Kind) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor="system:drift",
            tag=tag,
            object=filing.number,
            kind=kind.value,
        )


def cause(filing: Filing) -> str:
    """Name what is told and done about a room in the outbox."""
    return f"drift {filing.id}"


def _mends(answer: Answer) -> bool:
    return answer in (Answer.MEND, Answer.MEND_AND_TELL)
