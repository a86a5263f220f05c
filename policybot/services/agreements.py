"""Agreements: show the version in force, and let people sign it."""

from policybot.domain import agreement as rules
from policybot.domain.agreement import Agreement, Standing
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.services.setting import Setting
from policybot.store import agreements, audit, members
from policybot.store.database import Tx


class Agreements:
    """The service for the agreement."""

    def __init__(self, setting: Setting) -> None:
        """Work with the agreement of the configuration."""
        self._setting = setting

    @property
    def current(self) -> Agreement:
        """The version that binds today."""
        return self._setting.config.agreement

    async def sign(self, tx: Tx, user_id: str, version: str, event_id: str) -> bool:
        """Sign the agreement that binds today; False if it was signed before.

        Raises:
            OutOfOrder: the account is not verified.
            NotFound: that version is not the one that binds today.
        """
        now, current = self._setting.now(), self.current
        link = await members.link_of(tx, user_id)
        if link is None:
            message = "Please verify yourself first: !policy verify"
            raise OutOfOrder(message)
        if version != current.version:
            message = f"The agreement in force is version {current.version}: !policy agree"
            raise NotFound(message)
        if current.hash in await agreements.signed(tx, user_id):
            return False
        await agreements.accept(
            tx,
            user_id=user_id,
            person_id=link.person_id,
            agreement_hash=current.hash,
            method=f"event {event_id}",
            now=now,
        )
        audit.append(
            tx,
            at=now,
            actor=user_id,
            tag="agreement:accept",
            object=user_id,
            version=current.version,
            hash=current.hash,
        )
        return True

    async def standing(self, tx: Tx, user_id: str) -> Standing:
        """Say whether somebody has signed what binds today."""
        return rules.standing(self.current, await agreements.signed(tx, user_id))

    async def require(self, tx: Tx, user_id: str) -> None:
        """Make sure that somebody has signed what binds today.

        Raises:
            OutOfOrder: they have not.
        """
        if await self.standing(tx, user_id) is not Standing.ACCEPTED:
            message = "Please sign the agreement first: !policy agree"
            raise OutOfOrder(message)
