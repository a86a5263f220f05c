"""The operator's words and phrases, found in a text in one pass however many they are.

A word in a script with spaces matches as a whole word; one in a script without spaces wherever it
stands. What only looks like one of them matches too, and only where some letter of it is not what it
seems: a Latin word is not taken for a Cyrillic one of the same looks. A word wholly of one other script
is that script's own (Russian «но» is no «ho»), unless all that stands around it is in Latin letters.
"""

from collections.abc import Iterator, Mapping, Sequence

from ahocorasick_rs import AhoCorasick, Implementation

from policybot.domain.gate import MAX_HITS
from policybot.matching import fold
from policybot.matching.fold import ends_a_word, starts_a_word

_PIECE = 4096
"""Characters that are looked at in one go, so that what a text can cost in memory is bounded."""

_LATIN = "LATIN"
_Place = tuple[int, int, int]
"""An owner, and where something begins and ends."""


class Terms:
    """Compiled words; each has an owner, and the same word can have several."""

    def __init__(self, words: Mapping[int, Sequence[str]]) -> None:
        """Compile the words of each owner.

        Raises:
            ValueError: a word says nothing; the message quotes it.
        """
        plain: dict[str, list[int]] = {}
        alike: dict[str, list[int]] = {}
        for owner, terms in words.items():
            for term in terms:
                view = fold.folded(" ".join(term.split()))
                if not any(map(str.isalnum, view)) and not _is_sign(view):
                    message = f"«{term}» is no word"
                    raise ValueError(message)
                _add(plain, view, owner)
                _add(alike, fold.lookalike(view), owner)
        self._plain = _Automaton(plain)
        # Words in Latin letters look like themselves.
        self._alike = self._plain if alike == plain else _Automaton(alike)

    def find(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Find words in a text: owner, beginning and end, in the text as it is compared."""
        view = fold.folded(text)
        yield from self._plain.find(view)
        if view.isascii():
            return
        other = fold.lookalike(view)
        if other == view:
            return
        alike = list(self._alike.find(other))
        origins = fold.origins(view) if alike else None
        found = []
        for owner, first, last in alike:
            begin, end = (origins[first], origins[last - 1] + 1) if origins else (first, last)
            if view[begin:end] != other[first:last]:
                found.append((owner, begin, end))
        if found:
            yield from _disguised(view, found)


def _disguised(view: str, found: list[_Place]) -> Iterator[_Place]:
    """Leave out the ordinary words of another script that happen to look like what is looked for."""
    around, kinds = fold.scripts(view), {}
    places = sorted({(begin, end) for _, begin, end in found})
    reached = 0
    for begin, end in places:
        kinds[begin, end] = fold.scripts(view[begin:end])
        around -= fold.scripts(view[max(begin, reached) : end])
        reached = max(reached, end)
    for owner, begin, end in found:
        inside = kinds[begin, end]
        (kind,) = inside if len(inside) == 1 else (_LATIN,)
        if kind == _LATIN or (around[_LATIN] and not around[kind]):
            yield owner, begin, end


class _Automaton:
    """One automaton over one view."""

    def __init__(self, owners: Mapping[str, Sequence[int]]) -> None:
        words = sorted(owners)
        self._owners = [tuple(owners[word]) for word in words]
        self._longest = max(map(len, words), default=0)
        self._machine = (
            AhoCorasick(words, store_patterns=False, implementation=Implementation.ContiguousNFA)
            if words
            else None
        )

    def find(self, view: str) -> Iterator[tuple[int, int, int]]:
        if self._machine is None:
            return
        if len(view) <= _PIECE:
            found = self._machine.find_matches_as_indexes(view, overlapping=True)
            if found:
                yield from self._whole(view, found, 0, {})
            return
        counts: dict[int, int] = {}
        for begin in range(0, len(view), _PIECE):
            # Pieces overlap by the longest word; what begins in the overlap belongs to the next one.
            piece = view[begin : begin + _PIECE + self._longest]
            found = self._machine.find_matches_as_indexes(piece, overlapping=True)
            yield from self._whole(view, found, begin, counts)

    def _whole(
        self, view: str, found: list[tuple[int, int, int]], begin: int, counts: dict[int, int]
    ) -> Iterator[tuple[int, int, int]]:
        """Give what is a whole word of what was found in a piece, up to a number of each word."""
        for word, first, last in found:
            if counts.get(word, 0) >= MAX_HITS or (first >= _PIECE and begin + first < len(view)):
                continue
            at, end = begin + first, begin + last
            if starts_a_word(view, at) and ends_a_word(view, end):
                counts[word] = counts.get(word, 0) + 1
                for owner in self._owners[word]:
                    yield owner, at, end


def _add(to: dict[str, list[int]], word: str, owner: int) -> None:
    owners = to.setdefault(word, [])
    if owner not in owners:
        owners.append(owner)


def _is_sign(view: str) -> bool:
    """Say whether it is made of signs that are seen, such as an emoji; a comma is not worth a rule."""
    return bool(view.strip()) and not view.isascii()
