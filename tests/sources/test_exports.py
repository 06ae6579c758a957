import datetime as dt

import pytest

from cxnlp.errors import SourceError

IMPORT_IDS = [
    '{"ImportId":"endDate","timeZone":"America/Denver"}', '{"ImportId":"_recordId"}', '{"ImportId":"QID1"}',
    '{"ImportId":"QID2_TEXT"}', '{"ImportId":"QID3_TEXT"}',
]  # fmt: skip
QUALTRICS = [
    ["EndDate", "ResponseId", "Q1", "Q2", "Q3"],
    [
        "End Date",
        "Response ID",
        "How likely are you to\nrecommend us?",
        "What was\n\ngood?",
        "What could we do better?",
    ],
    IMPORT_IDS,
    ["2024-01-31 17:00:00", "R_1", "9", "Kind staff", "Nothing"],
    ["2024-01-31 18:00:00", "R_2", "2", "", "Answer the phone"],
]
SURVEYMONKEY = [
    ["Respondent ID", "Start Date", "Email Address", "How likely are you to recommend us?", "Why?", 
     "Which did you use?", "", "Anything else?"],
    ["", "", "", "", "Open-Ended Response", "Phone", "Other (please specify)", "Open-Ended Response"],
    ["114", "01/31/2024 05:00:00 PM", "a@b.example", "9", "Quick", "Phone", "Fax", "No"],
]  # fmt: skip


def test_qualtrics_gives_its_questions_and_its_time_zone(write_csv, make_source, pull) -> None:
    write_csv(QUALTRICS)
    columns = {"id": "ResponseId", "text": ["Q2", "Q3"], "date": "EndDate", "score": {"column": "Q1", "scale": "nps"}}
    page = pull(make_source(columns=columns))
    assert [(r.source_record_id, r.response_id, r.question, r.text) for r in page.records] == [
        ("R_1:Q2", "R_1", "What was good?", "Kind staff"),
        ("R_1:Q3", "R_1", "What could we do better?", "Nothing"),
        ("R_2:Q2", "R_2", "What was good?", ""),
        ("R_2:Q3", "R_2", "What could we do better?", "Answer the phone"),
    ]
    assert page.records[0].created_at == dt.datetime(2024, 2, 1, 0, 0, tzinfo=dt.UTC)
    assert not page.rejects


def test_qualtrics_is_known_in_utf16_with_tabs(write_csv, make_source, pull) -> None:
    write_csv(QUALTRICS, encoding="utf-16", delimiter="\t")
    page = pull(make_source(columns={"id": "ResponseId", "text": "Q2"}, export="qualtrics"))
    assert [record.source_record_id for record in page.records] == ["R_1", "R_2"]


def test_a_question_of_the_configuration_goes_before_the_exports(write_csv, make_source, pull) -> None:
    write_csv(QUALTRICS)
    columns = {"id": "ResponseId", "text": [{"column": "Q2", "question": "Praise"}, "Q3"]}
    assert [r.question for r in pull(make_source(columns=columns)).records[:2]] == [
        "Praise",
        "What could we do better?",
    ]


def test_surveymonkey_names_columns_by_question_and_choice(write_csv, make_source, pull) -> None:
    write_csv(SURVEYMONKEY)
    columns = {
        "id": "Respondent ID",
        "text": ["Why?", "Anything else?", "Which did you use? - Other (please specify)"],
        "date": {"column": "Start Date", "formats": "%m/%d/%Y %I:%M:%S %p"},
        "score": {"column": "How likely are you to recommend us?", "scale": "nps"},
        "attributes": "Which did you use? - Phone",
    }
    page = pull(make_source(columns=columns))
    assert [(r.question, r.text) for r in page.records] == [
        ("Why?", "Quick"), ("Anything else?", "No"), ("Which did you use?", "Fax"),
    ]  # fmt: skip
    assert page.records[0].attributes == {"Which did you use? - Phone": "Phone"}
    assert page.records[0].score.value == 9


@pytest.mark.parametrize("export", ["qualtrics", "surveymonkey"])
def test_an_export_that_is_not_one_is_refused(write_csv, make_source, pull, export: str) -> None:
    write_csv([["id", "comment"], ["1", "good"]])
    with pytest.raises(SourceError, match=rf"survey\.csv is not a {export} export"):
        pull(make_source(export=export))


def test_export_none_reads_every_row_after_the_first(write_csv, make_source, pull) -> None:
    write_csv(QUALTRICS)
    page = pull(make_source(columns={"id": "ResponseId", "text": "Q2"}, export="none"))
    assert len(page.records) == 4


def test_columns_without_a_name_or_with_the_same_one_can_be_told_apart(write_csv, make_source, pull) -> None:
    write_csv([["", "comment", "comment", ""], ["1", "good", "bad", ""]])
    page = pull(make_source(columns={"id": "column 1", "text": ["comment", "comment (2)"]}))
    assert [record.text for record in page.records] == ["good", "bad"]
