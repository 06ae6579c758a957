"""Storing what a model read and whose it is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select, update

from cxnlp.errors import StoreError
from cxnlp.records import Analysis, Assignment
from cxnlp.storage.rows import analysis_row, assignment_rows, chunks, finding_rows
from cxnlp.storage.schema import analysis, assignment, department_closure, feedback, finding, link


def save_analyses(connection: Connection, items: Sequence[tuple[int, Analysis]], *, run_id: str) -> tuple[int, int]:
    """Make these the current analyses of their comments; return how many analyses and findings were added.

    One of the same model and taxonomy as the current one is left out, and so is one of a version that was replaced.
    """
    given = dict(items)
    live = _current(connection, list(given))
    read_by = _readers(connection, list(given))
    added = {
        feedback_id: made
        for feedback_id, made in given.items()
        if live[feedback_id] and read_by.get(feedback_id) != (made.model, made.taxonomy)
    }
    for ids in chunks(id for id in added if id in read_by):
        connection.execute(
            update(analysis).where(analysis.c.feedback_id.in_(ids), analysis.c.current).values(current=False)
        )
    if not added:
        return 0, 0
    rows = [analysis_row(feedback_id, made, run_id=run_id) for feedback_id, made in added.items()]
    ids_of = connection.execute(insert(analysis).returning(analysis.c.id, analysis.c.feedback_id), rows)
    findings = [row for id, feedback_id in ids_of for row in finding_rows(id, added[feedback_id].findings)]
    if findings:
        connection.execute(insert(finding), findings)
    return len(added), len(findings)


def save_links(connection: Connection, items: Sequence[tuple[int, Sequence[Assignment]]], *, routing: str) -> int:
    """Make these the assignments of their comments' current analyses; return how many comments were linked."""
    given = dict(items)
    live = _current(connection, list(given))
    linked = [feedback_id for feedback_id in given if live[feedback_id]]
    analyses: dict[int, int] = {}
    for ids in chunks(linked):
        connection.execute(delete(assignment).where(assignment.c.feedback_id.in_(ids)))
        connection.execute(delete(link).where(link.c.feedback_id.in_(ids)))
        current = select(analysis.c.feedback_id, analysis.c.id).where(
            analysis.c.feedback_id.in_(ids), analysis.c.current
        )
        analyses.update((feedback_id, id) for feedback_id, id in connection.execute(current))
    links = [{"feedback_id": id, "analysis_id": analyses.get(id), "routing": routing} for id in linked]
    rows = [row for id in linked for row in assignment_rows(id, analyses.get(id), given[id])]
    if links:
        connection.execute(insert(link), links)
    if rows:
        connection.execute(insert(assignment), rows)
    return len(links)


def save_chart(connection: Connection, closure: Sequence[tuple[str, str]]) -> bool:
    """Make these (department, ancestor) pairs the ones that counts roll up by; return whether they differ."""
    pairs = connection.execute(select(department_closure.c.department, department_closure.c.ancestor))
    stored = {(department, ancestor) for department, ancestor in pairs}
    if stored == set(closure):
        return False
    connection.execute(delete(department_closure))
    rows = [{"department": department, "ancestor": ancestor} for department, ancestor in dict.fromkeys(closure)]
    if rows:
        connection.execute(insert(department_closure), rows)
    return True


def _current(connection: Connection, feedback_ids: Sequence[int]) -> dict[int, bool]:
    found: dict[int, bool] = {}
    for ids in chunks(feedback_ids):
        wanted = select(feedback.c.id, feedback.c.current).where(feedback.c.id.in_(ids))
        found.update((id, current) for id, current in connection.execute(wanted))
    unknown = set(feedback_ids) - set(found)
    if unknown:
        raise StoreError(f"There is no comment {min(unknown)} in the store.")
    return found


def _readers(connection: Connection, feedback_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    found: dict[int, tuple[str, str]] = {}
    for ids in chunks(feedback_ids):
        wanted = select(analysis.c.feedback_id, analysis.c.model, analysis.c.taxonomy).where(
            analysis.c.feedback_id.in_(ids), analysis.c.current
        )
        found.update((id, (model, taxonomy)) for id, model, taxonomy in connection.execute(wanted))
    return found
