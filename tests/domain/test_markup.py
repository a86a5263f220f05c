"""HTML is read as people see it, and nothing that somebody wants to hide from us is hidden."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain.markup import plain


def text(markup: str, *, reply: bool = False) -> str:
    return plain(markup, reply=reply)[0]


def test_markup_is_read_as_it_is_shown() -> None:
    markup = "<p>sp<b>ad</b>e &amp; <i>rake</i></p><p>hoe<br>axe</p>"
    assert text(markup).split("\n") == ["", "spade & rake", "", "hoe", "axe", ""]
    assert text("a &lt;b&gt; c") == "a <b> c"
    assert text("1 < 2, and 3 > 2") == "1 < 2, and 3 > 2"
    assert text("<mx-reply><blockquote>frobnitz</blockquote></mx-reply>No", reply=True) == "No"
    assert plain("<a href='https://example.net/?a=1&amp;b=2'>x</a>")[1] == (
        "https://example.net/?a=1&b=2",
    )
    assert plain("<img src=mxc://x/y>")[1] == ("mxc://x/y",)


@pytest.mark.parametrize(
    "markup",
    [
        "frob<!-- > -->nitz",
        "frob<!-->nitz",
        'frob<b title=">zz">nitz</b>',
        "frob<b title='>zz'>nitz</b>",
        "frob<?php x?>nitz",
        "frob</>nitz",
        "frob</3 a>nitz",
        "frob<style>x</style>nitz",
        "frob<script>x</script>nitz",
        "<style>frobnitz</style>",
        "< frobnitz >",
        "<3 frobnitz>",
        "<= frobnitz <b>x</b> >",
        '<b ="> frobnitz <i ">',
        '<b "> frobnitz <i ">',
        "<b> frobnitz <i title=",
        "<b title=' frobnitz",
        "<!-- frobnitz",
        '<img alt="frobnitz" src="mxc://x/y">',
        "<img alt=frobnitz>",
        '<a title="frob&#110;itz">x</a>',
        '<span data-mx-spoiler="frobnitz">x</span>',
        '<span data-mx-maths="frobnitz">x</span>',
        "<mx-reply>frobnitz</mx-reply>",
        "No<mx-reply>frobnitz</mx-reply>",
    ],
)
def test_nothing_that_a_client_shows_is_hidden_from_us(markup: str) -> None:
    assert "frobnitz" in text(markup)


@pytest.mark.parametrize(
    "piece",
    [
        "<", "<a",
        "<a ", '<a "', "<a '", '<a b="', "<a b='", '<a b="\'', "<!--", "<!", "</", "<b>",
        "<mx-reply>", "</mx-reply>", "<style>", "&", "&#", "&abcdefghijklmnopqrstuvwxyzabc",
        "=", "<a =",
        "< ", "x=", "<a href", " ", "<!-->", "--!>",
    ],
)  # fmt: skip
def test_a_long_event_is_read_at_once_whatever_it_repeats(piece: str) -> None:
    long = piece * (64_000 // len(piece))
    ways = (long, f"</mx-reply>{long}", f"<mx-reply>{long}", f"<a {long}>", f"{long}>", f'{long}">')
    for markup in ways:
        begin = time.thread_time()
        text(markup, reply=True)
        text(markup)
        assert time.thread_time() - begin < 1, markup[:20]


def test_numbers_that_are_too_long_for_python_are_read() -> None:
    assert text(f"&#{'9' * 6000};x").endswith("x")


@given(st.text(alphabet="<>/!-='\"& abx\ud800;#"), st.booleans())
def test_whatever_is_written_is_read_without_fault(markup: str, reply: bool) -> None:
    found, addresses = plain(markup, reply=reply)
    "".join((found, *addresses)).encode()
