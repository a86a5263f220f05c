"""A trusted flagger speaks for itself, in its field, and not while its status rests."""

from dataclasses import replace

from policybot.domain.flagger import Flagger, called, speaking
from policybot.domain.report import UNSORTED

BODY = Flagger("Hotline", frozenset({"@lea:a.org", "tool:radar"}), frozenset({"R1"}))
OTHER = Flagger("Watch", frozenset({"@anna:a.org"}))


def test_a_report_is_that_of_the_body_whose_account_or_program_made_it_in_its_field() -> None:
    for reporter, category, name in (
        ("@lea:a.org", "R1", "Hotline"),
        ("tool:radar", "R1", "Hotline"),
        ("@lea:a.org", "R2", None),
        ("@lea:a.org", UNSORTED, None),
        ("@lea:b.org", "R1", None),
        ("radar", "R1", None),
        ("@anna:a.org", "R2", "Watch"),
        ("@anna:a.org", UNSORTED, "Watch"),
    ):
        assert speaking((BODY, OTHER), reporter, category) == name, (reporter, category)


def test_a_body_whose_status_rests_speaks_like_anybody() -> None:
    assert speaking((replace(BODY, paused=True), OTHER), "@lea:a.org", "R1") is None
    assert speaking((), "@lea:a.org", "R1") is None


def test_a_body_is_called_by_its_name_until_that_is_forgotten() -> None:
    assert called("Hotline") == "the trusted flagger Hotline"
    assert called("") == "a trusted flagger"
