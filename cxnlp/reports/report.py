"""What a report is made from: everything that the pages and the workbook show, and nothing else."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cxnlp.errors import ConfigError
from cxnlp.records import (
    ORGANISATION,
    UNASSIGNED,
    Period,
    Quote,
    Receipt,
    ScoreSummary,
    Summary,
    TextStatus,
)
from cxnlp.taxonomy import Taxonomy

FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Department:
    """Who a page is for. `parent` is the department above it."""

    id: str
    name: str
    head: str | None = None
    parent: str = ORGANISATION


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many stored comments of a source have a status and a language."""

    source: str
    status: TextStatus
    language: str | None
    n: int


@dataclass(frozen=True, slots=True)
class Report:
    """One night's results for one organisation.

    `day` is the newest comment's date, None where nothing is dated. `topics` and `scores` hold the summaries of
    Period.RECENT, Period.ALL and of `period`, whose newest ones are drawn as a course; the recent window has
    `window_days` days. `departments` are in the order to show, with "unassigned" and without the organisation itself.
    `quotes` are by department id, best first. `model_note` says in words what reads the comments and how well.

    ConfigError where a department's id can't be a file name, is there twice, or its parent is unknown.
    """

    organisation: str
    day: dt.date | None
    period: Period
    window_days: int
    min_comments: int
    taxonomy: Taxonomy
    departments: tuple[Department, ...]
    topics: tuple[Summary, ...]
    scores: tuple[ScoreSummary, ...]
    quotes: Mapping[str, tuple[Quote, ...]]
    statuses: tuple[StatusCount, ...]
    receipt: Receipt
    model_note: str = ""

    def __post_init__(self) -> None:
        ids = [department.id for department in self.departments]
        for department in self.departments:
            if not FILE_NAME.fullmatch(department.id) or department.id == ORGANISATION:
                raise ConfigError(
                    f"A department can't have the id '{department.id}': its page is named so. "
                    "Use lower-case letters, digits, - and _."
                )
            if ids.count(department.id) > 1:
                raise ConfigError(f"Two departments have the id '{department.id}'; ids must differ.")
            if any(above.id == department.id for above in self.above(department)):
                raise ConfigError(f"The department '{department.id}' lies below itself.")
        if UNASSIGNED not in ids:
            raise ConfigError(f"The departments of a report must hold '{UNASSIGNED}'.")

    @property
    def root(self) -> Department:
        """The organisation as a department."""
        return Department(ORGANISATION, self.organisation)

    @property
    def recent_start(self) -> dt.date | None:
        """The first day of the recent window."""
        return self.day and self.day - dt.timedelta(days=self.window_days - 1)

    @property
    def missing_sources(self) -> tuple[str, ...]:
        """The names of the sources that could not be read in this run."""
        return tuple(source.source for source in self.receipt.sources if source.error)

    def department(self, department_id: str) -> Department:
        """Return a department by id, also the organisation. ConfigError where there is none."""
        for department in (self.root, *self.departments):
            if department.id == department_id:
                return department
        raise ConfigError(f"No department has the id '{department_id}'.")

    def below(self, department: Department) -> tuple[Department, ...]:
        """Return the departments directly below one, in order."""
        return tuple(child for child in self.departments if child.parent == department.id)

    def above(self, department: Department) -> tuple[Department, ...]:
        """Return the departments above one, nearest first, without the organisation."""
        found: list[Department] = []
        while department.parent != ORGANISATION and department not in found[:-1]:
            department = self.department(department.parent)
            found.append(department)
        return tuple(found)
