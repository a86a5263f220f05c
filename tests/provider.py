"""A real OpenID provider for tests, run by node; and a browser that goes between it and our pages."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import aiohttp

from policybot.demo.children import die_with_parent
from tests.world import World, find

HOST = "policybot.example.org"
BACK = f"https://{HOST}/verify/back"
_FOLDER = Path(__file__).parent / "node"


@contextmanager
def provider(back: str = BACK) -> Iterator[str]:
    """Run a provider; gives its issuer, and stops it whatever happens."""
    if not (_FOLDER / "node_modules").exists():
        message = "the OpenID provider is missing: run `npm ci` in tests/node"
        raise RuntimeError(message)
    process = subprocess.Popen(
        [Path(sys.executable).parent / "node", "provider.mjs", back],
        cwd=_FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - nothing else runs yet
    )
    assert process.stdin
    assert process.stdout
    try:
        address = process.stdout.readline().strip()
        assert address, "the OpenID provider did not start"
        yield address
    finally:
        process.stdin.close()
        process.kill()
        process.wait()
        process.stdout.close()


@dataclass
class Page:
    """What a browser was shown."""

    status: int
    text: str
    headers: Any

    @property
    def leads_to(self) -> str:
        """Where the page sends the browser at once."""
        return find(r'(?<=; url=)[^"]+', self.text).replace("&amp;", "&")

    @property
    def code(self) -> str:
        """The code that the account is to send."""
        return find(r"(?<=!policy verify )\w{6}", self.text)


@dataclass
class Browser:
    """Somebody's browser: it keeps cookies, and says of itself what browsers say."""

    url: str
    outside: aiohttp.ClientSession
    """Its way to providers."""
    inside: aiohttp.ClientSession
    cookies: dict[str, str] = field(default_factory=dict)
    """Ours; for they are for https alone, and tests have none."""

    async def get(self, path: str) -> Page:
        return await self._ask("GET", path)

    async def post(self, path: str, **form: str) -> Page:
        return await self._ask("POST", path, data=form)

    async def _ask(self, method: str, path: str, **sent: Any) -> Page:
        headers = {"Host": HOST, "Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        async with self.inside.request(method, self.url + path, headers=headers, **sent) as answer:
            for line in answer.headers.getall("Set-Cookie", []):
                for name, morsel in SimpleCookie(line).items():
                    self.cookies[name] = morsel.value
                    if not morsel.value:
                        del self.cookies[name]
            return Page(answer.status, await answer.text(), answer.headers)

    async def login(self, url: str, person: str) -> str:
        """Log in at a provider as somebody; gives the path with which it sends the browser back."""
        cookie = {"Cookie": f"person={person}"}
        while not url.startswith(BACK):
            async with self.outside.get(url, headers=cookie, allow_redirects=False) as answer:
                assert answer.status in (302, 303), await answer.text()
                url = urljoin(url, answer.headers["Location"])
        return url.removeprefix(f"https://{HOST}")

    async def verify(self, path: str, way: str, person: str) -> Page:
        """Go a way in by login to its end."""
        gone = await self.post(path, way=way)
        assert gone.status == 200, gone.text
        return await self.get(await self.login(gone.leads_to, person))


@asynccontextmanager
async def browser(url: str) -> AsyncIterator[Browser]:
    """Open a browser."""
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as outside,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as inside,
    ):
        yield Browser(url, outside, inside)


async def link(world: World, who: str) -> str:
    """Let somebody ask for a link; gives the path of its page."""
    return find(r"/verify/\S+", await world.say(who, "!policy verify"))


def query(path: str) -> dict[str, str]:
    """Read what a browser brings back."""
    return dict(re.findall(r"[?&](\w+)=([^&]*)", path))
