from __future__ import annotations

from cxnlp.evaluation.baselines import Majority, Vader
from cxnlp.evaluation.gold import Example
from cxnlp.records import Sentiment


def test_the_majority_is_that_of_the_labelled_comments() -> None:
    overall = [Sentiment.POSITIVE, Sentiment.POSITIVE, Sentiment.NEGATIVE, None]
    analyser = Majority(Example(str(at), "own", "x", overall=one) for at, one in enumerate(overall))
    (analysis,) = analyser.analyse(["terrible"])
    assert analysis.overall is Sentiment.POSITIVE and analysis.findings == ()
    assert analysis.overall_probability == 2 / 3


def test_nothing_labelled_is_neutral() -> None:
    assert Majority([]).analyse(["x"])[0].overall is Sentiment.NEUTRAL


def test_vader_reads_its_lexicon() -> None:
    texts = ["This is great, I love it", "Terrible, awful people", "The parcel is on the table"]
    assert [one.overall for one in Vader().analyse(texts)] == [
        Sentiment.POSITIVE,
        Sentiment.NEGATIVE,
        Sentiment.NEUTRAL,
    ]
