"""The page on writing a source: its code, installed as a package with an entry point, pulls and resumes."""

from __future__ import annotations

import datetime as dt
import importlib
import itertools
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from cxnlp.config import load_config
from cxnlp.errors import SourceError
from cxnlp.records import Hint, Scale, Score
from cxnlp.sources import load_source, page

from .conftest import Shelf
from .serving import Fake, Fault, serve


class GuestbookServer(Fake):
    type = "guestbook"
    entries = [
        {"number": at, "words": f"Nice stay {at}", "written": "2026-02-01T10:00:00Z", "stars": 5, "house": "Harbour"}
        for at in range(1, 8)
    ]

    def authorised(self, request: Request) -> bool:
        return request.headers.get("authorization") == "Bearer gb-secret"

    def answer(self, request: Request, body: bytes) -> Any:
        after = 0 if self.stuck else int(request.query_params["after"])
        return [entry for entry in self.entries if entry["number"] > after][:3]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package made of the page's code."""
    text = page("own")
    (tmp_path / "guestbook.py").write_text(text.split("```python\n")[1].split("```")[0], "utf-8")
    info = tmp_path / "guestbook-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: guestbook\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text("[cxnlp.sources]\nguestbook = guestbook:Guestbook\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("GUESTBOOK_TOKEN", "gb-secret")
    importlib.invalidate_caches()
    yield tmp_path
    sys.modules.pop("guestbook", None)


def source_of(fake: Fake, installed: Path, start: str = "2026-01-01") -> Any:
    """The source that the page configures."""
    table = page("own").split("```toml\n")[1].split("```")[0].replace("https://guests.example.com", fake.url)
    path = installed / "cxnlp.toml"
    path.write_text('organisation = { name = "Acme" }\n' + table.replace("2026-01-01", start), "utf-8")
    config = load_config(path)
    return load_source(config.sources[0], config_path=path, config_text=config.text, index=0, root=installed)


def test_the_page_on_an_own_source_works(installed: Path) -> None:
    with serve(GuestbookServer()) as fake:
        source = source_of(fake, installed)
        fake.faults.append(Fault(500, {"Retry-After": "0"}, after=1))
        shelf = Shelf().take(source.pull(None, page_size=100))
    assert len(shelf.records) == 7 and not fake.faults
    first = shelf.records["1"]
    assert (first.score, first.hints) == (Score(5, Scale.STARS), {Hint.LOCATION: "Harbour"})
    assert first.created_at == dt.datetime(2026, 2, 1, 10, tzinfo=dt.UTC)


def test_it_resumes_after_the_page_that_was_stored(installed: Path) -> None:
    with serve(GuestbookServer()) as fake:
        source = source_of(fake, installed)
        shelf = Shelf().take(itertools.islice(source.pull(None, page_size=100), 1))
        shelf.take(source.pull(shelf.cursor, page_size=100))
    assert len(shelf.records) == shelf.sent == 7
    assert [request.query_params["after"] for request in fake.requests] == ["0", "3", "6", "7"]


def test_it_stops_a_vendor_that_goes_in_circles(installed: Path) -> None:
    with serve(GuestbookServer()) as fake:
        fake.stuck = True
        pages = source_of(fake, installed).pull(None, page_size=100)
        with pytest.raises(SourceError, match="twice"):
            list(itertools.islice(pages, 5))


def test_it_begins_at_the_start(installed: Path) -> None:
    with serve(GuestbookServer()) as fake:
        assert not Shelf().take(source_of(fake, installed, "2026-02-02").pull(None, page_size=100)).records


def test_the_code_of_the_page_is_short() -> None:
    code = page("own").split("```python\n")[1].split("```")[0]
    assert len([line for line in code.splitlines() if line.strip()]) <= 40
