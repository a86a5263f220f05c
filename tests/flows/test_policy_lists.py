"""Lists of others: what they name here is put before people, and nothing is done by itself."""

from datetime import timedelta
from typing import Any

import pytest

from policybot.app import App
from policybot.domain import effects, policy_list
from policybot.domain.list_rule import EnterList, LeaveList
from policybot.store import audit, rooms
from tests.flows.test_personal_holds import second_room
from tests.flows.test_publishing_lists import with_list
from tests.lists import THEIRS, rule
from tests.world import BOT, CHEAP, World, user

EVE, TOM = "@eve:elsewhere.net", user("tom")
WATCH = {"watch": [{"room": THEIRS, "name": "theirs"}]}
DOES_SOMETHING = (effects.RestrictMember, effects.ExcludeMember, effects.SuspendAccount, effects.Redact)


async def watched(world: World, *events: dict[str, Any], **more: Any) -> World:
    """Let a list be watched and read, and a governed room be compared with it."""
    with_list(world, **WATCH, **more)
    await world.governed_room()
    for event in events:
        world.homeserver.lists.put(event)
    await world.tick(seconds=1)  # it asks to enter
    await world.tick(seconds=15)  # it reads, and compares
    await world.tick(seconds=15)
    return world


def present(world: World, *who: str, room: str = "") -> None:
    world.homeserver.lists.members[room or world.room] = [BOT, *who]


async def joins(world: World, who: str, room: str = "") -> None:
    await world.deliver(
        type="m.room.member",
        room_id=room or world.room,
        sender=who,
        state_key=who,
        content={"membership": "join"},
    )


async def out(world: World, by: str) -> None:
    """Have the homeserver tell that the bot is out of the list's room."""
    content = {"membership": "leave"}
    await world.deliver(type="m.room.member", room_id=THEIRS, sender=by, state_key=BOT, content=content)


async def changes(world: World, event: dict[str, Any]) -> None:
    """Let a rule change, and the homeserver deliver that."""
    await world.deliver(
        **{k: v for k, v in world.homeserver.lists.put(event).items() if k != "event_id"}
    )


def opened(world: World) -> list[str]:
    return [text for text in world.in_review() if text.startswith("New case")]


def said(world: World) -> str:
    return "\n".join(world.in_review())


async def test_whom_a_list_names_and_who_is_here_is_put_before_people(any_world: World) -> None:
    world = any_world
    present(world, EVE, TOM)
    await watched(world, rule(EVE, "Sells followers"))
    (card,) = opened(world)
    assert f"New case C-1: the account {EVE}" in card
    assert "Came from the list «theirs» of others. It names @eve:elsewhere.net" in card
    assert "recommends to ban. In its words, not ours: «Sells followers»" in card
    assert "Sells followers" in await world.review("mira", "!policy show C-1")
    assert not world.told(EVE), "nobody is told of it by itself"
    assert not [e for e in world.homeserver.performed if isinstance(e, DOES_SOMETHING)]
    await world.review("mira", "!policy dismiss C-1 They have done nothing here so far")
    await world.tick(hours=30)
    await joins(world, EVE)
    assert len(opened(world)) == 1, "once for each list and account"


async def test_whoever_is_decided_about_reads_that_a_list_named_them(
    world: World,
) -> None:
    await watched(world, rule(EVE))
    await joins(world, EVE)
    await world.review("mira", "!policy decide C-1 R2 S1 warn Insulted her neighbours in the room")
    (read,) = [text for text in world.told(EVE) if text.startswith("Decision C-1")]
    assert "How we learned of it: A list of another community names it" in read
    assert "A machine found it, and a person decided this" in read


async def test_somebody_who_enters_later_is_met_at_once_and_elsewhere_not_again(world: World) -> None:
    await watched(world, rule(EVE))
    other = await second_room(world)
    await world.tick(seconds=15)
    assert not opened(world)
    await joins(world, EVE)
    await joins(world, EVE, other)
    await joins(world, TOM)
    assert len(opened(world)) == 1


async def test_a_rule_that_comes_while_they_are_here_is_heard_at_once(world: World) -> None:
    await watched(world, rule("@x:y.net"))
    present(world, EVE)
    await changes(world, rule(EVE))
    await world.tick(minutes=11)
    assert len(opened(world)) == 1


async def test_it_joins_the_undecided_case_and_weighs_no_more_than_one_report(world: World) -> None:
    await watched(world, rule(EVE))
    await world.say("lea", f"!policy report {EVE} R2 Threatens us all the time")
    await joins(world, EVE)
    assert [text.partition(":")[0] for text in opened(world)] == ["New case C-1"]
    assert "C-1: report 2" in said(world)


@pytest.mark.parametrize(
    "event",
    [
        rule("@*:elsewhere.net"),
        rule("@e?e:*"),
        rule("", hashes={"sha256": policy_list.hashed(EVE).partition(":")[2] + "="}),
        {**rule(EVE), "type": "org.matrix.mjolnir.rule.user"},
    ],
    ids=["glob", "vague glob", "hash", "old type"],
)
async def test_globs_hashes_and_old_rules_name_people_too(world: World, event: dict[str, Any]) -> None:
    await watched(world, event)
    await joins(world, TOM)
    assert not opened(world)
    await joins(world, EVE)
    assert len(opened(world)) == 1


async def test_a_governed_room_that_a_list_names_becomes_a_case_about_the_room(world: World) -> None:
    world.homeserver.lists.aliases["#garden:example.org"] = world.room
    await watched(world, rule("#gard*:example.org", kind="room"))
    assert f"New case C-1: the room {world.room}" in opened(world)[0]


async def test_a_room_that_is_filed_later_is_compared_by_itself(world: World) -> None:
    await watched(world, rule(EVE))
    present(world, EVE, room="!late:example.org")
    await second_room(world, "!late:example.org")
    await world.tick(seconds=15)
    assert len(opened(world)) == 1


async def test_a_server_is_told_once_and_nobody_is_a_case_for_living_there(world: World) -> None:
    present(world, EVE, "@ed:elsewhere.net")
    await watched(world, rule("elsewhere.net", kind="server"))
    await joins(world, "@ev:elsewhere.net")
    assert not opened(world)
    assert said(world).count("It names elsewhere.net and recommends to ban") == 1
    assert "so I opened no case" in said(world)


async def test_a_rule_that_names_everybody_is_told_and_ignored(world: World) -> None:
    present(world, EVE, TOM)
    await watched(world, rule("@*:*"), rule("@*:example.org"), rule("example.org", kind="server"))
    assert not opened(world)
    assert said(world).count("I ignore it. So do I with 2 more.") == 1
    assert "Accounts of that server" not in said(world)
    assert "3 ignored" in await world.review("mira", "!policy lists")


async def test_a_list_that_names_too_many_is_stopped_for_the_day_and_people_hear_it_once(
    any_world: World,
) -> None:
    world = any_world
    people = [f"@spam{n}:elsewhere.net" for n in range(5)]
    present(world, *people)
    await watched(world, rule("@spam*:*"), most_a_day=2)
    assert len(opened(world)) == 2
    assert said(world).count("as many cases today as it may") == 1
    assert "It names 3 more in our rooms" in await world.review("mira", "!policy lists")
    await world.tick(days=1)
    assert len(opened(world)) == 4
    await world.tick(days=1)
    assert len(opened(world)) == 5
    assert said(world).count("as many cases today as it may") == 2


async def test_what_a_list_takes_back_is_noted_in_the_undecided_case_once(world: World) -> None:
    await watched(world, rule(EVE))
    await joins(world, EVE)
    for _ in range(3):
        await changes(world, {**rule(EVE), "content": {}})
        await changes(world, rule(EVE))
    shown = await world.review("mira", "!policy show C-1")
    assert shown.count("has taken back what it said in this case") == 1
    assert len(opened(world)) == 1


async def test_a_rule_that_is_redacted_goes_with_the_next_look_which_is_soon(world: World) -> None:
    await watched(world, rule(EVE))
    world.homeserver.lists.rules_in[THEIRS]["m.policy.rule.user", f"rule:{EVE}"]["content"] = {}
    await world.deliver(
        type="m.room.redaction",
        room_id=THEIRS,
        sender="@curator:elsewhere.net",
        content={"redacts": "$rule0"},
    )
    await world.tick(seconds=15)
    assert "No list that we watch" in await world.review("mira", f"!policy listed {EVE}")
    await joins(world, EVE)
    assert not opened(world)


async def test_while_a_list_is_away_its_last_state_stands_and_it_is_said_since_when(
    any_world: World,
) -> None:
    world = any_world
    await watched(world, rule(EVE))
    lists = world.homeserver.lists
    lists.away = True
    await world.tick(hours=2)
    assert "Since 2 March 2026" in await world.review("mira", "!policy lists")
    assert "What it said last stands" in await world.review("mira", "!policy lists")
    await joins(world, EVE)
    assert len(opened(world)) == 1, "the last known good"
    lists.away = False
    lists.rules_in[THEIRS].clear()
    lists.put(rule("@ed:elsewhere.net"))
    await world.tick(minutes=11)
    assert "Since" not in await world.review("mira", "!policy lists")
    assert "has taken back" in await world.review("mira", "!policy show C-1")
    assert "It names" in await world.review("mira", "!policy listed @ed:elsewhere.net")


async def test_to_be_removed_from_a_list_is_told_once_and_it_is_entered_again(world: World) -> None:
    await watched(world, rule(EVE))
    world.homeserver.lists.entered.clear()
    await out(world, "@curator:elsewhere.net")
    assert said(world).count("I was removed from it by @curator:elsewhere.net") == 1
    await joins(world, EVE)
    assert len(opened(world)) == 1
    await world.tick(minutes=11)
    assert len([e for e in world.homeserver.performed if isinstance(e, EnterList)]) == 1
    await world.tick(days=1, minutes=1)
    assert len([e for e in world.homeserver.performed if isinstance(e, EnterList)]) == 2


async def test_a_list_that_lets_nobody_in_is_told_and_tried_once_a_day(world: World) -> None:
    world.homeserver.lists.closed = True
    await watched(world)
    for _ in range(3):
        await world.tick(minutes=15)
    assert said(world).count(f"I could not enter {THEIRS}, the list «theirs», to read it") == 1
    assert "I am not in it" in await world.review("mira", "!policy lists")


async def test_a_list_that_is_too_long_to_read_keeps_what_is_known_and_says_so(world: World) -> None:
    await watched(world, rule(EVE))
    world.homeserver.lists.too_long = True
    await world.tick(hours=2)
    assert "it has more than 64 MiB" in await world.review("mira", "!policy lists")
    await joins(world, EVE)
    assert len(opened(world)) == 1


async def test_people_ask_who_is_named_and_why(world: World) -> None:
    await watched(
        world, rule(EVE, "Sells followers"), rule("elsewhere.net", kind="server"), rule("@*:evil.net")
    )
    answer = await world.review("mira", f"!policy listed {EVE}")
    assert "In its words, not ours: «Sells followers»" in answer
    assert "of its server: It names elsewhere.net" in answer
    assert "by «@*:evil.net»" in await world.review("mira", "!policy listed @x:evil.net")
    assert "No list that we watch names" in await world.review("mira", "!policy listed fine.net")
    assert "2 accounts, 1 server" in await world.review("mira", "!policy lists")
    assert "listed" not in await world.say("lea", "!policy help"), "for moderators"


async def test_the_bot_itself_and_strangers_in_other_rooms_are_left_alone(world: World) -> None:
    await watched(world, rule(BOT), rule(EVE))
    present(world)
    await joins(world, EVE, "!private:example.org")
    await world.tick(minutes=11)
    assert not opened(world)


async def test_a_list_that_is_watched_no_more_is_forgotten_and_its_room_is_left(
    any_world: World,
) -> None:
    world = any_world
    await watched(world, rule(EVE))
    assert world.homeserver.lists.entered == [THEIRS]
    with_list(world)
    for _ in range(2):
        await world.tick(seconds=15)
    assert world.homeserver.lists.entered == []
    assert said(world).count("The list «theirs» of others: it is watched no more") == 1
    async with world.database.transaction(reading=True) as tx:
        (entry,) = [one for one in await audit.about(tx, THEIRS, 9) if one.tag == "list:leave"]
    assert entry.payload == {"list": "theirs"}
    assert "No list of others is watched" in await world.review("mira", "!policy lists")
    await out(world, BOT)
    assert "I was removed" not in said(world)
    await joins(world, EVE)
    assert not opened(world)


async def test_a_list_that_is_called_otherwise_now_is_not_left(world: World) -> None:
    await watched(world, rule(EVE))
    with_list(world, watch=[{"room": THEIRS, "name": "others"}])
    for _ in range(3):
        await world.tick(seconds=15)
    assert LeaveList(THEIRS, "theirs") not in world.homeserver.performed
    await joins(world, EVE)
    assert "Came from the list «others»" in said(world)


async def test_a_list_that_is_watched_by_another_address_is_left_and_entered_again(
    world: World,
) -> None:
    """Whichever comes first: at the end the bot is there, and reads."""
    await watched(world, rule(EVE))
    world.homeserver.lists.aliases["#list:elsewhere.net"] = THEIRS
    with_list(world, watch=[{"room": "#list:elsewhere.net", "name": "theirs"}])
    for _ in range(5):
        await world.tick(seconds=15)
    assert LeaveList(THEIRS, "theirs") in world.homeserver.performed
    assert THEIRS in world.homeserver.lists.entered
    await joins(world, EVE)
    assert len(opened(world)) == 1


async def test_a_room_that_is_governed_by_now_is_not_left_with_its_list(world: World) -> None:
    await watched(world, rule(EVE))
    await second_room(world, THEIRS)
    with_list(world)
    await world.tick(seconds=15)
    assert LeaveList(THEIRS, "theirs") not in world.homeserver.performed


async def test_hostile_words_of_a_list_stay_one_clean_line_before_people(world: World) -> None:
    await watched(world, rule(EVE, "x\n\nNew case C-99: the account @mira \u202e" + "y" * 60_000))
    await joins(world, EVE)
    (card,) = opened(world)
    assert "\u202e" not in card
    assert len(card) < 1_200
    assert len(card.splitlines()) == 3


async def test_rules_are_read_as_a_whole_as_often_as_the_operator_says(world: World) -> None:
    await watched(world, rule(EVE), every="PT2H")
    reads = world.homeserver.lists.reads
    await world.tick(hours=1)
    assert world.homeserver.lists.reads == reads
    await world.tick(hours=1, minutes=1)
    assert world.homeserver.lists.reads == reads + 1
    assert world.config.policy_lists.every == timedelta(hours=2)


async def test_an_invitation_lets_a_closed_list_be_entered_at_once(world: World) -> None:
    world.homeserver.lists.closed = True
    await watched(world, rule(EVE))
    world.homeserver.lists.closed = False
    await world.deliver(
        type="m.room.member",
        room_id=THEIRS,
        sender="@curator:elsewhere.net",
        state_key=BOT,
        content={"membership": "invite", "is_direct": True},
    )
    await world.tick(seconds=15)
    await world.tick(seconds=15)
    await joins(world, EVE)
    assert len(opened(world)) == 1
    async with world.database.transaction(reading=True) as tx:
        assert await rooms.direct(tx, "@curator:elsewhere.net") is None, "it is nobody's chat with us"


async def test_what_changed_while_nobody_heard_it_is_read_at_the_next_start(any_world: World) -> None:
    world = any_world
    await watched(world, rule(EVE))
    world.homeserver.lists.put(rule("@ed:elsewhere.net"))
    again = App(world.config, world.database, now=world.clock, stretch=CHEAP)
    await again.record_policy()
    again.hours.lists = world.homeserver.lists
    await again.tick()
    assert "It names @ed" in await world.review("mira", "!policy listed @ed:elsewhere.net")


async def test_in_a_dry_run_lists_are_read_and_nothing_is_published(world: World) -> None:
    world.config.dry_run = True
    await watched(world, rule(EVE))
    assert "1 account" in await world.review("mira", "!policy lists")
    assert not world.homeserver.lists.ours()
