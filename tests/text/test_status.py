from __future__ import annotations

import pytest

from cxnlp.records import TextStatus
from cxnlp.text.status import status_of


def status(text: str, language: str | None = None) -> TextStatus:
    return status_of(text, language=language, languages=["en"])


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_nothing_written_is_blank(text: str) -> None:
    assert status(text) is TextStatus.BLANK


@pytest.mark.parametrize(
    "text",
    ["n/a", "N/A.", "NA", "none", "None!!", "Nothing", "nothing.", "NOTHING", "no", "No comment", "no comments",
     "Did not answer", "not applicable",
     "-", "--", "…", "?", "x", "X", "nil", "nothing to add", "Nothing really, thanks", "Can't think of anything",
     "can’t think of anything",
     "I cannot think of anything at the moment", "Sorry, nothing", "Not sure", "don't know", "as above", "nothing 😊",
     "No, nothing at all thank you",
     "nichts", "keine Angabe", "Rien à ajouter", "sin comentarios", "niente", "nada", "Não sei", "niets", "brak",
     "なし", "нет"],
)  # fmt: skip
def test_an_answer_that_says_nothing(text: str) -> None:
    assert status(text) is TextStatus.NO_ANSWER


@pytest.mark.parametrize(
    "text",
    ["Nothing, it was perfect", "Everything", "Nothing worked", "No staff", "None of the staff listened",
     "Nothing to add, all fine",
     "n/a - bad service", "no complaints", "Nothing was good", "ok", "Good", "Noisy", "nope, awful", "Not happy",
     "I know nothing about it but they do"],
)  # fmt: skip
def test_an_opinion_that_starts_like_no_answer(text: str) -> None:
    assert status(text) is TextStatus.OPINION


@pytest.mark.parametrize("text", ["👍", "10/10", "5*", "[NAME]", "[EMAIL] [PHONE]!!", "12345", "!!!", "😡😡 100%"])
def test_a_text_without_words(text: str) -> None:
    assert status(text) is TextStatus.NO_WORDS


def test_another_language_is_kept_and_not_read() -> None:
    assert status("Das Personal war nett", "de") is TextStatus.OTHER_LANGUAGE
    assert status("Das Personal war nett", None) is TextStatus.OPINION
    assert status_of("Das Personal war nett", language="de", languages=["en", "de"]) is TextStatus.OPINION
    assert status("nichts", "de") is TextStatus.NO_ANSWER
