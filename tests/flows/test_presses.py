"""Reports made with the client's own button: taken in once, answered, decided, whatever happens."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from policybot.domain.effects import KeepEvidence, Notify
from policybot.domain.press import PAGE
from policybot.domain.report import MOST_TEXT
from policybot.ports import Impossible, Later
from policybot.services.presses import Presses
from policybot.services.reports import Reports
from tests import canary
from tests.pressing import Pressed, pressing
from tests.world import BOT, World, find, user

GONE = "!elsewhere:example.org"


@pytest.fixture
async def pressed(world: World) -> AsyncIterator[Pressed]:
    """A governed room, and nothing reported yet, on SQLite."""
    async with pressing(world) as made:
        await world.governed_room()
        await made.poll()
        yield made


@pytest.fixture
async def any_pressed(any_world: World) -> AsyncIterator[Pressed]:
    """The same, once on SQLite and once on PostgreSQL."""
    async with pressing(any_world) as made:
        await any_world.governed_room()
        await made.poll()
        yield made


async def test_a_press_becomes_a_case_a_receipt_a_decision_and_an_outcome(any_pressed: Pressed) -> None:
    pressed, world = any_pressed, any_pressed.world
    event = await world.message("tom", "Buy my spades!", world.room)
    pressed.press(event, "lea", "An <b>advert</b>\nin a room for neighbours", score=-100)
    assert not await pressed.poll(seconds=3)
    (card,) = [text for text in world.in_review() if "New case" in text]
    assert f"a message of {user('tom')} in {world.room}" in card
    assert "Reported with the client's button" in card
    assert "An <b>advert</b> in a room for neighbours" in card
    assert "-100" not in card
    case = find(r"C-\d+", card)
    (receipt,) = pressed.receipts("lea")
    number = find(r"R-\d+", receipt)
    assert f"!policy status {number}" in receipt
    assert "being looked at" in await world.say("lea", f"!policy status {number}")
    shown = await world.review("mira", f"!policy show {case}")
    assert "> Buy my spades!" in shown
    assert f"{number} reported with the client's button: An <b>advert</b>" in shown
    assert "propose" in await world.review("mira", f"!policy claim {case}")
    assert "R1" in await world.review("mira", f"!policy propose {case} R1 S2")
    assert "is being carried out" in await world.decided(case, "warn")
    (told,) = [text for text in world.told("tom") if f"Decision {case}" in text]
    assert "A report by somebody who saw it." in told
    assert user("lea") not in told
    assert any(f"report {number}" in text and "took a measure" in text for text in world.told("lea"))
    assert "actioned" in await world.say("lea", f"!policy status {number}")
    assert f"{number} of 2 March 2026: actioned" in await world.say("lea", "!policy me")
    # Another one comes to nothing, and is told as well.
    other = await world.message("tom", "Lovely tomatoes", world.room)
    pressed.press(other, "lea")
    await pressed.poll(seconds=3)
    card = world.in_review()[-1]
    assert "The reporter wrote nothing." in card
    case = find(r"C-\d+", card)
    assert "(no words)" in await world.review("mira", f"!policy show {case}")
    assert "no breach" in await world.review("mira", f"!policy dismiss {case} Tomatoes are allowed here")
    assert any("no breach" in text for text in world.told("lea"))
    # And their words are forgotten in time, whether there were any or not.
    await world.tick(days=400)
    assert {row["reporter"] for row in await pressed.reports()} == {"gone-1", "gone-2"}


async def test_nothing_is_taken_twice_however_often_it_is_looked_or_pressed(
    any_pressed: Pressed,
) -> None:
    pressed, world = any_pressed, any_pressed.world
    event = await world.message("tom", "Buy my spades!", world.room)
    pressed.press(event, "lea", "An advert")
    for _ in range(3):
        await pressed.poll(seconds=3)
    pressed.press(event, "lea", "I said: an advert!")
    await pressed.poll(seconds=3)
    link = f"https://matrix.to/#/{world.room}/{event}"
    assert "reported this already" in await world.say("lea", f"!policy report {link} R1 An advert")
    assert len(pressed.receipts("lea")) == 1
    # What was pressed twice before the decision opens nothing after it.
    case = find(r"C-\d+", world.in_review()[-1])
    await world.decided(case, "warn")
    await pressed.poll(seconds=3)
    assert len(await pressed.reports()) == 1
    # The other way round: first by command, then by button.
    event = await world.message("tom", "Buy my rakes!", world.room)
    await world.say("lea", f"!policy report https://matrix.to/#/{world.room}/{event} R1 An advert")
    pressed.press(event, "lea")
    pressed.press(event, "anna")
    await pressed.poll(seconds=3)
    first, second, third = await pressed.reports()
    assert (second["case_id"], second["via"]) == (third["case_id"], "command")
    assert (third["reporter"], third["via"], third["category"]) == (user("anna"), "button", "unsorted")
    assert first["case_id"] != second["case_id"]
    assert len(pressed.receipts("lea")) == 1, "the command was answered where it was written"


async def test_twenty_reports_at_once_on_one_message_are_one_case_and_twenty_receipts(
    any_pressed: Pressed,
) -> None:
    pressed, world = any_pressed, any_pressed.world
    event = await world.message("tom", "Buy my spades!", world.room)
    for n in range(20):
        pressed.press(event, f"reader{n}", f"Advert {n}")
    await pressed.poll(seconds=3)
    assert {row["case_id"] for row in await pressed.reports()} == {1}
    receipts = [find(r"R-\d+", text) for n in range(20) for text in pressed.receipts(f"reader{n}")]
    assert len(receipts) == len(set(receipts)) == 20
    announced = [text for text in world.in_review() if "C-1" in text]
    assert len(announced) == 8, "the first five, and then every fifth"
    shown = await world.review("mira", "!policy show C-1")
    assert shown.count("reported with the client's button") == 20
    assert [e for e in world.homeserver.performed if isinstance(e, KeepEvidence)] == [
        KeepEvidence(world.room, event)
    ], "the copy is taken once"


async def test_reports_that_are_none_of_our_business_leave_nothing_behind(pressed: Pressed) -> None:
    world, secret = pressed.world, "Something between the two of us"
    private = await world.message("tom", "hello", "!private:example.org")
    pressed.press(private, "lea", secret, room="!private:example.org")
    pressed.press("$nowhere", "lea", secret, room=GONE)
    said = await world.message("tom", "hello", world.room)
    world.homeserver.events[said]["sender"] = BOT
    pressed.press(said, "lea", secret)
    pressed.fake.press_user(BOT, user("lea"), secret)
    pressed.press("not an event", "lea", secret)
    pressed.fake.press(world.room, "$x", "no account", secret)
    at = pressed.fake.now()
    for odd in ({"id": "7"}, {"id": 2**70}, {}, {"id": 90, "room_id": 7, "user_id": user("lea")}):
        pressed.fake.events.append({"received_ts": at, "reason": secret} | odd)
    before = len(world.in_review())
    await pressed.poll(seconds=3)
    assert await pressed.reports() == []
    assert len(world.in_review()) == before, "and nothing is told of it"
    assert pressed.receipts("lea") == []
    assert canary.in_files(world.config.key_file.parent, secret) == []


async def test_a_user_is_reported_and_whoever_reports_themselves_is_told_so_once(
    any_pressed: Pressed,
) -> None:
    pressed, world = any_pressed, any_pressed.world
    pressed.fake.press_user(user("tom"), user("lea"), "He follows me around")
    for _ in range(3):
        pressed.fake.press_user(user("lea"), user("lea"), "Me")
    await pressed.poll(seconds=3)
    (card,) = [text for text in world.in_review() if "New case" in text]
    assert f"the account {user('tom')}" in card
    assert len(pressed.receipts("lea")) == 1
    assert len([text for text in world.told("lea") if "your own account" in text]) == 1
    # A moderator who reports is a party, and the one who is reported is one.
    pressed.fake.press_user(user("mira"), user("otto"), "She is unfair")
    await pressed.poll(seconds=3)
    case = find(r"C-\d+", world.in_review()[-1])
    assert len(pressed.receipts("otto")) == 1
    for party in ("mira", "otto"):
        assert "no case" in await world.review(party, f"!policy show {case}")


async def test_what_was_reported_before_policybot_was_here_is_left_to_those_who_saw_it(
    world: World,
) -> None:
    async with pressing(world) as pressed:
        await world.governed_room()
        event = await world.message("tom", "Buy my spades!", world.room)
        pressed.press(event, "lea", number=41, at=pressed.fake.now() - 2000)
        pressed.press(event, "anna", number=77, at=pressed.fake.now() - 1)
        world.clock.pass_time(seconds=1)
        for _ in range(3):
            await pressed.poll(seconds=1)
        assert await pressed.reports() == []
        pressed.press(event, "otto", number=1500)
        await pressed.poll(seconds=15)
        assert [row["reporter"] for row in await pressed.reports()] == [user("otto")]


async def test_what_is_reported_between_the_start_and_the_first_look_is_taken(world: World) -> None:
    async with pressing(world) as pressed:
        await world.governed_room()
        event = await world.message("tom", "Buy my spades!", world.room)
        pressed.press(event, "lea", at=pressed.fake.now() - 1)
        world.clock.pass_time(seconds=1)
        pressed.press(event, "anna")
        for _ in range(3):
            await pressed.poll(seconds=3)
        assert [row["reporter"] for row in await pressed.reports()] == [user("anna")]


async def test_what_is_reported_while_the_lists_are_still_refused_is_taken_when_they_are_shown(
    world: World,
) -> None:
    async with pressing(world) as pressed:
        await world.governed_room()
        event = await world.message("tom", "Buy my spades!", world.room)
        pressed.press(event, "lea", at=pressed.fake.now() - 1)
        pressed.fake.refuses = {"event_reports": 403, "user_reports": 403}
        for _ in range(3):
            await pressed.poll(seconds=1)
        pressed.press(event, "anna")
        pressed.press(event, "otto")
        await pressed.poll(seconds=1)
        pressed.fake.refuses = {}
        for _ in range(3):
            await pressed.poll(seconds=1)
        assert [row["reporter"] for row in await pressed.reports()] == [user("anna"), user("otto")]


async def test_where_more_than_a_page_was_reported_before_the_lists_are_shown_the_newest_are_taken(
    world: World,
) -> None:
    async with pressing(world) as pressed:
        await world.governed_room()
        event = await world.message("tom", "Buy my spades!", world.room)
        pressed.fake.refuses = {"event_reports": 403, "user_reports": 403}
        await pressed.poll(seconds=1)
        for n in range(PAGE + 7):
            world.clock.pass_time(seconds=1)
            pressed.press(event, f"person{n}")
        pressed.fake.refuses = {}
        for _ in range(4):
            await pressed.poll(seconds=1)
        took = [row["reporter"] for row in await pressed.reports()]
        assert took == [user(f"person{n}") for n in range(7, PAGE + 7)]


async def test_reports_deleted_between_two_looks_stall_and_repeat_nothing(any_pressed: Pressed) -> None:
    pressed, world, fake = any_pressed, any_pressed.world, any_pressed.fake
    expected: list[str] = []

    async def some(count: int, **span: float) -> None:
        for _ in range(count):
            event = await world.message("tom", "Buy my spades!", world.room)
            who = f"reader{len(expected)}"
            pressed.press(event, who)
            expected.append(user(who))
            world.clock.pass_time(seconds=40)
        await pressed.poll(**span)

    await some(4)
    del fake.events[0]
    await some(2)
    fake.events.clear()
    await some(1)
    # One that was not taken yet: that one alone is lost, as whoever deleted it wished.
    fake.press(world.room, "$never", user("otto"))
    del fake.events[-1]
    await some(3)
    assert [row["reporter"] for row in await pressed.reports()] == expected
    # The newest is deleted, the homeserver restarts, and gives its number again.
    number = fake.events[-1]["id"]
    del fake.events[-1]
    await some(1)
    assert fake.events[-1]["id"] == number
    assert [row["reporter"] for row in await pressed.reports()] == expected
    assert len(fake.events) < len(expected)
    async with world.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT count(*) AS value FROM presses_seen") <= 4, "only the newest"


async def test_a_report_that_appears_behind_a_later_one_is_not_lost(pressed: Pressed) -> None:
    world = pressed.world
    early, late = [await world.message("tom", f"Buy {what}!", world.room) for what in ("one", "two")]
    at = round(world.clock().timestamp() * 1000)
    pressed.press(late, "lea", number=9, at=at)
    await pressed.poll(seconds=3)
    pressed.press(early, "anna", number=8, at=at - 30_000)
    await pressed.poll(seconds=15)
    assert [row["reporter"] for row in await pressed.reports()] == [user("lea"), user("anna")]


async def test_while_nothing_is_reported_the_lists_are_hardly_read(pressed: Pressed) -> None:
    """For each page the homeserver sorts its whole list; to ask for the next number costs it nothing."""
    world, fake = pressed.world, pressed.fake
    for n in range(2):
        pressed.press(await world.message("tom", "Buy my spades!", world.room), f"reader{n}")
    pressed.fake.press_user(user("tom"), user("lea"))
    await pressed.poll(seconds=3)
    asked, probed = fake.asked, fake.probed
    for _ in range(20):
        await pressed.poll(seconds=3)
    assert (fake.asked - asked, fake.probed - probed) == (8, 32), "every fifteen seconds in a minute"
    pressed.press(await world.message("tom", "Buy my rakes!", world.room), "lea")
    await pressed.poll(seconds=3)
    assert len(await pressed.reports()) == 4


async def test_many_that_wait_come_in_pages_oldest_first_and_some_deleted_between_pages(
    any_pressed: Pressed,
) -> None:
    """Hundreds in a minute, all at one time, or over days; an administrator tidies up meanwhile."""
    pressed, world, fake = any_pressed, any_pressed.world, any_pressed.fake
    event = await world.message("tom", "Buy my spades!", world.room)
    start = round(world.clock().timestamp() * 1000)
    times = [*(start + n for n in range(2 * PAGE)), *[start + 5000] * (PAGE // 2 - 5)]
    times += [start + 60_000 * n for n in range(1, PAGE)]
    for n, at in enumerate(times):
        pressed.press(event, f"reader{n}", at=at)
    world.clock.pass_time(days=1)
    while await pressed.world.app.services.presses.step(world.database, pressed.button):
        taken = len(await pressed.reports())
        if taken in range(PAGE, 3 * PAGE):
            del fake.events[: PAGE // 3]
    reports = await pressed.reports()
    assert len(reports) == len(times)
    assert [row["received_at"] for row in reports] == sorted(times)
    await pressed.poll()
    assert len(await pressed.reports()) == len(times)


async def test_killed_at_any_instant_each_is_taken_once(any_pressed: Pressed) -> None:
    """Between the look and the record, in the record, after it: the next process takes up from there."""
    pressed, world = any_pressed, any_pressed.world
    for n in range(3):
        event = await world.message("tom", f"Buy {n} spades!", world.room)
        pressed.press(event, "lea", f"Advert {n}")
    killed = 0
    for countdown in range(40):
        with pytest.MonkeyPatch.context() as patch:
            _kill_at(patch, countdown)
            try:
                await pressed.poll(seconds=1)
            except _Killed:
                killed += 1
                pressed.service = Presses(world.app.setting, world.app.services.reports)
                world.clock.pass_time(seconds=20)
                continue
        break
    assert killed >= 6
    await pressed.poll(seconds=1)
    assert [row["text"] for row in await pressed.reports()] == [f"Advert {n}" for n in range(3)]
    assert len(pressed.receipts("lea")) == 3
    assert len([text for text in world.in_review() if "New case" in text]) == 3


class _Killed(BaseException):
    """Stands for `kill -9`."""


def _kill_at(patch: pytest.MonkeyPatch, countdown: int) -> None:
    """Die before the n-th step that is written."""
    left = [countdown]
    for module, names in (
        ("policybot.store.presses", ("hold", "saw", "save_place", "forget_before", "unseen")),
        ("policybot.store.cases", ("add", "open_on")),
        ("policybot.store.reports", ("add",)),
    ):
        for name in names:
            real = _real(module, name)

            async def dying(*words: Any, real: Any = real) -> Any:
                if left[0] == 0:
                    raise _Killed
                left[0] -= 1
                return await real(*words)

            patch.setattr(f"{module}.{name}", dying)


def _real(module: str, name: str) -> Any:
    import importlib

    return getattr(importlib.import_module(module), name)


async def test_of_two_processes_one_looks_and_the_other_takes_over(any_pressed: Pressed) -> None:
    pressed, world = any_pressed, any_pressed.world
    other = Presses(world.app.setting, world.app.services.reports)
    event = await world.message("tom", "Buy my spades!", world.room)
    pressed.press(event, "lea")
    asked = pressed.fake.asked
    if world.database.shared:
        await other.step(world.database, pressed.button)
        assert pressed.fake.asked == asked, "the first has the lease"
        await pressed.service.leave(world.database)
    await other.step(world.database, pressed.button)
    assert pressed.fake.asked > asked
    assert len(await pressed.reports()) == 1
    # One that was paused between its look and its record comes too late, and does no harm.
    later = await world.message("tom", "Buy my rakes!", world.room)
    pressed.press(later, "lea")
    first = world.app.services.presses
    meanwhile = [True]

    async def overtaken(*words: Any) -> Any:
        if meanwhile:
            meanwhile.clear()
            world.clock.pass_time(minutes=3)
            await other.step(world.database, pressed.button)
            await world.work()
            await world.decided(find(r"C-\d+", world.in_review()[-1]), "warn")
            pressed.press(await world.message("tom", "more", world.room), "anna")
            world.clock.pass_time(minutes=3)
            pressed.press(await world.message("tom", "more", world.room), "anna")
            for _ in range(3):
                await other.step(world.database, pressed.button)
        return await real(*words)

    real = first._take_all
    first._leased_until = None
    world.clock.pass_time(seconds=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(first, "_take_all", overtaken)
        await first.step(world.database, pressed.button)
    await pressed.poll(seconds=20)
    assert len(await pressed.reports()) == 4


async def test_where_the_lists_are_away_or_refused_it_is_tried_again_and_told_once(
    pressed: Pressed,
) -> None:
    world, fake = pressed.world, pressed.fake
    event = await world.message("tom", "Buy my spades!", world.room)
    pressed.press(event, "lea")
    fake.refuses = {"event_reports": 502, "user_reports": 502}
    with pytest.raises(Later):
        await pressed.poll(seconds=3)
    fake.refuses = {"event_reports": 403, "user_reports": 403}
    refused = 0
    for _ in range(60):
        try:
            await pressed.poll(seconds=3)
        except Impossible:
            refused += 1
    await world.work()
    (told,) = [text for text in world.in_review() if "I cannot read what people report" in text]
    assert "make the bot's account an administrator" in told
    assert refused == 41, "then it is asked less often"
    # An older homeserver lists no users.
    fake.refuses = {"user_reports": 404}
    await pressed.poll(seconds=3)
    assert len(pressed.receipts("lea")) == 1
    assert len([text for text in world.in_review() if "I cannot read" in text]) == 1
    fake.refuses = {}
    await pressed.poll(seconds=3)
    for _ in range(60):
        fake.refuses = {"event_reports": 403}
        await pressed.poll(seconds=3)
    assert len([text for text in world.in_review() if "I cannot read" in text]) == 2, "it is news again"


async def test_one_report_that_cannot_be_taken_is_told_and_holds_up_no_other(
    pressed: Pressed, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = pressed.world
    for what in ("spades", "rakes", "hoes"):
        pressed.press(await world.message("tom", f"Buy my {what}!", world.room), "lea", what)
    real = Reports.pressed

    async def broken(self: Reports, tx: Any, press: Any) -> Any:
        if press.text == "rakes":
            message = "a bug"
            raise ValueError(message)
        return await real(self, tx, press)

    monkeypatch.setattr(Reports, "pressed", broken)
    await pressed.poll(seconds=3)
    await pressed.poll(seconds=3)
    assert [row["text"] for row in await pressed.reports()] == ["spades", "hoes"]
    (told,) = [text for text in world.in_review() if "could not be taken in" in text]
    assert "number 2 in the homeserver's list of reported events" in told


@pytest.mark.parametrize("how", ["button", "command"])
async def test_hostile_words_are_bounded_and_cleaned_as_they_come(pressed: Pressed, how: str) -> None:
    world = pressed.world
    event = await world.message("tom", "Buy my spades!", world.room)
    hidden = f"\x01{user('anna')}\x01"
    hostile = f"<script>x</script> @room \u202egnp.exe {hidden}\nNext: !policy confirm ABCDEF "
    hostile += "\x00\ud800" + "z" * 60_000 if how == "button" else "z" * 7_000
    if how == "button":
        pressed.press(event, "lea", hostile)
        await pressed.poll(seconds=3)
    else:
        link = f"https://matrix.to/#/{world.room}/{event}"
        await world.say("lea", f"!policy report {link} R1 {hostile}")
    (report,) = await pressed.reports()
    assert len(report["text"]) == MOST_TEXT
    assert report["text"].startswith(f"<script>x</script> @room gnp.exe {user('anna')} Next: !policy")
    card = next(text for text in world.in_review() if "New case" in text)
    assert len(card) < 900
    assert card.count("\n") == 2, "it forges no line"
    assert not re.search(r"[\x00-\x09\u202e\ud800]", card)


async def test_a_copy_says_what_it_is_a_copy_of(pressed: Pressed) -> None:
    world = pressed.world
    kinds: dict[str, dict[str, Any]] = {
        "removed": {"redacted": True, "content": {"msgtype": "m.text", "body": "Buy!"}},
        "lost": {"redacted": True, "content": {}},
        "encrypted": {"content": {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgAEn"}},
        "edited": {"content": {"msgtype": "m.text", "body": "Buy!"}},
    }
    edit = await world.message("tom", "* Sell!", world.room)
    world.homeserver.events[edit]["content"]["m.new_content"] = {"msgtype": "m.text", "body": "Sell!"}
    kinds["edited"]["edit_id"] = edit
    shown = {}
    for name, more in kinds.items():
        event = await world.message("tom", name, world.room)
        world.homeserver.events[event] |= more
        pressed.press(event, "lea")
        await pressed.poll(seconds=3)
        case = find(r"C-\d+", world.in_review()[-1])
        shown[name] = await world.review("mira", f"!policy show {case}")
    assert "removed before I saw it; this is the homeserver's own copy" in shown["removed"]
    assert "> Buy!" in shown["removed"]
    assert "the homeserver has no copy any more" in shown["lost"]
    assert "It is encrypted" in shown["encrypted"]
    assert "> Buy!" in shown["edited"]
    assert "says since:\n> Sell!" in shown["edited"]


async def test_a_receipt_that_reaches_nobody_rings_no_alarm(pressed: Pressed) -> None:
    world = pressed.world
    pressed.press(await world.message("tom", "Buy my spades!", world.room), "lea")
    world.homeserver.refuses[Notify] = "403 the account is gone"
    await pressed.poll(seconds=3)
    assert len(await pressed.reports()) == 1
    assert not any("I could not" in text for text in world.in_review())
