"""Whether a prepared comment says something: only what does is read as an opinion."""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from importlib import resources

from cxnlp.records import TextStatus

_LONGEST = 90  # characters; a longer text is more than a phrase that says nothing
_PLACEHOLDER = re.compile(r"\[[A-Z]{2,5}\]")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class _NoAnswer:
    signs: frozenset[str]
    phrases: frozenset[str]
    before: tuple[str, ...]
    after: tuple[str, ...]


@functools.cache
def _no_answer() -> _NoAnswer:
    data = tomllib.loads(resources.files("cxnlp").joinpath("data/text/no_answer.toml").read_text("utf-8"))
    return _NoAnswer(
        signs=frozenset(data["signs"]),
        phrases=frozenset(map(_bare, data["phrases"])),
        before=tuple(f"{phrase} " for phrase in data["before"]),
        after=tuple(f" {phrase}" for phrase in data["after"]),
    )


def status_of(text: str, *, language: str | None, languages: Collection[str]) -> TextStatus:
    """Return what a cleaned, redacted text is: blank, no answer, no words, in another language, or an opinion.

    `language` is what is known of the text, `languages` are those that the model reads. A text whose language isn't
    known is an opinion.

    >>> status_of("N/A", language=None, languages=["en"])
    <TextStatus.NO_ANSWER: 'no_answer'>
    >>> status_of("Nothing, it was perfect", language="en", languages=["en"])
    <TextStatus.OPINION: 'opinion'>
    """
    if not text.strip():
        return TextStatus.BLANK
    if len(text) <= _LONGEST and says_nothing(text):
        return TextStatus.NO_ANSWER
    if not _has_letters(text):
        return TextStatus.NO_WORDS
    if language is not None and language not in languages:
        return TextStatus.OTHER_LANGUAGE
    return TextStatus.OPINION


def says_nothing(text: str) -> bool:
    """Whether a whole text is one that stands for no answer: "n/a", "Nothing really, thanks", "-"."""
    known = _no_answer()
    if text.strip().lower() in known.signs:
        return True
    return _is_nothing(_bare(text), known)


def _is_nothing(bare: str, known: _NoAnswer) -> bool:
    if bare in known.phrases:
        return True
    if any(bare.endswith(after) and _is_nothing(bare.removesuffix(after), known) for after in known.after):
        return True
    return any(bare.startswith(before) and _is_nothing(bare.removeprefix(before), known) for before in known.before)


def _bare(text: str) -> str:
    """Return lower-case words without accents and with single blanks between them."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(mark if mark.isalnum() else "" if unicodedata.combining(mark) else " " for mark in folded)
    return _SPACES.sub(" ", kept).strip()


def _has_letters(text: str) -> bool:
    return any(map(str.isalpha, _PLACEHOLDER.sub("", text)))
