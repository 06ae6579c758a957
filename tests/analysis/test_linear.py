from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxnlp.analysis.packages import load_analyser, models_folder
from cxnlp.records import Analysis, Polarity, Sentiment

MODEL = sorted(path.parent.name for path in models_folder().glob("linear/*/config.json"))[-1]


def analyse(*texts: str) -> list[Analysis]:
    return load_analyser(f"linear/{MODEL}").analyse(texts)


def test_a_finding_shows_the_clause_that_says_it() -> None:
    text = "The nurses were kind and friendly, but we waited four hours to be seen."
    (analysis,) = analyse(text)
    found = {(f.topic, f.polarity): text[f.start : f.end] for f in analysis.findings}
    assert "kind and friendly" in found["staff_attitude", Polarity.POSITIVE]
    assert found["wait_time", Polarity.NEGATIVE] == "we waited four hours to be seen"


@pytest.mark.parametrize(
    ("text", "overall"),
    [
        ("Awful, rude staff and my money was never refunded", Sentiment.NEGATIVE),
        ("Lovely friendly people, excellent care, thank you", Sentiment.POSITIVE),
        ("When will my card arrive?", Sentiment.NEUTRAL),
    ],
)
def test_the_overall_sentiment_is_read(text: str, overall: Sentiment) -> None:
    assert analyse(text)[0].overall is overall


def test_the_question_counts() -> None:
    analyser = load_analyser(f"linear/{MODEL}")
    asked = analyser.analyse(["Waiting times"] * 2, ["What could we do better?", "What was good?"])
    assert asked[0].probabilities[Sentiment.NEGATIVE] > asked[1].probabilities[Sentiment.NEGATIVE]


@pytest.mark.parametrize("text", ["", "   ", "😀" * 1_000, "1234 !!", "\ud800\udfff", "\n\n"])
def test_a_text_without_words_has_a_reason_and_no_findings(text: str) -> None:
    (analysis,) = analyse(text)
    assert (analysis.findings, analysis.reason, analysis.overall) == ((), "no words", Sentiment.NEUTRAL)


def test_a_long_text_is_read_whole() -> None:
    text = "We bought a lamp. " * 20_000 + "The staff were rude."
    (analysis,) = analyse(text)
    assert analysis.reason is None
    assert all(0 <= f.start < f.end <= len(text) for f in analysis.findings)


def test_results_do_not_depend_on_their_neighbours() -> None:
    texts = [f"The driver number {n} was late and rude" for n in range(600)]
    together = analyse(*texts)
    alone = analyse(texts[17])[0]
    assert together[17].findings == alone.findings
    assert together[17].overall_probability == pytest.approx(alone.overall_probability, abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=200), max_size=5))
def test_any_text_gets_an_analysis_with_spans_inside_it(texts: list[str]) -> None:
    for text, analysis in zip(texts, analyse(*texts), strict=True):
        assert sum(analysis.probabilities.values()) == pytest.approx(1.0, abs=1e-4)
        assert all(0 <= f.start < f.end <= len(text) and 0 <= f.score <= 1 for f in analysis.findings)
