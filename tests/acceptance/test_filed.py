"""A filed room on the real Synapse: seen in both directories, found by number, gone at its end."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from policybot.config import load
from policybot.demo import story
from policybot.demo.person import Person, Refused
from policybot.demo.stage import Stage, stage
from policybot.demo.story import LABEL, Cast, found
from policybot.store.database import Database, to_ms
from tests.acceptance.test_publishing import verified_and_signed

PROTOCOL = "org.policybot.filed"
WORDS = {"topic_line": "Filed: {number}", "notice": "This room is filed as {number}."}
MEDICAL = {
    "id": "medical",
    "title": "Medical advice",
    "needs": "The number of the licence",
    "verifier": "The chamber",
    "rights": ["publish", "answer"],
}


async def filed_rooms(person: Person) -> set[str]:
    """List the rooms of the network, as a client does that has found it among the protocols."""
    known = await person.request("GET", "/_matrix/client/v3/thirdparty/protocols")
    instance = known[PROTOCOL]["instances"][0]
    assert instance["desc"] == "Filed public rooms"
    body = {"third_party_instance_id": instance["instance_id"]}
    page = await person.request("POST", "/_matrix/client/v3/publicRooms", body)
    return {room["room_id"] for room in page["chunk"]}


async def by_number(person: Person, record: str) -> list[Any]:
    """Look a record number up, as a client does."""
    path = f"/_matrix/client/v3/thirdparty/location/{PROTOCOL}"
    answer: list[Any] = await person.request("GET", path, number=record)
    return answer


async def leads_to(person: Person, alias: str) -> str | None:
    """Look an alias up."""
    try:
        answer = await person.request(
            "GET", f"/_matrix/client/v3/directory/room/{alias.replace('#', '%23')}"
        )
    except Refused:
        return None
    return str(answer["room_id"])


async def see_it_shown(made: Stage, cast: Cast, topic: str) -> str:
    """See everything that a filed room shows; return the ID of the pinned notice."""
    room, record = cast.known["room"], cast.known["record"]
    anna, tom = made.people["anna"], made.people["tom"]
    line = f"Filed: {record}"
    await anna.wait_for_state(room, "m.room.topic", lambda c: c == {"topic": f"{topic}\n{line}"})
    pinned = await anna.wait_for_state(room, "m.room.pinned_events", lambda c: c.get("pinned"))
    notice = str(pinned["pinned"][-1])
    event = await anna.event(room, notice)
    assert (event["sender"], event["content"]["body"]) == (
        made.bot,
        f"This room is filed as {record}.",
    )
    assert room in await tom.public_rooms()
    assert room in await filed_rooms(tom)
    places = await by_number(tom, record)
    assert await leads_to(tom, places[0]["alias"]) == room
    wrong = record[:-1] + ("0" if record[-1] != "0" else "1")
    assert await by_number(tom, wrong) == []
    return notice


async def qualify_and_tamper(cast: Cast) -> None:
    """Qualify the room, and let its owner redact the label: it comes back."""
    room, record, anna = cast.known["room"], cast.known["record"], cast.people["anna"]
    command = f"!policy qualify {record} medical Licence 4711 of the chamber"
    number = found(r"Q-\d+", await cast.asks("anna", command, "Your request is in"))
    await cast.asks_in_review("ravi", f"!policy grant {number}", "is granted until")

    def qualified(content: Any) -> bool:
        return [q["rights"] for q in content.get("qualifications", [])] == [["publish", "answer"]]

    await anna.wait_for_state(room, LABEL, qualified, cast.bot)
    state = await anna.request("GET", f"/_matrix/client/v3/rooms/{room}/state")
    label = next(event["event_id"] for event in state if event["type"] == LABEL)
    await anna.request(
        "PUT", f"/_matrix/client/v3/rooms/{room}/redact/{label}/r1", {"reason": "I do not like it"}
    )
    await anna.wait_for_state(room, LABEL, qualified, cast.bot)


async def run_out(made: Stage) -> None:
    """Let the time of the approval be over, while policybot is down."""
    made.stop_bot()
    database = await Database.open(load(made.config).database_url, upgrade=False)
    async with database.transaction() as tx:
        await tx.execute("UPDATE filings SET valid_until = $1", to_ms(datetime.now(UTC)))
    await database.close()
    await made.start_bot()


async def see_it_gone(
    made: Stage, cast: Cast, notice: str, topic: dict[str, Any], pins: list[str]
) -> None:
    """See that nothing is left but what is the room's own."""
    over = time.monotonic()
    room, record = cast.known["room"], cast.known["record"]
    anna, tom = made.people["anna"], made.people["tom"]
    await cast.hears("anna", cast.rooms["anna"], f"!policy renew {record}")
    await anna.wait_for_state(room, LABEL, lambda content: content == {}, made.bot)
    await anna.wait_for_state(room, "m.room.topic", lambda content: content == topic)
    await anna.wait_for_state(room, "m.room.pinned_events", lambda c: c.get("pinned") == pins)
    while "body" in (await anna.event(room, notice))["content"]:
        assert time.monotonic() - over < 60
        await anna.wait_for_state(room, LABEL, lambda content: content == {}, made.bot)
    assert time.monotonic() - over < 60
    assert room not in await tom.public_rooms()
    assert room not in await filed_rooms(tom)
    assert await by_number(tom, record) == []
    assert await leads_to(tom, f"#_policybot_{record}:{made.synapse.server_name}") is None


async def test_a_filed_room_is_seen_found_mended_and_gone_after_its_end(tmp_path: Path) -> None:
    changes = {"filing.shown": WORDS, "filing.qualifications": [MEDICAL]}
    async with stage(tmp_path, changes=changes) as made:
        cast, anna = Cast(made, lambda *_: None), made.people["anna"]
        await verified_and_signed(cast, "anna")
        await story.file_room(cast)
        room = cast.known["room"]
        roses = {"topic": "Roses", "m.topic": {"m.text": [{"body": "<b>Roses</b>"}]}}
        await anna.set_state(room, "m.room.topic", roses)
        await story.approve(cast)
        record = cast.known["record"]
        notice = await see_it_shown(made, cast, "Roses")
        await qualify_and_tamper(cast)
        await run_out(made)
        await see_it_gone(made, cast, notice, roses, [])
        # Brought back; and this time Anna changes things before it ends again.
        await cast.asks("anna", f"!policy renew {record}", "is renewed until")
        notice = await see_it_shown(made, cast, "Roses")
        own = await anna.say(room, "Read this first")
        await anna.set_state(room, "m.room.pinned_events", {"pinned": [notice, own]})
        await anna.set_state(room, "m.room.topic", {"topic": f"Tulips\nFiled: {record}\nand more"})
        await run_out(made)
        await see_it_gone(made, cast, notice, {"topic": "Tulips\nand more"}, [own])
