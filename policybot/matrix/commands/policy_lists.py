"""The commands about policy lists: which are watched, and whom they name."""

from datetime import datetime

from policybot.domain.policy_list import Kind, said
from policybot.matrix.commands.command import Asked, Services
from policybot.store import policy_lists as store
from policybot.store.database import Tx
from policybot.store.policy_lists import Watched

_SHOWN = 20
_NOUNS = {Kind.USER: "account", Kind.ROOM: "room", Kind.SERVER: "server"}


async def lists(services: Services, asked: Asked) -> str:
    """Show our own list, and how those of others stand."""
    section, tx = services.setting.config.policy_lists, asked.tx
    lines = ["We have no public list of our own (policy_lists.publish)."]
    if section.publish is not None:
        number = await store.published(tx)
        lines = [f"Our own list {section.publish}: {_count(number, 'decision')} of ours in it."]
    watched = await store.every(tx)
    if not watched:
        lines.append("No list of others is watched (policy_lists.watch).")
    for one in watched:
        lines += await _of(tx, one)
    if watched:
        lines.append("Whom they name: !policy listed ACCOUNT, ROOM or SERVER")
    return "\n".join(lines)


async def _of(tx: Tx, watched: Watched) -> list[str]:
    """Say what is known of one list, how old that is, and what came of it today."""
    counts = await store.counts(tx, watched.name)
    named = [_count(counts.of_kind[kind], _NOUNS[kind]) for kind in Kind if kind in counts.of_kind]
    more = [f"{counts.hashed:,} of them by a hash"] if counts.hashed else []
    more += [f"{counts.ignored:,} ignored, for they name everybody"] if counts.ignored else []
    more += [f"{watched.left_out:,} more than I keep"] if watched.left_out else []
    lines = [f"«{watched.name}» ({watched.room}): {'; '.join([', '.join(named) or 'no rules', *more])}."]
    if watched.read_at is None:
        lines.append("  Not read yet." if watched.room_id else "  Not read yet: I am not in it.")
    else:
        lines.append(f"  Read as a whole on {_at(watched.read_at)}; changes come at once.")
    if watched.away_since is not None:
        lines.append(
            f"  Since {_at(watched.away_since)} I cannot read it: {watched.problem}. What it said last "
            "stands."
        )
    if watched.held_back:
        lines.append(
            f"  It names {watched.held_back:,} more in our rooms than it may open cases about in a day."
        )
    return lines


async def listed(services: Services, asked: Asked) -> str:
    """Say which lists name an account, a room or a server, and why."""
    entity = asked.words["WHO"]
    found = await services.policy_lists.listed(asked.tx, entity)
    if not found:
        return f"No list that we watch names {entity}."
    lines = [
        f"«{named.list_name}», since {_at(named.since)} or longer: {said(named.rule, entity)}"
        if named.rule.kind is not Kind.SERVER or "@" not in entity
        else f"«{named.list_name}», since {_at(named.since)} or longer, of its server: "
        f"{said(named.rule, entity.partition(':')[2])}"
        for named in found[:_SHOWN]
    ]
    if len(found) > _SHOWN:
        lines.append(f"… and {len(found) - _SHOWN} more rules.")
    return "\n".join([*lines, "What others say is a reason to look, and none to act."])


def _at(at: datetime) -> str:
    return f"{at:%-d %B %Y, %H:%M} UTC"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
