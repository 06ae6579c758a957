"""Comments in as JSON Lines or CSV, analyses out as JSON Lines, one a line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from cxnlp.analysis.base import Analyser
from cxnlp.errors import InputError
from cxnlp.records import Analysis


@dataclass(frozen=True, slots=True)
class Line:
    """A comment to analyse, as it stands in the input."""

    id: str | int
    text: str
    question: str | None = None


def read_jsonl(lines: Iterable[str], *, name: str, bad: Callable[[str], None]) -> Iterator[Line]:
    """Yield {"id", "text", "question"?} lines; `bad` gets a message for each line that isn't one."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _line(json.loads(line.lstrip("\ufeff")))
        except (ValueError, InputError, RecursionError) as error:
            bad(f"{name}, line {number}: {error}")


def read_csv(lines: Iterable[str], *, name: str, bad: Callable[[str], None]) -> Iterator[Line]:
    """Yield the rows of a CSV file with the columns id, text and perhaps question; InputError without them."""
    csv.field_size_limit(2**31 - 1)
    rows = csv.DictReader((line.replace("\ufeff", "") for line in lines), strict=True)
    missing = {"id", "text"} - set(rows.fieldnames or ())
    if missing:
        raise InputError(
            f"{name} has no column '{sorted(missing)[0]}'; it has {', '.join(rows.fieldnames or ('none',))}. "
            "Needed: id, text and, where there is one, question."
        )
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            bad(f"{name}, after line {rows.line_num}: {error}")
            return
        try:
            yield _line({key: value for key, value in row.items() if key})
        except InputError as error:
            bad(f"{name}, line {rows.line_num}: {error}")


def _line(row: object) -> Line:
    if not isinstance(row, dict):
        raise InputError('not an object; right is {"id": 1, "text": "...", "question": "..."}')
    number, text, question = row.get("id"), row.get("text"), row.get("question")
    if not isinstance(number, str | int) or isinstance(number, bool):
        raise InputError("'id' is missing or neither a string nor a whole number")
    if not isinstance(text, str):
        raise InputError("'text' is missing or not a string")
    if question is not None and not isinstance(question, str):
        raise InputError("'question' is not a string")
    return Line(number, text, question or None)


def analyse_lines(comments: Iterable[Line], analyser: Analyser, *, batch_size: int = 1_000) -> Iterator[str]:
    """Yield one JSON object for each comment, in order; offsets count the characters of the text as given."""
    stream = iter(comments)
    while batch := list(islice(stream, batch_size)):
        analyses = analyser.analyse([line.text for line in batch], [line.question for line in batch])
        for line, analysis in zip(batch, analyses, strict=True):
            yield json.dumps(as_json(line.id, analysis), ensure_ascii=True)


def as_json(number: str | int, analysis: Analysis) -> dict[str, object]:
    """Return the stable form of one analysis: id, overall, overall_probability, churn, findings with offsets."""
    return {
        "id": number,
        "overall": str(analysis.overall),
        "overall_probability": round(analysis.overall_probability, 4),
        "churn": analysis.churn,
        "findings": [
            {
                "topic": finding.topic,
                "polarity": str(finding.polarity),
                "score": round(finding.score, 4),
                "start": finding.start,
                "end": finding.end,
            }
            for finding in analysis.findings
        ],
    }
