from __future__ import annotations

import json
from pathlib import Path

from cxnlp.evaluation.gold import read_gold
from cxnlp.training.weak import read_weak, texts_of, without_texts_of

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


def test_weak_copies_of_held_out_texts_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "uci_sentiment_sentences").mkdir()
    (tmp_path / "uci_sentiment_sentences/yelp_labelled.txt").write_text("Loved it\t1\nToo LOUD.\t0\n")
    weak = list(read_weak(tmp_path))
    assert [(str(one.overall), one.known) for one in weak] == [("positive", frozenset()), ("negative", frozenset())]
    held_out = list(read_gold(write(tmp_path / "g.jsonl", {**RECORD, "text": "too loud. ", "findings": []})))
    assert [one.text for one in without_texts_of(weak, held_out)] == ["Loved it"]


def test_texts_are_found_by_the_ids_of_their_data_sets(tmp_path: Path) -> None:
    (tmp_path / "uci_sentiment_sentences").mkdir()
    (tmp_path / "uci_sentiment_sentences/yelp_labelled.txt").write_text("Loved it\t1\n")
    assert texts_of(tmp_path)["yelp_labelled:0"].text == "Loved it"
    assert texts_of(None) == {}
