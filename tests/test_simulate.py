"""The command by which whoever writes a ladder sees what it makes of an act."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from policybot.cli.program import app
from policybot.domain.ladder import Ladder
from policybot.domain.server import SECOND_PERSON as TWO
from policybot.services.simulation import Outcome, simulate
from tests import files
from tests.domain.test_ladder import CAREFUL, NOW
from tests.laddering import ladder
from tests.ladders import FADING, GRID, LADDER, SPILLING


def through(
    law: Ladder, severity: str, *strikes: str, scope: str = "member", measure: str = ""
) -> Outcome:
    return simulate(
        law,
        severity=severity,
        scope=scope,
        strikes=strikes,
        aggravating=[],
        mitigating=[],
        at=NOW,
        measure=measure,
    )


def test_it_reads_like_this() -> None:
    assert through(LADDER, "s2", "S2:30", "S1:5:untold", "S1:9:appealed").lines == (
        "counted: decision 1 (S2, 2 May 2026)",
        "not counted: decision 3 (it is under appeal)",
        "not counted: decision 2 (its person was not told yet)",
        "history: 3 points, column H1",
        "proposed: restrict P3D (row S2)",
        "permitted: warn to restrict P14D",
        "the same again would be: restrict P14D",
        "chosen: restrict P3D",
        "one person decides",
        "the person can appeal for 183 days",
        "it counts until 28 November 2026, once it was told to the person",
    )


def test_decisions_in_rooms_are_written_with_their_room() -> None:
    found = through(SPILLING, "S2", "S2:30:room=garden", "S2:20:room=market", scope="account")
    assert found.proposal.spilled == 3000
    assert (
        "from rooms: 3 points, for such decisions count at 1/2, and 3 points at the most" in found.lines
    )
    with pytest.raises(ValueError, match="is for the scope account"):
        through(SPILLING, "S2", "S2:30:room=garden")


def test_a_ladder_without_spill_says_that_rooms_do_not_count_for_the_account() -> None:
    said = "decisions in rooms do not count for the account: this ladder has no spill"
    assert said in through(LADDER, "S2", "S2:30:room=garden", scope="account").lines
    assert said not in through(SPILLING, "S2", "S2:30:room=garden", scope="account").lines
    assert said not in through(LADDER, "S2", "S2:30", scope="account").lines


def test_a_half_life_shows_in_the_points() -> None:
    assert through(FADING, "S2", "S2:90").data["points"] == 1.5


def test_what_is_chosen_says_who_decides_and_what_comes_before() -> None:
    found = through(CAREFUL, "S4", scope="room", measure="close")
    assert found.second_person[0] == "a closure always needs two people"
    assert found.steps == (
        "whoever decides says in a sentence why, for the owner to read",
        "first comes another owner and a suspension of the room, or the reason why not",
        "the owner can appeal for 183 days",
        "it rests while an appeal is decided",
        "it counts until 31 May 2028, once it was told to the owner",
    )


def test_a_server_is_shut_out_by_two_people_however_short_it_is_for() -> None:
    law = ladder("2", {"scopes.server": GRID["server"]})
    assert through(law, "S2", "S2:30", "S2:20", "S2:10", scope="server").second_person == (TWO,)
    assert through(law, "S3", scope="server").second_person == (), "a warning is one person's"
    assert TWO not in through(law, "S4", scope="account", measure="suspend P7D").second_person


def test_advice_has_no_consequence_and_a_slight_breach_of_a_room_gets_time() -> None:
    law = replace(CAREFUL, room_cure=timedelta(days=7))
    assert through(law, "S0", scope="room").steps == (
        "first the owner gets 7 days to put it right",
        "the owner can appeal for 183 days",
        "it never makes a later measure harsher",
    )


@pytest.mark.parametrize(
    "strike", ["S1", "S1:x", "S1:-3", "S1:3:tld", "S1:3:room=", "S1:3:room=a:room=b"]
)
def test_a_strike_that_is_none_is_told_how_to_be_written(strike: str) -> None:
    with pytest.raises(ValueError, match="write an earlier decision as S1:30"):
        through(SPILLING, "S2", strike, scope="account")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--at", "0001-01-01", "--strike", "S2:30"], "too far away: write a day from 1970 to 2999"),
        (["--at", "9999-12-31"], "too far away: write a day from 1970 to 2999"),
        (["--at", "9999-12-31T23:00:00-05:00"], "must be a time such as"),
        (["--measure", "restrict:P999999999D"], "P36500D, a hundred years, is the most"),
        (["--aggravating", "newcomer"], "«newcomer» is no aggravating factor of this ladder: evasion, "),
        (["--mitigating", "new"], "«new» is no mitigating factor of this ladder: self_corrected, "),
    ],
)
def test_what_no_act_can_be_is_told_in_words(tmp_path: Path, words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["simulate", "S2", *words, "-c", str(files.write(tmp_path))])
    assert (result.exit_code, said in result.stderr) == (2, True), result.output


def test_a_time_can_be_of_any_zone(tmp_path: Path) -> None:
    words = ["simulate", "S2", "--at", "2026-06-01T01:00:00+02:00", "--json"]
    result = CliRunner().invoke(app, [*words, "-c", str(files.write(tmp_path))])
    assert json.loads(result.stdout)["at"] == "2026-05-31T23:00:00+00:00"


def test_the_command_answers_machines_and_takes_a_day(tmp_path: Path) -> None:
    path = str(files.write(tmp_path))
    words = ["simulate", "S2", "--strike", "S2:30", "--at", "2026-06-01", "--json", "-c", path]
    result = CliRunner().invoke(app, words)
    data = json.loads(result.stdout)
    assert (data["history"], data["proposed"], data["points"]) == ("H1", "restrict P3D", 3)
    assert data["at"] == "2026-06-01T00:00:00+00:00"
    wrong = CliRunner().invoke(app, ["simulate", "S2", "--measure", "banish", "-c", path])
    assert wrong.exit_code == 2
    assert "«banish» is no measure" in wrong.stderr
