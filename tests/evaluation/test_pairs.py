from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from cxnlp.analysis.packages import models_folder
from cxnlp.errors import InputError
from cxnlp.evaluation.pairs import judge, read_pairs, tally
from cxnlp.records import Analysis, Finding, Polarity, Sentiment

BED = models_folder() / "gold/pairs.jsonl"
PAIR = {
    "id": "p1",
    "kind": "negation",
    "pair": [
        {
            "text": "The clerk was rude.",
            "overall": "negative",
            "there": [["staff_attitude", "negative"]],
            "absent": [["staff_attitude", "positive"]],
        },
        {
            "text": "The clerk wasn't rude.",
            "overall": None,
            "there": [],
            "absent": [["staff_attitude", "negative"]],
        },
    ],
}


class AllRude:
    """Reads rude staff in everything."""

    model, taxonomy = "rude/1", "1"

    def analyse(self, texts: Sequence[str], questions: Sequence[str | None] | None = None) -> list[Analysis]:
        chances = {one: float(one is Sentiment.NEGATIVE) for one in Sentiment}
        rude = Finding("staff_attitude", Polarity.NEGATIVE, 0.9, 0, 3)
        return [Analysis(Sentiment.NEGATIVE, chances, False, 0.0, (rude,), "rude/1", "1") for _ in texts]


def write(path: Path, row: object) -> Path:
    path.write_text(json.dumps(row) + "\n", "utf-8")
    return path


def test_both_members_must_be_right(tmp_path: Path) -> None:
    (judgement,) = judge(read_pairs(write(tmp_path / "pairs.jsonl", PAIR)), AllRude())
    assert judgement.faults == ((), ("staff_attitude:negative",))
    assert not judgement.right
    assert tally([judgement])["negation"].as_json() == {"pairs": 1, "right": 0, "members_right": 1}


def test_a_missed_finding_and_a_wrong_sentiment_are_named(tmp_path: Path) -> None:
    other = {"text": "x", "overall": "positive", "there": [["wait_time", "positive"]], "absent": []}
    row = {**PAIR, "pair": [PAIR["pair"][0], other]}
    (judgement,) = judge(read_pairs(write(tmp_path / "pairs.jsonl", row)), AllRude())
    assert judgement.faults[1] == ("overall negative, not positive", "no wait_time:positive")


@pytest.mark.parametrize("change", [{"pair": []}, {"pair": [PAIR["pair"][0]] * 3}, {"kind": None, "pair": 7}])
def test_what_is_not_a_pair_is_refused_with_its_line(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(InputError, match="line 1: not a pair"):
        read_pairs(write(tmp_path / "pairs.jsonl", {**PAIR, **change}))


def test_the_test_bed_has_two_hundred_pairs_of_eight_kinds_that_differ() -> None:
    pairs = read_pairs(BED)
    assert len(pairs) == len({pair.id for pair in pairs}) == 200
    assert len(Counter(pair.kind for pair in pairs)) == 8
    for pair in pairs:
        first, second = pair.members
        assert (first.text, first.question) != (second.text, second.question)
        assert not first.there & first.absent and not second.there & second.absent


def test_no_member_of_the_test_bed_is_trained_on() -> None:
    lines = (BED.parent / "own.jsonl").read_text("utf-8").splitlines()
    trained = {json.loads(line)["text"].casefold() for line in lines}
    members = [member for pair in read_pairs(BED) for member in pair.members if len(member.text.split()) > 3]
    assert not [member.text for member in members if member.text.casefold() in trained]
