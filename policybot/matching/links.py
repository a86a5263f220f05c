"""Where a text links to: the hosts of its addresses, compared by domain, without asking anybody."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from urllib.parse import unquote

import idna
from publicsuffixlist import PublicSuffixList

from policybot.domain.condition import Links as Wanted
from policybot.matching import fold

MAX_LINKS = 512
"""Different hosts of one event in letters that have to be written as the network knows them, which takes
long. What is beyond them stays as it is: no list names it, so it counts where not all are allowed."""
_MAX_HOST = 253
_ADDRESS = re.compile(
    # With its scheme, and the rest of it, so that no name in a path is taken for a host.
    r"""(?P<scheme>[a-z][a-z0-9+.-]{1,20}):[/\\]{1,8}(?P<authority>[^\s/\\?#<>"'\x60]{1,512})"""
    r"""(?:(?!https?:)[^\s<>"'])*"""
    # What has the form of a domain, and is no part of a mail address.
    # Strokes below that make it stand out count at the beginning alone: no run of them is tried anew.
    r"""|(?:(?<![^\s(\[{<>"',;:=|*~])|(?<=^_)|(?<=^__)|(?<=[^\w-]_)|(?<=[^\w-]__))"""
    r"""(?P<host>(?:[\w-]{1,63}[.\u3002\uff0e\uff61]){1,32}[\w-]{2,63})(?![\w@-])""",
    re.IGNORECASE,
)
"""An address. All repeats that could be tried in several ways are bounded."""
_TOKEN = re.compile(r"[@#!$][^\s:]*:$")
_PERSON = re.compile("/#/(?:@|%40)", re.IGNORECASE)
_LONGEST_ID = 255
_DOTS = re.compile("[\u3002\uff0e\uff61]")
_QUIET = frozenset({"mxc", "matrix", "mailto"})


@cache
def _suffixes() -> PublicSuffixList:
    """Read the list that comes with the package; it is never fetched."""
    return PublicSuffixList(accept_unknown=False)


@lru_cache(maxsize=4096)
def ascii_host(host: str) -> str:
    """Write a host as the network knows it: small letters, IDNA; what is no name stays as it is."""
    host = _DOTS.sub(".", host).strip(".").lower()
    if host.isascii():
        return host[:_MAX_HOST]
    try:
        return idna.encode(host[:_MAX_HOST], uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return host[:_MAX_HOST]


@lru_cache(maxsize=4096)
def is_registrable(domain: str) -> bool:
    """Say whether a domain is one that somebody can have, or lies below one: not `com`."""
    return _suffixes().privatesuffix(ascii_host(domain)) is not None


def hosts(texts: Iterable[str]) -> Iterator[tuple[int, int, int, str]]:
    """Give the hosts that texts link to: which text, beginning, end, and the host in ASCII."""
    known: dict[str, str | None] = {}
    foreign = 0
    for number, text in enumerate(texts):
        if "." not in text and "/" not in text and "\\" not in text and text.isascii():
            continue
        shown = fold.visible(text)
        for found in _ADDRESS.finditer(shown):
            written = found["host"] or f"{found['scheme']}:{found['authority']}"
            if written not in known:
                foreign += not written.isascii()
                known[written] = _host_of(found, foreign=foreign > MAX_LINKS)
            host = known[written]
            if host is None or _is_of_an_id(shown, found):
                continue
            behind = found.end("host" if found["authority"] is None else "authority")
            if host == "matrix.to" and _PERSON.match(shown, behind):
                continue  # a person is mentioned
            yield number, found.start(), found.end(), host


def _host_of(found: re.Match[str], *, foreign: bool) -> str | None:
    """Name a host as the network does; `foreign` if there are too many that take long."""
    authority = found["authority"]
    if authority is None:
        written = found["host"].strip("_")
        ending = _DOTS.sub(".", written).rpartition(".")[2]
        if ending.isascii() and not _is_suffix(ending.lower()):
            return None
        if foreign:
            return written.lower()[:_MAX_HOST]
        host = ascii_host(written)
        return host if is_registrable(host) else None
    if found["scheme"].lower() in _QUIET:
        return None
    if "%" in authority:
        authority = unquote(authority)
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        return host.partition("]")[0][1:].lower()
    host = host.partition(":")[0]
    return (host.lower()[:_MAX_HOST] if foreign else ascii_host(host)) or None


@lru_cache(maxsize=4096)
def _is_suffix(ending: str) -> bool:
    """Say whether a domain can end so."""
    return _suffixes().privatesuffix(f"a.b.c.d.{ending}") is not None


def _is_of_an_id(text: str, found: re.Match[str]) -> bool:
    """Say whether a host is the end of a Matrix ID, such as @anna:example.org."""
    begin = found.start()
    if found["host"] is None or begin == 0 or text[begin - 1] != ":":
        return False
    before = text[max(0, begin - _LONGEST_ID) : begin].split()
    return bool(before) and _TOKEN.match(before[-1]) is not None


class Domains:
    """Which links count for one condition."""

    def __init__(self, wanted: Wanted) -> None:
        """Prepare the lists.

        Raises:
            ValueError: one of the domains is none that somebody can have; the message quotes it.
        """
        for domain in (*wanted.allow, *wanted.deny):
            if not is_registrable(domain):
                message = f"«{domain}» is no domain that somebody can have; write example.com"
                raise ValueError(message)
        self._allow = frozenset(map(ascii_host, wanted.allow))
        self._deny = frozenset(map(ascii_host, wanted.deny))

    def counts(self, host: str) -> bool:
        """Say whether a link to a host is one that is meant."""
        if not self._allow and not self._deny:
            return True
        if self._deny and _is_under(host, self._deny):
            return True
        return bool(self._allow) and not _is_under(host, self._allow)


def _is_under(host: str, domains: frozenset[str]) -> bool:
    while host:
        if host in domains:
            return True
        host = host.partition(".")[2]
    return False


class LinkConditions:
    """All conditions about links, asked together."""

    def __init__(self, wanted: Mapping[int, Wanted]) -> None:
        """Prepare the lists of each owner.

        Raises:
            ValueError: a domain is none.
        """
        self._domains = {owner: Domains(links) for owner, links in wanted.items()}

    def find(
        self, texts: tuple[str, ...], targets: tuple[str, ...]
    ) -> Iterator[tuple[int, int, int, int]]:
        """Find links that count: owner, text, beginning and end; text -1 is one not shown."""
        if not self._domains:
            return
        for number, begin, end, host in hosts(texts):
            yield from (
                (owner, number, begin, end) for owner, d in self._domains.items() if d.counts(host)
            )
        for _, _, _, host in hosts(targets):
            yield from ((owner, -1, 0, 0) for owner, d in self._domains.items() if d.counts(host))
