"""How many of many changes may be chance."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from cxnlp.errors import InputError
from cxnlp.metrics.intervals import Estimate, Z

FALSE_ALARMS = 0.10
"""The share of named changes that may be chance, on average."""


def p_value(change: Estimate) -> float:
    """Return the two-sided p-value of "no change" that belongs to a change and its 95 % interval.

    The distance from the change to the limit on the side of zero is 1.96 standard errors, so p <= 0.05 exactly where
    the interval does not hold zero.
    Source: Altman & Bland (2011), BMJ 343:d2304, with the near half of an interval that may be lopsided.
    """
    reach = change.value - change.low if change.value > 0 else change.high - change.value
    if change.value == 0 or reach < 0:
        return 1.0
    z = Z * abs(change.value) / reach if reach else float("inf")
    return 2 * statistics.NormalDist().cdf(-z)


def benjamini_hochberg(p_values: Sequence[float], *, rate: float = FALSE_ALARMS) -> list[bool]:
    """Return which of many findings stand when on average at most `rate` of those that stand may be chance.

    The largest k with p(k) <= k / m * rate is sought; the k smallest stand. It also holds for findings that rise and
    fall together, as those of a department and of the one above it. InputError where a p-value is not within 0..1.
    Source: Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57:289-300; Benjamini & Yekutieli (2001), Ann. Stat.
    29:1165-1188.
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise InputError("p-values must lie within 0..1.")
    ranked = sorted(p_values)
    limits = [p for rank, p in enumerate(ranked, start=1) if p <= rank / len(ranked) * rate]
    return [bool(limits) and p <= limits[-1] for p in p_values]
