"""Where feedback comes from: one module a kind of source, one protocol for all.

A package adds a source by the entry point group "cxnlp.sources": a subclass of `SourceOptions` with `pull` and `check`.
"""

from __future__ import annotations

from importlib import import_module, resources
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from cxnlp.config import SourceSection, line_of, validate
from cxnlp.errors import ConfigError, InputError, did_you_mean
from cxnlp.sources.base import Reason, Source, SourceOptions
from cxnlp.sources.files import FileSource

__all__ = ["BUILTIN", "LIVE", "FileSource", "Reason", "Source", "SourceOptions", "example", "kinds", "load_source"]

BUILTIN: dict[str, type[SourceOptions]] = {"files": FileSource}

LIVE = {
    "app_store": "cxnlp.sources.live.app_store:AppStore",
    "freshdesk": "cxnlp.sources.live.freshdesk:Freshdesk",
    "google_business": "cxnlp.sources.live.google_business:GoogleBusiness",
    "google_play": "cxnlp.sources.live.google_play:GooglePlay",
    "hubspot": "cxnlp.sources.live.hubspot:HubSpot",
    "intercom": "cxnlp.sources.live.intercom:Intercom",
    "qualtrics": "cxnlp.sources.live.qualtrics:Qualtrics",
    "rest": "cxnlp.sources.live.rest:Rest",
    "salesforce": "cxnlp.sources.live.salesforce:Salesforce",
    "sql": "cxnlp.sources.sql:Sql",
    "surveymonkey": "cxnlp.sources.live.surveymonkey:SurveyMonkey",
    "trustpilot": "cxnlp.sources.live.trustpilot:Trustpilot",
    "typeform": "cxnlp.sources.live.typeform:Typeform",
    "zendesk": "cxnlp.sources.live.zendesk:Zendesk",
}
"""Sources whose module is only loaded where one is configured."""

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


def kinds() -> dict[str, type[SourceOptions]]:
    """Return every type of source that can be configured, with its class, by name."""
    others = {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
    known = BUILTIN | {name: live_kind(name) for name in LIVE}
    return dict(sorted((known | {name: _foreign(name, entry) for name, entry in others.items()}).items()))


def needs(kind: type[SourceOptions]) -> tuple[str, ...]:
    """Return the environment variables that hold the credentials of a type of source, under their usual names."""
    field = kind.model_fields.get("environment")
    return tuple(f"{field.default}_{end}" for end in getattr(kind, "needs", ())) if field else ()


def page(name: str) -> str:
    """Return what a person should know of a type of source, in Markdown; InputError where there is no page."""
    found = resources.files("cxnlp").joinpath(f"data/sources/{name}.md")
    known = (*BUILTIN, *LIVE, "own")
    if name not in known or not found.is_file():
        raise InputError(f"No page tells of a source called '{name}'.{did_you_mean(name, known)}")
    return found.read_text("utf-8")


def example(name: str) -> str:
    """Return the [[sources]] table that the page of a type of source shows."""
    return page(name).split("```toml\n", 1)[1].split("```", 1)[0]


def live_kind(name: str) -> type[SourceOptions]:
    """Return the class of a live source."""
    module, _, kind = LIVE[name].partition(":")
    found: type[SourceOptions] = getattr(import_module(module), kind)
    return found


def _kind(name: str, place: str) -> type[SourceOptions]:
    if name in BUILTIN:
        return BUILTIN[name]
    if name in LIVE:
        return live_kind(name)
    others = {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
    if name not in others:
        raise ConfigError(f"{place}: no source called '{name}'.{did_you_mean(name, [*BUILTIN, *LIVE, *others])}")
    try:
        return _foreign(name, others[name])
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from error


def _foreign(name: str, entry: EntryPoint) -> type[SourceOptions]:
    try:
        kind = entry.load()
    except Exception as error:
        raise ConfigError(f"the source '{name}' ({entry.value}) can't be loaded: {error}.") from error
    if not (isinstance(kind, type) and issubclass(kind, SourceOptions)):
        raise ConfigError(f"the source '{name}' ({entry.value}) is not a subclass of SourceOptions.")
    return kind
