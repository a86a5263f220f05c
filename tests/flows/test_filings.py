"""Filings: for a public room somebody verified answers, and nobody judges their own."""

from typing import Any

from policybot.domain.identity import Source
from policybot.store import members
from tests.staffed import Private, link_to
from tests.world import World, find, user


async def filed(world: World, owner: str = "anna", room: str = "") -> str:
    """Have somebody file a room; return the filing's number."""
    room = room or world.room
    world.homeserver.levels[room] = {"users": {user(owner): 100}}
    await world.deliver(
        type="m.room.member",
        room_id=room,
        sender=user(owner),
        state_key="@policybot:example.org",
        content={"membership": "invite"},
    )
    answer = await world.say(owner, f"!policy file {room} general Neighbours talk of gardens")
    return find(r"F-\d+", answer)


async def lapse(world: World, who: str) -> None:
    """End somebody's verification."""
    async with world.database.transaction() as tx:
        link = await members.link_of(tx, user(who))
        assert link is not None
        people = world.app.services.members
        await people.end_verification(tx, link.person_id, Source.ROSTER, "roster", "test")
    await world.work()


def missed(world: World) -> list[str]:
    return [text for text in world.in_review() if "nobody verified answers" in text]


async def renewable(world: World, record: str) -> None:
    """Let the time of an approval be nearly over."""
    soon = int((world.clock().timestamp() + 10 * 86400) * 1000)
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE filings SET valid_until = $1", soon)
    await world.tick(days=1)
    assert any(f"!policy renew {record}" in text for text in world.told("anna"))


async def test_a_room_is_not_approved_once_its_applicant_is_no_longer_verified(world: World) -> None:
    await world.verified("anna")
    filing = await filed(world)
    await world.say("anna", "!policy unlink")
    answer = await world.review("ravi", f"!policy approve {filing}")
    assert f"{filing} cannot be approved as it is" in answer
    assert "«Please verify yourself first: !policy verify»" in answer
    assert world.homeserver.directory == set()
    assert "Asked" in await world.review("ravi", f"!policy ask {filing} Please verify yourself")


async def test_a_room_is_not_approved_without_the_agreement_that_binds_today(world: World) -> None:
    await world.verified("anna")
    filing = await filed(world)
    async with world.database.transaction() as tx:
        await tx.execute("DELETE FROM acceptances")
    assert "Please sign the agreement first" in await world.review("ravi", f"!policy approve {filing}")


async def test_an_approval_is_not_renewed_by_somebody_who_is_no_longer_verified(world: World) -> None:
    record = await world.governed_room()
    await lapse(world, "anna")
    await renewable(world, record)
    assert "verify yourself anew" in await world.say("anna", f"!policy renew {record}")
    await link_to(world, "anna", "anna")
    assert "is renewed" in await world.say("anna", f"!policy renew {record}")


async def test_that_nobody_answers_for_a_public_room_is_told_once_to_owner_and_staff(
    any_world: World,
) -> None:
    world = any_world
    record = await world.governed_room()
    await world.tick(minutes=1)
    assert missed(world) == []
    await lapse(world, "anna")
    for _ in range(3):
        await world.tick(minutes=1)
    assert len(missed(world)) == 1
    assert f"!policy revoke {record} REASON" in missed(world)[0]
    assert "verify yourself anew: !policy verify" in world.told("anna")[-1]
    await link_to(world, "anna", "anna")
    await world.tick(days=1)
    await lapse(world, "anna")
    await world.tick(minutes=1)
    assert len(missed(world)) == 2, "it came about again"
    await world.say("anna", "!policy unlink")
    for _ in range(3):
        await world.tick(minutes=1)
    assert len(missed(world)) == 2
    assert sum(f"{record} ({world.room}) needs an owner" in text for text in world.in_review()) == 1


async def test_nobody_reviews_or_revokes_the_filing_of_their_own_other_account(staffed: Private) -> None:
    world = staffed.world
    await link_to(world, "rick", "ravi")
    await world.say("rick", f"!policy agree {world.config.agreement.version}")
    filing = await filed(world, "rick", "!rick:example.org")
    for words in ("approve {}", "reject {} It is not for neighbours", "ask {} What is it for?"):
        answer = await world.review("ravi", f"!policy {words.format(filing)}")
        assert "is your own filing" in answer, words


async def test_nobody_confirms_what_their_own_other_account_proposed(staffed: Private) -> None:
    world = staffed.world
    config: Any = world.config
    config.staff["@molly:example.org"] = config.staff["@mira:example.org"]
    await world.deliver(
        type="m.room.member",
        room_id="!review:example.org",
        sender=user("molly"),
        state_key=user("molly"),
        content={"membership": "join"},
    )
    await link_to(world, "molly", "mira")
    answer = await world.decided(staffed.case, "restrict:P3D")
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert "second person" in await world.review("molly", f"!policy confirm {code}")
    assert "is decided" in await world.review("otto", f"!policy confirm {code}")


async def test_nobody_decides_about_their_own_other_account(staffed: Private) -> None:
    world = staffed.world
    await link_to(world, "mimi", "mira")
    case = await world.reported(offender="mimi", reporter="zoe")
    for words in ("claim {}", "dismiss {} There was no breach at all", "show {}"):
        answer = await world.review("mira", f"!policy {words.format(case)}")
        assert "You are a party" in answer or "no case" in answer, words
    await world.say("mimi", "!policy unlink")
    assert "no case" in await world.review("mira", f"!policy claim {case}"), "it is known all the same"
    answer = await world.decided(case, "restrict:P3D", by="otto")
    code = find(r"(?<=!policy confirm )\w+", answer)
    for verb in ("confirm", "deny"):
        assert "You are a party" in await world.review("mira", f"!policy {verb} {code}")


async def test_nobody_decides_the_appeal_of_their_own_other_account(staffed: Private) -> None:
    world = staffed.world
    await link_to(world, "rick", "ravi")
    case = await world.reported(offender="rick", reporter="zoe")
    assert "is decided" in await world.decided(case, "restrict:P3D", confirm="otto")
    assert "is in" in await world.say("rick", f"!policy appeal {case} I was allowed to")
    assert "had a part" in await world.review("ravi", f"!policy overturn {case} It was allowed")
