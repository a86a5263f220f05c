"""The operator's rules compiled: immutable, with a fingerprint, and fast whatever is in them.

A set is made away from the event loop and takes the place of the one before in one assignment. Each
rule is tried when it is read: one that is slow, or applies to everything, is refused.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta

from policybot.domain import condition as conditions
from policybot.domain.condition import All, Any, Condition, Links, NoneOf, Patterns, Terms
from policybot.domain.gate import MAX_HITS, Numbered, Span, joined
from policybot.domain.mechanism import Mechanism, Stage
from policybot.domain.seen import Seen
from policybot.matching.links import LinkConditions
from policybot.matching.neutral import SAMPLE
from policybot.matching.patterns import Patterns as CompiledPatterns
from policybot.matching.terms import Terms as CompiledTerms

SLOWEST = 0.001
"""Seconds that one rule may take for 4 KiB of the text that is worst for it."""
SLOWEST_KNOWN = 5 * SLOWEST
"""The same where a rule was tried before: a busy morning must not keep the service from starting."""
_WORST = 4096
_TRIES = 15
MOST_OF_SAMPLE = 0.5
"""A rule whose words and patterns alone apply to more than this of ordinary sentences is refused."""


class RuleRefused(Exception):  # noqa: N818 - an answer
    """A rule that cannot be used, and why."""

    def __init__(self, rule_id: str, reason: str) -> None:
        """Say which rule, and what is wrong with it."""
        self.rule_id, self.reason = rule_id, reason
        super().__init__(f"rule {rule_id}: {reason}")


class TooBroad(RuleRefused):
    """A rule that applies to everything, as far as ordinary sentences tell."""


class RuleSet:
    """Compiled rules; `compiled` makes only sound ones."""

    def __init__(self, mechanisms: Iterable[Mechanism] = ()) -> None:
        """Compile rules; drafts are left out.

        Raises:
            ValueError: one of them cannot be compiled.
        """
        self.mechanisms = tuple(m for m in mechanisms if m.stage is not Stage.DRAFT)
        self.version = fingerprint(self.mechanisms)
        self._always: list[Numbered] = []
        self._by_number: dict[int, Numbered] = {}
        terms: dict[int, Sequence[str]] = {}
        patterns: dict[int, Sequence[str]] = {}
        links: dict[int, Links] = {}
        number = 0
        for mechanism in self.mechanisms:
            numbers: dict[int, int] = {}
            for leaf in conditions.leaves(mechanism.when):
                match leaf:
                    case Terms(words):
                        terms[number] = words
                    case Patterns(texts):
                        patterns[number] = texts
                    case Links():
                        links[number] = leaf
                    case _:
                        continue
                numbers[id(leaf)] = number
                number += 1
            numbered = Numbered(mechanism, numbers)
            if conditions.needs_words(mechanism.when):
                self._by_number |= dict.fromkeys(numbers.values(), numbered)
            else:
                self._always.append(numbered)
        self._terms = CompiledTerms(terms) if terms else None
        self._patterns = CompiledPatterns(patterns) if patterns else None
        self._links = LinkConditions(links) if links else None

    def read(self, seen: Seen) -> tuple[Mapping[int, Sequence[Span]], Sequence[Numbered]]:
        """Find the words and links in something, and which rules could apply to it."""
        places = self.words(seen)
        if self._links is not None:
            for owner, text_number, begin, end in self._links.find(seen.texts, seen.targets):
                _note(places, owner, (text_number, begin, end))
        if not places:
            return places, self._always
        # A rule is looked at once, however many of its conditions were found.
        found = {id(n): n for o in sorted(places) if (n := self._by_number.get(o)) is not None}
        return places, [*self._always, *found.values()]

    def words(self, seen: Seen) -> dict[int, list[Span]]:
        """Find words and patterns: what an operator can make slow."""
        places: dict[int, list[Span]] = {}
        for text_number, text in enumerate(seen.texts):
            if self._terms is not None:
                for owner, begin, end in self._terms.find(text):
                    _note(places, owner, (text_number, begin, end))
            if self._patterns is not None:
                for owner, begin, end in self._patterns.find(text):
                    _note(places, owner, (text_number, begin, end))
        return places

    def locate_each(self, text: str) -> float:
        """Give the seconds of the slowest look for the place of one pattern; only a hit asks for it."""
        return self._patterns.locate_each(text) if self._patterns is not None else 0.0


def compiled(mechanisms: Iterable[Mechanism], *, slowest: float | None = None) -> RuleSet:
    """Compile rules and try each; takes up to some hundred milliseconds, so not on the event loop.

    Args:
        mechanisms: the rules.
        slowest: seconds that one of them may take; SLOWEST without it.

    Raises:
        RuleRefused: one of them cannot be compiled, is slow, or applies to everything.
    """
    everything = tuple(mechanisms)
    for mechanism in everything:
        _try(mechanism, SLOWEST if slowest is None else slowest)
    try:
        return RuleSet(everything)
    except ValueError as error:
        nobody = ""
        raise RuleRefused(nobody, str(error)) from None


def _try(mechanism: Mechanism, slowest: float) -> None:
    """Compile a rule alone, a draft as well, and see how it does."""
    rule_id = mechanism.id
    if conditions.depth(mechanism.when) > conditions.MAX_DEPTH:
        raise RuleRefused(
            rule_id, f"its conditions stand deeper than {conditions.MAX_DEPTH} in each other"
        )
    try:
        single = alone(mechanism)
    except ValueError as error:
        raise RuleRefused(rule_id, str(error)) from None
    took = 0.0
    for text in _worst_texts(mechanism):
        took = max(took, _time(single, text))
        if took > slowest:
            break
    if took > slowest:
        reason = (
            f"it takes {took * 1000:.1f} ms for 4 KiB of text, and may take {slowest * 1000:.0f} ms. "
            "Make its patterns simpler: fewer counted repeats such as {1,300}, no .* between words"
        )
        raise RuleRefused(rule_id, reason)
    share = share_of(single, SAMPLE)
    if share > MOST_OF_SAMPLE:
        reason = f"it applies to {share:.0%} of ordinary sentences; a rule must not apply to everything"
        raise TooBroad(rule_id, reason)


def alone(mechanism: Mechanism) -> RuleSet:
    """Compile a single rule, a draft as well.

    Raises:
        ValueError: it cannot be compiled.
    """
    return RuleSet([replace(mechanism, stage=Stage.LIVE)])


def share_of(single: RuleSet, texts: Sequence[str]) -> float:
    """Say to which share of texts a single rule applies for certain, by what they say alone."""
    hits = sum(holds_alone(single, Seen((text,))) is True for text in texts)
    return hits / len(texts) if texts else 0.0


def holds_alone(single: RuleSet, seen: Seen) -> bool | None:
    """Say whether a single rule applies by what is said alone; None if it asks for more than that."""
    return _held(single, seen)[0]


def tried(mechanism: Mechanism, seen: Seen) -> tuple[bool | None, tuple[Span, ...]]:
    """Hold one rule against a text: as `holds_alone`, and where its words and links are."""
    return _held(alone(mechanism), seen)


def _held(single: RuleSet, seen: Seen) -> tuple[bool | None, tuple[Span, ...]]:
    places, candidates = single.read(seen)
    if not candidates:
        return False, ()
    spans = sorted({span for found in places.values() for span in found})
    return _says(single.mechanisms[0].when, candidates[0].numbers, places), tuple(spans[:MAX_HITS])


def _says(
    condition: Condition, numbers: Mapping[int, int], places: Mapping[int, Sequence[Span]]
) -> bool | None:
    """Hold a condition against a text alone; what is about anything else is not known."""

    def inner(part: Condition) -> bool | None:
        return _says(part, numbers, places)

    match condition:
        case Terms() | Patterns() | Links():
            return numbers[id(condition)] in places
        case All(parts):
            return joined(inner, parts, settles=False)
        case Any(parts):
            return joined(inner, parts, settles=True)
        case NoneOf(parts):
            answer = joined(inner, parts, settles=True)
            return None if answer is None else not answer
        case _:
            return None


def _worst_texts(mechanism: Mechanism) -> list[str]:
    """Make texts of 4 KiB that are hard for a rule: of one letter, of its own words, of everything."""
    texts = [
        "a" * _WORST,
        "ab1 " * (_WORST // 4),
        "\u00e4\u4e2d\u0416 " * (_WORST // 8),
        ". " * (_WORST // 2),
    ]
    texts.append((" ".join(SAMPLE) * 8)[:_WORST])
    for leaf in conditions.leaves(mechanism.when):
        if isinstance(leaf, Terms):
            short = sorted(leaf.words, key=len)[:2]
            texts += [(word * _WORST)[:_WORST] for word in short]
            texts.append((" ".join(leaf.words[:_WORST]) * 8)[:_WORST])
        elif isinstance(leaf, Patterns):
            for pattern in leaf.patterns[:8]:
                letters = "".join(filter(str.isalnum, pattern)) or "a"
                texts.append((letters * _WORST)[:_WORST])
    return texts


def _time(single: RuleSet, text: str) -> float:
    """Measure one look in seconds of this thread, for the machine has other things to do."""
    best = float("inf")
    for number in range(_TRIES):
        begin = time.thread_time()
        single.words(Seen((text,)))
        took = time.thread_time() - begin
        best = min(best, max(took, single.locate_each(text)))
        if best < SLOWEST / 4 or (number and best > SLOWEST * 20):
            break
    return best


def _note(places: dict[int, list[Span]], owner: int, span: Span) -> None:
    known = places.setdefault(owner, [])
    if len(known) < MAX_HITS:
        known.append(span)


def fingerprint(mechanisms: Sequence[Mechanism]) -> str:
    """Compute the version of a set: the same rules have the same, on every machine."""
    text = json.dumps(_plain(mechanisms), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    """Write values as JSON that is the same whenever they are."""
    if is_dataclass(value):
        inside = [[f.name, _plain(getattr(value, f.name))] for f in fields(value)]
        return [type(value).__name__, *inside]
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


EMPTY = RuleSet()
"""No rule at all."""
