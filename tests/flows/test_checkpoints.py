"""Checkpoints: the log is signed while it only grows, and no rewritten log is ever signed over."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from policybot.config.log_key import LogKey, signed_by
from policybot.domain.note import Checkpoint, notes_in
from policybot.domain.proof import Proof
from policybot.services.checkpoints import Checkpoints
from policybot.store import audit
from tests.world import REVIEW, World, user

TRIGGERS = ("audit_no_update", "audit_no_delete", "checkpoints_no_update", "checkpoints_no_delete")
LOG_ROOM = "!log:example.org"


async def write(world: World, number: int) -> None:
    """Have something happen that is remembered."""
    async with world.database.transaction() as tx:
        for n in range(number):
            audit.append(tx, at=world.clock(), actor=user("mira"), tag="case:claim", object=f"C-{n}")


async def sign(world: World) -> None:
    world.clock.pass_time(minutes=11)
    await world.app.services.checkpoints.tick(world.database)


async def kept(world: World) -> list[tuple[int, str]]:
    async with world.database.transaction() as tx:
        return [
            (r["size"], r["note"]) for r in await tx.fetch("SELECT * FROM checkpoints ORDER BY size")
        ]


async def tamper(world: World, *statements: str) -> None:
    """Change the log as somebody with the database's password would."""
    async with world.database.transaction() as tx:
        for name in TRIGGERS if not world.database.shared else ():
            await tx.execute(f"DROP TRIGGER IF EXISTS {name}")
        if world.database.shared:
            await tx.execute("DROP TRIGGER IF EXISTS audit_no_change ON audit")
            await tx.execute("DROP TRIGGER IF EXISTS checkpoints_no_change ON checkpoints")
        for sql in statements:
            await tx.execute(sql)


def told(world: World) -> list[str]:
    return [text for room, text in world.homeserver.said.values() if room == REVIEW and "signed" in text]


async def test_what_happens_is_signed_in_a_file_that_other_tools_can_read(world: World) -> None:
    await write(world, 3)
    await sign(world)
    await write(world, 2)
    await sign(world)
    await sign(world)
    key = LogKey(world.app.config.log_key_file)
    notes = list(notes_in(world.app.config.log_file.read_text("utf-8")))
    assert [text for _, text in await kept(world)] == [str(note) for note in notes]
    first, second = notes
    assert second.checkpoint.size == first.checkpoint.size + 2, "nothing new, nothing signed"
    assert signed_by(second, [key.verifier]) == key.verifier
    assert second.checkpoint.origin == "example.org/policybot"
    assert second.checkpoint.at == world.clock() - timedelta(minutes=11)
    assert str(second).splitlines()[5].startswith("\N{EM DASH} example.org/policybot ")


async def test_a_thousand_entries_are_signed_without_waiting(world: World) -> None:
    await write(world, 1)
    await world.app.services.checkpoints.tick(world.database)
    world.clock.pass_time(minutes=1)
    await write(world, 999)
    await world.app.services.checkpoints.tick(world.database)
    assert len(await kept(world)) == 1
    await write(world, 1)
    await world.app.services.checkpoints.tick(world.database)
    assert [size for size, _ in await kept(world)][-1] >= 1001


async def test_each_new_checkpoint_is_posted_in_the_room_and_can_be_copied_from_it(world: World) -> None:
    await write(world, 3)
    await sign(world)
    world.app.setting.log_room = LOG_ROOM
    await sign(world)
    await sign(world)
    await world.work()
    posted = [text for room, text in world.homeserver.said.values() if room == LOG_ROOM]
    assert len(posted) == 1
    copied = "policybot  10:31\n  " + posted[0].replace("\n", "\r\n  ") + "\nmira left the room\n"
    assert [str(note) for note in notes_in(copied)] == posted


@pytest.mark.parametrize(
    "rewrite",
    [
        "UPDATE audit SET hash = commitment WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 1",
        "UPDATE audit SET object = 'C-99' WHERE seq > (SELECT MAX(size) FROM checkpoints)",
        "UPDATE audit_head SET edge = CASE WHEN edge LIKE '0%' THEN '1' ELSE '0' END || substr(edge, 2)",
        "UPDATE audit_payloads SET payload = '1' WHERE seq > (SELECT MAX(size) FROM checkpoints)",
    ],
)
async def test_a_rewritten_log_is_not_signed_over_and_people_are_called_once(
    any_world: World, rewrite: str
) -> None:
    """I21: what was written stays; a signature never covers a rewritten log."""
    world = any_world
    await write(world, 5)
    await sign(world)
    signed = await kept(world)
    await write(world, 2)
    shredded = "DELETE FROM audit_payloads WHERE seq < 3"
    await tamper(world, shredded, rewrite)
    await sign(world)
    await sign(world)
    await world.work()
    assert await kept(world) == signed
    assert len(told(world)) == 1
    assert "is not signed any more" in told(world)[0]


async def test_an_old_copy_of_the_database_is_noticed_when_it_is_put_in_place(
    world: World, tmp_path: Path
) -> None:
    await write(world, 3)
    await sign(world)
    file = world.app.config.log_file
    await write(world, 3)
    await sign(world)
    assert len(list(notes_in(file.read_text("utf-8")))) == 2
    length = (await kept(world))[-1][0]
    await tamper(world, "UPDATE audit_head SET seq = seq")
    async with world.database.transaction() as tx:
        await tx.execute("DELETE FROM checkpoints WHERE size = $1", length)
        await tx.execute("DELETE FROM audit_payloads WHERE seq > $1", length - 3)
        await tx.execute("DELETE FROM audit WHERE seq > $1", length - 3)
        whole = audit.Whole(audit.Head(length - 3, "", ""))
        found = await audit.stretch(tx, 0, length - 3)
        assert isinstance(found, audit.Stretch)
        whole.take(found)
        await tx.execute(
            "UPDATE audit_head SET seq = $1, edge = $2,"
            " hash = (SELECT hash FROM audit WHERE seq = $1) WHERE one = 1",
            length - 3,
            audit.joined_edge(whole._tree.edge),
        )
    before = await kept(world)
    # A process that begins looks at once.
    world.app.services.checkpoints._looked = False
    await world.app.services.checkpoints.tick(world.database)
    await world.work()
    assert await kept(world) == before
    assert "an older copy of the database was put in its place" in told(world)[-1]
    for _ in range(2):  # nor when it has grown past it
        await write(world, 4)
        await sign(world)
    await world.work()
    assert await kept(world) == before
    assert "are not those that were signed" in told(world)[-1]
    # Said in public, it begins anew.
    LogKey(world.app.config.log_key_file).make("example.org/policybot")
    shutil.move(file, tmp_path / "aside.txt")
    await sign(world)
    await world.work()
    assert len(await kept(world)) == len(before) + 1
    assert "is signed again" in told(world)[-1]


async def test_another_key_does_not_sign_over_the_checkpoints_of_the_first(world: World) -> None:
    await write(world, 3)
    await sign(world)
    key = LogKey(world.app.config.log_key_file)
    old = key.verifier
    key.path.unlink()
    await write(world, 1)
    await sign(world)
    assert not key.path.exists(), "a fresh key must not be made by itself once something was signed"
    key.make("example.org/policybot")
    await sign(world)
    await world.work()
    assert len(await kept(world)) == 1
    assert "signed by no key in log.key" in told(world)[-1]
    key.trust(old)
    await sign(world)
    assert len(await kept(world)) == 2
    assert key.path.stat().st_mode & 0o777 == 0o400


async def test_what_others_write_into_the_file_keeps_no_checkpoint_out_and_is_told_once(
    world: World,
) -> None:
    """Neither one of another key nor one in our name."""
    await write(world, 3)
    await sign(world)
    config, other = world.app.config, LogKey(world.app.config.log_key_file.with_name("other.key"))
    other.make("example.org/policybot")
    ours = LogKey(config.log_key_file).sign(
        Checkpoint("example.org/policybot", 9, bytes(32), world.clock())
    )
    in_our_name = str(ours).replace("\n9\n", "\n999999\n")
    strange = other.sign(Checkpoint("example.org/policybot", 10**9, bytes(32), world.clock()))
    with config.log_file.open("a", encoding="utf-8") as file:
        file.write(f"{strange}\n{in_our_name}\n")
    for _ in range(2):
        await write(world, 1)
        await sign(world)
        await world.work()
    file_now = config.log_file.read_text("utf-8")
    assert all(text in file_now for _, text in await kept(world))
    (said,) = told(world)
    assert "2 checkpoints, the first of 1000000000 entries that none of our keys signed" in said
    assert "policybot audit key --old" in said


async def test_two_different_checkpoints_of_one_length_are_a_fork(world: World) -> None:
    await write(world, 3)
    await sign(world)
    config = world.app.config
    size = (await kept(world))[-1][0]
    forged = LogKey(config.log_key_file).sign(
        Checkpoint("example.org/policybot", size, bytes(32), world.clock())
    )
    config.log_file.write_text(f"{forged}\n", "utf-8")
    await write(world, 1)
    await sign(world)
    await world.work()
    assert "the log was forked" in told(world)[-1]
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        async with world.database.transaction() as tx:
            await tx.execute("INSERT INTO checkpoints (size, note) VALUES ($1, 'another')", size)


async def test_two_processes_sign_one_after_the_other(any_world: World) -> None:
    other = Checkpoints(any_world.app.setting)
    await write(any_world, 3)
    for _ in range(3):
        await sign(any_world)
        await write(any_world, 1)
        any_world.clock.pass_time(minutes=11)
        await other.tick(any_world.database)
    sizes = [size for size, _ in await kept(any_world)]
    assert len(sizes) == len(set(sizes)) > 1
    notes = list(notes_in(any_world.app.config.log_file.read_text("utf-8")))
    assert [note.checkpoint.size for note in notes] == sizes
    assert told(any_world) == []


async def test_somebody_gets_a_proof_of_the_decision_about_them_without_who_decided(
    world: World,
) -> None:
    await world.governed_room()
    await world.verified("tom")
    case = await world.reported()
    await world.review("mira", f"!policy claim {case}")
    await world.decided(case, "proposed")
    assert "not signed yet" in await world.say("tom", f"!policy proof {case}")
    await sign(world)
    answer = await world.say("tom", f"!policy proof {case}")
    proof = Proof.read(answer)
    proof.check()
    assert signed_by(proof.note, [LogKey(world.app.config.log_key_file).verifier])
    assert proof.columns["tag"] == "decision:final"
    assert proof.said is not None
    assert '"rule":"R1"' in proof.said[0]
    assert "@mira" not in answer
    assert "There is no decision about you" in await world.say("lea", f"!policy proof {case}")
