"""What holds whatever moderators do, and wherever the process is killed."""

import random
from typing import Any

import pytest

from policybot.domain import effects, room_measure, showing
from policybot.domain import statement as statement_rules
from policybot.store import database, decisions, outbox
from tests.world import REVIEW, FakeHomeserver, World, find, user

RESTRICTING = {
    one.__name__
    for one in (
        effects.Redact,
        effects.RestrictMember,
        effects.ExcludeMember,
        effects.SuspendAccount,
        room_measure.QuietRoom,
        room_measure.FreezeRoom,
        room_measure.CloseRoom,
        showing.Unpublish,
    )
}
MEASURES = ("proposed", "warn", "restrict:P3D+remove", "restrict:P60D", "suspend:P30D", "close+provoked")
FACTS = "Threatened a neighbour at night"


async def unfounded(world: World) -> list[str]:
    """List restricting effects without a decision, its statement, or the second person it needs."""
    async with world.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT kind, data, cause FROM outbox ORDER BY id")
        made = {row["id"]: row for row in await tx.fetch("SELECT * FROM decisions")}
        said = {row["decision_id"]: row for row in await tx.fetch("SELECT * FROM statements")}
    wrong = []
    for row in rows:
        noun, _, number = row["cause"].partition(" ")
        if row["kind"] not in RESTRICTING:
            continue
        decision = made.get(int(number)) if noun == "decision" else None
        if decision is None or decision["state"] in ("pending", "denied", "expired"):
            wrong.append(f"{row['kind']} for {row['cause']} without a final decision")
            continue
        statement = said.get(decision["id"])
        if statement is None or statement_rules.missing(statement_rules.load(statement["data"])):
            wrong.append(f"{row['kind']} for {row['cause']} without a complete statement")
        needs = decision["measure"] in ("restrict P60D", "suspend P30D", "close")
        if needs and decision["approver"] in (None, decision["decider"]):
            wrong.append(f"{row['kind']} for {row['cause']} by one person: {decision['measure']}")
    return wrong


async def act(world: World, chance: random.Random, codes: list[str]) -> None:
    """Let somebody do something that is possible, or is not."""
    who = chance.choice(("mira", "otto", "mira", "otto", "ravi", "lea"))
    case, measure = f"C-{chance.randint(1, 5)}", chance.choice(MEASURES)
    facts = chance.choice((*[f"{FACTS} // No other way would do"] * 4, FACTS, "short"))
    rule = chance.choice(("R1 S2", "R2 S3", "R2 S4", "R3 S4"))
    code = chance.choice([*codes[-3:], "ABCDEF"])
    said = chance.choice(
        (
            f"decide {case} {rule} {measure} {facts}",
            f"bulk C-1,{case} {rule} {measure} {facts}",
            f"bulk C-1-5 {rule} {measure} {facts}",
            f"confirm {code}",
            f"confirm {code}",
            f"confirm {code}",
            f"deny {code}",
            f"undo {code} This was not as it should be",
            f"preview {case} {rule} {measure} {facts}",
        )
    )
    answer = await world.review(who, f"!policy {said}")
    if "!policy confirm" in answer:
        codes.append(find(r"(?<=!policy confirm )\w+", answer))
    if chance.random() < 0.1:
        await world.tick(hours=chance.choice((1, 25)))
    if chance.random() < 0.3:
        await world.reported(chance.choice(("tom", "otis")), text=f"No. {chance.random()}")


@pytest.mark.parametrize("seed", range(8))
async def test_i13_nothing_restricts_anybody_without_decision_statement_and_second_person(
    world: World, seed: int
) -> None:
    await world.governed_room()
    for who in ("tom", "otis", "tom", "ines", "nora"):
        await world.reported(who, text=f"{who} threatens us")
    chance, codes = random.Random(seed), list[str]()  # noqa: S311 - no secret
    await world.review("mira", f"!policy decide C-5 R2 S3 proposed+remove {FACTS}")
    for _ in range(40):
        await act(world, chance, codes)
        assert await unfounded(world) == []
    async with world.database.transaction(reading=True) as tx:
        kinds = {row["kind"] for row in await tx.fetch("SELECT kind FROM outbox")}
    assert {"Redact", "RestrictMember"} <= kinds, "it is about something"


# Killed at any instant ---------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for `kill -9`."""


def kill_at(patch: pytest.MonkeyPatch, place: int) -> None:
    """Die at the n-th await: before a statement to the database, before or after the homeserver acts."""
    left = [place]

    def counted() -> None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1

    def dying(method: Any, *, after: bool = False) -> Any:
        async def call(*arguments: Any) -> Any:
            counted()
            result = await method(*arguments)
            if after:
                counted()
            return result

        return call

    for kind in (database._Sqlite, database._Postgres):
        for name in ("fetch", "many"):
            patch.setattr(kind, name, dying(getattr(kind, name)))
    patch.setattr(FakeHomeserver, "perform", dying(FakeHomeserver.perform, after=True))


async def test_i25_killed_at_any_instant_a_decision_is_made_told_and_carried_out_once(
    any_world: World,
) -> None:
    """At every one on SQLite; the statements are the same on PostgreSQL, so at every fourth there."""
    world, place, kills = any_world, 0, 0
    step = 4 if world.database.shared else 1
    await world.governed_room()
    while await killed_once(world, place):
        place, kills = place + step, kills + 1
    assert place > 60, "there are many more awaits than that between the word and the notice"
    assert len(world.homeserver.redacted) == kills + 1


async def killed_once(world: World, place: int) -> bool:
    """Decide a case about somebody new, and be killed at a place; False if that comes after the end."""
    who, killed = f"tom{place}", False
    case = await world.reported(who, text=f"{who} threatens us")
    word = {
        "type": "m.room.message",
        "room_id": REVIEW,
        "sender": user("mira"),
        "content": {"msgtype": "m.text", "body": f"!policy decide {case} R2 S3 proposed+remove {FACTS}"},
        "event_id": world.event_id(),
    }
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, place)
        try:
            await world.deliver(**word)
        except Killed:
            killed = True
    if killed:  # the next process: leases run out, the homeserver sends again what was not answered
        world.clock.pass_time(seconds=61)
        await world.deliver(**word)
        world.clock.pass_time(seconds=61)
        await world.work()
    said = list(world.homeserver.said.values())
    async with world.database.transaction(reading=True) as tx:
        made = await decisions.of_case(tx, int(case[2:]))
        assert await outbox.unfinished(tx, f"decision {made[0].id}") == 0
    assert len(made) == 1, place
    assert made[0].told_at is not None, place
    assert world.homeserver.levels[world.room]["users"][user(who)] == -1, place
    assert sum(to == user(who) and f"Decision {case}\n" in text for to, text in said) == 1, place
    assert sum(to == user("lea") and f"(case {case}). A mod" in text for to, text in said) == 1, place
    assert sum(to == REVIEW and f"{case}: rule R2" in text for to, text in said) == 1, place
    return killed
