"""What is Freshdesk's own: its three lists, pages that move, who wrote what, ratings, credits."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale, Score, Timing
from cxnlp.sources.live.freshdesk import limits

from .conftest import Shelf, utc
from .fake_freshdesk import PRODUCT, REQUESTER, FakeFreshdesk, iso
from .serving import FakeClock, Fault


@pytest.fixture
def fake(serve_fake: Callable[[str], Any]) -> FakeFreshdesk:
    return serve_fake("freshdesk")


@pytest.fixture
def pulled(fake: FakeFreshdesk, source_of: Callable[..., Any]) -> Callable[..., dict[str, Feedback]]:
    def pull(**options: Any) -> dict[str, Feedback]:
        shelf = Shelf().take(source_of(fake, **options).pull(None, page_size=1000))
        assert not shelf.rejects
        return shelf.records

    return pull


def test_a_message_has_all_that_freshdesk_says(fake: FakeFreshdesk, pulled: Callable[..., Any]) -> None:
    fake.add(
        "I got size M instead of L",
        status=4,
        type="Problem",
        tags=["returns", "size"],
        product_id=PRODUCT,
        company={"id": 9, "name": "Acme"},
        custom_fields={"cf_store": "Utrecht", "cf_vip": True, "cf_none": None, "cf_units": ["Web", "Shop"]},
        stats={
            "first_responded_at": "2026-03-01T09:10:00Z",
            "resolved_at": "2026-03-02T10:00:00Z",
            "closed_at": "2026-03-09T10:00:00Z",
        },
    )
    found = pulled(hint_fields={"location": "cf_store", "queue": "cf_none", "department": "cf_units"})
    assert list(found) == ["2000:first"]
    one = found["2000:first"]
    assert (one.text, one.response_id, one.question, one.score) == ("I got size M instead of L", "2000", None, None)
    assert (one.created_at, one.updated_at) == (utc(2026, 3, 1, 0, 3), utc(2026, 3, 1, 0, 3))
    assert one.timing == Timing(utc(2026, 3, 1, 9, 10), utc(2026, 3, 2, 10), None)
    assert (one.customer_ref, one.language) == (str(REQUESTER), None)
    assert one.hints == {
        Hint.GROUP: "Returns",
        Hint.PRODUCT: "Shirts",
        Hint.CLASS: "Problem",
        Hint.LOCATION: "Utrecht",
        Hint.DEPARTMENT: "Web, Shop",
    }
    assert one.attributes == {
        "message": "first",
        "subject": "Wrong size",
        "status": "resolved",
        "via": "email",
        "priority": "1",
        "company": "Acme",
        "tags": "returns, size",
    }


def test_what_is_null_is_missing(fake: FakeFreshdesk, pulled: Callable[..., Any]) -> None:
    fake.add("Hello", stats=None, tags=None, custom_fields=None, group_id=None, requester_id=None, subject=None)
    one = pulled(languages=True)["2000:first"]
    assert (one.timing, one.hints, one.customer_ref) == (Timing(), {}, None)


@pytest.mark.parametrize(
    ("source", "via"), [(1, "email"), (2, "portal"), (7, "chat"), (9, "feedback widget"), (42, "42")]
)
def test_the_channel_is_freshdesks_own(fake: FakeFreshdesk, pulled: Callable[..., Any], source: int, via: str) -> None:
    fake.add("Hello", source=source, status=19)
    one = pulled()["2000:first"]
    assert (one.attributes["via"], one.attributes["status"]) == (via, "19")


@pytest.mark.parametrize("source", [3, 10])
def test_a_first_text_that_an_agent_wrote_is_left_out(
    fake: FakeFreshdesk, pulled: Callable[..., Any], source: int
) -> None:
    number = fake.add("We will deliver tomorrow", source=source)
    reply = fake.say(number, "Please don't")
    assert list(pulled()) == [f"2000:{reply}"]
    assert list(pulled(agent_sources=())) == ["2000:first", f"2000:{reply}"]


def test_only_customers_words_are_read(fake: FakeFreshdesk, pulled: Callable[..., Any]) -> None:
    number = fake.add("It does not fit")
    fake.say(number, "Send it back", incoming=False)
    fake.say(number, "A difficult one", incoming=False, private=True)
    fake.say(number, "Forwarded by a customer, seen by agents only", private=True)
    fake.say(number, "")
    reply = fake.say(number, "Sent", user_id=502)
    found = pulled()
    assert [one.text for one in found.values()] == ["It does not fit", "Sent"]
    later = found[f"2000:{reply}"]
    assert (later.attributes["message"], later.customer_ref, later.response_id) == ("later", "502", "2000")
    assert later.created_at == later.updated_at == fake.now


def test_html_is_read_where_there_is_no_plain_text(fake: FakeFreshdesk, pulled: Callable[..., Any]) -> None:
    number = fake.add("It does not fit", description_text=None)
    reply = fake.say(number, "Sent", body_text=None)
    assert {ident: one.text for ident, one in pulled().items()} == {
        "2000:first": "<div>It does not fit</div>",
        f"2000:{reply}": "<div>Sent</div>",
    }


def test_long_conversations_are_read_whole(fake: FakeFreshdesk, pulled: Callable[..., Any]) -> None:
    number = fake.add("It does not fit")
    for at in range(25):
        fake.say(number, f"Reply {at}")
    assert len(pulled()) == 26


def test_replies_are_only_asked_for_where_they_are_wanted(fake: FakeFreshdesk, pulled: Callable[..., Any]) -> None:
    fake.say(fake.add("It does not fit"), "Sent")
    assert list(pulled(conversations=False)) == ["2000:first"]
    assert not [one for one in fake.requests if one.url.path.endswith("/conversations")]


def test_a_conversation_that_is_closed_to_us_does_not_end_the_walk(
    fake: FakeFreshdesk, pulled: Callable[..., Any], source_of: Callable[..., Any]
) -> None:
    fake.say(fake.add("It does not fit"), "Sent")
    fake.add("Too small")
    fake.closed.add("/tickets/2000/conversations")
    assert list(pulled()) == ["2000:first", "2001:first"]
    pages = list(source_of(fake).pull(None, page_size=1000))
    assert [one for page in pages for one in page.warnings] == [
        "1 conversations were refused, their replies are missing: tickets 2000"
    ]


def test_tickets_older_than_thirty_days_are_asked_for(fake: FakeFreshdesk, pulled: Callable[..., Any]) -> None:
    fake.now = utc(2026, 1, 2)
    fake.add("Long ago")
    fake.now = utc(2026, 5, 1)
    assert list(pulled()) == ["2000:first"]


@pytest.mark.parametrize(
    ("ratings", "score"),
    [
        ({"default_question": -103, "question_2": 102}, Score(1, Scale.LIKERT7)),
        ({"default_question": -101}, Score(3, Scale.LIKERT7)),
        ({"default_question": 100}, Score(4, Scale.LIKERT7)),
        ({"default_question": 103}, Score(7, Scale.LIKERT7)),
        ([{"question": "default_question", "value": 101}], Score(5, Scale.LIKERT7)),
        ({"default_question": 5}, None),  # not a value that is known
        ({"question_2": 102}, None),
        (None, None),
    ],
)
def test_a_rating_is_scored_by_its_step(
    fake: FakeFreshdesk, pulled: Callable[..., Any], ratings: Any, score: Score | None
) -> None:
    ident = fake.rate(fake.add("It does not fit"), ratings, "Quick fix")
    assert pulled()[f"rating:{ident}"].score == score


def test_a_rating_has_all_that_freshdesk_says(fake: FakeFreshdesk, pulled: Callable[..., Any]) -> None:
    ident = fake.rate(fake.add("It does not fit"), {"default_question": 103, "question_2": -102}, "Quick fix")
    one = pulled()[f"rating:{ident}"]
    assert (one.text, one.question, one.response_id) == ("Quick fix", "How did we do?", "2000")
    assert (one.created_at, one.updated_at, one.customer_ref) == (fake.now, fake.now, str(REQUESTER))
    assert one.hints == {Hint.GROUP: "Returns"}
    ratings = "default_question 103, question_2 -102"
    assert one.attributes == {"message": "rating", "survey": "1", "ratings": ratings}


def test_the_values_of_a_shorter_survey_are_a_scale_of_their_own(
    fake: FakeFreshdesk, source_of: Callable[..., Any]
) -> None:
    assert source_of(fake, rating_values=(-103, 103)).rated(103) == Score(1, Scale.GOOD_BAD)
    assert source_of(fake, rating_values=(-103, -102, 100, 102, 103)).rated(-102) == Score(2, Scale.LIKERT5)
    for values in ((-103, 100, 103), (-103, -103, 100, 103)):
        with pytest.raises(ValidationError, match="2, 4, 5, 6, 7 or 8 different"):
            source_of(fake, rating_values=values)


def test_a_rating_without_words_counts(fake: FakeFreshdesk, pulled: Callable[..., Any]) -> None:
    number = fake.add("It does not fit")
    silent = fake.rate(number, {"default_question": 103}, None)
    fake.rate(number, {}, "")
    found = pulled()
    assert list(found) == ["2000:first", f"rating:{silent}"]
    assert (found[f"rating:{silent}"].text, found[f"rating:{silent}"].score) == ("", Score(7, Scale.LIKERT7))


def test_a_rating_without_words_and_a_known_value_is_set_aside(
    fake: FakeFreshdesk, source_of: Callable[..., Any]
) -> None:
    number = fake.add("It does not fit")
    fake.rate(number, {"default_question": 5}, None)
    fake.rate(number, {"default_question": None}, None)  # no answer
    shelf = Shelf().take(source_of(fake).pull(None, page_size=1000))
    assert [(one.reason, one.record_id) for one in shelf.rejects] == [("score_out_of_scale", "100")]
    assert list(shelf.records) == ["2000:first"]


@pytest.mark.parametrize("ratings", [True, False])
def test_the_words_of_a_rating_are_read_once(fake: FakeFreshdesk, pulled: Callable[..., Any], ratings: bool) -> None:
    number = fake.add("It does not fit")
    rating = fake.rate(number, {"default_question": 103}, "Quick fix")
    reply = fake.say(number, "Quick fix", source=6)  # Freshdesk repeats them in the ticket
    assert list(pulled(ratings=ratings)) == ["2000:first", f"rating:{rating}" if ratings else f"2000:{reply}"]


def test_words_that_are_added_to_a_rating_later_are_read(fake: FakeFreshdesk, source_of: Callable[..., Any]) -> None:
    number = fake.add("It does not fit")
    early = fake.rate(number, {"default_question": 103}, None)
    fake.tick(days=13)
    fake.rate(number, {"default_question": 103}, None)
    source, shelf = source_of(fake), Shelf()
    shelf.take(source.pull(None, page_size=1000))
    fake.ratings[0] |= {"feedback": "And friendly", "updated_at": iso(fake.tick(days=1))}
    shelf.take(source.pull(shelf.cursor, page_size=1000))
    assert shelf.texts[f"rating:{early}"] == "And friendly"


def test_ratings_go_on_at_the_page_that_failed(fake: FakeFreshdesk, source_of: Callable[..., Any]) -> None:
    number = fake.add("It does not fit")
    for at in range(25):
        fake.rate(number, {"default_question": 103}, f"Thanks {at}")
    source = source_of(fake)
    whole = list(source.pull(None, page_size=1000))
    states = [json.loads(page.cursor)["state"] for page in whole]
    assert ["newest" in state.get("ratings", {}) for state in states[:4]] == [False, False, False, True]
    for kept in range(len(whole)):
        shelf = Shelf().take(whole[:kept])
        assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


def test_a_plan_without_surveys_says_what_to_set(fake: FakeFreshdesk, source_of: Callable[..., Any]) -> None:
    fake.add("It does not fit")
    fake.closed |= {"/surveys/satisfaction_ratings", "/surveys"}
    with pytest.raises(SourceError, match=r"403.*ratings = false"):
        list(source_of(fake).pull(None, page_size=1000))
    assert len(Shelf().take(source_of(fake, ratings=False).pull(None, page_size=1000)).records) == 1


def test_groups_that_may_not_be_listed_are_told_of(fake: FakeFreshdesk, source_of: Callable[..., Any]) -> None:
    fake.rate(fake.add("It does not fit", product_id=PRODUCT), {}, "Quick fix")
    fake.closed |= {"/groups", "/products", "/surveys"}
    pages = list(source_of(fake).pull(None, page_size=1000))
    assert pages[0].records[0].hints == {Hint.GROUP: "group 12", Hint.PRODUCT: "product 3"}
    assert [page.warnings for page in pages[:2]] == [
        ("the groups can't be listed; they stand as numbers", "the products can't be listed; they stand as numbers"),
        ("the surveys can't be listed; they stand as numbers",),
    ]
    assert pages[1].records[0].question is None


def test_the_requesters_language_is_asked_for_where_it_is_wanted(
    fake: FakeFreshdesk, pulled: Callable[..., Any]
) -> None:
    fake.add("Hallo")
    fake.add("Hello", requester_id=77)  # an agent has no contact
    assert [one.language for one in pulled().values()] == [None, None]
    assert not [one for one in fake.requests if "/contacts/" in one.url.path]
    assert [one.language for one in pulled(languages=True).values()] == ["nl", None]


def test_spam_is_retired_and_comes_back(fake: FakeFreshdesk, source_of: Callable[..., Any]) -> None:
    number, other = fake.add("Is this spam?"), fake.add("This is not")
    source, shelf = source_of(fake), Shelf()
    shelf.take(source.pull(None, page_size=1000))
    fake.tick(days=1)
    fake.tickets[number]["spam"] = True
    fake.touch(number)
    assert set(shelf.take(source.pull(shelf.cursor, page_size=1000)).records) == {f"{other}:first"}
    fake.tick(days=1)
    fake.tickets[number]["spam"] = False
    fake.touch(number)
    assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


def test_the_rating_of_a_deleted_ticket_stays_retired(fake: FakeFreshdesk, source_of: Callable[..., Any]) -> None:
    number = fake.add("It does not fit")
    fake.rate(number, {"default_question": -103}, "Never again")
    source, shelf = source_of(fake), Shelf()
    shelf.take(source.pull(None, page_size=1000))
    fake.tick(days=1)
    fake.delete(number)
    for _ in range(3):  # the rating is read again every night
        fake.tick(days=1)
        fake.delete(fake.add("Something else"))
        assert not shelf.take(source.pull(shelf.cursor, page_size=1000)).records


def test_a_deletion_that_changes_no_time_is_found_in_the_whole_trash(
    fake: FakeFreshdesk, source_of: Callable[..., Any]
) -> None:
    number = fake.add("Old")
    fake.tick(days=1)
    fake.delete(fake.add("Deleted before"))
    for whole, left in ((False, 1), (True, 0)):
        fake.tickets[number]["deleted"] = False
        source, shelf = source_of(fake, whole_trash=whole), Shelf()
        shelf.take(source.pull(None, page_size=1000))
        fake.tickets[number]["deleted"] = True
        assert len(shelf.take(source.pull(shelf.cursor, page_size=1000)).records) == left


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("links", [False, True])
def test_a_ticket_that_changes_while_pages_are_read_moves_no_other_out_of_sight(
    fake: FakeFreshdesk, source_of: Callable[..., Any], exclusive: bool, links: bool
) -> None:
    fake.exclusive, fake.links = exclusive, links
    numbers = [fake.add(f"Number {at}") for at in range(35)]
    pages, shelf = source_of(fake).pull(None, page_size=1000), Shelf()
    shelf.take([next(pages)])
    for number in numbers[:3]:
        fake.edit(number, "Changed, was read")
    fake.edit(numbers[30], "Changed, was not read")
    shelf.take(pages)
    assert shelf.texts == fake.expected()
    assert shelf.sent == 38  # what changed after it was read comes twice


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("tied", [9, 10, 11, 50])
def test_tickets_of_one_second_are_all_read_once(
    fake: FakeFreshdesk, source_of: Callable[..., Any], exclusive: bool, tied: int
) -> None:
    fake.exclusive = exclusive
    numbers = [fake.add(f"Number {at}") for at in range(70)]
    fake.tick()
    for number in numbers[12 : 12 + tied]:  # one click changes many
        fake.touch(number)
    for number in numbers[:5]:
        fake.edit(number, "Changed after them")
    source = source_of(fake)
    whole = list(source.pull(None, page_size=1000))
    shelf = Shelf().take(whole)
    assert shelf.texts == fake.expected()
    assert shelf.sent == 70
    for kept in range(len(whole)):
        shelf = Shelf().take(whole[:kept])
        assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


@pytest.mark.parametrize("moved", [1, 3])
def test_tickets_of_one_second_that_move_up_a_page_are_read(
    fake: FakeFreshdesk, source_of: Callable[..., Any], moved: int
) -> None:
    numbers = [fake.add(f"Number {at}") for at in range(40)]
    fake.tick()
    for number in numbers:
        fake.touch(number)
    pages, shelf = source_of(fake).pull(None, page_size=1000), Shelf()
    shelf.take([next(pages), next(pages)])
    for number in numbers[:moved]:
        fake.edit(number, "Changed, was read")
    shelf.take(pages)
    assert shelf.texts == fake.expected()
    assert shelf.sent == 40 + moved


def test_no_page_is_asked_for_beyond_the_last_that_is_given(fake: FakeFreshdesk, source_of: Callable[..., Any]) -> None:
    fake.last_page = 2
    for at in range(45):
        fake.add(f"Number {at}")
    assert Shelf().take(source_of(fake).pull(None, page_size=1000)).texts == fake.expected()


def test_an_overlap_of_several_pages_is_read_whole(fake: FakeFreshdesk, source_of: Callable[..., Any]) -> None:
    numbers = [fake.add(f"Number {at}") for at in range(45)]
    source, shelf = source_of(fake, overlap_minutes=600), Shelf()
    shelf.take(source.pull(None, page_size=1000))
    for number in numbers[20:25]:  # late with what it says, but at its old time
        fake.tickets[number]["description_text"] = "Told late"
    assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


def test_an_order_that_is_not_kept_is_said(
    fake: FakeFreshdesk, source_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(5):
        fake.add(f"Number {at}")
    paged = FakeFreshdesk._paged
    monkeypatch.setattr(FakeFreshdesk, "_paged", lambda self, rows, request: paged(self, rows[::-1], request))
    with pytest.raises(SourceError, match="another order"):
        list(source_of(fake).pull(None, page_size=1000))


def test_the_cursor_is_the_newest_change_and_is_read_again_from_ten_minutes_before(
    fake: FakeFreshdesk, source_of: Callable[..., Any]
) -> None:
    fake.add("Hello")
    source = source_of(fake)
    cursor = list(source.pull(None, page_size=1000))[-1].cursor
    assert json.loads(cursor)["state"]["tickets"] == {"newest": "2026-03-01T00:03:00Z"}
    fake.requests.clear()
    list(source.pull(cursor, page_size=1000))
    assert fake.requests[0].query_params["updated_since"] == "2026-02-28T23:53:00Z"


def test_requests_wait_a_minute_when_the_next_would_cost_more_than_is_left(
    fake: FakeFreshdesk, source_of: Callable[..., Any], clock: FakeClock
) -> None:
    fake.add("Hello")
    fake.remaining, fake.used = 3, 4
    list(source_of(fake).pull(None, page_size=1000))
    assert clock.slept and set(clock.slept) == {60}


@pytest.mark.parametrize(
    ("left", "used", "budget"), [(3, 4, 0), (4, 4, 1), (1, None, 1), (0, None, 0), (None, 1, None)]
)
def test_what_is_left_is_counted_in_requests(left: int | None, used: int | None, budget: int | None) -> None:
    names = {"X-RateLimit-Remaining": left, "X-RateLimit-Used-CurrentRequest": used}
    headers = httpx.Headers({name: str(value) for name, value in names.items() if value is not None})
    found = [one.left for one in limits(headers, utc(2026, 6, 1))]
    assert found == ([] if budget is None else [budget])


def test_lists_of_tickets_keep_their_own_pace(
    fake: FakeFreshdesk, source_of: Callable[..., Any], clock: FakeClock
) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
    began = clock.now()
    list(source_of(fake, lists_per_minute=20, ratings=False).pull(None, page_size=1000))
    lists = [one for one in fake.requests if one.url.path == "/api/v2/tickets"]
    assert clock.now() - began == dt.timedelta(seconds=3) * (len(lists) - 1)


def test_an_answer_that_is_no_list_ends_the_night(fake: FakeFreshdesk, source_of: Callable[..., Any]) -> None:
    fake.faults.append(Fault(200, body=b'{"description":"hm"}'))
    with pytest.raises(SourceError, match="/api/v2/tickets answered with no list"):
        list(source_of(fake).pull(None, page_size=1000))


def test_a_rating_that_breaks_the_contract_is_set_aside(fake: FakeFreshdesk, source_of: Callable[..., Any]) -> None:
    number = fake.add("It does not fit")
    fake.rate(number, {"default_question": 103}, "Quick fix", survey_id={"id": 1})
    fake.rate(number, {"default_question": 103}, "Quick fix", created_at="2026-03-01 noon")
    shelf = Shelf().take(source_of(fake).pull(None, page_size=1000))
    assert [(one.reason, one.record_id) for one in shelf.rejects] == [
        ("unreadable_date", "101"),
        ("unexpected_shape", "100"),
    ]


def test_what_a_reply_quotes_of_agents_is_left_out(fake: FakeFreshdesk, pulled: Callable[..., Any]) -> None:
    number = fake.add("My order is late")
    fake.say(number, "Still late.\n\nOn Mon, 2 Mar 2026 at 10:11, Acme <help@acme.example> wrote:\n> We are sorry.")
    assert [one.text for one in pulled().values()] == ["My order is late", "Still late."]
