from dataclasses import replace

import pytest

from cxnlp.metrics import wilson
from cxnlp.records import Period, Summary, Verdict
from cxnlp.reports.figures import Figures
from cxnlp.reports.heatmap import cell, heatmap
from cxnlp.reports.wording import SPACE


def summary(negative, comments, verdict=Verdict.NO_CLEAR_CHANGE):
    share = wilson(negative, comments)
    return Summary("shop", "delivery", Period.RECENT, None, comments, comments, negative, negative, 0, 0, 0.0, None,
                   share.value, share.low, share.high, None, None, None, verdict)  # fmt: skip


@pytest.mark.parametrize(
    ("negative", "level"), [(0, 0), (1, 0), (2, 1), (4, 1), (5, 2), (10, 3), (19, 3), (20, 4), (30, 5), (100, 5)]
)
def test_colour_steps_are_fixed(negative, level):
    shown = cell(summary(negative, 100), min_comments=10)
    assert shown.level == level
    assert shown.text == f"{negative}{SPACE}%"
    assert shown.note == f"{negative} of 100 comments"


@pytest.mark.parametrize(("comments", "few"), [(9, True), (10, False)])
def test_below_the_fewest_comments_no_share_is_shown(comments, few):
    shown = cell(summary(5, comments), min_comments=10)
    assert (shown.level is None) == few
    assert (shown.text == "too few") == few
    assert ("5" in shown.note) != few


def test_a_department_that_was_never_heard_has_too_few():
    assert cell(None, min_comments=10).text == "too few"


@pytest.mark.parametrize("verdict", list(Verdict))
def test_only_clear_changes_are_marked(verdict):
    shown = cell(summary(5, 100, verdict), min_comments=10)
    assert shown.verdict == (verdict if verdict in (Verdict.WORSE, Verdict.BETTER) else None)


def test_the_six_factors_stand_apart_and_columns_keep_their_order(report):
    columns = (report.root, *report.below(report.root))
    drawn = heatmap(Figures.of(report), columns, period=Period.RECENT)
    assert tuple(line.topic.id for line in drawn.factors) == report.taxonomy.factors
    assert len(drawn.factors) + len(drawn.others) == 15
    assert all(len(line.cells) == len(columns) for line in (*drawn.factors, *drawn.others))


def test_all_time_shows_the_totals(report, without):
    totals = tuple(replace(row, negative=0, problem_share=0.0) for row in report.topics if row.period is Period.ALL)
    drawn = heatmap(Figures.of(without(topics=totals)), (report.root,), period=Period.ALL)
    assert {line.cells[0].text for line in (*drawn.factors, *drawn.others)} == {f"0{SPACE}%"}
