"""Messages of one member in a room, read back from the newest."""

import json
from typing import Any

from mautrix.api import Path

from policybot.matrix.client import Client

_PAGE = 100
_NOT_THEIR_WORDS = ["m.room.redaction", "m.reaction"]


async def of_member(client: Client, room_id: str, user_id: str, since: int, most: int) -> list[str]:
    """Name what somebody has written since a time, in milliseconds; the newest first, up to a number."""
    wanted = {"senders": [user_id], "not_types": _NOT_THEIR_WORDS, "lazy_load_members": True}
    query = {"dir": "b", "limit": str(_PAGE), "filter": json.dumps(wanted)}
    found: list[str] = []
    while True:
        page = await client.get(Path.v3.rooms[room_id].messages, query)
        events: list[dict[str, Any]] = page.get("chunk", [])
        for event in events:
            if event.get("origin_server_ts", 0) < since or len(found) == most:
                return found
            if "state_key" not in event and "redacted_because" not in event.get("unsigned", {}):
                found.append(str(event["event_id"]))
        if not events or "end" not in page:
            return found
        query["from"] = page["end"]
