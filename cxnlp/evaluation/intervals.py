"""How sure figures are: percentile bootstrap over comments (Efron and Tibshirani 1993, chapter 13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.evaluation.figures import LEAST_FOR_MACRO, factor_labels, names_of
from cxnlp.evaluation.gold import Example
from cxnlp.records import Analysis

Floats = npt.NDArray[np.float64]
DRAWS = 1_000
_BLOCK = 100  # draws at once: memory stays below a hundred bytes a comment and draw


@dataclass(frozen=True, slots=True)
class Intervals:
    """95 % intervals (low, high) of an Evaluation's figures; `labels` are those of each label's F1."""

    micro: tuple[float, float]
    macro: tuple[float, float]
    factors: tuple[float, float]
    overall: tuple[float, float]
    labels: Mapping[str, tuple[float, float]]

    def as_json(self) -> dict[str, object]:
        """Return all of them rounded to four places, as lists [low, high]."""
        return {
            **{name: _rounded(getattr(self, name)) for name in ("micro", "macro", "factors", "overall")},
            "labels": {label: _rounded(interval) for label, interval in sorted(self.labels.items())},
        }


def _rounded(interval: tuple[float, float]) -> list[float]:
    return [round(interval[0], 4), round(interval[1], 4)]


def bootstrap(examples: Sequence[Example], analyses: Sequence[Analysis], *, seed: int = 0) -> Intervals:
    """Return the intervals of what `evaluate` gives for the same comments, which are drawn again 1,000 times."""
    labels = sorted({name for e, a in zip(examples, analyses, strict=True) for name in (*e.labels, *names_of(a))})
    counts = np.zeros((len(examples), len(labels), 3))
    place = {label: at for at, label in enumerate(labels)}
    for row, (example, analysis) in enumerate(zip(examples, analyses, strict=True)):
        given = names_of(analysis)
        for name in given | example.labels:
            kind = 0 if name in given and name in example.labels else 1 if name in given else 2
            counts[row, place[name], kind] = 1
    judged = np.array([example.overall is not None for example in examples], dtype=float)
    agreed = np.array([a.overall is e.overall for e, a in zip(examples, analyses, strict=True)]) * judged
    drawn = np.concatenate([_sums(block, counts, judged, agreed) for block in _draws(len(examples), seed)])
    by_label = drawn[:, :-2].reshape(len(drawn), len(labels), 3)
    frequent = (counts[:, :, 0] + counts[:, :, 2]).sum(axis=0) >= LEAST_FOR_MACRO
    factors = np.array([label in factor_labels() for label in labels], dtype=bool)
    each = _f1(by_label)
    return Intervals(
        micro=_interval(_f1(by_label.sum(axis=1))),
        macro=_interval(each[:, frequent].mean(axis=1) if frequent.any() else np.zeros(len(drawn))),
        factors=_interval(_f1(by_label[:, factors].sum(axis=1))),
        overall=_interval(drawn[:, -1] / np.maximum(drawn[:, -2], 1.0)),
        labels={label: _interval(each[:, at]) for at, label in enumerate(labels)},
    )


def _draws(comments: int, seed: int) -> list[Floats]:
    """Return how often each comment is drawn, in blocks of shape (draws, comments)."""
    chance = np.random.default_rng(seed)
    even = np.full(comments, 1.0 / max(comments, 1))
    return [chance.multinomial(comments, even, size=_BLOCK).astype(float) for _ in range(DRAWS // _BLOCK)]


def _sums(draws: Floats, counts: Floats, judged: Floats, agreed: Floats) -> Floats:
    flat = counts.reshape(len(counts), counts.shape[1] * 3)
    return np.hstack([draws @ flat, (draws @ judged)[:, None], (draws @ agreed)[:, None]])


def _f1(counts: Floats) -> Floats:
    right, wrong, missed = counts[..., 0], counts[..., 1], counts[..., 2]
    shares: Floats = 2 * right / np.maximum(2 * right + wrong + missed, 1.0)
    return shares


def _interval(values: Floats) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
