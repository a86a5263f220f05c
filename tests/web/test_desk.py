"""The page of a reviewer: opened once, for one reviewer, and every button is the command."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from policybot.domain.application import About
from policybot.domain.filing import State
from policybot.services.evidence import Drawn
from policybot.store import filings
from policybot.web.site import HEADERS
from tests import pictures
from tests.papers import Browser
from tests.reviewing import POINTS, REASONS, desk, filed, state
from tests.serving import served
from tests.world import REVIEW, World, find, user


@pytest.fixture
async def browser(review: World) -> AsyncIterator[Browser]:
    async with served(review) as url, aiohttp.ClientSession() as session:
        yield Browser(session, url)


async def post(browser: Browser, path: str, **given: str) -> tuple[int, str]:
    """Press a button of the page as it is now."""
    _, page = await browser.get(path)
    seen = re.search(r'name="seen" value="(\w+)"', page)
    return await browser.post(path, given | ({"seen": seen[1]} if seen else {}))


async def opened(world: World, browser: Browser, number: str, who: str = "ravi") -> str:
    """Open the page of a filing; return its path."""
    link = await desk(world, number, who)
    async with browser.session.post(
        browser.url + link, headers=browser.headers, allow_redirects=False
    ) as answer:
        assert answer.status == 303, await answer.text()
        return answer.headers["Location"]


async def test_a_preview_of_the_link_opens_and_takes_nothing(browser: Browser, review: World) -> None:
    number = await filed(review)
    link = await desk(review, number)
    for _ in range(3):
        status, page = await browser.get(link)
        assert status == 200
        assert "Neighbours talk" not in page
    assert await state(review, number) is State.SUBMITTED
    status, _ = await browser.post(link)
    assert status == 303
    assert await state(review, number) is State.IN_REVIEW
    assert (await browser.post(link))[0] == 404, "it is used up"
    assert (await browser.get(link))[0] == 404
    await review.work()
    assert "is with @ravi" in await review.review("rosa", f"!policy claim {number}")


async def test_the_page_has_everything_and_no_name(browser: Browser, review: World) -> None:
    purpose = "Neighbours & <b>gardens</b> \u202eevil"
    number = await filed(review, "official", purpose)
    async with review.database.transaction() as tx:
        await review.app.services.names.learn(tx, user("anna"), "Rosenfee")
        found = await filings.get(tx, number)
        assert found is not None
    room = found.room_id
    review.homeserver.rooms.state[room] = {
        "m.room.name": {"name": "Garden <i>talk</i>"},
        "m.room.topic": {"topic": "Roses"},
        "m.room.join_rules": {"join_rule": "public"},
    }
    review.homeserver.rooms.members[room] = {"a": "join", "b": "join"}
    about = About("Garden club", "Neighbours", ("en", "de"), "club@example.org", "Be kind\n<script>")
    async with review.database.transaction() as tx:
        await tx.execute("UPDATE filings SET deputy = $1", user("tom"))
        found = await filings.get(tx, number)
        assert found is not None
        await filings.save(tx, replace(found, about=about))
    await review.review("ravi", f"!policy ask {number} Which street?")
    await review.say("anna", f"!policy answer {number} Mill Lane")
    status, page = await browser.get(await opened(review, browser, number))
    assert status == 200
    for part in (
        *("Rosenfee", "@anna:example.org", "verified, level", "Official notices", "Garden club"),
        *("@tom:example.org", "en, de", "club@example.org", "Be kind\n&lt;script&gt;"),
        *("Garden &lt;i&gt;talk&lt;/i&gt;", "Roses", "everybody can enter", "<bdi>2</bdi>"),
        *("Which street?", "Mill Lane", *POINTS, REASONS[0]),
        *("&lt;b&gt;gardens&lt;/b&gt;", "shared: the room stays as it is", "Yours until 09:30 UTC"),
    ):
        assert part in page, part
    assert "\u202e" not in page
    assert "Canary" not in page
    assert "<script" not in page


async def test_a_filing_is_checked_asked_about_and_approved_on_the_page(
    browser: Browser, review: World
) -> None:
    number = await filed(review, "official")
    path = await opened(review, browser, number)
    status, page = await post(browser, path, act="approve", point1="on")
    assert status == 422
    assert 'role="alert"' in page
    assert f"2 {POINTS[1]}" in page
    assert re.search(r'id="point1" name="point1" checked', page), "the tick is kept"
    assert (await post(browser, path, act="ask", question=" "))[0] == 422
    assert (await post(browser, path, act="ask", question="Which street?"))[0] == 303
    await review.work()
    assert any("Which street?" in text for text in review.told("anna"))
    _, page = await browser.get(path)
    assert "waits for the answer" in page
    assert 'value="approve"' not in page
    await review.say("anna", f"!policy answer {number} Mill Lane")
    status, _ = await post(browser, path, act="approve", point1="on", point2="on")
    assert status == 303
    assert await state(review, number) is State.APPROVED
    _, page = await browser.get(path)
    assert "nothing more to decide" in re.sub(r"\s+", " ", page)
    assert 'name="act"' not in page
    assert (await post(browser, path, act="reject", reason="No"))[0] == 422


async def test_a_filing_is_rejected_for_a_prepared_reason(browser: Browser, review: World) -> None:
    number = await filed(review)
    path = await opened(review, browser, number)
    for given in ({"preset": "2", "reason": "the garden room"}, {"preset": "", "reason": ""}):
        status, page = await browser.post(path, {"act": "reject"} | given)
        assert status == 422
        assert 'aria-describedby="reason-hint error"' in page
    both = {"act": "reject", "preset": "2", "reason": "the garden room | the register"}
    assert (await browser.post(path, both))[0] == 303
    await review.work()
    assert "There is the garden room already; see the register." in review.told("anna")[-1]


async def test_what_is_with_somebody_else_can_be_read_and_not_decided(
    browser: Browser, review: World
) -> None:
    number = await filed(review)
    await review.review("rosa", f"!policy claim {number}")
    path = await opened(review, browser, number)
    _, page = await browser.get(path)
    assert "With <bdi>@rosa:example.org</bdi> until 09:30 UTC" in page
    assert 'value="approve"' not in page
    status, page = await post(browser, path, act="approve")
    assert (status, await state(review, number)) == (422, State.IN_REVIEW)
    status, page = await post(browser, path, act="claim")
    assert status == 422
    assert "is with @rosa:example.org until 09:30 UTC" in page
    await review.review("rosa", f"!policy release {number}")
    assert (await post(browser, path, act="claim"))[0] == 303
    assert "Yours until" in (await browser.get(path))[1]
    assert (await post(browser, path, act="release"))[0] == 303
    assert "With nobody" in (await browser.get(path))[1]


async def test_a_second_person_confirms_on_the_page(browser: Browser, review: World) -> None:
    number = await filed(review, "grave")
    first = await opened(review, browser, number)
    assert (await post(browser, first, act="approve", point1="on"))[0] == 303
    _, page = await browser.get(first)
    assert "Another reviewer has to confirm" in page
    assert "Confirm the approval" not in page
    assert (await post(browser, first, act="confirm"))[0] == 422
    assert (await post(browser, first, act="deny"))[0] == 303, "taken back"
    assert (await post(browser, first, act="deny"))[0] == 422
    assert (await post(browser, first, act="approve", point1="on"))[0] == 303
    second = await opened(review, browser, number, "rosa")
    assert (await post(browser, second, act="deny"))[0] == 303
    assert await state(review, number) is State.IN_REVIEW
    assert (await post(browser, first, act="approve", point1="on"))[0] == 303
    assert "Confirm the approval" in (await browser.get(second))[1]
    assert (await post(browser, second, act="confirm"))[0] == 303
    assert await state(review, number) is State.APPROVED


async def test_the_page_ends_with_the_role_the_room_and_the_time(
    browser: Browser, review: World
) -> None:
    number = await filed(review)
    path = await opened(review, browser, number)
    review.clock.pass_time(minutes=29)
    assert (await post(browser, path, act="claim"))[0] == 303
    review.clock.pass_time(minutes=29)
    assert (await browser.get(path))[0] == 200, "each act prolongs it"
    await review.deliver(
        type="m.room.member",
        room_id=REVIEW,
        sender=user("ravi"),
        state_key=user("ravi"),
        content={"membership": "leave"},
    )
    assert (await browser.get(path))[0] == 404
    assert (await post(browser, path, act="approve"))[0] == 404
    other = await opened(review, browser, number, "rosa")
    await review.tick(minutes=31)
    assert (await browser.get(other))[0] == 404
    async with review.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT COUNT(*) AS value FROM desks") == 0


async def test_who_came_to_have_a_part_in_the_room_is_shut_out(browser: Browser, review: World) -> None:
    number = await filed(review)
    path = await opened(review, browser, number)
    async with review.database.transaction() as tx:
        await tx.execute("UPDATE filings SET deputy = $1", user("ravi"))
    status, page = await browser.get(path)
    assert (status, "You are the deputy" in page) == (409, True)
    assert (await post(browser, path, act="approve"))[0] == 409
    assert await state(review, number) is State.IN_REVIEW


async def test_nobody_approves_another_application_than_the_one_on_their_page(
    browser: Browser, review: World
) -> None:
    number = await filed(review, "official")
    path = await opened(review, browser, number)
    _, page = await browser.get(path)
    seen = find(r'(?<=name="seen" value=")\w+', page)
    async with review.database.transaction() as tx:
        await tx.execute("UPDATE filings SET purpose = $1", "Something else altogether")
    for act in ("approve", "check"):
        given = {"act": act, "seen": seen, "point1": "on", "point2": "on"}
        status, page = await browser.post(path, given)
        assert (status, "has changed since you opened this page" in page) == (422, True)
    assert "Something else altogether" in page
    assert not re.search(r'id="point1" name="point1" checked', page)
    assert await state(review, number) is State.IN_REVIEW
    assert (await post(browser, path, act="approve", point1="on", point2="on"))[0] == 303


async def test_a_form_that_nobody_made_breaks_nothing(browser: Browser, review: World) -> None:
    number = await filed(review, "official")
    path = await opened(review, browser, number)
    strange = {
        f"point{'9' * 5000}": "on",
        "point²": "on",
        "point": "on",
        "point-1": "on",
        "point0": "on",
    }
    assert (await post(browser, path, act="check", **strange))[0] == 303
    assert (await browser.get(f"{path}/file/1/{'9' * 5000}"))[0] == 404
    assert (await browser.get(f"{path}/file/{'9' * 5000}"))[0] == 404
    _, page = await browser.get(path)
    assert " checked" not in page.partition("Reject")[0]


async def test_another_site_decides_nothing(browser: Browser, review: World) -> None:
    number = await filed(review)
    path = await opened(review, browser, number)
    browser.headers["Sec-Fetch-Site"] = "cross-site"
    assert (await post(browser, path, act="approve"))[0] == 403
    browser.headers["Sec-Fetch-Site"] = "same-origin"
    for act in ("", "delete", "__class__"):
        assert (await browser.post(path, {"act": act}))[0] == 400
    _, _, headers = await browser.fetch(path)
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    assert await state(review, number) is State.IN_REVIEW


async def test_the_homeserver_may_be_away_while_somebody_reviews(
    browser: Browser, review: World
) -> None:
    number = await filed(review)
    path = await opened(review, browser, number)
    review.homeserver.away = True
    status, page = await browser.get(path)
    assert (status, "does not answer just now" in page) == (200, True)
    review.homeserver.away = False


async def shown(world: World, number: str, name: str = "licence.pdf") -> int:
    """Let Anna show a file with her filing; return its ID."""
    evidence = world.app.services.evidence
    async with world.database.transaction() as tx:
        found = await filings.get(tx, number)
        assert found is not None
        await evidence.add(tx, found, [Drawn(name, 100, [pictures.picture(), pictures.picture()])])
        return (await evidence.files(tx, found.id))[-1].id


async def test_files_are_seen_as_pictures_and_each_look_is_on_record(
    browser: Browser, review: World
) -> None:
    number, other = await filed(review), await filed(review)
    file, foreign = await shown(review, number, "<b>licence\u202e.pdf"), await shown(review, other)
    path = await opened(review, browser, number)
    _, page = await browser.get(path)
    assert f'href="{path}/file/{file}"' in page
    assert "(2 pages)" in page
    assert "<b>licence" not in page
    status, page = await browser.get(f"{path}/file/{file}")
    assert status == 200
    sources = re.findall(r'src="([^"]+)"', page)
    assert len(sources) == 2
    for source in sources:
        status, data, headers = await browser.fetch(source)
        assert (status, headers["Content-Type"]) == (200, "image/jpeg")
        assert data.startswith(b"\xff\xd8\xff")
        assert headers["Cache-Control"] == "no-store"
    async with review.database.transaction(reading=True) as tx:
        looks = await tx.fetch("SELECT actor, object FROM audit WHERE tag = 'evidence:open'")
    assert [(row["actor"], row["object"]) for row in looks] == [(user("ravi"), number)] * 2
    for wrong in (f"{file}/0", f"{file}/3", f"{file}/x", f"{foreign}", f"{foreign}/1", "99999/1"):
        assert (await browser.get(f"{path}/file/{wrong}"))[0] == 404, wrong
    review.clock.pass_time(minutes=31)
    assert (await browser.get(sources[0]))[0] == 404


async def test_a_file_that_is_added_later_is_to_be_looked_at_first(
    browser: Browser, review: World
) -> None:
    number = await filed(review, "official")
    await review.review("ravi", f"!policy check {number} all")
    await shown(review, number)
    assert "before this is checked" in await review.review("ravi", f"!policy approve {number}")


async def test_links_are_not_kept_once_they_were_sent(review: World) -> None:
    number = await filed(review)
    token = find(r"(?<=/review/)\S+", await review.say("ravi", f"!policy show {number}"))
    async with review.database.transaction(reading=True) as tx:
        rows = [
            *await tx.fetch("SELECT data FROM outbox"),
            *await tx.fetch("SELECT token_hash FROM desks"),
        ]
    assert not any(token in str(tuple(row)) for row in rows)  # type: ignore[arg-type]
