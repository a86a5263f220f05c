"""The search for names that leaked does find them; every test in a world ends with it."""

from pathlib import Path

import pytest

from tests import canary
from tests.files import NAMES
from tests.world import user
from tests.world import world as make_world


async def test_a_world_that_leaves_a_name_in_its_database_fails(
    tmp_path: Path, database_url: str
) -> None:
    """I22: every world of these tests is searched for names."""
    with pytest.raises(AssertionError, match="a real name stands where it must not"):
        async with make_world(tmp_path, database_url) as made, made.database.transaction() as tx:
            await tx.execute("INSERT INTO review_members (user_id) VALUES ($1)", NAMES["anna"])


def test_a_name_told_to_somebody_else_is_found() -> None:
    owners = {user("anna"): NAMES["anna"]}
    mine, theirs = (user("anna"), f"You are {NAMES['anna']}"), (user("tom"), f"She is {NAMES['anna']}")
    assert canary.in_messages([mine, theirs], owners) == [f"{theirs[0]}: {theirs[1]}"]
    assert canary.in_messages([mine, theirs], owners, {user("anna")}) == [], "she shows it herself"
    room = ("!review:example.org", theirs[1])
    assert canary.in_messages([room], owners, {user("anna")}) == [f"{room[0]}: {room[1]}"]


def test_a_name_in_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text(NAMES["anna"], "utf-8")
    (tmp_path / "core.dump").write_text(NAMES["anna"], "utf-8")
    assert canary.in_files(tmp_path) == ["core.dump"]
