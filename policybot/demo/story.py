"""The story that the demo plays: each step acts as people do, and asks the homeserver what came of it.

Anna opens a public room. Tom advertises with a forbidden word, which nobody sees, and writes what reads
like a threat. Lea reports it, Mira decides, Tom appeals, and Ravi, who had no part in it, weighs the
matter and overturns the decision. Tom gets a proof of it all, and checks it without us. Nobody asks
policybot what it believes: power levels, directory, redactions and notices are read from the homeserver.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp

from policybot.demo.person import Person, Refused
from policybot.demo.stage import BOT, CODES, Stage

LABEL = "org.policybot.filing"
_MODERATOR = 50
"""The power level from which on one can remove messages."""

_APPLICATION = {
    "purpose": "Neighbours talk about gardens",
    "category": "general",
    "kept_by": "person",
    "control": "shared",
    "audience": "everybody in Garden Street",
    "languages": "en, de",
    "act": "hand_in",
}
"""What Anna fills in on the form."""

WORD = "frobnitz"
"""A word of nobody's, which a rule of the story's operator forbids."""
RULES: list[dict[str, object]] = [
    {
        "id": "R1",
        "title": "Advertising",
        "text": "Advertise only in rooms that are made for it.",
        "severity": ["S0", "S2"],
        "when": {"terms": {"words": [WORD]}},
        "then": ["refuse"],
    },
    {
        "id": "R2",
        "title": "Respect",
        "text": "Do not insult or threaten anybody.",
        "severity": ["S1", "S4"],
    },
]
"""What the operator asks of people; the first rule is one that a machine can apply."""
SETTING: dict[str, object] = {"rules": RULES, "log.every": "PT2S"}
"""What the story's operator has configured; the log is signed soon, so that nobody has to wait."""
_SIGNED_WITHIN = 20
"""Tries, two seconds apart."""

Say = Callable[[str, str, str], None]
"""Shows who says what, where."""


@dataclass
class Cast:
    """Everybody in the story, and what they have learned so far."""

    stage: Stage
    show: Say
    rooms: dict[str, str] = field(default_factory=dict)
    """Each person's direct room with the bot."""
    known: dict[str, str] = field(default_factory=dict)
    """Room, numbers and events that later steps need."""

    @property
    def people(self) -> dict[str, Person]:
        """The people by their names."""
        return self.stage.people

    @property
    def bot(self) -> str:
        """The bot's user ID."""
        return self.stage.bot

    @property
    def review_room(self) -> str:
        """The review room's ID."""
        return self.stage.review_room

    async def asks(self, who: str, command: str, expecting: str, *, reply_to: str = "") -> str:
        """Let somebody write to the bot in their direct room, and read the answer."""
        if who not in self.rooms:
            self.rooms[who] = await self.people[who].direct_room_with(self.bot)
        return await self._asks(who, self.rooms[who], command, expecting, reply_to=reply_to)

    async def asks_in_review(self, who: str, command: str, expecting: str) -> str:
        """Let a moderator write in the review room, and read the answer."""
        return await self._asks(who, self.review_room, command, expecting)

    async def _asks(
        self, who: str, room_id: str, command: str, expecting: str, *, reply_to: str = ""
    ) -> str:
        person = self.people[who]
        self.show(who, self.place(room_id), command)
        await person.say(room_id, command, reply_to=reply_to or None)
        return await self.hears(who, room_id, expecting)

    async def hears(self, who: str, room_id: str, expecting: str) -> str:
        """Wait until somebody reads a message of the bot."""
        event = await self.people[who].wait_for_message(room_id, containing=expecting, sender=self.bot)
        body = str(event["content"]["body"])
        self.show(BOT, self.place(room_id), body)
        return body

    def place(self, room_id: str) -> str:
        """Name a room as people would."""
        if room_id == self.review_room:
            return "review room"
        if room_id == self.known.get("room"):
            return "#garden"
        return "direct chat"


@dataclass(frozen=True)
class Step:
    """One step of the story."""

    title: str
    play: Callable[[Cast], Awaitable[None]]


def found(pattern: str, text: str) -> str:
    """Read a number or an address out of an answer."""
    match = re.search(pattern, text)
    assert match, f"no {pattern} in: {text}"
    return match[0]


async def verify(cast: Cast) -> None:
    """Three people verify themselves: a code on a page, and one back from the page to the chat."""
    for name, code in CODES.items():
        answer = await cast.asks(name, "!policy verify", "/verify/")
        link = found(r"http\S+/verify/\S+", answer)
        async with cast.stage.session.get(link) as page:
            assert cast.people[name].user_id in await page.text(), "the page names the account"
        origin = link.partition("/verify/")[0]
        form = {"way": "roster", "code": code}
        async with cast.stage.session.post(link, data=form, headers={"Origin": origin}) as page:
            text = await page.text()
        command = found(r"!policy verify \w{6}", text)
        cast.show(name, "web page", f"One more step: send {command}")
        await cast.asks(name, command, "You are verified")


async def sign(cast: Cast) -> None:
    """Anna reads the agreement and signs it."""
    answer = await cast.asks("anna", "!policy agree", "Agreement, version")
    version = found(r"(?<=!policy agree )\S+", answer)
    await cast.asks("anna", f"!policy agree {version}", "Thank you. You have signed")


async def file_room(cast: Cast) -> None:
    """Anna makes a room and applies for it, on a form."""
    anna = cast.people["anna"]
    room = await anna.create_room("Garden talk", public=True, invite=[cast.bot])
    cast.known["room"] = room
    await anna.wait_until_joined(room, cast.bot)
    assert room not in await anna.public_rooms(), "nothing is in the directory before approval"
    answer = await cast.asks("anna", f"!policy file {room}", "/file/")
    link = found(r"http\S+/file/\S+", answer)
    form = aiohttp.FormData(_APPLICATION, default_to_multipart=True)
    async with cast.stage.session.post(
        link, data=form, headers={"Origin": link.partition("/file/")[0]}
    ) as page:
        assert "is handed in" in await page.text(), "the form is handed in"
    purpose = _APPLICATION["purpose"]
    cast.show("anna", "web page", f"fills the form in («{purpose}»), and hands it in")
    answer = await cast.hears("anna", cast.rooms["anna"], "Your filing is in")
    cast.known["filing"] = found(r"F-\d+", answer)
    await cast.hears("ravi", cast.review_room, "New filing")


async def approve(cast: Cast) -> None:
    """Ravi takes it and approves it: a record number, a label, a place in the directory."""
    filing, room = cast.known["filing"], cast.known["room"]
    await cast.asks_in_review("ravi", f"!policy claim {filing}", "is yours until")
    answer = await cast.asks_in_review("ravi", f"!policy approve {filing}", "is approved as")
    cast.known["record"] = record = found(r"[A-Z]+-\d{4}-\d{6}-\w\w", answer)
    await cast.hears("anna", cast.rooms["anna"], "Your room is approved")
    anna = cast.people["anna"]
    assert room in await anna.public_rooms(), "the room is in the directory"
    label = await anna.state(room, LABEL, cast.bot)
    assert label["record_number"] == record, "the label carries the record number"
    levels = await anna.power_levels(room)
    assert levels["users"][cast.bot] >= _MODERATOR, "the bot has the rank to moderate"


async def _why_refused(person: Person, room: str, text: str) -> str:
    """Try to write, and read why the homeserver does not accept it; empty if it does."""
    try:
        await person.say(room, text)
    except Refused as refused:
        return refused.error
    return ""


async def refuse(cast: Cast) -> None:
    """Tom advertises with a word that a rule forbids: nobody sees it, and he reads why."""
    room, tom = cast.known["room"], cast.people["tom"]
    await tom.join(room)
    text = f"Half price today: buy a {WORD} from me!"
    cast.show("tom", "#garden", text)
    why = await _why_refused(tom, room, text)
    assert "Rule R1" in why, "the homeserver does not accept it, and says why"
    cast.show("homeserver", "#garden, to tom alone", why)
    await cast.hears("tom", cast.rooms["tom"], "Rule R1")
    said = [str(event["content"]) for event in await cast.people["anna"].messages(room)]
    assert not any(WORD in content for content in said), "nobody has seen it"
    await cast.asks_in_review("mira", "!policy refusals", "Rule R1 (Advertising): once, to 1 person")


async def break_rule(cast: Cast) -> None:
    """Tom writes something that reads like a threat."""
    room = cast.known["room"]
    for name in ("tom", "lea"):
        await cast.people[name].join(room)
    text = "Anna, tonight I come for your tomatoes, whether you like it or not!"
    cast.show("tom", "#garden", text)
    cast.known["event"] = await cast.people["tom"].say(room, text)


async def report(cast: Cast) -> None:
    """Lea reports it and gets a receipt."""
    link = f"https://matrix.to/#/{cast.known['room']}/{cast.known['event']}"
    answer = await cast.asks("lea", f"!policy report {link} R2 He threatens Anna", "Your receipt is")
    cast.known["receipt"] = found(r"R-\d+", answer)
    card = await cast.hears("mira", cast.review_room, "New case")
    cast.known["case"] = found(r"C-\d+", card)


async def propose(cast: Cast) -> None:
    """Mira looks at the case and asks the ladder."""
    case = cast.known["case"]
    await cast.asks_in_review("mira", f"!policy claim {case}", "is yours until")
    await cast.asks_in_review("mira", f"!policy show {case}", "tomatoes")
    await cast.asks_in_review("mira", f"!policy propose {case} R2 S3", "proposed: restrict P7D")


async def decide(cast: Cast) -> None:
    """She follows the proposal and has the message removed; a second person has to agree."""
    case = cast.known["case"]
    facts = "Tom announced to break into a neighbour's garden."
    command = f"!policy decide {case} R2 S3 proposed+remove {facts}"
    answer = await cast.asks_in_review("mira", command, "confirm")
    code = found(r"(?<=!policy confirm )\w+", answer)
    await cast.asks_in_review("mira", f"!policy confirm {code}", "needs a second person")
    await cast.asks_in_review("otto", f"!policy confirm {code}", "is decided")


async def enforce(cast: Cast) -> None:
    """The homeserver carries it out, and Tom is told why, until when and how to object."""
    room, event, tom = cast.known["room"], cast.known["event"], cast.people["tom"]
    notice = await cast.hears("tom", cast.rooms["tom"], "Decision C-")
    for needed in (
        "What happened",
        "Why it is not allowed",
        "It ends by itself",
        "!policy appeal",
    ):
        assert needed in notice, f"the notice lacks: {needed}"
    levels = await tom.power_levels(room)
    assert levels["users"][tom.user_id] < 0, "the homeserver has taken Tom's right to post"
    seen = await cast.people["lea"].event(room, event)
    assert "body" not in seen["content"], "the message is removed"
    tombstone = seen["unsigned"]["redacted_because"]["content"]["reason"]
    assert cast.known["case"] in tombstone, "its tombstone names the case"
    assert await tom.is_refused(room, "May I?"), "the homeserver refuses what Tom posts"
    await cast.hears("lea", cast.rooms["lea"], "found a breach")


async def appeal(cast: Cast) -> None:
    """Tom objects. Neither Mira nor Otto, who decided, can decide that."""
    case = cast.known["case"]
    text = "Anna and I had a bet, and I won her tomatoes. She laughed about it."
    await cast.asks("tom", f"!policy appeal {case} {text}", f"Your appeal on {case} is in")
    await cast.hears("ravi", cast.review_room, f"Appeal on {case}")
    await cast.asks_in_review("otto", f"!policy overturn {case} I was wrong", "had a part")


_REASONS = "It was a joke between friends, and Anna says the same."


async def weigh(cast: Cast) -> None:
    """Ravi, who had no part in it, reads the matter, and what it would do if Tom is right."""
    case = cast.known["case"]
    brief = await cast.asks_in_review(
        "ravi", f"!policy brief {case}", f"Appeal on {case}, against the decision"
    )
    assert "The person writes: Anna and I had a bet" in brief, "he reads what Tom has written"
    seen = await cast.asks_in_review(
        "ravi", f"!policy weigh {case} overturn {_REASONS}", "nothing is done yet"
    )
    assert "succeeded: the decision is overturned" in seen, "he reads what Tom would read"
    levels = await cast.people["tom"].power_levels(cast.known["room"])
    assert levels["users"][cast.people["tom"].user_id] < 0, "nothing is done yet"


async def overturn(cast: Cast) -> None:
    """He overturns it: the restriction is gone, and everybody who was told is told."""
    room, case, tom, reasons = (
        cast.known["room"],
        cast.known["case"],
        cast.people["tom"],
        _REASONS,
    )
    await cast.asks_in_review("ravi", f"!policy overturn {case} {reasons}", "is void")
    await cast.hears("tom", cast.rooms["tom"], "Your appeal on")
    await cast.hears("lea", cast.rooms["lea"], "overturned it")
    await tom.wait_for_state(
        room, "m.room.power_levels", lambda levels: tom.user_id not in levels["users"]
    )
    await tom.say(room, "Thank you. I am glad to be back.")
    cast.show("tom", "#garden", "Thank you. I am glad to be back.")


async def restore(cast: Cast) -> None:
    """Tom has his message put back."""
    case, room = cast.known["case"], cast.known["room"]
    await cast.asks("tom", f"!policy restore {case}", "posted again")
    await cast.hears("lea", room, "tomatoes")


async def look_up(cast: Cast) -> None:
    """Anybody can look the room up, and Lea sees how her report ended."""
    await cast.asks("lea", f"!policy lookup {cast.known['record']}", "approved")
    await cast.asks("lea", f"!policy status {cast.known['receipt']}", "overturned")


async def prove(cast: Cast) -> None:
    """Tom gets a proof that all of it stands in the log, and checks it on his own machine."""
    tom, room, command = cast.people["tom"], cast.rooms["tom"], f"!policy proof {cast.known['case']}"
    answer = ""
    for _ in range(_SIGNED_WITHIN):
        await tom.say(room, command)
        event = await tom.wait_for_message(room, containing="ntry ", sender=cast.bot)
        answer = str(event["content"]["body"])
        if "is not signed yet" not in answer:
            break
        await asyncio.sleep(2)  # not thirty times within a minute: then the bot does not answer
    cast.show("tom", "direct chat", command)
    cast.show(BOT, "direct chat", answer.partition("\n\n")[0])
    file = cast.stage.folder / "proof.txt"
    file.write_text(answer, "utf-8")
    async with cast.stage.session.get(f"{cast.stage.web}/about.json") as page:
        key = (await page.json())["log"]["key"]
    cast.show("tom", "terminal", "policybot audit verify-proof proof.txt --key …, the key of /about")
    said = await cast.stage.program("audit", "verify-proof", str(file), "--key", key)
    cast.show("policybot audit", "terminal", said)
    assert "is in the log" in said, "the proof is good"


STORY: tuple[Step, ...] = tuple(
    Step(str(play.__doc__).strip(), play)
    for play in (
        verify,
        sign,
        file_room,
        approve,
        refuse,
        break_rule,
        report,
        propose,
        decide,
        enforce,
        appeal,
        weigh,
        overturn,
        restore,
        look_up,
        prove,
    )
)
