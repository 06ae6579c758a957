"""Which figure a scale is told by."""

from __future__ import annotations

from collections.abc import Mapping

from cxnlp.metrics.csat import csat
from cxnlp.metrics.intervals import Estimate, mean, responses, wilson
from cxnlp.metrics.nps import nps
from cxnlp.records import Scale


def measure(scale: Scale, counts: Mapping[float, int]) -> Estimate:
    """Return the figure of a scale with its 95 % interval: NPS, CSAT or the good in percent, or the mean on the scale.

    `counts` is score -> responses. InputError where nobody answered or a score is off the scale.
    """
    match scale:
        case Scale.NPS:
            return nps(counts)
        case Scale.CSAT:
            return csat(counts)
        case Scale.GOOD_BAD:
            return wilson(counts.get(scale.bounds[1], 0), responses(counts)).times(100)
        case _:
            return mean(counts, bounds=scale.bounds)
