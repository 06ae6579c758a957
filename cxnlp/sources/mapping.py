"""Rows of a table -> feedback and rejects, as the columns are mapped."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cxnlp.errors import SourceError, did_you_mean
from cxnlp.records import Channel, Feedback, Reject, Score, Timing
from cxnlp.sources.base import Reason
from cxnlp.sources.columns import REST, Columns, Question, ScoreColumn
from cxnlp.sources.dates import DateReader
from cxnlp.sources.tables import Fault, Row, Table, cell_text

FUTURE = dt.timedelta(days=1)
EXCERPT = 200
SHOWN_COLUMNS = 20
NOTHING = frozenset({"", "-", "n/a", "na", "nan", "nat", "none", "null"})
"""What files write in a date or score that is not there, in lower case."""

YES_NO = {"true": 1, "yes": 1, "false": 0, "no": 0}
LANGUAGE = re.compile(r"([a-z]{2})(?:[-_].*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mapped:
    """What one row gives: together as many as there are text columns."""

    records: tuple[Feedback, ...] = ()
    rejects: tuple[Reject, ...] = ()
    duplicates: int = 0

    @property
    def pulled(self) -> int:
        """How many comments the row counts for."""
        return len(self.records) + len(self.rejects) + self.duplicates


@dataclass(frozen=True, slots=True)
class Target:
    """Whose records the rows become: the source's name and channel, and what the rows of the file are called by.

    `label` names the file in ids by row; texts over `max_characters` are set aside; `clock` tells now.
    """

    source: str
    channel: Channel
    label: str
    max_characters: int
    clock: Callable[[], dt.datetime]


class _BadCell(Exception):
    """A cell that sets its row aside."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(reason, detail)


class Mapper:
    """Maps the rows of one table, in order: it remembers the ids that it has seen.

    It keeps two hashes a row, so that an identical repeat is a duplicate and the same id with something else in a
    mapped column is a reject. A row that was set aside does not hold its id: a corrected one may follow.
    """

    def __init__(self, columns: Columns, table: Table, target: Target) -> None:
        self.columns = columns
        self.table = table
        self.target = target
        self._dates = {
            role: (date.column, DateReader(date.formats or (), date.timezone or table.timezones.get(date.column)))
            for role, date in columns.dates.items()
        }
        self._texts = [(text.column, self._question(text.column, text.question)) for text in columns.text]
        self._hints = columns.hints
        named = columns.used()
        self._named = frozenset(named)
        self._rest = REST in columns.attributes
        self._compared = tuple(dict.fromkeys((*named, *table.columns))) if self._rest else named
        self._seen: dict[int, int] = {}
        self._now = target.clock()

    def map(self, row: Row) -> Mapped:
        """Return the feedback, rejects or duplicates of a row."""
        record_id = self._id(row)
        if row.fault:
            return self._set_aside(row, record_id, row.fault)
        if not record_id:
            return self._set_aside(row, None, Fault(Reason.MISSING_ID, f"{self._id_words()} is empty"))
        key, content = hash(record_id), hash(tuple(map(cell_text, map(row.cells.get, self._compared))))
        if not self.columns.by_row and key in self._seen:
            if self._seen[key] == content:
                return Mapped(duplicates=len(self._texts))
            detail = f"an earlier row of {self.table.name} has the id '{record_id[:60]}' and says something else"
            return self._set_aside(row, record_id, Fault(Reason.DUPLICATE_ID, detail))
        try:
            common = self._common(row.cells)
        except _BadCell as bad:
            return self._set_aside(row, record_id, bad.fault)
        if not self.columns.by_row:
            self._seen[key] = content
        return self._feedback(row, record_id, common)

    def warnings(self) -> tuple[str, ...]:
        """Return what a person should know of the rows mapped so far."""
        return tuple(
            f"{self.table.name}: {count:,} dates of '{column}' fit {taken} and {other} as different moments; they were "
            f"read as {taken}. {reader.used[other]:,} others fit {other} but not {taken}"
            + (", so some of these may be wrong." if reader.used[other] else ".")
            for column, reader in self._dates.values()
            for (taken, other), count in reader.ambiguous.items()
        )

    def _id(self, row: Row) -> str:
        if self.columns.by_row:
            return f"{self.target.label}:{row.number}"
        parts = [cell_text(row.cells.get(column)).strip() for column in self.columns.id]
        return "/".join(parts) if any(parts) else ""

    def _id_words(self) -> str:
        return " and ".join(f"'{column}'" for column in self.columns.id)

    def _record_id(self, record_id: str, column: str) -> str:
        return f"{record_id}:{column}" if len(self._texts) > 1 else record_id

    def _question(self, column: str, own: Question | None) -> Question:
        """Choose what was asked: the text column's own question, everybody's, the export's, or a column that asks."""
        found = own or self.columns.question
        if found:
            return found
        asked = self.table.questions.get(column)
        return Question(text=asked or (column if is_question(column) else ""))

    def _set_aside(self, row: Row, record_id: str | None, fault: Fault) -> Mapped:
        return Mapped(rejects=tuple(self._reject(row, record_id, fault, column) for column, _ in self._texts))

    def _reject(self, row: Row, record_id: str | None, fault: Fault, column: str) -> Reject:
        return Reject(
            source=self.target.source,
            reason=fault.reason.value,
            detail=fault.detail,
            place=f"{self.table.name}, {self.table.unit} {row.line}",
            record_id=self._record_id(record_id, column) if record_id else None,
            excerpt=excerpt(row.cells.values()),
        )

    def _feedback(self, row: Row, record_id: str, common: Mapping[str, Any]) -> Mapped:
        records: list[Feedback] = []
        rejects: list[Reject] = []
        for column, question in self._texts:
            text = cell_text(row.cells.get(column))
            if len(text) > self.target.max_characters:
                detail = f"'{column}' has {len(text):,} characters; at most {self.target.max_characters:,} are read"
                rejects.append(self._reject(row, record_id, Fault(Reason.TEXT_TOO_LONG, detail), column))
                continue
            asked = question.text if question.column is None else cell_text(row.cells.get(question.column))
            records.append(
                Feedback(
                    source=self.target.source,
                    source_record_id=self._record_id(record_id, column),
                    channel=self.target.channel,
                    text=text,
                    question=" ".join((asked or "").split()) or None,
                    **{"response_id": record_id, **common},
                )
            )
        return Mapped(tuple(records), tuple(rejects))

    def _common(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """Return what all texts of a row share. _BadCell where a cell can't be read."""
        columns = self.columns
        dates = {role: self._date(cells.get(column), column, reader) for role, (column, reader) in self._dates.items()}
        common = {
            "created_at": dates.get("date"),
            "updated_at": dates.get("updated"),
            "score": read_score(cells.get(columns.score.column), columns.score) if columns.score else None,
            "language": _language(cells.get(columns.language)) if columns.language else None,
            "customer_ref": cell_text(cells.get(columns.customer)).strip() or None if columns.customer else None,
            "hints": {hint: path for hint, names in self._hints.items() if (path := _joined(cells, names))},
            "timing": self._timing(dates, cells),
            "attributes": self._attributes(cells),
        }
        response = _joined(cells, columns.response)
        return common | {"response_id": response} if response else common

    def _timing(self, dates: Mapping[str, dt.datetime | None], cells: Mapping[str, Any]) -> Timing:
        column = self.columns.reopened
        reopened = _count(cells.get(column), column) if column else None
        return Timing(dates.get("first_reply"), dates.get("resolved"), reopened)

    def _date(self, value: Any, column: str, reader: DateReader) -> dt.datetime | None:
        if value is None or cell_text(value).strip().lower() in NOTHING:
            return None
        try:
            moment = reader.read(value)
        except (ValueError, OverflowError) as error:
            raise _BadCell(Reason.UNREADABLE_DATE, f"'{column}' is '{cell_text(value)[:40]}', which {error}") from None
        if moment > self._now + FUTURE:
            raise _BadCell(Reason.DATE_IN_FUTURE, f"'{column}' is {moment:%Y-%m-%d}, which is still to come")
        return moment

    def _attributes(self, cells: Mapping[str, Any]) -> dict[str, str]:
        names = [name for name in cells if name not in self._named] if self._rest else self.columns.attributes
        found = {name: cell_text(cells.get(name)).strip() for name in names}
        return {name: text for name, text in found.items() if text}


def read_score(value: Any, column: ScoreColumn) -> Score | None:
    """Return the score of a cell, None where there is none. _BadCell where it is not on its scale."""
    text = cell_text(value).strip()
    folded = text.casefold()
    if folded in NOTHING or folded in {word.casefold() for word in column.missing}:
        return None
    for word, mapped in column.map.items():
        if folded == word.strip().casefold():
            return Score(mapped, column.scale)
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _BadCell(
            Reason.UNREADABLE_SCORE,
            f"'{column.column}' is '{text[:40]}', which is no number; score.map can give it one",
        )
    low, high = column.scale.bounds
    if not low <= number <= high:
        raise _BadCell(
            Reason.SCORE_OUT_OF_SCALE, f"'{column.column}' is {number:g}, but {column.scale} goes from {low} to {high}"
        )
    return Score(low + high - number if column.reverse else number, column.scale)


def excerpt(cells: Iterable[Any]) -> str:
    """Return the first 200 characters of a row, its cells joined by commas."""
    text = ""
    for cell in cells:
        text += cell_text(cell)[:EXCERPT] + ", "
        if len(text) > EXCERPT:
            break
    # Undecodable bytes stand as half of a surrogate pair, which can't be stored.
    return text.rstrip(", ")[:EXCERPT].encode("utf-8", "replace").decode()


def is_question(column: str) -> bool:
    """Whether the name of a column reads like a question: it ends with "?" or has more than three words."""
    return column.rstrip().endswith("?") or len(column.split()) > 3


def check_columns(columns: Columns, table: Table) -> tuple[str, ...]:
    """Return warnings of columns that no row seems to have. SourceError where a table lacks a column that is mapped.

    Lines of JSON leave out what is empty: there only the id and the texts must be seen in the first lines.
    """
    missing = [column for column in columns.used() if column not in table.columns]
    if not missing:
        return ()
    needed = {text.column for text in columns.text} if not columns.by_row else set()
    id_missing = not columns.by_row and not any(column in table.columns for column in columns.id)
    text_missing = not any(text.column in table.columns for text in columns.text)
    if table.complete or id_missing or text_missing:
        first = next((name for name in missing if name in needed or name in columns.id), missing[0])
        raise SourceError(_lacks(table, first))
    return tuple(f"In its first lines, {_lacks(table, column)}" for column in missing)


def _lacks(table: Table, column: str) -> str:
    shown = ", ".join(table.columns[:SHOWN_COLUMNS])
    more = len(table.columns) - SHOWN_COLUMNS
    known = f"{shown} and {more} more" if more > 0 else shown
    near = did_you_mean(column, table.columns)
    hint = near if near.startswith(" Did") else ""
    return f"{table.name} has no column '{column}'; it has {known}.{hint}"


def _joined(cells: Mapping[str, Any], columns: Iterable[str]) -> str:
    parts = (" ".join(cell_text(cells.get(column)).split()) for column in columns)
    return " > ".join(part for part in parts if part)


def _language(value: Any) -> str | None:
    """Return the ISO 639-1 code of "en", "en-GB", "EN_us"; None where it is written otherwise."""
    found = LANGUAGE.fullmatch(cell_text(value).strip())
    return found[1].lower() if found else None


def _count(value: Any, column: str) -> int | None:
    text = cell_text(value).strip().lower()
    if text in NOTHING:
        return None
    if text in YES_NO:
        return YES_NO[text]
    try:
        return int(text)
    except ValueError:
        raise _BadCell(Reason.UNREADABLE_NUMBER, f"'{column}' is '{text[:40]}', which is no whole number") from None
