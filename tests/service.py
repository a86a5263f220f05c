"""A small verification service for tests: people go there, it makes results, posts and gives them."""

import json
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
from aiohttp import web

from policybot.demo.synapse import free_port
from policybot.identity.callback import sign

HOST = "policybot.example.org"
API_KEY = "api-key-of-the-service"

Result = dict[str, Any]


def new_secret() -> str:
    return f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"


@dataclass
class Service:
    """The service, with faults that can be switched on."""

    url: str
    now: Callable[[], datetime]
    secret: str = field(default_factory=new_secret)
    results: dict[str, Result] = field(default_factory=dict)
    fault: Callable[[], web.StreamResponse] | None = None
    asked: int = 0
    policybot: str = ""
    """Where policybot's pages are."""
    host: str = HOST
    """What stands in its public address."""

    def section(self, *, fetched: bool, **changes: Any) -> dict[str, Any]:
        """Write the section of the configuration that fits."""
        section: dict[str, Any] = {
            "title": "Verify Ltd",
            "realm": "verify-ltd",
            "start_url": f"{self.url}/start?reference={{reference}}&return_url={{return_url}}",
            "secret": self.secret,
            "levels": {"basic": "low", "full": "high"},
        }
        if fetched:
            section |= {"result_url": f"{self.url}/results/{{id}}", "api_key": API_KEY}
        return section | changes

    def verify(
        self, start_url: str, name: str = "Anna Canary-anna", **changes: Any
    ) -> tuple[str, Result]:
        """Have somebody go through it; give the path of their way back, and the result."""
        asked = parse_qs(urlsplit(start_url).query)
        result: Result = {
            "id": secrets.token_urlsafe(24),
            "reference": asked["reference"][0],
            "status": "verified",
            "claims": {"name": name, "birthdate": "1990-05-17", "iban": "DE00"},
            "assurance_level": "full",
            "process": "video call",
            "time": self.now().isoformat(),
            "subject": f"subject-{name}",
            "passport_number": "never asked for",
        }
        result |= changes
        self.results[result["id"]] = result
        back = urlsplit(f"{asked['return_url'][0]}&id={result['id']}")
        assert back.netloc == self.host
        return f"{back.path}?{back.query}", result

    async def post(
        self,
        result: Result | bytes,
        *,
        message_id: str = "",
        late: timedelta = timedelta(0),
        secrets_: list[str] | None = None,
        **headers: str,
    ) -> tuple[int, str]:
        """Post a result, signed."""
        body = result if isinstance(result, bytes) else json.dumps(result).encode()
        message_id = message_id or f"msg_{secrets.token_hex(8)}"
        at = str(int((self.now() + late).timestamp()))
        signed = [sign(secret, message_id, at, body) for secret in secrets_ or [self.secret]]
        sent = {
            "Host": self.host,
            "webhook-id": message_id,
            "webhook-timestamp": at,
            "webhook-signature": " ".join(signed),
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.policybot}/verify/callback", data=body, headers=sent) as answer,
        ):
            return answer.status, await answer.text()

    async def start(self, request: web.Request) -> web.StreamResponse:
        """Have whoever comes verified, and send them back."""
        back, _ = self.verify(str(request.url), "Anna Canary-anna")
        return web.Response(status=303, headers={"Location": self.policybot + back})

    async def give(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.fault is not None:
            return self.fault()
        if request.headers.get("Authorization") != f"Bearer {API_KEY}":
            return web.Response(status=401)
        found = self.results.get(request.match_info["id"])
        return web.Response(status=404) if found is None else web.json_response(found)


@asynccontextmanager
async def running(now: Callable[[], datetime]) -> AsyncIterator[Service]:
    """Run a service."""
    port = free_port()
    service = Service(f"http://127.0.0.1:{port}", now)
    app = web.Application()
    app.router.add_get("/start", service.start)
    app.router.add_get("/results/{id}", service.give)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield service
    finally:
        await runner.cleanup()
