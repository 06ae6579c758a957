"""A store of each kind, empty and new for every test, and records to fill it with."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cxnlp.records import Analysis, Assignment, Channel, Feedback, Finding, Polarity, Receipt, Rule, Sentiment
from cxnlp.storage.store import Store, open_store

START = dt.datetime(2025, 3, 1, 8, 30, tzinfo=dt.UTC)

LAST = 10**9

_numbers = itertools.count()


def _binaries() -> Path | None:
    """Return the folder of initdb and pg_ctl, on the path or where Debian hides it."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)


def _as_nobody_special(folder: Path) -> dict[str, str]:
    """Return how to start PostgreSQL, which refuses root: as the user postgres, who then owns the folder."""
    if os.geteuid() != 0:
        return {}
    shutil.chown(folder, "postgres", "postgres")
    return {"user": "postgres", "group": "postgres"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a throw-away PostgreSQL server, without a database."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's initdb and pg_ctl are not installed (Debian: apt-get install postgresql)")
    # A short path: a socket's name has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="cxnlp-pg-", dir="/tmp"))
    try:
        who = _as_nobody_special(folder)
        data, port = folder / "data", _free_port()
        quick = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c listen_addresses=''"

        def run(*command: str | Path) -> None:
            subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **who)

        run(binaries / "initdb", "-D", data, "-U", "cxnlp", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"{quick} -k {folder} -p {port}"
        run(binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql://cxnlp@/{{database}}?host={folder}&port={port}"
        finally:
            run(binaries / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_database(postgresql: str) -> Iterator[Callable[..., str]]:
    """Make a PostgreSQL database, empty or with the tables of a store, and return its URL."""
    psycopg = pytest.importorskip("psycopg", reason="the PostgreSQL driver psycopg is not installed")
    with psycopg.connect(postgresql.format(database="postgres"), autocommit=True) as connection:

        def new(template: str = "template0") -> str:
            name = f"test_{next(_numbers)}"
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
            return postgresql.format(database=name)

        connection.execute("CREATE DATABASE store")
        open_store(postgresql.format(database="store")).close()
        yield new


@pytest.fixture(scope="session")
def new_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Make an SQLite file with the tables of a store."""
    made = tmp_path_factory.mktemp("template") / "store.db"
    open_store(f"sqlite:///{made}").close()
    return lambda path: path.write_bytes(made.read_bytes()) and None


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The database that the test runs on."""
    return str(request.param)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that holds nothing yet."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("new_database")())


@pytest.fixture
def store_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store. Tables are copied: making them takes the most time."""
    if kind == "postgresql":
        return str(request.getfixturevalue("new_database")("store"))
    request.getfixturevalue("new_file")(tmp_path / "store.db")
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store with the run "r1" begun."""
    with open_store(store_url) as opened:
        opened.begin_run("r1", START, {"code": "1"})
        yield opened


@pytest.fixture(scope="session")
def comment() -> Callable[..., Feedback]:
    """Make a comment: comment(7) is record "7" of source "survey", written on the eighth day; fields can be given."""

    def make(number: int = 0, **fields: Any) -> Feedback:
        given: dict[str, Any] = {
            "source": "survey",
            "source_record_id": str(number),
            "channel": Channel.SURVEY,
            "text": f"Comment number {number}.",
            "created_at": START + dt.timedelta(days=number),
            "language": "en",
        }
        return Feedback(**given | fields)

    return make


@pytest.fixture(scope="session")
def reading() -> Callable[..., Analysis]:
    """Make an analysis with these findings: reading(("delivery", "negative"), ("price_value", "positive", 0.7))."""

    def make(*findings: tuple[Any, ...], **fields: Any) -> Analysis:
        given: dict[str, Any] = {
            "overall": Sentiment.NEGATIVE,
            "probabilities": {
                Sentiment.NEGATIVE: 0.7,
                Sentiment.NEUTRAL: 0.1,
                Sentiment.MIXED: 0.1,
                Sentiment.POSITIVE: 0.1,
            },
            "churn": False,
            "churn_probability": 0.25,
            "findings": tuple(
                Finding(topic, Polarity(polarity), *(score or (0.9,)), 0, 7) for topic, polarity, *score in findings
            ),
            "model": "linear/1",
            "taxonomy": "1",
        }
        return Analysis(**given | fields)

    return make


@pytest.fixture(scope="session")
def owned() -> Callable[..., Assignment]:
    """Make an assignment: owned("billing", 0) gives the first finding to billing, owned("billing") the comment."""

    def make(department: str, finding: int | None = None, **fields: Any) -> Assignment:
        given: dict[str, Any] = {"rule": Rule.OWNER, "evidence": f"owner = {department}", "confidence": 0.8}
        return Assignment(finding, department, **given | fields)

    return make


@pytest.fixture
def keep(store: Store) -> Callable[..., tuple[int, int]]:
    """Save a page of comments; a comment's digest is its text where none is given with it."""

    def save(*comments: Feedback | tuple[Feedback, str], store: Store = store, **fields: Any) -> tuple[int, int]:
        items = [each if isinstance(each, tuple) else (each, each.text) for each in comments]
        rejects = fields.get("rejects", ())
        source = items[0][0].source if items else "survey"
        counts = {"pulled": len(items) + len(rejects), "duplicate": 0, "unchanged": 0, "rejects": (), "cursor": "1"}
        return store.save_page("r1", source, items=items, **counts | fields)

    return save


@pytest.fixture
def told(store: Store, keep: Callable[..., tuple[int, int]]) -> Callable[..., None]:
    """Save comments with their analysis and assignments, on a chart: organisation > shops > paris, lyon; > web."""
    chart = {
        "paris": "shops",
        "lyon": "shops",
        "shops": "organisation",
        "web": "organisation",
        "unassigned": "organisation",
    }
    closure = [(name, name) for name in ("organisation", *chart)] + list(chart.items())
    closure += [("paris", "organisation"), ("lyon", "organisation")]

    def save(*items: tuple[Feedback, Analysis | None, list[Assignment]]) -> None:
        store.save_chart("v1", closure)
        keep(*(feedback for feedback, _, _ in items))
        told = {(each.source, each.source_record_id): (read, owners) for each, read, owners in items}
        for batch in store.read_unanalysed(1, LAST, batch=100):
            read = [(id, told[each.source, each.source_record_id][0]) for id, each in batch]
            store.save_analyses("r1", [(id, analysis) for id, analysis in read if analysis])
        for batch in store.read_unlinked(1, LAST, "v1", batch=100):
            owners = [(id, told[each.source, each.source_record_id][1]) for id, each, _ in batch]
            store.save_links("r1", owners, "v1")

    return save


@pytest.fixture
def receipt() -> Callable[..., Receipt]:
    """Make the receipt of run "r1"."""

    def make(**fields: Any) -> Receipt:
        given: dict[str, Any] = {
            "run": "r1",
            "status": "complete",
            "started_at": START,
            "finished_at": START + dt.timedelta(minutes=3),
            "sources": (),
            "comments": {},
            "analysed": 0,
            "findings": 0,
            "linked": 0,
            "published": None,
            "versions": {"code": "1"},
        }
        return Receipt(**given | fields)

    return make
