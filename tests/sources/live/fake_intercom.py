"""Intercom as its contract describes it: search in a window by tokens, conversations with their newest 500 parts."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from .serving import Fake

CUSTOMER, ADMIN, TEAM = "6762f14a", 991267715, 5017691


def unix(moment: dt.datetime) -> int:
    return int(moment.timestamp())


def error(status: int, code: str) -> Response:
    body = {"type": "error.list", "request_id": "a77d", "errors": [{"code": code, "message": "no"}]}
    return Response(json.dumps(body), status, media_type="application/json")


class FakeIntercom(Fake):
    type = "intercom"
    environment: ClassVar[dict[str, str]] = {"CXNLP_INTERCOM_TOKEN": "ic-secret-token-1"}
    secrets = ("ic-secret-token-1",)
    options: ClassVar[dict[str, Any]] = {"start": "2026-01-01", "per_page": 10}
    channel = "ticket"
    deletes = False  # a deleted conversation vanishes silently

    def __init__(self) -> None:
        super().__init__()
        self.conversations: dict[int, dict[str, Any]] = {}
        self.index: dict[int, int] = {}  # the search's: conversation to updated_at
        self.contacts: dict[str, dict[str, Any]] = {CUSTOMER: {"type": "contact", "id": CUSTOMER}}
        self.teams = [{"type": "team", "id": str(TEAM), "name": "Mobile", "admin_ids": [ADMIN]}]
        self.inclusive = False  # whether ">" and "<" mean "or equal"
        self.expired = False  # whether tokens of before are refused
        self.left = 166
        self.reset = 0.0  # Unix seconds

    # What tests do

    def add(self, text: str, **fields: Any) -> int:
        """Add a conversation that a customer began; return its number."""
        number, now = 500 + len(self.conversations), unix(self.tick(minutes=3))
        self.conversations[number] = {
            "type": "conversation",
            "id": str(number),
            "title": None,
            "created_at": now,
            "updated_at": now,
            "open": True,
            "state": "open",
            "priority": "not_priority",
            "admin_assignee_id": None,
            "team_assignee_id": TEAM,
            "source": {
                "type": "conversation",
                "id": f"40{number}",
                "delivered_as": "customer_initiated",
                "subject": "",
                "body": text,
                "author": {"type": "user", "id": CUSTOMER, "name": "Ana", "email": "ana@example.org"},
                "attachments": [],
                "redacted": False,
            },
            "contacts": {
                "type": "contact.list",
                "contacts": [{"type": "contact", "id": CUSTOMER, "external_id": "70"}],
            },
            "tags": {"type": "tag.list", "tags": []},
            "conversation_rating": None,
            "statistics": None,
            "custom_attributes": {},
            "ai_agent_participated": False,
            "ai_agent": None,
            "_parts": [],
        } | fields
        self.index[number] = now
        return number

    def say(self, number: int, body: str | None, **fields: Any) -> int:
        """Add a part, a customer's comment unless told otherwise; return its id."""
        now, parts = unix(self.tick()), self.conversations[number]["_parts"]
        ident = number * 1000 + len(parts)  # an integer here, though the schema says string
        author = {"type": fields.pop("by", "user"), "id": CUSTOMER}
        part = {"type": "conversation_part", "id": ident, "part_type": "comment", "body": body, "author": author}
        parts.append(part | {"created_at": now, "updated_at": now, "redacted": False} | fields)
        self.touch(number)
        return ident

    def edit(self, number: int, text: str) -> None:
        """Change what the customer wrote."""
        self.tick()
        self.conversations[number]["source"]["body"] = text
        self.touch(number)

    def delete(self, number: int) -> None:
        """Delete a conversation: it is gone, and soon from the search too."""
        del self.conversations[number], self.index[number]

    def spoil(self, number: int) -> None:
        """Make a conversation break the contract."""
        self.conversations[number]["created_at"] = {"date": "yesterday"}

    def rate(self, number: int, stars: int | None, remark: str | None, **fields: Any) -> None:
        """Rate a conversation; it was asked for an hour before."""
        now = unix(self.tick())
        rating = {"rating": stars, "remark": remark, "created_at": now - 3600, "updated_at": now}
        who = {"contact": {"type": "contact", "id": CUSTOMER}, "teammate": {"type": "admin", "id": ADMIN}}
        self.conversations[number]["conversation_rating"] = rating | who | fields
        self.touch(number)

    def touch(self, number: int) -> None:
        """Note that a conversation changed."""
        self.conversations[number]["updated_at"] = self.index[number] = unix(self.now)

    def expected(self) -> dict[str, str]:
        """Return the text of each record that a whole pull must give, by id."""
        return {f"{number}:first": one["source"]["body"] for number, one in self.conversations.items()}

    # What the vendor does

    def authorised(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self.secrets[0]}"

    def headers(self, request: Request) -> dict[str, str]:
        reset = str(int(self.reset))
        return {"X-RateLimit-Limit": "166", "X-RateLimit-Remaining": str(self.left), "X-RateLimit-Reset": reset}

    def answer(self, request: Request, body: bytes) -> Any:
        path = request.url.path
        if request.headers.get("intercom-version") != "2.15":
            return error(400, "intercom_version_invalid")
        if request.method == "POST" and path == "/conversations/search":
            return self._search(json.loads(body))
        if request.method == "GET" and path.startswith("/conversations/"):
            one = self.conversations.get(int(path.rpartition("/")[2]))
            return self._retrieved(one) if one else error(404, "not_found")
        if path == "/teams":
            return {"type": "team.list", "teams": self.teams}
        if path.startswith("/contacts/"):
            return self.contacts.get(path.rpartition("/")[2]) or error(404, "not_found")
        return error(404, "not_found")

    def _search(self, asked: dict[str, Any]) -> Any:
        size, query = asked["pagination"].get("per_page", 20), asked["query"]
        if not 1 <= size <= 150 or query["operator"] != "AND" or len(query["value"]) > 15:
            return error(400, "parameter_invalid")
        if asked.get("sort", {}).get("order", "ascending") not in ("ascending", "descending"):
            return error(400, "parameter_invalid")
        found = [
            (at, number) for number, at in self.index.items() if all(self._fits(at, one) for one in query["value"])
        ]
        found.sort(reverse=asked.get("sort") != {"field": "updated_at", "order": "ascending"})
        token = asked["pagination"].get("starting_after")
        if token and self.expired:
            return error(400, "parameter_invalid")
        last = tuple(json.loads(base64.b64decode(token))) if token and not self.stuck else (0, 0)
        rest = [one for one in found if one > last]
        page, more = rest[:size], len(rest) > size
        pages: dict[str, Any] = {"type": "pages", "page": 1, "per_page": size, "total_pages": -(-len(found) // size)}
        if more:
            after = (0, 0) if self.stuck else page[-1]
            token = base64.b64encode(json.dumps(after).encode()).decode()
            pages["next"] = {"per_page": size, "starting_after": token}
        # A conversation that was just deleted may still be found.
        rows = [self.conversations.get(number) or {"id": str(number), "updated_at": at} for at, number in page]
        listed = [{key: value for key, value in row.items() if key != "_parts"} for row in rows]
        return {"type": "conversation.list", "conversations": listed, "total_count": len(found), "pages": pages}

    def _fits(self, at: int, one: dict[str, Any]) -> bool:
        assert one["field"] == "updated_at" and isinstance(one["value"], int)
        if self.inclusive and at == one["value"]:
            return True
        return at > one["value"] if one["operator"] == ">" else at < one["value"]

    def _retrieved(self, one: dict[str, Any]) -> dict[str, Any]:
        parts = {"type": "conversation_part.list", "total_count": len(one["_parts"])}
        parts["conversation_parts"] = one["_parts"][-500:]
        return {key: value for key, value in one.items() if key != "_parts"} | {"conversation_parts": parts}
