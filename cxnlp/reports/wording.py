"""Words and numbers as people read them."""

from __future__ import annotations

import datetime as dt
import functools
import tomllib
from importlib import resources
from typing import Any

from cxnlp.records import Scale

SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@functools.cache
def words() -> dict[str, Any]:
    """Return the words of data/reports/words.toml."""
    return tomllib.loads(resources.files("cxnlp").joinpath("data/reports/words.toml").read_text("utf-8"))


def phrase(name: str, **values: object) -> str:
    """Return one of the [phrases] with its braces filled in."""
    return str(words()["phrases"][name]).format(**values)


def percent(share: float, *, fine: bool = False) -> str:
    """Return a share 0..1 as a person says it: whole percent, never a rounded "0 %" or "100 %"; `fine` gives a decimal.

    >>> [percent(share).replace(SPACE, " ") for share in (0, 0.004, 0.125, 0.997, 1)]
    ['0 %', 'under 1 %', '12 %', 'over 99 %', '100 %']
    """
    if fine:
        return f"{100 * share:.1f}{SPACE}%"
    if 0 < share < 0.005:
        return f"under{SPACE}1{SPACE}%"
    if 0.995 <= share < 1:
        return f"over{SPACE}99{SPACE}%"
    return f"{100 * share:.0f}{SPACE}%"


def percents(before: float, now: float) -> tuple[str, str]:
    """Return two shares for one sentence, finer where whole percent would look the same."""
    fine = percent(before) == percent(now)
    return percent(before, fine=fine), percent(now, fine=fine)


def whole(number: int) -> str:
    """Return a count with thousands apart: 12,345."""
    return f"{number:,}"


def score(value: float, scale: Scale) -> str:
    """Return a score in the form of its scale: NPS +34, CSAT 81 %, a mean of 4.2."""
    if scale is Scale.NPS:
        return signed(value)
    return percent(value / 100) if scale.in_percent else f"{value:.1f}"


def signed(value: float) -> str:
    """Return a whole number with its sign, a true minus, and no sign for 0."""
    rounded = round(value)
    return f"{'+' if rounded > 0 else MINUS if rounded < 0 else ''}{abs(rounded)}"


def date(day: dt.date | None) -> str:
    """Return a date as 3 Nov 2026, in any locale; "undated" where there is none."""
    return f"{day.day}{SPACE}{MONTHS[day.month - 1]}{SPACE}{day.year}" if day else "undated"


def moment(instant: dt.datetime | None) -> str:
    """Return a time in UTC as 3 Nov 2026, 02:15 UTC; "not finished" where there is none."""
    if instant is None:
        return "not finished"
    instant = instant.astimezone(dt.UTC)
    return f"{date(instant.date())}, {instant:%H:%M}{SPACE}UTC"
