"""Counts by department, rolled up the organisation chart by the database: small frames, flat memory.

A comment that several departments below an ancestor share counts once there. Only current comments with their current
analyses and assignments count; an analysis that has a `reason` (nothing to read) does not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, select

from cxnlp.records import Polarity, Rule, Sentiment
from cxnlp.storage.schema import analysis, assignment, department_closure, feedback, finding, utc_day

if TYPE_CHECKING:
    from pandas import DataFrame

_OWNED = department_closure.c.department == assignment.c.department
_ANCESTOR = department_closure.c.ancestor.label("department")
_READ = and_(analysis.c.current, analysis.c.reason.is_(None))

# Days and languages stay Python objects, so that what is missing is None and a day compares with datetime.date.
_DTYPES = {
    **dict.fromkeys(("department", "topic", "scale", "source", "status"), "str"),
    **dict.fromkeys(("day", "language"), "object"),
    "score": "float64",
}


def daily_topics(connection: Connection) -> DataFrame:
    """Return columns department, topic, day, n, negative, neutral, positive: comments that evaluate the topic."""
    polarities = {name.value: func.max(_one(finding.c.polarity == name.value)).label(name.value) for name in Polarity}
    once = (
        select(_ANCESTOR, finding.c.topic, utc_day(feedback.c.created_at).label("day"), *polarities.values())
        .select_from(assignment)
        .join(
            finding,
            and_(finding.c.analysis_id == assignment.c.analysis_id, finding.c.position == assignment.c.finding),
        )
        .join(analysis, and_(analysis.c.id == assignment.c.analysis_id, _READ))
        .join(feedback, and_(feedback.c.id == assignment.c.feedback_id, feedback.c.current))
        .join(department_closure, _OWNED)
        .group_by(feedback.c.id, department_closure.c.ancestor, finding.c.topic)
        .subquery()
    )
    keys = [once.c.department, once.c.topic, once.c.day]
    sums = [func.sum(once.c[name]).label(name) for name in polarities]
    return _frame(connection, select(*keys, func.count().label("n"), *sums).group_by(*keys), by=3)


def daily_comments(connection: Connection) -> DataFrame:
    """Return columns department, day, asked, comments, negative, neutral, mixed, positive, churn: analysed comments.

    `comments` are those for the department. `asked` are those that could have spoken of it: its own where a field of
    the source decides, and all that no field decides where the words do (a comment in a general survey is for Delivery
    because it complains of a parcel, so Delivery's own comments can't tell whether complaints became more frequent).
    """
    by_field = _one(assignment.c.rule.in_([rule.value for rule in _FIELDS]))
    open_ = and_(func.max(by_field) == 0, feedback.c.source.in_(_read_for_words()))
    once = (
        select(
            _ANCESTOR,
            utc_day(feedback.c.created_at).label("day"),
            analysis.c.overall,
            _one(analysis.c.churn).label("churn"),
            _one(open_).label("open"),
        )
        .select_from(assignment)
        .join(analysis, and_(analysis.c.feedback_id == assignment.c.feedback_id, _READ))
        .join(feedback, and_(feedback.c.id == assignment.c.feedback_id, feedback.c.current))
        .join(department_closure, _OWNED)
        .group_by(feedback.c.id, department_closure.c.ancestor, analysis.c.id)
        .subquery()
    )
    keys = [once.c.department, once.c.day]
    order = (Sentiment.NEGATIVE, Sentiment.NEUTRAL, Sentiment.MIXED, Sentiment.POSITIVE)
    sums = [func.sum(_one(once.c.overall == name.value)).label(name.value) for name in order]
    own = func.sum(1 - once.c.open).label("asked")
    churn = func.sum(once.c.churn).label("churn")
    query = select(*keys, own, func.count().label("comments"), *sums, churn).group_by(*keys)
    return _with_open(_frame(connection, query, by=2), _open_days(connection))


_FIELDS = (Rule.DEPARTMENT, Rule.GROUP, Rule.MAPPING)


def _read_for_words() -> Select[Any]:
    """Select the sources of which some comments were assigned by their words."""
    by_words = assignment.c.rule.in_([Rule.MENTION.value, Rule.OWNER.value])
    joined = assignment.join(feedback, and_(feedback.c.id == assignment.c.feedback_id, feedback.c.current))
    return select(feedback.c.source).select_from(joined).where(by_words).distinct()


def _open_days(connection: Connection) -> dict[dt.date | None, int]:
    """Return how many comments of each day could speak of any department."""
    day = utc_day(feedback.c.created_at).label("day")
    by_field = (
        select(assignment.c.feedback_id)
        .where(assignment.c.feedback_id == feedback.c.id, assignment.c.rule.in_([rule.value for rule in _FIELDS]))
        .exists()
    )
    assigned = select(assignment.c.feedback_id).where(assignment.c.feedback_id == feedback.c.id).exists()
    query = (
        select(day, func.count())
        .select_from(feedback.join(analysis, and_(analysis.c.feedback_id == feedback.c.id, _READ)))
        .where(feedback.c.current, feedback.c.source.in_(_read_for_words()), assigned, ~by_field)
        .group_by(day)
    )
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def _with_open(frame: DataFrame, open_days: Mapping[dt.date | None, int]) -> DataFrame:
    """Add the comments that could speak of any department to each department's, with rows for days it had none."""
    from pandas import DataFrame, concat

    there = set(zip(frame["department"], frame["day"], strict=True))
    lacking = [(name, day) for name in set(frame["department"]) for day in open_days if (name, day) not in there]
    zeros = [dict.fromkeys(frame.columns, 0) | {"department": name, "day": day} for name, day in lacking]
    added = DataFrame(zeros, columns=frame.columns).astype(frame.dtypes)
    whole = concat([frame, added], ignore_index=True) if zeros else frame
    whole["asked"] += [open_days.get(day, 0) for day in whole["day"]]
    place = [
        (name, day is not None, day or dt.date.min) for name, day in zip(whole["department"], whole["day"], strict=True)
    ]
    order = sorted(range(len(whole)), key=place.__getitem__)
    return whole.iloc[order].reset_index(drop=True)


def daily_scores(connection: Connection) -> DataFrame:
    """Return columns department, scale, day, score, responses: each (source, response_id) once in a department.

    Where the comments of a response differ in day or score, the newest one speaks for all.
    """
    newest = func.first_value(feedback.c.id).over(
        partition_by=[feedback.c.source, feedback.c.response_id, feedback.c.scale],
        order_by=[feedback.c.created_at.desc().nulls_last(), feedback.c.id.desc()],
    )
    scored = and_(feedback.c.current, feedback.c.score.is_not(None))
    comments = select(feedback.c.id, newest.label("newest")).where(scored).cte("comments")
    once = (
        select(_ANCESTOR, comments.c.newest)
        .select_from(comments)
        .join(assignment, assignment.c.feedback_id == comments.c.id)
        .join(department_closure, _OWNED)
        .distinct()
        .subquery()
    )
    keys = [once.c.department, feedback.c.scale, utc_day(feedback.c.created_at).label("day"), feedback.c.score]
    counted = select(*keys, func.count().label("responses")).join(feedback, feedback.c.id == once.c.newest)
    return _frame(connection, counted.group_by(*keys), by=4)


def status_counts(connection: Connection) -> DataFrame:
    """Return columns source, status, language, n: all current comments, language None where unknown."""
    keys = [feedback.c.source, feedback.c.status, feedback.c.language]
    return _frame(connection, select(*keys, func.count().label("n")).where(feedback.c.current).group_by(*keys), by=3)


def _one(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _frame(connection: Connection, query: Select[Any], *, by: int) -> DataFrame:
    """Return the rows in the order of their first `by` columns; days are dates, None where undated."""
    from pandas import DataFrame, Series

    result = connection.execute(query)
    names = list(result.keys())
    rows = sorted(result, key=lambda row: [(value is not None, value) for value in row[:by]])
    columns = list(zip(*rows, strict=True)) or [() for _ in names]
    return DataFrame(
        {name: Series(column, dtype=_DTYPES.get(name, "int64")) for name, column in zip(names, columns, strict=True)}
    )
