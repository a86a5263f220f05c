"""The pages for documents: the form with its limits, and what a reviewer opens by a one-time link."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from policybot.web import upload
from policybot.web.site import HEADERS
from tests import pictures
from tests.papers import HOST, NAME, NUMBER, OFFERED, TYPED, Browser, handed_in
from tests.serving import served
from tests.world import World, find
from tests.world import world as make_world


@pytest.fixture
async def papers(tmp_path: Path) -> AsyncIterator[World]:
    changes: dict[str, Any] = {"identity.document": OFFERED}
    async with make_world(tmp_path, **changes) as made:
        yield made


@pytest.fixture
async def browser(papers: World) -> AsyncIterator[Browser]:
    async with served(papers) as url, aiohttp.ClientSession() as session:
        yield Browser(session, url)


async def link(world: World, who: str = "anna") -> str:
    return find(r"/verify/\S+", await world.say(who, "!policy verify"))


async def form(world: World, who: str = "anna") -> str:
    return f"{await link(world, who)}/document"


async def test_the_way_leads_to_a_form_of_its_own(browser: Browser, papers: World) -> None:
    path = await link(papers)
    _, page = await browser.get(path)
    assert "Show a document" in page
    status, _ = await browser.post(path, {"way": "document"})
    assert status == 303
    status, page = await browser.get(f"{path}/document")
    assert status == 200
    assert '<option value="passport">Passport</option>' in page
    assert "JPEG, PNG, WebP or PDF" in page
    assert "If somebody else sent you this page, close it" in page, "it can be forwarded by itself"
    names = re.findall(r'name="(\w+)"', page)
    assert [n for n in names if n not in {"viewport", "robots"}] == [
        *("name", "kind", "country", "number", "files")
    ]
    for name in ("name", "kind", "country", "number", "files"):
        assert f'<label for="{name}">' in page


async def test_a_document_is_shown_sent_and_looked_at(browser: Browser, papers: World) -> None:
    """From the form to the reviewer's decision, as both of them see it."""
    status, page = await browser.upload(
        await form(papers), pictures.photograph((800, 600)), pictures.pdf()
    )
    assert status == 200, page
    assert "Z*** C***" in page
    assert "a reviewer looks at your document" in page
    assert NAME not in page
    answer = await papers.say("anna", find(r"!policy verify \w{6}", page))
    document = find(r"D-\d+", answer)

    path = find(r"/document/\S+", await papers.say("ravi", f"!policy show {document}"))
    for _ in range(3):
        status, page = await browser.get(path)
        assert status == 200
        assert NAME not in page, "a preview of the link sees nothing and uses nothing up"
    status, page = await browser.post(path)
    assert status == 200
    assert NAME in page
    assert NUMBER in page
    assert "anna" not in page, "and not whose account it is"
    shown = re.findall(r'src="(/document/picture/[^"]+)"', page)
    assert len(shown) == 2
    for source in shown:
        status, data, headers = await browser.fetch(source)
        assert (status, headers["Content-Type"]) == (200, "image/jpeg")
        assert headers["Content-Disposition"] == "inline"
        assert headers["Cache-Control"] == "no-store"
        assert {name: headers.get(name) for name in HEADERS} == HEADERS
        assert data.startswith(b"\xff\xd8\xff")
        assert b"GPS" not in data
        assert (await browser.fetch(source))[0] == 404, "each is given once"
    assert (await browser.post(path))[0] == 404, "the link is used up"
    assert (await browser.get(path))[0] == 404

    approve = find(r"/document/approve/[^\"]+", page)
    status, page = await browser.post(approve)
    assert (status, f"{document} is approved" in page) == (200, True)
    await papers.work()
    assert any("has looked at your document" in text for text in papers.told("anna"))
    assert "level substantial" in await papers.say("anna", "!policy me")
    assert (await browser.post(approve))[0] == 409, "it is decided"
    path = find(r"/document/\S+", await papers.say("ravi", f"!policy show {document}"))
    _, page = await browser.post(path)
    assert NUMBER not in page
    assert "nothing more to decide" in page


async def test_a_page_about_another_name_than_the_accounts_offers_no_approval(
    browser: Browser, papers: World
) -> None:
    await papers.verified("anna")
    page = await opened(browser, papers, await handed_in(papers, "anna"))
    assert "verified already, under another name" in page
    assert "/document/approve/" not in page
    assert "anna" not in page.lower(), "neither the account nor the other name"
    refuse = find(r"/document/refuse/[^\"]+", page)
    assert (await browser.post(refuse, {"reason": "It bears another name."}))[0] == 200


async def opened(browser: Browser, papers: World, document: str) -> str:
    path = find(r"/document/\S+", await papers.say("ravi", f"!policy show {document}"))
    return (await browser.post(path))[1]


async def test_a_document_is_refused_on_the_page_with_a_reason(browser: Browser, papers: World) -> None:
    page = await opened(browser, papers, await handed_in(papers, "anna"))
    refuse = find(r"/document/refuse/[^\"]+", page)
    for empty in ({}, {"preset": "", "reason": "  "}, {"preset": "made up"}):
        status, page = await browser.post(refuse, empty)
        assert (status, "choose or write a reason" in page) == (422, True)
    given = {"preset": "The pictures cannot be read.", "reason": "<b>Too dark</b>"}
    status, page = await browser.post(refuse, given)
    assert (status, "is refused" in page) == (200, True)
    await papers.work()
    assert "Reason: The pictures cannot be read. <b>Too dark</b>" in papers.told("anna")[-1]


async def test_a_link_for_one_purpose_is_good_for_no_other(browser: Browser, papers: World) -> None:
    document = await handed_in(papers, "anna")
    invitation = find(r"(?<=/document/)\S+", await papers.say("ravi", f"!policy show {document}"))
    assert (await browser.post(f"/document/approve/{invitation}"))[0] == 404
    assert (await browser.get(f"/document/picture/{invitation}"))[0] == 404
    page = await opened(browser, papers, document)
    decide = find(r"(?<=/document/approve/)[^\"]+", page)
    picture = find(r"(?<=/document/picture/)[^\"]+", page)
    assert (await browser.post(f"/document/{decide}"))[0] == 404
    assert (await browser.post(f"/document/approve/{picture}"))[0] == 404
    assert (await browser.get(f"/document/picture/{decide}"))[0] == 404


async def test_what_was_opened_is_gone_after_fifteen_minutes(browser: Browser, papers: World) -> None:
    document = await handed_in(papers, "anna")
    path = find(r"/document/\S+", await papers.say("ravi", f"!policy show {document}"))
    page = await opened(browser, papers, document)
    assert (await browser.post(path))[0] == 404, "a newer link voids the older one"
    papers.clock.pass_time(minutes=15)
    picture, decide = find(r"/document/picture/[^\"]+", page), find(r"/document/approve/[^\"]+", page)
    assert (await browser.get(picture))[0] == 404
    assert (await browser.post(decide))[0] == 404
    await papers.tick()
    async with papers.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT COUNT(*) AS value FROM openings") == 0


async def test_who_opens_is_on_record_before_anything_is_decrypted(
    browser: Browser, papers: World
) -> None:
    """With the keys of the vault gone nothing opens, and yet it is on record who tried."""
    document = await handed_in(papers, "anna")
    path = find(r"/document/\S+", await papers.say("ravi", f"!policy show {document}"))
    papers.config.key_file.unlink()
    status, page = await browser.post(path)
    assert status == 503
    assert NAME not in page
    async with papers.database.transaction(reading=True) as tx:
        actor = await tx.value("SELECT actor AS value FROM audit WHERE tag = 'document:open'")
    assert actor == "@ravi:example.org"


async def test_a_document_cannot_be_decided_from_elsewhere(browser: Browser, papers: World) -> None:
    page = await opened(browser, papers, await handed_in(papers, "anna"))
    approve = find(r"/document/approve/[^\"]+", page)
    status, _ = await browser.post(approve, **{"Sec-Fetch-Site": "cross-site"})
    assert status == 403


async def test_a_picture_with_another_ending_is_taken_and_a_text_is_not(
    browser: Browser, papers: World
) -> None:
    path = await form(papers)
    status, page = await browser.upload(path, b"only a text", name="photo.jpg")
    assert (status, "no JPEG, PNG, WebP or PDF file, whatever its name" in page) == (422, True)
    status, page = await browser.upload(path, pictures.picture("PNG"), name="photo.jpg")
    assert status == 200


async def test_mistakes_are_told_by_field_and_what_was_typed_stays(
    browser: Browser, papers: World
) -> None:
    path = await form(papers)
    status, page = await browser.upload(path, pictures.picture(), country="Kenya", kind="", number="1")
    assert status == 422
    for name in ("country", "kind", "number"):
        assert f'id="{name}-error"' in page
        assert re.search(rf'name="{name}"[^>]*aria-invalid="true"[^>]*{name}-error', page)
    assert 'id="name-error"' not in page
    assert f'value="{NAME}"' in page
    assert 'value="Kenya"' in page
    assert "Files have\nto be chosen again" in page
    status, page = await browser.upload(path, name="<script>alert(1)</script>")
    assert (status, 'id="files-error"' in page) == (422, True)
    async with papers.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT number AS value FROM uploads") == 2, (
            "each was counted before it was read"
        )


async def test_what_is_typed_is_never_taken_for_html(browser: Browser, papers: World) -> None:
    typed = TYPED | {"name": '"><script>alert(1)</script>', "country": "<b>"}
    data = aiohttp.FormData(default_to_multipart=True)
    for key, value in typed.items():
        data.add_field(key, value)
    _, page = await browser.post(await form(papers), data)
    assert "<script>" not in page
    assert "<b>" not in page


async def test_a_name_is_shown_to_a_reviewer_as_text(browser: Browser, papers: World) -> None:
    page = await opened(browser, papers, await handed_in(papers, "anna", name="<img src=x> Evil"))
    assert "<bdi>&lt;img src=x&gt; Evil</bdi>" in page


@pytest.mark.parametrize(
    ("files", "status", "says"),
    [
        ([], 422, "choose at least one file"),
        ([b""], 422, "A file is empty"),
        ([b"", pictures.picture()], 422, "A file is empty"),
        ([pictures.picture()] * 4, 422, "at most 3 files"),
        ([pictures.picture()] * 5, 413, "at most 3 files"),
        ([pictures.picture()[:500]], 422, "cannot be read"),
        ([pictures.picture(), pictures.moving()], 422, "File 2: This picture moves"),
        ([pictures.bomb()], 422, "too large"),
        ([bytes(8 * 2**20 + 1)], 413, "at most 8 MiB"),
    ],
    ids=["none", "empty", "one-empty", "four", "five", "truncated", "second-moves", "bomb", "large"],
)
async def test_files_that_are_not_taken_are_refused_in_words(
    browser: Browser, papers: World, files: list[bytes], status: int, says: str
) -> None:
    got, page = await browser.upload(await form(papers), *files)
    assert (got, says in page) == (status, True), page
    async with papers.database.transaction(reading=True) as tx:
        assert (
            await tx.value("SELECT COUNT(*) AS value FROM vault_fields WHERE field_group <> 'roster'")
            == 0
        )


async def test_thirty_megabytes_are_refused_by_what_the_browser_says_of_them(
    browser: Browser, papers: World
) -> None:
    path, sent = await form(papers), 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(30):
            sent += 2**20
            yield bytes(2**20)

    kind = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(30 * 2**20)}
    try:
        status, page = await browser.post(path, body(), **kind)
    except aiohttp.ClientError:
        pytest.fail("the answer has to arrive")
    assert (status, "at most 8 MiB" in page) == (413, True)
    assert sent < 30 * 2**20


async def test_thirty_megabytes_are_refused_while_they_stream(papers: World, browser: Browser) -> None:
    """A browser that does not say how much will come is stopped soon after the limit."""
    sent = 0
    reader, writer = await begun_upload(await form(papers), browser.url)

    def chunk(data: bytes) -> None:
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))

    chunk(b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n')
    answer = asyncio.create_task(reader.read(12))
    while not answer.done() and sent < 30:
        chunk(bytes(2**20))
        await writer.drain()
        await asyncio.sleep(0.01)
        sent += 1
    assert (await answer).endswith(b"413")
    assert 8 <= sent < 12
    writer.close()


FORM = "multipart/form-data; boundary=x"


def part(about: str, data: bytes) -> bytes:
    return b"--x\r\nContent-" + about.encode() + b"\r\n\r\n" + data + b"\r\n"


FIELD, FILE, END = (
    'Disposition: form-data; name="name"',
    'Disposition: form-data; name="files"',
    b"--x--\r\n",
)
NESTED = part("Type: multipart/mixed; boundary=y", b"--y\r\n\r\n1\r\n--y--")


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        pytest.param("application/x-www-form-urlencoded", b"name=x", 422, id="urlencoded"),
        pytest.param("multipart/form-data", END, 400, id="no-boundary"),
        pytest.param("multipart/form-data; boundary=" + "x" * 100, END, 400, id="long-boundary"),
        pytest.param(FORM, b"nonsense", 400, id="no-multipart"),
        pytest.param(FORM, part("Disposition: form-data", b"a") + END, 400, id="no-name"),
        pytest.param(FORM, part(FIELD, b"\xff\xfe") + END, 400, id="not-utf8"),
        pytest.param(FORM, part(FIELD, b"x" * 3000) + END, 413, id="long-text"),
        pytest.param(FORM, part(FIELD, b"1") * 40 + END, 413, id="many-parts"),
        pytest.param(FORM, NESTED + END, 400, id="nested"),
        pytest.param(FORM, part(FILE, b"ends in the mid")[:-2], 400, id="cut-off"),
    ],
)
async def test_what_is_no_form_is_refused(
    browser: Browser, papers: World, content_type: str, body: bytes, status: int
) -> None:
    got, _ = await browser.post(await form(papers), body, **{"Content-Type": content_type})
    assert got == status


async def test_the_seventh_upload_within_an_hour_is_refused(browser: Browser, papers: World) -> None:
    path = await form(papers)
    for _ in range(6):
        assert (await browser.upload(path, b"only a text"))[0] == 422
    status, page = await browser.upload(path, pictures.picture())
    assert (status, "try again in an hour" in page) == (409, True)
    assert (await browser.get(path))[0] == 409


async def test_of_two_uploads_the_last_one_counts(browser: Browser, papers: World) -> None:
    path = await form(papers)
    pages = [await browser.upload(path, pictures.picture()) for _ in range(2)]
    assert [status for status, _ in pages] == [200, 200]
    codes = [find(r"!policy verify \w{6}", page) for _, page in pages]
    answers = [await papers.say("anna", code) for code in codes]
    assert sum("with our reviewers" in answer for answer in answers) == 1
    async with papers.database.transaction(reading=True) as tx:
        kept = await tx.value(
            "SELECT COUNT(*) AS value FROM vault_fields WHERE field_group LIKE 'picture%'"
        )
    assert kept == 1


async def test_who_has_a_document_waiting_is_told_before_the_form(
    browser: Browser, papers: World
) -> None:
    document = await handed_in(papers, "anna")
    path = await form(papers)
    for status, page in (await browser.get(path), await browser.upload(path, pictures.picture())):
        assert (status, f"{document} is with our reviewers already" in page) == (409, True)


async def test_a_dead_link_takes_no_file(browser: Browser, papers: World) -> None:
    assert (await browser.upload("/verify/unknown/document", pictures.picture()))[0] == 404
    path = await form(papers)
    papers.clock.pass_time(minutes=31)
    assert (await browser.upload(path, pictures.picture()))[0] == 404


async def begun_upload(path: str, url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Begin to send a form, and stay in the middle of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nSec-Fetch-Site: same-origin\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    )
    await writer.drain()
    return reader, writer


async def test_a_browser_that_hangs_is_not_waited_for(
    browser: Browser, papers: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "_SECONDS", 0.1)
    reader, writer = await begun_upload(await form(papers), browser.url)
    assert (await reader.read(12)).endswith(b"408")
    writer.close()


async def test_one_account_cannot_keep_the_others_out(
    browser: Browser, papers: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await form(papers)
    monkeypatch.setattr(upload, "_SECONDS", 1.5)
    held = [await begun_upload(path, browser.url) for _ in range(2)]
    answers = [asyncio.create_task(reader.read(12)) for reader, _ in held]
    done, _ = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result()[-3:] for task in done] == [b"409"], "the second of one account has to wait"
    async with papers.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT number AS value FROM uploads") == 1, "counted before it is read"
    assert (await browser.upload(await form(papers, "tom"), pictures.picture()))[0] == 200
    assert sorted([(await task)[-3:] for task in answers]) == [b"408", b"409"]
    for _, writer in held:
        writer.close()


async def test_other_pages_take_no_files(browser: Browser, papers: World) -> None:
    data = aiohttp.FormData(default_to_multipart=True)
    data.add_field("way", "roster")
    data.add_field("files", bytes(20_000), filename="a.jpg")
    status, _ = await browser.post(await link(papers), data)
    assert status == 413


async def test_the_form_is_not_there_where_documents_are_not_offered(world: World) -> None:
    paths = {resource.canonical for resource in world.app.pages().router.resources()}
    assert "/verify/{token}/document" not in paths
