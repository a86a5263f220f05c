"""Attaching to a homeserver as operators do: the doctor, the account, the command line."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp

from policybot import __version__
from policybot.config import load
from policybot.config.log_key import LogKey, signed_by
from policybot.demo.stage import Stage, stage
from policybot.domain.note import Verifier, notes_in
from tests import nursery

TOKEN = "a-token-for-the-gate-of-these-tests"


def doctor(config: Path, *more: str) -> tuple[int, dict[str, Any]]:
    done = nursery.run("doctor", "--json", "-c", str(config), *more)
    assert done.stdout, done.stderr
    return done.returncode, {row["what"]: row for row in json.loads(done.stdout)}


async def asks_at_the_gate(address: str) -> None:
    """Ask for the view as the homeserver's module does."""
    names = {"module": __version__, "worker": "main", "instance": "of a test"}
    question = {"protocol": 1, **names, "since": None, "after": None, "wait": 0}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{address}/gate/view", json=question) as response,
    ):
        assert response.status == 200
        assert (await response.json())["whole"]


def run_beside(config: Path) -> subprocess.CompletedProcess[str]:
    """Start it anew, as people do, and not in the nursery."""
    return subprocess.run(
        [sys.executable, "-m", "policybot", "run", "-c", str(config)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


async def test_the_doctor_finds_nothing_wrong_with_a_good_set_up(tmp_path: Path) -> None:
    changes = {"gate": {"token": TOKEN}, "log.room": "#_policybot_log:localhost"}
    async with stage(tmp_path, changes=changes) as made:
        appservice = load(made.config).appservice.address
        more = tmp_path / "conf.d"
        more.mkdir()
        (tmp_path / "gate.token").write_text(TOKEN, "utf-8")
        (tmp_path / "gate.token").chmod(0o640)
        section = {"address": appservice, "token_path": str(tmp_path / "gate.token")}
        modules = {"modules": [{"module": "policybot.gate.module.Gate", "config": section}]}
        (more / "gate.yaml").write_text(json.dumps(modules), "utf-8")
        await asks_at_the_gate(appservice)
        options = ["--homeserver-yaml", str(made.synapse.folder / "homeserver.yaml")]
        status, found = doctor(made.config, *options, "--homeserver-yaml", str(more))
        assert [row for row in found.values() if not row["good"]] == []
        assert found["gate"]["said"] == "answers under its token"
        assert found["gate module"]["said"].startswith("main asks, with version")
        assert "our module asks us" in found["homeserver.yaml, modules[0]"]["said"]
        assert "the bot may" in found["homeserver.yaml, room_list_publication_rules"]["said"]
        assert status == 0
        await checkpoints_are_read(made)


async def checkpoints_are_read(made: Stage) -> None:
    """Read a checkpoint in the room that policybot made, as anybody can; nobody else writes there."""
    lea = made.people["lea"]
    room = (await lea.request("GET", "/_matrix/client/v3/directory/room/%23_policybot_log:localhost"))[
        "room_id"
    ]
    await lea.join(room)
    assert await lea.is_refused(room, "I sign, too")
    assert room not in await lea.public_rooms()
    for _ in range(60):
        if messages := await lea.messages(room):
            break
        await asyncio.sleep(1)
    (posted,) = notes_in(messages[0]["content"]["body"])
    assert messages[0]["sender"] == made.bot
    assert signed_by(posted, LogKey(load(made.config).log_key_file).verifiers) is not None
    async with aiohttp.ClientSession() as session, session.get(f"{made.web}/about.json") as answer:
        said = (await answer.json())["log"]
    assert signed_by(posted, [Verifier.read(said["key"])]) is not None
    assert said["checkpoint"] is not None


async def test_the_doctor_names_what_is_wrong_and_the_mend(tmp_path: Path) -> None:
    async with stage(tmp_path) as made:
        root = made.people["root"]
        await root.request("PUT", f"/_synapse/admin/v1/users/{made.bot}/admin", {"admin": False})
        made.stop_bot()
        registration = made.config.parent / "registration.yaml"
        text = registration.read_text("utf-8").replace("rate_limited: false", "rate_limited: true")
        registration.write_text(text, "utf-8")
        made.config.chmod(0o644)
        status, found = doctor(made.config)
        assert status == 1
        assert "chmod 600" in found["configuration"]["mend"]
        assert "rate_limited differs" in found["registration file"]["said"]
        assert "policybot run" in found["ping"]["mend"]
        assert "/admin" in found["administrator"]["mend"]
        made.synapse.stop()
        status, found = doctor(made.config)
        assert "cannot be reached" in found["homeserver"]["said"]


async def test_started_before_the_homeserver_it_waits_and_says_so(tmp_path: Path) -> None:
    async with stage(tmp_path) as made:
        made.stop_bot()
        made.synapse.stop()
        await made.start_bot(wait=False)
        await made.until_answered(f"{made.web}/about", 200)
        await made.until_answered(f"{made.ops}/ready", 503)
        assert "Waiting for the homeserver" in made.last_words()
        await made.synapse.start()
        await made.until_ready()
        assert "Traceback" not in made.last_words()
        assert made.stop_bot() == 0


async def test_a_second_one_beside_the_first_says_that_the_port_is_taken(tmp_path: Path) -> None:
    async with stage(tmp_path) as made:
        second = run_beside(made.config)
        assert second.returncode == 1
        assert "Cannot listen" in second.stderr
        assert "Traceback" not in second.stderr
        database = made.config.parent / "policybot.db"
        assert database.stat().st_mode & 0o077 == 0, "what is in it is for its owner alone"
