"""What is the declarative source's own: paths, ways to page, to show a credential and to ask for what changed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale, Score, Timing
from cxnlp.sources.live.rest import limits, value_at

from .conftest import Shelf, utc
from .fake_rest import FakeRest
from .serving import FakeClock, Fault

OPTIONS = FakeRest.options


@pytest.fixture
def fake(serve_fake: Callable[[str], Any]) -> FakeRest:
    served: FakeRest = serve_fake("rest")
    return served


@pytest.fixture
def pull(fake: FakeRest, source_of: Callable[..., Any]) -> Callable[..., Shelf]:
    """Pull once, on from a shelf; columns are changed one by one."""

    def once(shelf: Shelf | None = None, columns: dict[str, Any] | None = None, **options: Any) -> Shelf:
        shelf = shelf or Shelf()
        given = {"columns": OPTIONS["columns"] | (columns or {})} | options
        return shelf.take(source_of(fake, **given).pull(shelf.cursor, page_size=1000))

    return once


def only(shelf: Shelf) -> Feedback:
    (record,) = shelf.records.values()
    return record


def test_every_part_of_a_record_arrives_by_its_path(fake: FakeRest, pull: Callable[..., Shelf]) -> None:
    number = fake.add("Late again")
    fake.change(number, ticket={"first": "2026-03-01T01:00:00+01:00", "done": "2026-03-02", "again": 2, "no": "T-1"})
    columns = {
        "response": "ticket.no", "first_reply": {"column": "ticket.first", "formats": "iso"},
        "resolved": {"column": "ticket.done", "formats": "iso"}, "reopened": "ticket.again", "product": ["tags.1.name"],
    }  # fmt: skip
    record = only(pull(columns=columns))
    assert (record.source_record_id, record.response_id, record.text) == (str(number), "T-1", "Late again")
    assert record.question == "How was it?"
    assert record.score == Score(2, Scale.STARS)
    assert (record.created_at, record.updated_at) == (utc(2026, 3, 1, 0, 1), utc(2026, 3, 1, 0, 2))
    assert (record.language, record.customer_ref) == ("en", "u-9")
    assert record.hints == {Hint.LOCATION: "Leeds", Hint.PRODUCT: "van"}
    assert record.timing == Timing(utc(2026, 3, 1), utc(2026, 3, 2), 2)
    assert record.attributes == {"tags.*.name": "late, van", "votes": "3"}


def test_several_texts_of_a_record_share_its_response(fake: FakeRest, pull: Callable[..., Shelf]) -> None:
    fake.add("Late again")
    texts = [{"column": "body.text", "question": "Why?"}, {"column": "shop.name", "question": "Which shop?"}]
    records = pull(columns={"text": texts}).records
    assert {ident: (one.question, one.text, one.response_id) for ident, one in records.items()} == {
        "700:body.text": ("Why?", "Late again", "700"),
        "700:shop.name": ("Which shop?", "Leeds", "700"),
    }


def test_the_rest_of_a_record_can_be_kept(fake: FakeRest, pull: Callable[..., Shelf]) -> None:
    fake.add("Late again")
    assert only(pull(columns={"attributes": "rest"})).attributes == {
        "rating.out_of": "5", "tags": '[{"name": "late"}, {"name": "van"}]', "votes": "3",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", {"a": [{"b": 1}, {"c": 2}], "d.e": {"f": 3}, "g": None}),
        ("a.1.c", 2),
        ("a.*.b", [1]),
        ("a.2.b", None),
        ("a.b", None),
        ("d.e.f", 3),
        ("g.h", None),
        ("a.0.b.c", None),
    ],
)
def test_a_path_leads_through_keys_lists_and_dots(path: str, found: Any) -> None:
    assert value_at({"a": [{"b": 1}, {"c": 2}], "d.e": {"f": 3}, "g": None}, path) == found


STYLES = {
    "none": {"records": "", "paging": {"style": "none"}},
    "page": {"paging": {"style": "page", "size_parameter": "limit", "size": 10}},
    "offset": {"paging": {"style": "offset"}},
    "link": {"paging": {"style": "link"}},
    "next": {"paging": {"style": "next", "path": "meta.next"}},
}


@pytest.mark.parametrize("style", STYLES)
def test_each_way_to_page_gives_every_record_once(fake: FakeRest, pull: Callable[..., Shelf], style: str) -> None:
    fake.style = style
    for at in range(30):
        fake.add(f"number {at}")
    shelf = pull(**STYLES[style])
    assert shelf.texts == fake.expected()
    assert shelf.sent == 30
    pages = {"none": 1, "page": 4, "offset": 4}.get(style, 3)  # those that are counted end with an empty page
    assert len(fake.requests) == pages


@pytest.mark.parametrize("style", ["page", "offset", "link", "next"])
def test_each_way_to_page_goes_on_where_it_was_broken_off(
    fake: FakeRest, pull: Callable[..., Shelf], source_of: Callable[..., Any], style: str
) -> None:
    fake.style = style
    numbers = [fake.add(f"number {at}") for at in range(35)]
    shelf = Shelf().take(itertools.islice(source_of(fake, **STYLES[style]).pull(None, page_size=1000), 2))
    fake.tick(days=1)
    fake.edit(numbers[0], "edited meanwhile")  # moves all others one place to the front
    pull(shelf, **STYLES[style])
    assert set(shelf.texts) == set(fake.expected())
    assert shelf.sent <= 35 + 10 + 1


@pytest.mark.parametrize("style", ["page", "offset"])
def test_what_says_that_there_is_more_saves_the_empty_page(
    fake: FakeRest, pull: Callable[..., Shelf], style: str
) -> None:
    fake.style, fake.more = style, True
    for at in range(20):
        fake.add(f"number {at}")
    assert pull(paging=STYLES[style]["paging"] | {"more": "meta.more"}).texts == fake.expected()
    assert len(fake.requests) == 2


@pytest.mark.parametrize("style", ["page", "offset", "cursor"])
def test_an_empty_page_is_not_the_end_where_the_body_says_so(
    fake: FakeRest, pull: Callable[..., Shelf], style: str
) -> None:
    fake.style, fake.more = style, True
    for at in range(12):
        fake.add(f"number {at}")
    empty = b'{"data": {"items": []}, "meta": {"more": true, "next": "2026"}}'
    fake.faults.append(Fault(body=empty))
    paging = STYLES.get(style, OPTIONS)["paging"] | {"more": "meta.more", "size": 1, "first": 0}
    expected = 12 if style != "offset" else 11  # the size of an empty page can only be taken for what was asked for
    assert len(pull(paging=paging).records) == expected


def test_an_api_that_never_ends_is_stopped(fake: FakeRest, pull: Callable[..., Shelf]) -> None:
    fake.style = "page"
    fake.faults += [Fault(body=b'{"data": {"items": []}, "meta": {"more": true}}') for _ in range(20)]
    with pytest.raises(SourceError, match="nothing new"):
        pull(paging={"style": "page", "more": "meta.more"})


def test_an_api_that_does_not_know_the_page_is_stopped(fake: FakeRest, pull: Callable[..., Shelf]) -> None:
    fake.style = "cursor"  # it leaves the page's number aside, and gives the first one again
    for at in range(12):
        fake.add(f"number {at}")
    with pytest.raises(SourceError, match="nothing new"):
        pull(paging={"style": "page"})


def test_a_place_that_is_known_no_longer_begins_the_walk_anew(
    fake: FakeRest, pull: Callable[..., Shelf], source_of: Callable[..., Any]
) -> None:
    for at in range(25):
        fake.add(f"number {at}")
    shelf = Shelf().take(itertools.islice(source_of(fake).pull(None, page_size=1000), 1))
    fake.faults.append(Fault(410))
    assert pull(shelf).texts == fake.expected()
    fake.expired = True
    with pytest.raises(SourceError, match="410"):
        pull()


def test_a_next_page_on_another_host_is_not_followed(fake: FakeRest, pull: Callable[..., Shelf]) -> None:
    fake.faults.append(Fault(body=b'{"data": {"items": []}, "meta": {"next": "https://evil.example/v2/reviews"}}'))
    with pytest.raises(SourceError, match=r"another host, evil\.example"):
        pull(**STYLES["next"])


@pytest.mark.parametrize(
    ("shows", "auth"),
    [
        ("bearer", {"kind": "bearer"}),
        ("basic", {"kind": "basic"}),
        ("header", {"kind": "header", "header": "X-Api-Key"}),
        ("scheme", {"kind": "header", "header": "Authorization", "scheme": "Token "}),
    ],
)
def test_the_credential_is_shown_as_the_api_wants_it(
    fake: FakeRest, pull: Callable[..., Shelf], shows: str, auth: dict[str, str]
) -> None:
    fake.shows = shows
    fake.add("Late again")
    assert pull(auth=auth).texts == fake.expected()
    assert not any("secret" in str(request.url) for request in fake.requests)


def test_an_api_that_wants_none_is_asked_without_credentials(
    fake: FakeRest, pull: Callable[..., Shelf], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXNLP_REST_TOKEN")
    with pytest.raises(SourceError, match=r"401.*without credentials.*CXNLP_REST_TOKEN"):
        pull(auth={"kind": "none"})
    assert "authorization" not in fake.requests[0].headers


def test_a_refused_user_is_told_to_check_both(fake: FakeRest, pull: Callable[..., Shelf]) -> None:
    with pytest.raises(SourceError, match="CXNLP_REST_USER and CXNLP_REST_TOKEN"):
        pull(auth={"kind": "basic"})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "https://me:pw@api.acme.example/v2"}, "holds a credential"),
        ({"url": "https://api.acme.example/v2?api_key=1"}, "'api_key' looks like a credential"),
        ({"url": "api.acme.example/v2"}, "must be whole"),
        ({"params": {"access_token": "x"}}, "'access_token' looks like a credential"),
        ({"headers": {"X-Api-Key": "x"}}, "'X-Api-Key' looks like a credential"),
        ({"headers": {"Authorization": "x"}}, "'Authorization' looks like a credential"),
        ({"auth": {"kind": "header"}}, "auth.header"),
        ({"auth": {"kind": "query"}}, "bearer"),
        ({"paging": {"style": "cursor"}}, "paging.path"),
        ({"paging": {"style": "page", "path": "next"}}, "paging.path"),
        ({"columns": {"id": "@row", "text": "body"}}, "no row"),
        ({"columns": {"id": "id", "text": "body"}}, "incremental needs"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    fake: FakeRest, source_of: Callable[..., Any], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        source_of(fake, **options)


@pytest.mark.parametrize(
    ("form", "asked"),
    [
        ("iso", ["2026-01-01T00:00:00Z", "2026-02-28T23:57:00Z"]),
        ("unix", ["1767225600", "1772323020"]),
        ("unix_ms", ["1767225600000", "1772323020000"]),
        ("%d.%m.%Y", ["01.01.2026", "28.02.2026"]),
    ],
)
def test_what_changed_is_asked_for_in_the_apis_format(
    fake: FakeRest, pull: Callable[..., Shelf], form: str, asked: list[str]
) -> None:
    fake.add("first"), fake.add("second")
    fake.style = "none"
    options = STYLES["none"] | {"incremental": {"parameter": "since", "format": form}}
    pull(pull(**options), **options)
    assert [request.query_params["since"] for request in fake.requests] == asked


def test_without_updated_the_date_tells_what_is_new(fake: FakeRest, pull: Callable[..., Shelf]) -> None:
    fake.change(fake.add("first"), votes=4)
    shelf = pull(columns={"updated": None})
    pull(shelf, columns={"updated": None})
    assert fake.requests[-1].query_params["updated_since"] == "2026-02-28T23:56:00Z"


def test_without_incremental_everything_is_read_every_night(fake: FakeRest, pull: Callable[..., Shelf]) -> None:
    for at in range(12):
        fake.add(f"number {at}")
    shelf = pull(incremental=None)
    cursor, changed = shelf.cursor, shelf.changed
    pull(shelf, incremental=None)
    assert (shelf.cursor, shelf.changed, shelf.sent) == (cursor, changed, 24)


def test_what_is_older_than_the_start_is_left_out(fake: FakeRest, pull: Callable[..., Shelf]) -> None:
    fake.add("old")
    fake.tick(days=20)
    fake.add("new")
    assert list(pull(incremental=None, start="2026-03-10").texts.values()) == ["new"]


@pytest.mark.parametrize("style", ["page", "next"])
def test_what_changed_behind_the_walk_comes_the_next_night(
    fake: FakeRest, pull: Callable[..., Shelf], source_of: Callable[..., Any], clock: FakeClock, style: str
) -> None:
    fake.style, fake.by_id = style, True
    numbers = [fake.add(f"number {at}") for at in range(15)]
    options = STYLES[style] | {"overlap_minutes": 0}
    pages = source_of(fake, **options).pull(None, page_size=1000)
    shelf = Shelf().take(itertools.islice(pages, 1))
    fake.now = clock.at
    fake.edit(numbers[0], "edited behind the walk")
    fake.tick(hours=1)
    fake.edit(numbers[14], "edited before it")
    clock.at = fake.tick(hours=1)
    shelf.take(pages)
    assert pull(shelf, **options).texts == fake.expected()


def test_a_time_ahead_of_the_clock_does_not_move_the_cursor_there(
    fake: FakeRest, pull: Callable[..., Shelf], clock: FakeClock
) -> None:
    number = fake.add("from tomorrow")
    fake.reviews[number]["updated"] = "2026-06-01T20:00:00Z"
    assert '"newest": "2026-06-01T00:00:00' in str(pull().cursor)


def test_a_deleted_record_retires_with_all_its_texts(fake: FakeRest, pull: Callable[..., Shelf]) -> None:
    columns = {"text": ["body.text", "shop.name"], "response": "author.id"}
    numbers = [fake.add(f"number {at}") for at in range(2)]
    shelf = pull(columns=columns)
    fake.delete(numbers[0])
    fake.spoil(numbers[0])
    assert sorted(pull(shelf, columns=columns).texts) == ["701:body.text", "701:shop.name"]


@pytest.mark.parametrize("says", [None, False, "", 0, "false", "0", "null"])
def test_what_does_not_say_deleted_is_kept(fake: FakeRest, pull: Callable[..., Shelf], says: Any) -> None:
    fake.change(fake.add("here"), deleted_at=says)
    assert len(pull().records) == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"items": [], "total": 0}', r"no list of records at 'data\.items' of what .*; it has items, total"),
        (b'{"data": {"items": {"1": {}}}}', "no list of records"),
        (b"[]", "no list of records"),
    ],
)
def test_records_that_are_elsewhere_are_no_empty_answer(
    fake: FakeRest, pull: Callable[..., Shelf], body: bytes, said: str
) -> None:
    fake.faults.append(Fault(body=body))
    with pytest.raises(SourceError, match=said):
        pull()


def test_a_list_that_is_left_out_can_be_an_empty_one(fake: FakeRest, pull: Callable[..., Shelf]) -> None:
    fake.faults.append(Fault(body=b'{"meta": {}}'))
    assert not pull(records_optional=True).records


def test_paths_that_no_record_has_are_told_of_at_first(
    fake: FakeRest, source_of: Callable[..., Any], pull: Callable[..., Shelf]
) -> None:
    fake.add("here")
    columns = OPTIONS["columns"] | {"product": "shop.nam", "text": "body.txt"}
    (page,) = source_of(fake, columns=columns).pull(None, page_size=1000)
    assert "no column 'body.txt'" in page.warnings[0]
    (page,) = source_of(fake, columns=columns | {"text": "body.text"}).pull(None, page_size=1000)
    assert "no column 'shop.nam'" in page.warnings[0] and "Did you mean 'shop.name'" in page.warnings[0]
    fake.tick(days=1)
    for at in range(12):
        fake.add(f"number {at}")
    pages = list(source_of(fake, columns=columns | {"text": "body.text"}).pull(None, page_size=1000))
    assert [len(each.warnings) for each in pages] == [1, 0]
    (_, page) = source_of(fake, columns=columns | {"text": "body.text"}).pull(page.cursor, page_size=1000)
    assert page.records and not page.warnings


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        ({"id": None}, "missing_id"),
        ({"rating": {"value": 6}}, "score_out_of_scale"),
        ({"rating": {"value": "great"}}, "unreadable_score"),
        ({"updated": "yesterday"}, "unreadable_date"),
        ({"created": 1_900_000_000_000}, "date_in_future"),
    ],
)
def test_a_record_that_can_not_be_read_is_set_aside(
    fake: FakeRest, pull: Callable[..., Shelf], spoiled: dict[str, Any], reason: str
) -> None:
    fake.add("whole")
    number = fake.add("broken")
    fake.reviews[number] |= spoiled
    shelf = pull()
    assert [reject.reason for reject in shelf.rejects] == [reason]
    assert list(shelf.texts.values()) == ["whole"]


def test_a_record_that_is_no_object_is_set_aside(fake: FakeRest, pull: Callable[..., Shelf]) -> None:
    fake.faults.append(Fault(body=b'{"data": {"items": ["broken"]}}'))
    assert [reject.reason for reject in pull().rejects] == ["not_an_object"]


def test_requests_keep_to_the_rate(fake: FakeRest, pull: Callable[..., Shelf], clock: FakeClock) -> None:
    for at in range(25):
        fake.add(f"number {at}")
    pull(per_minute=6)
    assert [round(slept) for slept in clock.slept] == [10, 10]


@pytest.mark.parametrize(
    ("headers", "slept"),
    [
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1780272030"}, 30),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "12"}, 12),
        ({"X-Rate-Limit-Remaining": "1", "X-Rate-Limit-Reset": "12"}, 0),
        ({"X-RateLimit-Remaining": "many", "X-RateLimit-Reset": "soon"}, 0),
    ],
)
def test_the_usual_headers_are_obeyed(
    fake: FakeRest, pull: Callable[..., Shelf], clock: FakeClock, headers: dict[str, str], slept: int
) -> None:
    fake.limit_headers = headers
    for at in range(15):
        fake.add(f"number {at}")
    pull()
    assert round(sum(clock.slept)) == slept


def test_headers_that_say_nothing_are_no_limit() -> None:
    assert not list(limits(httpx.Headers({"x-ratelimit-remaining": "0"}), utc(2026, 3, 1)))
