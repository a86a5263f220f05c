"""The module's answers, apart from a homeserver."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain.condition import NewAccount, Terms
from policybot.domain.mechanism import Mechanism, Then
from policybot.domain.rules import Rule
from policybot.domain.view import Creation, Curb
from policybot.gate.link import Compiled
from policybot.gate.wire import Head, Page
from policybot.matching.ruleset import RuleSet
from tests.feeding import house
from tests.gating import Api, ConfigError, Gate, SynapseError, at_once, event, gate
from tests.viewing import GOOD, NAMED

ROOM, TOM, ANNA = "!r:a.example", "@tom:a.example", "@anna:a.example"
REFUSE = frozenset({Then.REFUSE})
WORD = Mechanism(Rule("R1", "t", "x"), Terms(("frobnitz",)), then=REFUSE)
YOUNG = Mechanism(Rule("R2", "t", "x"), NewAccount(timedelta(days=1)), then=REFUSE)
PAGE = Page(1, Head(house(creation=Creation.FILED), 1), True, rooms={ROOM: NAMED}, accounts={ANNA: GOOD})


def test_only_what_is_asked_in_memory_is_registered() -> None:
    api = Api()
    gate(api)
    assert set(api.registered) == {
        "check_event_for_spam",
        "user_may_join_room",
        "user_may_invite",
        "user_may_send_3pid_invite",
        "user_may_create_room_alias",
        "user_may_publish_room",
        "check_media_file_for_spam",
        "on_create_room",
        "is_user_allowed_to_upload_media_of_size",
    }
    assert len(api.background) == 2


def test_an_answer_waits_for_nothing_and_a_refusal_has_all_that_a_client_needs() -> None:
    made = gate(Api(), PAGE, WORD)
    assert at_once(made.check_event_for_spam(event(ROOM, ANNA))) == "NOT_SPAM"
    code, told = cast(
        tuple[Any, dict[str, Any]],
        at_once(made.check_event_for_spam(event(ROOM, ANNA, body="Frobnitz"))),
    )
    assert code.value == told["errcode"] == "M_FORBIDDEN"
    assert told.keys() == {
        "errcode",
        "error",
        "org.policybot.code",
        "org.policybot.link",
        "org.policybot.rule",
    }
    assert len(made._link.tally) == 1


def test_members_of_other_homeservers_and_what_is_taken_back_pass_and_others_may_not_invite() -> None:
    made = gate(Api(), PAGE, WORD)
    assert at_once(made.check_event_for_spam(event(ROOM, "@tom:b.example"))) == "NOT_SPAM"
    assert at_once(made.user_may_invite("@tom:b.example", ANNA, ROOM)) == "NOT_SPAM"
    assert at_once(made.user_may_send_3pid_invite(ANNA, "email", "x@a.example", ROOM)) == "NOT_SPAM"
    assert at_once(made.user_may_send_3pid_invite(TOM, "email", "x@a.example", ROOM)) != "NOT_SPAM"
    assert at_once(made.user_may_join_room("@tom:b.example", ROOM, is_invited=False)) == "NOT_SPAM"
    assert at_once(made.check_event_for_spam(event(ROOM, TOM, "m.room.redaction"))) == "NOT_SPAM"
    assert at_once(made.check_event_for_spam(event(ROOM, TOM))) != "NOT_SPAM"


def test_how_old_an_account_is_is_asked_once_and_only_if_a_rule_asks() -> None:
    api = Api(info=SimpleNamespace(creation_ts=datetime.now(UTC).timestamp() - 60, appservice_id=None))
    made = gate(api, PAGE, YOUNG)
    assert at_once(made.check_event_for_spam(event(ROOM, ANNA))) == "NOT_SPAM"
    made._link.compiled = Compiled("1", RuleSet([YOUNG]), ages=True)
    assert at_once(made.check_event_for_spam(event(ROOM, ANNA))) != "NOT_SPAM"
    api.info = None
    assert at_once(made.check_event_for_spam(event(ROOM, ANNA))) != "NOT_SPAM"


def test_who_may_not_make_a_room_is_told_why_and_a_broken_wish_harms_nothing() -> None:
    made = gate(Api(), PAGE)
    requester = SimpleNamespace(user=SimpleNamespace(to_string=lambda: TOM))
    asking = made.on_create_room(cast(Any, requester), {"visibility": "public"}, is_requester_admin=True)
    with pytest.raises(SynapseError) as refused:
        at_once(asking)
    assert refused.value.code == 403
    assert "filed here first" in refused.value.msg
    for wish in ({}, {"initial_state": [7, {"type": "m.room.join_rules"}], "room_alias_name": 7}):
        at_once(made.on_create_room(cast(Any, requester), wish, is_requester_admin=False))


@pytest.mark.parametrize(
    "ask",
    [
        lambda made: made.check_event_for_spam(event(ROOM, TOM)),
        lambda made: made.user_may_join_room(TOM, ROOM, is_invited=True),
        lambda made: made.user_may_invite(TOM, ANNA, ROOM),
        lambda made: made.user_may_create_room_alias(TOM, SimpleNamespace(localpart="PB-2026-1-A")),
        lambda made: made.user_may_publish_room(TOM, ROOM),
        lambda made: made.check_media_file_for_spam(SimpleNamespace(path="/nowhere"), SimpleNamespace()),
    ],
    ids=["post", "join", "invite", "alias", "publish", "file"],
)
def test_a_mistake_of_ours_refuses_nothing_and_is_logged_once_a_minute(
    ask: Callable[[Gate], Any], caplog: pytest.LogCaptureFixture
) -> None:
    made = gate(Api(), PAGE)
    made._view = cast(Any, None)
    made._link.replica = cast(Any, None)
    for _ in range(3):
        assert at_once(ask(made)) == "NOT_SPAM"
    assert caplog.text.count("The gate made a mistake") == 1
    assert made._mistakes == 3


def test_a_bot_of_another_homeserver_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    page = replace(PAGE, head=Head(house("b.example"), 1))
    made = gate(Api(), page, WORD)
    for _ in range(3):
        assert at_once(made.check_event_for_spam(event(ROOM, ANNA, body="frobnitz"))) == "NOT_SPAM"
    assert caplog.text.count("@policybot:b.example") == 1
    assert "homeserver.server_name" in caplog.text


@pytest.mark.parametrize(
    "name",
    [
        "P\u0412-2026-000123-7K",
        "\u0420\u0392-2026-000123-7K",
        "P\u200bB-2026-000123-7K",
        "\uff30\uff22-\uff12\uff10\uff12\uff16-000123-7K",
        "PB\u20132026\u2013000123\u20137K",
        "PB-2O26-OOOI23-7K",
    ],
)
def test_an_address_that_only_looks_like_a_record_number_is_refused_as_well(name: str) -> None:
    page = Page(1, Head(house(prefix="PB"), 1), True)
    made = gate(Api(), page)
    alias = cast(Any, SimpleNamespace(localpart=name))
    assert at_once(made.user_may_create_room_alias(TOM, alias)) != "NOT_SPAM"
    free = cast(Any, SimpleNamespace(localpart="g\u00e4rten-2026"))
    assert at_once(made.user_may_create_room_alias(TOM, free)) == "NOT_SPAM"


def test_a_long_message_is_read_aside_and_judged_by_what_is_known_afterwards() -> None:
    aside: list[str] = []

    class Slow(Api):
        async def defer_to_thread(self, work: Callable[..., Any], *args: Any) -> Any:
            aside.append("read")
            answer = work(*args)
            if len(aside) == 2:
                made._view._curbs[ANNA] = (Curb("D-1"),)
            return answer

    made = gate(Slow(), PAGE, WORD)
    assert at_once(made.check_event_for_spam(event(ROOM, ANNA, body="a frobnitz"))) != "NOT_SPAM"
    assert not aside, "a short one is read at once"
    long = "tulips " * 1_000
    assert at_once(made.check_event_for_spam(event(ROOM, ANNA, body=f"{long} frobnitz"))) != "NOT_SPAM"
    answer = at_once(made.check_event_for_spam(event(ROOM, ANNA, body=long)))
    assert answer != "NOT_SPAM"
    assert answer[1]["org.policybot.code"] == "curbed"
    made._view._curbs.clear()
    for long_one in ({"body": long}, {"junk": [0] * 5_000}, {"m.text": [{"body": "a"}] * 500}):
        assert at_once(made.check_event_for_spam(event(ROOM, ANNA, **long_one))) == "NOT_SPAM"
    assert len(aside) == 5


def test_who_is_in_a_room_of_publishers_already_may_change_their_name_there() -> None:
    page = replace(PAGE, rooms={ROOM: replace(NAMED, guarded=True)})
    api = Api()
    made = gate(api, page)
    assert at_once(made.user_may_join_room(TOM, ROOM, is_invited=False)) != "NOT_SPAM"
    for membership, passes in (("join", True), ("invite", False), ("leave", False), (5, False)):
        api.members[TOM] = membership
        answer = at_once(made.user_may_join_room(TOM, ROOM, is_invited=False))
        assert (answer == "NOT_SPAM") is passes
    assert len(made._link.tally._waiting) == 1


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text()
            | st.sampled_from(
                ["body", "m.text", "m.relates_to", "m.mentions", "type", "content", "url"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(ODD, ODD, ODD)
def test_whatever_is_asked_is_answered_without_a_mistake(one: Any, other: Any, more: Any) -> None:
    page = replace(PAGE, head=Head(house(creation=Creation.FILED, prefix="PB", listed=True), 1))
    made = gate(Api(), page, WORD)
    requester = cast(Any, SimpleNamespace(user=SimpleNamespace(to_string=lambda: TOM)))
    for kind in ("m.room.message", "m.room.topic", "m.reaction", "m.poll.start", str(one)):
        asked = event(ROOM, ANNA, kind)
        cast(Any, asked).content = other if isinstance(other, dict) else {"body": other, str(one): more}
        at_once(made.check_event_for_spam(asked))
    at_once(made.user_may_create_room_alias(TOM, cast(Any, SimpleNamespace(localpart=str(one)))))
    for wanted in (one, other, more):
        wish = wanted if isinstance(wanted, dict) else {"initial_state": wanted, "room_alias_name": one}
        with contextlib.suppress(SynapseError):
            at_once(made.on_create_room(requester, wish, is_requester_admin=False))
    assert made._mistakes == 0


def test_a_wrong_configuration_is_refused_by_name() -> None:
    with pytest.raises(ConfigError) as wrong:
        Gate.parse_config({"adress": "x"})
    assert wrong.value.path == ["adress"]
