"""Decisions about accounts of other servers that are told to other communities by our public list."""

from typing import Any

import pytest
from pydantic import ValidationError

from policybot.config.policy_lists import PolicyListsSection
from policybot.domain.list_rule import PublishRule, WithdrawRule
from policybot.ports import Later
from tests.flows.test_figures import counts
from tests.flows.test_reach import reach_persons
from tests.lists import OURS
from tests.staffed import Private, link_to
from tests.world import World, find, user

EVE = "@eve:elsewhere.net"
FACTS = "Threatened everybody with harm in so many words"


def with_list(world: World, **more: Any) -> World:
    """Let the operator have a public list."""
    world.config.policy_lists = PolicyListsSection.model_validate({"publish": OURS, **more})
    return world


async def about(world: World, account: str = EVE) -> str:
    await world.say("lea", f"!policy report {account} R2 Threatens us all the time")
    return find(r"(?<=New case )C-\d+", world.in_review()[-1])


async def proposed(world: World, case: str, measure: str = "suspend:P7D+publish") -> str:
    return await world.review("mira", f"!policy decide {case} R2 S3 {measure} {FACTS} // No other way")


async def published(world: World, measure: str = "suspend:P7D+publish") -> str:
    """Decide about somebody of another server, publish it, and have it confirmed; return the case."""
    with_list(world)
    await world.governed_room()
    case = await about(world)
    code = find(r"(?<=!policy confirm )\w+", await proposed(world, case, measure))
    assert "is decided" in await world.review("otto", f"!policy confirm {code}")
    return case


async def test_others_read_who_by_which_rule_and_decision_and_not_what_happened(
    any_world: World,
) -> None:
    world = any_world
    case = await published(world)
    assert world.homeserver.lists.ours() == {
        f"{case} example.org": {
            "entity": EVE,
            "recommendation": "m.ban",
            "reason": f"Rule R2, decision {case}",
        }
    }
    assert f"While this holds, our public list {OURS} tells other communities" in world.told(EVE)[-1]


async def test_before_it_is_decided_one_reads_that_it_is_told_and_by_what_it_is_taken_back(
    world: World,
) -> None:
    with_list(world)
    await world.governed_room()
    case = await about(world)
    answer = await proposed(world, case)
    assert f"name {EVE} in our public list {OURS}" in answer
    assert f"take {EVE} off our public list {OURS}" in answer
    assert "our public list" in answer.partition("will read:")[2], "the notice says it too"
    assert "A second person has to confirm it" in answer
    assert "it is published to other communities" in answer
    assert not world.homeserver.lists.ours()


async def test_publishing_needs_a_second_person_where_the_ladder_asks_for_none(world: World) -> None:
    """I6: whoever proposed it cannot confirm it."""
    with_list(world)
    await world.governed_room()
    case = await about(world)
    answer = await proposed(world, case)
    code = find(r"(?<=!policy confirm )\w+", answer)
    refused = await world.review("mira", f"!policy confirm {code}")
    assert "is decided" not in refused
    assert not world.homeserver.lists.ours()


@pytest.mark.parametrize(
    "end",
    ["time", "lift", "appeal", "stay"],
)
async def test_when_the_measure_holds_no_more_the_rule_is_taken_off(world: World, end: str) -> None:
    """I7: what is overturned is taken back everywhere it was told."""
    if end == "stay":
        object.__setattr__(world.config.ladder, "appeal_stay", frozenset({"account:suspend"}))
    case = await published(world)
    if end == "time":
        await world.tick(days=8)
    elif end == "lift":
        await world.review("mira", f"!policy lift {case} They have apologised to everybody")
    else:
        await world.say(EVE, f"!policy appeal {case} It was somebody else who wrote it")
    if end == "appeal":
        await world.review("ravi", f"!policy overturn {case} It was another account indeed")
    lists = world.homeserver.lists
    assert lists.ours() == {}
    assert len(lists.redacted) == 1, "the words go out of the room's past as well"
    if end in {"time", "appeal"}:
        await world.tick(seconds=20)
        figures = (await counts(world))["listed"]
        assert (figures["step:publish"], figures["step:withdraw"]) == (1, 1)
    if end == "stay":
        await world.review("ravi", f"!policy uphold {case} It was written by this account alone")
        assert list(lists.ours()) == [f"{case} example.org"], "it binds again"


async def test_a_rule_that_somebody_else_has_changed_is_told_and_left(world: World) -> None:
    case = await published(world)
    place = ("m.policy.rule.user", f"{case} example.org")
    world.homeserver.lists.rules_in[OURS][place]["content"] = {
        "entity": EVE,
        "recommendation": "m.ban",
        "reason": "We say so too",
    }
    await world.review("mira", f"!policy lift {case} They have apologised to everybody")
    assert "We say so too" in str(world.homeserver.lists.ours())
    assert "somebody has changed" in world.in_review()[-1]


async def test_a_milder_measure_after_an_appeal_is_not_published_by_one_person(world: World) -> None:
    case = await published(world)
    await world.say(EVE, f"!policy appeal {case} It was somebody else who wrote it")
    await world.review("ravi", f"!policy modify {case} suspend:P1D It was half as bad as that")
    assert world.homeserver.lists.ours() == {}


@pytest.mark.parametrize(
    ("who", "measure", "answer"),
    [
        (user("tom"), "suspend:P7D+publish", "is an account of our own homeserver"),
        (EVE, "restrict:P7D+publish", "only a suspension or a closing can be published"),
        (EVE, "warn+publish", "only a suspension or a closing can be published"),
    ],
)
async def test_what_cannot_be_published_is_refused_in_words(
    world: World, who: str, measure: str, answer: str
) -> None:
    with_list(world)
    await world.governed_room()
    case = await about(world, who)
    assert answer in await proposed(world, case, measure)


async def test_without_a_list_of_our_own_it_is_refused(world: World) -> None:
    await world.governed_room()
    case = await about(world)
    assert "We have no public list" in await proposed(world, case)


async def test_what_is_decided_about_a_member_in_one_room_is_not_published(world: World) -> None:
    with_list(world)
    await world.governed_room()
    case = await world.reported(offender=EVE)
    answer = await world.review(
        "mira", f"!policy decide {case} R1 S2 suspend:P7D+publish {FACTS} // No other way"
    )
    assert "only what reaches a whole account or a server can be" in answer


async def test_killed_anywhere_between_the_rule_stands_once(any_world: World) -> None:
    """I25: the process dies after the rule was written, before it knows that it was."""
    world = any_world
    with_list(world)
    await world.governed_room()
    case = await about(world)
    code = find(r"(?<=!policy confirm )\w+", await proposed(world, case))
    died: list[type] = []

    def die(effect: object) -> None:
        if isinstance(effect, PublishRule | WithdrawRule) and type(effect) not in died:
            died.append(type(effect))
            message = "the connection broke"
            raise Later(message)

    world.homeserver.before_answer = die
    await world.review("otto", f"!policy confirm {code}")
    await world.tick(minutes=1)
    key = f"{case} example.org"
    assert list(world.homeserver.lists.ours()) == [key]
    await world.review("mira", f"!policy lift {case} They have apologised to everybody")
    await world.tick(minutes=1)
    assert died == [PublishRule, WithdrawRule]
    assert world.homeserver.lists.ours() == {}
    assert not [text for text in world.in_review() if "somebody has changed" in text]


async def test_another_account_of_the_same_person_is_reached_and_not_published(staffed: Private) -> None:
    world = with_list(staffed.world)
    reach_persons(world)
    await link_to(world, EVE, "tom")
    case = await world.reported(offender=EVE, reporter="zoe", text="I know where you live")
    answer = await proposed(world, case)
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert "is decided" in await world.review("otto", f"!policy confirm {code}")
    assert world.homeserver.suspended == {user("tom")}
    assert [rule["entity"] for rule in world.homeserver.lists.ours().values()] == [EVE]


async def test_many_cases_at_once_are_published_by_two_people_too(world: World) -> None:
    with_list(world)
    await world.governed_room()
    first, second = await about(world), await about(world, "@ed:elsewhere.net")
    words = f"{first},{second} R2 S3 suspend:P7D+publish {FACTS} // No other way"
    code = find(r"(?<=!policy confirm )\w+", await world.review("mira", f"!policy bulk {words}"))
    await world.review("mira", f"!policy confirm {code}")
    assert not world.homeserver.lists.ours()
    await world.review("otto", f"!policy confirm {code}")
    assert len(world.homeserver.lists.ours()) == 2


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"publish": "decisions"}, "must be a room ID or an alias"),
        ({"watch": [{"room": OURS, "name": "Two Words"}]}, "name"),
        ({"publish": OURS, "watch": [{"room": OURS, "name": "ours"}]}, "the same room is there twice"),
        (
            {"watch": [{"room": OURS, "name": "one"}, {"room": "!b:c.net", "name": "one"}]},
            "«one» is there twice",
        ),
        ({"every": "PT1M"}, "must be between PT15M and P7D"),
    ],
)
def test_what_cannot_be_configured_is_told(section: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        PolicyListsSection.model_validate(section)
