"""A reporter who objects is told what becomes of it, with the reasons."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from policybot.domain import complaint as rules
from policybot.domain.appeal import About, Appeal, Kind, State

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
WHY = "You overlooked the second half"
BODY = "the body of Examplia"
OBJECTED = Appeal(
    id=1,
    kind=Kind.REPORT,
    about=About.OUTCOME,
    matter=12,
    number="R-12",
    appellant="@lea:example.org",
    text="Look again",
    state=State.UPHELD,
    submitted_at=NOW,
    due_at=NOW + timedelta(days=7),
    reasons=WHY,
)


@pytest.mark.parametrize(
    ("about", "against"),
    [
        (About.OUTCOME, "the answer"),
        (About.CAUTION, "the warning"),
        (About.PAUSE, "the pause"),
    ],
)
def test_what_stands_is_told_by_its_name_with_the_way_that_is_left(about: About, against: str) -> None:
    one = replace(OBJECTED, about=about)
    assert rules.upheld(replace(one, reasons="It was meant so."), BODY) == (
        f"Your objection about R-12 was decided by another person: {against} stands.\n"
        "Reasons: It was meant so.\nYou can still turn to the body of Examplia."
    )
    assert "turn to" not in rules.upheld(one, None)


def test_what_succeeded_in_part_says_which() -> None:
    said = rules.modified(replace(OBJECTED, reasons="There was a ground."), None)
    assert said.startswith("Your objection about R-12 succeeded in part: no rule was broken, but")
    assert said.endswith("it no longer counts as that.\nReasons: There was a ground.")
    assert rules.modified(OBJECTED, BODY).endswith("You can still turn to the body of Examplia.")


@pytest.mark.parametrize(
    ("about", "back"),
    [
        (About.CAUTION, "The warning is taken back and counts for nothing."),
        (About.PAUSE, "The pause is over, and your reports are taken as before."),
    ],
)
def test_what_is_taken_back_is_told_with_what_that_means(about: About, back: str) -> None:
    said = rules.overturned(replace(OBJECTED, about=about), None)
    assert said == f"Your objection about R-12 succeeded. {back}\nReasons: {WHY}"


def test_a_case_that_is_open_again_is_named_to_whoever_objected_and_to_the_others() -> None:
    said = rules.reopened(receipt="R-12", case_number="C-7", reasons=WHY, appeal_body=BODY)
    assert "case C-7 is open again" in said
    assert said.endswith(f"Reasons: {WHY}\nYou can still turn to the body of Examplia.")
    other = rules.reopened_for_others(receipt="R-13", case_number="C-7")
    assert other.startswith("About your report R-13: another reporter objected")
    assert "C-7" in other
    assert WHY not in other, "what one reporter wrote is not for another"
