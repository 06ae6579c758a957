"""What words decide: spaCy's matchers over patterns that are data (data/analysis/patterns.toml)."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

from cxnlp.records import Polarity
from cxnlp.text.segment import tokenizer

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
def _matchers() -> tuple[Any, ...]:
    """Return spaCy's PhraseMatcher for fixed phrases and its Matcher for the other patterns."""
    from spacy.matcher import Matcher, PhraseMatcher

    data = tomllib.loads(resources.files("cxnlp").joinpath("data/analysis/patterns.toml").read_text("utf-8"))
    nlp = tokenizer()
    phrases, tokens = PhraseMatcher(nlp.vocab, attr="LOWER"), Matcher(nlp.vocab)
    for entry in data["patterns"]:
        label = CHURN if entry.get("churn") else label_of(entry["topic"], Polarity(entry["polarity"]))
        phrases.add(label, [nlp.make_doc(phrase) for phrase in entry["phrases"]])
        if "tokens" in entry:
            tokens.add(label, [[_token(token) for token in pattern] for pattern in entry["tokens"]])
    return phrases, tokens


def _token(token: dict[str, Any]) -> dict[str, Any]:
    spelled = {_ATTRIBUTES[key]: value for key, value in token.items() if key != "in"}
    return {**spelled, "LOWER": {"IN": token["in"]}} if "in" in token else spelled


def rule_hits(texts: Iterable[str]) -> Iterator[tuple[RuleHit, ...]]:
    """Yield the hits in each text, by place.

    >>> [hit.label for hit in next(rule_hits(["The driver was rude. Never again!"]))]
    ['staff_attitude:negative', 'churn']
    """
    matchers = _matchers()
    nlp = tokenizer()
    for text in texts:
        doc = nlp.make_doc(text.replace("’", "'"))
        found = {match for matcher in matchers for match in matcher(doc)}
        hits = (RuleHit(nlp.vocab.strings[key], doc[a].idx, doc[b - 1].idx + len(doc[b - 1])) for key, a, b in found)
        yield tuple(sorted(hits, key=lambda hit: (hit.start, hit.end, hit.label)))
