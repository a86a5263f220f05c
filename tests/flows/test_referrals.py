"""Referrals: two people, as little as will do, and whoever it is about is told, whatever happens."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from policybot.app import App
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.permission import Role
from policybot.domain.referral import fingerprint
from policybot.store import members
from tests.referring import CONFIGURED, WHY, agreed, code, refer, take
from tests.staffed import Private, link_to, staffed_world
from tests.world import CHEAP, REVIEW, find, user


@pytest.fixture
async def handing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Private]:
    """A world with verified staff and a decided case about Tom."""
    async with staffed_world(tmp_path, monkeypatch, referrals=CONFIGURED) as made:
        await made.world.decided(made.case, "warn")
        yield made


@pytest.fixture
async def any_handing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> AsyncIterator[Private]:
    """The same, once on SQLite and once on PostgreSQL."""
    async with staffed_world(tmp_path, monkeypatch, database_url, referrals=CONFIGURED) as made:
        await made.world.decided(made.case, "warn")
        yield made


def handed(made: Private, who: str = "tom") -> list[str]:
    return [text for text in made.world.told(who) if "was handed over to" in text]


async def entries(made: Private) -> list[tuple[str, str, dict[str, Any]]]:
    async with made.world.database.transaction(reading=True) as tx:
        rows = await tx.fetch(
            "SELECT a.tag, a.actor, p.payload FROM audit a JOIN audit_payloads p ON p.seq = a.seq"
            " WHERE a.tag LIKE 'referral:%' ORDER BY a.seq"
        )
    return [(row["tag"], row["actor"], json.loads(row["payload"])) for row in rows]


async def test_two_people_decide_and_the_person_is_told_what_went_to_whom(any_handing: Private) -> None:
    made, world = any_handing, any_handing.world
    number = await agreed(made)
    assert handed(made) == [], "nothing has gone out yet"
    text = await take(made, number)
    assert "To: Example Police, the police of the town" in text
    assert "Buy my spades!" in text
    assert "Rule:\n    R1 Advertising" in text
    for kept_back in ("@tom", "!garden", "Advertised a shop", made.case):
        assert kept_back not in text, f"{kept_back} was not chosen"
    [notice] = handed(made)
    assert "Example Police (the police of the town)" in notice
    assert "the rule, the time, a copy of the message. Nothing else was. Your name was not." in notice
    assert f"Legal basis: An order of a court\nWhy: {WHY}" in notice
    assert f"!policy object {number} YOUR REASONS" in notice
    assert "@mira" not in notice
    assert "@ravi" not in notice
    found = await entries(made)
    assert [tag.partition(":")[2] for tag, _, _ in found] == ["propose", "approve", "hand_over", "tell"]
    assert [actor for _, actor, _ in found] == [user("mira"), user("ravi"), user("mira"), "system:clock"]
    assert {payload["recipient"] for _, _, payload in found} == {"police"}
    assert found[2][2]["binding"] == fingerprint(text), "exactly this went out"
    answer = await world.say("mira", f"!policy handover {number} File 12/26 of the cyber desk")
    assert answer == f"Noted: the receipt for {number}."
    assert "Receipt: File 12/26" in await world.say("mira", f"!policy show {number}")
    assert "Your reports" not in await world.say("tom", f"!policy status {number}")


async def test_what_is_read_before_agreeing_is_what_goes_out(handing: Private) -> None:
    answer = await refer(handing, "+facts +account")
    number, taken = find(r"REF-\d+", answer), code(handing)
    shown = await handing.world.say("ravi", f"!policy show {number}")
    document = [line[2:] for line in answer.split("\n") if line.startswith(">")]
    assert document == [line[2:] for line in shown.split("\n") if line.startswith(">")]
    assert f"To agree: !policy confirm {taken}" in shown
    await handing.world.say("ravi", f"!policy confirm {taken}")
    gone = await take(handing, number)
    assert [line.rstrip() for line in document] == gone.rstrip().split("\n")


async def test_of_a_message_that_was_edited_both_go_out(handing: Private) -> None:
    world = handing.world
    event = await world.message("tom", "Buy my spades!\nThey are cheap", world.room)
    new = {"msgtype": "m.text", "body": "Buy my rakes!"}
    edit = await world.message("tom", "* Buy my rakes!", world.room, **{"m.new_content": new})
    world.homeserver.events[event]["edit_id"] = edit
    link = f"https://matrix.to/#/{world.room}/{event}"
    await world.say("zoe", f"!policy report {link} R1 Another advert")
    handing.case = find(r"(?<=New case )C-\d+", world.in_review()[-1])
    answer = await refer(handing, "+message")
    assert "> Buy my rakes!" in answer
    await world.say("ravi", f"!policy confirm {code(handing)}")
    text = await take(handing, find(r"REF-\d+", answer))
    assert "    > Buy my spades!\n    > They are cheap\n    It was edited" in text
    assert text.count("SHA-256") == 2
    assert "    > Buy my rakes!" in text


async def test_what_hides_or_turns_round_in_a_message_is_written_out(handing: Private) -> None:
    world = handing.world
    said = "He said \u202erif\u202c\x1b[2J and a\u200bb, \U0001f469\u200d\U0001f33e"
    event = await world.message("tom", said, world.room)
    await world.say("zoe", f"!policy report https://matrix.to/#/{world.room}/{event} R1 Another advert")
    handing.case = find(r"(?<=New case )C-\d+", world.in_review()[-1])
    text = await take(handing, await agreed(handing, "+message"))
    shown = "He said [U+202E]rif[U+202C][U+001B][2J and a[U+200B]b, \U0001f469\u200d\U0001f33e"
    assert f"    > {shown}\n" in text


async def test_neither_is_the_other_nor_a_party_and_parties_see_nothing(handing: Private) -> None:
    """Conflicts of interest: Lea reported it and holds the role, Tom is whom it is about."""
    world, number = handing.world, find(r"REF-\d+", await refer(handing))
    taken = code(handing)
    assert "somebody else has to confirm" in await world.say("mira", f"!policy confirm {taken}")
    await world.verified("lea")
    assert "You are a party" in await world.say("lea", f"!policy confirm {taken}")
    assert "You are a party" in await world.say("lea", f"!policy deny {taken}")
    assert "both have to be verified" in await world.say("petra", f"!policy confirm {taken}")
    assert "Nothing waits under" in await world.say("otto", f"!policy confirm {taken}")
    assert "no referral" in await world.say("lea", f"!policy show {number}")
    assert number not in await world.say("lea", "!policy queue")
    assert number in await world.say("ravi", "!policy queue referrals")
    await link_to(world, "petra", "lea")
    assert "no referral" in await world.say("petra", f"!policy show {number}"), "Lea's other account"
    for who in ("lea", "tom"):
        assert not any(number in text for text in world.told(who))
    assert not any(number in text for text in world.in_review()), "parties may read that room"
    await link_to(world, "mona", "tom")
    answer = await world.say("mona", f"!policy refer {handing.case} police order +rule {WHY}")
    assert answer == f"There is no case {handing.case} that you can see."


REFUSED = [
    ("church order", "+rule", WHY, r"no recipient «church»\. Recipients: police .*, chamber "),
    ("police curiosity", "+rule", WHY, "«curiosity» is no basis for Example Police. Bases: order"),
    ("police order", "", WHY, "as little as will do"),
    ("chamber licence", "+message", WHY, r"For Chamber of Gardeners there is: \+rule, \+facts"),
    ("police order", "+name", WHY, "«.name» is nothing that can be handed over"),
    ("police order", "+identity", WHY, "is nothing that can be handed over"),
    ("police order", "+identity:7", WHY, "There is no reveal 7 about this account"),
    ("police order", "+rule", "Why not", "say in a sentence why"),
    ("police order", "+rule delay:mood:P3D", WHY, "no ground «mood».*investigation"),
    ("police order", "+rule delay:investigation:P31D", WHY, "after 30 days at the latest"),
    ("police order", "+rule delay:investigation:soon", WHY, "«soon» is no time"),
]


async def test_what_may_not_be_proposed_and_where(handing: Private) -> None:
    for words in (f"refer {handing.case} police order +rule {WHY}", "show REF-1", "handover REF-1"):
        assert "to me alone" in await handing.world.review("mira", f"!policy {words}")
    for to, what, why, answer in REFUSED:
        assert re.search(answer, await refer(handing, what, to, why)), (to, what, why)
    assert await entries(handing) == []


async def test_a_name_is_never_handed_over_but_the_number_of_an_approved_reveal_can_be(
    handing: Private,
) -> None:
    asked = await handing.ask("legal_order")
    assert "was not agreed to" in await refer(handing, "+identity:1")
    await handing.world.review("ravi", f"!policy confirm {asked}")
    text = await take(handing, await agreed(handing, "+account +identity:1"))
    assert "reveal 1 in our records, agreed to by two people" in text
    assert "Canary" not in text
    assert "the number under which your name was looked up" in handed(handing)[0]
    handing.case = await handing.world.reported(reporter="zoe")
    assert "There is no reveal 1 about this account" in await refer(handing, "+account +identity:1")


async def test_whoever_proposes_it_can_take_it_back(handing: Private) -> None:
    world, mira = handing.world, "mira"
    deny = find(r"(?<=To take it back: )!policy deny \w+", await refer(handing, "+time +message"))
    again = await refer(handing)
    assert again == "That is proposed already: !policy show REF-1"
    await world.say(mira, "!policy show REF-1")
    assert f"To take it back: {deny}" in world.told(mira)[-1]
    assert "is denied" in await world.say(mira, deny)
    assert "Proposed as REF-2" in await refer(handing)


async def test_a_delay_of_hours_is_told_in_hours(handing: Private) -> None:
    answer = await refer(handing, "+time delay:investigation:pt36h")
    said = "The person is told 1 day 12 hours after"
    assert f"{said} it is handed over (An investigation goes on)" in answer
    await handing.world.say("ravi", "!policy show REF-1")
    assert f"{said} the hand-over" in handing.world.told("ravi")[-1]


async def test_denied_expired_and_lapsed_hand_nothing_over(any_handing: Private) -> None:
    made, world = any_handing, any_handing.world
    number = find(r"REF-\d+", await refer(made))
    assert "is proposed already" in await refer(made), "once at a time"
    await world.say("ravi", f"!policy deny {code(made)}")
    assert f"{number} was refused" in world.told("mira")[-1]
    await refer(made)
    await world.tick(hours=25)
    assert "was not agreed to in time" in world.told("mira")[-1]
    number = await agreed(made)
    await world.tick(days=8)
    assert "was not handed over in time" in world.told("mira")[-1]
    assert "cannot be handed over" in await world.say("mira", f"!policy handover {number}")
    assert handed(made) == []


async def test_a_document_that_is_no_longer_what_was_agreed_to_stays_here(handing: Private) -> None:
    number = await agreed(handing)
    await handing.world.say("tom", f"!policy appeal {handing.case} It was a joke about spades")
    with pytest.raises(OutOfOrder, match="not what was agreed to any more"):
        await take(handing, number)
    assert handed(handing) == []


async def test_a_link_is_for_minutes_and_for_those_who_still_may(handing: Private) -> None:
    world, referrals = handing.world, handing.world.app.services.referrals
    number = await agreed(handing)
    await world.say("mira", f"!policy handover {number}")
    token = find(r"(?<=/referral/)\S+", world.told("mira")[-1])
    await world.deliver(
        type="m.room.member",
        room_id="!review:example.org",
        sender=user("mira"),
        state_key=user("mira"),
        content={"membership": "leave"},
    )
    async with world.database.transaction() as tx:
        with pytest.raises(NotFound):
            await referrals.peek(tx, token)
    world.config.staff[user("otto")] = (Role.APPEALS,)
    await world.say("otto", f"!policy show {number}")
    token = find(r"(?<=/referral/)\S+", world.told("otto")[-1])
    async with world.database.transaction() as tx:
        assert (await referrals.peek(tx, token))[1] == user("otto"), "they may read it"
        with pytest.raises(NotFound):
            await referrals.take(tx, token)
    await world.say("ravi", f"!policy handover {number}")
    token = find(r"(?<=/referral/)\S+", world.told("ravi")[-1])
    world.clock.pass_time(minutes=16)
    async with world.database.transaction() as tx:
        with pytest.raises(NotFound):
            await referrals.take(tx, token)


# Told later, and told all the same -------------------------------------------------------------------


async def delayed(made: Private) -> str:
    number = await agreed(made, "+rule +account delay:investigation:P30D")
    await take(made, number)
    assert handed(made) == []
    answer = await made.world.say("tom", "!policy me")
    assert "handed over" not in answer
    assert "Nothing about you" in await made.world.say("tom", f"!policy status {number}")
    assert "Nothing about you" in await made.world.say(
        "tom", f"!policy object {number} I do not like it"
    )
    return number


async def test_a_delay_ends_by_the_clock_after_unlinking_being_forgotten_and_a_restart(
    handing: Private,
) -> None:
    world = handing.world
    await delayed(handing)
    async with world.database.transaction() as tx:
        person = await members.person_behind(tx, user("tom"))
    await world.say("tom", "!policy unlink")
    async with world.database.transaction() as tx:
        assert person
        await world.app.services.privacy._forget(tx, person, "system:clock")
    await world.tick(days=29)
    assert handed(handing) == []
    world.app = App(world.config, world.database, now=world.clock, stretch=CHEAP)
    world.app.setting.review_room = REVIEW
    await world.app.record_policy()
    await world.tick(days=1, minutes=1)
    [notice] = handed(handing)
    assert "You are told only now because of this: An investigation goes on." in notice
    await world.tick(days=1)
    assert len(handed(handing)) == 1, "once"
    assert "is in" in await world.say("tom", "!policy object REF-1 I was never asked")


async def test_it_can_be_put_off_by_two_people_again_and_not_for_ever(handing: Private) -> None:
    world, number = handing.world, await delayed(handing)
    world.clock.pass_time(days=20)
    ask = f"!policy postpone {number} investigation"
    assert "told on" in await world.say("mira", f"{ask} P5D They asked for five days more")
    assert "after 30 days at the latest" in await world.say(
        "mira", f"{ask} P40D They asked for it again"
    )
    assert "in a sentence why" in await world.say("mira", f"{ask} P30D Why not")
    answer = await world.say("mira", f"{ask} P30D They asked in writing for more")
    assert "Another person with the role «privacy» has to agree" in answer
    assert "somebody else has to confirm" in await world.say("mira", f"!policy confirm {code(handing)}")
    assert "Agreed" in await world.say("ravi", f"!policy confirm {code(handing)}")
    await world.tick(days=15)
    assert handed(handing) == [], "the first end is over"
    for _ in range(20):
        await world.say("mira", f"{ask} P30D They asked in writing for more")
        if "told on" not in world.told("ravi")[-1]:
            break
        await world.say("ravi", f"!policy confirm {code(handing)}")
        await world.tick(days=29)
        if handed(handing):
            break
    await world.tick(days=31)
    assert len(handed(handing)) == 1, "a year after the hand-over nothing keeps it back"
    assert "not waiting to be told" in await world.say("mira", f"{ask} P30D They asked in writing")


async def test_who_is_not_known_as_a_person_puts_nothing_off(handing: Private) -> None:
    """Else one person would be two: by an account that nobody verified, and by their own."""
    world, number = handing.world, await delayed(handing)
    world.clock.pass_time(days=20)
    await world.say("mira", "!policy unlink")
    async with world.database.transaction(reading=True) as tx:
        assert await members.link_of(tx, user("mira")) is None
    ask = f"!policy postpone {number} investigation P30D They asked in writing"
    assert "both have to be verified" in await world.say("mira", ask)
    assert "P30D" not in world.told("ravi")[-1]


async def test_what_nobody_agrees_to_puts_nothing_off(handing: Private) -> None:
    world, number = handing.world, await delayed(handing)
    await world.say("mira", f"!policy postpone {number} investigation P30D They asked in writing")
    world.clock.pass_time(days=1)
    await world.say("mira", f"!policy postpone {number} investigation P30D They asked once more")
    await world.say("ravi", f"!policy deny {code(handing)}")
    await world.tick(days=29, minutes=1)
    assert len(handed(handing)) == 1


# Objecting, and taking back --------------------------------------------------------------------------


async def test_the_person_objects_and_somebody_else_answers(handing: Private) -> None:
    made, world = handing, handing.world
    number = await agreed(made)
    await take(made, number)
    assert "Nothing about you" in await world.say("anna", f"!policy object {number} I do not like it")
    assert "answers by" in await world.say("tom", f"!policy object {number} Nobody asked for it")
    assert "is in already" in await world.say("tom", f"!policy object {number} And another thing")
    assert any("Nobody asked for it" in text for text in world.told("otto"))
    assert not any("Nobody asked for it" in text for text in world.told("lea")), "a party"
    assert "your objection waits" in await world.say("tom", "!policy me")
    assert "had a part" in await world.say("ravi", f"!policy uphold {number} It was right so")
    await world.tick(days=15)
    assert "The time for it is over" in world.told("otto")[-1]
    answer = await world.say("otto", f"!policy overturn {number} No court has asked for it")
    assert "does not hold" in answer
    assert "No court has asked for it" in world.told("tom")[-1]
    correction = find(r"(?<=!policy handover )REF-\d+", world.told("mira")[-1])
    text = await take(made, correction)
    assert f"Corrects: {number}" in text
    for gone in ("spades", "@tom", "R1"):
        assert gone not in text
    assert f"that {number} does not hold" in world.told("tom")[-1]
    assert "No objection" in await world.say("otto", f"!policy uphold {number} Once more with feeling")


async def test_when_its_decision_is_overturned_the_recipient_is_corrected(handing: Private) -> None:
    """I11: whoever was told of the first decision is told that it is void."""
    made, world = handing, handing.world
    number = await agreed(made)
    await take(made, number)
    other = find(r"REF-\d+", await refer(made, "+rule", "chamber licence"))
    await world.say("tom", f"!policy appeal {made.case} It was a joke about spades")
    await world.say("otto", f"!policy overturn {made.case} It was one indeed, I think")
    assert any(f"{other} rests on a decision that is void" in text for text in world.told("mira"))
    text = await take(made, find(r"(?<=!policy handover )REF-\d+", world.told("ravi")[-1]), "ravi")
    assert "it was overturned" in text
    assert [tag for tag, _, _ in await entries(made)].count("referral:correct") == 1
    assert "Nothing waits" in await world.say("ravi", "!policy queue referrals")
    await world.tick(hours=25)  # the code of the one that is void ends as any other


async def test_when_its_decision_is_changed_the_recipient_is_told_and_again_if_that_is_void(
    handing: Private,
) -> None:
    made, world = handing, handing.world
    number = await agreed(made)
    await take(made, number)
    other = find(r"REF-\d+", await refer(made, "+rule", "chamber licence"))
    await world.say("tom", f"!policy appeal {made.case} It was a joke about spades")
    await world.say("otto", f"!policy modify {made.case} advise A word of advice is enough here")
    assert any(f"{other} rests on a decision that was changed" in text for text in world.told("mira"))
    assert f"{number} has changed: The decision on which it rests was changed" in world.told("ravi")[-1]
    correction = find(r"(?<=!policy handover )REF-\d+", world.told("ravi")[-1])
    text = await take(made, correction, "ravi")
    assert "Please no longer rest on the first decision" in text
    assert "as if it had not been" not in text
    assert f"that {number} has changed ({correction})" in world.told("tom")[-1]
    await world.say("tom", f"!policy appeal {made.case} It was a joke all the same")
    await world.review("ravi", f"!policy overturn {made.case} It was one indeed, I think")
    again = find(r"(?<=!policy handover )REF-\d+", world.told("ravi")[-1])
    assert "as if it had not been" in await take(made, again, "ravi")
    assert [tag for tag, _, _ in await entries(made)].count("referral:correct") == 2


async def test_what_was_decided_at_once_and_undone_at_once_is_corrected_once(handing: Private) -> None:
    world = handing.world
    case = await world.reported("nora", "zoe")
    facts = "Advertised a shop in a room for neighbours"
    answer = await world.review("mira", f"!policy bulk {case} R1 S2 proposed {facts}")
    batch = find(r"(?<=!policy confirm )\w+", answer)
    await world.review("mira", f"!policy confirm {batch}")
    made = Private(world, case)
    await take(made, await agreed(made, "+rule"))
    await world.review("otto", f"!policy undo {batch} These were gifts among neighbours")
    assert [tag for tag, _, _ in await entries(made)].count("referral:correct") == 1
    text = await take(made, find(r"(?<=!policy handover )REF-\d+", world.told("ravi")[-1]), "ravi")
    assert "is void from the beginning" in text


async def test_a_correction_does_not_tell_what_may_not_be_told_yet(handing: Private) -> None:
    number, world = await delayed(handing), handing.world
    await world.say("tom", f"!policy appeal {handing.case} It was a joke about spades")
    await world.say("otto", f"!policy overturn {handing.case} It was one indeed, I think")
    await take(handing, find(r"(?<=!policy handover )REF-\d+", world.told("ravi")[-1]), "ravi")
    assert not any(number in text for text in world.told("tom"))
    await world.tick(days=31)
    assert sum(number in text for text in world.told("tom")) == 2


async def test_people_find_it_in_what_is_kept_about_them_and_why_it_stands(handing: Private) -> None:
    number, world = await agreed(handing), handing.world
    await take(handing, number)
    assert f"{number} of 2 March 2026" in await world.say("tom", "!policy me")
    async with world.database.transaction(reading=True) as tx:
        archive = await world.app.services.exports.archive(tx, user("tom"))
        assert b"referrals.json" in archive
    assert "handed over" not in await world.say("lea", "!policy me")
    await world.say("tom", f"!policy object {number} I do not see why")
    await world.say("otto", f"!policy uphold {number} The order is here, and it names the message")
    assert "the referral stands" in world.told("tom")[-1]
    assert "it stands" in await world.say("tom", f"!policy status {number}")
    assert "The objection is answered: upheld" in await world.say("mira", f"!policy show {number}")
    world.clock.pass_time(days=900)
    await world.app.services.retention.sweep_all(world.database, lambda *_: None)
    shown = await world.say("mira", f"!policy show {number}")
    assert "cannot be shown any more. This is not there to be handed over: +rule" in shown
    world.clock.pass_time(days=300)
    await world.app.services.retention.sweep_all(world.database, lambda *_: None)
    assert "Nothing about you" in await world.say("tom", f"!policy status {number}"), "its time is over"
