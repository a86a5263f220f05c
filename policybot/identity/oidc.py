"""The way in by login at an OpenID provider, with claims that somebody vouches for where that is asked.

A person is known by issuer and subject, never by an address. How they logged in (`acr`, `amr`) says
nothing of who they are, and raises no level.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from policybot.config.oidc import ProviderSection, VerifiedClaimsSection
from policybot.domain.identity import Assurance, Claim, Record, Source
from policybot.domain.private import Private
from policybot.identity.provider import Provider
from policybot.ports import Clock, NotProved, Step

_LONGEST = 200
_NAMES = (Claim.NAME, Claim.GIVEN_NAME, Claim.FAMILY_NAME)
_DIRECTING = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that turn the direction of a text around (UAX #9), and with it what stands beside it."""


class OidcWay:
    """A way in by login."""

    source = Source.OIDC

    def __init__(
        self, section: ProviderSection, keep: frozenset[Claim], provider: Provider, now: Clock
    ) -> None:
        """Send people to this provider, and take of them what may be kept."""
        self.id = f"oidc-{section.id}"
        self.title = section.title
        self._section = section
        # A full name may come in parts.
        self._wanted = tuple(c for c in Claim if c in keep or (Claim.NAME in keep and c in _NAMES))
        self._provider = provider
        self._now = now

    async def begin(self, state: str) -> Step:
        """Send the browser to the provider."""
        rules = self._section.verified_claims
        asked = None if rules is None else _asking(rules, self._wanted)
        return await self._provider.begin(state, self._section.scopes, asked)

    async def finish(self, memory: Mapping[str, str], answer: Mapping[str, str]) -> Record | None:
        """Find out who came back."""
        said = await self._provider.finish(memory, answer)
        rules = self._section.verified_claims
        claims, assurance, process = said.claims, self._section.assurance, "login by OpenID Connect"
        if rules is not None:
            claims, assurance, process = _vouched(said.claims.get("verified_claims"), rules)
        known = {claim: Private(text) for claim in self._wanted if (text := _text(claim, claims))}
        if not known:
            message = "the provider says nothing of the person that is to be kept; check the scopes"
            raise NotProved(message)
        return Record(
            source=Source.OIDC,
            realm=self._provider.issuer,
            reference=said.subject,
            claims=known,
            assurance=assurance,
            process=process,
            verified_at=self._now(),
        )


def _asking(rules: VerifiedClaimsSection, wanted: Sequence[Claim]) -> Mapping[str, Any]:
    """Write what is asked for (OpenID Identity Assurance 1.0, section 6)."""
    return {
        "userinfo": {
            "verified_claims": {
                "verification": {
                    "trust_framework": {"values": list(rules.trust_framework)},
                    "assurance_level": {"values": list(rules.levels)},
                },
                "claims": {claim.value: None for claim in wanted},
            }
        }
    }


def _vouched(given: object, rules: VerifiedClaimsSection) -> tuple[Mapping[str, Any], Assurance, str]:
    """Take of what was vouched for the first that is as asked; a provider may send more, or other.

    Raises:
        NotProved: none of it is.
    """
    for one in given if isinstance(given, list) else [given]:
        if not isinstance(one, dict):
            continue
        verification, claims = one.get("verification"), one.get("claims")
        if not isinstance(verification, dict) or not isinstance(claims, dict):
            continue
        framework, level = verification.get("trust_framework"), verification.get("assurance_level")
        if framework in rules.trust_framework and isinstance(level, str) and level in rules.levels:
            return claims, rules.levels[level], str(framework)
    message = "nothing is vouched for by a framework and at a level that was asked for"
    raise NotProved(message)


def _text(claim: Claim, claims: Mapping[str, Any]) -> str:
    """Read a claim as a short plain text; empty if it is none."""
    text = claims.get(claim.value)
    if not isinstance(text, str) or len(text) > _LONGEST:
        return ""
    if claim is Claim.BIRTHDATE:
        return text if re.fullmatch(r"\d{4}(-\d{2}-\d{2})?", text, re.ASCII) else ""
    plain = " ".join(_DIRECTING.sub("", text).split())
    return "".join(c for c in plain if c.isprintable() or c in "\u200c\u200d")
