"""What the counted findings say of a department over time: shares, intervals, changes, verdicts.

Three kinds of period answer three questions. Calendar periods (day, week, month) show a course. Period.RECENT compares
the last days with as many before, both ending at the newest comment, so that like is compared with like: it is what
pages call better or worse. Period.ALL is everything, the only one that counts comments without a date.
"""

from cxnlp.summaries.frame import to_frame
from cxnlp.summaries.periods import newest_day, window_days
from cxnlp.summaries.scores import score_summaries
from cxnlp.summaries.topics import topic_summaries

__all__ = ["newest_day", "score_summaries", "to_frame", "topic_summaries", "window_days"]
