"""What somebody points at, read from whatever they type; and the work that a report costs."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import pointed, server
from policybot.domain.case import SubjectKind
from policybot.domain.intake import worked
from policybot.domain.pointed import Pointed, is_id

WORDS = st.text(st.characters(blacklist_categories=["C", "Z"]), min_size=1, max_size=40)


@given(st.text(max_size=300))
def test_whatever_is_typed_is_read_or_is_nothing(text: str) -> None:
    found = pointed.read(text)
    if found is not None:
        assert found.name.isprintable()
        assert len(found.name) <= pointed.LONGEST_ID
        assert (found.kind is SubjectKind.EVENT) == (found.event_id is not None)
        if found.kind is SubjectKind.SERVER:
            assert server.read(found.name) == found.name
        assert found.event_id is None or is_id(found.event_id, "$")


@given(WORDS, WORDS)
def test_a_link_means_what_its_parts_mean(room: str, event: str) -> None:
    from urllib.parse import quote

    room, event = f"!{room}:example.org", f"${event}"
    link = f"https://matrix.to/#/{quote(room, safe='')}/{quote(event, safe='')}?via=example.org"
    expected = Pointed(SubjectKind.EVENT, room, event)
    assert pointed.read(link) == (expected if is_id(room, "!") and is_id(event, "$") else None)
    uri = f"matrix:roomid/{quote(room[1:], safe='')}/e/{quote(event[1:], safe='')}?via=example.org"
    assert pointed.read(uri) == pointed.read(link)


@pytest.mark.parametrize("text", ["example.net", "Example.NET:8448", "https://matrix.to/#/example.net"])
def test_a_server_is_named_in_small_letters_and_without_a_port(text: str) -> None:
    assert pointed.read(text) == Pointed(SubjectKind.SERVER, "example.net")
    assert pointed.of("example.net", "$event") is None, "a message is in a room"


def test_what_points_at_nothing() -> None:
    for text in ("", "@", "!", "$x", "#x", "@tom", "!a b", "https://example.org", "PB-2026-000123-00"):
        assert pointed.read(text) is None, text
    for text in ("https://matrix.to/#/@a:b/$x", "matrix:u/a:b/e/x", f"!{'x' * 255}", "!a\u202eb"):
        assert pointed.read(text) is None, text


@given(st.text(max_size=80), st.integers(0, 10**16 - 1), st.integers(8, 24))
def test_work_is_so_many_zero_bits_and_not_one_less(form: str, number: int, bits: int) -> None:
    digest = hashlib.sha256(f"{form}:{number}".encode()).digest()
    zeros = f"{int.from_bytes(digest, 'big'):0256b}".index("1")
    assert worked(form, str(number), bits) == (zeros >= bits)
    assert worked(form, str(number), zeros + 1) is False
    assert worked(form, str(number), zeros) is True
