"""A ladder that could be unfair is refused, with every mistake and its place."""

from copy import deepcopy
from typing import Any

import pytest
from ruamel.yaml import YAML

from policybot.config.fresh import sample
from policybot.domain import ladder_file
from policybot.domain.ladder_file import LadderRefused

GOOD: dict[str, Any] = YAML(typ="safe").load(sample("config.sample.yaml"))["ladder"]


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


@pytest.mark.parametrize(
    ("path", "value", "where", "message"),
    [
        ("polcy", {}, "polcy", "did you mean «policy»"),
        ("policy", None, "", "«policy» is missing"),
        ("policy.version", 3, "policy.version", "must be text"),
        ("policy.effective_from", "soon", "policy.effective_from", "must be a time"),
        ("policy.notice_days", True, "policy.notice_days", "whole number"),
        ("measures", ["warn", "none"], "measures", "fixed"),
        ("severities.S2", None, "severities", "«S2» is missing"),
        ("severities.S5", {"points": 1, "expires": "P1D"}, "severities.S5", "unknown key"),
        ("severities.S3.points", 2, "severities.S3.points", "less than those of S2"),
        ("severities.S3.expires", "P10D", "severities.S3.expires", "sooner than that of S2"),
        ("severities.S1.points", -1, "severities.S1.points", "negative"),
        ("severities.S1.expires", "P3M", "severities.S1.expires", "no duration"),
        ("history.window", "half_life", "history.window", "step"),
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
        ("scopes.member.spill", {}, "scopes.member.spill", "unknown key"),
        ("scopes.member.grid.S1", ["warn"], "scopes.member.grid.S1", "4 measures"),
        ("scopes.member.grid.S1.3", "banish", "scopes.member.grid.S1.3", "no measure"),
        ("scopes.member.grid.S1.3", "restrict", "scopes.member.grid.S1.3", "needs a duration"),
        ("scopes.member.grid.S1.0", "warn P1D", "scopes.member.grid.S1.0", "takes no duration"),
        ("scopes.member.grid.S2.2", "restrict P1D", "scopes.member.grid.S2.2", "longer history"),
        ("scopes.member.grid.S3.3", "restrict P40D", "scopes.member.grid.S3.3", "graver act|longer"),
        ("scopes.member.grid.S3.3", "close", "scopes.member.grid.S3.3", "S4 alone"),
        ("scopes.room.grid.S2.0", "restrict P1D", "scopes.room.grid.S2.0", "warning at most"),
        ("discretion.shift_max", 2, "discretion.shift_max", "one column"),
        ("discretion.aggravating", [1], "discretion.aggravating", "list of words"),
        ("approvals.second_person_from.duration", "P60D", "approvals.second_person_from", "later"),
        ("approvals.always", ["close"], "approvals.always", "identity_reveal"),
        ("automation.may", ["suspend"], "automation.may", "done by people"),
        ("automation.interim_hold.max", "P4D", "automation.interim_hold.max", "PT72H"),
        ("automation.breaker.max_share", 2, "automation.breaker.max_share", "share"),
        ("appeals.window", "P30D", "appeals.window", "P183D"),
        ("appeals.stay", ["room:warn"], "appeals.stay", "room:warn"),
    ],
)
def test_a_mistake_is_told_with_its_place(path: str, value: object, where: str, message: str) -> None:
    found = refused(changed(path, value))
    assert any(
        place == where and any(part in text for part in message.split("|")) for place, text in found
    ), found


def test_all_mistakes_are_told_at_once() -> None:
    data = changed("appeals.window", "P30D")
    data["history"]["bands"]["H0"] = 5
    data["scopes"]["account"]["grid"]["S0"][0] = "close"
    places = {place for place, _ in refused(data)}
    assert {"appeals.window", "history.bands.H0", "scopes.account.grid.S0.0"} <= places


@pytest.mark.parametrize("data", [{}, {"policy": 3}, {"scopes": []}, {"scopes": {"member": None}}])
def test_nonsense_is_refused_without_a_crash(data: dict[str, Any]) -> None:
    assert refused(data)
