"""A first mapping of an unknown file's columns, guessed from their names and contents, with the reasons.

Names are compared with the words of data/sources/columns.toml; contents must fit too. A guess is a draft for a person.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

from cxnlp.errors import InputError
from cxnlp.records import Channel, Scale
from cxnlp.sources.columns import ROW
from cxnlp.sources.dates import DateReader
from cxnlp.sources.mapping import LANGUAGE, NOTHING, is_question
from cxnlp.sources.tables import Reading, cell_text, open_table

SAMPLE = 10_000
DISTINCT_DATES = 2_000
ID_LENGTH = 40
NAME_WORDS = 5  # a longer name is a question, whose words tell no role
DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y",
        "%B %d, %Y", "%d/%m/%y", "%m/%d/%y")  # fmt: skip
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
FORMATS = ("iso", *(day + clock for day in DAYS for clock in CLOCKS))
TWINS = (("%d/%m", "%m/%d"), ("%d-%m", "%m-%d"))
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_a-zA-Z]+")


@dataclass(frozen=True, slots=True)
class Guess:
    """A suggested [sources.columns] table; `reasons` say why, by its keys; `unused` are the other columns."""

    path: Path
    channel: Channel
    columns: Mapping[str, Any]
    reasons: Mapping[str, str]
    unused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Column:
    """What the first rows say of a column: its texts without blanks, of `rows` rows."""

    name: str
    words: tuple[str, ...]
    rows: int
    texts: tuple[str, ...]
    distinct: frozenset[str]
    moments: int
    numbers: tuple[float, ...]

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def unique(self) -> bool:
        return len(self.distinct) == self.rows

    @property
    def numeric(self) -> bool:
        return bool(self.texts) and len(self.numbers) == len(self.texts)

    @property
    def words_per_text(self) -> float:
        return sum(len(text.split()) for text in self.texts) / len(self.texts) if self.texts else 0.0

    @property
    def variety(self) -> float:
        return len(self.distinct) / len(self.texts) if self.texts else 0.0

    def says(self, phrases: Iterable[str]) -> int | None:
        """Return the place of the first phrase that the name holds; None if it holds none."""
        name = f" {' '.join(self.words)} "
        return next((place for place, phrase in enumerate(phrases) if f" {phrase} " in name), None)


def guess_mapping(path: Path) -> Guess:
    """Return a suggested mapping of a file's columns from its first 10,000 rows, with the reason of each part.

    SourceError where the file can't be read, InputError where no column holds text.
    """
    columns = _look(path)
    found: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    left = list(columns)
    for role, value, used, reason in _roles(path, left):
        found[role], reasons[role] = value, reason
        for column in used:
            left.remove(column)
    return Guess(path, _channel(columns, found), found, reasons, tuple(column.name for column in left))


def render_source(guess: Guess, *, path: str, name: str | None = None, channel: Channel | None = None) -> str:
    """Return a commented [[sources]] block of a cxnlp.toml for a guess.

    `path` is the file as the configuration shall name it, relative to its own folder. `name` is made from the file's
    unless given.
    """
    lines = [
        "[[sources]]",
        f"name = {_toml(name or source_name(guess.path))}",
        'type = "files"',
        f"channel = {_toml((channel or guess.channel).value)}  # survey, review or ticket",
        f"path = {_toml(path)}  # a file, a folder, or a glob such as exports/*.csv",
        "",
        "# Guessed from the names and first rows of the file: read it through.",
        "[sources.columns]",
    ]
    for role, value in guess.columns.items():
        lines += [f"# {_one_line(guess.reasons[role])}", f"{role} = {_toml(value)}"]
    if guess.unused:
        lines += [
            "# Columns without a use. To keep some beside each comment, name them here (leave out personal data):",
            f"# attributes = {_toml(list(guess.unused))}",
        ]
    return "\n".join(lines) + "\n"


def source_name(path: Path) -> str:
    """Return a name for the source of a file: "NPS Survey 2024.csv" gives "nps-survey-2024"."""
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "source"


@functools.cache
def _known() -> dict[str, Any]:
    return tomllib.loads(resources.files("cxnlp").joinpath("data/sources/columns.toml").read_text("utf-8"))


def _look(path: Path) -> list[_Column]:
    with open_table(path, Reading()) as table:
        rows = [row.cells for row in islice(table.rows, SAMPLE) if not row.fault]
        names, questions = table.columns, table.questions
    return [_column(name, questions.get(name, ""), [row.get(name) for row in rows]) for name in names]


def _column(name: str, question: str, cells: Sequence[Any]) -> _Column:
    texts = tuple(text for cell in cells if (text := cell_text(cell).strip()).lower() not in NOTHING)
    numbers = tuple(number for text in texts if (number := _number(text)) is not None)
    words = tuple(word.lower() for word in WORD.findall(f"{name} {question}"))
    moments = sum(isinstance(cell, dt.date) for cell in cells)
    return _Column(name, words, len(cells), texts, frozenset(texts), moments, numbers)


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


_Role = tuple[str, Any, list[_Column], str]


def _roles(path: Path, left: list[_Column]) -> Iterator[_Role]:
    """Yield role, value, columns and reason; `left` shrinks as columns are taken."""
    known = _known()
    yield _id(path, left, known["id"])
    dated = {column: formats for column in left if (formats := _date_formats(column))}
    if asking := _first(left, known["question"], lambda column: column.variety < 0.2 and column.words_per_text >= 2):
        yield "question", {"column": asking.name}, [asking], f"its name says question; {len(asking.distinct)} of them"
    texts, reason = _texts(path, [column for column in left if column not in dated], known["text"])
    yield "text", [column.name for column in texts], texts, reason
    yield from _dates(dated, known)
    if score := _score(left, known["scales"]):
        yield score
    yield from _labels(left, known)


def _first(columns: Iterable[_Column], phrases: Sequence[str], fits: Any) -> _Column | None:
    """Return the column with the foremost phrase in a short name, whose contents fit."""
    ranked = [
        (place, order, column)
        for order, column in enumerate(columns)
        if len(column.words) <= NAME_WORDS and (place := column.says(phrases)) is not None and fits(column)
    ]
    return min(ranked, key=lambda entry: entry[:2])[2] if ranked else None


def _id(path: Path, columns: Sequence[_Column], phrases: Sequence[str]) -> _Role:
    fit = [column for column in columns if column.unique and column.rows and _is_id_like(column)]
    named = [column for column in fit if column.says(phrases) is not None]
    if named:
        return "id", named[0].name, [named[0]], f"its name says id, and its {named[0].rows:,} values all differ"
    if fit and fit[0] is columns[0]:
        return "id", fit[0].name, [fit[0]], f"the first column, and its {fit[0].rows:,} values all differ"
    return "id", ROW, [], f"no column of {path.name} is an id; rows must keep their places when the file grows"


def _is_id_like(column: _Column) -> bool:
    return max(map(len, column.texts), default=0) <= ID_LENGTH and not any(
        n != int(n) for n in column.numbers if n == n
    )


def _texts(path: Path, columns: Sequence[_Column], phrases: Sequence[str]) -> tuple[list[_Column], str]:
    texts = [column for column in columns if _is_text(column, phrases)]
    if texts:
        each = ", ".join(f"{column.words_per_text:.0f}" for column in texts)
        return texts, f"free text ({each} words on average); a column that asks in its name is its own question"
    wordy = [column for column in columns if column.texts and not column.numeric]
    if not wordy:
        raise InputError(f"{path.name} has no column with text in it.")
    longest = max(wordy, key=lambda column: column.words_per_text)
    return [longest], "nothing looks like comments; this column has the longest texts"


def _is_text(column: _Column, phrases: Sequence[str]) -> bool:
    if column.numeric or not column.texts or any("@" in text and " " not in text for text in column.texts[:20]):
        return False
    named = column.says(phrases) is not None or is_question(column.name)
    return column.variety >= 0.5 and column.words_per_text >= (2 if named else 5)


def _date_formats(column: _Column) -> tuple[str, ...]:
    """Return the formats that read nine in ten dates of a column, the best first; none if it is not of dates."""
    if column.moments:
        return ("iso",) if column.moments >= 0.9 * len(column.texts) else ()
    values = sorted(column.distinct)[:DISTINCT_DATES]
    first = values[:: max(1, len(values) // 20)]
    candidates = [pattern for pattern in FORMATS if _read_by(pattern, first)]
    reads = {pattern: read for pattern in candidates if (read := _read_by(pattern, values))}
    taken: list[str] = []
    missing = set(values)
    while missing and reads:
        best = max(reads, key=lambda pattern: len(reads[pattern] & missing))
        if not reads[best] & missing:
            break
        taken.append(best)
        missing -= reads[best]
    return tuple(taken) if values and len(missing) <= 0.1 * len(values) else ()


def _read_by(pattern: str, values: Sequence[str]) -> set[str]:
    reader = DateReader([pattern], None)
    read = set()
    for value in values:
        try:
            reader.read(value)
            read.add(value)
        except ValueError:
            pass
    return read


def _dates(dated: Mapping[_Column, tuple[str, ...]], known: Mapping[str, Any]) -> Iterator[_Role]:
    free = dict(dated)
    taken: list[_Role] = []
    for role in ("first_reply", "resolved", "updated"):
        if column := _first(free, known[role], lambda column: True):
            taken.append(_date(role, column, free.pop(column)))
    if free:
        column = _first(free, known["date"], lambda column: True) or next(iter(free))
        yield _date("date", column, free[column])
    yield from taken


def _date(role: str, column: _Column, formats: tuple[str, ...]) -> _Role:
    value = {"column": column.name, "formats": list(formats)}
    return role, value, [column], f'{_day_first(column, formats)}; add timezone = "…" where times are not UTC'


def _day_first(column: _Column, formats: tuple[str, ...]) -> str:
    """Say how sure it is that the day stands before the month."""
    for day, month in TWINS:
        if twin := next((pattern for pattern in formats if pattern.startswith((day, month))), None):
            pair = (twin.replace(month, day), twin.replace(day, month))
            first, second = (_read_by(pattern, sorted(column.distinct)) for pattern in pair)
            only = len(first - second), len(second - first)
            if not any(only):
                return f"no value tells day from month: {twin} is assumed, so check it"
            return f"of its different values {only[0]:,} fit {pair[0]} alone, {only[1]:,} fit {pair[1]} alone"
    return f"its values are dates ({min(column.texts, default='')[:30]})"


def _score(columns: Sequence[_Column], scales: Mapping[str, Sequence[str]]) -> _Role | None:
    for column in columns:
        if not column.numeric or len(column.distinct) > 11:
            continue
        low, high = min(column.numbers), max(column.numbers)
        for scale, phrases in scales.items():
            bottom, top = Scale(scale).bounds
            # Five or less on a scale of ten says that it is another scale.
            fits = bottom <= low and top >= high and (scale != Scale.NPS or high > 5)
            if fits and column.says(phrases) is not None:
                reason = f"its values go from {low:g} to {high:g}; add reverse = true where the lowest is the best"
                return "score", {"column": column.name, "scale": scale}, [column], reason
    return None


def _labels(columns: list[_Column], known: Mapping[str, Any]) -> Iterator[_Role]:
    """Yield the columns of few values that can tell the department, and whose comment it is."""
    few = {
        "language": lambda column: all(LANGUAGE.fullmatch(text) for text in column.distinct),
        "customer": lambda column: column.variety > 0.3,
        "reopened": lambda column: column.numeric,
        "response": lambda column: len(column.distinct) > 1 and _is_id_like(column) and column.variety > 0.1,
    }
    hints = ("queue", "group", "department", "product", "location", "agent", "class")
    for role in (*few, *hints):
        column = _first(columns, known[role], few.get(role, _is_label))
        if column is None:
            continue
        used = [column]
        if role == "department":
            used = [other for other in columns if _without_digits(other) == _without_digits(column)]
        value = [other.name for other in used] if len(used) > 1 else column.name
        yield role, value, used, f"its name says {role.replace('_', ' ')}; {len(column.distinct):,} different values"


def _is_label(column: _Column) -> bool:
    return not column.numeric and 0 < len(column.distinct) <= max(50, column.rows // 20) and column.words_per_text < 12


def _without_digits(column: _Column) -> tuple[str, ...]:
    return tuple(word for word in column.words if not word.isdigit())


def _channel(columns: Iterable[_Column], found: Mapping[str, Any]) -> Channel:
    if found.get("score", {}).get("scale") == Scale.NPS:
        return Channel.SURVEY
    for channel, phrases in _known()["channels"].items():
        if any(len(column.words) <= NAME_WORDS and column.says(phrases) is not None for column in columns):
            return Channel(channel)
    return Channel.SURVEY


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _toml(value: Any) -> str:
    """Write a value as TOML on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
