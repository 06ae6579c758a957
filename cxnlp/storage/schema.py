"""The tables of the store, the same on SQLite and PostgreSQL.

    run ─┬─ run_source, run_status, reject          what a night did
         ├─ cursor                                  where each source goes on
         └─ feedback ─┬─ analysis ── finding        what was said, and what a model read in it
                      └─ link, assignment           whose it is (department_closure: who counts it)
    meta                                            what the store knows of itself

One row of `feedback` is one version of a comment, `current` marks the newest; one row of `analysis` is one model's
reading, `current` marks the one that counts. `migrations/` makes these tables; a test keeps both equal.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

APPLICATION = "cxnlp"
"""What `meta` holds under "application": how a cxnlp database is told from any other."""

REVISION = "0002"
"""The newest revision in migrations/versions."""


def storable(words: str) -> str:
    r"""Return text that both databases take: NUL and half surrogates replaced, one character for one.

    >>> storable("a\x00b")
    'a�b'
    """
    if words.isascii() and "\0" not in words:
        return words
    return words.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


class Words(TypeDecorator[str]):
    """Text made storable, whatever a customer or file put into it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text as it is stored."""
        return None if value is None else storable(value)


class Moment(TypeDecorator[dt.datetime]):
    """A time in UTC, exact to the microsecond: timestamptz on PostgreSQL, sortable ISO 8601 text on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column's type in this database."""
        return dialect.type_descriptor(DateTime(timezone=True) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        """Return the time as it is stored; ValueError where it has no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; times of records are in UTC")
        utc = value.astimezone(dt.UTC)
        return (
            utc if dialect.name == "postgresql" else utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
        )

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:
        """Return the time, in UTC."""
        if value is None:
            return None
        moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(dt.UTC)


class Day(TypeDecorator[dt.date]):
    """A date that `utc_day` computes."""

    impl = Date
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type in which this database gives it."""
        return dialect.type_descriptor(Date() if dialect.name == "postgresql" else Text())

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.date | None:
        """Return the date."""
        return dt.date.fromisoformat(value) if isinstance(value, str) else value


class utc_day(FunctionElement[dt.date]):
    """The UTC date of a Moment."""

    type = Day()
    inherit_cache = True


@compiles(utc_day, "postgresql")
def _day_on_postgresql(element: utc_day, compiler: Any, **options: Any) -> str:
    return f"CAST(timezone('UTC', {compiler.process(element.clauses, **options)}) AS DATE)"


@compiles(utc_day, "sqlite")
def _day_on_sqlite(element: utc_day, compiler: Any, **options: Any) -> str:
    return f"substr({compiler.process(element.clauses, **options)}, 1, 10)"


Id = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _run() -> Column[str]:
    return Column("run_id", Words(), ForeignKey("run.id"), nullable=False)


def _counter(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, default=0)


meta = Table(
    "meta",
    metadata,
    Column("key", Words(), primary_key=True),
    Column("value", Words(), nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("number", Id, primary_key=True),
    Column("id", Words(), nullable=False),
    Column("status", Words(), nullable=False),
    Column("started_at", Moment(), nullable=False),
    Column("finished_at", Moment()),
    _counter("analysed"),
    _counter("findings"),
    _counter("linked"),
    Column("published", Words()),
    Column("versions", JSON, nullable=False),
    Column("notes", JSON, nullable=False),
    Index("uq_run_id", "id", unique=True),
)

run_source = Table(
    "run_source",
    metadata,
    Column("run_id", Words(), ForeignKey("run.id"), primary_key=True),
    Column("source", Words(), primary_key=True),
    _counter("pulled"),
    _counter("new"),
    _counter("updated"),
    _counter("unchanged"),
    _counter("duplicate"),
    Column("rejected", JSON, nullable=False),
    Column("retired", Integer, nullable=False, default=0, server_default="0"),
    Column("warnings", JSON, nullable=False),
    Column("error", Words()),
)

run_status = Table(
    "run_status",
    metadata,
    Column("run_id", Words(), ForeignKey("run.id"), primary_key=True),
    Column("status", Words(), primary_key=True),
    _counter("n"),
)

cursor = Table(
    "cursor",
    metadata,
    Column("source", Words(), primary_key=True),
    Column("cursor", Words(), nullable=False),
    _run(),
)

reject = Table(
    "reject",
    metadata,
    Column("id", Id, primary_key=True),
    _run(),
    Column("source", Words(), nullable=False),
    Column("reason", Words(), nullable=False),
    Column("detail", Words(), nullable=False),
    Column("place", Words(), nullable=False),
    Column("record_id", Words()),
    Column("excerpt", Words(), nullable=False),
    Index("ix_reject_run_id", "run_id"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", Words(), nullable=False),
    Column("source_record_id", Words(), nullable=False),
    Column("version", Integer, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("status", Words(), nullable=False),
    Column("created_at", Moment()),
    Column("digest", Words(), nullable=False),
    _run(),
    Column("channel", Words(), nullable=False),
    Column("response_id", Words(), nullable=False),
    Column("question", Words()),
    Column("updated_at", Moment()),
    Column("language", Words()),
    Column("customer_ref", Words()),
    Column("score", Double()),
    Column("scale", Words()),
    Column("first_reply_at", Moment()),
    Column("resolved_at", Moment()),
    Column("reopened", Integer),
    Column("hints", JSON, nullable=False),
    Column("attributes", JSON, nullable=False),
    # Last, so that SQLite reads the columns before it without following the overflow pages of a long text.
    Column("text", Words(), nullable=False),
)


def _where(condition: ColumnElement[bool]) -> dict[str, Any]:
    return {"sqlite_where": condition, "postgresql_where": condition}


Index(
    "uq_feedback_current",
    feedback.c.source,
    feedback.c.source_record_id,
    unique=True,
    **_where(feedback.c.current),
)
Index("ix_feedback_response", feedback.c.source, feedback.c.response_id, **_where(feedback.c.current))
Index("ix_feedback_status", feedback.c.status, feedback.c.id, **_where(feedback.c.current))

analysis = Table(
    "analysis",
    metadata,
    Column("id", Id, primary_key=True),
    Column("feedback_id", Id, ForeignKey("feedback.id"), nullable=False),
    Column("current", Boolean, nullable=False),
    _run(),
    Column("model", Words(), nullable=False),
    Column("taxonomy", Words(), nullable=False),
    Column("overall", Words(), nullable=False),
    Column("probabilities", JSON, nullable=False),
    Column("churn", Boolean, nullable=False),
    Column("churn_probability", Double(), nullable=False),
    Column("reason", Words()),
)
Index("uq_analysis_current", analysis.c.feedback_id, unique=True, **_where(analysis.c.current))

finding = Table(
    "finding",
    metadata,
    Column("analysis_id", Id, ForeignKey("analysis.id"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("topic", Words(), nullable=False),
    Column("polarity", Words(), nullable=False),
    Column("score", Double(), nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    sqlite_with_rowid=False,
)

link = Table(
    "link",
    metadata,
    Column("feedback_id", Id, ForeignKey("feedback.id"), primary_key=True, autoincrement=False),
    Column("analysis_id", Id, ForeignKey("analysis.id")),
    Column("routing", Words(), nullable=False),
)

assignment = Table(
    "assignment",
    metadata,
    Column("feedback_id", Id, ForeignKey("link.feedback_id"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("analysis_id", Id),
    Column("finding", Integer),
    Column("department", Words(), nullable=False),
    Column("rule", Words(), nullable=False),
    Column("evidence", Words(), nullable=False),
    Column("confidence", Double(), nullable=False),
    ForeignKeyConstraint(["analysis_id", "finding"], ["finding.analysis_id", "finding.position"]),
    Index("ix_assignment_department", "department"),
    sqlite_with_rowid=False,
)

department_closure = Table(
    "department_closure",
    metadata,
    Column("department", Words(), primary_key=True),
    Column("ancestor", Words(), primary_key=True),
    sqlite_with_rowid=False,
)
