"""The linear analyser: TF-IDF of words and characters, logistic regressions over the comment and its clauses.

It is the baseline and the fallback. A score for each label comes from the whole comment, from its best clause and from
the patterns (rules.py); a small logistic regression weighs the three into a calibrated probability. The best clause is
the span.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from cxnlp.analysis.base import compatible, encodable, has_words, unread
from cxnlp.analysis.rules import CHURN, RuleHit, rule_hits
from cxnlp.records import Analysis, Finding, Polarity, Sentiment
from cxnlp.text.segment import Clause, clauses

Array = npt.NDArray[np.float32]
SENTIMENTS = tuple(Sentiment)
_BATCH = 512
_ABSENT = -8.0  # the log-odds of a clause that isn't there


_WORDS = r"(?u)\b\w[\w']*\b|[!?]"


def word_vectoriser(**options: Any) -> Any:
    """Return scikit-learn's TF-IDF of words and pairs of words, not fitted."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=_WORDS, dtype=np.float32, **options)


def char_vectoriser(**options: Any) -> Any:
    """Return scikit-learn's TF-IDF of three to five characters within words, not fitted."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, dtype=np.float32, **options)


def as_input(text: str, question: str | None) -> str:
    """Return what the vectorisers read: the text, with the question's words marked as such."""
    marked = " ".join("q_" + "".join(filter(str.isalnum, word)) for word in (question or "").lower().split())
    return f"{text} {marked}" if marked else text


@dataclass(frozen=True, slots=True)
class Read:
    """The scores of a batch before they are weighed, as training and serving both need them.

    `findings` has the shape (comments, labels, 3): log-odds of the comment, of its best clause, rule hit 0/1; `overall`
    (comments, 12): four log-odds of the comment, the highest and the lowest of its clauses. `best` is the index of the
    best clause for each label, -1 without clauses.
    """

    findings: Array
    overall: Array
    best: npt.NDArray[np.int64]
    clauses: tuple[tuple[Clause, ...], ...]


@dataclass(frozen=True, slots=True)
class Scorer:
    """Vectorisers and the coefficients of all labels: (labels, features), and of the four sentiments."""

    labels: tuple[str, ...]
    word: Any
    char: Any
    coef: Array
    intercept: Array

    def features(self, inputs: Sequence[str]) -> Any:
        """Return the sparse features, shape (inputs, features)."""
        from scipy.sparse import hstack

        return hstack([self.word.transform(inputs), self.char.transform(inputs)]).tocsr()

    def log_odds(self, inputs: Sequence[str]) -> Array:
        """Return the log-odds of the labels, then of the sentiments, shape (inputs, labels + 4)."""
        scores: Array = np.asarray(self.features(inputs) @ self.coef.T + self.intercept, dtype=np.float32)
        return scores

    def read(self, texts: Sequence[str], questions: Sequence[str | None]) -> Read:
        """Score comments and their clauses."""
        cut = tuple(clauses(texts))
        owner = np.repeat(np.arange(len(texts)), [len(each) for each in cut])
        pieces = [
            as_input(text[clause.start : clause.end], question)
            for text, question, each in zip(texts, questions, cut, strict=True)
            for clause in each
        ]
        whole = [as_input(text, question) for text, question in zip(texts, questions, strict=True)]
        scores = self.log_odds([*whole, *pieces])
        return gather(self.labels, scores[: len(texts)], scores[len(texts) :], owner, cut, rule_hits(texts))


def gather(
    labels: tuple[str, ...],
    whole: Array,
    pieces: Array,
    owner: npt.NDArray[np.int64],
    cut: tuple[tuple[Clause, ...], ...],
    hits: Sequence[Sequence[RuleHit]],
) -> Read:
    """Bring the scores of comments, shape (comments, labels + 4), and of clauses together, by comment."""
    size, count = len(whole), len(labels)
    highest = np.full_like(whole, _ABSENT)
    np.maximum.at(highest, owner, pieces)
    lowest = np.full_like(whole, -_ABSENT)
    np.minimum.at(lowest, owner, pieces)
    lowest[lowest == -_ABSENT] = _ABSENT
    place = {label: at for at, label in enumerate(labels)}
    rules = np.zeros((size, count), dtype=np.float32)
    first = np.concatenate([[0], np.cumsum([len(each) for each in cut])])
    boosted = pieces[:, :count].copy()
    for row, found in enumerate(hits):
        for hit in found:
            if hit.label in place:
                rules[row, place[hit.label]] = 1.0
                for at, clause in enumerate(cut[row]):
                    if clause.start <= hit.start < clause.end:
                        boosted[first[row] + at, place[hit.label]] += 1.0
    best = np.full((size, count), -1, dtype=np.int64)
    for row, each in enumerate(cut):
        if each:
            best[row] = boosted[first[row] : first[row + 1]].argmax(axis=0)
    findings = np.stack([whole[:, :count], highest[:, :count], rules], axis=2)
    overall = np.hstack([whole[:, count:], highest[:, count:], lowest[:, count:]])
    return Read(findings, overall, best, cut)


@dataclass(frozen=True, slots=True)
class Weights:
    """The small regressions that weigh the scores, learned on held-out folds.

    `findings` (labels, 4): three weights and a constant; `overall` (4, 13): twelve weights and a constant for each
    sentiment; `thresholds` the least probability at which a label is given.
    """

    findings: Array
    overall: Array
    thresholds: Mapping[str, float]

    def probabilities(self, read: Read) -> tuple[Array, Array]:
        """Return the probabilities of the labels (comments, labels) and of the sentiments (comments, 4)."""
        logits = (read.findings * self.findings[None, :, :3]).sum(axis=2) + self.findings[None, :, 3]
        scores = read.overall @ self.overall[:, :12].T + self.overall[:, 12]
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return 1.0 / (1.0 + np.exp(-logits)), powers / powers.sum(axis=1, keepdims=True)


class LinearAnalyser:
    """An Analyser made of a Scorer and its Weights."""

    def __init__(self, scorer: Scorer, weights: Weights, *, model: str, taxonomy: str) -> None:
        self.model = model
        self.taxonomy = taxonomy
        self._scorer = scorer
        self._weights = weights

    def analyse(self, texts: Sequence[str], questions: Sequence[str | None] | None = None) -> list[Analysis]:
        """Return one Analysis for each text; identical texts are read once."""
        asked = list(questions) if questions is not None else [None] * len(texts)
        pairs = list(zip(texts, asked, strict=True))
        readable = sorted({pair for pair in pairs if has_words(pair[0])}, key=lambda pair: (len(pair[0]), str(pair)))
        batches = (readable[at : at + _BATCH] for at in range(0, len(readable), _BATCH))
        done = dict(chain.from_iterable(zip(batch, self._batch(batch), strict=True) for batch in batches))
        nothing = unread("no words", model=self.model, taxonomy=self.taxonomy)
        return [done.get(pair, nothing) for pair in pairs]

    def _batch(self, batch: Sequence[tuple[str, str | None]]) -> Iterator[Analysis]:
        texts, questions = zip(*batch, strict=True)
        read = self._scorer.read([encodable(text) for text in texts], [q and encodable(q) for q in questions])
        labels, overall = self._weights.probabilities(read)
        churn_at = self._scorer.labels.index(CHURN)
        for row, (text, _) in enumerate(batch):
            chances = {sentiment: float(overall[row, at]) for at, sentiment in enumerate(SENTIMENTS)}
            churn = float(labels[row, churn_at])
            yield Analysis(
                overall=max(chances, key=lambda sentiment: chances[sentiment]),
                probabilities=chances,
                churn=churn >= self._weights.thresholds[CHURN],
                churn_probability=churn,
                findings=tuple(self._findings(text, labels[row], read.best[row], read.clauses[row])),
                model=self.model,
                taxonomy=self.taxonomy,
            )

    def _findings(
        self, text: str, chances: Array, best: npt.NDArray[np.int64], cut: tuple[Clause, ...]
    ) -> Iterator[Finding]:
        given: dict[str, list[Finding]] = {}
        for at, label in enumerate(self._scorer.labels):
            if label != CHURN and best[at] >= 0 and chances[at] >= self._weights.thresholds[label]:
                topic, polarity = label.split(":")
                span = _trim(text, cut[best[at]])
                found = Finding(topic, Polarity(polarity), float(chances[at]), span.start, span.end)
                given.setdefault(topic, []).append(found)
        for found_for_topic in given.values():
            yield from compatible(found_for_topic)


_LEADING = frozenset({"but", "and", "so", "then", "or", "however", "although", "though", "because", "which"})


def _trim(text: str, clause: Clause) -> Clause:
    """Return the clause without a leading conjunction and closing marks, so that the span is the words that say it."""
    start, end = clause.start, clause.end
    first = text[start:end].split(maxsplit=1)
    if len(first) == 2 and first[0].strip(",").lower() in _LEADING:
        start = text.index(first[1], start + len(first[0]))
    while end - start > 1 and text[end - 1] in " .,;:!?-–—()…\n":
        end -= 1
    return Clause(start, end)
