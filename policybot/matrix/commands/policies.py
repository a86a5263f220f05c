"""The command by which the ladder is looked at, tried, tested, proposed and withdrawn."""

from policybot.domain.errors import NotFound
from policybot.domain.measure import Measure
from policybot.domain.policy import COMING, TRIED, State, Version, approved_by, day
from policybot.domain.stricter import stricter
from policybot.matrix.commands.command import Asked, Services
from policybot.services.policy_words import compared, counted, in_words
from policybot.store import backtests, decisions, policies

_SHOWN = 10
"""How many kinds of difference, and of versions that are over, are listed."""
_STEPS = ("shadow", "test", "propose", "withdraw")


async def ladder(services: Services, asked: Asked) -> str:
    """Show the versions of the ladder, or do something with one."""
    version, what = asked.words["VERSION"], asked.words["WHAT"]
    if version.lower() in _STEPS and what and what.lower() not in _STEPS:
        version, what = what, version
    if not version:
        return await _all(asked)
    match what.lower():
        case "":
            return await _one(services, asked, await services.policies.find(asked.tx, version))
        case "shadow":
            return await services.policies.shadow(asked.tx, asked.sender, version)
        case "test":
            return await services.backtests.ask(asked.tx, asked.sender, version)
        case "propose":
            return await services.policies.propose(asked.tx, asked.sender, version)
        case "withdraw":
            reason = asked.words["REASON"]
            return await services.policies.withdraw(asked.tx, asked.sender, version, reason)
        case _:
            message = f"«{what[:20]}» is none of {', '.join(_STEPS)}."
            raise NotFound(message)


async def _all(asked: Asked) -> str:
    versions = await policies.every(asked.tx)
    holds = {State.LIVE, *COMING}
    shown = [one for place, one in enumerate(versions) if place < _SHOWN or one.state in holds]
    lines = [f"· {one.name} ({one.short}): {one.in_words}" for one in shown]
    if left := len(versions) - len(shown):
        lines.append(f"· and {counted(left, 'older one', 'older ones')}, which «policybot ladder» lists")
    coming = [await _next(asked, one) for one in versions if one.state in COMING]
    rest = coming or ["To change it, write another one with a new version into the configuration."]
    return "\n".join(["The versions of the ladder, the one brought last first:", *lines, *rest])


async def _next(asked: Asked, version: Version) -> str:
    """Say what is to be done with a version that is not in force yet."""
    name = version.name
    test = await backtests.newest(asked.tx, version.hash)
    match version.state:
        case State.DRAFT:
            return f"Next for {name}: !policy ladder {name} shadow"
        case State.SHADOW if test is None:
            return f"Next for {name}: !policy ladder {name} test"
        case State.SHADOW:
            return f"Next for {name}: !policy ladder {name} propose"
        case State.CANDIDATE:
            approval = await decisions.approval_on(asked.tx, f"policy {version.hash}")
            code = approval.code if approval else "CODE"
            missing = "one more person approves" if version.approver else "two people approve"
            return f"Next for {name}: {missing} it with !policy confirm {code}"
        case _:
            return (
                f"{name} comes into force by itself. To stop it: !policy ladder {name} withdraw REASON"
            )


async def _one(services: Services, asked: Asked, version: Version) -> str:
    tx = asked.tx
    what = f"Version {version.name} of the ladder ({version.ladder.id}, {version.short})"
    lines = [f"{what} is {version.in_words}. It was brought on {day(version.brought_at)}."]
    if version.proposer:
        approved = f"; approved by {approved_by(version)}" if version.approver else ""
        lines.append(f"Proposed by {version.proposer}{approved}.")
    if version.state in COMING:
        live = await services.setting.in_force(tx)
        lines.append(compared(live.ladder.version, stricter(live.ladder, version.ladder)))
    if (test := await backtests.newest(tx, version.hash)) is not None:
        lines.append(in_words(test))
    if version.state in TRIED or version.test is not None:
        lines += await _trial(asked, version)
    if version.state in COMING:
        lines.append(await _next(asked, version))
    return "\n".join(lines)


async def _trial(asked: Asked, version: Version) -> list[str]:
    """Say what a version would have proposed beside what was decided."""
    found = [
        (Measure.parse(old), Measure.parse(new), number)
        for old, new, number in await policies.shadows(asked.tx, version.hash)
    ]
    total = sum(number for *_, number in found)
    if not total:
        return ["In shadow: nothing was decided yet."]
    milder = sum(number for old, new, number in found if new < old)
    harsher = sum(number for old, new, number in found if old < new)
    other = sorted((one for one in found if one[0] != one[1]), key=lambda one: -one[2])
    same = total - milder - harsher
    beside = counted(total, "decision", "decisions")
    would = f"{milder:,} more mildly, {same:,} the same, {harsher:,} more harshly"
    lines = [f"In shadow: beside {beside} it would have proposed {would}."]
    lines += [f"· {old} → {new}: {number:,}" for old, new, number in other[:_SHOWN]]
    if other[_SHOWN:]:
        lines.append(f"· and {len(other) - _SHOWN} other differences")
    return lines
