"""Parties: who had a part in a matter, with all their accounts, noted before anybody reviews it."""

from collections.abc import Iterable

from policybot.domain import party as rules
from policybot.domain.case import Case
from policybot.domain.decision import Decision
from policybot.domain.errors import OutOfOrder
from policybot.domain.party import Why
from policybot.domain.permission import Permission, Role, allowed
from policybot.services import dossiers
from policybot.services.setting import Setting
from policybot.store import decisions, members, parties, rooms
from policybot.store.database import Tx

Parties = frozenset[tuple[str, Why]]
_NOUNS = ("decision", "deletion", "replacement")
"""The first words of approvals' subjects that are about a decision."""


class Apart:
    """The service that keeps those who had a part in a matter from judging an objection to it."""

    def __init__(self, setting: Setting) -> None:
        """Work in a setting."""
        self._setting = setting

    async def of_case(self, tx: Tx, case: Case) -> set[tuple[str, Why]]:
        """Name who had a part in a case, by the account with which they had it."""
        dossier = await dossiers.of(tx, self._setting, case)
        found: set[tuple[str, Why]] = set()
        for report in dossier.reports:
            found.add((report.reporter, Why.REPORTER))
            found |= {(one, Why.WORKER) for one in (report.resolved_by,) if one}
        found |= {(subject.user_id, Why.SUBJECT) for subject in dossier.about if subject.user_id}
        servers = {subject.server for subject in dossier.about if subject.server}
        living = await dossiers.living_on(tx, self._setting, servers)
        found |= {(one, Why.SUBJECT) for one in living}
        found |= {(one, Why.ROOM) for place in dossier.places.values() for one in place.answering}
        if case.assignee:
            found.add((case.assignee, Why.WORKER))
        for decision in await decisions.of_case(tx, case.id):
            found |= {(one, Why.WORKER) for one in (decision.decider, decision.approver) if one}
        return found

    async def of_decision(self, tx: Tx, decision: Decision, appellant: str) -> set[tuple[str, Why]]:
        """Name who had a part in a decision, beside those who had one in its case."""
        found = {(appellant, Why.SUBJECT), (decision.decider, Why.DECIDER)}
        if decision.user_id:
            found.add((decision.user_id, Why.SUBJECT))
        if decision.approver:
            found.add((decision.approver, Why.APPROVER))
        for noun in _NOUNS:
            proposers = await decisions.proposers(tx, f"{noun} {decision.id}")
            found |= {(one, Why.PROPOSER) for one in proposers}
        return found

    async def note(self, tx: Tx, appeal_id: int, found: Iterable[tuple[str, Why]]) -> Parties:
        """Write down who had a part, each with all accounts of theirs; return everybody who ever had."""
        await parties.add(tx, appeal_id, await self.wide(tx, found))
        return frozenset(await parties.of(tx, appeal_id))

    @staticmethod
    async def wide(tx: Tx, found: Iterable[tuple[str, Why]]) -> set[tuple[str, Why]]:
        """Name people who had a part with all accounts that are known to be theirs."""
        return {(account, why) for one, why in found for account in await members.accounts_of(tx, one)}

    async def insiders(self, tx: Tx, excluded: Parties) -> list[str]:
        """Name those of the operator's people who may decide an objection: present, and no party."""
        out = {user_id for user_id, _ in excluded}
        return [
            user_id
            for user_id, roles in sorted(self._setting.config.staff.items())
            if allowed(roles, Permission.APPEAL_DECIDE)
            and user_id not in out
            and await rooms.in_review(tx, user_id)
        ]

    def outsiders(self, excluded: Parties) -> list[str]:
        """Name the reviewers outside who are no party."""
        out = {user_id for user_id, _ in excluded}
        return [one for one in self._setting.config.appeals.external_reviewers if one not in out]

    async def call(self, tx: Tx, excluded: Parties, text: str, own: str = "", *, cause: str) -> None:
        """Tell those who can decide an objection that it waits; say so where nobody can.

        People outside read `text`; so do our own, or else `own`.
        """
        own = own or text
        inside = await self.insiders(tx, excluded)
        outside = [] if inside else self.outsiders(excluded)
        for reviewer in outside:
            said = f"{self._setting.config.operator.name} asks you to decide an appeal, because nobody "
            said += f"of its own people can without a part in the matter.\n{text}"
            self._setting.tell(tx, reviewer, said, cause=cause)
        if outside:
            own += f"\nNobody here can decide it, so {', '.join(outside)} is asked, from outside."
        elif not inside:
            own += (
                "\nNobody can decide it: everybody who decides appeals has a part in the matter or is "
                "not here. Give somebody else the role appeals, or name somebody outside in "
                "appeals.external_reviewers"
            )
        self._setting.tell_staff(tx, own, cause=cause)

    async def check_left(self, tx: Tx, by: str, excluded: Parties) -> None:
        """Check that somebody is left to decide an objection if this person has a part as well.

        Raises:
            OutOfOrder: they are the last inside who can.
        """
        more = await self.wide(tx, {(by, Why.APPROVER)})
        if await self.insiders(tx, excluded) and not await self.insiders(tx, excluded | more):
            message = "You are the last who can decide the appeal: somebody else has to say this."
            raise OutOfOrder(message)

    async def check(self, tx: Tx, reviewer: str, excluded: Parties) -> None:
        """Check that somebody may review an objection: no party; from outside only if nobody inside may.

        Raises:
            NotPermitted: they had a part in the matter.
            NotFound: it is for people inside, and not theirs to know of.
        """
        rules.check_apart(reviewer, excluded)
        roles = await self._setting.roles(tx, reviewer)
        if Role.EXTERNAL in roles and await self.insiders(tx, excluded):
            raise rules.hidden()
