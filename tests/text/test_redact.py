from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.text.redact import PLACEHOLDERS, redact_patterns

LINES = [
    line
    for line in (Path(__file__).parent / "data" / "patterns.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("# ")
]
_MARK = re.compile(r"(\[[A-Z]+\])«([^»]*)»")


@pytest.mark.parametrize("line", LINES)
def test_a_pattern_is_replaced_and_the_rest_stays(line: str) -> None:
    assert redact_patterns(_MARK.sub(r"\2", line)) == _MARK.sub(r"\1", line)


def test_every_placeholder_of_a_pattern_has_examples() -> None:
    shown = {label for line in LINES for label, _ in _MARK.findall(line)}
    assert shown == set(PLACEHOLDERS) - {"[NAME]"}


_PIECES = st.sampled_from(
    [*(match[1] for line in LINES for match in _MARK.findall(line)), " ", "-", "call me on ", "0161", "4111", "12",
     "/", ".", "@", "a", "account ", "+44 "]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=8).map("".join))
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = redact_patterns(text)
    assert redact_patterns(once) == once


@pytest.mark.parametrize(
    "piece",
    ["0161 ", "4111 ", "1 ", "9", "a@", "a.", "gb29 ", "www.", "account number is 1", "+44 ", "phone is ", "x.com/ "],
)
def test_hostile_texts_take_time_in_proportion(piece: str) -> None:
    started = time.process_time()
    redact_patterns((piece * 100_000)[:60_000] + "12345678")
    assert time.process_time() - started < 3
