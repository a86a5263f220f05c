"""Deciding: what is shown before is what happens, in whose language, with which sentence."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from policybot.domain import statement as statement_rules
from policybot.domain.case import Case, Subject
from policybot.domain.effects import Notify, RestrictMember
from policybot.store import cases, outbox, statements
from tests.files import NAMES
from tests.ruled import R1, R2
from tests.world import World, find, unlinked, user
from tests.world import world as make_world

WHY = "Three neighbours left the room for it"
FACTS = "Threatened a neighbour at night"
GERMAN = {
    "notice_heading": "Entscheidung {number}",
    "notice_measure": "Maßnahme: {measure}. Sie betrifft {scope}.",
    "notice_until": "Sie endet von selbst am {date}.",
    "notice_date": "{day}.{month}.{year}, {time} UTC",
    "notice_facts": "Was geschehen ist: {facts}",
    "notice_room": "den Raum {room}",
    "notice_for": "{measure} für {time}",
    "notice_days": "{n} Tage",
    "notice_why": "warum diese Maßnahme: {why}",
    "measure_restrict_member": "kein Schreiben im Raum",
    "measure_warn": "eine Verwarnung",
}
PRESETS = [
    {
        "id": "advert",
        "text": "You advertised {what} {where} in a room for neighbours.",
        "languages": {"de": "Sie haben im Raum {wo} Werbung für {was} gemacht."},
    }
]
TRANSLATED = R1 | {
    "presets": PRESETS,
    "category": "STATEMENT_CATEGORY_OTHER_VIOLATION_TC",
    "translations": [{"language": "de", "title": "Werbung", "text": "Werben Sie hier nicht."}],
}


@pytest.fixture
async def german(tmp_path: Path) -> AsyncIterator[World]:
    """A world with German notices, a translated rule and a prepared text."""
    changes: dict[str, Any] = {"languages": {"de": GERMAN}, "rules": [TRANSLATED, R2]}
    async with make_world(tmp_path, **changes) as made:
        yield made


async def rows(world: World) -> dict[str, int]:
    """Count what is on record, but for what every message leaves behind."""
    counted = {}
    async with world.database.transaction(reading=True) as tx:
        for table in ("decisions", "statements", "sanctions", "approvals", "audit", "counters"):
            counted[table] = int(await tx.value(f"SELECT count(*) AS value FROM {table}"))  # noqa: S608
    return counted


def quoted(answer: str) -> str:
    """Read what somebody will read out of a preview."""
    return "\n".join(line[2:] for line in answer.split("\n") if line.startswith("> "))


def code_in(answer: str) -> str:
    return find(r"(?<=!policy confirm )\w+", answer)


# Preview -----------------------------------------------------------------------------------------


async def test_a_preview_writes_nothing_and_shows_exactly_what_everybody_will_read(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    case = await world.reported()
    before = await rows(world)
    answer = await world.review("mira", f"!policy preview {case} R2 S3 proposed+remove {FACTS}")
    assert await rows(world) == before
    assert not world.homeserver.redacted
    assert f"restrict {user('tom')}" in answer
    assert "Taken back by: post $event" in answer
    assert f"release {user('tom')}" in answer
    await world.review("mira", f"!policy decide {case} R2 S3 proposed+remove {FACTS}")
    assert quoted(answer) == unlinked(world.told("tom")[-1])
    assert f"will read: {world.told('lea')[-1]}" in answer


async def test_what_asks_for_confirmation_shows_the_same(world: World) -> None:
    await world.governed_room()
    await world.say("lea", f"!policy report {user('tom')} R2 He threatens everybody")
    text = f"C-1 R2 S3 suspend:P30D {FACTS} // {WHY}"
    shown = await world.review("mira", f"!policy preview {text}")
    answer = await world.review("mira", f"!policy decide {text}")
    assert quoted(shown) == quoted(answer)
    await world.review("otto", f"!policy confirm {code_in(answer)}")
    assert quoted(answer) == unlinked(world.told("tom")[-1])


async def test_a_party_previews_nothing_and_neither_does_who_comes_second(world: World) -> None:
    await world.governed_room()
    case = await world.reported(reporter="otto")
    answer = await world.review("otto", f"!policy preview {case} R2 S3 proposed {FACTS}")
    assert "There is no case" in answer
    await world.review("mira", f"!policy decide {case} R2 S3 proposed {FACTS}")
    answer = await world.review("mira", f"!policy preview {case} R2 S3 proposed {FACTS}")
    assert "is closed already" in answer


# Discretion --------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", ["warn", "restrict:P14D", "proposed+provoked"])
async def test_who_leaves_what_the_ladder_proposes_says_why(world: World, measure: str) -> None:
    await world.governed_room()
    case = await world.reported()
    for why in ("", " //", " // ok"):
        answer = await world.review("mira", f"!policy decide {case} R2 S3 {measure} {FACTS}{why}")
        assert "say in a sentence why" in answer
    assert (await rows(world))["decisions"] == 0
    answer = await world.review("mira", f"!policy decide {case} R2 S3 {measure} {FACTS} // {WHY}")
    if "!policy confirm" in answer:
        await world.review("otto", f"!policy confirm {code_in(answer)}")
    told = world.told("tom")[-1]
    assert f"why this measure: {WHY}" in told
    assert f"What happened: {FACTS}\n" in told, "the sentence is no fact"
    assert ("considered: provoked" in told) == ("provoked" in measure)


async def test_outside_what_is_permitted_two_people_and_the_sentence_are_needed(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    answer = await world.review("mira", f"!policy decide {case} R1 S2 restrict:P60D {FACTS} // {WHY}")
    assert "outside what is permitted" in answer
    assert "needs a second person" in await world.review("mira", f"!policy confirm {code_in(answer)}")
    assert "is decided" in await world.review("otto", f"!policy confirm {code_in(answer)}")


# What a second person confirms -------------------------------------------------------------------


async def proposed(world: World, measure: str = "restrict:P60D+remove+provoked") -> str:
    """Have a measure proposed for which two people are needed; return the code."""
    await world.governed_room()
    case = await world.reported()
    answer = await world.review("mira", f"!policy decide {case} R2 S3 {measure} {FACTS} // {WHY}")
    return code_in(answer)


async def test_what_was_proposed_is_confirmed_with_all_its_words(any_world: World) -> None:
    code = await proposed(any_world)
    assert "is decided" in await any_world.review("otto", f"!policy confirm {code}")
    assert WHY in any_world.told("tom")[-1]


async def more_messages(world: World, patch: pytest.MonkeyPatch) -> None:
    async def two(tx: Any, case: Case) -> list[Subject]:
        return [case.subject, replace(case.subject, event_id="$other")]

    patch.setattr(cases, "subjects", two)


async def other_rule(world: World, patch: pytest.MonkeyPatch) -> None:
    rules = [replace(r, text=f"{r.text} Never.") for r in world.config.rules]
    patch.setattr(world.config, "rules", tuple(rules))


async def other_remedy(world: World, patch: pytest.MonkeyPatch) -> None:
    changed = world.config.operator.model_copy(update={"appeal_body": "the ombudsman"})
    patch.setattr(world.config, "operator", changed)


async def other_facts(world: World, patch: pytest.MonkeyPatch) -> None:
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE decisions SET typed = 'Something else happened // Because of it all'")


async def other_measure(world: World, patch: pytest.MonkeyPatch) -> None:
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE decisions SET measure = 'restrict P90D'")


@pytest.mark.parametrize("change", [more_messages, other_rule, other_remedy, other_facts, other_measure])
async def test_anything_else_than_what_was_proposed_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    code = await proposed(world)
    await change(world, monkeypatch)
    answer = await world.review("otto", f"!policy confirm {code}")
    assert "no longer fits" in answer
    assert not world.homeserver.redacted
    assert user("tom") not in world.homeserver.levels[world.room]["users"]


async def test_a_room_that_is_filed_meanwhile_changes_what_would_happen(world: World) -> None:
    await world.governed_room("anna")
    event = await world.message("tom", "Anna lives in Garden Street 7", world.room)
    link = f"https://matrix.to/#/{world.room}/{event}"
    await world.say("lea", f"!policy report {link} R3 He publishes where she lives")
    text = f"!policy decide C-1 R3 S1 restrict:P60D Published a private address // {WHY}"
    code = code_in(await world.review("mira", text))
    await world.governed_room("zoe", "!second:example.org")
    assert "no longer fits" in await world.review("otto", f"!policy confirm {code}")


async def test_i20_what_nobody_confirms_in_time_is_gone_and_no_later_word_brings_it_back(
    any_world: World,
) -> None:
    code = await proposed(any_world)
    await any_world.tick(hours=24, seconds=1)
    assert "Nothing waits" in await any_world.review("otto", f"!policy confirm {code}")
    for _ in range(5):
        await any_world.tick(days=30)
    assert user("tom") not in any_world.homeserver.levels[any_world.room]["users"]
    assert not any_world.homeserver.redacted
    assert not any("Decision C-" in text for text in any_world.told("tom"))


async def test_whoever_changes_their_language_meanwhile_stops_nothing(german: World) -> None:
    await german.governed_room()
    case = await german.reported()
    answer = await german.review("mira", f"!policy decide {case} R2 S3 restrict:P60D {FACTS} // {WHY}")
    await german.say("tom", "!policy language de")
    assert "is decided" in await german.review("otto", f"!policy confirm {code_in(answer)}")
    assert "Decision C-1" in german.told("tom")[-1]


# Languages and prepared texts --------------------------------------------------------------------


async def test_a_notice_is_written_in_the_language_of_whom_it_is_about(german: World) -> None:
    await german.governed_room()
    await german.say("tom", "!policy language de")
    case = await german.reported()
    answer = await german.review("mira", f"!policy preview {case} R1 S2 restrict:P3D {FACTS} // {WHY}")
    text = f"{case} R1 S2 restrict:P3D {FACTS} // {WHY}"
    code = code_in(await german.review("mira", f"!policy decide {text}"))
    await german.review("otto", f"!policy confirm {code}")
    told = german.told("tom")[-1]
    for needed in (
        f"Entscheidung {case}\nMaßnahme: kein Schreiben im Raum für 3 Tage. Sie betrifft den Raum PB-",
        "Sie endet von selbst am 5.3.2026, 09:00 UTC.",
        "R1 Werbung: Werben Sie hier nicht.",
        f"warum diese Maßnahme: {WHY}",
        "Nothing was removed.",
    ):
        assert needed in told
    assert quoted(answer) == unlinked(told)
    async with german.database.transaction(reading=True) as tx:
        kept = await statements.get(tx, 1)
    assert kept is not None
    assert (kept.language, kept.text) == ("de", unlinked(told))


async def test_a_prepared_text_is_filled_in_in_the_language_of_its_reader(german: World) -> None:
    await german.governed_room()
    await german.say("tom", "!policy language de")
    case = await german.reported()
    assert "R1 #advert: You advertised {what}" in await german.review("mira", "!policy help decide")
    decide = f"!policy decide {case} R1 S1 proposed"
    assert "still to be filled: {where}" in await german.review("mira", f"{decide} #advert spades")
    assert "still to be filled: {what}" in await german.review("mira", f"{decide} #advert || here")
    assert "There are: #advert." in await german.review("mira", f"{decide} #other spades | here")
    assert "still to be filled: {what}" in await german.review(
        "mira", f"{decide} You advertised {{what}}"
    )
    await german.review("mira", f"{decide} #advert | Garten | Spaten | Zum ersten Mal.")
    told = german.told("tom")[-1]
    assert "Sie haben im Raum Garten Werbung für Spaten gemacht. Zum ersten Mal." in told
    async with german.database.transaction(reading=True) as tx:
        facts = await tx.value("SELECT facts AS value FROM decisions")
    assert facts == "You advertised Garten Spaten in a room for neighbours. Zum ersten Mal."


# The statement as data ---------------------------------------------------------------------------


async def test_the_statement_is_on_record_with_all_its_fields(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    case = await world.reported()
    await world.review("mira", f"!policy decide {case} R2 S3 proposed+remove {FACTS}")
    async with world.database.transaction(reading=True) as tx:
        kept = await statements.get(tx, 1)
    assert kept is not None
    reasons = kept.reasons
    assert statement_rules.missing(reasons) == ()
    assert reasons.visibility == (statement_rules.Visibility.REMOVED,)
    assert reasons.provision is statement_rules.Provision.PARTIAL_SUSPENSION
    assert reasons.service_ends_at is not None
    assert (reasons.service_ends_at - reasons.application_date).days == 7
    assert reasons.source is statement_rules.Source.OTHER_NOTICE
    assert reasons.content == (statement_rules.Content.TEXT,)
    assert kept.text == unlinked(world.told("tom")[-1])
    assert kept.sent_at == world.clock()
    assert kept.deemed_at is not None
    assert (kept.deemed_at - world.clock()).days == 3
    for nobody in (user("tom"), user("lea"), user("mira"), *NAMES.values()):
        assert nobody not in statement_rules.dump(reasons)


async def test_what_became_of_a_notice_is_shown(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    await world.review("mira", f"!policy decide {case} R2 S3 proposed {FACTS}")
    answer = await world.review("mira", f"!policy show {case}")
    assert (
        "Notice: taken by the homeserver on 2 March 2026, 09:00 UTC; deemed known on 5 March" in answer
    )
    world.clock.pass_time(hours=1)
    await world.say("tom", "!policy me")
    assert "Notice: read on 2 March 2026, 10:00 UTC" in await world.review(
        "mira", f"!policy show {case}"
    )


# Hostile words -----------------------------------------------------------------------------------

HOSTILE = (
    "<b>bold</b> \u202eevil\u202c @room [x](https://matrix.to/#/@anna:example.org) "
    "\x00\u200b a\u0301\u0301\u0301\u0301\u0301"
)


@pytest.mark.parametrize("preset", [False, True])
async def test_hostile_words_become_plain_ones(german: World, preset: bool) -> None:
    await german.governed_room()
    case = await german.reported()
    facts = f"#advert {HOSTILE} | here" if preset else f"He wrote this: {HOSTILE}"
    await german.review("mira", f"!policy decide {case} R1 S1 proposed {facts}")
    told = german.told("tom")[-1]
    assert "<b>bold</b> evil @room" in told
    assert not set("\u202e\u202c\x00\u200b") & set(told)
    for size, said in ((5_100, "at most 5000 characters"), (60_000, "too long for me")):
        words = f"#advert {'x' * size} | here" if preset else "x" * size
        case = await german.reported()
        answer = await german.review("mira", f"!policy decide {case} R1 S1 proposed {words}")
        assert said in answer


async def test_what_is_kept_of_a_decision_is_data(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    await world.review("mira", f"!policy decide {case} R2 S3 warn+provoked {FACTS} // {WHY}")
    async with world.database.transaction(reading=True) as tx:
        row = await tx.first("SELECT factors, why, typed FROM decisions")
        waiting = await outbox.unfinished(tx, "decision 1")
    assert row is not None
    assert json.loads(row["factors"]) == ["provoked"]
    assert (row["why"], row["typed"]) == (WHY, f"{FACTS} // {WHY}")
    assert waiting == 0


# Before or with the effect -----------------------------------------------------------------------


async def test_a_homeserver_that_does_not_do_it_holds_up_no_notice(any_world: World) -> None:
    """The bot was demoted between decision and effect: the effect waits, and everybody is told."""
    world = any_world
    await world.governed_room()
    case = await world.reported()
    world.homeserver.refuses[RestrictMember] = "403 M_FORBIDDEN: no rank"
    await world.review("mira", f"!policy decide {case} R2 S3 proposed+remove {FACTS}")
    assert any("no rank" in text and "!policy retry" in text for text in world.in_review())
    assert len(world.homeserver.redacted) == 1, "the rest is done"
    await world.tick(seconds=29)
    assert not any("Decision" in text for text in world.told("tom"))
    await world.tick(seconds=2)
    told = world.told("tom")[-1]
    assert told.startswith("Decision C-1")
    assert "has not carried it out yet" in told
    assert "ends by itself" not in told
    assert "took a measure" in world.told("lea")[-1]
    await world.tick(minutes=5)
    assert world.told("tom")[-1] == told, "once"
    world.homeserver.refuses.clear()
    number = find(r"(?<=!policy retry )\d+", "\n".join(world.in_review()))
    await world.review("mira", f"!policy retry {number}")
    begun = (
        "C-1 has begun: no posting in the room for 7 days. It ends by itself on 9 March 2026, 09:05 UTC"
    )
    assert begun in world.told("tom")[-1]
    assert sum("Decision C-1" in text for text in world.told("tom")) == 1
    await world.tick(days=6, hours=23)
    assert world.homeserver.levels[world.room]["users"][user("tom")] == -1
    await world.tick(hours=1, seconds=1)
    assert user("tom") not in world.homeserver.levels[world.room]["users"]


async def test_a_notice_that_cannot_be_delivered_is_told_to_the_staff(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    world.homeserver.refuses[Notify] = "the account is gone"
    await world.review("mira", f"!policy decide {case} R2 S3 proposed {FACTS}")
    assert any(f"could not send a message to {user('tom')}" in t for t in world.in_review())
    answer = await world.review("mira", f"!policy show {case}")
    assert "Notice: could not be delivered: the account is gone" in answer
    world.homeserver.refuses.clear()
    number = find(r"(?<=!policy retry )\d+", "\n".join(t for t in world.in_review() if "notice" in t))
    await world.review("mira", f"!policy retry {number}")
    assert "Notice: taken by the homeserver" in await world.review("mira", f"!policy show {case}")
