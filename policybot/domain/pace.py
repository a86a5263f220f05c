"""How often people have posted where lately: in memory, bounded, and only as far as rules ask."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from policybot.domain.condition import Rate
from policybot.domain.gate import Post
from policybot.domain.view import FAST, Room

_MOST_POSTS = 200_000
"""Posts that are remembered to be counted, of all people together; beyond it, counting begins anew."""


class Pace:
    """The times of posts, by room and sender."""

    def __init__(self) -> None:
        """Count nothing until a rule asks for it."""
        self._most = self._kept = 0
        self._times: dict[tuple[str, str], deque[tuple[datetime, str]]] = {}
        self._last: dict[tuple[str, str], datetime] = {}

    def remember(self, rates: Iterable[Rate]) -> None:
        """Count as far as these conditions ask, and as far again: a file is looked into later.

        What was counted stays where as much of it is asked for as before.
        """
        most = 2 * max((rate.more_than + 1 for rate in rates), default=0)
        if most != self._most:
            self._most, self._times, self._kept = most, {}, 0

    def note(self, room_id: str, user_id: str, at: datetime, event_id: str) -> None:
        """Count a post, once."""
        if not self._most:
            return
        if self._kept >= _MOST_POSTS:
            self._times, self._kept = {}, 0
        times = self._times.setdefault((room_id, user_id), deque(maxlen=self._most))
        if all(known != event_id for _, known in times):
            self._kept += len(times) < self._most
            times.append((at, event_id))

    def count(self, room_id: str, user_id: str, within: timedelta, now: datetime) -> int:
        """Count somebody's posts within a time before one of them."""
        times = self._times.get((room_id, user_id), ())
        return sum(1 for at, _ in times if timedelta(0) <= now - at < within)

    def spoke(self, room_id: str, user_id: str, at: datetime) -> None:
        """Remember when somebody last posted in a room that takes posts slowly."""
        if len(self._last) >= _MOST_POSTS:
            self._last = {}
        self._last[room_id, user_id] = at

    def accepted(self, post: Post, event_id: str, room: Room | None) -> None:
        """Count a post that was accepted in a room, before it is delivered."""
        self.note(post.room_id, post.sender, post.at, event_id)
        if post.counts and room is not None and room.slow is not FAST:
            self.spoke(post.room_id, post.sender, post.at)

    def delivered(self, room_id: str, user_id: str, at: datetime) -> None:
        """Remember a post that was delivered; what comes late is not the last one for that."""
        last = self.last(room_id, user_id)
        if last is None or last < at:
            self.spoke(room_id, user_id, at)

    def last(self, room_id: str, user_id: str) -> datetime | None:
        """Say when somebody last posted in a room that takes posts slowly."""
        return self._last.get((room_id, user_id))
