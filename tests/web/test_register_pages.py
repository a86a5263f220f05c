"""The pages of the public register and of the operator, for people, machines and feed readers."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

import aiohttp
import pytest

from policybot.domain.filing import State
from policybot.domain.identity import FrontClass
from policybot.web.site import HEADERS
from tests.files import NAMES
from tests.listed import listed
from tests.serving import served
from tests.web.test_pages import HOST, Browser, browser
from tests.world import World, user
from tests.world import world as make_world

__all__ = ["browser"]

ATOM = "{http://www.w3.org/2005/Atom}"
HOSTILE = [
    "<script>alert(1)</script> & \"quotes\" 'and' `more`",
    "\u202eevil\u2066 \u200b\u200dzero\ufeffwidth \x00\x07\x1b[31m bell",
    "{{ 7 * 7 }} {% raw %} ]]> --> <!--",
    "line\nbreaks\u2028and\x85more",
    "z" + "\u0301" * 50 + "algo",
]
UNSEEN = re.compile(
    "[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028]"
)


async def listing(browser: Browser, query: str = "") -> list[str]:
    _, page, _ = await browser.get(f"/register{query}")
    return re.findall(r'<h3><a class="number" href="/register/(PB[^"]+)"', page)


async def data(browser: Browser, path: str, status: int = 200) -> Any:
    got, text, headers = await browser.get(path)
    assert got == status, text
    assert headers["Content-Type"].startswith("application/json")
    return json.loads(text)


@pytest.mark.parametrize("text", HOSTILE)
async def test_nothing_that_was_typed_is_taken_for_anything_else(
    browser: Browser, world: World, text: str
) -> None:
    await world.governed_room()
    await world.called("anna", text)
    for kind, key in (("name", "name"), ("canonical_alias", "alias")):
        await world.deliver(
            type=f"m.room.{kind}",
            room_id=world.room,
            sender=user("anna"),
            state_key="",
            content={key: text},
        )
    stored = text.replace("\x00", "")
    record = await listed(world, stored, room=f"!{stored}:example.org")
    paths = ["/register", f"/register/{record}", "/register.json", f"/register/{record}.json"]
    for path in [
        *paths,
        "/register.atom",
        f"/register?q={quote(text)}",
        f"/register/{quote(text, safe='')}",
    ]:
        status, page, _ = await browser.get(path)
        assert status in {200, 404}, path
        assert "<script" not in page or path.endswith(".json")
        assert "49" not in re.sub(r"\d{3,}", "", page) or "7 * 7" not in text
        assert not UNSEEN.search(page), (path, UNSEEN.search(page))
        assert "\u0301" * 5 not in page
        if path.endswith(".json"):
            json.loads(page)
    _, feed, _ = await browser.get("/register.atom")
    ET.fromstring(feed)  # noqa: S314 - our own


async def test_names_are_kept_apart_from_the_text_around_them(browser: Browser, world: World) -> None:
    record = await world.governed_room()
    await world.called("anna", "\u05e8\u05d5\u05d6")
    for path in ("/register", f"/register/{record}"):
        assert (
            "<bdi>\u05e8\u05d5\u05d6</bdi> (<bdi>@anna:example.org</bdi>), verified"
            in (await browser.get(path))[1]
        )


@pytest.mark.parametrize("state", [State.SUSPENDED, State.REVOKED, State.RENEWAL_DUE])
async def test_what_is_not_simply_in_force_is_shown_as_such(
    browser: Browser, world: World, state: State
) -> None:
    record = await listed(world, state=state)
    said = await data(browser, f"/register/{record}.json")
    assert said["standing"] == ("in_force" if state is State.RENEWAL_DUE else state.value)
    assert (said["open"] is None) == (state is not State.RENEWAL_DUE)
    _, page, _ = await browser.get(f"/register/{record}")
    assert said["state"] in page
    assert await listing(browser, f"?state={said['standing']}") == [record]
    other = "suspended" if state is not State.SUSPENDED else "revoked"
    assert await listing(browser, f"?state={other}") == []


async def test_pages_lead_to_each_other_until_the_last(browser: Browser, world: World) -> None:
    records = [await listed(world, f"Gardens {n}") for n in range(45)]
    seen, path, pages = [], "/register?q=gardens", 0
    while path:
        _, page, _ = await browser.get(path)
        seen += re.findall(r'<h3><a class="number" href="/register/(PB[^"]+)"', page)
        following = re.search(r'<a href="([^"]+)" rel="next">', page)
        path, pages = following[1].replace("&amp;", "&") if following else "", pages + 1
        await listed(world, "More gardens")
    assert (seen, pages) == (records[::-1], 3)
    found, address = [], "/register.json?q=gardens&category=general&state=in_force"
    while address:
        part = await data(browser, address)
        found += [entry["number"] for entry in part["entries"]]
        address = part["next"] and re.sub(r"^https://[^/]+", "", part["next"])
    assert len(found) == len(set(found)) == 48


async def test_machines_read_what_people_read(browser: Browser, world: World) -> None:
    record = await world.governed_room()
    await world.called("anna", "Rose")
    said = await data(browser, f"/register/{record}.json")
    assert said["answerable"] == {
        "name": "Rose",
        "kind": "pseudonym",
        "account": "@anna:example.org",
        "mark": "verified",
        "lookalike": False,
    }
    _, page, _ = await browser.get(f"/register/{record}")
    for text in (said["number"], said["purpose"], said["state"], said["room_id"], "2 March 2026"):
        assert text in page
    assert [step["why"] for step in said["history"]] == ["after a review"]
    (entry,) = (await data(browser, "/register.json"))["entries"]
    whole = ("history", "qualifications")
    assert entry == {key: value for key, value in said.items() if key not in whole}
    for accept, kind in (
        ("application/json", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("text/html, application/json", "text/html"),
        ("*/*", "text/html"),
        ("", "text/html"),
        ("application/json" * 500, "application/json"),
    ):
        _, _, headers = await browser.get(f"/register/{record}", Accept=accept)
        assert headers["Content-Type"].startswith(kind), accept
        assert headers["Vary"] == "Accept"


async def test_a_page_that_has_not_changed_is_not_sent_again(browser: Browser, world: World) -> None:
    record = await world.governed_room()
    for path in ("/register", f"/register/{record}", "/register.atom", "/about", "/register.json"):
        status, page, headers = await browser.get(path)
        assert (status, headers["Cache-Control"]) == (200, "public, max-age=60"), path
        others = {name: value for name, value in HEADERS.items() if name != "Cache-Control"}
        assert {name: headers.get(name) for name in others} == others
        for known in (headers["ETag"], f'"x", W/{headers["ETag"]}', "*"):
            status, text, again = await browser.get(path, **{"If-None-Match": known})
            assert (status, text, again["ETag"]) == (304, "", headers["ETag"])
            assert again["Cache-Control"] == "public, max-age=60"
        for known in ('"other"', "nonsense", '"' * 500, 'W/"'):
            assert (await browser.get(path, **{"If-None-Match": known}))[:2] == (200, page)
    tag = (await browser.get("/register"))[2]["ETag"]
    await listed(world)
    assert (await browser.get("/register", **{"If-None-Match": tag}))[0] == 200


async def test_only_pages_that_are_the_same_for_everybody_may_be_kept(
    browser: Browser, world: World
) -> None:
    await world.governed_room()
    for path in ("/register/PB-2026-999999-XX", "/register?state=x", "/agreement", "/nowhere"):
        assert (await browser.get(path))[2]["Cache-Control"] == "no-store", path


async def test_a_verified_name_is_shown_where_its_owner_chose_it_and_kept_by_no_cache(
    browser: Browser, world: World
) -> None:
    record = await world.governed_room()
    other = await listed(world, who="tom")
    await world.say("anna", "!policy name real")
    await world.say("anna", "!policy name real yes")
    for path in ("/register", f"/register/{record}", "/register.json", f"/register/{record}.json"):
        _, page, headers = await browser.get(path)
        assert NAMES["anna"] in page
        assert headers["Cache-Control"] == "no-store"
        assert "ETag" not in headers
    assert (await browser.get(f"/register/{other}"))[2]["Cache-Control"] != "no-store"
    for path in ("/register.atom", "/register?q=Canary"):
        assert NAMES["anna"] not in (await browser.get(path))[1]
    await world.say("anna", "!policy name front")
    for path in ("/register", f"/register/{record}", "/register.json"):
        assert NAMES["anna"] not in (await browser.get(path))[1]


@pytest.mark.parametrize("front", [FrontClass.ROLE_BASED, FrontClass.PSEUDONYM_ONLY])
async def test_a_verified_name_is_not_shown_where_the_kind_of_room_forbids_it(
    browser: Browser, world: World, front: FrontClass
) -> None:
    record = await world.governed_room()
    await world.say("anna", "!policy name real")
    await world.say("anna", "!policy name real yes")
    for category in world.config.filing.categories:
        object.__setattr__(category, "front", front)
    for path in ("/register", f"/register/{record}", "/register.json", f"/register/{record}.json"):
        _, page, _ = await browser.get(path)
        assert NAMES["anna"] not in page
        assert ("@anna" in page) == (front is FrontClass.PSEUDONYM_ONLY)


async def test_a_mistyped_number_is_told_with_the_right_one(browser: Browser, world: World) -> None:
    record = await world.governed_room()
    wrong = record[:-1] + ("A" if record[-1] != "A" else "B")
    status, page, _ = await browser.get(f"/register/{wrong}")
    assert status == 404
    assert f"its check characters do not fit. A typo? Did you mean {record}?" in page
    assert "Search all public rooms" in page
    assert "A typo?" in (await data(browser, f"/register/{wrong}.json", 404))["error"]
    _, page, _ = await browser.get(f"/register?q={wrong}")
    assert f'Did you mean <a class="number" href="/register/{record}">' in page
    assert (await browser.get(f"/register/{record.lower()}"))[0] == 200


@pytest.mark.parametrize(
    "name",
    [
        "F-1",
        "PB-2026-999999-XX",
        "%00",
        "x" * 5000,
        "..%2fabout",
        "%F0%9F%92%A9",
        "%ff",
        "PB-٢٠٢٦-٠٠٠٠٠١-XX",
    ],
)
async def test_what_is_not_there_is_told_in_words(browser: Browser, world: World, name: str) -> None:
    await world.governed_room()
    status, page, _ = await browser.get(f"/register/{name}")
    assert status == 404
    assert "on record" in page or "no record number" in page
    assert "x" * 100 not in page


@pytest.mark.parametrize(
    "query",
    [
        "?q=%00",
        "?q=%25%5F%27%22%3B--%5B%5D%28%29%2A",
        "?q=" + quote("\u202e\u200b\U0010ffff\ud7ff"),
        "?q=" + quote("園" * 300),
        "?q=" + "a+" * 2000,
        "?q=%ff%fe",
        "?q[]=x&q=y&q=z",
        "?before=1",
        "?before=999999999999999999",
    ],
)
async def test_hostile_queries_find_nothing_and_harm_nothing(
    browser: Browser, world: World, query: str
) -> None:
    await listed(world)
    status, page, _ = await browser.get(f"/register{query}")
    assert status == 200
    assert "Register of public rooms" in page
    assert (await browser.get(f"/register.json{query}"))[0] == 200


@pytest.mark.parametrize(
    "query",
    [
        "?before=x",
        "?before=-1",
        "?before=0",
        "?before=9999999999999999999",
        "?before=%D9%A1",
        "?before=1%0A",
        "?category=nonsense",
        "?category=%27",
        "?state=draft",
        "?state=submitted",
        "?state=%00",
    ],
)
async def test_parts_that_there_are_not_are_told_in_words(
    browser: Browser, world: World, query: str
) -> None:
    status, page, _ = await browser.get(f"/register{query}")
    assert (status, "There is no such part" in page) == (404, True)
    assert "no such part" in (await data(browser, f"/register.json{query}", 404))["error"]


async def test_an_address_of_60_kilobytes_is_refused(browser: Browser) -> None:
    address = urlsplit(browser.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(f"GET /register?q={'x' * 60_000} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    answer = await reader.readline()
    writer.close()
    assert b" 400 " in answer
    assert (await browser.get("/register"))[0] == 200


async def test_the_feed_tells_approvals_suspensions_and_revocations(
    browser: Browser, world: World
) -> None:
    first = await listed(world, "Neighbours & <friends>")
    second = await listed(world, "Sellers", state=State.SUSPENDED)
    world.clock.pass_time(days=1)
    third = await listed(world, "Others", state=State.REVOKED)
    await listed(world, "Dues", state=State.RENEWAL_DUE)
    _, text, headers = await browser.get("/register.atom")
    assert headers["Content-Type"].startswith("application/atom+xml")
    feed = ET.fromstring(text)  # noqa: S314 - our own
    entries = feed.findall(f"{ATOM}entry")
    titles = [entry.findtext(f"{ATOM}title") for entry in entries]
    assert titles[1:] == [
        f"{third}: revoked, by decision",
        f"{third}: approved, after a review",
        f"{second}: suspended, by decision",
        f"{second}: approved, after a review",
        f"{first}: approved, after a review",
    ]
    assert entries[-1].findtext(f"{ATOM}summary") == "Neighbours & <friends>"
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == 6
    assert feed.findtext(f"{ATOM}updated") == "2026-03-03T09:00:00+00:00"
    for needed in ("id", "title", "updated", "link", "author"):
        assert feed.find(f"{ATOM}{needed}") is not None
    assert "anna" not in text, "feed readers keep what they read for ever"


async def test_an_empty_register_says_so(browser: Browser) -> None:
    _, page, _ = await browser.get("/register")
    assert "No room has been approved yet." in page
    assert await data(browser, "/register.json") == {"entries": [], "next": None}
    _, feed, _ = await browser.get("/register.atom")
    ET.fromstring(feed)  # noqa: S314 - our own


# About ----------------------------------------------------------------------------------------------

LICENCES = [
    {
        "title": "Licence <b>1</b>",
        "number": "L-17",
        "issuer": "Example Authority",
        "valid_until": "2026-12-31",
        "link": "https://authority.example.org/17",
    },
    {"title": "Old one", "number": "L-1", "issuer": "Example Authority", "valid_until": "2026-03-01"},
]


@pytest.fixture
async def licensed(tmp_path: Path) -> AsyncIterator[tuple[World, Browser]]:
    changes: dict[str, Any] = {"operator.licences": LICENCES}
    async with (
        make_world(tmp_path, **changes) as world,
        served(world) as url,
        aiohttp.ClientSession() as session,
    ):
        yield world, Browser(session, url)


async def test_the_operator_shows_its_licences_its_rules_and_how_busy_it_is(
    licensed: tuple[World, Browser],
) -> None:
    world, browser = licensed
    _, page, _ = await browser.get("/about")
    assert "Licence &lt;b&gt;1&lt;/b&gt;" in page
    assert '<time datetime="2026-12-31">31 December 2026</time>' in page
    assert "ended on" in page
    assert "office@example.org" in page
    assert "fewer than 5" in page
    said = await data(browser, "/about.json")
    assert [one["expired"] for one in said["licences"]] == [False, True]
    assert said["rules"][0]["id"] == "R1"
    assert said["work"]["reports"] is None
    await world.governed_room()
    for number in range(5):
        await world.reported(text=f"Buy spade {number}!")
    world.clock.pass_time(days=3)
    _, page, _ = await browser.get("/about")
    assert "5 or a few more, which is 0.08 for each moderator and day" in page
    assert "5 or a few more, the oldest for 3 days" in page
    work = (await data(browser, "/about.json"))["work"]
    assert (work["reports"], work["open_cases"], work["oldest_open_case_days"]) == (5, 5, 3)
    assert user("mira") not in page


async def test_a_room_that_is_being_made_is_listed_once_it_is(browser: Browser, world: World) -> None:
    await world.verified("anna")
    await world.say("anna", "!policy file new general Neighbours talk of gardens")
    world.homeserver.away = True
    await world.review("ravi", "!policy approve F-1")
    assert (await data(browser, "/register.json"))["entries"] == []
    world.homeserver.away = False
    world.clock.pass_time(minutes=1)
    await world.work()
    (entry,) = (await data(browser, "/register.json"))["entries"]
    _, page, _ = await browser.get(f"/register/{entry['number']}")
    assert entry["room_id"] in page
    assert entry["open"] in page
