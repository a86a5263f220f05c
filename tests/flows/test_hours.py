"""The clock: whatever fails of what is due, the rest is done."""

import pytest

from policybot.store.database import DatabaseAway, Stale, Tx
from tests.world import World, user


def broken(error: Exception) -> object:
    """Give work that fails."""

    async def fails(_: Tx) -> int:
        raise error

    return fails


async def test_whatever_fails_of_what_is_due_the_rest_is_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I16: a measure ends, and records are forgotten, though something else that is due falls over."""
    await world.governed_room()
    case = await world.reported()
    await world.decided(case, "restrict:P3D", confirm="otto")
    services = world.app.services
    monkeypatch.setattr(services.filings, "expire", broken(KeyError("one")))
    monkeypatch.setattr(services.cures, "tick", broken(ValueError("two")))
    monkeypatch.setattr(services.names, "obey", broken(Stale("changed meanwhile")))
    world.clock.pass_time(days=500)
    with pytest.raises(ExceptionGroup) as failed:
        await world.app.tick()
    assert [str(error) for error in failed.value.exceptions] == ["'one'", "two", "changed meanwhile"]
    await world.work()
    assert user("tom") not in world.homeserver.levels[world.room]["users"]
    async with world.database.transaction() as tx:
        reporters = await tx.fetch("SELECT reporter FROM reports")
        assert [row["reporter"] for row in reporters] == ["gone-1"]


async def test_where_the_database_is_away_nothing_else_is_tried(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = world.app.services
    tried: list[str] = []

    async def later(_: Tx) -> int:
        tried.append("filings")
        return 0

    monkeypatch.setattr(services.sanctions, "end_due", broken(DatabaseAway("no route")))
    monkeypatch.setattr(services.filings, "expire", later)
    with pytest.raises(DatabaseAway, match="no route"):
        await world.app.tick()
    assert tried == []
