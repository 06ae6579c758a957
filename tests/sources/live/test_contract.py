"""What every connector must do, whatever its vendor."""

from __future__ import annotations

import gc
import itertools
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cxnlp.errors import SourceError

from .conftest import Shelf
from .fakes import FAKES
from .serving import FakeClock, Fault

SOME = 25  # more than two pages


@pytest.fixture(params=sorted(FAKES))
def fake(request: pytest.FixtureRequest, serve_fake: Callable[[str], Any]) -> Any:
    return serve_fake(request.param)


@pytest.fixture
def source(fake: Any, source_of: Callable[..., Any]) -> Any:
    return source_of(fake)


def fill(fake: Any, many: int = SOME) -> list[Any]:
    return [fake.add(f"The parcel number {at} came late") for at in range(many)]


def test_a_full_pull_gives_every_record_once(fake: Any, source: Any) -> None:
    fill(fake)
    pages = list(source.pull(None, page_size=1000))
    shelf = Shelf().take(pages)
    assert shelf.texts == fake.expected()
    assert shelf.sent == len(shelf.records) >= SOME
    assert not shelf.rejects
    assert len([page for page in pages if page.records]) > 2


def test_an_empty_account_gives_nothing(fake: Any, source: Any) -> None:
    shelf = Shelf().take(source.pull(None, page_size=1000))
    assert not shelf.records and not shelf.rejects
    fill(fake, 3)
    assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


def test_a_second_night_changes_nothing(fake: Any, source: Any) -> None:
    fill(fake)
    shelf = Shelf().take(source.pull(None, page_size=1000))
    changed, cursor = shelf.changed, shelf.cursor
    shelf.take(source.pull(cursor, page_size=1000))
    assert (shelf.changed, shelf.cursor) == (changed, cursor)


def test_what_is_added_and_edited_comes_the_next_night(fake: Any, source: Any) -> None:
    numbers = fill(fake)
    shelf = Shelf().take(source.pull(None, page_size=1000))
    fake.tick(days=2)
    sent = shelf.sent
    fake.add("A new one")
    if fake.edits:
        fake.edit(numbers[3], "It came in the end")
    shelf.take(source.pull(shelf.cursor, page_size=1000))
    assert shelf.texts == fake.expected()
    assert shelf.sent - sent < SOME / 2


def test_what_is_deleted_is_retired(fake: Any, source: Any) -> None:
    if not fake.deletes:
        pytest.skip("the vendor does not tell of deletions")
    numbers = fill(fake)
    shelf = Shelf().take(source.pull(None, page_size=1000))
    fake.tick(days=2)
    fake.delete(numbers[4])
    assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


def test_a_night_killed_after_any_page_loses_and_doubles_nothing(fake: Any, source: Any) -> None:
    fill(fake)
    whole = list(source.pull(None, page_size=1000))
    most = max(len(page.records) for page in whole)
    for kept in range(len(whole) + 1):
        shelf = Shelf().take(itertools.islice(source.pull(None, page_size=1000), kept))
        shelf.take(source.pull(shelf.cursor, page_size=1000))
        assert shelf.texts == fake.expected()
        if fake.resumes:
            assert shelf.sent <= len(shelf.records) + most
    assert len(whole) > 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault(429, {"Retry-After": "7"}),
        Fault(429, {"Retry-After": "Mon, 01 Jun 2026 00:00:09 GMT"}),
        Fault(429),
        Fault(500),
        Fault(503, {"Retry-After": "4"}),
        Fault(200),  # HTML where JSON is due
        Fault(truncated=True),
        Fault(cut=True),
    ],
    ids=["429-seconds", "429-date", "429", "500", "503", "html", "truncated", "cut"],
)
def test_a_fault_is_waited_for_and_asked_again(fake: Any, source: Any, clock: FakeClock, fault: Fault) -> None:
    fill(fake)
    fault.after = 1
    fake.faults.append(fault)
    assert Shelf().take(source.pull(None, page_size=1000)).texts == fake.expected()
    assert not fake.faults
    least = {"429-seconds": 7}.get(fault.headers.get("Retry-After", ""), 0.5)
    assert max(clock.slept) >= least


def test_a_storm_of_refusals_is_waited_out(fake: Any, source: Any, clock: FakeClock) -> None:
    fill(fake)
    fake.faults += [Fault(429, {"Retry-After": "30"}) for _ in range(6)]
    assert Shelf().take(source.pull(None, page_size=1000)).texts == fake.expected()
    assert sum(clock.slept) >= 180


def test_a_vendor_that_stays_down_fails_with_what_was_wrong(fake: Any, source: Any) -> None:
    fill(fake)
    fake.faults += [Fault(502) for _ in range(40)]
    with pytest.raises(SourceError, match=r"502.*times"):
        list(source.pull(None, page_size=1000))


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_says_what_to_check(fake: Any, source: Any, status: int) -> None:
    fill(fake)
    fake.faults += [Fault(status) for _ in range(5)]
    with pytest.raises(SourceError) as caught:
        list(source.pull(None, page_size=1000))
    assert str(status) in str(caught.value) and source.environment in str(caught.value)


def test_credentials_that_expire_in_the_middle_lose_nothing(fake: Any, source: Any) -> None:
    fill(fake)
    fake.faults += [Fault(401, after=2), *(Fault(401) for _ in range(5))]
    shelf = Shelf()
    with pytest.raises(SourceError, match="401"):
        for page in source.pull(None, page_size=1000):
            shelf.take([page])
    fake.faults.clear()
    assert shelf.take(source.pull(shelf.cursor, page_size=1000)).texts == fake.expected()


def test_missing_credentials_are_named(fake: Any, source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in fake.environment:
        monkeypatch.delenv(name)
    with pytest.raises(SourceError, match=source.environment):
        list(source.pull(None, page_size=1000))


def test_a_record_that_breaks_the_contract_is_set_aside(fake: Any, source: Any) -> None:
    numbers = fill(fake)
    fake.spoil(numbers[2])
    shelf = Shelf().take(source.pull(None, page_size=1000))
    assert len(shelf.rejects) == 1
    assert shelf.rejects[0].detail and shelf.rejects[0].place.startswith("live")
    assert len(shelf.records) == len(fake.expected()) - 1


def test_a_text_too_long_is_set_aside(fake: Any, source_of: Callable[..., Any]) -> None:
    fill(fake, 3)
    fake.add("long " * 100)
    shelf = Shelf().take(source_of(fake, max_characters=300).pull(None, page_size=1000))
    assert [reject.reason for reject in shelf.rejects] == ["text_too_long"]
    assert len(shelf.records) == 3


def test_a_vendor_that_goes_in_circles_is_stopped(fake: Any, source: Any) -> None:
    fill(fake)
    fake.stuck = True
    with pytest.raises(SourceError, match=r"twice|nothing new"):
        list(source.pull(None, page_size=1000))


def test_no_secret_is_logged_raised_or_stored(fake: Any, source: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fill(fake)
    pages = list(source.pull(None, page_size=1000))
    fake.faults += [Fault(403)] * 5
    with pytest.raises(SourceError) as caught:
        list(source.pull(None, page_size=1000))
    said = caplog.text + str(caught.value) + repr(pages) + repr(source)
    assert fake.secrets
    assert not [secret for secret in fake.secrets if secret in said]


def test_other_options_begin_anew(fake: Any, source: Any, source_of: Callable[..., Any]) -> None:
    fill(fake, 3)
    shelf = Shelf().take(source.pull(None, page_size=1000))
    fresh = Shelf().take(source_of(fake, start="2026-02-01").pull(shelf.cursor, page_size=1000))
    assert fresh.texts == fake.expected()


@pytest.mark.parametrize("kind", sorted(FAKES))
def test_memory_does_not_grow_with_the_records(
    kind: str, serve_fake: Callable[[str], Any], source_of: Callable[..., Any]
) -> None:
    def most_held(many: int) -> int:
        """Return the greatest number of Python's memory blocks that were held between two pages."""
        fake = serve_fake(kind)
        fill(fake, many)
        gc.collect()
        before, held, got = sys.getallocatedblocks(), 0, 0
        for page in source_of(fake).pull(None, page_size=1000):
            got += len(page.records)
            fake.requests.clear()
            fake.exchanges.clear()
            held = max(held, sys.getallocatedblocks() - before)
        assert got >= many
        return held

    most_held(50)  # modules are loaded, connections known
    few, many = most_held(300), most_held(1500)
    # Pages that are kept would add 15,000 and more; Salesforce's stand-in keeps the rows of a query itself.
    assert many < few + (35_000 if kind == "salesforce" else 12_000)


def test_check_reads_a_page_and_keeps_nothing(fake: Any, source: Any) -> None:
    assert "nothing" in source.check()[0]
    fill(fake, 4)
    assert "comments" in source.check()[0]
