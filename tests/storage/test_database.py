"""Opening: what is ours is made ready, what is not ours is left as it is."""

import sqlite3
import stat
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from cxnlp.errors import StoreError
from cxnlp.storage import schema
from cxnlp.storage.database import open_engine
from cxnlp.storage.store import open_store


def run_sql(url, *statements):
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_an_empty_database_gets_every_table(url):
    engine = open_engine(url)
    assert set(inspect(engine).get_table_names()) == {*schema.metadata.tables, "alembic_version"}
    engine.dispose()


def test_the_migrations_make_what_the_schema_says(url):
    engine = open_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


def test_the_comparison_would_notice_a_difference(url):
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP INDEX uq_analysis_current"))
    with engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), schema.metadata)
    assert [change[0] for change in difference] == ["add_index"]
    engine.dispose()


def test_revision_names_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", "cxnlp.storage:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == schema.REVISION


def test_opening_again_keeps_everything(store_url, keep, store, comment):
    keep(comment(1), cursor="page 1")
    before = store.data_version()
    with open_store(store_url) as again:
        assert again.cursor("survey") == "page 1"
        assert again.data_version() == before


def test_two_stores_never_share_a_data_version(tmp_path):
    with open_store(f"sqlite:///{tmp_path / 'a.db'}") as a, open_store(f"sqlite:///{tmp_path / 'b.db'}") as b:
        assert a.data_version() != b.data_version()


def test_a_newer_schema_is_refused(url):
    open_store(url).close()
    run_sql(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"has schema 9999.*update cxnlp"):
        open_store(url)


def test_a_database_of_something_else_is_refused_and_untouched(url):
    run_sql(url, "CREATE TABLE invoices (number INTEGER)", "CREATE TABLE customers (name TEXT)")
    with pytest.raises(StoreError, match=r"not a cxnlp database: it holds the tables customers, invoices\."):
        open_store(url)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    assert sorted(inspect(engine).get_table_names()) == ["customers", "invoices"]
    engine.dispose()


def test_another_alembic_project_is_refused(url):
    run_sql(
        url, "CREATE TABLE alembic_version (version_num VARCHAR(32))", "INSERT INTO alembic_version VALUES ('0001')"
    )
    with pytest.raises(StoreError, match="not a cxnlp database"):
        open_store(url)


def test_a_foreign_sqlite_file_keeps_its_bytes(tmp_path):
    path = tmp_path / "foreign.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE invoices (number INTEGER)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="invoices"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["foreign.db"]


@pytest.mark.parametrize("content", [b"id,comment\n1,good\n" * 200, b"x", b"SQLite format 3", bytes(range(256)) * 64])
def test_a_file_that_is_no_database_is_refused_and_untouched(tmp_path, content):
    path = tmp_path / "comments.csv"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"comments\.csv is not a cxnlp database: it is not a database at all"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_a_damaged_database_is_refused_and_untouched(tmp_path):
    path = tmp_path / "store.db"
    path.write_bytes(b"SQLite format 3\0" + bytes(range(255, -1, -1)) * 16)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"store\.db can't be used: file is not a database"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_store(tmp_path):
    (tmp_path / "store.db").touch()
    open_store(f"sqlite:///{tmp_path / 'store.db'}").close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("store.db", "not a database URL"),
        ("mysql://host/db", "can't be kept in 'mysql'. Known: postgresql, sqlite"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite:////dev/null/store.db", "can't be opened"),
        ("sqlite:////", "can't be opened"),
    ],
)
def test_a_wrong_url_says_what_would_be_right(url, said):
    with pytest.raises(StoreError, match=said):
        open_store(url)


def test_a_server_that_is_not_there_is_named_without_the_password(tmp_path):
    with pytest.raises(StoreError) as raised:
        open_store(f"postgresql://me:hunter2@/feedback?host={tmp_path}&port=1")
    assert "postgresql://me:***@/feedback" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_new_file_is_for_its_owner_only(tmp_path):
    path = tmp_path / "new" / "store.db"
    with open_store(f"sqlite:///{path}") as store:
        store.check_key("abc")
        for file in (path, path.with_name("store.db-wal")):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_several_processes_may_open_a_new_store_at_once(url):
    code = "import sys; from cxnlp.storage.store import open_store; print(open_store(sys.argv[1]).data_version())"
    started = [
        subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=60) for process in started]
    assert {error for _, error in said} == {""}
    assert len({version for version, _ in said}) == 1


def test_what_the_database_says_never_quotes_a_comment(store, keep, comment):
    words = "my name is Jane Doe"
    with pytest.raises(StoreError) as raised:
        store.save_page(
            "no such run",
            "survey",
            items=[(comment(text=words), "d")],
            pulled=1,
            duplicate=0,
            unchanged=0,
            rejects=(),
            cursor="1",
        )
    assert words not in str(raised.value)
    assert words not in str(raised.value.__cause__)


def test_the_key_must_stay_the_same(store):
    store.check_key("abc")
    store.check_key("abc")
    with pytest.raises(StoreError, match="another CXNLP_KEY"):
        store.check_key("abd")
