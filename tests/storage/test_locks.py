"""One run at a time, and many threads in it."""

import subprocess
import sys
import threading
import time

import pytest

from cxnlp.errors import RunLocked
from cxnlp.records import SourceReceipt
from cxnlp.storage import locks
from cxnlp.storage.store import open_store


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.2)


HOLDER = """
import sys, time
from cxnlp.storage.store import open_store
with open_store(sys.argv[1]) as store, store.lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_refused_until_the_first_ends(store, store_url):
    with open_store(store_url) as other:
        with store.lock(), pytest.raises(RunLocked, match=r"Another run holds .*(store\.db|test_)"), other.lock():
            pass
        with other.lock(), pytest.raises(RunLocked), store.lock():
            pass
    with store.lock():
        pass


def test_a_lock_is_freed_where_the_run_fails(store):
    with pytest.raises(ZeroDivisionError), store.lock():
        raise ZeroDivisionError
    with store.lock():
        pass


def test_a_lock_does_not_keep_others_from_reading_and_writing(store, store_url, keep, comment):
    with store.lock(), open_store(store_url) as other:
        assert keep(comment(1), store=other) == (1, 0)
        assert other.cursor("survey") == "1"


def test_a_crash_frees_the_lock(store, store_url):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, store_url], stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RunLocked), store.lock():
            pass
        holder.kill()
    deadline = time.monotonic() + 10
    while True:
        try:
            with store.lock():
                return
        except RunLocked:  # PostgreSQL notices a closed socket a moment later
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_readers_go_on_while_a_page_is_being_written(store, store_url, keep, comment):
    keep(comment(1), cursor="p1")
    with open_store(store_url) as other:
        with store._write() as connection:
            connection.exec_driver_sql("UPDATE cursor SET cursor = 'p2'")
            began = time.monotonic()
            assert other.cursor("survey") == "p1"
            assert len(other.digests("survey", ["1"])) == 1
            assert len(other.status_counts()) == 1
            assert time.monotonic() - began < 5
        assert other.cursor("survey") == "p2"


def test_a_reading_connection_sees_one_state(store, keep, comment):
    keep(comment(1), cursor="p1")
    with store.reading() as connection:
        first = connection.exec_driver_sql("SELECT count(*) FROM feedback").scalar()
        keep(comment(2), cursor="p2")
        assert connection.exec_driver_sql("SELECT count(*) FROM feedback").scalar() == first == 1


def test_threads_save_pages_of_different_sources_at_once(store, keep, comment):
    sources, pages, failed = [f"source{n}" for n in range(4)], 15, []

    def pull(source):
        try:
            for page in range(pages):
                first = page * 8
                keep(
                    *(comment(n % 99, source=source, source_record_id=str(n)) for n in range(first, first + 10)),
                    cursor=str(page),
                )
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=pull, args=[source]) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    records = (pages - 1) * 8 + 10
    assert store.source_receipts("r1") == tuple(
        SourceReceipt(source, pulled=pages * 10, new=records, unchanged=pages * 10 - records) for source in sources
    )
    assert store.comment_counts("r1") == {"opinion": records * 4}
    assert {store.cursor(source) for source in sources} == {str(pages - 1)}


def test_threads_analyse_and_link_their_ranges_at_once(store, keep, comment, reading, owned):
    keep(*(comment(0, source_record_id=str(n), text=f"t{n}") for n in range(200)))
    failed = []

    def work(lo, hi):
        try:
            for batch in store.read_unanalysed(lo, hi, batch=10):
                store.save_analyses("r1", [(id, reading(("delivery", "negative"))) for id, _ in batch])
            for batch in store.read_unlinked(lo, hi, "v1", batch=10):
                store.save_links("r1", [(id, [owned("web", 0)]) for id, _, _ in batch], "v1")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=bounds) for bounds in store.unanalysed(size=50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(threads), failed) == (4, [])
    (receipt,) = store.receipts()
    assert (receipt.analysed, receipt.findings, receipt.linked) == (200, 200, 200)
