"""A process that has imported Synapse and policybot already: what tests start is forked from it.

Importing them takes longer than all else that a start does. What runs is the same code, in a process of
its own, with its own arguments; only that guesses at who somebody is are cheap, as in `tests.world`, and
that policybot looks at the clock more often, for tests wait until it does. The demo, which CI plays as
well, starts its processes anew, and there both are as in service.
"""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from policybot.domain.private import Private
from policybot.store.vault import DEAR, Index, Stretch

_PROGRAMS = {
    "policybot": "policybot.__main__",
    "synapse.app.homeserver": "synapse.app.homeserver",
    "synapse.app.generic_worker": "synapse.app.generic_worker",
}
"""Where the `main` of each is that can be run."""
_LATER = ("policybot.cli.program", "policybot.app", "policybot.config.fresh", "policybot.gate.module")
"""What they would import only when it is needed."""

_TICK = 3.0
"""Seconds between looks at the clock, instead of `policybot.hours.TICK`."""


@dataclass
class Grown:
    """A process that was forked, with the face of `subprocess.Popen`."""

    _process: ForkServerProcess

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, sig: int, /) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return status

    def kill(self) -> None:
        self._process.kill()


def start(module: str, *arguments: str, log: Path, folder: Path | None = None) -> Grown:
    """Run a program as `policybot.demo.children.start` does."""
    return _fork(module, arguments, folder or Path.cwd(), log, log)


def run(*words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command of policybot to its end, as `subprocess.run` does."""
    with TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = _fork("policybot", words, Path.cwd(), out, err)
        try:
            status = process.wait(timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(words, status, out.read_text("utf-8"), err.read_text("utf-8"))


def _fork(module: str, arguments: tuple[str, ...], folder: Path, out: Path, err: Path) -> Grown:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_PROGRAMS.values(), *_LATER])
    # A daemon, so that one that is left over ends with the tests and is not waited for.
    process = context.Process(target=_run, args=(module, arguments, folder, out, err), daemon=True)
    process.start()
    return Grown(process)


def _run(module: str, arguments: tuple[str, ...], folder: Path, out: Path, err: Path) -> None:
    os.setsid()
    for number, path in ((1, out), (2, err)):
        with path.open("ab") as file:
            os.dup2(file.fileno(), number)
    threading.Thread(target=_end_with_tests, daemon=True).start()
    os.chdir(folder)
    sys.argv = [module, *arguments]
    _guess_cheaply()
    _look_at_the_clock_often()
    if module.startswith("synapse."):
        # It was made before the fork: each needs a poller of its own.
        reactor: Any = sys.modules["twisted.internet.reactor"]
        reactor.__init__()
    gc.freeze()  # what was imported before is not looked through again and again
    main: Callable[[], None] = import_module(_PROGRAMS[module]).main
    main()


def _guess_cheaply() -> None:
    begin = Index.__init__

    def cheap(index: Index, key: Private, stretch: Stretch = DEAR) -> None:
        begin(index, key, Stretch(8, 1))

    Index.__init__ = cheap  # type: ignore[method-assign, assignment]


def _look_at_the_clock_often() -> None:
    app: Any = import_module("policybot.app")
    app.TICK = _TICK


def _end_with_tests() -> None:
    tests = multiprocessing.parent_process()
    assert tests is not None
    tests.join()
    os.kill(os.getpid(), signal.SIGTERM)
