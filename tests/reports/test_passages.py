import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.records import Channel, Polarity, Quote, Rule
from cxnlp.reports.passages import AROUND, SLACK, passage, visible


def quote(text, start, end):
    when = dt.datetime(2026, 11, 3, tzinfo=dt.UTC)
    return Quote(1, "reviews", Channel.REVIEW, None, text, when, "wait_time", Polarity.NEGATIVE, 0.9, start, end,
                 "shop", Rule.OWNER, "owner of wait_time")  # fmt: skip


def test_a_short_comment_is_shown_whole():
    shown = passage(quote("Waited forty minutes, never again.", 0, 20))
    assert (shown.before, shown.marked, shown.after) == ("", "Waited forty minutes", ", never again.")


def test_why_names_the_rule_and_its_evidence():
    assert passage(quote("Slow.", 0, 4)).why == "you own this topic: owner of wait_time"


def test_a_long_comment_is_cut_between_words_around_its_span():
    text = "lorem ipsum " * 900 + "WAITED FOREVER" + " dolor sit" * 900
    start = text.index("WAITED")
    shown = passage(quote(text, start, start + 14))
    assert shown.marked == "WAITED FOREVER"
    assert shown.before.startswith("… ") and shown.after.endswith(" …")
    assert set(shown.before.removeprefix("… ").split()) == {"lorem", "ipsum"}
    assert set(shown.after.removesuffix(" …").split()) == {"dolor", "sit"}
    assert len(shown.before) + len(shown.after) < 2 * (AROUND + SLACK) + 4


@pytest.mark.parametrize("length", [AROUND, AROUND + SLACK, AROUND + SLACK + 1, 20_000])
def test_words_without_a_gap_are_cut_all_the_same(length):
    shown = passage(quote("x" * length + "SPAN" + "y" * length, length, length + 4))
    assert shown.marked == "SPAN"
    assert ("…" in shown.before) == ("…" in shown.after) == (length > AROUND + SLACK)


@pytest.mark.parametrize(("start", "end", "marked"), [(-5, 4, "Slow"), (0, 99, "Slow here"), (50, 60, ""), (6, 2, "")])
def test_a_span_that_leaves_the_text_is_taken_as_far_as_it_goes(start, end, marked):
    shown = passage(quote("Slow here", start, end))
    assert shown.marked == marked
    assert shown.before + shown.marked + shown.after == "Slow here"


@given(st.text(max_size=2000), st.integers(0, 2000), st.integers(0, 300))
def test_a_passage_is_a_part_of_the_comment(text, start, length):
    start = min(start, len(text))
    shown = passage(quote(text, start, start + length), around=100)
    whole = visible(text)
    assert shown.marked == visible(text[start : start + length])
    before, after = shown.before, shown.after
    if len(text[:start]) > 100 + SLACK:
        before = before.removeprefix("… ")
    if len(text[start + length :]) > 100 + SLACK:
        after = after.removesuffix(" …")
    assert before + shown.marked + after in whole or visible(before.strip()) in whole


@pytest.mark.parametrize("hostile", ["\u202e", "\u2066", "\u202d", "\x00", "\x1b", "\x85", "\ufffe", "\ud800"])
def test_characters_that_turn_or_break_a_page_are_taken_out(hostile):
    shown = passage(quote(f"a{hostile}b slow{hostile} c", 4, 8))
    assert hostile not in shown.before + shown.marked + shown.after
    assert (shown.before + shown.marked + shown.after) == "ab slow c"


@pytest.mark.parametrize("letters", ["שירות איטי", "خدمة بطيئة", "👩‍👩‍👧 naïve Ünïcode", "a\nb\tc"])
def test_letters_and_emoji_of_any_language_stay(letters):
    assert visible(letters) == letters
