"""Attaching to a homeserver as operators do: the doctor, the account, the command line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from policybot.demo.stage import stage


def doctor(config: Path, *more: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "policybot", "doctor", "--json", "-c", str(config), *more],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, {row["what"]: row for row in json.loads(done.stdout)}


def run_beside(config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "policybot", "run", "-c", str(config)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


async def test_the_doctor_finds_nothing_wrong_with_a_good_set_up(tmp_path: Path) -> None:
    async with stage(tmp_path) as made:
        file = made.synapse.folder / "homeserver.yaml"
        status, found = doctor(made.config, "--homeserver-yaml", str(file))
        assert [row for row in found.values() if not row["good"]] == []
        assert "the bot may" in found["homeserver.yaml, room_list_publication_rules"]["said"]
        assert status == 0


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
