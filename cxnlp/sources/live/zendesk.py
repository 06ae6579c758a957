"""Zendesk Support: tickets by the incremental cursor export, their customers' comments, and satisfaction ratings."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import httpx
from pydantic import Field

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale, Score, Timing
from cxnlp.sources.live.auth import Bearer
from cxnlp.sources.live.connector import Fetched, Gone, LiveSource, LoopGuard, Reader, State
from cxnlp.sources.live.http import Budget, Http, Pace, Refused
from cxnlp.sources.live.mail import written
from cxnlp.sources.live.values import Unreadable, attributes, moment, need, needed, objects, text_of, whole, within

_EXPORT = "/api/v2/incremental/tickets/cursor.json"
_ENDPOINT_LIMIT = re.compile(r"total=\d+;\s*remaining=(\d+);\s*resets=(\d+)")
_SCORES = {"good": 1, "bad": 0}  # offered, unoffered: no answer


class Zendesk(LiveSource):
    """Tickets of one Zendesk account.

    `comments` asks for every ticket's conversation (one request each); without it only what opened the ticket is read.
    `satisfaction` reads the ratings of accounts with classic CSAT. `hint_fields` names by their ids the custom fields
    that tell a product, a location … ({"product": 27642}). `exports_per_minute` is the limit of the export.
    """

    subdomain: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    base_url: str = ""
    environment: str = Field(default="CXNLP_ZENDESK", pattern=r"^[A-Z][A-Z0-9_]*$")
    comments: bool = True
    satisfaction: bool = True
    hint_fields: dict[Hint, int] = Field(default_factory=dict)
    per_page: int = Field(default=100, ge=1, le=1000)
    exports_per_minute: float = Field(default=10, gt=0)

    needs: ClassVar[Mapping[str, str]] = {
        "TOKEN": "an API token (with EMAIL), or an OAuth access token with the scope read (without)",
        "EMAIL": "the e-mail address of the API token's owner",
    }
    rights: ClassVar[str] = "the export is for administrators"
    not_deciding: ClassVar[frozenset[str]] = LiveSource.not_deciding | {"exports_per_minute", "per_page"}

    def http(self) -> Http:
        """Return a client with the API token or the OAuth token."""
        token = self.credential("TOKEN")
        auth = (
            httpx.BasicAuth(f"{self.credential('EMAIL')}/token", token)
            if self.has_credential("EMAIL")
            else Bearer(token)
        )
        return self.client(
            self.base_url or f"https://{self.subdomain}.zendesk.com",
            auth=auth,
            pace=Pace(self.clock, limits=limits),
        )

    def reader(self, http: Http) -> Reader:
        """Return what reads the account."""
        return _Reader(self, http)


def limits(headers: Mapping[str, str], now: dt.datetime) -> Iterator[Budget]:
    """Yield the account's budget and that of an endpoint."""
    for name, value in headers.items():
        if found := _ENDPOINT_LIMIT.search(value if name.lower().startswith("zendesk-ratelimit-") else ""):
            yield Budget(int(found[1]), float(found[2]))
    left, reset = headers.get("ratelimit-remaining", ""), headers.get("ratelimit-reset", "")
    if left.isdigit() and reset.isdigit():
        yield Budget(int(left), float(reset))


class _Reader(Reader):
    def __init__(self, source: Zendesk, http: Http) -> None:
        self._source = source
        self._http = http
        self._export = Pace(source.clock, source.exports_per_minute, source=source.name)
        self._groups: dict[str, str] | None = None
        self._deleted: set[str] = set()
        self._refused: list[str] = []

    def pages(self, state: State) -> Iterator[Fetched]:
        for fetched in self._tickets(state):
            state = fetched.state
            yield fetched
        if self._source.satisfaction:
            yield from self._ratings(state)

    def id_of(self, item: Any) -> str | None:
        return text_of(within(item, "_rating", "id") or within(item, "id")) or None

    def _tickets(self, state: State) -> Iterator[Fetched]:
        cursor = state.get("cursor")
        guard = LoopGuard(self._source.name)
        while True:
            where = {"cursor": cursor} if cursor else {"start_time": int(self._source.since().timestamp())}
            options = {"include": "metric_sets,users", "per_page": self._source.per_page, **where}
            body = self._http.ask("GET", _EXPORT, params=options, pace=self._export).json
            tickets = objects(body, "tickets")
            users = {text_of(within(user, "id")): user for user in objects(body, "users")}
            after = body.get("after_cursor")
            if body.get("end_of_stream") is not True and not after:
                raise SourceError(f"{self._source.name}: the export says that it goes on, but not where.")
            if body.get("end_of_stream") is not True:
                guard.check(after)
            cursor = after or cursor
            whole = [self._whole(ticket, users) for ticket in tickets]
            yield Fetched(whole, {**state, "cursor": cursor}, self._warnings())
            if body.get("end_of_stream") is True:
                return

    def _warnings(self) -> tuple[str, ...]:
        refused, self._refused = self._refused, []
        if not refused:
            return ()
        some = f"{', '.join(refused[:3])}{' …' if len(refused) > 3 else ''}"
        return (f"{len(refused)} conversations were refused, only what opened them is read: tickets {some}",)

    def _whole(self, ticket: Any, users: Mapping[str, Any]) -> Any:
        """Return a ticket with its conversation and the people in it."""
        if not isinstance(ticket, dict):
            return ticket
        talk: list[Any] | None = None
        try:
            number, requester = text_of(ticket.get("id")), text_of(ticket.get("requester_id"))
            people = {requester: users.get(requester)}
            if ticket.get("status") == "deleted":
                self._deleted.add(number)
            elif self._source.comments and number:
                talk, others = self._conversation(number)
                people |= others
                if talk is None:
                    self._refused.append(number)
        except Unreadable as fault:
            return {**ticket, "_fault": fault}
        return {**ticket, "_talk": talk, "_users": people}

    def _conversation(self, ticket: str) -> tuple[list[Any] | None, dict[str, Any]]:
        path = f"/api/v2/tickets/{ticket}/comments.json"
        users: dict[str, Any] = {}
        talk: list[Any] = []
        params: dict[str, Any] | None = {"page[size]": 100, "include": "users"}
        guard = LoopGuard(self._source.name)
        while path:
            try:
                body = self._http.get(path, params)
            except Refused as refused:
                if refused.status in (403, 404):  # one ticket that is closed to us does not end the walk
                    return None, users
                raise
            talk += objects(body, "comments")
            users |= {text_of(within(user, "id")): user for user in objects(body, "users")}
            path = text_of(within(body, "links", "next")) if within(body, "meta", "has_more") else ""
            params = None
            if path:
                guard.check(path)
        return talk, users

    def _ratings(self, state: State) -> Iterator[Fetched]:
        """Yield ratings that are not read yet: one that comes again would bring back what was deleted."""
        since = self._source.since(state.get("ratings"))
        read: dict[str, str] = dict(state.get("read", {}))
        path: str = "/api/v2/satisfaction_ratings.json"
        # The filter leaves its own second out, as public clients found.
        params: dict[str, Any] | None = {"start_time": int(since.timestamp()) - 1, "page[size]": 100}
        newest, told = state.get("ratings"), dict(read)
        guard = LoopGuard(self._source.name)
        while path:
            body = self._http.get(path, params)
            ratings = objects(body, "satisfaction_ratings")
            marks = [_mark(rating) for rating in ratings]
            fresh = [one for one, (ident, at) in zip(ratings, marks, strict=True) if read.get(ident) != at]
            told |= dict(marks)
            newest = max(filter(None, [newest, *told.values()]), default=None)
            again = self._source.since(newest)
            told = {ident: at for ident, at in told.items() if at and dt.datetime.fromisoformat(at) >= again}
            path = text_of(within(body, "links", "next")) if within(body, "meta", "has_more") else ""
            params = None
            if path:
                guard.check(path)
            elif newest:  # pages are not in the order of time: the cursor moves when all of them are stored
                state = {**state, "ratings": newest, "read": told}
            yield Fetched([{"_rating": one} for one in fresh], state)

    def records(self, item: Any) -> Iterable[Feedback | Gone]:
        if "_fault" in item:
            raise item["_fault"]
        if "_rating" in item:
            return self._rated(item["_rating"])
        ticket = text_of(need(item, "id"))
        if item.get("status") == "deleted":
            return [Gone(ticket)]
        return self._said(item, ticket)

    def _said(self, item: Any, ticket: str) -> Iterator[Feedback]:
        """Yield what the customer wrote: public comments by end users, the first one told apart."""
        whole_ticket = self._ticket(item, ticket)
        later = {**whole_ticket.attributes, "message": "later"}
        requester, carried = text_of(item.get("requester_id")), False
        for at, comment in enumerate(_opening(item) if item["_talk"] is None else item["_talk"]):
            writer = text_of(comment.get("author_id"))
            author = item["_users"].get(writer)
            # Of a user who is no longer listed only the ticket says who it was.
            customer = text_of(within(author, "role")) == "end-user" if author else writer == requester
            if comment.get("public") is not True or not customer:
                continue
            if comment.get("type") == "VoiceComment":  # what the telephone notes of a call
                continue
            # The first message has the same id, whether the conversation is read or not.
            end = text_of(need(comment, "id")) if at else "first"
            carried = True
            yield replace(
                whole_ticket,
                source_record_id=f"{ticket}:{end}",
                text=written(text_of(comment.get("plain_body")) or text_of(comment.get("body"))),
                created_at=needed(moment(comment.get("created_at")), "created_at"),
                attributes=later if at else whole_ticket.attributes,
            )
        told = self._source.satisfaction and text_of(within(item, "satisfaction_rating", "comment"))
        if whole_ticket.score and not carried and not told:
            rated = {**whole_ticket.attributes, "message": "rating"}
            yield replace(whole_ticket, source_record_id=f"{ticket}:rating", attributes=rated)

    def _ticket(self, item: Any, ticket: str) -> Feedback:
        created = moment(need(item, "created_at"))
        metrics = item.get("metric_set") or {}
        minutes = within(metrics, "reply_time_in_minutes", "calendar")
        replied = created + dt.timedelta(minutes=float(minutes)) if created and minutes is not None else None
        group = self._group(item.get("group_id"))
        return Feedback(
            source=self._source.name,
            source_record_id=ticket,
            channel=self._source.channel,
            text="",
            response_id=ticket,
            created_at=created,
            updated_at=moment(item.get("updated_at")),
            language=text_of(within(item["_users"].get(text_of(item.get("requester_id"))), "locale")) or None,
            customer_ref=text_of(item.get("requester_id")) or None,
            score=_score(within(item, "satisfaction_rating", "score")),
            hints=({Hint.GROUP: group} if group else {}) | self._hints(item),
            timing=Timing(replied, moment(metrics.get("solved_at")), whole(metrics.get("reopens"))),
            attributes=attributes(
                message="first",
                subject=item.get("subject"),
                status=item.get("status"),
                via=within(item, "via", "channel"),
                brand=item.get("brand_id"),
                tags=objects(item, "tags"),
            ),
        )

    def _rated(self, rating: Any) -> Iterator[Feedback]:
        """Yield what the customer wrote beside a rating; without words the rating stands on the ticket."""
        words, score = text_of(rating.get("comment")), _score(rating.get("score"))
        if not words or score is None or text_of(rating.get("ticket_id")) in self._deleted:
            return
        group = self._group(rating.get("group_id"))
        yield Feedback(
            source=self._source.name,
            source_record_id=f"rating:{text_of(need(rating, 'id'))}",
            channel=self._source.channel,
            text=words,
            response_id=text_of(rating.get("ticket_id")),
            created_at=moment(need(rating, "created_at")),
            updated_at=moment(rating.get("updated_at")),
            customer_ref=text_of(rating.get("requester_id")) or None,
            score=score,
            hints={Hint.GROUP: group} if group else {},
            attributes=attributes(message="rating", reason=rating.get("reason")),
        )

    def _hints(self, item: Any) -> dict[Hint, str]:
        custom = {text_of(within(field, "id")): field.get("value") for field in objects(item, "custom_fields")}
        said = attributes(**{hint: custom.get(str(field)) for hint, field in self._source.hint_fields.items()})
        return {Hint(hint): words for hint, words in said.items()}

    def _group(self, group: Any) -> str:
        if group is None:
            return ""
        if self._groups is None:
            self._groups = {}
            path = "/api/v2/groups.json"
            params: dict[str, Any] | None = {"page[size]": 100}
            while path:
                body = self._http.get(path, params)
                self._groups |= {text_of(one.get("id")): text_of(one.get("name")) for one in objects(body, "groups")}
                path = text_of(within(body, "links", "next")) if within(body, "meta", "has_more") else ""
                params = None
        return self._groups.get(text_of(group)) or f"group {text_of(group)}"


def _score(value: Any) -> Score | None:
    said = _SCORES.get(text_of(value))
    return None if said is None else Score(said, Scale.GOOD_BAD)


def _opening(ticket: Any) -> list[dict[str, Any]]:
    """Return what is known of the first comment without the conversation: the description, by who opened the ticket."""
    opened = {"author_id": ticket.get("submitter_id"), "public": True, "created_at": ticket.get("created_at")}
    return [opened | {"body": ticket["description"]}] if text_of(ticket.get("description")) else []


def _mark(rating: Any) -> tuple[str, str]:
    """Return the id of a rating and its time, "" where it can't be read."""
    try:
        at = moment(within(rating, "updated_at"))
        return text_of(within(rating, "id")), at.isoformat() if at else ""
    except Unreadable:
        return "", ""
