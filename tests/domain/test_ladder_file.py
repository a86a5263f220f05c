"""A ladder that could be unfair is refused, with every mistake and its place."""

import json
from copy import deepcopy
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings

from policybot.domain import ladder_file
from policybot.domain.closure import Earlier
from policybot.domain.ladder import Ladder, Scope, Spill
from policybot.domain.ladder_file import LadderRefused
from tests.ladders import GRID, SAMPLE, sound

GOOD = SAMPLE
SPILL = {"to": "account", "factor": "1/2", "from_rooms": 2}


def changed(path: str, value: object) -> dict[str, Any]:
    """Give the good ladder with one value set, or removed if it is None."""
    data = deepcopy(GOOD)
    *above, last = path.split(".")
    place: Any = data
    for key in above:
        place = place[int(key)] if isinstance(place, list) else place[key]
    if value is None:
        del place[last]
    elif isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return data


def refused(data: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(LadderRefused) as caught:
        ladder_file.parse(data)
    return [(".".join(map(str, p.path)), p.message) for p in caught.value.problems]


def test_the_sample_is_sound_and_reads_back_as_it_was_written() -> None:
    ladder = ladder_file.parse(GOOD)
    assert ladder_file.parse(ladder_file.dump(ladder)) == ladder


@settings(max_examples=40)
@given(sound())
def test_i27_every_sound_ladder_reads_back_as_it_was_written(ladder: Ladder) -> None:
    """Through JSON, as it is kept."""
    written = ladder_file.dump(ladder)
    read = ladder_file.parse(json.loads(json.dumps(written)))
    assert read == ladder
    assert ladder_file.dump(read) == written


def test_what_a_ladder_can_say_besides_is_read() -> None:
    data = changed("scopes.member.spill", SPILL)
    data["history"] |= {"window": "half_life", "half_life": "P90D", "same_incident": "max"}
    data["history"]["counts_only_if_notified_before_act"] = True
    data["scopes"]["room"] |= {"cure": "P7D", "before_close": ["suspend", "replace_owner"]}
    data["automation"]["interim_hold"]["measures"] = ["member_hold"]
    data["discretion"]["outside_range"] = {"needs": ["reason_text", "second_person"]}
    timed = ["restrict", "suspend"]
    data["measures"] = [
        "none",
        "advise",
        "warn",
        *({"id": one, "timed": True} for one in timed),
        "close",
    ]
    del data["appeals"]
    ladder = ladder_file.parse(data)
    assert ladder.half_life == timedelta(days=90)
    assert ladder.spill == Spill(Fraction(1, 2), 2)
    assert ladder.room_cure == timedelta(days=7)
    assert ladder.before_close == (Earlier.REPLACE_OWNER, Earlier.SUSPEND)
    assert ladder.hold_measures == {"member_hold"}
    assert ladder.appeal_window == timedelta(days=183)
    assert ladder.appeal_stay == {"room:close"}
    assert ladder_file.parse(ladder_file.dump(ladder)) == ladder


def test_what_is_left_out_is_as_it_was() -> None:
    ladder = ladder_file.parse(GOOD)
    assert (ladder.half_life, ladder.spill, ladder.room_cure, ladder.before_close) == (None,) * 3 + ((),)
    assert ladder.hold_measures == {"member_hold", "room_hold"}
    written = set(_keys(ladder_file.dump(ladder)))
    assert not {"spill", "cure", "before_close", "half_life", "measures"} & written


def _keys(data: object) -> list[str]:
    if not isinstance(data, dict):
        return []
    return [key for name, value in data.items() for key in (name, *_keys(value))]


def test_a_ladder_for_servers_reads_back() -> None:
    ladder = ladder_file.parse(changed("scopes.server", GRID["server"]))
    assert list(ladder.scopes) == list(Scope)
    assert ladder_file.parse(ladder_file.dump(ladder)) == ladder


def test_a_server_cannot_be_restricted_and_whoever_writes_it_reads_what_to_write() -> None:
    grid = GRID["server"]["grid"] | {"S2": ["advise", "warn", "warn", "restrict P7D"]}
    said = (
        "«restrict P7D» is not possible: Matrix can shut a server out of a room or let it in, and "
        "nothing between. Write «warn», or «suspend P7D»"
    )
    assert refused(changed("scopes.server", {"grid": grid})) == [("scopes.server.grid.S2.3", said)]


@pytest.mark.parametrize(
    ("path", "value", "where", "message"),
    [
        ("polcy", {}, "polcy", "did you mean «policy»"),
        ("policy", None, "", "«policy» is missing"),
        ("policy.version", 3, "policy.version", "must be text"),
        ("policy.version", "2 beta", "policy.version", "«2 beta» must be one word"),
        ("policy.version", "", "policy.version", "must be one word"),
        (
            "policy.effective_from",
            "0001-01-01T00:00:00+05:00",
            "policy.effective_from",
            "must be a time",
        ),
        (
            "policy.effective_from",
            "9999-12-31T23:59:59-01:00",
            "policy.effective_from",
            "must be a time",
        ),
        ("policy.notice_days", -1, "policy.notice_days", "from 0 to 365"),
        ("policy.notice_days", 366, "policy.notice_days", "from 0 to 365"),
        ("policy.effective_from", "soon", "policy.effective_from", "must be a time"),
        ("policy.notice_days", True, "policy.notice_days", "whole number"),
        ("measures", ["warn", "none"], "measures", "fixed"),
        ("severities.S2", None, "severities", "«S2» is missing"),
        ("severities.S5", {"points": 1, "expires": "P1D"}, "severities.S5", "unknown key"),
        ("severities.S3.points", 2, "severities.S3.points", "less than those of S2"),
        ("severities.S3.expires", "P10D", "severities.S3.expires", "sooner than that of S2"),
        ("severities.S1.points", -1, "severities.S1.points", "negative"),
        ("severities.S1.expires", "P3M", "severities.S1.expires", "no duration"),
        ("history.window", "half_live", "history.window", "«step» or «half_life»"),
        ("history.window", "half_life", "history", "«half_life» is missing"),
        ("history.half_life", "P90D", "history.half_life", "window: half_life"),
        ("history.halflife", "P90D", "history.halflife", "did you mean «half_life»"),
        ("history.same_incident", "sum", "history.same_incident", "burst"),
        (
            "history.counts_only_if_notified_before_act",
            False,
            "history.counts_only_if_notified_before_act",
            "must be true",
        ),
        ("history.under_appeal_counts_from", "S9", "history.under_appeal_counts_from", "S0 to S4"),
        ("history.bands.H0", 1, "history.bands.H0", "must be 0"),
        ("history.bands.H2", 1, "history.bands.H2", "more than H1"),
        ("scopes.room", None, "scopes", "«room» is missing"),
        ("scopes.member.spill", {}, "scopes.member.spill", "«from_rooms» is missing"),
        ("scopes.member.spill", 3, "scopes.member.spill", "must be a map"),
        ("scopes.member.spill", SPILL | {"to": "room"}, "scopes.member.spill.to", "account"),
        ("scopes.member.spill", SPILL | {"factor": 0}, "scopes.member.spill.factor", "1/2"),
        ("scopes.member.spill", SPILL | {"factor": "1/0"}, "scopes.member.spill.factor", "1/2"),
        (
            "scopes.member.spill",
            SPILL | {"factor": "3/2"},
            "scopes.member.spill.factor",
            "1 at the most",
        ),
        ("scopes.member.spill", SPILL | {"factor": True}, "scopes.member.spill.factor", "share"),
        (
            "scopes.member.spill",
            SPILL | {"from_rooms": 1},
            "scopes.member.spill.from_rooms",
            "2 or more",
        ),
        ("scopes.member.spill", SPILL | {"from_room": 2}, "scopes.member.spill.from_room", "from_rooms"),
        ("scopes.account.spill", SPILL, "scopes.account.spill", "unknown key"),
        ("scopes.room.cure", "PT23H", "scopes.room.cure", "from P1D to P30D"),
        ("scopes.room.cure", "P31D", "scopes.room.cure", "from P1D to P30D"),
        ("scopes.room.before_close", ["suspnd"], "scopes.room.before_close", "replace_owner or suspend"),
        ("automation.interim_hold.measures", ["close"], "automation.interim_hold.measures", "room_hold"),
        ("measures", [{"id": "none"}], "measures", "fixed"),
        ("discretion.mitigating", ["evasion"], "discretion.mitigating", "aggravating ones"),
        ("discretion.mitigating.3", "New comer", "discretion.mitigating.3", "one word in small letters"),
        ("discretion.mitigating.3", "Newcomer", "discretion.mitigating.3", "one word in small letters"),
        ("discretion.aggravating.0", "", "discretion.aggravating.0", "one word in small letters"),
        ("discretion.aggravating.0", "remove", "discretion.aggravating.0", "word of the command"),
        ("discretion.aggravating.0", "publish", "discretion.aggravating.0", "word of the command"),
        ("scopes.account.grid.S4.2", "suspend P40000D", "scopes.account.grid.S4.2", "hundred years"),
        ("severities.S4.expires", f"P{'9' * 5000}D", "severities.S4.expires", "hundred years"),
        ("severities.S4.expires", "P40000D", "severities.S4.expires", "hundred years"),
        ("scopes.member.grid.S1", ["warn"], "scopes.member.grid.S1", "4 measures"),
        ("scopes.member.grid.S1.3", "banish", "scopes.member.grid.S1.3", "no measure"),
        ("scopes.member.grid.S1.3", "restrict", "scopes.member.grid.S1.3", "needs a duration"),
        ("scopes.member.grid.S1.0", "warn P1D", "scopes.member.grid.S1.0", "takes no duration"),
        ("scopes.member.grid.S2.2", "restrict P1D", "scopes.member.grid.S2.2", "longer history"),
        ("scopes.member.grid.S3.3", "restrict P40D", "scopes.member.grid.S3.3", "graver act|longer"),
        ("scopes.member.grid.S3.3", "close", "scopes.member.grid.S3.3", "S4 alone"),
        ("scopes.room.grid.S2.0", "restrict P1D", "scopes.room.grid.S2.0", "warning at most"),
        ("discretion.shift_max", 2, "discretion.shift_max", "one column"),
        ("discretion.shift_max", -1, "discretion.shift_max", "one column"),
        ("discretion.aggravating", [1], "discretion.aggravating", "list of words"),
        ("discretion.outside_range", {"needs": ["reason_text"]}, "discretion.outside_range", "always"),
        ("discretion.outside_range", {"needs": [["a"]]}, "discretion.outside_range", "always needs"),
        ("discretion.outside_range", {"needs": 3}, "discretion.outside_range.needs", "must be a list"),
        ("severities.S1.expires", "", "severities.S1.expires", "no duration"),
        ("approvals.second_person_from.duration", "P31D", "approvals.second_person_from", "later"),
        ("approvals.always", ["close"], "approvals.always", "identity_reveal"),
        ("automation.may", ["suspend"], "automation.may", "done by people"),
        ("automation.interim_hold.max", "PT73H", "automation.interim_hold.max", "PT72H"),
        ("automation.interim_hold.max", "PT0S", "automation.interim_hold.max", "longer than nothing"),
        ("automation.breaker.max_per_hour", -1, "automation.breaker.max_per_hour", "not be negative"),
        ("automation.breaker.max_share", 2, "automation.breaker.max_share", "share"),
        ("appeals.window", "P182D", "appeals.window", "P183D"),
        ("appeals.stay", ["room:warn"], "appeals.stay", "room:warn"),
    ],
)
def test_a_mistake_is_told_with_its_place(path: str, value: object, where: str, message: str) -> None:
    found = refused(changed(path, value))
    assert any(
        place == where and any(part in text for part in message.split("|")) for place, text in found
    ), found


@pytest.mark.parametrize(
    "act",
    [
        "advise",
        "warn",
        "restrict",
        "suspend",
        "close",
        "redact",
        "reveal",
        "decide",
        "approve",
        "publish",
    ],
)
def test_i20_nothing_that_restricts_or_decides_can_be_made_automatic(act: str) -> None:
    data = changed("automation.may", [*GOOD["automation"]["may"], act])
    assert refused(data) == [("automation.may", f"{act} must be done by people")]


@pytest.mark.parametrize("half_life", ["PT12H", "P0D", "P1DT1S", "P3651D"])
def test_a_half_life_is_whole_days(half_life: str) -> None:
    data = changed("history.window", "half_life")
    data["history"]["half_life"] = half_life
    assert refused(data) == [("history.half_life", "must be whole days, from P1D to P3650D")]


@pytest.mark.parametrize(("kind", "timed"), [("warn", True), ("suspend", False)])
def test_which_measures_have_a_duration_is_fixed(kind: str, timed: bool) -> None:
    names = ["none", "advise", "warn", "restrict", "suspend", "close"]
    data = GOOD | {"measures": [{"id": n} | ({"timed": timed} if n == kind else {}) for n in names]}
    said = f"«{kind}» has {'no' if timed else 'a'} duration"
    assert refused(data) == [(f"measures.{names.index(kind)}.timed", said)]


def test_a_ladder_of_french_words_is_a_ladder() -> None:
    ladder = ladder_file.parse(changed("discretion.aggravating.0", "récidive"))
    assert ladder.aggravating[0] == "récidive"


def test_the_bounds_themselves_are_good() -> None:
    data = changed("scopes.room.cure", "P1D")
    data["severities"]["S4"]["expires"] = "P36500D"
    data["history"] |= {"window": "half_life", "half_life": "P3650D"}
    data["automation"]["interim_hold"]["max"] = "PT72H"
    data["scopes"]["member"]["spill"] = SPILL | {"factor": 1}
    assert ladder_file.parse(data).spill == Spill(Fraction(1), 2)
    assert ladder_file.parse(changed("scopes.room.cure", "P30D")).room_cure == timedelta(days=30)


def test_all_mistakes_are_told_at_once() -> None:
    data = changed("appeals.window", "P30D")
    data["history"]["bands"]["H0"] = 5
    data["scopes"]["account"]["grid"]["S0"][0] = "close"
    places = {place for place, _ in refused(data)}
    assert {"appeals.window", "history.bands.H0", "scopes.account.grid.S0.0"} <= places


@pytest.mark.parametrize("data", [{}, {"policy": 3}, {"scopes": []}, {"scopes": {"member": None}}])
def test_nonsense_is_refused_without_a_crash(data: dict[str, Any]) -> None:
    assert refused(data)


@pytest.mark.parametrize("missing", ["policy", "severities", "history", "scopes", "discretion"])
def test_a_missing_part_is_told_once_and_nothing_of_what_would_be_in_it(missing: str) -> None:
    assert refused(changed(missing, None)) == [("", f"«{missing}» is missing")]


@pytest.mark.parametrize(
    ("key", "where"),
    [
        ("severities.S4.expires", "severities.S4"),
        ("severities.S3.points", "severities.S3"),
        ("severities.S2", "severities"),
    ],
)
def test_a_missing_weight_is_told_once_and_the_others_are_not_compared_with_it(
    key: str, where: str
) -> None:
    missing = key.rpartition(".")[2]
    assert refused(changed(key, None)) == [(where, f"«{missing}» is missing")]


def test_a_missing_band_is_told_once_and_the_others_are_not_compared_with_it() -> None:
    assert refused(changed("history.bands.H1", None)) == [("history.bands", "«H1» is missing")]


def test_a_missing_part_does_not_hide_what_is_wrong_elsewhere() -> None:
    data = changed("history", None)
    data["appeals"]["window"] = "P1D"
    assert [place for place, _ in refused(data)] == ["", "appeals.window"]


def test_measures_that_are_there_and_say_nothing_are_no_list_of_measures() -> None:
    assert [place for place, _ in refused(GOOD | {"measures": None})] == ["measures"]


def test_a_machine_reaches_one_in_twenty_where_nothing_else_is_said() -> None:
    data = deepcopy(GOOD)
    data["automation"]["breaker"].pop("max_share", None)
    assert ladder_file.parse(data).breaker_share == 0.05


def test_how_many_a_machine_may_act_on_has_to_be_said() -> None:
    found = refused(changed("automation.breaker.max_per_hour", None))
    assert found == [("automation.breaker", "«max_per_hour» is missing")]
