"""What a comment names, and which of it is nearest."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.departments import Chart, Department
from cxnlp.linking.mentions import Mentioned, Mentions, Nearness


@pytest.fixture(scope="module")
def mentions(chart: Chart) -> Mentions:
    return Mentions(chart)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("the LEEDS Store, please", ["LEEDS Store", "LEEDS"]),
        ("both York stores", ["York", "York stores", "stores"]),
        ("Leeds' people", ["Leeds"]),
        ("York's people", ["York"]),
        ("the York-store", ["York-store", "York"]),
        ("my direct\n  debits", ["direct\n  debits"]),
        ("two refund policies", ["refund policies"]),
        ("I made a return", []),
        ("the returns desk", ["returns"]),
        ("delivery came from the north", []),
        ("Yorkshire", []),
        ("direct, debit", []),
        ("the Lounge", []),
        ("", []),
        (" \n ", []),
        ("😀😀", []),
        ("😀York😀", ["York"]),
        ("x\x00York", ["York"]),
    ],
)
def test_names_are_found_as_people_write_them(mentions: Mentions, text: str, named: list[str]) -> None:
    (found,) = mentions.find([text])
    assert sorted(text[one.start : one.end] for one in found) == sorted(named)


def test_texts_keep_their_order(mentions: Mentions) -> None:
    found = mentions.find(["Leeds", "nothing", "York"])
    assert [[one.department for one in each] for each in found] == [["leeds"], [], ["york"]]


@pytest.mark.parametrize(
    ("text", "span", "department"),
    [
        ("Leeds was bad, York was fine", "bad", "leeds"),
        ("Leeds was bad, York was fine", "fine", "york"),
        ("dirty York express counter", "dirty", "delivery"),
        ("York express counter: dirty", "dirty", "delivery"),
        ("Leeds was bad and York was fine", "bad", "leeds"),
        ("At Leeds, all were rude. York was fine", "rude", "leeds"),
        ("Bad people. I mean York, not Leeds", "Bad", "york"),
        ("At Leeds the 3.50 charge hurt, York", "charge hurt", "leeds"),
        ("Leeds xx York", "xx", "leeds"),
        ("Leeds xx direct debit", "xx", "billing"),
        ("Leeds and York", "Leeds and York", "leeds"),
        ("in York it was all bad in Leeds", "York it was all bad", "york"),
    ],
)
def test_the_nearest_by_clause_and_character_wins_then_the_longest_then_the_first(
    mentions: Mentions, text: str, span: str, department: str
) -> None:
    (found,) = mentions.find([text])
    start = text.index(span)
    assert Nearness(text, found).nearest(start, start + len(span)).department == department


def test_many_mentions_and_odd_punctuation_are_compared_in_time(mentions: Mentions) -> None:
    text = "York, Leeds. " * 20_000 + "." * 100_000 + "x"
    (found,) = mentions.find([text])
    started = time.process_time()
    near = Nearness(text, found)
    assert {near.nearest(place, place + 4).start for place in (0, 13_000)} == {0, 13_000}
    assert time.process_time() - started < 5


@given(before=st.text(max_size=40), after=st.text(max_size=40))
def test_a_name_is_found_in_any_text_with_its_place(before: str, after: str) -> None:
    found = FINDER.find([f"{before} Night desk {after}"])[0]
    assert Mentioned("night", len(before) + 1, len(before) + 11) in found


FINDER = Mentions(Chart((Department(id="night", name="Night Desk"),)))


@pytest.mark.parametrize(
    "text", ["😀" * 100_000, "." * 100_000, "(a" * 50_000, "a" * 100_000], ids=["emoji", "dots", "pairs", "word"]
)
def test_hostile_texts_take_no_more_than_their_length_asks(mentions: Mentions, text: str) -> None:
    mentions.find(["warm"])
    started = time.process_time()
    assert mentions.find([text + " York"])[0][0].department == "york"
    # Some hundredths of a second; spaCy's own tokenizer takes minutes for the emoji.
    assert time.process_time() - started < 5


@pytest.mark.parametrize("name", ["-", "'", "--"])
def test_a_name_without_words_finds_nothing(name: str) -> None:
    assert Mentions(Chart((Department(id="a", name=name),))).find(["- ' --"]) == [()]
