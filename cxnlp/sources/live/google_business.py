"""Google Business Profile: the reviews of a company's places, by the My Business API."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale, Score, Timing
from cxnlp.sources.live.connector import Fetched, LiveSource, LoopGuard, Reader, State
from cxnlp.sources.live.google import TOKEN_URL, by_refresh_token, newest_first
from cxnlp.sources.live.http import Http, Pace, Refused
from cxnlp.sources.live.values import attributes, moment, need, needed, objects, text_of, within

_STARS = {"ONE": 1, "TWO": 2, "THREE": 3, "FOUR": 4, "FIVE": 5}
_TRANSLATED = re.compile(r"\(Translated by Google\)\s*", re.IGNORECASE)
_ORIGINAL = re.compile(r"\(Original\)\s*", re.IGNORECASE)

_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]


class GoogleBusiness(LiveSource):
    """Reviews, with and without words, of the verified places of one account.

    Deletions are silent: a deleted review stays as it was. A night reads `overlap_minutes` (30 days) again, for reviews
    that Google shows later than their date and for late replies. `locations` has the ids of places with the names that
    they shall have ("": the id); without it the account's places are listed by the service at `information_url`
    (unconfirmed). `original_first` (unconfirmed): where a translation comes second, what stands before it is what was
    written. `requests_per_minute` is unconfirmed for reviews.
    """

    account: _Id
    locations: dict[_Id, str] = Field(default_factory=dict)
    base_url: str = "https://mybusiness.googleapis.com/v4"
    information_url: str = "https://mybusinessbusinessinformation.googleapis.com/v1"
    token_url: str = TOKEN_URL
    environment: str = Field(default="CXNLP_GOOGLE_BUSINESS", pattern=r"^[A-Z][A-Z0-9_]*$")
    overlap_minutes: int = Field(default=43_200, ge=0)
    per_page: int = Field(default=50, ge=1, le=50)
    requests_per_minute: float = Field(default=300, gt=0)
    original_first: bool = True

    needs: ClassVar[Mapping[str, str]] = {
        "CLIENT_ID": "the id of an OAuth client",
        "CLIENT_SECRET": "its secret",
        "REFRESH_TOKEN": "a refresh token of a manager of the places, with the scope business.manage",
    }
    rights: ClassVar[str] = (
        "the person who allowed it must manage the places, and Google must have granted the project access to the "
        "Business Profile APIs"
    )
    not_deciding: ClassVar[frozenset[str]] = LiveSource.not_deciding | {"per_page", "requests_per_minute", "token_url"}

    def http(self, base_url: str = "") -> Http:
        """Return a client with the manager's tokens."""
        return self.client(
            base_url or self.base_url,
            auth=by_refresh_token(self, self.token_url),
            pace=Pace(self.clock, self.requests_per_minute),
        )

    def reader(self, http: Http) -> Reader:
        """Return what reads the account's reviews."""
        return _Reader(self, http)


@dataclass(frozen=True, slots=True)
class _Place:
    """A location: `name` is unique and for departments, `title` is what its sign says."""

    id: str
    name: str
    title: str = ""


class _Reader(Reader):
    def __init__(self, source: GoogleBusiness, http: Http) -> None:
        self._source = source
        self._http = http
        self._places: dict[str, _Place] = {}
        self._refused: dict[str, str] = {}

    def pages(self, state: State) -> Iterator[Fetched]:
        given = [_Place(ident, name or ident) for ident, name in self._source.locations.items()]
        self._places = {place.id: place for place in given or self._listed()}
        if not self._places:
            said = f"the account {self._source.account} lists no places"
            raise SourceError(f"{self._source.name}: {said}. {self._source.advice}")
        walks = dict(state.get("locations") or {})
        for place in self._places.values():
            walk = walks.get(place.id) or {}
            for fetched in newest_first(self._source, self._asker(place), _times, walk, sorted_strictly=True):
                walks = {**walks, place.id: fetched.state} if fetched.state else walks
                items = [{"_place": place.id, "_review": review} for review in fetched.items]
                refused = self._refused.get(place.id)
                yield Fetched(items, {"locations": walks}, (refused,) if refused else ())
        if len(self._refused) == len(self._places):
            said = next(iter(self._refused.values()))
            raise SourceError(f"{self._source.name}: no place can be read. {said} {self._source.advice}")

    def _asker(self, place: _Place) -> Any:
        path = f"accounts/{self._source.account}/locations/{place.id}/reviews"

        def ask(token: str) -> tuple[list[Any], str]:
            params = {"pageSize": self._source.per_page, "orderBy": "updateTime desc"}
            try:
                body = self._http.get(path, params | ({"pageToken": token} if token else {}))
            except Refused as refused:
                if token or refused.status not in (400, 404):
                    raise
                # One place that is not verified, or closed, does not end the pull of the others.
                said = f"Google refused the reviews of {place.name} ({refused.status}): is it verified?"
                self._refused[place.id] = said
                return [], ""
            return objects(body, "reviews"), text_of(within(body, "nextPageToken"))

        return ask

    def _listed(self) -> Iterator[_Place]:
        guard, token = LoopGuard(self._source.name), ""
        with self._source.http(self._source.information_url) as http:
            while True:
                params: dict[str, Any] = {"readMask": "name,title,storeCode", "pageSize": 100}
                path = f"accounts/{self._source.account}/locations"
                body = http.get(path, params | ({"pageToken": token} if token else {}))
                for one in objects(body, "locations"):
                    ident = text_of(need(one, "name")).rpartition("/")[2]
                    yield _Place(ident, text_of(one.get("storeCode")) or ident, text_of(one.get("title")))
                token = text_of(within(body, "nextPageToken"))
                if not token:
                    return
                guard.check(token)

    def id_of(self, item: Any) -> str | None:
        review = text_of(within(item["_review"], "reviewId"))
        return f"{item['_place']}:{review}" if review else None

    def records(self, item: Any) -> Iterable[Feedback]:
        review, place = item["_review"], self._places[item["_place"]]
        ident, rating = text_of(need(review, "reviewId")), text_of(review.get("starRating"))
        text = self._original(text_of(review.get("comment")))
        stars = Score(_STARS[rating], Scale.STARS) if rating in _STARS else None
        if not text and stars is None:
            return
        anonymous = within(review, "reviewer", "isAnonymous") is True
        yield Feedback(
            source=self._source.name,
            source_record_id=f"{place.id}:{ident}",  # ids are the place's own
            channel=self._source.channel,
            text=text,
            created_at=moment(need(review, "createTime")),
            updated_at=moment(review.get("updateTime")),
            customer_ref=None if anonymous else text_of(within(review, "reviewer", "displayName")) or None,
            score=stars,
            hints={Hint.LOCATION: place.name},
            timing=Timing(first_reply_at=moment(within(review, "reviewReply", "updateTime"))),
            attributes=attributes(
                via="google_business",
                location=place.id,
                place=place.title,
                rating=None if stars or rating == "STAR_RATING_UNSPECIFIED" else rating,
            ),
        )

    def _original(self, comment: str) -> str:
        """Return what the customer wrote of a comment that may hold Google's translation too."""
        translated, original = _TRANSLATED.search(comment), _ORIGINAL.search(comment)
        if not translated:
            return comment
        if original:
            end = translated.start() if translated.start() > original.end() else None
            return comment[original.end() : end].strip()
        before = comment[: translated.start()].strip()
        return before if before and self._source.original_first else comment


def _times(review: Any) -> tuple[dt.datetime, dt.datetime]:
    written = needed(moment(within(review, "updateTime")), "updateTime")
    return written, max(written, moment(within(review, "reviewReply", "updateTime")) or written)
