"""A room filed, taken over and suspended by the service, which is killed in the middle of it."""

import signal
from pathlib import Path

import pytest

from policybot.demo import story
from policybot.demo.person import Refused
from policybot.demo.stage import stage
from policybot.demo.story import Cast, found
from policybot.matrix.signs import LABEL

GARDEN = "#garden:localhost"
PURPOSE = "Neighbours talk of gardens"


async def test_a_room_is_taken_over_and_another_made_though_the_service_is_killed(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path, room_version="11") as made:
        cast = Cast(made, lambda *_: None)
        anna = made.people["anna"]
        await story.verify(cast)
        await story.sign(cast)
        old = await anna.create_room(
            "Garden", public=True, room_alias_name="garden", invite=[made.bot], topic="Of roses"
        )
        await anna.wait_until_joined(old, made.bot)
        answer = await cast.asks("anna", f"!policy file {GARDEN} general {PURPOSE}", "Your filing is in")
        number = found(r"F-\d+", answer)
        await cast.asks("anna", f"!policy adopt {number}", "I make a new room")
        assert (await anna.power_levels(old))["users"] == {anna.user_id: 100}, "nothing is taken yet"
        await made.people["ravi"].say(made.review_room, f"!policy approve {number}")
        await cast.hears("ravi", made.review_room, "is approved as")
        for _ in range(3):
            made.stop_bot(signal.SIGKILL)
            await made.start_bot()
        told = await cast.hears("anna", cast.rooms["anna"], "approved under the record number")
        tombstone = await anna.state(old, "m.room.tombstone")
        new = tombstone["replacement_room"]
        assert new in told
        await anna.join(GARDEN)
        assert new in await anna.public_rooms()
        label = await anna.state(new, LABEL, made.bot)
        assert label["record_number"] in told
        assert (await anna.power_levels(new))["users"][anna.user_id] == 99
        listed = await made.people["root"].request("GET", "/_synapse/admin/v1/rooms", limit="100")
        gardens = [room["room_id"] for room in listed["rooms"] if room["name"] == "Garden"]
        assert sorted(gardens) == sorted([old, new]), "one new room, not two"
        await check_suspended(cast, new)

        answer = await cast.asks(
            "anna", "!policy file new general Of rakes and spades", "power level 50"
        )
        second = found(r"F-\d+", answer)
        await made.people["ravi"].say(made.review_room, f"!policy approve {second}")
        told = await cast.hears("anna", cast.rooms["anna"], "I have made it and invited you")
        room = found(r"![^\s?]+", told)
        await anna.join(room)
        assert (await anna.state(room, "m.room.name"))["name"] == "Of rakes and spades"


async def check_suspended(cast: Cast, room: str) -> None:
    """While it is suspended its owner cannot write, rename or publish; after that as before."""
    anna = cast.people["anna"]
    before = await anna.power_levels(room)
    await cast.people["lea"].join(room)
    link = f"https://matrix.to/#/{room}"
    answer = await cast.asks("lea", f"!policy report {link} R2 They hunt a neighbour", "R-")
    assert answer
    decide = (
        "!policy decide C-1 R2 S4 suspend:P7D The room agreed to hunt a neighbour down // No other way"
    )
    answer = await cast.asks_in_review("mira", decide, "!policy confirm")
    code = found(r"(?<=!policy confirm )\w+", answer)
    await cast.asks_in_review("otto", f"!policy confirm {code}", "is decided")
    await cast.hears("anna", cast.rooms["anna"], "Decision C-1")
    assert await anna.is_refused(room, "It is my room")
    with pytest.raises(Refused, match="M_FORBIDDEN"):
        await anna.set_state(room, "m.room.name", {"name": "Mine"})
    with pytest.raises(Refused):
        path = f"/_matrix/client/v3/directory/list/room/{room}"
        await anna.request("PUT", path, {"visibility": "public"})
    assert room not in await anna.public_rooms()
    await cast.asks_in_review("mira", "!policy lift C-1 They have mended it together", "is lifted")
    await anna.wait_for_state(room, "m.room.power_levels", lambda content: content == before)
    await anna.say(room, "Good morning again")
