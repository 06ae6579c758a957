"""Analyses and links: what waits for them, what replaces what."""

import dataclasses
import itertools
import math

import pytest
from sqlalchemy import func, select

from cxnlp.errors import StoreError
from cxnlp.records import Finding, Polarity, Sentiment, TextStatus
from cxnlp.storage import schema

LAST = 10**9


def ids_of(batches):
    return [item[0] for batch in batches for item in batch]


def waiting(store, **versions):
    return ids_of(store.read_unanalysed(1, LAST, batch=2, **versions))


def unlinked(store, routing="v1"):
    return ids_of(store.read_unlinked(1, LAST, routing, batch=2))


def count(store, table, *where):
    with store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table).where(*where))


@pytest.fixture
def three(keep, comment, store):
    """The ids of three stored opinions; a blank one lies between them."""
    keep(comment(1), comment(2), comment(3, status=TextStatus.BLANK), comment(4))
    return waiting(store)


def test_only_current_opinions_wait_for_an_analysis(store, keep, comment, three):
    assert len(three) == 3
    keep(comment(1, text="edited"), comment(2, status=TextStatus.OTHER_LANGUAGE, text="bonjour"))
    assert [each.text for batch in store.read_unanalysed(1, LAST, batch=9) for _, each in batch] == [
        "Comment number 4.",
        "edited",
    ]


@pytest.mark.parametrize(("size", "parts"), [(1, [1, 1, 1]), (2, [2, 1]), (3, [3]), (100, [3])])
def test_ranges_cut_what_waits_into_parts(store, three, size, parts):
    ranges = store.unanalysed(size=size)
    assert [len(ids_of(store.read_unanalysed(lo, hi, batch=2))) for lo, hi in ranges] == parts
    assert (ranges[0][0], ranges[-1][1]) == (three[0], three[-1])
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ranges))


def test_nothing_waiting_gives_no_ranges(store):
    assert store.unanalysed(size=10) == store.unlinked("v1", size=10) == []


def test_batches_can_be_saved_while_more_are_read(store, keep, comment, reading, owned):
    keep(*(comment(0, source_record_id=str(number), text=f"t{number}") for number in range(25)))
    seen = []
    for batch in store.read_unanalysed(1, LAST, batch=4):
        seen += [each.text for _, each in batch]
        store.save_analyses("r1", [(id, reading()) for id, _ in batch])
    assert sorted(seen) == sorted(f"t{number}" for number in range(25))
    linked = 0
    for batch in store.read_unlinked(1, LAST, "v1", batch=4):
        linked += store.save_links("r1", [(id, [owned("web")]) for id, _, _ in batch], "v1")
    assert linked == 25
    assert waiting(store) == unlinked(store) == []


def test_an_analysis_comes_back_as_it_was(store, three, reading):
    given = reading(
        overall=Sentiment.MIXED,
        probabilities={each: probability for each, probability in zip(Sentiment, (0.1, 0.2, 0.3, 0.4), strict=True)},
        churn=True,
        churn_probability=1 / 3,
        findings=(
            Finding("delivery", Polarity.POSITIVE, math.nextafter(1, 0), 3, 9),
            Finding("delivery", Polarity.NEGATIVE, 0.5, 0, 2),
            Finding("wait_time", Polarity.NEUTRAL, 0.25, 0, 9),
        ),
    )
    nothing = reading(reason="no_words")
    assert store.save_analyses("r1", list(zip(three, (given, nothing, reading()), strict=True))) == 3
    back = {id: analysis for batch in store.read_unlinked(1, LAST, "v1", batch=2) for id, _, analysis in batch}
    assert [back[id] for id in three] == [given, nothing, reading()]
    assert [analysis for id, analysis in back.items() if id not in three] == [None]


def test_the_same_model_again_changes_nothing(store, three, reading):
    store.save_analyses("r1", [(three[0], reading(("delivery", "negative")))])
    before = store.data_version()
    assert store.save_analyses("r1", [(three[0], reading())]) == 0
    assert store.data_version() == before
    assert count(store, schema.finding) == 1


def test_another_model_replaces_and_keeps_what_was_read_before(store, three, reading):
    old, new = reading(("delivery", "negative")), reading(("wait_time", "negative"), model="linear/2")
    store.save_analyses("r1", [(id, old) for id in three])
    assert waiting(store) == []
    assert waiting(store, model="linear/1", taxonomy="1") == []
    assert waiting(store, model="linear/2", taxonomy="1") == waiting(store, model="linear/1", taxonomy="2") == three
    assert store.unanalysed(size=2, model="linear/2") == [(three[0], three[1]), (three[2], three[2])]
    assert store.save_analyses("r1", [(id, new) for id in three[:2]]) == 2
    assert waiting(store, model="linear/2", taxonomy="1") == three[2:]
    assert (count(store, schema.analysis), count(store, schema.analysis, schema.analysis.c.current)) == (5, 3)
    assert count(store, schema.finding) == 5
    back = {id: analysis for batch in store.read_unlinked(1, LAST, "v1", batch=9) for id, _, analysis in batch}
    assert back[three[0]] == new


def test_an_edit_retires_analysis_and_findings(store, keep, comment, three, reading):
    store.save_analyses("r1", [(three[0], reading(("delivery", "negative")))])
    keep(comment(1, text="edited"))
    assert count(store, schema.analysis) == 1
    assert count(store, schema.analysis, schema.analysis.c.current) == 0
    assert three[0] not in waiting(store)


def test_results_for_a_version_that_was_edited_meanwhile_are_left_out(store, keep, comment, three, reading, owned):
    keep(comment(1, text="edited"))
    assert store.save_analyses("r1", [(three[0], reading()), (three[1], reading())]) == 1
    assert store.save_links("r1", [(three[0], [owned("web")]), (three[1], [owned("web")])], "v1") == 1


def test_a_comment_that_is_not_there_is_an_error(store, reading, owned):
    with pytest.raises(StoreError, match="no comment 77"):
        store.save_analyses("r1", [(77, reading())])
    with pytest.raises(StoreError, match="no comment 77"):
        store.save_links("r1", [(77, [owned("web")])], "v1")


def test_an_assignment_of_a_finding_that_is_not_there_is_an_error(store, three, reading, owned):
    store.save_analyses("r1", [(three[0], reading(("delivery", "negative")))])
    with pytest.raises(StoreError):
        store.save_links("r1", [(three[0], [owned("web", 1)])], "v1")
    assert count(store, schema.link) == 0


def test_a_comment_waits_for_its_link_until_it_is_ready(store, three, reading):
    ready = unlinked(store)
    assert len(ready) == 1
    assert not set(ready) & set(three)
    store.save_analyses("r1", [(three[1], reading())])
    assert unlinked(store) == sorted([*ready, three[1]])


def test_new_routing_a_new_analysis_and_an_edit_link_again(store, keep, comment, three, reading, owned):
    store.save_analyses("r1", [(id, reading()) for id in three])
    everything = unlinked(store)
    store.save_links("r1", [(id, [owned("web")]) for id in everything], "v1")
    assert unlinked(store) == []
    assert unlinked(store, "v2") == everything
    store.save_analyses("r1", [(three[2], reading(model="linear/2"))])
    assert unlinked(store) == [three[2]]
    keep(comment(3, text="still blank", status=TextStatus.BLANK))
    assert len(unlinked(store)) == 2


def test_links_replace_the_assignments_of_before(store, three, reading, owned):
    store.save_analyses("r1", [(three[0], reading(("delivery", "negative")))])
    before = store.data_version()
    store.save_links("r1", [(three[0], [owned("web", 0), owned("shops")])], "v1")
    assert store.data_version() != before
    assert count(store, schema.assignment) == 2
    store.save_links("r1", [(three[0], [owned("lyon", 0)])], "v2")
    store.save_links("r1", [(three[0], [])], "v3")
    assert count(store, schema.assignment) == 0
    assert count(store, schema.link) == 1


def test_more_results_than_one_query_takes(store, keep, comment, reading, owned):
    keep(*(comment(0, source_record_id=str(number), text=f"t{number}") for number in range(1_100)))
    items = [(id, reading(("delivery", "negative"), ("wait_time", "positive"))) for id in waiting(store)]
    assert store.save_analyses("r1", items) == 1_100
    again = [(id, dataclasses.replace(analysis, model="linear/2")) for id, analysis in items]
    assert store.save_analyses("r1", again) == 1_100
    assert store.save_links("r1", [(id, [owned("web", 0), owned("web", 1)]) for id, _ in items], "v1") == 1_100
    for batch in store.read_unlinked(1, LAST, "v2", batch=1_050):
        assert all([each.topic for each in read.findings] == ["delivery", "wait_time"] for _, _, read in batch)


def test_a_changed_chart_shows(store):
    store.save_chart("v1", [("web", "web"), ("web", "organisation")])
    before = store.data_version()
    store.save_chart("v2", [("web", "organisation"), ("web", "web")])
    assert store.data_version() == before
    store.save_chart("v3", [("web", "web")])
    assert store.data_version() != before
