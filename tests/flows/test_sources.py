"""Several sources for one person: the best one speaks, none takes over, likenesses are told."""

import pytest

from policybot.domain.identity import Assurance, Claim, Record, Source
from policybot.domain.private import Private as Text
from policybot.services.verifications import hashed
from policybot.store import members
from tests.files import NAMES
from tests.staffed import Private
from tests.world import World, find, user

STATE, CLUB = "https://state.example", "https://club.example"


def login(world: World, name: str, reference: str, realm: str = STATE, born: str = "") -> Record:
    """Say what a provider says of somebody."""
    claims = {Claim.NAME: Text(name)} | ({Claim.BIRTHDATE: Text(born)} if born else {})
    level = Assurance.HIGH if realm == STATE else Assurance.LOW
    return Record(Source.OIDC, realm, Text(reference), claims, level, "login", world.clock())


async def shows(world: World, who: str, record: Record) -> str:
    """Let somebody verify an account by a login; return the answer to the code."""
    verifications = world.app.services.verifications
    token = find(r"(?<=/verify/)\S+", await world.say(who, "!policy verify"))
    blinds = await verifications.blind(record)
    async with world.database.transaction() as tx:
        code = await verifications.found(tx, hashed(token), record, blinds)
    return await world.say(who, f"!policy verify {code}")


async def known(world: World, who: str) -> tuple[Assurance | None, str]:
    async with world.database.transaction(reading=True) as tx:
        link = await members.link_of(tx, user(who))
        assert link is not None
        claims = await world.app.services.privacy.claims(tx, link.person_id) or {}
    return link.assurance, claims["name"].reveal() if claims else ""


async def count(world: World, what: str) -> int:
    async with world.database.transaction(reading=True) as tx:
        return int(await tx.value(f"SELECT COUNT(*) AS value FROM {what}"))  # noqa: S608 - our words


async def test_a_weaker_source_cannot_give_a_person_another_name(world: World) -> None:
    """Tom is verified by the state; at the club everybody types what they like."""
    assert "You are verified" in await shows(world, "tom", login(world, NAMES["tom"], "t"))
    answer = await shows(world, "tom", login(world, NAMES["anna"], "x", CLUB))
    assert "another name" in answer
    assert "nothing else has changed" in answer
    assert await known(world, "tom") == (Assurance.HIGH, NAMES["tom"])
    assert "@tom:example.org is verified, and has now shown another name" in world.in_review()[-1]
    assert await count(world, "vault_keys WHERE person_id LIKE 'P-%'") == 1, "it was not kept"


async def test_the_best_source_speaks_and_then_the_next_best(world: World) -> None:
    assert "You are verified" in await shows(world, "tom", login(world, NAMES["tom"].upper(), "x", CLUB))
    assert await known(world, "tom") == (Assurance.LOW, NAMES["tom"].upper())
    assert "You are verified" in await shows(world, "tom", login(world, NAMES["tom"], "t"))
    assert await known(world, "tom") == (Assurance.HIGH, NAMES["tom"])
    async with world.database.transaction() as tx:
        person = await members.person_behind(tx, user("tom"))
        assert person is not None
        people = world.app.services.members
        assert sorted(await people.all_claims(tx, person)) == [f"oidc {CLUB}", f"oidc {STATE}"]
        await people.end_verification(tx, person, Source.OIDC, STATE, "its time")
        assert await people._vault.groups(tx, person) == [f"claims oidc {CLUB}"], "the rest is forgotten"
    assert await known(world, "tom") == (Assurance.LOW, NAMES["tom"].upper())
    await world.tick(days=800)
    assert await known(world, "tom") == (None, "")


async def test_an_account_is_one_person_at_each_provider(any_world: World) -> None:
    """Evil shows a second login, so that its owner would later be taken for Evil."""
    world = any_world
    assert "You are verified" in await shows(world, "evil", login(world, NAMES["tom"], "e"))
    answer = await shows(world, "evil", login(world, NAMES["tom"], "t"))
    assert "verified there as somebody else" in answer
    assert "You are verified" in await shows(world, "tom", login(world, NAMES["tom"], "t"))
    async with world.database.transaction(reading=True) as tx:
        both = [await members.person_behind(tx, user(who)) for who in ("evil", "tom")]
    assert len(set(both)) == 2
    assert "You are verified" in await shows(world, "evil", login(world, NAMES["tom"], "e")), "renewed"


async def test_whose_name_has_changed_at_the_same_source_is_the_same_person(world: World) -> None:
    assert "You are verified" in await shows(world, "tom", login(world, NAMES["tom"], "t"))
    married = f"Tom {NAMES['lea'].split()[1]}"
    assert "You are verified" in await shows(world, "tom", login(world, married, "t"))
    assert await known(world, "tom") == (Assurance.HIGH, married)


async def test_two_accounts_that_may_be_one_persons_are_told_to_the_room_once(any_world: World) -> None:
    """Anna has one account by the roster, and makes a second one by a login."""
    world = any_world
    await world.verified("anna")
    first, last = NAMES["anna"].split()
    for _ in range(2):
        assert "You are verified" in await shows(world, "anna2", login(world, f"{last} {first}", "a"))
    told = [text for text in world.in_review() if "same person" in text]
    assert len(told) == 1
    for part in ("@anna:example.org", "@anna2:example.org", "nothing was done"):
        assert part in told[0]
    async with world.database.transaction() as tx:
        await world.app.services.privacy.erase(tx, user("anna2"))
    assert await count(world, "vault_hints") == 1, "it goes with the person"


async def test_who_was_born_on_another_day_is_somebody_else(world: World) -> None:
    object.__setattr__(world.config.identity, "keep", (Claim.NAME, Claim.BIRTHDATE))
    await shows(world, "anna", login(world, NAMES["anna"], "1", born="1990-05-17"))
    await shows(world, "ann", login(world, NAMES["anna"], "2", born="1991-05-17"))
    assert not any("same person" in text for text in world.in_review())
    await shows(world, "anne", login(world, NAMES["anna"], "3", born="1990-05-17"))
    assert "@anna:example.org" in world.in_review()[-1]


@pytest.mark.parametrize("twin", ["mira", "tom", "lea"])
async def test_whoever_may_be_a_party_agrees_to_no_reveal(staffed: Private, twin: str) -> None:
    """Petra bears the name of who asks, of who is asked about, of who reported; by another source."""
    world = staffed.world
    await world.verified("lea")
    assert "You are verified" in await shows(world, "petra", login(world, NAMES[twin], "p"))
    code = await staffed.ask()
    assert "You may have a part" in await world.review("petra", f"!policy confirm {code}")
    assert "Agreed" in await world.review("ravi", f"!policy confirm {code}")
