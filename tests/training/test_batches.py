from __future__ import annotations

import numpy as np
import pytest

from cxnlp.analysis.packages import models_folder
from cxnlp.analysis.windows import Pieces
from cxnlp.evaluation.gold import Example, Label
from cxnlp.records import Polarity, Sentiment
from cxnlp.training.batches import UNKNOWN, Batch, all_labels, batches

LABELS = all_labels()
RUDE, LATE = LABELS.index("staff_attitude:negative"), LABELS.index("wait_time:negative")
FOLDER = sorted(path.parent for path in models_folder().glob("minilm/*/tokenizer.json"))[-1]


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    return Pieces.from_json((FOLDER / "tokenizer.json").read_text("utf-8"))


def one(pieces: Pieces, *examples: Example) -> Batch:
    (batch,) = batches(examples, pieces, LABELS, size=8, seed=None)
    return batch


GOLD = Example(
    "a",
    "own",
    "Rude driver, two hours late",
    overall=Sentiment.NEGATIVE,
    churn=False,
    findings=(Label("staff_attitude", Polarity.NEGATIVE, 0, 4), Label("wait_time", Polarity.NEGATIVE, 13, 27)),
)
WEAK = Example(
    "b",
    "weak",
    "Rude!",
    findings=(Label("staff_attitude", Polarity.NEGATIVE),),
    known=frozenset({"staff_attitude:negative"}),
)


def test_there_are_three_labels_a_topic() -> None:
    assert len(LABELS) == 45 == len(set(LABELS))


def test_pieces_inside_a_quote_are_marked(pieces: Pieces) -> None:
    batch = one(pieces, GOLD)
    # [CLS] [SEP] rude driver , two hours late [SEP]
    assert batch.text[0].tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 0]
    assert batch.tokens[0, :, RUDE].tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert batch.tokens[0, :, LATE].tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 0]
    assert np.flatnonzero(batch.labels[0]).tolist() == sorted([RUDE, LATE])


def test_what_is_unknown_is_masked(pieces: Pieces) -> None:
    batch = one(pieces, WEAK, GOLD)
    assert np.flatnonzero(batch.known[0]).tolist() == [RUDE]
    assert batch.known[1].all()
    assert (batch.overall[0], np.isnan(batch.churn[0]), batch.quoted[0]) == (UNKNOWN, True, 0)
    assert (batch.overall[1], batch.churn[1], batch.quoted[1]) == (list(Sentiment).index(Sentiment.NEGATIVE), 0, 1)
    assert batch.weight[0] < batch.weight[1] == 1
    assert batch.mask[0].sum() < batch.mask.shape[1] == batch.mask[1].sum()


def test_every_example_comes_once_and_the_seed_decides_the_order(pieces: Pieces) -> None:
    many = [Example(str(n), "own", f"late {'very ' * (n % 9)}{n}", overall=Sentiment.NEGATIVE) for n in range(100)]

    def ids(seed: int) -> list[list[int]]:
        return [row.tolist() for batch in batches(many, pieces, LABELS, size=8, seed=seed) for row in batch.ids]

    assert len(ids(1)) == 100
    assert ids(1) == ids(1) != ids(2)
