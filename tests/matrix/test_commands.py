"""Commands: every misuse is answered with what would be right, and changes nothing."""

import time

import pytest

from policybot.domain.permission import of_staff
from policybot.domain.seen import asks_the_bot
from policybot.matrix.commands.command import Command, Misused
from policybot.matrix.commands.dispatch import is_command
from policybot.matrix.commands.table import COMMANDS
from tests.world import World, user

IDS = [command.verb for command in COMMANDS]


def required(command: Command) -> list[str]:
    return [word for word in command.usage.split()[1:] if not word.startswith("[")]


@pytest.mark.parametrize("command", COMMANDS, ids=IDS)
def test_a_missing_argument_is_answered_with_the_usage(command: Command) -> None:
    for number in range(len(required(command))):
        with pytest.raises(Misused, match="Usage: !policy") as caught:
            command.read(" ".join(["x"] * number))
        assert command.usage in str(caught.value)


@pytest.mark.parametrize("command", COMMANDS, ids=IDS)
def test_too_many_arguments_are_answered_with_the_usage(command: Command) -> None:
    if command.usage.rstrip("]").endswith("…"):
        assert command.read(" ".join(["x"] * 20))
    else:
        with pytest.raises(Misused, match="more than I understand"):
            command.read(" ".join(["x"] * 20))


def test_every_verb_is_there_once_and_explained() -> None:
    assert len(set(IDS)) == len(IDS)
    assert all(command.help.endswith(".") for command in COMMANDS)


def test_a_quotation_of_very_many_lines_is_dropped_at_once() -> None:
    body = ">\n" * 100_000 + "!policy help"
    begin = time.thread_time()
    assert is_command({"sender": "@tom:x", "content": {"msgtype": "m.text", "body": body}})
    assert time.thread_time() - begin < 0.3


def test_a_bare_command_that_passes_the_gate_is_one_that_there_is() -> None:
    verbs = {command.verb for command in COMMANDS if command not in STAFF} | {"help"}
    passing = {verb for verb in IDS if asks_the_bot({"msgtype": "m.text", "body": f"!policy {verb}"})}
    assert passing <= verbs
    assert {"verify", "agree", "me", "language", "name", "unlink", "export", "erase", "about"} <= passing


STAFF = [command for command in COMMANDS if of_staff(command.needs)]


@pytest.mark.parametrize("command", STAFF, ids=[command.verb for command in STAFF])
async def test_what_belongs_to_staff_does_not_exist_for_others(world: World, command: Command) -> None:
    nonsense = await world.say("lea", f"!policy {command.verb}zzzz C-1 R1 S1 x y z")
    answer = await world.say("lea", f"!policy {command.verb} C-1 R1 S1 x y z")
    assert answer.startswith(f"I do not know «{command.verb}»")
    assert nonsense.startswith(f"I do not know «{command.verb}zzzz»")
    assert command.usage not in await world.say("lea", "!policy help")


async def test_help_is_in_parts_and_shows_nobody_the_work_of_others(world: World) -> None:
    lines = (await world.say("lea", "!policy help")).splitlines()
    place = lines.index("A public room of your own:")
    assert lines[place - 1] == ""
    assert lines[place + 1].startswith("!policy file ROOM")
    assert "Your work here:" not in lines
    assert "Your work here:" in (await world.review("mira", "!policy help")).splitlines()


async def test_help_begins_with_the_work_and_says_of_each_command_one_sentence(world: World) -> None:
    text = await world.review("mira", "!policy help")
    assert text.startswith("Your work here:\n!policy queue")
    assert text.index("Your work here:") < text.index("\n\nYou:\n!policy about")
    line = next(line for line in text.splitlines() if line.startswith("!policy decide"))
    assert line == "!policy decide CASE RULE SEVERITY MEASURE FACTS… – Decide a case."
    assert "add +remove" in await world.review("mira", "!policy help decide")


async def test_people_of_the_house_read_who_may_do_what_they_may_not(world: World) -> None:
    for text in ("brief C-1", "help brief"):
        answer = await world.review("mira", f"!policy {text}")
        assert answer == "«brief» is for people with the role «appeals», which you do not have."
    answer = await world.review("mira", "!policy approve F-1")
    assert answer == "«approve» is for people with the role «reviewer», which you do not have."
    assert await world.say("lea", "!policy help brief") == (
        "I do not know «brief». What I know: !policy help"
    )


async def test_help_for_a_word_that_is_none_names_the_nearest(world: World) -> None:
    assert "Did you mean: !policy appeal NUMBER" in await world.say("lea", "!policy help apeal")


async def test_a_room_is_reported_by_its_number_and_a_typo_in_it_is_told(world: World) -> None:
    record = await world.governed_room()
    answer = await world.say("lea", f"!policy report {record[:-1]}? R3 Card numbers are sold there")
    assert "receipt" not in answer
    wrong = record[:-1] + ("A" if record[-1] != "A" else "B")
    answer = await world.say("lea", f"!policy report {wrong} R3 Card numbers are sold there")
    assert "its check characters do not fit" in answer
    answer = await world.say("lea", f"!policy report {record} R3 Card numbers are sold there")
    assert "Your receipt is R-1" in answer
    assert f"New case C-1: the room {world.room}" in world.in_review()[-1]
    assert "if it cannot wait: !policy hold C-1 RULE REASON" in world.in_review()[-1]


async def test_a_case_that_waits_for_its_second_person_says_so(world: World) -> None:
    record = await world.governed_room()
    await world.say("lea", f"!policy report {world.room} R3 Card numbers are sold there")
    shown = await world.review("mira", "!policy show C-1")
    assert f"Filed as {record} (approved), by @anna:example.org" in shown
    assert "Next: !policy propose C-1 RULE SEVERITY" in shown
    assert "!policy hold C-1 RULE REASON" in shown
    await world.review(
        "mira",
        "!policy decide C-1 R3 S4 close Card numbers are sold there // No other way",
    )
    answer = await world.review("mira", "!policy claim C-1")
    assert "C-1 is waiting for a second person to confirm what was proposed" in answer


async def test_staff_commands_are_for_the_review_room_or_in_private(world: World) -> None:
    await world.governed_room()
    answer = await world.say("mira", "!policy queue", world.room)
    assert "in the review room or to me alone" in answer
    assert "Nothing waits" in await world.say("mira", "!policy queue")


async def test_a_misspelt_command_is_answered_with_the_nearest(world: World) -> None:
    assert "Did you mean: !policy verify" in await world.say("lea", "!policy verfy")
    assert "Did you mean: !policy claim NUMBER" in await world.review("mira", "!policy clam C-1")


@pytest.mark.parametrize("text", ["!рolicy me", "！policy me", "!pοlicy verify", "!policу help"])
async def test_letters_that_only_look_right_are_told_and_do_nothing(world: World, text: str) -> None:
    assert "with other letters" in await world.say("lea", text)


@pytest.mark.parametrize(
    ("command", "there", "not_there"),
    [
        ("status", "R-1", "R-99"),
        ("status", "F-1", "F-99"),
        ("appeal", "C-1 It was a joke", "C-99 It was a joke"),
        ("answer", "F-1 Because I say so", "F-99 Because I say so"),
        ("withdraw", "F-1", "F-99"),
    ],
)
async def test_somebody_elses_number_is_answered_like_one_that_does_not_exist(
    world: World, command: str, there: str, not_there: str
) -> None:
    await world.governed_room()
    await world.reported()
    foreign = await world.say("zoe", f"!policy {command} {there}")
    unknown = await world.say("zoe", f"!policy {command} {not_there}")
    assert foreign.replace(there.split(maxsplit=1)[0], "X") == unknown.replace(
        not_there.split(maxsplit=1)[0], "X"
    )


async def test_a_report_is_made_by_replying_or_by_a_link_once(world: World) -> None:
    await world.governed_room()
    event = await world.message("tom", "Buy my spades!", world.room)
    reply = {"m.relates_to": {"m.in_reply_to": {"event_id": event}}}
    assert "receipt is R-1" in await world.say("lea", "!policy report R1 an advert", world.room, **reply)
    link = f"https://matrix.to/#/{world.room}/{event}?via=example.org"
    assert "receipt is R-1" in await world.say("lea", f"!policy report {link} R1 again")
    assert "receipt is R-2" in await world.say("zoe", f"!policy report {link} R1 me too")
    assert "C-1: report 2" in world.in_review()[-1]


async def test_a_report_about_nothing_we_look_after_is_answered_kindly(world: World) -> None:
    assert "governed rooms only" in await world.say("lea", "!policy report !x:example.org R1 bad room")
    assert "name the rule" in await world.say("lea", f"!policy report {user('tom')} R99 bad")
    assert "do not find a room" in await world.say("lea", "!policy report #no:example.org R1 bad")
    assert "your own account" in await world.say("lea", f"!policy report {user('lea')} R1 bad me")
    assert "What is it about" in await world.say("lea", "!policy report R1 bad")


async def test_a_room_is_filed_by_its_owner_only_and_once(world: World) -> None:
    await world.governed_room()
    await world.verified("tom")
    assert "Only somebody who owns" in await world.say(
        "tom", f"!policy file {world.room} general mine now"
    )
    assert "filed this room already" in await world.say(
        "anna", f"!policy file {world.room} general Neighbours talk"
    )
    assert "not in that room" in await world.say(
        "tom", "!policy file !other:example.org general Our room"
    )
    assert "no category" in await world.say("anna", f"!policy file {world.room} weather Rain and sun")


async def test_what_has_to_come_first_is_said(world: World) -> None:
    room = world.room
    world.homeserver.levels[room] = {"users": {user("zoe"): 100}}
    await world.deliver(
        type="m.room.member",
        room_id=room,
        sender=user("zoe"),
        state_key=f"@policybot:{user('x').partition(':')[2]}",
        content={"membership": "invite"},
    )
    command = f"!policy file {room} general Neighbours talk of gardens"
    assert "verify yourself first" in await world.say("zoe", command)
    assert "verify yourself first" in await world.say("zoe", "!policy agree 1")


async def test_a_reviewer_asks_and_the_owner_answers(world: World) -> None:
    await world.verified("anna")
    world.homeserver.levels[world.room] = {"users": {user("anna"): 100}}
    await world.deliver(
        type="m.room.member",
        room_id=world.room,
        sender=user("anna"),
        state_key=f"@policybot:{user('x').partition(':')[2]}",
        content={"membership": "invite"},
    )
    await world.say("anna", f"!policy file {world.room} general Neighbours talk of gardens")
    assert "waits for its applicant" in await world.review("ravi", "!policy ask F-1 Which gardens?")
    assert "Which gardens?" in world.told("anna")[-1]
    assert "not the time" in await world.review("ravi", "!policy approve F-1")
    assert "with the reviewer again" in await world.say("anna", "!policy answer F-1 Ours")
    assert "is rejected" in await world.review("ravi", "!policy reject F-1 There is one already")
    assert "There is one already" in world.told("anna")[-1]


async def test_revoking_needs_two_people_and_undoes_what_approval_did(world: World) -> None:
    record = await world.governed_room()
    reason = "The room was sold to a shop"
    answer = await world.review("ravi", f"!policy revoke {record} {reason}")
    code = answer.split("!policy confirm ")[1].split()[0]
    assert "second person" in await world.review("ravi", f"!policy confirm {code}")
    assert "Nothing waits under" in await world.review("mira", f"!policy confirm {code}")
    assert world.room in world.homeserver.directory


async def test_a_record_number_with_a_typo_is_told_as_one(world: World) -> None:
    record = await world.governed_room()
    wrong = record[:-1] + ("A" if record[-1] != "A" else "B")
    assert "check characters" in await world.say("lea", f"!policy lookup {wrong}")
    assert "approved" in await world.say("lea", f"!policy lookup {record.lower()}")


async def test_a_proposal_that_nobody_confirms_expires_and_does_nothing(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    answer = await world.decided(case, "restrict:P3D")
    code = answer.split("!policy confirm ")[1].split()[0]
    await world.tick(hours=24)
    said = world.in_review()[-1]
    assert said == (
        f"The proposal {code} has expired. Nothing was done. {case} waits again: !policy show {case}"
    )
    assert "Nothing waits under" in await world.review("otto", f"!policy confirm {code}")
    assert user("tom") not in world.homeserver.levels[world.room]["users"]
    assert "is yours" in await world.review("otto", f"!policy claim {case}")


async def test_a_proposal_can_be_denied(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    answer = await world.decided(case, "restrict:P3D")
    code = answer.split("!policy confirm ")[1].split()[0]
    assert "is denied" in await world.review("otto", f"!policy deny {code}")
    assert user("tom") not in world.homeserver.levels[world.room]["users"]


async def test_a_command_that_is_too_long_is_refused(world: World) -> None:
    await world.governed_room()
    answer = await world.say("lea", f"!policy report {user('tom')} R1 " + "x" * 8000)
    assert "too long" in answer
    assert "Nothing waits" in await world.review("mira", "!policy queue")


async def test_a_chat_that_somebody_else_opened_is_not_private(world: World) -> None:
    theirs = await world.direct("tom")  # Tom invites Ravi and Anna into it
    before = len(world.homeserver.said)
    assert "to me alone" in await world.say("ravi", "!policy show C-1", theirs)
    assert "to me alone" in await world.say("anna", "!policy verify", theirs)
    assert "not verified" in await world.say("anna", "!policy me", theirs)
    assert theirs not in [where for where, _ in list(world.homeserver.said.values())[before:]]
