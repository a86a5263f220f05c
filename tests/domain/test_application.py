"""Applications: a form is read with every mistake named, and nothing in it hides or forges text."""

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import application
from policybot.domain.application import About, Form, in_lines, key, read, typed_of
from policybot.domain.particulars import Mistaken
from policybot.domain.rank import Control

ANNA, BOT = "@anna:example.org", "@policybot:example.org"
FORM = Form(ANNA, BOT, ("general", "news"), new=False, asked=False)
GOOD = {
    "purpose": "Neighbours talk of gardens",
    "category": "general",
    "kept_by": "person",
    "control": "shared",
}
HOSTILE = "\u202e<b>evil</b>\u2066\x00\u200b"


def faults(**typed: str) -> dict[str, str]:
    with pytest.raises(Mistaken) as caught:
        read(GOOD | typed, FORM)
    return dict(caught.value.faults)


def test_a_form_with_what_is_needed_is_good() -> None:
    applied = read(GOOD, FORM)
    assert (applied.purpose, applied.categories) == (GOOD["purpose"], ("general",))
    assert (applied.deputy, applied.control, applied.about) == (None, Control.SHARED, About())


def test_an_empty_form_names_every_field_that_is_needed() -> None:
    with pytest.raises(Mistaken) as caught:
        read({}, Form(ANNA, BOT, ("general",), new=False, asked=True))
    assert set(caught.value.faults) == {"purpose", "category", "kept_by", "control", "answer"}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("purpose", "Gardens", "in a sentence"),
        ("purpose", " \u200b" * 20, "in a sentence"),
        ("category", "weather", "among these"),
        ("kept_by", "nobody", "yourself or for an organisation"),
        ("deputy", "anna", "whole account"),
        ("deputy", "@tom", "whole account"),
        ("deputy", ANNA, "That is you"),
        ("deputy", BOT, "Please name a person"),
        ("languages", "english please!", "no code of a language"),
        ("languages", "de, en_GB", "«en_gb» is no code"),
        ("languages", ", ".join(f"a{chr(97 + n)}" for n in range(11)), "at most 10 languages"),
        ("control", "created", "what is to become"),
        ("control", "none", "what is to become"),
    ],
)
def test_a_mistake_is_named_at_its_field(field: str, value: str, said: str) -> None:
    found = faults(**{field: value})
    assert list(found) == [field]
    assert said in found[field]


@pytest.mark.parametrize("field", application.LIMITS)
def test_sixty_kilobytes_in_a_field_are_refused_at_that_field(field: str) -> None:
    assert "these are 60,000" in faults(**{field: "x" * 60_000})[field]


def test_an_organisation_has_a_name_and_a_person_has_none() -> None:
    assert "organisation" in faults(kept_by="organisation")
    kept = read(GOOD | {"organisation": "The Society"}, FORM)
    assert kept.about.organisation == "", "it was typed, and then taken back"
    kept = read(GOOD | {"kept_by": "organisation", "organisation": "The Society"}, FORM)
    assert kept.about.organisation == "The Society"


def test_languages_are_codes_in_small_letters_each_once() -> None:
    applied = read(GOOD | {"languages": " DE;en , pt-BR zh-hant de,"}, FORM)
    assert applied.about.languages == ("de", "en", "pt-br", "zh-hant")


def test_a_room_that_is_to_be_made_has_a_name_and_one_that_is_there_keeps_its_own() -> None:
    new = Form(ANNA, BOT, ("general",), new=True, asked=False)
    called = {"name": "Gardens", "topic": "All of them", "control": "adopted"}
    applied = read(GOOD | called, new)
    assert (applied.about.name, applied.about.topic) == ("Gardens", "All of them")
    assert applied.control is Control.CREATED
    assert read(GOOD | called, FORM).about.name == ""


def test_what_hides_or_turns_round_text_is_gone_from_every_field() -> None:
    texts = dict.fromkeys(("purpose", "organisation", "audience", "contact", "rules"), HOSTILE * 2)
    applied = read(GOOD | texts | {"kept_by": "organisation"}, FORM)
    about = applied.about
    for text in (applied.purpose, about.organisation, about.audience, about.contact, about.rules):
        assert text == "<b>evil</b><b>evil</b>", "markup is text: the page escapes it"


def test_rules_keep_their_lines_and_nothing_else_has_any() -> None:
    applied = read(GOOD | {"rules": "One\r\n\n\n\n\nTwo\u2028Three", "contact": "a\nNext: b"}, FORM)
    assert applied.about.rules == "One\n\nTwo\nThree"
    assert applied.about.contact == "a Next: b"


def test_a_form_reads_back_what_it_wrote() -> None:
    about = About("The Society", "all", ("de", "en"), "desk@example.org", "Be kind\nor go")
    typed = typed_of("Neighbours talk of gardens", ["general", "news"], about, "@tom:example.org")
    applied = read(typed | {"control": "shared"}, FORM)
    assert (applied.about, applied.deputy) == (about, "@tom:example.org")
    assert applied.categories == ("general", "news")


def test_the_width_and_case_of_an_organisation_do_not_matter() -> None:
    assert key("\uff34\uff48\uff45  SOCIETY ") == key("the society")
    assert key("The Society") != key("The Societies")


def test_what_is_said_of_a_room_is_one_line_for_each_thing() -> None:
    about = About(organisation="The Society", languages=("de", "en"), rules="A\n!policy approve F-9")
    assert in_lines(about, "@tom:example.org") == [
        "Organisation: The Society",
        "Deputy: @tom:example.org",
        "Languages: de, en",
        "Rules of the room: A !policy approve F-9",
    ]
    assert in_lines(About(rules="word " * 200), None)[0].endswith("word …")
    assert in_lines(About(), None) == []


@given(st.dictionaries(st.sampled_from(application.FIELDS), st.text(max_size=400)))
def test_whatever_is_typed_is_read_or_refused_by_field(typed: dict[str, str]) -> None:
    found: Collection[str] = ()
    try:
        applied = read(typed, FORM)
        assert "\n" not in "".join([applied.purpose, applied.about.contact, *applied.categories])
    except Mistaken as mistaken:
        found = mistaken.faults
    assert set(found) <= set(application.FIELDS)
