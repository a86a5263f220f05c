"""Reveal: two persons decide, one of them looks once, and whoever was looked at is told."""

import re
import sqlite3

import pytest

from policybot.app import App
from policybot.config.keys import KeyMissing
from policybot.domain.errors import NotFound
from policybot.store import audit, members
from policybot.store.database import Database
from tests.files import NAMES
from tests.staffed import Private, link_to
from tests.world import CHEAP, World, find

TOLD = "Somebody has looked behind your pseudonym"


async def tags(world: World) -> list[str]:
    async with world.database.transaction(reading=True) as tx:
        return [row["tag"] for row in await tx.fetch("SELECT tag FROM audit ORDER BY seq")]


async def test_two_persons_decide_and_one_of_them_sees_the_name_once(any_staffed: Private) -> None:
    """I23: a name is read as often as that is on record."""
    assert await any_staffed.opened() == NAMES["tom"]
    assert [tag for tag in await tags(any_staffed.world) if tag.startswith("reveal:")] == [
        "reveal:request",
        "reveal:approve",
        "reveal:open",
        "reveal:done",
    ]
    said = [text for _, text in any_staffed.world.homeserver.said.values()]
    assert not any("Canary" in text for text in said), "the name is in no message"


async def test_the_card_says_why_and_names_nobody_but_the_account(staffed: Private) -> None:
    await staffed.ask("legal_order")
    card = next(text for text in staffed.world.in_review() if "asks to learn" in text)
    for part in ("@tom:example.org", "An order of a court", "Shown would be: name", "after 30 days"):
        assert part in card
    assert "He says so" in card


async def test_a_moderator_cannot_approve_their_own_reveal(staffed: Private) -> None:
    code = await staffed.ask()
    assert "needs a second person" in await staffed.world.review("mira", f"!policy confirm {code}")


async def test_nor_with_their_second_account(staffed: Private) -> None:
    world = staffed.world
    await link_to(world, "mona", "mira")
    code = await staffed.ask()
    assert "the same one's" in await world.review("mona", f"!policy confirm {code}")
    await world.say("mona", "!policy unlink")
    assert "the same one's" in await world.review("mona", f"!policy confirm {code}")
    assert "Agreed" in await world.review("ravi", f"!policy confirm {code}")


async def test_nor_can_a_party(staffed: Private) -> None:
    """Lea reported Tom; she has the role, and an account beside it."""
    world = staffed.world
    code = await staffed.ask()
    await world.verified("lea")
    assert "You are a party" in await world.review("lea", f"!policy confirm {code}")
    await link_to(world, "petra", "lea")
    assert "You are a party" in await world.review("petra", f"!policy confirm {code}")


async def test_nor_can_somebody_of_whom_nobody_knows_which_person_they_are(staffed: Private) -> None:
    code = await staffed.ask()
    assert "both have to be verified" in await staffed.world.review("petra", f"!policy confirm {code}")
    await staffed.world.verified("petra")
    assert "Agreed" in await staffed.world.review("petra", f"!policy confirm {code}")


async def test_nor_can_somebody_without_the_role(staffed: Private) -> None:
    code = await staffed.ask()
    for who in ("otto", "tom"):
        answer = await staffed.world.say(who, f"!policy confirm {code}")
        assert "Nothing waits under the code" in answer, who


async def test_who_may_not_ask(staffed: Private) -> None:
    world, ask = staffed.world, f"!policy reveal @tom:example.org {staffed.case} impersonation_claim"
    assert "is for people with the role «moderator»" in await world.review("ravi", ask), "no moderator"
    assert "both have to be verified" in await world.review("otto", ask)
    await link_to(world, "mona", "tom")
    assert "no case" in await world.review("mona", ask), "Tom's own second account"


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("@tom:example.org C-9 legal_order", "There is no case C-9"),
        ("@anna:example.org C-1 legal_order", "no case C-1 that you can see|not about"),
        ("@lea:example.org C-1 legal_order", "is not about @lea:example.org"),
        ("@tom:example.org C-1 curiosity", "There is no reason «curiosity»"),
        ("tom C-1 legal_order", "is no user ID"),
        ("@tom:example.org C-1 legal_order " + "x" * 1001, "in 1000 characters"),
    ],
)
async def test_what_may_not_be_asked(staffed: Private, words: str, answer: str) -> None:
    assert re.search(answer, await staffed.world.review("mira", f"!policy reveal {words}"))
    assert "reveal:request" not in await tags(staffed.world)


async def test_the_same_is_not_asked_twice_and_not_all_day(staffed: Private) -> None:
    ask = f"!policy reveal @tom:example.org {staffed.case} impersonation_claim"
    for _ in range(5):
        code = await staffed.ask()
        assert "asked already" in await staffed.world.review("mira", ask)
        await staffed.world.review("ravi", f"!policy deny {code}")
    assert "5 times today" in await staffed.world.review("mira", ask)


async def test_a_denied_request_opens_nothing(staffed: Private) -> None:
    world = staffed.world
    code = await staffed.ask()
    assert "denied" in await world.review("ravi", f"!policy deny {code}")
    assert "was refused" in world.told("mira")[-1]
    assert "Nothing waits" in await world.review("ravi", f"!policy confirm {code}")
    assert not any("/reveal/" in text for text in world.told("mira"))


async def test_an_expired_request_opens_nothing(any_staffed: Private) -> None:
    world = any_staffed.world
    code = await any_staffed.ask()
    await world.tick(hours=25)
    assert "not agreed to in time" in world.told("mira")[-1]
    assert "Nothing waits" in await world.review("ravi", f"!policy confirm {code}")


async def test_a_link_opens_once_and_soon(any_staffed: Private) -> None:
    world, reveals = any_staffed.world, any_staffed.world.app.services.reveals
    token = await any_staffed.link()
    world.clock.pass_time(minutes=16)
    with pytest.raises(NotFound, match="no longer valid"):
        await reveals.open(world.database, token)
    again = f"!policy reveal @tom:example.org {any_staffed.case} impersonation_claim"
    assert "a new link" in await world.review("mira", again)
    fresh = find(r"(?<=/reveal/)\S+", world.told("mira")[-1])
    await reveals.open(world.database, fresh)
    for dead in (token, fresh, "", "x" * 5000):
        with pytest.raises(NotFound, match="no longer valid"):
            await reveals.open(world.database, dead)


async def test_what_was_agreed_to_and_never_opened_lapses(staffed: Private) -> None:
    world = staffed.world
    token = await staffed.link()
    await world.tick(hours=25)
    with pytest.raises(NotFound):
        await world.app.services.reveals.open(world.database, token)
    assert await staffed.ask(), "it has to be agreed to anew"


async def test_what_was_agreed_is_what_was_asked(staffed: Private) -> None:
    """A changed configuration changes nothing for a request that is under way."""
    world = staffed.world
    code = await staffed.ask("legal_order")
    object.__setattr__(world.config.privacy.reveal, "reasons", ())
    await world.review("ravi", f"!policy confirm {code}")
    token = find(r"(?<=/reveal/)\S+", world.told("mira")[-1])
    shown = await world.app.services.reveals.open(world.database, token)
    assert shown.reveal.reason.delay.days == 30
    assert "is not set up here" in await world.review(
        "mira", "!policy reveal @tom:example.org C-1 legal_order"
    )


async def test_who_lost_the_role_meanwhile_opens_nothing(staffed: Private) -> None:
    world = staffed.world
    token = await staffed.link()
    await world.deliver(
        type="m.room.member",
        room_id="!review:example.org",
        sender="@mira:example.org",
        state_key="@mira:example.org",
        content={"membership": "leave"},
    )
    with pytest.raises(NotFound, match="no longer valid"):
        await world.app.services.reveals.open(world.database, token)


async def test_the_database_keeps_no_link(staffed: Private) -> None:
    token = await staffed.link()
    async with staffed.world.database.transaction(reading=True) as tx:
        rows = [*await tx.fetch("SELECT data FROM outbox"), *await tx.fetch("SELECT * FROM reveals")]
    assert not any(token in str(tuple(row)) for row in rows)  # type: ignore[arg-type]  # rows are tuples


async def test_no_audit_no_answer(staffed: Private, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database refuses the entry that says that a name is being opened: nothing is decrypted."""
    world, opened = staffed.world, []
    token = await staffed.link()
    vault = world.app.services.privacy._vault
    monkeypatch.setattr(vault, "_opened", lambda *_: opened.append(1))
    async with world.database.transaction() as tx:
        await tx.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON audit WHEN NEW.tag = 'reveal:open'"
            " BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
        await tx.execute("UPDATE audit_head SET seq = seq")
    with pytest.raises(sqlite3.IntegrityError, match="the disk is full"):
        await world.app.services.reveals.open(world.database, token)
    assert opened == []
    assert not any(TOLD in text for text in world.told("tom"))


async def test_an_opening_that_breaks_off_calls_people(any_staffed: Private) -> None:
    world = any_staffed.world
    token = await any_staffed.link()
    world.config.key_file.rename(world.config.key_file.with_suffix(".gone"))
    with pytest.raises(KeyMissing):
        await world.app.services.reveals.open(world.database, token)
    world.config.key_file.with_suffix(".gone").rename(world.config.key_file)
    await world.tick(minutes=2)
    alarms = [text for text in world.in_review() if text.startswith("Alarm: reveal 1")]
    await world.tick(minutes=2)
    assert len(alarms) == len([text for text in world.in_review() if text.startswith("Alarm")]) == 1
    assert any(TOLD in text for text in world.told("tom")), "it may have been shown, so he is told"
    with pytest.raises(NotFound):
        await world.app.services.reveals.open(world.database, token)


async def test_the_person_is_told_at_once_on_all_accounts(staffed: Private) -> None:
    world = staffed.world
    await link_to(world, "zoe", "tom")
    await staffed.opened()
    await world.work()
    for who in ("tom", "zoe"):
        notice = world.told(who)[-1]
        for part in (TOLD, "your name", "role «moderator»", "speaks in their name", staffed.case):
            assert part in notice
        assert "complain to office@example.org" in notice
        assert "mira" not in notice
        assert "Canary" not in notice


async def test_a_name_that_was_shown_in_a_dry_run_was_shown(staffed: Private) -> None:
    staffed.world.config.dry_run = True
    await staffed.opened()
    await staffed.world.work()
    assert TOLD in staffed.world.told("tom")[-1]


async def test_the_person_is_told_later_also_after_restart_unlink_and_new_keys(
    any_staffed: Private,
) -> None:
    world = any_staffed.world
    await any_staffed.opened("legal_order")
    await world.work()
    await world.say("tom", "!policy unlink")
    new = world.app.keys.add()
    async with world.database.transaction() as tx:
        while await world.app.services.privacy._vault.rewrap(tx, "k1", 100):
            pass
    world.app.keys.remove("k1")
    assert new == "k2"
    await world.tick(days=29)
    assert not any(TOLD in text for text in world.told("tom"))
    assert "Who looked" not in await world.say("tom", "!policy me"), "not before it is due"
    await world.database.close()
    world.database = await Database.open(world.config.database_url)
    world.app = App(world.config, world.database, now=world.clock, stretch=CHEAP)
    world.app.setting.review_room = "!review:example.org"
    await world.app.record_policy()
    await world.tick(days=2)
    notices = [text for text in world.told("tom") if TOLD in text]
    assert len(notices) == 1
    assert "An order of a court" in notices[0]
    await world.tick(days=2)
    assert len([text for text in world.told("tom") if TOLD in text]) == 1, "once"


async def test_later_is_later_also_when_the_person_is_forgotten(staffed: Private) -> None:
    world = staffed.world
    await staffed.opened("legal_order")
    await world.review("otto", f"!policy dismiss {staffed.case} There was no breach at all")
    code = find(r"(?<=!policy confirm )\w+", await world.say("tom", "!policy erase"))
    await world.say("tom", f"!policy confirm {code}")
    await world.tick(days=31)
    assert sum(TOLD in text for text in world.told("tom")) == 1


async def test_me_shows_who_looked(staffed: Private) -> None:
    await staffed.opened()
    answer = await staffed.world.say("tom", "!policy me")
    line = find(r"(?<=Who looked behind your pseudonym:\n).*", answer)
    assert "«moderator» was shown your name, with a second person's consent" in line
    assert "speaks in their name, C-1" in line
    assert "mira" not in answer


# Questions ---------------------------------------------------------------------------------------


async def test_two_accounts_are_compared_without_a_name_and_both_are_told(any_staffed: Private) -> None:
    world = any_staffed.world
    await world.verified("zoe")
    ask = f"!policy same @tom:example.org @{{}}:example.org {any_staffed.case}"
    assert "No: " in await world.review("mira", ask.format("zoe"))
    for who, other in (("tom", "zoe"), ("zoe", "tom")):
        assert f"whether your account @{who}:example.org and another" in world.told(who)[-1]
        assert f"@{other}" not in world.told(who)[-1]
    assert "Nobody else is known" in await world.review("mira", ask.format("lea"))
    await link_to(world, "petra", "tom")
    assert "Yes: " in await world.review("mira", ask.format("petra"))
    assert "whether your accounts" in world.told("petra")[-1]


async def test_a_name_is_compared_in_private_and_never_written_down(staffed: Private) -> None:
    world = staffed.world
    ask = f"!policy matches @tom:example.org {staffed.case} {{}}"
    assert "in a direct chat" in await world.review("mira", ask.format("Tom Canary-tom"))
    assert "Yes: " in await world.say("mira", ask.format("canary tom TOM"))
    assert "No: " in await world.say("mira", ask.format("Anna Canary-anna"))
    assert "whether a name that they gave is yours" in world.told("tom")[-1]
    async with world.database.transaction(reading=True) as tx:
        for table in ("audit_payloads", "looks", "outbox", "reveals"):
            rows = await tx.fetch(f"SELECT * FROM {table}")  # noqa: S608
            assert not any("anary" in str(tuple(row)) for row in rows)  # type: ignore[arg-type]


async def test_a_name_cannot_be_guessed_by_asking(any_staffed: Private) -> None:
    world = any_staffed.world
    ask = f"!policy matches @tom:example.org {any_staffed.case} Somebody Else"
    for _ in range(3):
        assert "No: " in await world.say("mira", ask)
    assert "3 times in C-1" in await world.say("mira", ask)
    await world.verified("otto")
    assert "3 times in C-1" in await world.say("otto", ask), "not by taking turns either"
    object.__setattr__(world.config.privacy.reveal, "questions_a_day", 3)
    same = f"!policy same @tom:example.org @anna:example.org {any_staffed.case}"
    assert "3 such questions today" in await world.review("mira", same)


async def test_the_chain_holds_after_all_this(staffed: Private) -> None:
    await staffed.opened()
    async with staffed.world.database.transaction(reading=True) as tx:
        steps = [step async for step in audit.verify(tx)]
    assert isinstance(steps[-1], int)


# Accounts that change hands ----------------------------------------------------------------------


async def test_a_reveal_names_whose_account_it_was_when_it_happened(any_staffed: Private) -> None:
    """Tom wrote; he unlinked, and Zoe has the account now and is verified on it."""
    world = any_staffed.world
    await world.say("tom", "!policy unlink")
    await world.tick(days=1)
    await link_to(world, "tom", "zoe")
    await world.work()
    before = len(world.told("tom"))
    assert await any_staffed.opened() == NAMES["tom"]
    card = next(text for text in world.in_review() if "asks to learn" in text)
    assert "no longer linked to that person" in card
    assert "Canary" not in card
    await world.work()
    assert not any(TOLD in text for text in world.told("tom")[before:]), "Zoe was not looked behind"
    ask = f"@tom:example.org {any_staffed.case}"
    assert "Yes" not in await world.say("mira", f"!policy matches {ask} {NAMES['zoe']}")
    assert "Yes" in await world.say("mira", f"!policy matches {ask} {NAMES['tom']}")
    await link_to(world, "theo", "tom")
    await world.tick(minutes=1)
    assert any(TOLD in text for text in world.told("theo")), "Tom is told once he has an account again"


async def test_what_nobody_known_wrote_reveals_nobody(staffed: Private) -> None:
    """Lea was not verified when she wrote: who verifies on the account later may be somebody else."""
    world = staffed.world
    case = await world.reported(offender="lea", reporter="zoe")
    await world.tick(days=1)
    await world.verified("lea")
    answer = await world.review("mira", f"!policy reveal @lea:example.org {case} legal_order")
    assert "Nobody was known behind @lea:example.org when that happened" in answer


async def test_a_name_in_two_parts_is_compared_as_one(staffed: Private) -> None:
    world = staffed.world
    async with world.database.transaction() as tx:
        link = await members.link_of(tx, "@tom:example.org")
        assert link is not None
        vault = world.app.services.privacy._vault
        await vault.keep(
            tx,
            link.person_id,
            "claims roster roster",
            {"given_name": "Tom", "family_name": "Canary-tom"},
        )
    question = f"!policy matches @tom:example.org {staffed.case} Canary-tom Tom"
    assert "Yes" in await world.say("mira", question)
