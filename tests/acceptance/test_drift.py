"""A filed room on the real Synapse that its owner changes: set right, told, followed when replaced."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from policybot.demo import story
from policybot.demo.person import Person
from policybot.demo.stage import Stage, stage
from policybot.demo.story import LABEL, Cast
from tests.acceptance.test_crash import until_quiet
from tests.acceptance.test_filed import WORDS, leads_to
from tests.acceptance.test_publishing import verified_and_signed

PATIENCE = 90
"""Seconds: where effects still wait, a room is looked at again after a minute."""


async def looked_at(made: Stage, cast: Cast, containing: str) -> None:
    """Ask for a look, as a moderator does, and wait for what it tells.

    The look may be due by itself, and be told before the answer comes: Mira waits for the one, Ravi for
    the other.
    """
    await until_quiet(made)
    mira, ravi = made.people["mira"], made.people["ravi"]
    await ravi.say(made.review_room, f"!policy drift {cast.known['record']}")
    await mira.wait_for_message(made.review_room, containing="I look at it again", sender=made.bot)
    await ravi.wait_for_message(
        made.review_room, containing=containing, sender=made.bot, patience=PATIENCE
    )


async def upgraded(owner: Person, room: str, version: str) -> str:
    """Replace a room, as clients do."""
    path = f"/_matrix/client/v3/rooms/{quote(room, safe='')}/upgrade"
    answer: Any = await owner.request("POST", path, {"new_version": version})
    return str(answer["replacement_room"])


async def test_what_an_owner_changes_is_found_and_a_replaced_room_is_followed(tmp_path: Path) -> None:
    async with stage(tmp_path, room_version="11", changes={"filing.shown": WORDS}) as made:
        cast, anna = Cast(made, lambda *_: None), made.people["anna"]
        await verified_and_signed(cast, "anna")
        await story.file_room(cast)
        await story.approve(cast)
        room, record = cast.known["room"], cast.known["record"]

        path = f"/_matrix/client/v3/directory/list/room/{quote(room, safe='')}"
        await anna.request("PUT", path, {"visibility": "private"})
        assert room not in await anna.public_rooms()
        await looked_at(made, cast, "taken out of the directory. I set it right")
        await anna.wait_for_message(
            cast.rooms["anna"], containing="was taken out of the directory", sender=made.bot
        )
        await anna.wait_for_state(room, LABEL, lambda c: c.get("record_number") == record, made.bot)
        assert room in await anna.public_rooms()

        ravi = made.people["ravi"]

        async def told(containing: str) -> None:
            await ravi.wait_for_message(
                made.review_room, containing=containing, sender=made.bot, patience=PATIENCE
            )
            await until_quiet(made)

        await anna.set_state(room, "m.room.join_rules", {"join_rule": "invite"})
        await told("its join rule is invite")
        await anna.set_state(room, "m.room.join_rules", {"join_rule": "public"})
        await told("is as it should be again")
        levels = await anna.power_levels(room)
        assert levels["users"][made.bot] == 100

        new = await upgraded(anna, room, "12")
        await told(f"the filing goes on in {new}")
        await anna.wait_for_state(new, LABEL, lambda c: c.get("record_number") == record, made.bot)
        await anna.wait_for_state(room, LABEL, lambda c: c == {}, made.bot)
        line = f"Filed: {record}"
        topic = await anna.wait_for_state(new, "m.room.topic", lambda c: line in c.get("topic", ""))
        assert topic["topic"].count(line) == 1
        await anna.wait_for_state(new, "m.room.pinned_events", lambda c: c.get("pinned"))
        listed = await anna.public_rooms()
        assert new in listed
        assert room not in listed
        assert await leads_to(anna, f"#_policybot_{record}:{made.synapse.server_name}") == new
        # Its creator ranks above all in version 12, and can lower the bot as well.
        content = await anna.power_levels(new)
        content["users"][made.bot] = 10
        await anna.set_state(new, "m.room.power_levels", content)
        await told("My power level in the room is 10")
