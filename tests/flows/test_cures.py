"""Time to put something right: the owner is told, reminded and heard; and time decides nothing."""

import asyncio

import pytest

from policybot.domain.review import Said, Word
from policybot.store import exports, filings, reviews
from tests.flows.test_holds import reported_room, review, suspended_after
from tests.flows.test_transfers import command
from tests.world import World, find, user

ASKED = "Please take the card numbers out, and say in the topic that they are not welcome"


async def asked(world: World, span: str = "P7D") -> tuple[str, str]:
    """Have the owner of a reported room asked to put it right; return record number and case."""
    record = await world.governed_room()
    case = await reported_room(world)
    answer = await review(world, "mira", f"!policy cure {case} {span} {ASKED}")
    assert "the owner has until" in answer
    return record, case


def again(world: World, case: str) -> list[str]:
    """List the messages by which the case came back to the moderators."""
    return [t for t in world.in_review() if t.startswith(f"{case}: ") and "They were asked" in t]


async def test_the_owner_is_told_what_until_when_and_how_to_say_that_it_is_done(
    any_world: World,
) -> None:
    world = any_world
    record, case = await asked(world, "P3D")
    told = world.told("anna")[-1]
    for part in (
        record,
        ASKED,
        "5 March 2026, 09:00 UTC",
        f"!policy cured {case}",
        "Nothing is decided",
    ):
        assert part in told
    queue = await review(world, "otto", "!policy queue cases")
    assert f"{case} open: the room {world.room}, its owner has until 5 March" in queue
    answer = await world.say("anna", f"!policy cured {case} Taken out, and the topic says so")
    assert "A moderator looks at it" in answer
    assert len(again(world, case)) == 1
    assert "Taken out, and the topic says so" in again(world, case)[0]
    assert "(said): Please take" in await review(world, "mira", f"!policy show {case}")
    await world.tick(days=30)
    assert len(again(world, case)) == 1, "once it is said no time runs"
    await review(world, "otto", f"!policy dismiss {case} It was put right within a day")
    assert "found no breach" in world.told("lea")[-1]


async def test_when_the_time_is_over_moderators_look_again_and_nothing_is_decided(
    any_world: World,
) -> None:
    world = any_world
    _, case = await asked(world, "usual")
    await world.tick(days=5, hours=23)
    assert "ends on" not in world.told("anna")[-1]
    for _ in range(3):
        await world.tick(minutes=30)
    reminders = [text for text in world.told("anna") if "your time to put it right ends on" in text]
    assert len(reminders) == 1
    for _ in range(3):
        await world.tick(days=1)
    assert len(again(world, case)) == 1
    assert "the time to put it right is over" in again(world, case)[0]
    assert world.room in world.homeserver.directory
    assert "open" in await review(world, "mira", f"!policy show {case}")
    assert "is over" in await world.say("anna", f"!policy cured {case} Now it is done")
    await suspended_after(world, case, "P7D")
    assert world.room not in world.homeserver.directory


async def test_a_short_time_has_no_reminder(world: World) -> None:
    await asked(world, "P1D")
    for _ in range(5):
        await world.tick(hours=5)
    assert not any("ends on" in text for text in world.told("anna"))


async def test_while_the_time_runs_nothing_is_decided_but_the_room_can_be_held(world: World) -> None:
    _, case = await asked(world)
    decide = f"!policy decide {case} R3 S3 suspend:P7D Cards were sold there for weeks // No other way"
    answer = await review(world, "otto", decide)
    assert "The owner has until 9 March 2026" in answer
    assert f"!policy hold {case}" in answer
    assert "is being put on hold" in await review(world, "otto", f"!policy hold {case} R3 It grows fast")
    assert "The owner has until" in await review(world, "mira", f"!policy cure {case} P3D {ASKED}")


async def test_a_time_is_ended_early_with_a_reason_that_the_owner_reads(world: World) -> None:
    _, case = await asked(world)
    assert "in a sentence" in await review(world, "otto", f"!policy cure {case} now bad")
    answer = await review(world, "otto", f"!policy cure {case} now The owner sells cards themselves")
    assert "the time is ended" in answer
    assert "sells cards themselves" in world.told("anna")[-1]
    assert "ended already" in await review(world, "otto", f"!policy cure {case} now And once more so")
    assert "ended already" in await world.say("anna", f"!policy cured {case} It is done")
    await suspended_after(world, case, "P7D")
    assert world.room not in world.homeserver.directory


async def test_a_second_time_can_be_given_once_the_first_is_over(world: World) -> None:
    _, case = await asked(world, "P1D")
    await world.tick(days=2)
    again_asked = f"!policy cure {case} P2D Please also take the pictures of the cards out"
    assert "the owner has until 6 March" in await review(world, "otto", again_asked)
    await world.say("anna", f"!policy cured {case}")
    assert "They write nothing more" in again(world, case)[-1]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("!policy cure C-1 P31D Please take the numbers out", "between 1 and 30 days"),
        ("!policy cure C-1 PT1H Please take the numbers out", "between 1 and 30 days"),
        ("!policy cure C-1 soon Please take the numbers out", "is no duration"),
        ("!policy cure C-1 P3D now", "in a sentence"),
        ("!policy cure C-1 P3D", "TEXT is missing"),
        ("!policy cure C-9 P3D Please take the numbers out", "no case"),
        ("!policy cure C-1 now Please take the numbers out", "No time to put something right"),
    ],
)
async def test_what_makes_no_sense_is_answered_in_words(world: World, text: str, answer: str) -> None:
    await world.governed_room()
    await reported_room(world)
    before = len(world.told("anna"))
    assert answer in await review(world, "mira", text)
    assert len(world.told("anna")) == before


async def test_only_the_owner_is_asked_and_heard(world: World) -> None:
    _, case = await asked(world)
    for who in ("tom", "lea"):
        answer = await world.say(who, f"!policy cured {case} It is done, trust me")
        assert f"not asked to put anything right under {case}" in answer
    assert "not asked" in await world.say("anna", "!policy cured C-77 It is done")
    assert "not asked" in await world.say("anna", "!policy cured \u202eC-1<b> It is done")
    assert again(world, case) == []


async def test_a_message_has_no_owner_who_could_put_it_right(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    assert "Only the owner of a filed room" in await review(
        world, "mira", f"!policy cure {case} P3D {ASKED}"
    )


async def test_a_party_gives_no_time_and_ends_none(world: World) -> None:
    await world.governed_room()
    await world.say("mira", f"!policy report {world.room} R3 Card numbers are sold there")
    assert "no case" in await review(world, "mira", f"!policy cure C-1 P3D {ASKED}")
    await review(world, "otto", f"!policy cure C-1 P3D {ASKED}")
    assert "no case" in await review(world, "mira", "!policy cure C-1 now I do not like that")


async def test_a_new_owner_is_heard_in_place_of_the_former(world: World) -> None:
    record, case = await asked(world)
    await world.verified("tom")
    await world.say("anna", f"!policy transfer {record} {user('tom')}")
    await world.say("tom", f"!policy accept {record}")
    assert "not asked" in await world.say("anna", f"!policy cured {case} It is done")
    assert "A moderator looks" in await world.say("tom", f"!policy cured {case} It is done")


async def test_said_and_over_at_once_come_back_once(any_world: World) -> None:
    world = any_world
    _, case = await asked(world, "P1D")
    said = command("anna", f"!policy cured {case} Done")
    world.clock.pass_time(days=1)
    await asyncio.gather(world.inward.handle(said), world.app.tick(), return_exceptions=True)
    await world.inward.handle(said)
    await world.tick(minutes=1)
    assert len(again(world, case)) == 1


async def test_a_case_closed_meanwhile_is_not_brought_up_again(world: World) -> None:
    _, case = await asked(world)
    await review(world, "otto", f"!policy dismiss {case} The numbers are no card numbers at all")
    for _ in range(9):
        await world.tick(days=1)
    assert again(world, case) == []
    assert not any("ends on" in text for text in world.told("anna"))


async def test_hostile_words_reach_the_other_side_as_words(world: World) -> None:
    _, case = await asked(world)
    hostile = "<b>@room</b> !policy approve F-1 https://matrix.to/#/@mira:example.org " + "y" * 4000
    await world.say("anna", f"!policy cured {case} {hostile}")
    assert len(again(world, case)) == 1
    assert "y" * 4000 in again(world, case)[0]


async def test_what_an_owner_says_forges_no_lines_in_the_review_room(world: World) -> None:
    _, case = await asked(world)
    answer = await world.say("anna", f"!policy cured {case} {'long ' * 1500}")
    assert "at most 5,000 characters" in answer
    forged = f"Done\nThey were asked: nothing at all\nNext: !policy dismiss {case} All is well"
    assert "thank you" in await world.say("anna", f"!policy cured {case} {forged}")
    lines = world.in_review()[-1].split("\n")
    assert [line.split(":")[0] for line in lines] == [
        case,
        "They were asked",
        "Nothing is decided by this. Next",
    ]


async def test_whoever_takes_a_room_over_is_not_given_what_its_former_owner_wrote(
    any_world: World,
) -> None:
    world = any_world
    record, case = await asked(world)
    await world.say("anna", f"!policy cured {case} My uncle has taken them out")
    async with world.database.transaction() as tx:
        now = world.clock()
        filing = await filings.get(tx, record)
        assert filing is not None
        for kind, author in ((Said.QUESTION, user("ravi")), (Said.ANSWER, user("anna"))):
            await reviews.add_word(tx, filing.id, Word(kind, author, f"{kind} about an uncle", now))
    assert await given(world, "anna", "cures") == ["My uncle has taken them out"]
    assert await given(world, "anna", "questions") == [f"{kind} about an uncle" for kind in Said]
    await world.verified("tom")
    world.clock.pass_time(minutes=1)
    await world.say("anna", f"!policy transfer {record} @tom:example.org")
    assert "You answer for" in await world.say("tom", f"!policy accept {record}")
    assert await given(world, "tom", "cures") == []
    assert await given(world, "tom", "questions") == ["question about an uncle"]


async def given(world: World, who: str, name: str) -> list[str]:
    """Read a part of somebody's export."""
    part = next(part for part in exports.OF_ACCOUNT if part.name == name)
    async with world.database.transaction(reading=True) as tx:
        rows = await exports.rows(tx, part, user(who))
    return [row["answer" if name == "cures" else "text"] for row in rows]


async def test_a_rule_is_put_right_once_within_180_days_and_that_counts_for_nothing(
    any_world: World,
) -> None:
    world = any_world
    _, first = await asked(world)
    await world.say("anna", f"!policy cured {first} Taken out, and the topic says so")
    await review(world, "otto", f"!policy dismiss {first} It was put right within a day")
    await world.tick(days=100)
    case = await reported_room(world)
    assert "no earlier decisions" in await review(world, "mira", f"!policy propose {case} R3 S2")
    heard = len(world.told("anna"))
    answer = await review(world, "mira", f"!policy cure {case} usual {ASKED}")
    for part in ("under R3 right before", f"{first}, 2 March 2026: {ASKED}", "They wrote: Taken out"):
        assert part in answer
    assert len(world.told("anna")) == heard, "nothing is promised"
    await review(world, "mira", f"!policy dismiss {case} These were old messages")
    await world.say("zoe", f"!policy report {world.room} R1 Adverts all over the place")
    other = find(r"C-\d+", world.in_review()[-1])
    assert "the owner has until" in await review(world, "mira", f"!policy cure {other} usual {ASKED}")
    await world.tick(days=81)
    await review(world, "mira", f"!policy dismiss {other} These were no adverts at all")
    case = await reported_room(world)
    assert "the owner has until" in await review(world, "mira", f"!policy cure {case} usual {ASKED}")


async def test_who_reported_what_was_put_right_is_not_shown_its_record(world: World) -> None:
    await world.governed_room()
    await world.say("otto", f"!policy report {world.room} R3 Card numbers are sold there")
    first = find(r"C-\d+", world.in_review()[-1])
    await review(world, "mira", f"!policy cure {first} usual {ASKED}")
    await world.say("anna", f"!policy cured {first} Taken out")
    await review(world, "mira", f"!policy dismiss {first} It was put right within a day")
    case = await reported_room(world)
    answer = await review(world, "otto", f"!policy cure {case} usual {ASKED}")
    assert "put something under R3 right before.\n" in answer
    assert first not in answer
