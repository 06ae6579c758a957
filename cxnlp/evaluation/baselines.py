"""What an analyser has to beat: the most frequent sentiment, and VADER's lexicon. Neither gives findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from cxnlp.errors import InputError
from cxnlp.evaluation.gold import Example
from cxnlp.records import Analysis, Sentiment
from cxnlp.taxonomy import load_taxonomy

_VADER_LEAST = 0.05  # of the compound score, as its authors advise (Hutto and Gilbert, ICWSM 2014)


class Majority:
    """An Analyser that gives every comment the sentiment that most of the labelled ones have."""

    model = "majority"

    def __init__(self, examples: Iterable[Example]) -> None:
        self.taxonomy = load_taxonomy().version
        counts = Counter(example.overall for example in examples if example.overall)
        total = max(sum(counts.values()), 1)
        self._chances = {one: counts[one] / total for one in Sentiment} if counts else _certain(Sentiment.NEUTRAL)

    def analyse(self, texts: Sequence[str], questions: Sequence[str | None] | None = None) -> list[Analysis]:
        """Return one Analysis for each text."""
        return [_analysis(self._chances, self.model, self.taxonomy) for _ in texts]


class Vader:
    """An Analyser that gives the sentiment of VADER's compound score; it knows no mixed one."""

    model = "VADER"

    def __init__(self) -> None:
        try:
            from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
        except ImportError:
            raise InputError(
                "VADER needs vaderSentiment: pip install 'cxnlp[evaluate]', or leave it out with --no-baselines."
            ) from None
        self.taxonomy = load_taxonomy().version
        self._lexicon: Any = SentimentIntensityAnalyzer()

    def analyse(self, texts: Sequence[str], questions: Sequence[str | None] | None = None) -> list[Analysis]:
        """Return one Analysis for each text."""
        return [_analysis(_certain(self._sentiment(text)), self.model, self.taxonomy) for text in texts]

    def _sentiment(self, text: str) -> Sentiment:
        compound = self._lexicon.polarity_scores(text)["compound"]
        if abs(compound) < _VADER_LEAST:
            return Sentiment.NEUTRAL
        return Sentiment.POSITIVE if compound > 0 else Sentiment.NEGATIVE


def _certain(sentiment: Sentiment) -> dict[Sentiment, float]:
    return {one: float(one is sentiment) for one in Sentiment}


def _analysis(chances: dict[Sentiment, float], model: str, taxonomy: str) -> Analysis:
    overall = max(chances, key=lambda sentiment: chances[sentiment])
    return Analysis(overall, chances, False, 0.0, (), model, taxonomy)
