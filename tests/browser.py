"""A real Chromium for tests, from a package, driven by Playwright; and axe, which looks for barriers."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web
from playwright.async_api import Browser, Locator, Page, ViewportSize, async_playwright

from tests.world import World

PHONE = ViewportSize(width=360, height=740)
DESK = ViewportSize(width=1280, height=900)
SHOTS = os.environ.get("POLICYBOT_TEST_SHOTS", "")
"""A folder for pictures of every page that a test looks at; none are taken without it."""
NODE = Path(__file__).parent / "node"
PROGRAM = Path(sys.executable).with_name("node")
_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>"""
_MISSING = "What comes from npm is missing: `make test` installs it"


class Program(NamedTuple):
    """A Chromium that was unpacked, with libraries and fonts for machines that have none."""

    path: Path
    libraries: Path
    fonts: Path
    """A configuration for fontconfig that names the fonts."""


def unpack(folder: Path) -> Program:
    """Unpack Chromium into a folder.

    Raises:
        RuntimeError: the package is not installed; the message says how to get it.
    """
    if not (NODE / "node_modules").exists():
        raise RuntimeError(_MISSING)
    done = subprocess.run(
        [str(PROGRAM), str(NODE / "chromium.mjs")],
        env=os.environ | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    fonts = folder / "fonts.conf"
    fonts.write_text(_FONTS.format(fonts=said["fonts"], cache=folder / "cache"), "utf-8")
    return Program(Path(said["program"]), Path(said["libraries"]), fonts)


async def drawn(picture: Locator) -> bool:
    """Wait until a picture has come; say whether there is anything of it."""
    return bool(await picture.evaluate("i => i.decode().then(() => i.naturalWidth > 0)"))


@asynccontextmanager
async def chromium(program: Program) -> AsyncIterator[Browser]:
    """Run a browser that looks nowhere but where it is sent."""
    with tempfile.TemporaryDirectory(prefix="browser") as home:
        environment: dict[str, str | float | bool] = {"HOME": home, "PATH": os.environ["PATH"]}
        environment |= _what_the_machine_lacks(program)
        # Playwright's own node asks for a library that a small Debian does not have.
        os.environ["PLAYWRIGHT_NODEJS_PATH"] = str(PROGRAM)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=program.path,
                env=environment,
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            )
            try:
                yield browser
            finally:
                await browser.close()


def _what_the_machine_lacks(program: Program) -> dict[str, str | float | bool]:
    lacks: dict[str, str | float | bool] = {}
    ldd = ["/usr/bin/ldd", str(program.path)]
    if "not found" in subprocess.run(ldd, capture_output=True, text=True, check=True).stdout:
        lacks["LD_LIBRARY_PATH"] = str(program.libraries)
    if not Path("/etc/fonts/fonts.conf").exists():
        lacks["FONTCONFIG_FILE"] = str(program.fonts)
    return lacks


async def barriers(page: Page) -> list[str]:
    """List what hinders people on a page, by the rules of WCAG 2.2 AA as axe checks them.

    The page's policy forbids foreign scripts, so axe comes in by the debugger, which stands above it.
    """
    script = await asyncio.to_thread((NODE / "node_modules/axe-core/axe.min.js").read_text, "utf-8")
    debugger = await page.context.new_cdp_session(page)
    await debugger.send("Runtime.evaluate", {"expression": script})
    wanted = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    answer: Any = await debugger.send(
        "Runtime.evaluate",
        {
            "expression": f"axe.run(document, {json.dumps(wanted)})",
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    found = answer["result"]["value"]["violations"]
    return [f"{v['id']}: {v['help']}: {[n['html'] for n in v['nodes']]}" for v in found]


async def looks_good(page: Page, name: str, *, scripts: int = 0) -> None:
    """Look at a page in four ways: no barrier for anybody, nothing wider than the window.

    Barriers, which take their time, are looked for twice: with the colours of the day on a desk, and
    with those of the night on a phone. `scripts` is how many a page has that works without them, too.
    """
    for scheme in ("light", "dark"):
        for size in (DESK, PHONE):
            await page.emulate_media(color_scheme=scheme)
            await page.set_viewport_size(size)
            if (scheme == "light") is (size is DESK):
                assert await barriers(page) == [], f"{name}, {scheme}, {size['width']} wide"
            assert await page.locator("script").count() == scripts, "pages work without JavaScript"
            wide = await page.locator("html").evaluate("e => e.scrollWidth - e.clientWidth")
            assert wide <= 0, f"{name} is wider than {size['width']}"
            if SHOTS:
                await page.screenshot(
                    path=Path(SHOTS) / f"{name}-{scheme}-{size['width']}.png", full_page=True
                )


@asynccontextmanager
async def served(world: World) -> AsyncIterator[str]:
    """Serve a world's pages where a browser can reach them, on the port of its public address."""
    runner = web.AppRunner(world.app.pages(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    address = world.config.web.public_url
    await web.TCPSite(runner, "127.0.0.1", int(address.rpartition(":")[2])).start()
    try:
        yield address
    finally:
        await runner.cleanup()
