"""What is still to be done: comments without an analysis or a link, in ranges of ids and batches.

Every batch is a query of its own that goes on after the last id, so results can be saved between two batches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from cxnlp.records import Analysis, Feedback, Finding, TextStatus
from cxnlp.storage.rows import analysis_of, chunks, feedback_of, finding_of
from cxnlp.storage.schema import analysis, feedback, finding, link

T = TypeVar("T")

Opened = Callable[[], AbstractContextManager[Connection]]

_ANALYSED = and_(analysis.c.feedback_id == feedback.c.id, analysis.c.current)


def unanalysed(model: str | None, taxonomy: str | None) -> Select[Any]:
    """Return the query for current opinions that have no current analysis, or one of another model or taxonomy."""
    lacking: list[ColumnElement[bool]] = [analysis.c.id.is_(None)]
    if model is not None:
        lacking.append(analysis.c.model != model)
    if taxonomy is not None:
        lacking.append(analysis.c.taxonomy != taxonomy)
    opinion = feedback.c.status == TextStatus.OPINION.value
    return (
        select(feedback.c.id)
        .select_from(feedback.outerjoin(analysis, _ANALYSED))
        .where(feedback.c.current, opinion, or_(*lacking))
    )


def unlinked(routing: str) -> Select[Any]:
    """Return the query for current comments that are ready and have no link for this analysis and routing."""
    ready = or_(feedback.c.status != TextStatus.OPINION.value, analysis.c.id.is_not(None))
    stale = or_(
        link.c.feedback_id.is_(None),
        link.c.routing != routing,
        link.c.analysis_id.is_distinct_from(analysis.c.id),
    )
    joined = feedback.outerjoin(analysis, _ANALYSED).outerjoin(link, link.c.feedback_id == feedback.c.id)
    return select(feedback.c.id).select_from(joined).where(feedback.c.current, ready, stale)


def ranges(connection: Connection, pending: Select[Any], size: int) -> list[tuple[int, int]]:
    """Return (lowest, highest) ids, both included, that cut what is pending into parts of `size` comments."""
    numbered = pending.add_columns((func.row_number().over(order_by=feedback.c.id) - 1).label("number")).subquery()
    part = numbered.c.number.op("/")(size)
    bounds = select(func.min(numbered.c.id), func.max(numbered.c.id)).group_by(part)
    return sorted((lo, hi) for lo, hi in connection.execute(bounds))


def read_feedback(
    opened: Opened, pending: Select[Any], lo: int, hi: int, batch: int
) -> Iterator[list[tuple[int, Feedback]]]:
    """Yield pending comments with ids from `lo` to `hi`, by id."""
    query = pending.with_only_columns(feedback, maintain_column_froms=True)
    return _batches(opened, query, lo, hi, batch, lambda _, rows: [(row.id, feedback_of(row)) for row in rows])


def read_analysed(
    opened: Opened, pending: Select[Any], lo: int, hi: int, batch: int
) -> Iterator[list[tuple[int, Feedback, Analysis | None]]]:
    """Yield pending comments with ids from `lo` to `hi` and their current analyses, by id."""
    read = [column for column in analysis.c if column.name not in ("id", "feedback_id", "current", "run_id")]
    query = pending.with_only_columns(feedback, analysis.c.id.label("analysis_id"), *read, maintain_column_froms=True)
    return _batches(opened, query, lo, hi, batch, _with_analyses)


def _batches(
    opened: Opened,
    query: Select[Any],
    lo: int,
    hi: int,
    batch: int,
    made: Callable[[Connection, Sequence[Row[Any]]], list[T]],
) -> Iterator[list[T]]:
    last = lo - 1
    while True:
        with opened() as connection:
            inside = query.where(feedback.c.id > last, feedback.c.id <= hi).order_by(feedback.c.id).limit(batch)
            rows = connection.execute(inside).all()
            items = made(connection, rows)
        if not rows:
            return
        yield items
        last = rows[-1].id


def _with_analyses(connection: Connection, rows: Sequence[Row[Any]]) -> list[tuple[int, Feedback, Analysis | None]]:
    found = _findings(connection, [row.analysis_id for row in rows if row.analysis_id is not None])
    return [
        (row.id, feedback_of(row), None if row.analysis_id is None else analysis_of(row, found[row.analysis_id]))
        for row in rows
    ]


def _findings(connection: Connection, analysis_ids: list[int]) -> dict[int, list[Finding]]:
    found: dict[int, list[Finding]] = defaultdict(list)
    for ids in chunks(analysis_ids):
        wanted = select(finding).where(finding.c.analysis_id.in_(ids))
        for row in connection.execute(wanted.order_by(finding.c.analysis_id, finding.c.position)):
            found[row.analysis_id].append(finding_of(row))
    return found
