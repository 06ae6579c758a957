"""How right an analyser is on labelled comments: precision, recall and F1 by label, sentiment, spans, calibration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cxnlp.analysis.rules import CHURN, label_of
from cxnlp.evaluation.gold import Example
from cxnlp.records import Analysis, Finding, Polarity, Sentiment
from cxnlp.taxonomy import load_taxonomy

LEAST_FOR_MACRO = 10


@dataclass(frozen=True, slots=True)
class Counts:
    """Right (true positives), wrong (false positives) and missed (false negatives)."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def support(self) -> int:
        """How often it is in the labels."""
        return self.right + self.missed

    @property
    def precision(self) -> float:
        """Share of what was given that is right; 0 when nothing was given."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 0.0

    @property
    def recall(self) -> float:
        """Share of what is there that was given; 0 when nothing is there."""
        return self.right / self.support if self.support else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 when nothing is right."""
        total = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / total if total else 0.0

    def as_json(self) -> dict[str, float | int]:
        """Return the figures rounded to four places."""
        return {
            "precision": round(self.precision, 4),
            "recall": round(self.recall, 4),
            "f1": round(self.f1, 4),
            "support": self.support,
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an analyser got right.

    `labels` counts by "topic:polarity" over comments. `span_overlap` is the share of right findings whose span shares a
    character with the quote, None without any. `ece` is the expected calibration error (Naeini et al. 2015, ten equal
    bins) of the overall sentiment's probability.
    """

    comments: int
    labels: Mapping[str, Counts] = field(default_factory=dict)
    factors: Counts = Counts()
    overall_accuracy: float = 0.0
    churn: Counts = Counts()
    span_overlap: float | None = None
    ece: float = 0.0

    @property
    def micro(self) -> Counts:
        """All labels together."""
        return sum(self.labels.values(), Counts())

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the labels with at least ten in the data; 0 without any."""
        kept = [counts.f1 for counts in self.labels.values() if counts.support >= LEAST_FOR_MACRO]
        return sum(kept) / len(kept) if kept else 0.0

    def as_json(self) -> dict[str, object]:
        """Return all figures for a metrics.json."""
        return {
            "comments": self.comments,
            "micro": self.micro.as_json(),
            "macro_f1": round(self.macro_f1, 4),
            "factors_negative": self.factors.as_json(),
            "overall_accuracy": round(self.overall_accuracy, 4),
            "overall_ece": round(self.ece, 4),
            "churn": self.churn.as_json(),
            "span_overlap": None if self.span_overlap is None else round(self.span_overlap, 4),
            "labels": {label: counts.as_json() for label, counts in sorted(self.labels.items())},
        }


def factor_labels() -> frozenset[str]:
    """Return the labels of the six factors of bad customer experience."""
    return frozenset(label_of(topic, Polarity.NEGATIVE) for topic in load_taxonomy().factors)


def names_of(analysis: Analysis) -> frozenset[str]:
    """Return the labels of an analysis's findings."""
    return frozenset(label_of(finding.topic, finding.polarity) for finding in analysis.findings)


def evaluate(examples: Sequence[Example], analyses: Sequence[Analysis]) -> Evaluation:
    """Compare analyses with fully labelled examples, one for one."""
    labels: dict[str, Counts] = {}
    overlaps: list[bool] = []
    churn = Counts()
    for example, analysis in zip(examples, analyses, strict=True):
        given = {label_of(finding.topic, finding.polarity): finding for finding in analysis.findings}
        for name in given.keys() | example.labels:
            labels[name] = labels.get(name, Counts()) + _compare(name in given, name in example.labels)
        overlaps += [_shows(given[name], name, example) for name in given.keys() & example.labels]
        churn += _compare(analysis.churn, bool(example.churn))
    factors = factor_labels()
    judged = [(one, analysis) for one, analysis in zip(examples, analyses, strict=True) if one.overall]
    return Evaluation(
        comments=len(examples),
        labels=labels,
        factors=sum((counts for name, counts in labels.items() if name in factors), Counts()),
        overall_accuracy=_mean(analysis.overall is one.overall for one, analysis in judged),
        churn=churn,
        span_overlap=_mean(overlaps) if overlaps else None,
        ece=calibration_error([(a.overall_probability, a.overall is one.overall) for one, a in judged]),
    )


def _shows(finding: Finding, name: str, example: Example) -> bool:
    """Return whether the finding's span shares a character with a quote of its label."""
    quotes = [label for label in example.findings if label.name == name]
    return any(min(finding.end, quote.end) > max(finding.start, quote.start) for quote in quotes)


def _compare(given: bool, there: bool) -> Counts:
    return Counts(int(given and there), int(given and not there), int(there and not given))


def _mean(values: Iterable[bool]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0


@dataclass(frozen=True, slots=True)
class Bin:
    """`n` predictions of like probability: their mean `probability` and the share that was `right`."""

    probability: float
    right: float
    n: int


def reliability(pairs: Sequence[tuple[float, bool]]) -> list[Bin]:
    """Return the calibration curve of (probability, was right) in ten equal bins, without the empty ones."""
    chance = np.array([probability for probability, _ in pairs])
    right = np.array([correct for _, correct in pairs], dtype=float)
    bins = np.minimum((chance * 10).astype(int), 9)
    return [
        Bin(float(chance[bins == b].mean()), float(right[bins == b].mean()), int((bins == b).sum()))
        for b in np.unique(bins)
    ]


def calibration_error(pairs: Sequence[tuple[float, bool]]) -> float:
    """Return the expected calibration error over ten equal bins of (probability, was right); 0 without any."""
    return sum(abs(one.probability - one.right) * one.n for one in reliability(pairs)) / max(len(pairs), 1)


def sentiments(examples: Sequence[Example], analyses: Sequence[Analysis]) -> dict[str, dict[str, int]]:
    """Return the confusion of overall sentiment: counts by labelled, then by given."""
    table = {str(a): {str(b): 0 for b in Sentiment} for a in Sentiment}
    for example, analysis in zip(examples, analyses, strict=True):
        if example.overall:
            table[str(example.overall)][str(analysis.overall)] += 1
    return table


@dataclass(frozen=True, slots=True)
class Mistake:
    """A comment that was read wrongly; the higher `cost`, the worse.

    `wrong` were given and are not labelled, `missed` are labelled and were not given; "churn" may be one of them.
    """

    example: Example
    analysis: Analysis
    wrong: frozenset[str]
    missed: frozenset[str]
    cost: float


def worst(examples: Sequence[Example], analyses: Sequence[Analysis], *, most: int) -> list[Mistake]:
    """Return the comments read worst, at most `most`.

    What a comment costs: the scores of wrong findings, one for each missed, the probability of a wrong sentiment.
    """
    mistakes = []
    for example, analysis in zip(examples, analyses, strict=True):
        given = {label_of(one.topic, one.polarity): one.score for one in analysis.findings}
        there = set(example.labels)
        if analysis.churn:
            given[CHURN] = analysis.churn_probability
        if example.churn:
            there.add(CHURN)
        wrong, missed = given.keys() - there, there - given.keys()
        misjudged = example.overall is not None and analysis.overall is not example.overall
        cost = sum(given[name] for name in wrong) + len(missed) + analysis.overall_probability * misjudged
        if cost:
            mistakes.append(Mistake(example, analysis, frozenset(wrong), frozenset(missed), cost))
    return sorted(mistakes, key=lambda mistake: -mistake.cost)[:most]
