"""The client's own report button on the real Synapse: case, receipt, decision, outcome, and kill -9."""

import asyncio
import signal
import sqlite3
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import quote

import pytest

from policybot.config import load
from policybot.demo import story
from policybot.demo.person import Person, Refused
from policybot.demo.stage import PASSWORD, Stage, stage
from policybot.demo.story import Cast, found
from policybot.domain.case import Subject, SubjectKind
from policybot.domain.press import Kind
from policybot.matrix.client import Client
from policybot.matrix.presses import Presses
from policybot.matrix.synapse import Synapse
from policybot.ports import Impossible
from tests.acceptance.test_attach import doctor
from tests.acceptance.test_unfiled import invitation
from tests.pressing import FakeButton

PRESSES = 24
LISTS = {Kind.EVENTS: "event_reports", Kind.USERS: "user_reports"}


async def press(person: Person, room: str, event: str, **body: Any) -> None:
    """Press the button on a message, as clients do."""
    path = f"/_matrix/client/v3/rooms/{quote(room, safe='')}/report/{quote(event, safe='')}"
    await person.request("POST", path, body)


async def press_user(person: Person, target: str, reason: str) -> None:
    path = f"/_matrix/client/v3/users/{quote(target, safe='')}/report"
    await person.request("POST", path, {"reason": reason})


async def heard(person: Person, room: str, bot: str, text: str) -> str:
    event = await person.wait_for_message(room, containing=text, sender=bot)
    return str(event["content"]["body"])


async def count(person: Person, room: str, bot: str, text: str) -> int:
    """Count the messages of the bot that say something."""
    said = await person.messages(room)
    return sum(e["sender"] == bot and text in str(e["content"].get("body")) for e in said)


async def test_whoever_presses_the_button_gets_a_receipt_and_hears_the_outcome(tmp_path: Path) -> None:
    alone = {"ladder.approvals.second_person_from": {"measure": "suspend", "duration": "P30D"}}
    async with stage(tmp_path, changes=alone) as made:
        cast = Cast(made, lambda *_: None)
        for step in (story.verify, story.sign, story.file_room, story.approve):
            await step(cast)
        room, tom, lea = cast.known["room"], cast.people["tom"], cast.people["lea"]
        nia = made.people["nia"] = await made.synapse.register(made.session, "nia", PASSWORD)
        for person in (tom, lea, nia):
            await person.join(room)
        event = await tom.say(room, "Anna, tonight I come for your tomatoes")
        # Nia has never written to the bot: it opens a chat for the receipt.
        await press(nia, room, event, reason="He threatens <b>Anna</b>", score=-100)
        chat = await invitation(nia, made.bot)
        await nia.join(chat)
        receipt = found(r"R-\d+", await heard(nia, chat, made.bot, "Your receipt is"))
        card = await cast.hears("mira", cast.review_room, "New case")
        assert "Reported with the client's button" in card
        assert f"a message of {tom.user_id}" in card
        case = found(r"C-\d+", card)
        await cast.asks_in_review("mira", f"!policy claim {case}", "is yours until")
        await cast.asks_in_review("mira", f"!policy show {case}", "tomatoes")
        await cast.asks_in_review("mira", f"!policy propose {case} R2 S2", "proposed:")
        command = f"!policy decide {case} R2 S2 warn He announced to break in // No other way"
        await cast.asks_in_review("mira", command, "is being carried out")
        await cast.hears("tom", cast.rooms["tom"], f"Decision {case}")
        assert "took a measure" in await heard(nia, chat, made.bot, f"your report {receipt}")
        await check_figures(cast, tom, lea)
        await check_users(cast, nia, chat)
        await check_copies(cast, tom, lea)
        await check_killed(cast, tom, lea)
        _, checks = doctor(made.config)
        assert checks["report button"]["good"], checks["report button"]


async def check_figures(cast: Cast, tom: Person, lea: Person) -> None:
    """Measure from the press to the receipt, at instants that do not depend on when it is looked."""
    room, chat, began, took = cast.known["room"], cast.rooms["lea"], [], []
    events = [await tom.say(room, f"Buy my spades, offer {n}!") for n in range(PRESSES)]

    async def pressing() -> None:
        for n, event in enumerate(events):
            await asyncio.sleep(0.31)
            began.append(time.monotonic())
            await press(lea, room, event, reason=f"Advert {n}")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pressing())
        for n in range(PRESSES):
            await heard(lea, chat, cast.bot, "Your receipt is")  # they come in the order of the presses
            took.append(time.monotonic() - began[n])
    p95 = quantiles(took, n=20)[-1]
    print(f"receipt after {PRESSES} presses: p50 {median(took):.2f} s, p95 {p95:.2f} s")
    assert p95 <= 5


async def check_users(cast: Cast, nia: Person, chat: str) -> None:
    """Report a user; report oneself; report the bot; report in a private room."""
    await press_user(nia, cast.people["tom"].user_id, "He follows me around")
    assert "Your receipt is" in await heard(nia, chat, cast.bot, "Your receipt is")
    await cast.hears("mira", cast.review_room, f"the account {cast.people['tom'].user_id}")
    await press_user(nia, nia.user_id, "Me")
    await press_user(nia, cast.bot, "You")
    private = await nia.create_room("Private")
    await press(nia, private, await nia.say(private, "Something private"), reason="Very private")
    await press_user(nia, cast.people["anna"].user_id, "She sings")
    await heard(nia, chat, cast.bot, "your own account")
    await heard(nia, chat, cast.bot, "Your receipt is")
    assert await count(nia, chat, cast.bot, "Your receipt is") == 3
    database = load(cast.stage.config).database_url.removeprefix("sqlite:///")
    files = Path(database).parent.glob(f"{Path(database).name}*")
    assert not any(b"Very private" in file.read_bytes() for file in files)


async def send(person: Person, room: str, what: str, content: dict[str, Any]) -> None:
    await person.request("PUT", f"/_matrix/client/v3/rooms/{quote(room, safe='')}/{what}", content)


async def check_copies(cast: Cast, tom: Person, lea: Person) -> None:
    """Report what was edited, and what is removed right after the press."""
    room = cast.known["room"]
    edited = await tom.say(room, "Lovely weather")
    new = {"msgtype": "m.text", "body": "Buy my rakes"}
    relation = {"rel_type": "m.replace", "event_id": edited}
    content: dict[str, Any] = {"msgtype": "m.text", "body": "* Buy my rakes"}
    content |= {"m.new_content": new, "m.relates_to": relation}
    await send(tom, room, "send/m.room.message/edit", content)
    removed = await tom.say(room, "Buy my hoes")
    await press(lea, room, edited)
    await press(lea, room, removed)
    await send(tom, room, f"redact/{quote(removed, safe='')}/once", {})
    cases = [found(r"C-\d+", await cast.hears("mira", cast.review_room, "wrote nothing")) for _ in "12"]
    await asyncio.sleep(1)
    shown = await cast.asks_in_review("mira", f"!policy show {cases[0]}", "says since")
    assert "> Lovely weather" in shown
    assert "> Buy my rakes" in shown
    shown = await cast.asks_in_review("mira", f"!policy show {cases[1]}", "removed before I saw it")
    assert "> Buy my hoes" in shown


async def check_killed(cast: Cast, tom: Person, lea: Person) -> None:
    """Kill policybot between the look and the commit, and at other instants: once is each taken."""
    made, room, chat = cast.stage, cast.known["room"], cast.rooms["lea"]
    database = load(made.config).database_url.removeprefix("sqlite:///")
    before = await count(lea, chat, made.bot, "Your receipt is")
    events = []
    for n, delay in enumerate((None, 0.1, 2.0)):
        event = await tom.say(room, f"Buy my seeds, offer {n}!")
        events.append(event)
        if delay is None:
            # While somebody else writes to the database it looks, and cannot record what it saw.
            with sqlite3.connect(database, isolation_level=None) as other:
                other.execute("BEGIN IMMEDIATE")
                await press(lea, room, event, reason=f"Seeds {n}")
                await asyncio.sleep(4)
                made.stop_bot(signal.SIGKILL)
                other.execute("ROLLBACK")
            other.close()
        else:
            await press(lea, room, event, reason=f"Seeds {n}")
            await asyncio.sleep(delay)
            made.stop_bot(signal.SIGKILL)
        await made.start_bot()
    for _ in events:
        await heard(lea, chat, made.bot, "Your receipt is")
    # Long enough for another look.
    await asyncio.sleep(4)
    assert await count(lea, chat, made.bot, "Your receipt is") == before + len(events)
    mira = cast.people["mira"]
    for n in range(len(events)):
        assert await count(mira, cast.review_room, made.bot, f"The reporter writes: Seeds {n}\n") == 1


async def test_the_fake_lists_answer_as_the_real_ones(tmp_path: Path) -> None:
    """What is asked: keys, types, order, paging, deletion, and numbers that are given again."""
    async with stage(tmp_path) as made:
        made.stop_bot()
        root, tom, lea = (made.people[name] for name in ("root", "tom", "lea"))
        room = await tom.create_room("Garden", public=True)
        await lea.join(room)
        events = [await tom.say(room, f"Message {n}") for n in range(4)]
        for n in range(7):
            words = ({"reason": f"No. {n}"}, {}, {"reason": "", "score": -100}, {"more": ["x"]})[n % 4]
            await press(lea if n % 2 else tom, room, events[n % 4], **words)
            await press_user(lea, (tom if n % 2 else lea).user_id, f"No. {n}")
        await press_user(lea, "@nobody:elsewhere.example", "far away")
        await check_alike(root, made, room, events)
        # Some are deleted, the newest among them; after a restart its number is given again.
        newest = 0
        for name in reversed(LISTS.values()):
            path = f"/_synapse/admin/v1/{name}"
            numbers = [row["id"] for row in (await root.request("GET", path, dir="f"))[name]]
            newest = numbers[-1]
            for number in (numbers[2], newest):
                await root.request("DELETE", f"{path}/{number}")
        await check_alike(root, made, room, events)
        made.synapse.kill()
        await made.synapse.start()
        await press(lea, room, events[0], reason="again")
        page = await root.request("GET", "/_synapse/admin/v1/event_reports", dir="b", limit="1")
        assert (page["event_reports"][0]["id"], page["event_reports"][0]["reason"]) == (newest, "again")
        await check_alike(root, made, room, events)
        with pytest.raises(Refused):
            await press(lea, room, "$nowhere")
        await check_the_port(made, room, events)


async def check_alike(root: Person, made: Stage, room: str, events: list[str]) -> None:
    """See the same in the fake as in the real lists, page by page and either way."""
    example = FakeButton()
    example.press(room, events[0], root.user_id, "why", sender=root.user_id, score=1)
    example.press_user(root.user_id, root.user_id, "why")
    for name, (row,) in zip(LISTS.values(), (example.events, example.users), strict=True):
        path = f"/_synapse/admin/v1/{name}"
        whole = (await root.request("GET", path, dir="f"))[name]
        for real in whole:
            assert real.keys() == row.keys()
            for key, value in row.items():
                assert isinstance(real[key], (type(value), type(None))), key
        fake = FakeButton(list(reversed(whole)), list(reversed(whole)))
        for direction in "fb":
            for start in range(9):
                for limit in (1, 3, 100):
                    query = {"dir": direction, "from": str(start), "limit": str(limit)}
                    real = await root.request("GET", path, None, **query)
                    assert fake.page(name, start, limit, direction) == real


async def check_the_port(made: Stage, room: str, events: list[str]) -> None:
    """See the same through what policybot reads with; without an administrator's rank, nothing."""
    client = Client(made.synapse.address, load(made.config).admin_token, made.session)
    presses, tom, lea = Presses(Synapse(client)), made.people["tom"], made.people["lea"]
    page = await presses.page(Kind.EVENTS, 0, 4)
    assert (len(page.rows), page.total, page.more) == (4, 6, True)
    first = page.rows[0]
    assert first.subject == Subject(SubjectKind.EVENT, room, events[0], tom.user_id)
    assert (first.reporter, first.text) == (tom.user_id, "No. 0")
    assert await presses.is_there(Kind.EVENTS, first.id)
    assert not await presses.is_there(Kind.EVENTS, first.id + 100)
    page = await presses.page(Kind.USERS, 3, 4)
    assert (len(page.rows), page.total, page.more) == (2, 5, False)
    assert page.rows[-1].reporter == lea.user_id
    assert await presses.is_there(Kind.USERS, page.rows[-1].id)
    assert not await presses.is_there(Kind.USERS, page.rows[-1].id + 100)
    for kind in Kind:
        with pytest.raises(Impossible, match=r"homeserver\.admin_token"):
            await Presses(Synapse(client.with_token(lea._token))).page(kind, 0, 1)
        with pytest.raises(Impossible, match=r"homeserver\.admin_token"):
            await Presses(Synapse(client.with_token(lea._token))).is_there(kind, 1)
