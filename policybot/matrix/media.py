"""What stands around an event and what its files are, as its room's members see it."""

import json
from collections.abc import Mapping
from typing import Any

from mautrix.api import Path

from policybot.domain import copy as rules
from policybot.domain.effects import KeepContext
from policybot.matrix.client import Client, Missing
from policybot.matrix.files import Files
from policybot.matrix.synapse import Synapse
from policybot.ports import Impossible, Result

_KINDS = ("m.room.message", "m.room.encrypted", "m.sticker")
"""What people read as messages."""
_WAIT = "10000"
"""Milliseconds that the homeserver may wait for another one to send a file."""
_ALL_THE_SAME = {"admin_unsafely_bypass_quarantine": "true"}


class Media:
    """Reads what belongs to a message."""

    def __init__(self, client: Client, synapse: Synapse, files: Files) -> None:
        """Read as the bot."""
        self._client = client
        self._synapse = synapse
        self._files = files

    async def around(self, keep: KeepContext, kept: Result | None) -> Result:
        """Read the messages around an event, or look into the files of the copy that is kept of it."""
        if keep.most:
            return {"lines": await self._lines(keep)}
        if kept is None:
            return {}
        return {"files": await self._files.name(rules.files(kept["content"]))}

    # Quarantine ----------------------------------------------------------------------------------

    async def observe(self, uri: str) -> Result:
        """Say whether a file is in quarantine already.

        Raises:
            Impossible: the homeserver does not have it.
        """
        return {"quarantined": await self._is_quarantined(uri)}

    async def quarantine(self, uri: str) -> Result:
        """Let nobody fetch a file.

        Raises:
            Impossible: the homeserver does not have it, or an administrator has protected it.
        """
        if await self._is_quarantined(uri):
            return {}
        await self._synapse.quarantine(*rules.address(uri))
        if not await self._is_quarantined(uri):
            message = "the homeserver keeps the file: an administrator may have protected it"
            raise Impossible(message)
        return {}

    async def unquarantine(self, uri: str, before: Result) -> Result:
        """Let people fetch a file again, unless it was in quarantine before."""
        if not before["quarantined"] and await self._is_quarantined(uri):
            await self._synapse.unquarantine(*rules.address(uri))
        return {}

    async def _is_quarantined(self, uri: str) -> bool:
        try:
            known = await self._synapse.media(*rules.address(uri))
        except Missing as error:
            message = "the homeserver does not have this file"
            raise Impossible(message) from error
        return bool(known.get("quarantined_by"))

    async def file(self, uri: str, most: int) -> bytes | None:
        """Read a file, one in quarantine as an administrator; None if it is too large or not to be had.

        Raises:
            Later: the homeserver is away, or waits for another one.
        """
        server, media_id = rules.address(uri)
        path, query = f"/_matrix/client/v1/media/download/{server}/{media_id}", {"timeout_ms": _WAIT}
        for client, more in ((self._client, {}), (self._synapse.admin, _ALL_THE_SAME)):
            try:
                data, size = await client.beginning(path, most + 1, query | more)
            except Missing:
                continue
            return data if max(size, len(data)) <= most else None
        return None

    # What stands around --------------------------------------------------------------------------

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
