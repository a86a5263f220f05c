"""Evidence: files of a filing are pictures in the vault, looked at on record, forgotten in time."""

import io
import zipfile

import pytest

from policybot.domain.errors import NotFound, NotPermitted
from policybot.services.evidence import Drawn
from policybot.store import filings
from tests import pictures
from tests.flows.test_filings import filed
from tests.flows.test_rights import archive, ask_erase
from tests.world import World, user

NAME = "lease\u202efdp.pdf"


async def shown(world: World, filing: str, *names: str, pages: int = 2) -> list[int]:
    """Have the applicant show files; return the IDs of all there are."""
    evidence = world.app.services.evidence
    data = [pictures.picture(size=(60 + n, 40)) for n in range(pages)]
    async with world.database.transaction() as tx:
        known = await filings.get(tx, filing)
        assert known is not None
        await evidence.add(tx, known, [Drawn(name, 1234, data) for name in names or (NAME,)])
        return [file.id for file in await evidence.files(tx, known.id)]


async def vaulted(world: World) -> int:
    async with world.database.transaction(reading=True) as tx:
        sql = "SELECT COUNT(*) AS value FROM vault_fields WHERE field_group LIKE 'picture-%'"
        return int(await tx.value(sql))


async def opened(world: World) -> list[str]:
    async with world.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT actor FROM audit WHERE tag = 'evidence:open' ORDER BY seq")
        return [row["actor"] for row in rows]


async def test_a_file_is_listed_and_its_pictures_are_given_to_reviewers_on_record(
    any_world: World,
) -> None:
    world, evidence = any_world, any_world.app.services.evidence
    await world.verified("anna")
    filing = await filed(world)
    (file_id,) = await shown(world, filing)
    number = int(filing[2:])
    async with world.database.transaction(reading=True) as tx:
        (file,) = await evidence.files(tx, number)
    assert (file.name, file.pictures, file.size) == ("leasefdp.pdf", 2, 1234), "and nothing turned round"
    assert file.added_at == world.clock()
    async with world.database.transaction() as tx:
        first, second = await evidence.pictures(tx, user("ravi"), number, file_id)
    assert first.startswith(b"\xff\xd8\xff")
    assert first != second
    assert await opened(world) == [user("ravi")]
    assert (await archive(world, "anna"))["evidence_views.json"][user("anna")][0]["object"] == filing


async def test_neither_name_nor_picture_stands_in_the_database_unsealed(any_world: World) -> None:
    await any_world.verified("anna")
    await shown(any_world, await filed(any_world), "Canary-lease.pdf")
    assert await any_world.leaks() == []


async def test_nobody_else_sees_a_file_or_learns_that_there_is_one(world: World) -> None:
    await world.verified("anna")
    filing = await filed(world)
    (file_id,) = await shown(world, filing)
    evidence, number = world.app.services.evidence, int(filing[2:])
    for who, of, which in (("tom", number, file_id), ("ravi", 99, file_id), ("ravi", number, 99)):
        async with world.database.transaction() as tx:
            with pytest.raises(NotFound, match="no such file that you can see"):
                await evidence.pictures(tx, user(who), of, which)
    assert await opened(world) == []


async def test_a_sixth_file_is_refused(world: World) -> None:
    await world.verified("anna")
    filing = await filed(world)
    await shown(world, filing, *["a.pdf"] * 4)
    with pytest.raises(NotPermitted, match="can have 5 files"):
        await shown(world, filing, "b.pdf", "c.pdf")
    assert len(await shown(world, filing, "b.pdf")) == 5


async def test_files_are_forgotten_some_time_after_the_decision_and_not_before(
    any_world: World,
) -> None:
    world = any_world
    await world.verified("anna")
    filing = await filed(world)
    await shown(world, filing)
    await world.tick(days=120)
    assert await vaulted(world) == 2, "nothing is decided yet"
    await world.review("ravi", f"!policy ask {filing} Why?")
    await world.review("ravi", f"!policy reject {filing} It says too little")
    await world.tick(days=89)
    assert await vaulted(world) == 2
    await world.tick(days=1, hours=1)
    assert await vaulted(world) == 0
    async with world.database.transaction(reading=True) as tx:
        assert await world.app.services.evidence.files(tx, int(filing[2:])) == []
        keys = "SELECT COUNT(*) AS value FROM vault_keys WHERE person_id NOT IN (SELECT id FROM persons)"
        roster = await tx.value("SELECT COUNT(*) AS value FROM roster")
        assert int(await tx.value(keys)) == roster, "the keys are gone with them"


async def test_a_file_under_a_legal_hold_stays(world: World) -> None:
    await world.verified("anna")
    filing = await filed(world)
    (file_id,) = await shown(world, filing)
    await world.say("anna", f"!policy withdraw {filing}")
    privacy, evidence = world.app.services.privacy, world.app.services.evidence
    async with world.database.transaction() as tx:
        until = world.clock().replace(year=world.clock().year + 1)
        await privacy.hold(tx, user("anna"), "a court", until)
    async with world.database.transaction() as tx:
        with pytest.raises(NotPermitted, match="legal hold"):
            await evidence.remove(tx, user("anna"), int(filing[2:]), file_id)
    await world.tick(days=100)
    assert await vaulted(world) == 2


async def test_files_are_in_the_export_and_go_with_the_person(any_world: World) -> None:
    world = any_world
    await world.verified("anna")
    filing = await filed(world)
    (file_id,) = await shown(world, filing)
    await world.say("anna", f"!policy withdraw {filing}")
    async with world.database.transaction() as tx:
        zipped = await world.app.services.exports.archive(tx, user("anna"))
    with zipfile.ZipFile(io.BytesIO(zipped)) as content:
        assert content.read(f"{filing}-file-{file_id}-picture-2.jpg").startswith(b"\xff\xd8\xff")
    exported = await archive(world, "anna")
    assert exported["shown.json"][f"{filing}-file-{file_id}"] == [{"name": "leasefdp.pdf"}]
    assert exported["evidence_files.json"][user("anna")][0]["size"] == 1234
    await ask_erase(world, "anna")
    assert await vaulted(world) == 0
