"""The organisation chart: who the departments are, what they own, and which fields and words point to them.

One departments.toml, written by the organisation:

    [[departments]]
    id = "billing"                  # in addresses and file names; never changes
    name = "Billing"
    head = "Head of Billing"
    email = "billing@example.org"
    parent = "finance"              # left out: directly below the organisation
    aliases = ["Invoicing", {name = "Accounts", mention = false}]
    owns = ["price_value"]          # topics, where nothing nearer says whose they are

    [[rules]]                       # a field of a source -> a department; * and ? stand for any characters
    field = "queue"                 # group, queue, product, location, agent or class
    values = ["Invoices*", "Refund desk"]
    department = "billing"
    source = "tickets"              # left out: of every source

    [[mentions]]                    # words in a comment, such as places and products -> a department
    words = ["direct debit", "invoice"]
    department = "billing"

Names are compared without regard to case, spacing or typographic variants. `mention = false` keeps a name (or, on the
department, its own name) out of comments' text, where it would be an ordinary word. Nothing is inherited: a rule, a
mention or a topic belongs to the one department that it names; counts roll up to the parents.
"""

from __future__ import annotations

import functools
import hashlib
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from cxnlp.config import Section, line_of, read_toml, validate
from cxnlp.errors import ConfigError, InputError, did_you_mean
from cxnlp.records import ORGANISATION, UNASSIGNED
from cxnlp.taxonomy import load_taxonomy

_At = tuple[str | int, ...]
_Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
# ">" parts the levels of a path such as "Finance > Billing".
_Name = Annotated[_Text, Field(pattern=r"^[^>]*$")]

_TYPOGRAPHY = str.maketrans({"’": "'", "‘": "'", "–": "-", "—": "-"})


def fold(name: str) -> str:
    r"""Return the form in which names are compared: no case, no odd spaces, plain quotes and dashes.

    >>> fold(" PTS\xa0 –  Patient TRANSPORT ")
    'pts - patient transport'
    """
    return " ".join(unicodedata.normalize("NFKC", name).translate(_TYPOGRAPHY).casefold().split())


class Alias(Section):
    """Another name of a department: in fields, and in comments too unless `mention` is false."""

    name: _Name
    mention: bool = True


def _as_alias(written: object) -> object:
    return {"name": written} if isinstance(written, str) else written


class Department(Section):
    """A part of the organisation that feedback is for. `head` is a role, `owns` are topic ids."""

    id: _Id
    name: _Name
    head: str = ""
    email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$")
    parent: str | None = ORGANISATION
    aliases: tuple[Annotated[Alias, BeforeValidator(_as_alias)], ...] = ()
    mention: bool = True
    owns: tuple[str, ...] = ()

    @property
    def spoken(self) -> tuple[str, ...]:
        """The names by which a comment may speak of it."""
        named = (self.name,) if self.mention else ()
        return named + tuple(alias.name for alias in self.aliases if alias.mention)


class Route(Section):
    """A [[rules]] table: these values of this field mean this department."""

    field: Literal["group", "queue", "product", "location", "agent", "class"]
    value: _Text | None = None
    values: tuple[_Text, ...] = ()
    department: str
    source: str | None = None

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if bool(self.values) == (self.value is not None):
            raise ValueError('a rule has either value = "one" or values = ["one", "another"]')
        return self

    @property
    def patterns(self) -> tuple[str, ...]:
        """The values, as they are written."""
        return self.values or (self.value or "",)


class Mention(Section):
    """A [[mentions]] table: these words in a comment mean this department."""

    words: tuple[_Name, ...] = Field(min_length=1)
    department: str


class _File(Section):
    """A whole departments.toml."""

    departments: tuple[Department, ...]
    rules: tuple[Route, ...] = ()
    mentions: tuple[Mention, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Where a name or path led: the deepest department that is known, and the `rest` of the path that is not."""

    department: str
    rest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A tree of departments. Its root is ORGANISATION; UNASSIGNED is a department directly below it.

    `departments` starts with the root, has parents before their children, otherwise the order of the file, and ends
    with what is unassigned. `version` is the first 12 hex digits of the SHA-256 of the file's text.
    """

    departments: tuple[Department, ...]
    rules: tuple[Route, ...] = ()
    mentions: tuple[Mention, ...] = ()
    version: str = ""
    _by_id: dict[str, Department] = field(init=False, repr=False, compare=False)
    _below: dict[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)
    _named: dict[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        given = [department for department in self.departments if department.id not in (ORGANISATION, UNASSIGNED)]
        root, unassigned = _always_there()
        by_id = {department.id: department for department in (root, *given, unassigned)}
        below: dict[str, list[str]] = defaultdict(list)
        for department in by_id.values():
            if department.parent is not None:
                below[department.parent].append(department.id)
        named: dict[str, list[str]] = defaultdict(list)
        for department in given:
            for name in sorted(_addresses(department)):
                named[name].append(department.id)
        object.__setattr__(self, "_by_id", by_id)
        object.__setattr__(self, "_below", {parent: tuple(ids) for parent, ids in below.items()})
        object.__setattr__(self, "_named", {name: tuple(ids) for name, ids in named.items()})
        object.__setattr__(self, "departments", tuple(by_id[name] for name in self._walk(ORGANISATION)))

    def _walk(self, department: str) -> Iterator[str]:
        yield department
        for child in self.children(department):
            yield from self._walk(child)

    def __getitem__(self, department: str) -> Department:
        """Return a department by id. InputError names the nearest known one."""
        if department not in self._by_id:
            raise InputError(f"No department '{department}' in the chart.{did_you_mean(department, self._by_id)}")
        return self._by_id[department]

    def __contains__(self, department: object) -> bool:
        return department in self._by_id

    def children(self, department: str) -> tuple[str, ...]:
        """Return the ids directly below a department. InputError: there is no such department."""
        self[department]
        return self._below.get(department, ())

    def ancestors(self, department: str) -> tuple[str, ...]:
        """Return the ids above a department, nearest first; the last is ORGANISATION. The root has none."""
        parent = self[department].parent
        return () if parent is None else (parent, *self.ancestors(parent))

    def closure(self) -> list[tuple[str, str]]:
        """Return all pairs (department, one that its counts roll up to): itself and every ancestor."""
        return [(part.id, above) for part in self.departments for above in (part.id, *self.ancestors(part.id))]

    def path(self, department: str) -> str:
        """Return the names from below the root down to a department: "Finance > Billing"."""
        above = [self[name].name for name in reversed(self.ancestors(department)) if name != ORGANISATION]
        return " > ".join((*above, self[department].name))

    def names(self) -> tuple[str, ...]:
        """Return every name, alias and mentioned word of the file, which redaction must keep in comments."""
        own = (name for part in self._own() for name in (part.name, *(alias.name for alias in part.aliases)))
        return tuple(dict.fromkeys((*own, *(word for mention in self.mentions for word in mention.words))))

    def spoken(self) -> dict[str, str]:
        """Return the words that name a department in a comment, each with the department's id.

        A name that several departments share means the one nearest to the root; shared at one level, it means none.
        [[mentions]] go before names.
        """
        words: dict[str, str] = {}
        for department in self._own():
            words |= {name: department.id for name in department.spoken if self.called(name) == (department.id,)}
        return words | {word: mention.department for mention in self.mentions for word in mention.words}

    def owners(self) -> dict[str, str]:
        """Return the department of each topic that somebody owns."""
        return {topic: department.id for department in self._own() for topic in department.owns}

    def called(self, name: str) -> tuple[str, ...]:
        """Return the departments with that id, name or alias: of those nearest to the root, so mostly one."""
        ids = self._named.get(fold(name), ())
        depths = {department: len(self.ancestors(department)) for department in ids}
        return tuple(department for department in ids if depths[department] == min(depths.values()))

    def find(self, path: str) -> Found | None:
        """Follow an id, name, alias or path ("Finance > Billing") as deep as it is known; None where its start isn't.

        A start that several departments of one level are called leads nowhere, for it may mean any of them.
        """
        parts = [part.strip() for part in path.split(">")]
        start = self.called(parts[0])
        if len(start) != 1:
            return None
        place = start[0]
        for depth, part in enumerate(parts[1:], start=1):
            deeper = [child for child in self.children(place) if child in self._named.get(fold(part), ())]
            if not deeper:
                return Found(place, tuple(parts[depth:]))
            place = deeper[0]
        return Found(place)

    def _own(self) -> Iterator[Department]:
        return (department for department in self.departments if department.id not in (ORGANISATION, UNASSIGNED))


def load_chart(path: str | Path) -> Chart:
    """Read and check a departments.toml. ConfigError lists every fault with file, line and what would be right."""
    path = Path(path)
    data, text = read_toml(path)
    if data.get("departments") in (None, []):
        raise ConfigError(f"{path} has no [[departments]]; a chart needs at least one, with id and name.")
    said = validate(_File, data, path=path, text=text)
    faults = [
        *_id_faults(said.departments), *_parent_faults(said.departments), *_name_faults(said.departments),
        *_owner_faults(said.departments), *_rule_faults(said), *_mention_faults(said),
    ]  # fmt: skip
    if faults:
        raise ConfigError("\n".join(fault.told(path, text) for fault in faults))
    return Chart(said.departments, said.rules, said.mentions, hashlib.sha256(text.encode()).hexdigest()[:12])


@functools.cache
def _always_there() -> tuple[Department, Department]:
    """Return the root and the department of what nobody owns, named in data/departments.toml."""
    data: dict[str, Any] = tomllib.loads(resources.files("cxnlp").joinpath("data/departments.toml").read_text("utf-8"))
    return Department(id=ORGANISATION, parent=None, **data[ORGANISATION]), Department(id=UNASSIGNED, **data[UNASSIGNED])


def _addresses(department: Department) -> set[str]:
    written = (department.id, department.name, *(alias.name for alias in department.aliases))
    return {fold(name) for name in written}


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong at one place of the file; `first` is the place that it collides with."""

    at: _At
    message: str
    first: _At | None = None

    def told(self, path: Path, text: str) -> str:
        already = f" (line {line_of(text, self.first)})" if self.first else ""
        message = f"{path}, line {line_of(text, self.at)}: {self.message}{already}"
        return message if message.endswith("?") else f"{message}."


def _repeats(keys: Iterable[tuple[_At, str]], message: str) -> Iterator[_Fault]:
    """Yield a fault for each key that stood before; `message` has a place for the {key}."""
    first: dict[str, _At] = {}
    for at, key in keys:
        if key in first:
            yield _Fault(at, message.format(key=key), first[key])
        first.setdefault(key, at)


def _id_faults(departments: tuple[Department, ...]) -> Iterator[_Fault]:
    for i, department in enumerate(departments):
        if department.id in (ORGANISATION, UNASSIGNED):
            yield _Fault(("departments", i, "id"), f"id '{department.id}' is always there; choose another id")
    ids = ((("departments", i, "id"), department.id) for i, department in enumerate(departments))
    yield from _repeats(ids, "id '{key}' is another department's; ids must differ")


def _parent_faults(departments: tuple[Department, ...]) -> Iterator[_Fault]:
    parents = {department.id: department.parent or ORGANISATION for department in departments}
    told: set[str] = set()
    for i, department in enumerate(departments):
        at = ("departments", i, "parent")
        parent = parents[department.id]
        if parent != ORGANISATION and parent not in parents:
            hint = _nearest(parent, parents)
            yield _Fault(at, f"parent '{parent}' is no department's id.{hint}")
        circle = _circle(department.id, parents)
        if circle and told.isdisjoint(circle):
            yield _Fault(
                at, f"'{' > '.join((*circle, circle[0]))}' goes round in a circle; one must have another parent"
            )
        told.update(circle)


def _circle(start: str, parents: dict[str, str]) -> list[str]:
    """Return the ids from `start` upwards if they lead back to it, else nothing."""
    way = [start]
    while (above := parents.get(way[-1], ORGANISATION)) != ORGANISATION and above not in way:
        way.append(above)
    return way if above == start != ORGANISATION else []


def _name_faults(departments: tuple[Department, ...]) -> Iterator[_Fault]:
    """Two departments may share a name below different parents, where paths tell them apart; nothing else is shared."""
    first: dict[str, list[int]] = defaultdict(list)
    for i, department in enumerate(departments):
        for name in sorted(_addresses(department)):
            at = _place_of(name, department, i)
            if name in (ORGANISATION, UNASSIGNED) and department.id != name:
                yield _Fault(at, f"'{name}' is the name of what is always there; choose another name")
            clash = next((other for other in first[name] if _clash(name, departments[other], department)), None)
            if clash is not None and departments[clash].id != department.id:
                hint = "names must differ, unless they are names below different parents"
                yield _Fault(at, f"'{name}' means two departments; {hint}", _place_of(name, departments[clash], clash))
            first[name].append(i)


def _clash(name: str, one: Department, other: Department) -> bool:
    both_names = fold(one.name) == fold(other.name) == name
    return not (both_names and one.parent != other.parent)


def _place_of(name: str, department: Department, i: int) -> _At:
    if fold(department.name) == name:
        return ("departments", i, "name")
    return ("departments", i, "id" if department.id == name else "aliases")


def _owner_faults(departments: tuple[Department, ...]) -> Iterator[_Fault]:
    owned = [(("departments", i, "owns"), topic) for i, part in enumerate(departments) for topic in part.owns]
    topics = load_taxonomy().ids
    for at, topic in owned:
        if topic not in topics:
            yield _Fault(at, f"'{topic}' is no topic.{_nearest(topic, topics)}")
    yield from _repeats(owned, "topic '{key}' has an owner already; one department owns a topic")


def _rule_faults(said: _File) -> Iterator[_Fault]:
    ids = [department.id for department in said.departments]
    for i, route in enumerate(said.rules):
        if route.department not in ids:
            at = ("rules", i, "department")
            yield _Fault(at, f"department '{route.department}' is not in the chart.{_nearest(route.department, ids)}")
    keys = (
        (("rules", i), f"{route.field} = {fold(value)}" + (f" of source {route.source}" if route.source else ""))
        for i, route in enumerate(said.rules)
        for value in route.patterns
    )
    yield from _repeats(keys, "'{key}' has a rule already")


def _mention_faults(said: _File) -> Iterator[_Fault]:
    ids = [department.id for department in said.departments]
    for i, mention in enumerate(said.mentions):
        if mention.department not in ids:
            at = ("mentions", i, "department")
            message = f"department '{mention.department}' is not in the chart.{_nearest(mention.department, ids)}"
            yield _Fault(at, message)
    words = [
        (("mentions", i, "words"), fold(word)) for i, mention in enumerate(said.mentions) for word in mention.words
    ]
    named = _spoken_by_one(said.departments)
    for at, word in words:
        other = named.get(word)
        if other is not None and said.departments[other].id != said.mentions[int(at[1])].department:
            part = said.departments[other]
            yield _Fault(at, f"'{word}' already names '{part.id}' in comments", _place_of(word, part, other))
    yield from _repeats(words, "'{key}' is mentioned already; words mean one department")


def _spoken_by_one(departments: tuple[Department, ...]) -> dict[str, int]:
    """Return the folded names that speak of one department only, each with that department's place."""
    places: dict[str, list[int]] = defaultdict(list)
    for i, part in enumerate(departments):
        for name in {fold(name) for name in part.spoken}:
            places[name].append(i)
    return {name: found[0] for name, found in places.items() if len(found) == 1}


def _nearest(name: str, known: Iterable[str]) -> str:
    return did_you_mean(name, known).removesuffix(".")
