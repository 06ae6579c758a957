from __future__ import annotations

import json
from pathlib import Path

import pytest

from cxnlp.errors import InputError
from cxnlp.evaluation.gold import Example
from cxnlp.training.package import building
from cxnlp.training.transformer import _left_out_elsewhere, _weak_for, groups, split


def examples(count: int = 600) -> list[Example]:
    industries = ["airlines", "banks", None]
    return [
        Example(str(n), "uci_yelp" if n % 3 == 2 else "own", f"comment {n}", industry=industries[n % 3])
        for n in range(count)
    ]


def test_every_example_is_in_one_part() -> None:
    parts = split(examples())
    ids = [one.id for part in (parts.rest, parts.tuning, parts.dev, parts.left_out) for one in part]
    assert sorted(ids) == sorted(str(n) for n in range(600))
    assert not parts.left_out and {one.tenth for one in parts.dev} == {0}


def test_what_is_left_out_is_in_no_other_part() -> None:
    parts = split(examples(900), ["travel & transport", "uci_yelp"])
    assert {one.industry for one in (*parts.rest, *parts.tuning, *parts.dev)} == {"banks"}
    assert {(one.dataset, one.industry) for one in parts.left_out} == {("own", "airlines"), ("uci_yelp", None)}


def test_a_text_that_is_held_out_is_not_taught_under_another_id() -> None:
    found = examples()
    held = next(one for one in found if one.dev)
    parts = split([*found, Example("a copy", "own", held.text.upper(), industry="banks")])
    assert Example("a copy", "own", "x").tenth > 1 and "a copy" not in {one.id for one in parts.rest}


@pytest.mark.parametrize(
    ("names", "message"), [(["travel"], "No data set or sector is called 'travel'"), (["own"], "too few")]
)
def test_a_name_that_is_unknown_or_leaves_too_little_is_refused(names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        split(examples(), names)


def test_weak_examples_of_what_is_left_out_are_not_taught(tmp_path: Path) -> None:
    (tmp_path / "uci_sentiment_sentences").mkdir()
    for name in ("yelp", "amazon_cells"):
        (tmp_path / f"uci_sentiment_sentences/{name}_labelled.txt").write_text(f"Loved the {name}\t1\n")
    parts = split(examples(900), ["hospitality & leisure"])
    assert [one.dataset for one in _weak_for(parts, tmp_path, ["hospitality & leisure"])] == ["uci_amazon_cells"]


def test_groups_are_data_sets_and_sectors_of_written_comments() -> None:
    assert {name: len(rows) for name, rows in groups(examples(90)).items()} == {
        "banking & insurance (written)": 30,
        "own": 60,
        "travel & transport (written)": 30,
        "uci_yelp": 30,
    }
    assert groups(examples(30)) == {"own": [n for n in range(30) if n % 3 < 2]}


def test_figures_of_other_runs_are_taken_once(tmp_path: Path) -> None:
    for name, rows in {"a": ["x, trained without it", "dev split"], "b": ["y, trained without it"]}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(json.dumps(dict.fromkeys(rows, 1)))
    assert _left_out_elsewhere([tmp_path / "a", tmp_path / "b"]) == {
        "x, trained without it": 1,
        "y, trained without it": 1,
    }
    with pytest.raises(InputError, match="Two runs measured 'x, trained without it'"):
        _left_out_elsewhere([tmp_path / "a", tmp_path / "a"])
    with pytest.raises(InputError, match="can't be read"):
        _left_out_elsewhere([tmp_path / "c"])


def test_a_package_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), building(tmp_path / "minilm/2.0.0") as place:
        (place / "lower.onnx").write_bytes(b"x")
        raise KeyboardInterrupt
    assert list((tmp_path / "minilm").iterdir()) == []
    with building(tmp_path / "minilm/2.0.0") as place:
        (place / "lower.onnx").write_bytes(b"x")
    assert [path.name for path in (tmp_path / "minilm/2.0.0").iterdir()] == ["lower.onnx"]
