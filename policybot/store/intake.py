"""What is remembered of reports by other doors: keys to them, forms that were sent, how many came."""

from datetime import datetime, timedelta

from policybot.store.database import Tx, hold_numbers, to_ms


async def add_link(tx: Tx, token_hash: str, report_id: int) -> None:
    """Save the key by which somebody without an account sees their report."""
    await tx.execute(
        "INSERT INTO report_links (token_hash, report_id) VALUES ($1, $2)", token_hash, report_id
    )


async def linked(tx: Tx, token_hash: str) -> int | None:
    """Find the report that a key opens."""
    found = await tx.value(
        "SELECT report_id AS value FROM report_links WHERE token_hash = $1", token_hash
    )
    return None if found is None else int(found)


async def use_form(tx: Tx, nonce: str, expires_at: datetime) -> bool:
    """Use a form up; False if it was used before."""
    row = await tx.first(
        "INSERT INTO report_forms (nonce, expires_at) VALUES ($1, $2)"
        " ON CONFLICT (nonce) DO NOTHING RETURNING nonce",
        nonce,
        to_ms(expires_at),
    )
    return row is not None


async def count(tx: Tx, name: str, hour: int) -> int:
    """Count one more within an hour, and say how many it are."""
    return int(
        await tx.value(
            "INSERT INTO report_meters (name, hour, number) VALUES ($1, $2, 1)"
            " ON CONFLICT (name) DO UPDATE SET hour = $2, number ="
            " CASE WHEN report_meters.hour = $2 THEN report_meters.number + 1 ELSE 1 END"
            " RETURNING number AS value",
            name,
            hour,
        )
    )


async def claim(tx: Tx, tool: str, reference: str, body_hash: str) -> tuple[str, int] | None:
    """Take a tool's reference; None if it is new, else what was sent under it, and the report.

    Another transaction that takes the same waits until this one has ended.
    """
    new = await tx.first(
        "INSERT INTO report_references (tool, reference, body_hash) VALUES ($1, $2, $3)"
        " ON CONFLICT (tool, reference) DO NOTHING RETURNING tool",
        tool,
        reference,
        body_hash,
    )
    if new is not None:
        return None
    row = await tx.first(
        "SELECT body_hash, report_id FROM report_references WHERE tool = $1 AND reference = $2",
        tool,
        reference,
    )
    return None if row is None else (str(row["body_hash"]), int(row["report_id"]))


async def refer(tx: Tx, tool: str, reference: str, report_id: int) -> None:
    """Note which report a reference means."""
    await tx.execute(
        "UPDATE report_references SET report_id = $1 WHERE tool = $2 AND reference = $3",
        report_id,
        tool,
        reference,
    )


async def hold_relayed(tx: Tx) -> None:
    """Let what the proxy and what a list brings be taken in one after the other: each sees the other."""
    await hold_numbers(tx, "relayed")


async def relayed(tx: Tx, reporter: str, subject_key: str, at: datetime) -> None:
    """Remember that a report came by the reverse proxy."""
    await tx.execute(
        "INSERT INTO reports_relayed (reporter, subject_key, at) VALUES ($1, $2, $3)",
        reporter,
        subject_key,
        to_ms(at),
    )


async def was_relayed(tx: Tx, reporter: str, subject_key: str, at: datetime, within: timedelta) -> bool:
    """Say whether a report of a list is one that came by the reverse proxy; each stands for one."""
    row = await tx.first(
        "DELETE FROM reports_relayed WHERE id = (SELECT id FROM reports_relayed WHERE reporter = $1"
        " AND subject_key = $2 AND at BETWEEN $3 AND $4 ORDER BY abs(at - $5) LIMIT 1) RETURNING id",
        reporter,
        subject_key,
        to_ms(at - within),
        to_ms(at + within),
        to_ms(at),
    )
    return row is not None


async def listed(tx: Tx, reporter: str, subject_key: str, since: datetime) -> bool:
    """Say whether a list has brought a report of somebody on something since then."""
    row = await tx.first(
        "SELECT id FROM reports WHERE reporter = $1 AND subject_key = $2 AND via = 'button'"
        " AND received_at >= $3",
        reporter,
        subject_key,
        to_ms(since),
    )
    return row is not None


async def forget(tx: Tx, now: datetime, relayed_before: datetime) -> None:
    """Forget forms that are good no more, and what the lists can bring no more."""
    await tx.execute("DELETE FROM report_forms WHERE expires_at < $1", to_ms(now))
    await tx.execute("DELETE FROM reports_relayed WHERE at < $1", to_ms(relayed_before))
