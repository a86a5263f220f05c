"""What holds once nothing waits: of the records, the log, the figures, and of what people were told."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from policybot.config.log_key import LogKey
from policybot.domain.decision import IN_FORCE, Decision, Nature, State
from policybot.domain.ladder import Act, History, Ladder, Scope, Strike, StrikeState, propose
from policybot.domain.measure import Kind
from policybot.domain.note import notes_in
from policybot.domain.policy import Version
from policybot.domain.sanction import BINDING
from policybot.domain.sanction import State as Course
from policybot.services.log_check import Wanted, check
from policybot.store import decisions, figures, policies, sanctions
from tests.reporting import rows
from tests.world import World

STAFF = ("ravi", "otto", "mira")
FOUND = "I looked at it anew, and this is what I found"


async def made(world: World) -> list[Decision]:
    """Read all decisions, in their order."""
    found = []
    for row in await rows(world, "SELECT id FROM decisions ORDER BY id"):
        async with world.database.transaction(reading=True) as tx:
            one = await decisions.get(tx, row["id"])
        assert one is not None
        found.append(one)
    return found


async def holds(world: World) -> None:
    """Look at everything that does not depend on what the walk was about."""
    await people_decided(world)
    await measures_end(world)
    await nothing_is_left_over(world)
    await numbers_are_unique(world)
    await every_later_decision_is_as_replayed(world)
    await each_is_told_once(world)
    await figures_are_those_of_the_log(world)
    await the_log_is_whole(world)


async def people_decided(world: World) -> None:
    """I20: whoever decided something that restricts is a person, and so is who closed or agreed."""
    for one in await made(world):
        assert one.decider.startswith("@"), f"I20: {one.number} was decided by {one.decider}"
        assert one.approver is None or one.approver.startswith("@"), f"I20: {one.number}"
    for row in await rows(world, "SELECT code, approver FROM approvals WHERE state = 'given'"):
        assert row["approver"].startswith("@"), f"I20: {row['code']}"
    for row in await rows(world, "SELECT id, reviewer FROM appeals WHERE state NOT IN ('submitted')"):
        assert row["reviewer"] is None or row["reviewer"].startswith("@"), f"I20: A-{row['id']}"


async def measures_end(world: World) -> None:
    """I15: what binds has an end, or closes; and I16: nothing binds whose decision does not hold."""
    for one in await made(world):
        async with world.database.transaction(reading=True) as tx:
            sanction = await sanctions.of_decision(tx, one.id)
        if sanction is None:
            continue
        if sanction.state is Course.ACTIVE and one.nature is not Nature.REPLACEMENT:
            ends = sanction.ends_at is not None or one.measure.kind is Kind.CLOSE
            assert ends, f"I15: {one.number} has no end"
        if sanction.state in BINDING | {Course.STAYED}:
            assert one.state in IN_FORCE, f"I16: {one.number} is {one.state}, its measure is not"


async def nothing_is_left_over(world: World) -> None:
    """I25: what was to be done is done, dropped with a reason, or an alarm that a person has seen to."""
    left = await rows(
        world,
        "SELECT id, kind, cause, state, error FROM outbox WHERE state NOT IN ('done', 'dropped', 'dry')",
    )
    assert [tuple(row) for row in left] == [], "I25"
    dead = await rows(world, "SELECT event_id, error FROM dead_events")
    assert [tuple(row) for row in dead] == []


async def numbers_are_unique(world: World) -> None:
    """I24."""
    found = await rows(
        world,
        "SELECT record_number FROM filings WHERE record_number IS NOT NULL GROUP BY record_number"
        " HAVING COUNT(*) > 1",
    )
    assert list(found) == [], "I24"


# Later decisions ---------------------------------------------------------------------------------


async def every_later_decision_is_as_replayed(world: World) -> None:
    """I18, by hand: with what holds today each act has the history on record, or was flagged."""
    found = await made(world)
    async with world.database.transaction(reading=True) as tx:
        laws = {one.hash: one.ladder for one in await _versions(tx)}
    by_id = {one.id: one for one in found}
    flagged = {r["decision_id"]: r for r in await rows(world, "SELECT * FROM rechecks")}
    for later in found:
        if later.state not in IN_FORCE or later.nature is not Nature.DECISION:
            continue
        replay = history_by_hand(laws[later.policy_hash], later, found)
        if replay < later.history:
            assert later.id in flagged, (
                f"I18: {later.number} was decided with {later.history}, has {replay} by now, "
                "and nobody looks at it"
            )
    for number, row in flagged.items():
        async with world.database.transaction(reading=True) as tx:
            sanction = await sanctions.of_decision(tx, number)
        binds = sanction is not None and sanction.state in BINDING | {Course.STAYED}
        assert not (row["lifted"] and binds), f"I18: C-{by_id[number].case_id} was lifted, and binds"


async def _versions(tx: Any) -> list[Version]:
    return list(await policies.every(tx))


def history_by_hand(law: Ladder, later: Decision, found: list[Decision]) -> History:
    """Work out how much went before an act, of what still holds: where nobody has a second account.

    What took another's place has the history of the day on which that was decided.
    """
    by_id = {one.id: one for one in found}

    def since(one: Decision) -> tuple[float, int]:
        while one.supersedes is not None:
            one = by_id[one.supersedes]
        return one.decided_at.timestamp(), one.id

    strikes = []
    for one in found:
        counts = one.nature is Nature.DECISION and one.measure.kind not in (Kind.NONE, Kind.ADVISE)
        about = one.room_id == later.room_id if later.scope is Scope.ROOM else True
        if not (counts and about and one.user_id == later.user_id and since(one) < since(later)):
            continue
        if one.state not in IN_FORCE or (one.scope, later.scope) == (Scope.ACCOUNT, Scope.MEMBER):
            continue
        first = one
        while first.supersedes is not None:
            first = by_id[first.supersedes]
        in_room = one.scope is Scope.MEMBER
        strikes.append(
            Strike(
                case=one.number,
                scope=one.scope,
                key=one.scope_key if one.scope is later.scope else later.scope_key,
                severity=one.severity,
                occurred_at=one.occurred_at,
                notified_at=first.notified_at(law.deemed_notified_after),
                incident=one.number,
                state=StrikeState.FINAL,
                room=one.scope_key.partition(" ")[0] if in_room else "",
            )
        )
    act = Act(
        scope=later.scope,
        key=later.scope_key,
        severity=later.severity,
        occurred_at=later.occurred_at,
        decided_at=datetime.fromtimestamp(since(later)[0], UTC),
        incident=later.number,
    )
    return propose(law, act, strikes).band


async def somebody_looks(world: World) -> int:
    """See that for each later decision that waits there is a person who may look; let them."""
    waiting = await rows(
        world,
        "SELECT DISTINCT d.case_id FROM rechecks r JOIN decisions d ON d.id = r.decision_id"
        " WHERE r.closed_at IS NULL ORDER BY d.case_id",
    )
    for row in waiting:
        said = [await world.review(who, f"!policy recheck C-{row['case_id']} {FOUND}") for who in STAFF]
        assert any("on record" in one for one in said), f"nobody may look at C-{row['case_id']}: {said}"
    left = await rows(world, "SELECT decision_id FROM rechecks WHERE closed_at IS NULL")
    assert list(left) == []
    return len(waiting)


# What people were told ---------------------------------------------------------------------------


async def each_is_told_once(world: World) -> None:
    """Whoever was told of a decision is told once that it is void, and nobody else is."""
    told = await rows(
        world,
        "SELECT cause, data FROM outbox WHERE kind = 'Notify' AND cause LIKE 'notice %' ORDER BY id",
    )
    first: dict[int, set[str]] = {}
    after: Counter[tuple[int, str]] = Counter()
    for row in told:
        _, number, *rest = row["cause"].split()
        data = json.loads(row["data"])
        if rest in ([], ["also"]) and data:
            first.setdefault(int(number), set()).add(data["user_id"])
        elif data and "was overturned after an appeal" in data["text"]:
            after[int(number), data["user_id"]] += 1
    appellants = {
        r["decision_id"]: r["appellant"]
        for r in await rows(world, "SELECT decision_id, appellant FROM appeals WHERE kind = 'decision'")
    }
    for one in await made(world):
        if one.state is not State.OVERTURNED:
            continue
        known = first.get(one.id, set()) - {appellants.get(one.id)}
        heard = {user_id: n for (number, user_id), n in after.items() if number == one.id}
        assert set(heard) >= known, f"{known - set(heard)} never heard that {one.number} is void"
        assert set(heard.values()) <= {1}, f"{one.number} is void, and that was said twice: {heard}"


# The log and the figures -------------------------------------------------------------------------

_PLAIN = {
    "appeals": ("appeal:submit",),
    "dismissed": ("case:dismiss",),
    "reports": ("report:receive",),
    "holds": ("decision:hold",),
    "verdicts": ("appeal:uphold", "appeal:modify", "appeal:overturn"),
}
"""Acts that are counted each time."""


async def figures_are_those_of_the_log(world: World) -> None:
    """Counted day by day they are what a fresh count of the whole log gives, and what it says."""
    service = world.app.services.figures
    await service.tick(world.database)
    kept = await _figures(world)
    for population, tags in _PLAIN.items():
        named = ", ".join(f"'{tag}'" for tag in tags)
        sql = f"SELECT COUNT(*) AS n FROM audit WHERE tag IN ({named})"  # noqa: S608 - our own
        [row] = await rows(world, sql)
        counted = sum(n for (_, which, cell), n in kept.items() if (which, cell) == (population, ""))
        assert counted == row["n"], f"{population}: {counted} in the figures, {row['n']} in the log"
    bound = "s.restraints <> '[]' AND s.state IN ('ended', 'lifted', 'void')"
    [row] = await rows(world, f"SELECT COUNT(*) AS n FROM sanctions s WHERE {bound}")  # noqa: S608 - ours
    counted = sum(n for (_, which, cell), n in kept.items() if (which, cell) == ("ended", ""))
    assert counted == row["n"], f"{counted} measures ended by the figures, {row['n']} by the record"
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE figures_read SET seq = 0")
        await tx.execute("DELETE FROM figures")
        while await figures.behind(tx):
            await service.follow(tx)
    fresh = await _figures(world)
    other = {key: (kept.get(key), fresh.get(key)) for key in {*kept, *fresh}}
    assert {key: two for key, two in other.items() if two[0] != two[1]} == {}, "kept, and counted anew"


async def _figures(world: World) -> dict[tuple[int, str, str], int]:
    found = await rows(world, "SELECT day, population, cell, number FROM figures")
    return {(row["day"], row["population"], row["cell"]): row["number"] for row in found}


async def the_log_is_whole(world: World) -> None:
    """I21: entries, chain, tree, and every checkpoint that was ever signed hold."""
    await world.app.services.checkpoints.tick(world.database)
    config = world.config
    notes = list(notes_in(config.log_file.read_text("utf-8"))) if config.log_file.exists() else []
    verifiers = LogKey(config.log_key_file).verifiers
    checked = await check(world.database, Wanted(config.database_url, verifiers, notes))
    assert checked.fault is None, f"I21: {checked.fault}"
    assert notes, "I21: nothing was ever signed"
