"""Zendesk as its contract describes it: cursor export with the last minute left out, conversations, ratings."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .serving import Fake

CUSTOMER, AGENT = 9001, 77


def iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class FakeZendesk(Fake):
    type = "zendesk"
    environment = {"CXNLP_ZENDESK_EMAIL": "night@acme.example", "CXNLP_ZENDESK_TOKEN": "zd-secret-token-1"}
    secrets = ("zd-secret-token-1",)
    options = {"subdomain": "acme", "start": "2026-01-01", "per_page": 10, "exports_per_minute": 1_000_000}
    channel = "ticket"

    def __init__(self) -> None:
        super().__init__()
        self.tickets: dict[int, dict[str, Any]] = {}
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.ratings: list[dict[str, Any]] = []
        self.people: dict[int, dict[str, Any]] = {
            CUSTOMER: {"id": CUSTOMER, "role": "end-user", "locale": "en-GB"},
            AGENT: {"id": AGENT, "role": "agent", "locale": "en-US"},
        }
        self.closed: dict[int, int] = {}  # tickets whose conversation is refused, with the status

    # What tests do

    def add(self, text: str, *, author: int = CUSTOMER, **fields: Any) -> int:
        """Add a ticket of a customer, who opened it unless told otherwise; return its number."""
        number, now = 40_000 + len(self.tickets), self.tick()
        self.tickets[number] = {
            "id": number,
            "status": "open",
            "subject": "Help",
            "description": text,
            "created_at": iso(now),
            "updated_at": iso(now),
            "generated_timestamp": int(now.timestamp()),
            "requester_id": CUSTOMER,
            "submitter_id": author,
            "assignee_id": AGENT,
            "group_id": 360001,
            "brand_id": 11,
            "tags": ["billing"],
            "via": {"channel": "email"},
            "satisfaction_rating": {"score": "unoffered"},
            "metric_set": {
                "reopens": 1,
                "replies": 2,
                "solved_at": None,
                "reply_time_in_minutes": {"calendar": 95, "business": 35},
            },
        } | fields
        self.comments[number] = []
        self.say(number, text, author=author)
        return number

    def say(self, number: int, text: str, *, author: int = CUSTOMER, public: bool = True, **fields: Any) -> int:
        """Add a comment to a ticket; return its id."""
        ident = number * 100 + len(self.comments[number])
        comment = {"id": ident, "type": "Comment", "author_id": author, "public": public, "body": text}
        self.comments[number].append(comment | {"plain_body": text, "created_at": iso(self.now)} | fields)
        self._touch(number)
        return ident

    def edit(self, number: int, text: str) -> None:
        """Change what the customer wrote."""
        self.tick()
        self.comments[number][0] |= {"body": text, "plain_body": text}
        self._touch(number)

    def delete(self, number: int) -> None:
        """Delete a ticket."""
        self.tick()
        self.tickets[number]["status"] = "deleted"
        self.comments[number] = []
        self._touch(number)

    def spoil(self, number: int) -> None:
        """Make a ticket break the contract."""
        self.tickets[number]["created_at"] = {"date": "yesterday"}

    def rate(self, number: int, score: str, comment: str) -> int:
        """Rate a ticket, by a new rating even where it has one; return its id."""
        now = iso(self.tick())
        rating = {"id": 500 + len(self.ratings), "ticket_id": number, "requester_id": CUSTOMER, "group_id": 360001}
        self.ratings.append(rating | {"score": score, "comment": comment, "created_at": now, "updated_at": now})
        self.tickets[number]["satisfaction_rating"] = {"score": score, "comment": comment}
        self._touch(number)
        return 499 + len(self.ratings)

    def _touch(self, number: int) -> None:
        self.tickets[number] |= {"updated_at": iso(self.now), "generated_timestamp": int(self.now.timestamp())}

    def expected(self) -> dict[str, str]:
        """Return the text of each record that a whole pull must give, by id."""
        said = {
            f"{number}:{comment['id'] if at else 'first'}": comment["body"]
            for number, talk in self.comments.items()
            for at, comment in enumerate(talk)
            if comment["public"] and comment["author_id"] == CUSTOMER
        }
        return said | {f"rating:{one['id']}": one["comment"] for one in self.ratings if one["comment"]}

    # What the vendor does

    def authorised(self, request: Request) -> bool:
        given = base64.b64encode(b"night@acme.example/token:" + self.secrets[0].encode()).decode()
        return request.headers.get("authorization") == f"Basic {given}"

    def headers(self, request: Request) -> dict[str, str]:
        return {"X-Rate-Limit": "700", "ratelimit-limit": "700", "ratelimit-remaining": "699", "ratelimit-reset": "60"}

    def answer(self, request: Request, body: bytes) -> Any:
        path, asked = request.url.path, request.query_params
        if path == "/api/v2/incremental/tickets/cursor.json":
            return self._export(asked)
        if path.startswith("/api/v2/tickets/") and path.endswith("/comments.json"):
            return self._conversation(int(path.split("/")[4]), request)
        if path == "/api/v2/satisfaction_ratings.json":
            since = int(asked.get("start_time", 0))
            rows = [r for r in self.ratings if dt.datetime.fromisoformat(r["created_at"]).timestamp() > since]
            return self._paged("satisfaction_ratings", rows, request)
        if path == "/api/v2/groups.json":
            return self._paged("groups", [{"id": 360001, "name": "Billing"}], request)
        return Response('{"error":"RecordNotFound","description":"Not found"}', 404)

    def _export(self, asked: Any) -> Any:
        if ("start_time" in asked) == ("cursor" in asked):
            return Response('{"error":"StartTimeMissing"}', 400)
        at, last = map(int, asked["cursor"].split("_")) if "cursor" in asked else (int(asked["start_time"]), -1)
        ready = sorted(
            (ticket["generated_timestamp"], number)
            for number, ticket in self.tickets.items()
            if (ticket["generated_timestamp"], number) > (at, last)
        )
        page = ready[: int(asked.get("per_page", 1000))]
        after = page[-1] if page else (at, last)
        return {
            "tickets": [self._shown(self.tickets[number], asked) for _, number in page],
            "users": self._known({self.tickets[number]["requester_id"] for _, number in page}),
            "after_cursor": "7_7" if self.stuck else f"{after[0]}_{after[1]}",
            "after_url": "https://acme.example/more",  # not a stop signal: it is there on the last page too
            "end_of_stream": len(page) == len(ready) and not self.stuck,
        }

    def _shown(self, ticket: dict[str, Any], asked: Any) -> dict[str, Any]:
        included = asked.get("include", "").split(",")
        return {key: value for key, value in ticket.items() if key != "metric_set" or "metric_sets" in included}

    def _conversation(self, number: int, request: Request) -> Any:
        if number not in self.tickets or self.tickets[number]["status"] == "deleted":
            return Response("", 404)
        if number in self.closed:
            return Response("<html>no</html>", self.closed[number])
        page = self._paged("comments", self.comments[number], request)
        return page | {"users": self._known({one["author_id"] for one in page["comments"]})}

    def _known(self, people: set[int]) -> list[dict[str, Any]]:
        return [self.people[one] for one in sorted(people) if one in self.people]

    def _paged(self, name: str, rows: list[dict[str, Any]], request: Request) -> dict[str, Any]:
        size = int(request.query_params.get("page[size]", 100))
        at = int(request.query_params.get("page[after]", 0))
        more = at + size < len(rows)
        following = request.url.include_query_params(**{"page[after]": at + size, "page[size]": size})
        return {
            name: rows[at : at + size],
            "meta": {"has_more": more, "after_cursor": str(at + size)},
            "links": {"next": str(following) if more else None},
        }
