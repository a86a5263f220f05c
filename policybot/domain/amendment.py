"""What changed from one version of the agreement to another, in words for one reader."""

import difflib
from dataclasses import dataclass

from policybot.domain.agreement import Agreement


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the compared texts: `-` removed, `+` added, a space for what stayed, `…` a gap."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class Amendment:
    """What changed: promise by promise, and line by line in the text."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[tuple[str, str], ...]
    """Promises that were reworded: as they were, and as they are."""
    text: tuple[Line, ...]

    @property
    def nothing(self) -> bool:
        """Whether text and promises are the same."""
        return not (self.added or self.removed or self.changed or self.text)


def amendment(old: Agreement, new: Agreement, language: str) -> Amendment:
    """Compare two versions in a language, or in the default one of a version that lacks it."""
    mine, theirs = old.language(language), new.language(language)
    before = {c.id: c.texts[mine] for c in old.commitments}
    after = {c.id: c.texts[theirs] for c in new.commitments}
    return Amendment(
        added=tuple(text for id_, text in after.items() if id_ not in before),
        removed=tuple(text for id_, text in before.items() if id_ not in after),
        changed=tuple(
            (before[id_], text) for id_, text in after.items() if before.get(id_, text) != text
        ),
        text=_lines(old.texts[mine], new.texts[theirs]),
    )


def _lines(old: str, new: str) -> tuple[Line, ...]:
    found = difflib.unified_diff(old.splitlines(), new.splitlines(), n=1, lineterm="")
    lines: list[Line] = []
    for number, line in enumerate(found):
        if number < len(("---", "+++")):
            continue
        if line.startswith("@@"):
            lines += [Line("…", "")] if lines else []
        elif line[1:].strip():
            lines.append(Line(line[0], line[1:]))
    return tuple(lines)


def in_words(found: Amendment) -> str:
    """Write an amendment for a chat."""
    parts = [
        *(f"+ New promise: {text}" for text in found.added),
        *(f"− No longer promised: {text}" for text in found.removed),
        *(f"~ Promised until now: {old}\n  From then on: {new}" for old, new in found.changed),
    ]
    if found.text:
        marks = {"-": "−", " ": " "}
        lines = (f"{marks.get(line.mark, line.mark)} {line.text}".rstrip() for line in found.text)
        parts.append("In the text (− goes, + comes):\n" + "\n".join(lines))
    return "\n".join(parts) or "The words are the same."
