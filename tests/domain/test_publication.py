"""What is published of a period: decided once, the same after it was kept, blind to what it hides."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from policybot.domain.period import Grain, Period, around, following, parse
from policybot.domain.population import BUCKETS, POPULATIONS, TIMES, bucket
from policybot.domain.publication import dump, load, publish, together, within
from policybot.domain.suppression import FEWEST, HIDDEN, Cell

QUARTER = parse("2026-Q1")
RULES = ("R1", "R2", "R3", "unsorted")
days = st.dates(date(2001, 1, 1), date(2100, 1, 1))


@st.composite
def counts(draw: st.DrawFn) -> dict[str, dict[str, int]]:
    """Whole populations, each split in all its tables."""
    made: dict[str, dict[str, int]] = {}
    for population in draw(st.lists(st.sampled_from(POPULATIONS), max_size=3, unique_by=id)):
        whole = draw(st.integers(0, 60))
        found = made.setdefault(population.key, {"": whole})
        for table in population.tables:
            keys = [key for key, _ in table.labels] or list(RULES)
            left = whole
            for key in draw(st.permutations(keys)):
                share = draw(st.integers(0, min(left, 12)))
                found[f"{table.key}:{key}"] = share
                left -= share
            found[f"{table.key}:{keys[0]}"] += left
    return made


@given(counts())
def test_what_was_kept_is_read_as_it_was(found: dict[str, dict[str, int]]) -> None:
    made = publish(QUARTER, found, RULES, FEWEST)
    assert load(dump(made)) == made
    assert dump(load(dump(made))) == dump(made)


@given(counts(), st.data())
def test_another_small_number_behind_it_would_look_the_same(
    found: dict[str, dict[str, int]], data: st.DataObject
) -> None:
    """I28: of all that is published nothing changes if a hidden number is another small one."""
    shown = dump(publish(QUARTER, found, RULES, FEWEST))
    small = [
        (population, row)
        for population, rows in found.items()
        for row, number in rows.items()
        if row and 0 < number < FEWEST and rows[""] >= FEWEST
    ]
    assume(small)
    population, row = data.draw(st.sampled_from(small))
    rows, table = found[population], row.partition(":")[0]
    tables = {t.key: t for p in POPULATIONS if p.key == population for t in p.tables}
    order = [key for key, _ in tables[table].labels] or list(RULES)
    covers = [f"{table}:{key}" for key in order if rows.get(f"{table}:{key}", 0) >= FEWEST]
    assume(covers)
    other = data.draw(st.integers(1, FEWEST - 1))
    changed = rows | {row: other, covers[0]: rows[covers[0]] + rows[row] - other}
    assume(changed[covers[0]] >= FEWEST)
    assert dump(publish(QUARTER, found | {population: changed}, RULES, FEWEST)) == shown


@pytest.mark.parametrize("whole", ["carried", "notices"])
def test_what_all_decisions_come_to_does_not_give_away_the_few_of_one_kind(whole: str) -> None:
    """I28: 23 notices less 20 decisions of our own would be the three on reports."""
    times = {"carried": "effect", "notices": "told"}
    step = BUCKETS[0][0]
    counted = {"on_reports": {"": 3}, "own": {"": 20}, whole: {"": 23, f"{times[whole]}:{step}": 23}}
    made = publish(QUARTER, counted, RULES, FEWEST)
    assert made.of("own").total == Cell(20)
    assert made.of("on_reports").total == HIDDEN
    assert made.of(whole).total == HIDDEN
    assert set(made.of(whole).rows(times[whole]).values()) == {HIDDEN}
    enough = publish(QUARTER, counted | {"on_reports": {"": 5}}, RULES, FEWEST)
    assert enough.of(whole).total == Cell(23)
    none = publish(QUARTER, counted | {"on_reports": {"": 0}}, RULES, FEWEST)
    assert none.of(whole).total == Cell(23)


@given(st.lists(counts(), min_size=2, max_size=3))
def test_a_longer_period_is_the_sum_of_what_was_published(
    found: list[dict[str, dict[str, int]]],
) -> None:
    """I28: it is worked out from the published parts alone, so it says nothing that they do not."""
    quarters = [Period(date(2026, 1 + 3 * n, 1), Grain.QUARTER) for n in range(len(found))]
    pairs = zip(quarters, found, strict=True)
    parts = [publish(quarter, one, RULES, FEWEST) for quarter, one in pairs]
    year = together(parts)
    assert year == together([load(dump(part)) for part in parts])
    for population in POPULATIONS:
        cells = [part.of(population.key).total for part in parts]
        expected = Cell(sum(c.number for c in cells), all(c.whole for c in cells))
        assert year.of(population.key).total == expected


def test_a_median_is_said_only_where_every_step_is_shown() -> None:
    steps = {name: Cell(10) for name in TIMES}
    assert within(steps, 0.5) == "1 day"
    assert within(steps, 0.95) == "longer"
    assert within(steps | {"1 minute": HIDDEN}, 0.5) is None
    assert within({}, 0.5) is None
    assert within({name: Cell(0) for name in TIMES}, 0.5) is None


def test_steps_of_time_grow_and_end_where_they_say() -> None:
    assert all(first[1] < second[1] for first, second in pairwise(BUCKETS))
    for name, most in BUCKETS:
        assert bucket(most) == name


@given(days, st.sampled_from(Grain), st.lists(st.sampled_from(Grain), max_size=8))
def test_no_day_is_ever_published_twice_and_none_is_left_out(
    day: date, first: Grain, wishes: list[Grain]
) -> None:
    """However often the span is changed."""
    last = around(day, first)
    assert last.start <= day < last.end
    for wanted in wishes:
        after = following(last, wanted)
        assert after.start == last.end
        assert parse(after.name) == after
        last = after


def test_what_was_not_counted_in_a_part_of_a_year_is_not_said_of_all_of_it() -> None:
    counted = {"reports": {"": 20, "flagger:yes": 8, "flagger:no": 12}}
    crossing = {"rule*flagger:R1/yes": 8, "rule*flagger:R1/no": 12, "rule:R1": 20}
    before = publish(QUARTER, {"reports": {"": 20, "rule:R1": 20}}, RULES, FEWEST)
    after = publish(parse("2026-Q2"), {"reports": counted["reports"] | crossing}, RULES, FEWEST)
    quiet = publish(parse("2026-Q3"), {}, RULES, FEWEST)
    assert after.of("reports").rows("rule*flagger") == {"R1/yes": Cell(8), "R1/no": Cell(12)}
    assert not before.of("reports").has("rule*flagger")
    assert not together([before, after]).of("reports").has("rule*flagger")
    assert together([before, after]).of("reports").rows("rule")["R1"] == Cell(40)
    assert together([after, quiet]).of("reports").rows("rule*flagger")["R1/yes"] == Cell(8)
