"""Accounts change hands, and what was shown can be taken back: to each their own alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from policybot.services.privacy import Obstacle, Privacy
from policybot.services.roster import Entry
from policybot.store import members, privacy, results, roster
from policybot.store.database import Tx
from policybot.store.results import Awaited
from tests import files
from tests.flows.test_rights import archive, ask_erase, person_of, set_free
from tests.papers import NUMBER, OFFERED, handed_in, seen
from tests.staffed import Private, link_to
from tests.world import World, find, user
from tests.world import world as make_world

ANNA, OFFICE = user("anna"), user("office")


@pytest.fixture
async def any_papers(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    changes = {"identity.document": OFFERED, "identity.accounts_per_person": 2}
    async with make_world(tmp_path, database_url, **changes) as made:
        yield made


async def count(world: World, what: str, *values: object) -> int:
    async with world.database.transaction(reading=True) as tx:
        return int(await tx.value(f"SELECT COUNT(*) AS value FROM {what}", *values))  # noqa: S608


async def hold(world: World, who: str, days: int = 365) -> None:
    async with world.database.transaction() as tx:
        until = world.clock() + timedelta(days=days)
        await world.app.services.privacy.hold(tx, user(who), "Court of X", until)


async def handed_over(world: World) -> None:
    """Let Anna have a second account, and give it up; whoever has it now is not verified."""
    await world.verified("anna")
    await link_to(world, "office", "anna")
    await world.say("office", "!policy report @zoe:example.org R2 She insults me, says Anna")
    await world.tick(days=1)
    await world.say("office", "!policy unlink")
    await world.tick(days=1)


# Exports -----------------------------------------------------------------------------------------


async def test_an_export_ends_where_an_account_was_given_away(any_papers: World) -> None:
    world = any_papers
    await handed_over(world)
    await world.say("office", "!policy report @tom:example.org R2 He stalks me, says Bob")
    reports = json.dumps((await archive(world, "anna"))["reports.json"])
    assert "says Anna" in reports
    assert "says Bob" not in reports
    assert "person.json" not in await archive(world, "office"), "no name for whoever has it now"
    await link_to(world, "office", "zoe")
    reports = json.dumps((await archive(world, "office"))["reports.json"])
    assert "says Bob" in reports
    assert "says Anna" not in reports


async def test_the_export_has_what_was_shown_with_its_pictures(any_papers: World) -> None:
    world = any_papers
    number = await handed_in(world, "anna")
    await world.say("anna", "!policy export")
    token = find(r"(?<=/export/)\S+", world.told("anna")[-1])
    async with world.database.transaction() as tx:
        content = await world.app.services.exports.fetch(tx, token)
    assert f"{number}-picture-1.jpg".encode() in content
    found = await shown(world, "anna")
    assert found[number][0]["number"] == NUMBER
    await world.verified("tom")
    async with world.database.transaction(reading=True) as tx:
        known = await world.app.services.privacy.known(
            tx, str(await members.own_person(tx, user("tom")))
        )
    assert known["list"] == [{"person": "tom", "name": files.NAMES["tom"]}]


async def shown(world: World, who: str) -> dict[str, list[dict[str, str]]]:
    async with world.database.transaction(reading=True) as tx:
        texts, _ = await world.app.services.privacy.shown(tx, {user(who): members.Span()})
    return texts


# Taking back -------------------------------------------------------------------------------------


async def test_who_only_showed_a_document_can_take_it_back(any_papers: World) -> None:
    world = any_papers
    number = await handed_in(world, "anna")
    asked = await world.say("anna", "!policy erase")
    code = find(r"(?<=!policy confirm )\w+", asked)
    assert "linked to nobody" in asked
    assert "Nothing waits" in await world.say("zoe", f"!policy deny {code}")
    assert "It is forgotten" in await world.say("anna", f"!policy confirm {code}")
    assert await count(world, "vault_fields WHERE field_group LIKE 'p%'") == 0
    assert "expired" in await world.say("anna", f"!policy status {number}")


async def test_a_hold_keeps_what_was_shown_by_who_is_not_known(any_papers: World) -> None:
    world = any_papers
    await handed_in(world, "anna")
    code = find(r"(?<=!policy confirm )\w+", await world.say("anna", "!policy erase"))
    await hold(world, "anna")
    assert "Court of X" in await world.say("anna", f"!policy confirm {code}")
    assert await count(world, "vault_fields WHERE field_group LIKE 'picture%'") == 1


async def test_unlinking_takes_a_waiting_document_back_so_that_nothing_links_again(
    any_papers: World,
) -> None:
    world = any_papers
    await world.verified("anna")
    number = await handed_in(world, "anna")
    await seen(world, number)
    await world.work()
    assert f"{number} is taken back" in await world.say("anna", "!policy unlink")
    assert "expired already" in await world.review("ravi", f"!policy approve {number}")
    async with world.database.transaction(reading=True) as tx:
        assert await members.link_of(tx, ANNA) is None


async def test_an_erasure_leaves_the_document_of_who_has_the_account_now(any_papers: World) -> None:
    world = any_papers
    await handed_over(world)
    number = await handed_in(world, "office", "B0B", "Bob Canary-document")
    assert "You are forgotten" in await ask_erase(world, "anna")
    assert "waiting" in await world.say("office", f"!policy status {number}")
    assert not any("You are forgotten" in text for text in world.told("office"))


async def test_an_erasure_takes_what_a_service_posted(any_world: World) -> None:
    world = any_world
    await world.verified("anna")
    token_hash = "t" * 64
    async with world.database.transaction() as tx:
        until = world.clock() + timedelta(days=30)
        await tx.execute(
            "INSERT INTO attempts (token_hash, user_id, expires_at) VALUES ($1, $2, $3)",
            token_hash,
            ANNA,
            int(until.timestamp() * 1000) - 2_000_000_000,
        )
        await results.add(tx, Awaited("r", token_hash, "callback", "b", "P-posted", until))
        await world.app.services.members.put_aside(tx, "P-posted", "k", {"name": "Anna Canary-anna"})
    await world.tick(days=25)
    assert await count(world, "attempts WHERE token_hash = $1", token_hash) == 1, "a result may come"
    await ask_erase(world, "anna")
    assert await count(world, "results") == 0
    assert await count(world, "vault_keys WHERE person_id = 'P-posted'") == 0


async def test_a_preview_of_an_import_brings_nobody_back(any_world: World) -> None:
    world, lists = any_world, any_world.app.services.roster
    await world.verified("anna")
    entries = [
        Entry({"person": who, "name": name + (" II" if who == "anna" else "")})
        for who, name in files.NAMES.items()
    ]
    plan = await lists.plan(world.database, entries, lambda _: None)
    await ask_erase(world, "anna")
    await lists.carry_out(world.database, plan, lambda _: None)
    orphans = (
        "vault_fields f WHERE f.field_group = 'roster' AND f.person_id NOT IN (SELECT id FROM roster)"
    )
    assert await count(world, orphans) == 0
    again = await lists.plan(world.database, entries, lambda _: None)
    assert [entry.data["person"] for entry in again.new] == ["anna"]


async def test_nothing_of_an_erased_key_is_left_in_the_files(tmp_path: Path) -> None:
    def stands(wrapped: str) -> bool:
        return any(wrapped.encode() in file.read_bytes() for file in tmp_path.glob("policybot.db*"))

    async with make_world(tmp_path) as world:
        await world.verified("anna")
        person = await person_of(world, ANNA)
        async with world.database.transaction(reading=True) as tx:
            sql = "SELECT wrapped AS value FROM vault_keys WHERE person_id = $1"
            wrapped = await tx.value(sql, person)
        assert stands(wrapped)
        await ask_erase(world, "anna")
        assert not stands(wrapped)


# Retention, and holds ----------------------------------------------------------------------------


async def test_a_person_without_an_account_is_forgotten_in_time(any_world: World) -> None:
    world = any_world
    await world.verified("anna")
    person = await person_of(world, ANNA)
    await world.say("anna", "!policy unlink")
    await world.tick(days=364)
    await world.tick(hours=2)
    assert await person_of(world, ANNA) == person, "not before its time"
    await world.tick(days=800)
    await world.tick(hours=2)
    assert await count(world, "vault_keys WHERE person_id = $1", person) == 0
    assert await count(world, "persons WHERE id = $1 AND erased_at IS NOT NULL", person) == 1
    await world.tick(hours=2)
    assert await count(world, "links") == 0


async def test_who_comes_back_in_time_is_not_forgotten(any_world: World) -> None:
    world = any_world
    await world.verified("anna")
    await world.say("anna", "!policy unlink")
    await world.tick(days=800)
    person = await person_of(world, ANNA)
    assert await count(world, "erasures WHERE asked = 0") == 1
    await link_to(world, "anna", "anna")
    await world.tick(hours=2)
    assert await person_of(world, ANNA) == person
    assert await count(world, "erasures") == 0


async def test_a_hold_keeps_documents_the_list_and_tries(any_papers: World) -> None:
    world = any_papers
    number = await handed_in(world, "anna")
    await seen(world, number)
    await world.review("ravi", f"!policy reject {number} It cannot be read")
    await world.verified("tom")
    await world.say("tom", "!policy verify")
    for who in ("anna", "tom"):
        await hold(world, who)
    async with world.database.transaction() as tx:
        entry = await roster.of_person(tx, str(await members.own_person(tx, user("tom"))))
        await roster.leave(tx, entry, world.clock())
    await world.tick(days=300)
    await world.tick(hours=2)
    assert await count(world, "vault_fields WHERE field_group LIKE 'picture%'") == 1
    assert await count(world, "roster WHERE id = $1", entry[0]) == 1
    assert await count(world, "attempts WHERE user_id = $1", user("tom")) > 0
    await world.tick(days=100)
    await world.tick(hours=2)
    await world.tick(hours=2)
    assert await count(world, "vault_fields WHERE field_group LIKE 'picture%'") == 0
    assert await count(world, "roster WHERE id = $1", entry[0]) == 0
    assert await count(world, "attempts WHERE user_id = $1", user("tom")) == 0


async def test_unlinking_under_a_hold_ends_a_document_and_keeps_it(any_papers: World) -> None:
    world = any_papers
    await world.verified("anna")
    number = await handed_in(world, "anna")
    await hold(world, "anna")
    assert f"{number} is taken back." in await world.say("anna", "!policy unlink")
    assert "expired" in await world.say("anna", f"!policy status {number}")
    assert "Court of X" not in await world.say("anna", "!policy me"), "it may be in other hands"
    await world.tick(days=60)
    assert await count(world, "vault_fields WHERE field_group LIKE 'picture%'") == 1


async def test_a_hold_and_an_erasure_at_once_wait_for_each_other(
    any_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, reached, go = any_world, asyncio.Event(), asyncio.Event()
    await world.verified("anna")
    real = Privacy.obstacles

    async def slow(self: Privacy, tx: Tx, person_id: str) -> tuple[Obstacle, ...]:
        found = await real(self, tx, person_id)
        reached.set()
        await go.wait()
        return found

    async def erase() -> bool:
        async with world.database.transaction() as tx:
            return not (await world.app.services.privacy.erase(tx, ANNA)).obstacles

    monkeypatch.setattr(Privacy, "obstacles", slow)
    erasing = asyncio.create_task(erase())
    await reached.wait()
    holding = asyncio.create_task(hold(world, "anna"))
    done, _ = await asyncio.wait({holding}, timeout=0.2)
    assert not done, "the hold waits: it must not be placed on somebody who is being forgotten"
    go.set()
    assert await erasing
    await holding
    assert await count(world, "holds WHERE person_id IS NULL") == 1


async def test_two_processes_forget_somebody_once(
    any_staffed: Private, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = any_staffed.world
    await ask_erase(world)
    await set_free(any_staffed)
    async with world.database.transaction(reading=True) as tx:
        waiting = await privacy.erasures_waiting(tx)

    async def known(_: Tx) -> list[privacy.Erasure]:
        return waiting

    async def due() -> int:
        async with world.database.transaction() as tx:
            return await world.app.services.privacy.erase_due(tx)

    monkeypatch.setattr(privacy, "erasures_waiting", known)
    assert sorted(await asyncio.gather(due(), due())) == [0, 1]
    await world.work()
    assert sum("You are forgotten" in text for text in world.told("tom")) == 1


# Denying, and looking ----------------------------------------------------------------------------


async def test_a_stranger_denies_nobodys_erasure(staffed: Private) -> None:
    world = staffed.world
    await set_free(staffed)
    code = find(r"(?<=!policy confirm )\w+", await world.say("tom", "!policy erase"))
    assert "Nothing waits" in await world.say("zoe", f"!policy deny {code}")
    assert "is denied" in await world.say("tom", f"!policy deny {code}")


async def test_no_party_denies_a_reveal(staffed: Private) -> None:
    world = staffed.world
    code = await staffed.ask()
    assert "party to this matter" in await world.review("lea", f"!policy deny {code}"), "she reported"
    await link_to(world, "petra", "tom")
    assert "party to this matter" in await world.review("petra", f"!policy deny {code}")
    assert "is denied" in await world.review("ravi", f"!policy deny {code}")


async def test_no_party_denies_a_measure(staffed: Private) -> None:
    """Otto moderates; somebody reported him, and he may not stop what is proposed."""
    world = staffed.world
    case = await world.reported(offender="otto", reporter="zoe")
    code = find(r"(?<=!policy confirm )\w+", await world.decided(case, "restrict:P3D"))
    assert "party to this matter" in await world.review("otto", f"!policy deny {code}")
    assert "is denied" in await world.review("mona", f"!policy deny {code}")


async def test_questions_are_not_told_to_who_has_an_account_now(staffed: Private) -> None:
    world = staffed.world
    await link_to(world, "office", "tom")
    await world.tick(minutes=1)
    await world.say("office", "!policy unlink")
    await world.verified("lea")
    await world.tick(minutes=1)
    await world.review("mona", f"!policy same @tom:example.org @zoe:example.org {staffed.case}")
    await world.review("mona", f"!policy same @tom:example.org @lea:example.org {staffed.case}")
    assert any("looked behind" in text for text in world.told("tom"))
    assert not any("looked behind" in text for text in world.told("office"))


@pytest.mark.parametrize("known", [True, False])
async def test_whose_document_is_looked_at_is_told(any_papers: World, *, known: bool) -> None:
    world = any_papers
    if known:
        await world.verified("anna")
    number = await handed_in(world, "anna")
    await seen(world, number)
    await world.work()
    told = [text for text in world.told("anna") if "has looked at your document" in text]
    assert len(told) == 1
    assert "«reviewer» looked at a document that you showed" in told[0]
    assert "ravi" not in told[0]
    assert f"{number}: a reviewer" in await world.say("anna", "!policy me")
    assert await count(world, "looks WHERE kind = 'document'") == int(known)
