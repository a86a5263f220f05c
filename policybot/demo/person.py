"""Somebody with an ordinary Matrix client: writes, reads what arrives, waits for answers."""

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import aiohttp

Event = Mapping[str, Any]

_FILTER = '{"room":{"timeline":{"limit":1000}},"presence":{"types":[]}}'
_PATIENCE = 20.0
"""Seconds that a person waits for an answer."""
_SHOWN = 8


class Refused(Exception):  # noqa: N818 - an answer
    """The homeserver said no."""

    def __init__(self, status: int, errcode: str, error: str) -> None:
        """Keep the status, Matrix's code and the homeserver's words."""
        super().__init__(f"{status} {errcode}: {error}")
        self.status = status
        self.errcode = errcode
        self.error = error


class Person:
    """One account and what its client has seen."""

    def __init__(self, session: aiohttp.ClientSession, address: str, user_id: str, token: str) -> None:
        """Use an access token at a homeserver."""
        self.user_id = user_id
        self._session = session
        self._address = address
        self._token = token
        self._since: str | None = None
        self._timeline: defaultdict[str, list[Event]] = defaultdict(list)
        self._read: defaultdict[str, int] = defaultdict(int)
        self._transactions = itertools.count(1)

    async def request(self, method: str, path: str, body: object = None, **query: str) -> Any:  # noqa: ANN401 - JSON
        """Ask the homeserver.

        Raises:
            Refused: it says no.
        """
        async with self._session.request(
            method,
            self._address + path,
            json=body,
            params=query,
            headers={"Authorization": f"Bearer {self._token}"},
        ) as answer:
            data = await answer.json()
            if answer.status >= 400:  # noqa: PLR2004 - from here on it is no
                raise Refused(answer.status, data.get("errcode", ""), data.get("error", ""))
            return data

    async def _client(self, method: str, *parts: str, body: object = None, **query: str) -> Any:  # noqa: ANN401 - JSON
        path = "/_matrix/client/v3/" + "/".join(quote(part, safe="") for part in parts)
        return await self.request(method, path, body, **query)

    # Profiles -----------------------------------------------------------------------------------

    async def profile(self, user_id: str) -> Any:  # noqa: ANN401 - JSON
        """Read somebody's profile."""
        return await self._client("GET", "profile", user_id)

    async def set_profile(self, field: str, value: object) -> None:
        """Write a field of one's own profile."""
        await self._client("PUT", "profile", self.user_id, field, body={field: value})

    # Rooms --------------------------------------------------------------------------------------

    async def create_room(
        self, name: str, *, public: bool = False, invite: Sequence[str] = (), **more: object
    ) -> str:
        """Make a room and return its ID."""
        preset = "public_chat" if public else "private_chat"
        body = {"name": name, "preset": preset, "invite": list(invite)} | more
        return str((await self._client("POST", "createRoom", body=body))["room_id"])

    async def direct_room_with(self, other: str) -> str:
        """Open a direct chat and wait until the other is there."""
        room = await self.create_room("", invite=[other], is_direct=True)
        await self.wait_until_joined(room, other)
        return room

    async def invite(self, room: str, user_id: str) -> None:
        """Invite somebody."""
        await self._client("POST", "rooms", room, "invite", body={"user_id": user_id})

    async def join(self, room: str) -> None:
        """Enter a room."""
        await self._client("POST", "join", room, body={})

    async def state(self, room: str, kind: str, key: str = "") -> Any:  # noqa: ANN401 - JSON
        """Read a state event's content."""
        return await self._client("GET", "rooms", room, "state", kind, key)

    async def set_state(self, room: str, kind: str, content: object, key: str = "") -> None:
        """Write a state event."""
        await self._client("PUT", "rooms", room, "state", kind, key, body=content)

    async def power_levels(self, room: str) -> Any:  # noqa: ANN401 - JSON
        """Read a room's power levels."""
        return await self.state(room, "m.room.power_levels")

    async def public_rooms(self) -> set[str]:
        """List the rooms in the server's directory."""
        return {room["room_id"] for room in (await self._client("GET", "publicRooms"))["chunk"]}

    # Messages -----------------------------------------------------------------------------------

    async def say(self, room: str, text: str, *, reply_to: str | None = None, **more: object) -> str:
        """Write a message and return its event ID."""
        content: dict[str, Any] = {"msgtype": "m.text", "body": text} | more
        if reply_to:
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": reply_to}}
        transaction = f"t{next(self._transactions)}-{time.time_ns()}"
        path = ("rooms", room, "send", "m.room.message", transaction)
        return str((await self._client("PUT", *path, body=content))["event_id"])

    async def is_refused(self, room: str, text: str) -> bool:
        """Try to write, and say whether the homeserver refuses it."""
        try:
            await self.say(room, text)
        except Refused as refused:
            return refused.errcode in ("M_FORBIDDEN", "M_USER_SUSPENDED")
        return False

    async def event(self, room: str, event_id: str) -> Any:  # noqa: ANN401 - JSON
        """Read one event."""
        return await self._client("GET", "rooms", room, "event", event_id)

    async def messages(self, room: str) -> list[Any]:
        """List what was said in a room, newest first."""
        page = await self._client("GET", "rooms", room, "messages", dir="b", limit="500")
        return [event for event in page["chunk"] if event["type"] == "m.room.message"]

    # Waiting ------------------------------------------------------------------------------------

    async def _sync(self, wait: float) -> Mapping[str, Any]:
        query = {"timeout": str(int(wait * 1000)), "filter": _FILTER}
        if self._since:
            query["since"] = self._since
        answer: Mapping[str, Any] = await self._client("GET", "sync", **query)
        self._since = answer["next_batch"]
        for room, found in answer.get("rooms", {}).get("join", {}).items():
            self._timeline[room] += found["timeline"]["events"]
        rooms: Mapping[str, Any] = answer.get("rooms", {})
        return rooms

    async def wait_for_message(
        self, room: str, *, containing: str, sender: str, patience: float = _PATIENCE
    ) -> Event:
        """Wait for a message that was not read yet; those before it count as read.

        Raises:
            AssertionError: it did not come; the message lists what came instead.
        """
        deadline = time.monotonic() + patience
        start = self._read[room]
        while True:
            for place in range(self._read[room], len(self._timeline[room])):
                event = self._timeline[room][place]
                if event["sender"] == sender and containing in str(event["content"].get("body")):
                    self._read[room] = place + 1
                    return event
            left = deadline - time.monotonic()
            if left <= 0:
                seen = [
                    f"{e['sender']}: {e['content'].get('body')}"
                    for e in self._timeline[room][start:]
                    if e["type"] == "m.room.message"
                ][-_SHOWN:]
                message = f"{self.user_id} waited for «{containing}» and read: {seen}"
                raise AssertionError(message)
            await self._sync(min(left, 2.0))

    async def wait_for_room_with(self, text: str, *, patience: float = _PATIENCE) -> str:
        """Wait until a message with some text comes in any room; return the room."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            for room, events in self._timeline.items():
                if any(text in str(event["content"].get("body")) for event in events):
                    return room
            await self._sync(1.0)
        message = f"{self.user_id} read «{text}» nowhere"
        raise AssertionError(message)

    async def wait_for_state(
        self,
        room: str,
        kind: str,
        good: Callable[[Any], bool],
        key: str = "",
        *,
        patience: float = _PATIENCE,
    ) -> Any:  # noqa: ANN401 - JSON
        """Wait until a state event is as it should be."""
        deadline = time.monotonic() + patience
        while True:
            try:
                content = await self.state(room, kind, key)
            except Refused:
                content = {}
            if good(content):
                return content
            if time.monotonic() > deadline:
                message = f"{kind} in {room} stays {content}"
                raise AssertionError(message)
            await self._sync(0.3)

    async def wait_until_joined(self, room: str, user_id: str) -> None:
        """Wait until somebody has entered a room."""
        await self.wait_for_state(
            room, "m.room.member", lambda member: member.get("membership") == "join", user_id
        )

    # Administration -----------------------------------------------------------------------------

    async def make_admin(self, user_id: str) -> None:
        """Make an account an administrator of the homeserver; for administrators."""
        path = f"/_synapse/admin/v1/users/{quote(user_id, safe='')}/admin"
        await self.request("PUT", path, {"admin": True})

    async def user(self, user_id: str) -> Any:  # noqa: ANN401 - JSON
        """Read an account's details, such as `suspended`; for administrators."""
        return await self.request("GET", f"/_synapse/admin/v2/users/{quote(user_id, safe='')}")
