"""The check of the whole audit log: entries, tree and signed checkpoints, on all processors."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from multiprocessing import get_context

from policybot.config.log_key import signed_by
from policybot.domain.note import Note, Verifier, notes_in
from policybot.store import audit, checkpoints
from policybot.store.audit import STRETCH, Fault, Stretch
from policybot.store.database import Database, Tx

_WORTH_IT = 12
"""Stretches from which on other processes are worth it: each takes half a second to come up."""
_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be checked."""

    url: str
    """The database's, for other processes to open it as well."""
    verifiers: Sequence[Verifier]
    notes: Sequence[Note] = ()
    """Checkpoints from elsewhere, which have to be true of this log."""
    since: int = 1
    """The first entry to be looked at; those of its stretch before it are, too."""
    payloads: bool = True
    processes: int = 1


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of it."""

    entries: int
    head: str
    """The last hash."""
    root: str
    checkpoints: int
    """How many were compared."""
    fault: Fault | None = None


def _nobody_to_tell(done: int, of: int) -> None:
    """Stand in where nobody waits."""


async def check(
    database: Database, wanted: Wanted, progress: Callable[[int, int], None] | None = None
) -> Checked:
    """Check the log as it is at this moment; `progress` hears how many entries of how many are done."""
    async with database.transaction(reading=True) as tx:
        return await checked(tx, wanted, progress or _nobody_to_tell)


async def checked(
    tx: Tx, wanted: Wanted, progress: Callable[[int, int], None] = _nobody_to_tell
) -> Checked:
    """Check the log as a transaction sees it."""
    head = await audit.where_it_ends(tx)
    kept = await _kept(tx)
    signed = [*(note for _, note in kept if note is not None), *wanted.notes]
    sizes = sorted({note.checkpoint.size for note in signed})
    done = start = (wanted.since - 1) // STRETCH * STRETCH
    fault: Fault | None = None
    try:
        whole = audit.Whole(head, start, await checkpoints.edge(tx, start))
    except checkpoints.Damaged as error:
        return Checked(0, head.hash, "", 0, Fault(1, str(error)))
    progress(done, head.seq)
    async with aclosing(_stretches(tx, wanted, start, head.seq, sizes)) as stretches:
        async for found, ahead in stretches:
            if isinstance(found, Fault):
                fault = found
                break
            whole.take(found)
            done = found.end
            progress(min(done + ahead * STRETCH, head.seq), head.seq)
    fault = fault or await whole.end(tx) or _contradicted(kept, wanted, whole.roots, start, head.seq)
    compared = sum(size > start for size in sizes)
    return Checked(done, head.hash, whole.root.hex(), compared, fault)


async def _kept(tx: Tx) -> list[tuple[int, Note | None]]:
    """Read all kept checkpoints under the sizes at which they stand; None for what is none."""
    found: list[tuple[int, Note | None]] = []
    while page := await checkpoints.since(tx, found[-1][0] if found else -1, _PAGE):
        found += [(size, next(notes_in(text), None)) for size, text in page]
    return found


async def _stretches(
    tx: Tx, wanted: Wanted, start: int, length: int, sizes: Sequence[int]
) -> AsyncGenerator[tuple[Stretch | Fault, int], None]:
    """Verify the stretches; give them in their order, each with how many later ones are done already."""
    asked = [
        (begin, end := min(begin + STRETCH, length), [s for s in sizes if begin < s <= end])
        for begin in range(start, length, STRETCH)
    ]
    if wanted.processes == 1 or len(asked) < _WORTH_IT:
        for begin, end, inside in asked:
            yield await audit.stretch(tx, begin, end, inside, payloads=wanted.payloads), 0
        return
    with ExitStack() as stack:
        pool = ProcessPoolExecutor(wanted.processes - 1, mp_context=get_context("spawn"))
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        # `stretch_apart` lives where little is imported, for each process comes up with that alone.
        apart = [
            pool.submit(audit.stretch_apart, wanted.url, *one, payloads=wanted.payloads) for one in asked
        ]
        here: dict[int, Stretch | Fault] = {}
        for n, one in enumerate(apart):
            # What no other process has begun is done by this one, which is up already.
            while n not in here and not one.done():
                left = (k for k in range(n, len(apart)) if k not in here)
                if (free := next((k for k in left if apart[k].cancel()), None)) is None:
                    break
                begin, end, inside = asked[free]
                here[free] = await audit.stretch(tx, begin, end, inside, payloads=wanted.payloads)
            found = here[n] if n in here else await asyncio.wrap_future(one)
            yield found, sum(later.done() for later in apart[n + 1 :])  # what is done here, too


def _contradicted(
    kept: Sequence[tuple[int, Note | None]],
    wanted: Wanted,
    roots: dict[int, bytes],
    start: int,
    length: int,
) -> Fault | None:
    """Find the first checkpoint that is not true of this log."""
    known = {size for size, _ in kept}
    for size, note in kept:
        if note is None or note.checkpoint.size != size or signed_by(note, wanted.verifiers) is None:
            return Fault(size, "the checkpoint that is kept there is not one that was signed")
    for note in sorted(
        [*(note for _, note in kept if note), *wanted.notes], key=lambda one: one.checkpoint.size
    ):
        one = note.checkpoint
        when = f"on {one.at:%Y-%m-%d at %H:%M:%S} UTC" if one.at else "once"
        if signed_by(note, wanted.verifiers) is None:
            return Fault(one.size, "a checkpoint from the file is signed by none of our keys")
        if one.size > length:
            return Fault(length + 1, f"the log ends, and {when} it was signed with {one.size} entries")
        if one.size > start and roots[one.size] != one.root:
            return Fault(one.size, f"up to here the entries are not those that were signed {when}")
        if one.size not in known:
            return Fault(one.size, f"the checkpoint that was signed {when} is no longer in the database")
    return None
