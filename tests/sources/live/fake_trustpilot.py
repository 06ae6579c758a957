"""Trustpilot as its contract describes it: OAuth by key and secret, numbered pages, edits that can't be asked for."""

from __future__ import annotations

import base64
import copy
import datetime as dt
import urllib.parse
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from .serving import Fake

UNIT = "46d6a890ffa235a75b00021d"
PRIVATE = ("referralEmail", "referenceId", "location", "tags", "source", "reportData")


def iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class FakeTrustpilot(Fake):
    type = "trustpilot"
    environment: ClassVar = {"CXNLP_TRUSTPILOT_KEY": "tp-key-1", "CXNLP_TRUSTPILOT_SECRET": "tp-secret-1"}
    secrets = ("tp-key-1", "tp-secret-1", "tp-token-1")
    options: ClassVar = {
        "business_units": ["acme.example"],
        "start": "2026-01-01",
        "per_page": 10,
        "requests_per_minute": 1_000_000,
    }
    channel = "review"
    edits = False  # an edit moves nothing that can be asked for
    deletes = False

    def __init__(self) -> None:
        super().__init__()
        self.reviews: list[dict[str, Any]] = []
        self.units = {"acme.example": UNIT}
        self.user: tuple[str, str] | None = None  # the password grant is asked for
        self.tokens: list[str] = []  # those that were given; only the last one is taken
        self.expired = False

    # What tests do

    def add(self, text: str, *, at: dt.datetime | None = None, unit: str = UNIT, **more: Any) -> str:
        """Add a review; return its id."""
        now = at or self.tick(minutes=20)
        number = f"{0x65F0AA11BB22CC33DD440000 + len(self.reviews):x}"
        self.reviews.append(
            {
                "id": number,
                "consumer": {"id": "507f", "displayName": "Lea", "displayLocation": "Aarhus, DK", "numberOfReviews": 3},
                "businessUnit": {"id": unit, "identifyingName": "acme.example", "displayName": "Acme"},
                "location": {"id": "loc-1", "name": "Aarhus", "urlFormattedName": "aarhus", "externalId": "ST-17"},
                "stars": 2,
                "title": None,
                "text": text,
                "language": "en",
                "createdAt": iso(now),
                "updatedAt": None,
                "experiencedAt": iso(now - dt.timedelta(days=3)),
                "referralEmail": "lea@example.org",
                "referenceId": "ORDER-99",
                "source": "InvitationApi",
                "companyReply": None,
                "isVerified": True,
                "numberOfLikes": 0,
                "status": "active",
                "tags": [],
                "complianceLabels": [],
                "countsTowardsTrustScore": True,
                "reportData": None,
                "_at": now,
            }
            | more
        )
        return number

    def edit(self, number: str, text: str) -> None:
        """Change what the customer wrote."""
        self.found(number).update(text=text, updatedAt=iso(self.tick()))

    def remove(self, number: str) -> None:
        """Take a review off the listing."""
        self.reviews.remove(self.found(number))

    def spoil(self, number: str) -> None:
        """Break the contract in one review."""
        self.found(number)["createdAt"] = "last week"

    def found(self, number: str) -> dict[str, Any]:
        """Return a review."""
        return next(one for one in self.reviews if one["id"] == number)

    def expected(self) -> dict[str, str]:
        """Return the text of each record that a whole pull must give, by id."""
        return {one["id"]: one["text"] for one in self.reviews}

    # What the vendor does

    def authorised(self, request: Request) -> bool:
        path = request.url.path
        if path.startswith("/v1/oauth/"):
            login = base64.b64encode(f"{self.secrets[0]}:{self.secrets[1]}".encode()).decode()
            return request.headers.get("authorization") == f"Basic {login}"
        if path.startswith("/v1/private/"):
            bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
            return not self.expired and bool(self.tokens) and bearer == self.tokens[-1]
        return request.headers.get("apikey") == self.secrets[0]

    def answer(self, request: Request, body: bytes) -> Any:
        path, asked = request.url.path, request.query_params
        if path == "/v1/oauth/oauth-business-users-for-applications/accesstoken" and request.method == "POST":
            return self._token(request, body)
        if path == "/v1/business-units/find":
            known = self.units.get(asked.get("name", ""))
            return {"id": known, "name": {"identifying": asked["name"]}} if known else Response("", 404)
        parts = path.removeprefix("/v1/").removeprefix("private/").split("/")
        if (
            len(parts) != 3
            or parts[0] != "business-units"
            or parts[1] not in self.units.values()
            or parts[2] != "reviews"
        ):
            return Response('{"message":"Not found"}', 404)
        return self._listed([one for one in self.reviews if one["businessUnit"]["id"] == parts[1]], path, asked)

    def _token(self, request: Request, body: bytes) -> Any:
        form = {key: values[0] for key, values in urllib.parse.parse_qs(body.decode()).items()}
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            return Response("", 415)
        right = {"grant_type": "client_credentials"}
        if self.user:
            right = {"grant_type": "password", "username": self.user[0], "password": self.user[1]}
        if form != right:
            return Response('{"reason":"invalid_grant"}', 400)
        self.tokens.append(f"tp-token-{len(self.tokens) + 1}")
        self.expired = False
        return {"access_token": self.tokens[-1], "expires_in": "359999"}

    def _listed(self, reviews: list[dict[str, Any]], path: str, asked: Any) -> Any:
        private = path.startswith("/v1/private/")
        page, size, order = (
            int(asked.get("page", 1)),
            int(asked.get("perPage", 20)),
            asked.get("orderBy", "createdat.desc"),
        )
        if page < 1 or not 1 <= size <= 100 or order not in ("createdat.asc", "createdat.desc"):
            return Response('{"message":"Bad request"}', 400)
        if "startDateTime" in asked:
            if not private:
                return Response('{"message":"Bad request"}', 400)
            start = dt.datetime.fromisoformat(asked["startDateTime"]).replace(tzinfo=dt.UTC)
            reviews = [one for one in reviews if one["_at"] >= start or self.stuck]
        rows = sorted(reviews, key=lambda one: one["_at"], reverse=order.endswith("desc"))
        at = 0 if self.stuck else (page - 1) * size
        hidden = ("_at",) if private else ("_at", *PRIVATE)
        shown = [{key: value for key, value in one.items() if key not in hidden} for one in rows[at : at + size]]
        return {"links": [], "reviews": copy.deepcopy(shown)}
