"""Which sector a labelled comment belongs to: read from data/evaluation/sectors.toml."""

from __future__ import annotations

import functools
import re
import tomllib
from importlib import resources

from cxnlp.evaluation.gold import Example

OTHER = "public & other services"


@functools.cache
def _sectors() -> tuple[tuple[str, frozenset[str], re.Pattern[str]], ...]:
    data = tomllib.loads(resources.files("cxnlp").joinpath("data/evaluation/sectors.toml").read_text("utf-8"))
    return tuple(
        (one["name"], frozenset(one.get("datasets", ())), re.compile(rf"\b(?:{one['industry']})", re.IGNORECASE))
        for one in data["sectors"]
    )


def sector_names() -> tuple[str, ...]:
    """Return the names of all sectors."""
    return (*(name for name, _, _ in _sectors()), OTHER)


def sector_of(example: Example) -> str:
    """Return the sector of an example, by its data set or its industry.

    >>> sector_of(Example("1", "own", "late", industry="airlines"))
    'travel & transport'
    """
    for name, datasets, industry in _sectors():
        if example.dataset in datasets or industry.search(example.industry or ""):
            return name
    return OTHER
