"""Headers, and the headers of vendors' exports, which have more than one row.

Qualtrics writes three: column ids, question texts, and {"ImportId": …}. SurveyMonkey writes two: the question over the
first of its columns, and below it "Response", "Open-Ended Response" or the label of a choice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cxnlp.errors import SourceError
from cxnlp.sources.dates import is_timezone

Export = Literal["none", "qualtrics", "surveymonkey"]

FREE_TEXT = {"response", "open-ended response"}
MARKS = {
    "qualtrics": 'the third row of its header is not {"ImportId": …}',
    "surveymonkey": "its header does not begin with Respondent ID over a row of Response, Open-Ended Response, choices",
}


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a file, with what its header says of them; `height` is the number of rows it takes."""

    columns: tuple[str, ...]
    export: Export = "none"
    height: int = 1
    questions: Mapping[str, str] = field(default_factory=dict)
    timezones: Mapping[str, str] = field(default_factory=dict)


def read_header(rows: Sequence[Sequence[str]], export: Export | Literal["auto"], name: str) -> Header:
    """Return the header of a file from its first three rows. SourceError where it is not of the export it should be."""
    found = find_export(rows)
    if export == "none":
        found = "none"
    elif export not in ("auto", found):
        raise SourceError(f"{name} is not a {export} export: {MARKS[export]}. Leave export out to have it found.")
    readers = {"none": _plain, "qualtrics": _qualtrics, "surveymonkey": _surveymonkey}
    return readers[found](rows)


def find_export(rows: Sequence[Sequence[str]]) -> Export:
    """Return which vendor's export begins with these rows."""
    if len(rows) > 2 and rows[2] and all(cell.strip().startswith('{"ImportId"') for cell in _filled(rows[2])):
        return "qualtrics"
    if len(rows) > 1 and rows[0][0].strip().casefold() == "respondent id" and not rows[1][0].strip():
        if any(cell.strip().casefold() in FREE_TEXT for cell in rows[1]):
            return "surveymonkey"
    return "none"


def _filled(cells: Sequence[str]) -> list[str]:
    return [cell for cell in cells if cell.strip()]


def _plain(rows: Sequence[Sequence[str]]) -> Header:
    return Header(unique_names(rows[0]))


def unique_names(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the names of columns: trimmed, "column 3" for a blank one, " (2)" after the second of the same name."""
    width = max((place for place, cell in enumerate(cells, 1) if cell.strip()), default=0)
    names: list[str] = []
    for place, cell in enumerate(cells[:width], 1):
        name = first = cell.strip() or f"column {place}"
        count = 1
        while name in names:
            count += 1
            name = f"{first} ({count})"
        names.append(name)
    return tuple(names)


def _qualtrics(rows: Sequence[Sequence[str]]) -> Header:
    columns = unique_names(rows[0])
    asked = {column: " ".join(text.split()) for column, text in zip(columns, rows[1], strict=False)}
    zones = {column: zone for column, text in zip(columns, rows[2], strict=False) if (zone := _zone(text))}
    return Header(columns, "qualtrics", 3, {column: text for column, text in asked.items() if text}, zones)


def _zone(import_id: str) -> str | None:
    try:
        zone = json.loads(import_id).get("timeZone")
    except (ValueError, AttributeError):
        return None
    return zone if isinstance(zone, str) and is_timezone(zone) else None


def _surveymonkey(rows: Sequence[Sequence[str]]) -> Header:
    """Name each column by its question and, where it is one of several, by its choice."""
    width = max(len(rows[0]), len(rows[1]))
    questions, labels = ([*row, *[""] * (width - len(row))] for row in rows[:2])
    names: list[str] = []
    asked: list[str] = []
    question = ""
    for above, below in zip(questions, labels, strict=True):
        question = " ".join(above.split()) or question
        label = " ".join(below.split())
        alone = not label or (above.strip() and label.casefold() in FREE_TEXT)
        names.append(question if alone else f"{question} - {label}")
        asked.append(question if label else "")
    columns = unique_names(names)
    return Header(columns, "surveymonkey", 2, {name: text for name, text in zip(columns, asked, strict=False) if text})
