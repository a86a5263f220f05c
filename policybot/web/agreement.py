"""The pages of the agreement: every version in every language, and what changed between two."""

import re

from aiohttp import web

from policybot.domain.agreement import Version
from policybot.domain.errors import NotFound
from policybot.domain.permission import Permission
from policybot.services.agreements import Agreements, day
from policybot.web.site import Site, route

_LONGEST_HEADER = 400
_LANGUAGE = re.compile(r"\s*([a-z]{1,8}(?:-[a-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{1,3})?)\s*)?")


class AgreementPages:
    """What everybody may read of the agreement."""

    def __init__(self, site: Site, texts: Agreements) -> None:
        """Show the versions on record."""
        self._site = site
        self._agreements = texts

    def routes(self) -> list[web.RouteDef]:
        """List the pages."""
        return [
            route("GET", "/agreement", self._show, needs=Permission.ABOUT_READ),
            route("GET", "/agreement/diff", self._compare, needs=Permission.ABOUT_READ),
        ]

    async def _show(self, request: web.Request) -> web.Response:
        """Show one version: the one that is asked for, else the one in force."""
        texts, name = self._agreements, request.query.get("version", "")
        version = texts.named(name) if name else texts.current
        language = _language(request, version)
        return self._site.page(
            "agreement.html",
            version=version,
            language=language,
            paragraphs=_paragraphs(version.agreement.texts[language]),
            promises=version.agreement.promises(language),
            state=self._state(version),
            others=[(other, self._state(other)) for other in reversed(texts.versions)],
            before=self._before(version),
            signable=version in (texts.current, texts.newest),
            bot=self._site.config.bot_user_id,
        )

    def _state(self, version: Version) -> str:
        """Say in a few words what a version is today."""
        if version.withdrawn_at is not None:
            return f"never bound, withdrawn on {version.withdrawn_at:%-d %B %Y}"
        if version is self._agreements.current:
            return f"in force, from {day(version.binds_from)}"
        if version is self._agreements.coming:
            return f"coming: binds from {day(version.binds_from)}"
        return f"earlier: bound from {day(version.binds_from)}"

    def _before(self, version: Version) -> Version | None:
        """Give the version that was before one, without those that never bound."""
        earlier = [
            v for v in self._agreements.versions if v.number < version.number and v.withdrawn_at is None
        ]
        return earlier[-1] if earlier else None

    async def _compare(self, request: web.Request) -> web.Response:
        """Show what changed from one version to another."""
        names = [request.query.get(key, "") for key in ("from", "to")]
        if not all(names):
            message = "Please name two versions: /agreement/diff?from=1&to=2"
            raise NotFound(message)
        old, new = (self._agreements.named(name) for name in names)
        language = _language(request, new)
        return self._site.page(
            "agreement_diff.html",
            old=old,
            new=new,
            language=language,
            change=self._agreements.amendment(old, new, language),
            state=self._state(new),
        )


def _language(request: web.Request, version: Version) -> str:
    """Choose the language: by the address, else by what the browser prefers, else the default."""
    wanted = [request.query.get("lang", "").lower()]
    for name in preferred(request.headers.get("Accept-Language", "")):
        wanted += [name, name.partition("-")[0]]
    return version.agreement.language(*wanted)


def preferred(header: str) -> list[str]:
    """Read Accept-Language, best first (RFC 9110, section 12.5.4); what is malformed is left out."""
    found: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:_LONGEST_HEADER].lower().split(",")):
        match = _LANGUAGE.fullmatch(part)
        if match and (weight := float(match[2] or 1)) > 0:
            found.append((-weight, place, match[1]))
    return [name for _, _, name in sorted(found)]


def _paragraphs(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"\n[ \t]*\n", text) if part.strip()]
