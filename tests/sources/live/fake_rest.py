"""An API as many are: reviews in the order of their last change, paged in the style that a test wants."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from .serving import Fake

USER = "night"
MOST = 10  # records a page, whatever is asked for


def iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def refused(status: int, why: str) -> Response:
    return Response(json.dumps({"error": why}), status)


class FakeRest(Fake):
    type = "rest"
    environment: ClassVar = {"CXNLP_REST_TOKEN": "rest-secret-token", "CXNLP_REST_USER": USER}
    secrets = ("rest-secret-token",)
    channel = "review"
    options: ClassVar = {
        "url": "https://api.acme.example/v2/reviews?lang=all",
        "start": "2026-01-01",
        "overlap_minutes": 5,  # a record comes every minute: the usual overlap would be most of them
        "headers": {"X-Version": "2"},
        "params": {"status": ["open", "closed"]},
        "records": "data.items",
        "paging": {"style": "cursor", "parameter": "after", "path": "meta.next", "size_parameter": "limit"},
        "incremental": {"parameter": "updated_since"},
        "deleted": "deleted_at",
        "columns": {
            "id": "id",
            "text": {"column": "body.text", "question": {"column": "body.asked"}},
            "date": {"column": "created", "formats": "unix_ms"},
            "updated": {"column": "updated", "formats": "iso"},
            "score": {"column": "rating.value", "scale": "stars"},
            "language": "author.locale",
            "customer": "author.id",
            "location": "shop.name",
            "attributes": ["tags.*.name", "votes"],
        },
    }

    def __init__(self) -> None:
        super().__init__()
        self.reviews: dict[int, dict[str, Any]] = {}
        self.style = "cursor"
        self.shows = "bearer"
        self.by_id = False  # in another order than that of change
        self.more = False  # whether the body says that there is more
        self.expired = False  # whether places in a walk are known no longer
        self.limit_headers: dict[str, str] = {}

    # What tests do

    def add(self, text: str) -> int:
        """Add a review."""
        number, now = 700 + len(self.reviews), self.tick()
        self.reviews[number] = {
            "id": number,
            "author": {"id": "u-9", "locale": "en-GB"},
            "body": {"text": text, "asked": "How was it?"},
            "rating": {"value": 2, "out_of": 5},
            "shop": {"name": "Leeds"},
            "tags": [{"name": "late"}, {"name": "van"}],
            "votes": 3,
            "created": int(now.timestamp() * 1000),
            "updated": iso(now),
            "deleted_at": None,
        }
        return number

    def change(self, number: int, **values: Any) -> None:
        """Change a review."""
        self.reviews[number] |= values | {"updated": iso(self.tick())}

    def edit(self, number: int, text: str) -> None:
        """Change what the customer wrote."""
        self.change(number, body={"text": text, "asked": "How was it?"})

    def delete(self, number: int) -> None:
        """Delete a review."""
        self.change(number, deleted_at=iso(self.now))

    def spoil(self, number: int) -> None:
        """Make a review break the contract."""
        self.reviews[number]["created"] = {"date": "yesterday"}

    def expected(self) -> dict[str, str]:
        """Return the text of each review that a whole pull must give, by id."""
        return {str(n): one["body"]["text"] for n, one in self.reviews.items() if not one["deleted_at"]}

    # What the API does

    def authorised(self, request: Request) -> bool:
        basic = base64.b64encode(f"{USER}:{self.secrets[0]}".encode()).decode()
        name, value = {
            "bearer": ("authorization", f"Bearer {self.secrets[0]}"),
            "basic": ("authorization", f"Basic {basic}"),
            "header": ("x-api-key", self.secrets[0]),
            "scheme": ("authorization", f"Token {self.secrets[0]}"),
        }[self.shows]
        return request.headers.get(name) == value

    def headers(self, request: Request) -> dict[str, str]:
        return self.limit_headers

    def answer(self, request: Request, body: bytes) -> Any:
        asked = request.query_params
        if request.method != "GET" or request.url.path != "/v2/reviews":
            return refused(404, "no such thing")
        if request.headers.get("x-version") != "2" or asked.getlist("status") != ["open", "closed"]:
            return refused(422, "version and status are needed")
        if asked.get("lang") != "all":
            return refused(422, "lang is needed")
        since = asked.get("updated_since", "")
        found = sorted((one for one in self.reviews.values() if one["updated"] >= since), key=self._place)
        size = min(int(asked.get("limit", MOST)), MOST)
        if self.expired and ("after" in asked or "page" in asked):
            return refused(410, "start again")
        return getattr(self, f"_{self.style}")(found, size, request)

    def _place(self, one: dict[str, Any]) -> str:
        return f"{'' if self.by_id else one['updated']}|{one['id']}"

    def _body(self, items: list[dict[str, Any]], *, more: bool, **meta: Any) -> dict[str, Any]:
        said = {"more": more} if self.more else {}
        return {"data": {"items": items}, "meta": said | meta}

    def _none(self, found: list[dict[str, Any]], size: int, request: Request) -> Any:
        return found  # all of it, without anything around it

    def _after(self, found: list[dict[str, Any]], size: int, request: Request) -> tuple[list[dict[str, Any]], str]:
        after = request.query_params.get("after", "")
        rest = [one for one in found if self._place(one) > after]
        return rest[:size], "stuck" if self.stuck else self._place(rest[size - 1]) if len(rest) > size else ""

    def _cursor(self, found: list[dict[str, Any]], size: int, request: Request) -> Any:
        items, after = self._after(found, size, request)
        return self._body(items, more=bool(after), next=after or None)

    def _next(self, found: list[dict[str, Any]], size: int, request: Request) -> Any:
        items, after = self._after(found, size, request)
        query = request.url.include_query_params(after=after).query
        return self._body(items, more=bool(after), next=f"/v2/reviews?{query}" if after else "")

    def _link(self, found: list[dict[str, Any]], size: int, request: Request) -> Any:
        items, after = self._after(found, size, request)
        links = [f'<{request.url.include_query_params(after="")}>; rel="first"; title="a"']
        links += [f'<{request.url.include_query_params(after=after)}>; rel="next"'] if after else []
        said = json.dumps(self._body(items, more=bool(after)))
        return Response(said, headers={"Link": ", ".join(links)}, media_type="application/json")

    def _page(self, found: list[dict[str, Any]], size: int, request: Request) -> Any:
        at = (int(request.query_params["page"]) - 1) * size
        return self._body(found[at : at + size], more=at + size < len(found))

    def _offset(self, found: list[dict[str, Any]], size: int, request: Request) -> Any:
        at = int(request.query_params["offset"])
        return self._body(found[at : at + size], more=at + size < len(found))
