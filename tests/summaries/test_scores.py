import pytest

from cxnlp.errors import InputError
from cxnlp.metrics import difference, nps
from cxnlp.records import Period, Scale, Verdict
from cxnlp.summaries import score_summaries


def recent(frame, **options):
    return list(score_summaries(frame, period=Period.RECENT, **{"min_comments": 10, "days": 28, **options}))


def test_scales_are_never_mixed(scores):
    rows = recent(scores(("shop", "nps", 0, 10, 10), ("shop", "csat", 0, 5, 4), ("shop", "csat", 0, 1, 4)))
    assert [(row.scale, row.responses, row.value) for row in rows] == [(Scale.CSAT, 8, 50), (Scale.NPS, 10, 100)]


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ({10: 60, 3: 20}, {10: 20, 3: 60}, Verdict.WORSE),
        ({10: 20, 3: 60}, {10: 60, 3: 20}, Verdict.BETTER),
        ({10: 30, 3: 30}, {10: 29, 3: 31}, Verdict.NO_CLEAR_CHANGE),
        ({10: 9}, {3: 60}, Verdict.TOO_FEW),
        ({}, {3: 60}, Verdict.FIRST),
    ],
)
def test_a_higher_score_is_better(scores, before, after, verdict):
    rows = [("shop", "nps", 28, score, n) for score, n in before.items()]
    rows += [("shop", "nps", 0, score, n) for score, n in after.items()]
    latest = recent(scores(*rows))[-1]
    assert latest.verdict is verdict
    if verdict in (Verdict.WORSE, Verdict.BETTER):
        change = difference(nps(after), nps(before))
        assert (latest.change, latest.change_low, latest.change_high) == (change.value, change.low, change.high)


def test_weeks_without_answers_have_no_score_and_break_the_comparison(scores):
    frame = scores(("shop", "stars", 15, 5, 20), ("shop", "stars", 1, 4, 20))
    rows = list(score_summaries(frame, period=Period.WEEK, min_comments=10, today=None))
    assert [(row.value, row.verdict) for row in rows] == [(5, Verdict.FIRST), (4, Verdict.UNFINISHED)]
    frame = scores(("shop", "stars", 22, 5, 20), ("shop", "stars", 8, 4, 20), ("shop", "stars", 0, 4, 1))
    rows = list(score_summaries(frame, period=Period.WEEK, min_comments=10))
    assert [row.verdict for row in rows] == [Verdict.FIRST, Verdict.TOO_FEW, Verdict.UNFINISHED]


def test_undated_answers_count_in_totals_only(scores):
    frame = scores(("shop", "csat", None, 5, 3), ("shop", "csat", 0, 1, 1))
    assert [row.value for row in score_summaries(frame, period=Period.ALL, min_comments=1)] == [75]
    assert [row.value for row in score_summaries(frame, period=Period.DAY, min_comments=1)] == [0]


def test_no_answers_have_no_summaries(scores):
    assert [list(score_summaries(scores(), period=period, min_comments=1)) for period in Period] == [[]] * len(Period)


def test_a_score_off_its_scale_is_refused(scores):
    with pytest.raises(InputError, match=r"1\.\.5"):
        recent(scores(("shop", "stars", 0, 6, 3)))
