"""What is Intercom's own: the window of the search, who wrote what, ratings, its limits."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cxnlp.records import Feedback, Hint, Scale, Score, Timing
from cxnlp.sources.live.intercom import limits

from .conftest import Shelf, utc
from .fake_intercom import ADMIN, CUSTOMER, FakeIntercom, unix
from .serving import FakeClock, Fault


@pytest.fixture
def fake(serve_fake: Callable[[str], Any]) -> FakeIntercom:
    return serve_fake("intercom")


@pytest.fixture
def pulled(fake: FakeIntercom, source_of: Callable[..., Any]) -> Callable[..., dict[str, Feedback]]:
    def pull(**options: Any) -> dict[str, Feedback]:
        shelf = Shelf().take(source_of(fake, **options).pull(None, page_size=1000))
        assert not shelf.rejects
        return shelf.records

    return pull


def test_a_message_has_all_that_intercom_says(fake: FakeIntercom, pulled: Callable[..., Any]) -> None:
    number = fake.add("The app logs me out", admin_assignee_id=ADMIN, state="closed", open=False, title="App")
    created = fake.conversations[number]["created_at"]
    fake.conversations[number] |= {
        "statistics": {
            "first_admin_reply_at": created + 7200,
            "time_to_admin_reply": 1800,  # office hours removed: not what passed
            "last_close_at": created + 10_000,
            "count_reopens": 1,
        },
        "tags": {"type": "tag.list", "tags": [{"id": "9", "name": "login"}, {"id": "10", "name": "mobile"}]},
        "custom_attributes": {"Product area": "Checkout", "Shop": None, "Owner": {"type": "list"}},
        "ai_agent_participated": True,
    }
    fake.conversations[number]["source"] |= {"type": "email", "subject": "Logged out"}
    found = pulled(hint_fields={"product": "Product area", "location": "Shop", "class": "Owner"})
    assert list(found) == ["500:first"]
    one = found["500:first"]
    assert (one.text, one.response_id, one.question) == ("The app logs me out", "500", None)
    assert (one.created_at, one.updated_at) == (utc(2026, 3, 1, 0, 3), utc(2026, 3, 1, 0, 3))
    assert one.timing == Timing(
        utc(2026, 3, 1, 0, 3) + dt.timedelta(hours=2), utc(2026, 3, 1, 0, 3) + dt.timedelta(seconds=10_000), 1
    )
    assert (one.customer_ref, one.language, one.score) == (CUSTOMER, None, None)
    assert one.hints == {Hint.GROUP: "Mobile", Hint.AGENT: str(ADMIN), Hint.PRODUCT: "Checkout"}
    assert one.attributes == {
        "message": "first",
        "subject": "Logged out",
        "via": "email",
        "delivered_as": "customer_initiated",
        "state": "closed",
        "priority": "not_priority",
        "tags": "login, mobile",
        "ai_agent": "yes",
    }


def test_what_is_null_is_missing(fake: FakeIntercom, pulled: Callable[..., Any]) -> None:
    fake.add("Hello", tags=None, custom_attributes=None, contacts=None, team_assignee_id=None, admin_assignee_id=0)
    one = pulled(languages=True)["500:first"]
    assert (one.timing, one.hints, one.language, one.score) == (Timing(), {}, None, None)


def test_only_customers_words_are_read(fake: FakeIntercom, pulled: Callable[..., Any]) -> None:
    number = fake.add("I can't log in")
    fake.say(number, "Looking into it", by="admin")
    fake.say(number, "I am a robot", by="bot")
    fake.say(number, "An answer in a customer's name", author={"type": "user", "id": "1", "from_ai_agent": True})
    fake.say(number, "They sound angry", part_type="note", by="admin")
    fake.say(number, "To Sam", part_type="assignment")
    fake.say(number, "Yes", part_type="quick_reply")
    fake.say(number, None)
    fake.say(number, "Still happening", by="lead", author={"type": "lead", "id": "another"})
    found = pulled()
    assert {ident: one.text for ident, one in found.items()} == {
        "500:first": "I can't log in",
        "500:500007": "Still happening",
    }
    later = found["500:500007"]
    assert (later.attributes["message"], later.customer_ref, later.response_id) == ("later", "another", "500")
    assert later.created_at == later.updated_at == fake.now


def test_a_reply_that_reopens_is_read(fake: FakeIntercom, pulled: Callable[..., Any]) -> None:
    part = fake.say(fake.add("It broke"), "And again", part_type="open")
    assert pulled()[f"500:{part}"].text == "And again"


def test_what_we_began_is_not_the_customers(fake: FakeIntercom, pulled: Callable[..., Any]) -> None:
    number = fake.add("Have you seen our offer?")
    fake.conversations[number]["source"] |= {"delivered_as": "admin_initiated", "author": {"type": "admin", "id": "1"}}
    part = fake.say(number, "No, and stop it")
    assert {ident: one.attributes["message"] for ident, one in pulled().items()} == {f"500:{part}": "later"}


def test_notices_in_the_place_of_tweets_are_left_out(fake: FakeIntercom, pulled: Callable[..., Any]) -> None:
    number = fake.add("We've removed this part of the conversation to comply with Twitter's terms")
    fake.conversations[number]["source"]["type"] = "twitter"
    assert pulled() == {}


def test_what_is_redacted_is_retired(fake: FakeIntercom, source_of: Callable[..., Any]) -> None:
    number = fake.add("My card is 4111")
    fake.say(number, "It is still 4111")
    kept = fake.say(number, "Thanks")
    source, shelf = source_of(fake), Shelf()
    assert len(shelf.take(source.pull(None, page_size=1000)).records) == 3
    fake.conversations[number]["source"] |= {"redacted": True, "body": ""}
    fake.conversations[number]["_parts"][0] |= {"redacted": True, "body": None}
    fake.tick(days=1)
    fake.touch(number)
    assert list(shelf.take(source.pull(shelf.cursor, page_size=1000)).records) == [f"500:{kept}"]


def test_a_rating_stands_on_every_message_and_its_remark_is_read(
    fake: FakeIntercom, pulled: Callable[..., Any]
) -> None:
    number = fake.add("I can't log in")
    fake.rate(number, 2, "Slow answer", contact={"type": "contact", "id": "another"})
    found = pulled()
    assert {ident: one.score for ident, one in found.items()} == {
        "500:first": Score(2, Scale.CSAT),
        "500:rating": Score(2, Scale.CSAT),
    }
    rating = found["500:rating"]
    assert (rating.text, rating.response_id, rating.customer_ref) == ("Slow answer", "500", "another")
    assert rating.attributes["message"] == "rating"
    assert rating.created_at == fake.now  # not when it was asked for, an hour before


@pytest.mark.parametrize("remark", [None, ""])
def test_a_rating_without_words_counts_once(fake: FakeIntercom, pulled: Callable[..., Any], remark: Any) -> None:
    fake.rate(fake.add("Where is it?"), 5, remark)
    ours = fake.add("We close this")
    fake.conversations[ours]["source"]["author"]["type"] = "admin"
    fake.rate(ours, 4, remark)
    assert {ident: one.score.value for ident, one in pulled().items()} == {"500:first": 5, "501:rating": 4}


def test_a_rating_that_was_only_asked_for_is_none(fake: FakeIntercom, pulled: Callable[..., Any]) -> None:
    fake.rate(fake.add("Where is it?"), None, None)
    assert [one.score for one in pulled().values()] == [None]


def test_a_rating_off_the_scale_is_set_aside(fake: FakeIntercom, source_of: Callable[..., Any]) -> None:
    fake.rate(fake.add("Where is it?"), 7, None)
    shelf = Shelf().take(source_of(fake).pull(None, page_size=1000))
    assert [(one.reason, one.record_id) for one in shelf.rejects] == [("score_out_of_scale", "500")]


def test_the_rating_of_the_ai_agent_is_a_response_of_its_own(fake: FakeIntercom, pulled: Callable[..., Any]) -> None:
    agent = {"rating": 1, "rating_remark": "It goes in circles", "created_at": 1772530000, "updated_at": 1772530100}
    fake.rate(fake.add("Where is it?", ai_agent=agent), 5, None)
    found = pulled()
    assert found["500:first"].score == Score(5, Scale.CSAT)
    robot = found["500:ai"]
    assert (robot.text, robot.score, robot.response_id) == ("It goes in circles", Score(1, Scale.CSAT), "500:ai")
    assert (robot.attributes["rated"], robot.created_at) == ("ai_agent", dt.datetime.fromtimestamp(1772530100, dt.UTC))


def test_an_open_conversation_is_not_resolved(fake: FakeIntercom, pulled: Callable[..., Any]) -> None:
    fake.add("Again", statistics={"last_close_at": 1772530000, "count_reopens": 2})
    assert pulled()["500:first"].timing == Timing(None, None, 2)


@pytest.mark.parametrize(
    ("team", "admin", "teams", "group"),
    [
        (5017691, None, [("5017691", "Mobile", [])], "Mobile"),
        (5017691, None, [], "team 5017691"),
        (None, ADMIN, [("1", "Billing", [1]), ("2", "Shop", [ADMIN])], "Shop"),  # the assignee's team
        (None, ADMIN, [("1", "Billing", [ADMIN]), ("2", "Shop", [ADMIN])], None),  # which of the two?
        (5017691, ADMIN, [("5017691", "Mobile", []), ("2", "Shop", [ADMIN])], "Mobile"),
    ],
)
def test_the_team_is_a_hint(
    fake: FakeIntercom, pulled: Callable[..., Any], team: Any, admin: Any, teams: Any, group: Any
) -> None:
    fake.teams = [{"type": "team", "id": ident, "name": name, "admin_ids": ids} for ident, name, ids in teams]
    fake.add("Hello", team_assignee_id=team, admin_assignee_id=admin)
    assert pulled()["500:first"].hints.get(Hint.GROUP) == group


def test_teams_that_may_not_be_listed_are_told_of(fake: FakeIntercom, source_of: Callable[..., Any]) -> None:
    fake.add("Hello")
    fake.faults.append(Fault(403, after=2))  # search, conversation, teams
    pages = list(source_of(fake).pull(None, page_size=1000))
    assert pages[0].records[0].hints[Hint.GROUP] == "team 5017691"
    assert pages[0].warnings == ("the teams can't be listed; they stand as numbers",)


@pytest.mark.parametrize(
    ("contact", "language"),
    [
        ({"language_override": "de", "browser_language": "en-US"}, "de"),
        ({"language_override": None, "browser_language": "en-US"}, "en-US"),
        ({}, None),
    ],
)
def test_the_customers_language_is_asked_for_where_it_is_wanted(
    fake: FakeIntercom, pulled: Callable[..., Any], contact: dict[str, Any], language: str | None
) -> None:
    fake.contacts[CUSTOMER] |= contact
    fake.add("Hallo")
    assert pulled()["500:first"].language is None
    assert not [one for one in fake.requests if "/contacts/" in one.url.path]
    assert pulled(languages=True)["500:first"].language == language


def test_a_contact_that_is_gone_has_no_language(fake: FakeIntercom, pulled: Callable[..., Any]) -> None:
    fake.contacts.clear()
    fake.add("Hallo")
    assert pulled(languages=True)["500:first"].language is None


def test_parts_beyond_the_newest_500_are_told_of(fake: FakeIntercom, source_of: Callable[..., Any]) -> None:
    number = fake.add("It began here")
    fake.conversations[number]["statistics"] = {"count_conversation_parts": 501}
    for at in range(501):
        fake.say(number, f"More {at}")
    full = fake.add("Exactly full")
    for at in range(500):
        fake.say(full, f"More {at}")
    pages = list(source_of(fake).pull(None, page_size=1000))
    shelf = Shelf().take(pages)
    assert {"500:first", "500:500001", "500:500500", "501:501000"} <= set(shelf.records)
    assert "500:500000" not in shelf.records  # Intercom does not give it
    assert [page.warnings for page in pages] == [("conversation 500 has 501 parts; Intercom gives the newest 500",)]


def test_a_conversation_deleted_after_the_search_is_retired(fake: FakeIntercom, source_of: Callable[..., Any]) -> None:
    number, kept = fake.add("Forget me"), fake.add("Keep me")
    source, shelf = source_of(fake), Shelf()
    shelf.take(source.pull(None, page_size=1000))
    assert set(shelf.records) == {f"{number}:first", f"{kept}:first"}
    fake.tick(days=1)
    fake.touch(number)
    del fake.conversations[number]
    assert set(shelf.take(source.pull(shelf.cursor, page_size=1000)).records) == {f"{kept}:first"}


@pytest.mark.parametrize("inclusive", [True, False])
def test_the_edges_of_the_window_are_inside(
    fake: FakeIntercom, source_of: Callable[..., Any], clock: FakeClock, inclusive: bool
) -> None:
    fake.inclusive = inclusive
    for at in (utc(2026, 1, 1), clock.now()):
        fake.now = at - dt.timedelta(minutes=3)
        fake.add("On the edge")
    assert len(Shelf().take(source_of(fake).pull(None, page_size=1000)).records) == 2


def test_what_changes_while_pages_are_read_is_read_the_next_night(
    fake: FakeIntercom, source_of: Callable[..., Any], clock: FakeClock
) -> None:
    numbers = [fake.add(f"Number {at}") for at in range(25)]
    source, shelf = source_of(fake), Shelf()
    pages = source.pull(None, page_size=1000)
    shelf.take([next(pages)])
    fake.now = clock.now() + dt.timedelta(seconds=1)  # after the window's end
    fake.edit(numbers[0], "Changed, was read")
    fake.edit(numbers[20], "Changed, was not read")
    shelf.take(pages)
    clock.at += dt.timedelta(days=1)
    assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


def test_what_the_search_found_late_is_in_the_overlap(fake: FakeIntercom, source_of: Callable[..., Any]) -> None:
    late = fake.add("Indexed late")
    hidden = fake.index.pop(late)
    fake.add("Indexed at once")
    source, shelf = source_of(fake), Shelf()
    shelf.take(source.pull(None, page_size=1000))
    fake.index[late] = hidden
    assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


def test_the_cursor_is_intercoms_time_and_moves_when_the_window_is_whole(
    fake: FakeIntercom, source_of: Callable[..., Any]
) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
    states = [json.loads(page.cursor)["state"] for page in source_of(fake).pull(None, page_size=1000)]
    assert ["newest" in state for state in states] == [False, False, True]
    assert states[-1] == {"newest": fake.now.isoformat()}


def test_a_token_that_is_no_longer_taken_begins_the_window_anew(
    fake: FakeIntercom, source_of: Callable[..., Any]
) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
    source, shelf = source_of(fake), Shelf()
    shelf.take([next(source.pull(None, page_size=1000))])
    fake.expired = True
    pages = source.pull(shelf.cursor, page_size=1000)
    first = next(pages)
    fake.expired = False
    assert shelf.take([first, *pages]).texts == fake.expected()


def test_what_came_since_a_broken_night_is_read_with_its_rest(
    fake: FakeIntercom, source_of: Callable[..., Any]
) -> None:
    for at in range(25):
        fake.add(f"Number {at}")
    source, shelf = source_of(fake), Shelf()
    shelf.take([next(source.pull(None, page_size=1000))])
    fake.add("Meanwhile")
    assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


def test_requests_wait_for_the_reset_when_nothing_is_left(
    fake: FakeIntercom, source_of: Callable[..., Any], clock: FakeClock
) -> None:
    fake.add("Hello")
    fake.left, fake.reset = 0, unix(clock.now()) + 8
    list(source_of(fake).pull(None, page_size=1000))
    assert clock.slept[0] == 8


def test_too_many_requests_wait_for_the_reset(
    fake: FakeIntercom, source_of: Callable[..., Any], clock: FakeClock
) -> None:
    fake.add("Hello")
    reset = str(unix(clock.now()) + 9)
    fake.faults.append(Fault(429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}))
    list(source_of(fake).pull(None, page_size=1000))
    assert clock.slept[0] == 9


@pytest.mark.parametrize(("reset", "wait"), [(4, 4), (60, 60), (0, 10), (-7200, 10), (7200, 10)])
def test_a_reset_by_a_wrong_clock_waits_a_share(reset: int, wait: float) -> None:
    now = utc(2026, 6, 1)
    headers = httpx.Headers({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(unix(now) + reset)})
    assert [(budget.left, budget.seconds) for budget in limits(headers, now)] == [(0, wait)]
    assert not list(limits(httpx.Headers(), now))


@pytest.mark.parametrize(("region", "host"), [("us", "api"), ("eu", "api.eu"), ("au", "api.au")])
def test_the_region_decides_the_host(source_of: Callable[..., Any], fake: FakeIntercom, region: str, host: str) -> None:
    with source_of(fake, base_url="", region=region).http() as http:
        assert http._client.base_url.host == f"{host}.intercom.io"


def test_a_conversation_without_an_id_is_set_aside(fake: FakeIntercom, source_of: Callable[..., Any]) -> None:
    fake.add("Hello")
    fake.conversations[500]["id"] = None
    shelf = Shelf().take(source_of(fake).pull(None, page_size=1000))
    assert [one.reason for one in shelf.rejects] == ["missing_id"] and not shelf.records


def test_parts_that_are_no_list_set_the_conversation_aside(fake: FakeIntercom, source_of: Callable[..., Any]) -> None:
    fake.add("Hello", statistics={"count_conversation_parts": "many"})
    shelf = Shelf().take(source_of(fake).pull(None, page_size=1000))
    assert [(one.reason, one.record_id) for one in shelf.rejects] == [("unreadable_number", "500")]
    assert not shelf.records
