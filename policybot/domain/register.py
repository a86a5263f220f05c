"""The public register: which filings stand in it, what is said of why, by which words one is found."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from policybot.domain.filing import State, Step

LONGEST_QUERY = 200
"""Characters of a query that are looked at."""
_READ = 2000
"""Characters of a text that become words."""
_LONGEST_WORD = 32
_MOST_WORDS = 120
"""Words by which one entry is found."""
_MOST_TERMS = 6
"""Words of a query that are looked for."""
_RUN = 8
"""Characters of a script without spaces that are found as one word."""
_LAST = "\U0010ffff"
"""Stands behind every word that begins alike."""

_ACCENTS = re.compile("[\u0300-\u036f]")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)


class Standing(StrEnum):
    """Where an entry of the register stands, as people ask for it."""

    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    REVOKED = "revoked"

    @property
    def in_words(self) -> str:
        """The standing, as one says it."""
        return self.value.replace("_", " ")


PUBLIC: dict[State, Standing] = {
    State.APPROVED: Standing.IN_FORCE,
    State.RENEWAL_DUE: Standing.IN_FORCE,
    State.SUSPENDED: Standing.SUSPENDED,
    State.EXPIRED: Standing.EXPIRED,
    State.REVOKED: Standing.REVOKED,
}
"""The states that everybody may know of. A filing that was not approved is its applicant's affair."""

_WHY: dict[Step, str] = {
    Step.APPROVE: "after a review",
    Step.REMIND: "its time ends soon",
    Step.RENEW: "renewed by its owner",
    Step.SUSPEND: "by decision",
    Step.EXPIRE: "it was not renewed",
    Step.REINSTATE: "the suspension has ended",
    Step.REVOKE: "by decision",
    Step.RESTORE: "the revocation was overturned",
}
"""What everybody reads of why. The reason itself is written to the owner, and stays between the two."""

HANDED_OVER = "somebody else answers for the room"
"""What everybody reads in the history of a room from the day on which its owner changed."""

_FOR_ALL = re.compile(r"\+public\b\s*")


def why(step: str, said: str = "") -> str:
    """Say to everybody why a filing was moved: what was meant for them, else how it came about."""
    return said or next((text for known, text in _WHY.items() if known.value == step), "")


def marked(reason: str) -> tuple[str, bool]:
    """Take the mark `+public` off a reason, and say whether it was there."""
    text = reason.strip()
    if (match := _FOR_ALL.match(text)) is None:
        return text, False
    return text[match.end() :], True


def words(text: str) -> list[str]:
    """Cut a text into the words by which it is found: folded, without accents, each once.

    Where a script writes no spaces, a word begins at every character.
    """
    found: dict[str, None] = {}
    for run in _runs(text[:_READ]):
        if _UNSPACED.fullmatch(run):
            found |= dict.fromkeys(run[start : start + _RUN] for start in range(len(run)))
        else:
            found[run[:_LONGEST_WORD]] = None
    return list(found)[:_MOST_WORDS]


def _runs(text: str) -> Iterable[str]:
    # Twice: what only looks like a capital is one once it is normalised (Unicode 3.13, D146).
    once = unicodedata.normalize("NFKD", text.casefold())
    folded = _ACCENTS.sub("", unicodedata.normalize("NFKD", once.casefold()))
    kept = "".join(
        char if unicodedata.category(char)[0] in "LNM" else " "
        for char in unicodedata.normalize("NFC", folded)
    )
    for word in kept.split():
        yield from filter(None, re.split(f"({_UNSPACED.pattern})", word))


@dataclass(frozen=True, slots=True)
class Term:
    """One word that an entry must have: from `low` up to, and without, `high`; or exactly `low`."""

    low: str
    high: str = ""

    @property
    def exact(self) -> bool:
        """Whether just this word is meant, and not all that begin with it."""
        return not self.high


def of_standing(standing: Standing) -> str:
    """Write the word of a standing; nobody can type it."""
    return f"state={standing.value}"


def of_category(category: str) -> str:
    """Write the word of a category; nobody can type it."""
    return f"category={category}"


def terms(query: str, category: str = "", standing: Standing | None = None) -> tuple[Term, ...]:
    """Read a query: each of its words is the beginning of one that must be there."""
    typed: list[str] = []
    for run in _runs(query[:LONGEST_QUERY]):
        size = _RUN if _UNSPACED.fullmatch(run) else _LONGEST_WORD
        typed.append(run[:size])
    found = [Term(word, word + _LAST) for word in list(dict.fromkeys(typed))[:_MOST_TERMS]]
    if category:
        found.append(Term(of_category(category)))
    if standing is not None:
        found.append(Term(of_standing(standing)))
    return tuple(found)
