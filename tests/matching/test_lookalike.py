"""Names that look the same have one key, however they are written; others do not."""

import time

import pytest

from policybot.matching.lookalike import skeleton

ALIKE = [
    ("Anna Garden", "Аnnа Gаrdеn", "Cyrillic letters"),
    ("Anna", "Αnna", "a Greek capital"),
    ("Tom", "Τοm", "Greek letters"),
    ("Anna", "Ａｎｎａ", "fullwidth letters"),
    ("Anna", "An\u200bna", "a zero-width space"),
    ("Anna", "A\u200dnn\ufeffa\u2060", "joiners that nobody sees"),
    ("Anna", "\u202eAnna\u202c", "an override"),
    ("Anna", "\u2067Anna\u2069", "isolates"),
    ("Anna", "A\u034fnna\ufe0f", "marks that nobody sees"),
    ("Änna", "A\u0308nna", "a combining mark, composed or not"),
    ("Anna", "aNNA", "case"),
    ("Anna Garden", " anna   garden ", "spaces"),
    ("Anna Garden", "AnnaGarden", "no space"),
    ("Anna", "𝓐𝓷𝓷𝓪", "mathematical letters"),
    ("Anna", "ᴀnna", "small capitals"),
    ("fine", "ﬁne", "a ligature, the same after NFKC"),
    ("Ivan", "lvan", "a small l for a capital I"),
    ("ivan", "IVAN", "case, with a letter that is an l as a capital"),
    ("ivan", "1van", "a digit for a letter"),
    ("ivan", "İvan", "a dotted capital"),
    ("ivan", "ıvan", "a dotless letter"),
    ("Bob", "B0b", "a zero"),
    ("Mira", "rnira", "two letters for one"),
    ("wolf", "vvolf", "two other letters for one"),
    ("Olga", "Оlgа", "mixed scripts"),
    ("שלום", "\u200fשלום", "a name from right to left with a mark"),
    ("عمر", "ع\u200bمر", "an Arabic name with a zero-width space"),
    ("anna", "Ꭺnna", "a Cherokee letter"),
    ("Anna Keller", "Anna.Keller", "a dot for a space"),
    ("Anna Keller", "Anna-Keller", "a hyphen"),
    ("Anna Keller", "_Anna·Keller_", "other punctuation"),
    ("Anna Keller", "Anna Keller ✓", "a tick that looks official"),
    ("Anna Keller", "🌹 Anna Keller ✔️", "pictures"),
    ("Anna Keller", "Anna Keller ✓\u0300\u0301", "marks on a symbol"),
    ("Anna Keller", "Anna Keller (Mod)", "a role in brackets"),
    ("Anna Keller", "Anna Keller [Admin] (she) ✓", "several brackets"),
    ("Anna Keller", "Anna Keller（Mod）", "fullwidth brackets"),
    ("Anna Keller", "(Anna Keller)", "a name in brackets altogether"),
    ("🌹🌹", "🌹 🌹", "a name of pictures alone"),
]

DIFFERENT = [
    ("Anna", "Änna"),
    ("Anna", "Hanna"),
    ("Tom", "Tim"),
    ("Мария", "Марина"),
    ("שלום", "שלומי"),
    ("山田", "田山"),
    ("Anna 1", "Anna 2"),
    ("Anna (Mod) Keller", "Anna"),
    ("🌹", "🌷"),
    ("(Anna)", "(Tom)"),
]


@pytest.mark.parametrize(("one", "other", "how"), ALIKE, ids=[how for _, _, how in ALIKE])
def test_what_looks_the_same_has_the_same_key(one: str, other: str, how: str) -> None:
    assert skeleton(one) == skeleton(other) != ""


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_looks_different_has_another_key(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@pytest.mark.parametrize("text", ["", "\u200b", "\u3164", " ", "\u202e"])
def test_what_looks_like_nothing_has_no_key(text: str) -> None:
    assert skeleton(text) == ""


def test_a_key_is_its_own_key() -> None:
    for one, other, _ in ALIKE:
        for text in (one, other):
            assert skeleton(skeleton(text)) == skeleton(text)


def test_a_long_name_takes_no_long_time() -> None:
    began = time.perf_counter()
    skeleton("a\u0300\u202e" * 20_000)
    assert time.perf_counter() - began < 1
