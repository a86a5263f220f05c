"""Ledgers: whose earlier decisions count, whatever account they used and whoever holds it now."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from policybot.domain import fading
from policybot.domain.case import Case, Subject, SubjectKind
from policybot.domain.closure import Earlier
from policybot.domain.decision import Decision, Nature, State
from policybot.domain.ladder import Ladder, Scope, Strike, StrikeState
from policybot.domain.measure import Kind, duration_in_words
from policybot.domain.rules import Rule
from policybot.store import decisions, members
from policybot.store.database import Tx


def scope_of(case: Case, rule: Rule) -> Scope:
    """Say in which kind of ledger a breach of a rule counts: of a message it is as the rule says."""
    match case.subject.kind:
        case SubjectKind.ROOM:
            return Scope.ROOM
        case SubjectKind.USER:
            return Scope.ACCOUNT
        case SubjectKind.EVENT:
            return rule.scope
        case SubjectKind.SERVER:
            return Scope.SERVER


async def holder(tx: Tx, scope: Scope, user_id: str | None, at: datetime) -> str | None:
    """Name the person in whose ledger an account's acts count; None if it is the account's own."""
    if user_id is None or scope not in (Scope.MEMBER, Scope.ACCOUNT):
        return None
    return await members.answerable(tx, user_id, at)


def key_of(scope: Scope, subject: Subject, room_id: str | None, person_id: str | None) -> str:
    """Name a ledger, in the room as it is today: by the person, else by the account; a server's."""
    who = person_id or str(subject.user_id)
    return {
        Scope.SERVER: str(subject.server),
        Scope.ROOM: str(room_id),
        Scope.MEMBER: f"{room_id} {who}",
        Scope.ACCOUNT: who,
    }[scope]


async def entries(  # noqa: PLR0913 - what tells an act from others
    tx: Tx,
    scope: Scope,
    key: str,
    user_id: str | None,
    person_id: str | None,
    *,
    spill: bool = False,
) -> list[Decision]:
    """List what was ever decided and final, oldest first: of a person and of their accounts together.

    Who was nobody known when it was decided may be somebody known now, and the other way round. What
    was decided in a room that has moved counts in the one that it is now. What was decided in rooms
    belongs to an account's ledger, too, where decisions `spill`.
    """
    links = await members.links_ever(tx, person_id) if person_id else []
    keys = {key}
    if scope is not Scope.ROOM and user_id is not None:
        names = {user_id, *(link.user_id for link in links if link.ended_at is None)}
        names |= {person_id} if person_id else set()
        room_id = key.partition(" ")[0]
        keys |= {f"{room_id} {name}" for name in names} if scope is Scope.MEMBER else names
    found = await decisions.ledger(tx, scope, sorted(keys))
    if spill and scope is Scope.ACCOUNT and user_id is not None:
        accounts = {user_id, *(link.user_id for link in links)}
        in_rooms = await decisions.in_rooms(tx, sorted(accounts))
        found += [one for one in in_rooms if _whose(one) in keys]
    return _known_since(found)


def _whose(decision: Decision) -> str:
    """Name the person, or the account, in whose ledger a decision about one of them is."""
    key = decision.scope_key
    return key.partition(" ")[2] if decision.scope is Scope.MEMBER else key


def _known_since(found: Iterable[Decision]) -> list[Decision]:
    """Let what took another's place count from when its person knew of that one: it is the same act."""
    known: dict[int, Decision] = {}
    for decision in found:
        first = known.get(decision.supersedes or 0)
        if first is not None and first.told_at is not None:
            decision = replace(decision, told_at=first.told_at, read_at=first.read_at)  # noqa: PLW2901
        known[decision.id] = decision
    return list(known.values())


async def tried(tx: Tx, room_id: str) -> frozenset[Earlier]:
    """Name what was done to a room already of all that a ladder may ask for before a closure."""
    found: set[Earlier] = set()
    for one in await decisions.of_room(tx, room_id):
        if one.nature is Nature.REPLACEMENT:
            found.add(Earlier.REPLACE_OWNER)
        elif one.measure.kind is Kind.SUSPEND:
            found.add(Earlier.SUSPEND)
    return frozenset(found)


def counts_until(decision: Decision, ladder: Ladder) -> datetime | None:
    """Say until when a decision would make the next one harsher; None if it never does."""
    severity = ladder.severities[decision.severity]
    if _weightless(decision) or severity.points == 0:
        return None
    return decision.occurred_at + ladder.lasts[decision.severity]


def counts(decision: Decision, ladder: Ladder, now: datetime) -> str:
    """Say until when and how a decision makes the next one harsher; empty if it does not any more."""
    until = counts_until(decision, ladder)
    if until is None or until <= now:
        return ""
    said = f"until {until:%-d %B %Y}"
    if ladder.half_life is not None:
        left = ladder.weight(_strike_of(decision, ladder, decision.scope_key), now)
        whole, span = ladder.severities[decision.severity].points, duration_in_words(ladder.half_life)
        said += f"; {fading.in_words(left)} of {whole} left, and half of that goes every {span}"
    if ladder.spill is not None and decision.scope is Scope.MEMBER:
        rooms = ladder.spill.from_rooms
        said += f"; for its room, and at {ladder.spill.factor} for the account once there are "
        said += f"such decisions in {rooms} rooms"
    return said


def strikes_of(found: Iterable[Decision], policy: Ladder, key: str) -> list[Strike]:
    """Read decisions as the ladder counts them, in one ledger whatever their own keys are."""
    return [_strike_of(decision, policy, key) for decision in found if not _weightless(decision)]


def _weightless(decision: Decision) -> bool:
    """Say whether a decision never counts later: advice, a hold, and what no person has decided."""
    if decision.nature is not Nature.DECISION or decision.automatic:
        return True
    return decision.measure.kind in (Kind.NONE, Kind.ADVISE)


def _strike_of(decision: Decision, policy: Ladder, key: str) -> Strike:
    """Read a decision as the ladder counts it."""
    state = {
        State.OVERTURNED: StrikeState.VOID,
        State.MODIFIED: StrikeState.VOID,
        State.UNDER_APPEAL: StrikeState.UNDER_APPEAL,
    }.get(decision.state, StrikeState.FINAL)
    return Strike(
        case=decision.number,
        scope=decision.scope,
        key=key,
        severity=decision.severity,
        occurred_at=decision.occurred_at,
        notified_at=decision.notified_at(policy.deemed_notified_after),
        incident=decision.number,
        state=state,
        room=decision.scope_key.partition(" ")[0] if decision.scope is Scope.MEMBER else "",
    )
