"""App Store Connect: what is Apple's own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import ValidationError

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale, Score
from cxnlp.sources.live.app_store import limits
from cxnlp.sources.live.http import QuotaUsed

from .conftest import Shelf, utc
from .fake_app_store import APP, VERSION, FakeAppStore
from .serving import FakeClock, Fault

WHOLE = {"overlap_minutes": 30 * 24 * 60}


@pytest.fixture
def fake(serve_fake: Callable[[str], FakeAppStore]) -> FakeAppStore:
    return serve_fake("app_store")


@pytest.fixture
def source(fake: FakeAppStore, source_of: Callable[..., Any]) -> Any:
    return source_of(fake)


def pulled(source: Any) -> Shelf:
    return Shelf().take(source.pull(None, page_size=1000))


def only(source: Any) -> Feedback:
    (record,) = pulled(source).records.values()
    return record


def asked(fake: FakeAppStore) -> list[str]:
    return [request.url.query for request in fake.requests]


# What becomes of a review


def test_a_review_becomes_feedback(fake: FakeAppStore, source: Any) -> None:
    number = fake.add("Search takes ages.", title="Good but slow", rating=3)
    fake.reviews[number]["createdDate"] = "2026-03-01T06:11:52-08:00"
    fake.reply(number, "Thanks, fixed.")
    record = only(source)
    assert record.source_record_id == record.response_id == fake.id(number)
    assert record.text == "Good but slow. Search takes ages."
    assert record.question is None and record.language is None
    assert record.score == Score(3, Scale.STARS)
    assert record.created_at == record.updated_at == utc(2026, 3, 1, 14, 11, 52)
    assert record.customer_ref == "mapfan"
    assert record.hints == {Hint.PRODUCT: APP, Hint.LOCATION: "GBR"}
    assert record.timing.first_reply_at == fake.now
    assert record.attributes == {"via": "app_store_apple", "app": APP, "answer": "published"}


@pytest.mark.parametrize(
    ("title", "body", "text"),
    [
        ("Great!", "Thanks", "Great! Thanks"),
        ("", "Thanks", "Thanks"),
        ("Fine", "", "Fine"),
        (None, "Thanks", "Thanks"),
        ("Fine", None, "Fine"),
    ],
)
def test_title_and_body_make_one_text(fake: FakeAppStore, source: Any, title: Any, body: Any, text: str) -> None:
    fake.add(body, title=title)
    assert only(source).text == text


def test_stars_without_words_count(fake: FakeAppStore, source: Any) -> None:
    fake.add("", title="", rating=1)
    record = only(source)
    assert (record.text, record.score) == ("", Score(1, Scale.STARS))


def test_neither_words_nor_stars_are_nothing(fake: FakeAppStore, source: Any) -> None:
    fake.reviews[fake.add("", title="")]["rating"] = None
    assert not pulled(source).records


@pytest.mark.parametrize("rating", [0, 6, "many"])
def test_stars_that_no_review_can_have_set_it_aside(fake: FakeAppStore, source: Any, rating: Any) -> None:
    fake.reviews[fake.add("Fine")]["rating"] = rating
    (reject,) = pulled(source).rejects
    assert reject.reason in ("score_out_of_scale", "unreadable_score") and reject.record_id == fake.id(0)


def test_a_time_without_zone_is_set_aside(fake: FakeAppStore, source: Any) -> None:
    fake.reviews[fake.add("Fine")]["createdDate"] = "2026-03-01T06:11:52"
    assert [reject.reason for reject in pulled(source).rejects] == ["unreadable_date"]


def test_fields_that_are_missing_or_null_are_left_out(fake: FakeAppStore, source: Any) -> None:
    number = fake.add("Fine")
    fake.reviews[number] |= {"territory": None, "reviewerNickname": None}
    record = only(source)
    assert record.hints == {Hint.PRODUCT: APP} and record.customer_ref is None


def test_an_answer_that_waits_for_publication_is_no_reply_yet(fake: FakeAppStore, source: Any) -> None:
    number = fake.add("Fine")
    fake.reply(number, "Thanks", state="PENDING_PUBLISH")
    record = only(source)
    assert record.timing.first_reply_at is None and record.attributes["answer"] == "pending_publish"


def test_a_state_nobody_has_heard_of_is_kept_as_it_is(fake: FakeAppStore, source: Any) -> None:
    fake.reply(fake.add("Fine"), "Thanks", state="ARCHIVED")
    record = only(source)
    assert record.timing.first_reply_at is None and record.attributes["answer"] == "archived"


def test_what_the_developer_answers_is_never_a_text(fake: FakeAppStore, source: Any) -> None:
    fake.reply(fake.add("Fine"), "We are sorry about the inconvenience")
    assert "inconvenience" not in repr(pulled(source).records)


def test_a_new_answer_makes_a_new_version(fake: FakeAppStore, source: Any) -> None:
    number = fake.add("Fine")
    shelf = pulled(source)
    fake.reply(number, "Thanks")
    shelf.take(source.pull(shelf.cursor, page_size=1000))
    assert (shelf.changed, len(shelf.records)) == (2, 1)


# Options


def test_the_product_can_have_a_name(fake: FakeAppStore, source_of: Callable[..., Any]) -> None:
    fake.add("Fine")
    assert only(source_of(fake, product="Maps for iPhone")).hints[Hint.PRODUCT] == "Maps for iPhone"


def test_one_version_can_be_read(fake: FakeAppStore, source_of: Callable[..., Any]) -> None:
    fake.add("Fine")
    assert only(source_of(fake, version_id=VERSION)).attributes["version"] == VERSION


def test_only_the_territories_asked_for_are_read(fake: FakeAppStore, source_of: Callable[..., Any]) -> None:
    for territory in ("GBR", "DEU", "FRA"):
        fake.add("Fine", territory=territory)
    records = pulled(source_of(fake, territories=("DEU", "FRA"))).records
    assert {record.hints[Hint.LOCATION] for record in records.values()} == {"DEU", "FRA"}


@pytest.mark.parametrize("options", [{"app_id": "com.acme.maps"}, {"territories": ["Germany"]}, {"per_page": 201}])
def test_options_that_apple_does_not_have_are_refused(
    fake: FakeAppStore, source_of: Callable[..., Any], options: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        source_of(fake, **options)


def test_an_app_that_the_key_may_not_read_says_which_id_is_meant(
    fake: FakeAppStore, source_of: Callable[..., Any]
) -> None:
    with pytest.raises(SourceError, match=r"apps/99.*numeric Apple ID"):
        pulled(source_of(fake, app_id="99"))


# The walk


def test_links_are_followed_exactly_as_given(fake: FakeAppStore, source: Any) -> None:
    for _ in range(25):
        fake.add("Fine")
    pulled(source)
    first, *rest = asked(fake)
    assert "sort=-createdDate" in first and "include=response" in first
    assert len(rest) == 2 and set(rest) <= set(fake.links)


def test_reviews_before_the_start_are_left_out_and_end_the_walk(
    fake: FakeAppStore, source_of: Callable[..., Any]
) -> None:
    for _ in range(25):
        fake.add("Old")
    fake.tick(days=2)
    numbers = [fake.add("New") for _ in range(3)]
    shelf = pulled(source_of(fake, start="2026-03-02"))
    assert set(shelf.records) == {fake.id(number) for number in numbers}
    assert len(fake.requests) == 1


def test_an_empty_page_is_not_the_end(fake: FakeAppStore, source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(25):
        fake.add("Fine")
    real = fake._page

    def page(path: str, asked: dict[str, str], after: Any) -> Any:
        return real(path, asked, after) | ({"data": []} if after is None else {})

    monkeypatch.setattr(fake, "_page", page)
    assert len(pulled(source).records) == 15


def test_a_night_reads_down_to_the_overlap(fake: FakeAppStore, source_of: Callable[..., Any]) -> None:
    for _ in range(40):
        fake.add("Old")
        fake.tick(days=1)
    source = source_of(fake, **WHOLE)
    shelf = pulled(source)
    before, sent = len(fake.requests), shelf.sent
    fake.add("New")
    shelf.take(source.pull(shelf.cursor, page_size=1000))
    assert "New" in {text.removeprefix("Hm. ") for text in shelf.texts.values()}
    assert len(fake.requests) - before == 4 and shelf.sent - sent == 40  # of 5 pages and 41


def test_an_edit_that_keeps_its_date_is_found_within_the_overlap(
    fake: FakeAppStore, source_of: Callable[..., Any]
) -> None:
    fake.edits_move_dates = False
    numbers = [fake.add("Fine") for _ in range(25)]
    source = source_of(fake, **WHOLE)
    shelf = pulled(source)
    fake.edit(numbers[2], "Not so fine")
    assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


def test_a_weekly_walk_finds_edits_of_old_reviews(fake: FakeAppStore, source: Any, clock: FakeClock) -> None:
    fake.edits_move_dates = False
    numbers = [fake.add("Fine") for _ in range(25)]
    shelf = pulled(source)
    fake.edit(numbers[0], "Not so fine")
    clock.at += dt.timedelta(days=6, hours=23)
    shelf.take(source.pull(shelf.cursor, page_size=1000))
    assert shelf.texts != fake.expected()
    clock.at += dt.timedelta(hours=1)
    shelf.take(source.pull(shelf.cursor, page_size=1000))
    assert shelf.texts == fake.expected()
    before = len(fake.requests)
    shelf.take(source.pull(shelf.cursor, page_size=1000))
    assert len(fake.requests) - before == 1  # the next one is a week away


def test_the_weekly_walk_can_be_turned_off(fake: FakeAppStore, source_of: Callable[..., Any], clock: FakeClock) -> None:
    for _ in range(25):
        fake.add("Fine")
    source = source_of(fake, full_walk_days=0)
    shelf = pulled(source)
    before = len(fake.requests)
    clock.at += dt.timedelta(days=100)
    shelf.take(source.pull(shelf.cursor, page_size=1000))
    assert len(fake.requests) - before == 1


def test_what_came_after_a_walk_was_left_off_is_read_too(fake: FakeAppStore, source: Any) -> None:
    for _ in range(25):
        fake.add("Fine")
    shelf = Shelf().take([next(source.pull(None, page_size=1000))])
    fake.tick(days=2)
    fake.add("While nobody looked")
    assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


def test_a_place_that_apple_no_longer_knows_begins_the_walk_anew(fake: FakeAppStore, source: Any) -> None:
    for _ in range(25):
        fake.add("Fine")
    shelf = Shelf().take([next(source.pull(None, page_size=1000))])
    fake.forget_links()
    assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


def test_a_date_in_the_future_hides_nothing(fake: FakeAppStore, source: Any, clock: FakeClock) -> None:
    fake.reviews[fake.add("From tomorrow")]["createdDate"] = "2031-01-01T00:00:00-08:00"
    shelf = pulled(source)
    assert [reject.reason for reject in shelf.rejects] == ["date_in_future"]
    fake.delete(0)
    fake.now = clock.at + dt.timedelta(hours=1)
    for _ in range(15):
        fake.add("From today")
    assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


# The token


def test_a_token_is_replaced_before_it_expires(fake: FakeAppStore, source: Any, clock: FakeClock) -> None:
    fake.wall = clock.now
    for _ in range(45):
        fake.add("Fine")
    for _ in source.pull(None, page_size=1000):
        clock.at += dt.timedelta(minutes=5)
    assert 2 <= len(set(fake.tokens)) < len(fake.tokens)
    assert len(fake.requests) == 5  # none was refused and sent again


def test_a_clock_that_is_a_little_ahead_is_no_fault(fake: FakeAppStore, source: Any, clock: FakeClock) -> None:
    fake.wall = lambda: clock.now() - dt.timedelta(seconds=20)
    fake.add("Fine")
    assert only(source)


def test_a_token_that_is_refused_is_replaced_once(fake: FakeAppStore, source: Any) -> None:
    for _ in range(25):
        fake.add("Fine")
    fake.faults.append(Fault(401, after=1))
    assert pulled(source).texts == fake.expected()
    assert len(fake.requests) == 4


def test_an_individual_key_names_no_issuer(
    fake: FakeAppStore, source_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXNLP_APP_STORE_ISSUER_ID")
    fake.individual = True
    fake.add("Fine")
    assert only(source_of(fake, individual_key=True))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't be read"),
        (b"not a key", "AuthKey"),
        (ec.generate_private_key(ec.SECP384R1()), "P-256"),
        (rsa.generate_private_key(65537, 2048), "P-256"),
    ],
    ids=["missing", "rubbish", "other-curve", "rsa"],
)
def test_a_key_file_that_is_none_says_so(
    source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any, said: str
) -> None:
    path = tmp_path / "key.p8"
    if content is not None:
        whole = content if isinstance(content, bytes) else content.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )  # fmt: skip
        path.write_bytes(whole)
    monkeypatch.setenv("CXNLP_APP_STORE_PRIVATE_KEY_FILE", str(path))
    with pytest.raises(SourceError, match=rf"CXNLP_APP_STORE_PRIVATE_KEY_FILE.*{said}"):
        pulled(source)


def test_a_relative_key_file_stands_beside_the_configuration(
    fake: FakeAppStore, source_of: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "AuthKey.p8").write_bytes(Path(fake.environment["CXNLP_APP_STORE_PRIVATE_KEY_FILE"]).read_bytes())
    monkeypatch.setenv("CXNLP_APP_STORE_PRIVATE_KEY_FILE", "AuthKey.p8")
    fake.add("Fine")
    assert only(source_of(fake, root=tmp_path))


# The limit


def test_the_hourly_limit_is_waited_for_before_it_is_hit(fake: FakeAppStore, source: Any, clock: FakeClock) -> None:
    for _ in range(25):
        fake.add("Fine")
    fake.hour_left = 0
    pulled(source)
    assert clock.slept == [900, 900]


@pytest.mark.parametrize(
    ("header", "left"),
    [
        ("user-hour-lim:3500;user-hour-rem:500;", [500]),
        ("user-hour-rem:0", [0]),
        ("user-hour-lim:3500;", []),
        ("user-hour-rem:some;", []),
        ("", []),
    ],
)
def test_the_limit_is_read_from_the_header(header: str, left: list[int]) -> None:
    now = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    assert [budget.left for budget in limits({"x-rate-limit": header}, now)] == left


def test_a_429_without_a_word_on_when_waits_for_the_rolling_hour(
    fake: FakeAppStore, source: Any, clock: FakeClock
) -> None:
    fake.add("Fine")
    fake.faults.append(Fault(429, {"X-Rate-Limit": "user-hour-lim:3500;user-hour-rem:0;"}))
    assert only(source)
    assert sum(clock.slept) == pytest.approx(900)


def test_a_longer_wait_is_left_for_tomorrow(fake: FakeAppStore, source: Any) -> None:
    fake.faults.append(Fault(429, {"Retry-After": "3600"}))
    with pytest.raises(QuotaUsed):
        pulled(source)
