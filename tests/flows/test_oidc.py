"""Login at a real OpenID provider, through our own pages, and the account shown by a second login."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from policybot.demo.synapse import free_port
from policybot.domain.private import Private
from policybot.identity.provider import Client, Provider
from policybot.ports import NotProved
from policybot.store import members
from tests.provider import BACK, Browser, browser, link, query
from tests.serving import served
from tests.world import World
from tests.world import world as make_world

EIDAS = {"trust_framework": ["eidas"], "levels": {"substantial": "substantial", "high": "high"}}


def campus(issuer: str, client: str = "campus", **more: Any) -> dict[str, Any]:
    """Configure a way in by the provider."""
    section = {"id": client, "title": "Campus login", "issuer": issuer, "client_id": client}
    return section | {"client_secret": f"secret of {client}", "assurance": "substantial"} | more


@asynccontextmanager
async def opened(
    folder: Path, *providers: dict[str, Any], mas: str = "", database: str = ""
) -> AsyncIterator[tuple[World, Browser]]:
    """Make a world with these providers, its pages, and a browser."""
    changes: dict[str, Any] = {"identity.oidc": list(providers)}
    if mas:
        account = {"issuer": mas, "client_id": "mas", "client_secret": "secret of mas"}
        changes["identity.binding.mas"] = account
    async with make_world(folder, database, **changes) as world:
        world.clock.at = datetime.now(UTC).replace(microsecond=0)  # the provider's clock is the real one
        async with served(world) as url, browser(url) as somebody:
            yield world, somebody


async def test_a_login_at_the_provider_links_the_account_that_asked(
    issuer: str, tmp_path: Path, database_url: str
) -> None:
    async with opened(tmp_path, campus(issuer), database=database_url) as (world, anna):
        path = await link(world, "anna")
        page = await anna.get(path)
        assert "Campus login" in page.text
        shown = await anna.verify(path, "oidc-campus", "anna")
        assert shown.status == 200
        assert "A*** C***" in shown.text
        assert "Canary" not in shown.text
        assert "not verified" in await world.say("anna", "!policy me"), "nothing is linked by the page"
        answer = await world.say("anna", f"!policy verify {shown.code}")
        assert "You are verified, level substantial" in answer
        async with world.database.transaction(reading=True) as tx:
            linked = await members.link_of(tx, "@anna:example.org")
            assert linked is not None
            realm = await tx.value("SELECT realm AS value FROM verifications WHERE source = 'oidc'")
            claims = await world.app.services.members.claims_of(tx, linked.person_id)
        assert realm == issuer
        assert claims == {"name": Private("Anna Canary-anna")}, "the address is not kept"


@pytest.mark.parametrize("client", ["campus-rs", "campus-ps", "campus-ed", "campus-public"])
async def test_every_kind_of_signature_and_client_works(
    issuer: str, tmp_path: Path, client: str
) -> None:
    more = {"client_secret": None} if client == "campus-public" else {}
    async with opened(tmp_path, campus(issuer, client, **more)) as (world, anna):
        shown = await anna.verify(await link(world, "anna"), f"oidc-{client}", "anna")
        assert "A*** C***" in shown.text


async def test_the_same_login_is_the_same_person(issuer: str, tmp_path: Path) -> None:
    async with opened(tmp_path, campus(issuer)) as (world, anna):
        shown = await anna.verify(await link(world, "anna"), "oidc-campus", "anna")
        await world.say("anna", f"!policy verify {shown.code}")
        shown = await anna.verify(await link(world, "zoe"), "oidc-campus", "anna")
        assert shown.status == 200, "the page tells nobody that a person is known"
        assert "could not be linked" in await world.say("zoe", f"!policy verify {shown.code}")
        assert "tried to link another account" in world.told("anna")[-1]


async def test_a_wrong_client_secret_is_the_operators_business(
    issuer: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path, campus(issuer, client_secret="wrong")) as (world, anna):
        shown = await anna.verify(await link(world, "anna"), "oidc-campus", "anna")
        assert shown.status == 503
        assert "invalid_client; check client_id and client_secret" in caplog.text


async def test_who_declines_is_told_kindly_and_may_try_again(issuer: str, tmp_path: Path) -> None:
    async with opened(tmp_path, campus(issuer)) as (world, anna):
        path = await link(world, "anna")
        shown = await anna.verify(path, "oidc-campus", "nobody")
        assert shown.status == 200
        assert "You ended it there" in shown.text
        assert "A*** C***" in (await anna.verify(path, "oidc-campus", "anna")).text


# What is vouched for ---------------------------------------------------------------------------------


async def test_vouched_claims_give_the_level_that_they_were_vouched_at(
    issuer: str, tmp_path: Path
) -> None:
    way = campus(issuer, verified_claims=EIDAS, assurance="low")
    async with opened(tmp_path, way) as (world, anna):
        shown = await anna.verify(await link(world, "anna"), "oidc-campus", "anna")
        assert "level high" in await world.say("anna", f"!policy verify {shown.code}")
        async with world.database.transaction(reading=True) as tx:
            process = await tx.value("SELECT process AS value FROM verifications WHERE source = 'oidc'")
        assert process == "eidas"


@pytest.mark.parametrize("who", ["tom", "zoe", "lea"])
async def test_claims_of_another_framework_or_level_or_none_are_refused(
    issuer: str, tmp_path: Path, who: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Tom's are of another framework, Zoe's of an unheard-of level, and nobody vouches for Lea."""
    async with opened(tmp_path, campus(issuer, verified_claims=EIDAS)) as (world, somebody):
        shown = await somebody.verify(await link(world, who), "oidc-campus", who)
        assert shown.status == 422
        assert "could not be verified" in shown.text
        assert "nothing is vouched for" in caplog.text


# What belongs together -------------------------------------------------------------------------------


async def test_what_a_browser_brings_back_is_good_once(issuer: str, tmp_path: Path) -> None:
    async with opened(tmp_path, campus(issuer)) as (world, anna):
        gone = await anna.post(await link(world, "anna"), way="oidc-campus")
        back = await anna.login(gone.leads_to, "anna")
        cookies = dict(anna.cookies)
        assert (await anna.get(back)).status == 200
        anna.cookies = cookies
        assert (await anna.get(back)).status == 404


async def test_another_browser_cannot_finish_what_one_began(issuer: str, tmp_path: Path) -> None:
    """Zoe goes to the provider and has Anna's browser return in her place."""
    async with opened(tmp_path, campus(issuer)) as (world, zoe):
        gone = await zoe.post(await link(world, "zoe"), way="oidc-campus")
        async with browser(zoe.url) as anna:
            back = await anna.login(gone.leads_to, "anna")
            assert (await anna.get(back)).status == 404, "without a cookie"
            await anna.post(await link(world, "anna"), way="oidc-campus")
            assert (await anna.get(back)).status == 404, "with a cookie of her own"


@pytest.mark.parametrize("state", ["", "wrong", "A" * 5000])
async def test_a_state_that_is_none_is_refused(issuer: str, tmp_path: Path, state: str) -> None:
    async with opened(tmp_path, campus(issuer)) as (world, anna):
        gone = await anna.post(await link(world, "anna"), way="oidc-campus")
        back = query(await anna.login(gone.leads_to, "anna"))
        answer = await anna.get(f"/verify/back?code={back['code']}&state={state}")
        assert answer.status == 404


async def test_a_code_is_good_once_and_with_its_verifier_alone(issuer: str) -> None:
    """The provider checks PKCE and that a code is used once, and we hear it."""
    secret = Private("secret of campus")
    provider = Provider(Client(issuer, "campus", secret, BACK), lambda: datetime.now(UTC))
    async with browser("") as anna:
        first = await provider.begin("s1", ["openid"])
        answer = {**query(await anna.login(first.url, "anna")), "iss": issuer}
        wrong = {**first.memory, "verifier": "x" * 64}
        with pytest.raises(NotProved, match="does not take the code"):
            await provider.finish(wrong, answer)
        second = await provider.begin("s2", ["openid"])
        answer = {**query(await anna.login(second.url, "anna")), "iss": issuer}
        assert (await provider.finish(second.memory, answer)).subject == Private("anna")
        with pytest.raises(NotProved, match="does not take the code"):
            await provider.finish(second.memory, answer)


async def test_without_a_challenge_the_provider_does_not_begin(issuer: str) -> None:
    provider = Provider(Client(issuer, "campus", None, BACK), lambda: datetime.now(UTC))
    begun = await provider.begin("s", ["openid"])
    bare = begun.url.replace("code_challenge", "nothing")
    async with aiohttp.ClientSession() as session, session.get(bare, allow_redirects=False) as answer:
        assert "error=invalid_request" in answer.headers["Location"]


# The account, by a second login ----------------------------------------------------------------------


async def test_a_login_as_the_account_links_at_once(
    issuer: str, tmp_path: Path, database_url: str
) -> None:
    async with opened(tmp_path, campus(issuer), mas=issuer, database=database_url) as (world, anna):
        shown = await anna.verify(await link(world, "anna"), "oidc-campus", "anna")
        assert "Confirm with your Matrix account" in shown.text
        gone = await anna.post("/verify/account")
        assert "scope=openid&" in gone.leads_to, "the account, and no access to it"
        done = await anna.get(await anna.login(gone.leads_to, "anna"))
        assert done.status == 200
        assert "You are verified, level substantial" in done.text
        assert "!policy unlink" in done.text
        assert "__Host-policybot-verify" not in anna.cookies
        assert "Secure" in done.headers["Set-Cookie"], "else browsers keep it"
        await world.work()
        assert "You are verified" in world.told("anna")[-1], "the account hears of it, too"
        assert "Identity: verified" in await world.say("anna", "!policy me")
        async with world.database.transaction(reading=True) as tx:
            told = await tx.fetch("SELECT * FROM audit_payloads WHERE payload LIKE '%bound%'")
        assert len(told) == 1
        assert "do not know this code" in await world.say("anna", f"!policy verify {shown.code}")


async def test_it_works_after_a_code_of_the_roster_as_well(issuer: str, tmp_path: Path) -> None:
    async with opened(tmp_path, mas=issuer) as (world, anna):
        await anna.post(await link(world, "anna"), way="roster", code="birch-7421")
        gone = await anna.post("/verify/account")
        done = await anna.get(await anna.login(gone.leads_to, "anna"))
        assert "You are verified" in done.text


async def test_nothing_of_a_login_that_was_not_finished_stays_with_the_person(
    issuer: str, tmp_path: Path
) -> None:
    """Anna goes off to log in as her account, and then sends the code after all."""
    async with opened(tmp_path, campus(issuer), mas=issuer) as (world, anna):
        shown = await anna.verify(await link(world, "anna"), "oidc-campus", "anna")
        gone = await anna.post("/verify/account")
        assert "You are verified" in await world.say("anna", f"!policy verify {shown.code}")
        back = await anna.login(gone.leads_to, "anna")
        assert (await anna.get(back)).status == 404
        async with world.database.transaction(reading=True) as tx:
            groups = await tx.fetch("SELECT DISTINCT field_group FROM vault_fields")
        assert {row["field_group"] for row in groups} == {f"claims oidc {issuer}", "roster"}


async def test_a_forwarded_link_is_closed_by_a_login_as_another_account(
    issuer: str, tmp_path: Path
) -> None:
    """Zoe sends her link to Anna, who shows who she is and confirms with her own account."""
    async with opened(tmp_path, campus(issuer), mas=issuer) as (world, anna):
        shown = await anna.verify(await link(world, "zoe"), "oidc-campus", "anna")
        gone = await anna.post("/verify/account")
        done = await anna.get(await anna.login(gone.leads_to, "anna"))
        assert done.status == 403
        assert "made for another account" in done.text
        assert "do not know this code" in await world.say("zoe", f"!policy verify {shown.code}")
        for who in ("anna", "zoe"):
            assert "not verified" in await world.say(who, "!policy me")


async def test_a_login_in_another_browser_proves_nothing(issuer: str, tmp_path: Path) -> None:
    """Anna shows who she is; Zoe, whose link it was, logs in as her account elsewhere."""
    async with opened(tmp_path, campus(issuer), mas=issuer) as (world, anna):
        await anna.verify(await link(world, "zoe"), "oidc-campus", "anna")
        async with browser(anna.url) as zoe:
            assert (await zoe.post("/verify/account")).status == 404
            gone = await anna.post("/verify/account")
            back = await zoe.login(gone.leads_to, "zoe")
            assert (await zoe.get(back)).status == 404
        assert "not verified" in await world.say("zoe", "!policy me")


async def test_where_no_login_is_configured_none_is_offered(issuer: str, tmp_path: Path) -> None:
    async with opened(tmp_path, campus(issuer)) as (world, anna):
        shown = await anna.verify(await link(world, "anna"), "oidc-campus", "anna")
        assert "Confirm with your Matrix account" not in shown.text
        assert (await anna.post("/verify/account")).status == 404


async def test_the_code_of_an_earlier_find_links_nobody(issuer: str, tmp_path: Path) -> None:
    """Who goes off to be found anew leaves the code of the first time behind."""
    async with opened(tmp_path, campus(issuer)) as (world, anna):
        path = await link(world, "anna")
        shown = await anna.verify(path, "oidc-campus", "anna")
        await anna.post(path, way="oidc-campus")
        assert "do not know this code" in await world.say("anna", f"!policy verify {shown.code}")


async def test_nothing_of_a_login_is_logged(
    issuer: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with opened(tmp_path, campus(issuer)) as (world, anna):
        gone = await anna.post(await link(world, "anna"), way="oidc-campus")
        back = await anna.login(gone.leads_to, "anna")
        await anna.get(back)
        ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("policybot"))
        for secret in (query(back)["code"], query(back)["state"], "Canary", "secret of campus"):
            assert secret not in ours
            async with world.database.transaction(reading=True) as tx:
                for table in ("attempts", "audit_payloads", "vault_fields", "outbox"):
                    rows = await tx.fetch(f"SELECT * FROM {table}")  # noqa: S608 - our names
                    assert not any(secret in str(dict(cast("Any", row))) for row in rows), table


async def test_a_provider_that_is_away_is_told_and_nothing_is_used_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = campus(f"http://127.0.0.1:{free_port()}")
    async with opened(tmp_path, gone) as (world, anna):
        path = await link(world, "anna")
        page = await anna.post(path, way="oidc-campus")
        assert page.status == 503
        assert "try again later" in page.text
        assert "cannot be reached" in caplog.text
        assert (await anna.get(path)).status == 200
