from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.text.clean import clean


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Great staff", "Great staff"),
        ("  two   blanks\tand a tab ", "two blanks and a tab"),
        ("one\r\ntwo\rthree\n\n\n\nfour  \n five", "one\ntwo\nthree\n\nfour\nfive"),
        ("<p>Hello</p><p>you</p>", "Hello\n\nyou"),
        ("one<br/>two<BR >three", "one\ntwo\nthree"),
        ("<ul><li>slow</li><li>rude</li></ul>", "slow\n\nrude"),
        ("a <b>bold</b> <a href='x'>link</a>", "a bold link"),
        ("<td>a</td><td>b</td>", "a b"),
        ("before<script>alert('x')</script>after", "before after"),
        ("<STYLE>p {color: red}</STYLE>text", "text"),
        ("<script>never closed", "never closed"),
        ("a<!-- hidden -->b", "a b"),
        ("fish &amp; chips &lt;3 &#39;ok&#x27; &euro;5", "fish & chips <3 'ok' €5"),
        ("&amp;amp;amp; twice", "& twice"),
        ("&lt;b&gt;bold&lt;/b&gt;", "bold"),
        ("R&D at AT&T, ?a=1&copy=2", "R&D at AT&T, ?a=1&copy=2"),
        ("I <3 it, 3 < 4 and a < b > c", "I <3 it, 3 < 4 and a < b > c"),
        ("<staff name> and <me@example.org>", "<staff name> and <me@example.org>"),
        ("x <b and more", "x <b and more"),
        ("cafÃ© wasnâ€™t open", "café wasn't open"),
        ("“quoted” – dash", '"quoted" – dash'),
        ("e\u0301", "é"),
        ("\ud83d\ude00 and \ud800", "😀 and \ufffd"),
        ("nul\x00 bell\x07 esc\x1b[31m", "nul bell esc"),
        ("soft\u00adhyphen zero\u200bwidth \u202eright\u202c \u2066to\u2069 left\ufeff",
         "softhyphen zerowidth right to left"),
        ("nbsp\u00a0thin\u2009ideographic\u3000end", "nbsp thin ideographic end"),
        ("a\u200db", "ab"),
        ("<scr\u200bipt>alert(1)</script>x", "x"),
        ("", ""),
        (" \n\t\u200b ", ""),
    ],
)  # fmt: skip
def test_clean_gives_plain_text(raw: str, text: str) -> None:
    assert clean(raw) == text


@pytest.mark.parametrize(
    "text",
    ["👨‍👩‍👧 family", "❤️ love", "👍🏽", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "می‌خواهم"],
)
def test_what_joins_emoji_and_letters_stays(text: str) -> None:
    assert clean(text) == text


_PIECES = st.sampled_from(
    ["&", "amp;", "lt;", "gt;", "#38;", "#60;", "<", ">", "/", "b", "p", "br", "script", "style", "!--", "--", "!",
     " ", "\n", "\r",
     "\u200b", "\u200d", "\u202e", "\ufe0f", "\u2028", "\x00", "\u00ad", "é", "e\u0301", "Ã©", "â€™", "’", "😀",
     "\ud800", "\U000e0041", "a", "1"]
)  # fmt: skip


@given(st.text(max_size=200) | st.lists(_PIECES, max_size=40).map("".join))
def test_cleaning_twice_changes_nothing(raw: str) -> None:
    assert clean(clean(raw)) == clean(raw)


@given(st.lists(_PIECES, max_size=40).map("".join))
def test_nothing_unprintable_is_left(raw: str) -> None:
    text = clean(raw)
    assert not set(text) & set("\x00\r\u200b\u202e\u00ad\u2028\ud800")
    assert text == text.strip()
    assert "  " not in text and "\n\n\n" not in text


@pytest.mark.parametrize(
    "raw",
    ["word " * 1_000_000, "😀" * 100_000, "👨‍👩‍👧" * 20_000, "&" + "amp;" * 500_000, "<script>" * 200_000,
     "<!--" * 400_000, "<a " * 500_000],
    ids=["5 MB", "emoji", "families", "nested entities", "scripts", "comments", "tags"],
)  # fmt: skip
def test_huge_and_hostile_texts_take_no_more_than_their_length(raw: str) -> None:
    started = time.process_time()
    clean(raw)
    assert time.process_time() - started < 10
