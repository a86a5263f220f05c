"""Synapse's list of rooms without Synapse: as many as one likes, and faults that the real one lacks.

`tests/acceptance/test_unfiled.py` holds its answers against the real one's.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from policybot.matrix.client import Client
from policybot.matrix.listing import Listing
from policybot.matrix.synapse import Synapse

Row = dict[str, Any]


def row(room_id: str, creator: str | None, name: str | None = "A room", **more: Any) -> Row:
    """Write a room as the list shows it."""
    return {
        "room_id": room_id,
        "name": name,
        "canonical_alias": None,
        "joined_members": 1,
        "joined_local_members": 1,
        "version": "12",
        "creator": creator,
        "encryption": None,
        "federatable": True,
        "public": True,
        "join_rules": "public",
        "guest_access": None,
        "history_visibility": "shared",
        "state_events": 8,
        "room_type": None,
    } | more


@dataclass
class FakeList:
    """A homeserver that answers what a scan asks."""

    rooms: list[Row] = field(default_factory=list)
    users: dict[str, Row] = field(default_factory=dict)
    """Accounts with something special about them; all others are there and well."""
    aliases: dict[str, str] = field(default_factory=dict)
    refuses: int = 0
    """The status with which it refuses the list; 0 if it does not."""
    asked: int = 0
    """How often the list was asked for."""
    before_page: Callable[[int], None] | None = None
    """Called with the offset before a page is made."""
    paths: list[str] = field(default_factory=list)

    def page(self, start: int, limit: int) -> Row:
        """Answer as Synapse does to `order_by=creator`."""
        ordered = sorted(self.rooms, key=lambda r: (r["creator"] or "", str(r["room_id"])))
        answer: Row = {
            "offset": start,
            "rooms": ordered[start : start + limit],
            "total_rooms": len(ordered),
        }
        if start + limit < len(ordered):
            answer["next_batch"] = start + limit
        if start > 0:
            answer["prev_batch"] = max(0, start - limit)
        return answer

    async def _list(self, request: web.Request) -> web.Response:
        self.asked += 1
        query = request.query
        assert (query["public_rooms"], query["order_by"], query["dir"]) == ("true", "creator", "f")
        start, limit = int(query["from"]), int(query["limit"])
        if self.before_page is not None:
            self.before_page(start)
        if self.refuses:
            body = {"errcode": "M_FORBIDDEN", "error": "You are not a server admin"}
            return web.json_response(body, status=self.refuses)
        return web.json_response(self.page(start, limit))

    async def _user(self, request: web.Request) -> web.Response:
        user_id = request.match_info["user_id"]
        found = self.users.get(user_id, {"name": user_id})
        if found.get("gone"):
            return web.json_response({"errcode": "M_NOT_FOUND", "error": "User not found"}, status=404)
        return web.json_response(found)

    async def _alias(self, request: web.Request) -> web.Response:
        room_id = self.aliases.get(request.match_info["alias"])
        if room_id is None:
            return web.json_response({"errcode": "M_NOT_FOUND", "error": "No such alias"}, status=404)
        return web.json_response({"room_id": room_id, "servers": []})

    @web.middleware
    async def _note(self, request: web.Request, handler: Any) -> Any:
        self.paths.append(request.path)
        return await handler(request)

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._note])
        app.router.add_get("/_synapse/admin/v1/rooms", self._list)
        app.router.add_get("/_synapse/admin/v2/users/{user_id}", self._user)
        app.router.add_get("/_matrix/client/v3/directory/room/{alias}", self._alias)
        return app


@asynccontextmanager
async def listing(fake: FakeList) -> AsyncIterator[Listing]:
    """Serve a list on loopback, and read it as policybot does."""
    async with TestServer(fake.application()) as server, aiohttp.ClientSession() as session:
        client = Client(str(server.make_url("")).rstrip("/"), "token", session)
        yield Listing(client, Synapse(client))
