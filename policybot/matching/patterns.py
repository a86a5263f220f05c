"""The operator's patterns in the syntax of RE2: time in proportion to the text, whatever they say."""

import time
from collections.abc import Iterator, Mapping, Sequence

import re2

from policybot.matching import fold

_MEMORY = 64 * 1024 * 1024
"""Bytes that all patterns together may need while they are matched."""
_OWN_MEMORY = 8 * 1024 * 1024
"""Bytes that one pattern may need; what needs more is refused when it is read."""


def options(memory: int = _OWN_MEMORY) -> re2.Options:
    """Give the options under which patterns are compiled."""
    chosen = re2.Options()
    chosen.max_mem = memory
    chosen.log_errors = False
    return chosen


class Patterns:
    """Compiled patterns; each has an owner."""

    def __init__(self, patterns: Mapping[int, Sequence[str]]) -> None:
        """Compile the patterns of each owner.

        Raises:
            ValueError: RE2 refuses one; the message quotes it and says why.
        """
        self._owners: list[int] = []
        self._single: list[re2._Regexp] = []
        self._set: re2.Set | None = None
        together = re2.Set.SearchSet(options(_MEMORY))
        for owner, texts in patterns.items():
            for text in texts:
                try:
                    self._single.append(re2.compile(text, options()))
                    together.Add(text)
                except re2.error as error:
                    message = f"«{text}»: {_why(error)}"
                    raise ValueError(message) from None
                self._owners.append(owner)
        if self._owners:
            try:
                together.Compile()
            except re2.error:
                message = "all patterns together need too much memory; make them fewer or simpler"
                raise ValueError(message) from None
            self._set = together

    def find(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Find patterns in a text: owner, beginning and end, in the text without what is not seen.

        Of each pattern the first place is given.
        """
        if self._set is None:
            return
        shown = fold.visible(text)
        for index in self._set.Match(shown) or ():
            place = self._single[index].search(shown)
            begin, end = place.span() if place else (0, 0)
            yield self._owners[index], begin, end

    def locate_each(self, text: str) -> float:
        """Look for the place of each pattern, found or not; give the seconds of the slowest look."""
        shown, slowest = fold.visible(text), 0.0
        for single in self._single:
            begin = time.thread_time()
            single.search(shown)
            slowest = max(slowest, time.thread_time() - begin)
        return slowest


def _why(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return text or "is refused"
