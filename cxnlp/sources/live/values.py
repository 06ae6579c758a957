"""Values of JSON that vendors send: times, numbers and words, or a reason why they aren't."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from cxnlp.records import Scale, Score
from cxnlp.sources.base import Reason


class Unreadable(Exception):
    """A record that is set aside: why, and what was wrong."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def text_of(value: Any) -> str:
    """Return words, "" for null; numbers and booleans as JSON writes them.

    >>> text_of(None), text_of(12), text_of(" a ")
    ('', '12', 'a')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value).strip()
    raise Unreadable(Reason.UNEXPECTED_SHAPE, f"words are expected where there is {type(value).__name__}")


def need(item: Mapping[str, Any], key: str) -> Any:
    """Return a value that must be there."""
    if not isinstance(item, Mapping):
        raise Unreadable(Reason.UNEXPECTED_SHAPE, f"an object is expected where there is {type(item).__name__}")
    value = item.get(key)
    if value is None or value == "":
        reason = Reason.MISSING_ID if key == "id" or key.endswith("Id") else Reason.UNEXPECTED_SHAPE
        raise Unreadable(reason, f"'{key}' is missing or empty")
    return value


def within(item: Any, *keys: str) -> Any:
    """Return what stands below keys, None where one is missing or null.

    >>> within({"a": {"b": 1}}, "a", "b"), within({"a": None}, "a", "b")
    (1, None)
    """
    for key in keys:
        if item is None:
            return None
        if not isinstance(item, Mapping):
            raise Unreadable(Reason.UNEXPECTED_SHAPE, f"'{key}' is looked for in {type(item).__name__}")
        item = item.get(key)
    return item


def objects(item: Any, *keys: str) -> list[Any]:
    """Return the list that stands below keys, empty where it is missing or null."""
    found = within(item, *keys)
    if found is None:
        return []
    if not isinstance(found, list):
        raise Unreadable(Reason.UNEXPECTED_SHAPE, f"a list is expected at '{'.'.join(keys)}'")
    return found


def moment(value: Any, *, naive: dt.tzinfo | None = None) -> dt.datetime | None:
    """Return an ISO 8601 time in UTC, None for null; `naive` is the zone of times that name none.

    >>> moment("2026-03-01T06:11:52.123456789-08:00")
    datetime.datetime(2026, 3, 1, 14, 11, 52, 123456, tzinfo=datetime.timezone.utc)
    """
    words = text_of(value)
    if not words:
        return None
    try:
        read = dt.datetime.fromisoformat(words)
        if read.tzinfo is None and naive is not None:
            read = read.replace(tzinfo=naive)
        if read.tzinfo is None:
            raise ValueError
        return read.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise Unreadable(Reason.UNREADABLE_DATE, f"'{words[:40]}' is not an ISO 8601 time with its zone") from None


def unix(value: Any, *, per_second: int = 1) -> dt.datetime | None:
    """Return the UTC time of seconds since 1970 (1000 per second: milliseconds), None for null."""
    if value is None or value == "":
        return None
    try:
        return dt.datetime.fromtimestamp(float(value) / per_second, dt.UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise Unreadable(Reason.UNREADABLE_DATE, f"'{str(value)[:40]}' is not a Unix time") from None


def needed(read: dt.datetime | None, key: str) -> dt.datetime:
    """Return a time that must be there."""
    if read is None:
        raise Unreadable(Reason.UNREADABLE_DATE, f"'{key}' is missing")
    return read


def whole(value: Any) -> int | None:
    """Return a whole number, None for null."""
    if value is None or value == "":
        return None
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise Unreadable(Reason.UNREADABLE_NUMBER, f"'{str(value)[:40]}' is not a whole number") from None


def score(value: Any, scale: Scale) -> Score | None:
    """Return a score on its scale, None for null; Unreadable where the scale doesn't have it."""
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise Unreadable(Reason.UNREADABLE_SCORE, f"'{str(value)[:40]}' is not a number") from None
    low, high = scale.bounds
    if not low <= number <= high:
        raise Unreadable(Reason.SCORE_OUT_OF_SCALE, f"{number:g} is not on the scale {scale}, {low} to {high}")
    return Score(number, scale)


def attributes(**values: Any) -> dict[str, str]:
    """Return those that say something, as words; of lists the parts, joined by ", "."""
    said = {
        name: ", ".join(filter(None, map(text_of, value))) if isinstance(value, list) else text_of(value)
        for name, value in values.items()
    }
    return {name: words for name, words in said.items() if words}
