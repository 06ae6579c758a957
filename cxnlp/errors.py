"""Everything cxnlp raises on purpose.

    CxnlpError
    ├── ConfigError        the configuration, chart or routing is wrong: nothing was pulled
    ├── SourceError        a source can't be read: that source fails alone
    ├── StoreError         the database can't be used
    │   └── RunLocked      another run holds the store
    ├── ModelError         a model package is missing, damaged or foreign
    └── InputError         a file or line given to a command is wrong

A bad row is not an error: it becomes a `Reject` with its reason.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CxnlpError(Exception):
    """What went wrong and what would be right, in one message for the person who runs cxnlp."""


class ConfigError(CxnlpError):
    """The configuration, the organisation chart or the routing rules are wrong."""


class SourceError(CxnlpError):
    """A source can't be read; the message names it."""


class StoreError(CxnlpError):
    """The database can't be opened or is of another schema."""


class RunLocked(StoreError):
    """Another run holds the store."""


class ModelError(CxnlpError):
    """A model package is missing, damaged or made for another taxonomy."""


class InputError(CxnlpError):
    """A file or line given to a command is wrong; the message names it."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest known name, else " Known: a, b, c."."""
    options = sorted(known)
    near = difflib.get_close_matches(name, options, n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else f" Known: {', '.join(options)}."
