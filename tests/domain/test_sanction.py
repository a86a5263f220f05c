"""A sanction never binds anybody for longer than was imposed, however often it rests and goes on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import sanction as rules
from policybot.domain.case import Subject, SubjectKind
from policybot.domain.effects import (
    Effect,
    ExcludeMember,
    LockAccount,
    Redact,
    ReleaseMember,
    RestrictMember,
    Say,
    SuspendAccount,
    inverse,
)
from policybot.domain.errors import OutOfOrder
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind, Measure
from policybot.domain.room_measure import (
    CloseRoom,
    DenyServer,
    FreezeRoom,
    GiveLevel,
    HideBanner,
    QuietRoom,
    ReopenRoom,
    ShowBanner,
    UnfreezeRoom,
    UnquietRoom,
)
from policybot.domain.sanction import Label, Sanction, State, Step
from policybot.domain.showing import Unpublish, WithdrawLabel
from policybot.domain.view import Curb

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


ROOM, OTHER, ANNA, TOM = "!a:e.org", "!b:e.org", "@anna:e.org", "@tom:e.org"
LABEL = Label("PB-2026-000001-7K", ("general",))


def bound(scope: Scope, kind: Kind, **more: Any) -> tuple[Effect, ...]:
    """Say which effects carry a measure of a day."""
    measure = Measure(kind, timedelta(days=1) if kind.timed else None)
    subject: dict[str, Any] = {"user_id": TOM, "room_id": ROOM, "governed": (OTHER, ROOM)}
    return rules.restraints(scope, measure, **(subject | more))


def active(*restraints: Effect, **more: Any) -> Sanction:
    """Give a measure about Tom in one room that has just begun, as far as nothing else is said."""
    measure = Measure(Kind.RESTRICT, timedelta(days=3))
    one = Sanction(1, Scope.MEMBER, measure, State.ACTIVE, TOM, ROOM, NOW, restraints=restraints)
    return replace(one, **more)


# What carries it ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", [Scope.MEMBER, Scope.ACCOUNT, Scope.ROOM])
@pytest.mark.parametrize("kind", [Kind.NONE, Kind.ADVISE, Kind.WARN])
def test_advice_and_warnings_change_nothing_on_the_homeserver(scope: Scope, kind: Kind) -> None:
    assert bound(scope, kind) == ()


@pytest.mark.parametrize(
    ("scope", "kind", "more", "effects"),
    [
        (Scope.MEMBER, Kind.RESTRICT, {}, (RestrictMember(ROOM, TOM),)),
        (Scope.MEMBER, Kind.SUSPEND, {}, (ExcludeMember(ROOM, TOM),)),
        (Scope.MEMBER, Kind.CLOSE, {}, (ExcludeMember(ROOM, TOM),)),
        (
            Scope.ACCOUNT,
            Kind.RESTRICT,
            {},
            (RestrictMember(ROOM, TOM), RestrictMember(OTHER, TOM)),
        ),
        (
            Scope.ACCOUNT,
            Kind.SUSPEND,
            {"local": False},
            (ExcludeMember(ROOM, TOM), ExcludeMember(OTHER, TOM)),
        ),
        (Scope.ACCOUNT, Kind.SUSPEND, {}, (SuspendAccount(TOM),)),
        (Scope.ACCOUNT, Kind.SUSPEND, {"locks": True}, (SuspendAccount(TOM),)),
        (Scope.ACCOUNT, Kind.CLOSE, {}, (SuspendAccount(TOM),)),
        (Scope.ACCOUNT, Kind.CLOSE, {"locks": True}, (SuspendAccount(TOM), LockAccount(TOM))),
        (Scope.ROOM, Kind.RESTRICT, {"label": LABEL}, (QuietRoom(ROOM),)),
        (Scope.ROOM, Kind.SUSPEND, {"closing": "Bye"}, (FreezeRoom(ROOM), Unpublish(ROOM))),
        (
            Scope.ROOM,
            Kind.CLOSE,
            {"label": LABEL, "closing": "Bye"},
            (
                FreezeRoom(ROOM),
                Unpublish(ROOM),
                WithdrawLabel(ROOM, LABEL.record_number, LABEL.categories),
                CloseRoom(ROOM, "Bye"),
            ),
        ),
    ],
)
def test_each_measure_is_carried_by_what_it_says(
    scope: Scope, kind: Kind, more: dict[str, Any], effects: tuple[Effect, ...]
) -> None:
    assert bound(scope, kind, **more) == effects


@pytest.mark.parametrize(
    ("scope", "lacking"),
    [
        (Scope.MEMBER, "user_id"),
        (Scope.MEMBER, "room_id"),
        (Scope.ACCOUNT, "user_id"),
        (Scope.ROOM, "room_id"),
    ],
)
def test_a_measure_without_its_subject_cannot_be(scope: Scope, lacking: str) -> None:
    with pytest.raises(ValueError, match="needs its subject"):
        bound(scope, Kind.SUSPEND, **{lacking: None})


def test_only_messages_that_are_in_a_room_are_removed_each_with_its_word() -> None:
    there, nowhere = Subject(SubjectKind.EVENT, ROOM, "$1"), Subject(SubjectKind.USER, user_id=TOM)
    messages = (there, nowhere, Subject(SubjectKind.ROOM, ROOM), replace(there, room_id=None))
    assert rules.removals(messages, "C-1") == (Redact(ROOM, "$1", "C-1"),)


# Its course --------------------------------------------------------------------------------------


def test_a_measure_begins_unserved_at_its_first_version() -> None:
    """What was read at a version is saved only while nobody else saved it."""
    assert (restricted(1).version, active().served) == (1, timedelta(0))


def test_what_cannot_happen_any_more_is_refused_in_words() -> None:
    with pytest.raises(OutOfOrder, match="The measure is void: nothing is left to lift"):
        rules.moved(active(state=State.VOID), Step.LIFT)
    assert rules.moved(active(), Step.LIFT).state is State.LIFTED


@pytest.mark.parametrize("state", [state for state in State if state is not State.ACTIVE])
def test_only_what_is_in_force_runs(state: State) -> None:
    one = active(state=state, served=timedelta(hours=2))
    assert rules.ran(one, NOW + timedelta(days=1)) == timedelta(hours=2)


def test_what_began_later_than_now_has_not_run_yet() -> None:
    """Clocks of several machines differ."""
    one = active(served=timedelta(hours=2))
    assert rules.ran(one, NOW - timedelta(hours=1)) == timedelta(hours=2)
    assert rules.ran(replace(one, starts_at=None), NOW) == timedelta(hours=2)


def test_a_measure_is_due_in_the_instant_in_which_it_ends() -> None:
    one = active(ends_at=NOW)
    assert rules.due(one, NOW)
    assert not rules.due(one, NOW - timedelta(microseconds=1))
    assert not rules.due(replace(one, ends_at=None), NOW)
    assert not rules.due(replace(one, state=State.STAYED), NOW)


def test_what_was_served_before_is_spent() -> None:
    assert rules.spent(restricted(2, timedelta(days=2)), NOW)
    assert not rules.spent(restricted(2, timedelta(days=1)), NOW)
    closed = Sanction(1, Scope.ROOM, Measure(Kind.CLOSE), State.PLANNED, served=timedelta(days=9))
    assert not rules.spent(closed, NOW), "what has no end is never spent"


def test_a_hold_is_spent_when_its_own_end_is_over_whatever_was_served() -> None:
    hold = replace(restricted(2, timedelta(days=9)), interim=True)
    assert not rules.spent(hold, NOW)
    assert not rules.spent(replace(hold, ends_at=NOW + timedelta(seconds=1)), NOW)
    assert rules.spent(replace(hold, ends_at=NOW), NOW)


def test_a_hold_whose_end_is_not_fixed_yet_ends_after_its_span() -> None:
    assert rules.enforced(replace(restricted(3), interim=True), NOW).ends_at == NOW + timedelta(days=3)
    kept = replace(restricted(3), ends_at=NOW + timedelta(hours=5))
    assert rules.enforced(kept, NOW).ends_at == NOW + timedelta(days=3), "only a hold keeps its end"


# How it shows ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("kind", Kind)
def test_a_banner_is_for_suspended_rooms_and_those_and_closed_ones_are_hidden(
    scope: Scope, kind: Kind
) -> None:
    measure = Measure(kind, timedelta(days=1) if kind.timed else None)
    assert rules.bannered(scope, measure) is ((scope, kind) == (Scope.ROOM, Kind.SUSPEND))
    of_room = scope is Scope.ROOM and kind in (Kind.SUSPEND, Kind.CLOSE)
    for state in State:
        binds = state in (State.PLANNED, State.ACTIVE)
        assert rules.hides(Sanction(1, scope, measure, state)) is (of_room and binds)


def test_a_banner_takes_the_place_of_the_one_before_and_is_taken_away() -> None:
    one = rules.with_banner(active(FreezeRoom(ROOM), user_id=None), "Until Friday")
    assert one.restraints == (FreezeRoom(ROOM), ShowBanner(ROOM, "Until Friday"))
    later = rules.with_banner(one, "Until Sunday")
    assert later.restraints == (FreezeRoom(ROOM), ShowBanner(ROOM, "Until Sunday"))
    assert rules.with_banner(later, None).restraints == (FreezeRoom(ROOM),)
    nowhere = active(room_id=None)
    assert rules.with_banner(nowhere, "Until Friday").restraints == ()


# What the gate knows of it -----------------------------------------------------------------------

UNTIL = NOW + timedelta(days=3)


def test_the_gate_keeps_silent_whom_a_measure_silences() -> None:
    one = active(RestrictMember(ROOM, TOM), ends_at=UNTIL)
    assert rules.curb(one, "C-1") == Curb("C-1", ROOM, excluded=False, until=UNTIL)
    out = active(ExcludeMember(ROOM, TOM), ends_at=UNTIL)
    assert rules.curb(out, "C-1") == Curb("C-1", ROOM, excluded=True, until=UNTIL)


def test_what_reaches_an_account_counts_in_every_room() -> None:
    one = active(SuspendAccount(TOM), scope=Scope.ACCOUNT, ends_at=UNTIL)
    assert rules.curb(one, "C-1") == Curb("C-1", "", excluded=False, until=UNTIL)


def test_what_names_no_room_counts_in_every_room() -> None:
    assert rules.curb(active(RestrictMember(ROOM, TOM), room_id=None), "C-1") == Curb("C-1", "")


def test_the_gate_says_no_end_before_the_clock_runs_but_that_of_a_hold() -> None:
    planned = active(RestrictMember(ROOM, TOM), state=State.PLANNED, ends_at=UNTIL)
    assert rules.curb(planned, "C-1") == Curb("C-1", ROOM, until=None)
    assert rules.curb(replace(planned, interim=True), "C-1") == Curb("C-1", ROOM, until=UNTIL)


@pytest.mark.parametrize(
    "one",
    [
        active(),
        active(Redact(ROOM, "$1", "C-1")),
        active(FreezeRoom(ROOM), user_id=None),
        active(RestrictMember(ROOM, TOM), user_id=None),
        active(RestrictMember(ROOM, TOM), dry=True),
        active(RestrictMember(ROOM, TOM), state=State.STAYED),
        active(RestrictMember(ROOM, TOM), state=State.ENDED),
    ],
)
def test_the_gate_knows_nothing_of_what_keeps_nobody_from_writing(one: Sanction) -> None:
    assert rules.curb(one, "C-1") is None


# Whom and what it reaches ------------------------------------------------------------------------


def test_a_lock_takes_every_way_to_be_told() -> None:
    assert rules.locks(active(SuspendAccount(TOM), LockAccount(TOM)))
    assert not rules.locks(active(SuspendAccount(TOM)))


def test_the_accounts_that_are_bound_are_named_once_each_its_own_first() -> None:
    one = active(SuspendAccount(ANNA), RestrictMember(ROOM, TOM), ExcludeMember(OTHER, ANNA))
    assert rules.accounts(one) == (TOM, ANNA)
    assert rules.accounts(replace(one, user_id=None)) == (ANNA, TOM)


def test_a_room_that_is_governed_from_now_on_is_reached_as_the_others_are() -> None:
    one = active(RestrictMember(ROOM, TOM), RestrictMember(OTHER, TOM), scope=Scope.ACCOUNT)
    assert rules.in_room(one, "!c:e.org") == (RestrictMember("!c:e.org", TOM),)
    assert rules.in_room(one, OTHER) == (), "it is reached already"
    server = active(DenyServer(ROOM, "bad.org"), Say(ROOM, "Why"), scope=Scope.SERVER)
    assert rules.in_room(server, OTHER) == (DenyServer(OTHER, "bad.org"),), (
        "in its own language it reads why"
    )
    assert rules.shut_out(server) == (DenyServer(ROOM, "bad.org"),)
    account = active(SuspendAccount(TOM), scope=Scope.ACCOUNT)
    assert rules.in_room(account, OTHER) == (), "the account itself is bound"


@pytest.mark.parametrize(
    "one",
    [
        active(RestrictMember(ROOM, TOM)),
        active(RestrictMember(ROOM, TOM), scope=Scope.ROOM),
        active(RestrictMember(ROOM, TOM), scope=Scope.ACCOUNT, dry=True),
    ],
)
def test_what_is_about_one_room_or_rehearsed_reaches_no_other(one: Sanction) -> None:
    assert rules.in_room(one, OTHER) == ()


# What is given back ------------------------------------------------------------------------------


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("step", Step)
def test_there_is_something_to_give_back_while_it_binds_and_a_lead_when_it_is_void(
    state: State, step: Step
) -> None:
    binds = state in (State.PLANNED, State.ACTIVE)
    assert rules.to_release(active(RestrictMember(ROOM, TOM), state=state), step) is binds
    lead = active(GiveLevel(ROOM, ANNA, 100, "C-1"), state=state)
    assert rules.to_release(lead, step) is (binds or step is Step.VOID)


def test_what_another_measure_or_reason_wants_stays() -> None:
    one = active(RestrictMember(ROOM, TOM), RestrictMember(OTHER, TOM))
    assert rules.release(one, ()) == (ReleaseMember(ROOM, TOM), ReleaseMember(OTHER, TOM))
    other = active(RestrictMember(ROOM, TOM))
    assert rules.release(one, [other]) == (ReleaseMember(OTHER, TOM),)
    over = replace(other, state=State.ENDED)
    assert rules.release(one, [over]) == rules.release(one, ())
    assert rules.release(one, (), [RestrictMember(OTHER, TOM)]) == (ReleaseMember(ROOM, TOM),)
    assert rules.release(active(Say(ROOM, "Why")), ()) == (), "what was said is not taken back"


def test_a_quiet_and_a_frozen_room_are_levels_of_one_scale() -> None:
    quiet, frozen = active(QuietRoom(ROOM)), active(FreezeRoom(ROOM))
    assert rules.release(quiet, [frozen]) == ()
    assert rules.release(quiet, [active(FreezeRoom(OTHER))]) == (UnquietRoom(ROOM),)
    assert rules.release(frozen, [quiet]) == (UnfreezeRoom(ROOM), QuietRoom(ROOM))
    assert rules.release(frozen, [active(QuietRoom(OTHER))]) == (UnfreezeRoom(ROOM),)


def test_a_room_stays_closed_while_another_closure_says_it_in_other_words() -> None:
    closed = active(CloseRoom(ROOM, "Bye"))
    assert rules.release(closed, [active(CloseRoom(ROOM, "Closed"))]) == ()
    assert rules.release(closed, [active(CloseRoom(OTHER, "Bye"))]) == (ReopenRoom(ROOM, "Bye"),)
    assert rules.release(closed, [active(FreezeRoom(ROOM))]) == (ReopenRoom(ROOM, "Bye"),)


def test_of_several_banners_the_next_one_follows() -> None:
    shown = active(ShowBanner(ROOM, "Until Friday"))
    assert rules.release(shown, []) == (HideBanner(ROOM, "Until Friday"),)
    others = [active(ShowBanner(ROOM, "b")), active(ShowBanner(ROOM, "a")), active(FreezeRoom(ROOM))]
    assert rules.release(shown, others) == (HideBanner(ROOM, "Until Friday"), ShowBanner(ROOM, "a"))
    elsewhere = [active(ShowBanner(OTHER, "a"))]
    assert rules.release(shown, elsewhere) == (HideBanner(ROOM, "Until Friday"),)


wanted = st.sets(
    st.sampled_from([RestrictMember(ROOM, TOM), ExcludeMember(ROOM, TOM), SuspendAccount(TOM)])
)


@given(wanted, st.lists(st.tuples(wanted, st.sampled_from(list(State))), max_size=4))
def test_i16_after_a_release_exactly_what_others_want_is_bound(
    mine: set[Effect], others: list[tuple[set[Effect], State]]
) -> None:
    binding = [active(*theirs, state=state) for theirs, state in others]
    there = mine.union(*(one.restraints for one in binding if one.state in rules.BINDING))
    undone = {inverse(effect) for effect in rules.release(active(*mine), binding)}
    left = {effect for one in binding if one.state in rules.BINDING for effect in one.restraints}
    assert there - undone == left
