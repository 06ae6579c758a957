import pandas as pd
import pyarrow as pa
import pytest

from cxnlp.records import Period, ScoreSummary, Summary
from cxnlp.summaries import score_summaries, to_frame, topic_summaries


@pytest.mark.parametrize("record", [Summary, ScoreSummary])
def test_an_empty_frame_has_the_columns_and_types_of_a_full_one(record, topics, comments, scores):
    if record is Summary:
        rows = topic_summaries(
            topics(("shop", "delivery", 0, 1)), comments(("shop", 0, 3)), period=Period.WEEK, min_comments=1
        )
    else:
        rows = score_summaries(scores(("shop", "nps", 0, 9, 1)), period=Period.ALL, min_comments=1)
    full, empty = to_frame(rows, record=record), to_frame([], record=record)
    assert len(full) == 1
    pd.testing.assert_series_equal(full.dtypes, empty.dtypes)
    assert pa.Table.from_pandas(full).schema == pa.Table.from_pandas(empty).schema


def test_enums_become_words_and_unknown_becomes_missing(topics, comments):
    rows = topic_summaries(topics(), comments(("shop", 0, 3)), period=Period.ALL, min_comments=1, topics=["delivery"])
    row = to_frame(rows).iloc[0]
    assert (row["period"], row["verdict"]) == ("all", "first")
    assert pd.isna(row["start"]) and pd.isna(row["net_sentiment"]) and pd.isna(row["change"])
