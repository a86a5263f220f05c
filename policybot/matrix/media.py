"""What stands around an event and what its files are, as its room's members see it."""

import json
from collections.abc import Mapping
from typing import Any

from mautrix.api import Path

from policybot.domain import copy as rules
from policybot.domain.effects import KeepContext
from policybot.matrix.client import Client
from policybot.matrix.files import Files
from policybot.matrix.synapse import Synapse
from policybot.ports import Impossible, Result

_KINDS = ("m.room.message", "m.room.encrypted", "m.sticker")
"""What people read as messages."""


class Media:
    """Reads what belongs to a message."""

    def __init__(self, client: Client, synapse: Synapse, files: Files) -> None:
        """Read as the bot."""
        self._client = client
        self._synapse = synapse
        self._files = files

    async def around(self, keep: KeepContext, kept: Result | None) -> Result:
        """Read the messages around an event, and look into the files of the copy that is kept of it.

        That the bot sees nothing around it is no reason not to look into the files.
        """
        found: dict[str, Any] = {"lines": await self._lines(keep) if keep.most else []}
        if kept is not None and (uris := rules.files(kept["content"])):
            found["files"] = await self._files.name(uris)
        return found

    async def _lines(self, keep: KeepContext) -> list[dict[str, Any]]:
        path = Path.v3.rooms[keep.room_id].context[keep.event_id]
        query = {"limit": str(2 * keep.most), "filter": json.dumps({"types": _KINDS})}
        try:
            page = await self._client.get(path, query)
        except Impossible:
            return []
        before = page.get("events_before", [])[: keep.most]
        after = page.get("events_after", [])[: keep.most]
        lines = [_line(-n, event) for n, event in enumerate(before, 1)]
        return lines[::-1] + [_line(n, event) for n, event in enumerate(after, 1)]


def _line(place: int, event: Mapping[str, Any]) -> dict[str, Any]:
    content = event.get("content", {})
    text = content.get("body")
    if "ciphertext" in content:
        text = "(encrypted)"
    return {
        "place": place,
        "event_id": str(event["event_id"]),
        "sender": str(event["sender"]),
        "origin_server_ts": int(event["origin_server_ts"]),
        "redacted": "redacted_because" in event.get("unsigned", {}),
        "text": text if isinstance(text, str) else "",
    }
