"""The [sources.columns] table: which column of a file is what.

Short forms are allowed wherever they can mean one thing only:

    id = "ResponseId"                          # or ["store", "receipt"], or "@row" where no column is an id
    text = ["What was good?", { column = "Q2", question = "What could we do better?" }]
    date = { column = "Submitted", formats = ["%d/%m/%Y %H:%M"], timezone = "Europe/London" }
    score = { column = "Q1", scale = "nps" }
    department = ["Division", "Team"]          # becomes "Division > Team"
    attributes = "rest"
"""

from __future__ import annotations

import datetime as dt
import difflib
import zoneinfo
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from cxnlp.config import Section
from cxnlp.records import Hint, Scale
from cxnlp.sources.dates import EPOCHS, is_timezone

ROW = "@row"
"""As id: the file's name and the number of the row."""

REST = "@rest"
"""As attributes: every column that has no other use."""


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


def _as_column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


def _as_words(value: Any) -> Any:
    """Let missing = [6, 7] mean ["6", "7"]."""
    return [str(item) if isinstance(item, int | float) else item for item in _as_list(value)]


Names = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
"""A column, or several whose cells are joined."""


class Question(Section):
    """What was asked: the same words for every row, or the cell of a column."""

    text: str | None = None
    column: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Question:
        if (self.text is None) == (self.column is None):
            raise ValueError('a question is either a text or {column = "…"}')
        return self


AnyQuestion = Annotated[Question, BeforeValidator(lambda value: {"text": value} if isinstance(value, str) else value)]


class TextColumn(Section):
    """A column that customers wrote in, and what was asked where the file or `question` doesn't say it."""

    column: str
    question: AnyQuestion | None = None


class DateColumn(Section):
    """A column of dates.

    `formats` are tried in order: "iso", strptime formats such as "%d/%m/%Y %H:%M", "unix" (seconds), "unix_ms".
    `timezone` is the IANA zone of times that don't carry their own. A date without a time of day keeps its day in
    every zone: it is midnight UTC.
    """

    column: str
    formats: Names | None = None
    timezone: str | None = None

    @field_validator("formats")
    @classmethod
    def _formats_give_a_day(cls, formats: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for pattern in formats or ():
            if pattern != "iso" and pattern not in EPOCHS:
                _check_format(pattern)
        if formats == ():
            raise ValueError('formats is empty; give at least one, such as "iso"')
        return formats

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str | None) -> str | None:
        if name is not None and not is_timezone(name):
            near = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise ValueError(
                f"no time zone called '{name}'; use an IANA name such as 'Europe/London'.{hint}".rstrip(".")
            )
        return name


def _check_format(pattern: str) -> None:
    sample = dt.datetime(2021, 11, 22, 13, 14, 15, tzinfo=dt.UTC)
    try:
        same = dt.datetime.strptime(sample.strftime(pattern), pattern).date() == sample.date()
    except ValueError:
        same = False
    if not same:
        raise ValueError(
            f"'{pattern}' is not a date format that gives day, month and year; "
            "write 'iso', 'unix', 'unix_ms' or something like '%d/%m/%Y'"
        )


class ScoreColumn(Section):
    """A column of ratings.

    `reverse` where the lowest number is the best; `missing` are values that mean no answer; `map` gives a value
    that is words its score on the scale, whose highest is the best.
    """

    column: str
    scale: Scale
    reverse: bool = False
    missing: Annotated[tuple[str, ...], BeforeValidator(_as_words)] = ()
    map: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _map_is_on_the_scale(self) -> ScoreColumn:
        low, high = self.scale.bounds
        for word, value in self.map.items():
            if not low <= value <= high:
                raise ValueError(f"map gives '{word}' the score {value:g}, but {self.scale} goes from {low} to {high}")
        return self


def _as_attributes(value: Any) -> Any:
    return [REST] if value == "rest" else _as_list(value)


AnyDate = Annotated[DateColumn, BeforeValidator(_as_column)]
AnyText = Annotated[TextColumn, BeforeValidator(_as_column)]


class Columns(Section):
    """Which column is what. Only `id` and `text` are needed.

    `response` is what the answers of one survey response or the messages of one ticket share, where they stand on rows
    of their own. `updated`, `first_reply` and `resolved` take the formats and the time zone of `date` unless they say
    otherwise. `attributes` are kept beside the comment: a list of columns, or "rest".
    """

    id: Names
    text: Annotated[tuple[AnyText, ...], BeforeValidator(_as_list), Field(min_length=1)]
    response: Names = ()
    question: AnyQuestion | None = None
    date: AnyDate | None = None
    updated: AnyDate | None = None
    score: ScoreColumn | None = None
    language: str | None = None
    customer: str | None = None
    department: Names = ()
    group: Names = ()
    queue: Names = ()
    product: Names = ()
    location: Names = ()
    agent: Names = ()
    class_: Names = Field(default=(), alias="class")
    first_reply: AnyDate | None = None
    resolved: AnyDate | None = None
    reopened: str | None = None
    attributes: Annotated[tuple[str, ...], BeforeValidator(_as_attributes)] = ()

    @model_validator(mode="after")
    def _makes_sense(self) -> Columns:
        if not self.id:
            raise ValueError(f'id is empty; name a column, or write "{ROW}" where no column is an id')
        texts = [text.column for text in self.text]
        twice = [name for name in texts if texts.count(name) > 1]
        if twice:
            raise ValueError(f"the text column '{twice[0]}' is named twice")
        return self

    @property
    def by_row(self) -> bool:
        """Whether ids are made from the file's name and the number of the row."""
        return self.id == (ROW,)

    @property
    def hints(self) -> dict[Hint, tuple[str, ...]]:
        """The columns of each department hint that is mapped."""
        found = {hint: getattr(self, "class_" if hint is Hint.CLASS else hint.value) for hint in Hint}
        return {hint: columns for hint, columns in found.items() if columns}

    @property
    def dates(self) -> dict[str, DateColumn]:
        """The date columns that are mapped, each with formats and time zone (None: nowhere given)."""
        first = self.date or DateColumn(column="")
        found = {"date": self.date, "updated": self.updated, "first_reply": self.first_reply, "resolved": self.resolved}
        return {
            role: DateColumn(
                column=date.column,
                formats=date.formats or first.formats or ("iso",),
                timezone=date.timezone or first.timezone,
            )
            for role, date in found.items()
            if date
        }

    def used(self) -> tuple[str, ...]:
        """Return every column that is named, each once."""
        return tuple(dict.fromkeys(self._named()))

    def _named(self) -> Iterator[str]:
        if not self.by_row:
            yield from self.id
        yield from self.response
        for text in self.text:
            yield text.column
        for question in (self.question, *(text.question for text in self.text)):
            if question and question.column is not None:
                yield question.column
        yield from (date.column for date in self.dates.values())
        if self.score:
            yield self.score.column
        for columns in self.hints.values():
            yield from columns
        yield from (name for name in (self.language, self.customer, self.reopened) if name is not None)
        yield from (name for name in self.attributes if name != REST)
