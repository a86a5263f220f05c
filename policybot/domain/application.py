"""An application for a room: what its owner says of it, read from a form with every mistake named."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from policybot.domain.name import one_line
from policybot.domain.particulars import Mistaken
from policybot.domain.rank import Control

DRAFT_LIFE = timedelta(days=30)
"""How long a draft stays after its last change."""
LINK_LIFE = timedelta(hours=24)
"""How long a link to a form works at most, however often it is saved."""
MOST_DRAFTS = 5
"""How many drafts one account may have."""
LONGEST_TYPED = 20_000
"""Characters of one field that a draft keeps, right or wrong."""
MIN_PURPOSE = 10
"""Characters below which a purpose says nothing to a reviewer."""
MOST_LANGUAGES = 10

LIMITS: Mapping[str, int] = {
    "purpose": 1000,
    "organisation": 120,
    "deputy": 255,
    "audience": 200,
    "languages": 120,
    "contact": 200,
    "rules": 4000,
    "name": 64,
    "topic": 500,
    "answer": 2000,
}
"""Characters that may be typed into each field of a text."""
FIELDS = (*LIMITS, "category", "kept_by", "control")
"""All fields of the form."""
PERSON, ORGANISATION = "person", "organisation"
"""In whose name a room is kept."""

_ACCOUNT = re.compile(r"@[!-9;-~]+:[\w.\[\]:-]+", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]{4})?(-([a-z]{2}|\d{3}))?(-([a-z0-9]{5,8}|\d[a-z0-9]{3}))*")
"""The shape of a tag: language, script, region, variants (RFC 5646, section 2.1)."""
_SHOWN_RULES = 300


@dataclass(frozen=True, slots=True)
class About:
    """What its owner says of a room; each is empty where they say nothing."""

    organisation: str = ""
    """The organisation in whose name the room is kept; empty for a person of their own."""
    audience: str = ""
    """For whom it is."""
    languages: tuple[str, ...] = ()
    """Which languages are spoken there, by their codes (BCP 47), in small letters."""
    contact: str = ""
    """How people reach its owner, as everybody may read it."""
    rules: str = ""
    """The room's own rules, beside the operator's."""
    name: str = ""
    """What a room that is to be made is to be called."""
    topic: str = ""
    """Its topic."""


NOTHING_SAID = About()


@dataclass(frozen=True, slots=True)
class Applied:
    """A form that is free of mistakes."""

    purpose: str
    categories: tuple[str, ...]
    about: About
    deputy: str | None
    control: Control
    answer: str
    """What the applicant answers to a reviewer's question; empty where none was asked."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a form asks for, which depends on its filing."""

    applicant: str
    bot: str
    categories: Collection[str]
    new: bool
    """Whether the room is to be made."""
    asked: bool
    """Whether a reviewer waits for an answer."""


def read(typed: Mapping[str, str], form: Form) -> Applied:
    """Read a form.

    Raises:
        Mistaken: with every mistake that is in it.
    """
    faults = too_long(typed, LIMITS)
    one = {name: one_line(typed.get(name, ""), longest) for name, longest in LIMITS.items()}
    categories = tuple(dict.fromkeys(typed.get("category", "").split()))
    languages = tuple(dict.fromkeys(re.split(r"[\s,;]+", one["languages"].lower().strip(" ,;"))))
    languages = tuple(language for language in languages if language)
    by_organisation = typed.get("kept_by") == ORGANISATION
    control = Control.CREATED if form.new else _control(typed.get("control", ""))
    found = {
        "purpose": "" if len(one["purpose"]) >= MIN_PURPOSE else _SAY_PURPOSE,
        "category": _category(categories, form.categories),
        "kept_by": "" if typed.get("kept_by") in {PERSON, ORGANISATION} else _CHOOSE_KEEPER,
        "organisation": _NAME_IT if by_organisation and not one["organisation"] else "",
        "deputy": _deputy(one["deputy"], form),
        "languages": _languages(languages),
        "control": "" if control else "Please choose what is to become of your room.",
        "answer": "Please answer the reviewer." if form.asked and not one["answer"] else "",
    }
    faults |= {name: said for name, said in found.items() if said and name not in faults}
    if faults or control is None:
        raise Mistaken(faults)
    return Applied(
        purpose=one["purpose"],
        categories=categories,
        about=About(
            organisation=one["organisation"] if by_organisation else "",
            audience=one["audience"],
            languages=languages,
            contact=one["contact"],
            rules=lines(typed.get("rules", "")),
            name=one["name"] if form.new else "",
            topic=one["topic"] if form.new else "",
        ),
        deputy=one["deputy"] or None,
        control=control,
        answer=one["answer"] if form.asked else "",
    )


def too_long(typed: Mapping[str, str], limits: Mapping[str, int]) -> dict[str, str]:
    """Name the fields with more characters than they may have."""
    return {
        name: f"Please write at most {longest:,} characters; these are {len(typed[name]):,}."
        for name, longest in limits.items()
        if len(typed.get(name, "")) > longest
    }


def _category(chosen: tuple[str, ...], known: Collection[str]) -> str:
    if not chosen:
        return "Please choose at least one kind."
    return "" if set(chosen) <= set(known) else "Please choose among these."


def _deputy(user_id: str, form: Form) -> str:
    if not user_id:
        return ""
    if not _ACCOUNT.fullmatch(user_id):
        return "Please write a whole account, such as @somebody:example.org, or leave it empty."
    if user_id == form.applicant:
        return "That is you. A deputy is somebody else, who answers when you no longer do."
    return "I cannot answer for a room. Please name a person." if user_id == form.bot else ""


def _languages(codes: tuple[str, ...]) -> str:
    wrong = [code for code in codes if not _LANGUAGE.fullmatch(code)]
    if wrong:
        return f"«{wrong[0][:40]}» is no code of a language. Please write codes such as de, en, pt-br."
    many = len(codes) > MOST_LANGUAGES
    return f"Please name at most {MOST_LANGUAGES} languages." if many else ""


def _control(text: str) -> Control | None:
    return next((c for c in (Control.SHARED, Control.ADOPTED) if c.value == text), None)


def lines(text: str) -> str:
    """Write a text of several lines without what hides, turns round or forges text."""
    longest = LIMITS["rules"]
    kept = [one_line(line, longest) for line in text[: 2 * longest].splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()[:longest]


def key(organisation: str) -> str:
    """Write the name of an organisation as it is compared: width and case do not matter."""
    return " ".join(unicodedata.normalize("NFKC", organisation).casefold().split())


def typed_of(
    purpose: str, categories: Collection[str], about: About, deputy: str | None
) -> dict[str, str]:
    """Write what a filing says into the fields of its form."""
    return {
        "purpose": purpose,
        "category": " ".join(categories),
        "kept_by": ORGANISATION if about.organisation else PERSON,
        "organisation": about.organisation,
        "deputy": deputy or "",
        "audience": about.audience,
        "languages": ", ".join(about.languages),
        "contact": about.contact,
        "rules": about.rules,
        "name": about.name,
        "topic": about.topic,
    }


def in_lines(about: About, deputy: str | None) -> list[str]:
    """Say what is known of a room beside its purpose, one line for each thing that was said."""
    said = {
        "Name": about.name,
        "Topic": about.topic,
        "Organisation": about.organisation,
        "Deputy": deputy or "",
        "For whom": about.audience,
        "Languages": ", ".join(about.languages),
        "Contact": about.contact,
        "Rules of the room": _shortened(about.rules),
    }
    return [f"{title}: {one_line(text, _SHOWN_RULES + 2)}" for title, text in said.items() if text]


def _shortened(text: str) -> str:
    whole = one_line(text, 2 * _SHOWN_RULES)
    return whole if len(whole) <= _SHOWN_RULES else f"{whole[:_SHOWN_RULES].rstrip()} …"


_SAY_PURPOSE = f"Please say in a sentence what the room is for ({MIN_PURPOSE} characters at least)."
_CHOOSE_KEEPER = "Please say whether you keep the room for yourself or for an organisation."
_NAME_IT = "Please write the name of the organisation."
