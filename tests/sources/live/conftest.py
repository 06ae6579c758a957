from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from cxnlp.records import Feedback, Page, Reject
from cxnlp.sources import live_kind

from .fakes import FAKES
from .serving import Fake, FakeClock, serve


@dataclass
class Shelf:
    """What a store would hold: the newest text of each record, and the cursor, changed page by page."""

    records: dict[str, Feedback] = field(default_factory=dict)
    cursor: str | None = None
    rejects: list[Reject] = field(default_factory=list)
    sent: int = 0
    changed: int = 0

    def take(self, pages: Iterable[Page]) -> Shelf:
        """Store pages."""
        for page in pages:
            for record in page.records:
                self.sent += 1
                self.changed += self.records.get(record.source_record_id) != record
                self.records[record.source_record_id] = record
            for gone in page.retired:
                for ident in [i for i, one in self.records.items() if gone in (i, one.response_id)]:
                    del self.records[ident]
            self.rejects += page.rejects
            self.cursor = page.cursor
        return self

    @property
    def texts(self) -> dict[str, str]:
        """The text of each record, by id."""
        return {ident: record.text for ident, record in self.records.items()}


@pytest.fixture
def serve_fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Serve the stand-in of a type of source, with its credentials in the environment."""
    import contextlib

    with contextlib.ExitStack() as stack:

        def start(kind: str) -> Any:
            fake = FAKES[kind]()
            for name, value in fake.environment.items():
                monkeypatch.setenv(name, value)
            return stack.enter_context(serve(fake))

        yield start


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def source_of(clock: FakeClock) -> Callable[..., Any]:
    """The source that pulls from a stand-in."""

    def make(fake: Fake, **options: Any) -> Any:
        given = {"name": "live", "channel": fake.channel, "base_url": fake.url, "clock": clock}
        return live_kind(fake.type).model_validate(given | fake.options | options)

    return make


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)
