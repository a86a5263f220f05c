"""The small values: numbers, measures, effects, permissions, ranks, statements."""

from dataclasses import fields, replace
from datetime import timedelta
from itertools import pairwise
from string import ascii_uppercase, digits
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import effect_words, effects, notice, number
from policybot.domain.effects import Effect, inverse
from policybot.domain.errors import Incomplete
from policybot.domain.identity import Source, normalised
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind, Measure, duration_in_words, format_duration, parse_duration
from policybot.domain.permission import Permission, Role, allowed
from policybot.domain.rank import Control, Levels, control, hindrance
from policybot.domain.rules import Rule

BOT = "@policybot:x"
serials = st.integers(1, 10**7)


@given(st.integers(2020, 2100), serials)
def test_a_record_number_is_recognised(year: int, serial: int) -> None:
    assert number.is_record(number.record("PB", year, serial))


@given(serials, st.data())
def test_one_wrong_character_in_a_record_number_is_noticed(serial: int, data: st.DataObject) -> None:
    """I24."""
    text = number.record("PB", 2026, serial)
    place = data.draw(st.sampled_from([n for n, c in enumerate(text) if c != "-"]))
    alphabet = ascii_uppercase if text[place].isalpha() and place < 2 else digits + ascii_uppercase
    other = data.draw(st.sampled_from(alphabet).filter(lambda c: c != text[place]))
    assert not number.is_record(text[:place] + other + text[place + 1 :])


@given(serials, st.data())
def test_two_exchanged_neighbours_in_a_record_number_are_noticed(
    serial: int, data: st.DataObject
) -> None:
    """I24."""
    text = number.record("PB", 2026, serial)
    pairs = [n for n in range(len(text) - 1) if "-" not in text[n : n + 2] and text[n] != text[n + 1]]
    place = data.draw(st.sampled_from(pairs))
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    assert not number.is_record(swapped)


@pytest.mark.parametrize("text", ["C-0", "C-", "C-1x", "C-١", "C-1١", "R-2", "C--1", "C-" + "9" * 30])
def test_what_is_no_case_number_is_none(text: str) -> None:
    assert number.parse_case(text) is None


@given(
    st.timedeltas(timedelta(0), timedelta(days=4000)).map(
        lambda d: d - timedelta(microseconds=d.microseconds)
    )
)
def test_a_duration_reads_back_as_it_was_written(span: timedelta) -> None:
    assert parse_duration(format_duration(span)) == span


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "3D", "P1Y", "P1M", "P-1D", "P1.5D", "p1d", "P9" + "9" * 20 + "D"]
)
def test_what_is_no_duration_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="«"):
        parse_duration(text)


def test_durations_are_said_as_people_say_them() -> None:
    assert duration_in_words(timedelta(days=1, hours=12)) == "1 day 12 hours"
    assert duration_in_words(timedelta(days=14)) == "14 days"


def test_measures_are_ordered_by_harshness_then_by_time() -> None:
    texts = ["none", "advise", "warn", "restrict P1D", "restrict P3D", "suspend P1D", "close"]
    found = [Measure.parse(text) for text in texts]
    assert all(one < other for one, other in pairwise(found))
    assert [str(measure) for measure in found] == texts


KINDS: list[type[Effect]] = list(Effect.__args__)


def example(kind: type[Effect]) -> Effect:
    values: dict[str, Any] = {}
    for field in fields(kind):
        values[field.name] = {"bool": True, "tuple[str, ...]": ("a", "b")}.get(
            str(field.type), field.name
        )
        if field.type is bool:
            values[field.name] = True
        if field.name == "categories":
            values[field.name] = ("a", "b")
    return kind(**values)


@pytest.mark.parametrize("kind", KINDS)
def test_an_effect_is_queued_and_read_back_unchanged(kind: type[Effect]) -> None:
    effect = example(kind)
    assert effects.load(*effects.dump(effect)) == effect
    assert effects.lane(effect)
    assert effect_words.in_words(effect)


@pytest.mark.parametrize("kind", KINDS)
def test_the_inverse_of_an_inverse_is_the_effect_itself(kind: type[Effect]) -> None:
    effect = example(kind)
    back = inverse(effect)
    if back is not None:
        assert inverse(back) == effect
        assert effects.lane(back) == effects.lane(effect)
    if isinstance(effect, effects.STANDING):
        assert isinstance(back, effects.RESTORING)
        assert effects.target(back) == effects.target(effect)


def test_unknown_effects_and_values_are_refused() -> None:
    with pytest.raises(KeyError):
        effects.load("Explode", {})
    with pytest.raises(TypeError):
        effects.load("Publish", {"room_id": "!r:x", "loudly": True})


def test_who_may_do_what() -> None:
    """Every cell, so that a change is seen: what each role may do beyond what everybody may."""
    own = {
        role: {p.value for p in Permission if allowed({role}, p)}
        - {p.value for p in Permission if allowed((), p)}
        for role in Role
    }
    staff = {"queue:read", "case:read"}
    look = {"identity:compare", "identity:reveal"}
    rooms = {"unfiled:handle"}
    assert own == {
        Role.EVERYBODY: set(),
        Role.REVIEWER: staff
        | rooms
        | {"queue:claim", "filing:review", "filing:revoke", "document:review", "policy:change"}
        | {"appeal:insist"},
        Role.MODERATOR: staff
        | look
        | rooms
        | {"queue:claim", "case:claim", "case:decide", "sanction:lift", "console:open"}
        | {"policy:change", "appeal:insist"}
        | {"referral:propose", "referral:hand_over"},
        Role.APPEALS: staff
        | {"appeal:decide", "appeal:admit", "recheck:close", "referral:answer"}
        | {"queue:claim", "console:open", "policy:change"},
        Role.EXTERNAL: {"appeal:decide", "queue:claim"},
        Role.PRIVACY: staff | {"identity:approve_reveal", "referral:approve", "referral:hand_over"},
    }
    assert {p.value for p in Permission if allowed((), p)} == {
        "about:read",
        "self:read",
        "identity:link",
        "agreement:sign",
        "report:send",
        "appeal:send",
        "register:read",
        "filing:submit",
        "data:export",
        "data:erase",
        "link:open",
        "act:confirm",
    }


@pytest.mark.parametrize(
    ("version", "creators", "users", "reach"),
    [
        ("11", ("@anna:x",), {"@anna:x": 100, BOT: 100}, Control.SHARED),
        ("11", (BOT,), {BOT: 100, "@anna:x": 50}, Control.CREATED),
        ("12", ("@anna:x",), {BOT: 100}, Control.SHARED),
        ("12", (BOT,), {"@anna:x": 50}, Control.CREATED),
        ("11", ("@anna:x",), {"@anna:x": 100}, Control.NONE),
        ("6", ("@anna:x",), {"@anna:x": "100", BOT: "100"}, Control.SHARED),
    ],
)
def test_how_far_the_bots_rank_reaches(
    version: str, creators: tuple[str, ...], users: dict[str, Any], reach: Control
) -> None:
    levels = Levels(version, creators, {"users": users, "events": {"m.room.power_levels": 100}})
    assert control(levels, BOT) is reach
    successor = replace(levels, predecessor="!old:x")
    assert control(successor, BOT) is (Control.ADOPTED if reach is Control.CREATED else reach)


def test_a_hindrance_names_the_way_round() -> None:
    levels = Levels("12", ("@anna:x",), {"users": {BOT: 100}, "events": {}})
    assert hindrance(levels, BOT, "@tom:x") is None
    owner = hindrance(levels, BOT, "@anna:x")
    assert owner is not None
    assert "measure on the account" in owner
    powerless = hindrance(Levels("11", (), {"users": {}}), BOT, "@tom:x")
    assert powerless is not None
    assert "power level 100" in powerless


def a_statement(**changes: Any) -> notice.Statement:
    values: dict[str, Any] = {
        "rule": Rule("R1", "Respect", "Do not insult anybody."),
        "measure": Measure(Kind.WARN),
        "scope": Scope.MEMBER,
        "place": "the room PB-2026-000001-OE",
        "removed": False,
        "facts": "Called a neighbour names.",
        "severity": "severity S1",
        "history": "no earlier decision counted",
        "origin": notice.Origin.REPORT,
        "case_number": "C-1",
        "appeal_window": timedelta(days=183),
        "appeal_body": None,
    }
    return notice.statement(**values | changes)


def test_a_statement_of_reasons_with_a_gap_cannot_be_used() -> None:
    assert notice.complete(a_statement())
    for facts in ("", "   ", "short", "x" * 5_001):
        with pytest.raises(Incomplete, match="facts"):
            notice.complete(a_statement(facts=facts))
    with pytest.raises(Incomplete, match="scope"):
        notice.complete(a_statement(place=" "))


def test_a_notice_says_what_why_until_when_and_how_to_object() -> None:
    text = notice.decided(a_statement(), case_number="C-1", ends_at=None)
    for needed in (
        "a warning",
        "Called a neighbour names",
        "R1 Respect",
        "!policy appeal C-1",
        "183 days",
    ):
        assert needed in text


def test_documents_whose_numbers_differ_in_any_script_are_two_persons() -> None:
    numbers = ["КН123456", "АВ123456", "京123456", "١٢٣٤٥٦", "123456", "K4NARY7788"]
    assert len({normalised(Source.DOCUMENT, number) for number in numbers}) == len(numbers)


@pytest.mark.parametrize(
    ("written", "same"), [("кн 123-456", "КН123456"), ("k4nary 7788", "K4NARY-7788"), ("Ｋ１", "k1")]
)
def test_a_document_is_known_again_however_its_number_is_written(written: str, same: str) -> None:
    assert normalised(Source.DOCUMENT, written) == normalised(Source.DOCUMENT, same)
