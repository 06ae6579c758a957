"""How sure figures are: percentile bootstrap over comments (Efron and Tibshirani 1993, chapter 13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.evaluation.figures import LEAST_FOR_MACRO, factor_labels, names_of
from cxnlp.evaluation.gold import Example
from cxnlp.records import Analysis

Floats = npt.NDArray[np.float64]
DRAWS = 1_000
_BLOCK = 100  # draws at once: 800 bytes a comment
_LEAST = DRAWS // 2  # draws with a value, for an interval


Range = tuple[float, float] | None
"""A 95 % interval (low, high); None where too few draws have a value."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """The intervals of a label's precision, recall and F1."""

    precision: Range
    recall: Range
    f1: Range


@dataclass(frozen=True, slots=True)
class Intervals:
    """The intervals of an Evaluation's figures, by label too; `churn` is a label like the others."""

    micro: Ranges
    macro: Range
    factors: Ranges
    overall: Range
    churn: Ranges
    labels: Mapping[str, Ranges]

    def as_json(self) -> dict[str, object]:
        """Return all of them rounded to four places, as lists [low, high]; null where there is none."""
        return {
            "micro": _all(self.micro),
            "macro": _rounded(self.macro),
            "factors": _all(self.factors),
            "overall": _rounded(self.overall),
            "churn": _all(self.churn),
            "labels": {label: _all(ranges) for label, ranges in sorted(self.labels.items())},
        }


def _all(ranges: Ranges) -> dict[str, list[float] | None]:
    return {name: _rounded(getattr(ranges, name)) for name in ("precision", "recall", "f1")}


def _rounded(interval: Range) -> list[float] | None:
    return None if interval is None else [round(interval[0], 4), round(interval[1], 4)]


def bootstrap(examples: Sequence[Example], analyses: Sequence[Analysis], *, seed: int = 0) -> Intervals:
    """Return the intervals of what `evaluate` gives for the same comments, which are drawn again 1,000 times.

    A draw in which a figure has no value (the label neither labelled nor given) does not count for it.
    """
    labels = sorted({name for e, a in zip(examples, analyses, strict=True) for name in (*e.labels, *names_of(a))})
    counts = np.zeros((len(examples), len(labels) + 1, 3))
    place = {label: at for at, label in enumerate(labels)}
    for row, (example, analysis) in enumerate(zip(examples, analyses, strict=True)):
        given = names_of(analysis)
        for name in given | example.labels:
            counts[row, place[name], _kind(name in given, name in example.labels)] = 1
        if analysis.churn or example.churn:
            counts[row, -1, _kind(analysis.churn, bool(example.churn))] = 1
    judged = np.array([example.overall is not None for example in examples], dtype=float)
    agreed = np.array([a.overall is e.overall for e, a in zip(examples, analyses, strict=True)]) * judged
    drawn = np.concatenate([_sums(block, counts, judged, agreed) for block in _draws(len(examples), seed)])
    by_label = drawn[:, :-2].reshape(len(drawn), len(labels) + 1, 3)
    findings = by_label[:, :-1]
    frequent = (counts[:, :-1, 0] + counts[:, :-1, 2]).sum(axis=0) >= LEAST_FOR_MACRO
    factors = np.array([label in factor_labels() for label in labels], dtype=bool)
    return Intervals(
        micro=_ranges(findings.sum(axis=1)),
        macro=_interval(_macro(findings[:, frequent])),
        factors=_ranges(findings[:, factors].sum(axis=1)),
        overall=_interval(_divided(drawn[:, -1], drawn[:, -2])),
        churn=_ranges(by_label[:, -1]),
        labels={label: _ranges(findings[:, at]) for at, label in enumerate(labels)},
    )


def _macro(counts: Floats) -> Floats:
    """Return the mean F1 of labels that are frequent enough to be in nearly every draw."""
    return np.nanmean(_share(counts, wrong=True, missed=True), axis=1) if counts.shape[1] else np.array([])


def _kind(given: bool, there: bool) -> int:
    """Return the column of counts: right, wrong, missed."""
    return 0 if given and there else 1 if given else 2


def _draws(comments: int, seed: int) -> Iterator[Floats]:
    """Yield how often each comment is drawn, in blocks of shape (draws, comments)."""
    chance = np.random.default_rng(seed)
    even = np.full(comments, 1.0 / max(comments, 1))
    for _ in range(DRAWS // _BLOCK):
        yield chance.multinomial(comments, even, size=_BLOCK).astype(float) if comments else np.zeros((_BLOCK, 0))


def _sums(draws: Floats, counts: Floats, judged: Floats, agreed: Floats) -> Floats:
    flat = counts.reshape(len(counts), counts.shape[1] * 3)
    return np.hstack([draws @ flat, (draws @ judged)[:, None], (draws @ agreed)[:, None]])


def _ranges(counts: Floats) -> Ranges:
    return Ranges(
        precision=_interval(_share(counts, wrong=True, missed=False)),
        recall=_interval(_share(counts, wrong=False, missed=True)),
        f1=_interval(_share(counts, wrong=True, missed=True)),
    )


def _share(counts: Floats, *, wrong: bool, missed: bool) -> Floats:
    """Return precision (wrong), recall (missed) or F1 (both) of counts (..., right, wrong, missed)."""
    right = counts[..., 0] * (wrong + missed)
    return _divided(right, right + counts[..., 1] * wrong + counts[..., 2] * missed)


def _divided(part: Floats, whole: Floats) -> Floats:
    divided: Floats = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
    return divided


def _interval(values: Floats) -> Range:
    known = values[~np.isnan(values)]
    if len(known) < _LEAST:
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)
