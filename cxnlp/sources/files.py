"""Files as a source: CSV, Excel, JSON Lines and Parquet, a folder or glob of them that grows.

[[sources]]
name = "survey"
channel = "survey"
path = "exports/*.csv"
[sources.columns]
id = "ResponseId"
text = ["What was good?", "What could we do better?"]
"""

from __future__ import annotations

import codecs
import datetime as dt
import glob
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Page, Reject
from cxnlp.sources.base import SourceOptions
from cxnlp.sources.columns import Columns
from cxnlp.sources.mapping import Mapped, Mapper, Target, check_columns
from cxnlp.sources.progress import Progress
from cxnlp.sources.tables import SUFFIXES, Reading, Table, open_table

TEMPORARY = (".tmp", ".temp", ".part", ".crdownload", ".swp", "~")
CHECKED_ROWS = 100
DESCRIBED_FILES = 3
SHOWN_TEXT = 80


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True)
class File:
    """A file of a source: `key` is its path from the configuration's folder, `label` its name in ids by row."""

    path: Path
    key: str
    label: str


class FileSource(SourceOptions):
    """Rows of CSV, Excel, JSON Lines or Parquet files.

    `path` is a file, a folder (its own files of known formats) or a glob ("exports/**/*.csv"), or a list of them.
    `format`, `export` (whose header it is), `delimiter` and `encoding` are found out unless given; `sheet` is the first
    of a workbook unless named. `columns` says which column is what.
    """

    path: Annotated[tuple[str, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]
    format: Literal["auto", "csv", "excel", "jsonl", "parquet"] = "auto"
    export: Literal["auto", "none", "qualtrics", "surveymonkey"] = "auto"
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    columns: Columns
    clock: Callable[[], dt.datetime] = Field(default=_now, exclude=True)

    @field_validator("path")
    @classmethod
    def _some_path(cls, path: tuple[str, ...]) -> tuple[str, ...]:
        if not path or not all(path):
            raise ValueError("path is empty; name a file, a folder or a glob such as 'exports/*.csv'")
        return path

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, delimiter: str | None) -> str | None:
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
            raise ValueError(f"delimiter is {delimiter!r}; it must be one character, such as ';' or '\\t'")
        return delimiter

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str | None) -> str | None:
        try:
            if encoding is not None:
                "".encode(codecs.lookup(encoding).name)
        except LookupError:
            raise ValueError(f"no encoding called '{encoding}'; use one such as 'utf-8', 'utf-16', 'cp1252'") from None
        return encoding

    def pull(self, cursor: str | None, *, page_size: int) -> Iterator[Page]:
        """Yield the pages of new and changed files, of about `page_size` comments (a row is never split).

        A file that is unchanged is skipped, one that has changed is read again from its start, one that was interrupted
        goes on after its last stored row. Where a file can't be read, the others are still given; then SourceError
        names it, and its cursor stays where it was.
        """
        files = self._files()
        progress = stored = Progress.load(cursor, options=self._version(), present=[file.key for file in files])
        page = _PageUnderWay()
        failures: list[str] = []
        for file in files:
            try:
                fingerprint = progress.fingerprint(file.key, file.path)
                last = progress.rows_done(file.key, fingerprint)
                if last is not None:
                    for number, mapped in self._rows(file, page, after=last):
                        # Only when more is to come, so that the last page also says that its file is done.
                        if page.pulled >= page_size:
                            progress = stored = progress.at(file.key, fingerprint, last)
                            yield page.finish(progress.dump())
                        page.add(mapped)
                        last = number
                progress = progress.finished(file.key, fingerprint, last)
            except SourceError as error:
                failures.append(str(error))
            except OSError as error:
                failures.append(f"{file.path.name} can't be read: {error.strerror or error}.")
        if page.pulled or page.warnings or progress != stored:
            yield page.finish(progress.dump())
        if failures:
            raise SourceError("\n".join(failures))

    def check(self) -> list[str]:
        """Return what is found in each file and what its first 100 rows give. SourceError names what can't be read."""
        files = self._files()
        span = files[0].key if len(files) == 1 else f"{len(files)} files, {files[0].key} to {files[-1].key}"
        lines = [f"reads {span}"]
        failures: list[str] = []
        for place, file in enumerate(files):
            try:
                with open_table(file.path, self._reading) as table:
                    warnings = check_columns(self.columns, table)
                    # The newest is usually the last by name; to describe each of a year's files would tell less.
                    if place >= len(files) - DESCRIBED_FILES:
                        lines += [*self._describe(file, table), *warnings]
            except SourceError as error:
                failures.append(str(error))
        if failures:
            raise SourceError("\n".join(failures))
        return lines

    @property
    def _reading(self) -> Reading:
        return Reading(self.format, self.export, self.delimiter, self.encoding, self.sheet)

    def _version(self) -> str:
        """Hash what decides which records a file gives."""
        options = self.model_dump(mode="json", exclude={"path"}) | {"max_characters": self.max_characters}
        return hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:16]

    def _files(self) -> list[File]:
        """Return the source's files in the order of their keys. SourceError where a path matches none."""
        found: dict[str, File] = {}
        for pattern in self.path:
            for file in self._matches(pattern):
                found.setdefault(file.key, file)
        files = [found[key] for key in sorted(found)]
        labels = Counter(file.label for file in files)
        # The names of files may repeat in several folders, but ids by row must not.
        return [file if labels[file.label] == 1 else replace(file, label=file.key) for file in files]

    def _matches(self, pattern: str) -> list[File]:
        whole = self.root / Path(pattern).expanduser()
        if whole.is_file():
            return [File(whole, self._key(whole), whole.name)]
        if whole.is_dir():
            base, wanted = whole, "no file that can be read (CSV, Excel, JSON Lines, Parquet)"
            paths = [path for path in whole.iterdir() if self._is_readable(path)]
        elif glob.has_magic(pattern):
            base, wanted = _fixed_part(whole), "no file that matches"
            matches = glob.glob(str(Path(pattern).expanduser()), root_dir=self.root, recursive=True)
            paths = [self.root / match for match in matches]
        else:
            raise SourceError(f"Source '{self.name}': there is no file or folder {whole}.")
        kept = [path for path in paths if path.is_file() and not _is_temporary(path.name)]
        if not kept:
            raise SourceError(f"Source '{self.name}': {wanted} in {whole}.")
        return [File(path, self._key(path), path.relative_to(base).as_posix()) for path in kept]

    def _is_readable(self, path: Path) -> bool:
        kind = SUFFIXES.get(path.suffix.lower())
        return kind is not None and self.format in ("auto", kind)

    def _key(self, path: Path) -> str:
        """Return what a cursor calls a file: the same wherever the configuration's folder is moved with its files."""
        whole = Path(os.path.normpath(path))
        return (whole.relative_to(self.root) if whole.is_relative_to(self.root) else whole).as_posix()

    def _mapper(self, file: File, table: Table) -> Mapper:
        target = Target(self.name, self.channel, file.label, self.max_characters, self.clock)
        return Mapper(self.columns, table, target)

    def _rows(self, file: File, page: _PageUnderWay, *, after: int) -> Iterator[tuple[int, Mapped]]:
        """Yield what the rows `after` a number give. The earlier ones are mapped too: ids that repeat must be known."""
        with open_table(file.path, self._reading) as table:
            page.warnings += check_columns(self.columns, table)
            mapper = self._mapper(file, table)
            for row in table.rows:
                mapped = mapper.map(row)
                if row.number > after:
                    yield row.number, mapped
            page.warnings += mapper.warnings()

    def _describe(self, file: File, table: Table) -> list[str]:
        mapper = self._mapper(file, table)
        sample = [mapper.map(row) for row in islice(table.rows, CHECKED_ROWS)]
        records = [record for mapped in sample for record in mapped.records]
        rejects = [reject for mapped in sample for reject in mapped.rejects]
        export = () if table.export == "none" else (f"{table.export} export",)
        form = ", ".join((table.format, *table.details, *export))
        lines = [f"{file.key}: {form}, {len(table.columns)} columns: {', '.join(table.columns)}"]
        first = next((record for record in records if record.text.strip()), None)
        lines.append(f"{file.key}: first comment: {_shown(first)}" if first else f"{file.key}: no comment at its start")
        if rejects:
            counts = ", ".join(f"{reason} {count}" for reason, count in Counter(r.reason for r in rejects).items())
            example = f"{rejects[0].place}: {rejects[0].detail}"
            lines.append(f"{file.key}: of its first {len(sample)} rows are set aside: {counts} ({example})")
        return lines


class _PageUnderWay:
    """Gathers what rows give until it makes a page."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.records: list[Feedback] = []
        self.rejects: list[Reject] = []
        self.warnings: tuple[str, ...] = ()
        self.duplicates = 0

    @property
    def pulled(self) -> int:
        return len(self.records) + len(self.rejects) + self.duplicates

    def add(self, mapped: Mapped) -> None:
        self.records += mapped.records
        self.rejects += mapped.rejects
        self.duplicates += mapped.duplicates

    def finish(self, cursor: str) -> Page:
        """Return the page and begin the next one."""
        page = Page(tuple(self.records), cursor, tuple(self.rejects), self.duplicates, self.warnings)
        self._clear()
        return page


def _shown(record: Feedback) -> str:
    """Describe a record in one line, its text shortened."""
    facts = [f"id {record.source_record_id}"]
    if record.created_at:
        facts.append(f"{record.created_at:%Y-%m-%d %H:%M} UTC")
    if record.score:
        facts.append(f"{record.score.scale} {record.score.value:g}")
    facts += [f"{hint} '{value}'" for hint, value in record.hints.items()]
    if record.question:
        facts.append(f"question '{_short(record.question)}'")
    return f"{', '.join(facts)}: '{_short(record.text)}'"


def _short(text: str) -> str:
    words = " ".join(text[: 10 * SHOWN_TEXT].split())
    return words if len(words) <= SHOWN_TEXT else words[:SHOWN_TEXT] + "…"


def _is_temporary(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower().endswith(TEMPORARY)


def _fixed_part(pattern: Path) -> Path:
    """Return the folder before the first wildcard of a glob."""
    parts = pattern.parts
    first = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:first])
