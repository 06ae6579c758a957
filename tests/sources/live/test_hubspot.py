"""What is HubSpot's own: search by windows and ids, batches, names of stages and teams, survey scales."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale, Score, Timing
from cxnlp.sources.live.hubspot import limits

from .conftest import Shelf, utc
from .fake_hubspot import FakeHubSpot
from .serving import FakeClock, Fault


@pytest.fixture
def fake(serve_fake: Callable[[str], Any]) -> FakeHubSpot:
    served: FakeHubSpot = serve_fake("hubspot")
    return served


@pytest.fixture
def pull(fake: FakeHubSpot, source_of: Callable[..., Any]) -> Callable[..., Shelf]:
    """Pull once, on from a shelf."""

    def once(shelf: Shelf | None = None, **options: Any) -> Shelf:
        shelf = shelf or Shelf()
        return shelf.take(source_of(fake, **options).pull(shelf.cursor, page_size=1000))

    return once


@pytest.fixture
def surveys(pull: Callable[..., Shelf]) -> Callable[..., dict[str, Feedback]]:
    return lambda: pull(object="feedback_submissions", channel="survey").records


def only(shelf: Shelf) -> Feedback:
    (record,) = shelf.records.values()
    return record


def paths(fake: FakeHubSpot) -> list[str]:
    return [request.url.path for request in fake.requests]


def test_every_part_of_a_ticket_arrives(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    number = fake.add(
        "It is still not here.", subject="Parcel lost", createdate="2026-02-01T10:00:00Z",
        hs_ticket_category="SHIPPING", hs_ticket_priority="HIGH",
        first_agent_reply_date="2026-02-01T10:30:00.250Z", closed_date="1769997600000",
        hs_is_one_touch_ticket="true", hs_pipeline_stage="4", product_line="Boots",
    )  # fmt: skip
    record = only(pull(hints={"product": "product_line"}, attributes=["subject"]))
    assert record.text == "Parcel lost. It is still not here."
    assert (record.source_record_id, record.response_id, record.customer_ref) == (str(number), str(number), "9001")
    assert (record.created_at, record.updated_at) == (utc(2026, 2, 1, 10), fake.now)
    assert record.hints == {
        Hint.QUEUE: "Support Pipeline", Hint.GROUP: "Claims", Hint.AGENT: "Ann Lee", Hint.CLASS: "SHIPPING",
        Hint.PRODUCT: "Boots",
    }  # fmt: skip
    assert record.timing == Timing(utc(2026, 2, 1, 10, 30, 0, 250_000), utc(2026, 2, 2, 2))
    assert record.attributes == {
        "message": "first", "via": "EMAIL", "status": "Closed", "priority": "HIGH", "one_touch": "true",
        "subject": "Parcel lost",
    }  # fmt: skip
    assert record.score is None and record.language is None


@pytest.mark.parametrize(
    ("subject", "content", "text"),
    [
        ("Where is it?", "Lost since May", "Where is it? Lost since May"),
        ("Lost", "Lost since May", "Lost since May"),
        ("", "Lost since May", "Lost since May"),
        ("Lost", "", "Lost"),
    ],
)
def test_subject_and_content_are_one_text(
    fake: FakeHubSpot, pull: Callable[..., Shelf], subject: str, content: str, text: str
) -> None:
    fake.add(content, subject=subject)
    assert only(pull()).text == text


def test_a_ticket_without_words_gives_nothing(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    fake.add("")
    assert not pull().records


def test_what_agents_type_is_left_out(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    fake.add("Customer called about her bill", source_type="PHONE")
    fake.add("Put in by hand", source_type=None)
    kept = str(fake.add("I wait and wait", source_type="SOMETHING_NEW"))
    assert kept in pull().records and len(pull().records) == 2
    assert list(pull(left_out=["PHONE", ""]).records) == [kept]


@pytest.mark.parametrize(
    ("properties", "timing", "said"),
    [
        ({"time_to_first_agent_reply": "90000"}, Timing(utc(2026, 2, 1, 0, 1, 30)), None),
        (
            {"time_to_first_agent_reply": None, "hs_time_to_first_response_in_operating_hours": "60000"},
            Timing(utc(2026, 2, 1, 0, 1)),
            "operating hours",
        ),
        (
            {"time_to_first_agent_reply": "90000", "hs_time_to_first_response_in_operating_hours": "60000"},
            Timing(utc(2026, 2, 1, 0, 1, 30)),
            None,
        ),
        ({"hs_last_closed_date": "2026-02-03T00:00:00Z"}, Timing(None, utc(2026, 2, 3)), None),
        ({"time_to_close": "3600000.0"}, Timing(None, utc(2026, 2, 1, 1)), None),
        ({}, Timing(), None),
    ],
)
def test_times_are_also_made_from_milliseconds(
    fake: FakeHubSpot, pull: Callable[..., Shelf], properties: dict[str, Any], timing: Timing, said: str | None
) -> None:
    fake.add("Slow", createdate="2026-02-01T00:00:00Z", **properties)
    record = only(pull())
    assert record.timing == timing
    assert record.attributes.get("first_reply") == said


def test_calculated_properties_come_although_a_search_leaves_them_out(
    fake: FakeHubSpot, pull: Callable[..., Shelf]
) -> None:
    number = fake.add("Slow", createdate="2026-02-01T00:00:00Z")
    shelf = pull()
    fake.change(number, time_to_close="3600000")
    assert only(pull(shelf)).timing.resolved_at == utc(2026, 2, 1, 1)
    assert any(path.endswith("/search") for path in paths(fake))


def test_a_team_is_the_tickets_own_or_its_owners_first(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    fake.add("a", hubspot_team_id="6")
    fake.add("b", hubspot_team_id=None)
    fake.add("c", hubspot_team_id="404", hubspot_owner_id="405")
    fake.add("d", hubspot_team_id=None, hubspot_owner_id="78")
    fake.add("e", hubspot_team_id=None, hubspot_owner_id=None, hs_pipeline="9", hs_pipeline_stage="99")
    hints = {one.text: one.hints for one in pull().records.values()}
    assert [hints[text].get(Hint.GROUP) for text in "abcde"] == ["All", "Claims", "team 404", None, None]
    assert [hints[text].get(Hint.AGENT) for text in "cde"] == ["owner 405", "bo@acme.example", None]
    assert hints["e"] == {Hint.QUEUE: "9"}


def test_of_several_contacts_always_the_same_is_the_customer(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    number = fake.add("We two")
    fake.contacts[number] = ["1000", "999"]
    assert only(pull()).customer_ref == "999"
    fake.contacts[number] = []
    assert only(pull()).customer_ref is None


def test_contacts_are_not_asked_for_where_they_need_not_be(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    fake.add("Who am I?")
    assert only(pull(contacts=False)).customer_ref is None
    assert not any("associations" in path for path in paths(fake))


@pytest.mark.parametrize(
    ("kind", "value", "score"),
    [
        ("NPS", "0", Score(0, Scale.NPS)),
        ("NPS", "10", Score(10, Scale.NPS)),
        ("CES", "7", Score(7, Scale.CES)),
        ("CSAT", "2", None),
        ("CUSTOM", "3", None),
        ("SOMETHING_NEW", "1", None),
    ],
)
def test_a_survey_is_scored_where_its_scale_is_ours(
    fake: FakeHubSpot, surveys: Callable[..., dict[str, Feedback]], kind: str, value: str, score: Score | None
) -> None:
    fake.respond("Nobody called back", kind, value, hs_response_group="DETRACTOR", hs_survey_id="4")
    (record,) = surveys().values()
    assert record.score == score
    kept = {} if score else {"value": value}
    assert record.attributes == kept | {
        "via": "EMAIL", "survey": "4", "survey_type": kind, "response_group": "DETRACTOR",
    }  # fmt: skip
    assert record.question == "Support follow-up"
    assert (record.created_at, record.updated_at, record.customer_ref) == (fake.now, fake.now, "9001")


def test_a_score_without_words_counts_and_nothing_at_all_does_not(
    fake: FakeHubSpot, surveys: Callable[..., dict[str, Feedback]]
) -> None:
    kept = fake.respond(None, "NPS", "9")
    fake.respond(None, "NPS", None)
    fake.respond("", "CSAT", "0")
    (record,) = surveys().values()
    assert (record.source_record_id, record.text, record.score) == (str(kept), "", Score(9, Scale.NPS))


def test_a_score_off_its_scale_is_set_aside(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    fake.respond("Eleven!", "NPS", "11")
    (reject,) = pull(object="feedback_submissions", channel="survey").rejects
    assert reject.reason == "score_out_of_scale"


def test_a_survey_without_contact_is_known_by_its_email(
    fake: FakeHubSpot, surveys: Callable[..., dict[str, Feedback]]
) -> None:
    number = fake.respond("Hm", "NPS", "5", hs_contact_email_rollup="eve@example.org")
    fake.contacts[number] = []
    assert [one.customer_ref for one in surveys().values()] == ["eve@example.org"]


def test_a_time_may_be_milliseconds_but_needs_a_zone(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    fake.add("a", createdate="1772323200000")
    fake.add("b", createdate="2026-03-01 10:00")
    shelf = pull()
    assert only(shelf).created_at == utc(2026, 3, 1)
    assert [reject.reason for reject in shelf.rejects] == ["unreadable_date"]


def test_the_first_pull_lists_and_the_next_one_searches(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    for at in range(12):
        fake.add(f"number {at}")
    shelf = pull()
    assert not any(path.endswith("/search") for path in paths(fake))
    fake.tick(days=1)
    fake.requests.clear()
    fake.add("new")
    assert len(pull(shelf).records) == 13
    lists = [request for request in fake.requests if request.url.path == "/crm/v3/objects/tickets"]
    assert {request.query_params["archived"] for request in lists} == {"true"}


def test_a_list_keeps_what_was_changed_before_the_start(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    fake.add("old")
    fake.tick(days=20)
    fake.add("new")
    assert [one.text for one in pull(start="2026-03-10").records.values()] == ["new"]


def test_what_is_changed_while_a_list_is_walked_comes_the_next_night(
    fake: FakeHubSpot, pull: Callable[..., Shelf], source_of: Callable[..., Any], clock: FakeClock
) -> None:
    fake.now = clock.at - dt.timedelta(minutes=30)
    numbers = [fake.add(f"number {at}") for at in range(12)]
    pages = source_of(fake).pull(None, page_size=1000)
    shelf = Shelf().take(itertools.islice(pages, 1))
    fake.now = clock.at + dt.timedelta(minutes=1)
    fake.edit(numbers[0], "edited behind the walk")
    fake.now += dt.timedelta(hours=2)
    fake.edit(numbers[11], "edited before it")
    shelf.take(pages)
    clock.at += dt.timedelta(days=1)
    assert pull(shelf).texts == fake.expected()


def test_a_search_is_gone_on_with_beyond_its_end(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    fake.most = 30
    fake.add("first")
    shelf = pull()
    fake.tick(days=1)
    for at in range(45):
        fake.add(f"number {at}")
    assert pull(shelf).texts == fake.expected()


def test_a_search_that_is_broken_off_goes_on_in_its_window(
    fake: FakeHubSpot, pull: Callable[..., Shelf], source_of: Callable[..., Any], clock: FakeClock
) -> None:
    fake.add("first")
    shelf = pull()
    fake.tick(days=1)
    numbers = [fake.add(f"number {at}") for at in range(25)]
    shelf.take(itertools.islice(source_of(fake).pull(shelf.cursor, page_size=1000), 1))
    clock.at += dt.timedelta(days=1)
    fake.edit(numbers[0], "edited before it goes on")
    sent = shelf.sent
    assert '"search"' in str(shelf.cursor)
    pull(shelf)
    assert shelf.sent - sent == len(fake.expected()) - 10
    fake.tick(days=1)
    assert pull(shelf).texts == fake.expected()


def test_what_a_search_finds_late_is_in_the_overlap(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    fake.add("first")
    shelf = pull()
    fake.tick(days=1)
    late = fake.add("late")
    fake.unindexed = {late}
    fake.tick(minutes=9)
    fake.add("prompt")
    assert "late" not in pull(shelf, overlap_minutes=10).texts.values()
    fake.unindexed = set()
    assert "late" in pull(shelf, overlap_minutes=10).texts.values()


def test_a_search_in_another_order_is_not_trusted(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    fake.add("first")
    shelf = pull()
    fake.tick(days=1)
    fake.add("a"), fake.add("b")
    fake.reversed = True
    with pytest.raises(SourceError, match="order of ids"):
        pull(shelf)


def test_without_a_date_of_change_the_list_is_read_every_night(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    fake.properties["feedback_submissions"].remove("hs_lastmodifieddate")
    options = {"object": "feedback_submissions", "channel": "survey"}
    for words in ("first", "second"):
        fake.tick(days=1)
        fake.respond(words, "NPS", "3")
    shelf = pull(**options)
    fake.tick(days=1)
    fake.respond("third", "NPS", "4")
    sent = shelf.sent
    assert sorted(pull(shelf, **options).texts.values()) == ["first", "second", "third"]
    assert shelf.sent == sent + 2  # the second one is in the overlap
    assert not any(path.endswith("/search") for path in paths(fake))


def test_an_archived_ticket_retires_at_any_age(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    numbers = [fake.add(f"number {at}") for at in range(3)]
    shelf = pull()
    fake.tick(days=30)
    fake.delete(numbers[0])
    assert sorted(pull(shelf).texts.values()) == ["number 1", "number 2"]
    fake.delete(numbers[1])
    assert sorted(pull(shelf, archived=False).texts.values()) == ["number 1", "number 2"]


def test_a_batch_that_is_not_whole_loses_nothing(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    fake.add("here")
    fake.failing = [{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "archived meanwhile"}]
    assert pull().texts == fake.expected()
    fake.failing = [{"status": "error", "category": "INTERNAL", "message": "try again"}]
    with pytest.raises(SourceError, match="INTERNAL"):
        pull()


@pytest.mark.parametrize("option", [{"hints": {"product": "product_lin"}}, {"attributes": ["product_lin"]}])
def test_an_unknown_property_is_named(fake: FakeHubSpot, pull: Callable[..., Shelf], option: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match=r"no property 'product_lin'\. Did you mean 'product_line'"):
        pull(**option)


def test_a_page_of_another_shape_stops_the_source(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    fake.add("here")
    fake.faults.append(Fault(200, body=b'["not", "an", "object"]', after=1))
    with pytest.raises(SourceError, match="contract"):
        pull()


def test_a_malformed_token_is_named(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    fake.faults.append(Fault(530))
    with pytest.raises(SourceError, match=r"malformed.*CXNLP_HUBSPOT_TOKEN"):
        pull()


def test_a_second_that_is_used_up_is_waited_for(
    fake: FakeHubSpot, pull: Callable[..., Shelf], clock: FakeClock
) -> None:
    fake.limit_headers = {"X-HubSpot-RateLimit-Secondly-Remaining": "0"}
    for at in range(12):
        fake.add(f"number {at}")
    pull()
    waited = [slept for slept in clock.slept if slept >= 0.99]
    assert len(waited) == len(fake.requests) - 1


def test_a_day_that_is_used_up_ends_the_night(fake: FakeHubSpot, pull: Callable[..., Shelf]) -> None:
    fake.add("here")
    fake.limit_headers = {"X-HubSpot-RateLimit-Daily-Remaining": "0"}
    with pytest.raises(SourceError, match="quota is used up"):
        pull()


def test_the_limits_of_day_second_and_interval_are_read() -> None:
    headers = httpx.Headers(
        {
            "X-HubSpot-RateLimit-Daily-Remaining": "12", "X-HubSpot-RateLimit-Secondly-Remaining": "0",
            "X-HubSpot-RateLimit-Remaining": "3", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        }
    )  # fmt: skip
    found = [(budget.left, budget.seconds) for budget in limits(headers, utc(2026, 3, 1, 23))]
    assert found == [(12, 3600.0), (0, 1.0), (3, 10.0)]
    assert not list(limits(httpx.Headers({}), utc(2026, 3, 1)))


def test_searches_keep_to_five_a_second(fake: FakeHubSpot, pull: Callable[..., Shelf], clock: FakeClock) -> None:
    fake.add("first")
    shelf = pull()
    fake.tick(days=1)
    for at in range(40):
        fake.add(f"number {at}")
    fake.requests.clear()
    began = clock.at
    pull(shelf, requests_per_minute=1_000_000, archived=False)
    searches = [path for path in paths(fake) if path.endswith("/search")]
    assert len(searches) == 5
    assert (clock.at - began).total_seconds() >= 4 / 5
