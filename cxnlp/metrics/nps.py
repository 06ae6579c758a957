"""Net Promoter Score."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cxnlp.metrics.intervals import Estimate, Z, responses

PROMOTER = 9
"""The lowest score of a promoter (9-10)."""

DETRACTOR = 6
"""The highest score of a detractor (0-6)."""


def nps(counts: Mapping[float, int]) -> Estimate:
    """Return the Net Promoter Score, -100..100, of 0-10 scores given as score -> responses, with its 95 % interval.

    NPS = % promoters (9-10) - % detractors (0-6). Its variance is that of a multinomial, (p + d - (p - d)^2) / n, taken
    after adding 3/4 promoter, 3/4 detractor and 3/2 passives: without them the interval of a few equal answers has no
    width. It is widened to hold the score itself and cut at -100 and 100. InputError where nobody answered.
    Source: Reichheld (2003), Harvard Bus. Rev. 81(12):46-54; Rocks (2016), Am. Stat. 70:365-372 (adjusted Wald).

    >>> round(nps({10: 6, 8: 2, 3: 2}).value)
    40
    """
    n = responses(counts)
    promoters = sum(count for score, count in counts.items() if score >= PROMOTER)
    detractors = sum(count for score, count in counts.items() if score <= DETRACTOR)
    value = (promoters - detractors) / n
    p, d = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
    half = Z * math.sqrt((p + d - (p - d) ** 2) / (n + 3))
    low, high = max(-1.0, min(value, p - d - half)), min(1.0, max(value, p - d + half))
    return Estimate(value, low, high).times(100)
