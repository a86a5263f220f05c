"""The homeserver's lists of what was reported with the client's button, as administrators see them."""

import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from policybot.domain.case import Subject, SubjectKind
from policybot.domain.press import Kind, Press
from policybot.matrix.client import Missing
from policybot.matrix.commands.subject import account_in
from policybot.matrix.synapse import Synapse
from policybot.ports import Impossible, PressPage

_NAMES = {Kind.EVENTS: "event_reports", Kind.USERS: "user_reports"}
_LONGEST_ID = 255
"""Bytes of an ID (Matrix specification, "Size limits" of events)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 253_402_300_799_000
"""The last millisecond count that is a date."""
_BIGGEST = 2**63
_MEND = (
    "make the bot's account an administrator of the homeserver, or set homeserver.admin_token in the "
    "configuration; `policybot doctor` says how"
)


class Presses:
    """Reads the lists; it deletes nothing there."""

    def __init__(self, synapse: Synapse) -> None:
        """Look as an administrator."""
        self._synapse = synapse
        self._took = dict.fromkeys(Kind, 0.0)

    @property
    def took(self) -> float:
        """For how many seconds the homeserver was busy with the last question about each list."""
        return sum(self._took.values())

    async def is_there(self, kind: Kind, number: int) -> bool:
        """Say whether a list has a report of some number; raises as `page`."""
        try:
            await self._asked(kind, self._synapse.report(_NAMES[kind], number))
        except Missing:
            return False
        return True

    async def page(self, kind: Kind, start: int, limit: int, *, newest_first: bool = False) -> PressPage:
        """Read a page from an offset.

        Raises:
            Later: the homeserver is away.
            Impossible: it has no such list, or does not show it; the message says the mend.
        """
        name = _NAMES[kind]
        asking = self._synapse.reports(name, start, limit, newest_first=newest_first)
        try:
            answer = await self._asked(kind, asking)
        except Missing as error:
            message = f"the homeserver has no {name} in its admin API: that needs Synapse 1.152 or newer"
            raise Impossible(message) from error
        rows = answer.get(name) if isinstance(answer, dict) else None
        if not isinstance(rows, list):
            message = f"the homeserver answers something else than {name}"
            raise Impossible(message)
        total = answer.get("total")
        return PressPage(
            [press for row in rows if (press := _press(kind, row)) is not None],
            total if isinstance(total, int) else 0,
            answer.get("next_token") is not None,
        )

    async def _asked(self, kind: Kind, asking: Awaitable[Any]) -> Any:  # noqa: ANN401 - JSON
        """Wait for an answer, and note how long it took."""
        began = time.monotonic()
        try:
            return await asking
        except Missing:
            raise
        except Impossible as error:
            refused = (str(HTTPStatus.UNAUTHORIZED.value), str(HTTPStatus.FORBIDDEN.value))
            mend = f". The mend: {_MEND}" if str(error).startswith(refused) else ""
            message = f"the homeserver does not show me its {_NAMES[kind]} ({error}){mend}"
            raise Impossible(message) from error
        finally:
            self._took[kind] = time.monotonic() - began


def _press(kind: Kind, row: Any) -> Press | None:  # noqa: ANN401 - JSON
    """Read one report; None if it has no number or no time."""
    if not isinstance(row, dict):
        return None
    number, at, reason = row.get("id"), row.get("received_ts"), row.get("reason")
    if not isinstance(number, int) or not isinstance(at, int):
        return None
    if not (0 <= number < _BIGGEST and 0 <= at <= _LATEST):
        return None
    reporter = _account(row.get("user_id"))
    return Press(
        kind,
        number,
        _EPOCH + timedelta(milliseconds=at),
        reporter or "",
        _subject(kind, row) if reporter else None,
        reason if isinstance(reason, str) else "",
    )


def _subject(kind: Kind, row: dict[str, Any]) -> Subject | None:
    if kind is Kind.USERS:
        account = _account(row.get("target_user_id"))
        return Subject(SubjectKind.USER, user_id=account) if account else None
    room_id, event_id = row.get("room_id"), row.get("event_id")
    if not _is_id(room_id, "!") or not _is_id(event_id, "$"):
        return None
    # `sender` is who wrote it, and `user_id` who reported it.
    return Subject(SubjectKind.EVENT, str(room_id), str(event_id), _account(row.get("sender")))


def _account(value: Any) -> str | None:  # noqa: ANN401 - JSON
    return account_in(value) if isinstance(value, str) and value.startswith("@") else None


def _is_id(value: Any, sigil: str) -> bool:  # noqa: ANN401 - JSON
    return (
        isinstance(value, str)
        and value.startswith(sigil)
        and value.isprintable()
        and " " not in value
        and len(value.encode()) <= _LONGEST_ID
    )
