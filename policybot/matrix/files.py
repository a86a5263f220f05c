"""What the files of a message are: their first bytes, read from the homeserver and looked at."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from policybot.domain.seen import media_of
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
        found: list[Result] = []
        for uri in media_of(content)[:_MOST]:
            match = _MXC.fullmatch(uri)
            if match is None:
                continue
            path = f"/_matrix/client/v1/media/download/{match[1]}/{match[2]}"
            try:
                data, size = await self._client.beginning(path, LOOKED_AT, {"timeout_ms": _WAIT})
            except Missing:
                continue
            file = await asyncio.to_thread(look, data, size)
            found.append({"kind": file.kind, "size": file.size, "animated": file.animated})
        return found
