"""The customer-experience metrics, each with its 95 % interval: NPS, CSAT, means, shares, and their differences."""

from cxnlp.metrics.chance import FALSE_ALARMS, benjamini_hochberg, p_value
from cxnlp.metrics.csat import csat
from cxnlp.metrics.intervals import Estimate, difference, mean, newcombe, wilson
from cxnlp.metrics.nps import nps
from cxnlp.metrics.scores import measure

__all__ = [
    "FALSE_ALARMS",
    "Estimate",
    "benjamini_hochberg",
    "csat",
    "difference",
    "mean",
    "measure",
    "newcombe",
    "nps",
    "p_value",
    "wilson",
]
