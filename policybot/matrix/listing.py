"""The server's directory as its administrators see it: pages of rooms, and who made them."""

import re
from http import HTTPStatus
from typing import Any

from mautrix.api import Path

from policybot.matrix.client import Client, Missing
from policybot.matrix.synapse import Synapse
from policybot.ports import Impossible, Listed, RoomsPage

_LONGEST_ID = 255
"""Bytes of an ID (Matrix specification, "Size limits" of events)."""
_ACCOUNT = re.compile(r"@[!-9;-~]+:[\w.\[\]:-]+", re.ASCII)
_MEND = (
    "make the bot's account an administrator of the homeserver, or set homeserver.admin_token in the "
    "configuration; `policybot doctor` says how"
)


class Listing:
    """Reads the list of public rooms; it enters no room and reads nothing that stands in one."""

    def __init__(self, client: Client, synapse: Synapse) -> None:
        """Look aliases up with the bot's own client, and all else as an administrator."""
        self._client = client
        self._synapse = synapse

    async def page(self, start: int, limit: int) -> RoomsPage:
        """Read a page from an offset.

        Raises:
            Later: the homeserver is away.
            Impossible: it has no such list, or does not show it; the message says the mend.
        """
        try:
            answer = await self._synapse.public_rooms(start, limit)
        except Missing as error:
            message = "the homeserver has no list of rooms in its admin API: that needs Synapse"
            raise Impossible(message) from error
        except Impossible as error:
            refused = (str(HTTPStatus.UNAUTHORIZED.value), str(HTTPStatus.FORBIDDEN.value))
            mend = f". The mend: {_MEND}" if str(error).startswith(refused) else ""
            message = f"the homeserver does not show me its list of rooms ({error}){mend}"
            raise Impossible(message) from error
        rows = answer.get("rooms") if isinstance(answer, dict) else None
        if not isinstance(rows, list):
            message = "the homeserver answers something else than a list of rooms"
            raise Impossible(message)
        total = answer.get("total_rooms")
        return RoomsPage(
            [str(row.get("room_id")) if isinstance(row, dict) else "" for row in rows],
            [room for row in rows if (room := _listed(row)) is not None],
            total if isinstance(total, int) else 0,
            answer.get("next_batch") is not None,
        )

    async def reachable(self, user_id: str) -> bool:
        """Say whether a person of our homeserver is behind an account, and can read a message."""
        try:
            user = await self._synapse.user(user_id)
        except Impossible:
            return False
        gone = ("deactivated", "suspended", "locked", "appservice_id")
        return not any(user.get(key) for key in gone)

    async def room_of(self, alias: str) -> str | None:
        """Look an alias up; None if nobody knows it."""
        try:
            answer = await self._client.get(Path.v3.directory.room[alias])
        except Impossible:
            return None
        return str(answer["room_id"])


def _listed(row: Any) -> Listed | None:  # noqa: ANN401 - JSON
    """Read one room; None if it is none that something could be done about."""
    room_id = row.get("room_id") if isinstance(row, dict) else None
    if not isinstance(room_id, str) or not room_id.startswith("!") or " " in room_id:
        return None
    # Of others nothing could be said in a message, or to the database.
    if not room_id.isprintable() or len(room_id.encode()) > _LONGEST_ID:
        return None
    creator, members = row.get("creator"), row.get("joined_members")
    name, alias = row.get("name"), row.get("canonical_alias")
    known = isinstance(creator, str) and len(creator) <= _LONGEST_ID and _ACCOUNT.fullmatch(creator)
    return Listed(
        room_id,
        name if isinstance(name, str) else "",
        alias if isinstance(alias, str) else "",
        str(creator) if known else "",
        members if isinstance(members, int) and 0 <= members < 2**53 else 0,
    )
