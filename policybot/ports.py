"""What the services need from outside: a homeserver, a source of real-name records, a clock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from policybot.domain.drift import Look, Seen
from policybot.domain.effects import Effect
from policybot.domain.identity import Record, Source, Still, Verification
from policybot.domain.press import Kind as PressKind
from policybot.domain.press import Press
from policybot.domain.private import Private
from policybot.domain.review import Sight
from policybot.domain.taking import View

Clock = Callable[[], datetime]
"""Gives the present as an aware time."""

Result = Mapping[str, Any]
"""What an effect brought to light, as plain JSON values."""


class Later(Exception):  # noqa: N818 - a condition that passes
    """The homeserver could not do it now: it is away, busy, or asks to wait."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        """Say why, and after how many seconds the homeserver wants to be asked again."""
        super().__init__(reason)
        self.retry_after = retry_after


class Impossible(Exception):  # noqa: N818 - an answer
    """The homeserver will never do it: the bot lacks the rank, or the thing is gone."""


class StillShown(Impossible):
    """A name that was to be hidden is still seen."""


class SourceAway(Exception):  # noqa: N818 - a condition that passes
    """The source of real-name records cannot be reached."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One effect on its way, with what is known for carrying it out."""

    effect: Effect
    key: str
    """The Matrix transaction ID, the same at every try."""
    again: bool = False
    """Whether it was tried before, so that it may have been done already."""
    before: Result | None = None
    """What was there before a standing effect; None if nothing stands."""
    card: Result | None = None
    """What a card says now (`text`, with its fingerprint as `shown`), and the `event_id` of the message
    that it is, if it is one; None if it says that already."""
    label: Result | None = None
    """What a room's label says now; None to write what the effect itself says."""
    direct_room: str | None = None
    """The room in which the person to be told can be reached, if one is known."""
    name: Private | None = None
    """The verified name of the person whose profile is to show it."""
    evidence: Result | None = None
    """The kept copy (`room_id`, `sender`, `sent_at`, `content`) of the event that is restored."""


class Homeserver(Protocol):
    """The homeserver that effects are performed on."""

    async def observe(self, effect: Effect) -> Result:
        """Read what a standing effect is about to change.

        Raises:
            Later: ask again.
            Impossible: the effect cannot be carried out at all.
        """
        ...

    async def perform(self, errand: Errand) -> Result:
        """Carry out an effect; doing it twice under one key changes nothing more.

        Raises:
            Later: ask again.
            Impossible: it cannot be carried out.
        """
        ...


class RoomReader(Protocol):
    """A look at a room from within, before a transaction is opened."""

    async def view(self, room_id: str) -> View | None:
        """Look at a room; None if the bot is not in it, whether it exists or not.

        Raises:
            Later: ask again.
        """
        ...

    async def sight(self, room_id: str) -> Sight | None:
        """Look at how a room presents itself; None as of `view`.

        Raises:
            Later: ask again.
        """
        ...

    async def room_of(self, alias: str) -> str | None:
        """Look an alias up; None if nobody knows it.

        Raises:
            Later: ask again.
        """
        ...

    async def author_of(self, room_id: str, event_id: str) -> str | None:
        """Say who sent an event of a room; None if there is none, empty if the bot cannot see it.

        Raises:
            Later: ask again.
        """
        ...


class RoomLook(Protocol):
    """A look at a governed room, to compare it; outside any transaction, for it takes some requests."""

    async def look(self, asked: Look) -> Seen | None:
        """Read a room as its members see it; None if the bot is not in it.

        Raises:
            Later: ask again.
            Impossible: it cannot be read.
        """
        ...

    async def is_suspended(self, user_id: str) -> bool:
        """Say whether an account of our homeserver is suspended; raises as `look`."""
        ...


@dataclass(frozen=True, slots=True)
class Listed:
    """One room of the server's directory, as an administrator sees it listed."""

    room_id: str
    name: str
    """As the room itself says it: anything may stand there."""
    alias: str
    creator: str
    """A user ID; empty if the homeserver does not say it."""
    members: int


@dataclass(frozen=True, slots=True)
class RoomsPage:
    """A page of the directory, in an order that does not change."""

    ids: Sequence[str]
    """Of all rooms of the page, in their order."""
    rooms: Sequence[Listed]
    """Those of which enough is known."""
    total: int
    """Rooms in the whole list."""
    more: bool
    """Whether others come after them."""


@dataclass(frozen=True, slots=True)
class Present:
    """Who is in a governed room, and by which aliases it is known."""

    members: Sequence[str]
    aliases: Sequence[str]


class ListReader(Protocol):
    """A look at policy lists of others, and at who is in governed rooms; outside any transaction."""

    async def rules(self, room_id: str) -> Sequence[Any] | None:
        """Read the state events that are rules, whatever stands in them; None if the bot is not there.

        Raises:
            Later: ask again.
        """
        ...

    async def present(self, room_id: str) -> Present | None:
        """Name who is in a governed room; None if the bot is not there. Raises as `rules`."""
        ...


class PublicRooms(Protocol):
    """The server's directory as an administrator sees it; the rooms themselves are never looked at."""

    async def page(self, start: int, limit: int) -> RoomsPage:
        """Read a page from an offset.

        Raises:
            Later: ask again.
            Impossible: the homeserver does not show it to us; the message says why, and the mend.
        """
        ...

    async def reachable(self, user_id: str) -> bool:
        """Say whether somebody of our homeserver is there to read a message.

        Raises:
            Later: ask again.
        """
        ...

    async def room_of(self, alias: str) -> str | None:
        """Look an alias up; None if nobody knows it.

        Raises:
            Later: ask again.
        """
        ...


@dataclass(frozen=True, slots=True)
class PressPage:
    """A page of what was reported with the client's button, in the order of time."""

    rows: Sequence[Press]
    total: int
    more: bool
    """Whether others come after them."""


class ReportButton(Protocol):
    """The homeserver's lists of what was reported with the client's button."""

    async def is_there(self, kind: PressKind, number: int) -> bool:
        """Say whether a list has a report of some number; far cheaper than to read a page.

        Raises:
            Later: ask again.
            Impossible: as of `page`.
        """
        ...

    async def page(
        self, kind: PressKind, start: int, limit: int, *, newest_first: bool = False
    ) -> PressPage:
        """Read a page from an offset.

        Raises:
            Later: ask again.
            Impossible: the homeserver does not show it to us; the message says why, and the mend.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the person something on our own page: a `code`, or for `document`s."""

    what: str


@dataclass(frozen=True, slots=True)
class Go:
    """Send the browser to the provider."""

    url: str
    state: str
    """What the provider sends back unchanged, so that the browser's return is recognised."""
    memory: Mapping[str, str]
    """What `finish` needs to know again; kept sealed meanwhile."""
    wait: timedelta | None = None
    """How long the provider may take to post a result; None if the browser brings the proof itself."""


Step = Ask | Go
"""How a way in goes on."""


class Unfit(Exception):  # noqa: N818 - an answer
    """A file that is not taken; the message says to its sender what is wrong with it."""


class Busy(Exception):  # noqa: N818 - a condition that passes
    """There is no room for more of this at the moment."""


class Cleaner(Protocol):
    """What makes pictures that can be shown safely out of files that anybody may have made."""

    async def clean(self, data: bytes) -> Sequence[bytes]:
        """Draw the pictures of a file anew, as JPEG.

        Raises:
            Unfit: the file is not taken.
        """
        ...

    async def draw(self, data: bytes, *, blurred: bool) -> bytes:
        """Draw a picture anew, as JPEG: the first if it moves, small and without detail if `blurred`.

        Raises:
            Unfit: it is no picture, or cannot be read.
        """
        ...


class MediaReader(Protocol):
    """The files that the homeserver has, those in quarantine too; outside any transaction."""

    async def file(self, uri: str, most: int) -> bytes | None:
        """Read a file; None if it cannot be had, or has more bytes than `most`.

        Raises:
            Later: ask again.
        """
        ...


class NotProved(Exception):  # noqa: N818 - an answer
    """What a provider sent proves nothing; the reason is for the operator's log."""


class Declined(Exception):  # noqa: N818 - an answer
    """The person did not go through with it at the provider, or the provider did not let them."""


class NotYet(Exception):  # noqa: N818 - a condition that passes
    """The provider has not come to a result yet."""


class IdentityProvider(Protocol):
    """A way in: a source of real-name records. Called outside any transaction, for it may take long."""

    @property
    def id(self) -> str:
        """Which way this is, in forms and in memory: `roster`, `oidc-campus`."""
        ...

    @property
    def source(self) -> Source:
        """Which kind of way this is."""
        ...

    @property
    def title(self) -> str:
        """What it is called on the page."""
        ...

    async def begin(self, state: str) -> Step:
        """Say how it goes on; `state` is random, and good once.

        Raises:
            SourceAway: the source cannot be reached; the message says why.
        """
        ...

    async def finish(self, memory: Mapping[str, str], answer: Mapping[str, str]) -> Record | None:
        """Find the person by what the browser brings; None if it is nobody.

        Raises:
            NotProved: the answer is not what the provider would send.
            Declined: the person did not go through with it.
            NotYet: the provider posts its result later.
            SourceAway: the source cannot be reached; the message says why.
        """
        ...


class AccountLogin(Protocol):
    """A login at the homeserver's side, which shows the account that a browser holds."""

    async def begin(self, state: str) -> Go:
        """Say where to send the browser; raises as `IdentityProvider.begin`."""
        ...

    async def finish(self, memory: Mapping[str, str], answer: Mapping[str, str]) -> str:
        """Name the account, as a user ID; raises as `IdentityProvider.finish`."""
        ...


class AccountToken(Protocol):
    """A check of tokens that a client gives out to show its account (Matrix OpenID)."""

    async def account(self, server_name: str, token: Private) -> str:
        """Name the account that a token is of, as a user ID.

        Raises:
            NotProved: the token is good for nothing here.
            SourceAway: the homeserver cannot be reached.
        """
        ...


@runtime_checkable
class Revalidating(Protocol):
    """A way in that can be asked later; all others cannot say whether a verification still holds."""

    @property
    def source(self) -> Source:
        """Which kind of way this is."""
        ...

    @property
    def realm(self) -> str:
        """Whose verifications it can speak of."""
        ...

    async def revalidate(self, verification: Verification, again: Private | None) -> Still:
        """Say whether a verification still holds; `again` is what its record left for this.

        Raises:
            SourceAway: the source cannot be reached; the message says why.
        """
        ...


class Received(StrEnum):
    """What becomes of something that a machine has posted."""

    TAKEN = "taken"
    """It was done, or was done before, or concerns nothing that is known."""
    FORGED = "forged"
    """It carries no signature of ours."""
    UNTIMELY = "untimely"
    """It was signed too long ago, or for the future."""
    UNREADABLE = "unreadable"
    CONTRADICTED = "contradicted"
    """Something else was posted under its ID before."""


class Inbox(Protocol):
    """Where a machine posts what nobody waits for."""

    async def receive(self, headers: Mapping[str, str], body: bytes) -> Received:
        """Take what was posted, if its signature is good."""
        ...
