"""What is Typeform's own: questions and scales of forms, answers of each type, two orders of pages, late responses."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.responses import Response

from cxnlp.errors import SourceError
from cxnlp.records import Hint, Scale, Score, Timing
from cxnlp.sources.live import typeform as module

from .conftest import Shelf, utc
from .fake_typeform import NPS, WHY, FakeTypeform, form, iso
from .serving import FakeClock


@pytest.fixture
def fake(serve_fake: Callable[[str], Any]) -> Any:
    return serve_fake("typeform")


@pytest.fixture
def pull(fake: FakeTypeform, source_of: Callable[..., Any]) -> Callable[..., Shelf]:
    def pulled(cursor: str | None = None, **options: Any) -> Shelf:
        return Shelf().take(source_of(fake, **options).pull(cursor, page_size=1000))

    return pulled


def answer(kind: str, value: Any, *, field: str = "f1", of: str = "", ref: str = "") -> dict[str, Any]:
    return {"field": {"id": field, "type": of or kind, "ref": ref}, "type": kind, kind: value}


def only(shelf: Shelf) -> Any:
    assert not shelf.rejects
    [record] = shelf.records.values()
    return record


def asked(fake: FakeTypeform) -> list[dict[str, str]]:
    """Return the parameters of the requests for responses."""
    return [dict(one.query_params) for one in fake.requests if one.url.path.endswith("/responses")]


# Mapping


def test_a_response_becomes_a_record_with_its_question_score_and_facts(fake: Any, pull: Any) -> None:
    token = fake.add("Very quick repair", at=utc(2026, 3, 2, 7, 2, 12), tags=["vip"])
    record = only(pull())
    assert record.source_record_id == f"{token}:{WHY}"
    assert record.response_id == token
    assert record.text == "Very quick repair"
    assert record.question == "Why did you give us?"  # without what was piped in
    assert record.created_at == record.updated_at == utc(2026, 3, 2, 7, 2, 12)
    assert record.score == Score(9, Scale.NPS)
    assert record.hints == {Hint.LOCATION: "Lyon"}
    assert (record.language, record.customer_ref, record.timing) == (None, None, Timing())
    assert record.attributes == {
        "form": "Survey abc123",
        "form_language": "en",
        "workspace": "Aw33bz",
        "via": "mobile",
        "tags": "vip",
        "calculated_score": "0",
        "order_id": "A-778",
        "location": "Lyon",
        "Who helped you?": "Workshop",
    }


def test_each_open_answer_is_a_record_of_the_same_response(fake: Any, pull: Any) -> None:
    fake.forms["abc123"]["fields"].append({"id": "f1", "ref": "x", "title": "Anything else?", "type": "short_text"})
    token = fake.add("Late")
    fake.responses["abc123"][0]["answers"].append(answer("text", "No bags", of="short_text"))
    records = pull().records
    assert {one.question: one.text for one in records.values()} == {
        "Why did you give us?": "Late",
        "Anything else?": "No bags",
    }
    assert {(one.response_id, one.score) for one in records.values()} == {(token, Score(9, Scale.NPS))}


def test_a_score_without_words_still_counts(fake: Any, pull: Any) -> None:
    token = fake.add("")
    record = only(pull())
    assert (record.source_record_id, record.text, record.score) == (f"{token}:{NPS}", "", Score(9, Scale.NPS))
    assert record.question == "Would you recommend us?"


def test_an_empty_submission_has_no_answers_and_gives_no_record(fake: Any, pull: Any) -> None:
    fake.add("")
    del fake.responses["abc123"][0]["answers"]
    assert not pull().records


def test_a_deleted_question_keeps_its_answer_without_a_title(fake: Any, pull: Any) -> None:
    fake.add("Slow")
    fake.forms["abc123"]["fields"].pop(1)
    record = only(pull())
    assert (record.text, record.question) == ("Slow", None)


@pytest.mark.parametrize(
    ("given", "texts", "named"),
    [
        (answer("choice", {"label": "Shop", "other": "The café"}), ["The café"], "Shop"),
        (answer("choice", {"other": "The café"}), ["The café"], None),
        (answer("choices", {"labels": ["Shop", "Web"], "other": "By phone"}), ["By phone"], "Shop, Web"),
        (answer("text", "Billing", of="dropdown"), [], "Billing"),
        (answer("boolean", False, of="yes_no"), [], "false"),
        (answer("number", 3, of="opinion_scale"), [], "3"),
        (answer("date", "2026-03-01"), [], "2026-03-01"),
        (answer("file_url", "https://api.typeform.com/a.png", of="file_upload"), [], None),
        (answer("phone_number", "+33 1 23 45"), [], None),
        (answer("payment", {"amount": "$1", "last4": "1234", "name": "Lea"}), [], None),
        (answer("hologram", {"new": True}), [], None),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_answers_of_each_type(fake: Any, pull: Any, given: Any, texts: list[str], named: str | None) -> None:
    fake.forms["abc123"]["fields"].append({"id": "f1", "ref": "x", "title": "Extra", "type": given["field"]["type"]})
    fake.add("")
    fake.responses["abc123"][0]["answers"].append(given)
    records = list(pull().records.values())
    assert [one.text for one in records if one.text] == texts
    assert records[0].attributes.get("Extra") == named


def test_who_the_customer_is_is_no_feedback(fake: Any, pull: Any) -> None:
    fields = [{"id": "n1", "title": "First name", "type": "short_text"}, {"id": "n2", "title": "Mail", "type": "email"}]
    group = {"id": "g1", "title": "Who are you?", "type": "contact_info", "properties": {"fields": fields}}
    fake.forms["abc123"]["fields"].append(group)
    fake.add("Fine")
    fake.responses["abc123"][0]["answers"] += [
        answer("text", "Lea", field="n1", of="short_text"),
        answer("email", "lea@example.org", field="n2"),
    ]
    record = only(pull())
    assert (record.text, record.customer_ref) == ("Fine", "lea@example.org")
    assert not {"Lea", "lea@example.org"} & set(record.attributes.values())


def test_questions_in_groups_have_their_titles(fake: Any, pull: Any) -> None:
    nested = {"id": "f1", "ref": "x", "title": "{{hidden:name}}, what else?", "type": "long_text"}
    fake.forms["abc123"]["fields"].append(
        {"id": "g", "title": "G", "type": "group", "properties": {"fields": [nested]}}
    )
    fake.add("")
    fake.responses["abc123"][0]["answers"].append(answer("text", "Open later", of="long_text"))
    assert only(pull()).question == "what else?"


def test_two_closed_questions_with_one_title_are_kept_apart(fake: Any, pull: Any) -> None:
    fake.forms["abc123"]["fields"].append({"id": "f1", "ref": "two", "title": "Who helped you?", "type": "dropdown"})
    fake.add("Good")
    fake.responses["abc123"][0]["answers"].append(answer("choice", {"label": "Till"}, of="dropdown", ref="two"))
    said = only(pull()).attributes
    assert (said["Who helped you?"], said["Who helped you? (two)"]) == ("Workshop", "Till")


def test_metadata_may_be_missing(fake: Any, pull: Any) -> None:
    fake.add("Fine", metadata={"user_agent": "x"}, hidden=None, tags=None, calculated=None)
    fake.add("Good", metadata=None)
    assert sorted(pull().texts.values()) == ["Fine", "Good"]


def test_a_hidden_field_called_like_an_attribute_breaks_nothing(fake: Any, pull: Any) -> None:
    fake.add("Fine", hidden={"via": "kiosk", "form": "x"}, metadata={})
    assert only(pull()).attributes["via"] == "kiosk"


# Scores


@pytest.mark.parametrize(
    ("kind", "properties", "number", "score"),
    [
        ("nps", {}, 0, Score(0, Scale.NPS)),
        ("opinion_scale", {"steps": 11, "start_at_one": False}, 10, Score(10, Scale.NPS)),
        ("opinion_scale", {"steps": 7, "start_at_one": True}, 7, Score(7, Scale.LIKERT7)),
        ("opinion_scale", {"steps": 5, "start_at_one": True}, 5, Score(5, Scale.LIKERT5)),
        ("opinion_scale", {"steps": 5, "start_at_one": False}, 4, None),  # 0 to 4: no scale has that range
        ("opinion_scale", {"steps": 10, "start_at_one": True}, 10, None),  # 1 to 10
        ("rating", {"steps": 5, "shape": "star"}, 4, Score(4, Scale.STARS)),
        ("rating", {"steps": 6}, 6, Score(6, Scale.LIKERT6)),
        ("rating", {"steps": 3}, 3, None),
        ("number", {}, 3, None),
    ],
)
def test_scales_follow_from_the_form(fake: Any, pull: Any, kind: str, properties: Any, number: int, score: Any) -> None:
    fields = [
        {"id": NPS, "ref": "nps", "title": "How much?", "type": kind, "properties": properties},
        {"id": WHY, "ref": "why", "title": "Why?", "type": "long_text"},
    ]
    fake.forms["abc123"] = form("abc123", *fields)
    fake.add("So so")
    fake.responses["abc123"][0]["answers"][0] = answer("number", number, field=NPS, of=kind)
    record = only(pull())
    assert record.score == score
    assert record.attributes.get("How much?") == (None if score else str(number))


@pytest.mark.parametrize(
    ("kind", "options", "scale"),
    [
        ("rating", {}, Scale.STARS),
        ("rating", {"rating_steps": 7}, Scale.LIKERT7),
        ("opinion_scale", {}, Scale.NPS),
        ("opinion_scale", {"opinion_steps": 5, "opinion_from_one": True}, Scale.LIKERT5),
    ],
)
def test_what_the_form_does_not_say_of_a_scale_is_an_option(
    fake: Any, pull: Any, kind: str, options: Any, scale: Scale
) -> None:
    fake.forms["abc123"] = form("abc123", {"id": NPS, "title": "How much?", "type": kind})
    fake.add("So so")
    fake.responses["abc123"][0]["answers"][0] = answer("number", 4, field=NPS, of=kind)
    assert only(pull(**options)).score == Score(4, scale)


def two_scores(fake: Any) -> None:
    rating = {"id": "r1", "ref": "service", "title": "The service?", "type": "rating", "properties": {"steps": 5}}
    fake.forms["abc123"]["fields"].insert(0, rating)
    fake.add("Fine")
    fake.responses["abc123"][0]["answers"].append(answer("number", 2, field="r1", of="rating", ref="service"))


def test_the_nps_question_goes_before_other_scales_which_are_kept_as_attributes(fake: Any, pull: Any) -> None:
    two_scores(fake)
    record = only(pull())
    assert record.score == Score(9, Scale.NPS)
    assert record.attributes["The service?"] == "2"


def test_options_say_which_question_is_the_score_and_what_it_measures(fake: Any, pull: Any) -> None:
    two_scores(fake)
    assert only(pull(score_fields=["service"])).score == Score(2, Scale.STARS)
    assert only(pull(score_fields=["service"], score_scale="csat")).score == Score(2, Scale.CSAT)
    assert only(pull(score_fields=["nothing"])).score is None
    assert only(pull(score_scale="ces")).score is None  # 1 to 7: no question has that range


def test_a_score_that_its_scale_does_not_have_sets_the_response_aside(fake: Any, pull: Any) -> None:
    fake.add("Fine")
    fake.responses["abc123"][0]["answers"][0]["number"] = 11
    shelf = pull()
    assert [one.reason for one in shelf.rejects] == ["score_out_of_scale"] and not shelf.records


# Options


def test_hints_and_customer_come_from_the_fields_that_options_name(fake: Any, pull: Any) -> None:
    fake.add("Fine")
    record = only(
        pull(hints={"group": "team", "location": "order_id", "product": "workspace"}, customer_field="order_id")
    )
    assert record.hints == {Hint.GROUP: "Workshop", Hint.LOCATION: "A-778", Hint.PRODUCT: "Aw33bz"}
    assert record.customer_ref == "A-778"
    assert "order_id" not in record.attributes  # it is hashed, so it isn't kept beside


def test_a_question_may_identify_the_customer(fake: Any, pull: Any) -> None:
    fake.add("M-1234")
    record = only(pull(customer_field="why"))
    assert (record.text, record.customer_ref) == ("", "M-1234")


def test_only_the_named_open_questions_are_read(fake: Any, pull: Any) -> None:
    fake.add("Fine")
    assert only(pull(text_fields=["other"])).text == ""
    assert only(pull(text_fields=["why"])).text == only(pull(text_fields=[WHY])).text == "Fine"


# Paging, cursor and overlap


def test_a_full_first_page_loses_nothing_between_the_two_orders(fake: Any, pull: Any) -> None:
    times = [fake._found(fake.add(f"The parcel {at}"))["_at"] for at in range(20)]
    fake.add("Submitted on a bus, processed hours later", at=times[2])
    for at in range(20, 25):
        fake.add(f"The parcel {at}")
    shelf = pull()
    assert shelf.texts == fake.expected()
    assert shelf.sent == 26


def test_a_response_that_was_processed_after_the_newest_is_not_passed_over(fake: Any, pull: Any) -> None:
    times = [fake._found(fake.add(f"The parcel {at}"))["_at"] for at in range(25)]
    fake.add("Submitted on a bus, processed last", at=times[20])
    shelf = pull()
    assert shelf.texts == fake.expected()
    assert shelf.sent == 26


def test_a_walk_that_cannot_go_on_from_its_response_begins_anew(fake: Any, source_of: Any, monkeypatch: Any) -> None:
    fake.forms["def456"], fake.responses["def456"] = form("def456"), []
    for at in range(25):
        fake.add(f"The parcel {at}")
    fake.add("In another form", to="def456")
    shelf = Shelf().take(itertools.islice(source_of(fake).pull(None, page_size=1000), 1))
    right, gone = fake._responded, fake.responses["abc123"][-1]["token"]

    def without(responses: Any, asked: Any) -> Any:
        return fake._bad("before") if asked.get("before") == gone else right(responses, asked)

    fake.forget(gone)
    monkeypatch.setattr(fake, "_responded", without)
    with pytest.raises(SourceError, match="400"):
        shelf.take(source_of(fake).pull(shelf.cursor, page_size=1000))
    assert "In another form" in shelf.texts.values()
    assert fake.expected().items() <= shelf.take(source_of(fake).pull(shelf.cursor, page_size=1000)).texts.items()


def test_a_form_that_is_refused_keeps_no_other_from_being_read(fake: Any, source_of: Any, monkeypatch: Any) -> None:
    fake.forms["def456"], fake.responses["def456"] = form("def456"), []
    fake.add("Not shared")
    fake.add("This one", to="def456")
    right, closed = fake._responded, fake.responses["abc123"]
    monkeypatch.setattr(
        fake, "_responded", lambda given, asked: Response("", 403) if given is closed else right(given, asked)
    )
    shelf = Shelf()
    with pytest.raises(SourceError, match=r"abc123.*403.*CXNLP_TYPEFORM"):
        shelf.take(source_of(fake).pull(None, page_size=1000))
    assert list(shelf.texts.values()) == ["This one"]


def test_a_page_that_ends_full_is_followed_by_one_more(fake: Any, pull: Any) -> None:
    for at in range(11):
        fake.add(f"The parcel {at}")
    assert pull().texts == fake.expected()
    assert len(asked(fake)) == 3  # the newest one, ten before it, none


def test_a_short_page_is_not_the_end_while_pages_are_left(fake: Any, pull: Any, monkeypatch: Any) -> None:
    tokens = [fake.add(f"The parcel {at}") for at in range(25)]
    whole = fake._responded

    def short(responses: Any, asked: Any) -> Any:
        body = whole(responses, asked)
        return body | {"items": body["items"][:-1] if body["page_count"] > 1 else body["items"]}

    monkeypatch.setattr(fake, "_responded", short)
    assert f"{tokens[0]}:{WHY}" in pull().texts


def test_requests_say_what_the_contract_asks(fake: Any, pull: Any) -> None:
    for at in range(12):
        fake.add(f"The parcel {at}")
    shelf = pull()
    first, second = asked(fake)[:2]
    assert first == {"page_size": "10", "since": "2026-01-01T00:00:00", "response_type": "completed"}
    assert second == first | {"before": fake.responses["abc123"][-1]["token"]}
    fake.requests.clear()
    pull(shelf.cursor)
    assert asked(fake)[0]["since"] == "2026-03-01T03:00:00"  # the newest, less an hour


def test_a_response_that_appears_late_comes_within_the_overlap(fake: Any, pull: Any) -> None:
    early = fake.add("Late in the index")
    fake.add("Later")
    fake.hidden.add(early)
    shelf = pull()
    assert len(shelf.records) == 1
    fake.hidden.clear()
    assert pull(shelf.cursor).texts == fake.expected()


def test_a_time_in_the_future_does_not_move_the_cursor_ahead(fake: Any, pull: Any) -> None:
    fake.add("From a wrong clock", at=utc(2031, 1, 1))
    shelf = pull()
    assert [one.reason for one in shelf.rejects] == ["date_in_future"]
    fake.now = utc(2026, 6, 1)
    fake.add("The next day")
    assert list(pull(shelf.cursor).texts.values()) == ["The next day"]


def test_each_form_has_its_own_cursor(fake: Any, source_of: Any) -> None:
    fake.forms["def456"], fake.responses["def456"] = form("def456"), []
    for at in range(12):
        fake.add(f"First {at}")
        fake.add(f"Second {at}", to="def456")
    source = source_of(fake)
    pages = list(source.pull(None, page_size=1000))
    for kept in range(len(pages) + 1):
        shelf = Shelf().take(itertools.islice(source.pull(None, page_size=1000), kept))
        assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()
    read = json.loads(pages[-1].cursor)["state"]["forms"]
    newest = {name: dt.datetime.fromisoformat(one["done"]) for name, one in read.items()}
    assert newest == {name: fake.responses[name][-1]["_at"] for name in fake.forms}


def test_all_pages_of_forms_are_listed(fake: Any, pull: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "_FORMS_PER_PAGE", 2)
    for name in "bcdef":
        fake.forms[name], fake.responses[name] = form(name), []
        fake.add(f"Said in {name}", to=name)
    assert pull().texts == fake.expected()


def test_forms_and_workspace_narrow_what_is_read(fake: Any, pull: Any) -> None:
    fake.forms["def456"], fake.responses["def456"] = form("def456"), []
    fake.add("One")
    fake.add("Two", to="def456")
    assert list(pull(forms=["def456"]).texts.values()) == ["Two"]
    assert len(pull(workspace="Aw33bz").texts) == 2
    assert not pull(workspace="other").texts


def test_a_form_that_is_not_there_is_named_when_the_others_are_read(fake: Any, source_of: Any) -> None:
    fake.add("One")
    shelf = Shelf()
    with pytest.raises(SourceError, match="no form typo, gone"):
        for page in source_of(fake, forms=["typo", "gone", "abc123"]).pull(None, page_size=1000):
            shelf.take([page])
    assert shelf.texts == fake.expected()


def test_a_body_of_another_shape_fails_the_source_with_a_reason(fake: Any, pull: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(fake, "_responded", lambda responses, asked: ["what?"])
    with pytest.raises(SourceError, match="contract"):
        pull()


# Limits


def test_requests_keep_to_two_a_second(fake: Any, pull: Any, clock: FakeClock) -> None:
    for at in range(25):
        fake.add(f"The parcel {at}")
    pull(requests_per_minute=120)
    assert sum(clock.slept) == pytest.approx(0.5 * (len(fake.requests) - 1), abs=0.01)


def test_silent_deletions_leave_what_was_read(fake: Any, source_of: Any) -> None:
    token = fake.add("Deleted afterwards")
    source = source_of(fake)
    shelf = Shelf().take(source.pull(None, page_size=1000))
    fake.forget(token)
    assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == {f"{token}:{WHY}": "Deleted afterwards"}


def test_times_are_utc(fake: Any, pull: Any) -> None:
    fake.add("Fine")
    fake.responses["abc123"][0]["submitted_at"] = "2026-03-01T01:20:00+01:00"
    assert iso(only(pull()).created_at) == "2026-03-01T00:20:00Z"
