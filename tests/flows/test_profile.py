"""What ends with a link, a verification or a person: the mark on the profile, and every name."""

from pathlib import Path
from typing import Any

import pytest

from policybot.domain.effects import ClearProfileField, Effect, LearnName, SetProfileField
from policybot.domain.identity import Front
from policybot.store import members, names
from tests.files import CODES, NAMES
from tests.flows.test_names import profile, real
from tests.flows.test_verification import another_code, page_code
from tests.world import BOT, World, find, user
from tests.world import world as make_world


async def named(world: World) -> int:
    async with world.database.transaction(reading=True) as tx:
        return int(await tx.value("SELECT COUNT(*) AS value FROM front_names"))


async def test_unlinking_takes_the_field_off_the_profile(world: World) -> None:
    await world.governed_room()
    await world.called("anna", "Rose")
    await real(world, "anna")
    await world.say("anna", "!policy unlink")
    assert profile(world, "anna") is None
    assert await named(world) == 0
    code = await page_code(world, "anna", await another_code(world, "anna"))
    await world.say("anna", f"!policy verify {code}")
    assert profile(world, "anna") == {"verified": True, "by": BOT}, "a new link begins with a pseudonym"


async def test_the_field_ends_with_the_last_verification(world: World) -> None:
    await world.verified("anna")
    await real(world, "anna")
    await world.tick(days=731)
    assert profile(world, "anna") is None
    assert await named(world) == 0
    await world.called("anna", "Rose")
    assert await named(world) == 0
    code = await page_code(world, "anna", await another_code(world, "anna"))
    await world.say("anna", f"!policy verify {code}")
    assert profile(world, "anna") == {"verified": True, "by": BOT}


async def test_of_an_erased_person_nothing_is_shown(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    await world.called("anna", "Rose")
    await real(world, "anna")
    async with world.database.transaction() as tx:
        link = await members.link_of(tx, user("anna"))
        assert link is not None
        await world.app.services.members.forget(tx, link.person_id)
    await world.work()
    assert profile(world, "anna") is None
    assert await named(world) == 0
    for text in (user("anna"), world.room):
        answer = await world.say("lea", f"!policy lookup {text}")
        assert NAMES["anna"] not in answer
        assert "Rose" not in answer


@pytest.mark.parametrize("kind", [LearnName, SetProfileField, ClearProfileField])
async def test_a_profile_that_the_homeserver_refuses_does_no_harm(
    world: World, kind: type[Effect]
) -> None:
    world.homeserver.refuses[kind] = "403 M_FORBIDDEN"
    before = len(world.in_review())
    await world.verified("anna")
    await real(world, "anna")
    await world.say("anna", "!policy name front")
    await world.say("anna", "!policy unlink")
    assert len(world.in_review()) == before, "nobody is called for what is only shown"
    async with world.database.transaction(reading=True) as tx:
        dead = await tx.value("SELECT COUNT(*) AS value FROM outbox WHERE state IN ('dead', 'waiting')")
    assert dead == 0


@pytest.mark.parametrize("ending", ["name front", "unlink"])
async def test_a_name_that_stays_on_a_profile_against_its_owners_will_calls_people(
    world: World, ending: str
) -> None:
    await world.verified("anna")
    await real(world, "anna")
    kinds: tuple[type[Effect], ...] = (SetProfileField, ClearProfileField)
    world.homeserver.refuses.update(dict.fromkeys(kinds, "403 M_FORBIDDEN"))
    await world.say("anna", f"!policy {ending}")
    assert "verified name still stands there" in world.in_review()[-1]
    assert "Canary" not in world.in_review()[-1]
    assert NAMES["anna"] not in await world.say("lea", f"!policy lookup {user('anna')}")
    world.homeserver.refuses.clear()
    await world.review("mira", find(r"!policy retry \d+", world.in_review()[-1]))
    assert "name" not in (profile(world, "anna") or {})


async def test_where_no_field_is_wanted_none_is_written(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"identity.front.profile_field": None}
    async with make_world(tmp_path, **changes) as world:
        await world.verified("anna")
        assert "open your profile" not in await world.say("anna", "!policy name real")
        await real(world, "anna")
        await world.say("anna", "!policy unlink")
        kinds = {type(effect) for effect in world.homeserver.performed}
        assert not kinds & {SetProfileField, ClearProfileField}


async def test_a_profile_on_another_homeserver_is_left_alone(world: World) -> None:
    code = await page_code(world, "@anna:elsewhere.net", CODES["anna"])
    await world.say("@anna:elsewhere.net", f"!policy verify {code}")
    assert "verified since" in await world.say("lea", "!policy lookup @anna:elsewhere.net")
    assert not any(isinstance(effect, SetProfileField) for effect in world.homeserver.performed)


async def test_a_name_that_was_hidden_again_is_not_sent_with_what_waited(world: World) -> None:
    await world.verified("anna")
    await world.direct("lea")
    await real(world, "anna")
    world.homeserver.away = True
    await world.say("lea", f"!policy lookup {user('anna')}")
    await world.say("anna", "!policy name front")
    world.homeserver.away = False
    world.clock.pass_time(seconds=60)
    await world.work()
    assert NAMES["anna"] not in str(world.homeserver.said)
    assert profile(world, "anna") == {"verified": True, "by": BOT}


async def test_no_name_is_in_the_audit_log(any_world: World) -> None:
    """The search at the end of every world finds no real name anywhere; here also no pseudonym."""
    world = any_world
    record = await world.governed_room()
    await world.called("anna", "Rose")
    await real(world, "anna")
    assert NAMES["anna"] in await world.say("lea", f"!policy lookup {record}")
    await world.called("tom", NAMES["anna"])
    await world.review("mira", f"!policy lookup {record}")
    await world.say("anna", "!policy name front")
    async with world.database.transaction(reading=True) as tx:
        payloads = [r["payload"] for r in await tx.fetch("SELECT payload FROM audit_payloads")]
        tags = [r["tag"] for r in await tx.fetch("SELECT tag FROM audit")]
    assert "Rose" not in str(payloads)
    assert {"name:show", "name:hide"} <= set(tags)


async def test_two_databases_with_other_keys_hash_one_name_differently(tmp_path: Path) -> None:
    looks = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with make_world(folder) as world:
            await world.verified("anna")
            await real(world, "anna")
            async with world.database.transaction(reading=True) as tx:
                looks.append((await names.of(tx, user("anna")))[Front.REAL].look)
    assert len(set(looks)) == 2
