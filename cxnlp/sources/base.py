"""What every source is: a configured thing that gives pages of feedback from a cursor on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from cxnlp.records import Channel, Page


@runtime_checkable
class Source(Protocol):
    """Feedback that can be pulled again and again.

    `pull` yields pages in order. Each page carries the cursor to hand in next time; the store commits both together, so
    a crash repeats one page at most. With the last cursor and nothing new, `pull` yields nothing. A record that can not
    be mapped is a Reject on its page; SourceError says that the source itself can't be read. `check` reads a little and
    returns what a night would find, in lines for a person, or raises SourceError.
    """

    name: str
    channel: Channel

    def pull(self, cursor: str | None, *, page_size: int) -> Iterator[Page]:
        """Yield the pages that come after `cursor` (None: from the beginning)."""
        ...

    def check(self) -> list[str]:
        """Return what can be said of the source without pulling it all."""
        ...


class SourceOptions(BaseModel):
    """The base of sources that are configured by their own fields: frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    channel: Channel
