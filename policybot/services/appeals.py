"""Appeals against decisions: take one in, with all that its author says, and note who has a part."""

from dataclasses import replace

from policybot.domain import appeal as rules
from policybot.domain import joining
from policybot.domain import server as servers
from policybot.domain.appeal import Appeal, Appealable, Kind, Said, Word
from policybot.domain.decision import IN_FORCE, Decision, State
from policybot.domain.errors import NotFound
from policybot.domain.ladder import Scope, Severity
from policybot.domain.name import one_line
from policybot.domain.notice import day
from policybot.domain.party import Why
from policybot.domain.sanction import BINDING
from policybot.domain.sanction import State as Course
from policybot.services import statements
from policybot.services.appeal_records import AppealRecords
from policybot.services.parties import Apart, Parties
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.store import appeals, cases, decisions, members, sanctions
from policybot.store.database import Tx


class Appeals:
    """The service for those who appeal against a decision."""

    def __init__(
        self, setting: Setting, records: AppealRecords, apart: Apart, measures: Sanctions
    ) -> None:
        """Work with the services that know the parties, and that let a measure rest."""
        self._setting = setting
        self._records = records
        self._apart = apart
        self._sanctions = measures

    async def submit(
        self, tx: Tx, appellant: str, case_id: int | None, text: str, *, against: int | None = None
    ) -> Appeal:
        """Take in an objection: `against` one decision, or the newest of a case that holds.

        Raises:
            NotFound: nothing was decided about the appellant in that case.
            Incomplete: it says nothing, or too much.
            OutOfOrder: it is too late, or there is one already.
        """
        decision = await self._decision_about(tx, appellant, case_id, against)
        await decisions.lock(tx, decision.id)  # one hand may write in the chat and on the page
        now, config = self._setting.now(), self._setting.config
        made = await appeals.against(tx, decision.id)
        if made and joining.joins(made[-1], appellant):
            return await self._join(tx, appellant, made[-1], decision, text)
        # Of several accounts of a person, it is always made for the one that the decision names.
        appellant = await statements.concerned(tx, decision) or appellant
        insisted = rules.check_again(made)
        until = await statements.appealable_until(tx, self._setting, decision)
        said, pleads = rules.admissible(text, until=until, now=now, contact=config.operator.contact)
        stays = f"{decision.scope.value}:{decision.measure.kind.value}"
        may_rest = stays in self._setting.ladder.appeal_stay and not decision.interim and not insisted
        rests = may_rest and await self._sanctions.stay(tx, decision)
        sanction = await sanctions.of_decision(tx, decision.id)
        urgent = rules.urgency(
            decision.scope,
            decision.measure.kind,
            sanction.ends_at if sanction else None,
            binds=sanction is not None and sanction.state in BINDING,
            answer_by=now + config.appeals.answer_within,
        )
        about = rules.about_of(decision.scope)
        of = Appealable(Kind.DECISION, about, decision.id, decision.number, appellant, until)
        appeal = await self._records.begin(tx, of, said, urgent=urgent, pleads=pleads)
        appeal = replace(appeal, insisted=insisted)
        found = await self._part_in(tx, appeal, decision)
        appeal, excluded = await self._records.enter(tx, appeal, made, found)
        await decisions.save(tx, replace(decision, state=State.UNDER_APPEAL))
        await self._call(tx, appeal, decision, excluded, rests=rests)
        return appeal

    async def _join(self, tx: Tx, who: str, appeal: Appeal, decision: Decision, text: str) -> Appeal:
        """Add to the appeal of a server what another account there says: it is good for all of them.

        Raises:
            Incomplete: it says nothing, or too much.
            OutOfOrder: they have joined before, or enough others have.
        """
        now, joined = self._setting.now(), await appeals.joined(tx, appeal.id)
        said, _ = rules.admissible(text, until=now, now=now)
        verified = await members.own_person(tx, who) is not None
        joining.check(appeal, who, joined, verified=verified)
        await appeals.add_word(tx, appeal.id, Word(Said.JOINED, who, said, now))
        self._records.remember(tx, who, Said.JOINED.value, appeal, said)
        n = appeal.number
        call = (
            f"{n}: another account of that server joins the appeal: {one_line(said, rules.MOST_TEXT)}\n"
            f"All of it: !policy brief {n}"
        )
        excluded = await self.excluded(tx, appeal, decision)
        await self._apart.call(tx, excluded, call, cause=f"appeal {appeal.id}")
        return appeal

    @staticmethod
    async def rests(tx: Tx, appeal: Appeal) -> bool:
        """Say whether an appeal is against a decision whose measure rests meanwhile."""
        if appeal.kind is not Kind.DECISION:
            return False
        sanction = await sanctions.of_decision(tx, appeal.matter)
        return sanction is not None and sanction.state is Course.STAYED

    async def excluded(self, tx: Tx, appeal: Appeal, decision: Decision) -> Parties:
        """Write down who had a part in an appealed decision by now; return all who ever had."""
        return await self._apart.note(tx, appeal.id, await self._part_in(tx, appeal, decision))

    async def _part_in(self, tx: Tx, appeal: Appeal, decision: Decision) -> set[tuple[str, Why]]:
        found = await self._apart.of_decision(tx, decision, appeal.appellant)
        case = await cases.get(tx, decision.case_id)
        return found | (await self._apart.of_case(tx, case) if case else set())

    async def _call(
        self, tx: Tx, appeal: Appeal, decision: Decision, excluded: Parties, *, rests: bool
    ) -> None:
        """Tell those who can decide an appeal that it waits; say so where nobody can."""
        urgent = f" Urgent: {rules.URGENT[appeal.urgent]}." if appeal.urgent else ""
        pleads = " Its author says that it is urgent." if appeal.pleads else ""
        n = decision.number
        hasten = f" · !policy hasten {n} REASON" if appeal.pleads else ""
        insist = f" If that cannot be, two people can say so: !policy insist {n} REASON."
        grave = decision.severity is Severity.S4
        rested = f" The measure rests meanwhile.{insist if grave else ''}" if rests else ""
        what, by = f"Appeal on {n} ({decision.in_words}", f", decided by {decision.decider}"
        more = (
            f").{urgent}{pleads} To be answered by {appeal.due_at:%-d %B %H:%M} UTC.{rested}\n"
            f"The person writes: {one_line(appeal.text, rules.MOST_TEXT)}\n"
            f"Next, by somebody who had no part in it: !policy brief {n} · "
            f"!policy uphold|overturn {n} REASONS · !policy modify {n} MEASURE REASONS{hasten}"
        )
        own = f"{what}{by}{more}"
        # Who decided it is no business of the homeserver of somebody outside.
        await self._apart.call(tx, excluded, f"{what}{more}", own, cause=f"appeal {appeal.id}")

    async def _decision_about(
        self, tx: Tx, user_id: str, case_id: int | None, against: int | None
    ) -> Decision:
        """Find the decision in force that concerns somebody: their own, their room's, their server's."""
        found = await decisions.of_case(tx, case_id) if case_id is not None else []
        for decision in reversed(found):
            if decision.state not in IN_FORCE or against not in (None, decision.id):
                continue
            if decision.scope is Scope.SERVER and servers.of(user_id) == decision.scope_key:
                return decision
            if await statements.is_about(tx, user_id, decision):
                return decision
        message = "There is no decision about you under this number."
        raise NotFound(message)

    async def appealable(self, tx: Tx, who: str, case_id: int | None) -> str:
        """Say to somebody who has not appealed what was decided about them, and how to appeal.

        Raises:
            NotFound: nothing was.
        """
        decision = await self._decision_about(tx, who, case_id, None)
        sanction = await sanctions.of_decision(tx, decision.id)
        ends = sanction.ends_at if sanction is not None and sanction.state in BINDING else None
        until, n = await statements.appealable_until(tx, self._setting, decision), decision.number
        what = f"{decision.in_words}{f', until {day(ends)}' if ends else ''}"
        made = await appeals.against(tx, decision.id)
        if not rules.can_be_made(made):
            twice = made[-1].state is rules.State.WITHDRAWN
            how = "It cannot be appealed a third time." if twice else "It was appealed already."
        elif until > self._setting.now():
            how = f"You can appeal until {until:%-d %B %Y}: !policy appeal {n} YOUR REASONS"
        else:
            how = f"The time to appeal ended on {until:%-d %B %Y}."
        return f"{n} was decided on {decision.decided_at:%-d %B %Y}: {what}.\n{how}"
