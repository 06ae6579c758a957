from __future__ import annotations

from pathlib import Path

from cxnlp.evaluation.gold import Example
from cxnlp.training.weak import read_weak, texts_of, without_texts_of


def test_weak_copies_of_held_out_texts_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "uci_sentiment_sentences").mkdir()
    (tmp_path / "uci_sentiment_sentences/yelp_labelled.txt").write_text("Loved it\t1\nToo LOUD.\t0\n")
    weak = list(read_weak(tmp_path))
    assert [(str(one.overall), one.known) for one in weak] == [("positive", frozenset()), ("negative", frozenset())]
    held_out = Example("a1", "own", "too loud. ")
    assert [one.text for one in without_texts_of(weak, [held_out])] == ["Loved it"]


def test_texts_are_found_by_the_ids_of_their_data_sets(tmp_path: Path) -> None:
    (tmp_path / "uci_sentiment_sentences").mkdir()
    (tmp_path / "uci_sentiment_sentences/yelp_labelled.txt").write_text("Loved it\t1\n")
    assert texts_of(tmp_path)["yelp_labelled:0"].text == "Loved it"
    assert texts_of(None) == {}
