"""A decision says why, is confirmed by another person in time, and binds exactly what was shown."""

from datetime import UTC, datetime, timedelta

import pytest

from policybot.domain import decision as rules
from policybot.domain.closure import Earlier
from policybot.domain.decision import Approval, Decision, Nature, State
from policybot.domain.errors import Incomplete, NotPermitted, OutOfOrder
from policybot.domain.ladder import Act, History, Scope, Severity, propose
from policybot.domain.measure import Kind, Measure
from policybot.domain.mechanism import MACHINE
from policybot.domain.statement import MIN_FACTS
from tests.ladders import LADDER

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
NOBODY = frozenset[str]()
LONG = "x" * MIN_FACTS


def decision(**changes: object) -> Decision:
    parts: dict[str, object] = {
        "id": 1,
        "case_id": 7,
        "state": State.FINAL,
        "policy_hash": "hash",
        "rule_id": "R1",
        "scope": Scope.MEMBER,
        "scope_key": "!room tom",
        "severity": Severity.S2,
        "history": History.H0,
        "measure": Measure(Kind.WARN),
        "remove": False,
        "facts": "facts",
        "explanation": (),
        "occurred_at": NOW,
        "decided_at": NOW,
        "decider": "mira",
    }
    return Decision(**(parts | changes))  # type: ignore[arg-type]  # the fields' own names


def approval(*, needs_other: bool = True) -> Approval:
    return Approval("CODE", "decision 1", "binding", "mira", needs_other, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"case_id": 8},
        {"policy_hash": "other"},
        {"rule_id": "R2"},
        {"scope": Scope.ACCOUNT},
        {"scope_key": "tom"},
        {"severity": Severity.S3},
        {"history": History.H1},
        {"measure": Measure(Kind.ADVISE)},
        {"remove": True},
        {"span": timedelta(hours=1)},
        {"facts": "others"},
        {"user_id": "@tom:example.org"},
        {"room_id": "!room"},
        {"evidence": "sha"},
        {"factors": frozenset({"evasion"})},
        {"why": "because"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_is_confirmed_is_bound_in_every_part(changes: dict[str, object]) -> None:
    assert decision(**changes).binding != decision().binding


def test_who_decided_when_and_what_became_of_it_does_not_change_what_is_bound() -> None:
    later = decision(id=2, state=State.PENDING, decider="otto", decided_at=NOW + timedelta(days=1))
    assert later.binding == decision().binding


def test_a_person_knows_when_they_read_it_and_at_the_latest_some_time_after_it_was_sent() -> None:
    days = timedelta(days=3)
    assert decision().notified_at(days) is None
    assert decision(told_at=NOW).notified_at(days) == NOW + days
    soon, late = NOW + timedelta(days=1), NOW + timedelta(days=9)
    assert decision(told_at=NOW, read_at=soon).notified_at(days) == soon
    assert decision(told_at=NOW, read_at=late).notified_at(days) == NOW + days


def test_a_suspension_and_a_closure_ask_once_more_and_a_hold_is_no_decision() -> None:
    grave = [kind for kind in Kind if decision(measure=_of(kind)).grave]
    assert grave == [Kind.SUSPEND, Kind.CLOSE]
    assert decision(nature=Nature.HOLD).interim
    assert not decision().interim
    assert decision(decider=MACHINE).automatic
    assert not decision().automatic


def _of(kind: Kind) -> Measure:
    return Measure(kind, timedelta(days=1) if kind.timed else None)


def test_a_decision_is_called_by_its_case() -> None:
    assert decision().number == "C-7"
    assert decision().version == 1


def test_why_stands_behind_the_facts() -> None:
    assert rules.parted("facts // why") == ("facts", "why")
    assert rules.parted("see http://example.org // why // more") == (
        "see http://example.org",
        "why // more",
    )
    assert rules.parted("facts alone") == ("facts alone", "")


def test_i9_who_leaves_the_proposal_or_weighs_factors_says_why() -> None:
    proposal = propose(LADDER, Act(Scope.MEMBER, "tom", Severity.S2, NOW, NOW, "this"), [])
    other, factors = Measure(Kind.ADVISE), frozenset({"evasion"})
    rules.check_discretion(proposal, proposal.cell, NOBODY, "")
    rules.check_discretion(proposal, other, NOBODY, LONG)
    rules.check_discretion(proposal, proposal.cell, factors, LONG)
    with pytest.raises(Incomplete, match="not the proposed warn"):
        rules.check_discretion(proposal, other, NOBODY, LONG[1:])
    with pytest.raises(Incomplete, match="factors are considered"):
        rules.check_discretion(proposal, proposal.cell, factors, "")


def test_who_closes_a_room_before_all_was_tried_says_why() -> None:
    rules.check_tried((), "")
    rules.check_tried((Earlier.SUSPEND,), LONG)
    with pytest.raises(Incomplete, match="asks for a suspension of the room, and that was not"):
        rules.check_tried((Earlier.SUSPEND,), LONG[1:])


def test_i12_another_person_confirms_who_is_no_party_and_before_the_proposal_expires() -> None:
    before = NOW - timedelta(seconds=1)
    rules.confirmable(approval(), "otto", before, NOBODY)
    rules.confirmable(approval(needs_other=False), "mira", before, NOBODY, frozenset({"mira"}))
    with pytest.raises(OutOfOrder, match="has expired"):
        rules.confirmable(approval(), "otto", NOW, NOBODY)
    with pytest.raises(NotPermitted, match="second person"):
        rules.confirmable(approval(), "mira", before, NOBODY)
    with pytest.raises(NotPermitted, match="second person"):
        rules.confirmable(approval(), "mira2", before, NOBODY, frozenset({"mira2"}))
    with pytest.raises(NotPermitted, match="a party"):
        rules.confirmable(approval(), "otto", before, frozenset({"otto"}))


def test_what_happens_is_bound_with_whom_it_tells_and_who_may_decide_it() -> None:
    made = {
        rules.bound(decision(), [], ["tom"], "text", alone=True),
        rules.bound(decision(facts="others"), [], ["tom"], "text", alone=True),
        rules.bound(decision(), [], ["lea"], "text", alone=True),
        rules.bound(decision(), [], ["tom"], "other text", alone=True),
        rules.bound(decision(), [], ["tom"], "text", alone=False),
    }
    assert len(made) == 5
