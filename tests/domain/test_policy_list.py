"""Policy lists of others: anything may stand in them, and what they name is told apart exactly."""

import base64
import fnmatch
import hashlib
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import policy_list
from policybot.domain.policy_list import MOST_REASON, MOST_WILD, Kind, Rule, glob, read, read_all
from tests.lists import rule

OURS = "example.org"
EVE = "@eve:elsewhere.net"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def wanted(event: Any) -> Rule:
    found = read(event, OURS)
    assert found is not None
    return found


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_a_glob_means_what_the_specification_says(pattern: str, text: str) -> None:
    regex = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    assert glob(pattern, text) == bool(re.fullmatch(regex, text, re.DOTALL))
    assert glob(pattern, text) == fnmatch.fnmatchcase(text, pattern)


def test_no_glob_takes_longer_than_its_length_allows() -> None:
    began = time.process_time()
    assert not glob("*a" * 120 + "b", "a" * 255)
    assert time.process_time() - began < 0.5


@given(JSON, st.sampled_from(sorted(policy_list.KINDS)), JSON)
def test_whatever_stands_in_a_list_is_read_or_left(content: Any, kind: str, key: Any) -> None:
    read({"type": kind, "state_key": key, "content": content}, OURS)
    read(content, OURS)
    read_all([content, {"type": kind, "state_key": key, "content": content}], OURS)


NO_RULES: dict[str, Any] = {
    "another recommendation": rule(EVE, recommendation="m.allow"),
    "a recommendation that is a list": rule(EVE, recommendation=["m.ban"]),
    "an entity that is a list": rule([EVE]),
    "an entity that is a number": rule(7),
    "two lines": rule("@eve\n:elsewhere.net"),
    "turned round": rule("@eve\u202e:elsewhere.net"),
    "too long": rule("@" + "e" * 300 + ":elsewhere.net"),
    "a forged hash": rule("sha256:" + "A" * 43),
    "half a hash": rule("", hashes={"sha256": "short"}),
    "a list of hashes": rule("", hashes=["sha256"]),
    "another type": {**rule(EVE), "type": "m.room.member"},
    "taken back": {**rule(EVE), "content": {}},
    "no state": {**rule(EVE), "state_key": None},
}


@pytest.mark.parametrize("event", NO_RULES.values(), ids=NO_RULES)
def test_what_is_no_rule_is_none(event: Any) -> None:
    assert read(event, OURS) is None


@pytest.mark.parametrize(
    ("entity", "kind", "why"),
    [
        ("*", "user", "it names everybody"),
        ("@*:*", "user", "it names everybody"),
        ("@?*:*.*", "user", "it names everybody"),
        ("*", "server", "it names everybody"),
        ("*.*", "server", "it names everybody"),
        ("#*", "room", "it names everybody"),
        ("@*:example.org", "user", "it names everybody on our own server"),
        ("@*:*.org", "user", "it names everybody on our own server"),
        ("example.org", "server", "it names our own server"),
        ("*.org", "server", "it names our own server"),
        ("@spam*:*", "user", ""),
        ("@*:elsewhere.net", "user", ""),
        ("*.evil.net", "server", ""),
        ("example.org", "user", ""),
    ],
)
def test_a_rule_that_names_everybody_or_all_of_ours_is_ignored(entity: str, kind: str, why: str) -> None:
    assert wanted(rule(entity, kind=kind)).ignored == why


@pytest.mark.parametrize("field", ["hashes", "org.matrix.msc4205.hashes"])
def test_a_hash_names_whom_one_meets(field: str) -> None:
    digest = base64.b64encode(hashlib.sha256(EVE.encode()).digest()).decode()
    for written in (digest, digest.rstrip("="), digest.replace("+", "-").replace("/", "_")):
        content: dict[str, Any] = {field: {"sha256": written}}
        found = wanted(rule("", **content))
        assert found.hashed
        assert found.entity == policy_list.hashed(EVE)


def test_a_takedown_is_a_report_like_the_others() -> None:
    for word in ("m.takedown", "org.matrix.msc4204.takedown"):
        assert wanted(rule(EVE, recommendation=word)).takedown
    assert wanted(rule(EVE, recommendation="org.matrix.mjolnir.ban")).recommends == "to ban"


def test_a_list_cannot_speak_as_we_do_behind_its_own_words() -> None:
    forged = "spam». It names nobody else. The police confirmed it, so close the account"
    told = policy_list.said(wanted(rule(EVE, reason=forged)), EVE)
    assert told.endswith("close the account».")
    assert told.count("»") == 1
    glob = policy_list.quoted(wanted(rule("@e*» and all of ours «*:elsewhere.net")))
    assert (glob.count("«"), glob.count("»")) == (1, 1)


def test_a_reason_is_one_clean_line_and_cut() -> None:
    found = wanted(rule(EVE, "Spam\n\n!policy confirm ABC \u202edetrever " + "x" * 65_000))
    assert "\n" not in found.reason
    assert "\u202e" not in found.reason
    assert len(found.reason) <= MOST_REASON
    assert wanted(rule(EVE, {"a": "b"})).reason == ""


def test_an_old_type_counts_no_more_once_a_new_one_stands_under_its_key() -> None:
    old = {**rule(EVE), "type": "org.matrix.mjolnir.rule.user"}
    assert [r.entity for r in read_all([old], OURS)[0]] == [EVE]
    gone = {**rule(EVE), "content": {}}
    for events in ([old, gone], [gone, old]):
        assert read_all(events, OURS) == ([], 0)


def test_of_a_huge_list_so_much_is_kept_as_we_can_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_list, "MOST", 500)
    many = [rule(f"@u{n}:elsewhere.net") for n in range(600)]
    kept, left_out = read_all(many, OURS)
    assert (len(kept), left_out) == (500, 100)
    vague = [rule(f"*spam{n}*") for n in range(MOST_WILD + 7)]
    kept, left_out = read_all(vague, OURS)
    assert (len(kept), left_out) == (MOST_WILD, 7)


def test_a_server_is_named_without_its_port() -> None:
    assert policy_list.server_of("@a:example.org:8448") == "example.org"
    assert policy_list.server_of("@a:[::1]:8448") == "[::1]:8448"
    assert Rule(Kind.USER, "", "@*:b.net:8448", "").tail == "b.net:8448"
