"""The door for other programs that report: JSON in, JSON out, each known by its token.

POST /intake/reports            takes a report in → 201; what is known already → 200
GET  /intake/reports/{receipt}  says where one of one's own stands

  wrong token → 403 · not what was agreed on → 400 · unknown → 404 · contradicts itself → 409
  too large → 413 · too many → 429 · the database is away → 503
"""

import hmac
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from aiohttp import web

from policybot.config import Config
from policybot.domain import number, pointed
from policybot.domain.case import SubjectKind
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.name import one_line
from policybot.domain.permission import Permission
from policybot.domain.pointed import Pointed
from policybot.domain.private import Private
from policybot.domain.report import MOST_TEXT, UNSORTED, Report
from policybot.ports import RoomReader
from policybot.services.intake import Contradicted, Intake, Told, TooMany, said
from policybot.store.database import Database, DatabaseAway
from policybot.web.site import machine_route, route

_PATH = "/intake/reports"
_LARGEST = 64 * 1024
_FEWEST_TEXT = 3
_LONGEST_REFERENCE = 200
_KEYS = frozenset({"room_id", "event_id", "user_id", "server_name", "link", "rule", "text", "reference"})
_NAMES: Mapping[str, Collection[SubjectKind]] = {
    "link": tuple(SubjectKind),
    "user_id": (SubjectKind.USER,),
    "server_name": (SubjectKind.SERVER,),
    "room_id": (SubjectKind.ROOM, SubjectKind.EVENT),
}
"""By which key a program names what."""
_SUBJECT = "give either link, or user_id, or server_name, or room_id with or without event_id"

Answer = Callable[[web.Request, str], Awaitable[web.Response]]


class Garbage(Exception):  # noqa: N818 - an answer
    """A report that is not what was agreed on; the message says why."""


class ToolDoor:
    """The routes for other programs."""

    def __init__(self, config: Config, database: Database, intake: Intake, reader: RoomReader) -> None:
        """Know each program by its token."""
        self._tools = {
            tool.name: Private(tool.token.get_secret_value()) for tool in config.reports.tools
        }
        self._rules = {rule.id for rule in config.rules}
        self._database = database
        self._intake = intake
        self._reader = reader

    def routes(self) -> list[web.RouteDef]:
        """Name the routes; there are none without a program."""
        if not self._tools:
            return []
        needs = Permission.REPORT_SEND
        return [
            machine_route(_PATH, self._answered(self._take)),
            route("GET", f"{_PATH}/{{receipt}}", self._answered(self._state), needs=needs),
        ]

    def _answered(self, answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answered(request: web.Request) -> web.Response:
            tool = self._who(request)
            if tool is None:
                return _error(403, "M_FORBIDDEN", "wrong or missing token")
            try:
                return await answer(request, tool)
            except (
                *(web.HTTPRequestEntityTooLarge, Garbage, NotFound, Contradicted),
                *(OutOfOrder, TooMany, DatabaseAway),
            ) as trouble:
                return _in_words(trouble)

        return answered

    def _who(self, request: web.Request) -> str | None:
        """Say whose token a request shows; each is compared, in constant time."""
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        found = None
        for name, token in self._tools.items():
            if hmac.compare_digest(given, b"Bearer " + token.reveal().encode()):
                found = name
        return found

    async def _take(self, request: web.Request, tool: str) -> web.Response:
        body = await _body(request)
        about, told = self._read(body)
        reference, sent = str(body.get("reference") or ""), said(dict(body))
        subject = await self._intake.locate(self._database, self._reader, about)
        async with self._database.transaction() as tx:
            report, is_new = None, False
            if reference:
                report = await self._intake.again(tx, tool, reference, sent)
            if report is None:
                report, is_new = await self._intake.from_tool(tx, tool, reference, Told(subject, *told))
        return web.json_response(_described(report), status=201 if is_new else 200)

    def _read(self, body: Mapping[str, Any]) -> tuple[Pointed, tuple[str, str]]:
        """Read what is reported, with its rule and words.

        Raises:
            Garbage: it is not what was agreed on.
        """
        for key, value in body.items():
            if key not in _KEYS:
                message = (
                    f"{one_line(key, 40)}: there is no such key; there are {', '.join(sorted(_KEYS))}"
                )
                raise Garbage(message)
            if value is not None and not isinstance(value, str):
                message = f"{key}: a text"
                raise Garbage(message)
        rule = body.get("rule") or UNSORTED
        if rule != UNSORTED and rule not in self._rules:
            message = f"rule: one of {', '.join(sorted(self._rules))}, or none"
            raise Garbage(message)
        text = body.get("text") or ""
        if not _FEWEST_TEXT <= len(one_line(text, 2 * MOST_TEXT)) <= MOST_TEXT:
            message = f"text: {_FEWEST_TEXT} to {MOST_TEXT} characters"
            raise Garbage(message)
        reference = body.get("reference") or ""
        if len(reference) > _LONGEST_REFERENCE or not reference.isprintable():
            message = f"reference: up to {_LONGEST_REFERENCE} characters on one line"
            raise Garbage(message)
        return _about(body), (rule, text)

    async def _state(self, request: web.Request, tool: str) -> web.Response:
        async with self._database.transaction(reading=True) as tx:
            report = await self._intake.of_tool(tx, tool, request.match_info["receipt"])
        return web.json_response(_described(report))


async def _body(request: web.Request) -> Mapping[str, Any]:
    """Read a body that is a JSON object.

    Raises:
        Garbage: it is none.
        HTTPRequestEntityTooLarge: it has more bytes than it may have.
    """
    raw = await request.clone(client_max_size=_LARGEST).read()
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        message = "not a JSON object"
        raise Garbage(message)
    return data


def _about(body: Mapping[str, Any]) -> Pointed:
    """Read what a report is about.

    Raises:
        Garbage: nothing, or several things.
    """
    given = [key for key in _NAMES if body.get(key)]
    event = body.get("event_id")
    if len(given) != 1 or (event and given != ["room_id"]):
        raise Garbage(_SUBJECT)
    (key,) = given
    found = pointed.read(body[key]) if key == "link" else pointed.of(body[key], event)
    if found is None or found.kind not in _NAMES[key]:
        which = "room_id, event_id" if key == "room_id" else key
        message = f"{which}: this is nothing that could be found"
        raise Garbage(message)
    return found


def _described(report: Report) -> dict[str, Any]:
    return {
        "receipt": report.receipt,
        "case": number.case(report.case_id),
        "state": "resolved" if report.outcome else "open",
        "outcome": report.outcome.value if report.outcome else None,
        "received_at": report.received_at.isoformat(),
    }


def _in_words(trouble: Exception) -> web.Response:
    match trouble:
        case web.HTTPRequestEntityTooLarge():
            return _error(413, "M_TOO_LARGE", f"at most {_LARGEST} bytes")
        case NotFound():
            return _error(404, "M_NOT_FOUND", str(trouble))
        case Contradicted():
            return _error(409, "M_UNKNOWN", str(trouble))
        case TooMany(wait=wait):
            seconds = round(wait.total_seconds())
            answer = _error(429, "M_LIMIT_EXCEEDED", str(trouble), retry_after_ms=1000 * seconds)
            answer.headers["Retry-After"] = str(seconds)
            return answer
        case OutOfOrder() | DatabaseAway():
            return _error(503, "M_UNKNOWN", "please send it again in a minute")
    return _error(400, "M_BAD_JSON", str(trouble))


def _error(status: int, code: str, text: str, **more: object) -> web.Response:
    return web.json_response({"errcode": code, "error": text, **more}, status=status)
