"""Google Business Profile as its contract describes it: newest change first, a list a place, silent deletions."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from .serving import Fake

LIST = re.compile(r"/v4/accounts/111/locations/(\w+)/reviews")
ORDERS = ("rating", "rating desc", "updateTime desc")


def error(status: int, word: str) -> Response:
    said = {"error": {"code": status, "message": word.lower(), "status": word, "details": []}}
    return Response(json.dumps(said), status, media_type="application/json")


class FakeGoogleBusiness(Fake):
    type = "google_business"
    channel = "review"
    environment = {
        "CXNLP_GOOGLE_BUSINESS_CLIENT_ID": "cxnlp.apps.example",
        "CXNLP_GOOGLE_BUSINESS_CLIENT_SECRET": "GOCSPX-business-secret",
        "CXNLP_GOOGLE_BUSINESS_REFRESH_TOKEN": "1//business-refresh",
    }
    secrets = ("GOCSPX-business-secret", "1//business-refresh", "ya29.business")
    deletes = False  # they are silent

    def __init__(self) -> None:
        super().__init__()
        self.reviews: list[dict[str, Any]] = []
        self.places = {"222": ("Acme", "BER-1"), "333": ("Acme", "")}
        self.unverified: dict[str, int] = {}  # places whose reviews are refused, and with which status
        self.bearers: set[str] = set()
        self.given = 0
        self.era = 0  # page tokens of another era are refused
        self.listed_at_once = 100
        self.overlap = {"overlap_minutes": 10}

    @property
    def options(self) -> dict[str, Any]:
        return {
            "account": "111",
            "locations": {"222": "Berlin Mitte", "333": ""},
            "start": "2026-01-01",
            "per_page": 10,
            "requests_per_minute": 1_000_000_000,
            "base_url": f"{self.url}/v4",
            "information_url": f"{self.url}/information/v1",
            "token_url": f"{self.url}/token",
            **self.overlap,
        }

    # What tests do

    def add(self, text: str, *, place: str = "222", **said: Any) -> int:
        """Add a review of a place; return its number."""
        number, now = len(self.reviews), self.tick(minutes=2)
        ident = f"AbFvOq{sum(one['_place'] == place for one in self.reviews):05}"  # unique within the place only
        review = {
            "_place": place,
            "name": f"accounts/111/locations/{place}/reviews/{ident}",
            "reviewId": ident,
            "reviewer": {"displayName": f"Mia {number}", "isAnonymous": False},
            "starRating": "TWO",
            "createTime": iso(now),
            "updateTime": iso(now),
        }
        self.reviews.append(review | ({"comment": text} if text else {}) | said)
        return number

    def edit(self, number: int, text: str) -> None:
        """Change what the customer wrote."""
        self.reviews[number] |= {"comment": text, "updateTime": iso(self.tick(minutes=2))}

    def reply(self, number: int, text: str) -> None:
        """Add the owner's reply, or change it."""
        self.reviews[number]["reviewReply"] = {"comment": text, "updateTime": iso(self.tick(minutes=2))}

    def delete(self, number: int) -> None:
        """Delete a review: nothing tells of it."""
        del self.reviews[number]

    def spoil(self, number: int) -> None:
        """Make a review break the contract."""
        self.reviews[number]["createTime"] = {"date": "yesterday"}

    def expire(self) -> None:
        """Let the tokens that were given lapse."""
        self.bearers.clear()

    def expected(self) -> dict[str, str]:
        """Return the text of each record that a whole pull must give, by id."""
        return {f"{one['_place']}:{one['reviewId']}": one.get("comment", "") for one in self.reviews}

    @property
    def listings(self) -> list[str]:
        """The places whose reviews were asked for, in order."""
        return [found[1] for request in self.requests if (found := LIST.fullmatch(request.url.path))]

    # What the vendor does

    def authorised(self, request: Request) -> bool:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        return request.url.path == "/token" or (scheme == "Bearer" and bearer in self.bearers)

    def answer(self, request: Request, body: bytes) -> Any:
        if request.url.path == "/token":
            return self._token(body)
        if request.url.path == "/information/v1/accounts/111/locations":
            return self._locations(request.query_params)
        found = LIST.fullmatch(request.url.path)
        if request.method != "GET" or not found or found[1] not in self.places:
            return error(404, "NOT_FOUND")
        if found[1] in self.unverified:
            return error(self.unverified[found[1]], "FAILED_PRECONDITION")
        return self._reviews(found[1], request.query_params)

    def _reviews(self, place: str, asked: Any) -> Any:
        size, order = int(asked.get("pageSize", 50)), asked.get("orderBy", "updateTime desc")
        era, at = map(int, asked["pageToken"].split("-")) if "pageToken" in asked else (self.era, 0)
        if not 1 <= size <= 50 or order not in ORDERS or era != self.era:
            return error(400, "INVALID_ARGUMENT")
        rows = [one for one in self.reviews if one["_place"] == place]
        rows.sort(key=lambda one: one["updateTime"] if order == "updateTime desc" else one["starRating"], reverse=True)
        if not rows:
            return {}
        shown = [{key: value for key, value in one.items() if key != "_place"} for one in rows[at : at + size]]
        more = self.stuck or at + size < len(rows)
        following = {"nextPageToken": f"{self.era}-{0 if self.stuck else at + size}"} if more else {}
        return {"reviews": shown, "averageRating": 2, "totalReviewCount": len(rows)} | following

    def _locations(self, asked: Any) -> Any:
        if "readMask" not in asked:
            return error(400, "INVALID_ARGUMENT")
        at, size = int(asked.get("pageToken", 0)), min(int(asked.get("pageSize", 10)), self.listed_at_once)
        wanted = asked["readMask"].split(",")
        places: list[dict[str, str]] = [
            {"name": f"locations/{ident}", "title": title, "storeCode": code}
            for ident, (title, code) in self.places.items()
        ]
        rows = [{key: place[key] for key in wanted if place[key]} for place in places[at : at + size]]
        more = at + size < len(places)
        return ({"locations": rows} if rows else {}) | ({"nextPageToken": str(at + size)} if more else {})

    def _token(self, body: bytes) -> Any:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        ident, secret, refresh = self.environment.values()
        if (form.get("client_id"), form.get("client_secret")) != (ident, secret):
            return Response('{"error":"invalid_client","error_description":"Unauthorized"}', 401)
        if (form.get("grant_type"), form.get("refresh_token")) != ("refresh_token", refresh):
            said = {"error": "invalid_grant", "error_description": f"{refresh} has been expired or revoked."}
            return Response(json.dumps(said), 400)
        self.given += 1
        self.bearers.add(f"ya29.business-{self.given}")
        return {"access_token": f"ya29.business-{self.given}", "expires_in": 3599, "token_type": "Bearer"}


def iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.123456Z")
