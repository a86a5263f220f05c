"""The roster: a CSV file of persons, imported with a preview, told by line where it is wrong."""

import zipfile
from pathlib import Path

import pytest

from policybot.domain.errors import OutOfOrder
from policybot.domain.identity import Assurance
from policybot.identity.roster import Listing, read, write_codes
from policybot.matching.media import kind_of
from policybot.services.roster import Plan
from policybot.store import audit
from tests.files import NAMES
from tests.world import World


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "roster.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def listing(folder: Path, *lines: str) -> Listing:
    return read(write(folder, "person,name,code\n" + "".join(f"{line}\n" for line in lines)))


async def imported(world: World, folder: Path, *lines: str) -> tuple[Plan, list[tuple[str, str]]]:
    roster = world.app.services.roster
    plan = await roster.plan(world.database, listing(folder, *lines).entries, lambda _: None)
    made = await roster.carry_out(world.database, plan, lambda _: None)
    await world.work()
    return plan, made


async def finds(world: World, code: str) -> str | None:
    async with world.database.transaction(reading=True) as tx:
        record = await world.app.services.roster.check(tx, code)
    return None if record is None else record.display_name.reveal()


def everybody(without: str = "") -> list[str]:
    return [f"{name},{NAMES[name]}," for name in NAMES if name != without]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,code\nAnna,birch-7421\n", "one of them is person"),
        ("", "one of them is person"),
        ("person,code,salary\nAnna,birch-7421,1\n", "unknown column «salary»"),
        ("person,code\nJörg,birch-7421\n".encode("latin-1"), "line 2: is not UTF-8"),
        ("person,code\nAnna,birch-7421\n".encode("utf-16"), "is not"),
    ],
)
def test_what_is_no_roster_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(write(tmp_path, text))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("5,Zoe,birch", "fewer than 6"),
        (",Zoe,birch-7421", "names no person"),
        ("1,Zoe,aspen-9044", "this person is there twice"),
        ("5,Zoe,cedar-1180", "this code is there twice"),
        ("5,=HYPERLINK(1),aspen-9044", "formula"),
        ("5,@SUM(1),aspen-9044", "formula"),
        ("+5,Zoe,aspen-9044", "formula"),
        ("5,Zoe,aspen-9044,more", "more values"),
        (f"5,{'Z' * 300},aspen-9044", "longer than 200"),
        ("5,Zo\x07e,aspen-9044", "cannot be printed"),
    ],
)
def test_a_line_that_cannot_be_taken_is_told_by_its_number(tmp_path: Path, line: str, why: str) -> None:
    found = listing(tmp_path, "1,Anna,cedar-1180", line, "9,Ina,maple-5533")
    assert [number for number, _ in found.refused] == [3]
    assert why in found.refused[0][1]
    assert "Zoe" not in found.refused[0][1], "what stands there is not repeated"
    assert len(found.entries) == 2, "the other lines are taken"


async def test_an_import_shows_what_changes(world: World, tmp_path: Path) -> None:
    plan, _ = await imported(world, tmp_path, *everybody(without="zoe"), "ina,Ina Weber,")
    assert (len(plan.new), len(plan.gone), plan.same, len(plan.changed)) == (1, 1, 4, 0)
    again, _ = await imported(world, tmp_path, *everybody(), "ina,Ina Weber-Horn,")
    assert (len(again.new), len(again.back), len(again.changed), again.same) == (0, 1, 1, 4)


async def test_new_persons_get_codes_that_work_once_imported(world: World, tmp_path: Path) -> None:
    _, made = await imported(world, tmp_path, *everybody(), "ina,Ina Weber,", "udo,Udo Bern,willow-1")
    assert [person for person, _ in made] == ["ina"], "udo has one already"
    assert await finds(world, made[0][1]) == "Ina Weber"
    assert await finds(world, "willow-1") == "Udo Bern"
    assert await finds(world, "willow-2") is None
    codes = tmp_path / "codes.csv"
    write_codes(codes, made)
    assert codes.stat().st_mode & 0o077 == 0
    with pytest.raises(FileExistsError):
        write_codes(codes, made)


async def test_who_leaves_the_roster_is_told_and_has_time(world: World, tmp_path: Path) -> None:
    await world.verified("anna")
    await imported(world, tmp_path, *everybody(without="anna"))
    assert "ends on 16 March 2026" in world.told("anna")[-1]
    await world.tick(days=13)
    assert "level substantial" in await world.say("anna", "!policy me")
    await world.tick(days=2)
    assert "has ended" in await world.say("anna", "!policy me")
    async with world.database.transaction(reading=True) as tx:
        with pytest.raises(OutOfOrder, match=r"has ended.*!policy verify"):
            await world.app.services.members.may_publish(tx, "@anna:example.org", Assurance.LOW)


async def test_who_comes_back_in_time_stays_verified(world: World, tmp_path: Path) -> None:
    await world.verified("anna")
    await imported(world, tmp_path, *everybody(without="anna"))
    await imported(world, tmp_path, *everybody())
    await world.tick(days=30)
    assert "level substantial" in await world.say("anna", "!policy me")


async def test_a_code_is_good_once(world: World) -> None:
    await world.verified("anna")
    assert await finds(world, "birch-7421") is None


async def test_the_database_holds_no_name_and_no_code(world: World, tmp_path: Path) -> None:
    await imported(world, tmp_path, *everybody(), "ina,Ina Geheim,willow-secret")
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("*.db*"))  # noqa: ASYNC240 - small files
    for text in (b"Geheim", b"willow-secret", b"Canary-anna"):
        assert text not in kept
    async with world.database.transaction(reading=True) as tx:
        assert [step async for step in audit.verify(tx)][-1] == await audit.length(tx)


def test_a_spreadsheet_is_recognised_whatever_it_is_called(tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(ValueError, match=r"is not CSV but application/.*save it as CSV"):
        read(file)


def test_a_file_is_what_its_content_says() -> None:
    assert (
        kind_of(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02")
        == "image/png"
    )
    assert kind_of(b"person,code\nAnna,birch-7421\n").startswith("text/")


def test_twenty_thousand_lines_are_read_and_the_bad_one_is_told(tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    lines = [f"M-{n},Person {n}" for n in range(20_000)]
    lines[15_000] = "M-1,Somebody else"
    file.write_text("\n".join(["person,name", *lines]), "utf-8")
    listing = read(file)
    assert len(listing.entries) == 19_999
    assert listing.refused == [(15_002, "this person is there twice")]
