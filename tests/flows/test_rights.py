"""One's own data: seen, taken away, forgotten; held where the law asks for it."""

import asyncio
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from policybot.cli.program import app
from policybot.domain.errors import NotFound
from policybot.store import members
from tests.files import NAMES
from tests.staffed import Private, code_for, link_to
from tests.world import World, find

TOM = "@tom:example.org"


async def ask_erase(world: World, who: str = "tom") -> str:
    """Ask to be forgotten and confirm it; return the answer to that."""
    code = find(r"(?<=!policy confirm )\w+", await world.say(who, "!policy erase"))
    return await world.say(who, f"!policy confirm {code}")


async def person_of(world: World, user_id: str = TOM) -> str | None:
    async with world.database.transaction(reading=True) as tx:
        return await members.person_behind(tx, user_id)


async def archive(world: World, who: str = "tom") -> dict[str, Any]:
    """Fetch somebody's archive by its link; return its files by their names."""
    await world.say(who, "!policy export")
    token = find(r"(?<=/export/)\S+", world.told(who)[-1])
    async with world.database.transaction() as tx:
        content = await world.app.services.exports.fetch(tx, token)
    with zipfile.ZipFile(io.BytesIO(content)) as files:
        return {
            name: files.read(name).decode() if name.endswith(".txt") else json.loads(files.read(name))
            for name in files.namelist()
            if not name.endswith(".jpg")
        }


async def set_free(staffed: Private) -> None:
    """End what stands in Tom's way: the case about him."""
    await staffed.world.review("otto", f"!policy dismiss {staffed.case} There was no breach at all")


# Seeing ------------------------------------------------------------------------------------------


async def test_me_shows_what_is_kept_and_stays_short(staffed: Private) -> None:
    world = staffed.world
    await world.decided(staffed.case, "restrict:P3D", confirm="otto")
    await world.say("tom", "!policy report @zoe:example.org R2 She insults me")
    answer = await world.say("tom", "!policy me")
    for part in (
        "roster (code from the roster), level substantial, 2 March 2026 until",
        "version 1 on 2 March 2026",
        "R-2 of 2 March 2026: being looked at",
        "C-1: no posting in the room for 3 days",
        "C-1, R1 S2 in !garden:example.org: until 29 August 2026",
        "!policy export",
    ):
        assert part in answer
    for nobody in ("lea", "mira", "Canary"):
        assert nobody not in answer
    for n in range(8):
        await world.say("tom", f"!policy report @user{n}:example.org R2 He insults me")
    assert "… and 4 more: !policy export" in await world.say("tom", "!policy me")


# Taking away -------------------------------------------------------------------------------------


async def test_the_archive_holds_everything_and_nothing_of_others(any_staffed: Private) -> None:
    world = any_staffed.world
    await world.decided(any_staffed.case, "restrict:P3D", confirm="otto")
    await world.say("tom", f"!policy appeal {any_staffed.case} It was a joke about spades")
    await world.say("tom", "!policy report @zoe:example.org R2 She insults me")
    await any_staffed.opened()
    found = await archive(world)
    assert found["person.json"]["claims"] == {"name": NAMES["tom"]}
    assert found["decisions.json"][TOM][0]["facts"].startswith("Advertised a shop")
    assert found["evidence.json"][TOM][0]["content"]["body"].count("Buy my spades")
    assert found["appeals.json"][TOM][0]["text"] == "It was a joke about spades"
    assert found["reports.json"][TOM][0]["text"] == "She insults me"
    assert found["verifications.json"][0]["source"] == "roster"
    assert found["agreements.json"][TOM][0]["version"] == "1"
    assert found["measures.json"][TOM][0]["measure"] == "restrict P3D"
    assert found["accounts.json"][0]["user_id"] == TOM
    assert found["looks.json"][0]["reason"].startswith("Somebody says")
    assert len(found["messages.json"][TOM]) > 0
    assert {name.replace(".json", "") for name in found} >= {
        "log",
        "chats",
        "attempts",
        "holds",
        "filings",
    }
    for name in found:
        assert name == "README.txt" or f"{name}: " in found["README.txt"], "each part is explained"
    everything = json.dumps(found)
    for other in ("@lea", "@mira", "@ravi", "@otto", "Canary-lea", "Canary-anna", "This is an advert"):
        assert other not in everything, other


async def test_a_look_that_is_told_later_is_not_in_the_archive_before(staffed: Private) -> None:
    await staffed.opened("legal_order")
    found = await archive(staffed.world)
    assert found["looks.json"] == []
    assert "reveal" not in json.dumps(found).replace("README", "")


async def test_the_link_to_the_archive_works_once_and_soon(any_staffed: Private) -> None:
    world, fetch = any_staffed.world, any_staffed.world.app.services.exports.fetch
    await world.say("tom", "!policy export")
    old = find(r"(?<=/export/)\S+", world.told("tom")[-1])
    await world.say("tom", "!policy export")
    token = find(r"(?<=/export/)\S+", world.told("tom")[-1])
    async with world.database.transaction(reading=True) as tx:
        for table in ("outbox", "exports"):
            rows = await tx.fetch(f"SELECT * FROM {table}")  # noqa: S608
            assert not any(token in str(tuple(row)) for row in rows)  # type: ignore[arg-type]
    for dead in (old, "", "x"):
        with pytest.raises(NotFound):
            async with world.database.transaction() as tx:
                await fetch(tx, dead)
    async with world.database.transaction() as tx:
        await fetch(tx, token)
    with pytest.raises(NotFound):
        async with world.database.transaction() as tx:
            await fetch(tx, token)
    await world.say("tom", "!policy export")
    world.clock.pass_time(minutes=16)
    with pytest.raises(NotFound):
        async with world.database.transaction() as tx:
            await fetch(tx, find(r"(?<=/export/)\S+", world.told("tom")[-1]))


async def test_who_was_never_verified_gets_an_archive_too(staffed: Private) -> None:
    found = await archive(staffed.world, "lea")
    assert "person.json" not in found
    assert found["reports.json"]["@lea:example.org"][0]["text"] == "This is an advert"
    assert "@tom" not in json.dumps(found["reports.json"])


# Being forgotten ---------------------------------------------------------------------------------


async def test_who_is_forgotten_is_gone_and_can_come_back_as_somebody_new(any_staffed: Private) -> None:
    world = any_staffed.world
    before = await person_of(world)
    await set_free(any_staffed)
    explained = await world.say("tom", "!policy erase")
    assert "What goes:" in explained
    assert "What stays" in explained
    assert "happens at once" in explained
    answer = await ask_erase(world)
    assert "You are forgotten here" in answer
    assert "until 1 April 2026; then it is final" in answer
    assert "not verified" in await world.say("tom", "!policy me")
    async with world.database.transaction(reading=True) as tx:
        for table in ("vault_keys", "vault_fields", "vault_index"):
            left = await tx.value(f"SELECT COUNT(*) AS value FROM {table} WHERE person_id = $1", before)  # noqa: S608
            assert left == 0
        assert await world.app.services.privacy.claims(tx, str(before)) is None
        assert await tx.value("SELECT COUNT(*) AS value FROM roster WHERE person_id = $1", before) == 0
        assert await tx.value("SELECT COUNT(*) AS value FROM attempts WHERE user_id = $1", TOM) == 0
        assert await tx.value("SELECT erased_at AS value FROM persons WHERE id = $1", before)
    await relisted(world)
    await world.verified("tom")
    after = await person_of(world)
    assert after is not None
    assert after != before


async def relisted(world: World) -> None:
    """Import the list again, on which Tom still stands."""
    from policybot.services.roster import Entry
    from tests.files import CODES

    entries = [Entry({"person": who, "name": NAMES[who]}, code) for who, code in CODES.items()]
    roster = world.app.services.roster
    plan = await roster.plan(world.database, entries, lambda _: None)
    assert len(plan.new) == 1
    await roster.carry_out(world.database, plan, lambda _: None)


async def test_forgetting_waits_for_a_case_then_an_appeal_then_a_measure(any_staffed: Private) -> None:
    world = any_staffed.world
    assert "the case C-1 about you is open" in await ask_erase(world)
    assert "it waits for:\nthe case C-1" in await world.say("tom", "!policy me")
    await world.decided(any_staffed.case, "restrict:P10D", confirm="otto")
    await world.say("tom", f"!policy appeal {any_staffed.case} It was a joke about spades")
    await world.tick(minutes=1)
    waits = await world.say("tom", "!policy erase")
    assert "noted already" in waits
    assert "a measure binds (no posting in the room for 10 days), until 12 March 2026" in waits
    assert "your appeal on C-1 is open" in waits
    await world.tick(days=11)
    assert await person_of(world), "the appeal is still open"
    await world.review("ravi", f"!policy uphold {any_staffed.case} It was an advert all the same")
    await world.tick(minutes=1)
    assert await person_of(world), "what was decided still counts"
    assert "the decision C-1 counts, until 29 August 2026" in await world.say("tom", "!policy erase")
    await world.tick(days=180)
    assert await person_of(world) is None
    assert "You are forgotten here" in world.told("tom")[-1]


async def test_forgetting_waits_for_a_room(staffed: Private) -> None:
    world = staffed.world
    answer = await ask_erase(world, "anna")
    number = find(r"PB-\S+", answer)
    assert f"your room {number} is approved, until 2 March 2027" in answer
    code = find(
        r"(?<=!policy confirm )\w+", await world.review("ravi", f"!policy revoke {number} She leaves us")
    )
    object.__setattr__(world.config, "staff", world.config.staff | {"@otto:example.org": ("reviewer",)})
    await world.review("otto", f"!policy confirm {code}")
    await world.tick(minutes=1)
    assert await person_of(world, "@anna:example.org") is None


async def test_the_wish_can_be_taken_back_while_it_waits(staffed: Private) -> None:
    world = staffed.world
    assert "nothing to cancel" in await world.say("tom", "!policy erase cancel")
    await ask_erase(world)
    assert "Cancelled" in await world.say("tom", "!policy erase cancel")
    await set_free(staffed)
    await world.tick(minutes=1)
    assert await person_of(world)


async def test_nobody_else_confirms_it(staffed: Private) -> None:
    world = staffed.world
    code = find(r"(?<=!policy confirm )\w+", await world.say("tom", "!policy erase"))
    for who in ("anna", "mira", "ravi"):
        assert "Nothing waits under the code" in await world.say(who, f"!policy confirm {code}")
    assert "to me alone" in await world.say("tom", f"!policy confirm {code}", world.room)
    await world.tick(hours=25)
    assert "Nothing waits" in await world.say("tom", f"!policy confirm {code}")
    assert await person_of(world)


async def test_an_account_that_was_unlinked_speaks_for_nobody(staffed: Private) -> None:
    """It may be in other hands: that is why its owner unlinked it."""
    world = staffed.world
    await set_free(staffed)
    await link_to(world, "zoe", "tom")
    await world.say("tom", "!policy unlink")
    assert "linked to nobody" in await world.say("tom", "!policy erase")
    assert "person.json" not in await archive(world)
    assert "Verified by" not in await world.say("tom", "!policy me")
    assert (await archive(world, "zoe"))["person.json"]["claims"] == {"name": NAMES["tom"]}
    said = await world.say("zoe", "!policy unlink")
    assert "forgotten 365 days from now; earlier if you ask office@example.org" in said
    assert "person.json" not in await archive(world, "zoe")
    async with world.database.transaction() as tx:
        erased = await world.app.services.privacy.erase(tx, "@zoe:example.org")
    assert not erased.obstacles, "who asks on paper is forgotten also after unlinking"
    assert await person_of(world) is None


async def test_a_stranger_has_nothing_to_forget(staffed: Private) -> None:
    assert "nothing was shown from it" in await staffed.world.say("lea", "!policy erase")


async def test_an_agreed_reveal_opens_nothing_of_somebody_who_was_forgotten(staffed: Private) -> None:
    world = staffed.world
    token = await staffed.link()
    await set_free(staffed)
    first, again = [await world.say("tom", "!policy erase") for _ in range(2)]
    assert first == again, "one code, however often it is asked for"
    await ask_erase(world)
    with pytest.raises(NotFound):
        await world.app.services.reveals.open(world.database, token)


async def test_nobody_is_linked_to_somebody_who_is_being_forgotten(any_staffed: Private) -> None:
    """Two requests at once: a second account of Tom's, and his wish to be forgotten."""
    world = any_staffed.world
    await set_free(any_staffed)
    person = str(await person_of(world))
    code = await code_for(world, "zoe", "tom")

    async def link() -> str:
        async with world.database.transaction() as tx:
            return (await world.app.services.verifications.confirm(tx, "@zoe:example.org", code)).text

    async def erase() -> None:
        async with world.database.transaction() as tx:
            await world.app.services.privacy.erase(tx, TOM)

    await asyncio.gather(erase(), link())
    async with world.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT erased_at AS value FROM persons WHERE id = $1", person)
        assert await members.links_of(tx, person) == []
        assert (
            await tx.value("SELECT COUNT(*) AS value FROM vault_keys WHERE person_id = $1", person) == 0
        )


async def test_a_request_about_somebody_who_was_forgotten_ends_quietly(staffed: Private) -> None:
    world = staffed.world
    code = await staffed.ask()
    await set_free(staffed)
    await ask_erase(world)
    assert "Nothing waits" in await world.review("ravi", f"!policy confirm {code}")
    await world.tick(hours=25)
    assert "Nothing was shown" not in " ".join(world.told("mira"))


# Holds, and the command line ---------------------------------------------------------------------


async def test_a_hold_keeps_everything_until_it_ends_by_itself(any_staffed: Private) -> None:
    world = any_staffed.world
    await set_free(any_staffed)
    until = world.clock() + timedelta(days=20)
    async with world.database.transaction() as tx:
        await world.app.services.privacy.hold(tx, TOM, "Court of X, 12/26", until)
    assert "Court of X, 12/26, until 22 March 2026" in await world.say("tom", "!policy me")
    assert "a legal hold lies on your data (Court of X, 12/26)" in await ask_erase(world)
    await world.tick(days=19)
    assert await person_of(world)
    await world.tick(days=2)
    assert await person_of(world) is None


async def test_a_hold_on_somebody_who_was_never_verified_is_seen_too(staffed: Private) -> None:
    world = staffed.world
    async with world.database.transaction() as tx:
        until = world.clock() + timedelta(days=20)
        await world.app.services.privacy.hold(tx, "@lea:example.org", "Court of Y", until)
    assert "Court of Y, until 22 March 2026" in await world.say("lea", "!policy me")
    found = await archive(world, "lea")
    assert found["account_holds.json"]["@lea:example.org"][0]["reason"] == "Court of Y"


async def test_the_command_line_holds_releases_and_erases(staffed: Private) -> None:
    world = staffed.world
    world.clock.at = datetime.now(UTC)
    await set_free(staffed)
    file = str(world.config.key_file.parent / "config.yaml")

    async def run(*words: str) -> str:
        arguments = ["privacy", *words, "-c", file]
        return str((await asyncio.to_thread(CliRunner().invoke, app, arguments)).output)

    assert "Nothing is held" in await run("release", TOM)
    assert "in the future" in await run("hold", TOM, "--reason", "x", "--until", "2020-01-01")
    assert "Held until 31 December 2099" in await run(
        "hold", TOM, "--reason", "x", "--until", "2099-12-31"
    )
    waits = json.loads(await run("erase", TOM, "--yes", "--json"))
    assert (waits["erased"], waits["final_on"]) == (False, None)
    assert waits["waits_for"][0]["reason"].startswith("a legal hold")
    assert "Released: 1 hold" in await run("release", TOM)
    done = json.loads(await run("erase", TOM, "--yes", "--json"))
    final_on = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    assert done == {"erased": True, "final_on": final_on, "waits_for": []}
    assert await person_of(world) is None
    assert "Nobody is known behind" in await run("erase", TOM, "--yes")
    world.clock.at = datetime.now(UTC)
    await world.work()
    assert "You are forgotten here" in world.told("tom")[-1]
