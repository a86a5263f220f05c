"""Verification: the person before the page and the account have to meet; one person, N accounts."""

import asyncio
from pathlib import Path

import pytest

from policybot.domain.errors import NotFound
from policybot.domain.identity import Bound
from policybot.domain.private import Private
from policybot.services.verifications import hashed
from policybot.store import attempts, members
from tests.files import CODES
from tests.world import World, find
from tests.world import world as make_world


async def page_code(world: World, account: str, roster_code: str) -> str:
    """Let whoever has a roster code go through the page that was made for an account."""
    token = find(r"(?<=/verify/)\S+", await world.say(account, "!policy verify"))
    async with world.database.transaction(reading=True) as tx:
        record = await world.app.services.roster.check(tx, roster_code)
    assert record is not None
    blind = await world.app.services.verifications.blind(record)
    async with world.database.transaction() as tx:
        return await world.app.services.verifications.found(tx, hashed(token), record, blind)


async def another_code(world: World, person: str) -> str:
    return await world.app.services.roster.renew_code(world.database, Private(person))


async def test_a_forwarded_link_links_nobody(world: World) -> None:
    """Zoe asks for a link and sends it to Anna, who shows who she is on the page."""
    code = await page_code(world, "zoe", CODES["anna"])
    answer = await world.say("anna", f"!policy verify {code}")
    assert "made for another account" in answer
    assert "nothing was linked" in answer
    assert "do not know this code" in await world.say("zoe", f"!policy verify {code}"), "it is closed"
    for who in ("anna", "zoe"):
        assert "not verified" in await world.say(who, "!policy me")


async def test_a_code_is_good_once(world: World) -> None:
    code = await page_code(world, "anna", CODES["anna"])
    assert "You are verified" in await world.say("anna", f"!policy verify {code}")
    assert "do not know this code" in await world.say("anna", f"!policy verify {code}")


async def test_codes_cannot_be_guessed(world: World) -> None:
    code = await page_code(world, "anna", CODES["anna"])
    for _ in range(5):
        assert "do not know this code" in await world.say("anna", "!policy verify AAAAAA")
    assert "do not know this code" in await world.say("anna", f"!policy verify {code}")


async def test_a_code_ends_with_its_link(world: World) -> None:
    code = await page_code(world, "anna", CODES["anna"])
    world.clock.pass_time(minutes=31)
    assert "its time is over" in await world.say("anna", f"!policy verify {code}")
    await world.tick()
    assert await vaulted(world) == len(CODES), "what was found is forgotten"


async def vaulted(world: World) -> int:
    async with world.database.transaction(reading=True) as tx:
        return int(await tx.value("SELECT COUNT(*) AS value FROM vault_keys"))


async def test_it_is_not_asked_for_where_others_read(world: World) -> None:
    assert "in a direct chat" in await world.say("mira", "!policy verify", "!review:example.org")


async def test_one_account_more_than_allowed_is_refused(world: World) -> None:
    await world.verified("anna")
    code = await page_code(world, "tom", await another_code(world, "anna"))
    answer = await world.say("tom", f"!policy verify {code}")
    assert "could not be linked" in answer
    assert "anna" not in answer.lower(), "a stranger does not learn who has it"
    assert "tried to link another account" in world.told("anna")[-1]


async def test_two_requests_at_once_cannot_take_one_place(any_world: World) -> None:
    world = any_world
    codes = {
        "anna": await page_code(world, "anna", CODES["anna"]),
        "tom": await page_code(world, "tom", CODES["anna"]),
        "zoe": await page_code(world, "zoe", CODES["anna"]),
    }

    async def confirm(who: str) -> bool:
        async with world.database.transaction() as tx:
            await asyncio.sleep(0)
            verifications = world.app.services.verifications
            return (await verifications.confirm(tx, f"@{who}:example.org", codes[who])).linked

    answers = await asyncio.gather(*(confirm(who) for who in codes))
    assert sum(answers) == 1
    async with world.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT COUNT(*) AS value FROM links WHERE ended_at IS NULL") == 1


@pytest.fixture
def two_accounts(world: World) -> World:
    object.__setattr__(world.config.identity, "accounts_per_person", 2)
    return world


async def test_a_second_account_is_the_same_person(two_accounts: World) -> None:
    world = two_accounts
    await world.verified("anna")
    code = await page_code(world, "tom", await another_code(world, "anna"))
    assert "You are verified" in await world.say("tom", f"!policy verify {code}")
    assert "@tom:example.org is now linked to you too" in world.told("anna")[-1]
    async with world.database.transaction(reading=True) as tx:
        links = [await members.link_of(tx, f"@{who}:example.org") for who in ("anna", "tom")]
    assert len({link.person_id for link in links if link}) == 1
    assert None not in links


async def test_history_stays_with_the_person(world: World) -> None:
    """Who unlinks and links another account is still the same person."""
    await world.verified("anna")
    async with world.database.transaction(reading=True) as tx:
        before = await members.link_of(tx, "@anna:example.org")
    await world.say("anna", "!policy unlink")
    code = await page_code(world, "zoe", await another_code(world, "anna"))
    await world.say("zoe", f"!policy verify {code}")
    async with world.database.transaction(reading=True) as tx:
        after = await members.link_of(tx, "@zoe:example.org")
    assert before is not None
    assert after is not None
    assert before.person_id == after.person_id


async def test_an_account_cannot_become_somebody_else(world: World) -> None:
    await world.verified("anna")
    await world.verified("tom")
    code = await page_code(world, "tom", await another_code(world, "anna"))
    assert "could not be linked" in await world.say("tom", f"!policy verify {code}")


async def test_a_verification_ends_with_its_time(world: World) -> None:
    await world.verified("anna")
    await world.tick(days=731)
    assert "Your verification by roster has ended" in world.told("anna")[-1]
    code = await page_code(world, "anna", await another_code(world, "anna"))
    assert "You are verified" in await world.say("anna", f"!policy verify {code}")


async def test_a_code_of_the_roster_links_no_second_account(tmp_path: Path) -> None:
    """Somebody saw Anna's code and used it on a page of their own, before she had sent hers."""
    async with make_world(tmp_path) as world:
        object.__setattr__(world.config.identity, "accounts_per_person", 2)
        hers = await page_code(world, "anna", CODES["anna"])
        theirs = await page_code(world, "evil", CODES["anna"])
        assert "You are verified" in await world.say("anna", f"!policy verify {hers}")
        assert "could not be linked" in await world.say("evil", f"!policy verify {theirs}")
        assert "not verified" in await world.say("evil", "!policy me")
        assert "tried to link another account" in world.told("anna")[-1]


async def test_who_left_the_roster_while_a_code_waited_is_not_linked(any_world: World) -> None:
    world = any_world
    code = await page_code(world, "anna", CODES["anna"])
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE roster SET left_at = 1")
    assert "could not be linked" in await world.say("anna", f"!policy verify {code}")
    assert "not verified" in await world.say("anna", "!policy me")
    assert await vaulted(world) == len(CODES), "what was shown is not kept"
    async with world.database.transaction(reading=True) as tx:
        for table in ("links", "persons", "vault_index"):
            count = f"SELECT COUNT(*) AS value FROM {table}"  # noqa: S608 - our names
            assert await tx.value(count) == 0, table


async def test_a_right_code_too_is_looked_at_a_few_times_only(world: World) -> None:
    """Whoever holds a link and a code cannot keep the machine hashing."""
    services = world.app.services
    token = find(r"(?<=/verify/)\S+", await world.say("anna", "!policy verify"))
    async with world.database.transaction(reading=True) as tx:
        record = await services.roster.check(tx, CODES["anna"])
    assert record is not None
    code = ""
    for _ in range(10):
        async with world.database.transaction() as tx:
            await services.verifications.spend_try(tx, token)
        blinds = await services.verifications.blind(record)
        async with world.database.transaction() as tx:
            code = await services.verifications.found(tx, hashed(token), record, blinds, forgive=True)
    async with world.database.transaction() as tx:
        with pytest.raises(NotFound):
            await services.verifications.spend_try(tx, token)
        with pytest.raises(NotFound):
            await services.verifications.attempt(tx, token)
    assert "You are verified" in await world.say("anna", f"!policy verify {code}"), "the last one counts"


async def test_nor_is_it_with_ever_new_links(world: World) -> None:
    await world.say("anna", "!policy verify")
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE attempts SET finds = 50")
    assert "very often today" in await world.say("anna", "!policy verify")
    world.clock.pass_time(days=2)
    assert "/verify/" in await world.say("anna", "!policy verify")


async def test_two_finds_at_once_leave_nothing_behind(any_world: World) -> None:
    world = any_world
    services = world.app.services
    token = find(r"(?<=/verify/)\S+", await world.say("anna", "!policy verify"))
    async with world.database.transaction(reading=True) as tx:
        record = await services.roster.check(tx, CODES["anna"])
    assert record is not None
    blinds = await services.verifications.blind(record)

    async def finds() -> None:
        async with world.database.transaction() as tx:
            await services.verifications.found(tx, hashed(token), record, blinds)
            await asyncio.sleep(0)

    await asyncio.gather(*(finds() for _ in range(5)))
    assert await vaulted(world) == len(CODES) + 1
    await world.tick(days=1)
    assert await vaulted(world) == len(CODES)


async def test_a_code_links_whom_it_was_shown_for_and_nobody_found_since(any_world: World) -> None:
    """The code arrives while the page finds somebody else."""
    world = any_world
    verifications = world.app.services.verifications
    code = await page_code(world, "anna", CODES["anna"])
    async with world.database.transaction(reading=True) as tx:
        keyed = world.app.setting.keyed("confirm", code)
        arrived = await attempts.by_code(tx, keyed, world.clock())
        record = await world.app.services.roster.check(tx, CODES["tom"])
    assert arrived is not None
    assert record is not None
    blinds = await verifications.blind(record)
    async with world.database.transaction() as tx:
        await verifications.found(tx, arrived.token_hash, record, blinds)
    async with world.database.transaction() as tx:
        outcome = await verifications._link(tx, arrived, "@anna:example.org", Bound.CODE)
    assert "do not know this code" in outcome.text
    assert "not verified" in await world.say("anna", "!policy me")


async def test_that_a_verification_has_ended_is_told_once_by_two_processes(any_world: World) -> None:
    world = any_world
    await world.verified("anna")
    world.clock.pass_time(days=800)
    both = asyncio.Barrier(2)
    people = world.app.services.members

    async def ends() -> None:
        async with world.database.transaction(reading=True) as tx:
            (due,) = await members.verifications_due(tx, world.clock(), 10)
        await both.wait()
        async with world.database.transaction() as tx:
            await people.end_verification(tx, due.person_id, due.source, due.realm, "its time")

    await asyncio.gather(ends(), ends())
    await world.work()
    assert len([text for text in world.told("anna") if "has ended" in text]) == 1
