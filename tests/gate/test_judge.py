"""What the gate says of an event that is on its way into a room."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain.condition import Media, Terms
from policybot.domain.mechanism import Mechanism, Then
from policybot.domain.publishing import STRANGER
from policybot.domain.refusal import Code
from policybot.domain.rules import Rule
from policybot.domain.seen import File
from policybot.domain.view import Curb, Room, Slow
from policybot.gate.judge import judged
from policybot.matching.ruleset import EMPTY, RuleSet
from tests.viewing import NAMED, OPEN, View

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TOM = "@tom:a.example"
RULES = RuleSet([Mechanism(Rule("R1", "t", "x"), Terms(("frobnitz",)), then=frozenset({Then.REFUSE}))])
NO_FILMS = RuleSet(
    [Mechanism(Rule("R2", "t", "x"), Media(kinds=("video/*",)), then=frozenset({Then.REFUSE}))]
)


def event(kind: str = "m.room.message", sender: str = TOM, **more: Any) -> dict[str, Any]:
    content = more.pop("content", {"msgtype": "m.text", "body": "buy a frobnitz"})
    return {"type": kind, "room_id": "!r:a.example", "sender": sender, "content": content} | more


def code(view: View, told: dict[str, Any], rules: RuleSet = RULES) -> Code | None:
    refusal, _ = judged(view, rules, told, NOW)
    return refusal.code if refusal else None


def test_a_post_that_a_rule_forbids_is_refused_and_another_one_is_given_back_to_be_counted() -> None:
    assert code(View(), event()) is Code.RULE
    refusal, post = judged(View(), RULES, event(content={"body": "tulips"}), NOW)
    assert refusal is None
    assert post is not None
    assert (post.sender, post.at, post.counts) == (TOM, NOW, True)


def test_the_bot_other_homeservers_and_rooms_that_are_not_governed_are_not_judged() -> None:
    assert judged(View(), RULES, event(sender="@policybot:a.example"), NOW) == (None, None)
    assert judged(View(), RULES, event(sender="@tom:b.example"), NOW) == (None, None)
    assert judged(View(here=None), RULES, event(), NOW) == (None, None)


def test_signals_of_a_call_are_no_posts_to_be_counted_and_changes_of_state_are_none() -> None:
    signals = event("m.call.candidates", content={"candidates": [{"candidate": "x"}]})
    assert judged(View(), RULES, signals, NOW) == (None, None)
    topic = event("m.room.topic", content={"topic": "tulips"}, state_key="")
    assert judged(View(), RULES, topic, NOW) == (None, None)
    reaction = event("m.reaction", content={"m.relates_to": {"key": "+"}})
    assert judged(View(), RULES, reaction, NOW)[1] is not None


@pytest.mark.parametrize("kind", ["m.room.redaction", "m.room.member"])
def test_taking_back_and_membership_are_never_refused_here(kind: str) -> None:
    curbed = View(curbed=Curb("D-1"))
    assert judged(curbed, RULES, event(kind, state_key=TOM), NOW) == (None, None)


def test_a_name_or_topic_is_read_as_a_message_is() -> None:
    named = event("m.room.name", state_key="", content={"name": "Frobnitz for sale"})
    assert code(View(), named) is Code.RULE
    assert code(View(here=NAMED, who=STRANGER), named, EMPTY) is Code.UNVERIFIED


def test_other_state_asks_for_nothing_but_that_no_measure_binds() -> None:
    levels = event("m.room.power_levels", state_key="", content={"users": {}})
    assert code(View(here=NAMED, who=STRANGER), levels) is None
    assert code(View(curbed=Curb("D-1")), levels) is Code.CURBED
    assert code(View(here=Room(("general",), limited=True)), levels) is Code.LIMITED


def test_edits_and_reactions_are_not_slowed_and_what_pretends_to_be_an_edit_is() -> None:
    slow = View(here=Room(("general",), slow=Slow(timedelta(minutes=1))), last=NOW)
    edit = {"body": "* b", "m.relates_to": {"rel_type": "m.replace", "event_id": "$e"}}
    assert code(slow, event(content={"body": "a"}), EMPTY) is Code.SLOW
    assert code(slow, event(content=edit | {"m.new_content": {"body": "b"}}), EMPTY) is None
    assert code(slow, event(content=edit), EMPTY) is Code.SLOW
    assert code(slow, event("m.reaction", content={"m.relates_to": {"key": "+"}}), EMPTY) is None


def test_a_file_that_nobody_looked_into_is_not_refused_and_one_that_was_is() -> None:
    sent = event(content={"msgtype": "m.video", "body": "a", "url": "mxc://a.example/1"})
    assert judged(View(), NO_FILMS, sent, NOW)[0] is None
    refusal, _ = judged(View(), NO_FILMS, sent, NOW, files=(File("video/mp4", 9, animated=False),))
    assert refusal is not None
    assert refusal.rule_id == "R2"


_odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(event(state_key=""), _odd)), _odd)
def test_whatever_stands_in_an_event_nothing_is_raised(odd: dict[str, Any], content: Any) -> None:
    judged(View(), RULES, odd, NOW)
    judged(View(), RULES, event(content=content), NOW)
    judged(View(here=OPEN), RULES, event("m.room.topic", content=content, state_key=content), NOW)
