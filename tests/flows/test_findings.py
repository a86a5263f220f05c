"""Rules held against messages after their delivery: findings, cases, acts, and their bounds."""

import itertools
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from policybot.app import CannotStart
from policybot.config import Config, load
from policybot.domain.effects import LearnMore, Redact, RestrictMember
from policybot.matching.ruleset import RuleRefused
from policybot.store import decisions, findings, sanctions
from policybot.store.findings import Finding, Outcome
from tests import files
from tests.ruled import R1, R2, rules
from tests.world import REVIEW, World, find, user
from tests.world import world as make_world

_folders = itertools.count(1)


def ruled(folder: Path, database_url: str = "", **mechanics: Any) -> AbstractAsyncContextManager[World]:
    """Make a world in which R1 is looked for by machine."""
    return make_world(folder, database_url, **rules(**mechanics))


@pytest.fixture
async def reporting(tmp_path: Path) -> AsyncIterator[World]:
    async with ruled(tmp_path) as made:
        await made.governed_room()
        yield made


@pytest.fixture
async def redacting(tmp_path: Path) -> AsyncIterator[World]:
    async with ruled(tmp_path, then=["redact"], automatic=True) as made:
        await made.governed_room()
        yield made


async def kept(world: World) -> list[Finding]:
    async with world.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT * FROM findings ORDER BY id")
    return [findings._finding(row) for row in rows]


async def test_a_rule_finds_a_word_and_a_case_waits_for_people(
    tmp_path: Path, database_url: str
) -> None:
    async with ruled(tmp_path, database_url) as world:
        await world.governed_room()
        event = await world.message("tom", "Buy a Frobnitz today", world.room)
        (finding,) = await kept(world)
        assert (finding.event_id, finding.rule_id, finding.user_id) == (event, "R1", user("tom"))
        assert finding.spans == ((0, 6, 14),), "where, and not what"
        assert finding.rule_set == world.app.services.findings.rules.version
        assert finding.outcome is Outcome.REPORTED
        case = find(r"(?<=New case )C-\d+", world.in_review()[-1])
        assert "Rule R1 (Advertising) found it by machine" in world.in_review()[-1]
        assert "Frobnitz" not in world.in_review()[-1], "what people wrote is looked at on request"
        shown = await world.review("mira", f"!policy show {case}")
        assert "> Buy a Frobnitz today" in shown
        assert "Rule R1 found it by machine (rules " in shown
        assert event not in world.homeserver.redacted
        assert world.told("tom") == []


async def test_a_clean_message_costs_no_write_and_a_room_that_is_not_governed_is_not_read(
    reporting: World,
) -> None:
    await reporting.message("tom", "The tulips are out", reporting.room)
    await reporting.message("tom", "frobnitz frobnitz", "!elsewhere:example.org")
    await reporting.say("tom", "frobnitz")
    assert await kept(reporting) == []


async def test_an_event_that_comes_twice_is_found_once(reporting: World) -> None:
    event = await reporting.message("tom", "frobnitz", reporting.room)
    told = len(reporting.in_review())
    await reporting.deliver(
        type="m.room.message",
        event_id=event,
        room_id=reporting.room,
        sender=user("tom"),
        content={"msgtype": "m.text", "body": "frobnitz"},
    )
    assert len(await kept(reporting)) == 1
    assert len(reporting.in_review()) == told


async def test_what_one_person_goes_on_doing_is_one_case_and_told_once(reporting: World) -> None:
    before = len(reporting.in_review())
    for number in range(5):
        await reporting.message("tom", f"frobnitz {number}", reporting.room)
    assert len(reporting.in_review()) == before + 1
    found = await kept(reporting)
    assert len({finding.case_id for finding in found}) == 1
    shown = await reporting.review("mira", f"!policy show C-{found[0].case_id}")
    assert "found it by machine in 5 messages" in shown
    assert shown.count("Also: https://matrix.to/#/") == 4
    await reporting.message("lea", "frobnitz", reporting.room)
    assert len(reporting.in_review()) > before + 1, "somebody else is another incident"


async def test_a_finding_joins_the_case_that_a_report_has_opened(tmp_path: Path) -> None:
    async with ruled(tmp_path, when={"unqualified": []}) as world:
        await world.governed_room()
        case = await world.reported(text="frobnitz")
        assert case
        assert await kept(world) == []


async def test_a_rule_in_shadow_counts_and_nothing_follows(tmp_path: Path) -> None:
    async with ruled(tmp_path, state="shadow", then=["redact"], automatic=True) as world:
        await world.governed_room()
        said, done = len(world.homeserver.said), len(world.homeserver.performed)
        await world.message("tom", "frobnitz", world.room)
        (finding,) = await kept(world)
        assert (finding.outcome, finding.case_id) == (Outcome.COUNTED, None)
        assert (len(world.homeserver.said), len(world.homeserver.performed)) == (said, done)


async def test_a_draft_is_applied_to_nothing(tmp_path: Path) -> None:
    async with ruled(tmp_path, state="draft") as world:
        await world.governed_room()
        await world.message("tom", "frobnitz", world.room)
        assert await kept(world) == []


async def test_refusing_after_delivery_is_a_report_unless_it_is_automatic(tmp_path: Path) -> None:
    async with ruled(tmp_path, then=["refuse"]) as world:
        await world.governed_room()
        event = await world.message("tom", "frobnitz", world.room)
        assert event not in world.homeserver.redacted
        assert "New case" in world.in_review()[-1]


async def test_a_command_is_read_as_well(reporting: World) -> None:
    await reporting.message("tom", "!policy help frobnitz", reporting.room)
    assert len(await kept(reporting)) == 1


async def test_an_automatic_rule_removes_with_a_copy_a_notice_and_an_appeal(
    tmp_path: Path, database_url: str
) -> None:
    async with ruled(tmp_path, database_url, then=["redact"], automatic=True) as world:
        await world.governed_room()
        event = await world.message("tom", "Buy a frobnitz", world.room)
        assert event in world.homeserver.redacted
        async with world.database.transaction(reading=True) as tx:
            copy = await world.app.services.copies.get(tx, event)
        assert copy is not None
        assert copy.body == "Buy a frobnitz", "the copy is there before it is removed"
        told = world.told("tom")[-1]
        case = find(r"(?<=Decision )C-\d+", told)
        for needed in (
            "Measure: a warning",
            "The message was removed.",
            "a word on the operator's list",
            "Decided by machine? Yes.",
            "It does not count against you later.",
            f"!policy appeal {case}",
        ):
            assert needed in told
        redaction = next(e for e in world.homeserver.performed if isinstance(e, Redact))
        assert redaction.reason == f"Removed by decision {case} under rule R1 Advertising", (
            "the tombstone has the number"
        )
        assert "acted by itself" in world.in_review()[-1]
        await world.say("tom", f"!policy appeal {case} It was a poem about a garden gnome")
        await world.review("otto", f"!policy overturn {case} It was a poem and no advertising")
        await world.say("tom", f"!policy restore {case}")
        texts = [text for where, text in world.homeserver.said.values() if where == world.room]
        assert any("Buy a frobnitz" in text for text in texts), "it is put back"


async def test_what_a_machine_decided_never_makes_a_later_measure_harsher(redacting: World) -> None:
    await redacting.message("tom", "frobnitz", redacting.room)
    redacting.clock.pass_time(days=10)
    case = await redacting.reported(text="Buy my spades")
    answer = await redacting.review("mira", f"!policy propose {case} R1 S2")
    assert "H0" in answer
    assert "H1" not in answer.partition("H0")[0]


async def test_a_hold_ends_by_itself_within_three_days(tmp_path: Path) -> None:
    async with ruled(tmp_path, then=["hold"], automatic=True, hold_for="PT72H") as world:
        await world.governed_room()
        event = await world.message("tom", "frobnitz", world.room)
        assert event not in world.homeserver.redacted
        assert world.homeserver.levels[world.room]["users"][user("tom")] == -1
        assert "no posting in the room for 3 days" in world.told("tom")[-1]
        await world.tick(hours=71)
        assert world.homeserver.levels[world.room]["users"].get(user("tom")) == -1
        await world.tick(hours=1, minutes=1)
        assert user("tom") not in world.homeserver.levels[world.room]["users"]


async def test_a_moderator_ends_a_hold_early(tmp_path: Path) -> None:
    async with ruled(tmp_path, then=["hold"], automatic=True) as world:
        await world.governed_room()
        await world.message("tom", "frobnitz", world.room)
        command = find(r"!policy lift C-\d+", world.in_review()[-1])
        await world.review("mira", f"{command} It was a quotation, no advertising")
        assert user("tom") not in world.homeserver.levels[world.room]["users"]


@pytest.mark.parametrize("who", ["anna", "mira"])
async def test_nothing_automatic_befalls_who_moderates(redacting: World, who: str) -> None:
    event = await redacting.message(who, "frobnitz", redacting.room)
    assert event not in redacting.homeserver.redacted
    assert (
        "It did not act by itself: it was written by somebody who moderates" in redacting.in_review()[-1]
    )


async def test_without_rank_people_are_asked(redacting: World) -> None:
    levels = {"users": {user("anna"): 100}}
    await redacting.deliver(
        type="m.room.power_levels",
        room_id=redacting.room,
        sender=user("anna"),
        state_key="",
        content=levels,
    )
    event = await redacting.message("tom", "frobnitz", redacting.room)
    assert event not in redacting.homeserver.redacted
    assert "I have no rank in the room" in redacting.in_review()[-1]


async def test_a_rule_that_fires_too_often_is_stopped_and_calls_people_once(redacting: World) -> None:
    limit = redacting.config.ladder.breaker_per_hour
    events = [await redacting.message("tom", f"frobnitz {n}", redacting.room) for n in range(limit + 5)]
    assert [e in redacting.homeserver.redacted for e in events] == [True] * limit + [False] * 5
    calls = [
        text for text in redacting.in_review() if "Please look: the rule has acted too often" in text
    ]
    assert len(calls) == 1
    opened = [text for text in redacting.in_review() if "New case" in text]
    assert len(opened) == 1, "one case for the rest of it"
    acts = [text for text in redacting.in_review() if "acted by itself in" in text]
    assert len(acts) == 1, "the first is told, the others are counted"
    redacting.clock.pass_time(minutes=59)
    still = await redacting.message("lea", "frobnitz", redacting.room)
    assert still not in redacting.homeserver.redacted
    redacting.clock.pass_time(minutes=61)
    later = await redacting.message("lea", "frobnitz", redacting.room)
    assert later in redacting.homeserver.redacted, "after a quiet hour it acts again"


async def test_rules_act_on_twenty_people_an_hour_at_the_most(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"ladder.automation.breaker": {"max_per_hour": 100, "max_share": 1}}
    mechanics = rules(then=["redact"], automatic=True)
    async with make_world(tmp_path, **mechanics, **changes) as world:
        await world.governed_room()
        events = [await world.message(f"p{n}", "frobnitz", world.room) for n in range(22)]
        assert sum(event in world.homeserver.redacted for event in events) == 20
        assert any("rules have acted on 20 people" in text for text in world.in_review())


async def test_a_rule_that_reaches_too_large_a_share_of_those_who_write_calls_people(
    tmp_path: Path,
) -> None:
    mechanics = rules(then=["redact"], automatic=True)
    async with make_world(tmp_path, **mechanics) as world:
        await world.governed_room()
        for n in range(140):
            await world.message(f"quiet{n}", "Good morning", world.room)
        events = [await world.message(f"p{n}", "frobnitz", world.room) for n in range(9)]
        gone = [event in world.homeserver.redacted for event in events]
        # 140 who are quiet and 7 of the others: a twentieth of them are 7.35 people.
        assert gone == [True] * 7 + [False] * 2
        calls = [text for text in world.in_review() if "Please look" in text]
        assert len(calls) == 1
        assert "would reach more than 5% of those who wrote" in calls[0]
        world.clock.pass_time(minutes=61)
        later = [await world.message(f"p{n}", "frobnitz", world.room) for n in range(5)]
        assert all(event in world.homeserver.redacted for event in later), "of few a share says nothing"


async def test_where_the_ladder_lets_no_member_be_held_people_are_asked(tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "ladder.automation.interim_hold": {"max": "PT72H", "measures": ["room_hold"]}
    }
    mechanics = rules(then=["hold"], automatic=True)
    async with make_world(tmp_path, **mechanics, **changes) as world:
        await world.governed_room()
        await world.message("tom", "frobnitz", world.room)
        assert "the ladder lets nobody be held without a person" in world.in_review()[-1]


async def test_two_rules_on_one_message_are_one_case_and_one_measure(tmp_path: Path) -> None:
    both = [
        R1 | {"when": {"terms": {"words": ["frobnitz"]}}, "then": ["report"]},
        R2 | {"when": {"terms": {"words": ["frobnitz"]}}, "then": ["redact"], "automatic": True},
    ]
    async with make_world(tmp_path, rules=both) as world:
        await world.governed_room()
        event = await world.message("tom", "frobnitz", world.room)
        assert event in world.homeserver.redacted
        found = await kept(world)
        assert len({finding.case_id for finding in found}) == 1
        assert {finding.outcome for finding in found} == {Outcome.ACTED, Outcome.REPORTED}
        async with world.database.transaction(reading=True) as tx:
            made = await decisions.of_case(tx, found[0].case_id or 0)
            sanction = await sanctions.of_decision(tx, made[0].id)
        assert len(made) == 1
        assert sanction is not None


async def test_where_people_are_at_it_already_no_rule_acts(redacting: World) -> None:
    done = len([e for e in redacting.homeserver.performed if isinstance(e, Redact)])
    content = {"msgtype": "m.text", "body": "frobnitz"}
    redacting.homeserver.events["$early"] = {
        "sender": user("tom"),
        "origin_server_ts": 1,
        "content": content,
    }
    link = f"https://matrix.to/#/{redacting.room}/$early"
    await redacting.say("lea", f"!policy report {link} R1 This is an advert")
    await redacting.deliver(
        type="m.room.message",
        event_id="$early",
        room_id=redacting.room,
        sender=user("tom"),
        content=content,
    )
    assert len([e for e in redacting.homeserver.performed if isinstance(e, Redact)]) == done
    (finding,) = await kept(redacting)
    assert finding.outcome is Outcome.REPORTED


async def test_a_rule_for_one_category_leaves_other_rooms_alone(tmp_path: Path) -> None:
    categories = [
        {"id": "general", "title": "For the public"},
        {"id": "market", "title": "Buying and selling"},
    ]
    changes = {"filing.categories": categories} | rules(where=["market"])
    async with make_world(tmp_path, **changes) as world:
        await world.governed_room()
        await world.message("tom", "frobnitz", world.room)
        assert await kept(world) == []


async def test_who_posts_too_often_is_found(tmp_path: Path) -> None:
    rate = {"rate": {"more_than": 3, "within": "PT1M"}}
    async with ruled(tmp_path, when=rate) as world:
        await world.governed_room()
        for number in range(3):
            await world.message("tom", f"Tulip {number}", world.room)
            await world.message("lea", f"Rose {number}", world.room)
        assert await kept(world) == []
        fourth = await world.message("tom", "Tulip 4", world.room)
        assert [finding.event_id for finding in await kept(world)] == [fourth]
        world.clock.pass_time(seconds=61)
        await world.message("tom", "Tulip 5", world.room)
        assert len(await kept(world)) == 1


async def test_a_first_post_is_that_of_somebody_who_was_seen_to_enter(tmp_path: Path) -> None:
    async with ruled(tmp_path, when={"first_post": True}) as world:
        await world.governed_room()
        await world.message("lea", "I have been here for years", world.room)
        assert await kept(world) == [], "who was there before is not new"
        await world.called("tom", "Tom")
        first = await world.message("tom", "Hello", world.room)
        await world.message("tom", "Hello again", world.room)
        assert [finding.event_id for finding in await kept(world)] == [first]
        await world.called("tom", "Thomas")
        await world.message("tom", "Me again", world.room)
        assert len(await kept(world)) == 1


async def test_nobody_is_remembered_as_new_unless_a_rule_asks(reporting: World) -> None:
    await reporting.called("tom", "Tom")
    async with reporting.database.transaction(reading=True) as tx:
        assert await tx.fetch("SELECT * FROM newcomers") == []


async def test_a_new_member_is_one_for_a_time(tmp_path: Path) -> None:
    async with ruled(tmp_path, when={"member_younger_than": "P1D"}) as world:
        await world.governed_room()
        await world.called("tom", "Tom")
        await world.message("tom", "Hello", world.room)
        assert len(await kept(world)) == 1
        world.clock.pass_time(days=1)
        await world.message("tom", "Hello", world.room)
        assert len(await kept(world)) == 1


async def test_an_edit_is_read_as_what_it_becomes(reporting: World) -> None:
    event = await reporting.message("tom", "tulips", reporting.room)
    await reporting.message(
        "tom",
        "* tulips",
        reporting.room,
        **{
            "m.new_content": {"msgtype": "m.text", "body": "frobnitz"},
            "m.relates_to": {"rel_type": "m.replace", "event_id": event},
        },
    )
    assert len(await kept(reporting)) == 1


async def test_the_quotation_in_a_reply_is_not_its_authors(reporting: World) -> None:
    body = "> <@lea:example.org> frobnitz\n\nPlease do not write that"
    await reporting.message(
        "tom", body, reporting.room, **{"m.relates_to": {"m.in_reply_to": {"event_id": "$x"}}}
    )
    assert await kept(reporting) == []


async def test_the_bot_is_not_judged_and_what_is_redacted_says_nothing(reporting: World) -> None:
    await reporting.message(reporting.config.bot_user_id, "frobnitz", reporting.room)
    await reporting.deliver(
        type="m.room.message", room_id=reporting.room, sender=user("tom"), content={}
    )
    assert await kept(reporting) == []


@pytest.mark.parametrize(
    "event",
    [
        {"content": []},
        {"content": {"body": 5, "formatted_body": {"a": []}, "m.mentions": "x", "url": None}},
        {"content": {"msgtype": [], "body": ["frobnitz"], "m.new_content": 3, "m.relates_to": "x"}},
        {"sender": 5, "content": {"body": "frobnitz"}},
        {"room_id": None, "content": {"body": "frobnitz"}},
        {"content": {"body": "frobnitz", "msgtype": "m.text"}, "origin_server_ts": 10**30},
        {"content": {"body": "\ud800 frobnitz", "msgtype": "m.text"}},
    ],
)
async def test_wrong_types_park_nothing(reporting: World, event: dict[str, Any]) -> None:
    whole = {"type": "m.room.message", "room_id": reporting.room, "sender": user("tom")} | event
    await reporting.inward.handle(whole | {"event_id": "$odd"})
    async with reporting.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT COUNT(*) AS value FROM dead_events") == 0


async def test_a_dry_run_removes_nothing(tmp_path: Path) -> None:
    changes = rules(then=["redact"], automatic=True) | {"dry_run": True}
    async with make_world(tmp_path, **changes) as world:
        await world.governed_room()
        await world.message("tom", "frobnitz", world.room)
        assert not [e for e in world.homeserver.performed if isinstance(e, Redact | RestrictMember)]


async def test_people_disagree_and_the_figures_show_it(reporting: World) -> None:
    await reporting.message("tom", "frobnitz", reporting.room)
    (finding,) = await kept(reporting)
    await reporting.review("mira", f"!policy dismiss C-{finding.case_id} It was a poem, no advertising")
    async with reporting.database.transaction(reading=True) as tx:
        (stats,) = await findings.stats(tx, finding.at.replace(year=2020))
    assert (stats.rule_id, stats.outcomes, stats.people) == ("R1", {"reported": 1}, 1)
    assert (stats.decided, stats.dismissed) == (0, 1)


async def test_a_person_who_decides_says_that_a_machine_found_it(reporting: World) -> None:
    await reporting.message("tom", "frobnitz", reporting.room)
    (finding,) = await kept(reporting)
    await reporting.decided(f"C-{finding.case_id}", "warn")
    assert (
        "Decided by machine? No. A machine found it, and a person decided this."
        in (reporting.told("tom")[-1])
    )
    assert REVIEW


async def test_changed_rules_take_the_place_of_those_before_and_a_bad_one_changes_nothing(
    reporting: World, tmp_path: Path
) -> None:
    def changed(when: dict[str, Any]) -> Config:
        return load(files.write(tmp_path / str(next(_folders)), changes=rules(when=when)))

    before = reporting.app.services.findings.rules.version
    await reporting.message("tom", "frobnitz", reporting.room)
    with pytest.raises(RuleRefused, match=r"applies to 100%.*Of 1 kept messages it would hit 1"):
        await reporting.app.use_rules(changed({"patterns": [".*"]}))
    assert reporting.app.services.findings.rules.version == before
    await reporting.app.use_rules(changed({"terms": {"words": ["wobble"]}}))
    assert reporting.app.services.findings.rules.version != before
    (earlier,) = await kept(reporting)
    await reporting.message("tom", "frobnitz", reporting.room)
    event = await reporting.message("lea", "wobble", reporting.room)
    assert {finding.event_id for finding in await kept(reporting)} == {earlier.event_id, event}


async def test_a_bad_rule_keeps_the_service_from_starting(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="The configuration, rule R1: «\\[»"):
        async with ruled(tmp_path, when={"patterns": ["["]}):
            pass


async def test_a_post_declared_to_be_about_a_subject_without_the_qualification_is_found(
    tmp_path: Path,
) -> None:
    changes = rules(when={"unqualified": ["medical"]}) | {
        "filing.qualifications": [
            {"id": "medical", "title": "Medical advice", "needs": "A licence", "verifier": "The chamber"}
        ]
    }
    async with make_world(tmp_path, **changes) as world:
        await world.governed_room()
        event = await world.message("tom", "Rest, and drink tea", world.room)
        assert await kept(world) == []
        reply = {"m.relates_to": {"m.in_reply_to": {"event_id": event}}}
        await world.message("tom", "!policy declare medical", world.room, **reply)
        (finding,) = await kept(world)
        assert (finding.event_id, finding.outcome) == (event, Outcome.REPORTED)
        assert "a subject for which the room is not qualified" in world.in_review()[-1]
        shown = await world.review("mira", f"!policy show C-{finding.case_id}")
        assert "> Rest, and drink tea" in shown, "a copy is fetched"


async def test_nothing_is_removed_of_which_no_copy_is_kept(tmp_path: Path) -> None:
    unqualified = rules(when={"unqualified": []}, then=["redact"], automatic=True)
    changes = unqualified | {
        "filing.qualifications": [
            {"id": "medical", "title": "Medical advice", "needs": "A licence", "verifier": "The chamber"}
        ]
    }
    async with make_world(tmp_path, **changes) as world:
        await world.governed_room()
        event = await world.message("tom", "Rest, and drink tea", world.room)
        reply = {"m.relates_to": {"m.in_reply_to": {"event_id": event}}}
        await world.message("tom", "!policy declare medical", world.room, **reply)
        assert event not in world.homeserver.redacted
        assert any("no copy of the message is kept yet" in text for text in world.in_review())


async def picture(world: World, event_id: str, *files: dict[str, Any]) -> str:
    """Let somebody post a picture; `files` is what is found in it."""
    world.homeserver.files[event_id] = list(files)
    content = {"msgtype": "m.image", "body": "a.png", "url": f"mxc://example.org/{event_id[1:]}"}
    return await world.deliver(
        type="m.room.message",
        event_id=event_id,
        room_id=world.room,
        sender=user("tom"),
        content=content | {"info": {"mimetype": "image/png", "size": 1}},
    )


async def test_a_file_is_what_is_found_in_it_whatever_its_sender_says(tmp_path: Path) -> None:
    media = {"media": {"kinds": ["image/gif"], "larger_than": 1000}}
    async with ruled(tmp_path, when=media, then=["redact"], automatic=True) as world:
        await world.governed_room()
        gif = {"kind": "image/gif", "size": 2000, "animated": True}
        moving = await picture(world, "$gif", gif)
        still = await picture(world, "$png", {"kind": "image/png", "size": 2000, "animated": False})
        gone = await picture(world, "$gone")
        assert [finding.event_id for finding in await kept(world)] == [moving]
        assert {moving, still, gone} & world.homeserver.redacted == {moving}
        assert "a file of a kind that is not wanted" in world.told("tom")[-1]
        looks = [e for e in world.homeserver.performed if isinstance(e, LearnMore)]
        assert len(looks) == 3


async def test_the_first_post_is_still_the_first_when_its_file_was_looked_into(tmp_path: Path) -> None:
    when = {"first_post": True, "media": {"kinds": ["image/*"]}}
    async with ruled(tmp_path, when=when) as world:
        await world.governed_room()
        await world.called("tom", "Tom")
        png = {"kind": "image/png", "size": 2000, "animated": False}
        first = await picture(world, "$first", png)
        await picture(world, "$second", png)
        assert [finding.event_id for finding in await kept(world)] == [first]


async def test_no_file_is_looked_into_unless_a_rule_asks(reporting: World) -> None:
    await picture(reporting, "$png", {"kind": "image/png", "size": 1, "animated": False})
    assert not [e for e in reporting.homeserver.performed if isinstance(e, LearnMore)]
