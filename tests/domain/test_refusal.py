"""What is said to somebody who is refused: a sentence without blanks left, in their language."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain.condition import Terms
from policybot.domain.gate import Post, decide
from policybot.domain.mechanism import Mechanism, Then
from policybot.domain.publishing import Account
from policybot.domain.refusal import SENTENCES, Code, Words, blanks, in_words
from policybot.domain.rules import Rule
from policybot.domain.seen import Seen
from policybot.domain.view import Curb, House, Room, Slow
from policybot.matching.ruleset import RuleSet
from tests.viewing import PAGES, View

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
GERMAN = Words(
    {
        "de": {
            "rule": "Nicht angenommen. Regel {id} ({title}): {text}",
            "slow": "Bitte in {wait} noch einmal.",
            "until_time": "bis {time} UTC",
        }
    }
)
RULE = Rule("R1", "Advertising", "Not here.", translations=(("de", "Werbung", "Nicht hier."),))
WORD = RuleSet([Mechanism(RULE, Terms(("frobnitz",)), then=frozenset({Then.REFUSE}))])


def refused(view: View, text: str = "frobnitz") -> str:
    refusal = decide(view, WORD, Post("!r", "@u:x", Seen((text,)), NOW)).refusal
    assert refusal is not None
    assert not blanks(refusal.sentence)
    return refusal.sentence


def speaking(language: str, **more: object) -> View:
    account = Account(verified=True, signed=1, language=language)
    return View(who=account, house=House("@bot:x", PAGES, GERMAN), **more)  # type: ignore[arg-type]


def test_a_rule_is_told_in_the_language_that_its_reader_chose() -> None:
    assert refused(speaking("de")) == "Nicht angenommen. Regel R1 (Werbung): Nicht hier."
    assert "Rule R1 (Advertising): Not here." in refused(speaking(""))
    assert "Rule R1 (Advertising): Not here." in refused(speaking("fr"))


def test_what_is_not_translated_is_said_in_english() -> None:
    view = speaking("de", curbed=Curb("C-7", "!r", until=NOW + timedelta(days=1)))
    said = refused(view)
    assert "by decision C-7 you cannot write here bis 2026-03-03 09:00 UTC" in said


def test_a_measure_whose_end_is_not_known_yet_is_not_said_to_last_for_ever() -> None:
    assert "you cannot write here until further notice" in refused(speaking("", curbed=Curb("C-7")))


def test_a_slow_room_says_when_to_send_again() -> None:
    slow = Room((), slow=Slow(every=timedelta(seconds=30)))
    view = speaking("", here=slow, last=NOW - timedelta(seconds=18))
    assert refused(view, "tulips").endswith(
        "one message every 30 s from each person. Please send it again in 12 s."
    )
    refusal = decide(view, WORD, Post("!r", "@u:x", Seen(), NOW)).refusal
    assert refusal is not None
    assert refusal.body()["retry_after_ms"] == 12_000
    assert refusal.body()["errcode"] == "M_LIMIT_EXCEEDED"
    view.last = NOW - timedelta(seconds=30)
    assert decide(view, WORD, Post("!r", "@u:x", Seen(), NOW)).refusal is None


def test_who_is_asked_to_wait_is_not_refused_for_something_else_afterwards() -> None:
    view = View(Room((), slow=Slow(every=timedelta(seconds=30))), last=NOW)
    assert "Rule R1" in refused(view)
    assert "send it again in 30 s" in refused(view, "tulips")


def test_who_has_just_entered_writes_more_slowly() -> None:
    new = Slow(new_every=timedelta(minutes=5), new_for=timedelta(days=1))
    view = View(Room((), slow=new), last=NOW - timedelta(minutes=1), entered_at=NOW - timedelta(hours=1))
    post = Post("!r", "@u:x", Seen(), NOW)
    refusal = decide(view, WORD, post).refusal
    assert refusal is not None
    assert "every 5 min" in refusal.sentence
    view.entered_at = NOW - timedelta(days=2)
    assert decide(view, WORD, post).refusal is None


@given(st.integers(1, 100_000), st.integers(-100_000, 100_000))
def test_nobody_waits_longer_than_the_room_asks_for_whatever_a_clock_says(every: int, ago: int) -> None:
    view = View(Room((), slow=Slow(every=timedelta(seconds=every))), last=NOW - timedelta(seconds=ago))
    refusal = decide(view, WORD, Post("!r", "@u:x", Seen(), NOW)).refusal
    if refusal is None:
        assert ago >= every or ago < 0
    else:
        assert refusal.wait is not None
        assert timedelta(0) < refusal.wait <= timedelta(seconds=every)


def test_what_is_no_post_of_its_own_is_not_slowed() -> None:
    view = View(Room((), slow=Slow(every=timedelta(seconds=30))), last=NOW)
    assert decide(view, WORD, Post("!r", "@u:x", Seen(), NOW, counts=False)).refusal is None


def test_a_rule_that_was_stopped_refuses_nothing_and_is_still_found() -> None:
    view = View(stopped=frozenset({"R1"}))
    verdict = decide(view, WORD, Post("!r", "@u:x", Seen(("frobnitz",)), NOW))
    assert verdict.refusal is None
    assert [hit.mechanism.id for hit in verdict.hits] == ["R1"]


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_sentence_that_an_error_can_carry(code: Code) -> None:
    said = SENTENCES[code]
    assert said.endswith((".", "{bot}", "{contact}", "NUMBER"))
    assert len(said) < 300


def test_a_template_can_reach_nothing_but_its_blanks() -> None:
    words = Words({"xx": {"slow": "{every.__class__} {0} {wait!r} {every}"}})
    assert words.say(Code.SLOW, "xx", every="3 s", wait="1 s") == "{every.__class__} {0} {wait!r} 3 s"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "1 s"),
        (12, "12 s"),
        (12.001, "13 s"),
        (119, "119 s"),
        (120, "2 min"),
        (301, "6 min"),
        (7200, "2 h"),
    ],
)
def test_times_are_rounded_up_so_that_waiting_is_enough(seconds: float, said: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == said


def test_a_rule_as_long_as_a_book_is_cut_and_nothing_in_it_turns_the_sentence_round() -> None:
    said = Words().say(
        Code.RULE, "en", id="R1", title="\u202eAdvertising\x07", text="Word " * 10_000, contact="help"
    )
    assert len(said) < 1_500
    assert "Rule R1 (Advertising): Word" in said
    assert "Word \u2026 Please change it" in said
    assert said.endswith("write to help")
    lines = Words().say(Code.RULE, "en", id="R1", title="A", text="One.\n\u2067Two.\u2069", contact="h")
    assert "One.\nTwo." in lines
