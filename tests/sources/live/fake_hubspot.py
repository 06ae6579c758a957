"""HubSpot as its contract describes it: lists without filter, a search that ends at 10,000, batches, archives."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from .serving import Fake

OWNER, TEAM, CONTACT = "77", "5", "9001"
CALCULATED = ("time_to_close", "time_to_first_agent_reply", "hs_time_to_first_response_in_operating_hours")
PROPERTIES = {
    "tickets": [
        "hs_object_id", "hs_lastmodifieddate", "createdate", "subject", "content", "hs_pipeline", "hs_pipeline_stage",
        "hs_ticket_category", "hs_ticket_priority", "closed_date", "hs_last_closed_date", "first_agent_reply_date",
        "hs_is_one_touch_ticket", "source_type", "hubspot_owner_id", "hubspot_team_id", "product_line", *CALCULATED,
    ],
    "feedback_submissions": [
        "hs_object_id", "hs_lastmodifieddate", "hs_createdate", "hs_survey_name", "hs_survey_id", "hs_survey_type",
        "hs_survey_channel", "hs_value", "hs_response_group", "hs_sentiment", "hs_content", "hs_submission_timestamp",
        "hs_contact_email_rollup", "hs_knowledge_article_id",
    ],
}  # fmt: skip
LISTED = {
    "tickets": ["content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_category", "hs_ticket_priority", "subject"],
    "feedback_submissions": ["hs_createdate", "hs_lastmodifieddate", "hs_object_id"],
}


def iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def refusal(status: int, category: str) -> Response:
    return Response(
        json.dumps({"status": "error", "message": "no", "category": category, "correlationId": "c"}), status
    )


class FakeHubSpot(Fake):
    type = "hubspot"
    environment: ClassVar = {"CXNLP_HUBSPOT_TOKEN": "pat-eu1-secret"}
    secrets = ("pat-eu1-secret",)
    # A record comes every minute: the usual overlap would be most of them.
    options: ClassVar = {"start": "2026-01-01", "per_page": 10, "overlap_minutes": 5}
    channel = "ticket"

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, dict[int, dict[str, Any]]] = {"tickets": {}, "feedback_submissions": {}}
        self.contacts: dict[int, list[str]] = {}
        self.properties = {name: list(known) for name, known in PROPERTIES.items()}
        self.unindexed: set[int] = set()  # a search does not find these yet
        self.most = 10_000  # where a search ends
        self.reversed = False  # a search in another order than it was asked for
        self.failing: list[dict[str, str]] = []  # what a batch says that it could not read
        self.limit_headers: dict[str, str] = {}

    # What tests do

    def add(self, text: str, *, subject: str = "", **properties: Any) -> int:
        """Add a ticket."""
        given = {"content": text, "subject": subject or None, "createdate": iso(self.tick()), "source_type": "EMAIL"}
        usual = {"hs_pipeline": "0", "hs_pipeline_stage": "1", "hubspot_owner_id": OWNER, "hubspot_team_id": TEAM}
        return self._new("tickets", given | usual | properties)

    def respond(self, text: str | None, kind: str, value: str | None, **properties: Any) -> int:
        """Add a survey response."""
        given = {
            "hs_content": text,
            "hs_survey_type": kind,
            "hs_value": value,
            "hs_survey_name": "Support follow-up",
            "hs_survey_channel": "EMAIL",
            "hs_submission_timestamp": self.tick().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return self._new("feedback_submissions", given | properties)

    def _new(self, kind: str, properties: dict[str, Any]) -> int:
        number = 95 + sum(map(len, self.records.values()))  # two digits, then three: not in the order of words
        blank = dict.fromkeys(self.properties[kind])
        now = {"hs_object_id": str(number), "hs_lastmodifieddate": iso(self.now)}
        self.records[kind][number] = {
            "id": str(number),
            "properties": blank | properties | now,
            "createdAt": iso(self.now),
            "updatedAt": iso(self.now),
            "archived": False,
        }
        self.contacts[number] = [CONTACT]
        return number

    def _record(self, number: int) -> dict[str, Any]:
        return next(held[number] for held in self.records.values() if number in held)

    def change(self, number: int, **properties: Any) -> None:
        """Change properties of a record."""
        record, now = self._record(number), iso(self.tick())
        record["properties"] |= properties | {"hs_lastmodifieddate": now}
        record["updatedAt"] = now

    def edit(self, number: int, text: str) -> None:
        """Change what the customer wrote."""
        self.change(number, **{"content" if number in self.records["tickets"] else "hs_content": text})

    def delete(self, number: int) -> None:
        """Archive a record; that doesn't move when it was last modified."""
        self._record(number).update(archived=True, archivedAt=iso(self.tick()))

    def spoil(self, number: int) -> None:
        """Make a record break the contract."""
        self._record(number)["properties"]["createdate"] = {"date": "yesterday"}

    def expected(self) -> dict[str, str]:
        """Return the text of each ticket that a whole pull must give, by id."""
        return {one["id"]: one["properties"]["content"] for one in self._held("tickets", archived=False)}

    def _held(self, kind: str, *, archived: bool) -> list[dict[str, Any]]:
        return [one for _, one in sorted(self.records[kind].items()) if one["archived"] is archived]

    # What the vendor does

    def authorised(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self.secrets[0]}"

    def headers(self, request: Request) -> dict[str, str]:
        if request.url.path.endswith("/search"):
            return {}
        usual = {"X-HubSpot-RateLimit-Daily-Remaining": "249000", "X-HubSpot-RateLimit-Secondly-Remaining": "9"}
        return usual | self.limit_headers

    def answer(self, request: Request, body: bytes) -> Any:
        if len(str(request.url)) > 15_000:
            return refusal(414, "VALIDATION_ERROR")
        asked = json.loads(body) if request.method == "POST" else {}
        match request.method, request.url.path.strip("/").split("/"):
            case "GET", ["crm", "v3", "properties", kind]:
                return {"results": [{"name": name, "label": name} for name in self.properties[kind]]}
            case "GET", ["crm", "v3", "pipelines", "tickets"]:
                stages = [{"id": "1", "label": "New"}, {"id": "4", "label": "Closed"}]
                return {"results": [{"id": "0", "label": "Support Pipeline", "stages": stages}]}
            case "GET", ["crm", "v3", "owners"]:
                return self._owners(request)
            case "GET", ["crm", "v3", "objects", kind]:
                return self._list(kind, request)
            case "POST", ["crm", "v3", "objects", kind, "search"]:
                return self._search(kind, asked)
            case "POST", ["crm", "v3", "objects", kind, "batch", "read"]:
                return self._batch(kind, asked)
            case "POST", ["crm", "v4", "associations", _, "contacts", "batch", "read"]:
                return self._associations(asked)
        return refusal(404, "OBJECT_NOT_FOUND")

    def _owners(self, request: Request) -> dict[str, Any]:
        teams = [{"id": "6", "name": "All", "primary": False}, {"id": TEAM, "name": "Claims", "primary": True}]
        if request.query_params.get("after") == "1":
            return {
                "results": [
                    {"id": OWNER, "email": "ann@acme.example", "firstName": "Ann", "lastName": "Lee", "teams": teams}
                ]
            }
        first = {"id": "78", "email": "bo@acme.example", "firstName": "", "lastName": None}
        return {"results": [first], "paging": {"next": {"after": "1", "link": self.url}}}

    def _list(self, kind: str, request: Request) -> Any:
        asked = request.query_params
        limit, after = int(asked.get("limit", 10)), int(asked.get("after") or 0)
        if limit > 100:
            return refusal(400, "VALIDATION_ERROR")
        ready = [one for one in self._held(kind, archived=asked.get("archived") == "true") if int(one["id"]) >= after]
        names = asked.get("properties", "").split(",") if asked.get("properties") else LISTED[kind]
        said: dict[str, Any] = {"results": [self._shown(one, names) for one in ready[:limit]]}
        if self.stuck:
            return said | {"paging": {"next": {"after": "95", "link": self.url}}}
        if len(ready) > limit:
            said["paging"] = {"next": {"after": ready[limit]["id"], "link": self.url}}
        return said

    def _search(self, kind: str, asked: dict[str, Any]) -> Any:
        after, limit = int(asked.get("after") or 0), int(asked.get("limit", 10))
        filters = [one for group in asked.get("filterGroups", []) for one in group["filters"]]
        known = self.properties[kind]
        if limit > 200 or after + limit > self.most or any(one["propertyName"] not in known for one in filters):
            return refusal(400, "VALIDATION_ERROR")
        found = [one for one in self._held(kind, archived=False) if int(one["id"]) not in self.unindexed]
        for one in filters:
            found = [each for each in found if self._fits(each, one)]
        if asked.get("sorts") != ["hs_object_id"] or self.reversed:
            found.reverse()
        shown = [self._shown(one, asked.get("properties", []), stale=True) for one in found[after : after + limit]]
        said: dict[str, Any] = {"total": len(found), "results": shown}
        if after + limit < len(found):
            said["paging"] = {"next": {"after": str(after + limit)}}
        return said

    def _fits(self, record: dict[str, Any], one: dict[str, str]) -> bool:
        value, bound = record["properties"][one["propertyName"]], int(one["value"])
        if one["propertyName"] == "hs_lastmodifieddate":
            value = round(dt.datetime.fromisoformat(value).timestamp() * 1000)
        return {"GTE": int(value) >= bound, "LTE": int(value) <= bound, "GT": int(value) > bound}[one["operator"]]

    def _batch(self, kind: str, asked: dict[str, Any]) -> Any:
        if len(asked["inputs"]) > 100:
            return refusal(400, "VALIDATION_ERROR")
        wanted = {one["id"] for one in asked["inputs"]}
        found = [one for one in self._held(kind, archived=False) if one["id"] in wanted]
        errors = {"numErrors": len(self.failing), "errors": self.failing} if self.failing else {}
        return {"status": "COMPLETE", "results": [self._shown(one, asked["properties"]) for one in found]} | errors

    def _associations(self, asked: dict[str, Any]) -> Any:
        named = [(one["id"], self.contacts.get(int(one["id"]), [])) for one in asked["inputs"]]
        return {
            "status": "COMPLETE",
            "results": [
                {"from": {"id": ident}, "to": [{"toObjectId": int(to), "associationTypes": []} for to in contacts]}
                for ident, contacts in named
                if contacts
            ],
        }

    def _shown(self, record: dict[str, Any], names: list[str], *, stale: bool = False) -> dict[str, Any]:
        usual = [name for name in ("hs_object_id", "hs_lastmodifieddate") if name in record["properties"]]
        said = {name: record["properties"].get(name) for name in [*usual, *names]}
        if stale:
            said |= {name: None for name in CALCULATED if name in said}
        return {**record, "properties": said}
