"""The store: everything that is kept, behind one object.

Each write is one transaction: a crash leaves it whole or not there. Readers see the state of their first query and
never wait for a writer. Several threads may use one store; every process opens its own.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, insert, select

from cxnlp.records import Analysis, Assignment, Feedback, Polarity, Quote, Receipt, Reject, SourceReceipt
from cxnlp.storage import aggregates, facts, locks, pages, pending, results, runs
from cxnlp.storage.database import errors_named, name_of, open_engine
from cxnlp.storage.quotes import quotes
from cxnlp.storage.rows import reject_of, reject_row
from cxnlp.storage.schema import reject, storable

if TYPE_CHECKING:
    from pandas import DataFrame

ROWS_AT_ONCE = 2_000
"""Rows fetched at a time where a result is streamed."""


def open_store(url: str) -> Store:
    """Return the store at an SQLAlchemy URL, created or migrated where needed: sqlite:///cxnlp.db, postgresql://host/db.

    StoreError where the database can't be reached, is not cxnlp's (then it is left as it is), or is of a newer schema.
    """
    return Store(open_engine(url))


class Store:
    """Comments with their versions, what was read in them, whose they are, and what each run did.

    Every method raises StoreError where the database fails; a write that fails leaves nothing behind.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = engine.execution_options(writes=True)
        options: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading = engine.execution_options(**(options if engine.dialect.name == "postgresql" else {}))

    @property
    def name(self) -> str:
        """The database's file, or its URL without the password."""
        return name_of(self._engine)

    def close(self) -> None:
        """Give the connections back; the store can't be used afterwards."""
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection that sees one state of the store, whatever is written meanwhile."""
        with errors_named(self._engine), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with errors_named(self._engine), self._writing.begin() as connection:
            yield connection

    # What holds for the whole store

    def lock(self) -> AbstractContextManager[None]:
        """Hold the store for one run; RunLocked where another run holds it. A crash frees it."""
        return locks.run_lock(self._engine)

    def check_key(self, fingerprint: str) -> None:
        """Note the fingerprint of CXNLP_KEY the first time; StoreError where it differs later."""
        with self._write() as connection:
            facts.check_key(connection, fingerprint)

    def data_version(self) -> str:
        """Return an id that changes whenever something a page shows does: comments, analyses, links, the chart."""
        with self.reading() as connection:
            return facts.data_version(connection)

    def published(self) -> str | None:
        """Return the state that was published last, None before the first time."""
        with self.reading() as connection:
            return facts.published(connection)

    def set_published(self, run_id: str, state: str) -> None:
        """Note what is published now, and by which run."""
        with self._write() as connection:
            facts.set_published(connection, run_id, state)

    # Runs

    def begin_run(self, run_id: str, started_at: dt.datetime, versions: Mapping[str, str]) -> tuple[str, ...]:
        """Open a run; return the ids of earlier ones that never finished, now marked interrupted."""
        with self._write() as connection:
            return runs.begin(connection, run_id, started_at, versions)

    def finish_run(self, receipt: Receipt) -> None:
        """Close a run with its receipt, which from now on is what `receipts` gives for it."""
        with self._write() as connection:
            runs.finish(connection, receipt)

    def receipts(self, limit: int = 10) -> list[Receipt]:
        """Return the newest runs' receipts, newest first.

        Those of runs that are "running" or "interrupted" come from the counters kept page by page.
        """
        with self.reading() as connection:
            return runs.receipts(connection, limit)

    def source_receipts(self, run_id: str) -> tuple[SourceReceipt, ...]:
        """Return what the run has pulled so far from each source, in the order of their names."""
        with self.reading() as connection:
            return runs.source_receipts(connection, run_id)

    def comment_counts(self, run_id: str) -> dict[str, int]:
        """Return the run's new and updated comments by TextStatus."""
        with self.reading() as connection:
            return runs.comment_counts(connection, run_id)

    def source_asked(self, run_id: str, source: str) -> None:
        """Note that the run reads the source, so that its receipt names it even where nothing comes."""
        with self._write() as connection:
            runs.count_source(connection, run_id, SourceReceipt(source))

    def source_failed(self, run_id: str, source: str, error: str) -> None:
        """Note that the source could not be read to its end, and why."""
        with self._write() as connection:
            runs.count_source(connection, run_id, SourceReceipt(source, error=error))

    def rejects(self, run_id: str | None = None) -> Iterator[Reject]:
        """Yield what was set aside, by that run or ever, in the order in which it was met."""
        wanted = select(reject).order_by(reject.c.id)
        with self.reading() as connection:
            query = wanted if run_id is None else wanted.where(reject.c.run_id == run_id)
            for row in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(query):
                yield reject_of(row)

    # Pulling

    def cursor(self, source: str) -> str | None:
        """Return where the source goes on, None before its first page."""
        with self.reading() as connection:
            return pages.cursor_of(connection, source)

    def digests(self, source: str, record_ids: Sequence[str]) -> dict[str, str]:
        """Return the digest of the current version of each of these records that is stored."""
        with self.reading() as connection:
            stored = pages.current_versions(connection, source, record_ids)
        return {id: stored[storable(id)].digest for id in record_ids if storable(id) in stored}

    def save_page(
        self,
        run_id: str,
        source: str,
        *,
        items: Sequence[tuple[Feedback, str]],
        pulled: int,
        duplicate: int,
        unchanged: int,
        rejects: Sequence[Reject],
        cursor: str,
        warnings: Sequence[str] = (),
        retired: Sequence[str] = (),
    ) -> tuple[int, int]:
        """Store a page with its cursor, rejects and counts in one transaction; return how many are new and updated.

        `items` are prepared comments with the digests of their raw records, in the source's order. One whose digest is
        the current one's counts as unchanged, so that a repeated page doubles nothing; a record id that comes twice is
        an edit of itself. `retired` are the record or response ids of what the source deleted.
        """
        with self._write() as connection:
            plan = pages.save_comments(connection, source, items, run_id=run_id)
            gone = pages.retire_deleted(connection, source, retired) if retired else 0
            if rejects:
                connection.execute(insert(reject), [reject_row(each, run_id=run_id) for each in rejects])
            counts = SourceReceipt(
                source=source,
                pulled=pulled,
                new=plan.new,
                updated=plan.updated,
                unchanged=unchanged + plan.unchanged,
                duplicate=duplicate,
                rejected=Counter(each.reason for each in rejects),
                retired=gone,
                warnings=tuple(warnings),
            )
            runs.count_source(connection, run_id, counts)
            runs.count_statuses(connection, run_id, plan.statuses)
            pages.save_cursor(connection, source, cursor, run_id=run_id)
            if plan.rows or gone:
                facts.count_change(connection)
        return plan.new, plan.updated

    # Analysing

    def unanalysed(self, *, size: int, model: str | None = None, taxonomy: str | None = None) -> list[tuple[int, int]]:
        """Return id ranges, both ends included, of about `size` current opinions each that have no current analysis.

        With `model` or `taxonomy` also those that another model or taxonomy read.
        """
        with self.reading() as connection:
            return pending.ranges(connection, pending.unanalysed(model, taxonomy), size)

    def read_unanalysed(
        self, lo: int, hi: int, *, model: str | None = None, taxonomy: str | None = None, batch: int
    ) -> Iterator[list[tuple[int, Feedback]]]:
        """Yield what `unanalysed` counted between two ids, by id; batches can be saved while more are read."""
        return pending.read_feedback(self.reading, pending.unanalysed(model, taxonomy), lo, hi, batch)

    def save_analyses(self, run_id: str, items: Sequence[tuple[int, Analysis]]) -> int:
        """Make these the current analyses of their comments in one transaction; return how many were added.

        Earlier ones are kept, no longer current. One of the same model and taxonomy as the current one changes nothing,
        and so does one of a version that was edited meanwhile.
        """
        with self._write() as connection:
            analysed, findings = results.save_analyses(connection, items, run_id=run_id)
            if analysed:
                runs.count_results(connection, run_id, analysed=analysed, findings=findings)
                facts.count_change(connection)
        return analysed

    # Linking

    def save_chart(self, routing: str, closure: Sequence[tuple[str, str]]) -> None:
        """Make these (department, ancestor) pairs, each department with itself too, what counts roll up by."""
        with self._write() as connection:
            facts.note(connection, "routing", routing)
            if results.save_chart(connection, closure):
                facts.count_change(connection)

    def unlinked(self, routing: str, *, size: int) -> list[tuple[int, int]]:
        """Return id ranges, both ends included, of about `size` comments each that wait for this routing.

        They are current, have their analysis if they are opinions, and no link of that analysis and routing.
        """
        with self.reading() as connection:
            return pending.ranges(connection, pending.unlinked(routing), size)

    def read_unlinked(
        self, lo: int, hi: int, routing: str, *, batch: int
    ) -> Iterator[list[tuple[int, Feedback, Analysis | None]]]:
        """Yield what `unlinked` counted between two ids, by id; batches can be saved while more are read."""
        return pending.read_analysed(self.reading, pending.unlinked(routing), lo, hi, batch)

    def save_links(self, run_id: str, items: Sequence[tuple[int, Sequence[Assignment]]], routing: str) -> int:
        """Replace these comments' assignments in one transaction; return how many comments were linked."""
        with self._write() as connection:
            linked = results.save_links(connection, items, routing=routing)
            if linked:
                runs.count_results(connection, run_id, linked=linked)
                facts.count_change(connection)
        return linked

    # What pages show

    def daily_topics(self) -> DataFrame:
        """Return [department, topic, day, n, negative, neutral, positive]: distinct comments that evaluate a topic.

        Rolled up to every ancestor; `day` is a UTC date, None where undated. A comment that praises and blames the
        topic counts in both. Sorted; integers are int64.
        """
        with self.reading() as connection:
            return aggregates.daily_topics(connection)

    def daily_comments(self) -> DataFrame:
        """Return [department, day, asked, comments, negative, neutral, mixed, positive, churn] of analysed comments.

        Distinct ones, rolled up to every ancestor. `comments` are for the department; `asked` could have spoken of it:
        its own where a field of the source decides, and all that no field decides, in sources where the comments' words
        do.
        """
        with self.reading() as connection:
            return aggregates.daily_comments(connection)

    def daily_scores(self) -> DataFrame:
        """Return [department, scale, day, score, responses]: each (source, response_id) once in a department."""
        with self.reading() as connection:
            return aggregates.daily_scores(connection)

    def status_counts(self) -> DataFrame:
        """Return [source, status, language, n] of all current comments; language is None where unknown."""
        with self.reading() as connection:
            return aggregates.status_counts(connection)

    def quotes(
        self,
        *,
        department: str,
        topic: str | None = None,
        polarity: Polarity | None = None,
        since: dt.date | None = None,
        until: dt.date | None = None,
        per_topic: int,
    ) -> list[Quote]:
        """Return findings of the department and those below it: at most `per_topic` of each topic and polarity.

        The surest first, then the newest; a text comes once under a topic and polarity. `since` and `until` are UTC
        dates, both included; with either, undated comments are left out.
        """
        with self.reading() as connection:
            return quotes(
                connection,
                department=department,
                topic=topic,
                polarity=polarity,
                since=since,
                until=until,
                per_topic=per_topic,
            )
