"""The copy of the view in the homeserver."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from policybot.domain.condition import Rate
from policybot.domain.gate import Post
from policybot.domain.publishing import STRANGER, Account
from policybot.domain.seen import NOTHING
from policybot.domain.view import Room, Slow
from policybot.gate.accounts import Accounts
from policybot.gate.replica import Replica
from policybot.gate.wire import Head, Newcomer, Page
from tests.feeding import house
from tests.viewing import GOOD, NAMED

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROOM = "!r:a.example"
TOM = "@tom:a.example"
HEAD = Head(house())
NAMES = st.sampled_from([f"@p{n}:{server}" for n in range(4) for server in ("a.example", "b.example")])
KINDS = st.sampled_from([GOOD, Account(True, 2, "de"), Account(signed=1), STRANGER])


def take(replica: Replica, page: Page) -> int:
    return sum(1 for _ in replica.take(page))


@given(st.lists(st.tuples(st.lists(st.tuples(NAMES, KINDS)), st.booleans()), max_size=6))
def test_after_each_whole_round_exactly_those_are_known_who_came_in_it(
    rounds: list[tuple[list[tuple[str, Account]], bool]],
) -> None:
    accounts = Accounts("@policybot:a.example")
    for came, is_whole in rounds:
        accounts.begin()
        for user_id, account in came:
            accounts.put(user_id, account)
            assert accounts.get(user_id) == account
        if is_whole:
            for _ in accounts.sweep():
                pass
            known = {user_id: account for user_id, account in came if account != STRANGER}
            last = dict(came)
            assert all(accounts.get(user_id) == last.get(user_id, STRANGER) for user_id in known)
            assert len(accounts) == sum(account != STRANGER for account in last.values())


def test_names_that_are_none_harm_nothing() -> None:
    accounts = Accounts("@policybot:a.example")
    for name in ("", "@", ":a.example", "@\ud800:a.example", "@tom:b.example", "@" + "x" * 10_000):
        accounts.put(name, GOOD)
        assert accounts.get(name) == GOOD
    assert accounts.get(TOM) == STRANGER


def test_a_large_page_is_taken_in_steps() -> None:
    replica = Replica()
    replica.begin()
    people = {f"@p{n}:a.example": GOOD for n in range(5000)}
    assert take(replica, Page(1, HEAD, True, accounts=people, rooms={ROOM: NAMED})) == 10
    assert not replica.whole
    assert sum(1 for _ in replica.end(1)) > 100
    assert (replica.whole, replica.clock, len(replica), replica.room(ROOM)) == (True, 1, 5000, NAMED)


def test_what_was_accepted_counts_until_policybot_says_more() -> None:
    replica = Replica()
    replica.begin()
    take(replica, Page(1, HEAD, True, newcomers=[Newcomer(ROOM, TOM, NOW)]))
    for _ in replica.end(1):
        pass
    replica.pace.remember([Rate(2, timedelta(minutes=1))])
    assert replica.is_first(ROOM, TOM)
    assert replica.entered(ROOM, TOM) == NOW
    assert replica.posted(ROOM, TOM, timedelta(minutes=1), NOW) == 1
    replica.accepted(Post(ROOM, TOM, NOTHING, NOW, counts=False), "$d")
    assert replica.is_first(ROOM, TOM), "a reaction is no post"
    replica.accepted(Post(ROOM, TOM, NOTHING, NOW), "$e")
    assert not replica.is_first(ROOM, TOM)
    assert replica.posted(ROOM, TOM, timedelta(minutes=1), NOW) == 3
    assert replica.last_post(ROOM, TOM) is None  # nobody asks: the room is not slow
    take(replica, Page(2, HEAD, rooms={ROOM: Room(("general",), slow=Slow(timedelta(minutes=1)))}))
    replica.accepted(Post(ROOM, TOM, NOTHING, NOW), "$f")
    assert replica.last_post(ROOM, TOM) == NOW
    take(replica, Page(3, HEAD, newcomers=[Newcomer(ROOM, TOM, None)]))
    assert replica.entered(ROOM, TOM) is None
    replica.learn(TOM, NOW)
    assert replica.made(TOM) == NOW
