"""Where people's names may stand in a text, and which of them are sure without a language model.

Words and cues are data: data/text/names.toml, name_cues.toml, not_people.toml, ordinary_words.txt (see lexicon.py).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cxnlp.text.lexicon import Lexicon, Phrases, Word, lexicon, words_of

_SENTENCE_END = re.compile(r"[.!?…:;\n•\"“”(*–—|>]")
_OPENING = " ,:\"'“‘(-–\n"
_NO_INITIALS = frozenset({"I", "A"})
_THE = frozenset({"the"})
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


def find_names(text: str, *, keep: Phrases) -> list[Candidate]:
    """Return where names are or may be, in order, without overlaps; nothing in `keep` is one.

    >>> text = "Thanks to Sarah Brown and dr patel, not to Tesco"
    >>> [text[c.start : c.end] for c in find_names(text, keep=Phrases({}))]
    ['Sarah Brown', 'patel']
    """
    words = tuple(words_of(text))
    reading = _Reading(text, words, lexicon())
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


def _kept(words: Sequence[Word], phrases: Sequence[Phrases]) -> Collection[int]:
    kept: set[int] = set()
    for some in phrases:
        for place, word in enumerate(words):
            if word.raw in some.by_first or word.low in some.by_first:
                kept.update(range(place, place + some.longest(words, place)))
    return kept


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text in words, and what can be said of the word at a place."""

    text: str
    words: tuple[Word, ...]
    lexicon: Lexicon

    def evidence(self, place: int) -> Evidence:
        """Return whether a name starts at a place."""
        word, lexicon = self.words[place], self.lexicon
        if word.low in lexicon.plain and word.text.islower():
            return Evidence.NONE
        if word.raw in lexicon.particles and self._after(place, lexicon.titles):
            return Evidence.SURE if self._beyond_particles(place, place, ()) > place else Evidence.NONE
        if word.low in lexicon.addressing or self._is_place(place) or _masked(word):
            return Evidence.NONE
        if word.capital:
            return self._of_capital(place)
        return Evidence.SURE if self._sure_in_lower_case(place) else Evidence.NONE

    def _of_capital(self, place: int) -> Evidence:
        word, lexicon = self.words[place], self.lexicon
        if word.low in lexicon.first or word.low in lexicon.capital:
            thing = self._after(place, _THE) and not self._has_cue(place, self.last(place, ()))
            return Evidence.NONE if thing else Evidence.SURE
        start = self.with_initial(place)
        titled = self._after(start, lexicon.titles)
        addressed = titled or self._after(start, lexicon.roles)
        named = addressed or self._after_phrase(start, lexicon.introducing)
        if word.low in lexicon.context:
            sure = named or (word.low not in lexicon.things and self._is_personal(place))
            return Evidence.SURE if sure else self._perhaps(place)
        if word.low in lexicon.ordinary:
            certain = (titled and "." not in self._gap(start - 1)) or (addressed and word.low in lexicon.family)
            return Evidence.SURE if certain else Evidence.NONE
        sure = named or self._is_family_first(place) or self._is_greeted(place) or self._has_initial(place)
        return Evidence.SURE if sure else self._perhaps(place)

    def _is_greeted(self, place: int) -> bool:
        return len(self.words[place].low) > 2 and self._after_phrase(place, self.lexicon.gratitude)

    def _has_initial(self, place: int) -> bool:
        """Whether an initial with its full stop is before a word, and no further one: "T. Okonedo", not "U.S. Navy"."""
        start = self.with_initial(place)
        before = self.text[: self.words[start].start][-1:]
        return start < place and before != "." and self._gap(start) == ". " and self._gap(start - 1) != "."

    def _is_personal(self, place: int) -> bool:
        """Whether what stands beside a first name is said of people only."""
        lexicon = self.lexicon
        if self._after_phrase(place, lexicon.thanking) or self._joins_a_name(place):
            return True
        last = self.last(place, ())
        if self.words[place].low in lexicon.subject and self._before(last, lexicon.after - {"and"}):
            return True
        if self._before(last, lexicon.human_verbs):
            return not self._after(place, lexicon.articles)
        following = last + 2
        while self._gap(following - 1) == " " and self.words[following].raw in lexicon.between:
            following += 1
        return self._before(last, frozenset({"was", "is"})) and self._before(following - 1, lexicon.human)

    def _is_family_first(self, place: int) -> bool:
        """Whether a family name and a first one follow each other, as in "Chen Wei"."""
        word, lexicon = self.words[place], self.lexicon
        if word.low not in lexicon.family or self._gap(place) != " ":
            return False
        first = self.words[place + 1]
        return first.capital and first.low in lexicon.listed

    def _perhaps(self, place: int) -> Evidence:
        """Return MAYBE for a word that is no known thing and has a person's verb or a greeting beside it."""
        word, lexicon = self.words[place], self.lexicon
        if word.low in lexicon.things or len(word.low) < 3 or self._after(place, lexicon.nowhere):
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
        """Whether "and" stands between a known first name and the word at a place."""
        return self._joined(place - 1, place - 2) or self._joined(place + 1, place + 2)

    def _joined(self, middle: int, other: int) -> bool:
        if not (0 <= min(middle, other) and max(middle, other) < len(self.words)):
            return False
        word = self.words[other]
        return self.words[middle].raw == "and" and word.capital and word.low in self.lexicon.first

    def _is_full_name(self, place: int, last: int) -> bool:
        """Whether a known first or family name ends or starts some capitals."""
        lexicon = self.lexicon
        return last > place and (self.words[last].low in lexicon.family or self.words[place].low in lexicon.context)

    def _sure_in_lower_case(self, place: int) -> bool:
        """Whether a word in lower case, or in capitals alone, is a name."""
        word, lexicon = self.words[place], self.lexicon
        if word.low in lexicon.first:
            return self._has_cue(place)
        start = self.with_initial(place)
        titled = self._after(start, lexicon.titles)
        if len(word.text) == 1:
            return titled and word.text.isupper() and word.text not in _NO_INITIALS
        named = titled or self._after_phrase(start, lexicon.naming)
        if word.raw in lexicon.verbs:
            return titled
        if word.low in lexicon.capital:
            return named or self._after(place, lexicon.roles)
        if word.low in lexicon.context:
            unclear = word.low in lexicon.ordinary or word.low in lexicon.things
            return named or (not unclear and self._after_phrase(place, lexicon.thanking))
        if word.low in lexicon.ordinary:
            return titled and word.low in lexicon.family and not word.text.islower()
        return len(word.low) > 2 and (named or (word.low in lexicon.family and self._after(place, lexicon.roles)))

    def _has_cue(self, place: int, last: int | None = None) -> bool:
        """Whether something beside the words from `place` to `last` says that they are a person's name."""
        last = place if last is None else last
        return (
            self.words[last].raw != self.words[last].low
            or self._after(place, self.lexicon.beside)
            or self._before(last, self.lexicon.after)
            or self._after_phrase(place, self.lexicon.greeting)
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
        phrase = ""
        for earlier in range(place - 1, max(-1, place - 1 - _LONGEST_CUE), -1):
            phrase = f"{self.words[earlier].raw} {phrase}".rstrip()
            if phrase in cues:
                return True
            if self._gap(earlier - 1) != " ":
                break
        return False

    def _starts_sentence(self, place: int) -> bool:
        return place == 0 or _SENTENCE_END.search(self._gap(place - 1)) is not None

    def _is_place(self, place: int) -> bool:
        """Whether the name that would start here is a place's or a thing's: "St Mary's", "Clifton Lane"."""
        lexicon = self.lexicon
        if place and self.words[place - 1].low in lexicon.places_before:
            return self.words[place - 1].text[0].isupper() and self._gap(place - 1) in {" ", ". "}
        if self._gap(place - 1) == "-" and self.words[place - 1].low not in lexicon.listed:
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
        joined = gap == "-" and part.capital and not _masked(part)
        if joined or self._continues(following) or (initial and gap == " " and not word.text.islower()):
            return following
        if (not part.capital and self._is_further(part, word)) or (gap == "-" and part.low in self.lexicon.first):
            return following
        return self._beyond_particles(place, following, kept)

    def _beyond_particles(self, place: int, following: int, kept: Collection[int]) -> int:
        """Return the place of the name after "van der", "de la" ..., or the place before where there is none."""
        beyond = following
        while beyond < len(self.words) - 1 and self.words[beyond].raw in self.lexicon.particles:
            if self._gap(beyond) not in {" ", "-"} or beyond - following > 2:
                return place
            beyond += 1
        return beyond if beyond > following and beyond not in kept and self._continues(beyond) else place

    def _is_further(self, part: Word, first: Word) -> bool:
        """Whether a further name in the case of the first one follows: "sarah thompson", "SARAH JANE"."""
        alike = part.text.islower() == first.text.islower() and part.text.isupper() == first.text.isupper()
        named = part.low in self.lexicon.family or part.low in self.lexicon.first
        return alike and named and part.low not in self.lexicon.ordinary

    def with_initial(self, place: int) -> int:
        """Return the place before where it is an initial: "J. Smith"."""
        if not place:
            return place
        before = self.words[place - 1]
        initial = len(before.text) == 1 and before.text.isupper() and before.raw == before.low
        fits = self._gap(place - 1) == ". " or (self._gap(place - 1) == " " and before.text not in _NO_INITIALS)
        return place - 1 if initial and fits else place


def _masked(word: Word) -> bool:
    """Whether a word is a placeholder, or crossed out already ("XXXX")."""
    return word.low[0] == "[" or "xxx" in word.low or word.low == "xx"
