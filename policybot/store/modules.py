"""Modules: which processes of the homeserver ask for the view, and which reports are counted."""

from dataclasses import dataclass
from datetime import datetime

from policybot.store.database import Row, Tx, from_ms, to_ms

_MOST = 100
"""Processes that are remembered: those that asked last."""


@dataclass(frozen=True, slots=True)
class Module:
    """One process of the homeserver that has loaded the module."""

    instance: str
    """Drawn anew whenever the process begins."""
    worker: str
    version: str
    """Of the wheel from which it was loaded."""
    protocol: int
    seen_at: datetime


async def seen(tx: Tx, module: Module) -> None:
    """Remember that a process has asked; those that have not for the longest time are forgotten."""
    await tx.execute(
        "INSERT INTO gate_modules (instance, worker, version, protocol, seen_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (instance) DO UPDATE SET worker = excluded.worker,"
        " version = excluded.version, protocol = excluded.protocol, seen_at = excluded.seen_at",
        module.instance,
        module.worker,
        module.version,
        module.protocol,
        to_ms(module.seen_at),
    )
    await tx.execute(
        "DELETE FROM gate_modules WHERE instance NOT IN (SELECT instance FROM gate_modules"
        " ORDER BY seen_at DESC, instance LIMIT $1)",
        _MOST,
    )


async def listed(tx: Tx) -> list[Module]:
    """List the processes, the one that asked last first."""
    return [_module(row) for row in await tx.fetch("SELECT * FROM gate_modules ORDER BY seen_at DESC")]


async def asked_since(tx: Tx, since: datetime) -> bool:
    """Say whether any process has asked since a time."""
    row = await tx.first("SELECT 1 AS found FROM gate_modules WHERE seen_at > $1", to_ms(since))
    return row is not None


async def takes(tx: Tx, instance: str, batch: int, now: datetime) -> bool:
    """Take a numbered batch of a process, once; False if it was taken before."""
    row = await tx.first(
        "INSERT INTO gate_modules (instance, worker, version, protocol, seen_at, batch)"
        " VALUES ($1, '', '', 0, $2, $3) ON CONFLICT (instance) DO UPDATE SET batch = excluded.batch"
        " WHERE gate_modules.batch < excluded.batch RETURNING batch",
        instance,
        to_ms(now),
        batch,
    )
    return row is not None


def _module(row: Row) -> Module:
    return Module(
        instance=row["instance"],
        worker=row["worker"],
        version=row["version"],
        protocol=int(row["protocol"]),
        seen_at=from_ms(row["seen_at"]),
    )
