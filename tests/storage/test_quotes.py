"""Quoted findings: the surest ones, the same words once."""

import datetime as dt

import pytest

from cxnlp.records import Channel, Polarity, Quote, Rule


@pytest.fixture
def said(told, comment, reading, owned):
    """Save comments by (text, topic, polarity, score, department), the n-th on day n."""

    def save(*items):
        told(
            *(
                (comment(day, text=text), reading((topic, polarity, score)), [owned(department, 0)])
                for day, (text, topic, polarity, score, department) in enumerate(items)
            )
        )

    return save


def texts(quotes):
    return [quote.text for quote in quotes]


def test_a_quote_says_whose_it_is_and_why(store, told, comment, reading, owned):
    one = comment(3, text="Late again.", question="What went wrong?", channel=Channel.TICKET)
    told((one, reading(("delivery", "negative", 0.75)), [owned("paris", 0, rule=Rule.GROUP, evidence="group = Paris")]))
    (quote,) = store.quotes(department="shops", per_topic=3)
    assert quote == Quote(
        feedback_id=quote.feedback_id,
        source="survey",
        channel=Channel.TICKET,
        question="What went wrong?",
        text="Late again.",
        created_at=one.created_at,
        topic="delivery",
        polarity=Polarity.NEGATIVE,
        score=0.75,
        start=0,
        end=7,
        department="paris",
        rule=Rule.GROUP,
        evidence="group = Paris",
    )


def test_quotes_are_of_the_department_and_those_below_it(store, said):
    said(
        ("a", "delivery", "negative", 0.9, "paris"),
        ("b", "delivery", "negative", 0.8, "shops"),
        ("c", "delivery", "negative", 0.7, "web"),
    )
    got = {
        name: texts(store.quotes(department=name, per_topic=9)) for name in ("organisation", "shops", "paris", "lyon")
    }
    assert got == {"organisation": ["a", "b", "c"], "shops": ["a", "b"], "paris": ["a"], "lyon": []}


def test_the_surest_come_first_and_the_newest_of_equals(store, said):
    said(
        *(
            (text, "delivery", "negative", score, "web")
            for text, score in [("a", 0.6), ("b", 0.8), ("c", 0.6), ("d", 0.7)]
        )
    )
    assert texts(store.quotes(department="web", per_topic=9)) == ["b", "d", "c", "a"]
    assert texts(store.quotes(department="web", per_topic=2)) == ["b", "d"]
    assert store.quotes(department="web", per_topic=0) == []


def test_each_topic_and_polarity_has_its_own_quotes(store, said):
    said(
        *(
            (f"{topic} {polarity} {number}", topic, polarity, 0.5, "web")
            for topic in ("delivery", "wait_time")
            for polarity in ("negative", "positive")
            for number in range(4)
        )
    )
    got = store.quotes(department="web", per_topic=2)
    assert [(quote.topic, str(quote.polarity)) for quote in got] == [
        (topic, polarity) for topic in ("delivery", "wait_time") for polarity in ("negative", "positive") for _ in "ab"
    ]
    only = store.quotes(department="web", topic="wait_time", polarity=Polarity.POSITIVE, per_topic=9)
    assert {(quote.topic, quote.polarity) for quote in only} == {("wait_time", Polarity.POSITIVE)}
    assert len(only) == 4


def test_the_same_words_come_once_however_often_they_were_said(store, said):
    said(
        *[("Too slow.", "delivery", "negative", 0.9, "web")] * 150,
        *((f"x{n}", "delivery", "negative", 0.1, "web") for n in range(3)),
    )
    assert texts(store.quotes(department="web", per_topic=3)) == ["Too slow.", "x2", "x1"]


def test_a_text_comes_once_for_two_spans_and_two_owners(store, told, comment, reading, owned):
    told(
        (comment(1), reading(("delivery", "negative"), ("delivery", "negative")), [owned("paris", 0), owned("lyon", 1)])
    )
    assert len(store.quotes(department="shops", per_topic=5)) == 1


def test_since_and_until_are_included_days(store, said, told, comment, reading, owned):
    said(*((f"day {day}", "delivery", "negative", 0.5, "web") for day in range(5)))
    told((comment(9, text="undated", created_at=None), reading(("delivery", "negative")), [owned("web", 0)]))
    day = {n: dt.date(2025, 3, 1) + dt.timedelta(days=n) for n in range(5)}
    asked = {"department": "web", "per_topic": 9}
    assert texts(store.quotes(since=day[1], until=day[2], **asked)) == ["day 2", "day 1"]
    assert texts(store.quotes(since=day[3], **asked)) == ["day 4", "day 3"]
    assert texts(store.quotes(until=day[0], **asked)) == ["day 0"]
    assert texts(store.quotes(since=dt.date.min, until=dt.date.max, **asked))[0] == "day 4"
    assert texts(store.quotes(**asked))[0] == "undated"


def test_retired_comments_are_not_quoted(store, said, keep, comment):
    said(("a", "delivery", "negative", 0.9, "web"))
    keep(comment(0, text="b"))
    assert store.quotes(department="web", per_topic=5) == []
