"""The public register: what is in it, how it is found, and what nobody finds in it."""

from pathlib import Path
from typing import Any

import pytest

from policybot.domain.errors import NotFound
from policybot.domain.filing import State, Step
from policybot.domain.identity import FrontClass
from policybot.domain.register import Standing
from policybot.services.register import Page, Query
from policybot.store import register
from tests.files import NAMES
from tests.listed import listed
from tests.world import World, find, user
from tests.world import world as make_world


async def page(world: World, text: str = "", limit: int = 20, **more: Any) -> Page:
    async with world.database.transaction(reading=True) as tx:
        return await world.app.services.register.page(tx, Query(text, **more), limit)


async def found(world: World, text: str = "", **more: Any) -> list[str]:
    return [entry.filing.number for entry in (await page(world, text, **more)).entries]


async def history(world: World, record: str) -> list[tuple[str, str]]:
    async with world.database.transaction(reading=True) as tx:
        _, moves = await world.app.services.register.entry(tx, record)
    return [(moved.state.value, moved.why) for moved in moves]


async def suspended(world: World, step: Step = Step.SUSPEND) -> None:
    async with world.database.transaction() as tx:
        await world.app.services.filings.restricted(tx, user("mira"), world.room, step)


async def test_an_approved_room_is_found_by_all_that_is_known_of_it(any_world: World) -> None:
    world = any_world
    world.homeserver.profiles[user("anna")] = {"displayname": "Rose of the Garden"}
    record = await world.governed_room()
    assert await found(world) == [record]
    for text in (record, record.lower(), "neighb", "GARDENS talk", "rose", "anna", "garden rose", "pb"):
        assert await found(world, text) == [record], text
    for text in ("meadow", "neighbours meadow", "eighbours", "%", "_", "*", "example", "' OR 1=1 --"):
        assert await found(world, text) == [], text
    assert await found(world, category="general") == [record]
    assert await found(world, category="news") == []
    assert await found(world, standing=Standing.IN_FORCE) == [record]
    assert await found(world, standing=Standing.REVOKED) == []


async def test_what_was_not_approved_is_nobodys_business(world: World) -> None:
    await world.verified("anna")
    for number in range(3):
        room = f"!plan{number}:example.org"
        world.homeserver.levels[room] = {"users": {user("anna"): 100}}
        await world.deliver(
            type="m.room.member",
            room_id=room,
            sender=user("anna"),
            state_key=user("policybot"),
            content={"membership": "invite"},
        )
        await world.say("anna", f"!policy file {room} general A secret plan for the town")
    await world.review("ravi", "!policy reject F-1 Not in this town, please")
    await world.say("anna", "!policy withdraw F-2")
    assert await found(world, "secret") == []
    assert await found(world) == []
    for name in ("F-1", "F-2", "F-3"):
        async with world.database.transaction(reading=True) as tx:
            with pytest.raises(NotFound, match="Nothing is on record"):
                await world.app.services.register.entry(tx, name)
    assert "No room is approved yet" in await world.say("lea", "!policy register")


async def test_a_decision_that_takes_the_place_of_a_hold_is_told_too(any_world: World) -> None:
    world = any_world
    record = await world.governed_room()
    await world.review("mira", f"!policy hold {world.room} R3 Card numbers are sold there")
    assert (await history(world, record))[0] == ("suspended", "on hold while a report is looked at")
    await world.tick(hours=1)
    text = "!policy decide C-1 R3 S3 suspend:P14D Card numbers were sold there // No other way"
    code = find(r"(?<=!policy confirm )\w+", await world.review("mira", text))
    await world.review("mira", f"!policy confirm {code}")
    assert (await history(world, record))[0] == ("suspended", "by decision")


async def test_its_history_is_told_without_the_reasons_that_were_written_to_its_owner(
    any_world: World,
) -> None:
    world = any_world
    record = await world.governed_room()
    world.clock.pass_time(days=1)
    await suspended(world)
    assert await found(world, standing=Standing.SUSPENDED) == [record]
    assert await found(world, standing=Standing.IN_FORCE) == []
    await suspended(world, Step.REINSTATE)
    await world.tick(days=340)
    await world.say("anna", f"!policy renew {record}")
    await _revoke(world, record, "Anna is ill and has given it up")
    assert await found(world, "gardens", standing=Standing.REVOKED) == [record]
    assert await history(world, record) == [
        ("revoked", "by decision"),
        ("approved", "renewed by its owner"),
        ("renewal_due", "its time ends soon"),
        ("approved", "the suspension has ended"),
        ("suspended", "by decision"),
        ("approved", "after a review"),
    ]


@pytest.mark.parametrize(
    ("verdict", "state", "why"),
    [
        ("overturn", "approved", "the suspension was overturned"),
        ("uphold", "suspended", "it binds again"),
    ],
)
async def test_an_appeal_against_a_suspension_is_seen_in_what_became_of_it(
    any_world: World, verdict: str, state: str, why: str
) -> None:
    world = any_world
    if verdict == "uphold":
        object.__setattr__(world.config.ladder, "appeal_stay", frozenset({"room:suspend"}))
    record = await world.governed_room()
    await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
    answer = await world.review(
        "mira", "!policy decide C-1 R2 S4 proposed The room agreed to hunt a neighbour down"
    )
    code = find(r"(?<=!policy confirm )\w+", answer)
    await world.review("otto", f"!policy confirm {code}")
    assert (await history(world, record))[0] == ("suspended", "by decision")
    await world.say("anna", "!policy appeal C-1 We did not, and the log shows it")
    if verdict == "uphold":
        assert (await history(world, record))[0] == ("approved", "the suspension rests for now")
    await world.review("ravi", f"!policy {verdict} C-1 The log of the room was read again")
    assert (await history(world, record))[0] == (state, why)
    standing = {"approved": Standing.IN_FORCE, "suspended": Standing.SUSPENDED}[state]
    assert await found(world, standing=standing) == [record]


async def _revoke(world: World, record: str, reason: str) -> str:
    staff = {**world.config.staff, user("otto"): world.config.staff[user("ravi")]}
    object.__setattr__(world.config, "staff", staff)
    answer = await world.review("ravi", f"!policy revoke {record} {reason}")
    code = find(r"(?<=!policy confirm )\w+", answer)
    await world.review("otto", f"!policy confirm {code}")
    return answer


async def test_a_reason_that_a_reviewer_means_for_everybody_is_public(world: World) -> None:
    record = await world.governed_room()
    answer = await _revoke(world, record, "+public The\u202eassociation\n was dissolved")
    assert "everybody reads it" in answer
    assert (await history(world, record))[0] == ("revoked", "Theassociation was dissolved")
    assert "stands in the public register as well" in world.told("anna")[-1]
    assert "+public" not in world.told("anna")[-1]


async def test_a_mark_alone_is_no_reason(world: World) -> None:
    record = await world.governed_room()
    assert "give the reason" in await world.review("ravi", f"!policy revoke {record} +public")


async def test_pages_are_complete_and_without_doubles_while_rooms_are_added(any_world: World) -> None:
    world = any_world
    there = [await listed(world, f"Room of gardens {n}") for n in range(23)]
    seen: list[str] = []
    before = None
    while True:
        part = await page(world, "gardens", 5, before=before)
        seen += [entry.filing.number for entry in part.entries]
        await listed(world, "Another room of gardens")
        before = part.next
        if before is None:
            break
    assert seen == there[::-1]


async def test_a_search_looks_at_a_bounded_number_and_goes_on_where_it_ended(
    any_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = any_world
    monkeypatch.setattr(register, "_RARE", 2)
    monkeypatch.setattr(register, "_WALK", 6)
    wanted = [await listed(world, f"even {'odd' if n % 10 == 0 else 'x'}") for n in range(30)][::10]
    queries: list[dict[str, Any]] = [{"text": "even odd"}, {"text": "ev od"}]
    for query in [*queries, {"text": "odd", "category": "general"}]:
        seen, before, pages = [], None, 0
        while True:
            part = await page(world, before=before, **query)
            assert len(part.entries) <= 2
            seen += [entry.filing.number for entry in part.entries]
            before, pages = part.next, pages + 1
            if before is None:
                break
        assert seen == wanted[::-1], query
        assert 5 <= pages < 20


async def test_a_name_that_changes_is_found_as_it_is_shown_and_no_longer_as_it_was(
    any_world: World,
) -> None:
    world = any_world
    record = await world.governed_room()
    await world.called("anna", "Rose")
    assert await found(world, "rose") == [record]
    await world.called("anna", "Lily")
    assert await found(world, "rose") == []
    assert await found(world, "lily") == [record]
    await world.say("anna", "!policy unlink")
    assert await found(world, "lily") == [], "nobody is verified under it any more"
    assert await found(world, "anna") == [record]


async def renamed(world: World, kind: str, content: Any, room: str = "", state_key: Any = "") -> None:
    await world.deliver(
        type=f"m.room.{kind}",
        room_id=room or world.room,
        sender=user("anna"),
        state_key=state_key,
        content=content,
    )


async def test_a_room_is_found_by_its_name_and_alias_and_by_those_it_has_now(any_world: World) -> None:
    world = any_world
    world.homeserver.called[world.room] = {"name": "Tulip club", "alias": "#petals:example.org"}
    record = await world.governed_room()
    assert await found(world, "tulip club") == [record]
    assert await found(world, "#petals:") == [record]
    assert "«Tulip club»" in await world.say("lea", "!policy register tulip")
    await renamed(world, "name", {"name": "Rose club"})
    assert await found(world, "tulip club") == []
    assert await found(world, "rose club petals") == [record]
    await renamed(world, "canonical_alias", {"alias": "#roses:example.org"})
    (entry,) = (await page(world, "rose")).entries
    assert (entry.place.room_name, entry.place.alias) == ("Rose club", "#roses:example.org")
    await renamed(world, "name", {})
    await renamed(world, "canonical_alias", {})
    assert await found(world, "club") == []
    assert await found(world, "gardens") == [record]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("name", {"name": 7}),
        ("name", {"name": ["a"] * 1000}),
        ("name", "nonsense"),
        ("name", {"name": "x\u202e" * 30_000}),
        ("name", {"name": "\x00\x01{{ 1 }}@anna:example.org\x01"}),
        ("canonical_alias", {"alias": "javascript:alert(1)"}),
        ("canonical_alias", {"alias": "#a\u202eb:example.org"}),
        ("canonical_alias", {"alias": "#" + "a" * 60_000 + ":example.org"}),
        ("canonical_alias", {"alias": {"alias": "#a:b"}}),
    ],
)
async def test_a_room_that_calls_itself_something_odd_harms_nothing(
    any_world: World, kind: str, content: Any
) -> None:
    world = any_world
    record = await world.governed_room()
    await renamed(world, kind, content)
    (entry,) = (await page(world)).entries
    assert entry.place.alias == ""
    assert len(entry.place.room_name) <= 100
    assert not set("\u202e\x00\x01") & set(entry.place.room_name)
    assert await found(world, "gardens") == [record]


async def test_only_rooms_of_the_register_are_known_by_name(world: World) -> None:
    await world.governed_room()
    await renamed(world, "name", {"name": "Private matters"}, room="!elsewhere:example.org")
    await renamed(world, "name", {"name": "Private matters"}, state_key="x")
    await renamed(world, "name", {"name": "Private matters"}, state_key=7)
    assert await found(world, "private") == []


async def test_a_real_name_is_shown_where_its_owner_chose_it_and_is_found_by_nobody(
    any_world: World,
) -> None:
    world = any_world
    record = await world.governed_room()
    await world.called("anna", "Rose")
    await world.say("anna", "!policy name real")
    assert "from now on" in await world.say("anna", "!policy name real yes")
    (entry,) = (await page(world)).entries
    assert entry.name is not None
    assert entry.name.reveal() == NAMES["anna"]
    assert NAMES["anna"] not in repr(entry)
    assert await found(world, "Canary") == []
    assert await found(world, "rose") == [], "that the two are one is not to be told"
    await world.say("anna", "!policy name front")
    assert await found(world, "rose") == [record]
    (entry,) = (await page(world)).entries
    assert entry.name is None


@pytest.mark.parametrize("front", [FrontClass.ROLE_BASED, FrontClass.PSEUDONYM_ONLY])
async def test_a_kind_of_room_that_hides_people_hides_them_from_a_search(
    world: World, front: FrontClass
) -> None:
    record = await world.governed_room()
    await world.called("anna", "Rose")
    await world.say("anna", "!policy name real")
    await world.say("anna", "!policy name real yes")
    for category in world.config.filing.categories:
        object.__setattr__(category, "front", front)
    await world.app.record_policy()
    (entry,) = (await page(world)).entries
    assert entry.name is None
    hidden = front is FrontClass.ROLE_BASED
    assert await found(world, "anna") == ([] if hidden else [record])
    assert await found(world, "rose") == ([] if hidden else [record])


async def test_a_name_that_looks_like_anothers_is_told_as_such(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    await world.verified("tom")
    await world.called("anna", "Rose")
    await world.called("tom", "R\u043ese")
    (entry,) = (await page(world)).entries
    assert entry.view.alike


async def test_names_on_a_page_are_read_together(world: World) -> None:
    for who in ("anna", "tom", "lea"):
        await world.verified(who)
        for _ in range(4):
            await listed(world, who=who)
    reads = 0
    async with world.database.transaction(reading=True) as tx:
        fetch = tx._run.fetch

        async def counted(sql: str, values: Any) -> Any:
            nonlocal reads
            reads += 1
            return await fetch(sql, values)

        tx._run.fetch = counted  # type: ignore[method-assign]
        shown = await world.app.services.register.page(tx, Query())
        tx._run.fetch = fetch  # type: ignore[method-assign]
    assert len(shown.entries) == 12
    assert reads < 10


async def test_what_is_forgotten_leaves_the_register_as_well(any_world: World) -> None:
    world = any_world
    record = await world.governed_room()
    await _revoke(world, record, "Its owner has given it up")
    assert await found(world) == [record]
    await world.tick(days=365 + 1096)
    assert await found(world) == []
    async with world.database.transaction(reading=True) as tx:
        for table in ("register", "filing_words", "filing_states"):
            assert await tx.value(f"SELECT COUNT(*) AS value FROM {table}") == 0  # noqa: S608


async def test_a_mistyped_number_is_told_as_such_with_the_one_that_was_meant(world: World) -> None:
    record = await world.governed_room()
    wrong = record[:-1] + ("A" if record[-1] != "A" else "B")
    assert (await page(world, wrong)).meant == record
    assert f"Did you mean {record}?" in await world.say("lea", f"!policy register {wrong}")
    async with world.database.transaction(reading=True) as tx:
        with pytest.raises(
            NotFound, match=rf"check characters do not fit. A typo\? Did you mean {record}"
        ):
            await world.app.services.register.entry(tx, wrong)


async def test_the_first_ten_stand_in_the_chat_with_a_link_to_the_page(world: World) -> None:
    records = [await listed(world, f"Gardens {'of the town ' * 20}{n}") for n in range(12)]
    answer = await world.say("lea", "!policy register gardens town")
    assert [line[:17] for line in answer.splitlines()[:-1]] == records[:1:-1]
    assert answer.endswith("https://policybot.example.org/register?q=gardens+town")
    assert len(answer) < 2000
    assert "Try fewer words" in await world.say("lea", "!policy register meadow")
    assert "Try fewer words" in await world.say("lea", "!policy register \u202e\u200b!!!")


async def test_a_register_that_was_filled_before_a_restart_is_as_it_was(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        record = await world.governed_room()
        await world.app.record_policy()
        assert await found(world, "gardens") == [record]


async def test_a_suspended_room_is_shown_as_such(world: World) -> None:
    record = await listed(world, state=State.SUSPENDED)
    assert f"{record} (suspended)" in await world.say("lea", "!policy register")
