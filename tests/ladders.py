"""Sound ladders: the sample's, with each of what a ladder can say besides, and any other at random."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from ruamel.yaml import YAML

from policybot.config.fresh import sample
from policybot.domain import ladder_file
from policybot.domain.closure import Earlier
from policybot.domain.fairness import ALWAYS_TWO, MAY_BE_AUTOMATIC
from policybot.domain.ladder import HOLDS, ROWS, Grid, Ladder, Scope, Severity, Spill
from policybot.domain.measure import Kind, Measure

SAMPLE: dict[str, Any] = YAML(typ="safe").load(sample("config.sample.yaml"))["ladder"]
LADDER: Ladder = ladder_file.parse(SAMPLE)
PAGE = (Path(__file__).parents[1] / "docs" / "servers.md").read_text("utf-8")
GRID: dict[str, Any] = YAML(typ="safe").load(PAGE.partition("```yaml\n")[2].partition("```")[0])[
    "scopes"
]
"""The grid for servers that the documentation proposes."""
SPILLING = replace(LADDER, spill=Spill(Fraction(1, 2), 2))
FADING = replace(LADDER, half_life=timedelta(days=90))
LADDERS = (
    LADDER,
    SPILLING,
    FADING,
    replace(SPILLING, half_life=timedelta(days=30), under_appeal_counts_from=None),
    replace(SPILLING, spill=Spill(Fraction(2, 3), 3), shift_max=0),
    replace(LADDER, bands=dict(zip(LADDER.bands, (0, 2, 3, 30), strict=True)), half_life=timedelta(1)),
)
"""Ladders of all kinds, with the sample's grids."""

_MEASURES = [
    Measure.parse(text)
    for text in (
        "none",
        "advise",
        "warn",
        "restrict PT1H",
        "restrict P2D",
        "restrict P400D",
        "suspend P1DT2H",
        "suspend P30D",
        "suspend P5000D",
        "close",
    )
]
_WARN, _LONGEST = 2, len(_MEASURES) - 2
_days = st.integers(0, 3650).map(lambda n: timedelta(days=n))
_words = st.lists(st.from_regex(r"[a-zß-öø-ÿ0-9_.-]{1,8}", fullmatch=True), max_size=4, unique=True)


@st.composite
def grids(draw: st.DrawFn, *, of_server: bool = False) -> Grid:
    """Draw a grid that is nowhere milder for the graver act or the longer history."""
    drawn = draw(st.lists(st.integers(0, len(_MEASURES) - 1), min_size=20, max_size=20))
    found: dict[tuple[int, int], int] = {}
    for (row, column), rank in zip(product(range(5), range(4)), drawn, strict=True):
        most = len(_MEASURES) - 1 if row == 4 else _WARN if row <= 2 and not column else _LONGEST
        before = max(found.get((row - 1, column), 0), found.get((row, column - 1), 0))
        found[row, column] = max(_possible(min(rank, most), of_server=of_server), before)
    return {
        severity: tuple(_MEASURES[found[row, column]] for column in range(4))
        for row, severity in enumerate(ROWS)
    }


def _possible(rank: int, *, of_server: bool) -> int:
    """Take the next harsher measure where a server cannot be restricted."""
    restricted = of_server and _MEASURES[rank].kind is Kind.RESTRICT
    return _possible(rank + 1, of_server=of_server) if restricted else rank


@st.composite
def sound(draw: st.DrawFn) -> Ladder:
    """Draw a ladder with anything that a ladder can say."""
    columns, points = (
        list(LADDER.bands),
        sorted(draw(st.lists(st.integers(0, 99), min_size=5, max_size=5))),
    )
    spans = sorted(draw(st.lists(_days, min_size=5, max_size=5)))
    bands = sorted(draw(st.sets(st.integers(1, 99), min_size=3, max_size=3)))
    factors = draw(_words)
    parts = draw(st.integers(0, len(factors)))
    spill = st.builds(Spill, st.fractions(Fraction(1, 99), 1, max_denominator=99), st.integers(2, 99))
    scopes = [scope for scope in Scope if scope is not Scope.SERVER or draw(st.booleans())]
    return Ladder(
        id=draw(st.text(max_size=5)),
        version=draw(st.from_regex(r"[\w.-]{1,5}", fullmatch=True)),
        effective_from=draw(st.datetimes(datetime(2001, 1, 1), timezones=st.just(UTC))),  # noqa: DTZ001
        notice_days=draw(st.integers(0, 99)),
        text_url=draw(st.text(max_size=5)),
        severities={
            severity: replace(LADDER.severities[severity], points=n, expires=span)
            for severity, n, span in zip(ROWS, points, spans, strict=True)
        },
        bands=dict(zip(columns, (0, *bands), strict=True)),
        counts_only_if_notified_before_act=True,
        deemed_notified_after=draw(_days),
        under_appeal_counts_from=draw(st.none() | st.sampled_from(Severity)),
        scopes={scope: draw(grids(of_server=scope is Scope.SERVER)) for scope in scopes},
        shift_max=draw(st.integers(0, 1)),
        aggravating=tuple(factors[:parts]),
        mitigating=tuple(factors[parts:]),
        second_person_from=draw(st.sampled_from(_MEASURES[:8])),
        always_two=ALWAYS_TWO | draw(st.sets(st.text(max_size=3), max_size=2)),
        automation_may=frozenset(draw(st.sets(st.sampled_from(sorted(MAY_BE_AUTOMATIC))))),
        hold_max=draw(st.timedeltas(timedelta(seconds=1), timedelta(hours=72)).map(_whole_seconds)),
        breaker_per_hour=draw(st.integers(0, 99)),
        breaker_share=draw(st.floats(0.001, 1)),
        appeal_window=timedelta(days=183) + draw(st.integers(0, 99)) * timedelta(hours=1),
        appeal_stay=frozenset(draw(st.sets(st.sampled_from(["room:close", "member:restrict"])))),
        half_life=draw(st.none() | st.sampled_from((1, 7, 90, 3650)).map(lambda n: timedelta(days=n))),
        spill=draw(st.none() | spill),
        room_cure=draw(st.none() | st.integers(1, 30).map(lambda n: timedelta(days=n))),
        before_close=tuple(one for one in Earlier if draw(st.booleans())),
        hold_measures=frozenset(draw(st.sets(st.sampled_from(sorted(HOLDS))))),
    )


def _whole_seconds(span: timedelta) -> timedelta:
    return timedelta(seconds=span // timedelta(seconds=1))
