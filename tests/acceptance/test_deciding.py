"""Deciding on the real Synapse: what everybody reads, how soon, and a bot that has lost its rank."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from policybot.app import App
from policybot.config import load
from policybot.demo import story
from policybot.demo.person import Person, Refused
from policybot.demo.stage import Stage, stage
from policybot.demo.story import Cast, found
from policybot.services.previews import Choice
from policybot.store.database import Database
from tests.world import unlinked

FACTS = "He announced a break-in"
NOTICE_WITHIN, EFFECT_WITHIN = 5.0, 2.0
"""Seconds after the decision by which the notice and the effect are there, nineteen times of twenty."""
ROUNDS = 8


@pytest.fixture
async def cast(tmp_path: Path) -> AsyncIterator[Cast]:
    """A governed room in which one person may decide alone."""
    alone = {"ladder.approvals.second_person_from": {"measure": "suspend", "duration": "P30D"}}
    async with stage(tmp_path, room_version="11", changes=alone) as made:
        ready = Cast(made, lambda *_: None)
        for step in (story.verify, story.sign, story.file_room, story.approve):
            await step(ready)
        await ready.people["tom"].join(ready.known["room"])
        await ready.people["lea"].join(ready.known["room"])
        yield ready


async def new_case(cast: Cast, text: str) -> tuple[str, str]:
    """Have Tom write something and Lea report it; return the case and the event."""
    room = cast.known["room"]
    event = await cast.people["tom"].say(room, text)
    link = f"https://matrix.to/#/{room}/{event}"
    await cast.asks("lea", f"!policy report {link} R2 He threatens Anna", "Your receipt is")
    card = await cast.hears("mira", cast.review_room, "New case")
    return found(r"C-\d+", card), event


async def removed_after(person: Person, room: str, event: str) -> tuple[float, Any]:
    """Wait until a client sees that a message is removed; say when, and what stands in its place."""
    async with asyncio.timeout(20):
        while True:
            seen = await person.event(room, event)
            if not seen["content"]:
                return time.monotonic(), seen["unsigned"]["redacted_because"]["content"]["reason"]
            await asyncio.sleep(0.05)


async def test_everybody_reads_in_time_what_was_shown_before(cast: Cast) -> None:
    room, lea, tom = cast.known["room"], cast.people["lea"], cast.people["tom"]
    took: list[tuple[float, float]] = []
    for number in range(ROUNDS):
        case, event = await new_case(cast, f"Anna, tonight I come for your tomatoes ({number})")
        words = f"{case} R2 S2 warn+remove {FACTS} // A last warning"
        shown = await cast.asks_in_review("mira", f"!policy preview {words}", "Nothing is decided")
        begun = time.monotonic()
        await cast.people["mira"].say(cast.review_room, f"!policy decide {words}")
        effect, (gone, tombstone) = begun, await removed_after(lea, room, event)
        notice = await cast.hears("tom", cast.rooms["tom"], f"Decision {case}")
        took.append((gone - effect, time.monotonic() - begun))
        assert tombstone == f"Removed by decision {case} under rule R2 Respect"
        assert tom.user_id not in tombstone
        exact = "\n".join(line[2:] for line in shown.split("\n") if line.startswith("> "))
        assert exact == unlinked(notice)
    effects, notices = (sorted(one) for one in zip(*took, strict=True))
    print(f"\neffect: median {effects[ROUNDS // 2]:.2f} s, worst {effects[-1]:.2f} s")
    print(f"notice: median {notices[ROUNDS // 2]:.2f} s, worst {notices[-1]:.2f} s")
    assert effects[-2] < EFFECT_WITHIN
    assert notices[-2] < NOTICE_WITHIN


def the_bot(made: Stage) -> Person:
    """Act as the bot does, to take its own rank."""
    settings = YAML(typ="safe").load(made.config.read_text("utf-8"))
    token = settings["appservice"]["as_token"]
    return Person(made.session, made.synapse.address, made.bot, token)


async def test_a_bot_that_lost_its_rank_after_the_decision_does_nothing_by_halves(cast: Cast) -> None:
    case, event = await new_case(cast, "Anna, tonight I come for your tomatoes")
    made, room, tom = cast.stage, cast.known["room"], cast.people["tom"]
    made.stop_bot()
    await decided(made, case)
    ranked = await tom.power_levels(room)
    lowered = {user: level for user, level in ranked["users"].items() if user != made.bot}
    await the_bot(made).set_state(room, "m.room.power_levels", ranked | {"users": lowered})
    await made.start_bot()

    alarms = [
        await cast.hears("mira", cast.review_room, "Once it is mended: !policy retry") for _ in range(2)
    ]
    heard = await cast.people["tom"].wait_for_message(
        cast.rooms["tom"], containing=f"Decision {case}", sender=made.bot, patience=90
    )
    notice = heard["content"]["body"]
    assert "has not carried it out yet" in notice
    assert (await cast.people["lea"].event(room, event))["content"], "it is not removed"
    assert tom.user_id not in (await tom.power_levels(room))["users"], "and Tom is not restricted"
    assert not await tom.is_refused(room, "Am I still here?")

    await cast.people["anna"].set_state(room, "m.room.power_levels", ranked)
    for alarm in alarms:
        number = found(r"(?<=!policy retry )\d+", alarm)
        await cast.asks_in_review("mira", f"!policy retry {number}", "trying again")
    begun = await cast.hears("tom", cast.rooms["tom"], "has begun")
    assert "It ends by itself on" in begun
    _, tombstone = await removed_after(cast.people["lea"], room, event)
    assert case in tombstone
    with pytest.raises(Refused):
        await tom.say(room, "And now?")


async def decided(made: Stage, case: str) -> None:
    """Decide on the database, while the bot rests."""
    config = load(made.config)
    database = await Database.open(config.database_url, upgrade=False)
    try:
        app = App(config, database)
        async with database.transaction() as tx:
            found_case = await app.services.cases.find(tx, int(case[2:]), case)
            choice = Choice("R2", "S3", remove=True, facts=FACTS)
            mira = f"@mira:{made.synapse.server_name}"
            await app.services.decisions.decide(tx, mira, found_case, choice)
    finally:
        await database.close()
