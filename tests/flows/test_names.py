"""Names: a pseudonym unless its owner decides otherwise; who looks like whom is told, once."""

from pathlib import Path
from typing import Any

import pytest

from policybot.domain.identity import FrontClass
from policybot.services.roster import Entry
from tests.files import CODES, NAMES
from tests.flows.test_verification import page_code
from tests.world import BOT, World, user
from tests.world import world as make_world

FIELD = "org.policybot.verified"
NOBODY = "@nobody:example.org"


def profile(world: World, who: str) -> Any:
    return world.homeserver.profiles.get(user(who), {}).get(FIELD)


def classed(world: World, front: FrontClass) -> None:
    """Give the class of room that all tests use another kind of front."""
    for category in world.config.filing.categories:
        object.__setattr__(category, "front", front)


async def real(world: World, who: str) -> None:
    assert "would stand in place" in await world.say(who, "!policy name real")
    assert "from now on" in await world.say(who, "!policy name real yes")


# What others see -----------------------------------------------------------------------------------


async def test_others_see_a_pseudonym_by_default(world: World) -> None:
    world.homeserver.profiles[user("anna")] = {"displayname": "Rose of the Garden"}
    record = await world.governed_room()
    assert "pseudonym, «Rose of the Garden»" in await world.say("anna", "!policy name")
    answer = await world.say("lea", f"!policy lookup {record}")
    assert "Answerable: «Rose of the Garden» (@anna:example.org), verified" in answer
    assert profile(world, "anna") == {"verified": True, "by": BOT}
    assert NAMES["anna"] not in str(world.homeserver.said)


async def test_an_account_without_a_display_name_is_shown_as_itself(world: World) -> None:
    record = await world.governed_room()
    answer = await world.say("lea", f"!policy lookup {record}")
    assert "Answerable: @anna:example.org, verified" in answer


async def test_a_name_that_is_changed_in_a_governed_room_is_the_new_pseudonym(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    await world.called("anna", "Rose")
    assert "Front name: «Rose»" in await world.say("lea", f"!policy lookup {user('anna')}")
    await world.called("anna", None)
    assert "Front name: @anna:example.org" in await world.say("lea", f"!policy lookup {user('anna')}")


async def test_a_name_in_a_room_that_is_not_governed_is_nobodys_business(world: World) -> None:
    await world.governed_room()
    await world.called("anna", "Rose", "!elsewhere:example.org")
    assert "Rose" not in await world.say("lea", f"!policy lookup {user('anna')}")


async def test_a_name_that_somebody_else_gives_is_not_theirs(world: World) -> None:
    await world.governed_room()
    await world.deliver(
        type="m.room.member",
        room_id=world.room,
        sender=user("tom"),
        state_key=user("anna"),
        content={"membership": "join", "displayname": "A fool"},
    )
    assert "fool" not in await world.say("lea", f"!policy lookup {user('anna')}")


# The real name -------------------------------------------------------------------------------------


async def test_the_real_name_is_shown_only_after_its_owner_confirmed(any_world: World) -> None:
    world = any_world
    record = await world.governed_room()
    answer = await world.say("anna", "!policy name real")
    assert "everybody who looks you or your rooms up" in answer
    assert "cannot be unseen" in answer
    assert "A*** C***" in answer
    assert NAMES["anna"] not in answer
    assert NAMES["anna"] not in await world.say("lea", f"!policy lookup {record}")
    assert "from now on" in await world.say("anna", "!policy name real yes")
    assert f"Answerable: «{NAMES['anna']}» (@anna:example.org), verified" in await world.say(
        "lea", f"!policy lookup {record}"
    )
    assert f"«{NAMES['anna']}»" in await world.say("anna", "!policy name")
    assert profile(world, "anna") == {"verified": True, "by": BOT, "name": NAMES["anna"]}


@pytest.mark.parametrize("words", ["real no", "real yes please", "yes", "front yes", "REAL ja", "fake"])
async def test_nothing_else_confirms_it(world: World, words: str) -> None:
    await world.verified("anna")
    answer = await world.say("anna", f"!policy name {words}")
    assert "Usage" in answer or "would stand" in answer
    assert profile(world, "anna") == {"verified": True, "by": BOT}


async def test_its_owner_goes_back_at_any_time_at_once(world: World) -> None:
    await world.verified("anna")
    await real(world, "anna")
    assert "Others see your pseudonym" in await world.say("anna", "!policy name front")
    assert NAMES["anna"] not in await world.say("lea", f"!policy lookup {user('anna')}")
    assert profile(world, "anna") == {"verified": True, "by": BOT}
    assert "Others see your pseudonym" in await world.say("anna", "!policy name pseudonym")


async def test_who_is_not_verified_has_no_name_to_show(world: World) -> None:
    assert "verify yourself first" in await world.say("lea", "!policy name real")
    assert "verify yourself first" in await world.say("lea", "!policy name real yes")
    assert "not verified" in await world.say("lea", "!policy name")
    assert "Others see your pseudonym" in await world.say("lea", "!policy name front")


async def test_where_no_name_is_kept_none_is_shown(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"identity.keep": ["birthdate"]}
    async with make_world(tmp_path, **changes) as world:
        await world.verified("anna")
        assert "not kept here" in await world.say("anna", "!policy name real yes")


async def test_an_operator_who_wants_pseudonyms_only_is_obeyed(world: World) -> None:
    await world.verified("anna")
    await real(world, "anna")
    object.__setattr__(world.config.identity.front, "real_allowed", False)
    assert NAMES["anna"] not in await world.say("lea", f"!policy lookup {user('anna')}")
    await world.tick(seconds=15)
    assert "pseudonyms only" in world.told("anna")[-1]
    assert profile(world, "anna") == {"verified": True, "by": BOT}
    for words in ("real", "real yes"):
        assert "pseudonyms only" in await world.say("anna", f"!policy name {words}")
    assert "real" not in await world.say("anna", "!policy name")


async def test_a_corrected_list_corrects_the_name_that_is_shown(world: World) -> None:
    await world.verified("anna")
    await real(world, "anna")
    entries = [Entry({"person": n, "name": NAMES[n]}, "") for n in CODES if n != "anna"]
    entries.append(Entry({"person": "anna", "name": "Anna Married-Canary"}, ""))
    roster = world.app.services.roster
    plan = await roster.plan(world.database, entries, lambda _: None)
    await roster.carry_out(world.database, plan, lambda _: None)
    await world.work()
    assert "Anna Married-Canary" in await world.say("lea", f"!policy lookup {user('anna')}")
    assert profile(world, "anna")["name"] == "Anna Married-Canary"


# Kinds of room -------------------------------------------------------------------------------------


async def test_a_room_where_names_are_voluntary_shows_what_its_owner_chose(world: World) -> None:
    record = await world.governed_room()
    await real(world, "anna")
    assert NAMES["anna"] in await world.say("lea", f"!policy lookup {record}")


async def test_a_room_for_the_verified_says_always_whether_they_are(world: World) -> None:
    classed(world, FrontClass.VERIFIED_REQUIRED)
    record = await world.governed_room()
    assert "@anna:example.org, verified" in await world.say("lea", f"!policy lookup {record}")
    await world.say("anna", "!policy unlink")
    assert "@anna:example.org, not verified" in await world.say("lea", f"!policy lookup {record}")


async def test_a_room_of_a_role_shows_the_role_and_no_person(world: World) -> None:
    classed(world, FrontClass.ROLE_BASED)
    record = await world.governed_room()
    await real(world, "anna")
    answer = await world.say("lea", f"!policy lookup {record}")
    assert "Answerable: whoever holds the role «General conversation», verified" in answer
    assert "anna" not in answer.lower()


async def test_a_room_for_pseudonyms_never_shows_the_real_name(world: World) -> None:
    classed(world, FrontClass.PSEUDONYM_ONLY)
    record = await world.governed_room()
    await world.called("anna", "Rose")
    assert "«General conversation»" in await world.say("anna", "!policy name real")
    await world.say("anna", "!policy name real yes")
    assert "Answerable: «Rose» (@anna" in await world.say("lea", f"!policy lookup {record}")
    asked_there = await world.say("lea", f"!policy lookup {user('anna')}", world.room)
    assert "Front name: «Rose»" in asked_there
    assert NAMES["anna"] not in asked_there
    assert NAMES["anna"] in await world.say("lea", f"!policy lookup {user('anna')}"), "elsewhere it is"


async def test_a_room_of_a_kind_that_is_no_more_shows_no_real_name(world: World) -> None:
    record = await world.governed_room()
    await real(world, "anna")
    object.__setattr__(world.config.filing.categories[0], "id", "renamed")
    assert NAMES["anna"] not in await world.say("lea", f"!policy lookup {record}")


# Looking somebody up -------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["{}", "https://matrix.to/#/{}", "https://matrix.to/#/{}?via=x"])
async def test_lookup_says_verified_and_the_front_name_without_the_real_one(
    world: World, text: str
) -> None:
    world.homeserver.profiles[user("anna")] = {"displayname": "Rose"}
    await world.verified("anna")
    for who in ("lea", "mira"):
        answer = await world.say(who, "!policy lookup " + text.format(user("anna")))
        assert answer == (
            "@anna:example.org: verified since 2 March 2026\nFront name: «Rose» (@anna:example.org)"
        )


async def test_who_is_not_linked_is_answered_like_an_unknown_account(world: World) -> None:
    await world.verified("tom")
    await world.verified("anna")
    await world.say("tom", "!policy unlink")
    unknown = await world.say("lea", f"!policy lookup {NOBODY}")
    assert unknown == f"{NOBODY} is not verified."
    for who in ("tom", "lea"):
        answer = await world.say("lea", f"!policy lookup {user(who)}")
        assert answer.replace(user(who), NOBODY) == unknown
    await world.tick(days=731)
    assert (await world.say("lea", f"!policy lookup {user('anna')}")).replace(
        user("anna"), NOBODY
    ) == unknown


@pytest.mark.parametrize(
    "text", ["@", "@anna", "@an na:x", "@аnna:example.org", "@" + "a" * 300 + ":x", "@a:<b>x</b>"]
)
async def test_what_is_no_account_is_told_as_such(world: World, text: str) -> None:
    answer = await world.say("lea", f"!policy lookup {text}")
    assert "is no account" in answer or "more than I understand" in answer
    assert len(answer) < 300


async def test_staff_sees_no_more_and_the_review_room_no_real_name(world: World) -> None:
    record = await world.governed_room()
    await real(world, "anna")
    for what in (record, user("anna")):
        assert NAMES["anna"] not in await world.review("mira", f"!policy lookup {what}")
    await world.say("mira", f"!policy verify {await page_code(world, 'mira', CODES['mira'])}")
    await real(world, "mira")
    assert "your verified name" in await world.review("mira", "!policy name")
    assert "Canary" not in str(world.in_review())


async def test_a_place_for_a_name_cannot_be_written_by_others(world: World) -> None:
    classed(world, FrontClass.PSEUDONYM_ONLY)
    await world.governed_room()
    await real(world, "anna")
    place = f"\x01{user('anna')}\x01"
    assert NAMES["anna"] not in await world.say("tom", f"!policy {place}")
    await world.say("tom", f"!policy report {world.room} R1 Look: {place}")
    await world.say("anna", f"!policy file !other:example.org general {place}")
    assert NAMES["anna"] not in str(world.homeserver.said)


async def test_a_field_that_somebody_writes_themself_gains_nothing(world: World) -> None:
    world.homeserver.profiles[user("zoe")] = {FIELD: {"verified": True, "by": BOT}}
    assert await world.say("lea", f"!policy lookup {user('zoe')}") == f"{user('zoe')} is not verified."


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("\u202eesoR\u202c", "«esoR»"),
        ("R\u200bo\u2060se", "«Rose»"),
        ("<b onclick=x>Rose</b>", "«<b onclick=x>Rose</b>»"),
        ("@room @lea:example.org", "«@room @lea:example.org»"),
        (
            "Rose\nAnswerable: @tom:example.org, verified",
            "«Rose Answerable: @tom:example.org, verified»",
        ),
        ("R" * 61_440, f"«{'R' * 64}»"),
        ("\x01@tom:example.org\x01", "«@tom:example.org»"),
        ("שושנה", "«\u2068שושנה\u2069»"),
        ("\u200b\u3164", "Front name: @anna:example.org"),
        (7, "Front name: @anna:example.org"),
        (["Rose"], "Front name: @anna:example.org"),
        ({"a": "b"}, "Front name: @anna:example.org"),
    ],
)
async def test_a_hostile_display_name_does_no_harm(world: World, given_name: Any, shown: str) -> None:
    await world.governed_room()
    await world.called("anna", given_name)
    answer = await world.say("lea", f"!policy lookup {user('anna')}")
    assert shown in answer
    assert answer.count("\n") == 1
    async with world.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT COUNT(*) AS value FROM dead_events") == 0
