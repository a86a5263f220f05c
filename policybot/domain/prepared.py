"""A prepared text: facts of a kind that comes again, with blanks, in several languages."""

from collections.abc import Sequence
from dataclasses import dataclass

from policybot.domain.errors import Incomplete, NotFound
from policybot.domain.name import one_line
from policybot.domain.review import blanks, filled

MOST_FACTS = 5_000
"""Characters of facts; the database of the EU takes no more."""
MARK = "#"
"""Before the name of a prepared text."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text of the operator's that moderators name instead of writing it."""

    id: str
    text: str
    """What stands in {braces} is a blank."""
    translations: tuple[tuple[str, str], ...] = ()
    """The same in other languages, with as many blanks, each behind the language's code."""

    def in_language(self, language: str) -> str:
        """Give it in a language, or as it was written."""
        return dict(self.translations).get(language, self.text)


def read(typed: str, texts: Sequence[Prepared], language: str) -> str:
    """Read facts: what was typed, or `#NAME` with what fills its blanks, parted by |, and more.

    What hides, turns round or forges text is left out; lines stay lines.

    Raises:
        NotFound: there is no prepared text of that name.
        Incomplete: a blank is left, or it is too long.
    """
    typed = typed.strip()
    if typed.startswith(MARK):
        name, _, words = typed.removeprefix(MARK).partition(" ")
        text = next((one for one in texts if one.id == name.lower()), None)
        if text is None:
            known = ", ".join(f"{MARK}{one.id}" for one in texts) or "none"
            message = (
                f"There is no prepared text «{one_line(name, 40)}» for this rule. There are: {known}."
            )
            raise NotFound(message)
        typed = filled(text.in_language(language), words.strip().removeprefix("|"))
    elif left := next((b for one in texts for b in blanks(one.text) if b in typed), None):
        message = f"A blank is still to be filled: {left}."
        raise Incomplete(message)
    return checked(typed, "the facts")


def checked(typed: str, what: str) -> str:
    """Write a text for people without what hides, turns round or forges it.

    Raises:
        Incomplete: it is too long.
    """
    if len(typed) > MOST_FACTS:
        message = f"Please write {what} in at most {MOST_FACTS} characters."
        raise Incomplete(message)
    return "\n".join(one_line(line, MOST_FACTS) for line in typed.splitlines()).strip()
