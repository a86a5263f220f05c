"""The command about the figures that everybody may read: the totals of a period."""

from policybot.domain.chart import said
from policybot.domain.population import POPULATIONS
from policybot.domain.publication import within
from policybot.domain.suppression import NOTHING
from policybot.matrix.commands.command import Asked, Services

_WAITS = (
    ("touched", "waited", "the first look at a case"),
    ("on_reports", "took", "a decision on a report"),
    ("notices", "told", "the notice after it"),
    ("verdicts", "answer", "the answer to an appeal"),
)


async def figures(services: Services, asked: Asked) -> str:
    """Tell the totals of a period, how long things took, and where the rest stands."""
    view = await services.figures.view(asked.tx, asked.words["PERIOD"])
    address = f"{services.setting.config.web.public_url}/transparency"
    if view is None:
        due = services.figures.due()
        return f"There are no figures yet; the next appear on {due:%-d %B %Y}: {address}"
    shown = [(one, view.publication.of(one.key).total) for one in POPULATIONS]
    lines = [f"{one.title}: {said(total)}" for one, total in shown if total != NOTHING]
    for population, table, what in _WAITS:
        half = within(view.publication.of(population).rows(table), 0.5)
        if half is not None:
            lines.append(f"Half of the time {what} came {_in(half)}.")
    so_far = "" if view.complete else ", as far as it is published"
    return "\n".join([f"{view.title}{so_far}", *lines, f"All of it: {address}?period={view.name}"])


def _in(name: str) -> str:
    return "after more than 30 days" if name == "longer" else f"within {name}"
