"""HubSpot: tickets and survey responses (feedback submissions), listed once, then by search of what was changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Literal

from pydantic import Field

from cxnlp.errors import SourceError, did_you_mean
from cxnlp.records import Feedback, Hint, Scale, Timing
from cxnlp.sources.base import Reason
from cxnlp.sources.live.auth import Bearer
from cxnlp.sources.live.connector import Fetched, Gone, LiveSource, LoopGuard, Reader, State
from cxnlp.sources.live.http import Budget, Http, Pace, Refused
from cxnlp.sources.live.values import (
    Unreadable,
    attributes,
    moment,
    need,
    needed,
    objects,
    score,
    text_of,
    unix,
    within,
)

_CHANGED = "hs_lastmodifieddate"
_TICKET = (
    "subject", "content", "createdate", _CHANGED, "closed_date", "hs_last_closed_date", "first_agent_reply_date",
    "time_to_first_agent_reply", "hs_time_to_first_response_in_operating_hours", "time_to_close", "source_type",
    "hs_pipeline", "hs_pipeline_stage", "hs_ticket_category", "hs_ticket_priority", "hs_is_one_touch_ticket",
    "hubspot_owner_id", "hubspot_team_id",
)  # fmt: skip
_SURVEY = (
    "hs_content", "hs_value", "hs_survey_type", "hs_survey_name", "hs_survey_id", "hs_survey_channel",
    "hs_response_group", "hs_sentiment", "hs_submission_timestamp", "hs_createdate", _CHANGED,
    "hs_contact_email_rollup", "hs_knowledge_article_id",
)  # fmt: skip
_SCALES = {"NPS": Scale.NPS, "CES": Scale.CES}  # CSAT is 0, 1 or 2, which is none of ours: it stays an attribute


class HubSpot(LiveSource):
    """Tickets, or survey responses, of one HubSpot account.

    Archived records retire; the losing ticket of a merge disappears without a word. `contacts` asks whom a record
    belongs to. `left_out` are the source types of tickets that agents type ("" where a ticket has none; unconfirmed).
    `hints` and `attributes` name the account's own properties. `prefix` is the path of objects; newer versions have a
    date in it.
    """

    object: Literal["tickets", "feedback_submissions"] = "tickets"
    base_url: str = ""
    prefix: str = Field(default="/crm/v3/objects", pattern=r"^/[\w/.-]+[^/]$")
    environment: str = Field(default="CXNLP_HUBSPOT", pattern=r"^[A-Z][A-Z0-9_]*$")
    contacts: bool = True
    archived: bool = True
    left_out: tuple[str, ...] = ("PHONE",)
    hints: Mapping[Hint, str] = Field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    per_page: int = Field(default=100, ge=1, le=100)
    requests_per_minute: float = Field(default=600, gt=0)
    searches_per_minute: float = Field(default=240, gt=0)

    needs: ClassVar[Mapping[str, str]] = {"TOKEN": "the access token of a private app"}
    rights: ClassVar[str] = (
        "the private app needs the scopes tickets (tickets) or crm.objects.feedback_submissions.read (surveys), "
        "crm.objects.owners.read, and crm.objects.contacts.read for contacts"
    )

    not_deciding: ClassVar[frozenset[str]] = LiveSource.not_deciding | {
        "archived",
        "per_page",
        "requests_per_minute",
        "searches_per_minute",
    }

    def http(self) -> Http:
        """Return a client with the private app's token."""
        return self.client(
            self.base_url or "https://api.hubapi.com",
            auth=Bearer(self.credential("TOKEN")),
            pace=Pace(self.clock, self.requests_per_minute, limits),
        )

    def reader(self, http: Http) -> Reader:
        """Return what reads the account."""
        return _Reader(self, http)


def limits(headers: Mapping[str, str], now: dt.datetime) -> Iterator[Budget]:
    """Yield the budgets of the day, of the second and of the rolling interval. Replies to searches have none."""
    midnight = (now + dt.timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    interval = headers.get("x-hubspot-ratelimit-interval-milliseconds", "")
    ends = {
        "daily-": (midnight - now).total_seconds(),
        "secondly-": 1.0,
        "": float(interval) / 1000 if interval.isdigit() else 10.0,
    }
    for name, seconds in ends.items():
        left = headers.get(f"x-hubspot-ratelimit-{name}remaining", "")
        if left.isdigit():
            yield Budget(int(left), seconds)


class _Reader(Reader):
    def __init__(self, source: HubSpot, http: Http) -> None:
        self._source = source
        self._http = http
        self._path = f"{source.prefix}/{source.object}"
        self._searches = Pace(source.clock, source.searches_per_minute, source=source.name)
        wanted = _TICKET if source.object == "tickets" else _SURVEY
        self._own = (*source.hints.values(), *source.attributes)
        self._wanted = list(dict.fromkeys([*wanted, *self._own]))
        self._lookups: dict[str, dict[str, Any]] = {}

    def pages(self, state: State) -> Iterator[Fetched]:
        try:
            yield from self._pages(state)
        except Refused as refused:
            if refused.status != 530:
                raise
            raise SourceError(f"{self._source.name}: the token is malformed (530). {self._source.advice}") from None
        except Unreadable as fault:
            raise SourceError(f"{self._source.name}: a page is not what its contract says: {fault.detail}.") from None

    def _pages(self, state: State) -> Iterator[Fetched]:
        known = self._properties()
        self._wanted = [name for name in self._wanted if name in known]
        # Some objects lack the date that a search goes by: these are listed every night.
        searched = "changed" in state and _CHANGED in known
        for fetched in self._search(state) if searched else self._list(state, archived=False):
            state = fetched.state
            yield fetched
        if self._source.archived:
            yield from self._list(state, archived=True)

    def _properties(self) -> set[str]:
        """Return the names of the account's properties. SourceError where one that we can't do without is not there."""
        body = self._http.get(f"/crm/v3/properties/{self._source.object}")
        known = {text_of(within(one, "name")) for one in objects(body, "results")}
        words = "content" if self._source.object == "tickets" else "hs_content"
        for name in (words, *self._own):
            if name not in known:
                near = did_you_mean(name, known)
                raise SourceError(
                    f"{self._source.name}: the account's {self._source.object} have no property '{name}'."
                    f"{near if near.startswith(' Did') else ''}"
                )
        return known

    def id_of(self, item: Any) -> str | None:
        return text_of(within(item, "id")) or None

    def _list(self, state: State, *, archived: bool) -> Iterator[Fetched]:
        """Yield all records, of which only those changed or archived since the last time say something."""
        done, under_way, at = (
            ("archived", "archived_walk", "archivedAt") if archived else ("changed", "changed_walk", "updatedAt")
        )
        since = self._source.since(state.get(done))
        walk = state.get(under_way) or {"began": _iso(self._source.clock.now())}
        guard = LoopGuard(self._source.name)
        while True:
            params = {"limit": self._source.per_page, "archived": str(archived).lower()}
            body = self._http.get(self._path, params | ({"after": walk["after"]} if "after" in walk else {}))
            found = objects(body, "results")
            after = text_of(within(body, "paging", "next", "after"))
            walk = {**walk, "newest": _newest(walk.get("newest"), (_when(one, at) for one in found)), "after": after}
            fresh = [one for one in found if (when := _when(one, at)) is None or when >= since]
            state = {**state, under_way: walk}
            if after:
                guard.check(after)
            else:
                state.pop(under_way)
                # What is changed behind our back while we walk comes again the next night.
                ends = [state.get(done) or "", min(walk["newest"] or "", walk["began"])]
                state |= {done: max(ends)} if any(ends) else {}
            yield Fetched([{"_gone": one} for one in fresh] if archived else self._whole(fresh), state)
            if not after:
                return

    def _search(self, state: State) -> Iterator[Fetched]:
        """Yield what was changed, in the order of ids. Every page is a search of its own: one ends after 10,000."""
        since, until = self._source.since(state["changed"]), self._source.clock.now()
        walk = state.get("search") or {"from": _milliseconds(since), "to": _milliseconds(until), "last": 0}
        guard = LoopGuard(self._source.name)
        while True:
            filters = [
                (_CHANGED, "GTE", walk["from"]),
                (_CHANGED, "LTE", walk["to"]),
                ("hs_object_id", "GT", walk["last"]),
            ]
            asked = {
                "filterGroups": [
                    {"filters": [{"propertyName": n, "operator": o, "value": str(v)} for n, o, v in filters]}
                ],
                "sorts": ["hs_object_id"],
                "properties": ["hs_object_id", _CHANGED],
                "limit": self._source.per_page,
            }
            body = self._http.post(f"{self._path}/search", asked, pace=self._searches)
            found = objects(body, "results")
            ids = [int(words) for one in found if (words := text_of(within(one, "id"))).isdigit()]
            if ids != sorted(ids):
                raise SourceError(
                    f"{self._source.name}: a search is not in the order of ids; it can't be gone on from."
                )
            more = within(body, "paging", "next") is not None
            times = (_when(one, "properties", _CHANGED) or _when(one, "updatedAt") for one in found)
            newest = _newest(walk.get("newest"), times)
            walk = {**walk, "newest": newest, "last": max([walk["last"], *ids])}
            if more:
                guard.check(walk["last"], ids)
            state = {**state, "search": walk}
            if not more:
                state.pop("search")
                state["changed"] = max(state["changed"], newest or "")
            yield Fetched(self._whole(found), state)
            if not more:
                return

    def _whole(self, found: list[Any]) -> list[Any]:
        """Return records with their properties, read in a batch: a search leaves calculated ones out for a while."""
        ids = [text_of(one.get("id")) for one in found if isinstance(one, dict) and one.get("id")]
        broken = [one for one in found if not (isinstance(one, dict) and one.get("id"))]
        if not ids:
            return broken
        inputs = [{"id": ident} for ident in ids]
        body = self._http.post(f"{self._path}/batch/read", {"properties": self._wanted, "inputs": inputs})
        for error in objects(body, "errors"):
            if "NOT_FOUND" not in text_of(within(error, "category")):  # those were archived a moment ago
                raise SourceError(
                    f"{self._source.name}: a batch was not read whole: {text_of(within(error, 'category'))}."
                )
        contacts = self._contacts(inputs) if self._source.contacts else {}
        return broken + [
            {**one, "_contact": contacts.get(text_of(one.get("id")))} if isinstance(one, dict) else one
            for one in objects(body, "results")
        ]

    def _contacts(self, inputs: list[dict[str, str]]) -> dict[str, str]:
        """Return whom records belong to, by id; of several contacts the oldest."""
        body = self._http.post(f"/crm/v4/associations/{self._source.object}/contacts/batch/read", {"inputs": inputs})
        found = {
            text_of(within(one, "from", "id")): [text_of(within(to, "toObjectId")) for to in objects(one, "to")]
            for one in objects(body, "results")
        }
        return {ident: min(to, key=lambda contact: (len(contact), contact)) for ident, to in found.items() if to}

    def records(self, item: Any) -> Iterable[Feedback | Gone]:
        if isinstance(item, dict) and "_gone" in item:
            return [Gone(text_of(need(item["_gone"], "id")))]
        ident, said = text_of(need(item, "id")), need(item, "properties")
        return self._ticket(ident, item, said) if self._source.object == "tickets" else self._survey(ident, item, said)

    def _ticket(self, ident: str, item: Any, said: Mapping[str, Any]) -> Iterator[Feedback]:
        via = text_of(said.get("source_type"))
        text = _words(text_of(said.get("subject")), text_of(said.get("content")))
        if not text or via in self._source.left_out:
            return
        created = needed(_time(said.get("createdate")) or moment(item.get("createdAt")), "createdate")
        pipeline, stage = self._stage(text_of(said.get("hs_pipeline")), text_of(said.get("hs_pipeline_stage")))
        agent, team = self._agent(text_of(said.get("hubspot_owner_id")), text_of(said.get("hubspot_team_id")))
        replied = _time(said.get("first_agent_reply_date")) or _after(created, said.get("time_to_first_agent_reply"))
        working = None if replied else _after(created, said.get("hs_time_to_first_response_in_operating_hours"))
        closed = _time(said.get("closed_date")) or _time(said.get("hs_last_closed_date"))
        yield Feedback(
            source=self._source.name,
            source_record_id=ident,
            channel=self._source.channel,
            text=text,
            created_at=created,
            updated_at=_time(said.get(_CHANGED)) or moment(item.get("updatedAt")),
            customer_ref=item.get("_contact"),
            hints=self._hints(
                said,
                {
                    Hint.QUEUE: pipeline,
                    Hint.GROUP: team,
                    Hint.AGENT: agent,
                    Hint.CLASS: text_of(said.get("hs_ticket_category")),
                },
            ),
            timing=Timing(replied or working, closed or _after(created, said.get("time_to_close"))),
            attributes=self._attributes(
                said,
                message="first",
                via=via,
                status=stage,
                priority=said.get("hs_ticket_priority"),
                one_touch=said.get("hs_is_one_touch_ticket"),
                first_reply="operating hours" if working else None,
            ),
        )

    def _survey(self, ident: str, item: Any, said: Mapping[str, Any]) -> Iterator[Feedback]:
        kind, value = text_of(said.get("hs_survey_type")), text_of(said.get("hs_value"))
        scale = _SCALES.get(kind.upper())
        rated = score(value, scale) if scale else None
        text = text_of(said.get("hs_content"))
        if not text and rated is None:
            return
        created = _time(said.get("hs_submission_timestamp")) or moment(item.get("createdAt"))
        yield Feedback(
            source=self._source.name,
            source_record_id=ident,
            channel=self._source.channel,
            text=text,
            question=text_of(said.get("hs_survey_name")) or None,
            created_at=needed(created, "hs_submission_timestamp"),
            updated_at=_time(said.get(_CHANGED)) or moment(item.get("updatedAt")),
            customer_ref=item.get("_contact") or text_of(said.get("hs_contact_email_rollup")) or None,
            score=rated,
            hints=self._hints(said, {}),
            attributes=self._attributes(
                said,
                via=said.get("hs_survey_channel"),
                survey=said.get("hs_survey_id"),
                survey_type=kind,
                value=None if rated else value,
                response_group=said.get("hs_response_group"),
                sentiment=said.get("hs_sentiment"),
                article=said.get("hs_knowledge_article_id"),
            ),
        )

    def _hints(self, said: Mapping[str, Any], usual: Mapping[Hint, str]) -> dict[Hint, str]:
        own = {hint: text_of(said.get(name)) for hint, name in self._source.hints.items()}
        return {hint: words for hint, words in {**usual, **own}.items() if words}

    def _attributes(self, said: Mapping[str, Any], **usual: Any) -> dict[str, str]:
        return attributes(**{name: said.get(name) for name in self._source.attributes} | usual)

    def _stage(self, pipeline: str, stage: str) -> tuple[str, str]:
        """Return the names of a pipeline and of a stage, whose ids differ from account to account."""
        if not pipeline:
            return "", stage
        if "pipelines" not in self._lookups:
            found = objects(self._http.get("/crm/v3/pipelines/tickets"), "results")
            self._lookups["pipelines"] = {text_of(one.get("id")): text_of(one.get("label")) for one in found}
            self._lookups["stages"] = {
                text_of(each.get("id")): text_of(each.get("label")) for one in found for each in objects(one, "stages")
            }
        return self._lookups["pipelines"].get(pipeline) or pipeline, self._lookups["stages"].get(stage) or stage

    def _agent(self, owner: str, team: str) -> tuple[str, str]:
        """Return the names of an owner and of the team: the record's, else the owner's first."""
        if not owner and not team:
            return "", ""
        if "owners" not in self._lookups:
            self._load_owners()
        name, first = self._lookups["owners"].get(owner, (f"owner {owner}" if owner else "", ""))
        return name, self._lookups["teams"].get(team) or (f"team {team}" if team else first)

    def _load_owners(self) -> None:
        owners, teams = self._lookups.setdefault("owners", {}), self._lookups.setdefault("teams", {})
        guard, after = LoopGuard(self._source.name), ""
        while True:
            body = self._http.get("/crm/v3/owners", {"limit": 100, **({"after": after} if after else {})})
            for one in objects(body, "results"):
                name = " ".join(filter(None, (text_of(one.get("firstName")), text_of(one.get("lastName")))))
                theirs = {text_of(team.get("id")): text_of(team.get("name")) for team in objects(one, "teams")}
                main = [text_of(team.get("name")) for team in objects(one, "teams") if team.get("primary") is True]
                teams |= theirs
                owners[text_of(one.get("id"))] = (name or text_of(one.get("email")), next(iter(main), ""))
            after = text_of(within(body, "paging", "next", "after"))
            if not after:
                return
            guard.check(after)


def _time(value: Any) -> dt.datetime | None:
    """Return a time that is written in ISO 8601 or as milliseconds since 1970."""
    words = text_of(value)
    return unix(words, per_second=1000) if words.isdigit() else moment(words)


def _after(created: dt.datetime, milliseconds: Any) -> dt.datetime | None:
    words = text_of(milliseconds)
    if not words:
        return None
    try:
        return created + dt.timedelta(milliseconds=float(words))
    except (ValueError, OverflowError):
        raise Unreadable(Reason.UNREADABLE_NUMBER, f"'{words[:40]}' is not a number of milliseconds") from None


def _words(subject: str, content: str) -> str:
    if not subject or not content or content.startswith(subject):
        return content or subject
    return f"{subject} {content}" if subject[-1] in ".!?…" else f"{subject}. {content}"


def _when(item: Any, *keys: str) -> dt.datetime | None:
    with suppress(Unreadable):  # such a record is set aside when it is read
        return _time(within(item, *keys))
    return None


def _newest(known: str | None, times: Iterable[dt.datetime | None]) -> str | None:
    return max(filter(None, [known, *(_iso(when) for when in times if when)]), default=None)


def _iso(when: dt.datetime) -> str:
    return when.isoformat(timespec="milliseconds")


def _milliseconds(when: dt.datetime) -> int:
    return int(when.timestamp() * 1000)
