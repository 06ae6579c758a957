import datetime as dt
import zipfile
from dataclasses import replace

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from cxnlp.records import Period
from cxnlp.reports import write_workbook
from cxnlp.reports.workbook import CELL, text


@pytest.fixture(scope="session")
def book(report, tmp_path_factory):
    return read(tmp_path_factory.mktemp("book") / "report.xlsx", report)


def read(path, report):
    write_workbook(path, report)
    return openpyxl.load_workbook(path)


def rows(sheet):
    head, *body = sheet.iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in body]


def test_the_sheets_are_there_in_order(book):
    assert book.sheetnames == ["Summary", "Scores", "Heatmap", "Verbatims", "About"]


def test_summary_holds_every_department_topic_and_period(book, report):
    found = rows(book["Summary"])
    assert len(found) == len(report.topics)
    assert found[0]["Period"] == "recent window"
    row = next(row for row in report.topics if row.period is Period.RECENT and row.department == "phone"
               and row.topic == "wait_time" and row.start == report.recent_start)  # fmt: skip
    told = next(r for r in found if (r["Department"], r["Topic"]) == ("Phone Line", "Waiting") and r["From"]
                and r["Period"] == "recent window" and r["From"].date() == row.start)  # fmt: skip
    assert (told["Comments"], told["Problems"], told["Verdict"]) == (row.comments, row.negative, "worse")
    assert told["Problem share"] == pytest.approx(row.problem_share)
    assert told["Change"] == pytest.approx(row.change)


def test_shares_of_too_few_comments_are_left_out(book, report):
    few = [row for row in rows(book["Summary"]) if row["Comments"] < report.min_comments]
    assert few and all(row["Problem share"] is None and row["Low (95 %)"] is None for row in few)


def test_scores_keep_their_scales(book, report):
    found = rows(book["Scores"])
    assert len(found) == len(report.scores)
    assert {row["Scale"] for row in found} == {"NPS", "CSAT"}
    assert all("−100 to +100" in row["Unit"] for row in found if row["Scale"] == "NPS")


def test_the_heatmap_greys_out_too_few(book, report):
    sheet = book["Heatmap"]
    assert [cell.value for cell in sheet[1]][1:3] == [report.organisation, "Customer Service"]
    assert sheet.max_row == 16 and sheet.max_column == 2 + len(report.departments)
    values = {sheet.cell(2, column).value for column in range(2, sheet.max_column + 1)}
    assert "too few" in values and any(isinstance(value, float) for value in values)


def test_verbatims_say_why_they_are_there(book):
    row = rows(book["Verbatims"])[0]
    assert row["Words that show it"] in row["Comment"]
    assert row["Why here"] and row["Date"].year == 2026 and row["Channel"] in ("Survey", "Review", "Ticket")


def test_about_tells_the_receipt_the_versions_and_the_definitions(book):
    about = dict(book["About"].iter_rows(values_only=True))
    assert about["Version of model"] == "linear/1"
    assert "3 Nov" in about["Newest comment"].replace("\xa0", " ")
    assert about["NPS"].startswith("Percentage of promoters")
    assert "blank 311" in about["Source relationship"] and "2 bad date" in about["Source relationship"]


SMALL = {"topics": (), "scores": ()}
HOSTILE = [
    "=HYPERLINK(\"http://evil.example\",\"click\")", "=1+1", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "{=1+1}",
    "http://evil.example", "mailto:a@b.example", "internal:Sheet1!A1", "00123", "1e5", "TRUE",
    "<r><t>not markup</t></r>", "<r></r>", "_x0041_ stays", "a\x00b\x1bc\ufffe", "🙈" * 5,
]  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_text(report, without, tmp_path, hostile):
    quote = replace(report.quotes["phone"][0], text=hostile, end=len(hostile), start=0, question=hostile,
                    source=hostile, evidence=hostile)  # fmt: skip
    departments = tuple(replace(department, name=hostile) for department in report.departments)
    receipt = replace(report.receipt, versions={"model": hostile})
    poisoned = without(
        organisation=hostile, departments=departments, quotes={"phone": (quote,)}, receipt=receipt, **SMALL
    )
    sheets = read(tmp_path / "report.xlsx", poisoned)
    cells = [cell for sheet in sheets for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
    assert {cell.data_type for cell in cells} == {"s"}
    assert all(cell.hyperlink is None for cell in cells)
    row = rows(sheets["Verbatims"])[0]
    assert unescape(row["Comment"]) == unescape(row["Question"]) == unescape(row["Department"]) == text(hostile)
    assert unescape(row["Comment"]).strip() == hostile.translate(dict.fromkeys([0, 0x1B, 0xFFFE])).strip()
    with zipfile.ZipFile(tmp_path / "report.xlsx") as parts:
        assert all("<f>" not in parts.read(name).decode() for name in parts.namelist() if name.endswith(".xml"))


@pytest.mark.parametrize("letter", ["x", "🙈"])
def test_a_cell_over_the_limit_is_shortened_and_says_so(report, without, tmp_path, letter):
    quote = replace(report.quotes["phone"][0], text=letter * 100_000, start=0, end=1)
    row = rows(read(tmp_path / "report.xlsx", without(quotes={"phone": (quote,)}, **SMALL))["Verbatims"])[0]
    assert row["Comment"].endswith("… [shortened: 100,000 characters]")
    assert CELL - 2 <= len(row["Comment"].encode("utf-16-le")) // 2 <= CELL


@given(st.text())
def test_text_fits_a_cell_and_xml(value):
    cell = text(value)
    assert len(cell.encode("utf-16-le")) // 2 <= CELL
    assert not any(ord(letter) < 32 and letter not in "\t\n\r" for letter in cell)


@pytest.mark.parametrize("length", [CELL, CELL + 1])
def test_the_limit_is_exact(length):
    assert ("shortened" in text("x" * length)) == (length > CELL)


def test_an_empty_report_has_its_sheets(without, tmp_path):
    empty = without(day=None, topics=(), scores=(), quotes={}, statuses=())
    sheets = read(tmp_path / "report.xlsx", empty)
    assert [sheet.max_row for sheet in sheets][:2] == [1, 1]
    assert sheets["Heatmap"].cell(2, 2).value == "too few"


def test_the_file_is_stamped_with_the_newest_comment_s_date(book, report):
    assert book.properties.created == dt.datetime.combine(report.day, dt.time())
