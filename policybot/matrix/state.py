"""The state of a room as one reads it: an event's content, somebody's membership, a message of ours."""

from typing import Any

from mautrix.api import Path

from policybot.matrix.client import Client, Missing
from policybot.ports import Impossible


async def content(client: Client, room_id: str, kind: str, key: str = "") -> dict[str, Any] | None:
    """Read the content of a state event; None if there is none."""
    path = Path.v3.rooms[room_id].state[kind]
    try:
        found = await client.get(path[key] if key else path)
    except Missing:
        return None
    return found if isinstance(found, dict) else {}


async def membership(client: Client, room_id: str, user_id: str) -> str:
    """Read somebody's membership in a room; `leave` where there is none."""
    try:
        member = await client.get(Path.v3.rooms[room_id].state["m.room.member"][user_id])
    except Impossible:
        return "leave"
    return str(member.get("membership", "leave"))


async def stands(client: Client, room_id: str, event_id: str) -> bool:
    """Say whether an event is there, and not redacted."""
    try:
        event = await client.get(Path.v3.rooms[room_id].event[event_id])
    except Missing:
        return False
    return "redacted_because" not in event.get("unsigned", {})
