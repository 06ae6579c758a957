"""The pages on sources: complete, and true of the classes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cxnlp.config import load_config
from cxnlp.errors import InputError
from cxnlp.sources import BUILTIN, LIVE, example, kinds, load_source, needs, page

NAMES = sorted([*BUILTIN, *LIVE])


def test_every_type_is_listed() -> None:
    assert set(NAMES) <= set(kinds())


@pytest.mark.parametrize("name", NAMES)
def test_the_example_is_a_valid_source(name: str, tmp_path: Path) -> None:
    path = tmp_path / "cxnlp.toml"
    path.write_text('organisation = { name = "Acme" }\n' + example(name), "utf-8")
    config = load_config(path)
    source = load_source(config.sources[0], config_path=path, config_text=config.text, index=0, root=tmp_path)
    assert type(source) is kinds()[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_page_names_every_variable(name: str) -> None:
    assert [variable for variable in needs(kinds()[name]) if variable not in page(name)] == []


@pytest.mark.parametrize("name", sorted(LIVE))
def test_options_that_the_page_lists_are_there(name: str) -> None:
    options = re.split(r"\| option \|", page(name), maxsplit=1, flags=re.IGNORECASE)[1].split("\n\n", 1)[0]
    named = re.findall(r"^\| `(\w+)`", options, flags=re.MULTILINE)
    assert named and set(named) <= set(kinds()[name].model_fields)


@pytest.mark.parametrize("name", NAMES)
def test_the_class_says_in_its_first_line_what_it_reads(name: str) -> None:
    assert (kinds()[name].__doc__ or "").strip().splitlines()[0].endswith(".")


def test_an_unknown_page_is_refused() -> None:
    with pytest.raises(InputError, match="Did you mean 'zendesk'"):
        page("zendsk")
