"""What every source is: a configured thing that gives pages of feedback from a cursor on."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

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
    """The base of sources that are configured by their own fields: frozen, no unknown keys.

    The excluded fields are not keys of the source's table; `load_source` fills them in: `root` is the folder of the
    configuration, against which relative paths are resolved; texts over `max_characters` are set aside.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    channel: Channel
    root: Path = Field(default=Path("."), exclude=True)
    max_characters: int = Field(default=200_000, gt=0, exclude=True)


class Reason(enum.StrEnum):
    """Why a record is set aside: the ids that rejects are counted by, the same for every source.

    A fault of a row sets aside all its texts, one reject each; only `text_too_long` is a fault of one text.
    """

    MISSING_ID = "missing_id"  # the id column is empty
    DUPLICATE_ID = "duplicate_id"  # an earlier row of the file has this id and says something else
    UNREADABLE_DATE = "unreadable_date"  # fits none of the configured formats
    DATE_IN_FUTURE = "date_in_future"  # more than one day ahead of now
    UNREADABLE_SCORE = "unreadable_score"  # neither a number nor a configured word
    SCORE_OUT_OF_SCALE = "score_out_of_scale"  # a number that its scale does not have
    UNREADABLE_NUMBER = "unreadable_number"  # how often a ticket was reopened is not a whole number
    TEXT_TOO_LONG = "text_too_long"  # over prepare.max_characters
    TRUNCATED_ROW = "truncated_row"  # fewer cells than the header, or a quote that is never closed
    TOO_MANY_CELLS = "too_many_cells"  # more cells than the header
    UNDECODABLE = "undecodable"  # bytes that the file's encoding does not have
    BAD_JSON = "bad_json"  # a line that is not JSON
    NOT_AN_OBJECT = "not_an_object"  # a line of JSON that is not {"…": …}
    UNEXPECTED_SHAPE = "unexpected_shape"  # a vendor's record that is not as its contract says
