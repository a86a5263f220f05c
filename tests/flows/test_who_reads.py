"""Who reads what: words marked by where they come from, looked for wherever they must not be (I22)."""

import io
import logging
import zipfile
from collections.abc import Iterable
from typing import Any

import pytest

from policybot.store.database import Database
from tests.flows.test_copies import traces
from tests.flows.test_quarantines import PICTURE
from tests.staffed import Private
from tests.world import World, find, user

STAFF = ("mira", "otto", "ravi")
REPORTERS = ("lea", "zoe")
WORDS = {
    what: f"{what}Xq7Kv"
    for what in ("file", "report", "note", "facts", "appeal", "reasons", "dismiss", "object", "answer")
}


async def archive(world: World, who: str) -> str:
    """Read somebody's whole export as one text."""
    async with world.database.transaction() as tx:
        data = await world.app.services.exports.archive(tx, user(who))
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        return "\n".join(parts.read(name).decode("utf-8", "replace") for name in parts.namelist())


async def table(database: Database, name: str) -> str:
    async with database.transaction(reading=True) as tx:
        rows: list[Any] = list(await tx.fetch(f"SELECT * FROM {name}"))  # noqa: S608 - ours
        return "\n".join(str([row[key] for key in row.keys()]) for row in rows)  # noqa: SIM118 - a row is no map


def names(people: Iterable[str]) -> set[str]:
    return {user(one) for one in people}


def words(*what: str) -> set[str]:
    return {WORDS[one] for one in what}


async def report(world: World, who: str, event: str) -> str:
    link = f"https://matrix.to/#/{world.room}/{event}"
    said = await world.say(who, f"!policy report {link} R1 Look: {WORDS['report']}")
    return find(r"R-\d+", said)


async def told_and_decided(world: World) -> str:
    """Have a picture reported, noted on, withheld, decided about, appealed against and upheld."""
    world.homeserver.media.kinds[PICTURE] = ("image/png", 1_234)
    picture: dict[str, Any] = {"msgtype": "m.image", "url": PICTURE}
    event = await world.message("tom", f"{WORDS['file']}.png", world.room, **picture)
    await report(world, "lea", event)
    case = find(r"(?<=New case )C-\d+", world.in_review()[-1])
    await world.review("mira", f"!policy note {case} {WORDS['note']}")
    await world.review("mira", f"!policy quarantine {case} It shows a child of the neighbours")
    assert f"{WORDS['file']}.png" in await world.review("mira", f"!policy show {case}")
    facts = f"A picture of a shop, {WORDS['facts']} // Neighbours asked for a clear answer"
    answer = await world.review("mira", f"!policy decide {case} R1 S2 warn+remove {facts}")
    assert "is being carried out" in answer, answer
    await world.say("tom", f"!policy appeal {case} It was a garden, {WORDS['appeal']}")
    answer = await world.review("ravi", f"!policy uphold {case} It was a shop, {WORDS['reasons']}")
    assert "Decision stands" in answer or "stands" in answer, answer
    return case


async def dismissed_and_objected(world: World) -> str:
    """Have a report dismissed, objected to, and the objection turned down."""
    receipt = await report(world, "zoe", await world.message("tom", "Lovely spades", world.room))
    case = find(r"(?<=New case )C-\d+", world.in_review()[-1])
    await world.review("mira", f"!policy dismiss {case} No breach at all, {WORDS['dismiss']}")
    await world.say("zoe", f"!policy object {receipt} Look again, {WORDS['object']}")
    answer = await world.review("ravi", f"!policy uphold {receipt} Looked again, {WORDS['answer']}")
    assert "stands" in answer, answer
    return case


async def test_i22_nobody_reads_what_is_for_others(
    any_staffed: Private, caplog: pytest.LogCaptureFixture
) -> None:
    world = any_staffed.world
    caplog.set_level(logging.DEBUG, "policybot")
    await told_and_decided(world)
    await dismissed_and_objected(world)
    concerned = "\n".join(world.told("tom")) + await archive(world, "tom")
    reporters = {one: "\n".join(world.told(one)) + await archive(world, one) for one in REPORTERS}
    public = "\n".join(text for where, text in world.homeserver.said.values() if where == world.room)
    public += "\n".join(str(effect) for effect in world.homeserver.performed if "Redact" in str(effect))
    log = "".join(r.getMessage() for r in caplog.records if r.name.startswith("policybot"))
    every = set(WORDS.values()) | names((*STAFF, *REPORTERS))
    places = {
        "whom it is about": (
            concerned,
            names((*STAFF, *REPORTERS)) | words("report", "note", "dismiss", "object", "answer"),
        ),
        "lea": (
            reporters["lea"],
            names((*STAFF, "zoe"))
            | words("note", "file", "facts", "appeal", "reasons", "dismiss", "object", "answer"),
        ),
        "zoe": (
            reporters["zoe"],
            names((*STAFF, "lea")) | words("note", "file", "facts", "appeal", "reasons", "dismiss"),
        ),
        "the room": (public, every),
        "the log": (log, set(WORDS.values())),
        "the chain": (await table(world.database, "audit"), set(WORDS.values())),
        "statements": (
            await table(world.database, "statements"),
            names((*STAFF, *REPORTERS)) | words("report", "note", "file"),
        ),
    }
    for place, (text, hidden) in places.items():
        assert text or place == "the log", place
        assert {one for one in hidden if one in text} == set(), place
    assert await traces(world, WORDS["file"]) == [], "what was reported is sealed"
    assert WORDS["facts"] in concerned, "the search would find it"
    assert WORDS["answer"] in reporters["zoe"]
