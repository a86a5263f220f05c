"""Rules held against messages: what people must never suffer from a machine."""

from pathlib import Path

from tests.flows.test_findings import kept, ruled


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
