"""Login at a provider and the widget in a real browser, as people meet them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from policybot.demo.synapse import free_port
from tests import browser
from tests.browser import barriers
from tests.provider import provider
from tests.world import SERVER, World, find
from tests.world import world as make_world

CLIENT = """<!doctype html><title>A Matrix client</title>
<script>
const data = new URLSearchParams(location.search);
window.seen = [];
addEventListener("message", (event) => {
  const frame = document.querySelector("iframe").contentWindow, said = event.data;
  if (event.source !== frame || event.origin !== data.get("widget")) return;
  seen.push(`${said.api} ${said.action}`);
  if (said.action !== "get_openid") return;
  const credentials = { state: "allowed", access_token: "annas", token_type: "Bearer",
    matrix_server_name: "example.org", expires_in: 3600 };
  const answer = (response) => frame.postMessage({ ...said, response }, event.origin);
  if (data.get("how") === "blocked") return answer({ state: "blocked" });
  if (data.get("how") === "at once") return answer(credentials);
  answer({ state: "request" });
  frame.postMessage({ api: "toWidget", widgetId: "w1", requestId: "r1", action: "openid_credentials",
    data: { ...credentials, original_request_id: said.requestId } }, event.origin);
});
</script>
<iframe title="policybot" width="600" height="900"></iframe>
<script>
const frame = document.querySelector("iframe");
frame.onload = () => frame.contentWindow.postMessage({ api: "toWidget", widgetId: "w1",
  requestId: "r0", action: "capabilities", data: {} }, data.get("widget"));
frame.src = `${data.get("widget")}/widget?widgetId=w1`;
</script>"""


@asynccontextmanager
async def served(folder: Path, port: int, **changes: Any) -> AsyncIterator[World]:
    """Make a world whose pages are served where a browser can reach them."""
    public = {"web.public_url": f"http://127.0.0.1:{port}"}
    async with make_world(folder, **public, **changes) as made:
        made.clock.at = datetime.now(UTC).replace(microsecond=0)
        async with browser.served(made):
            yield made


async def test_two_logins_link_an_account_without_a_code(tmp_path: Path, page: Page) -> None:
    port = free_port()
    with provider(f"http://127.0.0.1:{port}/verify/back") as issuer:
        section = {"issuer": issuer, "client_secret": "secret of mas", "client_id": "mas"}
        changes: dict[str, Any] = {
            "identity.oidc": [
                section
                | {"id": "campus", "title": "Campus login", "client_id": "campus"}
                | {"client_secret": "secret of campus"}
            ],
            "identity.binding.mas": section,
        }
        async with served(tmp_path, port, **changes) as world:
            await page.context.add_cookies([{"name": "person", "value": "anna", "url": issuer}])
            await page.goto(find(r"http\S+/verify/\S+", await world.say("anna", "!policy verify")))
            await page.get_by_role("button", name="Campus login").click()
            await expect(page.get_by_role("heading")).to_have_text("One more step")
            assert await barriers(page) == []
            await page.get_by_role("button", name="Confirm with your Matrix account").click()
            await expect(page.get_by_role("heading")).to_have_text("You are verified")
            assert await barriers(page) == []
            await world.work()
            assert "Identity: verified" in await world.say("anna", "!policy me")


@asynccontextmanager
async def client(address: str) -> AsyncIterator[str]:
    """Serve a Matrix client that shows the widget, and the homeserver that checks its tokens."""

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=CLIENT, content_type="text/html")

    async def userinfo(request: web.Request) -> web.Response:
        assert request.query["access_token"] == "annas"
        return web.json_response({"sub": f"@anna:{SERVER}"})

    app, port = web.Application(), int(address.rpartition(":")[2])
    app.router.add_get("/", show)
    app.router.add_get("/_matrix/federation/v1/openid/userinfo", userinfo)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield address
    finally:
        await runner.cleanup()


@asynccontextmanager
async def framed(folder: Path, page: Page, how: str, shown_by: str = "") -> AsyncIterator[World]:
    """Open the widget in a client, which answers in one way or another."""
    port, address = free_port(), f"http://localhost:{free_port()}"
    widget = {"clients": [shown_by or address], "homeserver": address}
    changes: dict[str, Any] = {"identity.binding.widget": widget}
    async with served(folder, port, **changes) as world, client(address):
        await page.goto(f"{address}/?how={how}&widget=http://127.0.0.1:{port}")
        yield world


async def code(world: World, page: Page) -> str:
    """Let Anna show who she is in another window; gives the code that she reads there."""
    other = await page.context.new_page()
    await other.goto(find(r"http\S+/verify/\S+", await world.say("anna", "!policy verify")))
    await other.get_by_label("The code that you were given").fill("birch-7421")
    await other.keyboard.press("Enter")
    await expect(other.get_by_text("in the widget of your client")).to_be_visible()
    shown = await other.locator(".code").inner_text()
    await other.close()
    return shown.rpartition(" ")[2]


@pytest.mark.parametrize("how", ["at once", "after a question"])
async def test_the_widget_hears_from_the_client_whose_account_it_is(
    tmp_path: Path, page: Page, how: str
) -> None:
    async with framed(tmp_path, page, how) as world:
        widget = page.frame_locator("iframe")
        await expect(widget.get_by_role("heading")).to_have_text("Confirm your account")
        await widget.get_by_label("The code from the page").fill(await code(world, page))
        await widget.get_by_role("button", name="Link this account to me").click()
        await expect(widget.get_by_role("heading")).to_have_text("You are verified")
        assert "Identity: verified" in await world.say("anna", "!policy me")
        seen = await page.evaluate("seen")
        assert "fromWidget content_loaded" in seen
        assert "toWidget capabilities" in seen, "it answers that it wants no rights"


async def test_the_widget_has_no_barriers(tmp_path: Path, page: Page) -> None:
    async with framed(tmp_path, page, "blocked"):
        await page.goto(page.frames[1].url)
        await expect(page.get_by_role("heading")).to_have_text("Confirm your account")
        assert await barriers(page) == []


async def test_a_client_that_may_not_tell_is_not_asked_twice(tmp_path: Path, page: Page) -> None:
    async with framed(tmp_path, page, "blocked"):
        widget = page.frame_locator("iframe")
        await widget.get_by_label("The code from the page").fill("AAAAAA")
        await widget.get_by_role("button", name="Link this account to me").click()
        await expect(widget.get_by_role("status")).to_contain_text("Nothing was linked")


async def test_another_site_cannot_show_the_widget(tmp_path: Path, page: Page) -> None:
    async with framed(tmp_path, page, "at once", "https://chat.example.org"):
        await expect(page.frame_locator("iframe").get_by_role("heading")).to_have_count(0)
        assert not page.frames[1].url.startswith("http://127.0.0.1")
