"""Who a comment and its findings are for, and the reason given."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cxnlp.departments import Chart, Department
from cxnlp.linking.link import Linker
from cxnlp.records import Analysis, Assignment, Feedback, Finding, Polarity, Rule, Sentiment

Make = Callable[..., Feedback]
Read = Callable[..., Analysis]

TEXT = "The Leeds store was filthy and the direct debit was wrong"


@pytest.mark.parametrize(
    ("hints", "department", "rule", "evidence", "confidence"),
    [
        ({"department": "billing"}, "billing", Rule.DEPARTMENT, "department = billing", 1.0),
        ({"department": "Stores>Leeds"}, "leeds", Rule.DEPARTMENT, "department = Stores > Leeds", 1.0),
        ({"department": "North"}, "leeds", Rule.DEPARTMENT, "department = North", 1.0),
        (
            {"department": "Stores > Bath"}, "stores", Rule.DEPARTMENT,
            "department = Stores > Bath, read as Stores", 1.0,
        ),
        ({"department": "Stores > Unknown"}, "stores", Rule.DEPARTMENT, "department = Stores", 1.0),
        ({"department": "Billing", "queue": "Returns"}, "billing", Rule.DEPARTMENT, "department = Billing", 1.0),
        ({"queue": "INVOICES 2024"}, "billing", Rule.GROUP, "ticket queue = INVOICES 2024", 0.95),
        ({"queue": "pay1"}, "billing", Rule.GROUP, "ticket queue = pay1", 0.95),
        ({"queue": "Invoice copies"}, "returns", Rule.GROUP, "ticket queue = Invoice copies", 0.95),
        ({"queue": "Front>Desk 4"}, "stores", Rule.GROUP, "ticket queue = Front > Desk 4", 0.95),
        ({"queue": "Returns"}, "returns", Rule.GROUP, "ticket queue = Returns", 0.95),
        ({"group": "Tier 1", "queue": "Returns"}, "delivery", Rule.GROUP, "ticket group = Tier 1", 0.95),
        ({"group": "Tier 2", "queue": "Returns"}, "returns", Rule.GROUP, "ticket queue = Returns", 0.95),
        ({"queue": "Returns", "product": "Sofa [beige]"}, "returns", Rule.GROUP, "ticket queue = Returns", 0.95),
        ({"product": "sofa [BEIGE]", "location": "LS1"}, "delivery", Rule.MAPPING, "product = sofa [BEIGE]", 0.9),
        ({"location": "ls1", "agent": "A. Smith"}, "leeds", Rule.MAPPING, "location = ls1", 0.9),
        ({"agent": "A. Smith", "class_": "none"}, "billing", Rule.MAPPING, "agent = A. Smith", 0.9),
        ({"class_": "none"}, "returns", Rule.MAPPING, "class = none", 0.9),
        ({"location": "York store"}, "york", Rule.MAPPING, "location = York store", 0.9),
    ],
)  # fmt: skip
def test_fields_decide_for_the_comment_and_all_its_findings(
    linker: Linker, comment: Make, analysis: Read,
    hints: dict[str, str], department: str, rule: Rule, evidence: str, confidence: float,
) -> None:  # fmt: skip
    read = analysis(TEXT, environment="filthy", price_value="wrong")
    assert linker.link(comment(TEXT, **hints), read) == tuple(
        Assignment(place, department, rule, evidence, confidence) for place in (None, 0, 1)
    )


@pytest.mark.parametrize("source", ["crm", "survey"])
def test_a_rule_of_one_source_goes_before_that_of_any(linker: Linker, comment: Make, source: str) -> None:
    (told,) = linker.link(comment(source=source, group="Tier 1"), None)
    assert told.department == ("returns" if source == "crm" else "delivery")


@pytest.mark.parametrize(("source", "department"), [("crm", "york"), ("survey", "unassigned")])
def test_a_pattern_of_one_source_is_for_that_source_only(
    linker: Linker, comment: Make, source: str, department: str
) -> None:
    assert linker.link(comment(source=source, group="Crew 7"), None)[0].department == department


@pytest.mark.parametrize(
    "value", ["", "  ", " > ", "Unknown", "unknown > N/A", "Unassigned", "Foo", "Foo > Billing", "Lounge"]
)
def test_a_value_that_leads_nowhere_falls_through_to_the_next_rule(linker: Linker, comment: Make, value: str) -> None:
    told = linker.link(comment(TEXT, department=value, queue="Returns"), None)
    assert [one.department for one in told] == ["returns"]
    told = linker.link(comment(TEXT, department=value), None)
    assert [one.rule for one in told] == [Rule.MENTION]


@pytest.mark.parametrize(
    ("hints", "complaints"),
    [
        ({"department": "Foo"}, ["department 'Foo' is not in the chart"]),
        (
            {"department": "Foo", "queue": "Bar"},
            ["department 'Foo' is not in the chart", "queue 'Bar' is not in the chart"],
        ),
        (
            {"department": "Foo", "queue": "Returns", "group": "Baz"},
            ["department 'Foo' is not in the chart", "group 'Baz' is not in the chart"],
        ),
        ({"department": "Billing", "queue": "Bar"}, []),
        ({"department": "Stores > Bath"}, ["department 'Stores > Bath' is not in the chart below 'Stores'"]),
        (
            {"department": "Lounge"},
            [
                "department 'Lounge' means several departments: "
                "Stores > Leeds store > Lounge, Stores > York store > Lounge"
            ],
        ),
        ({"department": "Unknown > "}, []),
        ({"department": "Stores > Unknown"}, []),
        ({"product": "Chair", "agent": "B. Jones"}, []),
        ({}, []),
    ],
)
def test_unknown_departments_groups_and_queues_can_be_counted(
    linker: Linker, comment: Make, hints: dict[str, str], complaints: list[str]
) -> None:
    assert list(linker.unknown(comment(**hints))) == complaints


def test_a_long_value_is_cut_in_evidence_and_complaint(linker: Linker, comment: Make) -> None:
    value = "Invoice\n" + "x" * 5_000
    assert len(linker.link(comment(queue=value), None)[0].evidence) < 120
    assert len(linker.unknown(comment(queue="y" * 5_000))[0]) < 120


def test_braces_of_a_source_stay_as_they_are(linker: Linker, comment: Make) -> None:
    assert linker.link(comment(queue="Invoice {value.__class__}"), None)[0].evidence == (
        "ticket queue = Invoice {value.__class__}"
    )


def test_findings_of_one_comment_go_to_the_nearest_mention(linker: Linker, comment: Make, analysis: Read) -> None:
    told = linker.link(comment(TEXT), analysis(TEXT, environment="filthy", price_value="wrong"))
    assert told == (
        Assignment(None, "leeds", Rule.MENTION, 'names "Leeds store"', 0.75),
        Assignment(0, "leeds", Rule.MENTION, 'names "Leeds store"', 0.75),
        Assignment(1, "billing", Rule.MENTION, 'names "direct debit"', 0.75),
    )


def test_without_mentions_findings_go_to_their_topics_owners(linker: Linker, comment: Make, analysis: Read) -> None:
    text = "Dirty, dear and slow"
    told = linker.link(comment(text), analysis(text, environment="Dirty", price_value="dear", wait_time="slow"))
    assert told == (
        Assignment(0, "stores", Rule.OWNER, 'Stores owns "Premises"', 0.5),
        Assignment(1, "billing", Rule.OWNER, 'Billing owns "Price and value"', 0.5),
        Assignment(2, "unassigned", Rule.UNASSIGNED, 'nobody owns "Waiting"', 0.0),
    )


@pytest.mark.parametrize("read", [True, False])
def test_a_comment_with_nothing_to_go_by_is_unassigned(
    linker: Linker, comment: Make, analysis: Read, read: bool
) -> None:
    told = linker.link(comment("Great service"), analysis("") if read else None)
    assert told == (Assignment(None, "unassigned", Rule.UNASSIGNED, "nothing in it says whose it is", 0.0),)


def test_a_comment_without_findings_goes_to_the_first_that_it_names(linker: Linker, comment: Make) -> None:
    (told,) = linker.link(comment("York was nice, Leeds too"), None)
    assert (told.department, told.finding) == ("york", None)


def test_a_topic_of_another_taxonomy_is_unassigned_by_its_id(linker: Linker, comment: Make) -> None:
    found = Finding("parking", Polarity.NEGATIVE, 0.9, 0, 4)
    read = Analysis(Sentiment.NEGATIVE, {Sentiment.NEGATIVE: 1.0}, False, 0.0, (found,), "none/1", "2")
    assert linker.link(comment("Full"), read)[0].evidence == 'nobody owns "parking"'


def test_many_are_linked_as_each_would_be_across_batches(linker: Linker, comment: Make, analysis: Read) -> None:
    read = analysis(TEXT, environment="filthy", price_value="wrong")
    kinds = [
        (comment(TEXT), read),
        (comment(TEXT, queue="Returns"), read),
        (comment("Great"), None),
        (comment("Fine at York"), None),
        (comment("", department="Foo"), None),
    ]
    pairs = [kinds[i % len(kinds)] for i in range(1_003)]
    assert list(linker.link_many(iter(pairs))) == [linker.link(*pair) for pair in pairs]


def test_linking_streams(linker: Linker, comment: Make) -> None:
    def endless():  # type: ignore[no-untyped-def]
        while True:
            yield comment("York"), None

    assert next(linker.link_many(endless()))[0].department == "york"


def test_two_streams_of_one_linker_may_interleave(linker: Linker, comment: Make) -> None:
    one = linker.link_many((comment("York"), None) for _ in range(600))
    other = linker.link_many((comment("Leeds"), None) for _ in range(600))
    assert {(a[0].department, b[0].department) for a, b in zip(one, other, strict=True)} == {("york", "leeds")}


def test_version_follows_the_chart(chart: Chart) -> None:
    assert Linker(chart).version == Linker(replace(chart)).version
    assert Linker(chart).version.startswith(chart.version)
    assert Linker(replace(chart, version="0" * 12)).version != Linker(chart).version


def test_a_chart_without_words_links(comment: Make) -> None:
    linker = Linker(Chart((Department(id="a", name="A", mention=False),), version="0" * 12))
    assert linker.link(comment("A a A"), None)[0].department == "unassigned"


def test_spacy_is_not_loaded_where_fields_decide(tmp_path: Path) -> None:
    code = (
        "import sys; from cxnlp.departments import Chart, Department; from cxnlp.linking.link import Linker;"
        "from cxnlp.records import Channel, Feedback, Hint;"
        "linker = Linker(Chart((Department(id='a', name='A'),)));"
        "linker.link(Feedback('s', '1', Channel.SURVEY, 'x', hints={Hint.QUEUE: 'A'}), None);"
        "sys.exit('spacy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
