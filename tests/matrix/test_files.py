"""Files are read by their first bytes, from the homeserver alone, and only where they are files."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from policybot.matrix.client import Client
from policybot.matrix.files import Files
from policybot.ports import Later

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00" + bytes(
    90_000
)


@dataclass
class Media:
    """A media repository."""

    files: Files
    answers: dict[str, web.Response] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def look(self, *uris: str) -> Any:
        content = {"msgtype": "m.gallery", "items": [{"url": uri} for uri in uris]}
        return await self.files.look_into(content)


@pytest.fixture
async def media() -> AsyncIterator[Media]:
    asked: list[str] = []
    answers: dict[str, web.Response] = {}

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        assert request.headers["Authorization"] == "Bearer token"
        return answers.get(request.match_info["id"], web.Response(status=404))

    app = web.Application()
    app.router.add_get("/_matrix/client/v1/media/download/{server}/{id}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with aiohttp.ClientSession() as session:
        address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield Media(Files(Client(address, "token", session)), answers, asked)
    await runner.cleanup()


async def test_a_file_is_known_by_its_beginning_and_its_length(media: Media) -> None:
    media.answers["a"] = web.Response(body=PNG, content_type="text/plain")
    found = await media.look("mxc://x.org/a")
    assert found == [{"kind": "image/png", "size": len(PNG), "animated": False}]


async def test_what_is_not_there_or_lies_elsewhere_is_not_known(media: Media) -> None:
    assert await media.look("mxc://x.org/none") == []
    away = {"Location": "http://169.254.169.254/"}
    media.answers["moved"] = web.Response(status=307, headers=away)
    assert await media.look("mxc://x.org/moved") == []


@pytest.mark.parametrize(
    "uri", ["mxc://x.org/../../admin", "mxc://x.org/a?b", "mxc:///a", "mxc://x.org/"]
)
async def test_what_is_no_address_of_a_file_is_not_asked_for(media: Media, uri: str) -> None:
    assert await media.look(uri) == []
    assert media.asked == []


async def test_a_busy_homeserver_is_asked_later(media: Media) -> None:
    for status in (429, 502, 504):
        media.answers["a"] = web.Response(status=status)
        with pytest.raises(Later):
            await media.look("mxc://x.org/a")


async def test_a_file_that_never_comes_holds_up_nobody(media: Media) -> None:
    for status in (502, 504):
        media.answers["a"] = web.json_response({"errcode": "M_NOT_YET_UPLOADED"}, status=status)
        assert await media.look("mxc://x.org/a") == []


async def test_a_file_that_is_not_there_hides_no_other(media: Media) -> None:
    media.answers["a"] = web.Response(body=PNG)
    found = await media.look("mxc://x.org/none", "mxc:///odd", "mxc://x.org/a")
    assert [file["kind"] for file in found] == ["image/png"]


async def test_of_one_message_eight_files_are_looked_into(media: Media) -> None:
    for n in range(12):
        media.answers[f"a{n}"] = web.Response(body=PNG)
    found = await media.look(*(f"mxc://x.org/a{n}" for n in range(12)))
    assert len(found) == len(media.asked) == 8
