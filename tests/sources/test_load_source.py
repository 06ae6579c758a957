from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from cxnlp.config import SourceSection, load_config, validate
from cxnlp.errors import ConfigError
from cxnlp.records import Page
from cxnlp.sources import FileSource, Source, SourceOptions, load_source

CONFIG = """\
[organisation]
name = "Fernhill"

[[sources]]
name = "survey"
channel = "survey"
path = "survey.csv"
{options}
[sources.columns]
id = "id"
text = ["a", {{ column = "b", question = "Why?" }}]
{columns}
"""


class Gazette(SourceOptions):
    """A source that another package brings."""

    town: str

    def pull(self, cursor: str | None, *, page_size: int) -> Iterator[Page]:
        """Yield nothing."""
        yield from ()

    def check(self) -> list[str]:
        """Return nothing."""
        return []


@pytest.fixture
def load(tmp_path: Path):
    def load(options: str = "", columns: str = "") -> Source:
        path = tmp_path / "cxnlp.toml"
        path.write_text(CONFIG.format(options=options, columns=columns))
        config = load_config(path)
        return load_source(
            config.sources[0], config_path=path, config_text=config.text, index=0, root=config.root, max_characters=99
        )

    return load


def test_a_files_source_is_loaded_with_root_and_limit(load, tmp_path: Path) -> None:
    source = load()
    assert isinstance(source, FileSource)
    assert (source.root, source.max_characters) == (tmp_path, 99)
    assert [text.column for text in source.columns.text] == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "columns", "said"),
    [
        ('type = "cvs"', "", r"line 8: no source called 'cvs'\. Known: app_store, files"),
        ('type = "file"', "", r"no source called 'file'\. Did you mean 'files'\?"),
        ('formt = "csv"', "", r"line 8: unknown key 'formt'\. Did you mean 'format'\?"),
        ('format = "word"', "", r"line 8: 'format': input should be 'auto'.*not 'word'"),
        ('root = "/"', "", r"line 8: unknown key 'root'"),
        ("max_characters = 5", "", r"line 8: unknown key 'max_characters'"),
        ('delimiter = ";;"', "", r"line 8: delimiter is ';;'; it must be one character"),
        ('encoding = "utf-9"', "", r"line 8: no encoding called 'utf-9'"),
        ('encoding = "base64"', "", r"line 8: no encoding called 'base64'"),
        ("", 'cutsomer = "c"', r"line 12: unknown key 'cutsomer'\. Did you mean 'customer'\?"),
        ("", 'date = { colum = "d" }', r"line 12: unknown key 'colum'\. Did you mean 'column'\?"),
        ("", 'date = { column = "d", timezone = "Europe/Londn" }', r"'Europe/Londn'.*Did you mean 'Europe/London'\?"),
        ("", 'date = { column = "d", formats = ["dd/mm"] }', r"line 12: 'dd/mm' is not a date format"),
        ("", 'date = { column = "d", formats = ["%d/%m"] }', r"'%d/%m' is not a date format"),
        ("", 'score = { column = "s", scale = "npss" }', r"'columns\.score\.scale'.*not 'npss'"),
        ("", 'score = { column = "s", scale = "nps", map = { "good" = 11 } }', r"'good' the score 11, but nps goes"),
        ("", 'question = { text = "a", column = "b" }', r"a question is either a text or"),
    ],
)
def test_a_wrong_option_names_file_and_line(load, options: str, columns: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        load(options, columns)
    assert "cxnlp.toml, line" in str(error.value)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"id": "i", "text": ["a", "a"]}, "the text column 'a' is named twice"),
        ({"id": "i", "text": []}, "'columns.text': .* at least 1 item"),
        ({"id": [], "text": "a"}, "id is empty; name a column"),
        ({"text": "a"}, "'columns.id' is missing"),
    ],
)
def test_columns_must_make_sense(columns: dict[str, object], said: str) -> None:
    data = {"name": "x", "channel": "survey", "path": "x.csv", "columns": columns}
    with pytest.raises(ConfigError, match=said):
        validate(FileSource, data, path=Path("cxnlp.toml"), text="")


def test_another_package_brings_a_source_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("gazette", "gazette:Gazette", "cxnlp.sources")
    monkeypatch.setattr(EntryPoint, "load", lambda self: Gazette)
    monkeypatch.setattr("cxnlp.sources.entry_points", lambda group: [entry] if group == "cxnlp.sources" else [])
    section = SourceSection.model_validate({"name": "press", "type": "gazette", "channel": "review", "town": "York"})
    source = load_source(section, config_path=tmp_path / "cxnlp.toml", config_text="", index=0, root=tmp_path)
    assert isinstance(source, Gazette)
    assert (source.name, source.channel, source.town, source.root) == ("press", "review", "York", tmp_path)


@pytest.mark.parametrize("brought", [str, ImportError("no module")])
def test_a_broken_entry_point_is_a_configuration_error(load, monkeypatch: pytest.MonkeyPatch, brought: object) -> None:
    def loaded(self: EntryPoint) -> object:
        if isinstance(brought, Exception):
            raise brought
        return brought

    entry = EntryPoint("gazette", "gazette:Gazette", "cxnlp.sources")
    monkeypatch.setattr(EntryPoint, "load", loaded)
    monkeypatch.setattr("cxnlp.sources.entry_points", lambda group: [entry])
    with pytest.raises(ConfigError, match=r"line 8: the source 'gazette' \(gazette:Gazette\)"):
        load('type = "gazette"')
