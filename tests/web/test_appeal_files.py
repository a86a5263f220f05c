"""Files with an appeal: shown on its page, drawn anew, seen by who decides, on record, and forgotten."""

import html
import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from policybot.store.database import Tx
from tests import pictures
from tests.consoles import opened
from tests.flows.test_rights import archive
from tests.papers import Browser
from tests.web.test_appeal_page import SUSPEND, WHY, Visitor, key_of, settled, suspended, visitors
from tests.web.test_pages import HOST
from tests.web.test_report_form import SAME
from tests.world import World, user

PHOTO = pictures.picture(size=(300, 200))
NAME = "Canary-lease.jpg"


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async for made in visitors(tmp_path):
        yield made


@pytest.fixture
async def any_visitor(tmp_path: Path, database_url: str) -> AsyncIterator[Visitor]:
    async for made in visitors(tmp_path, database_url):
        yield made


async def shown(
    visitor: Visitor, key: str, *files: tuple[str, bytes], text: str = WHY, **more: str
) -> tuple[int, str]:
    """Send the form as a browser does, with files."""
    form = aiohttp.FormData({"text": text, **more})
    for name, data in files or [("", b"")]:
        form.add_field("files", io.BytesIO(data), filename=name, content_type="application/octet-stream")
    async with visitor.session.post(f"{visitor.url}/appeal/{key}", data=form, headers=SAME) as answer:
        page = html.unescape(await answer.text())
    await visitor.world.work()
    return answer.status, page


async def kept(tx: Tx) -> tuple[int, int]:
    """Count the files, and the pictures in the vault."""
    files = await tx.value("SELECT COUNT(*) AS value FROM evidence_files")
    sql = "SELECT COUNT(*) AS value FROM vault_fields WHERE field_group LIKE 'picture-%'"
    return int(files), int(await tx.value(sql))


async def counted(world: World) -> tuple[int, int]:
    async with world.database.transaction(reading=True) as tx:
        return await kept(tx)


async def looks(world: World) -> list[str]:
    async with world.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT actor FROM audit WHERE tag = 'evidence:open' AND object = 'C-1'")
        return [row["actor"] for row in rows]


async def test_a_suspended_person_shows_files_and_who_decides_looks_at_them_on_record(
    any_visitor: Visitor,
) -> None:
    visitor, world = any_visitor, any_visitor.world
    case = await suspended(world)
    key = key_of(world)
    _, page = await visitor.get(key)
    assert "Files that show it" in page
    status, page = await shown(visitor, key, (NAME, PHOTO), ("talk.pdf", pictures.pdf(pages=2)))
    assert status == 200
    for said in ("«<bdi>Canary-lease.jpg</bdi>» (1 page)", "«<bdi>talk.pdf</bdi>» (2 pages)"):
        assert said in page, page
    status, page = await shown(visitor, key, ("more.png", pictures.picture("PNG")), do="add")
    assert (status, "more.png" in page) == (200, True)
    assert await counted(world) == (3, 4)
    assert "Files that the person shows: 3" in await world.review("ravi", f"!policy brief {case}")
    browser = Browser(visitor.session, visitor.url)
    queue = await opened(world, browser, "ravi")
    _, page = await browser.get(f"{queue}/{case}")
    assert "Canary-lease.jpg" in page
    for n in (1, 2, 3):
        assert f"/file/{n}/1/blurred" in page
    assert await looks(world) == [], "the page itself shows nothing clearly"
    status, page = await browser.get(f"{queue}/{case}/file/2/2")
    assert (status, "It is on record that you looked" in page) == (200, True)
    seen = {}
    for how in ("blurred", "clear"):
        address = f"{visitor.url}{queue}/{case}/file/1/1/{how}"
        async with visitor.session.get(address, headers={"Host": HOST}) as answer:
            assert (answer.status, answer.content_type) == (200, "image/jpeg")
            seen[how] = await answer.read()
    assert seen["blurred"] != seen["clear"] != PHOTO
    assert len(seen["blurred"]) < len(seen["clear"])
    assert await looks(world) == [user("ravi")]
    assert (await browser.get(f"{queue}/{case}/file/99/1"))[0] == 404
    assert (await browser.get(f"{queue}/{case}/file/2/3"))[0] == 404
    assert await world.leaks() == []


async def test_who_had_a_part_in_the_matter_sees_no_file(visitor: Visitor) -> None:
    """I14: the one who confirmed it decides appeals, and not this one."""
    world = visitor.world
    case = await suspended(world)
    await shown(visitor, key_of(world), ("a.jpg", PHOTO))
    browser = Browser(visitor.session, visitor.url)
    queue = f"{await opened(world, browser, 'otto')}/appeals"
    for path in (f"{case}/file/1/1", f"{case}/file/1/1/blurred", f"{case}/file/1/1/clear"):
        assert (await browser.get(f"{queue}/{path}"))[0] == 404, path
    assert await looks(world) == []


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("talk.jpg", b"MZ\x90\x00" + bytes(200), "program"),
        ("talk.png", PHOTO, "is really a JPEG picture"),
        ("talk.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "Please send a PDF"),
        ("bomb.png", pictures.bomb(), "bomb.png"),
        ("empty.jpg", b"", "is empty"),
        ("large.jpg", PHOTO + bytes(9 * 2**20), "at most 8 MiB"),
    ],
)
async def test_a_file_that_cannot_be_taken_leaves_the_appeal_unsent_and_its_words_there(
    visitor: Visitor, name: str, data: bytes, said: str
) -> None:
    world = visitor.world
    await suspended(world)
    status, page = await shown(visitor, key_of(world), ("good.jpg", PHOTO), (name, data))
    assert (status, said in page, WHY in page) == (422, True, True), page
    assert "Please choose your files again" in page
    assert await visitor.rows("SELECT * FROM appeals") == []
    assert await counted(world) == (0, 0)


async def test_an_appeal_has_five_files_and_nobody_sends_without_end(visitor: Visitor) -> None:
    world = visitor.world
    await suspended(world)
    key = key_of(world)
    five = [(f"{n}.jpg", PHOTO) for n in range(5)]
    status, page = await shown(visitor, key, *five, (".jpg", PHOTO))
    assert (status, "at most 5 files" in page) == (422, True)
    assert (await shown(visitor, key, *five))[0] == 200
    status, page = await shown(visitor, key, ("6.jpg", PHOTO), do="add")
    assert (status, "An appeal can have 5 files" in page) == (422, True)
    await shown(visitor, key, do="withdraw")
    status, page = await shown(visitor, key, ("6.jpg", PHOTO), do="add")
    assert (status, "was taken back" in page) == (422, True)
    assert (await shown(visitor, "f" * 64, ("6.jpg", PHOTO)))[0] == 404
    assert await counted(world) == (5, 5)


async def test_what_was_shown_is_in_the_export_and_goes_ninety_days_after_the_decision(
    any_visitor: Visitor,
) -> None:
    visitor, world = any_visitor, any_visitor.world
    case = await suspended(world)
    await shown(visitor, key_of(world), ("a.jpg", PHOTO))
    await world.tick(days=100)
    assert await counted(world) == (1, 1), "it waits, however late it is"
    exported = await archive(world, "tom")
    assert exported["evidence_files.json"][user("tom")][0]["appeal"] == "C-1"
    assert exported["shown.json"]["C-1-file-1"] == [{"name": "a.jpg"}]
    await world.review("ravi", f"!policy uphold {case} He threatened her, whatever he shows")
    await world.tick(days=89)
    assert await counted(world) == (1, 1)
    await world.tick(days=2)
    assert await counted(world) == (0, 0)
    _, page = await visitor.get(key_of(world))
    assert "What you showed" not in page


async def test_somebody_outside_reads_that_there_are_files_and_how_to_ask_about_them(
    tmp_path: Path,
) -> None:
    """No file goes to another server; what they are told to do is something that they can do."""
    outside = "@olga:ombuds.example"
    async for visitor in visitors(tmp_path, appeals={"external_reviewers": [outside]}):
        world = visitor.world
        case = await world.reported(reporter="ravi", text="Anna, tonight I come for your tomatoes")
        await settled(world, f"{case} R3 S3 {SUSPEND} Threatened a neighbour // He went on at night")
        status, _ = await shown(visitor, key_of(world), (NAME, PHOTO))
        assert status == 200
        brief = await world.say(outside, f"!policy brief {case}")
        assert f"shows: 1. You cannot see them; to ask what they show: !policy ask {case}" in brief
        assert "console" not in brief
        assert "Asked." in await world.say(outside, f"!policy ask {case} What does the picture show?")
