"""Runs and their receipts."""

import datetime as dt

import pytest

from cxnlp.errors import StoreError
from cxnlp.records import SourceReceipt

LATER = dt.datetime(2025, 3, 2, tzinfo=dt.UTC)


def test_a_receipt_comes_back_as_it_was_given(store, receipt):
    given = receipt(
        status="incomplete",
        sources=(
            SourceReceipt("app", 7, 1, 2, 1, 2, {"no_id": 1}, None, ("two tabs",)),
            SourceReceipt("survey", error="gone"),
        ),
        comments={"blank": 1, "opinion": 2},
        analysed=2,
        findings=5,
        linked=3,
        published="runs/r1",
        versions={"model": "linear/1", "taxonomy": "1"},
        notes=("The source survey failed.",),
    )
    store.source_failed("r1", "not in the receipt", "x")
    store.finish_run(given)
    assert store.receipts() == [given]


def test_a_run_that_never_finished_is_marked_and_keeps_its_counters(store, keep, comment, reading, owned, receipt):
    keep(comment(1), comment(2), cursor="p1")
    ((lo, hi),) = store.unanalysed(size=10)
    for batch in store.read_unanalysed(lo, hi, batch=10):
        store.save_analyses("r1", [(id, reading(("delivery", "negative"))) for id, _ in batch])
    for batch in store.read_unlinked(lo, hi, "v1", batch=10):
        store.save_links("r1", [(id, [owned("web", 0)]) for id, _, _ in batch], "v1")
    assert store.receipts()[0].status == "running"
    assert store.begin_run("r2", LATER, {}) == ("r1",)
    left = store.receipts()[1]
    assert (left.status, left.finished_at, left.analysed, left.findings, left.linked) == ("interrupted", None, 2, 2, 2)
    assert left.sources == (SourceReceipt("survey", pulled=2, new=2),)
    assert left.comments == {"opinion": 2}
    assert store.begin_run("r3", LATER, {}) == ("r2",)


def test_a_finished_run_is_not_interrupted(store, receipt):
    store.finish_run(receipt())
    assert store.begin_run("r2", LATER, {}) == ()
    assert [each.status for each in store.receipts()] == ["running", "complete"]


def test_receipts_are_the_newest_ones_newest_first(store):
    for number in range(2, 15):
        store.begin_run(f"r{number}", LATER, {})
    assert [each.run for each in store.receipts(limit=3)] == ["r14", "r13", "r12"]
    assert len(store.receipts()) == 10


def test_a_run_id_is_used_once(store):
    with pytest.raises(StoreError, match="run 'r1' already"):
        store.begin_run("r1", LATER, {})


def test_a_run_must_have_begun(store, receipt):
    with pytest.raises(StoreError, match="no run 'r9'"):
        store.finish_run(receipt(run="r9"))


def test_what_is_published_is_remembered(store):
    store.set_published("r1", "a-1")
    store.set_published("r1", "a-2")
    assert store.published() == "a-2"
