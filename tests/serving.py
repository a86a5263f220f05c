"""The pages of a world, served where a client can ask for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from policybot.demo.synapse import free_port
from tests.world import World


@asynccontextmanager
async def served(world: World) -> AsyncIterator[str]:
    """Serve a world's pages on loopback."""
    # A connection that was given up in the middle is not waited for.
    runner = web.AppRunner(world.app.pages(), access_log=None, shutdown_timeout=0.2)
    port = free_port()
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
