from __future__ import annotations

import random

from cxnlp.evaluation.gold import Example, Label
from cxnlp.records import Polarity
from cxnlp.training.augment import roughen

TEXT = "Rude driver, but on time. The parcel (a lamp) was fine, thanks!"
QUOTE = TEXT.index("on time")
EXAMPLE = Example(
    "x",
    "own",
    TEXT,
    findings=(
        Label("staff_attitude", Polarity.NEGATIVE, 0, 11),
        Label("wait_time", Polarity.POSITIVE, QUOTE, QUOTE + 7),
        Label("delivery", Polarity.POSITIVE),
    ),
)


def letters(text: str) -> str:
    return "".join(sorted(set(text.lower())))


def test_quotes_stay_on_their_words() -> None:
    chance = random.Random(1)
    rough = [roughen(EXAMPLE, chance) for _ in range(400)]
    assert 60 < sum(one.text != TEXT for one in rough) < 240
    for one in rough:
        assert one.labels == EXAMPLE.labels
        for label, before in zip(one.findings, EXAMPLE.findings, strict=True):
            if before.end > 0:
                quote = one.text[label.start : label.end]
                assert len(set(quote.split()) - set(TEXT.split())) <= 3
                assert abs(len(quote) - (before.end - before.start)) <= 4
                assert sum(quote.count(c) for c in "eiou") >= 2


def test_a_finding_without_a_quote_stays_without() -> None:
    chance = random.Random(2)
    assert {(one.findings[2].start, one.findings[2].end) for one in (roughen(EXAMPLE, chance) for _ in range(50))} == {
        (-1, -1)
    }


def test_the_same_seed_gives_the_same_text() -> None:
    assert roughen(EXAMPLE, random.Random(7)) == roughen(EXAMPLE, random.Random(7))


def test_a_text_is_never_emptied() -> None:
    tiny = Example("x", "own", "!", findings=(Label("wait_time", Polarity.POSITIVE, 0, 1),))
    assert {roughen(tiny, random.Random(seed)).text for seed in range(100)} == {"!"}
