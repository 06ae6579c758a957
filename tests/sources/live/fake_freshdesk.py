"""Freshdesk as its contract describes it: page numbers, thirty days unless told otherwise, three lists of tickets."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from .serving import Fake

REQUESTER, AGENT, GROUP, PRODUCT = 501, 7, 12, 3


def iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def invalid(field: str, message: str) -> Response:
    errors = [{"field": field, "message": message, "code": "invalid_value"}]
    return Response(json.dumps({"description": "Validation failed", "errors": errors}), 400)


class FakeFreshdesk(Fake):
    type = "freshdesk"
    environment: ClassVar[dict[str, str]] = {"CXNLP_FRESHDESK_KEY": "fd-secret-key-1"}
    secrets = ("fd-secret-key-1",)
    options: ClassVar[dict[str, Any]] = {
        "domain": "acme",
        "start": "2026-01-01",
        "per_page": 10,
        "lists_per_minute": 1_000_000,
    }
    channel = "ticket"

    def __init__(self) -> None:
        super().__init__()
        self.tickets: dict[int, dict[str, Any]] = {}
        self.talks: dict[int, list[dict[str, Any]]] = {}
        self.ratings: list[dict[str, Any]] = []
        self.contacts: dict[int, dict[str, Any]] = {REQUESTER: {"id": REQUESTER, "name": "Bo", "language": "nl"}}
        self.closed: set[str] = set()  # paths that this key may not see
        self.exclusive = False  # whether updated_since leaves its own second out
        self.links = True  # whether the header Link tells of the next page
        self.last_page = 300
        self.remaining, self.used = 4999, 1

    # What tests do

    def add(self, text: str, **fields: Any) -> int:
        """Add a ticket that a customer opened; return its number."""
        number, now = 2000 + len(self.tickets), iso(self.tick(minutes=3))
        self.tickets[number] = {
            "id": number,
            "subject": "Wrong size",
            "description": f"<div>{text}</div>",
            "description_text": text,
            "status": 2,
            "priority": 1,
            "source": 1,
            "type": None,
            "spam": False,
            "deleted": False,
            "tags": [],
            "requester_id": REQUESTER,
            "responder_id": AGENT,
            "group_id": GROUP,
            "product_id": None,
            "company_id": None,
            "created_at": now,
            "updated_at": now,
            "custom_fields": {},
            "requester": {"id": REQUESTER, "name": "Bo", "email": "bo@example.org"},
            "company": None,
            "stats": {"first_responded_at": None, "resolved_at": None, "closed_at": None},
        } | fields
        self.talks[number] = []
        return number

    def say(self, number: int, text: str, **fields: Any) -> int:
        """Add a message, a customer's reply unless told otherwise; return its id."""
        now, ident = iso(self.tick()), number * 100 + len(self.talks[number])
        reply = {"id": ident, "body": f"<div>{text}</div>", "body_text": text, "incoming": True, "private": False}
        reply |= {"user_id": REQUESTER, "ticket_id": number, "source": 0, "created_at": now, "updated_at": now}
        self.talks[number].append(reply | fields)
        self.touch(number)
        return ident

    def rate(self, number: int, ratings: Any, feedback: str | None, **fields: Any) -> int:
        """Rate a ticket; return the rating's id. The ticket does not change by it."""
        now, ident = iso(self.tick()), 100 + len(self.ratings)
        rating = {"id": ident, "survey_id": 1, "user_id": REQUESTER, "agent_id": AGENT, "group_id": GROUP}
        rating |= {"ticket_id": number, "feedback": feedback, "ratings": ratings, "created_at": now, "updated_at": now}
        self.ratings.append(rating | fields)
        return ident

    def edit(self, number: int, text: str) -> None:
        """Change what the customer wrote."""
        self.tick()
        self.tickets[number] |= {"description": f"<div>{text}</div>", "description_text": text}
        self.touch(number)

    def delete(self, number: int) -> None:
        """Delete a ticket: it goes to another list."""
        self.tick()
        self.tickets[number]["deleted"] = True
        self.touch(number)

    def spoil(self, number: int) -> None:
        """Make a ticket break the contract."""
        self.tickets[number]["created_at"] = {"date": "yesterday"}

    def touch(self, number: int) -> None:
        """Note that a ticket changed."""
        self.tickets[number]["updated_at"] = iso(self.now)

    def expected(self) -> dict[str, str]:
        """Return the text of each record that a whole pull must give, by id."""
        there = [n for n, ticket in self.tickets.items() if not ticket["deleted"] and not ticket["spam"]]
        said = {f"{number}:first": self.tickets[number]["description_text"] for number in there}
        for number in there:
            said |= {f"{number}:{r['id']}": r["body_text"] for r in self.talks[number] if r["incoming"]}
        return said | {f"rating:{one['id']}": one["feedback"] for one in self.ratings}

    # What the vendor does

    def authorised(self, request: Request) -> bool:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        return kind == "Basic" and base64.b64decode(given).decode().partition(":")[0] == self.secrets[0]

    def headers(self, request: Request) -> dict[str, str]:
        names = ("X-RateLimit-Total", "X-RateLimit-Remaining", "X-RateLimit-Used-CurrentRequest")
        return dict(zip(names, ("5000", str(self.remaining), str(self.used)), strict=True))

    def answer(self, request: Request, body: bytes) -> Any:
        path, asked = request.url.path.removeprefix("/api/v2"), request.query_params
        if path in self.closed:
            return Response('{"code":"require_feature","message":"not supported in your plan"}', 403)
        if not 1 <= int(asked.get("per_page", 30)) <= 100:
            return invalid("per_page", "It should be a Positive Integer less than or equal to 100")
        if path == "/tickets":
            return self._listed(request)
        if path.startswith("/tickets/") and path.endswith("/conversations"):
            number = int(path.split("/")[2])
            there = number in self.tickets and not self.tickets[number]["deleted"]
            return self._paged(self.talks[number], request) if there else Response("", 404)
        if path == "/surveys/satisfaction_ratings":
            rows = [one for one in self.ratings if one["created_at"] >= asked.get("created_since", "")]
            return self._paged(rows[::-1], request)
        if path == "/groups":
            return self._paged([{"id": GROUP, "name": "Returns"}], request)
        if path == "/products":
            return self._paged([{"id": PRODUCT, "name": "Shirts"}], request)
        if path == "/surveys":
            questions = [
                {"id": "question_2", "label": "And the agent?", "accepted_ratings": [102, -102]},
                {"id": "default_question", "label": "How did we do?", "accepted_ratings": [103, 100, -103]},
            ]
            return self._paged([{"id": 1, "title": "Default", "questions": questions}], request)
        if path.startswith("/contacts/"):
            return self.contacts.get(int(path.split("/")[2])) or Response("", 404)
        return Response("", 404)

    def _listed(self, request: Request) -> Any:
        asked = request.query_params
        if int(asked.get("page", 1)) > self.last_page:
            return invalid("page", "You cannot access tickets beyond the 300th page. Please provide a smaller page.")
        if asked.get("filter", "deleted") not in ("deleted", "spam"):
            return invalid("filter", "unknown")
        rows = [ticket for ticket in self.tickets.values() if self._in_list(ticket, asked.get("filter"))]
        if since := asked.get("updated_since"):
            rows = [t for t in rows if t["updated_at"] > since or (t["updated_at"] == since and not self.exclusive)]
        else:
            rows = [t for t in rows if str(t["created_at"]) >= iso(self.now - dt.timedelta(days=30))]
        by, down = asked.get("order_by", "created_at"), asked.get("order_type", "desc") == "desc"
        rows.sort(key=lambda ticket: (str(ticket[by]), ticket["id"]), reverse=down)
        return self._paged([self._shown(ticket, asked.get("include", "").split(",")) for ticket in rows], request)

    def _in_list(self, ticket: dict[str, Any], chosen: str | None) -> bool:
        return ticket[chosen] if chosen else not ticket["deleted"] and not ticket["spam"]

    def _shown(self, ticket: dict[str, Any], included: list[str]) -> dict[str, Any]:
        asked_for = {"description": "description", "description_text": "description"}
        asked_for |= {name: name for name in ("requester", "stats", "company")}
        return {key: value for key, value in ticket.items() if asked_for.get(key, included[0]) in included}

    def _paged(self, rows: list[dict[str, Any]], request: Request) -> Response:
        size, page = (int(request.query_params.get(key, preset)) for key, preset in (("per_page", 30), ("page", 1)))
        page = 1 if self.stuck else page
        headers = self.headers(request)
        if self.links and (page * size < len(rows) or self.stuck):
            following = request.url.include_query_params(page=page + 1)
            headers["Link"] = f'<{following}>; rel="next"'
        body = json.dumps(rows[(page - 1) * size : page * size])
        return Response(body, media_type="application/json", headers=headers)
