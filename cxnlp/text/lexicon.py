"""The words that tell people's names from others, read from data/text, and the words of a text to look up in them."""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple

from cxnlp.text.redact import PLACEHOLDERS

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ADDRESS = re.compile(r"[@_\\]|\d[^\W\d_]|[^\W\d_]\d|\w\.[^\W\d_]")
"""What a word of an address or a code has beside it; most texts have nothing of the kind."""

_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "ß": "ss", "þ": "th"})


class Word(NamedTuple):
    """A word of a text: `low` is in lower case without 's, which `end` leaves out as well."""

    start: int
    end: int
    stop: int
    text: str
    raw: str
    low: str
    capital: bool


def words_of(text: str) -> Iterator[Word]:
    """Yield the words of a text in order, but for those in addresses and codes; a placeholder is one word: "[name]"."""
    addresses, marked = _ADDRESS.search(text) is not None, "[" in text
    for match in _WORD.finditer(text):
        start, stop = match.span()
        if addresses and _in_address(text, start, stop):
            continue
        word = match.group()
        raw = word.lower()
        if not raw.isascii():
            raw = raw.replace("’", "'")
        low, end = (raw[:-2], stop - 2) if raw[-2:] == "'s" else (raw, stop)
        if not low.isascii():
            low = _folded(low)
        if marked and text[start - 1 : start] == "[" and f"[{word}]" in PLACEHOLDERS and text[stop : stop + 1] == "]":
            raw = low = f"[{raw}]"
        yield Word(start, end, stop, text[start:end], raw, low, word[0].isupper() and not text[start:end].isupper())


def _folded(word: str) -> str:
    """Return a word without accents, as names are listed."""
    marks = unicodedata.normalize("NFKD", word.translate(_LETTERS))
    return "".join(mark for mark in marks if not unicodedata.combining(mark)) or word


def _in_address(text: str, start: int, stop: int) -> bool:
    """Whether a word is part of a domain, a handle or a code such as "A4"."""
    before, after = text[start - 1 : start], text[stop : stop + 1]
    if (before and (before in "@_\\" or before.isdigit())) or (after and (after in "@_" or after.isdigit())):
        return True
    if after == "." and text[stop + 1 : stop + 2].islower():
        return True
    return before == "." and start > 1 and text[start - 2].isalnum() and text[start].islower()


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases to be found in a sequence of words, whole words only, in any case."""

    by_first: Mapping[str, tuple[tuple[str, ...], ...]]

    @classmethod
    def of(cls, phrases: Iterable[str]) -> Phrases:
        """Return the phrases; those without a letter are left out."""
        found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for phrase in phrases:
            words = tuple(match.group().lower().replace("’", "'") for match in _WORD.finditer(phrase))
            if words:
                found[words[0]].append(words)
        return cls({first: tuple(sorted(set(some), key=len, reverse=True)) for first, some in found.items()})

    def longest(self, words: Sequence[Word], place: int) -> int:
        """Return how many words from `place` on are the longest phrase that starts there; 0 for none."""
        word = words[place]
        options = self.by_first.get(word.raw, ()) + (self.by_first.get(word.low, ()) if word.low != word.raw else ())
        for phrase in options:
            here = words[place : place + len(phrase)]
            if len(here) == len(phrase) and all(p in {w.raw, w.low} for w, p in zip(here, phrase, strict=True)):
                return len(phrase)
        return 0


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The word lists; the last ones are made of the others, to be quick."""

    first: frozenset[str]
    capital: frozenset[str]
    context: frozenset[str]
    subject: frozenset[str]
    family: frozenset[str]
    ordinary: frozenset[str]
    things: frozenset[str]
    not_people: Phrases
    titles: frozenset[str]
    roles: frozenset[str]
    naming: frozenset[str]
    signing: frozenset[str]
    gratitude: frozenset[str]
    thanking: frozenset[str]
    before: frozenset[str]
    after: frozenset[str]
    doubtful_before: frozenset[str]
    doubtful_after: frozenset[str]
    particles: frozenset[str]
    places_after: frozenset[str]
    places_before: frozenset[str]
    articles: frozenset[str]
    locating: frozenset[str]
    human: frozenset[str]
    between: frozenset[str]
    human_verbs: frozenset[str]
    verbs: frozenset[str]
    listed: frozenset[str]
    plain: frozenset[str]
    addressing: frozenset[str]
    introducing: frozenset[str]
    greeting: frozenset[str]
    beside: frozenset[str]
    nowhere: frozenset[str]


def _read(name: str) -> str:
    return resources.files("cxnlp").joinpath(f"data/text/{name}").read_text("utf-8")


@functools.cache
def lexicon() -> Lexicon:
    """Return the words and cues that ship with cxnlp."""
    names = {key: frozenset(value.split()) for key, value in tomllib.loads(_read("names.toml")).items()}
    cues = {key: frozenset(value) for key, value in tomllib.loads(_read("name_cues.toml")).items()}
    lines = (line for line in _read("ordinary_words.txt").splitlines() if not line.startswith("#"))
    kinds = {
        kind: {phrase.strip() for phrase in re.split(r"[,\n]", phrases) if phrase.strip()}
        for kind, phrases in tomllib.loads(_read("not_people.toml")).items()
    }
    known = names["first"] | names["capital"] | names["context"]
    things = frozenset(kinds["brands"] | kinds["others"]) & known
    ordinary = frozenset(word for line in lines for word in line.split())
    introducing = cues["naming"] | cues["signing"]
    addressing = cues["titles"] | cues["roles"]
    return Lexicon(
        first=names["first"] - things,
        capital=names["capital"] - things,
        context=names["context"] | things,
        subject=names["subject"],
        family=names["family"],
        ordinary=ordinary,
        things=things,
        # A word that is a name as well is decided by what stands beside it.
        not_people=Phrases.of(phrase for phrases in kinds.values() for phrase in phrases - known),
        listed=known,
        plain=ordinary - known - cues["particles"],
        addressing=addressing,
        introducing=introducing,
        greeting=introducing | cues["thanking"],
        beside=cues["before"] | addressing,
        nowhere=cues["articles"] | cues["locating"],
        **cues,
    )
