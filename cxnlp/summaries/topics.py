"""How many of a department's comments complain of a topic, and whether that changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxnlp.metrics import newcombe, wilson
from cxnlp.records import Period, Summary
from cxnlp.summaries.periods import Calendar, calendar, dates, extent, newest_day
from cxnlp.summaries.verdicts import confirmed, judge

COUNTS = ["n", "negative", "neutral", "positive"]


def topic_summaries(
    daily_topics: pd.DataFrame,
    daily_comments: pd.DataFrame,
    *,
    period: Period,
    min_comments: int,
    topics: Sequence[str] | None = None,
    today: dt.date | None = None,
    days: int = 28,
    last: int | None = None,
) -> Iterator[Summary]:
    """Yield each department's summaries by topic, then period, oldest first.

    `daily_topics` has the columns department, topic, day, n, negative, neutral, positive; `daily_comments` department,
    day, asked, comments. `topics` are those to tell of, also where nobody mentions them (None: those that occur).
    `today` ends the last period (None: the newest day). `days` is the length of the window of Period.RECENT; `last`
    keeps only the newest periods.

    Every period from a department's first comment to today is there, empty ones too. Rows without a day count in
    Period.ALL alone. The period before the window of Period.RECENT is given for its counts. A change is given where
    both periods have `min_comments` comments; its verdict is that of its 95 % interval, and in Period.RECENT it must
    also stand among all the changes compared (Benjamini-Hochberg). The running period has no verdict of change.
    InputError where a topic's negative comments outnumber the department's.
    """
    today = today or newest_day(daily_comments)
    spans = calendar(period, first=extent(dates(daily_comments))[0], today=today, days=days)
    names = sorted(daily_topics["topic"].unique()) if topics is None else list(topics)
    courses = _courses(daily_topics, daily_comments, spans, names, min_comments)
    rows = (row for course in courses for row in course.summaries(last))
    return confirmed(rows) if period is Period.RECENT else rows


def _courses(
    daily_topics: pd.DataFrame, daily_comments: pd.DataFrame, spans: Calendar, topics: Sequence[str], min_comments: int
) -> Iterator[_Course]:
    """Yield each department's counts, departments in order."""
    comment_days, topic_days = dates(daily_comments), dates(daily_topics)
    comment_rows, topic_rows = _places(daily_comments), _places(daily_topics)
    nothing = np.array([], dtype=np.int64)
    for department in sorted({*comment_rows, *topic_rows}):
        comments, findings = comment_rows.get(department, nothing), topic_rows.get(department, nothing)
        yield _Course(
            department=department,
            spans=spans,
            topics=topics,
            comments=_comments(daily_comments.iloc[comments], "asked", comment_days.iloc[comments], spans),
            heard=_comments(daily_comments.iloc[comments], "comments", comment_days.iloc[comments], spans),
            counts=_counts(daily_topics.iloc[findings], topic_days.iloc[findings], spans, topics),
            first_day=extent(comment_days.iloc[comments])[0],
            min_comments=min_comments,
        )


def _places(frame: pd.DataFrame) -> dict[str, NDArray[np.int64]]:
    """Return the row numbers of each department."""
    return {str(name): np.asarray(rows) for name, rows in frame.groupby("department").indices.items()}


def _comments(frame: pd.DataFrame, column: str, days: pd.Series[pd.Timestamp], spans: Calendar) -> NDArray[np.int64]:
    """Return a column of comments summed by period."""
    places = spans.place(days)
    inside = places >= 0
    counts = np.zeros(len(spans.starts), dtype=np.int64)
    np.add.at(counts, places[inside], frame[column].to_numpy(dtype=np.int64)[inside])
    return counts


def _counts(
    frame: pd.DataFrame, days: pd.Series[pd.Timestamp], spans: Calendar, topics: Sequence[str]
) -> NDArray[np.int64]:
    """Return the counts of shape (topics, periods, len(COUNTS))."""
    places = spans.place(days)
    order = {topic: place for place, topic in enumerate(topics)}
    rows = frame["topic"].map(order).fillna(-1).to_numpy(dtype=np.int64)
    inside = (places >= 0) & (rows >= 0)
    table = np.zeros((len(topics), len(spans.starts), len(COUNTS)), dtype=np.int64)
    np.add.at(table, (rows[inside], places[inside]), frame[COUNTS].to_numpy(dtype=np.int64)[inside])
    return table


@dataclass(frozen=True, slots=True)
class _Course:
    """One department over the periods.

    `comments` and `heard` have the shape (periods,), `counts` (topics, periods, len(COUNTS)).
    """

    department: str
    spans: Calendar
    topics: Sequence[str]
    comments: NDArray[np.int64]
    heard: NDArray[np.int64]
    counts: NDArray[np.int64]
    first_day: dt.date | None
    min_comments: int

    def summaries(self, last: int | None) -> Iterator[Summary]:
        """Yield the summaries from the department's first comment on, at most the newest `last` of each topic."""
        if self.first_day is None and self.spans.period is not Period.ALL:
            return
        end = len(self.spans.starts)
        begun = self.spans.begun(self.first_day)
        for topic, table in zip(self.topics, self.counts, strict=True):
            for position in range(max(begun, end - (last or end)), end):
                yield self._summary(topic, table, position)

    def _summary(self, topic: str, table: NDArray[np.int64], at: int) -> Summary:
        n, negative, neutral, positive = (int(count) for count in table[at])
        comments = int(self.comments[at])
        problem = wilson(negative, comments)
        before, earlier = (int(self.comments[at - 1]), int(table[at - 1, 1])) if at else (0, 0)
        change = judge(
            lambda: newcombe(negative, comments, earlier=earlier, earlier_n=before),
            running=self.spans.running and at == len(self.spans.starts) - 1,
            first=self.spans.is_first(at, self.first_day),
            enough=min(comments, before) >= self.min_comments,
            more_is_worse=True,
        )
        return Summary(
            department=self.department,
            topic=topic,
            period=self.spans.period,
            start=self.spans.starts[at],
            comments=comments,
            heard=int(self.heard[at]),
            n=n,
            negative=negative,
            neutral=neutral,
            positive=positive,
            share=n / comments if comments else 0.0,
            net_sentiment=(positive - negative) / n if n else None,
            problem_share=problem.value,
            low=problem.low,
            high=problem.high,
            change=change.value,
            change_low=change.low,
            change_high=change.high,
            verdict=change.verdict,
        )
