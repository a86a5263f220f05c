"""The parts put together: the only module that knows all of them; start and stop."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import Self

import aiohttp
from aiohttp import web

from policybot import doors
from policybot.assembly import assemble
from policybot.config import Config, Listen
from policybot.config.keys import KeyFile, KeyMissing
from policybot.domain.private import Private
from policybot.hours import TICK, Hours
from policybot.matching.ruleset import SLOWEST_KNOWN, RuleRefused, TooBroad, compiled
from policybot.matrix.appservice import PolicyAppService
from policybot.matrix.client import Client
from policybot.matrix.commands.dispatch import Dispatch
from policybot.matrix.events import Events
from policybot.matrix.homeserver import MatrixHomeserver
from policybot.matrix.listing import Listing
from policybot.matrix.network import Network
from policybot.matrix.observer import Observer
from policybot.matrix.policy_lists import ListReader
from policybot.matrix.presses import Presses
from policybot.matrix.reader import NobodyToLook, Reader
from policybot.matrix.start import Start
from policybot.matrix.synapse import Synapse
from policybot.ports import (
    Clock,
    Homeserver,
    IdentityProvider,
    Impossible,
    Later,
    PublicRooms,
    RoomReader,
)
from policybot.services.aftermath import Aftermath
from policybot.services.keyring import Keyring
from policybot.services.outbox import Outbox
from policybot.services.setting import Setting
from policybot.services.taking import Taking
from policybot.store import events, outbox
from policybot.store.database import Database, DatabaseAway
from policybot.store.policies import Unreadable
from policybot.store.vault import DEAR, Index, Stretch, Vault

log = logging.getLogger(__name__)

_PAGE_PAUSE = 0.5
"""Seconds between pages of the directory, so that the homeserver has time for others."""
_LOOK = 3.0
"""Seconds between looks at what other processes have changed of who may publish where."""
_COUNT = 2.0
"""Seconds between counts of what was refused."""
_PRESSED = 3.0
"""Seconds between looks at what was reported with the client's button."""
_SHARE = 5
"""For so many times as long as it was busy with a look, the homeserver is left alone."""


class CannotStart(Exception):  # noqa: N818 - an answer
    """Something in the configuration contradicts what is on record."""


def utc_now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


async def _tried(what: str, work: Awaitable[object]) -> bool:
    """Do something that is done again later whatever becomes of it; say whether there is more to do."""
    try:
        return bool(await work)
    except DatabaseAway as error:
        log.warning("%s: waiting for the database: %s", what, error)
    except Exception:
        log.exception("%s: this failed, and is tried again", what)
    return False


class App:
    """One running policybot."""

    def __init__(
        self, config: Config, database: Database, *, now: Clock = utc_now, stretch: Stretch = DEAR
    ) -> None:
        """Put everything together that needs no network.

        Raises:
            CannotStart: the keys of the vault are not there, or others can read them.
        """
        self.config = config
        self.database = database
        self.setting = Setting(config, now)
        self.keys = KeyFile(config.key_file)
        try:
            self.keys.check()
        except KeyMissing as error:
            raise CannotStart(str(error)) from None
        secret = Private(config.identity.index_key.get_secret_value())
        vault = Vault(self.keys)
        self.services = assemble(self.setting, vault, Index(secret, stretch))
        try:
            self.services.findings.use(compiled(config.mechanisms, slowest=SLOWEST_KNOWN))
        except RuleRefused as error:
            message = f"The configuration, {error}"
            raise CannotStart(message) from None
        self.keyring = Keyring(self.setting, vault, self.keys)
        self.hours = Hours(self.setting, self.database, self.services, lambda: self.ways)
        self.reader: RoomReader = NobodyToLook()
        self.ready = False

    def aftermath(self) -> Aftermath:
        """Make what hears of effects that were carried out."""
        services = self.services
        return Aftermath(
            self.setting,
            services.filings,
            services.cases,
            services.sanctions,
            services.names,
            services.messages,
            services.labels,
            services.declarations,
            services.findings,
            Taking(self.setting, services.register),
            services.upgrades,
            services.deletions,
            services.copies,
            services.policy_lists,
        )

    def worker(self, homeserver: Homeserver, *, owner: str = "") -> Outbox:
        """Make the worker that performs effects."""
        real_name, kept = self.services.names.real_name, self.services.copies
        return Outbox(
            self.setting, self.database, homeserver, self.aftermath(), real_name, kept, owner=owner
        )

    async def use_rules(self, config: Config) -> None:
        """Put the rules of a changed configuration in the place of those before; nothing else of it.

        They are compiled apart, so that nobody waits for it.

        Raises:
            RuleRefused: one cannot be used; those before stay.
        """
        try:
            rules = await asyncio.to_thread(compiled, config.mechanisms)
        except TooBroad as refused:
            broad = next(m for m in config.mechanisms if m.id == refused.rule_id)
            async with self.database.transaction(reading=True) as tx:
                hit, kept = await self.services.findings.hits_among_kept(tx, broad)
            reason = f"{refused.reason}. Of {kept:,} kept messages it would hit {hit:,}"
            raise RuleRefused(broad.id, reason) from None
        self.config.rules, self.config.mechanisms = config.rules, config.mechanisms
        self.services.findings.use(rules)
        self.services.feed.wake()

    async def record_policy(self) -> None:
        """Remember the agreement and the ladder that bind now, and read who may publish where.

        Raises:
            CannotStart: a text was changed under a version that people know.
        """
        async with self.database.transaction() as tx:
            if not await self.services.agreements.record(tx):
                message = (
                    f"The agreement's version {self.config.agreement.version} is on record with "
                    "another text. People signed that one: give the new text a new version."
                )
                raise CannotStart(message)
            try:
                known = await self.services.policies.record(tx)
            except Unreadable as problem:
                message = f"{problem}\n{problem.mend}"
                raise CannotStart(message) from problem
            if not known:
                message = (
                    f"The ladder's version {self.config.ladder.version} is on record with other "
                    "contents. Decisions rest on it: give the new ladder a new version."
                )
                raise CannotStart(message)
            await self.services.messages.begin(tx)
            if self.config.gate is not None:
                await self.services.feed.begin(tx)
                await self.services.refusals.load(tx)
        self.database.noted = self.services.feed.hear
        await self.services.register.begin(self.database)

    async def recalled(self) -> Self:
        """Learn which ladder is in force, where no start has told; give itself back."""
        async with self.database.transaction(reading=True) as tx:
            await self.services.policies.refresh(tx)
        return self

    async def tick(self) -> None:
        """Do what is due by the clock."""
        await self.hours.tick()

    async def _keep_time(self) -> None:
        while True:
            await _tried("What is due by the clock", self.tick())
            await asyncio.sleep(TICK)

    async def _keep_looking(self) -> None:
        """Learn what other processes have changed: a version of the agreement, an account, a room."""
        while True:
            await asyncio.sleep(_LOOK)
            if self.config.gate is not None:
                await _tried("Which rules are stopped", self.services.refusals.refresh(self.database))
            await _tried("Who may publish where", self.services.feed.refresh(self.database))

    async def _keep_counting(self) -> None:
        """Put on record what the gate refuses, a few at a time."""
        while True:
            await asyncio.sleep(_COUNT)
            await _tried("What was refused", self.services.refusals.flush(self.database))

    async def _keep_scanning(self, directory: PublicRooms) -> None:
        """Look through the directory, a page at a time; apart, for what is due must not wait for it."""
        while True:
            step = self.services.unfiled.step
            more = self.ready and await _tried("The directory", step(self.database, directory))
            await asyncio.sleep(_PAGE_PAUSE if more else TICK)

    async def _keep_receiving(self, button: Presses) -> None:
        """Fetch what is reported with clients' buttons; the slower the homeserver, the more seldom."""
        presses = self.services.presses
        try:
            while True:
                pause = _PRESSED
                try:
                    if self.ready and await presses.step(self.database, button):
                        pause = _PAGE_PAUSE
                except Impossible:  # people were told
                    pause = TICK
                except (Later, DatabaseAway) as error:
                    log.warning("Reports made with the client's button: later, for %s", error)
                except Exception:
                    log.exception("Reports made with the client's button: this is tried again")
                await asyncio.sleep(min(max(pause, _SHARE * button.took), TICK))
        finally:
            await _tried("The lists of reports", presses.leave(self.database))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run until the block ends: doors open, worker and clock at work."""
        config = self.config
        await self.record_policy()
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
            )
            as_token = config.appservice.as_token.get_secret_value()
            client = Client(config.homeserver.address, as_token, session)
            synapse = Synapse(Client(config.homeserver.address, config.admin_token, session))
            start = Start(self.setting, self.database, client)
            homeserver = MatrixHomeserver(
                client,
                synapse,
                bot=config.bot_user_id,
                secret=config.identity.index_key.get_secret_value(),
            )
            worker = self.worker(homeserver)
            await start.recall()
            self.services.copies.source = homeserver.media
            self.hours.look = Observer(client, synapse, config.bot_user_id)
            self.hours.lists = ListReader(client)
            self.reader = Reader(client, config.bot_user_id)
            dispatch = Dispatch(self.services, start.resolve, self.reader)
            inward = Events(self.setting, self.database, dispatch, self.services)
            await stack.enter_async_context(self._doors(inward, session))
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(work)
                    for work in (
                        worker.run(),
                        self._keep_time(),
                        self._keep_looking(),
                        self._keep_counting(),
                        self._keep_scanning(Listing(client, synapse)),
                        self._keep_receiving(Presses(synapse)),
                        self._greet(start),
                    )
                ]
                try:
                    yield
                finally:
                    self.ready = False
                    for task in running:
                        task.cancel()

    async def _greet(self, start: Start) -> None:
        """Wait for the homeserver, however long it takes, and say hello."""
        pause = 1.0
        while not self.ready:
            try:
                await start.greet()
                self.ready = True
                log.info("policybot is ready")
            except (Later, Impossible, DatabaseAway) as error:
                log.warning("Waiting for the homeserver: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 15.0)

    @asynccontextmanager
    async def _doors(self, inward: Events, session: aiohttp.ClientSession) -> AsyncIterator[None]:
        """Open the three doors: for the homeserver, for members, for the machine that watches."""
        config = self.config
        door = PolicyAppService(
            address=config.homeserver.address,
            server_name=config.homeserver.server_name,
            id=config.appservice.id,
            localpart=config.appservice.localpart,
            as_token=config.appservice.as_token.get_secret_value(),
            hs_token=config.appservice.hs_token.get_secret_value(),
            handle=inward.handle,
            network=Network(self.setting, self.database),
            routes=[
                *doors.gate(self.setting, self.services, self.database),
                *doors.relay(self.setting, self.services, self.database, self.reader, session),
            ],
        )
        await door.start(*config.appservice.listen)
        if config.gate is not None:
            where = "http://{}:{}/gate".format(*config.appservice.listen)
            log.info("The gate answers at %s, and synapse-http-antispam at %s/antispam", where, where)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._closed, door)
            await stack.enter_async_context(_served(self.pages(), config.web.listen))
            await stack.enter_async_context(_served(self._health(), config.ops.listen))
            yield

    async def _closed(self, door: PolicyAppService) -> None:
        """Close the door for the homeserver; whoever waits for a change there is answered first."""
        self.services.feed.close()
        await door.stop()
        await _tried("What was refused", self.services.refusals.flush(self.database))

    @cached_property
    def ways(self) -> list[IdentityProvider]:
        """The ways in that the configuration offers, made once: each knows what it has read already."""
        return doors.ways(self.setting, self.services, self.database)

    def pages(self) -> web.Application:
        """Put the pages for people together."""
        return doors.pages(self.setting, self.services, self.database, self.ways, self.reader)

    def _health(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/live", self._live)
        app.router.add_get("/ready", self._ready)
        return app

    async def _live(self, _: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _ready(self, _: web.Request) -> web.Response:
        """Say whether the homeserver and the database are there, and what waits."""
        waiting, parked = {}, 0
        with suppress(DatabaseAway):
            async with self.database.transaction(reading=True) as tx:
                waiting = await outbox.counts(tx)
                parked = await events.parked(tx)
                ready = self.ready
                size, at, trouble = await self.services.checkpoints.age(tx)
                signed = {"size": size, "at": at.isoformat() if at else None, "trouble": trouble}
                body = {"ready": ready, "outbox": waiting, "dead_events": parked, "log": signed}
                return web.json_response(body, status=200 if ready else 503)
        return web.json_response({"ready": False}, status=503)


@asynccontextmanager
async def _served(app: web.Application, listen: Listen) -> AsyncIterator[None]:
    # No access log: it would hold the one-time links that stand in addresses.
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, listen.host, listen.port).start()
        yield
    finally:
        await runner.cleanup()
