"""A private Synapse on loopback: a child process in a folder of its own, without federation."""

import asyncio
import base64
import hashlib
import hmac
import secrets
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
from ruamel.yaml import YAML

from policybot.demo import children
from policybot.demo.children import Child
from policybot.demo.person import Person

_READY_WITHIN = 60
_FIRST_PORT, _PORTS = 10_000, 22_000
_given: set[int] = set()
"""Ports that were found before: whoever was told of one may be about to use it."""
_UNLIMITED = {"per_second": 100_000, "burst_count": 100_000}
_LIMITS = (
    "rc_message",
    "rc_registration",
    "rc_joins_per_room",
    "rc_room_creation",
    "rc_reports",
    "rc_profile",
    "rc_admin_redaction",
)


class DidNotStart(Exception):  # noqa: N818 - what happened
    """A server that should be there is not; the message ends with what it last said."""


def free_port() -> int:
    """Find a port on loopback that nobody uses now, and that no outgoing connection will be given.

    Systems give those ports from 32768 or 49152 on (RFC 6335, section 6; Linux, ip-sysctl).

    Raises:
        DidNotStart: there is none.
    """
    for _ in range(100):
        port = _FIRST_PORT + secrets.randbelow(_PORTS)
        if port in _given:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _given.add(port)
            return port
    message = "There is no free port on loopback."
    raise DidNotStart(message)


class Synapse:
    """One homeserver; its data stays in its folder when it is stopped and started again."""

    def __init__(  # noqa: PLR0913 - what a homeserver is set up with
        self,
        folder: Path,
        *,
        registrations: Sequence[Path] = (),
        bot: str = "@policybot:localhost",
        room_version: str = "12",
        modules: Sequence[Mapping[str, object]] = (),
        metrics: bool = False,
    ) -> None:
        """Prepare a homeserver that knows these application services and lets `bot` publish rooms.

        `modules` are loaded as its own configuration names them; with `metrics` it measures itself.
        """
        self.folder = folder
        self.server_name = "localhost"
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._secret = secrets.token_hex(16)
        self._process: Child | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._write_config(registrations, bot, room_version, modules, metrics=metrics)

    def _write_config(
        self,
        registrations: Sequence[Path],
        bot: str,
        room_version: str,
        modules: Sequence[Mapping[str, object]],
        *,
        metrics: bool,
    ) -> None:
        resources = ["client", "openid", *(["metrics"] if metrics else [])]
        config: dict[str, Any] = {
            "server_name": self.server_name,
            "public_baseurl": f"{self.address}/",
            "report_stats": False,
            "signing_key_path": str(self.folder / "signing.key"),
            "media_store_path": str(self.folder / "media"),
            "database": {
                "name": "sqlite3",
                "args": {"database": str(self.folder / "homeserver.db")},
            },
            "listeners": [
                {
                    "port": self.port,
                    "type": "http",
                    "tls": False,
                    "bind_addresses": ["127.0.0.1"],
                    "resources": [{"names": resources, "compress": False}],
                }
            ],
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "federation_domain_whitelist": [],
            "enable_registration": False,
            "registration_shared_secret": self._secret,
            "macaroon_secret_key": secrets.token_hex(16),
            "form_secret": secrets.token_hex(16),
            "presence": {"enabled": False},
            "bcrypt_rounds": 4,
            "default_room_version": room_version,
            "encryption_enabled_by_default_for_room_type": "off",
            "app_service_config_files": [str(path) for path in registrations],
            "enable_metrics": metrics,
            "modules": [dict(module) for module in modules],
            "room_list_publication_rules": [
                {"user_id": bot, "action": "allow"},
                {"action": "deny"},
            ],
            "server_notices": {
                "system_mxid_localpart": "notices",
                "system_mxid_display_name": "Notices",
                "room_name": "Notices",
                "auto_join": True,
            },
            **dict.fromkeys(_LIMITS, _UNLIMITED),
            "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), _UNLIMITED),
            "rc_joins": dict.fromkeys(("local", "remote"), _UNLIMITED),
            "rc_invites": dict.fromkeys(("per_room", "per_user", "per_issuer"), _UNLIMITED),
        }
        with (self.folder / "homeserver.yaml").open("w", encoding="utf-8") as file:
            YAML().dump(config, file)

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            DidNotStart: it ended, or said nothing for a minute.
        """
        key = self.folder / "signing.key"
        if not key.exists():
            key.write_text(f"ed25519 a_demo {_seed()}\n", "utf-8")
        self._process = children.start(
            "synapse.app.homeserver",
            "-c",
            str(self.folder / "homeserver.yaml"),
            folder=self.folder,
            log=self.folder / "synapse.log",
        )
        await self._until_ready()

    async def _until_ready(self) -> None:
        async with aiohttp.ClientSession() as session:
            for _ in range(_READY_WITHIN * 10):
                if self._process is None or self._process.poll() is not None:
                    break
                with suppress(aiohttp.ClientError):
                    async with session.get(f"{self.address}/health") as answer:
                        if answer.status == 200:  # noqa: PLR2004 - OK
                            return
                await asyncio.sleep(0.1)
        message = f"Synapse did not start:\n{self.last_words()}"
        raise DidNotStart(message)

    def last_words(self, most: int = 3000) -> str:
        """Read the end of its log."""
        log = self.folder / "synapse.log"
        return log.read_text("utf-8", "replace")[-most:] if log.exists() else ""

    def stop(self) -> None:
        """Stop it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it, as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    async def register(
        self, session: aiohttp.ClientSession, name: str, password: str, *, admin: bool = False
    ) -> Person:
        """Make an account by the shared secret ("Shared-Secret Registration")."""
        url = f"{self.address}/_synapse/admin/v1/register"
        async with session.get(url) as answer:
            nonce = (await answer.json())["nonce"]
        role = "admin" if admin else "notadmin"
        text = f"{nonce}\0{name}\0{password}\0{role}".encode()
        mac = hmac.new(self._secret.encode(), text, hashlib.sha1).hexdigest()
        body = {
            "nonce": nonce,
            "username": name,
            "password": password,
            "admin": admin,
            "mac": mac,
            "displayname": name.capitalize(),
        }
        async with session.post(url, json=body) as answer:
            made = await answer.json()
        return Person(session, self.address, made["user_id"], made["access_token"])


def _seed() -> str:
    """Draw an Ed25519 seed, in the unpadded base64 that Synapse's key file has."""
    return base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
