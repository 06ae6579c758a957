"""Dates as files write them, in UTC."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections import Counter
from collections.abc import Sequence
from typing import Any

EPOCHS = {"unix": 1, "unix_ms": 1000}
CACHE = 20_000
CLOCK_FORMATS = re.compile(r"%-?[HIMSfpcXzZ]")


def is_timezone(name: str) -> bool:
    """Whether there is an IANA time zone of this name."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


class DateReader:
    """Reads the dates of one column, and counts those that fit several formats as different moments.

    A date without a time of day becomes midnight UTC, whatever the zone, so that it keeps its day. `ambiguous` counts
    values by the two formats that disagree, `used` by the format that was taken.
    """

    def __init__(self, formats: Sequence[str], timezone: str | None) -> None:
        self.formats = tuple(formats)
        self.zone = zoneinfo.ZoneInfo(timezone or "UTC")
        self.ambiguous: Counter[tuple[str, str]] = Counter()
        self.used: Counter[str] = Counter()
        self._known: dict[str, list[tuple[str, dt.datetime]]] = {}

    def read(self, value: Any) -> dt.datetime:
        """Return the moment in UTC. ValueError says that no format fits."""
        if isinstance(value, dt.datetime):
            return self._utc(value, day_only=value.time() == dt.time() and value.tzinfo is None)
        if isinstance(value, dt.date):
            return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
        fits = self._fits(str(value).strip())
        if not fits:
            raise ValueError(f"fits none of {', '.join(self.formats)}")
        taken, moment = fits[0]
        self.used[taken] += 1
        for other, another in fits[1:]:
            if another != moment:
                self.ambiguous[taken, other] += 1
                break
        return moment

    def _fits(self, text: str) -> list[tuple[str, dt.datetime]]:
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= CACHE:
                self._known.clear()
            known = self._known[text] = [
                (pattern, moment) for pattern in self.formats if (moment := self._parse(text, pattern)) is not None
            ]
        return known

    def _parse(self, text: str, pattern: str) -> dt.datetime | None:
        try:
            if pattern in EPOCHS:
                return dt.datetime.fromtimestamp(float(text) / EPOCHS[pattern], dt.UTC)
            if pattern == "iso":
                return self._utc(dt.datetime.fromisoformat(text), day_only=":" not in text and "T" not in text)
            return self._utc(dt.datetime.strptime(text, pattern), day_only=not CLOCK_FORMATS.search(pattern))
        except (ValueError, OverflowError, OSError):
            return None

    def _utc(self, moment: dt.datetime, *, day_only: bool) -> dt.datetime:
        if day_only:
            return moment.replace(tzinfo=dt.UTC)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.zone)
        return moment.astimezone(dt.UTC)
