"""Delisting: unfiled rooms are taken out of the directory by the clock or by people, and put back."""

import json
from collections import defaultdict
from collections.abc import Sequence

from policybot.domain import unfiled as rules
from policybot.domain.decision import Approval, confirmable
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder
from policybot.domain.permission import Permission
from policybot.domain.showing import Publish, Unpublish
from policybot.domain.unfiled import Action, Room, Standing, Step
from policybot.services.proposals import propose
from policybot.services.setting import Setting
from policybot.store import audit, decisions, filings, members
from policybot.store import unfiled as store
from policybot.store.database import Tx

NOUN = "unfiled"
_SUBJECT = f"{NOUN} unpublish"
_WHY = "it is not filed"


class Delisting:
    """The service that takes unfiled rooms out of the directory and puts them back."""

    needs = Permission.UNFILED_HANDLE

    def __init__(self, setting: Setting) -> None:
        """Act on what the scans of the directory have found."""
        self._setting = setting

    @property
    def action(self) -> Action:
        """What is done about unfiled rooms; in a dry run they are only listed."""
        section = self._setting.config.filing.unfiled
        return Action.NOTHING if section is None or self._setting.config.dry_run else section.action

    async def due(self, tx: Tx, limit: int) -> list[Room]:
        """List rooms whose day has come and that nobody has filed meanwhile."""
        return await self._still_due(tx, await store.due(tx, self._setting.now(), limit))

    async def _still_due(self, tx: Tx, rooms: Sequence[Room]) -> list[Room]:
        now = self._setting.now()
        made = await filings.of_rooms(tx, [room.room_id for room in rooms])
        return [
            room
            for room in rooms
            if rules.step(room, self.action, now) is Step.UNPUBLISH
            and rules.standing([f.state for f in made.get(room.room_id, [])]) is Standing.UNFILED
        ]

    async def hide(self, tx: Tx, by: str, rooms: Sequence[Room]) -> None:
        """Take rooms out of the directory, and tell those who made them."""
        now = self._setting.now()
        await store.keep(tx, [rules.hidden(room, now) for room in rooms])
        told: defaultdict[str, list[Room]] = defaultdict(list)
        for room in rooms:
            self._setting.queue(tx, [Unpublish(room.room_id, filed=False)], cause=cause(room.room_id))
            audit.append(tx, at=now, actor=by, tag="unfiled:unpublish", object=room.room_id, reason=_WHY)
            if room.heard:
                told[room.creator].append(room)
        for creator, theirs in told.items():
            self._setting.tell(
                tx,
                creator,
                "Taken out of the public directory of "
                f"{self._setting.config.homeserver.server_name} today, because it is not filed:\n"
                f"{lines(theirs)}\nNothing else has changed: members, messages and aliases are as they "
                "were. A room is back in the directory once it is filed and approved. "
                f"{how_to_file(self._setting)}\n"
                f"If you think this is wrong, ask {self._setting.config.operator.contact}.",
                cause=f"{NOUN} notice {creator}",
            )

    async def republish(self, tx: Tx, by: str, room_id: str) -> Room:
        """Put a room back into the directory that was taken out of it for not being filed.

        Raises:
            NotFound: none such is known.
            OutOfOrder: it was not taken out.
            NotPermitted: it is their own.
        """
        room = await store.get(tx, room_id)
        if room is None or room.hidden_at is None:
            message = f"I have not taken {rules.shown(room_id)} out of the directory."
            raise (NotFound(message) if room is None else OutOfOrder(message))
        if by in await members.accounts_of(tx, room.creator):
            message = "This is your own room: somebody else decides about it."
            raise NotPermitted(message)
        made = await filings.of_rooms(tx, [room_id])
        if rules.standing([f.state for f in made.get(room_id, [])]) is Standing.KNOWN:
            message = f"{room.in_words} was filed since: whether it is public follows from its filing."
            raise OutOfOrder(message)
        now = self._setting.now()
        await store.keep(tx, [rules.anew(room, now)])
        self._setting.queue(tx, [Publish(room_id, filed=False)], cause=cause(room_id))
        audit.append(tx, at=now, actor=by, tag="unfiled:republish", object=room_id)
        return room

    # Many at once ---------------------------------------------------------------------------------

    async def propose(self, tx: Tx, by: str) -> tuple[list[Room], int, Approval]:
        """Propose to take the next rooms out that wait for a person.

        Returns:
            The rooms of this proposal, how many there are in all, and what is to be confirmed.

        Raises:
            OutOfOrder: none waits.
        """
        waiting = await self.due(tx, rules.MOST_BY_ITSELF)
        if not waiting:
            message = "No room waits to be taken out of the directory."
            raise OutOfOrder(message)
        approval = await propose(
            tx,
            self._setting,
            by=by,
            subject=_SUBJECT,
            binding=json.dumps([room.room_id for room in waiting]),
            needs_other=False,
        )
        return waiting, await store.count_due(tx, self._setting.now()), approval

    async def confirm(self, tx: Tx, by: str, approval: Approval) -> str:
        """Take out what was proposed and is still due."""
        confirmable(approval, by, self._setting.now(), frozenset())
        wanted = list(json.loads(approval.binding))
        rooms = await self._still_due(tx, list((await store.known(tx, wanted)).values()))
        if not rooms:
            message = "None of these rooms is due any more. Nothing was done."
            raise OutOfOrder(message)
        await decisions.end_approval(tx, approval.code, "given", by)
        await self.hide(tx, by, rooms)
        left = len(wanted) - len(rooms)
        but = f" {left} of them were filed, or have left it themselves." if left else ""
        more = await store.count_due(tx, self._setting.now())
        rest = f" {more} more wait: !policy unfiled unpublish" if more else ""
        return (
            f"{number_of(len(rooms))} taken out of the directory, and who made them is told.{but}{rest}"
        )

    async def check_denying(self, tx: Tx, by: str, approval: Approval) -> None:
        """Check nothing: to leave rooms where they are harms nobody."""

    async def dropped(self, tx: Tx, by: str, approval: Approval, state: str) -> None:
        """Note that nobody confirmed it: the rooms stay where they are."""
        audit.append(tx, at=self._setting.now(), actor=by, tag=f"unfiled:{state}", object=approval.code)


def cause(room_id: str) -> str:
    """Name what the effects on a room belong to in the outbox."""
    return f"{NOUN} {room_id}"


def lines(rooms: Sequence[Room]) -> str:
    """List rooms for their creator, one in a line, each with a link."""
    return "\n".join(f"· {room.linked}" for room in rooms)


def how_to_file(setting: Setting) -> str:
    """Say how a room is filed."""
    categories = ", ".join(category.id for category in setting.config.filing.categories)
    return (
        f"To file a room, invite me ({setting.config.bot_user_id}) to it and write to me here: !policy "
        f"file ROOM CATEGORY PURPOSE. ROOM is its link above, CATEGORY one of {categories}, and PURPOSE "
        "a sentence that says what the room is for."
    )


def number_of(count: int) -> str:
    """Write how many rooms were, as a sentence begins."""
    return "1 room was" if count == 1 else f"{count:,} rooms were"
