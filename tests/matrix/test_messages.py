"""What the bot writes pings nobody and cannot be turned round by what it quotes."""

import pytest

from policybot.matrix.talk import notice


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Anna\u202e", "Anna"),
        ("a\x00b\x01c\nd", "abc\nd"),
        ("«\u2068שלום\u2069», verified", "«\u2068שלום\u2069», verified"),
        ("\u2068open", "open"),
        ("close\u2069 «\u2068שלום\u2069»", "close «שלום»"),
        ("\u2068a\nb\u2069", "a\nb"),
        ("\u2068\u2068a\u2069\u2069", "a"),
    ],
)
def test_only_whole_isolates_are_let_through(text: str, written: str) -> None:
    assert notice(text)["body"] == written


def test_a_message_pings_nobody() -> None:
    said = notice("@room @lea:example.org <b>bold</b>")
    assert said["m.mentions"] == {}
    assert said["body"] == "@room @lea:example.org <b>bold</b>"
    assert "formatted_body" not in said
