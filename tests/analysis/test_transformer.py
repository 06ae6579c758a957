from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxnlp.analysis.base import compatible
from cxnlp.analysis.packages import file_digest, live_model, load_analyser, models_folder, open_package
from cxnlp.analysis.rules import CHURN
from cxnlp.analysis.transformer import (
    HALVES,
    LONGEST_TEXT,
    Calibration,
    Early,
    Encoder,
    Scores,
    joined,
    open_session,
    span_of,
)
from cxnlp.analysis.windows import LONGEST, OVERLAP, Pieces, Window
from cxnlp.errors import ModelError
from cxnlp.records import Analysis, Finding, Polarity, Sentiment

MODEL = live_model(models_folder())
FOLDER = models_folder() / MODEL
NEGATIVE, POSITIVE, NEUTRAL = Polarity.NEGATIVE, Polarity.POSITIVE, Polarity.NEUTRAL


def analyse(*texts: str) -> list[Analysis]:
    return load_analyser(MODEL).analyse(texts)


def found(text: str) -> dict[tuple[str, Polarity], str]:
    return {(f.topic, f.polarity): text[f.start : f.end] for f in analyse(text)[0].findings}


def test_a_finding_shows_the_words_that_say_it() -> None:
    findings = found("The nurses were kind and friendly, but we waited four hours to be seen.")
    assert "kind" in findings["staff_attitude", POSITIVE]
    assert "waited four hours" in findings["wait_time", NEGATIVE]
    assert "kind" not in findings["wait_time", NEGATIVE]


@pytest.mark.parametrize("before", ["😀👨‍👩‍👧 ", "cafe\u0301 naïve\t", "\ud800 ", "ＦＵＬＬ ", "\r\n\r\n", "[NAME] "])
def test_spans_are_exact_whatever_stands_before_them(before: str) -> None:
    text = f"{before}The driver was very rude to me."
    assert "rude" in found(text)["staff_attitude", NEGATIVE]


@pytest.mark.parametrize(
    ("text", "overall"),
    [
        ("Awful, rude staff and my money was never refunded", Sentiment.NEGATIVE),
        ("Lovely friendly people, excellent care, thank you", Sentiment.POSITIVE),
        ("When will my card arrive?", Sentiment.NEUTRAL),
        ("The food was delicious but the waiter was rude and slow", Sentiment.MIXED),
    ],
)
def test_the_overall_sentiment_is_read(text: str, overall: Sentiment) -> None:
    assert analyse(text)[0].overall is overall


def test_the_question_counts() -> None:
    asked = load_analyser(MODEL).analyse(["Waiting times"] * 2, ["What could we do better?", "What did we do well?"])
    assert asked[0].probabilities[Sentiment.NEGATIVE] > 0.2 + asked[1].probabilities[Sentiment.NEGATIVE]


def test_leaving_customers_are_seen() -> None:
    stays, leaves = analyse("The food was cold.", "I have cancelled my account and moved to another bank.")
    assert (stays.churn, leaves.churn) == (False, True)


@pytest.mark.parametrize("text", ["", "   ", "😀" * 1_000, "1234 !!", "\ud800\udfff", "\n\n"])
def test_a_text_without_words_has_a_reason_and_no_findings(text: str) -> None:
    (analysis,) = analyse(text)
    assert (analysis.findings, analysis.reason, analysis.overall) == ((), "no words", Sentiment.NEUTRAL)


def test_a_text_that_no_customer_wrote_has_a_reason() -> None:
    (analysis,) = analyse("late " * (LONGEST_TEXT // 5 + 1))
    assert (analysis.findings, analysis.reason) == ((), "longer than 200,000 characters")


@pytest.mark.parametrize("place", [0, 150, 450])
def test_a_long_text_is_read_whole(place: int) -> None:
    sentences = ["We went to the office on Monday."] * 450
    sentences.insert(place, "The staff were extremely rude.")
    assert "rude" in found(" ".join(sentences))["staff_attitude", NEGATIVE]


def test_results_do_not_depend_on_their_neighbours_or_the_run() -> None:
    texts = [f"The driver number {n} was late and rude. " * (n % 7 + 1) for n in range(40)]
    together = analyse(*texts)
    assert together == analyse(*texts)
    assert together[::-1] == analyse(*texts[::-1])
    assert together[17:18] == analyse(texts[17])


def test_identical_texts_get_identical_results_by_question() -> None:
    results = load_analyser(MODEL).analyse(["Parking", "Late", "Parking"], [None, None, None])
    assert results[0] == results[2] != results[1]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=100), max_size=4))
def test_any_text_gets_an_analysis_with_spans_inside_it(texts: list[str]) -> None:
    for text, analysis in zip(texts, analyse(*texts), strict=True):
        assert sum(analysis.probabilities.values()) == pytest.approx(1.0, abs=1e-4)
        assert all(0 <= f.start < f.end <= len(text) and 0 <= f.score <= 1 for f in analysis.findings)


@pytest.mark.parametrize(
    "text", ["ok 🙂 مرحبا بالعالم", "服务很差", "x" * 5_000, "a\u0301" * 300, "<script>&nbsp;</script>"]
)
def test_other_scripts_and_noise_are_read_without_a_fault(text: str) -> None:
    (analysis,) = analyse(text)
    assert all(0 <= f.start < f.end <= len(text) for f in analysis.findings)


PLACES = [(0, 4), (5, 9), (10, 14), (15, 18), (18, 20)]
TEXT = "Then they were unable"


@pytest.mark.parametrize(
    ("chances", "span"),
    [
        ([0.1, 0.9, 0.1, 0.1, 0.1], "they"),
        ([0.1, 0.9, 0.5, 0.1, 0.1], "they were"),
        ([0.9, 0.1, 0.8, 0.1, 0.1], "Then"),
        ([0.1, 0.1, 0.1, 0.9, 0.1], "unable"),
        ([0.9, 0.9, 0.9, 0.9, 0.9], "Then they were unable"),
    ],
)
def test_the_span_is_the_stretch_around_the_best_piece_in_whole_words(chances: list[float], span: str) -> None:
    logits = np.log(np.array(chances) / (1 - np.array(chances)))
    start, end = span_of(TEXT, logits.astype(np.float32), PLACES, fraction=0.5)
    assert TEXT[start:end] == span


def part(at: int, count: int, *, label: float) -> tuple[Window, Scores]:
    places = tuple((n, n + 1) for n in range(at, at + count))
    pieces = np.array([[n] for n in range(at, at + count)], dtype=np.float32)
    scores = Scores(np.array([label]), np.array([label] * 4), label, pieces, places)
    return Window((0,) * (count + 3), 2, places, at), scores


LOW = Calibration({"a": 2.0, CHURN: 1.0}, {"a": 0.5, CHURN: 0.5}, 1.0, 0.3)


@pytest.mark.parametrize(
    ("label", "churn", "overall", "sure"),
    [
        (-7.0, -4.0, 8.0, True),
        (7.0, -4.0, 8.0, True),  # as sure that it is there
        (-5.0, -4.0, 8.0, False),  # log-odds -2.5 at temperature 2
        (-7.0, -2.9, 8.0, False),
        (-7.0, -4.0, 3.0, False),  # odds of the sentiment: e^3 / 3
    ],
)
def test_the_middle_is_enough_where_all_is_sure(label: float, churn: float, overall: float, sure: bool) -> None:
    scores = Scores(np.array([label]), np.array([overall, 0.0, 0.0, 0.0]), churn, np.zeros((1, 1)), ((0, 1),), True)
    assert Early(LOW, 3.0).sure(["a"])(scores) is sure


def test_some_comments_are_read_by_the_lower_half_alone_and_long_ones_by_both() -> None:
    plain, long = "Great service, thank you!", "Great service, thank you! " * 100
    config = open_package(FOLDER).config
    early = Early(Calibration(**config["early"]), config["early_margin"])
    encoder = Encoder(halves(), pieces(), sure=early.sure(config["labels"]))
    assert [one.early for one in encoder.scores([plain, long], [None, None])] == [True, False]


def test_a_text_that_begins_a_longer_one_is_read_as_if_it_were_alone() -> None:
    size = LONGEST - 3
    text = "late " * size
    encoder = Encoder(halves(), pieces(), sure=lambda _: True)
    short, long = encoder.scores([text, text + "late late"], [None, None])
    (alone,) = encoder.scores([text + "late late"], [None])
    assert (short.early, long.early) == (True, False)
    assert (long.labels == alone.labels).all() and (long.pieces == alone.pieces).all()


def halves() -> list[object]:
    return [open_session(FOLDER / f"{half}.onnx") for half in HALVES]


def pieces() -> Pieces:
    return Pieces.from_json((FOLDER / "tokenizer.json").read_text("utf-8"))


def test_windows_are_joined_without_gap_or_repetition() -> None:
    parts = [part(0, 200, label=1.0), part(200 - OVERLAP, 200, label=3.0), part(400 - 2 * OVERLAP, 100, label=-1.0)]
    one = joined([window for window, _ in parts], [scores for _, scores in parts])
    assert [start for start, _ in one.places] == list(range(500 - 2 * OVERLAP))
    assert one.pieces[:, 0].tolist() == [float(n) for n in range(500 - 2 * OVERLAP)]
    assert (one.labels.tolist(), one.churn) == ([3.0], 3.0)
    assert one.overall.tolist() == pytest.approx([(200 + 600 - 100) / 500] * 4)


def finding(polarity: Polarity, score: float, start: int, end: int) -> Finding:
    return Finding("wait_time", polarity, score, start, end)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([finding(NEGATIVE, 0.9, 0, 5), finding(POSITIVE, 0.8, 6, 9)], [NEGATIVE, POSITIVE]),
        ([finding(NEGATIVE, 0.7, 0, 5), finding(POSITIVE, 0.8, 4, 9)], [POSITIVE]),
        ([finding(NEGATIVE, 0.7, 0, 5), finding(NEUTRAL, 0.6, 6, 9)], [NEGATIVE]),
        ([finding(NEUTRAL, 0.9, 0, 5), finding(NEGATIVE, 0.6, 6, 9)], [NEUTRAL]),
    ],
)
def test_what_cannot_stand_together_is_dropped(given: list[Finding], kept: list[Polarity]) -> None:
    assert [one.polarity for one in compatible(given)] == kept


def test_a_damaged_or_foreign_model_is_refused(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(FOLDER, tmp_path / "minilm" / "1.0.0"))
    (copy / "upper.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelError, match="damaged or was changed"):
        open_package(copy)
    with pytest.raises(ModelError, match="is not an ONNX model"):
        open_session(copy / "upper.onnx")


def test_the_files_are_small_and_their_digests_stand_in_the_package() -> None:
    files = [f"{half}.onnx" for half in HALVES]
    assert sum((FOLDER / file).stat().st_size for file in files) <= 25_000_000
    for file in files:
        assert open_package(FOLDER).config["files"][file] == file_digest(FOLDER / file)


def test_serving_needs_neither_torch_nor_transformers() -> None:
    code = (
        "import sys; from cxnlp.analysis.packages import load_analyser;"
        f"load_analyser('{MODEL}').analyse(['rude staff']);"
        "assert not {'torch', 'transformers', 'onnx', 'huggingface_hub', 'spacy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
