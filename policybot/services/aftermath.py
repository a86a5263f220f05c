"""What follows once an effect was carried out: a clock starts, a case learns its author, staff hears."""

from policybot.domain.effects import (
    PINNED,
    FindMessages,
    JoinRoom,
    KeepContext,
    KeepEvidence,
    LearnAuthor,
    LearnMore,
    LearnName,
    Notify,
    ReleaseMember,
    Say,
    ShowCard,
    TakeSeat,
    target,
)
from policybot.domain.list_rule import EnterList, LeaveList
from policybot.domain.rank import Control, Levels, control
from policybot.domain.room_measure import DeleteRoom
from policybot.domain.showing import SetLabel
from policybot.ports import Result
from policybot.services import served, statements
from policybot.services.cases import Cases
from policybot.services.copies import Copies
from policybot.services.declarations import Declarations
from policybot.services.deletions import Deletions
from policybot.services.filings import Filings
from policybot.services.findings import Findings
from policybot.services.labels import Labels
from policybot.services.messages import CAUSE, Messages
from policybot.services.names import Names
from policybot.services.policy_lists import PolicyLists
from policybot.services.reporters import NOUN as REPORTER
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.services.taking import Taking, levels_of
from policybot.services.upgrades import Upgrades
from policybot.store import cards, copies, decisions, outbox, reporters, rooms
from policybot.store import statements as statement_store
from policybot.store.cards import Card
from policybot.store.database import Tx
from policybot.store.outbox import Queued
from policybot.store.rooms import Kind, Room


class Aftermath:
    """The service that hears of every effect that was carried out."""

    def __init__(  # noqa: PLR0913, PLR0917 - whom effects concern
        self,
        setting: Setting,
        applications: Filings,
        casework: Cases,
        measures: Sanctions,
        fronts: Names,
        messages: Messages,
        marks: Labels,
        declared: Declarations,
        found: Findings,
        steps: Taking,
        upgrades: Upgrades,
        deleted: Deletions,
        around: Copies,
        lists: PolicyLists,
    ) -> None:
        """Hand on to the services concerned."""
        self._setting = setting
        self._filings = applications
        self._cases = casework
        self._sanctions = measures
        self._names = fronts
        self._messages = messages
        self._labels = marks
        self._declarations = declared
        self._findings = found
        self._taking = steps
        self._upgrades = upgrades
        self._deletions = deleted
        self._copies = around
        self._lists = lists

    async def before(self, tx: Tx, queued: Queued) -> None:
        """Have those who finish effects of one decision do so one after the other.

        Before the effect itself, for whoever takes a measure back drops what waits of it last.
        """
        noun, _, number = queued.cause.partition(" ")
        if noun == "decision":
            await decisions.lock(tx, int(number))

    async def __call__(self, tx: Tx, queued: Queued, result: Result) -> None:
        """Record what follows, in the transaction that marks the effect as done."""
        match queued.effect:
            case KeepEvidence() as keep if "content" in result:
                kept = copies.copy_of(keep, result, self._setting.now())
                await self._cases.copy_kept(tx, kept)
            case KeepContext(_, event_id) if result:
                await self._copies.found_around(tx, event_id, result)
            case JoinRoom(room_id, inviter) if "direct" in result:
                await self._joined(tx, room_id, inviter, result)
            case TakeSeat(room_id) if "levels" in result:
                await self._seated(tx, room_id, levels_of(result))
                await self._taking.seated(tx, room_id, result)
            case Notify(user_id) if result.get("opened"):
                opened = str(result["opened"])
                room = Room(opened, Kind.DIRECT, Levels("", (), {}), user_id)
                await rooms.meet(tx, room, self._setting.now())
            case FindMessages() as search if "found" in result:
                await self._sanctions.found(tx, queued, search, result)
            case LearnName(user_id) if "displayname" in result:
                await self._names.learn(tx, user_id, result["displayname"])
            case ReleaseMember(room_id, user_id) if queued.cause.startswith(f"{CAUSE} "):
                await self._messages.released(tx, room_id, user_id)
            case _:
                await self._shown(tx, queued, result)
        await self._taking.went_on(tx, queued, result)
        await self._upgrades.went_on(tx, queued, result)
        await self._follow_cause(tx, queued, result)
        if drift := result.get("drift"):
            self._setting.tell_staff(tx, str(drift), cause=f"drift {queued.id}")

    async def _shown(self, tx: Tx, queued: Queued, result: Result) -> None:
        """Remember where a sign stands, which rooms are gone or entered, and who has written a post."""
        match queued.effect:
            case SetLabel(room_id) if "event_id" in result:
                await self._labels.written(tx, room_id, str(result["event_id"]))
            case pinned if isinstance(pinned, PINNED) and "event_id" in result:
                where = {"event_id": str(result["event_id"])}
                await outbox.remember(tx, target(pinned), where, self._setting.now())
            case EnterList(_, called) if "room_id" in result:
                await self._lists.entered(tx, called, str(result["room_id"]))
            case LeaveList(room_id):
                await self._lists.left(tx, room_id)
            case DeleteRoom(room_id) if not self._setting.config.dry_run:
                await self._deletions.done(tx, room_id)
            case ShowCard(_, subject) if "event_id" in result:
                card = Card(str(result["event_id"]), str(result["shown"]))
                await cards.save(tx, str(result["room_id"]), subject, card)
            case LearnAuthor() as look if "sender" in result:
                author = str(result["sender"])
                made = await self._declarations.learned(tx, look, queued.cause, author)
                if made is not None:
                    await self._findings.declared(tx, made)
            case LearnMore() as look if "content" in result:
                await self._findings.looked_into(tx, look, result)
            case _:
                pass

    async def failed(self, tx: Tx, queued: Queued, error: str) -> bool:
        """Say whether somebody sees to an effect that cannot be carried out; then people need not."""
        noun, _, number = queued.cause.partition(" ")
        if noun == "notice" and number.isdecimal():
            await statement_store.failed(tx, int(number), error)
        taken = await self._taking.failed(tx, queued, error)
        taken = taken or await self._sanctions.failed(tx, queued)
        return taken or await self._upgrades.failed(tx, queued, error)

    async def _follow_cause(self, tx: Tx, queued: Queued, result: Result) -> None:
        """Let a decision go on when its last effect is done, and note when its notice arrived."""
        noun, _, number = queued.cause.partition(" ")
        if noun == "decision" and await outbox.unfinished(tx, queued.cause) == 0:
            await self._sanctions.carried_out(tx, int(number))
        if noun == "sanction":
            await served.released(tx, self._setting, queued)
        if noun == "approval" and await outbox.unfinished(tx, queued.cause) == 0:
            await self._filings.shown(tx, int(number))
        if noun == "notice" and number.isdecimal():
            event_id = str(result["event_id"]) if "event_id" in result else None
            await statements.arrived(tx, self._setting, int(number), event_id)
        if noun == REPORTER and number.isdecimal():
            await reporters.told(tx, int(number), self._setting.now())

    async def _joined(self, tx: Tx, room_id: str, inviter: str, result: Result) -> None:
        await self._lists.invited(tx)
        levels = levels_of(result)
        # In a room for server notices, or one made to spite us, we could answer nothing.
        if not result["direct"] or levels.mutes(self._setting.config.bot_user_id):
            await rooms.meet(tx, Room(room_id, Kind.OTHER, levels), self._setting.now())
        elif result.get("encrypted"):
            # We cannot read there. The next message to this person opens a room where we can.
            self._setting.tell(
                tx,
                inviter,
                "Our other chat is encrypted, and I cannot read what you write there. Please write "
                "to me here instead: !policy help",
                cause=f"encrypted {room_id}",
            )
        else:
            room = Room(room_id, Kind.DIRECT, levels, inviter)
            await rooms.meet(tx, room, self._setting.now())
            hello = (
                f"Hello. I look after the public rooms of {self._setting.config.operator.name}. "
                "What I understand: !policy help"
            )
            self._setting.queue(tx, [Say(room_id, hello)], cause=f"invitation {room_id}")

    async def _seated(self, tx: Tx, room_id: str, levels: Levels) -> None:
        await rooms.save(tx, Room(room_id, Kind.GOVERNED, levels), self._setting.now())
        await self._setting.room_changed(tx, room_id)
        reach = control(levels, self._setting.config.bot_user_id)
        if reach is Control.NONE:
            self._setting.tell_staff(
                tx,
                f"I am in {room_id} without the rank to moderate there. Ask its owner to give me "
                "power level 100; until then only measures on the account or the room work.",
                cause=f"room {room_id}",
            )
