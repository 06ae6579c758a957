import json
import os
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxnlp.errors import SourceError
from cxnlp.records import Page


def rows(first: int, last: int) -> list[list[str]]:
    return [["id", "comment"], *([str(n), f"comment {n}"] for n in range(first, last))]


def ids(page: Page) -> list[str]:
    return [record.source_record_id for record in page.records]


def test_pages_hold_about_the_asked_number_and_cross_files(write_csv, make_source) -> None:
    write_csv(rows(0, 25), "in/a.csv")
    write_csv(rows(25, 30), "in/b.csv")
    pages = list(make_source("in").pull(None, page_size=10))
    assert [len(page.records) for page in pages] == [10, 10, 10]
    assert [id for page in pages for id in ids(page)] == [str(n) for n in range(30)]


def test_a_row_with_several_texts_is_never_split_over_pages(write_csv, make_source) -> None:
    write_csv([["id", "a", "b", "c"], *([n, "x", "y", "z"] for n in range(5))])
    pages = list(make_source(columns={"text": ["a", "b", "c"]}).pull(None, page_size=4))
    assert [len(page.records) for page in pages] == [6, 6, 3]


def test_nothing_new_yields_nothing(write_csv, make_source) -> None:
    write_csv(rows(0, 25))
    *_, last = make_source().pull(None, page_size=10)
    assert list(make_source().pull(last.cursor, page_size=10)) == []


@pytest.mark.parametrize("after", [1, 2, 3])
def test_pull_resumes_after_the_page_that_was_stored(write_csv, make_source, pull, after: int) -> None:
    write_csv(rows(0, 25), "in/a.csv")
    write_csv(rows(25, 40), "in/b.csv")
    pages = []
    pull_of_a_run_that_dies = make_source("in").pull(None, page_size=10)
    for _ in range(after):
        pages.append(next(pull_of_a_run_that_dies))
    pull_of_a_run_that_dies.close()
    rest = pull(make_source("in"), pages[-1].cursor, page_size=10)
    assert [id for page in pages for id in ids(page)] + ids(rest) == [str(n) for n in range(40)]


def test_ids_seen_before_an_interruption_are_remembered(write_csv, make_source, pull) -> None:
    write_csv([*rows(0, 20), ["3", "comment 3"], ["4", "something else"]])
    first = next(make_source().pull(None, page_size=10))
    rest = pull(make_source(), first.cursor)
    assert rest.duplicates == 1
    assert [(reject.reason, reject.record_id) for reject in rest.rejects] == [("duplicate_id", "4")]


def test_a_new_file_in_a_folder_is_read_alone(write_csv, make_source, pull) -> None:
    write_csv(rows(0, 5), "in/2024-01-01.csv")
    first = pull(make_source("in"))
    write_csv(rows(5, 8), "in/2024-01-02.csv")
    second = pull(make_source("in"), first.cursor)
    assert ids(second) == ["5", "6", "7"]


def test_a_grown_or_edited_file_is_read_from_its_start(write_csv, make_source, pull) -> None:
    write_csv(rows(0, 5))
    first = pull(make_source())
    write_csv(rows(0, 7))
    assert ids(pull(make_source(), first.cursor)) == [str(n) for n in range(7)]


def test_a_file_that_was_only_touched_gives_no_records(write_csv, make_source) -> None:
    path = write_csv(rows(0, 5))
    *_, last = make_source().pull(None, page_size=10)
    os.utime(path, ns=(1, 1))
    (page,) = make_source().pull(last.cursor, page_size=10)
    assert (page.records, page.rejects, page.duplicates) == ((), (), 0)
    assert list(make_source().pull(page.cursor, page_size=10)) == []


def test_an_edit_that_keeps_the_size_is_seen(write_csv, make_source, pull) -> None:
    write_csv([["id", "comment"], ["1", "good"]])
    first = pull(make_source())
    os.utime(write_csv([["id", "comment"], ["1", "rude"]]), ns=(1, 1))
    assert pull(make_source(), first.cursor).records[0].text == "rude"


@pytest.mark.parametrize(
    "changed", [{"columns": {"customer": "id"}}, {"max_characters": 5}, {"delimiter": ","}, {"channel": "review"}]
)
def test_other_options_read_everything_again(write_csv, make_source, pull, changed: dict[str, object]) -> None:
    write_csv(rows(0, 5))
    page = pull(make_source(**changed), pull(make_source()).cursor)
    assert len(page.records) + len(page.rejects) == 5


def test_the_cursor_stays_valid_when_the_folder_moves(tmp_path, write_csv, make_source) -> None:
    write_csv(rows(0, 5), "old/in/a.csv")
    *_, last = make_source("in", root=tmp_path / "old").pull(None, page_size=10)
    shutil.move(tmp_path / "old", tmp_path / "new")
    assert list(make_source("in", root=tmp_path / "new").pull(last.cursor, page_size=10)) == []


def test_files_that_are_gone_leave_the_cursor(tmp_path, write_csv, make_source, pull) -> None:
    write_csv(rows(0, 5), "in/a.csv")
    write_csv(rows(5, 9), "in/b.csv")
    first = pull(make_source("in"))
    (tmp_path / "in/a.csv").unlink()
    write_csv(rows(9, 10), "in/c.csv")
    cursor = pull(make_source("in"), first.cursor).cursor
    assert sorted(json.loads(cursor)["files"]) == ["in/b.csv", "in/c.csv"]


def test_an_unreadable_file_fails_after_the_others_were_given(tmp_path, write_csv, make_source) -> None:
    write_csv(rows(0, 5), "in/a.csv")
    (tmp_path / "in/b.parquet").write_bytes(b"PAR1 cut off")
    write_csv([["id", "remark"], ["9", "x"]], "in/c.csv")
    write_csv(rows(5, 8), "in/d.csv")
    pages: list[Page] = []
    with pytest.raises(
        SourceError, match=r"(?s)b\.parquet is not a whole Parquet file.*c\.csv has no column 'comment'"
    ):
        for page in make_source("in").pull(None, page_size=100):
            pages.append(page)
    assert [id for page in pages for id in ids(page)] == [str(n) for n in range(8)]
    assert sorted(json.loads(pages[-1].cursor)["files"]) == ["in/a.csv", "in/d.csv"]
    # The next night the bad ones are tried again, the good ones not.
    again = make_source("in").pull(pages[-1].cursor, page_size=100)
    with pytest.raises(SourceError, match=r"b\.parquet"):
        next(again)


def test_a_file_that_fails_in_its_middle_keeps_what_was_given(tmp_path, make_source) -> None:
    path = tmp_path / "app.parquet"
    table = pa.table({"id": list(range(5_000)), "comment": [f"text {n}" for n in range(5_000)]})
    pq.write_table(table, path, row_group_size=1_000, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    middle = content.index(b"text 2500")
    content[middle : middle + 20_000] = b"\xff" * 20_000
    path.write_bytes(content)
    given_ids: list[str] = []
    with pytest.raises(SourceError, match=r"app\.parquet is damaged after row 2"):
        for page in make_source("app.parquet").pull(None, page_size=300):
            given_ids += ids(page)
    assert given_ids == [str(n) for n in range(len(given_ids))]
    assert len(given_ids) >= 2_000


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere.csv", "there is no file or folder .*nowhere.csv"),
        ("in/*.csv", "no file that matches in"),
        ("in", "no file that can be read"),
        (["survey.csv", "in/*.csv"], "no file that matches"),
    ],
)
def test_a_path_that_matches_nothing_is_an_error(
    tmp_path, write_csv, make_source, pull, path: object, said: str
) -> None:
    write_csv(rows(0, 1))
    (tmp_path / "in").mkdir()
    (tmp_path / "in/README.md").write_text("nothing")
    with pytest.raises(SourceError, match=f"Source 'survey': {said}"):
        pull(make_source(path))


def test_hidden_and_unfinished_files_are_left_alone(write_csv, make_source, pull) -> None:
    write_csv(rows(0, 1), "in/a.csv")
    for name in (".hidden.csv", "~$a.csv", "b.csv.tmp", "c.csv.crdownload"):
        write_csv(rows(5, 9), f"in/{name}")
    assert ids(pull(make_source("in"))) == ["0"]
    assert ids(pull(make_source("in/*"))) == ["0"]


def test_globs_reach_into_folders_and_files_come_in_order(write_csv, make_source, pull) -> None:
    for number, name in enumerate(["in/b/x.csv", "in/a/x.csv", "in/c.csv"]):
        write_csv(rows(number, number + 1), name)
    assert ids(pull(make_source("in/**/*.csv"))) == ["1", "0", "2"]
    by_row = make_source("in/**/*.csv", {"id": "@row"})
    assert ids(pull(by_row)) == ["a/x.csv:1", "b/x.csv:1", "c.csv:1"]


def test_files_of_one_name_keep_different_ids_by_row(write_csv, make_source, pull) -> None:
    write_csv(rows(0, 1), "a/x.csv")
    write_csv(rows(1, 2), "b/x.csv")
    assert ids(pull(make_source(["a/x.csv", "b/x.csv", "a/*.csv"], {"id": "@row"}))) == ["a/x.csv:1", "b/x.csv:1"]


def test_a_folder_whose_name_looks_like_a_glob_is_read(tmp_path, write_csv, make_source, pull) -> None:
    write_csv(rows(0, 2), "[2024] exports/x/a.csv")
    root = tmp_path / "[2024] exports"
    assert ids(pull(make_source("x/*.csv", root=root))) == ["0", "1"]
    assert ids(pull(make_source(str(root / "x")))) == ["0", "1"]


def test_a_header_without_rows_is_read_once(write_csv, make_source) -> None:
    write_csv([["id", "comment"]])
    (page,) = make_source().pull(None, page_size=10)
    assert page.records == ()
    assert list(make_source().pull(page.cursor, page_size=10)) == []


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.tuples(st.sampled_from("12345"), st.sampled_from("abc"), st.sampled_from(["", "5", "99", "x"]))),
    page_size=st.integers(1, 7),
)
def test_every_comment_is_accounted_for(tmp_path_factory, values: list[tuple[str, str, str]], page_size: int) -> None:
    from cxnlp.sources import FileSource

    root = tmp_path_factory.mktemp("balance")
    body = "".join(f"{id},{text},{text}2,{score}\n" for id, text, score in values)
    (root / "survey.csv").write_text("id,a,b,score\n" + body)
    columns = {"id": "id", "text": ["a", "b"], "score": {"column": "score", "scale": "nps"}}
    source = FileSource.model_validate(
        {"name": "survey", "channel": "survey", "path": "survey.csv", "columns": columns, "root": root}
    )
    pages = list(source.pull(None, page_size=page_size))
    assert sum(len(page.records) + len(page.rejects) + page.duplicates for page in pages) == 2 * len(values)
    found = [record.source_record_id for page in pages for record in page.records]
    assert len(found) == len(set(found))


def test_check_describes_files_and_what_would_be_set_aside(write_csv, make_source) -> None:
    write_csv([["id", "comment", "score"], ["1", "Slow " * 50, "9"], ["2", "Rude", "99"]], delimiter=";")
    lines = make_source(columns={"score": {"column": "score", "scale": "nps"}}).check()
    assert lines[0] == "reads survey.csv"
    assert lines[1] == "survey.csv: csv, utf-8, delimiter ';', 3 columns: id, comment, score"
    assert lines[2].startswith("survey.csv: first comment: id 1, nps 9: 'Slow Slow")
    assert len(lines[2]) < 150
    assert "score_out_of_scale 1 (survey.csv, line 3:" in lines[3]


def test_check_names_every_bad_file(write_csv, make_source) -> None:
    for name in ("a", "b"):
        write_csv([["id", "remark"], ["1", "x"]], f"in/{name}.csv")
    write_csv(rows(0, 1), "in/c.csv")
    with pytest.raises(SourceError, match=r"(?s)a\.csv has no column.*b\.csv has no column"):
        make_source("in").check()


def test_reading_keeps_little_in_memory(tmp_path, make_source) -> None:
    import tracemalloc

    count = 20_000
    with (tmp_path / "survey.csv").open("w") as file:
        file.write("id,comment\n")
        file.writelines(f"{n},{'many words ' * 20}{n}\n" for n in range(count))
    tracemalloc.start()
    pulled = sum(len(page.records) for page in make_source().pull(None, page_size=500))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert pulled == count
    assert peak < (tmp_path / "survey.csv").stat().st_size
