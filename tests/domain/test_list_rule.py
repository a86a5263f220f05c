"""What other communities read of a decision, and how it is taken off the list again."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policybot.domain import list_rule
from policybot.domain.errors import Incomplete
from policybot.domain.ladder import Scope
from policybot.domain.list_rule import EnterList, LeaveList, PublishRule, WithdrawRule
from policybot.domain.measure import Kind

OURS = "#ours:example.org"
NAMES = st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){1,2}", fullmatch=True)
ENTITIES = st.one_of(NAMES, st.builds("@{}:{}".format, NAMES, NAMES))
CASES = st.integers(1, 10**6).map("C-{}".format)
RULES = st.builds(PublishRule, st.just(OURS), ENTITIES, CASES, st.sampled_from(["R1", "R2", "R10.3"]))


def withdrawn(effect: PublishRule) -> WithdrawRule:
    back = list_rule.inverse(effect)
    assert isinstance(back, WithdrawRule)
    return back


@given(RULES)
def test_others_read_who_under_which_rule_and_by_which_decision_and_nothing_else(
    effect: PublishRule,
) -> None:
    assert list_rule.content(effect) == {
        "entity": effect.entity,
        "recommendation": "m.ban",
        "reason": f"Rule {effect.rule_id}, decision {effect.number}",
    }


@given(RULES)
def test_a_rule_is_taken_off_where_it_was_written_and_in_the_same_words(effect: PublishRule) -> None:
    """I7: only what still says what we wrote is ours to take off."""
    back = withdrawn(effect)
    assert list_rule.inverse(back) == effect
    assert list_rule.target(back) == list_rule.target(effect)
    assert list_rule.content(back) == list_rule.content(effect)
    assert list_rule.event_type(back) == list_rule.event_type(effect)
    assert list_rule.state_key(back, "example.org") == list_rule.state_key(effect, "example.org")


@given(RULES, RULES)
def test_rules_of_two_cases_never_take_each_others_place(one: PublishRule, other: PublishRule) -> None:
    """Nor do those of two servers of ours that write in one list."""
    keys = {list_rule.state_key(one, "example.org"), list_rule.state_key(other, "example.org")}
    assert (len(keys) == 1) is (one.number == other.number)
    assert list_rule.state_key(one, "example.org") != list_rule.state_key(one, "sister.example")
    if one.number != other.number:
        assert list_rule.target(one) != list_rule.target(other)


@given(RULES)
def test_an_account_is_named_among_accounts_and_a_server_among_servers(effect: PublishRule) -> None:
    kind = "user" if effect.entity.startswith("@") else "server"
    assert list_rule.event_type(effect) == f"m.policy.rule.{kind}"
    assert list_rule.event_type(effect) in list_rule.TYPES


@pytest.mark.parametrize("effect", [EnterList("#theirs:net", "theirs"), LeaveList("!room", "theirs")])
def test_a_room_once_entered_or_left_is_not_undone_by_itself(effect: EnterList | LeaveList) -> None:
    assert list_rule.inverse(effect) is None
    assert "«theirs»" in list_rule.in_words(effect)


@given(RULES)
def test_people_read_of_whom_and_in_which_list(effect: PublishRule) -> None:
    for one in (effect, withdrawn(effect)):
        said = list_rule.in_words(one)
        assert effect.entity in said
        assert OURS in said


@given(
    st.none() | st.just(OURS),
    st.sampled_from(Scope),
    st.sampled_from(Kind),
    st.none() | ENTITIES,
    st.booleans(),
)
@example(OURS, Scope.ACCOUNT, Kind.SUSPEND, "@eve:net", False)
@example(OURS, Scope.SERVER, Kind.CLOSE, "elsewhere.net", False)
@example(OURS, Scope.ACCOUNT, Kind.CLOSE, None, False)
def test_only_what_keeps_a_whole_account_or_server_of_elsewhere_out_is_told_to_others(
    room: str | None, scope: Scope, kind: Kind, entity: str | None, local: bool
) -> None:
    """Whatever is asked for, it is published or refused with the way round."""
    whole = scope in (Scope.ACCOUNT, Scope.SERVER) and entity is not None
    if room and whole and kind in (Kind.SUSPEND, Kind.CLOSE) and not local:
        assert list_rule.check(room, scope, kind, entity, local=local) == room
        return
    with pytest.raises(Incomplete, match=r"Decide it without publishing it\.$"):
        list_rule.check(room, scope, kind, entity, local=local)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((None, Scope.ACCOUNT, Kind.CLOSE, "@eve:net", False), "the operator sets policy_lists.publish"),
        ((OURS, Scope.ACCOUNT, Kind.RESTRICT, "@eve:net", False), "knows one word, «ban»"),
        ((OURS, Scope.ROOM, Kind.CLOSE, None, False), "is about a room"),
        ((OURS, Scope.MEMBER, Kind.SUSPEND, "@eve:net", False), "is about a member in one room"),
        ((OURS, Scope.ACCOUNT, Kind.CLOSE, "@tom:example.org", True), "what we decide reaches it here"),
    ],
)
def test_whoever_cannot_publish_reads_why(
    asked: tuple[str | None, Scope, Kind, str | None, bool], said: str
) -> None:
    room, scope, kind, entity, local = asked
    with pytest.raises(Incomplete, match=said):
        list_rule.check(room, scope, kind, entity, local=local)
