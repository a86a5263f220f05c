"""Appeals about filings: a refusal or a revocation is looked at by somebody without a part in it."""

from pathlib import Path
from typing import Any

import pytest

from policybot.domain.party import Why
from tests.flows.test_qualifications import CHANGES, EVIDENCE, claimed, marks
from tests.world import World, find, user
from tests.world import world as make_world

STAFF = {
    user("mira"): ["moderator", "reviewer"],
    user("otto"): ["appeals", "reviewer"],
    user("ravi"): ["reviewer", "appeals"],
}
WHY = "The garden is open to everybody, as its page says"


async def filed(world: World) -> str:
    await world.verified("anna")
    world.homeserver.levels[world.room] = {"users": {user("anna"): 100}}
    await world.deliver(
        type="m.room.member",
        room_id=world.room,
        sender=user("anna"),
        state_key="@policybot:example.org",
        content={"membership": "invite"},
    )
    answer = await world.say("anna", f"!policy file {world.room} general Neighbours talk of gardens")
    return find(r"F-\d+", answer)


async def test_a_refused_filing_is_looked_at_by_another_and_reviewed_by_others(
    tmp_path: Path, database_url: str
) -> None:
    """I14: whoever refused it decides neither the appeal nor the filing again."""
    async with make_world(tmp_path, database_url, staff=STAFF) as world:
        number = await filed(world)
        assert "nothing to appeal" in await world.say("anna", f"!policy appeal {number} {WHY}")
        await world.review("otto", f"!policy reject {number} The purpose does not fit")
        assert f"!policy appeal {number}" in world.told("anna")[-1]
        way = f"If you think that it is wrong: !policy appeal {number} YOUR REASONS"
        assert way in await world.say("anna", f"!policy status {number}")
        assert "no filing" in await world.say("tom", f"!policy appeal {number} {WHY}")
        answer = await world.say("anna", f"!policy appeal {number} {WHY}")
        assert "should be answered by 9 March 2026" in answer
        assert "one for each decision" in await world.say("anna", f"!policy appeal {number} {WHY}")
        assert way not in await world.say("anna", f"!policy status {number}")
        assert "The purpose does not fit" in world.in_review()[-1]
        assert number not in await world.review("otto", "!policy queue appeals")
        assert number in await world.review("ravi", "!policy queue appeals")
        answer = await world.review("otto", f"!policy overturn {number} It fits well enough")
        assert "you decided it" in answer
        answer = await world.review("ravi", f"!policy overturn {number} It fits well enough")
        assert "waiting for a reviewer now" in answer
        assert "with other reviewers again" in world.told("anna")[-1]
        assert "was right: somebody else" in await world.review("otto", f"!policy approve {number}")
        assert "is approved" in await world.review("mira", f"!policy approve {number}")


async def test_what_others_refuse_again_after_an_appeal_can_be_appealed_as_well(
    tmp_path: Path, database_url: str
) -> None:
    """Each decision can be appealed once: that of the second reviewer is another one."""
    async with make_world(tmp_path, database_url, staff=STAFF) as world:
        number = await filed(world)
        await world.review("otto", f"!policy reject {number} The purpose does not fit")
        await world.say("anna", f"!policy appeal {number} {WHY}")
        await world.review("ravi", f"!policy overturn {number} It fits well enough")
        await world.review("mira", f"!policy reject {number} The name misleads people")
        assert f"!policy appeal {number}" in await world.say("anna", f"!policy status {number}")
        assert "is in" in await world.say(
            "anna", f"!policy appeal {number} The name is that of the place"
        )
        assert "The name misleads people" in await world.review("ravi", f"!policy brief {number}")
        await world.review("ravi", f"!policy uphold {number} It does mislead them")
        answer = await world.say("anna", f"!policy appeal {number} The name is that of the place")
        assert "was decided already" in answer


async def test_a_refusal_that_stands_is_explained_and_can_be_appealed_once(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"operator.appeal_body": "the Ombudsperson", "staff": STAFF}
    async with make_world(tmp_path, **changes) as world:
        number = await filed(world)
        await world.review("otto", f"!policy reject {number} The purpose does not fit")
        world.clock.pass_time(days=184)
        late = await world.say("anna", f"!policy appeal {number} {WHY}")
        assert "ended on 1 September 2026" in late
        world.clock.pass_time(days=-10)
        await world.say("anna", f"!policy appeal {number} {WHY}")
        await world.tick(days=8)
        assert any("should have been answered" in t and number in t for t in world.in_review())
        assert "Your moderators were reminded" in await world.say("anna", f"!policy status {number}")
        await world.review("ravi", f"!policy uphold {number} No garden is near this place")
        assert "the refusal stands" in world.told("anna")[-1]
        assert "You can still turn to the Ombudsperson." in world.told("anna")[-1]
        assert ": the refusal stands." in await world.say("anna", f"!policy status {number}")
        assert "one for each decision" in await world.say("anna", f"!policy appeal {number} {WHY}")
        assert "No appeal waits" in await world.review("ravi", f"!policy overturn {number} But still")


@pytest.mark.parametrize("rests", [True, False])
@pytest.mark.parametrize("verdict", ["overturn", "uphold"])
async def test_a_revocation_rests_where_configured_and_is_taken_back_if_it_was_wrong(
    tmp_path: Path, verdict: str, *, rests: bool
) -> None:
    staff = STAFF | {user("zoe"): ["reviewer"]}
    changes: dict[str, Any] = {"staff": staff, "appeals": {"revocations_rest": rests}}
    async with make_world(tmp_path, **changes) as world:
        async with world.database.transaction() as tx:
            await tx.execute("INSERT INTO review_members (user_id) VALUES ($1)", user("zoe"))
        number = await filed(world)
        await world.review("zoe", f"!policy approve {number}")
        async with world.database.transaction(reading=True) as tx:
            record = await tx.value("SELECT record_number AS value FROM filings")
        answer = await world.review("mira", f"!policy revoke {record} Nobody answers for it any more")
        code = find(r"(?<=!policy confirm )\w+", answer)
        await world.review("otto", f"!policy confirm {code}")
        assert world.room not in world.homeserver.directory
        assert f"!policy appeal {record}" in world.told("anna")[-1]
        answer = await world.say("anna", f"!policy appeal {record} I am here and I answer")
        assert "is in" in answer
        assert ("shown again meanwhile" in answer) == rests
        assert (world.room in world.homeserver.directory) == rests
        answer = await world.review("otto", f"!policy overturn {record} She does answer")
        assert "you confirmed it" in answer
        brief = await world.review("ravi", f"!policy brief {record}")
        assert f"by {user('mira')} and {user('otto')}: Nobody answers" in brief
        assert user("zoe") not in brief, "she had approved it"
        await world.review("ravi", f"!policy {verdict} {record} So it is, as everybody can see")
        wrong = verdict == "overturn"
        assert (world.room in world.homeserver.directory) == wrong
        assert (world.homeserver.labels.get(world.room) == record) == wrong
        told = [text for text in world.told("anna") if "So it is" in text]
        assert len(told) == 1
        assert ("holds again" if wrong else "the revocation stands") in told[0]
        assert sum("was revoked. Reason" in text for text in world.told("anna")) == 1
        lookup = await world.say("tom", f"!policy lookup {record}")
        assert ("revoked" in lookup) != wrong, lookup


@pytest.mark.parametrize("rests", [True, False])
async def test_a_suspended_room_is_not_shown_because_its_revocation_is_appealed(
    tmp_path: Path, database_url: str, *, rests: bool
) -> None:
    """Each of the two holds for itself: the room is shown when the suspension ends, and not before."""
    staff = STAFF | {user("zoe"): ["reviewer"], user("otto"): ["moderator"]}
    changes: dict[str, Any] = {"staff": staff, "appeals": {"revocations_rest": rests}}
    async with make_world(tmp_path, database_url, **changes) as world:
        async with world.database.transaction() as tx:
            await tx.execute("INSERT INTO review_members (user_id) VALUES ($1)", user("zoe"))
        number = await filed(world)
        await world.review("zoe", f"!policy approve {number}")
        record = world.homeserver.labels[world.room]
        await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
        words = "R2 S4 suspend:P20D The room agreed to hunt a neighbour // It is the first time"
        answer = await world.review("mira", f"!policy decide C-1 {words}")
        await world.review("otto", f"!policy confirm {find(r'(?<=confirm )[A-Z0-9]+', answer)}")
        assert world.homeserver.directory == set()
        answer = await world.review("mira", f"!policy revoke {record} Nobody answers for it any more")
        await world.review("zoe", f"!policy confirm {find(r'(?<=confirm )[A-Z0-9]+', answer)}")
        answer = await world.say("anna", f"!policy appeal {record} I am here and I answer")
        assert "is shown" not in answer
        assert ("rests meanwhile, but the room is suspended" in answer) == rests
        assert world.homeserver.directory == set()
        await world.review("ravi", f"!policy overturn {record} She does answer")
        assert "not shown: it is suspended" in world.told("anna")[-1]
        assert (world.homeserver.directory, world.homeserver.labels) == (set(), {})
        await world.tick(days=31)
        assert world.homeserver.directory == {world.room}
        assert world.homeserver.labels == {world.room: record}


async def test_a_room_that_is_filed_anew_by_now_has_nothing_to_appeal(tmp_path: Path) -> None:
    async with make_world(tmp_path, staff=STAFF) as world:
        number = await filed(world)
        await world.review("otto", f"!policy reject {number} The purpose does not fit")
        await world.say("anna", f"!policy appeal {number} {WHY}")
        again = await world.say("anna", f"!policy file {world.room} general Neighbours talk of trees")
        newer = find(r"F-\d+", again)
        answer = await world.review("ravi", f"!policy overturn {number} It fits well enough")
        assert f"filed anew as {newer}" in answer
        await world.review("ravi", f"!policy uphold {number} It is filed anew anyway")
        assert "the refusal stands" in world.told("anna")[-1]


async def test_the_database_refuses_a_party_as_the_reviewer_of_a_filings_appeal(
    tmp_path: Path, database_url: str
) -> None:
    """I14, by plain SQL, for each kind of party."""
    async with make_world(tmp_path, database_url, staff=STAFF) as world:
        number = await filed(world)
        await world.review("otto", f"!policy reject {number} The purpose does not fit")
        await world.say("anna", f"!policy appeal {number} {WHY}")
        decide = "UPDATE appeals SET reviewer = $1, state = 'upheld'"
        for why in Why:
            async with world.database.transaction() as tx:
                await tx.execute(
                    "INSERT INTO appeal_parties VALUES (1, $1, $2)", f"@{why}:x.org", why.value
                )
            with pytest.raises(Exception, match="the reviewer had a part in the matter"):
                async with world.database.transaction() as tx:
                    await tx.execute(decide, f"@{why}:x.org")
        for who in ("otto", "anna"):
            with pytest.raises(Exception, match="the reviewer had a part in the matter"):
                async with world.database.transaction() as tx:
                    await tx.execute(decide, user(who))
        async with world.database.transaction() as tx:
            await tx.execute(decide, user("ravi"))


QUALIFIED: dict[str, Any] = CHANGES | {"staff": STAFF | {user("zoe"): ["reviewer"]}}


async def refused(world: World) -> None:
    """Have Otto refuse that Anna's room is qualified, as Q-1."""
    async with world.database.transaction() as tx:
        await tx.execute("INSERT INTO review_members (user_id) VALUES ($1)", user("zoe"))
    await claimed(world, await world.governed_room())
    await world.review("otto", "!policy reject Q-1 The licence has run out")


async def taken_back(world: World) -> None:
    """Have Mira propose and Otto confirm that a qualification of Anna's room is revoked, as Q-1."""
    async with world.database.transaction() as tx:
        await tx.execute("INSERT INTO review_members (user_id) VALUES ($1)", user("zoe"))
    await claimed(world, await world.governed_room())
    await world.review("zoe", "!policy grant Q-1")
    answer = await world.review("mira", "!policy revoke Q-1 The chamber withdrew the licence")
    code = find(r"(?<=!policy confirm )\w+", answer)
    await world.review("otto", f"!policy confirm {code}")


async def test_a_refused_qualification_is_appealed_and_decided_anew_by_others(
    tmp_path: Path, database_url: str
) -> None:
    """I14: whoever refused it decides neither the appeal nor the qualification again."""
    async with make_world(tmp_path, database_url, **QUALIFIED) as world:
        await refused(world)
        assert "!policy appeal Q-1 YOUR REASONS" in world.told("anna")[-1]
        assert "no Q-1 that you can see" in await world.say("tom", f"!policy appeal Q-1 {WHY}")
        answer = await world.say("anna", f"!policy appeal Q-1 {WHY}")
        assert "Your appeal about Q-1, against the refusal, is in" in answer
        assert "one for each decision" in await world.say("anna", f"!policy appeal Q-1 {WHY}")
        for said in ("The reason was: The licence has run out", EVIDENCE, WHY):
            assert said in world.in_review()[-1]
        assert "against the refusal" not in await world.review("otto", "!policy queue appeals")
        assert "Q-1 against the refusal" in await world.review("ravi", "!policy queue appeals")
        assert "waits to be decided" in await world.say("anna", "!policy status Q-1")
        answer = await world.review("otto", "!policy overturn Q-1 It runs until next year")
        assert "you decided it" in answer
        card = await world.review("ravi", "!policy overturn Q-1 It runs until next year")
        assert "Q-1: the refusal is void; it is waiting for a reviewer now." in world.in_review()
        assert "Next: !policy grant Q-1" in card
        assert "Your appeal about Q-1 succeeded. It is with other reviewers" in world.told("anna")[-1]
        answer = await world.review("otto", "!policy grant Q-1")
        assert "the appeal against that was right: somebody else" in answer
        assert "is granted until" in await world.review("mira", "!policy grant Q-1")
        assert marks(world)


@pytest.mark.parametrize("rests", [True, False])
@pytest.mark.parametrize("verdict", ["overturn", "uphold"])
async def test_a_revoked_qualification_is_shown_while_that_is_decided_where_configured(
    tmp_path: Path, verdict: str, *, rests: bool
) -> None:
    changes = QUALIFIED | {"appeals": {"revocations_rest": rests}}
    async with make_world(tmp_path, **changes) as world:
        await taken_back(world)
        assert "!policy appeal Q-1 YOUR REASONS" in world.told("anna")[-1]
        answer = await world.say("anna", f"!policy appeal Q-1 {WHY}")
        assert ("The label shows it again meanwhile" in answer) == rests
        assert bool(marks(world)) == rests
        for party, part in (("mira", "proposed"), ("otto", "confirmed")):
            answer = await world.review(party, f"!policy {verdict} Q-1 So I see it")
            assert f"you {part} it" in answer or party == "mira", "she does not decide appeals at all"
        brief = await world.review("ravi", "!policy brief Q-1")
        assert f"by {user('mira')} and {user('otto')}: " in brief
        await world.review("ravi", f"!policy {verdict} Q-1 So it is, as everybody can see")
        wrong = verdict == "overturn"
        assert bool(marks(world)) == wrong
        told = [text for text in world.told("anna") if "So it is" in text]
        assert len(told) == 1
        assert ("The qualification holds again" if wrong else "the revocation stands") in told[0]
        assert sum("was revoked (Q-1)" in text for text in world.told("anna")) == 1
        assert ("granted" if wrong else "revoked") in await world.say("anna", "!policy status Q-1")


async def test_what_was_asked_for_anew_by_now_is_not_given_twice(tmp_path: Path) -> None:
    async with make_world(tmp_path, **QUALIFIED) as world:
        await refused(world)
        await world.say("anna", f"!policy appeal Q-1 {WHY}")
        record = world.homeserver.labels[world.room]
        assert await claimed(world, record) == "Q-2"
        answer = await world.review("ravi", "!policy overturn Q-1 It runs until next year")
        assert "«Medical advice» is waiting for a reviewer as Q-2: that counts now." in answer
        await world.review("ravi", "!policy uphold Q-1 It was asked for anew")
        assert "the refusal stands" in world.told("anna")[-1]
        assert "nothing to appeal" in await world.say("anna", f"!policy appeal Q-2 {WHY}")


async def test_a_qualification_that_ends_while_its_revocation_rests_stays_ended(tmp_path: Path) -> None:
    async with make_world(tmp_path, **QUALIFIED) as world:
        await taken_back(world)
        await world.say("anna", f"!policy appeal Q-1 {WHY}")
        await world.tick(days=91)
        assert marks(world) == []
        await world.review("ravi", "!policy uphold Q-1 The licence was withdrawn")
        assert "the revocation stands" in world.told("anna")[-1]
        assert "expired" in await world.say("anna", "!policy status Q-1")


async def test_somebody_outside_decides_about_a_filing_that_nobody_inside_can(
    tmp_path: Path,
) -> None:
    staff = {user("mira"): ["moderator"], user("otto"): ["moderator", "appeals", "reviewer"]}
    outside = "@dana:elsewhere.org"
    changes: dict[str, Any] = {"staff": staff, "appeals": {"external_reviewers": [outside]}}
    async with make_world(tmp_path, **changes) as world:
        number = await filed(world)
        hidden = await world.say(outside, f"!policy uphold {number} Nothing is yours here")
        await world.review("otto", f"!policy reject {number} The purpose does not fit")
        await world.say("anna", f"!policy appeal {number} {WHY}")
        assert "is asked, from outside" in world.in_review()[-1]
        for said in ("asks you to decide an appeal", "Neighbours talk of gardens", WHY):
            assert said in world.told(outside)[-1]
        assert hidden == await world.say(outside, "!policy uphold F-9 Nothing is yours here")
        assert hidden == await world.say(outside, "!policy uphold R-9 Nothing is yours here")
        brief = await world.say(outside, f"!policy brief {number}")
        assert "Purpose: Neighbours talk of gardens" in brief
        await world.say(outside, f"!policy ask {number} How many gardens are there?")
        assert "How many gardens" in world.told("anna")[-1]
        await world.say("anna", f"!policy add {number} Three of them")
        assert "Three of them" in world.told(outside)[-1]
        told = [brief, *world.told(outside)]
        assert not any(user("otto") in text for text in told), "who decided is no business of it"
        answer = await world.say(outside, f"!policy overturn {number} It fits well enough")
        assert f"{number}: the refusal is void" in answer
        assert "with other reviewers again" in world.told("anna")[-1]


async def test_somebody_outside_decides_an_objection_that_nobody_inside_can(tmp_path: Path) -> None:
    staff = {user("mira"): ["moderator"], user("otto"): ["moderator", "appeals"]}
    outside = "@dana:elsewhere.org"
    changes: dict[str, Any] = {"staff": staff | {user("ravi"): ["reviewer"]}}
    changes["appeals"] = {"external_reviewers": [outside]}
    async with make_world(tmp_path, **changes) as world:
        await world.governed_room()
        case = await world.reported()
        hidden = await world.say(outside, "!policy overturn R-1 Nothing is yours here")
        await world.review("otto", f"!policy dismiss {case} Nothing is offered for sale here")
        await world.say("lea", "!policy object R-1 It is an advert as plain as can be")
        assert "is asked, from outside" in world.in_review()[-1]
        for said in ("asks you to decide an appeal", "Reported was", "as plain as can be"):
            assert said in world.told(outside)[-1], world.told(outside)
        for words in ("overturn R-9", "modify R-9 founded", "uphold R-9"):
            assert hidden == await world.say(outside, f"!policy {words} Nothing is yours here")
        brief = await world.say(outside, "!policy brief R-1")
        assert "Answered: no breach" in brief
        assert not any(user(who) in brief for who in ("otto", "lea"))
        answer = await world.say(outside, "!policy uphold R-1 Nothing was offered for money")
        assert "R-1" in answer
        assert "stands" in answer
        assert "Nothing was offered for money" in world.told("lea")[-1]
