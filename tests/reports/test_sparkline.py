import datetime as dt

import pytest

from cxnlp.records import Period, Scale, ScoreSummary, Summary, Verdict
from cxnlp.reports.sparkline import HEIGHT, STEP, bars, dots


def share(value, comments=50, verdict=Verdict.NO_CLEAR_CHANGE):
    return Summary("shop", "delivery", Period.WEEK, dt.date(2026, 11, 2), comments, comments, 0, 0, 0, 0, 0.0, None,
                   value, 0.0, 1.0, None, None, None, verdict)  # fmt: skip


def score(value, start, scale=Scale.NPS, period=Period.WEEK):
    return ScoreSummary("shop", scale, period, start, 50, value, 0, 0, None, None, None, Verdict.FIRST)


def test_bars_share_one_scale_and_keep_order():
    drawn = bars([share(0.0), share(0.1), share(0.2)], top=0.2, min_comments=10)
    assert [bar.height for bar in drawn.bars] == [1, HEIGHT / 2, HEIGHT]
    assert [bar.x for bar in drawn.bars] == [1.5, STEP + 1.5, 2 * STEP + 1.5]
    assert all(bar.y + bar.height == HEIGHT for bar in drawn.bars)
    assert drawn.width == 3 * STEP


def test_a_bar_never_leaves_the_drawing():
    assert bars([share(0.9)], top=0.1, min_comments=10).bars[0].height == HEIGHT


@pytest.mark.parametrize(
    ("row", "kind"),
    [(share(0.5, 9), "few"), (share(0.5, 10), "bar"), (share(0.5, 9, Verdict.UNFINISHED), "running")],
)
def test_bars_tell_what_not_to_trust(row, kind):
    assert bars([row], top=1, min_comments=10).bars[0].kind == kind


def test_a_week_without_comments_has_no_height():
    assert bars([share(0.0, 0)], top=1, min_comments=10).bars[0].height == 0


def test_higher_scores_stand_higher_and_small_moves_stay_small():
    drawn = dots([score(10, dt.date(2026, 10, 5)), score(12, dt.date(2026, 10, 12))], min_comments=10)
    assert 0 < drawn.dots[0].y - drawn.dots[1].y < HEIGHT / 4
    wide = dots([score(-90, dt.date(2026, 10, 5)), score(90, dt.date(2026, 10, 12))], min_comments=10)
    assert all(0 <= dot.y <= HEIGHT for dot in wide.dots)
    assert wide.dots[0].y - wide.dots[1].y > HEIGHT / 2


@pytest.mark.parametrize(
    ("period", "starts", "steps"),
    [
        (Period.WEEK, [(2026, 10, 5), (2026, 10, 26)], 3),
        (Period.MONTH, [(2025, 2, 1), (2026, 2, 1)], 12),
        (Period.DAY, [(2026, 2, 1), (2026, 2, 3)], 2),
    ],
)
def test_periods_without_answers_leave_their_room_empty(period, starts, steps):
    drawn = dots([score(1, dt.date(*start), period=period) for start in starts], min_comments=10)
    assert drawn.dots[1].x - drawn.dots[0].x == steps * STEP


def test_nothing_to_draw():
    assert dots([], min_comments=10).dots == ()
    assert bars([], top=1, min_comments=10).width > 0
