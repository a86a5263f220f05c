"""Documents: reviewers decide on what they see, know no account, and nothing is kept for long."""

import asyncio
import base64
import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from policybot.config import load
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder
from policybot.domain.private import Private
from policybot.store import members
from policybot.store.database import Stale
from policybot.store.members import Span
from tests import files
from tests.papers import ANNA, NAME, NUMBER, OFFERED, RAVI, handed_in, page_code, seen
from tests.world import REVIEW, World
from tests.world import world as make_world

OTHER = "@rita:example.org"
STAFF: Any = {
    "@mira:example.org": ["moderator"],
    "@otto:example.org": ["moderator", "appeals"],
    RAVI: ["reviewer", "appeals"],
    OTHER: ["reviewer"],
}


@pytest.fixture
async def papers(tmp_path: Path) -> AsyncIterator[World]:
    async with make_world(tmp_path, **{"identity.document": OFFERED, "staff": STAFF}) as made:
        await enter(made, OTHER)
        yield made


@pytest.fixture
async def any_papers(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    changes: dict[str, Any] = {"identity.document": OFFERED, "staff": STAFF}
    async with make_world(tmp_path, database_url, **changes) as made:
        await enter(made, OTHER)
        yield made


async def enter(world: World, who: str) -> None:
    await world.deliver(
        type="m.room.member", room_id=REVIEW, sender=who, state_key=who, content={"membership": "join"}
    )


async def vaulted(world: World) -> list[str]:
    """List the groups that the vault keeps, those of the roster aside."""
    async with world.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT field_group FROM vault_fields WHERE field_group <> 'roster'")
    return sorted(row["field_group"].removesuffix(" document passport|KE") for row in rows)


async def audited(world: World) -> str:
    async with world.database.transaction(reading=True) as tx:
        rows: Any = await tx.fetch(
            "SELECT a.*, p.payload FROM audit a JOIN audit_payloads p ON p.seq = a.seq"
        )
    return "\n".join(str(tuple(row)) for row in rows)


def on_disk(folder: Path) -> bytes:
    """Read the database as a thief would."""
    return b"".join(file.read_bytes() for file in folder.glob("policybot.db*"))


async def test_a_document_is_approved_and_its_account_linked(any_papers: World) -> None:
    world = any_papers
    document = await handed_in(world, "anna")
    assert "not verified" in await world.say("anna", "!policy me"), "a code alone links nobody"
    assert f"{document} of 2 March 2026: waiting" in await world.say(
        "anna", f"!policy status {document}"
    )
    assert f"Document {document} waits\nPassport, issued by KE, sent today" in world.in_review()[-1]
    await seen(world, document)
    assert "is approved" in await world.review("ravi", f"!policy approve {document}")
    assert f"Your document {document} was accepted" in world.told("anna")[-1]
    assert "level substantial" in await world.say("anna", "!policy me")
    assert await vaulted(world) == ["claims", "picture-1"], "the number is forgotten"
    async with world.database.transaction(reading=True) as tx:
        link = await members.link_of(tx, ANNA)
        assert link is not None
        [verification] = await members.verifications_of(tx, link.person_id)
    assert verification.realm == "passport|KE"
    await world.tick(days=29)
    assert "picture-1" in await vaulted(world)
    await world.tick(days=1)
    assert await vaulted(world) == ["claims"]
    assert "What was sent is deleted" in await world.say("ravi", f"!policy show {document}")


async def test_a_document_is_refused_with_a_reason(papers: World) -> None:
    document = await handed_in(papers, "anna")
    answer = await papers.review("ravi", f"!policy reject {document} It has expired.")
    assert "is refused" in answer
    told = papers.told("anna")[-1]
    assert "was not accepted. Reason: It has expired." in told
    assert "!policy verify" in told
    assert "before 1 April 2026" in told
    assert await vaulted(papers) == ["claims", "paper", "picture-1"], "so that an objection can be heard"
    assert "expired" not in await audited(papers), "the reason is for the person alone"
    await papers.tick(days=30)
    assert await vaulted(papers) == []
    assert "not verified" in await papers.say("anna", "!policy me")
    async with papers.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT COUNT(*) AS value FROM documents WHERE blind IS NOT NULL") == 0


async def test_nothing_is_approved_by_lapse_of_time(papers: World) -> None:
    document = await handed_in(papers, "anna")
    await papers.tick(days=13)
    assert document in await papers.review("ravi", "!policy queue documents")
    assert "sent 13 days ago" in await papers.review("ravi", "!policy queue documents")
    await papers.tick(days=1)
    assert "Nobody has decided on your document" in papers.told("anna")[-1]
    assert await vaulted(papers) == []
    assert "expired already" in await papers.review("ravi", f"!policy reject {document} Too late")
    assert "not verified" in await papers.say("anna", "!policy me")
    assert await handed_in(papers, "anna") != document, "they can try again"


async def test_a_forwarded_link_binds_nothing(papers: World) -> None:
    """Zoe asks for a link, and Anna shows her passport on its page."""
    code = await page_code(papers, "zoe")
    assert "made for another account" in await papers.say("anna", f"!policy verify {code}")
    assert "do not know this code" in await papers.say("zoe", f"!policy verify {code}")
    assert await vaulted(papers) == []
    assert await papers.review("ravi", "!policy queue documents") == "Nothing waits. Well done."


async def test_a_document_without_its_code_is_forgotten_with_its_link(papers: World) -> None:
    await page_code(papers, "anna")
    assert await vaulted(papers) == ["claims", "paper", "picture-1"]
    await papers.tick(minutes=31)
    assert await vaulted(papers) == []


async def test_one_document_of_an_account_waits_at_a_time(papers: World) -> None:
    first = await handed_in(papers, "anna")
    code = await page_code(papers, "anna", "OTHER-1")
    answer = await papers.say("anna", f"!policy verify {code}")
    assert f"{first} is with our reviewers already" in answer
    assert len(await vaulted(papers)) == 3, "the second one was not kept"


async def test_a_moderator_without_the_role_sees_nothing(papers: World) -> None:
    document = await handed_in(papers, "anna")
    assert await papers.review("mira", "!policy queue") == "Nothing waits. Well done."
    for command in ("show", "approve", "reject"):
        words = "because" if command == "reject" else ""
        for who in ("mira", "tom"):
            answer = await papers.say(who, f"!policy {command} {document} {words}")
            assert "Passport" not in answer
            assert (
                "There is no" in answer
                or "is for people with the role «reviewer»" in answer
                or ("I do not know" in answer)
            )
    assert "There is no D-1" in await papers.say("tom", f"!policy status {document}")


async def test_who_has_left_the_review_room_sees_nothing_any_more(papers: World) -> None:
    document = await handed_in(papers, "anna")
    decide = await seen(papers, document)
    token = (await papers.say("ravi", f"!policy show {document}")).split("/document/")[1].split()[0]
    await papers.deliver(
        type="m.room.member",
        room_id=REVIEW,
        sender=RAVI,
        state_key=RAVI,
        content={"membership": "leave"},
    )
    for used in (papers.app.services.openings.invited, papers.app.services.openings.open):
        async with papers.database.transaction() as tx:
            with pytest.raises(NotFound):
                await used(tx, token)
    async with papers.database.transaction() as tx:
        with pytest.raises(NotFound):
            await papers.app.services.openings.decider(tx, decide)


async def test_a_link_to_look_is_given_to_a_reviewer_alone(papers: World) -> None:
    document = await handed_in(papers, "anna")
    answer = await papers.review("ravi", f"!policy show {document}")
    assert "/document/" not in answer
    assert "to me alone" in answer


async def test_a_reviewer_does_not_review_their_own_document(papers: World) -> None:
    document = await handed_in(papers, "ravi")
    assert await papers.review("ravi", "!policy queue") == "Nothing waits. Well done."
    for command in (f"show {document}", f"approve {document}", f"reject {document} Mine"):
        assert "your own document" in await papers.say("ravi", f"!policy {command}")
    assert document in await papers.review("rita", "!policy queue")


async def test_a_reviewer_does_not_review_that_of_another_account_of_theirs(papers: World) -> None:
    """Ravi, verified by his passport, shows it again from an account that nobody knows."""
    object.__setattr__(papers.config.identity, "accounts_per_person", 2)
    first = await handed_in(papers, "ravi")
    await seen(papers, first, "rita")
    await papers.review("rita", f"!policy approve {first}")
    second = await handed_in(papers, "unknown")
    assert "your own document" in await papers.review("ravi", f"!policy show {second}")
    await seen(papers, second, "rita")
    await papers.review("rita", f"!policy approve {second}")
    third = await handed_in(papers, "unknown", "ANOTHER-1")
    assert "your own document" in await papers.review("ravi", f"!policy reject {third} Hm")


async def test_nobody_approves_what_they_have_not_looked_at(papers: World) -> None:
    document = await handed_in(papers, "anna")
    assert "before you approve" in await papers.review("ravi", f"!policy approve {document}")
    await seen(papers, document, "rita")
    assert "before you approve" in await papers.review("ravi", f"!policy approve {document}")
    assert "is approved" in await papers.review("rita", f"!policy approve {document}")


async def test_a_document_under_another_name_than_the_accounts_is_not_approved(papers: World) -> None:
    await papers.verified("anna")
    document = await handed_in(papers, "anna")
    await seen(papers, document)
    answer = await papers.review("ravi", f"!policy approve {document}")
    assert "cannot be approved" in answer
    assert "another name" in answer
    assert "Canary" not in answer
    async with papers.database.transaction(reading=True) as tx:
        person = await members.person_behind(tx, ANNA)
        assert person is not None
        assert await papers.app.services.members.real_name(tx, person) == Private(files.NAMES["anna"])
    assert "waiting" in await papers.say("anna", f"!policy status {document}")
    answer = await papers.review("ravi", f"!policy reject {document} It bears another name.")
    assert "is refused" in answer


async def test_a_reviewer_who_saw_a_name_is_told_of_no_account_that_may_bear_it(papers: World) -> None:
    await papers.verified("anna")
    document = await handed_in(papers, "unknown", name=files.NAMES["anna"])
    await seen(papers, document)
    assert "is approved" in await papers.review("ravi", f"!policy approve {document}")
    assert not any("@anna" in text or "@unknown" in text for text in papers.in_review())
    async with papers.database.transaction(reading=True) as tx:
        assert await papers.app.services.members.maybe_same(tx, ANNA, "@unknown:example.org")


async def test_of_two_reviewers_at_once_one_decides(any_papers: World) -> None:
    world = any_papers
    document = await handed_in(world, "anna")
    await seen(world, document, "ravi")
    await seen(world, document, "rita")

    async def decide(who: str) -> str:
        try:
            async with world.database.transaction() as tx:
                await asyncio.sleep(0)
                if who == RAVI:
                    await world.app.services.documents.approve(tx, who, document)
                else:
                    await world.app.services.documents.refuse(tx, who, document, "No")
        except (OutOfOrder, Stale):
            return "late"
        return "decided"

    assert sorted(await asyncio.gather(decide(RAVI), decide(OTHER))) == ["decided", "late"]
    await world.work()
    assert len(world.told("anna")[-1:]) == 1
    async with world.database.transaction(reading=True) as tx:
        state = await tx.value("SELECT state AS value FROM documents")
        links = await tx.value("SELECT COUNT(*) AS value FROM links")
    assert (state, links) in {("approved", 1), ("refused", 0)}


async def test_a_person_is_recognised_however_the_number_is_written(papers: World) -> None:
    first = await handed_in(papers, "anna", "k4 nary 7788")
    await seen(papers, first)
    await papers.review("ravi", f"!policy approve {first}")
    second = await handed_in(papers, "tom", "K4NARY-7788")
    await seen(papers, second)
    assert "no place free" in await papers.review("ravi", f"!policy approve {second}")
    assert "could not be linked to your account" in papers.told("tom")[-1]
    assert "anna" not in papers.told("tom")[-1]
    assert "tried to link another account" in papers.told("anna")[-1]


async def test_a_document_shown_again_keeps_the_person_and_its_pictures_have_their_time(
    papers: World,
) -> None:
    first = await handed_in(papers, "anna")
    await seen(papers, first)
    await papers.review("ravi", f"!policy approve {first}")
    await papers.tick(days=20)
    second = await handed_in(papers, "anna")
    await seen(papers, second)
    assert "is approved" in await papers.review("ravi", f"!policy approve {second}")
    assert await vaulted(papers) == ["claims", "picture-1", "picture-1"]
    await papers.tick(days=10)
    assert await vaulted(papers) == ["claims", "picture-1"]
    await papers.tick(days=20)
    assert await vaulted(papers) == ["claims"]
    assert "verified since" in await papers.say("anna", "!policy me")


async def test_who_is_erased_leaves_no_document(papers: World) -> None:
    document = await handed_in(papers, "anna")
    async with papers.database.transaction() as tx:
        await papers.app.services.documents.forget_of(tx, ANNA, Span())
    assert await vaulted(papers) == []
    assert "expired" in await papers.say("anna", f"!policy status {document}")


async def test_six_uploads_an_hour_are_the_most(papers: World) -> None:
    async def allowed() -> bool:
        async with papers.database.transaction() as tx:
            try:
                await papers.app.services.documents.count_upload(tx, ANNA)
            except NotPermitted as error:
                assert "an hour" in str(error)  # noqa: PT017 - the sentence
                return False
            return True

    assert [await allowed() for _ in range(7)] == [True] * 6 + [False]
    papers.clock.pass_time(minutes=59)
    assert not await allowed()
    papers.clock.pass_time(minutes=1)
    assert await allowed()
    await papers.tick(hours=2)
    async with papers.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT COUNT(*) AS value FROM uploads") == 0


async def test_uploads_at_once_do_not_share_a_count(any_papers: World) -> None:
    async def count() -> bool:
        try:
            async with any_papers.database.transaction() as tx:
                await any_papers.app.services.documents.count_upload(tx, ANNA)
        except NotPermitted:
            return False
        return True

    assert sum(await asyncio.gather(*(count() for _ in range(9)))) == 6


async def test_nothing_personal_leaves_the_vault(
    papers: World, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    document = await handed_in(papers, "anna")
    await papers.review("ravi", f"!policy show {document}")
    await papers.review("ravi", "!policy queue")
    await seen(papers, document)
    await papers.review("ravi", f"!policy approve {document}")
    said = json.dumps(list(papers.homeserver.said.values()))
    review = "\n".join(papers.in_review())
    kept = on_disk(tmp_path)
    for secret in (NAME, NUMBER, "K4NARY7788", "Canary-document"):
        for place in (said, review, await audited(papers), caplog.text):
            assert secret not in place
        assert secret.encode() not in kept
        assert base64.b64encode(secret.encode())[:-4] not in kept
    assert ANNA not in review, "reviewers see the name, and so never the account"
    assert "anna" not in await papers.review("ravi", f"!policy show {document}")


async def test_who_looked_is_on_record(papers: World) -> None:
    document = await handed_in(papers, "anna")
    await seen(papers, document)
    assert re.search(rf"'{RAVI}', '\w+', 'document:open', '{document}'", await audited(papers))


def test_documents_alone_are_a_way_in(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"identity.document": OFFERED, "identity.roster": None}
    assert load(files.write(tmp_path, changes=changes)).identity.document is not None


def test_documents_are_not_offered_unless_asked_for(world: World) -> None:
    assert world.config.identity.document is None
    assert [way.id for way in world.app.ways] == ["roster"]
