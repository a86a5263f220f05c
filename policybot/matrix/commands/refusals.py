"""The command about what the gate has refused, for staff: figures, and nobody's messages."""

from datetime import timedelta

from policybot.domain.errors import NotFound
from policybot.matrix.commands.command import Asked, Services
from policybot.store import refusals as store
from policybot.store.refusals import Tally

_DAY = 24
_LONGEST = 720
"""Hours for which refusals are kept, unless the operator says otherwise."""


async def refusals(services: Services, asked: Asked) -> str:
    """Say how often what was refused within some hours."""
    text = asked.words["HOURS"] or str(_DAY)
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:9]) <= _LONGEST):
        message = f"HOURS is a number from 1 to {_LONGEST}."
        raise NotFound(message)
    if services.setting.config.gate is None:
        return "There is no gate here, so nothing is refused: the operator has not set it up."
    now, hours = services.setting.now(), int(text)
    within = "an hour" if hours == 1 else f"{hours} hours"
    found = await store.tallies(asked.tx, now - timedelta(hours=hours))
    stopped = await store.stopped(asked.tx, now)
    lines = [f"Refused within {within}:" if found else f"Nothing was refused within {within}."]
    lines += [f"· {_line(services, tally)}" for tally in found]
    most = services.setting.config.gate.most_people
    lines += [
        f"{_named(services, rule_id)} is stopped until {until:%H:%M} UTC, for it has refused something "
        f"to more than {most} people within an hour. What it finds comes to you as cases."
        for rule_id, until in sorted(stopped.items())
    ]
    return "\n".join(lines)


def _line(services: Services, tally: Tally) -> str:
    why = _named(services, tally.rule_id) if tally.rule_id else tally.code.replace("_", " ")
    people = "1 person" if tally.people == 1 else f"{tally.people:,} people"
    rooms = "1 room" if tally.rooms == 1 else f"{tally.rooms:,} rooms"
    where = f" in {rooms}" if tally.rooms else ""
    return f"{why}: {tally.number:,}, to {people}{where}, last on {tally.last_at:%-d %B, %H:%M} UTC"


def _named(services: Services, rule_id: str) -> str:
    rule = next((r for r in services.setting.config.rules if r.id == rule_id), None)
    return f"Rule {rule_id} ({rule.title})" if rule else f"Rule {rule_id}"
