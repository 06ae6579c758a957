"""One run at a time: a lock that a crash frees."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from cxnlp.errors import RunLocked
from cxnlp.storage.database import errors_named, name_of

RUN_LOCK = 0x6378_6E6C_7002
"""The PostgreSQL advisory lock of the run."""

PATIENCE = 5.0
"""Seconds after which PostgreSQL must have noticed that a killed run is gone."""


@contextmanager
def run_lock(engine: Engine) -> Iterator[None]:
    """Hold the store for one run; RunLocked where another run holds it, on PostgreSQL after PATIENCE seconds."""
    with _file_lock(engine) if engine.dialect.name == "sqlite" else _advisory_lock(engine):
        yield


@contextmanager
def _file_lock(engine: Engine) -> Iterator[None]:
    from filelock import FileLock, Timeout

    # The system frees the lock with the process; the file itself stays.
    lock = FileLock(f"{engine.url.database}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise _locked(engine) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _advisory_lock(engine: Engine) -> Iterator[None]:
    # A session of its own outside any transaction: it ends, and frees the lock, with the process.
    with errors_named(engine):
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        with errors_named(engine):
            patience = time.monotonic() + PATIENCE
            while not connection.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": RUN_LOCK}):
                if time.monotonic() > patience:
                    raise _locked(engine)
                time.sleep(0.1)
        yield
    finally:
        # Not back to the pool: closing the session frees the lock whatever state it is in.
        connection.invalidate()
        connection.close()


def _locked(engine: Engine) -> RunLocked:
    return RunLocked(f"Another run holds {name_of(engine)}. Wait until it ends, then start again.")
