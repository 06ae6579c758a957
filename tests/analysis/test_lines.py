from __future__ import annotations

import io
import json
from collections.abc import Sequence

import pytest

from cxnlp.analysis.base import unread
from cxnlp.analysis.lines import Line, analyse_lines, read_csv, read_jsonl
from cxnlp.errors import InputError
from cxnlp.records import Analysis, Finding, Polarity, Sentiment


class Loud:
    """Finds the first word in capitals, and calls it a rude one."""

    model = "loud/1"
    taxonomy = "1"

    def analyse(self, texts: Sequence[str], questions: Sequence[str | None] | None = None) -> list[Analysis]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Analysis:
        word = next((word for word in text.split() if word.isupper()), None)
        if word is None:
            return unread("no words", model=self.model, taxonomy=self.taxonomy)
        start = text.index(word)
        found = Finding("staff_attitude", Polarity.NEGATIVE, 0.75, start, start + len(word))
        certain = {one: float(one is Sentiment.NEGATIVE) for one in Sentiment}
        return Analysis(Sentiment.NEGATIVE, certain, True, 0.9, (found,), self.model, self.taxonomy)


def test_the_form_of_a_result_stays() -> None:
    (line,) = analyse_lines([Line(7, "é WHAT")], Loud())
    assert json.loads(line) == {
        "id": 7,
        "overall": "negative",
        "overall_probability": 1.0,
        "churn": True,
        "findings": [{"topic": "staff_attitude", "polarity": "negative", "score": 0.75, "start": 2, "end": 6}],
    }


def test_every_comment_gets_a_result_in_order_over_many_batches() -> None:
    results = analyse_lines([Line(str(n), "x") for n in range(25)], Loud(), batch_size=10)
    assert [json.loads(line)["id"] for line in results] == [str(n) for n in range(25)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{broken", "line 2"),
        ("[1, 2]", "not an object"),
        ('{"text": "a"}', "'id'"),
        ('{"id": true, "text": "a"}', "'id'"),
        ('{"id": 1}', "'text'"),
        ('{"id": 1, "text": null}', "'text'"),
        ('{"id": 1, "text": "a", "question": 3}', "'question'"),
        ("[" * 100_000, "line 2"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_read(line: str, message: str) -> None:
    faults: list[str] = []
    stream = io.StringIO('\ufeff{"id": "a", "text": "one"}\n' + line + '\n\n{"id": "b", "text": "two"}\n')
    assert [one.id for one in read_jsonl(stream, name="in.jsonl", bad=faults.append)] == ["a", "b"]
    assert len(faults) == 1 and "in.jsonl" in faults[0] and message in faults[0]


def test_csv_is_read_by_its_columns() -> None:
    stream = io.StringIO('\ufefftext,id,question,more\n"two\nlines",1,Why?,x\nplain,2,,y\n')
    lines = list(read_csv(stream, name="in.csv", bad=pytest.fail))
    assert lines == [Line("1", "two\nlines", "Why?"), Line("2", "plain", None)]


def test_csv_without_its_columns_is_refused() -> None:
    with pytest.raises(InputError, match="no column 'id'; it has comment, text"):
        list(read_csv(io.StringIO("comment,text\na,b\n"), name="in.csv", bad=pytest.fail))


def test_a_csv_that_breaks_off_says_where() -> None:
    faults: list[str] = []
    stream = io.StringIO('id,text\n1,fine\n2,"never closed')
    assert [line.id for line in read_csv(stream, name="in.csv", bad=faults.append)] == ["1"]
    assert len(faults) == 1 and "after line 2" in faults[0]
