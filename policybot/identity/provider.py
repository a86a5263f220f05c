"""An OpenID provider as its client sees it: out with a question, back with claims that hold.

OpenID Connect Core 1.0 (code flow), Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (issuer of the answer).
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

import aiohttp

from policybot.domain.private import Private
from policybot.identity.fetch import Answer, Fetch
from policybot.identity.tokens import Keys, checked
from policybot.ports import Clock, Declined, Go, NotProved, SourceAway

_FRESH = timedelta(hours=1)
_KEYS_APART = timedelta(minutes=1)
_LONGEST = 4096
"""Characters of a code, beyond what providers give."""
_BY_THE_PERSON = frozenset(
    {"access_denied", "login_required", "interaction_required", "consent_required"}
    | {"account_selection_required"}
)


@dataclass(frozen=True, slots=True)
class Client:
    """What the operator has agreed with a provider."""

    issuer: str
    id: str
    secret: Private | None
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a provider says of itself."""

    authorization: str
    token: str
    userinfo: str | None
    keys: str
    says_issuer: bool
    """Whether its answers name the issuer (RFC 9207)."""
    basic: bool
    """Whether it takes the client's secret in the header."""
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """Whom a provider says that the browser is, checked."""

    subject: Private
    claims: Mapping[str, Any] = field(repr=False)


class Provider:
    """One OpenID provider."""

    def __init__(self, client: Client, now: Clock) -> None:
        """Be a client of it; nothing is asked yet."""
        self._client = client
        self._now = now
        self._fetch = Fetch(client.issuer)
        self._endpoints: Endpoints | None = None
        self._keys = Keys(())
        self._keys_at: datetime | None = None

    @property
    def issuer(self) -> str:
        """The provider's name for itself, and the realm of its subjects."""
        return self._client.issuer

    # There ---------------------------------------------------------------------------------------

    async def begin(
        self, state: str, scopes: Sequence[str], claims: Mapping[str, Any] | None = None
    ) -> Go:
        """Say where to send the browser.

        Raises:
            SourceAway: the provider cannot be reached, or is another than it should be.
        """
        endpoints = await self.endpoints()
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        asked = {
            "response_type": "code",
            "client_id": self._client.id,
            "redirect_uri": self._client.redirect_uri,
            "scope": " ".join(scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _unpadded(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        if claims is not None:
            asked["claims"] = json.dumps(claims, separators=(",", ":"))
        joint = "&" if "?" in endpoints.authorization else "?"
        url = f"{endpoints.authorization}{joint}{urlencode(asked, quote_via=quote)}"
        return Go(url, state, {"nonce": nonce, "verifier": verifier})

    async def endpoints(self) -> Endpoints:
        """Read what the provider says of itself, once an hour.

        Raises:
            SourceAway: it cannot be reached, or is another than it should be.
        """
        known = self._endpoints
        if known is None or self._now() - known.read_at > _FRESH:
            url = f"{self.issuer.removesuffix('/')}/.well-known/openid-configuration"
            answer = await self._fetch.get(url)
            if not answer.good:
                _away(f"there is no OpenID provider at {self.issuer} (HTTP {answer.status})")
            known = self._endpoints = self._read(answer.body)
        return known

    def _read(self, said: Mapping[str, Any]) -> Endpoints:
        if said.get("issuer") != self.issuer:
            _away(f"{self.issuer} calls itself by another name; write it as the provider does")
        methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        userinfo = said.get("userinfo_endpoint")
        return Endpoints(
            authorization=self._fetch.check(said.get("authorization_endpoint")),
            token=self._fetch.check(said.get("token_endpoint")),
            userinfo=None if userinfo is None else self._fetch.check(userinfo),
            keys=self._fetch.check(said.get("jwks_uri")),
            says_issuer=said.get("authorization_response_iss_parameter_supported") is True,
            basic=not isinstance(methods, list) or "client_secret_basic" in methods,
            read_at=self._now(),
        )

    # And back ------------------------------------------------------------------------------------

    async def finish(self, memory: Mapping[str, str], answer: Mapping[str, str]) -> Said:
        """Check what the browser brought, and ask the provider who it is.

        Raises:
            NotProved: something in it is not as it must be.
            Declined: the person did not go through with it.
            SourceAway: the provider cannot be reached.
        """
        endpoints = await self.endpoints()
        code = self._code(endpoints, answer)
        tokens = await self._exchange(endpoints, code, memory["verifier"])
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            _refuse("the provider sent no tokens")
        if str(tokens.get("token_type")).lower() != "bearer":
            _refuse("the provider sent an access token of a kind that we cannot use")
        claims = await self._claims(endpoints, id_token, access_token, memory["nonce"])
        subject = _subject(claims)
        if endpoints.userinfo is not None:
            claims |= await self._userinfo(endpoints.userinfo, access_token, subject)
        return Said(Private(subject), claims)

    def _code(self, endpoints: Endpoints, answer: Mapping[str, str]) -> str:
        named = answer.get("iss")
        if named != self.issuer and (named is not None or endpoints.says_issuer):
            _refuse("the answer is not this provider's")
        if "error" in answer:
            self._failed(answer["error"])
        code = answer.get("code", "")
        if not code or len(code) > _LONGEST:
            _refuse("the browser brought no code")
        return code

    def _failed(self, error: str) -> NoReturn:
        if error in _BY_THE_PERSON:
            raise Declined(error)
        _away(f"{self.issuer} says {_word(error)}")

    async def _exchange(self, endpoints: Endpoints, code: str, verifier: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        secret = self._client.secret
        if secret is not None and endpoints.basic:
            # Each part is encoded like a form first (RFC 6749, section 2.3.1).
            headers["Authorization"] = aiohttp.encode_basic_auth(
                quote(self._client.id, safe=""), quote(secret.reveal(), safe="")
            )
        else:
            form["client_id"] = self._client.id
            if secret is not None:
                form["client_secret"] = secret.reveal()
        answer = await self._fetch.post(endpoints.token, form, headers=headers)
        if not answer.good:
            self._not_exchanged(answer)
        return answer.body

    def _not_exchanged(self, answer: Answer) -> NoReturn:
        error = _word(answer.body.get("error"))
        if error == "invalid_grant":
            _refuse("the provider does not take the code")
        _away(f"{self.issuer} says {error}; check client_id and client_secret")

    async def _claims(
        self, endpoints: Endpoints, id_token: str, access_token: str, nonce: str
    ) -> dict[str, Any]:
        """Check the ID token: signature, whom it is from and for, times, nonce, at_hash."""
        keys = await self._known_keys(endpoints, Keys.named_in(id_token))
        claims = checked(id_token, keys, issuer=self.issuer, client_id=self._client.id, now=self._now())
        given = claims.get("nonce")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
            _refuse("the token has another nonce")
        if "at_hash" in claims:
            keys.check_at_hash(id_token, claims["at_hash"], access_token)
        return claims

    async def _known_keys(self, endpoints: Endpoints, name: str | None) -> Keys:
        """Give the provider's keys; read them anew for one that is unknown, once a minute at most."""
        now = self._now()
        age = None if self._keys_at is None else now - self._keys_at
        if age is None or age > _FRESH or (age >= _KEYS_APART and not self._keys.have(name)):
            answer = await self._fetch.get(endpoints.keys)
            if not answer.good:
                _away(f"the keys of {self.issuer} cannot be read (HTTP {answer.status})")
            self._keys, self._keys_at = Keys(answer.body.get("keys")), now
        return self._keys

    async def _userinfo(self, url: str, access_token: str, subject: str) -> Mapping[str, Any]:
        if not access_token.isascii() or not access_token.isprintable():
            _refuse("the provider sent no access token")
        answer = await self._fetch.get(url, headers={"Authorization": f"Bearer {access_token}"})
        if not answer.good:
            _refuse(f"the user info is refused (HTTP {answer.status})")
        if _subject(answer.body) != subject:
            _refuse("the user info is of another subject")
        return answer.body


def _subject(claims: Mapping[str, Any]) -> str:
    """Read the subject: 255 ASCII characters at most (OpenID Connect Core 1.0, section 2)."""
    subject = claims.get("sub")
    sound = isinstance(subject, str) and re.fullmatch(r"[!-~]([ -~]{0,253}[!-~])?", subject)
    if not sound:
        _refuse("the subject is none")
    return str(subject)


def _unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _word(text: object) -> str:
    """Repeat an error code, and nothing else that a stranger may have written."""
    return text if isinstance(text, str) and re.fullmatch(r"[a-z_]{1,40}", text) else "no"


def _refuse(reason: str) -> NoReturn:
    raise NotProved(reason)


def _away(reason: str) -> NoReturn:
    raise SourceAway(reason)
