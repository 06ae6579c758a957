"""Storing what a source gave: comments by version, rejects, counters and the cursor, all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, select, update

from cxnlp.errors import StoreError
from cxnlp.records import Feedback
from cxnlp.storage.database import upsert
from cxnlp.storage.rows import chunks, feedback_row
from cxnlp.storage.schema import analysis, cursor, feedback, storable


@dataclass(frozen=True, slots=True)
class Version:
    """The current version of a comment, as the store has it."""

    id: int
    version: int
    digest: str


@dataclass(slots=True)
class Plan:
    """What storing a page's comments will do: rows to add, ids of versions to retire, counts for the receipt."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    retired: list[int] = field(default_factory=list)
    new: int = 0
    updated: int = 0
    unchanged: int = 0

    @property
    def statuses(self) -> dict[str, int]:
        """How many of the added comments have each TextStatus."""
        return dict(Counter(row["status"] for row in self.rows))


def plan_page(items: Iterable[tuple[Feedback, str]], current: Mapping[str, Version], *, run_id: str) -> Plan:
    """Decide what becomes of each comment, in order; a record id that comes again is an edit of itself.

    `current` has the stored current versions by storable record id.
    """
    plan = Plan()
    added: dict[str, dict[str, Any]] = {}
    for comment, digest in items:
        record_id = storable(comment.source_record_id)
        before, stored = added.get(record_id), current.get(record_id)
        known = before["digest"] if before else stored.digest if stored else None
        if known == digest:
            plan.unchanged += 1
            continue
        version = 1
        if before:
            before["current"] = False
            version = before["version"] + 1
        elif stored:
            plan.retired.append(stored.id)
            version = stored.version + 1
        plan.new += known is None
        plan.updated += known is not None
        added[record_id] = feedback_row(comment, digest=digest, version=version, run_id=run_id)
        plan.rows.append(added[record_id])
    return plan


def cursor_of(connection: Connection, source: str) -> str | None:
    """Return where the source goes on, None before its first page."""
    return connection.scalar(select(cursor.c.cursor).where(cursor.c.source == source))


def save_cursor(connection: Connection, source: str, value: str, *, run_id: str) -> None:
    """Store where the source goes on."""
    upsert(connection, cursor, [{"source": source, "cursor": value, "run_id": run_id}])


def current_versions(connection: Connection, source: str, record_ids: Iterable[str]) -> dict[str, Version]:
    """Return the current version of each of these records that is stored, by storable record id."""
    wanted = select(feedback.c.source_record_id, feedback.c.id, feedback.c.version, feedback.c.digest).where(
        feedback.c.source == source, feedback.c.current
    )
    found = {}
    for chunk in chunks(dict.fromkeys(record_ids)):
        for row in connection.execute(wanted.where(feedback.c.source_record_id.in_(chunk))):
            found[row.source_record_id] = Version(row.id, row.version, row.digest)
    return found


def save_comments(connection: Connection, source: str, items: Sequence[tuple[Feedback, str]], *, run_id: str) -> Plan:
    """Store the comments that are new or changed; the versions they replace retire with their analyses."""
    foreign = {comment.source for comment, _ in items} - {source}
    if foreign:
        raise StoreError(f"A page of '{source}' holds comments of '{sorted(foreign)[0]}'; a page has one source.")
    current = current_versions(connection, source, (comment.source_record_id for comment, _ in items))
    plan = plan_page(items, current, run_id=run_id)
    _retire(connection, plan.retired)
    if plan.rows:
        connection.execute(insert(feedback), plan.rows)
    return plan


def retire_deleted(connection: Connection, source: str, ids: Iterable[str]) -> int:
    """Retire the current comments with these record or response ids, with their analyses; return how many."""
    found: set[int] = set()
    for chunk in chunks(dict.fromkeys(map(storable, ids))):
        for column in (feedback.c.source_record_id, feedback.c.response_id):
            wanted = select(feedback.c.id).where(feedback.c.source == source, feedback.c.current, column.in_(chunk))
            found.update(connection.scalars(wanted))
    _retire(connection, sorted(found))
    return len(found)


def _retire(connection: Connection, ids: Sequence[int]) -> None:
    for chunk in chunks(ids):
        connection.execute(update(feedback).where(feedback.c.id.in_(chunk)).values(current=False))
        connection.execute(
            update(analysis).where(analysis.c.feedback_id.in_(chunk), analysis.c.current).values(current=False)
        )
