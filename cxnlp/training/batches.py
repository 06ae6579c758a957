"""Batches of labelled comments as arrays: word pieces in, what is known of them out."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.analysis.rules import label_of
from cxnlp.analysis.windows import Pieces, Window
from cxnlp.evaluation.gold import Example
from cxnlp.records import Polarity, Sentiment
from cxnlp.taxonomy import load_taxonomy
from cxnlp.training.augment import roughen

UNKNOWN = -100
"""The class of an overall sentiment that isn't known, as PyTorch's cross entropy leaves it out."""

_SENTIMENTS = tuple(Sentiment)
_WEAK_WEIGHT = 0.3
_MASKED = 0.15  # of a comment's pieces
_BUCKET = 40  # batches of which the lengths are sorted together


def all_labels() -> tuple[str, ...]:
    """Return every "topic:polarity" of the taxonomy."""
    return tuple(label_of(topic, polarity) for topic in load_taxonomy().ids for polarity in Polarity)


@dataclass(frozen=True, slots=True)
class Batch:
    """Comments, pieces and labels as arrays.

    `ids`, `mask`, `text` have the shape (comments, pieces): word pieces, 1 where there is one, 1 where it is the
    text's. `tokens` (comments, pieces, labels) is 1 inside the quotes; `labels` and `known` are (comments, labels);
    `overall`, `churn` and `weight` (comments,). What isn't known is 0 in `known`, UNKNOWN in `overall`, NaN in `churn`;
    `quoted` is 1 where the quotes are known.
    """

    ids: npt.NDArray[np.int64]
    mask: npt.NDArray[np.int64]
    text: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32]
    known: npt.NDArray[np.float32]
    quoted: npt.NDArray[np.float32]
    overall: npt.NDArray[np.int64]
    churn: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]


def make_batch(examples: Sequence[Example], windows: Sequence[Window], labels: Sequence[str]) -> Batch:
    """Return the batch of examples and the window in which each is read."""
    place = {label: at for at, label in enumerate(labels)}
    shape = (len(examples), max(len(window.ids) for window in windows))
    ids, mask, text = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    tokens = np.zeros((*shape, len(labels)), dtype=np.float32)
    there = np.zeros((len(examples), len(labels)), dtype=np.float32)
    known = np.ones_like(there)
    for row, (example, window) in enumerate(zip(examples, windows, strict=True)):
        ids[row, : len(window.ids)] = window.ids
        mask[row, : len(window.ids)] = 1
        text[row, window.first : window.first + len(window.places)] = 1
        for label in example.findings:
            there[row, place[label.name]] = 1
            for at, (start, end) in enumerate(window.places, window.first):
                tokens[row, at, place[label.name]] += start < label.end and end > label.start
        if example.known is not None:
            known[row] = [label in example.known for label in labels]
    weak = np.array([example.known is not None for example in examples])
    return Batch(
        ids=ids,
        mask=mask,
        text=text,
        tokens=np.minimum(tokens, 1),
        labels=there,
        known=known,
        quoted=(~weak).astype(np.float32),
        overall=np.array([_SENTIMENTS.index(e.overall) if e.overall else UNKNOWN for e in examples]),
        churn=np.array([np.nan if e.churn is None else e.churn for e in examples], dtype=np.float32),
        weight=np.where(weak, _WEAK_WEIGHT, 1.0).astype(np.float32),
    )


def batches(
    examples: Sequence[Example], pieces: Pieces, labels: Sequence[str], *, size: int, seed: int | None
) -> Iterator[Batch]:
    """Yield all examples once in batches of like lengths; shuffled and roughened by `seed`, as they are without one."""
    chance = random.Random(seed)  # noqa: S311 - shuffles, hides nothing
    order = list(examples)
    if seed is not None:
        chance.shuffle(order)
        order = [roughen(example, chance) for example in order]
    read = pieces.windows([e.text for e in order], [e.question for e in order])
    rows = [(example, windows[0]) for example, windows in zip(order, read, strict=True)]
    if seed is not None:
        rows = [(example, _masked(window, pieces.mask, chance)) for example, window in rows]
    grouped = [
        group for at in range(0, len(rows), size * _BUCKET) for group in _alike(rows[at : at + size * _BUCKET], size)
    ]
    if seed is not None:
        chance.shuffle(grouped)
    for group in grouped:
        yield make_batch([example for example, _ in group], [window for _, window in group], labels)


def _alike(rows: list[tuple[Example, Window]], size: int) -> Iterator[list[tuple[Example, Window]]]:
    ordered = sorted(rows, key=lambda row: len(row[1].ids))
    yield from (ordered[at : at + size] for at in range(0, len(ordered), size))


def _masked(window: Window, mask: int, chance: random.Random) -> Window:
    """Return the window with some of its text's pieces masked: other companies have other words."""
    inside = range(window.first, window.first + len(window.places))
    hidden = {at for at in inside if chance.random() < _MASKED}
    ids = tuple(mask if at in hidden else piece for at, piece in enumerate(window.ids))
    return Window(ids, window.first, window.places, window.at)
