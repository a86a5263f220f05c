"""Child processes of our own interpreter: each runs a module, writes to a file, and ends with us."""

import ctypes
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Protocol

_PR_SET_PDEATHSIG = 1


class Child(Protocol):
    """A process that was started; what `subprocess.Popen` gives, as far as it is used."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """Give its exit status, None while it runs."""

    def send_signal(self, sig: int, /) -> None:
        """Send it a signal, if it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; give its exit status.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """

    def kill(self) -> None:
        """Kill it, if it runs."""


def die_with_parent() -> None:
    """Make sure that a child process does not outlive us, even if we are killed (Linux)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def start(module: str, *arguments: str, log: Path, folder: Path | None = None) -> Child:
    """Run a module, as `python -m` does, in a folder or in ours; what it says is added to the log."""
    with log.open("ab") as said:
        return subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", module, *arguments],
            stdout=said,
            stderr=said,
            cwd=folder,
            # Ctrl-C is for us alone; we stop our children in order.
            start_new_session=True,
            preexec_fn=die_with_parent if os.name == "posix" else None,  # noqa: PLW1509 - no threads yet
        )
