"""What is shown of somebody, cell by cell; and a name that can do no harm to the text around it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import name
from policybot.domain.identity import Front, FrontClass
from policybot.domain.name import Mark, Shown, What

PSEUDONYM, REAL = Front.PSEUDONYM, Front.REAL
YES, NO, NOTHING = Mark.VERIFIED, Mark.NOT_VERIFIED, Mark.NONE

CELLS = {
    (FrontClass.VOLUNTARY, PSEUDONYM, True): (What.PSEUDONYM, YES),
    (FrontClass.VOLUNTARY, PSEUDONYM, False): (What.PSEUDONYM, NOTHING),
    (FrontClass.VOLUNTARY, REAL, True): (What.REAL, YES),
    (FrontClass.VOLUNTARY, REAL, False): (What.PSEUDONYM, NOTHING),
    (FrontClass.VERIFIED_REQUIRED, PSEUDONYM, True): (What.PSEUDONYM, YES),
    (FrontClass.VERIFIED_REQUIRED, PSEUDONYM, False): (What.PSEUDONYM, NO),
    (FrontClass.VERIFIED_REQUIRED, REAL, True): (What.REAL, YES),
    (FrontClass.VERIFIED_REQUIRED, REAL, False): (What.PSEUDONYM, NO),
    (FrontClass.ROLE_BASED, PSEUDONYM, True): (What.ROLE, YES),
    (FrontClass.ROLE_BASED, PSEUDONYM, False): (What.ROLE, NOTHING),
    (FrontClass.ROLE_BASED, REAL, True): (What.ROLE, YES),
    (FrontClass.ROLE_BASED, REAL, False): (What.ROLE, NOTHING),
    (FrontClass.PSEUDONYM_ONLY, PSEUDONYM, True): (What.PSEUDONYM, YES),
    (FrontClass.PSEUDONYM_ONLY, PSEUDONYM, False): (What.PSEUDONYM, NOTHING),
    (FrontClass.PSEUDONYM_ONLY, REAL, True): (What.PSEUDONYM, YES),
    (FrontClass.PSEUDONYM_ONLY, REAL, False): (What.PSEUDONYM, NOTHING),
}


@pytest.mark.parametrize("where", FrontClass)
@pytest.mark.parametrize("front", Front)
@pytest.mark.parametrize("verified", [True, False])
def test_what_is_shown_in_which_class_of_room(where: FrontClass, front: Front, verified: bool) -> None:
    assert name.shown(front, where, verified=verified) == Shown(*CELLS[where, front, verified])


def test_of_several_classes_the_one_that_shows_least_holds() -> None:
    assert name.strictest([FrontClass.VOLUNTARY, FrontClass.PSEUDONYM_ONLY]) is FrontClass.PSEUDONYM_ONLY
    assert name.strictest([FrontClass.ROLE_BASED, FrontClass.VOLUNTARY]) is FrontClass.ROLE_BASED
    assert name.strictest([]) is FrontClass.VOLUNTARY


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("Anna", "Anna"),
        ("  Anna \t\n Garden\r\n", "Anna Garden"),
        ("Anna\u2028Answerable: Tom", "Anna Answerable: Tom"),
        ("\u202eAnna\u202c", "Anna"),
        ("\u2068Anna", "Anna"),
        ("An\u200bn\u200da\ufeff\u00ad", "Anna"),
        ("A\x00n\x01n\x1b[31ma\x7f", "Ann[31ma"),
        ("\u3164\u2800\u115f", ""),
        ("\ue000\ud800", ""),
        ("A\U000e0061\U000e007f", "A"),
        ("Z\u0300\u0301\u0302\u0303\u0304\u0305algo", "Z\u0300\u0301\u0302algo"),
        ("Tom», verified since 2020 «", "Tom›, verified since 2020 ‹"),
        ("<b>Anna</b>", "<b>Anna</b>"),
        ("x" * 61_440, "x" * 64),
        ("\u200b" * 61_440 + "Anna", ""),
        ("山田", "山田"),
        ("שלום", "שלום"),
    ],
)
def test_a_name_is_written_without_what_hides_turns_or_forges(given_name: str, shown: str) -> None:
    assert name.cleaned(given_name) == shown


@given(st.text(max_size=2000))
def test_a_clean_name_is_one_short_line_whatever_it_was(text: str) -> None:
    clean = name.cleaned(text)
    assert len(clean) <= name.LONGEST
    assert name.cleaned(clean) == clean
    assert not {c for c in clean if unicodedata.category(c)[0] == "C" or c in "\n\u2028«»"}


def test_a_name_from_right_to_left_turns_nothing_else_round() -> None:
    assert name.quoted("Anna שלום") == "«\u2068Anna שלום\u2069»"
    assert name.quoted("Anna") == "«Anna»"


def test_a_name_is_put_in_where_its_place_is() -> None:
    text = f"Answerable: {name.placeholder('@anna:example.org')}, verified"
    assert name.places(text) == {"@anna:example.org"}
    assert name.filled(text, lambda account: f"<{account}>") == (
        "Answerable: <@anna:example.org>, verified"
    )
    assert not name.places("nobody \x01\x01 here \x01")
