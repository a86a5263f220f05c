"""What the files of a message are: their first bytes, read from the homeserver and looked at."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

from policybot.domain.seen import File, media_of
from policybot.matching.media import LOOKED_AT, look
from policybot.matrix.client import Client, Missing
from policybot.ports import Result

_MXC = re.compile(r"mxc://([A-Za-z0-9.:\[\]-]{1,255})/([A-Za-z0-9_-]{1,255})")
_MOST = 8
"""Files of one message that are looked into."""
_WAIT = "10000"
"""Milliseconds that the homeserver may wait for another one to send a file."""


class Files:
    """The files of messages."""

    def __init__(self, client: Client) -> None:
        """Read with the bot's own token."""
        self._client = client

    async def look_into(self, content: Mapping[str, Any]) -> list[Result]:
        """Say what those files of a message are that can be had.

        Raises:
            Later: the homeserver is away, or waits for another one.
        """
        looked = [await self._look(uri) for uri in media_of(content)[:_MOST]]
        return [
            {"kind": file.kind, "size": file.size, "animated": file.animated} for file in looked if file
        ]

    async def name(self, uris: Sequence[str]) -> list[Result]:
        """Say of each file what it is; of one that cannot be had, nothing. Raises as `look_into`."""
        found = [await self._look(uri) for uri in uris]
        return [{"kind": one.kind if one else "", "size": one.size if one else 0} for one in found]

    async def _look(self, uri: str) -> File | None:
        match = _MXC.fullmatch(uri)
        if match is None:
            return None
        path = f"/_matrix/client/v1/media/download/{match[1]}/{match[2]}"
        try:
            data, size = await self._client.beginning(path, LOOKED_AT, {"timeout_ms": _WAIT})
        except Missing:
            return None
        return await asyncio.to_thread(look, data, size)
