"""Temperatures, thresholds and the width of spans, from comments held out of training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cxnlp.analysis.rules import CHURN
from cxnlp.analysis.transformer import SENTIMENTS, Calibration, Early, Scores, chance, sentiment_chances, span_of
from cxnlp.evaluation.gold import Example
from cxnlp.training.linear import best_threshold

Floats = npt.NDArray[np.float64]
_TEMPERATURES = np.geomspace(0.4, 3.0, 61)
_PRIOR = 4.0  # nats that a temperature e times too high or low costs: few examples leave it near 1
MARGINS = tuple(float(margin) for margin in np.arange(0.25, 6.01, 0.25))
"""How sure, in log-odds, the middle layer may have to be."""

_MAY_COST = 0.005  # of F1 and of the accuracy of the overall sentiment, for being faster
_FRACTIONS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)


def calibrate(examples: Sequence[Example], scores: Sequence[Scores], labels: Sequence[str]) -> Calibration:
    """Return the calibration that fits best; examples are fully labelled."""
    columns = {label: np.array([one.labels[at] for one in scores]) for at, label in enumerate(labels)}
    columns[CHURN] = np.array([one.churn for one in scores])
    truth = {label: np.array([label in e.labels for e in examples]) for label in labels}
    truth[CHURN] = np.array([bool(e.churn) for e in examples])
    temperatures = {name: best_temperature(column, truth[name]) for name, column in columns.items()}
    thresholds = {
        name: best_threshold(np.array([chance(v, temperatures[name]) for v in column]), truth[name])
        for name, column in columns.items()
    }
    judged = [(one.overall, SENTIMENTS.index(e.overall)) for e, one in zip(examples, scores, strict=True) if e.overall]
    overall = np.array([logits for logits, _ in judged])
    classes = np.array([at for _, at in judged])
    return Calibration(
        temperatures, thresholds, best_softmax(overall, classes), best_fraction(examples, scores, labels)
    )


def best_margin(
    examples: Sequence[Example],
    early: Sequence[Scores],
    late: Sequence[Scores],
    labels: Sequence[str],
    *,
    calibrations: tuple[Calibration, Calibration],
) -> float | None:
    """Return the least margin at which leaving early costs at most 0.005 of F1 and of overall accuracy.

    `calibrations` are those of the early and of the late scores; comments read in windows are never early. None if no
    margin is good enough.
    """
    ahead, whole = calibrations
    last = [_quick(e, one, whole, labels) for e, one in zip(examples, late, strict=True)]
    first = [
        _quick(e, one, ahead, labels) if one.early else instead
        for e, one, instead in zip(examples, early, last, strict=True)
    ]
    f1, accuracy = _figures(last)
    for margin in MARGINS:
        sure = Early(ahead, margin).sure(labels)
        mixed = [a if sure(one) else b for one, a, b in zip(early, first, last, strict=True)]
        if _figures(mixed)[0] >= f1 - _MAY_COST and _figures(mixed)[1] >= accuracy - _MAY_COST:
            return margin
    return None


def _quick(example: Example, scores: Scores, calibration: Calibration, labels: Sequence[str]) -> tuple[int, int, bool]:
    """Return how many findings are right, how many are given or there, and whether the sentiment is right."""
    given = {
        label
        for at, label in enumerate(labels)
        if chance(float(scores.labels[at]), calibration.temperatures[label]) >= calibration.thresholds[label]
    }
    sentiment = SENTIMENTS[int(np.argmax(sentiment_chances(scores.overall, calibration.overall)))]
    return len(given & example.labels), len(given) + len(example.labels), sentiment is example.overall


def _figures(quick: Sequence[tuple[int, int, bool]]) -> tuple[float, float]:
    right, either, agreed = (sum(column) for column in zip(*quick, strict=True))
    return 2 * right / max(either, 1), agreed / len(quick)


def best_temperature(logits: npt.NDArray[np.floating], truth: npt.NDArray[np.bool_]) -> float:
    """Return the temperature of the least cross entropy of a label's log-odds (Guo et al. 2017), drawn towards 1."""
    signed = np.where(truth, logits, -logits).astype(np.float64)
    costs = [np.logaddexp(0.0, -signed / t).sum() + _PRIOR * np.log(t) ** 2 for t in _TEMPERATURES]
    return float(round(_TEMPERATURES[int(np.argmin(costs))], 3))


def best_softmax(logits: npt.NDArray[np.floating], classes: npt.NDArray[np.int64]) -> float:
    """Return the temperature of the least cross entropy of class scores (examples, classes), drawn towards 1."""
    rows = np.arange(len(classes))
    costs = []
    for temperature in _TEMPERATURES:
        scaled = logits.astype(np.float64) / temperature
        spread = np.logaddexp.reduce(scaled, axis=1)
        costs.append((spread - scaled[rows, classes]).sum() + _PRIOR * np.log(temperature) ** 2)
    return float(round(_TEMPERATURES[int(np.argmin(costs))], 3))


def best_fraction(examples: Sequence[Example], scores: Sequence[Scores], labels: Sequence[str]) -> float:
    """Return the fraction of the best piece's probability at which spans share most characters with the quotes."""
    return max(_FRACTIONS, key=lambda fraction: _shared(examples, scores, labels, fraction))


def _shared(examples: Sequence[Example], scores: Sequence[Scores], labels: Sequence[str], fraction: float) -> float:
    """Return the sum over quotes of characters shared / characters in either (Jaccard)."""
    total = 0.0
    for example, one in zip(examples, scores, strict=True):
        for label in example.findings if one.places else ():
            pieces = one.pieces[:, list(labels).index(label.name)]
            start, end = span_of(example.text, pieces, one.places, fraction=fraction)
            both = max(0, min(end, label.end) - max(start, label.start))
            total += both / (end - start + label.end - label.start - both)
    return total
