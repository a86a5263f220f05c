"""Rule sets: what is refused when it is read, what explodes elsewhere, what a link is."""

import time
from datetime import timedelta
from typing import Any

import pytest

from policybot.domain.condition import (
    All,
    Condition,
    Links,
    NoneOf,
    Patterns,
    Rate,
    Terms,
    Unverified,
)
from policybot.domain.condition import Any as AnyOf
from policybot.domain.mechanism import Mechanism, Stage, Then
from policybot.domain.rules import Rule
from policybot.domain.seen import Seen, seen
from policybot.matching.ruleset import EMPTY, RuleRefused, RuleSet, compiled, holds_alone


def mechanism(when: Condition, id: str = "R1", **more: Any) -> Mechanism:  # noqa: A002 - as it is called
    return Mechanism(Rule(id, "A title", "A text"), when, **more)


def refused(when: Condition) -> str:
    with pytest.raises(RuleRefused) as caught:
        compiled([mechanism(when)])
    assert caught.value.rule_id == "R1"
    return caught.value.reason


def links(text: str, **lists: Any) -> bool:
    rules = RuleSet([mechanism(Links(**lists))])
    return holds_alone(rules, seen("m.room.message", {"msgtype": "m.text", "body": text})) is True


@pytest.mark.parametrize(
    "pattern",
    [r"(a+)+$", r"(a|aa)+$", r"(a|a?)+$", r"^(([a-z])+.)+[A-Z]([a-z])+$", r"(.*)*x", r"(x+x+)+y"],
)
def test_patterns_that_explode_elsewhere_take_no_longer_here(pattern: str) -> None:
    rules = RuleSet([mechanism(Patterns((pattern,)))])
    for text in ("a" * 60_000 + "!", "x" * 60_000, "aB" * 30_000):
        begin = time.perf_counter()
        rules.read(Seen((text,)))
        assert time.perf_counter() - begin < 1


@pytest.mark.parametrize("pattern", [r"((a{100}){100}){100}", r"(?=a)b", r"(a)\1", r"[", r"\pL{1,1000}"])
def test_patterns_that_cannot_be_matched_in_linear_time_are_refused(pattern: str) -> None:
    assert pattern in refused(Patterns((pattern,)))


def test_a_slow_rule_is_refused_with_the_time_that_it_takes() -> None:
    slow = "|".join(f".{{1,300}}{letter}" for letter in "ABCDEFGHIJKLMNOPQRST")
    reason = refused(Patterns((slow,)))
    assert "ms for 4 KiB" in reason or "memory" in reason or "too large" in reason


@pytest.mark.parametrize(
    "when",
    [
        Patterns((".*",)),
        Patterns(("",)),
        Patterns(("(?i)[aeiou]|[^a-z]",)),
        NoneOf((Terms(("frobnitz",)),)),
        AnyOf((Patterns((".",)), Rate(3, timedelta(minutes=1)))),
    ],
)
def test_a_rule_that_applies_to_everything_is_refused_with_its_share(when: Condition) -> None:
    assert "100% of ordinary sentences" in refused(when)


def test_what_else_it_asks_for_can_make_it_sound() -> None:
    compiled([mechanism(All((NoneOf((Terms(("please",)),)), Unverified())))])


def test_conditions_too_deep_in_each_other_are_refused() -> None:
    when: Condition = Terms(("frobnitz",))
    for _ in range(8):
        when = All((when,))
    assert "deeper than 8" in refused(when)


def test_a_draft_is_tried_and_left_out() -> None:
    good, bad = mechanism(Terms(("frobnitz",)), stage=Stage.DRAFT), mechanism(Patterns(("[",)))
    assert compiled([good]).mechanisms == ()
    with pytest.raises(RuleRefused):
        compiled([mechanism(bad.when, stage=Stage.DRAFT)])


def test_no_rule_at_all_reads_nothing() -> None:
    assert EMPTY.read(Seen(("frobnitz",))) == ({}, [])


def test_the_version_is_that_of_what_the_rules_say() -> None:
    one = RuleSet([mechanism(Terms(("a b", "c")))]).version
    assert RuleSet([mechanism(Terms(("a b", "c")))]).version == one
    for other in (
        mechanism(Terms(("a b",))),
        mechanism(Patterns(("a b", "c"))),
        mechanism(Terms(("a b", "c")), then=frozenset({Then.REFUSE})),
        mechanism(Terms(("a b", "c")), stage=Stage.SHADOW),
        mechanism(Terms(("a b", "c")), where=frozenset({"general"})),
    ):
        assert RuleSet([other]).version != one
    everything = [mechanism(AnyOf((Unverified(),))), mechanism(All((Unverified(),)))]
    assert len({RuleSet([m]).version for m in everything}) == 2


def test_the_places_of_one_rule_are_sixty_four_at_the_most() -> None:
    rules = RuleSet([mechanism(AnyOf((Terms(("ab",)), Terms(("cd",)))))])
    places, candidates = rules.read(Seen(("ab cd " * 500, "ab " * 500)))
    assert len(candidates) == 1, "a rule is looked at once"
    assert all(len(found) == 64 for found in places.values())


@pytest.mark.parametrize(
    "text",
    [
        "https://example.net/x",
        "see example.net.",
        "(www.example.net)",
        "HTTPS://WWW.EXAMPLE.NET",
        "http://good.org@example.net/",
        "https://example.net\\@good.org",
        "https:\\\\example.net",
        "https://example.net:8080",
        "https://ex%61mple.net",
        "https://a.b.c.d.e.f.g.h.i.j.k.l.m.n.example.net",
        "exam\u200bple.net",
        "https://example。net",
        "https://ｅｘａｍｐｌｅ.net",
        "ftp://example.net",
    ],
)
def test_a_link_is_known_by_its_domain_however_it_is_written(text: str) -> None:
    assert links(text, deny=("example.net",))
    assert not links(text, allow=("example.net",))


@pytest.mark.parametrize(
    "text",
    [
        "notexample.net",
        "example.net.org",
        "https://good.org/example.net",
        "file.txt",
        "e.g.",
        "1.2.3",
        "tom@example.net",
        "@tom:example.net and #garden:example.net",
        "docs/example.net",
        "mxc://example.net/x",
    ],
)
def test_what_only_looks_like_it_is_no_such_link(text: str) -> None:
    assert not links(text, deny=("example.net",))


def test_an_unlisted_link_is_found_by_a_list_of_those_allowed() -> None:
    allowed = {"allow": ("example.org", "docs.example.net")}
    assert not links("https://docs.example.net/a and https://www.example.org", **allowed)
    assert links("https://example.net", **allowed)
    assert links("https://192.0.2.7/x", **allowed)
    assert links("https://[2001:db8::1]/x", **allowed)
    assert links("Look: bücher.example", **allowed) is False, "no such ending is known"
    assert links("Look: bücher.de", **allowed)
    assert links("https://xn--bcher-kva.de", deny=("bücher.de",))


def test_a_link_behind_other_words_is_one() -> None:
    markup = '<a href="https://example.net/x">click &amp; see</a>'
    content = {
        "msgtype": "m.text",
        "body": "click",
        "format": "org.matrix.custom.html",
        "formatted_body": markup,
    }
    rules = RuleSet([mechanism(Links(deny=("example.net",)))])
    assert holds_alone(rules, seen("m.room.message", content)) is True


@pytest.mark.parametrize("domain", ["com", "co.uk", "", "localhost", "a b"])
def test_a_domain_that_nobody_can_have_is_refused(domain: str) -> None:
    assert "is no domain" in refused(Links(deny=(domain,)))


def test_sixty_four_kilobytes_are_read_in_little_time() -> None:
    rules = RuleSet(
        [
            mechanism(Terms(tuple(f"wibble{n}" for n in range(1000)))),
            mechanism(Patterns(tuple(rf"\bwobble-{n}\b" for n in range(100))), "R2"),
            mechanism(Links(deny=("example.net",)), "R3"),
        ]
    )
    for unit in (
        "a",
        "a.",
        "<",
        "&#",
        "wibble1 ",
        "http://",
        "Ж\u200b",
        "https://a.b.",
        "@",
        "a-",
        "。",
    ):
        content = {
            "msgtype": "m.text",
            "body": unit * (65_000 // len(unit)),
            "formatted_body": unit * (65_000 // len(unit)),
        }
        begin = time.perf_counter()
        rules.read(seen("m.room.message", content))
        assert time.perf_counter() - begin < 0.7, unit


def test_a_long_row_of_strokes_does_not_make_links_slow() -> None:
    rules = RuleSet([mechanism(Links(deny=("example.net",)))])
    begin = time.perf_counter()
    rules.read(Seen((("_" * 70 + ".") * 900,)))
    assert time.perf_counter() - begin < 0.3
    for marked in ("_example.net_", "__example.net__", "see __example.net__", "(_example.net_)"):
        assert links(marked, deny=("example.net",)), marked


def test_a_rule_about_links_is_not_refused_because_links_take_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("policybot.matching.ruleset.SLOWEST", 0.0002)
    compiled([mechanism(Links(allow=("example.org",)))])


def test_a_busy_machine_is_no_slow_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(10_000))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(ticks)))
    compiled([mechanism(Terms(("frobnitz",)))])


def test_no_number_of_harmless_links_hides_one_that_counts() -> None:
    rules = RuleSet([mechanism(Links(deny=("example.net",)))])
    for harmless in ("a{}.de", "http://a{}.de/", "http://\u00e4{}.de/", "\u00e4{}.de", "\u00e4{}.zzq"):
        text = " ".join(harmless.format(number) for number in range(3_000)) + " example.net"
        begin = time.thread_time()
        assert rules.read(Seen((text,)))[0], harmless
        assert rules.read(Seen(targets=(text,)))[0], harmless
        assert time.thread_time() - begin < 0.5  # it was 1 s for 60 KB
