"""The gate as people meet it, on a real homeserver with policybot: members, an owner, moderators."""

import asyncio
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from policybot.demo import story
from policybot.demo.person import Person, Refused
from policybot.demo.stage import stage
from policybot.demo.story import Cast, found
from tests.acceptance.test_publishing import NAMED, verified_and_signed
from tests.ruled import R1, R2

TULIPS = "The tulips are out"
GERMAN = {"language": "de", "title": "Werbung", "text": "Werben Sie nur, wo es erwünscht ist."}
CHANGES: Mapping[str, Any] = {
    "rules": [
        R1 | {"when": {"terms": {"words": ["frobnitz"]}}, "then": ["refuse"], "translations": [GERMAN]},
        R2,
    ],
    "filing.categories": [NAMED[0] | {"slow": {"every": "PT2S"}}],
    "languages": {
        "de": {
            "rule": "Nicht angenommen. Regel {id} ({title}): {text} Fragen: {contact}",
            "unverified": "Nicht angenommen: bitte erst ausweisen. Schreiben Sie {bot}: !policy verify",
        }
    },
    "gate": {"directory": "register"},
}


async def why_not(person: Person, method: str, path: str, body: object = None) -> str:
    """Try something, and read what a client shows if it is refused; empty if it is accepted."""
    try:
        await person.request(method, f"/_matrix/client/v3/{path}", body)
    except Refused as answer:
        return answer.error if answer.status == HTTPStatus.FORBIDDEN else str(answer)
    return ""


async def why_not_said(person: Person, room: str, text: str) -> str:
    """Write, and read why it is refused; empty if it is accepted."""
    path = f"rooms/{room}/send/m.room.message/t{time.monotonic_ns()}"
    return await why_not(person, "PUT", path, {"msgtype": "m.text", "body": text})


async def until_said(person: Person, room: str, text: str, why: str = "") -> str:
    """Write until it is refused for a reason, or accepted: what was decided gets about in a second."""
    said = ""
    for _ in range(50):
        said = await why_not_said(person, room, text)
        if (why in said) if why else not said:
            return said
        await asyncio.sleep(0.2)
    message = f"«{text}»: waited for «{why or 'accepted'}», and read «{said}»"
    raise AssertionError(message)


async def test_people_are_refused_told_and_helped_on_their_way(tmp_path: Path) -> None:
    """One stage for all, for a homeserver takes seconds to start."""
    async with stage(tmp_path, changes=CHANGES, gate=("module",)) as made:
        cast = Cast(made, lambda *_: None)
        for name in ("anna", "lea"):
            await verified_and_signed(cast, name)
        await story.file_room(cast)
        await story.approve(cast)
        for name in ("tom", "lea"):
            await made.people[name].join(cast.known["room"])
        await cast.asks("tom", "!policy about", "Contact")
        await a_stranger_becomes_a_member(cast)
        await a_word_is_refused_in_the_language_that_its_author_chose(cast)
        await a_slow_room_says_how_long_to_wait(cast)
        await moderators_see_counts(cast)
        await a_restricted_member_is_free_at_once_when_the_appeal_succeeds(cast)
        await the_owner_of_a_suspended_room_reads_where_to_ask(cast)
        assert "made a mistake" not in made.synapse.last_words(2**24)


async def a_stranger_becomes_a_member(cast: Cast) -> None:
    room, tom, bot = cast.known["room"], cast.people["tom"], cast.bot
    why = "This was not accepted: please verify yourself first."
    said = await why_not_said(tom, room, TULIPS)
    assert said.startswith(why)
    assert said.endswith(f"To begin, send !policy verify to {bot}")
    invited = {"user_id": cast.people["root"].user_id}
    assert await why_not(tom, "POST", f"rooms/{room}/invite", invited) == said
    told = await cast.hears("tom", cast.rooms["tom"], why)
    where, sentence, link = told.split("\n")
    assert where == f"{cast.known['record']}: https://matrix.to/#/{room}"
    assert (sentence, link) == (said, f"{cast.stage.web}/agreement")
    await cast.asks("tom", "!policy language de", "From now on you read in «de»")
    said = await until_said(tom, room, TULIPS, "Nicht angenommen")
    assert said == f"Nicht angenommen: bitte erst ausweisen. Schreiben Sie {bot}: !policy verify"
    await verified_and_signed(cast, "tom")
    await until_said(tom, room, TULIPS)
    in_chat = [e["content"].get("body", "") for e in await tom.messages(cast.rooms["tom"])]
    assert sum(text.startswith(cast.known["record"]) for text in in_chat) == 1, "told once an hour"


async def a_word_is_refused_in_the_language_that_its_author_chose(cast: Cast) -> None:
    room, tom, lea, anna = cast.known["room"], *(cast.people[n] for n in ("tom", "lea", "anna"))
    contact = "the office, Garden Street 1"
    said = await why_not_said(lea, room, "Buy a fr\u043ebnitz")
    assert said == (
        "This was not accepted. Rule R1 (Advertising): Advertise only in rooms that are made for it. "
        f"Please change it and send it again. If you think that this is a mistake, write to {contact}"
    )
    said = await why_not_said(tom, room, "Kauft einen Frobnitz")
    assert said == f"Nicht angenommen. Regel R1 (Werbung): {GERMAN['text']} Fragen: {contact}"
    await cast.hears("tom", cast.rooms["tom"], said)
    topic = f"rooms/{room}/state/m.room.topic"
    assert "Rule R1" in await why_not(anna, "PUT", topic, {"topic": "Frobnitz for sale"})
    bodies = [str(event["content"]) for event in await anna.messages(room)]
    assert any(TULIPS in body for body in bodies)
    assert not any("nitz" in body for body in bodies), "nobody has seen it"


async def a_slow_room_says_how_long_to_wait(cast: Cast) -> None:
    room, lea = cast.known["room"], cast.people["lea"]
    await lea.say(room, "One")
    said = await why_not_said(lea, room, "Two")
    assert found(r"one message every 2 s from each person. Please send it again in [12] s\.", said)
    await until_said(lea, room, "Two")


async def moderators_see_counts(cast: Cast) -> None:
    for _ in range(20):
        answer = await cast.asks_in_review("mira", "!policy refusals", "Refused within 24 hours")
        if "Rule R1 (Advertising): 3 times, to 3 people in 1 room, last on " in answer:
            break
    assert "Rule R1 (Advertising): 3 times, to 3 people in 1 room, last on " in answer
    assert "somebody who is not verified: " in answer
    assert "something too soon, in a slow room: " in answer
    assert "@" not in answer, "nobody is named"
    figures = await cast.stage.command("rules", "stats")
    assert "…" not in figures, "nothing is cut off"
    assert "Stopped: a case, though the rule would have acted" in figures


async def a_restricted_member_is_free_at_once_when_the_appeal_succeeds(cast: Cast) -> None:
    room, tom = cast.known["room"], cast.people["tom"]
    await until_said(tom, room, "Anna, tonight I come for your tomatoes!")
    cast.known["event"] = (await tom.messages(room))[0]["event_id"]
    await story.report(cast)
    case = cast.known["case"]
    await story.propose(cast)
    await story.decide(cast)
    assert "any more" not in await until_said(tom, room, TULIPS, "by decision")
    said = await until_said(tom, room, TULIPS, " UTC")
    assert found(rf"by decision {case} you cannot write here until \S+ \d\d:\d\d UTC", said)
    assert said.endswith(f"To object, send !policy appeal {case} REASON to {cast.bot}")
    await story.appeal(cast)
    reasons = "It was a joke between friends."
    await cast.asks_in_review("ravi", f"!policy overturn {case} {reasons}", "is void")
    await cast.hears("tom", cast.rooms["tom"], "Your appeal on")
    await until_said(tom, room, "I am back")


async def the_owner_of_a_suspended_room_reads_where_to_ask(cast: Cast) -> None:
    room, anna = cast.known["room"], cast.people["anna"]
    listed = f"directory/list/room/{room}"
    said = await why_not(anna, "PUT", listed, {"visibility": "private"})
    assert said.startswith("The list of public rooms shows what is filed.")
    link = f"https://matrix.to/#/{room}"
    await cast.asks("lea", f"!policy report {link} R2 They hunt a neighbour", "Your receipt is")
    case = found(r"C-\d+", await cast.hears("mira", cast.review_room, "New case"))
    hold = f"!policy hold {case} R2 It begins again as we speak"
    await cast.people["mira"].say(cast.review_room, hold)
    await cast.hears("anna", cast.rooms["anna"], f"!policy appeal {case}")
    why = (
        "This was not accepted: the room is suspended. Until when stands in its pinned notice; its "
        "owner was told why, and how to object. Questions: the office, Garden Street 1"
    )
    assert await until_said(anna, room, TULIPS, "suspended") == why
    topic = f"rooms/{room}/state/m.room.topic"
    assert await why_not(anna, "PUT", topic, {"topic": "It is mine"}) == why
    door = f"rooms/{room}/state/m.room.join_rules"
    assert await why_not(anna, "PUT", door, {"join_rule": "invite"}) == why
    assert await why_not(anna, "PUT", listed, {"visibility": "public"}) == why
    await cast.hears("anna", cast.rooms["anna"], why)
