"""Safeguards: what stands between a measure and its person: milder steps before, and a second person."""

from collections.abc import Collection

from policybot.domain import closure, list_rule, server
from policybot.domain.closure import Earlier
from policybot.domain.ladder import Ladder, Proposal, Scope
from policybot.domain.measure import Kind, Measure


def untried(
    ladder: Ladder, scope: Scope, chosen: Measure, tried: Collection[Earlier]
) -> tuple[Earlier, ...]:
    """Name what the ladder asks for before a room is closed, and what was not tried in it."""
    if scope is not Scope.ROOM or chosen.kind is not Kind.CLOSE:
        return ()
    return tuple(one for one in ladder.before_close if one not in tried)


def second_person(
    ladder: Ladder,
    proposal: Proposal,
    chosen: Measure,
    tried: Collection[Earlier] = (),
    *,
    publish: bool = False,
) -> tuple[str, ...]:
    """Say why a second person has to confirm a measure; nothing if nobody has to.

    Args:
        ladder: the version by which it is decided.
        proposal: what it proposes.
        chosen: the measure.
        tried: what was tried in a room before.
        publish: whether other communities are told.
    """
    scope, reasons = proposal.act.scope, list[str]()
    if chosen.kind is Kind.CLOSE:
        reasons.append("a closure always needs two people")
    elif ladder.second_person_from <= chosen:
        reasons.append(f"from {ladder.second_person_from} on two people decide")
    if not proposal.permits(chosen):
        reasons.append(f"it is outside what is permitted ({proposal.range_in_words})")
    if lacking := untried(ladder, scope, chosen, tried):
        reasons.append(f"not tried before: {closure.in_words(lacking)}")
    if scope is Scope.SERVER and chosen.kind in server.SHUT:
        reasons.append(server.SECOND_PERSON)
    if publish:
        reasons.append(list_rule.SECOND_PERSON)
    return tuple(reasons)
