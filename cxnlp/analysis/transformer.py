"""The transformer analyser: one pass of a small encoder gives topics with the words that show them, sentiment, churn.

The encoder runs in ONNX Runtime with weights of eight bits. Its heads score each label on the comment and on every word
piece; calibrated scores above a label's threshold become findings, the best stretch of pieces their span.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
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

    `pieces` (pieces, labels) are those of the word pieces, which stand at `places` (start, end) in the text.
    """

    labels: Array
    overall: Array
    churn: float
    pieces: Array
    places: tuple[tuple[int, int], ...]


class Encoder:
    """Scores comments with an ONNX Runtime session.

    A window is read alone, as many at a time as there are cores. In a batch the eight-bit activations would be scaled
    by its largest, so that a comment's result would depend on its neighbours; alone costs 13 % more time on 30 pieces
    and saves the padding.
    """

    def __init__(self, session: Any, pieces: Pieces) -> None:
        self._session = session
        self._pieces = pieces
        self._workers = ThreadPoolExecutor(_cores(), thread_name_prefix="encoder")

    def scores(self, texts: Sequence[str], questions: Sequence[str | None]) -> Iterator[Scores]:
        """Yield the scores of each text, in order."""
        for at in range(0, len(texts), _BATCH):
            read = list(self._pieces.windows(texts[at : at + _BATCH], questions[at : at + _BATCH]))
            # The longest first, so that no core waits long for the other at the end.
            order = sorted({w for windows in read for w in windows}, key=lambda w: (-len(w.ids), w.ids, w.at))
            done = dict(zip(order, self._workers.map(self._run, order), strict=True))
            yield from (joined(windows, [done[window] for window in windows]) for windows in read)

    def _run(self, window: Window) -> Scores:
        ids = np.array([window.ids], dtype=np.int64)
        text = np.zeros_like(ids)
        last = window.first + len(window.places)
        text[0, window.first : last] = 1
        tokens, labels, overall, churn = self._session.run(None, {"ids": ids, "mask": np.ones_like(ids), "text": text})
        return Scores(labels[0], overall[0], float(churn[0, 0]), tokens[0, window.first : last], window.places)


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


def chance(log_odds: float, temperature: float) -> float:
    """Return the calibrated probability, 0..1."""
    return float(1.0 / (1.0 + np.exp(-np.clip(log_odds / temperature, -30.0, 30.0))))


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
    """An Analyser made of an Encoder and its Calibration. `labels` are "topic:polarity", in the order of the scores."""

    def __init__(
        self, encoder: Encoder, labels: Sequence[str], calibration: Calibration, *, model: str, taxonomy: str
    ) -> None:
        self.model = model
        self.taxonomy = taxonomy
        self._encoder = encoder
        self._labels = tuple(labels)
        self._calibration = calibration

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
        powers = np.exp((scores.overall - scores.overall.max()).astype(np.float64) / self._calibration.overall)
        chances = dict(zip(SENTIMENTS, map(float, powers / powers.sum()), strict=True))
        churn = chance(scores.churn, self._calibration.temperatures[CHURN])
        return Analysis(
            overall=max(chances, key=lambda sentiment: chances[sentiment]),
            probabilities=chances,
            churn=churn >= self._calibration.thresholds[CHURN],
            churn_probability=churn,
            findings=tuple(self._findings(text, scores)),
            model=self.model,
            taxonomy=self.taxonomy,
        )

    def _findings(self, text: str, scores: Scores) -> Iterator[Finding]:
        by_topic: dict[str, list[Finding]] = {}
        for at, label in enumerate(self._labels):
            likely = chance(float(scores.labels[at]), self._calibration.temperatures[label])
            if likely >= self._calibration.thresholds[label]:
                fraction = self._calibration.fraction
                start, end = span_of(text, scores.pieces[:, at], scores.places, fraction=fraction)
                topic, polarity = label.split(":")
                by_topic.setdefault(topic, []).append(Finding(topic, Polarity(polarity), likely, start, end))
        for found in by_topic.values():
            yield from compatible(found)
