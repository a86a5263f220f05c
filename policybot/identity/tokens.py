"""Signed tokens: by which keys and algorithms, from whom, for whom and until when they are good."""

import base64
import hashlib
import hmac
import warnings
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

from policybot.identity.fetch import parse
from policybot.ports import NotProved

_ALGORITHMS: Mapping[str, type[Key]] = {
    "ES256": ECKey,
    "RS256": RSAKey,
    "PS256": RSAKey,
    "EdDSA": OKPKey,
}
"""What may sign, by which kind of key. No shared secret ever: it would make clients into signers."""
_LEEWAY = 60
_MOST = 100
_BAD = (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What a hostile token or key can make the library raise."""


class Keys:
    """The public keys of a provider."""

    def __init__(self, published: object) -> None:
        """Take of what was published the keys that can be used, and pass over the others."""
        self._keys: list[Key] = []
        for one in (published if isinstance(published, list | tuple) else ())[:_MOST]:
            if (key := _public_key(one)) is not None:
                self._keys.append(key)

    @staticmethod
    def named_in(token: str) -> str | None:
        """Say which key a token claims to be signed by."""
        name = _header(token).get("kid")
        return name if isinstance(name, str) else None

    def have(self, name: str | None) -> bool:
        """Say whether there is such a key, or any where none is named."""
        return any(name is None or key.kid == name for key in self._keys)

    def opener(self, token: str) -> Key:
        """Find the one key that can have signed a token.

        Raises:
            NotProved: there is none, or several.
        """
        header = _header(token)
        kind = _ALGORITHMS.get(str(header.get("alg")))
        if kind is None:
            _refuse("the token is signed in a way that is not accepted")
        name = header.get("kid")
        fit = [
            key
            for key in self._keys
            if isinstance(key, kind)
            and (name is None or key.kid == name)
            and key.get("alg", header["alg"]) == header["alg"]
        ]
        if len(fit) != 1:
            _refuse("the token is signed by a key that the provider does not publish")
        return fit[0]

    @staticmethod
    def check_at_hash(token: str, given: object, access_token: str) -> None:
        """Check that an access token came with this ID token (Core 1.0, section 3.1.3.6)."""
        long = _header(token).get("alg") == "EdDSA"
        digest = (hashlib.sha512 if long else hashlib.sha256)(access_token.encode()).digest()
        half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), half):
            _refuse("the access token belongs to another ID token")


def _public_key(published: object) -> Key | None:
    """Read one published key; None if it is of no use here, or too weak."""
    if not isinstance(published, dict) or published.get("use", "sig") != "sig":
        return None
    if published.get("kty") not in ("EC", "RSA", "OKP"):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SecurityWarning)  # a key that is too short
            return JWKRegistry.import_key(published)
    except (*_BAD, SecurityWarning):
        return None


def checked(token: str, keys: Keys, *, issuer: str, client_id: str, now: datetime) -> dict[str, Any]:
    """Check an ID token and give its claims (Core 1.0, section 3.1.3.7); the nonce is the caller's.

    Raises:
        NotProved: it does not hold; the reason repeats nothing of it.
    """
    key = keys.opener(token)
    rules = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=_LEEWAY,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        with warnings.catch_warnings():
            # EdDSA has a more exact name since RFC 9864; providers use the old one.
            warnings.simplefilter("ignore", SecurityWarning)
            signed = jws.deserialize_compact(token, key, list(_ALGORITHMS))
        claims = parse(signed.payload or b"")
        if claims is None:
            _refuse("the token holds no claims")
        rules.validate(claims)
    except _BAD as error:
        _refuse(f"the ID token does not hold ({_reason(error)})")
    audience = claims["aud"]
    several = isinstance(audience, list) and len(audience) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        _refuse("the token was given to somebody else")
    return claims


def _header(token: str) -> Mapping[str, Any]:
    """Read what a token says of itself, without believing it."""
    try:
        head = token.partition(".")[0].encode("ascii")
        return parse(base64.urlsafe_b64decode(head + b"=" * (-len(head) % 4))) or {}
    except ValueError:
        return {}


def _reason(error: Exception) -> str:
    """Name a fault by its kind and the claim, for its text may repeat the token."""
    claim = getattr(error, "claim", None)
    return f"{type(error).__name__}{f': {claim}' if isinstance(claim, str) else ''}"


def _refuse(reason: str) -> NoReturn:
    raise NotProved(reason)
