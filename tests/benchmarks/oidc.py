"""One link by OpenID Connect from the chat to the chat, with policybot's own share of it.

    python -m tests.benchmarks.oidc

A real provider on loopback, the real cost of the blind index, SQLite with synchronous=FULL. What the
provider takes (its pages, and its answers to our requests) and what Argon2 takes on purpose is shown
apart.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from policybot.domain.private import Private
from policybot.identity.fetch import Fetch
from policybot.services.members import Members
from policybot.store.vault import Index
from tests.provider import browser, link, provider
from tests.serving import served
from tests.world import world

ROUNDS = 9
"""A person may send 30 commands a minute, and a round takes three."""


class Watch:
    """Adds up how long something takes."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def over(self, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Measure every call."""

        async def measured(*given: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            try:
                return await work(*given, **named)
            finally:
                self.seconds += time.perf_counter() - begun

        return measured

    def read(self) -> float:
        """Give the sum, and begin anew."""
        seconds, self.seconds = self.seconds, 0.0
        return seconds


async def measure(issuer: str, folder: Path) -> list[tuple[float, float, float]]:
    """Link one account again and again; gives for each the whole, the provider's and Argon2's time."""
    asked, pages, dear = Watch(), Watch(), Watch()
    section = {"id": "campus", "title": "Campus", "issuer": issuer, "client_id": "campus"}
    ways: Any = [section | {"client_secret": "secret of campus"}]
    found = []
    Fetch._ask = asked.over(Fetch._ask)  # type: ignore[assignment, method-assign]
    async with world(folder, **{"identity.oidc": ways}) as made:
        made.clock.at = datetime.now(UTC).replace(microsecond=0)
        # Worlds guess for nothing; here it costs what it costs.
        secret = Private(made.config.identity.index_key.get_secret_value())
        people: Members = made.app.services.members
        people._index = Index(secret)
        people._index.blind = dear.over(people._index.blind)  # type: ignore[assignment, method-assign]
        async with served(made) as url:
            for _ in range(ROUNDS):
                async with browser(url) as anna:
                    login = pages.over(anna.login)
                    begun = time.perf_counter()
                    gone = await anna.post(await link(made, "anna"), way="oidc-campus")
                    shown = await anna.get(await login(gone.leads_to, "anna"))
                    answer = await made.say("anna", f"!policy verify {shown.code}")
                    whole = time.perf_counter() - begun
                assert "You are verified" in answer
                found.append((whole, asked.read() + pages.read(), dear.read()))
                await made.say("anna", "!policy unlink")
    return found


async def main() -> None:
    """Measure and print."""
    with provider() as issuer, tempfile.TemporaryDirectory() as folder:
        found = await measure(issuer, Path(folder))
    own = [1000 * (whole - theirs - dear) for whole, theirs, dear in found]
    whole, theirs, dear = (1000 * statistics.median(column) for column in zip(*found, strict=True))
    print(
        f"one link by OpenID Connect, {ROUNDS} times: {whole:.0f} ms at the median; of these the "
        f"provider {theirs:.0f} ms, Argon2 {dear:.0f} ms, policybot itself "
        f"{statistics.median(own):.0f} ms ({max(own):.0f} ms at the worst, with discovery)"
    )


if __name__ == "__main__":
    asyncio.run(main())
