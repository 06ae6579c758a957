import datetime as dt

import pytest

from cxnlp.errors import InputError
from cxnlp.metrics import newcombe, wilson
from cxnlp.records import Period, Verdict
from cxnlp.summaries import topic_summaries


def weeks(topic_rows, comment_rows, **options):
    return list(topic_summaries(topic_rows, comment_rows, period=Period.WEEK, **{"min_comments": 10, **options}))


def recent(topic_rows, comment_rows, **options):
    options = {"min_comments": 10, "days": 28, **options}
    return list(topic_summaries(topic_rows, comment_rows, period=Period.RECENT, **options))


def test_a_week_adds_up_its_days(topics, comments):
    found = topics(("billing", "wait_time", 8, 3, 1, 2), ("billing", "wait_time", 6, 2))
    rows = weeks(found, comments(("billing", 8, 12), ("billing", 6, 8), ("billing", 0, 5)))
    assert [(row.start, row.comments, row.n, row.negative, row.neutral, row.positive) for row in rows] == [
        (dt.date(2026, 10, 26), 20, 8, 5, 2, 1),
        (dt.date(2026, 11, 2), 5, 0, 0, 0, 0),
    ]
    assert rows[0].share == 8 / 20
    assert rows[0].net_sentiment == (1 - 5) / 8
    assert rows[1].net_sentiment is None
    share = wilson(5, 20)
    assert (rows[0].problem_share, rows[0].low, rows[0].high) == (share.value, share.low, share.high)


def test_weeks_without_comments_are_there_and_say_nothing(topics, comments):
    found = topics(("billing", "wait_time", 21, 4))
    rows = weeks(found, comments(("billing", 21, 20), ("billing", 1, 20)))
    assert [row.comments for row in rows] == [20, 0, 0, 20]
    assert (rows[1].problem_share, rows[1].low, rows[1].high) == (0, 0, 1)
    assert [row.verdict for row in rows] == [Verdict.FIRST, Verdict.TOO_FEW, Verdict.TOO_FEW, Verdict.UNFINISHED]


def test_a_department_starts_with_its_own_first_comment(topics, comments):
    found = topics(("old", "wait_time", 15, 1), ("new", "wait_time", 8, 1))
    rows = weeks(found, comments(("old", 15, 20), ("new", 8, 20), ("new", 1, 20)))
    new = [row for row in rows if row.department == "new"]
    assert [row.verdict for row in new] == [Verdict.FIRST, Verdict.UNFINISHED]


def test_topics_nobody_mentions_are_told_of_when_asked_for(topics, comments):
    rows = weeks(topics(), comments(("billing", 8, 30), ("billing", 0, 1)), topics=("wait_time", "delivery"))
    assert [(row.topic, row.negative) for row in rows] == [
        ("wait_time", 0), ("wait_time", 0), ("delivery", 0), ("delivery", 0),
    ]  # fmt: skip


def test_last_keeps_the_newest_periods_with_their_changes(topics, comments):
    found = topics(("billing", "wait_time", 22, 4))
    every = weeks(found, comments(("billing", 22, 20), ("billing", 15, 20), ("billing", 8, 20)))
    assert weeks(found, comments(("billing", 22, 20), ("billing", 15, 20), ("billing", 8, 20)), last=2) == every[-2:]
    assert every[-2].change is not None


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ((48, 80), (56, 70), Verdict.WORSE),
        ((56, 70), (48, 80), Verdict.BETTER),
        ((10, 80), (12, 80), Verdict.NO_CLEAR_CHANGE),
        ((0, 10), (5, 9), Verdict.TOO_FEW),
        ((5, 9), (0, 10), Verdict.TOO_FEW),
        ((0, 10), (10, 10), Verdict.WORSE),
    ],
)
def test_the_verdict_is_that_of_the_newcombe_interval(topics, comments, before, after, verdict):
    found = topics(("billing", "wait_time", 28, before[0]), ("billing", "wait_time", 0, after[0]))
    latest = recent(found, comments(("billing", 28, before[1]), ("billing", 0, after[1])))[-1]
    assert latest.verdict is verdict
    if verdict is Verdict.TOO_FEW:
        assert latest.change is None
    else:
        expected = newcombe(*after, earlier=before[0], earlier_n=before[1])
        assert (latest.change, latest.change_low, latest.change_high) == (expected.value, expected.low, expected.high)


def test_recent_gives_both_windows_and_nothing_older(topics, comments):
    found = topics(("billing", "wait_time", 56, 9), ("billing", "wait_time", 30, 2), ("billing", "wait_time", 0, 3))
    rows = recent(found, comments(("billing", 56, 50), ("billing", 30, 20), ("billing", 0, 30)))
    assert [(row.start, row.negative, row.comments) for row in rows] == [
        (dt.date(2026, 9, 9), 2, 20),
        (dt.date(2026, 10, 7), 3, 30),
    ]


def test_without_anything_before_the_window_there_is_nothing_to_compare(topics, comments):
    rows = recent(topics(("billing", "wait_time", 3, 9)), comments(("billing", 3, 50)))
    assert [row.verdict for row in rows] == [Verdict.FIRST]


def test_a_department_that_fell_silent_has_too_few(topics, comments):
    rows = recent(topics(), comments(("billing", 100, 50), ("other", 0, 1)), topics=("wait_time",))
    billing = [row for row in rows if row.department == "billing"]
    assert [(row.comments, row.verdict) for row in billing] == [(0, Verdict.FIRST), (0, Verdict.TOO_FEW)]


def test_undated_comments_count_in_totals_only(topics, comments):
    found = topics(("billing", "wait_time", None, 5), ("billing", "wait_time", 0, 1))
    heard = comments(("billing", None, 20), ("billing", 0, 10))
    total = list(topic_summaries(found, heard, period=Period.ALL, min_comments=10))
    assert [(row.start, row.comments, row.negative, row.verdict) for row in total] == [(None, 30, 6, Verdict.FIRST)]
    assert [row.comments for row in weeks(found, heard)] == [10]


def test_with_no_date_at_all_only_the_total_is_told(topics, comments):
    found, heard = topics(("billing", "wait_time", None, 5)), comments(("billing", None, 20))
    assert weeks(found, heard) == [] and recent(found, heard) == []
    assert [row.negative for row in topic_summaries(found, heard, period=Period.ALL, min_comments=10)] == [5]


@pytest.mark.parametrize("period", list(Period))
def test_an_empty_store_has_no_summaries(topics, comments, period):
    assert list(topic_summaries(topics(), comments(), period=period, min_comments=10)) == []


def test_a_change_of_chance_is_not_named_among_many(topics, comments):
    """At 95 % alone (p = 0.03) it would be; among 60 comparisons it doesn't stand."""
    heard = comments(("billing", 28, 100), ("billing", 0, 100))
    assert recent(topics(*both("topic0", 10, 20)), heard)[-1].verdict is Verdict.WORSE
    others = [row for number in range(1, 60) for row in both(f"topic{number}", 10, 11)]
    among = [row for row in recent(topics(*both("topic0", 10, 20), *others), heard) if row.topic == "topic0"]
    assert among[-1].verdict is Verdict.NO_CLEAR_CHANGE
    assert among[-1].change_low > 0


def test_a_strong_change_stands_among_many(topics, comments):
    others = [row for number in range(1, 60) for row in both(f"topic{number}", 10, 11)]
    heard = comments(("billing", 28, 100), ("billing", 0, 100))
    among = recent(topics(*both("topic0", 10, 45), *others), heard)
    assert [row.topic for row in among if row.verdict is Verdict.WORSE] == ["topic0"]


@pytest.mark.parametrize(("complaints", "verdict"), [(2, Verdict.WORSE), (3, Verdict.NO_CLEAR_CHANGE)])
def test_topics_with_hardly_a_complaint_take_no_part_in_the_comparison(topics, comments, complaints, verdict):
    others = [row for number in range(1, 60) for row in both(f"topic{number}", complaints, complaints)]
    heard = comments(("billing", 28, 100), ("billing", 0, 100))
    among = [row for row in recent(topics(*both("topic0", 10, 20), *others), heard) if row.topic == "topic0"]
    assert among[-1].verdict is verdict


@pytest.mark.parametrize(("complaints", "verdict"), [(5, Verdict.NO_CLEAR_CHANGE), (6, Verdict.WORSE)])
def test_fewer_than_six_complaints_are_no_clear_change(topics, comments, complaints, verdict):
    heard = comments(("billing", 28, 100), ("billing", 0, 100))
    assert recent(topics(*both("topic0", 0, complaints)), heard)[-1].verdict is verdict


def both(topic, before, after):
    return ("billing", topic, 28, before), ("billing", topic, 0, after)


def test_today_can_be_later_than_the_newest_comment(topics, comments, newest):
    rows = recent(topics(), comments(("billing", 0, 9)), topics=["wait_time"], today=newest + dt.timedelta(days=28))
    assert [row.comments for row in rows] == [9, 0]


def test_counts_that_contradict_each_other_are_refused(topics, comments):
    with pytest.raises(InputError):
        weeks(topics(("billing", "wait_time", 0, 5)), comments(("billing", 0, 4)))
    with pytest.raises(InputError):
        list(topic_summaries(topics(("b", "wait_time", 0, 5)), comments(), period=Period.ALL, min_comments=1))
