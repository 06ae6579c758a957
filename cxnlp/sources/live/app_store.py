"""App Store Connect: what customers write and how many stars they give to one app."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

import httpx
import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale, Timing
from cxnlp.sources.live.connector import Fetched, LiveSource, LoopGuard, Reader, State, caught_up
from cxnlp.sources.live.http import Budget, Clock, Http, Pace, Refused
from cxnlp.sources.live.values import Unreadable, attributes, moment, need, needed, objects, score, text_of, within

_AUDIENCE = "appstoreconnect-v1"
_LIFE = dt.timedelta(minutes=10)  # Apple refuses more than 20
_USED = _LIFE * 0.8  # a token of this age is replaced
_BACK = dt.timedelta(seconds=30)  # for a clock that is ahead of Apple's
_QUARTER = 900.0  # seconds; the hour of the limit rolls, so a part of it may be free by then
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")


class AppStore(LiveSource):
    """Reviews of one app; `app_id` is the numeric Apple ID, not the bundle id.

    Reviews come newest first and there is no filter by date: a night reads down to `overlap_minutes` (30 days) before
    the newest review it knows. Every `full_walk_days` it reads down to `start` instead, for edits of older reviews
    (0: never). A deleted review vanishes without a word, so it stays here.

    `version_id` reads the reviews of one version instead of all; `territories` are three-letter countries (none: all).
    `product` is what the hint product says, the app's id where it is empty. `individual_key` is for a key that belongs
    to a person instead of the team and has no issuer (unconfirmed).
    """

    app_id: str = Field(pattern=r"^\d+$")
    base_url: str = ""
    environment: str = Field(default="CXNLP_APP_STORE", pattern=r"^[A-Z][A-Z0-9_]*$")
    version_id: str = Field(default="", pattern=r"^[A-Za-z0-9-]*$")
    territories: tuple[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], ...] = ()
    product: str = ""
    individual_key: bool = False
    overlap_minutes: int = Field(default=43_200, ge=0)
    full_walk_days: int = Field(default=7, ge=0)
    per_page: int = Field(default=200, ge=1, le=200)

    needs: ClassVar[Mapping[str, str]] = {
        "KEY_ID": "the id of the API key",
        "ISSUER_ID": "the issuer id of the team's keys (not for an individual key)",
        "PRIVATE_KEY_FILE": "the path of the key's .p8 file",
    }
    rights: ClassVar[str] = "the key needs the role Customer Support, App Manager or Admin"
    not_deciding: ClassVar[frozenset[str]] = LiveSource.not_deciding | {"full_walk_days", "per_page"}

    def http(self) -> Http:
        """Return a client that signs its requests with the key."""
        who = {"sub": "user"} if self.individual_key else {"iss": self.credential("ISSUER_ID")}
        return self.client(
            self.base_url or "https://api.appstoreconnect.apple.com",
            auth=_Signed(self._key(), self.credential("KEY_ID"), who, self.clock),
            pace=Pace(self.clock, limits=limits),
        )

    def reader(self, http: Http) -> Reader:
        """Return what reads the app's reviews."""
        return _Reader(self, http)

    def _key(self) -> ec.EllipticCurvePrivateKey:
        variable = f"{self.environment}_PRIVATE_KEY_FILE"
        path = self.root / Path(self.credential("PRIVATE_KEY_FILE")).expanduser()
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise SourceError(f"{self.name}: the file that {variable} names can't be read: {error.strerror}.") from None
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)):
            raise SourceError(
                f"{self.name}: the file that {variable} names is not a private key as App Store Connect gives it "
                "(AuthKey_….p8, EC P-256)."
            )
        return key


class _Signed(httpx.Auth):
    """A token signed with the key (ES256): made anew when most of its life is over, and once after a 401."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, key_id: str, who: Mapping[str, str], clock: Clock) -> None:
        self._key, self._key_id, self._who, self._clock = key, key_id, who, clock
        self._token = ""
        self._until = dt.datetime.min.replace(tzinfo=dt.UTC)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with the token, and again with a new one where an older one is refused."""
        fresh = self._clock.now() >= self._until
        if fresh:
            self._sign()
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == 401 and not fresh:
            self._sign()
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _sign(self) -> None:
        issued = self._clock.now() - _BACK
        said = {**self._who, "iat": issued, "exp": issued + _LIFE, "aud": _AUDIENCE}
        self._token = jwt.encode(said, self._key, algorithm="ES256", headers={"kid": self._key_id, "typ": "JWT"})
        self._until = issued + _USED


def limits(headers: Mapping[str, str], now: dt.datetime) -> Iterator[Budget]:
    """Yield the key's budget of the rolling hour, which other programs with the same key use up too."""
    for part in headers.get("x-rate-limit", "").split(";"):
        name, _, left = part.partition(":")
        if name.strip() == "user-hour-rem" and left.strip().isdigit():
            yield Budget(int(left), _QUARTER)


class _Reader(Reader):
    def __init__(self, source: AppStore, http: Http) -> None:
        self._source = source
        self._http = http

    def pages(self, state: State) -> Iterator[Fetched]:
        return caught_up(self._walk, state)

    def id_of(self, item: Any) -> str | None:
        return text_of(within(item, "review", "id")) or None

    def _walk(self, state: State) -> Iterator[Fetched]:
        """Yield the pages from the newest review, or from where a walk was left, down to where it ends."""
        walk = state.get("walk") or self._begun(state)
        guard = LoopGuard(self._source.name)
        while True:
            walk, body = self._asked(walk, state)
            until = dt.datetime.fromisoformat(walk["until"])
            reviews, following = objects(body, "data"), text_of(within(body, "links", "next"))
            dates = [date for date in map(_date, reviews) if date]
            walk = {**walk, "newest": self._newest(walk["newest"], dates)}
            whole = not following or bool(dates and min(dates) < until)
            if not whole:
                guard.check(following, [within(review, "id") for review in reviews if isinstance(review, dict)])
                walk["next"] = following
            yield Fetched(self._items(body, reviews), _done(walk) if whole else {**state, "walk": walk})
            if whole:
                return

    def _begun(self, state: State) -> dict[str, Any]:
        """Return a new walk: where it ends, and what it will leave behind."""
        now, days = self._source.clock.now(), self._source.full_walk_days
        walked = state.get("walked")
        due = days > 0 and walked is not None and now - dt.datetime.fromisoformat(walked) >= dt.timedelta(days=days)
        newest = state.get("newest")
        whole = newest is None or due
        until = self._source.since() if whole else self._source.since(newest)
        return {"until": until.isoformat(), "newest": newest, "walked": now.isoformat() if whole else walked}

    def _asked(self, walk: dict[str, Any], state: State) -> tuple[dict[str, Any], Any]:
        """Return the walk's next page; a place that Apple no longer knows begins the walk anew."""
        following = walk.get("next")
        try:
            return walk, self._http.get(following) if following else self._first()
        except Refused as refused:
            if not following or refused.status not in (400, 404, 410):
                raise
        walk = self._begun({name: value for name, value in state.items() if name != "walk"})
        return walk, self._first()

    def _first(self) -> Any:
        source = self._source
        params: dict[str, Any] = {
            "sort": "-createdDate",
            "limit": source.per_page,
            "include": "response",
            "fields[customerReviews]": "rating,title,body,reviewerNickname,createdDate,territory,response",
            "fields[customerReviewResponses]": "responseBody,lastModifiedDate,state",
        }
        if source.territories:
            params["filter[territory]"] = ",".join(source.territories)
        of = f"appStoreVersions/{source.version_id}" if source.version_id else f"apps/{source.app_id}"
        try:
            return self._http.get(f"/v1/{of}/customerReviews", params)
        except Refused as refused:
            if refused.status != 404:
                raise
            raise SourceError(
                f"{source.name}: Apple knows no {of} that this key may read (404). app_id is the numeric Apple ID of "
                "the app, not its bundle id."
            ) from None

    def _newest(self, said: str | None, dates: Iterable[dt.datetime]) -> str | None:
        """Return the newest date; one in the future would hide what comes until then."""
        now = self._source.clock.now()
        known = [dt.datetime.fromisoformat(said)] if said else []
        newest = max([*known, *(min(date, now) for date in dates)], default=None)
        return newest.isoformat() if newest else None

    def _items(self, body: Any, reviews: Iterable[Any]) -> list[Any]:
        """Return the reviews since the start, each with the answer to it."""
        answers = {
            text_of(within(one, "id")): one
            for one in objects(body, "included")
            if within(one, "type") == "customerReviewResponses"
        }
        start = self._source.since()
        return [
            {"review": review, "answers": answers}
            for review in reviews
            if (date := _date(review)) is None or date >= start
        ]

    def records(self, item: Any) -> Iterable[Feedback]:
        source, review = self._source, item["review"]
        ident, said = text_of(need(review, "id")), need(review, "attributes")
        created = needed(moment(said.get("createdDate")), "createdDate")
        words = _joined(text_of(said.get("title")), text_of(said.get("body")))
        stars = score(said.get("rating"), Scale.STARS)
        if not words and stars is None:
            return
        answer = item["answers"].get(text_of(within(review, "relationships", "response", "data", "id")))
        state, product = text_of(within(answer, "attributes", "state")), source.product or source.app_id
        answered = moment(within(answer, "attributes", "lastModifiedDate")) if state == "PUBLISHED" else None
        territory = text_of(said.get("territory"))
        yield Feedback(
            source=source.name,
            source_record_id=ident,
            channel=source.channel,
            text=words,
            created_at=created,
            updated_at=created,
            customer_ref=text_of(said.get("reviewerNickname")) or None,
            score=stars,
            hints={Hint.PRODUCT: product} | ({Hint.LOCATION: territory} if territory else {}),
            timing=Timing(first_reply_at=answered),
            attributes=attributes(
                via="app_store_apple", app=source.app_id, version=source.version_id, answer=state.lower()
            ),
        )


def _date(review: Any) -> dt.datetime | None:
    """Return when a review was written, None where it can't be read: `records` says why."""
    try:
        return moment(within(review, "attributes", "createdDate"))
    except Unreadable:
        return None


def _done(walk: Mapping[str, Any]) -> dict[str, Any]:
    return {"newest": walk["newest"], "walked": walk["walked"]}


def _joined(title: str, body: str) -> str:
    """Return a title and what follows it as text.

    >>> _joined("Good but slow", "Search takes ages."), _joined("Great!", "Thanks."), _joined("", "Fine")
    ('Good but slow. Search takes ages.', 'Great! Thanks.', 'Fine')
    """
    return (" " if title.endswith(_SENTENCE_ENDS) else ". ").join(filter(None, [title, body]))
