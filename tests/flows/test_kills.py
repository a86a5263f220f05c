"""kill -9 at random instants from a report to its effect: nothing is lost, nothing twice (I25).

A thousand of them: `python -m tests.kills`, and with `--postgres`.
"""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("database", [[], ["--postgres"]], ids=["sqlite", "postgres"])
def test_a_process_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice(
    database: list[str],
) -> None:
    """In a process of its own, for it forks."""
    command = [sys.executable, "-m", "tests.kills", "--kills", "40", *database]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert "nothing lost, nothing twice" in ran.stdout
