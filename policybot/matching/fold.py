"""Text as it is compared: one form for all ways to write what reads the same.

Two views. The first drops what is not seen (zero-width and direction characters, marks laid over
letters) and differences of form and case. The second also writes letters that look like Latin ones as
those; some look like two, so `origins` says which letter each comes from.
"""

import re
import unicodedata
from collections import Counter
from functools import lru_cache

import disarm

_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufff9-\ufffb\U00013430-\U00013438]"
)
"""What Unicode says not to show (Default_Ignorable_Code_Point), and control characters."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20e2\u20e4-\u20ff\ufe20-\ufe2f]"
    # A figure on a key is a sign of its own.
    "|(?<![0-9#*])\u20e3"
)
"""Marks that remain when letters are composed with theirs. Few languages write such letters, and read
their words without the mark as well; laid over Latin letters they are the commonest disguise."""
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\uff66-\uff9f\U00016fe0-\U00018dff\U0001aff0-\U0001b2ff\U00020000-\U0003ffff]"
)
"""Scripts that are written without spaces between words, and Hangul, where endings join the word."""

_PLANE = 0x10000
_HIGHEST = 30
"""Marks on one letter that are kept: as many as Unicode's Stream-Safe Text Format (UAX 15) has. To put
thousands of them into their order would take seconds."""


def _heap(end: int) -> re.Pattern[str]:
    marks = "".join(chr(point) for point in range(0x300, end) if unicodedata.combining(chr(point)))
    return re.compile(f"[{marks}][{marks}]{{{_HIGHEST},}}")


_HEAP, _ANY_HEAP = _heap(_PLANE), _heap(0x1F000)
"""Without and with the marks of rarer scripts, which take longer to look for."""
_SENTENCE = re.compile("[\ufdfa\ufdfb]")
"""Single signs for whole sentences, which would make a text of an event eighteen times as long."""
_FLAGS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
_MOST_FLAGS = 512
"""Letters of flags in a row that are counted; an even number."""
_REMEMBERED = 65_536
"""Letters whose looks are remembered; more than an event can hold, so none is asked for twice."""


def visible(text: str) -> str:
    """Drop what is not seen, and write what is left in one form; case stays."""
    if text.isascii():
        return _CONTROL.sub("", text) if not text.isprintable() else text
    return _MARKS.sub("", _in_one_form(text))


def _in_one_form(text: str) -> str:
    """Drop what is not seen, and compose; in time that does not run away, whatever is heaped up."""
    shown = _SENTENCE.sub(" ", _UNSEEN.sub("", text))
    heap = _HEAP if max(shown, default="") < chr(_PLANE) else _ANY_HEAP
    return unicodedata.normalize("NFKC", heap.sub(lambda marks: marks[0][:_HIGHEST], shown))


def folded(text: str) -> str:
    """Give the first view of a text."""
    if text.isascii():
        return visible(text).lower()
    shown = _in_one_form(text).casefold()
    return _MARKS.sub("", unicodedata.normalize("NFKC", shown))


def lookalike(view: str) -> str:
    """Give the second view, from the first."""
    return view if view.isascii() else view.translate(_LATIN)


def origins(view: str) -> list[int] | None:
    """Say from which place in the first view each of the second comes; None if it is the same."""
    lengths = [len(_LATIN[ord(char)]) for char in view]
    if lengths.count(1) == len(lengths):
        return None
    return [at for at, length in enumerate(lengths) for _ in range(length)]


class _Latin(dict[int, str]):
    """How a letter is written in the second view, by its code point."""

    def __missing__(self, point: int) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()
        self[point] = disarm.normalize_confusables(chr(point)).lower()
        return self[point]


_LATIN = _Latin()


@lru_cache(maxsize=_REMEMBERED)
def script(char: str) -> str:
    """Name the script of a letter as its name does, such as `CYRILLIC`; empty for what is no letter."""
    return unicodedata.name(char, "").partition(" ")[0] if char.isalpha() else ""


def scripts(text: str) -> Counter[str]:
    """Count the letters of each script in a text."""
    counted: Counter[str] = Counter()
    for char, number in Counter(text).items():
        counted[script(char)] += number
    del counted[""]
    return counted


def starts_a_word(text: str, at: int) -> bool:
    """Say whether what begins there is not the rest of a longer word."""
    return at == 0 or not (
        (_joins(text[at - 1]) and _joins(text[at])) or (text[at] in _FLAGS and _half_before(text, at))
    )


def ends_a_word(text: str, at: int) -> bool:
    """Say whether what ends before `at` is not the beginning of a longer word."""
    return at >= len(text) or not (
        (_joins(text[at]) and _joins(text[at - 1])) or (text[at] in _FLAGS and _half_before(text, at))
    )


def _half_before(text: str, at: int) -> bool:
    """Say whether a flag, which two letters make, is half written before a place."""
    begin = at
    while begin and at - begin < _MOST_FLAGS and text[begin - 1] in _FLAGS:
        begin -= 1
    return (at - begin) % 2 == 1


def _joins(char: str) -> bool:
    """Say whether a character is part of a word that has spaces or signs around it."""
    if char.isascii():
        return char.isalnum() or char == "_"
    # Marks carry on the word in scripts such as Devanagari and Arabic.
    return unicodedata.category(char)[0] in "LMN" and _WITHOUT_SPACES.match(char) is None
