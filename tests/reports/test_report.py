import pytest

from cxnlp.errors import ConfigError
from cxnlp.reports import Department

UNASSIGNED = Department("unassigned", "Unassigned")


@pytest.mark.parametrize("bad", ["../etc", "a/b", "A", "", "a b", "organisation", ".hidden", "x\n"])
def test_an_id_that_could_not_name_a_page_is_refused(without, bad):
    with pytest.raises(ConfigError, match="can't have the id"):
        without(departments=(Department(bad, "X"), UNASSIGNED))


@pytest.mark.parametrize(
    ("departments", "said"),
    [
        ((Department("a", "A"), Department("a", "B"), UNASSIGNED), "ids must differ"),
        ((Department("a", "A", parent="nobody"), UNASSIGNED), "No department has the id 'nobody'"),
        ((Department("a", "A", parent="b"), Department("b", "B", parent="a"), UNASSIGNED), "below itself"),
        ((Department("a", "A"),), "must hold 'unassigned'"),
    ],
)
def test_a_chart_that_is_no_tree_is_refused(without, departments, said):
    with pytest.raises(ConfigError, match=said):
        without(departments=departments)


def test_above_is_nearest_first(without):
    chart = (Department("a", "A"), Department("b", "B", parent="a"), Department("c", "C", parent="b"), UNASSIGNED)
    report = without(departments=chart)
    assert [department.id for department in report.above(report.department("c"))] == ["b", "a"]
    assert [department.id for department in report.below(report.department("a"))] == ["b"]
