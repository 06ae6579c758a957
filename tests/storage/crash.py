"""A writer that is killed again and again: python crash.py URL KILLS. test_crash.py reads what it leaves.

It dies at KILLS random moments, and once between every two of a page's transactions.
Its source has no end: page n holds records n * SIZE ... and a few edits of the page before; a cursor is the next page.
"""

import datetime as dt
import itertools
import os
import random
import signal
import sys
import time

from sqlalchemy import Connection, Engine, event

from cxnlp.records import Analysis, Assignment, Channel, Feedback, Finding, Polarity, Reject, Rule, Sentiment
from cxnlp.storage.store import open_store

SIZE, EDITS = 40, 5
START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)


def page(number: int) -> list[tuple[Feedback, str]]:
    """Return a page's comments; each text names the page that said it."""
    first = number * SIZE
    edited = range(first - SIZE, first - SIZE + EDITS) if number else ()
    comments = [
        Feedback("endless", f"r{record}", Channel.REVIEW, f"record {record} page {number}", created_at=START)
        for record in (*edited, *range(first, first + SIZE))
    ]
    return [(comment, comment.text) for comment in comments]


def night(url: str, *, pages: int) -> None:
    """Pull up to so many pages from the cursor on, and analyse and link after each as far as it goes."""
    read = Analysis(
        Sentiment.NEGATIVE,
        {Sentiment.NEGATIVE: 1.0},
        False,
        0.0,
        (Finding("delivery", Polarity.NEGATIVE, 0.9, 0, 6),),
        "linear/1",
        "1",
    )
    owner = Assignment(0, "web", Rule.OWNER, "owner", 1.0)
    with open_store(url) as store, store.lock():
        run = f"run-{os.getpid()}"
        store.begin_run(run, START, {})
        for number in range(int(store.cursor("endless") or 0), int(store.cursor("endless") or 0) + pages):
            items = page(number)
            reject = Reject("endless", "unreadable", f"page {number}", f"page {number}")
            store.save_page(
                run,
                "endless",
                items=items,
                pulled=len(items) + 1,
                duplicate=0,
                unchanged=0,
                rejects=[reject],
                cursor=str(number + 1),
            )
            for batch in store.read_unanalysed(1, 10**9, batch=30):
                store.save_analyses(run, [(id, read) for id, _ in batch])
            for batch in store.read_unlinked(1, 10**9, "v1", batch=30):
                store.save_links(run, [(id, [owner]) for id, _, _ in batch], "v1")


def killed(url: str, *, after: float | None = None, before: int | None = None) -> None:
    """Start a night in a process of its own that is killed after some seconds, or before its n-th transaction."""
    child = os.fork()
    if not child:
        if before is not None:
            die_before(before)
        night(url, pages=10**6)
        os._exit(1)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise SystemExit("the writer ended by itself")


def die_before(transaction: int) -> None:
    """Kill this process when it begins its n-th transaction that writes."""
    begun = itertools.count(1)

    @event.listens_for(Engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writes") and next(begun) == transaction:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    place, kills = sys.argv[1], int(sys.argv[2])
    chance = random.Random(20250301)
    open_store(place).close()
    for _ in range(kills):
        killed(place, after=chance.uniform(0.02, 0.35))
    for transaction in range(1, 9):
        killed(place, before=transaction)
    night(place, pages=2)
