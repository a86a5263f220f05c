"""The audit chain: whatever is changed in it is found; what is forgotten is no fault."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policybot.store import audit
from policybot.store.database import Database

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
    opened = await Database.open(f"sqlite:///{tmp_path}/audit.db")
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
        ("UPDATE audit SET hash = previous WHERE seq = 6", 6),
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
