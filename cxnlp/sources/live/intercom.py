"""Intercom: conversations by search in a window of time, what customers wrote in them, and how they rated them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import Field

from cxnlp.records import Feedback, Hint, Scale, Timing
from cxnlp.sources.live.auth import Bearer
from cxnlp.sources.live.connector import Fetched, Gone, LiveSource, LoopGuard, Reader, State
from cxnlp.sources.live.http import Budget, Http, Pace, Refused
from cxnlp.sources.live.values import Unreadable, attributes, need, needed, objects, score, text_of, unix, whole, within

_HOSTS = {"us": "https://api.intercom.io", "eu": "https://api.eu.intercom.io", "au": "https://api.au.intercom.io"}
_CUSTOMERS = frozenset({"user", "lead", "contact"})
_SAID = frozenset({"comment", "open"})  # "open" has a body where a customer's reply reopens the conversation
_OBSCURED = frozenset({"twitter"})  # a notice stands in the place of the words
_MOST_PARTS = 500  # of which Intercom gives the newest, without a word
_LONGEST_RESET, _SHARE = 60.0, 10.0  # seconds


class Intercom(LiveSource):
    """Conversations of one Intercom workspace.

    Intercom does not tell of deleted conversations: what is stored of one stays, unless it is deleted between its
    search and its reading. Redacted messages are retired. `region` is where the workspace is hosted. `hint_fields`
    names the custom attributes that tell a product, a location … ({"product": "Product area"}). `languages` asks for
    every customer's language, one request a conversation more; unconfirmed: that it is the language they write in.
    """

    region: Literal["us", "eu", "au"] = "us"
    base_url: str = ""
    environment: str = Field(default="CXNLP_INTERCOM", pattern=r"^[A-Z][A-Z0-9_]*$")
    hint_fields: dict[Hint, str] = Field(default_factory=dict)
    languages: bool = False
    per_page: int = Field(default=150, ge=1, le=150)

    needs: ClassVar[Mapping[str, str]] = {"TOKEN": "the access token of a private app"}
    rights: ClassVar[str] = "its app must be allowed to read conversations, teams and, for languages, contacts"

    def http(self) -> Http:
        """Return a client with the access token."""
        return self.client(
            self.base_url or _HOSTS[self.region],
            auth=Bearer(self.credential("TOKEN")),
            headers={"Intercom-Version": "2.15"},
            pace=Pace(self.clock, limits=limits),
        )

    def reader(self, http: Http) -> Reader:
        """Return what reads the workspace."""
        return _Reader(self, http)


def limits(headers: Mapping[str, str], now: dt.datetime) -> Iterator[Budget]:
    """Yield the budget of this share of a minute; its reset is a Unix time."""
    left, reset = headers.get("x-ratelimit-remaining", ""), headers.get("x-ratelimit-reset", "")
    if left.isdigit() and reset.isdigit():
        wait = int(reset) - now.timestamp()
        # A reset that is past or far away is a clock that goes wrong, ours or theirs.
        yield Budget(int(left), wait if 0 < wait <= _LONGEST_RESET else _SHARE)


class _Reader(Reader):
    def __init__(self, source: Intercom, http: Http) -> None:
        self._source = source
        self._http = http
        self._teams: list[Any] | None = None
        self._warnings: list[str] = []

    def pages(self, state: State) -> Iterator[Fetched]:
        if "walk" in state:  # the rest of a window that a night before did not end
            for fetched in self._window(state, state["walk"], resumed=True):
                state = fetched.state
                yield fetched
        low = int(self._source.since(state.get("newest")).timestamp())
        high = int(self._source.clock.now().timestamp())
        yield from self._window(state, {"low": low, "high": high, "top": 0})

    def id_of(self, item: Any) -> str | None:
        return text_of(within(item, "id")) or None

    def _window(self, state: State, walk: Mapping[str, Any], *, resumed: bool = False) -> Iterator[Fetched]:
        """Yield the conversations that were updated in a window: what is updated meanwhile leaves it for the next one.

        The order is asked for but not promised, so `newest` moves when the window is whole; it is a time of Intercom's.
        """
        guard = LoopGuard(self._source.name)
        while True:
            try:
                body = self._http.post("/conversations/search", self._question(walk))
            except Refused as refused:
                if not resumed or refused.status not in (400, 404, 410, 422):
                    raise
                # The token of another night is no longer taken: the window is read anew.
                walk, resumed = {**walk, "after": None}, False
                continue
            resumed = False
            found = objects(body, "conversations")
            after = text_of(within(body, "pages", "next", "starting_after"))
            if after:
                guard.check(after, [str(one.get("id")) for one in found if isinstance(one, dict)])
            stamps = [one.get("updated_at") for one in found if isinstance(one, dict)]
            walk = {**walk, "after": after, "top": max([walk["top"], *(at for at in stamps if isinstance(at, int))])}
            items = [self._whole(one) for one in found]
            warnings, self._warnings = tuple(self._warnings), []
            if not after:
                top = dt.datetime.fromtimestamp(walk["top"], dt.UTC).isoformat() if walk["top"] else ""
                newest = max(state.get("newest", ""), top)
                yield Fetched(items, {"newest": newest} if newest else {}, warnings)
                return
            yield Fetched(items, {**state, "walk": walk}, warnings)

    def _question(self, walk: Mapping[str, Any]) -> dict[str, Any]:
        # The words of the operators are "or equal", clients doubt it: one second wider is right either way.
        bounds = [(">", walk["low"] - 1), ("<", walk["high"] + 1)]
        pagination = {"per_page": self._source.per_page}
        return {
            "query": {
                "operator": "AND",
                "value": [{"field": "updated_at", "operator": sign, "value": at} for sign, at in bounds],
            },
            "sort": {"field": "updated_at", "order": "ascending"},
            "pagination": pagination | ({"starting_after": walk["after"]} if walk.get("after") else {}),
        }

    def _whole(self, found: Any) -> Any:
        """Return a conversation with its parts, its team and its customer's language; a search has no parts."""
        try:
            ident = text_of(need(found, "id"))
            item = self._asked(f"/conversations/{quote(ident, safe='')}", {"display_as": "plaintext"}, missing=(404,))
            if item is None:
                return {"id": ident, "_gone": True}
            given, there = objects(item, "conversation_parts", "conversation_parts"), _count(item)
            if len(given) >= _MOST_PARTS and there > len(given):
                self._warnings.append(f"conversation {ident} has {there} parts; Intercom gives the newest {len(given)}")
            return {**item, "_parts": given, "_team": self._team(item), "_language": self._language(item)}
        except Unreadable as fault:
            return {**(found if isinstance(found, dict) else {}), "_fault": fault}

    def _asked(self, path: str, params: Mapping[str, Any], *, missing: tuple[int, ...]) -> Any:
        try:
            return self._http.get(path, params)
        except Refused as refused:
            if refused.status in missing:
                return None
            raise

    def _team(self, item: Any) -> str:
        """Return the team's name; without one, that of the only team that the assignee is in."""
        team, admin = _someone(item.get("team_assignee_id")), _someone(item.get("admin_assignee_id"))
        if not team and not admin:
            return ""
        if self._teams is None:
            body = self._asked("/teams", {}, missing=(403, 404))
            self._teams = objects(body, "teams")
            if body is None:
                self._warnings.append("the teams can't be listed; they stand as numbers")
        if team:
            names = {text_of(one.get("id")): text_of(one.get("name")) for one in self._teams}
            return names.get(team) or f"team {team}"
        of_admin = [text_of(one.get("name")) for one in self._teams if admin in map(text_of, objects(one, "admin_ids"))]
        return of_admin[0] if len(of_admin) == 1 else ""

    def _language(self, item: Any) -> str:
        customer = _customer(item) if self._source.languages else ""
        if not customer:
            return ""
        contact = self._asked(f"/contacts/{quote(customer, safe='')}", {}, missing=(403, 404))
        return text_of(within(contact, "language_override")) or text_of(within(contact, "browser_language"))

    def records(self, item: Any) -> Iterable[Feedback | Gone]:
        if "_fault" in item:
            raise item["_fault"]
        ident = text_of(need(item, "id"))
        if "_gone" in item:
            return [Gone(ident), Gone(f"{ident}:ai")]
        return self._said(item, self._conversation(item, ident))

    def _said(self, item: Any, shared: Feedback) -> Iterator[Feedback | Gone]:
        """Yield what customers wrote, never teammates, bots and notes; then how they rated it."""
        ident, carried = shared.response_id, False
        source = item.get("source") or {}
        first = {**source, "id": "first", "created_at": item["created_at"], "updated_at": item.get("updated_at")}
        parts = [part for part in item["_parts"] if text_of(part.get("part_type")) in _SAID]
        for message in (first, *parts):
            author = message.get("author") or {}
            if text_of(author.get("type")) not in _CUSTOMERS or author.get("from_ai_agent") is True:
                continue
            record, words = f"{ident}:{text_of(need(message, 'id'))}", text_of(message.get("body"))
            if message.get("redacted") is True:
                yield Gone(record)
            elif words and text_of(source.get("type")) not in _OBSCURED:
                carried = True
                yield replace(
                    shared,
                    source_record_id=record,
                    text=words,
                    created_at=needed(unix(message.get("created_at")), "created_at"),
                    updated_at=unix(message.get("updated_at")),
                    customer_ref=text_of(author.get("id")) or shared.customer_ref,
                    attributes={**shared.attributes, "message": "first" if message is first else "later"},
                )
        rating, agent = item.get("conversation_rating") or {}, item.get("ai_agent") or {}
        yield from self._rated(shared, "rating", rating, rating.get("rating"), rating.get("remark"), carried=carried)
        others = replace(shared, response_id=f"{ident}:ai")  # a score of its own
        yield from self._rated(others, "ai", agent, agent.get("rating"), agent.get("rating_remark"), carried=False)

    def _rated(
        self, shared: Feedback, end: str, about: Any, stars: Any, remark: Any, *, carried: bool
    ) -> Iterator[Feedback]:
        """Yield a rating that has words, or a score that no message carries."""
        words, value = text_of(remark), score(stars, Scale.CSAT)
        if not words and (value is None or carried):
            return
        # `created_at` is when the rating was asked for, `updated_at` when it was given.
        given = unix(about.get("updated_at")) or unix(about.get("created_at")) or shared.created_at
        yield replace(
            shared,
            source_record_id=f"{shared.source_record_id}:{end}",
            text=words,
            created_at=given,
            updated_at=given,
            customer_ref=text_of(within(about, "contact", "id")) or shared.customer_ref,
            score=value,
            attributes=attributes(**shared.attributes, message="rating", rated="ai_agent" if end == "ai" else None),
        )

    def _conversation(self, item: Any, ident: str) -> Feedback:
        """Return what is known of a conversation and of all its messages."""
        source, statistics = item.get("source") or {}, item.get("statistics") or {}
        closed = None if item.get("open") is True else unix(statistics.get("last_close_at"))
        return Feedback(
            source=self._source.name,
            source_record_id=ident,
            channel=self._source.channel,
            text="",
            response_id=ident,
            created_at=needed(unix(need(item, "created_at")), "created_at"),
            updated_at=unix(item.get("updated_at")),
            language=item["_language"] or None,
            customer_ref=_customer(item) or None,
            score=score(within(item, "conversation_rating", "rating"), Scale.CSAT),
            hints=self._hints(item),
            timing=Timing(unix(statistics.get("first_admin_reply_at")), closed, whole(statistics.get("count_reopens"))),
            attributes=attributes(
                subject=source.get("subject") or item.get("title"),
                via=source.get("type"),
                delivered_as=source.get("delivered_as"),
                state=item.get("state"),
                priority=item.get("priority"),
                tags=[tag.get("name") for tag in objects(item, "tags", "tags")],
                ai_agent="yes" if item.get("ai_agent_participated") is True else None,
            ),
        )

    def _hints(self, item: Any) -> dict[Hint, str]:
        custom = item.get("custom_attributes") or {}
        said = {hint: custom.get(name) for hint, name in self._source.hint_fields.items()}
        hints = {hint: text_of(value) for hint, value in said.items() if isinstance(value, str | int | float)}
        hints = {Hint.GROUP: item["_team"], Hint.AGENT: _someone(item.get("admin_assignee_id"))} | hints
        return {hint: words for hint, words in hints.items() if words}


def _someone(number: Any) -> str:
    """Return the id of a team or a teammate, "" for nobody: null or 0."""
    words = text_of(number)
    return "" if words == "0" else words


def _customer(item: Any) -> str:
    """Return the id of the first contact of a conversation."""
    contacts = objects(item, "contacts", "contacts")
    return text_of(within(contacts[0], "id")) if contacts else ""


def _count(item: Any) -> int:
    """Return how many parts a conversation has: two places say it, and either may be null."""
    places = (("statistics", "count_conversation_parts"), ("conversation_parts", "total_count"))
    return max(whole(within(item, *place)) or 0 for place in places)
