"""A photograph of 12 megapixels drawn anew, and the memory that the child takes for it.

    python -m tests.benchmarks.documents

The aims: 2 seconds, and 512 MiB, which the child cannot exceed.
"""

import asyncio
import os
import statistics
import struct
import subprocess
import sys
import time

from policybot.identity import clean
from policybot.identity.document import ChildCleaner
from tests import pictures

TIMES = 5
_UNIT = 2**10 if sys.platform == "linux" else 1


def memory(kind: str, data: bytes) -> float:
    """Run one child as the service does, and read its peak memory in MiB.

    It is an upper bound: a child begins as a copy of its parent, which has made the photographs.
    """
    command, nowhere = [sys.executable, "-I", "-B", clean.__file__], subprocess.DEVNULL
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=nowhere, env={})
    assert child.stdin is not None
    child.stdin.write(struct.pack(">BBI", clean.KINDS.index(kind), clean.WHOLE, len(data)) + data)
    child.stdin.close()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return used.ru_maxrss * _UNIT / 2**20


async def main() -> None:
    """Measure and print."""
    photograph = pictures.photograph()
    for what, kind, data in (
        ("12 MP photograph", "image/jpeg", photograph),
        ("25 MP photograph", "image/jpeg", pictures.photograph((5000, 4990))),
        ("5 pages of PDF", "application/pdf", pictures.pdf(5, side=842)),
    ):
        cleaner, times = ChildCleaner(), []
        for _ in range(TIMES):
            begun = time.perf_counter()
            found = await cleaner.clean(data)
            times.append(time.perf_counter() - begun)
        median, size = statistics.median(times), sum(map(len, found)) / 2**20
        print(
            f"{what}, {len(data) / 2**20:.1f} MiB in, {size:.1f} MiB out: median {median:.2f} s, "
            f"worst {max(times):.2f} s, peak memory {memory(kind, data):.0f} MiB"
        )
    cleaner, begun = ChildCleaner(), time.perf_counter()
    await asyncio.gather(*(cleaner.clean(photograph) for _ in range(4)))
    print(f"4 photographs at once, 2 at a time: {time.perf_counter() - begun:.2f} s")


if __name__ == "__main__":
    asyncio.run(main())
