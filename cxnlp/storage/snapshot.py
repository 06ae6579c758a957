"""The store as Parquet files for notebooks: current comments, findings and assignments, streamed.

Read them with pandas.read_parquet or DuckDB. The rows of the three files belong to one state of the store.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, Select, and_, select

from cxnlp.errors import StoreError
from cxnlp.records import Hint, Sentiment
from cxnlp.storage.rows import chunks
from cxnlp.storage.schema import analysis, assignment, feedback, finding
from cxnlp.storage.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 10_000
"""Rows of one row group, which is what memory holds."""

KEPT = 3
"""Published runs that stay: a reader of the one before finishes in peace."""

Record = dict[str, Any]

_READ = and_(analysis.c.feedback_id == feedback.c.id, analysis.c.current)


def write_snapshot(store: Store, folder: Path) -> None:
    """Write feedback.parquet, findings.parquet and assignments.parquet into `folder`, made where it isn't there.

    - feedback: one row a current comment; hints as columns hint_*, attributes as a map, and what was read in it (
      probability_*, churn, model, taxonomy; null where it has no analysis).
    - findings: one row a finding of a current analysis, with the department it is for, the rule and its evidence (null
      while it is not linked); text[start:end] of its comment shows it.
    - assignments: one row an assignment; `finding` is null where it assigns the comment itself.

    Times are UTC; `feedback_id` joins the three.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with store.reading() as connection:
        for name, schema, query, made in _files():
            rows = connection.execution_options(yield_per=2_000).execute(query)
            _write(folder / f"{name}.parquet", schema, made(rows))


def swap(current: Path, target: Path) -> None:
    """Make `current` a link to `target`, a folder of `runs` beside it, in one step; remove all but the newest runs.

    A reader sees the run before or this one, never neither; one that resolved `current` goes on reading the old one.
    StoreError where `target` is not such a folder or `current` is a real file or folder.
    """
    runs = current.parent / "runs"
    if target.resolve().parent != runs.resolve() or not target.is_dir():
        raise StoreError(f"{target} can't be published: it is not a folder in {runs}.")
    if current.exists() and not current.is_symlink():
        raise StoreError(f"{current} is not a link that cxnlp made; move it away, then publish again.")
    made = current.with_name(f".{current.name}-{os.getpid()}")
    made.unlink(missing_ok=True)
    made.symlink_to(Path("runs") / target.name, target_is_directory=True)
    os.replace(made, current)
    for old in _older(runs, keep=target.name):
        shutil.rmtree(old, ignore_errors=True)


def _older(runs: Path, *, keep: str) -> list[Path]:
    folders = [path for path in runs.iterdir() if path.is_dir() and not path.is_symlink() and path.name != keep]
    newest_first = sorted(folders, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
    return newest_first[KEPT - 1 :]


def _write(path: Path, schema: pa.Schema, records: Iterable[Record]) -> None:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    with ParquetWriter(path, schema, compression="zstd") as writer:
        for group in chunks(records, ROWS):
            columns = {name: [record[name] for record in group] for name in schema.names}
            writer.write_table(pa.table(columns, schema=schema), row_group_size=ROWS)


def _files() -> list[tuple[str, pa.Schema, Select[Any], Callable[[Iterable[Row[Any]]], Iterator[Record]]]]:
    return [
        ("feedback", _feedback_schema(), _feedback_query(), _feedback_records),
        ("findings", _findings_schema(), _findings_query(), _finding_records),
        ("assignments", _assignments_schema(), _assignments_query(), _assignment_records),
    ]


def _feedback_schema() -> pa.Schema:
    import pyarrow as pa

    moment, word = pa.timestamp("us", tz="UTC"), pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            ("feedback_id", pa.int64()),
            ("source", word),
            ("source_record_id", pa.string()),
            ("version", pa.int32()),
            ("channel", word),
            ("response_id", pa.string()),
            ("question", word),
            ("text", pa.string()),
            ("created_at", moment),
            ("updated_at", moment),
            ("language", word),
            ("status", word),
            ("customer_ref", pa.string()),
            ("score", pa.float64()),
            ("scale", word),
            ("first_reply_at", moment),
            ("resolved_at", moment),
            ("reopened", pa.int32()),
            *((f"hint_{hint.value}", word) for hint in Hint),
            ("attributes", pa.map_(pa.string(), pa.string())),
            ("overall", word),
            *((f"probability_{sentiment.value}", pa.float64()) for sentiment in Sentiment),
            ("churn", pa.bool_()),
            ("churn_probability", pa.float64()),
            ("model", word),
            ("taxonomy", word),
        ]
    )


def _feedback_query() -> Select[Any]:
    said = [column for column in feedback.c if column.name not in ("current", "digest", "run_id")]
    read = [
        analysis.c[name] for name in ("overall", "probabilities", "churn", "churn_probability", "model", "taxonomy")
    ]
    joined = feedback.outerjoin(analysis, _READ)
    return select(*said, *read).select_from(joined).where(feedback.c.current).order_by(feedback.c.id)


def _feedback_records(rows: Iterable[Row[Any]]) -> Iterator[Record]:
    for row in rows:
        record = row._asdict()
        hints, probabilities = record.pop("hints"), record.pop("probabilities") or {}
        record |= {f"hint_{hint.value}": hints.get(hint.value) for hint in Hint}
        record |= {f"probability_{sentiment.value}": probabilities.get(sentiment.value) for sentiment in Sentiment}
        yield record | {"feedback_id": row.id, "attributes": list(row.attributes.items())}


def _findings_schema() -> pa.Schema:
    import pyarrow as pa

    word = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            ("feedback_id", pa.int64()),
            ("finding", pa.int32()),
            ("topic", word),
            ("polarity", word),
            ("score", pa.float64()),
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("department", word),
            ("rule", word),
            ("evidence", word),
            ("confidence", pa.float64()),
            ("model", word),
            ("taxonomy", word),
        ]
    )


def _findings_query() -> Select[Any]:
    mine = and_(
        assignment.c.feedback_id == feedback.c.id,
        assignment.c.analysis_id == finding.c.analysis_id,
        assignment.c.finding == finding.c.position,
    )
    joined = feedback.join(analysis, _READ).join(finding, finding.c.analysis_id == analysis.c.id)
    return (
        select(
            feedback.c.id.label("feedback_id"),
            finding.c.position.label("finding"),
            *(finding.c[name] for name in ("topic", "polarity", "score", "start", "end")),
            *(assignment.c[name] for name in ("department", "rule", "evidence", "confidence")),
            analysis.c.model,
            analysis.c.taxonomy,
        )
        .select_from(joined.outerjoin(assignment, mine))
        .where(feedback.c.current)
        .order_by(feedback.c.id, finding.c.position, assignment.c.position)
    )


def _finding_records(rows: Iterable[Row[Any]]) -> Iterator[Record]:
    last = None
    for row in rows:
        key = (row.feedback_id, row.finding)
        # One row a finding: where it is for several departments, the first one.
        if key != last:
            yield row._asdict()
        last = key


def _assignments_schema() -> pa.Schema:
    import pyarrow as pa

    word = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            ("feedback_id", pa.int64()),
            ("finding", pa.int32()),
            ("department", word),
            ("rule", word),
            ("evidence", word),
            ("confidence", pa.float64()),
        ]
    )


def _assignments_query() -> Select[Any]:
    names = ("feedback_id", "finding", "department", "rule", "evidence", "confidence")
    joined = assignment.join(feedback, feedback.c.id == assignment.c.feedback_id)
    columns = [assignment.c[name] for name in names]
    return (
        select(*columns)
        .select_from(joined)
        .where(feedback.c.current)
        .order_by(assignment.c.feedback_id, assignment.c.position)
    )


def _assignment_records(rows: Iterable[Row[Any]]) -> Iterator[Record]:
    return (row._asdict() for row in rows)
