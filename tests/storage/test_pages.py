"""Pulling into the store: versions, counters, cursor, rejects."""

import dataclasses
import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from cxnlp.errors import StoreError
from cxnlp.records import Channel, Feedback, Hint, Reject, Scale, Score, SourceReceipt, TextStatus, Timing
from cxnlp.storage.schema import feedback
from cxnlp.storage.store import open_store

EAST = dt.timezone(dt.timedelta(hours=5, minutes=30))


def versions(store):
    with store.reading() as connection:
        columns = (feedback.c.source_record_id, feedback.c.version, feedback.c.current, feedback.c.text)
        rows = connection.execute(select(*columns).order_by(feedback.c.source_record_id, feedback.c.version))
        return [(row.source_record_id, row.version, bool(row.current), row.text) for row in rows]


def stored(store):
    everything = store.read_unlinked(1, 10**9, "any", batch=100)
    opinions = store.read_unanalysed(1, 10**9, batch=100)
    return sorted(
        [each for batch in everything for _, each, _ in batch] + [each for batch in opinions for _, each in batch],
        key=lambda each: each.source_record_id,
    )


FULL = Feedback(
    source="tickets",
    source_record_id="T-1/2",
    channel=Channel.TICKET,
    text="Über 40 € — “never” 😡 again\nsecond line",
    response_id="T-1",
    question="What happened?",
    created_at=dt.datetime(2025, 3, 30, 1, 59, 59, 999_999, tzinfo=EAST),
    updated_at=dt.datetime(1969, 7, 20, tzinfo=dt.UTC),
    language="de",
    customer_ref="ab" * 16,
    score=Score(4.5, Scale.CSAT),
    hints={Hint.GROUP: "Billing", Hint.LOCATION: "Zürich"},
    timing=Timing(
        dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC), 0
    ),
    attributes={"plan": "gold", "naïve": "\x00?"},
    status=TextStatus.OTHER_LANGUAGE,
)


@pytest.mark.parametrize("one", [FULL, Feedback("s", "1", Channel.REVIEW, "bare"), dataclasses.replace(FULL, text="")])
def test_a_comment_comes_back_as_it_was_with_its_times_in_utc(store, keep, one):
    keep(one)
    (back,) = stored(store)
    assert back == one
    assert all(moment is None or moment.tzinfo is dt.UTC for moment in (back.created_at, back.updated_at))


def in_range(moment):
    try:
        moment.astimezone(dt.UTC)
    except OverflowError:
        return False
    return True


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(moments=st.lists(st.datetimes(timezones=st.timezones()).filter(in_range), min_size=15, max_size=30))
def test_every_time_comes_back_to_the_microsecond(store, keep, comment, moments):
    ids = [f"{number:02}" for number in range(len(moments))]
    keep(*((comment(0, source_record_id=id, created_at=at), str(at)) for id, at in zip(ids, moments, strict=True)))
    back = {each.source_record_id: each.created_at for each in stored(store)}
    assert [back[id] for id in ids] == [moment.astimezone(dt.UTC) for moment in moments]


def test_a_time_without_a_zone_is_refused(store, keep, comment):
    with pytest.raises(StoreError, match="no time zone"):
        keep(comment(1, created_at=dt.datetime(2025, 1, 1)))
    assert versions(store) == []


def test_nul_and_half_surrogates_are_replaced_one_for_one(store, keep, comment):
    odd = comment(source_record_id="a\0b", text="x\0y\ud83dz", attributes={"k": "\0\ud83d"})
    keep((odd, "digest"), rejects=[Reject("survey", "unreadable", "a\0b", "line 1", "\ud83d", "\0")])
    (back,) = stored(store)
    assert back.text == "x\ufffdy?z"
    assert store.digests("survey", ["a\0b"]) == {"a\0b": "digest"}
    assert [reject.detail for reject in store.rejects()] == ["a\ufffdb"]
    assert keep((odd, "digest")) == (0, 0)


def test_a_page_again_changes_nothing(store, keep, comment):
    page = [comment(number) for number in range(5)]
    assert keep(*page) == (5, 0)
    before = store.data_version()
    assert keep(*page) == (0, 0)
    assert store.data_version() == before
    assert [version for _, version, _, _ in versions(store)] == [1] * 5
    assert store.source_receipts("r1") == (SourceReceipt("survey", pulled=10, new=5, unchanged=5),)


def test_an_edit_makes_a_version_and_retires_the_one_before(store, keep, comment):
    keep(comment(1, text="bad"), comment(2))
    before = store.data_version()
    assert keep(comment(1, text="good")) == (0, 1)
    assert keep(comment(1, text="bad")) == (0, 1)
    assert versions(store)[:3] == [("1", 1, False, "bad"), ("1", 2, False, "good"), ("1", 3, True, "bad")]
    assert store.digests("survey", ["1", "2", "3"]) == {"1": "bad", "2": "Comment number 2."}
    assert store.data_version() != before


@pytest.mark.parametrize(
    ("texts", "outcome", "kept"),
    [
        (["a", "b"], (1, 1), [("1", 1, False, "a"), ("1", 2, True, "b")]),
        (["a", "a"], (1, 0), [("1", 1, True, "a")]),
        (["a", "b", "a"], (1, 2), [("1", 1, False, "a"), ("1", 2, False, "b"), ("1", 3, True, "a")]),
    ],
)
def test_a_record_that_comes_twice_in_a_page_edits_itself(store, keep, comment, texts, outcome, kept):
    assert keep(*(comment(1, text=text) for text in texts)) == outcome
    assert versions(store) == kept
    assert store.source_receipts("r1")[0].balances


def test_a_record_that_comes_twice_edits_what_is_stored(store, keep, comment):
    keep(comment(1, text="a"))
    assert keep(comment(1, text="b"), comment(1, text="c")) == (0, 2)
    assert [(version, current) for _, version, current, _ in versions(store)] == [(1, False), (2, False), (3, True)]


def test_the_same_record_id_in_two_sources_is_two_comments(store, keep, comment):
    keep(comment(1))
    assert keep(comment(1, source="tickets")) == (1, 0)


def test_a_page_holds_comments_of_its_source_only(store, comment):
    with pytest.raises(StoreError, match="a page has one source"):
        store.save_page(
            "r1",
            "survey",
            items=[(comment(1, source="tickets"), "d")],
            pulled=1,
            duplicate=0,
            unchanged=0,
            rejects=(),
            cursor="1",
        )


def test_a_page_longer_than_one_query_takes(store, keep, comment):
    many = [comment(0, source_record_id=f"r{number}", text=f"t{number}") for number in range(1_200)]
    assert keep(*many) == (1_200, 0)
    assert keep(*(dataclasses.replace(each, text=each.text + "!") for each in many[:1_100]), *many[1_100:]) == (
        0,
        1_100,
    )
    assert len(store.digests("survey", [each.source_record_id for each in many])) == 1_200


def test_cursor_rejects_and_counts_add_up(store, keep, comment):
    rejects = [Reject("survey", reason, "no date", f"a.csv, line {n}", None, "x") for n, reason in enumerate("aab")]
    assert store.cursor("survey") is None
    keep(comment(1), rejects=rejects[:2], pulled=6, duplicate=2, unchanged=1, cursor="p1", warnings=["slow", "odd"])
    keep(comment(2), comment(3, status=TextStatus.BLANK), rejects=rejects[2:], pulled=3, cursor="p2", warnings=["odd"])
    (receipt,) = store.source_receipts("r1")
    assert receipt == SourceReceipt(
        "survey", pulled=9, new=3, unchanged=1, duplicate=2, rejected={"a": 2, "b": 1}, warnings=("slow", "odd")
    )
    assert receipt.balances
    assert store.cursor("survey") == "p2"
    assert store.comment_counts("r1") == {"blank": 1, "opinion": 2}
    assert list(store.rejects("r1")) == list(store.rejects()) == rejects
    assert list(store.rejects("r2")) == []


def test_a_page_that_fails_leaves_nothing(store, keep, comment):
    keep(comment(1), cursor="p1")
    before = store.data_version(), store.source_receipts("r1")
    with pytest.raises(StoreError):
        keep(comment(2), comment(3, updated_at=dt.datetime(2025, 1, 1)), cursor="p2")
    assert (store.data_version(), store.source_receipts("r1")) == before
    assert store.cursor("survey") == "p1"
    assert store.digests("survey", ["2", "3"]) == {}


def test_a_source_that_fails_keeps_its_counts(store, keep, comment):
    keep(comment(1))
    store.source_failed("r1", "survey", "page 2 is damaged")
    store.source_failed("r1", "app", "no such folder")
    assert store.source_receipts("r1") == (
        SourceReceipt("app", error="no such folder"),
        SourceReceipt("survey", pulled=1, new=1, error="page 2 is damaged"),
    )


def test_a_comment_may_be_as_long_as_customers_write(store, keep, comment):
    keep((comment(1, text="x😀" * 500_000, status=TextStatus.NO_WORDS), "d"))
    assert len(stored(store)[0].text) == 1_000_000


def test_status_counts_are_of_current_comments(store, keep, comment):
    keep(comment(1), comment(2, language="fr", status=TextStatus.OTHER_LANGUAGE), comment(3, language=None), comment(4))
    keep(comment(1, text="n/a", status=TextStatus.NO_ANSWER))
    frame = store.status_counts()
    assert list(frame.columns) == ["source", "status", "language", "n"]
    assert list(frame.itertuples(index=False, name=None)) == [
        ("survey", "no_answer", "en", 1),
        ("survey", "opinion", None, 1),
        ("survey", "opinion", "en", 1),
        ("survey", "other_language", "fr", 1),
    ]


def test_an_empty_store_gives_empty_frames(url):
    with open_store(url) as empty:
        frames = (empty.daily_topics(), empty.daily_comments(), empty.daily_scores(), empty.status_counts())
        assert [len(frame) for frame in frames] == [0, 0, 0, 0]
        assert list(frames[2].columns) == ["department", "scale", "day", "score", "responses"]
        assert (empty.receipts(), empty.published(), empty.quotes(department="organisation", per_topic=5)) == (
            [],
            None,
            [],
        )


@pytest.mark.parametrize(("gone", "left"), [(["1"], ["2", "3"]), (["T"], ["3"]), (["T", "3", "1"], []), (["9"], None)])
def test_what_the_source_deleted_retires_by_record_or_response(store, keep, comment, gone, left):
    keep(comment(1, response_id="T"), comment(2, response_id="T"), comment(3))
    before = store.data_version()
    keep(retired=gone)
    kept = left if left is not None else ["1", "2", "3"]
    assert [id for id, _, current, _ in versions(store) if current] == kept
    assert store.source_receipts("r1")[0].retired == 3 - len(kept)
    assert (store.data_version() != before) == (left is not None)
    keep(retired=gone)
    assert store.source_receipts("r1")[0].retired == 3 - len(kept)


def test_a_deletion_and_a_comment_of_one_page_both_count(store, keep, comment):
    keep(comment(1))
    keep(comment(2), retired=["1"])
    assert [id for id, _, current, _ in versions(store) if current] == ["2"]


def test_a_restored_comment_comes_back(store, keep, comment):
    keep(comment(1))
    keep(retired=["1"])
    assert keep(comment(1)) == (1, 0)
    assert [id for id, _, current, _ in versions(store) if current] == ["1"]


def test_deletions_of_another_source_change_nothing(store, keep, comment):
    keep(comment(1))
    store.save_page("r1", "other", items=[], pulled=0, duplicate=0, unchanged=0, rejects=[], cursor="c", retired=["1"])
    assert [id for id, _, current, _ in versions(store) if current] == ["1"]
