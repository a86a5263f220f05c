"""The command about the public register: the first rooms that are found, and the page with all."""

from urllib.parse import urlencode

from policybot.domain.name import one_line, quoted
from policybot.domain.register import LONGEST_QUERY
from policybot.matrix.commands.command import Asked, Services
from policybot.services.register import Query

_SHOWN = 10
_EXCERPT = 80


async def search(services: Services, asked: Asked) -> str:
    """List the first rooms with all the words of a query, newest first."""
    text = one_line(asked.words["QUERY"], LONGEST_QUERY)
    page = await services.register.page(asked.tx, Query(text), _SHOWN)
    address = f"{services.setting.config.web.public_url}/register"
    if text:
        address += f"?{urlencode({'q': text})}"
    if page.meant:
        return f"Nothing was found. Did you mean {page.meant}? The check characters did not fit: a typo?"
    if not page.entries and page.next is not None:
        return f"Nothing among the newer rooms. The page can look further back: {address}"
    if not page.entries:
        mend = "Try fewer words, or the beginning of a word." if text else "No room is approved yet."
        return f"Nothing was found. {mend}"
    lines = [
        f"{entry.filing.number} ({entry.filing.in_words}): {_called(entry.place.room_name)}"
        f"{_short(entry.purpose)}"
        for entry in page.entries
    ]
    all_of_them = "More, with who answers for each" if page.next else "With who answers for each"
    return "\n".join([*lines, f"{all_of_them}: {address}"])


def _called(name: str) -> str:
    return f"{quoted(name)} " if name else ""


def _short(text: str) -> str:
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT].rstrip()}…"
