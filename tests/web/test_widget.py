"""The widget: only our clients show it, only our homeserver's tokens count, and each of them once."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from typer.testing import CliRunner

from policybot.cli.program import app
from policybot.demo.synapse import free_port
from policybot.web.site import HEADERS
from tests import files
from tests.provider import Browser, Page, browser, link
from tests.serving import served
from tests.world import SERVER, World
from tests.world import world as make_world

CHAT = "https://chat.example.org"


@dataclass
class Tokens:
    """A homeserver that knows whose a token is."""

    address: str
    known: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def userinfo(self, request: web.Request) -> web.Response:
        token = request.query["access_token"]
        self.asked.append(token)
        if (owner := self.known.get(token)) is None:
            return web.json_response({"errcode": "M_UNKNOWN_TOKEN"}, status=401)
        return web.json_response({"sub": owner})


@pytest.fixture
async def tokens() -> AsyncIterator[Tokens]:
    port = free_port()
    made = Tokens(f"http://127.0.0.1:{port}")
    app = web.Application()
    app.router.add_get("/_matrix/federation/v1/openid/userinfo", made.userinfo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield made
    await runner.cleanup()


@asynccontextmanager
async def opened(folder: Path, tokens: Tokens) -> AsyncIterator[tuple[World, Browser]]:
    widget: Any = {"clients": [CHAT], "homeserver": tokens.address}
    async with (
        make_world(folder, **{"identity.binding.widget": widget}) as world,
        served(world) as url,
        browser(url) as somebody,
    ):
        yield world, somebody


async def sent(to: Browser, code: str, token: str, server: str = SERVER) -> Page:
    """Send what the widget's script sends."""
    return await to.post("/widget?widgetId=w1", code=code, matrix_server_name=server, access_token=token)


async def code_for(world: World, account: str, at: Browser, roster_code: str = "birch-7421") -> str:
    """Let somebody show who they are on the page that was made for an account."""
    return (await at.post(await link(world, account), way="roster", code=roster_code)).code


async def test_only_our_clients_may_show_it(tmp_path: Path, tokens: Tokens) -> None:
    async with opened(tmp_path, tokens) as (_, anna):
        for page in (
            await anna.get("/widget?widgetId=w1"),
            await sent(anna, "AAAAAA", "t", "evil.example"),
        ):
            policy = page.headers["Content-Security-Policy"]
            assert f"frame-ancestors {CHAT}" in policy
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            rest = {n: v for n, v in HEADERS.items() if n != "Content-Security-Policy"}
            assert {name: page.headers.get(name) for name in rest} == rest
            assert "<script>" not in page.text
        script = await anna.get("/widget.js")
        assert script.headers["Content-Type"].startswith("text/javascript")
        about = await anna.get("/about")
        assert about.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


async def test_without_it_in_the_configuration_there_is_none(world: World) -> None:
    async with served(world) as url, browser(url) as anna:
        assert (await anna.get("/widget")).status == 404
        assert (await sent(anna, "AAAAAA", "t")).status == 404


async def test_a_code_typed_in_the_accounts_own_client_links_it(tmp_path: Path, tokens: Tokens) -> None:
    async with opened(tmp_path, tokens) as (world, anna):
        tokens.known["annas"] = f"@anna:{SERVER}"
        code = await code_for(world, "anna", anna)
        page = await sent(anna, f" {code.lower()} ", "annas")
        assert page.status == 200
        assert "You are verified" in page.text
        assert "Identity: verified" in await world.say("anna", "!policy me")


async def test_a_token_of_another_account_closes_the_page(tmp_path: Path, tokens: Tokens) -> None:
    """Zoe sends her link to Anna, who types the code in her own client."""
    async with opened(tmp_path, tokens) as (world, anna):
        tokens.known |= {"annas": f"@anna:{SERVER}", "zoes": f"@zoe:{SERVER}"}
        code = await code_for(world, "zoe", anna)
        page = await sent(anna, code, "annas")
        assert page.status == 422
        assert "made for another account" in page.text
        assert "do not know this code" in (await sent(anna, code, "zoes")).text
        assert "not verified" in await world.say("zoe", "!policy me")


@pytest.mark.parametrize("server", ["evil.example", "", "EXAMPLE.org", "example.org:8448", "127.0.0.1"])
async def test_a_token_of_another_server_is_asked_about_nowhere(
    tmp_path: Path, tokens: Tokens, server: str
) -> None:
    async with opened(tmp_path, tokens) as (world, anna):
        code = await code_for(world, "anna", anna)
        page = await sent(anna, code, "annas", server)
        assert page.status == 422
        assert "could not show us your account" in page.text
        assert tokens.asked == []


@pytest.mark.parametrize(
    "owner",
    [None, "@anna:evil.example", "anna", f"@anna:{SERVER}.evil.example", 7, ["@anna:example.org"]],
)
async def test_a_token_that_names_no_account_of_ours_is_refused(
    tmp_path: Path, tokens: Tokens, owner: Any
) -> None:
    async with opened(tmp_path, tokens) as (world, anna):
        tokens.known["t"] = owner
        assert (await sent(anna, await code_for(world, "anna", anna), "t")).status == 422
        assert "not verified" in await world.say("anna", "!policy me")


@pytest.mark.parametrize("token", ["", "a b", "ä", "x" * 1001, "a\nb"])
async def test_what_is_no_token_is_asked_about_nowhere(
    tmp_path: Path, tokens: Tokens, token: str
) -> None:
    async with opened(tmp_path, tokens) as (_, anna):
        assert (await sent(anna, "AAAAAA", token)).status == 422
        assert tokens.asked == []


async def test_a_token_is_good_once(tmp_path: Path, tokens: Tokens) -> None:
    """Who got hold of it cannot use it for a second confirmation."""
    async with opened(tmp_path, tokens) as (world, anna):
        tokens.known |= {"t1": f"@anna:{SERVER}", "t2": f"@anna:{SERVER}"}
        assert "do not know this code" in (await sent(anna, "AAAAAA", "t1")).text
        code = await code_for(world, "anna", anna)
        again = await sent(anna, code, "t1")
        assert "was used before" in again.text
        assert 'href="/widget?widgetId=w1"' in again.text
        assert "You are verified" in (await sent(anna, code, "t2")).text
        world.clock.pass_time(days=2)
        await world.tick()
        async with world.database.transaction(reading=True) as tx:
            assert await tx.value("SELECT COUNT(*) AS value FROM account_tokens") == 0


async def test_wrong_codes_are_counted_as_in_the_chat(tmp_path: Path, tokens: Tokens) -> None:
    async with opened(tmp_path, tokens) as (world, anna):
        code = await code_for(world, "anna", anna)
        for number in range(5):
            tokens.known[f"t{number}"] = f"@anna:{SERVER}"
            assert "do not know this code" in (await sent(anna, "AAAAAA", f"t{number}")).text
        tokens.known["t"] = f"@anna:{SERVER}"
        assert "do not know this code" in (await sent(anna, code, "t")).text


async def test_a_form_from_elsewhere_is_refused_here_too(tmp_path: Path, tokens: Tokens) -> None:
    async with opened(tmp_path, tokens) as (_, anna):
        said = {"Host": "policybot.example.org", "Sec-Fetch-Site": "cross-site"}
        async with anna.inside.post(
            f"{anna.url}/widget", headers=said, data={"code": "AAAAAA"}
        ) as answer:
            assert answer.status == 403
        assert tokens.asked == []


async def test_what_stands_in_the_address_is_never_taken_for_html(
    tmp_path: Path, tokens: Tokens
) -> None:
    async with opened(tmp_path, tokens) as (_, anna):
        page = await anna.get('/widget?widgetId="><script>alert(1)</script>')
        assert "<script>alert" not in page.text


async def test_a_homeserver_that_is_away_is_told(tmp_path: Path, tokens: Tokens) -> None:
    tokens.address = f"http://127.0.0.1:{free_port()}"
    async with opened(tmp_path, tokens) as (_, anna):
        page = await sent(anna, "AAAAAA", "t")
        assert page.status == 503
        assert "try again later" in page.text
        assert f"frame-ancestors {CHAT}" in page.headers["Content-Security-Policy"]


async def test_a_token_is_never_logged(
    tmp_path: Path, tokens: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with opened(tmp_path, tokens) as (world, anna):
        tokens.known["the-token"] = f"@anna:{SERVER}"
        await sent(anna, "AAAAAA", "the-token")
        await sent(anna, "AAAAAA", "the-other-token")
        async with world.database.transaction(reading=True) as tx:
            row = await tx.first("SELECT * FROM account_tokens")
        assert row is not None
        assert row["token_hash"] != "the-token"
    ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("policybot"))
    assert "the-token" not in ours
    assert "the-other-token" not in ours


@pytest.fixture
def log_again() -> Iterator[None]:
    """The doctor silences the log of its process, which is ours here."""
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("log_again")
def test_the_doctor_looks_at_providers_and_at_the_check_of_tokens(tmp_path: Path, issuer: str) -> None:
    good = {"id": "campus", "title": "Campus", "issuer": issuer, "client_id": "campus"}
    bad = good | {"id": "typo", "issuer": f"{issuer}/"}
    away = good | {"id": "away", "issuer": f"http://127.0.0.1:{free_port()}"}
    path = files.write(
        tmp_path,
        changes={
            "homeserver.address": f"http://127.0.0.1:{free_port()}",
            "identity.oidc": [good, bad, away],
            "identity.binding.mas": {"issuer": issuer, "client_id": "mas"},
            "identity.binding.widget": {"clients": [CHAT], "homeserver": issuer},
        },
    )
    said = CliRunner().invoke(app, ["doctor", "-c", str(path)]).output
    assert "✓ OpenID provider campus" in said
    assert "✗ OpenID provider typo" in said
    assert "calls itself by another name" in said
    assert "✗ OpenID provider away" in said
    assert "✓ account login" in said
    assert "✗ widget" in said
    assert "Add openid to the resources" in said
