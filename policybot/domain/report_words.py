"""What a report under Implementing Regulation (EU) 2024/2835 says in words: parts 2 and 11."""

from collections.abc import Iterable, Sequence

from policybot.domain.keyword import CATEGORIES
from policybot.domain.mechanism import LONGEST_HOLD, Mechanism, Stage
from policybot.domain.publication import Publication
from policybot.domain.rules import Rule


def categories(rules: Sequence[Rule]) -> Iterable[tuple[str, ...]]:
    """Name the categories and keywords, each with the rules that the provider sorted into it."""
    code = "Category of illegal content / incompatible with the terms and conditions"
    yield "Category label", "Category description", code, "Contextual information"
    nowhere = _named([rule for rule in rules if rule.category is None])
    yield "TOTAL", "All the entries", "TOTAL", nowhere and f"in no category: {nowhere}"
    for number, category in enumerate(CATEGORIES, 1):
        of = [rule for rule in rules if rule.category == category.code]
        yield f"Category {number}", category.name, category.code, _named(of)
        for letter, (code, name) in zip("abcdefghi", category.keywords, strict=False):
            yield f"Category {number}{letter}", name, code, _named(r for r in of if r.keyword == code)


def _named(rules: Iterable[Rule]) -> str:
    return "; ".join(f"{rule.id} {rule.title}" for rule in rules)


_OWN = "content moderation engaged in at the providers"
_SUMMARY = f"Summary of the {_OWN}’ own initiative"
_MEANINGFUL = f"Meaningful and comprehensible information regarding {_OWN}' own initiative"
_MACHINES = (
    "Qualitative description of the automated means",
    "Qualitative description of indicators of accuracy and possible rate of error of automated means",
    "Specification of the precise purposes to apply automated means",
    "Safeguards applied to the use of automated means",
)


def qualitative(
    publication: Publication,
    rules: Sequence[Rule],
    mechanisms: Sequence[Mechanism],
    summary: str,
    begin: tuple[str, str],
) -> Iterable[tuple[str, ...]]:
    """Say how the work is done; what is said of machines is what the rules let them do today."""
    yield "Applicability", "Service", "Reporting period", "Indicator", "Value"
    yield "All", *begin, _SUMMARY, summary
    yield "All", *begin, _MEANINGFUL, _own_initiative(rules)
    looks = [one for one in mechanisms if one.stage is Stage.LIVE]
    for indicator, value in zip(_MACHINES, _machines(looks, publication), strict=True):
        yield "All", *begin, indicator, value


def _own_initiative(rules: Sequence[Rule]) -> str:
    return (
        "Every decision names a published rule and the facts. Whoever it concerns is told of it, with "
        "the reasons and until when it lasts, and can object; somebody who had no part in it decides "
        f"about that. The rules: {_named(rules)}."
    )


def _machines(looks: Sequence[Mechanism], publication: Publication) -> tuple[str, ...]:
    """Describe them, say how exact they are, what they are for, and what holds them."""
    if not looks:
        return ("No automated means are used.",) * len(_MACHINES)
    named = ", ".join(one.id for one in looks)
    acts = ", ".join(one.id for one in looks if one.automatic)
    changed, verdicts = publication.reversals
    appealed = ""
    if changed.whole and verdicts.whole:
        appealed = f" {changed.number} of {verdicts.number} appeals changed a decision, also of people."
    hours = round(LONGEST_HOLD.total_seconds() / 3600)
    alone = f", but for {acts}, which removes a message or keeps somebody from posting at once"
    described = (
        f"Messages are compared with conditions that the provider wrote into published rules ({named}):"
        " words, patterns, links, kinds of files, how much is sent by whom. Nothing is learned from "
        "data, and no score of anybody is kept."
    )
    safeguards = (
        f"No rule keeps anybody from posting for more than {hours} hours without a person. People see "
        "whatever a rule did and can take it back; one that would act too often only calls them. Who is "
        "concerned is told that a machine acted, and people decide about objections."
    )
    purposes = f"To find what may break {named}, so that a person decides{alone if acts else ''}."
    return described, f"Accuracy is not measured.{appealed}", purposes, safeguards
