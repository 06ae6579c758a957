"""The charts of the real data sets: they load, and every value of the data leads to a department."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxnlp.departments import Chart, load_chart
from cxnlp.linking.link import Linker
from cxnlp.records import UNASSIGNED, Channel, Feedback, Hint, Rule
from cxnlp.taxonomy import load_taxonomy

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("CXNLP_REAL_DATA") or ROOT.parent / "shared" / "data")

FILES = {
    "nhs": ("nhs_friends_and_family/comments.csv", Hint.DEPARTMENT, ("Service type 1", "Service type 2")),
    "clothing": ("clothing_reviews/reviews.csv", Hint.DEPARTMENT, ("Department Name", "Class Name")),
    "cfpb": ("cfpb_complaints/complaints.csv", Hint.PRODUCT, ("Product",)),
}


def chart(name: str) -> Chart:
    return load_chart(ROOT / "flows" / "real" / name / "departments.toml")


def values(name: str) -> Iterator[tuple[Hint, tuple[str, ...]]]:
    """Yield the distinct values of a data set's columns."""
    file, hint, columns = FILES[name]
    if not (DATA / file).exists():
        pytest.skip(f"needs {file}; CXNLP_REAL_DATA names the folder")
    with (DATA / file).open(encoding="utf-8", newline="") as lines:
        distinct = {tuple(row[column] for column in columns) for row in csv.DictReader(lines)}
    return ((hint, parts) for parts in sorted(distinct))


@pytest.mark.parametrize("name", FILES)
def test_the_chart_loads(name: str) -> None:
    assert len(chart(name).departments) > 10


@pytest.mark.parametrize("name", ["clothing", "cfpb"])
def test_every_topic_has_an_owner(name: str) -> None:
    assert set(chart(name).owners()) == set(load_taxonomy().ids)


@pytest.mark.parametrize("name", FILES)
def test_every_value_leads_to_its_department(name: str) -> None:
    the_chart = chart(name)
    linker = Linker(the_chart)
    for hint, parts in values(name):
        said = [part.strip() for part in parts if part.strip() not in ("", "Unknown")]
        feedback = Feedback(name, "1", Channel.SURVEY, "", hints={hint: " > ".join(parts)})
        (told,) = linker.link(feedback, None)
        assert linker.unknown(feedback) == ()
        assert (told.department == UNASSIGNED) == (not said)
        if said and hint is Hint.DEPARTMENT:
            assert told.rule is Rule.DEPARTMENT
            # Each level that the data names is a level of the chart.
            assert len(the_chart.ancestors(told.department)) == len(said)
