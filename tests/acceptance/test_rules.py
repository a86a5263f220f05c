"""Rules on the real homeserver: a word leads to a case, another is removed and put back exactly."""

import asyncio
import os
import signal
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from policybot.demo import story
from policybot.demo.person import Person
from policybot.demo.stage import Stage, stage
from policybot.demo.story import Cast, found
from tests.acceptance.test_publishing import verified_and_signed
from tests.ruled import R1, R2

RULES: list[dict[str, Any]] = [
    # Synapse is asked when the account was made: all of them are minutes old.
    R1
    | {
        "when": {"terms": {"words": ["frobnitz"]}, "account_younger_than": "PT1H"},
        "then": ["report"],
    },
    R2 | {"when": {"patterns": [r"(?i)\bwibble-\d{4}\b"]}, "then": ["redact"], "automatic": True},
]


async def until_redacted(person: Person, room: str, event: str) -> Any:
    """Wait until an event has lost its content, and give it back."""
    async with asyncio.timeout(20):
        while True:
            seen = await person.event(room, event)
            if not seen["content"]:
                return seen
            await asyncio.sleep(0.2)


async def test_a_word_leads_to_a_case_and_a_pattern_is_removed_and_put_back(tmp_path: Path) -> None:
    async with stage(tmp_path, changes={"rules": RULES}) as made:
        cast = Cast(made, lambda *_: None)
        await verified_and_signed(cast, "anna")
        await story.file_room(cast)
        await story.approve(cast)
        room, tom, anna = cast.known["room"], made.people["tom"], made.people["anna"]
        await tom.join(room)
        await cast.asks("tom", "!policy about", "Contact")

        # The letters of the word are Cyrillic and Greek where they look alike.
        spoken = await tom.say(room, "Buy a fr\u043ebnitz")
        told = await cast.hears("mira", cast.review_room, "found it by machine")
        case = found(r"(?<=New case )C-\d+", told)
        await cast.asks_in_review("mira", f"!policy show {case}", "Rule R1 found it by machine")
        assert (await anna.event(room, spoken))["content"]["body"] == "Buy a fr\u043ebnitz"

        text = "Call Wibble-4711 now"
        removed = await tom.say(room, text)
        tombstone = await until_redacted(anna, room, removed)
        notice = await cast.hears("tom", cast.rooms["tom"], "Decided by machine? Yes.")
        number = found(r"(?<=Decision )C-\d+", notice)
        assert tombstone["unsigned"]["redacted_because"]["content"]["reason"].startswith(
            f"Removed by decision {number} under rule "
        )
        await cast.asks("tom", f"!policy appeal {number} That is the name of my dog", "appeal")
        await cast.asks_in_review("otto", f"!policy overturn {number} It is the name of a dog", number)
        await cast.asks("tom", f"!policy restore {number}", "")
        async with asyncio.timeout(20):
            while not any(text in str(event["content"]) for event in await anna.messages(room)):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
        assert "R2" in await made.command("rules", "stats")

        text = made.config.read_text("utf-8")
        assert "frobnitz" in text
        made.config.write_text(text.replace("frobnitz", "wobble"), "utf-8")
        os.kill(made.bot_pid, signal.SIGHUP)
        async with asyncio.timeout(20):
            while "The rules are now" not in made.last_words():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
        await anna.say(room, "A wobble in the garden")
        told = await cast.hears("mira", cast.review_room, f"a message of {anna.user_id}")
        assert "found it by machine" in told


async def upload(made: Stage, person: Person, data: bytes, kind: str) -> str:
    """Upload a file under a kind that its sender names."""
    headers = {"Authorization": f"Bearer {person._token}", "Content-Type": kind}
    url = f"{person._address}/_matrix/media/v3/upload"
    async with made.session.post(url, data=data, headers=headers) as answer:
        return str((await answer.json())["content_uri"])


async def test_a_moving_picture_under_a_false_name_is_removed_and_a_still_one_stays(
    tmp_path: Path,
) -> None:
    media = {"media": {"kinds": ["image/gif"], "animated": True}}
    acts = {"when": media, "then": ["redact"], "automatic": True}
    async with stage(tmp_path, changes={"rules": [R1 | acts, R2]}) as made:
        cast = Cast(made, lambda *_: None)
        await verified_and_signed(cast, "anna")
        await story.file_room(cast)
        await story.approve(cast)
        room, tom, anna = cast.known["room"], made.people["tom"], made.people["anna"]
        await tom.join(room)
        moving, still = BytesIO(), BytesIO()
        frames = [Image.new("P", (8, 8), color) for color in (1, 2)]
        frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:], loop=0)
        frames[0].save(still, "PNG")
        events = []
        for data in (still, moving):
            uri = await upload(made, tom, data.getvalue(), "image/png")
            events.append(await tom.say(room, "picture.png", msgtype="m.image", url=uri))
        await until_redacted(anna, room, events[1])
        assert (await anna.event(room, events[0]))["content"]["body"] == "picture.png"
