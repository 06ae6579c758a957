from __future__ import annotations

import pytest

from cxnlp.evaluation.figures import Bin, Counts, calibration_error, evaluate, reliability, sentiments, worst
from cxnlp.evaluation.gold import Example, Label
from cxnlp.records import Analysis, Finding, Polarity, Sentiment

TEXT = "Rude driver, late parcel"


def example(*labels: Label, overall: Sentiment = Sentiment.NEGATIVE, churn: bool = False) -> Example:
    return Example("x", "own", TEXT, overall=overall, churn=churn, findings=labels)


def analysis(*findings: Finding, overall: Sentiment = Sentiment.NEGATIVE, churn: bool = False) -> Analysis:
    return Analysis(overall, {one: float(one is overall) for one in Sentiment}, churn, 0.0, findings, "m/1", "1")


RUDE = Label("staff_attitude", Polarity.NEGATIVE, 0, 11)
LATE = Label("wait_time", Polarity.NEGATIVE, 13, 17)
FOUND_RUDE = Finding("staff_attitude", Polarity.NEGATIVE, 0.9, 5, 11)
FOUND_ELSEWHERE = Finding("wait_time", Polarity.NEGATIVE, 0.9, 0, 4)
FOUND_WRONG = Finding("price_value", Polarity.POSITIVE, 0.9, 0, 4)


def test_right_wrong_and_missed_are_counted_by_label() -> None:
    result = evaluate([example(RUDE, LATE)], [analysis(FOUND_RUDE, FOUND_WRONG)])
    assert result.labels == {
        "staff_attitude:negative": Counts(1, 0, 0),
        "wait_time:negative": Counts(0, 0, 1),
        "price_value:positive": Counts(0, 1, 0),
    }
    assert (result.micro.precision, result.micro.recall, result.micro.f1) == (0.5, 0.5, 0.5)
    assert result.factors == Counts(1, 0, 1)


def test_a_span_is_right_when_it_shares_a_character_with_the_quote() -> None:
    result = evaluate([example(RUDE, LATE)], [analysis(FOUND_RUDE, FOUND_ELSEWHERE)])
    assert result.span_overlap == 0.5


def test_overall_and_churn_are_compared() -> None:
    examples = [example(), example(overall=Sentiment.MIXED, churn=True)]
    analyses = [analysis(), analysis(churn=True)]
    result = evaluate(examples, analyses)
    assert (result.overall_accuracy, result.churn) == (0.5, Counts(1, 0, 0))
    assert sentiments(examples, analyses)["mixed"]["negative"] == 1


def test_macro_f1_leaves_out_labels_with_little_support() -> None:
    many = [example(RUDE)] * 10 + [example(LATE)]
    assert evaluate(many, [analysis(FOUND_RUDE)] * 11).macro_f1 == pytest.approx(20 / 21)


def test_nothing_found_and_nothing_there_is_no_division_by_zero() -> None:
    result = evaluate([], [])
    assert (result.micro.f1, result.macro_f1, result.span_overlap, result.ece) == (0.0, 0.0, None, 0.0)


@pytest.mark.parametrize(
    ("pairs", "error"),
    [([(0.9, True)] * 9 + [(0.9, False)], 0.0), ([(1.0, False)] * 4, 1.0), ([(0.25, False), (0.75, True)], 0.25)],
)
def test_calibration_error_is_the_gap_between_said_and_seen(pairs: list[tuple[float, bool]], error: float) -> None:
    assert calibration_error(pairs) == pytest.approx(error)


def test_any_quote_of_a_label_shows_it() -> None:
    other = Label("staff_attitude", Polarity.NEGATIVE, 20, 24)
    assert evaluate([example(RUDE, other)], [analysis(FOUND_RUDE)]).span_overlap == 1.0


def test_the_calibration_curve_has_the_bins_that_hold_something() -> None:
    assert reliability([(0.95, True), (0.93, False), (0.21, False)]) == [
        Bin(0.21, 0.0, 1),
        Bin(pytest.approx(0.94), 0.5, 2),
    ]


def test_the_worst_come_first_with_what_is_wrong_and_missed() -> None:
    examples = [example(), example(RUDE, LATE), example(RUDE), example(churn=True)]
    analyses = [analysis(FOUND_RUDE), analysis(FOUND_WRONG), analysis(FOUND_RUDE), analysis()]
    found = worst(examples, analyses, most=3)
    assert [round(one.cost, 1) for one in found] == [2.9, 1.0, 0.9]
    assert found[0].wrong == {"price_value:positive"}
    assert found[0].missed == {"staff_attitude:negative", "wait_time:negative"}
    assert found[1].missed == {"churn"}
