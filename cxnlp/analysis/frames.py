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
    findings, a tuple of Finding (to store them, use `findings`); reason, why a comment could not be read (missing
    values too: "no text"). `questions` is one question for all or one each. InputError where something is neither a
    text nor missing, where lengths or the indexes of two columns differ.

    >>> frame = analyse(["The nurse was kind.", None])
    >>> frame["overall"].tolist(), frame["reason"].tolist()
    (['positive', 'neutral'], [None, 'no text'])
    """
    import pandas as pd

    comments = pd.Series(texts, dtype=object) if not isinstance(texts, pd.Series) else texts.astype(object)
    missing = comments.isna()
    _check_texts(comments[~missing])
    asked = _questions(questions, comments)
    analyses = load_analyser(model).analyse(comments.where(~missing, "").tolist(), asked)
    reasons = ["no text" if gone else one.reason for gone, one in zip(missing, analyses, strict=True)]
    columns: dict[str, tuple[list[Any], type]] = {
        "text": (comments.tolist(), object),
        "overall": ([str(one.overall) for one in analyses], object),
        "overall_probability": ([one.overall_probability for one in analyses], float),
        "churn": ([one.churn for one in analyses], bool),
        "churn_probability": ([one.churn_probability for one in analyses], float),
        "findings": ([one.findings for one in analyses], object),
        "reason": (reasons, object),
    }
    # Typed one by one: a frame without rows has the types of one with some.
    series = {name: pd.Series(values, index=comments.index, dtype=kind) for name, (values, kind) in columns.items()}
    return pd.DataFrame(series, index=comments.index)


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
    pairs = [
        (place, text, one)
        for place, (text, found) in enumerate(zip(frame["text"], frame["findings"], strict=True))
        for one in found
    ]
    columns: dict[str, tuple[list[Any], type]] = {
        "topic": ([one.topic for _, _, one in pairs], object),
        "polarity": ([str(one.polarity) for _, _, one in pairs], object),
        "score": ([one.score for _, _, one in pairs], float),
        "start": ([one.start for _, _, one in pairs], int),
        "end": ([one.end for _, _, one in pairs], int),
        "words": ([text[one.start : one.end] for _, text, one in pairs], object),
    }
    index = frame.index.take([place for place, _, _ in pairs])
    series = {name: pd.Series(values, index=index, dtype=kind) for name, (values, kind) in columns.items()}
    return pd.DataFrame(series, index=index)


def _check_texts(comments: pd.Series[Any]) -> None:
    for place, text in comments.items():
        if not isinstance(text, str):
            kind = type(text).__name__
            raise InputError(f"The comment at {place!r} is of type {kind}, not text; convert it or leave it out.")


def _questions(
    questions: Sequence[str | None] | pd.Series[Any] | str | None, comments: pd.Series[Any]
) -> list[str | None]:
    import pandas as pd

    if questions is None or isinstance(questions, str):
        return [questions] * len(comments)
    if isinstance(questions, pd.Series) and not questions.index.equals(comments.index) and len(questions):
        raise InputError("The questions have another index than the comments; take both from one frame, in one order.")
    asked = list(questions)
    if len(asked) != len(comments):
        raise InputError(f"{len(comments)} comments but {len(asked)} questions; give one for all or one each.")
    return [question if isinstance(question, str) else None for question in asked]
