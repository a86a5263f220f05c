"""What the page of a case shows and reads, in words: text of others is cleaned, forms become choices."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from policybot.domain import notice
from policybot.domain.case import Subject
from policybot.domain.copy import Line
from policybot.domain.effect_words import all_in_words, in_words
from policybot.domain.effects import Effect, inverse
from policybot.domain.errors import Incomplete
from policybot.domain.ladder import Ladder, Severity
from policybot.domain.list_rule import WORD as PUBLISH
from policybot.domain.measure import Kind
from policybot.domain.name import one_line
from policybot.domain.prepared import MARK
from policybot.domain.removal import WORD as REMOVE
from policybot.domain.sanction import bannered
from policybot.services.pasts import decided
from policybot.services.previews import PROPOSED, Choice, Preview
from policybot.services.sheets import Sheet
from policybot.store.copies import Copy

SEVERITIES = tuple(Severity)
_LONGEST_LINE = 2000
_LONGEST_TEXT = 12_000
"""Characters of what others wrote that a page shows."""
_REPORTS = 50
_SUBJECTS = 20
_EFFECTS = 12
"""Changes that are listed one by one; more are summed up."""
_KINDS = tuple(kind for kind in Kind if kind is not Kind.NONE)
_SHORT = {
    Kind.ADVISE: "Advise",
    Kind.WARN: "Warn",
    Kind.RESTRICT: "Restrict",
    Kind.SUSPEND: "Suspend",
    Kind.CLOSE: "Close",
}


class Row(NamedTuple):
    """One line of facts."""

    title: str
    text: str


class Option(NamedTuple):
    """A measure that can be chosen."""

    value: str
    title: str


class Link(NamedTuple):
    """Another case, with what is said of it."""

    number: str
    text: str


class Event(NamedTuple):
    """Something that was written or happened at a time, by or in whom or what."""

    at: datetime
    who: str
    text: str


class Reported(NamedTuple):
    """A report as the page shows it."""

    receipt: str
    named: str
    at: datetime
    text: str


def lines(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Write what somebody typed without what hides or turns round text; it keeps its lines."""
    kept = "\n".join(one_line(line, longest) for line in text[:longest].splitlines()).strip()
    if len(text) <= longest:
        return kept
    return f"{kept}\n… (it goes on: {len(text):,} characters in all)"


# What the case says ------------------------------------------------------------------------------


class Page(NamedTuple):
    """What the page of a case says."""

    told: Sequence[Row]
    marks: Sequence[str]
    before: Sequence[Event]
    after: Sequence[Event]
    """What stood around the message: no evidence against its authors."""
    files: Sequence[tuple[int, str]]
    also: Sequence[Row]
    """What else is decided with it."""
    who: Sequence[Row]
    where: Sequence[Row]
    reports: Sequence[Reported]
    more_reports: int
    notes: Sequence[Event]
    steps: Sequence[tuple[datetime, str]]
    related: Sequence[Link]
    together: Sequence[Link]
    """What counts together with it."""
    past: Sequence[Event]


def read(sheet: Sheet) -> Page:
    """Write a case as its page says it."""
    file = sheet.file
    kept = file.copy
    around = kept.context if kept else ()
    related, now = sheet.related, sheet.loaded_at
    shown = [Reported(r.receipt, r.named, r.received_at, lines(r.text, 2000)) for r in file.reports]
    return Page(
        told=said(sheet),
        marks=marks(sheet),
        before=[_around(line) for line in around if line.place < 0],
        after=[_around(line) for line in around if line.place > 0],
        files=[(n, one.in_words) for n, one in enumerate((kept.files if kept else None) or (), 1)],
        also=also(sheet),
        who=who(sheet),
        where=where(sheet),
        reports=shown[:_REPORTS],
        more_reports=len(shown[_REPORTS:]),
        notes=[Event(note.at, note.author, lines(note.text)) for note in file.notes],
        steps=[(step.at, lines(step.words, 1000)) for step in sheet.steps],
        related=[
            Link(other.number, decided(made, now) if made else other.in_words)
            for other, made in related.cases
        ],
        together=[Link(made.number, decided(made, now)) for made in related.counted],
        past=[Event(one.at, f"C-{one.case_id}", one.in_words) for one in sheet.past],
    )


def said(sheet: Sheet) -> list[Row]:
    """Write what was said, first as it was, then as it was edited."""
    kept, edited = sheet.file.copy, sheet.file.edited
    if kept is None:
        return []
    rows = [Row(f"Said on {notice.day(kept.sent_at)}", _body(kept))]
    if kept.edit_id is not None:
        new = edited.content.get("m.new_content") if edited else None
        body = new.get("body") if isinstance(new, dict) else None
        shown = lines(body) if isinstance(body, str) else "(being fetched, or no text)"
        rows.append(Row("Edited before it was kept; it says since", shown))
    return rows


def _body(kept: Copy) -> str:
    return lines(kept.body) or "(no text)"


def _around(line: Line) -> Event:
    text = one_line(line.text, _LONGEST_LINE) or ("(removed)" if line.redacted else "(no text)")
    return Event(line.sent_at, one_line(line.sender, 255), text)


def also(sheet: Sheet) -> list[Row]:
    """Write what was merged into the case, and how much of it is not shown."""
    found = sheet.file.also
    rows = [
        Row(_about(subject), _body(kept) if kept else "(no copy of it)" if subject.event_id else "–")
        for subject, kept in found[:_SUBJECTS]
    ]
    more = len(found) - len(rows)
    return rows + ([Row("And more", f"{more} more, see !policy show {sheet.case.number}")] * (more > 0))


def _about(subject: Subject) -> str:
    return one_line(subject.in_words, 500)


def marks(sheet: Sheet) -> list[str]:
    """Say what is special about the kept copy."""
    kept, found = sheet.file.copy, []
    if kept is None:
        subject = sheet.case.subject
        return ["The message is still being fetched."] if subject.event_id else []
    if kept.redacted and kept.content:
        found.append("It was removed before I saw it; this is the homeserver's own copy.")
    elif kept.redacted:
        found.append("It was removed before I saw it, and the homeserver has no copy any more.")
    if kept.encrypted:
        found.append("It is encrypted: I cannot read it, and only the reports say what was in it.")
    found.append(f"Kept on {notice.day(kept.captured_at)}; fingerprint {kept.sha256[:16]}…")
    return found


def who(sheet: Sheet) -> list[Row]:
    """Say whom it is about, and what holds against them; never their verified name."""
    view, about = sheet.view, sheet.case.subject.user_id
    if view is None:
        server = sheet.case.subject.server
        return [Row("Server", server)] if server else []
    name = f"«{one_line(view.text, 64)}», " if view.text else ""
    title = "Account" if about else "Answers for the room"
    rows = [Row(title, f"{name}{one_line(view.account, 255)}"), Row("Verified", sheet.verified)]
    standing = [
        f"{d.number} {d.in_words} (rule {d.rule_id}, {notice.day(d.decided_at)})"
        + (f", {s.state.value}" if s else "")
        + (f" until {notice.day(s.ends_at)}" if s and s.ends_at else "")
        + (f"; counts {counts}" if counts else "; counts for nothing later")
        for d, s, counts in sheet.standing
    ]
    if about:
        rows.append(Row("Decisions that hold", "\n".join(standing) or "none"))
    return rows


def where(sheet: Sheet) -> list[Row]:
    """Say where it happened, and how far we reach there."""
    rows, filing, room_id = [], sheet.filing, sheet.case.subject.room_id
    if room_id:
        rows.append(Row("Room", one_line(room_id, 255)))
    if filing is not None:
        rows += [
            Row("Filed", f"{filing.number}, {filing.in_words}"),
            Row("Category", sheet.categories or "–"),
            Row("Control", sheet.control),
        ]
        if sheet.case.subject.user_id:
            rows.append(Row("Answers for it", filing.applicant))
    if sheet.cure is not None:
        cure = sheet.cure
        until = f"{cure.state.value}, until {notice.day(cure.until)}"
        rows.append(Row("Asked to put right", f"{lines(cure.text, 500)} ({until})"))
        if cure.answer:
            rows.append(Row("Their answer", lines(cure.answer)))
    return rows


# What is chosen ----------------------------------------------------------------------------------


def kinds() -> list[Option]:
    """List the measures; which of them one person may choose, the proposal says."""
    options = [Option(PROPOSED, "As the ladder proposes")]
    return options + [Option(kind.value, _SHORT[kind]) for kind in _KINDS]


def factors(ladder: Ladder) -> list[tuple[str, str]]:
    """List the factors of a ladder, each with which way it moves the proposal."""
    return [(name, "harsher") for name in ladder.aggravating] + [
        (name, "milder") for name in ladder.mitigating
    ]


def begun(first: Choice) -> dict[str, str]:
    """Write what a form begins with."""
    return {"rule": first.rule, "severity": first.severity}


def choice(given: Mapping[str, str]) -> Choice:
    """Read what was chosen as the commands have it; what is wrong with it the service says.

    Raises:
        Refused: a time is none.
    """
    prefix = "factor:"
    removed = {"message": [REMOVE], "span": [f"{REMOVE}:{_span(given.get('since', ''))}"]}
    added = [*removed.get(given.get("remove", ""), []), *([PUBLISH] if given.get("publish") else [])]
    added += sorted(name.removeprefix(prefix) for name in given if name.startswith(prefix))
    facts = given.get("facts", "").strip()
    if prepared := given.get("prepared", ""):
        facts = f"{MARK}{prepared} {facts}".strip()
    if differently := given.get("differently", "").strip():
        facts = f"{facts} // {differently}"
    measure = "+".join([_measure(given), *added])
    return Choice.read(given.get("rule", ""), given.get("severity", ""), measure, facts)


def _span(typed: str) -> str:
    """Write days as the commands have them; what is no number is read as it is."""
    typed = typed.strip()
    return f"P{typed}D" if typed.isascii() and typed.isdecimal() else typed


def _measure(given: Mapping[str, str]) -> str:
    kind = given.get("measure", "") or PROPOSED
    timed = next((one for one in _KINDS if one.value == kind and one.timed), None)
    return kind if timed is None else f"{kind}:{_span(given.get('span', ''))}"


def changes(preview: Preview) -> list[Row]:
    """Say what a decision would change, and by what each is taken back."""
    draft, effects = preview.draft, preview.effects
    decision = draft.decision
    if len(effects) > _EFFECTS:
        rows = [Row(all_in_words(effects), all_in_words(preview.undo))]
    else:
        rows = [Row(in_words(one), _undone(one)) for one in effects]
    if decision.span is not None and draft.removed:
        rows.insert(0, Row(draft.removed, "post it again"))
    if bannered(decision.scope, decision.measure):
        rows.append(Row("pin a notice in the room", "take it away"))
    return rows


def _undone(effect: Effect) -> str:
    back = inverse(effect)
    return in_words(back) if back is not None else "cannot be taken back"


def lacking(given: Mapping[str, str], longest: int) -> str:
    """Say what has to be filled in before a decision can be shown; nothing if all is."""
    facts, why = given.get("facts", "").strip(), given.get("differently", "").strip()
    if not given.get("rule"):
        return "Please choose the rule."
    if len(facts) < notice.MIN_FACTS and not given.get("prepared"):
        return "Please say in a sentence what happened; the person will read it."
    if len(facts) + len(why) > longest:
        return f"Please say it in at most {longest} characters."
    return ""


def text(given: Mapping[str, str], name: str, longest: int) -> str:
    """Read what a moderator wrote.

    Raises:
        Incomplete: it is too long.
    """
    found = given.get(name, "").strip()
    if len(found) > longest:
        message = f"Please say it in at most {longest} characters."
        raise Incomplete(message)
    return found
