"""Applying for a room by its form: what owners and browsers do."""

import io
import re
from html import unescape
from typing import Any

import aiohttp

from tests.papers import Browser
from tests.world import BOT, World, find, user

PURPOSE = "Neighbours talk of gardens"
GOOD = {"purpose": PURPOSE, "category": "general", "kept_by": "person", "control": "shared"}


async def invited(world: World, owner: str = "anna", room: str = "") -> str:
    """Have the bot invited into somebody's room; return its ID."""
    room = room or world.room
    world.homeserver.levels.setdefault(room, {"users": {user(owner): 100}})
    await world.deliver(
        type="m.room.member",
        room_id=room,
        sender=user(owner),
        state_key=BOT,
        content={"membership": "invite"},
    )
    return room


async def form(world: World, owner: str = "anna", what: str = "") -> str:
    """Have somebody begin to file, or go on; return the path of the form."""
    await world.say(owner, f"!policy file {what or world.room}")
    return find(r"/file/\S+", world.told(owner)[-1])


async def state(world: World, number: str) -> str:
    """Read the state of a filing as the database has it."""
    async with world.database.transaction(reading=True) as tx:
        sql = "SELECT state AS value FROM filings WHERE id = $1"
        return str(await tx.value(sql, int(number[2:])))


async def send(
    browser: Browser, path: str, act: str = "hand_in", *files: tuple[str, bytes], **typed: str
) -> tuple[int, str]:
    """Send a form with what it needs, but for what is said here."""
    sent = aiohttp.FormData(default_to_multipart=True, quote_fields=False)  # as browsers do
    for name, value in (GOOD | typed).items():
        for one in value.split() if name in ("category", "remove") else [value]:
            sent.add_field(name, one)
    sent.add_field("act", act)
    for name, data in files:
        sent.add_field("files", io.BytesIO(data), filename=name, content_type="application/pdf")
    return await browser.post(path, sent)


async def saved(browser: Browser, path: str, **typed: str) -> tuple[int, Any]:
    """Save what is typed, as the script of the page does."""
    sent = aiohttp.FormData(default_to_multipart=True)
    for name, value in typed.items():
        sent.add_field(name, value)
    async with browser.session.post(
        f"{browser.url}{path}/draft", data=sent, headers=browser.headers
    ) as answer:
        return answer.status, await answer.json()


def fault(page: str, field: str) -> str:
    """Read what a page says beside a field."""
    match = re.search(rf'id="{field}-error">([^<]*)<', page)
    return unescape(match[1]) if match else ""


def value(page: str, field: str) -> str:
    """Read what stands in a field."""
    for pattern in (
        rf'<input id="{field}" name="{field}" value="([^"]*)"',
        rf'<textarea id="{field}"[^>]*>\n([^<]*)</textarea>',
    ):
        if match := re.search(pattern, page):
            return unescape(match[1])
    raise AssertionError(field)
