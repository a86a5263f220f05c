"""The audit chain: whatever is changed in it is found; what is forgotten is no fault."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policybot.config.log_key import LogKey
from policybot.domain import entry
from policybot.domain.merkle import Growing, fold, included, inclusion, leaf
from policybot.domain.note import Checkpoint
from policybot.services import log_check
from policybot.services.log_check import Wanted, check, checked
from policybot.store import audit, checkpoints
from policybot.store.database import Database, Tx
from tests import ready

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


async def write(database: Database, number: int) -> None:
    for n in range(number):
        async with database.transaction() as tx:
            audit.append(
                tx,
                at=NOW,
                actor="@mira:example.org",
                tag="case:claim",
                object=f"C-{n}",
                text=f"Grüße {n}",
            )


async def verdict(database: Database) -> audit.Fault | int:
    async with database.transaction() as tx:
        steps = [step async for step in audit.verify(tx)]
    return steps[-1]


async def tamper(database: Database, sql: str, *values: object) -> None:
    """Change the table as somebody with the database's password would: triggers off first."""
    async with database.transaction() as tx:
        for drop in (
            "DROP TRIGGER IF EXISTS audit_no_update",
            "DROP TRIGGER IF EXISTS audit_no_delete",
        ):
            await tx.execute(drop)
        await tx.execute(sql, *values)


@pytest.fixture
async def lite(tmp_path: object) -> object:
    opened = await ready.opened(f"sqlite:///{tmp_path}/audit.db")
    yield opened
    await opened.close()


async def test_an_untouched_chain_holds(database: Database) -> None:
    await write(database, 25)
    assert await verdict(database) == 25


async def test_several_entries_of_one_transaction_follow_one_another(database: Database) -> None:
    async with database.transaction() as tx:
        for n in range(5):
            audit.append(tx, at=NOW, actor="system:clock", tag="sanction:end", object=f"{n}")
    assert await verdict(database) == 5


async def test_the_database_itself_refuses_changes(database: Database) -> None:
    await write(database, 2)
    for sql in ("UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"):
        with pytest.raises(Exception, match="only grows"):
            async with database.transaction() as tx:
                await tx.execute(sql)
    assert await verdict(database) == 2


async def test_a_shredded_payload_is_no_fault(database: Database) -> None:
    """I21: what an entry said may be gone."""
    await write(database, 5)
    async with database.transaction() as tx:
        await audit.shred(tx, 3)
    assert await verdict(database) == 5


@pytest.mark.parametrize(
    ("sql", "first_bad"),
    [
        ("UPDATE audit SET actor = 'nobody' WHERE seq = 4", 4),
        ("UPDATE audit SET at = at + 1 WHERE seq = 2", 2),
        ("UPDATE audit SET tag = 'case:open' WHERE seq = 7", 7),
        ("UPDATE audit SET object = 'C-99' WHERE seq = 1", 1),
        ("UPDATE audit SET commitment = hash WHERE seq = 5", 5),
        ("UPDATE audit SET hash = commitment WHERE seq = 6", 6),
        ("DELETE FROM audit WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 8", 8),
        ("UPDATE audit SET seq = CASE seq WHEN 4 THEN -5 ELSE seq END", 4),
        ("UPDATE audit_payloads SET payload = '{}' WHERE seq = 5", 5),
    ],
)
async def test_a_change_is_found_where_it_was_made(lite: Database, sql: str, first_bad: int) -> None:
    """I21: a changed or missing entry is found."""
    await write(lite, 8)
    async with lite.transaction() as tx:
        await tx.execute("DELETE FROM audit_payloads WHERE seq IN (3, 8, 4)")
    await tamper(lite, sql)
    found = await verdict(lite)
    assert isinstance(found, audit.Fault)
    assert found.seq == first_bad


async def test_two_entries_that_changed_places_are_found(lite: Database) -> None:
    """I21: so is another order."""
    await write(lite, 6)
    async with lite.transaction() as tx:
        await tx.execute("DELETE FROM audit_payloads")
    await tamper(lite, "UPDATE audit SET seq = -2 WHERE seq = 2")
    await tamper(lite, "UPDATE audit SET seq = 2 WHERE seq = 3")
    await tamper(lite, "UPDATE audit SET seq = 3 WHERE seq = -2")
    found = await verdict(lite)
    assert isinstance(found, audit.Fault)
    assert found.seq == 2


texts = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.dictionaries(texts, texts | st.integers(-(2**53), 2**53) | st.booleans()))
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
def test_the_same_values_are_always_written_the_same_way(values: dict[str, object]) -> None:
    backwards = dict(reversed(values.items()))
    assert audit.canonical(values) == audit.canonical(backwards)


@given(
    st.integers(1, 2**53),
    st.integers(-(2**53), 2**53),
    *[st.text(st.characters(codec="utf-8"))] * 4,
    st.sampled_from(["", "0f" * 32]),
)
@settings(max_examples=60)
def test_an_entry_is_hashed_as_json_is_written_in_one_way(
    seq: int, at: int, actor: str, tag: str, obj: str, committed: str, previous: str
) -> None:
    row = {"seq": seq, "at": at, "actor": actor, "tag": tag, "object": obj}
    row |= {"commitment": committed, "previous": previous}
    line = entry.line(seq, at, actor, tag, obj, committed, previous)
    assert line == entry.canonical(row)
    line = entry.line(seq, at, entry.fingerprint("0" * 32, actor), tag, obj, committed, previous)
    good = entry.commitment("00" * 16, committed)
    for commits in (good, committed):
        line = entry.line(seq, at, entry.fingerprint("0" * 32, actor), tag, obj, commits, previous)
        hashed = leaf(line.encode())
        sealed = (seq, at, actor, "0" * 32, tag, obj, commits, hashed.hex())
        assert entry.following([sealed], previous) == ([hashed] if commits == good else [])


def test_no_letter_can_move_from_the_veil_to_the_name() -> None:
    assert entry.fingerprint("0" * 32, "@mira:example.org")
    with pytest.raises(ValueError, match="32"):
        entry.fingerprint("0" * 31, "0@mira:example.org")


FLIPPED = (
    "UPDATE {table} SET {column} = CASE WHEN {column} LIKE '0%' THEN '1' ELSE '0' END"
    " || substr({column}, 2) WHERE {where}"
)


def flipped(table: str, column: str, where: str) -> str:
    """Change one letter of a column, whatever it is."""
    return FLIPPED.format(table=table, column=column, where=where)


TAMPERED = {
    **{
        f"audit.{column} of {seq}": flipped("audit", column, f"seq = {seq}")
        for column in ("actor", "veil", "tag", "object", "commitment", "hash")
        for seq in (2, 300)
    },
    "a name made shorter": "UPDATE audit SET actor = substr(actor, 2), veil = veil || '@' WHERE seq = 7",
    "audit.at": "UPDATE audit SET at = at + 1 WHERE seq = 3",
    "audit.seq, past the end": "UPDATE audit SET seq = seq + 1000 WHERE seq = 3",
    "audit.seq, before the beginning": "UPDATE audit SET seq = 0 WHERE seq = 3",
    "dropped, the first": "DELETE FROM audit WHERE seq = 1",
    "dropped, in the middle": "DELETE FROM audit WHERE seq = 5",
    "dropped, the last": "DELETE FROM audit WHERE seq = 300",
    "truncated": "DELETE FROM audit WHERE seq > 200",
    "truncated to nothing": "DELETE FROM audit",
    "swapped": "UPDATE audit SET seq = -seq WHERE seq IN (4, 5);"
    "UPDATE audit SET seq = 9 + seq WHERE seq IN (-4, -5)",
    "inserted, at the end": "INSERT INTO audit SELECT 301, at, actor, veil, tag, object, commitment,"
    " hash FROM audit WHERE seq = 300",
    "audit_payloads.payload": "UPDATE audit_payloads SET payload = '{}' WHERE seq = 6",
    "audit_payloads.salt": flipped("audit_payloads", "salt", "seq = 6"),
    "audit_payloads.salt, into none": "UPDATE audit_payloads SET salt = 'grüße' WHERE seq = 6",
    "audit_payloads.seq": "UPDATE audit_payloads SET seq = 3 WHERE seq = 6",
    "audit_payloads, inserted": "INSERT INTO audit_payloads VALUES (3, 'ab', '{}')",
    "audit_payloads, inserted past the end": "INSERT INTO audit_payloads VALUES (400, 'ab', '{}')",
    "audit_head.seq, shorter": "UPDATE audit_head SET seq = 200",
    "audit_head.seq, longer": "UPDATE audit_head SET seq = 301",
    "audit_head.hash": flipped("audit_head", "hash", "one = 1"),
    "audit_head.edge": flipped("audit_head", "edge", "one = 1"),
    "audit_head.edge, cut": "UPDATE audit_head SET edge = substr(edge, 65)",
    "audit_head, dropped": "DELETE FROM audit_head",
    "audit_nodes.hash": flipped("audit_nodes", "hash", "level = 8"),
    "audit_nodes.level": "UPDATE audit_nodes SET level = 9",
    "audit_nodes.place": "UPDATE audit_nodes SET place = 1",
    "audit_nodes, dropped": "DELETE FROM audit_nodes",
    "audit_nodes, inserted": "INSERT INTO audit_nodes VALUES (16, 0, 'ab')",
    "checkpoints.note": "UPDATE checkpoints SET note = replace(note, '300', '301') WHERE size = 300",
    "checkpoints.note, its time": "UPDATE checkpoints SET note = replace(note, '2026', '2025')",
    "checkpoints.note, into none": "UPDATE checkpoints SET note = 'well' WHERE size = 100",
    "checkpoints.size": "UPDATE checkpoints SET size = 101 WHERE size = 100",
    "checkpoints, dropped": "DELETE FROM checkpoints WHERE size = 300",
    "checkpoints, all dropped": "DELETE FROM checkpoints",
}
"""What somebody with the database's password may try, each on a log that holds."""


class _Undone(Exception):  # noqa: N818 - a way out
    """Takes back what was tried."""


async def test_whatever_is_tampered_with_in_the_database_is_found(
    database: Database, tmp_path: Path
) -> None:
    """I21: flip, drop, swap, insert, truncate; every column of every table of the log."""
    wanted = await signed(database, LogKey(tmp_path / "log.key"))
    missed = []
    for name, statements in TAMPERED.items():
        with suppress(_Undone):
            async with database.transaction() as tx:
                await defenceless(tx, database)
                for sql in statements.split(";"):
                    await tx.execute(sql)
                found = await checked(tx, wanted)
                if found.fault is None or ("of 2" in name and found.fault.seq != 2):
                    missed.append((name, found.fault))
                raise _Undone
    assert missed == []
    good = await check(database, wanted)
    assert (good.fault, good.entries, good.checkpoints) == (None, 300, 2)


async def signed(database: Database, key: LogKey) -> Wanted:
    """Write 300 entries, sign at 100 and at 300, and forget what a few of them say."""
    key.make("example.org/policybot")
    notes = []
    for number in (100, 200):
        async with database.transaction() as tx:
            for n in range(number):
                audit.append(
                    tx, at=NOW, actor="@mira:example.org", tag="case:claim", object=f"C-{n}", n=n
                )
        async with database.transaction() as tx:
            head = await audit.where_it_ends(tx)
            root = fold(audit.split_edge(head.edge))
            notes.append(key.sign(Checkpoint("example.org/policybot", head.seq, root, NOW)))
            await checkpoints.keep(tx, head.seq, str(notes[-1]))
    async with database.transaction() as tx:
        for seq in (3, 4, 5):
            await audit.shred(tx, seq)
    return Wanted("", key.verifiers, notes)


async def defenceless(tx: Tx, database: Database) -> None:
    """Take the database's own guards away, as its owner can."""
    if database.shared:
        await tx.execute("DROP TRIGGER audit_no_change ON audit")
        await tx.execute("DROP TRIGGER checkpoints_no_change ON checkpoints")
        await tx.execute("ALTER TABLE audit_payloads DROP CONSTRAINT audit_payloads_seq_fkey")
        return
    for name in ("audit_no_update", "audit_no_delete", "checkpoints_no_update", "checkpoints_no_delete"):
        await tx.execute(f"DROP TRIGGER {name}")
    await tx.execute("PRAGMA defer_foreign_keys = ON")


async def test_an_entry_that_follows_another_than_the_one_before_it_is_found(database: Database) -> None:
    """I21: sealed anew with all that rests on it, it still has to follow its predecessor."""
    await write(database, 6)
    async with database.transaction() as tx:
        await defenceless(tx, database)
        before = await tx.fetch("SELECT hash FROM audit ORDER BY seq")
        row = await audit.columns(tx, 6)
        assert row is not None
        columns = [row[name] for name in ("seq", "at", "actor", "veil", "tag", "object", "commitment")]
        columns.append(before[2]["hash"])
        last = audit._leaf(*columns)
        tree = Growing()
        for one in [*(bytes.fromhex(b["hash"]) for b in before[:5]), last]:
            tree.add(one)
        await tx.execute("UPDATE audit SET hash = $1 WHERE seq = 6", last.hex())
        edge = audit.joined_edge(tree.edge)
        await tx.execute("UPDATE audit_head SET hash = $1, edge = $2", last.hex(), edge)
    assert await verdict(database) == audit.Fault(6, "it was changed after it was written")


@pytest.mark.parametrize("length", [90, 300])
async def test_a_fork_that_is_whole_in_itself_is_found_by_what_was_signed(
    database: Database, tmp_path: Path, length: int
) -> None:
    """I21: somebody with the database writes the whole log anew; only they cannot sign it."""
    wanted = await signed(database, LogKey(tmp_path / "log.key"))
    async with database.transaction() as tx:
        await defenceless(tx, database)
        await tx.execute("DELETE FROM audit_payloads")
        await tx.execute("DELETE FROM audit")
        await tx.execute("DELETE FROM audit_nodes")
        await tx.execute("UPDATE audit_head SET seq = 0, hash = '', edge = ''")
    async with database.transaction() as tx:
        for n in range(length):
            who = "@nobody:example.org" if n == 50 else "@mira:example.org"
            audit.append(tx, at=NOW, actor=who, tag="case:claim", object=f"C-{n}", n=n)
    assert await verdict(database) == length, "the fork holds in itself"
    found = (await check(database, wanted)).fault
    assert found is not None
    if length == 90:
        assert (found.seq, "it was signed with 100 entries" in found.what) == (91, True)
    else:
        assert (found.seq, "not those that were signed" in found.what) == (100, True)
    other = LogKey(tmp_path / "other.key")
    other.make("example.org/policybot")
    forged = await check(database, replace(wanted, notes=[], verifiers=other.verifiers))
    assert forged.fault is not None


async def test_each_entry_can_be_proved_from_what_is_kept(database: Database, tmp_path: Path) -> None:
    await signed(database, LogKey(tmp_path / "log.key"))
    async with database.transaction() as tx:
        head = await audit.where_it_ends(tx)
        root = fold(audit.split_edge(head.edge))
        for seq in (1, 2, 100, 256, 257, 299, 300):
            row = await tx.first("SELECT hash FROM audit WHERE seq = $1", seq)
            assert row is not None
            path = await checkpoints.hashes(tx, inclusion(seq - 1, head.seq))
            assert included(bytes.fromhex(row["hash"]), seq - 1, head.seq, path) == root


async def test_nothing_is_written_on_a_damaged_head(lite: Database) -> None:
    await write(lite, 3)
    await tamper(lite, "UPDATE audit_head SET edge = ''")
    with pytest.raises(RuntimeError, match="the audit head is damaged"):
        await write(lite, 1)


async def test_entries_are_followed_in_their_order(database: Database) -> None:
    await write(database, 5)
    async with database.transaction() as tx:
        await audit.shred(tx, 3)
        first = await audit.after(tx, 0, 2)
        rest = await audit.after(tx, first[-1].seq, 10)
    assert [(one.seq, one.object) for one in first + rest] == [(n + 1, f"C-{n}") for n in range(5)]
    assert first[1].payload == {"text": "Grüße 1"}
    assert rest[0].payload is None


async def test_other_processes_find_what_this_one_would(
    lite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I21: also where several verify the log at once, and none of it twice."""
    monkeypatch.setattr(log_check, "STRETCH", 256)
    monkeypatch.setattr(audit, "HIGH", 9)
    monkeypatch.setattr(audit, "KEPT_LEVELS", (8, 9))
    wanted, told = await signed(lite, LogKey(tmp_path / "log.key")), list[tuple[int, int]]()
    async with lite.transaction() as tx:
        for n in range(1000):
            audit.append(tx, at=NOW, actor="@mira:example.org", tag="case:claim", object=f"C-{n}")
    alone = await check(lite, wanted)
    assert (alone.fault, alone.entries) == (None, 1300)
    helped = replace(wanted, url=f"sqlite:///{tmp_path}/audit.db", processes=2)
    monkeypatch.setattr(log_check, "_WORTH_IT", 2)
    here, verified = list[int](), audit.stretch

    async def noted(tx: Tx, begin: int, *rest: Any, **how: Any) -> audit.Stretch | audit.Fault:
        here.append(begin)
        return await verified(tx, begin, *rest, **how)

    monkeypatch.setattr(audit, "stretch", noted)
    assert await check(lite, helped, lambda done, of: told.append((done, of))) == alone
    assert told == sorted(told)
    assert (told[0], told[-1]) == ((0, 1300), (1300, 1300))
    assert here
    assert len(here) == len(set(here))
    await tamper(lite, flipped("audit_nodes", "hash", "level = 9 AND place = 1"))
    changed = audit.Fault(513, "the tree above it was changed, at level 9")
    assert [(await check(lite, one)).fault for one in (wanted, helped)] == [changed, changed]
    assert (await check(lite, replace(wanted, since=1000))).fault == changed
    assert (await check(lite, replace(wanted, since=1100))).fault is None
    await tamper(lite, "UPDATE audit SET object = 'C-99' WHERE seq = 1299")
    found = await check(lite, helped)
    changed = audit.Fault(1299, "it was changed after it was written")
    assert (found.entries, found.fault) == (1280, changed)
