from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxnlp.text.lexicon import Phrases
from cxnlp.text.people import redact_names

KEEP = Phrases.of(["Victoria Ward", "Customer Service", "Billing", "Hampton"])
Marked = list[tuple[str, list[tuple[int, int]]]]


def redacted(text: str, *, keep: Phrases = KEEP, model: bool = True) -> str:
    return redact_names([text], keep=keep, model=[model])[0]


def test_names_are_found_and_other_words_stay(
    marked_names: Marked, find_placed: Callable[..., list[tuple[int, int]]]
) -> None:
    texts = [text for text, _ in marked_names]
    names = [spans for _, spans in marked_names]
    done = redact_names(texts, keep=KEEP)
    found = [find_placed(after, text, "[NAME]") for after, text in zip(done, texts, strict=True)]
    wrong = [
        text[start:end]
        for text, spans, masked in zip(texts, names, found, strict=True)
        for start, end in masked
        if not any(start < last and first < end for first, last in spans)
    ]
    missed = [
        text[first:last]
        for text, spans, masked in zip(texts, names, found, strict=True)
        for first, last in spans
        if not any(start <= first and last <= end for start, end in masked)
    ]
    assert sum(map(len, names)) >= 200 and sum(not spans for spans in names) >= 90
    assert 1 - len(wrong) / sum(map(len, found)) >= 0.97, wrong
    assert 1 - len(missed) / sum(map(len, names)) >= 0.92, missed


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("Dr Patel was late", "Dr [NAME] was late"),
        ("Thanks to Sarah Brown and Tom", "Thanks to [NAME] and [NAME]"),
        ("Sarah's team, James' desk, Priya’s notes", "[NAME]'s team, [NAME]' desk, [NAME]’s notes"),
        ("J. Smith rang, so did Mrs van der Berg", "[NAME] rang, so did Mrs [NAME]"),
        ("Omotunde was rude. My name is Omotunde", "[NAME] was rude. My name is [NAME]"),
        ("Checked in with Efosa's cousin, cheers Tobechukwu", "Checked in with [NAME]'s cousin, cheers [NAME]"),
        ("The Jasper Conran towels", "The Jasper Conran towels"),
        ("[NAME] and Dave, [EMAIL]", "[NAME] and [NAME], [EMAIL]"),
        ("www.sarah.com or @sarah", "www.sarah.com or @sarah"),
    ],
)  # fmt: skip
def test_only_the_name_is_replaced(text: str, after: str) -> None:
    assert redacted(text) == after


def test_kept_words_stay_in_any_case_as_whole_words() -> None:
    keep = Phrases.of(["Rosie's Café", "Martha"])
    assert (
        redacted("Lunch at rosie's café, then MARTHA and Martha", keep=keep)
        == "Lunch at rosie's café, then MARTHA and Martha"
    )
    assert redacted("I like Marthas food, so does Rosie", keep=keep) == "I like Marthas food, so does [NAME]"


def test_without_the_model_only_what_is_sure_is_replaced() -> None:
    assert (
        redacted("Dr Nowak und Priya waren nett, Xantippe was kind", model=False)
        == "Dr [NAME] und [NAME] waren nett, Xantippe was kind"
    )


def test_a_batch_is_redacted_one_for_one() -> None:
    texts = ["Sarah was kind", "", "nothing here", *[f"Mr Nowak waited {n} minutes" for n in range(400)]]
    after = redact_names(texts, keep=KEEP)
    assert len(after) == len(texts)
    assert after[:3] == ["[NAME] was kind", "", "nothing here"]
    assert after[-1] == "Mr [NAME] waited 399 minutes"


_PIECES = st.sampled_from(
    ["Sarah", "sarah", "Will", "Grace", "Omotunde", "Brown", "SMITH", "J.", "Dr", "nurse", "and", "&", "was",
     "so kind", "thanks to", "called", "my name is",
     "at Victoria Ward", "in Charlotte", "Zara", "PayPal", ".", ",", "\n", "-", "'s", "van der", "Regards,", "[NAME]",
     "[EMAIL]", "I", "x"]
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(_PIECES, max_size=10).map(" ".join), min_size=1, max_size=4))
def test_redacting_twice_changes_nothing(texts: list[str]) -> None:
    once = redact_names(texts, keep=KEEP)
    assert redact_names(once, keep=KEEP) == once
