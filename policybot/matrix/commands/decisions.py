"""The commands by which a case is decided, confirmed and ended."""

import re
from datetime import timedelta
from itertools import takewhile

from policybot.domain import removal
from policybot.domain.decision import Nature
from policybot.domain.effect_words import all_in_words
from policybot.domain.errors import NotFound
from policybot.domain.sanction import bannered
from policybot.matrix.commands.cases import case_of
from policybot.matrix.commands.command import Asked, Services
from policybot.services.decisions import Choice, Draft
from policybot.store import decisions, outbox


async def propose(services: Services, asked: Asked) -> str:
    """Ask the ladder, without deciding anything."""
    case = await case_of(services, asked)
    choice = Choice(
        rule=asked.words["RULE"],
        severity=asked.words["SEVERITY"],
        facts="(only asked what the ladder proposes)",
    )
    draft = await services.decisions.draft(asked.tx, asked.sender, case, choice)
    return "\n".join((f"{case.number}, rule {draft.decision.rule_id}:", *draft.decision.explanation))


async def decide(services: Services, asked: Asked) -> str:
    """Decide a case."""
    case = await case_of(services, asked)
    measure, remove, span, factors = _measure(asked.words["MEASURE"])
    choice = Choice(
        rule=asked.words["RULE"],
        severity=asked.words["SEVERITY"],
        measure=measure,
        remove=remove,
        span=span,
        factors=factors,
        facts=asked.words["FACTS"],
    )
    taken = await services.decisions.decide(asked.tx, asked.sender, case, choice)
    preview = _preview(taken.draft, services.setting.config.measures.most_removed)
    if taken.approval is None:
        return f"{preview}\nIt is being carried out, and the person is told why."
    who = "A second person has to confirm it" if taken.approval.needs_other else "Please confirm it"
    because = "".join(f"\n· {reason}" for reason in taken.draft.second_person)
    return f"{preview}\n{who}: !policy confirm {taken.approval.code}{because}"


def _measure(text: str) -> tuple[str, bool, timedelta | None, frozenset[str]]:
    """Read a measure with what is added to it: `restrict:P3D+remove:P1D+newcomer`."""
    measure, *added = text.lower().split("+")
    read = {one: removal.parse(one) for one in added}
    removed = [span for is_removal, span in read.values() if is_removal]
    factors = frozenset(one for one, (is_removal, _) in read.items() if not is_removal)
    return measure, bool(removed), max((s for s in removed if s), default=None), factors


def _preview(draft: Draft, most: int) -> str:
    decision = draft.decision
    removed = [removal.in_words(decision.scope, decision.span, most)] if decision.remove else []
    shown = ["pin a notice in it"] if bannered(decision.scope, decision.measure) else []
    restraints = [text] if (text := all_in_words(draft.restraints)) else []
    changes = ", ".join([*removed, *restraints, *shown]) or "nothing on the homeserver"
    return (
        f"{decision.number}: rule {decision.rule_id}, {decision.severity.value}, history "
        f"{decision.history.value} → {draft.statement.measure} "
        f"(proposed: {draft.proposal.cell}).\nThis will: {changes}."
        + "".join(f"\n{note}" for note in draft.notes)
    )


async def dismiss(services: Services, asked: Asked) -> str:
    """Close a case without a breach."""
    case = await case_of(services, asked)
    await services.holds.dismiss(asked.tx, asked.sender, case, asked.words["REASON"])
    return f"{case.number} is closed: no breach. The reporters are told."


async def confirm(services: Services, asked: Asked) -> str:
    """Confirm what waits."""
    return await services.approvals.confirm(asked.tx, asked.sender, asked.words["CODE"], asked.roles)


async def deny(services: Services, asked: Asked) -> str:
    """Refuse what waits."""
    return await services.approvals.deny(asked.tx, asked.sender, asked.words["CODE"], asked.roles)


async def lift(services: Services, asked: Asked) -> str:
    """End a measure early."""
    case = await case_of(services, asked)
    sanction = await services.sanctions.lift(asked.tx, asked.sender, case.id, asked.words["REASON"])
    measure = "the hold" if sanction.interim else sanction.measure.in_words(sanction.scope.value)
    return f"{case.number}: {measure} is lifted, and the person is told."


async def history(services: Services, asked: Asked) -> str:
    """Show what was decided about an account."""
    del services
    user_id = asked.words["USER"]
    if not re.fullmatch(r"@\S+:\S+", user_id):
        message = f"«{user_id}» is no user ID."
        raise NotFound(message)
    found = await decisions.about(asked.tx, user_id)
    lines = [
        f"{d.number} {d.decided_at:%-d %B %Y}: {d.rule_id} {d.severity.value} → "
        f"{d.measure if d.nature is Nature.DECISION else d.in_words} ({d.state})"
        for d in found
    ]
    return "\n".join(lines) or f"Nothing was ever decided about {user_id}."


async def retry(services: Services, asked: Asked) -> str:
    """Try an effect again that could not be carried out."""
    text = asked.words["NUMBER"]
    serial = "".join(takewhile(str.isdecimal, text)) if text.isascii() else ""
    if serial != text or not await outbox.revive(asked.tx, int(text), services.setting.now()):
        message = f"There is no failed effect {text}."
        raise NotFound(message)
    asked.tx.after_commit(services.setting.nudge)
    return "I am trying again."
