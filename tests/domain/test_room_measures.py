"""Measures on rooms as rules: holds are short and credited, times are kept, nothing is half agreed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import cure, deletion, hold, replacement, sanction
from policybot.domain.cure import Cure
from policybot.domain.decision import Decision, Nature, State
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.ladder import History, Scope, Severity
from policybot.domain.measure import Measure
from policybot.domain.rank import Levels
from policybot.domain.replacement import Replacement
from policybot.domain.room_measure import FreezeRoom, GiveLevel, HideBanner, ShowBanner
from policybot.domain.sanction import Sanction, Step

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ROOM, BOT = "!r:x", "@policybot:x"
spans = st.timedeltas(timedelta(0), timedelta(days=40))


def a_decision(**changes: Any) -> Decision:
    values: dict[str, Any] = {
        "id": 1,
        "case_id": 1,
        "state": State.FINAL,
        "policy_hash": "h",
        "rule_id": "R3",
        "scope": Scope.ROOM,
        "scope_key": ROOM,
        "severity": Severity.S3,
        "history": History.H0,
        "measure": Measure.parse("close"),
        "remove": False,
        "facts": "Cards were sold there",
        "explanation": (),
        "occurred_at": NOW,
        "decided_at": NOW,
        "decider": "@mira:x",
        "room_id": ROOM,
    }
    return Decision(**values | changes)


def a_sanction(text: str, state: sanction.State = sanction.State.PLANNED, **changes: Any) -> Sanction:
    return Sanction(1, Scope.ROOM, Measure.parse(text), state, room_id=ROOM, **changes)


@given(spans, spans)
def test_a_room_is_never_held_for_longer_than_it_is_free(end: timedelta, later: timedelta) -> None:
    last, now = NOW + end, NOW + end + later
    if later >= hold.PAUSE:
        hold.check_pause(last, now)
    else:
        with pytest.raises(OutOfOrder, match="no chain"):
            hold.check_pause(last, now)
    for scope in (Scope.ROOM, Scope.MEMBER, Scope.ACCOUNT):
        span = hold.measure(scope).duration
        assert span is not None
        assert span <= timedelta(hours=72) <= hold.PAUSE
    hold.check_pause(None, now)


@given(delay=spans, ran=spans, days=st.integers(1, 60), after=spans)
def test_what_is_served_with_a_hold_is_never_more_than_was_imposed(
    delay: timedelta, ran: timedelta, days: int, after: timedelta
) -> None:
    ends = NOW + hold.LONGEST
    held = a_sanction("suspend P3D", ends_at=ends, interim=True)
    held = sanction.enforced(held, NOW + delay)
    assert held.ends_at == ends, "a homeserver that was away prolongs nothing"
    decided = NOW + delay + ran
    served = sanction.ran(held, decided)
    assert served == ran, "beyond its end, too, where nobody ended it in time"
    final = sanction.enforced(a_sanction(f"suspend P{days}D", served=served), decided + after)
    assert final.starts_at is not None
    assert final.ends_at is not None
    assert final.ends_at - final.starts_at + min(served, timedelta(days=days)) == timedelta(days=days)


@given(spans, st.sampled_from(sanction.State))
def test_who_is_bound_until_the_homeserver_is_back_was_bound_for_as_long(
    away: timedelta, state: sanction.State
) -> None:
    """Not who was never bound, nor who is still, whose clock runs; a moment is none."""
    stopped, now = NOW + timedelta(days=3), NOW + timedelta(days=3) + away
    bound = a_sanction("suspend P3D", state, starts_at=NOW)
    more = sanction.beyond(bound, stopped, now)
    counts = state is not sanction.State.ACTIVE and away >= sanction.MOMENT
    assert more == (away if counts else timedelta(0))
    assert not sanction.beyond(bound, None, now), "nothing waits to be taken back"
    assert not sanction.beyond(a_sanction("suspend P3D", state), stopped, now)


@given(st.lists(st.sampled_from(["one", "two", "three"]), unique=True, max_size=3))
def test_of_several_banners_one_stands_as_long_as_any_binds(texts: list[str]) -> None:
    def shown(text: str) -> Sanction:
        active = a_sanction("suspend P3D", sanction.State.ACTIVE, restraints=(FreezeRoom(ROOM),))
        return sanction.with_banner(active, text)

    undone = sanction.release(shown("ended"), [shown(text) for text in texts])
    assert undone[-2 if texts else -1] == HideBanner(ROOM, "ended")
    if texts:
        assert undone == (HideBanner(ROOM, "ended"), ShowBanner(ROOM, min(texts)))


def test_a_banner_is_taken_off_before_a_rested_measure_binds_again() -> None:
    bare = a_sanction("suspend P3D", restraints=(FreezeRoom(ROOM),))
    assert sanction.with_banner(sanction.with_banner(bare, "until Monday"), None) == bare


def test_only_what_voids_a_change_of_owner_gives_the_levels_back() -> None:
    given_ = (GiveLevel(ROOM, "@tom:x", 50, "C-1"),)
    ended = a_sanction("none", sanction.State.ENDED, restraints=given_)
    assert sanction.to_release(ended, Step.VOID)
    assert not sanction.to_release(ended, Step.LIFT)
    frozen = a_sanction("suspend P3D", sanction.State.ENDED, restraints=(FreezeRoom(ROOM),))
    assert not sanction.to_release(frozen, Step.VOID)


# Time to put something right -----------------------------------------------------------------------


@given(st.integers(0, 10**6))
def test_an_owner_has_between_a_day_and_thirty(hours: int) -> None:
    span = timedelta(hours=hours)
    if cure.SHORTEST <= span <= cure.LONGEST:
        assert cure.span_of(f"pt{hours}h", timedelta(days=7)) == span
    else:
        with pytest.raises(NotFound):
            cure.span_of(f"PT{hours}H", timedelta(days=7))


@pytest.mark.parametrize("after", [cure.State.SAID, cure.State.OVER, cure.State.STOPPED])
def test_a_time_ends_once(after: cure.State) -> None:
    running = Cure(1, "@mira:x", "Take the numbers out", NOW, NOW + timedelta(days=7))
    with pytest.raises(OutOfOrder, match="hold C-1"):
        cure.check_over(running)
    done = cure.ended(running, after, " so ")
    assert done.answer == "so"
    cure.check_over(done)
    cure.check_over(None)
    for again in cure.State:
        with pytest.raises(OutOfOrder):
            cure.ended(done, again)


# Another owner, and deletion -----------------------------------------------------------------------

WANTED = Replacement(1, 7, "@anna:x", "@tom:x", 50)


@pytest.mark.parametrize(
    "other",
    [
        replace(WANTED, successor="@zoe:x"),
        replace(WANTED, former="@zoe:x"),
        replace(WANTED, level=99),
        replace(WANTED, filing_id=8),
    ],
)
def test_whoever_confirms_agrees_to_exactly_one_change(other: Replacement) -> None:
    decision = a_decision(nature=Nature.REPLACEMENT, measure=Measure.parse("none"))
    agreed = replacement.binding(decision, WANTED)
    assert replacement.binding(decision, other) != agreed
    assert replacement.binding(replace(decision, facts="Something else"), WANTED) != agreed
    asked = replace(WANTED, asked_at=NOW)
    assert replacement.binding(decision, asked) == agreed, "when they were asked changes nothing"


@pytest.mark.parametrize(
    ("version", "creators", "users", "possible"),
    [
        ("11", (BOT,), {BOT: 100, "@anna:x": 50}, True),
        ("12", (BOT,), {"@anna:x": 99}, True),
        ("11", ("@anna:x",), {BOT: 100, "@anna:x": 100}, False),
        ("12", ("@anna:x",), {BOT: 150}, False),
        ("11", (BOT,), {BOT: 100, "@anna:x": 50, "@tom:x": 100}, False),
        ("11", ("@anna:x",), {BOT: 50, "@anna:x": 100}, False),
    ],
)
def test_rank_says_beforehand_whether_a_room_can_get_another_owner(
    version: str, creators: tuple[str, ...], users: dict[str, int], *, possible: bool
) -> None:
    asked = {"m.room.power_levels": 100}
    levels = Levels(version, creators, {"users": users, "events": asked})
    reason = replacement.hindrance(levels, BOT, "@anna:x", "@tom:x")
    assert (reason is None) == possible


def test_a_room_is_deleted_only_when_its_closure_is_beyond_appeal() -> None:
    until = NOW + timedelta(days=180)
    closed = a_sanction("close", sanction.State.ACTIVE)
    told = a_decision(told_at=NOW)
    over = until + timedelta(seconds=1)
    deletion.check(told, closed, appealed=False, until=until, now=over)
    wrong: list[tuple[Decision, Sanction, bool, datetime]] = [
        (told, closed, True, over),
        (told, closed, False, until),
        (told, a_sanction("close", sanction.State.LIFTED), False, over),
        (told, a_sanction("close", sanction.State.STAYED), False, over),
        (a_decision(measure=Measure.parse("suspend P3D"), told_at=NOW), closed, False, over),
    ]
    for decision, bound, appealed, now in wrong:
        with pytest.raises(OutOfOrder):
            deletion.check(decision, bound, appealed=appealed, until=until, now=now)
