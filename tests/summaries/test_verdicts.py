import pytest

from cxnlp.metrics import Estimate
from cxnlp.records import Verdict
from cxnlp.summaries.verdicts import judge


def judged(change, *, running=False, first=False, enough=True, more_is_worse=True):
    return judge(lambda: change, running=running, first=first, enough=enough, more_is_worse=more_is_worse)


@pytest.mark.parametrize(
    ("low", "high", "more", "less"),
    [
        (0.01, 0.2, Verdict.WORSE, Verdict.BETTER),
        (-0.2, -0.01, Verdict.BETTER, Verdict.WORSE),
        (-0.01, 0.2, Verdict.NO_CLEAR_CHANGE, Verdict.NO_CLEAR_CHANGE),
        (0.0, 0.2, Verdict.NO_CLEAR_CHANGE, Verdict.NO_CLEAR_CHANGE),
        (-0.2, 0.0, Verdict.NO_CLEAR_CHANGE, Verdict.NO_CLEAR_CHANGE),
    ],
)
def test_a_change_is_named_where_its_whole_interval_lies_on_one_side_of_zero(low, high, more, less):
    change = Estimate((low + high) / 2, low, high)
    assert judged(change).verdict is more
    assert judged(change, more_is_worse=False).verdict is less
    assert (judged(change).value, judged(change).low, judged(change).high) == (change.value, low, high)


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ({"running": True, "first": True, "enough": False}, Verdict.UNFINISHED),
        ({"first": True, "enough": False}, Verdict.FIRST),
        ({"enough": False}, Verdict.TOO_FEW),
    ],
)
def test_where_nothing_can_be_told_no_change_is_given(state, verdict):
    told = judged(Estimate(0.5, 0.4, 0.6), **state)
    assert told.verdict is verdict
    assert (told.value, told.low, told.high) == (None, None, None)
