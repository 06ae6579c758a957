from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.text.segment import clauses


def cut(text: str) -> list[str]:
    return [text[clause.start : clause.end] for clause in next(clauses([text]))]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("The nurses were lovely but we waited two hours.", ["The nurses were lovely", "but we waited two hours."]),
        ("Great food. Awful parking!", ["Great food.", "Awful parking!"]),
        ("I ordered fish and chips for dinner", ["I ordered fish and chips for dinner"]),
        ("they rang me back and the driver was polite", ["they rang me back", "and the driver was polite"]),
        ("first line\nsecond line", ["first line", "second line"]),
        ("Slow 😡😡 and nobody cared about it", ["Slow 😡😡", "and nobody cared about it"]),
        ("", []),
        ("…!? 👍", []),
    ],
)
def test_clauses_are_cut_where_an_opinion_can_change(text: str, pieces: list[str]) -> None:
    assert cut(text) == pieces


def test_a_text_without_punctuation_is_cut_too() -> None:
    assert all(len(piece.split()) <= 40 for piece in cut("word " * 500))


@given(st.text(max_size=300))
def test_clauses_are_in_order_do_not_overlap_and_keep_every_letter(text: str) -> None:
    found = next(clauses([text]))
    assert all(before.end <= after.start for before, after in itertools.pairwise(found))
    covered = {place for clause in found for place in range(clause.start, clause.end)}
    assert all(place in covered for place, character in enumerate(text) if character.isalnum())
