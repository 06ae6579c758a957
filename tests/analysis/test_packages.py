from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cxnlp.analysis.packages import live_model, load_analyser, models_folder, open_package
from cxnlp.errors import ModelError
from cxnlp.evaluation.figures import evaluate
from cxnlp.evaluation.gold import read_gold
from cxnlp.records import Sentiment

LINEAR = models_folder() / "linear/1.0.0"
PACKAGES = sorted(path.parent for path in models_folder().glob("*/*/config.json"))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(LINEAR, tmp_path / "linear" / "1.0.0"))


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_package_loads_and_reads(folder: Path) -> None:
    analyser = load_analyser(f"{folder.parent.name}/{folder.name}")
    (analysis,) = analyser.analyse(["The staff were rude and we waited three hours."])
    assert analysis.overall is Sentiment.NEGATIVE
    assert {finding.topic for finding in analysis.findings} >= {"staff_attitude", "wait_time"}
    assert (folder / "README.md").exists() and json.loads((folder / "metrics.json").read_text())


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_row_of_the_metrics_is_reproduced(folder: Path, request: pytest.FixtureRequest) -> None:
    package = open_package(folder)
    if package.config["kind"] == "transformer":
        row, files = "dev split of own", [models_folder() / "gold/own.jsonl"]
    else:
        gold = request.getfixturevalue("real_data").parent / "gold"
        row, files = "dev split", [gold / "train.jsonl", gold / "synthetic.jsonl"]
    dev = [example for path in files for example in read_gold(path) if example.dev]
    analyses = load_analyser(package.model).analyse([one.text for one in dev], [one.question for one in dev])
    figures, written = evaluate(dev, analyses).as_json(), package.metrics[row]
    assert figures["comments"] == written["comments"]
    # Sums of eight-bit products are exact; what is left differs by processor.
    for name in ("overall_accuracy", "macro_f1"):
        assert figures[name] == pytest.approx(written[name], abs=0.01)
    assert figures["micro"]["f1"] == pytest.approx(written["micro"]["f1"], abs=0.01)


def test_the_live_model_is_one_that_ships() -> None:
    assert models_folder() / live_model(models_folder()) in PACKAGES


def test_a_changed_file_is_refused(copy: Path) -> None:
    with (copy / "model.skops").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="damaged or was changed"):
        open_package(copy)


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "model.skops").unlink()
    with pytest.raises(ModelError, match=r"lacks its file 'model\.skops'"):
        open_package(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"taxonomy": "99"}, "for taxonomy 99"),
        ({"files": {"../../etc/passwd": "0"}}, "lacks its file"),
        ({"files": None}, "damaged"),
    ],
)
def test_a_foreign_package_is_refused(copy: Path, change: dict[str, object], message: str) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(ModelError, match=message):
        open_package(copy)


def test_a_model_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(ModelError, match=r"Known: .*linear/"):
        load_analyser("linear/0.0.0")


def test_a_package_of_an_unknown_kind_is_refused(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "kind": "oracle"}))
    with pytest.raises(ModelError, match="kind 'oracle'"):
        load_analyser("linear/1.0.0", copy.parents[1])
