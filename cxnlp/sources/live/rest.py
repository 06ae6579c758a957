"""Any REST API that answers GET with JSON: where its records are, how it pages, and which path of a record is what."""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import httpx
from pydantic import Field, field_validator, model_validator

from cxnlp.config import Section
from cxnlp.errors import SourceError
from cxnlp.records import Feedback
from cxnlp.sources.base import Reason
from cxnlp.sources.columns import REST, Columns
from cxnlp.sources.live.auth import Bearer, advice
from cxnlp.sources.live.connector import Fetched, Gone, LiveSource, LoopGuard, Reader, State
from cxnlp.sources.live.http import Answer, Budget, Http, Pace, Refused
from cxnlp.sources.live.values import Unreadable
from cxnlp.sources.mapping import NOTHING, YES_NO, Mapped, Mapper, Target, check_columns
from cxnlp.sources.tables import Fault, Row, Table, cell_text

_CREDENTIAL = re.compile(
    r"(api|app)?[_-]?key|((access|auth|api)[_-]?)?token|((client|api)[_-]?)?secret|pass(word|wd)?|pwd|auth(orization)?|"
    r"sig(nature)?|cookie",
    re.IGNORECASE,
)
_LINK = re.compile(r"<([^>]*)>((?:\s*;\s*[^,;]+)*)")
_STALE = frozenset({400, 404, 410, 422})  # what APIs answer to a place in a walk that they no longer know


class Auth(Section):
    """How requests show the credential: never in a query, which ends up in logs.

    `header` is the name of the header of that kind, `scheme` what stands before the credential in it.
    """

    kind: Literal["bearer", "basic", "header", "none"] = "bearer"
    header: str | None = Field(default=None, pattern=r"^[\w-]+$")
    scheme: str = ""

    @model_validator(mode="after")
    def _named(self) -> Auth:
        if (self.kind == "header") != (self.header is not None):
            raise ValueError('auth.header goes with kind = "header", and only with that')
        return self


class Paging(Section):
    """How one page leads to the next.

    `parameter` carries the page's number, the offset or the token, `size_parameter` how many records a page has.
    `path` is where the token or the next URL stands in the body, `more` where it says whether there is more. Pages by
    number or offset end with an empty one where `more` doesn't say it.
    """

    style: Literal["none", "page", "offset", "cursor", "link", "next"] = "none"
    parameter: str = ""
    first: int | None = None
    size_parameter: str | None = None
    size: int = Field(default=100, ge=1)
    path: str | None = None
    more: str | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Paging:
        if (self.style in ("cursor", "next")) != (self.path is not None):
            raise ValueError('paging.path goes with style = "cursor" or "next", and only with these')
        return self

    @property
    def counted(self) -> bool:
        """Whether a page is found by counting, so that records move from one to another."""
        return self.style in ("page", "offset")

    @property
    def start(self) -> int | None:
        """Where a walk begins."""
        return (self.first if self.first is not None else int(self.style == "page")) if self.counted else None


class Incremental(Section):
    """The parameter that takes the latest time of change so far; `format` is iso, unix, unix_ms or strftime's."""

    parameter: str
    format: str = "iso"

    def shown(self, when: dt.datetime) -> str:
        """Return a time as the API takes it, cut to what its format has."""
        if self.format in ("unix", "unix_ms"):
            return str(int(when.timestamp() * (1000 if self.format == "unix_ms" else 1)))
        return when.strftime("%Y-%m-%dT%H:%M:%SZ" if self.format == "iso" else self.format)


class Rest(LiveSource):
    """Records of any API that answers GET with JSON.

    `columns` are those of files, their names paths: "author.id", "answers.0.text", "tags.*.name". Without
    `incremental` everything is read every night. `deleted` is the path of what says that a record is deleted: a time,
    or true; where an API only leaves deleted records out, nothing tells of them. `base_url` takes the place of the host
    of `url`.
    """

    url: str
    base_url: str = ""
    environment: str = Field(default="CXNLP_REST", pattern=r"^[A-Z][A-Z0-9_]*$")
    auth: Auth = Auth()
    headers: Mapping[str, str] = Field(default_factory=dict)
    params: Mapping[str, str | int | float | bool | list[str]] = Field(default_factory=dict)
    paging: Paging = Paging()
    records: str = ""
    records_optional: bool = False
    columns: Columns
    deleted: str | None = None
    incremental: Incremental | None = None
    per_minute: float | None = Field(default=None, gt=0)

    model_config = LiveSource.model_config | {"hide_input_in_errors": True}

    needs: ClassVar[Mapping[str, str]] = {
        "TOKEN": "the token, key or password",
        "USER": 'the user, where auth.kind is "basic"',
    }
    rights: ClassVar[str] = "it must be allowed to read what url gives"
    not_deciding: ClassVar[frozenset[str]] = LiveSource.not_deciding | {"per_minute"}

    @field_validator("url")
    @classmethod
    def _whole_url(cls, url: str) -> str:
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            raise ValueError("url is not a URL") from None
        if parsed.scheme not in ("http", "https") or not parsed.host or parsed.fragment:
            raise ValueError("url must be whole, such as https://api.acme.example/v2/reviews")
        if parsed.userinfo:
            raise ValueError("url holds a credential; leave it out: it comes from the environment")
        return url

    @model_validator(mode="after")
    def _makes_sense(self) -> Rest:
        for name in (*self.params, *httpx.URL(self.url).params):
            if _CREDENTIAL.fullmatch(name):
                raise ValueError(
                    f"the parameter '{name}' looks like a credential; use auth, which reads the environment"
                )
        for name in self.headers:
            if any(map(_CREDENTIAL.fullmatch, (name, *name.split("-")))):
                raise ValueError(f"the header '{name}' looks like a credential; use auth, which reads the environment")
        if self.columns.by_row:
            raise ValueError("columns.id must be a path: an API's records have no row")
        if self.incremental and not (self.columns.updated or self.columns.date):
            raise ValueError("incremental needs columns.updated (or columns.date), whose greatest value is asked from")
        return self

    @property
    def advice(self) -> str:
        """What to check when the API refuses."""
        ends = {"basic": ("USER", "TOKEN"), "none": ()}.get(self.auth.kind, ("TOKEN",))
        if not ends:
            return f"It was asked without credentials; auth.kind can take them from {self.environment}_TOKEN."
        return advice((f"{self.environment}_{end}" for end in ends), self.rights)

    def http(self) -> Http:
        """Return a client that shows the credential as `auth` says."""
        url = httpx.URL(self.url)
        return self.client(
            self.base_url or str(url.copy_with(raw_path=b"/")),
            auth=self._credentials(),
            headers=self.headers,
            pace=Pace(self.clock, self.per_minute, limits),
        )

    def _credentials(self) -> httpx.Auth | None:
        match self.auth.kind:
            case "none":
                return None
            case "basic":
                return httpx.BasicAuth(self.credential("USER"), self.credential("TOKEN"))
            case "header":
                return Bearer(self.credential("TOKEN"), header=self.auth.header or "", scheme=self.auth.scheme)
        return Bearer(self.credential("TOKEN"))

    def reader(self, http: Http) -> Reader:
        """Return what reads the API."""
        return _Reader(self, http)


def limits(headers: Mapping[str, str], now: dt.datetime) -> Iterator[Budget]:
    """Yield the budget of the usual headers; a reset is a number of seconds or a Unix time."""
    for prefix in ("ratelimit", "x-ratelimit", "x-rate-limit"):
        left, reset = headers.get(f"{prefix}-remaining", ""), headers.get(f"{prefix}-reset", "")
        if left.isdigit() and reset.isdigit():
            yield Budget(int(left), int(reset) - now.timestamp() if int(reset) > 10**9 else int(reset))


@dataclass(frozen=True, slots=True)
class _Item:
    """What one record of the API gives."""

    mapped: Mapped
    gone: bool

    @property
    def ids(self) -> list[str]:
        """The ids of its texts."""
        return ids_of(self.mapped)

    @property
    def changed(self) -> dt.datetime | None:
        """When it was last changed, as far as it says."""
        return next((record.updated_at or record.created_at for record in self.mapped.records), None)


class _Reader(Reader):
    def __init__(self, source: Rest, http: Http) -> None:
        self._source = source
        self._http = http
        self._url = httpx.URL(source.url)
        self._paging = source.paging
        # What is too long is set aside text by text, by the base.
        self._target = Target(source.name, source.channel, "", sys.maxsize, source.clock.now)

    def pages(self, state: State) -> Iterator[Fetched]:
        state, resumed = dict(state), "walk" in state
        walk = dict(state.pop("walk", None) or self._begin(state))
        if resumed and self._paging.counted:
            walk["at"] = walk["last"]  # what was deleted meanwhile has moved others to the page before
        guard, first = LoopGuard(self._source.name), not state
        while True:
            try:
                answer = self._ask(walk)
            except Refused as refused:
                if not resumed or refused.status not in _STALE:
                    raise
                walk, resumed = self._begin(state), False
                continue
            found = self._found(answer.json)
            items, warnings = self._map(found, look=first and bool(found))
            times = [item.changed.isoformat(timespec="microseconds") for item in items if item.changed]
            newest = max([walk["newest"] or "", *times]) or None
            at = self._next(walk["at"], answer, len(found))
            walk, resumed, first = {**walk, "last": walk["at"], "at": at, "newest": newest}, False, first and not found
            if at is not None:
                ids = [ident for item in items for ident in item.ids]
                guard.check(at, ids or ([""] if self._paging.counted else []))
            yield Fetched(items, {**state, "walk": walk} if at is not None else self._done(state, walk), warnings)
            if at is None:
                return

    def _begin(self, state: State) -> dict[str, Any]:
        since, now = self._source.since(state.get("newest")), self._source.clock.now()
        times = {"since": since.isoformat(), "began": now.isoformat(timespec="microseconds"), "newest": None}
        return {"at": self._paging.start, "last": None, **times}

    def _done(self, state: State, walk: Mapping[str, Any]) -> State:
        """Return the state after a whole walk; what was changed behind its back comes again the next night."""
        if not self._source.incremental or not walk["newest"]:
            return state
        return {"newest": max(state.get("newest") or "", min(walk["newest"], walk["began"]))}

    def _ask(self, walk: Mapping[str, Any]) -> Answer:
        paging, at = self._paging, walk["at"]
        if paging.style in ("link", "next") and at is not None:
            return self._http.ask("GET", at)
        params = dict(self._source.params)
        if incremental := self._source.incremental:
            params[incremental.parameter] = incremental.shown(dt.datetime.fromisoformat(walk["since"]))
        if paging.size_parameter:
            params[paging.size_parameter] = paging.size
        if at is not None:
            params[paging.parameter or paging.style] = at
        path = self._url.raw_path.partition(b"?")[0].decode()
        return self._http.ask("GET", path, params=self._url.params.merge(params))

    def _found(self, body: Any) -> list[Any]:
        """Return the records of a body. SourceError where they aren't where they should be."""
        found = value_at(body, self._source.records)
        if isinstance(found, list):
            return found
        if found is None and self._source.records_optional and isinstance(body, dict):
            return []
        keys = f"; it has {', '.join(body)}"[:200] if isinstance(body, dict) else ""
        place = f"at '{self._source.records}' of" if self._source.records else "in"
        raise SourceError(f"{self._source.name}: no list of records {place} what {self._url.host} answers{keys}.")

    def _next(self, now_at: Any, answer: Answer, many: int) -> Any:
        """Return where the next page is, None after the last one."""
        paging = self._paging
        if paging.more and not says_yes(value_at(answer.json, paging.more)):
            return None
        match paging.style:
            case "page" | "offset" if many or paging.more:
                return now_at + (1 if paging.style == "page" else many or paging.size)
            case "cursor":
                return cell_text(value_at(answer.json, paging.path or "")) or None
            case "next":
                return self._joined(cell_text(value_at(answer.json, paging.path or "")))
            case "link":
                links = _LINK.findall(answer.headers.get("link", ""))
                return self._joined(next((url for url, said in links if re.search(r"rel=\"?[^\"]*\bnext\b", said)), ""))
        return None

    def _joined(self, url: str) -> str | None:
        asked = httpx.URL(self._source.base_url or self._url).join(self._url.path)
        return str(asked.join(url)) if url else None

    def _map(self, found: list[Any], *, look: bool) -> tuple[list[_Item], tuple[str, ...]]:
        """Return what records give, and what a person should know of them; `look` whether their paths are there."""
        columns, source = self._source.columns, self._source
        cells = [self._cells(one) if isinstance(one, dict) else {} for one in found]
        names = tuple(dict.fromkeys(name for each in cells for name, value in each.items() if value is not None))
        table = Table(source.name, "jsonl", names, iter(()), unit="record", complete=False)
        mapper = Mapper(columns, table, self._target)
        items = []
        for number, (one, each) in enumerate(zip(found, cells, strict=True), 1):
            fault = None if isinstance(one, dict) else Fault(Reason.NOT_AN_OBJECT, 'a record is not an object {"…": …}')
            gone = source.deleted is not None and says_yes(value_at(one, source.deleted))
            items.append(_Item(mapper.map(Row(number, number, each, fault)), gone))
        return items, (*(_lacking(columns, table) if look else ()), *mapper.warnings())

    def _cells(self, one: Mapping[str, Any]) -> dict[str, Any]:
        columns = self._source.columns
        rest = _flat(one) if REST in columns.attributes else ()
        return dict(rest) | {name: _cell(value_at(one, name)) for name in columns.used()}

    def records(self, item: Any) -> Iterable[Feedback | Gone]:
        if item.gone:
            yield from map(Gone, item.ids)
            return
        yield from (
            record for record in item.mapped.records if not item.changed or item.changed >= self._source.since()
        )
        for reject in item.mapped.rejects[:1]:
            raise Unreadable(Reason(reject.reason), reject.detail)

    def id_of(self, item: Any) -> str | None:
        return next(iter(item.ids), None)


def value_at(value: Any, path: str) -> Any:
    """Return what stands at a path of keys, list indices and "*" (each of a list); None where nothing does.

    >>> value_at({"a": [{"b": "x"}, {"b": "y"}]}, "a.*.b"), value_at({"a.b": [7]}, "a.b.0")
    (['x', 'y'], 7)
    """
    if not path or value is None:
        return value
    if isinstance(value, dict):
        # Keys may have dots in them: the longest that is there is taken.
        parts = path.split(".")
        for size in range(len(parts), 0, -1):
            if (key := ".".join(parts[:size])) in value:
                return value_at(value[key], ".".join(parts[size:]))
        return None
    head, _, rest = path.partition(".")
    if isinstance(value, list) and head == "*":
        return [found for one in value if (found := value_at(one, rest)) is not None]
    if isinstance(value, list) and head.isdigit() and int(head) < len(value):
        return value_at(value[int(head)], rest)
    return None


def _flat(one: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in one.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, _cell(value)


def _cell(value: Any) -> Any:
    """Return a value as a cell: of a list of words the words, joined."""
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return ", ".join(filter(None, map(cell_text, value)))
    return value


def ids_of(mapped: Mapped) -> list[str]:
    """Return the ids of a record's texts, of those that are set aside too."""
    rejected = (reject.record_id for reject in mapped.rejects if reject.record_id)
    return [*(record.source_record_id for record in mapped.records), *rejected]


def says_yes(value: Any) -> bool:
    """Whether a value says that something is so: true, a number but 0, words but those for nothing and no."""
    words = cell_text(value).strip().lower()
    return bool(value) and words not in NOTHING and bool(YES_NO.get(words, words != "0"))


def _lacking(columns: Columns, table: Table) -> tuple[str, ...]:
    try:
        return check_columns(columns, table)
    except SourceError as error:
        return (str(error),)
