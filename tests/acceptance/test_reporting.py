"""Reports on the real Synapse: receipts in time, an objection, a warning that arrives, policy lists."""

import asyncio
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import quote

from policybot.demo import story
from policybot.demo.stage import stage
from policybot.demo.story import Cast, found
from policybot.domain.policy_list import hashed

REPORTS = 20
"""Nobody has more than thirty commands a minute."""
RULE = "m.policy.rule.user"
EVE = "@eve:elsewhere.net"
LISTS = {
    "policy_lists.publish": "#decisions:localhost",
    "policy_lists.watch": [{"room": "#theirs:localhost", "name": "theirs"}],
}
BECAUSE = "Reports whatever Tom writes, and nothing of it was one"


async def test_whoever_reports_has_a_receipt_in_time_and_another_look_at_the_answer(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path, changes=LISTS) as made:
        cast = Cast(made, lambda *_: None)
        for step in (story.verify, story.sign, story.file_room, story.approve):
            await step(cast)
        for name in ("tom", "lea"):
            await cast.people[name].join(cast.known["room"])
        event = await cast.people["tom"].say(
            cast.known["room"], "Anna, tonight I come for your tomatoes"
        )
        link = f"https://matrix.to/#/{cast.known['room']}/{event}"
        answer = await cast.asks("lea", f"!policy report {link} R2 He threatens Anna", "Your receipt is")
        receipt = found(r"R-\d+", answer)
        case = found(r"C-\d+", await cast.hears("mira", cast.review_room, "New case"))
        await cast.asks_in_review("mira", f"!policy dismiss {case} They are friends", "no breach")
        await cast.hears("lea", cast.rooms["lea"], f"!policy object {receipt}")
        await cast.asks("lea", f"!policy object {receipt} They have not spoken for years", "is in")
        await cast.hears("ravi", cast.review_room, f"Objection about {receipt}")
        answer = await cast.asks_in_review(
            "ravi", f"!policy overturn {receipt} Ask them", "is open again"
        )
        assert case in answer
        await cast.hears("lea", cast.rooms["lea"], f"case {case} is open again")
        await cast.asks("lea", f"!policy status {receipt}", "waits for a moderator")
        await cast.asks_in_review(
            "otto", f"!policy decide {case} R2 S1 warn He threatens Anna", "carried"
        )
        await cast.hears("lea", cast.rooms["lea"], "took a measure")
        await check_receipts(cast)
        await check_warning(cast)
        await check_published(cast)
        await check_watched(cast)


async def check_receipts(cast: Cast) -> None:
    """Measure from a report by command to its receipt."""
    room, tom, lea = cast.known["room"], cast.people["tom"], cast.people["lea"]
    events = [await tom.say(room, f"Lovely tomatoes, basket {n}") for n in range(REPORTS)]
    began: list[float] = []
    took: list[float] = []

    async def reporting() -> None:
        for event in events:
            await asyncio.sleep(0.31)
            began.append(time.monotonic())
            link = f"https://matrix.to/#/{room}/{event}"
            await lea.say(cast.rooms["lea"], f"!policy report {link} R1 Another advert of his")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(reporting())
        for n in range(REPORTS):
            await cast.hears("lea", cast.rooms["lea"], "Your receipt is")
            took.append(time.monotonic() - began[n])
    p95 = quantiles(took, n=20)[-1]
    print(f"receipt after {REPORTS} reports by command: p50 {median(took):.2f} s, p95 {p95:.2f} s")
    assert p95 <= 3


async def check_warning(cast: Cast) -> None:
    """Call reports unfounded until a warning is possible, and see that a pause needs its arrival."""
    chat = cast.rooms["lea"]
    for number in range(2, 5):
        await cast.asks_in_review(
            "mira", f"!policy dismiss C-{number} Tomatoes are allowed", "no breach"
        )
        await cast.hears("lea", chat, f"!policy object R-{number}")
        await cast.asks_in_review("mira", f"!policy unfounded R-{number} {BECAUSE}", "is noted")
    await cast.asks_in_review("mira", f"!policy caution R-4 {BECAUSE}", "is warned")
    await cast.hears("lea", chat, "A warning about your reports")
    event = await cast.people["tom"].say(cast.known["room"], "More tomatoes")
    link = f"https://matrix.to/#/{cast.known['room']}/{event}"
    answer = await cast.asks("lea", f"!policy report {link} R1 Again!", "Your receipt is")
    last = found(r"\d+", found(r"R-\d+", answer))
    await cast.asks_in_review("mira", f"!policy dismiss C-{last} Tomatoes are allowed", "no breach")
    await cast.asks_in_review("mira", f"!policy unfounded R-{last} {BECAUSE}", "is noted")
    await cast.asks_in_review("mira", f"!policy pause R-{last} P7D {BECAUSE}", "are not taken")
    await cast.hears("lea", chat, "Your reports are paused until")
    await cast.asks("lea", f"!policy report {cast.known['room']} R1 All of it", "was not taken")


async def check_published(cast: Cast) -> None:
    """Have a decision told to others, read it as one of them, and have it taken back."""
    anna = cast.people["anna"]
    ranks = {"users": {cast.bot: 50}}
    ours = await anna.create_room(
        "Decisions",
        public=True,
        invite=[cast.bot],
        room_alias_name="decisions",
        power_level_content_override=ranks,
    )
    await anna.wait_until_joined(ours, cast.bot)
    await cast.asks("tom", f"!policy report {EVE} R2 She threatens us all", "Your receipt is")
    news = await cast.hears("mira", cast.review_room, f"the account {EVE}")
    case = found(r"C-\d+", news)
    words = f"!policy decide {case} R2 S3 suspend:P7D+publish She said so // Nothing milder would do"
    asked = await cast.asks_in_review("mira", words, "it is published to other communities")
    code = found(r"(?<=!policy confirm )\w+", asked)
    await cast.asks_in_review("otto", f"!policy confirm {code}", "being carried out")

    def stands(content: Any) -> bool:
        return bool(content)

    key = f"{case} localhost"
    rule = await anna.wait_for_state(ours, RULE, stands, key)
    reason = f"Rule R2, decision {case}"
    assert rule == {"entity": EVE, "recommendation": "m.ban", "reason": reason}
    place = f"/_matrix/client/v3/rooms/{quote(ours)}/state/{RULE}/{quote(key)}"
    written = await anna.request("GET", place, format="event")
    await cast.asks_in_review("mira", f"!policy lift {case} She has apologised", "is lifted")
    await anna.wait_for_state(ours, RULE, lambda content: content == {}, key)
    assert (await anna.event(ours, written["event_id"]))["content"] == {}, "its words are gone"


async def check_watched(cast: Cast) -> None:
    """Let a list name somebody by a hash: people hear of it, and nothing is done."""
    lea, tom = cast.people["lea"], cast.people["tom"]
    theirs = await lea.create_room("Their list", room_alias_name="theirs")
    digest = hashed(tom.user_id).partition(":")[2]
    rule = {"hashes": {"sha256": digest}, "recommendation": "m.takedown", "reason": "Sells tomatoes"}
    await lea.set_state(theirs, RULE, rule, "one")
    await lea.invite(theirs, cast.bot)
    heard = await cast.people["mira"].wait_for_message(
        cast.review_room, containing="Came from the list «theirs»", sender=cast.bot, patience=60
    )
    card = heard["content"]["body"]
    assert f"the account {tom.user_id}" in card
    assert "In its words, not ours: «Sells tomatoes»" in card
    await cast.asks_in_review("mira", f"!policy listed {tom.user_id}", "to take down")
    await lea.set_state(theirs, RULE, {}, "one")
    await asyncio.sleep(1)
    await cast.asks_in_review("mira", f"!policy listed {tom.user_id}", "No list that we watch names")
    await tom.say(cast.known["room"], "I am still here")
