"""A world with two reviewers and kinds of room that ask for something, with what people do in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from policybot.domain.filing import State
from policybot.store import filings
from tests.world import BOT, REVIEW, World, find, user
from tests.world import world as make_world

POINTS = ("The purpose fits the category.", "The applicant speaks for the body.")
REASONS = ("The purpose says too little.", "There is {which room} already; see {where}.")
CHANGES: dict[str, Any] = {
    "staff": {
        "@mira:example.org": ["moderator"],
        "@otto:example.org": ["moderator", "appeals"],
        "@ravi:example.org": ["reviewer", "appeals"],
        "@rosa:example.org": ["reviewer"],
        "@rick:example.org": ["reviewer"],
    },
    "filing.categories": [
        {"id": "general", "title": "General conversation"},
        {"id": "official", "title": "Official notices", "checklist": list(POINTS)},
        {"id": "grave", "title": "Grave matters", "second_person": True, "checklist": [POINTS[0]]},
    ],
    "filing.reasons": list(REASONS),
}


@asynccontextmanager
async def reviewing_world(folder: Path, database_url: str = "", **changes: Any) -> AsyncIterator[World]:
    """Make a world in which Ravi, Rosa and Rick review, and Anna is verified."""
    async with make_world(folder, database_url, **(CHANGES | changes)) as world:
        for who in ("rosa", "rick"):
            await world.deliver(
                type="m.room.member",
                room_id=REVIEW,
                sender=user(who),
                state_key=user(who),
                content={"membership": "join"},
            )
        await world.verified("anna")
        yield world


async def filed(
    world: World, category: str = "general", purpose: str = "Neighbours talk of gardens", **levels: int
) -> str:
    """Have Anna file a room in which others have these power levels; return its number."""
    room = f"!{category}{len(world.homeserver.levels)}:example.org"
    users = {user("anna"): 100} | {user(who): level for who, level in levels.items()}
    world.homeserver.levels[room] = {"users": users}
    await world.deliver(
        type="m.room.member",
        room_id=room,
        sender=user("anna"),
        state_key=BOT,
        content={"membership": "invite"},
    )
    return find(r"F-\d+", await world.say("anna", f"!policy file {room} {category} {purpose}"))


def cards(world: World, number: str) -> list[str]:
    """List the cards of a filing in the review room, as they read now; one, if all is well."""
    headings = (f"New filing {number}:", f"Filing {number}:")
    return [text for text in world.in_review() if text.startswith(headings)]


def card(world: World, number: str) -> str:
    """Read the card of a filing."""
    (only,) = cards(world, number)
    return only


async def state(world: World, number: str) -> State:
    async with world.database.transaction(reading=True) as tx:
        found = await filings.get(tx, number)
    assert found is not None
    return found.state


async def desk(world: World, number: str, who: str = "ravi") -> str:
    """Ask for the page of a filing; return the path of the link."""
    return find(r"/review/\S+", await world.say(who, f"!policy show {number}"))
