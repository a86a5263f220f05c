"""The public form for reports: no account, no name, a key to the outcome; and what floods meet."""

import asyncio
import hashlib
import html
import itertools
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from policybot.domain.report import MOST_TEXT
from policybot.ports import Later
from tests import canary
from tests.serving import served
from tests.web.test_pages import HOST
from tests.world import BOT, World, find, user
from tests.world import world as make_world

WORK = 8
SAME = {"Host": HOST, "Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}
UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def worked(form: str, work: int = WORK) -> str:
    """Do what the page's script does."""
    for n in itertools.count():
        digest = hashlib.sha256(f"{form}:{n}".encode()).digest()
        if int.from_bytes(digest, "big") >> (256 - work) == 0:
            return str(n)
    raise AssertionError


@dataclass
class Guest:
    """Somebody without an account."""

    world: World
    session: aiohttp.ClientSession
    url: str
    one_worker: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(self.url + path, headers={"Host": HOST}) as answer:
            assert "Set-Cookie" not in answer.headers
            return answer.status, await answer.text()

    async def form(self) -> str:
        status, page = await self.get("/report")
        assert status == 200
        return find(r'(?<=name="form" id="sealed" value=")[^"]+', page)

    async def send(
        self, what: str = "", *, work: bool = True, form: str | None = None, **typed: str
    ) -> tuple[int, str]:
        """Send the form, filled in as it should be but for what is said."""
        form = await self.form() if form is None else form
        fields = {"what": what or self.world.room, "rule": "R1", "text": "It sells spades"}
        fields |= {"form": form, "answer": worked(form) if work else ""} | typed
        async with self.session.post(f"{self.url}/report", data=fields, headers=SAME) as answer:
            page = await answer.text()
        async with self.one_worker:
            await self.world.work()
        return answer.status, page

    async def sent(self, what: str = "", **typed: Any) -> str:
        """Send it, and return the key."""
        status, page = await self.send(what, **typed)
        assert status == 200, page
        return find(rf"(?<=https://{HOST}/report/)[\w-]+", page)

    async def reports(self) -> list[Any]:
        async with self.world.database.transaction(reading=True) as tx:
            return list(await tx.fetch("SELECT * FROM reports ORDER BY id"))


async def guests(folder: Path, database_url: str = "", **changes: Any) -> AsyncIterator[Guest]:
    changes = {"reports.form.work": WORK} | changes
    async with (
        make_world(folder, database_url, **changes) as world,
        served(world) as url,
        aiohttp.ClientSession() as session,
    ):
        await world.governed_room()
        yield Guest(world, session, url)


@pytest.fixture
async def guest(tmp_path: Path) -> AsyncIterator[Guest]:
    async for made in guests(tmp_path):
        yield made


@pytest.fixture
async def any_guest(tmp_path: Path, database_url: str) -> AsyncIterator[Guest]:
    async for made in guests(tmp_path, database_url):
        yield made


async def test_another_server_is_reported_by_its_name_and_our_own_is_not(any_guest: Guest) -> None:
    guest, world = any_guest, any_guest.world
    key = await guest.sent("Elsewhere.NET:8448", rule="R2", text="Floods us with accounts")
    assert "New case C-1: the server elsewhere.net" in world.in_review()[-1]
    assert "the server elsewhere.net" in (await guest.get(f"/report/{key}"))[1]
    assert await guest.sent("elsewhere.net") != key
    assert {row["case_id"] for row in await guest.reports()} == {1}, "one case, however often"
    status, page = await guest.send("example.org")
    assert (status, "our own server" in page) == (422, True)
    assert len(await guest.reports()) == 2


async def test_somebody_without_an_account_reports_and_learns_the_outcome(any_guest: Guest) -> None:
    """No report is without an end that its author can see (I19)."""
    guest, world = any_guest, any_guest.world
    event = await world.message("tom", "Buy my spades!", world.room)
    status, page = await guest.send(f"https://matrix.to/#/{world.room}/{event}?via=example.org")
    assert status == 200
    assert "Its receipt is <strong>R-1</strong>" in page
    key = find(rf"(?<=https://{HOST}/report/)[\w-]+", page)
    (card,) = [text for text in world.in_review() if "New case" in text]
    assert f"a message of {user('tom')} in {world.room}" in card
    assert "Came by the public form, without an account, and names R1." in card
    assert "The reporter writes: It sells spades" in card
    shown = await world.review("mira", "!policy show C-1")
    assert "R-1 came by the public form, without an account, and names R1: It sells spades" in shown
    assert "> Buy my spades!" in shown
    status, page = await guest.get(f"/report/{key}")
    assert (status, "We are looking at it" in page) == (200, True)
    assert user("tom") not in page, "a page that needs no account names nobody but whom they named"
    assert "is being carried out" in await world.decided("C-1", "warn")
    assert "We found a breach" in (await guest.get(f"/report/{key}"))[1]
    other = await guest.sent(world.room, rule="unsure")
    assert "and names no rule" in world.in_review()[-1]
    await world.review("mira", "!policy dismiss C-2 Selling is allowed in this room")
    assert "We found no breach" in (await guest.get(f"/report/{other}"))[1]
    assert not any(where.startswith("guest:") for where, _ in world.homeserver.said.values())


async def test_a_decision_that_is_overturned_is_told_under_the_key(guest: Guest) -> None:
    world = guest.world
    event = await world.message("tom", "Buy my spades!", world.room)
    key = await guest.sent(f"https://matrix.to/#/{world.room}/{event}")
    await world.decided("C-1", "warn")
    await world.say("tom", "!policy appeal C-1 This room is made for spades")
    assert "is void" in await world.review("otto", "!policy overturn C-1 The room is made for adverts")
    assert "The decision was taken back" in (await guest.get(f"/report/{key}"))[1]


async def test_whoever_has_the_key_can_object_to_no_breach_and_reads_what_came_of_it(
    guest: Guest,
) -> None:
    world = guest.world
    key = await guest.sent()
    assert "Why you object" not in (await guest.get(f"/report/{key}"))[1]
    await world.review("mira", "!policy dismiss C-1 Selling is allowed in this room")
    assert "Why you object" in (await guest.get(f"/report/{key}"))[1]

    async def objects(key: str, **headers: str) -> tuple[int, str]:
        address, sent = f"{guest.url}/report/{key}", SAME | headers
        text = {"text": "Neighbours come here, not shops"}
        async with guest.session.post(address, data=text, headers=sent) as answer:
            return answer.status, await answer.text()

    assert (await objects("x"))[0] == 404
    assert (await objects(key, **{"Sec-Fetch-Site": "cross-site"}))[0] == 403
    assert "R-1" not in await world.review("otto", "!policy queue appeals")
    status, page = await objects(key)
    assert (status, "Your objection is in" in page) == (200, True)
    assert "R-1" in await world.review("otto", "!policy queue appeals")
    status, page = await objects(key)
    assert (status, "already" in page, "Neighbours come here" in page) == (422, True, True)
    assert "stands" in await world.review("otto", "!policy uphold R-1 A single offer is no advertising")
    assert "A single offer is no advertising" in (await guest.get(f"/report/{key}"))[1]


async def test_whoever_has_the_key_answers_what_is_asked_about_the_objection_and_takes_it_back(
    any_guest: Guest,
) -> None:
    guest, world = any_guest, any_guest.world
    key = await guest.sent()
    await world.review("mira", "!policy dismiss C-1 Selling is allowed in this room")

    async def writes(**fields: str) -> tuple[int, str]:
        url = f"{guest.url}/report/{key}"
        async with guest.session.post(url, data=fields, headers=SAME) as answer:
            return answer.status, html.unescape(await answer.text())

    assert (await writes(text="It sells spades without any end"))[0] == 200
    await world.work()
    await world.review("ravi", "!policy ask R-1 Since when does it?")
    page = html.unescape((await guest.get(f"/report/{key}"))[1])
    assert "It waits for your answer to: Since when does it?" in page
    assert "Please answer" in page
    assert "!policy" not in page, "there is nobody who could write that"
    status, page = await writes(do="add", text="no")
    assert (status, "Please write what you want to add." in page) == (422, True)
    assert "should be answered by 9 March 2026" in (await writes(do="add", text="Since the spring"))[1]
    assert "Since the spring" in await world.review("ravi", "!policy brief R-1")
    assert "was taken back by you" in (await writes(do="withdraw"))[1]
    page = html.unescape((await guest.get(f"/report/{key}"))[1])
    assert ("Why you object" in page, "Take it back" in page) == (True, False)
    assert (await writes(text="I have slept over it, and it does"))[0] == 200
    status, page = await writes(do="other", text="And once more")
    assert (status, "there is one for each decision" in page) == (422, True)


async def test_a_room_is_named_in_each_way_that_people_find_it(guest: Guest) -> None:
    world = guest.world
    async with world.database.transaction(reading=True) as tx:
        record = await tx.value("SELECT record_number AS value FROM filings")
    world.homeserver.aliases["#garden:example.org"] = world.room
    event = await world.message("tom", "Buy my spades!", world.room)
    ways = [
        *(world.room, f"https://matrix.to/#/{world.room}", "#garden:example.org"),
        *("https://matrix.to/#/%23garden%3Aexample.org", record, record.lower()),
        *(f"#_policybot_{record}:example.org", f"matrix:roomid/{world.room[1:]}"),
    ]
    for way in ways:
        await guest.sent(f"  {way} ")
    await guest.sent(f"matrix:roomid/{world.room[1:]}/e/{event[1:]}")
    await guest.sent("matrix:u/tom:example.org")
    reports = await guest.reports()
    assert [row["subject_key"] for row in reports] == [
        *[f"room {world.room}"] * len(ways),
        f"event {world.room} {event}",
        f"user {user('tom')}",
    ]
    assert len({row["reporter"] for row in reports}) == len(reports), "nothing ties guests together"


@pytest.mark.parametrize(
    "what",
    [
        *("!private:example.org", "!nowhere:example.org", "#nowhere:example.org"),
        *("#private:example.org", "PB-2026-000099-0X", "#garden:elsewhere.example"),
        "https://matrix.to/#/!private:example.org/$message",
        "https://matrix.to/#/!garden:example.org/$nothing",
        "https://matrix.to/#/!garden:example.org/$private",
        "https://matrix.to/#/!private:example.org/$private",
    ],
)
async def test_what_we_do_not_look_after_and_what_is_not_there_get_one_answer(
    guest: Guest, what: str
) -> None:
    world = guest.world
    world.homeserver.aliases["#private:example.org"] = "!private:example.org"
    world.homeserver.events["$private"] = {"room_id": "!private:example.org", "sender": user("tom")}
    status, page = await guest.send(what)
    assert status == 422
    if "000099" in what:
        assert "Please give a link" in page, "its check characters do not fit"
    else:
        assert "I do not find this among what we look after" in page
    assert world.config.operator.contact in html.unescape(page)
    assert await guest.reports() == []


async def test_whether_an_account_exists_is_not_told(guest: Guest) -> None:
    pages = [await guest.send(f"@{name}:example.org") for name in ("anna", "nobody")]
    assert [status for status, _ in pages] == [200, 200]
    bare = {re.sub(r"R-\d|/report/[\w-]+", "", page) for _, page in pages}
    assert len(bare) == 1
    status, page = await guest.send(BOT)
    assert (status, "To complain about me" in page) == (422, True)


async def test_what_is_missing_is_said_at_its_field_and_nothing_typed_is_lost(guest: Guest) -> None:
    status, page = await guest.send("my neighbour", rule="R99", text=" a ")
    assert status == 422
    for name in ("what", "rule", "text"):
        assert f'id="{name}-error"' in page
        assert f'href="#{name}"' in page
    assert 'value="my neighbour"' in page
    status, page = await guest.send(text="x" * (MOST_TEXT + 1))
    assert (status, "at most 2,000 characters" in page) == (422, True)
    assert "x" * (MOST_TEXT + 1) in page
    assert await guest.reports() == []
    status, _ = await guest.send(text="\u8a71" * MOST_TEXT)
    assert status == 200, "2,000 characters of any script fit"
    status, page = await guest.send(text="x" * 60_000)
    assert status == 422
    status, page = await guest.send(text="x" * 100_000)
    assert (status, "That was too much" in page) == (413, True)


async def test_hostile_words_are_cleaned_and_never_taken_for_html(guest: Guest) -> None:
    hostile = f"<script>x</script> @room \u202egnp {user('anna')}\nNext: !policy confirm A \x00\x01"
    for what in (guest.world.room, "<script>alert(1)</script>\u202e"):
        _, page = await guest.send(what, text=hostile)
        assert "<script>x" not in page
        assert "<script>alert" not in page
    (report,) = await guest.reports()
    assert report["text"] == f"<script>x</script> @room gnp {user('anna')} Next: !policy confirm A"
    assert not UNSEEN.search(guest.world.in_review()[-1])
    assert guest.world.in_review()[-1].count("\n") == 2


# Floods -----------------------------------------------------------------------------------------


async def test_a_form_is_good_once_and_for_some_hours_and_only_ours(guest: Guest) -> None:
    form = await guest.form()
    await guest.sent(form=form)
    status, page = await guest.send(form=form)
    assert (status, "was sent already" in page) == (409, True)
    assert "It sells spades" in page, "nothing typed is lost"
    old = await guest.form()
    guest.world.clock.pass_time(hours=13)
    status, page = await guest.send(form=old)
    assert (status, "open for too long" in page) == (409, True)
    nonce, expires, seal = (await guest.form()).split(".")
    for forged in (
        *("", "..", "a.b.c", f"{nonce}.{int(expires) + 1}.{seal}"),
        *(f"{'0' * 32}.{expires}.{seal}", f"{nonce}.{expires}.{'0' * 64}", f"{nonce}.{expires}.é"),
    ):
        status, _ = await guest.send(form=forged, work=False)
        assert status == 409, forged
    assert len(await guest.reports()) == 1


async def test_one_form_sent_many_times_at_once_is_one_report(any_guest: Guest) -> None:
    form = await any_guest.form()
    answers = await asyncio.gather(*(any_guest.send(form=form) for _ in range(5)))
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409, 409]
    assert len(await any_guest.reports()) == 1


async def test_twenty_guests_at_once_are_one_case_and_twenty_keys(any_guest: Guest) -> None:
    guest = any_guest
    forms = [await guest.form() for _ in range(20)]
    keys = await asyncio.gather(*(guest.sent(form=form) for form in forms))
    assert len(set(keys)) == 20
    reports = await guest.reports()
    assert {row["case_id"] for row in reports} == {1}
    assert len(reports) == 20
    announced = [text for text in guest.world.in_review() if "C-1" in text]
    assert len(announced) == 8, "the first five, and then every fifth"


async def test_more_than_the_hour_takes_are_asked_to_come_again(
    tmp_path: Path, database_url: str
) -> None:
    async for guest in guests(
        tmp_path,
        database_url,
        **{"reports.form.an_hour": 4, "reports.form.unproved_an_hour": 2},
    ):
        world = guest.world
        for _ in range(2):
            await guest.sent(work=False)
        status, page = await guest.send(work=False)
        assert (status, "no JavaScript" in page) == (429, True)
        assert world.config.operator.contact in html.unescape(page)
        forms = [await guest.form() for _ in range(6)]
        answers = await asyncio.gather(*(guest.send(form=form) for form in forms))
        assert sorted(status for status, _ in answers) == [200] * 2 + [429] * 4
        assert all("It sells spades" in page for _, page in answers if "R-" not in page)
        assert len(await guest.reports()) == 4
        world.clock.pass_time(hours=1)
        await guest.sent(form=forms[-1] if answers[-1][0] == 429 else None)
        await guest.sent(work=False)


async def test_work_that_is_not_done_counts_as_none(tmp_path: Path) -> None:
    async for guest in guests(tmp_path, "", **{"reports.form.unproved_an_hour": 0}):
        form = await guest.form()
        good = worked(form)
        lazy = next(str(n) for n in range(10**6) if str(n) != good and not _shows(form, n))
        for answer in ("", "-1", lazy, "9" * 17, "\u0661", f" {good}", f"{good}x"):
            status, _ = await guest.send(form=form, answer=answer)
            assert status == 429, answer
        await guest.sent(form=form, answer=good)


def _shows(form: str, n: int) -> bool:
    return hashlib.sha256(f"{form}:{n}".encode()).digest()[0] == 0


async def test_no_address_and_no_cookie_is_kept(guest: Guest) -> None:
    async with guest.session.get(f"{guest.url}/report", headers={"Host": HOST}) as answer:
        assert "Set-Cookie" not in answer.headers
    key = await guest.sent()
    folder = guest.world.config.key_file.parent
    assert not any(b"127.0.0.1" in file.read_bytes() for file in folder.glob("policybot.db*"))
    assert canary.in_files(guest.world.config.key_file.parent, key) == [], "the key is hashed"


async def test_a_form_from_elsewhere_is_refused(guest: Guest) -> None:
    form = await guest.form()
    for name, value in (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "none")):
        async with guest.session.post(
            f"{guest.url}/report", data={"form": form}, headers=SAME | {name: value}
        ) as answer:
            assert answer.status == 403


# What else happens --------------------------------------------------------------------------------


async def test_while_the_homeserver_is_away_a_report_is_taken_all_the_same(guest: Guest) -> None:
    world = guest.world
    event = await world.message("tom", "Buy my spades!", world.room)
    world.homeserver.away = True
    await guest.sent(f"https://matrix.to/#/{world.room}/{event}")
    status, page = await guest.send("#garden:example.org")
    assert (status, "try again in a minute" in page) == (503, True)
    world.homeserver.away = False
    await world.tick(minutes=5)
    assert "> Buy my spades!" in await world.review("mira", "!policy show C-1")
    with pytest.raises(Later):
        world.homeserver.away = True
        await world.homeserver.author_of(world.room, event)
    world.homeserver.away = False


async def test_unknown_keys_open_nothing(guest: Guest) -> None:
    await guest.sent()
    for key in ("x", "R-1", "1", "%00", "é" * 50):
        status, page = await guest.get(f"/report/{key}")
        assert (status, "There is no report under this link" in page) == (404, True), key


async def test_a_key_goes_with_its_report(guest: Guest) -> None:
    key = await guest.sent()
    await guest.world.review("mira", "!policy dismiss C-1 Selling is allowed in this room")
    await guest.world.tick(days=400)
    status, page = await guest.get(f"/report/{key}")
    assert (status, "We found no breach" in page) == (200, True), "what came of it stays"
    await guest.world.tick(days=400)
    assert (await guest.get(f"/report/{key}"))[0] == 404
    async with guest.world.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT count(*) AS value FROM report_links") == 0
        assert await tx.value("SELECT count(*) AS value FROM report_forms") == 0


async def test_a_form_that_is_closed_is_not_there_but_its_keys_work(tmp_path: Path) -> None:
    async for guest in guests(tmp_path):
        assert 'href="/report"' in (await guest.get("/about"))[1]
        assert 'href="/report"' in (await guest.get("/register"))[1]
        key = await guest.sent()
        reports = guest.world.config.reports
        closed = reports.form.model_copy(update={"open": False})
        guest.world.config.reports = reports.model_copy(update={"form": closed})
        async with served(guest.world) as url:
            guest.url = url
            assert (await guest.get("/report"))[0] == 404
            assert (await guest.get(f"/report/{key}"))[0] == 200
            assert 'href="/report"' not in (await guest.get("/about"))[1]
            assert 'href="/report"' not in (await guest.get("/register"))[1]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded; charset=punycode", b"form=%ff%fe&text=Shop"),
        ("application/x-www-form-urlencoded; charset=no-such", b"form=1&text=Shop"),
        ("application/x-www-form-urlencoded; charset=unicode_escape", b"form=\\ud800.1.2&text=Shop"),
        ("application/x-www-form-urlencoded; charset=utf-16", b"form=1"),
        ("application/x-www-form-urlencoded", b"form=%ed%a0%80.1.%ff&what=%ff&text=%00%ff"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(9000))),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=text\r\n\r\n"),
        ("multipart/form-data; boundary=x", b"\xff" * 1000),
        ("multipart/form-data", b"--x"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=text; filename=a.html\r\n\r\n<b>\r\n--x--\r\n",
        ),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=text\r\n\r\n\xff\xfe\r\n--x--\r\n",
        ),
        ("application/json", b"[" * 30_000),
    ],
)
async def test_a_body_that_is_no_form_is_refused_and_breaks_nothing(
    guest: Guest, kind: str, body: bytes
) -> None:
    headers = SAME | {"Content-Type": kind}
    async with guest.session.post(f"{guest.url}/report", data=body, headers=headers) as answer:
        assert 400 <= answer.status < 500, await answer.text()
    assert await guest.reports() == []


async def test_a_key_shows_how_it_ended_also_when_the_report_had_its_time(guest: Guest) -> None:
    world = guest.world
    event = await world.message("tom", "Buy my spades!", world.room)
    key = await guest.sent(f"https://matrix.to/#/{world.room}/{event}")
    await world.review("mira", "!policy dismiss C-1 Selling is allowed in this room")
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE reports SET text = '', subject_key = '', reporter = 'gone-1'")
    status, page = await guest.get(f"/report/{key}")
    assert (status, "We found no breach" in page) == (200, True), page


async def written(guest: Guest, key: str, **fields: str) -> tuple[int, str]:
    """Write on the page of a report; follow to the page that shows it."""
    async with guest.session.post(f"{guest.url}/report/{key}", data=fields, headers=SAME) as answer:
        said = answer.status, html.unescape(await answer.text())
    await guest.world.work()
    return said


async def test_whoever_objects_without_an_account_reads_all_of_it_and_what_they_wrote_themselves(
    tmp_path: Path,
) -> None:
    """The page is all that they have: it cuts neither a question nor the reasons."""
    long = f"{'We have looked at what stands around it. ' * 20}That is the last word"
    async for guest in guests(tmp_path, **{"operator.appeal_body": "The Ombudsperson"}):
        world, key = guest.world, await guest.sent()
        await world.review("mira", "!policy dismiss C-1 Selling is allowed in this room")
        why = "花園裏不可以賣鏟子。" * 499 + "最後"
        assert (await written(guest, key, text=why, urgent="yes"))[0] == 200
        assert "says that it is urgent: !policy hasten R-1" in world.in_review()[-1]
        await world.review("ravi", f"!policy ask R-1 {long}")
        page = html.unescape((await guest.get(f"/report/{key}"))[1])
        asked = f"It waits for your answer to: {long}"
        for said in (asked, why, "You were asked on", "Please keep this page's address"):
            assert said in page
        _, page = await written(guest, key, do="add", text="Since the spring")
        assert "Since the spring" in page
        await world.review("ravi", f"!policy uphold R-1 {long}")
        page = html.unescape((await guest.get(f"/report/{key}"))[1])
        assert f"Reasons: {long}" in page
        assert "The Ombudsperson" in page
        late = f"{'But look once more at the photograph. ' * 20}Please"
        status, page = await written(guest, key, do="add", text=late)
        assert (status, late in page) == (422, True)
