"""SurveyMonkey: the responses of an account's surveys, each survey from its own date_modified on."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar

from pydantic import Field

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale, Score
from cxnlp.sources.live.auth import Bearer
from cxnlp.sources.live.connector import Fetched, Gone, LiveSource, LoopGuard, Reader, State
from cxnlp.sources.live.http import Budget, Http, Pace, QuotaUsed, Refused
from cxnlp.sources.live.values import Unreadable, attributes, moment, need, needed, objects, text_of, whole, within

_PREVIEWS = frozenset({"preview", "survey_preview"})
_NO_OPINION = frozenset({"demographic", "datetime", "presentation"})
_NO_WORDS = frozenset({"numerical", "slider", "file_upload"})
_SECOND = dt.timedelta(seconds=1)
_NPS_WEIGHTS = [-100.0] * 7 + [0.0] * 2 + [100.0] * 2  # of the question bank's own NPS question
_ELEVEN = [float(value) for value in range(11)]
_FIGURES = re.compile(r"\d+")
_CONTACT = {"email_address": "email"}  # as metadata.contact calls it

Id = Annotated[str, Field(pattern=r"^[0-9]+$", coerce_numbers_to_str=True)]
"""An id as the vendor writes it, in the addresses of its pages too."""


class SurveyMonkey(LiveSource):
    """Responses to the surveys of one account: `surveys` by id, or all that have any.

    The score of a response is its answer to the first of these that it has: the questions of `scores`, by id with their
    scale; an NPS question; a rating whose weights are 1 to 4, 5, 6, 7 or 8. `nps` takes a rating of eleven choices from
    0 to 10, by text or weight, for NPS: unconfirmed. `reverse` are questions whose lowest weight is the best. `hints`
    says which custom variables, or closed questions by id, tell the department, as in {location = "store"}; a variable
    that is called like a hint needs no mention. `customer` are the fields or custom variables that can hold a
    customer's reference, the first that says something does. Where the 500 requests a day of an organisation's own app
    are used up, the next night goes on from there. The vendor does not tell of deleted responses: they stay.
    """

    surveys: tuple[Id, ...] = ()
    base_url: str = ""
    environment: str = Field(default="CXNLP_SURVEYMONKEY", pattern=r"^[A-Z][A-Z0-9_]*$")
    scores: dict[Id, Scale] = Field(default_factory=dict)
    nps: bool = True
    reverse: tuple[Id, ...] = ()
    hints: dict[Hint, str] = Field(default_factory=dict)
    customer: tuple[str, ...] = ("recipient_id", "custom_value", "email_address")
    per_page: int = Field(default=100, ge=1, le=100)
    requests_per_minute: float = Field(default=120, gt=0)

    needs: ClassVar[Mapping[str, str]] = {"TOKEN": "the access token of an app of the account"}
    rights: ClassVar[str] = (
        "the app needs the scopes surveys_read, responses_read and responses_read_detail (a paid plan), and base_url "
        "must be the account's own region"
    )
    not_deciding: ClassVar[frozenset[str]] = LiveSource.not_deciding | {"surveys", "requests_per_minute"}

    def http(self) -> Http:
        """Return a client with the access token."""
        return self.client(
            self.base_url or "https://api.surveymonkey.com",
            auth=Bearer(self.credential("TOKEN"), scheme="bearer "),
            pace=Pace(self.clock, self.requests_per_minute, limits=limits),
        )

    def reader(self, http: Http) -> Reader:
        """Return what reads the surveys."""
        return _Reader(self, http)


def limits(headers: Mapping[str, str], now: dt.datetime) -> Iterator[Budget]:
    """Yield the app's budgets of the minute and of the day, which ends at midnight GMT."""
    midnight = (now + dt.timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    for span, longest in ("minute", 60.0), ("day", (midnight - now).total_seconds()):
        left = headers.get(f"x-ratelimit-app-global-{span}-remaining", "")
        reset = headers.get(f"x-ratelimit-app-global-{span}-reset", "")
        if left.lstrip("-").isdigit():
            yield Budget(int(left), float(reset) if reset.isdigit() else longest)


@dataclass(frozen=True, slots=True)
class _Question:
    """What the design says of a question.

    `headings` are by the variable of a random assignment, `labels` by the id of a row, box or choice, `weights` and
    `scores` by the id of a choice: no scores where the weights are on none of the scales. `places` are the ends that
    the ids of its records can have.
    """

    id: str
    kinds: frozenset[str]
    heading: str = ""
    headings: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, Score] = field(default_factory=dict)
    places: tuple[str, ...] = ()

    @property
    def scale(self) -> Scale | None:
        """What its scores are on."""
        return next((score.scale for score in self.scores.values()), None)

    def asked(self, answered: Mapping[str, Any], *labelled: str) -> str | None:
        """Return what the respondent was asked, with the label of the box that holds the answer."""
        seen = self.headings.get(text_of(answered.get("variable_id"))) or text_of(answered.get("heading"))
        return " - ".join(filter(None, [seen or self.heading, *(self.labels.get(one) for one in labelled)])) or None


@dataclass(frozen=True, slots=True)
class _Design:
    """What the vendor says of a survey: `rated` are its questions with a score, the best first."""

    about: Mapping[str, Any]
    questions: Mapping[str, _Question]
    rated: tuple[_Question, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """A response with its id and its date_modified, "" and None where they are unreadable."""

    said: Any
    id: str
    time: dt.datetime | None


class _Reader(Reader):
    def __init__(self, source: SurveyMonkey, http: Http) -> None:
        self._source = source
        self._http = http

    def pages(self, state: State) -> Iterator[Fetched]:
        """Yield pages survey by survey, from the one on that the last night stopped at.

        In the state "cursors" are how far each survey is read, "at" is where to go on; without it all were asked.
        """
        cursors, at = dict(state.get("cursors", {})), state.get("at", {})
        surveys, closed, refusals = self._surveys(), [], []
        first = next((i for i, one in enumerate(surveys) if _order(one) >= _order(at.get("survey", ""))), 0)
        try:
            for survey in surveys[first:] + surveys[:first]:
                at = at if at.get("survey") == survey else {"survey": survey}
                try:
                    for fetched in self._responses(at, cursors):
                        at = fetched.state["at"]
                        yield fetched
                except Refused as refused:
                    if refused.status == 401:
                        raise
                    if refused.status == 404:
                        closed.append(survey)
                    else:  # one survey's refusal must not keep the others from being read
                        refusals.append(refused)
        except QuotaUsed:
            yield Fetched([], {"cursors": cursors, "at": at})
            raise
        yield Fetched([], {"cursors": cursors})
        if refusals:
            raise refusals[0]
        if closed and self._source.surveys:
            raise SourceError(
                f"{self._source.name}: 'surveys' names {', '.join(closed)}, which the account does not have (404). "
                "The others were read."
            )

    def id_of(self, item: Any) -> str | None:
        return text_of(within(item, "id")) or None

    def _surveys(self) -> list[str]:
        """Return the ids of the surveys to ask for, in an order that stays."""
        found = set(self._source.surveys)
        guard, page = LoopGuard(self._source.name), 1
        while not self._source.surveys:
            options = {
                "include": "date_modified,response_count,language",
                "sort_by": "date_modified",
                "sort_order": "ASC",
            }
            body = self._http.get("/v3/surveys", {"page": page, "per_page": self._source.per_page, **options})
            ids = [text_of(need(one, "id")) for one in objects(body, "data") if within(one, "response_count") != 0]
            found.update(ids)
            following = text_of(within(body, "links", "next"))
            if not following:
                break
            guard.check(following, ids)
            page += 1
        return sorted(found, key=_order)

    def _responses(self, at: Mapping[str, Any], cursors: dict[str, Any]) -> Iterator[Fetched]:
        """Yield a survey's responses in the order of date_modified; with the last page its cursor moves.

        Pages shift when a response that they hold is edited, so that numbers of pages pass responses over. The walk
        goes on from a time instead: what is older than `since` was given, and the last second of a page waits for the
        next one, which may have more of it. Only where one second fills a whole page, the page's number is counted up.
        """
        survey, cursor, begun = at["survey"], cursors.get(at["survey"], {}), "since" in at
        since = needed(moment(at["since"]), "since") if begun else self._source.since(cursor.get("newest"))
        known, page, design = moment(cursor.get("newest")), at.get("page", 1), None
        overlap, guard = dt.timedelta(minutes=self._source.overlap_minutes), LoopGuard(self._source.name)
        recent: set[tuple[dt.datetime, str]] = set()
        while True:
            rows, following = self._page(survey, since, page)
            last = max((row.time for row in rows if row.time), default=since)
            moves = bool(following) and last > since
            if following:
                guard.check((since, following), () if moves else [row.id for row in rows])
            recent |= {(row.time, row.id) for row in rows if row.time}
            if not (begun or following) and (not rows or _digest(recent) == cursor.get("seen")):
                return  # a quiet survey takes one request
            now = self._source.clock.now()  # a date in the future must not carry the cursor with it
            recent = {(time, ident) for time, ident in recent if time >= min(last, now) - overlap}
            begun = True
            ready = [row for row in rows if not moves or row.time is None or row.time < last]
            warnings: tuple[str, ...] = ()
            if ready and design is None:
                design = self._design(survey)
                warnings = design.warnings
            items = [_item(row, design, known, since) for row in ready]
            if following:
                since, page = (last, 1) if moves else (since, page + 1)
                at = {"survey": survey, "since": since.isoformat(), "page": page}
            else:
                at = {"survey": survey}
                newest = min(max(last, known or last), now)
                cursors[survey] = {"newest": newest.isoformat(), "seen": _digest(recent)}
            yield Fetched(items, {"cursors": dict(cursors), "at": at}, warnings)
            if not following:
                return

    def _page(self, survey: str, since: dt.datetime, page: int) -> tuple[list[_Row], str]:
        """Return the responses of a page that were modified since then, and the link to the next page."""
        # "Modified after" may leave out the second itself: one earlier is asked for.
        options = {"page": page, "start_modified_at": (since - _SECOND).isoformat(timespec="seconds")}
        options |= {
            "sort_by": "date_modified",
            "sort_order": "ASC",
            "per_page": self._source.per_page,
            "simple": "true",
        }
        body = self._http.get(f"/v3/surveys/{survey}/responses/bulk", options)
        rows = [_row(one) for one in objects(body, "data")]
        return [row for row in rows if row.time is None or row.time >= since], text_of(within(body, "links", "next"))

    def _design(self, survey: str) -> _Design:
        try:
            body = self._http.get(f"/v3/surveys/{survey}/details")
        except Refused as refused:
            if refused.status != 413:
                raise
            warning = f"survey {survey} has too many questions for the vendor to describe (413): it has no scores."
            return _Design({}, {}, (), (warning,))
        questions: dict[str, _Question] = {}
        pages, warnings, scales = objects(body, "pages"), [], self._source.scores
        for one in (one for page in pages for one in objects(page, "questions")):
            try:
                question = _question(one, self._source)
            except (Unreadable, AttributeError, TypeError) as fault:
                warnings.append(f"survey {survey}: a question is not as its contract says, {fault}.")
                continue
            questions[question.id] = question
            if question.id in scales and not question.scores:
                warnings.append(f"survey {survey}: the weights of question {question.id} aren't {scales[question.id]}.")
        if (whole(body.get("page_count")) or 0) > len(pages):
            warnings.append(f"survey {survey} has {body['page_count']} pages; the vendor described {len(pages)} only.")
        places = {ident: place for place, ident in enumerate(scales)}
        rated = [question for question in questions.values() if question.scores]
        rated.sort(key=lambda one: (places.get(one.id, len(places)), one.scale != Scale.NPS))
        return _Design(body, questions, tuple(rated), tuple(warnings))

    def records(self, item: Any) -> Iterable[Feedback | Gone]:
        if item.get("collection_mode") in _PREVIEWS:
            return
        said = list(self._said(item))
        yield from said
        if item["_known"] and moment(item["date_created"], naive=dt.UTC) <= item["_known"]:
            # It may be stored, of an earlier night or page: what it no longer says is taken back.
            given = {record.source_record_id for record in said}
            for question in item["_design"].questions.values():
                yield from (Gone(ident) for end in question.places if (ident := _ident(item["id"], end)) not in given)

    def _said(self, item: Any) -> Iterator[Feedback]:
        """Yield what the respondent wrote, or the score alone."""
        design = item["_design"]
        chosen: dict[Any, Any] = {}
        closed: dict[Any, Any] = {}
        wrote: list[Any] = []
        kept: dict[Any, Any] = {}
        for answered in (one for page in objects(item, "pages") for one in objects(page, "questions")):
            question = design.questions.get(text_of(need(answered, "id"))) or _undescribed(answered)
            for answer in objects(answered, "answers"):
                row, other, choice, text = (
                    text_of(answer.get(key)) for key in ("row_id", "other_id", "choice_id", "text")
                )
                end = ":".join(filter(None, [question.id, row, other]))
                if question.scores.get(choice):
                    chosen[question.id] = question.scores[choice], question.asked(answered)
                elif question.weights.get(choice):
                    kept[f"rating {end}"] = question.weights[choice]
                elif label := question.labels.get(choice) or text_of(choice and answer.get("simple_text")):
                    closed.setdefault(end, []).append(label)
                if not text or question.kinds & _NO_OPINION or (choice and not other):
                    continue
                if question.kinds & _NO_WORDS:
                    kept[f"number {end}"] = text
                else:
                    wrote.append((end, text, question.asked(answered, row, other)))
        best = next((question.id for question in design.rated if question.id in chosen), None)
        kept |= {f"rating {ident}": f"{score.value:g}" for ident, (score, _) in chosen.items() if ident != best}
        response = self._response(item, closed, kept, chosen[best][0] if best else None)
        if best and not wrote:
            wrote = [(best, "", chosen[best][1])]
        for end, text, asked in wrote:
            yield replace(response, source_record_id=_ident(response.response_id, end), text=text, question=asked)

    def _response(
        self, item: Any, closed: Mapping[str, list[str]], kept: Mapping[str, str], score: Score | None
    ) -> Feedback:
        about, variables = item["_design"].about, dict(item.get("custom_variables") or {})
        said = attributes(**{**variables, **closed})
        named = {hint: self._source.hints.get(hint, hint.value) for hint in Hint}
        hints = {hint: said[name] for hint, name in named.items() if name in said}
        if title := text_of(about.get("title")):
            hints.setdefault(Hint.CLASS, title)
        rest = said.keys() - named.values() - set(self._source.customer)
        answers = {f"answer {name}" if name in closed else name: said[name] for name in rest}
        folder = text_of(about.get("folder_id"))
        own = attributes(
            status=item.get("response_status"),
            via=item.get("collection_mode"),
            collector=item.get("collector_id"),
            survey=title,
            survey_id=item.get("survey_id"),
            folder="" if folder == "0" else folder,
        )
        spoken = within(item, "metadata", "respondent", "language", "value") or about.get("language")
        return Feedback(
            source=self._source.name,
            source_record_id=text_of(need(item, "id")),
            channel=self._source.channel,
            text="",
            created_at=moment(need(item, "date_created"), naive=dt.UTC),
            updated_at=moment(need(item, "date_modified"), naive=dt.UTC),
            language=text_of(spoken) or None,
            customer_ref=self._customer(item, variables),
            score=score,
            hints=hints,
            attributes={**answers, **kept, **own},
        )

    def _customer(self, item: Any, variables: Mapping[str, Any]) -> str | None:
        for name in self._source.customer:
            contact = within(item, "metadata", "contact", _CONTACT.get(name, name), "value")
            for said in map(text_of, (item.get(name), variables.get(name), contact)):
                if said not in ("", "0"):  # 0: an anonymous recipient
                    return said
        return None


def _question(said: Any, source: SurveyMonkey) -> _Question:
    """Return a question of a design."""
    display = within(said, "display_options", "display_type")
    kinds = frozenset(filter(None, map(text_of, (within(said, "family"), within(said, "subtype"), display))))
    headings = objects(said, "headings")
    rows, choices = objects(said, "answers", "rows"), objects(said, "answers", "choices")
    other = within(said, "answers", "other")
    boxes = other if isinstance(other, list) else [other] if other else []
    seen = [one for one in rows if within(one, "visible") is not False]
    rates = kinds & {"rating", "single_choice"} and len(seen) < 2
    ident = text_of(need(said, "id"))
    scores = _scores(choices, kinds, ident, source) if rates else {}
    rated = [one for one in choices if "rating" in kinds and one.get("is_na") is not True]
    ends = [ident] if scores or "open_ended" in kinds else []
    ends += [f"{ident}:{text_of(need(one, 'id'))}" for one in [*(rows if "open_ended" in kinds else []), *boxes]]
    return _Question(
        id=ident,
        kinds=kinds,
        heading=text_of(within(headings[0], "heading")) if headings else "",
        headings={
            text_of(variable): text_of(one.get("heading"))
            for one in headings
            if (variable := within(one, "random_assignment", "id") or within(one, "variable_id"))
        },
        labels={text_of(need(one, "id")): text_of(one.get("text")) for one in [*rows, *boxes, *choices]},
        weights={text_of(need(one, "id")): text_of(one.get("weight")) for one in rated},
        scores=scores,
        places=tuple(ends),
    )


def _undescribed(answered: Mapping[str, Any]) -> _Question:
    """Return a question that the design leaves out, as a response describes it."""
    kinds = filter(None, map(text_of, (answered.get("family"), answered.get("subtype"))))
    return _Question(text_of(answered["id"]), frozenset(kinds))


def _scores(choices: list[Any], kinds: frozenset[str], question: str, source: SurveyMonkey) -> dict[str, Score]:
    """Return the score of each choice that can be chosen; nothing where their weights are on none of the scales."""
    real = [one for one in choices if within(one, "is_na") is not True and one.get("visible") is not False]
    values = [_number(text_of(one.get("weight"))) for one in real]
    scale = source.scores.get(question)
    if scale is Scale.NPS or (source.nps and scale is None and "rating" in kinds):
        figures = [_number("".join(_FIGURES.findall(text_of(one.get("text"))))) for one in real]
        vendors = _ELEVEN if values == _NPS_WEIGHTS else []
        fitting = next((given for given in (figures, values, vendors) if sorted(given) == _ELEVEN), None)
        scale, values = (Scale.NPS, fitting) if fitting else (scale, values)
    if scale is None and "rating" in kinds and 4 <= len(real) <= 8:
        scale = Scale.STARS if "emoji" in kinds and len(real) == 5 else Scale(f"likert{len(real)}")
    low, high = scale.bounds if scale else (0, -1)
    if scale is None or sorted(values) != list(range(low, high + 1)):
        return {}
    if question in source.reverse:
        values = [low + high - value for value in values]
    return {text_of(need(one, "id")): Score(value, scale) for one, value in zip(real, values, strict=True)}


def _number(words: str) -> float:
    try:
        return float(words)
    except ValueError:
        return math.nan  # equal to nothing


def _row(said: Any) -> _Row:
    try:
        return _Row(said, text_of(within(said, "id")), moment(within(said, "date_modified"), naive=dt.UTC))
    except Unreadable:
        return _Row(said, "", None)


def _item(row: _Row, design: _Design | None, known: dt.datetime | None, since: dt.datetime) -> Any:
    """Return a response with its design, and the time up to which what was begun may be stored already."""
    if not isinstance(row.said, dict):
        return row.said
    passed = [since] if row.time and row.time > since else []  # an earlier form of it may have been on an earlier page
    return {**row.said, "_design": design, "_known": max([*passed, *filter(None, [known])], default=None)}


def _digest(recent: set[tuple[dt.datetime, str]]) -> str:
    said = json.dumps(sorted((time.isoformat(), ident) for time, ident in recent))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _ident(response: Any, end: str) -> str:
    return f"{text_of(response)}:{end}"


def _order(survey: str) -> tuple[int, str]:
    """Return what ids are sorted by: as numbers, of any length."""
    return len(survey), survey
