"""The names of servers, and what is written into the ACL of a room."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import server
from policybot.domain.effects import dump, inverse, load, target
from policybot.domain.room_measure import AdmitServer, DenyServer

ROOM = "!garden:example.org"
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z][a-z0-9]{0,8}){1,3}", fullmatch=True)
ACLS = st.none() | st.dictionaries(
    st.sampled_from(["allow", "deny", "allow_ip_literals", "else"]),
    st.lists(NAMES | st.sampled_from(["*", "*.example"])) | st.booleans(),
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("example.net", "example.net"),
        ("Example.NET:8448", "example.net"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("192.0.2.1:8008", "192.0.2.1"),
        ("[2001:DB8::1]:8448", "[2001:db8::1]"),
    ],
)
def test_a_name_is_the_same_in_capitals_and_with_a_port(text: str, name: str) -> None:
    assert server.read(text) == name


@pytest.mark.parametrize(
    "text",
    [
        *("", "localhost", "R1.2", "*.example.net", "example.net/x", "-a.net", "a-.net", "a..net"),
        *(".net", "a.net:", "a.net:123456", "bücher.example", "a.net\n", "@a:a.net", "#a:a.net"),
        *("a" * 64 + ".net", "a." * 120 + "net", "a.net b.net", "ａ.net", "[::1", "1.2.3"),
    ],
)
def test_what_is_no_name_is_none(text: str) -> None:
    assert server.read(text) is None


@given(st.text())
def test_whatever_somebody_writes_a_name_is_safe_to_write_on(text: str) -> None:
    name = server.read(text)
    assert name is None or (name.isascii() and name.isprintable() and server.read(name) == name)
    assert name is None or not set(name) & set("*? /#@!<>")


@pytest.mark.parametrize(("word", "typed"), [("example.net", True), ("R1.A", False), ("R2", False)])
def test_the_number_of_a_rule_is_not_taken_for_a_server(word: str, typed: bool) -> None:
    assert server.is_typed(word) is typed


@given(ACLS, NAMES, NAMES)
def test_what_was_written_is_taken_out_again_and_all_else_stays(
    acl: dict[str, Any] | None, name: str, other: str
) -> None:
    """I7: the inverse gives back what was there; a room without an ACL lets everybody take part."""
    had = {"allow": ["*"], "deny": []} if acl is None else acl
    with_it = server.without(acl, name)
    assert name in server.denied(with_it)
    assert server.without(with_it, name) == with_it, "twice is once"
    assert server.denied(with_it) == server.denied(had) | {name}
    assert {k: v for k, v in with_it.items() if k != "deny"} == {
        k: v for k, v in had.items() if k != "deny"
    }
    if name not in server.denied(had):
        assert server.listed(server.again(with_it, name), "deny") == server.listed(had, "deny")
    later = server.without(with_it, other)
    if other != name:
        assert other in server.denied(server.again(later, name)), "what came meanwhile is kept"


def test_the_effect_knows_its_inverse_and_each_server_is_remembered_by_itself() -> None:
    deny = DenyServer(ROOM, "example.net")
    assert inverse(deny) == AdmitServer(ROOM, "example.net")
    assert inverse(AdmitServer(ROOM, "example.net")) == deny
    assert target(deny) == target(AdmitServer(ROOM, "example.net"))
    assert target(deny) != target(DenyServer(ROOM, "third.net"))
    assert load(*dump(deny)) == deny
