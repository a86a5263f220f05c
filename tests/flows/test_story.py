"""The main story, quickly: a fake homeserver, a real database."""

from policybot.domain.effects import Redact, ReleaseMember, RestrictMember
from policybot.domain.showing import Publish, SetLabel
from tests.world import World, user


async def test_a_room_is_filed_approved_labelled_and_published(world: World) -> None:
    record = await world.governed_room()
    assert world.room in world.homeserver.directory
    assert world.homeserver.labels[world.room] == record
    kinds = [type(effect) for effect in world.homeserver.performed]
    assert kinds.index(SetLabel) < kinds.index(Publish)


async def test_a_breach_is_decided_enforced_appealed_and_undone(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    answer = await world.decided(case, "restrict:P3D+remove")
    assert "second person" in answer
    code = answer.split("!policy confirm ")[1].split()[0]
    assert "second person" in await world.review("mira", f"!policy confirm {code}")
    assert "is decided" in await world.review("otto", f"!policy confirm {code}")
    assert world.homeserver.levels[world.room]["users"][user("tom")] == -1
    assert any("It ends by itself on 5 March 2026" in text for text in world.told("tom"))
    assert "is in" in await world.say("tom", f"!policy appeal {case} I was allowed to")
    assert "had a part" in await world.review("otto", f"!policy overturn {case} Sorry for that")
    assert "is void" in await world.review("ravi", f"!policy overturn {case} It was allowed")
    assert user("tom") not in world.homeserver.levels[world.room]["users"]
    assert "posted again" in await world.say("tom", f"!policy restore {case}")
    kinds = [type(effect) for effect in world.homeserver.performed]
    assert kinds.index(Redact) < kinds.index(RestrictMember) < kinds.index(ReleaseMember)
