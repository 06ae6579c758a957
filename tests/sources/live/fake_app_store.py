"""App Store Connect as its contract describes it: newest first, opaque links to the next page, tokens signed ES256."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import itertools
import json
import os
import tempfile
import weakref
from collections.abc import Callable
from typing import Any, ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.requests import Request
from starlette.responses import Response

from .serving import Fake

APP, VERSION, KEY_ID, ISSUER = "1234567890", "v-77", "KEY1234567", "57246542-96fe-1a63-e053-0824d011072a"
PACIFIC = dt.timezone(dt.timedelta(hours=-8))
FIELDS = {
    "customerReviews": {"rating", "title", "body", "reviewerNickname", "createdDate", "territory", "response"},
    "customerReviewResponses": {"responseBody", "lastModifiedDate", "state", "review"},
}
PARAMETERS = {
    "sort",
    "limit",
    "include",
    "filter[rating]",
    "filter[territory]",
    "exists[publishedResponse]",
    *(f"fields[{kind}]" for kind in FIELDS),
}
KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def pacific(moment: dt.datetime) -> str:
    """Return a time as Apple writes it: with the offset of California."""
    return moment.astimezone(PACIFIC).isoformat(timespec="seconds")


def error(status: int, code: str, detail: str) -> Response:
    one = {"id": "e-1", "status": str(status), "code": code, "title": code, "detail": detail}
    return Response(json.dumps({"errors": [one]}), status, media_type="application/json")


class FakeAppStore(Fake):
    type = "app_store"
    options: ClassVar[dict[str, Any]] = {"app_id": APP, "start": "2026-01-01", "per_page": 10, "overlap_minutes": 5}
    channel = "review"
    deletes = False

    def __init__(self) -> None:
        super().__init__()
        handle, path = tempfile.mkstemp(suffix=".p8")
        with os.fdopen(handle, "wb") as file:
            file.write(PEM)
        weakref.finalize(self, os.unlink, path)
        self.environment = {
            "CXNLP_APP_STORE_KEY_ID": KEY_ID,
            "CXNLP_APP_STORE_ISSUER_ID": ISSUER,
            "CXNLP_APP_STORE_PRIVATE_KEY_FILE": path,
        }
        self.numbers = itertools.count()
        self.reviews: dict[int, dict[str, Any]] = {}
        self.answers: dict[int, dict[str, Any]] = {}
        self.edits_move_dates = True  # what Apple does is unconfirmed
        self.hour_left = 3400
        self.wall: Callable[[], dt.datetime] | None = None  # the time by which tokens expire
        self.tokens: list[str] = []
        self.individual = False
        self.links: dict[str, tuple[str, tuple[str, int], dict[str, str]]] = {}

    @property
    def secrets(self) -> tuple[str, ...]:  # type: ignore[override]
        return (*PEM.decode().splitlines()[1:-1], *self.tokens)

    # What tests do

    def add(self, text: str, *, title: str = "Hm", rating: int = 3, territory: str = "GBR") -> int:
        """Add a review; return its number."""
        number = next(self.numbers)
        self.reviews[number] = {
            "rating": rating,
            "title": title,
            "body": text,
            "reviewerNickname": "mapfan",
            "createdDate": pacific(self.tick()),
            "territory": territory,
        }
        return number

    def edit(self, number: int, text: str) -> None:
        """Change what the customer wrote."""
        self.tick()
        self.reviews[number]["body"] = text
        if self.edits_move_dates:
            self.reviews[number]["createdDate"] = pacific(self.now)

    def delete(self, number: int) -> None:
        """Delete a review: it vanishes."""
        del self.reviews[number]

    def reply(self, number: int, text: str, state: str = "PUBLISHED") -> None:
        """Answer a review, or change the answer."""
        self.answers[number] = {"responseBody": text, "lastModifiedDate": pacific(self.tick()), "state": state}

    def spoil(self, number: int) -> None:
        """Make a review break the contract."""
        self.reviews[number]["createdDate"] = {"date": "yesterday"}

    def forget_links(self) -> None:
        """Let all links to next pages expire."""
        self.links.clear()

    def id(self, number: int) -> str:
        return f"00000039-1111-2222-3333-{number:012}"

    def expected(self) -> dict[str, str]:
        """Return the text of each record that a whole pull must give, by id."""
        return {self.id(number): f"{one['title']}. {one['body']}" for number, one in self.reviews.items()}

    # What the vendor does

    def authorised(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        self.tokens.append(token)
        return scheme == "Bearer" and self._accepts(token)

    def _accepts(self, token: str) -> bool:
        try:
            signed, _, last = token.rpartition(".")
            header, payload = (json.loads(_decoded(part)) for part in signed.split("."))
            signature = _decoded(last)
            if len(signature) != 64:  # DER is longer
                return False
            numbers = (int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
            KEY.public_key().verify(encode_dss_signature(*numbers), signed.encode(), ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError, binascii.Error):
            return False
        who = payload.get("sub") == "user" and "iss" not in payload if self.individual else payload.get("iss") == ISSUER
        now = self.wall().timestamp() if self.wall else payload["iat"]
        return (
            header == {"alg": "ES256", "kid": KEY_ID, "typ": "JWT"}
            and who
            and payload["aud"] == "appstoreconnect-v1"
            and 0 < payload["exp"] - payload["iat"] <= 20 * 60
            and payload["iat"] <= now < payload["exp"]
        )

    def headers(self, request: Request) -> dict[str, str]:
        return {"X-Rate-Limit": f"user-hour-lim:3500;user-hour-rem:{self.hour_left};"}

    def answer(self, request: Request, body: bytes) -> Any:
        path, asked = request.url.path, dict(request.query_params)
        if path not in (f"/v1/apps/{APP}/customerReviews", f"/v1/appStoreVersions/{VERSION}/customerReviews"):
            return error(404, "NOT_FOUND", "The specified resource does not exist")
        if "cursor" in asked:
            where = self.links.get(request.url.query)
            if where is None or where[0] != path:  # a client that builds its own
                return error(400, "PARAMETER_ERROR.INVALID", "The cursor is not valid")
            return self._page(path, where[2], where[1])
        if wrong := sorted(set(asked) - PARAMETERS):
            return error(400, "PARAMETER_ERROR.ILLEGAL", f"The parameter '{wrong[0]}' can not be used")
        if not 1 <= int(asked.get("limit", 20)) <= 200:
            return error(400, "PARAMETER_ERROR.INVALID", "limit")
        if asked.get("sort") not in (None, "rating", "-rating", "createdDate", "-createdDate"):
            return error(400, "PARAMETER_ERROR.INVALID", "sort")
        for kind, known in FIELDS.items():
            if set(asked.get(f"fields[{kind}]", "").split(",")) - known - {""}:
                return error(400, "PARAMETER_ERROR.INVALID", f"fields[{kind}]")
        return self._page(path, asked, None)

    def _page(self, path: str, asked: dict[str, str], after: tuple[str, int] | None) -> Any:
        if asked.get("sort") != "-createdDate":
            return error(400, "TEST", "this stand-in only knows newest first")
        limit = int(asked.get("limit", 20))
        territories = asked.get("filter[territory]", "")
        rows = sorted(
            ((_instant(one["createdDate"]), number) for number, one in self.reviews.items()
             if not territories or one["territory"] in territories.split(",")),
            reverse=True,
        )  # fmt: skip
        rest = [row for row in rows if after is None or row < after]
        page = rest[:limit]
        links = {"self": f"{self.url}{path}"}
        if len(rest) > limit or self.stuck:
            at = page[-1] if page else ("", -1)
            cursor = "AAA" if self.stuck else base64.urlsafe_b64encode(repr(at).encode()).decode().rstrip("=")
            query = f"cursor={cursor}&limit={limit}&sort=-createdDate"
            self.links[query] = (path, ("9999", 0) if self.stuck else at, asked)
            links["next"] = f"{self.url}{path}?{query}"
        found: dict[str, Any] = {
            "data": [self._shown(number, asked) for _, number in page],
            "links": links,
            "meta": {"paging": {"total": len(rows), "limit": limit}},
        }
        answers = [
            {"type": "customerReviewResponses", "id": f"r-{number}", "attributes": self.answers[number]}
            for _, number in page
            if number in self.answers
        ]
        if answers and asked.get("include") == "response":
            found["included"] = answers
        return found

    def _shown(self, number: int, asked: dict[str, str]) -> dict[str, Any]:
        fields = asked.get("fields[customerReviews]", ",".join(FIELDS["customerReviews"])).split(",")
        shown: dict[str, Any] = {
            "type": "customerReviews",
            "id": self.id(number),
            "attributes": {name: value for name, value in self.reviews[number].items() if name in fields},
            "links": {"self": f"{self.url}/v1/customerReviews/{self.id(number)}"},
        }
        if number in self.answers and "response" in fields:
            data = {"type": "customerReviewResponses", "id": f"r-{number}"}
            shown["relationships"] = {"response": {"data": data}}
        return shown


def _instant(said: Any) -> str:
    """Return a time to sort by; one that a test has spoiled is the vendor's, wherever it stands."""
    if not isinstance(said, str):
        return "2026-03-01T00:00"
    read = dt.datetime.fromisoformat(said)
    return (read if read.tzinfo else read.replace(tzinfo=PACIFIC)).astimezone(dt.UTC).isoformat()


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
