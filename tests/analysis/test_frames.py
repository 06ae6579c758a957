from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import cxnlp
from cxnlp.errors import InputError


def test_a_column_keeps_its_index() -> None:
    comments = pd.Series(["Rude staff.", None, float("nan"), ""], index=[7, 3, 9, 1])
    frame = cxnlp.analyse(comments)
    assert frame.index.tolist() == [7, 3, 9, 1]
    assert frame["overall"].tolist() == ["negative", "neutral", "neutral", "neutral"]
    assert frame["reason"].tolist() == [None, "no text", "no text", "no words"]
    assert frame["overall_probability"].between(0, 1).all()


def test_findings_have_a_row_each_with_their_words() -> None:
    frame = cxnlp.analyse(pd.Series(["", "Kind nurses, but we waited four hours."], index=["a", "b"], name="x"))
    long = cxnlp.findings(frame)
    assert set(long.index) == {"b"}
    assert set(zip(long["topic"], long["polarity"], strict=True)) == {
        ("staff_attitude", "positive"),
        ("wait_time", "negative"),
    }
    assert "four hours" in long.set_index("topic").loc["wait_time", "words"]


def test_nothing_gives_empty_frames_with_their_columns() -> None:
    frame = cxnlp.analyse([])
    assert len(frame) == 0 and "overall" in frame
    assert cxnlp.findings(frame).columns.tolist() == ["topic", "polarity", "score", "start", "end", "words"]
    some = cxnlp.analyse(["Kind nurses."])
    assert frame.dtypes.tolist() == some.dtypes.tolist()
    assert cxnlp.findings(frame).dtypes.tolist() == cxnlp.findings(some).dtypes.tolist()


def test_an_index_of_two_levels_is_kept() -> None:
    index = pd.MultiIndex.from_tuples([("a", 1), ("a", 2)], names=["ward", "number"])
    long = cxnlp.findings(cxnlp.analyse(pd.Series(["", "Kind nurses."], index=index)))
    assert long.index.names == ["ward", "number"] and long.index.tolist() == [("a", 2)]


def test_findings_can_be_stored(tmp_path: Path) -> None:
    long = cxnlp.findings(cxnlp.analyse(["Kind nurses.", "We waited four hours."]))
    long.to_parquet(tmp_path / "findings.parquet")
    assert pd.read_parquet(tmp_path / "findings.parquet")["words"].tolist() == long["words"].tolist()


def test_one_question_for_all_or_one_each() -> None:
    one = cxnlp.analyse(["Waiting times"] * 2, "What could we do better?")
    each = cxnlp.analyse(["Waiting times"] * 2, pd.Series(["What could we do better?", None]))
    assert one["overall_probability"].nunique() == 1
    assert each["overall_probability"].nunique() == 2


@pytest.mark.parametrize(
    ("texts", "questions", "message"),
    [
        (["fine", 7], None, "at 1 is of type int"),
        (["fine", "good"], ["one?"], "2 comments but 1 questions"),
        (pd.Series(["fine", "good"]), pd.Series(["one?", "two?"], index=[1, 0]), "another index"),
    ],
)
def test_bad_input_is_named(texts: list[object], questions: list[str] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cxnlp.analyse(texts, questions)  # type: ignore[arg-type]


def test_another_frame_is_refused() -> None:
    with pytest.raises(InputError, match="no column 'findings'"):
        cxnlp.findings(pd.DataFrame({"text": ["x"]}))
