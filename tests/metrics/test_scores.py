import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.errors import InputError
from cxnlp.metrics import csat, difference, mean, measure, nps, wilson
from cxnlp.records import Scale

answers = st.dictionaries(st.integers(0, 10), st.integers(1, 80), min_size=1)


@pytest.mark.parametrize(
    ("score", "expected"), [(10, 100), (9, 100), (8, 0), (7, 0), (6, -100), (0, -100), (8.5, 0), (6.5, 0)]
)
def test_nps_counts_9_to_10_as_promoters_and_0_to_6_as_detractors(score, expected):
    assert nps({score: 4}).value == expected


def test_nps_interval_is_the_adjusted_wald_interval():
    # 60 promoters, 25 passives, 15 detractors, by hand: p = 60.75/103, d = 15.75/103.
    estimate = nps({10: 60, 7: 25, 2: 15})
    p, d = 60.75 / 103, 15.75 / 103
    error = math.sqrt((p + d - (p - d) ** 2) / 103)
    assert estimate.value == pytest.approx(45)
    assert estimate.low == pytest.approx(100 * (p - d - 1.959964 * error), abs=1e-4)
    assert estimate.high == pytest.approx(100 * (p - d + 1.959964 * error), abs=1e-4)


@given(answers)
def test_nps_lies_in_its_interval_and_never_claims_certainty(counts):
    estimate = nps(counts)
    assert -100 <= estimate.low <= estimate.value <= estimate.high <= 100
    assert estimate.high > estimate.low


def test_nps_of_many_answers_has_the_variance_of_the_multinomial():
    n = 1_000_000
    estimate = nps({10: n // 2, 7: n // 4, 0: n // 4})
    assert (estimate.high - estimate.low) / 2 == pytest.approx(196 * math.sqrt((0.75 - 0.0625) / n), rel=1e-3)


def test_a_change_of_nps_joins_both_intervals():
    later, earlier = nps({10: 50, 0: 50}), nps({10: 70, 0: 30})
    change = difference(later, earlier)
    assert change.value == pytest.approx(-40)
    assert change.low == pytest.approx(-40 - math.hypot(0 - later.low, earlier.high - 40))


@pytest.mark.parametrize(("score", "satisfied"), [(5, 100), (4, 100), (3.9, 0), (3, 0), (1, 0)])
def test_csat_counts_4_and_5_as_satisfied(score, satisfied):
    assert csat({score: 3}).value == satisfied


def test_csat_has_wilsons_interval_in_percent():
    estimate = csat({5: 50, 4: 31, 3: 100, 1: 82})
    assert estimate.low == pytest.approx(100 * wilson(81, 263).low)


@pytest.mark.parametrize(
    ("scale", "counts", "expected"),
    [
        (Scale.NPS, {10: 1, 0: 1, 7: 2}, 0),
        (Scale.CSAT, {5: 1, 2: 3}, 25),
        (Scale.STARS, {5: 1, 2: 3}, 2.75),
        (Scale.CES, {7: 1, 2: 1}, 4.5),
        (Scale.LIKERT8, {8: 2}, 8),
        (Scale.GOOD_BAD, {1: 3, 0: 1}, 75),
        (Scale.GOOD_BAD, {0: 2}, 0),
    ],
)
def test_each_scale_is_told_by_its_own_figure(scale, counts, expected):
    assert measure(scale, counts).value == pytest.approx(expected)


def test_means_use_the_bounds_of_their_scale():
    counts = {5: 9, 4: 1}
    assert measure(Scale.STARS, counts) == mean(counts, bounds=(1, 5))
    assert measure(Scale.LIKERT8, counts).high > 5


@pytest.mark.parametrize("figure", [nps, csat])
def test_no_answers_have_no_score(figure):
    with pytest.raises(InputError, match="at least one response"):
        figure({})
