from __future__ import annotations

import numpy as np
import pytest

from cxnlp.analysis.rules import CHURN
from cxnlp.analysis.transformer import Calibration, Early, Scores
from cxnlp.evaluation.gold import Example, Label
from cxnlp.records import Polarity, Sentiment
from cxnlp.training.calibrate import MARGINS, best_fraction, best_margin, best_softmax, best_temperature, calibrate
from cxnlp.training.linear import best_threshold

RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.0])
def test_the_temperature_that_made_the_labels_is_found(temperature: float) -> None:
    logits = RANDOM.normal(0, 3, 20_000)
    truth = RANDOM.random(20_000) < 1 / (1 + np.exp(-logits / temperature))
    assert best_temperature(logits, truth) == pytest.approx(temperature, rel=0.08)


def test_few_examples_leave_the_temperature_near_one() -> None:
    assert best_temperature(np.array([5.0, -5.0]), np.array([True, False])) == pytest.approx(1.0, abs=0.1)


def test_the_temperature_of_classes_is_found() -> None:
    logits = RANDOM.normal(0, 3, (20_000, 4))
    noise = RANDOM.gumbel(size=logits.shape)
    assert best_softmax(logits, (logits / 1.5 + noise).argmax(axis=1)) == pytest.approx(1.5, rel=0.08)


def example(overall: Sentiment, *findings: Label) -> Example:
    return Example("x", "own", "very rude man here", overall=overall, churn=False, findings=findings)


def scores(label: float, pieces: list[float]) -> Scores:
    logits = np.array([[piece] for piece in pieces], dtype=np.float32)
    places = ((0, 4), (5, 9), (10, 13), (14, 18))
    return Scores(np.array([label]), np.array([3.0, 0.0, 0.0, 0.0]), -3.0, logits, places)


RUDE = Label("staff_attitude", Polarity.NEGATIVE, 0, 9)
LABELS = ("staff_attitude:negative",)


def test_the_fraction_gives_spans_like_the_quotes() -> None:
    there = [example(Sentiment.NEGATIVE, RUDE)]
    # "very" has 0.4 of the chance of "rude": a fraction above that would lose it; "man" has 0.15.
    read = [scores(2.0, [-0.575, 2.2, -1.84, -5.0])]
    assert best_fraction(there, read, LABELS) in {0.2, 0.3, 0.4}


def test_everything_that_serving_needs_is_calibrated() -> None:
    examples = [example(Sentiment.NEGATIVE, RUDE)] * 20 + [example(Sentiment.NEGATIVE)] * 20
    read = [scores(2.0, [0, 2, 0, 0])] * 20 + [scores(-2.0, [-5, -5, -5, -5])] * 20
    found = calibrate(examples, read, LABELS)
    assert found.temperatures.keys() == found.thresholds.keys() == {"staff_attitude:negative", "churn"}
    assert 0.2 <= found.thresholds["staff_attitude:negative"] <= 0.6


EVEN = Calibration({LABELS[0]: 1.0, CHURN: 1.0}, {LABELS[0]: 0.5, CHURN: 0.5}, 1.0, 0.3)


def certain(label: float) -> Scores:
    return Scores(np.array([label]), np.array([9.0, 0.0, 0.0, 0.0]), -9.0, np.zeros((1, 1)), ((0, 4),), True)


def test_leaving_early_is_allowed_where_it_costs_nothing() -> None:
    examples = [example(Sentiment.NEGATIVE, RUDE)] * 20
    late = [certain(6.5)] * 20
    assert best_margin(examples, late, late, LABELS, calibrations=(EVEN, EVEN)) == MARGINS[0]


def test_the_margin_keeps_what_the_middle_has_wrong_from_leaving() -> None:
    examples = [example(Sentiment.NEGATIVE, RUDE)] * 20
    # Half of the comments are missed in the middle with log-odds of -2.1: the margin must be at least that.
    early = [certain(6.5)] * 10 + [certain(-2.1)] * 10
    assert best_margin(examples, early, [certain(6.5)] * 20, LABELS, calibrations=(EVEN, EVEN)) == 2.25


def test_where_the_middle_is_surely_wrong_nothing_leaves_early() -> None:
    examples = [example(Sentiment.NEGATIVE, RUDE)] * 20
    early, late = [certain(-8.0)] * 20, [certain(6.5)] * 20
    assert best_margin(examples, early, late, LABELS, calibrations=(EVEN, EVEN)) is None
    assert Early(EVEN, None).sure(LABELS)(certain(8.0)) is False


def test_a_label_never_seen_needs_to_be_likely() -> None:
    assert best_threshold(np.zeros(20), np.zeros(20, dtype=bool)) == 0.6
