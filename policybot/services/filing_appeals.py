"""Appeals about filings and qualifications: against a refusal, or what was taken back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from policybot.domain import appeal as appeal_rules
from policybot.domain import filing as filing_rules
from policybot.domain import filing_appeal as rules
from policybot.domain import number
from policybot.domain.appeal import About, Appeal, Appealable, Kind, State, Verdict
from policybot.domain.application import in_lines
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.filing import Filing, Step
from policybot.domain.filing import State as Stands
from policybot.domain.filing_appeal import Matter
from policybot.domain.name import one_line
from policybot.domain.party import Why
from policybot.services import cards
from policybot.services.appeal_records import AppealRecords
from policybot.services.briefs import Ended, Facts
from policybot.services.filings import Filings, cause
from policybot.services.parties import Apart, Parties
from policybot.services.qualifications import NOUN as QUALIFICATION
from policybot.services.qualifications import Qualifications
from policybot.services.setting import Setting
from policybot.store import appeals, decisions, filings, qualifications, register, reviews, rooms
from policybot.store.database import Tx

_SAID = {"question": "Asked by a reviewer", "answer": "The applicant answered"}


class FilingAppeals:
    """The service for appeals about filings and qualifications: `services.hearings.Reviewing`."""

    def __init__(
        self,
        setting: Setting,
        records: AppealRecords,
        applied: Filings,
        qualified: Qualifications,
        apart: Apart,
    ) -> None:
        """Work with the services that hold filings and qualifications, and that know the parties."""
        self._setting = setting
        self._records = records
        self._filings = applied
        self._qualifications = qualified
        self._apart = apart

    async def _of_owner(self, tx: Tx, applicant: str, text: str) -> Matter:
        """Read what somebody may object to; nobody else does anything with it until the end.

        Raises:
            NotFound: it is not theirs.
        """
        if number.parse_qualification(text) is None:
            filing = await self._filings.visible(tx, applicant, text, staff=False)
            await reviews.lock(tx, filing.id)
            return Matter(await self._filings.visible(tx, applicant, text, staff=False))
        _, filing = await self._qualifications.of_owner(tx, applicant, text)
        await reviews.lock(tx, filing.id)
        found, filing = await self._qualifications.of_owner(tx, applicant, text)
        return Matter(filing, found)

    async def submit(self, tx: Tx, applicant: str, text: str, why: str) -> Appeal:
        """Take in an objection to a refusal or a revocation.

        Raises:
            NotFound: it is not theirs, or nothing was decided against it.
            Incomplete: it says nothing, or too much.
            OutOfOrder: it is too late, there is one already, or something newer counts.
        """
        matter = await self._of_owner(tx, applicant, text)
        about = matter.about
        made = _against(await self.made(tx, matter), about)
        insisted = appeal_rules.check_again(made)
        await self._check_free(tx, matter)
        now, config = self._setting.now(), self._setting.config
        until, contact = await self._until(tx, matter, about, made), config.operator.contact
        said, pleads = appeal_rules.admissible(why, until=until, now=now, contact=contact)
        of = Appealable(matter.kind, about, matter.id, matter.number, applicant, until)
        appeal = await self._records.begin(tx, of, said, urgent=None, pleads=pleads)
        rests = about is About.REVOKED and config.appeals.revocations_rest and not insisted
        appeal = replace(appeal, rests=rests, insisted=insisted)
        found = await self._part_in(tx, applicant, matter)
        appeal, excluded = await self._records.enter(tx, appeal, made, found)
        if appeal.rests:
            matter = await self._restored(tx, "system:appeal", matter)
        await self._call(tx, appeal, matter, excluded)
        return appeal

    async def _call(self, tx: Tx, appeal: Appeal, matter: Matter, excluded: Parties) -> None:
        """Tell those who can decide an appeal that it waits, with what they need."""
        n, filing, qualification = matter.number, matter.filing, matter.qualification
        shows = "its label shows it" if qualification else "the room is shown"
        shows = shows if matter.shown else f"the room is {filing.in_words}"
        insist = f" If that cannot be, two people can say so: !policy insist {n} REASON."
        rests = f" The revocation rests meanwhile, and {shows}.{insist}" if appeal.rests else ""
        what = f"The evidence: {qualification.evidence}" if qualification else f"For: {filing.purpose}"
        hasten = (
            f" Its author says that it is urgent: !policy hasten {n} REASON." if appeal.pleads else ""
        )
        await self._apart.call(
            tx,
            excluded,
            f"Appeal against {appeal.against} of {n}, to be answered by "
            f"{appeal.due_at:%-d %B %H:%M} UTC.{rests}{hasten} The reason was: {matter.reason}\n{what}\n"
            f"The applicant writes: {one_line(appeal.text, appeal_rules.MOST_TEXT)}\n"
            f"Next, by somebody who had no part in it: !policy brief {n} · "
            f"!policy uphold|overturn {n} REASONS",
            cause=cause(filing),
        )

    @staticmethod
    async def made(tx: Tx, matter: Matter) -> list[Appeal]:
        """List the appeals about something, oldest first."""
        return await appeals.named(tx, matter.kind, matter.id)

    async def _until(self, tx: Tx, matter: Matter, about: About, made: Sequence[Appeal]) -> datetime:
        """Say until when something can be appealed; what rested and holds again was not decided anew."""
        decided = await self._decided_at(tx, matter, about) or self._setting.now()
        end = min([decided, *(one.submitted_at for one in made)]) + self._setting.ladder.appeal_window
        return await appeals.open_until(tx, matter.kind, about, matter.id, end)

    async def late(self, tx: Tx, kind: Kind, named: int) -> tuple[Appealable, set[tuple[str, Why]]]:
        """Find what could be appealed about a filing or a qualification, and who has a part in that.

        Raises:
            NotFound: nothing could.
        """
        matter = await self._read(tx, kind, named)
        about, filing = matter.about, matter.filing
        made = _against(await self.made(tx, matter), about)
        if not appeal_rules.can_be_made(made):
            message = f"Nothing about {matter.number} could still be appealed."
            raise NotFound(message)
        until = await self._until(tx, matter, about, made)
        late = Appealable(kind, about, matter.id, matter.number, filing.applicant, until)
        return late, await self._part_in(tx, filing.applicant, matter)

    @staticmethod
    async def _decided_at(tx: Tx, matter: Matter, about: About) -> datetime | None:
        if matter.qualification is not None:
            return matter.qualification.ended_at
        return await register.last_at(tx, matter.filing.id, Stands(about.value))

    async def course(self, tx: Tx, applicant: str, text: str) -> list[str]:
        """Say to an applicant where their appeals about something stand, and how to make one.

        Raises:
            NotFound: it is not theirs.
        """
        matter = await self._of_owner(tx, applicant, text)
        made = await self.made(tx, matter)
        lines = [line for one in made for line in await self._records.course(tx, one)]
        if matter.decided and appeal_rules.can_be_made(_against(made, matter.decided)):
            lines.append(f"If you think that it is wrong: !policy appeal {matter.number} YOUR REASONS")
        return lines

    async def _check_free(self, tx: Tx, matter: Matter) -> None:
        """Check that nothing newer counts: neither a room nor a qualification is held twice.

        Raises:
            OutOfOrder: something does.
        """
        filing = matter.filing
        if matter.qualification is not None:
            await self._qualifications.check_free(tx, matter.qualification, filing)
            return
        newer = await filings.of_room(tx, filing.room_id) if filing.room_id else None
        if newer is not None and newer.id != filing.id:
            message = f"The room of {filing.number} is filed anew as {newer.number}: that counts now."
            raise OutOfOrder(message)

    async def lock(self, tx: Tx, appeal: Appeal) -> None:
        """Let nobody else do anything with it until the end."""
        await reviews.lock(tx, (await self.matter(tx, appeal)).filing.id)

    async def excluded(self, tx: Tx, appeal: Appeal) -> Parties:
        """Write down who had a part in what was decided by now; return all who ever had."""
        found = await self._part_in(tx, appeal.appellant, await self.matter(tx, appeal))
        return await self._apart.note(tx, appeal.id, found)

    async def concerned(self, tx: Tx, appeal: Appeal) -> frozenset[str]:
        """Name whom it concerns by now, which may not be written down yet."""
        filing = (await self.matter(tx, appeal)).filing
        wide = await self._apart.wide(tx, await self._of_room(tx, filing))
        return frozenset(one for one, _ in wide)

    async def _of_room(self, tx: Tx, filing: Filing) -> set[tuple[str, Why]]:
        """Name who filed a room, is its deputy, or moderates it."""
        room = await rooms.get(tx, filing.room_id) if filing.room_id else None
        answering = room.levels.moderators() if room else set()
        answering |= {filing.deputy} if filing.deputy else set()
        bot = self._setting.config.bot_user_id
        return {(one, Why.ROOM) for one in answering if one != bot} | {(filing.applicant, Why.SUBJECT)}

    async def _part_in(self, tx: Tx, appellant: str, matter: Matter) -> set[tuple[str, Why]]:
        filing, qualification = matter.filing, matter.qualification
        found = {(appellant, Why.SUBJECT), *await self._of_room(tx, filing)}
        reviewer = (qualification or filing).reviewer
        if qualification is None:
            subjects = [_revoking(matter), f"review F-{filing.id}"]
            found |= {(word.author, Why.WORKER) for word in await reviews.words(tx, filing.id)}
            found |= {(tick.by, Why.WORKER) for tick in await reviews.ticks(tx, filing.id)}
        else:
            subjects = [_revoking(matter), f"{QUALIFICATION} {matter.number} grant"]
            found.add((qualification.claimant, Why.SUBJECT))
        refused = matter.decided is About.REJECTED  # else it is who had granted it, before
        found |= {(one, Why.DECIDER if refused else Why.WORKER) for one in (reviewer,) if one}
        for subject in subjects:
            found |= {(one, Why.PROPOSER) for one in await decisions.proposers(tx, subject)}
            found |= {(one, Why.APPROVER) for one in await decisions.approvers(tx, subject)}
        return found

    async def matter(self, tx: Tx, appeal: Appeal | Appealable) -> Matter:
        """Read what an appeal is about."""
        return await self._read(tx, appeal.kind, appeal.matter)

    @staticmethod
    async def _read(tx: Tx, kind: Kind, matter: int) -> Matter:
        if kind is Kind.FILING:
            filing, found = await filings.by_id(tx, matter), None
        else:
            found = await qualifications.get(tx, matter)
            filing = await filings.by_id(tx, found.filing_id) if found else None
        assert filing is not None
        return Matter(filing, found)

    async def facts(self, tx: Tx, appeal: Appeal, *, outside: bool) -> Facts:
        """Tell what was asked for, what was decided and why, and what was said before that."""
        matter = await self.matter(tx, appeal)
        filing, found = matter.filing, matter.qualification
        by = " and ".join(await self._deciders(tx, matter, appeal.about))
        at = await self._decided_at(tx, matter, appeal.about)
        when = f" on {at:%-d %B %Y}" if at else ""
        decided = (
            f"{appeal.about.value}{when}{f' by {by}' if by and not outside else ''}: {matter.reason}"
        )
        known = [(f"{appeal.against[4:].capitalize()}", f"{matter.number} was {decided}")]
        if found is not None:
            lines = self._qualifications.facts(found, filing).splitlines()
            said = [line.partition(": ") for line in lines[1:]]
            known += [(one, text) for one, _, text in said if one != "Reason"]
            return Facts(known=tuple(known))
        known += [("Room", filing.place), ("Applicant", filing.applicant)]
        known += [("Category", cards.titles(self._setting, filing)), ("Purpose", filing.purpose)]
        lines = in_lines(filing.about, filing.deputy)
        known += [(one, text) for one, _, text in (line.partition(": ") for line in lines)]
        known += [(_SAID[word.kind.value], word.text) for word in await reviews.words(tx, filing.id)]
        return Facts(known=tuple(known))

    @staticmethod
    async def _deciders(tx: Tx, matter: Matter, about: About) -> tuple[str, ...]:
        """Name who decided what is objected to: who had granted it before is another."""
        if about is About.REVOKED:
            return await decisions.agreed(tx, _revoking(matter))
        reviewer = (matter.qualification or matter.filing).reviewer
        return (reviewer,) if reviewer else ()

    async def tell(self, tx: Tx, appeal: Appeal | Appealable, text: str) -> None:
        """Write to whoever appeals."""
        filing = (await self.matter(tx, appeal)).filing
        self._setting.tell(tx, appeal.whom, text, cause=cause(filing))

    async def withdrawn(self, tx: Tx, who: str, appeal: Appeal) -> None:
        """Let a revocation hold again that rested."""
        if appeal.rests:
            await self._revoked(tx, who, await self.matter(tx, appeal))

    async def end(  # noqa: PLR0913, PLR0917 - as the commands
        self,
        tx: Tx,
        reviewer: str,
        appeal: Appeal,
        verdict: Verdict,
        measure: str,  # noqa: ARG002 - nothing is milder
        reasons: str,
    ) -> Ended:
        """End an appeal: what was decided stands, or it is reviewed anew or holds again.

        Raises:
            Incomplete: no reasons were given.
            OutOfOrder: something newer counts, or it cannot end so.
        """
        matter = await self.matter(tx, appeal)
        if verdict is Verdict.OVERTURN:
            await self._check_free(tx, matter)
        done = await self._records.close(tx, reviewer, appeal, verdict, reasons)
        stands = done.state is State.UPHELD
        if stands and done.rests:
            matter = await self._revoked(tx, reviewer, matter)
        elif not stands and done.about is About.REJECTED:
            matter = await self._reopened(tx, reviewer, matter)
        elif not stands and not done.rests:
            matter = await self._restored(tx, reviewer, matter)
        await self.tell(tx, done, rules.answer(done, matter, self._setting.config.appeal_body))
        if stands:
            return Ended(f"{done.number}: {done.against} stands, and the applicant is told why.")
        return Ended(f"{done.number}: {done.against} is void; it is {matter.in_words} now.")

    async def insisted(self, tx: Tx, by: str, appeal: Appeal, reason: str) -> None:
        """Let a revocation hold while the appeal is decided, and tell the owner why."""
        await appeals.save(tx, replace(appeal, rests=False, insisted=reason))
        await self._revoked(tx, by, await self.matter(tx, appeal))
        said = (
            f"The revocation of {appeal.number} rested while your appeal is decided. Two people have "
            f"said that it cannot: {reason}\nIt holds again from now. Your appeal is decided as before, "
            "by somebody who had no part in this, and should be answered by "
            f"{appeal.due_at:%-d %B %Y}."
        )
        await self.tell(tx, appeal, said)

    async def _reopened(self, tx: Tx, by: str, matter: Matter) -> Matter:
        filing, found = matter.filing, matter.qualification
        if found is not None:
            return Matter(filing, await self._qualifications.reopened(tx, by, found, filing))
        return Matter(await self._reopen(tx, by, filing))

    async def _restored(self, tx: Tx, by: str, matter: Matter) -> Matter:
        filing, found = matter.filing, matter.qualification
        if found is not None:
            return Matter(filing, await self._qualifications.restored(tx, by, found, filing))
        return Matter(await self._filings.restored(tx, by, filing))

    async def _revoked(self, tx: Tx, by: str, matter: Matter) -> Matter:
        """Let a revocation hold again that rested, unless the matter has ended otherwise meanwhile."""
        filing, found = matter.filing, matter.qualification
        if found is not None:
            return Matter(filing, await self._qualifications.revoked_again(tx, by, found, filing))
        if (filing.state, Step.REVOKE) not in filing_rules.MOVES:
            return matter
        return Matter(await self._filings.revoked(tx, by, filing, filing.reason, again=True))

    async def _reopen(self, tx: Tx, reviewer: str, filing: Filing) -> Filing:
        """Put a refused filing before other reviewers, with all the time that a new one has."""
        now = self._setting.now()
        anew = replace(filing_rules.moved(filing, Step.REOPEN), reviewer=None, reason="")
        await filings.save(tx, anew)
        review = await reviews.get(tx, filing.id)
        waited = now - filing.submitted_at
        fresh = replace(
            review, lease_until=None, asked_at=None, waited=waited, told=frozenset(), told_at=None
        )
        await reviews.save(tx, fresh)
        self._filings.remember(tx, reviewer, "filing:reopen", anew)
        cards.show(self._setting, tx, anew)
        return anew


def _revoking(matter: Matter) -> str:
    """Write what two people agreed to when something was revoked."""
    n = matter.number
    return f"{QUALIFICATION} {n} revoke" if matter.qualification else f"filing {n}"


def _against(made: Sequence[Appeal], about: About) -> list[Appeal]:
    """Pick the appeals against what is decided now: what was void before was decided anew by others."""
    found: list[Appeal] = []
    for one in made:
        if one.about is about:
            found = [] if one.state is State.OVERTURNED else [*found, one]
    return found
