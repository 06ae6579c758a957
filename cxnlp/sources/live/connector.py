"""The base of connectors: a vendor's pages in, pages of feedback with a cursor out."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import httpx
from pydantic import Field

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Page, Reject
from cxnlp.sources.base import Reason, SourceOptions
from cxnlp.sources.live.auth import advice, secret
from cxnlp.sources.live.http import Clock, Http, Pace, SystemClock
from cxnlp.sources.live.values import Unreadable

FORM = 1  # raise it when the same options would give other records
_FUTURE = dt.timedelta(days=1)
_EXCERPT = 200
_STALE, _EMPTY = 3, 10_000  # pages running with nothing new, and with nothing at all, after which a walk stops
_SURPRISES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What Python raises where JSON has another shape than the code that reads it expects."""

State = Mapping[str, Any]
"""How far a source is read, as JSON: the vendor's own cursor words; {} before the first page."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A record that the vendor says is deleted, with all its messages."""

    id: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page as the vendor sends it, and the state to go on from when it is stored."""

    items: Sequence[Any]
    state: State
    warnings: tuple[str, ...] = ()


class Reader(ABC):
    """One pull from one vendor: asks, and maps what comes."""

    @abstractmethod
    def pages(self, state: State) -> Iterator[Fetched]:
        """Yield the vendor's pages from a state on, in order."""

    @abstractmethod
    def records(self, item: Any) -> Iterable[Feedback | Gone]:
        """Return the feedback of one item; Unreadable sets the whole item aside."""

    @abstractmethod
    def id_of(self, item: Any) -> str | None:
        """Return the vendor's id of an item, None where it has none."""


class LiveSource(SourceOptions):
    """The base of sources that are pulled over HTTP; `start` is the first day that is pulled, in UTC.

    `overlap_minutes` are read again every night, for what the vendor's clock or index was late with. The excluded
    fields are not keys of the source's table.
    """

    start: dt.date
    overlap_minutes: int = Field(default=10, ge=0)
    timeout_seconds: float = Field(default=60.0, gt=0)
    clock: Clock = Field(default_factory=SystemClock, exclude=True)

    environment: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")
    """The beginning of the names of the environment variables that hold the credentials."""

    needs: ClassVar[Mapping[str, str]] = {}
    """What each of these variables holds, by the end of its name."""

    rights: ClassVar[str] = ""
    """What the owner of the credentials must be allowed to do."""

    not_deciding: ClassVar[frozenset[str]] = frozenset(
        {"name", "channel", "timeout_seconds", "overlap_minutes", "environment"}
    )
    """Options that may change without pulling everything anew: none that the state's words depend on."""

    model_config = SourceOptions.model_config | {"arbitrary_types_allowed": True}

    @abstractmethod
    def http(self) -> Http:
        """Return a client that has the credentials; SourceError where the environment lacks them."""

    @abstractmethod
    def reader(self, http: Http) -> Reader:
        """Return what reads the vendor through a client."""

    def client(
        self, base_url: str, *, pace: Pace, auth: httpx.Auth | None = None, headers: Mapping[str, str] | None = None
    ) -> Http:
        """Return a client with this source's name, advice and patience."""
        return Http(
            self.name,
            base_url,
            auth=auth,
            headers=headers,
            advice=self.advice,
            pace=pace,
            timeout=self.timeout_seconds,
        )

    def pull(self, cursor: str | None, *, page_size: int) -> Iterator[Page]:
        """Yield the vendor's pages as feedback, of no more than `page_size` items where the vendor lets us say so.

        What the cursor of other options says is not gone on from.
        """
        source = self._paged(page_size)
        options = source._options()
        with source.http() as http:
            reader, last = source.reader(http), cursor
            for fetched in self._asked(reader.pages(_state(cursor, options))):
                page = self._page(reader, fetched, options)
                if page.records or page.rejects or page.retired or page.warnings or page.cursor != last:
                    yield page
                last = page.cursor

    def check(self) -> list[str]:
        """Return what the first page that says something holds, and the warnings until then."""
        warnings: dict[str, None] = {}
        for page in self.pull(None, page_size=10):
            warnings |= dict.fromkeys(page.warnings)
            if page.records or page.rejects:
                aside = "".join(f", {reject.reason}: {reject.detail}" for reject in page.rejects[:1])
                said = f"the first page has {len(page.records)} comments, {len(page.rejects)} set aside{aside}"
                return [said, *warnings]
        return [f"the vendor answers; there is nothing since {self.start}", *warnings]

    def credential(self, end: str) -> str:
        """Return a credential of the environment; SourceError names the variable that is missing."""
        return secret(f"{self.environment}_{end}", source=self.name)

    def has_credential(self, end: str) -> bool:
        """Whether the environment has this credential."""
        return bool(os.environ.get(f"{self.environment}_{end}", "").strip())

    @property
    def advice(self) -> str:
        """What to check when the vendor refuses."""
        given = [end for end in self.needs if self.has_credential(end)]
        return advice((f"{self.environment}_{end}" for end in given or self.needs), self.rights)

    def since(self, said: str | None = None) -> dt.datetime:
        """Return the time to ask from: what the state said less the overlap, or the start."""
        start = dt.datetime.combine(self.start, dt.time(), dt.UTC)
        if said is None:
            return start
        return max(start, dt.datetime.fromisoformat(said) - dt.timedelta(minutes=self.overlap_minutes))

    def _paged(self, page_size: int) -> Self:
        field = type(self).model_fields.get("per_page")
        if field is None:
            return self
        least: int = max((getattr(limit, "ge", 1) for limit in field.metadata), default=1)
        per_page: int = getattr(self, "per_page")  # noqa: B009 - not every source has it
        return self.model_copy(update={"per_page": min(per_page, max(page_size, least))})

    def _options(self) -> str:
        said = {name: value for name, value in self.model_dump(mode="json").items() if name not in self.not_deciding}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

    def _asked(self, pages: Iterator[Fetched]) -> Iterator[Fetched]:
        empty = 0
        try:
            for fetched in pages:
                empty = 0 if fetched.items else empty + 1
                if empty > _EMPTY:
                    raise SourceError(f"{self.name}: {_EMPTY:,} pages running held nothing; the walk stops here.")
                yield fetched
        except (Unreadable, *_SURPRISES) as error:
            said = error if isinstance(error, Unreadable) else repr(error)[:_EXCERPT]
            raise SourceError(
                f"{self.name}: the vendor's answer is not what its contract says ({said}); nothing after it was "
                "pulled. The next night asks again from there."
            ) from error

    def _page(self, reader: Reader, fetched: Fetched, options: str) -> Page:
        records: list[Feedback] = []
        retired: list[str] = []
        rejects: list[Reject] = []
        for item in fetched.items:
            try:
                for record in list(reader.records(item)):  # all of an item or nothing
                    if isinstance(record, Gone):
                        retired.append(record.id)
                    elif amiss := self._fault(record):
                        rejects.append(self._reject(record.source_record_id, record.text, amiss))
                    else:
                        records.append(record)
            except Unreadable as fault:
                rejects.append(self._reject(_safe_id(reader, item), "", fault))
            except _SURPRISES as error:
                said = f"not what the vendor's contract says: {error!r}"[:300]
                surprise = Unreadable(Reason.UNEXPECTED_SHAPE, said)
                rejects.append(self._reject(_safe_id(reader, item), "", surprise))
        cursor = json.dumps({"form": FORM, "options": options, "state": dict(fetched.state)}, sort_keys=True)
        return Page(tuple(records), cursor, tuple(rejects), retired=tuple(retired), warnings=fetched.warnings)

    def _fault(self, record: Feedback) -> Unreadable | None:
        if not record.source_record_id:
            return Unreadable(Reason.MISSING_ID, "the record has no id")
        if len(record.text) > self.max_characters:
            return Unreadable(
                Reason.TEXT_TOO_LONG, f"{len(record.text):,} characters; {self.max_characters:,} are read"
            )
        if record.created_at and record.created_at > self.clock.now() + _FUTURE:
            return Unreadable(Reason.DATE_IN_FUTURE, f"{record.created_at:%Y-%m-%d %H:%M} is more than a day ahead")
        return None

    def _reject(self, record_id: str | None, text: str, fault: Unreadable) -> Reject:
        place = f"{self.name}, record {record_id}" if record_id else self.name
        return Reject(self.name, fault.reason, fault.detail, place, record_id, text[:_EXCERPT])


def _state(cursor: str | None, options: str) -> State:
    said = json.loads(cursor) if cursor else {}
    known = said.get("form") == FORM and said.get("options") == options
    state: State = said["state"] if known else {}
    return state


def _safe_id(reader: Reader, item: Any) -> str | None:
    try:
        return reader.id_of(item)
    except (Unreadable, *_SURPRISES):
        return None


def caught_up(walk: Callable[[State], Iterator[Fetched]], state: State) -> Iterator[Fetched]:
    """Yield a walk's pages; where it was left off on an earlier night, then those of what came since it began."""
    left_off = "walk" in state
    for fetched in walk(state):
        state = fetched.state
        yield fetched
    if left_off:
        yield from walk(state)


class LoopGuard:
    """Stops a vendor that goes round in circles: the same token twice running, or three pages with nothing new."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._token: object = None
        self._pages: deque[set[int]] = deque(maxlen=20)  # a walk of any length takes the same memory
        self._stale = 0

    def check(self, token: object, ids: Iterable[object] = ()) -> None:
        """Note a page's next token and its ids; SourceError where the vendor goes round in circles."""
        if token is not None and token == self._token:
            raise SourceError(f"{self._source}: the vendor gave the same next page twice; the walk stops here.")
        self._token = token
        hashes = {hash(one) for one in ids}
        self._stale = self._stale + 1 if hashes and hashes <= set().union(*self._pages) else 0
        self._pages.append(hashes)
        if self._stale >= _STALE:
            raise SourceError(f"{self._source}: {self._stale} pages running held nothing new; the walk stops here.")
