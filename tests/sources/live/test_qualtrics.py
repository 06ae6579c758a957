from __future__ import annotations

import datetime as dt
import io
import itertools
import json
import secrets
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale, Score, Timing
from cxnlp.sources.live.qualtrics import Qualtrics, _responses

from .conftest import Shelf, utc
from .fake_qualtrics import NAME, QUIET, SURVEY, packed
from .serving import FakeClock, Fault


@pytest.fixture
def fake(serve_fake: Callable[[str], Any]) -> Any:
    return serve_fake("qualtrics")


@pytest.fixture
def source(fake: Any, source_of: Callable[..., Any]) -> Any:
    return source_of(fake)


def pulled(source: Any, cursor: str | None = None) -> Shelf:
    return Shelf().take(source.pull(cursor, page_size=1000))


def only(source: Any) -> Feedback:
    shelf = pulled(source)
    assert not shelf.rejects
    (record,) = shelf.records.values()
    return record


def windows(fake: Any, survey: str = SURVEY) -> list[tuple[str, str | None]]:
    return [(body["startDate"], body.get("endDate")) for asked, body in fake.asked if asked == survey]


def zipped(*contents: str) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for at, content in enumerate(contents):
            archive.writestr(f"{at}.json", content)
    return raw.getvalue()


# What becomes what


def test_an_answer_in_words_has_all_that_is_known_of_its_response(fake: Any, source: Any) -> None:
    fake.add("Next day delivery please", Location="Leeds", product="Boots")
    assert only(source) == Feedback(
        source="live",
        source_record_id="R_7000:QID3_TEXT",
        channel="survey",
        text="Next day delivery please",
        response_id="R_7000",
        question="What should we <b>improve</b>?",
        created_at=utc(2026, 5, 30, 0, 2),
        updated_at=utc(2026, 5, 30, 0, 2),
        language="EN",
        customer_ref="C-20991",
        score=Score(8, Scale.NPS),
        hints={Hint.LOCATION: "Leeds", Hint.PRODUCT: "Boots"},
        timing=Timing(),
        attributes={"survey": "Shop survey", "via": "email", "finished": "1"},
    )


@pytest.mark.parametrize(
    ("values", "customer"),
    [
        ({"externalDataReference": None}, "ann@example.com"),
        ({"externalDataReference": "", "recipientEmail": None}, None),
    ],
)
def test_the_customer_is_the_reference_or_else_the_address(fake: Any, source: Any, values: Any, customer: Any) -> None:
    fake.add("Fine", **values)
    assert only(source).customer_ref == customer


@pytest.mark.parametrize(
    ("key", "value", "question"),
    [
        ("QID5_9_TEXT", "The courier", "What went wrong? (Other)"),  # the box beside a choice
        ("1_QID3_TEXT", "In the first loop", "What should we <b>improve</b>?"),
        ("2_QID5_9_TEXT", "In the second loop", "What went wrong? (Other)"),
        ("QID99_TEXT", "A question that the definition has no longer", None),
        ("QID18#1_1", "Text in a matrix", None),
        ("QID3_4", "A field of a form", "What should we <b>improve</b>?"),
    ],
)
def test_words_are_found_wherever_a_question_takes_them(
    fake: Any, source: Any, key: str, value: str, question: str | None
) -> None:
    fake.add("", QID3_TEXT=None, **{key: value})
    record = only(source)
    assert (record.source_record_id, record.text, record.question) == (f"R_7000:{key}", value, question)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("QID18#1_1", "2"),
        ("QID5", ["1", "9"]),
        ("QID5", "9"),
        ("QID20_BROWSER", "Safari iPhone"),
        ("QID17_FILE_NAME", "receipt.jpeg"),
        ("QID3_DO", "1"),
        ("Additionalcomments", "set by the survey's flow"),
    ],
)
def test_what_is_not_the_customers_words_is_no_record(fake: Any, source: Any, key: str, value: Any) -> None:
    fake.add("Good", **{key: value})
    assert only(source).text == "Good"


def test_several_answers_of_a_response_share_its_id_and_score(fake: Any, source: Any) -> None:
    fake.add("Faster", QID5_9_TEXT="The courier")
    records = pulled(source).records
    assert set(records) == {"R_7000:QID3_TEXT", "R_7000:QID5_9_TEXT"}
    assert {(one.response_id, one.score) for one in records.values()} == {("R_7000", Score(8, Scale.NPS))}


def test_the_group_of_an_nps_answer_is_never_its_score(fake: Any, source: Any) -> None:
    fake.definitions[SURVEY]["QID2"]["Selector"] = "SAVR"
    fake.add("Good", QID2=9, QID2_NPS_GROUP=3)
    assert only(source).score == Score(9, Scale.NPS)


def test_nps_is_known_by_its_selector_too(fake: Any, source: Any) -> None:
    fake.add("Good", QID2=0, QID2_NPS_GROUP=None)
    assert only(source).score == Score(0, Scale.NPS)


def test_a_part_of_an_nps_question_is_not_its_score(fake: Any, source: Any) -> None:
    fake.add("Good", QID2=None, QID2_NPS_GROUP=None, QID2_3=1)
    assert only(source).score is None


def test_the_first_score_of_a_scale_counts_once(fake: Any, source_of: Callable[..., Any]) -> None:
    fake.add("Good", QID2=None, QID2_NPS_GROUP=None, **{"1_QID4": 5, "2_QID4": 1})  # a question asked in a loop
    assert only(source_of(fake, scores={"csat": "csat"})).score == Score(5, Scale.CSAT)


def test_a_score_without_words_counts(fake: Any, source: Any) -> None:
    fake.add("", QID3_TEXT=None)
    record = only(source)
    assert (record.source_record_id, record.response_id, record.text) == ("R_7000:QID2", "R_7000", "")
    assert (record.score, record.question) == (Score(8, Scale.NPS), "How likely are you to recommend us?")
    assert record.attributes["message"] == "rating"


def test_a_response_without_words_and_score_is_no_record(fake: Any, source: Any) -> None:
    fake.add("", QID2=None, QID2_NPS_GROUP=None)
    assert not pulled(source).records


@pytest.mark.parametrize("name", ["csat", "QID4", "SV_shop.QID4"])
def test_a_question_is_a_score_by_its_tag_or_id(fake: Any, source_of: Callable[..., Any], name: str) -> None:
    fake.add("Good", QID2=None, QID2_NPS_GROUP=None, QID4=5)
    assert only(source_of(fake, scores={name: "csat"})).score == Score(5, Scale.CSAT)


def test_a_scale_that_begins_with_the_best_is_reversed(fake: Any, source_of: Callable[..., Any]) -> None:
    fake.add("Good", QID2=None, QID2_NPS_GROUP=None, QID4=1)
    source = source_of(fake, scores={"csat": "csat"}, reverse=["csat"])
    assert only(source).score == Score(5, Scale.CSAT)


def test_scores_on_two_scales_both_count(fake: Any, source_of: Callable[..., Any]) -> None:
    fake.add("Good", QID4=4)
    records = pulled(source_of(fake, scores={"csat": "csat"})).records
    assert {number: (one.text, one.score) for number, one in records.items()} == {
        "R_7000:QID3_TEXT": ("Good", Score(8, Scale.NPS)),
        "R_7000:QID4": ("", Score(4, Scale.CSAT)),
    }


@pytest.mark.parametrize("codes", [range(5), range(1, 8), range(1, 5)], ids=["0-4", "1-7", "1-4"])
def test_answers_that_are_numbered_unlike_the_scale_are_no_score(
    fake: Any, source_of: Callable[..., Any], codes: range
) -> None:
    fake.definitions[SURVEY]["QID4"]["RecodeValues"] = {}
    fake.definitions[SURVEY]["QID4"]["Choices"] = {str(code): {"Display": "…"} for code in codes}
    fake.add("Good", QID2=None, QID2_NPS_GROUP=None, QID4=4)
    record = only(source_of(fake, scores={"csat": "csat"}))
    assert record.score is None and record.attributes["csat"] == "4"


def test_a_row_of_a_matrix_can_be_a_score(fake: Any, source_of: Callable[..., Any]) -> None:
    fake.definitions[SURVEY]["QID4"] = {
        "QuestionText": "How good was",
        "DataExportTag": "good",
        "QuestionType": "Matrix",
        "Selector": "Likert",
        "Choices": {"1": {"Display": "the price"}, "2": {"Display": "the help"}},
        "Answers": {str(code): {"Display": "…"} for code in range(1, 6)},
    }
    fake.add("", QID3_TEXT=None, QID2=None, QID2_NPS_GROUP=None, QID4_1=1, QID4_2=5)
    record = only(source_of(fake, scores={"good_2": "csat"}))
    assert (record.score, record.question) == (Score(5, Scale.CSAT), "How good was (the help)")


def test_a_score_off_its_scale_is_set_aside(fake: Any, source: Any) -> None:
    fake.add("Good", QID2=11)
    assert [reject.reason for reject in pulled(source).rejects] == ["score_out_of_scale"]


def test_hints_are_named_by_the_options_and_said_in_words(fake: Any, source_of: Callable[..., Any]) -> None:
    fake.add("Good", QID5="9", Shop="12", Audience="3")
    record = only(source_of(fake, hints={"class": "QID5", "location": "Shop"}, fields=["Audience"]))
    assert record.hints == {Hint.CLASS: "Other", Hint.LOCATION: "12"}
    assert record.attributes["Audience"] == "3"


def test_the_label_that_comes_with_a_response_goes_before_the_definition(
    fake: Any, source_of: Callable[..., Any]
) -> None:
    number = fake.add("Good", QID5="9")
    fake.responses[number]["labels"]["QID5"] = "As it was called then"
    assert only(source_of(fake, hints={"class": "QID5"})).hints == {Hint.CLASS: "As it was called then"}


def test_other_embedded_data_are_not_kept(fake: Any, source: Any) -> None:
    fake.add("Good", FullName="Ann Lee", Phone="(807) 623-8844", ipAddress="216.211.50.3")
    record = only(source)
    assert record.attributes.keys() == {"survey", "via", "finished"} and not record.hints


def test_questions_that_ask_for_names_can_be_left_out(fake: Any, source_of: Callable[..., Any]) -> None:
    fake.add("Good", QID5_9_TEXT="Ann Lee")
    assert only(source_of(fake, leave_out=["wrong"])).text == "Good"


@pytest.mark.parametrize(
    "values", [{"status": 1}, {"status": 2}, {"distributionChannel": "preview"}], ids=["preview", "test", "channel"]
)
def test_previews_and_tests_are_left_out(fake: Any, source: Any, values: dict[str, Any]) -> None:
    fake.add("Only trying", **values)
    assert not pulled(source).records


def test_a_test_is_known_by_its_label_too(fake: Any, source: Any) -> None:
    number = fake.add("Only trying", status=64)
    fake.responses[number]["labels"]["status"] = "Survey Test"
    assert not pulled(source).records


def test_a_channel_that_nobody_knows_is_kept_as_it_is_called(fake: Any, source: Any) -> None:
    fake.add("Good", distributionChannel="smoke signal", status=12)
    assert only(source).attributes["via"] == "smoke signal"


def test_a_response_without_an_id_is_set_aside(fake: Any, source: Any) -> None:
    fake.responses[fake.add("Good")]["responseId"] = None
    assert [reject.reason for reject in pulled(source).rejects] == ["missing_id"]


def test_a_time_without_a_zone_is_set_aside(fake: Any, source: Any) -> None:
    fake.add("Good", recordedDate="2026-05-30 00:01:00")
    assert [reject.reason for reject in pulled(source).rejects] == ["unreadable_date"]


# What is asked


def test_every_survey_is_read_without_a_list_and_only_those_of_a_list(fake: Any, source_of: Callable[..., Any]) -> None:
    fake.add("Here", survey=SURVEY)
    fake.add("There", survey=QUIET)
    assert set(pulled(source_of(fake)).texts.values()) == {"Here", "There"}
    assert set(pulled(source_of(fake, surveys=[QUIET])).texts.values()) == {"There"}


def test_exports_ask_for_json_and_nothing_that_clashes_with_it(fake: Any, source: Any) -> None:
    pulled(source)
    assert [body for _, body in fake.asked] == 2 * [{"format": "json", "startDate": "2026-05-10T00:00:00Z"}]


def test_a_definition_is_only_read_where_there_are_responses(fake: Any, source: Any) -> None:
    for at in range(25):
        fake.add(f"No {at}")
    pulled(source)
    assert [r.url.path for r in fake.requests if "definitions" in r.url.path] == [
        f"/API/v3/survey-definitions/{SURVEY}"
    ]


def test_the_first_pull_walks_windows_and_leaves_the_last_one_open(fake: Any, source_of: Callable[..., Any]) -> None:
    for _ in range(3):
        fake.add("Hello")
        fake.tick(days=-10)
    pulled(source_of(fake, start="2026-05-01", window_days=12))
    assert windows(fake) == [
        ("2026-05-01T00:00:00Z", "2026-05-13T00:00:00Z"),
        ("2026-05-13T00:00:00Z", "2026-05-25T00:00:00Z"),
        ("2026-05-25T00:00:00Z", None),
    ]


def test_windows_get_longer_where_nothing_was_said(fake: Any, source_of: Callable[..., Any]) -> None:
    fake.now = utc(2021, 1, 5)
    fake.add("Long ago")
    fake.now = utc(2026, 5, 30)
    fake.add("Now")
    shelf = pulled(source_of(fake, start="2020-01-01"))
    assert set(shelf.texts.values()) == {"Long ago", "Now"}
    assert len(windows(fake)) < 12


def test_a_response_on_the_edge_of_two_windows_comes_once(fake: Any, source_of: Callable[..., Any]) -> None:
    fake.now = utc(2026, 5, 12, 23, 58)
    fake.add("On the edge")
    shelf = pulled(source_of(fake, start="2026-05-01", window_days=12))
    assert shelf.sent == len(shelf.records) == 1


def test_an_interrupted_first_pull_goes_on_with_its_window(fake: Any, source_of: Callable[..., Any]) -> None:
    fake.tick(days=-20)
    for at in range(20):
        fake.add(f"Day {at}")
        fake.tick(days=1)
    source = source_of(fake, start="2026-05-10", window_days=5, surveys=[SURVEY])
    some = Shelf().take(itertools.islice(source.pull(None, page_size=1000), 4))  # two windows, and the end of each
    before = windows(fake)
    shelf = some.take(source.pull(some.cursor, page_size=1000))
    assert shelf.texts == fake.expected()
    assert windows(fake)[len(before)] == ("2026-05-19T23:50:00Z", "2026-05-24T23:50:00Z")
    assert shelf.sent == 20


def test_the_next_night_asks_from_the_newest_response_with_an_overlap(fake: Any, source_of: Callable[..., Any]) -> None:
    fake.tick(minutes=28.5)
    fake.add("Hello")  # at 00:30:30
    source = source_of(fake, overlap_minutes=20)
    cursor = pulled(source).cursor
    fake.asked.clear()
    pulled(source, cursor)
    assert windows(fake) == [("2026-05-30T00:10:30Z", None)]


def test_a_late_response_within_the_overlap_is_found(fake: Any, source: Any) -> None:
    number = fake.add("Hello")
    cursor = pulled(source).cursor
    late = fake.add("Late")
    fake.recorded[late] = fake.recorded[number] - dt.timedelta(minutes=9)
    assert "Late" in pulled(source, cursor).texts.values()


def test_a_response_from_the_future_does_not_hide_what_comes_next(fake: Any, source: Any, clock: FakeClock) -> None:
    number = fake.add("From tomorrow")
    fake.recorded[number] = clock.at + dt.timedelta(days=40)
    fake.responses[number]["values"]["recordedDate"] = "2026-07-11T00:00:00.000Z"
    shelf = pulled(source)
    assert [reject.reason for reject in shelf.rejects] == ["date_in_future"]
    fake.now = clock.at
    fake.add("Today")
    assert "Today" in pulled(source, shelf.cursor).texts.values()


def test_an_edit_and_a_deletion_are_not_seen(fake: Any, source: Any) -> None:
    numbers = [fake.add("First"), fake.add("Second")]
    fake.tick(days=1)
    fake.add("Third")
    shelf = pulled(source)
    fake.edit(numbers[0], "Changed")
    fake.delete(numbers[1])
    again = pulled(source, shelf.cursor)
    assert set(again.texts.values()) == {"Third"}


def test_an_interrupted_export_goes_on_in_the_same_file(fake: Any, source: Any) -> None:
    for at in range(25):
        fake.add(f"No {at}")
    shelf = Shelf().take(itertools.islice((p for p in source.pull(None, page_size=1000) if p.records), 1))
    begun = len(windows(fake))
    shelf.take(source.pull(shelf.cursor, page_size=1000))
    assert shelf.texts == fake.expected() and shelf.sent == 25
    assert len(windows(fake)) == begun


def test_an_export_interrupted_within_its_window_is_followed_by_the_next_window(
    fake: Any, source_of: Callable[..., Any]
) -> None:
    fake.now = utc(2026, 5, 12)
    for at in range(15):
        fake.add(f"Early {at}")
    fake.now = utc(2026, 5, 20)
    fake.add("In the next window")
    source = source_of(fake, window_days=5, surveys=[SURVEY])
    shelf = Shelf().take(itertools.islice(source.pull(None, page_size=1000), 1))
    assert len(shelf.records) == 10
    shelf.take(source.pull(shelf.cursor, page_size=1000))
    assert shelf.texts == fake.expected() and shelf.sent == 16


def test_a_file_that_is_no_longer_there_is_exported_anew(fake: Any, source: Any) -> None:
    for at in range(25):
        fake.add(f"No {at}")
    shelf = Shelf().take(itertools.islice((p for p in source.pull(None, page_size=1000) if p.records), 2))
    fake.files.clear()
    shelf.take(source.pull(shelf.cursor, page_size=1000))
    assert shelf.texts == fake.expected() and shelf.sent == 20 + 25


def test_another_list_of_surveys_or_window_keeps_what_is_read(fake: Any, source_of: Callable[..., Any]) -> None:
    fake.add("Hello")
    fake.tick(hours=1)
    fake.add("Again")
    cursor = pulled(source_of(fake)).cursor
    assert set(pulled(source_of(fake, surveys=[SURVEY], window_days=1), cursor).texts.values()) == {"Again"}


def test_100_per_cent_is_not_the_end_of_an_export(fake: Any, source: Any, clock: FakeClock) -> None:
    fake.polls = 6
    fake.add("Hello")
    assert len(pulled(source).records) == 1
    assert clock.slept.count(5) == 12


def test_an_export_that_is_never_complete_is_given_up(fake: Any, source_of: Callable[..., Any]) -> None:
    fake.polls = 10_000
    with pytest.raises(SourceError, match="not complete after 2 minutes"):
        pulled(source_of(fake, export_minutes=2, surveys=[SURVEY]))


def test_an_export_that_was_not_begun_is_not_polled(fake: Any, source_of: Callable[..., Any]) -> None:
    fake.faults.append(Fault(200, body=b'{"result": {}, "meta": {"httpStatus": "202 - Accepted"}}'))
    with pytest.raises(SourceError, match="no progressId"):
        pulled(source_of(fake, surveys=[SURVEY]))
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("trouble", "said"), [("failing", "export failed.*27c5-9"), ("closed", "403.*CXNLP_QUALTRICS")]
)
def test_a_survey_that_fails_stops_no_other(fake: Any, source: Any, trouble: str, said: str) -> None:
    setattr(fake, trouble, {QUIET})  # the first of them
    fake.add("Hello")
    shelf = Shelf()
    with pytest.raises(SourceError, match=f"{QUIET}.*{said}"):
        shelf.take(source.pull(None, page_size=1000))
    fake.failing = fake.closed = set()
    assert set(shelf.texts.values()) == {"Hello"}
    fake.add("There", survey=QUIET)
    assert "There" in shelf.take(source.pull(shelf.cursor, page_size=1000)).texts.values()


def test_a_survey_that_is_unknown_is_named(fake: Any, source_of: Callable[..., Any]) -> None:
    with pytest.raises(SourceError, match=r"SV_gone.*404"):
        pulled(source_of(fake, surveys=["SV_gone"]))


def test_too_many_exports_at_a_time_are_waited_for(fake: Any, source: Any) -> None:
    fake.add("Hello")
    fake.running = {f"ES_x{at}": (SURVEY, b"", 1) for at in range(3)}
    fake.tick()

    def freed(request: Any, body: bytes, right: Callable[..., Any] = fake.answer) -> Any:
        answer = right(request, body)
        fake.running.pop("ES_x0", None)
        return answer

    fake.answer = freed
    assert len(pulled(source).records) == 1


def test_a_next_page_on_another_host_is_not_followed(fake: Any, source: Any) -> None:
    fake.faults.append(Fault(200, body=b'{"result": {"elements": [], "nextPage": "https://evil.example/surveys"}}'))
    with pytest.raises(SourceError, match=r"evil\.example"):
        pulled(source)


def test_a_list_of_surveys_that_is_none_is_an_error(fake: Any, source: Any) -> None:
    fake.faults.append(Fault(200, body=b'{"result": {"elements": {"id": "SV_1"}}}'))
    with pytest.raises(SourceError, match="list of surveys"):
        pulled(source)


def test_requests_are_spread_over_the_minute(fake: Any, source_of: Callable[..., Any], clock: FakeClock) -> None:
    pulled(source_of(fake, requests_per_minute=4, surveys=[SURVEY]))
    assert sum(clock.slept) >= 15 * (len(fake.requests) - 1)


# Archives


@pytest.mark.parametrize("body", [b"<html>busy</html>", packed(b'{"responses": []}')[:-30], b""])
def test_a_broken_archive_is_downloaded_again(
    fake: Any, source_of: Callable[..., Any], clock: FakeClock, body: bytes
) -> None:
    fake.add("Hello")
    fake.faults.append(Fault(200, body=body, after=3))
    assert len(pulled(source_of(fake, surveys=[SURVEY])).records) == 1
    assert 2 in clock.slept and len(windows(fake)) == 1


@pytest.mark.parametrize(
    "spoilt",
    [lambda raw: raw[:60] + bytes([raw[60] ^ 255]) + raw[61:], lambda raw: raw[:-40]],
    ids=["flipped", "short"],
)
def test_an_archive_that_stays_broken_is_an_error(fake: Any, source_of: Callable[..., Any], spoilt: Any) -> None:
    fake.add("Hello")
    right = fake._export
    fake._export = lambda *asked: spoilt(right(*asked))
    with pytest.raises(SourceError, match="not a whole zip archive"):
        pulled(source_of(fake, surveys=[SURVEY]))


def test_an_archive_of_two_files_is_an_error(fake: Any, source_of: Callable[..., Any]) -> None:
    fake._export = lambda *_: packed(b'{"responses": []}', "another.json")
    with pytest.raises(SourceError, match="holds 2 files"):
        pulled(source_of(fake, surveys=[SURVEY]))


def test_an_export_that_unpacks_to_too_much_is_halved(fake: Any, source_of: Callable[..., Any]) -> None:
    for at in range(5):
        fake.now = utc(2026, 5, 11 + 4 * at)
        fake.add(f"No {at}", padding="x" * 400_000)
    shelf = pulled(source_of(fake, start="2026-05-01", largest_export_mb=1, surveys=[SURVEY]))
    assert shelf.texts == fake.expected()
    ends = [end and end[:10] for _, end in windows(fake)]
    assert ends == ["2026-05-31", "2026-05-16", None, "2026-05-24", None]


@pytest.mark.parametrize("start", ["2026-01-01", "2026-06-01"])
def test_a_zip_bomb_is_never_unpacked(fake: Any, source_of: Callable[..., Any], start: str) -> None:
    bomb = packed(b'{"responses": [' + b" " * (3 * 2**20) + b"]}")
    assert len(bomb) < 2**13
    fake._export = lambda *_: bomb
    with pytest.raises(SourceError, match="unpack to more than 1 MB"):
        pulled(source_of(fake, start=start, largest_export_mb=1, surveys=[SURVEY]))


def test_halving_what_is_too_near_to_now_comes_to_an_end(fake: Any, source_of: Callable[..., Any]) -> None:
    fake.now = utc(2026, 5, 31, 23, 28)
    fake.add("Hello")
    source = source_of(fake, largest_export_mb=1, surveys=[SURVEY])
    cursor = pulled(source).cursor
    fake._export = lambda *_: packed(b'{"responses": [' + b" " * (3 * 2**20) + b"]}")
    fake.asked.clear()
    with pytest.raises(SourceError, match="2026-05-31 23:20 on, even of two minutes, unpack to more than 1 MB"):
        pulled(source, cursor)
    assert {end for _, end in windows(fake)} == {None} and len(windows(fake)) < 8


def test_an_archive_that_lies_about_its_size_is_not_unpacked_further(fake: Any, source_of: Callable[..., Any]) -> None:
    content = b'{"responses": [' + b" " * (3 * 2**20) + b"]}"
    size, lie = len(content).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    bomb = packed(content).replace(size, lie)
    fake._export = lambda *_: bomb
    with pytest.raises(SourceError, match="not a whole zip archive"):
        pulled(source_of(fake, largest_export_mb=1, surveys=[SURVEY]))


@pytest.mark.parametrize(
    "content", ["[]", '{"responses": [{"responseId": "R_1"', '{"responses": ' + "[" * 100_000, "{}"]
)
def test_a_file_that_is_not_a_list_of_responses_is_an_error(
    fake: Any, source_of: Callable[..., Any], content: str
) -> None:
    fake._export = lambda *_: zipped(content)
    with pytest.raises(SourceError, match=r"export is|export ends"):
        pulled(source_of(fake, surveys=[SURVEY]))


def test_a_bad_file_is_not_asked_for_the_next_night(fake: Any, source_of: Callable[..., Any]) -> None:
    for at in range(25):
        fake.add(f"No {at}")
    right = fake._export
    fake._export = lambda *asked: packed(zipfile.ZipFile(io.BytesIO(right(*asked))).read(NAME)[:-500])
    source, shelf = source_of(fake, surveys=[SURVEY]), Shelf()
    with pytest.raises(SourceError, match="ends early"):
        shelf.take(source.pull(None, page_size=1000))
    assert 0 < len(shelf.records) < 25
    fake._export = right
    assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 10_000])
def test_responses_are_read_wherever_the_file_is_cut(size: int) -> None:
    class Slow(io.StringIO):
        def read(self, most: int | None = -1, /) -> str:
            return super().read(size if self.tell() else 16)  # first the opening, then little by little

    rows = [{"responseId": f"R_{at}", "values": {"QID3_TEXT": 'a "quoted" ] } , \\ text é' * at}} for at in range(50)]
    text = json.dumps({"responses": [*rows, 12, None, "x"]})
    assert list(_responses(Slow(text))) == [*rows, 12, None, "x"]


def test_a_byte_that_is_not_utf_8_is_one_bad_letter(fake: Any, source: Any) -> None:
    fake.add("Caf%")
    right = fake._export
    fake._export = lambda *asked: packed(zipfile.ZipFile(io.BytesIO(right(*asked))).read(NAME).replace(b"%", b"\xe9"))
    assert only(source).text == "Caf\ufffd"


def test_the_token_is_sent_to_the_account_s_data_center_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXNLP_QUALTRICS_TOKEN", "t")
    with Qualtrics(name="q", channel="survey", data_center="fra1", start="2026-01-01").http() as http:
        assert str(http._client.base_url) == "https://fra1.qualtrics.com"
    with pytest.raises(ValueError, match="data_center"):
        Qualtrics(name="q", channel="survey", data_center="evil.example/", start="2026-01-01")


def test_a_file_that_is_too_large_to_read_is_halved_too(
    fake: Any, source_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(5):
        fake.now = utc(2026, 5, 11 + 4 * at)
        fake.add(f"No {at}", padding=secrets.token_hex(20_000))
    monkeypatch.setattr("cxnlp.sources.live.http._LARGEST", 70_000)
    shelf = pulled(source_of(fake, start="2026-05-01", surveys=[SURVEY]))
    assert shelf.texts == fake.expected()
    assert len(windows(fake)) > 2
