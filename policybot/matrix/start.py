"""The start: find the review room, tell the homeserver that we are there, and take what waited."""

import logging
import uuid
from http import HTTPStatus

from mautrix.api import Path

from policybot.domain.rank import Levels
from policybot.matrix.client import Client, Missing
from policybot.ports import Impossible, Later
from policybot.services.setting import Setting
from policybot.store import rooms
from policybot.store.database import Database
from policybot.store.rooms import Kind, Room

log = logging.getLogger(__name__)

_LOG_ROOM = {
    "name": "Audit log",
    "topic": "Signed checkpoints of the audit log. Keep them: they show if it is ever rewritten.",
    "preset": "public_chat",
    "visibility": "private",
    "power_level_content_override": {"events_default": 100, "invite": 0},
    "initial_state": [
        {
            "type": "m.room.history_visibility",
            "state_key": "",
            "content": {"history_visibility": "world_readable"},
        }
    ],
}
"""A room that everybody can read and only its maker writes in; it is not in the room directory."""

HEARTBEAT = "org.policybot.heartbeat"
"""An event in the review room that clients do not show. After a restart of its own Synapse delivers
nothing that waited until a new event comes by; this is that event."""


class Start:
    """What is done with the homeserver when policybot starts."""

    def __init__(self, setting: Setting, database: Database, client: Client) -> None:
        """Use the bot's own client."""
        self._setting = setting
        self._database = database
        self._client = client

    async def recall(self) -> None:
        """Remember the review room from the last time, so that work goes on without a homeserver."""
        async with self._database.transaction() as tx:
            known = await rooms.ids_of_kind(tx, Kind.REVIEW)
        wanted = self._setting.config.review_room
        self._setting.review_room = known[0] if known else wanted

    async def greet(self) -> None:
        """Make sure of our account and the review room, and fetch the backlog.

        Raises:
            Later: the homeserver is away.
            Impossible: something has to be set right first; the message says what.
        """
        await self._ensure_account()
        room_id = await self._enter_review_room()
        self._setting.log_room = await self._enter_log_room()
        await self._ping()
        beat = Path.v3.rooms[room_id].send[HEARTBEAT][uuid.uuid4().hex]
        await self._client.put(beat, {})

    async def _ensure_account(self) -> None:
        try:
            await self._client.get(Path.v3.account.whoami)
            await self._client.post(
                Path.v3.register,
                {
                    "type": "m.login.application_service",
                    "username": self._setting.config.appservice.localpart,
                    "inhibit_login": True,
                },
            )
        except Impossible as error:
            if "M_USER_IN_USE" in str(error) or "already" in str(error).lower():
                return
            if str(HTTPStatus.UNAUTHORIZED.value) in str(error):
                message = "the homeserver does not know our registration: see app_service_config_files"
                raise Impossible(message) from error
            raise

    async def _enter_review_room(self) -> str:
        wanted = self._setting.config.review_room
        room_id = await self.resolve(wanted) if wanted.startswith("#") else wanted
        if room_id is None:
            message = (
                f"there is no room {wanted}; make a private, unencrypted room under this alias and "
                f"invite {self._setting.config.bot_user_id} to it"
            )
            raise Impossible(message)
        try:
            await self._client.post(Path.v3.join[room_id], {})
        except Impossible as error:
            message = f"please invite {self._setting.config.bot_user_id} to {wanted}"
            raise Impossible(message) from error
        answer = await self._client.get(Path.v3.rooms[room_id].joined_members)
        members = set(answer.get("joined", {})) - {self._setting.config.bot_user_id}
        async with self._database.transaction() as tx:
            for known in await rooms.ids_of_kind(tx, Kind.REVIEW):
                if known != room_id:
                    await rooms.forget(tx, known)
            room = Room(room_id, Kind.REVIEW, Levels("", (), {}))
            await rooms.save(tx, room, self._setting.now())
            await rooms.reset_review(tx, members)
        self._setting.review_room = room_id
        return room_id

    async def _enter_log_room(self) -> str:
        """Enter the room in which checkpoints are posted, or make it; give its ID, empty for none."""
        wanted, server = self._setting.config.log.room, self._setting.config.homeserver.server_name
        if wanted is None:
            return ""
        room_id = await self.resolve(wanted) if wanted.startswith("#") else wanted
        try:
            if room_id is None:
                # Refused for an alias that is not reserved for us; those are in registration.yaml.
                body = _LOG_ROOM | {"room_alias_name": wanted[1:].removesuffix(f":{server}")}
                return str((await self._client.post(Path.v3.createRoom, body))["room_id"])
            await self._client.post(Path.v3.join[room_id], {})
        except Impossible as error:
            log.warning("Checkpoints are not posted in %s: %s", wanted, error)
            return ""
        return room_id

    async def _ping(self) -> None:
        """Ask the homeserver to reach us; a good answer makes it send what waited."""
        path = Path.v1.appservice[self._setting.config.appservice.id].ping
        try:
            await self._client.post(path, {"transaction_id": uuid.uuid4().hex})
        except Later as error:
            # While Synapse is already trying again it answers 502; the backlog is on its way then.
            if not str(error).startswith(str(HTTPStatus.BAD_GATEWAY.value)):
                raise

    async def resolve(self, alias: str) -> str | None:
        """Look a room alias up; None if nobody knows it or the homeserver is away."""
        try:
            answer = await self._client.get(Path.v3.directory.room[alias])
        except (Missing, Impossible):
            return None
        except Later:
            return None
        return str(answer["room_id"])
