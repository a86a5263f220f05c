"""What the page of a case shows and reads, in words: text of others is cleaned, forms become choices."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from policybot.domain import notice
from policybot.domain.errors import Incomplete
from policybot.domain.ladder import Ladder, Severity
from policybot.domain.measure import Kind
from policybot.domain.name import one_line
from policybot.services.decisions import PROPOSED, Choice
from policybot.services.sheets import Sheet
from policybot.store.copies import Copy

SEVERITIES = tuple(Severity)
_LONGEST_LINE = 2000
_LONGEST_TEXT = 12_000
"""Characters of what others wrote that a page shows."""
_REPORTS = 50
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


class Reported(NamedTuple):
    """A report as the page shows it."""

    receipt: str
    named: str
    at: datetime
    text: str


def lines(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Write what somebody typed without what hides or turns round text; it keeps its lines."""
    kept = "\n".join(one_line(line, _LONGEST_LINE) for line in text[:longest].splitlines()).strip()
    if len(text) <= longest:
        return kept
    return f"{kept}\n… (it goes on: {len(text):,} characters in all)"


# What the case says ------------------------------------------------------------------------------


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
    if described := _described(kept):
        rows.append(Row("With it", described))
    return rows


def _body(kept: Copy) -> str:
    return lines(kept.body) or "(no text)"


def _described(kept: Copy) -> str:
    """Say which file a message carries, as its sender calls it: that is no proof of what it is."""
    info = kept.content.get("info")
    kind = str(kept.content.get("msgtype", ""))
    if kind not in ("m.image", "m.video", "m.audio", "m.file"):
        return ""
    declared = info.get("mimetype") if isinstance(info, dict) else None
    said_to_be = f", said to be {one_line(declared, 60)}" if isinstance(declared, str) else ""
    return f"a file ({kind.removeprefix('m.')}{said_to_be}); open it in the room only if you have to"


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
        return []
    name = f"«{one_line(view.text, 64)}», " if view.text else ""
    title = "Account" if about else "Answers for the room"
    rows = [Row(title, f"{name}{one_line(view.account, 255)}"), Row("Verified", sheet.verified)]
    standing = [
        f"{d.number} {d.in_words} (rule {d.rule_id}, {notice.day(d.decided_at)})"
        + (f", {s.state.value}" if s else "")
        + (f" until {notice.day(s.ends_at)}" if s and s.ends_at else "")
        + (f"; counts until {counts:%-d %B %Y}" if counts else "; counts for nothing later")
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


def reports(sheet: Sheet) -> tuple[list[Reported], int]:
    """Write the reports, and how many more there are; machines' findings come as rules."""
    shown = sheet.file.reports[:_REPORTS]
    rows = [Reported(r.receipt, r.named, r.received_at, lines(r.text, 2000)) for r in shown]
    return rows, len(sheet.file.reports) - len(shown)


def steps(sheet: Sheet) -> list[tuple[datetime, str, bool]]:
    """Write what has happened so far."""
    return [(step.at, lines(step.words, 1000), step.here) for step in sheet.steps]


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


def choice(given: Mapping[str, str]) -> Choice:
    """Read what was chosen as the commands have it; what is wrong with it the service says."""
    prefix = "factor:"
    return Choice(
        rule=given.get("rule", ""),
        severity=given.get("severity", ""),
        measure=_measure(given),
        remove=given.get("remove") == "on",
        factors=frozenset(name.removeprefix(prefix) for name in given if name.startswith(prefix)),
        facts=given.get("facts", "").strip(),
    )


def _measure(given: Mapping[str, str]) -> str:
    kind, span = given.get("measure", "") or PROPOSED, given.get("span", "").strip()
    timed = next((one for one in _KINDS if one.value == kind and one.timed), None)
    if timed is None:
        return kind
    return f"{kind}:{f'P{span}D' if span.isascii() and span.isdecimal() else span}"


def lacking(given: Mapping[str, str], longest: int) -> str:
    """Say what has to be filled in before a decision can be shown; nothing if all is."""
    facts = given.get("facts", "").strip()
    if not given.get("rule"):
        return "Please choose the rule."
    if len(facts) < notice.MIN_FACTS:
        return "Please say in a sentence what happened; the person will read it."
    if len(facts) > longest:
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
