"""A policybot that has nothing but what the module asks for: it knows, and fails, as a test says."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from policybot.demo.synapse import free_port
from policybot.domain.mechanism import Mechanism
from policybot.domain.publishing import Account
from policybot.domain.view import Curb, House, Room
from policybot.gate.wire import Head, Newcomer, Page, page_out, rules_out
from tests.viewing import PAGES

TOKEN = "tests-gate-token-0123456789"


def house(server: str = "a.example", **more: Any) -> House:
    """What counts for the whole homeserver."""
    return House(f"@policybot:{server}", PAGES, **more)


@dataclass
class Feed:
    """Serves a view, page by page, then what changed, and keeps what it is told."""

    house: House = field(default_factory=house)
    rooms: dict[str, Room] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    curbs: dict[str, tuple[Curb, ...]] = field(default_factory=dict)
    newcomers: Sequence[Newcomer] = ()
    mechanisms: tuple[Mechanism, ...] = ()
    bound: int = 1
    page: int = 1000
    """Accounts on a page."""
    clock: int = 1
    fault: str = ""
    """How it fails: garbage, error, cut, silent, token, protocol, huge."""
    behind: dict[str, Any] | None = None
    """The rules that another process answers with, which has not taken the new ones yet."""
    more_rules: list[dict[str, Any]] = field(default_factory=list)
    """Rules of a kind that only a newer policybot knows."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    rules_asked: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)
    batches: list[tuple[str, int]] = field(default_factory=list)
    hurry: float = 1
    """How many times faster it loses patience than it was asked to."""
    port: int = field(default_factory=free_port)
    _since: int = 1
    """From which clock on it remembers what changed."""
    _changes: list[tuple[int, Page]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def head(self) -> Head:
        """What counts for everybody."""
        version = f"{hash((self.mechanisms, str(self.more_rules))) & 0xFFFFFFFF:x}"
        return Head(self.house, self.bound, rules=version)

    async def start(self) -> None:
        """Begin to answer."""
        app = web.Application(client_max_size=2**20)
        app.router.add_post("/gate/{what}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        """Be away."""
        if self._runner is not None:
            await self._runner.cleanup()

    def change(self, **what: Any) -> None:
        """Change the view, so that whoever asks hears of it."""
        for name in ("house", "mechanisms", "bound"):
            if name in what:
                setattr(self, name, what.pop(name))
        for name in ("rooms", "accounts", "curbs"):
            known = getattr(self, name)
            for key, value in what.get(name, {}).items():
                known.pop(key, None)
                if value:
                    known[key] = value
        self.clock += 1
        self._changes.append((self.clock, Page(self.clock, self.head, **what)))
        self._wake()

    def forget(self) -> None:
        """Forget what changed: whoever was away must begin anew."""
        self.clock += 1
        self._since = self.clock
        self._changes.clear()
        self._wake()

    def fail(self, how: str) -> None:
        """Fail from now on, also those who wait; an empty word ends it."""
        self.fault = how
        self.asked.clear()
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}" or self.fault == "token":
            return web.json_response({"errcode": "M_FORBIDDEN"}, status=403)
        body = await request.json()
        what = request.match_info["what"]
        if what == "view" and not self.fault:
            self.asked.append(body)
            if body["since"] is not None:
                await self._until_changed(body)
        if self.fault:
            return await self._failed(request)
        if what == "refused":
            return self._hear(body)
        if what == "rules":
            self.rules_asked += 1
            if self.behind is not None:
                return web.json_response(self.behind)
            sent = rules_out(self.head.rules, self.mechanisms)
            sent["rules"] += self.more_rules
            return web.json_response(sent)
        return web.json_response(page_out(self._page(body["since"], body["after"])))

    async def _until_changed(self, body: dict[str, Any]) -> None:
        if self._since <= body["since"] and self.clock == body["since"]:
            try:
                async with asyncio.timeout(body["wait"] / self.hurry):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def _page(self, since: int | None, after: str | None) -> Page:
        if since is not None and since >= self._since:
            changes = [page for clock, page in self._changes if clock > since]
            return _joined(self.clock, self.head, changes)
        begin = int(after or 0)
        ids = list(self.accounts)[begin : begin + self.page]
        more = str(begin + self.page) if begin + self.page < len(self.accounts) else None
        part = Page(self.clock, self.head, True, more, accounts={i: self.accounts[i] for i in ids})
        if after is None:
            part = replace(part, rooms=self.rooms, curbs=self.curbs, newcomers=self.newcomers)
        return part

    def _hear(self, body: dict[str, Any]) -> web.Response:
        batch = (body["instance"], body["batch"])
        if batch not in self.batches:
            self.batches.append(batch)
            self.told += body["refused"]
        return web.json_response({})

    async def _failed(self, request: web.Request) -> web.StreamResponse:
        match self.fault:
            case "garbage":
                return web.Response(text="<html>Bad gateway</html>", content_type="application/json")
            case "protocol":
                return web.json_response({"errcode": "M_UNKNOWN", "error": "versions"}, status=409)
            case "huge":
                return web.Response(body=b"[" * (17 * 2**20))
            case "silent":
                await self._changed.wait()
            case "cut":
                pass
            case _:
                return web.json_response({}, status=502)
        if request.transport is not None:
            request.transport.close()
        return web.Response()


def _joined(clock: int, head: Head, pages: Iterable[Page]) -> Page:
    rooms: dict[str, Room | None] = {}
    accounts: dict[str, Account | None] = {}
    curbs: dict[str, tuple[Curb, ...]] = {}
    newcomers: list[Newcomer] = []
    for page in pages:
        rooms |= page.rooms or {}
        accounts |= page.accounts or {}
        curbs |= page.curbs or {}
        newcomers += page.newcomers
    return Page(clock, head, rooms=rooms, accounts=accounts, curbs=curbs, newcomers=newcomers)


@asynccontextmanager
async def feeding(**more: Any) -> AsyncIterator[Feed]:
    """Run one."""
    made = Feed(**more)
    await made.start()
    try:
        yield made
    finally:
        made.fail("cut")
        await made.stop()
