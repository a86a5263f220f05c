"""The link to policybot: everything, then what changed, and the last known view whatever goes wrong."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import aiohttp
import pytest

from policybot.domain.condition import Links, Media, NewAccount, Patterns, Terms
from policybot.domain.mechanism import Mechanism, Then
from policybot.domain.publishing import STRANGER
from policybot.domain.refusal import Code, Refusal
from policybot.domain.rules import Rule
from policybot.domain.view import Curb, House
from policybot.gate.link import Link, Lost
from policybot.gate.replica import Replica
from policybot.gate.wire import Garbage, Head, Page, page_in, page_out, rules_out
from tests.feeding import TOKEN, Feed, feeding
from tests.viewing import GOOD, NAMED, OPEN, PAGES

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROOM = "!r:a.example"
TOM = "@tom:a.example"
WORD = Mechanism(Rule("R1", "t", "x"), Terms(("frobnitz",)), then=frozenset({Then.REFUSE}))
REFUSED = Refusal(Code.RULE, "No.", "https://a.example/rules", "R1")
_T = TypeVar("_T")


class Host:
    """A host on asyncio, whose clock a test moves; pauses are shorter, and remembered."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self.time = NOW
        self.pauses: list[float] = []
        self.token = TOKEN
        self._session, self._address = session, address

    def now(self) -> datetime:
        return self.time

    async def post(
        self, path: str, body: Mapping[str, Any], patience: float, most: int
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            async with asyncio.timeout(patience / 30):
                asking = self._session.post(self._address + path, json=body, headers=headers)
                async with asking as answer:
                    data = await answer.content.read(most + 1)
                    data += await answer.content.read() if len(data) <= most else b""
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Lost(type(error).__name__) from None
        if len(data) > most:
            message = "too much"
            raise Lost(message)
        return answer.status, data

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(seconds and 0.01)

    async def in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.to_thread(work)


@asynccontextmanager
async def linked(feed: Feed) -> AsyncIterator[tuple[Link, Host]]:
    async with aiohttp.ClientSession() as session:
        host = Host(session, feed.address)
        link = Link(host, Replica(), "1.0", "main", "i1", timedelta(hours=1))
        running = [asyncio.create_task(link.follow()), asyncio.create_task(link.tell())]
        try:
            yield link, host
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the other side of a connection
            await asyncio.sleep(0.005)


async def test_everything_comes_page_by_page_and_then_what_changes_at_once() -> None:
    people = {f"@p{n}:a.example": GOOD for n in range(25)}
    async with (
        feeding(hurry=50, accounts=people, rooms={ROOM: NAMED}, page=10, mechanisms=(WORD,)) as feed,
        linked(feed) as (link, host),
    ):
        await until(lambda: link.knows(host.now()))
        view = link.replica
        assert (len(view), view.room(ROOM), view.account(TOM)) == (25, NAMED, STRANGER)
        assert [asked["after"] for asked in feed.asked[:3]] == [None, "10", "20"]
        assert len(link.compiled.rules.mechanisms) == 1
        assert feed.asked[0]["worker"], feed.asked[0]["module"]

        feed.change(accounts={TOM: GOOD, "@p3:a.example": None}, curbs={TOM: (Curb("D-1"),)})
        await until(lambda: view.account(TOM) == GOOD)
        assert view.account("@p3:a.example") == STRANGER
        assert view.curb(ROOM, TOM, NOW) == Curb("D-1")
        feed.change(rooms={ROOM: None}, curbs={TOM: ()})
        await until(lambda: view.room(ROOM) is None)
        assert view.curb(ROOM, TOM, NOW) is None


async def test_whoever_was_away_too_long_begins_anew_and_nobody_is_forgotten_meanwhile() -> None:
    people = {f"@p{n}:a.example": GOOD for n in range(25)}
    async with (
        feeding(hurry=50, accounts=people, rooms={ROOM: NAMED}, page=10) as feed,
        linked(feed) as (link, host),
    ):
        await until(lambda: link.knows(host.now()))
        del feed.accounts["@p1:a.example"]
        feed.accounts[TOM] = GOOD
        feed.rooms = {"!other:a.example": OPEN}
        seen = []
        begin = link.replica.begin

        def watch() -> None:
            seen.append(link.replica.account("@p2:a.example"))
            begin()

        link.replica.begin = watch  # type: ignore[method-assign]
        feed.forget()
        await until(lambda: link.replica.room(ROOM) is None)
        await until(lambda: link.replica.account("@p1:a.example") == STRANGER)
        assert seen == [GOOD]
        assert link.replica.account(TOM) == link.replica.account("@p2:a.example") == GOOD
        assert link.replica.room("!other:a.example") == OPEN


async def test_everything_goes_on_where_it_was_cut() -> None:
    people = {f"@p{n}:a.example": GOOD for n in range(30)}
    async with feeding(hurry=50, accounts=people, page=10) as feed:
        page = feed._page

        def once(since: int | None, after: str | None) -> Any:
            if after == "20" and feed.fault == "" and len(feed.asked) == 3:
                message = "out of order"
                raise RuntimeError(message)
            return page(since, after)

        feed._page = once  # type: ignore[method-assign]
        async with linked(feed) as (link, host):
            await until(lambda: link.knows(host.now()))
            assert [asked["after"] for asked in feed.asked[:4]] == [None, "10", "20", "20"]
            assert len(link.replica) == 30


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("garbage", "no JSON"),
        ("error", "status 502"),
        ("cut", "Disconnected"),
        ("token", "gate.token"),
        ("protocol", "install the same version"),
        ("silent", "TimeoutError"),
        ("huge", "too much"),
    ],
)
async def test_whatever_goes_wrong_the_last_known_view_stays_and_it_is_said_once(
    fault: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with feeding(hurry=50, accounts={TOM: GOOD}) as feed, linked(feed) as (link, host):
        await until(lambda: link.knows(host.now()))
        feed.fail(fault)
        await until(lambda: said in caplog.text)
        await asyncio.sleep(0.05)
        assert link.replica.account(TOM) == GOOD
        assert link.knows(host.now())
        host.time += timedelta(hours=2)
        assert not link.knows(host.now())
        assert caplog.text.count("goes on with what it knows") == 1
        longest = [pause for pause in host.pauses if pause]
        assert max(longest) <= 30
        feed.fail("")
        await until(lambda: link.knows(host.now()))
        assert "hears policybot again" in caplog.text
        feed.change(accounts={TOM: None})
        await until(lambda: link.replica.account(TOM) == STRANGER)


async def test_who_knows_nothing_yet_asks_every_other_second_for_meanwhile_nothing_is_judged() -> None:
    async with feeding(hurry=50, accounts={TOM: GOOD}) as feed:
        feed.fail("error")
        async with linked(feed) as (link, host):
            await until(lambda: len(host.pauses) > 20)
            assert max(host.pauses) <= 2
            feed.fail("")
            await until(lambda: link.knows(host.now()))


async def test_rules_are_renewed_when_they_change_and_those_of_a_newer_policybot_are_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with feeding(hurry=50, mechanisms=(WORD,)) as feed, linked(feed) as (link, host):
        await until(lambda: link.knows(host.now()))
        assert (link.compiled.files, link.compiled.ages, link.compiled.left_out) == (False, False, ())
        films = Mechanism(Rule("R2", "t", "x"), Media(("video/*",)), then=frozenset({Then.REFUSE}))
        young = Mechanism(
            Rule("R3", "t", "x"), NewAccount(timedelta(days=1)), then=frozenset({Then.REFUSE})
        )
        bad = Mechanism(Rule("R4", "t", "x"), Patterns(("(",)), then=frozenset({Then.REFUSE}))
        shop = Mechanism(Rule("R5", "t", "x"), Links(deny=("shop.example",)))
        newer = {"title": "t", "text": "x", "translations": [], "where": []}
        strange: list[dict[str, Any]] = [
            {"is": "Phase", "of": "moon"},
            {"is": "Rate", "more_than": 1, "within": float("inf")},
            {"is": "Files", "more_than": "many"},
            {"is": "Files", "more_than": True},
            {"is": "Terms", "words": [{"is": "Unverified"}]},
            {"is": "All", "parts": ["frobnitz"]},
            {"is": "Media", "kinds": "image/*", "larger_than": None, "animated": None},
        ]
        feed.more_rules = [newer | {"id": f"R9{n}", "when": when} for n, when in enumerate(strange)]
        feed.more_rules.append({"id": 7})
        feed.change(mechanisms=(WORD, films, young, bad, shop))
        await until(lambda: len(link.compiled.rules.mechanisms) == 3)
        assert (link.compiled.files, link.compiled.ages) == (True, True)
        assert link.compiled.left_out == (*(f"R9{n}" for n in range(7)), "7", "R4")
        assert caplog.text.count("R90") == 1
        asked = len(feed.asked)
        await asyncio.sleep(0.05)
        assert len(feed.asked) <= asked + 1  # it does not ask for ever for what it cannot have


async def test_where_another_process_still_has_the_old_rules_the_new_ones_come_in_the_end() -> None:
    other = Mechanism(Rule("R2", "t", "x"), Terms(("wobble",)), then=frozenset({Then.REFUSE}))
    async with feeding(hurry=50, mechanisms=(WORD,)) as feed, linked(feed) as (link, host):
        await until(lambda: link.knows(host.now()))
        feed.behind = rules_out(feed.head.rules, feed.mechanisms)
        feed.change(mechanisms=(other,))
        host.pauses.clear()
        await until(lambda: feed.rules_asked > 4)
        assert max(host.pauses) >= 2, "it does not ask for them in a hurry"
        assert link.knows(host.now())
        feed.behind = None
        await until(lambda: [m.id for m in link.compiled.rules.mechanisms] == ["R2"])


async def test_what_was_refused_is_told_in_batches_and_counts_once() -> None:
    async with feeding(hurry=50) as feed, linked(feed) as (link, host):
        await until(lambda: link.knows(host.now()))
        feed.fail("error")
        for _ in range(3):
            link.refused(REFUSED, ROOM, TOM)
        for n in range(450):
            link.refused(REFUSED, ROOM, f"@p{n}:a.example")
        await asyncio.sleep(0.05)
        assert feed.told == []
        feed.fail("")
        await until(lambda: len(link.tally) == 0)
        assert len(feed.told) == 451
        assert feed.told[0] == {
            "code": "rule",
            "rule": "R1",
            "room": ROOM,
            "user": TOM,
            "at": int(NOW.timestamp() * 1000),
            "count": 3,
        }
        assert feed.batches == [("i1", 1), ("i1", 2), ("i1", 3)]
        link.refused(REFUSED, ROOM, TOM)
        await link.stop()
        assert len(feed.told) == 452


async def test_refusals_that_nobody_hears_take_no_more_room_than_agreed_on() -> None:
    async with feeding(hurry=50) as feed, linked(feed) as (link, _):
        feed.fail("cut")
        for n in range(12_000):
            link.refused(REFUSED, ROOM, f"@p{n}:a.example")
        assert len(link.tally) <= 10_200


@pytest.mark.parametrize("garbage", [{"protocol": "x" * 10**6}, {"clock": "@anna:a.example"}])
def test_what_is_wrong_is_named_in_a_line_without_what_stands_there(garbage: dict[str, Any]) -> None:
    page = page_out(Page(1, Head(House("@policybot:a.example", PAGES)), whole=True)) | garbage
    with pytest.raises(Garbage) as wrong:
        page_in(page)
    assert len(str(wrong.value)) < 200
    assert "anna" not in str(wrong.value)


class Still:
    """A host that is always answered the same, by a policybot whose clock is an hour ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta(hours=1)

    def now(self) -> datetime:
        return NOW

    async def post(self, path: str, *_: Any) -> tuple[int, bytes]:
        head = Head(House("@policybot:a.example", PAGES), rules="1")
        page = page_out(Page(1, head, whole=True, now=NOW + self.ahead))
        rules = {"protocol": 1, "version": "1", "rules": []}
        return 200, json.dumps(page if path.endswith("view") else rules).encode()

    async def sleep(self, seconds: float) -> None:
        """Wait for nothing."""

    async def in_thread(self, work: Callable[[], _T]) -> _T:
        return work()


async def test_an_operator_is_told_once_that_the_two_clocks_differ(
    caplog: pytest.LogCaptureFixture,
) -> None:
    host = Still()
    link = Link(host, Replica(), "1.0", "main", "i1", timedelta(hours=1))
    for _ in range(3):
        await link._turn()
    assert caplog.text.count("3600 s") == 1
    host.ahead = timedelta(seconds=20)
    await link._turn()
    host.ahead = timedelta(hours=-1)
    await link._turn()
    assert caplog.text.count("-3600 s") == 1
