"""Moves: rooms that a filing has left for another one, so that what was known of them is found there."""

from collections.abc import Collection

from policybot.domain.case import Subject, SubjectKind
from policybot.store.database import Tx


async def made(tx: Tx, former: str, successor: str) -> None:
    """Note that a filing has gone on in another room, and let what is known of the room follow it.

    Cases about the room, decisions and measures in it, and its deletion are then found by the new room.
    Cases about messages stay where the messages are; `now` says where what follows from them belongs.
    """
    await tx.execute(
        "INSERT INTO former_rooms (room_id, successor) VALUES ($1, $2)"
        " ON CONFLICT (room_id) DO UPDATE SET successor = $2",
        former,
        successor,
    )
    key = Subject(SubjectKind.ROOM, successor).key
    await tx.execute(
        "UPDATE case_subjects SET room_id = $1, subject_key = $2 WHERE kind = 'room' AND room_id = $3"
        " AND NOT EXISTS (SELECT 1 FROM case_subjects o WHERE o.subject_key = $2"
        " AND (o.case_id = case_subjects.case_id OR (o.undecided = 1 AND case_subjects.undecided = 1)))",
        successor,
        key,
        former,
    )
    there = "(SELECT s.case_id FROM case_subjects s WHERE s.subject_key = $2)"
    await tx.execute(
        "UPDATE cases SET room_id = $1, subject_key = $2 WHERE kind = 'room' AND room_id = $3"  # noqa: S608 - our own text
        f" AND id IN {there}",
        successor,
        key,
        former,
    )
    await tx.execute(
        f"UPDATE reports SET subject_key = $2 WHERE subject_key = $1 AND case_id IN {there}",  # noqa: S608 - our own text
        Subject(SubjectKind.ROOM, former).key,
        key,
    )
    await tx.execute(
        # The key of a ledger begins with the room: see services/ledgers.
        "UPDATE decisions SET room_id = $1, scope_key = CAST($1 AS TEXT) || substr(scope_key, $2)"
        " WHERE room_id = $3 AND scope IN ('room', 'member')",
        successor,
        len(former) + 1,
        former,
    )
    await tx.execute("UPDATE sanctions SET room_id = $1 WHERE room_id = $2", successor, former)
    await tx.execute("UPDATE deletions SET room_id = $1 WHERE room_id = $2", successor, former)


async def now(tx: Tx, room_id: str) -> str:
    """Say in which room the filing of a room has gone on, however often; itself if it has not."""
    return (await now_each(tx, {room_id}))[room_id]


async def now_each(tx: Tx, room_ids: Collection[str]) -> dict[str, str]:
    """Say of each of some rooms in which room its filing has gone on; a statement for each move."""
    ways = {room_id: [room_id] for room_id in room_ids}
    going = set(ways)
    while going:
        ends = sorted({ways[room_id][-1] for room_id in going})
        marks = ", ".join(f"${n}" for n in range(1, len(ends) + 1))
        sql = f"SELECT room_id, successor FROM former_rooms WHERE room_id IN ({marks})"  # noqa: S608 - numbers alone
        onward = {row["room_id"]: str(row["successor"]) for row in await tx.fetch(sql, *ends)}
        for room_id in list(going):
            next_room = onward.get(ways[room_id][-1])
            if next_room is None or next_room in ways[room_id]:
                going.discard(room_id)
            else:
                ways[room_id].append(next_room)
    return {room_id: way[-1] for room_id, way in ways.items()}
