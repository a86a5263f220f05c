"""What a filed room shows of its filing: the label, the alias by number, the operator's own words."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

PROTOCOL = "org.policybot.filed"
"""The third-party protocol under which clients find filed rooms (Matrix, "Third-party networks")."""
NETWORK = "filed"
"""The part of the directory that lists filed rooms alone."""
ALIAS = "_policybot_"
"""What an alias by record number begins with; the namespace is ours alone."""
PLACES = ("number", "categories", "link")
"""What can be filled into the operator's words."""

_PLACE = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True, slots=True)
class Mark:
    """One qualification, as a label shows it."""

    id: str
    title: str
    rights: tuple[str, ...]
    until: datetime

    @property
    def in_words(self) -> str:
        """The qualification as one says it."""
        return f"{self.title} ({', '.join(self.rights)}) until {self.until:%-d %B %Y}"


def content(record_number: str, categories: Iterable[str], marks: Iterable[Mark]) -> dict[str, Any]:
    """Write the content of a room's label."""
    label: dict[str, Any] = {"record_number": record_number, "categories": list(categories)}
    shown = [
        {"id": m.id, "title": m.title, "rights": list(m.rights), "until": f"{m.until:%Y-%m-%d}"}
        for m in marks
    ]
    return label | ({"qualifications": shown} if shown else {})


def alias(record_number: str, server: str) -> str:
    """Write the alias under which a filed room is found by its record number."""
    return f"#{ALIAS}{record_number}:{server}"


def number_in(text: str, server: str) -> str | None:
    """Read the record number out of such an alias; None if it is none of ours."""
    match = re.fullmatch(rf"#{ALIAS}([A-Z0-9-]{{1,40}}):{re.escape(server)}", text)
    return match[1] if match else None


def places(template: str) -> set[str]:
    """Name what a template wants filled in."""
    return set(_PLACE.findall(template))


def filled(template: str, values: Mapping[str, str]) -> str:
    """Fill a template in, once: what is filled in is no template. Hidden characters are left out."""
    text = _PLACE.sub(lambda place: values.get(place[1], place[0]), template)
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf")).strip()


# A label that is not as it should be ----------------------------------------------------------------

PAUSE = timedelta(minutes=1)
"""How long a label is left alone after it was set right, so that two bots do not fight all day."""
MOST = 10
"""How often a day a label is set right; then people are called."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Care:
    """What is known of one room's label on the homeserver."""

    room_id: str
    event_id: str = ""
    """The event that it was last seen in."""
    wrong: bool = False
    """Whether it is still to be set right."""
    healed: int = 0
    """How often it was, since `since`."""
    since: datetime | None = None
    last: datetime | None = None


def healed(care: Care, now: datetime) -> Care:
    """Count that a label is set right now."""
    fresh = care.since is None or now - care.since >= DAY
    count, since = (1, now) if fresh else (care.healed + 1, care.since)
    return replace(care, wrong=False, healed=count, since=since, last=now)


def may_heal(care: Care, now: datetime) -> bool:
    """Say whether a label may be set right now, or it has to wait."""
    rested = care.last is None or now - care.last >= PAUSE
    return rested and not given_up(care, now)


def given_up(care: Care, now: datetime) -> bool:
    """Say whether it was set right so often that people have to look."""
    return care.since is not None and now - care.since < DAY and care.healed >= MOST
