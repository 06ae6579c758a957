"""Small drawings of a course: bars for shares, a line for scores. Pure geometry; the template writes the SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cxnlp.records import Period, ScoreSummary, Summary, Verdict

STEP, BAR, HEIGHT = 10, 7, 30
"""Width of a period and of its bar, and the drawing's height, in its own units."""

DAYS = {Period.DAY: 1.0, Period.WEEK: 7.0, Period.MONTH: 30.44}
"""The mean length of a period."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One period's bar. `kind` is "bar", "few" (too few comments) or "running"."""

    x: float
    y: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True)
class Dot:
    """One period's score."""

    x: float
    y: float
    kind: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A course: `bars` or `dots` from left (oldest) to right, in a box of width x HEIGHT."""

    width: int
    bars: tuple[Bar, ...] = ()
    dots: tuple[Dot, ...] = ()
    height: int = HEIGHT

    @property
    def line(self) -> str:
        """The dots as the points of a polyline."""
        return " ".join(f"{dot.x:g},{dot.y:g}" for dot in self.dots)


def bars(course: Sequence[Summary], *, top: float, min_comments: int) -> Drawing:
    """Return the problem shares of a course; the share `top` is as high as the drawing."""
    drawn = tuple(_bar(place, row, top, min_comments) for place, row in enumerate(course))
    return Drawing(width=max(1, len(course)) * STEP, bars=drawn)


def _bar(place: int, row: Summary, top: float, min_comments: int) -> Bar:
    # A share of zero keeps a hair's height: measured, and nothing there.
    height = max(1.0, min(1.0, row.problem_share / top) * HEIGHT) if row.comments else 0.0
    return Bar(place * STEP + (STEP - BAR) / 2, round(HEIGHT - height, 2), round(height, 2), _kind(row, min_comments))


def dots(course: Sequence[ScoreSummary], *, min_comments: int) -> Drawing:
    """Return the scores of a course between its own lowest and highest, at least a tenth of the scale apart."""
    if not course:
        return Drawing(width=STEP)
    values = [row.value for row in course]
    middle, span = (max(values) + min(values)) / 2, max(max(values) - min(values), _least_span(course[0]))
    drawn = tuple(
        Dot(x, round(HEIGHT / 2 - (row.value - middle) / span * (HEIGHT - 8), 2), _kind(row, min_comments))
        for x, row in zip(_places(course), course, strict=True)
    )
    return Drawing(width=int(drawn[-1].x + STEP / 2), dots=drawn)


def _places(course: Sequence[ScoreSummary]) -> list[float]:
    """Return where the periods stand; one in which nobody answered leaves its room empty."""
    ordinals = [row.start.toordinal() if row.start else 0 for row in course]
    days = DAYS[course[0].period]
    return [round((ordinal - ordinals[0]) / days) * STEP + STEP / 2 for ordinal in ordinals]


def _least_span(row: ScoreSummary) -> float:
    lowest, highest = {"nps": (-100, 100), "csat": (0, 100)}.get(row.scale, row.scale.bounds)
    return (highest - lowest) / 10


def _kind(row: Summary | ScoreSummary, min_comments: int) -> str:
    heard = row.comments if isinstance(row, Summary) else row.responses
    if row.verdict is Verdict.UNFINISHED:
        return "running"
    return "few" if heard < min_comments else "bar"
