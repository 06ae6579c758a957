"""The Excel workbook: every figure and quote of the pages, to sort and filter."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxnlp.records import Period, Quote, ScoreSummary, Summary
from cxnlp.reports.figures import Figures
from cxnlp.reports.passages import visible, why
from cxnlp.reports.report import Department, Report
from cxnlp.reports.views import source_lines, window
from cxnlp.reports.wording import date, moment, words

CELL = 32_767
"""Excel's limit of a cell, in UTF-16 code units."""

ROWS = 1_048_576
"""Excel's limit of a sheet."""

NEWEST_FIRST = {Period.RECENT: 0, Period.ALL: 1}

# What XML can't hold, beyond what a page hides already.
UNWRITABLE = re.compile("[\x0b\x0c]")

Value = str | float | int | dt.date | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading, width in characters, and number format ("" for text and whole numbers)."""

    heading: str
    width: int
    format: str = ""


TOPIC_COLUMNS = (
    Column("Department", 26), Column("Topic", 24), Column("Period", 14), Column("From", 12, "date"),
    Column("Comments", 10), Column("Of the department", 12), Column("On the topic", 12),
    Column("Problems", 10), Column("Neutral", 9),
    Column("Praise", 9), Column("Share on the topic", 16, "share"), Column("Net sentiment", 13, "decimal"),
    Column("Problem share", 13, "share"), Column("Low (95 %)", 11, "share"), Column("High (95 %)", 11, "share"),
    Column("Change", 10, "points"), Column("Change, low", 12, "points"), Column("Change, high", 12, "points"),
    Column("Verdict", 30),
)  # fmt: skip
SCORE_COLUMNS = (
    Column("Department", 26), Column("Scale", 14), Column("Period", 14), Column("From", 12, "date"),
    Column("Responses", 10), Column("Score", 10, "decimal"), Column("Low (95 %)", 11, "decimal"),
    Column("High (95 %)", 11, "decimal"), Column("Change", 10, "signed"), Column("Change, low", 12, "signed"),
    Column("Change, high", 12, "signed"), Column("Verdict", 30), Column("Unit", 60),
)  # fmt: skip
QUOTE_COLUMNS = (
    Column("Department", 26), Column("For", 26), Column("Topic", 24), Column("Opinion", 12),
    Column("Words that show it", 40), Column("Comment", 80), Column("Question", 40), Column("Channel", 10),
    Column("Source", 16), Column("Date", 12, "date"), Column("Probability", 11, "share"), Column("Why here", 50),
)  # fmt: skip
FORMATS = {
    "date": "d mmm yyyy", "share": "0 %", "points": "+0.0 %;-0.0 %;0.0 %", "decimal": "0.0", "signed": "+0.0;-0.0;0.0",
}  # fmt: skip


def write_workbook(path: Path, report: Report) -> None:
    """Write the sheets Summary, Scores, Heatmap, Verbatims and About to an .xlsx file.

    Text stays text, whatever it begins with: no formula, no link. Over 32,767 characters it is shortened, visibly.
    """
    import xlsxwriter

    figures, names = Figures.of(report), words()["sheets"]
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(str(path), {**options, "strings_to_numbers": False}) as book:
        book.set_properties({"title": text(report.organisation), "created": _created(report)})
        _sheet(book, names["summary"], TOPIC_COLUMNS, _topic_rows(report))
        _sheet(book, names["scores"], SCORE_COLUMNS, _score_rows(report))
        _heatmap(book, names["heatmap"], figures)
        _sheet(book, names["verbatims"], QUOTE_COLUMNS, _quote_rows(report))
        about = (Column("", 26), Column("", 110))
        _sheet(book, names["about"], about, _about_rows(report), heading=False)


def text(value: str) -> str:
    """Return a text as a cell can hold it: no control characters, at most 32,767 UTF-16 units, shortened visibly."""
    value = UNWRITABLE.sub(" ", visible(value))
    units = len(value.encode("utf-16-le")) // 2
    if units > CELL:
        note = f" … [shortened: {len(value):,} characters]"
        value = value.encode("utf-16-le")[: 2 * (CELL - len(note))].decode("utf-16-le", "ignore") + note
    # The writer takes what is wrapped in <r>…</r> for its own markup and would write it unescaped.
    return value + " " if value.startswith("<r>") and value.endswith("</r>") else value


def _created(report: Report) -> dt.datetime:
    return dt.datetime.combine(report.day or dt.date(2000, 1, 1), dt.time())


def _sheet(
    book: Any, name: str, columns: Sequence[Column], rows: Iterable[Sequence[Value]], *, heading: bool = True
) -> None:
    """Write a sheet row by row, with a frozen heading that filters."""
    sheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    formats = [book.add_format({"valign": "top", **_number_format(column)}) for column in columns]
    for place, column in enumerate(columns):
        sheet.set_column(place, place, column.width, formats[place])
    if heading:
        for place, column in enumerate(columns):
            sheet.write_string(0, place, column.heading, bold)
        sheet.freeze_panes(1, 1)
    last = 0
    for last, row in zip(range(int(heading), ROWS), rows, strict=False):
        for place, value in enumerate(row):
            _cell(sheet, last, place, value, formats[place])
    if heading:
        sheet.autofilter(0, 0, max(last, 1), len(columns) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


def _number_format(column: Column) -> dict[str, Any]:
    if not column.format:
        return {"text_wrap": column.width >= 40}
    return {"num_format": FORMATS[column.format], "align": "left" if column.format == "date" else "right"}


def _cell(sheet: Any, row: int, place: int, value: Value, form: Any) -> None:
    match value:
        case None:
            return
        case str():
            sheet.write_string(row, place, text(value), form)
        case dt.date():
            sheet.write_datetime(row, place, dt.datetime.combine(value, dt.time()), form)
        case _:
            sheet.write_number(row, place, value, form)


def _order(row: Summary | ScoreSummary) -> tuple[int, int]:
    """Newest first, so that Excel's limit drops the oldest."""
    return NEWEST_FIRST.get(row.period, 2), -(row.start.toordinal() if row.start else 0)


def _topic_rows(report: Report) -> Iterator[tuple[Value, ...]]:
    verdicts, periods, departments = words()["verdicts"], words()["periods"], _names(report)
    topics = {topic.id: topic.name for topic in report.taxonomy.topics}
    for row in sorted(report.topics, key=_order):
        few = row.comments < report.min_comments
        yield (
            departments[row.department], topics[row.topic], periods[row.period], row.start,
            row.comments, row.heard, row.n, row.negative, row.neutral, row.positive,
            None if few else row.share, row.net_sentiment, None if few else row.problem_share,
            None if few else row.low, None if few else row.high,
            row.change, row.change_low, row.change_high, _verdict(row, verdicts),
        )  # fmt: skip


def _score_rows(report: Report) -> Iterator[tuple[Value, ...]]:
    names, notes, periods = words()["scales"], words()["scale_notes"], words()["periods"]
    verdicts, departments = words()["verdicts"], _names(report)
    for row in sorted(report.scores, key=_order):
        yield (
            departments[row.department], names[row.scale], periods[row.period], row.start,
            row.responses, row.value, row.low, row.high, row.change, row.change_low, row.change_high,
            _verdict(row, verdicts), notes[row.scale],
        )  # fmt: skip


def _names(report: Report) -> dict[str, str]:
    """Return the departments' names by id, the organisation's too."""
    return {department.id: department.name for department in (report.root, *report.departments)}


def _verdict(row: Summary | ScoreSummary, verdicts: dict[str, str]) -> str | None:
    return None if row.period is Period.ALL else verdicts[row.verdict]


def _heatmap(book: Any, name: str, figures: Figures) -> None:
    """Write topics by departments: problem shares of the recent window, or of all time where nothing is dated."""
    report = figures.report
    sheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    share = book.add_format({"num_format": FORMATS["share"], "align": "center"})
    grey = book.add_format({"font_color": "#68727B", "bg_color": "#F5F7F8", "align": "center"})
    columns = (report.root, *report.departments)
    find = figures.topics.recent if report.day else figures.topics.total
    sheet.set_column(0, 0, 42)
    sheet.set_column(1, len(columns), 14)
    sheet.write_string(0, 0, window(report) or words()["periods"]["all"], bold)
    for place, column in enumerate(columns, start=1):
        sheet.write_string(0, place, text(column.name), bold)
    for line, topic in enumerate(report.taxonomy.topics, start=1):
        sheet.write_string(line, 0, text(topic.negative), bold)
        for place, row in enumerate((find(column.id, topic.id) for column in columns), start=1):
            if row is None or row.comments < report.min_comments:
                sheet.write_string(line, place, words()["phrases"]["too_few"], grey)
            else:
                sheet.write_number(line, place, row.problem_share, share)
    colours = {"type": "3_color_scale", "min_color": "#FBFBFA", "mid_color": "#FBDCB0", "max_color": "#C8611C"}
    limits = {
        "min_type": "num",
        "min_value": 0,
        "mid_type": "num",
        "mid_value": 0.1,
        "max_type": "num",
        "max_value": 0.4,
    }
    sheet.conditional_format(1, 1, len(report.taxonomy.topics), len(columns), {**colours, **limits})
    sheet.freeze_panes(1, 1)


def _quote_rows(report: Report) -> Iterator[tuple[Value, ...]]:
    names = _names(report)
    for department in report.departments:
        for quote in report.quotes.get(department.id, ()):
            yield _quote_row(report, names, department, quote)


def _quote_row(report: Report, names: Mapping[str, str], department: Department, quote: Quote) -> tuple[Value, ...]:
    said = words()
    return (
        department.name,
        names[quote.department],
        report.taxonomy[quote.topic].name,
        said["polarities"][quote.polarity],
        quote.text[max(quote.start, 0) : quote.end],
        quote.text,
        quote.question,
        said["channels"][quote.channel],
        quote.source,
        quote.created_at.date() if quote.created_at else None,
        quote.score,
        why(quote),
    )


def _about_rows(report: Report) -> Iterator[tuple[Value, ...]]:
    """Yield what the workbook is, how to read it, what was read, and which versions made it."""
    receipt = report.receipt
    yield "Organisation", report.organisation
    yield "Newest comment", date(report.day)
    yield "Recent window", window(report) or None
    yield "What reads the comments", report.model_note or None
    for term, meaning in words()["definitions"].items():
        yield term, meaning.format(window=report.window_days, min_comments=report.min_comments)
    rows = max(len(report.topics), len(report.scores))
    if rows >= ROWS:
        yield "Shortened", f"A sheet holds {ROWS - 1:,} rows; of {rows:,} the newest are here."
    yield "Run", f"{receipt.run}, {words()['run'][receipt.status]}"
    yield "Started, finished", f"{moment(receipt.started_at)}; {moment(receipt.finished_at)}"
    if report.missing_sources:
        yield "Sources that could not be read", ", ".join(report.missing_sources)
    for line in source_lines(report):
        kinds = zip(words()["statuses"].values(), line.statuses, strict=True)
        counts = ", ".join(f"{name.lower()} {n}" for name, n in kinds)
        yield f"Source {line.source}", f"{counts}; stored {line.total}; set aside in this run: {line.rejected}"
    for name, version in receipt.versions.items():
        yield f"Version of {name}", version
    for note in receipt.notes:
        yield "Note", note
