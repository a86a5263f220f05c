"""What travels between policybot and the module: it arrives as it was sent, or not at all."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import condition as c
from policybot.domain.mechanism import Mechanism, Stage, Then
from policybot.domain.publishing import Account
from policybot.domain.refusal import Words
from policybot.domain.rules import Rule
from policybot.domain.view import Creation, Curb, Room, Slow, Upload
from policybot.gate.wire import Garbage, Head, Newcomer, Page, page_in, page_out, rules_in, rules_out
from tests.feeding import house
from tests.viewing import GOOD, NAMED

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REFUSE = frozenset({Then.REFUSE})
EVERYTHING = c.All(
    (
        c.Any((c.Terms(("a",)), c.Patterns(("b",)), c.Links(("c.example",), ("d.example",)))),
        c.NoneOf((c.Media(("image/*",), 7, animated=True), c.Media(), c.Files(2), c.Mentions(3))),
        c.Rate(4, MINUTE),
        c.FirstPost(),
        c.NewMember(MINUTE),
        c.NewAccount(MINUTE),
        c.Unverified(),
        c.Unqualified(("health",)),
    )
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def travelled(data: object) -> Any:
    return json.loads(json.dumps(data))


def test_a_page_arrives_as_it_was_sent() -> None:
    words = Words({"de": {"slow": "Bitte in {wait}."}})
    view = house(
        words=words,
        creation=Creation.FILED,
        listed=True,
        prefix="PB",
        upload=Upload(("video/*",), 5),
    )
    page = Page(
        7,
        Head(view, 2, frozenset({"R1"}), "abc"),
        True,
        "7.5",
        rooms={
            "!a:a.example": Room(
                ("x", "y"), True, True, True, Slow(MINUTE, MINUTE, MINUTE), ("health",)
            ),
            "!b:a.example": NAMED,
            "!c:a.example": None,
        },
        accounts={"@a:a.example": Account(True, 2, "de"), "@b:a.example": GOOD, "@c:a.example": None},
        curbs={
            "@a:a.example": (Curb("C-1"), Curb("C-2", "!a:a.example", True, NOW)),
            "@b:a.example": (),
        },
        newcomers=[Newcomer("!a:a.example", "@a:a.example", NOW, posted=True), Newcomer("!", "@", None)],
    )
    assert page_in(travelled(page_out(page))) == page
    assert page_in(travelled(page_out(Page(1, Head(house()))))).accounts == {}
    assert page_in(travelled(page_out(page)) | {"later": "added"}) == page


def test_a_rule_arrives_with_all_its_conditions_and_those_that_refuse_nothing_stay() -> None:
    rule = Rule("R1", "t", "x", translations=(("de", "T", "X"),))
    sent = Mechanism(rule, EVERYTHING, where=frozenset({"general"}), then=REFUSE)
    others = [
        Mechanism(Rule("R2", "t", "x"), c.FirstPost()),
        Mechanism(Rule("R3", "t", "x"), c.FirstPost(), Stage.SHADOW, then=REFUSE),
    ]
    assert rules_in(travelled(rules_out("v", [sent, *others]))) == ("v", (sent,), ())


def test_a_tree_that_is_too_deep_is_not_understood() -> None:
    deep: c.Condition = c.FirstPost()
    for _ in range(20):
        deep = c.All((deep,))
    told = rules_out("v", [Mechanism(Rule("R1", "t", "x"), deep, then=REFUSE)])
    assert rules_in(travelled(told)) == ("v", (), ("R1",))


@given(JSON, st.sampled_from(sorted(page_out(Page(1, Head(house()))))))
def test_whatever_stands_in_a_page_it_is_read_or_called_garbage(value: object, key: str) -> None:
    with suppress(Garbage):
        page_in(value)
    with suppress(Garbage):
        page_in(page_out(Page(1, Head(house()))) | {key: value})


@given(JSON, st.sampled_from(["id", "title", "translations", "when", "where"]))
def test_whatever_stands_in_a_rule_it_is_read_or_left_out(value: object, key: str) -> None:
    told = rules_out("v", [Mechanism(Rule("R1", "t", "x"), EVERYTHING, then=REFUSE)])
    told["rules"][0][key] = value
    _, understood, others = rules_in(told)
    assert len(understood) + len(others) == 1
    with pytest.raises(Garbage):
        rules_in([value])
