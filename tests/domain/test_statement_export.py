"""Statements as the EU's database takes them: valid or refused with the field, and naming nobody."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import statement as statements
from policybot.domain.rules import Ground
from policybot.domain.statement import AccountDecision, Content, Visibility
from policybot.domain.statement_export import (
    A_CALL,
    CATEGORIES,
    COUNTRIES,
    by_rule,
    faults,
    masked,
    request,
)
from tests.domain.test_statement import AT, a_statement, reasons

CATEGORY = "STATEMENT_CATEGORY_OTHER_VIOLATION_TC"


def valid(**changed: Any) -> dict[str, object]:
    made = request(a_statement(), category=CATEGORY, facts="Threatened a neighbour at night")
    return {k: v for k, v in (made | changed).items() if v is not None}


def test_a_statement_on_record_is_written_with_all_that_the_law_names() -> None:
    assert faults(valid()) == ()
    assert valid() == {
        "puid": "C-1-2",
        "decision_visibility": ["DECISION_VISIBILITY_CONTENT_REMOVED"],
        "decision_provision": "DECISION_PROVISION_PARTIAL_SUSPENSION",
        "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        "decision_ground_reference_url": "https://example.org/rules",
        "incompatible_content_ground": "R2 Respect",
        "incompatible_content_explanation": "Do not insult or threaten anybody.",
        "content_type": ["CONTENT_TYPE_TEXT"],
        "category": CATEGORY,
        "territorial_scope": sorted(COUNTRIES),
        "content_date": "2026-03-02",
        "application_date": "2026-03-02",
        "end_date_service_restriction": "2026-03-02",
        "decision_facts": "Threatened a neighbour at night",
        "source_type": "SOURCE_TYPE_OTHER_NOTIFICATION",
        "automated_detection": "No",
        "automated_decision": "AUTOMATED_DECISION_NOT_AUTOMATED",
    }


def test_a_statement_by_law_names_the_law_and_not_the_terms() -> None:
    one = replace(a_statement(), ground=Ground.LAW, ground_name="Section 1 of the Act")
    made = request(one, category=CATEGORY, facts="Something happened")
    assert faults(made) == ()
    assert made["illegal_content_legal_ground"] == "Section 1 of the Act"
    assert not any(name.startswith("incompatible") for name in made)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"puid": "C 1"}, "puid"),
        ({"puid": "x" * 501}, "puid"),
        ({"decision_facts": ""}, "decision_facts"),
        ({"decision_facts": "x" * 5_001}, "decision_facts"),
        ({"incompatible_content_explanation": "x" * 2_001}, "incompatible_content_explanation"),
        ({"incompatible_content_ground": "x" * 501}, "incompatible_content_ground"),
        ({"incompatible_content_ground": None}, "incompatible_content_ground"),
        ({"illegal_content_legal_ground": "both"}, "illegal_content_legal_ground"),
        ({"decision_ground": "DECISION_GROUND_TASTE"}, "decision_ground"),
        ({"category": None}, "category"),
        ({"category": "spam"}, "category"),
        ({"category": "STATEMENT_CATEGORY_SCOPE_OF_PLATFORM_SERVICE"}, "category"),
        ({"content_type": []}, "content_type"),
        ({"content_type": ["CONTENT_TYPE_OTHER"]}, "content_type_other"),
        ({"content_type_other": "a poem"}, "content_type_other"),
        ({"content_date": None}, "content_date"),
        ({"content_date": "1999-12-31"}, "content_date"),
        ({"content_date": "2026-02-30"}, "content_date"),
        ({"application_date": "2019-12-31"}, "application_date"),
        ({"application_date": "2026-03-02 09:00"}, "application_date"),
        ({"end_date_service_restriction": "2038-01-02"}, "end_date_service_restriction"),
        ({"end_date_service_restriction": "2026-03-01"}, "end_date_service_restriction"),
        ({"source_type": "SOURCE_ASTROLOGY"}, "source_type"),
        ({"automated_detection": "yes"}, "automated_detection"),
        ({"automated_decision": "Yes"}, "automated_decision"),
        ({"territorial_scope": ["DE", "XX"]}, "territorial_scope"),
        ({"territorial_scope": None}, "territorial_scope"),
        ({"territorial_scope": []}, "territorial_scope"),
        ({"category": "STATEMENT_CATEGORY_NOT_SPECIFIED_ORDER"}, "category"),
        ({"category_specification": ["KEYWORD_SPAM"]}, "category_specification"),
        ({"category_specification_other": "x" * 501}, "category_specification_other"),
        ({"content_language": "german"}, "content_language"),
        ({"decision_ground_reference_url": "rules"}, "decision_ground_reference_url"),
        ({"decision_visibility": ["REMOVED"]}, "decision_visibility"),
        ({"decision_visibility": "DECISION_VISIBILITY_CONTENT_REMOVED"}, "decision_visibility"),
        ({"content_type": "CONTENT_TYPE_OTHER"}, "content_type"),
        ({"decision_facts": 7}, "decision_facts"),
        ({"decision_ground_reference_url": 7}, "decision_ground_reference_url"),
        ({"decision_ground_reference_url": f"https://{'x' * 493}"}, "decision_ground_reference_url"),
        ({"content_date": "20260302"}, "content_date"),
        ({"content_date": "2038-01-02"}, "content_date"),
        ({"application_date": "2038-01-02", "end_date_service_restriction": None}, "application_date"),
    ],
)
def test_what_the_database_would_not_take_is_named(changed: dict[str, Any], named: str) -> None:
    found = faults(valid(**changed))
    assert [one.partition(":")[0] for one in found] == [named]


@pytest.mark.parametrize(
    "field",
    [
        *("puid", "decision_ground", "incompatible_content_ground", "incompatible_content_explanation"),
        *("content_type", "category", "territorial_scope", "content_date", "application_date"),
        *("decision_facts", "source_type", "automated_detection", "automated_decision"),
    ],
)
def test_what_the_database_needs_is_named_where_it_is_missing(field: str) -> None:
    assert [one.partition(":")[0] for one in faults(valid(**{field: None}))] == [field]


@pytest.mark.parametrize(
    "changed",
    [
        {"puid": "x" * 500},
        {"decision_facts": "x" * 5_000},
        {"incompatible_content_ground": "x" * 500},
        {"incompatible_content_explanation": "x" * 2_000},
        {"decision_ground_reference_url": f"https://{'x' * 492}"},
        {"category_specification_other": "x" * 500},
        {"content_date": "2000-01-01"},
        {"content_date": "2038-01-01"},
        {"application_date": "2020-01-01"},
        {"application_date": "2038-01-01", "end_date_service_restriction": None},
        {"end_date_service_restriction": "2038-01-01"},
    ],
)
def test_the_bounds_of_the_database_themselves_are_taken(changed: dict[str, Any]) -> None:
    assert faults(valid(**changed)) == ()


def test_a_hundred_statements_are_taken_in_a_call() -> None:
    """Source: «API documentation» of the database, «Creating Multiple Statements»."""
    assert A_CALL == 100


def test_languages_are_written_as_the_database_does() -> None:
    one = replace(a_statement(), content_language="de", account=AccountDecision.SUSPENDED)
    made = request(one, category=CATEGORY, facts="x" * 9)
    assert (made["content_language"], made["decision_account"]) == ("DE", "DECISION_ACCOUNT_SUSPENDED")
    assert faults(made) == ()
    assert json.loads(json.dumps(made)) == made, "they are plain words in a file"


def test_the_categories_are_those_of_the_databases_documentation() -> None:
    """Source: «API documentation» of the database, schema of 1 July 2025, `category`."""
    assert len(CATEGORIES) == 16
    assert "STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE" in CATEGORIES
    assert len(COUNTRIES) == 30


def test_a_keyword_tells_more_and_another_one_is_told_by_the_rule() -> None:
    one = a_statement()
    made = request(one, category=CATEGORY, facts="x" * 9, keyword="KEYWORD_NUDITY", title="Clothes")
    assert made["category_specification"] == ["KEYWORD_NUDITY"]
    assert "category_specification_other" not in made
    other = request(one, category=CATEGORY, facts="x" * 9, keyword="KEYWORD_OTHER", title="Clothes")
    assert other["category_specification"] == ["KEYWORD_OTHER"]
    assert other["category_specification_other"] == "Clothes"
    assert (faults(made), faults(other)) == ((), ())
    assert "category_specification" not in valid()


def test_what_was_over_before_it_was_carried_out_ends_on_the_day_on_which_it_was() -> None:
    """The homeserver was away for longer than a hold lasts."""
    late = replace(
        a_statement(),
        application_date=AT + timedelta(days=4),
        service_ends_at=AT + timedelta(days=3),
        account_ends_at=AT + timedelta(days=9),
        visibility_ends_at=None,
    )
    made = request(late, category=CATEGORY, facts="x" * 9)
    ends = [made.get(f"end_date_{what}_restriction") for what in ("service", "account", "visibility")]
    assert ends == ["2026-03-06", "2026-03-11", None]
    assert faults(made) == ()


def test_where_a_restriction_is_limited_to_a_country_only_that_is_named() -> None:
    made = request(replace(a_statement(), territory=("DE",)), category=CATEGORY, facts="x" * 9)
    assert made["territorial_scope"] == ["DE"]


def test_content_without_a_type_of_its_own_says_what_it_may_be() -> None:
    made = request(replace(a_statement(), content=(Content.OTHER,)), category=CATEGORY, facts="x" * 9)
    assert "message" in str(made["content_type_other"]), "a file has no type of its own there"
    assert faults(made) == ()


def test_a_statement_without_any_decision_is_refused() -> None:
    one = replace(a_statement(), visibility=(), provision=None, account=None)
    assert "decision_visibility" in faults(request(one, category=CATEGORY, facts="x"))[0]


@given(reasons, st.sampled_from(sorted(CATEGORIES)))
def test_whatever_is_complete_on_record_is_taken(one: statements.Reasons, category: str) -> None:
    ends = {f"{what}_ends_at": None for what in ("visibility", "service", "account")}
    at_home = {"territory": (), "content_language": None, "explanation": "Because it says so."}
    one = replace(
        one,
        **at_home | ends,  # type: ignore[arg-type]  # as they are
        content_date=AT,
        application_date=AT,
        puid="C-1-2",
        ground_name="R1 Advertising",
        visibility=(*one.visibility, Visibility.REMOVED),
        content=(*one.content, Content.TEXT),
        reference_url="https://example.org/rules",
    )
    assert faults(request(one, category=category, facts=by_rule(one.ground_name))) == ()


NAMES = [
    "@anna:example.org",
    "@_bridge_tom=2f:matrix.example.org:8448",
    "!abcDEF:example.org",
    "!31chars-of-a-room-of-version-12-here",
    "#garden:example.org",
    "$abcdefghijklmnopqrstuvwxyz-_0123456789ABCDEF",
    "https://matrix.to/#/!abc:example.org/$event",
    "http://example.org/a?b=c",
    "matrix:u/anna:example.org",
    "mxc://example.org/abcdef",
    "www.example.org/shop",
    "anna.c@example.org",
    "+49 30 1234 5678",
    "192.0.2.17",
    "2001:db8:1234::1",
    "matrix.to/#/%40anna%3Aexample.org",
    "%40anna%3Aexample.org",
    "t.example/anna",
    "C-1234",
    "R-1234",
    "REF-1234",
    "F-1234",
    "PB-2026-001234-7K",
]


@given(st.lists(st.sampled_from(NAMES), max_size=4), st.sampled_from(["; ", " and ", ", ", "\n", " ("]))
def test_ids_links_and_addresses_never_leave(named: list[str], between: str) -> None:
    text = masked(between.join(["Somebody wrote", *named, "to a neighbour"]))
    for one in named:
        assert one not in text
        for part in ("anna", "garden", "abcDEF", "1234", "0.2.17", "matrix.to", "/shop"):
            assert part not in text, text
    assert text.startswith("Somebody wrote")
    assert text.endswith("to a neighbour")


def test_plain_words_stay_as_they_are() -> None:
    text = "At 10:30 he wrote «50% off!» 3 times (see rule R1, S2, H0): it costs $5, and/or room no. 12."
    assert masked(text) == text


def test_the_names_by_which_people_are_seen_are_taken_out() -> None:
    assert masked("Anna told tom, and Annabel", ("anna", "Tom", " ", "")) == (
        "[name] told [name], and Annabel"
    )


def test_days_are_those_of_utc() -> None:
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    assert AT + timedelta(hours=14, minutes=30) == late
    one = replace(a_statement(), application_date=late)
    assert request(one, category=CATEGORY, facts="x")["application_date"] == "2026-03-02"
