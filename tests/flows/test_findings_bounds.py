"""Rules held against messages: what people must never suffer from a machine."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from policybot.domain.condition import Rate
from policybot.domain.effects import RestrictMember
from policybot.domain.pace import Pace
from policybot.store.findings import Outcome
from tests.flows.test_findings import kept, picture, ruled
from tests.world import World, user


async def test_an_edit_of_a_reply_does_not_hit_who_is_only_quoting(tmp_path: Path) -> None:
    async with ruled(tmp_path) as world:
        await world.governed_room()
        await world.message(
            "tom",
            "> <@lea:example.org> frobnitz\n\n* Please do not",
            world.room,
            **{
                "m.new_content": {"msgtype": "m.text", "body": "Please do not"},
                "m.relates_to": {"rel_type": "m.replace", "event_id": "$x"},
            },
        )
        assert await kept(world) == []


async def test_who_is_mentioned_is_no_link(tmp_path: Path) -> None:
    async with ruled(tmp_path, when={"links": {"allow": ["example.org"]}}) as world:
        await world.governed_room()
        pill = '<a href="https://matrix.to/#/@lea:example.org">Lea</a>: good morning'
        await world.message(
            "tom", "Lea: good morning", world.room, format="org.matrix.custom.html", formatted_body=pill
        )
        assert await kept(world) == []
        room = "https://matrix.to/#/#offers:elsewhere.example"
        await world.message("tom", f"Come to {room}", world.room)
        assert len(await kept(world)) == 1


def holds(world: World) -> int:
    return sum(isinstance(effect, RestrictMember) for effect in world.homeserver.performed)


async def test_holds_by_machine_do_not_follow_each_other(tmp_path: Path, database_url: str) -> None:
    async with ruled(tmp_path, database_url, then=["hold"], automatic=True, hold_for="PT72H") as world:
        await world.governed_room()
        await world.message("tom", "frobnitz", world.room)
        await world.message("tom", "frobnitz, sent before the hold arrived", world.room)
        assert holds(world) == 1
        await world.tick(hours=73)
        assert user("tom") not in world.homeserver.levels[world.room]["users"]
        await world.message("tom", "frobnitz", world.room)
        assert holds(world) == 1
        assert [finding.outcome for finding in await kept(world)][1:] == [Outcome.REPORTED] * 2


async def test_who_was_held_lately_is_not_held_again_and_what_they_write_is_removed(
    tmp_path: Path,
) -> None:
    async with ruled(tmp_path, then=["redact", "hold"], automatic=True) as world:
        await world.governed_room()
        first = await world.message("tom", "frobnitz", world.room)
        second = await world.message("tom", "frobnitz", world.room)
        assert {first, second} <= world.homeserver.redacted
        assert holds(world) == 1
        await world.message("lea", "frobnitz", world.room)
        assert holds(world) == 2, "somebody else is"
        await world.tick(days=8)
        await world.message("tom", "frobnitz", world.room)
        assert holds(world) == 3, "and after a time the same person"


async def test_who_answers_for_a_room_is_spared_with_each_of_their_accounts(tmp_path: Path) -> None:
    async with ruled(tmp_path, then=["redact"], automatic=True) as world:
        await world.governed_room()
        async with world.database.transaction() as tx:
            row = await tx.first("SELECT * FROM links WHERE user_id = $1", user("anna"))
            assert row is not None
            await tx.execute(
                "INSERT INTO links (user_id, person_id, slot, front, created_at)"
                " VALUES ($1, $2, 2, 'pseudonym', $3)",
                user("anna2"),
                row["person_id"],
                row["created_at"],
            )
        event = await world.message("anna2", "frobnitz", world.room)
        assert event not in world.homeserver.redacted
        told = world.in_review()[-1]
        assert "this one is for people to decide" in told
        assert "moderates" not in told, "whose other account it is, is nobody's business"


async def sent(world: World, who: str, body: str, ago: timedelta) -> str:
    """Deliver now what somebody wrote some time ago."""
    at = world.clock() - ago
    return await world.deliver(
        type="m.room.message",
        room_id=world.room,
        sender=user(who),
        origin_server_ts=int(at.timestamp() * 1000),
        content={"msgtype": "m.text", "body": body},
    )


async def test_who_catches_up_after_an_outage_does_not_post_too_often(tmp_path: Path) -> None:
    rate = {"rate": {"more_than": 3, "within": "PT1M"}}
    async with ruled(tmp_path, when=rate) as world:
        await world.governed_room()
        for minutes in range(10, 0, -1):
            await sent(world, "tom", "Tulip", timedelta(minutes=minutes))
        assert await kept(world) == []
        for seconds in range(4):
            await sent(world, "lea", "Rose", timedelta(minutes=5, seconds=-seconds))
        assert len(await kept(world)) == 1, "what was too often then is found"


async def test_a_picture_is_counted_with_what_was_posted_before_it_not_after(tmp_path: Path) -> None:
    when = {"rate": {"more_than": 2, "within": "PT1M"}, "media": {"kinds": ["image/*"]}}
    async with ruled(tmp_path, when=when) as world:
        await world.governed_room()
        world.homeserver.away = True
        for number in range(4):
            world.clock.pass_time(seconds=1)
            await picture(world, f"$p{number}", {"kind": "image/png", "size": 2000, "animated": False})
        world.homeserver.away = False
        await world.tick(minutes=10)
        assert [finding.event_id for finding in await kept(world)] == ["$p2", "$p3"]


def test_what_is_remembered_of_posts_is_bounded() -> None:
    pace, now = Pace(), datetime(2026, 3, 2, tzinfo=UTC)
    pace.remember([Rate(1000, timedelta(hours=1))])
    for number in range(250_000):
        pace.note("!r", f"@p{number // 500}", now, f"${number}")
    assert sum(map(len, pace._times.values())) <= 200_000
    assert pace.count("!r", "@p499", timedelta(hours=1), now) == 500
    pace.note("!r", "@p499", now, "$249999")
    assert pace.count("!r", "@p499", timedelta(hours=1), now) == 500, "what comes twice counts once"
