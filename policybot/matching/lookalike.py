"""Names that look the same: one key for all ways to write what reads as one name."""

import unicodedata

import disarm

_ALIKE = (("i\u0307", "i"), ("i", "l"), ("rn", "m"), ("vv", "w"))
"""What looks the same beyond single letters. A capital I is an l to the eye and an i to whoever folds
case, so the three are one. The pairs are those of Unicode's confusables.txt."""
_OPENING, _CLOSING = frozenset("([{<"), frozenset(")]}>")


def skeleton(text: str) -> str:
    """Give the key of a name: the skeleton of UTS 39, without case and what is not seen.

    Spaces, punctuation and symbols do not count, nor what stands in brackets at the end: people read
    «Anna.Keller», «Anna Keller ✓» and «Anna Keller (Mod)» as one name. Two names look the same if their
    keys are equal. The key is for comparing, never for showing.
    """
    key = disarm.skeleton_key(text, digit_policy="tr39")
    key = _bare(_without_suffix(key)) or key.replace(" ", "")
    for written, seen in _ALIKE:
        key = key.replace(written, seen)
    return key


def _without_suffix(key: str) -> str:
    """Drop what stands in brackets at the end of a name, unless it is all of it."""
    begin = next((n for n, char in enumerate(key) if char in _OPENING), len(key))
    last = max((n for n, char in enumerate(key) if char.isalnum()), default=-1)
    closed = any(char in _CLOSING for char in key[last + 1 :])
    return key[:begin] if closed and any(map(str.isalnum, key[:begin])) else key


def _bare(key: str) -> str:
    """Drop punctuation, symbols and spaces, with the marks that they carry."""
    kept: list[str] = []
    dropped = False
    for char in key:
        kind = unicodedata.category(char)[0]
        dropped = kind in "PSZ" or (dropped and kind == "M")
        if not dropped:
            kept.append(char)
    return "".join(kept)
