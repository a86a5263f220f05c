"""Names that look the same: told once as long as they do, said in lookup, and nothing else by itself."""

import pytest

from policybot.store import members, names
from tests.files import NAMES
from tests.flows.test_names import real
from tests.flows.test_verification import another_code, page_code
from tests.staffed import link_to
from tests.world import World, user


def findings(world: World) -> list[str]:
    return [text for text in world.in_review() if "looks the same" in text]


async def two_neighbours(world: World) -> None:
    await world.governed_room()
    await world.verified("tom")
    await world.called("anna", "Rose Garden")


async def test_a_name_that_looks_like_anothers_is_told_once_and_said_in_lookup(any_world: World) -> None:
    world = any_world
    await two_neighbours(world)
    await world.called("tom", "Rоsе Gаrdеn")
    assert len(findings(world)) == 1
    assert findings(world)[0].startswith("The name of @tom:example.org looks the same as that of @anna")
    assert "since 2 March 2026" in findings(world)[0]
    assert "Please choose another display name" in world.told("tom")[-1]
    assert not any("looks the same" in text for text in world.told("anna"))
    for who in ("anna", "tom"):
        assert "uses a name that looks the same" in await world.say("lea", f"!policy lookup {user(who)}")
    await world.called("tom", "Tom")
    for who in ("anna", "tom"):
        assert "the same" not in await world.say("lea", f"!policy lookup {user(who)}")
    await world.called("anna", "rose garden")
    assert len(findings(world)) == 1


async def test_a_name_that_was_there_before_the_verification_is_found_too(world: World) -> None:
    await world.governed_room()
    await world.called("anna", "Rose")
    world.homeserver.profiles[user("tom")] = {"displayname": "R\u200bose"}
    await world.verified("tom")
    assert findings(world)[0].startswith("The name of @tom:example.org")


async def test_a_pseudonym_like_a_real_name_is_found_and_blocks_nobody(world: World) -> None:
    await two_neighbours(world)
    await world.called("tom", NAMES["anna"].upper())
    assert findings(world) == [], "as long as Anna does not show it, nobody learns what she is called"
    await real(world, "anna")
    assert len(findings(world)) == 1
    assert findings(world)[0].startswith("The name of @tom:example.org")
    assert "canary" not in str(world.in_review()).lower()
    assert "Please choose another display name" in world.told("tom")[-1]
    assert not any("looks the same" in text for text in world.told("anna"))


async def test_a_new_pseudonym_like_a_real_name_that_is_shown_is_found(world: World) -> None:
    await two_neighbours(world)
    await real(world, "anna")
    await world.called("tom", "Аnna Cаnаry-аnna")
    assert len(findings(world)) == 1
    assert "canary" not in findings(world)[0].lower()


async def test_two_who_are_called_the_same_pretend_nothing(world: World) -> None:
    await two_neighbours(world)
    async with world.database.transaction() as tx:
        links = [await members.link_of(tx, user(who)) for who in ("anna", "tom")]
        assert links[1] is not None
        vault = world.app.services.members._vault
        await vault.keep(tx, links[1].person_id, "claims roster roster", {"name": NAMES["anna"]})
    await real(world, "anna")
    await real(world, "tom")
    assert findings(world) == []


async def test_ones_own_second_account_is_nobody_else(world: World) -> None:
    object.__setattr__(world.config.identity, "accounts_per_person", 2)
    await world.governed_room()
    await world.called("anna", "Rose")
    code = await page_code(world, "zoe", await another_code(world, "anna"))
    await world.say("zoe", f"!policy verify {code}")
    await world.called("zoe", "Rose")
    assert findings(world) == []
    assert "the same" not in await world.say("lea", f"!policy lookup {user('zoe')}")


async def test_one_account_cannot_fill_the_review_room_with_findings(world: World) -> None:
    await two_neighbours(world)
    async with world.database.transaction() as tx:
        for number in range(5):
            pair = names.Pair(user("tom"), f"@n{number}:example.org", world.clock())
            await names.pair(tx, pair.late, pair.early, pair.at)
            await names.told(tx, pair, pair.at)
    await world.called("tom", "Rose Garden")
    assert findings(world) == []
    await world.tick(hours=20)
    assert findings(world) == []
    await world.tick(hours=5)
    assert len(findings(world)) == 1, "it is told as soon as there is room for it"


async def test_a_look_alike_who_gave_the_name_up_in_time_is_not_told_of(world: World) -> None:
    await two_neighbours(world)
    async with world.database.transaction() as tx:
        for number in range(5):
            pair = names.Pair(user("tom"), f"@n{number}:example.org", world.clock())
            await names.pair(tx, pair.late, pair.early, pair.at)
            await names.told(tx, pair, pair.at)
    await world.called("tom", "Rose Garden")
    await world.called("tom", "Tom")
    await world.tick(days=2)
    assert findings(world) == []


@pytest.mark.parametrize("away", ["Tom", None, "unlink"])
async def test_who_takes_such_a_name_again_is_told_of_again(any_world: World, away: str | None) -> None:
    world = any_world
    await two_neighbours(world)
    await world.called("tom", "Rose Garden")
    assert len(findings(world)) == 1
    if away == "unlink":
        await world.say("tom", "!policy unlink")
        await link_to(world, "tom", "tom")
    else:
        await world.called("tom", away)
    await world.tick(days=30)
    await world.called("tom", "Rose.Garden ✓")
    assert len(findings(world)) == 2
    await world.called("tom", "Rose Garden (Mod)")
    assert len(findings(world)) == 2, "it looks the same as before, so it is the same finding"


async def test_to_and_fro_does_not_fill_the_review_room(world: World) -> None:
    await two_neighbours(world)
    for _ in range(8):
        await world.called("tom", "Rose Garden")
        await world.called("tom", "Tom")
        world.clock.pass_time(minutes=1)
    assert len(findings(world)) == 5


async def counted(world: World) -> dict[str, int]:
    tables = "seen_events front_names lookalikes outbox audit"
    async with world.database.transaction(reading=True) as tx:
        return {t: await tx.value(f"SELECT COUNT(*) AS value FROM {t}") for t in tables.split()}  # noqa: S608 - a list


async def test_thousands_who_are_not_linked_write_nothing(world: World) -> None:
    await two_neighbours(world)
    before = await counted(world)
    for number in range(50):
        await world.called(f"guest{number}", "Rose Garden")
    await world.called("anna", "Rose Garden")
    assert await counted(world) == before
