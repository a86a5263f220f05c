"""A rule stops acting by itself when it reaches too large a share of those who write."""

from datetime import UTC, datetime, timedelta

import pytest

from policybot.domain import breaker
from policybot.domain.breaker import Writers, reaches_too_many

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_who_wrote_within_the_time_is_counted_once() -> None:
    writers = Writers()
    for minutes, who in ((0, "tom"), (10, "lea"), (20, "tom"), (70, "zoe")):
        writers.note(who, NOW + timedelta(minutes=minutes))
    assert writers.count(NOW - HOUR) == 3
    assert writers.count(NOW + timedelta(minutes=10)) == 2
    assert writers.count(NOW + timedelta(minutes=20)) == 1
    assert writers.count(NOW + timedelta(minutes=70)) == 0


def test_of_very_many_those_who_wrote_longest_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "_MOST", 3)
    writers = Writers()
    for who in ("a", "b", "a", "c", "d"):
        writers.note(who, NOW)
    assert writers.count(NOW - HOUR) == 3
    writers.note("a", NOW)
    assert writers.count(NOW - HOUR) == 3


@pytest.mark.parametrize(
    ("reached", "writers", "too_many"),
    [(5, 0, False), (6, 0, True), (6, 120, False), (7, 139, True), (7, 140, False), (6, 119, True)],
)
def test_more_than_the_share_and_more_than_five_are_too_many(
    reached: int, writers: int, *, too_many: bool
) -> None:
    people = {f"p{n}" for n in range(reached)}
    assert reaches_too_many(people, writers, 0.05) is too_many
