"""What is Trustpilot's own: two kinds of access, pages that shift, edits that can't be asked for."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from cxnlp.errors import SourceError
from cxnlp.records import Hint, Scale, Score, Timing

from .conftest import Shelf, utc
from .fake_trustpilot import UNIT, FakeTrustpilot
from .serving import FakeClock

# The contract once more, with the public reviews that the key alone opens.
from .test_contract import (  # noqa: F401
    source,
    test_a_fault_is_waited_for_and_asked_again,
    test_a_full_pull_gives_every_record_once,
    test_a_night_killed_after_any_page_loses_and_doubles_nothing,
    test_a_record_that_breaks_the_contract_is_set_aside,
    test_a_refusal_says_what_to_check,
    test_a_second_night_changes_nothing,
    test_a_vendor_that_goes_in_circles_is_stopped,
    test_an_empty_account_gives_nothing,
    test_missing_credentials_are_named,
    test_no_secret_is_logged_raised_or_stored,
    test_what_is_added_and_edited_comes_the_next_night,
)


@pytest.fixture
def fake(serve_fake: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Trustpilot for somebody who has the API key only."""
    public = serve_fake("trustpilot")
    monkeypatch.delenv("CXNLP_TRUSTPILOT_SECRET")
    public.environment = {"CXNLP_TRUSTPILOT_KEY": "tp-key-1"}
    return public


@pytest.fixture
def trustpilot(serve_fake: Callable[[str], Any]) -> Any:
    """Trustpilot for somebody who has key and secret."""
    return serve_fake("trustpilot")


@pytest.fixture
def pull(source_of: Callable[..., Any]) -> Callable[..., Shelf]:
    def pulled(of: FakeTrustpilot, cursor: str | None = None, **options: Any) -> Shelf:
        return Shelf().take(source_of(of, **options).pull(cursor, page_size=1000))

    return pulled


def only(shelf: Shelf) -> Any:
    assert not shelf.rejects
    [record] = shelf.records.values()
    return record


def asked(of: FakeTrustpilot) -> list[dict[str, str]]:
    """Return the parameters of the requests for reviews."""
    return [dict(one.query_params) for one in of.requests if one.url.path.endswith("/reviews")]


# Mapping


def test_a_private_review_becomes_a_record(trustpilot: Any, pull: Any) -> None:
    number = trustpilot.add(
        "Third late parcel this year.",
        at=utc(2026, 3, 1, 12),
        title="Late again",
        language="da",
        updatedAt="2026-03-02T08:00:00Z",
        companyReply={"text": "Sorry, Lea", "createdAt": "2026-03-01T15:30:00Z", "updatedAt": None},
        tags=[{"group": "Team", "value": "Logistics"}, {"group": "Topic", "value": "Delay"}],
        complianceLabels=["x"],
    )
    record = only(pull(trustpilot))
    assert record.source_record_id == record.response_id == number
    assert record.text == "Late again. Third late parcel this year."
    assert record.question is None
    assert record.score == Score(2, Scale.STARS)
    assert (record.created_at, record.updated_at) == (utc(2026, 3, 1, 12), utc(2026, 3, 2, 8))
    assert record.timing == Timing(first_reply_at=utc(2026, 3, 1, 15, 30))
    assert (record.language, record.customer_ref) == ("da", "ORDER-99")
    assert record.hints == {Hint.LOCATION: "Aarhus"}
    assert record.attributes == {
        "via": "InvitationApi",
        "business_unit": "acme.example",
        "location_id": "ST-17",
        "experienced_at": "2026-02-26T12:00:00Z",
        "verified": "true",
        "status": "active",
        "labels": "x",
        "tags": "Team: Logistics, Topic: Delay",
    }


def test_a_public_review_has_what_anybody_sees(fake: Any, pull: Any) -> None:
    fake.add("Late")
    record = only(pull(fake))
    assert (record.text, record.score, record.language) == ("Late", Score(2, Scale.STARS), "en")
    assert record.customer_ref == "507f"  # Trustpilot's own id of the consumer
    assert record.attributes["via"] == "trustpilot"
    assert not record.hints
    assert record.updated_at == record.created_at


@pytest.mark.parametrize(
    ("title", "text", "words"),
    [
        ("Late again", "Third late parcel.", "Late again. Third late parcel."),
        ("Late again!", "Third late parcel.", "Late again! Third late parcel."),
        ("Late again, third…", "Late again, third parcel this year.", "Late again, third parcel this year."),
        ("late AGAIN.", "Late again, third parcel.", "Late again, third parcel."),
        (None, "Third late parcel.", "Third late parcel."),
        ("Late again", None, "Late again"),
        ("Late again", "", "Late again"),
        (None, None, ""),  # the stars count
    ],
)
def test_title_and_text_are_one_and_say_nothing_twice(
    trustpilot: Any, pull: Any, title: Any, text: Any, words: str
) -> None:
    trustpilot.add(text, title=title)
    record = only(pull(trustpilot))
    assert (record.text, record.score) == (words, Score(2, Scale.STARS))


@pytest.mark.parametrize(
    ("fields", "customer"),
    [
        ({}, "ORDER-99"),
        ({"referenceId": None}, "lea@example.org"),
        ({"referenceId": "", "referralEmail": None}, "507f"),
        ({"referenceId": None, "referralEmail": None, "consumer": None}, None),
    ],
)
def test_the_customer_is_the_reference_else_the_address(trustpilot: Any, pull: Any, fields: Any, customer: Any) -> None:
    trustpilot.add("Late", **fields)
    assert only(pull(trustpilot)).customer_ref == customer


def test_tags_give_the_hints_that_they_are_called_like_or_that_options_name(trustpilot: Any, pull: Any) -> None:
    tags = [
        {"group": "Team", "value": "Logistics"},
        {"group": "Product", "value": "Boots"},
        {"group": None, "value": "x"},
    ]
    trustpilot.add("Late", tags=tags, location=None)
    assert only(pull(trustpilot)).hints == {Hint.PRODUCT: "Boots"}
    options = {"group": "Team", "department": "business_unit"}
    expected = {Hint.PRODUCT: "Boots", Hint.GROUP: "Logistics", Hint.DEPARTMENT: "acme.example"}
    assert only(pull(trustpilot, hints=options)).hints == expected


def test_what_a_company_replies_and_what_changes_daily_is_left_out(trustpilot: Any, pull: Any) -> None:
    number = trustpilot.add("Late", companyReply={"text": "Sorry!", "createdAt": "2026-03-01T15:30:00Z"})
    first = only(pull(trustpilot))
    trustpilot.found(number).update(numberOfLikes=12)
    trustpilot.found(number)["consumer"]["numberOfReviews"] = 40
    assert only(pull(trustpilot)) == first
    assert "Sorry" not in repr(first)


@pytest.mark.parametrize(("stars", "reason"), [(6, "score_out_of_scale"), (None, "unexpected_shape")])
def test_stars_that_there_are_not_set_the_review_aside(trustpilot: Any, pull: Any, stars: Any, reason: str) -> None:
    trustpilot.add("Late", stars=stars)
    assert [one.reason for one in pull(trustpilot).rejects] == [reason]


def test_unknown_fields_and_missing_ones_break_nothing(trustpilot: Any, pull: Any) -> None:
    number = trustpilot.add("Late", hologram={"new": [1]}, status="under-investigation")
    for name in ("location", "tags", "consumer", "companyReply", "updatedAt", "complianceLabels", "source"):
        del trustpilot.found(number)[name]
    assert only(pull(trustpilot)).attributes["status"] == "under-investigation"


# Access


def test_a_key_alone_reads_public_reviews_without_oauth(fake: Any, pull: Any) -> None:
    fake.add("Late")
    pull(fake)
    assert [one.url.path for one in fake.requests] == [
        "/v1/business-units/find",
        f"/v1/business-units/{UNIT}/reviews",
    ]
    assert not any("apikey" in one.url.query for one in fake.requests)


def test_a_token_is_made_once_a_pull_and_again_when_it_expires(trustpilot: Any, source_of: Any) -> None:
    for at in range(25):
        trustpilot.add(f"The parcel {at} came late")
    pages = source_of(trustpilot).pull(None, page_size=1000)
    shelf = Shelf().take([next(pages)])
    assert len(trustpilot.tokens) == 1
    trustpilot.expired = True
    assert shelf.take(pages).texts == trustpilot.expected()
    assert len(trustpilot.tokens) == 2


def test_a_user_and_password_make_the_password_grant(trustpilot: Any, pull: Any, monkeypatch: Any) -> None:
    trustpilot.add("Late")
    trustpilot.user = ("night@acme.example", "tp-password-1")
    with pytest.raises(SourceError, match="400"):
        pull(trustpilot)
    monkeypatch.setenv("CXNLP_TRUSTPILOT_USERNAME", trustpilot.user[0])
    with pytest.raises(SourceError, match="CXNLP_TRUSTPILOT_PASSWORD"):
        pull(trustpilot)
    monkeypatch.setenv("CXNLP_TRUSTPILOT_PASSWORD", trustpilot.user[1])
    assert pull(trustpilot).texts == trustpilot.expected()


def test_an_answer_without_a_token_fails_the_source(trustpilot: Any, pull: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(trustpilot, "_token", lambda request, body: {"expires_in": "359999"})
    with pytest.raises(SourceError, match="no access token"):
        pull(trustpilot)


def test_private_reviews_are_not_overwritten_by_public_ones(trustpilot: Any, pull: Any, monkeypatch: Any) -> None:
    trustpilot.add("Late")
    shelf = pull(trustpilot)
    monkeypatch.delenv("CXNLP_TRUSTPILOT_SECRET")
    with pytest.raises(SourceError, match="CXNLP_TRUSTPILOT_SECRET"):
        pull(trustpilot, shelf.cursor)
    assert pull(trustpilot, shelf.cursor, start="2026-01-02").texts == trustpilot.expected()


def test_a_secret_that_comes_later_reads_everything_again(fake: Any, pull: Any, monkeypatch: Any) -> None:
    fake.add("Late")
    fake.now += dt.timedelta(days=2)
    fake.add("Later")
    shelf = pull(fake)
    monkeypatch.setenv("CXNLP_TRUSTPILOT_SECRET", "tp-secret-1")
    again = pull(fake, shelf.cursor)
    assert {one.customer_ref for one in again.records.values()} == {"ORDER-99"}
    assert again.texts == fake.expected()


# Business units


def test_a_business_unit_may_be_named_by_its_id(trustpilot: Any, pull: Any) -> None:
    trustpilot.add("Late")
    assert pull(trustpilot, business_units=[UNIT]).texts == trustpilot.expected()
    assert not [one for one in trustpilot.requests if one.url.path.endswith("/find")]


def test_a_business_unit_that_is_not_there_is_named(trustpilot: Any, pull: Any) -> None:
    with pytest.raises(SourceError, match=r"acme\.exmaple"):
        pull(trustpilot, business_units=["acme.exmaple"])


def test_each_business_unit_has_its_own_cursor(trustpilot: Any, source_of: Any) -> None:
    trustpilot.units["acme.shop"] = "507f191e810c19729de860ea"
    for at in range(12):
        trustpilot.add(f"First {at}")
        trustpilot.add(f"Second {at}", unit="507f191e810c19729de860ea")
    reviews = source_of(trustpilot, business_units=["acme.example", "acme.shop"])
    whole = list(reviews.pull(None, page_size=1000))
    for kept in range(len(whole) + 1):
        shelf = Shelf().take(itertools.islice(reviews.pull(None, page_size=1000), kept))
        assert shelf.take(reviews.pull(shelf.cursor, page_size=1000)).texts == trustpilot.expected()
    newest = {name: one["newest"] for name, one in json.loads(whole[-1].cursor)["state"]["units"].items()}
    assert newest["acme.example"] < newest["acme.shop"]


# Paging, cursor and overlap


def test_requests_say_what_the_contract_asks(trustpilot: Any, pull: Any) -> None:
    for at in range(12):
        trustpilot.add(f"The parcel {at} came late")
    shelf = pull(trustpilot)
    assert asked(trustpilot)[0] == {
        "page": "1",
        "perPage": "10",
        "orderBy": "createdat.asc",
        "startDateTime": "2026-01-01T00:00:00",
    }
    trustpilot.requests.clear()
    pull(trustpilot, shelf.cursor)
    assert asked(trustpilot)[0]["startDateTime"] == "2026-03-01T03:50:00"  # the newest, less ten minutes


def test_public_requests_are_newest_first_until_older_than_the_cursor(fake: Any, pull: Any) -> None:
    for at in range(45):
        fake.add(f"The parcel {at} came late")
    shelf = pull(fake)
    fake.requests.clear()
    fake.add("New")
    again = pull(fake, shelf.cursor)
    assert asked(fake) == [{"page": "1", "perPage": "10", "orderBy": "createdat.desc"}]
    assert sorted(again.texts.values()) == ["New", "The parcel 44 came late"]


def test_public_reviews_from_before_the_start_are_left_out(fake: Any, pull: Any) -> None:
    fake.add("Old", at=utc(2025, 12, 31, 23, 59, 59))
    fake.add("On the first day", at=utc(2026, 1, 1))
    assert list(pull(fake).texts.values()) == ["On the first day"]


def test_a_review_removed_between_pages_hides_no_other(trustpilot: Any, source_of: Any) -> None:
    numbers = [trustpilot.add(f"The parcel {at} came late") for at in range(25)]
    pages = source_of(trustpilot).pull(None, page_size=1000)
    shelf = Shelf().take([next(pages)])
    for number in numbers[:5]:  # what follows moves up by five
        trustpilot.remove(number)
    assert set(numbers) == set(shelf.take(pages).records)


def test_public_reviews_removed_between_nights_hide_no_other(fake: Any, source_of: Any) -> None:
    numbers = [fake.add(f"The parcel {at} came late") for at in range(45)]
    reviews = source_of(fake)
    for kept in range(1, 5):
        shelf = Shelf().take(itertools.islice(reviews.pull(None, page_size=1000), kept))
        for number in (removed := numbers[-7:]):  # of the first page: what follows moves up by seven
            fake.remove(number)
        numbers = numbers[:-7]
        shelf.take(reviews.pull(shelf.cursor, page_size=1000))
        assert set(numbers) <= set(shelf.records) <= {*numbers, *removed}


def test_a_start_that_trustpilot_does_not_heed_fails_the_source_at_once(
    trustpilot: Any, pull: Any, monkeypatch: Any
) -> None:
    listed = trustpilot._listed

    def deaf(reviews: Any, path: str, params: Any) -> Any:
        return listed(reviews, path, {name: value for name, value in params.items() if name != "startDateTime"})

    monkeypatch.setattr(trustpilot, "_listed", deaf)
    for at in range(25):
        trustpilot.add(f"The parcel {at} came late", at=utc(2025, 6, 1 + at))
    with pytest.raises(SourceError, match=r"startDateTime 2026-01-01T00:00:00.*start_format"):
        pull(trustpilot)
    assert len(asked(trustpilot)) == 1


def test_more_reviews_of_one_second_than_pages_hold(trustpilot: Any, source_of: Any) -> None:
    trustpilot.add("Before", at=utc(2026, 2, 28))
    for at in range(20):
        trustpilot.add(f"Imported {at}", at=utc(2026, 3, 1, 0, 0, at // 10))
    trustpilot.add("After", at=utc(2026, 3, 2))
    reviews = source_of(trustpilot, per_page=2)
    whole = list(reviews.pull(None, page_size=1000))
    shelf = Shelf().take(whole)
    assert shelf.texts == trustpilot.expected()
    assert shelf.sent == 22
    for kept in range(1, len(whole), 4):
        shelf = Shelf().take(itertools.islice(reviews.pull(None, page_size=1000), kept))
        assert shelf.take(reviews.pull(shelf.cursor, page_size=1000)).texts == trustpilot.expected()
        assert shelf.sent == 22


def test_fractions_of_seconds_double_nothing(trustpilot: Any, pull: Any) -> None:
    for at in range(25):
        number = trustpilot.add(
            f"The parcel {at} came late", at=utc(2026, 3, 1, 0, 0, at // 3, 300_000 * (at % 3) + 99_000)
        )
        trustpilot.found(number)["createdAt"] = trustpilot.found(number)["_at"].isoformat()
    shelf = pull(trustpilot, per_page=9)
    assert (shelf.texts, shelf.sent) == (trustpilot.expected(), 25)


def test_a_review_set_aside_at_the_end_of_a_page_is_counted_once(trustpilot: Any, pull: Any) -> None:
    numbers = [trustpilot.add(f"The parcel {at} came late") for at in range(25)]
    trustpilot.spoil(numbers[9])
    shelf = pull(trustpilot)
    assert [one.record_id for one in shelf.rejects] == [numbers[9]]
    assert len(shelf.records) == 24


def test_a_first_second_that_is_excluded_loses_nothing(trustpilot: Any, pull: Any, monkeypatch: Any) -> None:
    listed = trustpilot._listed

    def after(reviews: Any, path: str, params: Any) -> Any:
        start = dt.datetime.fromisoformat(params["startDateTime"]).replace(tzinfo=dt.UTC)
        return listed([one for one in reviews if one["_at"] > start], path, params)

    monkeypatch.setattr(trustpilot, "_listed", after)
    for at in range(25):
        trustpilot.add(f"In threes {at}", at=utc(2026, 3, 1, 0, 0, at // 3))
    assert pull(trustpilot).texts == trustpilot.expected()


def test_a_full_last_page_is_followed_by_an_empty_one(fake: Any, pull: Any) -> None:
    for at in range(20):
        fake.add(f"The parcel {at} came late")
    assert pull(fake).texts == fake.expected()
    assert [one["page"] for one in asked(fake)] == ["1", "2", "3"]


def test_a_time_in_the_future_does_not_move_the_cursor_ahead(trustpilot: Any, pull: Any) -> None:
    trustpilot.add("From a wrong clock", at=utc(2031, 1, 1))
    shelf = pull(trustpilot)
    assert [one.reason for one in shelf.rejects] == ["date_in_future"]
    trustpilot.add("The next day", at=utc(2026, 6, 1, 0, 20))
    assert list(pull(trustpilot, shelf.cursor).texts.values()) == ["The next day"]


def test_a_body_of_another_shape_fails_the_source_with_a_reason(trustpilot: Any, pull: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(trustpilot, "_listed", lambda *asked: ["what?"])
    with pytest.raises(SourceError, match="contract"):
        pull(trustpilot)


# Edits and removals


@pytest.mark.parametrize("access", ["trustpilot", "fake"], ids=["private", "public"])
def test_edits_are_found_when_the_last_days_are_read_again(
    request: Any, source_of: Any, clock: FakeClock, access: str
) -> None:
    of = request.getfixturevalue(access)
    old, lately = of.add("Old", at=utc(2026, 2, 1)), of.add("Lately", at=utc(2026, 5, 1))
    of.add("Newest", at=utc(2026, 5, 31))
    reviews = source_of(of)
    shelf = Shelf().take(reviews.pull(None, page_size=1000))
    of.edit(old, "Old, edited")
    of.edit(lately, "Lately, edited")
    clock.at += dt.timedelta(days=6)
    assert "Lately" in shelf.take(reviews.pull(shelf.cursor, page_size=1000)).texts.values()
    clock.at += dt.timedelta(days=1)
    shelf.take(reviews.pull(shelf.cursor, page_size=1000))
    assert sorted(shelf.texts.values()) == ["Lately, edited", "Newest", "Old"]  # older than 90 days: not read again
    assert shelf.records[lately].updated_at == of.now


def test_reading_again_does_not_move_the_cursor_back(trustpilot: Any, source_of: Any, clock: FakeClock) -> None:
    trustpilot.add("Lately", at=utc(2026, 5, 1))
    newest = trustpilot.add("Newest", at=utc(2026, 5, 31))
    reviews = source_of(trustpilot)
    shelf = Shelf().take(reviews.pull(None, page_size=1000))
    clock.at += dt.timedelta(days=7)
    trustpilot.remove(newest)
    shelf.take(reviews.pull(shelf.cursor, page_size=1000))
    assert json.loads(shelf.cursor)["state"]["units"]["acme.example"]["newest"] == "2026-05-31T00:00:00+00:00"


def test_nothing_is_read_again_where_no_days_are_asked_for(trustpilot: Any, source_of: Any, clock: FakeClock) -> None:
    trustpilot.add("Lately", at=utc(2026, 5, 1))
    trustpilot.add("Newest", at=utc(2026, 5, 31))
    reviews = source_of(trustpilot, reread_days=0)
    shelf = Shelf().take(reviews.pull(None, page_size=1000))
    clock.at += dt.timedelta(days=30)
    assert len(Shelf().take(reviews.pull(shelf.cursor, page_size=1000)).records) == 1


def test_a_review_whose_status_says_that_it_is_removed_is_retired(
    trustpilot: Any, source_of: Any, clock: FakeClock
) -> None:
    trustpilot.add("Kept", at=utc(2026, 5, 1))
    number = trustpilot.add("Removed", at=utc(2026, 5, 2))
    reviews = source_of(trustpilot)
    shelf = Shelf().take(reviews.pull(None, page_size=1000))
    trustpilot.found(number)["status"] = "Archived"
    clock.at += dt.timedelta(days=7)
    assert list(shelf.take(reviews.pull(shelf.cursor, page_size=1000)).texts.values()) == ["Kept"]
    assert len(Shelf().take(source_of(trustpilot, removed=[]).pull(None, page_size=1000)).records) == 2


def test_a_review_that_is_no_longer_listed_stays(trustpilot: Any, source_of: Any, clock: FakeClock) -> None:
    number = trustpilot.add("Gone", at=utc(2026, 5, 2))
    reviews = source_of(trustpilot)
    shelf = Shelf().take(reviews.pull(None, page_size=1000))
    trustpilot.remove(number)
    clock.at += dt.timedelta(days=7)
    assert number in shelf.take(reviews.pull(shelf.cursor, page_size=1000)).records


# Limits


def test_requests_keep_below_the_advised_rate(trustpilot: Any, pull: Any, clock: FakeClock) -> None:
    for at in range(45):
        trustpilot.add(f"The parcel {at} came late")
    pull(trustpilot, requests_per_minute=160)
    assert 60 / 160 > 300 / 833 and 60 / 160 > 3600 / 10_000  # seconds a request: 833 in 5 minutes, 10,000 an hour
    assert sum(clock.slept) == pytest.approx((len(trustpilot.requests) - 1) * 60 / 160, abs=0.01)
