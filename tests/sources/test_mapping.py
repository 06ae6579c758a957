import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.errors import SourceError
from cxnlp.records import Hint, Scale, Score, Timing
from cxnlp.sources.columns import ScoreColumn
from cxnlp.sources.mapping import read_score


def test_every_part_of_a_row_arrives(write_csv, make_source, pull) -> None:
    write_csv(
        [
            ["id", "comment", "asked", "at", "edited", "mark", "lang", "mail", "div", "team", "queue", "kind", "first",
             "done", "again", "extra", "empty"],
            ["7", " Rude! ", "Why\n so?", "31/01/2024 10:00", "2024-02-01", "2", "en-GB", " a@b.example ", "Shops",
             "Till  1", "Billing", "Dress", "31/01/2024 11:00", "", "2", "kept", ""],
        ]
    )  # fmt: skip
    columns = {
        "question": {"column": "asked"},
        "date": {"column": "at", "formats": ["%d/%m/%Y %H:%M"], "timezone": "Europe/Berlin"},
        "updated": {"column": "edited", "formats": "iso"},
        "score": {"column": "mark", "scale": "csat"},
        "language": "lang", "customer": "mail", "department": ["div", "team"], "queue": "queue", "class": "kind",
        "first_reply": "first", "resolved": "done", "reopened": "again", "attributes": "rest",
    }  # fmt: skip
    (record,) = pull(make_source(columns=columns)).records
    assert record.text == " Rude! "
    assert record.question == "Why so?"
    assert record.created_at == dt.datetime(2024, 1, 31, 9, tzinfo=dt.UTC)
    assert record.updated_at == dt.datetime(2024, 2, 1, tzinfo=dt.UTC)
    assert record.score == Score(2, Scale.CSAT)
    assert (record.language, record.customer_ref) == ("en", "a@b.example")
    assert record.hints == {Hint.DEPARTMENT: "Shops > Till 1", Hint.QUEUE: "Billing", Hint.CLASS: "Dress"}
    assert record.timing == Timing(dt.datetime(2024, 1, 31, 10, tzinfo=dt.UTC), None, 2)
    assert record.attributes == {"extra": "kept"}


def test_several_texts_of_a_row_share_its_response(write_csv, make_source, pull) -> None:
    write_csv([["id", "What was good?", "notes", "better"], ["7", "staff", "", "n/a"]])
    columns = {"text": ["What was good?", "notes", {"column": "better", "question": "What could be better?"}]}
    records = pull(make_source(columns=columns)).records
    assert [(r.source_record_id, r.question, r.text) for r in records] == [
        ("7:What was good?", "What was good?", "staff"), ("7:notes", None, ""),
        ("7:better", "What could be better?", "n/a"),
    ]  # fmt: skip
    assert {record.response_id for record in records} == {"7"}


def test_rows_of_one_response_share_it_by_its_column(write_csv, make_source, pull) -> None:
    write_csv([["id", "comment", "respondent"], ["1", "a", "R1"], ["2", "b", "R1"], ["3", "c", ""]])
    records = pull(make_source(columns={"response": "respondent"})).records
    assert [record.response_id for record in records] == ["R1", "R1", "3"]


def test_an_id_can_be_several_columns_or_the_row(write_csv, make_source, pull) -> None:
    write_csv([["store", "no", "comment"], ["A", "1", "x"], ["B", "1", "y"]])
    by_columns = pull(make_source(columns={"id": ["store", "no"]}))
    assert [record.source_record_id for record in by_columns.records] == ["A/1", "B/1"]
    by_row = pull(make_source(columns={"id": "@row"}))
    assert [record.source_record_id for record in by_row.records] == ["survey.csv:1", "survey.csv:2"]


DATE = {"column": "at", "formats": ["iso", "%d/%m/%Y"]}
SCORE = {"column": "score", "scale": "nps"}


@pytest.mark.parametrize(
    ("row", "reason", "said"),
    [
        (["", "2024-01-01", "5"], "missing_id", "'id' is empty"),
        (["  ", "2024-01-01", "5"], "missing_id", "'id' is empty"),
        (["7", "soon", "5"], "unreadable_date", "'at' is 'soon', which fits none of iso, %d/%m/%Y"),
        (["7", "2024-06-03", "5"], "date_in_future", "'at' is 2024-06-03, which is still to come"),
        (["7", "2024-01-01", "11"], "score_out_of_scale", "'score' is 11, but nps goes from 0 to 10"),
        (["7", "2024-01-01", "-1"], "score_out_of_scale", "'score' is -1"),
        (["7", "2024-01-01", "great"], "unreadable_score", "'score' is 'great'"),
        (["7", "2024-01-01", "inf"], "unreadable_score", "'score' is 'inf'"),
    ],
)
def test_a_bad_row_sets_aside_each_of_its_texts(
    write_csv, make_source, pull, row: list[str], reason: str, said: str
) -> None:
    write_csv([["id", "at", "score", "a", "b"], ["1", "", "", "x", "y"], [*row, "x", "y"], ["3", "", "n/a", "x", "y"]])
    page = pull(make_source(columns={"text": ["a", "b"], "date": DATE, "score": SCORE}))
    assert [r.source_record_id for r in page.records] == ["1:a", "1:b", "3:a", "3:b"]
    assert [r.reason for r in page.rejects] == [reason, reason]
    assert [r.record_id for r in page.rejects] == (["7:a", "7:b"] if row[0].strip() else [None, None])
    assert said in page.rejects[0].detail
    assert page.rejects[0].place == "survey.csv, line 3"
    assert page.rejects[0].excerpt.endswith("x, y")


def test_a_day_ahead_is_not_yet_the_future(write_csv, make_source, pull) -> None:
    write_csv([["id", "comment", "at"], ["1", "a", "2024-06-02T12:00:00Z"], ["2", "b", "2024-06-02T12:00:01Z"]])
    page = pull(make_source(columns={"date": DATE}))
    assert [record.source_record_id for record in page.records] == ["1"]
    assert [reject.reason for reject in page.rejects] == ["date_in_future"]


def test_reopened_must_be_a_number_or_yes_or_no(write_csv, make_source, pull) -> None:
    write_csv([["id", "comment", "again"], ["1", "a", "yes"], ["2", "b", "often"], ["3", "c", ""]])
    page = pull(make_source(columns={"reopened": "again"}))
    assert [record.timing.reopened for record in page.records] == [1, None]
    assert [reject.reason for reject in page.rejects] == ["unreadable_number"]


def test_dates_in_three_formats_are_read_and_the_doubtful_ones_reported(write_csv, make_source, pull) -> None:
    values = ["30/09/2021", "8/16/2022", "2022-05-04", "01/02/2022", "03/04/2022"]
    write_csv([["id", "comment", "at"], *([n, "x", value] for n, value in enumerate(values))])
    page = pull(make_source(columns={"date": {"column": "at", "formats": ["%d/%m/%Y", "%m/%d/%Y", "iso"]}}))
    assert [f"{record.created_at:%Y-%m-%d}" for record in page.records] == [
        "2021-09-30", "2022-08-16", "2022-05-04", "2022-02-01", "2022-04-03",
    ]  # fmt: skip
    assert page.warnings == (
        "survey.csv: 2 dates of 'at' fit %d/%m/%Y and %m/%d/%Y as different moments; they were read as %d/%m/%Y. "
        "1 others fit %m/%d/%Y but not %d/%m/%Y, so some of these may be wrong.",
    )


def test_repeats_are_counted_and_contradictions_set_aside(write_csv, make_source, pull) -> None:
    rows = [["1", "slow", "a"], ["1", "slow", "b"], ["1", "rude", "a"], ["2", "slow", "a"]]
    write_csv([["id", "comment", "unmapped"], *rows])
    page = pull(make_source())
    assert [record.source_record_id for record in page.records] == ["1", "2"]
    assert page.duplicates == 1
    assert [(r.reason, r.place) for r in page.rejects] == [("duplicate_id", "survey.csv, line 4")]


def test_a_row_set_aside_leaves_its_id_to_a_corrected_one(write_csv, make_source, pull) -> None:
    write_csv([["id", "comment", "score"], ["1", "slow", "99"], ["1", "slow", "9"]])
    page = pull(make_source(columns={"score": SCORE}))
    assert [(record.source_record_id, record.score.value) for record in page.records] == [("1", 9)]
    assert [reject.reason for reject in page.rejects] == ["score_out_of_scale"]


def test_a_text_over_the_limit_is_set_aside_without_the_others_of_its_row(write_csv, make_source, pull) -> None:
    write_csv([["id", "a", "b"], ["1", "x" * 11, "x" * 10]])
    page = pull(make_source(columns={"text": ["a", "b"]}, max_characters=10))
    assert [record.source_record_id for record in page.records] == ["1:b"]
    assert [(r.reason, r.record_id) for r in page.rejects] == [("text_too_long", "1:a")]


def test_a_missing_column_names_those_there_are(write_csv, make_source, pull) -> None:
    write_csv([["id", "comment", "received_at"], ["1", "a", ""]])
    with pytest.raises(SourceError) as error:
        pull(make_source(columns={"text": "comments"}))
    assert str(error.value) == (
        "survey.csv has no column 'comments'; it has id, comment, received_at. Did you mean 'comment'?"
    )
    with pytest.raises(SourceError, match=r"no column 'verbatim'; it has id, comment, received_at\.$"):
        pull(make_source(columns={"text": "verbatim"}))


def test_json_lines_may_lack_columns_but_not_all_texts(tmp_path, make_source, pull) -> None:
    (tmp_path / "app.jsonl").write_text('{"id": 1, "comment": "a"}\n')
    page = pull(make_source("app.jsonl", {"resolved": "resolved_at"}))
    assert len(page.records) == 1
    assert page.warnings == ("In its first lines, app.jsonl has no column 'resolved_at'; it has id, comment.",)
    with pytest.raises(SourceError, match="no column 'body'"):
        pull(make_source("app.jsonl", {"text": "body"}))


@pytest.mark.parametrize(
    ("value", "options", "score"),
    [
        ("1", {"reverse": True}, 5),
        ("5", {"reverse": True}, 1),
        (" 4 ", {}, 4),
        ("4,5", {}, 4.5),
        (4.0, {}, 4),
        ("6", {"missing": [6, "7"]}, None),
        ("No Answer", {"missing": "no answer"}, None),
        ("very good", {"map": {"Very good": 5}}, 5),
        ("very good", {"map": {"Very good": 5}, "reverse": True}, 5),
        ("", {}, None),
        (None, {}, None),
        ("N/A", {}, None),
    ],
)
def test_a_score_is_read_as_configured(value: object, options: dict[str, object], score: float | None) -> None:
    column = ScoreColumn.model_validate({"column": "score", "scale": "csat"} | options)
    assert read_score(value, column) == (None if score is None else Score(score, Scale.CSAT))


@given(scale=st.sampled_from(list(Scale)), share=st.floats(0, 1))
def test_reversing_keeps_a_score_on_its_scale_and_twice_is_nothing(scale: Scale, share: float) -> None:
    low, high = scale.bounds
    value = round(low + share * (high - low))
    column = ScoreColumn(column="score", scale=scale, reverse=True)
    once = read_score(str(value), column)
    assert low <= once.value <= high
    assert read_score(str(once.value), column).value == value
