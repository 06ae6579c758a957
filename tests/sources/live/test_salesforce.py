"""Salesforce: what is its own."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale, Score
from cxnlp.sources.live.http import QuotaUsed
from cxnlp.sources.live.salesforce import _id18, _quoted, _time, limits

from .conftest import Shelf, utc
from .fake_salesforce import FakeSalesforce
from .serving import FakeClock, Fault


@pytest.fixture
def fake(serve_fake: Callable[[str], FakeSalesforce]) -> FakeSalesforce:
    return serve_fake("salesforce")


@pytest.fixture
def source(fake: FakeSalesforce, source_of: Callable[..., Any]) -> Any:
    return source_of(fake)


def pulled(source: Any) -> Shelf:
    return Shelf().take(source.pull(None, page_size=1000))


def again(source: Any, shelf: Shelf) -> Shelf:
    return shelf.take(source.pull(shelf.cursor, page_size=1000))


def only(source: Any) -> Feedback:
    (record,) = pulled(source).records.values()
    return record


def texts(source: Any) -> list[str]:
    return [record.text for record in pulled(source).records.values()]


# What becomes of a case


def test_a_case_becomes_feedback(fake: FakeSalesforce, source: Any) -> None:
    case = fake.add(
        "Order 77 was cancelled but not refunded.",
        Subject="Refund missing",
        Status="Closed",
        CreatedDate="2026-03-01T09:00:00.000+0000",
        ClosedDate="2026-03-03T10:00:00.000+0000",
        SystemModstamp="2026-03-03T10:00:05.000+0000",
    )
    record = only(source)
    assert (record.source_record_id, record.response_id) == (f"{case}:first", case)
    assert record.text == "Refund missing. Order 77 was cancelled but not refunded."
    assert record.question is None and record.language is None and record.score is None
    assert record.created_at == utc(2026, 3, 1, 9)
    assert record.updated_at == utc(2026, 3, 3, 10, 0, 5)
    assert record.timing.resolved_at == utc(2026, 3, 3, 10)
    assert record.customer_ref == "0035e00000XYZabAAA"
    assert record.hints == {Hint.QUEUE: "Billing Queue", Hint.CLASS: "Refund"}
    assert record.attributes == {
        "message": "first",
        "via": "Web",
        "number": "00001026",
        "status": "Closed",
        "priority": "Medium",
        "reason": "Late",
        "record_type": "Retail",
    }


@pytest.mark.parametrize(
    ("fields", "ref"),
    [
        ({"ContactId": None}, "kim@example.org"),
        ({"ContactId": None, "AccountId": "0015e000001AbcdAAA"}, "0015e000001AbcdAAA"),
        ({"ContactId": None, "SuppliedEmail": None}, None),
    ],
)
def test_who_the_customer_is(fake: FakeSalesforce, source: Any, fields: dict[str, Any], ref: str | None) -> None:
    fake.add("Late", **fields)
    assert only(source).customer_ref == ref


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"Owner": {"Name": "Ann", "Type": "User"}, "OwnerId": "0055e000001AbcdAAA"}, (Hint.AGENT, "Ann")),
        ({"Owner": {"Name": "Ann"}, "OwnerId": "0055e000001AbcdAAA"}, (Hint.AGENT, "Ann")),
        ({"Owner": {"Name": "Claims"}}, (Hint.QUEUE, "Claims")),
        ({"Owner": {"Name": "Claims", "Type": "Something new"}}, (Hint.QUEUE, "Claims")),
    ],
)
def test_an_owner_is_a_queue_or_an_agent(
    fake: FakeSalesforce, source: Any, fields: dict[str, Any], hint: tuple[Hint, str]
) -> None:
    fake.add("Late", Type=None, **fields)
    assert only(source).hints == dict([hint])


def test_an_owner_that_is_null_is_no_hint(fake: FakeSalesforce, source: Any) -> None:
    fake.add("Late", Owner=None, RecordType=None, Type=None)
    assert only(source).hints == {}


def test_fields_of_the_organisation_can_be_hints_and_scores(
    fake: FakeSalesforce, source_of: Callable[..., Any]
) -> None:
    fake.add("Late", Product__c="Van 3", Rating__c=4)
    options = {"score_field": "Rating__c", "score_scale": "csat"}
    hints = {"product": "Product__c", "class": "RecordType.DeveloperName"}
    record = only(source_of(fake, hints=hints, **options))
    assert record.score == Score(4, Scale.CSAT)
    assert record.hints == {Hint.QUEUE: "Billing Queue", Hint.CLASS: "Retail", Hint.PRODUCT: "Van 3"}


def test_a_score_that_its_scale_does_not_have_is_set_aside(fake: FakeSalesforce, source_of: Callable[..., Any]) -> None:
    fake.add("Late", Rating__c=9)
    shelf = pulled(source_of(fake, score_field="Rating__c", score_scale="csat"))
    assert [reject.reason for reject in shelf.rejects] == ["score_out_of_scale"]


@pytest.mark.parametrize(
    "options",
    [
        {"score_field": "Rating__c"},
        {"score_scale": "csat"},
        {"score_field": "Rating__c FROM User--", "score_scale": "csat"},
        {"hints": {"product": "Id FROM User"}},
        {"hints": {"colour": "Colour__c"}},
        {"my_domain": "https://acme.my.salesforce.com"},
        {"api_version": "latest"},
    ],
)
def test_options_that_would_not_work_are_refused(
    fake: FakeSalesforce, source_of: Callable[..., Any], options: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        source_of(fake, **options)


def test_a_time_without_zone_is_set_aside(fake: FakeSalesforce, source: Any) -> None:
    fake.add("Late", CreatedDate="2026-03-01T09:00:00.000")
    assert [reject.reason for reject in pulled(source).rejects] == ["unreadable_date"]


# Whose words they are


def test_only_the_customers_words_are_read(fake: FakeSalesforce, source: Any) -> None:
    case = fake.add("Late")
    fake.comment(case, "By a customer")
    fake.comment(case, "By an agent", user="Standard")
    fake.comment(case, "By a robot", user="AutomatedProcess")
    fake.comment(case, "By something new", user="Hologram")
    fake.comment(case, "Between agents", published=False)
    fake.mail(case, "From a customer")
    fake.mail(case, "To a customer", incoming=False)
    records = pulled(source).records
    said = {record.text: record.attributes["message"] for record in records.values()}
    assert said == {"Help. Late": "first", "By a customer": "later", "From a customer": "later"}
    assert {record.response_id for record in records.values()} == {case}
    assert {record.hints[Hint.QUEUE] for record in records.values()} == {"Billing Queue"}


def test_messages_have_their_own_times(fake: FakeSalesforce, source: Any) -> None:
    case = fake.add("Late")
    comment = fake.comment(case, "Still late")
    mail = fake.mail(case, "Later still")
    records = pulled(source).records
    said = [(one.created_at, one.updated_at) for one in (records[f"{case}:{comment}"], records[f"{case}:{mail}"])]
    assert said == [(utc(2026, 3, 1, 0, 2), utc(2026, 3, 1, 0, 2)), (utc(2026, 3, 1, 0, 3), utc(2026, 3, 1, 0, 3))]


@pytest.mark.parametrize("origin", ["Phone", "phone"])
def test_what_an_agent_noted_on_the_phone_is_left_out(fake: FakeSalesforce, source: Any, origin: str) -> None:
    fake.mail(fake.add("Caller is upset", Origin=origin), "Nobody called back")
    record = only(source)
    assert (record.text, record.attributes["message"]) == ("Nobody called back", "later")


def test_the_email_that_opened_a_case_is_not_doubled(fake: FakeSalesforce, source: Any) -> None:
    case = fake.add("My order\n is late", Origin="Email")
    fake.mail(case, "My order is\r\nlate\r\n")
    fake.mail(case, "It is still late")
    assert texts(source) == ["Help. My order\n is late", "It is still late"]


def test_what_an_email_quotes_of_agents_is_left_out(fake: FakeSalesforce, source: Any) -> None:
    case = fake.add("My order is late", Origin="Email")
    fake.mail(case, "Still late.\n\nOn Mon, 2 Mar 2026 at 10:11, Acme <help@acme.example> wrote:\n> We are sorry.")
    assert texts(source) == ["Help. My order is late", "Still late."]


def test_nor_is_a_long_one_that_the_description_cuts_off(fake: FakeSalesforce, source: Any) -> None:
    long = "word " * 8000
    case = fake.add(long[:32_000], Origin="Email")
    fake.mail(case, long)
    assert len(texts(source)) == 1


def test_without_a_description_the_earliest_message_is_the_first(fake: FakeSalesforce, source: Any) -> None:
    case = fake.add("", Subject=None)
    fake.mail(case, "One")
    fake.comment(case, "Two")
    assert [(one.text, one.attributes["message"]) for one in pulled(source).records.values()] == [
        ("One", "first"),
        ("Two", "later"),
    ]


def test_a_case_without_words_is_nothing(fake: FakeSalesforce, source: Any) -> None:
    fake.mail(fake.add("", Subject=None), "")
    shelf = pulled(source)
    assert not shelf.records and not shelf.rejects


@pytest.mark.parametrize(("options", "left"), [({"comments": False}, "mail"), ({"emails": False}, "comment")])
def test_comments_and_emails_can_be_left_out(
    fake: FakeSalesforce, source_of: Callable[..., Any], options: dict[str, Any], left: str
) -> None:
    case = fake.add("Late")
    fake.comment(case, "comment")
    fake.mail(case, "mail")
    assert texts(source_of(fake, **options)) == ["Help. Late", left]


# When it was answered, closed and opened again


def test_the_first_reply_is_the_first_that_staff_sent(fake: FakeSalesforce, source: Any) -> None:
    case = fake.add("Late")
    fake.comment(case, "internal", user="Standard", published=False)
    fake.comment(case, "automatic", user="AutomatedProcess")
    fake.mail(case, "a draft", incoming=False, status="5")
    fake.mail(case, "Hello?")
    fake.comment(case, "We look into it", user="Standard")
    at = fake.now
    fake.mail(case, "It is on its way", incoming=False)
    assert {record.timing.first_reply_at for record in pulled(source).records.values()} == {at}


def test_an_email_can_be_the_first_reply(fake: FakeSalesforce, source: Any) -> None:
    case = fake.add("Late")
    fake.mail(case, "It is on its way", incoming=False)
    assert only(source).timing.first_reply_at == fake.now


def test_reopenings_are_counted(fake: FakeSalesforce, source: Any) -> None:
    case = fake.add("Late")
    for old, new in itertools.pairwise(["New", "Closed", "New", "Waiting", "Closed", "New"]):
        fake.move(case, old, new)
    assert only(source).timing.reopened == 2


def test_a_case_that_was_never_reopened_says_so_only_where_changes_are_tracked(
    fake: FakeSalesforce, source: Any
) -> None:
    fake.move(fake.add("Tracked"), "New", "Closed")
    fake.add("Untracked")
    said = {record.text: record.timing.reopened for record in pulled(source).records.values()}
    assert said == {"Help. Tracked": 0, "Help. Untracked": None}


def test_closed_statuses_are_the_organisations_own(fake: FakeSalesforce, source_of: Callable[..., Any]) -> None:
    fake.move(fake.add("Late"), "Done", "New")
    assert only(source_of(fake, closed_statuses=["Done"])).timing.reopened == 1


# What changes and what goes


def test_a_comment_on_a_case_that_did_not_change_comes(fake: FakeSalesforce, source: Any) -> None:
    cases = [fake.add("Late") for _ in range(25)]
    fake.tick(days=2)
    fake.add("The newest, so that the cases before lie behind the overlap")
    shelf, sent = pulled(source), 26
    fake.tick(days=2)
    comment = fake.comment(cases[3], "Still late")
    again(source, shelf)
    assert shelf.records[f"{cases[3]}:{comment}"].text == "Still late"
    assert shelf.sent - sent <= 3 and len(shelf.records) == 27
    fake.tick(days=2)
    mail = fake.mail(cases[4], "Still late")
    again(source, shelf)
    assert f"{cases[4]}:{mail}" in shelf.records


def test_a_comment_on_a_case_before_the_start_brings_the_case(
    fake: FakeSalesforce, source_of: Callable[..., Any]
) -> None:
    case = fake.add("Old")
    fake.add("Old and silent")
    fake.tick(days=10)
    fake.comment(case, "New")
    assert texts(source_of(fake, start="2026-03-05")) == ["Help. Old", "New"]


def test_a_comment_that_comes_during_the_walk_is_not_lost(fake: FakeSalesforce, source: Any) -> None:
    cases = [fake.add("Late") for _ in range(25)]
    shelf, pages = Shelf(), source.pull(None, page_size=1000)
    shelf.take([next(pages)])
    fake.tick(hours=1)
    fake.comment(cases[0], "While you read")  # the case is read already
    fake.tick(hours=1)
    fake.comment(cases[24], "And this")
    shelf.take(pages)
    again(source, shelf)
    assert {"While you read", "And this"} <= set(shelf.texts.values())


def test_a_comment_that_comes_after_a_night_was_killed_is_not_lost(fake: FakeSalesforce, source: Any) -> None:
    cases = [fake.add("Late") for _ in range(25)]
    shelf = Shelf().take(itertools.islice(source.pull(None, page_size=1000), 2))
    fake.tick(days=1)
    fake.comment(cases[0], "The next day")
    again(source, shelf)
    again(source, shelf)
    assert "The next day" in shelf.texts.values()


def test_what_changes_on_pages_still_to_come_hides_no_other_change(
    fake: FakeSalesforce, source: Any, clock: FakeClock
) -> None:
    fake.shows_changes = True
    cases = [fake.add("Late") for _ in range(25)]
    shelf, pages = Shelf(), source.pull(None, page_size=1000)
    shelf.take([next(pages)])
    fake.now = clock.at
    fake.edit(cases[0], "Changed behind the walk")
    fake.tick(hours=2)
    fake.edit(cases[24], "Changed before it")
    shelf.take(pages)
    clock.at += dt.timedelta(days=1)
    assert again(source, shelf).texts == fake.expected()


def test_comments_come_where_a_query_can_not_ask_their_case(fake: FakeSalesforce, source: Any) -> None:
    fake.parents_are_many = True
    cases = [fake.add("Late") for _ in range(25)]
    shelf = pulled(source)
    fake.tick(days=1)
    fake.comment(cases[0], "Still late")
    again(source, shelf)
    assert "Still late" in shelf.texts.values() and len(shelf.records) == 26


def test_a_case_that_changes_hands_takes_its_messages_along(fake: FakeSalesforce, source: Any) -> None:
    case = fake.add("Late")
    fake.comment(case, "Still late")
    shelf = pulled(source)
    fake.change(case, Owner={"Name": "Claims", "Type": "Queue"})
    again(source, shelf)
    assert [record.hints[Hint.QUEUE] for record in shelf.records.values()] == ["Claims", "Claims"]


def test_a_deleted_case_is_retired_though_its_comments_stay(fake: FakeSalesforce, source: Any) -> None:
    case = fake.add("Late")
    fake.comment(case, "Still late")
    shelf = pulled(source)
    fake.delete(case)
    assert not again(source, shelf).records
    fake.comment(case, "On a deleted case")
    assert not again(source, shelf).records


def test_a_merged_case_is_retired(fake: FakeSalesforce, source: Any) -> None:
    first, second = fake.add("Late"), fake.add("Late too")
    shelf = pulled(source)
    fake.change(second, IsDeleted=True, MasterRecordId=first)
    assert list(again(source, shelf).records) == [f"{first}:first"]


def test_what_the_recycle_bin_no_longer_has_is_silent(fake: FakeSalesforce, source: Any) -> None:
    case = fake.add("Late")
    shelf = pulled(source)
    fake.delete(case)
    fake.empty_bin()
    assert again(source, shelf).records


@pytest.mark.parametrize("fields", [{"IsDeleted": True}, {"IsPublished": False}], ids=["deleted", "hidden"])
def test_a_comment_that_is_taken_back_is_retired(fake: FakeSalesforce, source: Any, fields: dict[str, Any]) -> None:
    case = fake.add("Late")
    comment = fake.comment(case, "Still late")
    mail = fake.mail(case, "By mail")
    shelf = pulled(source)
    fake.tick(days=1)
    fake.touch("CaseComment", comment, **fields)
    assert set(again(source, shelf).records) == {f"{case}:first", f"{case}:{mail}"}
    fake.touch("EmailMessage", mail, IsDeleted=True)
    assert set(again(source, shelf).records) == {f"{case}:first"}


def test_short_ids_become_long_ones() -> None:
    assert _id18("001A0000006Vm9r") == "001A0000006Vm9rIAC"
    assert _id18("001A0000006Vm9rIAC") == "001A0000006Vm9rIAC"


def test_an_id_that_is_none_is_set_aside(fake: FakeSalesforce, source: Any) -> None:
    fake.add("Late", Id="' OR Id != '")
    fake.add("On time")
    shelf = pulled(source)
    assert [reject.reason for reject in shelf.rejects] == ["unexpected_shape"]
    assert list(shelf.texts.values()) == ["Help. On time"]


# Queries


def test_a_query_takes_only_ids_and_times() -> None:
    for bad in ("", "abc", "5005e00000ABCDE'", "' OR Id != '", "5005e00000ABCDEAA"):
        with pytest.raises(SourceError, match="not an id"):
            _quoted(bad)
    assert _time("2026-03-01T01:00:00+01:00") == "2026-03-01T00:00:00Z"
    with pytest.raises(ValueError, match="Invalid isoformat"):
        _time("2026-03-01 OR Id != null")


def test_queries_follow_the_contract(fake: FakeSalesforce, source: Any) -> None:
    fake.comment(fake.add("Late"), "Still late")
    pulled(source)
    cases = next(query for query in fake.queries if query.startswith("SELECT Id, CaseNumber"))
    assert cases.endswith("FROM Case WHERE SystemModstamp >= 2026-01-01T00:00:00Z ORDER BY SystemModstamp, Id")
    paths = {request.url.path for request in fake.requests if "q" in request.query_params}
    assert paths == {"/services/data/v61.0/queryAll"}
    # No larger pages than the night asks for.
    assert {request.headers.get("sforce-query-options") for request in fake.requests[1:]} == {"batchSize=1000"}


def test_equal_times_on_both_sides_of_a_page_lose_nothing(fake: FakeSalesforce, source: Any) -> None:
    for _ in range(25):
        fake.add("Late", SystemModstamp="2026-03-01T09:00:05.120+0000")
    for kept in range(4):
        shelf = Shelf().take(itertools.islice(source.pull(None, page_size=1000), kept))
        assert again(source, shelf).texts == fake.expected()


@pytest.mark.parametrize(("minutes", "seen"), [(9, True), (11, False)])
def test_a_night_reads_the_overlap_again(
    fake: FakeSalesforce, source_of: Callable[..., Any], minutes: int, seen: bool
) -> None:
    fake.tick(hours=1)
    fake.add("On time")
    source = source_of(fake, overlap_minutes=10)
    shelf = pulled(source)
    then = (fake.now - dt.timedelta(minutes=minutes)).isoformat()
    late = fake.add("Committed late", SystemModstamp=then.replace("+00:00", ".000+0000"))
    assert (f"{late}:first" in again(source, shelf).records) is seen


def test_a_result_whose_rest_is_lost_goes_on_from_the_last_place(fake: FakeSalesforce, source: Any) -> None:
    for _ in range(45):
        fake.add("Late")
    shelf = Shelf()
    for at, page in enumerate(source.pull(None, page_size=1000)):
        shelf.take([page])
        if at in (0, 2):
            fake.locators.clear()
    assert shelf.texts == fake.expected() and shelf.sent == 45


def test_it_does_not_go_on_from_a_case_that_changed_meanwhile(
    fake: FakeSalesforce, source: Any, clock: FakeClock
) -> None:
    fake.shows_changes = True
    cases = [fake.add("Late") for _ in range(25)]
    shelf, pages = Shelf(), source.pull(None, page_size=1000)
    shelf.take([next(pages)])
    fake.now = clock.at
    fake.edit(cases[19], "Changed, at the end of the second page")
    shelf.take([next(pages)])
    fake.locators.clear()
    assert shelf.take(pages).texts == fake.expected()


def test_a_result_that_is_lost_at_once_is_given_up(
    fake: FakeSalesforce, source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.batch = 0  # nothing comes, and what would follow is not known
    fake.add("Late")
    monkeypatch.setattr(fake, "locators", Forgetful())
    with pytest.raises(SourceError, match="no longer knows"):
        pulled(source)


class Forgetful(dict[str, Any]):
    """Knows what was just put in, once."""

    def __getitem__(self, key: str) -> Any:
        return self.pop(key)


def test_a_result_that_goes_on_nowhere_fails(fake: FakeSalesforce, source: Any) -> None:
    fake.faults.append(Fault(after=7, body=b'{"totalSize": 20, "done": false, "records": []}'))
    with pytest.raises(SourceError, match="but not where"):
        pulled(source)


def test_a_walk_goes_on_without_what_was_closed_meanwhile(fake: FakeSalesforce, source: Any) -> None:
    for _ in range(25):
        fake.mail(fake.add("Late"), "Still late")
    shelf = Shelf().take(itertools.islice(source.pull(None, page_size=1000), 1))
    fake.closed.add("EmailMessage")
    assert fake.expected().keys() <= again(source, shelf).texts.keys()
    fake.closed.clear()
    assert len(again(source, shelf).texts) == 50


def test_a_query_that_takes_too_long_is_halved(fake: FakeSalesforce, source: Any) -> None:
    for _ in range(30):
        fake.add("Late")
        fake.tick(days=2)
    fake.most_rows = 12
    shelf = pulled(source)
    assert shelf.texts == fake.expected() and shelf.sent == 30
    assert any(" AND SystemModstamp < " in query for query in fake.queries)


def test_one_that_takes_too_long_however_narrow_fails(fake: FakeSalesforce, source: Any) -> None:
    for _ in range(3):
        fake.add("Late", SystemModstamp="2026-03-01T09:00:05.000+0000")
    fake.most_rows = 2
    with pytest.raises(SourceError, match="QUERY_TIMEOUT"):
        pulled(source)


def test_many_cases_at_once_are_asked_for_in_parts(fake: FakeSalesforce, source: Any) -> None:
    fake.batch = 2000
    for _ in range(450):
        fake.comment(fake.add("Late"), "Still late")
    pages = list(source.pull(None, page_size=1000))
    assert [len(page.records) for page in pages if page.records] == [400, 400, 100]
    assert max(len(str(request.url)) for request in fake.requests) < 8000


# What is closed


def test_columns_that_are_closed_are_left_out_with_a_warning(fake: FakeSalesforce, source: Any) -> None:
    fake.closed |= {"Case.Reason", "Case.Type"}
    fake.add("Late")
    (page, *_) = source.pull(None, page_size=1000)
    assert "reason" not in page.records[0].attributes and Hint.CLASS not in page.records[0].hints
    assert "Type, Reason" in page.warnings[0]


@pytest.mark.parametrize(("hints", "warned"), [({}, False), ({"class": "RecordType.DeveloperName"}, True)])
def test_record_types_that_no_one_asked_for_are_not_warned_of(
    fake: FakeSalesforce, source_of: Callable[..., Any], hints: dict[str, str], warned: bool
) -> None:
    fake.closed.add("Case.RecordTypeId")
    fake.add("Late")
    (page, *_) = source_of(fake, hints=hints).pull(None, page_size=1000)
    assert page.records and bool(page.warnings) is warned


def test_objects_that_are_closed_are_left_out_with_a_warning(fake: FakeSalesforce, source: Any) -> None:
    fake.closed |= {"EmailMessage", "CaseHistory"}
    fake.comment(fake.add("Late"), "Still late")
    pages = list(source.pull(None, page_size=1000))
    assert [record.text for page in pages for record in page.records] == ["Help. Late", "Still late"]
    warnings = [warning for page in pages for warning in page.warnings]
    assert len(warnings) == 2 and "EmailMessage" in warnings[0] and "CaseHistory" in warnings[1]


def test_comments_whose_writer_is_closed_are_nobodys(fake: FakeSalesforce, source: Any) -> None:
    fake.closed.add("CaseComment.CreatedById")
    fake.comment(fake.add("Late"), "By whom?")
    assert texts(source) == ["Help. Late"]


def test_another_time_is_followed_where_the_first_is_closed(fake: FakeSalesforce, source: Any) -> None:
    fake.closed.add("Case.SystemModstamp")
    for _ in range(25):
        fake.add("Late")
    shelf = pulled(source)
    assert shelf.texts == fake.expected()
    assert any("ORDER BY LastModifiedDate, Id" in query for query in fake.queries)


def test_cases_without_what_is_needed_stop_the_source(fake: FakeSalesforce, source: Any) -> None:
    fake.closed.add("Case.CreatedDate")
    with pytest.raises(SourceError, match=r"CreatedDate of Case.*CXNLP_SALESFORCE_CLIENT_ID"):
        pulled(source)


def test_cases_that_are_closed_stop_the_source(fake: FakeSalesforce, source: Any) -> None:
    fake.closed.add("Case")
    with pytest.raises(SourceError, match="404"):
        pulled(source)


# The session


def test_the_instance_is_asked_and_not_the_login(fake: FakeSalesforce, source: Any) -> None:
    fake.add("Late")
    pulled(source)
    login, *others = [request.headers["host"].partition(":")[0] for request in fake.requests]
    assert login == "127.0.0.1" and set(others) == {"localhost"}


def test_a_session_that_expires_is_renewed_once(fake: FakeSalesforce, source: Any) -> None:
    for _ in range(25):
        fake.add("Late")
    pages = source.pull(None, page_size=1000)
    shelf = Shelf().take([next(pages)])
    fake.revoked.update(fake.tokens)
    assert shelf.take(pages).texts == fake.expected()
    assert len(fake.tokens) == 2


def test_wrong_credentials_say_what_to_check(
    fake: FakeSalesforce, source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXNLP_SALESFORCE_CLIENT_SECRET", "wrong-one")
    with pytest.raises(SourceError, match=r"400.*CXNLP_SALESFORCE_CLIENT_SECRET.*API Enabled") as caught:
        pulled(source)
    assert "wrong-one" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"access_token": "t"}',
        b'{"access_token": "t", "instance_url": "acme"}',
        b'{"access_token": "t", "instance_url": "ftp://acme.example"}',
        b'{"access_token": 7, "instance_url": "http://acme.example"}',
    ],
)
def test_a_login_without_token_or_instance_fails(fake: FakeSalesforce, source: Any, body: bytes) -> None:
    fake.faults.append(Fault(200, body=body))
    with pytest.raises(SourceError, match="without a token"):
        pulled(source)


# The quota


def test_a_night_stops_before_the_share_of_the_quota_is_used(fake: FakeSalesforce, source: Any) -> None:
    for _ in range(25):
        fake.add("Late")
    fake.used = 3999
    shelf, pages = Shelf(), source.pull(None, page_size=1000)
    shelf.take([next(pages)])
    fake.used = 4000
    before = len(fake.requests)
    with pytest.raises(QuotaUsed, match="next night"):
        shelf.take(pages)
    assert len(fake.requests) - before == 1
    fake.used = 10
    assert again(source, shelf).texts == fake.expected()


@pytest.mark.parametrize(
    ("header", "left"), [("api-usage=18/5000", [3982]), ("api-usage=4001/5000; per-app=1/2", [-1]), ("", []), ("x", [])]
)
def test_the_quota_is_read_from_the_header(header: str, left: list[int]) -> None:
    now = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    assert [budget.left for budget in limits(0.8)({"sforce-limit-info": header}, now)] == left


def test_a_quota_that_is_used_up_is_not_called_a_permission(fake: FakeSalesforce, source: Any) -> None:
    fake.over_quota = True
    with pytest.raises(QuotaUsed, match="REQUEST_LIMIT_EXCEEDED"):
        pulled(source)


def test_a_403_without_that_code_is_a_permission(fake: FakeSalesforce, source: Any, clock: FakeClock) -> None:
    fake.faults.append(Fault(403, after=1, body=b'[{"message":"no","errorCode":"API_DISABLED_FOR_ORG"}]'))
    with pytest.raises(SourceError, match="not permitted") as caught:
        pulled(source)
    assert not isinstance(caught.value, QuotaUsed) and not clock.slept
