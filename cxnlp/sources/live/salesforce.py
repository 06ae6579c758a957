"""Salesforce: cases by SOQL, what customers wrote in them, their portal comments and e-mails."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import httpx
from pydantic import Field, model_validator

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale, Timing
from cxnlp.sources.base import Reason
from cxnlp.sources.live.auth import Renewed
from cxnlp.sources.live.connector import Fetched, Gone, LiveSource, LoopGuard, Reader, State, caught_up
from cxnlp.sources.live.http import Budget, Http, Limits, Pace, QuotaUsed, Refused
from cxnlp.sources.live.mail import written
from cxnlp.sources.live.values import Unreadable, attributes, moment, need, needed, objects, score, text_of, within

_CASE, _COMMENT, _MAIL, _HISTORY = "Case", "CaseComment", "EmailMessage", "CaseHistory"
_FIELDS: Mapping[str, tuple[str, ...]] = {
    _CASE: (
        "Id", "CaseNumber", "Subject", "Description", "Status", "Priority", "Origin", "Type", "Reason", "ClosedDate",
        "CreatedDate", "IsDeleted", "ContactId", "AccountId", "SuppliedEmail", "OwnerId", "Owner.Name", "Owner.Type",
        "RecordType.DeveloperName",
    ),
    _COMMENT: ("Id", "ParentId", "CommentBody", "IsPublished", "CreatedDate", "CreatedBy.UserType", "IsDeleted"),
    _MAIL: ("Id", "ParentId", "Incoming", "TextBody", "MessageDate", "CreatedDate", "Status", "IsDeleted"),
    _HISTORY: ("Id", "CaseId", "OldValue", "NewValue", "CreatedDate"),
}  # fmt: skip
_SELDOM = "RecordType.DeveloperName"  # many organisations have no record types
_CURSORS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")  # the first that may be read
_AT_ONCE = 200  # ids in one query: a URL of some 6,000 characters, where 16,000 are too many
_COMPARED = 30_000  # characters; a description ends at 32,000, the e-mail that it was goes on
_NARROWEST = dt.timedelta(minutes=1)
_DAY = 86_400.0  # seconds
_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")
_FieldPath = Annotated[str, Field(pattern=r"^[A-Za-z]\w*(\.[A-Za-z]\w*)?$")]


class _TimedOut(SourceError):
    """A query ran too long for Salesforce; a narrower one may not."""


class _Expired(SourceError):
    """Salesforce no longer knows the rest of a query's result."""


class Salesforce(LiveSource):
    """Cases of one Salesforce organisation; `my_domain` is the host of its login, such as acme.my.salesforce.com.

    `comments` reads published portal comments, `emails` the e-mails of cases (names of their fields unconfirmed),
    `history` the changes of status (unconfirmed): a case is reopened when it goes from one of `closed_statuses` to
    another. The description of a case from one of `staff_origins` is an agent's note. `customer_user_types` and
    `staff_user_types` tell who wrote a comment, `draft_status` an e-mail that was never sent (all unconfirmed).
    `score_field` holds a score on `score_scale`; `hints` are the fields that are hints besides owner and type.
    `quota_share` is the part of the organisation's daily requests after which a night stops. Deleted and merged cases
    are told of until the recycle bin is emptied; after that they vanish without a word, so they stay here.
    """

    my_domain: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    base_url: str = ""
    environment: str = Field(default="CXNLP_SALESFORCE", pattern=r"^[A-Z][A-Z0-9_]*$")
    api_version: str = Field(default="61.0", pattern=r"^\d{2,3}\.0$")
    comments: bool = True
    emails: bool = True
    history: bool = True
    closed_statuses: tuple[str, ...] = ("Closed",)
    staff_origins: tuple[str, ...] = ("Phone",)
    customer_user_types: tuple[str, ...] = ("CspLitePortal", "CustomerSuccess", "PowerCustomerSuccess", "Guest")
    staff_user_types: tuple[str, ...] = ("Standard",)
    draft_status: str = "5"
    score_field: _FieldPath | None = None
    score_scale: Scale | None = None
    hints: dict[Hint, _FieldPath] = Field(default_factory=dict)
    quota_share: float = Field(default=0.8, gt=0, le=1)
    per_page: int = Field(default=2000, ge=200, le=2000)

    needs: ClassVar[Mapping[str, str]] = {
        "CLIENT_ID": "the consumer key of the connected app (client credentials flow)",
        "CLIENT_SECRET": "its consumer secret",
    }
    rights: ClassVar[str] = "the app's run-as user needs API Enabled and must read cases, their comments and e-mails"
    not_deciding: ClassVar[frozenset[str]] = LiveSource.not_deciding | {"api_version", "quota_share", "per_page"}

    @model_validator(mode="after")
    def _score_has_a_scale(self) -> Self:
        if (self.score_field is None) != (self.score_scale is None):
            raise ValueError("score_field and score_scale go together: the field, and what its numbers are")
        return self

    def http(self) -> Http:
        """Return a client of the organisation's instance, with a token."""
        token, instance = self.login()
        return self.client(
            instance,
            auth=_Session(self, token),
            headers={"Sforce-Query-Options": f"batchSize={self.per_page}"},
            pace=Pace(self.clock, limits=limits(self.quota_share)),
        )

    def reader(self, http: Http) -> Reader:
        """Return what reads the organisation."""
        return _Reader(self, http)

    def login(self) -> tuple[str, str]:
        """Return an access token, and the address of the instance that takes it."""
        said = {
            "grant_type": "client_credentials",
            "client_id": self.credential("CLIENT_ID"),
            "client_secret": self.credential("CLIENT_SECRET"),
        }
        base = httpx.URL(self.base_url or f"https://{self.my_domain}")
        pace = Pace(self.clock)
        with self.client(str(base), pace=pace) as http:
            try:
                body = http.ask("POST", "/services/oauth2/token", data=said).json
            except Refused as refused:
                if refused.status != 400:
                    raise
                raise SourceError(f"{self.name}: {base.host} refused the credentials (400). {self.advice}") from None
        token, instance = (body.get(k) if isinstance(body, dict) else None for k in ("access_token", "instance_url"))
        url = httpx.URL(instance) if isinstance(instance, str) else httpx.URL("")
        if not (isinstance(token, str) and token and url.host and url.scheme == base.scheme):
            raise SourceError(f"{self.name}: {base.host} answered without a token or without its instance.")
        return token, str(url)


class _Session(Renewed):
    """A token that is replaced once it is refused. Only the body tells a quota that is used up from a permission."""

    def __init__(self, source: Salesforce, token: str) -> None:
        super().__init__(lambda: source.login()[0])
        self._token = token
        self._name = source.name

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request, and look at why it is refused."""
        flow = super().auth_flow(request)
        sent = next(flow)
        while True:
            response = yield sent
            code = _code(response) if response.status_code in (400, 403) else ""
            if code == "REQUEST_LIMIT_EXCEEDED":
                raise QuotaUsed(
                    f"{self._name}: the organisation's requests of 24 hours are used up ({code}). What was pulled is "
                    "stored; the next night goes on from there."
                )
            if code == "QUERY_TIMEOUT":
                raise _TimedOut(f"{self._name}: a query ran too long for Salesforce, however narrow ({code}).")
            try:
                sent = flow.send(response)
            except StopIteration:
                return


def _code(response: httpx.Response) -> str:
    """Return the code of an error, "" where its body is none of Salesforce's."""
    response.read()
    try:
        said = response.json()
    except ValueError:
        return ""
    first = said[0] if isinstance(said, list) and said else None
    return str(first.get("errorCode")) if isinstance(first, dict) else ""


def limits(share: float) -> Limits:
    """Return what reads how much is left of a share of the organisation's requests of 24 hours."""

    def read(headers: Mapping[str, str], now: dt.datetime) -> Iterator[Budget]:
        if found := _USAGE.search(headers.get("sforce-limit-info", "")):
            yield Budget(int(int(found[2]) * share) - int(found[1]), _DAY)

    return read


@dataclass(frozen=True, slots=True)
class _Kind:
    """What may be read of a kind of object: its fields, the time it is followed by, if a query can ask its case."""

    fields: tuple[str, ...]
    cursor: str
    asks_case: bool


@dataclass(frozen=True, slots=True)
class _Message:
    """A comment or an e-mail of a case: whose it is, and whether the customer can see it."""

    id: str
    words: str
    at: dt.datetime
    changed: dt.datetime | None
    customers: bool
    staffs: bool
    shown: bool


class _Reader(Reader):
    def __init__(self, source: Salesforce, http: Http) -> None:
        self._source = source
        self._http = http
        self._path = f"/services/data/v{source.api_version}"
        self._kinds: dict[str, _Kind] = {}
        self._warnings: list[str] = []

    def pages(self, state: State) -> Iterator[Fetched]:
        self._describe()
        yield from caught_up(self._night, state)

    def id_of(self, item: Any) -> str | None:
        return text_of(within(item, "case", "Id")) or None

    def _describe(self) -> None:
        """Find out what may be read: a column that a permission closes would fail every query that names it."""
        source = self._source
        own = (*source.hints.values(), *([source.score_field] if source.score_field else []))
        left_out = {_COMMENT: not source.comments, _MAIL: not source.emails, _HISTORY: not source.history}
        for name, fields in _FIELDS.items():
            if left_out.get(name):
                continue
            try:
                described = objects(self._http.get(f"{self._path}/sobjects/{name}/describe"), "fields")
            except Refused as refused:
                if refused.status != 404 or name == _CASE:
                    raise
                self._warnings.append(f"{source.name}: {name} may not be read; it is left out.")
                continue
            self._kinds[name] = self._kind(name, described, dict.fromkeys((*fields, *(own if name == _CASE else ()))))

    def _kind(self, name: str, described: Sequence[Any], wanted: Iterable[str]) -> _Kind:
        known = {text_of(within(field, "name")) for field in described}
        relations = {text_of(within(field, "relationshipName")) for field in described}
        closed = [f for f in wanted if (f.partition(".")[0] not in relations if "." in f else f not in known)]
        cursor = next((field for field in _CURSORS if field in known), "")
        if not cursor or "Id" in closed or "CreatedDate" in closed:
            raise SourceError(f"{self._source.name}: Id or CreatedDate of {name} is closed. {self._source.advice}")
        missed = [f for f in closed if f != _SELDOM or f in self._source.hints.values()]
        if missed:
            self._warnings.append(
                f"{self._source.name}: {name} is read without {', '.join(missed)}: closed or unknown."
            )
        # A parent that can be of several kinds can't be asked for its columns.
        of_case = any(
            within(field, "relationshipName") == "Parent" and objects(field, "referenceTo") == [_CASE]
            for field in described
        )
        return _Kind((*(field for field in wanted if field not in closed), cursor), cursor, of_case)

    def _night(self, state: State) -> Iterator[Fetched]:
        """Yield the cases that changed; then those that did not, but of which a comment or an e-mail did.

        The cursors move when all are read: those of comments and e-mails to the newest that there was before the cases
        were read, as a later one may be of a case that was read without it.
        """
        walk = dict(state.get("walk") or self._begun(state))
        kept = {name: value for name, value in state.items() if name != "walk"}
        # What is closed since the walk began is not read with its cases: its cursor stays until it is open again.
        walk["heads"] = {name: at for name, at in walk["heads"].items() if name in self._kinds}
        stages = (_CASE, _COMMENT, _MAIL)
        for stage in stages[stages.index(walk["stage"]) :]:
            if stage != walk["stage"]:
                walk |= {"stage": stage, "place": None}
            for rows, place in self._rows(stage, walk) if stage in (_CASE, *walk["heads"]) else ():
                walk |= {"place": place} | ({"newest": place[0]} if stage == _CASE and place else {})
                yield self._fetched(rows if stage == _CASE else self._parents(rows), {**kept, "walk": dict(walk)})
        yield self._fetched([], {**kept, _CASE: walk["newest"], **walk["heads"]})

    def _begun(self, state: State) -> dict[str, Any]:
        """Return a new walk: from where it reads each kind, and where comments and e-mails stand now."""
        followed = [name for name in (_COMMENT, _MAIL) if name in self._kinds]
        return {
            "stage": _CASE,
            "place": None,
            "newest": state.get(_CASE),
            "since": {name: self._source.since(state.get(name)).isoformat() for name in (_CASE, *followed)},
            "heads": {name: self._head(name) for name in followed},
        }

    def _head(self, name: str) -> str | None:
        at = self._kinds[name].cursor
        soql = f"{_soql((at,), name, (), f'{at} DESC')} LIMIT 1"
        rows = objects(self._http.get(f"{self._path}/queryAll", {"q": soql}), "records")
        newest = moment(within(rows[0], at)) if rows else None
        return newest.isoformat() if newest else None

    def _fetched(self, cases: Sequence[Any], state: State) -> Fetched:
        warnings, self._warnings = tuple(self._warnings), []
        return Fetched(self._whole(cases), state, warnings)

    def _rows(self, name: str, walk: Mapping[str, Any]) -> Iterator[tuple[Sequence[Any], list[str] | None]]:
        """Yield what changed, some at a time in the order of time, each with the place to go on from after them.

        A query that runs too long is asked again for half the time; one whose rest is no longer known goes on from the
        last place.
        """
        low, place = dt.datetime.fromisoformat(walk["since"][name]), walk["place"]
        width: dt.timedelta | None = None
        guard = LoopGuard(self._source.name)
        while True:
            now, before = self._source.clock.now(), place
            until = low + width if width and low + width < now else None
            try:
                for rows in self._query(self._changed(name, walk, place or [low.isoformat()], until), guard):
                    for some in _cut(rows):
                        place = _place(some, self._kinds[name].cursor, now) or place
                        yield some, place
            except _Expired:
                if place == before:
                    raise
            except _TimedOut:
                low = dt.datetime.fromisoformat(place[0]) if place else low
                width = ((until or now) - low) / 2
                if width < _NARROWEST:
                    raise
            else:
                if until is None:
                    return
                low, place = until, None

    def _changed(self, name: str, walk: Mapping[str, Any], after: Sequence[str], until: dt.datetime | None) -> str:
        """Return the query for what changed since a time, or after a place: a time and an id."""
        kind, at = self._kinds[name], self._kinds[name].cursor
        where = [f"{at} >= {_time(after[0])}"]
        if len(after) > 1:
            where.append(f"({at} > {_time(after[0])} OR Id > {_quoted(after[1])})")
        if until:
            where.append(f"{at} < {_time(until.isoformat())}")
        if kind.asks_case and name != _CASE:  # the cases since then are read with all their comments and e-mails
            where.append(f"Parent.{self._kinds[_CASE].cursor} < {_time(walk['since'][_CASE])}")
        return _soql(kind.fields if name == _CASE else ("Id", "ParentId", at), name, where, f"{at}, Id")

    def _query(self, soql: str, guard: LoopGuard) -> Iterator[list[Any]]:
        """Yield the pages of a query's result, deleted rows too."""
        body = self._http.get(f"{self._path}/queryAll", {"q": soql})
        while True:
            rows, following = objects(body, "records"), text_of(body.get("nextRecordsUrl"))
            more = body.get("done") is not True
            if more and not following:
                raise SourceError(f"{self._source.name}: Salesforce says that a result goes on, but not where.")
            if more:
                guard.check(following, [row.get("Id") for row in rows if isinstance(row, dict)])
            yield rows
            if not more:
                return
            try:
                body = self._http.get(following)
            except Refused as refused:
                if refused.status not in (400, 404, 410):
                    raise
                raise _Expired(f"{self._source.name}: Salesforce no longer knows the rest of a result.") from None

    def _parents(self, rows: Iterable[Any]) -> list[Any]:
        """Return the cases of comments or e-mails."""
        ids = dict.fromkeys(ident for row in rows if (ident := _safe_id(row, "ParentId")))
        return list(self._of(_CASE, "Id", list(ids)))

    def _whole(self, cases: Sequence[Any]) -> list[Any]:
        """Return cases with their comments, e-mails and changes of status."""
        living = [case for case in cases if isinstance(case, dict) and case.get("IsDeleted") is not True]
        ids = [ident for case in living if (ident := _safe_id(case, "Id"))]
        items = [{"case": case} for case in cases]
        for name in (_COMMENT, _MAIL, _HISTORY):
            parent, found = "CaseId" if name == _HISTORY else "ParentId", defaultdict(list)
            for row in self._of(name, parent, ids):
                found[_safe_id(row, parent)].append(row)
            for item in items:
                item[name] = found.get(_safe_id(item["case"], "Id"), [])
        return items

    def _of(self, name: str, field: str, ids: Sequence[str]) -> Iterator[Any]:
        """Yield the rows of which a field is one of some ids; of histories those of the status."""
        for some in _cut(ids) if name in self._kinds else ():
            where = [
                f"{field} IN ({', '.join(map(_quoted, some))})",
                *(["Field = 'Status'"] if name == _HISTORY else []),
            ]
            soql = _soql(self._kinds[name].fields, name, where, "CreatedDate, Id")
            for rows in self._query(soql, LoopGuard(self._source.name)):
                yield from rows

    def records(self, item: Any) -> Iterable[Feedback | Gone]:
        case = item["case"]
        ident = _id18(text_of(need(case, "Id")))
        if case.get("IsDeleted") is True:  # deleted, or merged into another
            return [Gone(ident)]
        messages = self._messages(item)
        return self._said(self._case(item, ident, messages), text_of(case.get("Description")), messages)

    def _messages(self, item: Any) -> list[_Message]:
        """Return comments and e-mails in the order of time."""
        source, found = self._source, []
        rows = [(_COMMENT, row) for row in item[_COMMENT]] + [(_MAIL, row) for row in item[_MAIL]]
        for name, row in rows:
            if name == _COMMENT:
                by, words, shown = within(row, "CreatedBy", "UserType"), row.get("CommentBody"), row.get("IsPublished")
                customers, staffs = _among(by, source.customer_user_types), _among(by, source.staff_user_types)
            else:
                words, shown = row.get("TextBody"), text_of(row.get("Status")) != source.draft_status
                customers, staffs = row.get("Incoming") is True, row.get("Incoming") is False
            found.append(
                _Message(
                    _id18(text_of(need(row, "Id"))),
                    text_of(words),
                    needed(moment(row.get("MessageDate")) or moment(row.get("CreatedDate")), "CreatedDate"),
                    moment(row.get(self._kinds[name].cursor)),
                    customers,
                    staffs,
                    shown is True and row.get("IsDeleted") is not True,
                )
            )
        return sorted(found, key=lambda message: message.at)

    def _said(self, case: Feedback, description: str, messages: Iterable[_Message]) -> Iterator[Feedback | Gone]:
        """Yield what the customer wrote: description, published comments, e-mails; and which of it was taken back."""
        by_staff = _among(case.attributes.get("via"), self._source.staff_origins)
        if case.text and not by_staff:
            yield case
        later = bool(case.text)
        for message in messages:
            ident = f"{case.response_id}:{message.id}"
            if message.customers and not message.shown:
                yield Gone(ident)
            # The e-mail that opened a case is its description too.
            elif message.customers and message.words and (by_staff or not _same(message.words, description)):
                yield replace(
                    case,
                    source_record_id=ident,
                    text=written(message.words),
                    created_at=message.at,
                    updated_at=message.changed,
                    attributes={**case.attributes, "message": "later" if later else "first"},
                )
                later = True

    def _case(self, item: Any, ident: str, messages: Iterable[_Message]) -> Feedback:
        """Return what opened a case, with all that is known around it."""
        source, case = self._source, item["case"]
        created = needed(moment(case.get("CreatedDate")), "CreatedDate")
        kind = text_of(within(case, "Owner", "Type"))
        agent = kind == "User" or (not kind and text_of(case.get("OwnerId")).startswith("005"))
        hints = {Hint.AGENT if agent else Hint.QUEUE: text_of(within(case, "Owner", "Name"))}
        hints |= {Hint.CLASS: text_of(case.get("Type"))}
        hints |= {hint: text_of(within(case, *path.split("."))) for hint, path in source.hints.items()}
        rated = within(case, *source.score_field.split(".")) if source.score_field else None
        replies = [message.at for message in messages if message.staffs and message.shown and message.at >= created]
        customers = (text_of(case.get(key)) for key in ("ContactId", "AccountId", "SuppliedEmail"))
        return Feedback(
            source=source.name,
            source_record_id=f"{ident}:first",
            channel=source.channel,
            text=_joined(text_of(case.get("Subject")), written(text_of(case.get("Description")))),
            response_id=ident,
            created_at=created,
            updated_at=moment(case.get(self._kinds[_CASE].cursor)),
            customer_ref=next(filter(None, customers), None),
            score=score(rated, source.score_scale) if source.score_scale else None,
            hints={hint: value for hint, value in hints.items() if value},
            timing=Timing(min(replies, default=None), moment(case.get("ClosedDate")), self._reopened(item[_HISTORY])),
            attributes=attributes(
                message="first",
                via=case.get("Origin"),
                number=case.get("CaseNumber"),
                status=case.get("Status"),
                priority=case.get("Priority"),
                reason=case.get("Reason"),
                record_type=within(case, "RecordType", "DeveloperName"),
            ),
        )

    def _reopened(self, changes: Sequence[Any]) -> int | None:
        """Return how often a case left the closed statuses; None where no change is known: they may not be tracked."""
        closed = self._source.closed_statuses
        left = [_among(one.get("OldValue"), closed) and not _among(one.get("NewValue"), closed) for one in changes]
        return sum(left) if left else None


def _soql(fields: Iterable[str], name: str, where: Sequence[str], order: str) -> str:
    """Return a query; its values are those that `_time` and `_quoted` let through."""
    among = f" WHERE {' AND '.join(where)}" if where else ""
    return f"SELECT {', '.join(fields)} FROM {name}{among} ORDER BY {order}"  # noqa: S608


def _time(said: str) -> str:
    """Return an ISO 8601 time as SOQL writes it, without quotes.

    >>> _time("2026-03-01T09:00:05.120+01:00"), _time("2026-03-01T09:00:05+00:00")
    ('2026-03-01T08:00:05.120Z', '2026-03-01T09:00:05Z')
    """
    utc = dt.datetime.fromisoformat(said).astimezone(dt.UTC)
    return f"{utc.replace(tzinfo=None).isoformat(timespec='milliseconds' if utc.microsecond else 'seconds')}Z"


def _quoted(ident: str) -> str:
    """Return an id as SOQL writes it; SourceError where it is none, so that nothing else gets into a query."""
    if not _ID.fullmatch(ident):
        raise SourceError(f"'{ident[:40]}' is not an id of Salesforce; no query is built with it.")
    return f"'{ident}'"


def _id18(ident: str) -> str:
    """Return an id in its 18 characters: the last three say which of the others are capitals.

    >>> _id18("5005e00000ABCDE"), _id18("5005e00000abcdeAAA")
    ('5005e00000ABCDEAA5', '5005e00000abcdeAAA')
    """
    if not _ID.fullmatch(ident):
        raise Unreadable(Reason.UNEXPECTED_SHAPE, f"'{ident[:40]}' is not an id of 15 or 18 letters and digits")
    parts = (ident[at : at + 5] for at in (0, 5, 10)) if len(ident) == 15 else ()
    return ident + "".join(_SUFFIX[sum(one.isupper() << at for at, one in enumerate(part))] for part in parts)


def _safe_id(row: Any, key: str) -> str | None:
    """Return an id, None where it can't be read: `records` says why."""
    try:
        return _id18(text_of(within(row, key)))
    except Unreadable:
        return None


def _place(rows: Sequence[Any], cursor: str, asked: dt.datetime) -> list[str] | None:
    """Return time and id of the last row that has both; one that was changed since it was asked for is out of order."""
    for row in reversed(rows):
        with contextlib.suppress(Unreadable):
            ident, at = _safe_id(row, "Id"), moment(within(row, cursor))
            if ident and at and at <= asked:
                return [at.isoformat(), ident]
    return None


def _cut(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[at : at + _AT_ONCE] for at in range(0, len(rows), _AT_ONCE))


def _among(value: Any, known: Iterable[str]) -> bool:
    return text_of(value).casefold() in {one.casefold() for one in known}


def _same(mail: str, description: str) -> bool:
    """Whether an e-mail says what a description does, which may be cut off and set in other lines."""
    return " ".join(mail[:_COMPARED].split()) == " ".join(description[:_COMPARED].split())


def _joined(title: str, body: str) -> str:
    """Return a title and what follows it as text."""
    return (" " if title.endswith(_SENTENCE_ENDS) else ". ").join(filter(None, [title, body]))
