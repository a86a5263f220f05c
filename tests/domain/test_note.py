"""Signed notes: the form is that of other tools, and what is no checkpoint is passed over."""

from base64 import b64decode
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain.note import Checkpoint, Note, NoteRefused, Verifier, note, notes_in

# The example of golang.org/x/mod/sumdb/note.
KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNED = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_a_key_and_a_signature_of_another_tool_are_understood() -> None:
    verifier = Verifier.read(KEY)
    assert str(verifier) == KEY
    data = b64decode(SIGNED)
    assert data[:4] == verifier.id
    Ed25519PublicKey.from_public_bytes(verifier.public).verify(data[4:], TEXT.encode())


OF_ANOTHER_KIND = KEY.replace("+ARpc", "+Ahpc")
"""The same, but for the byte that says which kind of key it is."""


@pytest.mark.parametrize(
    "wrong",
    [KEY[:-4], KEY.replace("c74f", "c74e"), KEY.replace("Peter", "P"), OF_ANOTHER_KIND, "", "a+b"],
)
def test_a_key_with_anything_wrong_is_none(wrong: str) -> None:
    with pytest.raises(NoteRefused):
        Verifier.read(wrong)


@given(st.integers(0, 10**15), st.binary(min_size=32, max_size=32), st.none() | st.just(AT))
def test_a_checkpoint_is_read_as_it_was_written(size: int, root: bytes, at: datetime | None) -> None:
    made = Note(
        Checkpoint("example.org/policybot", size, root, at), (("example.org/policybot", b"1234", b"s"),)
    )
    assert note(str(made)) == made
    assert list(notes_in(f"10:31 policybot\n{made}\nGood morning!\n{made}")) == [made, made]


@given(st.text())
def test_no_text_makes_the_reader_stumble(text: str) -> None:
    assert [str(one) for one in notes_in(text)] == []


def test_of_several_signatures_that_of_the_key_is_found_and_no_other() -> None:
    verifier, checkpoint = Verifier.read(KEY), Checkpoint("example.org/log", 1, bytes(32), AT)
    of_others = (
        ("example.net/witness", b"1234", b"theirs"),
        (verifier.name, b"1234", b"of another key of that name"),
        ("example.net/witness", verifier.id, b"of another name with that ID"),
    )
    own = (verifier.name, verifier.id, b"own")
    assert Note(checkpoint, (*of_others, own)).by(verifier) == b"own"
    assert Note(checkpoint, of_others).by(verifier) is None


def test_none_and_two_are_not_one_checkpoint() -> None:
    made = str(Note(Checkpoint("example.org/log", 1, bytes(32), AT), (("a", b"1234", b"s"),)))
    assert str(note(made)) == made
    for text in ("", "Good morning!\n", made + made, f"{made}Good morning!\n"):
        with pytest.raises(NoteRefused):
            note(text)
