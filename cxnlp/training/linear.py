"""Train the linear analyser: regressions on comments and clauses, weighed and calibrated on held-out folds."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cxnlp.analysis.linear import (
    SENTIMENTS,
    Array,
    LinearAnalyser,
    Read,
    Scorer,
    Weights,
    as_input,
    char_vectoriser,
    word_vectoriser,
)
from cxnlp.analysis.packages import file_digest
from cxnlp.analysis.rules import CHURN
from cxnlp.errors import InputError
from cxnlp.evaluation.figures import Evaluation, evaluate
from cxnlp.evaluation.gold import Example, read_gold
from cxnlp.taxonomy import load_taxonomy
from cxnlp.text.segment import Clause, clauses
from cxnlp.training.package import building, lines_of, name_and_version, write_card, write_package
from cxnlp.training.weak import read_weak, texts_of, without_texts_of

SEED = 20261124
FOLDS = 4
LEAST_SUPPORT = 15
_WEAK_WEIGHT = 0.3
_WEAK_MOST = 2_000  # of one data set, so that none outweighs the gold


@dataclass(frozen=True, slots=True)
class _Rows:
    """Training rows: comments and, of those with quotes, clauses. `labels` is None where unknown."""

    inputs: list[str]
    examples: list[Example]
    labels: list[frozenset[str]]
    clause: npt.NDArray[np.bool_]
    weight: npt.NDArray[np.float64]

    def known(self, label: str) -> npt.NDArray[np.bool_]:
        """Which rows say whether `label` is there."""
        if label == CHURN:
            return np.array([e.churn is not None and not c for e, c in zip(self.examples, self.clause, strict=True)])
        return np.array([e.known is None or label in e.known for e in self.examples])

    def has(self, label: str) -> npt.NDArray[np.bool_]:
        """Which rows have `label`."""
        if label == CHURN:
            return np.array([bool(e.churn) for e in self.examples])
        return np.array([label in labels for labels in self.labels])


def label_names(examples: Sequence[Example]) -> tuple[str, ...]:
    """Return the labels with enough support to be learned, sorted, and churn."""
    counts: dict[str, int] = {}
    for example in examples:
        for label in example.labels if example.known is None else ():
            counts[label] = counts.get(label, 0) + 1
    return (*sorted(label for label, count in counts.items() if count >= LEAST_SUPPORT), CHURN)


def fit_linear(
    gold: Sequence[Example], weak: Sequence[Example] = (), *, progress: Callable[[str], None] = lambda _: None
) -> tuple[Scorer, Weights]:
    """Fit on gold (with quotes) and weak examples; thresholds and weights come from folds held out of the gold.

    Deterministic: folds are drawn with SEED, the solver is deterministic.
    """
    labels = label_names(gold)
    fold = np.random.default_rng(SEED).integers(0, FOLDS, len(gold))
    reads: list[Read] = []
    order: list[Example] = []
    for number in range(FOLDS):
        progress(f"fold {number + 1} of {FOLDS}")
        inside = [example for example, at in zip(gold, fold, strict=True) if at != number]
        outside = [example for example, at in zip(gold, fold, strict=True) if at == number]
        scorer = _fit_scorer(labels, inside, weak)
        reads.append(scorer.read([e.text for e in outside], [e.question for e in outside]))
        order += outside
    weights = _fit_weights(labels, reads, order)
    progress("all of it")
    return _fit_scorer(labels, gold, weak), weights


def _rows(gold: Sequence[Example], weak: Sequence[Example]) -> _Rows:
    inputs = [as_input(e.text, e.question) for e in (*gold, *weak)]
    examples = [*gold, *weak]
    labels = [e.labels for e in examples]
    comments = len(examples)
    for example, cut in zip(gold, clauses(e.text for e in gold), strict=True):
        for clause in cut:
            inputs.append(as_input(example.text[clause.start : clause.end], example.question))
            examples.append(example)
            labels.append(_labels_of(clause, example))
    is_clause = np.arange(len(inputs)) >= comments
    weight = np.array([_WEAK_WEIGHT if e.known is not None else 1.0 for e in examples])
    return _Rows(inputs, examples, labels, is_clause, weight)


def _labels_of(clause: Clause, example: Example) -> frozenset[str]:
    """Return the labels whose quote shares more than half of the shorter of quote and clause."""
    return frozenset(
        label.name
        for label in example.findings
        if 2 * (min(clause.end, label.end) - max(clause.start, label.start))
        > min(clause.end - clause.start, label.end - label.start)
    )


def _fit_scorer(labels: tuple[str, ...], gold: Sequence[Example], weak: Sequence[Example]) -> Scorer:
    from scipy.sparse import hstack

    rows = _rows(gold, weak)
    comments = [text for text, clause in zip(rows.inputs, rows.clause, strict=True) if not clause]
    word = word_vectoriser(min_df=3, max_features=30_000).fit(comments)
    char = char_vectoriser(min_df=12, max_features=25_000).fit(comments)
    features = hstack([word.transform(rows.inputs), char.transform(rows.inputs)]).tocsr()
    fits = [_fit_label(features, rows, label) for label in labels]
    overall = _fit_overall(features, rows)
    coef = np.vstack([fit.coef_ for fit in fits] + [overall.coef_]).astype(np.float32)
    intercept = np.concatenate([fit.intercept_ for fit in fits] + [overall.intercept_]).astype(np.float32)
    return Scorer(labels, word, char, coef, intercept)


def _fit_label(features: Any, rows: _Rows, label: str) -> Any:
    from sklearn.linear_model import LogisticRegression

    known = rows.known(label)
    model = LogisticRegression(C=8.0, tol=0.1, dual=True, solver="liblinear", random_state=SEED)
    return model.fit(features[known], rows.has(label)[known], sample_weight=rows.weight[known])


def _fit_overall(features: Any, rows: _Rows) -> Any:
    from sklearn.linear_model import LogisticRegression

    known = np.array([e.overall is not None and not c for e, c in zip(rows.examples, rows.clause, strict=True)])
    target = [SENTIMENTS.index(e.overall) for e, ok in zip(rows.examples, known, strict=True) if ok and e.overall]
    model = LogisticRegression(C=4.0, max_iter=400, random_state=SEED)
    # Stars and codes of few domains teach less about a comment's sentiment than about its topics.
    return model.fit(features[known], target, sample_weight=rows.weight[known] ** 2)


def _fit_weights(labels: tuple[str, ...], reads: Sequence[Read], order: Sequence[Example]) -> Weights:
    from sklearn.linear_model import LogisticRegression

    findings = np.concatenate([read.findings for read in reads])
    overall = np.concatenate([read.overall for read in reads])
    weights = np.zeros((len(labels), 4), dtype=np.float32)
    thresholds = {}
    for at, label in enumerate(labels):
        truth = np.array([bool(e.churn) if label == CHURN else label in e.labels for e in order])
        fit = LogisticRegression(C=1.0).fit(findings[:, at], truth)
        weights[at] = np.append(fit.coef_[0], fit.intercept_[0])
        thresholds[label] = best_threshold(fit.predict_proba(findings[:, at])[:, 1], truth)
    sentiment = LogisticRegression(C=0.3, max_iter=1_000).fit(
        overall, [SENTIMENTS.index(e.overall) for e in order if e.overall]
    )
    return Weights(weights, np.column_stack([sentiment.coef_, sentiment.intercept_]).astype(np.float32), thresholds)


def best_threshold(chances: npt.NDArray[np.float64] | Array, truth: npt.NDArray[np.bool_]) -> float:
    """Return the threshold in 0.20..0.60 of the highest F1, drawn a little to 0.4 where there is little support.

    0.6 without any: what was never seen is given only when it is likely.
    """
    if not truth.any():
        return 0.6
    grid = np.arange(0.2, 0.601, 0.02)
    prior = 5.0
    scores = []
    for threshold in grid:
        given = chances >= threshold
        right = float((given & truth).sum())
        scores.append((2 * right) / (given.sum() + truth.sum() + prior * (1 + abs(threshold - 0.4))))
    return float(round(grid[int(np.argmax(scores))], 2))


def train_linear(
    gold: Sequence[Path],
    weak: Path | None,
    folder: Path,
    *,
    texts: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[str]:
    """Train on gold files and perhaps a folder of weak data sets, write the package, yield the figures in lines.

    The dev split is held out; so is, in a second and third model that are only measured, every data set that holds
    a fifteenth of the gold or more. `texts` is a folder of public data sets, for gold without texts. InputError when
    the gold has no dev or no training part.
    """
    name, version = name_and_version(folder)
    known = texts_of(texts)
    examples = [example for path in gold for example in read_gold(path, known)]
    dev = [example for example in examples if example.dev]
    rest = [example for example in examples if not example.dev]
    if not dev or len(rest) < 200:
        raise InputError(f"{len(examples)} labelled comments are too few: 200 and some for the dev split are needed.")
    weakly = [example for example in read_weak(weak)] if weak else []
    scorer, weights = fit_linear(rest, usable(weakly, rest, dev), progress=progress)
    model = LinearAnalyser(scorer, weights, model=f"{name}/{version}", taxonomy=load_taxonomy().version)
    evaluations = {"dev split": _measure(model, dev)}
    for dataset in _large(examples):
        progress(f"without {dataset}")
        inside, outside = [e for e in rest if e.dataset != dataset], [e for e in examples if e.dataset == dataset]
        fitted = fit_linear(inside, usable(weakly, inside, outside))
        other = LinearAnalyser(*fitted, model=model.model, taxonomy=model.taxonomy)
        evaluations[f"{dataset}, trained without it"] = _measure(other, outside)
    metrics = {key: one.as_json() for key, one in evaluations.items()}
    digests = [f"| {path.name} | {file_digest(path)} | {lines_of(path)} |" for path in gold]
    if weak:
        digests.append(f"| weakly labelled | see the sources below | {len(usable(weakly, rest, dev))} |")
    facts = {"model": model.model, "seed": str(SEED), "folds": str(FOLDS), "data": "\n".join(digests)}
    with building(folder) as package:
        _write_scorer(package, scorer)
        write_package(
            package,
            name=name,
            version=version,
            kind="linear",
            files=["model.skops", "vocabulary.json"],
            config={
                "labels": list(scorer.labels),
                "finding_weights": np.round(weights.findings, 5).tolist(),
                "overall_weights": np.round(weights.overall, 5).tolist(),
                "thresholds": weights.thresholds,
                "seed": SEED,
            },
            metrics=metrics,
        )
        write_card(package, "linear", metrics=metrics, facts={**facts, "taxonomy": model.taxonomy})
    for key, one in evaluations.items():
        yield (
            f"{key}: findings F1 {one.micro.f1:.3f}, six factors {one.factors.f1:.3f}, "
            f"overall {one.overall_accuracy:.3f} on {one.comments} comments"
        )
    yield f"Written to {folder}"


def _write_scorer(folder: Path, scorer: Scorer) -> None:
    """Write what packages.py reads. Dictionaries of words take skops 8 seconds to load, JSON lists none."""
    import skops.io

    vocabulary = {"word": scorer.word.get_feature_names_out(), "char": scorer.char.get_feature_names_out()}
    listed = {name: terms.tolist() for name, terms in vocabulary.items()}
    (folder / "vocabulary.json").write_text(json.dumps(listed, ensure_ascii=False), "utf-8")
    arrays = {
        "coef": scorer.coef,
        "intercept": scorer.intercept,
        "word_idf": scorer.word.idf_,
        "char_idf": scorer.char.idf_,
    }
    skops.io.dump(arrays, folder / "model.skops", compression=zipfile.ZIP_DEFLATED, compresslevel=9)


def _large(examples: Sequence[Example]) -> list[str]:
    names = {example.dataset for example in examples}
    sizes = {name: sum(example.dataset == name for example in examples) for name in names}
    return sorted(name for name, size in sizes.items() if len(names) > 1 and 15 * size >= len(examples))


def usable(weak: Sequence[Example], gold: Sequence[Example], held_out: Sequence[Example]) -> list[Example]:
    """Draw weak examples that repeat neither the gold nor what is held out, nor come from a set held out."""
    left = {example.dataset for example in held_out} - {example.dataset for example in gold}
    by_dataset: dict[str, list[Example]] = {}
    for example in without_texts_of(weak, [*gold, *held_out]):
        by_dataset.setdefault(example.dataset, []).append(example)
    drawn = [sorted(each, key=_drawing)[:_WEAK_MOST] for name, each in by_dataset.items() if name not in left]
    return [example for each in drawn for example in each]


def _drawing(example: Example) -> str:
    return hashlib.sha256(example.id.encode()).hexdigest()


def _measure(model: LinearAnalyser, examples: Sequence[Example]) -> Evaluation:
    analyses = model.analyse([e.text for e in examples], [e.question for e in examples])
    return evaluate(examples, analyses)
