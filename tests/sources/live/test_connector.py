"""What the base of connectors promises, tried with a vendor of a few lines."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

import pytest

from cxnlp.errors import SourceError
from cxnlp.records import Channel, Feedback
from cxnlp.sources.base import Reason
from cxnlp.sources.live.connector import Fetched, LiveSource, LoopGuard, Reader, State
from cxnlp.sources.live.http import Budget, Http, Pace, QuotaUsed, TooLarge
from cxnlp.sources.live.values import Unreadable

from .serving import Fake, FakeClock, Fault, serve


class Tiny(LiveSource):
    """A vendor whose pages a test writes."""

    environment: str = "CXNLP_TINY"
    needs: ClassVar[dict[str, str]] = {"TOKEN": "a token", "SECRET": "a secret, if you like"}
    rights: ClassVar[str] = "ask nicely"
    told: Callable[[], Iterator[Fetched]]

    model_config = LiveSource.model_config | {"arbitrary_types_allowed": True}

    def http(self) -> Http:
        return Http(self.name, "http://localhost", pace=Pace(self.clock))

    def reader(self, http: Http) -> Reader:
        return TinyReader(self)

    def _options(self) -> str:
        return "tiny"


class TinyReader(Reader):
    def __init__(self, source: Tiny) -> None:
        self.source = source

    def pages(self, state: State) -> Iterator[Fetched]:
        return self.source.told()

    def records(self, item: Any) -> Iterable[Feedback]:
        yield Feedback(
            source=self.source.name,
            source_record_id=item["id"],
            channel=Channel.TICKET,
            text=item["text"],
            score=None if "per" not in item else 1 / item["per"],
        )

    def id_of(self, item: Any) -> str | None:
        return item["id"] if isinstance(item, dict) else None


def tiny(told: Callable[[], Iterator[Fetched]]) -> Tiny:
    return Tiny(name="tiny", channel="ticket", start=dt.date(2026, 1, 1), told=told, clock=FakeClock())


@pytest.mark.parametrize(
    "fault", [KeyError("next"), AttributeError("'list' has no 'get'"), Unreadable(Reason.UNEXPECTED_SHAPE, "a list")]
)
def test_a_page_that_breaks_the_contract_stops_the_source_and_keeps_what_came(fault: Exception) -> None:
    def told() -> Iterator[Fetched]:
        yield Fetched([{"id": "1", "text": "Late"}], {"at": 1})
        raise fault

    pages = tiny(told).pull(None, page_size=10)
    assert [record.text for record in next(pages).records] == ["Late"]
    with pytest.raises(SourceError, match="tiny: the vendor's answer is not what its contract says"):
        next(pages)


@pytest.mark.parametrize("item", [None, [], "words", {"id": "2"}, {"id": "2", "text": None}, {"id": "2", "per": 0}])
def test_a_record_of_another_shape_is_set_aside_alone(item: Any) -> None:
    (page,) = tiny(lambda: iter([Fetched([{"id": "1", "text": "Late"}, item], {})])).pull(None, page_size=10)
    assert [record.source_record_id for record in page.records] == ["1"]
    assert [reject.reason for reject in page.rejects] == [Reason.UNEXPECTED_SHAPE]


def test_a_page_with_nothing_but_a_warning_is_told() -> None:
    source = tiny(lambda: iter([Fetched([], {}, ()), Fetched([], {}, ("a survey is closed to us",))]))
    assert "a survey is closed to us" in [line for page in source.pull(None, page_size=1) for line in page.warnings]
    assert source.check() == ["the vendor answers; there is nothing since 2026-01-01", "a survey is closed to us"]


def test_empty_pages_without_end_are_stopped() -> None:
    def told() -> Iterator[Fetched]:
        at = 0
        while True:
            yield Fetched([], {"at": (at := at + 1)})

    with pytest.raises(SourceError, match="10,000 pages running held nothing"):
        list(tiny(told).pull(None, page_size=10))


def test_some_empty_pages_are_not_the_end() -> None:
    pages = [Fetched([], {"at": at}) for at in range(500)] + [Fetched([{"id": "1", "text": "Late"}], {"at": 500})]
    assert sum(len(page.records) for page in tiny(lambda: iter(pages)).pull(None, page_size=10)) == 1


def test_advice_names_the_credentials_that_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    source = tiny(lambda: iter(()))
    assert source.advice == "Check CXNLP_TINY_TOKEN and CXNLP_TINY_SECRET: ask nicely."
    monkeypatch.setenv("CXNLP_TINY_TOKEN", "t")
    assert source.advice == "Check CXNLP_TINY_TOKEN: ask nicely."


def test_a_walk_over_other_records_is_no_circle() -> None:
    guard = LoopGuard("tiny")
    for at in range(100):
        guard.check(at, [at, at + 1])


class Plain(Fake):
    type = "plain"
    said: Any = b"{}"

    def authorised(self, request: Any) -> bool:
        return True

    def answer(self, request: Any, body: bytes) -> Any:
        return self.said


@pytest.fixture
def plain() -> Iterator[Plain]:
    fake = Plain()
    fake.said = {"ok": True}
    with serve(fake):
        yield fake


@pytest.fixture
def client(plain: Plain, clock: FakeClock) -> Iterator[Callable[..., Http]]:
    with contextlib.ExitStack() as stack:
        yield lambda **pace: stack.enter_context(Http("tiny", plain.url, pace=Pace(clock, **pace)))


def test_a_wait_of_no_seconds_still_grows(plain: Plain, client: Callable[..., Http], clock: FakeClock) -> None:
    plain.faults += [Fault(429, {"Retry-After": "0"}) for _ in range(5)]
    assert client().get("/") == {"ok": True}
    assert clock.slept == [1, 2, 4, 8, 16]


def test_a_wait_beyond_a_quarter_of_an_hour_is_the_next_nights(
    plain: Plain, client: Callable[..., Http], clock: FakeClock
) -> None:
    plain.faults.append(Fault(429, {"Retry-After": "3600"}))
    with pytest.raises(QuotaUsed, match="another 60 minutes"):
        client().get("/")
    assert not clock.slept


def test_a_limit_is_obeyed_before_it_is_hit(plain: Plain, client: Callable[..., Http], clock: FakeClock) -> None:
    http = client(limits=lambda headers, now: iter([Budget(0, 30)]))
    http.get("/")
    http.get("/")
    assert clock.slept == [30]


def test_requests_are_spread_over_the_minute(plain: Plain, client: Callable[..., Http], clock: FakeClock) -> None:
    http = client(per_minute=20)
    for _ in range(4):
        http.get("/")
    assert clock.slept == [3, 3, 3]


def test_a_body_without_end_is_not_read(
    plain: Plain, client: Callable[..., Http], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cxnlp.sources.live.http._LARGEST", 1000)
    plain.said = {"padding": "x" * 2000}
    with pytest.raises(TooLarge, match="more than 1,000 bytes"):
        client().get("/")


def test_another_host_is_not_followed(plain: Plain, client: Callable[..., Http]) -> None:
    with pytest.raises(SourceError, match="another host, elsewhere"):
        client().get("http://elsewhere.example/next")
    assert not plain.requests


def test_a_query_is_not_in_an_error(plain: Plain, client: Callable[..., Http]) -> None:
    plain.faults.append(Fault(404))
    with pytest.raises(SourceError) as caught:
        client().get("/reviews", {"key": "s3cret"})
    assert "/reviews answered 404" in str(caught.value) and "s3cret" not in str(caught.value)
