"""A department's scores, each scale for itself, and whether they changed."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxnlp.metrics import difference, measure
from cxnlp.records import Period, Scale, ScoreSummary
from cxnlp.summaries.periods import Calendar, calendar, dates, extent, newest_day
from cxnlp.summaries.verdicts import confirmed, judge


def score_summaries(
    daily_scores: pd.DataFrame,
    *,
    period: Period,
    min_comments: int,
    today: dt.date | None = None,
    days: int = 28,
    last: int | None = None,
) -> Iterator[ScoreSummary]:
    """Yield each department's score on each scale, oldest period first.

    `daily_scores` has the columns department, scale, day, score, responses. The other options and the verdicts are
    those of `topic_summaries`, with at least `min_comments` responses; a higher score is better. A period in which
    nobody answered has no value and is left out. InputError where a score is off its scale.
    """
    today = today or newest_day(daily_scores)
    spans = calendar(period, first=extent(dates(daily_scores))[0], today=today, days=days)
    rows = (row for course in _courses(daily_scores, spans, min_comments) for row in course.summaries(last))
    return confirmed(rows) if period is Period.RECENT else rows


def _courses(daily_scores: pd.DataFrame, spans: Calendar, min_comments: int) -> Iterator[_Course]:
    """Yield the scores of each department and scale, in order."""
    days = dates(daily_scores)
    scales = daily_scores["scale"].astype("str")
    groups = daily_scores.groupby(["department", scales]).indices
    for (department, scale), rows in cast("dict[tuple[str, str], NDArray[np.int64]]", groups).items():
        yield _Course(
            department=department,
            scale=Scale(scale),
            spans=spans,
            counts=_counts(daily_scores.iloc[rows], days.iloc[rows], spans),
            first_day=extent(days.iloc[rows])[0],
            min_comments=min_comments,
        )


def _counts(frame: pd.DataFrame, days: pd.Series[pd.Timestamp], spans: Calendar) -> dict[int, Counter[float]]:
    """Return score -> responses for each period that has any."""
    counts: dict[int, Counter[float]] = {}
    for place, score, responses in zip(spans.place(days), frame["score"], frame["responses"], strict=True):
        if place >= 0 and responses:
            counts.setdefault(int(place), Counter())[float(score)] += int(responses)
    return counts


@dataclass(frozen=True, slots=True)
class _Course:
    """One department's scores on one scale over the periods."""

    department: str
    scale: Scale
    spans: Calendar
    counts: Mapping[int, Counter[float]]
    first_day: dt.date | None
    min_comments: int

    def summaries(self, last: int | None) -> Iterator[ScoreSummary]:
        """Yield the score of each period in which somebody answered, of the newest `last` periods."""
        end = len(self.spans.starts)
        for position in range(max(0, end - (last or end)), end):
            if position in self.counts:
                yield self._summary(position)

    def _summary(self, at: int) -> ScoreSummary:
        now, before = self.counts[at], self.counts.get(at - 1, Counter())
        estimate = measure(self.scale, now)
        change = judge(
            lambda: difference(estimate, measure(self.scale, before)),
            running=self.spans.running and at == len(self.spans.starts) - 1,
            first=self.spans.is_first(at, self.first_day),
            enough=before.total() > 0 and min(now.total(), before.total()) >= self.min_comments,
            more_is_worse=False,
        )
        return ScoreSummary(
            department=self.department,
            scale=self.scale,
            period=self.spans.period,
            start=self.spans.starts[at],
            responses=now.total(),
            value=estimate.value,
            low=estimate.low,
            high=estimate.high,
            change=change.value,
            change_low=change.low,
            change_high=change.high,
            verdict=change.verdict,
        )
