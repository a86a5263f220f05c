"""Appealing on the real Synapse while suspended: by the link in a chat, or in a server notice."""

import asyncio
import html
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from policybot.demo import story
from policybot.demo.person import Person, Refused
from policybot.demo.stage import stage
from policybot.demo.story import Cast, found

FACTS = "He announced a break-in and named the night"
WHY = "It was a joke between friends"


@pytest.fixture
async def cast(tmp_path: Path) -> AsyncIterator[Cast]:
    """A governed room with everybody in it, in which one person may decide alone."""
    alone = {"ladder.approvals.second_person_from": {"measure": "suspend", "duration": "P30D"}}
    async with stage(tmp_path, changes=alone) as made:
        ready = Cast(made, lambda *_: None)
        for step in (story.verify, story.sign, story.file_room, story.approve):
            await step(ready)
        for name in ("tom", "lea"):
            await ready.people[name].join(ready.known["room"])
        yield ready


async def suspended(cast: Cast, who: str, by: str) -> str:
    """Have somebody reported, and their account suspended; return the case."""
    user_id = cast.people[who].user_id
    await cast.asks(by, f"!policy report {user_id} R2 They threaten everybody", "Your receipt is")
    case = found(r"C-\d+", await cast.hears("mira", cast.review_room, "New case"))
    words = f"!policy decide {case} R2 S3 suspend:P7D {FACTS} // Nothing milder would do"
    asked = await cast.asks_in_review("mira", words, "Please confirm it")
    code = found(r"(?<=!policy confirm )\w+", asked)
    await cast.asks_in_review("mira", f"!policy confirm {code}", "being carried out")
    return case


async def link_in(cast: Cast, person: Person, room: str, case: str, sender: str) -> str:
    """Wait for the notice, and read the link at its end."""
    heard = await person.wait_for_message(room, containing=f"Decision {case}", sender=sender)
    link = found(r"http\S+/appeal/\w+$", heard["content"]["body"])
    assert link.startswith(f"{cast.stage.web}/appeal/")
    assert (await cast.people["root"].user(person.user_id))["suspended"] is True
    return link


async def opened(cast: Cast, link: str) -> str:
    async with cast.stage.session.get(link) as answer:
        assert answer.status == 200
        return html.unescape(await answer.text())


async def sent(cast: Cast, link: str, **fields: str) -> str:
    """Send the form of a page as a browser does."""
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": cast.stage.web}
    async with cast.stage.session.post(link, data=fields, headers=headers) as answer:
        assert answer.status == 200
        return html.unescape(await answer.text())


async def test_who_is_suspended_appeals_by_the_link_and_can_write_again(cast: Cast) -> None:
    tom, chat, room = cast.people["tom"], cast.rooms["tom"], cast.known["room"]
    case = await suspended(cast, "tom", by="lea")
    link = await link_in(cast, tom, chat, case, cast.bot)
    for where in (room, chat):
        with pytest.raises(Refused) as refused:
            await tom.say(where, f"!policy appeal {case} {WHY}")
        assert refused.value.errcode == "M_USER_SUSPENDED", "the link is all that is left"

    page = await opened(cast, link)
    assert FACTS in page
    assert "Do you see it otherwise?" in page
    assert "Your appeal is in" in await sent(cast, link, text=WHY)
    assert WHY in await cast.hears("ravi", cast.review_room, f"Appeal on {case}")
    await cast.asks_in_review(
        "ravi", f"!policy overturn {case} A joke between friends indeed", "is void"
    )
    await cast.hears("tom", chat, f"Your appeal on {case} succeeded")
    assert "A joke between friends indeed" in await opened(cast, link)
    await tom.say(room, "Here I am again")
    await two_measures_on_lea(cast)
    await Walk(cast, seed=4).taken(steps=8)


async def two_measures_on_lea(cast: Cast) -> None:
    """I16: the first is undone and the second keeps what it wants; then all is as before both."""
    lea, room = cast.people["lea"], cast.known["room"]
    before = await lea.power_levels(room)
    first = await lea.say(room, "Anna, tonight I come for your tomatos")
    edit = {"msgtype": "m.text", "body": "Anna, tonight I come for your tomatoes"}
    relation = {"rel_type": "m.replace", "event_id": first}
    more: dict[str, Any] = {"m.new_content": edit, "m.relates_to": relation}
    await lea.say(room, "* tomatoes", **more)
    second = await lea.say(room, "And for your beans")
    for case, event, added in (("C-2", first, "+remove"), ("C-3", second, "")):
        link = f"https://matrix.to/#/{room}/{event}"
        await cast.asks("tom", f"!policy report {link} R2 She threatens Anna", "Your receipt is")
        words = f"!policy decide {case} R2 S3 restrict:P7D{added} {FACTS} // Nothing milder would do"
        await cast.asks_in_review("mira", words, "being carried out")
        await cast.hears("lea", cast.rooms["lea"], f"Decision {case}")
    assert (await lea.power_levels(room))["users"][lea.user_id] < 0
    for case in ("C-2", "C-3"):
        await cast.asks("lea", f"!policy appeal {case} {WHY}", f"Your appeal on {case} is in")
        await cast.asks_in_review("ravi", f"!policy overturn {case} They laughed about it", "is void")
        await cast.hears("lea", cast.rooms["lea"], f"Your appeal on {case} succeeded")
        if case == "C-2":
            assert (await lea.power_levels(room))["users"][lea.user_id] < 0, "C-3 wants it"
    await lea.wait_for_state(room, "m.room.power_levels", lambda levels: levels == before)
    await cast.hears("tom", room, "Decision C-2, by which a message of this room was removed")
    await cast.asks("lea", "!policy restore C-2", "posted again")
    back = await cast.hears("tom", room, "Restored, C-2: its removal was undone")
    assert "Anna, tonight I come for your tomatoes" in back, "as she had last edited it"


class Walk:
    """Measures on Lea come and go in any order: after each step Synapse is as what binds wants it."""

    def __init__(self, cast: Cast, seed: int) -> None:
        self.cast, self.lea, self.room = cast, cast.people["lea"], cast.known["room"]
        self.chance = random.Random(seed)  # noqa: S311 - the same every time
        self.binding: dict[str, str] = {}
        self.events: list[str] = []
        self.cases = 3
        """How many there were before."""

    async def taken(self, steps: int) -> None:
        """Take so many steps, and then let all of it be undone."""
        before = await self.lea.power_levels(self.room)
        self.events = [await self.lea.say(self.room, f"Number {n} of my threats") for n in range(steps)]
        for _ in range(steps):
            await self.chance.choice((self.restrict, self.restrict, self.suspend, self.end))()
            await self.as_wanted()
        while self.binding:
            await self.end()
            await self.as_wanted()
        assert await self.lea.power_levels(self.room) == before, "I16"

    async def as_wanted(self) -> None:
        """I16: desired = observed."""
        bound, suspended = ("restrict" in self.binding.values(), "suspend" in self.binding.values())
        await self.lea.wait_for_state(
            self.room,
            "m.room.power_levels",
            lambda levels: (levels["users"].get(self.lea.user_id, 0) < 0) is bound,
        )
        for _ in range(100):
            if (await self.cast.people["root"].user(self.lea.user_id))["suspended"] is suspended:
                return
            await asyncio.sleep(0.1)
        pytest.fail(f"I16: she {'is not' if suspended else 'is still'} suspended: {self.binding}")

    async def restrict(self) -> None:
        link = f"https://matrix.to/#/{self.room}/{self.events.pop()}"
        await self.decided(link, "restrict:P7D")

    async def suspend(self) -> None:
        if "suspend" in self.binding.values():
            return await self.restrict()
        return await self.decided(self.lea.user_id, "suspend:P7D")

    async def decided(self, what: str, measure: str) -> None:
        self.cases += 1
        case = f"C-{self.cases}"
        await self.cast.asks("tom", f"!policy report {what} R2 She threatens Anna", "Your receipt is")
        words = f"!policy decide {case} R2 S3 {measure} {FACTS} // Nothing milder would do"
        if measure.startswith("restrict"):
            await self.cast.asks_in_review("mira", words, "being carried out")
        else:
            asked = await self.cast.asks_in_review("mira", words, "Please confirm it")
            code = found(r"(?<=!policy confirm )\w+", asked)
            await self.cast.asks_in_review("mira", f"!policy confirm {code}", "being carried out")
        await self.cast.hears("lea", self.cast.rooms["lea"], f"Decision {case}")
        self.binding[case] = measure.partition(":")[0]

    async def end(self) -> None:
        """Let something end: lifted, or overturned after an appeal, or made milder and then lifted."""
        if not self.binding:
            return
        case = self.chance.choice(list(self.binding))
        how = self.chance.choice(("lift", "overturn", "modify"))
        if how != "lift" and "suspend" not in self.binding.values():
            appeal = f"!policy appeal {case} {WHY}"
            await self.cast.asks("lea", appeal, f"Your appeal on {case} is in")
            if how == "modify":
                milder = f"!policy modify {case} restrict:P1D They laughed about it"
                await self.cast.asks_in_review("ravi", milder, case)
                await self.cast.hears("lea", self.cast.rooms["lea"], f"Your appeal on {case}")
                await self.as_wanted()
                how = "lift"
            else:
                overturn = f"!policy overturn {case} They laughed about it"
                await self.cast.asks_in_review("ravi", overturn, "is void")
        else:
            how = "lift"
        if how == "lift":
            lift = f"!policy lift {case} They talked it over in peace"
            await self.cast.asks_in_review("mira", lift, "is lifted")
        del self.binding[case]


async def test_who_has_no_chat_with_the_bot_reads_it_as_a_server_notice(cast: Cast) -> None:
    lea = cast.people["lea"]
    await lea.request("POST", f"/_matrix/client/v3/rooms/{quote(cast.rooms['lea'])}/leave", {})
    case = await suspended(cast, "lea", by="tom")
    notices = await lea.wait_for_room_with(f"Decision {case}", patience=60)
    link = await link_in(cast, lea, notices, case, f"@notices:{cast.stage.synapse.server_name}")
    assert "Your appeal is in" in await sent(cast, link, text=WHY)
    await cast.hears("ravi", cast.review_room, f"Appeal on {case}")
    await cast.asks_in_review("ravi", f"!policy uphold {case} It did not read like a joke", "stands")
    assert "It did not read like a joke" in await opened(cast, link)


async def test_who_answered_for_a_room_appeals_by_the_link_after_its_filing_was_revoked(
    tmp_path: Path,
) -> None:
    """The suspension binds in Synapse whatever becomes of the filing, until the appeal is right."""
    roles = {"mira": ["moderator", "appeals"], "otto": ["moderator", "reviewer"]}
    roles["ravi"] = ["reviewer", "appeals"]
    staff = {f"@{name}:localhost": theirs for name, theirs in roles.items()}
    async with stage(tmp_path, changes={"staff": staff}) as made:
        cast = Cast(made, lambda *_: None)
        for step in (story.verify, story.sign, story.file_room, story.approve):
            await step(cast)
        anna, room, record = cast.people["anna"], cast.known["room"], cast.known["record"]
        free = (await anna.power_levels(room)).get("events_default", 0)
        await cast.asks("lea", f"!policy report {room} R2 All of them hunt a neighbour", "Your receipt")
        case = found(r"C-\d+", await cast.hears("mira", cast.review_room, "New case"))
        words = f"!policy decide {case} R2 S4 suspend:P7D {FACTS} // Nothing milder would do"
        revoke = f"!policy revoke {record} Nobody answers for it any more"
        for who, text, asks, said in (
            ("mira", words, "has to confirm it:", "is decided"),
            ("ravi", revoke, "has to confirm:", "is revoked"),
        ):
            code = found(r"(?<=!policy confirm )\w+", await cast.asks_in_review(who, text, asks))
            await cast.asks_in_review("otto", f"!policy confirm {code}", said)
        notice = await cast.hears("anna", cast.rooms["anna"], f"Decision {case}")
        link = found(r"http\S+/appeal/\w+$", notice)
        assert "Do you see it otherwise?" in await opened(cast, link)
        assert "Your appeal is in" in await sent(cast, link, text=WHY)
        bound = (await anna.power_levels(room)).get("events_default", 0)
        assert bound > free
        await cast.asks("anna", f"!policy appeal {record} I do answer for it", "the room is suspended")
        await cast.asks_in_review("mira", f"!policy overturn {record} She does", "is void")
        assert (await anna.power_levels(room)).get("events_default", 0) == bound
        await cast.asks_in_review("ravi", f"!policy overturn {case} One of them, not all", "is void")
        await anna.wait_for_state(
            room, "m.room.power_levels", lambda levels: levels.get("events_default", 0) == free
        )
        assert "Your appeal succeeded" in await opened(cast, link)
