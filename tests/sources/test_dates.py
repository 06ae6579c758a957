import datetime as dt

import pytest

from cxnlp.sources.dates import DateReader


def at(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "formats", "zone", "moment"),
    [
        ("2024-01-31T10:00:00Z", ["iso"], None, at(2024, 1, 31, 10)),
        ("2024-01-31T10:00:00+02:00", ["iso"], "America/Denver", at(2024, 1, 31, 8)),
        ("2024-07-31 10:00", ["iso"], "Europe/London", at(2024, 7, 31, 9)),
        ("2024-07-31", ["iso"], "Asia/Tokyo", at(2024, 7, 31)),
        ("31/07/2024", ["%d/%m/%Y"], "Europe/London", at(2024, 7, 31)),
        ("31/07/2024 00:30", ["%d/%m/%Y %H:%M"], "Europe/London", at(2024, 7, 30, 23, 30)),
        ("7/31/2024", ["%d/%m/%Y", "%m/%d/%Y"], None, at(2024, 7, 31)),
        ("1709251200", ["unix"], "Asia/Tokyo", at(2024, 3, 1)),
        ("1709251200500", ["unix_ms"], None, at(2024, 3, 1, 0, 0, 0, 500_000)),
        (dt.datetime(2024, 7, 31, 10), ["iso"], "Europe/London", at(2024, 7, 31, 9)),
        (dt.datetime(2024, 7, 31), ["iso"], "Europe/London", at(2024, 7, 31)),
        (dt.date(2024, 7, 31), ["iso"], "Europe/London", at(2024, 7, 31)),
    ],
)
def test_a_date_is_read_in_its_zone_and_a_day_keeps_its_day(
    value: object, formats: list[str], zone: str | None, moment: dt.datetime
) -> None:
    read = DateReader(formats, zone).read(value)
    assert read == moment
    assert read.tzinfo is dt.UTC


@pytest.mark.parametrize("value", ["yesterday", "31/02/2024", "2024-13-01", "1e400", "", "12"])
def test_an_unreadable_date_names_the_formats(value: str) -> None:
    with pytest.raises(ValueError, match="fits none of iso, %d/%m/%Y"):
        DateReader(["iso", "%d/%m/%Y"], None).read(value)


def test_dates_that_fit_two_formats_differently_are_counted() -> None:
    reader = DateReader(["%d/%m/%Y", "%m/%d/%Y"], None)
    for value in ("01/02/2024", "01/02/2024", "03/03/2024", "31/01/2024", "1/31/2024"):
        reader.read(value)
    assert reader.ambiguous == {("%d/%m/%Y", "%m/%d/%Y"): 2}
    assert reader.used == {"%d/%m/%Y": 4, "%m/%d/%Y": 1}


def test_the_memory_of_dates_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxnlp.sources.dates.CACHE", 10)
    reader = DateReader(["iso"], None)
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=n) for n in range(25)]
    assert [reader.read(day.isoformat()).date() for day in days] == days
    assert len(reader._known) <= 10
