import datetime as dt

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.errors import InputError
from cxnlp.records import Period
from cxnlp.summaries import newest_day, window_days
from cxnlp.summaries.periods import calendar, dates, next_start, start_of

days = st.dates(dt.date(2000, 1, 1), dt.date(2040, 12, 31))
cuts = st.sampled_from([Period.DAY, Period.WEEK, Period.MONTH])


def test_weeks_start_on_monday():
    assert start_of(dt.date(2026, 11, 1), Period.WEEK) == dt.date(2026, 10, 26)


@given(days, cuts)
def test_a_day_lies_in_exactly_one_period(day, period):
    start = start_of(day, period)
    assert start <= day < next_start(start, period)
    assert start_of(next_start(start, period), period) == next_start(start, period)


@given(days, st.integers(0, 400), cuts)
def test_periods_follow_each_other_without_a_gap_to_today(first, length, period):
    today = first + dt.timedelta(days=length)
    spans = calendar(period, first=first, today=today, days=28)
    assert spans.starts[0] <= first
    assert spans.starts[-1] <= today < next_start(spans.starts[-1], period)
    assert all(next_start(a, period) == b for a, b in zip(spans.starts, spans.starts[1:], strict=False))
    assert spans.running == (today + dt.timedelta(days=1) != next_start(spans.starts[-1], period))


def test_recent_is_a_window_that_ends_today_and_the_one_before():
    spans = calendar(Period.RECENT, first=dt.date(2025, 1, 1), today=dt.date(2026, 11, 3), days=28)
    assert spans.starts == (dt.date(2026, 9, 9), dt.date(2026, 10, 7))
    frame = pd.DataFrame({"day": [dt.date(2026, 9, 8), dt.date(2026, 9, 9), dt.date(2026, 10, 6),
                                  dt.date(2026, 10, 7), dt.date(2026, 11, 3), dt.date(2026, 11, 4), None]})  # fmt: skip
    assert spans.place(dates(frame)).tolist() == [-1, 0, 0, 1, 1, -1, -1]


def test_all_takes_every_row_also_undated_ones():
    spans = calendar(Period.ALL, first=None, today=None, days=28)
    assert spans.place(dates(pd.DataFrame({"day": [None, None]}))).tolist() == [0, 0]


@pytest.mark.parametrize("period", [Period.DAY, Period.WEEK, Period.MONTH, Period.RECENT])
def test_without_dates_there_are_no_periods(period):
    assert calendar(period, first=None, today=None, days=28).starts == ()


@pytest.mark.parametrize("period", [Period.DAY, Period.WEEK, Period.MONTH])
def test_windows_are_whole_weeks(period):
    assert window_days(period) % 7 == 0


def test_a_window_belongs_to_a_calendar_period():
    with pytest.raises(InputError, match="Known: day, week, month"):
        window_days(Period.ALL)


def test_a_window_has_a_day_at_least():
    with pytest.raises(InputError, match="at least one day"):
        calendar(Period.RECENT, first=dt.date(2026, 1, 1), today=dt.date(2026, 1, 1), days=0)


@pytest.mark.parametrize("kind", [None, "datetime64[s]", "datetime64[ns]"])
def test_newest_day_reads_dates_and_timestamps(kind):
    frame = pd.DataFrame({"day": pd.Series([dt.date(2026, 1, 2), None, dt.date(2026, 3, 4)], dtype=kind or "object")})
    empty = pd.DataFrame({"day": []})
    assert newest_day(empty, frame) == dt.date(2026, 3, 4)
    assert newest_day(empty) is None
