"""Each act counts once in every table of its kind, whatever is still known of what it is about."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from policybot.domain import figures as rules
from policybot.domain.decision import Nature
from policybot.domain.figures import Facts, Report
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
    assert counted.population == "appeals"
    tables = {table.key: dict(table.labels) for table in BY_KEY["appeals"].tables}
    found = {table: row for table, _, row in (one.partition(":") for one in counted.rows)}
    assert set(found) == set(tables)
    assert [row for table, row in found.items() if row not in tables[table]] == []
    assert rules.of_appeal(replace(facts(kind, scope), removed=True)).rows[1:] == ("removed:yes",)


def test_an_appeal_of_which_the_decision_is_forgotten_counts_as_against_another_measure() -> None:
    counted = rules.of_appeal(None)
    assert list(counted.keys(date(2026, 3, 2))) == [
        ("appeals", ""),
        ("appeals", "month:2026-03"),
        ("appeals", "measure:other"),
        ("appeals", "removed:no"),
    ]
    assert rules.APPEALED in rules.COUNTED


@pytest.mark.parametrize("removed", [True, False])
@pytest.mark.parametrize("found", ["report", "ours"])
@pytest.mark.parametrize("tag", ["decision:final", "appeal:overturn"])
def test_what_counts_in_two_tables_counts_where_they_cross(
    tag: str, found: str, *, removed: bool
) -> None:
    one = replace(facts(), found=found, removed=removed, flagged=True)
    (counted,) = rules.of_decision(tag, one, AT + timedelta(hours=3))
    decided = "on_reports" if found == "report" else "own"
    assert counted.population == ("verdicts" if tag.startswith("appeal:") else decided)
    rows = {row for _, row in counted.keys(date(2026, 3, 2))}
    for table in BY_KEY[counted.population].tables:
        if table.of is not None:
            (pair,) = (
                row.removeprefix(f"{table.key}:") for row in rows if row.startswith(f"{table.key}:")
            )
            assert {f"{axis}:{row}" for axis, row in zip(table.of, pair.split("/"), strict=True)} <= rows
    assert len(rows) == 2 + len(BY_KEY[counted.population].tables)


def test_an_objection_counts_by_whose_report_it_is_about_also_where_that_is_forgotten() -> None:
    report = Report("command", "R1", AT, flagged=True)
    took = timedelta(hours=3)
    assert rules.of_objection("complaint:submit", report, took).rows == ("flagger:yes",)
    assert rules.of_objection("complaint:submit", None, took).rows == ("flagger:no",)
    decided = list(rules.of_objection("complaint:overturn", report, took).keys(date(2026, 3, 2)))
    assert decided[-3:] == [
        ("reconsidered", "answer:4 hours"),
        ("reconsidered", "flagger*verdict:yes/overturn"),
        ("reconsidered", "flagger*answer:yes/4 hours"),
    ]
    assert rules.OBJECTIONS < rules.COUNTED
