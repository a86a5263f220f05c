"""The page behind the link in a notice: who cannot write to the bot appeals there, and nobody else."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from policybot.domain import notice
from policybot.domain.appeal import MOST_TEXT
from policybot.ports import Later
from policybot.services.verifications import hashed
from policybot.store import exports
from tests import canary
from tests.serving import served
from tests.web.test_pages import HOST
from tests.web.test_report_form import SAME, UNSEEN
from tests.world import World, find, unlinked, user
from tests.world import world as make_world

WHY = "It was a joke between friends, and she laughed"
KEY = rf"(?<=https://{HOST}/appeal/)[0-9a-f]+"
SUSPEND = "suspend:P7D"


@dataclass
class Visitor:
    """Somebody with a browser, and no word to the bot."""

    world: World
    session: aiohttp.ClientSession
    url: str

    async def get(self, key: str, **headers: str) -> tuple[int, str]:
        said = {"Host": HOST, **headers}
        async with self.session.get(f"{self.url}/appeal/{key}", headers=said) as answer:
            assert "Set-Cookie" not in answer.headers
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "same-origin"
            return answer.status, html.unescape(await answer.text())

    async def send(self, key: str, text: str = WHY, **more: str) -> tuple[int, str]:
        """Send the form, and follow to the page that shows it."""
        headers, fields = SAME, {"text": text, **more}
        async with self.session.post(f"{self.url}/appeal/{key}", data=fields, headers=headers) as answer:
            page = html.unescape(await answer.text())
        await self.world.work()
        return answer.status, page

    async def rows(self, sql: str, *values: object) -> list[Any]:
        async with self.world.database.transaction(reading=True) as tx:
            return list(await tx.fetch(sql, *values))


async def visitors(folder: Path, database_url: str = "", **changes: Any) -> AsyncIterator[Visitor]:
    async with (
        make_world(folder, database_url, **changes) as world,
        served(world) as url,
        # What a redirect leads to is under the public address, which nobody serves here.
        aiohttp.ClientSession(requote_redirect_url=False) as session,
    ):
        await world.governed_room()
        yield Visitor(world, session, url)


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async for made in visitors(tmp_path):
        yield made


@pytest.fixture
async def any_visitor(tmp_path: Path, database_url: str) -> AsyncIterator[Visitor]:
    async for made in visitors(tmp_path, database_url):
        yield made


def key_of(world: World, who: str = "tom") -> str:
    """Read the newest link that somebody was told."""
    told = [text for text in world.told(who) if "/appeal/" in text]
    return find(KEY, told[-1])


async def settled(world: World, words: str) -> None:
    """Have Mira decide, and Otto or she herself confirm it where that is needed."""
    answer = await world.review("mira", f"!policy decide {words}")
    if "!policy confirm" in answer:
        code = find(r"(?<=!policy confirm )[A-Z0-9]+", answer)
        await world.review("otto", f"!policy confirm {code}")
        await world.review("mira", f"!policy confirm {code}")


async def suspended(world: World) -> str:
    """Have Tom's account suspended for what he wrote; return the case."""
    case = await world.reported(text="Anna, tonight I come for your tomatoes")
    await settled(world, f"{case} R3 S3 {SUSPEND}+remove Threatened a neighbour // He went on at night")
    assert user("tom") in world.homeserver.suspended
    return case


async def test_a_suspended_person_appeals_reads_the_outcome_and_has_everything_back(
    any_visitor: Visitor,
) -> None:
    """Who is suspended cannot write; two clicks from the notice are enough (goal 3)."""
    visitor, world = any_visitor, any_visitor.world
    case = await suspended(world)
    told = world.told("tom")[-1]
    assert re.search(
        rf"Or in your browser, also when you cannot write to me: https://{HOST}/appeal/\w{{64}}$", told
    )
    key = key_of(world)
    for _ in range(2):  # previews of links use nothing up
        status, page = await visitor.get(key)
        assert status == 200
        for said in (
            f"Decision {case}",
            "Threatened a neighbour",
            "It ends by itself on",
            "severity S3",
            "You can appeal until",
        ):
            assert said in page
    status, page = await visitor.send(key)
    assert (status, "Your appeal is in" in page, WHY in page) == (200, True, True)
    assert f"Appeal on {case}" in world.in_review()[-1]
    assert f"The person writes: {WHY}" in world.in_review()[-1]
    await world.review("ravi", f"!policy overturn {case} A joke between friends indeed")
    assert user("tom") not in world.homeserver.suspended
    status, page = await visitor.get(key)
    assert "Your appeal succeeded" in page
    assert "A joke between friends indeed" in page
    assert "does not bind you any more" in page
    status, page = await visitor.send(key, do="restore")
    assert (status, "Post it again" in page) == (200, False)
    assert "It is being posted again in the room" in page
    back = [text for where, text in world.homeserver.said.values() if where == world.room]
    assert back[0].startswith(
        "Decision C-1, by which a message of this room was removed, was overturned"
    )
    assert back[1:] == ["Anna, tonight I come for your tomatoes"]
    status, page = await visitor.send(key, do="restore")
    assert (status, "It was put back already" in page) == (422, True)


async def test_the_outcome_that_is_no_success_stands_there_with_its_reasons(visitor: Visitor) -> None:
    world = visitor.world
    case = await suspended(world)
    key = key_of(world)
    await visitor.send(key)
    await world.review("ravi", f"!policy modify {case} restrict:P3D Too harsh for words alone")
    page = (await visitor.get(key))[1]
    assert "Your appeal succeeded in part" in page
    assert "Too harsh for words alone" in page
    other = await world.reported(text="Once more: your tomatoes!")
    await settled(world, f"{other} R2 S2 warn Threatened her again // As a last word")
    key = key_of(world)
    await visitor.send(key)
    await world.review("ravi", f"!policy uphold {other} It did not read like a joke")
    page = (await visitor.get(key))[1]
    assert "The decision stands" in page
    assert "It did not read like a joke" in page


async def test_the_link_stands_in_nothing_that_is_kept(any_visitor: Visitor, tmp_path: Path) -> None:
    """Whoever reads the database cannot appeal for others: it has the hash alone."""
    world = any_visitor.world
    await suspended(world)
    key = key_of(world)
    tables = [r["data"] for r in await any_visitor.rows("SELECT data FROM outbox")]
    tables += [r["text"] for r in await any_visitor.rows("SELECT text FROM statements")]
    tables += [r["statement"] for r in await any_visitor.rows("SELECT statement FROM decisions")]
    tables += [r["payload"] for r in await any_visitor.rows("SELECT payload FROM audit_payloads")]
    assert not any(key in str(text) for text in tables)
    assert [dict(r)["user_id"] for r in await any_visitor.rows("SELECT * FROM appeal_links")] == [
        user("tom")
    ]
    (kept,) = await any_visitor.rows("SELECT text FROM statements")
    assert kept["text"].endswith("also when you cannot write to me: (a link that is yours alone)")
    assert canary.in_files(tmp_path, key) == []


async def test_what_is_previewed_and_confirmed_has_no_link_and_is_what_is_sent(visitor: Visitor) -> None:
    world = visitor.world
    case = await world.reported()
    words = f"{case} R1 S2 warn Advertised a shop in a room for neighbours // Asked for a clear answer"
    shown = await world.review("mira", f"!policy preview {words}")
    assert "(a link that is yours alone)" in shown
    assert "/appeal/" not in shown
    await settled(world, f"{words}")
    sent = world.told("tom")[-1]
    exact = "\n".join(line[2:] for line in shown.split("\n") if line.startswith("> "))
    assert unlinked(sent) == exact


async def test_a_dead_or_foreign_link_says_whom_to_ask(visitor: Visitor) -> None:
    world = visitor.world
    await suspended(world)
    key = key_of(world)
    for wrong in ("x", "0" * 64, key[:-1], key.upper(), hashed(key), "%00", "%F0%9F%8D%85"):
        status, page = await visitor.get(wrong)
        assert (status, "There is no decision under this link" in page) == (404, True), wrong
        assert f"Questions? {world.config.operator.contact}" in page
        status, page = await visitor.send(wrong)
        assert status == 404
    assert await visitor.rows("SELECT * FROM appeals") == []


async def test_another_site_cannot_appeal_for_somebody(visitor: Visitor) -> None:
    await suspended(visitor.world)
    key = key_of(visitor.world)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        async with visitor.session.post(
            f"{visitor.url}/appeal/{key}", data={"text": WHY}, headers={"Host": HOST, **headers}
        ) as answer:
            assert answer.status == 403
    assert await visitor.rows("SELECT * FROM appeals") == []


@pytest.mark.parametrize("text", ["", "  \n ", "No!", "x" * (MOST_TEXT + 1)])
async def test_what_is_wrong_with_an_appeal_is_said_at_its_field_and_nothing_is_lost(
    visitor: Visitor, text: str
) -> None:
    await suspended(visitor.world)
    key = key_of(visitor.world)
    status, page = await visitor.send(key, text)
    assert status == 422
    assert 'role="alert" id="text-error">Please say' in page
    assert f"\n{text}</textarea>" in page
    assert await visitor.rows("SELECT * FROM appeals") == []
    assert (await visitor.send(key))[0] == 200


async def test_hostile_words_are_words(visitor: Visitor) -> None:
    world = visitor.world
    case = await suspended(world)
    key = key_of(world)
    evil = "</textarea><script>alert(1)</script>\u202e @room\u200b\n!policy overturn C-1 \x03"
    async with visitor.session.post(
        f"{visitor.url}/appeal/{key}", data={"text": evil}, headers=SAME
    ) as answer:
        page = await answer.text()
    await world.work()
    assert "<script" not in page
    assert not UNSEEN.search(page)
    card = world.in_review()[-1]
    assert "\n!policy overturn C-1" not in card
    assert not UNSEEN.search(card)
    for asked in (f"!policy show {case}", "!policy queue appeals"):
        assert "\n!policy overturn C-1" not in await world.review("ravi", asked)
    async with visitor.session.post(
        f"{visitor.url}/appeal/{key}", data={"text": "x" * 100_000}, headers=SAME
    ) as answer:
        assert answer.status == 413


async def test_a_place_for_a_link_in_somebodys_words_gets_none(visitor: Visitor) -> None:
    """Text of others cannot have the link put elsewhere, or into a message for somebody else."""
    world = visitor.world
    case = await world.reported()
    facts = f"Advertised {notice.PLACE} a shop"
    await settled(world, f"{case} R1 S2 restrict:P1D {facts} // As he did {notice.PLACE} before")
    sent = world.told("tom")[-1]
    assert sent.count("/appeal/") == 1
    assert re.search(r"/appeal/\w{64}$", sent)
    await world.review("mira", f"!policy lift {case} It is {notice.PLACE} enough by now")
    assert "/appeal/" not in world.told("tom")[-1]


async def test_twenty_clicks_at_once_are_one_appeal(any_visitor: Visitor) -> None:
    await suspended(any_visitor.world)
    key = key_of(any_visitor.world)

    async def click() -> int:
        address = f"{any_visitor.url}/appeal/{key}"
        async with any_visitor.session.post(
            address, data={"text": WHY}, headers=SAME, allow_redirects=False
        ) as answer:
            return answer.status

    found = sorted(await asyncio.gather(*(click() for _ in range(20))))
    assert found == [303] + [422] * 19
    assert len(await any_visitor.rows("SELECT * FROM appeals")) == 1


async def test_after_its_time_the_page_says_when_it_ended(visitor: Visitor) -> None:
    world = visitor.world
    await suspended(world)
    key = key_of(world)
    world.clock.pass_time(days=182)
    assert "Do you see it otherwise?" in (await visitor.get(key))[1]
    world.clock.pass_time(days=3)
    page = (await visitor.get(key))[1]
    assert "The time to appeal ended on" in page
    assert "<form" not in page
    assert (await visitor.send(key))[0] == 422
    assert await visitor.rows("SELECT * FROM appeals") == []


async def test_a_hold_on_an_account_and_the_decision_after_it_have_a_link_each(visitor: Visitor) -> None:
    world = visitor.world
    case = await world.reported()
    assert (
        "hold"
        in (
            await world.review("mira", f"!policy hold {case} R2 He threatens her at this moment")
        ).lower()
    )
    held = key_of(world)
    _, page = await visitor.get(held)
    assert f"Hold {case}" in page
    await settled(world, f"{case} R2 S3 restrict:P3D Threatened a neighbour // As it was said")
    decided = key_of(world)
    assert decided != held
    await visitor.send(held)
    assert "Do you see it otherwise?" in (await visitor.get(decided))[1]
    appeals = await visitor.rows(
        "SELECT k.token_hash FROM appeals a JOIN appeal_links k ON k.decision_id = a.decision_id"
    )
    assert [row["token_hash"] for row in appeals] == [hashed(held)]


async def test_who_answers_for_a_room_appeals_for_it_and_not_after_handing_it_over(
    visitor: Visitor,
) -> None:
    world = visitor.world
    await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
    await settled(world, "C-1 R2 S4 suspend:P7D The room agreed to hunt a neighbour // No other way")
    key = key_of(world, "anna")
    assert "Do you see it otherwise?" in (await visitor.get(key))[1]
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE filings SET applicant = $1", user("zoe"))
    status, page = await visitor.send(key)
    assert (status, "somebody else answers for it now" in page) == (404, True)
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE filings SET applicant = $1", user("anna"))
    assert "Your appeal is in" in (await visitor.send(key))[1]


async def test_a_notice_that_is_sent_again_has_the_same_link(visitor: Visitor) -> None:
    """A try that may have arrived and the next one do not differ: neither link is dead."""
    world = visitor.world
    case = await world.reported()
    sending, seen, lost = world.homeserver.perform, [], "the answer was lost"

    async def once_lost(errand: Any) -> Any:
        text = getattr(errand.effect, "text", "")
        if "/appeal/" in text:
            seen.append(find(KEY, text))
            if len(seen) == 1:
                raise Later(lost)
        return await sending(errand)

    world.homeserver.perform = once_lost  # type: ignore[method-assign]
    await settled(world, f"{case} R1 S2 warn Advertised a shop in a room // As asked")
    for _ in range(3):
        await world.tick(seconds=40)
    assert len(seen) == 2
    assert len(set(seen)) == 1
    assert (await visitor.get(seen[0]))[0] == 200


async def test_links_go_with_their_decision_and_stand_in_the_export(visitor: Visitor) -> None:
    world = visitor.world
    await suspended(world)
    key = key_of(world)
    async with world.database.transaction() as tx:
        part = next(part for part in exports.OF_ACCOUNT if part.name == "appeal_links")
        assert [row["case_id"] for row in await exports.rows(tx, part, user("tom"))] == [1]
    for _ in range(3):
        await world.tick(days=800)
    assert await visitor.rows("SELECT * FROM appeal_links") == []
    assert (await visitor.get(key))[0] == 404


async def test_a_suspended_person_answers_adds_and_takes_the_appeal_back_on_the_page(
    visitor: Visitor,
) -> None:
    world = visitor.world
    case = await suspended(world)
    key = key_of(world)
    await visitor.send(key)
    _, page = await visitor.get(key)
    assert "It is urgent and should be answered by" in page
    await world.review("ravi", f"!policy ask {case} Who else was <there>?")
    status, page = await visitor.get(key)
    assert "You were asked" in page
    assert "Who else was <there>?" in page
    assert "waits for your answer" in page
    status, page = await visitor.send(key, "no", do="add")
    assert (status, "Please write what you want to add" in page) == (422, True)
    status, page = await visitor.send(key, "Anna and Lea were, see https://example.org/1", do="add")
    assert (status, "You answered" in page, "waits for your answer" in page) == (200, True, False)
    status, page = await visitor.send(key, "And here is the whole talk", do="add")
    assert (status, "You added" in page) == (200, True)
    brief = await world.review("ravi", f"!policy brief {case}")
    assert "https://example.org/1" in brief
    assert "the whole talk" in brief
    status, page = await visitor.send(key, do="withdraw")
    assert (status, "You took your appeal back" in page, "Take it back" in page) == (200, True, False)
    assert user("tom") in world.homeserver.suspended
    status, page = await visitor.send(key, "Once more", do="add")
    assert (status, "was taken back" in page) == (422, True)


async def test_what_is_done_by_the_link_is_told_to_whose_it_is(visitor: Visitor) -> None:
    """Whoever copied the notice has the link, and could appeal badly or take the appeal back."""
    world, case = visitor.world, await suspended(visitor.world)
    key = key_of(world)
    for fields, said in (
        ({"text": WHY}, f"an appeal on {case} came in"),
        ({"do": "add", "text": "Ask Anna, she laughed"}, f"was added to your appeal on {case}"),
        ({"do": "withdraw"}, f"your appeal on {case} was taken back"),
        ({"text": WHY}, f"an appeal on {case} came in"),
    ):
        before = len(world.told("tom"))
        assert (await visitor.send(key, **fields))[0] == 200
        await world.work()
        [told] = world.told("tom")[before:]
        assert said in told
        assert "If it was not you, tell office@example.org" in told
    before = len(world.told("tom"))
    await visitor.send(key, text=WHY)
    await world.work()
    assert len(world.told("tom")) == before, "of what is refused nothing is told"


async def test_what_was_decided_about_a_room_can_be_appealed_when_the_room_is_filed_no_more(
    any_visitor: Visitor,
) -> None:
    """The notice names 183 days: neither a revocation ends them, nor that somebody files it anew."""
    visitor, world = any_visitor, any_visitor.world
    await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
    await settled(world, "C-1 R2 S4 suspend:P7D The room agreed to hunt a neighbour // No other way")
    key = key_of(world, "anna")
    await world.tick(days=8)
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE filings SET state = 'revoked'")
        await tx.execute(
            "INSERT INTO filings (id, room_id, applicant, purpose, categories, state, submitted_at)"
            " SELECT id + 1, room_id, $1, purpose, categories, 'submitted', submitted_at FROM filings",
            user("zoe"),
        )
    assert "Do you see it otherwise?" in (await visitor.get(key))[1]
    assert "You can appeal until" in await world.say("anna", "!policy status C-1")
    assert "is in" in await world.say("anna", f"!policy appeal C-1 {WHY}")
    assert "There is no decision" in await world.say("zoe", f"!policy appeal C-1 {WHY}")
    await world.review("ravi", "!policy overturn C-1 It was one of them, and not the room")
    assert "succeeded" in world.told("anna")[-1]
    assert "Your appeal succeeded" in (await visitor.get(key))[1]
