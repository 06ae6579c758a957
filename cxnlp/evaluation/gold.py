"""Labelled comments: gold with quotes, one JSON object a line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxnlp.analysis.rules import label_of
from cxnlp.errors import InputError
from cxnlp.records import Polarity, Sentiment
from cxnlp.taxonomy import load_taxonomy


@dataclass(frozen=True, slots=True)
class Label:
    """A labelled finding: text[start:end] shows it; both are -1 where only the comment is labelled."""

    topic: str
    polarity: Polarity
    start: int = -1
    end: int = -1

    @property
    def name(self) -> str:
        """The label's name, "wait_time:negative"."""
        return label_of(self.topic, self.polarity)


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled comment.

    What is unknown is None: `overall`, `churn`, and in `known` the labels ("topic:polarity") that are known to be there
    or not; None means that all are.
    """

    id: str
    dataset: str
    text: str
    question: str | None = None
    industry: str | None = None
    overall: Sentiment | None = None
    churn: bool | None = None
    findings: tuple[Label, ...] = ()
    known: frozenset[str] | None = field(default=None)

    @property
    def labels(self) -> frozenset[str]:
        """The names of the labelled findings."""
        return frozenset(label.name for label in self.findings)

    @property
    def tenth(self) -> int:
        """The tenth of all data, 0..9, that the example belongs to: SHA-1 of its id modulo ten."""
        return int(hashlib.sha1(self.id.encode(), usedforsecurity=False).hexdigest(), 16) % 10

    @property
    def dev(self) -> bool:
        """Whether the example belongs to the dev split, the first tenth. Never trained on."""
        return self.tenth == 0


def read_gold(path: Path, texts: Mapping[str, Example] | None = None) -> Iterator[Example]:
    """Yield the examples of a gold file: one JSON a line with id, text, overall, churn and findings with quotes.

    Stand-off labels have no text and no quotes but the text's SHA-256; `texts` then has the comment by id. InputError
    names the line of a record that isn't one, of a quote that doesn't stand where it says, of a text that is missing
    or another one.
    """
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            try:
                yield _example(json.loads(line), path.stem, texts or {})
            except KeyError as error:
                raise InputError(f"{path}, line {number}: not a gold record: it has no {error}.") from None
            except (ValueError, TypeError, AttributeError, InputError) as error:
                raise InputError(f"{path}, line {number}: not a gold record: {error}") from None


def _lines(path: Path) -> list[str]:
    try:
        # Split at line feeds only: texts may hold other characters that end lines.
        return path.read_text("utf-8-sig").split("\n")
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8; save it as such.") from None


def _example(row: dict[str, Any], dataset: str, texts: Mapping[str, Example]) -> Example:
    if "text_sha256" in row:
        row = _with_text(row, texts)
    if not isinstance(row["text"], str):
        raise InputError("its text is not a string")
    findings = tuple(_label(finding, row["text"]) for finding in row["findings"])
    for finding in findings:
        load_taxonomy()[finding.topic]
    return Example(
        id=str(row["id"]),
        dataset=row.get("dataset", dataset),
        text=row["text"],
        question=row.get("question"),
        industry=row.get("industry"),
        overall=Sentiment(row["overall"]),
        churn=bool(row["churn"]),
        findings=findings,
    )


def _with_text(row: dict[str, Any], texts: Mapping[str, Example]) -> dict[str, Any]:
    found = texts.get(row["id"])
    if found is None:
        raise InputError(f"the text of {row['id']} is not at hand; name the data sets' folder with --texts")
    if text_digest(found.text) != row["text_sha256"]:
        raise InputError(f"the text of {row['id']} is not the one that was labelled")
    return {**row, "text": found.text, "question": found.question}


def text_digest(text: str) -> str:
    """Return a text's SHA-256 in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def _label(finding: Mapping[str, object], text: str) -> Label:
    start, end = int(str(finding["start"])), int(str(finding["end"]))
    if not 0 <= start < end <= len(text):
        raise ValueError(f"{start}:{end} is not a part of a text of {len(text)} characters")
    if text[start:end] != finding.get("quote", text[start:end]):
        raise ValueError(f"the text at {start}:{end} is {text[start:end]!r}, not {finding['quote']!r}")
    return Label(str(finding["topic"]), Polarity(str(finding["polarity"])), start, end)
