"""Freshdesk: tickets in the order of their changes, their customers' replies, and satisfaction ratings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote

import httpx
from pydantic import Field, field_validator

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale, Score, Timing
from cxnlp.sources.base import Reason
from cxnlp.sources.live.connector import Fetched, Gone, LiveSource, LoopGuard, Reader, State
from cxnlp.sources.live.http import Budget, Http, Pace, Refused
from cxnlp.sources.live.mail import written
from cxnlp.sources.live.values import Unreadable, attributes, moment, need, needed, objects, text_of, within

_INCLUDED = "stats,description,company"  # not the requester: nothing of it is needed but its id
_SOURCES = {"1": "email", "2": "portal", "3": "phone", "7": "chat", "9": "feedback widget", "10": "outbound email"}
_STATUSES = {"2": "open", "3": "pending", "4": "resolved", "5": "closed"}
_FROM_SURVEY = 6  # the source of a reply that repeats what was written beside a rating
_MINUTE = 60.0  # seconds; the limits are a minute's
_STEP = dt.timedelta(seconds=1)  # times are whole seconds


class Freshdesk(LiveSource):
    """Tickets of one Freshdesk account.

    Deleted tickets and spam are retired: Freshdesk lists them apart. That the deletion counts as a change of the ticket
    is unconfirmed; `whole_trash` reads the two lists whole every night. Deleted replies and ratings are not told of.
    `conversations` asks for every ticket's replies (one request each). `ratings` reads the ratings of classic surveys,
    those of the last `rating_days` again, because words may be added to a rating later. `rating_values` are the values
    of the survey from worst to best; unconfirmed: the neutral 100 and that there are seven. `agent_sources` are the
    sources whose first text an agent writes: phone and outbound e-mail. `hint_fields` names the custom fields that tell
    a product, a location … ({"location": "cf_store"}). `languages` asks for every requester's language, one request a
    ticket more. `lists_per_minute` is the limit of the list of tickets, which depends on the plan.
    """

    domain: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    base_url: str = ""
    environment: str = Field(default="CXNLP_FRESHDESK", pattern=r"^[A-Z][A-Z0-9_]*$")
    conversations: bool = True
    ratings: bool = True
    rating_days: int = Field(default=14, ge=0)
    rating_values: tuple[int, ...] = (-103, -102, -101, 100, 101, 102, 103)
    agent_sources: tuple[int, ...] = (3, 10)
    hint_fields: dict[Hint, str] = Field(default_factory=dict)
    languages: bool = False
    whole_trash: bool = False
    per_page: int = Field(default=100, ge=1, le=100)
    lists_per_minute: float = Field(default=20, gt=0)

    needs: ClassVar[Mapping[str, str]] = {"KEY": "the API key of an agent"}
    rights: ClassVar[str] = "its owner must see all tickets; without surveys in the plan, set ratings = false"
    not_deciding: ClassVar[frozenset[str]] = LiveSource.not_deciding | {"lists_per_minute", "whole_trash"}

    @field_validator("rating_values")
    @classmethod
    def _scale_is_known(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(values)) != len(values) or len(values) not in (2, 4, 5, 6, 7, 8):
            raise ValueError("2, 4, 5, 6, 7 or 8 different values are expected, from worst to best")
        return values

    def http(self) -> Http:
        """Return a client with the API key."""
        return self.client(
            self.base_url or f"https://{self.domain}.freshdesk.com",
            auth=httpx.BasicAuth(self.credential("KEY"), "X"),
            pace=Pace(self.clock, limits=limits),
        )

    def reader(self, http: Http) -> Reader:
        """Return what reads the account."""
        return _Reader(self, http)

    def rated(self, value: Any) -> Score | None:
        """Return the score of a rating's value, None where the survey doesn't have it."""
        if value not in self.rating_values:
            return None
        steps, place = len(self.rating_values), self.rating_values.index(value)
        return Score(place, Scale.GOOD_BAD) if steps == 2 else Score(place + 1, Scale(f"likert{steps}"))


def limits(headers: Mapping[str, str], now: dt.datetime) -> Iterator[Budget]:
    """Yield the minute's budget: a request may cost several of what remains, as the one before did."""
    left, used = headers.get("x-ratelimit-remaining", ""), headers.get("x-ratelimit-used-currentrequest", "")
    if left.isdigit():
        yield Budget(int(left) // max(1, int(used) if used.isdigit() else 1), _MINUTE)


class _Reader(Reader):
    def __init__(self, source: Freshdesk, http: Http) -> None:
        self._source = source
        self._http = http
        self._lists = Pace(source.clock, source.lists_per_minute, source=source.name)
        self._named: dict[str, dict[str, str]] = {}
        self._warnings: list[str] = []
        self._refused: list[str] = []

    def pages(self, state: State) -> Iterator[Fetched]:
        since = {name: self._since(name, state) for name in ("tickets", "ratings", "deleted", "spam")}
        walks = {"tickets": self._tickets("tickets", state, since["tickets"])}
        if self._source.ratings:
            walks["ratings"] = self._ratings(state, since["ratings"])
        for name in ("deleted", "spam"):
            # A rating that is read again must be retired again, should its ticket be deleted.
            rated = since["ratings"] if "newest" in state.get("ratings", {}) else since[name]
            trash = self._source.since() if self._source.whole_trash else min(since[name], rated)
            walks[name] = self._tickets(name, state, trash)
        for name, walk in walks.items():
            for items, at in walk:
                state = {**state, name: at}
                yield Fetched(items, state, self._told())

    def _told(self) -> tuple[str, ...]:
        """Return the warnings since the page before, those of refused conversations as one."""
        warnings, refused = self._warnings, self._refused
        self._warnings, self._refused = [], []
        if refused:
            some = f"{', '.join(refused[:3])}{' …' if len(refused) > 3 else ''}"
            warnings.append(f"{len(refused)} conversations were refused, their replies are missing: tickets {some}")
        return tuple(warnings)

    def _since(self, name: str, state: State) -> dt.datetime:
        """Return the time to ask from: the newest that was read, less what is read again."""
        newest = state.get(name, {}).get("newest")
        since = self._source.since(newest)
        again = dt.timedelta(days=self._source.rating_days if name == "ratings" else 0)
        return max(self._source.since(), since - again)

    def _tickets(self, name: str, state: State, since: dt.datetime) -> Iterator[tuple[list[Any], State]]:
        """Yield tickets in the order of their changes, and how far they are read.

        Page numbers alone lose tickets: one that changes meanwhile moves to the end, and all after it move up. So every
        page is asked for by the time of the last ticket, as beyond the 300th page; page numbers only count on where
        more than a page has changed in one second. `seen` are the tickets of the last second, which come again.
        """
        at: State = state.get(name, {})
        since, page, seen = moment(at.get("since")) or since, at.get("page", 1), list(at.get("seen", []))
        newest, guard = at.get("newest", ""), LoopGuard(self._source.name)
        chosen = {"include": _INCLUDED} if name == "tickets" else {"filter": name}
        while True:
            asked = {"updated_since": _iso(since), "order_by": "updated_at", "order_type": "asc", "page": page}
            rows, more = self._page("/api/v2/tickets", {**chosen, **asked}, pace=self._lists)
            if page > 1:  # what has moved up to the page before is read from there
                before, _ = self._page("/api/v2/tickets", {**chosen, **asked, "page": page - 1}, pace=self._lists)
                known = [*seen, *(list(_mark(row)) for row in rows)]
                rows = [*(row for row in before if list(_mark(row)) not in known), *rows]
            marks = [_mark(row) for row in rows]
            times = [time for time, _ in marks if time]
            if times != sorted(times):
                raise SourceError(f"{self._source.name}: the {name} come in another order than that of their changes.")
            fresh = [row for row, mark in zip(rows, marks, strict=True) if list(mark) not in seen]
            items = [self._whole(row) if name == "tickets" else _gone(row) for row in fresh]
            newest = max([newest, *times])
            if not more:
                yield items, {"newest": newest} if newest else {}
                return
            guard.check((since, page), marks)
            seen += [list(mark) for mark in marks if mark[0]]
            # Not from `newest`, which a night before may have set beyond this page.
            until = needed(moment(times[-1]), "updated_at") - _STEP if times else since
            last = [mark for mark in seen if mark[0] >= _iso(until)]
            if until > since and len(last) < self._source.per_page:
                since, page, seen = until, 1, last
            else:
                page += 1
            yield items, {"newest": newest, "since": _iso(since), "page": page, "seen": seen}

    def _ratings(self, state: State, since: dt.datetime) -> Iterator[tuple[list[Any], State]]:
        """Yield ratings, in no order that is promised: `newest` moves when all of them are read."""
        at: State = state.get("ratings", {})
        since, page, top = moment(at.get("since")) or since, at.get("page", 1), at.get("top", "")
        guard = LoopGuard(self._source.name)
        while True:
            asked = {"created_since": _iso(since), "page": page}
            rows, more = self._page("/api/v2/surveys/satisfaction_ratings", asked)
            marks = [_mark(row, "created_at") for row in rows]
            top = max([top, *(time for time, _ in marks)])
            items = [self._asked_in_survey(row) for row in rows]
            if not more:
                newest = max(top, at.get("newest", ""))
                yield items, {"newest": newest} if newest else {}
                return
            guard.check(page, marks)
            page += 1
            yield items, {**at, "since": _iso(since), "page": page, "top": top}

    def _page(self, path: str, asked: Mapping[str, Any], *, pace: Pace | None = None) -> tuple[list[Any], bool]:
        """Return a page's rows, and whether another one follows."""
        answer = self._http.ask("GET", path, params={**asked, "per_page": self._source.per_page}, pace=pace)
        if not isinstance(answer.json, list):
            raise SourceError(f"{self._source.name}: {path} answered with no list.")
        following = 'rel="next"' in answer.headers.get("link", "") or len(answer.json) >= self._source.per_page
        return answer.json, bool(answer.json) and following  # of numbered pages an empty one is the end

    def _all(self, path: str) -> list[Any] | None:
        """Return the rows of all pages, None where they are closed to us or gone."""
        rows: list[Any] = []
        guard, page, more = LoopGuard(self._source.name), 1, True
        while more:
            try:
                found, more = self._page(path, {"page": page})
            except Refused as refused:
                if refused.status in (403, 404):
                    return None
                raise
            guard.check(page, [str(within(row, "id")) for row in found if isinstance(row, dict)])
            rows, page = rows + found, page + 1
        return rows

    def _whole(self, row: Any) -> Any:
        """Return a ticket with its conversation and the names of its group and product."""
        try:
            ident = text_of(need(row, "id"))
            talk = self._all(f"/api/v2/tickets/{quote(ident, safe='')}/conversations") if self._open(row) else []
            if talk is None:
                self._refused.append(ident)
            names = {f"_{one}": self._name(f"{one}s", row.get(f"{one}_id")) for one in ("group", "product")}
            return {**row, **names, "_talk": talk or [], "_language": self._language(row)}
        except Unreadable as fault:
            return {**(row if isinstance(row, dict) else {}), "_fault": fault}

    def _open(self, row: Any) -> bool:
        return self._source.conversations and not _is_gone(row)

    def _asked_in_survey(self, row: Any) -> Any:
        """Return a rating with its group's name and the question that was asked."""
        try:
            question = self._name("surveys", within(row, "survey_id"), unknown="")
            return {"_rating": row, "_group": self._name("groups", within(row, "group_id")), "_question": question}
        except Unreadable as fault:
            return {"_rating": row, "_fault": fault}

    def _name(self, kind: str, ident: Any, unknown: str | None = None) -> str:
        """Return the name of a group, a product or the question of a survey."""
        number = text_of(ident)
        if not number:
            return ""
        if kind not in self._named:
            rows = self._all(f"/api/v2/{kind}")
            if rows is None:
                self._warnings.append(f"the {kind} can't be listed; they stand as numbers")
            self._named[kind] = {text_of(row.get("id")): _title(row) for row in rows or [] if isinstance(row, dict)}
        return self._named[kind].get(number) or (f"{kind[:-1]} {number}" if unknown is None else unknown)

    def _language(self, row: Any) -> str:
        requester = text_of(row.get("requester_id")) if self._source.languages else ""
        if not requester:
            return ""
        try:
            contact = self._http.get(f"/api/v2/contacts/{quote(requester, safe='')}")
        except Refused as refused:
            if refused.status in (403, 404):  # an agent, or nobody any longer
                return ""
            raise
        return text_of(within(contact, "language"))

    def id_of(self, item: Any) -> str | None:
        return text_of(within(item, "_rating", "id") or within(item, "id")) or None

    def records(self, item: Any) -> Iterable[Feedback | Gone]:
        if "_fault" in item:
            raise item["_fault"]
        if "_rating" in item:
            return self._rated(item["_rating"], item)
        if _is_gone(item):
            return [Gone(text_of(need(item, "id")))]
        return self._said(item, self._ticket(item))

    def _said(self, item: Any, ticket: Feedback) -> Iterator[Feedback]:
        """Yield what customers wrote: the first text, unless an agent wrote it, and public replies that came in."""
        words = _words(item, "description_text", "description")
        if words and item.get("source") not in self._source.agent_sources:
            yield replace(ticket, source_record_id=f"{ticket.response_id}:first", text=words)
        for reply in item["_talk"]:
            words = written(_words(reply, "body_text", "body"))
            if self._source.ratings and reply.get("source") == _FROM_SURVEY:
                continue
            if words and reply.get("incoming") is True and reply.get("private") is not True:
                yield replace(
                    ticket,
                    source_record_id=f"{ticket.response_id}:{text_of(need(reply, 'id'))}",
                    text=words,
                    created_at=needed(moment(reply.get("created_at")), "created_at"),
                    updated_at=moment(reply.get("updated_at")),
                    customer_ref=text_of(reply.get("user_id")) or ticket.customer_ref,
                    attributes={**ticket.attributes, "message": "later"},
                )

    def _ticket(self, item: Any) -> Feedback:
        """Return what is known of a ticket and of all its messages."""
        ident, stats, custom = text_of(need(item, "id")), item.get("stats") or {}, item.get("custom_fields") or {}
        said = {hint: custom.get(name) for hint, name in self._source.hint_fields.items()}
        hints = {Hint.GROUP: item["_group"], Hint.PRODUCT: item["_product"], Hint.CLASS: text_of(item.get("type"))}
        hints |= {Hint(hint): words for hint, words in attributes(**said).items()}
        source, status = text_of(item.get("source")), text_of(item.get("status"))
        return Feedback(
            source=self._source.name,
            source_record_id=ident,
            channel=self._source.channel,
            text="",
            response_id=ident,
            created_at=needed(moment(item.get("created_at")), "created_at"),
            updated_at=moment(item.get("updated_at")),
            language=item["_language"] or None,
            customer_ref=text_of(item.get("requester_id")) or None,
            hints={hint: words for hint, words in hints.items() if words},
            timing=Timing(
                moment(stats.get("first_responded_at")),
                moment(stats.get("resolved_at")) or moment(stats.get("closed_at")),
            ),
            attributes=attributes(
                message="first",
                subject=item.get("subject"),
                status=_STATUSES.get(status, status),
                via=_SOURCES.get(source, source),
                priority=item.get("priority"),
                company=within(item, "company", "name"),
                tags=objects(item, "tags"),
            ),
        )

    def _rated(self, rating: Any, item: Any) -> Iterator[Feedback]:
        """Yield a rating; without words, so that its score counts: no message of its ticket carries it."""
        given = _answers(rating.get("ratings"))
        words, value = text_of(rating.get("feedback")), self._source.rated(given.get("default_question"))
        if not words and value is None:
            if (said := given.get("default_question")) is not None:
                raise Unreadable(Reason.SCORE_OUT_OF_SCALE, f"{said} is not among rating_values")
            return
        yield Feedback(
            source=self._source.name,
            source_record_id=f"rating:{text_of(need(rating, 'id'))}",
            channel=self._source.channel,
            text=words,
            response_id=text_of(rating.get("ticket_id")),
            question=item["_question"] or None,
            created_at=needed(moment(rating.get("created_at")), "created_at"),
            updated_at=moment(rating.get("updated_at")),
            customer_ref=text_of(rating.get("user_id")) or None,
            score=value,
            hints={Hint.GROUP: item["_group"]} if item["_group"] else {},
            attributes=attributes(
                message="rating",
                survey=rating.get("survey_id"),
                ratings=[f"{question} {text_of(value)}" for question, value in given.items()],
            ),
        )


def _iso(time: dt.datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _mark(row: Any, key: str = "updated_at") -> tuple[str, str]:
    """Return the time of a row, "" where it has none to be read, and its id: what a version of a record is known by."""
    try:
        time = moment(within(row, key))
        return _iso(time) if time else "", text_of(within(row, "id"))
    except Unreadable:
        return "", ""


def _is_gone(row: Any) -> bool:
    return row.get("deleted") is True or row.get("spam") is True


def _gone(row: Any) -> Any:
    return {**row, "deleted": True} if isinstance(row, dict) else row


def _words(row: Any, plain: str, html: str) -> str:
    return text_of(row.get(html) if row.get(plain) is None else row[plain])


def _title(row: Any) -> str:
    """Return the name of a group or product, the first question of a survey."""
    asked = [question for question in objects(row, "questions") if isinstance(question, dict)]
    main = [question for question in asked if question.get("id") == "default_question"]
    return text_of((main or asked or [row])[0].get("label" if asked else "name"))


def _answers(ratings: Any) -> dict[str, Any]:
    """Return what was answered, by question: a map, in some clients' hands a list."""
    if isinstance(ratings, list):
        return {text_of(one.get("question")): one.get("value") for one in ratings}
    return dict(ratings or {})
