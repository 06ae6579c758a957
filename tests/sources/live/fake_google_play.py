"""Google Play as its contract describes it: signed token requests, newest change first, a week in view."""

from __future__ import annotations

import atexit
import base64
import datetime as dt
import functools
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.requests import Request
from starlette.responses import Response

from .serving import Fake

ACCOUNT = "night@acme.iam.gserviceaccount.example"
PACKAGE = "com.acme.maps"
REVIEWS = f"/androidpublisher/v3/applications/{PACKAGE}/reviews"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/androidpublisher"


@functools.cache
def private_key() -> rsa.RSAPrivateKey:
    """The key that all tests share: making one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain).decode()


@functools.cache
def folder() -> Path:
    made = tempfile.mkdtemp(prefix="cxnlp-google-play-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


def error(status: int, word: str) -> Response:
    said = {"error": {"code": status, "message": word.lower(), "status": word, "errors": []}}
    return Response(json.dumps(said), status, media_type="application/json")


class FakeGooglePlay(Fake):
    type = "google_play"
    channel = "review"
    deletes = False  # they are silent

    def __init__(self) -> None:
        self.key_file = folder() / f"{id(self)}.json"
        self.environment = {"CXNLP_GOOGLE_PLAY_KEY_FILE": str(self.key_file)}
        self.secrets = ("ya29.play", *pem(private_key()).splitlines()[1:3])
        self.options = {"package": PACKAGE, "start": "2026-01-01", "per_page": 10, "requests_per_hour": 1_000_000_000}
        super().__init__()
        self.reviews: dict[int, dict[str, Any]] = {}
        self.bearers: set[str] = set()
        self.given = 0
        self.era = 0  # page tokens of another era are refused
        self.most_pages = 1000  # no token after that many pages, though there is more

    @property
    def url(self) -> str:
        return self._url

    @url.setter
    def url(self, url: str) -> None:
        """Write the key file as soon as the address is known."""
        self._url = url
        key = {"type": "service_account", "client_email": ACCOUNT, "private_key_id": "k1", "token_uri": f"{url}/token"}
        self.key_file.write_text(json.dumps(key | {"private_key": pem(private_key())}))

    # What tests do

    def add(self, text: str, **said: Any) -> int:
        """Add a review; return its number."""
        number = len(self.reviews)
        self.tick(minutes=2)
        comment = {
            "text": text,
            "lastModified": self.stamp(),
            "starRating": 2,
            "reviewerLanguage": "en",
            "device": "klte",
            "androidOsVersion": 34,
            "appVersionCode": 210,
            "appVersionName": "2.1.0",
            "thumbsUpCount": 1,
            "thumbsDownCount": 0,
            "deviceMetadata": {"productName": "klte (Galaxy S5)", "manufacturer": "Samsung", "deviceClass": "phone"},
        }
        self.reviews[number] = {
            "reviewId": f"gp:AOqpT{number:05}",
            "authorName": f"Jo B{number}",
            "comments": [{"userComment": comment | said}],
        }
        return number

    def edit(self, number: int, text: str) -> None:
        """Change what the customer wrote."""
        self.tick(minutes=2)
        self.said(number).update(text=text, lastModified=self.stamp())

    def reply(self, number: int, text: str) -> None:
        """Add a reply of the developer."""
        self.tick(minutes=2)
        reply = {"text": text, "lastModified": self.stamp()}
        self.reviews[number]["comments"].append({"developerComment": reply})

    def delete(self, number: int) -> None:
        """Delete a review: nothing tells of it."""
        del self.reviews[number]

    def spoil(self, number: int) -> None:
        """Make a review break the contract."""
        self.said(number)["lastModified"] = {"seconds": "yesterday", "nanos": 0}

    def expire(self) -> None:
        """Let the tokens that were given lapse."""
        self.bearers.clear()

    def said(self, number: int) -> dict[str, Any]:
        return next(said["userComment"] for said in self.reviews[number]["comments"] if "userComment" in said)

    def stamp(self) -> dict[str, Any]:
        return {"seconds": str(int(self.now.timestamp())), "nanos": 442_000_000}

    def expected(self) -> dict[str, str]:
        """Return the text of each record that a whole pull must give, by id."""
        return {review["reviewId"]: self.said(number)["text"] for number, review in self.reviews.items()}

    @property
    def listings(self) -> list[dict[str, str]]:
        """What was asked of the list of reviews."""
        return [dict(request.query_params) for request in self.requests if request.url.path == REVIEWS]

    # What the vendor does

    def authorised(self, request: Request) -> bool:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        return request.url.path == "/token" or (scheme == "Bearer" and bearer in self.bearers)

    def answer(self, request: Request, body: bytes) -> Any:
        if request.url.path == "/token":
            return self._token(request, body)
        if request.method != "GET" or request.url.path != REVIEWS:
            return error(404, "NOT_FOUND")
        asked = request.query_params
        era, at = map(int, asked["token"].split("-")) if "token" in asked else (self.era, 0)
        if era != self.era:
            return error(400, "INVALID_ARGUMENT")
        size = min(int(asked.get("maxResults", 10)), 100)
        rows = self._visible()
        if not rows:
            return {}
        following = {"tokenPagination": {"nextPageToken": f"{self.era}-{0 if self.stuck else at + size}"}}
        more = self.stuck or (at + size < len(rows) and at // size + 1 < self.most_pages)
        return {"reviews": [self._shown(row, asked) for row in rows[at : at + size]]} | (following if more else {})

    def _visible(self) -> list[dict[str, Any]]:
        """Return the reviews of the last week that have words, newest change first."""
        since = (self.now - dt.timedelta(days=7)).timestamp()
        shown = [number for number in self.reviews if self._changed(number) >= since]
        newest = sorted(shown, key=lambda number: (self._changed(number), number), reverse=True)
        return [self.reviews[number] for number in newest]

    def _changed(self, number: int) -> float:
        seconds = self.said(number)["lastModified"]["seconds"]
        return int(seconds) if seconds.isdigit() else self.now.timestamp()

    def _shown(self, review: dict[str, Any], asked: Any) -> dict[str, Any]:
        """Return a review as it is shown: translated where a language is asked for."""
        if "translationLanguage" not in asked:
            return review
        written = next(said["userComment"] for said in review["comments"] if "userComment" in said)
        translated = written | {"text": f"In other words: {written['text']}", "originalText": written["text"]}
        return review | {"comments": [{"userComment": translated}]}

    def _token(self, request: Request, body: bytes) -> Any:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if request.method != "POST" or form.get("grant_type") != GRANT:
            return Response('{"error":"unsupported_grant_type"}', 400)
        if wrong := self._wrong(form.get("assertion", "")):
            return Response(json.dumps({"error": "invalid_grant", "error_description": wrong}), 400)
        self.given += 1
        self.bearers.add(f"ya29.play-{self.given}")
        return {"access_token": f"ya29.play-{self.given}", "expires_in": 3599, "token_type": "Bearer"}

    def _wrong(self, assertion: str) -> str:
        """Return what is wrong with a JSON web token, "" where nothing is."""
        parts = assertion.split(".")
        if len(parts) != 3:
            return "Invalid JWT: it has no three parts."
        head, claims = (json.loads(_decoded(part)) for part in parts[:2])
        signed = f"{parts[0]}.{parts[1]}".encode()
        try:
            private_key().public_key().verify(_decoded(parts[2]), signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return "Invalid JWT Signature."
        expected = {"iss": ACCOUNT, "scope": SCOPE, "aud": "https://oauth2.googleapis.com/token"}
        if head.get("alg") != "RS256" or {name: claims.get(name) for name in expected} != expected:
            return "Invalid JWT: wrong algorithm, issuer, scope or audience."
        now = time.time()
        if not (claims["iat"] <= now + 60 and now < claims["exp"] <= claims["iat"] + 3600):
            return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
        return ""


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
