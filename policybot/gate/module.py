"""The gate within Synapse: the module that it loads, which answers from memory before it accepts.

It judges accounts of this homeserver alone, and only what has to do with governed rooms, with public
rooms and with files. Nothing here may hold Synapse up or make it fail: a mistake refuses nothing.

Synapse 1.163 asks `get_ratelimit_override_for_user` for joins alone (`handlers/room_member.py`), never
for messages, and names no room: slow rooms are therefore answered here, with a sentence and the time to
wait. `check_event_allowed` is not used: Synapse reads the whole state of the room for it, each time.
Each process that loads the module has a copy of its own: it knows which files were uploaded, and counts
how often people post, as far as that went through it.
"""

import logging
import secrets
import time
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, NoReturn, Protocol, cast

from synapse.events import EventBase
from synapse.media._base import FileInfo
from synapse.media.media_storage import ReadableFileWrapper
from synapse.module_api import NOT_SPAM, JsonDict, ModuleApi
from synapse.module_api.errors import Codes, ConfigError, SynapseError
from synapse.types import RoomAlias, UserID
from twisted.internet import defer

from policybot import __version__
from policybot.domain import admission
from policybot.domain.refusal import Code, Refusal
from policybot.domain.seen import File, is_long, media_of
from policybot.gate.client import Client
from policybot.gate.judge import UNJUDGED, Read, is_judged, judged
from policybot.gate.link import Link
from policybot.gate.options import Mistake, Options, options
from policybot.gate.replica import Replica
from policybot.matching import fold, media

log = logging.getLogger(__name__)

Answer = Literal["NOT_SPAM"] | tuple[Codes, JsonDict]

_MOST_FILES = 20_000
_QUIET = 60
"""Seconds between two lines in the log about mistakes of ours."""


class _Requester(Protocol):
    """Who asks; Synapse has moved its own type about."""

    @property
    def user(self) -> UserID:
        """The account."""


class Gate:
    """What Synapse loads: `module: policybot.gate.module.Gate`."""

    def __init__(self, config: Options, api: ModuleApi) -> None:
        """Begin to answer, and to learn from policybot."""
        self._api = api
        self._closed = config.closed
        self._view = Replica()
        self._host = Client(api, config)
        self._link = Link(
            self._host,
            self._view,
            module=__version__,
            worker=api.worker_name or "main",
            instance=secrets.token_hex(8),
            patience=config.patience,
        )
        self._files: dict[str, File] = {}
        self._mistakes = 0
        self._strange = False
        self._complained = float("-inf")
        self._register()
        api.run_as_background_process("policybot_view", self._link.follow, bg_start_span=False)
        api.run_as_background_process("policybot_refusals", self._link.tell, bg_start_span=False)

    def _register(self) -> None:
        self._api.register_spam_checker_callbacks(
            check_event_for_spam=self.check_event_for_spam,
            user_may_join_room=self.user_may_join_room,
            user_may_invite=self.user_may_invite,
            user_may_send_3pid_invite=self.user_may_send_3pid_invite,
            user_may_create_room_alias=self.user_may_create_room_alias,
            user_may_publish_room=self.user_may_publish_room,
            check_media_file_for_spam=self.check_media_file_for_spam,
        )
        self._api.register_third_party_rules_callbacks(on_create_room=self.on_create_room)
        self._api.register_media_repository_callbacks(
            is_user_allowed_to_upload_media_of_size=self.is_user_allowed_to_upload_media_of_size
        )
        from twisted.internet import reactor  # by now Synapse has chosen it

        # Its interface has types only for those who have zope's plugin.
        cast(Any, reactor).addSystemEventTrigger("before", "shutdown", self._end)

    @staticmethod
    def parse_config(config: object) -> Options:
        """Read the module's configuration.

        Raises:
            ConfigError: it is wrong; Synapse says so and does not start.
        """
        try:
            return options(config)
        except Mistake as mistake:
            raise ConfigError(str(mistake), [mistake.key] if mistake.key else []) from None

    # What Synapse asks ---------------------------------------------------------------------------

    async def check_event_for_spam(self, event: EventBase) -> Answer:
        """Say whether a message, or a change of state, is accepted."""
        return await self._answer(self._posts(event), event.room_id, event.sender)

    async def user_may_join_room(self, user: str, room: str, is_invited: bool) -> Answer:  # noqa: ARG002, FBT001 - Synapse's
        """Say whether somebody enters a room."""
        return await self._answer(self._enters(user, room), room, user)

    async def user_may_invite(self, inviter: str, invitee: str, room: str) -> Answer:  # noqa: ARG002 - Synapse's
        """Say whether somebody invites another one into a room."""
        return await self._answer(self._invites(inviter, room), room, inviter)

    async def user_may_send_3pid_invite(
        self,
        inviter: str,
        medium: str,  # noqa: ARG002 - Synapse's
        address: str,  # noqa: ARG002 - Synapse's
        room: str,
    ) -> Answer:
        """Say whether somebody invites another one by e-mail; the address is not looked at."""
        return await self._answer(self._invites(inviter, room), room, inviter)

    async def user_may_create_room_alias(self, user: str, alias: RoomAlias) -> Answer:
        """Say whether a room gets an address."""
        return await self._answer(self._names(user, alias), "", user)

    async def user_may_publish_room(self, user: str, room: str) -> Answer:
        """Say whether somebody puts a room into the list of public rooms, or takes it out."""
        return await self._answer(self._lists(user, room), room, user)

    async def on_create_room(
        self,
        requester: _Requester,
        config: JsonDict,
        is_requester_admin: bool,  # noqa: ARG002, FBT001 - Synapse's
    ) -> None:
        """Say why somebody may not make a room.

        Raises:
            SynapseError: they may not; the text reaches the client.
        """
        user = requester.user.to_string()
        answer = await self._answer(self._creates(user, config), "", user)
        if answer != NOT_SPAM:
            _raise(*answer)

    async def check_media_file_for_spam(self, wrapper: ReadableFileWrapper, info: FileInfo) -> Answer:
        """Say whether a file is kept.

        Synapse does not say here whose it is, and tells its sender no more than «Bad content».
        """
        return await self._answer(self._keeps(wrapper, info), "", "")

    async def is_user_allowed_to_upload_media_of_size(self, user: str, size: int) -> bool:
        """Say whether a file is not too large, before it comes."""
        return await self._answer(self._weighs(user, size), "", user) == NOT_SPAM

    # Answers -------------------------------------------------------------------------------------

    async def _posts(self, event: EventBase) -> Refusal | None:
        sender, room_id, view = event.sender, event.room_id, self._view
        if event.type in UNJUDGED or not self._api.is_mine(sender):
            return None
        now = self._host.now()
        if not self._link.knows(now):
            return await self._posts_unknown(room_id, sender)
        if view.room(room_id) is None:
            return None
        if not is_judged(view, sender):
            if sender != view.house.bot:
                self._stranger(view.house.bot)
            return None
        if self._link.compiled.ages and view.made(sender) is None:
            await self._learn_age(sender)
        compiled, read = self._link.compiled, None
        if is_long(event.content):
            work = partial(Read.of, compiled.rules, event.type, event.content)
            read = await self._api.defer_to_thread(work)
        told = {
            "type": event.type,
            "room_id": room_id,
            "sender": sender,
            "content": event.content,
            "state_key": event.get_state_key(),
        }
        files = self._files_of(event.content) if compiled.files else None
        refusal, post = judged(view, compiled.rules, told, now, files=files, read=read)
        if refusal is None and post is not None:
            view.accepted(post, event.event_id)
        return refusal

    async def _enters(self, user: str, room_id: str) -> Refusal | None:
        now = self._host.now()
        if not self._api.is_mine(user):
            return None
        if not self._link.knows(now):
            return self._in_governed(room_id, user)
        refusal = admission.enters(self._view, room_id, user, now)
        if refusal is None or refusal.code is not Code.ENTRY:
            return refusal
        # Synapse asks as well when somebody who is in the room changes their name there.
        member = ("m.room.member", user)
        found = (await self._api.get_room_state(room_id, [member])).get(member)
        return None if found is not None and found.content.get("membership") == "join" else refusal

    async def _invites(self, user: str, room_id: str) -> Refusal | None:
        now = self._host.now()
        if not self._api.is_mine(user):
            return None
        if not self._link.knows(now):
            return self._in_governed(room_id, user)
        return admission.invites(self._view, room_id, user, now)

    async def _names(self, user: str, alias: RoomAlias) -> Refusal | None:
        return self._named(user, alias.localpart)

    def _named(self, user: str, name: str) -> Refusal | None:
        """Judge an address as people read it: by what it looks like."""
        return admission.names(self._view, user, fold.lookalike(fold.folded(name)))

    async def _lists(self, user: str, room_id: str) -> Refusal | None:
        if not self._link.knows(self._host.now()):
            return await self._unknown(user)
        return admission.lists(self._view, user, room_id)

    async def _creates(self, user: str, wanted: Mapping[str, Any]) -> Refusal | None:
        if not self._link.knows(self._host.now()):
            return await self._unknown(user) if admission.is_open(wanted) else None
        refusal = admission.creates(self._view, user, wanted)
        if refusal is None and wanted.get("visibility") == "public":
            refusal = admission.lists(self._view, user)
        alias = wanted.get("room_alias_name")
        if refusal is None and isinstance(alias, str):
            # Otherwise the room would be made, and left without its address.
            refusal = self._named(user, alias)
        return refusal

    async def _keeps(self, wrapper: ReadableFileWrapper, info: FileInfo) -> Refusal | None:
        if info.server_name is not None or info.url_cache or info.thumbnail is not None:
            return None
        if self._view.house.upload is None and not self._link.compiled.files:
            return None
        file = await self._api.defer_to_thread(_look, wrapper.path)
        while len(self._files) >= _MOST_FILES:
            del self._files[next(iter(self._files))]
        self._files[f"mxc://{self._api.server_name}/{info.file_id}"] = file
        return admission.uploads(self._view, file)

    async def _weighs(self, user: str, size: int) -> Refusal | None:
        if user == self._view.house.bot:
            return None
        return admission.uploads(self._view, File("", size, animated=False))

    def _files_of(self, content: object) -> tuple[File, ...] | None:
        """Say what the files of a message are, if all of them were uploaded through this process."""
        addresses = media_of(content) if isinstance(content, Mapping) else ()
        found = [self._files.get(address) for address in addresses]
        known = tuple(file for file in found if file is not None)
        return known if len(known) == len(found) else None

    async def _learn_age(self, user: str) -> None:
        info = await self._api.get_userinfo_by_id(user)
        if info is not None:
            # Synapse gives seconds.
            self._view.learn(user, datetime.fromtimestamp(info.creation_ts, UTC))

    # Where nothing is known ----------------------------------------------------------------------

    async def _posts_unknown(self, room_id: str, user: str) -> Refusal | None:
        """Answer as the operator wants it, where policybot is away for too long, or was never there."""
        if not self._closed or self._link.ever:
            return self._in_governed(room_id, user)
        rules = ("m.room.join_rules", "")
        found = (await self._api.get_room_state(room_id, [rules])).get(rules)
        public = found is not None and found.content.get("join_rule") == "public"
        return await self._unknown(user) if public else None

    def _in_governed(self, room_id: str, user: str) -> Refusal | None:
        known = self._view.room(room_id) is not None and user != self._view.house.bot
        return self._away(user) if self._closed and known else None

    async def _unknown(self, user: str) -> Refusal | None:
        if not self._closed or user == self._view.house.bot:
            return None
        if not self._link.ever:
            info = await self._api.get_userinfo_by_id(user)
            if info is not None and info.appservice_id is not None:
                return None  # it may be the bot, which is not known yet
        return self._away(user)

    def _away(self, user: str) -> Refusal:
        house = self._view.house
        said = house.say(Code.AWAY, self._view.account(user).language)
        return Refusal(Code.AWAY, said, house.pages.rules)

    # Around every answer -------------------------------------------------------------------------

    async def _answer(self, judging: Awaitable[Refusal | None], room_id: str, user: str) -> Answer:
        """Write an answer as Synapse wants it; a mistake of ours refuses nothing."""
        try:
            refusal = await judging
            if refusal is None:
                return NOT_SPAM
            self._link.refused(refusal, room_id, user)
            return Codes.FORBIDDEN, dict(refusal.body())
        except Exception as error:  # whatever it is, Synapse must go on  # noqa: BLE001
            self._complain(error)
            return NOT_SPAM

    def _complain(self, error: Exception) -> None:
        self._mistakes += 1
        now = time.monotonic()
        if now - self._complained >= _QUIET:
            self._complained = now
            log.error(
                "The gate made a mistake and let something pass: please report it (number %d since the "
                "start)",
                self._mistakes,
                exc_info=error,
            )

    def _stranger(self, bot: str) -> None:
        """Say once that policybot serves another homeserver: then nobody here is judged."""
        if not self._strange:
            self._strange = True
            log.error(
                "The gate judges nobody: policybot's bot is %.255s, and this homeserver is %s. Mend "
                "homeserver.server_name in policybot's configuration, or the module's address",
                bot,
                self._api.server_name,
            )

    def _end(self) -> "defer.Deferred[None]":
        """Tell what is left before the process ends."""
        telling = defer.ensureDeferred(self._link.stop())
        telling.addErrback(lambda _: None)
        return telling


def _raise(code: Codes, body: JsonDict) -> NoReturn:
    raise SynapseError(403, str(body["error"]), code, body)


def _look(path: str) -> File:
    """Read the beginning of a file, and say what it is; not for the reactor's thread."""
    with Path(path).open("rb") as file:
        return media.look(file.read(media.LOOKED_AT), Path(path).stat().st_size)
