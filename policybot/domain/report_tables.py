"""The tables of a report under Implementing Regulation (EU) 2024/2835, from published figures.

The heads and indicators are those of the templates in its annex I as the Commission offers them in CSV
(parts 1, 4, 5, 6, 7 and 8). What only the provider knows, and what was not published, stays empty, and a
word of context says why.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from functools import reduce
from operator import add

from policybot.domain.publication import Publication, Shown, within
from policybot.domain.rules import Ground, Rule
from policybot.domain.statement_export import CATEGORIES
from policybot.domain.suppression import NOTHING, Cell

_ALL = "All"
_HOSTING = "Only for providers of hosting services, including online platforms"
_PLATFORMS = "Only for providers of online platforms"
_LAST = ("STATEMENT_CATEGORY_OTHER_VIOLATION_TC", "STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE")
_ORDER = (*sorted(CATEGORIES - set(_LAST)), *_LAST)
_ITEMS = "Number of specific items of information included in the total number of notices"
_TERMS = "Number of actions taken on the basis of the terms and conditions of the service"
_FLAGGED = " (Trusted Flagger notices)"
_NOTICES = (
    "Number of notices received ",
    "Number of notices received from Trusted flaggers",
    _ITEMS,
    f"{_ITEMS} by Trusted Flaggers{_FLAGGED}",
    "Median time to take action",
    "Median time to take action (Trusted Flagger notices)",
    "Number of actions taken on the basis of the law",
    "Number of actions taken on the basis of the law (Trusted Flagger notices)",
    _TERMS,
    f"{_TERMS}{_FLAGGED}",
)
_MEASURES = (
    "Number of measures taken at the provider's own initiative ",
    "Number of measures taken after detection with solely automated means ",
    "Visibility restriction Removal",
    "Visibility restriction Disable",
    "Visibility restriction Demoted",
    "Visibility restriction Age restricted",
    "Visibility restriction Interaction restricted",
    "Visibility restriction Labelled ",
    "Visibility restriction Other",
    "Monetary restriction Suspension",
    "Monetary restriction Termination",
    "Monetary restriction Other",
    "Provision of the service Suspension",
    "Provision of the service Termination",
    "Account restriction Suspension",
    "Account restriction Termination",
)
_OTHER = 'Description of the sub-category "Other"'
_HIDDEN = "not published: it is below the limit, or would give such a number away"
_PARTLY = "at least; what is below the limit is left out"
_MIXED = "not published by this ground apart from the other"

Filled = tuple[str, str]
"""A value, and its contextual information."""
_EMPTY: Filled = ("", "")


def tables(
    publication: Publication, rules: Sequence[Rule], provider: str, *, published: date
) -> dict[str, str]:
    """Write the tables, by the names of their files."""
    first, last = publication.periods[0], publication.periods[-1]
    ends = date.fromordinal(last.end.toordinal() - 1)
    begin = (provider, f"{first.start}/{ends}")
    identification = [
        ("Applicability", "Service", "Indicator", "Value"),
        (_ALL, provider, "Name of the service provider", provider),
        (_ALL, provider, "Date of the publication of the report", f"{published}"),
        (_ALL, provider, "Date of the publication of the latest previous report", ""),
        (_ALL, provider, "Starting date of reporting period", f"{first.start}"),
        (_ALL, provider, "Ending date of reporting period", f"{ends}"),
    ]
    return {
        "1_report_identification.csv": _csv(identification),
        "4_notices.csv": _csv(_notices(publication, rules, begin)),
        "5_own_initiative_illegal.csv": _csv(_own(publication, rules, Ground.LAW, begin)),
        "6_own_initiative_TC.csv": _csv(_own(publication, rules, Ground.TERMS, begin)),
        "7_appeals_and_recidivism.csv": _csv(_appeals(publication, begin)),
        "8_automated_means.csv": _csv(_automated(publication, begin)),
    }


def _csv(rows: Iterable[Sequence[str]]) -> str:
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    return file.getvalue()


def _said(cell: Cell) -> Filled:
    if cell.whole:
        return f"{cell.number}", ""
    return (f"{cell.number}", _PARTLY) if cell.number else ("", _HIDDEN)


def _sum(cells: Iterable[Cell]) -> Cell:
    return reduce(add, cells, NOTHING)


def _of_rules(shown: Shown, rules: Iterable[Rule]) -> Cell:
    found = shown.rows("rule")
    return _sum(found.get(rule.id, NOTHING) for rule in rules)


def _wide(
    applies: str, begin: tuple[str, str], category: str, filled: Sequence[Filled]
) -> tuple[str, ...]:
    values, context = [value for value, _ in filled], [words for _, words in filled]
    return (applies, *begin, category, "", *values, *context)


def _head(category: str, columns: Sequence[str], context: str) -> tuple[str, ...]:
    begin = ("Applicability", "Service", "Reporting period", category, _OTHER)
    return (*begin, *columns, *(f"{context} {column}" for column in columns))


def _notices(
    publication: Publication, rules: Sequence[Rule], begin: tuple[str, str]
) -> Iterable[tuple[str, ...]]:
    reports, decided = publication.of("reports"), publication.of("on_reports")
    yield _head("Category of illegal content", _NOTICES, "Contextual information on")

    def row(category: str, received: Cell, of: Sequence[Rule], median: Filled) -> tuple[str, ...]:
        law = _of_rules(decided, [rule for rule in of if rule.ground is Ground.LAW])
        terms = _of_rules(decided, [rule for rule in of if rule.ground is Ground.TERMS])
        filled = [_said(received), _EMPTY, _said(received), _EMPTY, median, _EMPTY]
        filled += [_said(law), _EMPTY, _said(terms), _EMPTY]
        return _wide(_HOSTING, begin, category, filled)

    half = within(decided.rows("took"), 0.5)
    yield row("TOTAL", reports.total, rules, ("", f"within {half}" if half else _HIDDEN))
    for category in _ORDER:
        of = [rule for rule in rules if rule.category == category]
        received = _of_rules(reports, of)
        if category == "STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE":
            received += reports.rows("rule").get("unsorted", NOTHING)
        if category != "STATEMENT_CATEGORY_OTHER_VIOLATION_TC":
            yield row(category, received, of, _EMPTY)


def _own(
    publication: Publication, rules: Sequence[Rule], ground: Ground, begin: tuple[str, str]
) -> Iterable[tuple[str, ...]]:
    own, by_law = publication.of("own"), ground is Ground.LAW
    what = "illegal content" if by_law else "incompatibility with the provider's terms and conditions"
    yield _head(f"Category of {what}", _MEASURES, "Contextual Information on")
    mine = [rule for rule in rules if rule.ground is ground]
    alone = len(mine) == len(rules)
    total = own.total if alone else _of_rules(own, mine)

    def one(cell: Cell) -> Filled:
        if not mine:
            return "0", ""
        return _said(cell) if alone else ("", _MIXED)

    def measures(scopes: Sequence[str], kinds: Sequence[str]) -> Cell:
        found = own.rows("measure")
        return _sum(found.get(f"{scope}:{kind}", NOTHING) for scope in scopes for kind in kinds)

    service = ("member", "room")
    suspended = measures((*service, "account"), ("restrict",)) + measures(service, ("suspend",))
    filled = [
        _said(total),
        one(own.rows("found").get("machine", NOTHING)),
        one(own.rows("removed").get("yes", NOTHING)),
        *[("0", "")] * 9,
        one(suspended),
        one(measures(service, ("close",))),
        one(measures(("account",), ("suspend",))),
        one(measures(("account",), ("close",))),
    ]
    yield _wide(_ALL, begin, "TOTAL", filled)
    for category in _ORDER[: -1 if not by_law else -2]:
        of = [rule for rule in mine if rule.category == category]
        counted = _said(_of_rules(own, of))
        rest = ("0", "") if not of else ("", "published for all categories together")
        yield _wide(_ALL, begin, category, [counted, *[rest] * (len(_MEASURES) - 1)])


_COMPLAINTS = "Internal complaints mechanism"
_SUBMITTED = "Number of complaints submitted to the internal-complaints mechanism"
_NOTICE = "a notice submitted in accordance with Article 16"
_NOT_ACTED = f"Complaint regarding a decision not to take action on {_NOTICE}"
_OFFENDERS = "Suspensions imposed on repeated offenders"
_LONG = (
    *("Applicability", "Service", "Reporting period", "Section", "Indicator"),
    *("Scope", "Value", "Contextual Information"),
)


def _appeals(publication: Publication, begin: tuple[str, str]) -> Iterable[tuple[str, ...]]:
    yield _LONG
    kinds = (
        ("Decisions upheld", "uphold"),
        ("Decisions partially reversed", "modify"),
        ("Decisions reversed", "overturn"),
    )
    about = (
        (_ALL, _SUBMITTED, "appeals", "verdicts"),
        (_PLATFORMS, _NOT_ACTED, "objections", "reconsidered"),
    )
    for applies, indicator, submitted, settled in about:
        where = (*begin, _COMPLAINTS, indicator)
        yield (applies, *where, "Total number", *_said(publication.of(submitted).total))
        verdicts = publication.of(settled).rows("verdict")
        for scope, row in kinds:
            yield (_PLATFORMS, *where, scope, *_said(verdicts.get(row, NOTHING)))
        half = within(publication.of(settled).rows("answer"), 0.5)
        yield (_PLATFORMS, *where, "Median time", "", f"within {half}" if half else _HIDDEN)
    notices = "Number of suspensions enacted for the provision of manifestly unfounded notices"
    paused = publication.of("unfounded").rows("step").get("pause", NOTHING)
    yield (_PLATFORMS, *begin, _OFFENDERS, notices, "Total number", *_said(paused))


def _automated(publication: Publication, begin: tuple[str, str]) -> Iterable[tuple[str, ...]]:
    yield _LONG
    own = publication.of("own").rows("found")
    machine = own.get("machine", NOTHING)
    people = _sum(own.get(row, NOTHING) for row in ("rule", "ours"))
    section = "Use of automated means for content moderation"
    solely = "Number of measures solely taken by automated means "
    other = "Number of measures not taken by automated means"
    everything = people + publication.of("on_reports").total
    for scope, indicator, cell in (
        ("Total number", solely, machine),
        ("Total number", other, everything),
        ("Own-initiative ", solely, machine),
        ("Own-initiative ", other, people),
    ):
        yield (_ALL, *begin, section, indicator, scope, *_said(cell))
    reports = publication.of("reports").total
    for indicator, cell in (
        ("Number of notices solely processed by automated means ", NOTHING),
        ("Number of notices not processed by automated means", reports),
    ):
        yield (_HOSTING, *begin, section, indicator, "NAM Total", *_said(cell))
