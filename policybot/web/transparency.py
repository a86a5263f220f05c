"""The figures that everybody may read: a page with charts, a report to print, CSV and JSON."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from markupsafe import Markup

from policybot.domain.chart import Bar, bars, said
from policybot.domain.errors import NotFound
from policybot.domain.note import Note
from policybot.domain.period import parse
from policybot.domain.permission import Permission
from policybot.domain.policy import Term
from policybot.domain.population import MONTH, POPULATIONS, TIMES, Population, Table
from policybot.domain.publication import Publication, Shown, within
from policybot.domain.suppression import HIDDEN, NOTHING, Cell
from policybot.services.checkpoints import Checkpoints
from policybot.services.figures import Figures, View
from policybot.services.policies import Policies
from policybot.store.database import Database
from policybot.web.site import Site, as_json, route

_HEAD = ("period", "population", "table", "row", "label", "number", "complete")
_MEDIAN, _MOST = 0.5, 0.95


@dataclass(frozen=True, slots=True)
class Block:
    """One table as it stands on the page, with its chart."""

    title: str
    about: str
    rows: tuple[Bar, ...]
    chart: Markup
    times: str
    """The median and the 95th percentile in words; empty for a table of anything else."""

    @property
    def shown(self) -> bool:
        """Whether any of its numbers is shown."""
        return any(row.cell != HIDDEN for row in self.rows)


@dataclass(frozen=True, slots=True)
class Section:
    """One population as it stands on the page."""

    population: Population
    total: Cell
    blocks: tuple[Block, ...]


class TransparencyPages:
    """What everybody may check."""

    def __init__(
        self,
        site: Site,
        database: Database,
        figures: Figures,
        policies: Policies,
        checkpoints: Checkpoints,
    ) -> None:
        """Show what was published."""
        self._policies = policies
        self._checkpoints = checkpoints
        self._site = site
        self._database = database
        self._figures = figures

    def routes(self) -> list[web.RouteDef]:
        """List the pages."""
        needs = Permission.ABOUT_READ
        return [
            route("GET", "/transparency", self._page, needs=needs),
            route("GET", "/transparency.csv", self._csv, needs=needs),
            route("GET", "/transparency.json", self._json, needs=needs),
            route("GET", "/transparency/{period}", self._page, needs=needs),
        ]

    async def _view(self, request: web.Request) -> View | None:
        asked = request.match_info.get("period") or request.query.get("period", "")
        async with self._database.transaction(reading=True) as tx:
            return await self._figures.view(tx, asked)

    async def _law(self) -> tuple[list[Term], Note | None]:
        """Read which ladder was in force when, and what was signed last of the log."""
        async with self._database.transaction(reading=True) as tx:
            return await self._policies.published(tx), await self._checkpoints.newest(tx)

    async def _page(self, request: web.Request) -> web.Response:
        view = await self._view(request)
        terms, newest = await self._law()
        if view is None and "period" in request.match_info:
            message = "There are no figures yet."
            raise NotFound(message)
        config, ladder = self._site.config, self._policies.today
        text = self._site.text(
            "transparency.html",
            view=view,
            report="period" in request.match_info,
            sections=[] if view is None else self.sections(view.publication),
            reversal=None if view is None else reversal(view.publication),
            verdicts=NOTHING if view is None else view.publication.of("verdicts").total,
            fewest=config.transparency.fewest if view is None else view.publication.fewest,
            words=config.transparency.text.strip(),
            said=said,
            due=self._figures.due(),
            grain=config.transparency.finest.value,
            appeal_days=ladder.appeal_window.days,
            rules_url=ladder.text_url or f"{config.web.public_url}/about",
            ladder=ladder.version,
            terms=terms[::-1],
            log_key=self._checkpoints.published(),
            checkpoint=newest,
        )
        return self._site.for_all(request, text, "text/html")

    def sections(self, publication: Publication) -> list[Section]:
        """Lay the populations out; what never happened is left to the list at the end."""
        return [
            _section(population, publication.of(population.key), self._labels())
            for population in POPULATIONS
        ]

    def _labels(self) -> dict[str, str]:
        config = self._site.config
        named = {rule.id: f"{rule.id} {rule.title}" for rule in config.rules}
        named |= {one.id: one.name for one in config.referrals.all_recipients}
        return named | {"unsorted": "names no rule"}

    async def _csv(self, request: web.Request) -> web.Response:
        view = await self._view(request)
        file = io.StringIO(newline="")
        writer = csv.writer(file)  # RFC 4180: commas, quotes where needed, CRLF
        writer.writerow(_HEAD)
        if view is not None:
            for row in _flat(view.publication, self._labels()):
                number = "" if not row.cell.whole and not row.cell.number else row.cell.number
                complete = "yes" if row.cell.whole else "no"
                writer.writerow(
                    (view.name, row.population, row.table, row.key, row.label, number, complete)
                )
        answer = self._site.for_all(request, file.getvalue(), "text/csv")
        name = f"transparency-{view.name if view else 'none'}.csv"
        answer.headers["Content-Disposition"] = f'inline; filename="{name}"'
        return answer

    async def _json(self, request: web.Request) -> web.Response:
        view = await self._view(request)
        terms, newest = await self._law()
        data: dict[str, Any] = {
            "operator": self._site.config.operator.name,
            "period": None,
            "ladder": [_term(one) for one in terms],
            "log": {
                "key": self._checkpoints.published(),
                "checkpoint": None if newest is None else str(newest),
            },
        }
        if view is not None:
            publication = view.publication
            data |= {
                "period": view.name,
                "complete": view.complete,
                "published_by": [period.name for period in publication.periods],
                "fewest": publication.fewest,
                "periods": [name for name, _ in view.offered],
                "reversal_rate_percent": reversal(publication),
                "populations": {one.key: _as_data(one, publication.of(one.key)) for one in POPULATIONS},
            }
        return self._site.for_all(request, as_json(data), "application/json")


@dataclass(frozen=True, slots=True)
class _Row:
    population: str
    table: str
    key: str
    label: str
    cell: Cell


def _flat(publication: Publication, labels: Mapping[str, str]) -> Iterator[_Row]:
    for population in POPULATIONS:
        shown = publication.of(population.key)
        yield _Row(population.key, "", "", population.title, shown.total)
        for table, cells in shown.tables.items():
            for key, cell in cells.items():
                label = _label(population, table, key, labels)
                yield _Row(population.key, table, key, label, cell)


def _label(population: Population, table: str, key: str, labels: Mapping[str, str]) -> str:
    """Say what a row of a table is called; that of two which cross by both."""
    if table == MONTH:
        return parse(key).title
    found = next((one for one in population.tables if one.key == table), None)
    if found is not None and found.of is not None:
        each = zip(found.of, key.split("/"), strict=True)
        return "; ".join(_label(population, axis, part, labels) for axis, part in each)
    return dict(found.labels if found else ()).get(key) or labels.get(key, key)


def _as_data(population: Population, shown: Shown) -> dict[str, Any]:
    times = {
        table.key: {"median": within(rows, _MEDIAN), "p95": within(rows, _MOST)}
        for table in population.tables
        if table.timed and (rows := shown.rows(table.key))
    }
    return {
        "total": _cell(shown.total),
        "tables": {
            name: {row: _cell(cell) for row, cell in cells.items()}
            for name, cells in shown.tables.items()
        },
        "within": times,
    }


def _term(term: Term) -> dict[str, str | None]:
    return {
        "version": term.version,
        "sha256": term.hash,
        "since": term.since.isoformat(),
        "until": None if term.until is None else term.until.isoformat(),
        "text": term.text_url or None,
    }


def _cell(cell: Cell) -> dict[str, object]:
    number = None if not cell.whole and not cell.number else cell.number
    return {"number": number, "complete": cell.whole}


def _section(population: Population, shown: Shown, labels: Mapping[str, str]) -> Section:
    tables = [Table(MONTH, "By month", ()), *population.tables]
    blocks = [
        _block(population, table, cells, labels)
        for table in tables
        if (cells := shown.rows(table.key)) and shown.total != NOTHING
        # Where two tables cross, all is shown or nothing; of the latter there would be many.
        if table.of is None or any(cell.number for cell in cells.values())
    ]
    return Section(population, shown.total, tuple(blocks))


def _block(
    population: Population, table: Table, cells: Mapping[str, Cell], labels: Mapping[str, str]
) -> Block:
    kept = {key: cell for key, cell in cells.items() if cell != NOTHING or table.key == MONTH}
    rows = tuple(Bar(_label(population, table.key, key, labels), cell) for key, cell in kept.items())
    name = f"{population.key}-{table.key}".replace("*", "-")
    title = f"{population.title}: {table.title}"
    chart = Markup(bars(name, title, rows))  # noqa: S704 - it escapes what is not ours
    return Block(table.title, table.about, rows, chart, _times(cells) if table.timed else "")


def _times(cells: Mapping[str, Cell]) -> str:
    half, most = within(cells, _MEDIAN), within(cells, _MOST)
    if half is None or most is None:
        return ""
    return f"Half of them {_in(half)}; 95 of 100 {_in(most)}."


def _in(name: str) -> str:
    return f"within {name}" if name != TIMES[-1] else f"took longer than {TIMES[-2]}"


def reversal(publication: Publication) -> int | None:
    """Give the share of verdicts that changed a decision, in percent; None where that is not shown."""
    changed, verdicts = publication.reversals
    if not (changed.whole and verdicts.whole) or verdicts.number == 0:
        return None
    return round(100 * changed.number / verdicts.number)
