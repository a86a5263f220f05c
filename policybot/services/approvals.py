"""Approvals: what waits under a code is confirmed, denied or let go by the service whose act it is."""

from collections.abc import Mapping
from typing import Protocol

from policybot.domain.decision import Approval
from policybot.domain.errors import NotFound
from policybot.domain.permission import Permission, Role, allowed
from policybot.services.decisions import Decisions
from policybot.services.setting import Setting
from policybot.store import decisions
from policybot.store.database import Tx


class Act(Protocol):
    """A kind of act that waits for its confirmation."""

    @property
    def needs(self) -> Permission:
        """What another than its proposer has to be allowed to confirm or deny it."""
        ...

    async def confirm(self, tx: Tx, by: str, approval: Approval) -> str:
        """Carry it out; say what was done."""
        ...

    async def check_denying(self, tx: Tx, by: str, approval: Approval) -> None:
        """Check that somebody else than its proposer may deny it.

        Raises:
            NotFound: it waits no more.
            NotPermitted: they are a party to it.
        """
        ...

    async def dropped(self, tx: Tx, by: str, approval: Approval, state: str) -> None:
        """Note that it was `denied`, or has `expired`."""
        ...


class Approvals:
    """The service for confirmations."""

    def __init__(self, setting: Setting, resolutions: Decisions, acts: Mapping[str, Act]) -> None:
        """Hand on by the first word of an approval's subject; decisions and filings as before."""
        self._setting = setting
        self._decisions = resolutions
        self._acts = acts

    def _act(self, approval: Approval | None) -> Act | None:
        return self._acts.get(approval.subject.partition(" ")[0]) if approval else None

    async def _find(
        self, tx: Tx, by: str, code: str, roles: frozenset[Role]
    ) -> tuple[Approval, Act] | None:
        """Find an act under a code; None if it is for the decisions' service.

        Raises:
            NotFound: it is not theirs to know of.
        """
        approval = await decisions.approval(tx, code.upper())
        act = self._act(approval)
        if approval is None or act is None:
            return None
        others = approval.needs_other and allowed(roles, act.needs)
        if by != approval.proposer and not others:
            message = f"Nothing waits under the code {code}."
            raise NotFound(message)
        return approval, act

    async def confirm(self, tx: Tx, by: str, code: str, roles: frozenset[Role]) -> str:
        """Confirm what waits under a code; say what was confirmed.

        Raises:
            NotFound: nothing waits under it.
            NotPermitted: somebody else has to confirm it.
            OutOfOrder: it expired, or what would happen has changed since.
        """
        found = await self._find(tx, by, code, roles)
        if found is None:
            return await self._decisions.confirm(tx, by, code, roles)
        approval, act = found
        return await act.confirm(tx, by, approval)

    async def deny(self, tx: Tx, by: str, code: str, roles: frozenset[Role]) -> str:
        """Refuse what waits under a code, or take it back; nothing happens."""
        found = await self._find(tx, by, code, roles)
        if found is None:
            return await self._decisions.deny(tx, by, code, roles)
        approval, act = found
        if by != approval.proposer:
            await act.check_denying(tx, by, approval)
        await decisions.end_approval(tx, approval.code, "denied", by)
        await act.dropped(tx, by, approval, "denied")
        return f"The request {approval.code} is denied. Nothing was done."

    async def expire(self, tx: Tx) -> None:
        """Let go what nobody confirmed in time: silence decides nothing."""
        await self._decisions.expire(tx)
        for approval in await decisions.overdue_approvals(tx, self._setting.now()):
            act = self._act(approval)
            if act is not None:
                await decisions.end_approval(tx, approval.code, "expired", None)
                await act.dropped(tx, "system:clock", approval, "expired")
