"""Where people's names may stand in a text, and which of them are sure without a language model.

Words and cues are data: data/text/names.toml, name_cues.toml, not_people.toml, ordinary_words.txt.
"""

from __future__ import annotations

import enum
import functools
import re
import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?…:;\n•\"“”(*–—|>]")
_OPENING = " ,:\"'“‘(-–\n"
_PLACEHOLDERS = frozenset({"EMAIL", "PHONE", "CARD", "IBAN", "ID", "URL", "NAME"})
_NO_INITIALS = frozenset({"I", "A"})
_LONGEST_CUE = 4


class Evidence(enum.Enum):
    """How sure a name is from the words around it."""

    NONE = 0
    MAYBE = 1  # the language model has to see a person
    SURE = 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """text[start:end] may be a person's name; `word` is its first word in lower case."""

    start: int
    end: int
    sure: bool
    word: str


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

    def longest(self, words: Sequence[_Word], place: int) -> int:
        """Return how many words from `place` on are the longest phrase that starts there; 0 for none."""
        word = words[place]
        options = self.by_first.get(word.raw, ()) + (self.by_first.get(word.low, ()) if word.low != word.raw else ())
        for phrase in options:
            here = words[place : place + len(phrase)]
            if len(here) == len(phrase) and all(p in {w.raw, w.low} for w, p in zip(here, phrase, strict=True)):
                return len(phrase)
        return 0


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a text: `low` is in lower case without 's, which `end` leaves out as well."""

    start: int
    end: int
    stop: int
    text: str
    raw: str
    low: str
    capital: bool


@dataclass(frozen=True, slots=True)
class _Lexicon:
    first: frozenset[str]
    capital: frozenset[str]
    context: frozenset[str]
    family: frozenset[str]
    ordinary: frozenset[str]
    things: frozenset[str]
    not_people: Phrases
    titles: frozenset[str]
    roles: frozenset[str]
    naming: frozenset[str]
    thanking: frozenset[str]
    before: frozenset[str]
    after: frozenset[str]
    doubtful_before: frozenset[str]
    doubtful_after: frozenset[str]
    particles: frozenset[str]
    places_after: frozenset[str]
    places_before: frozenset[str]
    articles: frozenset[str]


def _read(name: str) -> str:
    return resources.files("cxnlp").joinpath(f"data/text/{name}").read_text("utf-8")


@functools.cache
def _lexicon() -> _Lexicon:
    names = {key: frozenset(value.split()) for key, value in tomllib.loads(_read("names.toml")).items()}
    cues = {key: frozenset(value) for key, value in tomllib.loads(_read("name_cues.toml")).items()}
    lines = (line for line in _read("ordinary_words.txt").splitlines() if not line.startswith("#"))
    kinds = {
        kind: {phrase.strip() for phrase in re.split(r"[,\n]", phrases) if phrase.strip()}
        for kind, phrases in tomllib.loads(_read("not_people.toml")).items()
    }
    known = names["first"] | names["capital"] | names["context"]
    things = frozenset(phrase for kind, phrases in kinds.items() if kind != "places" for phrase in phrases) & known
    return _Lexicon(
        first=names["first"] - things,
        capital=names["capital"] - things,
        context=names["context"] | things,
        family=names["family"],
        ordinary=frozenset(word for line in lines for word in line.split()),
        things=things,
        # A word that is a name as well is decided by what stands beside it.
        not_people=Phrases.of(phrase for phrases in kinds.values() for phrase in phrases - known),
        **cues,
    )


def find_names(text: str, *, keep: Phrases) -> list[Candidate]:
    """Return where names are or may be, in order, without overlaps; nothing in `keep` is one.

    >>> text = "Thanks to Sarah Brown and dr patel, not to Tesco"
    >>> [text[c.start : c.end] for c in find_names(text, keep=Phrases({}))]
    ['Sarah Brown', 'patel']
    """
    words = tuple(_words(text))
    reading = _Reading(text, words, _lexicon())
    kept = _kept(words, (keep, reading.lexicon.not_people))
    found: list[Candidate] = []
    place = 0
    while place < len(words):
        evidence = Evidence.NONE if place in kept else reading.evidence(place)
        if evidence is Evidence.NONE:
            place += 1
            continue
        last = reading.last(place, kept)
        start = words[reading.with_initial(place)].start
        found.append(Candidate(start, words[last].end, evidence is Evidence.SURE, words[place].low))
        place = last + 1
    return found


def _words(text: str) -> Iterator[_Word]:
    for match in _WORD.finditer(text):
        start, stop = match.span()
        if _in_address(text, start, stop):
            continue
        word = match.group()
        raw = word.lower().replace("’", "'")
        low, end = (raw[:-2], stop - 2) if raw.endswith("'s") else (raw, stop)
        if word in _PLACEHOLDERS and text[start - 1 : start] == "[" and text[stop : stop + 1] == "]":
            raw = low = f"[{raw}]"
        yield _Word(start, end, stop, text[start:end], raw, low, word[0].isupper() and not text[start:end].isupper())


def _in_address(text: str, start: int, stop: int) -> bool:
    """Whether a word is part of a domain, a handle or a code such as "A4"."""
    before, after = text[start - 1 : start], text[stop : stop + 1]
    if (before and (before in "@_\\" or before.isdigit())) or (after and (after in "@_" or after.isdigit())):
        return True
    if after == "." and text[stop + 1 : stop + 2].islower():
        return True
    return before == "." and start > 1 and text[start - 2].isalnum() and text[start].islower()


def _kept(words: Sequence[_Word], phrases: Sequence[Phrases]) -> Collection[int]:
    kept: set[int] = set()
    for place in range(len(words)):
        for some in phrases:
            kept.update(range(place, place + some.longest(words, place)))
    return kept


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text in words, and what can be said of the word at a place."""

    text: str
    words: tuple[_Word, ...]
    lexicon: _Lexicon

    def evidence(self, place: int) -> Evidence:
        """Return whether a name starts at a place."""
        word = self.words[place]
        lexicon = self.lexicon
        listed = word.low in lexicon.first or word.low in lexicon.capital or word.low in lexicon.context
        if not word.capital and word.low in lexicon.ordinary and not listed:
            return Evidence.NONE
        if word.low in lexicon.titles or word.low in lexicon.roles or self._is_place(place) or _masked(word):
            return Evidence.NONE
        if word.capital:
            return self._of_capital(place)
        return Evidence.SURE if self._sure_in_lower_case(place) else Evidence.NONE

    def _of_capital(self, place: int) -> Evidence:
        word, lexicon = self.words[place], self.lexicon
        if word.low in lexicon.first or word.low in lexicon.capital:
            return Evidence.SURE
        titled = self._after(place, lexicon.titles)
        addressed = titled or self._after(place, lexicon.roles)
        named = addressed or self._after_phrase(place, lexicon.naming)
        if word.low in lexicon.context:
            thanked = word.low not in lexicon.things and self._after_phrase(place, lexicon.thanking)
            return Evidence.SURE if named or thanked else self._perhaps(place)
        if word.low in lexicon.ordinary:
            certain = (titled and "." not in self._gap(place - 1)) or (addressed and word.low in lexicon.family)
            return Evidence.SURE if certain else Evidence.NONE
        return Evidence.SURE if named else self._perhaps(place)

    def _perhaps(self, place: int) -> Evidence:
        """Return MAYBE for a word that is no known thing and has a person's verb or a greeting beside it."""
        word, lexicon = self.words[place], self.lexicon
        if word.low in lexicon.things or len(word.low) < 3 or self._after(place, lexicon.articles):
            return Evidence.NONE
        last = self.last(place, ())
        personal = (
            self._before(last, lexicon.doubtful_after)
            or self._after(place, lexicon.doubtful_before)
            or self._after_phrase(place, lexicon.thanking)
            or self._joins_a_name(place)
        )
        return Evidence.MAYBE if personal or self._is_full_name(place, last) else Evidence.NONE

    def _joins_a_name(self, place: int) -> bool:
        """Whether "and" stands between a known first name and a word."""
        if place < 2 or self.words[place - 1].raw not in {"and", "&"}:
            return False
        return self.words[place - 2].capital and self.words[place - 2].low in self.lexicon.first

    def _is_full_name(self, place: int, last: int) -> bool:
        """Whether a known first or family name ends or starts some capitals."""
        lexicon = self.lexicon
        return last > place and (self.words[last].low in lexicon.family or self.words[place].low in lexicon.context)

    def _sure_in_lower_case(self, place: int) -> bool:
        """Whether a word in lower case, or in capitals alone, is a name."""
        word, lexicon = self.words[place], self.lexicon
        if word.low in lexicon.first:
            return self._has_cue(place)
        titled = self._after(place, lexicon.titles)
        if len(word.text) == 1:
            return titled and word.text.isupper() and word.text not in _NO_INITIALS
        ordinary = word.low in lexicon.ordinary or word.low in lexicon.context
        if word.low in lexicon.capital:
            return titled or self._after(place, lexicon.roles) or self._after_phrase(place, lexicon.naming)
        if ordinary:
            return titled and word.low in lexicon.family and not word.text.islower()
        named = self._after_phrase(place, frozenset({"my name is", "my name's"}))
        return len(word.low) > 2 and (
            titled or named or (word.low in lexicon.family and self._after(place, lexicon.roles))
        )

    def _has_cue(self, place: int, last: int | None = None) -> bool:
        """Whether something beside the words from `place` to `last` says that they are a person's name."""
        last = place if last is None else last
        return (
            self.words[last].raw != self.words[last].low
            or self._after(place, self.lexicon.before | self.lexicon.titles | self.lexicon.roles)
            or self._before(last, self.lexicon.after)
            or self._after_phrase(place, self.lexicon.naming)
            or self._after_phrase(place, self.lexicon.thanking)
            or any("&" in gap or "/" in gap or "+" in gap for gap in (self._gap(last), self._gap(place - 1)))
        )

    def _gap(self, place: int) -> str:
        """Return what stands between the word at a place and the next one."""
        if not 0 <= place < len(self.words) - 1:
            return ""
        return self.text[self.words[place].stop : self.words[place + 1].start]

    def _after(self, place: int, cues: Collection[str]) -> bool:
        if not place or self.words[place - 1].raw not in cues:
            return False
        title = self.words[place - 1].raw in self.lexicon.titles
        return self._gap(place - 1).strip(" ,\"'“(") in ({"", "."} if title else {""})

    def _before(self, place: int, cues: Collection[str]) -> bool:
        following = self.words[place + 1 : place + 2]
        return bool(following) and following[0].raw in cues and self._gap(place).strip(" ,") == ""

    def _after_phrase(self, place: int, cues: Collection[str]) -> bool:
        if not place or self._gap(place - 1).strip(_OPENING):
            return False
        before = [word.raw for word in self.words[max(0, place - _LONGEST_CUE) : place]]
        return any(" ".join(before[-count:]) in cues for count in range(1, len(before) + 1))

    def _starts_sentence(self, place: int) -> bool:
        return place == 0 or _SENTENCE_END.search(self._gap(place - 1)) is not None

    def _is_place(self, place: int) -> bool:
        """Whether the name that would start here is a place's or a thing's: "St Mary's", "Clifton Lane", "kelly green"."""
        lexicon = self.lexicon
        if place and self.words[place - 1].low in lexicon.places_before:
            return self.words[place - 1].text[0].isupper() and self._gap(place - 1) in {" ", ". "}
        if self._gap(place - 1) == "-" and self.words[place - 1].low not in lexicon.first | lexicon.capital:
            return True
        last = place
        while self._gap(last) in {" ", "-"} and self._continues(last + 1):
            last += 1
        follower = self.words[last + 1 : last + 2]
        if follower and self._gap(last) == " " and follower[0].low in lexicon.places_after:
            # Mary's Hospital, but Sarah's ward.
            return self.words[last].raw == self.words[last].low or follower[0].capital
        return last > place and self.words[last].low in lexicon.places_after and not self._has_cue(place, last)

    def _continues(self, place: int) -> bool:
        """Whether a word can be a further part of a name."""
        word, lexicon = self.words[place], self.lexicon
        if not word.capital or word.low in lexicon.titles or _masked(word):
            return False
        return word.low not in lexicon.ordinary or word.low in lexicon.family

    def last(self, place: int, kept: Collection[int]) -> int:
        """Return the place of the last word of the name that starts at a place."""
        while (more := self._next_part(place, kept)) > place:
            place = more
        return place

    def _next_part(self, place: int, kept: Collection[int]) -> int:
        word, following = self.words[place], place + 1
        if following >= len(self.words) or word.raw != word.low or following in kept:
            return place
        gap, part = self._gap(place), self.words[following]
        if gap not in {" ", "-"} and not (gap == ". " and len(word.text) == 1):
            return place
        initial = len(part.text) == 1 and part.text.isupper() and part.text not in _NO_INITIALS
        if self._continues(following) or (initial and gap == " " and not word.text.islower()):
            return following
        if not part.capital and self._is_family(part, word) or (gap == "-" and part.low in self.lexicon.first):
            return following
        return self._beyond_particles(place, following, kept)

    def _beyond_particles(self, place: int, following: int, kept: Collection[int]) -> int:
        """Return the place of the name after "van der", "de la" ..., or the place before where there is none."""
        beyond = following
        while beyond < len(self.words) - 1 and self.words[beyond].raw in self.lexicon.particles:
            if self._gap(beyond) != " " or beyond - following > 2:
                return place
            beyond += 1
        return beyond if beyond > following and beyond not in kept and self._continues(beyond) else place

    def _is_family(self, part: _Word, first: _Word) -> bool:
        """Whether a family name in the case of the first name follows: "sarah thompson", "SARAH THOMPSON"."""
        alike = part.text.islower() == first.text.islower() and part.text.isupper() == first.text.isupper()
        return alike and part.low in self.lexicon.family and part.low not in self.lexicon.ordinary

    def with_initial(self, place: int) -> int:
        """Return the place before where it is an initial: "J. Smith"."""
        if not place:
            return place
        before = self.words[place - 1]
        initial = len(before.text) == 1 and before.text.isupper() and before.raw == before.low
        fits = self._gap(place - 1) == ". " or (self._gap(place - 1) == " " and before.text not in _NO_INITIALS)
        return place - 1 if initial and fits else place


def _masked(word: _Word) -> bool:
    """Whether a word is a placeholder, or crossed out already ("XXXX")."""
    return word.low[0] == "[" or "xxx" in word.low or word.low == "xx"
