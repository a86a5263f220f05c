"""The operator's people: who has which role right now."""

from policybot.domain.permission import Role
from policybot.services.setting import Setting
from policybot.store import rooms
from policybot.store.database import Tx


async def roles(setting: Setting, tx: Tx, user_id: str) -> frozenset[Role]:
    """Name somebody's roles: those of the configuration, while they are in the review room."""
    given = setting.config.staff.get(user_id)
    if given and await rooms.in_review(tx, user_id):
        return frozenset({Role.EVERYBODY, *given})
    return frozenset({Role.EVERYBODY})
