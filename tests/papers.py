"""A world in which documents are a way in, with what people do in it."""

import io
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from policybot.domain.identity import Claim
from policybot.domain.particulars import Particulars
from policybot.domain.private import Private
from policybot.services.verifications import hashed
from tests import pictures
from tests.world import World, find

HOST = "policybot.example.org"
OFFERED: dict[str, Any] = {
    "title": "Show a document",
    "assurance": "substantial",
    "kinds": [{"id": "passport", "title": "Passport"}, {"id": "staff-card", "title": "Staff card"}],
    "reasons": ["The pictures cannot be read."],
}
NAME, NUMBER = "Zuri Canary-document", "K4NARY-7788"
TYPED = {"name": NAME, "kind": "passport", "country": "KE", "number": NUMBER}
ANNA, RAVI = "@anna:example.org", "@ravi:example.org"


async def page_code(world: World, account: str, number: str = NUMBER, name: str = NAME) -> str:
    """Let somebody hand in a document by the page that was made for an account."""
    services = world.app.services
    token_hash = hashed(find(r"(?<=/verify/)\S+", await world.say(account, "!policy verify")))
    typed = Particulars("passport", "KE", Private(number), {Claim.NAME: Private(name)})
    record = services.documents.record(typed)
    blind = await services.verifications.blind(record)
    async with world.database.transaction() as tx:
        code = await services.verifications.found(tx, token_hash, record, blind)
        await services.documents.enclose(tx, token_hash, typed, [pictures.picture()])
    return code


async def handed_in(world: World, account: str, number: str = NUMBER, name: str = NAME) -> str:
    """Let somebody hand in a document and send the code; return its number."""
    code = await page_code(world, account, number, name)
    return find(r"D-\d+", await world.say(account, f"!policy verify {code}"))


async def seen(world: World, document: str, reviewer: str = "ravi") -> str:
    """Let a reviewer open a document; return the secret with which the page decides."""
    answer = await world.say(reviewer, f"!policy show {document}")
    token = find(r"(?<=/document/)\S+", answer)
    async with world.database.transaction() as tx:
        opened = await world.app.services.openings.open(tx, token)
    return opened.decide


@dataclass
class Browser:
    """Somebody's browser."""

    session: aiohttp.ClientSession
    url: str
    headers: dict[str, str] = field(
        default_factory=lambda: {"Host": HOST, "Sec-Fetch-Site": "same-origin"}
    )

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(self.url + path, headers=self.headers) as answer:
            return answer.status, await answer.text()

    async def fetch(self, path: str) -> tuple[int, bytes, Any]:
        async with self.session.get(self.url + path, headers=self.headers) as answer:
            return answer.status, await answer.read(), answer.headers

    async def post(self, path: str, data: Any = None, **headers: str) -> tuple[int, str]:
        said = self.headers | headers
        async with self.session.post(
            self.url + path, data=data, headers=said, allow_redirects=False
        ) as answer:
            return answer.status, await answer.text()

    async def upload(
        self, path: str, *files: bytes, name: str = "photo.jpg", **typed: str
    ) -> tuple[int, str]:
        form = aiohttp.FormData(default_to_multipart=True)
        for key, value in (TYPED | typed).items():
            form.add_field(key, value)
        for data in files:
            form.add_field("files", io.BytesIO(data), filename=name, content_type="image/jpeg")
        return await self.post(path, form)
