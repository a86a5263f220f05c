"""Taking a room in: who may file it, what a new room gets, who is invited."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import taking
from policybot.domain.errors import NotPermitted, OutOfOrder
from policybot.domain.rank import Control, Levels, control
from policybot.domain.taking import View

BOT, ANNA, EVE = "@bot:x", "@anna:x", "@eve:elsewhere.net"
PL = {"events": {"m.room.power_levels": 100}}


def check(levels: Levels, applicant: str = ANNA) -> None:
    taking.check(View("!r:x", levels), applicant, bot=BOT, server_name="x")


def test_who_owns_a_room_may_file_it() -> None:
    check(Levels("11", (ANNA,), {"users": {ANNA: 100}} | PL))
    check(Levels("12", (ANNA,), {"users": {}} | PL))
    check(Levels("12", (EVE,), {"users": {ANNA: 100}} | PL))
    check(Levels("6", (ANNA,), {"users": {ANNA: "100"}} | PL))
    check(Levels("11", (ANNA,), {}))


@pytest.mark.parametrize("users", [{ANNA: 50}, {ANNA: 99}, {ANNA: 100, EVE: 101}, {}])
def test_nobody_else_may(users: dict[str, int]) -> None:
    with pytest.raises(NotPermitted, match="Only somebody who owns"):
        check(Levels("11", (EVE,), {"users": users} | PL))


def test_a_room_that_lives_on_other_homeservers_gives_the_bot_its_rank_first() -> None:
    users = {EVE: 100}
    with pytest.raises(OutOfOrder, match="lives on other homeservers"):
        check(Levels("11", (EVE,), {"users": users} | PL), EVE)
    check(Levels("11", (EVE,), {"users": users | {BOT: 100}} | PL), EVE)


@pytest.mark.parametrize("version", ["", "13", "org.example.v12", "12.x", "١٢"])
def test_versions_that_are_not_known_are_not_taken(version: str) -> None:
    with pytest.raises(OutOfOrder, match="do not know"):
        check(Levels(version, (ANNA,), {"users": {ANNA: 100}}))


_ODD: st.SearchStrategy[Any] = st.sampled_from([None, "inf", "nan", "-inf", "much", 10**400, [], {}])
_LEVEL = st.one_of(st.integers(-10, 10_000), st.integers(-10, 200).map(str), _ODD)
_USERS = st.dictionaries(st.sampled_from([ANNA, EVE, BOT, "@tom:x"]), _LEVEL)
_EVENTS = st.dictionaries(
    st.sampled_from(["m.room.power_levels", "m.room.name", "m.room.tombstone"]), _LEVEL
)
_KEYS = ("users_default", "events_default", "state_default", "redact", "ban", "invite")


@given(
    version=st.sampled_from([str(n) for n in range(1, 13)]),
    creator=st.sampled_from([ANNA, EVE]),
    users=_USERS,
    events=_EVENTS,
    others=st.dictionaries(st.sampled_from(_KEYS), _LEVEL),
)
def test_whatever_an_old_room_says_everybody_is_below_the_bot_in_the_new_one(
    version: str, creator: str, users: dict[str, Any], events: dict[str, Any], others: dict[str, Any]
) -> None:
    old = Levels(version, (creator,), others | {"users": users, "events": events})
    carried = taking.carried_levels(old, BOT)
    new = Levels(version, (BOT,), carried, predecessor="!old:x")
    assert control(new, BOT) is Control.ADOPTED
    for user in old.ranked() - {BOT}:
        assert new.of(user) == min(old.of(user), 99), "and nobody lost or won anything else"
    assert (BOT in carried["users"]) is (version != "12")
    assert all(isinstance(level, int) for level in carried["users"].values())


@pytest.mark.parametrize("version", ["10", "11", "12"])
def test_in_a_created_room_everybody_is_below_the_bot(version: str) -> None:
    content = taking.created_levels(BOT, ANNA, version)
    levels = Levels(version, (BOT,), content)
    assert control(levels, BOT) is Control.CREATED
    assert levels.of(ANNA) == 50
    assert levels.needed_for_state("m.room.name") <= 50
    assert levels.needed_for_state("m.room.encryption") > 50


def test_what_the_bot_needs_to_close_a_room_is_asked_for_before() -> None:
    taking.check_adoptable(Levels("11", (ANNA,), {"users": {ANNA: 100}} | PL), BOT)
    twelve = {"users": {BOT: 100}, "events": {"m.room.tombstone": 150}}
    with pytest.raises(OutOfOrder, match="power level 150"):
        taking.check_adoptable(Levels("12", (ANNA,), twelve), BOT)
    twelve["users"] = {BOT: 150}
    taking.check_adoptable(Levels("12", (ANNA,), twelve), BOT)


def test_who_is_invited_into_the_new_room() -> None:
    levels = Levels("11", (BOT,), {"users": {BOT: 100, ANNA: 99}})
    small = {
        ANNA: "join",
        "@tom:x": "join",
        "@zoe:x": "invite",
        "@out:x": "leave",
        EVE: "ban",
        BOT: "join",
    }
    assert taking.to_invite(small, {"@tom:x"}, levels, BOT) == [ANNA, "@zoe:x"]
    large = small | {f"@g{n}:x": "join" for n in range(taking.MOST_INVITED)}
    assert taking.to_invite(large, (), levels, BOT) == [ANNA, "@zoe:x"]


def test_a_new_room_is_called_by_its_purpose() -> None:
    assert taking.called("  Roses \n and rakes ") == "Roses and rakes"
    long = taking.called("Neighbours talk of gardens " * 9)
    assert long.endswith("…")
    assert len(long) < 65
    assert taking.called("x" * 300).startswith("xxx")


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u0000", "\u200b", "\x1b"])
def test_what_hides_or_turns_round_text_is_in_no_name_and_no_topic(hidden: str) -> None:
    text = f"Roses{hidden} and <b>rakes</b>\nfor all"
    assert taking.called(text) == taking.about(text) == "Roses and <b>rakes</b> for all"
