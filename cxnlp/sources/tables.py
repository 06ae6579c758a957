"""Files as tables: whatever the format, a header and a stream of rows.

A row that can't be read carries its fault; a file that can't be read is a SourceError that names it. Rows are read as
they are asked for, so that a file of any length passes through little memory (a workbook keeps its distinct texts, as
its format demands).
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from cxnlp.errors import SourceError
from cxnlp.sources.base import Reason
from cxnlp.sources.encodings import HEAD, MARK, UNDECODABLE, find_encoding
from cxnlp.sources.exports import Export, Header, read_header

Format = Literal["csv", "excel", "jsonl", "parquet"]

SUFFIXES: dict[str, Format] = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".txt": "csv",
    ".xlsx": "excel", ".xlsm": "excel", ".xls": "excel", ".xlsb": "excel", ".ods": "excel",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
    ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
MAGIC: dict[bytes, Format] = {b"PK\x03\x04": "excel", OLD_WORKBOOK: "excel", b"PAR1": "parquet"}

FIELD_LIMIT = 16 * 1024 * 1024  # characters of one cell; a quote that is never closed must not swallow a whole file
DELIMITERS = ",;\t|"
JSON_SAMPLE = 1_000  # lines whose keys are the columns of a JSON Lines file
JSON_DEPTH = 5
BATCH = 500


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row or a cell can't be used: an id to count by, and what was wrong."""

    reason: Reason
    detail: str


class Row(NamedTuple):
    """One row: its place among the rows (from 1), the line it starts on, its cells by column; a fault where it has one.

    A named tuple, since millions of them are made.
    """

    number: int
    line: int
    cells: Mapping[str, Any]
    fault: Fault | None = None


class RawRow(NamedTuple):
    """A row before its cells have names."""

    line: int
    cells: list[Any]
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """An open file.

    `details` say how it is read ("utf-8", "delimiter ';'"), `unit` what its rows are called. Where `complete` is False
    (JSON Lines) a row may have columns that `columns` doesn't name, and lack others.
    """

    name: str
    format: Format
    columns: tuple[str, ...]
    rows: Iterator[Row]
    details: tuple[str, ...] = ()
    unit: str = "row"
    export: Export = "none"
    questions: Mapping[str, str] = field(default_factory=dict)
    timezones: Mapping[str, str] = field(default_factory=dict)
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are to be read; what is None or "auto" is found out."""

    format: Format | Literal["auto"] = "auto"
    export: Export | Literal["auto"] = "auto"
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None


@contextmanager
def open_table(path: Path, how: Reading) -> Iterator[Table]:
    """Open a file as a table. SourceError names the file that can't be read, and what would be right."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise SourceError(f"{path.name} can't be read: {error.strerror}.") from error
    if size == 0:
        raise SourceError(f"{path.name} is empty; it needs a header or a first line.")
    kind = find_format(path) if how.format == "auto" else how.format
    openers = {"csv": _csv, "excel": _excel, "jsonl": _jsonl, "parquet": _parquet}
    with openers[kind](path, how) as table:
        yield table


def find_format(path: Path) -> Format:
    """Return the format of a file from its first bytes, else from its name. SourceError if neither tells."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise SourceError(f"{path.name} can't be read: {error.strerror}.") from error
    found = MAGIC.get(head) or SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise SourceError(f'{path.name}: its format can\'t be told; set format = "csv", "excel", "jsonl" or "parquet".')
    return found


def cell_text(value: Any) -> str:
    """Return a cell as text, as a person would see it in the file."""
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.isoformat(sep=" ") if hasattr(value, "hour") and hasattr(value, "year") else str(value)


def _grid(rows: Iterator[RawRow], path: Path, how: Reading, *, pad: bool) -> tuple[Header, Iterator[Row]]:
    """Name the cells of rows by the header that comes first; `pad` where short rows are usual."""
    filled = (row for row in rows if row.fault or any(cell not in (None, "") for cell in row.cells))
    head = list(itertools.islice(filled, 3))
    if not head:
        raise SourceError(f"{path.name} has no header.")
    if head[0].fault:
        raise SourceError(f"{path.name}, line {head[0].line}: the header can't be read: {head[0].fault.detail}.")
    header = read_header([[cell_text(cell) for cell in row.cells] for row in head], how.export, path.name)
    body = itertools.chain(head[header.height :], filled)
    return header, _named(body, header.columns, pad=pad)


def _named(rows: Iterable[RawRow], columns: tuple[str, ...], *, pad: bool) -> Iterator[Row]:
    width = len(columns)
    for number, row in enumerate(rows, 1):
        cells, fault = row.cells, row.fault
        if len(cells) < width:
            if not pad and fault is None:
                fault = Fault(Reason.TRUNCATED_ROW, f"it has {len(cells)} cells, the header {width}")
            cells = cells + [None] * (width - len(cells)) if pad else cells
        elif len(cells) > width and fault is None and any(cell not in (None, "") for cell in cells[width:]):
            fault = Fault(Reason.TOO_MANY_CELLS, f"it has {len(cells)} cells, the header {width}")
        yield Row(number, row.line, dict(zip(columns, cells, strict=False)), fault)


@contextmanager
def _csv(path: Path, how: Reading) -> Iterator[Table]:
    csv.field_size_limit(FIELD_LIMIT)
    encoding, clean = find_encoding(path, forced=how.encoding)
    with path.open(encoding=encoding, errors=MARK, newline="") as stream:
        skipped, delimiter = _separator_line(stream)
        delimiter = how.delimiter or delimiter or find_delimiter(path, encoding)
        rows = _csv_rows(stream, delimiter, start=skipped)
        header, named = _grid(rows if clean else _marked(rows, encoding), path, how, pad=False)
        details = (encoding.removesuffix("-sig"), f"delimiter {delimiter!r}")
        yield Table(
            path.name, "csv", header.columns, named, details, "line", header.export, header.questions, header.timezones
        )


def _separator_line(stream: IO[str]) -> tuple[int, str | None]:
    """Skip the line "sep=;" that Excel writes; return the lines skipped and its delimiter."""
    line = stream.readline(16)
    if line[:4].lower() == "sep=" and len(line.strip("\r\n")) == 5:
        return 1, line[4]
    stream.seek(0)
    return 0, None


class _Lines:
    """The lines of a stream, remembering whether it ended."""

    def __init__(self, stream: IO[str]) -> None:
        self._next = stream.readline
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._next()
        if not line:
            self.ended = True
            raise StopIteration
        return line


def _csv_rows(stream: IO[str], delimiter: str, *, start: int = 0) -> Iterator[RawRow]:
    lines = _Lines(stream)
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        line = start + reader.line_num + 1
        try:
            cells: list[Any] = next(reader)
        except StopIteration:
            return
        except csv.Error:
            detail = f"one of its cells is longer than {FIELD_LIMIT:,} characters, or a quote in it is never closed"
            yield RawRow(line, [], Fault(Reason.TRUNCATED_ROW, detail))
            continue
        # The reader asks for no line beyond a whole row: it met the end inside of one.
        fault = _unclosed(line, start + reader.line_num) if lines.ended else None
        yield RawRow(line, cells, fault)


def _unclosed(first: int, last: int) -> Fault:
    span = f" and has swallowed the lines up to {last}" if last > first else ""
    return Fault(
        Reason.TRUNCATED_ROW, f"a quote that opens in it is never closed{span}; the file may have been cut off"
    )


def _marked(rows: Iterator[RawRow], encoding: str) -> Iterator[RawRow]:
    """Find the rows with bytes that could not be decoded."""
    for row in rows:
        if row.fault is None and any(UNDECODABLE in cell for cell in row.cells):
            yield row._replace(fault=Fault(Reason.UNDECODABLE, f"it has bytes that are not {encoding}"))
        else:
            yield row


def find_delimiter(path: Path, encoding: str) -> str:
    """Return the delimiter that cuts most of the first rows into as many cells as the header, and most cells."""
    with path.open(encoding=encoding, errors=MARK, newline="") as stream:
        sample = stream.read(HEAD)
    best = max(DELIMITERS, key=lambda delimiter: _fit(sample, delimiter))
    return best if _fit(sample, best) > 1 else ","


def _fit(sample: str, delimiter: str) -> float:
    widths = [len(row) for row in _sample_rows(sample, delimiter) if row]
    if len(sample) >= HEAD and len(widths) > 1:
        widths.pop()  # cut off by the sample's end
    if not widths or widths[0] < 2:
        return 0.0
    return widths[0] * (sum(width == widths[0] for width in widths) / len(widths)) ** 2


def _sample_rows(sample: str, delimiter: str) -> list[list[str]]:
    try:
        return list(itertools.islice(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), 200))
    except csv.Error:
        return []


@contextmanager
def _excel(path: Path, how: Reading) -> Iterator[Table]:
    with path.open("rb") as file:
        old = file.read(4) == OLD_WORKBOOK
    old = old or path.suffix.lower() in {".xls", ".xlsb", ".ods"}
    with (_old_workbook if old else _workbook)(path, how.sheet) as (sheet, rows):
        header, named = _grid(rows, path, how, pad=True)
        yield Table(
            path.name, "excel", header.columns, named, (f"sheet {sheet!r}",), "row",
            header.export, header.questions, header.timezones,
        )  # fmt: skip


def _pick(sheet: str | None, sheets: list[str], path: Path) -> str:
    if sheet is None:
        return sheets[0]
    if sheet not in sheets:
        raise SourceError(f"{path.name} has no sheet '{sheet}'; it has {', '.join(repr(name) for name in sheets)}.")
    return sheet


@contextmanager
def _workbook(path: Path, wanted: str | None) -> Iterator[tuple[str, Iterator[RawRow]]]:
    import zipfile
    import zlib

    import openpyxl

    # A damaged workbook shows as any of these, depending on which part of it is damaged.
    damage = (
        zipfile.BadZipFile, zlib.error, LookupError, ValueError, TypeError, AttributeError, EOFError, OSError,
        SyntaxError,
    )  # fmt: skip
    with path.open("rb") as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions that it drops
                book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        except damage as error:
            raise SourceError(f"{path.name} is not a whole Excel workbook: {error}.") from error
        shown = [sheet.title for sheet in sorted(book.worksheets, key=lambda sheet: sheet.sheet_state != "visible")]
        sheet = _pick(wanted, shown, path)
        book[sheet].reset_dimensions()  # other writers state wrong ones
        yield sheet, _sheet_rows(book[sheet], path, damage)


def _sheet_rows(sheet: Any, path: Path, damage: tuple[type[Exception], ...]) -> Iterator[RawRow]:
    rows = enumerate(sheet.iter_rows(values_only=True), 1)
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                batch = [RawRow(number, list(cells)) for number, cells in itertools.islice(rows, BATCH)]
        except damage as error:
            raise SourceError(f"{path.name} is not a whole Excel workbook: {error}.") from error
        if not batch:
            return
        yield from batch


@contextmanager
def _old_workbook(path: Path, wanted: str | None) -> Iterator[tuple[str, Iterator[RawRow]]]:
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        sheet = _pick(wanted, book.sheet_names, path)
        rows = book.get_sheet_by_name(sheet).iter_rows()
    except python_calamine.CalamineError as error:
        raise SourceError(f"{path.name} is not a whole workbook, or is protected by a password: {error}.") from error
    with book:
        yield sheet, (RawRow(number, list(cells)) for number, cells in enumerate(rows, 1))


@contextmanager
def _jsonl(path: Path, how: Reading) -> Iterator[Table]:
    encoding, clean = find_encoding(path, forced=how.encoding)
    with path.open(encoding=encoding, errors=MARK, newline="\n") as stream:
        rows = _json_rows(stream, path, encoding, clean=clean)
        sample = list(itertools.islice(rows, JSON_SAMPLE))
        columns = tuple(dict.fromkeys(key for row in sample for key in row.cells if not row.fault))
        every = itertools.chain(sample, rows)
        details = (encoding.removesuffix("-sig"),)
        yield Table(path.name, "jsonl", columns, every, details, "line", complete=False)


def _json_rows(stream: IO[str], path: Path, encoding: str, *, clean: bool) -> Iterator[Row]:
    number = 0
    for line, text in enumerate(stream, 1):
        if not text.strip():
            continue
        number += 1
        if number == 1 and text.lstrip()[0] == "[":
            raise SourceError(f"{path.name} is one JSON array; write one object a line instead (JSON Lines).")
        if not clean and UNDECODABLE in text:
            fault = Fault(Reason.UNDECODABLE, f"it has bytes that are not {encoding}")
            yield Row(number, line, {"": text}, fault)
            continue
        yield _json_row(number, line, text)


def _json_row(number: int, line: int, text: str) -> Row:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Row(number, line, {"": text}, Fault(Reason.BAD_JSON, f"it is not JSON: {error}"))
    if not isinstance(value, dict):
        return Row(number, line, {"": text}, Fault(Reason.NOT_AN_OBJECT, 'it is JSON, but not an object {"…": …}'))
    return Row(number, line, dict(_flat(value)))


def _flat(value: Mapping[str, Any], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    """Give the keys of objects inside objects as "outer.inner"."""
    for key, item in value.items():
        name = prefix + key
        if isinstance(item, dict) and item and depth < JSON_DEPTH:
            yield from _flat(item, name + ".", depth + 1)
        elif isinstance(item, str):
            # JSON can escape half of a surrogate pair, which no encoding can write.
            yield name, item if item.isascii() else item.encode("utf-8", "replace").decode()
        else:
            yield name, item


@contextmanager
def _parquet(path: Path, how: Reading) -> Iterator[Table]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path.name} is not a whole Parquet file: {error}.") from error
    with file:
        columns = tuple(file.schema_arrow.names)
        yield Table(path.name, "parquet", columns, _parquet_rows(file, path, columns))


def _parquet_rows(file: Any, path: Path, columns: tuple[str, ...]) -> Iterator[Row]:
    import pyarrow as pa

    number = 0
    try:
        for batch in file.iter_batches(batch_size=BATCH):
            lists = [_plain(column).to_pylist() for column in batch.columns]
            for cells in zip(*lists, strict=True):
                number += 1
                yield Row(number, number, dict(zip(columns, cells, strict=True)))
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise SourceError(f"{path.name} is damaged after row {number}: {error}.") from error


def _plain(column: Any) -> Any:
    """Cut nanoseconds, which Python's datetime does not have."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        return column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    return column
