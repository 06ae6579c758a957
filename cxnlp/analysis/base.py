"""What every analyser is: comments in, one Analysis each out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cxnlp.records import Analysis, Sentiment


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
