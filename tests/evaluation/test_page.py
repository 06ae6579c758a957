from __future__ import annotations

import json
from pathlib import Path

import pytest

from cxnlp.analysis.base import Analyser
from cxnlp.errors import InputError
from cxnlp.evaluation.baselines import Majority
from cxnlp.evaluation.comparison import read
from cxnlp.evaluation.gold import Example, Label
from cxnlp.evaluation.page import by_label, overview, write_evaluation
from cxnlp.evaluation.pairs import Tally
from cxnlp.records import Polarity, Sentiment

HOSTILE = '<script>alert("x")</script> & rude staff'


@pytest.fixture
def examples() -> list[Example]:
    rude = Label("staff_attitude", Polarity.NEGATIVE, 30, 40)
    return [
        Example(str(at), "own", HOSTILE, "Why <b>so</b>?", overall=Sentiment.NEGATIVE, churn=False, findings=(rude,))
        for at in range(12)
    ] + [Example("fine", "own", "Fine", overall=Sentiment.POSITIVE, churn=False)]


@pytest.fixture
def analyser(examples: list[Example]) -> Analyser:
    return Majority(examples)


def test_the_page_shows_figures_plots_and_hostile_text_escaped(
    examples: list[Example], analyser: Analyser, tmp_path: Path
) -> None:
    figures, page = write_evaluation(tmp_path / "new/folder", [read(examples, analyser)], gold=["own.jsonl"])
    html = page.read_text("utf-8")
    assert "<script" not in html and "&lt;script&gt;" in html and "Why &lt;b&gt;so" in html
    assert html.count("data:image/svg+xml;base64,") == 2
    assert "Labelled, not given: staff_attitude:negative" in html
    (reading,) = json.loads(figures.read_text("utf-8"))["readings"]
    assert reading["labels"]["staff_attitude:negative"]["support"] == 12
    assert reading["confusion"]["positive"]["negative"] == 1
    assert reading["intervals"]["overall"][0] < 0.923 <= reading["intervals"]["overall"][1]


def test_the_same_comments_give_the_same_figures(examples: list[Example], analyser: Analyser, tmp_path: Path) -> None:
    first = write_evaluation(tmp_path / "a", [read(examples, analyser)], gold=["own.jsonl"])
    second = write_evaluation(tmp_path / "b", [read(examples, analyser)], gold=["own.jsonl"])
    assert first[0].read_bytes() == second[0].read_bytes()


def test_tables_have_a_row_for_each_model_and_label(examples: list[Example], analyser: Analyser) -> None:
    reading = read(examples, analyser)
    assert [row[0] for row in overview([reading, reading])] == ["model", "majority", "majority"]
    assert [row[0] for row in by_label(reading)] == ["label", "staff_attitude:negative", "churn"]


def test_overall_accuracy_is_told_with_its_interval(examples: list[Example], analyser: Analyser) -> None:
    cells = overview([read(examples, analyser)])[1]
    assert cells[6].startswith("0.923 (") and cells[1:6] == ("",) * 5  # it gives no findings


def test_pairs_stand_on_the_page(examples: list[Example], analyser: Analyser, tmp_path: Path) -> None:
    _, page = write_evaluation(
        tmp_path, [read(examples, analyser)], gold=["x"], pairs={"negation": Tally(4, 1, 5), "all": Tally(4, 1, 5)}
    )
    assert "1 (25%)" in page.read_text("utf-8")


def test_a_folder_that_cannot_be_written_is_named(examples: list[Example], analyser: Analyser, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="can't be written"):
        write_evaluation(tmp_path / "file", [read(examples, analyser)], gold=["x"])


def test_text_that_is_not_unicode_and_long_text_are_shown(analyser: Analyser, tmp_path: Path) -> None:
    odd = Example("x", "own", "\ud800 word " * 5_000, overall=Sentiment.POSITIVE, churn=True)
    _, page = write_evaluation(tmp_path, [read([odd], analyser)], gold=["x"])
    html = page.read_text("utf-8")
    assert "…" in html and html.count(" word ") < 200 and "Labelled, not given: churn" in html
