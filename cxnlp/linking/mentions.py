"""Departments, products and places that a comment names."""

from __future__ import annotations

import functools
import re
import threading
import unicodedata
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cxnlp.departments import Chart
from cxnlp.linking.words import load_words

# Hyphens and apostrophes part words and are nothing themselves: "See-and-Convey" is "See and Convey".
_TOKEN = re.compile(r"\w+|[^\w\s\-–—'’‘]")


@dataclass(frozen=True, slots=True)
class Mentioned:
    """text[start:end] names the department."""

    department: str
    start: int
    end: int


class Nearness:
    """Tells which of a comment's mentions is nearest to a span of it.

    Of two, the one with fewer sentence ends in between; then with fewer clause ends ("Leeds was bad, York was fine":
    "bad" is of Leeds, though York is nearer in characters); then with fewer characters; then the longer; then the
    earlier. What ends sentences and clauses is said in data/linking.toml.
    """

    def __init__(self, text: str, mentioned: Sequence[Mentioned]) -> None:
        self._mentioned = mentioned
        self._ends = [[end.start() for end in pattern.finditer(text)] for pattern in load_words().ends]

    def nearest(self, start: int, end: int) -> Mentioned:
        """Return the mention nearest to text[start:end]."""
        return min(self._mentioned, key=lambda one: (*self._distance(one, start, end), one.start - one.end, one.start))

    def _distance(self, one: Mentioned, start: int, end: int) -> tuple[int, ...]:
        left, right = min(one.end, end), max(one.start, start)
        between = (bisect_left(ends, right) - bisect_left(ends, left) for ends in self._ends)
        return (*(max(count, 0) for count in between), max(right - left, 0))


class Mentions:
    """Finds a chart's names, aliases and mentioned words, in singular or plural, without regard to case.

    spaCy loads when the first text is looked at. May be shared between threads, which wait for each other.
    """

    def __init__(self, chart: Chart) -> None:
        self._words = _with_plurals(chart.spoken())
        self._lock = threading.Lock()

    def find(self, texts: Sequence[str]) -> list[tuple[Mentioned, ...]]:
        """Return what each text mentions, in the order of the text; of overlapping mentions all."""
        if not texts or not self._words:
            return [()] * len(texts)
        vocabulary, matcher = self._matcher
        # What spaCy remembers of every new word is freed after each call: memory stays flat over millions.
        with self._lock, vocabulary.memory_zone():
            return [self._in_text(text, vocabulary, matcher) for text in texts]

    def _in_text(self, text: str, vocabulary: Any, matcher: Any) -> tuple[Mentioned, ...]:
        spans = [match.span() for match in _TOKEN.finditer(text)]
        if not spans:
            return ()
        matches = matcher(_doc(vocabulary, [text[start:end] for start, end in spans]))
        found = ((vocabulary.strings[key], spans[first][0], spans[last - 1][1]) for key, first, last in matches)
        return tuple(Mentioned(department, start, end) for department, start, end in found)

    @functools.cached_property
    def _matcher(self) -> tuple[Any, Any]:
        from spacy.attrs import LOWER
        from spacy.matcher import PhraseMatcher
        from spacy.vocab import Vocab

        vocabulary = Vocab(lex_attr_getters={LOWER: str.lower})
        matcher = PhraseMatcher(vocabulary, attr="LOWER")
        for words, department in self._words.items():
            if tokens := _TOKEN.findall(words):
                matcher.add(department, [_doc(vocabulary, tokens)])
        return vocabulary, matcher


def _doc(vocabulary: Any, tokens: list[str]) -> Any:
    """Return a spaCy document of these words.

    spaCy's own English tokenizer takes minutes for a few ten thousand emoji in a row.
    """
    from spacy.tokens import Doc

    return Doc(vocabulary, words=tokens)


def _with_plurals(spoken: Mapping[str, str]) -> dict[str, str]:
    """Add the regular plural of each name that isn't a name itself ("Leeds store": "Leeds stores").

    Never a singular: "Returns" is a department, "return" is not.
    """
    words = {unicodedata.normalize("NFC", name).lower(): department for name, department in spoken.items()}
    plurals = {_plural(name): department for name, department in words.items()}
    return plurals | words


def _plural(name: str) -> str:
    if not name[-1:].isalpha() or name.endswith("s"):
        return name
    return re.sub(r"(?<=[^aeiou])y$", "ie", name) + "s"
