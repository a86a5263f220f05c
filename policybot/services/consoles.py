"""Consoles: the pages at which a moderator works on cases, known by a one-time link."""

from dataclasses import dataclass
from datetime import timedelta

from policybot.domain.errors import NotFound
from policybot.domain.permission import Permission, Role, allowed
from policybot.services.setting import Setting
from policybot.services.verifications import hashed
from policybot.store import audit, consoles
from policybot.store.consoles import Console, Waiting
from policybot.store.database import Tx

MINUTES = 15
"""For how long a link waits to be opened."""
IDLE = timedelta(minutes=30)
"""How long pages last that nobody uses."""
LONGEST = timedelta(hours=12)
"""How long pages last, however much they are used: a shift, and no more."""
_OPEN, _WORK = "open", "work"
_DEAD_LINK = "This link is used up or too old. Write !policy console to the bot for another."


@dataclass(frozen=True, slots=True)
class Seat:
    """Who works at a console, and what they may do at this moment."""

    moderator: str
    roles: frozenset[Role]

    def may(self, permission: Permission) -> bool:
        """Say whether they may do something."""
        return allowed(self.roles, permission)


class Consoles:
    """The service for the links to the moderators' pages."""

    def __init__(self, setting: Setting) -> None:
        """Work in a setting."""
        self._setting = setting

    async def invite(self, tx: Tx, moderator: str, case_id: int | None = None) -> str:
        """Make a one-time link, to a case or to the queue; return its token. Earlier links are void."""
        now = self._setting.now()
        until = now + timedelta(minutes=MINUTES)
        token = self._setting.token()
        await consoles.add(tx, hashed(token), Console(moderator, _OPEN, case_id, until), until)
        return token

    async def invited(self, tx: Tx, token: str) -> None:
        """Check a link. Asking uses nothing up, so that a link preview does no harm.

        Raises:
            NotFound: it is dead, or its holder works on nothing there any more.
        """
        await self._at(tx, token, _OPEN)

    async def _at(
        self, tx: Tx, token: str, purpose: str, needs: Permission = Permission.CONSOLE_OPEN
    ) -> tuple[Console, Seat]:
        console = await consoles.get(tx, hashed(token), purpose, self._setting.now())
        roles = await self._setting.roles(tx, console.moderator) if console else frozenset()
        if console is None or not allowed(roles, needs):
            raise NotFound(_DEAD_LINK)
        return console, Seat(console.moderator, roles)

    async def open(self, tx: Tx, token: str) -> tuple[str, int | None]:
        """Use a link up; return the token of the pages, and the case at which they open.

        Raises:
            NotFound: the link is dead, or its holder works on nothing there any more.
        """
        console, seat = await self._at(tx, token, _OPEN)
        if not await consoles.take(tx, hashed(token)):
            raise NotFound(_DEAD_LINK)
        now, work = self._setting.now(), self._setting.token()
        opened = Console(seat.moderator, _WORK, None, now + LONGEST)
        await consoles.add(tx, hashed(work), opened, now + IDLE)
        audit.append(tx, at=now, actor=seat.moderator, tag="console:open", object=seat.moderator)
        return work, console.case_id

    async def seat(self, tx: Tx, token: str) -> Seat:
        """Say who works on cases at a console, and let it last for another while: it is used.

        Raises:
            NotFound: it is too old, or its reader is no moderator any more.
        """
        _, seat = await self._at(tx, token, _WORK, Permission.CASE_CLAIM)
        await consoles.prolong(tx, hashed(token), self._setting.now() + IDLE)
        return seat

    async def glance(self, tx: Tx, token: str) -> Seat:
        """Say who works at a console without using it: a page that asks by itself keeps nothing open.

        Raises:
            NotFound: as `seat`.
        """
        _, seat = await self._at(tx, token, _WORK, Permission.CASE_CLAIM)
        return seat

    async def reader(self, tx: Tx, token: str) -> Seat:
        """Say who reads at a console, whether they work on cases, on appeals or on both: it is used.

        Raises:
            NotFound: it is too old, or its reader is neither any more.
        """
        _, seat = await self._at(tx, token, _WORK)
        await consoles.prolong(tx, hashed(token), self._setting.now() + IDLE)
        return seat

    async def close(self, tx: Tx, moderator: str) -> int:
        """End all links and pages of a moderator; return how many pages were open."""
        closed = await consoles.close(tx, moderator)
        if closed:
            now = self._setting.now()
            audit.append(tx, at=now, actor=moderator, tag="console:close", object=moderator)
        return closed

    @staticmethod
    async def waiting(tx: Tx) -> Waiting:
        """Count what waits beside the cases."""
        return await consoles.waiting(tx)

    async def sweep(self, tx: Tx) -> None:
        """Forget links and pages whose time is over."""
        await consoles.forget(tx, self._setting.now())
