"""Where feedback comes from: one module a kind of source, one protocol for all.

A package adds a source by the entry point group "cxnlp.sources": a subclass of `SourceOptions` with `pull` and `check`.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

from cxnlp.config import SourceSection, line_of, validate
from cxnlp.errors import ConfigError, did_you_mean
from cxnlp.sources.base import Reason, Source, SourceOptions
from cxnlp.sources.files import FileSource

__all__ = ["BUILTIN", "FileSource", "Reason", "Source", "SourceOptions", "load_source"]

BUILTIN: dict[str, type[SourceOptions]] = {"files": FileSource}

ENTRY_POINTS = "cxnlp.sources"


def load_source(
    section: SourceSection,
    *,
    config_path: Path,
    config_text: str,
    index: int,
    root: Path,
    max_characters: int = 200_000,
) -> Source:
    """Return the source that a [[sources]] table describes, the `index`-th (from 0) of the configuration.

    Relative paths are resolved against `root`. ConfigError names file and line of every fault.
    """
    at = ("sources", index)
    kind = _kind(section.type, f"{config_path}, line {line_of(config_text, (*at, 'type'))}")
    own = {name for name, field in kind.model_fields.items() if not field.exclude}
    for key in section.options:
        if key in kind.model_fields and key not in own:
            line = line_of(config_text, (*at, key))
            raise ConfigError(f"{config_path}, line {line}: unknown key '{key}'.{did_you_mean(key, own)}")
    given = {"name": section.name, "channel": section.channel, "root": root, "max_characters": max_characters}
    source = validate(kind, section.options | given, path=config_path, text=config_text, at=at)
    if not isinstance(source, Source):
        raise ConfigError(f"{config_path}: the source type '{section.type}' has no pull and check.")
    return source


def _kind(name: str, place: str) -> type[SourceOptions]:
    if name in BUILTIN:
        return BUILTIN[name]
    others = {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
    if name not in others:
        raise ConfigError(f"{place}: no source called '{name}'.{did_you_mean(name, [*BUILTIN, *others])}")
    try:
        kind = others[name].load()
    except Exception as error:
        raise ConfigError(f"{place}: the source '{name}' ({others[name].value}) can't be loaded: {error}.") from error
    if not (isinstance(kind, type) and issubclass(kind, SourceOptions)):
        raise ConfigError(f"{place}: the source '{name}' ({others[name].value}) is not a subclass of SourceOptions.")
    return kind
