"""Revalidation: a source is asked again, and what it no longer vouches for ends with a notice."""

from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from policybot import doors
from policybot.store import members, roster
from tests.web.test_callback import Scene, broken, scenes
from tests.world import World


@pytest.fixture
async def fetching(tmp_path: Path) -> AsyncIterator[Scene]:
    async for made in scenes(tmp_path, fetched=True):
        yield made


async def verified(scene: Scene, who: str, name: str) -> str:
    """Verify somebody at the service; give the ID of their result."""
    browser = scene.browser.other()
    back, result = scene.service.verify(await scene.depart(who, browser), name)
    await scene.service.post(result)
    _, page = await browser.get(back)
    assert "You are verified" in await scene.confirm(who, page)
    return str(result["id"])


async def test_what_the_service_still_vouches_for_holds(fetching: Scene) -> None:
    scene = fetching
    await verified(scene, "anna", "Anna Canary-anna")
    asked = scene.service.asked
    await scene.world.tick(days=29)
    assert scene.service.asked == asked, "it is not asked before its time"
    await scene.world.tick(days=1, seconds=1)
    assert scene.service.asked == asked + 1
    await scene.world.tick()
    assert scene.service.asked == asked + 1, "nor twice"
    assert await scene.linked("anna")
    await scene.world.tick(days=30, seconds=1)
    assert scene.service.asked == asked + 2


@pytest.mark.parametrize(
    "change",
    [None, {"status": "revoked"}, {"status": "failed"}, {"expires_at": "2026-03-20T00:00:00Z"}],
)
async def test_what_it_no_longer_vouches_for_ends_with_a_notice(
    fetching: Scene, change: dict[str, str] | None
) -> None:
    scene = fetching
    gone, stays = (
        await verified(scene, "anna", "Anna Canary-anna"),
        await verified(scene, "tom", "Tom Cole"),
    )
    if change is None:
        del scene.service.results[gone]
    else:
        scene.service.results[gone] |= change
    await scene.world.tick(days=31)
    assert "Your verification by callback has ended" in scene.world.told("anna")[-1]
    assert "!policy verify" in scene.world.told("anna")[-1]
    assert not await scene.linked("anna")
    assert await scene.linked("tom")
    assert stays in scene.service.results
    async with scene.world.database.transaction(reading=True) as tx:
        link = await members.link_of(tx, "@anna:example.org")
        assert link is not None, "the link stays, and the history with it"
        kept = scene.world.app.services.members._vault
        assert await kept.open(tx, link.person_id, "again callback verify-ltd") is None


async def test_a_service_that_is_away_ends_nothing_and_is_asked_again(fetching: Scene) -> None:
    scene = fetching
    result_id = await verified(scene, "anna", "Anna Canary-anna")
    scene.service.fault = broken
    await scene.world.tick(days=31)
    assert await scene.linked("anna")
    asked = scene.service.asked
    await scene.world.tick(hours=1)
    assert scene.service.asked == asked, "not at every stroke of the clock"
    scene.service.fault = None
    del scene.service.results[result_id]
    await scene.world.tick(hours=6)
    assert not await scene.linked("anna")


async def test_a_renewed_verification_outlives_the_answer_about_the_old_one(fetching: Scene) -> None:
    scene = fetching
    old = await verified(scene, "anna", "Anna Canary-anna")
    scene.world.clock.pass_time(days=20)
    await verified(scene, "anna", "Anna Canary-anna")
    del scene.service.results[old]
    await scene.world.tick(days=12)
    assert await scene.linked("anna")


async def test_without_a_place_to_ask_it_holds_until_its_time(tmp_path: Path) -> None:
    async for scene in scenes(tmp_path):
        result_id = await verified(scene, "anna", "Anna Canary-anna")
        del scene.service.results[result_id]
        await scene.world.tick(days=31)
        assert await scene.linked("anna")
        assert scene.service.asked == 0


async def test_a_second_account_keeps_by_what_its_person_can_be_asked_about(tmp_path: Path) -> None:
    """What was found under another ID is kept under the person that was known already."""
    async for scene in scenes(tmp_path, fetched=True):
        object.__setattr__(scene.world.config.identity, "accounts_per_person", 2)
        first = await verified(scene, "anna", "Anna Canary-anna")
        del scene.service.results[first]
        await verified(scene, "zoe", "Anna Canary-anna")
        await scene.world.tick(days=31)
        assert await scene.linked("anna")
        assert await scene.linked("zoe")


async def test_who_is_no_longer_on_the_roster_is_found(world: World) -> None:
    """Even if the roster's own clock has missed it."""
    await world.verified("anna")
    await world.verified("tom")
    async with world.database.transaction() as tx:
        link = await members.link_of(tx, "@anna:example.org")
        assert link is not None
        for entry in await roster.of_person(tx, link.person_id):
            await roster.remove(tx, entry)
    await world.tick(days=31)
    assert "Your verification by roster has ended" in world.told("anna")[-1]
    assert "Identity: verified" in await world.say("tom", "!policy me")


async def test_the_ways_are_made_once_and_not_at_every_stroke_of_the_clock(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = Mock(wraps=doors.ways)
    monkeypatch.setattr(doors, "ways", ways)
    for _ in range(3):
        await world.tick(minutes=1)
    world.app.pages()
    assert ways.call_count == 1


async def test_it_can_be_left_off(world: World) -> None:
    object.__setattr__(world.config.identity, "revalidate_every", None)
    await world.verified("anna")
    async with world.database.transaction() as tx:
        await tx.execute("DELETE FROM roster")
    await world.tick(days=31)
    assert "Identity: verified" in await world.say("anna", "!policy me")


async def test_a_source_that_suddenly_knows_nobody_ends_not_everything(world: World) -> None:
    object.__setattr__(world.config.identity, "revalidate_most", 2)
    everybody = ("anna", "tom", "lea", "zoe", "mira")
    for who in everybody:
        await world.verified(who)
    async with world.database.transaction() as tx:
        await tx.execute("DELETE FROM roster")
    await world.tick(days=31)
    ended = [who for who in everybody if any("has ended" in text for text in world.told(who))]
    assert len(ended) == 2
    assert "no longer vouch for 2 persons" in world.in_review()[-1]
    await world.tick(hours=7)
    assert len([who for who in everybody if any("has ended" in text for text in world.told(who))]) == 2
    await world.tick(hours=18)
    assert len([who for who in everybody if any("has ended" in text for text in world.told(who))]) == 4
