"""The calls that only Synapse knows: its admin API, and nothing else.

Each call names the documentation page that describes it (matrix-org's Synapse documentation,
"Admin API"). On another homeserver they are refused with a sentence.
"""

from typing import Any

from mautrix.api import SynapseAdminPath as Path

from policybot.matrix.client import Client, Missing
from policybot.ports import Impossible, Later

_POLL = 2.0
"""Seconds until it is looked again whether a room is deleted."""


class Synapse:
    """Synapse's admin API, used with the token of an administrator."""

    def __init__(self, admin: Client) -> None:
        """Use a client whose account is a server administrator."""
        self._admin = admin

    @property
    def admin(self) -> Client:
        """The client of the administrator."""
        return self._admin

    async def version(self) -> str:
        """Read the server's version ("Version API")."""
        answer = await self._admin.get(Path.v1.server_version)
        return str(answer.get("server_version", ""))

    async def event(self, event_id: str) -> dict[str, Any]:
        """Read an event, with its content even if it was redacted ("Fetch event API")."""
        answer = await self._admin.get(Path.v1.fetch_event[event_id])
        return dict(answer["event"])

    async def make_room_admin(self, room_id: str, user_id: str) -> None:
        """Give an account the rank of the room's local administrator ("Make Room Admin API")."""
        await self._admin.post(Path.v1.rooms[room_id].make_room_admin, {"user_id": user_id})

    async def user(self, user_id: str) -> dict[str, Any]:
        """Read an account's details, `admin` and `suspended` among them ("User Admin API").

        Raises:
            Missing: the account is not one of this homeserver.
        """
        return dict(await self._admin.get(Path.v2.users[user_id]))

    async def public_rooms(self, start: int, limit: int) -> Any:  # noqa: ANN401 - JSON
        """Read a page of the rooms that stand in the directory ("Rooms API", List Room).

        In the order of their creators, which never change, and then of their IDs: a page by offset
        would otherwise shift with every member who comes or goes.
        """
        query = {
            "public_rooms": "true",
            "order_by": "creator",
            "dir": "f",
            "from": str(start),
            "limit": str(limit),
        }
        return await self._admin.get(Path.v1.rooms, query)

    async def reports(self, name: str, start: int, limit: int, *, newest_first: bool) -> Any:  # noqa: ANN401 - JSON
        """Read a page of `event_reports` ("Show reported events") or of `user_reports`."""
        query = {"dir": "b" if newest_first else "f", "from": str(start), "limit": str(limit)}
        return await self._admin.get(Path.v1[name], query)

    async def report(self, name: str, number: int) -> Any:  # noqa: ANN401 - JSON
        """Read one of them ("Show details of a specific event report").

        Raises:
            Missing: there is none of that number.
        """
        return await self._admin.get(Path.v1[name][str(number)])

    async def lock(self, user_id: str, *, locked: bool) -> None:
        """Lock an account or end its lock ("User Admin API", `locked`).

        Raises:
            Impossible: the homeserver does not lock accounts, or this one is not its own.
        """
        await self._admin.put(Path.v2.users[user_id], {"locked": locked})

    async def suspend(self, user_id: str, *, suspended: bool) -> None:
        """Suspend an account or end its suspension ("Suspend/Unsuspend Account").

        Raises:
            Impossible: the homeserver does not know suspension.
        """
        try:
            await self._admin.put(Path.v1.suspend[user_id], {"suspend": suspended})
        except Missing as error:
            message = (
                f"the homeserver cannot suspend {user_id}: the account is not here, or this is not "
                "Synapse 1.114 or newer"
            )
            raise Impossible(message) from error

    async def delete_room(self, room_id: str, text: str) -> None:
        """Let everybody out of a room and block it; its history stays ("Delete Room API", version 2).

        A deletion that is under way or done is recognised, so this can be called until it returns.

        Raises:
            Later: it is under way.
            Impossible: the homeserver cannot delete rooms.
        """
        states = {found.get("status") for found in await self._deletions(room_id)}
        if "complete" in states and await self._is_blocked(room_id):
            return
        if not states & {"scheduled", "active"}:
            # Never purged: what was written is kept, for whoever has to answer for the decision.
            body = {"block": True, "purge": False, "message": text}
            try:
                await self._admin.delete(Path.v2.rooms[room_id], body)
            except Missing as error:
                message = "the homeserver cannot delete rooms: it is not Synapse, or too old"
                raise Impossible(message) from error
        message = f"{room_id} is being deleted"
        raise Later(message, retry_after=_POLL)

    async def _deletions(self, room_id: str) -> list[dict[str, Any]]:
        try:
            answer = await self._admin.get(Path.v2.rooms[room_id].delete_status)
        except Missing:
            return []
        return list(answer.get("results", []))

    async def _is_blocked(self, room_id: str) -> bool:
        return bool((await self._admin.get(Path.v1.rooms[room_id].block)).get("block"))

    async def unblock_room(self, room_id: str) -> None:
        """Let people into a room again ("Block Room API")."""
        await self._admin.put(Path.v1.rooms[room_id].block, {"block": False})

    async def media(self, server: str, media_id: str) -> dict[str, Any]:
        """Read what is known of a file, `quarantined_by` among it ("Media", Query media).

        Raises:
            Missing: the homeserver has no such file.
        """
        return dict((await self._admin.get(Path.v1.media[server][media_id]))["media_info"])

    async def quarantine(self, server: str, media_id: str) -> None:
        """Let nobody fetch a file ("Media", Quarantining media by ID)."""
        await self._admin.post(Path.v1.media.quarantine[server][media_id], {})

    async def unquarantine(self, server: str, media_id: str) -> None:
        """Let people fetch a file again ("Media", Remove media from quarantine by ID)."""
        await self._admin.post(Path.v1.media.unquarantine[server][media_id], {})

    async def server_notice(self, user_id: str, text: str, key: str) -> None:
        """Send a message that even a suspended account receives ("Server notices").

        Raises:
            Impossible: server notices are not configured.
        """
        body = {"user_id": user_id, "content": {"msgtype": "m.text", "body": text}}
        try:
            await self._admin.put(Path.v1.send_server_notice[key], body)
        except Impossible as error:
            message = (
                f"{user_id} is suspended and server notices do not work ({error}); "
                "set server_notices with auto_join in homeserver.yaml"
            )
            raise Impossible(message) from error
