"""What the store knows of itself: whose key it has, what changed, what is published."""

from __future__ import annotations

import json

from sqlalchemy import Connection, Integer, Text, cast, select, update

from cxnlp.errors import StoreError
from cxnlp.storage.database import upsert
from cxnlp.storage.schema import meta


def fact(connection: Connection, key: str) -> str | None:
    """Return what is noted under `key`."""
    value = connection.scalar(select(meta.c.value).where(meta.c.key == key))
    return None if value is None else str(value)


def note(connection: Connection, key: str, value: str) -> None:
    """Note `value` under `key`."""
    upsert(connection, meta, [{"key": key, "value": value}])


def count_change(connection: Connection) -> None:
    """Note that something a page shows has changed.

    The last thing a transaction does: on PostgreSQL the row is locked from here on to the commit.
    """
    counted = cast(cast(meta.c.value, Integer) + 1, Text)
    connection.execute(update(meta).where(meta.c.key == "changes").values(value=counted))


def data_version(connection: Connection) -> str:
    """Return an id of everything that a page shows; no two stores share one."""
    return f"{fact(connection, 'store')}-{fact(connection, 'changes')}"


def check_key(connection: Connection, fingerprint: str) -> None:
    """Note the fingerprint of the organisation's key the first time; StoreError where it is another one later."""
    known = fact(connection, "key")
    if known is None:
        note(connection, "key", fingerprint)
    elif known != fingerprint:
        raise StoreError(
            "The store was filled with another CXNLP_KEY: with this one every comment and customer would look new. "
            "Set the CXNLP_KEY of before, or start a new store."
        )


def published(connection: Connection) -> str | None:
    """Return the state that was published last, None before the first time."""
    noted = fact(connection, "published")
    return None if noted is None else str(json.loads(noted)["state"])


def set_published(connection: Connection, run_id: str, state: str) -> None:
    """Note what is published now, and by which run."""
    note(connection, "published", json.dumps({"run": run_id, "state": state}))
