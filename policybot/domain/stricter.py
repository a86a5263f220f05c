"""Two ladders compared, cell by cell: everything by which one is stricter than the other.

If nothing is listed, no act whatever, with whatever history, is answered more harshly, and nobody has
less protection. What cannot be compared counts as stricter.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields

from policybot.domain.ladder import COLUMNS, ROWS, History, Ladder, Scope, Severity
from policybot.domain.measure import Measure, duration_in_words

_NAMES = frozenset({"id", "version", "effective_from", "text_url"})
"""What names a ladder and is no rule in it."""
_WHERE = {
    Scope.MEMBER: "What somebody does in one room",
    Scope.ACCOUNT: "What somebody does beyond one room",
    Scope.ROOM: "What a room is answerable for",
    Scope.SERVER: "What another server is answerable for",
}


def stricter(old: Ladder, new: Ladder, *, plain: bool = False) -> tuple[str, ...]:
    """List what is stricter in the new one, each as a phrase; `plain` for those who read no grids."""
    compared: frozenset[str] = _NAMES | {"scopes"}
    found = list(_grids(old, new, _plain if plain else _short))
    for names, compare in _COMPARED:
        compared |= names
        found += compare(old, new)
    for field in fields(Ladder):
        told = field.compare and field.name not in compared
        if told and getattr(old, field.name) != getattr(new, field.name):
            found.append(f"{field.name.replace('_', ' ')} is another")
    return tuple(found)


Cell = Callable[[Scope, Severity, History, Measure, Measure], str]


def _short(scope: Scope, row: Severity, column: History, before: Measure, after: Measure) -> str:
    return f"{scope.value} {row.value}/{column.value}: {before} → {after}"


def _plain(scope: Scope, row: Severity, column: History, before: Measure, after: Measure) -> str:
    said = before.in_words(scope.value), after.in_words(scope.value)
    return (
        f"{_WHERE[scope]}, severity {row.value}, history {column.value}: {said[1]} (so far: {said[0]})"
    )


def _grids(old: Ladder, new: Ladder, cell: Cell) -> Iterator[str]:
    for scope, grid in new.scopes.items():
        if scope not in old.scopes:
            yield f"breaches are answered in a further scope: {scope.value}"
            continue
        for row in ROWS:
            pairs = zip(COLUMNS, old.scopes[scope][row], grid[row], strict=True)
            for column, before, after in pairs:
                if before < after:
                    yield cell(scope, row, column, before, after)


def _weights(old: Ladder, new: Ladder) -> Iterator[str]:
    for row in ROWS:
        before, after = old.severities[row], new.severities[row]
        if before.points < after.points:
            yield f"{row.value} counts {after.points} points instead of {before.points}"
        if before.expires < after.expires:
            spans = duration_in_words(after.expires), duration_in_words(before.expires)
            yield f"{row.value} counts for {spans[0]} instead of {spans[1]}"


def _bands(old: Ladder, new: Ladder) -> Iterator[str]:
    for column in COLUMNS:
        before, after = old.bands[column], new.bands[column]
        if after < before:
            yield f"column {column.value} begins at {after} points instead of {before}"


def _counting(old: Ladder, new: Ladder) -> Iterator[str]:
    if new.deemed_notified_after < old.deemed_notified_after:
        yield f"a notice is deemed known after {duration_in_words(new.deemed_notified_after)} already"
    if old.counts_only_if_notified_before_act and not new.counts_only_if_notified_before_act:
        yield "decisions count before their person knows of them"
    before, after = old.under_appeal_counts_from, new.under_appeal_counts_from
    if after is not None and (before is None or after < before):
        yield f"decisions under appeal count from {after.value}"


def _discretion(old: Ladder, new: Ladder) -> Iterator[str]:
    if old.shift_max != new.shift_max:
        # More room both ways, or less: somebody's act is answered more harshly either way.
        yield f"factors move a proposal by {new.shift_max} columns instead of {old.shift_max}"
    for factor in sorted(set(new.aggravating) - set(old.aggravating)):
        yield f"«{factor}» makes an act worse"
    for factor in sorted(set(old.mitigating) - set(new.mitigating)):
        yield f"«{factor}» no longer makes an act better"


def _people(old: Ladder, new: Ladder) -> Iterator[str]:
    if old.second_person_from < new.second_person_from:
        yield f"a second person confirms from {new.second_person_from} on only"
    for act in sorted(old.always_two - new.always_two):
        yield f"one person is enough for {act}"


def _automation(old: Ladder, new: Ladder) -> Iterator[str]:
    for act in sorted(new.automation_may - old.automation_may):
        yield f"{act} may happen without a person"
    for held in sorted(new.hold_measures - old.hold_measures):
        yield f"a rule may order a {held.replace('_', ' ')} by itself"
    if old.hold_max < new.hold_max:
        yield f"a rule holds people for up to {duration_in_words(new.hold_max)}"
    if old.breaker_per_hour < new.breaker_per_hour or old.breaker_share < new.breaker_share:
        yield "a rule stops acting by itself later"


def _appeals(old: Ladder, new: Ladder) -> Iterator[str]:
    if new.appeal_window < old.appeal_window:
        yield f"people may appeal for {duration_in_words(new.appeal_window)} only"
    for stay in sorted(old.appeal_stay - new.appeal_stay):
        yield f"{stay} no longer rests while an appeal is decided"
    if new.notice_days < old.notice_days:
        yield f"stricter versions are told {new.notice_days} days before, not {old.notice_days}"


def _fading(old: Ladder, new: Ladder) -> Iterator[str]:
    before, after = old.half_life, new.half_life
    if before is not None and (after is None or before < after):
        yield f"points halve in {duration_in_words(after)}" if after else "points no longer halve"


def _spill(old: Ladder, new: Ladder) -> Iterator[str]:
    before, after = old.spill, new.spill
    if after is None:
        return
    if before is None:
        yield "decisions in rooms count for the account"
    elif before.factor < after.factor or after.from_rooms < before.from_rooms:
        yield "decisions in rooms count more for the account"


def _rooms(old: Ladder, new: Ladder) -> Iterator[str]:
    before, after = old.room_cure, new.room_cure
    if before != after and (before is None or after is None or after < before):
        yield "owners have less time to put a breach right"
    for step in old.before_close:
        if step not in new.before_close:
            yield f"a room is closed without {step.value} before"


_COMPARED: tuple[tuple[frozenset[str], Callable[[Ladder, Ladder], Iterator[str]]], ...] = (
    (frozenset({"severities"}), _weights),
    (frozenset({"bands"}), _bands),
    (
        frozenset(
            {
                "deemed_notified_after",
                "counts_only_if_notified_before_act",
                "under_appeal_counts_from",
            }
        ),
        _counting,
    ),
    (frozenset({"half_life"}), _fading),
    (frozenset({"spill"}), _spill),
    (frozenset({"room_cure", "before_close"}), _rooms),
    (frozenset({"shift_max", "aggravating", "mitigating"}), _discretion),
    (frozenset({"second_person_from", "always_two"}), _people),
    (
        frozenset({"automation_may", "hold_measures", "hold_max", "breaker_per_hour", "breaker_share"}),
        _automation,
    ),
    (frozenset({"appeal_window", "appeal_stay", "notice_days"}), _appeals),
)
