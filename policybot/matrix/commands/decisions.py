"""The commands by which a case is decided, confirmed and ended."""

import re

from policybot.domain.decision import joined
from policybot.domain.effect_words import all_in_words
from policybot.domain.errors import NotFound
from policybot.domain.ladder import Scope
from policybot.domain.prepared import MARK
from policybot.domain.sanction import bannered
from policybot.matrix.commands.cases import case_of
from policybot.matrix.commands.casework import PAGE, page_of
from policybot.matrix.commands.command import Asked, Services
from policybot.services import strikes
from policybot.services.previews import Choice, Draft, Preview
from policybot.store import outbox

_SERIAL = re.compile(r"\d{1,18}", re.ASCII)
"""The number of an effect; what is longer is none, and no database can compare it."""
_ANSWERS = 3
"""Reporters whose answer is shown; the others read the same with another number."""


async def propose(services: Services, asked: Asked) -> str:
    """Ask the ladder, without deciding anything."""
    case = await case_of(services, asked)
    choice = Choice(
        rule=asked.words["RULE"],
        severity=asked.words["SEVERITY"],
        facts="(only asked what the ladder proposes)",
    )
    draft = await services.decisions.draft(asked.tx, asked.sender, case, choice)
    head = f"{case.number}, rule {draft.decision.rule_id}:"
    return "\n".join((head, *draft.decision.explanation, *draft.notes))


async def preview(services: Services, asked: Asked) -> str:
    """Show what a decision would do and say, without deciding anything."""
    case = await case_of(services, asked)
    found = await services.decisions.preview(asked.tx, asked.sender, case, _choice(asked))
    because = "".join(f"\n· {reason}" for reason in found.second_person)
    second = f"\nA second person would have to confirm it:{because}" if because else ""
    words = asked.words
    measure, _ = joined(words["MEASURE"], words["FACTS"])
    again = f"{words['CASE']} {words['RULE']} {words['SEVERITY']} {measure} FACTS"
    return f"{_shown(found)}{second}\nNothing is decided. To decide it: !policy decide {again}"


async def decide(services: Services, asked: Asked) -> str:
    """Decide a case."""
    case = await case_of(services, asked)
    taken = await services.decisions.decide(asked.tx, asked.sender, case, _choice(asked))
    if taken.approval is None:
        told = "It is being carried out, and the person is told why."
        if not taken.draft.to:
            told = "It is being carried out." if taken.draft.effects else "It is on record."
        return f"{_summary(taken.draft)}\n{told}"
    found = await services.decisions.shown(asked.tx, taken.draft)
    who = "A second person has to confirm it" if taken.approval.needs_other else "Please confirm it"
    because = "".join(f"\n· {reason}" for reason in taken.draft.second_person)
    return f"{_shown(found)}\n{who}: !policy confirm {taken.approval.code}{because}"


def _choice(asked: Asked) -> Choice:
    words = asked.words
    return Choice.read(words["RULE"], words["SEVERITY"], *joined(words["MEASURE"], words["FACTS"]))


def prepared(services: Services) -> str:
    """List the prepared texts for facts."""
    lines = [
        f"{rule.id} {MARK}{one.id}: {one.text}"
        for rule in services.setting.config.rules
        for one in rule.prepared
    ]
    return "\n".join(["Prepared texts:", *lines]) if lines else ""


async def bulk(services: Services, asked: Asked) -> str:
    """Show what would be decided in several cases at once."""
    cases, typed = asked.words["CASES"], asked.words["DECISION"]
    found = await services.batches.propose(asked.tx, asked.sender, cases, typed)
    lines = []
    for item in found.items:
        if item.draft is None:
            lines.append(f"{item.case.number}: no breach ({item.case.subject.in_words})")
        else:
            lines += [_summary(item.draft), f"{item.draft.to or 'nobody'} is told."]
    drafts = [item.draft for item in found.items if item.draft]
    if drafts:
        lines += [f"What {drafts[0].readers} will read; each of the others reads theirs:"]
        lines += [f"> {line}" for line in drafts[0].notice.split("\n")]
    if found.left_out:
        lines.append("Left out:")
        lines += [f"· {number}: {why}" for number, why in found.left_out]
    removed = sum(len(draft.removals) for draft in drafts)
    bound = sum(len(draft.restraints) for draft in drafts)
    people = len({draft.to for draft in drafts})
    lines.append(
        f"In all: {len(found.items)} cases decided, {len(found.left_out)} left out; {people} people, "
        f"{removed} messages removed, {bound} other changes."
    )
    who = "A second person has to confirm it" if found.approval.needs_other else "Please confirm it"
    because = "".join(f"\n· {reason}" for reason in found.second_person)
    return "\n".join([*lines, f"{who}: !policy confirm {found.approval.code}{because}"])


async def undo(services: Services, asked: Asked) -> str:
    """Take back what was decided in several cases at once."""
    code, reason = asked.words["CODE"], asked.words["REASON"]
    opened, left = await services.batches.undo(asked.tx, asked.sender, code, reason)
    said = f"Taken back, and everybody is told. Open again: {', '.join(opened) or 'none'}."
    return "\n".join([said, *(f"· {line}" for line in left)])


def _summary(draft: Draft) -> str:
    decision = draft.decision
    removed = [draft.removed] if draft.removed else []
    shown = ["pin a notice in it"] if bannered(decision.scope, decision.measure) else []
    restraints = [text] if (text := all_in_words(draft.restraints)) else []
    changes = ", ".join([*removed, *restraints, *shown]) or "nothing on the homeserver"
    return (
        f"{decision.number}: rule {decision.rule_id}, {decision.severity.value}, history "
        f"{decision.history.value} → {draft.statement.measure} "
        f"(proposed: {draft.proposal.cell}).\nThis will: {changes}."
        + "".join(f"\n{note}" for note in draft.notes)
    )


def _shown(found: Preview) -> str:
    """Show a preview: what changes, how it is taken back, and what everybody reads."""
    draft = found.draft
    undo = all_in_words(found.undo)
    lines = [_summary(draft)]
    if undo:
        lines.append(f"Taken back by: {undo}.")
    if draft.decision.measure.duration and draft.decision.scope is not Scope.SERVER:
        lines.append("The date below is that of now; it is counted from when it is carried out.")
    lines += [f"{draft.readers} will read:", *(f"> {line}" for line in found.notice.split("\n"))]
    for receipt, text in found.answers[:_ANSWERS]:
        lines.append(f"Whoever made {receipt} will read: {text}")
    if further := found.answers[_ANSWERS:]:
        lines.append(f"… and {len(further)} more reporters the same.")
    return "\n".join(lines)


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
    told = "the rooms are" if sanction.scope is Scope.SERVER else "the person is"
    return f"{case.number}: {measure} is lifted, and {told} told."


async def history(services: Services, asked: Asked) -> str:
    """Show what was decided about an account."""
    user_id = asked.words["USER"]
    if not re.fullmatch(r"@\S+:\S+", user_id):
        message = f"«{user_id[:60]}» is no user ID: write it like @tom:example.org."
        raise NotFound(message)
    page = page_of(asked.words["PAGE"])
    found = await services.pasts.decided(asked.tx, asked.sender, user_id)
    lines = await strikes.course(asked.tx, services.setting, found[(page - 1) * PAGE : page * PAGE])
    if (older := len(found) - page * PAGE) > 0:
        lines.append(f"{older} older: !policy history {user_id} {page + 1}")
    return "\n".join(lines) or f"Nothing {'more ' if found else ''}was ever decided about {user_id}."


async def retry(services: Services, asked: Asked) -> str:
    """Try an effect again that could not be carried out."""
    text = asked.words["NUMBER"]
    known = _SERIAL.fullmatch(text) is not None
    if not known or not await outbox.revive(asked.tx, int(text), services.setting.now()):
        message = f"There is no failed effect {text}."
        raise NotFound(message)
    asked.tx.after_commit(services.setting.nudge)
    return "I am trying again."
