from __future__ import annotations

import json
from pathlib import Path

import pytest

from cxnlp.errors import InputError
from cxnlp.evaluation.gold import read_gold
from cxnlp.training.weak import read_weak, without_texts_of

RECORD = {
    "id": "a1",
    "dataset": "own",
    "text": "Rude driver, but on time.",
    "overall": "mixed",
    "churn": False,
    "findings": [
        {"topic": "staff_attitude", "polarity": "negative", "quote": "Rude driver", "start": 0, "end": 11},
        {"topic": "wait_time", "polarity": "positive", "quote": "on time", "start": 17, "end": 24},
    ],
}


def write(path: Path, *records: object) -> Path:
    path.write_text("\n".join(json.dumps(record) for record in records), "utf-8")
    return path


def test_gold_is_read_with_its_quotes(tmp_path: Path) -> None:
    (example,) = read_gold(write(tmp_path / "gold.jsonl", RECORD))
    assert example.labels == {"staff_attitude:negative", "wait_time:positive"}
    assert [example.text[label.start : label.end] for label in example.findings] == ["Rude driver", "on time"]


@pytest.mark.parametrize(
    "change",
    [
        {"overall": "fine"},
        {"findings": [{"topic": "weather", "polarity": "negative", "quote": "Rude", "start": 0, "end": 4}]},
        {"findings": [{"topic": "wait_time", "polarity": "negative", "quote": "Rude", "start": 3, "end": 7}]},
        {"text": None},
    ],
)
def test_a_wrong_record_names_its_line(tmp_path: Path, change: dict[str, object]) -> None:
    path = write(tmp_path / "gold.jsonl", RECORD, {**RECORD, **change})
    with pytest.raises(InputError, match="line 2"):
        list(read_gold(path))


def test_the_dev_split_is_a_tenth_and_stays(tmp_path: Path) -> None:
    examples = list(read_gold(write(tmp_path / "g.jsonl", *({**RECORD, "id": str(n)} for n in range(2_000)))))
    assert 150 < sum(example.dev for example in examples) < 250
    assert [example.id for example in examples if example.dev][:3] == ["4", "42", "52"]


def test_weak_copies_of_held_out_texts_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "uci_sentiment_sentences").mkdir()
    (tmp_path / "uci_sentiment_sentences/yelp_labelled.txt").write_text("Loved it\t1\nToo LOUD.\t0\n")
    weak = list(read_weak(tmp_path))
    assert [(str(one.overall), one.known) for one in weak] == [("positive", frozenset()), ("negative", frozenset())]
    held_out = list(read_gold(write(tmp_path / "g.jsonl", {**RECORD, "text": "too loud. ", "findings": []})))
    assert [one.text for one in without_texts_of(weak, held_out)] == ["Loved it"]
