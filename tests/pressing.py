"""Synapse's lists of reports by button without Synapse: with faults that the real one lacks.

`tests/acceptance/test_presses.py` holds its answers against the real one's.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from policybot.matrix.client import Client
from policybot.matrix.presses import Presses
from policybot.matrix.synapse import Synapse
from policybot.services.presses import Presses as Service
from tests.world import World, user

Row = dict[str, Any]


@dataclass
class FakeButton:
    """A homeserver on which people press the button."""

    events: list[Row] = field(default_factory=list)
    users: list[Row] = field(default_factory=list)
    now: Callable[[], int] = lambda: 0
    """Gives the time of a press in milliseconds."""
    refuses: dict[str, int] = field(default_factory=dict)
    """The status with which it refuses a list."""
    asked: int = 0
    probed: int = 0
    before_page: Callable[[], None] | None = None
    """Called before a page is made."""

    def _note(self, rows: list[Row], row: Row, number: int | None) -> Row:
        # As Synapse gives them: the highest that is there, and one more after a restart.
        row["id"] = max((r["id"] for r in rows), default=0) + 1 if number is None else number
        rows.append(row)
        return row

    def press(
        self,
        room: str,
        event: str,
        reporter: str,
        reason: Any = None,
        *,
        sender: str | None = None,
        number: int | None = None,
        at: int | None = None,
        score: Any = None,
    ) -> Row:
        """Report an event, as a client does."""
        row = {
            "received_ts": self.now() if at is None else at,
            "room_id": room,
            "event_id": event,
            "user_id": reporter,
            "score": score,
            "reason": reason,
            "sender": sender,
            "canonical_alias": None,
            "name": "Garden",
        }
        return self._note(self.events, row, number)

    def press_user(self, target: str, reporter: str, reason: str = "") -> Row:
        """Report a user, as a client does."""
        row = {
            "received_ts": self.now(),
            "target_user_id": target,
            "user_id": reporter,
            "reason": reason,
        }
        return self._note(self.users, row, None)

    def page(self, name: str, start: int, limit: int, direction: str) -> Row:
        """Answer as Synapse does."""
        rows = self.events if name == "event_reports" else self.users
        rows = sorted(rows, key=lambda r: r["received_ts"], reverse=direction == "b")
        answer: Row = {name: rows[start : start + limit], "total": len(rows)}
        if start + limit < len(rows):
            answer["next_token"] = start + len(answer[name])
        return answer

    async def _list(self, request: web.Request) -> web.Response:
        self.asked += 1
        name, query = request.match_info["name"], request.query
        if self.before_page is not None:
            self.before_page()
        if status := self.refuses.get(name):
            body = {"errcode": "M_FORBIDDEN", "error": "You are not a server admin"}
            return web.json_response(body, status=status)
        return web.json_response(self.page(name, int(query["from"]), int(query["limit"]), query["dir"]))

    async def _one(self, request: web.Request) -> web.Response:
        self.probed += 1
        name, number = request.match_info["name"], int(request.match_info["number"])
        if status := self.refuses.get(name):
            body = {"errcode": "M_FORBIDDEN", "error": "You are not a server admin"}
            return web.json_response(body, status=status)
        rows = self.events if name == "event_reports" else self.users
        found = next((row for row in rows if row["id"] == number), None)
        if found is None:
            return web.json_response({"errcode": "M_NOT_FOUND", "error": "not found"}, status=404)
        return web.json_response(found)

    def application(self) -> web.Application:
        app = web.Application()
        path = "/_synapse/admin/v1/{name:event_reports|user_reports}"
        app.router.add_get(path, self._list)
        app.router.add_get(path + "/{number}", self._one)
        return app


@dataclass
class Pressed:
    """A world in which people press the button."""

    world: World
    fake: FakeButton
    button: Presses
    service: Service

    async def poll(self, **span: float) -> bool:
        """Let time pass, and policybot look and do what it can; say whether there was more at once."""
        self.world.clock.pass_time(**span)
        more = await self.service.step(self.world.database, self.button)
        await self.world.work()
        return more

    def press(self, event: str, who: str, reason: Any = None, **more: Any) -> Row:
        """Press the button on a message in the garden."""
        sender = self.world.homeserver.events.get(event, {}).get("sender")
        return self.fake.press(
            more.pop("room", self.world.room), event, user(who), reason, sender=sender, **more
        )

    async def reports(self) -> list[Any]:
        async with self.world.database.transaction(reading=True) as tx:
            return list(await tx.fetch("SELECT * FROM reports ORDER BY id"))

    def receipts(self, who: str) -> list[str]:
        return [text for text in self.world.told(who) if "Your receipt is" in text]


@asynccontextmanager
async def pressing(world: World) -> AsyncIterator[Pressed]:
    """Serve the lists on loopback, and read them as policybot does; what was there is known."""
    fake = FakeButton(now=lambda: round(world.clock().timestamp() * 1000))
    async with TestServer(fake.application()) as server, aiohttp.ClientSession() as session:
        client = Client(str(server.make_url("")).rstrip("/"), "token", session)
        yield Pressed(world, fake, Presses(Synapse(client)), world.app.services.presses)
