"""An engine on a database that is ours and up to date, or a StoreError that says why not.

A database that is not ours is never written to: it is looked at first.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, inspect, make_url, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from cxnlp.errors import StoreError
from cxnlp.storage.schema import APPLICATION, REVISION, meta

BUSY_SECONDS = 60
"""How long a writer waits for another one."""

MAGIC = b"SQLite format 3\0"
"""How every SQLite file begins."""

MIGRATION_LOCK = 0x6378_6E6C_7001
"""The PostgreSQL advisory lock of who migrates."""


def open_engine(url: str) -> Engine:
    """Return an engine on the store at `url`, created or migrated where needed.

    StoreError where the URL is wrong, the database can't be reached, is not a cxnlp database, or is of a newer schema.
    """
    place = _parse(url)
    engine = _sqlite(place) if place.get_backend_name() == "sqlite" else _postgresql(place)
    try:
        with errors_named(engine):
            _make_ready(engine)
    except StoreError:
        engine.dispose()
        raise
    return engine


def name_of(engine: Engine) -> str:
    """Return the database as people know it: its file, or its URL without the password."""
    if engine.dialect.name == "sqlite":
        return str(engine.url.database)
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=True)


@contextmanager
def errors_named(engine: Engine) -> Iterator[None]:
    """Turn what the database raises into a StoreError with its first line: later ones may quote a customer."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        said = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
        raise StoreError(f"The database {name_of(engine)} can't be used: {said}.") from error


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], *, add: Sequence[str] = ()) -> None:
    """Insert rows; where the primary key is there, replace the other columns, or add to the counters named in `add`."""
    if not rows:
        return
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    keys = [column.name for column in table.primary_key]
    values = {
        name: table.c[name] + statement.excluded[name] if name in add else statement.excluded[name]
        for name in rows[0]
        if name not in keys
    }
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), rows)


def _parse(url: str) -> URL:
    try:
        place = make_url(url)
    except ArgumentError:
        raise StoreError(
            f"'{url}' is not a database URL. Right would be sqlite:///cxnlp.db or postgresql://user@host/database."
        ) from None
    backend = place.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise StoreError(f"The store can't be kept in '{backend}'. Known: postgresql, sqlite.")
    if backend == "sqlite" and place.database in (None, "", ":memory:"):
        raise StoreError("An SQLite store needs a file: sqlite:///cxnlp.db.")
    return place.set(drivername="sqlite+pysqlite" if backend == "sqlite" else "postgresql+psycopg")


def _sqlite(url: URL) -> Engine:
    path = Path(str(url.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Customers' words: nobody but the owner reads them. SQLite gives -wal and -shm the same rights.
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "rb") as file:
            head = file.read(len(MAGIC))
    except OSError as error:
        raise StoreError(f"The store {path} can't be opened: {error.strerror}.") from None
    # SQLite would take a file of a few bytes for an empty database, and write over it.
    if head not in (b"", MAGIC):
        raise StoreError(f"{path} is not a cxnlp database: it is not a database at all.")
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in ("foreign_keys = ON", "synchronous = NORMAL", "cache_size = -32768"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        # A writer takes its place at once: one that upgrades from reading fails where another wrote meanwhile.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(url, connect_args={"options": _options(url)}, hide_parameters=True, pool_pre_ping=True)
    except ModuleNotFoundError:
        raise StoreError(
            "PostgreSQL needs the driver psycopg. Install it with: pip install 'cxnlp[postgresql]'."
        ) from None


def _options(url: URL) -> str:
    given = url.query.get("options", "")
    return f"{given if isinstance(given, str) else ' '.join(given)} -c timezone=UTC".strip()


def _make_ready(engine: Engine) -> None:
    with engine.connect() as connection:
        if revision(connection) == REVISION:
            return
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)
    with engine.execution_options(writes=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": MIGRATION_LOCK})
        # Again, now that nobody else migrates.
        if revision(connection) != REVISION:
            migrate(connection)


def _write_ahead(engine: Engine) -> None:
    """Switch an SQLite file to WAL, which it then stays in."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # The busy timeout does not hold for this statement: where two processes switch at once, one is sent away.
            if time.monotonic() > deadline:
                raise StoreError(f"The database {name_of(engine)} can't be used: {error}.") from error
            time.sleep(0.02)
        finally:
            raw.close()


def revision(connection: Connection) -> str | None:
    """Return the schema revision of a cxnlp database, None for an empty one; StoreError for any other's."""
    tables = sorted(inspect(connection).get_table_names())
    if not tables:
        return None
    name = name_of(connection.engine)
    try:
        application = connection.scalar(select(meta.c.value).where(meta.c.key == "application"))
        found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except DBAPIError:
        application = found = None
    if application != APPLICATION:
        shown = ", ".join(tables[:5]) + (", …" if len(tables) > 5 else "")
        raise StoreError(
            f"{name} is not a cxnlp database: it holds the tables {shown}. Give the store a place of its own."
        )
    return None if found is None else str(found)


def migrate(connection: Connection) -> None:
    """Bring the schema to REVISION within the connection's transaction; StoreError where it is newer."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "cxnlp.storage:migrations")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = revision(connection)
    if found is not None and found not in known:
        raise StoreError(
            f"{name_of(connection.engine)} has schema {found}; this cxnlp knows up to {REVISION}. "
            "A newer cxnlp wrote it: update cxnlp."
        )
    command.upgrade(config, "head")
