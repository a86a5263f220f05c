"""Cases about other servers: what is decided, who reads it, what it does to rooms, how it is undone."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from policybot.domain import joining
from policybot.domain.effects import Say
from policybot.domain.room_measure import DenyServer
from policybot.services.statement_exports import FactsAs
from policybot.store import decisions, exports, filings
from tests import laddering
from tests.flows.test_personal_holds import second_room
from tests.flows.test_policy_lists import WATCH, joins, opened
from tests.flows.test_publishing_lists import with_list
from tests.flows.test_upgrades import NEW, a_copy, replaced
from tests.ladders import GRID
from tests.lists import OURS, rule
from tests.ruled import R1, R2
from tests.staffed import code_for
from tests.world import BOT, World, find, user
from tests.world import world as make_world

SERVER, EVE = "elsewhere.net", "@eve:elsewhere.net"
FACTS = "Accounts made there by the hundred flood every room"
LADDER: dict[str, Any] = {
    "ladder.scopes": laddering.DATA["scopes"] | GRID,
    "policy_lists.publish": OURS,
}


@pytest.fixture
async def graded(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose ladder has measures on servers, with a governed room."""
    async with make_world(tmp_path, **LADDER) as made:
        await made.governed_room()
        yield made


@pytest.fixture
async def any_graded(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    """The same, once on SQLite and once on PostgreSQL."""
    async with make_world(tmp_path, database_url, **LADDER) as made:
        await made.governed_room()
        yield made


async def about(world: World, server: str = SERVER) -> str:
    await world.say("lea", f"!policy report {server} R2 It floods us with accounts")
    return find(r"(?<=New case )C-\d+", world.in_review()[-1])


async def proposed(world: World, case: str, measure: str = "suspend:P7D") -> str:
    return await world.review("mira", f"!policy decide {case} R2 S3 {measure} {FACTS} // No other way")


async def shut_out(world: World, measure: str = "suspend:P7D", server: str = SERVER) -> str:
    """Shut a server out of the governed rooms, by two people; return the case."""
    case = await about(world, server)
    code = find(r"(?<=!policy confirm )\w+", await proposed(world, case, measure))
    assert "is decided" in await world.review("otto", f"!policy confirm {code}")
    return case


def said_in(world: World, room: str = "") -> list[str]:
    return [text for where, text in world.homeserver.said.values() if where == (room or world.room)]


def acl(world: World, room: str = "") -> dict[str, Any] | None:
    return world.homeserver.acls.get(room or world.room)


OPEN = {"allow": ["*"], "deny": []}
SHUT = {"allow": ["*"], "deny": [SERVER]}


# Deciding ------------------------------------------------------------------------------------------


async def test_a_server_is_shut_out_of_every_room_by_two_people_and_each_room_reads_it_first(
    any_graded: World,
) -> None:
    """I6: whoever proposed it cannot confirm it."""
    world = any_graded
    other = await second_room(world)
    case = await about(world)
    answer = await proposed(world, case)
    assert "to shut a server out always needs two people" in answer
    assert f"shut the server {SERVER} out of it" in answer
    assert f"let the server {SERVER} take part" in answer, "and by what it is taken back"
    assert "everybody in these rooms will read" in answer
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert "is decided" not in await world.review("mira", f"!policy confirm {code}")
    assert not world.homeserver.acls
    assert "is decided" in await world.review("otto", f"!policy confirm {code}")
    for room in (world.room, other):
        assert acl(world, room) == SHUT
        notice = said_in(world, room)[-1]
        assert f"the server {SERVER} is shut out of this room for at most 7 days" in notice
        assert all(part in notice for part in ("R2", FACTS, f"!policy appeal {case}", BOT))
        done = [e for e in world.homeserver.performed if getattr(e, "room_id", "") == room]
        shut = done.index(DenyServer(room, SERVER))
        assert isinstance(done[shut - 1], Say), "its accounts read why before they read nothing more"
    shown = await world.review("mira", f"!policy show {case}")
    assert f"About: the server {SERVER}" in shown
    assert "suspend P7D (final, active until 9 March 2026" in shown


async def test_what_rooms_have_read_counts_as_told_and_the_next_time_is_harsher(graded: World) -> None:
    case = await shut_out(graded)
    async with graded.database.transaction(reading=True) as tx:
        (decision,) = await decisions.of_case(tx, int(case[2:]))
    assert decision.told_at is not None
    await graded.tick(days=8)
    again = await about(graded, "ELSEWHERE.net:8448")
    said = await graded.review("mira", f"!policy propose {again} R2 S3")
    assert f"counted: {case}" in said, "one name is one ledger, whatever its capitals and its port"


@pytest.mark.parametrize(
    ("measure", "answer"),
    [
        ("restrict:P7D", "Decide about its accounts one by one"),
        ("suspend:P7D+remove", "There is no message to remove"),
    ],
)
async def test_what_cannot_be_done_to_a_server_is_refused_in_words(
    graded: World, measure: str, answer: str
) -> None:
    assert answer in await proposed(graded, await about(graded), measure)
    assert not graded.homeserver.acls


async def test_a_server_is_not_put_on_hold(graded: World) -> None:
    case = await about(graded)
    said = await graded.review("mira", f"!policy hold {case} R2 It floods us with accounts")
    assert "A server is not put on hold" in said


async def test_a_warning_is_on_record_and_nobody_is_told_and_it_counts_for_nothing(
    graded: World,
) -> None:
    case = await about(graded)
    before = len(said_in(graded))
    answer = await proposed(graded, case, "warn")
    assert "Nobody on another server can be told by us" in answer
    assert "the person is told" not in answer
    assert len(said_in(graded)) == before
    again = await about(graded)
    said = await graded.review("mira", f"!policy propose {again} R2 S3")
    assert "its person was not told yet" in said


async def test_without_a_grid_for_servers_nothing_is_decided_about_one(world: World) -> None:
    await world.governed_room()
    assert "no measures on servers" in await proposed(world, await about(world))


@pytest.mark.parametrize("name", ["example.org", "Example.ORG", "example.org:8448"])
async def test_our_own_server_is_never_a_case(graded: World, name: str) -> None:
    assert "our own server" in await graded.say("lea", f"!policy report {name} R2 I do not like it")
    assert "our own server" in await graded.review("mira", f"!policy case {name}")


async def test_a_moderator_opens_a_case_and_is_no_party_to_it(graded: World) -> None:
    said = await graded.review("mira", f"!policy case {SERVER}")
    case = find(r"C-\d+", said)
    assert f"about the server {SERVER}" in said
    assert case in await graded.review("mira", f"!policy case {SERVER}"), "the one that waits"
    assert f"the server {SERVER}" in await graded.review("mira", "!policy queue cases")
    assert "is yours" in await graded.review("mira", f"!policy claim {case}")


async def test_a_moderator_with_an_account_there_has_a_part_in_it(graded: World) -> None:
    """I4: nobody decides about what is theirs."""
    config = graded.config
    object.__setattr__(config, "staff", {**config.staff, EVE: config.staff[user("mira")]})
    case = await about(graded)
    async with graded.database.transaction(reading=True) as tx:
        found = await graded.app.services.cases.find(tx, int(case[2:]), case)
        assert EVE in await graded.app.services.cases.involved(tx, found)


# What rooms have ------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["time", "lift", "overturn", "stay"])
async def test_when_it_holds_no_more_each_room_has_what_it_had(graded: World, end: str) -> None:
    """I7: what is overturned is taken back exactly."""
    world = graded
    if end == "stay":
        object.__setattr__(world.config.ladder, "appeal_stay", frozenset({"server:suspend"}))
    mine = {"allow": ["*", "good.net"], "deny": ["bad.net"], "allow_ip_literals": False}
    world.homeserver.acls[world.room] = dict(mine)
    case = await shut_out(world)
    assert acl(world) == {**mine, "deny": ["bad.net", SERVER]}
    if end == "time":
        await world.tick(days=8)
    elif end == "lift":
        said = await world.review("mira", f"!policy lift {case} They have closed those accounts")
        assert "the rooms are told" in said
    else:
        assert "appeal" in await world.say(EVE, f"!policy appeal {case} We have closed them all")
    if end == "overturn":
        await world.review("ravi", f"!policy overturn {case} They closed them before we decided")
        assert "void" in world.told(EVE)[-1]
    assert acl(world) == mine
    assert f"does not shut {SERVER} out of this room any more" in said_in(world)[-1]
    if end == "stay":
        await world.review("ravi", f"!policy uphold {case} They have closed a few of them alone")
        assert acl(world) == {**mine, "deny": ["bad.net", SERVER]}, "it binds again"


async def test_what_a_room_had_decided_itself_stays_when_our_measure_ends(graded: World) -> None:
    graded.homeserver.acls[graded.room] = dict(SHUT)
    await shut_out(graded)
    await graded.tick(days=8)
    assert acl(graded) == SHUT


async def test_what_somebody_changed_meanwhile_is_not_clobbered(graded: World) -> None:
    await shut_out(graded)
    graded.homeserver.acls[graded.room] = {"allow": ["*.net"], "deny": ["third.net", SERVER]}
    await graded.tick(days=8)
    assert acl(graded) == {"allow": ["*.net"], "deny": ["third.net"]}


async def test_overlapping_measures_run_side_by_side(graded: World) -> None:
    first = await shut_out(graded)
    await shut_out(graded, "suspend:P30D")
    await shut_out(graded, "suspend:P7D", "third.net")
    await graded.review("mira", f"!policy lift {first} Two are more than is needed")
    assert acl(graded) == {"allow": ["*"], "deny": [SERVER, "third.net"]}
    await graded.tick(days=31)
    assert acl(graded) == OPEN


async def test_a_room_that_is_filed_later_is_covered_and_reads_why(graded: World) -> None:
    case = await shut_out(graded)
    later = await second_room(graded)
    assert acl(graded, later) == SHUT
    assert f"Decision {case}" in said_in(graded, later)[-1]
    await graded.tick(days=8)
    assert acl(graded, later) == OPEN


async def test_a_room_that_is_replaced_takes_it_along_and_both_get_back_what_they_had(
    graded: World,
) -> None:
    await shut_out(graded)
    a_copy(graded)
    await replaced(graded)
    assert (acl(graded), acl(graded, NEW)) == (SHUT, SHUT)
    await graded.tick(days=8)
    assert (acl(graded), acl(graded, NEW)) == (OPEN, OPEN), "the copy was made with our measure in it"


async def test_who_takes_the_server_off_the_acl_makes_a_deviation(graded: World) -> None:
    await shut_out(graded)
    await graded.tick()
    graded.homeserver.acls[graded.room] = dict(OPEN)
    await graded.deliver(
        type="m.room.server_acl",
        room_id=graded.room,
        sender=user("anna"),
        state_key="",
        content=OPEN,
    )
    await graded.tick(seconds=15)
    assert any(f"What shuts out {SERVER} was taken off" in text for text in graded.in_review())
    assert acl(graded) == SHUT, "and set right, as the operator wants"


async def test_a_room_in_which_rank_forbids_it_is_left_and_it_is_said(graded: World) -> None:
    other = await second_room(graded)
    await graded.deliver(
        type="m.room.power_levels",
        room_id=other,
        sender=user("anna"),
        state_key="",
        content={"users": {BOT: 50, user("anna"): 100}, "events": {"m.room.server_acl": 100}},
    )
    answer = await proposed(graded, await about(graded))
    assert "In 1 of 2 rooms my rank does not let me: not there" in answer
    assert other not in answer


GERMAN = {
    "notice_server_shut": "Entscheidung {number}: {server} ist aus diesem Raum ausgeschlossen, {time}.",
    "notice_server_for": "höchstens {time}",
    "notice_days": "{n} Tage",
    "notice_server_rule": "Regel: {rule}",
    "notice_facts": "Was geschah: {facts}",
    "notice_server_remedies": "{days} Tage lang: an {bot} schreiben: !policy appeal {number} GRÜNDE",
    "notice_server_over": "Entscheidung {number} schließt {server} nicht mehr aus.",
}
TRANSLATED = R2 | {
    "translations": [{"language": "de", "title": "Beleidigung", "text": "Beleidigen Sie niemanden."}],
    "presets": [{"id": "flood", "text": "It floods us.", "languages": {"de": "Es überflutet uns."}}],
}


async def spoken_in(world: World, room: str, *languages: str) -> None:
    """Have the filing of a room name its languages."""
    async with world.database.transaction() as tx:
        filing = await filings.of_room(tx, room)
        assert filing is not None
        await filings.save(tx, replace(filing, about=replace(filing.about, languages=languages)))


async def test_each_room_reads_of_a_server_in_its_language(tmp_path: Path) -> None:
    """Also one that is filed later; the preview shows every word of it."""
    changes = LADDER | {"languages": {"de": GERMAN}, "rules": [R1, TRANSLATED]}
    async with make_world(tmp_path, **changes) as world:
        await world.governed_room()
        german = await second_room(world)
        await spoken_in(world, german, "fr", "de-at")
        case = await about(world)
        typed = f"!policy decide {case} R2 S3 suspend:P7D #flood // No other way"
        answer = await world.review("mira", typed)
        assert "höchstens 7 Tage" in answer
        assert "for at most 7 days" in answer
        code = find(r"(?<=!policy confirm )\w+", answer)
        await world.review("otto", f"!policy confirm {code}")
        assert said_in(world, german)[-1] == (
            f"Entscheidung {case}: {SERVER} ist aus diesem Raum ausgeschlossen, höchstens 7 Tage.\n"
            "Regel: R2 Beleidigung\nWas geschah: Es überflutet uns.\n"
            f"183 Tage lang: an {BOT} schreiben: !policy appeal {case} GRÜNDE"
        )
        assert "What happened: It floods us." in said_in(world)[-1], "this one names no language"
        later = await second_room(world, "!later:example.org")
        assert f"Decision {case}" in said_in(world, later)[-1], "once, and not in every language"
        assert sum(case in text for text in said_in(world, later)) == 1
        await world.tick(days=8)
        assert said_in(world, german)[-1] == f"Entscheidung {case} schließt {SERVER} nicht mehr aus."
        assert "any more" in said_in(world)[-1]


async def test_a_room_that_names_no_language_reads_it_in_that_of_the_agreement(tmp_path: Path) -> None:
    changes = LADDER | {"languages": {"de": GERMAN}, "agreement.default_language": "de"}
    async with make_world(tmp_path, **changes) as world:
        await world.governed_room()
        english = await second_room(world)
        await spoken_in(world, english, "en")
        case = await shut_out(world)
        assert said_in(world)[-1].startswith(f"Entscheidung {case}")
        assert said_in(world, english)[-1].startswith(f"Decision {case}")


# Objecting, publishing, lists ----------------------------------------------------------------------


async def test_a_list_that_names_a_server_opens_one_case_about_it(graded: World) -> None:
    graded.homeserver.lists.members[graded.room] = [EVE, "@ed:elsewhere.net"]
    with_list(graded, **WATCH)
    graded.homeserver.lists.put(rule(SERVER, kind="server"))
    for seconds in (1, 15, 15):
        await graded.tick(seconds=seconds)
    assert [f"the server {SERVER}" in text for text in opened(graded)] == [True]
    await joins(graded, "@ev:elsewhere.net")
    assert len(opened(graded)) == 1, "once for each list and server"
    assert not graded.homeserver.acls, "a list never does anything"


async def test_the_statement_is_not_handed_over_for_a_server_is_nobody(graded: World) -> None:
    await shut_out(graded)
    now = graded.clock()
    async with graded.database.transaction(reading=True) as tx:
        batch = await graded.app.services.statement_exports.batch(
            tx, now - timedelta(days=1), now + timedelta(days=1), 0, FactsAs.RULE
        )
    assert batch is not None
    assert (batch.good, batch.bad, batch.exempt) == ((), (), 1)


async def test_one_account_there_objects_for_all_and_nobody_else_does(graded: World) -> None:
    """I11: each decision has one appeal. Others there join it, and nobody takes it back for them."""
    case = await shut_out(graded)
    for stranger in ("tom", "@mal:third.net", "@mal:elsewhere.net.third.net"):
        said = await graded.say(stranger, f"!policy appeal {case} I do not like this at all")
        assert "no decision about you" in said
    first, ed = await graded.say(EVE, f"!policy appeal {case} We closed them all"), "@ed:elsewhere.net"
    assert "is in." in first
    assert "to take it back" not in first
    assert "nobody takes it back" in await graded.say(EVE, f"!policy withdraw {case}")
    second = await graded.say(ed, f"!policy appeal {case} I run that server, and they are closed")
    assert "is good for all accounts of your server" in second
    assert "I run that server, and they are closed" in graded.in_review()[-1]
    for again in ("appeal", "add"):
        assert "You have joined" in await graded.say(ed, f"!policy {again} {case} And they are gone")
    stands = await graded.say(ed, f"!policy status {case}")
    assert "waits to be decided" in stands
    assert "withdraw" not in stands
    brief = await graded.review("ravi", f"!policy brief {case}")
    assert "Another account of that server joins on 2 March: I run that server" in brief
    await graded.review("ravi", f"!policy overturn {case} They closed them before we decided")
    for who in (EVE, ed):
        assert "void" in graded.told(who)[-1], "whoever has said something hears the outcome"
    assert acl(graded) == OPEN


async def test_who_joins_an_appeal_answers_for_nobody_else_and_reads_no_words_but_theirs(
    any_graded: World,
) -> None:
    world, ed = any_graded, "@ed:elsewhere.net"
    case = await shut_out(world)
    await world.say(EVE, f"!policy appeal {case} We have closed them all")
    await world.review("ravi", f"!policy ask {case} When did you close them?")
    await world.say(ed, f"!policy appeal {case} They were closed last week")
    assert "waits for the person" in await world.review("ravi", f"!policy brief {case}")
    async with world.database.transaction(reading=True) as tx:
        (part,) = [one for one in exports.OF_ACCOUNT if one.name == "appeal_words"]
        theirs = {who: await exports.rows(tx, part, who) for who in (EVE, ed)}
    assert "They were closed last week" in str(theirs[ed])
    assert "When did you close them?" not in str(theirs[ed])
    assert "They were closed last week" not in str(theirs[EVE])
    assert "with those who decide" in await world.say(EVE, f"!policy add {case} On Monday")


async def test_what_somebody_has_said_who_joined_is_kept_under_a_hold_and_goes_after_it(
    graded: World,
) -> None:
    world, ed = graded, "@ed:elsewhere.net"
    case = await shut_out(world)
    for who in (EVE, ed):
        await world.say(who, f"!policy appeal {case} We have closed them all")
    await world.review("ravi", f"!policy uphold {case} They have closed a few of them alone")
    async with world.database.transaction() as tx:
        until = world.clock() + timedelta(days=1500)
        await world.app.services.privacy.hold(tx, ed, "Court of X", until)

    async def left() -> int:
        async with world.database.transaction(reading=True) as tx:
            return int(await tx.value("SELECT COUNT(*) AS value FROM appeal_words"))

    await world.tick(days=1300)
    assert await left() == 1
    await world.tick(days=201)
    await world.tick(hours=2)
    await world.tick(hours=2)
    assert await left() == 0


async def test_so_many_join_an_appeal_and_no_more(graded: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(joining, "MOST_JOINED", 1)
    case = await shut_out(graded)
    for name, said in (("eve", "is in."), ("ed", "good for all"), ("el", "1 others have joined")):
        text = f"!policy appeal {case} We have closed them all"
        assert said in await graded.say(f"@{name}:elsewhere.net", text)


async def test_as_many_accounts_as_a_server_likes_keep_nobody_verified_from_joining(
    graded: World, monkeypatch: Any
) -> None:
    monkeypatch.setattr(joining, "MOST_JOINED", 2)
    case, text = await shut_out(graded), "We have closed them all"
    for n in range(4):
        await graded.say(f"@crowd{n}:elsewhere.net", f"!policy appeal {case} Buy, buy, buy {n}")
    code = await code_for(graded, EVE, "tom")
    assert "You are verified" in await graded.say(EVE, f"!policy verify {code}")
    late = await graded.say("@el:elsewhere.net", f"!policy appeal {case} {text}")
    assert "2 others have joined" in late
    assert "is good for all" in await graded.say(EVE, f"!policy appeal {case} {text}")
    assert text in await graded.review("ravi", f"!policy brief {case}")
    assert "You have joined" in await graded.say(EVE, f"!policy appeal {case} And once more")


async def test_a_late_appeal_of_a_server_is_let_in_and_nobody_is_told_by_an_empty_name(
    graded: World,
) -> None:
    case = await shut_out(graded, "close")
    await graded.tick(days=200)
    late = await graded.say(EVE, f"!policy appeal {case} We have closed them all")
    assert "The time to appeal ended" in late
    await graded.review("ravi", f"!policy admit {case} Their server was away all the time")
    await graded.tick()
    assert not [e for e in graded.homeserver.performed if getattr(e, "user_id", None) == ""]
    assert "is in" in await graded.say(EVE, f"!policy appeal {case} We have closed them all")


@pytest.mark.parametrize("measure", ["suspend:P7D+publish", "close+publish"])
async def test_others_read_it_in_our_list_while_it_holds(graded: World, measure: str) -> None:
    case = await shut_out(graded, measure)
    kind, key = "m.policy.rule.server", f"{case} example.org"
    stands = graded.homeserver.lists.rules_in[OURS][kind, key]
    assert stands["content"] == {
        "entity": SERVER,
        "recommendation": "m.ban",
        "reason": f"Rule R2, decision {case}",
    }
    assert f"our public list {OURS} tells other communities" in said_in(graded)[-1]
    await graded.review("mira", f"!policy lift {case} They have closed those accounts")
    assert graded.homeserver.lists.ours() == {}
