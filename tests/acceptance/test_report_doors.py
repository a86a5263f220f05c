"""Reports by other doors on the real Synapse: the reverse proxy, the public form, another program."""

import asyncio
import signal
import sqlite3
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from policybot.config import load
from policybot.demo import story
from policybot.demo.person import Person, Refused
from policybot.demo.stage import PASSWORD, Stage, stage
from policybot.demo.story import Cast, found
from tests.acceptance.test_attach import doctor
from tests.acceptance.test_presses import count, heard, press, press_user
from tests.acceptance.test_unfiled import invitation
from tests.web.test_report_form import worked

PRESSES = 16
TOKEN = "a-token-of-a-tool-in-these-tests-" + "t" * 8
CLIENT = "/_matrix/client/v3"


def behind_the_proxy(made: Stage, person: Person) -> Person:
    """Give somebody's client another way: what it asks for goes where the reverse proxy sends it."""
    address = load(made.config).appservice.address
    return Person(made.session, address, person.user_id, person._token)


async def report(person: Person, *about: str, reason: Any = "An advert") -> Any:
    path = "/".join(quote(part, safe="") for part in about)
    return await person.request("POST", f"{CLIENT}/{path}", {"reason": reason})


def reports(made: Stage) -> list[tuple[str, str, str]]:
    database = load(made.config).database_url.removeprefix("sqlite:///")
    with sqlite3.connect(database) as connection:
        rows = connection.execute(
            "SELECT reporter, subject_key, via FROM reports ORDER BY id"
        ).fetchall()
    connection.close()
    return rows


async def test_reports_by_the_proxy_the_form_and_a_program_become_cases(tmp_path: Path) -> None:
    changes = {
        "reports.proxy": True,
        "reports.form.work": 8,
        "reports.tools": [{"name": "scanner", "token": TOKEN}],
        "ladder.approvals.second_person_from": {"measure": "suspend", "duration": "P30D"},
    }
    async with stage(tmp_path, changes=changes) as made:
        cast = Cast(made, lambda *_: None)
        for step in (story.verify, story.sign, story.file_room, story.approve):
            await step(cast)
        room, tom = cast.known["room"], cast.people["tom"]
        nia = await made.synapse.register(made.session, "nia", PASSWORD)
        for person in (tom, nia):
            await person.join(room)
        client = behind_the_proxy(made, nia)
        chat = await check_room(cast, nia, client)
        await check_once(cast, nia, client, chat)
        await check_refusals(cast, nia, client)
        await check_accounts(cast, nia, client, chat)
        await check_figures(cast, nia, client, chat)
        await check_form(cast, tom)
        await check_tool(cast, tom)
        await check_killed(cast, nia, client, chat)
        _, checks = doctor(made.config)
        assert checks["report door"]["good"], checks["report door"]
        log = (made.folder / "policybot.log").read_text("utf-8")
        assert nia._token not in log


async def check_room(cast: Cast, nia: Person, client: Person) -> str:
    """A room, which no list of the homeserver shows."""
    assert await report(client, "rooms", cast.known["room"], "report", reason="It sells things") == {}
    chat = await invitation(nia, cast.bot)
    await nia.join(chat)
    await heard(nia, chat, cast.bot, "Your receipt is")
    card = await cast.hears("mira", cast.review_room, "New case")
    assert f"the room {cast.known['room']}" in card
    assert "The reporter writes: It sells things" in card
    return chat


async def check_once(cast: Cast, nia: Person, client: Person, chat: str) -> None:
    """A message: the homeserver lists it as well, and its case is decided before the list is read.

    What reads the list is waited for in `check_accounts`, after whatever else is done meanwhile.
    """
    event = await cast.people["tom"].say(cast.known["room"], "Buy my spades!")
    before = len(reports(cast.stage))
    assert await report(client, "rooms", cast.known["room"], "report", event) == {}
    assert len(reports(cast.stage)) == before + 1, "it is taken in before the client is answered"
    case = found(r"C-\d+", await cast.hears("mira", cast.review_room, "New case"))
    await cast.asks_in_review("mira", f"!policy dismiss {case} Selling is allowed here", "no breach")
    await heard(nia, chat, cast.bot, "no breach")
    assert len(reports(cast.stage)) == before + 1
    listed = await cast.people["root"].request("GET", "/_synapse/admin/v1/event_reports")
    assert event in {row["event_id"] for row in listed["event_reports"]}, "the list has it too"
    assert await count(nia, chat, cast.bot, "Your receipt is") == 2


async def check_refusals(cast: Cast, nia: Person, client: Person) -> None:
    """The homeserver's own refusals, and rooms that are none of our business."""
    before = len(reports(cast.stage))
    stranger = Person(cast.stage.session, client._address, nia.user_id, "syt_foreign")
    for person, about, status in (
        (stranger, ("rooms", cast.known["room"], "report"), 401),
        (client, ("rooms", cast.known["room"], "report", "$nothing"), 404),
        (client, ("users", cast.people["tom"].user_id, "report"), 400),
    ):
        with pytest.raises(Refused) as refused:
            await report(person, *about, reason="x" * 60_000 if status == 400 else "x")
        assert refused.value.status == status, refused.value
    private = await nia.create_room("Private")
    said = await nia.say(private, "Something private")
    assert await report(client, "rooms", private, "report", said, reason="Very private") == {}
    assert await report(client, "rooms", private, "report", reason="Very private") == {}
    assert len(reports(cast.stage)) == before
    database = load(cast.stage.config).database_url.removeprefix("sqlite:///")
    files = Path(database).parent.glob(f"{Path(database).name}*")
    assert not any(b"Very private" in file.read_bytes() for file in files)


async def check_accounts(cast: Cast, nia: Person, client: Person, chat: str) -> None:
    """Accounts, here and elsewhere; 60 KB on a message."""
    before = len(reports(cast.stage))
    for account in (cast.people["tom"].user_id, "@eve:remote.example"):
        assert await report(client, "users", account, "report") == {}
        await heard(nia, chat, cast.bot, "Your receipt is")
    event = await cast.people["tom"].say(cast.known["room"], "Buy my rakes!")
    assert await report(client, "rooms", cast.known["room"], "report", event, reason="z" * 60_000) == {}
    await heard(nia, chat, cast.bot, "Your receipt is")
    later = await until_read(cast, nia, cast.people["anna"].user_id)
    assert [subject for _, subject, _ in reports(cast.stage)[before:]] == [
        f"user {cast.people['tom'].user_id}",
        "user @eve:remote.example",
        f"event {cast.known['room']} {event}",
        *later,
    ]
    for _ in later:
        await heard(nia, chat, cast.bot, "Your receipt is")
    assert await count(nia, chat, cast.bot, "Your receipt is") == 7, "with the two before"


async def until_read(cast: Cast, nia: Person, account: str) -> list[str]:
    """Have Nia report past the proxy, and wait until that is taken: each list is read in its order.

    Returns what was taken so, a message and an account; whatever stood in the lists before is, too.
    """
    room, wanted = cast.known["room"], []
    event = await cast.people["tom"].say(room, "Buy my pots!")
    for subject, pressing in (
        (f"event {room} {event}", press(nia, room, event)),
        (f"user {account}", press_user(nia, account, "He follows me")),
    ):
        await pressing
        wanted.append(subject)
        async with asyncio.timeout(60):
            while subject not in {known for _, known, _ in reports(cast.stage)}:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
    return wanted


async def check_figures(cast: Cast, nia: Person, client: Person, chat: str) -> None:
    """Measure what a client waits for, and from the press to the receipt."""
    room, waited, began, took = cast.known["room"], [], [], []
    events = [await cast.people["tom"].say(room, f"Buy my spades, offer {n}!") for n in range(PRESSES)]

    async def pressing() -> None:
        for n, event in enumerate(events):
            await asyncio.sleep(0.31)
            began.append(time.monotonic())
            await report(client, "rooms", room, "report", event, reason=f"Advert {n}")
            waited.append(time.monotonic() - began[-1])

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pressing())
        for n in range(PRESSES):
            await heard(nia, chat, cast.bot, "Your receipt is")
            took.append(time.monotonic() - began[n])
    for what, figures in (("answer", waited), ("receipt", took)):
        p95 = quantiles(figures, n=20)[-1]
        print(f"{what} by the proxy, {PRESSES} reports: p50 {median(figures):.2f} s, p95 {p95:.2f} s")
        assert p95 <= 3


async def check_form(cast: Cast, tom: Person) -> None:
    """The public form, which looks whether a message is in its room."""
    room, address = cast.known["room"], cast.stage.web
    event = await tom.say(room, "Buy my hoes!")

    async def send(what: str) -> tuple[int, str]:
        async with cast.stage.session.get(f"{address}/report") as page:
            form = found(r'(?<=id="sealed" value=")[^"]+', await page.text())
        typed = {"what": what, "rule": "R1", "text": "They sell", "form": form, "answer": worked(form)}
        async with cast.stage.session.post(
            f"{address}/report", data=typed, headers={"Origin": address}
        ) as page:
            return page.status, await page.text()

    status, page = await send(f"https://matrix.to/#/{room}/{event}")
    assert (status, "Keep this link" in page) == (200, True), page
    link = found(rf"{address}/report/[\w-]+", page)
    case = found(r"C-\d+", await cast.hears("mira", cast.review_room, "by the public form"))
    await cast.asks_in_review("mira", f"!policy show {case}", "> Buy my hoes!")
    await cast.asks_in_review("mira", f"!policy dismiss {case} Selling is allowed here", "no breach")
    async with cast.stage.session.get(link) as answer:
        assert "We found no breach" in await answer.text()
    assert (await send(cast.known["record"]))[0] == 200
    private = await tom.create_room("Private")
    hidden = await tom.say(private, "Something private")
    answers = {
        await send(what)
        for what in (f"https://matrix.to/#/{room}/$nothing", f"https://matrix.to/#/{room}/{hidden}")
    }
    assert {status for status, _ in answers} == {422}
    assert all("I do not find this among" in page for _, page in answers)
    status, page = await send(f"https://matrix.to/#/{private}/{hidden}")
    assert (status, "I do not find this among" in page) == (422, True)


async def check_tool(cast: Cast, tom: Person) -> None:
    event = await tom.say(cast.known["room"], "Buy my seeds!")
    body = {"room_id": cast.known["room"], "event_id": event, "text": "A shop", "reference": "1"}
    for status in (201, 200):
        async with cast.stage.session.post(
            f"{cast.stage.web}/intake/reports",
            json=body,
            headers={"Authorization": f"Bearer {TOKEN}"},
        ) as answer:
            assert answer.status == status
    await cast.hears("mira", cast.review_room, "Came from the program scanner")


async def check_killed(cast: Cast, nia: Person, client: Person, chat: str) -> None:
    """Kill policybot while clients report: what a client was told is taken is there, once each."""
    made, room = cast.stage, cast.known["room"]
    before, accepted = len(reports(made)), []
    for n, delay in enumerate((0.0, 0.01, 0.02, 0.04, 0.08)):
        event = await cast.people["tom"].say(room, f"Buy my bulbs, offer {n}!")
        sending = asyncio.create_task(report(client, "rooms", room, "report", event))
        await asyncio.sleep(delay)
        made.stop_bot(signal.SIGKILL)
        try:
            await sending
            accepted.append(event)
        except (aiohttp.ClientError, OSError):
            pass  # its client says so, and the person presses again
        await made.start_bot()
        if event not in accepted:
            await report(client, "rooms", room, "report", event)
            accepted.append(event)
    later = await until_read(cast, nia, cast.people["mira"].user_id)
    subjects = [subject for _, subject, _ in reports(made)[before:]]
    assert sorted(subjects) == sorted([*(f"event {room} {event}" for event in accepted), *later])
