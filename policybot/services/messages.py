"""Messages in governed rooms: who may publish there, and what happens when somebody may not.

The message stays; the sender's right to post in that room is taken until they have done what is
missing, and given back by itself right then. Whether anything has to be done is decided in memory, for
it is asked for every message; before anything is done, the database is asked again.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from policybot.domain import publishing
from policybot.domain.effects import ReleaseMember, RestrictMember
from policybot.domain.publishing import NAMED, STRANGER, Account, Obstacle
from policybot.domain.rank import hindrance
from policybot.domain.sanction import BINDING
from policybot.domain.view import Curb, Room, gravest, slowest
from policybot.services.agreements import CHANGED, Agreements, day
from policybot.services.curbs import ACCOUNT, Curbs
from policybot.services.newcomers import Newcomers
from policybot.services.setting import Setting
from policybot.store import audit, filings, outbox, rooms, sanctions, standing
from policybot.store.database import Database, Tx
from policybot.store.standing import How, Place, Restriction

CAUSE = "standing"
"""What the effects belong to in the outbox, with the account and the room."""
_ROOM = "room"
ENTERED = "entered"
"""What the notes of people who were seen to enter a room begin with."""
_BATCH = 100
_QUIET = {How.TAKEN: timedelta(minutes=1), How.TOLD: timedelta(days=1)}
"""For how long further messages mean nothing new: those that were under way, those of high rank."""
_NEVER = datetime.max.replace(tzinfo=UTC)


class Messages:
    """The service for messages in governed rooms."""

    def __init__(self, setting: Setting, signatures: Agreements) -> None:
        """Keep track of accounts and rooms from now on; `load` reads what was before."""
        self._setting = setting
        self._agreements = signatures
        self._kinds = setting.config.filing.categories
        self._rooms: dict[str, Room] = {}
        """The governed rooms."""
        self._accounts: dict[str, Account] = {}
        self._restricted: dict[str, dict[str, datetime]] = {}
        """The rooms in which an account's right to post is taken, and until when messages that were
        under way are expected there."""
        self._curbs = Curbs(setting)
        """The measures that keep accounts from writing, or out."""
        self._seen = 0
        self.newcomers = Newcomers()
        setting.account_changed = self.account_changed
        setting.room_changed = self.room_changed

    # In memory -----------------------------------------------------------------------------------

    def unwelcome(self, room_id: str, sender: str) -> bool:
        """Say whether something is to be done about a message; fast, and without the database."""
        if room_id not in self._rooms or self.obstacle(room_id, sender) is None:
            return False
        taken = self._restricted.get(sender)
        return taken is None or room_id not in taken or taken[room_id] < self._setting.now()

    def obstacle(self, room_id: str, user_id: str) -> Obstacle | None:
        """Say from memory what keeps somebody from publishing in a room, if it is a governed one."""
        room = self._rooms.get(room_id)
        if room is None:
            return None
        return publishing.obstacle(self.account(user_id), self.bound(), named=room.named)

    def room(self, room_id: str) -> Room | None:
        """Describe a governed room from memory; None for any other."""
        return self._rooms.get(room_id)

    def account(self, user_id: str) -> Account:
        """Say from memory what counts of an account."""
        return self._accounts.get(user_id, STRANGER)

    def curb(self, room_id: str, user_id: str, now: datetime) -> Curb | None:
        """Find from memory what keeps somebody from writing in a room, or out of it."""
        curbs = self._curbs.get(user_id)
        return None if curbs is None else gravest(curbs, room_id, now)

    def bound(self) -> int:
        """Say which version of the agreement binds; 0 for none."""
        return self._agreements.bound()

    def curbed(self, user_id: str) -> tuple[Curb, ...]:
        """Name from memory everything that keeps somebody from writing somewhere, or out."""
        return self._curbs.get(user_id, ())

    @property
    def clock(self) -> int:
        """Say how many changes are known: what is in memory is as it was after them, or later."""
        return self._seen

    def rooms(self) -> list[str]:
        """Name the governed rooms that are in memory."""
        return list(self._rooms)

    def people(self) -> list[str]:
        """Name the accounts of which something counts."""
        return [*self._accounts, *(who for who in self._curbs if who not in self._accounts)]

    async def begin(self, tx: Tx) -> None:
        """Read everything, at the start; what a dry run only recorded counts no more outside it."""
        if not self._setting.config.dry_run:
            await standing.forget_dry(tx)
        await self.load(tx)

    async def load(self, tx: Tx) -> None:
        """Read everything into memory."""
        seen = await standing.clock(tx)
        await self._agreements.load(tx)
        places = await standing.places(tx, self._setting.now())
        known = {room: self._room(found) for room, found in places.items()}
        accounts = await standing.accounts(tx)
        restricted: dict[str, dict[str, datetime]] = {}
        for restriction in await standing.restrictions(tx):
            restricted.setdefault(restriction.user_id, {})[restriction.room_id] = _quiet(restriction)
        await self.newcomers.load(tx)
        await self._curbs.load(tx)
        self._seen, self._rooms, self._accounts = seen, known, accounts
        self._restricted = restricted

    async def refresh(self, database: Database) -> None:
        """Read again what changed since the last look, in this process or another one."""
        async with database.transaction(reading=True) as tx:
            clock = await standing.clock(tx)
            if clock == self._seen:
                return
            changes = await standing.changes(tx, self._seen)
            if len(changes) != clock - self._seen:  # forgotten long ago
                await self.load(tx)
                return
            for subject in set(changes.values()):
                await self._read_again(tx, subject)
            self._seen = clock

    async def _read_again(self, tx: Tx, subject: str) -> None:
        noun, _, which = subject.partition(" ")
        if noun == CHANGED:
            await self._agreements.load(tx)
        elif noun == _ROOM:
            self._put_room(which, await self._place_of(tx, which))
        elif noun == ENTERED:
            await self.newcomers.read_again(tx, *which.split(" ", 1))
        elif noun == ACCOUNT:
            taken = await standing.of_account(tx, which)
            self._put_account(which, await standing.account(tx, which), taken)
            await self._curbs.read_again(tx, which)

    def _put_account(self, user_id: str, account: Account, taken: list[Restriction]) -> None:
        self._accounts.pop(user_id, None)
        if account != STRANGER:
            self._accounts[user_id] = account
        self._restricted.pop(user_id, None)
        if taken:
            self._restricted[user_id] = {r.room_id: _quiet(r) for r in taken}

    def _put_room(self, room_id: str, place: Place | None) -> None:
        self._rooms.pop(room_id, None)
        if place is not None:
            self._rooms[room_id] = self._room(place)

    def _room(self, place: Place) -> Room:
        kinds = [kind for kind in self._kinds if kind.id in place.categories]
        return Room(
            place.categories,
            named=any(kind.front in NAMED for kind in kinds),
            limited=place.suspended,
            guarded=any(kind.enter == "publishers" for kind in kinds),
            slow=slowest(kind.slow.slow() for kind in kinds if kind.slow),
            qualified=place.qualified,
        )

    async def _place_of(self, tx: Tx, room_id: str) -> Place | None:
        return await standing.place(tx, room_id, self._setting.now())

    # What changes it -----------------------------------------------------------------------------

    async def account_changed(self, tx: Tx, user_id: str) -> None:
        """Give an account back what nothing stands in the way of any more."""
        # Rooms before the clock, as with measures: two must not wait for each other.
        await rooms.hold(tx, [r.room_id for r in await standing.of_account(tx, user_id)])
        await standing.changed(tx, f"{ACCOUNT} {user_id}", self._setting.now())
        account = await standing.account(tx, user_id)
        taken = await standing.of_account(tx, user_id)
        free = [r for r in taken if await self._obstacle(tx, account, r.room_id) is None]
        await self._release(tx, free)
        left = [restriction for restriction in taken if restriction not in free]
        tx.after_commit(partial(self._put_account, user_id, account, left))

    async def room_changed(self, tx: Tx, room_id: str) -> None:
        """Take a room up, or leave it; what was taken there is given back when it is left."""
        await rooms.hold(tx, [room_id, *await standing.rooms_beside(tx, room_id)])
        await standing.changed(tx, f"{_ROOM} {room_id}", self._setting.now())
        place = await self._place_of(tx, room_id)
        tx.after_commit(partial(self._put_room, room_id, place))
        if place is None:
            for restriction in await standing.in_room(tx, room_id):
                await self.account_changed(tx, restriction.user_id)

    async def sweep(self, database: Database) -> None:
        """Give back what nothing stands in the way of: a category may have become milder."""
        free = [
            user_id
            for user_id, where in self._restricted.items()
            if any(self.obstacle(room_id, user_id) is None for room_id in where)
        ]
        for user_id in free[:_BATCH]:
            async with database.transaction() as tx:
                await self.account_changed(tx, user_id)

    async def _obstacle(self, tx: Tx, account: Account, room_id: str) -> Obstacle | None:
        place = await self._place_of(tx, room_id)
        if place is None:
            return None
        return publishing.obstacle(account, self.bound(), named=self._room(place).named)

    # Taking the right to post, and giving it back ------------------------------------------------

    async def published(self, tx: Tx, room_id: str, sender: str) -> None:
        """Look at a message of somebody who may not publish there, and do what is to be done, once."""
        await rooms.hold(tx, [room_id])
        await standing.changed(tx, f"{ACCOUNT} {sender}", self._setting.now())
        account = await standing.account(tx, sender)
        taken = await standing.of_account(tx, sender)
        why = await self._obstacle(tx, account, room_id)
        here = next((restriction for restriction in taken if restriction.room_id == room_id), None)
        if why is not None and here is None:
            taken.append(await self._restrict(tx, room_id, sender, why, account))
        elif why is not None and here is not None and _quiet(here) < self._setting.now():
            taken[taken.index(here)] = await self._look_again(tx, here, why, account)
        tx.after_commit(partial(self._put_account, sender, account, taken))

    async def _restrict(
        self, tx: Tx, room_id: str, user_id: str, why: Obstacle, account: Account
    ) -> Restriction:
        hindered = await self._hindrance(tx, room_id, user_id)
        how = How.TOLD if hindered else How.DRY if self._setting.config.dry_run else How.TAKEN
        restriction = Restriction(user_id, room_id, why, how, self._setting.now())
        await standing.add(tx, restriction)
        cause = _cause(restriction)
        if hindered is None:
            self._setting.queue(tx, [RestrictMember(room_id, user_id)], cause=cause)
        else:
            self._setting.tell_staff(
                tx,
                f"{user_id} writes in {room_id} without being allowed to ({_IN_WORDS[why]}). My rank "
                "does not let me take their right to post; I have told them what to do. I say this "
                "once.",
                cause=cause,
            )
        text = await self._explain(tx, restriction, account)
        self._setting.tell(tx, user_id, text, cause=cause)
        self._remember(tx, "system:messages", "standing:restrict", restriction)
        return restriction

    async def _look_again(
        self, tx: Tx, before: Restriction, why: Obstacle, account: Account
    ) -> Restriction:
        """Look once more at somebody who goes on writing where their right is taken.

        Somebody in the room may have given it back, or lowered the rank that forbade to take it. If
        neither, and the message was only long under way, the effect changes nothing.
        """
        if before.how is How.TOLD and await self._hindrance(tx, before.room_id, before.user_id) is None:
            await standing.remove(tx, before)
            return await self._restrict(tx, before.room_id, before.user_id, why, account)
        again = replace(before, since=self._setting.now())
        await standing.save(tx, again)
        # What the homeserver refuses has called people already.
        if again.how is How.TAKEN and await outbox.unfinished(tx, _cause(again)) == 0:
            taken = RestrictMember(again.room_id, again.user_id)
            self._setting.queue(tx, [taken], cause=_cause(again))
            self._remember(tx, "system:messages", "standing:restrict", again)
        return again

    async def _hindrance(self, tx: Tx, room_id: str, user_id: str) -> str | None:
        """Say why rank forbids to take somebody's right to post, as far as is known."""
        room = await rooms.get(tx, room_id)
        return hindrance(room.levels, self._setting.config.bot_user_id, user_id) if room else None

    async def _explain(self, tx: Tx, restriction: Restriction, account: Account) -> str:
        """Say why, what to do, and that it is given back by itself."""
        current = self._agreements.current
        steps = [] if account.verified else ["verify yourself: !policy verify"]
        if account.signed < self._agreements.bound():
            steps.append("read and sign the agreement: !policy agree")
        why = (
            f"Version {current.name} of the agreement binds since {day(current.binds_from)}, and you "
            "have signed an earlier one."
            if restriction.reason is Obstacle.DUE
            else "There, people write who are verified and have signed the agreement. Others go on "
            "seeing the name of your choice."
        )
        taken = (
            "Your message stays. Until this is done you can read there and not write, and then I give "
            "your right to write back at once, by myself."
            if restriction.how is not How.TOLD
            else "Your message stays. Please do this before you write there again."
        )
        where = await self._place(tx, restriction.room_id)
        todo = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
        return (
            f"About your message in {where}: {why}\n{todo}\n{taken}\n"
            f"The agreement: {self._agreements.address()}\n"
            f"Questions? {self._setting.config.operator.contact}"
        )

    async def _place(self, tx: Tx, room_id: str) -> str:
        filing = await filings.of_room(tx, room_id)
        link = f"https://matrix.to/#/{room_id}"
        return f"the room {filing.number} ({link})" if filing else link

    async def _release(self, tx: Tx, free: list[Restriction]) -> None:
        """Give rights back, but for those that a sanction takes as well."""
        if not free:
            return
        user_id = free[0].user_id
        others = await sanctions.binding_on(tx, user_id, None)
        wanted = {effect for s in others if s.state in BINDING for effect in s.restraints}
        for restriction in free:
            await standing.remove(tx, restriction)
            await outbox.drop(tx, _cause(restriction))
            self._remember(tx, "system:messages", "standing:release", restriction)
            taken = RestrictMember(restriction.room_id, user_id)
            if restriction.how is How.TAKEN and taken not in wanted:
                release = ReleaseMember(restriction.room_id, user_id)
                self._setting.queue(tx, [release], cause=_cause(restriction))

    async def released(self, tx: Tx, room_id: str, user_id: str) -> None:
        """Tell somebody that they can write again, once the homeserver has given the right back."""
        place = await self._place(tx, room_id)
        text = f"Thank you. You can write again in {place}."
        self._setting.tell(tx, user_id, text, cause=f"{CAUSE} {user_id} {room_id}")

    def _remember(self, tx: Tx, actor: str, tag: str, restriction: Restriction) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=tag,
            object=restriction.user_id,
            room=restriction.room_id,
            reason=restriction.reason.value,
        )


_IN_WORDS: Mapping[Obstacle, str] = {
    Obstacle.UNVERIFIED: "not verified",
    Obstacle.UNSIGNED: "the agreement is not signed",
    Obstacle.DUE: "the present version of the agreement is not signed",
}


def _cause(restriction: Restriction) -> str:
    return f"{CAUSE} {restriction.user_id} {restriction.room_id}"


def _quiet(restriction: Restriction) -> datetime:
    """Say until when nothing is to be done about further messages."""
    return restriction.since + _QUIET[restriction.how] if restriction.how in _QUIET else _NEVER
