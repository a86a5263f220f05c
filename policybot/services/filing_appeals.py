"""Appeals about filings and qualifications: somebody decides who had no part in what was decided."""

from dataclasses import replace
from datetime import datetime

from policybot.domain import appeal as appeal_rules
from policybot.domain import filing as filing_rules
from policybot.domain import filing_appeal as rules
from policybot.domain import number
from policybot.domain.appeal import State, Verdict
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.filing import Filing, Step
from policybot.domain.filing_appeal import About, FilingAppeal, Matter
from policybot.domain.party import Why
from policybot.services import cards
from policybot.services.filings import Filings, cause
from policybot.services.parties import Apart, Parties
from policybot.services.qualifications import NOUN as QUALIFICATION
from policybot.services.qualifications import Qualifications
from policybot.services.setting import Setting
from policybot.store import (
    audit,
    decisions,
    filing_appeals,
    filings,
    parties,
    qualifications,
    reviews,
    rooms,
)
from policybot.store.database import Tx, next_number


class FilingAppeals:
    """The service for appeals about filings."""

    def __init__(
        self, setting: Setting, applied: Filings, qualified: Qualifications, apart: Apart
    ) -> None:
        """Work with the services that hold filings and qualifications, and that know the parties."""
        self._setting = setting
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

    async def submit(self, tx: Tx, applicant: str, text: str, why: str) -> FilingAppeal:
        """Take in an objection to a refusal or a revocation.

        Raises:
            NotFound: it is not theirs, or nothing was decided against it.
            Incomplete: it says nothing, or too much.
            OutOfOrder: it is too late, there is one already, or something newer counts.
        """
        matter = await self._of_owner(tx, applicant, text)
        about = matter.about
        if any(one.about is about for one in await self._made(tx, matter)):
            message = f"Your appeal about {matter.number} is in already; there is one for each decision."
            raise OutOfOrder(message)
        await self._check_free(tx, matter)
        now, config = self._setting.now(), self._setting.config
        until = (await self._decided_at(tx, matter) or now) + self._setting.ladder.appeal_window
        contact = config.operator.contact
        said, _ = appeal_rules.admissible(why, until=until, now=now, contact=contact)
        appeal = FilingAppeal(
            id=await next_number(tx, "filing appeal"),
            filing_id=matter.filing.id,
            qualification_id=matter.qualification.id if matter.qualification else None,
            about=about,
            appellant=applicant,
            text=said,
            state=State.SUBMITTED,
            submitted_at=now,
            due_at=now + config.appeals.answer_within,
            rests=about is About.REVOKED and config.appeals.revocations_rest,
        )
        await filing_appeals.add(tx, appeal)
        excluded = await self.excluded(tx, appeal, matter)
        self._remember(tx, applicant, "submit", appeal, matter)
        if appeal.rests:
            await self._restored(tx, "system:appeal", matter)
        await self._call(tx, appeal, matter, excluded)
        return appeal

    async def _call(self, tx: Tx, appeal: FilingAppeal, matter: Matter, excluded: Parties) -> None:
        """Tell those who can decide an appeal that it waits, with what they need."""
        n, filing, qualification = matter.number, matter.filing, matter.qualification
        shows = "its label shows it" if qualification else "the room is shown"
        insist = f" If that cannot be, two people can say so: !policy insist {n} REASON."
        rests = f" The revocation rests meanwhile, and {shows}.{insist}" if appeal.rests else ""
        what = f"The evidence: {qualification.evidence}" if qualification else f"For: {filing.purpose}"
        await self._apart.call(
            tx,
            excluded,
            f"Appeal against {rules.AGAINST[appeal.about]} of {n}, to be answered by "
            f"{appeal.due_at:%-d %B %H:%M} UTC.{rests} The reason was: {matter.reason}\n{what}\n"
            f"The applicant writes: {appeal.text}\nNext, by somebody who had no part in it: "
            f"!policy uphold|overturn {n} REASONS",
            cause=cause(filing),
        )

    @staticmethod
    async def _made(tx: Tx, matter: Matter) -> list[FilingAppeal]:
        """List the appeals about the same, oldest first."""
        wanted = matter.qualification.id if matter.qualification else None
        made = await filing_appeals.of_filing(tx, matter.filing.id)
        return [one for one in made if one.qualification_id == wanted]

    @staticmethod
    async def _decided_at(tx: Tx, matter: Matter) -> datetime | None:
        if matter.qualification is not None:
            return matter.qualification.ended_at
        return await filing_appeals.decided_at(tx, matter.filing.id, matter.about)

    async def course(self, tx: Tx, applicant: str, text: str) -> list[str]:
        """Say to an applicant where their appeals about something stand.

        Raises:
            NotFound: it is not theirs.
        """
        matter = await self._of_owner(tx, applicant, text)
        return [rules.in_words(one) for one in await self._made(tx, matter)]

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

    async def excluded(self, tx: Tx, appeal: FilingAppeal, matter: Matter) -> Parties:
        """Write down who had a part in what was decided by now; return all who ever had."""
        filing, qualification = matter.filing, matter.qualification
        found = {(appeal.appellant, Why.SUBJECT), (filing.applicant, Why.SUBJECT)}
        found |= {(one, Why.ROOM) for one in (filing.deputy,) if one}
        if qualification is None:
            decider = filing.reviewer
            subjects = [f"filing {filing.number}", f"review F-{filing.id}"]
            found |= {(word.author, Why.WORKER) for word in await reviews.words(tx, filing.id)}
            found |= {(tick.by, Why.WORKER) for tick in await reviews.ticks(tx, filing.id)}
        else:
            decider = qualification.reviewer
            subjects = [f"{QUALIFICATION} {matter.number} {step}" for step in ("grant", "revoke")]
            found.add((qualification.claimant, Why.SUBJECT))
        found |= {(one, Why.DECIDER) for one in (decider,) if one}
        for subject in subjects:
            found |= {(one, Why.PROPOSER) for one in await decisions.proposers(tx, subject)}
            found |= {(one, Why.APPROVER) for one in await decisions.approvers(tx, subject)}
        room = await rooms.get(tx, filing.room_id) if filing.room_id else None
        moderators = room.levels.moderators() if room else set()
        bot = self._setting.config.bot_user_id
        found |= {(one, Why.ROOM) for one in moderators if one != bot}
        return await self._apart.note(tx, parties.FILING, appeal.id, found)

    async def waiting(self, tx: Tx, viewer: str, limit: int) -> list[tuple[FilingAppeal, Matter]]:
        """List the appeals that wait, but those in which the viewer has a part."""
        found = []
        for appeal in await filing_appeals.waiting(tx, limit):
            apart = await parties.of(tx, parties.FILING, appeal.id)
            if viewer not in {user_id for user_id, _ in apart}:
                found.append((appeal, await self._matter(tx, appeal)))
        return found

    @staticmethod
    async def _matter(tx: Tx, appeal: FilingAppeal) -> Matter:
        filing = await filings.by_id(tx, appeal.filing_id)
        assert filing is not None
        if appeal.qualification_id is None:
            return Matter(filing)
        return Matter(filing, await qualifications.get(tx, appeal.qualification_id))

    async def find(self, tx: Tx, text: str) -> tuple[FilingAppeal, Matter]:
        """Read the appeal that waits under a number; nobody else does anything with it until the end.

        Raises:
            NotFound: none waits.
        """
        wanted = number.parse_qualification(text)
        qualification = await qualifications.get(tx, wanted) if wanted is not None else None
        filing = await filings.get(tx, text.upper()) if wanted is None else None
        filing_id = qualification.filing_id if qualification else filing.id if filing else None
        if filing_id is not None:
            await reviews.lock(tx, filing_id)
            for one in await filing_appeals.of_filing(tx, filing_id):
                if one.state is State.SUBMITTED and one.qualification_id == wanted:
                    return one, await self._matter(tx, one)
        message = f"No appeal about {text} waits."
        raise NotFound(message)

    async def decide(
        self, tx: Tx, reviewer: str, text: str, verdict: Verdict, reasons: str
    ) -> tuple[FilingAppeal, Matter]:
        """End an appeal: what was decided stands, or it is reviewed anew or holds again.

        Raises:
            NotFound: none waits, or it is not theirs to know of.
            NotPermitted: they had a part in the matter.
            Incomplete: no reasons were given.
            OutOfOrder: something newer counts.
        """
        waiting, matter = await self.find(tx, text)
        await self._apart.check(tx, reviewer, await self.excluded(tx, waiting, matter))
        state, kept = rules.decided(waiting, verdict, reasons)
        if state is State.OVERTURNED:
            await self._check_free(tx, matter)
        now = self._setting.now()
        done = replace(waiting, state=state, reviewer=reviewer, reasons=kept, decided_at=now)
        await filing_appeals.save(tx, done)
        self._remember(tx, reviewer, verdict.value, done, matter)
        said = rules.answer(done, matter.number, self._setting.config.appeal_body)
        self._setting.tell(tx, done.appellant, said, cause=cause(matter.filing))
        if state is State.OVERTURNED and done.about is About.REJECTED:
            matter = await self._reopened(tx, reviewer, matter)
        elif state is State.OVERTURNED and not done.rests:
            matter = await self._restored(tx, reviewer, matter)
        elif state is State.UPHELD and done.rests:
            matter = await self._revoked(tx, reviewer, matter)
        return done, matter

    async def insisted(self, tx: Tx, by: str, appeal: FilingAppeal, matter: Matter, reason: str) -> None:
        """Let a revocation hold while the appeal is decided, and tell the owner why."""
        await filing_appeals.save(tx, replace(appeal, rests=False, insisted=reason))
        await self._revoked(tx, by, matter)
        said = (
            f"The revocation of {matter.number} rested while your appeal is decided. Two people have "
            f"said that it cannot: {reason}\nIt holds again from now. Your appeal is decided as before, "
            "by somebody who had no part in this, and should be answered by "
            f"{appeal.due_at:%-d %B %Y}."
        )
        self._setting.tell(tx, appeal.appellant, said, cause=cause(matter.filing))

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

    def _remember(self, tx: Tx, actor: str, act: str, appeal: FilingAppeal, matter: Matter) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=f"filing-appeal:{act}",
            object=matter.number,
            about=appeal.about.value,
            text=appeal.reasons or appeal.text,
        )
