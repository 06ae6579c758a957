from dataclasses import replace

import pytest

from cxnlp.metrics import Estimate, newcombe
from cxnlp.records import Period, Verdict
from cxnlp.reports.changes import department_changes, evidence, organisation_changes
from cxnlp.reports.figures import Figures
from cxnlp.reports.wording import SPACE


def test_the_worst_change_is_told_in_words_with_how_sure_it_is(report):
    changes = organisation_changes(Figures.of(report))
    change = next(c for c in changes.worse if c.department.id == "phone" and c.topic == "wait_time")
    now = recent(report, "phone", "wait_time")
    before = before_of(report, "phone", "wait_time")
    expected = newcombe(now.negative, now.comments, earlier=before.negative, earlier_n=before.comments)
    assert change.label == "Long waits"
    assert change.sentence.replace(SPACE, " ") == (
        f"from {100 * before.problem_share:.0f} % to {100 * now.problem_share:.0f} % of comments"
    )
    assert change.counts == f"{before.negative} of {before.comments} comments, now {now.negative} of {now.comments}"
    assert f"up by {100 * expected.low:.0f} to {100 * expected.high:.0f} percentage points" in change.range
    assert change.evidence == "very strong evidence"


def test_the_story_of_the_data_is_found(report):
    changes = organisation_changes(Figures.of(report))
    assert ("phone", "wait_time") in {(c.department.id, c.topic) for c in changes.worse}
    assert [(c.department.id, c.topic) for c in changes.better] == [("field", "wait_time")]


def test_a_department_above_does_not_repeat_what_one_below_tells(report):
    assert recent(report, "service", "wait_time").verdict is Verdict.WORSE
    told = {(c.department.id, c.topic) for c in organisation_changes(Figures.of(report)).worse}
    assert ("phone", "wait_time") in told and ("service", "wait_time") not in told
    of_its_own = department_changes(Figures.of(report), report.department("service"))
    assert ("service", "wait_time") in {(c.department.id, c.topic) for c in of_its_own.worse}


def test_the_six_factors_come_first(report):
    order = [change.topic in report.taxonomy.factors for change in organisation_changes(Figures.of(report)).worse]
    assert order == sorted(order, reverse=True)
    assert True in order and False in order


def test_compared_counts_what_could_be_told(report, without):
    changes = organisation_changes(Figures.of(report))
    rows = [*report.topics, *report.scores]
    assert changes.compared == sum(row.change is not None for row in rows if row.period is Period.RECENT)
    nothing = organisation_changes(Figures.of(without(topics=(), scores=())))
    assert (nothing.worse, nothing.better, nothing.compared) == ((), (), 0)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.0002, 0.03, "up by just above 0 to 3.0"), (0.004, 0.03, "up by 0.4 to 3.0"), (0.02, 0.13, "up by 2 to 13")],
)
def test_small_ranges_are_told_finer(report, without, low, high, said):
    row = replace(recent(report, "phone", "wait_time"), change=0.02, change_low=low, change_high=high)
    changes = organisation_changes(Figures.of(without(topics=(row,), scores=())))
    assert said in changes.worse[0].range


@pytest.mark.parametrize(
    ("low", "words"),
    [(0.07, "very strong evidence"), (0.04, "strong evidence"), (0.005, "fair evidence"), (-0.1, "fair evidence")],
)
def test_evidence_grows_with_the_distance_from_zero(low, words):
    assert evidence(Estimate(0.15, low, 0.3)) == words


def recent(report, department, topic):
    return next(row for row in windows(report, department, topic) if row.start == report.recent_start)


def before_of(report, department, topic):
    return next(row for row in windows(report, department, topic) if row.start != report.recent_start)


def windows(report, department, topic):
    return [r for r in report.topics if (r.department, r.topic, r.period) == (department, topic, Period.RECENT)]
