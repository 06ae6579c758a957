"""Counts by department, against a slow count in Python."""

import datetime as dt
import itertools
import random
from collections import Counter, defaultdict

import pytest

from cxnlp.records import Channel, Feedback, Finding, Polarity, Rule, Scale, Score, Sentiment, TextStatus

ABOVE = {
    "organisation": ["organisation"],
    "shops": ["shops", "organisation"],
    "paris": ["paris", "shops", "organisation"],
    "lyon": ["lyon", "shops", "organisation"],
    "web": ["web", "organisation"],
    "unassigned": ["unassigned", "organisation"],
}
NOON = dt.datetime(2025, 3, 1, 12, tzinfo=dt.UTC)


def rows(frame):
    return list(frame.itertuples(index=False, name=None))


def test_a_comment_two_teams_share_counts_once_above_them(store, told, comment, reading, owned):
    told(
        (comment(0), reading(("delivery", "negative"), ("delivery", "negative")), [owned("paris", 0), owned("lyon", 1)])
    )
    day = dt.date(2025, 3, 1)
    assert rows(store.daily_topics()) == [
        (department, "delivery", day, 1, 1, 0, 0) for department in ("lyon", "organisation", "paris", "shops")
    ]
    assert rows(store.daily_comments()) == [
        (department, day, 1, 1, 1, 0, 0, 0, 0) for department in ("lyon", "organisation", "paris", "shops")
    ]


def test_praise_and_blame_of_one_topic_count_in_both(store, told, comment, reading, owned):
    told((comment(0), reading(("delivery", "negative"), ("delivery", "positive")), [owned("web", 0), owned("web", 1)]))
    assert rows(store.daily_topics())[1] == ("web", "delivery", dt.date(2025, 3, 1), 1, 1, 0, 1)


def test_days_are_of_utc_and_undated_comments_have_none(store, told, comment, reading, owned):
    late = dt.datetime(2025, 3, 1, 23, 30, tzinfo=dt.timezone(dt.timedelta(hours=-5)))
    read, mine = reading(("delivery", "negative")), [owned("web", 0)]
    told((comment(0, created_at=late), read, mine), (comment(1, created_at=None), read, mine))
    assert [row[1] for row in rows(store.daily_comments()) if row[0] == "web"] == [None, dt.date(2025, 3, 2)]
    assert [row[2] for row in rows(store.daily_topics()) if row[0] == "web"] == [None, dt.date(2025, 3, 2)]


def test_only_what_is_current_counts(store, keep, told, comment, reading, owned):
    told((comment(0), reading(("delivery", "negative")), [owned("web", 0)]))
    keep(comment(0, text="edited"))
    assert rows(store.daily_topics()) == rows(store.daily_comments()) == rows(store.daily_scores()) == []


def test_findings_of_an_older_model_do_not_count(store, told, comment, reading, owned):
    told((comment(0), reading(("delivery", "negative")), [owned("web", 0)]))
    ((lo, hi),) = store.unanalysed(size=1, model="linear/2")
    ((id, _),) = next(store.read_unanalysed(lo, hi, model="linear/2", batch=1))
    store.save_analyses("r1", [(id, reading(model="linear/2"))])
    assert rows(store.daily_topics()) == []
    for batch in store.read_unlinked(lo, hi, "v1", batch=1):
        store.save_links("r1", [(id, [owned("unassigned")]) for id, _, _ in batch], "v1")
    assert [row[0] for row in rows(store.daily_comments())] == ["organisation", "unassigned"]


def test_a_comment_with_nothing_to_read_is_not_analysed(store, told, comment, reading, owned):
    told((comment(0), reading(reason="no_words"), [owned("web")]))
    assert rows(store.daily_comments()) == []


def test_churn_is_counted(store, told, comment, reading, owned):
    told(*((comment(number, created_at=NOON), reading(churn=number < 2), [owned("web")]) for number in range(3)))
    assert rows(store.daily_comments())[-1] == ("web", NOON.date(), 3, 3, 3, 0, 0, 0, 2)


def test_a_comment_that_no_field_gives_away_could_speak_of_any_department(store, told, comment, reading, owned):
    late = reading(("delivery", "negative"))
    told(
        (comment(0, created_at=NOON), late, [owned("web", 0)]),
        (comment(1, created_at=NOON), late, [owned("paris", 0)]),
        (comment(2, created_at=NOON), late, [owned("paris", 0, rule=Rule.GROUP)]),
    )
    asked = {row[0]: (row[2], row[3]) for row in rows(store.daily_comments())}
    assert asked == {"web": (2, 1), "paris": (3, 2), "shops": (3, 2), "organisation": (3, 3)}


def test_where_only_fields_decide_a_comment_without_one_asks_nobody(store, told, comment, reading, owned):
    told(
        (comment(0, created_at=NOON), reading(), [owned("web", rule=Rule.DEPARTMENT)]),
        (comment(1, created_at=NOON), reading(), [owned("unassigned", rule=Rule.UNASSIGNED)]),
    )
    asked = {row[0]: (row[2], row[3]) for row in rows(store.daily_comments())}
    assert asked == {"web": (1, 1), "unassigned": (1, 1), "organisation": (2, 2)}


def test_the_answers_of_one_response_are_one_score(store, told, comment, owned):
    nine = {"score": Score(9, Scale.NPS), "response_id": "R", "status": TextStatus.BLANK, "created_at": NOON}
    told(
        (comment(1, **nine), None, [owned("paris")]),
        (comment(2, **nine), None, [owned("lyon")]),
        (comment(3, **nine | {"source": "survey", "response_id": "S"}), None, [owned("paris")]),
    )
    got = {row[0]: row[1:] for row in rows(store.daily_scores())}
    day = NOON.date()
    assert got == {
        "lyon": ("nps", day, 9.0, 1),
        "paris": ("nps", day, 9.0, 2),
        "shops": ("nps", day, 9.0, 2),
        "organisation": ("nps", day, 9.0, 2),
    }


def test_the_newest_message_of_a_ticket_tells_its_score(store, told, comment, owned):
    ticket = {"response_id": "T", "status": TextStatus.BLANK}
    told(
        (comment(5, score=Score(5, Scale.CSAT), **ticket), None, [owned("web")]),
        (comment(6, score=Score(1, Scale.CSAT), **ticket | {"created_at": None}), None, [owned("web")]),
        (comment(2, score=Score(3, Scale.CSAT), **ticket), None, [owned("paris")]),
        (comment(4, score=Score(2, Scale.NPS), **ticket), None, [owned("web")]),
    )
    organisation = [row[1:] for row in rows(store.daily_scores()) if row[0] == "organisation"]
    assert organisation == [("csat", dt.date(2025, 3, 6), 5.0, 1), ("nps", dt.date(2025, 3, 5), 2.0, 1)]


def invented(chance, number, reading, owned):
    """Return a comment, its analysis and its assignments, all by chance."""
    opinion = chance.random() < 0.8
    feedback = Feedback(
        source="survey",
        source_record_id=str(number),
        channel=Channel.SURVEY,
        text=f"text {number}",
        response_id=f"response {number // 3}",
        created_at=None if chance.random() < 0.1 else NOON + dt.timedelta(days=number // 3 % 4),
        score=Score(number // 3 % 11, Scale.NPS),
        status=TextStatus.OPINION if opinion else TextStatus.BLANK,
    )
    if not opinion:
        return feedback, None, [owned(chance.choice(list(ABOVE)))]
    findings = [
        Finding(chance.choice(["delivery", "wait_time"]), chance.choice(list(Polarity)), 0.9, 0, 4)
        for _ in range(chance.randint(0, 4))
    ]
    analysis = reading(overall=chance.choice(list(Sentiment)), churn=chance.random() < 0.3, findings=tuple(findings))
    rule = chance.choice([Rule.OWNER, Rule.MENTION, Rule.GROUP])
    mine = [owned(chance.choice(list(ABOVE)), position, rule=rule) for position in range(len(findings))]
    if not mine or chance.random() < 0.3:
        mine.append(owned(chance.choice(list(ABOVE)), rule=rule))
    return feedback, analysis, mine


def slow_topics(items):
    found = defaultdict(set)
    for feedback, analysis, mine in items:
        for each in mine:
            if each.finding is None:
                continue
            finding = analysis.findings[each.finding]
            day = feedback.created_at.date() if feedback.created_at else None
            for department in ABOVE[each.department]:
                found[department, finding.topic, day].add((feedback.source_record_id, finding.polarity))
    return {
        key: (len({id for id, _ in who}), *(len({id for id, each in who if each == polarity}) for polarity in Polarity))
        for key, who in found.items()
    }


def slow_comments(items):
    found, own, open_ = defaultdict(Counter), Counter(), Counter()
    for feedback, analysis, mine in items:
        day = feedback.created_at.date() if feedback.created_at else None
        for department in {above for each in mine for above in ABOVE[each.department]} if analysis else ():
            found[department, day].update(["comments", analysis.overall.value, *(["churn"] if analysis.churn else [])])
        if analysis and mine[0].rule is Rule.GROUP:
            own.update((department, day) for department in {above for each in mine for above in ABOVE[each.department]})
        elif analysis:
            open_[day] += 1
    columns = ("comments", "negative", "neutral", "mixed", "positive", "churn")
    keys = {*found, *itertools.product({department for department, _ in found}, open_)}
    return {key: (own[key] + open_[key[1]], *(found[key][column] for column in columns)) for key in keys}


def slow_scores(items):
    found = Counter()
    for _, answers in itertools.groupby(items, key=lambda item: item[0].response_id):
        answers = list(answers)
        when = [feedback.created_at for feedback, _, _ in answers if feedback.created_at]
        departments = {above for _, _, mine in answers for each in mine for above in ABOVE[each.department]}
        score = answers[0][0].score
        for department in departments:
            found[department, score.scale.value, max(when).date() if when else None, score.value] += 1
    return dict(found)


@pytest.mark.parametrize("seed", range(2))
def test_the_database_counts_as_python_does(store, told, reading, owned, seed):
    chance = random.Random(seed)
    items = [invented(chance, number, reading, owned) for number in range(120)]
    told(*items)
    assert {row[:3]: row[3:] for row in rows(store.daily_topics())} == slow_topics(items)
    assert {row[:2]: row[2:] for row in rows(store.daily_comments())} == slow_comments(items)
    assert {row[:4]: row[4] for row in rows(store.daily_scores())} == slow_scores(items)


def test_frames_are_sorted_and_typed(store, told, reading, owned):
    chance = random.Random(7)
    told(*(invented(chance, number, reading, owned) for number in range(60)))
    frame = store.daily_topics()
    assert list(frame.columns) == ["department", "topic", "day", "n", "negative", "neutral", "positive"]
    assert [str(dtype) for dtype in frame.dtypes] == ["str", "str", "object", *["int64"] * 4]
    assert [str(dtype) for dtype in store.daily_scores().dtypes] == ["str", "str", "object", "float64", "int64"]
    keys = [(department, topic, day or dt.date.min) for department, topic, day, *_ in rows(frame)]
    assert keys == sorted(keys)
    assert {type(day) for day in frame["day"]} == {dt.date, type(None)}
