"""What a plain decision asks of the database: what is known to be needed, and each thing once."""

from collections import Counter

from policybot.services.previews import Choice
from policybot.store import attempts, sanctions
from tests.statements import listened, short
from tests.world import World, user

NEEDED = """
SELECT cases
SELECT reports
SELECT case_subjects
SELECT former_rooms
SELECT filings
SELECT rooms
SELECT links
SELECT links
SELECT policies
SELECT policy_terms
SELECT decisions
SELECT copies
SELECT languages
SELECT quarantines
SELECT policies
SELECT sanctions
UPDATE cases
SELECT sanctions
UPDATE cases
UPDATE case_subjects
DELETE case_rules
INSERT counters
INSERT decisions
SELECT sanctions
UPDATE rooms
INSERT sanctions
INSERT removals
INSERT statements
INSERT counters
INSERT standing_changes
SELECT sanctions
UPDATE audit_head
INSERT audit
INSERT audit_payloads
UPDATE audit_head
INSERT outbox
"""
"""The statements of a decision about a reported message, which is removed, and its author restricted.

What binds in its case is read again once nobody else can put anything on hold there.
"""

CHOICE = Choice("R2", "S3", remove=True, facts="Threatened a neighbour in the garden room")


async def test_a_plain_decision_asks_for_nothing_twice(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    case = int((await world.reported())[2:])
    async with world.database.transaction() as tx:
        with listened() as sent:
            found = await world.app.services.cases.find(tx, case, f"C-{case}")
            await world.app.services.decisions.decide(tx, user("mira"), found, CHOICE)
            await tx.flush()
    needed = Counter(NEEDED.split("\n")[1:-1])
    more = Counter(map(short, sent)) - needed
    assert not more, "\n".join(["more than needed:", *(sql for sql in sent if short(sql) in more)])
    assert len(sent) == needed.total(), f"no more needed: {needed - Counter(map(short, sent))}"


async def test_who_sends_a_code_is_found_without_a_look_at_every_attempt(world: World) -> None:
    async with world.database.transaction() as tx:
        with listened() as sent:
            await attempts.by_code(tx, "a hash", world.clock())
        plan = await tx.fetch(f"EXPLAIN QUERY PLAN {sent[0]}", "a hash", 0)
    assert [row["detail"] for row in plan if row["detail"].startswith("SCAN")] == []


async def test_what_binds_somebody_is_found_without_a_look_at_every_measure(world: World) -> None:
    async with world.database.transaction() as tx:
        with listened() as sent:
            await sanctions.curbs_on(tx, user("tom"))
        plan = await tx.fetch(f"EXPLAIN QUERY PLAN {sent[0]}", user("tom"))
    assert [row["detail"] for row in plan if row["detail"].startswith("SCAN")] == []


def first_of_each(sent: list[str], *kinds: str) -> list[str]:
    """Say in which order the first statement of each of some kinds comes."""
    return list(dict.fromkeys(one for one in map(short, sent) if one in kinds))


async def test_what_others_wait_for_is_taken_in_one_order(world: World) -> None:
    await world.governed_room()
    services, order = world.app.services, ["UPDATE cases", "INSERT counters", "UPDATE rooms"]
    case = int((await world.reported())[2:])
    async with world.database.transaction() as tx:
        found = await services.cases.find(tx, case, f"C-{case}")
        with listened() as sent:
            await services.holds.impose(tx, user("mira"), found, "R1", "Sends adverts every minute")
        assert first_of_each(sent, *order) == order
    async with world.database.transaction() as tx:
        with listened() as sent:
            await services.decisions.decide(tx, user("mira"), found, CHOICE)
        assert first_of_each(sent, *order) == order
    async with world.database.transaction() as tx:  # before anything of it is carried out
        with listened() as sent:
            await services.sanctions.lift(tx, user("mira"), case, "It was a song")
        assert first_of_each(sent, "UPDATE sanctions", "UPDATE statements")[0] == "UPDATE sanctions"
        assert "UPDATE statements" in map(short, sent), "they are told why, for it was not told before"
