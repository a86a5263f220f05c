"""The stage: a private homeserver, policybot attached to it, and people with accounts."""

import asyncio
import secrets
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import MappingProxyType
from typing import Literal, cast

import aiohttp

from policybot.config import fresh
from policybot.config.homeserver_modules import SAFE
from policybot.demo import children
from policybot.demo.children import Child
from policybot.demo.person import Person
from policybot.demo.synapse import DidNotStart, Synapse, free_port

BOT = "policybot"
PASSWORD = "demo-password"  # noqa: S105 - of accounts that live for minutes on loopback
PEOPLE = {
    "root": "administrator of the homeserver",
    "anna": "opens a public room",
    "tom": "breaks a rule",
    "lea": "reports it",
    "mira": "moderator",
    "otto": "moderator, and may decide appeals",
    "ravi": "reviewer, and decides appeals",
}
CODES = {"anna": "birch-7421-lake", "tom": "cedar-1180-hill", "lea": "maple-5533-moor"}
"""The codes that the operator of the story gave to its people, on paper."""
NAMES = {"anna": "Anna Berger", "tom": "Thomas Cole", "lea": "Lea Marin"}
"""What they are really called; nobody in the story gets to see it."""
_AGREEMENT = {
    "en": "You speak here under a name of your choice. Who you are is known to The Neighbourhood and "
    "stays behind. You answer for what you publish, and the rules bind you and us.",
    "de": "Du sprichst hier unter einem Namen deiner Wahl. Wer du bist, weiß The Neighbourhood, und es "
    "bleibt im Hintergrund. Du stehst für das ein, was du veröffentlichst; die Regeln binden dich und "
    "uns.",
}
_READY_WITHIN = 60
_WHOLE_LOG = 2**24

Door = Literal["module", "antispam"]
"""Where the homeserver asks: our module within it, or synapse-http-antispam."""
Told = Callable[[str], None]


@dataclass
class Stage:
    """Everything that runs, and where it is."""

    folder: Path
    synapse: Synapse
    session: aiohttp.ClientSession
    config: Path
    ops: str
    web: str
    room_version: str
    people: dict[str, Person] = field(default_factory=dict)
    review_room: str = ""
    _bot: Child | None = None

    @property
    def bot(self) -> str:
        """The bot's user ID."""
        return f"@{BOT}:{self.synapse.server_name}"

    @property
    def bot_pid(self) -> int:
        """The process ID of policybot."""
        assert self._bot is not None
        return self._bot.pid

    async def start_bot(self, *, wait: bool = True) -> None:
        """Start policybot, and wait until it says that it is ready.

        Raises:
            DidNotStart: it ended, or was not ready in time.
        """
        log = self.folder / "policybot.log"
        self._bot = children.start("policybot", "run", "-c", str(self.config), log=log)
        if wait:
            await self.until_ready()

    async def command(self, *words: str) -> str:
        """Run a command of policybot with the configuration, and return what it says.

        Raises:
            DidNotStart: it ended with a mistake.
        """
        return await self.program(*words, "-c", str(self.config))

    async def program(self, *words: str) -> str:
        """Run a command of policybot that needs no configuration, as anybody can; return what it says.

        Raises:
            DidNotStart: it ended with a mistake.
        """
        with NamedTemporaryFile("r", encoding="utf-8") as log:
            process = children.start("policybot", *words, log=Path(log.name))
            failed, said = await asyncio.to_thread(process.wait), log.read()
        if failed:
            message = f"policybot {' '.join(words)} failed:\n{said}"
            raise DidNotStart(message)
        return said

    async def until_ready(self) -> None:
        """Wait until policybot says that it is ready."""
        await self.until_answered(f"{self.ops}/ready", HTTPStatus.OK)

    async def until_answered(self, url: str, status: int) -> None:
        """Wait until policybot answers at an address with a status.

        Raises:
            DidNotStart: it ended, or did not do so in time.
        """
        for _ in range(_READY_WITHIN * 10):
            if self._bot is None or self._bot.poll() is not None:
                break
            with suppress(aiohttp.ClientError):
                async with self.session.get(url) as answer:
                    if answer.status == status:
                        return
            await asyncio.sleep(0.1)
        message = f"policybot does not answer {status} at {url}:\n{self.last_words()}"
        raise DidNotStart(message)

    def last_words(self) -> str:
        """Read the end of policybot's log."""
        log = self.folder / "policybot.log"
        return log.read_text("utf-8", "replace")[-3000:] if log.exists() else ""

    def stop_bot(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop policybot, or kill it; return its exit status."""
        process, self._bot = self._bot, None
        if process is None:
            return 0
        process.send_signal(how)
        try:
            return process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


@asynccontextmanager
async def stage(  # noqa: PLR0913 - what tests and the demo choose
    folder: Path,
    told: Told = lambda _: None,
    *,
    database: str = "sqlite:policybot.db",
    room_version: str = "12",
    changes: Mapping[str, object] = MappingProxyType({}),
    gate: Sequence[Door] = (),
    metrics: bool = False,
) -> AsyncIterator[Stage]:
    """Set everything up in a folder, and take it down whatever happens.

    `gate` names the doors at which the homeserver asks before it accepts something; their token is
    added to what `changes` says of the gate.
    """
    told("writing the configuration")
    synapse, made = _prepare(folder, database, room_version, changes, gate, metrics=metrics)
    try:
        async with aiohttp.ClientSession() as session:
            made.session = session
            told("starting Synapse")
            await synapse.start()
            told("making accounts")
            await _populate(made)
            told("importing the roster")
            await made.command("roster", "import", str(made.config.parent / "roster.csv"), "--yes")
            told("starting policybot")
            await made.start_bot(wait=False)
            await _promote(made)
            await made.until_ready()
            if "module" in gate:
                told("waiting until the gate knows the rules")
                await _heard(synapse)
            yield made
    finally:
        made.stop_bot()
        synapse.stop()


def _module(door: Door, port: int, token: str) -> dict[str, object]:
    """Write how the homeserver loads the module of a door."""
    address = f"http://127.0.0.1:{port}"
    if door == "module":
        config: dict[str, object] = {"address": address, "token": token}
        return {"module": "policybot.gate.module.Gate", "config": config}
    config = {
        "base_url": f"{address}/gate/antispam",
        "authorization": token,
        "enabled_callbacks": list(SAFE),
        "fail_open": dict.fromkeys(SAFE, True),
    }
    return {"module": "synapse_http_antispam.HTTPAntispam", "config": config}


def _prepare(  # noqa: PLR0913 - what a stage is made of
    folder: Path,
    database: str,
    room_version: str,
    changes: Mapping[str, object],
    gate: Sequence[Door],
    *,
    metrics: bool,
) -> tuple[Synapse, Stage]:
    """Write the files as `policybot init` does, with ports that are free here."""
    ports = [free_port() for _ in range(3)]
    registration = folder / "policybot" / "registration.yaml"
    token = secrets.token_urlsafe(32)
    synapse = Synapse(
        folder / "synapse",
        registrations=[registration],
        room_version=room_version,
        modules=[_module(door, ports[0], token) for door in gate],
        metrics=metrics,
    )
    server = synapse.server_name
    changed = dict(changes)
    if gate:
        changed["gate"] = {"token": token, **cast("Mapping[str, object]", changes.get("gate", {}))}
    files = fresh.write(
        folder / "policybot",
        {
            "homeserver.address": synapse.address,
            "homeserver.server_name": server,
            "appservice.listen": f"127.0.0.1:{ports[0]}",
            "appservice.address": f"http://127.0.0.1:{ports[0]}",
            "database": database,
            "web.listen": f"127.0.0.1:{ports[1]}",
            "web.public_url": f"http://127.0.0.1:{ports[1]}",
            "ops.listen": f"127.0.0.1:{ports[2]}",
            "operator.name": "The Neighbourhood",
            "operator.contact": "the office, Garden Street 1",
            "agreement.texts": _AGREEMENT,
            "review_room": f"#review:{server}",
            "staff": {
                f"@mira:{server}": ["moderator"],
                f"@otto:{server}": ["moderator", "appeals"],
                f"@ravi:{server}": ["reviewer", "appeals"],
            },
            # In the story a second person is asked for already here, so that one can see it.
            "ladder.approvals.second_person_from": {"measure": "restrict", "duration": "P7D"},
        }
        | changed,
    )
    rows = "".join(f"{n},{NAMES[name]},{code}\n" for n, (name, code) in enumerate(CODES.items(), 1))
    (folder / "policybot" / "roster.csv").write_text(f"person,name,code\n{rows}", "utf-8")
    made = Stage(
        folder,
        synapse,
        session=None,  # type: ignore[arg-type]  # opened by `stage`, before anything uses it
        config=files.config,
        ops=f"http://127.0.0.1:{ports[2]}",
        web=f"http://127.0.0.1:{ports[1]}",
        room_version=room_version,
    )
    return synapse, made


async def _populate(made: Stage) -> None:
    for name in PEOPLE:
        made.people[name] = await made.synapse.register(
            made.session, name, PASSWORD, admin=name == "root"
        )
    staff = [made.people[name].user_id for name in ("otto", "ravi")]
    mira = made.people["mira"]
    made.review_room = await mira.create_room(
        "Review", invite=[made.bot, *staff], room_alias_name="review"
    )
    for name in ("otto", "ravi"):
        await made.people[name].join(made.review_room)


async def _heard(synapse: Synapse) -> None:
    """Wait until the module in the homeserver has its copy: before that, everything passes."""
    for _ in range(_READY_WITHIN * 10):
        if "The rules are now" in synapse.last_words(_WHOLE_LOG):
            return
        await asyncio.sleep(0.1)
    message = f"The gate does not hear policybot:\n{synapse.last_words()}"
    raise DidNotStart(message)


async def _promote(made: Stage) -> None:
    """Make the bot an administrator, once it has made its account."""
    for _ in range(_READY_WITHIN * 10):
        users = await made.people["root"].request("GET", "/_synapse/admin/v2/users", user_id=made.bot)
        if any(user["name"] == made.bot for user in users["users"]):
            await made.people["root"].make_admin(made.bot)
            return
        await asyncio.sleep(0.1)
    message = f"policybot did not make its account:\n{made.last_words()}"
    raise DidNotStart(message)
