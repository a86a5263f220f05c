"""The state tables: what is not in them cannot happen, whatever is tried in whatever order."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import appeal, case, filing, party, qualification, sanction
from policybot.domain.appeal import Appeal
from policybot.domain.case import Case, Subject, SubjectKind
from policybot.domain.effects import Effect, ReleaseMember, RestrictMember
from policybot.domain.errors import Incomplete, NotPermitted, OutOfOrder
from policybot.domain.filing import Filing
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind, Measure
from policybot.domain.qualification import Qualification
from policybot.domain.room_measure import FreezeRoom, QuietRoom, UnfreezeRoom, UnquietRoom
from policybot.domain.sanction import Sanction

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
WEEK = Measure.parse("restrict P7D")


def a_filing(state: filing.State = filing.State.DRAFT) -> Filing:
    return Filing(1, "!r:x", "@anna:x", "Talk about gardens", ("general",), state, NOW)


def a_case(state: case.State = case.State.OPEN) -> Case:
    return Case(1, Subject(SubjectKind.EVENT, "!r:x", "$e", "@tom:x"), state, NOW, NOW)


def a_sanction(state: sanction.State = sanction.State.PLANNED, **changes: Any) -> Sanction:
    restraint = RestrictMember("!r:x", "@tom:x")
    made = {"user_id": "@tom:x", "room_id": "!r:x", "restraints": (restraint,)} | changes
    return Sanction(1, Scope.MEMBER, WEEK, state, **made)


def a_claim(state: qualification.State = qualification.State.CLAIMED) -> Qualification:
    return Qualification(1, 1, "medical", state, "Licence 4711 of the chamber", "@anna:x", NOW)


TABLES: list[
    tuple[Mapping[Any, StrEnum], StrEnum, type[StrEnum], Callable[..., Any], Callable[..., Any]]
] = [
    (filing.MOVES, filing.State.DRAFT, filing.Step, a_filing, filing.moved),
    (case.MOVES, case.State.OPEN, case.Step, a_case, case.moved),
    (sanction.MOVES, sanction.State.PLANNED, sanction.Step, a_sanction, sanction.moved),
    (
        qualification.MOVES,
        qualification.State.CLAIMED,
        qualification.Step,
        a_claim,
        qualification.moved,
    ),
]
TABLE_NAMES = ["filing", "case", "sanction", "qualification"]


@pytest.mark.parametrize("table", TABLES, ids=TABLE_NAMES)
@given(data=st.data())
def test_a_random_walk_never_leaves_the_table(table: Any, data: st.DataObject) -> None:
    moves, _, steps, make, moved = table
    thing = make()
    for step in data.draw(st.lists(st.sampled_from(list(steps)), max_size=12)):
        expected = moves.get((thing.state, step))
        if expected is None:
            with pytest.raises(OutOfOrder):
                moved(thing, step)
        else:
            thing = moved(thing, step)
            assert thing.state is expected


@pytest.mark.parametrize("table", TABLES, ids=TABLE_NAMES)
def test_every_state_can_be_reached(table: Any) -> None:
    moves, first, *_ = table
    reached = {first}
    for _ in moves:
        reached |= {after for (before, _), after in moves.items() if before in reached}
    states: type[StrEnum] = type(first)
    assert reached == set(states)


def test_nothing_leaves_a_filing_or_a_qualification_that_has_ended() -> None:
    appealed = {filing.Step.REOPEN, filing.Step.RESTORE}
    also = {qualification.Step.REOPEN, qualification.Step.RESTORE}
    assert not {before for before, step in filing.MOVES if step not in appealed} & filing.ENDED
    left = {before for before, step in qualification.MOVES if step not in also}
    assert not left & qualification.ENDED


def test_a_filing_needs_a_purpose_and_a_category() -> None:
    with pytest.raises(Incomplete, match="what the room is for"):
        filing.submitted(replace(a_filing(), purpose="hm"))
    with pytest.raises(Incomplete, match="category"):
        filing.submitted(replace(a_filing(), categories=()))


def test_a_claim_keeps_others_away_until_it_runs_out() -> None:
    mine = case.claimed(a_case(), "@mira:x", NOW)
    with pytest.raises(NotPermitted, match="with @mira:x"):
        case.claimed(mine, "@otto:x", NOW + case.LEASE - timedelta(seconds=1))
    assert case.claimed(mine, "@mira:x", NOW).assignee == "@mira:x"
    assert case.claimed(mine, "@otto:x", NOW + case.LEASE).assignee == "@otto:x"


def test_a_party_never_decides_its_own_case() -> None:
    with pytest.raises(NotPermitted, match="party"):
        case.impartial(a_case(), "@mira:x", frozenset({"@mira:x"}))


@given(st.timedeltas(timedelta(0), timedelta(days=10)), st.timedeltas(timedelta(0), timedelta(days=10)))
def test_the_time_served_is_never_more_than_was_imposed(first: timedelta, rest: timedelta) -> None:
    active = sanction.enforced(a_sanction(), NOW)
    assert active.ends_at is not None
    first = min(first, active.ends_at - NOW)
    stayed = sanction.stopped(active, sanction.Step.STAY, NOW + first)
    resumed_at = NOW + first + rest
    again = sanction.enforced(sanction.moved(stayed, sanction.Step.RESUME), resumed_at)
    assert again.ends_at is not None
    assert first + (again.ends_at - resumed_at) <= timedelta(days=7)


def test_a_measure_runs_from_when_it_was_carried_out() -> None:
    active = sanction.enforced(a_sanction(), NOW)
    assert (active.starts_at, active.ends_at) == (NOW, NOW + timedelta(days=7))
    assert not sanction.due(active, NOW + timedelta(days=7) - timedelta(seconds=1))
    assert sanction.due(active, NOW + timedelta(days=7))


def test_what_another_binding_measure_wants_is_not_taken_back() -> None:
    ending = a_sanction(sanction.State.ACTIVE)
    other = replace(a_sanction(sanction.State.ACTIVE), decision_id=2)
    back: tuple[Effect, ...] = (ReleaseMember("!r:x", "@tom:x"),)
    assert sanction.release(ending, [other]) == ()
    assert sanction.release(ending, [replace(other, state=sanction.State.STAYED)]) == back
    assert sanction.release(ending, [replace(other, restraints=(FreezeRoom("!r:x"),))]) == back


def test_a_quiet_and_a_frozen_room_overlap_and_each_ends_as_if_alone() -> None:
    quiet = replace(a_sanction(sanction.State.ACTIVE), restraints=(QuietRoom("!r:x"),))
    frozen = replace(quiet, decision_id=2, restraints=(FreezeRoom("!r:x"),))
    assert sanction.release(quiet, []) == (UnquietRoom("!r:x"),)
    assert sanction.release(quiet, [frozen]) == (), "the frozen room stays so"
    assert sanction.release(frozen, [quiet]) == (UnfreezeRoom("!r:x"), QuietRoom("!r:x"))


def appealed(text: str, due_at: datetime) -> Appeal:
    kind, about, state = appeal.Kind.DECISION, appeal.About.DECISION, appeal.State.SUBMITTED
    return Appeal(1, kind, about, 1, "C-1", "@tom:x", text, state, NOW, due_at)


def test_an_appeal_is_decided_once_with_reasons_by_somebody_without_a_part() -> None:
    made = appealed("It was a joke", NOW)
    for why in party.Why:
        with pytest.raises(NotPermitted, match=f"had a part in this matter: {party.PART[why]}"):
            party.check_apart("@mira:x", [("@mira:x", why)])
    party.check_apart("@ravi:x", [("@mira:x", why) for why in party.Why])
    with pytest.raises(Incomplete, match="reasons"):
        appeal.decided(made, appeal.Verdict.OVERTURN, " ")
    ended = {appeal.decided(made, verdict, "A good reason")[0] for verdict in appeal.Verdict}
    assert ended == set(appeal.State) - {appeal.State.SUBMITTED, appeal.State.WITHDRAWN}
    over = replace(made, state=appeal.State.WITHDRAWN)
    with pytest.raises(OutOfOrder, match="taken back"):
        appeal.decided(over, appeal.Verdict.UPHOLD, "A good reason")


def test_an_appeal_comes_in_time_and_says_something() -> None:
    until = NOW + timedelta(days=183)
    assert appeal.admissible("It was a joke", until=until, now=until) == ("It was a joke", False)
    with pytest.raises(OutOfOrder, match="The time to appeal ended on 1 December 2026"):
        appeal.admissible("It was a joke", until=until, now=until + timedelta(seconds=1))
    with pytest.raises(Incomplete):
        appeal.admissible("no", until=until, now=NOW)
    urgent = appeal.admissible("+urgent My shop is shut", until=until, now=NOW)
    assert urgent == ("My shop is shut", True)
    with pytest.raises(Incomplete):
        appeal.admissible("+urgent no", until=until, now=NOW)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10**6)), max_size=12))
def test_the_clock_of_an_appeal_stands_still_while_its_author_is_asked(
    steps: list[tuple[bool, int]],
) -> None:
    """I20: however long it waits for an answer, the time for the reviewers is what it was."""
    made = appealed("A joke", NOW + timedelta(days=7))
    now, waited = NOW, timedelta(0)
    for asks, seconds in steps:
        now += timedelta(seconds=seconds)
        if made.asked_at is not None:
            waited += timedelta(seconds=seconds)
            assert not made.overdue(now)
        step = appeal.asked if asks and made.asked_at is None else appeal.answered
        made = step(made, now)
    if made.asked_at is None:
        assert made.due_at == NOW + timedelta(days=7) + waited
    assert made.state is appeal.State.SUBMITTED


def test_what_cannot_wait_is_urgent_and_what_rests_can() -> None:
    week = NOW + timedelta(days=7)

    def urgency(scope: Scope, kind: Kind, ends: datetime | None, *, binds: bool = True) -> object:
        return appeal.urgency(scope, kind, ends, binds=binds, answer_by=week)

    assert urgency(Scope.ACCOUNT, Kind.SUSPEND, None) is appeal.Urgent.ACCOUNT
    assert urgency(Scope.ACCOUNT, Kind.CLOSE, None) is appeal.Urgent.ACCOUNT
    assert urgency(Scope.ROOM, Kind.CLOSE, None) is appeal.Urgent.ROOM
    assert urgency(Scope.ROOM, Kind.CLOSE, None, binds=False) is None
    assert urgency(Scope.MEMBER, Kind.RESTRICT, week) is appeal.Urgent.ENDS
    assert urgency(Scope.MEMBER, Kind.RESTRICT, week + timedelta(seconds=1)) is None
    assert urgency(Scope.MEMBER, Kind.WARN, None) is None
