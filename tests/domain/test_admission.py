"""Who enters, invites, makes rooms, shows and names them, uploads: each refusal says what to do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import admission
from policybot.domain.publishing import STRANGER, Account
from policybot.domain.refusal import Code, Refusal
from policybot.domain.seen import File
from policybot.domain.view import Creation, Curb, House, Room, Upload
from tests.viewing import NAMED, OPEN, PAGES, View

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BOT = "@policybot:a.example"
ANNA = "@anna:a.example"
GUARDED = Room(("general",), named=True, guarded=True)
OUT = Curb("C-7", "!r", excluded=True, until=NOW + timedelta(days=3))


def code(refusal: Refusal | None) -> Code | None:
    return refusal.code if refusal else None


def house(**more: Any) -> House:
    return House(BOT, PAGES, **more)


def test_everybody_enters_a_room_that_is_not_guarded() -> None:
    assert admission.enters(View(OPEN, STRANGER), "!r", ANNA, NOW) is None
    assert admission.enters(View(None, STRANGER), "!r", ANNA, NOW) is None


def test_only_publishers_enter_a_guarded_room_and_others_read_how() -> None:
    assert admission.enters(View(GUARDED), "!r", ANNA, NOW) is None
    refusal = admission.enters(View(GUARDED, STRANGER), "!r", ANNA, NOW)
    assert refusal is not None
    assert refusal.code is Code.ENTRY
    assert "!policy verify" in refusal.sentence
    assert refusal.link == PAGES.agreement


def test_who_is_verified_and_has_not_signed_is_sent_to_the_agreement_before_entering() -> None:
    view = View(GUARDED, Account(verified=True))
    assert code(admission.enters(view, "!r", ANNA, NOW)) is Code.UNSIGNED


def test_who_is_kept_out_by_a_decision_reads_which_until_when_and_how_to_object() -> None:
    refusal = admission.enters(View(OPEN, curbed=OUT), "!r", ANNA, NOW)
    assert refusal is not None
    assert refusal.sentence == (
        "You cannot enter this room until 2026-03-05 09:00 UTC, by decision C-7. To object, send "
        "!policy appeal C-7 REASON to @policybot:a.example"
    )
    later = NOW + timedelta(days=3)
    assert admission.enters(View(OPEN, curbed=OUT), "!r", ANNA, later) is None


def test_who_may_only_not_write_may_enter() -> None:
    assert admission.enters(View(OPEN, curbed=Curb("C-7", "!r")), "!r", ANNA, NOW) is None


def test_who_may_not_write_invites_nobody() -> None:
    assert code(admission.invites(View(OPEN, curbed=Curb("C-7")), "!r", ANNA, NOW)) is Code.CURBED
    assert code(admission.invites(View(NAMED, STRANGER), "!r", ANNA, NOW)) is Code.UNVERIFIED
    assert admission.invites(View(NAMED), "!r", ANNA, NOW) is None
    assert admission.invites(View(None, STRANGER), "!r", ANNA, NOW) is None


@pytest.mark.parametrize(
    "wanted",
    [
        {"visibility": "public"},
        {"preset": "public_chat"},
        {"initial_state": [{"type": "m.room.join_rules", "content": {"join_rule": "public"}}]},
        {"preset": "private_chat", "visibility": "public"},
        {
            "preset": "public_chat",
            "initial_state": [
                {"type": "m.room.join_rules", "state_key": "x", "content": {"join_rule": "invite"}}
            ],
        },
    ],
)
def test_public_rooms_are_filed_where_the_operator_says_so(wanted: dict[str, Any]) -> None:
    filed = View(house=house(creation=Creation.FILED))
    refusal = admission.creates(filed, ANNA, wanted)
    assert refusal is not None
    assert "!policy file new" in refusal.sentence
    assert admission.creates(filed, BOT, wanted) is None
    verified = View(house=house(creation=Creation.VERIFIED))
    assert admission.creates(verified, ANNA, wanted) is None
    verified.who = STRANGER
    assert code(admission.creates(verified, ANNA, wanted)) is Code.VERIFIED_CREATION
    assert admission.creates(View(who=STRANGER), ANNA, wanted) is None


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"preset": "private_chat"},
        {"preset": "trusted_private_chat", "is_direct": True, "invite": ["@tom:a.example"]},
        {
            "preset": "public_chat",
            "initial_state": [{"type": "m.room.join_rules", "content": {"join_rule": "invite"}}],
        },
    ],
)
def test_private_rooms_are_nobody_elses_business(wanted: dict[str, Any]) -> None:
    filed = View(who=STRANGER, house=house(creation=Creation.FILED))
    assert admission.creates(filed, ANNA, wanted) is None


def test_the_list_of_public_rooms_is_the_bots_where_the_operator_says_so() -> None:
    refusal = admission.lists(View(house=house(listed=True)), ANNA)
    assert refusal is not None
    for needed in ("!policy file", "!policy withdraw"):
        assert needed in refusal.sentence
    assert admission.lists(View(house=house(listed=True)), BOT) is None
    assert admission.lists(View(), ANNA) is None


def test_a_suspended_room_is_not_listed_again_and_its_owner_reads_where_to_ask() -> None:
    suspended = Room(("general",), limited=True)
    for here in (house(), house(listed=True)):
        refusal = admission.lists(View(suspended, house=here), ANNA, "!r")
        assert refusal is not None
        assert refusal.code is Code.LIMITED
        assert PAGES.contact in refusal.sentence
    assert admission.lists(View(suspended), BOT, "!r") is None


@pytest.mark.parametrize(
    "name", ["PB-2026-000123-7K", "pb-2026-000123-7k", "_policybot_PB-2026-000123-7K", "pb-2026-1"]
)
def test_no_room_is_named_like_a_record_number(name: str) -> None:
    view = View(house=house(prefix="PB"))
    assert code(admission.names(view, ANNA, name)) is Code.ALIAS
    assert admission.names(view, BOT, name) is None


@pytest.mark.parametrize("name", ["garden", "pb", "pb-meeting", "AB-2026-000123-7K", ""])
def test_other_names_are_free(name: str) -> None:
    assert admission.names(View(house=house(prefix="PB")), ANNA, name) is None


def test_files_that_the_operator_does_not_take_are_refused_by_what_is_in_them() -> None:
    view = View(house=house(upload=Upload(("video/*",), 100)))
    assert code(admission.uploads(view, File("video/mp4", 10, animated=False))) is Code.UPLOAD
    assert code(admission.uploads(view, File("image/png", 101, animated=False))) is Code.UPLOAD
    assert admission.uploads(view, File("image/png", 100, animated=False)) is None
    assert admission.uploads(View(), File("video/mp4", 10**9, animated=False)) is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=10,
)
keys = st.sampled_from(["visibility", "preset", "initial_state", "type", "content", "join_rule"])


@given(st.dictionaries(keys, values | st.lists(st.dictionaries(keys, values)), max_size=6))
def test_a_request_of_any_shape_is_answered(wanted: dict[str, Any]) -> None:
    answer = admission.creates(View(house=house(creation=Creation.FILED)), ANNA, wanted)
    assert answer is None or answer.code is Code.CREATION
