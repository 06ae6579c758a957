import datetime as dt

import pandas as pd
import pytest

NEWEST = dt.date(2026, 11, 3)  # a Tuesday


@pytest.fixture
def newest():
    return NEWEST


@pytest.fixture
def comments():
    """Build daily_comments from (department, days before the newest or None, comments)."""

    def build(*rows):
        columns = ["department", "day", "asked", "comments"]
        return pd.DataFrame([(department, day(ago), n, n) for department, ago, n in rows], columns=columns)

    return build


@pytest.fixture
def topics():
    """Build daily_topics from (department, topic, days before the newest or None, negative[, positive[, neutral]])."""

    def build(*rows):
        columns = ["department", "topic", "day", "n", "negative", "neutral", "positive"]
        return pd.DataFrame([topic_row(*row) for row in rows], columns=columns)

    return build


@pytest.fixture
def scores():
    """Build daily_scores from (department, scale, days before the newest or None, score, responses)."""

    def build(*rows):
        columns = ["department", "scale", "day", "score", "responses"]
        return pd.DataFrame([(d, scale, day(ago), score, n) for d, scale, ago, score, n in rows], columns=columns)

    return build


def day(ago):
    return None if ago is None else NEWEST - dt.timedelta(days=ago)


def topic_row(department, topic, ago, negative, positive=0, neutral=0):
    return department, topic, day(ago), negative + positive + neutral, negative, neutral, positive
