"""The pages of moderators: opened once, for one moderator, and every button is the command."""

import asyncio
import html
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from policybot.domain.case import State
from policybot.store.database import Stale
from policybot.web.site import HEADERS
from tests.consoles import FACTS, GIVEN, decide, link, opened, post, seen_by, state
from tests.papers import Browser
from tests.serving import served
from tests.world import BOT, REVIEW, World, find, unlinked, user


@pytest.fixture
async def browser(world: World) -> AsyncIterator[Browser]:
    await world.governed_room()
    async with served(world) as url, aiohttp.ClientSession() as session:
        yield Browser(session, url)


@pytest.fixture
async def both(any_world: World) -> AsyncIterator[Browser]:
    await any_world.governed_room()
    async with served(any_world) as url, aiohttp.ClientSession() as session:
        yield Browser(session, url)


async def everything(world: World, *but: str) -> dict[str, list[tuple[object, ...]]]:
    """Read all tables but some."""
    async with world.database.transaction(reading=True) as tx:
        names = await tx.fetch("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            row["name"]: [tuple(one) for one in await tx.fetch(f"SELECT * FROM {row['name']}")]  # type: ignore[arg-type]  # noqa: S608 - names of tables
            for row in names
            if row["name"] not in but
        }


async def test_a_preview_of_the_link_opens_nothing_and_it_opens_once(
    browser: Browser, world: World
) -> None:
    number = await world.reported()
    path = await link(world)
    for _ in range(3):
        status, page = await browser.get(path)
        assert status == 200
        assert number not in page
    assert (await browser.post(path))[0] == 303
    assert (await browser.post(path))[0] == 404, "it is used up"
    assert (await browser.get(path))[0] == 404


async def test_only_a_moderator_gets_a_link_and_only_alone(browser: Browser, world: World) -> None:
    del browser
    await world.reported()
    assert "to me alone" in await world.review("mira", "!policy console")
    assert "/console/" not in await world.say("tom", "!policy console")
    for who in ("tom", "ravi"):
        assert "/console/" not in await world.say(who, "!policy show C-1")
    assert "/console/" not in await world.review("mira", "!policy show C-1")
    async with world.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT COUNT(*) AS value FROM consoles") == 0


async def test_show_leads_to_the_case_and_the_queue_to_all(browser: Browser, world: World) -> None:
    number = await world.reported()
    answer = await world.say("mira", f"!policy show {number}")
    assert "Buy my spades!" in answer, "what it says is said as before"
    path = await opened(world, browser, command=f"show {number}")
    assert path.endswith(f"/{number}")
    status, page = await browser.get(await opened(world, browser))
    assert (status, f"/{number}" in page, "<bdi>@tom:example.org</bdi>" in page) == (200, True, True)
    assert "1 report, waits for a moment" in page
    assert "Nothing waits here" in (await browser.get(f"{await opened(world, browser)}?only=mine"))[1]


async def test_the_queue_is_narrowed_to_what_somebody_looks_for(both: Browser, any_world: World) -> None:
    for who in ("tom", "zoe", "lou", "kim"):
        await any_world.reported(who, text=f"Buy my spades, says {who}!")
        any_world.clock.pass_time(minutes=1)
    await any_world.review("mira", "!policy claim C-2")
    await any_world.review("otto", "!policy claim C-3")
    await any_world.decided("C-4", "restrict:P30D", by="otto")
    queue = await opened(any_world, both)
    for only, numbers in (
        ("", ["C-1", "C-2", "C-3", "C-4"]),
        ("free", ["C-1"]),
        ("mine", ["C-2"]),
        ("confirm", ["C-4"]),
        ("<b>", ["C-1", "C-2", "C-3", "C-4"]),
    ):
        _, page = await both.get(f"{queue}?only={only}")
        assert sorted(re.findall(r"page/[\w-]+/(C-\d)", page)) == numbers, only
    any_world.clock.pass_time(minutes=31)
    queue = await opened(any_world, both)
    assert "Nothing waits here" in (await both.get(f"{queue}?only=mine"))[1], "the claim is over"
    _, page = await both.get(f"{queue}?only=free")
    assert sorted(re.findall(r"page/[\w-]+/(C-\d)", page)) == ["C-1", "C-2", "C-3"]


async def test_what_else_waits_is_counted_with_its_command(browser: Browser, world: World) -> None:
    queue = await opened(world, browser)
    assert "What else waits" not in (await browser.get(queue))[1]
    other = "!kitchen:example.org"
    world.homeserver.levels[other] = {"users": {user("anna"): 100}}
    await world.deliver(
        type="m.room.member",
        room_id=other,
        sender=user("anna"),
        state_key=BOT,
        content={"membership": "invite"},
    )
    await world.say("anna", f"!policy file {other} general Neighbours talk of cooking")
    _, page = await browser.get(queue)
    assert "1 filings: <code>!policy queue filings</code>" in page
    assert "0 appeals" not in page


async def test_the_page_has_everything_in_view_and_no_name(browser: Browser, world: World) -> None:
    await world.verified("tom")
    number = await world.reported()
    async with world.database.transaction() as tx:
        await world.app.services.names.learn(tx, user("tom"), "Gardener")
    status, page = await browser.get(await opened(world, browser, command=f"show {number}"))
    page = re.sub(r"\s+", " ", html.unescape(page))
    assert status == 200
    for part in (
        *("Buy my spades!", "fingerprint", "«Gardener», @tom:example.org", "verified, level"),
        *("Decisions that hold", "PB-2026-", "Answers for it", "@anna:example.org"),
        *("R-1", "This is an advert", "The case was opened.", "Rule R1:", "proposed: "),
        *("What <bdi>@tom:example.org</bdi> will read", f"Decision {number}", "!policy appeal"),
        *("What the reporters will read", "No breach", "Nobody has it."),
    ):
        assert part in page, part
    assert "Canary" not in page
    order = [page.index(f">{title}<") for title in ("What", "Who", "Where", "Reports", "So far")]
    assert order == sorted(order)


async def test_a_case_is_decided_as_it_was_shown(browser: Browser, world: World) -> None:
    number = await world.reported()
    path = await opened(world, browser, command=f"show {number}")
    status, page = await browser.post(path, GIVEN | {"act": "decide", "facts": "no"})
    assert (status, "say in a sentence what happened" in page) == (422, True)
    status, page = await browser.post(path, GIVEN | {"act": "decide", "remove": "message"})
    assert status == 200
    text = html.unescape(find(r'(?s)<blockquote class="notice lines"><bdi>.*?</bdi>', page))
    shown = text.partition("<bdi>")[2].removesuffix("</bdi>")
    assert "Undone by: post" in page
    seen = seen_by(page, "carry")
    status, _ = await browser.post(path, GIVEN | {"act": "carry", "remove": "message", "seen": seen})
    assert status == 303
    await world.work()
    assert unlinked(world.told("tom")[-1]) == shown, "word for word what the page showed"
    assert await state(world, number) is State.CLOSED
    assert len(world.homeserver.redacted) == 1
    assert "nothing more to decide" in (await browser.get(path))[1]


async def test_nobody_decides_another_thing_than_what_they_read(browser: Browser, world: World) -> None:
    number = await world.reported()
    path = await opened(world, browser, command=f"show {number}")
    for seen in ("", "x", "0" * 64):
        status, page = await browser.post(path, GIVEN | {"act": "carry", "seen": seen})
        assert (status, "has changed since you opened" in page) == (422, True)
    _, page = await browser.post(path, GIVEN | {"act": "decide"})
    seen = seen_by(page, "carry")
    for other in (
        {"severity": "S1"},
        {"remove": "message"},
        {"facts": f"{FACTS}, twice"},
        {"measure": "advise"},
    ):
        assert (await browser.post(path, GIVEN | other | {"act": "carry", "seen": seen}))[0] == 422
    event = find(r"\$event\d+", str(list((await everything(world))["cases"])))
    await world.say(
        "zoe", f"!policy report https://matrix.to/#/{world.room}/{event} R1 Me too, an advert"
    )
    status, page = await browser.post(path, GIVEN | {"act": "carry", "seen": seen})
    assert (status, "Me too, an advert" in page) == (422, True), "it is shown again, with what is new"
    assert await state(world, number) is State.OPEN
    again = seen_by(page, "carry")
    assert again not in (seen, "")
    assert (await browser.post(path, GIVEN | {"act": "carry", "seen": again}))[0] == 303
    assert await state(world, number) is State.CLOSED


async def test_no_breach_and_on_to_the_next(browser: Browser, world: World) -> None:
    first = await world.reported()
    second = await world.reported("zoe", text="Sell your spades to me!")
    path = await opened(world, browser, command=f"show {first}")
    assert (await post(browser, path, "dismiss", reason="no"))[0] == 422
    status, page = await browser.post(path, {"act": "dismiss", "reason": "It is a joke", "seen": "x"})
    assert (status, "has changed" in page) == (422, True)
    async with browser.session.post(
        browser.url + path,
        data={
            "act": "dismiss_next",
            "reason": "It is a joke among friends",
            "seen": seen_by((await browser.get(path))[1], "dismiss"),
        },
        headers=browser.headers,
        allow_redirects=False,
    ) as answer:
        onward = answer.headers["Location"]
    assert onward.endswith(f"/{second}?done={first}")
    assert f"{first} is done" in (await browser.get(onward))[1]
    await world.work()
    assert any("found no breach" in text for text in world.told("lea"))
    status, _ = await decide(browser, onward.partition("?")[0], "carry_next")
    assert status == 303


async def test_what_another_has_can_be_read_and_not_decided(browser: Browser, world: World) -> None:
    number = await world.reported()
    await world.review("otto", f"!policy claim {number}")
    path = await opened(world, browser, command=f"show {number}")
    _, page = await browser.get(path)
    assert "It is with <bdi>@otto:example.org</bdi>" in page
    assert 'value="decide"' not in page
    status, page = await browser.post(path, GIVEN | {"act": "carry", "seen": "x"})
    assert status == 422
    assert "is with @otto:example.org" in (await post(browser, path, "claim"))[1]
    await world.review("otto", f"!policy release {number}")
    assert (await post(browser, path, "claim"))[0] == 303
    assert "Yours until 09:30 UTC" in (await browser.get(path))[1]
    assert "is with @mira" in await world.review("otto", f"!policy claim {number}")
    assert (await post(browser, path, "release"))[0] == 303
    assert await state(world, number) is State.OPEN


async def test_a_second_person_confirms_what_they_have_read(browser: Browser, world: World) -> None:
    number = await world.reported()
    first = await opened(world, browser, command=f"show {number}")
    grave = {"measure": "restrict", "span": "30"}
    assert (await decide(browser, first, **grave))[0] == 303
    _, page = await browser.get(first)
    assert "Another person has to confirm it" in page
    assert 'value="confirm"' not in page
    assert (await browser.post(first, {"act": "confirm", "seen": seen_by(page, "deny")}))[0] == 422
    second = await opened(world, browser, "otto", f"show {number}")
    _, page = await browser.get(second)
    assert "no posting in the room for 30 days" in page
    assert (await browser.post(second, {"act": "confirm", "seen": "x"}))[0] == 422
    assert await state(world, number) is State.PENDING_APPROVAL
    assert (await post(browser, second, "confirm"))[0] == 303
    await world.work()
    assert world.homeserver.levels[world.room]["users"][user("tom")] == -1
    assert await state(world, number) is State.CLOSED


async def test_who_proposed_can_take_it_back(browser: Browser, world: World) -> None:
    number = await world.reported()
    path = await opened(world, browser, command=f"show {number}")
    assert (await decide(browser, path, measure="restrict", span="30"))[0] == 303
    assert (await post(browser, path, "deny"))[0] == 303
    assert await state(world, number) is State.CLAIMED
    assert (await post(browser, path, "deny"))[0] == 422


async def test_a_room_is_put_on_hold(browser: Browser, world: World) -> None:
    await world.say("lea", f"!policy report {world.room} R1 Adverts all day long")
    path = await opened(world, browser, command="show C-1")
    _, page = await browser.get(path)
    assert "Put the room on hold" in page
    assert "Remove the message" not in page
    assert (await post(browser, path, "hold", hold_rule="R1", at_once="no"))[0] == 422
    status, _ = await post(browser, path, "hold", hold_rule="R1", at_once="It cannot wait until morning")
    assert status == 303
    await world.work()
    assert world.homeserver.levels[world.room]["events_default"] == 100
    assert "hold on the room" in (await browser.get(path))[1]


async def test_a_party_sees_no_case(browser: Browser, world: World) -> None:
    """Conflict of interest: who has a part in a case neither sees nor decides it."""
    number = await world.reported(offender="mira")
    queue = await opened(world, browser)
    assert f"/{number}" not in (await browser.get(queue))[1]
    for path in (f"{queue}/{number}", f"{queue}/C-99", f"{queue}/{number.lower()}"):
        status, page = await browser.get(path)
        assert (status, "There is no case" in page) == (404, True)
    for act in ("claim", "dismiss", "decide", "carry", "confirm"):
        assert (await browser.post(f"{queue}/{number}", GIVEN | {"act": act, "reason": FACTS}))[0] == 404
    for part in ("foresight", "pulse"):
        status, page = await browser.post(f"{queue}/{number}/{part}", GIVEN)
        assert (status, "There is no case" in page) == (404, True)
    assert await state(world, number) is State.OPEN


async def test_the_pages_end_with_the_role_the_room_and_the_time(browser: Browser, world: World) -> None:
    number = await world.reported()
    path = await opened(world, browser)
    for _ in range(23):
        world.clock.pass_time(minutes=29)
        assert (await browser.get(path))[0] == 200, "use keeps it open"
    world.clock.pass_time(minutes=29)
    assert (await browser.get(path))[0] == 200
    world.clock.pass_time(minutes=29)
    assert (await browser.get(path))[0] == 404, "and no longer than twelve hours"
    path = await opened(world, browser)
    world.clock.pass_time(minutes=31)
    assert (await browser.get(path))[0] == 404
    await world.tick(minutes=1)
    async with world.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT COUNT(*) AS value FROM consoles") == 0
    path = await opened(world, browser)
    await world.deliver(
        type="m.room.member",
        room_id=REVIEW,
        sender=user("mira"),
        state_key=user("mira"),
        content={"membership": "leave"},
    )
    for place in ("", f"/{number}"):
        assert (await browser.get(path + place))[0] == 404
    assert (await browser.post(f"{path}/{number}", GIVEN | {"act": "claim"}))[0] == 404
    assert (await browser.post(f"{path}/{number}/pulse", {"active": "1"}))[0] == 404


async def test_closing_ends_all_pages_and_links_of_a_moderator_alone(
    browser: Browser, world: World
) -> None:
    mine, other = await opened(world, browser), await opened(world, browser, "otto")
    unused = await link(world)
    assert "1 page was open" in await world.say("mira", "!policy console close")
    assert [(await browser.get(path))[0] for path in (mine, unused, other)] == [404, 404, 200]
    mine = await opened(world, browser)
    status, page = await browser.post(mine)
    assert (status, "Your pages are closed" in page) == (200, True)
    assert (await browser.get(mine))[0] == 404
    assert "Write !policy console" in await world.say("mira", "!policy console shut")


async def test_reading_changes_nothing_but_what_is_counted(browser: Browser, world: World) -> None:
    number = await world.reported()
    path = await opened(world, browser)
    before = await everything(world, "exposures", "consoles", "case_watchers")
    for place in ("", "?only=free", f"/{number}", f"/{number}?done=C-1", f"/{number}/picture/1"):
        await browser.get(path + place)
    await browser.post(f"{path}/{number}/foresight", GIVEN)
    await browser.post(f"{path}/{number}", GIVEN | {"act": "decide"})
    await browser.post(f"{path}/{number}/pulse", {"seen": "x"})
    assert await everything(world, "exposures", "consoles", "case_watchers") == before


async def test_another_site_does_nothing(browser: Browser, world: World) -> None:
    number = await world.reported()
    path = f"{await opened(world, browser)}/{number}"
    browser.headers["Sec-Fetch-Site"] = "cross-site"
    for place in ("", "/foresight", "/pulse"):
        assert (await browser.post(path + place, GIVEN | {"act": "claim", "active": "1"}))[0] == 403
    browser.headers["Sec-Fetch-Site"] = "same-origin"
    for act in ("", "delete", "__class__", "claim_next_next"):
        assert (await browser.post(path, {"act": act}))[0] == 400
    _, _, headers = await browser.fetch(path)
    policy = headers["Content-Security-Policy"]
    assert {name: headers.get(name) for name in HEADERS} == HEADERS | {"Content-Security-Policy": policy}
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert await state(world, number) is State.OPEN


async def test_hostile_text_is_shown_as_text_everywhere(browser: Browser, world: World) -> None:
    evil = "<script>alert(1)</script> \u202egnp.exe @room [x](javascript:1)\n" * 3
    number = await world.reported(text=evil + "A" * 60_000)
    event = find(r"\$event\d+", str((await everything(world))["cases"]))
    await world.say("zoe", f"!policy report https://matrix.to/#/{world.room}/{event} R1 {evil}")
    path = await opened(world, browser, command=f"show {number}")
    status, page = await browser.get(path)
    assert status == 200
    assert "&lt;script&gt;alert(1)&lt;/script&gt; gnp.exe" in page
    assert "\u202e" not in page
    assert "it goes on: 60" in page
    status, page = await browser.post(path, GIVEN | {"act": "decide", "facts": evil, "factor:<b>": "on"})
    assert status == 422, "there is no such factor"
    for given in ({"act": "decide", "facts": evil}, {"act": "preview", "rule": evil, "severity": evil}):
        status, page = await browser.post(path, GIVEN | given)
        assert status == 200
        assert "<script>alert" not in page
        assert len(page) < 100_000
    huge = {"act": "decide", "facts": "A" * 70_000}
    assert (await browser.post(path, GIVEN | huge))[0] == 413
    assert (await browser.post(path, GIVEN | {"act": "decide", "facts": "A" * 5000}))[0] == 422
    assert (await post(browser, path, "dismiss", reason="A" * 5000))[0] == 422
    for place in ("/C-" + "9" * 15, "/C-" + "9" * 400, "/C-x", "/C-²", f"/{number}/picture/999"):
        assert (await browser.get(path.rpartition("/")[0] + place))[0] == 404, place
    status, _ = await decide(browser, path, facts=evil)
    assert status == 303


async def test_what_it_would_be_follows_the_form(browser: Browser, world: World) -> None:
    number = await world.reported()
    path = await opened(world, browser, command=f"show {number}")
    for given, part in (
        ({}, "proposed: warn"),
        ({"measure": "restrict", "span": "3"}, "no posting in the room for 3 days"),
        ({"measure": "restrict", "span": "PT12H"}, "for 12 hours"),
        ({"measure": "restrict", "span": ""}, "needs a duration"),
        ({"measure": "restrict", "span": "soon"}, "is no duration"),
        ({"severity": "S9"}, "is no severity"),
        ({"rule": ""}, "Choose a rule"),
        ({"rule": "R99"}, "There is no rule"),
        ({"facts": ""}, "here stands what you write"),
        ({"factor:x": "on"}, "There is no factor"),
    ):
        status, page = await browser.post(f"{path}/foresight", GIVEN | given)
        assert (status, part in html.unescape(page).lower() or part in html.unescape(page)) == (
            200,
            True,
        ), part
        assert "<html" not in page
        status, page = await browser.post(path, GIVEN | given | {"act": "preview"})
        assert (status, part in html.unescape(page)) == (200, True), part


async def test_the_pulse_tells_of_changes_and_keeps_a_claim(browser: Browser, world: World) -> None:
    number = await world.reported()
    path = await opened(world, browser, command=f"show {number}")
    await post(browser, path, "claim")
    _, page = await browser.get(path)
    seen = find(r'(?<=data-seen=")\w+', page)

    async def pulse(**more: str) -> dict[str, object]:
        async with browser.session.post(
            f"{browser.url}{path}/pulse", data={"seen": seen} | more, headers=browser.headers
        ) as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, object] = await answer.json()
            return found

    mine = {"changed": False, "holder": user("mira"), "until": "09:30", "others": []}
    assert await pulse() == mine
    world.clock.pass_time(minutes=25)
    assert (await pulse())["until"] == "09:30", "nobody is there: it runs on"
    assert (await pulse(active="1"))["until"] == "09:55", "whoever works keeps it"
    world.clock.pass_time(minutes=28)
    await pulse(active="1")
    world.clock.pass_time(minutes=28)
    assert (await pulse(active="1"))["holder"] == user("mira")
    event = find(r"\$event\d+", str((await everything(world))["cases"]))
    await world.say(
        "zoe", f"!policy report https://matrix.to/#/{world.room}/{event} R1 Me too, an advert"
    )
    assert (await pulse())["changed"] is True
    world.clock.pass_time(minutes=20)
    await pulse()
    world.clock.pass_time(minutes=11)
    async with browser.session.post(
        f"{browser.url}{path}/pulse", data={"active": ""}, headers=browser.headers
    ) as answer:
        assert answer.status == 404, "a page that asks by itself keeps nothing open"


async def test_links_are_not_kept_once_they_were_sent(browser: Browser, world: World) -> None:
    del browser
    token = (await link(world)).rpartition("/")[2]
    async with world.database.transaction(reading=True) as tx:
        rows = [*await tx.fetch("SELECT data FROM outbox"), *await tx.fetch("SELECT * FROM consoles")]
        rows += await tx.fetch("SELECT payload FROM audit_payloads")
    assert not any(token in str(tuple(row)) for row in rows)  # type: ignore[arg-type]


async def test_of_two_moderators_on_one_case_one_decides(both: Browser, any_world: World) -> None:
    """I26: a case is decided once, and whoever comes second is told."""
    number = await any_world.reported()
    paths = [await opened(any_world, both, who, f"show {number}") for who in ("mira", "otto")]
    pages = [(await both.post(path, GIVEN | {"act": "decide"}))[1] for path in paths]
    seen = [seen_by(page, "carry") for page in pages]
    assert seen[0] == seen[1], "both have read the same"
    answers = await asyncio.gather(
        *(
            both.post(path, GIVEN | {"act": "carry", "seen": one})
            for path, one in zip(paths * 3, seen * 3, strict=True)
        )
    )
    assert sorted(status for status, _ in answers) == [303, 422, 422, 422, 422, 422]
    await any_world.work()
    assert sum("Decision C-1" in text for text in any_world.told("tom")) == 1
    async with any_world.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT COUNT(*) AS value FROM decisions") == 1
        assert await tx.value("SELECT COUNT(*) AS value FROM sanctions") == 1


async def test_of_two_who_use_one_link_one_gets_in(both: Browser, any_world: World) -> None:
    path = await link(any_world)
    answers = await asyncio.gather(*(both.post(path) for _ in range(5)))
    assert sorted(status for status, _ in answers) == [303, 404, 404, 404, 404]


async def test_of_two_who_confirm_one_does(both: Browser, any_world: World) -> None:
    """I13: what needs two people is done once, by what both have read."""
    number = await any_world.reported()
    first = await opened(any_world, both, command=f"show {number}")
    assert (await decide(both, first, measure="restrict", span="30"))[0] == 303
    second = await opened(any_world, both, "otto", f"show {number}")
    seen = seen_by((await both.get(second))[1], "confirm")
    answers = await asyncio.gather(
        *(both.post(second, {"act": act, "seen": seen}) for act in ("confirm", "confirm", "deny"))
    )
    assert sorted(status for status, _ in answers) == [303, 422, 422]
    await any_world.work()
    restricted = any_world.homeserver.levels[any_world.room]["users"].get(user("tom")) == -1
    assert restricted is (await state(any_world, number) is State.CLOSED)


async def test_many_pages_of_one_moderator_keep_a_claim_together(
    both: Browser, any_world: World
) -> None:
    number = await any_world.reported()
    path = await opened(any_world, both, command=f"show {number}")
    await post(both, path, "claim")
    any_world.clock.pass_time(minutes=25)
    answers = await asyncio.gather(*(both.post(f"{path}/pulse", {"active": "1"}) for _ in range(6)))
    assert {status for status, _ in answers} <= {200, 409}
    assert any("09:55" in text for _, text in answers)
    _, page = await both.get(path)
    assert "Yours until 09:55 UTC" in page


async def test_who_comes_second_at_the_same_moment_is_told_so(
    browser: Browser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await world.reported()
    path = await opened(world, browser, command=f"show {number}")

    async def overtaken(*_: object) -> None:
        raise Stale(number)

    monkeypatch.setattr(world.app.services.cases, "claim", overtaken)
    status, page = await browser.post(path, {"act": "claim"})
    assert (status, "at the same moment" in page) == (422, True)
