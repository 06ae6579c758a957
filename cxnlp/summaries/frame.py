"""Summaries as a DataFrame."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pandas as pd

from cxnlp.records import ScoreSummary, Summary

WORDS = ("department", "topic", "scale", "period", "verdict")
WHOLE = ("comments", "heard", "n", "negative", "neutral", "positive", "responses")


def to_frame(
    summaries: Iterable[Summary | ScoreSummary], *, record: type[Summary] | type[ScoreSummary] = Summary
) -> pd.DataFrame:
    """Return one row a summary with the record's fields as columns; of none, the columns with the same types.

    `start` is a timestamp (NaT for Period.ALL), counts are integers, what is not known is NaN.
    """
    names = [field.name for field in dataclasses.fields(record)]
    rows = [[getattr(summary, name) for name in names] for summary in summaries]
    frame = pd.DataFrame(rows, columns=names)
    return frame.astype({name: _type(name) for name in names})


def _type(name: str) -> str:
    if name in WORDS:
        return "str"
    if name == "start":
        return "datetime64[ms]"
    return "int64" if name in WHOLE else "float64"
