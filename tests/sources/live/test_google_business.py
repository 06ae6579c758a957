"""Google Business Profile: what is its own, beside the contract that all connectors keep."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from cxnlp.errors import SourceError
from cxnlp.records import Hint, Scale, Score, Timing

from .conftest import Shelf, utc
from .fake_google_business import FakeGoogleBusiness, iso
from .serving import FakeClock, Fault

MS = 123_456


@pytest.fixture
def fake(serve_fake: Callable[[str], Any]) -> FakeGoogleBusiness:
    found: FakeGoogleBusiness = serve_fake("google_business")
    return found


@pytest.fixture
def source(fake: FakeGoogleBusiness, source_of: Callable[..., Any]) -> Any:
    return source_of(fake)


def pulled(source: Any, shelf: Shelf | None = None) -> Shelf:
    shelf = shelf or Shelf()
    return shelf.take(source.pull(shelf.cursor, page_size=1000))


def only(source: Any) -> Any:
    (record,) = pulled(source).records.values()
    return record


# What becomes of a review


def test_every_field_is_mapped(fake: FakeGoogleBusiness, source: Any) -> None:
    number = fake.add("Too loud")
    fake.edit(number, "Much too loud")
    fake.reply(number, "Sorry Mia")
    record = only(source)
    assert record.source == "live"
    assert record.source_record_id == record.response_id == "222:AbFvOq00000"
    assert record.text == "Much too loud"
    assert record.question is None
    assert record.score == Score(2, Scale.STARS)
    assert record.created_at == utc(2026, 3, 1, 0, 2, 0, MS)
    assert record.updated_at == utc(2026, 3, 1, 0, 4, 0, MS)
    assert record.language is None
    assert record.customer_ref == "Mia 0"
    assert record.hints == {Hint.LOCATION: "Berlin Mitte"}
    assert record.timing == Timing(first_reply_at=utc(2026, 3, 1, 0, 6, 0, MS))
    assert record.attributes == {"via": "google_business", "location": "222"}


@pytest.mark.parametrize(
    ("comment", "text"),
    [
        ("(Translated by Google) Too loud\n\n(Original)\nZu laut", "Zu laut"),
        ("(Translated by Google) Too\nloud\n\n(Original)\nZu\n\nlaut", "Zu\n\nlaut"),
        ("(Original)\nZu laut\n\n(Translated by Google)\nToo loud", "Zu laut"),
        ("Zu laut\n\n(Translated by Google)\nToo loud", "Zu laut"),
        ("(Translated by Google) Too loud", "(Translated by Google) Too loud"),
        ("Not the (Original) at all", "Not the (Original) at all"),
        ("Zu laut", "Zu laut"),
    ],
)
def test_the_words_are_those_that_were_written(fake: FakeGoogleBusiness, source: Any, comment: str, text: str) -> None:
    fake.add(comment)
    assert only(source).text == text


def test_a_translation_that_comes_second_can_be_left(fake: FakeGoogleBusiness, source_of: Callable[..., Any]) -> None:
    fake.add("Zu laut\n\n(Translated by Google)\nToo loud")
    assert only(source_of(fake, original_first=False)).text == "Zu laut\n\n(Translated by Google)\nToo loud"


@pytest.mark.parametrize(
    ("rating", "stars"),
    [("ONE", 1), ("TWO", 2), ("THREE", 3), ("FOUR", 4), ("FIVE", 5), ("STAR_RATING_UNSPECIFIED", None), ("SIX", None)],
)
def test_stars_are_words(fake: FakeGoogleBusiness, source: Any, rating: str, stars: int | None) -> None:
    fake.add("Fine", starRating=rating)
    record = only(source)
    assert record.score == (Score(stars, Scale.STARS) if stars else None)
    assert record.attributes.get("rating") == ("SIX" if rating == "SIX" else None)


def test_stars_without_words_count(fake: FakeGoogleBusiness, source: Any) -> None:
    fake.add("", starRating="FIVE")
    record = only(source)
    assert (record.text, record.score) == ("", Score(5, Scale.STARS))


def test_nothing_at_all_gives_no_record(fake: FakeGoogleBusiness, source: Any) -> None:
    fake.add("", starRating="STAR_RATING_UNSPECIFIED")
    shelf = pulled(source)
    assert not shelf.records and not shelf.rejects


@pytest.mark.parametrize(
    "reviewer", [{"displayName": "A Google user", "isAnonymous": True}, {}, None, {"displayName": None}]
)
def test_who_has_no_name_has_no_reference(fake: FakeGoogleBusiness, source: Any, reviewer: Any) -> None:
    fake.add("Fine", reviewer=reviewer)
    assert only(source).customer_ref is None


@pytest.mark.parametrize(
    ("time", "micros"),
    [
        ("2026-03-01T18:02:11Z", 0),
        ("2026-03-01T18:02:11.5Z", 500_000),
        ("2026-03-01T18:02:11.123456789Z", 123_456),
        ("2026-03-01T19:02:11.12+01:00", 120_000),
    ],
)
def test_times_have_up_to_nine_digits_and_end_in_utc(
    fake: FakeGoogleBusiness, source: Any, time: str, micros: int
) -> None:
    fake.add("Fine", createTime=time, updateTime=time)
    assert only(source).created_at == utc(2026, 3, 1, 18, 2, 11, micros)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"createTime": None}, "unexpected_shape"),
        ({"createTime": "2026-03-01T18:02:11"}, "unreadable_date"),
        ({"comment": {"text": "Fine"}}, "unexpected_shape"),
        ({"reviewId": ""}, "missing_id"),
        ({"reviewer": "Mia"}, "unexpected_shape"),
    ],
)
def test_a_surprise_says_why(fake: FakeGoogleBusiness, source: Any, change: dict[str, Any], reason: str) -> None:
    fake.add("Fine", **change)
    shelf = pulled(source)
    assert [reject.reason for reject in shelf.rejects] == [reason]
    assert not shelf.records


# Places


def test_ids_are_a_place_s_own(fake: FakeGoogleBusiness, source: Any) -> None:
    fake.add("Loud")
    fake.add("Quiet", place="333")
    shelf = pulled(source)
    assert shelf.texts == {"222:AbFvOq00000": "Loud", "333:AbFvOq00000": "Quiet"}
    hints = [record.hints[Hint.LOCATION] for record in shelf.records.values()]
    assert hints == ["Berlin Mitte", "333"]  # a place without a name is its id


def test_places_that_are_not_given_are_listed(fake: FakeGoogleBusiness, source_of: Callable[..., Any]) -> None:
    fake.places["444"] = ("Acme", "HH-2")
    fake.listed_at_once = 2
    for place in fake.places:
        fake.add(f"About {place}", place=place)
    shelf = pulled(source_of(fake, locations={}))
    found = {one.text: (one.hints[Hint.LOCATION], one.attributes["place"]) for one in shelf.records.values()}
    assert found == {"About 222": ("BER-1", "Acme"), "About 333": ("333", "Acme"), "About 444": ("HH-2", "Acme")}


def test_an_account_without_places_says_so(fake: FakeGoogleBusiness, source_of: Callable[..., Any]) -> None:
    fake.places.clear()
    with pytest.raises(SourceError, match=r"account 111 lists no places.*CXNLP_GOOGLE_BUSINESS_REFRESH_TOKEN"):
        pulled(source_of(fake, locations={}))


def test_a_list_of_places_that_goes_in_circles_is_stopped(
    fake: FakeGoogleBusiness, source_of: Callable[..., Any]
) -> None:
    same = json.dumps({"locations": [{"name": "locations/222"}], "nextPageToken": "again"}).encode()
    fake.faults += [Fault(200, body=same, after=1), Fault(200, body=same)]
    with pytest.raises(SourceError, match="twice"):
        pulled(source_of(fake, locations={}))


@pytest.mark.parametrize("status", [400, 404])
def test_a_place_that_is_not_verified_does_not_end_the_others(
    fake: FakeGoogleBusiness, source: Any, status: int
) -> None:
    fake.add("Loud")
    fake.add("Quiet", place="333")
    fake.unverified["222"] = status
    pages = list(source.pull(None, page_size=1000))
    assert Shelf().take(pages).texts == {"333:AbFvOq00000": "Quiet"}
    warned = f"Google refused the reviews of Berlin Mitte ({status}): is it verified?"
    assert [page.warnings for page in pages if page.warnings] == [(warned,)]


def test_a_place_is_pulled_from_its_start_when_it_is_verified(fake: FakeGoogleBusiness, source: Any) -> None:
    fake.add("Loud")
    fake.tick(days=5)
    fake.add("Quiet", place="333")
    fake.unverified["222"] = 404
    shelf = pulled(source)
    fake.unverified.clear()
    assert pulled(source, shelf).texts == fake.expected()


@pytest.mark.parametrize("status", [400, 404])
def test_a_place_that_closes_in_the_middle_of_a_walk_does_not_end_the_others(
    fake: FakeGoogleBusiness, source: Any, status: int
) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
    fake.add("Quiet", place="333")
    shelf = Shelf().take(itertools.islice(source.pull(None, page_size=1000), 1))
    fake.unverified["222"] = status
    pages = list(source.pull(shelf.cursor, page_size=1000))
    assert [page.warnings for page in pages if page.warnings]
    assert "Quiet" in shelf.take(pages).texts.values()
    fake.unverified.clear()
    assert pulled(source, shelf).texts == fake.expected()


def test_no_place_that_can_be_read_is_a_failure(fake: FakeGoogleBusiness, source: Any) -> None:
    fake.unverified |= {"222": 404, "333": 400}
    with pytest.raises(SourceError, match=r"no place can be read.*Berlin Mitte \(404\).*manage the places"):
        pulled(source)


@pytest.mark.parametrize(
    "options", [{"account": "accounts/111"}, {"locations": {"locations/222": ""}}, {"account": ""}]
)
def test_ids_are_ids_only(fake: FakeGoogleBusiness, source_of: Callable[..., Any], options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        source_of(fake, **options)


# Paging and cursor


def test_a_night_with_nothing_new_reads_one_page_of_each_place(fake: FakeGoogleBusiness, source: Any) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
        fake.add(f"Other {at}", place="333")
    shelf = pulled(source)
    assert fake.listings == ["222"] * 3 + ["333"] * 3
    pulled(source, shelf)
    assert fake.listings[6:] == ["222", "333"]


def test_each_place_has_its_own_cursor(fake: FakeGoogleBusiness, source: Any) -> None:
    fake.add("Loud")
    fake.tick(days=30)
    fake.add("Quiet", place="333")
    shelf = pulled(source)
    before = utc(2026, 3, 20)  # after the newest of its place, long before the newest of the other
    fake.add("Late", createTime=iso(before), updateTime=iso(before))
    assert pulled(source, shelf).texts == fake.expected()


def test_what_the_index_was_late_with_is_found_within_the_overlap(fake: FakeGoogleBusiness, source: Any) -> None:
    fake.tick(minutes=58)
    fake.add("Newest")
    shelf = pulled(source)
    for time, text in ((utc(2026, 3, 1, 0, 51), "Within"), (utc(2026, 3, 1, 0, 49), "Too late")):
        fake.add(text, createTime=iso(time), updateTime=iso(time))
    pulled(source, shelf)
    assert set(shelf.texts.values()) == {"Newest", "Within"}


def test_a_reply_is_seen_when_its_review_is_read_again(fake: FakeGoogleBusiness, source: Any) -> None:
    number = fake.add("Slow")
    fake.tick(hours=1)
    fake.add("Newer than the overlap is long")
    shelf = pulled(source)
    fake.tick(days=2)
    fake.reply(number, "Sorry")
    pulled(source, shelf)
    assert shelf.records["222:AbFvOq00000"].timing.first_reply_at == utc(2026, 3, 3, 1, 6, 0, MS)


def test_a_night_reads_thirty_days_again_if_nothing_else_is_said(
    fake: FakeGoogleBusiness, source_of: Callable[..., Any]
) -> None:
    fake.overlap = {}
    numbers = [fake.add(f"Number {at}") for at in range(25)]
    source = source_of(fake)
    shelf = pulled(source)
    fake.reply(numbers[0], "Sorry")  # on the third page
    for minutes, text in ((1, "Shown a month late"), (-1, "Shown later still")):
        before = utc(2026, 3, 1, 0, 50) - dt.timedelta(days=30) + dt.timedelta(minutes=minutes)
        fake.add(text, createTime=iso(before), updateTime=iso(before))
    pulled(source, shelf)
    assert shelf.records["222:AbFvOq00000"].timing.first_reply_at == utc(2026, 3, 1, 0, 52, 0, MS)
    assert "Shown a month late" in shelf.texts.values()
    assert "Shown later still" not in shelf.texts.values()


def test_a_pull_that_was_broken_off_is_finished_and_then_brought_up_to_date(
    fake: FakeGoogleBusiness, source: Any
) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
        fake.add(f"Other {at}", place="333")
    for kept in range(7):
        shelf = Shelf().take(itertools.islice(source.pull(None, page_size=1000), kept))
        fake.tick(days=1)
        fake.add(f"In the meantime {kept}")
        pulled(source, shelf)
        assert shelf.texts == fake.expected()
        assert '"token"' not in (shelf.cursor or "")


def test_a_page_token_that_lapsed_begins_the_walk_again(fake: FakeGoogleBusiness, source: Any) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
    shelf = Shelf().take(itertools.islice(source.pull(None, page_size=1000), 1))
    fake.era += 1
    assert pulled(source, shelf).texts == fake.expected()


def test_a_page_token_refused_within_a_walk_is_a_failure(fake: FakeGoogleBusiness, source: Any) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
    with pytest.raises(SourceError, match="answered 400"):
        for _ in source.pull(None, page_size=1000):
            fake.era += 1


def test_an_empty_page_with_a_next_one_is_not_the_end(fake: FakeGoogleBusiness, source: Any) -> None:
    for at in range(15):
        fake.add(f"Number {at}")
    fake.faults.append(Fault(200, body=b'{"nextPageToken": "0-0"}', after=1))
    assert pulled(source).texts == fake.expected()


def test_a_date_ahead_of_time_hides_nothing_that_comes_later(
    fake: FakeGoogleBusiness, source: Any, clock: FakeClock
) -> None:
    clock.at = utc(2026, 3, 2)
    fake.add("From the future", createTime=iso(utc(2027, 1, 1)), updateTime=iso(utc(2027, 1, 1)))
    shelf = pulled(source)
    assert [reject.reason for reject in shelf.rejects] == ["date_in_future"]
    clock.at = fake.now = utc(2026, 3, 3)
    fake.add("From today")
    assert list(pulled(source, shelf).texts.values()) == ["From today"]


def test_a_review_that_google_removed_stays_and_the_cursor_never_goes_back(
    fake: FakeGoogleBusiness, source: Any
) -> None:
    fake.add("First")
    number = fake.add("Second")
    shelf = pulled(source)
    cursor = shelf.cursor
    fake.delete(number)
    pulled(source, shelf)
    assert set(shelf.texts.values()) == {"First", "Second"}
    assert shelf.cursor == cursor


def test_requests_keep_to_the_limit_of_a_minute(fake: FakeGoogleBusiness, source_of: Any, clock: FakeClock) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
    pulled(source_of(fake, requests_per_minute=30))
    assert len(fake.listings) == 4
    assert sum(clock.slept) == pytest.approx(3 * 2, rel=0.01)


# Who may read


def test_a_token_that_lapses_is_renewed_once_and_nothing_is_lost(fake: FakeGoogleBusiness, source: Any) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
    shelf = Shelf()
    for page in source.pull(None, page_size=1000):
        shelf.take([page])
        fake.expire()
    assert shelf.texts == fake.expected()
    assert fake.given == 1 + 3


@pytest.mark.parametrize(("end", "status"), [("CLIENT_ID", 401), ("CLIENT_SECRET", 401), ("REFRESH_TOKEN", 400)])
def test_credentials_that_google_does_not_take_say_what_to_check(
    fake: FakeGoogleBusiness, source: Any, monkeypatch: pytest.MonkeyPatch, end: str, status: int
) -> None:
    monkeypatch.setenv(f"CXNLP_GOOGLE_BUSINESS_{end}", "another-secret")
    with pytest.raises(SourceError, match=rf"\({status}\).*CXNLP_GOOGLE_BUSINESS_{end}") as caught:
        pulled(source)
    assert not [secret for secret in (*fake.secrets, "another-secret") if secret in str(caught.value)]


def test_a_project_without_access_says_what_to_ask_google_for(fake: FakeGoogleBusiness, source: Any) -> None:
    fake.faults.append(Fault(403, after=1))
    with pytest.raises(SourceError, match=r"403.*granted the project access"):
        pulled(source)
