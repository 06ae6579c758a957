import codecs

import pytest

from cxnlp.errors import SourceError
from cxnlp.sources.encodings import find_encoding

ROWS = [["id", "comment"], ["1", "Café très cher – 5 €"], ["2", "Queue at the till"]]


@pytest.mark.parametrize(
    ("encoding", "mark", "found"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", codecs.BOM_UTF8, "utf-8-sig"),
        ("utf-16-le", codecs.BOM_UTF16_LE, "utf-16"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "utf-16"),
        ("utf-16-le", b"", "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
        ("cp1252", b"", "cp1252"),
    ],
)
def test_the_encoding_is_found_and_the_texts_come_through(
    write_csv, make_source, pull, encoding: str, mark: bytes, found: str
) -> None:
    path = write_csv(ROWS, encoding=encoding, mark=mark)
    assert find_encoding(path) == (found, True)
    page = pull(make_source())
    assert [record.text for record in page.records] == [row[1] for row in ROWS[1:]]
    assert [record.source_record_id for record in page.records] == ["1", "2"]


def test_a_fault_far_behind_the_start_decides_too(write_csv, make_source, pull) -> None:
    rows = [["id", "comment"], *([str(n), "plain words " * 20] for n in range(6_000)), ["last", "très cher"]]
    write_csv(rows, encoding="cp1252")
    assert pull(make_source()).records[-1].text == "très cher"


@pytest.mark.parametrize(
    ("written", "forced", "said"),
    [
        ("cp1252", "utf-8", r'survey\.csv, line 2 is not utf-8.*encoding = "cp1252"'),
        ("utf-16", "utf-8", r"survey\.csv starts with the mark of UTF-16.*Leave encoding out"),
        ("utf-8-sig", "cp1252", r"starts with the mark of UTF-8"),
        ("utf-8", "ascii", r'line 2 is not ascii.*encoding = "utf-8"'),
    ],
)
def test_a_wrong_encoding_names_the_place_and_the_fix(
    write_csv, make_source, pull, written: str, forced: str, said: str
) -> None:
    write_csv(ROWS, encoding=written)
    with pytest.raises(SourceError, match=said):
        pull(make_source(encoding=forced))


def test_the_line_is_right_far_behind_the_start(tmp_path, make_source, pull, monkeypatch) -> None:
    monkeypatch.setattr("cxnlp.sources.encodings.CHUNK", 7)
    (tmp_path / "survey.csv").write_bytes("id,comment\n1,Öl\n2,Öl\n3,Öl\n".encode() + b"4,\xff\n")
    with pytest.raises(SourceError, match=r"line 5 is not utf-8"):
        pull(make_source(encoding="utf-8"))


@pytest.mark.parametrize(
    ("written", "forced"), [("utf-8-sig", "utf-8"), ("utf-16", "utf-16-le"), ("latin-1", "latin-1")]
)
def test_a_right_encoding_is_taken_with_or_without_a_mark(
    write_csv, make_source, pull, written: str, forced: str
) -> None:
    write_csv([["id", "comment"], ["1", "Café"]], encoding=written)
    assert pull(make_source(encoding=forced)).records[0].text == "Café"


def test_a_line_with_broken_bytes_in_a_utf8_file_is_set_aside_alone(tmp_path, make_source, pull) -> None:
    (tmp_path / "survey.csv").write_bytes("id,comment\n1,Café und Öl\n".encode() + b"2,broken \xff\n3,fine\n")
    page = pull(make_source())
    assert [record.source_record_id for record in page.records] == ["1", "3"]
    assert [(reject.reason, reject.record_id, reject.place) for reject in page.rejects] == [
        ("undecodable", "2", "survey.csv, line 3")
    ]
    page.rejects[0].excerpt.encode()


def test_a_byte_that_cp1252_does_not_have_sets_its_row_aside(tmp_path, make_source, pull) -> None:
    (tmp_path / "survey.csv").write_bytes(b"id,comment\n1,caf\xe9 tr\xe8s\n2,odd \x81\n")
    page = pull(make_source())
    assert [record.text for record in page.records] == ["café très"]
    assert [reject.reason for reject in page.rejects] == ["undecodable"]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_any_line_ending_is_read(tmp_path, make_source, pull, ending: bytes) -> None:
    (tmp_path / "survey.csv").write_bytes(ending.join([b"id,comment", b"1,good", b"2,bad", b""]))
    assert [record.text for record in pull(make_source()).records] == ["good", "bad"]
