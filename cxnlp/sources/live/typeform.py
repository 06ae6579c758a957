"""Typeform: the completed responses of forms, one record an open answer, with the form's questions and its score."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import Field

from cxnlp.errors import SourceError
from cxnlp.records import Feedback, Hint, Scale
from cxnlp.sources.base import Reason
from cxnlp.sources.live.auth import Bearer
from cxnlp.sources.live.connector import Fetched, LiveSource, LoopGuard, Reader, State
from cxnlp.sources.live.http import Http, Pace, Refused
from cxnlp.sources.live.values import (
    Unreadable,
    attributes,
    moment,
    need,
    needed,
    objects,
    score,
    text_of,
    whole,
    within,
)

_FORMS_PER_PAGE = 200
_PIPED = re.compile(r"\s*\{\{[^{}]*\}\}")  # "Why did you give {{field:nps}}?" repeats an answer
_CLOSED = ("number", "boolean", "date")
_PEOPLE = ("contact_info", "address")  # groups that ask who the customer is, not what they think


class Typeform(LiveSource):
    """Responses to the forms of one Typeform account: all that the token sees, or those of `forms` or `workspace`.

    Questions are named by their ref or id. `text_fields` are the open questions to read (none: all of them), and
    `score_fields` those whose number is the score: the first one that a form has (none: its NPS question, else its
    first scale). `score_scale` says what that scale measures where its range alone doesn't ("csat" for 1 to 5).
    `hints` says which hidden field or closed question gives which hint; one that is called like a hint gives it
    anyway. `customer_field` is the hidden field or question that identifies the customer (none: the first e-mail
    answer). Responses never change, and Typeform does not tell which ones were deleted: they stay.
    """

    base_url: str = ""
    environment: str = Field(default="CXNLP_TYPEFORM", pattern=r"^[A-Z][A-Z0-9_]*$")
    forms: tuple[str, ...] = ()
    workspace: str = ""
    text_fields: tuple[str, ...] = ()
    score_fields: tuple[str, ...] = ()
    score_scale: Scale | None = None
    hints: Mapping[Hint, str] = Field(default_factory=dict)
    customer_field: str = ""
    per_page: int = Field(default=1000, ge=1, le=1000)
    requests_per_minute: float = Field(default=120, gt=0)
    overlap_minutes: int = Field(default=60, ge=0)

    rating_steps: int = Field(default=5, ge=1)
    """How many steps a rating has where the form doesn't say; unconfirmed."""

    opinion_steps: int = Field(default=11, ge=1)
    """How many steps an opinion scale has where the form doesn't say; unconfirmed."""

    opinion_from_one: bool = False
    """Whether an opinion scale starts at 1, not 0, where the form doesn't say; unconfirmed."""

    needs: ClassVar[Mapping[str, str]] = {
        "TOKEN": "a personal access token (or an OAuth access token: it isn't renewed)"
    }
    rights: ClassVar[str] = (
        "the token needs the scopes forms:read and responses:read, and its owner access to the forms"
    )
    not_deciding: ClassVar[frozenset[str]] = LiveSource.not_deciding | {"per_page", "requests_per_minute"}

    def http(self) -> Http:
        """Return a client with the token, at two requests a second."""
        return self.client(
            self.base_url or "https://api.typeform.com",
            auth=Bearer(self.credential("TOKEN")),
            pace=Pace(self.clock, self.requests_per_minute),
        )

    def reader(self, http: Http) -> Reader:
        """Return what reads the forms."""
        return _Reader(self, http)


@dataclass(frozen=True, slots=True)
class _Question:
    """A question of a form; `bounds` are those of its scale, `personal` that it asks who the customer is."""

    id: str
    ref: str
    title: str
    type: str
    bounds: tuple[int, int] | None
    personal: bool


@dataclass(frozen=True, slots=True)
class _Form:
    """What a form says of all its responses: `scored` is the id of the question whose number is their score."""

    facts: Mapping[str, str]
    language: str
    questions: Mapping[str, _Question]
    scored: str
    scale: Scale | None


@dataclass(slots=True)
class _Answers:
    """A response's answers: words by question id; closed ones by title, and by ref and id."""

    said: dict[str, str] = field(default_factory=dict)
    titled: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    email: str = ""
    score: Any = None


class _Reader(Reader):
    def __init__(self, source: Typeform, http: Http) -> None:
        self._source = source
        self._http = http

    def pages(self, state: State) -> Iterator[Fetched]:
        """Yield every form's responses; one that is missing or refused fails the source when all others are read."""
        read, missing, refusals = dict(state.get("forms", {})), [], []
        try:
            for form in self._source.forms or self._all_forms():
                try:
                    for items, known in self._responses(form, read.get(form, {})):
                        read[form] = known
                        yield Fetched(items, {"forms": dict(read)})
                except Refused as refused:
                    if refused.status == 401:
                        raise
                    if refused.status == 404:
                        missing.append(form)
                    else:
                        refusals.append(refused)
                    if "walk" in read.get(form, {}):  # the response that it goes on from may be deleted
                        read[form] = {key: value for key, value in read[form].items() if key != "walk"}
                        yield Fetched((), {"forms": dict(read)})
        except Unreadable as fault:
            raise SourceError(f"{self._source.name}: not what Typeform's contract says: {fault}.") from None
        if refusals:
            raise refusals[0]
        if missing:
            raise SourceError(
                f"{self._source.name}: Typeform has no form {', '.join(missing)} (404); the others are read."
            )

    def id_of(self, item: Any) -> str | None:
        return text_of(within(item, "response_id") or within(item, "token")) or None

    def _all_forms(self) -> Iterator[str]:
        guard, page, pages = LoopGuard(self._source.name), 0, 1
        options = {"workspace_id": self._source.workspace} if self._source.workspace else {}
        while page < pages:
            page += 1
            body = self._http.get("/forms", {"page": page, "page_size": _FORMS_PER_PAGE, **options})
            forms = [text_of(need(form, "id")) for form in objects(body, "items")]
            pages = whole(within(body, "page_count")) or 0
            guard.check(page, forms)
            yield from forms

    def _responses(self, form: str, said: Mapping[str, Any]) -> Iterator[tuple[list[Any], dict[str, Any]]]:
        """Yield a form's responses, newest first, and what is read of it then.

        The first page is in the order of submission, those `before` a token in the order in which Typeform processed
        them. Going on from the end of the first would lose what lies between the two orders: after a full first page
        the walk goes on right before the newest, and passes over what that page had.
        """
        name, size = quote(form, safe=""), self._source.per_page
        walk = said.get("walk") or {"since": self._source.since(said.get("done")).isoformat()}
        newest, before = walk.get("newest") or said.get("done"), walk.get("before")
        guard, shape = LoopGuard(self._source.name), None
        first: frozenset[str] = frozenset()
        while True:
            since = dt.datetime.fromisoformat(walk["since"]).strftime("%Y-%m-%dT%H:%M:%S")
            options = {"page_size": size, "since": since, "response_type": "completed"}
            options |= {"before": before} if before else {}
            body = self._http.get(f"/forms/{name}/responses", options)
            items = objects(body, "items")
            ends = not items or (len(items) < size and (whole(within(body, "page_count")) or 0) <= 1)
            newest = max(filter(None, [newest, *map(self._submitted, items)]), default=None)
            shape = shape or (self._form(form, name) if items else None)
            fresh = [item for item in items if self._token(item) not in first]
            shown = [{**item, "_form": shape} if isinstance(item, dict) else item for item in fresh]
            if ends:
                yield shown, {"done": newest} if newest else {}
                return
            tokens = [token for token in map(self._token, items) if token]
            if not tokens:
                raise SourceError(f"{self._source.name}: Typeform's page has no token to go on from.")
            first = first if before else frozenset(tokens)
            before = tokens[-1] if before else tokens[0]
            guard.check(before, tokens)
            yield shown, {**said, "walk": {"since": walk["since"], "before": before, "newest": newest}}

    def _submitted(self, item: Any) -> str | None:
        """Return when a response was submitted; None where it doesn't say, and never later than now."""
        try:
            at = moment(within(item, "submitted_at"))
        except Unreadable:
            return None
        return min(at, self._source.clock.now()).isoformat() if at else None

    def _token(self, item: Any) -> str:
        try:
            return text_of(within(item, "token") or within(item, "response_id"))
        except Unreadable:
            return ""

    def _form(self, form: str, name: str) -> _Form:
        body = self._http.get(f"/forms/{name}")
        questions = {one.id: one for one in self._questions(objects(body, "fields"))}
        scored = self._scored(questions.values())
        title, workspace = text_of(within(body, "title")), text_of(within(body, "workspace", "href"))
        facts = {"form": title or form, "workspace": workspace.rstrip("/").rpartition("/")[2]}
        language = text_of(within(body, "settings", "language"))
        return _Form(facts, language, questions, scored.id if scored else "", self._scale(scored) if scored else None)

    def _questions(self, fields: Iterable[Any], *, personal: bool = False) -> Iterator[_Question]:
        for one in fields:
            kind, title = text_of(within(one, "type")), _PIPED.sub("", text_of(within(one, "title"))).lstrip(" ,;:")
            ref = text_of(within(one, "ref"))
            yield _Question(text_of(need(one, "id")), ref, title, kind, self._bounds(kind, one), personal)
            nested = objects(one, "properties", "fields")
            yield from self._questions(nested, personal=personal or kind in _PEOPLE)

    def _bounds(self, kind: str, one: Any) -> tuple[int, int] | None:
        steps = whole(within(one, "properties", "steps"))
        if kind == "nps":
            return 0, 10
        if kind == "rating":
            return 1, steps or self._source.rating_steps
        if kind != "opinion_scale":
            return None
        said = within(one, "properties", "start_at_one")
        low = int(self._source.opinion_from_one if said is None else said is True)
        return low, low + (steps or self._source.opinion_steps) - 1

    def _scored(self, questions: Iterable[_Question]) -> _Question | None:
        scales = [one for one in questions if self._scale(one)]
        for name in self._source.score_fields:
            if named := next((one for one in scales if name in (one.ref, one.id)), None):
                return named
        if self._source.score_fields:
            return None
        return next((one for one in scales if one.type == "nps"), None) or next(iter(scales), None)

    def _scale(self, one: _Question) -> Scale | None:
        """Return the scale of a question whose range is exactly that of the scale."""
        if one.bounds is None:
            return None
        if given := self._source.score_scale:
            return given if given.bounds == one.bounds else None
        first = Scale.STARS if one.type == "rating" else Scale.LIKERT5
        scales = (Scale.NPS, first, Scale.LIKERT4, Scale.LIKERT6, Scale.LIKERT7, Scale.LIKERT8)
        return next((scale for scale in scales if scale.bounds == one.bounds), None)

    def records(self, item: Any) -> Iterable[Feedback]:
        form: _Form = need(item, "_form")
        response = self.id_of(item)
        if not response:
            raise Unreadable(Reason.MISSING_ID, "'response_id' and 'token' are missing or empty")
        answers = self._answers(form, objects(item, "answers"))
        hidden = {key: text_of(value) for key, value in (within(item, "hidden") or {}).items()}
        facts = {**form.facts, **answers.facts, **hidden}
        customer = facts.get(self._source.customer_field, "") if self._source.customer_field else answers.email
        names = {hint: self._source.hints.get(hint, hint.value) for hint in Hint}
        submitted = needed(moment(within(item, "submitted_at")), "submitted_at")
        common = Feedback(
            source=self._source.name,
            source_record_id=f"{response}:{form.scored}",
            channel=self._source.channel,
            text="",
            response_id=response,
            question=self._title(form, form.scored),
            created_at=submitted,
            updated_at=submitted,
            customer_ref=customer or None,
            score=score(answers.score, form.scale) if form.scale else None,
            hints={hint: facts[name] for hint, name in names.items() if facts.get(name)},
            attributes=answers.titled
            | attributes(**{name: value for name, value in hidden.items() if name != self._source.customer_field})
            | attributes(
                **form.facts,
                form_language=form.language,
                via=within(item, "metadata", "platform"),
                tags=objects(item, "tags"),
                calculated_score=within(item, "calculated", "score"),
            ),
        )
        said = [
            replace(common, source_record_id=f"{response}:{one}", text=words, question=self._title(form, one))
            for one, words in answers.said.items()
        ]
        return said or ([common] if common.score else [])

    def _title(self, form: _Form, question: str) -> str | None:
        known = form.questions.get(question)
        return (known.title or None) if known else None  # a question that was deleted since has no title

    def _answers(self, form: _Form, answers: Iterable[Any]) -> _Answers:
        read, wanted = _Answers(), self._source.text_fields
        for answer in answers:
            ident, ref = text_of(need(need(answer, "field"), "id")), text_of(within(answer, "field", "ref"))
            known = form.questions.get(ident)
            words, choice = _read(answer)
            if mail := text_of(within(answer, "email")):
                read.email = read.email or mail
            if self._source.customer_field in (ident, ref or ident):
                read.facts[self._source.customer_field] = mail or choice or words
            elif known and known.personal:
                continue
            elif ident == form.scored:
                read.score = within(answer, "number")
            else:
                if words and (not wanted or {ident, ref} & set(wanted)):
                    read.said[ident] = words
                if choice:
                    title = (known.title if known else "") or ref or ident
                    read.titled[f"{title} ({ref or ident})" if title in read.titled else title] = choice
                    read.facts |= {ident: choice, ref: choice}
        return read


def _read(answer: Any) -> tuple[str, str]:
    """Return what the customer wrote in an answer, and what they chose; attachments and payments give nothing."""
    kind = text_of(within(answer, "type"))
    if kind == "text":
        words = text_of(within(answer, "text"))
        return ("", words) if text_of(within(answer, "field", "type")) == "dropdown" else (words, "")
    if kind == "choice":
        return text_of(within(answer, kind, "other")), text_of(within(answer, kind, "label"))
    if kind == "choices":
        return text_of(within(answer, kind, "other")), ", ".join(map(text_of, objects(answer, kind, "labels")))
    return "", text_of(within(answer, kind)) if kind in _CLOSED else ""
