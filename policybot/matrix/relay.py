"""The door for clients' reports that a reverse proxy sends here instead of to the homeserver.

    POST /_matrix/client/{v3,r0,unstable}/rooms/{room}/report/{event}
    POST /_matrix/client/{v3,r0,unstable}/rooms/{room}/report
    POST /_matrix/client/{v3,r0,unstable}/users/{user}/report

Each goes on to the homeserver as it came, with its sender's own token, and the homeserver's answer goes
back, whatever becomes of the report here. What the homeserver has accepted is taken in, as far as it
concerns us. The token is asked about, once, whose it is; it is neither kept nor logged.

      the homeserver is away → 502 · it does not answer in time → 504 · too large → 413
      the same is on its way already → 429
"""

import asyncio
import hashlib
import json
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import aiohttp
from aiohttp import web
from yarl import URL

from policybot.domain import pointed
from policybot.domain.case import Subject, SubjectKind
from policybot.domain.private import Private
from policybot.ports import Later, RoomReader
from policybot.services.intake import Intake, unsorted
from policybot.services.setting import Setting
from policybot.store.database import Database, DatabaseAway

log = logging.getLogger(__name__)

_PATH = re.compile(
    r"/_matrix/client/(?:v3|r0|unstable)/"
    r"(?:rooms/(?P<room>[^/?#]+)/report(?:/(?P<event>[^/?#]+))?|users/(?P<user>[^/?#]+)/report)"
    r"(?:\?[^#]*)?"
)
_ROUTES = ("rooms/{room}/report/{event}", "rooms/{room}/report", "users/{user}/report")
_WHOAMI = "/_matrix/client/v3/account/whoami"
_LARGEST = 128 * 1024
"""Bytes of a report: twice those of the largest event."""
_LARGEST_ANSWER = 64 * 1024
_TIMEOUT = 30.0
"""Seconds after which the homeserver is not waited for any more."""
_PATIENCE = 5.0
"""Seconds for which the client waits until a report that the homeserver has accepted is taken in."""
_PAUSE = 5.0
_TRIES = 60
_MOST_WAITING = 1000
"""Reports that wait in memory while the database is away."""
_KNOWN_FOR = 60.0
_MOST_KNOWN = 1000
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "X-Requested-With, Content-Type, Authorization",
}
"""As the Client-Server API recommends: clients run in browsers."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A report as it came: where it goes, and what shows whose it is."""

    path: str
    body: bytes
    credentials: Private
    """The header `Authorization`."""

    @property
    def mark(self) -> bytes:
        """What is the same for the same report of the same client."""
        shown = self.credentials.reveal().encode("utf-8", "surrogateescape")
        path = self.path.encode("utf-8", "surrogateescape")
        return hashlib.sha256(b"\n".join((shown, path, self.body))).digest()

    @property
    def query(self) -> str:
        """What stands after the path: an application service says there for whom it speaks."""
        return self.path.partition("?")[2]


class Relay:
    """The routes for clients' reports."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of the door
        self,
        setting: Setting,
        database: Database,
        intake: Intake,
        reader: RoomReader,
        session: aiohttp.ClientSession,
        timeout: float = _TIMEOUT,
    ) -> None:
        """Pass on to the configured homeserver."""
        self._setting = setting
        self._database = database
        self._intake = intake
        self._reader = reader
        self._session = session
        self._timeout = timeout
        self._address = setting.config.homeserver.address
        self._known: dict[bytes, tuple[str, float]] = {}
        """Whose a token is, by its hash, and until when that is believed."""
        self._waiting: set[asyncio.Task[None]] = set()
        self._on_its_way: set[bytes] = set()

    def routes(self) -> list[web.RouteDef]:
        """Name the routes."""
        prefix = "/_matrix/client/{version:v3|r0|unstable}"
        return [
            one
            for route in _ROUTES
            for one in (
                web.post(f"{prefix}/{route}", self._report),
                web.options(f"{prefix}/{route}", self._preflight),
            )
        ]

    async def _preflight(self, _: web.Request) -> web.Response:
        return web.Response(status=204, headers=_CORS)

    async def _report(self, request: web.Request) -> web.Response:
        match = _PATH.fullmatch(request.raw_path)
        if match is None or _leads_elsewhere(match):
            return _error(404, "M_UNRECOGNIZED", "there is no such address")
        body = bytearray()
        async for chunk in request.content.iter_chunked(2**16):
            body += chunk
            if len(body) > _LARGEST:
                return _error(413, "M_TOO_LARGE", f"at most {_LARGEST} bytes")
        credentials = Private(request.headers.get("Authorization", ""))
        asked = _Asked(request.raw_path, bytes(body), credentials)
        if asked.mark in self._on_its_way:
            # If what is taken for the homeserver is the proxy before it, it comes back here for ever.
            log.warning("The same report came twice at once: is homeserver.address the homeserver?")
            return _error(429, "M_LIMIT_EXCEEDED", "this is on its way already", retry_after_ms=1000)
        self._on_its_way.add(asked.mark)
        try:
            return await self._answer(asked, match)
        finally:
            self._on_its_way.discard(asked.mark)

    async def _answer(self, asked: _Asked, match: re.Match[str]) -> web.Response:
        """Pass a report on, take it in if the homeserver does, and answer as it answers."""
        at = self._setting.now()
        try:
            answer = await self._pass_on(asked)
        except TimeoutError:
            return _error(504, "M_UNKNOWN", "the homeserver did not answer in time; please try again")
        except (aiohttp.ClientError, OSError, ValueError):
            return _error(502, "M_UNKNOWN", "the homeserver cannot be reached; please try again")
        if answer.status // 100 == HTTPStatus.OK // 100:
            subject = _subject(match)
            if subject is not None and len(self._waiting) < _MOST_WAITING:
                task = asyncio.create_task(self._take(asked, subject, at))
                self._waiting.add(task)
                task.add_done_callback(self._waiting.discard)
                await asyncio.wait({task}, timeout=_PATIENCE)
            elif subject is not None:
                log.error("A report was passed on and not taken in: too many wait for the database")
        return answer

    async def _pass_on(self, asked: _Asked) -> web.Response:
        """Send a report to the homeserver, and make its answer ours.

        Raises:
            TimeoutError: it does not answer in time.
            ClientError, OSError: it cannot be reached.
        """
        headers = {"Content-Type": "application/json"}
        if asked.credentials:
            headers["Authorization"] = asked.credentials.reveal()
        async with (
            asyncio.timeout(self._timeout),
            self._session.post(
                URL(self._address + asked.path, encoded=True),
                data=asked.body,
                headers=headers,
                allow_redirects=False,
                skip_auto_headers=("User-Agent",),
            ) as answer,
        ):
            said = await _whole(answer)
            kept = {"Retry-After": answer.headers.get("Retry-After")}
            return web.Response(
                status=answer.status,
                body=said,
                content_type=answer.content_type,
                charset="utf-8",
                headers=_CORS | {name: value for name, value in kept.items() if value},
            )

    # What is taken in ----------------------------------------------------------------------------

    async def _take(self, asked: _Asked, subject: Subject, at: datetime) -> None:
        """Take a report in; while the database or the homeserver is away, try again for some minutes."""
        for _ in range(_TRIES):
            try:
                await self._take_once(asked, subject, at)
            except (DatabaseAway, Later, aiohttp.ClientError, TimeoutError, OSError) as error:
                log.warning("A report that was passed on waits: %s", type(error).__name__)
                await asyncio.sleep(_PAUSE)
            except Exception as error:  # noqa: BLE001 - its text may hold what somebody wrote
                log.error("A report that was passed on cannot be taken in: %s", type(error).__name__)  # noqa: TRY400
                return
            else:
                return
        log.error("A report that was passed on was not taken in, for the database stayed away")

    async def _take_once(self, asked: _Asked, subject: Subject, at: datetime) -> None:
        if subject.room_id is not None and not await self._intake.governs(
            self._database, subject.room_id
        ):
            return
        reporter = await self._whose(asked)
        if reporter is None:
            return
        if subject.event_id is not None and subject.room_id is not None:
            author = await self._author(subject.room_id, subject.event_id)
            subject = Subject(subject.kind, subject.room_id, subject.event_id, author)
        told = unsorted(subject, _reason(asked.body))
        async with self._database.transaction() as tx:
            await self._intake.relayed(tx, reporter, told, at)

    async def _author(self, room_id: str, event_id: str) -> str | None:
        try:
            return await self._reader.author_of(room_id, event_id) or None
        except Later:
            return None  # it is learned when a copy is fetched

    async def _whose(self, asked: _Asked) -> str | None:
        """Ask the homeserver whose token it is; None if it is nobody's.

        Raises:
            Later: the homeserver is failing.
        """
        shown = f"{asked.credentials.reveal()}\n{asked.query}".encode("utf-8", "surrogateescape")
        key, now = hashlib.sha256(shown).digest(), time.monotonic()
        self._known = {k: v for k, v in self._known.items() if v[1] > now}
        if key in self._known:
            return self._known[key][0]
        query = f"?{asked.query}" if asked.query else ""
        async with (
            asyncio.timeout(self._timeout),
            self._session.get(
                URL(f"{self._address}{_WHOAMI}{query}", encoded=True),
                headers={"Authorization": asked.credentials.reveal()} if asked.credentials else {},
                allow_redirects=False,
            ) as answer,
        ):
            if answer.status in (429, 500, 502, 503, 504):
                message = f"{answer.status} for a token"
                raise Later(message)
            said = _parsed(await _whole(answer))
        user_id = said.get("user_id")
        if not isinstance(user_id, str) or not pointed.is_account(user_id):
            return None
        if len(self._known) < _MOST_KNOWN:
            self._known[key] = (user_id, now + _KNOWN_FOR)
        return user_id


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    """Read an answer, as far as one may be long."""
    data = bytearray()
    async for chunk in answer.content.iter_chunked(2**13):
        data += chunk
        if len(data) >= _LARGEST_ANSWER:
            break
    return bytes(data)


def _leads_elsewhere(match: re.Match[str]) -> bool:
    """Say whether an address would be another one to a proxy that decodes it before it looks."""
    parts = (part for found in match.groups() if found for part in unquote(found).split("/"))
    return not {".", ".."}.isdisjoint(parts)


def _subject(match: re.Match[str]) -> Subject | None:
    """Read what a report is about; None if that is nothing that could be."""
    room, event, user = (unquote(match[name] or "") for name in ("room", "event", "user"))
    if user:
        return Subject(SubjectKind.USER, user_id=user) if pointed.is_account(user) else None
    if not pointed.is_id(room, "!") or (event and not pointed.is_id(event, "$")):
        return None
    if event:
        return Subject(SubjectKind.EVENT, room, event)
    return Subject(SubjectKind.ROOM, room)


def _reason(body: bytes) -> object:
    return _parsed(body).get("reason")


def _parsed(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _error(status: int, code: str, text: str, **more: object) -> web.Response:
    body = {"errcode": code, "error": text, **more}
    return web.json_response(body, status=status, headers=_CORS)
