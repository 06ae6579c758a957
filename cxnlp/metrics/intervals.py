"""Shares, means and differences with their 95 % confidence intervals."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from cxnlp.errors import InputError

CONFIDENCE = 0.95
Z = statistics.NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
"""The two-sided 95 % quantile of the normal distribution, 1.96."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % confidence interval: low <= value <= high."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Estimate:
        """Return the estimate in another unit: a share times 100 is a percentage."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)


def wilson(successes: float, n: float) -> Estimate:
    """Return the share successes / n with its Wilson score interval, all 0..1.

    Nothing counted says nothing: n = 0 gives the share 0 in 0..1. InputError where successes are not within 0..n.
    Source: Wilson (1927), J. Am. Stat. Assoc. 22:209-212; Newcombe (1998), Stat. Med. 17:857-872, method 3 (without
    continuity correction).

    >>> share = wilson(81, 263)
    >>> f"{share.low:.4f}..{share.high:.4f}"
    '0.2553..0.3662'
    """
    if not 0 <= successes <= n:
        raise InputError(f"A share needs 0 <= successes <= n, not {successes} of {n}.")
    if n == 0:
        return Estimate(0.0, 0.0, 1.0)
    share, square = successes / n, Z * Z
    centre = share + square / (2 * n)
    half = Z * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    scale = 1 + square / n
    # The exact limits at 0 and n are 0 and 1; floating point misses them by a hair.
    low = 0.0 if successes == 0 else min((centre - half) / scale, share)
    high = 1.0 if successes == n else max((centre + half) / scale, share)
    return Estimate(share, low, high)


def difference(later: Estimate, earlier: Estimate) -> Estimate:
    """Return later - earlier of two independent estimates, in their unit, with its interval.

    The distances to the single intervals' limits are squared and added, so a skew near the ends of a scale is kept.
    Source: Zou & Donner (2008), Stat. Med. 27:1693-1702 (MOVER); with Wilson intervals it is Newcombe's method 10.
    """
    value = later.value - earlier.value
    below = math.hypot(later.value - later.low, earlier.high - earlier.value)
    above = math.hypot(later.high - later.value, earlier.value - earlier.low)
    return Estimate(value, value - below, value + above)


def newcombe(successes: float, n: float, *, earlier: float, earlier_n: float) -> Estimate:
    """Return the difference of two independent shares, successes / n - earlier / earlier_n, within -1..1.

    Source: Newcombe (1998), Stat. Med. 17:873-890, method 10 (hybrid score, without continuity correction).

    >>> change = newcombe(56, 70, earlier=48, earlier_n=80)
    >>> f"{change.low:.4f}..{change.high:.4f}"
    '0.0524..0.3339'
    """
    return difference(wilson(successes, n), wilson(earlier, earlier_n))


def mean(counts: Mapping[float, int], *, bounds: tuple[float, float]) -> Estimate:
    """Return the mean of scores, given as score -> responses, with its t interval, kept within the scale's bounds.

    One response, or all the same, shows nothing of the spread: then the interval is the widest that the scale allows
    (a mean on a scale varies at most as a share does, so Wilson's interval of the rescaled mean). InputError where
    nobody answered or a score is off the scale.
    Source: Student (1908), Biometrika 6:1-25: mean +- t(n - 1) s / sqrt(n); Bhatia & Davis (2000), Am. Math. Mon.
    107:353-357 for the widest spread.
    """
    lowest, highest = bounds
    n = responses(counts)
    if min(counts) < lowest or max(counts) > highest:
        raise InputError(f"Scores must lie within {lowest}..{highest}, not {min(counts)}..{max(counts)}.")
    value = sum(score * count for score, count in counts.items()) / n
    squares = sum(count * (score - value) ** 2 for score, count in counts.items())
    if squares == 0:
        rescaled = wilson(n * (value - lowest) / (highest - lowest), n)
        width = highest - lowest
        return Estimate(value, lowest + rescaled.low * width, lowest + rescaled.high * width)
    half = _t(n - 1) * math.sqrt(squares / (n - 1) / n)
    return Estimate(value, max(lowest, value - half), min(highest, value + half))


def responses(counts: Mapping[float, int]) -> int:
    """Return how many responses a score -> responses table holds. InputError where it holds none or a negative one."""
    if any(count < 0 for count in counts.values()) or sum(counts.values()) == 0:
        raise InputError("A score needs at least one response, and no count below 0.")
    return sum(counts.values())


def _t(degrees: int) -> float:
    """Return the two-sided 95 % quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + CONFIDENCE / 2))
