"""Cut a comment into clauses, the stretches that can each carry an opinion of their own."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

_STRONG = frozenset(".!?;:…\n()–—|")
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Clause:
    """text[start:end] of a comment, without blanks at its ends."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Words:
    openers: frozenset[str]
    needs_follower: frozenset[str]
    followers: frozenset[str]
    least: int


@functools.cache
def _words() -> _Words:
    data = tomllib.loads(resources.files("cxnlp").joinpath("data/text/clauses.toml").read_text("utf-8"))
    return _Words(
        frozenset(data["openers"]), frozenset(data["needs_follower"]), frozenset(data["followers"]), data["least"]
    )


@functools.cache
def tokenizer() -> Any:
    """Return spaCy's blank English pipeline: a tokenizer, no model. Texts may have any length."""
    import spacy

    nlp = spacy.blank("en")
    nlp.max_length = 10**9
    return nlp


def clauses(texts: Iterable[str]) -> Iterator[tuple[Clause, ...]]:
    """Yield the clauses of each text, in order; they cover every word once.

    Cut at sentence ends, brackets and dashes, at commas, and before conjunctions ("but", "and the ..."); a stretch of
    more than 40 words is cut as well. A text without words has none.

    >>> text = "Lovely staff but we waited two hours."
    >>> [text[c.start:c.end] for c in next(clauses([text]))]
    ['Lovely staff but we waited two hours.']
    >>> text = "The nurses were lovely but we waited two hours."
    >>> [text[c.start:c.end] for c in next(clauses([text]))]
    ['The nurses were lovely', 'but we waited two hours.']
    """
    nlp = tokenizer()
    for text in texts:
        yield tuple(_cut(nlp.make_doc(text)))


def _cut(doc: Any) -> Iterator[Clause]:
    words = _words()
    tokens = [token for token in doc if not token.is_space or "\n" in token.text]
    start = 0
    for place, token in enumerate(tokens):
        if place <= start:
            continue
        before = tokens[place - 1]
        if _ends(before, token) or place - start >= _LONGEST or _opens(tokens, start, place, words):
            yield from _clause(tokens[start:place])
            start = place
    yield from _clause(tokens[start:])


def _ends(before: Any, token: Any) -> bool:
    """Whether a clause ends between two tokens; closing marks stay with the words before them."""
    if token.text in {")", "!", "?", ".", "…"}:
        return False
    return before.text[-1] in _STRONG or "\n" in before.text or (before.text in {",", "-"} and before.whitespace_ != "")


def _opens(tokens: list[Any], start: int, place: int, words: _Words) -> bool:
    word = tokens[place].lower_
    if word not in words.openers or place - start < words.least or len(tokens) - place <= words.least:
        return False
    return word not in words.needs_follower or tokens[place + 1].lower_ in words.followers


def _clause(tokens: list[Any]) -> Iterator[Clause]:
    kept = [token for token in tokens if not token.is_space]
    if any(character.isalnum() for token in kept for character in token.text):
        yield Clause(kept[0].idx, kept[-1].idx + len(kept[-1].text))
