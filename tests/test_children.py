"""Processes that the demo starts anew, and tests in the nursery: the same is seen of both."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from policybot import __version__
from policybot.demo.children import Child, start
from tests import nursery

Begin = Callable[..., Child]

ways = pytest.mark.parametrize("begin", [start, nursery.start], ids=["anew", "forked"])


@ways
def test_what_a_child_says_is_added_to_its_log_and_its_end_is_known(
    begin: Begin, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text("before\n", "utf-8")
    assert begin("policybot", "version", log=log).wait(60) == 0
    assert log.read_text("utf-8") == f"before\n{__version__}\n"
    assert begin("policybot", "no-such-command", log=log).wait(60) == 2
    assert "No such command" in log.read_text("utf-8")


@ways
def test_a_child_that_runs_is_stopped_or_killed(begin: Begin, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    os.mkfifo(config)  # it is read until somebody has written
    for how in (signal.SIGTERM, signal.SIGKILL):
        child = begin("policybot", "config", "check", "-c", str(config), log=tmp_path / "log")
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.1)
        assert child.poll() is None
        child.send_signal(how)
        assert child.wait(60) == -how
        child.kill()
        assert child.poll() == -how
