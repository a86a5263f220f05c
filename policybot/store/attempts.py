"""Tries to verify an account: known by the hash of their link, so that the database opens none."""

from datetime import datetime

from policybot.domain.identity import MAX_ATTEMPTS, MAX_FINDS, Assurance, Attempt, Found, Source
from policybot.store.database import Row, Tx, from_ms, optional_time, to_ms
from policybot.store.members import Span

_OPEN = f"used_at IS NULL AND expires_at > $2 AND wrong_codes < {MAX_ATTEMPTS}"


async def add(tx: Tx, token_hash: str, attempt: Attempt) -> None:
    """Remember a one-time link."""
    await tx.execute(
        "INSERT INTO attempts (token_hash, user_id, expires_at) VALUES ($1, $2, $3)",
        token_hash,
        attempt.user_id,
        to_ms(attempt.expires_at),
    )


async def get(tx: Tx, token_hash: str) -> Attempt | None:
    """Read a one-time link."""
    row = await tx.first("SELECT * FROM attempts WHERE token_hash = $1", token_hash)
    return None if row is None else _attempt(row)


async def spend_try(tx: Tx, token_hash: str, now: datetime) -> Attempt | None:
    """Count a try before its code is looked at, so that tries at the same time cannot share one.

    None if the link is used up; until the transaction ends, other tries wait.
    """
    row = await tx.first(
        f"UPDATE attempts SET wrong_codes = wrong_codes + 1 WHERE token_hash = $1 AND {_OPEN}"  # noqa: S608 - our own text
        " RETURNING *",
        token_hash,
        to_ms(now),
    )
    return None if row is None else _attempt(row)


async def count_find(tx: Tx, token_hash: str) -> bool:
    """Count a find before it costs anything; False if it is one too many."""
    row = await tx.first(
        "UPDATE attempts SET finds = finds + 1 WHERE token_hash = $1 AND finds < $2 RETURNING finds",
        token_hash,
        MAX_FINDS,
    )
    return row is not None


async def finds_since(tx: Tx, user_id: str, since: datetime) -> int:
    """Count the finds of an account through links that ended after `since`."""
    return int(
        await tx.value(
            "SELECT COALESCE(SUM(finds), 0) AS value FROM attempts"
            " WHERE user_id = $1 AND expires_at > $2",
            user_id,
            to_ms(since),
        )
    )


async def forgive(tx: Tx, token_hash: str) -> None:
    """Take a try back that turned out to be no wrong one."""
    await tx.execute(
        "UPDATE attempts SET wrong_codes = wrong_codes - 1 WHERE token_hash = $1", token_hash
    )


async def wrong_codes_since(tx: Tx, user_id: str, since: datetime) -> int:
    """Count the wrong codes that an account gave through links that ended after `since`."""
    return int(
        await tx.value(
            "SELECT COALESCE(SUM(wrong_codes), 0) AS value FROM attempts"
            " WHERE user_id = $1 AND expires_at > $2",
            user_id,
            to_ms(since),
        )
    )


async def send_away(tx: Tx, token_hash: str, candidate: str, state_hash: str, browser_hash: str) -> None:
    """Remember which browser was sent to a provider, and what it has to bring back."""
    await tx.execute(
        # The code of an earlier find goes with it: it must not link to what is found next.
        "UPDATE attempts SET candidate = $1, state_hash = $2, browser_hash = $3, code_hash = NULL,"
        " blind = NULL, likeness = NULL WHERE token_hash = $4",
        candidate,
        state_hash,
        browser_hash,
        token_hash,
    )


async def come_back(
    tx: Tx, state_hash: str, browser_hash: str, now: datetime
) -> tuple[str, str, Attempt] | None:
    """Take a state that a browser brings back, once; None if it is not this browser's.

    Returns the link's hash, the candidate's ID in the vault, and the attempt.
    """
    row = await tx.first(
        f"UPDATE attempts SET state_hash = NULL WHERE state_hash = $1 AND {_OPEN}"  # noqa: S608 - our own text
        " AND browser_hash = $3 RETURNING *",
        state_hash,
        to_ms(now),
        browser_hash,
    )
    return None if row is None else (row["token_hash"], row["candidate"], _attempt(row))


async def bind(tx: Tx, token_hash: str, browser_hash: str) -> None:
    """Remember in which browser a find is shown."""
    await tx.execute(
        "UPDATE attempts SET browser_hash = $1 WHERE token_hash = $2", browser_hash, token_hash
    )


async def send_to_prove(
    tx: Tx, browser_hash: str, state_hash: str, now: datetime
) -> tuple[str, str] | None:
    """Remember that the browser in which a find is shown goes off to prove the account.

    Returns the account and the candidate's ID in the vault; None if nothing waits in this browser.
    """
    row = await tx.first(
        "UPDATE attempts SET state_hash = $3 WHERE browser_hash = $1 AND code_hash IS NOT NULL"  # noqa: S608 - our own text
        f" AND {_OPEN} RETURNING user_id, candidate",
        browser_hash,
        to_ms(now),
        state_hash,
    )
    return None if row is None else (row["user_id"], row["candidate"])


async def is_shown(tx: Tx, browser_hash: str, now: datetime) -> bool:
    """Say whether a find is shown in a browser and waits for its account."""
    row = await tx.first(
        f"SELECT user_id FROM attempts WHERE browser_hash = $1 AND code_hash IS NOT NULL AND {_OPEN}",  # noqa: S608 - our own text
        browser_hash,
        to_ms(now),
    )
    return row is not None


async def hold(tx: Tx, token_hash: str) -> tuple[Attempt, str | None] | None:
    """Let others who find somebody for an attempt, or link it, wait for this transaction.

    Returns the attempt, and the vault's ID of what was found for it before.
    """
    row = await tx.first(
        "UPDATE attempts SET finds = finds WHERE token_hash = $1 RETURNING *", token_hash
    )
    return None if row is None else (_attempt(row), row["candidate"])


async def candidate_of(tx: Tx, token_hash: str) -> str | None:
    """Name the vault's ID of what was found for an attempt before."""
    return await tx.value(  # type: ignore[no-any-return]  # a text column
        "SELECT candidate AS value FROM attempts WHERE token_hash = $1", token_hash
    )


async def save_found(tx: Tx, found: Found, code_hash: str) -> None:
    """Remember whom a source found, and the code that the account has to send back."""
    await tx.execute(
        "UPDATE attempts SET source = $1, candidate = $2, code_hash = $3, blind = $4, level = $5,"
        " process = $6, verified_at = $7, valid_until = $8, ticket = $9, realm = $10, likeness = $11"
        " WHERE token_hash = $12",
        found.source.value,
        found.candidate,
        code_hash,
        found.blind,
        found.assurance.level,
        found.process,
        to_ms(found.verified_at),
        to_ms(found.valid_until),
        found.ticket,
        found.realm,
        found.likeness,
        found.token_hash,
    )


async def by_code(tx: Tx, code_hash: str, now: datetime) -> Found | None:
    """Find the attempt that waits for a code, whoever's it is."""
    row = await tx.first(
        f"SELECT * FROM attempts WHERE code_hash = $1 AND {_OPEN}",  # noqa: S608 - our own text
        code_hash,
        to_ms(now),
    )
    return None if row is None else _found(row)


async def waiting(tx: Tx, token_hash: str, now: datetime) -> Found | None:
    """Read whom an attempt has found, while it waits for the account."""
    row = await tx.first(
        f"SELECT * FROM attempts WHERE token_hash = $1 AND code_hash IS NOT NULL AND {_OPEN}",  # noqa: S608 - our own text
        token_hash,
        to_ms(now),
    )
    return None if row is None else _found(row)


async def count_wrong(tx: Tx, user_id: str, now: datetime) -> None:
    """Count a wrong code against every link that an account has open."""
    await tx.execute(
        "UPDATE attempts SET wrong_codes = wrong_codes + 1 WHERE user_id = $1"
        " AND used_at IS NULL AND expires_at > $2",
        user_id,
        to_ms(now),
    )


async def use_up(tx: Tx, found: Found, now: datetime) -> bool:
    """Note that a link has done its work, or may do none.

    False if somebody else was faster, or the link has found somebody else meanwhile.
    """
    row = await tx.first(
        "UPDATE attempts SET used_at = $1, code_hash = NULL, state_hash = NULL, browser_hash = NULL"
        " WHERE token_hash = $2 AND candidate = $3 AND used_at IS NULL RETURNING token_hash",
        to_ms(now),
        found.token_hash,
        found.candidate,
    )
    return row is not None


async def spend_token(tx: Tx, token_hash: str, forget_at: datetime) -> bool:
    """Take a token by which a client shows its account; false if it was taken before."""
    row = await tx.first(
        "INSERT INTO account_tokens (token_hash, forget_at) VALUES ($1, $2)"
        " ON CONFLICT (token_hash) DO NOTHING RETURNING token_hash",
        token_hash,
        to_ms(forget_at),
    )
    return row is not None


async def forget_tokens(tx: Tx, now: datetime) -> None:
    """Forget the tokens that the homeserver no longer takes either."""
    await tx.execute("DELETE FROM account_tokens WHERE forget_at <= $1", to_ms(now))


async def prolong(tx: Tx, token_hash: str, until: datetime) -> None:
    """Let an attempt live until a time at the least."""
    await tx.execute(
        "UPDATE attempts SET expires_at = $1 WHERE token_hash = $2 AND used_at IS NULL"
        " AND expires_at < $1",
        to_ms(until),
        token_hash,
    )


async def left_over(tx: Tx, now: datetime, limit: int) -> list[tuple[str, str]]:
    """List attempts that came to nothing, whose find is still in the vault, and under no hold.

    Returns the hash and the candidate's ID.
    """
    rows = await tx.fetch(
        "SELECT token_hash, candidate FROM attempts WHERE candidate IS NOT NULL AND used_at IS NULL"
        " AND expires_at <= $1 AND user_id NOT IN (SELECT user_id FROM held_accounts) LIMIT $2",
        to_ms(now),
        limit,
    )
    return [(row["token_hash"], row["candidate"]) for row in rows]


async def clear(tx: Tx, token_hash: str) -> None:
    """Forget whom an attempt found."""
    await tx.execute(
        "UPDATE attempts SET candidate = NULL, blind = NULL, likeness = NULL, code_hash = NULL"
        " WHERE token_hash = $1",
        token_hash,
    )


async def any_of(tx: Tx, user_id: str) -> bool:
    """Say whether there are tries of an account."""
    return (
        await tx.first("SELECT 1 AS one FROM attempts WHERE user_id = $1 LIMIT 1", user_id) is not None
    )


async def forget(tx: Tx, user_id: str, span: Span) -> list[str]:
    """Delete the tries of an account in a time; return under which IDs the vault keeps their finds."""
    rows = await tx.fetch(
        "DELETE FROM attempts WHERE user_id = $1 AND expires_at >= $2 AND expires_at < $3"
        " RETURNING candidate, used_at",
        user_id,
        *span.ms,
    )
    return [row["candidate"] for row in rows if row["candidate"] and row["used_at"] is None]


def _attempt(row: Row) -> Attempt:
    return Attempt(
        user_id=row["user_id"],
        expires_at=from_ms(row["expires_at"]),
        wrong_codes=row["wrong_codes"],
        finds=row["finds"],
        used_at=optional_time(row["used_at"]),
    )


def _found(row: Row) -> Found:
    return Found(
        token_hash=row["token_hash"],
        user_id=row["user_id"],
        candidate=row["candidate"],
        blind=row["blind"],
        likeness=row["likeness"],
        source=Source(row["source"]),
        realm=row["realm"],
        assurance=Assurance.of_level(row["level"]),
        process=row["process"],
        verified_at=from_ms(row["verified_at"]),
        valid_until=from_ms(row["valid_until"]),
        ticket=row["ticket"],
    )
