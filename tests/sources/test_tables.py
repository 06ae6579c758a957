import datetime as dt
import json
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxnlp.errors import SourceError
from cxnlp.sources.tables import Reading, cell_text, find_delimiter, open_table

ROWS = [["id", "comment", "place"], ["1", "Slow; but kind, really", "Leeds"], ["2", "Fine | good", "York"]]


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(write_csv, make_source, pull, delimiter: str) -> None:
    path = write_csv(ROWS, delimiter=delimiter)
    assert find_delimiter(path, "utf-8") == delimiter
    assert [record.text for record in pull(make_source()).records] == [row[1] for row in ROWS[1:]]


def test_one_column_of_free_text_is_not_cut_at_its_semicolons(tmp_path, make_source, pull) -> None:
    (tmp_path / "survey.csv").write_text("comment\nslow; rude; dear\nfine\n")
    assert [r.text for r in pull(make_source(columns={"id": "@row"})).records] == ["slow; rude; dear", "fine"]


def test_the_separator_line_of_excel_is_obeyed(tmp_path, make_source, pull) -> None:
    (tmp_path / "survey.csv").write_bytes(b"\xef\xbb\xbfsep=;\r\nid;comment\r\n1;good, really\r\n2\r\n")
    page = pull(make_source())
    assert [record.text for record in page.records] == ["good, really"]
    assert page.rejects[0].place == "survey.csv, line 4"


def test_a_configured_delimiter_wins(tmp_path, make_source, pull) -> None:
    (tmp_path / "survey.csv").write_text("id:comment\n1:good, bad\n")
    assert pull(make_source(delimiter=":")).records[0].text == "good, bad"


def test_lines_are_counted_as_an_editor_does(write_csv, make_source, pull) -> None:
    write_csv([["id", "comment"], ["1", "two\nlines"], ["", "no id"], ["3", "fine"]])
    page = pull(make_source())
    assert page.records[0].text == "two\nlines"
    assert [reject.place for reject in page.rejects] == ["survey.csv, line 4"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,comment\n1,good\n2\n", "it has 1 cells, the header 2"),
        ('id,comment\n1,good\n2,"cut off he', "never closed; the file may have been cut off"),
        ('id,comment\n1,good\n2,"never closed\n3,fine\n4,fine\n', "swallowed the lines up to 5"),
    ],
)
def test_a_truncated_row_is_set_aside(tmp_path, make_source, pull, content: str, said: str) -> None:
    (tmp_path / "survey.csv").write_text(content)
    page = pull(make_source())
    assert [record.source_record_id for record in page.records] == ["1"]
    assert [(r.reason, r.record_id, r.place) for r in page.rejects] == [("truncated_row", "2", "survey.csv, line 3")]
    assert said in page.rejects[0].detail


def test_a_quoted_last_row_without_a_line_end_is_whole(tmp_path, make_source, pull) -> None:
    (tmp_path / "survey.csv").write_text('id,comment\n1,"good"')
    assert pull(make_source()).records[0].text == "good"


def test_too_many_cells_are_set_aside_but_empty_ones_are_not(tmp_path, make_source, pull) -> None:
    (tmp_path / "survey.csv").write_text("id,comment\n1,good,\n2,rude, slow\n\n,,\n3,fine\n")
    page = pull(make_source())
    assert [record.source_record_id for record in page.records] == ["1", "3"]
    assert [(r.reason, r.excerpt) for r in page.rejects] == [("too_many_cells", "2, rude")]


def test_a_quote_that_swallows_more_than_any_comment_is_set_aside(tmp_path, make_source, pull, monkeypatch) -> None:
    monkeypatch.setattr("cxnlp.sources.tables.FIELD_LIMIT", 1_000)
    filler = "".join(f"{n},words\n" for n in range(10, 500))
    (tmp_path / "survey.csv").write_text(f'id,comment\n1,good\n2,"never closed\n{filler}')
    page = pull(make_source())
    assert page.rejects[0].reason == "truncated_row"
    assert page.rejects[0].place == "survey.csv, line 3"
    assert page.records[-1].source_record_id == "499"


def test_nul_bytes_and_control_characters_reach_the_cleaner(tmp_path, make_source, pull) -> None:
    (tmp_path / "survey.csv").write_bytes(b"id,comment\n1,nul\x00byte\n2,bell\x07 \x1b[31m\n")
    assert [record.text for record in pull(make_source()).records] == ["nul\x00byte", "bell\x07 \x1b[31m"]


def test_a_comment_of_five_megabytes_is_set_aside_and_the_next_is_read(write_csv, make_source, pull) -> None:
    write_csv([["id", "comment"], ["1", "long " * 1_000_000], ["2", "😀" * 100_000], ["3", "fine"]])
    page = pull(make_source())
    assert [record.source_record_id for record in page.records] == ["2", "3"]
    assert [(r.reason, r.record_id, len(r.excerpt)) for r in page.rejects] == [("text_too_long", "1", 200)]


def test_a_workbook_is_read_with_its_types(tmp_path, make_source, pull) -> None:
    workbook(
        tmp_path / "survey.xlsx",
        {
            "Answers": [
                ["id", "comment", "when", "score", None],
                [1001, "Slow", dt.datetime(2024, 3, 1, 14, 30), 9, None],
                [1002, "Kind", dt.datetime(2024, 3, 2), 10.0],
                [None, None, None, None],
                [1003, "Fine"],
            ]
        },
    )
    columns = {"date": {"column": "when", "timezone": "America/New_York"}, "score": {"column": "score", "scale": "nps"}}
    page = pull(make_source("survey.xlsx", columns))
    assert [record.source_record_id for record in page.records] == ["1001", "1002", "1003"]
    assert [record.created_at for record in page.records] == [
        dt.datetime(2024, 3, 1, 19, 30, tzinfo=dt.UTC),
        dt.datetime(2024, 3, 2, tzinfo=dt.UTC),
        None,
    ]
    assert [record.score and record.score.value for record in page.records] == [9, 10, None]


def test_a_sheet_is_chosen_by_name_and_a_missing_one_lists_them(tmp_path, make_source, pull) -> None:
    rows = [["id", "comment"], [1, "good"]]
    workbook(tmp_path / "survey.xlsx", {"Notes": [["nothing"]], "Answers": rows})
    assert pull(make_source("survey.xlsx", sheet="Answers")).records[0].text == "good"
    with pytest.raises(SourceError, match=r"survey\.xlsx has no sheet 'Answer'; it has 'Notes', 'Answers'\."):
        pull(make_source("survey.xlsx", sheet="Answer"))


def test_a_hidden_sheet_is_not_the_first(tmp_path, make_source, pull) -> None:
    path = workbook(tmp_path / "survey.xlsx", {"Lists": [["nothing"]], "Answers": [["id", "comment"], [1, "good"]]})
    book = openpyxl.load_workbook(path)
    book.active = 1
    book["Lists"].sheet_state = "hidden"
    book.save(path)
    assert pull(make_source("survey.xlsx")).records[0].text == "good"


def test_a_workbook_that_states_a_wrong_size_is_read_whole(tmp_path, make_source, pull) -> None:
    path = workbook(tmp_path / "right.xlsx", {"A": [["id", "comment"], [1, "good"], [2, "rude"]]})
    with zipfile.ZipFile(path) as right, zipfile.ZipFile(tmp_path / "survey.xlsx", "w") as wrong:
        for name in right.namelist():
            wrong.writestr(name, right.read(name).replace(b'dimension ref="A1:B3"', b'dimension ref="A1"'))
    assert [record.text for record in pull(make_source("survey.xlsx")).records] == ["good", "rude"]


def test_a_workbook_reject_names_its_row(tmp_path, make_source, pull) -> None:
    workbook(tmp_path / "survey.xlsx", {"A": [["id", "comment"], [1, "good"], [None, "no id"]]})
    assert pull(make_source("survey.xlsx")).rejects[0].place == "survey.xlsx, row 3"


def test_json_lines_are_read_with_a_mark_and_nested_objects(tmp_path, make_source, pull) -> None:
    lines = [
        {
            "id": 7,
            "comment": "good\r\nreally \u2028 yes",
            "author": {"name": {"first": "A"}, "id": 3},
            "tags": ["a", "b"],
        },
        {"id": 8, "comment": None},
    ]
    content = "\r\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    (tmp_path / "app.jsonl").write_bytes(b"\xef\xbb\xbf" + content.encode())
    page = pull(make_source("app.jsonl", {"customer": "author.id", "attributes": ["author.name.first", "tags"]}))
    first, second = page.records
    assert (first.source_record_id, first.text, first.customer_ref) == ("7", "good\r\nreally \u2028 yes", "3")
    assert first.attributes == {"author.name.first": "A", "tags": '["a", "b"]'}
    assert (second.text, second.customer_ref) == ("", None)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"id": 2, "comment": "cut', "bad_json"),
        ("[1, 2]", "not_an_object"),
        ('"text"', "not_an_object"),
        ("[" * 100_000, "bad_json"),
        ('{"id": ' + "9" * 5_000 + "}", "bad_json"),
    ],
)
def test_a_bad_json_line_is_set_aside_alone(tmp_path, make_source, pull, line: str, reason: str) -> None:
    good = '{"id": 1, "comment": "good"}\n'
    (tmp_path / "app.jsonl").write_text(good + line + "\n\n" + good.replace("1", "3"))
    page = pull(make_source("app.jsonl"))
    assert [record.source_record_id for record in page.records] == ["1", "3"]
    assert [(r.reason, r.place) for r in page.rejects] == [(reason, "app.jsonl, line 2")]
    assert len(page.rejects[0].excerpt) <= 200


def test_half_a_surrogate_pair_becomes_a_text_that_can_be_stored(tmp_path, make_source, pull) -> None:
    (tmp_path / "app.jsonl").write_text(r'{"id": 1, "comment": "half \ud83d pair, whole \ud83d\ude00"}' + "\n")
    text = pull(make_source("app.jsonl")).records[0].text
    assert text.encode().decode().endswith("whole 😀")


def test_a_json_array_says_what_would_be_right(tmp_path, make_source, pull) -> None:
    (tmp_path / "app.json").write_text('[{"id": 1}]')
    with pytest.raises(SourceError, match="one JSON array; write one object a line"):
        pull(make_source("app.json"))


def test_parquet_is_read_with_its_types_in_many_batches(tmp_path, make_source, pull) -> None:
    count = 1_700
    times = pa.array([1_709_300_000_123_456_789] * count, pa.timestamp("ns", tz="UTC"))
    floats = pa.array([float("nan"), *[4.0] * (count - 1)])
    table = pa.table({"id": list(range(count)), "comment": ["fine"] * count, "at": times, "stars": floats})
    pq.write_table(table, tmp_path / "app.parquet", row_group_size=400)
    columns = {"date": "at", "score": {"column": "stars", "scale": "stars"}}
    page = pull(make_source("app.parquet", columns))
    assert len(page.records) == count
    assert page.records[0].score is None
    assert page.records[1].score.value == 4
    assert page.records[0].created_at == dt.datetime(2024, 3, 1, 13, 33, 20, 123456, tzinfo=dt.UTC)


@pytest.mark.parametrize("kept", [0.1, 0.6, 0.99])
@pytest.mark.parametrize("name", ["app.parquet", "app.xlsx"])
def test_a_truncated_file_is_named(tmp_path, make_source, pull, name: str, kept: float) -> None:
    path = tmp_path / name
    if name.endswith("xlsx"):
        workbook(path, {"A": [["id", "comment"], *([n, f"text {n}"] for n in range(500))]})
    else:
        pq.write_table(pa.table({"id": list(range(500)), "comment": [f"text {n}" for n in range(500)]}), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(SourceError, match=f"{name} is not a whole"):
        pull(make_source(name))


def test_damage_inside_a_parquet_file_is_named(tmp_path, make_source, pull) -> None:
    path = tmp_path / "app.parquet"
    pq.write_table(
        pa.table({"id": list(range(5_000)), "comment": [f"text {n}" for n in range(5_000)]}), path, row_group_size=1_000
    )
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 3_000] = b"\xff" * 3_000
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"app\.parquet"):
        pull(make_source("app.parquet"))


@pytest.mark.parametrize("name", ["survey.csv", "app.jsonl", "survey.xlsx", "app.parquet"])
def test_an_empty_file_is_named(tmp_path, make_source, pull, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(SourceError, match=f"{name} is empty"):
        pull(make_source(name))


def test_a_workbook_named_csv_is_still_a_workbook(tmp_path, make_source, pull) -> None:
    workbook(tmp_path / "survey.xlsx", {"A": [["id", "comment"], [1, "good"]]}).rename(tmp_path / "survey.csv")
    assert pull(make_source()).records[0].text == "good"


def test_an_open_document_sheet_is_read(tmp_path, make_source, pull) -> None:
    names = " ".join(
        f'xmlns:{key}="urn:oasis:names:tc:opendocument:xmlns:{key}:1.0"' for key in ("office", "table", "text")
    )
    cells = [["id", "comment"], ["1", "good"], ["2", "rude"]]
    body = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>' for cell in row
        )
        + "</table:table-row>"
        for row in cells
    )
    with zipfile.ZipFile(tmp_path / "survey.ods", "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr("META-INF/manifest.xml", '<manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>')
        book.writestr(
            "content.xml",
            f'<office:document-content {names}><office:body><office:spreadsheet><table:table table:name="A">{body}'
            "</table:table></office:spreadsheet></office:body></office:document-content>",
        )
    page = pull(make_source("survey.ods"))
    assert [(record.source_record_id, record.text) for record in page.records] == [("1", "good"), ("2", "rude")]


@pytest.mark.parametrize("content", [b"\xd0\xcf\x11\xe0 not whole", b"PK\x03\x04 not whole"])
def test_an_old_or_locked_workbook_that_is_not_whole_is_named(tmp_path, make_source, pull, content: bytes) -> None:
    (tmp_path / "survey.xls").write_bytes(content)
    with pytest.raises(SourceError, match=r"survey\.xls is not a whole"):
        pull(make_source("survey.xls"))


def test_an_unknown_format_says_how_to_tell_it(tmp_path, make_source, pull) -> None:
    (tmp_path / "survey.dat").write_text("id,comment\n1,good\n")
    with pytest.raises(SourceError, match=r'survey\.dat: its format can\'t be told; set format = "csv"'):
        pull(make_source("survey.dat"))
    assert pull(make_source("survey.dat", format="csv")).records[0].text == "good"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), (float("nan"), ""), (3.0, "3"), (3.5, "3.5"), (True, "true"), (b"caf\xc3\xa9", "café"),
        (dt.date(2024, 3, 1), "2024-03-01"), (dt.datetime(2024, 3, 1, 5), "2024-03-01 05:00:00"),
        ([1, "a"], '[1, "a"]'),
    ],
)  # fmt: skip
def test_a_cell_becomes_the_text_a_person_sees(value: object, text: str) -> None:
    assert cell_text(value) == text


# Surrogates can't be written; a lone line end would be normalised by nobody, but "\0" only in quotes is kept as is.
CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8), encoding=st.sampled_from(["utf-8", "utf-16"]))
def test_whatever_is_written_as_csv_is_read_back(tmp_path_factory, rows: list[tuple[str, str]], encoding: str) -> None:
    import csv

    path = tmp_path_factory.mktemp("csv") / "survey.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["number", "one", "two"])
        writer.writerows([number, *row] for number, row in enumerate(rows))
    with open_table(path, Reading()) as table:
        assert [(row.cells["one"], row.cells["two"]) for row in table.rows] == rows
