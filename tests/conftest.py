"""Fixtures that several rooms use: the organisation's key, a small organisation on disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

KEY = "a-key-for-tests-only-0123456789"

CHART = """
[[departments]]
id = "delivery"
name = "Delivery"
head = "Head of Delivery"
aliases = ["driver"]
owns = ["delivery", "wait_time"]

[[departments]]
id = "service"
name = "Customer Service"
owns = ["staff_attitude", "resolution"]
"""

CONFIG = """
[organisation]
name = "Small & Sons"

[publish]
min_comments = 3

[run]
page_size = 40
partition_size = 50

[[sources]]
name = "survey"
channel = "survey"
path = "survey/*.csv"

[sources.columns]
id = "id"
text = "comment"
date = {{ column = "date", formats = "iso", timezone = "UTC" }}
score = {{ column = "nps", scale = "nps" }}
department = "team"
{more}
"""

HEAD = "id,date,nps,team,comment\n"


@pytest.fixture(autouse=True)
def organisation_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the organisation's key, and nothing else of the environment."""
    monkeypatch.setenv("CXNLP_KEY", KEY)


def _rows(first: int, last: int) -> str:
    """Return CSV rows about late parcels and friendly people."""
    said = ["The driver was two hours late", "Friendly staff who solved my problem", "n/a", "The parcel never arrived"]
    return "".join(
        f"{n},2026-10-{n % 28 + 1:02d},{n % 11},{'Delivery' if n % 3 else ''},{said[n % 4]} (number {n})\n"
        if n % 4 != 2
        else f"{n},2026-10-{n % 28 + 1:02d},{n % 11},Delivery,n/a\n"
        for n in range(first, last)
    )


@pytest.fixture
def survey() -> Callable[[int, int], str]:
    """Give a function that makes the CSV text of comments first..last-1, with its header."""
    return lambda first, last: HEAD + _rows(first, last)


@pytest.fixture
def organisation(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes a small organisation with one survey file and returns its cxnlp.toml."""

    def write(*, comments: int = 120, more: str = "", name: str = "organisation") -> Path:
        folder = tmp_path / name
        (folder / "survey").mkdir(parents=True)
        (folder / "departments.toml").write_text(CHART, "utf-8")
        (folder / "cxnlp.toml").write_text(CONFIG.format(more=more), "utf-8")
        (folder / "survey/1.csv").write_text(HEAD + _rows(0, comments), "utf-8")
        return folder / "cxnlp.toml"

    return write


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Give the folder of real public feedback, or skip where it isn't there."""
    folder = Path(os.environ.get("CXNLP_REAL_DATA", Path(__file__).parents[2] / "shared/data"))
    if not folder.is_dir():
        pytest.skip("the real data sets are not on this machine (CXNLP_REAL_DATA)")
    return folder
