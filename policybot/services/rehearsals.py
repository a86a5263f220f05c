"""Rehearsals: the end of an appeal is played through and taken back, to see exactly what it would do."""

from collections.abc import Sequence
from dataclasses import dataclass

from policybot.domain.appeal import Verdict
from policybot.domain.effect_words import in_words
from policybot.domain.effects import Effect, Notify, Say, ShowCard
from policybot.domain.permission import Role
from policybot.services.hearings import Hearings
from policybot.services.setting import Setting
from policybot.store import members, outbox
from policybot.store.database import Tx


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What the end of an appeal would do."""

    texts: tuple[tuple[str, str], ...]
    """Who would read what: named as far as the reviewer may know them."""
    effects: tuple[str, ...]
    """What would change on the homeserver, in words."""
    later: tuple[str, ...]
    """Later decisions that counted the one that is appealed, and what becomes of them."""


_PERSON, _SOMEBODY = "the person", "somebody else"
_OTHER = "another account of the same person"
_AS_WELL = "do the same to other accounts of the same person"


class _Enough(Exception):  # noqa: N818 - no error: everything was seen
    """Ends a rehearsal, so that all of it is taken back."""


class Rehearsals:
    """The service that plays an end of an appeal through."""

    def __init__(self, setting: Setting, heard: Hearings) -> None:
        """Play through what this service does."""
        self._setting = setting
        self._hearings = heard

    async def play(  # noqa: PLR0913, PLR0917 - as the commands
        self, tx: Tx, reviewer: str, text: str, verdict: Verdict, measure: str, reasons: str
    ) -> Rehearsed:
        """End an appeal, note what that does, and take it back; nothing of it stays.

        Which other accounts are the same person's is not shown; and to reviewers outside nobody is named
        who is told, for those have reported it, nor what else was decided about the person.

        Raises:
            Refused: it would be refused.
        """
        before = len(outbox.queued(tx))
        later: tuple[str, ...] = ()
        seen: Sequence[Effect] = ()
        try:
            async with tx.part():
                end = self._hearings.end
                later = (await end(tx, reviewer, text, verdict, measure, reasons)).later
                seen = outbox.queued(tx)[before:]
                raise _Enough  # noqa: TRY301 - so that all of it is taken back
        except _Enough:
            pass
        person = (await self._hearings.find(tx, text)).appellant
        others = await members.accounts_of(tx, person) - {person}
        outside = Role.EXTERNAL in await self._setting.roles(tx, reviewer)
        names = dict.fromkeys(others, _OTHER)
        if outside:
            told = {one.user_id for one in seen if isinstance(one, Notify)}
            names = dict.fromkeys(told, _SOMEBODY) | names | {person: _PERSON}
        effects = [one for one in seen if not isinstance(one, Notify | Say | ShowCard)]
        plain = [in_words(one) for one in effects if getattr(one, "user_id", "") not in others]
        if len(plain) < len(effects):
            plain.append(_AS_WELL)
        return Rehearsed(
            tuple(
                (names.get(one.user_id, one.user_id), one.text)
                for one in seen
                if isinstance(one, Notify)
            ),
            tuple(plain),
            () if outside else later,
        )
