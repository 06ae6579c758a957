"""Trustpilot: service reviews of business units, public ones with the API key, private ones with OAuth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

import httpx
from pydantic import Field

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale, Timing
from cxnlp.sources.live.auth import Renewed
from cxnlp.sources.live.connector import Fetched, Gone, LiveSource, LoopGuard, Reader, State
from cxnlp.sources.live.http import Http, Pace, Refused
from cxnlp.sources.live.values import Unreadable, attributes, moment, need, needed, objects, score, text_of, within

_TOKEN = "/v1/oauth/oauth-business-users-for-applications/accesstoken"  # noqa: S105 - an address
_SECOND, _DAY = dt.timedelta(seconds=1), dt.timedelta(days=1)


class Trustpilot(LiveSource):
    """Reviews of one or several business units, each named by its domain or its id.

    With a SECRET in the environment the private reviews are read, which have reference, location, tags and source; with
    the KEY alone the public ones. What was edited can't be asked for: the last `reread_days` are read again every
    `reread_every_days`. `hints` says which tag group, or "business_unit", gives which hint; a tag group that is called
    like a hint gives it anyway. A review that is no longer listed at all stays: Trustpilot does not tell of it.
    """

    business_units: tuple[str, ...] = Field(min_length=1)
    base_url: str = ""
    environment: str = Field(default="CXNLP_TRUSTPILOT", pattern=r"^[A-Z][A-Z0-9_]*$")
    hints: Mapping[Hint, str] = Field(default_factory=dict)
    reread_days: int = Field(default=90, ge=0)
    reread_every_days: int = Field(default=7, ge=1)
    per_page: int = Field(default=100, ge=1, le=100)
    requests_per_minute: float = Field(default=160, gt=0)

    removed: tuple[str, ...] = ("archived", "deleted", "removed")
    """Values of `status` that say that a review is no longer there; unconfirmed."""

    start_format: str = "%Y-%m-%dT%H:%M:%S"
    """How `startDateTime` is written, in UTC; unconfirmed."""

    needs: ClassVar[Mapping[str, str]] = {
        "KEY": "the API key; alone it reads public reviews",
        "SECRET": "the API secret, which opens private reviews",
        "USERNAME": "the business user's e-mail address, where the account takes the password grant (with PASSWORD)",
        "PASSWORD": "that user's password",
    }
    rights: ClassVar[str] = "the application must belong to the account that owns the business units"
    not_deciding: ClassVar[frozenset[str]] = LiveSource.not_deciding | {
        "requests_per_minute",
        "reread_days",
        "reread_every_days",
        "start_format",
    }

    @property
    def private(self) -> bool:
        """Whether private reviews are read."""
        return self.has_credential("SECRET")

    def http(self) -> Http:
        """Return a client with the API key, and with a token where private reviews are read."""
        key, pace = self.credential("KEY"), Pace(self.clock, self.requests_per_minute)
        if not self.private:
            return self._client(pace, headers={"apikey": key})
        login = httpx.BasicAuth(key, self.credential("SECRET"))
        return self._client(pace, headers={"apikey": key}, auth=Renewed(lambda: self._token(pace, login)))

    def reader(self, http: Http) -> Reader:
        """Return what reads the business units."""
        return _Reader(self, http)

    def _client(self, pace: Pace, **options: Any) -> Http:
        address = self.base_url or "https://api.trustpilot.com"
        return self.client(address, pace=pace, **options)

    def _token(self, pace: Pace, login: httpx.BasicAuth) -> str:
        """Return an access token; it lives for 100 hours, longer than a pull."""
        grant = {"grant_type": "client_credentials"}
        if self.has_credential("USERNAME"):
            user, password = self.credential("USERNAME"), self.credential("PASSWORD")
            grant = {"grant_type": "password", "username": user, "password": password}
        with self._client(pace, auth=login) as http:
            body = http.ask("POST", _TOKEN, data=grant).json
        token = body.get("access_token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not token:
            raise SourceError(f"{self.name}: Trustpilot's answer has no access token. {self.advice}")
        return token


class _Reader(Reader):
    def __init__(self, source: Trustpilot, http: Http) -> None:
        self._source = source
        self._http = http

    def pages(self, state: State) -> Iterator[Fetched]:
        """Yield the reviews of one business unit after the other."""
        access = "private" if self._source.private else "public"
        if (state.get("access"), access) == ("private", "public"):
            raise SourceError(
                f"{self._source.name}: private reviews were read so far, and {self._source.environment}_SECRET is not "
                "set. Set it again; to read public reviews from now on, change 'start'."
            )
        read = dict(state.get("units", {})) if state.get("access") == access else {}
        walk = self._ascending if self._source.private else self._descending
        try:
            for unit in self._source.business_units:
                for rows, known in walk(self._id(unit), self._begun(read.get(unit, {}))):
                    read[unit] = known
                    yield Fetched(rows, {"access": access, "units": dict(read)})
        except Unreadable as fault:
            raise SourceError(f"{self._source.name}: not what Trustpilot's contract says: {fault}.") from None

    def id_of(self, item: Any) -> str | None:
        return text_of(within(item, "id")) or None

    def _id(self, unit: str) -> str:
        if "." not in unit:
            return quote(unit, safe="")
        try:
            return quote(text_of(need(self._http.get("/v1/business-units/find", {"name": unit}), "id")), safe="")
        except Refused as refused:
            if refused.status != 404:
                raise
            raise SourceError(f"{self._source.name}: Trustpilot has no business unit '{unit}' (404).") from None

    def _begun(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is known of a business unit, with a walk to go on with: the one that broke off, or a new one."""
        if "since" in said:
            return dict(said)
        source, now = self._source, self._source.clock.now()
        since, reread = source.since(said.get("newest")), said.get("reread")
        due = dt.timedelta(days=source.reread_every_days)
        if reread is None or (source.reread_days and now - dt.datetime.fromisoformat(reread) >= due):
            since = min(since, max(source.since(), now - dt.timedelta(days=source.reread_days)))
            reread = now.isoformat()
        return {"newest": said.get("newest"), "reread": reread, "since": since.isoformat(), "page": 1, "seen": []}

    def _ascending(self, unit: str, walk: dict[str, Any]) -> Iterator[tuple[list[Any], dict[str, Any]]]:
        """Yield private reviews, oldest first.

        The next page is asked for from a second before the last review on, not by its number: numbers shift when a
        review is removed meanwhile. `seen` are the ids that come again then. Where a page does not get further than
        that second, its number goes on.
        """
        guard = LoopGuard(self._source.name)
        while True:
            since = dt.datetime.fromisoformat(walk["since"])
            start = since.strftime(self._source.start_format)
            rows = self._reviews(f"/v1/private/business-units/{unit}/reviews", "asc", walk["page"], startDateTime=start)
            new = [row for row in rows if _ident(row) not in walk["seen"]]
            times = {_ident(row): self._created(row) for row in rows}
            newest = self._newest(walk, times.values())
            if len(rows) < self._source.per_page:
                yield new, {"newest": newest, "reread": walk["reread"]}
                return
            guard.check(None, times)
            last = next(filter(None, reversed(times.values())), since)
            if last < since - _DAY:  # its time zone is unconfirmed
                raise SourceError(
                    f"{self._source.name}: Trustpilot sent reviews from before the startDateTime {start} that it was "
                    "asked for; 'start_format' has to say how it is written."
                )
            later = max(since, (last - _SECOND).replace(microsecond=0))
            seen = {one for one, time in times.items() if one and (time is None or time >= later)}
            if later - since <= _SECOND:
                seen |= set(walk["seen"])
            page = 1 if later > since else walk["page"] + 1
            walk = walk | {"newest": newest, "since": later.isoformat(), "page": page, "seen": sorted(seen)}
            guard = guard if page > 1 else LoopGuard(self._source.name)  # that second's reviews may come again
            yield new, walk

    def _descending(self, unit: str, walk: dict[str, Any]) -> Iterator[tuple[list[Any], dict[str, Any]]]:
        """Yield public reviews, newest first, until they are older than the walk's beginning.

        A walk that broke off goes on a page earlier: removals since then have moved reviews up.
        """
        walk = walk | {"page": max(1, walk["page"] - 1)}
        guard, since = LoopGuard(self._source.name), dt.datetime.fromisoformat(walk["since"])
        while True:
            rows = self._reviews(f"/v1/business-units/{unit}/reviews", "desc", walk["page"])
            times = [self._created(row) for row in rows]
            wanted = [row for row, time in zip(rows, times, strict=True) if time is None or time >= since]
            walk = walk | {"newest": self._newest(walk, times), "page": walk["page"] + 1}
            last = next(filter(None, reversed(times)), since)
            if len(rows) < self._source.per_page or last < since:
                yield wanted, {"newest": walk["newest"], "reread": walk["reread"]}
                return
            guard.check(walk["page"], map(_ident, rows))
            yield wanted, walk

    def _reviews(self, path: str, order: str, page: int, **options: Any) -> list[Any]:
        asked = {"page": page, "perPage": self._source.per_page, "orderBy": f"createdat.{order}", **options}
        return objects(self._http.get(path, asked), "reviews")

    def _created(self, row: Any) -> dt.datetime | None:
        try:
            return moment(within(row, "createdAt"))
        except Unreadable:
            return None

    def _newest(self, walk: Mapping[str, Any], times: Iterable[dt.datetime | None]) -> str | None:
        """Return the time of the newest review so far, never later than now."""
        now = self._source.clock.now()
        return max(
            filter(None, [walk["newest"], *(min(time, now).isoformat() for time in times if time)]), default=None
        )

    def records(self, item: Any) -> Iterable[Feedback | Gone]:
        review = text_of(need(item, "id"))
        if text_of(item.get("status")).lower() in self._source.removed:
            return [Gone(review)]
        created, tags = needed(moment(item.get("createdAt")), "createdAt"), objects(item, "tags")
        customer = (item.get("referenceId"), item.get("referralEmail"), within(item, "consumer", "id"))
        return [
            Feedback(
                source=self._source.name,
                source_record_id=review,
                channel=self._source.channel,
                text=_text(text_of(item.get("title")), text_of(item.get("text"))),
                created_at=created,
                updated_at=moment(item.get("updatedAt")) or created,
                language=text_of(item.get("language")) or None,
                customer_ref=next(filter(None, map(text_of, customer)), None),
                score=score(need(item, "stars"), Scale.STARS),
                hints=self._hints(item, tags),
                timing=Timing(first_reply_at=moment(within(item, "companyReply", "createdAt"))),
                attributes=attributes(
                    via=item.get("source") or "trustpilot",
                    business_unit=_unit(item),
                    location_id=within(item, "location", "externalId"),
                    experienced_at=item.get("experiencedAt"),
                    verified=item.get("isVerified"),
                    status=item.get("status"),
                    labels=objects(item, "complianceLabels"),
                    tags=[": ".join(filter(None, _tag(tag))) for tag in tags],
                ),
            )
        ]

    def _hints(self, item: Any, tags: Sequence[Any]) -> dict[Hint, str]:
        said: dict[str, list[str]] = {
            "business_unit": [_unit(item)],
            "location": [text_of(within(item, "location", "name"))],
        }
        for group, value in map(_tag, tags):
            said.setdefault(group.lower(), []).append(value)
        names = {hint: self._source.hints.get(hint, hint.value).lower() for hint in Hint}
        found = {hint: next(filter(None, said.get(name, [])), "") for hint, name in names.items()}
        return {hint: value for hint, value in found.items() if value}


def _ident(row: Any) -> str:
    try:
        return text_of(within(row, "id"))
    except Unreadable:
        return ""


def _unit(item: Any) -> str:
    return text_of(within(item, "businessUnit", "identifyingName") or within(item, "businessUnit", "displayName"))


def _tag(tag: Any) -> tuple[str, str]:
    return text_of(within(tag, "group")), text_of(within(tag, "value"))


def _text(title: str, text: str) -> str:
    """Return the title and the text as one; Trustpilot's title may be how the text begins.

    >>> _text("Late again", "Third late parcel."), _text("Late again…", "Late again, third time.")
    ('Late again. Third late parcel.', 'Late again, third time.')
    """
    opening = title.rstrip(" .…!?").casefold()
    if not text or text.casefold().startswith(opening):
        return text or title
    return f"{title} {text}" if title[-1] in ".!?…:" else f"{title}. {text}"
