from __future__ import annotations

import itertools
import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxnlp.analysis.packages import models_folder
from cxnlp.analysis.windows import LONGEST, OVERLAP, Pieces, Window, cuts

FOLDER = sorted(path.parent for path in models_folder().glob("minilm/*/tokenizer.json"))[-1]


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    return Pieces.from_json((FOLDER / "tokenizer.json").read_text("utf-8"))


def read(pieces: Pieces, text: str, question: str | None = None) -> tuple[Window, ...]:
    return next(pieces.windows([text], [question]))


def words(text: str, window: Window) -> list[str]:
    return [text[start:end] for start, end in window.places]


def spelled(ids: Sequence[int]) -> list[str]:
    vocabulary = json.loads((FOLDER / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    names = {number: piece for piece, number in vocabulary.items()}
    return [names[number] for number in ids]


def test_the_question_stands_before_the_text(pieces: Pieces) -> None:
    (window,) = read(pieces, "Long waits", "What was bad?")
    assert spelled(window.ids) == ["[CLS]", "what", "was", "bad", "?", "[SEP]", "long", "waits", "[SEP]"]
    assert (window.first, words("Long waits", window)) == (6, ["Long", "waits"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("😀😀 Rude\tman", ["😀😀", "Rude", "man"]),
        ("cafe\u0301 closed", ["cafe", "closed"]),
        ("\ud800 late", ["\ud800", "late"]),
        ("Straße 5", ["Straße", "5"]),
    ],
)
def test_pieces_keep_their_places_in_the_original(pieces: Pieces, text: str, found: list[str]) -> None:
    (window,) = read(pieces, text)
    shown = words(text, window)
    assert [word for word in found if word.isascii()] == [word for word in shown if word in found and word.isascii()]
    assert all(0 <= start <= end <= len(text) for start, end in window.places)


@pytest.mark.parametrize("count", [1, LONGEST - 4, LONGEST - 3, LONGEST - 2, 3 * LONGEST])
def test_windows_cover_every_piece(pieces: Pieces, count: int) -> None:
    text = " ".join(["late"] * count)
    windows = read(pieces, text)
    assert all(len(window.ids) <= LONGEST for window in windows)
    assert {place for window in windows for place in window.places} == {(5 * n, 5 * n + 4) for n in range(count)}
    assert (len(windows) == 1) == (count <= LONGEST - 3)


def test_a_long_question_leaves_the_text_whole(pieces: Pieces) -> None:
    (window,) = read(pieces, "late again", "why " * 5_000)
    assert words("late again", window) == ["late", "again"]


@settings(deadline=None)
@given(st.integers(0, 2_000), st.integers(OVERLAP + 1, 300))
def test_cuts_share_the_overlap_and_miss_nothing(count: int, size: int) -> None:
    found = list(cuts(count, size=size, overlap=OVERLAP))
    assert found[0][0] == 0 and found[-1][1] == count
    assert all(end - start <= size for start, end in found)
    assert all(before[1] - after[0] == OVERLAP for before, after in itertools.pairwise(found))
