"""How people find a room: words in any script, numbers that were mistyped, what is said of why."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policybot.domain import number, register
from policybot.domain.register import Standing, Term


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Gardens, and flowers!", ["gardens", "and", "flowers"]),
        ("Café CAFÉ cafe\u0301", ["cafe"]),
        ("Straße", ["strasse"]),
        ("PB-2026-000123-7K", ["pb", "2026", "000123", "7k"]),
        ("!room:example.org", ["room", "example", "org"]),
        ("हिन्दी", ["हिन्दी"]),
        ("한국어", ["한국어"]),
        ("园艺聊天", ["园艺聊天", "艺聊天", "聊天", "天"]),
        ("a\u202eb\u200bc\x00d %_*'\"", ["a", "b", "c", "d"]),
        ("state=revoked", ["state", "revoked"]),
        ("", []),
    ],
)
def test_a_text_is_found_by_its_words_in_any_script(text: str, found: list[str]) -> None:
    assert register.words(text) == found


@given(st.text())
def test_no_text_can_feign_a_word_that_nobody_can_type(text: str) -> None:
    for word in register.words(text):
        assert "=" not in word
        assert "\x00" not in word
        word.encode()
        assert 1 <= len(word) <= 32


@example("\U0001d400nna")
@given(st.text(min_size=1))
def test_a_text_is_found_by_the_beginning_of_each_of_its_words(text: str) -> None:
    for word in register.words(text)[:3]:
        for term in register.terms(word[:4]):
            assert any(term.low <= known < term.high for known in register.words(text)), word


def test_a_query_is_bounded() -> None:
    assert len(register.terms(" ".join(f"w{n}" for n in range(1000)))) == 6
    assert len(register.words("x " * 100_000 + "y")) == 1
    assert register.terms("", "general", Standing.REVOKED) == (
        Term("category=general"),
        Term("state=revoked"),
    )


RIGHT = number.record("PB", 2026, 123)


@pytest.mark.parametrize(
    "typed",
    [
        RIGHT[:-1] + ("A" if RIGHT[-1] != "A" else "B"),
        RIGHT[:-3],
        RIGHT.lower(),
        RIGHT.replace("0", "O"),
        RIGHT.replace("-", "\u2013"),
        f"PB-2026-000132-{RIGHT[-2:]}",
        f"PB-2026-000223-{RIGHT[-2:]}",
        f"PB-2062-000123-{RIGHT[-2:]}",
    ],
)
def test_a_mistyped_number_is_near_the_one_that_was_meant(typed: str) -> None:
    assert RIGHT in number.near(typed)


@pytest.mark.parametrize(
    "typed", ["", "PB", "PB-2026", "x" * 10_000, "PB-٢٠٢٦-٠٠٠١٢٣-7K", "PB-2026-000123-7K-7K", "\x00"]
)
def test_what_is_no_number_at_all_is_near_to_none(typed: str) -> None:
    assert number.near(typed) == []
    assert not number.is_record(typed)


@given(st.text(alphabet="PB-0123456789٣²OIL—Kk", max_size=40))
def test_no_number_however_odd_is_an_error(typed: str) -> None:
    assert all(number.is_record(one) for one in number.near(typed))


def test_why_is_said_as_it_was_meant_for_everybody_or_in_general() -> None:
    assert register.why("revoke") == "by decision"
    assert register.why("revoke", "The association has dissolved") == "The association has dissolved"
    assert register.why("nonsense") == ""
    assert register.marked("+public The owner left") == ("The owner left", True)
    assert register.marked("  The owner +public left") == ("The owner +public left", False)
    assert register.marked("+publicity was the aim") == ("+publicity was the aim", False)
