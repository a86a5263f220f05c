"""The form of a filing: saved while one writes, wrong fields named, files drawn anew, handed in once."""

import asyncio
import contextlib
import io
import json
import zipfile
from collections.abc import AsyncIterator

import aiohttp
import pytest

from policybot.store import filings
from policybot.web.site import HEADERS
from tests import pictures
from tests.applying import PURPOSE, fault, form, invited, saved, send, state, value
from tests.papers import Browser
from tests.serving import served
from tests.world import World, find, user

HOSTILE = "\u202e</textarea><script>alert(1)</script>\u2066 &amp; \x00 more than ten"


@pytest.fixture
async def browser(world: World) -> AsyncIterator[Browser]:
    async with served(world) as url, aiohttp.ClientSession() as session:
        yield Browser(session, url)


@pytest.fixture
async def path(world: World) -> str:
    """The form of Anna, who may file her room."""
    await world.verified("anna")
    await invited(world)
    return await form(world)


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "a")
    return out.getvalue()


async def files_of(world: World, number: int = 1) -> list[str]:
    async with world.database.transaction(reading=True) as tx:
        return [f.name for f in await world.app.services.evidence.files(tx, number)]


async def test_a_form_is_filled_in_and_handed_in(browser: Browser, world: World, path: str) -> None:
    for _ in range(3):
        status, page = await browser.get(path)
        assert status == 200, "looking uses nothing up"
    assert "@anna:example.org" in page
    assert page.count("Done:") == 5
    status, page = await send(browser, path, contact="desk@example.org")
    assert (status, page) == (303, "")
    status, page = await browser.get(path)
    assert (status, "F-1 is handed in" in page) == (200, True)
    assert "waiting for a reviewer" in page
    assert "https://matrix.to/#/@policybot:example.org" in page
    await world.work()
    assert "New filing F-1" in world.in_review()[-1]
    async with world.database.transaction(reading=True) as tx:
        filing = await filings.get(tx, "F-1")
    assert filing is not None
    assert filing.about.contact == "desk@example.org"


async def test_what_is_written_is_kept_right_or_wrong(browser: Browser, world: World, path: str) -> None:
    status, _ = await send(browser, path, "save", purpose="Short", deputy="anna?")
    assert status == 303
    _, page = await browser.get(path)
    assert (value(page, "purpose"), value(page, "deputy")) == ("Short", "anna?")
    assert "Saved at 09:00 UTC" in page
    status, page = await send(browser, path, purpose="Short", deputy="anna?", languages="what")
    assert status == 422
    assert (value(page, "purpose"), value(page, "deputy")) == ("Short", "anna?")
    assert "in a sentence" in fault(page, "purpose")
    assert "whole account" in fault(page, "deputy")
    assert '<a href="#languages">Languages</a>: «what»' in page
    assert 'aria-invalid="true" aria-describedby="purpose-hint purpose-error"' in page
    assert await state(world, "F-1") == "draft"
    _, page = await browser.get(path)
    assert value(page, "languages") == "what"


async def test_the_script_saves_and_hears_when_and_why_not(
    browser: Browser, world: World, path: str
) -> None:
    status, said = await saved(browser, path, purpose=PURPOSE)
    assert (status, said) == (200, {"saved": "2026-03-02T09:00:00+00:00"})
    _, page = await browser.get(path)
    assert value(page, "purpose") == PURPOSE
    status, said = await saved(browser, path, rules="x" * 60_000)
    assert (status, said["error"]) == (
        422,
        "The room's own rules: Please write at most 20,000 characters; these are 60,000.",
    )
    status, said = await saved(browser, path, rules="x" * 200_000)
    assert status == 413
    status, said = await saved(browser, "/file/unknown", purpose=PURPOSE)
    assert (status, "too old" in said["error"]) == (404, True)
    await send(browser, path)
    status, said = await saved(browser, path, purpose="Something else now")
    assert (status, "F-1 was handed in" in said["error"]) == (409, True)
    async with world.database.transaction(reading=True) as tx:
        filing = await filings.get(tx, "F-1")
    assert filing is not None
    assert filing.purpose == PURPOSE


async def test_one_account_sends_one_thing_at_a_time_while_it_writes(
    browser: Browser, world: World, path: str
) -> None:
    """A body that never ends takes one place, and not the memory of everybody."""
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nGar'
        begun.set()
        await asyncio.sleep(60)

    headers = browser.headers | {"Content-Type": "multipart/form-data; boundary=x"}
    slow = asyncio.create_task(
        browser.session.post(f"{browser.url}{path}/draft", data=endless(), headers=headers)
    )
    await begun.wait()
    await asyncio.sleep(0.2)
    status, said = await saved(browser, path, purpose=PURPOSE)
    assert (status, "already" in said["error"]) == (429, True)
    slow.cancel()
    with contextlib.suppress(asyncio.CancelledError, aiohttp.ClientError):
        await slow
    for _ in range(50):
        await asyncio.sleep(0.1)
        status, _said = await saved(browser, path, purpose=PURPOSE)
        if status == 200:
            break
    assert status == 200, "it is free again"


async def test_nobody_has_the_form_saved_or_looked_at_without_pause(
    browser: Browser, world: World, path: str
) -> None:
    """Each save is a write, and each look asks the homeserver several times."""
    answers = [(await saved(browser, path, purpose=PURPOSE))[0] for _ in range(91)]
    assert answers == [200] * 90 + [429]
    status, page = await browser.get(path)
    assert (status, "Please wait a minute" in page) == (429, True)
    status, _ = await send(browser, path, "save")
    assert status == 429
    await world.verified("tom")
    await invited(world, "tom", "!toms:example.org")
    assert (await browser.get(await form(world, "tom", "!toms:example.org")))[0] == 200


async def test_sixty_kilobytes_are_refused_at_their_field_and_shown_again(
    browser: Browser, path: str
) -> None:
    status, page = await send(browser, path, purpose="x" * 60_000)
    assert status == 422
    assert "at most 20,000 characters; these are 60,000" in fault(page, "purpose")
    assert len(value(page, "purpose")) == 60_000
    assert "It was not saved, and stands here as you wrote it" in page
    assert value(page, "contact") == ""


async def test_the_form_names_the_room_and_takes_its_name_for_no_markup(
    browser: Browser, world: World, path: str
) -> None:
    names = world.homeserver.rooms.state.setdefault(world.room, {})
    names["m.room.name"] = {"name": "Garden <b>talk</b>\u202e"}
    _, page = await browser.get(path)
    assert "«<bdi>Garden &lt;b&gt;talk&lt;/b&gt;</bdi>»" in page
    names["m.room.name"] = {"name": 17}
    assert (await browser.get(path))[0] == 200


async def test_nothing_that_is_typed_is_taken_for_markup(
    browser: Browser, world: World, path: str
) -> None:
    hostile = dict.fromkeys(
        ("purpose", "organisation", "audience", "contact", "rules", "deputy", "languages"), HOSTILE
    )
    status, page = await send(browser, path, kept_by="organisation", **hostile)
    assert status == 422
    assert "<script>" not in page
    assert page.count("<script ") == 1
    good = hostile | {"deputy": "", "languages": ""}
    status, _ = await send(browser, path, kept_by="organisation", **good)
    assert status == 303
    async with world.database.transaction(reading=True) as tx:
        filing = await filings.get(tx, "F-1")
    assert filing is not None
    for text in (filing.purpose, filing.about.organisation, filing.about.contact, filing.about.rules):
        assert text == "</textarea><script>alert(1)</script> &amp; more than ten"


async def test_what_has_to_hold_is_told_when_the_form_opens_and_when_it_is_handed_in(
    browser: Browser, world: World
) -> None:
    path = await form(world)
    _, page = await browser.get(path)
    assert "Please verify yourself first: !policy verify" in page
    assert "Please sign the agreement first" in page
    assert "Please invite @policybot:example.org to it" in page
    status, page = await send(browser, path)
    assert status == 422
    assert "It was not handed in. What you have written is kept." in page
    await world.verified("anna")
    await invited(world)
    assert (await send(browser, path))[0] == 303


async def test_a_homeserver_that_is_away_is_told_and_nothing_is_lost(
    browser: Browser, world: World, path: str
) -> None:
    world.homeserver.away = True
    status, page = await send(browser, path)
    assert (status, "does not answer me just now" in page) == (422, True)
    assert value(page, "purpose") == PURPOSE
    world.homeserver.away = False
    assert (await send(browser, path))[0] == 303


async def test_files_are_drawn_anew_listed_and_removed(
    browser: Browser, world: World, path: str
) -> None:
    data = pictures.photograph((400, 300))
    status, _ = await send(browser, path, "save", ("me\u202egpj.jpg", data), ("a.pdf", pictures.pdf(2)))
    assert status == 303
    _, page = await browser.get(path)
    assert "Remove «<bdi>megpj.jpg</bdi>» (1 page)" in page
    assert "Remove «<bdi>a.pdf</bdi>» (2 pages)" in page
    async with world.database.transaction() as tx:
        evidence = world.app.services.evidence
        kept, _ = await evidence.files(tx, 1)
        (drawn,) = await evidence.pictures(tx, user("ravi"), 1, kept.id)
    assert b"GPS" in data or b"Exif" in data
    assert b"Exif" not in drawn
    await send(browser, path, "save", remove=str(kept.id))
    assert await files_of(world) == ["a.pdf"]
    assert (await send(browser, path, remove="x 99 -1 \u0662"))[0] == 303
    assert await files_of(world) == ["a.pdf"], "handed in with the filing"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("lease.pdf", pictures.picture("PNG"), "«lease.pdf» is really a PNG picture"),
        ("me.jpg", pictures.pdf(), "«me.jpg» is really a PDF document"),
        ("lease.pdf", zipped(), "«lease.pdf» is a ZIP archive"),
        ("lease.pdf", b"MZ\x90\x00" + b"\x00" * 60, "«lease.pdf» is"),
        ("lease.pdf", b"<html><script>1</script></html>", "«lease.pdf» is a web page"),
        ("moving.webp", pictures.moving(), "is a WebP picture"),
        ("bomb.png", pictures.bomb(), "«bomb.png»: This picture is too large"),
        ("locked.pdf", pictures.locked_pdf(to_open=True), "«locked.pdf»: This PDF is protected"),
        ("long.pdf", pictures.pdf(6), "at most 5 pages"),
        ("empty.pdf", b"", "«empty.pdf» is empty"),
    ],
    ids=lambda it: it if isinstance(it, str) and "." in it else "",
)
async def test_a_file_that_is_not_taken_is_named_and_the_form_is_not_handed_in(
    browser: Browser, world: World, path: str, name: str, data: bytes, said: str
) -> None:
    status, page = await send(
        browser, path, "hand_in", ("good.png", pictures.picture("PNG")), (name, data)
    )
    assert status == 422
    assert said in fault(page, "files")
    assert await state(world, "F-1") == "draft"
    assert await files_of(world) == ["good.png"], "the other one is kept"
    assert value(page, "purpose") == PURPOSE


async def test_of_a_file_that_is_two_things_only_the_picture_stays(
    browser: Browser, world: World, path: str
) -> None:
    two = pictures.picture() + b"PK\x03\x04<script>alert(1)</script>%PDF-1.7"
    assert (await send(browser, path, "save", ("two.jpg", two)))[0] == 303
    async with world.database.transaction() as tx:
        (file,) = await world.app.services.evidence.files(tx, 1)
        (drawn,) = await world.app.services.evidence.pictures(tx, user("ravi"), 1, file.id)
    assert b"script" not in drawn


async def test_a_sixth_file_and_one_that_is_too_large_are_refused_and_no_word_is_lost(
    browser: Browser, world: World, path: str
) -> None:
    small = pictures.picture("PNG", (20, 20))
    six = [(f"{n}.png", small) for n in range(6)]
    status, page = await send(browser, path, "save", *six, audience="Everybody")
    assert status == 422
    assert "at most 5 files" in fault(page, "files")
    assert value(page, "audience") == "Everybody"
    assert len(await files_of(world)) == 5
    assert "What you have written is saved. Not all files were taken." in page
    status, page = await send(browser, path, "save", ("more.png", small))
    assert "can have 5 files" in fault(page, "files")
    large = ("large.png", small + bytes(9 * 2**20))
    status, page = await send(browser, path, "save", large, audience="Neighbours")
    assert (status, "each of at most 8 MiB" in fault(page, "files")) == (422, True)
    assert value(page, "audience") == "Neighbours"


async def test_who_is_not_verified_sends_no_files(browser: Browser, world: World) -> None:
    """Accounts cost nothing: whoever makes a thousand fills no vault, and has nothing decoded."""
    await invited(world, "tom", "!toms:example.org")
    path = await form(world, "tom", "!toms:example.org")
    status, page = await send(browser, path, "save", ("lease.jpg", pictures.picture()), purpose=PURPOSE)
    assert status == 422
    assert "!policy verify" in fault(page, "files")
    assert value(page, "purpose") == PURPOSE, "what is written is kept"
    assert await files_of(world) == []
    await world.verified("tom")
    status, page = await send(browser, path, "save", ("lease.jpg", pictures.picture()))
    assert status == 303
    assert await files_of(world) == ["lease.jpg"]


async def test_nobody_sends_files_all_day(browser: Browser, world: World, path: str) -> None:
    for _ in range(20):
        await send(browser, path, "save", ("x.png", b"no picture"))
    _, page = await send(browser, path, "save", ("x.png", pictures.picture("PNG")))
    assert "20 times in an hour" in fault(page, "files")
    assert (await send(browser, path))[0] == 303, "the form itself can be handed in"
    assert await state(world, "F-1") == "submitted"


async def test_dead_links_are_all_the_same(browser: Browser, world: World, path: str) -> None:
    world.clock.pass_time(minutes=31)
    for dead in (path, "/file/unknown", f"/file/{'x' * 3000}", "/file/%00", "/file/%F0%9F%92%A9"):
        status, page = await browser.get(dead)
        assert (status, "This link is too old" in page) == (404, True)
        assert (await send(browser, dead))[0] == 404


async def test_a_link_opens_the_form_of_its_account_and_no_other(
    browser: Browser, world: World, path: str
) -> None:
    await world.verified("tom")
    other = await form(world, "tom", "new")
    await send(browser, other, "save", purpose="That of Tom, and of nobody else")
    _, page = await browser.get(path)
    assert "Tom" not in page
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE filings SET applicant = $1 WHERE id = 1", user("tom"))
    assert (await browser.get(path))[0] == 404, "it was handed over meanwhile"


async def test_a_form_from_elsewhere_changes_nothing(browser: Browser, world: World, path: str) -> None:
    browser.headers["Sec-Fetch-Site"] = "cross-site"
    assert (await send(browser, path))[0] == 403
    assert (await browser.post(f"{path}/draft", {"purpose": PURPOSE}))[0] == 403
    assert await state(world, "F-1") == "draft"


async def test_two_who_press_at_once_hand_in_once(browser: Browser, world: World, path: str) -> None:
    came = await asyncio.gather(*(send(browser, path) for _ in range(4)))
    assert {status for status, _ in came} <= {200, 303, 409}
    assert any(status == 303 for status, _ in came)
    await world.work()
    assert sum("New filing" in text for text in world.in_review()) == 1


async def test_what_is_no_form_is_refused(browser: Browser, path: str) -> None:
    assert (await browser.post(path, {"purpose": PURPOSE}))[0] == 400
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert (await browser.post(path, b"--x\r\nnothing", **headers))[0] in (400, 422)


async def test_the_page_runs_our_own_script_and_nothing_else(browser: Browser, path: str) -> None:
    for where in (path, f"{path}?x=1"):
        _, _, headers = await browser.fetch(where)
        policy = headers["Content-Security-Policy"]
        assert "script-src 'self'; connect-src 'self';" in policy
        assert "unsafe" not in policy
        assert headers["Cache-Control"] == "no-store"
    _, script, headers = await browser.fetch("/file.js")
    assert headers["Content-Type"].startswith("text/javascript")
    assert b"innerHTML" not in script
    _, _, headers = await browser.fetch("/register")
    assert headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


async def test_a_question_stands_on_top_and_is_answered(
    browser: Browser, world: World, path: str
) -> None:
    await send(browser, path)
    await world.review("ravi", "!policy ask F-1 Which <b>language</b>?")
    path = await form(world, what="F-1")
    _, page = await browser.get(path)
    assert "Which &lt;b&gt;language&lt;/b&gt;?" in page
    status, page = await send(browser, path, languages="de")
    assert (status, fault(page, "answer")) == (422, "Please answer the reviewer.")
    assert (await send(browser, path, languages="de", answer="German"))[0] == 303
    await world.work()
    assert "the applicant answers: German" in world.in_review()[-1]


async def test_after_a_refusal_the_form_shows_why_and_the_old_words(
    browser: Browser, world: World, path: str
) -> None:
    await send(browser, path, contact="desk@example.org")
    await world.review("ravi", "!policy ask F-1 Why?")
    await world.review("ravi", "!policy reject F-1 It says <i>too little</i>")
    _, page = await browser.get(path)
    assert "F-1 is rejected" in page
    again = await form(world, what="F-1")
    _, page = await browser.get(again)
    assert "What was said of F-1" in page
    assert "It says &lt;i&gt;too little&lt;/i&gt;" in page
    assert value(page, "contact") == "desk@example.org"
    assert find("F-2", page)


async def test_every_field_has_a_label_and_says_who_reads_it(browser: Browser, path: str) -> None:
    _, page = await browser.get(path)
    for name in ("purpose", "organisation", "audience", "languages", "contact", "rules"):
        assert f'<label for="{name}">' in page
        hint = find(rf'(?s)id="{name}-hint">[^<]*', page)
        assert "Everybody can read this" in hint
    assert "Only reviewers see them" in page


async def test_the_register_shows_what_the_form_says_is_public_and_not_the_deputy(
    browser: Browser, world: World, path: str
) -> None:
    said = {
        "organisation": "The <i>Society</i>",
        "audience": "Neighbours",
        "languages": "de, en",
        "contact": "desk@example.org",
        "rules": "Be kind\nStay green",
    }
    await send(browser, path, kept_by="organisation", deputy="@tom:example.org", **said)
    await world.work()
    record = find(r"PB-\S+(?=\.)", await world.review("ravi", "!policy approve F-1"))
    _, page = await browser.get(f"/register/{record}")
    for text in (
        "The &lt;i&gt;Society&lt;/i&gt;",
        "Neighbours",
        "de, en",
        "desk@example.org",
        "Stay green",
    ):
        assert text in page
    assert "tom" not in page
    _, text = await browser.get(f"/register/{record}.json")
    entry = json.loads(text)
    assert {key: entry[key] for key in said} == said | {"languages": ["de", "en"]}
    _, found = await browser.get("/register?q=society")
    assert record in found


async def test_status_and_show_say_what_was_applied_for(
    browser: Browser, world: World, path: str
) -> None:
    assert "To go on: !policy file F-1" in await world.say("anna", "!policy status F-1")
    await send(browser, path, audience="Neighbours", deputy="@tom:example.org")
    await world.work()
    for answer in (
        await world.say("anna", "!policy status F-1"),
        await world.review("ravi", "!policy show F-1"),
    ):
        assert "For whom: Neighbours" in answer
        assert "Deputy: @tom:example.org" in answer
        assert "To go on" not in answer
