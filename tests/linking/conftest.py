"""A small organisation, and comments to link."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from cxnlp.departments import Chart, load_chart
from cxnlp.linking.link import Linker
from cxnlp.records import Analysis, Channel, Feedback, Finding, Hint, Polarity, Sentiment

CHART = """
[[departments]]
id = "stores"
name = "Stores"
owns = ["environment"]

[[departments]]
id = "leeds"
name = "Leeds store"
parent = "stores"
aliases = ["Leeds", {name = "North", mention = false}]

[[departments]]
id = "york"
name = "York store"
parent = "stores"

[[departments]]
id = "billing"
name = "Billing"
owns = ["price_value"]

[[departments]]
id = "delivery"
name = "Delivery"
mention = false

[[departments]]
id = "returns"
name = "Returns"

[[departments]]
id = "lounge-leeds"
name = "Lounge"
parent = "leeds"

[[departments]]
id = "lounge-york"
name = "Lounge"
parent = "york"

[[rules]]
field = "queue"
values = ["Invoice*", "Pay?"]
department = "billing"

[[rules]]
field = "queue"
value = "Invoice copies"
department = "returns"

[[rules]]
field = "queue"
value = "Front > Desk*"
department = "stores"

[[rules]]
field = "group"
value = "Tier 1"
department = "delivery"

[[rules]]
field = "group"
value = "Tier 1"
source = "crm"
department = "returns"

[[rules]]
field = "group"
value = "Crew*"
source = "crm"
department = "york"

[[rules]]
field = "product"
value = "Sofa [beige]"
department = "delivery"

[[rules]]
field = "location"
value = "LS1"
department = "leeds"

[[rules]]
field = "agent"
value = "A. Smith"
department = "billing"

[[rules]]
field = "class"
value = "none"
department = "returns"

[[mentions]]
words = ["direct debit", "refund policy"]
department = "billing"

[[mentions]]
words = ["York"]
department = "york"

[[mentions]]
words = ["York express counter"]
department = "delivery"
"""


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Chart:
    path = tmp_path_factory.mktemp("chart") / "departments.toml"
    path.write_text(CHART, "utf-8")
    return load_chart(path)


@pytest.fixture(scope="session")
def linker(chart: Chart) -> Linker:
    return Linker(chart)


@pytest.fixture(scope="session")
def comment() -> Callable[..., Feedback]:
    def make(text: str = "It was late.", *, source: str = "survey", **hints: str) -> Feedback:
        # `class` is a word of Python.
        said: Mapping[Hint, str] = {Hint(name.rstrip("_")): value for name, value in hints.items()}
        return Feedback(source, "1", Channel.TICKET, text, hints=said)

    return make


@pytest.fixture(scope="session")
def analysis() -> Callable[..., Analysis]:
    def make(text: str, **quotes: str) -> Analysis:
        """Findings by topic and the words that show them."""
        findings = tuple(
            Finding(topic, Polarity.NEGATIVE, 0.9, text.index(quote), text.index(quote) + len(quote))
            for topic, quote in quotes.items()
        )
        return Analysis(Sentiment.NEGATIVE, {Sentiment.NEGATIVE: 1.0}, False, 0.0, findings, "none/1", "1")

    return make
