"""A sanction never binds anybody for longer than was imposed, however often it rests and goes on."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import sanction as rules
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind, Measure
from policybot.domain.sanction import Sanction, State, Step

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
spans = st.timedeltas(timedelta(0), timedelta(days=9))


def restricted(days: int, served: timedelta = timedelta(0)) -> Sanction:
    measure = Measure(Kind.RESTRICT, timedelta(days=days))
    return Sanction(1, Scope.MEMBER, measure, State.PLANNED, served=served)


@given(st.integers(1, 14), spans, st.lists(st.tuples(spans, spans), max_size=6))
def test_i17_time_held_and_time_bound_are_together_no_more_than_was_imposed(
    days: int, held: timedelta, turns: list[tuple[timedelta, timedelta]]
) -> None:
    imposed, at = timedelta(days=days), NOW
    one, bound = restricted(days, min(held, imposed)), min(held, imposed)
    for binds, rests in turns:
        active = rules.enforced(one, at)
        assert active.ends_at is not None
        over = min(at + binds, active.ends_at)
        bound += over - at
        assert rules.ran(active, over) == bound <= imposed
        if over == active.ends_at:
            assert bound == imposed
            return
        one = rules.moved(rules.stopped(active, Step.STAY, over), Step.RESUME)
        at = over + rests
        assert rules.ran(one, at) == bound, "while it rests nobody serves it"


def test_what_was_held_longer_than_is_imposed_ends_at_once() -> None:
    assert rules.enforced(restricted(2, timedelta(days=3)), NOW).ends_at == NOW


def test_a_closure_has_no_end_and_a_hold_keeps_the_end_that_it_had() -> None:
    closed = Sanction(1, Scope.ROOM, Measure(Kind.CLOSE), State.PLANNED)
    assert rules.enforced(closed, NOW).ends_at is None
    until = NOW + timedelta(hours=5)
    hold = Sanction(1, Scope.ROOM, restricted(3).measure, State.PLANNED, ends_at=until, interim=True)
    assert rules.enforced(hold, NOW).ends_at == until
