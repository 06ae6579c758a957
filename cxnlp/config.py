"""One cxnlp.toml: where feedback comes from, who the departments are, where results go.

Unknown keys are refused with the nearest known one; every error names file and line. Secrets are never in the file:
they come from the environment.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cxnlp.errors import ConfigError, did_you_mean
from cxnlp.records import Channel

KEY_VARIABLE = "CXNLP_KEY"

T = TypeVar("T", bound=BaseModel)


class Section(BaseModel):
    """A table of a configuration file: frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Organisation(Section):
    """Whose feedback it is."""

    name: str = Field(min_length=1)
    departments: Path = Path("departments.toml")


class StoreSection(Section):
    """Where results are kept: an SQLAlchemy URL; a relative SQLite path starts at the configuration file."""

    url: str = "sqlite:///cxnlp.db"


class Prepare(Section):
    """How text is made ready.

    `languages` are the ISO 639-1 codes the model reads; `keep` are words that must never be taken for a person's name
    (departments' names and aliases are kept anyway); texts over `max_characters` are set aside.
    """

    languages: tuple[str, ...] = ("en",)
    redact_names: bool = True
    keep: tuple[str, ...] = ()
    max_characters: int = Field(default=200_000, gt=0)


class AnalysisSection(Section):
    """Which model reads: "live" takes what models/live.toml says, else "name/version"."""

    model: str = "live"
    models: Path | None = None


class Publish(Section):
    """Where the pages go and what they show.

    Pages compare the last `window_days` days with as many before; whole weeks make weekdays count alike (None: 7, 28 or
    84 for a period of a day, a week or a month). Below `min_comments` comments in a cell no verdict is given.
    """

    directory: Path = Path("published")
    period: Literal["day", "week", "month"] = "week"
    window_days: int | None = Field(default=None, ge=1, le=366)
    min_comments: int = Field(default=10, ge=1)
    quotes: int = Field(default=5, ge=0, le=50)


class RunSection(Section):
    """How a night is cut: comments a page and comments a task."""

    page_size: int = Field(default=1_000, ge=1, le=50_000)
    partition_size: int = Field(default=10_000, ge=1, le=100_000)


class SourceSection(BaseModel):
    """One [[sources]] table: the keys every source has; the rest belongs to its type."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    type: str = "files"
    channel: Channel

    @property
    def options(self) -> dict[str, Any]:
        """The keys of the source's type."""
        return dict(self.model_extra or {})


class Config(Section):
    """A whole cxnlp.toml."""

    organisation: Organisation
    sources: tuple[SourceSection, ...] = Field(min_length=1)
    store: StoreSection = StoreSection()
    prepare: Prepare = Prepare()
    analysis: AnalysisSection = AnalysisSection()
    publish: Publish = Publish()
    run: RunSection = RunSection()
    root: Path = Field(default=Path("."), exclude=True)
    text: str = Field(default="", exclude=True, repr=False)

    @field_validator("sources")
    @classmethod
    def _names_differ(cls, sources: tuple[SourceSection, ...]) -> tuple[SourceSection, ...]:
        names = [source.name for source in sources]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"two sources are called '{sorted(twice)[0]}'; names must differ")
        return sources

    @model_validator(mode="after")
    def _no_secrets_in_url(self) -> Config:
        if re.search(r"://[^/@\s]*:[^/@\s]+@", self.store.url):
            raise ValueError("store.url holds a password; leave it out and set PGPASSWORD or a ~/.pgpass file")
        return self

    def path(self, path: Path) -> Path:
        """Resolve a path of the configuration against the folder of its file."""
        return path if path.is_absolute() else self.root / path

    @property
    def store_url(self) -> str:
        """The store's URL with a relative SQLite path resolved."""
        prefix = "sqlite:///"
        if self.store.url.startswith(prefix) and not self.store.url.startswith(prefix + "/"):
            return prefix + str((self.root / self.store.url.removeprefix(prefix)).resolve())
        return self.store.url

    @property
    def version(self) -> str:
        """The first 12 hex digits of the SHA-256 of the file's text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


def load_config(path: str | Path) -> Config:
    """Read and validate a cxnlp.toml. ConfigError says file, line, what is wrong and what would be right."""
    path = Path(path)
    data, text = read_toml(path)
    reserved = [key for key in ("root", "text") if key in data]
    if reserved:
        raise ConfigError(f"{path}, line {line_of(text, (reserved[0],))}: unknown key '{reserved[0]}'.")
    return validate(Config, {**data, "root": path.resolve().parent, "text": text}, path=path, text=text)


def organisation_key() -> bytes:
    """Return the organisation's secret from the environment, which keys customer references and record digests.

    ConfigError tells how to make one where it is missing or shorter than 16 characters.
    """
    key = os.environ.get(KEY_VARIABLE, "")
    if len(key) < 16:
        raise ConfigError(
            f"The environment variable {KEY_VARIABLE} is {'too short' if key else 'not set'}. It keys the hashes of "
            "customers and records; keep it secret and the same every night. Make one with: "
            'python -c "import secrets; print(secrets.token_hex(32))"'
        )
    return key.encode()


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """Return a TOML file's data and text, or a ConfigError that says what is wrong with it."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read as UTF-8 text: {error}.") from None
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from None


def validate(model: type[T], data: dict[str, Any], *, path: Path, text: str, at: tuple[str | int, ...] = ()) -> T:
    """Validate a table with pydantic; all its faults become one ConfigError with file and line.

    `at` is where `data` stands in the file: ("sources", 2).
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = [_fault(model, fault, path, text, at) for fault in error.errors()]
        raise ConfigError("\n".join(faults)) from None


def _fault(model: type[BaseModel], fault: Any, path: Path, text: str, at: tuple[str | int, ...]) -> str:
    loc = tuple(part for part in fault["loc"] if not str(part).startswith("function-"))
    place = f"{path}, line {line_of(text, (*at, *loc))}"
    key = ".".join(str(part) for part in loc)
    match fault["type"]:
        case "extra_forbidden":
            known = _known_keys(model, loc[:-1])
            return f"{place}: unknown key '{loc[-1]}'.{did_you_mean(str(loc[-1]), known)}"
        case "missing":
            return f"{place}: '{key}' is missing."
        case "value_error":
            return f"{place}: {fault['ctx']['error']}."
        case _:
            return f"{place}: '{key}': {fault['msg'][0].lower()}{fault['msg'][1:]}, not {fault['input']!r:.80}."


def _known_keys(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """Return the keys of the table at `loc`, following the models' annotations."""
    current: type[BaseModel] = model
    for part in loc:
        if isinstance(part, str) and part in current.model_fields:
            found = list(_models_in(current.model_fields[part].annotation))
            current = found[0] if found else current
    hidden = {name for name, info in current.model_fields.items() if info.exclude}
    return [info.alias or name for name, info in current.model_fields.items() if name not in hidden]


def _models_in(annotation: Any) -> typing.Iterator[type[BaseModel]]:
    if (
        isinstance(annotation, type)
        and not isinstance(annotation, types.GenericAlias)
        and issubclass(annotation, BaseModel)
    ):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)


def line_of(text: str, loc: tuple[str | int, ...]) -> int:
    """Return the 1-based line of TOML `text` where the key at `loc` stands, or of the nearest table that holds it."""
    lines = text.splitlines()
    best, start = 1, 0
    names: list[str] = []
    for position, part in enumerate(loc):
        if isinstance(part, int):
            heads = [
                i for i, line in enumerate(lines) if re.match(rf"\s*\[\[\s*{re.escape('.'.join(names))}\s*\]\]", line)
            ]
            if part < len(heads):
                start = heads[part]
                best = start + 1
            continue
        names.append(str(part))
        for i in range(start, len(lines)):
            if i > start and position and re.match(r"\s*\[\[", lines[i]):
                break
            if re.match(rf"\s*\[\[?\s*{re.escape('.'.join(names))}\s*\]", lines[i]):
                start, best = i, i + 1
                break
            if re.match(rf"""\s*["']?{re.escape(str(part))}["']?\s*[=.]""", lines[i]):
                best = i + 1
                break
    return best
