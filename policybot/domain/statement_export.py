"""Statements of reasons as the database of the EU takes them: its fields, its rules, and nobody's data.

The rules are those of the public code of that database (`StatementsStoreRequest`) and of its
documentation for the schema of 1 July 2025; where these two differ, the stricter. They are checked
here, before anything is handed over.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime

from policybot.domain import keyword as listed
from policybot.domain.prepared import MOST_FACTS
from policybot.domain.rules import Ground
from policybot.domain.statement import (
    AccountDecision,
    Automation,
    Content,
    Provision,
    Reasons,
    Source,
    Visibility,
)

A_CALL = 100
"""Statements that the database takes in one call."""
CATEGORIES = frozenset(one.code for one in listed.CATEGORIES) - {listed.OF_ORDERS}
"""The database has no statements about orders."""
KEYWORDS = frozenset(code for one in listed.CATEGORIES for code, _ in one.keywords)
_UNION = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
    *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
)
COUNTRIES = frozenset({*_UNION, "IS", "LI", "NO"})
"""The European Economic Area: there a restriction holds that is limited to no country."""
_ILLEGAL, _INCOMPATIBLE = "DECISION_GROUND_ILLEGAL_CONTENT", "DECISION_GROUND_INCOMPATIBLE_CONTENT"
_SHORT, _EXPLAINED = 500, 2_000
_NO_MEDIUM = "A room, an account, or a message that is no text, picture, film or sound"
_URL = re.compile(r"https?://[^\s/?#]+[^\s]*")
_PUID = re.compile(r"[A-Za-z0-9_-]{1,500}")
_ENDS = ("visibility", "monetary", "service", "account")

Request = Mapping[str, object]


# What is handed over ------------------------------------------------------------------------------


def request(
    reasons: Reasons, *, category: str | None, facts: str, keyword: str | None = None, title: str = ""
) -> dict[str, object]:
    """Write a statement as the database takes it.

    Args:
        reasons: the statement on record.
        category: the database's word for what it is about.
        keyword: its word for what within that, where there is one.
        title: what the rule is about, where none of its keywords says it.
        facts: what happened, without anything that names a person or a place.
    """
    by_law = reasons.ground is Ground.LAW
    ground = "illegal_content_legal_ground" if by_law else "incompatible_content_ground"
    why = "illegal_content_explanation" if by_law else "incompatible_content_explanation"
    made: dict[str, object] = {
        "puid": reasons.puid,
        "decision_visibility": list(reasons.visibility),
        "decision_provision": reasons.provision,
        "decision_account": reasons.account,
        "decision_ground": _ILLEGAL if by_law else _INCOMPATIBLE,
        "decision_ground_reference_url": reasons.reference_url,
        ground: masked(reasons.ground_name),
        why: masked(reasons.explanation),
        "content_type": list(reasons.content),
        "content_type_other": _NO_MEDIUM if Content.OTHER in reasons.content else None,
        "category": category,
        "category_specification": [keyword] if keyword else [],
        "category_specification_other": masked(title)[:_SHORT] if keyword == listed.OTHER else None,
        "territorial_scope": list(reasons.territory) or sorted(COUNTRIES),
        "content_language": reasons.content_language and reasons.content_language.upper(),
        "content_date": _day(reasons.content_date),
        "application_date": _day(reasons.application_date),
        "end_date_visibility_restriction": _end(reasons, reasons.visibility_ends_at),
        "end_date_service_restriction": _end(reasons, reasons.service_ends_at),
        "end_date_account_restriction": _end(reasons, reasons.account_ends_at),
        "decision_facts": facts,
        "source_type": reasons.source,
        "automated_detection": "Yes" if reasons.found_by_machine else "No",
        "automated_decision": reasons.automation,
    }
    return {name: value for name, value in made.items() if value not in (None, [], "")}


def _day(at: datetime | None) -> str | None:
    return at.date().isoformat() if at else None


def _end(reasons: Reasons, at: datetime | None) -> str | None:
    """Give the last day; of what was over before it was carried out, that on which it was."""
    return _day(at and max(at, reasons.application_date))


_HIDDEN: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:https?|matrix|mxc|ftp|geo|tel)[:](?://)?\S+", re.IGNORECASE), "[link]"),
    (re.compile(r"\b(?:www\.|[\w-]+(?:\.[\w-]+)+/)\S+", re.IGNORECASE), "[link]"),
    (re.compile(r"%(?:40|23|21|24)[\w.%+/=-]+%3A[\w.%-]+", re.IGNORECASE), "[link]"),
    (re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"), "[e-mail address]"),
    (re.compile(r"(?<![\w@])@[^\s@:,;()]+:[\w.\[\]:-]*[\w\]]"), "[account]"),
    (re.compile(r"(?<![\w!])![^\s!:]+(?::[\w.\[\]:-]*[\w\]])?"), "[room]"),
    (re.compile(r"(?<![\w#])#[^\s#:]+:[\w.\[\]:-]*[\w\]]"), "[room]"),
    (re.compile(r"(?<![\w$])\$[\w+/=-]{6,}(?::[\w.\[\]:-]*[\w\]])?"), "[message]"),
    (re.compile(r"\b(?:PB-\d{4}-\d{6}-\w\w|(?:C|R|F|D|REF)-\d+)\b", re.IGNORECASE), "[number]"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"), "[address]"),
    (re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE), "[address]"),
    (re.compile(r"(?<![\w-])\+?\d(?:[\s/().-]?\d){7,}\b"), "[number]"),
)


def masked(text: str, words: tuple[str, ...] = ()) -> str:
    """Take out what names somebody or leads to them: IDs, links, addresses, numbers, and words.

    Our own numbers are among them: a case's stands in the room, and on our list, beside an account.

    Names that people wrote out in a sentence are not found by this: a person has to read what is handed
    over, or leave the facts to `by_rule`.
    """
    for pattern, instead in _HIDDEN:
        text = pattern.sub(instead, text)
    for word in sorted(filter(str.strip, words), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "[name]", text, flags=re.IGNORECASE)
    return text


def by_rule(ground_name: str) -> str:
    """Say what happened without a word of what was written about it."""
    return f"A breach of {masked(ground_name)} was found. The person concerned was told the facts."


# What the database takes --------------------------------------------------------------------------


def faults(one: Request) -> tuple[str, ...]:
    """Name each field that the database would not take, and why."""
    found = [*_of_decision(one), *_of_ground(one), *_of_content(one), *_of_dates(one), *_of_rest(one)]
    return tuple(found)


def _of_decision(one: Request) -> list[str]:
    found = [
        *_each(one, "decision_visibility", {v.value for v in Visibility}),
        *_among(one, "decision_provision", {p.value for p in Provision}),
        *_among(one, "decision_account", {a.value for a in AccountDecision}),
    ]
    decided = ("decision_visibility", "decision_monetary", "decision_provision", "decision_account")
    if not any(one.get(name) for name in decided):
        found.append("decision_visibility: one of the four decisions is needed")
    return found


def _of_ground(one: Request) -> list[str]:
    found = _among(one, "decision_ground", {_ILLEGAL, _INCOMPATIBLE}, needed=True)
    if found:
        return found
    needed, other = "illegal_content", "incompatible_content"
    if one.get("decision_ground") == _INCOMPATIBLE:
        needed, other = other, needed
    ground = {"illegal_content": "illegal_content_legal_ground"}.get(needed, f"{needed}_ground")
    found += _text(one, ground, _SHORT, needed=True)
    found += _text(one, f"{needed}_explanation", _EXPLAINED, needed=True)
    found += [f"{name}: belongs to the other ground" for name in one if name.startswith(f"{other}_")]
    url = one.get("decision_ground_reference_url")
    if url is not None and not (isinstance(url, str) and _URL.fullmatch(url) and len(url) <= _SHORT):
        found.append("decision_ground_reference_url: is no address of 500 characters or less")
    return found


def _of_content(one: Request) -> list[str]:
    found = _each(one, "content_type", {c.value for c in Content}, needed=True)
    kinds = one.get("content_type")
    other = isinstance(kinds, list) and Content.OTHER.value in kinds
    found += _text(one, "content_type_other", _SHORT, needed=other)
    if not other and "content_type_other" in one:
        found.append("content_type_other: belongs to the content type other")
    found += _among(one, "category", CATEGORIES, needed=True)
    found += _each(one, "category_specification", KEYWORDS)
    found += _text(one, "category_specification_other", _SHORT, needed=False)
    found += _each(one, "territorial_scope", COUNTRIES, needed=True)
    language = one.get("content_language")
    if language is not None and not re.fullmatch(r"[A-Z]{2}", str(language)):
        found.append("content_language: is no language of two capital letters")
    return found


def _of_dates(one: Request) -> list[str]:
    last = date(2038, 1, 1)
    found = [
        *_date(one, "content_date", date(2000, 1, 1), last, needed=True),
        *_date(one, "application_date", date(2020, 1, 1), last, needed=True),
    ]
    begins = date(2000, 1, 1) if found else date.fromisoformat(str(one["application_date"]))
    for what in _ENDS:
        found += _date(one, f"end_date_{what}_restriction", begins, last)
    return found


def _of_rest(one: Request) -> list[str]:
    found = [
        *_text(one, "decision_facts", MOST_FACTS, needed=True),
        *_among(one, "source_type", {s.value for s in Source}, needed=True),
        *_among(one, "automated_detection", {"Yes", "No"}, needed=True),
        *_among(one, "automated_decision", {a.value for a in Automation}, needed=True),
    ]
    if not (isinstance(one.get("puid"), str) and _PUID.fullmatch(str(one["puid"]))):
        found.append("puid: must be 1 to 500 of A-Z a-z 0-9 - _")
    return found


def _among(
    one: Request, name: str, known: frozenset[str] | set[str], *, needed: bool = False
) -> list[str]:
    value = one.get(name)
    if value is None:
        return [f"{name}: is missing"] if needed else []
    return [] if value in known else [f"{name}: «{value}» is none of those that are taken"]


def _each(
    one: Request, name: str, known: frozenset[str] | set[str], *, needed: bool = False
) -> list[str]:
    value = one.get(name)
    if value is None:
        return [f"{name}: is missing"] if needed else []
    if not isinstance(value, list) or (needed and not value):
        return [f"{name}: must be a list"]
    return [f"{name}: «{each}» is none of those that are taken" for each in value if each not in known]


def _text(one: Request, name: str, most: int, *, needed: bool) -> list[str]:
    value = one.get(name)
    if value is None or value == "":
        return [f"{name}: is missing"] if needed else []
    good = isinstance(value, str) and len(value) <= most
    return [] if good else [f"{name}: must be a text of {most:,} characters or less"]


def _date(one: Request, name: str, first: date, last: date, *, needed: bool = False) -> list[str]:
    value = one.get(name)
    if value is None:
        return [f"{name}: is missing"] if needed else []
    parse: Callable[[str], date] = date.fromisoformat
    try:
        good = re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)) and first <= parse(str(value)) <= last
    except ValueError:
        good = False
    return [] if good else [f"{name}: must be a day from {first} to {last}"]
