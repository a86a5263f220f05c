"""kill -9 and outages on a real Synapse: each effect exactly once, nothing lost, the chain holds."""

import asyncio
import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from policybot.app import App
from policybot.config import load
from policybot.demo import story
from policybot.demo.person import Person
from policybot.demo.stage import Stage, stage
from policybot.demo.story import Cast, found
from policybot.services.previews import Choice
from policybot.store.database import Database
from tests import nursery

AWAY = float(os.environ.get("POLICYBOT_TEST_AWAY", "8"))
"""Seconds for which the homeserver is away."""


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


def audit_verify(made: Stage) -> subprocess.CompletedProcess[str]:
    return nursery.run("audit", "verify", "--json", "-c", str(made.config))


async def history(person: Person, room: str) -> list[Any]:
    """Read everything that happened in a room, oldest first."""
    page = await person.request(
        "GET", f"/_matrix/client/v3/rooms/{room.replace('!', '%21')}/messages", dir="b", limit="1000"
    )
    return list(reversed(page["chunk"]))


async def until_quiet(made: Stage) -> None:
    """Wait until nothing waits in the outbox any more."""
    for _ in range(300):
        async with made.session.get(f"{made.ops}/ready") as answer:
            if (await answer.json()).get("outbox") == {"waiting": 0, "dead": 0}:
                return
        await asyncio.sleep(0.1)
    raise AssertionError(made.last_words())


async def check_once(cast: Cast, case: str, event: str) -> None:
    """Check that the message is removed once, Tom restricted once and told once."""
    room, tom = cast.known["room"], cast.people["tom"]
    events = await history(cast.people["anna"], room)
    redactions = [
        e
        for e in events
        if e["type"] == "m.room.redaction" and event in (e.get("redacts"), e["content"].get("redacts"))
    ]
    assert len(redactions) == 1, "the message is removed exactly once"
    changes = [e for e in events if e["type"] == "m.room.power_levels"]
    muted = [e for e in changes if e["content"]["users"].get(tom.user_id, 0) < 0]
    assert len(muted) == 1, "Tom is restricted exactly once"
    direct = await history(tom, cast.rooms["tom"])
    notices = [e for e in direct if f"Decision {case}\n" in str(e["content"].get("body"))]
    assert len(notices) == 1, "Tom is told exactly once"


async def test_killed_between_decided_and_enforced_each_effect_happens_exactly_once(
    cast: Cast,
) -> None:
    """Killed at several instants after the decision was typed, from at once to nearly done."""
    made, room = cast.stage, cast.known["room"]
    for number, delay in enumerate((0.0, 0.05, 0.12, 0.2, 0.35)):
        case, _ = await new_case(cast, f"Anna, tonight I come for your tomatoes ({number})")
        await cast.asks_in_review("mira", f"!policy claim {case}", "is yours")
        await cast.people["mira"].say(
            cast.review_room,
            f"!policy decide {case} R2 S3 restrict:P7D+remove He announced a break-in // No other way",
        )
        await asyncio.sleep(delay)
        made.stop_bot(signal.SIGKILL)
        await made.start_bot()
        await cast.hears("mira", cast.review_room, f"{case}: rule R2")
        await cast.hears("tom", cast.rooms["tom"], f"Decision {case}")
        await until_quiet(made)
        verified = audit_verify(made)
        assert verified.returncode == 0, verified.stderr
        # Lifted, so that the next round begins as this one did.
        await cast.asks_in_review("mira", f"!policy lift {case} They are friends again", "is lifted")
        await cast.people["tom"].wait_for_state(
            room,
            "m.room.power_levels",
            lambda levels: cast.people["tom"].user_id not in levels["users"],
        )
        events = await history(cast.people["anna"], room)
        changes = [e for e in events if e["type"] == "m.room.power_levels"]
        user_id = cast.people["tom"].user_id
        assert sum(e["content"]["users"].get(user_id, 0) < 0 for e in changes) == number + 1
        redactions = [e for e in events if e["type"] == "m.room.redaction"]
        assert len(redactions) == number + 1
        direct = await history(cast.people["tom"], cast.rooms["tom"])
        told = [e for e in direct if f"Decision {case}\n" in str(e["content"].get("body"))]
        assert len(told) == 1


async def test_killed_in_the_middle_of_a_hundred_events_each_is_answered_exactly_once(
    cast: Cast,
) -> None:
    made = cast.stage
    made.stop_bot()
    asked: dict[str, list[str]] = {}
    for name in ("anna", "tom", "lea", "mira"):
        room = cast.rooms.get(name, cast.review_room)
        asked[room] = [
            await cast.people[name].say(room, f"!policy help {verb}")
            for verb in ("about", "verify", "agree", "me", "report") * 5
        ]
    for _ in range(4):
        await made.start_bot(wait=False)
        await asyncio.sleep(1.2)
        made.stop_bot(signal.SIGKILL)
    await made.start_bot()
    await until_quiet(made)
    for name, (room, events) in zip(("anna", "tom", "lea", "mira"), asked.items(), strict=True):
        for _ in range(100):
            answers = Counter(
                e["content"].get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id")
                for e in await history(cast.people[name], room)
                if e["sender"] == cast.bot
            )
            if all(answers[event] for event in events):
                break
            await asyncio.sleep(0.1)
        assert [answers[event] for event in events] == [1] * 25, f"in the room of {name}"
    verified = audit_verify(made)
    assert verified.returncode == 0, verified.stderr


async def test_what_is_decided_while_the_homeserver_is_away_is_enforced_when_it_is_back(
    cast: Cast,
) -> None:
    case, event = await new_case(cast, "Anna, tonight I come for your tomatoes")
    made = cast.stage
    made.synapse.kill()
    # As the web console will: on the database, without a homeserver.
    config = load(made.config)
    database = await Database.open(config.database_url, upgrade=False)
    try:
        app = App(config, database)
        async with database.transaction() as tx:
            found_case = await app.services.cases.find(tx, int(case[2:]), case)
            choice = Choice("R2", "S3", "restrict:P7D", remove=True, facts="He announced a break-in")
            await app.services.decisions.decide(
                tx, f"@mira:{made.synapse.server_name}", found_case, choice
            )
    finally:
        await database.close()
    await asyncio.sleep(AWAY)
    await made.synapse.start()
    await cast.hears("tom", cast.rooms["tom"], f"Decision {case}")
    await until_quiet(made)
    await check_once(cast, case, event)


async def test_a_transaction_that_comes_twice_is_handled_once(cast: Cast) -> None:
    made, config = cast.stage, load(cast.stage.config)
    room = cast.rooms["lea"]
    event = {
        "type": "m.room.message",
        "event_id": "$sent-twice",
        "room_id": room,
        "sender": cast.people["lea"].user_id,
        "origin_server_ts": 1,
        "content": {"msgtype": "m.text", "body": "!policy me"},
    }
    url = f"{config.appservice.address}/_matrix/app/v1/transactions/twice"
    headers = {"Authorization": f"Bearer {config.appservice.hs_token.get_secret_value()}"}

    async def send() -> int:
        body = json.dumps({"events": [event]})
        async with made.session.put(url, data=body, headers=headers) as answer:
            return answer.status

    assert [await send(), *await asyncio.gather(send(), send()), await send()] == [200] * 4
    await cast.hears("lea", room, "Identity: verified")
    await until_quiet(made)
    answers = [
        e
        for e in await history(cast.people["lea"], room)
        if "Identity: verified" in str(e["content"].get("body"))
    ]
    assert len(answers) == 1
