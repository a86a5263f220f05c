"""Reports by all doors at once: one case, each report once, and nothing in each other's way."""

import asyncio
from datetime import timedelta
from typing import Any

from policybot.domain.case import Subject, SubjectKind
from policybot.domain.report import UNSORTED
from policybot.services.intake import Told
from tests.world import World, user


async def test_by_all_doors_at_once_on_one_message_there_is_one_case(any_world: World) -> None:
    world, services = any_world, any_world.app.services
    await world.governed_room()
    event = await world.message("tom", "Buy my spades!", world.room)
    subject = Subject(SubjectKind.EVENT, world.room, event, user("tom"))
    told, now = Told(subject, UNSORTED, "It sells"), world.clock()

    async def guest(_: int) -> None:
        async with world.database.transaction() as tx:
            await services.intake.from_guest(tx, told)

    async def client(n: int) -> None:
        async with world.database.transaction() as tx:
            await services.intake.relayed(tx, user(f"reader{n}"), told, now)

    async def tool(n: int) -> None:
        async with world.database.transaction() as tx:
            assert await services.intake.again(tx, f"tool{n}", "1", "said") is None
            await services.intake.from_tool(tx, f"tool{n}", "1", told)

    async def command(n: int) -> None:
        async with world.database.transaction() as tx:
            await services.reports.report(tx, user(f"writer{n}"), subject, "R1", "It sells")

    doors = (guest, client, tool, command)
    await asyncio.gather(*(door(n) for n in range(5) for door in doors))
    await world.work()
    rows = await reports(world)
    assert len(rows) == len({row["reporter"] for row in rows}) == 20
    assert {row["case_id"] for row in rows} == {1}
    assert [row["id"] for row in rows] == list(range(1, 21)), "no number is left out"
    assert {row["via"] for row in rows} == {"web", "button", "tool", "command"}
    shown = await world.review("mira", "!policy show C-1")
    assert shown.count("came by the public form, without an account,") == 5
    assert "came from the program tool3 and names no rule" in shown


async def test_who_reports_by_several_doors_has_one_report(any_world: World) -> None:
    world, services = any_world, any_world.app.services
    await world.governed_room()
    event = await world.message("tom", "Buy my spades!", world.room)
    subject = Subject(SubjectKind.EVENT, world.room, event, user("tom"))
    told, now = Told(subject, UNSORTED, "It sells"), world.clock()
    link = f"https://matrix.to/#/{world.room}/{event}"
    await world.say("lea", f"!policy report {link} R1 It sells")
    for minutes in range(3):
        async with world.database.transaction() as tx:
            at = now + timedelta(minutes=minutes)
            await services.intake.relayed(tx, user("lea"), told, at)
    await world.work()
    assert [row["via"] for row in await reports(world)] == ["command"]
    assert not any("Your receipt is" in text for text in world.told("lea"))


async def reports(world: World) -> list[Any]:
    async with world.database.transaction(reading=True) as tx:
        return list(await tx.fetch("SELECT * FROM reports ORDER BY id"))
