"""The agreement: from when a version binds, who has to sign, what changed, who may publish."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from policybot.domain import agreement as rules
from policybot.domain.agreement import Agreement, Commitment, Notice, Standing, Version
from policybot.domain.amendment import amendment, in_words
from policybot.domain.identity import FrontClass
from policybot.domain.publishing import NAMED, STRANGER, Account, Obstacle, obstacle

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
NOTICE = Notice(timedelta(days=14), (timedelta(days=7), timedelta(days=1)))
DAY = timedelta(days=1)


def text(**changes: object) -> Agreement:
    made = Agreement(
        version="1",
        effective_from=START,
        texts={"en": "Be kind.\nBe brief.\nBe true.", "de": "Sei nett.\nSei kurz.\nSei ehrlich."},
        commitments=(
            Commitment("rules", {"en": "I keep the rules.", "de": "Ich halte die Regeln."}),
            Commitment("names", {"en": "I use one name.", "de": "Ich nutze einen Namen."}),
        ),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # as the tests name them


def version(number: int, binds_in: float, **changes: object) -> Version:
    agreement = text(version=str(number))
    made = Version(number, agreement.hash, agreement, START, START + binds_in * DAY)
    return replace(made, **changes)  # type: ignore[arg-type]  # as the tests name them


@pytest.mark.parametrize(
    ("stricter", "ahead", "binds_in"),
    [(True, 3, 14), (True, 30, 30), (True, -5, 14), (False, 3, 3), (False, 0, 1), (False, -5, 1)],
)
def test_a_changed_version_binds_as_written_but_never_without_notice(
    stricter: bool, ahead: int, binds_in: int
) -> None:
    changed = text(stricter=stricter, effective_from=START + ahead * DAY)
    assert rules.deadline(changed, START, NOTICE, first=False) == START + binds_in * DAY


def test_the_first_version_takes_nothing_from_anybody_and_binds_as_written() -> None:
    assert rules.deadline(text(stricter=True), START, NOTICE, first=True) == START


def test_the_version_in_force_is_the_newest_whose_time_has_come() -> None:
    versions = (version(1, -30), version(2, -3), version(3, 5))
    assert rules.in_force(versions, START).number == 2
    ahead = rules.coming(versions, START)
    assert ahead is not None
    assert ahead.number == 3
    assert rules.in_force(versions, START + 5 * DAY).number == 3
    assert rules.coming(versions, START + 5 * DAY) is None


def test_before_the_first_version_binds_it_can_be_signed_and_binds_nobody() -> None:
    versions = (version(1, 5),)
    assert rules.in_force(versions, START).number == 1
    assert rules.bound(versions, START) == 0
    assert rules.bound(versions, START + 5 * DAY) == 1


def test_a_version_that_was_replaced_before_it_bound_never_binds() -> None:
    versions = (version(1, -30), version(2, 3, withdrawn_at=START), version(3, 9))
    assert rules.in_force(versions, START + 5 * DAY).number == 1
    assert rules.bound(versions, START + 9 * DAY) == 3
    assert rules.standing(versions, 2, START) is Standing.WAITING, "it was more than what binds today"


@pytest.mark.parametrize(
    ("signed", "today", "after"),
    [
        (0, Standing.NONE, Standing.NONE),
        (1, Standing.WAITING, Standing.DUE),
        (2, Standing.ACCEPTED, Standing.ACCEPTED),
    ],
)
def test_the_old_signature_is_good_until_the_deadline(
    signed: int, today: Standing, after: Standing
) -> None:
    versions = (version(1, -30), version(2, 5))
    assert rules.standing(versions, signed, START + 5 * DAY - timedelta(seconds=1)) is today
    assert rules.standing(versions, signed, START + 5 * DAY) is after


def test_of_two_reminders_that_are_due_the_nearest_is_sent() -> None:
    ahead = version(2, 20)
    due = [rules.reminder(ahead, NOTICE, START + day * DAY) for day in (0, 12, 13, 18, 19, 20)]
    assert [d and d.days for d in due] == [None, None, 7, 7, 1, None]


def test_a_reminder_right_after_the_first_word_is_left_out() -> None:
    assert rules.reminder(version(2, 7), NOTICE, START) is None
    assert rules.reminder(version(2, 7), NOTICE, START + 6 * DAY) == DAY


def test_the_fingerprint_covers_every_language_and_every_promise() -> None:
    one = text()
    others = [
        text(version="2"),
        text(texts={**one.texts, "de": "Sei freundlich."}),
        text(commitments=one.commitments[:1]),
        text(commitments=(Commitment("rules", {"en": "x", "de": "y"}), one.commitments[1])),
    ]
    assert len({one.hash, *(other.hash for other in others)}) == 5
    turned = dict(reversed(list(one.texts.items())))
    assert text(texts=turned, stricter=True).hash == one.hash, "the order of languages is no text"


def test_a_change_is_told_promise_by_promise_and_line_by_line() -> None:
    new = text(
        texts={"en": "Be kind.\nBe very brief.\nBe true.", "de": "Sei nett."},
        commitments=(
            Commitment("rules", {"en": "I keep all rules.", "de": "Ich halte alle Regeln."}),
            Commitment("source", {"en": "I name sources.", "de": "Ich nenne Quellen."}),
        ),
    )
    words = in_words(amendment(text(), new, "en"))
    assert words.splitlines() == [
        "+ New promise: I name sources.",
        "− No longer promised: I use one name.",
        "~ Promised until now: I keep the rules.",
        "  From then on: I keep all rules.",
        "In the text (− goes, + comes):",
        "  Be kind.",
        "− Be brief.",
        "+ Be very brief.",
        "  Be true.",
    ]
    assert "Ich nenne Quellen." in in_words(amendment(text(), new, "de"))
    assert in_words(amendment(text(), text(), "en")) == "The words are the same."


def test_a_language_that_is_new_is_compared_with_the_default_one() -> None:
    only_english = text(
        texts={"en": "Be kind."}, commitments=(Commitment("rules", {"en": "I keep the rules."}),)
    )
    assert amendment(only_english, text(), "de").changed[0][0] == "I keep the rules."


@pytest.mark.parametrize(
    ("account", "free", "named"),
    [
        (STRANGER, None, Obstacle.UNVERIFIED),
        (Account(verified=True), None, Obstacle.UNSIGNED),
        (Account(verified=True, signed=1), Obstacle.DUE, Obstacle.DUE),
        (Account(verified=True, signed=2), None, None),
        (Account(verified=True, signed=3), None, None),
        (Account(verified=False, signed=2), None, Obstacle.UNVERIFIED),
    ],
)
def test_who_may_publish(account: Account, free: Obstacle | None, named: Obstacle | None) -> None:
    assert obstacle(account, 2, named=False) is free
    assert obstacle(account, 2, named=True) is named


def test_two_classes_of_room_ask_for_verified_persons() -> None:
    assert {FrontClass.VERIFIED_REQUIRED, FrontClass.ROLE_BASED} == NAMED
