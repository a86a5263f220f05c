"""The card of a filing on the real Synapse: one message, which clients see as it is now."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

from policybot.demo import story
from policybot.demo.stage import Stage, stage
from policybot.demo.story import Cast, found
from tests.acceptance.test_publishing import verified_and_signed

POINT = "The purpose fits the category."
CHANGES: dict[str, Any] = {
    "filing.categories": [{"id": "general", "title": "General", "checklist": [POINT]}]
}


async def cards(made: Stage) -> list[Any]:
    """List the cards in the review room that stand there: messages of the bot that are no edits."""
    events = await made.people["ravi"].messages(made.review_room)
    return [
        event
        for event in events
        if event["type"] == "m.room.message"
        and event["sender"] == made.bot
        and re.match(r"(New filing|Filing) F-\d+:", event["content"].get("body", ""))
    ]


async def newest(made: Stage, event_id: str, expected: str) -> str:
    """Read a card as clients show it: with the edit that the homeserver has joined to it."""
    until = time.monotonic() + 20
    while True:
        event = await made.people["ravi"].event(made.review_room, event_id)
        edit = event.get("unsigned", {}).get("m.relations", {}).get("m.replace")
        shown = str(edit["content"]["m.new_content"]["body"]) if edit else event["content"]["body"]
        if expected in shown:
            if edit:
                assert edit["content"]["m.mentions"] == {}, "nobody is pinged"
                assert edit["content"]["body"].startswith("* "), "readable where edits are not known"
                assert edit["content"]["m.relates_to"] == {"rel_type": "m.replace", "event_id": event_id}
            return shown
        assert time.monotonic() < until, shown
        await asyncio.sleep(0.2)


async def test_one_message_is_edited_in_place_and_written_anew_where_it_was_removed(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path, changes=CHANGES) as made:
        cast, ravi = Cast(made, lambda *_: None), made.people["ravi"]
        await verified_and_signed(cast, "anna")
        await story.file_room(cast)
        filing = cast.known["filing"]
        (card,) = await cards(made)
        await cast.asks_in_review("ravi", f"!policy claim {filing}", "is yours until")
        await newest(made, card["event_id"], f"With: {ravi.user_id} until")
        await cast.asks_in_review("ravi", f"!policy check {filing} 1", "Everything is checked")
        await newest(made, card["event_id"], f"☑ 1 {POINT}")
        await cast.asks_in_review("ravi", f"!policy ask {filing} Which street?", "Asked.")
        await cast.asks("anna", f"!policy answer {filing} Mill Lane", "with the reviewer again")
        shown = await newest(made, card["event_id"], "Mill Lane")
        assert "☑ 1" in shown
        assert [one["event_id"] for one in await cards(made)] == [card["event_id"]], "one message"

        # What the page says of the room is what the homeserver says of it.
        answer = await cast.asks("ravi", f"!policy show {filing}", "/review/")
        link = found(r"http\S+/review/\S+", answer)
        origin = link.partition("/review/")[0]
        async with made.session.post(link, headers={"Origin": origin}) as page:
            text = await page.text()
        assert "Garden talk" in text
        assert "everybody can enter" in text
        assert re.search(r"<dt>Members</dt>\s*<dd class=\"lines\"><bdi>2</bdi>", text)

        mira = made.people["mira"]  # who made the review room
        path = f"/_matrix/client/v3/rooms/{made.review_room}/redact/{card['event_id']}/r1"
        await mira.request("PUT", path, {"reason": "in the way"})
        await cast.asks_in_review("ravi", f"!policy release {filing}", "is free again")
        until = time.monotonic() + 20
        while not (anew := await cards(made)):
            assert time.monotonic() < until
            await asyncio.sleep(0.2)
        (other,) = anew
        assert "With: nobody" in other["content"]["body"]
        await story.approve(cast)
        await newest(made, other["event_id"], f"approved as {cast.known['record']}")
        assert len(await cards(made)) == 1
