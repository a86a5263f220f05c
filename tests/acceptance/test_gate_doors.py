"""Both doors and the path after delivery on the real homeserver: one message, one consequence."""

import asyncio
import re
import sqlite3
from pathlib import Path
from typing import Any

from policybot.demo import story
from policybot.demo.person import Person
from policybot.demo.stage import Stage, stage
from policybot.demo.story import Cast
from tests.acceptance.test_publishing import verified_and_signed
from tests.acceptance.test_rules import until_redacted
from tests.ruled import R1, R2

RULES: list[dict[str, Any]] = [
    R1 | {"when": {"terms": {"words": ["frobnitz"]}}, "then": ["refuse"], "automatic": True},
    R2 | {"when": {"terms": {"words": ["wibble"]}}, "then": ["redact"], "automatic": True},
]


async def timeline(person: Person, room: str, kind: str) -> list[Any]:
    """List the events of a type in a room."""
    page = await person._client("GET", "rooms", room, "messages", dir="b", limit="500")
    return [event for event in page["chunk"] if event["type"] == kind]


async def redacted(person: Person, room: str) -> list[str]:
    """Name the events that somebody has removed, as often as it was done."""
    found = await timeline(person, room, "m.room.redaction")
    return [str(one["content"].get("redacts") or one.get("redacts")) for one in found]


def kept(made: Stage) -> dict[str, list[str]]:
    """Read what the rules have found, and what followed, by the event."""
    with sqlite3.connect(made.config.parent / "policybot.db") as records:
        rows = records.execute("SELECT event_id, outcome FROM findings ORDER BY id").fetchall()
    found: dict[str, list[str]] = {}
    for event_id, outcome in rows:
        found.setdefault(event_id, []).append(outcome)
    return found


async def until(person: Person, room: str, text: str, *, refused: bool) -> None:
    """Let somebody write until it is refused, or accepted."""
    async with asyncio.timeout(20):
        while await person.is_refused(room, text) is not refused:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)


async def test_with_both_doors_what_is_refused_is_nothing_else_and_the_rest_is_removed_once(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path, changes={"rules": RULES}, gate=("module", "antispam")) as made:
        cast = Cast(made, lambda *_: None)
        await verified_and_signed(cast, "anna")
        await story.file_room(cast)
        await story.approve(cast)
        room, tom, lea, anna = cast.known["room"], *(made.people[n] for n in ("tom", "lea", "anna"))
        await tom.join(room)
        await lea.join(room)
        await cast.asks("tom", "!policy about", "Contact")

        await until(tom, room, "Buy a frobnitz", refused=True)
        before = await redacted(anna, room)
        known = kept(made)
        assert await tom.is_refused(room, "Buy a frobnitz")
        await cast.hears("tom", cast.rooms["tom"], "was not accepted")
        # What only removes is accepted, and removed once.
        wibble = await tom.say(room, "A wibble")
        await until_redacted(anna, room, wibble)
        await cast.hears("tom", cast.rooms["tom"], "Decided by machine? Yes.")

        # It passes while policybot is away and the module's copy is older than the rules.
        made.stop_bot()
        text = made.config.read_text("utf-8")
        text = re.sub(r"(?m)^gate:\n", "gate:\n  most_people: 2\n", text.replace("frobnitz", "wobble"))
        made.config.write_text(text, "utf-8")
        late = await lea.say(room, "Buy a wobble")
        await made.start_bot()
        await until_redacted(anna, room, late)
        assert kept(made) == known | {wibble: ["acted"], late: ["acted"]}
        await until(lea, room, "Buy a wobble", refused=True)
        known = kept(made)

        # A rule that is in the way of too many is stopped: it removes nothing, and people look.
        assert await tom.is_refused(room, "Buy a wobble")
        assert await anna.is_refused(room, "Buy a wobble")
        await cast.hears("mira", cast.review_room, "it refuses nothing")
        await until(tom, room, "Buy a wobble", refused=False)
        await cast.hears("mira", cast.review_room, "the gate has stopped it")
        (passed,) = (followed for event, followed in kept(made).items() if event not in known)
        assert passed == ["reported"]
        gone = [event for event in await redacted(anna, room) if event not in before]
        assert sorted(gone) == sorted([wibble, late])
        told = await cast.asks_in_review("mira", "!policy refusals", "Refused within 24 hours")
        assert "to 3 people in 1 room" in told
