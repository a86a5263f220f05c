"""A batch: which cases are meant, and how many at the most."""

import pytest

from policybot.domain import batch as rules
from policybot.domain.errors import NotFound, OutOfOrder


@pytest.mark.parametrize(
    ("text", "cases"),
    [
        ("C-1", (1,)),
        ("C-1,C-2,C-5-9", (1, 2, 5, 6, 7, 8, 9)),
        ("c-3,C-1-3", (3, 1, 2)),
    ],
)
def test_cases_are_named_one_by_one_or_from_one_to_another(text: str, cases: tuple[int, ...]) -> None:
    assert rules.read(text, rules.CEILING) == cases


@pytest.mark.parametrize(
    "text", ["", "1", "C-", "C-2-1", "C-1,,C-2", "C-1;C-2", "C-١", "C-1-", f"C-{'9' * 99}"]
)
def test_what_names_no_cases_is_refused(text: str) -> None:
    with pytest.raises(NotFound):
        rules.read(text, rules.CEILING)


@pytest.mark.parametrize("text", ["C-1-21", "C-1-999999999999999", "C-1-20,C-21", "C-1-3,C-7-24"])
def test_no_more_than_twenty_are_decided_at_once(text: str) -> None:
    with pytest.raises(OutOfOrder, match="too many"):
        rules.read(text, rules.CEILING)
    assert len(rules.read("C-1-20,C-5", rules.CEILING)) == 20
