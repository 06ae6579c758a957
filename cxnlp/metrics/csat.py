"""Customer satisfaction."""

from __future__ import annotations

from collections.abc import Mapping

from cxnlp.metrics.intervals import Estimate, responses, wilson

SATISFIED = 4
"""The lowest score of a satisfied customer (4-5 of 5)."""


def csat(counts: Mapping[float, int]) -> Estimate:
    """Return the percentage of satisfied customers, 0..100, of 1-5 scores given as score -> responses.

    The interval is Wilson's. InputError where nobody answered.
    Source: the "top two boxes" of Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, chapter 2.

    >>> csat({5: 3, 4: 1, 2: 1}).value
    80.0
    """
    n = responses(counts)
    return wilson(sum(count for score, count in counts.items() if score >= SATISFIED), n).times(100)
