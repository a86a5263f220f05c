"""Kept copies: sealed, with what stood around them, bound into decisions, gone in time."""

import asyncio
import io
import json
import logging
import zipfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from policybot.cli.program import app
from policybot.domain.decision import Decision
from policybot.domain.effects import KeepContext, KeepEvidence
from policybot.domain.retention import RULES
from policybot.store import copies as store
from policybot.store import decisions
from policybot.store.copies import Copy
from tests import canary
from tests.ruled import rules
from tests.world import World, find, user
from tests.world import world as make_world

WORD = "Quetzalcoatlus"
"""Stands in a message, and must stand nowhere else."""


async def kept(world: World, event: str) -> Copy:
    async with world.database.transaction(reading=True) as tx:
        copy = await world.app.services.copies.with_context(tx, event)
    assert copy is not None
    return copy


async def count(world: World, table: str, where: str = "1 = 1") -> int:
    async with world.database.transaction(reading=True) as tx:
        found = await tx.value(f"SELECT COUNT(*) AS value FROM {table} WHERE {where}")  # noqa: S608 - ours
    return int(found)


async def archive(world: World, who: str) -> Mapping[str, Any]:
    """Read the parts of somebody's export that hold what they wrote."""
    async with world.database.transaction() as tx:
        data = await world.app.services.exports.archive(tx, user(who))
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        return {name: json.loads(parts.read(f"{name}.json")) for name in ("evidence", "context")}


async def written(world: World, *words: str) -> list[str]:
    return [await world.message("tom", word, world.room) for word in words]


async def reported(world: World, event: str, who: str = "lea") -> str:
    link = f"https://matrix.to/#/{world.room}/{event}"
    await world.say(who, f"!policy report {link} R1 This is an advert")
    return find(r"(?<=New case )C-\d+", "\n".join(world.in_review()[-2:]))


async def traces(world: World, word: str) -> list[str]:
    """List where a word stands in what policybot has written."""
    folder = world.config.key_file.parent
    return [*canary.in_files(folder, word), *await canary.in_tables(world.database, word)]


# Sealed ----------------------------------------------------------------------------------------------


async def test_i22_a_reader_of_the_database_finds_no_word_of_a_reported_message(
    any_world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world, level = any_world, logging.DEBUG
    caplog.set_level(level, "policybot")
    await world.governed_room()
    before, event, after = await written(world, f"{WORD} before", f"Buy a {WORD}", f"{WORD} after")
    case = await reported(world, event)
    shown = await world.review("mira", f"!policy show {case}")
    assert f"> Buy a {WORD}" in shown
    assert f"{WORD} before" in shown
    assert f"{WORD} after" in shown
    assert "carried out" in await world.decided(case, "warn+remove")
    await world.say("tom", f"!policy appeal {case} It was a poem about old birds")
    await world.review("ravi", f"!policy overturn {case} It was a poem about old birds")
    assert "posted again" in await world.say("tom", f"!policy restore {case}")
    put_back = [text for where, text in world.homeserver.said.values() if where == world.room]
    assert any(WORD in text for text in put_back), "it is put back from the copy"
    assert await traces(world, WORD) == []
    assert WORD not in "".join(r.getMessage() for r in caplog.records if r.name.startswith("policybot"))
    assert [one.event_id for one in (await kept(world, event)).context] == [before, after]


async def test_the_search_would_find_a_word_that_was_kept(any_world: World) -> None:
    async with any_world.database.transaction() as tx:
        await tx.execute("INSERT INTO review_members (user_id) VALUES ($1)", f"Buy a {WORD}")
    assert await traces(any_world, WORD) != []


async def test_copies_open_after_the_keys_were_changed(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    (event,) = await written(world, f"Buy a {WORD}")
    await reported(world, event)
    keyring, old = world.app.keyring, world.app.keys.names[-1]
    rotation = await keyring.begin(world.database)
    await keyring.carry_out(world.database, rotation, lambda _: None)
    await keyring.remove(world.database, old)
    assert (await kept(world, event)).body == f"Buy a {WORD}"


async def test_nobody_has_a_copy_put_into_what_they_write(world: World) -> None:
    """A place in an answer is filled only if we have made it."""
    await world.governed_room()
    (event,) = await written(world, f"Buy a {WORD}")
    case = await reported(world, event)
    forged = f"\x02{event} text {'0' * 32}\x02"
    before = set(world.homeserver.said)
    await world.say("sam", f"!policy {forged}")
    await world.say("sam", f"!policy lookup {forged}")
    async with world.database.transaction() as tx:
        world.app.setting.tell(tx, user("sam"), f"You wrote {forged}", cause="test")
    await world.work()
    answers = [text for key, (_, text) in world.homeserver.said.items() if key not in before]
    assert answers
    assert all(WORD not in text for text in answers)
    assert WORD in await world.review("mira", f"!policy show {case}"), "and those of ours are"


async def test_what_others_wrote_is_one_line_without_what_hides_or_forges(world: World) -> None:
    await world.governed_room()
    hostile = "<b>Buy</b>\n@room \u202egnihton\x01@anna:example.org\x01" + "\u200b" * 50 + "x" * 60_000
    (event,) = await written(world, hostile)
    case = await reported(world, event)
    line = next(
        line
        for line in (await world.review("mira", f"!policy show {case}")).split("\n")
        if line.startswith("> ")
    )
    assert line.startswith("> <b>Buy</b> @room gnihton@anna:example.org")
    assert len(line) <= 502
    assert (await kept(world, event)).body == hostile, "kept whole, all the same"


# What stands around ----------------------------------------------------------------------------------


async def test_context_is_shown_as_context_with_what_was_removed_as_removed(world: World) -> None:
    await world.governed_room()
    await written(world, *(f"line {n}" for n in range(1, 8)))
    (event,) = await written(world, "Buy my spades!")
    removed = await world.message("sam", "I regret this", world.room)
    world.homeserver.redacted.add(removed)
    case = await reported(world, event)
    copy = await kept(world, event)
    assert [one.place for one in copy.context] == [-5, -4, -3, -2, -1, 1]
    assert [one.text for one in copy.context] == [*(f"line {n}" for n in range(3, 8)), ""]
    shown = await world.review("mira", f"!policy show {case}")
    assert "context, no evidence against its authors" in shown
    assert f"1 after, 09:00, {user('sam')}: (removed)" in shown
    assert f"1 before, 09:00, {user('tom')}: line 7" in shown
    assert "line 2" not in shown


@pytest.mark.parametrize("most", [0, 10])
async def test_how_much_stands_around_is_the_operators(tmp_path: Path, most: int) -> None:
    changes: dict[str, Any] = {"copies.context": most}
    async with make_world(tmp_path, **changes) as world:
        await world.governed_room()
        events = await written(world, *(f"line {n}" for n in range(25)))
        await reported(world, events[12])
        assert len((await kept(world, events[12])).context) == 2 * most


async def test_an_export_has_of_the_context_ones_own_lines_alone(world: World) -> None:
    await world.governed_room()
    await world.verified("lea")
    await world.message("lea", "Mine is here", world.room)
    await world.message("sam", "Not yours", world.room)
    (event,) = await written(world, "Buy my spades!")
    await reported(world, event)
    told = await archive(world, "lea")
    ((line,),) = told["context"].values()
    assert line["text"] == "Mine is here"
    assert "copy_id" not in line
    assert "Not yours" not in json.dumps(told)
    assert told["evidence"] == {user("lea"): []}
    ((own,),) = (await archive(world, "tom"))["evidence"].values()
    assert own["content"] == {"msgtype": "m.text", "body": "Buy my spades!"}


async def test_that_nothing_can_be_read_around_it_leaves_the_copy_as_it_is(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    (event,) = await written(world, "Buy my spades!")
    world.homeserver.refuses[KeepContext] = "403 M_FORBIDDEN"
    case = await reported(world, event)
    assert (await kept(world, event)).context == ()
    assert "> Buy my spades!" in await world.review("mira", f"!policy show {case}")
    assert not any("I could not" in text for text in world.in_review()), "and calls nobody"


@pytest.mark.parametrize("kind", [KeepEvidence, KeepContext])
async def test_i25_killed_between_copy_and_context_nothing_is_lost_or_doubled(
    any_world: World, kind: type
) -> None:
    world = any_world
    await world.governed_room()
    await written(world, "Good morning")
    (event,) = await written(world, "Buy my spades!")

    class Killed(BaseException):
        """The process is gone."""

    def kill(effect: object) -> None:
        if isinstance(effect, kind):
            world.homeserver.before_answer = None
            raise Killed

    world.homeserver.before_answer = kill
    with pytest.raises((Killed, BaseExceptionGroup)):
        await reported(world, event)
        raise Killed  # only if nothing else did
    world.clock.pass_time(seconds=20)
    await world.work()
    copy = await kept(world, event)
    assert copy.body == "Buy my spades!"
    assert [one.text for one in copy.context] == ["Good morning"]
    assert await count(world, "outbox", "state = 'waiting'") == 0


async def test_the_first_context_counts(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    events = await written(world, "Good morning", "Buy my spades!")
    await reported(world, events[1])
    found = {"lines": [_found(-1, "Something else")], "files": []}
    async with world.database.transaction() as tx:
        await world.app.services.copies.found_around(tx, events[1], found)
        await world.app.services.copies.found_around(tx, "$unknown", found)
    assert [one.text for one in (await kept(world, events[1])).context] == ["Good morning"]


def _found(place: int, text: str) -> dict[str, Any]:
    return {
        "place": place,
        "event_id": "$x",
        "sender": user("sam"),
        "origin_server_ts": 0,
        "text": text,
    }


@pytest.mark.parametrize("when", [253402300799000, 10**17, 10**30])
async def test_a_time_that_another_server_invents_hides_nothing_and_wipes_no_history_out(
    world: World, when: int
) -> None:
    """The year 9999, one of no calendar, and one of no clock: it was sent when it was seen."""
    await world.governed_room()
    await world.decided(await world.reported(), "proposed")
    await world.tick(days=4)
    text = {"msgtype": "m.text", "body": "Buy my rakes!"}
    where = {"type": "m.room.message", "room_id": world.room, "content": text}
    near = await world.deliver(sender=user("zoe"), origin_server_ts=when, **where)
    event = await world.deliver(sender=user("tom"), origin_server_ts=when, **where)
    case = await reported(world, event)
    copy = await kept(world, event)
    assert (copy.body, copy.sent_at) == ("Buy my rakes!", world.clock())
    assert near in {line.event_id for line in copy.context}
    said = await world.review("mira", f"!policy propose {case} R1 S2")
    assert "counted: C-1 (S2, 2 March 2026)" in said
    await world.decided(case, "proposed")
    assert "until 2 September 2026" in await world.say("tom", "!policy me")


# Bound into decisions --------------------------------------------------------------------------------


async def decision_in(world: World, case: str) -> Decision:
    async with world.database.transaction(reading=True) as tx:
        return (await decisions.of_case(tx, int(case.removeprefix("C-"))))[-1]


async def test_a_decision_binds_what_it_rests_on(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    case = await world.reported()
    await world.decided(case, "warn")
    decision = await decision_in(world, case)
    event = next(e for e in world.homeserver.performed if isinstance(e, KeepEvidence)).event_id
    copy = await kept(world, event)
    assert decision.evidence == copy.sha256 == store.fingerprint(copy.content)
    async with world.database.transaction(reading=True) as tx:
        entry = await tx.value(
            "SELECT p.payload AS value FROM audit a JOIN audit_payloads p ON p.seq = a.seq"
            " WHERE a.tag = 'decision:final'"
        )
    assert copy.sha256 in entry
    assert f"rests on the kept copy {copy.sha256[:16]}…" in await world.review(
        "mira", f"!policy show {case}"
    )


async def test_a_decision_without_a_copy_says_so(world: World) -> None:
    await world.governed_room()
    event = await world.message("tom", "Buy my spades!", world.room)
    world.homeserver.refuses[KeepEvidence] = "404 M_NOT_FOUND"
    case = await reported(world, event)
    async with world.database.transaction() as tx:  # the author is known some other way
        await tx.execute("UPDATE cases SET user_id = $1", user("tom"))
    await world.decided(case, "warn")
    assert (await decision_in(world, case)).evidence == ""
    assert "It rests on no kept copy" in await world.review("mira", f"!policy show {case}")


async def test_a_second_person_approves_what_it_rests_on(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    case = await world.reported()
    answer = await world.review(
        "mira",
        f"!policy decide {case} R1 S2 suspend:P3D Advertised among neighbours // No other way",
    )
    code = find(r"(?<=!policy confirm )\w+", answer)
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE copies SET sha256 = $1", "0" * 64)
    assert "no longer fits" in await world.review("otto", f"!policy confirm {code}")


async def test_an_edited_message_is_bound_with_its_edit(world: World) -> None:
    await world.governed_room()
    (event,) = await written(world, "Buy my spades!")
    edit = await world.message(
        "tom",
        "* Buy nothing",
        world.room,
        **{
            "m.new_content": {"body": "Buy nothing"},
            "m.relates_to": {"rel_type": "m.replace", "event_id": event},
        },
    )
    world.homeserver.events[event]["edit_id"] = edit
    case = await reported(world, event)
    shown = await world.review("mira", f"!policy show {case}")
    assert "> Buy my spades!" in shown
    assert "says since:\n> Buy nothing" in shown
    await world.decided(case, "warn")
    prints = (await decision_in(world, case)).evidence.split()
    assert prints == [(await kept(world, one)).sha256 for one in (event, edit)]


async def test_a_message_that_was_removed_before_is_marked_as_that(world: World) -> None:
    await world.governed_room()
    (event,) = await written(world, "Buy my spades!")
    world.homeserver.events[event]["redacted"] = True
    world.homeserver.redacted.add(event)
    case = await reported(world, event)
    shown = await world.review("mira", f"!policy show {case}")
    assert "It was removed before I saw it; this is the homeserver's own copy." in shown
    assert "> Buy my spades!" in shown


# The end ---------------------------------------------------------------------------------------------


async def swept(world: World, **span: float) -> None:
    world.clock.pass_time(**span)
    async with world.database.transaction() as tx:
        for rule in (rule for rule in RULES if rule.name == "evidence"):
            await world.app.services.retention.sweep(tx, rule)


async def test_a_copy_goes_with_its_key_once_nobody_can_appeal(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    await written(world, "Good morning")
    case = await world.reported()
    keys = await count(world, "vault_keys", "person_id LIKE 'copy %'")
    assert keys == await count(world, "copies") == 1
    await swept(world, days=800)
    assert await count(world, "copies") == 1, "the case is open"
    await world.decided(case, "warn")
    window = world.config.ladder.appeal_window
    await swept(world, seconds=window.total_seconds() - 60)
    assert await count(world, "copies") == 1, "the decision can be appealed"
    await swept(world, seconds=120)
    assert await count(world, "copies") == await count(world, "context_lines") == 0
    assert await count(world, "vault_keys", "person_id LIKE 'copy %'") == 0
    assert await count(world, "vault_fields", "person_id LIKE 'copy %'") == 0
    assert "(No copy of the message is kept any more.)" in await world.review(
        "mira", f"!policy show {case}"
    )


@pytest.mark.parametrize("who", ["tom", "lea"])
async def test_a_legal_hold_on_the_author_or_the_reporter_keeps_the_copy(
    any_world: World, who: str
) -> None:
    world = any_world
    await world.governed_room()
    case = await world.reported()
    await world.review("mira", f"!policy dismiss {case} This is no advert at all")
    until = world.clock() + timedelta(days=900)
    async with world.database.transaction() as tx:
        await world.app.services.privacy.hold(tx, user(who), "a lawsuit", until)
    await swept(world, days=800)
    assert await count(world, "copies") == 1
    async with world.database.transaction() as tx:
        await world.app.services.privacy.release(tx, user(who))
    await swept(world, days=1)
    assert await count(world, "copies") == 0


async def test_an_edit_stays_as_long_as_what_it_is_an_edit_of(world: World) -> None:
    await world.governed_room()
    (event,) = await written(world, "Buy my spades!")
    (edit,) = await written(world, "* Buy nothing")
    world.homeserver.events[event]["edit_id"] = edit
    await reported(world, event)
    await swept(world, days=800)
    assert await count(world, "copies") == 2


async def test_an_answer_that_waits_for_longer_than_the_copy_says_that_it_is_gone(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    world.homeserver.away = True
    await world.message("mira", f"!policy show {case}", "!review:example.org")
    async with world.database.transaction() as tx:
        (event,) = await store.page(tx, "", 9)
        await store.forget(tx, event)
    world.homeserver.away = False
    world.clock.pass_time(seconds=60)
    await world.work()
    assert "> (being fetched, or gone)" in world.in_review()[-1]


async def test_rules_are_held_against_what_is_sealed(tmp_path: Path) -> None:
    changes: dict[str, Any] = rules(then=["report"])
    async with make_world(tmp_path, **changes) as world:
        await world.governed_room()
        await written(world, "Buy a frobnitz", "Good morning")
        await reported(world, (await written(world, "Buy my spades!"))[0])
        file = str(world.config.key_file.parent / "config.yaml")
        result = await asyncio.to_thread(
            CliRunner().invoke, app, ["rules", "backtest", "--json", "-c", file]
        )
        assert result.exit_code == 0, result.output
        told = json.loads(result.stdout)
        assert told["messages"] == 2
        assert told["rules"][0] | {"state": ""} == {
            "rule": "R1",
            "state": "",
            "now": 1,
            "newly": 0,
            "no_more": 0,
        }
