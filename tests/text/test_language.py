from __future__ import annotations

import pytest

from cxnlp.text.language import detect, normalise


def test_short_comments_in_many_languages_are_told_apart(marked_languages: list[tuple[str, str]]) -> None:
    found = [(code, detect(text)) for code, text in marked_languages]
    others = [(code, guess) for code, guess in found if code != "en"]
    assert sum(code == guess for code, guess in others) / len(others) >= 0.9
    assert not [pair for pair in others if pair[1] == "en"]


def test_english_is_never_taken_for_another_language(marked_languages: list[tuple[str, str]]) -> None:
    assert {detect(text) for code, text in marked_languages if code == "en"} <= {"en", None}


@pytest.mark.parametrize(
    "text", ["", "ok thx", "👍👍👍", "12345 / 67890", "[NAME] [EMAIL] [PHONE] ok", "Très bien!", "!!!! ???? ...."]
)
def test_what_is_too_short_is_unknown(text: str) -> None:
    assert detect(text) is None


@pytest.mark.parametrize(("text", "code"), [("the staff were so kind", None), ("the staff were so kindly", "en")])
def test_twenty_letters_are_enough(text: str, code: str | None) -> None:
    assert sum(map(str.isalpha, text)) in {18, 20}
    assert detect(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("спасибо", "ru"), ("良い", None), ("とても良い", "ja"), ("非常好", "zh"), ("감사합니다", "ko"),
     ("ευχαριστώ", "el"), ("תודה",
     "he"), ("ขอบคุณ", "th")],
)  # fmt: skip
def test_a_writing_of_its_own_decides_at_any_length(text: str, code: str | None) -> None:
    assert detect(text) == code if code else detect(text) in {"zh", "ja"}


@pytest.mark.parametrize(
    "text",
    [
        "THE STAFF WERE VERY RUDE TO US",
        "The staff were very rude to us 😡😡😡",
        "the staff were very rude to us\n\n2024",
    ],
)
def test_capitals_and_emoji_change_nothing(text: str) -> None:
    assert detect(text) == "en"


@pytest.mark.parametrize(
    ("code", "known"),
    [("en", "en"), ("EN-GB", "en"), ("pt_BR", "pt"), ("zh-Hant-TW", "zh"), ("eng", "en"), ("Spanish", "es"), ("iw",
     "he"), (" fr ", "fr"),
     ("xx", None), ("unknown", None), ("", None), (None, None), ("123", None)],
)  # fmt: skip
def test_a_sources_code_is_normalised(code: str | None, known: str | None) -> None:
    assert normalise(code) == known
