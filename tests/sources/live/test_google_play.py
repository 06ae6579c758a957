"""Google Play: what is its own, beside the contract that all connectors keep."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cxnlp.errors import SourceError
from cxnlp.records import Hint, Scale, Score, Timing

from .conftest import Shelf, utc
from .fake_google_play import FakeGooglePlay, pem
from .serving import FakeClock, Fault

MS = 442_000


@pytest.fixture
def fake(serve_fake: Callable[[str], Any]) -> FakeGooglePlay:
    found: FakeGooglePlay = serve_fake("google_play")
    return found


@pytest.fixture
def source(fake: FakeGooglePlay, source_of: Callable[..., Any]) -> Any:
    return source_of(fake)


def pulled(source: Any, shelf: Shelf | None = None) -> Shelf:
    shelf = shelf or Shelf()
    return shelf.take(source.pull(shelf.cursor, page_size=1000))


def only(source: Any) -> Any:
    (record,) = pulled(source).records.values()
    return record


# What becomes of a review


def test_every_field_is_mapped(fake: FakeGooglePlay, source: Any) -> None:
    number = fake.add("Crashes\tEvery time I open the map", reviewerLanguage="de")
    fake.reply(number, "Fixed in 2.1.1")
    record = only(source)
    assert record.source == "live"
    assert record.source_record_id == record.response_id == "gp:AOqpT00000"
    assert record.text == "Crashes. Every time I open the map"
    assert record.question is None
    assert record.score == Score(2, Scale.STARS)
    assert record.created_at == record.updated_at == utc(2026, 3, 1, 0, 2, 0, MS)
    assert record.language == "de"
    assert record.customer_ref == "Jo B0"
    assert record.hints == {Hint.PRODUCT: "com.acme.maps"}
    assert record.timing == Timing(first_reply_at=utc(2026, 3, 1, 0, 4, 0, MS))
    assert record.attributes == {
        "via": "app_store_google",
        "version": "2.1.0",
        "version_code": "210",
        "android": "34",
        "device": "klte (Galaxy S5)",
        "manufacturer": "Samsung",
        "device_class": "phone",
    }


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("Crashes\tEvery time", "Crashes. Every time"),
        ("Why?\tNo idea", "Why? No idea"),
        ("\tJust a body", "Just a body"),
        ("Just a title\t", "Just a title"),
        ("One\ttwo\tthree", "One. two three"),
    ],
)
def test_title_and_body_are_joined_as_sentences(fake: FakeGooglePlay, source: Any, sent: str, text: str) -> None:
    fake.add(sent)
    assert only(source).text == text


def test_the_words_are_those_that_were_written_not_their_translation(fake: FakeGooglePlay, source: Any) -> None:
    fake.add("Crashes", originalText="Stürzt ab\tJedes Mal")
    assert only(source).text == "Stürzt ab. Jedes Mal"
    assert all("translationLanguage" not in asked for asked in fake.listings)


def test_the_newest_comment_counts_whatever_the_order(fake: FakeGooglePlay, source: Any) -> None:
    number = fake.add("Great now")
    older = {"text": "Broken", "starRating": 1, "lastModified": {"seconds": "1772000000"}}
    fake.reviews[number]["comments"].append({"userComment": older})
    assert only(source).text == "Great now"


def test_the_first_reply_counts_and_its_words_are_left_out(fake: FakeGooglePlay, source: Any) -> None:
    number = fake.add("Slow")
    fake.reply(number, "We are on it")
    fake.reply(number, "Done")
    fake.reviews[number]["comments"].reverse()
    record = only(source)
    assert record.timing.first_reply_at == utc(2026, 3, 1, 0, 4, 0, MS)
    assert record.text == "Slow"


def test_a_reply_is_seen_when_its_review_is_read_again(fake: FakeGooglePlay, source: Any) -> None:
    number = fake.add("Slow")
    fake.tick(hours=1)
    fake.add("Newer than the overlap is long")
    shelf = pulled(source)
    fake.tick(days=2)
    fake.reply(number, "Sorry")
    pulled(source, shelf)
    assert shelf.records["gp:AOqpT00000"].timing.first_reply_at == utc(2026, 3, 3, 1, 6, 0, MS)


def test_stars_without_words_count(fake: FakeGooglePlay, source: Any) -> None:
    fake.add("")
    record = only(source)
    assert (record.text, record.score) == ("", Score(2, Scale.STARS))


def test_nothing_at_all_gives_no_record(fake: FakeGooglePlay, source: Any) -> None:
    fake.add("", starRating=None)
    shelf = pulled(source)
    assert not shelf.records and not shelf.rejects


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"starRating": 9}, "score_out_of_scale"),
        ({"starRating": "many"}, "unreadable_score"),
        ({"text": ["a", "b"]}, "unexpected_shape"),
        ({"lastModified": None}, "unreadable_date"),
        ({"lastModified": {"nanos": 0}}, "unreadable_date"),
    ],
)
def test_a_surprise_says_why(fake: FakeGooglePlay, source: Any, change: dict[str, Any], reason: str) -> None:
    number = fake.add("Fine")
    fake._changed = lambda number: fake.now.timestamp()  # type: ignore[method-assign]
    fake.said(number).update(change)
    shelf = pulled(source)
    assert [reject.reason for reject in shelf.rejects] == [reason]
    assert shelf.rejects[0].record_id == "gp:AOqpT00000"


def test_the_language_can_be_left_to_the_text(fake: FakeGooglePlay, source_of: Callable[..., Any]) -> None:
    fake.add("Stürzt ab", reviewerLanguage="en")
    assert only(source_of(fake, device_language=False)).language is None


def test_a_customer_without_a_name_has_no_reference(fake: FakeGooglePlay, source: Any) -> None:
    fake.reviews[fake.add("Fine")]["authorName"] = "A Google user"
    assert only(source).customer_ref is None


# When it was written


def test_an_edited_review_keeps_the_date_that_was_seen_first(fake: FakeGooglePlay, source: Any) -> None:
    number = fake.add("Broken")
    shelf = pulled(source)
    for day in range(3):
        fake.tick(days=4)
        fake.edit(number, f"Better {day}")
        pulled(source, shelf)
    record = shelf.records["gp:AOqpT00000"]
    assert record.text == "Better 2"
    assert record.created_at == utc(2026, 3, 1, 0, 2, 0, MS)
    assert record.updated_at == utc(2026, 3, 13, 0, 8, 0, MS)


def test_the_first_date_is_remembered_of_the_newest_reviews_only(
    fake: FakeGooglePlay, source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cxnlp.sources.live.google_play._REMEMBERED", 3)
    numbers = [fake.add(f"Number {at}") for at in range(25)]
    shelf = pulled(source)
    assert len(json.loads(shelf.cursor or "")["state"]["first"]) == 3
    assert shelf.records["gp:AOqpT00000"].created_at == utc(2026, 3, 1, 0, 2, 0, MS)
    fake.tick(days=1)
    fake.edit(numbers[0], "Forgotten")
    fake.edit(numbers[24], "Remembered")
    pulled(source, shelf)
    assert shelf.records["gp:AOqpT00000"].created_at == utc(2026, 3, 2, 0, 52, 0, MS)
    assert shelf.records["gp:AOqpT00024"].created_at == utc(2026, 3, 1, 0, 50, 0, MS)


def test_a_date_ahead_of_time_hides_nothing_that_comes_later(
    fake: FakeGooglePlay, source: Any, clock: FakeClock
) -> None:
    clock.at = utc(2026, 3, 2)
    number = fake.add("From the future")
    fake.said(number)["lastModified"] = {"seconds": str(int(utc(2027, 1, 1).timestamp()))}
    shelf = pulled(source)
    assert [reject.reason for reject in shelf.rejects] == ["date_in_future"]
    clock.at = fake.now = utc(2026, 3, 3)
    fake.add("From today")
    assert list(pulled(source, shelf).texts.values()) == ["From today"]


# Paging and cursor


def test_an_empty_answer_has_no_key_and_is_no_fault(fake: FakeGooglePlay, source: Any) -> None:
    assert not pulled(source).records
    assert fake.listings == [{"maxResults": "10"}]


def test_a_night_with_nothing_new_reads_the_first_pages_only(fake: FakeGooglePlay, source: Any) -> None:
    for at in range(45):
        fake.add(f"Number {at}")
    shelf = pulled(source)
    assert len(fake.listings) == 5
    pulled(source, shelf)
    assert len(fake.listings) == 5 + 2  # one with the overlap, one with nothing new


def test_what_the_index_was_late_with_is_found_within_the_overlap(fake: FakeGooglePlay, source_of: Any) -> None:
    source = source_of(fake, overlap_minutes=10)
    fake.add("Early")
    fake.tick(minutes=20)
    fake.add("Late")
    shelf = pulled(source)
    for minutes, text in ((9, "Within"), (11, "Too late")):
        number = fake.add(text)
        before = utc(2026, 3, 1, 0, 24) - dt.timedelta(minutes=minutes)
        fake.said(number)["lastModified"] = {"seconds": str(int(before.timestamp())), "nanos": 0}
    pulled(source, shelf)
    assert set(shelf.texts.values()) == {"Early", "Late", "Within"}


def test_a_walk_that_was_broken_off_is_finished_and_then_brought_up_to_date(fake: FakeGooglePlay, source: Any) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
    shelf = Shelf().take(itertools.islice(source.pull(None, page_size=1000), 1))
    fake.tick(days=1)
    fake.add("In the meantime")
    pulled(source, shelf)
    assert shelf.texts == fake.expected()
    assert "token" not in json.loads(shelf.cursor or "")["state"]


def test_a_page_token_that_lapsed_begins_the_walk_again(fake: FakeGooglePlay, source: Any) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
    shelf = Shelf().take(itertools.islice(source.pull(None, page_size=1000), 1))
    fake.era += 1
    assert pulled(source, shelf).texts == fake.expected()


def test_reviews_changed_before_the_start_are_left_out(fake: FakeGooglePlay, source_of: Callable[..., Any]) -> None:
    fake.now = utc(2026, 3, 1, 23, 50)
    for at in range(10):
        fake.add(f"Number {at}")
    assert set(pulled(source_of(fake, start="2026-03-02")).texts.values()) == {f"Number {at}" for at in range(4, 10)}


def test_a_full_page_with_none_after_it_is_warned_of(fake: FakeGooglePlay, source: Any, clock: FakeClock) -> None:
    for at in range(45):
        fake.add(f"Number {at}")
    clock.at = fake.now
    fake.most_pages = 2
    pages = list(source.pull(None, page_size=1000))
    assert [len(page.records) for page in pages] == [10, 10]
    assert "monthly CSV" in pages[-1].warnings[0] and "older ones may be missing" in pages[-1].warnings[0]
    assert not [page.warnings for page in source.pull(pages[-1].cursor, page_size=1000) if page.warnings]


@pytest.mark.parametrize(("days", "warned"), [(7, False), (8, True)])
def test_a_pause_longer_than_google_shows_is_warned_of(
    fake: FakeGooglePlay, source_of: Callable[..., Any], clock: FakeClock, days: int, warned: bool
) -> None:
    clock.at = fake.now
    source = source_of(fake, start="2026-02-25")
    fake.add("Before")
    first = list(source.pull(None, page_size=1000))
    assert not first[0].warnings
    clock.at = fake.tick(days=days)
    fake.add("After")
    page = next(source.pull(first[-1].cursor, page_size=1000))
    assert bool(page.warnings) is warned
    if warned:
        assert "2026-03-01" in page.warnings[0] and "monthly CSV" in page.warnings[0]


def test_an_answer_of_another_shape_is_a_fault_of_the_source(fake: FakeGooglePlay, source: Any) -> None:
    fake.faults.append(Fault(200, body=b'["what is this?"]', after=1))
    with pytest.raises(SourceError, match="not as the contract says"):
        pulled(source)


def test_requests_stay_under_the_limit_of_an_hour(fake: FakeGooglePlay, source_of: Any, clock: FakeClock) -> None:
    for at in range(45):
        fake.add(f"Number {at}")
    options = fake.options.pop("requests_per_hour")
    pulled(source_of(fake))
    assert options and len(fake.listings) == 5
    assert sum(clock.slept) == pytest.approx(4 * 3600 / 190, rel=0.01)


# Who may read


def test_a_token_that_lapses_is_renewed_once_and_nothing_is_lost(fake: FakeGooglePlay, source: Any) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
    shelf = Shelf()
    for page in source.pull(None, page_size=1000):
        shelf.take([page])
        fake.expire()
    assert shelf.texts == fake.expected()
    assert fake.given == 1 + 2  # each of the later pages found the token lapsed


def test_a_token_that_stays_refused_is_not_asked_for_again(fake: FakeGooglePlay, source: Any) -> None:
    fake.faults += [Fault(401, after=1), Fault(401, after=1)]
    with pytest.raises(SourceError, match="401"):
        pulled(source)
    assert fake.given == 1


def test_the_token_is_waited_for_by_the_clock_of_the_source(
    fake: FakeGooglePlay, source: Any, clock: FakeClock
) -> None:
    fake.add("Fine")
    fake.faults += [Fault(503, {"Retry-After": "40"}), Fault(429, {"Retry-After": "50"})]
    assert len(pulled(source).records) == 1
    assert clock.slept[:2] == [40, 50]


def test_a_key_that_google_does_not_know_says_what_to_check(fake: FakeGooglePlay, source: Any) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    other = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    key = json.loads(fake.key_file.read_text())
    fake.key_file.write_text(json.dumps(key | {"private_key": other}))
    with pytest.raises(SourceError, match=r"no access token \(400\).*CXNLP_GOOGLE_PLAY_KEY_FILE.*Reply to reviews"):
        pulled(source)


def test_an_answer_without_a_token_says_so(fake: FakeGooglePlay, source: Any) -> None:
    fake.faults.append(Fault(200, body=b'{"id_token": "ya29.play-other"}'))
    with pytest.raises(SourceError, match="without an access token") as caught:
        pulled(source)
    assert "ya29" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "not JSON", "[]", "{}", '{"private_key": "x"}', "broken key"])
def test_a_key_file_that_is_none_says_so_and_quotes_nothing(
    fake: FakeGooglePlay, source: Any, content: str | None
) -> None:
    if content is None:
        fake.key_file.unlink()
    elif content == "broken key":
        key = json.loads(fake.key_file.read_text())
        fake.key_file.write_text(json.dumps(key | {"private_key": key["private_key"][:300]}))
    else:
        fake.key_file.write_text(content)
    with pytest.raises(SourceError, match=r"no service account's JSON key .*CXNLP_GOOGLE_PLAY_KEY_FILE") as caught:
        pulled(source)
    assert not [secret for secret in (*fake.secrets, str(fake.key_file)) if secret in str(caught.value)]


def test_a_key_itself_in_the_variable_is_not_repeated(
    fake: FakeGooglePlay, source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXNLP_GOOGLE_PLAY_KEY_FILE", fake.key_file.read_text())
    with pytest.raises(SourceError, match="CXNLP_GOOGLE_PLAY_KEY_FILE") as caught:
        pulled(source)
    assert "PRIVATE" not in str(caught.value)


def test_a_key_file_is_found_from_the_configuration_s_folder(
    fake: FakeGooglePlay, source_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.add("Fine")
    monkeypatch.setenv("CXNLP_GOOGLE_PLAY_KEY_FILE", fake.key_file.name)
    assert len(pulled(source_of(fake, root=Path(fake.key_file.parent))).records) == 1


def test_an_app_that_is_not_ours_is_said_to_be_refused(fake: FakeGooglePlay, source_of: Callable[..., Any]) -> None:
    with pytest.raises(SourceError, match=r"com\.acme\.other/reviews answered 404"):
        pulled(source_of(fake, package="com.acme.other"))
