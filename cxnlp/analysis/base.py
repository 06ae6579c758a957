"""What every analyser is: comments in, one Analysis each out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from cxnlp.records import Analysis, Finding, Polarity, Sentiment


class Analyser(Protocol):
    """Reads comments.

    `model` is "name/version", `taxonomy` the version of the taxonomy it was made for. `analyse` takes any number of
    texts with, where there are some, the questions they answer, and returns one Analysis a text, in order. No text
    makes it fail: what it can't read gets an Analysis without findings whose `reason` says why. The same texts give the
    same result, whatever stands beside them.
    """

    model: str
    taxonomy: str

    def analyse(self, texts: Sequence[str], questions: Sequence[str | None] | None = None) -> list[Analysis]:
        """Return one Analysis for each text."""
        ...


def unread(reason: str, *, model: str, taxonomy: str) -> Analysis:
    """Return the Analysis of a comment that can't be read: neutral, no findings, and the reason."""
    certain = {sentiment: float(sentiment is Sentiment.NEUTRAL) for sentiment in Sentiment}
    return Analysis(Sentiment.NEUTRAL, certain, False, 0.0, (), model, taxonomy, reason)


_SURROGATE = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
    """Return the text with U+FFFD for each surrogate that stands alone: it becomes UTF-8, and places stay."""
    return _SURROGATE.sub("\ufffd", text)


def has_words(text: str) -> bool:
    """Whether a text has a letter of any script."""
    return any(character.isalpha() for character in text)


def compatible(found: Sequence[Finding]) -> list[Finding]:
    """Return the findings of one topic that can stand together, the likeliest first.

    The same words aren't both praise and blame, and a judged topic isn't neutral too.
    """
    kept: list[Finding] = []
    for finding in sorted(found, key=lambda finding: -finding.score):
        neutral = finding.polarity is Polarity.NEUTRAL or any(one.polarity is Polarity.NEUTRAL for one in kept)
        same_place = any(one.start < finding.end and finding.start < one.end for one in kept)
        if not kept or not (neutral or same_place):
            kept.append(finding)
    return kept
