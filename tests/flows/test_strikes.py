"""Standing: one's own decisions that count, with their ends, for oneself and moderators alone."""

import io
import json
import re
import zipfile
from dataclasses import replace

import aiohttp

from policybot.domain.measure import Measure
from policybot.matrix.commands.of_people import OF_PEOPLE
from policybot.store import decisions
from tests.serving import served
from tests.staffed import link_to
from tests.world import World, user


async def struck(world: World) -> str:
    """Have Tom decided about for the second time; return the second case."""
    await world.governed_room()
    await world.decided(await world.reported(), "warn")
    await world.tick(days=4)
    case = await world.reported(reporter="zoe")
    await world.decided(case, "restrict:P3D")
    return case


def counting(answer: str) -> list[str]:
    section = re.search(r"What counts at present:\n((?:C-.*\n)*)", answer)
    return section[1].split("\n")[:-1] if section else []


async def test_people_read_what_counts_until_when_and_what_the_same_again_would_bring(
    world: World,
) -> None:
    case = await struck(world)
    second, first = counting(await world.say("tom", "!policy me"))
    assert first == (
        "C-1, R1 S2 in !garden:example.org: until 29 August 2026; the same again before then would "
        "bring: no posting in the room for 14 days"
    )
    assert second.startswith(f"{case}, R1 S2 in !garden:example.org: until 2 September 2026; the same")
    await world.tick(days=4)
    second, first = counting(await world.say("tom", "!policy me"))
    assert second.endswith("no posting in the room for 14 days")
    answer = await world.say("tom", "!policy me")
    assert not re.search(r"\b(points?|score|total|sum)\b", answer), "no sum of anything"
    async with world.database.transaction(reading=True) as tx:
        data = await world.app.services.exports.archive(tx, user("tom"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert json.loads(archive.read("counting.json")) == [second, first]
    history = await world.review("mira", "!policy history @tom:example.org")
    assert "(final; ended, counts until 2 September 2026)" in history
    assert "(final; counts until 29 August 2026)" in history


async def test_people_read_what_holds_and_what_is_over_and_how_to_appeal(world: World) -> None:
    case = await struck(world)

    async def decided() -> list[str]:
        answer = await world.say("tom", "!policy me")
        return re.findall(r"^C-\d: .*$", answer, re.MULTILINE)

    held = f"{case}: no posting in the room for 3 days"
    assert await decided() == [f"{held}, until 9 March 2026, 09:00 UTC", "C-1: a warning"]
    assert await world.say("tom", f"!policy status {case}") == (
        f"{case} was decided on 6 March 2026: no posting in the room for 3 days, until 9 March 2026, "
        f"09:00 UTC.\nYou can appeal until 5 September 2026: !policy appeal {case} YOUR REASONS"
    )
    assert "no decision about you" in await world.say("zoe", f"!policy status {case}")
    await world.review("mira", f"!policy lift {case} He has understood it by now")
    assert world.told("tom")[-1] == (
        f"{case} was lifted: no posting in the room for 3 days. Reason: He has understood it by now"
    )
    assert (await decided())[0] == f"{held}, which was lifted"
    await world.say("tom", f"!policy appeal {case} It was a joke about spades")
    assert (await decided())[0] == f"{held}, which was lifted (you have appealed)"
    await world.review("ravi", f"!policy overturn {case} It was one indeed, I think")
    assert (await decided())[0] == f"{held} (void: it counts for nothing)"
    await world.tick(days=200)
    assert "The time to appeal ended on" in await world.say("tom", "!policy status C-1")


async def test_what_is_void_or_over_counts_no_more(world: World) -> None:
    """I2: an expired strike counts for nothing; I11: nor does an overturned one."""
    case = await struck(world)
    assert "active until" in await world.review("mira", "!policy history @tom:example.org")
    await world.say("tom", f"!policy appeal {case} It was a joke about spades")
    await world.review("ravi", f"!policy overturn {case} It was one indeed, I think")
    [first] = counting(await world.say("tom", "!policy me"))
    assert first.startswith("C-1")
    assert "void, counts for nothing" in await world.review("mira", "!policy history @tom:example.org")
    await world.tick(days=200)
    assert counting(await world.say("tom", "!policy me")) == []
    assert "counted until 29 August" in await world.review("mira", "!policy history @tom:example.org")


async def test_who_has_an_account_now_does_not_read_what_was_done_on_it_before(world: World) -> None:
    object.__setattr__(world.config.identity, "accounts_per_person", 2)
    await world.governed_room()
    await world.verified("tom")
    await world.decided(await world.reported(), "warn")
    assert len(counting(await world.say("tom", "!policy me"))) == 1
    world.clock.pass_time(hours=1)
    await world.say("tom", "!policy unlink")
    world.clock.pass_time(hours=1)
    await world.verified("zoe")
    await link_to(world, "tom", "zoe")
    assert counting(await world.say("tom", "!policy me")) == []


async def test_nobody_else_learns_of_it_anywhere(world: World) -> None:
    """Another's standing stands in no answer, on no page and in nothing that the gate is given."""
    await struck(world)
    await world.tick(days=4)
    secret = re.compile(r"C-[12]\b|(29 August|2 September) 2026|\b[SH][1-3]\b|counts until")
    for who in ("anna", "zoe", "lea"):  # who owns the room, who reported it, who reported it before
        if who != "anna":
            await world.verified(who)
        for command in OF_PEOPLE:
            words = command.usage.split()[1:]
            for given in ("@tom:example.org", "C-1", "!garden:example.org"):
                said = " ".join([command.verb, *[given for _ in words]])
                answer = await world.say(who, f"!policy {said}")
                told = answer.replace(given, "")
                assert not secret.search(told), f"{who}: {said}: {answer}"
    others = [text for where, text in world.homeserver.said.values() if where == world.room]
    assert not any(secret.search(text) for text in others)
    async with served(world) as address, aiohttp.ClientSession() as session:
        pages = {r.canonical for r in world.app.pages().router.resources() if "{" not in r.canonical}
        for path in sorted(pages):
            headers = {"Host": "policybot.example.org"}
            async with session.get(f"{address}{path}", headers=headers) as shown:
                assert not secret.search(await shown.text(errors="replace")), path
    more: str | None = None
    while True:
        part = await world.app.services.feed.everything(world.database, more)
        assert not secret.search(repr(part)), "what the gate is given"
        if (more := part.more) is None:
            break


async def advised(world: World, times: int) -> None:
    """Put advice on record about Tom, so often, beside the last decision about him."""
    async with world.database.transaction() as tx:
        [last, *_] = await decisions.about(tx, user("tom"))
        statement = await decisions.statement(tx, last.id)
        for number in range(100, 100 + times):
            advice = replace(last, id=number, measure=Measure.parse("advise"))
            await decisions.add(tx, advice, statement)


async def test_an_older_decision_that_counts_is_not_lost_behind_many_that_do_not(world: World) -> None:
    case = await struck(world)
    await advised(world, decisions.NEWEST)
    answer = await world.say("tom", "!policy me")
    assert [line.partition(",")[0] for line in counting(answer)] == [case, "C-1"]
    assert "older ones: !policy export" in answer


async def test_moderators_read_what_was_decided_by_pages_and_how_much_is_older(any_world: World) -> None:
    world = any_world
    await struck(world)
    await advised(world, 23)
    first = await world.review("mira", f"!policy history {user('tom')}")
    assert len(first.split("\n")) == 21
    assert first.endswith(f"\n5 older: !policy history {user('tom')} 2")
    second = (await world.review("mira", f"!policy history {user('tom')} 2")).split("\n")
    assert len(second) == 5
    assert second[-1].startswith("C-1 "), "the oldest comes last"
    assert "Nothing more" in await world.review("mira", f"!policy history {user('tom')} 3")
    assert "is no page" in await world.review("mira", f"!policy history {user('tom')} none")


async def test_on_the_page_of_a_case_nothing_that_holds_is_left_out(world: World) -> None:
    case = await struck(world)
    await advised(world, 30)
    async with world.database.transaction() as tx:
        sheet = await world.app.services.sheets.sheet(tx, user("mira"), case)
    assert len(sheet.standing) == 32
    assert sheet.standing[0][0].number == "C-1", "the oldest first"
