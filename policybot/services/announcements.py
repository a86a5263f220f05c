"""Announcements: telling those who signed an earlier version that a changed one is coming, and when.

They are told in batches, in the order of their user IDs. How far it has come is saved in the same
transaction as the messages, so that nobody is told twice and nobody is left out, whatever happens.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from policybot.domain import agreement as rules
from policybot.domain import amendment as amendments
from policybot.domain.agreement import Version
from policybot.domain.effects import Effect, Notify
from policybot.services.agreements import Agreements, day
from policybot.services.setting import Setting
from policybot.store import agreements, audit, outbox
from policybot.store.agreements import Signer
from policybot.store.database import Tx

BATCH = 100
"""How many are told at a time; the next batch waits until the homeserver has taken this one."""
_LONGEST = 1200
"""Characters of a change that stand in the message; a longer one is on its page."""
_CHANGE = "change"


async def tell_next(  # noqa: PLR0913 - whom, what, on which occasion
    tx: Tx,
    setting: Setting,
    what: tuple[str, str],
    people: Callable[[str], Awaitable[Sequence[Signer]]],
    text: Callable[[Signer], str],
    *,
    cause: str,
) -> int | None:
    """Tell the next batch of people; return how many they were, None if everybody was told before.

    Args:
        tx: the transaction.
        setting: the setting.
        what: the hash of what they are told of, and the occasion.
        people: gives at most `BATCH` people behind a user ID, in the order of user IDs.
        text: what somebody reads.
        cause: what the messages belong to in the outbox.
    """
    so_far = await agreements.announcement(tx, *what)
    if so_far.done_at is not None:
        return None
    batch = await people(so_far.after_user)
    told: list[Effect] = [Notify(person.user_id, text(person)) for person in batch]
    setting.queue(tx, told, cause=cause)
    moved = replace(so_far, told=so_far.told + len(batch))
    if len(batch) == BATCH:
        moved = replace(moved, after_user=batch[-1].user_id)
    else:
        moved = replace(moved, done_at=setting.now())
    await agreements.save_announcement(tx, moved)
    return len(batch)


class Announcements:
    """The service that tells people of changed versions."""

    def __init__(self, setting: Setting, texts: Agreements) -> None:
        """Tell of the versions that the agreements' service knows."""
        self._setting = setting
        self._agreements = texts
        self._finished: set[tuple[str, str]] = set()

    async def due(self, tx: Tx) -> str | None:
        """Say on which occasion somebody is to be told of the newest version; reads alone."""
        version, now = self._agreements.newest, self._setting.now()
        if version.number == self._agreements.versions[0].number:
            return None
        occasions = [_CHANGE]
        before = rules.reminder(version, self._setting.config.agreement_notice, now)
        if before is not None:
            occasions.append(f"reminder {before.days}")
        for occasion in occasions:
            key = (version.hash, occasion)
            if key in self._finished:
                continue
            if not await agreements.finished(tx, *key):
                # A backlog means that the homeserver has enough to do.
                return None if (await outbox.counts(tx))["waiting"] > BATCH else occasion
            self._finished.add(key)
        return None

    async def tell(self, tx: Tx, occasion: str) -> int:
        """Tell the next batch of people; return how many they were."""
        version = self._agreements.newest
        told = await tell_next(
            tx,
            self._setting,
            (version.hash, occasion),
            lambda after: agreements.signed_before(tx, version.number, after, BATCH),
            lambda person: self._text(person, version, occasion),
            cause=f"agreement {version.number}",
        )
        if told is None:
            return 0
        audit.append(
            tx,
            at=self._setting.now(),
            actor="system:clock",
            tag="agreement:announce",
            object=f"agreement {version.name}",
            occasion=occasion,
            told=told,
        )
        return told

    def _text(self, person: Signer, version: Version, occasion: str) -> str:
        signed = self._agreements.by_number(person.signed)
        assert signed is not None, "it is on record that they signed it"
        when = self._binds(version, signed)
        how = (
            f"To go on writing in public rooms, read it with !policy agree and sign it with "
            f"!policy agree {version.name}. Without it you stay in your rooms and read, and your right "
            "to write is back the moment you sign."
        )
        if occasion != _CHANGE:
            page = self.page(signed, version, person.language)
            return f"A reminder: the agreement changes. {when}\nWhat changes: {page}\n{how}"
        return (
            f"The agreement changes. {when}\n\nWhat changes:\n"
            f"{self.change(signed, version, person.language)}\n\n{how}"
        )

    def _binds(self, version: Version, signed: Version) -> str:
        if version.binds_from <= self._setting.now():
            return f"Version {version.name} binds since {day(version.binds_from)}."
        return (
            f"Version {version.name} binds from {day(version.binds_from)}; until then your signature "
            f"under version {signed.name} is good."
        )

    def change(self, old: Version, new: Version, language: str | None) -> str:
        """Say what changes for somebody; a long change is on its page."""
        found = self._agreements.amendment(old, new, language or "")
        words = amendments.in_words(found)
        if len(words) <= _LONGEST:
            return words
        return (
            f"{len(found.added)} new promises, {len(found.removed)} no longer promised, "
            f"{len(found.changed)} reworded, and the text. Line by line: {self.page(old, new, language)}"
        )

    def page(self, old: Version, new: Version, language: str | None) -> str:
        """Give the address of the page that compares two versions."""
        chosen = f"&lang={new.agreement.language(language)}" if language else ""
        return self._agreements.address(f"/diff?from={old.name}&to={new.name}{chosen}")
