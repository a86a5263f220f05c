"""Several cases at once: all or none, as they were shown, each with its own decision, and undone."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from policybot.domain.batch import Batch
from policybot.domain.decision import Approval
from policybot.domain.effects import Effect, RestrictMember
from policybot.domain.errors import Refused
from policybot.domain.permission import Role
from policybot.ports import Later
from policybot.services.batches import Batches
from policybot.store import batches, decisions
from policybot.store.database import Tx
from tests.world import REVIEW, World, find, user
from tests.world import world as make_world

FACTS = "Advertised a shop in a room for neighbours"
PEOPLE = ("tom", "otis", "ines", "nora")


async def reported(world: World, *people: str) -> list[str]:
    """Have a message of each reported in the governed room."""
    await world.governed_room()
    return [await world.reported(who, text=f"{who} sells spades") for who in people or PEOPLE]


def code_in(answer: str) -> str:
    return find(r"(?<=!policy confirm )\w+", answer)


def level(world: World, who: str) -> int | None:
    found: int | None = world.homeserver.levels[world.room]["users"].get(user(who))
    return found


async def states(world: World) -> list[str]:
    async with world.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT state FROM decisions ORDER BY id")
    return [row["state"] for row in rows]


async def test_several_cases_are_shown_and_then_decided_each_with_its_own_notice(
    any_world: World,
) -> None:
    world = any_world
    await reported(world)
    await world.review("otto", "!policy claim C-3")
    answer = await world.review("mira", f"!policy bulk C-1-5 R2 S3 proposed+remove {FACTS}")
    assert (
        "In all: 3 cases decided, 2 left out; 3 people, 3 messages removed, 3 other changes." in answer
    )
    assert "· C-3: C-3 is with @otto" in answer
    assert "· C-5: There is no case C-5" in answer
    assert not world.homeserver.redacted
    assert await states(world) == []
    said = await world.review("mira", f"!policy confirm {code_in(answer)}")
    assert "3 cases are decided" in said
    for number, who in ((1, "tom"), (2, "otis"), (4, "nora")):
        assert world.told(who)[-1].startswith(f"Decision C-{number}\n")
        assert level(world, who) == -1
    assert level(world, "ines") is None
    assert len(world.homeserver.redacted) == 3
    assert "Nothing waits" in await world.review("mira", f"!policy confirm {code_in(answer)}")


async def test_if_one_of_them_has_changed_none_is_decided(world: World) -> None:
    await reported(world)
    answer = await world.review("mira", f"!policy bulk C-1-4 R2 S3 proposed {FACTS}")
    await world.review("mira", "!policy dismiss C-2 He sells nothing, he gives it away")
    said = await world.review("mira", f"!policy confirm {code_in(answer)}")
    assert "no longer fits" in said
    assert "nothing was done" in said
    assert await states(world) == []
    assert level(world, "tom") is None


async def test_if_one_of_them_needs_two_people_all_do(world: World) -> None:
    await reported(world)
    answer = await world.review(
        "mira", f"!policy bulk C-1-2 R1 S2 restrict:P60D {FACTS} // No other way"
    )
    assert "A second person has to confirm it" in answer
    assert "C-2: it is outside what is permitted" in answer
    assert "needs a second person" in await world.review("mira", f"!policy confirm {code_in(answer)}")
    assert await states(world) == []
    assert "2 cases are decided" in await world.review("otto", f"!policy confirm {code_in(answer)}")
    async with world.database.transaction(reading=True) as tx:
        made = await decisions.of_case(tx, 1)
    assert (made[0].decider, made[0].approver) == (user("mira"), user("otto"))


async def test_a_party_to_one_of_them_confirms_and_undoes_none(tmp_path: Path) -> None:
    staff = {f"@{name}:example.org": ["moderator", "appeals"] for name in ("mira", "otto")}
    staff["@ravi:example.org"] = ["reviewer", "moderator", "appeals"]
    async with make_world(tmp_path, staff=staff) as world:
        await world.governed_room()
        await world.reported("tom")
        await world.reported("otis", reporter="otto")
        answer = await world.review("otto", f"!policy bulk C-1-2 R2 S3 proposed {FACTS}")
        assert "· C-2: There is no case" in answer
        text = f"!policy bulk C-1-2 R1 S2 restrict:P60D {FACTS} // No other way"
        code = code_in(await world.review("mira", text))
        assert "You are a party" in await world.review("otto", f"!policy confirm {code}")
        assert "2 cases are decided" in await world.review("ravi", f"!policy confirm {code}")
        assert "You are a party" in await world.review("otto", f"!policy undo {code} It was all wrong")


async def test_i20_a_batch_that_nobody_confirms_is_gone(world: World) -> None:
    await reported(world)
    code = code_in(await world.review("mira", f"!policy bulk C-1-2 R2 S3 proposed {FACTS}"))
    await world.tick(hours=25)
    assert "Nothing waits" in await world.review("mira", f"!policy confirm {code}")
    code = code_in(await world.review("mira", f"!policy bulk C-1-2 R2 S3 proposed {FACTS}"))
    assert "is denied" in await world.review("mira", f"!policy deny {code}")
    assert await states(world) == []
    async with world.database.transaction(reading=True) as tx:
        assert [(await batches.get(tx, n)).state for n in (1, 2)] == ["expired", "denied"]  # type: ignore[union-attr]  # made above


async def test_what_was_decided_at_once_is_undone_at_once(any_world: World) -> None:
    world = any_world
    await reported(world)
    answer = await world.review("mira", f"!policy bulk C-1-3 R2 S3 proposed+remove {FACTS}")
    code = code_in(answer)
    assert "nothing to undo" in await world.review("otto", f"!policy undo {code} It was all wrong")
    await world.review("mira", f"!policy confirm {code}")
    await world.say("otis", "!policy appeal C-2 That was no advert at all")
    assert "in a sentence why" in await world.review("otto", f"!policy undo {code} oops")
    answer = await world.review("otto", f"!policy undo {code} These were gifts among neighbours")
    assert "Open again: C-1, C-3." in answer
    assert "C-2: it is under_appeal" in answer
    assert level(world, "tom") is None
    assert level(world, "otis") == -1
    assert "void from the beginning" in world.told("tom")[-1]
    assert "These were gifts" in world.told("tom")[-1]
    assert "does not stand" in world.told("lea")[-1]
    assert "nothing to undo" in await world.review("otto", f"!policy undo {code} These were gifts")
    assert "C-1 open" in await world.review("otto", "!policy queue cases")
    await world.say("tom", "!policy restore C-1")
    assert any("tom sells spades" in text for where, text in world.homeserver.said.values())
    await world.review("otto", "!policy dismiss C-1 These were gifts among neighbours")
    assert "found no breach" in world.told("lea")[-1]


async def at_once(world: World, *words: tuple[str, str]) -> list[str]:
    """Have several people write in the review room at the same time; return what came of it."""
    events = [
        {
            "type": "m.room.message",
            "room_id": REVIEW,
            "sender": user(who),
            "content": {"msgtype": "m.text", "body": text},
            "event_id": world.event_id(),
            "origin_server_ts": int(world.clock().timestamp() * 1000),
        }
        for who, text in words
    ]
    before = set(world.homeserver.said)
    await asyncio.gather(*map(world.inward.handle, events), return_exceptions=True)
    for event in events:  # what was not answered is sent again
        await world.inward.handle(event)
    await world.work()
    return [text for key, (_, text) in world.homeserver.said.items() if key not in before]


async def test_two_who_confirm_or_undo_at_the_same_time_do_it_once(any_world: World) -> None:
    world = any_world
    await reported(world)
    text = f"!policy bulk C-1-4 R1 S2 restrict:P60D+remove {FACTS} // No other way"
    code = code_in(await world.review("mira", text))
    said = await at_once(world, ("otto", f"!policy confirm {code}"), ("otto", f"!policy confirm {code}"))
    assert sum("4 cases are decided" in one for one in said) == 1
    assert sum("Nothing waits" in one for one in said) == 1
    assert await states(world) == ["final"] * 4
    assert sum(one.startswith("Decision C-1\n") for one in world.told("tom")) == 1
    undo = f"!policy undo {code} These were gifts among neighbours"
    said = await at_once(world, ("otto", undo), ("mira", undo))
    assert sum("Open again: C-1, C-2, C-3, C-4." in one for one in said) == 1
    assert sum("nothing to undo" in one for one in said) == 1
    assert sum("void from the beginning" in one for one in world.told("tom")) == 1


async def test_who_confirms_while_another_does_reads_that_nothing_waits_and_not_that_it_changed(
    any_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, find_batch = any_world, Batches._find
    await reported(world)
    code = code_in(await world.review("mira", f"!policy bulk C-1-4 R2 S3 proposed {FACTS}"))
    both_look, one_is_done = asyncio.Barrier(2), asyncio.Event()

    async def find_slowly(service: Batches, tx: Tx, approval: Approval) -> Batch:
        found = await find_batch(service, tx, approval)
        with contextlib.suppress(TimeoutError, asyncio.BrokenBarrierError):
            # The second goes on when the first is done; where it waits before it looks, nobody is late.
            if await asyncio.wait_for(both_look.wait(), 0.2) == 1:
                await one_is_done.wait()
        return found

    async def confirm() -> str:
        try:
            async with world.database.transaction() as tx:
                roles = frozenset({Role.MODERATOR})
                return await world.app.services.approvals.confirm(tx, user("mira"), code, roles)
        except Refused as refused:
            return str(refused)
        finally:
            one_is_done.set()

    monkeypatch.setattr(Batches, "_find", find_slowly)
    said = sorted(await asyncio.gather(confirm(), confirm()))
    assert said[0].startswith("4 cases are decided")
    assert said[1].startswith("Nothing waits under the code")


async def test_a_batch_and_a_single_decision_at_the_same_time_are_not_both_made(
    any_world: World,
) -> None:
    world = any_world
    await reported(world)
    code = code_in(await world.review("mira", f"!policy bulk C-1-4 R2 S3 proposed {FACTS}"))
    decide = f"!policy decide C-2 R2 S3 proposed {FACTS}"
    await at_once(world, ("mira", f"!policy confirm {code}"), ("otto", decide))
    async with world.database.transaction(reading=True) as tx:
        assert len(await decisions.of_case(tx, 2)) == 1
    assert await states(world) in (["final"], ["final"] * 4)


async def test_after_its_time_a_batch_is_undone_case_by_case(world: World) -> None:
    await reported(world)
    code = code_in(await world.review("mira", f"!policy bulk C-1-2 R2 S3 proposed {FACTS}"))
    await world.review("mira", f"!policy confirm {code}")
    await world.tick(hours=24, seconds=1)
    answer = await world.review("otto", f"!policy undo {code} These were gifts among neighbours")
    assert "The time to undo" in answer
    assert level(world, "tom") == -1


async def test_several_cases_without_a_breach_are_closed_and_opened_again(world: World) -> None:
    await reported(world)
    answer = await world.review("mira", "!policy bulk C-1,C-3 dismiss Nobody sells anything here")
    assert "C-1: no breach" in answer
    await world.review("mira", f"!policy confirm {code_in(answer)}")
    assert "found no breach" in world.told("lea")[-1]
    assert "C-1" not in await world.review("otto", "!policy queue cases")
    await world.review("otto", f"!policy undo {code_in(answer)} They did sell spades, look again")
    assert "C-1 open" in await world.review("otto", "!policy queue cases")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("C-1 R1", "Write the rule"),
        ("C-1 dismiss no", "why this is no breach"),
        ("C-1-30 R1 S2 warn It is all an advert", "too many"),
        ("Cases R1 S2 warn It is all an advert", "names no cases"),
        ("C-1 R9 S2 warn It is all an advert", "There is no rule"),
    ],
)
async def test_what_cannot_be_decided_so_is_refused_in_words(
    world: World, typed: str, said: str
) -> None:
    await reported(world, "tom")
    assert said in await world.review("mira", f"!policy bulk {typed}")


def slow(effect: Effect) -> None:
    if isinstance(effect, RestrictMember):
        message = "the homeserver does not answer"
        raise Later(message)


async def test_who_lost_a_message_before_they_were_told_reads_that_it_was_undone(world: World) -> None:
    """What happened to a person is told to them, also where it was undone before word of it went out."""
    await reported(world, "tom", "otis")
    world.homeserver.before_answer = slow
    answer = await world.review("mira", f"!policy bulk C-1 R2 S3 proposed+remove {FACTS}")
    await world.review("mira", f"!policy confirm {code_in(answer)}")
    assert (len(world.homeserver.redacted), world.told("tom")) == (1, [])
    world.homeserver.before_answer = None
    await world.review("otto", f"!policy undo {code_in(answer)} These were gifts among neighbours")
    [told] = world.told("tom")
    assert told.startswith(
        "A decision about you, C-1, was taken back before I told you of it. It is void"
    )
    assert "write: !policy restore C-1" in told
    assert "posted again" in await world.say("tom", "!policy restore C-1")


async def test_who_was_not_told_of_what_never_happened_hears_nothing_of_its_undoing(
    world: World,
) -> None:
    await reported(world, "tom", "otis")
    answer = await world.review("mira", f"!policy bulk C-1-2 R2 S3 proposed+remove {FACTS}")
    world.homeserver.away = True
    await world.review("mira", f"!policy confirm {code_in(answer)}")
    await world.review("otto", f"!policy undo {code_in(answer)} These were gifts among neighbours")
    world.homeserver.away = False
    await world.tick(minutes=5)
    assert world.homeserver.redacted == set()
    assert world.told("tom") == []
