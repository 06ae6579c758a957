"""Google Play: the reviews of one app, by the Android Publisher API."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from cxnlp.records import Feedback, Hint, Scale, Timing
from cxnlp.sources.base import Reason
from cxnlp.sources.live.connector import Fetched, LiveSource, Reader, State
from cxnlp.sources.live.google import by_key_file, newest_first
from cxnlp.sources.live.http import Http, Pace
from cxnlp.sources.live.values import (
    Unreadable,
    attributes,
    need,
    needed,
    objects,
    score,
    text_of,
    unix,
    within,
)

_SCOPE = "https://www.googleapis.com/auth/androidpublisher"
_REMEMBERED = 5000  # reviews whose first date is kept; some 30 bytes each in the cursor
_MICRO = 1_000_000


class GooglePlay(LiveSource):
    """Reviews with words of one app's production versions; Google shows about the last week.

    Reviews have no date of creation: created_at is the change that was seen first, remembered for the newest 5,000
    reviews. Deletions are silent: a deleted review stays as it was. `device_language` takes the language of the
    customer's device for that of the review; without it the language is found in the text. Unconfirmed: `per_page` up
    to 100, `requests_per_hour` below 200, `visible_days` (how far back Google shows; a longer pause is warned of), and
    `nameless`, the name of customers who have none.
    """

    package: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)+$")
    base_url: str = "https://androidpublisher.googleapis.com"
    environment: str = Field(default="CXNLP_GOOGLE_PLAY", pattern=r"^[A-Z][A-Z0-9_]*$")
    per_page: int = Field(default=100, ge=1, le=100)
    requests_per_hour: float = Field(default=190, gt=0)
    visible_days: int = Field(default=7, ge=1)
    device_language: bool = True
    nameless: str = "A Google user"

    needs: ClassVar[Mapping[str, str]] = {"KEY_FILE": "the path of a service account's JSON key"}
    rights: ClassVar[str] = "the service account needs the permission 'Reply to reviews' in the Play Console"
    not_deciding: ClassVar[frozenset[str]] = LiveSource.not_deciding | {"per_page", "requests_per_hour", "visible_days"}

    def http(self) -> Http:
        """Return a client with the service account's tokens."""
        return self.client(
            self.base_url,
            auth=by_key_file(self, self.root / self.credential("KEY_FILE"), _SCOPE),
            pace=Pace(self.clock, self.requests_per_hour / 60),
        )

    def reader(self, http: Http) -> Reader:
        """Return what reads the app's reviews."""
        return _Reader(self, http)


class _Reader(Reader):
    def __init__(self, source: GooglePlay, http: Http) -> None:
        self._source = source
        self._http = http
        self._first: dict[str, int] = {}
        self._warnings: list[str] = []

    def pages(self, state: State) -> Iterator[Fetched]:
        self._first = dict(state.get("first") or {})
        today, before = self._source.clock.now().date(), state.get("walked")
        self._warn_of_pause(dt.date.fromisoformat(before) if before else self._source.start, today)
        floor = self._source.since(state.get("cursor"))

        def ask(token: str) -> tuple[list[Any], str]:
            return self._ask(token, floor)

        for fetched in newest_first(self._source, ask, _times, state, sorted_strictly=False):
            self._remember(fetched.items)
            walked = before if "token" in fetched.state else today.isoformat()
            said, self._warnings = tuple(self._warnings), []
            yield Fetched(fetched.items, {**fetched.state, "first": self._first, "walked": walked}, said)

    def _ask(self, token: str, floor: dt.datetime) -> tuple[list[Any], str]:
        # Never translationLanguage: without it `text` is what the customer wrote.
        params = {"maxResults": self._source.per_page} | ({"token": token} if token else {})
        body = self._http.get(f"/androidpublisher/v3/applications/{self._source.package}/reviews", params)
        reviews, following = objects(body, "reviews"), text_of(within(body, "tokenPagination", "nextPageToken"))
        if not following and len(reviews) >= self._source.per_page and _is_after(reviews[-1], floor):
            # Seen with some apps: paging stops early, and nothing says so.
            self._warnings.append(
                "Google gave a full page of reviews and no page after it: older ones may be missing. "
                "The monthly CSV of the Play Console has them all."
            )
        return reviews, following

    def _warn_of_pause(self, before: dt.date, today: dt.date) -> None:
        if (today - before).days > self._source.visible_days:
            self._warnings.append(
                f"Google shows the reviews of about {self._source.visible_days} days; older ones since {before} can't "
                "be pulled. The monthly CSV of the Play Console has them."
            )

    def _remember(self, reviews: Iterable[Any]) -> None:
        """Note when reviews were first seen, of the newest ones."""
        seen: dict[str, int] = {}
        for review in reviews:
            with contextlib.suppress(Unreadable):
                seen[_key(review)] = _micros(_written(review))
        first = {**seen, **self._first}
        self._first = dict(sorted(first.items(), key=lambda one: (one[1], one[0]))[-_REMEMBERED:])

    def id_of(self, item: Any) -> str | None:
        return text_of(within(item, "reviewId")) or None

    def records(self, item: Any) -> Iterable[Feedback]:
        review, said = text_of(need(item, "reviewId")), _written(item)
        stars = score(said.get("starRating"), Scale.STARS)
        # Where a language was asked for, originalText has what was written.
        text = _sentences(text_of(said.get("originalText")) or text_of(said.get("text")))
        if not text and stars is None:
            return
        changed, author = _micros(said), text_of(item.get("authorName"))
        device = said.get("deviceMetadata") or {}
        yield Feedback(
            source=self._source.name,
            source_record_id=review,
            channel=self._source.channel,
            text=text,
            created_at=_moment(min(changed, self._first.get(_key(item), changed))),
            updated_at=_moment(changed),
            language=(text_of(said.get("reviewerLanguage")) or None) if self._source.device_language else None,
            customer_ref=author if author and author != self._source.nameless else None,
            score=stars,
            hints={Hint.PRODUCT: self._source.package},
            timing=Timing(first_reply_at=_replied(item)),
            # Votes are left out: they change without the review being sent again.
            attributes=attributes(
                via="app_store_google",
                version=said.get("appVersionName"),
                version_code=said.get("appVersionCode"),
                android=said.get("androidOsVersion"),
                device=within(device, "productName") or said.get("device"),
                manufacturer=within(device, "manufacturer"),
                device_class=within(device, "deviceClass"),
            ),
        )


def _comments(review: Any, kind: str) -> list[Any]:
    """Return a review's comments of a kind, oldest first: the API promises no order."""
    found = [said for comment in objects(review, "comments") if (said := within(comment, kind)) is not None]
    return sorted(found, key=_micros)


def _written(review: Any) -> Any:
    """Return what the customer said last."""
    said = _comments(review, "userComment")
    if not said:
        raise Unreadable(Reason.UNEXPECTED_SHAPE, "the review has no 'userComment'")
    return said[-1]


def _replied(review: Any) -> dt.datetime | None:
    replies = _comments(review, "developerComment")
    return _moment(_micros(replies[0])) if replies else None


def _times(review: Any) -> tuple[dt.datetime, dt.datetime]:
    written = _micros(_written(review))
    return _moment(written), _moment(max([written, *map(_micros, _comments(review, "developerComment"))]))


def _is_after(review: Any, floor: dt.datetime) -> bool:
    try:
        return _times(review)[1] >= floor
    except Unreadable:
        return True


def _micros(comment: Any) -> int:
    """Return microseconds since 1970 of {"lastModified": {"seconds": "1772600000", "nanos": 442000000}}."""
    stamp = within(comment, "lastModified")
    try:
        return int(within(stamp, "seconds")) * _MICRO + int(within(stamp, "nanos") or 0) // 1000
    except (TypeError, ValueError):
        raise Unreadable(Reason.UNREADABLE_DATE, f"'lastModified' is not a time: {str(stamp)[:60]}") from None


def _moment(micros: int) -> dt.datetime:
    return needed(unix(micros, per_second=_MICRO), "lastModified")


def _key(review: Any) -> str:
    return hashlib.sha256(text_of(need(review, "reviewId")).encode()).hexdigest()[:12]


def _sentences(text: str) -> str:
    r"""Return title and body, which a tab joins, as sentences.

    >>> _sentences("Crashes\tEvery time"), _sentences("Why?\tNo idea")
    ('Crashes. Every time', 'Why? No idea')
    """
    title, _, body = (part.strip() for part in text.partition("\t"))
    if not title or not body:
        return title or body
    return f"{title}{'' if title[-1] in '.!?…' else '.'} {body}".replace("\t", " ")
