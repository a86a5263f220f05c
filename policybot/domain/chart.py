"""Charts as SVG, written by the server: bars with their numbers beside them, readable without colour.

The text is safe to put into a page: every word from outside is escaped here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from policybot.domain.suppression import Cell

_WIDTH = 360
_NUMBER = 110
"""Room for the number behind the longest bar."""
_ROW = 38
_BAR = 12
_LONGEST = 52
"""Characters of a label."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a chart."""

    label: str
    cell: Cell


def said(cell: Cell) -> str:
    """Write a number as it stands in tables and charts."""
    if cell.whole:
        return f"{cell.number:,}"
    return f"{cell.number:,} or more" if cell.number else "not shown"


def bars(name: str, title: str, rows: Sequence[Bar]) -> str:
    """Draw horizontal bars.

    Args:
        name: unique among the charts of the page.
        title: what it shows, as it is read aloud.
        rows: from top to bottom.
    """
    most = max((row.cell.number for row in rows), default=0)
    room, height = _WIDTH - _NUMBER, _ROW * len(rows)
    described = "; ".join(f"{row.label}: {said(row.cell)}" for row in rows)
    parts = [
        f'<svg class="chart" role="img" viewBox="0 0 {_WIDTH} {height}"',
        f' aria-labelledby="{name}-title {name}-desc">',
        f'<title id="{name}-title">{escape(title)}</title>',
        f'<desc id="{name}-desc">{escape(described)}</desc>',
    ]
    for place, row in enumerate(rows):
        top = place * _ROW
        length = room * row.cell.number / most if most else 0
        kind = "bar" if row.cell.whole else "bar part"
        parts += [
            f'<text x="0" y="{top + 14}">{escape(_short(row.label))}</text>',
            f'<rect class="{kind}" x="1" y="{top + 20}" width="{length:.1f}" height="{_BAR}"/>',
            f'<text x="{length + 8:.1f}" y="{top + 31}">{escape(said(row.cell))}</text>',
        ]
    return "".join([*parts, "</svg>"])


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1].rstrip()}…"
