"""The door for synapse-http-antispam: one question a time, answered from memory.

    POST /gate/antispam/{callback}
      wrong token → 403 · refused → 403 with the sentence, the code and the link
      everything else → 200: what is not understood here, or fails here, locks nobody out

Nothing here waits for the database, nor for anything that the bot sends: its own messages come by.
The contract is that of synapse-http-antispam 0.5: any answer with 2xx accepts, any other refuses, and
its body goes to the client.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from aiohttp import web

from policybot.domain import admission
from policybot.domain.refusal import Refusal
from policybot.domain.view import View
from policybot.gate.door import Token, TooLarge, read
from policybot.gate.judge import is_judged, judged
from policybot.gate.wire import Garbage
from policybot.services.findings import Findings, Known
from policybot.services.refusals import Refusals
from policybot.services.setting import Setting
from policybot.store.copies import sent_at

log = logging.getLogger(__name__)

_MOST = 2**20
"""Bytes: an event has 64 KiB, and its escapes may be six times as long."""
_QUIET = 60.0
"""Seconds in which the same trouble is logged once."""

Body = Mapping[str, Any]


class _Asked(NamedTuple):
    """Why something is refused, if it is, and whom it is refused where."""

    why: Refusal | None
    room_id: str = ""
    user_id: str = ""


_PASSES = _Asked(None)


class _Ahead:
    """What policybot knows, before delivery: the judged post is not among those that it has counted."""

    def __init__(self, known: Known) -> None:
        self._known = known

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as it is known
        return getattr(self._known, name)

    def posted(self, *asked: Any) -> int:  # noqa: ANN401 - as the view is asked
        return self._known.posted(*asked) + 1


class AntispamDoor:
    """The routes for the callbacks."""

    def __init__(self, token: Token, setting: Setting, found: Findings, heard: Refusals) -> None:
        """Judge by what the findings' service knows; a dry run refuses nothing."""
        self._token = token
        self._findings = found
        self._view = cast("View", _Ahead(found.view))
        self._refusals = heard
        self._now = setting.now
        self._dry_run = setting.config.dry_run
        self._answers: dict[str, Callable[[Body], _Asked]] = {
            "check_event_for_spam": self._event,
            "user_may_join_room": self._join,
            "user_may_invite": self._invite,
            "user_may_create_room": self._create,
            "user_may_publish_room": self._publish,
        }
        self.odd = 0
        """Questions that were not understood."""
        self.failed = 0
        """Questions that could not be answered."""
        self._logged: dict[str, float] = {}

    def routes(self) -> list[web.RouteDef]:
        """Name the routes."""
        return [web.post("/gate/antispam/{callback}", self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        if (refusal := self._token.refusal(request)) is not None:
            return refusal
        try:
            body = await read(request, _MOST)
        except (Garbage, TooLarge):
            self.odd += 1
            self._log("odd", "synapse-http-antispam: %s questions were no JSON objects", self.odd)
            return web.json_response({})
        callback = request.match_info["callback"]
        if callback == "ping":
            return web.json_response({"id": body.get("id"), "status": "ok"})
        why = None if self._dry_run else self._why(callback, body)
        return web.json_response({}) if why is None else web.json_response(why.body(), status=403)

    def _why(self, callback: str, body: Body) -> Refusal | None:
        """Say why something is refused, if it is; what we fail to understand is not."""
        answer = self._answers.get(callback)
        try:
            asked = answer(body) if answer else _PASSES
        except Exception:  # noqa: BLE001 - whatever it is, it keeps nobody from writing
            self.failed += 1
            self._log("failed", "%s could not be answered, so it was accepted", callback, trace=True)
            return None
        if asked.why is not None:
            self._refusals.note(asked.why, asked.room_id, asked.user_id)
        return asked.why

    def _log(self, trouble: str, text: str, *values: object, trace: bool = False) -> None:
        now = time.monotonic()
        if now - self._logged.get(trouble, -_QUIET) >= _QUIET:
            self._logged[trouble] = now
            log.warning(text, *values, exc_info=trace)

    # What is asked -------------------------------------------------------------------------------

    def _event(self, body: Body) -> _Asked:
        event = body.get("event")
        if not isinstance(event, dict):
            return _PASSES
        now = self._now()
        why, post = judged(self._view, self._findings.rules, event, sent_at(event, now))
        if why is not None:
            return _Asked(why, str(event["room_id"]), str(event["sender"]))
        if post is not None and isinstance(event_id := event.get("event_id"), str):
            self._findings.view.pace.accepted(post, event_id, self._view.room(post.room_id))
        return _PASSES

    def _join(self, body: Body) -> _Asked:
        user_id, room_id = _text(body, "user"), _text(body, "room")
        if not is_judged(self._view, user_id):
            return _PASSES
        return _Asked(admission.enters(self._view, room_id, user_id, self._now()), room_id, user_id)

    def _invite(self, body: Body) -> _Asked:
        user_id, room_id = _text(body, "inviter"), _text(body, "room_id")
        if not is_judged(self._view, user_id):
            return _PASSES
        return _Asked(admission.invites(self._view, room_id, user_id, self._now()), room_id, user_id)

    def _create(self, body: Body) -> _Asked:
        """Judge the making of a room where it is said what becomes of it; version 0.5 says nothing."""
        user_id, wanted = _text(body, "user_id"), body.get("room_config")
        if not isinstance(wanted, dict) or not is_judged(self._view, user_id):
            return _PASSES
        return _Asked(admission.creates(self._view, user_id, wanted), "", user_id)

    def _publish(self, body: Body) -> _Asked:
        user_id, room_id = _text(body, "user_id"), _text(body, "room_id")
        if not is_judged(self._view, user_id):
            return _PASSES
        return _Asked(admission.lists(self._view, user_id, room_id), room_id, user_id)


def _text(body: Body, key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""
