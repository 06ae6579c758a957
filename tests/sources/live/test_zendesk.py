"""What is Zendesk's own: the cursor export, who wrote what in a conversation, ratings, its limits."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale, Score, Timing
from cxnlp.sources.live.zendesk import limits

from .conftest import Shelf, utc
from .fake_zendesk import AGENT, CUSTOMER, FakeZendesk
from .serving import FakeClock, Fault

EXPORT = "/api/v2/incremental/tickets/cursor.json"


@pytest.fixture
def fake(serve_fake: Callable[[str], Any]) -> FakeZendesk:
    return serve_fake("zendesk")


@pytest.fixture
def pulled(fake: FakeZendesk, source_of: Callable[..., Any]) -> Callable[..., dict[str, Feedback]]:
    def pull(**options: Any) -> dict[str, Feedback]:
        shelf = Shelf().take(source_of(fake, **options).pull(None, page_size=1000))
        assert not shelf.rejects
        return shelf.records

    return pull


def test_a_message_has_all_that_zendesk_says(fake: FakeZendesk, pulled: Callable[..., Any]) -> None:
    number = fake.add(
        "My card shows two payments",
        status="solved",
        tags=["billing", "double_charge"],
        custom_fields=[{"id": 27642, "value": "web_shop"}, {"id": 5, "value": ["a", "b"]}, {"id": 6, "value": None}],
        satisfaction_rating={"id": 1234, "score": "bad", "comment": "Took four days"},
    )
    fake.tickets[number]["metric_set"] |= {"solved_at": "2026-03-04T15:02:40Z"}
    found = pulled(hint_fields={"product": 27642, "queue": 5, "location": 6, "class": 7})
    assert list(found) == ["40000:first"]
    one = found["40000:first"]
    assert (one.text, one.response_id, one.question) == ("My card shows two payments", "40000", None)
    assert (one.created_at, one.updated_at) == (utc(2026, 3, 1, 0, 1), utc(2026, 3, 1, 0, 1))
    assert one.timing == Timing(utc(2026, 3, 1, 1, 36), utc(2026, 3, 4, 15, 2, 40), 1)
    assert (one.customer_ref, one.language) == (str(CUSTOMER), "en-GB")
    assert one.score == Score(0, Scale.GOOD_BAD)
    assert one.hints == {Hint.GROUP: "Billing", Hint.PRODUCT: "web_shop", Hint.QUEUE: "a, b"}
    assert one.attributes == {
        "message": "first",
        "subject": "Help",
        "status": "solved",
        "via": "email",
        "brand": "11",
        "tags": "billing, double_charge",
    }


def test_what_is_null_is_missing(fake: FakeZendesk, pulled: Callable[..., Any]) -> None:
    nothing = dict.fromkeys(
        ("metric_set", "satisfaction_rating", "group_id", "via", "tags", "custom_fields", "subject")
    )
    fake.add("Hello", **nothing)
    one = pulled()["40000:first"]
    assert (one.timing, one.score, one.hints) == (Timing(), None, {})


@pytest.mark.parametrize("via", ["web", 4, "something_new"])
def test_the_channel_is_a_word_or_a_number(fake: FakeZendesk, pulled: Callable[..., Any], via: Any) -> None:
    fake.add("Hello", via={"channel": via})
    assert pulled()["40000:first"].attributes["via"] == str(via)


@pytest.mark.parametrize("score", ["offered", "unoffered", "something_new"])
def test_a_rating_that_was_not_given_is_none(fake: FakeZendesk, pulled: Callable[..., Any], score: str) -> None:
    fake.rate(fake.add("Hello"), score, "")
    assert [one.score for one in pulled().values()] == [None]


def test_only_customers_words_are_read(fake: FakeZendesk, pulled: Callable[..., Any]) -> None:
    fake.people[9002] = {"id": 9002, "role": "end-user", "locale": "es"}
    number = fake.add("It broke")
    fake.say(number, "Looking into it", author=AGENT)
    fake.say(number, "They sound angry", author=AGENT, public=False)
    fake.say(number, "Forwarded, for agents only", public=False)
    fake.say(number, "I am nobody that is known", author=-1)
    fake.say(number, "Call from: +34 600 000 000", type="VoiceComment")
    fake.tick()
    later = fake.say(number, "Still broken", author=9002)
    found = pulled()
    assert {ident: one.text for ident, one in found.items()} == {
        "40000:first": "It broke",
        f"40000:{later}": "Still broken",
    }
    one = found[f"40000:{later}"]
    assert (one.attributes["message"], one.created_at, one.response_id) == ("later", fake.now, "40000")


@pytest.mark.parametrize("comments", [True, False])
def test_what_an_agent_opened_for_a_customer_is_the_agents(
    fake: FakeZendesk, pulled: Callable[..., Any], comments: bool
) -> None:
    fake.add("The customer called about an invoice", author=AGENT)
    fake.add("An agent asks for himself", author=AGENT, requester_id=AGENT)
    assert pulled(comments=comments) == {}


def test_long_conversations_are_read_whole(fake: FakeZendesk, pulled: Callable[..., Any]) -> None:
    number = fake.add("It broke")
    for at in range(250):
        fake.say(number, f"Again {at}")
    assert len(pulled()) == 251
    asked = [one.query_params for one in fake.requests if one.url.path.endswith("/comments.json")]
    assert [(one["page[size]"], one["include"]) for one in asked] == [("100", "users")] * 3


def test_the_first_message_is_one_record_with_and_without_conversations(
    fake: FakeZendesk, source_of: Callable[..., Any]
) -> None:
    later = fake.say(fake.add("It broke"), "Again")
    shelf = Shelf()
    for comments in (False, True, False):
        shelf.take(source_of(fake, comments=comments).pull(shelf.cursor, page_size=1000))
    assert set(shelf.records) == {"40000:first", f"40000:{later}"}


@pytest.mark.parametrize("status", [403, 404])
def test_a_conversation_that_is_refused_keeps_what_opened_it_and_is_told_of(
    fake: FakeZendesk, source_of: Callable[..., Any], status: int
) -> None:
    number, other = fake.add("It broke"), fake.add("Another one")
    later = fake.say(number, "Again")
    fake.closed[number] = status
    source, shelf = source_of(fake), Shelf()
    pages = list(source.pull(None, page_size=1000))
    assert set(shelf.take(pages).records) == {f"{number}:first", f"{other}:first"}
    assert [one for page in pages for one in page.warnings] == [
        "1 conversations were refused, only what opened them is read: tickets 40000"
    ]
    fake.closed.clear()
    fake.tick()
    fake.edit(number, "It broke in two")
    shelf.take(source.pull(shelf.cursor, page_size=1000))
    assert set(shelf.records) == {f"{number}:first", f"{number}:{later}", f"{other}:first"}
    assert shelf.texts == fake.expected()


@pytest.mark.parametrize(("ident", "reason"), [(None, "missing_id"), ({"id": 1}, "unexpected_shape")])
def test_a_ticket_without_an_id_is_set_aside_alone(
    fake: FakeZendesk, source_of: Callable[..., Any], ident: Any, reason: str
) -> None:
    fake.tickets[fake.add("Nameless")]["id"] = ident
    fake.add("Named")
    shelf = Shelf().take(source_of(fake).pull(None, page_size=1000))
    assert [one.reason for one in shelf.rejects] == [reason]
    assert list(shelf.records) == ["40001:first"]


def test_a_conversation_that_breaks_the_contract_is_set_aside_alone(
    fake: FakeZendesk, source_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.add("Spoiled")
    fake.add("Sound")
    told = FakeZendesk._conversation
    monkeypatch.setattr(
        FakeZendesk,
        "_conversation",
        lambda self, number, request: {"comments": {}} if number == 40000 else told(self, number, request),
    )
    shelf = Shelf().take(source_of(fake).pull(None, page_size=1000))
    assert [(one.reason, one.record_id) for one in shelf.rejects] == [("unexpected_shape", "40000")]
    assert list(shelf.records) == ["40001:first"]


def test_every_page_of_the_export_is_asked_for_what_goes_with_it(fake: FakeZendesk, pulled: Callable[..., Any]) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
    pulled()
    asked = [one.query_params for one in fake.requests if one.url.path == EXPORT]
    assert [one["include"] for one in asked] == ["metric_sets,users"] * 3
    assert [("start_time" in one, "cursor" in one) for one in asked] == [(True, False), (False, True), (False, True)]
    assert asked[0]["start_time"] == str(int(utc(2026, 1, 1).timestamp()))


def test_the_last_cursor_is_kept_for_the_next_night(fake: FakeZendesk, source_of: Callable[..., Any]) -> None:
    fake.add("Hello")
    source = source_of(fake)
    cursor = list(source.pull(None, page_size=1000))[-1].cursor
    assert json.loads(cursor)["state"] == {"cursor": f"{int(fake.now.timestamp())}_40000"}
    fake.requests.clear()
    list(source.pull(cursor, page_size=1000))
    assert "start_time" not in fake.requests[0].query_params


def test_a_ticket_that_the_system_changed_is_read_though_its_time_is_old(
    fake: FakeZendesk, source_of: Callable[..., Any]
) -> None:
    number = fake.add("Hello")
    source, shelf = source_of(fake), Shelf()
    shelf.take(source.pull(None, page_size=1000))
    fake.tickets[number] |= {"tags": ["moved"], "generated_timestamp": int(fake.tick(days=1).timestamp())}
    shelf.take(source.pull(shelf.cursor, page_size=1000))
    assert shelf.records["40000:first"].attributes["tags"] == "moved"


def test_tickets_of_one_second_are_all_read_once(fake: FakeZendesk, source_of: Callable[..., Any]) -> None:
    for at in range(35):
        fake.tickets[fake.add(f"Number {at}")]["generated_timestamp"] = 1772530000
    shelf = Shelf().take(source_of(fake).pull(None, page_size=1000))
    assert (shelf.texts, shelf.sent) == (fake.expected(), 35)


def test_an_export_that_goes_on_nowhere_keeps_the_old_cursor(fake: FakeZendesk, source_of: Callable[..., Any]) -> None:
    fake.faults.append(Fault(200, body=b'{"tickets": [], "after_cursor": null, "end_of_stream": false}'))
    with pytest.raises(SourceError, match="goes on, but not where"):
        list(source_of(fake).pull(None, page_size=1000))


def test_a_ratings_words_are_a_record_of_their_ticket(fake: FakeZendesk, pulled: Callable[..., Any]) -> None:
    number = fake.add("Hello")
    ident = fake.rate(number, "bad", "Took four days")
    found = pulled()
    assert {one: record.score.value for one, record in found.items()} == {"40000:first": 0, f"rating:{ident}": 0}
    one = found[f"rating:{ident}"]
    assert (one.text, one.response_id, one.customer_ref) == ("Took four days", "40000", str(CUSTOMER))
    assert (one.created_at, one.hints, one.attributes) == (fake.now, {Hint.GROUP: "Billing"}, {"message": "rating"})
    assert list(pulled(satisfaction=False)) == ["40000:first"]


def test_a_rating_without_words_counts_where_no_message_carries_it(
    fake: FakeZendesk, pulled: Callable[..., Any]
) -> None:
    fake.rate(fake.add("Hello"), "good", "")
    fake.rate(fake.add("The customer called", author=AGENT), "bad", "")
    worded = fake.rate(fake.add("The customer called", author=AGENT), "bad", "Rude")
    found = pulled()
    assert {ident: one.score.value for ident, one in found.items()} == {
        "40000:first": 1,
        "40001:rating": 0,
        f"rating:{worded}": 0,
    }
    assert (found["40001:rating"].text, found["40001:rating"].attributes["message"]) == ("", "rating")


def test_the_ratings_of_a_deleted_ticket_stay_retired(fake: FakeZendesk, source_of: Callable[..., Any]) -> None:
    number = fake.add("Hello")
    fake.rate(number, "bad", "Never again")
    source, shelf = source_of(fake), Shelf()
    assert len(shelf.take(source.pull(None, page_size=1000)).records) == 2
    fake.tick(days=1)
    fake.delete(number)
    for _ in range(3):  # the newest rating is asked for again every night
        assert not shelf.take(source.pull(shelf.cursor, page_size=1000)).records
    assert not Shelf().take(source.pull(None, page_size=1000)).records


@pytest.mark.parametrize("pages", [1, 3])
def test_ratings_are_read_once_and_go_on_from_the_newest(
    fake: FakeZendesk, source_of: Callable[..., Any], pages: int
) -> None:
    number = fake.add("Hello")
    for at in range(pages * 100 - 1):
        fake.rate(number, "bad", f"Slow {at}")
    fake.ratings.reverse()
    source, shelf = source_of(fake), Shelf()
    whole = list(source.pull(None, page_size=1000))
    states = [json.loads(page.cursor)["state"] for page in whole]
    assert ["ratings" in state for state in states] == [False] + [False] * (pages - 1) + [True]
    assert states[-1]["ratings"] == fake.now.isoformat() and len(states[-1]["read"]) == 11  # those of ten minutes
    shelf.take(whole)
    fake.requests.clear()
    fake.rate(number, "good", "Fast in the end")  # a changed mind is a new rating
    sent = shelf.sent
    shelf.take(source.pull(shelf.cursor, page_size=1000))
    assert shelf.sent - sent == 2  # the ticket and the rating
    asked = next(one for one in fake.requests if one.url.path.endswith("satisfaction_ratings.json"))
    assert asked.query_params["start_time"] == str(int((fake.now - dt.timedelta(minutes=11)).timestamp()) - 1)


def test_ratings_of_one_second_are_all_read(fake: FakeZendesk, source_of: Callable[..., Any]) -> None:
    number = fake.add("Hello")
    fake.rate(number, "bad", "Slow")
    source, shelf = source_of(fake, overlap_minutes=0), Shelf()
    shelf.take(source.pull(None, page_size=1000))
    fake.now -= dt.timedelta(minutes=1)
    fake.rate(number, "good", "Fast")  # in the same second, listed late
    assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


def test_a_rating_that_breaks_the_contract_is_set_aside(fake: FakeZendesk, source_of: Callable[..., Any]) -> None:
    number = fake.add("Hello")
    spoiled, sound = fake.rate(number, "bad", "Slow"), fake.rate(number, "bad", "Rude")
    fake.ratings[0]["updated_at"] = "yesterday"
    shelf = Shelf()
    for _ in range(2):
        shelf.take(source_of(fake).pull(shelf.cursor, page_size=1000))
    assert {(one.reason, one.record_id) for one in shelf.rejects} == {("unreadable_date", str(spoiled))}
    assert list(shelf.records) == ["40000:first", f"rating:{sound}"]


def test_the_export_keeps_its_own_pace(fake: FakeZendesk, source_of: Callable[..., Any], clock: FakeClock) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
    list(source_of(fake, exports_per_minute=10).pull(None, page_size=1000))
    assert clock.slept == [6.0, 6.0]


@pytest.mark.parametrize(
    ("headers", "budgets"),
    [
        ({"X-Rate-Limit": "700", "X-Rate-Limit-Remaining": "0"}, []),  # for how long is not said
        ({"ratelimit-limit": "100", "ratelimit-remaining": "0", "ratelimit-reset": "41"}, [(0, 41)]),
        ({"zendesk-ratelimit-tickets-index": "total=100; remaining=99; resets=41"}, [(99, 41)]),
        ({"zendesk-ratelimit-tickets-index": "something new"}, []),
    ],
)
def test_limits_are_read_from_headers(headers: dict[str, str], budgets: list[tuple[int, float]]) -> None:
    found = limits(httpx.Headers(headers), utc(2026, 6, 1))
    assert [(one.left, one.seconds) for one in found] == budgets


def test_an_oauth_token_goes_without_an_address(
    fake: FakeZendesk, source_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXNLP_ZENDESK_EMAIL")
    monkeypatch.setattr(
        fake, "authorised", lambda request: request.headers["authorization"] == f"Bearer {fake.secrets[0]}"
    )
    fake.add("Hello")
    assert len(Shelf().take(source_of(fake).pull(None, page_size=1000)).records) == 1


def test_what_a_reply_quotes_of_agents_is_left_out(fake: FakeZendesk, pulled: Callable[..., Any]) -> None:
    number = fake.add("My order is late")
    fake.say(number, "Still late.\n\nOn Mon, 2 Mar 2026 at 10:11, Acme <help@acme.example> wrote:\n> We are sorry.")
    assert [one.text for one in pulled().values()] == ["My order is late", "Still late."]


def test_the_words_of_a_requester_who_is_no_longer_listed_are_kept(
    fake: FakeZendesk, pulled: Callable[..., Any]
) -> None:
    number = fake.add("My order is late")
    fake.say(number, "We are sorry.", author=AGENT)
    fake.people.clear()
    assert [one.text for one in pulled().values()] == ["My order is late"]
