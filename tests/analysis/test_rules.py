from __future__ import annotations

import tomllib
from importlib import resources

import pytest

from cxnlp.analysis.rules import rule_hits
from cxnlp.records import Polarity
from cxnlp.taxonomy import load_taxonomy


@pytest.mark.parametrize(
    ("text", "label", "words"),
    [
        ("The driver was RUDE to me", "staff_attitude:negative", "RUDE"),
        ("They didn’t listen at all", "understanding:negative", "didn’t listen"),
        ("we waited nearly 3 hours", "wait_time:negative", "waited nearly 3 hours"),
        ("I am cancelling my contract", "churn", "cancelling my"),
        ("easy to use app", "digital_experience:positive", "easy to use"),
    ],
)
def test_a_pattern_shows_the_words_that_it_matched(text: str, label: str, words: str) -> None:
    hits = {hit.label: text[hit.start : hit.end] for hit in rule_hits([text])[0]}
    assert hits[label] == words


def test_nothing_is_matched_where_no_word_decides() -> None:
    assert rule_hits(["I bought a lamp on Tuesday."])[0] == ()


def test_every_pattern_names_a_topic_of_the_taxonomy() -> None:
    data = tomllib.loads(resources.files("cxnlp").joinpath("data/analysis/patterns.toml").read_text("utf-8"))
    known = set(load_taxonomy().ids)
    for entry in data["patterns"]:
        assert entry.get("churn") or (entry["topic"] in known and Polarity(entry["polarity"]))


def test_a_hundred_thousand_emoji_are_no_trouble() -> None:
    assert rule_hits(["😡" * 100_000 + " rude"])[0][0].label == "staff_attitude:negative"
