"""Each act counts once in every table of its kind, whatever is still known of what it is about."""

from datetime import date, timedelta

import pytest

from policybot.domain import figures as rules
from policybot.domain.decision import Nature
from policybot.domain.figures import Facts
from policybot.domain.ladder import Scope, Severity
from policybot.domain.measure import Kind
from policybot.domain.population import BY_KEY
from tests.domain.test_statement import AT


def facts(kind: Kind = Kind.SUSPEND, scope: Scope = Scope.ACCOUNT) -> Facts:
    return Facts(
        nature=Nature.DECISION,
        rule="R1",
        scope=scope,
        kind=kind,
        severity=Severity.S3,
        removed=False,
        confirmed=True,
        listed=False,
        found="report",
        opened_at=AT,
        decided_at=AT + timedelta(hours=1),
        ends_at=None,
        appealed_at=AT + timedelta(hours=2),
    )


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("scope", Scope)
def test_an_appeal_counts_by_what_it_is_against_in_a_row_that_is_published(
    kind: Kind, scope: Scope
) -> None:
    counted = rules.of_appeal(facts(kind, scope))
    (table,) = BY_KEY["appeals"].tables
    assert counted.population == "appeals"
    assert [row.partition(":")[2] in dict(table.labels) for row in counted.rows] == [True]


def test_an_appeal_of_which_the_decision_is_forgotten_counts_as_against_another_measure() -> None:
    counted = rules.plain(rules.APPEALED)
    assert counted is not None
    assert list(counted.keys(date(2026, 3, 2))) == [
        ("appeals", ""),
        ("appeals", "month:2026-03"),
        ("appeals", "measure:other"),
    ]
    assert rules.APPEALED in rules.COUNTED
