import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.errors import InputError
from cxnlp.metrics import Estimate, difference, mean, newcombe, wilson

parts = st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_intervals_that_newcombe_published(successes, n, low, high):
    share = wilson(successes, n)
    assert (share.low, share.high) == pytest.approx((low, high), abs=5e-5)
    assert share.value == successes / n


def test_wilson_of_nothing_says_nothing():
    assert wilson(0, 0) == Estimate(0.0, 0.0, 1.0)


@given(parts)
def test_wilson_holds_the_share_and_stays_within_0_and_1(part):
    share = wilson(*part)
    assert 0 <= share.low <= share.value <= share.high <= 1
    assert share.high > share.low


@given(parts)
def test_wilson_of_the_rest_is_the_mirror_image(part):
    successes, n = part
    share, rest = wilson(successes, n), wilson(n - successes, n)
    assert share.low == pytest.approx(1 - rest.high, abs=1e-12)


@given(st.integers(1, 200), st.integers(2, 50))
def test_wilson_narrows_with_more_comments(n, times):
    few, many = wilson(n // 2, n), wilson(n // 2 * times, n * times)
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize(("successes", "n"), [(3, 2), (-1, 5), (1, 0), (0, -1)])
def test_wilson_refuses_more_successes_than_cases(successes, n):
    with pytest.raises(InputError, match="0 <= successes <= n"):
        wilson(successes, n)


@pytest.mark.parametrize(
    ("later", "earlier", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0000),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_newcombe_gives_the_published_intervals_of_method_10(later, earlier, low, high):
    change = newcombe(*later, earlier=earlier[0], earlier_n=earlier[1])
    assert (change.low, change.high) == pytest.approx((low, high), abs=5e-5)
    assert change.value == pytest.approx(later[0] / later[1] - earlier[0] / earlier[1])


@given(parts, parts)
def test_newcombe_turned_round_changes_only_the_sign(later, earlier):
    change = newcombe(*later, earlier=earlier[0], earlier_n=earlier[1])
    back = newcombe(*earlier, earlier=later[0], earlier_n=later[1])
    assert (change.value, change.low, change.high) == pytest.approx((-back.value, -back.high, -back.low))
    assert -1 - 1e-9 <= change.low <= change.value <= change.high <= 1 + 1e-9


@given(parts, parts)
def test_newcombe_is_the_difference_of_two_wilson_intervals(later, earlier):
    change = newcombe(*later, earlier=earlier[0], earlier_n=earlier[1])
    assert change == difference(wilson(*later), wilson(*earlier))


def test_mean_has_student_s_interval():
    # t(4; 0.975) = 2.776445 in printed tables; s = sqrt(2.5), n = 5.
    average = mean({1: 1, 2: 1, 3: 1, 4: 1, 5: 1}, bounds=(0, 10))
    half = 2.776445 * math.sqrt(2.5 / 5)
    assert (average.value, average.low, average.high) == pytest.approx((3, 3 - half, 3 + half), abs=1e-5)


@given(st.dictionaries(st.integers(1, 7), st.integers(1, 60), min_size=1))
def test_mean_stays_within_its_scale_and_never_claims_certainty(counts):
    average = mean(counts, bounds=(1, 7))
    assert 1 <= average.low <= average.value <= average.high <= 7
    assert average.high > average.low


def test_mean_of_equal_answers_is_no_narrower_than_the_scale_allows():
    assert mean({5: 1}, bounds=(1, 5)).low == pytest.approx(1 + 4 * wilson(1, 1).low)
    assert mean({3: 10}, bounds=(1, 5)).low == pytest.approx(1 + 4 * wilson(5, 10).low)


@pytest.mark.parametrize("counts", [{}, {3: 0}, {3: 4, 4: -1}])
def test_mean_needs_an_answer(counts):
    with pytest.raises(InputError):
        mean(counts or {3: 0}, bounds=(1, 5))


@pytest.mark.parametrize("score", [0, 6])
def test_mean_refuses_a_score_off_the_scale(score):
    with pytest.raises(InputError, match=r"within 1\.\.5"):
        mean({3: 4, score: 1}, bounds=(1, 5))
