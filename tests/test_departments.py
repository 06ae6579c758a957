"""The chart: what its file may say, how it is walked, and how names and paths are found in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.departments import Chart, Department, Found, fold, load_chart
from cxnlp.errors import ConfigError, InputError

SHOP = """
[[departments]]
id = "stores"
name = "Stores"
head = "Head of Stores"
owns = ["environment"]

[[departments]]
id = "leeds"
name = "Leeds store"
parent = "stores"
aliases = ["Leeds", {name = "North", mention = false}]

[[departments]]
id = "billing"
name = "Billing"
email = "billing@example.org"
owns = ["price_value", "returns_refunds"]

[[departments]]
id = "leeds-till"
name = "Till"
parent = "leeds"
mention = false

[[rules]]
field = "queue"
value = "Invoices*"
department = "billing"

[[mentions]]
words = ["direct debit"]
department = "billing"
"""

TWINS = """
[[departments]]
id = "trend"
name = "Trend"
[[departments]]
id = "trend-trend"
name = "Trend"
parent = "trend"
[[departments]]
id = "tops"
name = "Tops"
[[departments]]
id = "tops-lounge"
name = "Lounge"
parent = "tops"
[[departments]]
id = "trend-lounge"
name = "Lounge"
parent = "trend"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "departments.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def shop(tmp_path: Path) -> Chart:
    return load_chart(write(tmp_path, SHOP))


@pytest.fixture
def twins(tmp_path: Path) -> Chart:
    return load_chart(write(tmp_path, TWINS))


def test_departments_start_with_the_root_have_parents_first_and_end_with_unassigned(shop: Chart) -> None:
    ids = [department.id for department in shop.departments]
    assert ids == ["organisation", "stores", "leeds", "leeds-till", "billing", "unassigned"]


def test_ancestors_come_nearest_first_and_end_with_the_organisation(shop: Chart) -> None:
    assert shop.ancestors("leeds-till") == ("leeds", "stores", "organisation")
    assert shop.ancestors("unassigned") == ("organisation",)
    assert shop.ancestors("organisation") == ()


def test_children_are_those_directly_below(shop: Chart) -> None:
    assert shop.children("organisation") == ("stores", "billing", "unassigned")
    assert shop.children("stores") == ("leeds",)
    assert shop.children("billing") == ()


def test_closure_pairs_each_department_with_itself_and_all_above(shop: Chart) -> None:
    pairs = shop.closure()
    assert [pair for pair in pairs if pair[0] == "leeds"] == [
        ("leeds", "leeds"), ("leeds", "stores"), ("leeds", "organisation"),
    ]  # fmt: skip
    assert ("organisation", "organisation") in pairs
    assert ("unassigned", "organisation") in pairs
    assert len(pairs) == len(set(pairs)) == 1 + 2 + 3 + 4 + 2 + 2


def test_path_names_the_way_from_below_the_root(shop: Chart) -> None:
    assert shop.path("leeds-till") == "Stores > Leeds store > Till"


def test_an_unknown_id_names_the_nearest(shop: Chart) -> None:
    with pytest.raises(InputError, match="Did you mean 'billing'"):
        shop["biling"]
    with pytest.raises(InputError):
        shop.children("biling")
    assert "biling" not in shop
    assert "unassigned" in shop


def test_names_hold_every_name_alias_and_mention_of_the_file(shop: Chart) -> None:
    assert set(shop.names()) == {"Stores", "Leeds store", "Leeds", "North", "Billing", "Till", "direct debit"}


def test_names_without_mention_stay_out_of_texts(shop: Chart) -> None:
    assert shop.spoken() == {
        "Stores": "stores", "Leeds store": "leeds", "Leeds": "leeds", "Billing": "billing", "direct debit": "billing",
    }  # fmt: skip


def test_owners_are_the_topics_departments(shop: Chart) -> None:
    assert shop.owners() == {"environment": "stores", "price_value": "billing", "returns_refunds": "billing"}


def test_version_changes_with_the_text(tmp_path: Path) -> None:
    one = load_chart(write(tmp_path, SHOP)).version
    same = load_chart(write(tmp_path, SHOP)).version
    other = load_chart(write(tmp_path, SHOP + "# changed\n")).version
    assert one == same != other
    assert len(one) == 12


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("billing", Found("billing")),
        ("  BILLING ", Found("billing")),
        ("leeds\u00a0 STORE", Found("leeds")),
        ("north", Found("leeds")),
        ("Stores > Leeds", Found("leeds")),
        ("Stores>Leeds store>Till", Found("leeds-till")),
        ("Leeds > Till", Found("leeds-till")),
        ("Stores > York", Found("stores", ("York",))),
        ("Stores > York > Till", Found("stores", ("York", "Till"))),
        ("Stores > Till", Found("stores", ("Till",))),
        ("Billing > Leeds", Found("billing", ("Leeds",))),
        ("York", None),
        ("York > Leeds", None),
        ("", None),
        (">", None),
        ("unassigned", None),
        ("organisation", None),
    ],
)
def test_a_path_is_followed_as_deep_as_it_is_known(shop: Chart, value: str, found: Found | None) -> None:
    assert shop.find(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Trend", Found("trend")),
        ("Trend > Trend", Found("trend-trend")),
        ("Tops > Lounge", Found("tops-lounge")),
        ("Trend > Lounge", Found("trend-lounge")),
        ("Lounge", None),
        ("tops-lounge", Found("tops-lounge")),
    ],
)
def test_a_shared_name_is_told_apart_by_its_path(twins: Chart, value: str, found: Found | None) -> None:
    assert twins.find(value) == found


def test_a_shared_name_in_a_text_is_the_one_nearest_to_the_root_or_nobodys(twins: Chart) -> None:
    assert twins.spoken() == {"Trend": "trend", "Tops": "tops"}


def test_mentions_may_say_whose_a_shared_name_is(tmp_path: Path) -> None:
    text = TWINS + '[[mentions]]\nwords = ["Lounge"]\ndepartment = "tops-lounge"\n'
    assert load_chart(write(tmp_path, text)).spoken()["Lounge"] == "tops-lounge"


@pytest.mark.parametrize("name", ["Groups", "GROUPS", " groups\u00a0", "Ｇroups"])
def test_fold_sees_one_name_in_its_variants(name: str) -> None:
    assert fold(name) == "groups"


@given(st.text(max_size=30))
def test_fold_is_idempotent_for_latin_names(name: str) -> None:
    latin = name.encode("cp1252", "ignore").decode("cp1252")
    assert fold(fold(latin)) == fold(latin)


@given(st.lists(st.integers(min_value=-1, max_value=20), min_size=1, max_size=20))
def test_every_tree_closes_at_the_root(parents: list[int]) -> None:
    parts = [
        Department(id=f"d{i}", name=f"D{i}", **({"parent": f"d{above % i}"} if i and above >= 0 else {}))
        for i, above in enumerate(parents)
    ]
    chart = Chart(tuple(parts))
    closure = set(chart.closure())
    assert len(chart.departments) == len(parts) + 2
    for part in chart.departments:
        assert (part.id, part.id) in closure
        assert (part.id, "organisation") in closure
        assert all((child, part.id) in closure for child in chart.children(part.id))


A = '[[departments]]\nid = "a"\nname = "Aviation"\n'
B = '[[departments]]\nid = "b"\nname = "Brewing"\n'

FAULTS = {
    "unknown key": (A + 'ownz = ["delivery"]\n', 4, "unknown key 'ownz'. Did you mean 'owns'?"),
    "unknown key at the top": ("rulez = 1\n" + A, 1, "unknown key 'rulez'. Did you mean 'rules'?"),
    "unknown key of a rule": (
        A + '[[rules]]\nfeild = "group"\nfield = "group"\nvalue = "x"\ndepartment = "a"\n', 5, "Did you mean 'field'?",
    ),
    "no id": ('[[departments]]\nname = "A"\n', 1, "'departments.0.id' is missing."),
    "id for no file name": ('[[departments]]\nid = "../x"\nname = "A"\n', 2, "should match pattern"),
    "blank name": ('[[departments]]\nid = "a"\nname = "  "\n', 3, "at least 1 character"),
    "name like a path": ('[[departments]]\nid = "a"\nname = "A > B"\n', 3, "should match pattern"),
    "bad e-mail": (A + 'email = "nobody"\n', 4, "should match pattern"),
    "unknown parent": (A + B + 'parent = "aa"\n', 7, "parent 'aa' is no department's id. Did you mean 'a'?"),
    "unassigned as a parent": (A + 'parent = "unassigned"\n', 4, "parent 'unassigned' is no department's id."),
    "own parent": (A + 'parent = "a"\n', 4, "'a > a' goes round in a circle"),
    "circle": (A + 'parent = "b"\n' + B + 'parent = "a"\n', 4, "'a > b > a' goes round in a circle"),
    "same id": (A + '[[departments]]\nid = "a"\nname = "Other"\n', 5, "another department's; ids must differ (line 2)"),
    "same name": (A + '[[departments]]\nid = "c"\nname = "AVIATION"\n', 6, "'aviation' means two departments"),
    "alias like a name": (A + B + 'aliases = ["aviation"]\n', 7, "'aviation' means two departments"),
    "alias like an id": (A + B + 'aliases = ["A"]\n', 7, "'a' means two departments"),
    "alias like an alias": (A + 'aliases = ["x"]\n' + B + 'parent = "a"\naliases = ["X"]\n', 9, "(line 4)"),
    "name like an id": (A + '[[departments]]\nid = "c"\nname = "A"\n', 6, "'a' means two departments"),
    "reserved id": ('[[departments]]\nid = "unassigned"\nname = "Rest"\n', 2, "id 'unassigned' is always there"),
    "reserved root": ('[[departments]]\nid = "organisation"\nname = "Us"\n', 2, "id 'organisation' is always there"),
    "reserved name": ('[[departments]]\nid = "a"\nname = "Unassigned"\n', 3, "'unassigned' is the name of what"),
    "unknown topic": (A + 'owns = ["delivry"]\n', 4, "'delivry' is no topic. Did you mean 'delivery'?"),
    "two owners": (A + 'owns = ["delivery"]\n' + B + 'owns = ["delivery"]\n', 8, "has an owner already"),
    "rule for nobody": (
        A + '[[rules]]\nfield = "group"\nvalue = "x"\ndepartment = "aa"\n', 7,
        "department 'aa' is not in the chart. Did you mean 'a'?",
    ),
    "rule for an unknown field": (A + '[[rules]]\nfield = "team"\nvalue = "x"\ndepartment = "a"\n', 5, "'group'"),
    "rule without a value": (A + '[[rules]]\nfield = "group"\ndepartment = "a"\n', 4, "either value"),
    "rule with both": (
        A + '[[rules]]\nfield = "group"\nvalue = "x"\nvalues = ["y"]\ndepartment = "a"\n', 4, "either value",
    ),
    "two rules for a value": (
        A + B + '[[rules]]\nfield = "group"\nvalue = "x"\ndepartment = "a"\n'
        '[[rules]]\nfield = "group"\nvalue = "X "\ndepartment = "b"\n', 11, "'group = x' has a rule already (line 7).",
    ),
    "mention of nobody": (A + '[[mentions]]\nwords = ["x"]\ndepartment = "q"\n', 6, "'q' is not in the chart"),
    "mention of two": (
        A + B + '[[mentions]]\nwords = ["x"]\ndepartment = "a"\n[[mentions]]\nwords = ["X"]\ndepartment = "b"\n', 11,
        "(line 8)",
    ),
    "mention of another's name": (
        A + B + '[[mentions]]\nwords = ["Aviation"]\ndepartment = "b"\n', 8,
        "'aviation' already names 'a' in comments (line 3).",
    ),
    "mention of no words": (A + '[[mentions]]\nwords = []\ndepartment = "a"\n', 5, "at least 1 item"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_told_with_its_file_and_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_chart(path)
    assert f"{path}, line {line}: " in str(caught.value)
    assert message in str(caught.value)
    assert "?." not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = A + 'parent = "zz"\nowns = ["nothing"]\n[[mentions]]\nwords = ["x"]\ndepartment = "q"\n'
    with pytest.raises(ConfigError) as caught:
        load_chart(write(tmp_path, text))
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "departments = []\n"])
def test_an_empty_file_says_what_it_needs(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"has no \[\[departments\]\]; a chart needs at least one, with id and name"):
        load_chart(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no file .*absent\.toml"):
        load_chart(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    "text",
    [
        A + 'parent = "organisation"\n',
        A + 'aliases = ["Aviation"]\n',
        A + '[[mentions]]\nwords = ["Aviation"]\ndepartment = "a"\n',
        A + B + 'aliases = [{name = "x", mention = false}]\n[[mentions]]\nwords = ["x"]\ndepartment = "a"\n',
        A + B + '[[rules]]\nfield = "group"\nvalue = "x"\nsource = "one"\ndepartment = "a"\n'
        '[[rules]]\nfield = "group"\nvalue = "x"\ndepartment = "b"\n',
    ],
    ids=["root as parent", "own name as alias", "own name as mention", "silent alias elsewhere", "rule of one source"],
)
def test_what_is_harmless_is_allowed(tmp_path: Path, text: str) -> None:
    assert load_chart(write(tmp_path, text))["a"].name == "Aviation"
