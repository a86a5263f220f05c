"""Whether one ladder is stricter than another: nothing harsher slips through uncounted."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policybot.domain.ladder import Act, Ladder, Scope, Severity, Strike, propose
from policybot.domain.safeguard import second_person
from policybot.domain.stricter import stricter
from tests.domain.test_ladder import NOW, ledgers
from tests.laddering import DATA, ladder
from tests.ladders import LADDER

FACTORS = frozenset({*LADDER.aggravating, *LADDER.mitigating})
CHANGES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "member S1/H1",
        {"scopes.member.grid.S1": ["warn", "restrict P2D", "restrict P3D", "restrict P7D"]},
    ),
    ("S1 counts 2 points", {"severities.S1": {"points": 2, "expires": "P90D"}}),
    ("S1 counts for 120 days", {"severities.S1": {"points": 1, "expires": "P120D"}}),
    ("column H3 begins at 8", {"history.bands.H3": 8}),
    ("deemed known after 2 days", {"history.deemed_notified_after": "P2D"}),
    ("under appeal count from S2", {"history.under_appeal_counts_from": "S2"}),
    ("factors move", {"discretion.shift_max": 0}),
    (
        "«rude» makes an act worse",
        {"discretion.aggravating": [*DATA["discretion"]["aggravating"], "rude"]},
    ),
    (
        "«provoked» no longer",
        {"discretion.mitigating": ["newcomer", "self_corrected", "good_faith_error"]},
    ),
    ("rests while", {"appeals.stay": []}),
    ("appeal for 183 days only", {"appeals.window": "P183D"}),
    ("stops acting", {"automation.breaker": {"max_per_hour": 21, "max_share": 0.05}}),
    (
        "rooms count for the account",
        {"scopes.member.spill": {"to": "account", "factor": "1/2", "from_rooms": 2}},
    ),
    ("less time to put a breach right", {"scopes.room.cure": "P3D"}),
    ("told 13 days before", {"policy.notice_days": 13}),
)


@pytest.mark.parametrize(
    ("said", "changes"), CHANGES, ids=lambda one: one if isinstance(one, str) else ""
)
def test_each_way_of_being_stricter_is_named(said: str, changes: dict[str, Any]) -> None:
    old = ladder("1", {"appeals.window": "P184D"})
    found = stricter(old, ladder("2", {"appeals.window": "P184D"} | changes))
    assert any(said in one for one in found), f"{said} is not among {found}"
    assert len(found) == 1, f"only one thing was changed, and this is said: {found}"


def test_what_cannot_be_compared_counts_as_stricter() -> None:
    assert stricter(LADDER, LADDER) == ()
    renamed = replace(LADDER, id="other", version="9", text_url="https://example.org/other")
    assert stricter(LADDER, renamed) == ()


@st.composite
def changed(draw: st.DrawFn) -> Ladder:
    """A sound ladder that differs from the sample's in a few places."""
    some = draw(st.lists(st.sampled_from([change for _, change in CHANGES]), max_size=2))
    data: dict[str, Any] = {}
    for one in some:
        data |= one
    milder = draw(st.booleans())
    if milder:
        data |= {"scopes.member.grid.S2": ["warn", "restrict P2D", "restrict P7D", "restrict P30D"]}
    return ladder("2", data)


acts = st.builds(
    Act,
    scope=st.just(Scope.MEMBER),
    key=st.just("tom"),
    severity=st.sampled_from(list(Severity)),
    occurred_at=st.just(NOW),
    decided_at=st.timedeltas(timedelta(0), timedelta(days=30)).map(lambda span: NOW + span),
    incident=st.just("this"),
    aggravating=st.sets(st.sampled_from(sorted(LADDER.aggravating)), max_size=1).map(frozenset),
    mitigating=st.sets(st.sampled_from(sorted(LADDER.mitigating)), max_size=1).map(frozenset),
)


def weighed(policy: Ladder, act: Act) -> Act:
    known = frozenset(policy.aggravating), frozenset(policy.mitigating)
    return replace(act, aggravating=act.aggravating & known[0], mitigating=act.mitigating & known[1])


@settings(max_examples=150)
@given(changed(), changed(), acts, ledgers)
def test_a_ladder_that_is_nowhere_stricter_answers_no_act_more_harshly(
    old: Ladder, new: Ladder, act: Act, ledger: list[Strike]
) -> None:
    """The promise on which it rests that a milder ladder needs no notice."""
    if stricter(old, new):
        return
    before, after = propose(old, weighed(old, act), ledger), propose(new, weighed(new, act), ledger)
    assert after.cell <= before.cell
    if after.cell == before.cell and after.permits(before.cell):
        assert len(second_person(new, after, after.cell)) >= len(second_person(old, before, before.cell))
