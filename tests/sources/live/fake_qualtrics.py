"""Qualtrics as its contract describes it: surveys, definitions, and exports that are begun, polled and downloaded."""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from .serving import Fake

SURVEY, QUIET = "SV_shop", "SV_quiet"
NAME = "Umfrage – Café & Söhne.json"
FORMATS = {"json", "csv", "tsv"}
STARTED_BY = {
    "format", "startDate", "endDate", "filterId", "limit", "useLabels", "timeZone", "questionIds", "embeddedDataIds",
    "surveyMetadataIds", "compress", "exportResponsesInProgress", "breakoutSets", "seenUnansweredRecode",
    "multiselectSeenUnansweredRecode", "includeDisplayOrder", "newlineReplacement", "formatDecimalAsComma",
    "allowContinuation", "continuationToken",
}  # fmt: skip
SWITCHES = {"useLabels", "compress", "exportResponsesInProgress", "breakoutSets", "allowContinuation"}
MOST_EXPORTS = 3  # at the same time


def iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def questions() -> dict[str, Any]:
    likelihood = [{"Display": str(number)} for number in range(11)]  # a list, as Qualtrics sends numbers from 0
    return {
        "QID2": {
            "QuestionText": "How likely are you to recommend us?",
            "DataExportTag": "NPS",
            "QuestionType": "MC",
            "Selector": "NPS",
            "Choices": likelihood,
        },
        "QID3": {
            "QuestionText": "What should we <b>improve</b>?",
            "DataExportTag": "improve",
            "QuestionType": "TE",
            "Selector": "ML",
            "Choices": [],
        },
        "QID4": {
            "QuestionText": "How satisfied were you?",
            "DataExportTag": "csat",
            "QuestionType": "MC",
            "Selector": "SAVR",
            "Choices": {str(number): {"Display": f"{number} of 5"} for number in (1, 2, 3, 4, 7)},
            "RecodeValues": {"1": "1", "2": "2", "3": "3", "4": "4", "7": "5"},
        },
        "QID5": {
            "QuestionText": "What went wrong?",
            "DataExportTag": "wrong",
            "QuestionType": "MC",
            "Selector": "MAVR",
            "Choices": {"1": {"Display": "Delivery"}, "9": {"Display": "Other", "TextEntry": "true"}},
        },
    }


class FakeQualtrics(Fake):
    type = "qualtrics"
    environment: ClassVar[dict[str, str]] = {"CXNLP_QUALTRICS_TOKEN": "qualtrics-secret-1"}
    secrets = ("qualtrics-secret-1",)
    options: ClassVar[dict[str, Any]] = {
        "data_center": "fra1",
        "start": "2026-05-10",
        "per_page": 10,
        "requests_per_minute": 1_000_000,
    }
    channel = "survey"
    edits = False  # recordedDate stays as it is
    deletes = False

    def __init__(self) -> None:
        super().__init__()
        self.now = dt.datetime(2026, 5, 30, tzinfo=dt.UTC)  # near the connector's clock: windows are cut by it
        self.responses: dict[int, dict[str, Any]] = {}
        self.recorded: dict[int, dt.datetime] = {}
        self.survey_of: dict[int, str] = {}
        self.definitions = {SURVEY: questions(), QUIET: questions()}
        self.running: dict[str, tuple[str, bytes, int]] = {}  # survey, file and polls left, by progressId
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []  # survey and body of every export
        self.polls = 2
        self.failing: set[str] = set()  # surveys whose exports fail
        self.closed: set[str] = set()  # surveys that may be seen and not exported

    # What tests do

    def add(self, text: str, *, survey: str = SURVEY, **values: Any) -> int:
        """Add a response; its values can be changed, and left out by None."""
        number, now = 7000 + len(self.responses), self.tick(minutes=2)
        given = {
            "startDate": iso(now - dt.timedelta(minutes=4)),
            "endDate": iso(now),
            "recordedDate": iso(now),
            "status": 0,
            "finished": 1,
            "progress": 100,
            "duration": 208,
            "_recordId": f"R_{number}",
            "distributionChannel": "email",
            "userLanguage": "EN",
            "externalDataReference": "C-20991",
            "recipientEmail": "ann@example.com",
            "QID2": 8,
            "QID2_NPS_GROUP": 2,
            "QID3_TEXT": text,
            "Audience": "3",
        } | values
        self.responses[number] = {
            "responseId": f"R_{number}",
            "values": {key: value for key, value in given.items() if value is not None},
            "labels": {"status": "IP Address", "finished": "True", "QID2_NPS_GROUP": "Passive"},
            "displayedFields": ["QID2", "QID3_TEXT"],
            "displayedValues": {"QID2": list(range(11))},
        }
        self.recorded[number], self.survey_of[number] = now, survey
        return number

    def edit(self, number: int, text: str) -> None:
        """Change an answer; recordedDate stays as it is."""
        self.tick()
        self.responses[number]["values"]["QID3_TEXT"] = text

    def delete(self, number: int) -> None:
        """Delete a response, silently."""
        del self.responses[number]

    def spoil(self, number: int) -> None:
        """Make a response break the contract."""
        self.responses[number]["values"]["recordedDate"] = {"date": "yesterday"}

    def expected(self) -> dict[str, str]:
        """Return the text of each record that a whole pull must give, by id."""
        return {
            f"{one['responseId']}:{key}": value
            for one in self.responses.values()
            for key, value in one["values"].items()
            if key.endswith("_TEXT")
        }

    # What the vendor does

    def authorised(self, request: Request) -> bool:
        return request.headers.get("x-api-token") == self.secrets[0]

    def answer(self, request: Request, body: bytes) -> Any:
        match request.method, request.url.path.removeprefix("/API/v3").strip("/").split("/"):
            case "GET", ["surveys"]:
                return self._list(request)
            case "GET", ["survey-definitions", survey] if survey in self.definitions:
                return whole({"SurveyID": survey, "SurveyName": "Shop survey", "Questions": self.definitions[survey]})
            case "POST", ["surveys", survey, "export-responses"] if survey in self.definitions:
                return self._begin(survey, json.loads(body))
            case "GET", ["surveys", survey, "export-responses", progress] if progress in self.running:
                return self._progress(survey, progress)
            case "GET", ["surveys", _, "export-responses", file, "file"] if file in self.files:
                return Response(self.files[file], media_type="application/zip")
        return refusal(404, "Not Found")

    def _list(self, request: Request) -> Any:
        names = sorted(self.definitions)
        at = int(request.query_params.get("offset", 0))
        following = str(request.url.include_query_params(offset=0 if self.stuck else at + 1))
        more = self.stuck or at + 1 < len(names)
        elements = [{"id": one, "name": "Shop survey"} for one in names[at : at + 1]]
        return whole({"elements": elements, "nextPage": following if more else None})

    def _begin(self, survey: str, body: dict[str, Any]) -> Any:
        switches = [body[name] for name in SWITCHES & body.keys()]
        if (
            body.get("format") not in FORMATS
            or not body.keys() <= STARTED_BY
            or not all(s in (True, False) for s in switches)
        ):
            return refusal(400, "Bad Request")
        if body["format"] != "json" or "useLabels" in body:
            return refusal(400, "Bad Request")
        if survey in self.closed:
            return refusal(403, "Forbidden")
        if len(self.running) >= MOST_EXPORTS:
            return refusal(429, "Too Many Requests")
        self.asked.append((survey, body))
        progress = f"ES_{len(self.asked)}"
        self.running[progress] = (survey, self._export(survey, body), self.polls)
        return whole({"progressId": progress, "percentComplete": 0.0, "status": "inProgress"})

    def _export(self, survey: str, body: dict[str, Any]) -> bytes:
        """Return the zip of what was recorded from startDate on, before endDate: in no order of time."""
        since = dt.datetime.fromisoformat(body.get("startDate", "1970-01-01T00:00:00Z"))
        until = dt.datetime.fromisoformat(body.get("endDate", "9999-01-01T00:00:00Z"))
        chosen = [
            self.responses[number]
            for number in reversed(list(self.responses))
            if self.survey_of[number] == survey and since <= self.recorded[number] < until
        ]
        return packed(json.dumps({"responses": chosen}).encode())

    def _progress(self, survey: str, progress: str) -> Any:
        begun, file, left = self.running[progress]
        if begun != survey:
            return refusal(404, "Not Found")
        if left > 1:
            self.running[progress] = (begun, file, left - 1)
            return whole({"fileId": None, "percentComplete": 100.0, "status": "inProgress"})
        del self.running[progress]
        if survey in self.failing:
            return whole({"fileId": None, "percentComplete": 100, "status": "failed"})
        ident = f"{progress}-def"
        self.files[ident] = file
        return whole({"fileId": ident, "percentComplete": 100.0, "status": "complete"})


def packed(content: bytes, *more: str) -> bytes:
    """Return a zip with one file, and with more."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME, content)
        for name in more:
            archive.writestr(name, "")
    return raw.getvalue()


def whole(result: dict[str, Any]) -> dict[str, Any]:
    return {"result": result, "meta": {"requestId": "27c5-9", "httpStatus": "200 - OK"}}


def refusal(status: int, words: str) -> Response:
    error = {"errorCode": f"AUTH_{status}", "errorMessage": words}
    meta = {"requestId": "27c5-8", "httpStatus": f"{status} - {words}", "error": error}
    return Response(json.dumps({"meta": meta}), status, media_type="application/json")
