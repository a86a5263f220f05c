"""Labels: what a filed room shows of its filing, how it is withdrawn, and that it stays so.

As long as the room of a filing is not made, there is nothing to show and nothing to withdraw.
"""

from dataclasses import replace
from typing import Any

from policybot.config import Config
from policybot.domain import filing as filing_rules
from policybot.domain import label as rules
from policybot.domain.effects import Effect
from policybot.domain.filing import Filing
from policybot.domain.label import Care, Mark
from policybot.domain.qualification import State
from policybot.domain.showing import (
    AddAlias,
    HideTopicLine,
    PinNotice,
    Publish,
    RemoveAlias,
    SetLabel,
    ShowTopicLine,
    UnpinNotice,
    Unpublish,
    WithdrawLabel,
)
from policybot.services.setting import Setting
from policybot.store import audit, filings, labels, qualifications, rooms
from policybot.store.database import Tx
from policybot.store.rooms import Kind

_BATCH = 100


def label(filing: Filing) -> list[Effect]:
    """Write the label of a room anew; what it says is read when it is written."""
    return [SetLabel(filing.room_id, filing.number, filing.categories)] if filing.room_id else []


async def renewed(tx: Tx, filing: Filing) -> list[Effect]:
    """Write it anew where it stands: before its room is taken in, it comes with all that is shown."""
    now = await filings.hold(tx, filing.id)  # the room may be moving in this moment
    room = await rooms.get(tx, now.room_id) if now is not None else None
    governed = room is not None and room.kind is Kind.GOVERNED
    return label(now) if now is not None and governed else []


def _withdrawn(filing: Filing) -> WithdrawLabel:
    return WithdrawLabel(filing.room_id, filing.number, filing.categories)


def public(filing: Filing) -> list[Effect]:
    """Show a room to the public: labelled first, and then in the directory."""
    return [*label(filing), Publish(filing.room_id)] if filing.room_id else []


def ornaments(config: Config, filing: Filing) -> list[Effect]:
    """Show what comes besides: the alias by number, and the operator's own words."""
    room, shown = filing.room_id, config.filing.shown
    if not room:
        return []
    effects: list[Effect] = [AddAlias(room, filing.number)]
    if shown.topic_line is not None:
        effects.append(ShowTopicLine(room, filled(config, filing, shown.topic_line)))
    if shown.notice is not None:
        effects.append(PinNotice(room, filled(config, filing, shown.notice)))
    return effects


def stripped(filing: Filing) -> list[Effect]:
    """Withdraw what comes besides, whatever the configuration says by now."""
    room = filing.room_id
    return [RemoveAlias(room, filing.number), HideTopicLine(room), UnpinNotice(room)] if room else []


def hidden(filing: Filing) -> list[Effect]:
    """Withdraw everything that a room shows of its filing."""
    room = filing.room_id
    return [Unpublish(room), _withdrawn(filing), *stripped(filing)] if room else []


def filled(config: Config, filing: Filing, template: str) -> str:
    """Fill the operator's words in for a room."""
    titles = {c.id: c.title for c in config.filing.categories}
    values = {
        "number": filing.number,
        "categories": ", ".join(titles.get(id_, id_) for id_ in filing.categories),
        "link": f"{config.web.public_url}/register/{filing.number}",
    }
    return rules.filled(template, values)


async def marks(tx: Tx, config: Config, filing: Filing) -> list[Mark]:
    """List what a room is qualified for now, as its label shows it."""
    titles = {q.id: q.title for q in config.filing.qualifications}
    granted = await qualifications.of_filing(tx, filing.id, State.GRANTED)
    return [
        Mark(q.kind, titles.get(q.kind, q.kind), q.rights, q.valid_until)
        for q in granted
        if q.valid_until is not None
    ]


async def content(tx: Tx, config: Config, room_id: str) -> dict[str, Any]:
    """Say what the label of a room should read; nothing for a room that is not in force."""
    filing = await filings.of_room(tx, room_id)
    if filing is None or filing.state not in filing_rules.IN_FORCE:
        return {}
    shown = await marks(tx, config, filing)
    return rules.content(filing.number, filing.categories, shown)


class Labels:
    """The service that keeps labels as they should be."""

    def __init__(self, setting: Setting) -> None:
        """Queue labels that were tampered with again."""
        self._setting = setting

    async def written(self, tx: Tx, room_id: str, event_id: str) -> None:
        """Remember in which event a label stands."""
        care = await labels.get(tx, room_id)
        await labels.save(tx, replace(care, event_id=event_id))

    async def is_wrong(self, tx: Tx, room_id: str, shown: object) -> bool:
        """Say whether a label that somebody has written is not as it should be."""
        if await filings.of_room(tx, room_id) is None:
            return False
        return bool(shown != await content(tx, self._setting.config, room_id))

    async def is_lost(self, tx: Tx, room_id: str, event_id: str) -> bool:
        """Say whether somebody has redacted the label of a room."""
        return await labels.is_label(tx, room_id, event_id)

    async def tampered(self, tx: Tx, room_id: str, by: str) -> None:
        """Set a label right that was changed or redacted, unless that happens too often."""
        filing = await filings.of_room(tx, room_id)
        if filing is None or filing.record_number is None:
            return
        care, now = await labels.get(tx, room_id), self._setting.now()
        if by != self._setting.config.bot_user_id:  # an older label of ours may only be late
            audit.append(tx, at=now, actor=by, tag="label:tamper", object=filing.number)
        if rules.may_heal(care, now):
            await self._heal(tx, care, filing)
            return
        await labels.save(tx, replace(care, wrong=True))
        if rules.given_up(care, now) and not care.wrong:
            self._setting.tell_staff(
                tx,
                f"The label of {filing.number} ({room_id}) was changed {care.healed} times within a "
                f"day, by {by} the last time. I set it right once more when the day is over. Please "
                "look who does that, and talk to the owner.",
                cause=f"label {room_id}",
            )

    async def mend(self, tx: Tx) -> None:
        """Set right by the clock what had to wait."""
        now = self._setting.now()
        for care in await labels.wrong(tx, now, _BATCH):
            filing = await filings.of_room(tx, care.room_id)
            if filing is None or filing.record_number is None:
                await labels.save(tx, replace(care, wrong=False))
            elif rules.may_heal(care, now):
                await self._heal(tx, care, filing)

    async def _heal(self, tx: Tx, care: Care, filing: Filing) -> None:
        now = self._setting.now()
        await labels.save(tx, rules.healed(care, now))
        right = label(filing) if filing.state in filing_rules.IN_FORCE else [_withdrawn(filing)]
        self._setting.queue(tx, right, cause=f"label {filing.room_id}")
        audit.append(tx, at=now, actor="system:labels", tag="label:mend", object=filing.number)
