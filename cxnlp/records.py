"""The records that pass from stage to stage: frozen, slotted; a new record out, never an edit.

Source -> Feedback -> prepare -> Analysis (findings) -> Assignment -> Store -> Summary -> Report
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field


class Channel(enum.StrEnum):
    """Where customers wrote it."""

    SURVEY = "survey"
    REVIEW = "review"
    TICKET = "ticket"


class Polarity(enum.StrEnum):
    """The opinion of one finding."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


class Sentiment(enum.StrEnum):
    """The opinion of a whole comment."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    MIXED = "mixed"
    POSITIVE = "positive"


class Scale(enum.StrEnum):
    """What a score is measured on. Scores of different scales are never mixed."""

    NPS = "nps"
    CSAT = "csat"
    CES = "ces"
    STARS = "stars"
    LIKERT4 = "likert4"
    LIKERT5 = "likert5"
    LIKERT6 = "likert6"
    LIKERT7 = "likert7"
    LIKERT8 = "likert8"
    GOOD_BAD = "good_bad"  # thumbs up or down

    @property
    def bounds(self) -> tuple[int, int]:
        """Lowest and highest score, both included; the highest is the best."""
        named = {
            Scale.NPS: (0, 10),
            Scale.CSAT: (1, 5),
            Scale.CES: (1, 7),
            Scale.STARS: (1, 5),
            Scale.GOOD_BAD: (0, 1),
        }
        return named.get(self) or (1, int(self.value[-1]))

    @property
    def in_percent(self) -> bool:
        """Whether its figure is the percentage of satisfied customers, not a mean."""
        return self in (Scale.CSAT, Scale.GOOD_BAD)


class Hint(enum.StrEnum):
    """A field of a source that can tell the department."""

    DEPARTMENT = "department"
    GROUP = "group"
    QUEUE = "queue"
    PRODUCT = "product"
    LOCATION = "location"
    AGENT = "agent"
    CLASS = "class"


class TextStatus(enum.StrEnum):
    """Whether a comment is read by the analyser, or only kept and counted."""

    OPINION = "opinion"
    BLANK = "blank"
    NO_ANSWER = "no_answer"  # "n/a", "nothing", "did not answer"
    NO_WORDS = "no_words"  # only emoji, digits, punctuation or redacted places
    OTHER_LANGUAGE = "other_language"


@dataclass(frozen=True, slots=True)
class Score:
    """A rating on its scale: Score(9, Scale.NPS)."""

    value: float
    scale: Scale


@dataclass(frozen=True, slots=True)
class Timing:
    """What happened to a conversation, in UTC."""

    first_reply_at: dt.datetime | None = None
    resolved_at: dt.datetime | None = None
    reopened: int | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """One verbatim: what one customer wrote to one question, with what is known around it.

    `source_record_id` is unique within `source`. `response_id` is shared by the answers of one survey response or the
    messages of one ticket, which also share one score; it is the record id where there is only one text. Times are UTC.
    `status` and `language` are set when the text is prepared.
    """

    source: str
    source_record_id: str
    channel: Channel
    text: str
    response_id: str = ""
    question: str | None = None
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    language: str | None = None
    customer_ref: str | None = None
    score: Score | None = None
    hints: Mapping[Hint, str] = field(default_factory=dict)
    timing: Timing = Timing()
    attributes: Mapping[str, str] = field(default_factory=dict)
    status: TextStatus = TextStatus.OPINION

    def __post_init__(self) -> None:
        if not self.response_id:
            object.__setattr__(self, "response_id", self.source_record_id)

    def digest(self, key: bytes) -> str:
        """HMAC-SHA256 of everything the source said, 32 hex digits; it differs whenever the source's record does.

        Keyed, so that nobody can confirm a guess of the unredacted text from the stored digest.
        """
        said = [
            self.channel, self.text, self.response_id, self.question, _iso(self.created_at), _iso(self.updated_at),
            self.language, self.customer_ref, self.score and [self.score.value, self.score.scale],
            sorted(self.hints.items()), _iso(self.timing.first_reply_at), _iso(self.timing.resolved_at),
            self.timing.reopened, sorted(self.attributes.items()),
        ]  # fmt: skip
        return hmac.new(key, json.dumps(said).encode(), hashlib.sha256).hexdigest()[:32]


def _iso(moment: dt.datetime | None) -> str | None:
    return moment.isoformat() if moment else None


@dataclass(frozen=True, slots=True)
class Reject:
    """A record set aside: `reason` is an id to count by, `detail` says what was wrong and what would be right.

    `place` is where a person finds it ("survey.csv, line 12"); `record_id` is None where the record has no readable id.
    """

    source: str
    reason: str
    detail: str
    place: str
    record_id: str | None = None
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What a source gives at once: its records, its rejects, and the cursor to go on from when they are stored.

    `pulled` = len(records) + duplicates + len(rejects) is what the receipt counts. `retired` are record or response ids
    that the source says are deleted: their comments are kept, but no page counts them any longer.
    """

    records: tuple[Feedback, ...]
    cursor: str
    rejects: tuple[Reject, ...] = ()
    duplicates: int = 0
    warnings: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A topic that a comment evaluates: text[start:end] says so; score is the calibrated probability."""

    topic: str
    polarity: Polarity
    score: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a model reads in one comment.

    `probabilities` are calibrated, one for each Sentiment, and add up to 1. `reason` says why a comment has no
    analysis worth the name (no words, other language), else None. `model` is "name/version".
    """

    overall: Sentiment
    probabilities: Mapping[Sentiment, float]
    churn: bool
    churn_probability: float
    findings: tuple[Finding, ...]
    model: str
    taxonomy: str
    reason: str | None = None

    @property
    def overall_probability(self) -> float:
        """The probability of `overall`."""
        return self.probabilities[self.overall]


class Rule(enum.StrEnum):
    """What decided a department, in the order in which they are tried."""

    DEPARTMENT = "department"
    GROUP = "group"
    MAPPING = "mapping"
    MENTION = "mention"
    OWNER = "owner"
    UNASSIGNED = "unassigned"


UNASSIGNED = "unassigned"
"""The department of what nobody owns; always shown."""

ORGANISATION = "organisation"
"""The root of every chart: all departments and what is unassigned."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """The department that a finding is for, and why in words ("ticket group = Billing").

    `finding` is the place of the finding in `Analysis.findings`; None assigns the comment itself.
    """

    finding: int | None
    department: str
    rule: Rule
    evidence: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Quote:
    """A finding with the words around it, as a page shows it: text[start:end] is marked.

    `department` is the one that the finding is for, `rule` and `evidence` say why.
    """

    feedback_id: int
    source: str
    channel: Channel
    question: str | None
    text: str
    created_at: dt.datetime | None
    topic: str
    polarity: Polarity
    score: float
    start: int
    end: int
    department: str
    rule: Rule
    evidence: str


class Period(enum.StrEnum):
    """How time is cut. Weeks start on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    RECENT = "recent"  # the window of days that ends at the newest comment, and the one before
    ALL = "all"  # everything, undated comments too


class Verdict(enum.StrEnum):
    """What can be said of a change, at 95 % confidence."""

    WORSE = "worse"
    BETTER = "better"
    NO_CLEAR_CHANGE = "no_clear_change"
    TOO_FEW = "too_few"
    FIRST = "first"  # no period before
    UNFINISHED = "unfinished"  # the period is still running


@dataclass(frozen=True, slots=True)
class Summary:
    """What a department's comments of one period say of one topic.

    `comments` are the analysed comments that could have spoken of the department, `heard` those that are for it, and
    `n` those that evaluate the topic; a comment that praises and blames the same topic counts in both `negative` and
    `positive`, once each. `problem_share` = negative / comments with its 95 % Wilson interval `low`..`high`; `change`
    is the difference to the period before with its 95 % Newcombe interval. Shares are 0..1, `net_sentiment` =
    (positive - negative) / n is -1..1, None where n is 0. `start` is the first day of the period, None for Period.ALL.
    """

    department: str
    topic: str
    period: Period
    start: dt.date | None
    comments: int
    heard: int
    n: int
    negative: int
    neutral: int
    positive: int
    share: float
    net_sentiment: float | None
    problem_share: float
    low: float
    high: float
    change: float | None
    change_low: float | None
    change_high: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """A department's score on one scale in one period.

    `value` is NPS (-100..100) on the scale nps, the percentage of satisfied customers (0..100) on csat, the mean on the
    others; `low`..`high` is its 95 % interval, `change` the difference to the period before. A response counts once.
    """

    department: str
    scale: Scale
    period: Period
    start: dt.date | None
    responses: int
    value: float
    low: float
    high: float
    change: float | None
    change_low: float | None
    change_high: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class SourceReceipt:
    """What one run pulled from one source; `retired` are stored comments that the source says are deleted."""

    source: str
    pulled: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None
    warnings: tuple[str, ...] = ()
    retired: int = 0

    @property
    def balances(self) -> bool:
        """Whether every pulled record is accounted for."""
        return self.pulled == self.new + self.updated + self.unchanged + self.duplicate + sum(self.rejected.values())


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one run did. `status` is complete, incomplete (a source failed), failed or interrupted.

    `comments` counts this run's new and updated comments by TextStatus. `versions` names models, taxonomy, routing,
    configuration and code. `notes` is what an operator should read. Seconds are wall-clock.
    """

    run: str
    status: str
    started_at: dt.datetime
    finished_at: dt.datetime | None
    sources: tuple[SourceReceipt, ...]
    comments: Mapping[str, int]
    analysed: int
    findings: int
    linked: int
    published: str | None
    versions: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @property
    def balances(self) -> bool:
        """Whether every source's records are accounted for."""
        return all(source.balances for source in self.sources)
