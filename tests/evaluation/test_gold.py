from __future__ import annotations

import json
from pathlib import Path

import pytest

from cxnlp.errors import InputError
from cxnlp.evaluation.gold import Example, read_gold, text_digest

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


TEXTS = {"yelp_labelled:0": Example("yelp_labelled:0", "uci_yelp", "Loved it")}


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": None, "findings": []}, "its text is not a string"),
        ({"overall": "fine"}, "'fine' is not a valid Sentiment"),
        ({"findings": [{"topic": "wait_tme", "polarity": "negative", "start": 0, "end": 4}]}, "wait_time"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(read_gold(write(tmp_path / "g.jsonl", {**RECORD, **change})))


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    row = {key: value for key, value in RECORD.items() if key != "churn"}
    with pytest.raises(InputError, match="it has no 'churn'"):
        list(read_gold(write(tmp_path / "g.jsonl", row)))


def test_a_number_as_id_and_a_mark_at_the_start_are_read(tmp_path: Path) -> None:
    path = tmp_path / "g.jsonl"
    path.write_text("\ufeff" + json.dumps({**RECORD, "id": 7}), "utf-8")
    (example,) = read_gold(path)
    assert example.id == "7" and not example.dev


def test_a_file_that_is_missing_or_in_another_encoding_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"g\.jsonl can't be read"):
        list(read_gold(tmp_path / "g.jsonl"))
    (tmp_path / "g.jsonl").write_bytes("café".encode("latin-1"))
    with pytest.raises(InputError, match="is not UTF-8"):
        list(read_gold(tmp_path / "g.jsonl"))


def standoff(text: str = "Loved it", **change: object) -> dict[str, object]:
    finding = {"topic": "product_quality", "polarity": "positive", "start": 0, "end": 8}
    row = {"id": "yelp_labelled:0", "dataset": "uci_yelp", "text_sha256": text_digest(text)}
    return {**row, "overall": "positive", "churn": False, "findings": [finding], **change}


def test_labels_without_texts_find_them_in_the_data_sets(tmp_path: Path) -> None:
    (example,) = read_gold(write(tmp_path / "g.jsonl", standoff()), TEXTS)
    assert (example.text, example.dataset, example.labels) == ("Loved it", "uci_yelp", {"product_quality:positive"})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (standoff(id="yelp_labelled:7"), "is not at hand"),
        (standoff("Hated it"), "is not the one that was labelled"),
        (standoff(findings=[{"topic": "delivery", "polarity": "positive", "start": 0, "end": 80}]), "not a part"),
    ],
)
def test_a_text_that_is_missing_or_another_is_refused(tmp_path: Path, row: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(read_gold(write(tmp_path / "g.jsonl", row), TEXTS))
