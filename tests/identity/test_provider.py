"""A provider that lies, cheats or fails: each forgery is refused for its own reason."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, RSAKey

from policybot.config.oidc import ProviderSection, VerifiedClaimsSection
from policybot.domain.identity import Assurance, Claim, Source
from policybot.domain.private import Private
from policybot.identity import fetch
from policybot.identity.account import MasLogin
from policybot.identity.fetch import Fetch, parse
from policybot.identity.oidc import OidcWay
from policybot.identity.provider import Client, Provider
from policybot.ports import Declined, NotProved, SourceAway
from tests.world import Clock

CODE = {"code": "a-code", "state": "s"}
Change = dict[str, Any]


@dataclass
class Fake:
    """A provider that answers as it is told to."""

    clock: Clock
    address: str = ""
    key: Key = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one"}))
    header: Change = field(default_factory=lambda: {"alg": "ES256", "kid": "one"})
    metadata: Change = field(default_factory=dict)
    claims: Change = field(default_factory=dict)
    userinfo: Change = field(default_factory=dict)
    tokens: Change = field(default_factory=dict)
    published: list[Any] | None = None
    answers: dict[str, Callable[[], web.StreamResponse]] = field(default_factory=dict)
    """What is answered at a path instead."""
    asked: list[str] = field(default_factory=list)
    nonce: str = ""
    token: str | None = None

    @web.middleware
    async def instead(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(request.path)
        if (answer := self.answers.get(request.path)) is not None:
            return answer()
        return await handler(request)  # type: ignore[no-any-return]

    async def discovery(self, _: web.Request) -> web.Response:
        names = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
        paths = ("/auth", "/token", "/me", "/keys")
        said = {name: self.address + path for name, path in zip(names, paths, strict=True)}
        return web.json_response({"issuer": self.address} | said | self.metadata)

    async def exchange(self, _: web.Request) -> web.Response:
        said = {"access_token": "access", "token_type": "Bearer"} | self.tokens
        return web.json_response({"id_token": self.token or self.id_token()} | said)

    def id_token(self) -> str:
        now = int(self.clock().timestamp())
        said = {"iss": self.address, "aud": "us", "sub": "7", "exp": now + 300, "iat": now}
        said |= {"nonce": self.nonce, "name": "Anna Canary"} | self.claims
        return jwt.encode(self.header, {k: v for k, v in said.items() if v is not None}, self.key)

    async def me(self, _: web.Request) -> web.Response:
        return web.json_response({"sub": "7"} | self.userinfo)

    async def keys(self, _: web.Request) -> web.Response:
        keys = [self.key.as_dict(private=False)] if self.published is None else self.published
        return web.json_response({"keys": keys})


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    made = Fake(Clock())
    app = web.Application(middlewares=[made.instead])
    app.router.add_get("/.well-known/openid-configuration", made.discovery)
    app.router.add_post("/token", made.exchange)
    app.router.add_get("/me", made.me)
    app.router.add_get("/keys", made.keys)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
def provider(fake: Fake) -> Provider:
    return Provider(Client(fake.address, "us", Private("secret"), "https://us/back"), fake.clock)


async def returned(
    fake: Fake, provider: Provider, answer: Mapping[str, str] = CODE, nonce: str | None = None
) -> Mapping[str, Any]:
    """Go there and come back with an answer."""
    begun = await provider.begin("s", ["openid"])
    fake.nonce = begun.memory["nonce"] if nonce is None else nonce
    return (await provider.finish(begun.memory, answer)).claims


async def test_a_regular_answer_is_taken(fake: Fake, provider: Provider) -> None:
    assert (await returned(fake, provider))["name"] == "Anna Canary"
    await returned(fake, provider)
    assert fake.asked.count("/keys") == 1, "keys are kept"
    assert fake.asked.count("/.well-known/openid-configuration") == 1


def half_hash(text: str) -> str:
    half = hashlib.sha256(text.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).decode().rstrip("=")


HOUR = 3600
ANOTHER = "https://another.example"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": ANOTHER}, "InvalidClaimError: iss"),
        ({"iss": None}, "MissingClaimError: iss"),
        ({"aud": "them"}, "InvalidClaimError: aud"),
        ({"aud": []}, "aud"),
        ({"aud": None}, "MissingClaimError: aud"),
        ({"aud": ["us", "them"]}, "given to somebody else"),
        ({"aud": ["us", "them"], "azp": "them"}, "given to somebody else"),
        ({"azp": "them"}, "given to somebody else"),
        ({"exp": -HOUR}, "ExpiredTokenError"),
        ({"exp": -61}, "ExpiredTokenError"),
        ({"exp": None}, "MissingClaimError: exp"),
        ({"exp": "tomorrow"}, "InvalidClaimError: exp"),
        ({"iat": 120}, "InvalidClaimError: iat"),
        ({"iat": None}, "MissingClaimError: iat"),
        ({"nonce": "another"}, "another nonce"),
        ({"nonce": None}, "another nonce"),
        ({"nonce": 7}, "another nonce"),
        ({"at_hash": half_hash("another")}, "belongs to another ID token"),
        ({"at_hash": 7}, "belongs to another ID token"),
        ({"sub": None}, "MissingClaimError: sub"),
        ({"sub": ""}, "sub"),
        ({"sub": " 7"}, "the subject is none"),
        ({"sub": "\ufb01"}, "the subject is none"),
        ({"sub": "7" * 256}, "the subject is none"),
        ({"sub": {"a": 1}}, "InvalidClaimError: sub"),
    ],
    ids=str,
)
async def test_a_claim_that_is_not_as_it_must_be_is_refused(
    fake: Fake, provider: Provider, claims: Change, why: str
) -> None:
    now = int(fake.clock().timestamp())
    moved = ("exp", "iat")
    fake.claims = {k: now + v if k in moved and isinstance(v, int) else v for k, v in claims.items()}
    with pytest.raises(NotProved, match=why):
        await returned(fake, provider)


async def test_within_a_minute_clocks_may_differ(fake: Fake, provider: Provider) -> None:
    now = int(fake.clock().timestamp())
    fake.claims = {"exp": now - 50, "iat": now + 50, "at_hash": half_hash("access")}
    await returned(fake, provider)
    fake.claims = {"aud": ["us", "them"], "azp": "us"}
    await returned(fake, provider)


async def test_the_nonce_of_another_login_is_refused(fake: Fake, provider: Provider) -> None:
    other = await provider.begin("t", ["openid"])
    with pytest.raises(NotProved, match="another nonce"):
        await returned(fake, provider, nonce=other.memory["nonce"])


# Signatures ------------------------------------------------------------------------------------------


def raw(header: Change, claims: Change, signature: str = "") -> str:
    parts = [
        base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in (header, claims)
    ]
    return ".".join([*parts, signature])


async def test_an_unsigned_token_is_refused(fake: Fake, provider: Provider) -> None:
    for algorithm in ("none", "None", "", None, ["ES256"]):
        fake.token = raw({"alg": algorithm, "kid": "one"}, {"sub": "7"})
        with pytest.raises(NotProved, match="a way that is not accepted"):
            await returned(fake, provider)


async def test_a_token_signed_by_a_shared_secret_is_refused(fake: Fake, provider: Provider) -> None:
    """Neither by the client's secret nor by a public key that is taken for one."""
    public = json.dumps(fake.key.as_dict(private=False))
    for secret in ("secret" * 8, public):
        key, real = OctKey.import_key(secret, {"kid": "one"}), fake.key
        fake.published = [real.as_dict(private=False), key.as_dict()]
        fake.header, fake.key = {"alg": "HS256", "kid": "one"}, key
        with pytest.raises(NotProved, match="a way that is not accepted"):
            await returned(fake, provider)
        fake.header, fake.key = {"alg": "ES256", "kid": "one"}, real


async def test_another_key_under_the_same_name_is_refused(fake: Fake, provider: Provider) -> None:
    fake.published = [ECKey.generate_key("P-256", {"kid": "one"}).as_dict(private=False)]
    with pytest.raises(NotProved, match="does not hold"):
        await returned(fake, provider)


async def test_a_key_that_the_token_brings_along_is_not_used(fake: Fake, provider: Provider) -> None:
    fake.published = [ECKey.generate_key("P-256", {"kid": "one"}).as_dict(private=False)]
    fake.header |= {"jwk": fake.key.as_dict(private=False)}
    with pytest.raises(NotProved):
        await returned(fake, provider)


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "é.é.é", ".." * 9, "[" * 9000 + ".a.b"])
async def test_what_is_no_token_is_refused(fake: Fake, provider: Provider, token: str) -> None:
    fake.token = token or "."
    with pytest.raises(NotProved):
        await returned(fake, provider)


@pytest.mark.parametrize(
    "published",
    [[], {}, "x", [7], [{}], [{"kty": "EC"}], [{"kty": "oct", "k": "AA"}], [{"kty": ["EC"]}]],
)
async def test_keys_that_are_none_open_nothing(fake: Fake, provider: Provider, published: Any) -> None:
    fake.published = published
    with pytest.raises(NotProved, match="does not publish"):
        await returned(fake, provider)


async def test_a_key_that_is_too_short_opens_nothing(fake: Fake, provider: Provider) -> None:
    fake.header = {"alg": "RS256", "kid": "one"}
    with pytest.warns(SecurityWarning):
        fake.key = RSAKey.generate_key(1024, {"kid": "one"})
    with pytest.raises(NotProved, match="does not publish"):
        await returned(fake, provider)


async def test_new_keys_are_read_but_not_more_than_once_a_minute(fake: Fake, provider: Provider) -> None:
    await returned(fake, provider)
    fake.key = ECKey.generate_key("P-256", {"kid": "two"})
    fake.header = {"alg": "ES256", "kid": "two"}
    for _ in range(3):
        with pytest.raises(NotProved, match="does not publish"):
            await returned(fake, provider)
    assert fake.asked.count("/keys") == 1
    fake.clock.pass_time(minutes=1)
    await returned(fake, provider)
    assert fake.asked.count("/keys") == 2


async def test_a_key_that_was_withdrawn_is_forgotten_within_the_hour(
    fake: Fake, provider: Provider
) -> None:
    await returned(fake, provider)
    fake.published = []
    fake.clock.pass_time(minutes=61)
    with pytest.raises(NotProved, match="does not publish"):
        await returned(fake, provider)


@pytest.mark.parametrize(
    "tokens",
    [
        {"id_token": None},
        {"access_token": None},
        {"access_token": "a\r\nb"},
        {"token_type": "mac"},
        {"token_type": None},
    ],
    ids=str,
)
async def test_tokens_that_are_none_are_refused(fake: Fake, provider: Provider, tokens: Change) -> None:
    fake.tokens = tokens
    with pytest.raises(NotProved, match="token"):
        await returned(fake, provider)


# What comes back -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("announced", "answer"),
    [
        (True, CODE),
        (True, CODE | {"iss": ANOTHER}),
        (False, CODE | {"iss": ANOTHER}),
        (True, CODE | {"iss": ""}),
    ],
)
async def test_an_answer_of_another_issuer_is_refused(
    fake: Fake, provider: Provider, announced: bool, answer: dict[str, str]
) -> None:
    """RFC 9207: also a missing one, where the provider says that it names itself."""
    fake.metadata = {"authorization_response_iss_parameter_supported": announced}
    with pytest.raises(NotProved, match="not this provider's"):
        await returned(fake, provider, answer)
    await returned(fake, provider, CODE | {"iss": fake.address})


async def test_user_info_of_another_subject_is_refused(fake: Fake, provider: Provider) -> None:
    for subject in ("8", "", None, 7):
        fake.userinfo = {"sub": subject}
        with pytest.raises(NotProved, match="subject"):
            await returned(fake, provider)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        ("access_denied", Declined),
        ("login_required", Declined),
        ("temporarily_unavailable", SourceAway),
        ("invalid_scope", SourceAway),
        ("<script>", SourceAway),
    ],
)
async def test_an_error_is_told_by_its_kind(
    fake: Fake, provider: Provider, error: str, raised: type[Exception]
) -> None:
    with pytest.raises(raised) as caught:
        await returned(fake, provider, {"error": error, "state": "s"})
    assert "<" not in str(caught.value)


@pytest.mark.parametrize("answer", [{}, {"code": ""}, {"code": "x" * 5000}])
async def test_an_answer_without_a_code_is_refused(
    fake: Fake, provider: Provider, answer: dict[str, str]
) -> None:
    with pytest.raises(NotProved, match="no code"):
        await returned(fake, provider, answer)


# Where it is, and how it answers ---------------------------------------------------------------------


@pytest.mark.parametrize("issuer", [ANOTHER, None, "slash", ["http://127.0.0.1"]])
async def test_a_provider_that_calls_itself_otherwise_is_refused(
    fake: Fake, provider: Provider, issuer: Any
) -> None:
    fake.metadata = {"issuer": f"{fake.address}/" if issuer == "slash" else issuer}
    with pytest.raises(SourceAway, match="by another name"):
        await provider.begin("s", ["openid"])


@pytest.mark.parametrize(
    "address",
    [
        None,
        7,
        "",
        "nowhere",
        "file:///etc/passwd",
        "http://login.example/token",
        "http://127.0.0.1:1/token",
        "http://localhost/token",
        "https://user@login.example/token",
        "https://login.example:99999/token",
        "https://login.example/token#x",
        "https://login.example/\n",
        "https://[::1",
    ],
)
async def test_an_endpoint_that_cannot_be_trusted_is_not_used(
    fake: Fake, provider: Provider, address: Any
) -> None:
    for name in ("token_endpoint", "jwks_uri", "authorization_endpoint"):
        fake.metadata = {name: address}
        with pytest.raises(SourceAway, match="it names"):
            await provider.begin("s", ["openid"])


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fe80::1]",
        "2130706433",
        "localhost",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
)
async def test_nobody_sends_us_into_a_private_network(host: str) -> None:
    """The resolver decides on the very address that is connected to."""
    with pytest.raises(SourceAway, match=r"private network|cannot be reached"):
        await Fetch("https://login.example").get(f"https://{host}:9/keys")


PATHS = ["/.well-known/openid-configuration", "/token", "/keys", "/me"]


def redirect() -> web.Response:
    return web.Response(status=302, headers={"Location": "/elsewhere"})


def huge() -> web.Response:
    return web.json_response({"a": "x" * 2**20})


def broken() -> web.Response:
    return web.Response(status=500)


def page() -> web.Response:
    return web.Response(text="<html>", content_type="text/html")


def deep() -> web.Response:
    return web.Response(text='{"a":' + "[" * 100_000, content_type="application/json")


def a_list() -> web.Response:
    return web.json_response([])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (redirect, "sends us elsewhere"),
        (huge, "more than 1 MiB"),
        (broken, "HTTP 500"),
        (page, "something else than JSON"),
        (deep, "something else than a JSON object"),
        (a_list, "something else than a JSON object"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_an_endpoint_that_does_not_answer_as_agreed_is_away(
    fake: Fake, provider: Provider, path: str, answer: Callable[[], web.Response], why: str
) -> None:
    fake.answers = {path: answer}
    with pytest.raises(SourceAway, match=why):
        await returned(fake, provider)
    assert "/elsewhere" not in fake.asked


async def test_a_server_that_is_too_slow_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    held = []

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    assert fetch._PATIENCE.total == 5
    monkeypatch.setattr(fetch, "_PATIENCE", aiohttp.ClientTimeout(total=0.05))
    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(SourceAway, match="too slow"):
        await Fetch(address).get(address)
    for writer in held:
        writer.close()
        await writer.wait_closed()
    server.close()


def test_numbers_that_are_none_are_no_json() -> None:
    for text in (
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"{",
        b"",
        b"\xff",
        b"[]",
        b'{"a": ' + b"9" * 5000 + b"}",
    ):
        assert parse(text) is None


# Whom it says that it is -----------------------------------------------------------------------------


def way(fake: Fake, provider: Provider, **more: Any) -> OidcWay:
    section = ProviderSection(id="a", title="A", issuer=fake.address, client_id="us", **more)
    return OidcWay(section, frozenset({Claim.NAME, Claim.BIRTHDATE}), provider, fake.clock)


async def test_what_is_known_is_short_plain_and_asked_for(fake: Fake, provider: Provider) -> None:
    fake.userinfo = {
        "name": "  Anna\u202e \n\t Canary\x00 ",
        "given_name": "x" * 201,
        "family_name": ["Canary"],
        "birthdate": "<b>",
        "email": "anna@example.org",
        "acr": "high",
    }
    begun = await (a_way := way(fake, provider)).begin("s")
    fake.nonce = begun.memory["nonce"]  # type: ignore[union-attr]
    record = await a_way.finish(begun.memory, CODE)  # type: ignore[union-attr]
    assert record is not None
    assert record.claims == {Claim.NAME: Private("Anna Canary")}
    assert (record.source, record.realm) == (Source.OIDC, fake.address)
    assert record.reference == Private("7")
    assert record.assurance is Assurance.LOW, "how somebody logged in raises no level"


async def test_a_person_without_a_name_is_refused(fake: Fake, provider: Provider) -> None:
    fake.claims = {"name": None}
    begun = await (a_way := way(fake, provider)).begin("s")
    fake.nonce = begun.memory["nonce"]  # type: ignore[union-attr]
    with pytest.raises(NotProved, match="check the scopes"):
        await a_way.finish(begun.memory, CODE)  # type: ignore[union-attr]


EIDAS = VerifiedClaimsSection(trust_framework=("eidas",), levels={"high": Assurance.HIGH})


@pytest.mark.parametrize(
    "vouched",
    [
        None,
        "eidas",
        [],
        [None],
        {"verification": "eidas", "claims": {"name": "A"}},
        {"verification": {"trust_framework": "eidas"}, "claims": {"name": "A"}},
        {"verification": {"trust_framework": ["eidas"], "assurance_level": "high"}, "claims": {}},
        {"verification": {"trust_framework": "eidas", "assurance_level": ["high"]}, "claims": {}},
        {
            "verification": {"trust_framework": "eidas", "assurance_level": "low"},
            "claims": {"name": "A"},
        },
        {
            "verification": {"trust_framework": "other", "assurance_level": "high"},
            "claims": {"name": "A"},
        },
        {"verification": {"trust_framework": "eidas", "assurance_level": "high"}, "claims": {}},
        {"verification": {"trust_framework": "eidas", "assurance_level": "high"}, "claims": "A"},
    ],
    ids=str,
)
async def test_what_nobody_vouches_for_as_asked_is_refused(
    fake: Fake, provider: Provider, vouched: Any
) -> None:
    """Also where the ordinary claims name somebody."""
    fake.userinfo = {"verified_claims": vouched}
    begun = await (a_way := way(fake, provider, verified_claims=EIDAS)).begin("s")
    assert "eidas" in begun.url  # type: ignore[union-attr]
    fake.nonce = begun.memory["nonce"]  # type: ignore[union-attr]
    with pytest.raises(NotProved):
        await a_way.finish(begun.memory, CODE)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", [None, 7, "", "anna:evil.example", "an na", "ännä"])
async def test_a_service_that_names_no_account_proves_none(
    fake: Fake, provider: Provider, name: Any
) -> None:
    fake.userinfo = {"username": name}
    login = MasLogin(provider, "example.org")
    begun = await login.begin("s")
    fake.nonce = begun.memory["nonce"]
    with pytest.raises(NotProved, match="names no account"):
        await login.finish(begun.memory, CODE)


async def test_times_are_those_of_our_clock(fake: Fake, provider: Provider) -> None:
    fake.clock.at = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(days=1)
    await returned(fake, provider)
