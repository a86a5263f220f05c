"""What follows on the homeserver from who somebody is: the field of their profile, and their look."""

from policybot.domain.effects import ClearProfileField, LearnName, SetProfileField
from policybot.domain.identity import Front, Link
from policybot.domain.name import cleaned
from policybot.domain.private import Private
from policybot.matching.lookalike import skeleton
from policybot.services.setting import Setting
from policybot.store import members, names
from policybot.store.database import Tx


def look(setting: Setting, name: str) -> str:
    """Hash what a name looks like: who reads the database learns no name. Empty if like nothing."""
    key = skeleton(cleaned(name))
    return setting.keyed("look", key) if key else ""


def learn(setting: Setting, tx: Tx, user_id: str) -> None:
    """Find out under which name an account is seen."""
    setting.queue(tx, [LearnName(user_id)], cause=f"verification {user_id}")


async def show(setting: Setting, tx: Tx, link: Link, name: Private | None) -> None:
    """Let others see what is true of a verified person; `name` is their verified one, if it is kept."""
    setting.name_changed(tx, link.user_id)
    shown = name if link.front is Front.REAL else None
    if shown is not None:
        hashed = look(setting, shown.reveal())
        await names.save(tx, names.Name(link.user_id, Front.REAL, "", hashed, setting.now()))
    else:
        await names.forget(tx, link.user_id, Front.REAL)
    await names.part(tx, link.user_id, setting.now())
    field = setting.config.identity.front.profile_field
    if field and setting.is_local(link.user_id):
        effect = SetProfileField(link.user_id, field, shown is not None)
        setting.queue(tx, [effect], cause=f"profile {link.user_id}")


async def withdraw(setting: Setting, tx: Tx, user_id: str) -> None:
    """Show nothing of somebody any more: they are no longer verified, or no longer linked."""
    setting.name_changed(tx, user_id)
    await members.save_front(tx, user_id, Front.PSEUDONYM)
    for front in Front:
        await names.forget(tx, user_id, front)
    await names.part(tx, user_id, setting.now())
    field = setting.config.identity.front.profile_field
    if field and setting.is_local(user_id):
        setting.queue(tx, [ClearProfileField(user_id, field)], cause=f"profile {user_id}")
