"""Topic by team: which share of a team's comments complains of a topic."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from cxnlp.records import Period, Polarity, Summary, Verdict
from cxnlp.reports.figures import Figures
from cxnlp.reports.report import Department
from cxnlp.reports.wording import percent, phrase, whole
from cxnlp.taxonomy import Topic

LEVELS = (0.02, 0.05, 0.10, 0.20, 0.30)
"""Where the colour changes: fixed, so that the same colour means the same share every night."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One share. `level` is 0..5, or None where too few comments were read; `verdict` is None without a change."""

    text: str
    level: int | None
    verdict: Verdict | None
    note: str


@dataclass(frozen=True, slots=True)
class Line:
    """One topic's cells, in the order of the columns."""

    topic: Topic
    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Heatmap:
    """The six factors of bad experience and the other topics by team."""

    period: Period
    columns: tuple[Department, ...]
    factors: tuple[Line, ...]
    others: tuple[Line, ...]


def heatmap(figures: Figures, columns: Sequence[Department], *, period: Period) -> Heatmap:
    """Return the shares of the recent window (Period.RECENT) or of all time (Period.ALL)."""
    lines = [_line(figures, topic, columns, period) for topic in figures.report.taxonomy.topics]
    factors = tuple(line for line in lines if line.topic.factor)
    return Heatmap(period, tuple(columns), factors, tuple(line for line in lines if not line.topic.factor))


def _line(figures: Figures, topic: Topic, columns: Sequence[Department], period: Period) -> Line:
    find = figures.topics.recent if period is Period.RECENT else figures.topics.total
    cells = tuple(cell(find(column.id, topic.id), min_comments=figures.report.min_comments) for column in columns)
    return Line(topic, topic.label(Polarity.NEGATIVE), cells)


def cell(row: Summary | None, *, min_comments: int) -> Cell:
    """Return how a summary is shown; below `min_comments` no share is."""
    if row is None or row.comments < min_comments:
        heard = row.comments if row else 0
        return Cell(phrase("too_few"), None, None, phrase("read", n=whole(heard)))
    verdict = row.verdict if row.verdict in (Verdict.WORSE, Verdict.BETTER) else None
    note = phrase("share", n=whole(row.negative), all=whole(row.comments))
    return Cell(percent(row.problem_share), bisect_right(LEVELS, row.problem_share), verdict, note)
