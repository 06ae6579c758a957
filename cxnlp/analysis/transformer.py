"""The transformer analyser: one pass of a small encoder gives topics with the words that show them, sentiment, churn.

The encoder runs in ONNX Runtime with weights of eight bits. Its heads score each label on the comment and on every word
piece; calibrated scores above a label's threshold become findings, the best stretch of pieces their span. A plain
comment is read by the lower half of the encoder alone (BranchyNet; Teerapittayanon et al., ICPR 2016).
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cxnlp.analysis.base import compatible, has_words, unread
from cxnlp.analysis.rules import CHURN
from cxnlp.analysis.windows import OVERLAP, Pieces, Window
from cxnlp.errors import ModelError
from cxnlp.records import Analysis, Finding, Polarity, Sentiment

Array = npt.NDArray[np.float32]
SENTIMENTS = tuple(Sentiment)
LONGEST_TEXT = 200_000
"""Characters; reading more would hold up a night for a text that no customer wrote."""

_BATCH = 512
_EDGES = " .,;:!?-–—()…\n\t\"'"


@dataclass(frozen=True, slots=True)
class Scores:
    """Log-odds of one comment: of `labels` (labels,), of the sentiments `overall` (4,), of `churn`.

    `pieces` (pieces, labels) are those of the word pieces, which stand at `places` (start, end) in the text. `early`
    where they are the middle layer's.
    """

    labels: Array
    overall: Array
    churn: float
    pieces: Array
    places: tuple[tuple[int, int], ...]
    early: bool = False


class Encoder:
    """Scores comments with two ONNX Runtime sessions, `halves`: the lower and the upper half of the encoder.

    A comment whose scores in the middle are `sure` is not read by the upper half, unless it is so long that it is read
    in windows. A window is read alone, as many at a time as there are cores: in a batch the eight-bit activations would
    be scaled by its largest, so that a comment's result would depend on its neighbours; alone saves the padding.
    """

    def __init__(
        self, halves: Sequence[Any], pieces: Pieces, *, sure: Callable[[Scores], bool] = lambda scores: False
    ) -> None:
        self._lower, self._upper = halves
        self._pieces = pieces
        self._sure = sure
        self._workers, self._process = _workers(), os.getpid()

    def scores(self, texts: Sequence[str], questions: Sequence[str | None]) -> Iterator[Scores]:
        """Yield the scores of each text, in order."""
        for at in range(0, len(texts), _BATCH):
            read = list(self._pieces.windows(texts[at : at + _BATCH], questions[at : at + _BATCH]))
            # The longest first, so that no core waits long for the other at the end.
            jobs = sorted({(window, len(windows) == 1) for windows in read for window in windows}, key=_longest_first)
            done = dict(zip(jobs, self._pool().map(self._run, jobs), strict=True))
            yield from (joined(windows, [done[window, len(windows) == 1] for window in windows]) for windows in read)

    def _pool(self) -> ThreadPoolExecutor:
        if self._process != os.getpid():
            # Threads don't live on in a forked process (spaCy's n_process, a process pool).
            self._workers, self._process = _workers(), os.getpid()
        return self._workers

    def _run(self, job: tuple[Window, bool]) -> Scores:
        window, alone = job
        ids = np.array([window.ids], dtype=np.int64)
        text = np.zeros_like(ids)
        text[0, window.first : window.first + len(window.places)] = 1
        common = {"mask": np.ones_like(ids), "text": text}
        hidden, *early = self._lower.run(None, {"ids": ids, **common})
        scores = _scores_of(window, early, early=True)
        if alone and self._sure(scores):
            return scores
        return _scores_of(window, self._upper.run(None, {"hidden": hidden, **common}), early=False)


def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_cores(), thread_name_prefix="encoder")


def _longest_first(job: tuple[Window, bool]) -> tuple[int, tuple[int, ...], int, bool]:
    window, alone = job
    return -len(window.ids), window.ids, window.at, alone


def _scores_of(window: Window, outputs: Sequence[Any], *, early: bool) -> Scores:
    tokens, labels, overall, churn = outputs
    pieces = tokens[0, window.first : window.first + len(window.places)]
    return Scores(labels[0], overall[0], float(churn[0, 0]), pieces, window.places, early)


def _cores() -> int:
    """Return how many cores this process may use; not every system can tell that from how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_session(path: Path) -> Any:
    """Return the ONNX Runtime session of a file, working in the thread that calls it. ModelError when it isn't one."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as faults

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (faults.Fail, faults.InvalidGraph, faults.InvalidProtobuf, faults.NoSuchFile) as error:
        raise ModelError(f"{path} is not an ONNX model: {error}") from None


def joined(windows: Sequence[Window], scores: Sequence[Scores]) -> Scores:
    """Return the scores of a text from those of its windows.

    A label is there if it is in one window; the sentiment is the mean of the windows, weighed by their pieces. Where
    two windows overlap, each is read up to the middle of what they share.
    """
    if len(scores) == 1:
        return scores[0]
    half = OVERLAP // 2
    kept = [
        slice(half if number else 0, len(window.places) - (half if number < len(windows) - 1 else 0))
        for number, window in enumerate(windows)
    ]
    weights = np.array([len(window.places) for window in windows], dtype=np.float32)
    return Scores(
        labels=np.max([one.labels for one in scores], axis=0),
        overall=np.average([one.overall for one in scores], axis=0, weights=weights).astype(np.float32),
        churn=max(one.churn for one in scores),
        pieces=np.concatenate([one.pieces[part] for one, part in zip(scores, kept, strict=True)]),
        places=tuple(place for one, part in zip(scores, kept, strict=True) for place in one.places[part]),
    )


@dataclass(frozen=True, slots=True)
class Calibration:
    """Temperatures and thresholds by label and for "churn"; the temperature of the overall sentiment.

    `fraction` of the best piece's probability is what a neighbouring piece needs to belong to the span.
    """

    temperatures: Mapping[str, float]
    thresholds: Mapping[str, float]
    overall: float
    fraction: float

    def as_json(self) -> dict[str, Any]:
        """Return it for a config.json."""
        return {name: getattr(self, name) for name in ("temperatures", "thresholds", "overall", "fraction")}


def chance(log_odds: float, temperature: float) -> float:
    """Return the calibrated probability, 0..1."""
    return float(1.0 / (1.0 + np.exp(-np.clip(log_odds / temperature, -30.0, 30.0))))


@dataclass(frozen=True, slots=True)
class Early:
    """When the middle layer's scores are enough, and how they are calibrated.

    Every label must be further from its threshold than `margin`, and the likeliest sentiment's odds above it; both are
    in log-odds. They never are where it is None.
    """

    calibration: Calibration
    margin: float | None

    def sure(self, labels: Sequence[str]) -> Callable[[Scores], bool]:
        """Return what decides; `labels` are in the order of the scores."""
        if self.margin is None:
            return lambda _: False
        margin = self.margin
        names = (*labels, CHURN)
        temperatures = np.array([self.calibration.temperatures[name] for name in names])
        thresholds = np.array([self.calibration.thresholds[name] for name in names])
        edges = np.log(thresholds / (1.0 - thresholds))

        def decide(scores: Scores) -> bool:
            odds = np.append(scores.labels, scores.churn) / temperatures
            chances = np.sort(sentiment_chances(scores.overall, self.calibration.overall))
            top = np.log(chances[-1] / max(1.0 - chances[-1], 1e-9))
            return bool(top > margin and (np.abs(odds - edges) > margin).all())

        return decide


def sentiment_chances(overall: Array, temperature: float) -> npt.NDArray[np.float64]:
    """Return the calibrated probabilities of the four sentiments from their log-odds."""
    powers = np.exp((overall - overall.max()).astype(np.float64) / temperature)
    chances: npt.NDArray[np.float64] = powers / powers.sum()
    return chances


def span_of(text: str, scores: Array, places: Sequence[tuple[int, int]], *, fraction: float) -> tuple[int, int]:
    """Return (start, end) of the words around the best piece whose probability is at least `fraction` of its own.

    `scores` (pieces,) are log-odds. Whole words, without marks at the ends.

    >>> places = [(0, 2), (2, 3), (4, 8), (9, 12), (12, 13)]
    >>> span_of("Oh, rude man!", np.array([-5, -5, 2, 1.5, -5]), places, fraction=0.3)
    (4, 12)
    """
    chances = 1.0 / (1.0 + np.exp(-np.clip(scores, -30.0, 30.0)))
    first = last = int(np.argmax(chances))
    least = fraction * chances[first]
    while first > 0 and chances[first - 1] >= least:
        first -= 1
    while last + 1 < len(chances) and chances[last + 1] >= least:
        last += 1
    return _whole_words(text, places[first][0], places[last][1])


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    while end - start > 1 and text[end - 1] in _EDGES:
        end -= 1
    while end - start > 1 and text[start] in _EDGES:
        start += 1
    while start > 0 and _inside_word(text[start - 1]) and _inside_word(text[start]):
        start -= 1
    while end < len(text) and _inside_word(text[end]) and _inside_word(text[end - 1]):
        end += 1
    return start, end


def _inside_word(character: str) -> bool:
    return character.isalnum() or unicodedata.combining(character) > 0


class TransformerAnalyser:
    """An Analyser made of an Encoder and its Calibration. `labels` are "topic:polarity", in the order of the scores.

    `early` calibrates the scores that the encoder has from its middle layer.
    """

    def __init__(
        self,
        encoder: Encoder,
        labels: Sequence[str],
        calibration: Calibration,
        *,
        early: Calibration,
        model: str,
        taxonomy: str,
    ) -> None:
        self.model = model
        self.taxonomy = taxonomy
        self._encoder = encoder
        self._labels = tuple(labels)
        self._calibration = calibration
        self._early = early

    def analyse(self, texts: Sequence[str], questions: Sequence[str | None] | None = None) -> list[Analysis]:
        """Return one Analysis for each text; identical texts are read once."""
        asked = list(questions) if questions is not None else [None] * len(texts)
        pairs = list(zip(texts, asked, strict=True))
        once = list(dict.fromkeys(pair for pair in pairs if self._unreadable(pair[0]) is None))
        scores = self._encoder.scores([text for text, _ in once], [question for _, question in once])
        done = {pair: self._analysis(pair[0], one) for pair, one in zip(once, scores, strict=True)}
        return [done.get(pair) or self._unread(self._unreadable(pair[0])) for pair in pairs]

    def _unreadable(self, text: str) -> str | None:
        if len(text) > LONGEST_TEXT:
            return f"longer than {LONGEST_TEXT:,} characters"
        return None if has_words(text) else "no words"

    def _unread(self, reason: str | None) -> Analysis:
        return unread(reason or "no words", model=self.model, taxonomy=self.taxonomy)

    def _analysis(self, text: str, scores: Scores) -> Analysis:
        if not scores.places:
            return self._unread("no words")
        calibration = self._early if scores.early else self._calibration
        chances = dict(zip(SENTIMENTS, sentiment_chances(scores.overall, calibration.overall).tolist(), strict=True))
        churn = chance(scores.churn, calibration.temperatures[CHURN])
        return Analysis(
            overall=max(chances, key=lambda sentiment: chances[sentiment]),
            probabilities=chances,
            churn=churn >= calibration.thresholds[CHURN],
            churn_probability=churn,
            findings=tuple(self._findings(text, scores, calibration)),
            model=self.model,
            taxonomy=self.taxonomy,
        )

    def _findings(self, text: str, scores: Scores, calibration: Calibration) -> Iterator[Finding]:
        by_topic: dict[str, list[Finding]] = {}
        for at, label in enumerate(self._labels):
            likely = chance(float(scores.labels[at]), calibration.temperatures[label])
            if likely >= calibration.thresholds[label]:
                start, end = span_of(text, scores.pieces[:, at], scores.places, fraction=calibration.fraction)
                topic, polarity = label.split(":")
                by_topic.setdefault(topic, []).append(Finding(topic, Polarity(polarity), likely, start, end))
        for found in by_topic.values():
            yield from compatible(found)


HALVES = ("lower", "upper")


def load_transformer(
    folder: Path, config: Mapping[str, Any], *, model: str, sure: Callable[[Scores], bool] | None = None
) -> TransformerAnalyser:
    """Return the analyser of a package's folder and config; `sure` instead of what the config says of leaving early."""
    labels, early = config["labels"], Early(Calibration(**config["early"]), config["early_margin"])
    halves = [open_session(folder / f"{half}.onnx") for half in HALVES]
    pieces = Pieces.from_json((folder / "tokenizer.json").read_text("utf-8"))
    return TransformerAnalyser(
        Encoder(halves, pieces, sure=sure or early.sure(labels)),
        labels,
        Calibration(**config["calibration"]),
        early=early.calibration,
        model=model,
        taxonomy=config["taxonomy"],
    )
