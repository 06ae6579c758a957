"""The Parquet snapshot and its swap."""

import datetime as dt
import os
import threading
import time

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxnlp.errors import StoreError
from cxnlp.records import Finding, Hint, Polarity, Scale, Score, TextStatus, Timing
from cxnlp.storage import snapshot
from cxnlp.storage.snapshot import swap, write_snapshot

REPLIED = dt.datetime(2025, 3, 1, 9, 0, 0, 1, tzinfo=dt.UTC)


@pytest.fixture
def written(store, told, keep, comment, reading, owned, tmp_path):
    """A snapshot of three comments: one analysed and linked, one blank, one edited and not analysed again."""
    two = reading(("delivery", "negative", 0.75), ("wait_time", "positive", 0.5), churn=True)
    full = comment(
        0,
        score=Score(3, Scale.STARS),
        hints={Hint.QUEUE: "Web"},
        attributes={"plan": "gold"},
        timing=Timing(REPLIED, None, 2),
        question="Why?",
    )
    told(
        (full, two, [owned("paris", 0), owned("lyon", 0), owned("web", 1, evidence="queue = Web"), owned("shops")]),
        (comment(1, text="", status=TextStatus.BLANK, created_at=None), None, [owned("unassigned")]),
        (comment(2), reading(("delivery", "negative")), [owned("web", 0)]),
    )
    keep(comment(2, text="edited"))
    write_snapshot(store, tmp_path / "runs" / "r1")
    return tmp_path / "runs" / "r1"


def test_pandas_reads_comments_with_what_was_read_in_them(written):
    frame = pd.read_parquet(written / "feedback.parquet").set_index("source_record_id")
    assert list(frame.index) == ["0", "1", "2"]
    first = frame.loc["0"]
    assert (first.score, first.scale, first.reopened, first.question) == (3.0, "stars", 2, "Why?")
    assert (first.hint_queue, dict(first.attributes)) == ("Web", {"plan": "gold"})
    assert first.first_reply_at == pd.Timestamp(REPLIED)
    assert (first.overall, first.probability_negative, first.churn, first.model) == ("negative", 0.7, True, "linear/1")
    assert str(frame["created_at"].dtype) == "datetime64[us, UTC]"
    assert isinstance(frame["channel"].dtype, pd.CategoricalDtype)
    assert pd.isna(frame.loc["1"].created_at)
    assert (frame.loc["2"].text, frame.loc["2"].version) == ("edited", 2)
    assert pd.isna(frame.loc["2"].overall)


def test_duckdb_joins_findings_with_their_words_and_departments(written):
    connection = duckdb.connect()
    for name in ("feedback", "findings"):
        connection.register(name, connection.read_parquet(str(written / f"{name}.parquet")))
    rows = connection.execute(
        """SELECT substr(text, start + 1, "end" - start), topic, polarity, f.score, department, rule, evidence
        FROM findings f JOIN feedback USING (feedback_id) ORDER BY topic"""
    ).fetchall()
    connection.close()
    assert rows == [
        ("Comment", "delivery", "negative", 0.75, "paris", "owner", "owner = paris"),
        ("Comment", "wait_time", "positive", 0.5, "web", "owner", "queue = Web"),
    ]


def test_assignments_are_all_there(written):
    frame = pd.read_parquet(written / "assignments.parquet")
    assert list(frame["department"].astype(str)) == ["paris", "lyon", "web", "shops", "unassigned"]
    assert frame["finding"].isna().tolist() == [False, False, False, True, True]


def test_findings_that_are_not_linked_have_no_department(store, keep, comment, reading, tmp_path):
    keep(comment(1))
    for batch in store.read_unanalysed(1, 10**9, batch=5):
        store.save_analyses("r1", [(id, reading(("delivery", "negative"))) for id, _ in batch])
    write_snapshot(store, tmp_path / "s")
    assert pd.read_parquet(tmp_path / "s" / "findings.parquet")["department"].isna().tolist() == [True]


def test_more_rows_than_a_group_stay_in_order(store, keep, comment, reading, owned, tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "ROWS", 7)
    keep(*(comment(0, source_record_id=str(n), text=f"t{n}", question=f"q{n % 9}") for n in range(30)))
    for batch in store.read_unanalysed(1, 10**9, batch=50):
        findings = (Finding("delivery", Polarity.NEGATIVE, 0.5, 0, 1),) * 2
        store.save_analyses("r1", [(id, reading(findings=findings)) for id, _ in batch])
    write_snapshot(store, tmp_path)
    file = pq.ParquetFile(tmp_path / "feedback.parquet")
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [7, 7, 7, 7, 2]
    frame = pd.read_parquet(tmp_path / "feedback.parquet")
    assert frame["text"].tolist() == [f"t{n}" for n in range(30)]
    assert frame["question"].tolist() == [f"q{n % 9}" for n in range(30)]
    assert len(pd.read_parquet(tmp_path / "findings.parquet")) == 60


def test_an_empty_store_gives_files_with_typed_columns(store, tmp_path):
    write_snapshot(store, tmp_path)
    for name in ("feedback", "findings", "assignments"):
        assert len(pd.read_parquet(tmp_path / f"{name}.parquet")) == 0
    schema = pq.read_schema(tmp_path / "feedback.parquet")
    assert schema.field("created_at").type == pa.timestamp("us", tz="UTC")
    assert duckdb.read_parquet(str(tmp_path / "findings.parquet")).fetchall() == []


def published(folder, name, content="x"):
    run = folder / "runs" / name
    run.mkdir(parents=True)
    (run / "page").write_text(content)
    # Runs follow each other by more than the clock's grain.
    number = len(list((folder / "runs").iterdir()))
    os.utime(run, (1_700_000_000 + number, 1_700_000_000 + number))
    swap(folder / "current", run)
    return run


def test_swap_points_current_to_the_new_run_and_keeps_three(tmp_path):
    for name in ("b", "a", "d", "c", "e"):
        published(tmp_path, name, f"page of {name}")
        assert (tmp_path / "current" / "page").read_text() == f"page of {name}"
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["c", "d", "e"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "runs"]
    swap(tmp_path / "current", tmp_path / "runs" / "c")
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["c", "d", "e"]


def test_the_link_survives_a_move_of_the_whole_folder(tmp_path):
    published(tmp_path / "here", "r1")
    (tmp_path / "here").rename(tmp_path / "there")
    assert (tmp_path / "there" / "current" / "page").read_text() == "x"


def test_a_link_that_points_nowhere_is_replaced(tmp_path):
    (tmp_path / "current").symlink_to("runs/gone")
    published(tmp_path, "r1")
    assert (tmp_path / "current" / "page").read_text() == "x"


def test_swap_refuses_what_it_did_not_make(tmp_path):
    published(tmp_path, "r1")
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(StoreError, match="not a folder in"):
        swap(tmp_path / "current", tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="not a folder in"):
        swap(tmp_path / "current", tmp_path / "runs" / "r9")
    (tmp_path / "page").write_text("mine")
    with pytest.raises(StoreError, match="not a link that cxnlp made"):
        swap(tmp_path / "page", tmp_path / "runs" / "r1")
    assert (tmp_path / "page").read_text() == "mine"


def test_a_reader_always_finds_a_whole_run_while_it_is_swapped(tmp_path):
    published(tmp_path, "start", "start" * 1000)
    read, failed, stop = [], [], threading.Event()

    def look():
        while not stop.is_set():
            try:
                text = (tmp_path / "current" / "page").read_text()
            except OSError as error:
                failed.append(error)
                return
            name = text[: len(text) // 1000]
            read.append(name if text == name * 1000 else text)

    reader = threading.Thread(target=look)
    reader.start()
    names = [f"r{number:03}." for number in range(300)]
    for name in names:
        published(tmp_path, name, name * 1000)
        # Nights are a day apart: a reader held up inside one open() must not meet three of them.
        seen = len(read)
        while len(read) == seen and not failed:
            time.sleep(0)
    stop.set()
    reader.join()
    assert failed == []
    assert set(read) <= {"start", *names}
    assert len(set(read)) > 100
