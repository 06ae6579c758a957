"""The findings that a page quotes: the surest ones of each topic and polarity."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select

from cxnlp.records import Channel, Polarity, Quote, Rule
from cxnlp.storage.schema import analysis, assignment, department_closure, feedback, finding

SPARE = 4
"""Candidates read for each quote wanted, since the same words come again."""


def quotes(
    connection: Connection,
    *,
    department: str,
    topic: str | None,
    polarity: Polarity | None,
    since: dt.date | None,
    until: dt.date | None,
    per_topic: int,
) -> list[Quote]:
    """Return at most `per_topic` quotes of each (topic, polarity), best first: by probability, then the newest."""
    if per_topic <= 0:
        return []
    # Asked for by name, so that SQLite starts from the index of the departments and not from all findings.
    below = select(department_closure.c.department).where(department_closure.c.ancestor == department)
    found = _findings_of(list(connection.scalars(below)), topic, polarity, since, until)
    depth = per_topic * SPARE
    while True:
        rows = connection.execute(_best(found, depth)).all()
        chosen = _distinct(rows, per_topic)
        read, kept = Counter(map(_kind, rows)), Counter(map(_kind, chosen))
        # A kind that gave fewer quotes than wanted though it has more findings: look further down.
        if all(kept[kind] == per_topic or read[kind] < depth for kind in read):
            return [_quote_of(row) for row in chosen]
        depth *= 10


def _findings_of(
    departments: list[str], topic: str | None, polarity: Polarity | None, since: dt.date | None, until: dt.date | None
) -> Select[Any]:
    """Return the query for the findings of these departments."""
    query = (
        select(
            feedback.c.id,
            feedback.c.created_at,
            finding.c.topic,
            finding.c.polarity,
            finding.c.score,
            finding.c.start,
            finding.c.end,
            assignment.c.department,
            assignment.c.rule,
            assignment.c.evidence,
            assignment.c.position,
        )
        .select_from(assignment)
        .join(
            finding,
            and_(finding.c.analysis_id == assignment.c.analysis_id, finding.c.position == assignment.c.finding),
        )
        .join(analysis, and_(analysis.c.id == assignment.c.analysis_id, analysis.c.current))
        .join(feedback, and_(feedback.c.id == assignment.c.feedback_id, feedback.c.current))
        .where(assignment.c.department.in_(departments))
    )
    if topic is not None:
        query = query.where(finding.c.topic == topic)
    if polarity is not None:
        query = query.where(finding.c.polarity == polarity.value)
    if since is not None:
        query = query.where(feedback.c.created_at >= dt.datetime.combine(since, dt.time.min, dt.UTC))
    if until is not None:
        query = query.where(feedback.c.created_at <= dt.datetime.combine(until, dt.time.max, dt.UTC))
    return query


def _best(found: Select[Any], depth: int) -> Select[Any]:
    """Return the query for the first `depth` findings of each topic and polarity, with the comment's words."""
    order = [
        finding.c.score.desc(),
        feedback.c.created_at.desc().nulls_last(),
        feedback.c.id.desc(),
        assignment.c.position,
    ]
    rank = func.row_number().over(partition_by=[finding.c.topic, finding.c.polarity], order_by=order).label("rank")
    ranked = found.add_columns(rank).subquery()
    return (
        select(ranked, feedback.c.source, feedback.c.channel, feedback.c.question, feedback.c.text)
        .join(feedback, feedback.c.id == ranked.c.id)
        .where(ranked.c.rank <= depth)
        .order_by(ranked.c.topic, ranked.c.polarity, ranked.c.rank)
    )


def _distinct(rows: Iterable[Row[Any]], per_topic: int) -> list[Row[Any]]:
    """Keep the first rows of each kind, the same text once."""
    seen: set[tuple[str, str, str]] = set()
    kept: Counter[tuple[str, str]] = Counter()
    chosen = []
    for row in rows:
        kind = _kind(row)
        if kept[kind] < per_topic and (*kind, row.text) not in seen:
            seen.add((*kind, row.text))
            kept[kind] += 1
            chosen.append(row)
    return chosen


def _kind(row: Row[Any]) -> tuple[str, str]:
    return row.topic, row.polarity


def _quote_of(row: Row[Any]) -> Quote:
    return Quote(
        feedback_id=row.id,
        source=row.source,
        channel=Channel(row.channel),
        question=row.question,
        text=row.text,
        created_at=row.created_at,
        topic=row.topic,
        polarity=Polarity(row.polarity),
        score=row.score,
        start=row.start,
        end=row.end,
        department=row.department,
        rule=Rule(row.rule),
        evidence=row.evidence,
    )
