"""What is SurveyMonkey's own: designs and their weights, walks that go on from a time, two budgets of requests."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from cxnlp.errors import SourceError
from cxnlp.records import Hint, Scale, Score, Timing
from cxnlp.sources.live.http import QuotaUsed
from cxnlp.sources.live.surveymonkey import SurveyMonkey, limits

from .conftest import Shelf, utc
from .fake_surveymonkey import (
    NPS,
    NPS_CHOICES,
    STARS,
    SURVEYS,
    WHY,
    FakeSurveyMonkey,
    choices,
    one_row,
    question,
    zoned,
)
from .serving import FakeClock, Fault

FIRST, SECOND = SURVEYS


@pytest.fixture
def fake(serve_fake: Callable[[str], Any]) -> Any:
    return serve_fake("surveymonkey")


@pytest.fixture
def pull(fake: FakeSurveyMonkey, source_of: Callable[..., Any]) -> Callable[..., Shelf]:
    def pulled(cursor: str | None = None, **options: Any) -> Shelf:
        return Shelf().take(source_of(fake, **options).pull(cursor, page_size=1000))

    return pulled


def only(shelf: Shelf) -> Any:
    assert not shelf.rejects
    [record] = shelf.records.values()
    return record


def silent(fake: FakeSurveyMonkey, **more: Any) -> int:
    """Add a response that answers nothing yet."""
    number = fake.add("", survey=FIRST, **more)
    fake.responses[number]["pages"] = [{"id": "7001", "questions": []}]
    return number


def rating(ident: str, *weights: Any, rows: int = 1, **more: Any) -> dict[str, Any]:
    """A rating whose choices count up from 41000."""
    every = [row for at in range(rows) for row in one_row(str(40000 + at))]
    return question(
        ident, "matrix", "rating", "Rate us", answers={"rows": every, "choices": choices(41000, *weights)}, **more
    )


# Mapping


def test_a_response_becomes_a_record_with_its_question_score_and_facts(fake: Any, pull: Any) -> None:
    number = fake.add(
        "Delivery slots are too wide",
        survey=FIRST,
        recipient_id="607",
        custom_variables={"location": "Leeds", "campaign": "spring"},
        date_created="2026-03-01T10:02:11+00:00",
        date_modified="2026-03-01T12:04:35+02:00",
    )
    fake.designs[FIRST]["folder_id"] = "88"
    record = only(pull())
    assert record.source_record_id == f"{number}:{WHY}"
    assert record.response_id == str(number)
    assert record.text == "Delivery slots are too wide"
    assert record.question == "What could we do <b>better</b>?"
    assert record.score == Score(7, Scale.NPS)
    assert record.created_at == utc(2026, 3, 1, 10, 2, 11)
    assert record.updated_at == utc(2026, 3, 1, 10, 4, 35)
    assert record.language == "en"
    assert record.customer_ref == "607"
    assert record.hints == {Hint.LOCATION: "Leeds", Hint.CLASS: "After delivery"}
    assert record.timing == Timing()
    assert record.attributes == {
        "campaign": "spring",
        "collector": "501",
        "folder": "88",
        "status": "completed",
        "survey": "After delivery",
        "survey_id": FIRST,
        "via": "default",
    }


def test_times_without_an_offset_are_utc(fake: Any, pull: Any) -> None:
    fake.add("Late", date_created="2026-03-01T10:02:11")
    assert only(pull()).created_at == utc(2026, 3, 1, 10, 2, 11)


def test_the_language_of_the_respondent_counts_before_that_of_the_survey(fake: Any, pull: Any) -> None:
    fake.add("Zu spät", metadata={"respondent": {"language": {"type": "string", "value": "de"}}})
    assert only(pull()).language == "de"


@pytest.mark.parametrize(
    ("fields", "customer"),
    [
        ({"recipient_id": "607", "custom_value": "C-1"}, "607"),
        ({"recipient_id": "0", "custom_value": "C-1"}, "C-1"),
        ({"recipient_id": "", "email_address": "a@b.example"}, "a@b.example"),
        ({"metadata": {"contact": {"email": {"type": "string", "value": "a@b.example"}}}}, "a@b.example"),
        ({"recipient_id": "0", "metadata": {"contact": {}}}, None),
    ],
)
def test_an_anonymous_recipient_is_no_customer(
    fake: Any, pull: Any, fields: dict[str, Any], customer: str | None
) -> None:
    fake.add("Late", **fields)
    assert only(pull()).customer_ref == customer


def test_variables_are_hints_or_the_customer_or_attributes(fake: Any, pull: Any) -> None:
    fake.add("Late", custom_variables={"store": "Leeds", "client": "C-1", "wave": "2"})
    record = only(pull(hints={"location": "store"}, customer=["client"]))
    assert (record.hints[Hint.LOCATION], record.customer_ref) == ("Leeds", "C-1")
    assert record.attributes["wave"] == "2"
    assert not {"store", "client"} & record.attributes.keys()


def test_closed_answers_are_attributes_or_hints(fake: Any, pull: Any) -> None:
    stores = [{"id": "81", "text": "Leeds"}, {"id": "82", "text": "York"}]
    fake.ask_also(
        question("9070", "single_choice", "menu", "Which store?", answers={"choices": stores}),
        question("9071", "multiple_choice", "vertical", "What did you buy?", answers={"choices": stores}),
    )
    number = fake.add("Late", survey=FIRST)
    fake.answer_question(number, "9070", {"choice_id": "82"})
    fake.answer_question(number, "9071", {"choice_id": "81"}, {"choice_id": "82"})
    fake.answer_question(number, "9072", {"choice_id": "83", "simple_text": "By car"})  # not in the design
    record = only(pull(hints={"location": "9070"}))
    assert record.hints[Hint.LOCATION] == "York"
    answers = {name: value for name, value in record.attributes.items() if name.startswith("answer")}
    assert answers == {"answer 9071": "Leeds, York", "answer 9072": "By car"}


def test_every_box_is_a_record_under_its_own_question(fake: Any, pull: Any) -> None:
    boxes = {"rows": [{"id": "51", "text": "Food"}, {"id": "52", "text": "Staff"}]}
    other = {"id": "61", "text": "Other (please specify)", "is_answer_choice": True}
    fake.ask_also(
        question("9010", "open_ended", "multi", "What of these?", answers=boxes),
        question("9011", "single_choice", "vertical", "How did you pay?", answers={"choices": [], "other": other}),
    )
    number = silent(fake)
    fake.answer_question(number, "9010", {"row_id": "51", "text": "Cold"}, {"row_id": "52", "text": "Kind"})
    fake.answer_question(number, "9011", {"other_id": "61", "text": "By cheque"})
    records = pull().records
    assert {ident: (one.text, one.question) for ident, one in records.items()} == {
        f"{number}:9010:51": ("Cold", "What of these? - Food"),
        f"{number}:9010:52": ("Kind", "What of these? - Staff"),
        f"{number}:9011:61": ("By cheque", "How did you pay? - Other (please specify)"),
    }
    assert {one.response_id for one in records.values()} == {str(number)}


def test_only_words_of_opinion_are_records(fake: Any, pull: Any) -> None:
    fake.ask_also(
        question("9020", "datetime", "date_only", "When?", answers={"rows": one_row("71")}),
        question("9021", "open_ended", "numerical", "How often?", answers={"rows": one_row("72")}),
        question("9022", "open_ended", "single", "How much?", display_options={"display_type": "slider"}),
        question("9023", "open_ended", "single", "Show us", display_options={"display_type": "file_upload"}),
    )
    number = fake.add("Late", survey=FIRST)
    fake.answer_question(number, "9004", {"row_id": "33001", "text": "Ada Lovelace"})
    fake.answer_question(number, "9020", {"row_id": "71", "text": "11/29/2025"})
    fake.answer_question(number, "9021", {"row_id": "72", "text": "3"})
    fake.answer_question(number, "9022", {"text": "55"})
    fake.answer_question(number, "9023", {"download_url": "https://x.example/1", "content_type": "image/png"})
    fake.answer_question(number, "9011", {"choice_id": "1", "text": "By card"}, family="single_choice", subtype="menu")
    record = only(pull())
    assert record.text == "Late"
    assert (record.attributes["number 9021:72"], record.attributes["number 9022"]) == ("3", "55")
    assert "Lovelace" not in repr(record)


def test_an_unknown_kind_of_question_with_a_text_is_read(fake: Any, pull: Any) -> None:
    fake.ask_also(question("9030", "voice_note", "transcript", "Tell us", answers={}))
    number = silent(fake)
    fake.answer_question(number, "9030", {"text": "Never again"})
    assert only(pull()).question == "Tell us"


@pytest.mark.parametrize("mode", ["preview", "survey_preview"])
def test_previews_are_left_out(fake: Any, pull: Any, mode: str) -> None:
    fake.add("Only a test", collection_mode=mode)
    assert not pull().records


@pytest.mark.parametrize("status", ["partial", "overquota", "disqualified", "a new one"])
def test_responses_that_are_not_complete_are_kept_and_say_so(fake: Any, pull: Any, status: str) -> None:
    fake.add("I gave up", response_status=status)
    assert only(pull()).attributes["status"] == status


def test_the_wording_that_the_respondent_saw_is_the_question(fake: Any, pull: Any) -> None:
    versions = [{"heading": f"Wording {at}", "random_assignment": {"id": f"v{at}", "percent": 50}} for at in (1, 2)]
    fake.ask_also({**question("9040", "open_ended", "essay", ""), "headings": versions})
    number = silent(fake)
    fake.answer_question(number, "9040", {"text": "Fine"}, variable_id="v2")
    assert only(pull()).question == "Wording 2"


# Scores


def test_a_score_without_words_counts_once(fake: Any, pull: Any) -> None:
    number = silent(fake)
    fake.answer_question(number, NPS, {"choice_id": "31010", "row_id": "30999"})
    record = only(pull())
    assert (record.source_record_id, record.text) == (f"{number}:{NPS}", "")
    assert record.score == Score(10, Scale.NPS)
    assert record.question == "How likely are you to recommend us?"


@pytest.mark.parametrize(
    "answers",
    [
        choices(41000, *range(11)),  # by weight
        choices(41000, *range(1, 12), texts=("Jamais : 0", *map(str, range(1, 10)), "10 = toujours")),  # by text
        choices(41000, *[one["weight"] for one in NPS_CHOICES]),  # the question bank's own, with labels taken away
    ],
    ids=["weights", "texts", "bank"],
)
def test_eleven_choices_from_0_to_10_are_nps(fake: Any, pull: Any, answers: list[dict[str, Any]]) -> None:
    fake.ask_also(
        question("9050", "matrix", "rating", "Recommend?", answers={"rows": one_row("40000"), "choices": answers})
    )
    number = silent(fake)
    fake.answer_question(number, "9050", {"choice_id": "41009", "row_id": "40000"})
    assert only(pull()).score == Score(9, Scale.NPS)
    assert not pull(nps=False).records


@pytest.mark.parametrize(
    ("asked", "score"),
    [
        (
            rating("9050", 1, 2, 3, 4, 5, display_options={"display_type": "emoji", "display_subtype": "star"}),
            Scale.STARS,
        ),
        (rating("9050", 1, 2, 3, 4, 5), Scale.LIKERT5),
        (rating("9050", 7, 6, 5, 4, 3, 2, 1), Scale.LIKERT7),
        (rating("9050", 1, 2, 3, 4), Scale.LIKERT4),
        (rating("9050", 0, 1, 2, 3, 4), None),
        (rating("9050", 1, 2, 3), None),
        (rating("9050", 1, 1, 2, 3, 4), None),
        (rating("9050", 1, 2, 3, 4, 5, rows=2), None),
    ],
    ids=["stars", "likert5", "likert7", "likert4", "from-0", "short", "repeated", "two-rows"],
)
def test_weights_that_are_a_scale_are_a_score(fake: Any, pull: Any, asked: Any, score: Scale | None) -> None:
    fake.ask_also(asked)
    number = fake.add("Late", survey=FIRST)
    fake.answer_question(number, NPS)
    fake.answer_question(number, "9050", {"choice_id": "41001", "row_id": "40000"})
    record = only(pull())
    weight = asked["answers"]["choices"][1]["weight"]
    assert record.score == (score and Score(weight, score))
    assert record.attributes.get("rating 9050:40000") == (None if score else str(weight))


def test_not_applicable_is_no_score_and_no_part_of_the_scale(fake: Any, pull: Any) -> None:
    asked = rating("9050", 1, 2, 3, 4, 5)
    asked["answers"]["choices"] += [{"id": "41099", "is_na": True, "weight": 0, "text": "N/A", "visible": True}]
    fake.ask_also(asked)
    for choice in ("41099", "41004"):
        number = fake.add("Late", survey=FIRST)
        fake.answer_question(number, NPS)
        fake.answer_question(number, "9050", {"choice_id": choice, "row_id": "40000"})
    shelf = pull()
    assert [record.score for record in shelf.records.values()] == [None, Score(5, Scale.LIKERT5)]
    assert not [name for record in shelf.records.values() for name in record.attributes if name.startswith("rating")]


def test_nps_is_the_score_and_other_ratings_are_attributes(fake: Any, pull: Any) -> None:
    number = fake.add("Late", survey=FIRST)
    fake.answer_question(number, STARS, {"choice_id": "32004", "row_id": "32000"})
    record = only(pull())
    assert record.score == Score(7, Scale.NPS)
    assert record.attributes[f"rating {STARS}"] == "4"


def test_the_configured_question_is_the_score_on_the_configured_scale(fake: Any, pull: Any) -> None:
    fake.ask_also(rating("9050", 1, 2, 3, 4, 5))
    number = fake.add("Late", survey=FIRST)
    fake.answer_question(number, "9050", {"choice_id": "41001", "row_id": "40000"})
    assert only(pull(scores={"9050": "csat"})).score == Score(2, Scale.CSAT)
    assert only(pull(scores={"9050": "csat"}, reverse=["9050"])).score == Score(4, Scale.CSAT)


def test_a_configured_scale_that_does_not_fit_is_said(fake: Any, source_of: Any) -> None:
    fake.ask_also(rating("9050", 1, 2, 3))
    fake.add("Late", survey=FIRST)
    pages = list(source_of(fake, scores={"9050": "csat"}).pull(None, page_size=1000))
    assert [warning for page in pages for warning in page.warnings] == [
        f"survey {FIRST}: the weights of question 9050 aren't csat."
    ]


# Designs


def test_questions_beyond_the_described_pages_are_read_from_the_response(fake: Any, source_of: Any) -> None:
    fake.designs[FIRST]["page_count"] = 130
    number = silent(fake)
    more = {"family": "open_ended", "subtype": "essay", "heading": "Anything else?"}
    fake.answer_question(number, "9900", {"text": "The last page"}, **more)
    pages = list(source_of(fake).pull(None, page_size=1000))
    assert only(Shelf().take(pages)).question == "Anything else?"
    assert [warning for page in pages for warning in page.warnings] == [
        f"survey {FIRST} has 130 pages; the vendor described 1 only."
    ]


def test_a_survey_too_large_to_be_described_keeps_its_words(fake: Any, source_of: Any) -> None:
    fake.too_large = True
    fake.add("Late", survey=FIRST)
    pages = list(source_of(fake).pull(None, page_size=1000))
    record = only(Shelf().take(pages))
    assert (record.text, record.question, record.score) == ("Late", "What could we do <b>better</b>?", None)
    assert "413" in next(warning for page in pages for warning in page.warnings)


def test_a_question_that_breaks_the_contract_takes_nothing_else_with_it(fake: Any, source_of: Any) -> None:
    fake.ask_also(question("9060", "matrix", "rating", "Odd", answers=[]))
    fake.add("Late", survey=FIRST)
    pages = list(source_of(fake).pull(None, page_size=1000))
    assert only(Shelf().take(pages)).score == Score(7, Scale.NPS)
    assert "a question is not as its contract says" in next(warning for page in pages for warning in page.warnings)


def test_surveys_without_responses_and_quiet_ones_cost_little(fake: Any, pull: Any) -> None:
    shelf = pull()
    assert [request.url.path for request in fake.requests] == ["/v3/surveys"]
    fake.add("Late", survey=FIRST)
    shelf = pull(shelf.cursor)
    fake.requests.clear()
    assert pull(shelf.cursor).sent == 0
    assert [request.url.path for request in fake.requests] == ["/v3/surveys", f"/v3/surveys/{FIRST}/responses/bulk"]


def test_only_the_configured_surveys_are_read(fake: Any, pull: Any) -> None:
    fake.add("This one", survey=FIRST)
    fake.add("Not this one", survey=SECOND)
    assert list(pull(surveys=[int(FIRST)]).texts.values()) == ["This one"]
    assert not fake.asked("/v3/surveys")


def test_a_configured_survey_that_is_not_there_is_said_when_the_others_are_read(fake: Any, source_of: Any) -> None:
    fake.add("This one", survey=SECOND)
    shelf = Shelf()
    with pytest.raises(SourceError, match=r"'surveys' names 7, .*404"):
        for page in source_of(fake, surveys=["7", SECOND]).pull(None, page_size=1000):
            shelf.take([page])
    assert shelf.texts == fake.expected()


def test_a_survey_that_is_refused_keeps_no_other_from_being_read(fake: Any, source_of: Any) -> None:
    fake.add("Not shared", survey=FIRST)
    fake.add("This one", survey=SECOND)
    right = fake._bulk

    def refused(survey: str, request: Any) -> Any:
        return fake._error(request, 403, "1014", "Permission Error") if survey == FIRST else right(survey, request)

    fake._bulk = refused
    shelf = Shelf()
    with pytest.raises(SourceError, match=f"{FIRST}.*403"):
        shelf.take(source_of(fake).pull(None, page_size=1000))
    assert list(shelf.texts.values()) == ["This one"]
    fake._bulk = right
    assert shelf.take(source_of(fake).pull(shelf.cursor, page_size=1000)).texts == fake.expected()


def test_an_id_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="surveys"):
        SurveyMonkey.model_validate(
            {"name": "s", "channel": "survey", "start": "2026-01-01", "surveys": ["../users/me"]}
        )


# Walks


def test_a_response_edited_in_the_middle_of_a_walk_moves_no_other_out_of_it(fake: Any, source_of: Any) -> None:
    numbers = [fake.add(f"Number {at}", survey=FIRST) for at in range(25)]
    shelf = Shelf()
    for at, page in enumerate(source_of(fake).pull(None, page_size=1000)):
        shelf.take([page])
        if at < 3:
            fake.edit(numbers[at], "Changed")  # it leaves a page that was read: all others move up
    assert shelf.texts == fake.expected()


def test_a_walk_that_stopped_goes_on_where_responses_were_deleted_before_it(fake: Any, source_of: Any) -> None:
    numbers = [fake.add(f"Number {at}", survey=FIRST) for at in range(25)]
    shelf = Shelf().take(itertools.islice(source_of(fake).pull(None, page_size=1000), 2))
    for number in numbers[:4]:
        fake.delete(number)
    shelf.take(source_of(fake).pull(shelf.cursor, page_size=1000))
    assert fake.expected().items() <= shelf.texts.items()


@pytest.mark.parametrize("inclusive", [False, True])
def test_a_second_that_fills_pages_is_given_whole_and_once(fake: Any, pull: Any, inclusive: bool) -> None:
    fake.inclusive = inclusive
    for at in range(30):
        number = fake.add(f"Number {at}", survey=FIRST)
        if 3 <= at < 21:
            fake.responses[number]["date_modified"] = "2026-03-10T00:00:00+00:00"
        elif at >= 21:
            fake.responses[number]["date_modified"] = "2026-03-10T00:00:01+00:00"
    shelf = pull()
    assert shelf.texts == fake.expected()
    assert shelf.sent == 30


def test_each_survey_has_its_own_cursor(fake: Any, pull: Any) -> None:
    fake.add("First", survey=FIRST)
    shelf = pull()
    fake.tick(days=9)
    fake.add("Second", survey=SECOND)
    shelf = pull(shelf.cursor)
    # Modified long before the newest response of the other survey, and only seen now.
    fake.add("First again", survey=FIRST, date_modified=zoned(utc(2026, 3, 2)))
    assert "First again" in pull(shelf.cursor).texts.values()


def test_the_last_ten_minutes_are_read_again(fake: Any, pull: Any) -> None:
    fake.add("In time", survey=FIRST)
    shelf, newest = pull(), fake.now
    fake.add("Too late", survey=FIRST, date_modified=zoned(newest - dt.timedelta(minutes=11)))
    fake.add("Late to the index", survey=FIRST, date_modified=zoned(newest - dt.timedelta(minutes=10)))
    assert list(pull(shelf.cursor).texts.values()) == ["Late to the index", "In time"]
    asked = fake.asked("/responses/bulk")[-1].query_params
    assert asked["start_modified_at"] == zoned(newest - dt.timedelta(minutes=10, seconds=1))


def test_the_first_pull_begins_with_the_start(fake: Any, pull: Any) -> None:
    fake.add("Before", date_modified="2026-01-31T23:59:59+00:00")
    fake.add("On the day", date_modified="2026-02-01T00:00:00+00:00")
    assert list(pull(start="2026-02-01").texts.values()) == ["On the day"]


def test_a_date_in_the_future_does_not_carry_the_cursor_with_it(fake: Any, pull: Any) -> None:
    fake.add("From the future", survey=FIRST, date_modified="2031-01-01T00:00:00+00:00")
    shelf = pull()
    fake.now = utc(2026, 6, 1, 12)
    fake.add("Hours later", survey=FIRST)
    assert "Hours later" in pull(shelf.cursor).texts.values()


def test_an_answer_that_is_taken_back_is_retired(fake: Any, source_of: Any) -> None:
    fake.ask_also(question("9010", "open_ended", "essay", "And else?"))
    number = fake.add("Slow", survey=FIRST)
    fake.answer_question(number, "9010", {"text": "And rude"})
    shelf = Shelf().take(source_of(fake).pull(None, page_size=1000))
    assert len(shelf.records) == 2
    fake.tick(days=1)
    fake.answer_question(number, "9010")
    fake.touch(number)
    shelf.take(source_of(fake).pull(shelf.cursor, page_size=1000))
    assert shelf.texts == {f"{number}:{WHY}": "Slow"}


@pytest.mark.parametrize("stopped", [False, True])
def test_an_answer_that_is_taken_back_in_the_middle_of_the_first_walk_is_retired(
    fake: Any, source_of: Any, stopped: bool
) -> None:
    fake.ask_also(question("9010", "open_ended", "essay", "And else?"))
    numbers = [fake.add(f"Number {at}", survey=FIRST) for at in range(25)]
    fake.answer_question(numbers[0], "9010", {"text": "And rude"})
    shelf, pages = Shelf(), source_of(fake).pull(None, page_size=1000)
    shelf.take(itertools.islice(pages, 2))
    assert f"{numbers[0]}:9010" in shelf.texts
    fake.answer_question(numbers[0], "9010")
    fake.touch(numbers[0])
    shelf.take(source_of(fake).pull(shelf.cursor, page_size=1000) if stopped else pages)
    assert shelf.texts == fake.expected()


def test_words_that_come_after_the_score_take_its_place(fake: Any, source_of: Any) -> None:
    number = silent(fake, response_status="partial")
    fake.answer_question(number, NPS, {"choice_id": "31007", "row_id": "30999"})
    shelf = Shelf().take(source_of(fake).pull(None, page_size=1000))
    fake.tick(days=1)
    fake.edit(number, "Now in words")
    shelf.take(source_of(fake).pull(shelf.cursor, page_size=1000))
    assert shelf.texts == {f"{number}:{WHY}": "Now in words"}


def test_a_first_pull_retires_nothing(fake: Any, source_of: Any) -> None:
    for at in range(12):
        fake.add(f"Number {at}")
    assert not [page for page in source_of(fake).pull(None, page_size=1000) if page.retired]


def test_the_page_after_an_unreadable_date_is_read(fake: Any, pull: Any) -> None:
    numbers = [fake.add(f"Number {at}", survey=FIRST) for at in range(12)]
    fake.responses[numbers[4]]["date_modified"] = None
    fake._after = lambda response, since: True  # this vendor sends all
    shelf = pull()
    assert {reject.record_id for reject in shelf.rejects} == {str(numbers[4])}
    assert len(shelf.records) == 11


# Limits


def test_the_day_that_is_used_up_ends_the_night_and_the_next_one_goes_on(
    fake: Any, source_of: Any, clock: FakeClock
) -> None:
    for at in range(40):
        fake.add(f"Number {at}")
    shelf, nights = Shelf(), 0
    while True:
        fake.day_left, nights = 5, nights + 1
        try:
            for page in source_of(fake).pull(shelf.cursor, page_size=1000):
                shelf.take([page])
            break
        except QuotaUsed as used:
            assert "720 minutes" in str(used)
            assert fake.day_left == 0
            assert not [slept for slept in clock.slept if slept > 900]
            clock.at += dt.timedelta(days=1)
    assert shelf.texts == fake.expected()
    assert nights > 2
    assert shelf.sent == 40


def test_a_quota_that_ends_before_the_design_loses_no_page(fake: Any, source_of: Any) -> None:
    for left in range(1, 5):
        shelf, fake.responses = Shelf(), {}
        fake.add("First", survey=FIRST)
        fake.add("Second", survey=SECOND)
        fake.day_left = left
        with pytest.raises(QuotaUsed):
            for page in source_of(fake).pull(None, page_size=1000):
                shelf.take([page])
        fake.day_left = 500
        assert shelf.take(source_of(fake).pull(shelf.cursor, page_size=1000)).texts == fake.expected()


def test_quiet_surveys_before_the_quota_ended_are_not_asked_first_again(fake: Any, source_of: Any) -> None:
    fake.add("First", survey=FIRST)
    fake.add("Second", survey=SECOND)
    shelf = Shelf().take(source_of(fake).pull(None, page_size=1000))
    fake.tick(days=1)
    fake.add("Second again", survey=SECOND)
    for _ in range(2):
        fake.day_left = 2  # the list and one survey
        with pytest.raises(QuotaUsed):
            for page in source_of(fake).pull(shelf.cursor, page_size=1000):
                shelf.take([page])
    fake.day_left = 3
    with pytest.raises(QuotaUsed):
        for page in source_of(fake).pull(shelf.cursor, page_size=1000):
            shelf.take([page])
    assert shelf.texts == fake.expected()


def test_a_minute_that_is_used_up_is_waited_for_before_the_refusal(fake: Any, pull: Any, clock: FakeClock) -> None:
    fake.add("Late")
    fake.minute_left = 0
    assert pull().texts == fake.expected()
    assert set(clock.slept) == {31.0}


def test_a_refusal_of_the_minute_waits_for_its_reset(fake: Any, pull: Any, clock: FakeClock) -> None:
    fake.add("Late")
    names = ("Day-Remaining", "Day-Reset", "Minute-Remaining", "Minute-Reset")
    headers = zip(names, ("400", "43200", "0", "17"), strict=True)
    fake.faults.append(Fault(429, {f"X-Ratelimit-App-Global-{name}": value for name, value in headers}))
    assert pull().texts == fake.expected()
    assert max(clock.slept) == 17.0


def test_a_refusal_of_the_day_stops_at_once_even_with_retry_after(fake: Any, pull: Any, clock: FakeClock) -> None:
    fake.add("Late")
    fake.day_left = 0
    with pytest.raises(QuotaUsed):
        pull()
    assert len(fake.requests) == 1 and not clock.slept


def test_requests_are_spread_over_the_minute(fake: Any, pull: Any, clock: FakeClock) -> None:
    fake.add("Late")
    pull(requests_per_minute=120)
    assert set(clock.slept) == {0.5}


@pytest.mark.parametrize(
    ("headers", "budgets"),
    [
        ({}, []),
        ({"minute-remaining": "3", "minute-reset": "31"}, [(3, 31)]),
        ({"day-remaining": "0", "day-reset": "50"}, [(0, 50)]),
        ({"day-remaining": "0"}, [(0, 3600)]),  # to midnight GMT
        ({"minute-remaining": "soon", "day-remaining": ""}, []),
    ],
)
def test_headers_tell_both_budgets(headers: dict[str, str], budgets: list[tuple[int, float]]) -> None:
    said = {f"x-ratelimit-app-global-{name}": value for name, value in headers.items()}
    assert [(one.left, one.seconds) for one in limits(said, utc(2026, 3, 1, 23))] == budgets
