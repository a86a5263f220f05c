"""Links by which people appeal in a browser: who is suspended cannot write to the bot.

Each notice has one, for its decision and for whom it tells. It is made when the notice leaves, so that
it stands in no text that is kept, and only its hash is saved. Trying again makes the same one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from policybot.domain import appeal as rules
from policybot.domain import notice
from policybot.domain.appeal import Appeal, Word
from policybot.domain.appeal import State as AppealState
from policybot.domain.decision import IN_FORCE, Decision
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.evidence import File
from policybot.domain.measure import Kind
from policybot.domain.notice import Statement
from policybot.domain.sanction import BINDING, Sanction
from policybot.domain.sanction import State as Course
from policybot.services import statements
from policybot.services.appeals import Appeals
from policybot.services.evidence import Drawn, Evidence
from policybot.services.hearings import Hearings
from policybot.services.setting import Setting
from policybot.services.unwinding import Unwinding
from policybot.services.verifications import hashed
from policybot.store import appeals, decisions, sanctions
from policybot.store.database import Tx

PATH = "/appeal"
_OF_NOTICE = re.compile(r"notice (\d+)(?: also)?")
"""The causes of notices: they name the decision."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What somebody sees under a link: what was decided, and where their appeal stands."""

    decision: Decision
    reasons: str
    """What was decided and why, in the words of the notice."""
    course: str
    """How the measure stands by now, where that is not in the words of the notice."""
    until: datetime
    """Until when they can appeal."""
    open: bool
    """Whether they can appeal now."""
    lapsed: bool
    """Whether the time for it is over."""
    appeal: Appeal | None
    words: tuple[Word, ...]
    """What was asked, answered and added since it came in."""
    files: tuple[File, ...]
    """What was shown with it, while its pictures are kept."""
    restorable: bool
    """Whether what was removed can be posted again."""
    restored: bool
    """Whether it is being posted again, or was."""


async def fill(tx: Tx, setting: Setting, cause: str, user_id: str, text: str) -> str:
    """Put the link into a notice that leaves; other messages have no place for one."""
    found = _OF_NOTICE.fullmatch(cause)
    if found is None or notice.PLACE not in text:
        return text
    decision_id = int(found[1])
    token = setting.keyed("appeal", f"{decision_id}\0{user_id}")
    await appeals.add_link(tx, hashed(token), decision_id, user_id, setting.now())
    return notice.linked(text, f"{setting.config.web.public_url}{PATH}/{token}")


class AppealLinks:
    """The service for those who come by such a link."""

    def __init__(
        self,
        setting: Setting,
        objections: Appeals,
        heard: Hearings,
        proofs: Evidence,
        undone: Unwinding,
    ) -> None:
        """Hand over to the services that take in appeals and files, and put back what was removed."""
        self._setting = setting
        self._appeals = objections
        self._hearings = heard
        self._evidence = proofs
        self._unwinding = undone

    def now(self) -> datetime:
        """Read the clock."""
        return self._setting.now()

    async def open(self, tx: Tx, token: str) -> Opened:
        """Show what a link is for; looking uses nothing up.

        Raises:
            NotFound: it opens nothing, or nothing any more.
        """
        decision, _ = await self._behind(tx, token)
        made = await appeals.against(tx, decision.id)
        appeal = made[-1] if made else None
        sanction = await sanctions.of_decision(tx, decision.id)
        until = await statements.appealable_until(tx, self._setting, decision)
        lapsed = self._setting.now() > until
        return Opened(
            decision,
            self._reasons(decision, await decisions.statement(tx, decision.id), sanction),
            _course(decision, sanction),
            until,
            open=rules.can_be_made(made) and not lapsed and decision.state in IN_FORCE,
            lapsed=lapsed and decision.state in IN_FORCE,
            appeal=appeal,
            words=tuple(await appeals.words(tx, appeal.id)) if appeal else (),
            files=tuple(await self._evidence.of_appeal(tx, appeal)) if appeal else (),
            restorable=await self._unwinding.restorable(tx, decision),
            restored=await self._unwinding.restored(tx, decision),
        )

    async def sender(self, tx: Tx, token: str) -> str:
        """Say who may send files by a link now, before any of them is read.

        Raises:
            NotFound: the link opens nothing, or nothing any more.
            OutOfOrder: nothing can be sent by it: it is too late, or decided.
        """
        decision, who = await self._behind(tx, token)
        made = await appeals.against(tx, decision.id)
        lapsed = self._setting.now() > await statements.appealable_until(tx, self._setting, decision)
        if lapsed if rules.can_be_made(made) else made[-1].state is not AppealState.SUBMITTED:
            message = "Nothing can be sent to this appeal any more."
            raise OutOfOrder(message)
        return who

    async def count_upload(self, tx: Tx, token: str, files: int) -> None:
        """Count files that were sent, before anything of them is decoded.

        Raises:
            NotFound: the link opens nothing, or nothing any more.
            NotPermitted: they are too many within the hour, or for one appeal.
        """
        decision, who = await self._behind(tx, token)
        made = await appeals.against(tx, decision.id)
        await self._evidence.count_for_appeal(
            tx, who, None if rules.can_be_made(made) else made[-1], files
        )

    async def appeal(self, tx: Tx, token: str, text: str, files: Sequence[Drawn] = ()) -> Appeal:
        """Take in an objection against the decision of a link, with what shows it.

        Raises:
            NotFound: the link opens nothing, or the decision does not hold any more.
            Incomplete: it says nothing, or too much.
            OutOfOrder: it is too late, or there is one already.
        """
        decision, who = await self._behind(tx, token)
        made = await self._appeals.submit(tx, who, decision.case_id, text, against=decision.id)
        await self._evidence.add_to_appeal(tx, who, made, files)
        own = f" What you want to say yourself: !policy add {made.number} TEXT"
        self._tell(tx, who, decision, f"an appeal on {made.number} came in, in your name", own)
        return made

    async def add(self, tx: Tx, token: str, text: str, files: Sequence[Drawn] = ()) -> None:
        """Take in what somebody adds to their appeal, or answers to a question about it.

        Raises:
            NotFound: there is none under this link.
            Incomplete: it says nothing, or too much.
            OutOfOrder: it does not wait any more, or they have added enough.
        """
        who, appeal, decision = await self._appealed(tx, token)
        await self._hearings.add(tx, who, appeal, text)
        await self._evidence.add_to_appeal(tx, who, appeal, files)
        self._tell(tx, who, decision, f"something was added to your appeal on {appeal.number}")

    async def withdraw(self, tx: Tx, token: str) -> None:
        """Take an appeal back.

        Raises:
            NotFound: there is none under this link.
            OutOfOrder: it is decided.
        """
        who, appeal, decision = await self._appealed(tx, token)
        more = f" {rules.GOES_ON}" if await self._appeals.rests(tx, appeal) else ""
        await self._hearings.withdraw(tx, who, appeal)
        what = f"your appeal on {appeal.number} was taken back; the decision stands"
        self._tell(tx, who, decision, what, more)

    async def _appealed(self, tx: Tx, token: str) -> tuple[str, Appeal, Decision]:
        decision, who = await self._behind(tx, token)
        made = await appeals.against(tx, decision.id)
        if not made:
            message = "There is no appeal under this link."
            raise NotFound(message)
        return who, made[-1], decision

    async def restore(self, tx: Tx, token: str) -> None:
        """Post again what was removed by the decision of a link.

        Raises:
            NotFound: there is nothing to post.
            OutOfOrder: it was posted before.
        """
        decision, who = await self._behind(tx, token)
        await self._unwinding.restore(tx, who, decision.case_id)
        self._tell(tx, who, decision, "what you wrote is being posted again, with your name")

    def _tell(self, tx: Tx, who: str, decision: Decision, what: str, more: str = "") -> None:
        """Tell the person what was done by their link: whoever has copied their notice has it, too."""
        contact = self._setting.config.operator.contact
        text = f"By the link in your notice {what}. If it was not you, tell {contact}.{more}"
        self._setting.tell(tx, who, text, cause=f"by link {decision.id}")

    async def _behind(self, tx: Tx, token: str) -> tuple[Decision, str]:
        """Find the decision of a link, and whom it concerns, as long as that is who has the link."""
        decision_id, holder = await appeals.linked(tx, hashed(token)) or (0, "")
        decision = await decisions.get(tx, decision_id)
        concerned = await statements.concerned(tx, decision) if decision else None
        if decision is None or concerned is None:
            message = "There is no decision under this link, or none any more. Is it complete?"
            raise NotFound(message)
        if holder not in (concerned, *await sanctions.accounts(tx, decision.id)):
            message = (
                f"{decision.number} is yours no more: somebody else answers for it now, and can appeal."
            )
            raise NotFound(message)
        return decision, concerned

    def _reasons(self, decision: Decision, statement: Statement, sanction: Sanction | None) -> str:
        return notice.reasons(
            statement,
            case_number=decision.number,
            ends_at=sanction.ends_at if sanction else None,
            hold=decision.interim,
            begins="later" if sanction is not None and sanction.state is Course.PLANNED else "",
            phrases=statements.phrases(self._setting, decision.language),
        )


def _course(decision: Decision, sanction: Sanction | None) -> str:
    """Say how a measure that lasts stands, where it does not bind."""
    at_once = decision.measure.kind in (Kind.NONE, Kind.ADVISE, Kind.WARN)
    if sanction is None or sanction.state in BINDING or at_once:
        return ""
    if sanction.state is Course.STAYED:
        return "The measure rests while your appeal is decided."
    return "The measure does not bind you any more."
