"""The document of a referral: exactly what goes out, made anew each time from what is on record."""

from collections.abc import Mapping

from policybot.domain import referral as rules
from policybot.domain.decision import State as DecisionState
from policybot.domain.errors import Incomplete
from policybot.domain.name import written_out
from policybot.domain.notice import day
from policybot.domain.referral import Field, Material, Referral
from policybot.domain.reveal import State as RevealState
from policybot.services.copies import Copies
from policybot.services.setting import Setting
from policybot.store import cases, decisions, reveals
from policybot.store.copies import Copy
from policybot.store.database import Tx


class Handouts:
    """The service that writes what is handed over."""

    def __init__(self, setting: Setting, kept: Copies) -> None:
        """Ask the copies' service for what was said."""
        self._setting = setting
        self._copies = kept

    async def document(self, tx: Tx, referral: Referral) -> str:
        """Write exactly what goes out.

        Raises:
            Incomplete: something that is to be handed over is not there.
        """
        return await self._written(tx, referral, await self._said(tx, referral, cut=False))

    async def preview(self, tx: Tx, referral: Referral) -> str:
        """Write the same for a chat: what was said in a message is put in when it is sent, and cut."""
        text = await self._written(tx, referral, await self._said(tx, referral, cut=True))
        return "\n".join(f"> {line}" if line else ">" for line in text.rstrip().split("\n"))

    async def _said(self, tx: Tx, referral: Referral, *, cut: bool) -> str:
        """Quote the message, and its newest edit as far as there was one; empty if there is no copy."""
        copy = await self._copies.get(tx, await self._event(tx, referral))
        if copy is None or not copy.body:
            return ""
        parts = [_quoted(copy, self._copies.text(copy) if cut else _lines(copy.body))]
        if (edit := await self._copies.get(tx, copy.edit_id)) is not None:
            new = edit.content.get("m.new_content")
            body = new.get("body") if isinstance(new, Mapping) else None
            said = self._copies.edit(copy) if cut else _lines(body if isinstance(body, str) else "")
            parts.append(f"It was edited before it was kept, and says since:\n{_quoted(edit, said)}")
        return "\n".join(parts)

    async def _written(self, tx: Tx, referral: Referral, message: str) -> str:
        operator = self._setting.config.operator
        if referral.corrects is not None:
            return rules.correction(referral, operator.name, operator.contact)
        material = await self._material(tx, referral, message)
        return rules.document(referral, material, operator.name, operator.contact)

    @staticmethod
    async def _event(tx: Tx, referral: Referral) -> str | None:
        case = await cases.get(tx, referral.case_id)
        return case.subject.event_id if case and Field.MESSAGE in referral.terms.fields else None

    async def _material(self, tx: Tx, referral: Referral, message: str) -> Material:
        """Gather what there is; what the referral does not name is not even looked up."""
        case = await cases.get(tx, referral.case_id)
        decision = await decisions.get(tx, referral.decision_id) if referral.decision_id else None
        values = {Field.ACCOUNT: referral.user_id, Field.MESSAGE: message}
        if case is not None:
            values |= {
                Field.TIME: day(case.occurred_at),
                Field.ROOM: case.subject.room_id or "",
                Field.EVENT: case.subject.event_id or "",
            }
        if decision is not None:
            rule = self._setting.rule_of(decision.rule_id)
            said = f"{rule.id} {rule.title}: {rule.text}" if rule else decision.rule_id
            values |= {Field.RULE: said, Field.FACTS: decision.facts}
        if Field.IDENTITY in referral.terms.fields:
            values[Field.IDENTITY] = await self._reference(tx, referral)
        appealed = decision is not None and decision.state is DecisionState.UNDER_APPEAL
        return Material(values, appealed)

    @staticmethod
    async def _reference(tx: Tx, referral: Referral) -> str:
        """Refer to the reveal that two people approved in this case; the name stays where it is."""
        number = referral.terms.reveal
        reveal = await reveals.get(tx, number) if number is not None else None
        known = reveal is not None and reveal.case_id == referral.case_id
        if reveal is None or not known or reveal.person_id != referral.person_id:
            message = f"There is no reveal {number} about this account in C-{referral.case_id}."
            raise Incomplete(message)
        if reveal.state not in (RevealState.APPROVED, RevealState.OPENED):
            message = f"reveal {number} was not agreed to ({reveal.state}), so it cannot be referred to."
            raise Incomplete(message)
        return (
            f"{reveal.number} in our records, agreed to by two people ({reveal.reason.title}). The name "
            "is not in this document."
        )

    async def unchanged(self, tx: Tx, referral: Referral) -> bool:
        """Say whether what would go out is still what was agreed to."""
        try:
            return rules.fingerprint(await self.document(tx, referral)) == referral.binding
        except Incomplete:
            return False


def _quoted(copy: Copy, said: str) -> str:
    return f"(SHA-256 of the kept event: {copy.sha256})\n{said}"


def _lines(said: str) -> str:
    """Mark each line of what somebody said, so that none can pass for one of ours.

    What hides, turns round or steers a screen stands there by its number: nothing of it is lost.
    """
    return "\n".join(f"> {written_out(line)}" for line in said.splitlines())
