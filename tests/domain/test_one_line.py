"""What somebody typed, as one line: plain text is not looked at letter by letter, and reads the same."""

from hypothesis import given
from hypothesis import strategies as st

from policybot.domain.name import one_line

PLAIN = st.text(st.characters(max_codepoint=0x7F), max_size=40)


@given(PLAIN, st.integers(1, 50))
def test_plain_text_reads_as_it_does_beside_a_letter_that_is_looked_at(text: str, longest: int) -> None:
    assert (
        one_line(text, longest)
        == one_line(text + " ä", 100).removesuffix("ä").rstrip()[:longest].rstrip()
    )


@given(st.text(st.characters(max_codepoint=0x1FFFF, exclude_categories=["Cs"]), max_size=80))
def test_it_is_one_line_and_stays_what_it_is(text: str) -> None:
    line = one_line(text, 80)
    assert line.isprintable() or not line.isascii()
    assert not set(line) & set("\n\r\t\x00\x1b\u2028\u202e")
    assert one_line(line, 80) == line
