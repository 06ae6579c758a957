"""SurveyMonkey as its contract describes it: pages by number in the order of date_modified, two budgets of requests."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .serving import Fake

SURVEYS = ("402200", "402201")
NPS, WHY, STARS, CONTACT = "9001", "9002", "9003", "9004"
HOST = "https://api.surveymonkey.com/v3"
ERRORS = {400: ("1003", "Bad Request"), 404: ("1020", "Resource Not Found"), 413: ("1030", "Survey Too Large")}


def zoned(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def naive(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def choices(first: int, *weights: int, texts: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The choices of a question, with ids that count up from the first."""
    return [
        {"id": str(first + at), "weight": weight, "text": texts[at] if texts else "", "position": at + 1}
        | {"visible": True, "is_na": False, "description": ""}
        for at, weight in enumerate(weights)
    ]


def question(ident: str, family: str, subtype: str, heading: str, **more: Any) -> dict[str, Any]:
    """A question of a design."""
    return {
        "id": ident,
        "family": family,
        "subtype": subtype,
        "headings": [{"heading": heading}],
        "visible": True,
    } | more


def one_row(ident: str) -> list[dict[str, Any]]:
    return [{"id": ident, "text": "", "visible": True, "position": 1}]


# The question bank's own: detractors weigh -100, passives 0, promoters 100.
NPS_TEXTS = ("Not at all likely - 0", *map(str, range(1, 10)), "Extremely likely - 10")
NPS_CHOICES = choices(31000, *[-100] * 7, 0, 0, 100, 100, texts=NPS_TEXTS)
RECOMMEND = "How likely are you to recommend us?"


class FakeSurveyMonkey(Fake):
    type = "surveymonkey"
    environment = {"CXNLP_SURVEYMONKEY_TOKEN": "sm-secret-token-1"}
    secrets = ("sm-secret-token-1",)
    options = {"start": "2026-01-01", "per_page": 5, "requests_per_minute": 1_000_000}
    channel = "survey"
    deletes = False

    def __init__(self) -> None:
        super().__init__()
        self.responses: dict[int, dict[str, Any]] = {}
        self.designs = {survey: self._design(survey) for survey in SURVEYS}
        self.day_left, self.minute_left = 500, 120
        self.inclusive = False  # whether "modified after" means at the time itself too
        self.too_large = False

    # What tests do

    def add(self, text: str, *, survey: str | None = None, **more: Any) -> int:
        """Add a response that somebody completed; return its number."""
        number = 118_777_000 + len(self.responses)
        begun, now = self.tick(minutes=3), self.tick(minutes=2)
        self.responses[number] = {
            "id": str(number),
            "survey_id": survey or SURVEYS[number % 2],
            "collector_id": "501",
            "recipient_id": "0",
            "response_status": "completed",
            "collection_mode": "default",
            "total_time": 144,
            "date_created": zoned(begun),
            "date_modified": zoned(now),
            "ip_address": "203.0.113.7",
            "custom_value": "",
            "custom_variables": {"store": "Leeds"},
            "first_name": "Ada",
            "last_name": "Lovelace",
            "email_address": "",
            "logic_path": {},
            "metadata": {},
            "page_path": [],
            "pages": [{"id": "7001", "questions": []}],
        } | more
        self.answer_question(number, NPS, {"choice_id": "31007", "row_id": "30999"})
        self.answer_question(number, WHY, {"text": text})
        return number

    def answer_question(self, number: int, ident: str, *answers: dict[str, Any], **more: Any) -> None:
        """Set the answers to a question; none takes the question out."""
        page = self.responses[number]["pages"][0]
        page["questions"] = [one for one in page["questions"] if one["id"] != ident]
        if answers:
            page["questions"].append({"id": ident, "answers": list(answers)} | more)

    def edit(self, number: int, text: str) -> None:
        """Change what somebody wrote."""
        self.answer_question(number, WHY, {"text": text})
        self.touch(number)

    def touch(self, number: int) -> None:
        """Note that a response is modified now."""
        self.responses[number]["date_modified"] = zoned(self.tick(minutes=5))

    def delete(self, number: int) -> None:
        """Delete a response: nothing tells of it."""
        del self.responses[number]

    def spoil(self, number: int) -> None:
        """Make a response break the contract."""
        self.responses[number]["date_created"] = {"day": "yesterday"}

    def ask_also(self, *questions: dict[str, Any], survey: str = SURVEYS[0]) -> None:
        """Add questions to a survey's design."""
        self.designs[survey]["pages"][0]["questions"] += questions

    def expected(self) -> dict[str, str]:
        """Return the text of each record that a whole pull must give, by id."""
        return {
            f"{number}:{WHY}": answer["text"].strip()
            for number, response in self.responses.items()
            for one in response["pages"][0]["questions"]
            for answer in one["answers"]
            if one["id"] == WHY
        }

    def asked(self, end: str) -> list[Any]:
        """Return the requests whose path ends so."""
        return [request for request in self.requests if request.url.path.endswith(end)]

    # What the vendor does

    def _design(self, survey: str) -> dict[str, Any]:
        stars = {"display_type": "emoji", "display_subtype": "star"}
        return {
            "id": survey,
            "title": "After delivery",
            "language": "en",
            "folder_id": "0",
            "page_count": 1,
            "date_modified": naive(self.now),
            "pages": [
                {
                    "id": "7001",
                    "questions": [
                        question(
                            NPS,
                            "matrix",
                            "rating",
                            RECOMMEND,
                            answers={"rows": one_row("30999"), "choices": NPS_CHOICES},
                        ),
                        question(WHY, "open_ended", "essay", "What could we do <b>better</b>?", answers=None),
                        question(
                            STARS,
                            "matrix",
                            "rating",
                            "Rate the driver",
                            display_options=stars,
                            answers={"rows": one_row("32000"), "choices": choices(32001, 1, 2, 3, 4, 5)},
                        ),
                        question(
                            CONTACT,
                            "demographic",
                            "international",
                            "Who are you?",
                            answers={"rows": [{"id": "33001", "type": "name", "visible": True}]},
                        ),
                    ],
                }
            ],
        }

    def authorised(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"bearer {self.secrets[0]}"

    def headers(self, request: Request) -> dict[str, str]:
        return {
            "X-Ratelimit-App-Global-Day-Limit": "500",
            "X-Ratelimit-App-Global-Day-Remaining": str(self.day_left),
            "X-Ratelimit-App-Global-Day-Reset": "43200",
            "X-Ratelimit-App-Global-Minute-Limit": "120",
            "X-Ratelimit-App-Global-Minute-Remaining": str(self.minute_left),
            "X-Ratelimit-App-Global-Minute-Reset": "31",
        }

    def answer(self, request: Request, body: bytes) -> Any:
        if self.day_left <= 0:
            return self._error(request, 429, "1040", "Rate Limit Reached")
        self.day_left -= 1
        path = request.url.path.split("/")[2:]
        if path == ["surveys"]:
            return self._list(request)
        if len(path) > 2 and path[0] == "surveys" and path[1] in self.designs:
            if path[2:] == ["details"]:
                return self._error(request, 413, *ERRORS[413]) if self.too_large else self.designs[path[1]]
            if path[2:] == ["responses", "bulk"]:
                return self._bulk(path[1], request)
        return self._error(request, 404, *ERRORS[404])

    def _error(self, request: Request, status: int, ident: str, name: str) -> Response:
        error = {"docs": "https://developer.surveymonkey.com", "message": name, "id": ident, "name": name}
        said = json.dumps({"error": error | {"http_status_code": status}})
        return Response(said, status, self.headers(request), "application/json")

    def _list(self, request: Request) -> Any:
        asked, rows = request.query_params, []
        if asked.get("sort_by", "title") not in ("title", "date_modified", "num_responses"):
            return self._error(request, 400, *ERRORS[400])
        for survey, design in self.designs.items():
            many = sum(response["survey_id"] == survey for response in self.responses.values())
            more = {"date_modified": design["date_modified"], "response_count": many, "language": design["language"]}
            included = {key: more[key] for key in asked.get("include", "").split(",") if key in more}
            rows.append({"id": survey, "title": design["title"], "href": f"{HOST}/surveys/{survey}"} | included)
        return self._paged(rows, request, most=1000)

    def _bulk(self, survey: str, request: Request) -> Any:
        asked = request.query_params
        if asked.get("sort_by") != "date_modified" or asked.get("sort_order") not in ("ASC", "DESC"):
            return self._error(request, 400, *ERRORS[400])
        since = dt.datetime.fromisoformat(asked.get("start_modified_at", "1970-01-01T00:00:00+00:00"))
        since = since if since.tzinfo else since.replace(tzinfo=dt.UTC)
        rows = [
            self._shown(one, asked.get("simple") == "true")
            for one in self.responses.values()
            if one["survey_id"] == survey and self._after(one, since)
        ]
        rows.sort(key=lambda one: (str(one["date_modified"]), one["id"]), reverse=asked["sort_order"] == "DESC")
        return self._paged(rows, request, most=100)

    def _after(self, response: dict[str, Any], since: dt.datetime) -> bool:
        modified = dt.datetime.fromisoformat(response["date_modified"])
        return modified >= since if self.inclusive else modified > since

    def _shown(self, response: dict[str, Any], simple: bool) -> dict[str, Any]:
        if not simple:
            return response
        known = {
            one["id"]: {"heading": one["headings"][0]["heading"], "family": one["family"], "subtype": one["subtype"]}
            for page in self.designs[response["survey_id"]]["pages"]
            for one in page["questions"]
        }
        pages = [
            page | {"questions": [known.get(one["id"], {}) | one for one in page["questions"]]}
            for page in response["pages"]
        ]
        return response | {"pages": pages}

    def _paged(self, rows: list[dict[str, Any]], request: Request, *, most: int) -> Any:
        size, page = int(request.query_params.get("per_page", 50)), int(request.query_params.get("page", 1))
        if not 1 <= size <= most:
            return self._error(request, 400, *ERRORS[400])
        address = f"{HOST}{request.url.path.removeprefix('/v3')}"
        links = {"self": f"{address}?page={page}&per_page={size}"}
        if page * size < len(rows) or self.stuck:
            # The links don't repeat the filters: they are not for following.
            links["next"] = f"{address}?page={2 if self.stuck else page + 1}&per_page={size}"
        return {
            "data": rows[(page - 1) * size : page * size],
            "per_page": size,
            "page": page,
            "total": len(rows),
            "links": links,
        }
