"""Qualtrics: the answers in words and the scores of survey responses, by exports of windows of time."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, ClassVar, TextIO

from pydantic import Field

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale, Score
from cxnlp.sources.live.auth import Bearer
from cxnlp.sources.live.connector import Fetched, LiveSource, LoopGuard, Reader, State
from cxnlp.sources.live.http import Http, Pace, Refused, TooLarge
from cxnlp.sources.live.values import Unreadable, attributes, moment, need, needed, objects, score, text_of, within

_API = "/API/v3"
_SETTLED = dt.timedelta(hours=1)  # a window is only closed when it ended this long ago, whoever's clock is right
_SHORTEST = dt.timedelta(minutes=1)
_DOWNLOADS = (2.0, 4.0, 8.0, 16.0)  # seconds between them
_CHUNK = 2**16  # characters
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)
_OPENING = re.compile(r'\s*\{\s*"responses"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")
_ANSWER = re.compile(r"(?:[^_]+_)*?(QID\d+)((?:#\d+)?(?:_\d+)*)(_TEXT)?")  # a loop's number, question, part, words
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_TESTS = frozenset({"survey preview", "survey test"})


class Qualtrics(LiveSource):
    """Survey responses of one Qualtrics account.

    A response is read once, by its recordedDate: whether Qualtrics moves that date when an answer is edited is
    unconfirmed, and deletions are silent, so neither is seen. `surveys` are ids; without them all surveys that the
    token's owner sees are read. The first pull exports windows of `window_days`, twice as long after each empty one and
    halved where an export unpacks to more than `largest_export_mb`. `scores` says which questions are scores, `reverse`
    which of them begin with the best answer, `hints` which fields tell the department. `requests_per_minute` and the
    code 2 for tests in `test_statuses` are unconfirmed.
    """

    data_center: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$")
    base_url: str = ""
    environment: str = Field(default="CXNLP_QUALTRICS", pattern=r"^[A-Z][A-Z0-9_]*$")
    surveys: tuple[str, ...] = ()
    window_days: float = Field(default=30, gt=0, le=3650)
    scores: dict[str, Scale] = Field(default_factory=dict)
    reverse: tuple[str, ...] = ()
    hints: dict[Hint, str] = Field(default_factory=dict)
    fields: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    test_statuses: tuple[str, ...] = ("1", "2")
    test_channels: tuple[str, ...] = ("preview",)
    per_page: int = Field(default=500, ge=1, le=10_000)
    poll_seconds: float = Field(default=5, gt=0)
    export_minutes: float = Field(default=30, gt=0)
    largest_export_mb: int = Field(default=256, ge=1)
    requests_per_minute: float = Field(default=60, gt=0)

    needs: ClassVar[Mapping[str, str]] = {"TOKEN": "the API token of a user who may see the surveys' responses"}
    rights: ClassVar[str] = (
        "its owner needs the permission to use the API and to export these surveys' responses; a wrong data_center is "
        "refused in the same way"
    )
    not_deciding: ClassVar[frozenset[str]] = LiveSource.not_deciding | {
        "surveys", "window_days", "per_page", "poll_seconds", "export_minutes", "largest_export_mb",
        "requests_per_minute",
    }  # fmt: skip

    def http(self) -> Http:
        """Return a client with the API token."""
        return self.client(
            self.base_url or f"https://{self.data_center}.qualtrics.com",
            auth=Bearer(self.credential("TOKEN"), header="X-API-TOKEN", scheme=""),
            pace=Pace(self.clock, self.requests_per_minute),
        )

    def reader(self, http: Http) -> Reader:
        """Return what reads the account."""
        return _Reader(self, http)


class _Failed(SourceError):
    """One survey could not be exported; the others can."""


class _TooLarge(Exception):
    """An export unpacks to more than is read at once."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What a survey's definition says of a question."""

    text: str = ""
    tag: str = ""
    is_words: bool = False  # every string that answers it is the customer's words
    is_nps: bool = False
    is_coded: bool = False  # its answers are those of `labels`, by their code
    labels: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)  # choices or rows, by their number

    @classmethod
    def of(cls, raw: Any) -> _Question:
        """Return a question of a definition."""
        kind, selector = text_of(within(raw, "QuestionType")), text_of(within(raw, "Selector"))
        parts = {number: text_of(within(one, "Display")) for number, one in _numbered(within(raw, "Choices")).items()}
        answers = {number: text_of(within(one, "Display")) for number, one in _numbered(within(raw, "Answers")).items()}
        codes = _numbered(within(raw, "RecodeValues"))
        options = answers if kind == "Matrix" else parts
        return cls(
            text=text_of(within(raw, "QuestionText")),
            tag=text_of(within(raw, "DataExportTag")),
            is_words=kind == "TE" or (kind, selector) == ("Matrix", "TE"),
            is_nps=selector == "NPS",
            is_coded=kind in ("MC", "Matrix"),  # what a slider recodes are its rows
            labels={text_of(codes.get(number, number)): label for number, label in options.items()},
            parts=parts,
        )

    def has(self, scale: Scale) -> bool:
        """Whether its answers are numbered as the scale is: not from 0 instead of 1, not up to 7 instead of 5."""
        low, high = scale.bounds
        codes = {float(code) for code in self.labels if _NUMBER.fullmatch(code)}
        exact = set(range(low, high + 1)) <= codes and not codes & {low - 1, high + 1}
        return exact or not self.is_coded


@dataclass(frozen=True, slots=True)
class _Survey:
    id: str
    name: str
    questions: Mapping[str, _Question]


@dataclass(frozen=True, slots=True)
class _Response:
    survey: _Survey
    raw: Any


@dataclass(frozen=True, slots=True)
class _Answer:
    """A value of a response that answers a question; `names` are what options can call it by."""

    key: str
    value: Any
    question: _Question
    part: str
    is_words: bool
    names: tuple[str, ...]

    @property
    def asked(self) -> str | None:
        """The question's text, with the choice or row that it is about."""
        about = self.question.parts.get(re.split("[_#]", self.part)[-1], "")
        return f"{self.question.text} ({about})" if about else self.question.text or None


@dataclass(frozen=True, slots=True)
class _Window:
    """What is exported at once: recorded `since`, before `end` (None: until now); all before `stored` is stored.

    So are the first `row` responses of the export's `file`, where it was begun.
    """

    stored: dt.datetime
    since: dt.datetime
    end: dt.datetime | None
    file: str = ""
    row: int = 0


class _Reader(Reader):
    def __init__(self, source: Qualtrics, http: Http) -> None:
        self._source = source
        self._clock = source.clock
        self._http = http
        self._survey: _Survey | None = None

    def id_of(self, item: Any) -> str | None:
        return text_of(within(item.raw, "responseId")) or None

    # What is asked

    def pages(self, state: State) -> Iterator[Fetched]:
        """Yield survey after survey. One that can't be exported is an error at the end: the others are read first."""
        read, faults = dict(state.get("surveys", {})), []
        for survey in self._surveys():
            try:
                for items, so_far in self._parts(survey, read.get(survey, {})):
                    read[survey] = so_far
                    yield Fetched(items, {"surveys": dict(read)})
            except (Refused, Unreadable, _Failed) as fault:
                if isinstance(fault, Refused) and fault.status == 401:
                    raise
                faults.append(f"survey {survey}: {str(fault).removeprefix(f'{self._source.name}: ')}")
                if "file" in read.get(survey, {}):  # a bad file is not asked for again
                    read[survey] = {"from": read[survey]["from"]}
                    yield Fetched((), {"surveys": dict(read)})
        if faults:
            more = f" And {len(faults) - 3} more surveys." if len(faults) > 3 else ""
            raise SourceError(f"{self._source.name}: {' '.join(faults[:3])}{more}")

    def _surveys(self) -> Sequence[str]:
        found: set[str] = set(self._source.surveys)
        path = "" if found else f"{_API}/surveys"
        guard = LoopGuard(self._source.name)
        try:
            while path:
                result = within(self._http.get(path), "result")
                found |= {text_of(need(survey, "id")) for survey in objects(result, "elements")}
                path = text_of(within(result, "nextPage"))
                if path:
                    guard.check(path)
        except Unreadable as fault:
            raise SourceError(f"{self._source.name}: the list of surveys is not what it should be: {fault}.") from None
        return sorted(found)

    def _parts(self, survey: str, read: Mapping[str, Any]) -> Iterator[tuple[list[_Response], dict[str, Any]]]:
        """Yield rows, and how far the survey is read with them: {"from": …}, within an export "file" and "row" too.

        The last window has no end, and the newest recordedDate says where to go on, so that no clock of ours decides.
        """
        span, window = self._days, self._begun(read)
        while True:
            try:
                file, archive = self._export(survey, window)
            except _TooLarge as fault:
                span = self._halved(window, span, fault)
                window = self._window(window.stored, window.since, span)
                continue
            count, newest, skipped = 0, window.stored, window.row if file == window.file else 0
            here = {"from": window.stored.isoformat(), "until": window.end and window.end.isoformat(), "file": file}
            for rows in _batches(_unpacked(archive), self._source.per_page):
                count += len(rows)
                newest = max([newest, *filter(None, map(_recorded, rows))])
                if count > skipped:
                    definition = self._definition(survey)
                    yield [_Response(definition, row) for row in rows], {**here, "row": count}
            reached = window.end or max(window.stored, min(newest, self._clock.now()))
            yield [], {"from": reached.isoformat()}
            if window.end is None:
                return
            span = 2 * span if not count else min(2 * span, self._days)
            window = self._window(reached, reached, span)

    @property
    def _days(self) -> dt.timedelta:
        return dt.timedelta(days=self._source.window_days)

    def _begun(self, read: Mapping[str, Any]) -> _Window:
        """Return the window to go on with."""
        since = self._source.since(read.get("from"))
        window = self._window(_time(read.get("from")) or since, since, self._days)
        if not read.get("file"):
            return window
        return replace(window, end=_time(read["until"]), file=read["file"], row=read["row"])

    def _window(self, stored: dt.datetime, since: dt.datetime, span: dt.timedelta) -> _Window:
        end = (since + span).replace(microsecond=0)
        return _Window(stored, since, end if end <= self._clock.now() - _SETTLED else None)

    def _halved(self, window: _Window, span: dt.timedelta, fault: _TooLarge) -> dt.timedelta:
        half = min(span, (window.end or self._clock.now()) - window.since) / 2
        if half < _SHORTEST:
            raise _Failed(f"the responses from {window.since:%Y-%m-%d %H:%M} on, even of two minutes, {fault}.")
        return half

    def _export(self, survey: str, window: _Window) -> tuple[str, zipfile.ZipFile]:
        """Return the file that was begun, where Qualtrics still has it, else a new one of the window."""
        if window.file:
            try:
                return window.file, self._archive(survey, window.file)
            except Refused as refused:
                if refused.status != 404:
                    raise
        file = self._exported(survey, window)
        return file, self._archive(survey, file)

    def _exported(self, survey: str, window: _Window) -> str:
        """Return the id of a new export's file."""
        path = f"{_API}/surveys/{survey}/export-responses"
        asked = {"format": "json", "startDate": _iso(window.since)}
        begun = self._http.post(path, asked | ({"endDate": _iso(window.end)} if window.end else {}))
        progress = text_of(within(begun, "result", "progressId"))
        if not progress:
            raise _Failed("the export was not begun: the answer has no progressId.")
        until = self._clock.now() + dt.timedelta(minutes=self._source.export_minutes)
        while self._clock.now() < until:
            self._clock.sleep(self._source.poll_seconds)
            answer = self._http.get(f"{path}/{progress}")
            # It alone tells the end: percentComplete is 100 before it, and after a failure.
            status = text_of(within(answer, "result", "status"))
            if status == "failed":
                raise _Failed(f"the export failed (request {text_of(within(answer, 'meta', 'requestId'))}).")
            if status == "complete":
                return text_of(need(within(answer, "result"), "fileId"))
        raise _Failed(f"the export was not complete after {self._source.export_minutes:g} minutes.")

    def _archive(self, survey: str, file: str) -> zipfile.ZipFile:
        """Return a whole archive of one file that isn't too large; what is broken is downloaded again."""
        waits = iter(_DOWNLOADS)
        while True:
            try:
                raw = self._http.content(f"{_API}/surveys/{survey}/export-responses/{file}/file")
            except TooLarge:
                raise _TooLarge("are a file that is too large to read") from None
            try:
                return self._checked(raw)
            except _BROKEN as fault:
                wait = next(waits, None)
                if wait is None:
                    raise _Failed(f"the export's file is not a whole zip archive ({fault}).") from None
                self._clock.sleep(wait)

    def _checked(self, raw: bytes) -> zipfile.ZipFile:
        archive = zipfile.ZipFile(io.BytesIO(raw))
        files = archive.infolist()
        if len(files) != 1:
            raise _Failed(f"the export's archive holds {len(files)} files; one is expected.")
        # Never more than the size that the archive names is unpacked: a wrong one fails the test of its checksum.
        if files[0].file_size > self._source.largest_export_mb * 2**20:
            raise _TooLarge(f"unpack to more than {self._source.largest_export_mb} MB")
        if archive.testzip():
            raise zipfile.BadZipFile("its checksum is wrong")
        return archive

    def _definition(self, survey: str) -> _Survey:
        if self._survey is None or self._survey.id != survey:
            result = within(self._http.get(f"{_API}/survey-definitions/{survey}"), "result")
            questions = {number: _Question.of(raw) for number, raw in _numbered(within(result, "Questions")).items()}
            self._survey = _Survey(survey, text_of(within(result, "SurveyName")), questions)
        return self._survey

    # What it becomes

    def records(self, item: Any) -> Iterator[Feedback]:
        """Yield each answer in words with the first scale's score, and a score of another scale without words."""
        number, values = text_of(need(item.raw, "responseId")), need(item.raw, "values")
        labels = within(item.raw, "labels") or {}
        if self._is_test(values, labels):
            return
        answers = [found for key, value in values.items() if (found := self._answer(item.survey, key, value))]
        scores, misfits = self._scores([answer for answer in answers if not answer.is_words], values)
        response = self._response(item.survey, number, values, labels, misfits)
        words = [answer for answer in answers if answer.is_words and text_of(answer.value)]
        if words and scores:
            response = replace(response, score=scores.pop(0)[1])
        for answer in words:
            record = replace(response, text=text_of(answer.value), question=answer.asked)
            yield replace(record, source_record_id=f"{number}:{answer.key}")
        for answer, rating in scores:
            record = replace(response, score=rating, question=answer.asked)
            rated = {**response.attributes, "message": "rating"}
            yield replace(record, source_record_id=f"{number}:{answer.key}", attributes=rated)

    def _is_test(self, values: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
        return (
            text_of(values.get("status")) in self._source.test_statuses
            or text_of(labels.get("status")).casefold() in _TESTS
            or text_of(values.get("distributionChannel")) in self._source.test_channels
        )

    def _answer(self, survey: _Survey, key: str, value: Any) -> _Answer | None:
        """Return what answers a question, None for anything else and for the questions that are left out."""
        found = _ANSWER.fullmatch(key)
        if not found or value is None or value == "":
            return None
        number, part, text = found[1], found[2], found[3]
        question = survey.questions.get(number, _Question())
        names = (f"{survey.id}.{number}{part}", f"{number}{part}", f"{question.tag}{part}")
        if not {*names, f"{survey.id}.{number}", number, question.tag}.isdisjoint(self._source.leave_out):
            return None
        is_words = question.is_words or ("#" in part and not _NUMBER.fullmatch(str(value)))
        return _Answer(key, value, question, part, bool(text) or (isinstance(value, str) and is_words), names)

    def _scores(
        self, answers: Iterable[_Answer], values: Mapping[str, Any]
    ) -> tuple[list[tuple[_Answer, Score]], dict[str, Any]]:
        """Return the first score of each scale, and the answers that are numbered in another way than their scale."""
        found: dict[Scale, tuple[_Answer, Score]] = {}
        misfits: dict[str, Any] = {}
        for answer in answers:
            name = next((name for name in answer.names if name in self._source.scores), None)
            is_nps = answer.question.is_nps or f"{answer.key}_NPS_GROUP" in values
            scale = self._source.scores[name] if name else Scale.NPS if is_nps and not answer.part else None
            if scale is None or scale in found:
                continue
            if name and not answer.question.has(scale):
                misfits[name] = answer.value
            elif rating := score(answer.value, scale):
                turned = Score(sum(scale.bounds) - rating.value, scale)
                found[scale] = (answer, turned if name in self._source.reverse else rating)
        return list(found.values()), misfits

    def _response(
        self,
        survey: _Survey,
        number: str,
        values: Mapping[str, Any],
        labels: Mapping[str, Any],
        misfits: dict[str, Any],
    ) -> Feedback:
        recorded = needed(moment(values.get("recordedDate")), "recordedDate")
        told = {
            **misfits,
            **{name: _said(survey, name, values, labels) for name in self._source.fields},
            "survey": survey.name,
            "via": values.get("distributionChannel"),
            "finished": values.get("finished"),
        }
        return Feedback(
            source=self._source.name,
            source_record_id=number,
            channel=self._source.channel,
            text="",
            response_id=number,
            created_at=recorded,
            updated_at=recorded,
            language=text_of(values.get("userLanguage")) or None,
            customer_ref=text_of(values.get("externalDataReference")) or text_of(values.get("recipientEmail")) or None,
            hints=self._hints(survey, values, labels),
            attributes=attributes(**told),
        )

    def _hints(self, survey: _Survey, values: Mapping[str, Any], labels: Mapping[str, Any]) -> dict[Hint, str]:
        """Return the fields that the options name, and else those that are called as a hint is."""
        called = {key.casefold(): key for key in values}
        names = {hint: self._source.hints.get(hint) or called.get(hint.value) for hint in Hint}
        told = attributes(**{hint: _said(survey, name, values, labels) for hint, name in names.items() if name})
        return {Hint(hint): words for hint, words in told.items()}


def _said(survey: _Survey, name: str, values: Mapping[str, Any], labels: Mapping[str, Any]) -> Any:
    """Return a field in words, not the code of a chosen answer."""
    if labels.get(name):
        return labels[name]
    found, value = _ANSWER.fullmatch(name), values.get(name)
    coded = survey.questions.get(found[1], _Question()).labels if found and not found[3] else {}
    if isinstance(value, list):
        return [coded.get(text_of(one), one) for one in value]
    return coded.get(text_of(value), value)


def _numbered(value: Any) -> dict[str, Any]:
    """Return what stands below numbers: an object, or a list that counts from 0; an empty object may be sent as []."""
    if isinstance(value, list):
        return {str(at): one for at, one in enumerate(value)}
    return dict(value) if isinstance(value, Mapping) else {}


def _recorded(row: Any) -> dt.datetime | None:
    try:
        return moment(within(row, "values", "recordedDate"))
    except Unreadable:
        return None


def _time(words: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(words) if words else None


def _iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _batches(rows: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while batch := list(islice(rows, size)):
        yield batch


def _unpacked(archive: zipfile.ZipFile) -> Iterator[Any]:
    """Yield the responses of an export; the rest stays packed."""
    with archive.open(archive.infolist()[0]) as raw:
        # One bad byte is one bad letter, not a survey that is never read.
        yield from _responses(io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace"))


def _responses(text: TextIO) -> Iterator[Any]:
    """Yield the elements of {"responses": […]} one by one: not more than one of them is held.

    >>> list(_responses(io.StringIO('{"responses": [{"a": 1}, {"a": 2}]}')))
    [{'a': 1}, {'a': 2}]
    """
    decode = json.JSONDecoder().raw_decode
    buffer = text.read(_CHUNK)
    opening = _OPENING.match(buffer)
    if not opening:
        raise _Failed('the export is not {"responses": […]}.')
    at = opening.end()
    while True:
        at = _BETWEEN.match(buffer, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        if buffer.startswith("]", at):
            return
        try:
            value, end = decode(buffer, at)
        except ValueError:
            end = len(buffer)
        except RecursionError:
            raise _Failed("the export is nested too deeply.") from None
        if end < len(buffer):
            yield value
            at = end
        elif more := text.read(max(_CHUNK, len(buffer) - at)):  # perhaps only the beginning of a response
            buffer, at = buffer[at:] + more, 0
        else:
            raise _Failed("the export ends early, or is not JSON.")
