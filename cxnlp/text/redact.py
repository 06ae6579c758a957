"""Replace personal data by placeholders that say what stood there: [EMAIL] [PHONE] [CARD] [IBAN] [ID] [URL] [NAME].

Forms are data (data/text/patterns.toml); names are the work of people.py. Redacting twice changes nothing.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources

from cxnlp.errors import ConfigError, did_you_mean
from cxnlp.text.checksums import CHECKS

PLACEHOLDERS = ("[EMAIL]", "[PHONE]", "[CARD]", "[IBAN]", "[ID]", "[URL]", "[NAME]")
"""Everything that redaction puts in a text."""

_ROUNDS = 6  # what stands beside a new placeholder may be read anew; longer chains are not natural
_DIGIT = re.compile(r"\d")
_DIGITS = re.compile(r"\d(?:[ ./()-]{0,3}\d){5}")


@dataclass(frozen=True, slots=True)
class _Pattern:
    placeholder: str
    regex: re.Pattern[str]
    needs: str | tuple[str, ...]
    check: Callable[[str], int]


@functools.cache
def _patterns() -> tuple[_Pattern, ...]:
    data = tomllib.loads(resources.files("cxnlp").joinpath("data/text/patterns.toml").read_text("utf-8"))
    return tuple(
        _Pattern(
            placeholder=f"[{pattern['label']}]",
            regex=re.compile(pattern["regex"], re.VERBOSE | re.IGNORECASE),
            needs=pattern["needs"] if isinstance(pattern["needs"], str) else tuple(pattern["needs"]),
            check=_check(pattern.get("check")),
        )
        for pattern in data["patterns"]
    )


def _check(name: str | None) -> Callable[[str], int]:
    if name is None:
        return len
    if name not in CHECKS:
        raise ConfigError(f"data/text/patterns.toml: no check called '{name}'.{did_you_mean(name, CHECKS)}")
    return CHECKS[name]


def redact_patterns(text: str) -> str:
    """Return a text with what is personal by its form replaced: addresses, telephone, card, account and id numbers.

    Card numbers must pass Luhn's check, IBANs modulo 97, ids the check of their country; web addresses stay where they
    are a bare domain. Prices, dates, times, years and short order numbers stay. Names are not looked for.

    >>> redact_patterns("Ring 0161 496 0018 or mail jo@example.org, waited 40 minutes on 01/02/2024 for £1,250.00")
    'Ring [PHONE] or mail [EMAIL], waited 40 minutes on 01/02/2024 for £1,250.00'
    """
    for _ in range(_ROUNDS):
        before, text = text, _once(text)
        if text == before:
            break
    return text


def _once(text: str) -> str:
    digit = _DIGIT.search(text) is not None
    digits = digit and _DIGITS.search(text) is not None
    lowered = text.lower() if "@" in text or "/" in text or " dot " in text or "at" in text else ""
    for pattern in _patterns():
        if digits if pattern.needs == "digits" else digit if pattern.needs == "digit" else _any(pattern.needs, lowered):
            text = _replace(text, pattern)
    return text


def _any(needles: str | tuple[str, ...], text: str) -> bool:
    return any(needle in text for needle in needles)


def _replace(text: str, pattern: _Pattern) -> str:
    parts: list[str] = []
    done = place = 0
    while found := pattern.regex.search(text, place):
        start, end = found.span("secret" if "secret" in pattern.regex.groupindex else 0)
        length = pattern.check(text[start:end])
        if length:
            parts += (text[done:start], pattern.placeholder)
            done = start + length
        place = start + length if length else found.start() + 1
    return "".join((*parts, text[done:])) if parts else text
