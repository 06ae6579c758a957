"""Databases as a source, on SQLite and on PostgreSQL where it is installed."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import sqlite3
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Page, Scale, Score
from cxnlp.sources.sql import Sql

from ..storage import conftest as storage

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
START = dt.datetime(2026, 3, 1, 8)

postgresql, new_database = storage.postgresql, storage.new_database


class Sqlite:
    """A file with a table of reviews."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def run(self, statement: str, rows: Iterable[tuple[Any, ...]] = ((),)) -> None:
        """Execute a statement for each row of parameters."""
        with sqlite3.connect(self.path) as connection:
            connection.executemany(statement.replace("%s", "?"), rows) if rows != ((),) else connection.execute(
                statement
            )
        connection.close()


class Postgresql:
    """A database with a table of reviews."""

    def __init__(self, url: str) -> None:
        self.url = url

    def run(self, statement: str, rows: Iterable[tuple[Any, ...]] = ((),)) -> None:
        """Execute a statement for each row of parameters."""
        import psycopg

        with psycopg.connect(self.url) as connection:
            for row in rows:
                connection.execute(statement, row or None)


def moment(minutes: float) -> str:
    return str(START + dt.timedelta(minutes=minutes))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "sqlite":
        made: Any = Sqlite(tmp_path / "shop.db")
    else:
        made = Postgresql(request.getfixturevalue("new_database")())
    made.run("CREATE TABLE reviews (id INTEGER, body TEXT, changed TIMESTAMP, stars INTEGER, shop TEXT, gone INTEGER)")
    return made


@pytest.fixture
def fill(database: Any) -> Callable[..., None]:
    """Add reviews: (id, minutes after the start, body)."""

    def add(*rows: tuple[Any, ...]) -> None:
        given = [(ident, body[0] if body else f"number {ident}", moment(at)) for ident, at, *body in rows]
        database.run("INSERT INTO reviews VALUES (%s, %s, %s, 4, 'Leeds', 0)", given)

    return add


@pytest.fixture
def source_of(database: Any) -> Callable[..., Sql]:
    def make(**options: Any) -> Sql:
        given = {
            "name": "shop",
            "channel": "review",
            "url": database.url,
            "query": "SELECT * FROM reviews",
            "cursor": "changed",
            "columns": {"id": "id", "text": "body"},
            "clock": lambda: NOW,
        }
        return Sql.model_validate(given | options)

    return make


class Shelf:
    """What a store would hold."""

    def __init__(self) -> None:
        self.records: dict[str, Feedback] = {}
        self.cursor: str | None = None
        self.pages: list[Page] = []
        self.sent: list[str] = []

    def take(self, pages: Iterable[Page]) -> Shelf:
        """Store pages."""
        for page in pages:
            self.pages.append(page)
            self.cursor = page.cursor
            for record in page.records:
                self.sent.append(record.source_record_id)
                self.records[record.source_record_id] = record
            for gone in page.retired:
                self.records.pop(gone, None)
        return self

    def pull(self, source: Sql, page_size: int = 10) -> Shelf:
        """Pull on from here; `sent` is what this pull gave."""
        self.pages, self.sent = [], []
        return self.take(source.pull(self.cursor, page_size=page_size))


def test_every_column_arrives(database: Any, source_of: Callable[..., Sql]) -> None:
    database.run("INSERT INTO reviews VALUES (7, 'Late', '2026-03-01 08:00:00', 4, 'Leeds', 0)")
    columns = {
        "id": "id", "text": {"column": "body", "question": "How was it?"}, "location": "shop", "attributes": "rest",
        "date": {"column": "changed", "timezone": "Europe/Berlin"}, "score": {"column": "stars", "scale": "stars"},
    }  # fmt: skip
    (page,) = source_of(columns=columns).pull(None, page_size=10)
    assert page.records == (
        Feedback(
            "shop", "7", "review", "Late", question="How was it?", created_at=dt.datetime(2026, 3, 1, 7, tzinfo=dt.UTC),
            score=Score(4, Scale.STARS), hints={Hint.LOCATION: "Leeds"}, attributes={"gone": "0"},
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("batch", "page_size", "pages"), [(100, 100, 1), (100, 10, 3), (7, 5, 7), (25, 25, 1), (24, 25, 2)]
)
def test_equal_times_at_an_edge_lose_and_double_nothing(
    fill: Callable[..., None], source_of: Callable[..., Sql], batch: int, page_size: int, pages: int
) -> None:
    fill(*((ident, ident // 20) for ident in range(25)))
    shelf = Shelf().pull(source_of(batch=batch), page_size)
    assert shelf.sent == [str(ident) for ident in range(25)]
    assert len(shelf.pages) == pages
    assert max(len(page.records) for page in shelf.pages) <= page_size


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_times_and_ids_is_read_whole(
    fill: Callable[..., None], source_of: Callable[..., Sql], seed: int
) -> None:
    chance = random.Random(seed)
    fill(*((ident, chance.randrange(4)) for ident in chance.sample(range(1000), 40)))
    shelf = Shelf().pull(source_of(batch=chance.randint(1, 9)), chance.randint(1, 9))
    assert len(shelf.sent) == len(set(shelf.sent)) == 40


def test_an_id_can_be_several_columns(database: Any, source_of: Callable[..., Sql]) -> None:
    rows = [(number, shop) for number in range(5) for shop in ("Leeds", "York", "it's")]
    database.run("INSERT INTO reviews VALUES (%s, 'x', '2026-03-01 08:00:00', 4, %s, 0)", rows)
    shelf = Shelf().pull(source_of(columns={"id": ["shop", "id"], "text": "body"}, batch=4))
    assert sorted(shelf.sent) == sorted(f"{shop}/{number}" for number, shop in rows)


@pytest.mark.parametrize("kept", range(5))
def test_a_night_killed_after_any_page_loses_and_doubles_nothing(
    fill: Callable[..., None], source_of: Callable[..., Sql], kept: int
) -> None:
    fill(*((ident, 0) for ident in range(22)))
    source = source_of(batch=11)
    shelf = Shelf().take(itertools.islice(source.pull(None, page_size=6), kept))
    sent = shelf.sent
    shelf.pull(source, 6)
    assert sent + shelf.sent == [str(ident) for ident in range(22)] or (kept > 3 and len(sent) == 22)


def test_new_and_changed_rows_come_the_next_night(
    database: Any, fill: Callable[..., None], source_of: Callable[..., Sql]
) -> None:
    fill(*((ident, ident) for ident in range(30)))
    source = source_of(overlap_minutes=0)
    shelf = Shelf().pull(source)
    assert not shelf.pull(source).pages
    fill((99, 60))
    database.run("UPDATE reviews SET body = 'changed', changed = %s WHERE id = 3", [(moment(61),)])
    assert shelf.pull(source).sent == ["99", "3"]
    assert shelf.records["3"].text == "changed" and len(shelf.records) == 31


def test_what_was_committed_late_is_in_the_overlap(
    request: pytest.FixtureRequest, fill: Callable[..., None], source_of: Callable[..., Sql]
) -> None:
    fill(*((ident, ident) for ident in range(30)))
    shelf = Shelf().pull(source_of())
    fill((99, 20), (98, 29), (97, 5))
    late = ["98"] if "sqlite" in request.node.name else ["99", "98"]  # SQLite has no times, only words
    sent = shelf.pull(source_of()).sent
    assert [ident for ident in sent if int(ident) > 90] == sorted(late, key=lambda ident: ident == "98")
    assert len(sent) <= 13
    assert not [page for page in shelf.pull(source_of(overlap_minutes=0)).pages if page.records]


def test_a_night_that_goes_on_in_the_middle_has_no_overlap(
    fill: Callable[..., None], source_of: Callable[..., Sql]
) -> None:
    fill(*((ident, 0) for ident in range(20)))
    shelf = Shelf().take(itertools.islice(source_of().pull(None, page_size=10), 1))
    assert shelf.pull(source_of()).sent == [str(ident) for ident in range(10, 20)]


def test_a_number_or_words_can_be_the_cursor(fill: Callable[..., None], source_of: Callable[..., Sql]) -> None:
    fill(*((ident, 0) for ident in range(12)))
    by_id, by_words = source_of(cursor="id", batch=5), source_of(cursor="shop", batch=5)
    for source in (by_id, by_words):
        shelf = Shelf().pull(source)
        assert sorted(shelf.sent, key=int) == [str(ident) for ident in range(12)]
        assert shelf.pull(source).sent == (["11"] if source is by_id else [str(ident) for ident in range(12)])


KINDS = [
    ("NUMERIC(20, 3)", ["1.250", "1.250", "2"]),
    ("BIGINT", [3_000_000_000, 3_000_000_000, 3_000_000_001]),
    ("DOUBLE PRECISION", [0.1, 0.1, 1 / 3]),
    ("UUID", [str(uuid.UUID(int=at)) for at in (1, 1, 2)]),
    ("DATE", ["2026-03-01", "2026-03-01", "2026-03-02"]),
    ("TIMESTAMPTZ", ["2026-03-01 00:00+09", "2026-02-28 15:00+00", "2026-03-01 00:00:00.000001+09"]),
    ("BYTEA", [b"\x00\x01", b"\x00\x01", b"\x00\x02"]),
    ("VARCHAR(20)", ["a:b", "a:b", "b%c"]),
]


@pytest.mark.parametrize(("kind", "values"), KINDS, ids=[kind for kind, _ in KINDS])
def test_the_cursor_keeps_its_kind(new_database: Callable[..., str], kind: str, values: list[Any]) -> None:
    database = Postgresql(new_database())
    # Times of day are compared in the session's zone where a zone is forgotten.
    database.run(
        "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET timezone = ''Asia/Tokyo'''; END $$"
    )
    database.run(f"CREATE TABLE t (id INTEGER, changed {kind})")
    database.run("INSERT INTO t VALUES (%s, %s)", enumerate(values))
    options = {"query": "SELECT id, changed, 'x' AS body FROM t", "cursor": "changed", "batch": 1}
    source = Sql.model_validate(
        {"name": "t", "channel": "review", "url": database.url, "columns": {"id": "id", "text": "body"}} | options
    )
    for kept in range(4):
        shelf = Shelf().take(itertools.islice(source.pull(None, page_size=1), kept))
        sent = shelf.sent
        assert sent + shelf.pull(source).sent in (["0", "1", "2"], [*"012", "2"], [*"012", *"012"])
        assert kept == 3 or len(sent) + len(shelf.sent) == 3


def test_a_cursor_that_is_finer_than_it_can_be_told_stops(new_database: Callable[..., str]) -> None:
    database = Postgresql(new_database())
    database.run("CREATE TABLE t AS SELECT n AS id, 0.1::REAL AS changed, 'x' AS body FROM generate_series(1, 9) AS n")
    source = Sql.model_validate(
        {
            "name": "t", "channel": "review", "url": database.url, "query": "SELECT * FROM t", "cursor": "changed",
            "columns": {"id": "id", "text": "body"}, "batch": 4,
        }
    )  # fmt: skip
    with pytest.raises(SourceError, match="round them"):
        list(source.pull(None, page_size=10))


@pytest.mark.parametrize(
    ("kind", "ahead", "old", "new"),
    [
        ("TIMESTAMPTZ", "2026-06-01 05:00+00", "2026-05-31 22:00+00", "2026-06-01 04:00+00"),
        ("TIMESTAMP", "9999-12-31 00:00", "2026-05-31 12:00", "2026-06-02 00:00"),
        ("DATE", "9999-12-31", "2026-05-31", "2026-06-02"),
    ],
)
@pytest.mark.parametrize("kept", [1, 2, 3])
def test_a_row_from_the_future_does_not_hide_what_comes_until_then(
    new_database: Callable[..., str], kind: str, ahead: str, old: str, new: str, kept: int
) -> None:
    database = Postgresql(new_database())
    database.run(f"CREATE TABLE t (id INTEGER, body TEXT, changed {kind})")
    database.run("INSERT INTO t VALUES (%s, 'x', %s)", [(1, old), (2, ahead), (3, ahead)])
    options = {"query": "SELECT * FROM t", "cursor": "changed", "columns": {"id": "id", "text": "body"}, "batch": 1}
    source = Sql.model_validate({"name": "t", "channel": "review", "url": database.url, "clock": lambda: NOW} | options)
    shelf = Shelf().take(itertools.islice(source.pull(None, page_size=1), kept))
    database.run("INSERT INTO t VALUES (4, 'x', %s)", [(new,)])
    assert set(shelf.pull(source).records) == {"1", "2", "3", "4"}


@pytest.mark.parametrize(("value", "kind"), [("INTERVAL '1 day'", "timedelta"), ("TRUE", "bool")])
def test_a_cursor_that_can_not_be_gone_on_from_is_named(
    new_database: Callable[..., str], value: str, kind: str
) -> None:
    source = Sql.model_validate(
        {
            "name": "t", "channel": "review", "url": new_database(), "cursor": "changed",
            "query": f"SELECT 1 AS id, 'x' AS body, {value} AS changed", "columns": {"id": "id", "text": "body"},
        }
    )  # fmt: skip
    with pytest.raises(SourceError, match=f"'changed' is a {kind}"):
        list(source.pull(None, page_size=10))


def test_nothing_is_written(new_database: Callable[..., str]) -> None:
    database = Postgresql(new_database())
    database.run("CREATE SEQUENCE s")
    source = Sql.model_validate(
        {
            "name": "t", "channel": "review", "url": database.url, "cursor": "id",
            "columns": {"id": "id", "text": "id"}, "query": "SELECT nextval('s') AS id",
        }
    )  # fmt: skip
    with pytest.raises(SourceError, match="read-only transaction"):
        list(source.pull(None, page_size=10))


def test_a_missing_file_is_not_made(tmp_path: Path, source_of: Callable[..., Sql]) -> None:
    with pytest.raises(SourceError, match="there is no file"):
        list(source_of(url="sqlite:///none.db", root=tmp_path).pull(None, page_size=10))
    assert not (tmp_path / "none.db").exists()


def test_a_file_is_found_from_the_configurations_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a #1?"
    folder.mkdir()
    database = Sqlite(folder / "shop.db")
    database.run("CREATE TABLE t (id INTEGER, body TEXT)")
    database.run("INSERT INTO t VALUES (1, 'x')")
    source = Sql.model_validate(
        {
            "name": "t", "channel": "review", "url": "sqlite:///shop.db", "query": "SELECT * FROM t", "cursor": "id",
            "columns": {"id": "id", "text": "body"}, "root": folder,
        }
    )  # fmt: skip
    assert Shelf().pull(source).sent == ["1"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM reviews;\n",
        "SELECT * FROM reviews -- all of them",
        "-- all\n/* of */ (SELECT * FROM reviews)",
        "WITH given AS (SELECT * FROM reviews) SELECT * FROM given",
        "SELECT * FROM reviews WHERE body NOT LIKE '%x :y%' AND body <> '10:30'",
        "SELECT CAST(id AS INTEGER) AS id, body, changed FROM reviews WHERE ':z' <> body",
    ],
)
def test_a_query_is_taken_as_it_is(fill: Callable[..., None], source_of: Callable[..., Sql], query: str) -> None:
    fill(*((ident, ident) for ident in range(5)))
    assert Shelf().pull(source_of(query=query, batch=2)).sent == [*"01234"]


def test_names_may_have_capitals_and_spaces(fill: Callable[..., None], source_of: Callable[..., Sql]) -> None:
    fill((1, 1), (2, 2))
    query = 'SELECT id AS "Review Id", body AS "Text", changed AS "Changed At" FROM reviews'
    source = source_of(query=query, cursor="Changed At", columns={"id": "Review Id", "text": "Text"}, batch=1)
    assert Shelf().pull(source).sent == ["1", "2"]


def test_several_texts_of_a_row_count_for_a_page(fill: Callable[..., None], source_of: Callable[..., Sql]) -> None:
    fill(*((ident, 0) for ident in range(5)))
    shelf = Shelf().pull(source_of(columns={"id": "id", "text": ["body", "shop"]}), 4)
    assert [len(page.records) for page in shelf.pages] == [4, 4, 2]
    assert {record.response_id for record in shelf.records.values()} == set("01234")


def test_rows_without_time_or_id_are_told_of(
    database: Any, fill: Callable[..., None], source_of: Callable[..., Sql]
) -> None:
    fill((1, 1), (2, 2))
    database.run(
        "INSERT INTO reviews VALUES (NULL, 'x', '2026-03-01 08:00:00', 4, 'Leeds', 0), (3, 'x', NULL, 4, 'Leeds', 0)"
    )
    shelf = Shelf().pull(source_of(), 1)
    assert shelf.sent == ["1", "2"]
    assert [len(page.warnings) for page in shelf.pages] == [1, 0]
    assert "2 rows have no 'changed' or 'id'" in shelf.pages[0].warnings[0]


def test_a_row_that_can_not_be_read_is_set_aside(
    database: Any, fill: Callable[..., None], source_of: Callable[..., Sql]
) -> None:
    fill((1, 1), (2, 2), (3, 3, "long" * 100))
    database.run("UPDATE reviews SET stars = 6 WHERE id = 2")
    columns = {"id": "id", "text": "body", "score": {"column": "stars", "scale": "stars"}}
    (page,) = source_of(columns=columns, max_characters=300).pull(None, page_size=10)
    assert [(reject.reason, reject.place) for reject in page.rejects] == [
        ("score_out_of_scale", "shop, record 2"), ("text_too_long", "shop, record 3"),
    ]  # fmt: skip
    assert [record.source_record_id for record in page.records] == ["1"]


def test_an_id_that_comes_twice_is_a_duplicate_or_set_aside(
    fill: Callable[..., None], source_of: Callable[..., Sql]
) -> None:
    fill((1, 1), (1, 1), (2, 2), (2, 2, "another"))
    (page,) = source_of().pull(None, page_size=10)
    assert (len(page.records), page.duplicates, [reject.reason for reject in page.rejects]) == (2, 1, ["duplicate_id"])


def test_a_deleted_row_retires_with_all_its_texts(
    database: Any, fill: Callable[..., None], source_of: Callable[..., Sql]
) -> None:
    fill((1, 1), (2, 2))
    source = source_of(deleted="gone", columns={"id": "id", "text": ["body", "shop"]}, overlap_minutes=0)
    shelf = Shelf().pull(source)
    database.run("UPDATE reviews SET gone = 1, changed = %s WHERE id = 1", [(moment(9),)])
    assert sorted(shelf.pull(source).records) == ["2:body", "2:shop"]


def test_other_options_begin_anew(fill: Callable[..., None], source_of: Callable[..., Sql]) -> None:
    fill(*((ident, ident) for ident in range(5)))
    shelf = Shelf().pull(source_of(overlap_minutes=0))
    assert not shelf.pull(source_of(overlap_minutes=0, batch=3)).sent
    assert len(shelf.pull(source_of(query="SELECT * FROM reviews WHERE id > 0")).sent) == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cursor": "changd"}, "changd"),
        ({"columns": {"id": "id", "text": "bodi"}}, "no column 'bodi'.*Did you mean 'body'"),
        ({"deleted": "gon"}, "no column 'gon'.*Did you mean 'gone'"),
        ({"query": "SELECT * FROM revues"}, "revues"),
    ],
)
def test_what_the_query_does_not_have_is_named(
    source_of: Callable[..., Sql], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(SourceError, match=f"(?s)shop.*{said}"):
        list(source_of(**options).pull(None, page_size=10))


def test_check_tells_what_a_night_would_find(
    database: Any, fill: Callable[..., None], source_of: Callable[..., Sql]
) -> None:
    assert source_of().check()[1:] == ["the query gives no rows"]
    fill((1, 1, "Late\nagain"), (2, 2))
    database.run("INSERT INTO reviews VALUES (3, 'x', NULL, 4, 'Leeds', 0)")
    lines = source_of(columns={"id": "id", "text": "body", "date": {"column": "shop", "formats": "iso"}}).check()
    assert "columns id, body, changed, stars, shop, gone" in lines[0]
    assert "2 rows have 0 comments, 2 set aside, unreadable_date" in lines[1]
    assert "1 rows have no" in lines[2]
    assert source_of().check()[2] == "first comment: id 1: 'Late again'"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "postgresql://me:hunter2@host/db"}, "holds a password"),
        ({"url": "postgresql://me@host/db?password=hunter2"}, "holds a password"),
        ({"url": "snowflake://me@acme/db?token=hunter2"}, "holds a password"),
        ({"url": "mssql+pyodbc:///?odbc_connect=DRIVER%3DX%3BPWD%3Dhunter2"}, "holds a password"),
        ({"url": "host/hunter2"}, "not a database URL"),
        ({"url": "sqlite://"}, "needs a file"),
        ({"query": "DELETE FROM reviews"}, "must be a SELECT"),
        ({"columns": {"id": "@row", "text": "body"}}, "have no number"),
        ({"password_variable": "no name"}, "pattern"),
    ],
)
def test_options_that_make_no_sense_are_refused_without_a_password(options: dict[str, Any], said: str) -> None:
    given = {
        "name": "shop", "channel": "review", "url": "sqlite:///shop.db", "query": "SELECT 1", "cursor": "id",
        "columns": {"id": "id", "text": "body"},
    }  # fmt: skip
    with pytest.raises(ValidationError, match=said) as caught:
        Sql.model_validate(given | options)
    assert "hunter2" not in str(caught.value)


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> Sql:
    """A source whose password is hunter2, on a server that isn't there."""
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    return Sql.model_validate(
        {
            "name": "shop", "channel": "review", "url": "postgresql://me@127.0.0.1:9/db", "cursor": "id",
            "password_variable": "SHOP_PASSWORD", "query": "SELECT 1 AS id", "columns": {"id": "id", "text": "id"},
        }
    )  # fmt: skip


def test_the_password_comes_from_its_variable(locked: Sql, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg")
    assert "me:hunter2@" in locked._engine().url.render_as_string(hide_password=False)
    monkeypatch.delenv("SHOP_PASSWORD")
    with pytest.raises(SourceError, match="SHOP_PASSWORD is not set"):
        locked.check()


def test_no_password_is_logged_raised_or_shown(locked: Sql, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("psycopg")
    caplog.set_level("DEBUG")
    with pytest.raises(SourceError, match=r"shop: the postgresql database db on 127\.0\.0\.1 can't be read") as caught:
        locked.check()
    assert "hunter2" not in str(caught.value) + repr(caught.value.__cause__) + caplog.text + repr(locked)
    with pytest.raises(SourceError) as caught, locked._errors_named():
        import sqlalchemy.exc

        raise sqlalchemy.exc.OperationalError("SELECT", {}, Exception("no access for me:hunter2@127.0.0.1"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://me@host/db", "nosuch://me@host/db"])
def test_a_driver_that_is_not_installed_is_named(url: str, locked: Sql) -> None:
    with pytest.raises(SourceError, match="isn't installed"):
        locked.model_copy(update={"url": url}).check()
