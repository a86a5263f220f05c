"""The door for the module in the homeserver: it takes the view from here, and says what it has refused.

    POST /gate/view     a page of the view, or what changed of it; waits for that if it is asked to
    POST /gate/rules    the rules that refuse something
    POST /gate/refused  a numbered batch of refusals; the same batch of the same process counts once

      wrong token → 403 · not what was agreed on → 400 · too large → 413 · another protocol → 409
      too many are waiting → 429 · the database is away → 503

What is asked and answered is written down in `wire`.
"""

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from aiohttp import web

from policybot import __version__
from policybot.config.gate import GateSection
from policybot.domain.private import Private
from policybot.gate import wire
from policybot.gate.wire import PROTOCOL, Garbage, Head, Newcomer, Page
from policybot.services.feed import Crowded, Feed, Part
from policybot.services.refusals import Refusals
from policybot.services.setting import Setting
from policybot.store import modules
from policybot.store.database import Database, DatabaseAway, from_ms
from policybot.store.modules import Module
from policybot.store.refusals import Refused

log = logging.getLogger(__name__)

Route = Callable[[web.Request], Awaitable[web.Response]]

_QUESTION = 64 * 2**10
_BATCH = 2**20
"""Bytes of a batch of refusals."""
_MOST_REFUSED = 1_000
_LONGEST_WAIT = 25.0
_LONGEST_NAME = 100
_MOST_TOLD = 200
"""Processes of which it is remembered what they were told last."""
_REMEMBER_EVERY = timedelta(minutes=1)


class TooLarge(Exception):  # noqa: N818 - an answer
    """A body that is larger than it may be."""


class Token:
    """The secret by which whoever asks at the gate is known."""

    def __init__(self, section: GateSection) -> None:
        """Compare with the one of the configuration."""
        self._secret = Private(section.token.get_secret_value())

    def refusal(self, request: web.Request) -> web.Response | None:
        """Check what a request shows: in its header alone, in constant time."""
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if hmac.compare_digest(given, b"Bearer " + self._secret.reveal().encode()):
            return None
        return error(403, "M_FORBIDDEN", "wrong or missing token: it is gate.token of policybot")


def error(status: int, code: str, text: str, **more: object) -> web.Response:
    """Answer that something cannot be answered."""
    return web.json_response({"errcode": code, "error": text, **more}, status=status)


async def read(request: web.Request, most: int) -> Mapping[str, Any]:
    """Read a body that is a JSON object.

    Raises:
        TooLarge: it has more bytes than it may have.
        Garbage: it is none.
    """
    body = bytearray()
    async for chunk in request.content.iter_chunked(2**16):
        body += chunk
        if len(body) > most:
            raise TooLarge
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        message = "not a JSON object"
        raise Garbage(message)
    return data


@dataclass(frozen=True, slots=True)
class Question:
    """From where on a module asks for the view, and how long it waits for a change."""

    since: int | None
    after: str | None
    wait: float

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Question":
        """Read one.

        Raises:
            Garbage: it is none.
        """
        since = None if data.get("since") is None else _number(data, "since")
        after = data.get("after")
        if after is not None and not isinstance(after, str):
            message = "after: a cursor, or null"
            raise Garbage(message)
        wait = data.get("wait", 0)
        if isinstance(wait, bool) or not isinstance(wait, int | float) or not 0 <= wait <= _LONGEST_WAIT:
            message = f"wait: 0 to {_LONGEST_WAIT:.0f} seconds"
            raise Garbage(message)
        return cls(since, after, float(wait))


class ModuleDoor:
    """The routes for the module."""

    def __init__(
        self, token: Token, setting: Setting, database: Database, feed: Feed, heard: Refusals
    ) -> None:
        """Give away what the feed gives."""
        self._token = token
        self._now = setting.now
        self._database = database
        self._feed = feed
        self._refusals = heard
        self._told: dict[str, Head] = {}
        """What the processes that ask here were told last of what counts for everybody."""
        self._remembered: dict[str, Module] = {}

    def routes(self) -> list[web.RouteDef]:
        """Name the routes."""
        return [
            web.post("/gate/view", self._answered(self._view, _QUESTION)),
            web.post("/gate/rules", self._answered(self._rules, _QUESTION)),
            web.post("/gate/refused", self._answered(self._refused, _BATCH)),
        ]

    def _answered(self, answer: Callable[[Mapping[str, Any]], Awaitable[object]], most: int) -> Route:
        async def answered(request: web.Request) -> web.Response:
            if (refusal := self._token.refusal(request)) is not None:
                return refusal
            try:
                data = await read(request, most)
                if (protocol := _protocol(data)) != PROTOCOL:
                    await self._stranger(data)
                    return error(409, "M_UNKNOWN", _other(protocol))
                return web.json_response(await answer(data))
            except (TooLarge, Garbage, Crowded, DatabaseAway) as trouble:
                return _in_words(trouble, most)

        return answered

    # The view ------------------------------------------------------------------------------------

    async def _view(self, data: Mapping[str, Any]) -> object:
        asked = Question.of(data)
        module = self._module(data)
        await self._remember(module)
        if asked.since is None or asked.after is not None:
            try:
                part = await self._feed.everything(self._database, asked.after)
            except ValueError as wrong:
                message = f"after: {wrong}"
                raise Garbage(message) from None
        else:
            # What counts for everybody has no clock: whoever may not know it is told at once.
            knows = self._told.get(module.instance) == self._head()
            wait = asked.wait if knows else 0
            part = await self._feed.changes(self._database, asked.since, wait)
        head = self._head()
        self._told.pop(module.instance, None)
        self._told[module.instance] = head
        if len(self._told) > _MOST_TOLD:
            del self._told[next(iter(self._told))]
        return wire.page_out(replace(_page(part, head), now=self._now()))

    def _head(self) -> Head:
        said = self._feed.heading
        return Head(said.house, said.bound, said.stopped, said.rules)

    async def _stranger(self, data: Mapping[str, Any]) -> None:
        """Remember a module of another protocol, for the doctor."""
        with suppress(Garbage):
            await self._remember(self._module(data))

    def _module(self, data: Mapping[str, Any]) -> Module:
        return Module(
            instance=_name(data, "instance"),
            worker=_name(data, "worker"),
            version=_name(data, "module"),
            protocol=_protocol(data),
            seen_at=self._now(),
        )

    async def _remember(self, module: Module) -> None:
        """Remember who asks, once a minute; that the database is away keeps nobody from the view."""
        known = self._remembered.get(module.instance)
        same = known is not None and (known.version, known.protocol) == (module.version, module.protocol)
        if known is not None and same and module.seen_at - known.seen_at < _REMEMBER_EVERY:
            return
        if len(self._remembered) >= _MOST_TOLD:
            self._remembered = {}
        self._remembered[module.instance] = module
        try:
            async with self._database.transaction() as tx:
                await modules.seen(tx, module)
        except DatabaseAway as away:
            log.warning("It is not remembered which modules ask: %s", away)

    # The rules -----------------------------------------------------------------------------------

    async def _rules(self, _: Mapping[str, Any]) -> object:
        rules = self._feed.rules
        # There may be 10,000 words in them.
        return await asyncio.to_thread(wire.rules_out, rules.version, rules.mechanisms)

    # Refusals ------------------------------------------------------------------------------------

    async def _refused(self, data: Mapping[str, Any]) -> object:
        instance, batch, told = _name(data, "instance"), _number(data, "batch"), data.get("refused")
        if not isinstance(told, list) or len(told) > _MOST_REFUSED:
            message = f"refused: a list of at most {_MOST_REFUSED}"
            raise Garbage(message)
        # What is odd in it is left out: it would be no less odd if it were sent again.
        refused = [one for entry in told if (one := _one(entry)) is not None]
        async with self._database.transaction() as tx:
            if await modules.takes(tx, instance, batch, self._now()):
                await self._refusals.record(tx, refused)
        return {}


def _in_words(trouble: Exception, most: int) -> web.Response:
    match trouble:
        case TooLarge():
            return error(413, "M_TOO_LARGE", f"at most {most} bytes")
        case Crowded():
            return error(429, "M_LIMIT_EXCEEDED", "too many are waiting", retry_after_ms=5000)
        case DatabaseAway():
            return error(503, "M_UNKNOWN", "please ask again")
    return error(400, "M_BAD_JSON", str(trouble))


def _page(part: Part, head: Head) -> Page:
    return Page(
        clock=part.clock,
        head=head,
        whole=part.whole,
        more=part.more,
        rooms=part.rooms,
        accounts=part.accounts,
        curbs=part.curbs,
        newcomers=[
            Newcomer(room_id, user_id, known.entered_at if known else None, bool(known and known.posted))
            for room_id, user_id, known in part.newcomers
        ],
    )


def _one(entry: object) -> Refused | None:
    """Read one refusal; None if it is none."""
    if not isinstance(entry, dict):
        return None
    try:
        return Refused(
            code=_text(entry["code"]),
            rule_id=_text(entry.get("rule") or ""),
            room_id=_text(entry.get("room") or ""),
            user_id=_text(entry["user"]),
            at=from_ms(_count(entry["at"])),
            number=min(_count(entry["count"]), 10**6),
        )
    except (KeyError, TypeError, OverflowError, ValueError, OSError):
        return None


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    message = "no text"
    raise TypeError(message)


def _count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62:
        return value
    message = "no number"
    raise TypeError(message)


def _name(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value.isprintable():
        return value
    message = f"{key}: a text of 1 to {_LONGEST_NAME} characters"
    raise Garbage(message)


def _number(data: Mapping[str, Any], key: str) -> int:
    try:
        return _count(data.get(key))
    except TypeError:
        message = f"{key}: a number"
        raise Garbage(message) from None


def _protocol(data: Mapping[str, Any]) -> int:
    return _number(data, "protocol")


def _other(protocol: int) -> str:
    return (
        f"policybot {__version__} speaks protocol {PROTOCOL} here, and this module protocol {protocol}. "
        f"Install the same wheel in the homeserver: pip install policybot=={__version__}"
    )
