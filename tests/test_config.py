from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cxnlp.config import line_of, load_config, organisation_key
from cxnlp.errors import ConfigError

MINIMAL = '[organisation]\nname = "A"\n\n[[sources]]\nname = "s"\nchannel = "survey"\npath = "x.csv"\n'


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "cxnlp.toml"
    path.write_text(text, "utf-8")
    return path


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, MINIMAL))
    assert (config.prepare.languages, config.publish.period, config.analysis.model) == (("en",), "week", "live")
    assert config.store_url == f"sqlite:///{tmp_path / 'cxnlp.db'}"
    assert config.sources[0].options == {"path": "x.csv"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINIMAL + "[publsh]\nperiod = 'day'\n", r"line 8: unknown key 'publsh'\. Did you mean 'publish'\?"),
        (MINIMAL + "[publish]\nperiod = 'year'\n", r"line 9: 'publish\.period': input should be .*not 'year'"),
        (MINIMAL + "[publish]\nqotes = 1\n", r"line 9: unknown key 'qotes'\. Did you mean 'quotes'\?"),
        (MINIMAL + "[run]\npage_size = 0\n", r"line 9: 'run\.page_size': input should be greater than or equal to 1"),
        (MINIMAL.replace('name = "s"', 'name = "S s"'), r"line 5: 'sources\.0\.name'"),
        (MINIMAL.replace("survey", "letter"), r"line 6: 'sources\.0\.channel': .*'survey'"),
        (MINIMAL + MINIMAL.split("\n\n")[1], "two sources are called 's'"),
        (MINIMAL + '[store]\nurl = "postgresql://me:secret@host/db"\n', "holds a password"),
        (MINIMAL.split("\n\n")[0], r"'sources' is missing"),
        ("[organisation\n", "not valid TOML"),
        ("root = 3\n" + MINIMAL, r"line 1: unknown key 'root'"),
    ],
)
def test_a_fault_names_file_line_and_what_would_be_right(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(write(tmp_path, text))
    assert "cxnlp.toml" in str(caught.value) and "secret@" not in str(caught.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, MINIMAL + "[publish]\nqotes = 1\nperiod = 'year'\n"))
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("name", ["nowhere.toml", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"There is no file|can't be read"):
        load_config(tmp_path / name)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cxnlp.toml").write_bytes(MINIMAL.encode("utf-16"))
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(tmp_path / "cxnlp.toml")


@pytest.mark.parametrize(("key", "said"), [(None, "not set"), ("short", "too short")])
def test_the_key_must_be_there_and_long(monkeypatch: pytest.MonkeyPatch, key: str | None, said: str) -> None:
    monkeypatch.delenv("CXNLP_KEY")
    if key:
        monkeypatch.setenv("CXNLP_KEY", key)
    with pytest.raises(ConfigError, match=said) as caught:
        organisation_key()
    assert "secrets.token_hex" in str(caught.value) and "short" != str(caught.value)


@pytest.mark.parametrize(
    ("loc", "line"),
    [
        (("organisation", "name"), 2),
        (("sources", 0, "path"), 7),
        (("sources", 1, "columns", "text"), 13),
        (("sources", 1, "columns"), 11),
        (("sources", 1, "nothing"), 9),
    ],
)
def test_lines_are_found(loc: tuple[str | int, ...], line: int) -> None:
    text = MINIMAL + '\n[[sources]]\nname = "t"\n[sources.columns]\nid = "a"\ntext = "b"\n'
    assert line_of(text, loc) == line


def test_every_shipped_configuration_is_valid(organisation: Callable[..., Path]) -> None:
    root = Path(__file__).parents[1]
    shipped = [*root.glob("flows/real/*/cxnlp.toml"), root / "cxnlp/data/demo/cxnlp.toml", organisation()]
    assert len(shipped) == 5
    for path in shipped:
        assert load_config(path).organisation.name
