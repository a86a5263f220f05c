"""Appeals about filings: an applicant objects, and somebody decides who had no part in it."""

from dataclasses import replace

from policybot.domain import appeal as appeal_rules
from policybot.domain import filing as filing_rules
from policybot.domain import filing_appeal as rules
from policybot.domain.appeal import State, Verdict
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.filing import Filing, Step
from policybot.domain.filing_appeal import About, FilingAppeal
from policybot.domain.party import Why, check_apart
from policybot.services import cards
from policybot.services.filings import Filings, cause
from policybot.services.parties import Apart, Parties
from policybot.services.setting import Setting
from policybot.store import audit, decisions, filing_appeals, filings, parties, reviews, rooms
from policybot.store.database import Tx, next_number


class FilingAppeals:
    """The service for appeals about filings."""

    def __init__(self, setting: Setting, applied: Filings, apart: Apart) -> None:
        """Work with the services that hold filings, and that know the parties."""
        self._setting = setting
        self._filings = applied
        self._apart = apart

    async def submit(self, tx: Tx, applicant: str, number: str, text: str) -> FilingAppeal:
        """Take in an objection to a refusal or a revocation.

        Raises:
            NotFound: it is not theirs, or nothing was decided against it.
            Incomplete: it says nothing, or too much.
            OutOfOrder: it is too late, there is one already, or the room was filed anew.
        """
        filing = await self._filings.visible(tx, applicant, number, staff=False)
        await reviews.lock(tx, filing.id)
        filing = await self._filings.visible(tx, applicant, number, staff=False)
        about = rules.about(filing)
        if any(one.about is about for one in await filing_appeals.of_filing(tx, filing.id)):
            message = f"Your appeal about {filing.number} is in already; there is one for each decision."
            raise OutOfOrder(message)
        await self._check_free(tx, filing)
        now, config = self._setting.now(), self._setting.config
        decided = await filing_appeals.decided_at(tx, filing.id, about) or now
        until = decided + self._setting.ladder.appeal_window
        contact = config.operator.contact
        said, _ = appeal_rules.admissible(text, until=until, now=now, contact=contact)
        appeal = FilingAppeal(
            id=await next_number(tx, "filing appeal"),
            filing_id=filing.id,
            about=about,
            appellant=applicant,
            text=said,
            state=State.SUBMITTED,
            submitted_at=now,
            due_at=now + config.appeals.answer_within,
            rests=about is About.REVOKED and config.appeals.revocations_rest,
        )
        await filing_appeals.add(tx, appeal)
        excluded = await self._excluded(tx, appeal, filing)
        nobody = not await self._apart.insiders(tx, excluded)
        self._remember(tx, applicant, "submit", appeal, filing)
        if appeal.rests:
            await self._filings.restored(tx, "system:appeal", filing)
        n = filing.number
        rests = " The revocation rests meanwhile, and the room is shown." if appeal.rests else ""
        self._setting.tell_staff(
            tx,
            f"Appeal against {rules.AGAINST[about]} of {n}, to be answered by "
            f"{appeal.due_at:%-d %B %H:%M} UTC.{rests} The reason was: {filing.reason}\n"
            f"The applicant writes: {said}\nNext, by somebody who had no part in it: "
            f"!policy uphold|overturn {n} REASONS"
            + (
                "\nNobody here can decide it: give somebody else the role appeals, or invite them."
                if nobody
                else ""
            ),
            cause=cause(filing),
        )
        return appeal

    @staticmethod
    async def _check_free(tx: Tx, filing: Filing) -> None:
        """Check that the room is not filed anew by now: two filings of one room cannot hold.

        Raises:
            OutOfOrder: it is.
        """
        newer = await filings.of_room(tx, filing.room_id) if filing.room_id else None
        if newer is not None and newer.id != filing.id:
            message = f"The room of {filing.number} is filed anew as {newer.number}: that counts now."
            raise OutOfOrder(message)

    async def _excluded(self, tx: Tx, appeal: FilingAppeal, filing: Filing) -> Parties:
        """Write down who had a part in what was decided by now; return all who ever had."""
        found = {(appeal.appellant, Why.SUBJECT), (filing.applicant, Why.SUBJECT)}
        found |= {(one, Why.ROOM) for one in (filing.deputy,) if one}
        found |= {(one, Why.DECIDER) for one in (filing.reviewer,) if one}
        for subject in (f"filing {filing.number}", f"review F-{filing.id}"):
            found |= {(one, Why.PROPOSER) for one in await decisions.proposers(tx, subject)}
            found |= {(one, Why.APPROVER) for one in await decisions.approvers(tx, subject)}
        found |= {(word.author, Why.WORKER) for word in await reviews.words(tx, filing.id)}
        found |= {(tick.by, Why.WORKER) for tick in await reviews.ticks(tx, filing.id)}
        room = await rooms.get(tx, filing.room_id) if filing.room_id else None
        moderators = room.levels.moderators() if room else set()
        bot = self._setting.config.bot_user_id
        found |= {(one, Why.ROOM) for one in moderators if one != bot}
        return await self._apart.note(tx, parties.FILING, appeal.id, found)

    async def waiting(self, tx: Tx, viewer: str, limit: int) -> list[tuple[FilingAppeal, Filing]]:
        """List the appeals that wait, but those in which the viewer has a part."""
        found = []
        for appeal in await filing_appeals.waiting(tx, limit):
            filing = await filings.by_id(tx, appeal.filing_id)
            apart = await parties.of(tx, parties.FILING, appeal.id)
            if filing is not None and viewer not in {user_id for user_id, _ in apart}:
                found.append((appeal, filing))
        return found

    async def decide(
        self, tx: Tx, reviewer: str, number: str, verdict: Verdict, reasons: str
    ) -> tuple[FilingAppeal, Filing]:
        """End an appeal: what was decided stands, or the filing is reviewed anew or holds again.

        Raises:
            NotFound: none waits.
            NotPermitted: they had a part in the matter.
            Incomplete: no reasons were given.
            OutOfOrder: the room was filed anew.
        """
        filing = await filings.get(tx, number.upper())
        if filing is not None:
            await reviews.lock(tx, filing.id)
            filing = await filings.get(tx, number.upper())
        made = await filing_appeals.of_filing(tx, filing.id) if filing else []
        waiting = next((one for one in made if one.state is State.SUBMITTED), None)
        if filing is None or waiting is None:
            message = f"No appeal about {number} waits."
            raise NotFound(message)
        check_apart(reviewer, await self._excluded(tx, waiting, filing))
        state, kept = rules.decided(waiting, verdict, reasons)
        if state is State.OVERTURNED:
            await self._check_free(tx, filing)
        now = self._setting.now()
        done = replace(waiting, state=state, reviewer=reviewer, reasons=kept, decided_at=now)
        await filing_appeals.save(tx, done)
        self._remember(tx, reviewer, verdict.value, done, filing)
        outside = self._setting.config.appeal_body
        text = rules.answer(done, filing.number, outside)
        self._setting.tell(tx, done.appellant, text, cause=cause(filing))
        if state is State.OVERTURNED and done.about is About.REJECTED:
            filing = await self._reopen(tx, reviewer, filing)
        elif state is State.OVERTURNED and not done.rests:
            filing = await self._filings.restored(tx, reviewer, filing)
        elif state is State.UPHELD and done.rests and (filing.state, Step.REVOKE) in filing_rules.MOVES:
            filing = await self._filings.revoked(tx, reviewer, filing, filing.reason, again=True)
        return done, filing

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

    def _remember(self, tx: Tx, actor: str, act: str, appeal: FilingAppeal, filing: Filing) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=f"filing-appeal:{act}",
            object=filing.number,
            about=appeal.about.value,
            text=appeal.reasons or appeal.text,
        )
