"""Who answers for a room: handed over, accepted, and told when nobody does any more."""

import asyncio

from tests.flows.test_register import found
from tests.staffed import link_to
from tests.world import World, find, user


async def asked(world: World) -> str:
    """Have Anna ask Tom to take her room over; return its record number."""
    record = await world.governed_room()
    answer = await world.say("anna", f"!policy transfer {record} @tom:example.org")
    assert "Nothing changes until they accept" in answer
    return record


async def test_a_room_is_handed_over_once_the_other_accepts(any_world: World) -> None:
    world = any_world
    record = await asked(world)
    assert f"!policy accept {record}" in world.told("tom")[-1]
    await world.verified("tom")
    assert "no filing" in await world.say("tom", f"!policy status {record}")
    assert f"You answer for {record} from now on" in await world.say("tom", f"!policy accept {record}")
    assert "is approved" in await world.say("tom", f"!policy status {record}")
    assert "no filing" in await world.say("anna", f"!policy status {record}")
    assert "@tom:example.org answers for the room" in world.told("anna")[-1]
    assert "@tom:example.org answers for the room" in world.in_review()[-1]
    assert "Nobody has asked you" in await world.say("tom", f"!policy accept {record}")
    assert await found(world, "tom") == [record], "the register knows who answers for it"
    assert await found(world, "anna") == []


async def test_who_takes_a_room_over_is_verified_and_has_signed(world: World) -> None:
    record = await asked(world)
    assert "verify yourself first" in await world.say("tom", f"!policy accept {record}")
    await world.verified("tom")
    await world.say("tom", "!policy unlink")
    assert "verify yourself first" in await world.say("tom", f"!policy accept {record}")


async def test_only_who_was_asked_can_accept_and_only_for_a_week(world: World) -> None:
    record = await asked(world)
    await world.verified("lea")
    await world.verified("tom")
    assert "Nobody has asked you" in await world.say("lea", f"!policy accept {record}")
    await world.tick(days=7)
    assert "Nobody has asked you" in await world.say("tom", f"!policy accept {record}")
    await world.tick(seconds=30)
    assert "has not taken over" in world.told("anna")[-1]


async def test_only_the_owner_hands_a_room_over(world: World) -> None:
    record = await world.governed_room()
    await world.verified("tom")
    command = f"!policy transfer {record} @tom:example.org"
    assert "no filing" in await world.say("tom", command)
    assert "has an owner" in await world.review("ravi", command)
    assert "cannot take" in await world.say("anna", f"!policy transfer {record} @anna:example.org")
    assert "cannot take" in await world.say("anna", f"!policy transfer {record} @policybot:example.org")
    for nobody in ("tom", "<b>@tom</b>", "@tom", "@" + "t" * 300 + ":x"):
        assert "is no account" in await world.say("anna", f"!policy transfer {record} {nobody}")


async def test_strangers_are_not_asked_all_the_time(world: World) -> None:
    record = await asked(world)
    assert "just asked" in await world.say("anna", f"!policy transfer {record} @lea:example.org")
    assert world.told("lea") == []
    await world.tick(hours=1)
    await world.say("anna", f"!policy transfer {record} @lea:example.org")
    assert "asks you to answer" in world.told("lea")[-1]
    await world.verified("tom")
    assert "Nobody has asked you" in await world.say("tom", f"!policy accept {record}")


async def test_nobody_takes_over_more_rooms_than_one_may_have(world: World) -> None:
    object.__setattr__(world.config.filing, "rooms_per_person", 1)
    record = await asked(world)
    await world.governed_room("tom", "!toms:example.org")
    assert "as many" in await world.say("tom", f"!policy accept {record}")


async def test_rooms_are_counted_by_person_and_drafts_are_none(world: World) -> None:
    object.__setattr__(world.config.filing, "rooms_per_person", 1)
    object.__setattr__(world.config.identity, "accounts_per_person", 2)
    record = await asked(world)
    await world.verified("tom")
    await link_to(world, "tom2", "tom")
    await world.say("tom2", f"!policy agree {world.config.agreement.version}")
    await world.say("tom", "!policy file new")
    await world.governed_room("zoe", "!zoes:example.org")
    async with world.database.transaction() as tx:
        await tx.execute(
            "UPDATE filings SET applicant = $1 WHERE applicant = $2", user("tom2"), user("zoe")
        )
    assert "as many" in await world.say("tom", f"!policy accept {record}"), "by all their accounts"
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE filings SET state = 'revoked' WHERE applicant = $1", user("tom2"))
    assert "You answer for" in await world.say("tom", f"!policy accept {record}")


async def test_a_suspended_room_keeps_whoever_answers_for_it(world: World) -> None:
    record = await asked(world)
    await world.verified("tom")
    await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
    answer = await world.review("mira", "!policy decide C-1 R2 S4 proposed The room hunts a neighbour")
    code = find(r"(?<=!policy confirm )\w+", answer)
    await world.review("otto", f"!policy confirm {code}")
    assert "cannot be handed over now" in await world.say("tom", f"!policy accept {record}")
    assert "cannot be handed over now" in await world.say(
        "anna", f"!policy transfer {record} @lea:example.org"
    )


async def test_accepting_and_renewing_at_once_lose_nothing(any_world: World) -> None:
    world = any_world
    record = await asked(world)
    await world.verified("tom")
    await world.tick(days=340)
    await world.say("anna", f"!policy transfer {record} @tom:example.org")
    await asyncio.gather(
        world.inward.handle(command("tom", f"!policy accept {record}")),
        world.inward.handle(command("anna", f"!policy renew {record}")),
        return_exceptions=True,
    )
    await world.inward.handle(command("tom", f"!policy accept {record}"))
    await world.work()
    assert record in await world.say("tom", f"!policy status {record}")


def command(who: str, body: str) -> dict[str, object]:
    """Write an event; the same words are the same event."""
    return {
        "type": "m.room.message",
        "event_id": f"${who}-{body}",
        "room_id": f"!direct-{user(who)}",
        "sender": user(who),
        "origin_server_ts": 1,
        "content": {"msgtype": "m.text", "body": body},
    }


# A room without an owner ----------------------------------------------------------------------------


def needs(world: World) -> list[str]:
    return [text for text in world.in_review() if "needs an owner" in text]


async def test_the_review_room_is_told_once_when_an_owners_link_ends(any_world: World) -> None:
    world = any_world
    record = await world.governed_room()
    await world.tick(minutes=1)
    assert needs(world) == []
    await world.say("anna", "!policy unlink")
    for _ in range(3):
        await world.tick(days=1)
    assert len(needs(world)) == 1
    assert record in needs(world)[0]
    await world.verified("tom")
    assert "I have asked" in await world.review("ravi", f"!policy transfer {record} @tom:example.org")
    await world.say("tom", f"!policy accept {record}")
    assert "has an owner" in await world.review("ravi", f"!policy transfer {record} @lea:example.org")
    await world.tick(minutes=1)
    assert len(needs(world)) == 1


async def left(world: World, who: str) -> None:
    await world.deliver(
        type="m.room.member",
        room_id=world.room,
        sender=user(who),
        state_key=user(who),
        content={"membership": "leave"},
    )


async def test_the_review_room_is_told_when_an_owner_is_gone_from_the_room(world: World) -> None:
    await world.governed_room()
    await left(world, "tom")
    assert needs(world) == []
    for _ in range(3):
        await left(world, "anna")
    assert len(needs(world)) == 1
    assert "their account is closed" in needs(world)[0]
