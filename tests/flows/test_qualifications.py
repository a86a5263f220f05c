"""Qualifications: what a room may publish, by the operator's own list, from the claim to the end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from policybot.app import App
from tests.world import CHEAP, World, find, user
from tests.world import world as make_world

MEDICAL: dict[str, Any] = {
    "id": "medical",
    "title": "Medical advice",
    "needs": "The number of the licence",
    "verifier": "The chamber",
    "valid_for": "P90D",
    "rights": ["publish", "answer"],
}
LEGAL = {**MEDICAL, "id": "legal", "title": "Legal advice", "second_person": True}
EVIDENCE = "Licence 4711 of the chamber"
STAFF = {
    "@mira:example.org": ["moderator", "reviewer"],
    "@otto:example.org": ["moderator", "appeals"],
    "@ravi:example.org": ["reviewer", "appeals", "privacy"],
}
CHANGES: dict[str, Any] = {"filing.qualifications": [MEDICAL, LEGAL], "staff": STAFF}


@pytest.fixture
async def medical(tmp_path: Path) -> AsyncIterator[World]:
    """A world in which rooms can be qualified, on SQLite."""
    async with make_world(tmp_path, **CHANGES) as made:
        yield made


@pytest.fixture
async def any_medical(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    """The same, once on SQLite and once on PostgreSQL."""
    async with make_world(tmp_path, database_url, **CHANGES) as made:
        yield made


async def claimed(world: World, record: str, kind: str = "medical", evidence: str = EVIDENCE) -> str:
    """Have Anna ask for a qualification; return its number."""
    answer = await world.say("anna", f"!policy qualify {record} {kind} {evidence}")
    return find(r"Q-\d+", answer)


async def granted(world: World) -> str:
    """Have Anna's room qualified; return its record number."""
    record = await world.governed_room()
    number = await claimed(world, record)
    assert "is granted until 31 May 2026" in await world.review("ravi", f"!policy grant {number}")
    return record


def marks(world: World) -> list[dict[str, Any]]:
    """Read the qualifications off the label."""
    found: list[dict[str, Any]] = world.homeserver.contents[world.room].get("qualifications", [])
    return found


async def test_a_room_is_qualified_and_its_label_says_for_what_and_until_when(
    any_medical: World,
) -> None:
    world = any_medical
    record = await world.governed_room()
    assert marks(world) == []
    number = await claimed(world, record)
    card = world.in_review()[-1]
    for part in (number, record, "Medical advice", "The number of the licence", EVIDENCE, "The chamber"):
        assert part in card
    assert number in await world.review("ravi", "!policy queue qualifications")
    assert EVIDENCE in await world.review("ravi", f"!policy show {number}")
    assert "waiting for a reviewer" in await world.say("anna", f"!policy status {number}")
    await world.review("ravi", f"!policy grant {number}")
    assert marks(world) == [
        {
            "id": "medical",
            "title": "Medical advice",
            "rights": ["publish", "answer"],
            "until": "2026-05-31",
        }
    ]
    assert any("is qualified for «Medical advice»" in text for text in world.told("anna"))
    looked_up = await world.say("lea", f"!policy lookup {record}")
    assert "Qualified: Medical advice (publish, answer) until 31 May 2026" in looked_up
    assert "Nothing waits" in await world.review("ravi", "!policy queue qualifications")


async def test_owners_learn_what_there_is_and_what_it_needs(medical: World) -> None:
    answer = await medical.say("anna", "!policy qualify")
    assert "medical: Medical advice. Allows: publish, answer. Needs: The number of the licence" in answer
    assert "legal: Legal advice" in answer
    record = await granted(medical)
    assert "legal: Legal advice" in await medical.say("anna", f"!policy qualify {record} legal")
    assert "Qualified: Medical advice" in await medical.say("anna", f"!policy status {record}")


async def test_where_none_is_set_up_there_is_none(world: World) -> None:
    assert "No subject needs a qualification" in await world.say("anna", "!policy qualify")


async def test_a_rejected_claim_is_told_with_its_reason_and_can_be_made_anew(medical: World) -> None:
    record = await medical.governed_room()
    number = await claimed(medical, record)
    assert "asked for this already" in await medical.say(
        "anna", f"!policy qualify {record} medical {EVIDENCE}"
    )
    assert "in a sentence" in await medical.review("ravi", f"!policy reject {number} no")
    await medical.review("ravi", f"!policy reject {number} The licence has run out")
    assert any("The licence has run out" in text for text in medical.told("anna"))
    assert "is rejected" in await medical.review("ravi", f"!policy grant {number}")
    assert marks(medical) == []
    assert await claimed(medical, record) == "Q-2"


async def test_where_it_is_asked_for_a_second_person_grants(medical: World) -> None:
    record = await medical.governed_room()
    number = await claimed(medical, record, "legal")
    answer = await medical.review("ravi", f"!policy grant {number}")
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert marks(medical) == []
    assert "second person" in await medical.review("ravi", f"!policy confirm {code}")
    assert "Nothing waits" in await medical.review("otto", f"!policy confirm {code}"), "no reviewer"
    assert "is granted" in await medical.review("mira", f"!policy confirm {code}")
    assert [mark["id"] for mark in marks(medical)] == ["legal"]
    assert "Nothing waits" in await medical.review("mira", f"!policy confirm {code}")


async def test_silence_grants_nothing(medical: World) -> None:
    number = await claimed(medical, await medical.governed_room(), "legal")
    answer = await medical.review("ravi", f"!policy grant {number}")
    code = find(r"(?<=!policy confirm )\w+", answer)
    await medical.tick(hours=25)
    assert any("has expired. Nothing was done" in text for text in medical.in_review())
    assert "is granted" not in await medical.review("mira", f"!policy confirm {code}")
    assert marks(medical) == []
    assert "waiting for a reviewer" in await medical.say("anna", f"!policy status {number}")


async def test_revoking_always_needs_two_people_and_takes_it_off_the_label(any_medical: World) -> None:
    world = any_medical
    await granted(world)
    answer = await world.review("ravi", "!policy revoke Q-1 The chamber withdrew the licence")
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert marks(world)
    assert "second person" in await world.review("ravi", f"!policy confirm {code}")
    assert "Q-1 is revoked" in await world.review("mira", f"!policy confirm {code}")
    assert marks(world) == []
    assert any("The chamber withdrew the licence" in text for text in world.told("anna"))
    assert "Qualified" not in await world.say(
        "lea", "!policy lookup " + world.homeserver.labels[world.room]
    )


async def test_two_reviewers_at_once_decide_once(any_medical: World) -> None:
    world = any_medical
    number = await claimed(world, await world.governed_room())
    yes = {"body": f"!policy grant {number}", "sender": "ravi"}
    no = {"body": f"!policy reject {number} The licence has run out", "sender": "mira"}
    # The homeserver sends again what came too late, as it does when it was not answered.
    for _ in range(2):
        await asyncio.gather(
            *(
                world.inward.handle(
                    {
                        "type": "m.room.message",
                        "event_id": f"$at-once-{act['sender']}",
                        "room_id": "!review:example.org",
                        "sender": user(act["sender"]),
                        "origin_server_ts": 1,
                        "content": {"msgtype": "m.text", "body": act["body"]},
                    }
                )
                for act in (yes, no)
            ),
            return_exceptions=True,
        )
    await world.work()
    decided = [text for text in world.told("anna") if number in text]
    assert len(decided) == 1, decided
    assert bool(marks(world)) == ("is qualified for" in decided[0])


async def test_a_reviewer_does_not_decide_about_their_own_room(tmp_path: Path) -> None:
    staff = STAFF | {"@anna:example.org": ["reviewer"]}
    async with make_world(tmp_path, **(CHANGES | {"staff": staff})) as world:
        record = await world.governed_room()
        number = await claimed(world, record)
        async with world.database.transaction() as tx:
            await tx.execute("INSERT INTO review_members (user_id) VALUES ($1)", user("anna"))
        assert "somebody else decides" in await world.review("anna", f"!policy grant {number}")
        assert "somebody else decides" in await world.review(
            "anna", f"!policy reject {number} The licence has run out"
        )
        assert marks(world) == []


async def test_strangers_neither_claim_nor_see_nor_decide(medical: World) -> None:
    record = await granted(medical)
    await medical.verified("tom")
    assert "no filing" in await medical.say("tom", f"!policy qualify {record} legal {EVIDENCE}")
    assert "no Q-1 that you can see" in await medical.say("tom", "!policy status Q-1")
    assert "do not know «grant»" in await medical.say("tom", "!policy grant Q-1")
    assert "no Q-1 that you can see" in await medical.review("otto", "!policy show Q-1")


async def test_what_is_not_on_the_operators_list_cannot_be_claimed(medical: World) -> None:
    record = await medical.governed_room()
    for kind in ("astrology", "<b>medical</b>", "m" * 300, "';--"):
        answer = await medical.say("anna", f"!policy qualify {record} {kind} {EVIDENCE}")
        assert "There is no qualification" in answer
        assert "Qualifications: medical, legal" in answer


async def test_evidence_with_markup_and_hidden_characters_is_shown_as_plain_text(medical: World) -> None:
    record = await medical.governed_room()
    evidence = "<img src=x onerror=alert(1)>\u202e4711\u200b\nNext: !policy grant Q-99"
    number = await claimed(medical, record, evidence=evidence)
    card = medical.in_review()[-1]
    assert f"\nNext: !policy grant {number}" in card
    assert card.count("\nNext:") == 1, "nobody writes a line of the card"
    async with medical.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT payload FROM audit_payloads")
    assert not any("4711" in row["payload"] for row in rows), "what people write is not in the chain"


async def test_a_day_has_ten_claims_at_the_most(medical: World) -> None:
    record = await medical.governed_room()
    for n in range(10):
        number = await claimed(medical, record)
        await medical.review("ravi", f"!policy reject {number} Attempt {n} shows nothing")
    answer = await medical.say("anna", f"!policy qualify {record} medical {EVIDENCE}")
    assert "10 requests a day" in answer
    await medical.tick(days=1, minutes=1)
    assert await claimed(medical, record) == "Q-11"


async def test_only_a_room_in_force_is_qualified(medical: World) -> None:
    record = await medical.governed_room()
    number = await claimed(medical, record)
    await medical.tick(days=366)
    assert "expired" in await medical.review("ravi", f"!policy grant {number}")
    assert "expired" in await medical.say("anna", f"!policy qualify {record} legal {EVIDENCE}")


# By the clock ---------------------------------------------------------------------------------------


def reminders(world: World) -> list[str]:
    """List the reminders of the qualification."""
    return [text for text in world.told("anna") if "Medical advice" in text and "To keep it" in text]


async def test_each_reminder_comes_once_also_over_restarts(any_medical: World) -> None:
    world = any_medical
    await granted(world)
    await world.tick(days=57)
    seen = []
    for days in (1, 1, 1, 1, 20, 1, 1, 5, 1):
        await world.tick(days=days)
        again = App(world.config, world.database, now=world.clock, stretch=CHEAP)
        again.setting.review_room = world.app.setting.review_room
        await again.record_policy()
        await again.tick()
        await world.work()
        seen.append(len(reminders(world)))
    assert [seen.count(n) for n in (0, 1, 2, 3)] == [2, 4, 2, 1]
    assert "ends in 30 days, on 31 May 2026" in reminders(world)[0]
    assert "ends tomorrow" in reminders(world)[2]


async def test_it_ends_by_the_clock_within_a_minute(any_medical: World) -> None:
    world = any_medical
    await granted(world)
    await world.tick(days=89, hours=23, minutes=59)
    assert marks(world)
    await world.tick(seconds=60)
    assert marks(world) == []
    assert any("has ended, and its label no longer shows it" in text for text in world.told("anna"))
    assert "expired" in await world.say("anna", "!policy status Q-1")


async def test_a_renewed_qualification_takes_the_place_of_the_old_one(medical: World) -> None:
    record = await granted(medical)
    await medical.tick(days=80)
    number = await claimed(medical, record)
    await medical.review("ravi", f"!policy grant {number}")
    assert [mark["until"] for mark in marks(medical)] == ["2026-08-19"]
    assert "replaced by a newer one" in await medical.say("anna", "!policy status Q-1")
    await medical.tick(days=20)
    assert len(marks(medical)) == 1, "the old one's end takes nothing away"


async def test_what_was_granted_stays_as_it_was_when_the_operator_changes_the_list(
    medical: World,
) -> None:
    record = await granted(medical)
    object.__setattr__(medical.config.filing, "qualifications", ())
    await medical.review("mira", "!policy queue")
    assert "Qualified: medical (publish, answer)" in await medical.say("lea", f"!policy lookup {record}")
    await medical.tick(days=91)
    assert marks(medical) == []
