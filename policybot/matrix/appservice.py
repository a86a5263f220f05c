"""The door for the homeserver: transactions come in, and are answered once they are safely handled.

    PUT /_matrix/app/v1/transactions/{id}
      wrong token → 403 · no JSON → 400 · too large → 413 · database away → 503, so it comes again
      otherwise every event, in order, in a database transaction of its own → 200

mautrix's own handler answers before its handlers have run and forgets their failures; therefore only
its server and its registration of routes are used here. Transaction IDs are not looked at: Synapse
counts them from one again after a restart. Events are deduplicated by their event IDs.
"""

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from mautrix.appservice import AppService
from mautrix.appservice.state_store import ASStateStore
from mautrix.client.state_store import MemoryStateStore

from policybot.domain.errors import NotFound
from policybot.matrix.network import Network
from policybot.store.database import DatabaseAway

log = logging.getLogger(__name__)

Event = Mapping[str, Any]
Handler = Callable[[Event], Awaitable[None]]
_Route = Callable[[web.Request], Awaitable[web.Response]]
AliasQuery = Callable[[str], Awaitable[bool]]

MAX_BODY = 64 * 2**20
"""Bytes. A transaction holds up to 100 events of 64 KiB, and may grow with extensions."""


class _NoStateStore(MemoryStateStore, ASStateStore):
    """Room state that mautrix would keep for itself; we keep our own."""

    def __init__(self) -> None:
        ASStateStore.__init__(self)
        MemoryStateStore.__init__(self)


class PolicyAppService(AppService):
    """mautrix's application service with a handler that loses nothing."""

    def __init__(  # noqa: PLR0913 - what a registration holds
        self,
        *,
        address: str,
        server_name: str,
        id: str,  # noqa: A002 - as in the registration
        localpart: str,
        as_token: str,
        hs_token: str,
        handle: Handler,
        network: Network,
        routes: Sequence[web.RouteDef] = (),
    ) -> None:
        """Hand every event to `handle`, in order; what it raises but `DatabaseAway` is a bug.

        `routes` are served at the same address, for others whom only the homeserver reaches there.
        """
        self._routes = routes
        super().__init__(
            server=address,
            domain=server_name,
            as_token=as_token,
            hs_token=hs_token,
            bot_localpart=localpart,
            id=id,
            loop=asyncio.get_running_loop(),
            state_store=_NoStateStore(),
            aiohttp_params={"client_max_size": MAX_BODY},
        )
        self._handle = handle
        self._network = network
        self._in_order = asyncio.Lock()

    def register_routes(self, app: web.Application) -> None:
        """Serve the current paths of the Application Service API, not the legacy ones."""
        prefix = "/_matrix/app/v1"
        app.router.add_put(f"{prefix}/transactions/{{transaction_id}}", self._transaction)
        app.router.add_post(f"{prefix}/ping", self._ping)
        app.router.add_get(f"{prefix}/users/{{user_id}}", self._unknown)
        app.router.add_get(f"{prefix}/rooms/{{alias}}", self._unknown)
        third = f"{prefix}/thirdparty"
        app.router.add_get(f"{third}/protocol/{{protocol}}", self._third(self._protocol))
        app.router.add_get(f"{third}/location/{{protocol}}", self._third(self._by_number))
        app.router.add_get(f"{third}/location", self._third(self._by_alias))
        app.router.add_get(f"{third}/user/{{protocol}}", self._unknown)
        app.router.add_get(f"{third}/user", self._unknown)
        app.router.add_routes(self._routes)

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Check the homeserver's token: from the header alone, in constant time."""
        given = request.headers.get("Authorization", "")
        wanted = f"Bearer {self.hs_token}"
        if hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode()):
            return None
        return _error(403, "M_FORBIDDEN", "wrong or missing token")

    async def _ping(self, request: web.Request) -> web.Response:
        return self._refusal(request) or web.json_response({})

    async def _unknown(self, request: web.Request) -> web.Response:
        """Answer that we make no users and no rooms on demand."""
        return self._refusal(request) or _error(404, "M_NOT_FOUND", "nothing is made on demand")

    # The network of filed rooms -----------------------------------------------------------------

    def _third(self, answer: Callable[[web.Request], Awaitable[object]]) -> _Route:
        """Check the token, then answer; what is asked comes from anybody's client."""

        async def answered(request: web.Request) -> web.Response:
            if (refusal := self._refusal(request)) is not None:
                return refusal
            try:
                return web.json_response(await answer(request))
            except NotFound as error:
                return _error(404, "M_NOT_FOUND", str(error))
            except DatabaseAway:
                return _error(503, "M_UNKNOWN", "please ask again")

        return answered

    async def _protocol(self, request: web.Request) -> object:
        return self._network.protocol(request.match_info["protocol"])

    async def _by_number(self, request: web.Request) -> object:
        wanted = request.query.get("number", "")
        return await self._network.by_number(request.match_info["protocol"], wanted)

    async def _by_alias(self, request: web.Request) -> object:
        return await self._network.by_alias(request.query.get("alias", ""))

    # Events -------------------------------------------------------------------------------------

    async def _transaction(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _error(413, "M_TOO_LARGE", "the transaction is too large")
        try:
            events = _events(json.loads(body))
        except (ValueError, RecursionError) as error:
            reason = "too deep" if isinstance(error, RecursionError) else "not JSON as expected"
            return _error(400, "M_NOT_JSON", reason)
        try:
            # One at a time: a transaction that is sent again while it is handled waits its turn.
            async with self._in_order:
                for event in events:
                    await self._handle(event)
        except DatabaseAway as error:
            log.warning("The database is away, so the homeserver has to send again: %s", error)
            return _error(503, "M_UNKNOWN", "please send it again")
        return web.json_response({})


def _events(data: object) -> list[Event]:
    """Read a transaction's events.

    Raises:
        ValueError: it has none, or they are not objects.
    """
    events = data.get("events") if isinstance(data, dict) else None
    if isinstance(events, list) and all(isinstance(event, dict) for event in events):
        return events
    message = "no list of events"
    raise ValueError(message)


def _error(status: int, code: str, text: str) -> web.Response:
    return web.json_response({"errcode": code, "error": text}, status=status)
