"""What a killed run leaves: every page whole or not at all, and a store that goes on from there."""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import func, select

from cxnlp.storage.schema import analysis, assignment, feedback, finding, link
from cxnlp.storage.store import open_store

KILLS, SIZE, EDITS = 10, 40, 5


def test_nothing_is_lost_or_doubled_however_often_the_writer_is_killed(store_url):
    script = Path(__file__).with_name("crash.py")
    subprocess.run([sys.executable, script, store_url, str(KILLS)], check=True, timeout=120)
    with open_store(store_url) as store:
        pages = int(store.cursor("endless"))
        records = pages * SIZE
        receipts = store.receipts(limit=100)
        with store.reading() as connection:
            newest = connection.execute(
                select(feedback.c.source_record_id, feedback.c.version, feedback.c.text).where(feedback.c.current)
            ).all()
            versions = connection.scalar(select(func.count()).select_from(feedback))
            current = connection.scalar(select(func.count()).select_from(analysis).where(analysis.c.current))
            findings = connection.scalar(select(func.count()).select_from(finding))
            analyses = connection.scalar(select(func.count()).select_from(analysis))
            links = connection.scalar(
                select(func.count())
                .select_from(link.join(feedback, feedback.c.id == link.c.feedback_id))
                .where(feedback.c.current)
            )
            assigned = connection.scalar(select(func.count()).select_from(assignment))
            linked = connection.scalar(select(func.count()).select_from(link))
        rejects = [reject.place for reject in store.rejects()]

    def edited(record):
        return record % SIZE < EDITS and record // SIZE < pages - 1

    assert {row.source_record_id: (row.version, row.text) for row in newest} == {
        f"r{record}": (1 + edited(record), f"record {record} page {record // SIZE + edited(record)}")
        for record in range(records)
    }
    assert len(newest) == records
    assert versions == records + (pages - 1) * EDITS
    assert rejects == [f"page {number}" for number in range(pages)]
    assert current == links == records
    assert findings == analyses
    assert assigned == linked

    assert pages > KILLS / 2, "the writer was killed before it did anything: this proved nothing"
    assert [receipt.status for receipt in receipts[1:]] == ["interrupted"] * (len(receipts) - 1)
    pulled = [source for receipt in receipts for source in receipt.sources]
    assert all(source.balances for source in pulled)
    assert sum(source.new for source in pulled) == records
    assert sum(source.updated for source in pulled) == (pages - 1) * EDITS
    assert sum(source.unchanged for source in pulled) == 0
    assert sum(receipt.analysed for receipt in receipts) == analyses
    assert sum(receipt.linked for receipt in receipts) == linked
