"""Checkpoints of the audit log: signed when due and nothing was rewritten, shown, and proved by."""

import logging
from collections.abc import Sequence
from datetime import datetime

from policybot.config.keys import KeyMissing
from policybot.config.log_key import LogKey, log_name, signed_by
from policybot.domain import merkle
from policybot.domain.effects import Say
from policybot.domain.entry import fingerprint
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.note import Checkpoint, Note, notes_in
from policybot.domain.proof import Proof
from policybot.services.setting import Setting
from policybot.store import audit, checkpoint_file, checkpoints, decisions, filings
from policybot.store.checkpoint_file import FileAway
from policybot.store.checkpoints import Damaged
from policybot.store.database import Database, Tx

log = logging.getLogger(__name__)

_OVERDUE = 3
_MOST_ENTRIES = 1000
_DECIDING = ("decision:final", "decision:automatic", "decision:hold", "decision:modify")
"""What is written when something is decided about somebody."""
_MOST_MISSING = 1000
"""Checkpoints that are added to the file in one go."""


class Untrue(Exception):  # noqa: N818 - a condition
    """What is on record contradicts what was signed; the message says how, and what to do."""


class Checkpoints:
    """The service for signed checkpoints."""

    def __init__(self, setting: Setting) -> None:
        """Sign with the key of the configuration."""
        self._setting = setting
        self.key = LogKey(setting.config.log_key_file)
        self._file = setting.config.log_file
        self._looked = False
        self._filed = -1
        self._strange = set[Note]()

    async def tick(self, database: Database) -> None:
        """Sign a checkpoint if one is due, and see to it that each is in the file and in the room."""
        async with database.transaction(reading=True) as tx:
            due = not self._looked or await self._due(tx)
        if due:
            async with database.transaction() as tx:
                await self._sign(tx)
            self._looked = True
        await self._show(database)

    async def newest(self, tx: Tx) -> Note | None:
        """Read the newest checkpoint that is kept."""
        text = await checkpoints.last(tx)
        return None if text is None else next(notes_in(text), None)

    async def _due(self, tx: Tx) -> bool:
        section, now = self._setting.config.log, self._setting.now()
        head, newest = await audit.where_it_ends(tx), await self.newest(tx)
        if newest is None:
            return head.seq > 0
        new = head.seq - newest.checkpoint.size
        waited = newest.checkpoint.at is None or now - newest.checkpoint.at >= section.every
        return new >= section.entries or (new != 0 and waited)

    async def _sign(self, tx: Tx) -> None:
        """Sign what the log is now, if it is what was signed before and what came after."""
        await checkpoints.take_turn(tx)
        head, state = await audit.where_it_ends(tx), await checkpoints.state(tx)
        try:
            newest = await self.newest(tx)
            if newest is None and not self.key.path.exists() and not checkpoint_file.newest(self._file):
                self.key.make(log_name(self._setting.config.homeserver.server_name))
            before = await self._before(tx, newest, head.seq)
            size, root = (0, merkle.EMPTY) if before is None else (before.size, before.root)
            now = await checkpoints.grown(tx, size, root, head)
        except (Damaged, Untrue, KeyMissing, FileAway, OSError) as error:
            await self._stop(tx, state.trouble, str(error))
            return
        if state.trouble:
            await checkpoints.in_trouble(tx, "")
            self._remember(tx, "checkpoint:resume", "")
            self._setting.tell_staff(
                tx,
                "The audit log is signed again: what was wrong with it is mended.",
                cause="checkpoint",
            )
        if head.seq > size and await self._due(tx):
            at = self._setting.now().replace(microsecond=0)
            signed = self.key.sign(Checkpoint(self.key.verifier.name, head.seq, now, at))
            await checkpoints.keep(tx, head.seq, str(signed))

    async def _before(self, tx: Tx, newest: Note | None, length: int) -> Checkpoint | None:
        """Find the greatest checkpoint that was ever signed, as far as the database and the file know.

        Raises:
            Untrue: they contradict each other or the log.
            KeyMissing: the key is not there.
            FileAway: the file cannot be read.
        """
        verifiers = self.key.verifiers
        kept = None if newest is None else newest.checkpoint
        if await checkpoints.last(tx) is not None and (
            newest is None or signed_by(newest, verifiers) is None
        ):
            message = (
                f"the newest checkpoint in the database is signed by no key in {self.key.path.name}. "
                "Put the key file back from your copy; if the key is right, the database was tampered "
                "with"
            )
            raise Untrue(message)
        filed = [n.checkpoint for n in checkpoint_file.newest(self._file) if signed_by(n, verifiers)]
        known = [*([] if kept is None else [kept]), *filed]
        greatest = max(known, key=lambda one: one.size, default=None)
        if greatest is None:
            return None
        if any(one.size == greatest.size and one.root != greatest.root for one in known):
            message = (
                f"two different checkpoints of {greatest.size} entries are signed, one in "
                f"{self._file.name} and one in the database: the log was forked"
            )
            raise Untrue(message)
        if greatest.size > length:
            message = (
                f"the log has {length} entries, and {greatest.size} were signed already: an older copy "
                "of the database was put in its place. Restore the newest copy there is; if entries are "
                "lost for good, say so in public, and begin anew: policybot audit key --new"
            )
            raise Untrue(message)
        return greatest

    async def _stop(self, tx: Tx, known: str, why: str) -> None:
        """Sign nothing, and call people, once for each reason."""
        if why == known:
            return
        await checkpoints.in_trouble(tx, why)
        self._remember(tx, "checkpoint:stop", why)
        self._setting.tell_staff(
            tx,
            f"The audit log is not signed any more: {why}.\nAll other work goes on. To see where it "
            "does not hold, on the machine: policybot audit verify --full",
            cause="checkpoint",
        )

    def _remember(self, tx: Tx, tag: str, reason: str) -> None:
        audit.append(
            tx, at=self._setting.now(), actor="system:log", tag=tag, object="log", reason=reason
        )

    async def _show(self, database: Database) -> None:
        """Add what is new to the file, and post the newest in the room."""
        async with database.transaction(reading=True) as tx:
            newest, state = await self.newest(tx), await checkpoints.state(tx)
            size = 0 if newest is None else newest.checkpoint.size
            new = await checkpoints.since(tx, self._filed, _MOST_MISSING) if size > self._filed else []
        if new:
            await self._write(database, new)
        room = self._setting.log_room
        if newest is not None and room and size > state.shown:
            async with database.transaction() as tx:
                await checkpoints.was_shown(tx, size)
                self._setting.queue(tx, [Say(room, str(newest))], cause="checkpoint")

    async def _write(self, database: Database, new: Sequence[tuple[int, str]]) -> None:
        """Add checkpoints to the file; say once what stands there and is not ours."""
        try:
            added = [one for _, text in new for one in notes_in(text)]
            strange = checkpoint_file.add(self._file, added, self.key.verifiers)
        except (FileAway, KeyMissing) as error:
            log.warning("Checkpoints: %s; this is tried again", error)
            return
        self._filed = new[-1][0]
        if not set(strange) <= self._strange:
            async with database.transaction() as tx:
                self._setting.tell_staff(tx, self._not_ours(strange), cause="checkpoint")
        self._strange = set(strange)

    def _not_ours(self, strange: Sequence[Note]) -> str:
        first, number = strange[0].checkpoint, len(strange)
        which = "a checkpoint" if number == 1 else f"{number} checkpoints, the first"
        return (
            f"In {self._file.name} stands {which} of {first.size} entries that none of our keys signed. "
            "I go on as if it was not there. Somebody else can write to that file: see who, and take "
            "it out. If it is of an older key of yours: policybot audit key --old KEY"
        )

    async def prove(self, tx: Tx, seq: int, *, said: bool = False, actor: bool = False) -> Proof:
        """Prove that an entry is in the log; with what it says and who acted, if that is asked for.

        Raises:
            NotFound: there is no such entry.
            OutOfOrder: no checkpoint covers it yet.
            Damaged: the log lacks something.
            KeyMissing: the key is not there.
        """
        row = await audit.columns(tx, seq)
        if row is None:
            message = f"There is no entry {seq} in the log."
            raise NotFound(message)
        text = await checkpoints.covering(tx, seq)
        signed = None if text is None else next(notes_in(text), None)
        if signed is None:
            message = (
                f"Entry {seq} is not signed yet; that is done within minutes. Please ask again then."
            )
            raise OutOfOrder(message)
        verifiers = self.key.verifiers
        path = await checkpoints.hashes(tx, merkle.inclusion(seq - 1, signed.checkpoint.size))
        hashed = ("seq", "at", "tag", "object", "commitment", "previous")
        return Proof(
            {name: row[name] for name in hashed} | {"actor": fingerprint(row["veil"], row["actor"])},
            path,
            signed,
            signed_by(signed, verifiers) or verifiers[-1],
            (row["payload"], row["salt"]) if said and row["payload"] is not None else None,
            (row["actor"], row["veil"]) if actor else None,
        )

    async def prove_decision(self, tx: Tx, user_id: str, case_id: int | None) -> Proof:
        """Prove to somebody that what was decided about them is in the log; not who has decided it.

        Raises:
            NotFound: nothing was decided about them in that case, or what the log says was forgotten.
            OutOfOrder: no checkpoint covers it yet.
            Damaged: the log lacks something.
            KeyMissing: the key is not there.
        """
        theirs = set()
        for decision in await decisions.of_case(tx, case_id) if case_id is not None else ():
            filing = await filings.of_room(tx, decision.room_id) if decision.room_id else None
            owns = decision.user_id is None and filing is not None and filing.applicant == user_id
            if decision.user_id == user_id or owns:
                theirs.add(decision.id)
        if not theirs:
            message = "There is no decision about you under this number."
            raise NotFound(message)
        for kept in await audit.about(tx, f"C-{case_id}", _MOST_ENTRIES):
            if kept.tag in _DECIDING and kept.payload and kept.payload.get("decision") in theirs:
                return await self.prove(tx, kept.seq, said=True)
        message = f"What the log says of C-{case_id} was forgotten after its time."
        raise NotFound(message)

    async def overdue(self, tx: Tx) -> bool:
        """Say whether something has waited much longer than it should for a signature."""
        head, newest = await audit.where_it_ends(tx), await self.newest(tx)
        if newest is None or newest.checkpoint.at is None or head.seq == newest.checkpoint.size:
            return False
        return self._setting.now() - newest.checkpoint.at > _OVERDUE * self._setting.config.log.every

    def published(self) -> str | None:
        """Give the public key by which everybody can check signatures; None while there is none."""
        try:
            return str(self.key.verifier)
        except KeyMissing:
            return None

    async def age(self, tx: Tx) -> tuple[int, datetime | None, str]:
        """Say how many entries the newest checkpoint covers, when it was signed, and what is wrong."""
        newest, state = await self.newest(tx), await checkpoints.state(tx)
        if newest is None:
            return 0, None, state.trouble
        return newest.checkpoint.size, newest.checkpoint.at, state.trouble
