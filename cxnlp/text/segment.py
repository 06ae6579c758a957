"""Cut a comment into clauses, the stretches that can each carry an opinion of their own."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

# Linear in the text: spaCy's English tokenizer takes minutes for some ten thousand emoji in a row.
WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
"""A word with its apostrophes, or a mark."""

_TOKEN = re.compile(rf"{WORD.pattern}|\n")
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


def clauses(texts: Iterable[str]) -> Iterator[tuple[Clause, ...]]:
    """Yield the clauses of each text, in order; they cover every word once.

    Cut at sentence ends, brackets and dashes, at commas, and before conjunctions ("but", "and the ..."); a stretch of
    more than 40 words is cut as well. A text without words has none.

    >>> text = "The nurses were lovely but we waited two hours."
    >>> [text[c.start:c.end] for c in next(clauses([text]))]
    ['The nurses were lovely', 'but we waited two hours.']
    """
    for text in texts:
        yield tuple(_cut(text, list(_TOKEN.finditer(text))))


def _cut(text: str, tokens: list[re.Match[str]]) -> Iterator[Clause]:
    words = _words()
    start = 0
    for place in range(1, len(tokens)):
        if place <= start:
            continue
        cut = _ends(text, tokens[place - 1], tokens[place]) or place - start >= _LONGEST
        if cut or _opens(tokens, start, place, words):
            yield from _clause(tokens[start:place])
            start = place
    yield from _clause(tokens[start:])


def _ends(text: str, before: re.Match[str], token: re.Match[str]) -> bool:
    """Whether a clause ends between two tokens; closing marks stay with the words before them."""
    if token[0] in {")", "!", "?", ".", "…"}:
        return False
    apart = before.end() < token.start()
    number = before[0] in {".", ":"} and not apart and before.start() > 0 and text[before.start() - 1].isalnum()
    return (before[0] in _STRONG and not number) or (before[0] in {",", "-"} and apart)


def _opens(tokens: Sequence[re.Match[str]], start: int, place: int, words: _Words) -> bool:
    word = tokens[place][0].lower()
    if word not in words.openers or place - start < words.least or len(tokens) - place <= words.least:
        return False
    return word not in words.needs_follower or tokens[place + 1][0].lower().replace("’", "'") in words.followers


def _clause(tokens: Sequence[re.Match[str]]) -> Iterator[Clause]:
    kept = [token for token in tokens if token[0] != "\n"]
    if any(character.isalnum() for token in kept for character in token[0]):
        yield Clause(kept[0].start(), kept[-1].end())
