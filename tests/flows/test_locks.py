"""Accounts that are closed can be locked besides: told before, with a way to object, and taken back."""

from pathlib import Path

import pytest

from policybot.domain.effects import LockAccount, Notify
from tests.world import World, find, user
from tests.world import world as make_world

TOM = user("tom")


async def closed(world: World) -> str:
    """Have two moderators close Tom's account; return the case."""
    await world.governed_room()
    await world.say("lea", f"!policy report {TOM} R2 He threatens people")
    case = find(r"(?<=New case )C-\d+", world.in_review()[-1])
    said = f"!policy decide {case} R2 S4 close Threatened to burn a house down // It is that grave"
    answer = await world.review("mira", said)
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert "is decided" in await world.review("otto", f"!policy confirm {code}")
    return case


@pytest.mark.parametrize("earlier", [False, True])
async def test_who_is_locked_out_was_told_before_and_everything_comes_back(
    tmp_path: Path, *, earlier: bool
) -> None:
    async with make_world(tmp_path, **{"measures.close": "lock"}) as world:
        if earlier:
            world.homeserver.locked.add(TOM)
        case = await closed(world)
        assert (TOM in world.homeserver.locked, TOM in world.homeserver.suspended) == (True, True)
        done = world.homeserver.performed
        told = next(n for n, e in enumerate(done) if isinstance(e, Notify) and e.user_id == TOM)
        assert told < done.index(LockAccount(TOM)), "afterwards nobody reads it"
        (notice,) = world.told("tom")
        assert notice.startswith(f"Decision {case}")
        assert "closure of the account, which is locked" in notice
        link = find(r"/appeal/\w+", notice)
        assert link
        await world.tick(days=1)
        assert world.told("tom") == [notice], "no second word of it, that nobody could read"
        await world.say("tom", f"!policy appeal {case} It was a song")
        assert "is void" in await world.review("ravi", f"!policy overturn {case} It was a song indeed")
        assert TOM not in world.homeserver.suspended
        assert (TOM in world.homeserver.locked) is earlier, "as it was before"


async def test_without_that_a_closed_account_can_be_read(world: World) -> None:
    await closed(world)
    assert TOM in world.homeserver.suspended
    assert world.homeserver.locked == set()
