"""A finding: what came of one check of a set-up, and the mend."""

from dataclasses import dataclass

_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check."""

    what: str
    good: bool
    said: str
    mend: str = ""


def shown(value: object) -> str:
    """Show a value of somebody's file on one short line, and no address with a password in it."""
    if value is None:
        return "nothing"
    if not isinstance(value, str):
        return "a map" if isinstance(value, dict) else "a list" if isinstance(value, list) else "no text"
    if "@" in value and "://" in value:
        return "an address with a name or a password in it"
    line = "".join(sign if sign.isprintable() else "?" for sign in value[: _LONGEST + 1])
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
