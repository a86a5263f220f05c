"""Rehearsals: the end of an appeal is played through and taken back, to see exactly what it would do."""

from collections.abc import Sequence
from dataclasses import dataclass

from policybot.domain.appeal import Verdict
from policybot.domain.effect_words import in_words
from policybot.domain.effects import Effect, Notify, Say, ShowCard
from policybot.services.hearings import Hearings
from policybot.store import outbox
from policybot.store.database import Tx


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What the end of an appeal would do."""

    texts: tuple[tuple[str, str], ...]
    """Who would read what."""
    effects: tuple[str, ...]
    """What would change on the homeserver, in words."""
    later: tuple[str, ...]
    """Later decisions that counted the one that is appealed, and what becomes of them."""


class _Enough(Exception):  # noqa: N818 - no error: everything was seen
    """Ends a rehearsal, so that all of it is taken back."""


class Rehearsals:
    """The service that plays an end of an appeal through."""

    def __init__(self, heard: Hearings) -> None:
        """Play through what this service does."""
        self._hearings = heard

    async def play(  # noqa: PLR0913, PLR0917 - as the commands
        self, tx: Tx, reviewer: str, text: str, verdict: Verdict, measure: str, reasons: str
    ) -> Rehearsed:
        """End an appeal, note what that does, and take it back; nothing of it stays.

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
        return Rehearsed(
            tuple((one.user_id, one.text) for one in seen if isinstance(one, Notify)),
            tuple(in_words(one) for one in seen if not isinstance(one, Notify | Say | ShowCard)),
            later,
        )
