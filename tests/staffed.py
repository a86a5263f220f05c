"""A world in which staff are verified persons too, and somebody has a case."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from policybot.domain.private import Private as Text
from policybot.services.verifications import hashed
from tests import files
from tests.world import World, find
from tests.world import world as make_world

STAFF = {"otto": "alder-3377", "ravi": "hazel-8052", "petra": "larch-6610", "mona": "rowan-9021"}


@dataclass
class Private:
    """A world in which Tom has a case, Mira moderates, and Ravi and Petra agree to reveals."""

    world: World
    case: str

    async def ask(self, reason: str = "impersonation_claim", by: str = "mira") -> str:
        """Let a moderator ask who Tom is; return the code that the card in the review room shows."""
        await self.world.review(by, f"!policy reveal @tom:example.org {self.case} {reason} He says so")
        cards = [text for text in self.world.in_review() if "asks to learn" in text]
        return find(r"(?<=!policy confirm )\w+", cards[-1])

    async def link(self, reason: str = "impersonation_claim") -> str:
        """Have it asked and agreed to; return the token of the link that Mira gets."""
        code = await self.ask(reason)
        assert "Agreed" in await self.world.review("ravi", f"!policy confirm {code}")
        return find(r"(?<=/reveal/)\S+", self.world.told("mira")[-1])

    async def opened(self, reason: str = "impersonation_claim") -> str:
        """Have it asked, agreed to and opened; return the name that was shown."""
        shown = await self.world.app.services.reveals.open(self.world.database, await self.link(reason))
        await self.world.work()
        return shown.values[0][1].reveal()


async def code_for(world: World, account: str, person: str) -> str:
    """Let somebody go through the page that was made for an account; return the code at its end."""
    code = await world.app.services.roster.renew_code(world.database, Text(person))
    token = find(r"(?<=/verify/)\S+", await world.say(account, "!policy verify"))
    services = world.app.services
    async with world.database.transaction(reading=True) as tx:
        record = await services.roster.check(tx, code)
    assert record is not None
    blind = await services.verifications.blind(record)
    async with world.database.transaction() as tx:
        return await services.verifications.found(tx, hashed(token), record, blind)


async def link_to(world: World, account: str, person: str) -> None:
    """Link another account to somebody who is verified already."""
    code = await code_for(world, account, person)
    answer = await world.say(account, f"!policy verify {code}")
    assert "You are verified" in answer, answer


@asynccontextmanager
async def staffed_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str = "", **changes: object
) -> AsyncIterator[Private]:
    """A world with verified staff and a case about Tom, reported by Lea."""
    for who, code in STAFF.items():
        monkeypatch.setitem(files.CODES, who, code)
        monkeypatch.setitem(files.NAMES, who, f"{who.title()} Canary-{who}")
    staff = {
        "@mira:example.org": ["moderator", "privacy"],
        "@mona:example.org": ["moderator", "privacy"],
        "@otto:example.org": ["moderator", "appeals"],
        "@ravi:example.org": ["reviewer", "appeals", "privacy"],
        "@petra:example.org": ["privacy"],
        "@lea:example.org": ["privacy"],
    }
    async with make_world(tmp_path, database_url, staff=staff, **changes) as world:
        object.__setattr__(world.config.identity, "accounts_per_person", 2)
        await world.governed_room()
        for who in ("mira", "ravi", "tom"):
            await world.verified(who)
        for who in ("petra", "lea", "mona"):
            await world.deliver(
                type="m.room.member",
                room_id="!review:example.org",
                sender=f"@{who}:example.org",
                state_key=f"@{who}:example.org",
                content={"membership": "join"},
            )
        yield Private(world, await world.reported())
