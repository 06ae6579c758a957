"""What each run did: counted page by page, so that a crash leaves a true receipt."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from cxnlp.errors import StoreError
from cxnlp.records import Receipt, SourceReceipt
from cxnlp.storage.database import upsert
from cxnlp.storage.schema import run, run_source, run_status

RUNNING, INTERRUPTED = "running", "interrupted"


def begin(connection: Connection, run_id: str, started_at: dt.datetime, versions: Mapping[str, str]) -> tuple[str, ...]:
    """Open a run; return the ids of earlier ones that never finished, now marked interrupted."""
    if connection.scalar(select(run.c.number).where(run.c.id == run_id)) is not None:
        raise StoreError(f"There is a run '{run_id}' already; every run has an id of its own.")
    unfinished = select(run.c.id).where(run.c.status == RUNNING).order_by(run.c.number)
    left = tuple(connection.scalars(unfinished))
    connection.execute(update(run).where(run.c.status == RUNNING).values(status=INTERRUPTED))
    opened = {"id": run_id, "status": RUNNING, "started_at": started_at, "versions": dict(versions), "notes": []}
    connection.execute(insert(run), opened)
    return left


def count_source(connection: Connection, run_id: str, page: SourceReceipt) -> None:
    """Add a page's counts to what the run has of that source; the warnings of two pages are kept once."""
    mine = (run_source.c.run_id == run_id, run_source.c.source == page.source)
    row = connection.execute(select(run_source).where(*mine).with_for_update()).one_or_none()
    whole = _added(_source_of(row), page) if row else page
    upsert(connection, run_source, [_source_row(run_id, whole)])


def _added(before: SourceReceipt, page: SourceReceipt) -> SourceReceipt:
    return SourceReceipt(
        source=page.source,
        pulled=before.pulled + page.pulled,
        new=before.new + page.new,
        updated=before.updated + page.updated,
        unchanged=before.unchanged + page.unchanged,
        duplicate=before.duplicate + page.duplicate,
        rejected=dict(Counter(before.rejected) + Counter(page.rejected)),
        retired=before.retired + page.retired,
        error=page.error or before.error,
        warnings=tuple(dict.fromkeys([*before.warnings, *page.warnings])),
    )


def count_statuses(connection: Connection, run_id: str, statuses: Mapping[str, int]) -> None:
    """Add to the run's counts of new and updated comments by TextStatus."""
    # In one order, so that two writers on PostgreSQL can't wait for each other.
    rows = [{"run_id": run_id, "status": status, "n": n} for status, n in sorted(statuses.items())]
    upsert(connection, run_status, rows, add=["n"])


def count_results(
    connection: Connection, run_id: str, *, analysed: int = 0, findings: int = 0, linked: int = 0
) -> None:
    """Add to the run's counts of analyses, findings and linked comments."""
    counts = {
        run.c.analysed: run.c.analysed + analysed,
        run.c.findings: run.c.findings + findings,
        run.c.linked: run.c.linked + linked,
    }
    known(connection.execute(update(run).where(run.c.id == run_id).values(counts)).rowcount, run_id)


def finish(connection: Connection, receipt: Receipt) -> None:
    """Close a run with its receipt, which from now on is what the store says of it."""
    values = {
        "status": receipt.status,
        "started_at": receipt.started_at,
        "finished_at": receipt.finished_at,
        "analysed": receipt.analysed,
        "findings": receipt.findings,
        "linked": receipt.linked,
        "published": receipt.published,
        "versions": dict(receipt.versions),
        "notes": list(receipt.notes),
    }
    known(connection.execute(update(run).where(run.c.id == receipt.run).values(values)).rowcount, receipt.run)
    for table in (run_source, run_status):
        connection.execute(delete(table).where(table.c.run_id == receipt.run))
    upsert(connection, run_source, [_source_row(receipt.run, source) for source in receipt.sources])
    count_statuses(connection, receipt.run, receipt.comments)


def known(rows: int, run_id: str) -> None:
    """Raise StoreError where an update met no run."""
    if not rows:
        raise StoreError(f"There is no run '{run_id}' in the store; begin it first.")


def receipts(connection: Connection, limit: int) -> list[Receipt]:
    """Return the receipts of the newest runs, newest first, with their sources in the order of their names."""
    rows = connection.execute(select(run).order_by(run.c.number.desc()).limit(limit)).all()
    return [
        Receipt(
            run=row.id,
            status=row.status,
            started_at=row.started_at,
            finished_at=row.finished_at,
            sources=source_receipts(connection, row.id),
            comments=comment_counts(connection, row.id),
            analysed=row.analysed,
            findings=row.findings,
            linked=row.linked,
            published=row.published,
            versions=row.versions,
            notes=tuple(row.notes),
        )
        for row in rows
    ]


def source_receipts(connection: Connection, run_id: str) -> tuple[SourceReceipt, ...]:
    """Return what the run has pulled so far from each source, by name."""
    rows = connection.execute(select(run_source).where(run_source.c.run_id == run_id))
    return tuple(sorted((_source_of(row) for row in rows), key=lambda receipt: receipt.source))


def comment_counts(connection: Connection, run_id: str) -> dict[str, int]:
    """Return the run's new and updated comments by TextStatus."""
    rows = connection.execute(select(run_status.c.status, run_status.c.n).where(run_status.c.run_id == run_id))
    return dict(sorted((row.status, row.n) for row in rows))


def _source_row(run_id: str, receipt: SourceReceipt) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "source": receipt.source,
        "pulled": receipt.pulled,
        "new": receipt.new,
        "updated": receipt.updated,
        "unchanged": receipt.unchanged,
        "duplicate": receipt.duplicate,
        "rejected": dict(receipt.rejected),
        "retired": receipt.retired,
        "warnings": list(receipt.warnings),
        "error": receipt.error,
    }


def _source_of(row: Row[Any]) -> SourceReceipt:
    return SourceReceipt(
        source=row.source,
        pulled=row.pulled,
        new=row.new,
        updated=row.updated,
        unchanged=row.unchanged,
        duplicate=row.duplicate,
        rejected=row.rejected,
        retired=row.retired,
        error=row.error,
        warnings=tuple(row.warnings),
    )
