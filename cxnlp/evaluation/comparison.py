"""Analysers side by side on the same labelled comments."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cxnlp.analysis.base import Analyser
from cxnlp.analysis.rules import label_of
from cxnlp.evaluation.figures import (
    Bin,
    Evaluation,
    Mistake,
    evaluate,
    reliability,
    sentiments,
    worst,
)
from cxnlp.evaluation.gold import Example
from cxnlp.evaluation.intervals import Intervals, bootstrap
from cxnlp.evaluation.pairs import Tally
from cxnlp.records import Analysis

_WORST = 25
_WARM = 8


@dataclass(frozen=True, slots=True)
class Reading:
    """What one analyser made of the comments, and how right that is.

    `confusion` counts overall sentiments by labelled, then by given. `sentiment_curve` and `finding_curve` are
    calibration curves of the overall sentiment's probability and of the given findings' scores. `seconds` is how long
    reading took.
    """

    model: str
    evaluation: Evaluation
    intervals: Intervals
    confusion: Mapping[str, Mapping[str, int]]
    sentiment_curve: tuple[Bin, ...]
    finding_curve: tuple[Bin, ...]
    mistakes: tuple[Mistake, ...]
    seconds: float

    def as_json(self) -> dict[str, object]:
        """Return everything but the seconds, which differ from run to run, for evaluation.json."""
        return {
            "model": self.model,
            **self.evaluation.as_json(),
            "intervals": self.intervals.as_json(),
            "confusion": {labelled: dict(given) for labelled, given in self.confusion.items()},
            "sentiment_curve": [_bin(one) for one in self.sentiment_curve],
            "finding_curve": [_bin(one) for one in self.finding_curve],
            "mistakes": [_mistake(one) for one in self.mistakes],
        }


def _bin(one: Bin) -> dict[str, float | int]:
    return {"probability": round(one.probability, 4), "right": round(one.right, 4), "n": one.n}


def _mistake(one: Mistake) -> dict[str, object]:
    return {
        "id": one.example.id,
        "text": one.example.text,
        "question": one.example.question,
        "overall": str(one.analysis.overall),
        "labelled_overall": None if one.example.overall is None else str(one.example.overall),
        "wrong": sorted(one.wrong),
        "missed": sorted(one.missed),
    }


def read(examples: Sequence[Example], analyser: Analyser) -> Reading:
    """Let an analyser read labelled comments and compare."""
    analyser.analyse([one.text for one in examples[:_WARM]])  # what loads late is no speed
    started = time.perf_counter()
    analyses = analyser.analyse([one.text for one in examples], [one.question for one in examples])
    seconds = time.perf_counter() - started
    judged = [(one, analysis) for one, analysis in zip(examples, analyses, strict=True) if one.overall]
    return Reading(
        model=analyser.model,
        evaluation=evaluate(examples, analyses),
        intervals=bootstrap(examples, analyses),
        confusion=sentiments(examples, analyses),
        sentiment_curve=tuple(reliability([(a.overall_probability, a.overall is one.overall) for one, a in judged])),
        finding_curve=tuple(reliability(list(_scores(examples, analyses)))),
        mistakes=tuple(worst(examples, analyses, most=_WORST)),
        seconds=seconds,
    )


def _scores(examples: Sequence[Example], analyses: Sequence[Analysis]) -> Iterator[tuple[float, bool]]:
    for example, analysis in zip(examples, analyses, strict=True):
        for finding in analysis.findings:
            yield finding.score, label_of(finding.topic, finding.polarity) in example.labels


def to_json(readings: Sequence[Reading], pairs: Mapping[str, Tally]) -> str:
    """Return readings and the tallies of minimal pairs as the text of an evaluation.json."""
    tallies = {kind: one.as_json() for kind, one in pairs.items()}
    return json.dumps({"readings": [one.as_json() for one in readings], "pairs": tallies}, indent=1) + "\n"
