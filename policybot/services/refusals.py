"""Refusals: what the gate did not accept is counted, told to its author, and watched.

They come in batches from both doors. Nothing is kept of what was refused. Who was refused something
has read why in their client, if it shows such sentences; a direct message says it once more, once an
hour for each reason. A rule that is in the way of too many people is stopped, and people are called.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import assert_never

from policybot.domain.gate import by_rule, curbed
from policybot.domain.mechanism import MACHINE
from policybot.domain.refusal import Code, Refusal
from policybot.services.findings import Findings
from policybot.services.setting import Setting
from policybot.store import audit, filings, refusals, standing
from policybot.store.database import Database, DatabaseAway, Tx
from policybot.store.refusals import Refused

HOUR = timedelta(hours=1)
MOST_TOLD = 30
"""Direct messages about refusals in a minute, to all people together; the others are counted alone."""
_MOST_KEPT = 10_000
"""Kinds of refusals that wait in memory to be counted; beyond it those that come are not counted."""
_OLDEST = timedelta(days=1)
"""How late a report may come and still be counted for when it was."""
_LONGEST = 255
"""Characters of an ID."""
_LONGEST_RULE = 64
_CODES = frozenset(code.value for code in Code)
_UNTOLD = frozenset({Code.SLOW, Code.UPLOAD, Code.AWAY})
"""What passes by itself, or is about no message."""
_STOPPED = "stopped"
"""The change that means: other rules are stopped now."""


class Refusals:
    """The service for what the gate has refused."""

    def __init__(self, setting: Setting, found: Findings) -> None:
        """Say why as the gate does, by what the findings' service knows."""
        self._setting = setting
        self._findings = found
        self._kept: dict[tuple[str, str, str, str], Refused] = {}
        self._until: dict[str, datetime] = {}

    # Counting ------------------------------------------------------------------------------------

    def note(self, refusal: Refusal, room_id: str, user_id: str) -> None:
        """Keep in memory that something was refused; `flush` puts it on record."""
        rule_id = refusal.rule_id or ""
        self._keep(Refused(refusal.code.value, rule_id, room_id, user_id, self._setting.now()))

    def _keep(self, one: Refused) -> None:
        key = (one.code, one.rule_id, one.room_id, one.user_id)
        known = self._kept.get(key)
        if known is not None:
            one = replace(one, at=max(one.at, known.at), number=one.number + known.number)
        elif len(self._kept) >= _MOST_KEPT:
            return
        self._kept[key] = one

    async def flush(self, database: Database) -> None:
        """Put on record what is kept in memory.

        Raises:
            DatabaseAway: it stays in memory.
        """
        kept, self._kept = self._kept, {}
        if not kept:
            return
        try:
            async with database.transaction() as tx:
                await self.record(tx, list(kept.values()))
        except DatabaseAway:
            for one in kept.values():
                self._keep(one)
            raise

    async def record(self, tx: Tx, refused: Sequence[Refused]) -> None:
        """Count refusals, tell people, and stop a rule that is in the way of too many."""
        now = self._setting.now()
        counted = [
            replace(one, at=min(max(one.at, now - _OLDEST), now)) for one in refused if self._is_one(one)
        ]
        if not counted:
            return
        await refusals.add(tx, counted)
        for rule_id in sorted({one.rule_id for one in counted if one.rule_id}):
            await self._watch(tx, rule_id)
        await self._tell(tx, counted)

    def _is_one(self, one: Refused) -> bool:
        """Say whether something can have been refused to somebody of ours; it comes from outside."""
        texts = (one.rule_id, one.room_id, one.user_id)
        return (
            one.code in _CODES
            and one.number > 0
            and all(len(text) <= _LONGEST and text.isprintable() for text in texts)
            and len(one.rule_id) <= _LONGEST_RULE
            and (not one.room_id or one.room_id.startswith("!"))
            and one.user_id.startswith("@")
            and self._setting.is_local(one.user_id)
            and one.user_id != self._setting.config.bot_user_id
        )

    # Telling -------------------------------------------------------------------------------------

    async def _tell(self, tx: Tx, refused: Sequence[Refused]) -> None:
        now = self._setting.now()
        told = await refusals.told(tx, now - HOUR)
        left = MOST_TOLD - sum(at > now - timedelta(minutes=1) for at in told.values())
        # In one order: two transactions that tell the same people must not wait for each other.
        for one in sorted(refused, key=lambda one: (one.user_id, one.reason)):
            if left <= 0:
                return
            if (one.user_id, one.reason) in told or one.at <= now - HOUR:
                continue
            why = self._why(one)
            if why is None or not await refusals.tells(tx, one, now - HOUR, now):
                continue
            told[one.user_id, one.reason] = now
            left -= 1
            # No words of ours around the sentence: it may be in any language.
            where = await self._place(tx, one.room_id)
            text = "\n".join(line for line in (where, why.sentence, why.link) if line)
            self._setting.tell(tx, one.user_id, text, cause=f"refusal {one.user_id}")

    async def _place(self, tx: Tx, room_id: str) -> str:
        if not room_id:
            return ""
        filing = await filings.of_room(tx, room_id)
        link = f"https://matrix.to/#/{room_id}"
        return f"{filing.number}: {link}" if filing else link

    def _why(self, one: Refused) -> Refusal | None:
        """Say it once more as the gate did; None where there is nothing to say, or no more."""
        view, code = self._findings.view, Code(one.code)
        house, language = view.house, view.account(one.user_id).language
        if code in _UNTOLD:
            return None
        match code:
            case Code.RULE:
                rules = self._findings.rules.mechanisms
                mechanism = next((m for m in rules if m.id == one.rule_id), None)
                return None if mechanism is None else by_rule(mechanism, house, language)
            case Code.CURBED | Code.EXCLUDED:
                curb = view.curb(one.room_id, one.user_id, self._setting.now())
                return None if curb is None else curbed(curb, house, language, code)
            case Code.UNVERIFIED | Code.UNSIGNED | Code.DUE | Code.ENTRY:
                link = house.pages.agreement
            case Code.LIMITED | Code.SLOW | Code.UPLOAD | Code.AWAY:
                link = house.pages.rules
            case Code.CREATION | Code.VERIFIED_CREATION | Code.DIRECTORY | Code.ALIAS:
                link = house.pages.register
            case _:
                assert_never(code)
        return Refusal(code, house.say(code, language), link)

    # The breaker ---------------------------------------------------------------------------------

    async def _watch(self, tx: Tx, rule_id: str) -> None:
        """Stop a rule for an hour if it has refused something to too many people within one."""
        now, gate = self._setting.now(), self._setting.config.gate
        number, people = await refusals.of_rule(tx, rule_id, now - HOUR)
        if gate is None or people <= gate.most_people:
            return
        if not await refusals.stop(tx, rule_id, now + HOUR, now):
            return
        await standing.changed(tx, _STOPPED, now)
        rule = self._setting.rule_of(rule_id)
        named = f"rule {rule_id} ({rule.title})" if rule else f"rule {rule_id}"
        self._setting.tell_staff(
            tx,
            f"Please look: within an hour {named} has refused something to {people:,} people, "
            f"{number:,} times in all. More than {gate.most_people} people (gate.most_people) are too "
            f"many, so it is stopped until {now + HOUR:%H:%M} UTC: it refuses nothing, what it finds "
            "comes to you as cases, and nothing is removed by machine. If it finds what it should not, "
            "the operator can set its state to shadow. Figures: !policy refusals",
            cause=f"stop {rule_id}",
        )
        audit.append(
            tx, at=now, actor=MACHINE, tag="rule:stop", object=rule_id, number=number, people=people
        )
        tx.after_commit(partial(self._stop, rule_id, now + HOUR))

    async def load(self, tx: Tx) -> None:
        """Read which rules are stopped."""
        self._put(await refusals.stopped(tx, self._setting.now()))

    async def refresh(self, database: Database) -> None:
        """Read again which rules are stopped: other processes stop some, and time ends it."""
        async with database.transaction(reading=True) as tx:
            await self.load(tx)

    def _stop(self, rule_id: str, until: datetime) -> None:
        self._put(self._until | {rule_id: until})

    def _put(self, until: dict[str, datetime]) -> None:
        self._until = until
        self._findings.view.stopped = frozenset(until)

    async def sweep(self, tx: Tx) -> None:
        """Forget who was told, and stops that are over."""
        now = self._setting.now()
        await refusals.forget_told(tx, now - 2 * HOUR)
        await refusals.forget_stops(tx, now)
