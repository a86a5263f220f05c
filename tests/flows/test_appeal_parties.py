"""Who had a part in a matter does not decide the objection to it: the database refuses it too (I14)."""

from pathlib import Path
from typing import Any

import pytest

from policybot.domain.party import Why
from tests.world import BOT, REVIEW, World, user
from tests.world import world as make_world


async def appealed(world: World) -> str:
    await world.governed_room()
    case = await world.reported()
    await world.review("mira", f"!policy decide {case} R2 S3 proposed Threatened a neighbour")
    await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    return case


@pytest.mark.parametrize("kind", ["decision", "report"])
async def test_the_database_refuses_each_kind_of_party_as_a_reviewer(
    any_world: World, kind: str
) -> None:
    """I14, by plain SQL, past all our code: on both databases, for appeals and for objections."""
    world = any_world
    await world.governed_room()
    case = await world.reported()
    if kind == "decision":
        await world.review("mira", f"!policy decide {case} R2 S3 proposed Threatened a neighbour")
        await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    else:
        await world.review("mira", f"!policy dismiss {case} Nothing is offered for sale here")
        await world.say("lea", "!policy object R-1 It is an advert as plain as can be")
    decide = "UPDATE appeals SET reviewer = $1, state = 'upheld' WHERE id = 1"
    for why in Why:
        who = f"@{why}:elsewhere.org"
        async with world.database.transaction() as tx:
            await tx.execute("INSERT INTO appeal_parties VALUES (1, $1, $2)", who, why.value)
        with pytest.raises(Exception, match="the reviewer had a part in the matter"):
            async with world.database.transaction() as tx:
                await tx.execute(decide, who)
    with pytest.raises(Exception, match="the reviewer had a part in the matter"):
        async with world.database.transaction() as tx:
            await tx.execute("DELETE FROM appeal_parties")
            await tx.execute(decide, user("ravi"))
    async with world.database.transaction() as tx:
        await tx.execute(decide, user("ravi"))


async def test_it_is_the_database_itself_that_refuses_them(any_world: World) -> None:
    """I14: without its trigger the same statement goes through, so nothing else was in its way."""
    world = any_world
    await world.governed_room()
    case = await world.reported()
    await world.review("mira", f"!policy decide {case} R2 S2 proposed Threatened a neighbour")
    decide = "UPDATE appeals SET reviewer = 'c', state = 'upheld' WHERE id = 1"
    async with world.database.transaction() as tx:
        await tx.execute(
            "INSERT INTO appeals (id, kind, about, number, case_id, decision_id, appellant, text, state,"
            " submitted_at, due_at) SELECT 1, 'decision', 'decision', 'C-1', case_id, id, 'a', 'b',"
            " 'submitted', 0, 0 FROM decisions"
        )
    with pytest.raises(Exception, match="the reviewer had a part in the matter"):
        async with world.database.transaction() as tx:
            await tx.execute(decide)
    postgres = world.config.database_url.startswith("postgres")
    async with world.database.transaction() as tx:
        on = "_apart ON appeals" if postgres else "_apart_update"
        await tx.execute(f"DROP TRIGGER appeals{on}")
        await tx.execute(decide)


async def test_each_who_had_a_part_is_written_down_with_all_their_accounts(world: World) -> None:
    """I14: decider, approver, proposer, reporters, subject, who answers for the room, a worker."""
    await world.governed_room()
    await world.verified("tom")
    async with world.database.transaction() as tx:  # another account of Tom's, unlinked by now
        await tx.execute(
            "INSERT INTO links (user_id, person_id, slot, front, created_at, ended_at)"
            " SELECT '@tom2:example.org', person_id, 2, front, created_at, 5 FROM links"
            " WHERE user_id = $1",
            user("tom"),
        )
    await world.deliver(
        type="m.room.power_levels",
        room_id=world.room,
        sender=user("anna"),
        state_key="",
        content={"users": {user("anna"): 100, user("zoe"): 50, BOT: 100}},
    )
    case = await world.reported()
    await world.review("otto", f"!policy claim {case}")
    answer = await world.review(
        "otto", f"!policy decide {case} R2 S3 restrict:P90D Threatened her // A threat in the night"
    )
    assert "!policy confirm" in answer
    code = answer.split("!policy confirm ")[1].split()[0]
    await world.review("mira", f"!policy confirm {code}")
    assert "is in" in await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    async with world.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT user_id, why FROM appeal_parties WHERE appeal_id = 1")
    found = {(row["user_id"].partition(":")[0], row["why"]) for row in rows}
    assert {
        ("@otto", "decider"),
        ("@otto", "proposer"),
        ("@otto", "worker"),
        ("@mira", "approver"),
        ("@lea", "reporter"),
        ("@tom", "subject"),
        ("@tom2", "subject"),
        ("@anna", "room"),
        ("@zoe", "room"),
    } <= found
    assert not any(who == "@ravi" for who, _ in found)


async def test_a_party_sees_neither_the_appeal_in_the_queue_nor_what_it_says(tmp_path: Path) -> None:
    staff = {user(name): ["moderator", "appeals"] for name in ("mira", "otto")}
    staff[user("ravi")] = ["reviewer", "moderator", "appeals"]
    async with make_world(tmp_path, staff=staff) as world:
        case = await appealed(world)
        assert case not in await world.review("mira", "!policy queue appeals")
        assert case in await world.review("otto", "!policy queue appeals")
        for command in ("brief", "claim", "release"):
            answer = await world.review("mira", f"!policy {command} {case}")
            assert "had a part" in answer or "not with you" in answer, answer
            assert "joke" not in answer
        assert "you decided it" in await world.review("mira", f"!policy ask {case} Why?")
        assert "you decided it" in await world.review("mira", f"!policy hasten {case} Quickly")


async def test_an_appeal_that_nobody_can_decide_is_noticed_when_it_comes_in(tmp_path: Path) -> None:
    """Otto and Ravi decide appeals; Ravi reported it, and Otto decided."""
    async with make_world(tmp_path) as world:
        await world.governed_room()
        case = await world.reported(reporter="ravi")
        await world.review("otto", f"!policy decide {case} R2 S3 proposed Threatened a neighbour")
        await world.say("tom", f"!policy appeal {case} It was a joke between friends")
        said = world.in_review()[-1]
        assert "Nobody can decide it" in said
        assert "appeals.external_reviewers" in said
        assert "you reported it" in await world.review("ravi", f"!policy uphold {case} It stands")


async def test_somebody_outside_decides_what_nobody_inside_can_and_sees_nothing_else(
    tmp_path: Path,
) -> None:
    outside = "@olga:ombuds.example"
    changes: dict[str, Any] = {"appeals": {"external_reviewers": [outside]}}
    async with make_world(tmp_path, **changes) as world:
        await world.governed_room()
        other = await world.reported()
        await world.review("mira", f"!policy decide {other} R2 S3 proposed Threatened a neighbour")
        await world.say("tom", f"!policy appeal {other} It was a joke between friends")
        hidden = "There is nothing under this number that is yours to decide."
        for verb in (
            *(f"brief {other}", f"uphold {other} So", "brief C-77", "overturn R-1 So it is"),
            *(f"claim {other}", "claim C-77", "claim F-1", "claim PB-2026-000001-AA", "claim R-1"),
            *(f"release {other}", "release F-1", f"ask {other} Why?", "ask C-77 Why?"),
            *(f"weigh {other} uphold So it is", f"hasten {other} It cannot wait any longer"),
            *("uphold REF-1 It is as it should be", "overturn REF-1 It was wrong from the start"),
        ):
            assert await world.say(outside, f"!policy {verb}") == hidden, verb
        for verb in (
            *(f"admit {other} They were ill", f"recheck {other} All is as it was", "show REF-1"),
            *("handover REF-1", f"refer {other} police order +rule They asked", f"listed {user('tom')}"),
        ):
            assert "I do not know" in await world.say(outside, f"!policy {verb}"), verb
        for verb in (f"show {other}", "queue", "history @tom:example.org", f"note {other} Hm"):
            assert "I do not know" in await world.say(outside, f"!policy {verb}"), verb

        case = await world.reported(offender="zoe", reporter="ravi", text="I know where you live")
        await world.review("otto", f"!policy decide {case} R2 S3 proposed Threatened a neighbour")
        await world.say("zoe", f"!policy appeal {case} I live next door, of course I know")
        assert "nobody of its own people can" in world.told(outside)[-1]
        assert outside in world.in_review()[-1]
        brief = await world.say(outside, f"!policy brief {case}")
        assert "I know where you live" in brief
        assert "I live next door" in brief
        assert "ravi" not in brief, "who reported is not what it needs"
        world.clock.pass_time(minutes=2)
        weighed = await world.say(outside, f"!policy weigh {case} overturn She lives next door")
        assert "Somebody else would read:\n> About your report" in weighed
        assert "ravi" not in weighed
        told = [brief, weighed, *world.told(outside)]
        assert not any(user("otto") in text for text in told), "nor is who decided: it goes to others"
        assert user("otto") in world.in_review()[-1]
        await world.say(outside, f"!policy ask {case} Did you know her?")
        assert "Did you know her?" in world.told("zoe")[-1]
        await world.say("zoe", f"!policy add {case} For twenty years")
        assert "twenty years" in world.told(outside)[-1]
        assert "is void" in await world.say(outside, f"!policy overturn {case} She lives next door")
        said = f"{outside} has decided from outside. {case}: the decision is void"
        assert any(text.startswith(said) for text in world.in_review())
        assert user("zoe") not in world.homeserver.suspended


async def test_who_had_a_part_is_forgotten_with_what_they_had_it_in(any_world: World) -> None:
    """Who reported goes a year later, though the appeal stays as long as its case."""
    world = any_world
    await appealed(world)
    await world.review("ravi", "!policy uphold C-1 It did not read like a joke")
    other = await world.reported(text="Who lends me a spade?")
    await world.review("mira", f"!policy dismiss {other} Nothing is offered for sale here")
    await world.say("lea", "!policy object R-2 It is an advert as plain as can be")
    await world.review("ravi", "!policy uphold R-2 Spades were lent, not sold")
    known = (
        "SELECT COUNT(*) AS value FROM appeal_parties p JOIN appeals a ON a.id = p.appeal_id"
        " WHERE p.user_id = $1 AND a.kind = $2"
    )
    for kind in ("decision", "report"):
        async with world.database.transaction(reading=True) as tx:
            assert await tx.value(known, user("lea"), kind) > 0, kind
    for _ in range(3):
        await world.tick(days=125)
    for kind in ("decision", "report"):
        async with world.database.transaction(reading=True) as tx:
            assert await tx.value(known, user("lea"), kind) == 0, kind
    async with world.database.transaction(reading=True) as tx:
        assert await tx.value(known, user("mira"), "decision") > 0


@pytest.mark.parametrize("outside", ["@olga:ombuds.example", ""])
async def test_an_appeal_that_nobody_inside_can_decide_any_more_is_noticed_when_it_is_late(
    tmp_path: Path, database_url: str, outside: str
) -> None:
    """Ravi could have decided it when it came in, and has left since."""
    named: dict[str, Any] = {"appeals": {"external_reviewers": [outside]}} if outside else {}
    async with make_world(tmp_path, database_url, **named) as world:
        await world.governed_room()
        case = await world.reported()
        await world.review("otto", f"!policy decide {case} R2 S3 proposed Threatened a neighbour")
        await world.say("tom", f"!policy appeal {case} It was a joke between friends")
        await world.deliver(
            type="m.room.member",
            room_id=REVIEW,
            sender=user("ravi"),
            state_key=user("ravi"),
            content={"membership": "leave"},
        )
        await world.tick(days=8)
        said = "\n".join(world.in_review())
        if not outside:
            assert "Nobody can decide it" in said
            return
        assert f"so {outside} is asked, from outside" in said
        assert f"!policy brief {case}" in world.told(outside)[-1]
        assert "It was a joke" in await world.say(outside, f"!policy brief {case}")
        assert "stands" in await world.say(outside, f"!policy uphold {case} It did not read like one")
