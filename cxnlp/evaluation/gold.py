"""Labelled comments: gold with quotes, one JSON object a line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

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


def read_gold(path: Path) -> Iterator[Example]:
    """Yield the examples of a gold file: one JSON a line with id, text, overall, churn and findings with quotes.

    InputError names the line of a record that isn't one, or of a quote that doesn't stand where it says.
    """
    taxonomy = load_taxonomy()
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                findings = tuple(_label(finding, row["text"]) for finding in row["findings"])
                for finding in findings:
                    taxonomy[finding.topic]
                yield Example(
                    id=row["id"],
                    dataset=row.get("dataset", path.stem),
                    text=row["text"],
                    question=row.get("question"),
                    industry=row.get("industry"),
                    overall=Sentiment(row["overall"]),
                    churn=bool(row["churn"]),
                    findings=findings,
                )
            except (KeyError, ValueError, TypeError, InputError) as error:
                raise InputError(f"{path}, line {number}: not a gold record: {error!r}") from None


def _label(finding: Mapping[str, object], text: str) -> Label:
    start, end = int(str(finding["start"])), int(str(finding["end"]))
    if text[start:end] != finding["quote"]:
        raise ValueError(f"the text at {start}:{end} is {text[start:end]!r}, not {finding['quote']!r}")
    return Label(str(finding["topic"]), Polarity(str(finding["polarity"])), start, end)
