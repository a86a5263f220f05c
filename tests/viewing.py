"""What is known of people and rooms, for tests: everything is as a test says it is."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from policybot.domain.publishing import Account
from policybot.domain.view import Curb, House, Pages, Room, gravest

PAGES = Pages(
    "https://a.example/agreement",
    "https://a.example/rules",
    "help@a.example",
    "https://a.example/register",
)
GOOD = Account(verified=True, signed=1)
OPEN = Room(("general",))
NAMED = Room(("general",), named=True)


@dataclass
class View:
    """The same for everybody and every room."""

    here: Room | None = field(default=OPEN)
    who: Account = field(default=GOOD)
    house: House = field(default_factory=lambda: House("@policybot:a.example", PAGES))
    stopped: frozenset[str] = frozenset()
    curbed: Curb | None = None
    made_at: datetime | None = None
    entered_at: datetime | None = None
    first: bool = False
    posts: int = 1
    last: datetime | None = None

    def room(self, room_id: str) -> Room | None:
        return self.here

    def account(self, user_id: str) -> Account:
        return self.who

    def bound(self) -> int:
        return 1

    def curb(self, room_id: str, user_id: str, now: datetime) -> Curb | None:
        return gravest((self.curbed,), room_id, now) if self.curbed else None

    def made(self, user_id: str) -> datetime | None:
        return self.made_at

    def entered(self, room_id: str, user_id: str) -> datetime | None:
        return self.entered_at

    def is_first(self, room_id: str, user_id: str) -> bool:
        return self.first

    def posted(self, room_id: str, user_id: str, within: timedelta, now: datetime) -> int:
        return self.posts

    def last_post(self, room_id: str, user_id: str) -> datetime | None:
        return self.last
