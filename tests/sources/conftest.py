import csv
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cxnlp.records import Page
from cxnlp.sources import FileSource

NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def make_source(tmp_path: Path) -> Callable[..., FileSource]:
    """A source of tmp_path / survey.csv with the columns id and comment, unless told otherwise."""

    def make(path: Any = "survey.csv", columns: dict[str, Any] | None = None, **options: Any) -> FileSource:
        mapped = {"id": "id", "text": "comment"} | (columns or {})
        return FileSource.model_validate(
            {
                "name": "survey",
                "channel": "survey",
                "root": tmp_path,
                "path": path,
                "columns": mapped,
                "clock": lambda: NOW,
            }
            | options
        )

    return make


@pytest.fixture
def pull() -> Callable[..., Page]:
    """Everything a source gives, as one page."""

    def merged(source: FileSource, cursor: str | None = None, page_size: int = 1_000) -> Page:
        pages = list(source.pull(cursor, page_size=page_size))
        return Page(
            records=tuple(record for page in pages for record in page.records),
            cursor=pages[-1].cursor if pages else cursor or "",
            rejects=tuple(reject for page in pages for reject in page.rejects),
            duplicates=sum(page.duplicates for page in pages),
            warnings=tuple(warning for page in pages for warning in page.warnings),
        )

    return merged


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as CSV to tmp_path."""

    def write(
        rows: list[list[Any]],
        name: str = "survey.csv",
        encoding: str = "utf-8",
        delimiter: str = ",",
        mark: bytes = b"",
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding=encoding, newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows(rows)
        path.write_bytes(mark + path.read_bytes())
        return path

    return write
