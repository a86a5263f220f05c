"""Appeals: each is decided once, whatever it was about and whoever decides it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from policybot.domain import appeal
from policybot.domain.appeal import About, Appeal, Kind, State, Urgent, Verdict
from policybot.domain.errors import OutOfOrder

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DUE = NOW + timedelta(days=7)
WHY = "It did not read like a joke"
APPEAL = Appeal(
    id=1,
    kind=Kind.DECISION,
    about=About.DECISION,
    matter=3,
    number="C-2",
    appellant="@tom:example.org",
    text="It was a joke",
    state=State.SUBMITTED,
    submitted_at=NOW,
    due_at=DUE,
)
ABOUT_FILING = replace(APPEAL, kind=Kind.FILING, about=About.REJECTED, number="F-2")
ENDED = [state for state in State if state is not State.SUBMITTED]


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("state", ENDED)
def test_an_appeal_that_has_ended_is_not_decided_again(state: State, verdict: Verdict) -> None:
    with pytest.raises(OutOfOrder, match=r"decided already|taken back"):
        appeal.decided(replace(APPEAL, state=state), verdict, WHY)


@pytest.mark.parametrize("state", ENDED)
def test_nothing_more_is_done_to_an_appeal_that_has_ended(state: State) -> None:
    ended = replace(APPEAL, state=state)
    acts: tuple[Callable[[], object], ...] = (
        lambda: appeal.claimed(ended, "@ravi:example.org", NOW, timedelta(minutes=30)),
        lambda: appeal.asked(ended, NOW),
        lambda: appeal.answered(ended, NOW),
        lambda: appeal.hastened(ended, NOW),
        lambda: appeal.insisted(ended, WHY, None, NOW),
        lambda: appeal.withdrawn(ended, NOW),
    )
    for act in acts:
        with pytest.raises(OutOfOrder):
            act()


def test_of_a_refusal_nothing_is_milder() -> None:
    with pytest.raises(OutOfOrder, match="uphold, or overturn"):
        appeal.decided(ABOUT_FILING, Verdict.MODIFY, WHY)


def test_whoever_took_an_appeal_back_can_make_it_once_more() -> None:
    back = replace(APPEAL, state=State.WITHDRAWN, insisted="They would do it again")
    assert appeal.check_again([]) == ""
    assert appeal.check_again([back]) == "They would do it again", "what two people said holds on"
    for made in ([APPEAL], [back, APPEAL], [back, back], [replace(APPEAL, state=State.UPHELD)]):
        assert not appeal.can_be_made(made)
        with pytest.raises(OutOfOrder, match=r"one for each decision|a third time"):
            appeal.check_again(made)
    assert appeal.can_be_made([])
    assert appeal.can_be_made([back])


@pytest.mark.parametrize(
    ("verdict", "after"),
    [
        (Verdict.UPHOLD, State.UPHELD),
        (Verdict.MODIFY, State.MODIFIED),
        (Verdict.OVERTURN, State.OVERTURNED),
    ],
)
def test_each_verdict_ends_an_appeal_as_it_says(verdict: Verdict, after: State) -> None:
    assert appeal.decided(APPEAL, verdict, WHY) == (after, WHY)


def test_what_binds_again_is_decided_the_sooner_and_never_later() -> None:
    soon = NOW + timedelta(days=1)
    after = appeal.insisted(APPEAL, WHY, Urgent.ROOM, soon)
    assert (after.insisted, after.urgent, after.due_at) == (WHY, Urgent.ROOM, soon)
    assert appeal.insisted(replace(APPEAL, due_at=NOW), WHY, Urgent.ROOM, soon).due_at == NOW
    assert appeal.insisted(APPEAL, WHY, None, soon).due_at == DUE
    agreed = replace(APPEAL, urgent=Urgent.AGREED)
    assert appeal.insisted(agreed, WHY, Urgent.ROOM, soon).urgent is Urgent.AGREED
