"""Comments in a list or a column, analyses in a DataFrame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cxnlp.analysis.packages import LIVE, load_analyser
from cxnlp.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def analyse(
    texts: Sequence[str] | pd.Series[Any],
    questions: Sequence[str | None] | pd.Series[Any] | str | None = None,
    *,
    model: str = LIVE,
) -> pd.DataFrame:
    """Return one row for each comment, with the index of the column that it comes from.

    Columns: text; overall (negative, neutral, mixed, positive) and its probability 0..1; churn and its probability;
    findings, a tuple of Finding; reason, why a comment could not be read (missing values too: "no text"). `questions`
    is one question for all or one each. InputError where something is neither a text nor missing, or lengths differ.

    >>> frame = analyse(["The nurse was kind.", None])
    >>> frame["overall"].tolist(), frame["reason"].tolist()
    (['positive', 'neutral'], [None, 'no text'])
    """
    import pandas as pd

    comments = pd.Series(texts, dtype=object) if not isinstance(texts, pd.Series) else texts.astype(object)
    missing = comments.isna()
    _check_texts(comments[~missing])
    asked = _questions(questions, len(comments))
    analyses = load_analyser(model).analyse(comments.where(~missing, "").tolist(), asked)
    reasons = ["no text" if gone else one.reason for gone, one in zip(missing, analyses, strict=True)]
    columns = {
        "text": comments,
        "overall": [str(one.overall) for one in analyses],
        "overall_probability": [one.overall_probability for one in analyses],
        "churn": [one.churn for one in analyses],
        "churn_probability": [one.churn_probability for one in analyses],
        "findings": pd.Series([one.findings for one in analyses], dtype=object, index=comments.index),
        "reason": pd.Series(reasons, dtype=object, index=comments.index),
    }
    return pd.DataFrame(columns, index=comments.index)


def findings(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each finding in a frame of `analyse`; the index is the comment's.

    Columns: topic, polarity, score (calibrated probability), start, end and words = text[start:end].

    >>> findings(analyse(["The nurse was kind."]))[["topic", "polarity"]].values.tolist()
    [['staff_attitude', 'positive']]
    """
    import pandas as pd

    missing = {"text", "findings"} - set(frame.columns)
    if missing:
        raise InputError(f"The frame has no column '{sorted(missing)[0]}'; right is what cxnlp.analyse returns.")
    rows = [
        (comment, one.topic, str(one.polarity), one.score, one.start, one.end, text[one.start : one.end])
        for comment, text, found in zip(frame.index, frame["text"], frame["findings"], strict=True)
        for one in found
    ]
    names = ["comment", "topic", "polarity", "score", "start", "end", "words"]
    long = pd.DataFrame(rows, columns=names)
    index = pd.Index(long["comment"], name=frame.index.name)
    return long.drop(columns="comment").set_index(index)


def _check_texts(comments: pd.Series[Any]) -> None:
    for place, text in comments.items():
        if not isinstance(text, str):
            kind = type(text).__name__
            raise InputError(f"The comment at {place!r} is of type {kind}, not text; convert it or leave it out.")


def _questions(questions: Sequence[str | None] | pd.Series[Any] | str | None, comments: int) -> list[str | None]:
    import pandas as pd

    if questions is None or isinstance(questions, str):
        return [questions] * comments
    asked = [None if pd.isna(one) else str(one) for one in questions]
    if len(asked) != comments:
        raise InputError(f"{comments} comments but {len(asked)} questions; give one for all or one each.")
    return asked
