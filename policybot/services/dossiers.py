"""Dossiers: what is known of a case, read once by whoever decides it and handed on from there."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from policybot.domain import server as servers
from policybot.domain.case import Case, Subject
from policybot.domain.filing import Filing
from policybot.domain.notice import Origin
from policybot.domain.report import Report, Via
from policybot.services import places
from policybot.services.places import Place
from policybot.services.setting import Setting
from policybot.store import cases, copies, findings, members, reports
from policybot.store.copies import Copy
from policybot.store.database import Tx


@dataclass(frozen=True, slots=True)
class Dossier:
    """A case, all that is decided together in it, and who complains of it."""

    case: Case
    about: tuple[Subject, ...]
    """What the case is about first."""
    reports: tuple[Report, ...]
    places: Mapping[str, Place]
    """By the rooms in which it happened."""

    @property
    def place(self) -> Place | None:
        """Where what the case is about itself belongs today."""
        return self.places.get(self.case.subject.room_id or "")

    @property
    def room_id(self) -> str | None:
        """The room in which it would have happened today."""
        return self.place.room_id if self.place else None

    @property
    def filing(self) -> Filing | None:
        """What that room is filed as."""
        return self.place.filing if self.place else None


async def of(tx: Tx, setting: Setting, case: Case) -> Dossier:
    """Read what is known of a case."""
    received = await reports.of_case(tx, case.id)
    about = await cases.subjects(tx, case)
    where = await places.each(tx, setting, {one.room_id for one in about if one.room_id})
    return Dossier(case, tuple(about), tuple(received), where)


async def involved(tx: Tx, setting: Setting, dossier: Dossier) -> frozenset[str]:
    """Name the parties: the reporters, whom it is about, those who answer for the room.

    With each all accounts that are known to be theirs: who judges must be another person.
    """
    parties = {report.reporter for report in dossier.reports}
    parties |= {subject.user_id for subject in dossier.about if subject.user_id}
    parties |= await living_on(tx, setting, {one.server for one in dossier.about if one.server})
    parties = parties.union(*(place.answering for place in dossier.places.values()))
    return await members.accounts_of_all(tx, parties)


async def judged(tx: Tx, dossier: Dossier) -> frozenset[str]:
    """Name who found no breach in a case that is looked at anew after an objection to that."""
    before = {one.resolved_by for one in dossier.reports if one.outcome is None and one.resolved_by}
    return await members.accounts_of_all(tx, before)


async def living_on(tx: Tx, setting: Setting, names: AbstractSet[str]) -> frozenset[str]:
    """Name those who decide and have an account on one of some servers: theirs is the case."""
    config = setting.config
    deciding = {*config.staff, *config.appeals.external_reviewers} if names else set()
    living = [
        one
        for one in deciding
        if any(servers.of(account) in names for account in await members.accounts_of(tx, one))
    ]
    return frozenset(living)


async def origin(tx: Tx, case_id: int, received: Iterable[Report]) -> Origin:
    """Say how a case came to our knowledge, for a decision by a person."""
    received = tuple(received)
    if any(report.flagger is not None for report in received):
        return Origin.FLAGGER
    ways = {report.via for report in received}
    if ways - {Via.LIST}:
        return Origin.REPORT
    if await findings.of_case(tx, case_id):
        return Origin.RULE
    return Origin.LIST if ways else Origin.OURS


async def copies_of(tx: Tx, events: Sequence[str | None]) -> list[Copy]:
    """Read the copies on which a decision about some events rests, without what was said.

    Behind each that was edited before it was kept stands its newest edit.
    """
    kept = await copies.some(tx, [one for one in events if one])
    edits = await copies.some(tx, [one.edit_id for one in kept.values() if one.edit_id])
    both = [(kept[one], edits.get(kept[one].edit_id or "")) for one in events if one in kept]
    return [copy for pair in both for copy in pair if copy is not None]
