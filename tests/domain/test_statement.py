"""The statement of reasons as data: complete or refused, and the same after it was kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import statement as rules
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind
from policybot.domain.rules import Ground
from policybot.domain.statement import (
    AccountDecision,
    Automation,
    Content,
    Provision,
    Reasons,
    Source,
    Visibility,
)

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
times = st.integers(0, 10**9).map(lambda seconds: AT + timedelta(seconds=seconds))
texts = st.text(max_size=40)
reasons = st.builds(
    Reasons,
    puid=texts,
    language=texts,
    visibility=st.lists(st.sampled_from(Visibility)).map(tuple),
    provision=st.none() | st.sampled_from(Provision),
    account=st.none() | st.sampled_from(AccountDecision),
    restricts=st.booleans(),
    ground=st.sampled_from(Ground),
    ground_name=texts,
    explanation=texts,
    reference_url=texts,
    content=st.lists(st.sampled_from(Content)).map(tuple),
    category=st.none() | texts,
    content_date=times,
    application_date=times,
    visibility_ends_at=st.none() | times,
    service_ends_at=st.none() | times,
    account_ends_at=st.none() | times,
    facts=texts,
    source=st.sampled_from(Source),
    found_by_machine=st.booleans(),
    automation=st.sampled_from(Automation),
    remedies=texts,
    territory=st.lists(texts).map(tuple),
    content_language=st.none() | texts,
)


def a_statement() -> Reasons:
    return Reasons(
        puid="C-1-2",
        language="en",
        visibility=(Visibility.REMOVED,),
        provision=Provision.PARTIAL_SUSPENSION,
        account=None,
        restricts=True,
        ground=Ground.TERMS,
        ground_name="R2 Respect",
        explanation="Do not insult or threaten anybody.",
        reference_url="https://example.org/rules",
        content=(Content.TEXT,),
        category=None,
        content_date=AT,
        application_date=AT,
        visibility_ends_at=None,
        service_ends_at=AT,
        account_ends_at=None,
        facts="Threatened a neighbour at night",
        source=Source.OTHER_NOTICE,
        found_by_machine=False,
        automation=Automation.NOT,
        remedies="You can appeal.",
    )


@given(reasons)
def test_what_was_kept_is_read_as_it_was(one: Reasons) -> None:
    assert rules.load(rules.dump(one)) == one


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"facts": "  short "}, "facts"),
        ({"facts": "x" * 5_001}, "facts"),
        ({"explanation": " "}, "explanation"),
        ({"ground_name": ""}, "ground_name"),
        ({"reference_url": ""}, "reference_url"),
        ({"remedies": ""}, "remedies"),
        ({"puid": "C 1"}, "puid"),
        ({"language": "German"}, "language"),
        ({"content": ()}, "content"),
        ({"visibility": (), "provision": None}, "visibility, provision or account"),
        ({"automation": Automation.FULLY}, "found_by_machine"),
    ],
)
def test_a_gap_in_a_statement_is_named(changed: dict[str, object], named: str) -> None:
    assert rules.missing(a_statement()) == ()
    assert rules.missing(replace(a_statement(), **changed)) == (named,)  # type: ignore[arg-type]  # any field


@given(st.sampled_from(Scope), st.sampled_from(Kind), st.booleans())
def test_whatever_restricts_is_named_in_the_words_of_the_law(
    scope: Scope,
    kind: Kind,
    removed: bool,
) -> None:
    visibility, provision, account = rules.consequences(scope, kind, removed=removed)
    restricts = kind in (Kind.RESTRICT, Kind.SUSPEND, Kind.CLOSE)
    assert bool(provision or account) == restricts
    assert bool(visibility) == removed
    assert account is None or scope is Scope.ACCOUNT
