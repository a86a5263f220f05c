"""Text as it is compared: one form for all ways to write what reads the same.

Two views. The first drops what is not seen (zero-width and direction characters, marks laid over
letters) and differences of form and case. The second also writes letters that look like Latin ones as
those; positions in it are kept only while its length is that of the first.
"""

import re
import unicodedata

import disarm

_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
"""What Unicode says not to show (Default_Ignorable_Code_Point), and control characters."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MARKS = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
"""Marks that remain when letters are composed with theirs: no letter of any language has them."""
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\uff66-\uff9f\U00016fe0-\U00018dff\U0001aff0-\U0001b2ff\U00020000-\U0003ffff]"
)
"""Scripts that are written without spaces between words, and Hangul, where endings join the word."""


def visible(text: str) -> str:
    """Drop what is not seen, and write what is left in one form; case stays."""
    if text.isascii():
        return _CONTROL.sub("", text) if not text.isprintable() else text
    return _MARKS.sub("", unicodedata.normalize("NFKC", _UNSEEN.sub("", text)))


def folded(text: str) -> str:
    """Give the first view of a text."""
    if text.isascii():
        return visible(text).lower()
    shown = unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).casefold()
    return _MARKS.sub("", unicodedata.normalize("NFKC", shown))


def lookalike(view: str) -> str:
    """Give the second view, from the first."""
    if view.isascii():
        return view
    return disarm.normalize_confusables(view).lower()


def starts_a_word(text: str, at: int) -> bool:
    """Say whether what begins there is not the rest of a longer word."""
    return at == 0 or not _joins(text[at - 1]) or not _joins(text[at])


def ends_a_word(text: str, at: int) -> bool:
    """Say whether what ends before `at` is not the beginning of a longer word."""
    return at >= len(text) or not _joins(text[at]) or not _joins(text[at - 1])


def _joins(char: str) -> bool:
    """Say whether a character is part of a word that has spaces or signs around it."""
    if char.isascii():
        return char.isalnum() or char == "_"
    # Marks carry on the word in scripts such as Devanagari and Arabic.
    return unicodedata.category(char)[0] in "LMN" and _WITHOUT_SPACES.match(char) is None
