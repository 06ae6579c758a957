"""A report's summaries, found by department, topic or scale."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from cxnlp.records import Period, ScoreSummary, Summary
from cxnlp.reports.report import Report

Row = TypeVar("Row", Summary, ScoreSummary)


class Courses(Generic[Row]):
    """Summaries of one kind: the recent one, the one before, the total and the course of each (department, subject)."""

    def __init__(self, rows: Iterable[Row], report: Report) -> None:
        self._recent_start = report.recent_start
        self._before_start = self._recent_start and self._recent_start - dt.timedelta(days=report.window_days)
        self._period = report.period
        self._rows: dict[tuple[str, str, Period], list[Row]] = defaultdict(list)
        for row in rows:
            self._rows[row.department, subject(row), row.period].append(row)

    def recent(self, department: str, subject: str) -> Row | None:
        """Return the summary of the recent window."""
        return self._at(department, subject, self._recent_start)

    def before(self, department: str, subject: str) -> Row | None:
        """Return the summary of the window before the recent one."""
        return self._at(department, subject, self._before_start)

    def total(self, department: str, subject: str) -> Row | None:
        """Return the summary of all time."""
        return next(iter(self._rows.get((department, subject, Period.ALL), ())), None)

    def course(self, department: str, subject: str) -> list[Row]:
        """Return the summaries of the calendar periods, oldest first."""
        rows = self._rows.get((department, subject, self._period), [])
        return sorted(rows, key=lambda row: row.start or dt.date.min)

    def all_recent(self) -> list[Row]:
        """Return the summaries of the recent window, of all departments."""
        return [row for key, rows in self._rows.items() if key[2] is Period.RECENT for row in rows
                if row.start == self._recent_start]  # fmt: skip

    def subjects(self, department: str | None = None) -> set[str]:
        """Return the topics or scales that there are, of one department or of all."""
        return {key[1] for key in self._rows if department in (None, key[0])}

    def _at(self, department: str, subject: str, start: dt.date | None) -> Row | None:
        rows = self._rows.get((department, subject, Period.RECENT), ())
        return next((row for row in rows if row.start == start), None)


@dataclass(frozen=True, slots=True)
class Figures:
    """A report with its summaries indexed."""

    report: Report
    topics: Courses[Summary]
    scores: Courses[ScoreSummary]

    @classmethod
    def of(cls, report: Report) -> Figures:
        """Index a report."""
        return cls(report, Courses(report.topics, report), Courses(report.scores, report))

    def recent_comments(self, department: str) -> int:
        """Return how many comments of the recent window were read."""
        rows = (self.topics.recent(department, topic) for topic in self.report.taxonomy.ids)
        return max((row.heard for row in rows if row), default=0)

    def all_comments(self, department: str) -> int:
        """Return how many comments were read, undated ones too."""
        rows = (self.topics.total(department, topic) for topic in self.report.taxonomy.ids)
        return max((row.heard for row in rows if row), default=0)


def subject(row: Summary | ScoreSummary) -> str:
    """Return what a summary tells of: its topic or its scale."""
    return row.topic if isinstance(row, Summary) else row.scale.value
