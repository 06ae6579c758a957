"""Labelled texts of the room, read from tests/text/data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"


def lines(name: str) -> list[str]:
    return [line for line in (DATA / name).read_text("utf-8").splitlines() if line and not line.startswith("# ")]


def unmarked(line: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a line without its marks, and the spans that stood between them."""
    text, spans, start = "", [], 0
    for piece in re.split("([«»])", line):
        if piece == "«":
            start = len(text)
        elif piece == "»":
            spans.append((start, len(text)))
        else:
            text += piece
    return text, spans


def placed(redacted: str, text: str, placeholder: str) -> list[tuple[int, int]]:
    """Return the spans of a text that placeholders took the place of."""
    first, *others = redacted.split(placeholder)
    spans, end = [], len(first)
    for number, other in enumerate(others, start=1):
        start = len(text) - len(other) if number == len(others) else text.index(other, end)
        spans.append((end, start))
        end = start + len(other)
    return spans


@pytest.fixture(scope="session")
def marked_names() -> list[tuple[str, list[tuple[int, int]]]]:
    return [unmarked(line) for line in lines("names.txt")]


@pytest.fixture(scope="session")
def marked_languages() -> list[tuple[str, str]]:
    return [(code, text) for code, text in (line.split("\t") for line in lines("languages.tsv"))]


@pytest.fixture(scope="session")
def find_placed():
    return placed
