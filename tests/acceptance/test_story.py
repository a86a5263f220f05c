"""The whole story on a real Synapse, as the demo plays it."""

import signal
from pathlib import Path

import pytest

from policybot.demo.stage import CODES, NAMES, stage
from policybot.demo.story import SETTING, STORY, Cast
from tests import canary
from tests.postgres import fresh_database


@pytest.mark.parametrize(("room_version", "database"), [("12", "sqlite"), ("11", "postgres")])
async def test_every_step_of_the_story_holds(
    tmp_path: Path, postgres_socket: str, room_version: str, database: str
) -> None:
    url = "sqlite:policybot.db"
    if database == "postgres":
        url = await fresh_database(postgres_socket, f"story{room_version}")
    async with stage(
        tmp_path,
        database=url,
        room_version=room_version,
        changes=SETTING,
        gate=("module",),
    ) as made:
        cast = Cast(made, lambda *_: None)
        for step in STORY:
            await step.play(cast)
        made.stop_bot(signal.SIGKILL)
        found = {name: canary.in_files(tmp_path, name) for name in (*NAMES.values(), *CODES.values())}
    assert not any(found.values()), "names and codes of the roster stand nowhere but in the roster"
