"""Accounts on the homeserver: their suspension, and what their profiles show."""

from typing import Any

from mautrix.api import Path, PathBuilder

from policybot.domain.private import Private
from policybot.matrix.client import Client, Missing
from policybot.matrix.synapse import Synapse
from policybot.ports import Impossible, Result, StillShown


class Accounts:
    """The accounts, as an administrator sees and changes them."""

    def __init__(self, client: Client, synapse: Synapse, bot: str) -> None:
        """Act as `bot`."""
        self._client = client
        self._synapse = synapse
        self._bot = bot
        self._server = bot.partition(":")[2]

    async def suspended(self, user_id: str) -> bool:
        """Say whether an account of this homeserver is suspended; others are not, as far as we know."""
        if user_id.partition(":")[2] != self._server:
            return False
        try:
            user = await self._synapse.user(user_id)
        except Impossible:
            return False
        return bool(user.get("suspended"))

    async def made(self, user_id: str) -> int | None:
        """Say when an account was made, in milliseconds; None if the homeserver does not say it."""
        try:
            user = await self._synapse.user(user_id)
        except Impossible:
            return None
        seconds = user.get("creation_ts")
        return seconds * 1000 if isinstance(seconds, int) and seconds > 0 else None

    async def suspend(self, user_id: str) -> Result:
        """Suspend an account."""
        if user_id == self._bot:
            message = "I do not suspend myself"
            raise Impossible(message)
        await self._synapse.suspend(user_id, suspended=True)
        return {}

    async def unsuspend(self, user_id: str, before: Result) -> Result:
        """End a suspension, unless it was there before ours."""
        if before.get("suspended"):
            return {"drift": f"{user_id} had been suspended before our measure, and stays so."}
        await self._synapse.suspend(user_id, suspended=False)
        return {}

    async def locked(self, user_id: str) -> bool:
        """Say whether an account of this homeserver is locked."""
        return bool((await self._synapse.user(user_id)).get("locked"))

    async def lock(self, user_id: str) -> Result:
        """Lock an account."""
        if user_id == self._bot:
            message = "I do not lock myself"
            raise Impossible(message)
        await self._synapse.lock(user_id, locked=True)
        return {}

    async def unlock(self, user_id: str, before: Result) -> Result:
        """End a lock, unless it was there before ours."""
        if before.get("locked"):
            return {"drift": f"{user_id} had been locked before our measure, and stays so."}
        await self._synapse.lock(user_id, locked=False)
        return {}

    # Profiles -----------------------------------------------------------------------------------

    async def display_name(self, user_id: str) -> Result:
        """Read how somebody is called."""
        try:
            answer = await self._client.get(Path.v3.profile[user_id].displayname)
        except Missing:
            answer = {}
        return {"displayname": answer.get("displayname")}

    async def show_verified(self, user_id: str, field: str, name: Private | None) -> Result:
        """Write a field of somebody's profile, as an administrator may (Matrix 1.16, "Profiles")."""
        value: dict[str, Any] = {"verified": True, "by": self._bot}
        if name is not None:
            value["name"] = name.reveal()
        path = Path.v3.profile[user_id][field]
        try:
            await self._client.put(path, {field: value})
        except Impossible as error:
            if name is None:
                await self._check_hidden(path, field, error)
            raise
        return {}

    async def hide_verified(self, user_id: str, field: str) -> Result:
        """Take that field off the profile again."""
        path = Path.v3.profile[user_id][field]
        try:
            await self._client.delete(path)
        except Missing:
            return {}
        except Impossible as error:
            await self._check_hidden(path, field, error)
            raise
        return {}

    async def _check_hidden(self, path: PathBuilder, field: str, error: Impossible) -> None:
        """Look whether a name stays that its owner wants back: that is not only a missing mark."""
        try:
            value = (await self._client.get(path)).get(field)
        except Impossible:
            return
        if isinstance(value, dict) and "name" in value:
            message = f"the homeserver refuses it ({error}), and the verified name still stands there"
            raise StillShown(message) from error
