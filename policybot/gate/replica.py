"""The copy of the view within the homeserver: fed page by page, and never half old where it matters.

Everything is renewed in place: an account keeps its old value until its new one comes, so that nobody
is refused meanwhile.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from policybot.domain.gate import Post
from policybot.domain.pace import Pace
from policybot.domain.publishing import Account
from policybot.domain.view import Curb, House, Pages, Room, gravest
from policybot.gate.accounts import Accounts
from policybot.gate.wire import Head, Newcomer, Page

_STEP = 500
"""Things of a page that are taken without a pause."""
_MOST_MADE = 20_000
_K = TypeVar("_K")
_V = TypeVar("_V")

_NOTHING = Head(House(bot="", pages=Pages("", "", "")))


@dataclass
class _Fresh:
    """What came of everything so far, but for the accounts."""

    rooms: dict[str, Room] = field(default_factory=dict)
    curbs: dict[str, tuple[Curb, ...]] = field(default_factory=dict)
    newcomers: dict[tuple[str, str], Newcomer] = field(default_factory=dict)


class Replica:
    """What is known, from memory; a `domain.view.View`."""

    def __init__(self) -> None:
        """Know nothing."""
        self.head = _NOTHING
        self.whole = False
        """Whether everything came once."""
        self.clock = 0
        self.pace = Pace()
        self._rooms: dict[str, Room] = {}
        self._accounts = Accounts()
        self._curbs: dict[str, tuple[Curb, ...]] = {}
        self._newcomers: dict[tuple[str, str], Newcomer] = {}
        self._made: dict[str, datetime] = {}
        self._fresh = _Fresh()

    # What came -----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin with everything anew; what is known stays until it is swept away."""
        self._accounts.begin()
        self._fresh = _Fresh()

    def take(self, page: Page) -> Iterator[None]:
        """Take a page of everything, or what changed, in steps between which others may do something."""
        if page.head.house.bot != self.head.house.bot:
            # Keys depend on where the homeserver's own accounts live.
            self._accounts = Accounts(page.head.house.bot)
        self.head = page.head
        for number, put in enumerate(self._puts(page), 1):
            put()
            if number % _STEP == 0:
                yield
        if not page.whole:
            self.clock = page.clock

    def _puts(self, page: Page) -> Iterator[Callable[[], None]]:
        """Name what is to be done for a page; people come before the rooms that ask for them."""
        fresh = self._fresh
        rooms = fresh.rooms if page.whole else self._rooms
        curbs = fresh.curbs if page.whole else self._curbs
        newcomers = fresh.newcomers if page.whole else self._newcomers
        for user_id, account in (page.accounts or {}).items():
            yield partial(self._accounts.put, user_id, account)
        for user_id, curbed in (page.curbs or {}).items():
            yield partial(_put, curbs, user_id, curbed or None)
        for newcomer in page.newcomers:
            known = newcomer if newcomer.entered_at is not None else None
            yield partial(_put, newcomers, (newcomer.room_id, newcomer.user_id), known)
        for room_id, room in (page.rooms or {}).items():
            yield partial(_put, rooms, room_id, room)

    def end(self, clock: int) -> Iterator[None]:
        """Forget what did not come again, in steps between which others may do something."""
        fresh = self._fresh
        self._rooms, self._curbs, self._newcomers = fresh.rooms, fresh.curbs, fresh.newcomers
        self.clock, self.whole = clock, True
        yield
        yield from self._accounts.sweep()

    def learn(self, user_id: str, made: datetime) -> None:
        """Remember when an account was made."""
        if len(self._made) >= _MOST_MADE:
            self._made = {}
        self._made[user_id] = made

    def accepted(self, post: Post, event_id: str) -> None:
        """Remember that a post was accepted, until policybot says so as well."""
        room_id, user_id = post.room_id, post.sender
        self.pace.accepted(post, event_id, self._rooms.get(room_id))
        known = self._newcomers.get((room_id, user_id))
        if post.counts and known is not None and not known.posted:
            self._newcomers[room_id, user_id] = Newcomer(room_id, user_id, known.entered_at, posted=True)

    def __len__(self) -> int:
        """Count the accounts."""
        return len(self._accounts)

    # What is asked -------------------------------------------------------------------------------

    @property
    def house(self) -> House:
        """What counts for the whole homeserver."""
        return self.head.house

    @property
    def stopped(self) -> frozenset[str]:
        """The rules that refuse nothing at the moment."""
        return self.head.stopped

    def room(self, room_id: str) -> Room | None:
        """Describe a governed room; None for any other."""
        return self._rooms.get(room_id)

    def account(self, user_id: str) -> Account:
        """Say what counts of an account."""
        return self._accounts.get(user_id)

    def bound(self) -> int:
        """Say which version of the agreement binds; 0 for none."""
        return self.head.bound

    def curb(self, room_id: str, user_id: str, now: datetime) -> Curb | None:
        """Find what keeps somebody from writing in a room, or out of it."""
        curbs = self._curbs.get(user_id)
        return None if curbs is None else gravest(curbs, room_id, now)

    def made(self, user_id: str) -> datetime | None:
        """Say when an account was made, if that is known."""
        return self._made.get(user_id)

    def entered(self, room_id: str, user_id: str) -> datetime | None:
        """Say when somebody was seen to enter a room."""
        known = self._newcomers.get((room_id, user_id))
        return known.entered_at if known else None

    def is_first(self, room_id: str, user_id: str) -> bool:
        """Say whether somebody was seen to enter and has not posted since."""
        known = self._newcomers.get((room_id, user_id))
        return known is not None and not known.posted

    def posted(self, room_id: str, user_id: str, within: timedelta, now: datetime) -> int:
        """Count somebody's posts in a room; the judged one is not among them yet."""
        return self.pace.count(room_id, user_id, within, now) + 1

    def last_post(self, room_id: str, user_id: str) -> datetime | None:
        """Say when somebody last posted in a room that takes posts slowly."""
        return self.pace.last(room_id, user_id)


def _put(where: dict[_K, _V], key: _K, value: _V | None) -> None:
    where.pop(key, None)
    if value is not None:
        where[key] = value
