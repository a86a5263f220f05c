"""The roster: a CSV file of persons and codes, told by line where it is wrong."""

import os
import zipfile
from pathlib import Path

import pytest

from policybot.domain.identity import Assurance
from policybot.identity.roster import Roster, read
from policybot.matching.media import kind_of


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "roster.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_a_person_is_found_by_their_code_alone(tmp_path: Path) -> None:
    roster = Roster(write(tmp_path, "person,code\nAnna Ahrens,birch-7421\n"), Assurance.HIGH)
    found = roster.check(" birch-7421 ")
    assert found is not None
    assert (found.reference, found.assurance) == ("Anna Ahrens", Assurance.HIGH)
    assert roster.check("birch-7422") is None
    assert roster.check("") is None


def test_a_person_refuses_to_be_printed(tmp_path: Path) -> None:
    roster = Roster(write(tmp_path, "person,code\nAnna Ahrens,birch-7421\n"), Assurance.LOW)
    assert "Ahrens" not in f"{roster.check('birch-7421')!r}"


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    file = write(tmp_path, "person,code\nAnna,birch-7421\n")
    roster = Roster(file, Assurance.LOW)
    assert roster.check("cedar-1180") is None
    write(tmp_path, "person,code\nAnna,birch-7421\nTom,cedar-1180\n")
    os.utime(file, ns=(1, 1))
    assert roster.check("cedar-1180") is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,code\nAnna,birch-7421\n", "columns person and code"),
        ("", "columns person and code"),
        ("person,code\nAnna,birch\n", "line 2: needs a person, and a code of 6"),
        ("person,code\nAnna,birch-7421\n,cedar-1180\n", "line 3"),
        ("person,code\nAnna,birch-7421\nTom,birch-7421\n", "line 3: this code is there twice"),
        ("person,code\nJörg,birch-7421\n".encode("latin-1"), "line 2: is not UTF-8"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(write(tmp_path, text))


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
