"""What words decide: spaCy's matchers over patterns that are data (data/analysis/patterns.toml)."""

from __future__ import annotations

import functools
import threading
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from cxnlp.records import Polarity
from cxnlp.text.segment import WORD

CHURN = "churn"
_ATTRIBUTES = {"lower": "LOWER", "like_num": "LIKE_NUM", "op": "OP"}


@dataclass(frozen=True, slots=True)
class RuleHit:
    """text[start:end] matches a pattern of `label`: "topic:polarity", or "churn"."""

    label: str
    start: int
    end: int


def label_of(topic: str, polarity: Polarity) -> str:
    """Return the label of a finding, "wait_time:negative"."""
    return f"{topic}:{polarity}"


@functools.cache
def _matchers() -> tuple[Any, tuple[Any, ...]]:
    """Return a vocabulary with spaCy's PhraseMatcher for fixed phrases and its Matcher for the other patterns."""
    from spacy.attrs import LIKE_NUM, LOWER
    from spacy.lang.en.lex_attrs import like_num
    from spacy.matcher import Matcher, PhraseMatcher
    from spacy.vocab import Vocab

    vocabulary = Vocab(lex_attr_getters={LOWER: str.lower, LIKE_NUM: like_num})
    data = tomllib.loads(resources.files("cxnlp").joinpath("data/analysis/patterns.toml").read_text("utf-8"))
    phrases, tokens = PhraseMatcher(vocabulary, attr="LOWER"), Matcher(vocabulary)
    for entry in data["patterns"]:
        label = CHURN if entry.get("churn") else label_of(entry["topic"], Polarity(entry["polarity"]))
        phrases.add(label, [_document(vocabulary, WORD.findall(phrase)) for phrase in entry["phrases"]])
        if "tokens" in entry:
            tokens.add(label, [[_token(token) for token in pattern] for pattern in entry["tokens"]])
    return vocabulary, (phrases, tokens)


def _document(vocabulary: Any, words: list[str]) -> Any:
    from spacy.tokens import Doc

    return Doc(vocabulary, words=[word.replace("’", "'") for word in words])


def _token(token: dict[str, Any]) -> dict[str, Any]:
    spelled = {_ATTRIBUTES[key]: value for key, value in token.items() if key != "in"}
    return {**spelled, "LOWER": {"IN": token["in"]}} if "in" in token else spelled


_matching = threading.Lock()


def rule_hits(texts: Sequence[str]) -> list[tuple[RuleHit, ...]]:
    """Return the hits in each text, by place. May be called from several threads, which wait for each other.

    >>> [hit.label for hit in rule_hits(["The nurse was rude. Never again!"])[0]]
    ['staff_attitude:negative', 'churn']
    """
    vocabulary, matchers = _matchers()
    # What spaCy remembers of new words is freed after each call: memory stays flat over millions of comments.
    with _matching, vocabulary.memory_zone():
        return [tuple(sorted(_hits(text, vocabulary, matchers), key=_place)) for text in texts]


def _hits(text: str, vocabulary: Any, matchers: tuple[Any, ...]) -> Iterator[RuleHit]:
    spans = [match.span() for match in WORD.finditer(text)]
    if spans:
        document = _document(vocabulary, [text[start:end] for start, end in spans])
        for key, first, last in {match for matcher in matchers for match in matcher(document)}:
            yield RuleHit(vocabulary.strings[key], spans[first][0], spans[last - 1][1])


def _place(hit: RuleHit) -> tuple[int, int, str]:
    return hit.start, hit.end, hit.label
