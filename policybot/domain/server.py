"""A server: another homeserver, by its name, which measures can shut out of governed rooms.

Names are those of the Matrix specification (appendices, "Server Name"), in small letters and without a
port: `m.room.server_acl` knows no ports, and hosts are the same in capitals.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from policybot.domain.errors import Incomplete
from policybot.domain.measure import Kind, Measure
from policybot.domain.notice_words import ENGLISH, Phrases

LONGEST = 230
"""Characters of a name (Matrix specification, appendices, "Server Name")."""
_LABEL = r"[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?"
_NAME = re.compile(
    rf"((?:{_LABEL}\.)+[a-z](?:[0-9a-z-]{{0,61}}[0-9a-z])?"
    r"|(?:[0-9]{1,3}\.){3}[0-9]{1,3}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?",
    re.ASCII,
)
ACL = "m.room.server_acl"
"""The state event that says which servers take part in a room."""
SHUT = (Kind.SUSPEND, Kind.CLOSE)
"""Measures that shut a server out."""
SECOND_PERSON = "to shut a server out always needs two people"
NO_GRID = (
    "The ladder in force{when} has no measures on servers (scopes.server), so nothing can be decided "
    "about one. Decide about its accounts one by one, or dismiss the case."
)
NO_RESTRICT = (
    "There is no way to take the right to post from a whole server: Matrix can shut it out of a room or "
    "let it in. Decide about its accounts one by one, or shut it out: suspend:P7D"
)
NO_HOLD = (
    "A server is not put on hold: shutting it out always needs two people. Put single accounts on hold, "
    "or decide the case."
)
UNTOLD = (
    "Nobody on another server can be told by us, so this is a record for your own people: it counts for "
    "nothing later. Write to those who run the server yourselves."
)
ALL_OF_IT = (
    "This reaches every account there, whatever it has done; accounts of ours are not touched, and what "
    "was written stays. Each room reads it first. One account there can appeal for all."
)
STANDARD: Mapping[str, Any] = {"allow": ["*"], "deny": []}
"""What an ACL says in a room that has none: without it everybody takes part, and an event stays."""


def read(text: str) -> str | None:
    """Read the name of a server; None if it is none that other servers could reach by it."""
    found = _NAME.fullmatch(text.lower()) if len(text) <= LONGEST and text.isascii() else None
    return found[1] if found else None


def of(user_id: str) -> str | None:
    """Name the server of an account."""
    return read(user_id.partition(":")[2])


def is_typed(word: str) -> bool:
    """Say whether a word that may as well be the number of a rule is the name of a server."""
    return (word != word.upper() or ":" in word) and read(word) is not None


def check_measure(measure: Measure) -> None:
    """Check that a measure can be taken on a server.

    Raises:
        Incomplete: there is no such thing; the message says the way round.
    """
    if measure.kind is Kind.RESTRICT:
        raise Incomplete(NO_RESTRICT)


def said(  # noqa: PLR0913 - what everybody in a room has to know
    server: str,
    *,
    number: str,
    rule: str,
    facts: str,
    span: timedelta | None,
    days: int,
    bot: str,
    public: str,
    phrases: Phrases = ENGLISH,
) -> str:
    """Tell a room, while its members of a server can still read it, that the server is shut out of it.

    Args:
        server: its name.
        number: of the case.
        rule: the rule by number and title.
        facts: what happened.
        span: for how long; None for a closing.
        days: in which it can be objected to.
        bot: whom to write to.
        public: the list by which other communities are told; empty if they are not.
        phrases: the sentences in the language of the room.
    """
    say = phrases.say
    how_long = say("notice_server_for", time=phrases.span(span)) if span else say("notice_no_limit")
    told = f" {say('notice_server_published', room=public)}" if public else ""
    return "\n".join(
        (
            f"{say('notice_server_shut', number=number, server=server, time=how_long)}{told}",
            say("notice_server_rule", rule=rule),
            say("notice_facts", facts=facts),
            say("notice_server_remedies", server=server, days=str(days), bot=bot, number=number),
        )
    )


def over(server: str, number: str, phrases: Phrases = ENGLISH) -> str:
    """Tell a room that a server may take part in it again."""
    return phrases.say("notice_server_over", server=server, number=number)


# The ACL of a room --------------------------------------------------------------------------------


def listed(content: Mapping[str, Any] | None, key: str) -> list[str]:
    """Read a list of an ACL, in which anything may stand."""
    found = (content or {}).get(key)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def denied(content: Mapping[str, Any] | None) -> frozenset[str]:
    """Name the servers that an ACL shuts out by their own names, whatever patterns stand beside."""
    return frozenset(one.lower() for one in listed(content, "deny"))


def without(content: Mapping[str, Any] | None, server: str) -> dict[str, Any]:
    """Write an ACL with one more server shut out; all that stands in it stays."""
    kept = dict(STANDARD if content is None else content)
    kept["deny"] = [*listed(kept, "deny"), *_new(server, denied(kept))]
    return kept


def _new(server: str, known: Iterable[str]) -> list[str]:
    return [] if server in known else [server]


def again(content: Mapping[str, Any], server: str) -> dict[str, Any]:
    """Write an ACL without that server shut out by its own name."""
    return {**content, "deny": [one for one in listed(content, "deny") if one.lower() != server]}
