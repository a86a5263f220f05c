"""What somebody says of themselves beside a document: read from a form, every mistake named."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from policybot.domain.identity import Claim, Source, normalised
from policybot.domain.private import Private

LONGEST = 200
"""Characters of one field."""
_LONGEST_NUMBER = 40
_SHORTEST_NUMBER = 4
_OLDEST = 1900
_JOINERS = "\u200c\u200d"
"""Signs without a form that names in some scripts are spelt with."""


@dataclass(frozen=True, slots=True)
class Particulars:
    """What was typed, free of mistakes."""

    kind: str
    country: str
    number: Private
    claims: Mapping[Claim, Private]


class Mistaken(Exception):  # noqa: N818 - an answer
    """A form that cannot be taken: a sentence for each field with a mistake."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Keep the sentences by the names of their fields; what was typed is not among them."""
        super().__init__(", ".join(faults))
        self.faults = faults


def asked_for(kept: Collection[Claim]) -> tuple[Claim, ...]:
    """List what the form asks for: what is kept, and a name in any case, to compare with."""
    names = {Claim.NAME, Claim.GIVEN_NAME, Claim.FAMILY_NAME}
    wanted = set(kept) if names & set(kept) else {*kept, Claim.NAME}
    return tuple(claim for claim in Claim if claim in wanted)


def read(
    typed: Mapping[str, str], *, kept: Collection[Claim], kinds: Collection[str], today: date
) -> Particulars:
    """Read a form.

    Raises:
        Mistaken: with every mistake that is in it.
    """
    # Far beyond what is accepted nothing is composed: marks by the thousand would take seconds.
    texts = {
        name: unicodedata.normalize("NFC", value[: 4 * LONGEST]).strip() for name, value in typed.items()
    }
    faults: dict[str, str] = {}
    claims = {}
    for claim in asked_for(kept):
        text = texts.get(claim.value, "")
        fault = _birthdate(text, today) if claim is Claim.BIRTHDATE else _name(text)
        if fault:
            faults[claim.value] = fault
        claims[claim] = Private(text)
    kind, country = texts.get("kind", ""), texts.get("country", "").upper()
    if kind not in kinds:
        faults["kind"] = "Please choose the kind of document."
    if not re.fullmatch(r"[A-Z]{2}", country):
        faults["country"] = "Please write the two letters of the country, such as DE or KE."
    number = texts.get("number", "")
    if fault := _number(number):
        faults["number"] = fault
    if faults:
        raise Mistaken(faults)
    return Particulars(kind, country, Private(number), claims)


def _name(text: str) -> str:
    if not text:
        return "Please write it as it stands in the document."
    if len(text) > LONGEST:
        return f"Please write at most {LONGEST} characters."
    if any(unicodedata.category(c)[0] == "C" and c not in _JOINERS for c in text):
        return "There is an invisible sign in it. Please type it anew."
    if not any(unicodedata.category(c)[0] == "L" for c in text):
        return "Please write it with letters, as it stands in the document."
    return ""


def _birthdate(text: str, today: date) -> str:
    try:
        day = date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) else None
    except ValueError:
        day = None
    if day is None or day > today or day.year < _OLDEST:
        return "Please write the day of birth as year-month-day, such as 1984-05-31."
    return ""


def _number(text: str) -> str:
    shown = normalised(Source.DOCUMENT, text)
    if len(shown) < _SHORTEST_NUMBER or len(text) > _LONGEST_NUMBER:
        return "Please write the number of the document, in letters and digits."
    return ""
