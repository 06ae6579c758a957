from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxnlp.errors import ConfigError
from cxnlp.records import Channel, Feedback, Hint, Score, TextStatus
from cxnlp.records import Scale as ScaleOf
from cxnlp.text.prepare import Preparer

KEY = b"a key of the organisation"


def feedback(text: str, **fields: object) -> Feedback:
    return Feedback("shop", str(fields.pop("record_id", "1")), Channel.REVIEW, text, **fields)  # type: ignore[arg-type]


def prepared(text: str, **fields: object) -> Feedback:
    return Preparer(key=KEY, keep=["Victoria Ward"]).prepare([feedback(text, **fields)])[0]


def test_text_is_cleaned_and_redacted() -> None:
    after = prepared("<p>Sarah on Victoria Ward&nbsp;waited 40 minutes</p>mail me: kim@example.com")
    assert after.text == "[NAME] on Victoria Ward waited 40 minutes\nmail me: [EMAIL]"
    assert after.status is TextStatus.OPINION
    assert after.language == "en"


def test_fields_around_the_text_are_cleaned_and_redacted_by_pattern() -> None:
    after = prepared(
        "Lovely",
        question="Why? <b>Tell</b> us",
        hints={Hint.GROUP: " Billing ", Hint.AGENT: "kim@example.com"},
        attributes={"Contact": "07700 900123", "Store": "Leeds"},
    )
    assert after.question == "Why? Tell us"
    assert after.hints == {Hint.GROUP: "Billing", Hint.AGENT: "[EMAIL]"}
    assert after.attributes == {"Contact": "[PHONE]", "Store": "Leeds"}


def test_everything_else_stays() -> None:
    before = feedback(
        "Lovely", score=Score(9, ScaleOf.NPS), created_at=dt.datetime(2026, 1, 2, tzinfo=dt.UTC), response_id="r1"
    )
    after = Preparer(key=KEY).prepare([before])[0]
    assert (after.source, after.source_record_id, after.response_id) == ("shop", "1", "r1")
    assert (after.score, after.created_at, after.channel) == (before.score, before.created_at, before.channel)


def test_a_customer_is_hashed_with_the_key() -> None:
    one, same, other = (prepared("ok", customer_ref=ref).customer_ref for ref in ("C-1", " C-1 ", "C-2"))
    assert one == same != other
    assert one is not None and len(one) == 32 and int(one, 16) >= 0
    assert Preparer(key=b"another key").prepare([feedback("ok", customer_ref="C-1")])[0].customer_ref != one
    assert prepared("ok", customer_ref="  ").customer_ref is None
    assert prepared("ok").customer_ref is None


@pytest.mark.parametrize(
    ("text", "given_language", "language", "status"),
    [
        ("The nurses were lovely and kind", None, "en", TextStatus.OPINION),
        ("The nurses were lovely and kind", "de-DE", "de", TextStatus.OTHER_LANGUAGE),
        ("Das Personal war sehr freundlich", None, "de", TextStatus.OTHER_LANGUAGE),
        ("Das Personal war sehr freundlich", "zz", "de", TextStatus.OTHER_LANGUAGE),
        ("Lovely", "EN-GB", "en", TextStatus.OPINION),
        ("Lovely", None, None, TextStatus.OPINION),
        ("n/a", None, None, TextStatus.NO_ANSWER),
        ("<br>", None, None, TextStatus.BLANK),
        ("kim@example.com", None, None, TextStatus.NO_WORDS),
    ],
)
def test_language_and_status(text: str, given_language: str | None, language: str | None, status: TextStatus) -> None:
    after = prepared(text, language=given_language)
    assert (after.language, after.status) == (language, status)


def test_other_languages_are_redacted_too() -> None:
    after = prepared("Frau Nowak und Priya waren leider sehr unfreundlich, Tel. 030/9018200")
    assert after.status is TextStatus.OTHER_LANGUAGE
    assert after.text == "Frau [NAME] und [NAME] waren leider sehr unfreundlich, Tel. [PHONE]"


def test_names_can_be_left_in() -> None:
    assert (
        Preparer(key=KEY, redact_names=False).prepare([feedback("Sarah, kim@example.com")])[0].text == "Sarah, [EMAIL]"
    )


def test_a_batch_keeps_its_order_and_length() -> None:
    batch = [feedback(f"comment {number} by Sarah", record_id=number) for number in range(300)]
    after = Preparer(key=KEY).prepare(batch)
    assert [record.source_record_id for record in after] == [str(number) for number in range(300)]
    assert after[299].text == "comment 299 by [NAME]"
    assert Preparer(key=KEY).prepare([]) == []


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(ConfigError, match="key"):
        Preparer(key=b"")


_PIECES = st.sampled_from(
    ["Thanks to Sarah", "my name is", "omotunde", "Will was kind", "<p>", "&amp;", "</script>", "kim@example.com",
     "0161 496 0018", "4111 1111 1111 1111",
     "https://example.com/a?b=c", "waited 40 minutes", "Das war", "schlecht", "n/a", "😀", "\u200b", "\n", ". ", "Dr",
     "Patel", "SARAH", "’s", "[NAME]"]
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(_PIECES, max_size=12).map(" ".join))
def test_preparing_a_text_twice_changes_nothing(raw: str) -> None:
    preparer = Preparer(key=KEY)
    once = preparer.prepare([feedback(raw)])
    assert preparer.prepare(once)[0].text == once[0].text
