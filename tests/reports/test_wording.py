import datetime as dt

import pytest

from cxnlp.records import Channel, Period, Polarity, Rule, Scale, TextStatus, Verdict
from cxnlp.reports.wording import SPACE, date, moment, percent, percents, score, signed, words


def plain(text):
    return text.replace(SPACE, " ")


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0 %"), (0.0001, "under 1 %"), (0.0049, "under 1 %"), (0.006, "1 %"), (0.1949, "19 %"),
        (0.994, "99 %"), (0.9951, "over 99 %"), (1, "100 %"),
    ],
)  # fmt: skip
def test_percent_is_whole_and_never_claims_none_or_all(share, said):
    assert plain(percent(share)) == said


@pytest.mark.parametrize(
    ("before", "now", "said"), [(0.12, 0.19, ("12 %", "19 %")), (0.121, 0.124, ("12.1 %", "12.4 %"))]
)
def test_two_shares_differ_when_said_side_by_side(before, now, said):
    assert tuple(map(plain, percents(before, now))) == said


@pytest.mark.parametrize(
    ("value", "scale", "said"),
    [(34.4, Scale.NPS, "+34"), (-7.6, Scale.NPS, "−8"), (0.3, Scale.NPS, "0"), (81, Scale.CSAT, "81 %"),
     (4.249, Scale.STARS, "4.2"), (3, Scale.LIKERT7, "3.0")],
)  # fmt: skip
def test_scores_are_said_in_the_form_of_their_scale(value, scale, said):
    assert plain(score(value, scale)) == said


def test_dates_do_not_depend_on_the_locale():
    assert plain(date(dt.date(2026, 11, 3))) == "3 Nov 2026"
    assert date(None) == "undated"


def test_times_are_told_in_utc():
    east = dt.timezone(dt.timedelta(hours=9))
    assert plain(moment(dt.datetime(2026, 11, 4, 1, 5, tzinfo=east))) == "3 Nov 2026, 16:05 UTC"


def test_minus_zero_has_no_sign():
    assert signed(-0.2) == "0"


@pytest.mark.parametrize(
    ("table", "names"),
    [("verdicts", Verdict), ("trends", Verdict), ("scales", Scale), ("scale_notes", Scale), ("polarities", Polarity),
     ("channels", Channel), ("rules", Rule), ("statuses", TextStatus), ("periods", Period)],
)  # fmt: skip
def test_every_name_has_a_word(table, names):
    assert list(words()[table]) == [name.value for name in names]


def test_every_run_status_has_a_word_and_evidence_covers_every_p_value():
    assert set(words()["run"]) == {"complete", "incomplete", "failed", "interrupted"}
    limits = [level["below"] for level in words()["evidence"]]
    assert limits == sorted(limits) and limits[-1] > 1
