"""Rooms in the public register, put there without their whole story."""

from dataclasses import replace

from policybot.domain import number
from policybot.domain.filing import Filing, State
from policybot.store import filings
from policybot.store.database import next_number
from tests.world import World, user


async def listed(  # a room has many sides
    world: World,
    purpose: str = "Neighbours talk of gardens",
    who: str = "anna",
    *,
    category: str = "general",
    state: State = State.APPROVED,
    room: str = "",
) -> str:
    """Put an approved room into the register, and move it on; return its record number."""
    register, now = world.app.services.register, world.clock()
    async with world.database.transaction() as tx:
        serial = await next_number(tx, "filing")
        filing = Filing(
            id=serial,
            room_id=room or f"!room{serial}:example.org",
            applicant=user(who),
            purpose=purpose,
            categories=(category,),
            state=State.SUBMITTED,
            submitted_at=now,
        )
        await filings.add(tx, filing)
        record = number.record("PB", now.year, await next_number(tx, f"record {now.year}"))
        approved = replace(filing, state=State.APPROVED, record_number=record)
        await filings.save(tx, approved)
        await register.taken_in(tx, approved)
    if state is not State.APPROVED:
        step = {State.SUSPENDED: "suspend", State.REVOKED: "revoke", State.RENEWAL_DUE: "remind"}[state]
        async with world.database.transaction() as tx:
            moved = replace(approved, state=state, version=2)
            await filings.save(tx, moved)
            register.moved(tx, moved, step)
    return record
