from __future__ import annotations

import pytest

from cxnlp.evaluation.figures import evaluate
from cxnlp.evaluation.gold import Example, Label
from cxnlp.evaluation.intervals import Ranges, bootstrap
from cxnlp.records import Analysis, Finding, Polarity, Sentiment

RUDE = Label("staff_attitude", Polarity.NEGATIVE, 0, 4)
FOUND = Finding("staff_attitude", Polarity.NEGATIVE, 0.9, 0, 4)


def example(*labels: Label) -> Example:
    return Example("x", "own", "Rude driver", overall=Sentiment.NEGATIVE, churn=False, findings=labels)


def analysis(*findings: Finding, overall: Sentiment = Sentiment.NEGATIVE) -> Analysis:
    return Analysis(overall, {one: float(one is overall) for one in Sentiment}, False, 0.0, findings, "m/1", "1")


def test_what_is_always_right_has_no_width() -> None:
    intervals = bootstrap([example(RUDE)] * 30, [analysis(FOUND)] * 30)
    assert intervals.micro.f1 == intervals.macro == intervals.factors.f1 == intervals.overall == (1.0, 1.0)
    assert intervals.labels == {"staff_attitude:negative": Ranges((1.0, 1.0), (1.0, 1.0), (1.0, 1.0))}


def test_a_label_that_many_draws_lack_is_not_taken_for_missed() -> None:
    examples = [example(RUDE)] * 2 + [example()] * 398
    intervals = bootstrap(examples, [analysis(FOUND)] * 2 + [analysis()] * 398)
    assert intervals.labels["staff_attitude:negative"].f1 == (1.0, 1.0)


def test_a_figure_that_draws_lack_has_no_interval() -> None:
    examples, analyses = [example()] * 40, [analysis()] * 39 + [analysis(FOUND)]
    ranges = bootstrap(examples, analyses).labels["staff_attitude:negative"]
    assert ranges.recall is None and ranges.precision == (0.0, 0.0)
    assert bootstrap(examples, analyses).as_json()["labels"] == {
        "staff_attitude:negative": {"precision": [0.0, 0.0], "recall": None, "f1": [0.0, 0.0]}
    }


def test_nothing_gives_no_intervals() -> None:
    assert bootstrap([], []).overall is None


def test_intervals_hold_the_figures_and_narrow_with_more_comments() -> None:
    def widths(times: int) -> float:
        examples = [example(RUDE), example(RUDE), example()] * times
        analyses = [analysis(FOUND), analysis(overall=Sentiment.MIXED), analysis(FOUND)] * times
        figures, intervals = evaluate(examples, analyses), bootstrap(examples, analyses)
        assert intervals.micro.f1[0] < figures.micro.f1 < intervals.micro.f1[1]
        assert intervals.overall[0] < figures.overall_accuracy < intervals.overall[1]
        return intervals.micro.f1[1] - intervals.micro.f1[0]

    assert widths(100) < widths(10) / 2


def test_an_interval_of_a_share_is_the_known_one() -> None:
    examples, wrong = [example()] * 100, [analysis(overall=Sentiment.MIXED)] * 20
    low, high = bootstrap(examples, [analysis()] * 80 + wrong).overall
    assert (low, high) == pytest.approx((0.72, 0.88), abs=0.02)  # 0.8 +- 1.96 * sqrt(0.8 * 0.2 / 100)


def test_the_same_seed_gives_the_same_intervals() -> None:
    examples, analyses = (
        [example(RUDE), example(RUDE), example()] * 7,
        [analysis(FOUND), analysis(), analysis(FOUND)] * 7,
    )
    assert bootstrap(examples, analyses) == bootstrap(examples, analyses)
    assert bootstrap(examples, analyses) != bootstrap(examples, analyses, seed=1)
