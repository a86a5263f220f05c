"""What events mean: most mean nothing and cost nothing, each is handled once, poison is put aside."""

from typing import Any

import pytest

from policybot.domain.case import Case
from policybot.domain.effects import JoinRoom, Notify
from policybot.domain.errors import OutOfOrder
from policybot.services.members import Members
from policybot.store import cases
from policybot.store.database import Tx, next_number
from tests.world import BOT, REVIEW, SERVER, World, user

TABLES = (
    "counters seen_events dead_events rooms review_members persons links attempts front_names lookalikes"
    " agreements acceptances languages announcements filings cases reports copies policies decisions"
    " approvals sanctions"
    " appeals outbox observed audit audit_payloads standing_restrictions standing_changes"
)


async def rows(world: World) -> dict[str, int]:
    async with world.database.transaction() as tx:
        return {t: await tx.value(f"SELECT count(*) AS value FROM {t}") for t in TABLES.split()}  # noqa: S608 - a list


@pytest.mark.parametrize(
    "event",
    [
        {"type": "m.room.message", "content": {"msgtype": "m.text", "body": "A fine day"}},
        {"type": "m.room.message", "content": {"msgtype": "m.image", "body": "!policy me"}},
        {"type": "m.room.message", "content": {"msgtype": "m.notice", "body": "!policy me"}},
        {"type": "m.room.message", "content": {"msgtype": "m.text", "body": "say !policy me"}},
        {"type": "m.room.message", "content": {"msgtype": "m.text", "body": "!policyx me"}},
        {"type": "m.room.message", "content": {"msgtype": "m.text", "body": "> !policy me\n\nno"}},
        {"type": "m.room.message", "content": {"msgtype": "m.text", "body": 7}},
        {"type": "m.room.message", "content": None},
        {"type": "m.room.message", "content": {}},
        {
            "type": "m.room.message",
            "content": {
                "msgtype": "m.text",
                "body": "!policy me",
                "m.relates_to": {"rel_type": "m.replace", "event_id": "$x"},
            },
        },
        {"type": "m.reaction", "content": {}},
        {"type": 5},
        {},
    ],
)
async def test_a_message_that_is_no_command_writes_nothing(world: World, event: dict[str, Any]) -> None:
    await world.governed_room()
    before = await rows(world)
    await world.inward.handle(
        {"event_id": "$clean", "room_id": world.room, "sender": user("tom")} | event
    )
    assert await rows(world) == before


async def test_an_event_that_comes_twice_is_handled_once(any_world: World) -> None:
    world = any_world
    room = await world.direct("lea")
    content = {"msgtype": "m.text", "body": "!policy me"}
    for _ in range(3):
        await world.deliver(
            event_id="$same", type="m.room.message", room_id=room, sender=user("lea"), content=content
        )
    assert sum("Identity:" in text for _, text in world.homeserver.said.values()) == 1


async def test_a_poisonous_event_is_put_aside_and_the_next_one_is_handled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: Any) -> None:
        message = "a bug"
        raise ZeroDivisionError(message)

    monkeypatch.setattr(Members, "link_of", breaks)
    assert await world.say("lea", "!policy me secret-4711") != ""
    assert await world.say("lea", "!policy me") == ""
    assert "put it aside" in world.in_review()[-1]
    assert "I do not know" in await world.say("lea", "!policy nonsense")
    async with world.database.transaction() as tx:
        parked = await tx.fetch("SELECT * FROM dead_events")
    assert [row["error"] for row in parked] == ["ZeroDivisionError: a bug"]


@pytest.mark.parametrize(
    "broken", [{"room_id": 7}, {"content": {"membership": ["x"]}}, {"state_key": 5}]
)
async def test_a_malformed_event_never_stops_the_next(world: World, broken: dict[str, Any]) -> None:
    event = {
        "event_id": "$bad",
        "type": "m.room.member",
        "room_id": REVIEW,
        "sender": user("lea"),
        "state_key": user("lea"),
        "content": {"membership": "join"},
    }
    await world.inward.handle(event | broken)
    assert "I do not know" in await world.say("lea", "!policy nonsense")


async def test_an_invitation_is_followed_and_a_direct_room_is_greeted(world: World) -> None:
    await world.direct("lea")
    assert JoinRoom(f"!direct-{user('lea')}", user("lea"), direct=True) in world.homeserver.performed
    assert any("!policy help" in text for _, text in world.homeserver.said.values())


async def test_an_encrypted_direct_room_is_left_aside_and_another_is_opened(world: World) -> None:
    room = await world.direct("lea")
    await world.deliver(
        type="m.room.encryption",
        room_id=room,
        sender=user("lea"),
        state_key="",
        content={"algorithm": "m.megolm.v1.aes-sha2"},
    )
    told = [e for e in world.homeserver.performed if isinstance(e, Notify)]
    assert told[-1].user_id == user("lea")
    assert "cannot read" in told[-1].text


async def test_being_removed_from_a_governed_room_is_told(world: World) -> None:
    await world.governed_room()
    await world.deliver(
        type="m.room.member",
        room_id=world.room,
        sender=user("anna"),
        state_key=BOT,
        content={"membership": "leave"},
    )
    assert "I was removed" in world.in_review()[-1]


async def test_a_role_counts_only_while_its_holder_is_in_the_review_room(world: World) -> None:
    await world.deliver(
        type="m.room.member",
        room_id=REVIEW,
        sender=user("mira"),
        state_key=user("mira"),
        content={"membership": "leave"},
    )
    assert "I do not know «queue»" in await world.say("mira", "!policy queue")
    await world.deliver(
        type="m.room.member",
        room_id=REVIEW,
        sender=user("mira"),
        state_key=user("mira"),
        content={"membership": "join"},
    )
    assert "Nothing waits" in await world.say("mira", "!policy queue")


async def test_in_a_public_room_the_answer_goes_to_the_person_alone(world: World) -> None:
    await world.governed_room()
    answer = await world.say("tom", "!policy me", world.room)
    assert "Identity:" in answer
    assert not [1 for where, _ in world.homeserver.said.values() if where == world.room]


async def test_our_own_messages_are_no_commands(world: World) -> None:
    before = await rows(world)
    await world.deliver(
        type="m.room.message",
        room_id=f"!x:{SERVER}",
        sender=BOT,
        content={"msgtype": "m.text", "body": "!policy help"},
    )
    after = await rows(world)
    assert after["outbox"] == before["outbox"]


async def test_a_refusal_leaves_nothing_behind_of_what_was_begun(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def begins_and_refuses(_: Members, tx: Tx, user_id: str) -> None:
        await next_number(tx, "begun")
        message = "Not today."
        raise OutOfOrder(message)

    monkeypatch.setattr(Members, "link_of", begins_and_refuses)
    assert await world.say("lea", "!policy me") == "Not today."
    async with world.database.transaction() as tx:
        assert await tx.first("SELECT value FROM counters WHERE name = 'begun'") is None


async def test_people_who_come_and_go_write_nothing(world: World) -> None:
    await world.governed_room()
    before = await rows(world)
    for membership in ("join", "leave", "ban"):
        await world.deliver(
            type="m.room.member",
            room_id=world.room,
            sender=user("zoe"),
            state_key=user("zoe"),
            content={"membership": membership},
        )
    assert await rows(world) == before


HOSTILE: tuple[Any, ...] = (
    None,
    7,
    1e300,
    True,
    "x" * 60_000,
    "\ud800\x00\u202e",
    ["leave"],
    {"join": {"join": 1}},
    -(2**63),
)
FIELDS = {
    "m.room.tombstone": ("replacement_room", "body"),
    "m.room.power_levels": ("users", "events", "users_default", "events_default", "redact", "kick"),
    "m.room.join_rules": ("join_rule", "allow"),
    "m.room.topic": ("topic", "m.topic"),
    "m.room.pinned_events": ("pinned",),
    "m.room.encryption": ("algorithm",),
    "m.room.canonical_alias": ("alias",),
    "m.room.name": ("name",),
    "m.room.member": ("membership", "displayname"),
    "org.policybot.filing": ("record_number",),
    "m.room.redaction": ("redacts",),
}


async def test_whatever_stands_in_an_event_of_a_filed_room_the_next_one_is_handled(
    any_world: World,
) -> None:
    """A homeserver sends a transaction until it is answered: one that we cannot take stops all."""
    world = any_world
    record = await world.governed_room()
    for kind, names in FIELDS.items():
        for value in HOSTILE:
            for content in (value, *({name: value} for name in names)):
                for key in ("", user("anna"), BOT) if kind == "m.room.member" else ("",):
                    await world.inward.handle(
                        {
                            "event_id": world.event_id(),
                            "type": kind,
                            "room_id": world.room,
                            "sender": "@mallory:elsewhere.example",
                            "state_key": key,
                            "content": content,
                            "unsigned": {"prev_content": value, "prev_sender": value},
                        }
                    )
    async with world.database.transaction(reading=True) as tx:
        dead = await tx.fetch("SELECT type, error FROM dead_events")
    assert [(row["type"], row["error"]) for row in dead] == []
    for levels in ({"users": {user("tom"): value}, "events": {"x": value}} for value in HOSTILE):
        await world.inward.handle(
            {
                "event_id": world.event_id(),
                "type": "m.room.power_levels",
                "room_id": world.room,
                "sender": user("anna"),
                "state_key": "",
                "content": levels,
            }
        )
        await world.tick(minutes=1)
        assert record in await world.say("anna", f"!policy status {record}")
        hold = f"!policy hold {world.room} R3 Card numbers are sold there, as it seems"
        assert await world.review("mira", hold)
    async with world.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT count(*) AS value FROM dead_events") == 0


async def test_a_case_that_changes_in_the_same_instant_is_claimed_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy of a message is kept while a moderator takes the case: who types waits for no retry."""
    await world.governed_room()
    case = await world.reported()
    real, meddled = cases.get, list[int]()

    async def meddling(tx: Tx, case_id: int) -> Case | None:
        found = await real(tx, case_id)
        if not meddled:
            meddled.append(case_id)
            await tx.execute("UPDATE cases SET version = version + 1 WHERE id = $1", case_id)
        return found

    monkeypatch.setattr(cases, "get", meddling)
    assert "is yours until" in await world.review("mira", f"!policy claim {case}")
