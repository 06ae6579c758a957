"""A report of an invented energy and broadband supplier: 8 departments, 15 topics, 17 weeks, one story each way."""

import datetime as dt
import random
from dataclasses import replace

import pandas as pd
import pytest

from cxnlp.records import (
    ORGANISATION,
    Channel,
    Period,
    Polarity,
    Quote,
    Receipt,
    Rule,
    SourceReceipt,
    TextStatus,
)
from cxnlp.reports import Department, Report, StatusCount
from cxnlp.summaries import score_summaries, topic_summaries
from cxnlp.taxonomy import load_taxonomy

DAY = dt.date(2026, 11, 3)
DAYS = 120

DEPARTMENTS = (
    Department("service", "Customer Service", "Amara Okafor"),
    Department("phone", "Phone Line", "Jonas Weber", parent="service"),
    Department("chat", "Chat and E-mail", "Lucía Ferrer", parent="service"),
    Department("billing", "Billing and Payments", "Priya Raman"),
    Department("field", "Installation and Repairs", "Tom Askew"),
    Department("network", "Network Operations"),
    Department("digital", "Website and App", "Hana Sato"),
    Department("unassigned", "Unassigned"),
)

# Share of a department's comments that complain of a topic, where it isn't small.
COMPLAINTS = {
    "phone": {"wait_time": 0.24, "human_contact": 0.16, "staff_attitude": 0.08, "understanding": 0.09},
    "chat": {"resolution": 0.17, "human_contact": 0.19, "understanding": 0.11, "personalization": 0.06},
    "billing": {"price_value": 0.27, "communication": 0.14, "resolution": 0.12, "returns_refunds": 0.10},
    "field": {"wait_time": 0.30, "product_quality": 0.10, "delivery": 0.12, "staff_attitude": 0.04},
    "network": {"product_quality": 0.33, "availability": 0.15, "communication": 0.09},
    "digital": {"digital_experience": 0.36, "trust_security": 0.06, "human_contact": 0.07},
    "unassigned": {"environment": 0.04, "price_value": 0.08},
}
VOLUMES = {"phone": 9, "chat": 6, "billing": 7, "field": 5, "network": 4, "digital": 5, "unassigned": 0.15}
PARENTS = {"phone": "service", "chat": "service"}

SAID = {
    "wait_time": [
        ("negative", "Rang at nine, ", "on hold for fifty minutes", ", then the line went dead. Rang again. Same."),
        ("negative", "The engineer was due between 8 and 12. ", "He came at half past four", ", a day's pay lost."),
        ("positive", "", "Answered on the second ring", ", which I did not expect on a Monday."),
    ],
    "human_contact": [
        ("negative", "I typed AGENT eleven times. ", "The bot kept sending me the same help page", "."),
        ("positive", "Finally ", "a real person who picked up", " and stayed with me until it worked."),
    ],
    "staff_attitude": [
        ("negative", "", "She sighed at me", " when I asked her to repeat the reference number 🙄"),
        ("positive", "The lad who fitted the box was ", "lovely and tidy", ", put his shoes at the door."),
    ],
    "resolution": [
        ("negative", "Third ticket about the same outage. ", "Closed again without a word", "."),
        ("positive", "One call and ", "the double charge was gone", "."),
    ],
    "price_value": [
        ("negative", "My bill went from 41 to 68 and ", "nobody can tell me what the extra 27 is for", "."),
        ("negative", "", "Charged twice in September", ", still waiting to see it back."),
    ],
    "product_quality": [("negative", "Every evening ", "the connection drops every few minutes", ", no work calls.")],
    "digital_experience": [
        ("negative", "Update installed, now ", "the app crashes as soon as I open a bill", ". Reinstalled twice."),
        ("positive", "", "Moved house in the app in five minutes", ", well done."),
    ],
    "communication": [("negative", "", "No one told us the works had moved to Thursday", ", we sat at home.")],
    "understanding": [("negative", "Explained my tariff three times and ", "he still read me the wrong one", ".")],
}  # fmt: skip


@pytest.fixture(scope="session")
def report():
    """The whole realistic report."""
    daily_topics, daily_comments, daily_scores = counted(random.Random(7))
    taxonomy = load_taxonomy()
    topics = [
        row
        for period in (Period.RECENT, Period.ALL, Period.WEEK)
        for row in topic_summaries(
            daily_topics, daily_comments, period=period, min_comments=10, topics=taxonomy.ids, today=DAY
        )
    ]
    scores = [
        row
        for period in (Period.RECENT, Period.ALL, Period.WEEK)
        for row in score_summaries(daily_scores, period=period, min_comments=10, today=DAY)
    ]
    return Report(
        organisation="Larkfield Energy & Broadband",
        day=DAY,
        period=Period.WEEK,
        window_days=28,
        min_comments=10,
        taxonomy=taxonomy,
        departments=DEPARTMENTS,
        topics=tuple(topics),
        scores=tuple(scores),
        quotes=quotes(taxonomy),
        statuses=statuses(),
        receipt=receipt(),
        model_note="Read by linear/1. On comments kept aside, 8 of 10 findings it names are right.",
    )


@pytest.fixture
def without(report):
    """Return the report with other parts: without(quotes={})."""
    return lambda **parts: replace(report, **parts)


def counted(rng):
    comment_rows, topic_rows, score_rows = {}, {}, {}
    topics = load_taxonomy().ids
    for ago in range(DAYS):
        day = DAY - dt.timedelta(days=ago)
        for department, volume in VOLUMES.items():
            comments = sum(rng.random() < 0.5 for _ in range(int(volume * 2))) or int(rng.random() < volume)
            places = [department, *([PARENTS[department]] if department in PARENTS else []), ORGANISATION]
            for place in places:
                comment_rows[place, day] = comment_rows.get((place, day), 0) + comments
            for topic in topics:
                chance = share(department, topic, ago)
                negative = sum(rng.random() < chance for _ in range(comments))
                positive = sum(rng.random() < 0.05 for _ in range(comments - negative))
                for place in places:
                    old = topic_rows.get((place, topic, day), (0, 0))
                    topic_rows[place, topic, day] = (old[0] + negative, old[1] + positive)
            score_day(rng, department, places, day, ago, comments, score_rows)
    return (
        pd.DataFrame(
            [(d, t, day, n + p, n, 0, p) for (d, t, day), (n, p) in topic_rows.items() if n + p],
            columns=["department", "topic", "day", "n", "negative", "neutral", "positive"],
        ),
        pd.DataFrame(
            [(*key, n, n) for key, n in comment_rows.items() if n], columns=["department", "day", "asked", "comments"]
        ),
        pd.DataFrame(
            [(*key, n) for key, n in score_rows.items()],
            columns=["department", "scale", "day", "score", "responses"],
        ),
    )  # fmt: skip


def share(department, topic, ago):
    chance = COMPLAINTS[department].get(topic, 0.012)
    if (department, topic) == ("phone", "wait_time") and ago < 28:
        return chance + 0.24
    if (department, topic) == ("field", "wait_time") and ago < 28:
        return chance / 5
    return chance


def score_day(rng, department, places, day, ago, comments, rows):
    happy = {"phone": 0.36 if ago >= 28 else 0.22, "field": 0.5, "billing": 0.3}.get(department, 0.42)
    for _ in range(comments):
        scale = rng.choice(["nps", "csat", "csat"])
        good = rng.random() < happy
        answers = {"nps": ([9, 10, 10], [2, 5, 6, 7, 8]), "csat": ([4, 5], [1, 2, 3])}[scale]
        score = rng.choice(answers[0] if good else answers[1])
        for place in places:
            rows[place, scale, day, score] = rows.get((place, scale, day, score), 0) + 1


def quotes(taxonomy):
    owners = {"wait_time": "phone", "human_contact": "chat", "staff_attitude": "phone", "resolution": "chat"}
    owners |= {"price_value": "billing", "product_quality": "network", "digital_experience": "digital"}
    owners |= {"communication": "field", "understanding": "phone"}
    made = []
    for topic in taxonomy.ids:
        for number, (polarity, before, marked, after) in enumerate(SAID.get(topic, [])):
            made.append(quote(len(made), topic, polarity, before, marked, after, owners[topic], number))
    by_department = {
        department.id: tuple(q for q in made if q.department == department.id) for department in DEPARTMENTS
    }
    by_department["service"] = tuple(q for q in made if PARENTS.get(q.department) == "service")
    return by_department


def quote(number, topic, polarity, before, marked, after, department, which):
    channel = list(Channel)[number % 3]
    rule, evidence = [
        (Rule.GROUP, "ticket queue = First line"),
        (Rule.MENTION, "“the line” in the comment"),
        (Rule.OWNER, "topic owner in the organisation chart"),
    ][number % 3]
    return Quote(
        feedback_id=number,
        source={"survey": "relationship", "review": "app_reviews", "ticket": "helpdesk"}[channel],
        channel=channel,
        question="What could we have done better?" if channel is Channel.SURVEY else None,
        text=before + marked + after,
        created_at=dt.datetime(2026, 10, 3 + number, 9, 30, tzinfo=dt.UTC),
        topic=topic,
        polarity=Polarity(polarity),
        score=0.9,
        start=len(before),
        end=len(before) + len(marked),
        department=department,
        rule=rule,
        evidence=evidence,
    )


def statuses():
    rows = {
        "relationship": [("opinion", "en", 2104), ("blank", None, 311), ("no_answer", None, 96),
                         ("other_language", "es", 41)],
        "app_reviews": [("opinion", "en", 1320), ("no_words", None, 57), ("other_language", "pl", 12)],
        "helpdesk": [("opinion", "en", 1003), ("blank", None, 8)],
    }  # fmt: skip
    return tuple(StatusCount(source, TextStatus(s), lang, n) for source, found in rows.items() for s, lang, n in found)


def receipt():
    return Receipt(
        run="2026-11-04-0200",
        status="complete",
        started_at=dt.datetime(2026, 11, 4, 2, 0, tzinfo=dt.UTC),
        finished_at=dt.datetime(2026, 11, 4, 2, 3, tzinfo=dt.UTC),
        sources=(
            SourceReceipt("relationship", pulled=120, new=100, updated=4, unchanged=12, duplicate=1,
                          rejected={"bad_date": 2, "score_out_of_scale": 1}),
            SourceReceipt("app_reviews", pulled=31, new=31),
            SourceReceipt("helpdesk", pulled=55, new=40, updated=15),
        ),
        comments={"opinion": 171, "blank": 12},
        analysed=171,
        findings=402,
        linked=190,
        published="2026-11-04-0200",
        versions={"cxnlp": "0.1.0", "model": "linear/1", "taxonomy": "1", "routing": "4f2a91c03b77"},
    )  # fmt: skip
