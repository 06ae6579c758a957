"""What people read about why a finding is a department's: data/linking.toml."""

from __future__ import annotations

import functools
import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from cxnlp.records import Rule

_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Words:
    """Evidence and complaints by id, the confidence of each rule (0..1, fixed judgements), folded empty values.

    `version` is the first 6 hex digits of the SHA-256 of the file's text, `ends` are what ends a sentence and what ends
    a clause.
    """

    version: str
    nothing: frozenset[str]
    ends: tuple[re.Pattern[str], re.Pattern[str]]
    evidence: Mapping[str, str]
    unknown: Mapping[str, str]
    confidence: Mapping[Rule, float]


@functools.cache
def load_words() -> Words:
    """Return the words that ship with cxnlp."""
    text = resources.files("cxnlp").joinpath("data/linking.toml").read_text("utf-8")
    data = tomllib.loads(text)
    return Words(
        version=hashlib.sha256(text.encode()).hexdigest()[:6],
        nothing=frozenset(data["nothing"]),
        ends=(re.compile(data["ends"]["sentence"]), re.compile(data["ends"]["clause"], re.IGNORECASE)),
        evidence=data["evidence"],
        unknown=data["unknown"],
        confidence={rule: data["confidence"][rule] for rule in Rule},
    )


def shown(value: str) -> str:
    """Return a source's value as evidence shows it: on one line, at most 80 characters."""
    line = " ".join(value.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
