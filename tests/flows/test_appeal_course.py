"""The course of an appeal: in time, urgent ones first, questions and answers, and taking it back."""

from pathlib import Path
from typing import Any

from tests.world import World, user
from tests.world import world as make_world


async def decided(world: World, measure: str = "proposed", offender: str = "tom") -> str:
    if world.room not in world.homeserver.levels:
        await world.governed_room()
    case = await world.reported(offender=offender)
    await world.review(
        "mira", f"!policy decide {case} R2 S3 {measure} Threatened a neighbour // As said before"
    )
    return case


async def test_whoever_appeals_reads_until_when_it_should_be_answered(world: World) -> None:
    case = await decided(world, "restrict:P30D")
    receipt = await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    assert "should be answered by 9 March 2026" in receipt
    assert f"!policy withdraw {case}" in receipt
    status = await world.say("tom", f"!policy status {case}")
    assert "waits to be decided" in status
    assert "should be answered by 9 March 2026" in status
    assert "no decision about you" in await world.say("lea", f"!policy status {case}")
    await world.review("ravi", f"!policy uphold {case} It did not read like a joke")
    status = await world.say("tom", f"!policy status {case}")
    assert "was decided on 2 March 2026: the decision stands." in status
    assert "It did not read like a joke" in status


async def test_urgent_appeals_stand_first_whenever_they_came(world: World) -> None:
    first = await decided(world, "restrict:P30D")
    assert "urgent" not in await world.say("tom", f"!policy appeal {first} It was a joke, truly")
    ends = await decided(world, "proposed", "zoe")
    assert "would end before" in await world.say("zoe", f"!policy appeal {ends} A joke as well")
    lines = (await world.review("ravi", "!policy queue appeals")).splitlines()
    assert [line.split()[0] for line in lines] == [ends, first]
    assert "urgent: the measure would end before the appeal is decided" in lines[0]


async def test_a_reviewer_agrees_that_an_appeal_cannot_wait(world: World) -> None:
    case = await decided(world, "restrict:P30D")
    await world.say("tom", f"!policy appeal {case} +urgent I speak there on Saturday")
    assert "Its author says that it is urgent" in world.in_review()[-1]
    assert "+urgent" not in world.in_review()[-1]
    assert "says that it is urgent" in await world.review("ravi", "!policy queue appeals")
    answer = await world.review("ravi", f"!policy hasten {case} The talk is on Saturday")
    assert "goes before others" in answer
    assert "treated as urgent" in world.told("tom")[-1]
    assert "3 March 2026" in world.told("tom")[-1]
    assert "urgent already" in await world.review("ravi", f"!policy hasten {case} The talk is near")


async def test_people_are_called_once_when_an_appeal_is_overdue_and_nothing_is_decided(
    any_world: World,
) -> None:
    """I20: time calls people, and decides no appeal, however much of it passes."""
    world = any_world
    case = await decided(world, "restrict:P30D")
    await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    await world.tick(days=6)
    assert not any("should have been answered" in text for text in world.in_review())
    for _ in range(3):
        await world.tick(days=2)
    called = [text for text in world.in_review() if "should have been answered" in text]
    assert len(called) == 1
    assert case in called[0]
    assert "OVERDUE" in await world.review("ravi", "!policy queue appeals")
    assert "were reminded" in await world.say("tom", f"!policy status {case}")
    await world.tick(days=14)
    assert "waits to be decided" in await world.say("tom", f"!policy status {case}")


async def test_an_objection_of_a_reporter_is_called_for_as_well(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    await world.review("mira", f"!policy dismiss {case} Nothing is offered for sale here")
    await world.say("lea", "!policy object R-1 It is an advert as plain as can be")
    await world.tick(days=8)
    assert "R-1. Nothing is decided by itself" in world.in_review()[-1]
    await world.review("ravi", "!policy uphold R-1 Spades were lent, not sold")
    await world.tick(days=8)
    assert sum("should have been answered" in text for text in world.in_review()) == 1


async def test_a_question_stops_the_clock_until_it_is_answered(world: World) -> None:
    """I20: while the person is asked nobody is called, and the time that was left is left."""
    case = await decided(world, "restrict:P30D")
    await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    world.clock.pass_time(days=3)
    await world.review("ravi", f"!policy ask {case} Which friends do you mean?")
    assert "Which friends do you mean?" in world.told("tom")[-1]
    assert "ravi" not in world.told("tom")[-1]
    assert "waits for your answer to: Which friends" in await world.say("tom", f"!policy status {case}")
    assert "already" in await world.review("ravi", f"!policy ask {case} And when?")
    await world.tick(days=20)
    assert not any("should have been answered" in text for text in world.in_review())
    answer = await world.say("tom", f"!policy add {case} Anna and Lea, ask them")
    assert "should be answered by 29 March 2026" in answer
    assert "Anna and Lea" in world.in_review()[-1]
    brief = await world.review("ravi", f"!policy brief {case}")
    assert "Asked on 5 March: Which friends do you mean?" in brief
    assert "The person answers on 25 March: Anna and Lea, ask them" in brief


async def test_a_question_that_nobody_answers_is_not_the_end_of_an_appeal(any_world: World) -> None:
    """I20: the clock stands still, but both sides are reminded once, and nothing is decided by that."""
    world = any_world
    case = await decided(world, "restrict:P30D")
    await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    await world.review("ravi", f"!policy ask {case} Which friends do you mean?")
    await world.tick(days=6)
    assert not any("has not answered" in text for text in world.in_review())
    for _ in range(3):
        await world.tick(days=2)
    reminded = [text for text in world.told("tom") if "still waits for your answer to: Which" in text]
    called = [text for text in world.in_review() if "asked on 2 March and has not answered" in text]
    assert (len(reminded), len(called)) == (1, 1)
    assert not any("should have been answered" in text for text in world.in_review())
    assert "waits for your answer" in await world.say("tom", f"!policy status {case}")
    await world.say("tom", f"!policy add {case} Anna and Lea, ask them")
    await world.tick(days=8)
    assert "should have been answered: C-1" in world.in_review()[-1], "and its own clock goes on"


async def test_new_evidence_is_added_as_often_as_ten_times_while_it_waits(world: World) -> None:
    case = await decided(world)
    await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    for n in range(10):
        assert "is added" in await world.say("tom", f"!policy add {case} See https://example.org/{n}")
    assert "that is the most" in await world.say("tom", f"!policy add {case} And one more")
    assert "https://example.org/9" in await world.review("ravi", f"!policy brief {case}")
    assert "no appeal of yours" in await world.say("lea", f"!policy add {case} Me too")
    await world.review("ravi", f"!policy uphold {case} It did not read like a joke")
    assert "decided already" in await world.say("tom", f"!policy add {case} But look")


async def test_an_appeal_that_is_taken_back_lets_the_decision_stand(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
    facts = "The room agreed to hunt a neighbour down, again"
    answer = await world.review("mira", f"!policy decide C-1 R2 S4 close {facts} // No other way")
    code = answer.split("!policy confirm ")[1].split()[0]
    await world.review("otto", f"!policy confirm {code}")
    await world.say("anna", "!policy appeal C-1 I was away and have thrown them out")
    assert world.room in world.homeserver.directory, "it rests"
    answer = await world.say("anna", "!policy withdraw C-1")
    assert "is taken back" in answer
    assert "which rested, goes on from now" in answer
    assert world.room not in world.homeserver.directory, "it binds again"
    assert "taken back by whoever made it" in world.in_review()[-1]
    assert await world.review("ravi", "!policy queue appeals") == "Nothing waits. Well done."
    assert "taken back" in await world.say("anna", "!policy withdraw C-1")


async def test_one_reviewer_at_a_time_has_an_appeal(tmp_path: Path) -> None:
    staff = {
        user("mira"): ["moderator"],
        user("otto"): ["appeals"],
        user("ravi"): ["reviewer", "appeals"],
    }
    async with make_world(tmp_path, staff=staff) as world:
        case = await decided(world)
        await world.say("tom", f"!policy appeal {case} It was a joke between friends")
        assert "is yours until 09:30" in await world.review("otto", f"!policy claim {case}")
        assert "is with @otto" in await world.review("ravi", f"!policy claim {case}")
        assert "is with @otto" in await world.review("ravi", f"!policy uphold {case} It stands, yes")
        assert "with @otto" in await world.review("ravi", "!policy queue appeals")
        world.clock.pass_time(minutes=31)
        assert "stands" in await world.review("ravi", f"!policy uphold {case} It stands, I say")
        other = await decided(world, offender="zoe")
        await world.say("zoe", f"!policy appeal {other} It was a joke as well")
        await world.review("otto", f"!policy claim {other}")
        assert "not with you" in await world.review("ravi", f"!policy release {other}")
        assert "anybody's again" in await world.review("otto", f"!policy release {other}")
        assert "is yours" in await world.review("ravi", f"!policy claim {other}")


async def test_an_appeal_comes_in_late_where_a_reviewer_lets_it_in_for_good_cause(world: World) -> None:
    case = await decided(world)
    assert "not over" in await world.review("ravi", f"!policy admit {case} Was in hospital")
    world.clock.pass_time(days=184)
    answer = await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    assert "The time to appeal ended on 1 September 2026" in answer
    assert "It can" not in answer
    assert "still be let in" in answer
    assert "you decided it" not in await world.review("mira", f"!policy admit {case} Was in hospital")
    answer = await world.review("ravi", f"!policy admit {case} Was in hospital until yesterday")
    assert "14 more days" in answer
    assert "Was in hospital until yesterday" in world.told("tom")[-1]
    world.clock.pass_time(days=13)
    assert "is in" in await world.say("tom", f"!policy appeal {case} It was a joke between friends")


async def test_what_an_appeal_would_end_in_is_shown_word_by_word_and_taken_back(
    any_world: World,
) -> None:
    world = any_world
    case = await decided(world, "restrict:P30D")
    await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    seen = await world.review("ravi", f"!policy weigh {case} overturn A joke among friends indeed")
    assert "nothing is done yet" in seen
    assert "@tom:example.org would read:" in seen
    assert "@lea:example.org would read:" in seen
    assert "> Reasons: A joke among friends indeed" in seen
    assert world.homeserver.levels[world.room]["users"][user("tom")] == -1
    assert "waits to be decided" in await world.say("tom", f"!policy status {case}")
    seen = await world.review("ravi", f"!policy weigh {case} modify warn A warning is enough here")
    assert "succeeded in part" in seen
    assert "must be milder" in await world.review(
        "ravi", f"!policy weigh {case} modify restrict:P60D Too mild for that"
    )
    told = len(world.told("tom"))
    await world.review("ravi", f"!policy overturn {case} A joke among friends indeed")
    new = world.told("tom")[told:]
    assert any("A joke among friends indeed" in text for text in new)
    assert user("tom") not in world.homeserver.levels[world.room]["users"]


async def test_each_answer_names_the_body_outside_and_how_to_reach_it(tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "operator.appeal_body": "the Ombudsperson for Rooms",
        "appeals": {"outside_contact": "ombuds@example.org"},
    }
    words = "You can still turn to the Ombudsperson for Rooms (ombuds@example.org)."
    async with make_world(tmp_path, **changes) as world:
        for verdict in ("uphold", "modify", "overturn"):
            case = await decided(
                world, "restrict:P30D", {"modify": "zoe", "overturn": "otto"}.get(verdict, "tom")
            )
            who = {"modify": "zoe", "overturn": "otto"}.get(verdict, "tom")
            await world.say(who, f"!policy appeal {case} It was a joke between friends")
            measure = "warn " if verdict == "modify" else ""
            await world.review("ravi", f"!policy {verdict} {case} {measure}That is how it was")
            assert any(words in text for text in world.told(who)), verdict
        case = await world.reported()
        await world.review("mira", f"!policy dismiss {case} Nothing is offered for sale here")
        async with world.database.transaction(reading=True) as tx:
            receipt = await tx.value("SELECT MAX(id) AS value FROM reports")
        for_it = f"R-{receipt}"
        await world.say("lea", f"!policy object {for_it} It is an advert as plain as can be")
        await world.review("ravi", f"!policy overturn {for_it} It names a price indeed")
        assert words in world.told("lea")[-1]


async def test_what_is_over_does_not_go_before_what_still_binds(world: World) -> None:
    case = await decided(world)
    await world.tick(days=8)
    answer = await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    assert "urgent" not in answer
    assert "be answered by 17 March 2026" in answer
    assert "Urgent" not in world.in_review()[-1]


async def test_of_two_appeals_under_one_number_the_answer_goes_to_the_one_that_asks(
    any_world: World,
) -> None:
    """A hold and the decision after it have the number of their case, and each can be appealed."""
    world = any_world
    await world.governed_room()
    case = await world.reported()
    await world.review("mira", f"!policy hold {case} R2 He threatens her at this moment")
    assert "is in" in await world.say("tom", f"!policy appeal {case} The hold was wrong")
    words = f"{case} R2 S3 proposed Threatened a neighbour"
    await world.review("mira", f"!policy decide {words}")
    assert "is in" in await world.say("tom", f"!policy appeal {case} What followed was wrong")
    await world.review("ravi", f"!policy ask {case} Where were you at that moment?")
    status = await world.say("tom", f"!policy status {case}")
    assert status.count(f"Your appeal on {case}") == 2
    assert "waits for your answer to: Where were you" in status
    assert "To answer" in status
    assert "your answer" in await world.say("tom", f"!policy add {case} In the garden with Lea")
    assert "The person answers on 2 March: In the garden" in await world.review(
        "ravi", f"!policy brief {case}"
    )
    for reasons, more in (("It was right to stop him", True), ("He was in the garden", False)):
        answer = await world.review("ravi", f"!policy uphold {case} {reasons}")
        assert (f"Another appeal waits under {case}: !policy brief {case}" in answer) == more
    status = await world.say("tom", f"!policy status {case}")
    assert "It was right to stop him" in status
    assert "He was in the garden" in status
