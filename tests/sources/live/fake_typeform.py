"""Typeform as its contract describes it: newest first, `before` a token in the order of processing, late responses."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import re
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from .serving import Fake

NPS, WHY, TEAM = "SMEUb7VJz92Q", "JwWggjAKtOkA", "k6TP9oLGgHjl"


def iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def form(ident: str, *fields: dict[str, Any]) -> dict[str, Any]:
    """A form's definition; without fields, one that asks for a number, the reason and the team."""
    asked = fields or (
        {"id": NPS, "ref": "nps", "title": "Would you recommend us?", "type": "nps", "properties": {}},
        {"id": WHY, "ref": "why", "title": "Why did you give us {{field:nps}}?", "type": "long_text", "properties": {}},
        {"id": TEAM, "ref": "team", "title": "Who helped you?", "type": "multiple_choice", "properties": {}},
    )
    return {
        "id": ident,
        "title": f"Survey {ident}",
        "settings": {"language": "en"},
        "workspace": {"href": "https://api.typeform.com/workspaces/Aw33bz"},
        "fields": list(asked),
    }


class FakeTypeform(Fake):
    type = "typeform"
    environment: ClassVar = {"CXNLP_TYPEFORM_TOKEN": "tfp_secret-token-1"}
    secrets = ("tfp_secret-token-1",)
    options: ClassVar = {"start": "2026-01-01", "per_page": 10, "requests_per_minute": 1_000_000}
    channel = "survey"
    edits = False  # responses are immutable
    deletes = False  # deletions are silent

    def __init__(self) -> None:
        super().__init__()
        self.forms = {"abc123": form("abc123")}
        self.responses: dict[str, list[dict[str, Any]]] = {"abc123": []}  # in the order in which they were processed
        self.hidden: set[str] = set()  # too recent to be given

    # What tests do

    def add(self, text: str, *, to: str = "abc123", at: dt.datetime | None = None, **more: Any) -> str:
        """Add a response; return its token. `at` is when it was submitted, if that isn't when it is processed."""
        now = at or self.tick(minutes=20)
        responses = self.responses[to]
        token = hashlib.md5(f"{to}{len(responses)}".encode(), usedforsecurity=False).hexdigest()
        answers = [
            {"field": {"id": NPS, "type": "nps", "ref": "nps"}, "type": "number", "number": 9},
            {"field": {"id": WHY, "type": "long_text", "ref": "why"}, "type": "text", "text": text},
            {
                "field": {"id": TEAM, "type": "multiple_choice", "ref": "team"},
                "type": "choice",
                "choice": {"label": "Workshop"},
            },
        ]
        responses.append(
            {
                "landing_id": token,
                "token": token,
                "response_id": token,
                "response_type": "completed",
                "landed_at": iso(now - dt.timedelta(minutes=2)),
                "submitted_at": iso(now),
                "metadata": {"user_agent": "Mozilla/5.0", "platform": "mobile", "browser": "default"},
                "hidden": {"order_id": "A-778", "location": "Lyon"},
                "calculated": {"score": 0},
                "tags": [],
                "answers": answers,
                "_at": now,
            }
            | more
        )
        return token

    def spoil(self, token: str) -> None:
        """Break the contract in one response."""
        self._found(token)["submitted_at"] = "yesterday"

    def forget(self, token: str) -> None:
        """Delete a response, silently."""
        for responses in self.responses.values():
            responses[:] = [one for one in responses if one["token"] != token]

    def expected(self) -> dict[str, str]:
        """Return the text of each record that a whole pull must give, by id."""
        return {
            f"{one['response_id']}:{answer['field']['id']}": answer["text"]
            for responses in self.responses.values()
            for one in responses
            if one["token"] not in self.hidden
            for answer in one.get("answers") or []
            if answer["type"] == "text"
        }

    def _found(self, token: str) -> dict[str, Any]:
        return next(one for responses in self.responses.values() for one in responses if one["token"] == token)

    # What the vendor does

    def authorised(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self.secrets[0]}"

    def answer(self, request: Request, body: bytes) -> Any:
        parts, asked = request.url.path.strip("/").split("/"), request.query_params
        if parts == ["forms"]:
            return self._listed(asked)
        if parts[0] != "forms" or parts[1] not in self.forms:
            return Response('{"code":"FORM_NOT_FOUND","description":"Form does not exist"}', 404)
        if len(parts) == 2:
            return copy.deepcopy(self.forms[parts[1]])
        return self._responded(self.responses[parts[1]], asked)

    def _listed(self, asked: Any) -> Any:
        size, page = int(asked.get("page_size", 10)), int(asked.get("page", 1))
        if not 1 <= size <= 200 or page < 1:
            return self._bad("page")
        if asked.get("workspace_id", "Aw33bz") != "Aw33bz":
            return {"total_items": 0, "page_count": 0, "items": []}
        items = [{"id": one["id"], "title": one["title"]} for one in self.forms.values()]
        count = -(-len(items) // size)
        return {"total_items": len(items), "page_count": count, "items": items[(page - 1) * size : page * size]}

    def _responded(self, responses: list[dict[str, Any]], asked: Any) -> Any:
        size, since = int(asked.get("page_size", 25)), asked.get("since", "0")
        if not 1 <= size <= 1000 or ("sort" in asked and ("before" in asked or "after" in asked)):
            return self._bad("page_size or sort")
        if not re.fullmatch(r"\d+|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", since):
            return self._bad("since")
        start = dt.datetime.fromtimestamp(int(since), dt.UTC) if since.isdigit() else self._utc(since)
        kinds = asked.get("response_type", "completed").split(",")
        ready = [one for one in responses if one["_at"] >= start and one["response_type"] in kinds]
        ready = [one for one in ready if one["token"] not in self.hidden]
        tokens = [one["token"] for one in ready]
        if asked.get("before") in tokens and not self.stuck:
            ready = ready[: tokens.index(asked["before"])][::-1]
        else:
            ready = sorted(ready, key=lambda one: one["_at"], reverse=True)
        items = [{key: value for key, value in one.items() if key != "_at"} for one in ready[:size]]
        return {"total_items": len(ready), "page_count": -(-len(ready) // size), "items": items}

    def _utc(self, words: str) -> dt.datetime:
        return dt.datetime.fromisoformat(words).replace(tzinfo=dt.UTC)

    def _bad(self, what: str) -> Response:
        return Response(f'{{"code":"VALIDATION_ERROR","description":"{what}"}}', 400)
