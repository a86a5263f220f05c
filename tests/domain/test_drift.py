"""What counts as drift, what sets it right, and that neither becomes a war nor a flood."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from policybot.domain.deviation import DAY, MOST, Answer, Deviation, met, over
from policybot.domain.drift import Difference, Kind, Seen, Wanted, differences
from policybot.domain.filing import HANDED_OVER, IN_FORCE, Filing, State
from policybot.domain.rank import Levels
from policybot.domain.upgrade import FollowUpgrade, is_room

ROOM, BOT, ANNA = "!garden:example.org", "@policybot:example.org", "@anna:example.org"
NOW = datetime(2026, 3, 2, tzinfo=UTC)
LABEL = {"record_number": "PB-2026-000001-7K"}
GOVERNED = sorted({*HANDED_OVER, State.SUSPENDED})


def wanted(state: State) -> Wanted:
    filing = Filing(1, ROOM, ANNA, "Gardens", ("general",), state, NOW, "PB-2026-000001-7K")
    shown = state in IN_FORCE
    return Wanted(filing, BOT, "#x:example.org", LABEL if shown else {}, line="Filed")


def as_it_should_be(state: State) -> Seen:
    shown = state in IN_FORCE
    return Seen(
        levels=Levels("11", (ANNA,), {"users": {ANNA: 100, BOT: 100}}),
        join_rule="public",
        encrypted=False,
        successor=None,
        published=shown,
        alias=ROOM if shown else None,
        label=LABEL if shown else {},
        topic="Gardens\nFiled" if shown else "Gardens",
    )


rules = st.sampled_from(["public", "invite", "knock", "restricted", "\u202e", "x" * 1000])
numbers = st.integers(-10, 150)
seen = st.builds(
    Seen,
    levels=st.builds(
        Levels,
        st.sampled_from(["1", "10", "11", "12"]),
        st.sampled_from([(ANNA,), (BOT,), ()]),
        st.fixed_dictionaries(
            {"users": st.dictionaries(st.sampled_from([ANNA, BOT, "@tom:x"]), numbers)},
            optional={"events_default": numbers, "state_default": numbers, "events": st.just("odd")},
        ),
    ),
    join_rule=rules,
    encrypted=st.booleans(),
    successor=st.none() | st.text() | st.just("!new:example.org"),
    published=st.booleans(),
    alias=st.sampled_from([None, ROOM, "!other:x"]),
    label=st.sampled_from([{}, LABEL, {"x": 1}]),
    topic=st.text(),
    notice=st.booleans(),
)


@given(st.sampled_from(GOVERNED))
def test_a_room_as_it_should_be_does_not_differ(state: State) -> None:
    assert differences(wanted(state), as_it_should_be(state)) == ()


@given(st.sampled_from(GOVERNED), seen)
def test_each_kind_is_named_once_and_every_repair_is_about_this_room(state: State, room: Seen) -> None:
    found = differences(wanted(state), room)
    assert len({difference.kind for difference in found}) == len(found)
    for difference in found:
        assert difference.words
        assert difference.todo
        assert len(difference.words + difference.todo + difference.owner) < 1500
        assert "\u202e" not in difference.words + difference.owner
        for effect in difference.repair:
            assert getattr(effect, "room_id", "") == ROOM


@given(st.sampled_from(GOVERNED), seen)
def test_a_room_that_was_replaced_is_followed_and_nothing_in_it_is_repaired(
    state: State, room: Seen
) -> None:
    (only,) = differences(wanted(state), replace(room, successor="!new:example.org"))
    assert only.repair == (FollowUpgrade(ROOM, "!new:example.org", ANNA, state not in IN_FORCE),)


@given(st.sampled_from(GOVERNED), st.text(), st.text(max_size=50), numbers)
def test_using_a_room_is_no_drift(state: State, before: str, name: str, level: int) -> None:
    room = as_it_should_be(state)
    content: dict[str, Any] = {
        "users": {ANNA: 100, BOT: 100, f"@{name}:x": min(level, 99)},
        "events_default": level,
        "events": {"m.room.name": level},
    }
    used = replace(room, topic=f"{before}\n{room.topic}", levels=replace(room.levels, content=content))
    assert differences(wanted(state), used) == ()


@given(st.text())
def test_what_leads_to_no_room_is_never_followed(text: str) -> None:
    if not is_room(text):
        (only,) = differences(
            wanted(State.APPROVED), replace(as_it_should_be(State.APPROVED), successor=text)
        )
        assert only.repair == ()


# A war, a flood -------------------------------------------------------------------------------------

steps = st.lists(st.tuples(st.booleans(), st.integers(1, 1000)), max_size=200)


@given(steps, st.booleans())
def test_whatever_happens_a_day_sees_few_repairs_and_few_messages(
    course: list[tuple[bool, int]], mend: bool
) -> None:
    known: Deviation | None = None
    now, found = NOW, Difference(Kind.DIRECTORY, "It is gone.", "Look.")
    mended: list[datetime] = []
    told: list[datetime] = []
    for differs, minutes in course:
        now += timedelta(minutes=minutes)
        if differs:
            known, answer = met(known, ROOM, found, now, mend=mend)
            mended += [now] * (answer in (Answer.MEND, Answer.MEND_AND_TELL))
            told += [now] * (answer not in (Answer.NOTHING, Answer.MEND))
        elif known is not None and known.ended_at is None:
            known, tell = over(known, now)
            told += [now] * tell
    for start in [*mended, *told]:
        # A day by the clock can see the end of one count and the beginning of the next.
        assert len([at for at in mended if start <= at < start + DAY]) <= 2 * MOST
        assert len([at for at in told if start <= at < start + DAY]) <= 2 * (2 * MOST + 2)
    if not mend:
        assert mended == []


def test_what_people_were_told_of_is_told_to_be_over() -> None:
    found = Difference(Kind.JOIN_RULE, "Nobody can enter.", "Talk to the owner.")
    known, answer = met(None, ROOM, found, NOW, mend=False)
    assert answer is Answer.TELL
    again, answer = met(known, ROOM, found, NOW + DAY, mend=False)
    assert answer is Answer.NOTHING
    assert over(again, NOW + DAY)[1]
