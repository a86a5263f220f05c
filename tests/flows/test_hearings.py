"""Appeals of every kind are heard alike: taken, asked about, added to, weighed, hastened, taken back."""

from pathlib import Path
from typing import Any

import pytest

from policybot.store import exports
from tests.flows.test_filing_appeals import QUALIFIED, STAFF, WHY, filed, refused, taken_back
from tests.flows.test_qualifications import marks
from tests.reporting import dismissed
from tests.world import World, find, user
from tests.world import world as make_world

FACTS = "Threatened a neighbour // As said before"
EVERYTHING: dict[str, Any] = QUALIFIED | {"staff": STAFF | {user("zoe"): ["reviewer", "appeals"]}}
"""Ravi and Zoe decide appeals, and Otto, who has a part in each."""


async def filing(world: World) -> tuple[str, str]:
    """Have a filing refused by Otto, and appealed by Anna."""
    number = await filed(world)
    await world.review("otto", f"!policy reject {number} The purpose does not fit")
    assert "is in" in await world.say("anna", f"!policy appeal {number} {WHY}")
    return number, "anna"


async def qualification(world: World) -> tuple[str, str]:
    """Have a qualification refused by Otto, and appealed by Anna."""
    await refused(world)
    assert "is in" in await world.say("anna", f"!policy appeal Q-1 {WHY}")
    return "Q-1", "anna"


async def answer(world: World) -> tuple[str, str]:
    """Have Mira find no breach in what Lea reported, and Lea object."""
    await world.governed_room()
    _, (receipt,) = await dismissed(world, "lea")
    assert "is in" in await world.say("lea", f"!policy object {receipt} {WHY}")
    return receipt, "lea"


KINDS = {one.__name__: one for one in (filing, qualification, answer)}
SHOWN = {
    "filing": "Purpose: Neighbours talk of gardens",
    "qualification": "Evidence:",
    "answer": "Answered: no breach, on 2 March 2026",
}


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    """Name what is appealed."""
    return str(request.param)


async def seated(world: World, who: str = "zoe") -> None:
    """Let somebody into the review room."""
    async with world.database.transaction() as tx:
        await tx.execute(
            "INSERT INTO review_members (user_id) VALUES ($1) ON CONFLICT DO NOTHING", user(who)
        )


async def test_each_is_heard_as_an_appeal_against_a_decision_is(
    tmp_path: Path, database_url: str, kind: str
) -> None:
    """I20: a question stops the clock; one reviewer at a time; nothing is done by weighing."""
    async with make_world(tmp_path, database_url, **EVERYTHING) as world:
        n, who = await KINDS[kind](world)
        await seated(world)
        assert f"{n} against the" in await world.review("ravi", "!policy queue appeals")
        assert "is yours until" in await world.review("ravi", f"!policy claim {n}")
        assert "is with @ravi" in await world.review("zoe", f"!policy uphold {n} It stands, I say")
        assert "with @ravi" in await world.review("zoe", "!policy queue appeals")
        brief = await world.review("ravi", f"!policy brief {n}")
        for said in (SHOWN[kind], f"The person writes: {WHY}", f"!policy ask {n} TEXT"):
            assert said in brief, brief
        world.clock.pass_time(days=3)
        assert "Asked." in await world.review("ravi", f"!policy ask {n} Since when is it so?")
        assert "Since when is it so?" in world.told(who)[-1]
        assert "waits for your answer" in await world.say(who, f"!policy status {n}")
        await world.tick(days=20)
        assert not any("should have been answered" in text for text in world.in_review())
        assert "29 March 2026" in await world.say(who, f"!policy add {n} Since the spring")
        assert "Since the spring" in await world.review("ravi", f"!policy brief {n}")
        assert "is added" in await world.say(who, f"!policy add {n} And before that")
        assert "no appeal of yours" in await world.say("tom", f"!policy add {n} Me too")
        assert "goes before others" in await world.review("ravi", f"!policy hasten {n} They wait long")
        assert "treated as urgent" in world.told(who)[-1]
        seen = await world.review("ravi", f"!policy weigh {n} uphold As everybody can see")
        assert "nothing is done yet" in seen
        assert "> Reasons: As everybody can see" in seen
        assert "waits to be decided" in await world.say(who, f"!policy status {n}")
        assert "anybody's again" in await world.review("ravi", f"!policy release {n}")
        assert "stands" in await world.review("zoe", f"!policy uphold {n} As everybody can see")
        assert "As everybody can see" in world.told(who)[-1]
        assert "decided already" in await world.say(who, f"!policy add {n} But look")


async def test_each_can_be_taken_back_and_made_once_more_in_time(
    tmp_path: Path, database_url: str, kind: str
) -> None:
    async with make_world(tmp_path, database_url, **EVERYTHING) as world:
        n, who = await KINDS[kind](world)
        verb = "object" if kind == "answer" else "appeal"
        assert "is taken back, and the" in await world.say(who, f"!policy withdraw {n}")
        assert "was taken back by whoever made it" in world.in_review()[-1]
        assert "Nothing waits" in await world.review("ravi", "!policy queue appeals")
        assert f"!policy {verb} {n}" in await world.say(who, f"!policy status {n}")
        assert "is in" in await world.say(who, f"!policy {verb} {n} I have slept over it")
        assert "I have slept over it" in await world.review("ravi", f"!policy brief {n}")
        assert "one for each decision" in await world.say(who, f"!policy {verb} {n} And again")
        await world.say(who, f"!policy withdraw {n}")
        assert "a third time" in await world.say(who, f"!policy {verb} {n} I have thought more")


async def test_whoever_had_a_part_hears_of_none(tmp_path: Path, database_url: str, kind: str) -> None:
    """I14, for each act on each kind."""
    async with make_world(tmp_path, database_url, **EVERYTHING) as world:
        n, _ = await KINDS[kind](world)
        party = "otto"
        if kind == "answer":
            async with world.database.transaction() as tx:
                await tx.execute("INSERT INTO appeal_parties VALUES (1, $1, 'decider')", user("otto"))
        assert "against the" not in await world.review(party, "!policy queue appeals")
        for act in ("brief", "claim", "release", "ask Why?", "hasten Quickly", "weigh uphold So it is"):
            verb, _, rest = act.partition(" ")
            said = await world.review(party, f"!policy {verb} {n} {rest}".strip())
            assert "you decided it" in said, (act, said)
            assert WHY not in said


async def test_whoever_had_a_part_reads_that_in_their_export(
    tmp_path: Path, database_url: str, kind: str
) -> None:
    async with make_world(tmp_path, database_url, **EVERYTHING) as world:
        n, author = await KINDS[kind](world)
        part = next(one for one in exports.OF_ACCOUNT if one.name == "appeal_parties")
        decider = "mira" if kind == "answer" else "otto"
        async with world.database.transaction(reading=True) as tx:
            found = await exports.rows(tx, part, user(decider))
            assert {row["number"] for row in found} == {n}
            assert "decider" in {row["why"] for row in found}
            assert await exports.rows(tx, part, user(author)) == [], "only as a reviewer"


async def test_a_revocation_rests_holds_again_when_taken_back_and_rests_once_more(
    tmp_path: Path, database_url: str
) -> None:
    async with make_world(tmp_path, database_url, **EVERYTHING) as world:
        await taken_back(world)
        for turn in range(2):
            assert "shows it again" in await world.say("anna", f"!policy appeal Q-1 {WHY} {turn}")
            assert "Reason:" not in await world.say("anna", "!policy status Q-1")
            assert marks(world)
            assert "the revocation stands" in await world.say("anna", "!policy withdraw Q-1")
            assert not marks(world)
            assert "Reason: The chamber" in await world.say("anna", "!policy status Q-1")


async def test_what_two_people_insisted_on_holds_also_when_the_appeal_is_made_again(
    tmp_path: Path,
) -> None:
    """Else whoever appeals would only have to do it twice; and who insisted still does not decide."""
    staff = EVERYTHING["staff"] | {user("nils"): ["moderator", "appeals"]}
    async with make_world(tmp_path, **EVERYTHING | {"staff": staff}) as world:
        await taken_back(world)
        await seated(world, "nils")
        await world.say("anna", f"!policy appeal Q-1 {WHY}")
        said = await world.review("nils", "!policy insist Q-1 People come to harm by it")
        code = find(r"(?<=!policy confirm )\w+", said)
        await world.review("mira", f"!policy confirm {code}")
        await world.say("anna", "!policy withdraw Q-1")
        again = await world.say("anna", f"!policy appeal Q-1 {WHY}")
        assert "shows it again" not in again
        assert "because: People come to harm by it" in await world.say("anna", "!policy status Q-1")
        assert "you proposed it" in await world.review("nils", "!policy uphold Q-1 It does harm")


async def test_a_decision_is_appealed_again_after_that_was_taken_back(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    case = await world.reported()
    await world.review("mira", f"!policy decide {case} R2 S3 restrict:P30D {FACTS}")
    for turn in range(2):
        assert "is in" in await world.say("tom", f"!policy appeal {case} It was a joke, {turn}")
        assert "is taken back" in await world.say("tom", f"!policy withdraw {case}")
        said = await world.say("tom", f"!policy status {case}")
        assert ("You can appeal until" in said) == (turn == 0), said
    assert "a third time" in await world.say("tom", f"!policy appeal {case} It was a joke, truly")
    world.clock.pass_time(days=184)
    other = await world.reported(offender="zoe")
    await world.review("mira", f"!policy decide {other} R2 S3 restrict:P30D {FACTS}")
    await world.say("zoe", f"!policy appeal {other} It was a joke as well")
    await world.say("zoe", f"!policy withdraw {other}")
    world.clock.pass_time(days=184)
    assert "The time to appeal ended" in await world.say("zoe", f"!policy appeal {other} A joke")


async def test_an_appeal_that_succeeds_in_part_is_said_before_the_milder_decision(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    case = await world.reported()
    await world.review("mira", f"!policy decide {case} R2 S3 restrict:P30D {FACTS}")
    await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    before = len(world.told("tom"))
    await world.review("ravi", f"!policy modify {case} warn A milder one is enough")
    first, *later = world.told("tom")[before:]
    assert "succeeded in part" in first
    assert any("Measure: a warning" in text for text in later), later


async def test_each_is_let_in_after_its_time_for_good_cause(
    tmp_path: Path, database_url: str, kind: str
) -> None:
    """I14 holds for this, too: who had a part in the matter does not let it in."""
    async with make_world(tmp_path, database_url, **EVERYTHING) as world:
        n, who = await KINDS[kind](world)
        verb = "object" if kind == "answer" else "appeal"
        said = await world.review("ravi", f"!policy admit {n} They were ill")
        assert said == f"Nothing about {n} could still be appealed."
        await world.say(who, f"!policy withdraw {n}")
        assert "not over" in await world.review("ravi", f"!policy admit {n} They were ill")
        world.clock.pass_time(days=184)
        said = await world.say(who, f"!policy {verb} {n} {WHY}")
        assert "ended on 1 September 2026" in said
        assert "still be let in" in said
        party = "mira" if kind == "answer" else "otto"
        if kind != "answer":
            assert "you decided it" in await world.review(party, f"!policy admit {n} They were ill")
        answer = await world.review("ravi", f"!policy admit {n} They were ill until yesterday")
        assert answer == f"{n} can be appealed for 14 more days; the person is told, with your reason."
        assert "They were ill until yesterday" in world.told(who)[-1]
        assert f"!policy {verb} {n}" in world.told(who)[-1]
        world.clock.pass_time(days=13)
        assert "is in" in await world.say(who, f"!policy {verb} {n} {WHY}")
        await world.tick(days=2)
        async with world.database.transaction(reading=True) as tx:
            assert await tx.fetch("SELECT 1 AS one FROM appeal_admissions") == []


async def test_only_what_somebody_called_unfounded_can_end_as_founded(world: World) -> None:
    await world.governed_room()
    _, receipts = await dismissed(world, "lea", "zoe")
    await world.review("mira", f"!policy unfounded {receipts[1]} Nobody could mean that honestly")
    for who, receipt, can in (("lea", receipts[0], False), ("zoe", receipts[1], True)):
        assert "is in" in await world.say(who, f"!policy object {receipt} {WHY}")
        brief = await world.review("ravi", f"!policy brief {receipt}")
        assert (f"!policy modify {receipt} founded" in brief) == can


async def test_a_new_owner_reads_that_it_was_appealed_already(world: World) -> None:
    record = await world.governed_room()
    await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
    words = "!policy decide C-1 R2 S2 warn The room agreed to hunt a neighbour // No other way"
    await world.review("mira", words)
    assert "is in" in await world.say("anna", f"!policy appeal C-1 {WHY}")
    await world.review("ravi", "!policy uphold C-1 So it was, as everybody can read")
    await world.verified("tom")
    await world.say("anna", f"!policy transfer {record} @tom:example.org")
    await world.say("tom", f"!policy accept {record}")
    assert "It was appealed already." in await world.say("tom", "!policy status C-1")
