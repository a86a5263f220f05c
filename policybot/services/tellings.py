"""Tellings: members hear, a few at a time, that a stricter ladder is coming, or not coming after all."""

from collections.abc import Sequence

from policybot.domain import policy as rules
from policybot.domain.policy import State, Version
from policybot.domain.stricter import stricter
from policybot.services.announcements import BATCH, tell_next
from policybot.services.policies import CLOCK, COMES, NOUN
from policybot.services.setting import Setting
from policybot.store import agreements, audit, outbox, policies
from policybot.store.agreements import Announcement, Signer
from policybot.store.database import Tx

_GONE = "ladder withdrawn"
_SHOWN = 12
"""How many of the changes stand in a message."""
_ANY = 2**31 - 1
"""A version of the agreement behind all others: whoever signed any has signed an earlier one."""


class Tellings:
    """The service that tells members of versions of the ladder."""

    def __init__(self, setting: Setting) -> None:
        """Tell of versions that were approved."""
        self._setting = setting

    async def due(self, tx: Tx) -> str | None:
        """Give the hash of the version of which somebody is to be told next; reads alone."""
        for version in await policies.every(tx):
            if not version.announced or (occasion := _occasion(version)) is None:
                continue
            if await agreements.finished(tx, version.hash, occasion):
                continue
            if occasion == _GONE and await self._told(tx, version) is None:
                continue
            # A backlog means that the homeserver has enough to do.
            return version.hash if (await outbox.counts(tx))["waiting"] <= BATCH else None
        return None

    async def tell(self, tx: Tx, digest: str) -> None:
        """Tell the next people of a version."""
        version = await policies.get(tx, digest)
        occasion = _occasion(version) if version else None
        if version is None or occasion is None:
            return
        text = await self._text(tx, version)
        told = await self._told(tx, version) if occasion == _GONE else None

        async def people(after: str) -> Sequence[Signer]:
            found = await agreements.signed_before(tx, _ANY, after, BATCH)
            if told is None or told.done_at is not None:
                return found
            return [one for one in found if one.user_id <= told.after_user]

        number = await tell_next(
            tx,
            self._setting,
            (version.hash, occasion),
            people,
            lambda _: text,
            cause=f"{NOUN} {version.short}",
        )
        if number is not None:
            audit.append(
                tx,
                at=self._setting.now(),
                actor=CLOCK,
                tag=f"{NOUN}:announce",
                object=f"{NOUN} {version.name}",
                hash=version.hash,
                occasion=occasion,
                told=number,
            )

    @staticmethod
    async def _told(tx: Tx, version: Version) -> Announcement | None:
        """Say how far the telling of a version had come; None if nobody was told."""
        for one in await agreements.announcements(tx):
            if (one.version_hash, one.occasion) == (version.hash, COMES) and one.told:
                return one
        return None

    async def _text(self, tx: Tx, version: Version) -> str:
        contact = self._setting.config.operator.contact
        if version.state is State.WITHDRAWN:
            return (
                f"The change of the measures of which you were told, version {version.name}, is not "
                f"coming. Everything stays as it is. Questions: {contact}"
            )
        old = await self._setting.in_force(tx)
        harder = stricter(old.ladder, version.ladder, plain=True)
        lines = [f"· {one}" for one in harder[:_SHOWN]]
        if len(harder) > _SHOWN:
            lines.append(f"· and {len(harder) - _SHOWN} more")
        if version.ladder.text_url:
            lines.append(f"All of it: {version.ladder.text_url}")
        assert version.live_from is not None, "an approved version has its day"
        listed = "\n".join(lines)
        return (
            f"What follows when rules are broken becomes stricter from {rules.day(version.live_from)}. "
            "What happened before that day is judged as before. You have nothing to do.\n"
            f"{listed}\nQuestions: {contact}"
        )


def _occasion(version: Version) -> str | None:
    """Say of what members are to be told about a version."""
    if version.state is State.SCHEDULED:
        return COMES
    return _GONE if version.state is State.WITHDRAWN else None
