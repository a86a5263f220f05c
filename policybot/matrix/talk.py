"""What the bot says: in rooms, and to one person in a direct room of theirs.

A message carries its key, so that after a doubtful try we look whether it is there already.
"""

import hashlib
import hmac
import re
import unicodedata
from datetime import datetime
from typing import Any

from mautrix.api import Path

from policybot.matrix import state
from policybot.matrix.accounts import Accounts
from policybot.matrix.client import Client, Missing
from policybot.matrix.members import Members
from policybot.matrix.synapse import Synapse
from policybot.ports import Errand, Impossible, Result

KEY = "org.policybot.key"
"""The field of a message that tells under which key it was sent."""

_FILES = frozenset({"m.image", "m.file", "m.audio", "m.video"})
"""The kinds of message that carry a file."""
_ISOLATES = re.compile("[\u2068\u2069]")
_ISOLATED = re.compile("\u2068[^\u2068\u2069\n]*\u2069")
"""A name that is kept apart from the direction of the text around; whole pairs alone are let through."""


class Talk:
    """The messages of the bot."""

    def __init__(
        self, client: Client, synapse: Synapse, members: Members, accounts: Accounts, secret: str
    ) -> None:
        """Speak as `members.bot`; `secret` makes the aliases of direct rooms unguessable."""
        self._client = client
        self._members = members
        self._accounts = accounts
        self._synapse = synapse
        self._bot = members.bot
        self._server = self._bot.partition(":")[2]
        self._secret = secret

    async def say(self, errand: Errand, room_id: str, text: str, reply_to: str | None) -> Result:
        """Write in a room."""
        room_id = await self._found(room_id)
        content = notice(text)
        if reply_to:
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": reply_to}}
        return await self.send(errand, room_id, content)

    async def _found(self, room_id: str) -> str:
        """Give the ID of a room; what was queued before the review room was found has its alias."""
        if not room_id.startswith("#"):
            return room_id
        answer = await self._client.get(Path.v3.directory.room[room_id])
        return str(answer["room_id"])

    async def show_card(self, errand: Errand, room_id: str) -> Result:
        """Write a card, or edit the one that stands there; one that was removed is written anew."""
        if errand.card is None:  # what it was about is gone, or it says that already
            return {}
        room_id, content = await self._found(room_id), notice(str(errand.card["text"]))
        stands = errand.card.get("event_id")
        earlier = await self._sent_before(room_id, errand.key) if errand.again else None
        # An earlier try has sent what was true then.
        shown = errand.card["shown"] if earlier is None else ""
        if stands is None or not await state.stands(self._client, room_id, str(stands)):
            sent = await self.send(errand, room_id, content)
            return {"event_id": sent["event_id"], "room_id": room_id, "shown": shown}
        edit = notice(f"* {content['body']}") | {
            "m.new_content": content,
            "m.relates_to": {"rel_type": "m.replace", "event_id": stands},
        }
        await self.send(errand, room_id, edit)
        return {"event_id": stands, "room_id": room_id, "shown": shown}

    async def send(self, errand: Errand, room_id: str, content: dict[str, Any]) -> Result:
        """Send a message, once."""
        if errand.again and (found := await self._sent_before(room_id, errand.key)):
            return {"event_id": found}
        path = Path.v3.rooms[room_id].send["m.room.message"][errand.key]
        answer = await self._client.put(path, content | {KEY: errand.key})
        return {"event_id": answer["event_id"]}

    async def _sent_before(self, room_id: str, key: str) -> str | None:
        """Look for a message that an earlier try may have sent: Synapse forgets transaction IDs."""
        query = {"dir": "b", "limit": "100", "filter": f'{{"senders":["{self._bot}"]}}'}
        page = await self._client.get(Path.v3.rooms[room_id].messages, query)
        for event in page.get("chunk", []):
            if event.get("content", {}).get(KEY) == key:
                return str(event["event_id"])
        return None

    async def notify(self, errand: Errand, user_id: str, text: str) -> Result:
        """Write to one person, in a room of theirs; as the server if they are suspended."""
        room_id, opened = errand.direct_room, None
        if room_id is None or await self._members.membership(room_id, user_id) not in ("join", "invite"):
            if await self._accounts.suspended(user_id):
                await self._synapse.server_notice(user_id, text, errand.key)
                return {"server_notice": True}
            room_id = opened = await self._open_direct_room(user_id)
        content = notice(text)
        return dict(await self.send(errand, room_id, content)) | {"opened": opened}

    async def _open_direct_room(self, user_id: str) -> str:
        """Make the direct room with somebody, or find the one that an earlier try made."""
        digest = hmac.new(self._secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()
        localpart = f"_policybot_{digest[:24]}"
        alias = Path.v3.directory.room[f"#{localpart}:{self._server}"]
        try:
            room_id = str((await self._client.get(alias))["room_id"])
        except Missing:
            body = {
                "preset": "private_chat",
                "is_direct": True,
                "invite": [user_id],
                "name": "policybot",
                "room_alias_name": localpart,
            }
            return str((await self._client.post(Path.v3.createRoom, body))["room_id"])
        if await self._members.membership(room_id, user_id) not in ("join", "invite"):
            await self._client.post(Path.v3.rooms[room_id].invite, {"user_id": user_id})
        return room_id

    async def restore(self, errand: Errand, room_id: str, event_id: str, reason: str) -> Result:
        """Post the kept text of a removed message again, with its file; not while the message stands."""
        kept = errand.evidence
        if kept is None:
            message = "no copy of the message was kept"
            raise Impossible(message)
        if await self._stands(str(kept["room_id"]), event_id):
            return {}
        at = kept["sent_at"]
        when = f"{at:%-d %B %Y, %H:%M} UTC" if isinstance(at, datetime) else str(at)
        said = kept["content"].get("body", "")
        content = notice(f"{reason}. {kept['sender']} wrote on {when}:\n\n{said}")
        return await self.send(errand, room_id, _with_file(content, kept["content"]))

    async def _stands(self, room_id: str, event_id: str) -> bool:
        """Say whether a message can still be read where it was written."""
        try:
            event = await self._client.get(Path.v3.rooms[room_id].event[event_id])
        except Impossible:  # the room was left, or is gone
            return False
        return "redacted_because" not in event.get("unsigned", {})


def _with_file(content: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """Let a text be what is said to a file, if there is one (Matrix 1.10: captions)."""
    url, kind = said.get("url"), said.get("msgtype")
    if kind not in _FILES or not isinstance(url, str) or not url.startswith("mxc://"):
        return content
    filename = said.get("filename", said.get("body", ""))
    info = said.get("info")
    told = {"info": info} if isinstance(info, dict) else {}
    return content | told | {"msgtype": kind, "url": url, "filename": str(filename)}


def notice(text: str) -> dict[str, Any]:
    """Write a message that pings nobody, without characters that would hide or turn round its text."""
    if _ISOLATES.search(_ISOLATED.sub("", text)):
        text = _ISOLATES.sub("", text)
    shown = "".join(
        c for c in text if c in "\n\u2068\u2069" or unicodedata.category(c) not in ("Cc", "Cf")
    )
    return {"msgtype": "m.notice", "body": shown, "m.mentions": {}}
