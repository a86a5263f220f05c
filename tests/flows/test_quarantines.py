"""Files of a message in quarantine: withheld, told, decided, given free exactly as they were."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from policybot.domain import copy as rules
from policybot.domain.copy import File
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.quarantine import QuarantineMedia, UnquarantineMedia
from policybot.identity.document import ChildCleaner
from tests import pictures
from tests.world import World, find, user

PICTURE, SMALL = "mxc://example.org/abcPicture", "mxc://example.org/abcSmall"
WHY = "It may show a child of the neighbours"


async def picture_reported(world: World, url: str = PICTURE, small: str = SMALL) -> str:
    """Have somebody post a picture, and somebody report it."""
    if not world.homeserver.levels.get(world.room):
        await world.governed_room()
    world.homeserver.media.kinds[url] = ("image/png", 1_234_567)
    content: dict[str, Any] = {"msgtype": "m.image", "url": url, "info": {"mimetype": "text/plain"}}
    content["info"]["thumbnail_url"] = small
    event = await world.message("tom", "cat.txt", world.room, **content)
    link = f"https://matrix.to/#/{world.room}/{event}"
    await world.say("lea", f"!policy report {link} R1 This picture is no garden")
    return find(r"(?<=New case )C-\d+", world.in_review()[-1])


async def test_what_a_file_is_stands_in_the_case_by_its_bytes(any_world: World) -> None:
    case = await picture_reported(any_world)
    assert "File 1: image/png, 1.2 MB" in await any_world.review("mira", f"!policy show {case}")


async def test_a_file_that_cannot_be_had_says_so(world: World) -> None:
    await world.governed_room()
    event = await world.message("tom", "gone.png", world.room, msgtype="m.image", url=PICTURE)
    await world.say("lea", f"!policy report https://matrix.to/#/{world.room}/{event} R1 An advert")
    case = find(r"(?<=New case )C-\d+", world.in_review()[-1])
    assert "File 1: a file that I cannot get" in await world.review("mira", f"!policy show {case}")


async def test_a_quarantine_is_interim_and_a_dismissal_ends_it(any_world: World) -> None:
    world = any_world
    case = await picture_reported(world)
    answer = await world.review("mira", f"!policy quarantine {case} {WHY}")
    assert "2 files are being put in quarantine" in answer
    assert "has to be decided" in answer
    assert world.homeserver.media.quarantined == {PICTURE, SMALL}
    shown = await world.review("mira", f"!policy show {case}")
    assert f"by {user('mira')}: {WHY}. Files: 2" in shown
    assert "has to be decided" in shown
    assert "already" in await world.review("mira", f"!policy quarantine {case} {WHY}")
    await world.review("mira", f"!policy dismiss {case} It shows a garden gnome")
    assert world.homeserver.media.quarantined == set()
    assert "In quarantine" not in await world.review("mira", f"!policy show {case}")
    assert "there is nothing to withhold" in await world.review(
        "mira", f"!policy quarantine {case} {WHY}"
    )


async def test_the_notice_tells_the_author_and_an_overturn_offers_the_release(
    any_world: World,
) -> None:
    world = any_world
    case = await picture_reported(world)
    await world.review("mira", f"!policy quarantine {case} {WHY}")
    assert not any("downloaded" in text for text in world.told("tom"))
    await world.decided(case, "warn+remove")
    assert "Its files cannot be downloaded any more." in world.told("tom")[-1]
    await world.say("tom", f"!policy appeal {case} It is my own garden gnome")
    await world.review("ravi", f"!policy overturn {case} It is a garden gnome")
    assert world.homeserver.media.quarantined == {PICTURE, SMALL}, "people decide it"
    assert any(f"!policy release-media {case} REASON" in text for text in world.in_review())
    await world.review("mira", f"!policy release-media {case} It is a garden gnome")
    assert world.homeserver.media.quarantined == set()
    assert "No file" in await world.review("mira", f"!policy release-media {case} Once more please")


async def test_after_the_decision_the_author_is_told_at_once(world: World) -> None:
    case = await picture_reported(world)
    await world.decided(case, "warn")
    await world.review("mira", f"!policy quarantine {case} {WHY}")
    told = world.told("tom")[-1]
    assert WHY in told
    assert f"!policy appeal {case}" in told


async def test_what_was_in_quarantine_before_stays_there(any_world: World) -> None:
    world = any_world
    world.homeserver.media.quarantined.add(SMALL)
    case = await picture_reported(world)
    await world.review("mira", f"!policy quarantine {case} {WHY}")
    await world.review("mira", f"!policy release-media {case} It is a garden gnome")
    assert world.homeserver.media.quarantined == {SMALL}


async def test_a_file_of_two_cases_is_free_when_neither_withholds_it(any_world: World) -> None:
    world = any_world
    first = await picture_reported(world)
    second = await picture_reported(world)
    assert first != second
    for case in (first, second):
        await world.review("mira", f"!policy quarantine {case} {WHY}")
    answer = await world.review("mira", f"!policy release-media {first} It is a garden gnome")
    assert "another case still does" in answer
    assert world.homeserver.media.quarantined == {PICTURE, SMALL}
    await world.review("mira", f"!policy dismiss {second} It is a garden gnome")
    assert world.homeserver.media.quarantined == set()


async def test_a_moderator_sees_the_picture_blurred_and_clear_on_record(any_world: World) -> None:
    world, copies = any_world, any_world.app.services.copies
    case = await picture_reported(world)
    world.homeserver.media.files[PICTURE] = pictures.picture("PNG")
    cleaner = ChildCleaner()

    async def look(by: str, n: int, *, clear: bool) -> bytes:
        async with world.database.transaction() as tx:
            known = await world.app.services.cases.find(tx, int(case.removeprefix("C-")), case)
            picture = await copies.picture(tx, user(by), known, n, clear=clear)
        return await copies.draw(picture, cleaner)

    async def looks(by: str) -> int:
        async with world.database.transaction(reading=True) as tx:
            return await copies.clear_looks(tx, user(by), world.clock() - timedelta(days=1))

    blurred = Image.open(BytesIO(await look("mira", 1, clear=False)))
    assert max(blurred.size) == 240
    assert await looks("mira") == 0
    assert Image.open(BytesIO(await look("mira", 1, clear=True))).size == (400, 300)
    assert await looks("mira") == 1
    assert await looks("otto") == 0
    for by, n in (("lea", 1), ("tom", 1), ("mira", 0), ("mira", 2)):
        with pytest.raises(NotFound):
            await look(by, n, clear=True)
    world.homeserver.media.files[PICTURE] = b"<script>"
    with pytest.raises(NotFound, match="no JPEG, PNG"):
        await look("mira", 1, clear=False)
    del world.homeserver.media.files[PICTURE]
    with pytest.raises(NotFound, match="cannot be had"):
        await look("mira", 1, clear=False)


async def test_who_has_a_part_in_it_withholds_nothing(world: World) -> None:
    case = await picture_reported(world)
    for who in ("tom", "lea", "anna"):
        answer = await world.say(who, f"!policy quarantine {case} {WHY}")
        assert "I do not know" in answer
    assert "sentence" in await world.review("mira", f"!policy quarantine {case} bad")
    assert world.homeserver.media.quarantined == set()


async def test_a_message_without_files_has_nothing_to_withhold(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    assert "has no file" in await world.review("mira", f"!policy quarantine {case} {WHY}")


async def test_that_the_homeserver_cannot_do_it_calls_people(world: World) -> None:
    case = await picture_reported(world)
    world.homeserver.refuses[QuarantineMedia] = "the homeserver does not have this file"
    await world.review("mira", f"!policy quarantine {case} {WHY}")
    assert any("I could not put the file" in text for text in world.in_review())


@pytest.mark.parametrize("kind", [QuarantineMedia, UnquarantineMedia])
async def test_i25_killed_in_the_middle_it_is_done_once_and_undone_exactly(
    any_world: World, kind: type
) -> None:
    world = any_world
    world.homeserver.media.quarantined.add(SMALL)
    case = await picture_reported(world)

    class Killed(BaseException):
        """The process is gone: the homeserver has done it, and nobody has noted that."""

    killed = []

    def kill(effect: object) -> None:
        if isinstance(effect, kind):
            world.homeserver.before_answer = None
            killed.append(effect)
            raise Killed

    world.homeserver.before_answer = kill
    with suppress(Killed, BaseExceptionGroup):
        await world.review("mira", f"!policy quarantine {case} {WHY}")
    if kind is QuarantineMedia:
        world.clock.pass_time(seconds=20)
        await world.work()
        assert world.homeserver.media.quarantined == {PICTURE, SMALL}
    with suppress(Killed, BaseExceptionGroup):
        await world.review("mira", f"!policy release-media {case} It is a garden gnome")
    world.clock.pass_time(seconds=20)
    await world.work()
    assert len(killed) == 1
    assert world.homeserver.media.quarantined == {SMALL}


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (1_234_567, "1.2 MB"),
        (10**13, "10000.0 GB"),
    ],
)
def test_sizes_are_written_as_people_read_them(size: int, words: str) -> None:
    assert File("image/png", size).in_words == f"image/png, {words}"


@pytest.mark.parametrize(
    "content",
    [
        {"url": 3, "info": {"thumbnail_url": ["x"]}},
        {"url": "https://evil.example/x.png"},
        {"url": "mxc://example.org/../../x"},
        {"info": {"thumbnail_file": {"url": None}}},
        {"file": "mxc://example.org/abc"},
    ],
)
def test_what_is_no_address_of_a_file_is_none(content: dict[str, Any]) -> None:
    assert rules.media(content) == ()


def test_files_are_found_where_clients_put_them() -> None:
    content = {
        "file": {"url": "mxc://example.org/a"},
        "info": {"thumbnail_file": {"url": "mxc://example.org/b"}, "thumbnail_url": "mxc://x/c"},
    }
    assert set(rules.media(content)) == {"mxc://example.org/a", "mxc://example.org/b", "mxc://x/c"}
    assert rules.files(content) == ("mxc://example.org/a",)


async def both(world: World, *acts: tuple[str, str]) -> None:
    """Let two moderators act on two cases at the same instant."""
    cases, held = world.app.services.cases, world.app.services.quarantines

    async def act(verb: str, text: str) -> None:
        async with world.database.transaction() as tx:
            case = await cases.find(tx, int(text.removeprefix("C-")), text)
            work = held.begin if verb == "begin" else held.release
            await work(tx, user("mira"), case, WHY, frozenset())

    await asyncio.gather(*(act(verb, text) for verb, text in acts))
    await world.work()


async def test_two_moderators_at_once_on_one_file_of_two_cases(any_world: World) -> None:
    world = any_world
    first, second = await picture_reported(world), await picture_reported(world)
    withheld = world.homeserver.media.quarantined
    for _ in range(5):
        await both(world, ("begin", first), ("begin", second))
        assert withheld == {PICTURE, SMALL}
        await both(world, ("release", first), ("release", second))
        assert withheld == set(), "of two who give it free, one is the last"
        await both(world, ("begin", first))
        await both(world, ("release", first), ("begin", second))
        assert withheld == {PICTURE, SMALL}, "the second case withholds it"
        await both(world, ("release", second))
        assert withheld == set()


async def test_of_two_who_withhold_the_files_of_one_case_one_has_done_it(any_world: World) -> None:
    case = await picture_reported(any_world)
    with pytest.raises(OutOfOrder, match="already"):
        await both(any_world, ("begin", case), ("begin", case))
    await any_world.work()
    assert any_world.homeserver.media.quarantined == {PICTURE, SMALL}
    done = [e for e in any_world.homeserver.performed if isinstance(e, QuarantineMedia)]
    assert len(done) == 2
