"""The one answer: refused or not, with a sentence, a code and a link; the unknown never refuses."""

import itertools
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import condition as c
from policybot.domain.condition import Condition
from policybot.domain.gate import ALLOWED, Post, Verdict, decide, declared, joined, posted
from policybot.domain.mechanism import Mechanism, Stage, Then
from policybot.domain.publishing import STRANGER, Account
from policybot.domain.refusal import Code
from policybot.domain.rules import Rule
from policybot.domain.seen import File, Seen
from policybot.domain.view import Curb, Room, Slow
from policybot.matching.ruleset import RuleSet
from tests.viewing import NAMED, OPEN, View

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FROBNITZ = c.Terms(("frobnitz",))


def rule(when: Condition, *then: Then, **more: Any) -> Mechanism:
    acts = frozenset(then or {Then.REFUSE})
    return Mechanism(Rule("R1", "Advertising", "Not here."), when, then=acts, **more)


def judged(when: Condition, text: str = "frobnitz", view: View | None = None, **more: Any) -> Verdict:
    rules = RuleSet([rule(when)])
    seen = more.pop("seen", Seen((text,)))
    return decide(view or View(OPEN), rules, Post("!r", "@u:x", seen, NOW, **more))


def test_a_room_that_is_not_governed_is_none_of_our_business() -> None:
    assert judged(FROBNITZ, view=View(None, STRANGER)) is ALLOWED


def test_a_clean_post_is_allowed() -> None:
    assert judged(FROBNITZ, "tulips") is ALLOWED


def test_a_refusal_names_the_rule_what_to_do_and_where_to_turn() -> None:
    refusal = judged(FROBNITZ).refusal
    assert refusal is not None
    assert (refusal.code, refusal.rule_id) == (Code.RULE, "R1")
    assert refusal.link == "https://a.example/rules"
    for needed in ("R1 (Advertising): Not here.", "change it and send it again", "help@a.example"):
        assert needed in refusal.sentence


@pytest.mark.parametrize(
    ("account", "code", "command"),
    [
        (STRANGER, Code.UNVERIFIED, "!policy verify"),
        (Account(verified=True, signed=0), Code.UNSIGNED, "!policy agree"),
    ],
)
def test_who_lacks_something_is_told_how_to_get_it(account: Account, code: Code, command: str) -> None:
    refusal = judged(FROBNITZ, "tulips", View(NAMED, account)).refusal
    assert refusal is not None
    assert refusal.code is code
    assert command in refusal.sentence
    assert refusal.link == "https://a.example/agreement"


def test_nobody_posts_in_a_suspended_room() -> None:
    refusal = judged(FROBNITZ, "tulips", View(Room(("general",), limited=True))).refusal
    assert refusal is not None
    assert refusal.code is Code.LIMITED


@pytest.mark.parametrize("stage", [Stage.SHADOW, Stage.DRAFT])
def test_only_a_live_rule_refuses(stage: Stage) -> None:
    rules = RuleSet([rule(FROBNITZ, stage=stage)])
    verdict = decide(View(OPEN), rules, Post("!r", "@u:x", Seen(("frobnitz",)), NOW))
    assert verdict.refusal is None
    assert len(verdict.hits) == (1 if stage is Stage.SHADOW else 0)


def test_a_rule_that_reports_lets_it_pass() -> None:
    rules = RuleSet([rule(FROBNITZ, Then.REPORT)])
    verdict = decide(View(OPEN), rules, Post("!r", "@u:x", Seen(("frobnitz",)), NOW))
    assert verdict.refusal is None
    assert verdict.hits[0].spans == ((0, 0, 8),)


GIF = File("image/gif", 2_000_000, animated=True)


@pytest.mark.parametrize(
    ("when", "view", "more", "applies"),
    [
        (c.Files(1), View(OPEN), {"seen": Seen(files=2)}, True),
        (c.Files(2), View(OPEN), {"seen": Seen(files=2)}, False),
        (c.Mentions(2), View(OPEN), {"seen": Seen(mentions=3)}, True),
        (c.Mentions(3), View(OPEN), {"seen": Seen(mentions=3)}, False),
        (c.Rate(3, timedelta(minutes=1)), View(OPEN, posts=4), {}, True),
        (c.Rate(3, timedelta(minutes=1)), View(OPEN, posts=3), {}, False),
        (c.FirstPost(), View(OPEN, first=True), {}, True),
        (c.FirstPost(), View(OPEN), {}, False),
        (c.NewMember(timedelta(days=1)), View(OPEN, entered_at=NOW - timedelta(hours=23)), {}, True),
        (c.NewMember(timedelta(days=1)), View(OPEN, entered_at=NOW - timedelta(days=1)), {}, False),
        (c.NewMember(timedelta(days=1)), View(OPEN), {}, False),
        (c.Unverified(), View(OPEN, STRANGER), {}, True),
        (c.Unverified(), View(OPEN), {}, False),
        (c.Unqualified(("medical",)), View(OPEN), {"declared": "medical"}, True),
        (c.Unqualified(("medical",)), View(OPEN), {"declared": "legal"}, False),
        (c.Unqualified(), View(OPEN), {"declared": "legal"}, True),
        (c.Unqualified(), View(OPEN), {}, False),
        (c.Media(("image/*",)), View(OPEN), {"seen": Seen(files=1), "files": (GIF,)}, True),
        (c.Media(("image/png",)), View(OPEN), {"seen": Seen(files=1), "files": (GIF,)}, False),
        (c.Media(("image/gif",), 2_000_000), View(OPEN), {"files": (GIF,)}, False),
        (c.Media(larger_than=1_999_999, animated=True), View(OPEN), {"files": (GIF,)}, True),
        (c.Media(animated=False), View(OPEN), {"files": (GIF,)}, False),
    ],
)
def test_each_condition_holds_where_it_says(
    when: Condition, view: View, more: dict[str, Any], applies: bool
) -> None:
    assert bool(judged(when, "tulips", view, **more).hits) is applies


def test_a_file_that_nobody_has_looked_at_makes_no_rule_apply() -> None:
    unknown = Seen(("x",), files=1)
    media = c.Media(("image/gif",))
    assert not judged(media, seen=unknown).hits
    assert not judged(c.NoneOf((media,)), seen=unknown).hits, "nor its opposite"
    assert judged(c.Any((media, c.Files(0))), seen=unknown).hits, "what else is asked for settles it"
    assert judged(c.NoneOf((media,)), seen=Seen(("x",))).hits, "where there is no file, that is known"


def test_one_file_that_could_not_be_looked_into_hides_no_other_and_may_be_anything() -> None:
    two: dict[str, Any] = {"seen": Seen(("x",), files=2), "files": (GIF,)}
    assert judged(c.Media(("image/gif",)), **two).hits
    assert not judged(c.Media(("image/png",)), **two).hits
    assert not judged(c.NoneOf((c.Media(("image/png",)),)), **two).hits, "the other may be one"


def test_conditions_combine() -> None:
    words = c.Any((c.Terms(("frobnitz",)), c.Terms(("wibble",))))
    when = c.All((words, c.NoneOf((c.Terms(("please",)),))))
    assert judged(when, "a wibble").hits
    assert not judged(when, "a wibble please").hits
    assert not judged(when, "tulips").hits


def test_a_rule_applies_where_it_is_meant_to() -> None:
    rules = RuleSet([rule(FROBNITZ, where=frozenset({"market"}))])
    post = Post("!r", "@u:x", Seen(("frobnitz",)), NOW)
    assert decide(View(OPEN), rules, post) is ALLOWED
    assert decide(View(Room(("general", "market"))), rules, post).refusal is not None


@given(st.lists(st.sampled_from([True, False, None]), max_size=6))
def test_answers_are_joined_as_three_valued_logic_says(answers: list[bool | None]) -> None:
    parts = [c.Files(n) for n in range(len(answers))]
    given_answers = dict(zip(parts, answers, strict=True))

    def holds(part: Condition) -> bool | None:
        assert isinstance(part, c.Files)
        return given_answers[part]

    known = [[a] if a is not None else [True, False] for a in answers]
    worlds = list(itertools.product(*known))
    for settles, join in ((False, all), (True, any)):
        possible = {join(world) for world in worlds}
        expected = possible.pop() if len(possible) == 1 else None
        assert joined(holds, parts, settles=settles) is expected


_LEAVES: st.SearchStrategy[Condition] = st.sampled_from(
    [
        c.Terms(("frobnitz",)),
        c.Patterns(("wib+le",)),
        c.Links(deny=("example.net",)),
        c.Files(0),
        c.Unverified(),
    ]
)


def _joined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    parts = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return parts.map(c.All) | parts.map(c.Any) | parts.map(c.NoneOf)


_TREES = st.recursive(_LEAVES, _joined, max_leaves=8)


@given(_TREES, st.sampled_from(["", "frobnitz", "wibble", "see example.net", "a frobnitz wibble"]))
def test_a_rule_that_is_looked_at_only_for_its_words_loses_nothing(tree: Condition, text: str) -> None:
    """What `needs_words` spares is never a rule that would apply."""

    def says(part: Condition) -> bool:  # noqa: PLR0911 - one for each kind
        match part:
            case c.Terms():
                return "frobnitz" in text
            case c.Patterns():
                return "wibble" in text
            case c.Links():
                return "example.net" in text
            case c.All(parts):
                return all(map(says, parts))
            case c.Any(parts):
                return any(map(says, parts))
            case c.NoneOf(parts):
                return not any(map(says, parts))
            case _:
                return False

    assert bool(judged(tree, text).hits) is says(tree)


def test_the_gate_needs_nothing_but_the_engines() -> None:
    """What answers inside the homeserver must not bring the service's dependencies with it."""
    code = (
        "import sys\n"
        "import policybot.domain.gate, policybot.domain.seen, policybot.matching.ruleset\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    brought = set(loaded.stdout.split())
    assert {"disarm", "ahocorasick_rs", "re2", "publicsuffixlist", "idna"} <= brought
    assert not brought & {"pydantic", "aiohttp", "mautrix", "asyncpg", "ruamel", "magic", "sqlite3"}


# Posts as they are read -------------------------------------------------------------------------------

COMMAND = {"msgtype": "m.text", "body": "!policy verify"}
SLOWLY = Slow(timedelta(minutes=1))


def asked(view: View, when: Condition = FROBNITZ, content: Any = COMMAND) -> Verdict:
    post = posted("!r", "@u:x", "m.room.message", content, NOW, view.here)
    return decide(view, RuleSet([rule(when)]), post)


def test_who_lacks_something_can_ask_the_bot_for_it_however_slowly_people_write() -> None:
    room = Room(("general",), named=True, slow=SLOWLY)
    assert asked(View(room, STRANGER, last=NOW)) is ALLOWED
    assert asked(View(room, Account(verified=True), last=NOW)) is ALLOWED
    other = asked(View(room, STRANGER), content={"msgtype": "m.text", "body": "!policy verify please"})
    assert other.refusal is not None


def test_but_no_measure_no_suspended_room_and_no_rule_is_passed_by_that() -> None:
    for view, when, code in (
        (View(NAMED, curbed=Curb("C-1")), FROBNITZ, Code.CURBED),
        (View(Room(("general",), limited=True), STRANGER), FROBNITZ, Code.LIMITED),
        (View(OPEN), c.Terms(("verify",)), Code.RULE),
    ):
        refusal = asked(view, when).refusal
        assert refusal is not None
        assert refusal.code is code


def test_the_bot_is_refused_nothing() -> None:
    view = View(Room(("general",), named=True, limited=True), STRANGER, curbed=Curb("C-1"))
    post = Post("!r", view.house.bot, Seen(("frobnitz",)), NOW)
    assert decide(view, RuleSet([rule(FROBNITZ)]), post) is ALLOWED


def test_a_subject_counts_unless_the_room_is_qualified_for_it() -> None:
    said = {"msgtype": "m.text", "body": "Two a day", "org.policybot.subject": "medical"}
    assert declared(said, OPEN) == "medical"
    assert declared(said, None) == "medical"
    assert declared(said, Room(("general",), qualified=("medical",))) is None
    assert declared({"org.policybot.subject": ["medical"]}, OPEN) is None
    assert asked(View(OPEN), c.Unqualified(("medical",)), said).refusal is not None
    assert asked(View(OPEN), c.Unqualified(("legal",)), said).refusal is None


def test_a_rule_is_undecided_where_more_would_have_to_be_known_and_only_there() -> None:
    young = c.NewAccount(timedelta(days=7))
    both = c.All((FROBNITZ, young))
    assert [m.id for m in judged(both).undecided] == ["R1"]
    assert judged(both, "tulips").undecided == ()
    assert judged(both, view=View(OPEN, made_at=NOW)).undecided == ()
    assert judged(young, "tulips").refusal is None
