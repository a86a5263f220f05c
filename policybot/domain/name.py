"""A front name: what others see of a person in one place, and how a name is written safely."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from policybot.domain.identity import Front, FrontClass

LONGEST = 64
"""Characters of a name that are shown."""
_READ = 1000
"""Characters of a name that are looked at: what comes after them is nobody's name."""
_MARKS = 3
"""Marks that one letter may carry; more of them paint over the lines around."""

_UNSEEN = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
    + "".join(map(chr, range(0xE0100, 0xE01F0)))
)
"""What is shown as nothing or as a blank, and is a letter or a mark to Unicode."""
QUOTES = str.maketrans("«»", "‹›")
"""What others wrote between our quotation marks cannot end them."""
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_JOINERS = "\u200c\u200d"
"""They are of a script or of an emoji, and hide nothing."""
_BREAKS = frozenset("\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")
_ISOLATE, _END_OF_ISOLATE = "\u2068", "\u2069"

HIDDEN = "\x01"
"""Stands around an account where its front name is put in when the text is sent, and not before."""
_PLACE = re.compile(rf"{HIDDEN}(@[^{HIDDEN}\s]+){HIDDEN}")


def cleaned(text: str) -> str:
    """Write a name without what hides, turns round or forges text: one line, 64 characters at most."""
    return one_line(text, LONGEST).translate(QUOTES)


def one_line(text: str, longest: int) -> str:
    """Write what somebody typed as one line, without what hides, turns round or forges text."""
    text = text[: max(_READ, 2 * longest)]
    if text.isascii() and text.isprintable():  # nothing of it hides, and most texts are so
        return " ".join(text.split())[:longest].rstrip()
    kept: list[str] = []
    marks = 0
    for char in text:
        if char.isspace():
            kept.append(" ")
        elif unicodedata.category(char)[0] != "C" and char not in _UNSEEN:
            marks = marks + 1 if unicodedata.combining(char) else 0
            if marks <= _MARKS:
                kept.append(char)
    return " ".join("".join(kept).split())[:longest].rstrip()


def written_out(text: str) -> str:
    """Write what hides, turns round, breaks a line or steers a screen by its number: nothing is lost."""
    return "".join(f"[U+{ord(char):04X}]" if _steers(char) else char for char in text)


def _steers(char: str) -> bool:
    return char in _BREAKS or not (char.isprintable() or char.isspace() or char in _JOINERS)


def isolated(name: str) -> str:
    """Keep a name that is written from right to left from turning round what stands beside it."""
    if any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in name):
        return f"{_ISOLATE}{name}{_END_OF_ISOLATE}"
    return name


def quoted(name: str) -> str:
    """Write a name as it stands in a text, so that one sees where it begins and ends."""
    return f"«{isolated(cleaned(name))}»"


def placeholder(user_id: str) -> str:
    """Stand in for the front name of an account in a text that is kept until it is sent."""
    return f"{HIDDEN}{user_id}{HIDDEN}"


def places(text: str) -> frozenset[str]:
    """Name the accounts whose front names have to be put into a text."""
    return frozenset(_PLACE.findall(text))


def filled(text: str, name_of: Callable[[str], str]) -> str:
    """Put front names into a text, where their places are."""
    return _PLACE.sub(lambda match: name_of(match[1]), text)


class What(StrEnum):
    """What stands for a person in one place."""

    PSEUDONYM = "pseudonym"
    REAL = "real"
    ROLE = "role"


class Mark(StrEnum):
    """What is said beside a name of whether somebody is verified; nothing where it need not be said."""

    VERIFIED = "verified"
    NOT_VERIFIED = "not verified"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What others see of somebody in one place."""

    what: What
    mark: Mark


def shown(front: Front, where: FrontClass, *, verified: bool) -> Shown:
    """Say what is shown of somebody who chose `front`, in a room of a class.

    A real name is never claimed for somebody whose verification has ended.
    """
    mark = Mark.VERIFIED if verified else Mark.NONE
    if where is FrontClass.VERIFIED_REQUIRED and not verified:
        mark = Mark.NOT_VERIFIED
    if where is FrontClass.ROLE_BASED:
        return Shown(What.ROLE, mark)
    real = front is Front.REAL and verified and where is not FrontClass.PSEUDONYM_ONLY
    return Shown(What.REAL if real else What.PSEUDONYM, mark)


def strictest(classes: Iterable[FrontClass]) -> FrontClass:
    """Choose among classes that hold at once the one that shows least of a person."""
    return max(classes, key=list(FrontClass).index, default=FrontClass.VOLUNTARY)
