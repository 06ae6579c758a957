"""Databases and warehouses as a source: the rows of a query, in the order of a column that tells what is new."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pydantic import Field, field_validator, model_validator
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Executable,
    and_,
    column,
    create_engine,
    func,
    make_url,
    or_,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from cxnlp.errors import SourceError, did_you_mean
from cxnlp.records import Page
from cxnlp.sources.base import SourceOptions
from cxnlp.sources.columns import Columns
from cxnlp.sources.live.auth import secret
from cxnlp.sources.live.rest import ids_of, says_yes
from cxnlp.sources.mapping import Mapper, Target, check_columns
from cxnlp.sources.tables import Row, Table

FORM = 1  # raise it when the same options would give other records
_CHECKED_ROWS = 100
_SECRET = re.compile(r"(.*_)?(token|secret|key|pwd)|.*pass(word|wd|code|phrase)?", re.IGNORECASE)
_SELECT = re.compile(r"(\s|--[^\n]*\n|/\*.*?\*/|\()*(select|with)\b", re.IGNORECASE | re.DOTALL)
_READ_ONLY = {
    "postgresql": "SET TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}
"""What makes a transaction read-only, by dialect. An SQLite file is opened read-only."""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Sql(SourceOptions):
    """Rows of a query on any database that SQLAlchemy has a dialect for.

    `url` has no password: `password_variable` names the environment variable that holds it. `query` is a SELECT that
    gives one row a record; `cursor` is its column that grows with every new and changed row, best the time of the last
    change. Rows are read in the order of `cursor` and id, `batch` at once, each batch after the last row of the one
    before. A new night reads `overlap_minutes` again where `cursor` is a time, and the rows with its last value where
    it is anything else, for what was committed late (0: only what comes after the last row). `deleted` is a column that
    says that a row is deleted, by a time or true; rows that merely vanish tell nothing.
    """

    model_config = SourceOptions.model_config | {"hide_input_in_errors": True}

    url: str
    password_variable: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    query: str
    cursor: str = Field(min_length=1)
    columns: Columns
    deleted: str | None = None
    overlap_minutes: int = Field(default=10, ge=0)
    batch: int = Field(default=5_000, ge=1)
    clock: Callable[[], dt.datetime] = Field(default=_now, exclude=True)

    @field_validator("url")
    @classmethod
    def _without_password(cls, url: str) -> str:
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise ValueError("url is not a database URL; right would be postgresql://user@host/database") from None
        given = " ".join(str(value) for value in parsed.query.values())
        if parsed.password is not None or any(map(_SECRET.fullmatch, parsed.query)) or "pwd=" in given.lower():
            raise ValueError(
                "url holds a password; leave it out and name the environment variable that holds it: password_variable"
            )
        if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
            raise ValueError("url needs a file: sqlite:///feedback.db")
        return url

    @field_validator("query")
    @classmethod
    def _selects(cls, query: str) -> str:
        if not _SELECT.match(query):
            raise ValueError("query must be a SELECT")
        return query.strip().rstrip(";").rstrip()

    @model_validator(mode="after")
    def _rows_have_ids(self) -> Sql:
        if self.columns.by_row:
            raise ValueError("columns.id must name columns: the rows of a query have no number")
        return self

    def pull(self, cursor: str | None, *, page_size: int) -> Iterator[Page]:
        """Yield the pages of rows that are new or changed, of about `page_size` comments (a row is never split)."""
        progress = _Progress.load(cursor, options=self._version())
        query, rows_a_page = _Query(self), max(1, page_size // len(self.columns.text))
        where = query.where(progress, dt.timedelta(minutes=self.overlap_minutes))
        with self._connection() as connection:
            warnings = self._unreachable(connection, query)
            while True:
                now = self.clock()
                names, rows = self._rows(connection, query, where, limit=self.batch + 1)
                more, before = len(rows) > self.batch, progress
                rows = rows[: self.batch]
                for start in range(0, len(rows), rows_a_page):
                    part = rows[start : start + rows_a_page]
                    last = not more and start + rows_a_page >= len(rows)
                    progress = _Progress(progress.options, self._position(query, part[-1]), whole=last)
                    yield self._page(names, part, progress.not_ahead(now).dump(), warnings)
                    warnings = ()
                if not more:
                    return
                if progress.after == before.after:
                    raise SourceError(
                        f"{self.name}: the values of '{self.cursor}' are finer than Python's; round them in the query, "
                        "such as CAST(… AS datetime2(6))."
                    )
                where = query.after(progress.after)

    def check(self) -> list[str]:
        """Return what the first rows of the query give. SourceError says what is wrong with it."""
        query = _Query(self)
        with self._connection() as connection:
            warnings = self._unreachable(connection, query)
            names, rows = self._rows(connection, query, query.present, limit=_CHECKED_ROWS)
        lines = [f"reads {self._shown}, columns {', '.join(names)}"]
        if not rows:
            return [*lines, "the query gives no rows", *warnings]
        page = self._page(names, rows, "", warnings)
        aside = "".join(f", {reject.reason}: {reject.detail}" for reject in page.rejects[:1])
        found = f"the first {len(rows)} rows have {len(page.records)} comments, {len(page.rejects)} set aside{aside}"
        first = next((record for record in page.records if record.text.strip()), None)
        shown = [f"first comment: id {first.source_record_id}: '{' '.join(first.text.split())[:80]}'"] if first else []
        return [*lines, found, *shown, *page.warnings]

    def _version(self) -> str:
        """Hash what decides which records the query gives."""
        options = self.model_dump(mode="json", exclude={"password_variable", "overlap_minutes", "batch"})
        said = json.dumps(options | {"max_characters": self.max_characters}, sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    # The database

    @property
    def _shown(self) -> str:
        """The database as people know it."""
        url = make_url(self.url)
        return f"{url.get_backend_name()} database {url.database}{f' on {url.host}' if url.host else ''}"

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        engine = self._engine()
        try:
            with self._errors_named():
                connection = engine.connect()
            with connection:
                yield connection
        finally:
            engine.dispose()

    def _engine(self) -> Engine:
        url = make_url(self.url)
        if url.get_backend_name() == "sqlite":
            path = (self.root / str(url.database)).resolve()
            if not path.is_file():
                raise SourceError(f"{self.name}: there is no file {path}.")
            return create_engine(
                "sqlite://",
                creator=lambda: sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True),
                poolclass=NullPool,
                hide_parameters=True,
            )
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        if self.password_variable:
            url = url.set(password=secret(self.password_variable, source=self.name))
        try:
            return create_engine(url, poolclass=NullPool, hide_parameters=True)
        except (ArgumentError, ImportError) as error:
            missing = url.drivername if isinstance(error, ArgumentError) else error.name
            raise SourceError(
                f"{self.name}: {url.drivername} needs '{missing}', which isn't installed (see cxnlp sources show sql)."
            ) from None

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        """Turn what the database raises into a SourceError with its first line: later ones may quote a customer."""
        try:
            yield
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            said = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
            if self.password_variable:
                said = said.replace(secret(self.password_variable, source=self.name), "…")
            raise SourceError(f"{self.name}: the {self._shown} can't be read: {said}.") from None

    def _execute(
        self, connection: Connection, statement: Executable
    ) -> tuple[tuple[str, ...], list[Mapping[str, Any]]]:
        """Return the names and rows of a result, from a transaction of its own that writes nothing."""
        with self._errors_named(), connection.begin():
            if guard := _READ_ONLY.get(connection.dialect.name):
                connection.execute(text(guard))
            result = connection.execute(statement)
            return tuple(result.keys()), [dict(row) for row in result.mappings()]

    def _rows(
        self, connection: Connection, query: _Query, where: ColumnElement[bool], *, limit: int
    ) -> tuple[tuple[str, ...], list[Mapping[str, Any]]]:
        statement = select(text("*")).select_from(query.given).where(where).order_by(*query.order).limit(limit)
        names, rows = self._execute(connection, statement)
        for name in filter(None, (self.cursor, self.deleted)):
            if name not in names:
                raise SourceError(f"{self.name}: the query gives no column '{name}'.{did_you_mean(name, names)}")
        check_columns(self.columns, self._table(names))
        return names, rows

    def _table(self, names: tuple[str, ...]) -> Table:
        return Table(self.name, "parquet", names, iter(()))

    def _unreachable(self, connection: Connection, query: _Query) -> tuple[str, ...]:
        """Return a warning of the rows that no order can have."""
        counted = select(func.count().label("many")).select_from(query.given).where(~query.present)
        _, [row] = self._execute(connection, counted)
        many = next(iter(row.values()))
        ids = " or ".join(f"'{one.name}'" for one in query.order)
        return (f"{self.name}: {many:,} rows have no {ids}; they can't be pulled.",) if many else ()

    # What its rows give

    def _page(
        self, names: tuple[str, ...], rows: Sequence[Mapping[str, Any]], cursor: str, warnings: tuple[str, ...]
    ) -> Page:
        # What was seen is forgotten with each page: a row that is changed while we read comes twice.
        target = Target(self.name, self.channel, self.name, self.max_characters, self.clock)
        mapper = Mapper(self.columns, self._table(names), target)
        kept, retired = [], []
        for number, cells in enumerate(rows, 1):
            mapped = mapper.map(Row(number, number, cells))
            if self.deleted and says_yes(cells.get(self.deleted)):
                retired += ids_of(mapped)
            else:
                kept.append(mapped)
        return Page(
            records=tuple(record for mapped in kept for record in mapped.records),
            cursor=cursor,
            rejects=tuple(
                replace(reject, place=f"{self.name}, record {reject.record_id}") if reject.record_id else reject
                for mapped in kept
                for reject in mapped.rejects
            ),
            duplicates=sum(mapped.duplicates for mapped in kept),
            warnings=(*warnings, *mapper.warnings()),
            retired=tuple(retired),
        )

    def _position(self, query: _Query, row: Mapping[str, Any]) -> tuple[Any, ...]:
        values = tuple(row[one.name] for one in query.order)
        for one, value in zip(query.order, values, strict=True):
            if isinstance(value, bool) or not isinstance(value, tuple(_KINDS.values())):
                raise SourceError(
                    f"{self.name}: '{one.name}' is a {type(value).__name__}, which can't be gone on from; cast it to a "
                    "time, a number or text in the query."
                )
        return values


class _Query:
    """The query as a table whose rows come in the order of cursor and id."""

    def __init__(self, source: Sql) -> None:
        names = dict.fromkeys((source.cursor, *source.columns.id))
        # The query has no parameters of its own; a comment at its end must not swallow what comes after.
        escaped = re.sub(r"(?<![:\w\\]):(?=\w)", r"\\:", source.query) + "\n"
        self.given = text(escaped).columns(*(column(name) for name in names)).subquery("given")
        self.order: list[ColumnElement[Any]] = [self.given.c[name] for name in names]
        self.present = and_(*(one.is_not(None) for one in self.order))

    def where(self, progress: _Progress, overlap: dt.timedelta) -> ColumnElement[bool]:
        """Return what a night begins with."""
        if not progress.after:
            return self.present
        if not progress.whole or not overlap:
            return self.after(progress.after)
        first = progress.after[0]
        return and_(self.present, self.order[0] >= (first - overlap if isinstance(first, dt.datetime) else first))

    def after(self, values: tuple[Any, ...]) -> ColumnElement[bool]:
        """Return what comes after a row: a later column counts where all before it are equal."""
        pairs = list(zip(self.order, values, strict=True))
        later = [
            and_(*(one == value for one, value in pairs[:at]), one > value) for at, (one, value) in enumerate(pairs)
        ]
        return and_(self.present, or_(*later))


_KINDS: dict[str, type] = {
    "int": int,
    "float": float,
    "str": str,
    "datetime": dt.datetime,
    "date": dt.date,
    "decimal": Decimal,
    "uuid": uuid.UUID,
    "bytes": bytes,
}
"""What can be gone on from, by its name in the cursor; the first that fits is it."""


@dataclass(frozen=True, slots=True)
class _Progress:
    """The last row that was read, by its values of cursor and id; `whole` where none followed it."""

    options: str
    after: tuple[Any, ...] = ()
    whole: bool = False

    @staticmethod
    def load(cursor: str | None, *, options: str) -> _Progress:
        """Return what a cursor says; the beginning under other options."""
        said = json.loads(cursor) if cursor else {}
        if said.get("form") != FORM or said.get("options") != options:
            return _Progress(options)
        return _Progress(options, tuple(_read(*one) for one in said["after"]), said["whole"])

    def not_ahead(self, now: dt.datetime) -> _Progress:
        """Return where a later night goes on: not from a time ahead of now, which would hide all that comes until then.

        A day and a time without its zone may be up to a day off.
        """
        first = self.after[0] if self.after else None
        off = dt.timedelta(days=1)
        if isinstance(first, dt.datetime):
            latest: Any = now if first.tzinfo else now.replace(tzinfo=None)
            off = dt.timedelta() if first.tzinfo else off
        elif isinstance(first, dt.date):
            latest = now.date()
        else:
            return self
        return replace(self, after=(latest - off, *self.after[1:])) if first > latest + off else self

    def dump(self) -> str:
        """Return the cursor that `load` reads."""
        after = [_written(value) for value in self.after]
        return json.dumps({"form": FORM, "options": self.options, "after": after, "whole": self.whole})


def _written(value: Any) -> tuple[str, Any]:
    kind = next(name for name, type_ in _KINDS.items() if isinstance(value, type_))
    if kind in ("int", "float", "str"):
        return kind, value
    return kind, value.hex() if kind == "bytes" else value.isoformat() if kind in ("datetime", "date") else str(value)


def _read(kind: str, value: Any) -> Any:
    if kind in ("datetime", "date"):
        return (dt.datetime if kind == "datetime" else dt.date).fromisoformat(value)
    return bytes.fromhex(value) if kind == "bytes" else _KINDS[kind](value)
