"""Asking another server for JSON, on guard: it may be slow, huge, elsewhere than it says, or hostile."""

import asyncio
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, NoReturn
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from policybot.ports import SourceAway

_PATIENCE = aiohttp.ClientTimeout(total=5)
_LARGEST = 2**20
_AT_A_TIME = 8
_BUSY = 429
_BROKEN = 500
_REDIRECTS = range(300, 400)
MISSING = (404, 410)
"""Statuses that say that there is no such thing, or no more."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""Where IPv6 networks reach IPv4 addresses (RFC 6052)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: a status that is no redirect and no failure of its own, and an object."""

    status: int
    body: Mapping[str, Any] = field(repr=False)
    text: bytes = field(repr=False)
    """The body as it was sent."""

    @property
    def good(self) -> bool:
        """Whether the server did what it was asked for."""
        return self.status == 200  # noqa: PLR2004 - HTTP's own


class Missing(SourceAway):
    """The server does not have what it was asked for, and says so with something else than JSON."""


class Fetch:
    """Asks the server that the configuration names, and others that this one names.

    The operator may point at a host of their own network. What that host names may be elsewhere only
    with TLS and at a public address: nobody sends us to knock at doors behind the firewall.
    """

    def __init__(self, home: str) -> None:
        """Ask `home`, an address from the configuration, and what it names."""
        self._home = urlsplit(home)
        self._turn = asyncio.Semaphore(_AT_A_TIME)

    def check(self, url: object) -> str:
        """Take an address that the server named.

        Raises:
            SourceAway: it is no address, or none that may be used.
        """
        if not isinstance(url, str) or not url.isascii() or not url.isprintable():
            _away("it names something that is no address")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            _away("it names something that is no address")
        if not parts.hostname or "@" in parts.netloc or parts.fragment or port == 0:
            _away("it names an address that cannot be used")
        if parts.scheme != "https" and not self._same_server(parts):
            _away(f"it names an address without TLS, on {parts.hostname}")
        return url

    def _same_server(self, parts: SplitResult) -> bool:
        return (parts.scheme, parts.netloc) == (self._home.scheme, self._home.netloc)

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask for an object.

        Raises:
            SourceAway: the server is away, too slow, or does not answer as agreed.
            Missing: it is none of that, but has no such thing.
        """
        return await self._ask("GET", url, headers=dict(headers or {}), params=params)

    async def post(
        self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a form; for the rest as `get`."""
        return await self._ask("POST", url, headers=dict(headers or {}), data=form)

    async def _ask(self, method: str, url: str, *, headers: dict[str, str], **sent: Any) -> Answer:  # noqa: ANN401 - aiohttp's
        host = urlsplit(self.check(url)).hostname or ""
        # Packed bodies could unfold beyond any limit.
        headers |= {"Accept": "application/json", "Accept-Encoding": "identity"}
        at_home = host == self._home.hostname
        if not at_home:
            _refuse_private(host)
        resolver: AbstractResolver = ThreadedResolver() if at_home else _PublicResolver()
        try:
            async with (
                self._turn,
                aiohttp.ClientSession(
                    timeout=_PATIENCE,
                    trust_env=False,
                    auto_decompress=False,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    connector=aiohttp.TCPConnector(resolver=resolver, force_close=True),
                ) as session,
                session.request(method, url, headers=headers, allow_redirects=False, **sent) as answer,
            ):
                return await _read(host, answer)
        except TimeoutError:
            _away(f"{host} is too slow")
        except (aiohttp.ClientError, OSError) as error:
            # Its text may hold the address, and the address a token.
            _away(f"{host} cannot be reached ({type(error).__name__})")


async def _read(host: str, answer: aiohttp.ClientResponse) -> Answer:
    if answer.status in _REDIRECTS:
        _away(f"{host} sends us elsewhere (HTTP {answer.status})")
    if answer.status == _BUSY or answer.status >= _BROKEN:
        _away(f"{host} answers HTTP {answer.status}")
    is_json = answer.content_type == "application/json" or answer.content_type.endswith("+json")
    missing = Missing(f"{host} has nothing there (HTTP {answer.status})")
    if not is_json and answer.status in MISSING:
        raise missing
    if not is_json:
        _away(f"{host} answers HTTP {answer.status} with something else than JSON")
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > _LARGEST:
            _away(f"{host} answers with more than {_LARGEST // 2**20} MiB")
    found = parse(bytes(body))
    if found is None and answer.status in MISSING:
        raise missing
    if found is None:
        _away(f"{host} answers with something else than a JSON object")
    return Answer(answer.status, found, bytes(body))


def parse(text: bytes) -> dict[str, Any] | None:
    """Read a JSON object from a stranger; None if it is none."""
    try:
        found = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _no_number(_: str) -> NoReturn:
    message = "NaN and Infinity are no JSON"
    raise ValueError(message)


class _PublicResolver(ThreadedResolver):
    """Looks up names, and refuses those that lead into private networks."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look a name up; what is returned is what is connected to."""
        found = await super().resolve(host, port, family)
        for entry in found:
            _refuse_private(entry["host"])
        return found


def _refuse_private(host: str) -> None:
    """Refuse an address that is not public; a name passes, for it is looked up later."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return
    within = None
    if isinstance(address, IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            within = IPv4Address(int(address) & 0xFFFFFFFF)
    if not address.is_global or address.is_multicast or (within and not within.is_global):
        _away("it names an address in a private network")


def _away(reason: str) -> NoReturn:
    raise SourceAway(reason)
