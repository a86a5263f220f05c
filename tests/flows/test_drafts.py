"""Drafts: a form is begun in the chat, is its owner's alone, holds no room, and goes when it is left."""

import asyncio

import pytest

from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.identity import Assurance
from policybot.domain.particulars import Mistaken
from policybot.domain.taking import View
from policybot.services.verifications import hashed
from policybot.store import filings
from tests.applying import GOOD, PURPOSE, form, invited, state
from tests.flows.test_evidence import shown, vaulted
from tests.flows.test_rights import archive, ask_erase
from tests.world import World, find, user


def token_of(path: str) -> str:
    return path.rpartition("/")[2]


async def seen(world: World, room: str = "") -> View | None:
    return await world.homeserver.view(room or world.room)


async def hand_in(world: World, path: str, **typed: str) -> str:
    """Hand a form in; return the number of its filing."""
    async with world.database.transaction(reading=True) as tx:
        filing = await world.app.services.drafts.filing(tx, token_of(path))
    sight = await seen(world, filing.room_id) if filing.room_id else None
    async with world.database.transaction() as tx:
        applications = world.app.services.applications
        filing = await applications.hand_in(tx, token_of(path), GOOD | typed, sight)
    await world.work()
    return filing.number


async def count(world: World, table: str) -> int:
    async with world.database.transaction(reading=True) as tx:
        return int(await tx.value(f"SELECT COUNT(*) AS value FROM {table}"))  # noqa: S608


async def test_a_room_is_filed_by_its_form_from_the_chat_to_the_record_number(any_world: World) -> None:
    world = any_world
    await world.verified("anna")
    await invited(world)
    path = await form(world)
    assert "works for 30 minutes" in world.told("anna")[-1]
    about = {"kept_by": "organisation", "organisation": "The Society", "languages": "de, en"}
    number = await hand_in(world, path, **about, deputy="@tom:example.org")
    assert f"New filing {number}" in world.in_review()[-1]
    assert f"Your filing is in: {number}" in world.told("anna")[-1]
    assert f"If it was not you: !policy withdraw {number}" in world.told("anna")[-1]
    async with world.database.transaction(reading=True) as tx:
        filing = await filings.get(tx, number)
    assert filing is not None
    assert (filing.about.organisation, filing.about.languages) == ("The Society", ("de", "en"))
    assert (filing.deputy, filing.submitted_at) == ("@tom:example.org", world.clock())
    assert "is approved as PB-2026" in await world.review("ravi", f"!policy approve {number}")


async def test_the_link_is_sent_to_its_owner_alone(world: World) -> None:
    await world.verified("anna")
    await invited(world)
    await world.say("anna", f"!policy file {world.room}", world.room)
    said = world.homeserver.said.values()
    assert [room for room, text in said if "/file/" in text] == [user("anna")]
    await world.review("ravi", "!policy file new")
    assert [room for room, text in said if "/file/" in text] == [user("anna"), user("ravi")]
    assert world.in_review()[-1] == "I have sent the link to the form of F-2 to you alone."


async def test_all_words_still_file_at_once_and_no_form_is_sent(world: World) -> None:
    await world.verified("anna")
    await invited(world)
    answer = await world.say("anna", f"!policy file {world.room} general {PURPOSE}")
    assert "Your filing is in" in answer
    assert await count(world, "filing_links") == 0


async def test_a_category_that_is_given_stands_in_the_form_and_one_that_is_not_there_is_told(
    world: World,
) -> None:
    path = await form(world, what=f"{world.room} GENERAL")
    async with world.database.transaction(reading=True) as tx:
        page = await world.app.services.drafts.page(tx, token_of(path))
    assert page.typed == {"category": "general"}
    answer = await world.say("anna", f"!policy file {world.room} weather")
    assert "There is no category «weather». Categories: general" in answer


async def test_a_room_that_nobody_finds_is_told_before_anything_is_made(world: World) -> None:
    assert "do not find" in await world.say("anna", "!policy file #nowhere:example.org")
    assert "is no room" in await world.say("anna", "!policy file garden")
    assert await count(world, "filings") == 0


async def test_asking_again_opens_the_same_draft_by_a_new_link(world: World) -> None:
    first, second = await form(world), await form(world)
    assert first != second
    third = await form(world, what="f-1")
    assert await count(world, "filings") == 1
    async with world.database.transaction(reading=True) as tx:
        for dead in (first, second):
            with pytest.raises(NotFound, match="a newer one was sent"):
                await world.app.services.drafts.page(tx, token_of(dead))
        assert (await world.app.services.drafts.page(tx, token_of(third))).filing.number == "F-1"


async def test_nobody_else_sees_a_draft_not_even_reviewers(world: World) -> None:
    await form(world)
    for answer in (
        await world.say("tom", "!policy file F-1"),
        await world.review("ravi", "!policy show F-1"),
        await world.review("ravi", "!policy approve F-1"),
        await world.say("tom", "!policy withdraw F-1"),
    ):
        assert "There is no filing F-1 that you can see" in answer
    assert "F-1" not in await world.review("ravi", "!policy queue")


async def test_a_draft_holds_no_room_and_two_owners_are_not_both_let_in(any_world: World) -> None:
    """Both fill in the form for one room; whoever hands in first has it."""
    world = any_world
    for who in ("anna", "tom"):
        await world.verified(who)
    world.homeserver.levels[world.room] = {"users": {user("anna"): 100, user("tom"): 100}}
    await invited(world)
    paths = [await form(world, who) for who in ("anna", "tom")]
    came = await asyncio.gather(*(hand_in(world, p) for p in paths), return_exceptions=True)
    assert sorted(type(one).__name__ for one in came) == ["OutOfOrder", "str"]
    assert any("filed by somebody else" in str(one) for one in came)
    assert sum("New filing" in text for text in world.in_review()) == 1


async def test_of_two_who_hand_one_form_in_at_once_one_does(any_world: World) -> None:
    world = any_world
    await world.verified("anna")
    await invited(world)
    path = await form(world)
    came = await asyncio.gather(*(hand_in(world, path) for _ in range(3)), return_exceptions=True)
    assert came.count("F-1") == 1
    assert sum("New filing" in text for text in world.in_review()) == 1


async def test_handing_in_is_refused_with_every_mistake_and_nothing_is_written(world: World) -> None:
    await world.verified("anna")
    await invited(world)
    path = await form(world)
    with pytest.raises(Mistaken):
        await hand_in(world, path, purpose="", languages="?")
    assert await state(world, "F-1") == "draft"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("encrypted", "encryption cannot be turned off"),
        ("tombstoned", "has been replaced"),
        ("kicked", "I am not in that room"),
        ("demoted", "Only somebody who owns a room"),
        ("filed", "filed by somebody else"),
        ("unsigned", "sign the agreement first"),
    ],
)
async def test_what_changes_while_somebody_writes_is_found_when_they_hand_in(
    world: World, fault: str, said: str
) -> None:
    await world.verified("anna")
    await invited(world)
    path = await form(world)
    rooms = world.homeserver.rooms.state.setdefault(world.room, {})
    match fault:
        case "encrypted":
            rooms["m.room.encryption"] = {"algorithm": "m.megolm.v1.aes-sha2"}
        case "tombstoned":
            rooms["m.room.tombstone"] = {"replacement_room": "!new:example.org"}
        case "kicked":
            del world.homeserver.levels[world.room]
        case "demoted":
            world.homeserver.levels[world.room]["users"] = {user("anna"): 50, user("tom"): 100}
        case "filed":
            world.homeserver.levels[world.room]["users"][user("tom")] = 100
            await world.verified("tom")
            await hand_in(world, await form(world, "tom"))
        case _:
            async with world.database.transaction() as tx:
                await tx.execute("DELETE FROM acceptances")
    async with world.database.transaction(reading=True) as tx:
        filing = await world.app.services.drafts.filing(tx, token_of(path))
        sight = await seen(world)
        found = await world.app.services.applications.conditions(tx, filing, sight)
    assert [said in one.text for one in found if not one.holds] == [True]
    with pytest.raises(Exception, match=said):
        await hand_in(world, path)
    assert await state(world, "F-1") == "draft"


async def test_a_room_on_other_homeservers_alone_is_refused_with_what_to_do(world: World) -> None:
    owner = "@far:elsewhere.org"
    room = await invited(world, owner, "!far:elsewhere.org")
    path = await form(world, owner, room)
    sight = await seen(world, room)
    async with world.database.transaction(reading=True) as tx:
        filing = await world.app.services.drafts.filing(tx, token_of(path))
        found = await world.app.services.applications.conditions(tx, filing, sight)
    (said,) = [one.text for one in found if "lives on other homeservers" in one.text]
    assert "give @policybot:example.org power level 100" in said


async def test_one_room_by_another_alias_is_one_room(world: World) -> None:
    await world.verified("anna")
    room = await invited(world)
    world.aliases |= {"#one:example.org": room, "#two:example.org": room}
    await hand_in(world, await form(world, what="#one:example.org"))
    answer = await world.say("anna", "!policy file #two:example.org")
    assert "filed this room already: F-1" in answer


async def test_a_level_is_asked_for_by_the_kind_that_asks_for_most(world: World) -> None:
    filing_section = world.config.filing
    asks = filing_section.categories[0].model_copy(update={"id": "news", "assurance": Assurance.HIGH})
    changed = filing_section.model_copy(update={"categories": (*filing_section.categories, asks)})
    world.config.filing = changed
    await world.verified("anna")
    await invited(world)
    path = await form(world)
    with pytest.raises(OutOfOrder, match="level «high»"):
        await hand_in(world, path, category="general news")
    assert await hand_in(world, path, category="general") == "F-1"


async def test_a_person_has_so_many_rooms_whatever_account_they_use(world: World) -> None:
    world.config.filing = world.config.filing.model_copy(update={"rooms_per_person": 1})
    await world.verified("anna")
    await invited(world)
    await hand_in(world, await form(world))
    with pytest.raises(Exception, match="One person can have 1 rooms"):
        await hand_in(world, await form(world, what="new"))


async def test_an_organisation_has_so_many_rooms_however_its_name_is_written(any_world: World) -> None:
    world = any_world
    world.config.filing = world.config.filing.model_copy(update={"rooms_per_organisation": 1})
    for who, name in (("anna", "The Society"), ("tom", "\uff34\uff48\uff45 society")):
        await world.verified(who)
        path = await form(world, who, "new")
        about = {"kept_by": "organisation", "organisation": name}
        if who == "anna":
            await hand_in(world, path, **about)
    with pytest.raises(Exception, match="In the name of one organisation 1 rooms"):
        await hand_in(world, path, **about)
    assert await hand_in(world, path, **about | {"organisation": "Another"}) == "F-2"


async def test_a_sixth_draft_is_refused_with_what_to_do(world: World) -> None:
    for _ in range(5):
        await form(world, what="new")
    answer = await world.say("anna", "!policy file new")
    assert "You have 5 drafts: F-5, F-4, F-3, F-2, F-1" in answer
    assert "The draft F-5 is dropped" in await world.say("anna", "!policy withdraw F-5")
    await form(world, what="new")


async def test_a_new_room_gets_the_name_and_topic_of_the_form(world: World) -> None:
    await world.verified("anna")
    number = await hand_in(world, await form(world, what="new"), name="Gardens", topic="All of them")
    await world.review("ravi", f"!policy approve {number}")
    (made,) = [e for e in world.homeserver.performed if type(e).__name__ == "MakeRoom"]
    assert (made.name, made.topic) == ("Gardens", "All of them")  # type: ignore[union-attr]


async def test_a_question_is_answered_on_the_form(any_world: World) -> None:
    world = any_world
    await world.verified("anna")
    await invited(world)
    number = await hand_in(world, await form(world))
    await world.review("ravi", f"!policy ask {number} In which language?")
    path = await form(world, what=number)
    assert "question stands on it" in world.told("anna")[-1]
    async with world.database.transaction(reading=True) as tx:
        page = await world.app.services.drafts.page(tx, token_of(path))
    assert page.filing.reason == "In which language?"
    assert page.typed["purpose"] == PURPOSE
    assert await form(world) != path, "the room leads to the same form"
    path = await form(world, what=number)
    with pytest.raises(Mistaken):
        await hand_in(world, path)
    await hand_in(world, path, answer="In German", languages="de")
    assert await state(world, number) == "in_review"
    assert "the applicant answers: In German" in world.in_review()[-1]
    assert await count(world, "filing_drafts") == 0


async def test_after_a_refusal_one_applies_again_with_the_same_words(any_world: World) -> None:
    world = any_world
    await world.verified("anna")
    await invited(world)
    number = await hand_in(world, await form(world), contact="desk@example.org")
    await world.review("ravi", f"!policy reject {number} It says too little")
    path = await form(world, what=number)
    async with world.database.transaction(reading=True) as tx:
        page = await world.app.services.drafts.page(tx, token_of(path))
    assert page.earlier is not None
    assert (page.earlier.number, page.earlier.reason) == (number, "It says too little")
    assert page.typed["contact"] == "desk@example.org"
    assert await form(world, what=number) != path
    assert await count(world, "filings") == 2, "asked twice, it is one draft"
    again = await hand_in(world, await form(world, what="F-2"), purpose=f"{PURPOSE} and of trees")
    assert again == "F-2"
    assert await state(world, number) == "rejected"
    answer = await world.say("anna", f"!policy file {number}")
    assert "has been filed again since" in answer


async def test_a_form_that_was_handed_in_is_closed(world: World) -> None:
    await world.verified("anna")
    await invited(world)
    path = await form(world)
    await hand_in(world, path)
    async with world.database.transaction() as tx:
        with pytest.raises(OutOfOrder, match="F-1 was handed in and is waiting for a reviewer"):
            await world.app.services.drafts.save(tx, token_of(path), {"purpose": "Another"})
    assert "its form is closed" in await world.say("anna", "!policy file F-1")


async def test_a_link_works_for_minutes_longer_while_one_writes_and_a_day_at_most(
    any_world: World,
) -> None:
    world, drafts = any_world, any_world.app.services.drafts
    token = token_of(await form(world))
    for _ in range(60):
        world.clock.pass_time(minutes=24)
        try:
            async with world.database.transaction() as tx:
                await drafts.save(tx, token, {"purpose": "More and more"})
        except NotFound:
            break
    hours = (world.clock() - drafts._setting.now().replace(hour=9, minute=0, day=2)).total_seconds()
    assert 23.5 * 3600 <= hours <= 24.5 * 3600
    await world.tick()
    assert await count(world, "filing_links") == 0
    token = token_of(await form(world, what="F-1"))
    async with world.database.transaction(reading=True) as tx:
        assert (await drafts.page(tx, token)).typed == {"purpose": "More and more"}
    world.clock.pass_time(minutes=31)
    async with world.database.transaction(reading=True) as tx:
        with pytest.raises(NotFound):
            await drafts.page(tx, token)


async def test_a_link_is_stored_as_its_hash(world: World) -> None:
    token = token_of(await form(world))
    async with world.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT * FROM filing_links")
    assert [row["token_hash"] for row in rows] == [hashed(token)]


async def test_a_draft_is_forgotten_a_month_after_its_last_change_with_its_files(
    any_world: World,
) -> None:
    world = any_world
    path = await form(world)
    await shown(world, "F-1")
    async with world.database.transaction() as tx:
        await world.app.services.drafts.save(tx, token_of(path), {"purpose": "Gardens"})
    await world.tick(days=29)
    assert await count(world, "filings") == 1
    await world.tick(days=1, hours=1)
    assert [await count(world, t) for t in ("filings", "filing_drafts", "evidence_files")] == [0, 0, 0]
    assert await vaulted(world) == 0
    assert "no filing F-1" in await world.say("anna", "!policy file F-1")


async def test_a_draft_that_is_dropped_leaves_nothing(any_world: World) -> None:
    world = any_world
    await form(world)
    await shown(world, "F-1")
    assert "and its files with it" in await world.say("anna", "!policy withdraw F-1")
    assert [await count(world, t) for t in ("filings", "filing_drafts", "filing_links")] == [0, 0, 0]
    assert await vaulted(world) == 0


async def test_a_draft_under_a_legal_hold_stays(world: World) -> None:
    await world.verified("anna")
    await form(world)
    async with world.database.transaction() as tx:
        until = world.clock().replace(year=world.clock().year + 1)
        await world.app.services.privacy.hold(tx, user("anna"), "a court", until)
    assert "A legal hold lies on F-1" in await world.say("anna", "!policy withdraw F-1")
    await world.tick(days=40)
    assert await count(world, "filing_drafts") == 1


async def test_a_draft_is_in_the_export_hinders_no_erasure_and_goes_with_it(any_world: World) -> None:
    world = any_world
    await world.verified("anna")
    path = await form(world)
    await shown(world, "F-1")
    async with world.database.transaction() as tx:
        await world.app.services.drafts.save(tx, token_of(path), {"contact": "desk@example.org"})
    exported = await archive(world, "anna")
    assert exported["shown.json"]["F-1"] == [{"contact": "desk@example.org"}]
    assert "forgotten here" in await ask_erase(world, "anna")
    tables = ("filings", "filing_drafts", "filing_links", "evidence_files")
    assert [await count(world, table) for table in tables] == [0, 0, 0, 0]


async def test_the_answer_by_command_closes_the_form_too(world: World) -> None:
    await world.verified("anna")
    await invited(world)
    number = await hand_in(world, await form(world))
    await world.review("ravi", f"!policy ask {number} Why?")
    path = await form(world, what=number)
    async with world.database.transaction() as tx:
        await world.app.services.drafts.save(tx, token_of(path), {"answer": "Because"})
    assert find("is with the reviewer again", await world.say("anna", f"!policy answer {number} So"))
    assert await count(world, "filing_drafts") == 0
