"""Insistence: what rests during an appeal binds where two people say why it cannot rest."""

from pathlib import Path
from typing import Any

import pytest

from tests.flows.test_deletions import closed
from tests.flows.test_filing_appeals import QUALIFIED, taken_back
from tests.flows.test_qualifications import marks
from tests.world import World, find, user
from tests.world import world as make_world

STAFF: dict[str, Any] = {
    user("mira"): ["moderator"],
    user("otto"): ["moderator", "appeals"],
    user("ravi"): ["moderator", "reviewer", "appeals"],
    user("zoe"): ["appeals"],
}
REASON = "Buyers are being cheated there right now"


async def code_of(world: World, answer: str) -> str:
    return find(r"(?<=!policy confirm )\w+", answer)


async def appealed(world: World) -> str:
    """Have Anna's room closed, and her appeal come in, so that it rests."""
    async with world.database.transaction() as tx:
        await tx.execute("INSERT INTO review_members (user_id) VALUES ($1)", user("zoe"))
    _, case = await closed(world)
    await world.say("anna", f"!policy appeal {case} I sold nothing there, as my books show")
    assert f"!policy insist {case} REASON" in world.in_review()[-1]
    assert world.room not in world.homeserver.closed, "it rests"
    return case


async def test_two_people_say_why_a_closed_room_cannot_be_open_meanwhile(
    tmp_path: Path, database_url: str
) -> None:
    """Governance 4.3.9; I14: who insists decides the appeal no more."""
    async with make_world(tmp_path, database_url, staff=STAFF) as world:
        case = await appealed(world)
        answer = await world.review("mira", f"!policy insist {case} no")
        assert "say in a sentence why it cannot rest" in answer
        assert "I do not know «insist»" in await world.say("tom", f"!policy insist {case} {REASON}")
        answer = await world.review("mira", f"!policy insist {case} {REASON}")
        assert f"the person would read: {REASON}" in answer
        code = await code_of(world, answer)
        assert world.room not in world.homeserver.closed, "one person is not enough"
        assert "second person" in await world.review("mira", f"!policy confirm {code}")
        answer = await world.review("ravi", f"!policy confirm {code}")
        assert "the measure binds while the appeal is decided" in answer
        assert world.room in world.homeserver.closed
        told = world.told("anna")[-1]
        assert REASON in told
        assert "should be answered by 3 March 2026" in told, "it is urgent now"
        assert REASON in await world.say("anna", f"!policy status {case}")
        assert REASON in await world.say("zoe", f"!policy brief {case}")
        answer = await world.review("ravi", f"!policy overturn {case} It was a joke shop")
        assert "you confirmed it" in answer
        again = await world.review("mira", f"!policy insist {case} {REASON}")
        assert "does not rest" in again
        await world.say("zoe", f"!policy overturn {case} Her books show that she sold nothing")
        assert world.room not in world.homeserver.closed


async def test_what_was_insisted_on_goes_on_when_the_appeal_fails(tmp_path: Path) -> None:
    async with make_world(tmp_path, staff=STAFF) as world:
        case = await appealed(world)
        code = await code_of(world, await world.review("mira", f"!policy insist {case} {REASON}"))
        await world.review("otto", f"!policy confirm {code}")
        before = len(world.homeserver.closed)
        await world.say("zoe", f"!policy uphold {case} The books show the sales, one by one")
        assert len(world.homeserver.closed) == before == 1


@pytest.mark.parametrize("act", ["deny", "expire"])
async def test_what_nobody_confirms_goes_on_resting(tmp_path: Path, act: str) -> None:
    """I20: no timer decides it."""
    async with make_world(tmp_path, staff=STAFF) as world:
        case = await appealed(world)
        code = await code_of(world, await world.review("mira", f"!policy insist {case} {REASON}"))
        if act == "deny":
            await world.review("otto", f"!policy deny {code}")
        else:
            await world.tick(days=2)
            assert any("It goes on resting" in text for text in world.in_review())
        answer = await world.review("ravi", f"!policy confirm {code}")
        assert "Nothing waits" in answer
        assert world.room not in world.homeserver.closed
        assert not any(REASON in text for text in world.told("anna"))


async def test_who_is_a_party_or_the_last_who_can_decide_does_not_insist(tmp_path: Path) -> None:
    staff = {user("mira"): ["moderator", "reviewer"], user("otto"): ["moderator", "appeals"]}
    staff |= {user("ravi"): ["moderator", "reviewer", "appeals"], user("anna"): ["moderator"]}
    staff[user("zoe")] = ["appeals"]  # who is not here
    async with make_world(tmp_path, staff=staff) as world:
        _, case = await closed(world)
        await world.say("anna", f"!policy appeal {case} I sold nothing there, as my books show")
        answer = await world.review("ravi", f"!policy insist {case} {REASON}")
        assert "You are the last who can decide the appeal" in answer
        answer = await world.review("anna", f"!policy insist {case} {REASON}")
        assert "!policy confirm" not in answer, "it is her own room"
        code = await code_of(world, await world.review("mira", f"!policy insist {case} {REASON}"))
        await world.review("anna", f"!policy confirm {code}")
        await world.review("ravi", f"!policy confirm {code}")
        assert world.room not in world.homeserver.closed
        await world.review("otto", f"!policy confirm {code}")
        assert world.room in world.homeserver.closed, "who confirmed the closure may"


async def test_what_is_not_of_the_gravest_kind_rests_whatever_people_say(tmp_path: Path) -> None:
    async with make_world(tmp_path, staff=STAFF) as world:
        await world.governed_room()
        object.__setattr__(
            world.config.ladder, "appeal_stay", frozenset({"member:restrict", "room:restrict"})
        )
        case = await world.reported(text="Anna, tonight I come for your tomatoes")
        threat = "restrict:P30D Threatened a neighbour // He went on at night"
        await world.review("mira", f"!policy decide {case} R2 S3 {threat}")
        await world.say("tom", f"!policy appeal {case} It was a joke between friends")
        assert "rests meanwhile" in world.in_review()[-1]
        assert "!policy insist" not in world.in_review()[-1]
        answer = await world.review("otto", f"!policy insist {case} {REASON}")
        assert "only what is S4" in answer


async def test_a_revocation_holds_while_it_is_appealed_where_two_people_say_why(tmp_path: Path) -> None:
    async with make_world(tmp_path, **QUALIFIED) as world:
        await taken_back(world)
        await world.say("anna", "!policy appeal Q-1 The chamber has given it back")
        assert marks(world)
        assert "!policy insist Q-1 REASON" in world.in_review()[-1]
        answer = await world.review("mira", f"!policy insist Q-1 {REASON}")
        answer = await world.review("otto", f"!policy confirm {await code_of(world, answer)}")
        assert "the revocation holds while the appeal is decided" in answer
        assert marks(world) == []
        assert REASON in world.told("anna")[-1]
        assert REASON in await world.say("anna", "!policy status Q-1")
        await world.review("ravi", "!policy overturn Q-1 The chamber has given it back indeed")
        assert marks(world)
