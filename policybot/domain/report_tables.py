"""The tables of a report under Implementing Regulation (EU) 2024/2835, from published figures.

Heads, rows and indicators are those of the templates in its annex I as the Commission offers them in CSV
(parts 1 to 8 and 11; 9 and 10 are for very large providers alone), and as reports on 2025 and 2026 use
them. What only the provider knows, and what was not published, stays empty, and a word of context says
why.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import reduce
from operator import add

from policybot.domain import report_words as words
from policybot.domain.keyword import CATEGORIES, OF_NOTICES, OF_ORDERS, OF_TERMS, OTHER
from policybot.domain.measure import Kind
from policybot.domain.mechanism import Mechanism
from policybot.domain.population import BINDING, TIMES, pair
from policybot.domain.publication import Publication, Shown, within
from policybot.domain.rules import Ground, Rule
from policybot.domain.suppression import HIDDEN, NOTHING, Cell

_ALL = "All"
_HOSTING = "Only for providers of hosting services, including online platforms"
_PLATFORMS = "Only for providers of online platforms"
_TO_ACT = "orders to act against illegal content"
_TO_TELL = "order to provide information"
_RECEIPT = "Median time to inform the authority of the receipt of the"
_EFFECT = "Median time to give effect to the"
_ORDERS = (
    f"Number of {_TO_ACT} received",
    f"Number of specific items of information included in the total number of {_TO_ACT}",
    f"{_RECEIPT} order to act against illegal content",
    f"{_EFFECT} order to act against illegal content",
    "Number of orders to provide information",
    f"{_RECEIPT} {_TO_TELL}",
    f"{_EFFECT} {_TO_TELL}",
)
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
_PARTLY = "at least; what is below the limit, or of a rule without a keyword, is left out"
_MIXED = "not published by this ground apart from the other"
_TOGETHER = "published for all categories together"
_KINDS_TOGETHER = "published for all kinds of decisions together"

Filled = tuple[str, str]
"""A value, and its contextual information."""
_YOURS: Filled = ("", "to be filled in: only the provider knows")
_UNCOUNTED: Filled = ("", "not counted apart")
_NONE: Filled = ("0", "")


def tables(  # noqa: PLR0913 - what a report is made of
    publication: Publication,
    rules: Sequence[Rule],
    provider: str,
    *,
    published: date,
    mechanisms: Sequence[Mechanism] = (),
    summary: str = "",
) -> dict[str, str]:
    """Write the tables, by the names of their files.

    Args:
        publication: the figures of the time that is reported on.
        rules: the provider's rules, with the categories and keywords that they name.
        provider: who reports, and which service is reported on.
        published: the day of the report.
        mechanisms: what a machine applies of the rules.
        summary: what the provider says of its work.
    """
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
        "2_categories_names.csv": _csv(words.categories(rules)),
        "3_member_states_orders.csv": _csv(_orders(publication, begin)),
        "4_notices.csv": _csv(_notices(publication, rules, begin)),
        "5_own_initiative_illegal.csv": _csv(_own(publication, rules, Ground.LAW, begin)),
        "6_own_initiative_TC.csv": _csv(_own(publication, rules, Ground.TERMS, begin)),
        "7_appeals_and_recidivism.csv": _csv(_appeals(publication, begin)),
        "8_automated_means.csv": _csv(_automated(publication, begin)),
        "11_qualitative.csv": _csv(words.qualitative(publication, rules, mechanisms, summary, begin)),
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


def _crossing(shown: Shown, table: str, firsts: Iterable[str], second: str) -> Cell | None:
    """Add up what is published of pairs of rows; None where they were not counted."""
    found = shown.rows(table)
    return _sum(found.get(pair(one, second), NOTHING) for one in firsts) if shown.has(table) else None


def _apart(cell: Cell | None, *more: Cell, uncounted: str = _UNCOUNTED[1]) -> Filled:
    return ("", uncounted) if cell is None else _said(_sum((cell, *more)))


def _half(shown: Shown, table: str, firsts: Iterable[str]) -> Filled:
    """Say within which time half of those in some rows were settled, by how these cross with times."""
    found, those = shown.rows(table), tuple(firsts)
    if not shown.has(table):
        return _UNCOUNTED
    cells = {time: _sum(found.get(pair(one, time), NOTHING) for one in those) for time in TIMES}
    if all(cell == NOTHING for cell in cells.values()):
        return "", "nothing was to be settled"
    half = within(cells, 0.5)
    return "", f"within {half}" if half else _HIDDEN


def _wide(
    applies: str, begin: tuple[str, str], what: tuple[str, ...], filled: Sequence[Filled]
) -> tuple[str, ...]:
    values, context = [value for value, _ in filled], [words for _, words in filled]
    return (applies, *begin, *what, *values, *context)


def _head(category: str, columns: Sequence[str], context: Sequence[str], *more: str) -> tuple[str, ...]:
    begin = ("Applicability", "Service", "Reporting period", category)
    return (*begin, 'Description of the sub-category "Other"', *more, *columns, *context)


def _sorted(rules: Sequence[Rule], *left_out: str) -> Iterator[tuple[tuple[str, str], list[Rule], bool]]:
    """Give each row of a table by category: what it says, the rules in it, and whether they are all.

    Keywords stand below their category. They are not all where a rule of that category names none.
    """
    for category in CATEGORIES:
        if category.code in left_out:
            continue
        of = [rule for rule in rules if rule.category == category.code]
        yield (category.code, ""), of, True
        for code, _ in category.keywords:
            named = [rule for rule in of if rule.keyword == code]
            other = "; ".join(f"{rule.id} {rule.title}" for rule in named) if code == OTHER else ""
            yield (code, other), named, all(rule.keyword for rule in of)


def _orders(publication: Publication, begin: tuple[str, str]) -> Iterable[tuple[str, ...]]:
    # The templates write the first two of these with a small letter.
    context = [f"{name[0].lower()}{name[1:]}" for name in _ORDERS[:2]] + [*_ORDERS[2:]]
    said = [f"Contextual information on {name}" for name in context]
    yield _head("Category of illegal content", _ORDERS, said, "Scope")
    handed = _said(publication.of("referrals").total)[0]
    to_tell = _YOURS[1] + (f"; {handed} referrals were handed over, on any basis" if handed else "")
    filled = [*[_YOURS] * 4, ("", to_tell), *[_YOURS] * 2]
    yield _wide(_ALL, begin, ("TOTAL", "", "TOTAL"), filled)
    for what, _, _ in _sorted((), OF_TERMS, OF_NOTICES):
        yield _wide(_ALL, begin, (*what, "TOTAL"), [_YOURS] * len(_ORDERS))


def _notices(
    publication: Publication, rules: Sequence[Rule], begin: tuple[str, str]
) -> Iterable[tuple[str, ...]]:
    reports, decided = publication.of("reports"), publication.of("on_reports")
    context = [f"Contextual information on {name}" for name in _NOTICES]
    yield _head("Category of illegal content", _NOTICES, context)

    def row(
        what: tuple[str, str],
        came: tuple[Filled, Filled],
        of: Sequence[Rule],
        medians: tuple[Filled, Filled],
        rest: Cell,
    ) -> tuple[str, ...]:
        filled = [*came, *came, *medians]
        for ground in (Ground.LAW, Ground.TERMS):
            mine = [rule for rule in of if rule.ground is ground]
            flagged = _crossing(decided, "rule*flagger", [rule.id for rule in mine], "yes")
            of_all = of is rules and len(mine) == len(rules)
            filled.append(_said(_of_rules(decided, mine) + rest))
            filled.append(_flagged(decided) if of_all else _apart(flagged, rest))
        return _wide(_HOSTING, begin, what, filled)

    half = within(decided.rows("took"), 0.5)
    yield row(
        ("TOTAL", ""),
        (_said(reports.total), _flagged(reports)),
        rules,
        (
            ("", f"within {half}" if half else _HIDDEN),
            _half(decided, "flagger*took", ["yes"]),
        ),
        NOTHING,
    )
    for what, of, complete in _sorted(rules, OF_TERMS, OF_ORDERS):
        named = [*(rule.id for rule in of), *(["unsorted"] if what[0] == OF_NOTICES else [])]
        rest = NOTHING if complete else HIDDEN
        received = _sum(reports.rows("rule").get(one, NOTHING) for one in named)
        flagged = _crossing(reports, "rule*flagger", named, "yes")
        came = _said(received + rest), _apart(flagged, rest)
        yield row(what, came, of, (("", _TOGETHER), ("", _TOGETHER)), rest)


def _flagged(shown: Shown) -> Filled:
    """Say how many are of trusted flaggers."""
    rows = shown.rows("flagger")
    return _said(rows.get("yes", NOTHING)) if shown.has("flagger") else _UNCOUNTED


_SERVICE = ("member", "room")
_OF_SERVICE = (
    *(f"{scope}:{Kind.RESTRICT}" for scope in (*_SERVICE, "account")),
    *(f"{scope}:{Kind.SUSPEND}" for scope in _SERVICE),
)
_DONE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("found", ("machine",)),
    ("removed", ("yes",)),
    ("measure", _OF_SERVICE),
    ("measure", tuple(f"{scope}:{Kind.CLOSE}" for scope in _SERVICE)),
    ("measure", (f"account:{Kind.SUSPEND}",)),
    ("measure", (f"account:{Kind.CLOSE}",)),
)
"""What the template counts of what was done: in which table, and in which of its rows."""


def _own(
    publication: Publication, rules: Sequence[Rule], ground: Ground, begin: tuple[str, str]
) -> Iterable[tuple[str, ...]]:
    own, by_law = publication.of("own"), ground is Ground.LAW
    what = "illegal content" if by_law else "incompatibility with the provider's terms and conditions"
    context = [f"Contextual Information on {name}" for name in _MEASURES]
    yield _head(f"Category of {what}", _MEASURES, context)
    mine = [rule for rule in rules if rule.ground is ground]
    alone = len(mine) == len(rules)
    total = own.total if alone else _of_rules(own, mine)

    def what_was_done(of: Sequence[Rule], rest: Cell, uncounted: str) -> Iterator[Filled]:
        """Say what was done by some rules; where they are all that there are, by the whole."""
        ids = [rule.id for rule in of]
        for table, done in _DONE:
            if of is mine and alone:
                found = own.rows(table)
                yield _said(_sum(found.get(one, NOTHING) for one in done))
                continue
            cells = [_crossing(own, f"rule*{table}", ids, one) for one in done] if of else []
            if any(cell is None for cell in cells):
                yield "", uncounted
            else:
                yield _said(_sum((*(cell for cell in cells if cell), rest)))

    def filled(total: Cell, of: Sequence[Rule], rest: Cell, uncounted: str) -> list[Filled]:
        machine, removed, *others = what_was_done(of, rest, uncounted)
        return [_said(total), machine, removed, *[_NONE] * 9, *others]

    yield _wide(_ALL, begin, ("TOTAL", ""), filled(total, mine, NOTHING, _MIXED))
    for row, of, complete in _sorted(mine, OF_ORDERS, OF_NOTICES, *((OF_TERMS,) if by_law else ())):
        rest = NOTHING if complete else HIDDEN
        yield _wide(_ALL, begin, row, filled(_of_rules(own, of) + rest, of, rest, _TOGETHER))


_COMPLAINTS = "Internal complaints mechanism"
_SUBMITTED = "Number of complaints submitted to the internal-complaints mechanism"
_ABOUT = "Complaint regarding a decision"
_ARTICLE = "in accordance with Article 16"
_NOT_ACTED = f"{_ABOUT} not to take action on a notice submitted {_ARTICLE}"
_BODIES = "Out-of-court dispute settlement bodies"
_DISPUTES = "Number of disputes submitted to out-of-court dispute settlement bodies"
_OFFENDERS = "Suspensions imposed on repeated offenders"
_SUSPENDED = "Number of suspensions enacted for the provision of manifestly"
_HOW_MANY, _MEDIAN, _OMITTED = "Total number", "Median time", "Decision omitted"
_VERDICTS = (
    ("Decisions upheld", "uphold"),
    ("Decisions partially reversed", "modify"),
    ("Decisions reversed", "overturn"),
)
_SETTLED = (_HOW_MANY, *(scope for scope, _ in _VERDICTS), _MEDIAN)
_LONG = (
    *("Applicability", "Service", "Reporting period", "Section", "Indicator"),
    *("Scope", "Value", "Contextual Information"),
)


def _settled(publication: Publication, submitted: str, decided: str) -> dict[str, Filled]:
    """Say what became of what people objected to."""
    of = publication.of(decided)
    verdicts, half = of.rows("verdict"), within(of.rows("answer"), 0.5)
    return {
        _HOW_MANY: _said(publication.of(submitted).total),
        **{scope: _said(verdicts.get(row, NOTHING)) for scope, row in _VERDICTS},
        _MEDIAN: ("", f"within {half}" if half else _HIDDEN) if of.has("answer") else _UNCOUNTED,
        _OMITTED: ("", "not counted: what is withdrawn, or still waits"),
    }


def _settled_of(received: Shown, decided: Shown, table: str, those: Sequence[str]) -> dict[str, Filled]:
    """Say what became of objections to decisions of one kind: those in some rows of a table."""
    found, together = received.rows(table), _KINDS_TOGETHER
    number = _sum(found.get(one, NOTHING) for one in those) if received.has(table) else None
    half = _half(decided, f"{table}*answer", those)
    return {
        _HOW_MANY: _apart(number, uncounted=together),
        **{
            scope: _apart(_crossing(decided, f"{table}*verdict", those, row), uncounted=together)
            for scope, row in _VERDICTS
        },
        _MEDIAN: ("", together) if half == _UNCOUNTED else half,
    }


def _appeals(publication: Publication, begin: tuple[str, str]) -> Iterable[tuple[str, ...]]:
    yield _LONG

    def indicator(
        section: str, name: str, filled: Mapping[str, Filled] | Filled, *scopes: str
    ) -> Iterator[tuple[str, ...]]:
        for scope in scopes:
            of_all = (name, scope) == (_SUBMITTED, _HOW_MANY)
            said = filled if isinstance(filled, tuple) else filled[scope]
            yield (_ALL if of_all else _PLATFORMS, *begin, section, name, scope, *said)

    def against(table: str, *rows: str) -> dict[str, Filled]:
        return _settled_of(publication.of("appeals"), publication.of("verdicts"), table, rows)

    of_rooms = (f"{scope}:{kind.value}" for scope in _SERVICE for kind in BINDING)
    flagged = _settled_of(
        publication.of("objections"), publication.of("reconsidered"), "flagger", ["yes"]
    )
    unpaid = {**dict.fromkeys(_SETTLED, _NONE), _MEDIAN: ("", "nothing is paid for here")}
    paused = publication.of("unfounded").rows("step").get("pause", NOTHING)
    restricted = "to remove or disable access to or restrict visibility of information"
    all_of_them = _settled(publication, "appeals", "verdicts")
    yield from indicator(_COMPLAINTS, _SUBMITTED, all_of_them, *_SETTLED, _OMITTED)
    newly = "Number of restrictions newly imposed as a result of an internal complaint"
    decided = publication.of("on_reports")
    anew = decided.rows("anew").get("yes", NOTHING) if decided.has("anew") else None
    yield from indicator(_COMPLAINTS, newly, _apart(anew), _HOW_MANY)
    for about, filled in (
        (f"{_ABOUT} {restricted}", against("removed", "yes")),
        (
            f"{_ABOUT} to suspend or terminate the provision of the service",
            against("measure", *of_rooms, "account:restrict"),
        ),
        (
            f"{_ABOUT} to suspend or terminate an account ",
            against("measure", "account:suspend", "account:close"),
        ),
        (f"{_ABOUT} to restrict the ability to monetise information", unpaid),
        (_NOT_ACTED, _settled(publication, "objections", "reconsidered")),
        (
            _NOT_ACTED.replace(_ARTICLE, f"by a Trusted Flagger {_ARTICLE}"),
            flagged,
        ),
    ):
        yield from indicator(_COMPLAINTS, about, filled, *_SETTLED)
    implemented = "Percentage of outcomes implemented"
    yield from indicator(_BODIES, _DISPUTES, _YOURS, *_SETTLED, _OMITTED, implemented)
    for whose, said in (
        ("illegal content ", _UNCOUNTED),
        ("unfounded notices", _said(paused)),
        ("unfounded complaints", ("0", "nobody is kept from objecting")),
    ):
        yield from indicator(_OFFENDERS, f"{_SUSPENDED} {whose}", said, _HOW_MANY)


def _automated(publication: Publication, begin: tuple[str, str]) -> Iterable[tuple[str, ...]]:
    yield _LONG
    own = publication.of("own").rows("found")
    machine = own.get("machine", NOTHING)
    people = _sum(own.get(row, NOTHING) for row in ("rule", "ours"))
    everything = people + publication.of("on_reports").total
    measures = (
        "Number of measures solely taken by automated means ",
        "Number of measures not taken by automated means",
    )
    notices = (
        "Number of notices solely processed by automated means ",
        "Number of notices not processed by automated means",
    )
    reports = _said(publication.of("reports").total)
    of_machines = ("", "no measure was taken by them" if machine == NOTHING else "not measured")
    for applies, scope, indicators, filled in (
        (_ALL, _HOW_MANY, measures, (_said(machine), _said(everything))),
        (_ALL, "Own-initiative ", measures, (_said(machine), _said(people))),
        (_HOSTING, "NAM Total", notices, (_NONE, reports)),
        (_PLATFORMS, "NAM Trusted Flagger", notices, (_NONE, _flagged(publication.of("reports")))),
    ):
        where = (applies, *begin, "Use of automated means for content moderation")
        for name, said in zip(indicators, filled, strict=True):
            yield (*where, name, scope, *said)
        accuracy = of_machines if indicators is measures else ("", "no notice was answered by them")
        for what in ("Accuracy", "Precision", "Recall"):
            yield (*where, f"Accuracy of the automated means - {what}", scope, *accuracy)
