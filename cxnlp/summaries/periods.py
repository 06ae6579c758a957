"""How days fall into periods."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxnlp.errors import InputError
from cxnlp.records import Period

WINDOW_DAYS = {Period.DAY: 7, Period.WEEK: 28, Period.MONTH: 84}
"""Days of the recent window by the period that an organisation looks at: whole weeks, so that weekdays count alike."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The periods in order, each from its start to the day before the next one's; the last ends at `end`.

    `starts` is (None,) for Period.ALL. `running` says that the last period has days to come.
    """

    period: Period
    starts: tuple[dt.date | None, ...]
    end: dt.date | None
    running: bool

    def place(self, days: pd.Series[pd.Timestamp]) -> NDArray[np.int64]:
        """Return each day's position in `starts`, -1 where it is in none or unknown. Same length as `days`."""
        if self.period is Period.ALL:
            return np.zeros(len(days), dtype=np.int64)
        values = days.to_numpy(dtype="datetime64[D]")
        starts = np.array(self.starts, dtype="datetime64[D]")
        positions = np.searchsorted(starts, values, side="right").astype(np.int64) - 1
        outside = np.isnat(values) | (values > np.datetime64(self.end or dt.date.max))
        return np.where(outside, -1, positions)

    def is_first(self, position: int, first_day: dt.date | None) -> bool:
        """Whether nothing lies before the period at `position` of what began on `first_day`."""
        start = self.starts[position]
        return position == 0 or start is None or first_day is None or first_day >= start

    def begun(self, first_day: dt.date | None) -> int:
        """Return the position of the period of `first_day`, 0 where it lies before the first or is unknown."""
        earlier = [place for place, start in enumerate(self.starts) if first_day and start and start <= first_day]
        return earlier[-1] if earlier else 0


def calendar(period: Period, *, first: dt.date | None, today: dt.date | None, days: int) -> Calendar:
    """Return the periods from the one of `first` to the one of `today`; no dates, no periods but Period.ALL.

    Period.RECENT has two: `days` days that end today, and as many before.
    """
    if period is Period.ALL:
        return Calendar(period, (None,), None, False)
    if first is None or today is None:
        return Calendar(period, (), None, False)
    if period is Period.RECENT:
        if days < 1:
            raise InputError(f"A window needs at least one day, not {days}.")
        latest = today - dt.timedelta(days=days - 1)
        return Calendar(period, (latest - dt.timedelta(days=days), latest), today, False)
    starts = [start_of(first, period)]
    while (following := next_start(starts[-1], period)) <= today:
        starts.append(following)
    return Calendar(period, tuple(starts), today, following > today + dt.timedelta(days=1))


def start_of(day: dt.date, period: Period) -> dt.date:
    """Return the first day of the day's week (a Monday) or month, or the day itself."""
    match period:
        case Period.WEEK:
            return day - dt.timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)
        case _:
            return day


def next_start(start: dt.date, period: Period) -> dt.date:
    """Return the first day of the period after the one that starts at `start`."""
    if period is Period.MONTH:
        return (start + dt.timedelta(days=31)).replace(day=1)
    return start + dt.timedelta(days=7 if period is Period.WEEK else 1)


def window_days(period: Period) -> int:
    """Return how many days the recent window has where an organisation looks at days, weeks or months."""
    if period not in WINDOW_DAYS:
        raise InputError(f"No window belongs to the period '{period}'. Known: {', '.join(WINDOW_DAYS)}.")
    return WINDOW_DAYS[period]


def newest_day(*frames: pd.DataFrame) -> dt.date | None:
    """Return the newest day of frames with a column "day", None where nothing is dated."""
    return max((day for frame in frames if (day := extent(dates(frame))[1])), default=None)


def dates(frame: pd.DataFrame) -> pd.Series[pd.Timestamp]:
    """Return the column "day" as timestamps, NaT where a day is unknown."""
    return pd.Series(pd.to_datetime(frame["day"]), index=frame.index, dtype="datetime64[s]")


def extent(days: pd.Series[pd.Timestamp]) -> tuple[dt.date | None, dt.date | None]:
    """Return the oldest and the newest known day."""
    known = days.dropna()
    return (known.min().date(), known.max().date()) if len(known) else (None, None)
