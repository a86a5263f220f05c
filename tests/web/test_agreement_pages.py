"""The pages of the agreement: every version, in the reader's language, and what changed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from policybot.domain.agreement import Commitment
from policybot.web.agreement import preferred
from policybot.web.site import HEADERS
from tests.web.test_pages import Browser, browser
from tests.world import World

__all__ = ["browser"]


async def changed(world: World) -> None:
    old = world.config.agreement
    world.config.agreement = replace(
        old,
        version="2",
        effective_from=world.clock() + timedelta(days=20),
        texts={**old.texts, "en": old.texts["en"] + "\n<script>alert(1)</script>"},
        commitments=(
            replace(old.commitments[0], texts={"en": "I keep all rules.", "de": "Ich halte alles ein."}),
            Commitment("sources", {"en": "I name my sources.", "de": "Ich nenne meine Quellen."}),
        ),
    )
    await world.app.record_policy()


async def test_the_version_in_force_is_shown_and_the_coming_one_is_announced(
    browser: Browser, world: World
) -> None:
    await changed(world)
    status, page, headers = await browser.get("/agreement")
    assert status == 200
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    assert "Agreement, version 1" in page
    assert "in force, from 1 January 2026" in page
    assert "coming: binds from 22 March 2026" in page
    assert "I keep to the published rules." in page
    world.clock.pass_time(days=21)
    _, page, _ = await browser.get("/agreement")
    assert "Agreement, version 2" in page
    assert "earlier: bound from 1 January 2026" in page
    assert "/agreement/diff?from=1&amp;to=2" in page


@pytest.mark.parametrize(
    ("query", "header", "language"),
    [
        ("", "", "en"),
        ("", "de-AT,de;q=0.9,en;q=0.5", "de"),
        ("", "fr, de;q=0.3, en;q=0.2", "de"),
        ("", "de;q=0, en", "en"),
        ("?lang=de", "en", "de"),
        ("?lang=DE", "", "de"),
        ("?lang=%3Cscript%3E", "", "en"),
        ("?lang=xx", "de", "de"),
        ("", "x" * 5000, "en"),
        ("", ";;;q=,,*;q=9", "en"),
    ],
)
async def test_the_language_is_the_readers(
    browser: Browser, world: World, query: str, header: str, language: str
) -> None:
    status, page, _ = await browser.get(f"/agreement{query}", **{"Accept-Language": header})
    assert status == 200
    assert f'<article lang="{language}"' in page
    assert "<script>" not in page


async def test_what_changed_is_shown_between_two_versions(browser: Browser, world: World) -> None:
    await changed(world)
    status, page, headers = await browser.get("/agreement/diff?from=1&to=2&lang=en")
    assert status == 200
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    for needed in (
        "<ins>I name my sources.</ins>",
        "<del>I keep to the published rules.</del>",
        "<ins>I keep all rules.</ins>",
        "<ins>&lt;script&gt;alert(1)&lt;/script&gt;</ins>",
        "No longer promised",
    ):
        assert needed in page
    assert "Ich nenne meine Quellen." in (await browser.get("/agreement/diff?from=1&to=2&lang=de"))[1]
    assert "The words are the same." in (await browser.get("/agreement/diff?from=2&to=2"))[1]


@pytest.mark.parametrize(
    "path",
    [
        "/agreement?version=9",
        "/agreement?version=%3Cb%3E",
        "/agreement/diff",
        "/agreement/diff?from=1",
        "/agreement/diff?from=1&to=%00",
        "/agreement/diff?from=1&to=" + "9" * 3000,
    ],
)
async def test_a_version_that_never_was_is_answered_in_words(browser: Browser, path: str) -> None:
    status, page, _ = await browser.get(path)
    assert status == 404
    assert "<b>" not in page
    assert "version" in page


def test_the_readers_preferences_are_sorted_and_malformed_ones_left_out() -> None:
    assert preferred("en;q=0.2, de , fr;q=0, ../x, nl;q=0.7") == ["de", "nl", "en"]
    assert preferred("") == []
