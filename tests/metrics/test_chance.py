import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.errors import InputError
from cxnlp.metrics import Estimate, benjamini_hochberg, newcombe, p_value

# The fifteen p-values of Benjamini & Hochberg (1995), section 3.2.
PUBLISHED = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
    0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000,
]  # fmt: skip


def test_benjamini_hochberg_rejects_the_four_of_the_published_example():
    assert benjamini_hochberg(PUBLISHED, rate=0.05) == [True] * 4 + [False] * 11


def test_benjamini_hochberg_keeps_the_order_of_what_it_was_given():
    assert benjamini_hochberg([0.9, 0.001, 0.5], rate=0.05) == [False, True, False]


@given(st.lists(st.floats(0, 1), max_size=60))
def test_a_smaller_p_value_stands_whenever_a_larger_one_does(p_values):
    stands = benjamini_hochberg(p_values)
    assert len(stands) == len(p_values)
    highest = max((p for p, stood in zip(p_values, stands, strict=True) if stood), default=-1)
    assert all(stood == (p <= highest) for p, stood in zip(p_values, stands, strict=True))


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_a_p_value_must_be_a_probability(p):
    with pytest.raises(InputError):
        benjamini_hochberg([p])


def test_p_value_of_the_published_example():
    # Altman & Bland (2011): a relative risk of 0.81 (0.70 to 0.94), on the log scale, has p = 0.005.
    assert p_value(Estimate(math.log(0.81), math.log(0.70), math.log(0.94))) == pytest.approx(0.005, abs=0.001)


@given(
    st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
)
def test_p_is_below_5_percent_exactly_where_the_interval_does_not_hold_zero(later, earlier):
    change = newcombe(*later, earlier=earlier[0], earlier_n=earlier[1])
    if abs(change.low) > 1e-9 and abs(change.high) > 1e-9:
        assert (p_value(change) < 0.05) == (change.low > 0 or change.high < 0)


def test_no_change_has_no_evidence():
    assert p_value(Estimate(0.0, -0.1, 0.1)) == 1.0
