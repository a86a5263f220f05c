"""The command about what the gate has refused, for staff: figures, and nobody's messages."""

from datetime import timedelta

from policybot.domain.errors import NotFound
from policybot.domain.refusal import Code
from policybot.matrix.commands.command import Asked, Services
from policybot.store import refusals as store
from policybot.store.refusals import Tally

_WHY = {
    Code.UNVERIFIED: "somebody who is not verified",
    Code.UNSIGNED: "somebody who has not signed the agreement",
    Code.DUE: "somebody who has not signed the agreement's new version",
    Code.LIMITED: "something in a suspended room",
    Code.CURBED: "something by somebody who may not write, by a decision",
    Code.EXCLUDED: "entering, by a decision",
    Code.SLOW: "something too soon, in a slow room",
    Code.ENTRY: "entering a room for verified persons",
    Code.CREATION: "making a public room that is not filed",
    Code.VERIFIED_CREATION: "making a public room, not verified",
    Code.DIRECTORY: "a change to the list of public rooms",
    Code.ALIAS: "an address that looks like a record number",
    Code.UPLOAD: "a file of a kind or size",
    Code.AWAY: "something that could not be checked",
}
"""What was refused, as moderators read it; a rule is named by itself."""
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
        f"to more than {most} people within an hour. Until then it refuses and removes nothing, and "
        "what it finds comes to you as cases: !policy queue cases"
        for rule_id, until in sorted(stopped.items())
    ]
    return "\n".join(lines)


def _line(services: Services, tally: Tally) -> str:
    why = _named(services, tally.rule_id) if tally.rule_id else _WHY.get(Code(tally.code), tally.code)
    people = "1 person" if tally.people == 1 else f"{tally.people:,} people"
    rooms = "1 room" if tally.rooms == 1 else f"{tally.rooms:,} rooms"
    where = f" in {rooms}" if tally.rooms else ""
    times = "once" if tally.number == 1 else f"{tally.number:,} times"
    return f"{why}: {times}, to {people}{where}, last on {tally.last_at:%-d %B, %H:%M} UTC"


def _named(services: Services, rule_id: str) -> str:
    rule = services.setting.rule_of(rule_id)
    return f"Rule {rule_id} ({rule.title})" if rule else f"Rule {rule_id}"
