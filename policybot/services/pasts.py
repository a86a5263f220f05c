"""Pasts: what there was before about an account or a room, as far as whoever asks has no part in it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from policybot.domain.case import Case, SubjectKind
from policybot.domain.decision import Decision, Nature
from policybot.domain.ladder import Scope
from policybot.services import ledgers
from policybot.services.cases import Cases
from policybot.services.setting import Setting
from policybot.store import cases, decisions, moves, pasts
from policybot.store.database import Tx
from policybot.store.pasts import About, Moment

_MOST = 5
_AT_ONCE = 100
"""Moments that are read together."""


@dataclass(frozen=True, slots=True)
class Related:
    """Other cases that somebody who decides one wants to know of."""

    cases: tuple[tuple[Case, Decision | None], ...]
    """About the same account or room, with what was decided last."""
    counted: tuple[Decision, ...]
    """What else counts in the ledgers of the case, whatever account it was about."""


class Pasts:
    """The service for what there was before."""

    def __init__(self, setting: Setting, casework: Cases) -> None:
        """Ask the cases' service who is a party."""
        self._setting = setting
        self._cases = casework

    async def related(self, tx: Tx, viewer: str, case: Case, *, counted: bool) -> Related:
        """Find what belongs to a case: others about the same, and what counts together with it.

        That two accounts are one person's is not said; what counts in one ledger the ladder says, too.
        """
        about: list[tuple[Case, Decision | None]] = []
        for other in await cases.related(tx, case, _MOST):
            if viewer not in await self._cases.involved(tx, other):
                final = [d for d in await decisions.of_case(tx, other.id) if d.state.value in _KNOWN]
                about.append((other, final[-1] if final else None))
        known = {case.id, *(other.id for other, _ in about)}
        found = await self._ledger(tx, case) if counted and case.subject.user_id else []
        ledger: dict[int, Decision] = {}
        for decision in reversed(found):
            if decision.case_id not in known and len(ledger) < _MOST:
                other_case = await cases.get(tx, decision.case_id)
                if other_case and viewer not in await self._cases.involved(tx, other_case):
                    ledger.setdefault(decision.case_id, decision)
        return Related(tuple(about), tuple(ledger.values()))

    async def _ledger(self, tx: Tx, case: Case) -> list[Decision]:
        about, found = case.subject, dict[int, Decision]()
        spill = self._setting.ladder.spill is not None
        holder = await ledgers.holder(tx, Scope.ACCOUNT, about.user_id, case.occurred_at)
        room_id = await moves.now(tx, about.room_id) if about.room_id else None
        scopes = [Scope.ACCOUNT] + [Scope.MEMBER] * (about.kind is SubjectKind.EVENT)
        for scope in scopes:
            key = ledgers.key_of(scope, about, room_id, holder)
            for one in await ledgers.entries(tx, scope, key, about.user_id, holder, spill=spill):
                found[one.id] = one
        return [found[number] for number in sorted(found)]

    async def decided(self, tx: Tx, viewer: str, user_id: str) -> list[Decision]:
        """List what was decided about an account, the newest first."""
        return await self.seen(tx, viewer, await decisions.about(tx, user_id))

    async def seen(self, tx: Tx, viewer: str, found: Collection[Decision]) -> list[Decision]:
        """Leave out decisions in cases in which somebody has a part."""
        shown: dict[int, bool] = {}
        for case_id in {decision.case_id for decision in found}:
            case = await cases.get(tx, case_id)
            shown[case_id] = case is not None and viewer not in await self._cases.involved(tx, case)
        return [decision for decision in found if shown[decision.case_id]]

    async def timeline(
        self, tx: Tx, viewer: str, about: About, page: int, size: int
    ) -> tuple[list[Moment], bool]:
        """List what happened about an account or a room, the newest first; and whether there is more.

        Pages count what the viewer may see alone: neither a short one nor a further one says that
        there is something in which they have a part.
        """
        seen: list[Moment] = []
        shown: dict[int, bool] = {}
        for offset in count(0, _AT_ONCE):
            found = await pasts.moments(tx, about, _AT_ONCE, offset)
            for case_id in {moment.case_id for moment in found} - shown.keys():
                case = await cases.get(tx, case_id)
                shown[case_id] = case is not None and viewer not in await self._cases.involved(tx, case)
            seen += [moment for moment in found if shown[moment.case_id]]
            if len(found) < _AT_ONCE or len(seen) > page * size:
                break
        return seen[(page - 1) * size : page * size], len(seen) > page * size


def decided(decision: Decision, now: datetime) -> str:
    """Say what was decided in another case, and how long ago."""
    what = f"{decision.rule_id} {decision.severity.value}"
    if decision.nature is not Nature.DECISION:
        what = f"{decision.rule_id} {decision.nature}"
    days = (now - decision.decided_at).days
    when = "today" if not days else "a day ago" if days == 1 else f"{days} days ago"
    return f"{decision.state.replace('_', ' ')}, {what}, {when}"


_KNOWN = ("final", "under_appeal", "upheld", "modified", "overturned")
"""The states of decisions that were ever made, as a moderator may know of them."""
